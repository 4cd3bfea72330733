"""Notice every change below a folder."""

from __future__ import annotations

from pathlib import Path


def stamps(directory: Path) -> dict[str, tuple[int, int]]:
    """Return what changes when any file or folder below is written, replaced, added or removed."""
    paths = [directory, *directory.rglob("*")]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}
