"""What commands that use a debug probe share: choosing one, and showing how far it is."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mvsdk_cli.console import printable

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.emulator.target import Target
    from mvsdk.probe.finding import FoundProbe
    from mvsdk.probe.flashing import Phase, Progress
    from mvsdk.probe.session import Attached

_F = TypeVar("_F", bound=Callable[..., Any])
BAR = 24
"""Characters of a progress bar."""


def probe_option(function: _F) -> _F:
    """Give a command the `--probe` option, passed on as `uid`."""
    return click.option("--probe", "uid", metavar="UID", help="Use this probe; `mvsdk probes` lists them.")(function)


class Number(click.ParamType[int]):
    """A number as people write addresses and sizes: 4096, 0x1000, 4K."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        """Return the number; fail for what is none, or does not fit an address."""
        if isinstance(value, int):
            return value
        text, factor = (value[:-1], 1024) if value[-1:] in {"K", "k"} else (value, 1)
        try:
            number = int(text, 0) * factor
        except ValueError:
            number = -1
        if not 0 <= number <= 1 << 32:
            self.fail(f"'{value}' is no address or size. Write 0x08000000, 4096 or 4K.", param, ctx)
        return number


def chosen_probe(uid: str | None, board: str | None = None) -> FoundProbe:
    """Return the probe that is meant; on a terminal a person is asked if several would do."""
    from mvsdk.probe.errors import ManyProbesError
    from mvsdk.probe.finding import choose, find_probes

    probes = find_probes()
    try:
        return choose(probes, uid, board)
    except ManyProbesError:
        if uid is not None or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
    fitting = [probe for probe in probes if board is None or probe.board in {board, None}]
    for number, probe in enumerate(fitting, 1):
        click.echo(f"  {number}  {printable(probe.uid)}  {printable(probe.product)}", err=True)
    number = click.prompt("Which one", type=click.IntRange(1, len(fitting)), err=True)
    return fitting[number - 1]


@contextlib.contextmanager
def attached(uid: str | None, board: str | None = None, *, halt: bool = False) -> Iterator[Attached]:
    """Connect to the chip behind the probe that is meant."""
    found = chosen_probe(uid, board)
    from mvsdk.probe.session import Attached

    with Attached(found, halt=halt) as connected:
        yield connected


def load_for(
    path: Path | None, board_name: str | None, trust: tuple[Path, ...], *, allow_unsigned: bool
) -> tuple[Path, Board, Target]:
    """Return what is to be flashed, verified: the file named, or the bundle of the project this folder is in."""
    from mvsdk.boards import load
    from mvsdk.emulator.target import load_target
    from mvsdk.project.configuration import DEFAULT_BOARD, Project
    from mvsdk_cli.keyring import keyring

    project_board = DEFAULT_BOARD
    if path is None:
        project = Project.find(Path.cwd())
        path, project_board = project.elf.with_suffix(".zip"), project.board
    board = load(board_name or project_board)
    known = keyring().trusted(trust).values()
    return path, board, load_target(path, board, known, allow_unsigned=allow_unsigned)


class ProgressBar:
    """A line on a terminal's standard error that says what is done, how far, and how fast; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._phase: Phase | None = None
        self._began = 0.0

    def __enter__(self) -> Progress:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._shown and self._phase is not None:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _show(self, phase: Phase, done: int, total: int) -> None:
        if not self._shown or not total:
            return
        now = time.monotonic()
        if phase is not self._phase:
            self._phase, self._began = phase, now
        filled = BAR * done // total
        rate = f"{done / 1024 / (now - self._began):6.0f} KiB/s" if done and now > self._began else ""
        bar = "━" * filled + "╌" * (BAR - filled)
        click.echo(f"\r\x1b[K{phase.value:<12} {bar} {100 * done // total:3} % {rate}", nl=False, err=True)
