"""The way back through the stack, from where a guest stopped to where it started.

Follows the DWARF call-frame information as far as it goes (DWARF 5 §6.4), and steps over exception frames by their
EXC_RETURN value (Armv8-M ARM). The stack is the guest's: every address read from it is only an allegation, and
a walk ends at the first one that leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mvsdk.emulator.core import Registers
from mvsdk.emulator.symbols import Place, Symbols, reading_elf

if TYPE_CHECKING:
    from elftools.dwarf.dwarfinfo import DWARFInfo

MOST_FRAMES = 64
SP, LR, PC = 13, 14, 15
STACKED = (0, 1, 2, 3, 12, LR, PC)
BASIC_FRAME_BYTES, EXTENDED_FRAME_BYTES = 0x20, 0x68

ReadMemory = Callable[[int, int], bytes]
"""Return bytes of guest memory, or raise `LookupError`."""


@dataclass(slots=True)
class _Frame:
    """A function's registers. `stopped` says it stopped itself, rather than in a call it made: its return address may
    still be in LR, and its PC is the instruction in question rather than the one behind it."""

    registers: dict[int, int]
    stopped: bool

    @property
    def address(self) -> int:
        """An address inside the instruction in question."""
        return self.registers[PC] if self.stopped else (self.registers[PC] & ~1) - 1


def backtrace(symbols: Symbols, registers: Registers, read: ReadMemory) -> Iterator[Place]:
    """Walk from where the guest stopped towards its reset handler, as far as the stack can be believed."""
    frame = _Frame(dict(enumerate(registers.r)), stopped=True)
    for _ in range(MOST_FRAMES):
        yield symbols.place(frame.address)
        try:
            with reading_elf():
                frame = _caller(symbols.dwarf, frame, read)
            if frame.registers[PC] >= 0xFF80_0000:
                frame = _interrupted(frame, registers.psp, read)
        except LookupError:
            return


def _caller(dwarf: DWARFInfo | None, frame: _Frame, read: ReadMemory) -> _Frame:
    """Undo one call. `LookupError` where nothing tells how."""
    row = _rules(dwarf, frame.address)
    if row is None and frame.stopped:
        # Stopped where no code is: whoever jumped there left the way back in LR.
        return _Frame({**frame.registers, PC: frame.registers[LR]}, stopped=False)
    if row is None:
        raise LookupError(f"no frame information for 0x{frame.address:08x}")
    cfa_rule = row["cfa"]
    if cfa_rule.reg is None:
        raise LookupError("the frame's address is an expression")
    cfa = (frame.registers[cfa_rule.reg] + cfa_rule.offset) & 0xFFFF_FFFF
    saved = {register: rule.arg for register, rule in row.items() if register in range(PC) and rule.type == "OFFSET"}
    if LR not in saved and not frame.stopped:
        raise LookupError("a function that called another kept no return address: the first of all")
    registers = dict(frame.registers)
    for register, offset in saved.items():
        registers[register] = _word(read, cfa + offset)
    registers[SP] = cfa
    registers[PC] = registers[LR]
    return _Frame(registers, stopped=False)


def _rules(dwarf: DWARFInfo | None, address: int) -> dict[Any, Any] | None:
    """Return the call-frame table's row for an address: how to find each saved register. None if there is none."""
    from elftools.dwarf.callframe import FDE

    if dwarf is None or not dwarf.has_CFI():
        return None
    for entry in dwarf.CFI_entries():
        if isinstance(entry, FDE) and 0 <= address - entry["initial_location"] < entry["address_range"]:
            rows = [row for row in entry.get_decoded().table if row["pc"] <= address]
            if rows:
                return dict(rows[-1])
    return None


def _interrupted(frame: _Frame, psp: int, read: ReadMemory) -> _Frame:
    """Undo an exception entry: the frame it pushed holds the registers of the code it interrupted."""
    exc_return = frame.registers[PC]
    base = psp if exc_return & 4 else frame.registers[SP]
    registers = dict(frame.registers)
    for index, register in enumerate(STACKED):
        registers[register] = _word(read, base + 4 * index)
    aligned = _word(read, base + 4 * len(STACKED)) & 0x200  # RETPSR bit 9: a word of padding lies above the frame
    registers[SP] = base + (BASIC_FRAME_BYTES if exc_return & 0x10 else EXTENDED_FRAME_BYTES) + (4 if aligned else 0)
    return _Frame(registers, stopped=True)


def _word(read: ReadMemory, address: int) -> int:
    return int.from_bytes(read(address & 0xFFFF_FFFF, 4), "little")
