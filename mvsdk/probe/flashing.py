"""Writing the flash: only what differs, in an order that an interruption cannot make harmful.

What the pages hold is found by checksums that the core computes itself. Pages that differ are erased, the image's
first one before all others, and written from the end to the beginning; the quad-word with stack pointer and reset
vector comes last. So a chip that was cut off in between does not start half an application, and the next time the pages
that are wrong are found and mended. Bytes around the image, in its first and last page and in all others, stay.
"""

from __future__ import annotations

import contextlib
import csv
import enum
import itertools
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyocd.core import exceptions

from mvsdk.probe.errors import ProbeFailedError, RangeError
from mvsdk.probe.session import Attached, answering
from mvsdk.probe.targets import chip, flash_algorithm
from mvsdk.resources import shared

_BROKEN = 1
_CHECKSUM = struct.Struct("<II")
"""What the algorithm's `Checksums` stores for each piece: CRC-32, and whether some of it cannot be read."""
_CALL_S = 30.0
_TRY_AGAIN = "flash again: what is wrong is found and mended"


class Erase(enum.Enum):
    """What is erased before the image is written."""

    AUTO = "auto"
    """The pages that differ."""
    SECTOR = "sector"
    """All pages that the image covers."""
    CHIP = "chip"
    """Everything."""


class Phase(enum.Enum):
    """What is being done."""

    COMPARE = "comparing"
    ERASE = "erasing"
    PROGRAM = "programming"
    VERIFY = "verifying"


Progress = Callable[[Phase, int, int], None]
"""Called with the bytes done and the bytes to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What flashing an image means for one chip."""

    address: int
    size: int
    pages: int
    """Pages that the image covers."""
    changed: tuple[int, ...]
    """Addresses of those that hold something else."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done."""

    plan: Plan
    erased: int
    """Pages that were erased."""
    programmed: int
    """Bytes that were written."""
    verified: bool


class Flasher:
    """Writes images into the flash of one chip, which is halted and runs our algorithm meanwhile.

    Raises `ProtectedError` for a chip that must not be written, `RangeError` for an image that does not fit,
    `ProbeFailedError` if something goes wrong on the way; the chip then holds what the module says.
    """

    def __init__(self, board: Attached, progress: Progress = lambda _phase, _done, _all: None) -> None:
        board.check_open()
        self._board = board
        self._progress = progress
        self._page: int = chip()["flash"]["page"]
        self._erased = bytes([chip()["flash"]["erased"]])

    def plan(self, address: int, data: bytes) -> Plan:
        """Find out what would have to be written; the flash stays as it is."""
        pages = self._pages(address, data)
        held = self._checksums([page for page, _ in pages], Phase.COMPARE)
        changed = tuple(page for (page, wanted), sum_ in zip(pages, held, strict=True) if sum_ != zlib.crc32(wanted))
        return Plan(address, len(data), len(pages), changed)

    def flash(self, address: int, data: bytes, erase: Erase = Erase.AUTO, *, verify: bool = False) -> Outcome:
        """Write an image to an address; with `verify` compare everything afterwards."""
        plan = self.plan(address, data)
        pages = dict(self._pages(address, data))
        # The first page goes first and comes last, whether it differs or not: without it nothing starts.
        todo = sorted({min(pages), *plan.changed} if plan.changed else ()) if erase is Erase.AUTO else sorted(pages)
        try:
            if erase is Erase.CHIP:
                self.erase_chip()
            else:
                self._erase(todo)
            programmed = self._program([(page, pages[page]) for page in todo], plan.address)
            if verify or todo:
                self._verify(pages if verify else {page: pages[page] for page in todo})
        finally:
            self._finish()
        return Outcome(plan, len(todo), programmed, bool(verify or todo))

    def erase_chip(self) -> None:
        """Erase all of the flash."""
        size = sum(region["size"] for region in chip()["region"] if region["kind"] == "flash")
        self._progress(Phase.ERASE, 0, size)
        with _naming_status():
            flash = self._prepared(chip()["region"][0]["base"], "ERASE")
            flash.erase_all()
            flash.cleanup()
        self._progress(Phase.ERASE, size, size)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _pages(self, address: int, data: bytes) -> list[tuple[int, bytes]]:
        """Return the pages that an image covers, and what each is to hold."""
        self._check_range(address, len(data))
        first = address // self._page * self._page
        last = (address + len(data) - 1) // self._page * self._page
        before = self._around(first, address)
        after = self._around(address + len(data), last + self._page)
        whole = before + data + after
        return [(page, whole[page - first : page - first + self._page]) for page in range(first, last + 1, self._page)]

    def _around(self, start: int, end: int) -> bytes:
        """Return what lies around an image in its pages: it stays. What cannot be read is nobody's any more."""
        if start == end:
            return b""
        try:
            return self._board.read(start, end - start)
        except RangeError:
            return self._erased * (end - start)

    def _check_range(self, address: int, size: int) -> None:
        word = chip()["flash"]["word"]
        flash = [region for region in chip()["region"] if region["kind"] == "flash"]
        start, end = flash[0]["base"], flash[-1]["base"] + flash[-1]["size"]
        if size == 0 or not start <= address or address + size > end:
            raise RangeError(
                f"{size} bytes at 0x{address:08x} are not within the flash (0x{start:08x} to 0x{end - 1:08x})",
                "link the application for the flash of this chip",
            )
        if address % word:
            raise RangeError(f"0x{address:08x} is no address of a quad-word", f"give a multiple of {word}")

    def _checksums(self, pages: Sequence[int], phase: Phase) -> list[int | None]:
        """Return the CRC-32 of what pages hold, computed by the core; None for one that cannot be read."""
        found: list[int | None] = []
        total = len(pages) * self._page
        self._progress(phase, 0, total)
        with answering():
            flash = self._prepared(pages[0], "VERIFY")
            most = flash_algorithm().page_size // _CHECKSUM.size
            entry = flash.flash_algo["load_address"] + 4 + _symbol("Checksums")
            for start, count in _runs(pages, self._page, min(most, 32)):
                buffer = flash.page_buffers[0]
                result = flash._call_function_and_wait(entry, start, self._page, count, buffer, timeout=_CALL_S)
                if result != 0:
                    raise _refused("comparing", start, result)
                sums = self._board.target.read_memory_block8(buffer, count * _CHECKSUM.size)
                for sum_, broken in _CHECKSUM.iter_unpack(bytes(sums)):
                    found.append(None if broken & _BROKEN else sum_)
                self._progress(phase, len(found) * self._page, total)
        return found

    def _erase(self, pages: Sequence[int]) -> None:
        total = len(pages) * self._page
        for number, page in enumerate(pages):
            self._progress(Phase.ERASE, number * self._page, total)
            with _naming_status():
                self._prepared(page, "ERASE").erase_sector(page)
        if pages:
            self._progress(Phase.ERASE, total, total)

    def _program(self, pages: Iterable[tuple[int, bytes]], entry: int) -> int:
        """Write pages from the last to the first, the quad-word at `entry` last of all, but not what stays erased."""
        size, word = flash_algorithm().page_size, chip()["flash"]["word"]
        pieces = []
        for page, data in pages:
            first = entry - page
            cuts = {
                *range(0, len(data), size),
                len(data),
                *(cut for cut in (first, first + word) if 0 <= cut < len(data)),
            }
            pieces += [(page + start, data[start:end]) for start, end in itertools.pairwise(sorted(cuts))]
        pieces = [piece for piece in pieces if piece[1].strip(self._erased)]
        pieces.sort(key=lambda piece: (piece[0] == entry, -piece[0]))
        total = sum(len(data) for _, data in pieces)
        done = 0
        for place, data in pieces:
            self._progress(Phase.PROGRAM, done, total)
            with _naming_status():
                self._prepared(place, "PROGRAM").program_page(place, data)
            done += len(data)
        if pieces:
            self._progress(Phase.PROGRAM, total, total)
        return total

    def _verify(self, pages: dict[int, bytes]) -> None:
        addresses = sorted(pages)
        for page, sum_ in zip(addresses, self._checksums(addresses, Phase.VERIFY), strict=True):
            if sum_ != zlib.crc32(pages[page]):
                raise ProbeFailedError(f"the flash at 0x{page:08x} does not hold what was written", _TRY_AGAIN)

    def _prepared(self, address: int, operation: str) -> Any:  # noqa: ANN401 - pyOCD's Flash
        """Return the flash at an address, with the algorithm in RAM and ready for an operation."""
        flash = self._board.target.memory_map.get_region_for_address(address).flash
        flash.init(getattr(flash.Operation, operation))
        return flash

    def _finish(self) -> None:
        """Lock the flash again; whoever cannot be reached any more is locked by its next reset."""
        current = getattr(self._board.target.session.context_state, "current_flash_algo", None)
        if current is not None:
            try:
                current.cleanup()
            except exceptions.Error:
                return


def _runs(pages: Sequence[int], size: int, most: int) -> Iterable[tuple[int, int]]:
    """Return pages that follow each other as (first, count), `most` at once."""
    start = count = 0
    for page in pages:
        if count and page == start + count * size and count < most:
            count += 1
            continue
        if count:
            yield start, count
        start, count = page, 1
    if count:
        yield start, count


def _symbol(name: str) -> int:
    """Return the offset of a function of the algorithm that pyOCD does not know."""
    found: int = flash_algorithm().elf.symbol_decoder.get_symbol_for_name(name).address
    return found & ~1


@contextlib.contextmanager
def _naming_status() -> Iterator[None]:
    """Name the bits that the algorithm returns, where pyOCD only says that it failed."""
    try:
        with answering():
            yield
    except ProbeFailedError as error:
        cause = error.__cause__
        if isinstance(cause, exceptions.FlashFailure) and cause.result_code is not None:
            raise _refused("writing", cause.address, cause.result_code) from error
        raise


def _refused(doing: str, address: int | None, status: int) -> ProbeFailedError:
    with (shared("board-support") / chip()["flash"]["status"]).open(encoding="utf-8") as file:
        named = [row["meaning"] for row in csv.DictReader(file) if status >> int(row["bit"]) & 1]
    where = "" if address is None else f" at 0x{address:08x}"
    return ProbeFailedError(
        f"{doing} the flash{where} failed: {'; '.join(named) or 'no reason given'} (status 0x{status:08x})", _TRY_AGAIN
    )
