"""What can be wrong with a board.

BoardError
├── UnknownBoardError   no folder of board-support/ has that name
└── BoardFileError      a board's own files contradict themselves; names file and key, or file and line
"""

from collections.abc import Iterable
from pathlib import Path

from mvsdk.errors import BoardError


class UnknownBoardError(BoardError):
    """There is no board of that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"there is no board '{name}'",
            f"choose one of: {', '.join(known)}",
        )
        self.name = name


class BoardFileError(BoardError):
    """A board's description is missing, malformed or contradicts itself."""

    def __init__(self, file: Path, where: str, problem: str) -> None:
        """`where` is a dotted key of a TOML file or `line N` of a CSV file."""
        super().__init__(
            f"{file}: {where}: {problem}",
            "mend the file, or install mvsdk again if the board came with it",
        )
        self.file = file
        self.where = where
