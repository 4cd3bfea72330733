"""What the guest wrote, taken apart: records with named words."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.emulator.core.storms.machines import RAM_SIZE

_STATE_PAGE = 0x1000
_STATE = ("exc_return", "msp", "psp", "msplim", "psplim", "control", "primask", "basepri", "faultmask", "cursor")
_SCB = ("icsr", "shcsr", "ccr", "hfsr", "fpccr", "fpcar", "cfsr", "mmfar", "bfar")
_NVIC = tuple(f"{name}{index}" for name in ("ispr", "iabr") for index in range(4))
_FRAME = ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr", *(f"s{index}" for index in range(16)), "fpscr", "reserved")
_FULL = _STATE + _SCB + _NVIC + tuple(f"frame.{name}" for name in _FRAME)
_REGISTERS = ("fpscr", *(f"s{index}" for index in range(32)), *(f"r{index}" for index in range(4, 12)))
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "E": ("entry", _FULL),
    "O": ("observation", _FULL),
    "X": ("return", ("exc_return", "frame", "control")),
    "L": ("value", ("value",)),
    "F": ("end", _FULL + _REGISTERS),
}


@dataclass(frozen=True)
class Record:
    """One record: what it is about, the exception that was active, and its words by name."""

    kind: str
    exception: int
    words: tuple[tuple[str, int], ...]

    def __getitem__(self, name: str) -> int:
        return dict(self.words)[name]


@dataclass(frozen=True)
class Result:
    """What one storm left: the records in order, and the memory with the stacks, without the guest's own page."""

    records: tuple[Record, ...]
    memory: bytes


def _records(data: bytes, at: int) -> Iterator[tuple[Record, int]]:
    while True:
        (head,) = struct.unpack_from("<I", data, at)
        kind, names = _KINDS[chr(head >> 24)]
        words = struct.unpack_from(f"<{len(names)}I", data, at + 4)
        at += 4 + 4 * len(names)
        yield Record(kind, head & 0x1FF, tuple(zip(names, words, strict=True))), at
        if kind == "end":
            return


def results(data: bytes) -> list[Result]:
    """Take apart what the guest wrote about all its storms."""
    found, at = [], 0
    while at < len(data):
        records = []
        for record, end in _records(data, at):
            records.append(record)
            at = end
        found.append(Result(tuple(records), data[at : at + _STATE_PAGE] + data[at + 2 * _STATE_PAGE : at + RAM_SIZE]))
        at += RAM_SIZE
    return found
