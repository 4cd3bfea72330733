"""The memory access port of an emulated chip: what a debug probe reads and writes, debug registers included.

Most of it is the guest's bus. The registers by which a debugger halts, steps and sets breakpoints are answered here, on
behalf of `Debugger`, each client having its own: so several debuggers do not take each other's breakpoints, and the
core's own registers, which are part of its state, stay as they are. Comparators of the DWT are the core's, and shared.

Source of registers and bits: Armv8-M ARM (DDI0553), D1.2.
"""

from __future__ import annotations

from collections.abc import Callable

from mvsdk.emulator.core import Vector
from mvsdk.emulator.debug.debugger import Debugger, Halt, HaltReason

BREAKPOINTS = 8
AIRCR, DFSR, DHCSR, DCRSR, DCRDR, DEMCR = (
    0xE000_ED0C, 0xE000_ED30, 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC,
)  # fmt: skip
FP_CTRL, FP_COMP0 = 0xE000_2000, 0xE000_2008
_PRIVATE, _PRIVATE_END = 0xE000_0000, 0xE010_0000
_DBGKEY, _VECTKEY = 0xA05F, 0x05FA
_C_DEBUGEN, _C_HALT, _C_STEP, _C_MASKINTS = 1, 2, 4, 8
_S_REGRDY, _S_HALT, _S_RETIRE_ST, _S_RESET_ST = 1 << 16, 1 << 17, 1 << 24, 1 << 25
_SYSRESETREQ = 1 << 2
_FP_ENABLE, _FP_KEY = 1, 2
_REGISTER_WRITE = 1 << 16
_VECTORS = 0x7F1
_DFSR_BIT = {
    HaltReason.REQUEST: 1 << 0,
    HaltReason.STEP: 1 << 0,
    HaltReason.BREAKPOINT: 1 << 1,
    HaltReason.WATCHPOINT: 1 << 2,
    HaltReason.VECTOR: 1 << 3,
    HaltReason.RESET: 1 << 3,
    HaltReason.FAULT: 1 << 3,
}
_NAMES = {
    **{number: f"r{number}" for number in range(16)},
    16: "xpsr", 17: "msp", 18: "psp", 24: "msp", 25: "psp", 30: "msplim", 31: "psplim",
}  # fmt: skip
"""What DCRSR.REGSEL selects, by its name in `Registers`; banked ones are the non-secure side's."""
_MASKS, _MASK_NAMES = (20, 35), ("primask", "basepri", "faultmask", "control")
_FPSCR, _S0, _S31 = 33, 64, 95
SOFTWARE_RESET = "REMOTEAPPLICATIONRESTART"
"""What the application finds after SYSRESETREQ, its own or a debugger's."""


class AccessPort:
    """One client's memory access port. It attaches with the first access, and leaves with `close`."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._control = 0
        self._transfer = 0
        self._status = 0
        self._seen: Halt | None = None
        self._retired_at = -1
        self._resets = 0
        self._comparators = [0] * BREAKPOINTS
        self._comparing = False
        self._reset_low = False
        self._reads: dict[int, Callable[[], int]] = {
            DFSR: self._read_dfsr,
            DHCSR: self._read_dhcsr,
            DCRSR: lambda: 0,
            DCRDR: lambda: self._transfer,
            DEMCR: self._read_demcr,
            FP_CTRL: lambda: debugger.read(FP_CTRL, 4) & ~_FP_ENABLE | self._comparing,
        }
        self._writes: dict[int, Callable[[int], None]] = {
            AIRCR: self._write_aircr,
            DFSR: self._write_dfsr,
            DHCSR: self._write_dhcsr,
            DCRSR: self._write_dcrsr,
            DCRDR: self._write_dcrdr,
            DEMCR: self._write_demcr,
            FP_CTRL: self._write_fp_ctrl,
        }

    @property
    def polls(self) -> frozenset[int]:
        """Where a client looks that waits for the guest to halt."""
        return frozenset((DHCSR, DFSR))

    def close(self) -> None:
        """Leave the guest alone."""
        self._debugger.detach(self)

    # -- accesses ------------------------------------------------------------------------------------------------------

    def read(self, address: int, size: int, width: int) -> bytes:
        """Read a range in aligned accesses of `width` bytes; 0 for as wide as fit.

        `BusFault` where nothing answers, `ValueError` for what is no aligned range of addresses.
        """
        self._check(address, size, width)
        if not _is_private(address, size) and width in {0, 4}:
            return self._debugger.read_memory(address, size)
        wide = width or _widest(address, size)
        return b"".join(
            self._read(place, wide).to_bytes(wide, "little") for place in range(address, address + size, wide)
        )

    def write(self, address: int, data: bytes, width: int) -> None:
        """Write a range in aligned accesses of `width` bytes; 0 for as wide as fit. Raises as `read`."""
        self._check(address, len(data), width)
        if not _is_private(address, len(data)) and width in {0, 4}:
            self._debugger.write_memory(address, data)
            return
        wide = width or _widest(address, len(data))
        for offset in range(0, len(data), wide):
            self._write(address + offset, wide, int.from_bytes(data[offset : offset + wide], "little"))

    def reset_line(self, low: bool) -> None:
        """Pull the reset line low, where the guest stands, or let it go, which starts it anew."""
        self._attach()
        if low and not self._reset_low:
            self._debugger.hold_reset(self)
        elif not low:
            self._debugger.release_reset(self)
        self._reset_low = low

    def _check(self, address: int, size: int, width: int) -> None:
        if size < 1 or address + size > 1 << 32:
            raise ValueError(f"{size} bytes at 0x{address:08x} are no range of addresses")
        if width and (address % width or size % width):
            raise ValueError(f"{size} bytes at 0x{address:08x} are no aligned accesses of {width} bytes")
        self._attach()

    def _attach(self) -> None:
        if self not in self._debugger.clients:
            self._debugger.attach(self)
            self._resets = self._debugger.resets

    def _read(self, address: int, width: int) -> int:
        word = address & ~3
        answer = self._reads.get(word)
        if answer is None and FP_COMP0 <= word < FP_COMP0 + 4 * BREAKPOINTS:
            value = self._comparators[(word - FP_COMP0) // 4]
        elif answer is None:
            return self._debugger.read(address, width)
        else:
            value = answer()
        return value >> 8 * (address - word) & (1 << 8 * width) - 1

    def _write(self, address: int, width: int, value: int) -> None:
        take = self._writes.get(address & ~3)
        comparator, in_fpb = divmod(address - FP_COMP0, 4)
        if take is None and not 0 <= comparator < BREAKPOINTS:
            self._debugger.write(address, width, value)
        elif width != 4:
            raise ValueError(f"the debug register at 0x{address:08x} is written as a word")
        elif take is not None:
            take(value)
        elif not in_fpb:
            self._comparators[comparator] = value
            self._set_breakpoints()

    # -- CoreDebug -----------------------------------------------------------------------------------------------------

    def _read_dhcsr(self) -> int:
        halted = self._debugger.halted is not None
        cycle, resets = self._debugger.device.core.cycle, self._debugger.resets
        value = self._control | _S_REGRDY
        if halted and self._control & _C_DEBUGEN:
            value |= _S_HALT | _C_HALT
        if cycle != self._retired_at:
            value |= _S_RETIRE_ST
        if resets != self._resets or self._reset_low:
            value |= _S_RESET_ST
        self._retired_at, self._resets = cycle, resets
        return value

    def _write_dhcsr(self, value: int) -> None:
        """Take a write; who only comes or goes does not let a guest run that another client has halted."""
        if value >> 16 != _DBGKEY:
            return
        enabled, before = value & _C_DEBUGEN, self._control & _C_DEBUGEN
        self._control = value & (_C_DEBUGEN | _C_MASKINTS) if enabled else 0
        halted = self._debugger.halted is not None
        if enabled and value & _C_HALT:
            self._debugger.halt()
        elif halted and enabled and value & _C_STEP:
            self._debugger.step(mask_interrupts=bool(value & _C_MASKINTS))
        elif halted and before and (enabled or self._debugger.clients == (self,)):
            self._debugger.resume()

    def _read_dfsr(self) -> int:
        halt = self._debugger.halted
        if halt is not None and halt is not self._seen:
            self._status |= _DFSR_BIT[halt.reason]
        self._seen = halt
        return self._status

    def _write_dfsr(self, value: int) -> None:
        self._read_dfsr()
        self._status &= ~value

    def _write_dcrdr(self, value: int) -> None:
        self._transfer = value

    def _write_dcrsr(self, value: int) -> None:
        if self._debugger.halted is None:
            return
        number = value & 0x7F
        if value & _REGISTER_WRITE:
            self._write_register(number, self._transfer)
        else:
            self._transfer = self._read_register(number)

    def _read_register(self, number: int) -> int:
        registers = self._debugger.registers()
        if number < 16:
            return registers.r[number]
        if number in _NAMES:
            return int(getattr(registers, _NAMES[number]))
        if number in _MASKS:
            return sum(getattr(registers, name) << 8 * place for place, name in enumerate(_MASK_NAMES))
        if number == _FPSCR or _S0 <= number <= _S31:
            return self._debugger.floating_point()[32 if number == _FPSCR else number - _S0]
        return 0

    def _write_register(self, number: int, value: int) -> None:
        if number in _NAMES:
            self._debugger.write_register(_NAMES[number], value)
        elif number in _MASKS:
            for place, name in enumerate(_MASK_NAMES):
                self._debugger.write_register(name, value >> 8 * place & 0xFF)
        elif number == _FPSCR or _S0 <= number <= _S31:
            self._debugger.write_floating_point(32 if number == _FPSCR else number - _S0, value)

    def _read_demcr(self) -> int:
        return self._debugger.read(DEMCR, 4) & ~_VECTORS | int(self._debugger.caught(self))

    def _write_demcr(self, value: int) -> None:
        self._debugger.catch(self, Vector(value & _VECTORS))
        self._debugger.write(DEMCR, 4, value)

    def _write_aircr(self, value: int) -> None:
        if value >> 16 == _VECTKEY and value & _SYSRESETREQ:
            self._debugger.reset(wake_reason=SOFTWARE_RESET)
        else:
            self._debugger.write(AIRCR, 4, value)

    # -- FPB -----------------------------------------------------------------------------------------------------------

    def _write_fp_ctrl(self, value: int) -> None:
        if value & _FP_KEY:
            self._comparing = bool(value & _FP_ENABLE)
            self._set_breakpoints()

    def _set_breakpoints(self) -> None:
        wanted = [value & ~1 for value in self._comparators if value & 1] if self._comparing else []
        self._debugger.set_breakpoints(self, wanted)


def _is_private(address: int, size: int) -> bool:
    """Tell whether some of a range is of the private peripheral bus, where every access counts."""
    return address < _PRIVATE_END and address + size > _PRIVATE


def _widest(address: int, size: int) -> int:
    return next(width for width in (4, 2, 1) if address % width == 0 and size % width == 0)
