"""`mvsdk.toml`: what a project is called, which board it is for, and how it is built and bundled."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from mvsdk.project.errors import ConfigurationError, NoProjectError, ProjectNameError, reported_as
from mvsdk.project.names import check_name
from mvsdk.project.toml_spelling import spelled

FILE = "mvsdk.toml"
DEFAULT_BOARD = "stm32u585"
BuildType: TypeAlias = Literal["debug", "release"]
BundleOption: TypeAlias = int | bool | Path


@dataclass(frozen=True)
class Project:
    """A folder with an `mvsdk.toml`, read and checked.

    `bundle` holds the manifest options that were given, under the names of `mvsdk.bundle.ManifestOptions`; public keys
    are absolute paths of PEM files. `toolchain` is the folder of the compiler when the project names one.
    """

    directory: Path
    name: str
    board: str = DEFAULT_BOARD
    build_type: BuildType = "debug"
    toolchain: Path | None = None
    bundle: Mapping[str, BundleOption] = field(default_factory=dict)

    @property
    def build_directory(self) -> Path:
        """Where everything that is built goes."""
        return self.directory / "build"

    @property
    def elf(self) -> Path:
        """The program `mvsdk build` makes; `.bin`, `.hex` and `.map` lie beside it."""
        return self.build_directory / f"{self.name}.elf"

    @classmethod
    def find(cls, start: Path) -> Project:
        """Load the project that `start` is in: the nearest folder at or above it with an `mvsdk.toml`.

        Raises NoProjectError when there is none, ConfigurationError when the file is wrong.
        """
        start = start.absolute()
        for directory in (start, *start.parents):
            if (directory / FILE).is_file():
                return cls.load(directory)
        if (start / "CMakeLists.txt").is_file():
            raise NoProjectError(
                f"{start} is a CMake project without an {FILE}",
                """build it with: mvsdk build, then name its program: mvsdk bundle path/to/app.elf; or add an """
                f"""{FILE} with: printf '[project]\\nname = "NAME"\\n' > """
                f"{FILE}  (NAME: the target whose ELF is the program)",
            )
        raise NoProjectError(
            f"there is no {FILE} in {start} or above", "go into a project, or make one with: mvsdk new NAME"
        )

    @classmethod
    def load(cls, directory: Path) -> Project:
        """Load the project in `directory`. Raises NoProjectError without a file, ConfigurationError for a wrong one."""
        directory = directory.absolute()
        file = directory / FILE
        if not file.is_file():
            raise NoProjectError(f"there is no {FILE} in {directory}", "make a project with: mvsdk new NAME")
        with reported_as(ConfigurationError, f"read {file}", "make it readable"):
            data = file.read_bytes()
        return cls._from_values(directory, _check(file, _parse(file, data)))

    @classmethod
    def _from_values(cls, directory: Path, values: Mapping[str, Mapping[str, Any]]) -> Project:
        project, bundle, toolchain = values["project"], values["bundle"], values["toolchain"].get("path")
        if "name" not in project:
            raise ConfigurationError(f"{directory / FILE}: [project] name is missing", 'add: [project] name = "blinky"')
        located = {key: directory / value if isinstance(value, Path) else value for key, value in bundle.items()}
        return cls(
            directory=directory,
            name=project["name"],
            board=project.get("board", DEFAULT_BOARD),
            build_type=values["build"].get("type", "debug"),
            toolchain=None if toolchain is None else directory / toolchain,
            bundle=located,
        )


def _parse(file: Path, data: bytes) -> Mapping[str, object]:
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: byte {error.start} is not UTF-8", "save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"{file}: {error}", "correct the TOML there; https://toml.io shows the syntax"
        ) from error


def _check(file: Path, document: Mapping[str, object]) -> Mapping[str, Mapping[str, Any]]:
    """Return the sections with their values in their Python types; all sections are present."""
    known: Mapping[str, Mapping[str, str]] = tomllib.loads(Path(__file__).with_name("settings.toml").read_text("utf-8"))
    for section, keys in document.items():
        if section not in known:
            raise _unknown(f"{file}: there is no section [{section}]", section, known)
        if not isinstance(keys, dict):
            raise ConfigurationError(
                f"{file}: {section} = {spelled(keys)}: expected a section", f"write [{section}] instead"
            )
    sections: Mapping[str, Any] = document
    return {name: _check_section(file, name, kinds, sections.get(name, {})) for name, kinds in known.items()}


def _check_section(file: Path, section: str, kinds: Mapping[str, str], keys: Mapping[str, object]) -> Mapping[str, Any]:
    values = {}
    for key, value in keys.items():
        if key not in kinds:
            raise _unknown(f"{file}: there is no key '{key}' in [{section}] ({key} = {spelled(value)})", key, kinds)
        try:
            values[key] = _KINDS[kinds[key]](value)
        except _UnexpectedError as error:
            what = f"{file}: [{section}] {key} = {spelled(value)}: expected {error.expected}"
            raise ConfigurationError(what, f"correct the value of '{key}'{error.hint}") from error
    return values


def _unknown(what: str, word: str, known: Mapping[str, object]) -> ConfigurationError:
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    return ConfigurationError(what, f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}")


class _UnexpectedError(Exception):
    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _UnexpectedError("a text that is not empty")
    return value


def _name(value: object) -> str:
    try:
        return check_name(_text(value))
    except ProjectNameError as error:
        raise _UnexpectedError("a project name", f" ({error.what})") from error


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _UnexpectedError("true or false")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise _UnexpectedError("a whole number from 0 to 4294967295")
    return value


def _build_type(value: object) -> str:
    if value not in get_args(BuildType):
        raise _UnexpectedError(" or ".join(f'"{choice}"' for choice in get_args(BuildType)))
    return str(value)


_KINDS: Mapping[str, Callable[[object], object]] = {
    "text": _text,
    "name": _name,
    "path": _path,
    "flag": _flag,
    "count": _count,
    "build type": _build_type,
}
