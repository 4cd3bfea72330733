"""Laws of the lines a serial port shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.events import UartOutput
from mvsdk.emulator.soc.uart_lines import LONGEST, SILENCE_US, UartLines
from mvsdk.testing import FakeWiring


def told(data: bytes, silence_us: int = 2 * SILENCE_US) -> list[str]:
    """Send bytes, wait, and return the lines that were told."""
    wiring = FakeWiring()
    lines = UartLines("USART2", wiring)
    for byte in data:
        lines.take(byte)
    wiring.advance(160 * silence_us)
    return [event.text for event in wiring.events if isinstance(event, UartOutput) and event.port == "USART2"]


def test_a_line_is_told_at_its_end() -> None:
    """Each newline tells what came before it, without line ends; empty lines too."""
    assert told(b"one\r\n\ntwo\n", 0) == ["one", "", "two"]


def test_a_prompt_is_told_after_a_silence() -> None:
    """What has no end is told once nothing has followed for a while, and not before."""
    assert told(b"> ", SILENCE_US - 1) == []
    assert told(b"> ") == ["> "]


def test_strange_bytes_become_escapes() -> None:
    """Bytes that are not UTF-8 do no harm."""
    assert told(b"\xff\n") == ["\\xff"]


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=3 * LONGEST))
def test_nothing_is_lost(text: str) -> None:
    """Long lines come in pieces that add up."""
    pieces = told(text.encode())
    assert "".join(pieces) == text
    assert all(len(piece) <= LONGEST for piece in pieces)
