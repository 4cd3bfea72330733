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

Without TARGET it runs what the --device holds, else the project's own bundle; with --cloud first the project's. A
bare ELF, HEX or BIN, or an unsigned bundle, runs only with --allow-unsigned. Without --for and --until it runs in
real time until Ctrl-C; on a terminal it is then a console with keys for the user button, pause, snapshot, reset and
any input.

\b
A device can be kept, and a run had again:
    --snapshot-at 2s FILE    write the whole device to a file at a moment
    --from-snapshot FILE     go on from there, with the same image
    --device DIR             a device that lasts: identity, external flash, crash reports
    --record FILE            write down every input with its cycle
    --replay FILE            let the same inputs happen at the same cycles

With --bare the device is a bare board on a desk, for probes: its flash is its own, kept in the folder of --device, and
blank until something is flashed; a TARGET is put into it only if it is blank, and none is needed. While it runs `mvsdk
flash BUNDLE --probe emulator:NAME` flashes it. A fault does not end the run. docs/flashing.md tells more.

--inputs FILE names what is connected to the device and what happens to it when; docs/emulator.md shows such a
device.toml. --uart connects a serial port to this machine: USART2=stdio, USART2=pty, USART2=file:OUT or
USART2=file:OUT,IN. With stdio, standard output is what the port sends, and everything else is on standard error.

The application reaches the real network: servers by HTTPS, brokers by MQTT with TLS, and what --endpoint names. While
it waits for an answer, its time does not run ahead of this machine's. --peers lets the scripted servers of a file
answer in their place, at once and always the same; --config FILE holds what config fetches find, else the cloud of
--cloud does; --link makes the link slow or lossy; --offline takes it away. What arrived is in a recording, so a replay
needs no network. docs/network.md tells more.

With --cloud the device keeps its application, as a real one does, and updates itself: the bundle is put on it unless
it is the one that was put there last, so an update stays; --reflash puts it there again.

--trace syscalls shows every system call, --trace syscalls=logging,mvPowerSave those of a family or a name, --trace
interrupts the interrupt lines and handlers, --trace sleep when the application sleeps; --trace-file writes a trace that
Perfetto and chrome://tracing open.
--coverage writes which lines, functions and branches were executed, as lcov does.

A HardFault belongs to the secure kernel, as on the device, so an application's own HardFault handler never runs; its
handlers for MemManage and UsageFault do, once it has enabled them.

A fault ends the run, unless --on-fault restart, --cloud or the bundle's manifest says otherwise. A manifest does by
giving a restart interval (`mvsdk bundle --minimum-restart-interval`, --maximum-restart-interval): the kernel then
reports the fault and starts the application again, no more often than the minimum and, however often it crashes, at
least as often as the maximum; the time between two starts doubles from crash to crash. Where no manifest says so they
are 1 s and 60 s. Such faults do not change the exit status; --on-fault stop makes the first one end the run whatever
the manifest says.

With --testing the application runs as the factory's test code: mvTestLog and mvTestingComplete work, and the run ends
when the application calls the latter. --factory-image gives a new --device what `mvsdk factory image` has made: it
runs the test code in it, and when that has passed the final application, which it keeps. docs/factory.md tells more.

\b
Exit status:
    0  the text of --until was logged, or the time of --for is over and no text was asked for
    1  it could not be run, or a replay ended in another state than its recording: the error says why
    3  the time is over, or the application sleeps for ever, and the text of --until was not logged
    4  the application faulted, and was not started again
    5  the factory's test code ended the test with a status other than 0
    130  it was stopped with Ctrl-C
"""

from __future__ import annotations

import datetime
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mvsdk_cli.console import json_option, print_json, warn
from mvsdk_cli.device_folder import device_folder
from mvsdk_cli.durations import Duration
from mvsdk_cli.networking import NAMES, NetworkOptions, Reach, network_options, taken_from
from mvsdk_cli.tracing import Trace, TraceOption, joined

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.bundle import Image, ManifestOptions
    from mvsdk.emulator.crashes import RestartPolicy
    from mvsdk.emulator.debug.port import DebugPort
    from mvsdk.emulator.device import Device, End
    from mvsdk.emulator.device_directory import DeviceDirectory
    from mvsdk.emulator.events import Event, Observer
    from mvsdk.emulator.host_ports import HostPorts
    from mvsdk.emulator.network.radio import Radio
    from mvsdk.emulator.recording import Recording
    from mvsdk.emulator.soc.flash_array import ChipFlash
    from mvsdk.emulator.target import Target
    from mvsdk_cli.emulator_console import Console
    from mvsdk_cli.upkeep import Upkeep

REACHED, TEXT_NOT_SEEN, FAULTED, TEST_FAILED, INTERRUPTED = 0, 3, 4, 5, 130
NOTHING = "nothing"
"""What is called the image of a chip that nobody has flashed."""
FIXED_START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""The wall time at which a device in virtual time starts, so that a run can be repeated."""
FRESH_ONLY = {"seed", "start_time", "on_fault", "testing", "strict_mmio", "gate_clocks", "device_path", "bare"}
"""Options of a new device: one from a file has them from there."""
IN_A_RECORDING = {"inputs", "uarts", "from_snapshot", *NAMES}
"""Options of a device that is not replayed: a recording has what came of them."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    target: Path | None
    length: int | None
    text: str | None
    pace: str | None
    seed: int
    start_time: str | None
    on_fault: str | None
    testing: bool
    traces: tuple[Trace, ...]
    trace_file: Path | None
    coverage: Path | None
    strict_mmio: bool
    gate_clocks: bool
    snapshots: tuple[tuple[int, Path], ...]
    from_snapshot: Path | None
    device_path: Path | None
    bare: bool
    cloud: bool
    factory_image: Path | None
    reflash: bool
    record: Path | None
    replay: Path | None
    inputs: Path | None
    uarts: tuple[tuple[str, str], ...]
    trust: tuple[Path, ...]
    allow_unsigned: bool
    symbols: Path | None
    board_name: str | None
    as_json: bool
    network: NetworkOptions

    @property
    def endless(self) -> bool:
        """Whether nothing but the application or somebody who watches ends the run."""
        return self.length is None and self.text is None and self.replay is None

    @property
    def live(self) -> bool:
        """Whether a person or another program takes part."""
        return self.endless or self.cloud or any(where in {"stdio", "pty"} for _, where in self.uarts)

    @property
    def real_time(self) -> bool:
        """Whether the device is held back to the wall clock."""
        return (self.pace or ("real" if self.live else "virtual")) == "real"

    @property
    def on_stdio(self) -> bool:
        """Whether standard input and output belong to a serial port."""
        return any(where == "stdio" for _, where in self.uarts)

    def restart_policy(self, options: ManifestOptions) -> RestartPolicy | None:
        """Say how a faulting application is started again: as asked, else as its manifest says; None for not at all.

        A device with a cloud goes on, as they all do out there.
        """
        return restart_policy(self.on_fault or ("restart" if self.cloud else None), options)

    def notice(self, line: str) -> None:
        """Tell people something that is no event of the device."""
        if not self.as_json:
            click.echo(click.style(line, dim=True), err=True)


def _some_text(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text == "":
        raise click.BadParameter("every line holds the empty text. Name the one to wait for.")
    return text


def _ports(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values]
    for value, (port, _, where) in zip(values, pairs, strict=True):
        if not port or not where:
            raise click.BadParameter(f"'{value}' connects nothing. Write USART2=stdio, USART2=pty or USART2=file:PATH.")
    return tuple((port, where) for port, _, where in pairs)


def _folder(_ctx: click.Context, _option: click.Parameter, name: str | None) -> Path | None:
    return None if name is None else device_folder(name, os.environ)


_PATH = click.Path(path_type=Path)


@click.command("emulate", help=__doc__)
@click.argument("target", required=False, type=_PATH)
@click.option("--for", "length", type=Duration(), help="Stop after this much device time: 5s, 250ms, 2m.")
@click.option("--until", "text", callback=_some_text, help="Stop when this text is logged.")
@click.option("--time", "pace", type=click.Choice(["virtual", "real"]), help="How fast the device's time passes.")
@click.option("--seed", type=int, default=0, show_default=True, help="What everything random follows from.")
@click.option("--start-time", help="Wall time at the start: an ISO date and time, or 'now'.")
@click.option("--on-fault", type=click.Choice(["stop", "restart"]), help="What a fault leads to.")
@click.option("--testing", is_flag=True, help="Run the application as the factory's test code.")
@click.option("--trace", "traces", type=TraceOption(), multiple=True, help="Show system calls, interrupts or sleep.")
@click.option("--trace-file", type=_PATH, help="Write a trace for Perfetto to this file.")
@click.option("--coverage", type=_PATH, help="Write what was executed to this file, as lcov does.")
@click.option("--strict-mmio", is_flag=True, help="Make accesses to registers without a model bus faults.")
@click.option("--gate-clocks", is_flag=True, help="Let peripherals without a clock in RCC read 0 and ignore writes.")
@click.option(
    "--snapshot-at",
    "snapshots",
    type=(Duration(), _PATH),
    multiple=True,
    help="Write the device to a file at a moment.",
)
@click.option("--from-snapshot", type=_PATH, help="Go on from a snapshot.")
@click.option("--device", "device_path", callback=_folder, metavar="NAME|DIR", help="Keep the device in this folder.")
@click.option("--bare", is_flag=True, help="Give the device its flash to itself: a bare board, for probes.")
@click.option("--cloud", is_flag=True, help="Keep the device in touch with the cloud that made it.")
@click.option(
    "--factory-image", type=_PATH, metavar="FILE", help="Give a new device what `mvsdk factory image` has made."
)
@click.option(
    "--reflash", is_flag=True, help="Put the bundle or factory image on the device again, over what it holds."
)
@click.option("--record", type=_PATH, help="Write every input to this file.")
@click.option("--replay", type=_PATH, help="Run what was recorded in this file.")
@click.option("--inputs", type=_PATH, help="Take connections and inputs from this device.toml.")
@click.option(
    "--uart", "uarts", callback=_ports, multiple=True, help="Connect a serial port: USART2=stdio, =pty, =file:OUT."
)
@click.option("--trust", "trust", type=_PATH, multiple=True, help="Trust this public key too.")
@click.option("--allow-unsigned", is_flag=True, help="Run what nobody signed.")
@click.option("--symbols", type=_PATH, help="Take names and lines from this ELF.")
@click.option("--board", "board_name", help="The board to emulate; by default the project's, else stm32u585.")
@network_options
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - the fields of Request
    """Load, verify, run, and end with the status the manual lists."""
    network = taken_from(options)
    network.check()
    request = Request(**options, network=network)
    _check_together(ctx, request)
    with ExitStack() as stack:
        status = _emulate(request, stack)
    ctx.exit(status)


def _check_together(ctx: click.Context, request: Request) -> None:
    """Refuse options that contradict each other."""
    if request.cloud and request.network.offline:
        raise click.UsageError("--offline leaves the cloud of --cloud out of reach: leave one of the two out.", ctx)
    if request.bare and request.device_path is None:
        raise click.UsageError("--bare needs --device NAME: where its flash is kept, and what probes call it.", ctx)
    if request.bare and request.cloud:
        raise click.UsageError("--bare has no kernel that could be in touch with a cloud: leave out --cloud.", ctx)
    if request.cloud and request.device_path is None:
        raise click.UsageError("--cloud needs --device: who the device is. `mvsdk device create NAME` makes one.", ctx)
    if request.factory_image is not None:
        if request.device_path is None:
            raise click.UsageError("--factory-image needs --device: which device to put it on.", ctx)
        if request.target is not None or request.testing:
            other = "TARGET" if request.target is not None else "--testing"
            raise click.UsageError(f"--factory-image says what runs, and how: leave {other} out.", ctx)
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    for source in ("from_snapshot", "replay"):
        clash = sorted(
            given & {*FRESH_ONLY, *({"inputs", "uarts", "from_snapshot", *NAMES} if source == "replay" else ())}
        )
        if source in given and clash:
            flags = {name: option.opts[0] for option in ctx.command.params if (name := option.name)}
            raise click.UsageError(f"{flags[source]} brings its own {flags[clash[0]]}: leave one of the two out.", ctx)


def _emulate(request: Request, stack: ExitStack) -> int:
    from mvsdk.boards import load
    from mvsdk.emulator.target import load_target
    from mvsdk_cli.keyring import keyring

    path, project_board = _target(request)
    board = load(request.board_name or project_board)
    directory = _open_directory(request, board, stack)
    if directory is not None and _runs_what_it_holds(request, directory, path):
        path = None
    trust = [*request.trust, *(directory.trusted if directory else [])]
    trusted = keyring().trusted(trust).values()
    if path is None:
        loaded = _nothing() if request.bare else None
    else:
        loaded = load_target(path, board, trusted, allow_unsigned=request.allow_unsigned)
    upkeep = None
    if directory is not None and not request.bare and (request.cloud or path is None):
        upkeep = _look_after(request, board, directory, stack)
        if request.factory_image is not None:
            upkeep.put_factory_image(request.factory_image, trusted, again=request.reflash)
        loaded = upkeep.bring_up(path, loaded, trusted, request.restart_policy, again=request.reflash)
    assert loaded is not None  # noqa: S101 - only a device that holds something may do without
    run = Run(request, board, path, loaded, directory, upkeep)
    run.prepare(stack)
    started = time.monotonic()
    with _interruptible(run):
        reason, status = run.to_end()
    run.summary(reason, status, time.monotonic() - started)
    return status


def _target(request: Request) -> tuple[Path | None, str]:
    """Return what is to run and its board: without a target the project's, without a project what a device holds.

    A bare one needs none.
    """
    from mvsdk.project.configuration import DEFAULT_BOARD
    from mvsdk.project.errors import NoProjectError

    if request.target is not None or request.bare:
        return request.target, DEFAULT_BOARD
    try:
        return project_bundle()
    except NoProjectError:
        device = request.device_path
        if device is not None and (request.cloud or request.factory_image is not None or device.is_dir()):
            return None, DEFAULT_BOARD
        raise


def _runs_what_it_holds(request: Request, directory: DeviceDirectory, path: Path | None) -> bool:
    """Tell whether the device's own application is to run, not the file at `path`: without a TARGET it does if there is
    one, but for a device in touch with its cloud, which takes the project's new bundle."""
    from mvsdk.emulator.errors import NoApplicationError
    from mvsdk.emulator.updating.memories import holds_applications

    if request.factory_image is not None:
        return True
    if request.target is not None or request.cloud or request.bare:
        return False
    holds = holds_applications(directory.kernel_flash)
    if path is None and not holds:
        raise NoApplicationError(
            f"{directory.path} holds no application",
            "name a bundle to run, or give the device a --factory-image",
        )
    return holds


def _look_after(request: Request, board: Board, directory: DeviceDirectory, stack: ExitStack) -> Upkeep:
    """Make what keeps the device up to date, with --cloud in touch with its cloud."""
    from mvsdk_cli.upkeep import Upkeep

    if not request.cloud:
        return Upkeep(directory, board, None, request.notice)
    from mvsdk.emulator.cloud_link import CloudLink

    start_us = wall_start_us(request.start_time, request.real_time)
    link = CloudLink(directory.path, None, start_us, request.notice, {"board": board.name})
    stack.callback(link.close)
    return Upkeep(directory, board, link, request.notice)


def _nothing() -> Target:
    """Return what a blank chip runs."""
    from mvsdk.bundle import Image, ManifestOptions
    from mvsdk.emulator.target import Target

    return Target(Image(b"\xff"), ManifestOptions())


def _open_directory(request: Request, board: Board, stack: ExitStack) -> DeviceDirectory | None:
    from mvsdk.emulator.device_directory import DeviceDirectory

    return None if request.device_path is None else stack.enter_context(DeviceDirectory(request.device_path, board))


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Let Ctrl-C stop the device between two instructions, where it can be saved; a second one stops us."""

    def interrupt(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run.interrupt()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Run:
    """One run of one device: what it is made from, what watches it, what it leaves behind."""

    def __init__(
        self,
        request: Request,
        board: Board,
        path: Path | None,
        loaded: Target,
        directory: DeviceDirectory | None,
        upkeep: Upkeep | None,
    ) -> None:
        self._request = request
        self._board = board
        self._path = path
        self._loaded = loaded
        self._directory = directory
        self._upkeep = upkeep
        self._recording: Recording | None = None
        self._interrupted = False
        self._between: list[Callable[[], object]] = []
        self._console: Console | None = None
        self._ended: list[Callable[[End], None]] = []
        self._port: DebugPort | None = None
        self.device: Device

    def prepare(self, stack: ExitStack) -> None:
        """Make the device and everything around it; `stack` closes that again."""
        from mvsdk.emulator.core import new_core
        from mvsdk.emulator.watch import TextWatch
        from mvsdk_cli.names import Names, symbols_source

        request = self._request
        core = new_core(self._board.interrupt_lines)
        find = symbols_source(request.symbols, self._path, self._board, self._loaded.image)
        names = Names(find, core.read_memory, self._running_image)
        watches = [] if request.text is None else [TextWatch(request.text)]
        observers: list[Observer] = [self._view(names, stack), *watches]
        if self._directory is not None:
            observers += [self._directory.observe, self._tell_port]
        upkeep = self._upkeep
        if upkeep is not None:
            observers.extend(upkeep.observers())
        reach = None if request.replay is not None else request.network.reach(upkeep.link if upkeep else None)
        if request.trace_file is not None:
            from mvsdk.emulator.perfetto import PerfettoTrace

            trace = stack.enter_context(PerfettoTrace(request.trace_file))
            observers.append(trace)
        if request.coverage is not None:
            from mvsdk.emulator.coverage import debugging_information

            symbols = names.required("--coverage")
            debugging_information(symbols)
            core.record_coverage(True)
        self.device = self._make(core, observers)
        for watch in watches:
            watch.device = self.device
        if request.trace_file is not None:
            trace.device = self.device
        if request.coverage is not None:
            coverage = request.coverage
            self._ended.append(lambda _: _write_coverage(symbols, self.device, coverage))
        self._open_debug_port(stack)
        self._connect(reach, stack)
        if upkeep is not None:
            self._between.append(upkeep.attach(self.device))
            self._ended.append(upkeep.ended)

    def _running_image(self) -> Image:
        """Return what runs, or is going to."""
        return self.device.image if hasattr(self, "device") else self._loaded.image

    def _open_debug_port(self, stack: ExitStack) -> None:
        """Let debuggers at a device that has a folder."""
        if self._directory is None:
            return
        from mvsdk.emulator.debug.port import DebugPort

        self._port = stack.enter_context(
            DebugPort(self.device, self._directory.path, os.environ, survives_faults=self._request.bare)
        )
        self._between.append(self._serve_debuggers)
        if self._request.bare:
            self._request.notice(f"ready for probes, as emulator:{self._port.welcome.name}")

    def _serve_debuggers(self) -> None:
        """Let debuggers have their turn."""
        if self._port is not None:
            self._port.turn()

    def _tell_port(self, event: Event) -> None:
        """Let who follows the log from outside hear of what happens."""
        if self._port is not None:
            self._port.observe(event)

    def _make(self, core: Any, observers: list[Observer]) -> Device:  # noqa: ANN401 - a Core
        """Make the device: anew, from a snapshot or from a recording."""
        from mvsdk.emulator.device import Device
        from mvsdk.emulator.personality.microvisor.network import ConnectionPolicy

        request, image, name = self._request, self._loaded.image, self._path.name if self._path else NOTHING
        wanted = joined(request.traces)
        everything = request.trace_file is not None
        tracing: dict[str, Any] = {
            "trace_calls": True if everything else wanted.calls,
            "trace_interrupts": everything or wanted.activity,
            "observers": observers,
            "image_name": name,
        }
        if request.replay is not None:
            from mvsdk.emulator import recording

            self._recording = recording.read(request.replay)
            device = recording.make_device(self._recording, self._board, image, core, **tracing)
            recording.prepare(device, self._recording)
            return device
        if request.from_snapshot is not None:
            from mvsdk.emulator import snapshots

            return snapshots.load(snapshots.read(request.from_snapshot), self._board, image, core, **tracing)
        directory = self._directory
        device = Device(
            self._board,
            image,
            core,
            seed=request.seed,
            wall_start_us=wall_start_us(request.start_time, request.real_time),
            restart_policy=request.restart_policy(self._loaded.options),
            wake_reason=self._upkeep.wake_reason if self._upkeep else "COLDBOOT",
            testing=request.testing or (self._upkeep is not None and self._upkeep.testing),
            strict_mmio=request.strict_mmio,
            gate_clocks=request.gate_clocks,
            connection_policy=ConnectionPolicy.of(self._loaded.options),
            identity=directory.identity if directory else None,
            external_flash=directory.external_flash if directory else None,
            chip_flash=self._chip_flash(),
            storage_for=directory.storage_for if directory else None,
            **tracing,
        )
        if directory is not None:
            directory.attach(device)
        return device

    def _chip_flash(self) -> ChipFlash | None:
        """Return the chip's own flash, for a device that has it to itself."""
        if not self._request.bare or self._directory is None:
            return None
        from mvsdk.emulator.soc.flash_array import SIZE, ChipFlash

        return ChipFlash(storage=self._directory.chip_flash(SIZE))

    def _connect(self, reach: Reach | None, stack: ExitStack) -> None:
        """Connect scripts, serial ports, a recorder, the network and the console."""
        request, device = self._request, self.device
        if request.inputs is not None:
            from mvsdk.emulator import script

            read = script.read(request.inputs)
            if request.from_snapshot is None:
                read.connect(device)
            else:
                device.inputs.forget()
        if request.record is not None:
            from mvsdk.emulator.recording import Recorder

            whole = request.from_snapshot is not None or self._directory is not None
            recorder = stack.enter_context(Recorder(request.record, device, whole=whole))
            self._ended.append(recorder.ended)
        if request.inputs is not None:
            read.schedule(device)
        if request.uarts:
            from mvsdk.emulator.host_ports import HostPorts

            ports = stack.enter_context(HostPorts(device))
            for port, where in request.uarts:
                ports.connect(port, where)
            self._tell_terminals(ports)
            self._between.append(ports.pump)
        radio = self._join_network(reach, stack)
        if self._console is not None:
            self._console.attach(device, radio, self._serve_debuggers)
            self._between.append(self._console.turn)

    def _join_network(self, reach: Reach | None, stack: ExitStack) -> Radio | None:
        """Let the application reach somebody; what it reached in a recording is in there."""
        if reach is None:
            if self._request.network.offline:
                from mvsdk.emulator.inputs import Link

                self.device.inputs.now(Link("down"))
            return None
        from mvsdk.emulator.network.radio import Radio
        from mvsdk.emulator.network.weather import Weather

        return stack.enter_context(Radio(self.device, reach.peers, Weather(reach.profile, self._request.seed)))

    def _tell_terminals(self, ports: HostPorts) -> None:
        for port, terminal in ports.terminals.items():
            click.echo(f"{port} is {terminal}", err=True)

    def _view(self, names: Any, stack: ExitStack) -> Observer:  # noqa: ANN401 - Names
        from mvsdk_cli.event_view import JsonView, TextView

        request = self._request
        shown = joined(request.traces)
        if request.as_json:
            view: Observer = JsonView(names.backtrace, names.caller, err=request.on_stdio)
        elif request.endless and not request.on_stdio and sys.stdin.isatty() and sys.stdout.isatty():
            from mvsdk_cli.emulator_console import Console

            self._console = stack.enter_context(Console())
            view = self._console.above(TextView(names.backtrace, names.caller, echo=self._console.echo))
        else:
            view = TextView(names.backtrace, names.caller, echo=lambda line: click.echo(line, err=request.on_stdio))

        def only_what_was_asked_for(event: Event) -> None:
            if shown.wants(event):
                view(event)

        return only_what_was_asked_for

    # -- running -------------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop as soon as possible because somebody asked for it."""
        self._interrupted = True
        self.device.stop()
        if self._console is not None:
            self._console.quit()

    def to_end(self) -> tuple[str, int]:
        """Run, and return why it ended and with which exit status."""
        from mvsdk.emulator.device import End

        end = self._legs()
        if self._console is not None:
            self._console.leave()
        for finish in self._ended:
            finish(end)
        if self._interrupted or (self._console is not None and self._console.quits):
            return "interrupted", INTERRUPTED if self._interrupted else REACHED
        if end is End.STOPPED:
            return "reached", REACHED
        if end is End.FAULT:
            return end.value, FAULTED
        if end is End.TESTED and self.device.test_status:
            return end.value, TEST_FAILED
        return end.value, REACHED if self._request.text is None else TEXT_NOT_SEEN

    def _legs(self) -> End:
        """Run from snapshot to snapshot, and to the end."""
        from mvsdk.emulator.device import End

        length = self._request.length
        until = None if length is None else self.device.time_us + length
        snapshots = sorted(self._request.snapshots)
        for moment, path in snapshots:
            if moment < self.device.time_us or (until is not None and moment > until):
                raise click.UsageError(f"the run does not come to {moment / 1e6:g} s, where {path} was to be written")
        for moment, path in snapshots:
            end = self._go(moment)
            if end is not End.TIME:
                return end
            _save(self.device, path)
        if self._recording is not None:
            from mvsdk.emulator.recording import play

            return play(self.device, self._recording, until)
        return self._go(until)

    def _go(self, until: int | None) -> End:
        from mvsdk.emulator.pace import run_in_real_time, run_in_steps

        def between() -> None:
            for turn in self._between:
                turn()

        runs = self._port or self.device
        if self._request.real_time:
            return run_in_real_time(runs, until, between=between, now=self._now)
        return run_in_steps(runs, until, between) if self._between else self.device.run(until)

    def _now(self) -> float:
        """Return a clock that stands while the console has paused, or a debugger halted, the device."""
        now = time.monotonic() if self._console is None else self._console.now()
        return now if self._port is None else now - self._port.stood_s

    def summary(self, reason: str, status: int, wall: float) -> None:
        """Say how the run ended: on standard error for people, as the last object for scripts."""
        device = self.device
        if self._request.as_json:
            document = {"event": "end", "time_us": device.time_us, "reason": reason, "exit_status": status}
            print_json({**document, "state_hash": device.state_hash()}, err=self._request.on_stdio)
            return
        seconds = device.time_us / 1e6
        missed = ", and the text was not logged" if status == TEXT_NOT_SEEN else ""
        speed = f"{seconds / wall:,.{0 if seconds > 10 * wall else 1}f} times real time"
        click.echo(click.style(f"{REASONS[reason]}{missed} after {seconds:.6f} s, {speed}", dim=True), err=True)


def _save(device: Device, path: Path) -> None:
    from mvsdk.emulator.snapshots import save

    save(device, path)


def _write_coverage(symbols: Any, device: Device, path: Path) -> None:  # noqa: ANN401 - Symbols
    from mvsdk.emulator.coverage import lcov
    from mvsdk.files import write_whole

    write_whole(path, lcov(symbols, device.core.coverage()).encode("utf-8"))


def project_bundle() -> tuple[Path, str]:
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


def wall_start_us(start_time: str | None, real_time: bool) -> int:
    """Return the device's wall time at its start: as asked, else now in real time and a fixed day in virtual time."""
    if start_time == "now" or (start_time is None and real_time):
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


def restart_policy(on_fault: str | None, options: ManifestOptions) -> RestartPolicy | None:
    """Say how a faulting application is started again: as asked, else as the manifest says; None for not at all."""
    from mvsdk.emulator.crashes import RestartPolicy

    if on_fault == "stop":
        return None
    wanted = RestartPolicy.of(options)
    return RestartPolicy() if wanted is None and on_fault == "restart" else wanted


REASONS = {
    "reached": "text was logged",
    "time": "time is over",
    "stopped": "stopped",
    "fault": "application faulted",
    "asleep": "application sleeps, and nothing will ever wake it",
    "tested": "factory test ended",
    "interrupted": "stopped",
}
"""How a run can end, in words."""
