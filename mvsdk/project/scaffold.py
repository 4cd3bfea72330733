"""Make a project from a template: all of it or none of it.

A template is a folder of `templates/` with a `template.toml` (`description = "…"`). Every other file is copied;
`@name@` becomes the project's name in contents and paths, and a leading `dot-` of a path component becomes `.`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mvsdk.project import folder_lock
from mvsdk.project.errors import ScaffoldError, reported_as
from mvsdk.project.names import check_name
from mvsdk.resources import shared

DEFAULT_TEMPLATE = "blinky"
_ABOUT = "template.toml"
_SHOWN = 8
_ELSEWHERE = "choose another folder with --directory"
_REINSTALL = "reinstall mvsdk: its templates are part of it"


@dataclass(frozen=True)
class Template:
    """A folder to copy, and one line on what it shows."""

    name: str
    description: str
    directory: Path


@dataclass(frozen=True)
class Scaffold:
    """A project that has been written: where, from what, and its files relative to `directory`, sorted."""

    name: str
    template: str
    directory: Path
    files: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    data: bytes
    executable: bool

    def write(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.data)
        if self.executable:
            target.chmod(target.stat().st_mode | 0o111)


def templates(root: Path | None = None) -> tuple[Template, ...]:
    """Return the templates under `root` (default: the ones that travel with this installation), by name."""
    root = shared("templates") if root is None else root
    with reported_as(ScaffoldError, "read the templates", _REINSTALL):
        found = sorted(root.glob(f"*/{_ABOUT}"))
        return tuple(
            Template(about.parent.name, str(tomllib.loads(about.read_text("utf-8"))["description"]), about.parent)
            for about in found
        )


def scaffold(template: str, name: str, directory: Path, *, force: bool = False, root: Path | None = None) -> Scaffold:
    """Write project `name` from `template` into `directory`, which appears whole or not at all.

    A folder that exists and is not empty is refused unless `force`; then files of the template's names are replaced,
    each in one step, and all others are left alone.
    Raises ProjectNameError, or ScaffoldError for an unknown template and everything that stands in the way.
    """
    check_name(name)
    files = _render(_template(template, templates(root)), name)
    directory = Path(os.path.realpath(directory))
    exists = os.path.lexists(directory)
    with reported_as(ScaffoldError, f"write the project to {directory}", _ELSEWHERE):
        home = _home(directory)
        _remove_abandoned(home, directory.name)
        if exists:
            _check_room(directory, files, force=force)
        with _staging(home, directory.name) as staging:
            whole = staging / "project"
            whole.mkdir()
            for path, file in files.items():
                file.write(whole / path)
            if exists:
                _merge(whole, directory, files)
            else:
                whole.rename(directory)
    return Scaffold(name, template, directory, tuple(str(path) for path in files))


def _template(name: str, known: tuple[Template, ...]) -> Template:
    for template in known:
        if template.name == name:
            return template
    names = ", ".join(template.name for template in known)
    raise ScaffoldError(f"there is no template '{name}'", f"choose one of: {names} (`mvsdk new --list` describes them)")


def _render(template: Template, name: str) -> Mapping[PurePosixPath, _File]:
    files: dict[PurePosixPath, _File] = {}
    with reported_as(ScaffoldError, f"read template '{template.name}'", _REINSTALL):
        for source in sorted(template.directory.rglob("*")):
            relative = source.relative_to(template.directory)
            if source.is_dir() or relative == Path(_ABOUT):
                continue
            data = source.read_bytes().replace(b"@name@", name.encode())
            executable = bool(source.stat().st_mode & 0o100)
            files[_destination(relative, name)] = _File(data, executable)
    return dict(sorted(files.items()))


def _destination(path: Path, name: str) -> PurePosixPath:
    parts = (part.replace("@name@", name) for part in path.parts)
    return PurePosixPath(*("." + part[4:] if part.startswith("dot-") else part for part in parts))


def _home(directory: Path) -> Path:
    """Return the folder to work in: surely of the same file system as the project, and open to who may write it."""
    if directory.is_dir():
        return directory
    if os.path.lexists(directory):
        raise ScaffoldError(f"{directory} exists and is not a folder", _ELSEWHERE)
    if not directory.parent.is_dir():
        raise ScaffoldError(f"there is no folder {directory.parent}", f"make it first: mkdir -p {directory.parent}")
    return directory.parent


def _check_room(directory: Path, files: Mapping[PurePosixPath, _File], *, force: bool) -> None:
    """Refuse a folder in which something would be lost."""
    present = sorted(entry.name for entry in directory.iterdir())
    if present and not force:
        same = [str(path) for path in files if os.path.lexists(directory / path)]
        remedy = f"{_ELSEWHERE}, or replace the template's files with --force"
        raise ScaffoldError(f"{directory} exists and holds: {_some(same or present)}", remedy)
    for path in files:
        _check_path(directory, path)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _check_path(directory: Path, path: PurePosixPath) -> None:
    """Refuse a file where a folder stands, and a folder where a file stands, before anything is written."""
    if (directory / path).is_dir():
        raise ScaffoldError(f"{directory / path} is a folder where the template has a file", "move it away")
    for parent in path.parents:
        if os.path.lexists(directory / parent) and not (directory / parent).is_dir():
            raise ScaffoldError(f"{directory / parent} is a file where the template has a folder", "move it away")


def _merge(whole: Path, directory: Path, files: Mapping[PurePosixPath, _File]) -> None:
    for path in files:
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (whole / path).replace(target)


def _prefix(name: str) -> str:
    return f".{name}.mvsdk-new-"


@contextmanager
def _staging(home: Path, name: str) -> Iterator[Path]:
    """Make a folder that is gone afterwards, and locked until then."""
    staging = Path(tempfile.mkdtemp(prefix=_prefix(name), dir=home))
    lock = folder_lock.take(staging)
    try:
        yield staging
    finally:
        shutil.rmtree(staging)
        os.close(lock)


def _remove_abandoned(home: Path, name: str) -> None:
    """Remove the staging folders whose makers were killed."""
    for entry in home.iterdir():
        if entry.name.startswith(_prefix(name)) and folder_lock.is_free(entry):
            shutil.rmtree(entry)
