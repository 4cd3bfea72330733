"""Backups: everything a cloud keeps in its folder in one archive, whether it runs or not.

The archive is a tar file with the folder's layout; the database in it is a consistent copy, and every layer that this
copy names is there too. What is elsewhere is not in it: with PostgreSQL the rows are `pg_dump`'s, with a bucket the
layers are the bucket's. Keys and credentials, without which those are worth little, are in it always.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tarfile
import tempfile
from pathlib import Path

from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.cloud.errors import BackupError

_FILES = ("credentials.json", "master.key", "cloud.json", "keys", "authority")
_BLOBS = "blobs"
_DATABASE = "cloud.sqlite"
_TRIES = 3


def back_up(directory: DataDirectory, archive: Path) -> int:
    """Write a backup; its owner alone may read it, because the keys are in it. Raises BackupError.

    Return how many layers the database names that are not in the folder: all of them, if they are kept in a bucket.
    """
    source = directory.path
    if not (source / "cloud.json").exists():
        raise BackupError(f"there is no cloud in {source}", "name its folder with --data")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{archive.name}.", dir=archive.parent) as staging:
            whole = Path(staging) / "archive"
            with open(os.open(whole, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
                with tarfile.open(fileobj=file, mode="w") as tar:
                    missing = _add_all(source, tar, Path(staging) / _DATABASE)
                file.flush()
                os.fsync(file.fileno())
            whole.replace(archive)
        _sync(archive.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"cannot write {archive}: {error}", "give a path in a folder that is yours") from error
    return missing


def restore(archive: Path, directory: DataDirectory) -> None:
    """Make a data folder from a backup; the folder must not hold a cloud. Raises BackupError."""
    target = directory.path
    if target.exists() and any(target.iterdir()):
        raise BackupError(f"{target} is not empty", "restore into a new folder, named with --data")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as staging:
            whole = Path(staging) / "data"
            whole.mkdir(mode=0o700)
            with tarfile.open(archive, "r:") as tar:
                tar.extractall(whole, filter="data")
            if not (whole / "cloud.json").is_file() or not (whole / "master.key").is_file():
                raise BackupError(f"{archive} is no backup of a cloud", "name a file that `mvsdk cloud backup` wrote")
            for path in (*whole.rglob("*"), whole):
                _sync(path)
            with contextlib.suppress(FileNotFoundError):
                target.rmdir()
            whole.rename(target)
        _sync(target.parent)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"cannot restore {archive}: {error}", "check that the file is whole") from error


def _add_all(source: Path, tar: tarfile.TarFile, copy: Path) -> int:
    """Add everything, the database by way of the file `copy`; return how many of its layers are not there.

    Apps come and go meanwhile. A row is there only while its layer is: a deletion takes the row first. So a layer that
    the copy names and that is gone was deleted since, and the next copy does not name it.
    """
    for name in _FILES:
        if (source / name).exists():
            tar.add(source / name, name)
    added = {path.name for path in sorted((source / _BLOBS).glob("??/*")) if _add_layer(path, tar)}
    missing: set[str] = set()
    if not (source / _DATABASE).exists():
        return 0
    for _ in range(_TRIES if (source / _BLOBS).is_dir() else 1):
        missing = _copied(source / _DATABASE, copy) - added
        added |= {name for name in missing if _add_layer(source / _BLOBS / name[:2] / name, tar)}
        missing -= added
        if not missing:
            break
    tar.add(copy, _DATABASE)
    return len(missing)


def _add_layer(path: Path, tar: tarfile.TarFile) -> bool:
    """Add a layer; return whether it was still there."""
    if path.name.startswith("."):  # one that is being written
        return False
    try:
        tar.add(path, f"{_BLOBS}/{path.parent.name}/{path.name}")
    except FileNotFoundError:
        return False
    return True


def _copied(path: Path, copy: Path) -> set[str]:
    """Copy a database as it is at one moment; return the layers it names."""
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(path)) as database, contextlib.closing(sqlite3.connect(copy)) as target:
        database.backup(target)
        return {name for (name,) in target.execute("SELECT name FROM layers")}


def _sync(path: Path) -> None:
    """Make a file, or what a folder lists, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
