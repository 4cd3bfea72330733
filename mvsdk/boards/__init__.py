"""What a board is: memory, interrupts, peripherals, clocks and lights, as the application on it sees them.

Not a driver and not a model: this package only reads `board-support/<board>/` (board.toml and its tables), checks that
the files agree with one another, and hands out one frozen value. The C sources beside board.toml that repeat these
facts are generated from it (`python -m mvsdk.boards.generate`).

The rule that must never break: a board's facts live in its files. No other code names an address, an interrupt or a
pin of a board.
"""

from mvsdk.boards.board import Board, Button, Clocks, Led, MemoryRegion, Peripheral, Pin, RccRegister
from mvsdk.boards.errors import BoardFileError, UnknownBoardError
from mvsdk.boards.reader import available, load, read

__all__ = [
    "Board",
    "BoardFileError",
    "Button",
    "Clocks",
    "Led",
    "MemoryRegion",
    "Peripheral",
    "Pin",
    "RccRegister",
    "UnknownBoardError",
    "available",
    "load",
    "read",
]
