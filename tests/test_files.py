"""Files that a user gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvsdk.files import OutputError, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """A file is made or replaced, and nothing else is left in its folder."""
    path = tmp_path / "file"
    for data in (b"one", b"two"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("target", ["missing/file", "folder", "file/below"])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, target: str) -> None:
    """Where the system refuses, the error names the path, and the folder is as it was."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=target):
        write_whole(tmp_path / target, b"new")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_bytes() == b"old"


def test_devices_are_left_alone() -> None:
    """A path that is a device is refused: a rename would replace the device by a file."""
    with pytest.raises(OutputError, match="no regular file"):
        write_whole(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


def test_a_private_file_is_private(tmp_path: Path) -> None:
    """A file has the permissions that are asked for, also where one with others was."""
    path = tmp_path / "token"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_whole(path, b"new", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
