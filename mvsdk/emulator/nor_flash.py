"""The external NOR flash: a chip whose bits writing can only clear and erasing sets, sector by sector.

Facts and times of the chip are in `external-flash.toml`. Where its content lies is a seam: anything that has a length
and whose slices can be read and replaced, such as a `bytearray`, or a file mapped with `mmap`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from mvsdk.emulator.saving import Loading, Plain, Saving

ERASED = b"\xff"


class Storage(Protocol):
    """What keeps the content. Slices are always of plain start and stop within the length."""

    def __len__(self) -> int:
        """Return how many bytes there are."""

    def __getitem__(self, where: slice, /) -> bytes | bytearray:
        """Return bytes."""

    def __setitem__(self, where: slice, data: bytes, /) -> None:
        """Replace bytes by as many others."""


class SparseStorage:
    """Storage in memory, erased at first, that takes up only the sectors which are not erased."""

    def __init__(self, size: int, sector_size: int) -> None:
        self._size = size
        self._sector_size = sector_size
        self._sectors: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, where: slice, /) -> bytes:
        sectors = self._covering(where)
        start = where.start - sectors.start * self._sector_size
        return self._joined(sectors)[start : start + where.stop - where.start]

    def __setitem__(self, where: slice, data: bytes, /) -> None:
        sectors, size = self._covering(where), self._sector_size
        content = bytearray(self._joined(sectors))
        start = where.start - sectors.start * size
        content[start : start + where.stop - where.start] = data
        for number, sector in enumerate(sectors):
            self._keep(sector, bytes(content[number * size : (number + 1) * size]))

    def _covering(self, where: slice) -> range:
        return range(where.start // self._sector_size, -(-where.stop // self._sector_size))

    def _joined(self, sectors: range) -> bytes:
        erased = ERASED * self._sector_size
        return b"".join(self._sectors.get(sector, erased) for sector in sectors)

    def _keep(self, sector: int, content: bytes) -> None:
        if content.count(ERASED) == self._sector_size:
            self._sectors.pop(sector, None)
        else:
            self._sectors[sector] = content


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

    Raises `ValueError` for a storage of another size.
    """

    def __init__(self, storage: Storage | None = None) -> None:
        self.facts = chip_facts()
        if storage is None:
            storage = SparseStorage(self.facts.application_size, self.facts.sector_size)
        self._storage = storage
        if len(self._storage) != self.facts.application_size:
            raise ValueError(f"the storage has {len(self._storage)} bytes, not {self.facts.application_size}")

    def read(self, address: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self._storage[address : address + length])

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`; the others stay as they are."""
        old = int.from_bytes(self.read(address, len(data)), "little")
        new = old & int.from_bytes(data, "little")
        self._storage[address : address + len(data)] = new.to_bytes(len(data), "little")

    def erase(self, address: int, length: int) -> None:
        """Set every bit of whole sectors."""
        self._storage[address : address + length] = ERASED * length

    def saved_state(self, save: Saving) -> Plain:
        """Return what every sector holds that is not erased."""
        size = self.facts.sector_size
        sectors = {start: self.read(start, size) for start in range(0, self.facts.application_size, size)}
        return [
            [start, save.value(content, f"flash sector {start:#x}")]
            for start, content in sectors.items()
            if content.count(ERASED) != size
        ]

    def load_state(self, data: Plain, load: Loading) -> None:
        """Hold what was saved; the storage is only written where it differs."""
        size = self.facts.sector_size
        contents = dict.fromkeys(range(0, self.facts.application_size, size), ERASED * size)
        for start, content in _pairs(data):
            sector = load.value(b"", content, f"flash sector {start}")
            if start not in contents or len(sector) != size:
                raise ValueError(f"the flash has no sector at {start} of {len(sector)} bytes")
            contents[start] = sector
        for start, sector in contents.items():
            if self.read(start, size) != sector:
                self._storage[start : start + size] = sector


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
