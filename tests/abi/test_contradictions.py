"""Tables that cannot all be true are refused, and the message leads to the line."""

import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mvsdk.abi
from mvsdk.abi.database import read
from mvsdk.abi.errors import ContradictionError, TableError
from mvsdk.errors import AbiError

FILES = ("syscalls.csv", "entry-points.csv", "arguments.csv", "statuses.csv", "enums.csv", "handles.csv", "structs.csv")


@dataclass(frozen=True)
class Case:
    """One table of contradictions.toml, which explains the fields."""

    file: str
    line: str
    words: str
    where: str = ""
    replace: tuple[str, str] = ("", "")
    drop: str = ""
    repeat: str = ""
    swap: str = ""
    append: tuple[str, ...] = ()

    def spoil(self, lines: list[str]) -> list[str]:
        """Make the edit."""
        if self.append:
            return [*lines[:-1], *self.append, ""]
        old, new = self.replace
        number = only(lines, old or self.drop or self.repeat or self.swap)
        before, line, after = lines[:number], lines[number], lines[number + 1 :]
        if old:
            return [*before, line.replace(old, new, 1), *after]
        if self.drop:
            return before + after
        return [*before, line, line, *after] if self.repeat else [*before, after[0], line, *after[1:]]


def only(lines: list[str], text: str) -> int:
    """Return the index of the one line that holds a text."""
    found = [number for number, line in enumerate(lines) if text in line]
    assert len(found) == 1, f"{text!r} is in lines {found}"
    return found[0]


CASES = tomllib.loads(Path(__file__).with_name("contradictions.toml").read_text())


@pytest.mark.parametrize("case", [pytest.param(Case(**table), id=name) for name, table in CASES.items()])
def test_a_contradiction_is_refused_at_its_line(case: Case, tables: Path) -> None:
    """Each kind of contradiction raises an AbiError whose message starts with the file and line at fault."""
    path = tables / case.file
    path.write_text("\n".join(case.spoil(path.read_text().split("\n"))))
    with pytest.raises(AbiError, match=re.escape(case.words)) as caught:
        read(tables)
    where = tables / (case.where or case.file)
    line = max(n for n, text in enumerate(where.read_text().split("\n"), start=1) if case.line in text)
    assert caught.value.what.startswith(f"{where}:{line}: ")
    assert caught.value.remedy


@pytest.mark.parametrize("file", FILES)
def test_a_missing_table_is_refused(file: str, tables: Path) -> None:
    """Without any one of its tables a database does not load, and the message names the table."""
    (tables / file).unlink()
    with pytest.raises(TableError, match=f"{file}:0: cannot be read"):
        read(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_table_that_is_not_text_is_refused(file: str, tables: Path) -> None:
    """Bytes that are not UTF-8 are an error of that table, not of the reader."""
    (tables / file).write_bytes(b"\xff\xfe" + (tables / file).read_bytes())
    with pytest.raises(TableError, match=f"{file}:0: is not UTF-8"):
        read(tables)


def test_no_calls_is_a_contradiction(tables: Path) -> None:
    """A call table with nothing but comments is refused."""
    (tables / "syscalls.csv").write_text("# nothing\n\n")
    with pytest.raises(ContradictionError, match=r"syscalls\.csv:1: there are no calls"):
        read(tables)


@settings(max_examples=150)
@given(st.sampled_from(FILES), st.data())
def test_whatever_is_damaged_the_error_is_one_of_ours(file: str, data: st.DataObject) -> None:
    """A table with any piece overwritten either still makes sense or raises an AbiError, never anything else."""
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(shutil.copytree(Path(mvsdk.abi.__file__).parent / "microvisor", f"{folder}/microvisor"))
        text = (tables / file).read_text()
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 40, len(text))))
        new = data.draw(st.text(alphabet=',"\n\r |*.x0-\x00é', max_size=8))
        (tables / file).write_text(text[:start] + new + text[end:], newline="")
        try:
            damaged = read(tables)
        except AbiError as error:
            assert str(tables) in error.what  # noqa: PT017 - an example may also pass
            assert error.remedy  # noqa: PT017
        else:
            assert damaged.syscalls


@pytest.mark.parametrize(
    ("spelling", "words"),
    [
        ("struct MvNotification", "does not fit in a register"),
        ("uint64_t", "does not fit in a register"),
        ("void", "does not fit in a register"),
        ("enum MvUnheardOf", "is declared"),
        ("MvStatus", "is declared"),
        ("enum MvRestartMode*", "is declared"),
    ],
)
def test_an_argument_must_be_a_declared_type_that_fits_a_register(spelling: str, words: str, tables: Path) -> None:
    """What prototype and argument table agree on must still be known, spelt as C would, and one word at most."""
    for file, old in (("syscalls.csv", '"enum MvRestartMode"'), ("arguments.csv", "mode,enum MvRestartMode,")):
        path = tables / file
        path.write_text(path.read_text().replace(old, old.replace("enum MvRestartMode", spelling)))
    with pytest.raises(ContradictionError, match=rf"arguments\.csv:\d+: .*{words}"):
        read(tables)
