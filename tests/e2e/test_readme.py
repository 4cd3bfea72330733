"""The README is true: its commands are run, and what it shows is what they print."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.transcripts import check, examples

README = Path(__file__).resolve().parents[2] / "README.md"


def test_every_command_of_the_readme_does_what_it_shows(tmp_path: Path) -> None:
    """In an empty directory, with no keys and no network, each command succeeds and prints what the README shows."""
    shown = [example for example in examples(README) if not example.command.startswith(("make ", "git ", "pip "))]
    assert len(shown) >= 6, "the README shows the whole way"
    check(shown, tmp_path, tmp_path / "home")
