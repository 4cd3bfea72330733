"""A TOML file read with suspicion: a value is only had by naming its key and type, and no key may be left over."""

from __future__ import annotations

from pathlib import Path

from mvsdk.boards.errors import BoardFileError


def read_toml(file: Path) -> Section:
    """Return the top of a TOML file. Raises `BoardFileError` if it cannot be read as one."""
    import tomllib

    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BoardFileError(file, "file", f"cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise BoardFileError(file, "file", f"is not TOML ({error})") from error
    return Section(file, "", values)


class Section:
    """One table of the file. Its methods return the value of a key, or raise `BoardFileError` naming it."""

    def __init__(self, file: Path, path: str, values: dict[str, object]) -> None:
        self._file = file
        self._path = path
        self._values = values
        self._used: set[str] = set()

    def error(self, key: str, problem: str) -> BoardFileError:
        """Return the error that says what is wrong with `key`."""
        return BoardFileError(self._file, self._path + key, problem)

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        value = self._value(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, f"{value!r} is not a text")
        return value

    def integer(self, key: str) -> int:
        """Return a number of 0 to 2**32 - 1."""
        return self._number(key, self._value(key))

    def integers(self, key: str) -> tuple[int, ...]:
        """Return a list of numbers, each 0 to 2**32 - 1."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.error(key, f"{value!r} is not a list of numbers")
        return tuple(self._number(key, item) for item in value)

    def section(self, key: str) -> Section:
        """Return the table `[key]`."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.error(key, f"{value!r} is not a table")
        return Section(self._file, f"{self._path}{key}.", value)

    def sections(self, key: str) -> tuple[Section, ...]:
        """Return the tables `[[key]]`, in order."""
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"{value!r} is not a list of tables")
        return tuple(Section(self._file, f"{self._path}{key}[{index}].", item) for index, item in enumerate(value))

    def finish(self) -> None:
        """Raise `BoardFileError` if the table holds a key nobody asked for: most likely a misspelt one."""
        for key in self._values:
            if key not in self._used:
                raise self.error(key, "is not known here")

    def _value(self, key: str) -> object:
        self._used.add(key)
        if key not in self._values:
            raise self.error(key, "is missing")
        return self._values[key]

    def _number(self, key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
            raise self.error(key, f"{value!r} is not a number of 0 to 2**32 - 1")
        return value
