"""Laws of how events are shown to people."""

from __future__ import annotations

import pytest

from mvsdk.emulator.events import DisplayChanged
from mvsdk_cli.event_view import JsonView, TextView


def test_a_display_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Two lines of the picture make one of text; blinking and brightness are said."""
    view = TextView(lambda _: [], lambda _: pytest.fail("nobody calls"))
    view(DisplayChanged(1_500_000, "matrix", ("#.#.", "##..", "....", "...#"), 2.0, 8))
    assert capsys.readouterr().out.splitlines() == [
        "[    1.500000] matrix: brightness 8/16, blinks 2 times a second",
        "[    1.500000]   |█▄▀ |",
        "[    1.500000]   |   ▄|",
    ]


def test_a_display_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts get the picture as it is."""
    JsonView(lambda _: [], lambda _: pytest.fail("nobody calls"))(DisplayChanged(7, "matrix", ("#.",), 0.0, 16))
    assert '"picture": ["#."]' in capsys.readouterr().out
