"""The FLASH controller as a program meets it that has the chip to itself (RM0456, chapter 7; ST's HAL: FLASH driver).

    stores to the array ──► _Side: quad-word or burst ──┐
    NSCR, SECCR ──────────► erasures, option bytes ─────┴─► an operation: BSY until its time is over, then it is done

A Microvisor application never does: the kernel owns the controller, and `flash.csv` is all that is seen of it. Register
facts are in `flash-controller.csv`, times in `flash-times.csv`.

The secure registers answer at their secure alias only, and only a chip with TZEN has that. What the bus would hold up
while an operation goes on, a store or a change of a control register, ends the operation at once.
Reading a quad-word that cannot be read sets ECCD and is a non-maskable interrupt. A reset during an operation tears it.
"""

from __future__ import annotations

import enum
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from mvsdk.emulator.core import Core
from mvsdk.emulator.soc.flash_array import BANK, SIZE, ChipFlash, FlashArray
from mvsdk.emulator.soc.registers import RegisterBlock, register_table, rows
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring
from mvsdk.flash_memory import Cut, FlashRuleError, Mess, PowerCut
from mvsdk.flash_memory.internal import PAGE, QUAD_WORD

SECURE_REGISTERS = range(0x5002_2000, 0x5002_3000)
PG, PER, MER1, BKER, BWR, MER2 = 1 << 0, 1 << 1, 1 << 2, 1 << 11, 1 << 14, 1 << 15
STRT, OPTSTRT, EOPIE, ERRIE, OBL_LAUNCH = 1 << 16, 1 << 17, 1 << 24, 1 << 25, 1 << 27
OPTLOCK, LOCK = 1 << 30, 1 << 31
EOP, OPERR, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR, OPTWERR = (1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 13))
BSY, WDW = 1 << 16, 1 << 17
SWAP_BANK, TZEN = 1 << 20, 1 << 31
ECCIE, ECCC, ECCD = 1 << 24, 1 << 30, 1 << 31
KEYS, OPTION_KEYS = (0x4567_0123, 0xCDEF_89AB), (0x0819_2A3B, 0x4C5D_6E7F)
OBL_RESET_FLAG = 25
"""RCC_CSR.OBLRSTF (RM0456, chapter 11)."""

_PROGRAMMING_ERRORS = PROGERR | WRPERR | PGAERR | SIZERR | PGSERR
_FLAGS = EOP | OPERR | _PROGRAMMING_ERRORS | OPTWERR
_ERASES = PER | MER1 | MER2
_BURST = 8 * QUAD_WORD
_LEVEL_0, _LEVEL_2 = 0xAA, 0xCC
"""RDP: no read protection, and the one that lasts for ever."""
_SECURE_ONLY = frozenset(("SECKEYR", "SECSR", "SECCR"))
_SECURE_OPTIONS = frozenset(("SECBOOTADD0R", "SECWM1R1", "SECWM1R2", "SECWM2R1", "SECWM2R2"))
_OPTIONS = (
    "OPTR", "NSBOOTADD0R", "NSBOOTADD1R", "WRP1AR", "WRP1BR", "WRP2AR", "WRP2BR", *sorted(_SECURE_OPTIONS)
)  # fmt: skip
_AREAS = (("WRP1AR", "WRP1BR"), ("WRP2AR", "WRP2BR"))
_WATERMARKS = ("SECWM1R1", "SECWM2R1")


class Work(enum.Enum):
    """What an operation does. Values are OPSR.CODE_OP (RM0456, FLASH_OPSR)."""

    PROGRAM = 1
    BURST = 2
    PAGE_ERASE = 3
    BANK_ERASE = 4
    MASS_ERASE = 5
    OPTIONS = 6


_TIMES = {
    Work.PROGRAM: "program",
    Work.BURST: "burst",
    Work.PAGE_ERASE: "page erase",
    Work.BANK_ERASE: "mass erase",
    Work.MASS_ERASE: "mass erase",
    Work.OPTIONS: "options",
}


@cache
def operation_us(work: Work) -> int:
    """Return how long an operation takes, in microseconds."""
    return next(int(row["microseconds"]) for row in rows("flash-times") if row["operation"] == _TIMES[work])


@dataclass(frozen=True, slots=True)
class Operation:
    """What goes on. `address` is physical; `data` is what is programmed."""

    work: Work
    secure: bool
    address: int
    data: bytes = b""


class _KeyLock:
    """A lock that two keys in order open. A wrong one jams it until the next reset."""

    STATE: ClassVar[tuple[str, ...]] = ("_given", "_jammed")

    def __init__(self, keys: tuple[int, int]) -> None:
        self._keys = keys
        self._given = 0
        self._jammed = False

    def reset(self) -> None:
        """Forget what was tried."""
        self._given, self._jammed = 0, False

    def opens(self, key: int) -> bool:
        """Take a key; say whether it was the second right one."""
        if self._jammed or key != self._keys[self._given]:
            self._given, self._jammed = 0, True
            return False
        self._given = (self._given + 1) % len(self._keys)
        return self._given == 0


class _Side:
    """The registers of one security state, and the words it has stored so far."""

    STATE: ClassVar[tuple[str, ...]] = ("lock", "line", "start", "data")

    def __init__(self, secure: bool, line: InterruptLine) -> None:
        self.secure = secure
        prefix = "SEC" if secure else "NS"
        self.keys, self.status, self.control = f"{prefix}KEYR", f"{prefix}SR", f"{prefix}CR"
        self.lock = _KeyLock(KEYS)
        self.line = line
        self.start = 0
        self.data = b""

    def reset(self) -> None:
        """Forget what was stored."""
        self.lock.reset()
        self.data = b""


class FlashController(RegisterBlock):
    """The controller over a `ChipFlash`. `interrupts` are the lines of the non-secure and the secure side.

    When the flash's power fails during an operation, `PowerCut` comes out of the run; whoever owns the power restores
    it and resets the chip.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "array",
        "_sides",
        "_option_lock",
        "_finish",
        "_nmi",
        "_operation",
        "_cut",
        "_loaded",
    )

    def __init__(self, wiring: Wiring, interrupts: tuple[int, int], flash: ChipFlash) -> None:
        self._reset_values = {register.name: register.reset for register in register_table("flash-controller").values()}
        self._loaded: dict[str, int] = {}
        super().__init__("flash-controller")
        self._wiring = wiring
        self._flash = flash
        self.array = FlashArray(flash, self._stored, self._broken)
        self._sides = tuple(
            _Side(secure, InterruptLine(wiring, line)) for secure, line in zip((False, True), interrupts, strict=True)
        )
        self._option_lock = _KeyLock(OPTION_KEYS)
        self._finish = Alarm(wiring, lambda _: self._complete())
        self._nmi = Alarm(wiring, lambda _: wiring.raise_nmi())
        self._operation: Operation | None = None
        self._cut: Operation | None = None
        self._load_options()

    @property
    def has_trustzone(self) -> bool:
        """Whether TZEN was set when the option bytes were loaded."""
        return bool(self._loaded["OPTR"] & TZEN)

    def lay_out(self, core: Core) -> None:
        """Map the array into a core, and with TZEN the secure aliases of array and registers."""
        self.array.lay_out(core, secure=self.has_trustzone)
        if self.has_trustzone:
            core.map_device(SECURE_REGISTERS.start, len(SECURE_REGISTERS), _SecureRegisters(self))

    # -- registers -----------------------------------------------------------------------------------------------------

    def read_as(self, secure: bool, offset: int, size: int) -> int | None:
        """Return a register as one security state sees it."""
        register = self._table.get(offset & ~3)
        if register is not None and register.name in _SECURE_ONLY and not secure:
            return 0
        return super().read(offset, size)

    def write_as(self, secure: bool, offset: int, size: int, value: int) -> bool:
        """Change a register as one security state can."""
        register = self._table.get(offset & ~3)
        if register is not None and register.name in _SECURE_ONLY and not secure:
            return True
        return super().write(offset, size, value)

    def read(self, offset: int, size: int) -> int | None:
        """See `Peripheral`: a non-secure access."""
        return self.read_as(False, offset, size)

    def write(self, offset: int, size: int, value: int) -> bool:
        """See `Peripheral`: a non-secure access."""
        return self.write_as(False, offset, size, value)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Do what writing a register does."""
        side = next((side for side in self._sides if name in (side.keys, side.status, side.control)), None)
        if side is not None:
            self._store_side(side, name, bits, mask)
        elif name == "OPTKEYR":
            self._take_option_key(bits)
        elif name == "ECCR":
            self.registers["ECCR"] &= ~(bits & (ECCC | ECCD))
            self.registers.change(name, bits, mask)
        elif name not in _OPTIONS or self._may_change(name):
            self.registers.change(name, bits, mask)
        self._settle()

    def reset(self) -> None:
        """Start anew. An operation that goes on is torn."""
        if self._operation is not None:
            self._tear(self._operation)
        cut, self._cut = self._cut, None
        super().reset()
        for name, value in self._loaded.items():
            self.registers[name] = value
        if cut is not None:
            self.registers["OPSR"] = cut.work.value << 29 | cut.address // BANK << 21 | cut.address % BANK
        for side in self._sides:
            side.reset()
        self._option_lock.reset()
        self.array.swap(bool(self.registers["OPTR"] & SWAP_BANK))
        self.array.refresh()
        self._settle()

    def _may_change(self, option: str) -> bool:
        if self.registers["NSCR"] & OPTLOCK:
            return False
        return option not in _SECURE_OPTIONS or self.has_trustzone

    def _store_side(self, side: _Side, name: str, bits: int, mask: int) -> None:
        if name == side.status:
            self.registers[name] &= ~(bits & (_FLAGS & ~OPTWERR if side.secure else _FLAGS))
        elif name == side.control:
            self._control(side, bits, mask)
        elif self.registers[side.control] & LOCK and side.lock.opens(bits):
            self.registers[side.control] &= ~LOCK

    def _take_option_key(self, key: int) -> None:
        control = self.registers["NSCR"]
        if control & OPTLOCK and not control & LOCK and self._option_lock.opens(key):
            self.registers["NSCR"] &= ~OPTLOCK

    def _control(self, side: _Side, bits: int, mask: int) -> None:
        if self.registers[side.control] & LOCK:
            return
        self._complete()
        before = self.registers[side.control]
        self.registers.change(side.control, bits, mask)
        after = self.registers[side.control]
        if side.data and (before ^ after) & (PG | BWR):
            self._fail(side, PGSERR)
        if bits & STRT:
            self._erase(side, after)
        if not side.secure and not before & OPTLOCK:
            self._change_options(side, bits)
        self.registers[side.control] |= bits & (LOCK | OPTLOCK if not side.secure else LOCK)

    # -- operations ----------------------------------------------------------------------------------------------------

    def _stored(self, secure: bool, offset: int, size: int, value: int) -> None:
        """Take a store to the array."""
        self._complete()
        side = self._sides[secure]
        control, address = self.registers[side.control], self.array.physical(offset)
        error = self._store_error(side, control, address, size)
        if error:
            self._fail(side, error)
            self._settle()
            return
        if not side.data:
            side.start = address
            self._show_flags(WDW, 0)
        side.data += value.to_bytes(size, "little")
        if len(side.data) == (_BURST if control & BWR else QUAD_WORD):
            self._program(side, Work.BURST if control & BWR else Work.PROGRAM)
            self._settle()

    def _store_error(self, side: _Side, control: int, address: int, size: int) -> int:
        """Return the flags of what is wrong with a store."""
        sizes = SIZERR if size != 4 else 0
        if not control & PG or control & _ERASES or self.registers[side.status] & _PROGRAMMING_ERRORS:
            return PGSERR | sizes
        aligned = not address % (_BURST if control & BWR else QUAD_WORD)
        place = address == side.start + len(side.data) if side.data else aligned
        if sizes or not place:
            return sizes | (0 if place else PGAERR)
        return 0 if side.data or self._may_write(side, address // PAGE) else WRPERR

    def _program(self, side: _Side, work: Work) -> None:
        start, data, side.data = side.start, side.data, b""
        try:
            self._flash.memory.check_program(start, data)
        except FlashRuleError:
            self._fail(side, PROGERR)
        else:
            self._begin(Operation(work, side.secure, start, data))

    def _erase(self, side: _Side, control: int) -> None:
        what = control & _ERASES
        alone = what in (PER, MER1, MER2, MER1 | MER2)
        if control & PG or not alone or self.registers[side.status] & _PROGRAMMING_ERRORS:
            self._fail(side, PGSERR)
            return
        if what == PER:
            page = (control >> 3 & 0x7F) + (BANK // PAGE if control & BKER else 0)
            work = Operation(Work.PAGE_ERASE, side.secure, page * PAGE)
        elif what == MER1 | MER2:
            work = Operation(Work.MASS_ERASE, side.secure, 0)
        else:
            work = Operation(Work.BANK_ERASE, side.secure, BANK if what == MER2 else 0)
        if not all(self._may_write(side, page) for page in _pages(work)):
            self._fail(side, WRPERR)
            return
        self.registers[side.control] |= STRT
        self._begin(work)

    def _may_write(self, side: _Side, page: int) -> bool:
        """Say whether a page is neither protected nor the other side's."""
        bank, number = divmod(page, BANK // PAGE)
        if any(_covers(self._loaded[area], number) for area in _AREAS[bank]):
            return False
        return side.secure == (self.has_trustzone and _covers(self._loaded[_WATERMARKS[bank]], number))

    def _begin(self, operation: Operation) -> None:
        self._operation = operation
        self.registers["OPSR"] = 0
        self._show_flags(BSY, 0)
        cycles = operation_us(operation.work) * self._wiring.clocks.sysclk // 1_000_000
        self._finish.set(self._wiring.cycle + cycles)

    def _complete(self) -> None:
        """End the operation, if one goes on."""
        operation, self._operation = self._operation, None
        if operation is None:
            return
        self._finish.set(None)
        side = self._sides[operation.secure]
        try:
            self._carry_out(operation)
        except PowerCut:
            self._cut = operation
            raise
        self._show_flags(0, BSY | WDW)
        self.registers[side.control] &= ~(STRT | OPTSTRT)
        if self.registers[side.control] & EOPIE:
            self.registers[side.status] |= EOP
        self._settle()

    def _carry_out(self, operation: Operation) -> None:
        if operation.work is Work.OPTIONS:
            self._program_options()
            return
        pages = _pages(operation)
        if operation.data:
            self._flash.content.program(operation.address, operation.data)
        else:
            for page in pages:
                self._flash.content.erase(page * PAGE)
        self.array.refresh(pages)

    def _tear(self, operation: Operation) -> None:
        """Lose the power for a moment in the middle of an operation."""
        self._operation, self._cut = None, operation
        self._finish.set(None)
        if operation.work is Work.OPTIONS or not self._flash.power.on:
            return
        power = self._flash.power
        planned = power.cut
        power.cut = Cut(power.operations, Mess.TORN)
        with suppress(PowerCut):
            self._carry_out(operation)
        spent = power.operations
        power.restore(planned)
        power.operations = spent

    def _fail(self, side: _Side, errors: int) -> None:
        """Refuse an operation: what was stored for it is lost."""
        side.data = b""
        self._show_flags(0, WDW)
        self.registers[side.status] |= errors
        if self.registers[side.control] & ERRIE:
            self.registers[side.status] |= OPERR

    def _show_flags(self, on: int, off: int) -> None:
        """Change flags that both sides see."""
        for side in self._sides:
            self.registers[side.status] = self.registers[side.status] & ~off | on

    def _broken(self, address: int) -> None:
        """Somebody has read a quad-word that cannot be read."""
        if not self.registers["ECCR"] & ECCD:
            self.registers["ECCR"] = self.registers["ECCR"] & ECCIE | ECCD | address // BANK << 21 | address % BANK
        self._nmi.set(self._wiring.cycle)

    def _settle(self) -> None:
        for side in self._sides:
            status, control = self.registers[side.status], self.registers[side.control]
            side.line.set(bool((status & EOP and control & EOPIE) or (status & OPERR and control & ERRIE)))

    # -- option bytes --------------------------------------------------------------------------------------------------

    def _change_options(self, side: _Side, bits: int) -> None:
        if bits & OPTSTRT:
            error = self._option_error(self._loaded["OPTR"], self.registers["OPTR"])
            if error:
                self._fail(side, error)
                for name, value in self._loaded.items():
                    self.registers[name] = value
            else:
                self.registers["NSCR"] |= OPTSTRT
                self._begin(Operation(Work.OPTIONS, False, 0))
        if bits & OBL_LAUNCH:
            self._complete()
            self._load_options()
            self._wiring.watchdog_reset(OBL_RESET_FLAG)

    @staticmethod
    def _option_error(old: int, new: int) -> int:
        """Return OPTWERR for what cannot be: leaving level 2, or TrustZone without leaving read protection with it."""
        protection, wanted = old & 0xFF, new & 0xFF
        leaves_trustzone = bool(old & TZEN and not new & TZEN)
        regresses = protection != _LEVEL_0 and wanted == _LEVEL_0
        refused = (protection == _LEVEL_2 and old != new) or (leaves_trustzone and not regresses)
        return OPTWERR if refused else 0

    def _program_options(self) -> None:
        """Write the option bytes. Going back to level 0 erases everything first (RM0456, "RDP regression")."""
        old, new = self._loaded["OPTR"] & 0xFF, self.registers["OPTR"] & 0xFF
        if old != _LEVEL_0 and new == _LEVEL_0:
            for page in range(SIZE // PAGE):
                self._flash.content.erase(page * PAGE)
            self.array.refresh()
        self._flash.options = {name: self.registers[name] for name in _OPTIONS}

    def _load_options(self) -> None:
        """Let the option bytes become effective, with the reset that follows."""
        self._loaded = {name: self._flash.options.get(name, self._reset_values[name]) for name in _OPTIONS}
        self.reset()


class _SecureRegisters:
    """The controller at its secure alias."""

    def __init__(self, controller: FlashController) -> None:
        self._controller = controller

    def read(self, offset: int, size: int) -> int:
        """Answer the core's read; 0 where there is no register."""
        return self._controller.read_as(True, offset, size) or 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Take the core's write; forgotten where there is no register."""
        self._controller.write_as(True, offset, size, value)


def _covers(area: int, page: int) -> bool:
    """Say whether an area of pages, PEND 22:16 and PSTRT 6:0, has a page. One that ends before it starts has none."""
    return area & 0x7F <= page <= area >> 16 & 0x7F


def _pages(operation: Operation) -> range:
    """Return the pages that an operation changes."""
    count = {Work.BANK_ERASE: BANK // PAGE, Work.MASS_ERASE: SIZE // PAGE, Work.OPTIONS: 0}.get(operation.work, 1)
    first = operation.address // PAGE
    return range(first, first + count)
