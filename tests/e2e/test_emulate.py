"""Laws of `mvsdk emulate`, with real bundles."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.board_support.firmware import Flavour, link
from tests.e2e.conftest import Shell

BUNDLE = "build/blinky.zip"
DEBUGGABLE = Flavour(optimisation="-Og -fno-inline -fno-optimize-sibling-calls")
LOG = """
#include <string.h>
#include "mv_syscalls.h"
static uint8_t buffer[512] __attribute__((aligned(512)));
static inline void log_start(void) { (void)mvServerLoggingInit(buffer, sizeof buffer); }
static inline void log_text(const char *text) { (void)mvServerLog((const uint8_t *)text, (uint16_t)strlen(text)); }
"""


def program(shell: Shell, source: str) -> Path:
    """Compile a program from a few lines that may log, and return its ELF."""
    folder = shell.directory / "program"
    folder.mkdir()
    return link(folder, {"main.c": LOG + source}, flavour=DEBUGGABLE).path


def test_a_bundle_boots_blinks_and_logs(blinky: Shell) -> None:
    """The default application's log lines and LED changes appear with the device's time, in order."""
    lines = blinky.succeed("mvsdk", "emulate", "--for", "2s").splitlines()
    stamps = [float(re.match(r"\[ *(\d+\.\d{6})\] ", line)[1]) for line in lines]  # type: ignore[index]
    assert stamps == sorted(stamps)
    assert stamps[-1] < 2
    text = "\n".join(lines)
    assert "blinky: LED on (tick 1)" in text
    assert "LED user ● on" in text
    assert "LED user ○ off" in text


def test_until_stops_at_the_text(blinky: Shell) -> None:
    """With --until the run ends with exit status 0 right after the line that holds the text."""
    assert blinky.succeed("mvsdk", "emulate", "--until", "pong").splitlines()[-1].endswith("blinky: pong")


def test_a_text_that_never_comes_is_exit_status_3(blinky: Shell) -> None:
    """When the time is over first, the exit status says so."""
    result = blinky("mvsdk", "emulate", "--until", "never logged", "--for", "1s")
    assert result.returncode == 3
    assert "not logged" in result.stderr


def test_the_trace_shows_calls_decoded_and_by_caller(blinky: Shell) -> None:
    """--trace syscalls shows names, decoded arguments, status, outputs and the calling function."""
    text = blinky.succeed("mvsdk", "emulate", "--until", "pong", "--trace", "syscalls")
    assert 'mvServerLog(message="blinky: ping", length_bytes=12) => MV_STATUS_OKAY' in text
    assert "hz=160000000" in text
    assert "<log_line>" in text


def test_json_is_one_object_a_line(blinky: Shell) -> None:
    """With --json every event is an object with its kind and time, and the last one tells how the run ended."""
    lines = blinky.succeed("mvsdk", "emulate", "--for", "1s", "--json", "--trace", "syscalls").splitlines()
    events = [json.loads(line) for line in lines]
    assert all({"event", "time_us"} <= event.keys() for event in events)
    assert {"started", "log", "led", "syscall", "end"} == {event["event"] for event in events}
    state = events[-1].pop("state_hash")
    assert re.fullmatch("[0-9a-f]{64}", state)
    assert events[-1] == {"event": "end", "time_us": 1_000_000, "reason": "time", "exit_status": 0}


def test_the_same_run_twice_prints_the_same(blinky: Shell) -> None:
    """Bundle and seed decide everything: two runs print the same bytes, and another seed other handles."""
    first, second = (blinky.succeed("mvsdk", "emulate", "--for", "3s", "--trace", "syscalls") for _ in range(2))
    other = blinky.succeed("mvsdk", "emulate", "--for", "3s", "--trace", "syscalls", "--seed", "7")
    assert first == second != other


def test_a_tampered_bundle_is_refused_with_the_reason(blinky: Shell, tmp_path: Path) -> None:
    """A bundle with one byte changed does not run."""
    data = bytearray((blinky.directory / BUNDLE).read_bytes())
    data[len(data) // 2] ^= 1
    tampered = tmp_path / "tampered.zip"
    tampered.write_bytes(data)
    result = blinky("mvsdk", "emulate", tampered, "--for", "1s")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "error: " in result.stderr
    assert "fix: " in result.stderr


def test_an_unsigned_bundle_runs_only_when_that_is_said(blinky: Shell, tmp_path: Path) -> None:
    """Without --allow-unsigned it is refused; with it, it runs."""
    bundle = tmp_path / "unsigned.zip"
    blinky.succeed("mvsdk", "bundle", "--unsigned", "-o", bundle)
    assert blinky("mvsdk", "emulate", bundle, "--for", "1s").returncode == 1
    blinky.succeed("mvsdk", "emulate", bundle, "--for", "1s", "--allow-unsigned", "--until", "LED on")


def test_a_bundle_of_a_stranger_is_refused(blinky: Shell, shell: Shell) -> None:
    """A bundle signed with a key that this home does not know is refused until the key is trusted."""
    bundle = blinky.directory / BUNDLE
    assert shell("mvsdk", "emulate", bundle, "--for", "1s").returncode == 1
    key = shell.directory / "key.pem"
    key.write_text(blinky.succeed("mvsdk", "keys", "export-public", "development"))
    shell.succeed("mvsdk", "emulate", bundle, "--for", "1s", "--trust", key, "--until", "LED on")


@pytest.mark.parametrize("kind", ["elf", "hex", "bin"])
def test_a_bare_image_runs_only_when_that_is_said(blinky: Shell, kind: str) -> None:
    """ELF, HEX and raw binary need --allow-unsigned."""
    image = f"build/blinky.{kind}"
    assert "nobody signed" in blinky("mvsdk", "emulate", image, "--for", "1s").stderr
    blinky.succeed("mvsdk", "emulate", image, "--for", "1s", "--allow-unsigned", "--until", "LED on")


def test_a_fault_shows_registers_causes_and_the_way_there(shell: Shell) -> None:
    """A stray access ends with exit status 4, what was wrong, the registers, and a backtrace by function and line."""
    elf = program(
        shell,
        "static int inner(volatile int *p) { return *p; }\n"
        "static int outer(int x) { return inner((volatile int *)0x60000000) + x; }\n"
        'int main(void) { log_start(); log_text("before"); return outer(3); }\n',
    )
    result = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1s")
    assert result.returncode == 4
    assert "PRECISERR" in result.stdout
    assert "0x60000000" in result.stdout
    frames = re.findall(r"#\d +0x[0-9a-f]{8} (\w+)\+", result.stdout)
    assert frames[:3] == ["inner", "outer", "main"]
    assert re.search(r"#0 .* at .*main\.c:\d+", result.stdout)
    assert re.search(r" pc 0800[0-9a-f]{4}", result.stdout)


CRASHING = 'int main(void) { log_start(); log_text("alive"); return *(volatile int *)0x60000000; }\n'


def test_a_fault_may_restart_the_application(shell: Shell) -> None:
    """With --on-fault restart each fault is reported, and the application starts again after a growing wait."""
    elf = program(shell, CRASHING)
    text = shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "5s", "--on-fault", "restart")
    assert text.count("alive") == 3
    assert text.count("PRECISERR") == 3
    assert "crash 1 in a row: it restarts in 1.0" in text or "crash 1 in a row: it restarts in 0.9" in text
    assert text.count("wake reason APPLICATIONCRASH") == 2


def test_a_manifest_may_ask_for_restarts(shell: Shell) -> None:
    """A bundle that gives restart bounds is restarted within them, unless --on-fault stop."""
    elf = program(shell, CRASHING)
    bundle = shell.directory / "crashing.zip"
    bounds = ("--minimum-restart-interval", "100", "--maximum-restart-interval", "200")
    shell.succeed("mvsdk", "bundle", elf, "--unsigned", *bounds, "-o", bundle)
    run = ("mvsdk", "emulate", bundle, "--allow-unsigned", "--for", "1s")
    events = [json.loads(line) for line in shell.succeed(*run, "--json").splitlines()]
    waits = [event for event in events if event["event"] == "restart-awaited"]
    assert [wait["crashes"] for wait in waits[:3]] == [1, 2, 3]
    assert len(waits) > 4
    assert shell(*run, "--on-fault", "stop").returncode == 4


def test_deep_sleep_is_shown_and_lasts(shell: Shell) -> None:
    """An application that goes into Standby is shown to, and with no wake source the run ends by itself."""
    elf = program(shell, "int main(void) { (void)mvDeepSleep(MV_DEEPSLEEPMODE_STANDBY); return 0; }\n")
    result = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--until", "anything")
    assert result.returncode == 3
    assert "deep sleep (standby): RAM is lost" in result.stdout
    assert "sleeps" in result.stderr


@pytest.mark.parametrize(("status", "exit_status"), [(0, 0), (7, 5)])
def test_test_code_ends_the_run_with_its_verdict(shell: Shell, status: int, exit_status: int) -> None:
    """With --testing the factory's log is shown and mvTestingComplete ends the run; without, neither works."""
    elf = program(
        shell,
        "int main(void) {\n"
        "    (void)mvTestLoggingInit(buffer, sizeof buffer);\n"
        '    (void)mvTestLog((const uint8_t *)"checked", 7);\n'
        f"    if (mvTestingComplete({status}) != MV_STATUS_OKAY) log_start();\n"
        '    log_text("no test");\n'
        "    for (;;) { }\n"
        "}\n",
    )
    result = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1s", "--testing")
    assert result.returncode == exit_status
    assert "factory: checked" in result.stdout
    assert "factory test" in result.stdout
    assert "no test" in shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1s")


def test_a_fault_in_a_handler_shows_what_it_interrupted(shell: Shell) -> None:
    """The backtrace crosses the exception frame: handler first, then the code that was running."""
    elf = program(
        shell,
        "void SVC_Handler(void) { *(volatile int *)0x60000000 = 1; }\n"
        'static void worker(void) { __asm volatile("svc 0"); log_text("not reached"); }\n'
        "int main(void) { log_start(); worker(); return 0; }\n",
    )
    result = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1s", "--json")
    assert result.returncode == 4
    fault = next(event for event in map(json.loads, result.stdout.splitlines()) if event["event"] == "fault")
    assert [place["function"] for place in fault["backtrace"]][:3] == ["SVC_Handler", "worker", "main"]


def test_a_jump_to_zero_is_a_fault(shell: Shell) -> None:
    """Calling through a null pointer stops the application, names the cause, and shows who made the call."""
    elf = program(shell, "int main(void) { ((void (*)(void))0)(); return 0; }\n")
    result = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1s")
    assert result.returncode == 4
    assert "INVSTATE" in result.stdout or "IBUSERR" in result.stdout
    assert re.findall(r"#\d +0x[0-9a-f]{8} (\S+)", result.stdout)[0] == "?"
    assert re.search(r"#1 +0x[0-9a-f]{8} main\+", result.stdout)


def test_a_guest_that_spins_for_ever_is_ended_by_its_time(shell: Shell) -> None:
    """An endless loop without a call runs out its device time and no more."""
    elf = program(shell, 'int main(void) { for (;;) { __asm volatile("nop"); } }\n')
    assert shell("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "50ms").returncode == 0


def test_a_guest_that_sleeps_for_ever_is_noticed(shell: Shell) -> None:
    """With nothing left to wake it and a text still awaited, the run ends by itself."""
    elf = program(shell, 'int main(void) { for (;;) { __asm volatile("wfi"); } }\n')
    result = shell("mvsdk", "emulate", elf, "--allow-unsigned", "--until", "anything")
    assert result.returncode == 3
    assert "sleeps" in result.stderr


def test_wild_pointers_get_the_documented_status(shell: Shell) -> None:
    """A guest that passes wild pointers is told PARAMETERFAULT, and nothing worse happens."""
    elf = program(
        shell,
        "int main(void) {\n"
        "    log_start();\n"
        "    uint32_t wild[] = {0, 3, 0x0c1fe000, 0x2007fffe, 0x40000000, 0xe000ed00, 0xfffffffc};\n"
        "    for (unsigned i = 0; i < sizeof wild / sizeof wild[0]; i++) {\n"
        '        if (mvGetMicroseconds((uint64_t *)wild[i]) != MV_STATUS_PARAMETERFAULT) log_text("wrong");\n'
        "    }\n"
        '    log_text("done");\n'
        "    for (;;) { }\n"
        "}\n",
    )
    text = shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--until", "done", "--for", "1s")
    assert "wrong" not in text


def test_a_guests_text_cannot_play_with_the_terminal(shell: Shell) -> None:
    """Escape sequences in a log line are shown as text."""
    elf = program(shell, 'int main(void) { log_start(); log_text("\\x1b[2Jgone"); for (;;) { } }\n')
    text = shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--until", "gone", "--for", "1s")
    assert "\x1b" not in text
    assert "\\x1b[2Jgone" in text


def test_symbols_of_another_program_are_refused(blinky: Shell, shell: Shell) -> None:
    """--symbols with an ELF that is not the application is an error, not a wrong backtrace."""
    elf = program(shell, "int main(void) { return 0; }\n")
    result = blinky("mvsdk", "emulate", "--symbols", elf, "--for", "1s")
    assert result.returncode == 1
    assert "symbols" in result.stderr


@pytest.mark.parametrize("template", ["minimal", "cpp"])
def test_every_template_logs_its_name(shell: Shell, template: str) -> None:
    """A project from any template builds, is signed, and logs on the emulator."""
    shell.succeed("mvsdk", "new", "fresh", "--template", template)
    inside = shell.inside(shell.directory / "fresh")
    inside.succeed("mvsdk", "build", "--release")
    inside.succeed("mvsdk", "bundle")
    inside.succeed("mvsdk", "emulate", "--for", "2s", "--until", "fresh")


def test_outside_a_project_there_is_nothing_to_run(shell: Shell) -> None:
    """Without a target and without a project the error says what to do."""
    result = shell("mvsdk", "emulate", "--for", "1s")
    assert result.returncode == 1
    assert "mvsdk new" in result.stderr


def test_a_project_without_a_bundle_says_so(blinky: Shell, shell: Shell) -> None:
    """A project that was built but not bundled is told to bundle."""
    copy = shell.directory / "blinky"
    shutil.copytree(blinky.directory, copy)
    (copy / BUNDLE).unlink()
    result = shell.inside(copy)("mvsdk", "emulate", "--for", "1s")
    assert result.returncode == 1
    assert "mvsdk bundle" in result.stderr


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x7fELF", b"not a bundle at all"])
@pytest.mark.parametrize("suffix", [".zip", ".elf", ".bin", ".hex"])
def test_a_broken_file_is_an_error_in_two_lines(shell: Shell, content: bytes, suffix: str) -> None:
    """Whatever a file holds and is called, it is refused in words and without a traceback."""
    file = shell.directory / f"broken{suffix}"
    file.write_bytes(content)
    result = shell("mvsdk", "emulate", file, "--allow-unsigned", "--for", "1s")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("options", [["--until", ""], ["--start-time", "1900-01-01"], ["--start-time", "noon"]])
def test_what_makes_no_sense_is_wrong_usage(blinky: Shell, options: list[str]) -> None:
    """Waiting for nothing, or starting before Unix time, is exit status 2 in two lines."""
    result = blinky("mvsdk", "emulate", "--for", "1s", *options)
    assert result.returncode == 2
    assert [line[:6] for line in result.stderr.splitlines()] == ["error:", "  fix:"]


def test_ctrl_c_ends_a_run_in_words(blinky: Shell) -> None:
    """An interrupted run still says how far it came: as the last object, and as exit status 130."""
    process = subprocess.Popen(
        [blinky.bin / "mvsdk", "emulate", "--json", "--time", "real"],
        cwd=blinky.directory,
        env={**os.environ, "MVSDK_HOME": str(blinky.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while '"log"' not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    lines = process.stdout.readlines()
    assert process.wait() == 130
    process.stdout.close()
    assert json.loads(lines[-1])["reason"] == "interrupted"


@pytest.mark.parametrize("value", ["soon", "-5s", "0s", "5 parsecs"])
def test_a_wrong_length_of_time_is_wrong_usage(shell: Shell, value: str) -> None:
    """--for wants a positive number with a unit; anything else is exit status 2 with the way to write it."""
    result = shell("mvsdk", "emulate", "x.zip", f"--for={value}")
    assert result.returncode == 2
    assert "250ms" in result.stderr


HELLO_ON_USART2 = """
#define USART2 ((volatile uint32_t *)0x40004400)
int main(void) {
    USART2[3] = 1389;
    USART2[0] = 9;
    for (const char *text = "hello\\x1b\\r\\n"; *text; text++) {
        while (!(USART2[7] & 0x80)) { }
        USART2[10] = (uint8_t)*text;
    }
    for (;;) { __asm volatile("wfi"); }
}
"""


def test_a_serial_port_is_shown_line_by_line(shell: Shell) -> None:
    """What the application sends by USART2 appears under the port's name, safe for a terminal, and as JSON."""
    elf = program(shell, HELLO_ON_USART2)
    emulate = ("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "10ms")
    assert "USART2: hello\\x1b" in shell.succeed(*emulate)
    events = [json.loads(line) for line in shell.succeed(*emulate, "--json").splitlines()]
    assert [(event["port"], event["text"]) for event in events if event["event"] == "uart"] == [("USART2", "hello\x1b")]


def test_strict_mmio_makes_unmodelled_registers_faults(shell: Shell) -> None:
    """With --strict-mmio a register without a model is noted and stops the application; without, it is only noted."""
    elf = program(shell, "int main(void) { *(volatile uint32_t *)0x420C0400 = 1; for (;;) { } }\n")
    emulate = ("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "10ms")
    assert "write of HASH 0x420c0400 is not modelled" in shell.succeed(*emulate)
    result = shell(*emulate, "--strict-mmio")
    assert result.returncode == 4
    assert "write of HASH" in result.stdout


def test_gated_clocks_are_noted_and_pwm_is_shown(shell: Shell) -> None:
    """With --gate-clocks a timer without its clock is noted and dead; without, its PWM output is shown in words."""
    elf = program(
        shell,
        """
        #include "stm32u585.h"
        #define REG(address) (*(volatile uint32_t *)(address))
        int main(void)
        {
            REG(GPIOA_BASE + 0x20) = 1u << 20;
            REG(GPIOA_BASE) = (REG(GPIOA_BASE) & ~(3u << 10)) | 2u << 10;
            REG(TIM2_BASE + 0x2C) = 159999u;
            REG(TIM2_BASE + 0x34) = 40000u;
            REG(TIM2_BASE + 0x18) = 0x60u;
            REG(TIM2_BASE + 0x20) = 1u;
            REG(TIM2_BASE) = 1u;
            for (;;) { __asm volatile("wfi"); }
        }
        """,
    )
    emulate = ("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "10ms")
    shown = shell.succeed(*emulate)
    assert "GPIOA pin 5 (TIM2_CH1): 1000 Hz, 25.0% high" in shown
    assert "LED user ● on" in shown
    gated = shell.succeed(*emulate, "--gate-clocks")
    assert "without its clock: enable it in RCC with mvPeriphPoke32" in gated
    assert "Hz" not in gated


def test_what_was_executed_is_written_as_lcov_does(blinky: Shell, tmp_path: Path) -> None:
    """--coverage names the application's own source and lines that were executed."""
    file = tmp_path / "coverage.info"
    blinky.succeed("mvsdk", "emulate", "--for", "1s", "--coverage", file, "build/blinky.zip")
    text = file.read_text(encoding="utf-8")
    assert "src/main.c" in text
    assert re.search(r"^DA:\d+,[1-9]", text, re.MULTILINE)
