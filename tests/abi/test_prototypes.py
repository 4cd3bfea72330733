"""Prototypes in the forms of NuttX's database."""

from pathlib import Path

import pytest

from mvsdk.abi.errors import ContradictionError, TableError
from mvsdk.abi.prototypes import FormalParameter, Prototype, read_prototypes


def parse(folder: Path, line: str) -> Prototype:
    """Return the one prototype of a line."""
    path = folder / "syscalls.csv"
    path.write_text(line + "\n")
    (prototype,) = read_prototypes(path).values()
    return prototype


def test_a_plain_call(tmp_path: Path) -> None:
    """Name, header, condition, return type and parameters are the fields in order; one type serves both sides."""
    prototype = parse(tmp_path, '"chdir2","unistd.h","defined(CONFIG_FS)","int","FAR const char *","int"')
    assert (prototype.name, prototype.header, prototype.returns) == ("chdir2", "unistd.h", "int")
    assert prototype.condition == "defined(CONFIG_FS)"
    assert prototype.parameters == (
        FormalParameter("FAR const char *", "FAR const char *"),
        FormalParameter("int", "int"),
    )
    assert prototype.is_plain


def test_formal_and_actual_type(tmp_path: Path) -> None:
    """`formal|actual` keeps the prototype's type and the one it arrives as apart."""
    prototype = parse(tmp_path, '"pipes","unistd.h","","int","int [2]|FAR int *"')
    assert prototype.parameters == (FormalParameter("int [2]", "FAR int *"),)
    assert not prototype.is_plain


def test_a_union_names_the_member_that_travels(tmp_path: Path) -> None:
    """`union X|actual|member` gives all three."""
    prototype = parse(tmp_path, '"post","signal.h","","int","union sigval|FAR void *|sival_ptr"')
    assert prototype.parameters == (FormalParameter("union sigval", "FAR void *", "sival_ptr"),)
    assert not prototype.is_plain


def test_dots_before_types_make_them_optional(tmp_path: Path) -> None:
    """What follows `...` is optional, and counts as a parameter at the trap."""
    prototype = parse(tmp_path, '"open","fcntl.h","","int","FAR const char *","int","...","mode_t"')
    assert len(prototype.parameters) == 3
    assert prototype.required == 2
    assert not prototype.open_ended
    assert not prototype.is_plain


def test_dots_at_the_end_leave_it_open(tmp_path: Path) -> None:
    """`...` as the last field says that more may follow, of types nobody tells."""
    prototype = parse(tmp_path, '"log","syslog.h","","void","int","FAR const char *","..."')
    assert len(prototype.parameters) == prototype.required == 2
    assert prototype.open_ended
    assert not prototype.is_plain


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"","h","","int"', "the name is empty"),
        ('"f","","","int"', "the header is empty"),
        ('"f","h","",""', "the return type is empty"),
        ('"f","h","","int",""', "none of the known forms"),
        ('"f","h","","int","int|"', "none of the known forms"),
        ('"f","h","","int","|int"', "none of the known forms"),
        ('"f","h","","int","a|b|c"', "none of the known forms"),
        ('"f","h","","int","union a|b"', "none of the known forms"),
        ('"f","h","","int","union a|b|c|d"', "none of the known forms"),
        ('"f","h","","int","...","int","..."', "'...' comes twice"),
    ],
)
def test_other_forms_are_refused(line: str, words: str, tmp_path: Path) -> None:
    """What has none of the forms is an error that names the line."""
    with pytest.raises(TableError, match=r"syscalls\.csv:1: ") as caught:
        parse(tmp_path, line)
    assert words in caught.value.what


def test_a_name_is_declared_once(tmp_path: Path) -> None:
    """The second line of one name is refused and tells where the first is."""
    path = tmp_path / "syscalls.csv"
    path.write_text('"f","h","","int"\n"g","h","","int"\n"f","h","","int","int"\n')
    with pytest.raises(ContradictionError, match=r"syscalls\.csv:3: f is declared a second time, after line 1"):
        read_prototypes(path)
