"""Values in messages look as in the file."""

from __future__ import annotations

import datetime
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.project.toml_spelling import spelled

SCALARS = (
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.datetimes() | st.dates() | st.floats(allow_nan=False)
)
TEXTS = st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]))


@given(st.recursive(SCALARS | TEXTS, lambda values: st.lists(values) | st.dictionaries(TEXTS, values), max_leaves=8))
def test_what_is_spelled_reads_back(value: object) -> None:
    """TOML understands the spelling of any value, as that value."""
    assert tomllib.loads(f"key = {spelled(value)}") == {"key": value}


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), ("a", '"a"'), ([True], "[true]"), (datetime.date(2021, 2, 3), "2021-02-03")],
)
def test_words_are_tomls_own(value: object, text: str) -> None:
    """A truth value is in small letters and a text in double quotes."""
    assert spelled(value) == text
