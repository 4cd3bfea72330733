"""Where Unicorn keeps the processor state that its interface does not show, or shows wrongly.

`uc_context_save` copies the whole processor into one flat block. A few fields of it matter here and have no register
number: the stack limits, the exclusive monitor, the stack pointer not in use. Others have one that lies: an
unprivileged thread reads its masks as zero, and a mode written by number leaves the translator's cached privilege
behind. So the block is read and written directly. Nothing is assumed about its layout: a scratch engine is brought
into known states and each field is found by the values only it can have.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import Uc, uclib

from mvsdk.emulator.core.errors import EngineError

_MEMORY, _CODE, _STACK = 0x2000_0000, 0x2000_1000, 0x2000_2000
_A, _B = 0x2000_0108, 0x2000_0210  # valid as registers, as stack limits and as addresses of an exclusive access
_SET_MSPLIM, _SET_PSPLIM = bytes.fromhex("80f30a88 0020"), bytes.fromhex("80f30b88 0020")  # msr ...lim,r0; movs r0,#0
_LOAD_EXCLUSIVE = bytes.fromhex("50e8001f 0020 0021")  # ldrex r1,[r0]; movs r0,#0; movs r1,#0
_TOUCH_PRIMASK = bytes.fromhex("72b6 62b6")  # cpsid i; cpsie i: the translator recomputes its cached mode
_LEAVE_SECURE = bytes.fromhex("0447")  # bxns r0
_WFI = bytes.fromhex("30bf")


def open_engine() -> Uc:
    """Return a new Cortex-M33 with a small translation buffer and no memory."""
    engine = Uc(const.UC_ARCH_ARM, const.UC_MODE_THUMB | const.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M33)
    engine.ctl_set_tcg_buffer_size(8 << 20)
    return engine


@dataclass(frozen=True)
class Layout:
    """Word indices into a saved context.

    `exclusive` begins four words: address and value of the exclusive monitor. `secure_msp` and `secure_psp` hold the
    stack pointers while the processor is (wrongly) out of secure state. `modes` are the values of `cached_mode` in
    privileged thread mode, in handler mode, and in unprivileged thread mode.
    """

    r: int
    other_sp: int
    exception: int
    control: int
    primask: int
    basepri: int
    faultmask: int
    msplim: int
    psplim: int
    exclusive: int
    secure: int
    secure_msp: int
    secure_psp: int
    cached_mode: int
    modes: tuple[int, int, int]


class Context:
    """The processor's state as 32-bit words, in the engine's own form."""

    def __init__(self, engine: Uc) -> None:
        self._handle = engine._uch
        self._context = engine.context_save()
        self._pointer = self._context.context
        self._save, self._restore = uclib.uc_context_save, uclib.uc_context_restore
        length = self._context.size & ~3
        self.words = memoryview((ctypes.c_uint8 * length).from_address(self._pointer.value)).cast("B").cast("I")

    def load(self) -> None:
        """Copy the processor into `words`."""
        self._save(self._handle, self._pointer)

    def store(self) -> None:
        """Copy `words` into the processor."""
        self._restore(self._handle, self._pointer)


class _Scratch:
    """An engine to be brought into known states."""

    def __init__(self) -> None:
        self.engine = open_engine()
        self.engine.mem_map(_MEMORY, 0x2000)
        self.engine.mem_write(_A, _A.to_bytes(4, "big") + _B.to_bytes(4, "big"))
        self.engine.reg_write(arm.UC_ARM_REG_SP, _STACK)
        self.context = Context(self.engine)

    def after(self, code: bytes = b"", **registers: int) -> list[int]:
        """Return the context after setting registers and running `code`."""
        for name, value in registers.items():
            self.engine.reg_write(getattr(arm, f"UC_ARM_REG_{name.upper()}"), value)
        if code:
            self.engine.mem_write(_CODE, code + _WFI)
            self.engine.ctl_flush_tb()
            # BXNS ends in an exception nobody handles; that is where we want to be.
            uclib.uc_emu_start(self.engine._uch, _CODE | 1, 0, 0, 0)
        self.context.load()
        return self.context.words.tolist()


def _find(name: str, *observations: tuple[list[int], int]) -> int:
    """Return the one index at which every observed context holds the value that goes with it."""
    length = len(observations[0][0])
    found = [i for i in range(length) if all(words[i] == value for words, value in observations)]
    if len(found) != 1:
        raise EngineError(
            f"Unicorn keeps {name} in {len(found)} places instead of one.",
            "Install the version of unicorn that the lock file names.",
        )
    return found[0]


def _by_register(scratch: _Scratch, name: str, first: int, second: int, code: bytes = b"", via: str = "") -> int:
    """Find what takes two values when register `name` (or `via`, moved there by `code`) is given them."""
    one, other = (scratch.after(code, **{via or name: value}) for value in (first, second))
    return _find(name, (one, first), (other, second))


def _find_modes(scratch: _Scratch) -> tuple[int, tuple[int, int, int]]:
    """Find the cached mode and its values in privileged thread, handler and unprivileged thread mode."""
    thread = scratch.after(_TOUCH_PRIMASK, control=0, ipsr=0)
    handler = scratch.after(_TOUCH_PRIMASK, ipsr=5)
    unprivileged = scratch.after(_TOUCH_PRIMASK, ipsr=0, control=1)
    states = list(zip(thread, handler, unprivileged, strict=True))
    index = _find("its mode", ([len(set(state)) for state in states], 3))
    return index, states[index]


@functools.cache
def layout() -> Layout:
    """Find out, once per process, where this build of Unicorn keeps things. `EngineError` if it cannot be told."""
    scratch = _Scratch()
    found = {name: _by_register(scratch, name, 0, 1) for name in ("primask", "faultmask")}
    found["r"] = _by_register(scratch, "r0", _A, _B)
    found["other_sp"] = _by_register(scratch, "psp", _A, _B)
    found["basepri"] = _by_register(scratch, "basepri", 0x50, 0xA0)
    found["control"] = _by_register(scratch, "control", 4, 0)
    found["exception"] = _by_register(scratch, "ipsr", 0x15, 0)
    found["msplim"] = _by_register(scratch, "msplim", _A, _B, _SET_MSPLIM, via="r0")
    found["psplim"] = _by_register(scratch, "psplim", _A, _B, _SET_PSPLIM, via="r0")
    found["exclusive"] = _by_register(scratch, "the exclusive monitor", _A, _B, _LOAD_EXCLUSIVE, via="r0")
    cached_mode, modes = _find_modes(_Scratch())
    before = _Scratch().after(msp=_A, psp=_B)
    outside = _Scratch().after(_LEAVE_SECURE, msp=_A, psp=_B, r0=_CODE)
    found["secure"] = _find("its security state", (before, 1), (outside, 0))
    found["secure_msp"] = _find("the other main stack pointer", (before, 0), (outside, _A))
    found["secure_psp"] = _find("the other process stack pointer", (before, 0), (outside, _B))
    return Layout(**found, cached_mode=cached_mode, modes=modes)
