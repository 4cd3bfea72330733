"""Registers that the core may answer itself: their values in words both sides share, what accesses do to them as data.

A `RegisterBank` is one block of registers. Its owner, a peripheral, keeps it true: it writes the values that reads are
to show, says up to which cycle they hold, and names the bits it has to be told of. A core that knows banks answers the
accesses the descriptions cover; all others reach the device. What a guest sees must not depend on who answered.
"""

from __future__ import annotations

import enum
import struct
from array import array
from dataclasses import dataclass

WORD = 0xFFFF_FFFF
NO_WORD = WORD
NEVER = (1 << 64) - 1
"""A cycle that does not come."""
_OPEN, _UNTIL, _STEP, _DOWN, _SINCE = 0, 1, 3, 4, 5
HEADER = 7
"""Words of a bank before its first value; their order is that of `BANK_…` in native/core.h."""
_MOST_FOLLOWS, _MOST_EFFECTS = 8, 3
_RECORD = struct.Struct(f"=9I{_MOST_FOLLOWS}I{3 * _MOST_EFFECTS}I")


class Reads(enum.IntEnum):
    """Who answers the reads of a register."""

    DEVICE = 0
    WORD = 1
    COUNTER = 2
    """Its word is where the bank's counter stood; the core works out where it stands now."""


class Verb(enum.IntEnum):
    """What the bits written do to a register."""

    WRITE = 1
    """They take the place of its own."""
    SET = 2
    CLEAR = 3
    TOGGLE = 4
    KEEP = 5
    """Those written as zero are cleared."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a write does, to bits in `mask`. SET, CLEAR and TOGGLE take the bits written shifted right."""

    verb: Verb
    shift: int = 0
    mask: int = WORD


@dataclass(frozen=True, slots=True)
class BankRegister:
    """One register of a bank, at `offset` from its base. Words are places in the bank.

    `effects` is what a write does to `target`, at most three things in this order; None leaves writes to the device.
    A write that would change a bit of `told`, or of the mask in `told_word`, is left to the device as well.
    `follows` are pairs of a bit of the target and one that copies it, eight at most. The target's bits within the mask
    in `shown_mask` appear in `shown` at once.
    """

    offset: int
    word: int
    reads: Reads = Reads.WORD
    effects: tuple[Effect, ...] | None = None
    target: int | None = None
    told: int = 0
    told_word: int | None = None
    shown: int | None = None
    shown_mask: int | None = None
    follows: tuple[tuple[int, int], ...] = ()

    def record(self) -> bytes:
        """Return it as `mv_register` of native/core.h. `ValueError` if that has no room for it."""
        effects = self.effects or ()
        if len(effects) > _MOST_EFFECTS or len(self.follows) > _MOST_FOLLOWS:
            raise ValueError(f"{len(effects)} effects or {len(self.follows)} ready flags are too many")
        follows = [bit | copy << 8 for bit, copy in self.follows] + [NO_WORD] * (_MOST_FOLLOWS - len(self.follows))
        triples = [part for effect in effects for part in (effect.verb, effect.shift, effect.mask)]
        triples += [0] * (3 * _MOST_EFFECTS - len(triples))
        words = [self.told_word, self.shown, self.shown_mask]
        told_word, shown, shown_mask = (NO_WORD if word is None else word for word in words)
        target = self.word if self.target is None else self.target
        writes = self.effects is not None
        head = (self.offset, self.reads, writes, self.word, target, self.told, told_word, shown, shown_mask)
        try:
            return _RECORD.pack(*head, *follows, *triples)
        except struct.error as error:
            raise ValueError(f"the register at offset 0x{self.offset:X} has a field that is no 32-bit word") from error


class RegisterBank:
    """The words of a block with `values` of them for registers, all 0. It answers from the start and holds for ever."""

    def __init__(self, values: int) -> None:
        self.words = array("I", bytes(4 * (HEADER + values)))
        self.open = True
        self.hold_until(NEVER)

    @property
    def open(self) -> bool:
        """Whether the core may answer at all; a closed bank leaves everything to the device."""
        return bool(self.words[_OPEN])

    @open.setter
    def open(self, answers: bool) -> None:
        self.words[_OPEN] = answers

    def hold_until(self, cycle: int) -> None:
        """Let the core answer accesses before `cycle`, and the device those from then on."""
        self._put(_UNTIL, cycle)

    def count(self, since: int, step: int, *, down: bool = False) -> None:
        """Let the bank's counter, which stood at its word at cycle `since`, count one every `step` cycles.

        A step of 0 lets it stand. The bank must not hold beyond where it turns.
        """
        self._put(_SINCE, since)
        self.words[_STEP], self.words[_DOWN] = step, down

    def _put(self, place: int, value: int) -> None:
        self.words[place], self.words[place + 1] = value & WORD, value >> 32
