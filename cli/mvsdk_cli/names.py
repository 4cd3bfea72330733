"""Names for the addresses of a run: functions, lines, the calls that led there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.bundle import Image
    from mvsdk.emulator.events import Faulted
    from mvsdk.emulator.symbols import Place, Symbols


class Names:
    """Names for the addresses of one run, as far as there are symbols. `running` returns the image that they are of,
    `find` the symbols of an image."""

    def __init__(
        self,
        find: Callable[[Image], Symbols | None],
        read: Callable[[int, int], bytes],
        running: Callable[[], Image],
    ) -> None:
        self._find = find
        self._read = read
        self._running = running
        self._found: tuple[Image, Symbols | None] | None = None

    @property
    def _symbols(self) -> Symbols | None:
        # Reading an ELF takes longer than many a run, and most runs need no names.
        image = self._running()
        if self._found is None or self._found[0] is not image:
            self._found = image, self._find(image)
        return self._found[1]

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


def symbols_source(
    chosen: Path | None, target: Path | None, board: Board, image: Image
) -> Callable[[Image], Symbols | None]:
    """Say where names come from: the ELF that was chosen, checked at once, or whatever the target has, when needed.

    An image that replaces this one later has names where the target's ELF has been built anew with it.
    """
    from mvsdk.emulator.target import find_symbols, load_symbols

    symbols = None if chosen is None else load_symbols(chosen, board, image)
    beside = target or chosen

    def find(running: Image) -> Symbols | None:
        if symbols is not None and running is image:
            return symbols
        return None if beside is None else find_symbols(beside, board, running)

    return find
