"""Where the files are that travel with the library: `templates/` and `board-support/`.

In a wheel they lie inside the package; in a source checkout they are the folders beside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shared(name: str) -> Path:
    """Return the folder `name` ("templates" or "board-support") that belongs to this installation."""
    installed = _PACKAGE / "_shared" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
