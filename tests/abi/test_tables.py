"""The two table forms: NuttX's quoted lines, and ordinary CSV with named columns."""

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.abi.errors import TableError
from mvsdk.abi.tables import read_quoted_table, read_table

FOUR = '"a","b","","c"'


def quoted(folder: Path, text: str) -> list[tuple[str, ...]]:
    """Return the fields of each line of a table in NuttX's form."""
    path = folder / "calls.csv"
    path.write_text(text)
    return [line.fields for line in read_quoted_table(path)]


@pytest.mark.parametrize(
    "line",
    [
        '"a","b","","c"',
        '  "a","b","","c"',
        '"a" ,"b", "" , "c"',
        '\t"a"\t,\t"b","","c"  ',
    ],
)
def test_blanks_around_fields_mean_nothing(line: str, tmp_path: Path) -> None:
    """Blanks before the first quote and on both sides of a comma leave the same fields."""
    assert quoted(tmp_path, line + "\n") == [("a", "b", "", "c")]


def test_empty_lines_and_comments_are_skipped_but_counted(tmp_path: Path) -> None:
    """Empty lines and lines whose first character is # hold no call, yet line numbers are those of the file."""
    path = tmp_path / "calls.csv"
    path.write_text(f'\n# a note\n   # "another","one"\n   \n{FOUR}\n')
    assert [(line.line, line.fields) for line in read_quoted_table(path)] == [(5, ("a", "b", "", "c"))]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"a","b",""', "3 fields"),
        ('"a"', "1 fields"),
        (",".join(['"x"'] * 17), "17 fields"),
        ('"a","b","","c', "no quoted field at '\"c'"),
        ('a,"b","","c"', "no quoted field at 'a,"),
        ('"a","b","",c', "no quoted field at 'c'"),
        ('"a","b","","c",', "no quoted field at ''"),
        ('"a","b","","c" d', "'d' stands outside the quotes"),
        ('"a""b","b","","c"', "stands outside the quotes"),
        (f'"a","b","","{"x" * 256}"', "field of 256 characters"),
        (",".join([f'"{"x" * 255}"'] * 16), "line of 4127 characters"),
    ],
)
def test_a_broken_line_is_refused(line: str, words: str, tmp_path: Path) -> None:
    """Too few or many fields, unbalanced quotes, stray text and excess length are errors that name the line."""
    with pytest.raises(TableError, match=r"calls\.csv:2: ") as caught:
        quoted(tmp_path, f"{FOUR}\n{line}\n")
    assert words in caught.value.what
    assert caught.value.remedy


def test_the_limits_themselves_are_allowed(tmp_path: Path) -> None:
    """Sixteen fields, and fields of 255 characters, are read."""
    assert len(quoted(tmp_path, ",".join(['"x"'] * 16))[0]) == 16
    assert quoted(tmp_path, f'"a","b","","{"x" * 255}"')[0][3] == "x" * 255


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_characters='"', categories=("L", "N", "P", "S"))), min_size=4, max_size=8
    )
)
def test_an_ordinary_csv_reader_finds_the_same_fields(fields: list[str]) -> None:
    """Any CSV reader that skips blanks after commas reads a table in NuttX's form the way we do."""
    line = ", ".join(f'"{field}"' for field in fields)
    with tempfile.TemporaryDirectory() as folder:
        (ours,) = quoted(Path(folder), line)
    (theirs,) = csv.reader([line], skipinitialspace=True)
    assert list(ours) == theirs == fields


def test_columns_must_be_the_expected_ones(tmp_path: Path) -> None:
    """A companion table with other columns is refused at its first line, which shows what they should be."""
    path = tmp_path / "things.csv"
    path.write_text("name,colour\nx,red\n")
    with pytest.raises(TableError, match=r"things\.csv:1: the columns are 'name,colour'") as caught:
        read_table(path, ("name", "value"))
    assert "name,value" in caught.value.remedy
    path.write_text("")
    with pytest.raises(TableError, match=r"things\.csv:1: the columns are ''"):
        read_table(path, ("name", "value"))


@pytest.mark.parametrize("row", ["x", "x,1,2", "", 'x,"1'])
def test_a_row_must_fill_its_columns(row: str, tmp_path: Path) -> None:
    """A row with a cell too few or many, or an open quote, is refused at its line."""
    path = tmp_path / "things.csv"
    path.write_text(f"name,value\nx,1\n{row}\n")
    with pytest.raises(TableError, match=r"things\.csv:3: "):
        read_table(path, ("name", "value"))


def test_cells_are_read_as_what_they_must_be(tmp_path: Path) -> None:
    """Numbers are decimal or hexadecimal, names are C identifiers, texts are one printable line."""
    path = tmp_path / "things.csv"
    path.write_text('name,value,meaning\nsize,0x10,"a, b"\n9lives,010,*/\n')
    good, bad = read_table(path, ("name", "value", "meaning"))
    assert (good.identifier("name"), good.number("value"), good.text("meaning")) == ("size", 16, "a, b")
    for read_cell, column in ((bad.identifier, "name"), (bad.number, "value"), (bad.text, "meaning")):
        with pytest.raises(TableError, match=rf"things\.csv:3: {column} "):
            read_cell(column)
