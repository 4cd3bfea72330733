"""Exception entry and return as far as registers and stacks go: frames pushed and popped, modes changed.

Frames are the non-secure ones of 8 words, or 26 with the floating-point registers, which are stacked at once and not
lazily. Source: Armv8-M ARM (DDI 0553), B3.18 to B3.24, "Exception entry and return".
"""

from __future__ import annotations

import struct

from mvsdk.emulator.core.engine import Engine

BASIC, EXTENDED = struct.Struct("<8I"), struct.Struct("<8I16IQ")
NPRIV, SPSEL, FPCA = 1, 2, 4
_SFPA = 8  # Unicorn executes in secure state, where a floating-point context is only whole with this bit as well
_THREAD, _PROCESS_STACK, _BASIC_FRAME = 1 << 3, 1 << 2, 1 << 4
_EXC_RETURN = 0xFFFF_FFA0
_FLAGS, _THUMB_BIT, _REALIGNED = 0xF80F_0000, 1 << 24, 1 << 9

STKERR, UNSTKERR = 1 << 12, 1 << 11
INVPC, STKOF = 1 << 18, 1 << 20


class FrameError(Exception):
    """A frame could not be pushed or popped; `cfsr` says why, in the bits of that register."""

    def __init__(self, cfsr: int) -> None:
        super().__init__(f"CFSR {cfsr:#010x}")
        self.cfsr = cfsr


def control_word(control: int) -> int:
    """Return CONTROL as the engine must hold it, for the value a non-secure guest knows."""
    return control & (NPRIV | SPSEL | FPCA) | (_SFPA if control & FPCA else 0)


def _exc_return(engine: Engine) -> int:
    words, at = engine.context.words, engine.layout
    value = _EXC_RETURN | (0 if words[at.control] & FPCA else _BASIC_FRAME)
    if not words[at.exception]:
        value |= _THREAD | (_PROCESS_STACK if engine.on_psp() else 0)
    return value


def push(engine: Engine, return_address: int, *, lost: bool = False) -> int:
    """Push a frame for the loaded context and return the EXC_RETURN value that pops it.

    With `lost`, only move the stack pointer, as after a push that failed. The context is changed and not yet stored.
    """
    words, at = engine.context.words, engine.layout
    extended = bool(words[at.control] & FPCA)
    sp, size = words[at.r + 13], EXTENDED.size if extended else BASIC.size
    frame = sp - size & ~7 & 0xFFFF_FFFF
    limit = words[at.psplim if engine.on_psp() else at.msplim]
    if lost:
        words[at.r + 13] = max(frame, limit)
        return _exc_return(engine)
    if frame < limit or frame > sp:
        raise FrameError(STKOF)
    if not engine.memory.writable(frame, size):
        raise FrameError(STKERR)
    r = words[at.r : at.r + 16].tolist()
    psr = engine.xpsr() & ~_REALIGNED | (_REALIGNED if sp & 4 else 0)
    basic = *r[:4], r[12], r[14], return_address & ~1, psr
    if extended:
        doubles, fpscr = engine.floating_point()
        engine.memory.write(frame, BASIC.pack(*basic) + struct.pack("<8QQ", *doubles[:8], fpscr))
    else:
        engine.memory.write(frame, BASIC.pack(*basic))
    words[at.r + 13] = frame
    return _exc_return(engine)


def enter(engine: Engine, number: int, vector: int, exc_return: int) -> None:
    """Go on in handler mode, at the handler of exception `number`."""
    words, at = engine.context.words, engine.layout
    stacks = engine.stacks()
    words[at.exception] = number
    words[at.control] &= NPRIV
    engine.set_stacks(*stacks)
    engine.clear_exclusive()
    words[at.r + 14] = exc_return
    engine.context.store()
    engine.set_xpsr(engine.xpsr() & _FLAGS | (_THUMB_BIT if vector & 1 else 0) | number)
    engine.pc, engine.done = vector, 0


def pop(engine: Engine, exc_return: int) -> None:
    """Pop the frame that `exc_return` describes and go on where it says."""
    words, at = engine.context.words, engine.layout
    stacks = list(engine.stacks())
    to_thread = bool(exc_return & _THREAD)
    which = 1 if to_thread and exc_return & _PROCESS_STACK else 0
    size = BASIC.size if exc_return & _BASIC_FRAME else EXTENDED.size
    try:
        frame = engine.memory.read(stacks[which], size)
    except LookupError:
        raise FrameError(UNSTKERR) from None
    r0, r1, r2, r3, r12, lr, pc, psr = BASIC.unpack(frame[: BASIC.size])
    if to_thread == bool(psr & 0x1FF):
        raise FrameError(INVPC)
    stacks[which] = stacks[which] + size & 0xFFFF_FFFF | (4 if psr & _REALIGNED else 0)
    words[at.r : at.r + 4] = memoryview(struct.pack("<4I", r0, r1, r2, r3)).cast("I")
    words[at.r + 12], words[at.r + 14] = r12, lr
    words[at.exception] = psr & 0x1FF
    words[at.control] = control_word(
        words[at.control] & NPRIV
        | (SPSEL if exc_return & _PROCESS_STACK else 0)
        | (0 if exc_return & _BASIC_FRAME else FPCA)
    )
    engine.set_stacks(*stacks)
    engine.clear_exclusive()
    engine.context.store()
    engine.set_xpsr(psr & ~_REALIGNED)
    if size == EXTENDED.size:
        *doubles, fpscr = struct.unpack("<8QQ", frame[BASIC.size :])
        engine.set_floating_point(doubles, fpscr & 0xFFFF_FFFF)
    engine.pc, engine.done = pc & ~1 | psr >> 24 & 1, 0
