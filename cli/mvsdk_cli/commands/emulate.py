"""Run a bundle on the emulated device.

The bundle is verified first, as a device would; then it runs instruction by instruction, in virtual time: idle time
costs nothing, and the same bundle and seed give the same run.

\b
    $ mvsdk emulate --for 200ms
    [    0.000000] application starts, wake reason COLDBOOT
    [    0.000060] blinky: started at 160 MHz
    [    0.100065] LED user ● on
    [    0.100074] blinky: LED on (tick 1)
    time is over after 0.200000 s, 45 times real time

What a serial port sends is shown as "USART2: text". A register that has no model reads 0, forgets what is written, and
is noted once; with --strict-mmio it is a bus fault. With --gate-clocks a peripheral works only while RCC gives it its
clock, as on the chip; without, it always does, because what the kernel leaves enabled is not public.

Without TARGET it runs the project's own bundle. A bare ELF, HEX or BIN, or an unsigned bundle, runs only with
--allow-unsigned. Without --for and --until it runs in real time until Ctrl-C.

A HardFault belongs to the secure kernel, as on the device, so an application's own HardFault handler never runs; its
handlers for MemManage and UsageFault do, once it has enabled them.

A fault ends the run, unless --on-fault restart or the bundle's manifest says otherwise. A manifest does by giving a
restart interval (`mvsdk bundle --minimum-restart-interval`, --maximum-restart-interval): the kernel then reports the
fault and starts the application again, no more often than the minimum and, however often it crashes, at least as often
as the maximum; the time between two starts doubles from crash to crash. Where no manifest says so they are 1 s and
60 s. Such faults do not change the exit status; --on-fault stop makes the first one end the run whatever the manifest
says.

With --testing the application runs as the factory's test code: mvTestLog and mvTestingComplete work, and the run ends
when the application calls the latter.

\b
Exit status:
    0  the text of --until was logged, or the time of --for is over and no text was asked for
    1  it could not be run: the error says why
    3  the time is over, or the application sleeps for ever, and the text of --until was not logged
    4  the application faulted, and was not started again
    5  with --testing, the application ended the test with a status other than 0
    130  it was stopped with Ctrl-C
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvsdk_cli.console import json_option, print_json, warn
from mvsdk_cli.durations import Duration

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.bundle import Image, ManifestOptions
    from mvsdk.emulator.crashes import RestartPolicy
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.events import Faulted, Observer
    from mvsdk.emulator.symbols import Place, Symbols

REACHED, TEXT_NOT_SEEN, FAULTED, TEST_FAILED, INTERRUPTED = 0, 3, 4, 5, 130
FIXED_START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""The wall time at which a device in virtual time starts, so that a run can be repeated."""


def _some_text(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text == "":
        raise click.BadParameter("every line holds the empty text. Name the one to wait for.")
    return text


@click.command("emulate", help=__doc__)
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--for", "length", type=Duration(), help="Stop after this much device time: 5s, 250ms, 2m.")
@click.option("--until", "text", callback=_some_text, help="Stop when this text is logged.")
@click.option("--time", "pace", type=click.Choice(["virtual", "real"]), help="How fast the device's time passes.")
@click.option("--seed", type=int, default=0, show_default=True, help="What everything random follows from.")
@click.option("--start-time", help="Wall time at the start: an ISO date and time, or 'now'.")
@click.option("--on-fault", type=click.Choice(["stop", "restart"]), help="What a fault leads to.")
@click.option("--testing", is_flag=True, help="Run the application as the factory's test code.")
@click.option("--trace", type=click.Choice(["syscalls"]), help="Show every system call, decoded.")
@click.option("--strict-mmio", is_flag=True, help="Make accesses to registers without a model bus faults.")
@click.option("--gate-clocks", is_flag=True, help="Let peripherals without a clock in RCC read 0 and ignore writes.")
@click.option("--trust", "trust", type=click.Path(path_type=Path), multiple=True, help="Trust this public key too.")
@click.option("--allow-unsigned", is_flag=True, help="Run what nobody signed.")
@click.option("--symbols", type=click.Path(path_type=Path), help="Take names and lines from this ELF.")
@click.option("--board", "board_name", help="The board to emulate; by default the project's, else stm32u585.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    target: Path | None,
    length: int | None,
    text: str | None,
    pace: str | None,
    seed: int,
    start_time: str | None,
    on_fault: str | None,
    testing: bool,
    trace: str | None,
    strict_mmio: bool,
    gate_clocks: bool,
    trust: tuple[Path, ...],
    allow_unsigned: bool,
    symbols: Path | None,
    board_name: str | None,
    as_json: bool,
) -> None:
    """Load, verify, run, and end with the status the manual lists."""
    from mvsdk.boards import load
    from mvsdk.emulator.core import new_core
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.target import load_target
    from mvsdk.emulator.watch import TextWatch
    from mvsdk.project.configuration import DEFAULT_BOARD
    from mvsdk_cli.keyring import keyring

    path, project_board = (target, DEFAULT_BOARD) if target is not None else _project_bundle()
    board = load(board_name or project_board)
    trusted = keyring().trusted(trust).values()
    loaded = load_target(path, board, trusted, allow_unsigned=allow_unsigned)
    pace = pace or ("virtual" if length is not None or text is not None else "real")
    core = new_core()
    names = _Names(_symbols_source(symbols, path, board, loaded.image), core.read_memory)
    watches = [] if text is None else [TextWatch(text)]
    device = Device(
        board,
        loaded.image,
        core,
        seed=seed,
        wall_start_us=_wall_start_us(start_time, pace),
        restart_policy=_restart_policy(on_fault, loaded.options),
        testing=testing,
        trace_calls=trace is not None,
        strict_mmio=strict_mmio,
        gate_clocks=gate_clocks,
        observers=[_view(names, as_json=as_json), *watches],
    )
    for watch in watches:
        watch.device = device
    started = time.monotonic()
    reason, status = _run(device, length, pace, text)
    _summary(device, reason, status, time.monotonic() - started, as_json=as_json)
    ctx.exit(status)


def _project_bundle() -> tuple[Path, str]:
    """Return the bundle of the project this folder is in, and its board."""
    from mvsdk.errors import ProjectError
    from mvsdk.project.configuration import Project

    project = Project.find(Path.cwd())
    bundle = project.elf.with_suffix(".zip")
    if not bundle.is_file():
        raise ProjectError(f"there is no bundle {bundle}", "make it: mvsdk build && mvsdk bundle")
    if project.elf.is_file() and project.elf.stat().st_mtime_ns > bundle.stat().st_mtime_ns:
        warn(f"{bundle.name} is older than {project.elf.name}; `mvsdk bundle` would take the new build.")
    return bundle, project.board


class _Names:
    """Names for the addresses of one run, as far as there are symbols."""

    def __init__(self, find: Callable[[], Symbols | None], read: Callable[[int, int], bytes]) -> None:
        self._find = find
        self._read = read

    @cached_property
    def _symbols(self) -> Symbols | None:
        # Reading an ELF takes longer than many a run, and most runs need no names.
        return self._find()

    def caller(self, address: int) -> Place:
        """Name the function that made a call."""
        from mvsdk.emulator.symbols import Place

        return self._symbols.place(address) if self._symbols else Place(address, None, 0, None)

    def backtrace(self, event: Faulted) -> list[Place]:
        """Walk the guest's stack from where it faulted."""
        from mvsdk.emulator.unwind import backtrace

        if self._symbols is None:
            return [self.caller(event.registers.pc), self.caller(event.registers.lr)]
        return list(backtrace(self._symbols, event.registers, self._read))


def _symbols_source(chosen: Path | None, target: Path, board: Board, image: Image) -> Callable[[], Symbols | None]:
    """Say where names come from: the ELF that was chosen, checked at once, or whatever the target has, when needed."""
    from mvsdk.emulator.target import find_symbols, load_symbols

    if chosen is None:
        return lambda: find_symbols(target, board, image)
    symbols = load_symbols(chosen, board, image)
    return lambda: symbols


def _view(names: _Names, *, as_json: bool) -> Observer:
    from mvsdk_cli.event_view import JsonView, TextView

    return (JsonView if as_json else TextView)(names.backtrace, names.caller)


def _wall_start_us(start_time: str | None, pace: str) -> int:
    """Return the device's wall time at its start: as asked, else now in real time and a fixed day in virtual time."""
    if start_time == "now" or (start_time is None and pace == "real"):
        moment = datetime.datetime.now(datetime.UTC)
    elif start_time is None:
        moment = FIXED_START
    else:
        try:
            moment = datetime.datetime.fromisoformat(start_time)
        except ValueError as error:
            raise click.BadParameter(
                f"'{start_time}' is no ISO date and time. Write 2026-05-01T12:00:00Z, or now.",
                param_hint="--start-time",
            ) from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        if moment.timestamp() < 0:
            raise click.BadParameter(
                f"'{start_time}' is before 1970, where Unix time begins.", param_hint="--start-time"
            )
    return round(moment.timestamp() * 1e6)


def _restart_policy(on_fault: str | None, options: ManifestOptions) -> RestartPolicy | None:
    """Say how a faulting application is started again: as asked, else as the manifest says; None for not at all."""
    from mvsdk.emulator.crashes import RestartPolicy

    if on_fault == "stop":
        return None
    wanted = RestartPolicy.of(options)
    return RestartPolicy() if wanted is None and on_fault == "restart" else wanted


def _run(device: Device, length: int | None, pace: str, text: str | None) -> tuple[str, int]:
    """Run, and return why it ended and with which exit status."""
    from mvsdk.emulator.device import End
    from mvsdk.emulator.pace import run_in_real_time

    try:
        end = run_in_real_time(device, length) if pace == "real" else device.run(length)
    except KeyboardInterrupt:
        return "interrupted", INTERRUPTED
    if end is End.STOPPED:
        return "reached", REACHED
    if end is End.FAULT:
        return end.value, FAULTED
    if end is End.TESTED and device.test_status:
        return end.value, TEST_FAILED
    return end.value, REACHED if text is None else TEXT_NOT_SEEN


REASONS = {
    "reached": "text was logged",
    "time": "time is over",
    "fault": "application faulted",
    "asleep": "application sleeps, and nothing will ever wake it",
    "tested": "factory test ended",
    "interrupted": "stopped",
}
"""How a run can end, in words."""


def _summary(device: Device, reason: str, status: int, wall: float, *, as_json: bool) -> None:
    """Say how the run ended: on standard error for people, as the last object for scripts."""
    if as_json:
        print_json({"event": "end", "time_us": device.time_us, "reason": reason, "exit_status": status})
        return
    seconds = device.time_us / 1e6
    missed = ", and the text was not logged" if status == TEXT_NOT_SEEN else ""
    speed = f"{seconds / wall:,.{0 if seconds > 10 * wall else 1}f} times real time"
    click.echo(click.style(f"{REASONS[reason]}{missed} after {seconds:.6f} s, {speed}", dim=True), err=True)
