"""Backups: everything a cloud keeps on disk in one archive, whether it runs or not.

The archive is a tar file with the data folder's layout; the database in it is a consistent copy. With PostgreSQL the
database is not in it: that is `pg_dump`'s.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import tarfile
import tempfile
from pathlib import Path

from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.cloud.errors import BackupError

_FILES = ("credentials.json", "master.key", "cloud.json")
_FOLDERS = ("keys", "blobs")
_DATABASE = "cloud.sqlite"


def back_up(directory: DataDirectory, archive: Path) -> None:
    """Write a backup; its owner alone may read it, because the keys are in it. Raises BackupError.

    Layers are copied after the database: one uploaded meanwhile may be in it without its row, never the reverse.
    """
    source = directory.path
    if not (source / "cloud.json").exists():
        raise BackupError(f"there is no cloud in {source}", "name its folder with --data")
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{archive.name}.", dir=archive.parent)
        try:
            with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
                _add_database(source / _DATABASE, tar)
                for name in (*_FILES, *_FOLDERS):
                    if (source / name).exists():
                        tar.add(source / name, name)
                file.flush()
            Path(temporary).replace(archive)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"cannot write {archive}: {error}", "give a path in a folder that is yours") from error


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
            with contextlib.suppress(FileNotFoundError):
                target.rmdir()
            whole.rename(target)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"cannot restore {archive}: {error}", "check that the file is whole") from error


def _add_database(path: Path, tar: tarfile.TarFile) -> None:
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(path)) as database, contextlib.closing(sqlite3.connect(":memory:")) as copy:
        database.backup(copy)
        content = copy.serialize()
    member = tarfile.TarInfo(_DATABASE)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))
