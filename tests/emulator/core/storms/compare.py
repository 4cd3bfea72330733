"""Where two results of one storm part, leaving out what `differences.csv` says cannot be compared."""

from __future__ import annotations

from itertools import zip_longest

from tests.emulator.core.storms.trace import Record, Result

_RETTOBASE = 1 << 11


def _comparable(record: Record) -> tuple[tuple[str, int], ...]:
    if record.exception != 0:
        return record.words
    return tuple((name, value & ~_RETTOBASE if name == "icsr" else value) for name, value in record.words)


def _told(record: Record | None) -> str:
    return "nothing" if record is None else f"{record.kind} in exception {record.exception}"


def _records_differ(index: int, expected: Record | None, got: Record | None) -> str | None:
    if expected is None or got is None or (expected.kind, expected.exception) != (got.kind, got.exception):
        return f"record {index}: QEMU has {_told(expected)}, the core {_told(got)}"
    pairs = zip(_comparable(expected), _comparable(got), strict=True)
    words = [
        f"{name} is {theirs:#x} on QEMU, {ours:#x} on the core" for (name, theirs), (_, ours) in pairs if theirs != ours
    ]
    return f"record {index}, {_told(expected)}: {'; '.join(words)}" if words else None


def first_difference(expected: Result, got: Result) -> str | None:
    """Say what the first difference is; None if there is none."""
    for index, (theirs, ours) in enumerate(zip_longest(expected.records, got.records)):
        difference = _records_differ(index, theirs, ours)
        if difference is not None:
            return difference
    return None if expected.memory == got.memory else "the stacks differ in memory"
