"""Storms from a seed: lists of actions for the guest in `guest.S`, which takes them one after the other."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

GUARDED, UNMASKED = 0x100, 0x200
"""Left out at negative priority, where a fault would lock the processor up; left out with FAULTMASK."""
STORE, STORE_BYTE, LOAD, SET_BITS, CLEAR_BITS, SPECIAL, CPS, SVC, FAULT, FP, RETURN, OBSERVE, IT = range(13)
MSP, PSP, MSPLIM, PSPLIM, PRIMASK, BASEPRI, BASEPRI_MAX, FAULTMASK, CONTROL, APSR = range(10)
BAD, TWEAKED, FORGED = 1, 2, 3

INTERRUPTS = 124
LINES = (0, 1, 2, 5, 16, 31, 32, 40, 63, 64, 77, 95, 96, 100, 120, 123)
ICSR, AIRCR, SCR, CCR, SHPR, SHCSR, CPACR = (
    0xE000_E000 + at for at in (0xD04, 0xD0C, 0xD10, 0xD14, 0xD18, 0xD24, 0xD88)
)
MPU_CTRL, STIR, FPCCR, FPDSCR = (0xE000_E000 + at for at in (0xD94, 0xF00, 0xF34, 0xF3C))
ISER, ICER, ISPR, ICPR, IPR = (0xE000_E000 + at for at in (0x100, 0x180, 0x200, 0x280, 0x400))

NOWHERE = 0x6000_0000
"""Normal memory by the default map, with nothing behind it."""
DEVICE = 0xA000_0000
"""Device memory by the default map: never executable."""
READ_ONLY, PRIVILEGED = 0x2800_E000, 0x2800_F000
"""What the MPU protects while it is on."""
RAM, EDGE, EDGE_END = 0x2800_0000, 0x283F_F000, 0x2840_0000
DATA = 0x2800_3800


@dataclass(frozen=True)
class Action:
    """One thing to do: operation with flags, and two numbers that mean what the operation says."""

    operation: int
    a: int = 0
    b: int = 0


Storm = tuple[Action, ...]
Make = Callable[[random.Random], Action]


def _irq_bit(base: int) -> Make:
    def make(rng: random.Random) -> Action:
        irq = rng.choice(LINES)
        return Action(STORE, base + irq // 32 * 4, 1 << irq % 32)

    return make


def _priority(rng: random.Random) -> int:
    """Return a priority with the four bits that the Cortex-M33 of the STM32U585 has: QEMU has eight."""
    return rng.randrange(16) << 4


def _system_priority(rng: random.Random) -> Action:
    return Action(STORE_BYTE, SHPR - 4 + rng.choice((4, 5, 6, 11, 14, 15)), _priority(rng))


def _line_priority(rng: random.Random) -> Action:
    return Action(STORE_BYTE, IPR + rng.choice(LINES), _priority(rng))


def _trigger(rng: random.Random) -> Action:
    return Action(STORE, STIR, rng.choice(LINES))


def _icsr(rng: random.Random) -> Action:
    return Action(STORE | UNMASKED, ICSR, 1 << rng.choice((28, 28, 28, 26, 26, 31, 27, 25)))


def _grouping(rng: random.Random) -> Action:
    return Action(STORE, AIRCR, 0x05FA_0000 | rng.randrange(8) << 8)


def _fault_enables(rng: random.Random) -> Action:
    return Action(rng.choice((SET_BITS, SET_BITS, CLEAR_BITS)), SHCSR, rng.randrange(1, 8) << 16)


def _pended_fault(rng: random.Random) -> Action:
    """Pend a system exception through SHCSR."""
    return Action(rng.choice((SET_BITS, SET_BITS, CLEAR_BITS)), SHCSR, 1 << rng.choice((12, 13, 14, 15)))


def _masks(rng: random.Random) -> Action:
    which = rng.choice((PRIMASK, BASEPRI, BASEPRI, BASEPRI_MAX, BASEPRI_MAX, FAULTMASK))
    if which == FAULTMASK:
        return Action(SPECIAL | GUARDED, which, rng.choice((0, 1)))
    return Action(SPECIAL, which, rng.choice((0, 1)) if which == PRIMASK else rng.choice((0, _priority(rng))))


def _cps(rng: random.Random) -> Action:
    which = rng.choice((0, 0, 1, 2, 2, 3))
    return Action(CPS | GUARDED if which == 3 else CPS, which)


def _control(rng: random.Random) -> Action:
    return Action(SPECIAL, CONTROL, rng.randrange(8))


def _traps(rng: random.Random) -> Action:
    return Action(rng.choice((SET_BITS, CLEAR_BITS)), CCR, rng.choice((8, 16, 24, 2)))


def _fp_access(rng: random.Random) -> Action:
    return Action(STORE, CPACR, rng.choice((0, 0x50_0000, 0xF0_0000, 0xF0_0000, 0xF0_0000)))


def _fp_stacking(rng: random.Random) -> Action:
    return Action(rng.choice((SET_BITS, SET_BITS, CLEAR_BITS)), FPCCR, rng.randrange(1, 4) << 30)


def _fp_default(rng: random.Random) -> Action:
    return Action(STORE, FPDSCR, rng.randrange(32) << 22)


def _svc(rng: random.Random) -> Action:
    return Action(SVC | GUARDED)


def _fp(rng: random.Random) -> Action:
    kind = rng.randrange(8)
    operand = rng.choice((0, 0x3F80_0000, 0x0000_0001, 0x7F80_0000, 0x7FA0_0000, rng.getrandbits(32)))
    if kind == 3:
        operand = rng.getrandbits(32) & 0xF7C0_009F
    if kind == 4:
        operand = rng.choice((DATA, DATA, DATA, READ_ONLY, NOWHERE))
    return Action(FP | GUARDED, kind, operand)


_UNALIGNED = (DATA + 1, DATA + 2, DATA + 3)
_BUS = (NOWHERE, NOWHERE + 0x1004, PRIVILEGED, READ_ONLY, DATA)
_BRANCHES = (NOWHERE | 1, DEVICE | 1, NOWHERE + 0x40 | 1, 0x0001_0400, DEVICE)


def _fault(rng: random.Random) -> Action:
    kind = rng.randrange(14)
    target = rng.choice((*_UNALIGNED, *_BUS))
    if kind == 9:
        target = rng.choice(_BRANCHES)
    return Action(FAULT | GUARDED, kind, target)


def _it(rng: random.Random) -> Action:
    return Action(IT | GUARDED, rng.randrange(6), rng.choice((*_UNALIGNED, *_BUS)))


def _stack(rng: random.Random) -> Action:
    """Point the process stack somewhere: good, unaligned to 8, at the edges of memory, protected, or nowhere."""
    return Action(
        SPECIAL,
        PSP,
        rng.choice(
            (
                *(RAM + 0x2000 + rng.randrange(0x100, 0x1C00, 4) for _ in range(8)),
                *(RAM + rng.randrange(0, 0x80, 4) for _ in range(2)),
                EDGE_END,
                EDGE_END - rng.randrange(0, 0x80, 4),
                READ_ONLY + 0x800,
                PRIVILEGED + 0x800,
                NOWHERE + 0x800,
            )
        ),
    )


def _main_stack(rng: random.Random) -> Action:
    return Action(SPECIAL, MSP, RAM + 0x4000 + rng.randrange(0x2000, 0x4000, 4))


def _stack_limit(rng: random.Random) -> Action:
    if rng.random() < 0.3:
        return Action(SPECIAL, rng.choice((MSPLIM, PSPLIM)), 0)
    return Action(SPECIAL, PSPLIM, RAM + 0x2000 + rng.randrange(0, 0x1C00))


def _return(rng: random.Random) -> Action:
    return Action(RETURN)


def _bad_return(rng: random.Random) -> Action:
    """Return with the other stack, the other size of frame, or both."""
    return Action(RETURN, BAD, rng.choice((4, 16, 20)))


def _tweaked_return(rng: random.Random) -> Action:
    """Change the frame before returning on it: T clear, mode and number at odds, a return to nowhere, flags, IT."""
    offset, change = rng.choice(
        (
            (28, 0x0100_0000),
            (28, 3),
            (28, 0x8000_0000),
            (28, 0x2000_0000),
            (28, 0x000F_0000),
            (24, NOWHERE),
            (24, DEVICE),
            (0, 0xFFFF_FFFF),
        )
    )
    return Action(RETURN, TWEAKED | offset << 8, change)


def _forged_return(rng: random.Random) -> Action:
    """Return to thread mode on a frame of one's own: either stack, either size."""
    process, basic = rng.randrange(2), rng.randrange(2)
    top = RAM + (0x2000 if process else 0x5000)
    where = top + rng.randrange(0x800, 0x1800, 8)
    if process and basic and rng.random() < 0.2:
        where = EDGE_END - 0x20
    return Action(RETURN, FORGED | (process << 2 | basic << 4) << 8 | rng.randrange(2) << 25, where)


def _observe(rng: random.Random) -> Action:
    return Action(OBSERVE)


def _mpu(rng: random.Random) -> Action:
    return Action(STORE, MPU_CTRL, rng.choice((0, 1, 5, 3, 7)))


@dataclass(frozen=True)
class Flavour:
    """A kind of storm: what happens in it, and how often next to the rest."""

    name: str
    weights: tuple[tuple[Make, int], ...]


_CALM: tuple[tuple[Make, int], ...] = (
    (_irq_bit(ISPR), 12),
    (_trigger, 4),
    (_icsr, 8),
    (_irq_bit(ICPR), 2),
    (_irq_bit(ISER), 6),
    (_irq_bit(ICER), 2),
    (_line_priority, 8),
    (_system_priority, 5),
    (_grouping, 2),
    (_masks, 6),
    (_cps, 3),
    (_svc, 8),
    (_return, 14),
    (_observe, 2),
)
_MODES: tuple[tuple[Make, int], ...] = ((_control, 6), (_forged_return, 4), (_main_stack, 2))
_FLOAT: tuple[tuple[Make, int], ...] = ((_fp, 24), (_fp_stacking, 4), (_fp_default, 2))
_FAULTY: tuple[tuple[Make, int], ...] = ((_fault, 14), (_it, 8), (_traps, 4), (_fault_enables, 8))

FLAVOURS = (
    Flavour("interrupts", _CALM),
    Flavour("modes", _CALM + _MODES),
    Flavour("floats", _CALM + _MODES + _FLOAT),
    Flavour("faults", _CALM + _FAULTY + ((_control, 3),)),
    Flavour("pended faults", _CALM + _FAULTY + ((_pended_fault, 8),)),
    Flavour("faults and floats", _CALM + _MODES + _FLOAT + _FAULTY + ((_fp_access, 5),)),
    Flavour("stacks", _CALM + _MODES + _FAULTY + ((_stack, 12), (_stack_limit, 4))),
    Flavour("protection", _CALM + _MODES + _FAULTY + ((_stack, 8), (_mpu, 8))),
    Flavour("returns", _CALM + _MODES + _FAULTY + ((_bad_return, 6), (_tweaked_return, 8), (_forged_return, 4))),
    Flavour(
        "everything",
        _CALM
        + _MODES
        + _FLOAT
        + _FAULTY
        + (
            (_fp_access, 3),
            (_stack, 8),
            (_stack_limit, 3),
            (_mpu, 4),
            (_bad_return, 3),
            (_tweaked_return, 4),
            (_pended_fault, 3),
        ),
    ),
)


def _prologue(rng: random.Random) -> list[Action]:
    """Return actions that give most lines a priority and enable them, so that the storm has something to blow with."""
    actions = [Action(STORE, AIRCR, 0x05FA_0000 | rng.choice((0, 0, 3, 4, 5, 6, 7)) << 8)]
    actions += [Action(STORE_BYTE, IPR + line, _priority(rng)) for line in LINES]
    actions += [Action(STORE_BYTE, SHPR - 4 + number, _priority(rng)) for number in (4, 5, 6, 11, 14, 15)]
    enabled = [line for line in LINES if rng.random() < 0.8]
    actions += [
        Action(STORE, ISER + 4 * index, sum(1 << line % 32 for line in enabled if line // 32 == index))
        for index in range(4)
    ]
    actions.append(Action(SET_BITS, SHCSR, rng.choice((0, 7, 7, rng.randrange(8))) << 16))
    return actions


def flavour(seed: int) -> Flavour:
    """Return the flavour of a seed: they go round."""
    return FLAVOURS[seed % len(FLAVOURS)]


def storm(seed: int, length: int = 70) -> Storm:
    """Return the storm of a seed."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    makers, weights = zip(*flavour(seed).weights, strict=True)
    return (*_prologue(rng), *(maker(rng) for maker in rng.choices(makers, weights, k=length)))


def table(storms: Sequence[Storm]) -> bytes:
    """Return storms as the guest reads them."""
    words = [len(storms)]
    for actions in storms:
        words.append(len(actions))
        for action in actions:
            words += (action.operation, action.a, action.b)
    return struct.pack(f"<{len(words)}I", *words)
