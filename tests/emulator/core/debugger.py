"""A debugger in a few lines: what pyOCD and its like write to CoreDebug, the FPB and the DWT."""

from __future__ import annotations

from mvsdk.emulator.core import Core

DFSR, DHCSR, DCRSR, DCRDR, DEMCR = 0xE000_ED30, 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC
DBGKEY, DEBUGEN, HALT, STEP, MASKINTS = 0xA05F_0000, 1, 2, 4, 8
S_HALT, S_SLEEP, S_RETIRE_ST, S_RESET_ST = 1 << 17, 1 << 18, 1 << 24, 1 << 25
HALTED, BKPT, DWTTRAP, VCATCH = 1, 2, 4, 8
MON_EN, MON_PEND, MON_STEP, TRCENA = 1 << 16, 1 << 17, 1 << 18, 1 << 24
FP_CTRL, FP_COMP = 0xE000_2000, 0xE000_2008
DWT_CTRL, DWT_CYCCNT, DWT_COMP, DWT_FUNCTION = 0xE000_1000, 0xE000_1004, 0xE000_1020, 0xE000_1028
CYCLE, INSTRUCTION, INSTRUCTION_LIMIT, DATA, DATA_WRITE, DATA_READ, DATA_LIMIT = range(1, 8)
VALUE, LINKED_VALUE = 8, 11
DEBUG_EVENT, BYTE, HALFWORD, WORD, MATCHED = 1 << 4, 0 << 10, 1 << 10, 2 << 10, 1 << 24
R_PC, R_XPSR, R_MSP, R_PSP, R_MASKS, R_FPSCR, R_S0 = 15, 16, 17, 18, 20, 33, 64
DEBUG_MONITOR = 12


class Debugger:
    """A debugger's side of a core, through `debug_read` and `debug_write` alone."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def read(self, address: int) -> int:
        """Read a word."""
        return self.core.debug_read(address, 4)

    def write(self, address: int, value: int) -> None:
        """Write a word."""
        self.core.debug_write(address, 4, value)

    def control(self, bits: int = 0) -> None:
        """Write DHCSR, with C_DEBUGEN and these."""
        self.write(DHCSR, DBGKEY | DEBUGEN | bits)

    @property
    def halted(self) -> bool:
        """Tell whether the core is in Debug state."""
        return self.read(DHCSR) & S_HALT != 0

    def why(self) -> int:
        """Return DFSR, and clear it."""
        status = self.read(DFSR)
        self.write(DFSR, status)
        return status

    def register(self, number: int) -> int:
        """Read a register of the halted core."""
        self.write(DCRSR, number)
        return self.read(DCRDR)

    def set_register(self, number: int, value: int) -> None:
        """Write a register of the halted core."""
        self.write(DCRDR, value)
        self.write(DCRSR, 1 << 16 | number)

    def breakpoint(self, comparator: int, address: int) -> None:
        """Set a comparator of the FPB, and switch the FPB on."""
        self.write(FP_COMP + 4 * comparator, address | 1)
        self.write(FP_CTRL, 3)

    def compare(self, comparator: int, value: int, function: int) -> None:
        """Set a comparator of the DWT, and switch trace on."""
        self.write(DEMCR, self.read(DEMCR) | TRCENA)
        self.write(DWT_COMP + 16 * comparator, value)
        self.write(DWT_FUNCTION + 16 * comparator, function)

    def function(self, comparator: int) -> int:
        """Return a comparator's FUNCTION register."""
        return self.read(DWT_FUNCTION + 16 * comparator)
