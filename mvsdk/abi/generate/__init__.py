"""What is made from a database: the C header, the link-time symbols and the reference pages.

`python -m mvsdk.abi.generate` writes them into a source checkout, `--check` only compares. The files are part of the
repository so that nobody needs Python to read or compile them. The rule that must never break: the same tables give
the same bytes, and nobody edits a generated file.
"""

from __future__ import annotations

import os
from pathlib import Path

from mvsdk.abi.generate.header import render_header
from mvsdk.abi.generate.pages import render_pages
from mvsdk.abi.generate.symbols import render_symbols
from mvsdk.abi.model import Abi


def render(abi: Abi) -> dict[str, str]:
    """Return the text of every generated file by its path in the source checkout."""
    header = next(iter(abi.syscalls.values())).header
    board_support = f"board-support/{abi.name}"
    return {
        f"{board_support}/include/{header}": render_header(abi),
        f"{board_support}/{Path(header).stem}.S": render_symbols(abi),
        **{f"{_reference(abi)}/{name}": text for name, text in render_pages(abi).items()},
    }


def stale(abi: Abi, root: Path) -> list[str]:
    """Return the paths under `root` that are not what `render` says: differing, missing, or left over."""
    files = render(abi)
    different = [path for path, text in files.items() if _current(root / path) != text.encode()]
    return sorted(different + _left_over(abi, root, files))


def write(abi: Abi, root: Path) -> list[str]:
    """Bring the files under `root` up to date and return the paths that were not.

    `OSError` if one cannot be written; none is ever half written.
    """
    files = render(abi)
    changed = stale(abi, root)
    for path in changed:
        if path in files:
            _replace(root / path, files[path].encode())
        else:
            (root / path).unlink()
    return changed


def _reference(abi: Abi) -> str:
    return f"docs/reference/{abi.name}"


def _left_over(abi: Abi, root: Path, files: dict[str, str]) -> list[str]:
    pages = (f"{_reference(abi)}/{page.name}" for page in (root / _reference(abi)).glob("*.md"))
    return [page for page in pages if page not in files]


def _current(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
