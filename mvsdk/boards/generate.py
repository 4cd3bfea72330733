"""The C sources of a board that repeat its tables: the vector table, the interrupt numbers, the addresses.

    python -m mvsdk.boards.generate           write them
    python -m mvsdk.boards.generate --check   say which are out of date; exit status 1 if one is

They are committed, never edited. What is written depends on the board's files alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

from mvsdk.boards.board import CORE_VECTORS, Board
from mvsdk.boards.reader import available, load
from mvsdk.boards.tables import RESET

_COMMAND = "python -m mvsdk.boards.generate"

_VECTORS = Template("""\
/* Generated from board-support/$board/interrupts.csv by `$command`. Do not edit. */

/* The vector table. The kernel takes stack pointer and entry point from its first two words. */

#include <stdint.h>

#define UNLESS_DEFINED __attribute__((weak, alias("Default_Handler")))

extern uint32_t _estack[];

void Reset_Handler(void);
void Default_Handler(void);
$declarations

/* An interrupt without a handler stops the application here, where a debugger finds it. */
__attribute__((weak)) void Default_Handler(void)
{
    for (;;) {
    }
}

struct vector_table {
    uint32_t *initial_stack;
    void (*handlers[$count])(void);
};

extern const struct vector_table g_pfnVectors;

__attribute__((section(".isr_vector"), used)) const struct vector_table g_pfnVectors = {
    .initial_stack = _estack,
    .handlers = {
$handlers
    },
};
""")

_INTERRUPT_NUMBERS = Template("""\
/* Generated from board-support/$board/interrupts.csv by `$command`. Do not edit. */

#ifndef ${guard}_IRQN_H
#define ${guard}_IRQN_H

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers and names are those of CMSIS: exceptions of the core are negative. */
typedef enum {
$numbers
} IRQn_Type;

/* A function with one of these names serves that interrupt. */
$handlers

#ifdef __cplusplus
}
#endif

#endif
""")

_ADDRESSES = Template("""\
/* Generated from board-support/$board/board.toml and tables by `$command`. Do not edit. */

#ifndef ${guard}_ADDRESSES_H
#define ${guard}_ADDRESSES_H

#define NVIC_PRIORITY_BITS ${priority_bits}U

/* Where non-secure code finds each block. */
$blocks

/* The clock controller belongs to the kernel: these go to mvPeriphPeek32() and mvPeriphPoke32(). */
$registers

#endif
""")


def render(board: Board) -> Mapping[str, str]:
    """Return the generated files: path relative to the board's directory, and content."""
    return {
        "vectors.c": _vectors(board),
        f"include/{board.name}_irqn.h": _interrupt_numbers(board),
        f"include/{board.name}_addresses.h": _addresses(board),
    }


def stale(board: Board) -> tuple[Path, ...]:
    """Return the generated files that are missing or differ from what the board's tables say."""
    return tuple(
        file for path, content in render(board).items() if _current(file := board.directory / path) != content.encode()
    )


def write(board: Board) -> tuple[Path, ...]:
    """Write what is missing or differs, and return it."""
    written = stale(board)
    contents = render(board)
    for file in written:
        file.parent.mkdir(exist_ok=True)
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_bytes(contents[file.relative_to(board.directory).as_posix()].encode())
        temporary.replace(file)
    return written


def main(arguments: Sequence[str]) -> int:
    """Run the command described above and return its exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"usage: {_COMMAND} [--check]\n")
        return 2
    boards = [load(name) for name in available()]
    if not arguments:
        sys.stdout.writelines(f"wrote {file}\n" for board in boards for file in write(board))
        return 0
    out_of_date = [file for board in boards for file in stale(board)]
    sys.stderr.writelines(f"{file} is out of date; run: {_COMMAND}\n" for file in out_of_date)
    return 1 if out_of_date else 0


def _current(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _vectors(board: Board) -> str:
    declared = (handler for number, handler in sorted(board.handlers.items()) if number != RESET)
    numbers = range(1 - CORE_VECTORS, board.vector_words - CORE_VECTORS)
    return _VECTORS.substitute(
        board=board.name,
        command=_COMMAND,
        declarations=_lines(f"void {handler}(void) UNLESS_DEFINED;" for handler in declared),
        count=board.vector_words - 1,
        handlers=_lines(f"        {board.handlers.get(number, '0')}, /* {number} */" for number in numbers),
    )


def _interrupt_numbers(board: Board) -> str:
    names = {**board.exceptions, **board.interrupts}
    return _INTERRUPT_NUMBERS.substitute(
        board=board.name,
        command=_COMMAND,
        guard=board.name.upper(),
        numbers=_lines(f"    {names[number]}_IRQn = {number}," for number in sorted(names)),
        handlers=_lines(f"void {board.handlers[number]}(void);" for number in sorted(names)),
    )


def _addresses(board: Board) -> str:
    return _ADDRESSES.substitute(
        board=board.name,
        command=_COMMAND,
        guard=board.name.upper(),
        priority_bits=board.priority_bits,
        blocks=_lines(f"#define {block.name}_BASE 0x{block.base:08X}UL" for block in board.peripherals),
        registers=_lines(f"#define RCC_{entry.name} 0x{entry.address:08X}UL" for entry in board.rcc_registers),
    )


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
