"""Which lines, functions and branches of an application were executed, as lcov's tracefiles say it (geninfo(1)).

Lines and functions come from the ELF's debugging information; a function is where its code begins. A line counts as
executed when the first instruction of any of its statements was; the core remembers whether, not how often, so counts
are 0 and 1. Branches are the conditional branches among a line's instructions, each with two ways: taken and passed.
"""

from __future__ import annotations

import itertools
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from mvsdk.emulator.core.observation import BranchOutcome
from mvsdk.emulator.errors import NoLinesError
from mvsdk.emulator.symbols import Symbols, reading_elf

_REMEDY = "build the application with -g, and name its ELF with --symbols"


class Executed(Protocol):
    """What was executed of a program; `Core.coverage` returns one."""

    def was_executed(self, address: int) -> bool:
        """Say whether the instruction at an address was ever executed."""

    def branches(self) -> Iterator[BranchOutcome]:
        """Go through the conditional branches that were executed."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A statement: where its instructions are, and its source."""

    start: int
    stop: int
    file: str
    line: int


@dataclass(slots=True)
class _File:
    """What is known of one source file. Branches are told apart by their addresses."""

    lines: dict[int, bool] = field(default_factory=dict)
    functions: dict[str, tuple[int, bool]] = field(default_factory=dict)
    branches: dict[tuple[int, int], tuple[bool, bool] | None] = field(default_factory=dict)


def lcov(symbols: Symbols, executed: Executed) -> str:
    """Return a tracefile: a record for every source file, in the order of their names.

    Raises `NoLinesError` for an ELF whose debugging information is missing or damaged.
    """
    try:
        return _tracefile(debugging_information(symbols), symbols, executed)
    except LookupError as error:
        raise NoLinesError(str(error), _REMEDY) from error


def debugging_information(symbols: Symbols) -> Any:  # noqa: ANN401 - pyelftools has no types
    """Return what an ELF says of its sources. Raises `NoLinesError` where it says nothing."""
    if symbols.dwarf is None:
        raise NoLinesError("the ELF has no debugging information, so there are no lines to cover", _REMEDY)
    return symbols.dwarf


def _tracefile(dwarf: Any, symbols: Symbols, executed: Executed) -> str:  # noqa: ANN401
    files: dict[str, _File] = defaultdict(_File)
    outcomes = {branch.address: (branch.taken, branch.passed) for branch in executed.branches()}
    with reading_elf():
        for unit in dwarf.iter_CUs():
            begins: dict[int, _Row] = {}
            for row in _rows(dwarf, unit):
                begins.setdefault(row.start, row)
                _add_row(files[row.file], row, symbols, executed, outcomes)
            for name, start in _functions(unit):
                if start in begins:
                    functions, line = files[begins[start].file].functions, begins[start].line
                    called = functions.get(name, (line, False))[1] or executed.was_executed(start)
                    functions[name] = (line, called)
    return "".join(_record(name, files[name]) for name in sorted(files))


def _add_row(
    file: _File, row: _Row, symbols: Symbols, executed: Executed, outcomes: dict[int, tuple[bool, bool]]
) -> None:
    file.lines[row.line] = file.lines.get(row.line, False) or executed.was_executed(row.start)
    for address in conditional_branches(symbols.code(row.start, row.stop), row.start):
        reached = outcomes.get(address, (False, False)) if executed.was_executed(address) else None
        file.branches[row.line, address] = reached


def conditional_branches(code: bytes, address: int) -> Iterator[int]:
    """Yield the addresses of the conditional branches in Thumb code (Armv8-M ARM, C2.4: B, CBZ and CBNZ)."""
    halfwords = [int.from_bytes(code[at : at + 2], "little") for at in range(0, len(code) - 1, 2)]
    at = 0
    while at < len(halfwords):
        first = halfwords[at]
        if first >> 11 >= 0b11101:  # a 32-bit instruction
            second = halfwords[at + 1] if at + 1 < len(halfwords) else 0
            if first >> 11 == 0b11110 and second & 0xD000 == 0x8000 and first >> 7 & 7 != 7:
                yield address + 2 * at
            at += 2
            continue
        if (first >> 12 == 0b1101 and first >> 9 & 7 != 7) or first & 0xF500 == 0xB100:
            yield address + 2 * at
        at += 1


def _rows(dwarf: Any, unit: Any) -> Iterator[_Row]:  # noqa: ANN401 - pyelftools has no types
    """Yield the statements of a unit; code that the linker left out lies at address 0 and is passed over."""
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return
    names = _file_names(program, unit)
    states = [entry.state for entry in program.get_entries() if entry.state is not None]
    for state, following in itertools.pairwise(states):
        if state.is_stmt and not state.end_sequence and state.line and 0 < state.address <= following.address:
            # Of several statements that begin at one address, the last has the instructions.
            yield _Row(state.address, following.address, names.get(state.file, "?"), state.line)


def _functions(unit: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401
    """Yield the functions of a unit that have code: name and first address."""
    for entry in unit.iter_DIEs():
        start = entry.attributes.get("DW_AT_low_pc")
        name = _name(entry)
        if entry.tag == "DW_TAG_subprogram" and start is not None and name is not None:
            yield _text(name), start.value & ~1


def _name(entry: Any) -> Any:  # noqa: ANN401
    """Return an entry's name, or that of the one it refers to for what it does not say itself."""
    for reference in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if "DW_AT_name" not in entry.attributes and reference in entry.attributes:
            entry = entry.get_DIE_from_attribute(reference)
    name = entry.attributes.get("DW_AT_name")
    return None if name is None else name.value


def _file_names(program: Any, unit: Any) -> dict[int, str]:  # noqa: ANN401
    """Return the paths of a unit's files by their numbers (DWARF 5, 6.2.4: they count from 0, before from 1)."""
    header = program.header
    newest = header["version"] >= 5
    directory = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
    compiled_in = PurePosixPath(_text(directory.value)) if directory is not None else PurePosixPath()
    folders = [_text(folder) for folder in header["include_directory"]]
    folders = folders if newest else [str(compiled_in), *folders]
    found = {}
    for number, entry in enumerate(header["file_entry"], start=0 if newest else 1):
        index = entry.dir_index
        folder = folders[index] if 0 <= index < len(folders) else "."
        found[number] = posixpath.normpath(compiled_in / folder / _text(entry.name))
    return found


def _text(name: Any) -> str:  # noqa: ANN401
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _record(name: str, file: _File) -> str:
    lines = ["TN:", f"SF:{name}"]
    functions = sorted(file.functions.items(), key=lambda item: item[1])
    lines += [f"FN:{line},{function}" for function, (line, _) in functions]
    lines += [f"FNDA:{int(called)},{function}" for function, (_, called) in functions]
    lines += [f"FNF:{len(functions)}", f"FNH:{sum(called for _, (_, called) in functions)}"]
    found = hit = 0
    for (line, _), group in itertools.groupby(sorted(file.branches.items()), key=lambda item: (item[0][0], 0)):
        for block, (_, ways) in enumerate(group):
            for way, went in enumerate(ways or (None, None)):
                lines.append(f"BRDA:{line},{block},{way},{'-' if went is None else int(went)}")
                found, hit = found + 1, hit + bool(went)
    lines += [f"BRF:{found}", f"BRH:{hit}"]
    lines += [f"DA:{line},{int(reached)}" for line, reached in sorted(file.lines.items())]
    lines += [f"LF:{len(file.lines)}", f"LH:{sum(file.lines.values())}", "end_of_record"]
    return "\n".join(lines) + "\n"
