"""The external NOR flash, as an application meets it: a chip whose bits writing can only clear and erasing sets, sector
by sector.

Facts and times of the chip are in `external-flash.toml`. What it holds is a `flash_memory.NorFlash`, kept in any
`Storage`; what is here is the chip's patience: it stores the wrong bytes for who asks for bits to be set, and says
nothing.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mvsdk import flash_memory
from mvsdk.emulator.saving import Loading, Plain, Saving
from mvsdk.flash_memory import KeptFlash, Storage


@dataclass(frozen=True, slots=True)
class ChipFacts:
    """What `external-flash.toml` says. Sizes are bytes."""

    chip_id: int
    application_size: int
    sector_size: int
    page_size: int
    command_us: int
    read_ns_per_byte: int
    program_page_us: int
    erase_sector_us: int

    def read_us(self, length: int) -> int:
        """Return how long it takes to read so many bytes."""
        return self.command_us + length * self.read_ns_per_byte // 1000 if length else 0

    def program_us(self, address: int, length: int) -> int:
        """Return how long it takes to program a range, page by page."""
        pages = -(-(address + length) // self.page_size) - address // self.page_size if length else 0
        return pages * (self.command_us + self.program_page_us)

    def erase_us(self, length: int) -> int:
        """Return how long it takes to erase so many bytes, sector by sector."""
        return length // self.sector_size * (self.command_us + self.erase_sector_us)


@cache
def chip_facts() -> ChipFacts:
    """Return the facts of the one chip there is."""
    facts = tomllib.loads(files("mvsdk.emulator").joinpath("external-flash.toml").read_text(encoding="utf-8"))
    return ChipFacts(**facts.pop("times"), **facts)


class NorFlash:
    """The application's part of the chip. Ranges must lie within `facts.application_size`, those to be erased be whole
    sectors. Without a `storage` the content is kept in memory and starts erased.

    Raises `FlashContentError` for a storage of another size.
    """

    def __init__(self, storage: Storage | None = None) -> None:
        self.facts = chip_facts()
        chip = flash_memory.NorFlash(self.facts.application_size)
        self._memory = chip if storage is None else KeptFlash(chip, storage)

    def read(self, address: int, length: int) -> bytes:
        """Return bytes."""
        return self._memory.read(address, length)

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`; the others stay as they are."""
        old = int.from_bytes(self.read(address, len(data)), "little")
        new = old & int.from_bytes(data, "little")
        self._memory.program(address, new.to_bytes(len(data), "little"))

    def erase(self, address: int, length: int) -> None:
        """Set every bit of whole sectors."""
        for sector in range(address, address + length, self.facts.sector_size):
            self._memory.erase(sector)

    def saved_state(self, save: Saving) -> Plain:
        """Return what every sector holds that is not erased. How worn they are nobody can see."""
        size = self.facts.sector_size
        return [
            [number * size, save.value(page.data, f"flash sector {number * size:#x}")]
            for number, page in sorted(self._memory.state().pages.items())
        ]

    def load_state(self, data: Plain, load: Loading) -> None:
        """Hold what was saved; the storage is only written where it differs."""
        size = self.facts.sector_size
        contents = {}
        for start, content in _pairs(data):
            sector = load.value(b"", content, f"flash sector {start}")
            if start not in range(0, self.facts.application_size, size) or len(sector) != size:
                raise ValueError(f"the flash has no sector at {start} of {len(sector)} bytes")
            contents[start // size] = sector
        chip = flash_memory.NorFlash(self.facts.application_size)
        chip.hold(contents)
        self._memory.load(chip.state())


def _pairs(data: Plain) -> list[tuple[int, Plain]]:
    if not isinstance(data, list):
        raise ValueError("the flash's content is no list")
    pairs = []
    for pair in data:
        match pair:
            case [int() as start, content]:
                pairs.append((start, content))
            case _:
                raise ValueError(f"{str(pair)[:80]} is no sector")
    return pairs
