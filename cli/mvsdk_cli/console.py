"""How the commands speak: tables and short lines for people, one JSON document for scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from mvsdk.errors import MvsdkError

_F = TypeVar("_F", bound=Callable[..., Any])


def nearby(path: Path) -> Path:
    """Return a path as a person in this folder would write it: relative, unless the absolute one is shorter."""
    return Path(min(os.path.relpath(path), str(path.absolute()), key=len))


def json_option(function: _F) -> _F:
    """Give a command the `--json` flag, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")(function)


def print_json(document: object, *, err: bool = False) -> None:
    """Print one JSON document on one line of standard output, or of standard error."""
    click.echo(json.dumps(document, ensure_ascii=False), err=err)


def render_error(error: MvsdkError, *, as_json: bool) -> None:
    """Say what happened and what to do, on standard error; with `--json` also as a document on standard output."""
    if as_json:
        print_json({"error": error.what, "remedy": error.remedy})
    # Errors are shown after the command's context is gone, which would have known about NO_COLOR.
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(click.style("error: ", fg="red", bold=True) + printable(error.what), err=True, color=color)
    if error.remedy:
        click.echo(click.style("  fix: ", fg="green") + printable(error.remedy), err=True, color=color)


def printable(text: str) -> str:
    """Make text from outside safe for a terminal: control characters become escapes."""
    return "".join(
        character if character == "\t" or character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def warn(message: str) -> None:
    """Print a warning on standard error."""
    click.echo(click.style("warning: ", fg="yellow", bold=True) + message, err=True)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header in columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for number, row in enumerate(cells):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)
