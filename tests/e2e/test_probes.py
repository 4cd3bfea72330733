"""Probes from the command line: our commands, and plain pyOCD and GDB, on emulated boards that run meanwhile."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mvsdk.debug_port.client import running_devices
from tests.board_support.firmware import link
from tests.e2e.conftest import BIN, Shell

DEADLINE_S = 60


class Desk:
    """An emulated board that runs in a process of its own, and a shell that sees it."""

    def __init__(self, blinky: Shell, folder: Path, *options: str) -> None:
        self.environment = {"MVSDK_RUNNING": str(folder / "running")}
        self.shell = Shell(blinky.directory, blinky.home, environment=self.environment)
        self.log = folder / "log"
        variables = {**os.environ, "MVSDK_HOME": str(blinky.home), **self.environment}
        with self.log.open("wb") as log:
            command = [str(BIN / "mvsdk"), "emulate", "--device", str(folder / "desk"), *options]
            self.process = subprocess.Popen(command, cwd=blinky.directory, env=variables, stdout=log, stderr=log)
        while not running_devices(self.environment):
            assert self.process.poll() is None, self.log.read_text()

    def __call__(self, *command: str | Path, input: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command beside it."""
        return self.shell(*command, input=input)

    def stop(self) -> str:
        """End it, and return what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE_S)
        return self.log.read_text(encoding="utf-8")


@pytest.fixture
def bare(blinky: Shell, tmp_path: Path) -> Iterator[Desk]:
    """A bare board that nobody has flashed."""
    desk = Desk(blinky, tmp_path, "--bare")
    yield desk
    desk.stop()


@pytest.fixture
def kitchen(blinky: Shell, tmp_path: Path) -> Iterator[Desk]:
    """A device that runs the template's application under the kernel."""
    desk = Desk(blinky, tmp_path)
    yield desk
    desk.stop()


def test_a_board_is_flashed_started_and_left_alone_the_second_time(bare: Desk) -> None:
    """The bundle is verified, written and started, and the board logs; again there is nothing to write."""
    first = bare("mvsdk", "flash", "--verify")
    assert first.returncode == 0, first.stderr
    assert re.fullmatch(
        r"emulator:desk: \d+ bytes at 0x08000000, 1 of 1 pages differed, flashed in [\d.]+ s and started\n",
        first.stdout,
    )
    again = bare("mvsdk", "flash", "--probe", "emulator:desk", "--json")
    document = json.loads(again.stdout)
    assert (document["changed"], document["erased"], document["programmed"], document["started"]) == ([], 0, 0, True)
    while "blinky: LED on" not in bare.log.read_text(encoding="utf-8"):
        assert bare.process.poll() is None
    assert "blinky: started" in bare.stop()


def test_a_dry_run_writes_nothing(bare: Desk) -> None:
    """It says what would be written; afterwards the flash is as blank as before."""
    said = bare("mvsdk", "flash", "--dry-run")
    assert "1 of 1 pages differ; nothing was written" in said.stdout
    read = bare("mvsdk", "read-memory", "0x08000000", "32")
    assert read.stdout.splitlines()[0] == "08000000  " + "ff " * 15 + "ff  |................|"


def test_a_run_shows_the_log_and_ends_with_it(bare: Desk) -> None:
    """Flashed and started, its lines come until the text, or the time is over; then the board runs on."""
    seen = bare("mvsdk", "run", "--until", "LED on")
    assert seen.returncode == 0, seen.stderr
    assert "blinky: LED on" in seen.stdout.splitlines()[-1]
    assert "emulator:desk: " in seen.stderr
    missed = bare("mvsdk", "run", "--until", "never said", "--for", "200ms", "--json")
    assert missed.returncode == 3
    events = [json.loads(line)["event"] for line in missed.stdout.splitlines()]
    assert events[:2] == ["flashed", "start"]
    assert bare("mvsdk", "run", "--for", "1ms").returncode == 0


def test_a_run_that_faults_says_so(bare: Desk, tmp_path: Path) -> None:
    """The exit status is that of a fault, and the board can be flashed again."""
    source = "int main(void) { *(volatile int *)0x60000000 = 1; return 0; }"
    elf = link(tmp_path, {"main.c": source}).path
    faulted = bare("mvsdk", "run", elf, "--allow-unsigned")
    assert faulted.returncode == 4, faulted.stderr
    assert "HardFault" in faulted.stdout
    assert bare("mvsdk", "run", "--until", "LED on").returncode == 0


def test_ctrl_c_ends_a_run_and_not_the_board(bare: Desk) -> None:
    """Status 130, nothing but the log on the terminal, and the board is still there."""
    variables = {**os.environ, "MVSDK_HOME": str(bare.shell.home), **bare.environment}
    run = subprocess.Popen(
        [str(BIN / "mvsdk"), "run"],
        cwd=bare.shell.directory, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    assert "application starts" in run.stdout.readline()
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 130
    assert "Traceback" not in errors
    assert bare("mvsdk", "reset").returncode == 0


def test_probes_are_listed(bare: Desk) -> None:
    """For people a table, for scripts a document."""
    assert bare("mvsdk", "probes").stdout.splitlines()[1].split()[0] == "emulator:desk"
    (probe,) = json.loads(bare("mvsdk", "probes", "--json").stdout)
    assert (probe["uid"], probe["emulated"], probe["board"]) == ("emulator:desk", True, "stm32u585")


def test_memory_goes_into_a_file_and_the_flash_can_be_erased(bare: Desk, tmp_path: Path) -> None:
    """What was flashed can be read back; after an erase all is ones, and --yes or a person is needed for it."""
    assert bare("mvsdk", "flash").returncode == 0
    out = tmp_path / "flash.bin"
    assert bare("mvsdk", "read-memory", "0x08000000", "8K", "--out", out).returncode == 0
    assert out.read_bytes()[:4] == (0x2008_0000).to_bytes(4, "little")
    refused = bare("mvsdk", "erase", "--probe", "emulator:desk")
    assert (refused.returncode, "add --yes" in refused.stderr) == (2, True)
    assert bare("mvsdk", "erase", "--probe", "emulator:desk", "--yes", "--json").returncode == 0
    read = bare("mvsdk", "read-memory", "0x08000000", "16", "--json")
    assert json.loads(read.stdout)["data"] == "ff" * 16


def test_a_reset_tells_the_option_bytes(bare: Desk) -> None:
    """In plain language, and as a document."""
    assert "  TrustZone is off (TZEN = 0)" in bare("mvsdk", "reset", "--options").stdout.splitlines()
    assert json.loads(bare("mvsdk", "reset", "--options", "--json").stdout)["options"]["writable"] is True


def test_a_microvisor_device_is_not_flashed(kitchen: Desk) -> None:
    """Its flash is the kernel's: the error says why and what would be erased, and the device goes on."""
    refused = kitchen("mvsdk", "flash", "--probe", "emulator:desk")
    assert refused.returncode == 1
    assert "TrustZone is on" in refused.stderr
    assert "ERASES BOTH BANKS" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("flash", "--probe", "emulator:cellar"), "there is no probe 'emulator:cellar'"),
        (("flash", "nothing.zip"), "nothing.zip"),
        (("read-memory", "0x60000000", "16"), "nothing answers there"),
        (("read-memory", "soon", "16"), "is no address or size"),
        (("read-memory", "0", "0"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(bare: Desk, command: tuple[str, ...], said: str) -> None:
    """An error in two lines, an exit status, and no traceback."""
    failed = bare("mvsdk", *command)
    assert failed.returncode in {1, 2}
    assert said in failed.stderr
    assert "Traceback" not in failed.stderr


def test_plain_pyocd_does_not_fight_it_either(kitchen: Desk) -> None:
    """Its load fails with the same words, and the device goes on."""
    elf = kitchen.shell.directory / "build" / "blinky.elf"
    refused = kitchen("pyocd", "load", "-u", "emulator:desk", elf)
    assert refused.returncode != 0
    assert "TrustZone is on" in refused.stderr


def test_without_pyocd_it_is_said_how_to_get_it(shell: Shell) -> None:
    """The extra is optional: who has not installed it is told its name."""
    hidden = shell.directory / "hidden" / "pyocd"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError\n")
    without = Shell(shell.directory, shell.home, environment={"PYTHONPATH": str(hidden.parent)})
    failed = without("mvsdk", "probes")
    assert failed.returncode == 1
    assert "pip install 'mvsdk[probe]'" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_tampered_bundle_reaches_no_board(bare: Desk, tmp_path: Path) -> None:
    """What does not verify is not even taken to a probe."""
    bundle = (bare.shell.directory / "build" / "blinky.zip").read_bytes()
    tampered = tmp_path / "tampered.zip"
    tampered.write_bytes(bundle[:-100] + bytes(100))
    assert bare("mvsdk", "flash", tampered).returncode == 1
    read = bare("mvsdk", "read-memory", "0x08000000", "16", "--json")
    assert json.loads(read.stdout)["data"] == "ff" * 16


def test_of_two_boards_neither_is_taken_unasked(blinky: Shell, bare: Desk, tmp_path: Path) -> None:
    """A script is refused; a person is asked, and the board named is the one that is written."""
    variables = {**os.environ, "MVSDK_HOME": str(blinky.home), **bare.environment}
    command = [str(BIN / "mvsdk"), "emulate", "--device", str(tmp_path / "shelf"), "--bare"]
    second = subprocess.Popen(command, cwd=blinky.directory, env=variables, stderr=subprocess.DEVNULL)
    try:
        while len(running_devices(bare.environment)) < 2:
            assert second.poll() is None
        refused = bare("mvsdk", "flash")
        assert refused.returncode == 1
        assert "several probes would do: emulator:desk, emulator:shelf" in refused.stderr
        person, terminal = pty.openpty()
        asked = subprocess.Popen(
            [BIN / "mvsdk", "flash"],
            cwd=blinky.directory, env=variables, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.close(terminal)
        os.write(person, b"2\n")
        output, _ = asked.communicate(timeout=DEADLINE_S)
        os.close(person)
        assert output.startswith("emulator:shelf: ")
    finally:
        second.send_signal(signal.SIGINT)
        second.wait(DEADLINE_S)


def test_what_was_flashed_outlives_the_process(blinky: Shell, bare: Desk, tmp_path: Path) -> None:
    """A bare board that is started again runs what its flash holds, whatever it is given then."""
    assert bare("mvsdk", "flash").returncode == 0
    bare.stop()
    again = blinky(
        "mvsdk", "emulate", "--bare", "--device", tmp_path / "desk", "--until", "LED on", "--time", "virtual"
    )
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.parametrize("options", [(), ("--device", "desk", "--cloud")])
def test_a_bare_board_has_a_name_and_no_cloud(shell: Shell, options: tuple[str, ...]) -> None:
    """Options that make no sense with --bare are refused before anything is made."""
    refused = shell("mvsdk", "emulate", "--bare", *options)
    assert refused.returncode == 2
    assert "--bare" in refused.stderr
    assert list(shell.directory.iterdir()) == []


def test_plain_pyocd_works(bare: Desk) -> None:
    """Its list, load and commander, by nothing but the plug-in."""
    elf = bare.shell.directory / "build" / "blinky.elf"
    assert "emulator:desk" in bare("pyocd", "list").stdout
    loaded = bare("pyocd", "load", "-u", "emulator:desk", elf)
    assert loaded.returncode == 0, loaded.stderr
    assert "Erased 8192 bytes (1 sector), programmed 8192 bytes" in loaded.stderr
    again = bare("pyocd", "load", "-u", "emulator:desk", elf)
    assert "programmed 0 bytes (0 pages), identical 8192 bytes" in again.stderr
    shown = bare(
        "pyocd", "commander", "-u", "emulator:desk", "-c", "reset halt", "-c", "reg pc", "-c", "step", "-c", "status"
    )
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"pc = 0x0800[0-9a-f]{4}", shown.stdout)
    assert "Halted" in shown.stdout


def test_gdb_debugs_over_pyocd(kitchen: Desk, tmp_path: Path) -> None:
    """At source level, on a device under the kernel: break, watch, step, registers, and it runs on afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {**os.environ, **kitchen.environment}
    command = [str(BIN / "pyocd"), "gdbserver", "-u", "emulator:desk", "-p", str(port), "-T", "0"]
    server = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    script = tmp_path / "script.gdb"
    script.write_text(
        f"set pagination off\nset confirm off\ntarget remote 127.0.0.1:{port}\nmonitor reset halt\nbreak main\n"
        "continue\nbacktrace 1\nnext\nstepi\ninfo registers pc\nmonitor halt\ndetach\nquit\n"
    )
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if "GDB server listening" in line:
                break
        elf = kitchen.shell.directory / "build" / "blinky.elf"
        debugged = kitchen("gdb-multiarch", "-batch", "-x", script, elf)
        assert "Breakpoint 1, main" in debugged.stdout, debugged.stdout + debugged.stderr
        assert "#0  main" in debugged.stdout
    finally:
        server.terminate()
        server.wait(DEADLINE_S)
        assert server.stderr is not None
        server.stderr.close()
    written = kitchen.log.stat().st_size
    while kitchen.log.stat().st_size == written:
        assert kitchen.process.poll() is None
