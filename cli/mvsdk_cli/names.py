"""Names for the addresses of a run: functions, lines, the calls that led there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.bundle import Image
    from mvsdk.emulator.events import Faulted
    from mvsdk.emulator.symbols import Place, Symbols


class Names:
    """Names for the addresses of one run, as far as there are symbols."""

    def __init__(self, find: Callable[[], Symbols | None], read: Callable[[int, int], bytes]) -> None:
        self._find = find
        self._read = read

    @cached_property
    def _symbols(self) -> Symbols | None:
        # Reading an ELF takes longer than many a run, and most runs need no names.
        return self._find()

    def required(self, purpose: str) -> Symbols:
        """Return the symbols. Raises `SymbolsMismatchError` where there are none."""
        from mvsdk.emulator.errors import SymbolsMismatchError

        if self._symbols is None:
            raise SymbolsMismatchError(
                f"{purpose} needs the application's ELF, and there is none beside it", "name it with --symbols"
            )
        return self._symbols

    def caller(self, address: int) -> Place:
        """Name the function that made a call."""
        from mvsdk.emulator.symbols import Place

        return self._symbols.place(address) if self._symbols else Place(address, None, 0, None)

    def backtrace(self, event: Faulted) -> list[Place]:
        """Walk the guest's stack from where it faulted."""
        from mvsdk.emulator.unwind import backtrace

        if self._symbols is None:
            return [self.caller(event.registers.pc), self.caller(event.registers.lr)]
        return list(backtrace(self._symbols, event.registers, self._read))


def symbols_source(chosen: Path | None, target: Path, board: Board, image: Image) -> Callable[[], Symbols | None]:
    """Say where names come from: the ELF that was chosen, checked at once, or whatever the target has, when needed."""
    from mvsdk.emulator.target import find_symbols, load_symbols

    if chosen is None:
        return lambda: find_symbols(target, board, image)
    symbols = load_symbols(chosen, board, image)
    return lambda: symbols
