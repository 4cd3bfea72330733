"""Laws of devices that are kept, repeated, watched and driven from the command line."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest

from tests.board_support.firmware import link
from tests.e2e.conftest import Shell
from tests.emulator.chip_guests import BUTTON, DRIVERS, ECHO, TEMPERATURE
from tests.emulator.test_device_directory import COUNTER

DEADLINE_S = 60


def program(shell: Shell, source: str) -> Path:
    """Compile a guest on the drivers, and return its ELF."""
    folder = shell.directory / "program"
    folder.mkdir(exist_ok=True)
    return link(folder, {"main.c": DRIVERS + source}).path


def end_of(output: str) -> dict[str, object]:
    """Return the last JSON object of an output."""
    document: dict[str, object] = json.loads(output.splitlines()[-1])
    return document


def test_a_run_goes_on_from_a_snapshot(blinky: Shell, tmp_path: Path) -> None:
    """Half a run, and the other half from its snapshot, print what the whole run prints and end in the same state."""
    saved = tmp_path / "half.snapshot"
    whole = blinky.succeed("mvsdk", "emulate", "--for", "2s", "--json").splitlines()
    first = blinky.succeed("mvsdk", "emulate", "--for", "1s", "--json", "--snapshot-at", "1s", saved).splitlines()
    second = blinky.succeed("mvsdk", "emulate", "--from-snapshot", saved, "--for", "1s", "--json").splitlines()
    assert first[:-1] + second == whole


def test_a_snapshot_of_another_image_is_refused_with_both_names(blinky: Shell, shell: Shell) -> None:
    """The error names the bundle the snapshot is of and the file that was to run."""
    saved = shell.directory / "a.snapshot"
    blinky.succeed("mvsdk", "emulate", "--for", "1ms", "--snapshot-at", "1ms", saved)
    elf = program(shell, "int main(void) { for (;;) {} }")
    refused = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--from-snapshot", saved, "--for", "1s")
    assert refused.returncode == 1
    assert "blinky.zip" in refused.stderr
    assert elf.name in refused.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--from-snapshot", "x", "--seed", "3"], "--seed"),
        (["--from-snapshot", "x", "--device", "d"], "--device"),
        (["--replay", "x", "--inputs", "y"], "--inputs"),
        (["--uart", "USART2"], "USART2=stdio"),
        (["--for", "1s", "--snapshot-at", "1ms", "a", "--snapshot-at", "2s", "b"], "does not come to 2 s"),
        (["--trace", "nonsense"], "syscalls"),
        (["--trace", "syscalls=loging"], "Did you mean 'logging'"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(blinky: Shell, options: list[str], named: str) -> None:
    """Contradictions and misspellings are refused with what to write, before anything runs."""
    refused = blinky("mvsdk", "emulate", *options)
    assert refused.returncode == 2
    assert not (blinky.directory / "a").exists()
    assert named in refused.stderr


@pytest.mark.parametrize(
    "options", [["--from-snapshot", "x"], ["--replay", "x"], ["--inputs", "x"], ["--uart", "X=pty"]]
)
def test_files_and_ports_that_are_not_there_are_errors(blinky: Shell, options: list[str]) -> None:
    """What cannot be read or connected ends with two lines and status 1."""
    refused = blinky("mvsdk", "emulate", "--for", "1ms", *options)
    assert refused.returncode == 1
    assert "error: " in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_run_is_recorded_and_replayed(shell: Shell) -> None:
    """A run with scripted and live inputs is had again from its recording alone, to the same state."""
    elf = program(shell, ECHO)
    script = shell.directory / "device.toml"
    script.write_text('[[at]]\ntime = "2ms"\nuart = "USART2"\ntext = "scripted\\n"\n')
    (shell.directory / "in.txt").write_text("from a file\n")
    emulate = ("mvsdk", "emulate", elf, "--allow-unsigned", "--json")
    options = ("--for", "9ms", "--inputs", script, "--record", "r.jsonl", "--uart", "USART2=file:out.txt,in.txt")
    first = shell.succeed(*emulate, *options)
    second = shell.succeed(*emulate, "--replay", "r.jsonl")
    assert first == second
    assert "from a file" in (shell.directory / "out.txt").read_text()
    assert "scripted" in (shell.directory / "out.txt").read_text()
    third = shell.succeed(*emulate, "--for", "9ms")
    assert end_of(third)["state_hash"] != end_of(first)["state_hash"]


def test_a_recording_that_begins_with_a_kept_device_needs_nothing_else(shell: Shell) -> None:
    """A recording of a run on a device's folder, or from a snapshot, holds what it began with."""
    elf = program(shell, COUNTER)
    emulate = ("mvsdk", "emulate", elf, "--allow-unsigned", "--json")
    shell.succeed(*emulate, "--for", "1ms", "--device", "board")
    first = shell.succeed(*emulate, "--for", "1ms", "--device", "board", "--record", "r.jsonl")
    assert "starts: 2" in first
    again = shell.succeed(*emulate, "--replay", "r.jsonl")
    assert end_of(again) == end_of(first)
    assert "starts: 2" in again


def test_a_device_lasts_from_run_to_run(shell: Shell) -> None:
    """With --device the external flash and the device id are there again; a fault leaves a report."""
    elf = program(shell, COUNTER)
    for number in (1, 2, 3):
        text = shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1ms", "--device", "board")
        assert f"starts: {number}" in text
    crashing = program(shell, 'int main(void) { __asm volatile("udf #0"); }')
    assert shell("mvsdk", "emulate", crashing, "--allow-unsigned", "--for", "1ms", "--device", "board").returncode == 4
    assert (shell.directory / "board" / "crash-reports" / "1.json").is_file()


def test_a_second_emulator_on_a_device_names_the_first(shell: Shell) -> None:
    """While one emulator runs on a folder, another is refused and told its process id."""
    elf = program(shell, 'int main(void) { log_start(); log_text("up"); for (;;) { __asm volatile("wfi"); } }')
    emulate = [str(shell.bin / "mvsdk"), "emulate", str(elf), "--allow-unsigned", "--device", "board", "--json"]
    environment = {**os.environ, "MVSDK_HOME": str(shell.home)}
    with subprocess.Popen(emulate, cwd=shell.directory, env=environment, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        first.stdout.readline()
        refused = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--device", "board", "--for", "1ms")
        first.send_signal(signal.SIGINT)
        assert first.wait(DEADLINE_S) == 130
    assert refused.returncode == 1
    assert f"process {first.pid}" in refused.stderr
    shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--device", "board", "--for", "1ms")


def test_a_script_connects_and_drives(shell: Shell) -> None:
    """A device.toml connects a sensor, sets it, and presses the button at its moment."""
    (shell.directory / "device.toml").write_text(
        '[[bus]]\ndevice = "mcp9808"\nbus = "I2C1"\naddress = 0x18\ncelsius = 37.5\n'
    )
    text = shell.succeed(
        "mvsdk", "emulate", program(shell, TEMPERATURE), "--allow-unsigned", "--for", "10ms", "--inputs", "device.toml"
    )
    assert "37" in text
    (shell.directory / "device.toml").write_text('[[at]]\ntime = "1ms"\nbutton = "user"\n')
    pressed, idle = (
        shell.succeed("mvsdk", "emulate", program(shell, BUTTON), "--allow-unsigned", "--for", "3ms", *inputs)
        for inputs in (["--inputs", "device.toml"], [])
    )
    assert pressed != idle
    (shell.directory / "device.toml").write_text('[[at]]\ntime = "1ms"\nbuton = "user"\n')
    refused = shell("mvsdk", "emulate", program(shell, BUTTON), "--allow-unsigned", "--inputs", "device.toml")
    assert "device.toml:1: " in refused.stderr


def test_a_serial_port_on_standard_input_and_output(shell: Shell) -> None:
    """With stdio, standard output is exactly what the port sends, and events go to standard error."""
    elf = program(shell, ECHO)
    done = shell(
        "mvsdk", "emulate", elf, "--allow-unsigned", "--time", "virtual", "--for", "50ms", "--uart", "USART2=stdio",
        input="hello\n",
    )  # fmt: skip
    assert done.returncode == 0
    assert "hello" in done.stdout
    assert "[ " not in done.stdout
    assert "application starts" in done.stderr


def test_a_serial_port_on_a_terminal_of_its_own(shell: Shell) -> None:
    """With pty, another program opens the terminal that is named and talks to the port."""
    elf = program(shell, ECHO)
    emulate = [str(shell.bin / "mvsdk"), "emulate", str(elf), "--allow-unsigned", "--uart", "USART2=pty"]
    environment = {**os.environ, "MVSDK_HOME": str(shell.home)}
    with subprocess.Popen(
        emulate, cwd=shell.directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        name = re.match(r"USART2 is (\S+)\n", running.stderr.readline())
        assert name is not None
        terminal = os.open(name[1], os.O_RDWR | os.O_NOCTTY)
        os.write(terminal, b"over the line\n")
        heard = b""
        while b"over the line" not in heard and select.select([terminal], [], [], DEADLINE_S)[0]:
            heard += os.read(terminal, 1000)
        os.close(terminal)
        running.send_signal(signal.SIGINT)
        assert running.wait(DEADLINE_S) == 130
    assert b"over the line" in heard


def test_the_trace_can_be_narrowed(blinky: Shell) -> None:
    """--trace with families and names shows these calls only; interrupts show the lines."""
    text = blinky.succeed("mvsdk", "emulate", "--for", "1s", "--trace", "syscalls=logging,mvGetSysClk", "--json")
    names = {event.get("call") for event in map(json.loads, text.splitlines()) if event["event"] == "syscall"}
    assert any("mvServerLog" in str(name) for name in names)
    assert not any("mvSetupNotifications" in str(name) for name in names)


def test_a_trace_for_perfetto(blinky: Shell, tmp_path: Path) -> None:
    """--trace-file writes a whole JSON array, without showing on the terminal what only it holds."""
    file = tmp_path / "trace.json"
    text = blinky.succeed("mvsdk", "emulate", "--for", "1s", "--trace-file", file)
    assert "mvServerLog" not in text
    events = json.loads(file.read_text())
    assert {"X", "M", "i", "B", "E", "C"} <= {event["ph"] for event in events}
    assert text == blinky.succeed("mvsdk", "emulate", "--for", "1s")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, shell: Shell, *command: str) -> None:
        self._controller, terminal = pty.openpty()
        self.before = subprocess.run(["stty", "-g"], stdin=terminal, capture_output=True, text=True, check=True).stdout
        self._terminal = terminal
        self.process = subprocess.Popen(
            [str(shell.bin / command[0]), *command[1:]],
            cwd=shell.directory,
            env={**os.environ, "MVSDK_HOME": str(shell.home), "TERM": "xterm"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        self.text = ""

    def until(self, text: str) -> None:
        """Read until a text appears."""
        while text not in self.text:
            assert select.select([self._controller], [], [], DEADLINE_S)[0], self.text
            self.text += os.read(self._controller, 4096).decode("utf-8", "replace")

    def type(self, keys: str) -> None:
        """Press keys."""
        self.text = ""
        os.write(self._controller, keys.encode())

    def end(self) -> int:
        """Wait for the end; the terminal must be as it was before."""
        self.process.wait(DEADLINE_S)
        after = subprocess.run(["stty", "-g"], stdin=self._terminal, capture_output=True, text=True, check=True).stdout
        os.close(self._terminal)
        os.close(self._controller)
        assert after == self.before
        return self.process.returncode


def test_the_console_shows_and_takes_keys(blinky: Shell) -> None:
    """On a terminal there are log lines, LEDs and keys: button, pause, input, snapshot, reset, help, quit."""
    console = Terminal(blinky, "mvsdk", "emulate")
    console.until("b button")
    console.until("LED on (tick 1)")
    console.until("user ●")
    console.type("p")
    console.until("paused")
    console.type("s")
    console.until("wrote device-")
    console.type("?")
    console.until("type an input")
    console.type("p")
    console.until("tick")
    console.type("ipin PZ9 high\n")
    console.until("there is no pin 'PZ9'")
    console.type("inonsense\n")
    console.until("is no input")
    console.type("ipinn\x7f PA0 1.0V\n")
    console.type("b")
    console.type("r")
    console.until("application starts")
    console.type("q")
    assert console.end() == 0
    snapshots = list(blinky.directory.glob("device-*.snapshot"))
    assert len(snapshots) == 1
    blinky.succeed("mvsdk", "emulate", "--from-snapshot", snapshots[0], "--for", "500ms", "--until", "tick")
    snapshots[0].unlink()


@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_the_console_gives_the_terminal_back(blinky: Shell, how: str) -> None:
    """Ctrl-C ends a console, or a device that is paused, with status 130 and the terminal as it was."""
    console = Terminal(blinky, "mvsdk", "emulate")
    console.until("LED on")
    if how == "kill":
        console.type("p")
        console.until("paused")
    console.process.send_signal(signal.SIGINT)
    assert console.end() == 130
