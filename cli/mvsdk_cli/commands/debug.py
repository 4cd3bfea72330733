"""Debug a bundle on the emulated device with GDB.

\b
    $ mvsdk debug --gdb
    Reset_Handler () at startup.c:75
    (gdb) break work
    (gdb) continue
    (gdb) reverse-step

The device is started, and stands before its first instruction until GDB lets it go on. While it is halted its time
stands too; nothing that GDB looks at changes what the device does. With --gdb a gdb-multiarch is started on it, with
the application's ELF; without, the port is shown, to connect from elsewhere on this machine:

\b
    $ mvsdk debug --port 3333
    $ gdb-multiarch build/blinky.elf -ex "target remote :3333"

What runs is found and verified as `mvsdk emulate` does: TARGET, or the project's own bundle. The device runs in real
time while GDB lets it go on, or with --time virtual as fast as it can. --device, --inputs and the network are those of
`mvsdk emulate`.

GDB can go back as well as on: reverse-step, reverse-continue and the others lead to any place the device has been at
since it was started. `monitor help` in GDB lists what else there is: snapshots, system calls to halt before, inputs,
loss of power. docs/debugging.md tells more.

\b
Exit status:
    0  GDB was quit, or has killed the device
    1  it could not be run: the error says why
    130  it was stopped with Ctrl-C
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mvsdk_cli.device_folder import device_folder
from mvsdk_cli.networking import NetworkOptions, network_options, taken_from

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.emulator.debug.gdb_server import GdbServer
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.device_directory import DeviceDirectory
    from mvsdk.emulator.events import Observer
    from mvsdk.emulator.target import Target

_PATH = click.Path(path_type=Path)
DEBUGGERS = ("gdb-multiarch", "arm-none-eabi-gdb")
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    target: Path | None
    gdb: bool
    port: int
    pace: str
    seed: int
    device_path: Path | None
    inputs: Path | None
    trust: tuple[Path, ...]
    allow_unsigned: bool
    symbols: Path | None
    board_name: str | None
    network: NetworkOptions


def _folder(_ctx: click.Context, _option: click.Parameter, name: str | None) -> Path | None:
    return None if name is None else device_folder(name, os.environ)


@click.command("debug", help=__doc__)
@click.argument("target", required=False, type=_PATH)
@click.option("--gdb", is_flag=True, help="Start GDB on it.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where GDB connects; by default any free port.")
@click.option(
    "--time", "pace", type=click.Choice(["virtual", "real"]), default="real", help="How fast the device's time passes."
)
@click.option("--seed", type=int, default=0, show_default=True, help="What everything random follows from.")
@click.option("--device", "device_path", callback=_folder, metavar="NAME|DIR", help="Keep the device in this folder.")
@click.option("--inputs", type=_PATH, help="Take connections and inputs from this device.toml.")
@click.option("--trust", "trust", type=_PATH, multiple=True, help="Trust this public key too.")
@click.option("--allow-unsigned", is_flag=True, help="Run what nobody signed.")
@click.option("--symbols", type=_PATH, help="Take names and lines from this ELF.")
@click.option("--board", "board_name", help="The board to emulate; by default the project's, else stm32u585.")
@network_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - the fields of Request
    """Start the device, and serve GDB until it has had enough."""
    network = taken_from(options)
    network.check()
    with ExitStack() as stack:
        status = _debug(Request(**options, network=network), stack)
    ctx.exit(status)


def _debug(request: Request, stack: ExitStack) -> int:
    from mvsdk.abi import load as load_abi
    from mvsdk.boards import load
    from mvsdk.emulator.debug.gdb_server import GdbServer
    from mvsdk.emulator.device_directory import DeviceDirectory
    from mvsdk.emulator.target import load_target
    from mvsdk.project.configuration import DEFAULT_BOARD
    from mvsdk_cli.commands.emulate import project_bundle
    from mvsdk_cli.emulator_console import typed_input
    from mvsdk_cli.keyring import keyring

    path, project_board = (request.target, DEFAULT_BOARD) if request.target is not None else project_bundle()
    board = load(request.board_name or project_board)
    folder = request.device_path
    directory = None if folder is None else stack.enter_context(DeviceDirectory(folder, board))
    trust = [*request.trust, *(directory.trusted if directory else [])]
    loaded = load_target(path, board, keyring().trusted(trust).values(), allow_unsigned=request.allow_unsigned)
    device = _device(request, board, path, loaded, directory)
    _connect(request, device, stack)
    elf = request.symbols or (path if path.suffix == ".elf" else path.with_suffix(".elf"))
    debugger = _Gdb(elf if elf.is_file() else None) if request.gdb else None
    server = GdbServer(
        device,
        load_abi("microvisor"),
        port=request.port,
        typed=typed_input,
        real_time=request.pace == "real",
        between=(lambda: None) if debugger is None else lambda: debugger.look(server),
    )
    with server:
        if debugger is not None:
            return debugger.drive(server)
        click.echo(f"GDB can connect: target remote :{server.port}", err=True)
        return _serve(server)


def _device(request: Request, board: Board, path: Path, loaded: Target, directory: DeviceDirectory | None) -> Device:
    from mvsdk.emulator.core import new_core
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.personality.microvisor.network import ConnectionPolicy
    from mvsdk_cli.commands.emulate import restart_policy, wall_start_us
    from mvsdk_cli.event_view import TextView
    from mvsdk_cli.names import Names, symbols_source

    core = new_core(board.interrupt_lines)
    names = Names(symbols_source(request.symbols, path, board, loaded.image), core.read_memory, lambda: loaded.image)
    view = TextView(names.backtrace, names.caller, echo=lambda line: click.echo(line, err=True))
    observers: list[Observer] = [view, *([directory.observe] if directory else [])]
    device = Device(
        board,
        loaded.image,
        core,
        seed=request.seed,
        wall_start_us=wall_start_us(None, request.pace == "real"),
        restart_policy=restart_policy(None, loaded.options),
        connection_policy=ConnectionPolicy.of(loaded.options),
        identity=directory.identity if directory else None,
        external_flash=directory.external_flash if directory else None,
        storage_for=directory.storage_for if directory else None,
        image_name=path.name,
        observers=observers,
    )
    if directory is not None:
        directory.attach(device)
    return device


def _connect(request: Request, device: Device, stack: ExitStack) -> None:
    """Connect a script's devices and inputs, and the network."""
    if request.inputs is not None:
        from mvsdk.emulator import script

        read = script.read(request.inputs)
        read.connect(device)
        read.schedule(device)
    reach = request.network.reach(None)
    if reach is None:
        from mvsdk.emulator.inputs import Link

        device.inputs.now(Link("down"))
        return
    from mvsdk.emulator.network.radio import Radio
    from mvsdk.emulator.network.weather import Weather

    stack.enter_context(Radio(device, reach.peers, Weather(reach.profile, request.seed)))


def _serve(server: GdbServer) -> int:
    interrupted = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        server.stop()

    with _on_interrupt(interrupt):
        server.serve()
    return INTERRUPTED if interrupted else 0


@contextmanager
def _on_interrupt(handler: Callable[[int, object], object] | signal.Handlers) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Gdb:
    """A GDB that we start on the device. Ctrl-C is its own: it asks us to halt the device."""

    def __init__(self, elf: Path | None) -> None:
        """Find GDB. Raises `EmulatorError` where there is none."""
        from mvsdk.errors import EmulatorError

        found = next((path for name in DEBUGGERS if (path := shutil.which(name))), None)
        if found is None:
            raise EmulatorError(
                f"there is no GDB for Arm: neither {' nor '.join(DEBUGGERS)}",
                "install gdb-multiarch, or leave --gdb out and connect a GDB of your own",
            )
        self._command = [found, "-q", *([os.fspath(elf)] if elf else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def drive(self, server: GdbServer) -> int:
        """Start GDB, and serve it until it is quit. Return its exit status."""
        from mvsdk.emulator import debug

        commands = Path(debug.__file__).with_name("gdb-commands")
        connect = ["-x", os.fspath(commands), "-ex", f"target remote 127.0.0.1:{server.port}"]
        self._process = subprocess.Popen([*self._command, *connect])
        with _on_interrupt(signal.SIG_IGN):
            server.serve()
            return self._process.wait()

    def look(self, server: GdbServer) -> None:
        """Stop serving when GDB is gone."""
        if self._process is not None and self._process.poll() is not None:
            server.stop()
