"""What a project can be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.project.errors import ProjectNameError
from mvsdk.project.names import MAX_LENGTH, check_name, suggest_name

BAD_NAMES = {
    "": "it is empty",
    "2nd-try": "must start with a letter",
    "_private": "must start with a letter",
    "-D": "must start with a letter",
    "été": "must start with a letter",
    "blinky app": "' ' is not allowed",
    "app.v2": "'.' is not allowed",
    "cafés": "'é' is not allowed",
    "../escape": "must start with a letter",
    "a/b": "'/' is not allowed",
    "line\nbreak": "'\\n' is not allowed",
    "${HOME}": "must start with a letter",
    "a" * (MAX_LENGTH + 1): f"{MAX_LENGTH} are the most",
    "int": "word of C or C++",
    "namespace": "word of C or C++",
    "main": "word of C or C++",
    "test": "CMake",
    "all": "CMake",
    "install": "CMake",
    "clean": "CMake",
    "help": "CMake",
    "ALL_BUILD": "CMake",
    "mvsdk": "SDK",
    "con": "Windows",
    "LPT1": "Windows",
}


@pytest.mark.parametrize(("name", "reason"), BAD_NAMES.items())
def test_a_bad_name_is_refused_with_the_reason_and_a_good_one(name: str, reason: str) -> None:
    """A name that would break something is refused, saying why, with a suggestion that would be accepted."""
    with pytest.raises(ProjectNameError) as refusal:
        check_name(name)
    assert f"'{name}'" in refusal.value.what
    assert reason in refusal.value.what
    assert check_name(refusal.value.remedy.split()[-1])


@pytest.mark.parametrize("name", ["blinky", "B", "my-app_2", "Int", "tests", "console", "a" * MAX_LENGTH])
def test_a_good_name_is_accepted_and_needs_no_other(name: str) -> None:
    """A name that breaks nothing is accepted as it is, and is its own suggestion."""
    assert check_name(name) == name == suggest_name(name)


@given(st.text())
def test_every_text_has_an_acceptable_suggestion(text: str) -> None:
    """Whatever was typed, the suggestion is a name that is accepted."""
    assert check_name(suggest_name(text))
