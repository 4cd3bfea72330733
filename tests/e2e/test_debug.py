"""Laws of `mvsdk debug`, by the GDB that users have."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.board_support.firmware import Flavour, link
from tests.e2e.conftest import Shell

DEBUGGABLE = Flavour(float_abi="-mfloat-abi=hard", optimisation="-Og -fno-optimize-sibling-calls")
SOURCE = """
#include "mv_syscalls.h"
#include "stm32u585.h"
struct point { int x, y; };
struct point here = {1, 2};
volatile int counter, squares;
volatile unsigned ticks;
volatile float half = 0.5f;
void SysTick_Handler(void) { ticks++; }
__attribute__((noinline)) int square(int n)
{
    half = half + 1.0f;
    return n * n;
}
__attribute__((noinline)) void work(int n)
{
    counter = n;
    squares += square(n);
    here.x = n;
}
int main(void)
{
    SysTick->LOAD = 1000;
    SysTick->VAL = 0;
    SysTick->CTRL = 7;
    for (int n = 0;; n++) {
        uint64_t now;
        work(n);
        (void)mvGetMicroseconds(&now);
    }
}
"""
KERNEL = """
#include <stddef.h>
#include <stdint.h>
struct item { uint32_t value; struct item *next, *previous; void *owner, *container; };
struct list { uint32_t count; struct item *index; uint32_t end_value; struct item *next, *previous; };
struct task {
    uint32_t *top;
    struct item state, event;
    uint32_t priority, *stack;
    char name[16];
};
struct list pxReadyTasksLists[2], xDelayedTaskList1;
struct task *volatile pxCurrentTCB;
static struct task idle = {.priority = 0, .name = "idle"}, sensor = {.priority = 1, .name = "sensor"};
static uint32_t stack[64];
volatile int counter;
static void empty(struct list *list)
{
    struct item *end = (struct item *)&list->end_value;
    list->count = 0;
    list->end_value = 0xFFFFFFFFu;
    list->index = list->next = list->previous = end;
}
static void add(struct list *list, struct task *task)
{
    task->state.owner = task;
    task->state.next = list->next;
    list->next = &task->state;
    list->count++;
}
__attribute__((noinline)) void wait_for_sensor(void) { counter++; }
int main(void)
{
    uint32_t *top = stack + 40;
    empty(&pxReadyTasksLists[0]);
    empty(&pxReadyTasksLists[1]);
    empty(&xDelayedTaskList1);
    add(&pxReadyTasksLists[0], &idle);
    add(&xDelayedTaskList1, &sensor);
    top[0] = (uint32_t)stack;
    top[1] = 0xFFFFFFBCu;
    top[15] = 0xFFFFFFFFu;
    top[16] = (uint32_t)wait_for_sensor & ~1u;
    top[17] = 0x01000000u;
    sensor.top = top;
    pxCurrentTCB = &idle;
    for (;;) wait_for_sensor();
}
"""
"""Not FreeRTOS, but its names and its layouts: what the server reads of it."""
SERVER = ("mvsdk", "debug", "--allow-unsigned", "--offline")


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program to debug."""
    return link(tmp_path_factory.mktemp("program"), {"main.c": SOURCE}, flavour=DEBUGGABLE).path


def gdb(shell: Shell, elf: Path, *commands: str, timeout: int = 120) -> str:
    """Have `mvsdk debug --gdb` start GDB, give it commands as somebody types them, and return what it shows."""
    script = "".join(f"{command}\n" for command in ("set pagination off", "set confirm off", *commands, "quit"))
    environment = {"PATH": f"{shell.bin}{os.pathsep}{os.environ['PATH']}", "MVSDK_HOME": str(shell.home)}
    result = subprocess.run(
        [*SERVER, "--gdb", str(elf)],
        cwd=shell.directory,
        env={**os.environ, **environment, "HOME": str(shell.directory)},
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


@contextmanager
def server(shell: Shell, elf: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `mvsdk debug` and yield it with where GDB connects."""
    path = f"{shell.bin}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [*SERVER, *options, str(elf)],
        cwd=shell.directory,
        env={**os.environ, "PATH": path, "MVSDK_HOME": str(shell.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"target remote (:\d+)", line):
                yield process, found[1]
                break
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_breakpoints_steps_and_frames_at_source_level(shell: Shell, elf: Path) -> None:
    """Break, continue, backtrace, print, step and finish do what they do on a board."""
    shown = gdb(
        shell, elf, "break square if n == 3", "continue", "backtrace", "print n", "print half", "next", "finish",
        "next", "print squares", "print here", "info threads", "info registers special", "print $s0",
    )  # fmt: skip
    assert "Breakpoint 1, square (n=" in shown
    assert re.search(r"#1 .* in work \(n=", shown)
    assert re.search(r"#2 .* in main \(\)", shown)
    assert "$1 = 3" in shown
    assert "$2 = 3.5" in shown
    assert "Value returned is $3 = 9" in shown
    assert "$4 = 14" in shown
    assert '"application" (running)' in shown
    assert "psplim" in shown


def test_watchpoints_tell_old_and_new(shell: Shell, elf: Path) -> None:
    """A hardware watchpoint halts after the write, one on reads at the read."""
    shown = gdb(shell, elf, "break main", "continue", "watch here.x", *["continue"] * 2, "rwatch squares", "continue")
    assert "Hardware watchpoint 2: here.x" in shown
    assert re.search(r"Old value = 0\s+New value = 1", shown)
    assert "Hardware read watchpoint 3: squares" in shown
    assert re.search(r"Value = \d+", shown)


def test_gdb_goes_back_in_time(shell: Shell, elf: Path) -> None:
    """Reverse steps, continues and watchpoints undo what the program did; on again leads to the present."""
    shown = gdb(
        shell, elf, "tbreak square if n == 40", "continue", "print counter", "tbreak work", "reverse-continue",
        "print counter", "watch here.x", "reverse-continue", "print here.x", "delete", "reverse-stepi", "stepi",
        "monitor time", "reverse-step", "set var counter = 5", "continue", "print counter", "reverse-continue",
    )  # fmt: skip
    assert "$1 = 40" in shown
    assert "$2 = 39" in shown
    assert re.search(r"Old value = 39\s+New value = 38", shown)
    assert "$3 = 38" in shown
    assert "this is the past" in shown
    assert "$4 = 40" in shown
    assert shown.count("No more reverse-execution history.") == 2


def test_system_calls_are_caught_by_name(shell: Shell, elf: Path) -> None:
    """`catch syscall` takes the names of the device's own calls, and shows arguments."""
    shown = gdb(
        shell, elf, "catch syscall mvGetMicroseconds", "continue", "backtrace", "continue", "print counter", "finish",
        "catch syscall mvNonsense", "monitor catch off",
    )  # fmt: skip
    assert shown.count("mvGetMicroseconds(ms=") == 2
    assert re.search(r"#1 .* in main \(\)", shown)
    assert "$1 = 1" in shown
    assert "there is no system call 'mvNonsense'" in shown


def test_handlers_have_frames(shell: Shell, elf: Path) -> None:
    """The backtrace in an interrupt leads to what it interrupted."""
    shown = gdb(shell, elf, "break SysTick_Handler", "continue", "backtrace", "finish", "print ticks")
    assert "<signal handler called>" in shown
    assert re.search(r"main \(\)", shown)


def test_tasks_of_freertos_are_threads(shell: Shell, tmp_path: Path) -> None:
    """By the names of its variables its tasks are found, each with its name, state and frame."""
    kernel = link(tmp_path, {"main.c": KERNEL}, flavour=DEBUGGABLE).path
    shown = gdb(shell, kernel, "break wait_for_sensor", "continue", "info threads", "thread 2", "print $psplim")
    assert re.search(r'\* \d+ +Thread \d+ "idle" \(running, priority 0\) +wait_for_sensor', shown)
    assert re.search(r'Thread \d+ "sensor" \(delayed, priority 1\) +wait_for_sensor', shown)


def test_monitor_commands_reach_the_device(shell: Shell, elf: Path) -> None:
    """Snapshots go on elsewhere, power can be cut, and help lists it all."""
    shown = gdb(
        shell, elf, "break work", "continue", "monitor help", "monitor time", "monitor snapshot there.snapshot",
        "monitor power cut", "continue", "print counter", "monitor pins",
    )  # fmt: skip
    assert "monitor power cut" in shown
    assert re.search(r"0\.0000\d\d s, cycle \d+", shown)
    assert "Breakpoint 1, work (n=" in shown
    assert "LED user is PA5" in shown
    run = shell("mvsdk", "emulate", "--allow-unsigned", "--from-snapshot", "there.snapshot", "--for", "1ms", elf)
    assert run.returncode == 0, run.stderr


def test_a_project_is_debugged_as_it_was_built(blinky: Shell) -> None:
    """Without a target it is the project's own bundle, verified, with the ELF beside it; a kept device keeps its id."""
    environment = {"PATH": f"{blinky.bin}{os.pathsep}{os.environ['PATH']}", "MVSDK_HOME": str(blinky.home)}
    result = subprocess.run(
        ["mvsdk", "debug", "--gdb", "--offline", "--device", "./kept"],
        cwd=blinky.directory,
        env={**os.environ, **environment, "HOME": str(blinky.directory)},
        input="set confirm off\nbreak main\ncontinue\nnext\nreverse-next\nbacktrace\nquit\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "Breakpoint 1, main ()" in result.stdout
    assert "#0  main ()" in result.stdout
    assert (blinky.directory / "kept" / "identity.toml").is_file()


def test_ctrl_c_halts_and_time_stands(shell: Shell, elf: Path) -> None:
    """A GDB that continues is interrupted, looks around, and finds the device's time as it was."""
    with server(shell, elf) as (device, place):
        commands = (f"target remote {place}", "continue", "monitor time", "shell sleep 1", "monitor time", "kill")
        arguments = [part for command in ("set confirm off", *commands) for part in ("-ex", command)]
        with subprocess.Popen(
            ["gdb-multiarch", "-nx", "-q", "-batch", *arguments, str(elf)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as debugger:  # fmt: skip
            assert debugger.stdout is not None
            output, shown = debugger.stdout.fileno(), ""
            while data := os.read(output, 4096):
                shown += data.decode()
                while "Reset_Handler" in shown and "SIGINT" not in shown and not select.select([output], [], [], 2)[0]:
                    debugger.send_signal(signal.SIGINT)
        assert "Program received signal SIGINT" in shown
        times = re.findall(r"s, cycle (\d+)", shown)
        assert len(times) == 2
        assert times[0] == times[1]
        assert device.wait(30) == 0


def test_a_debugger_that_is_lost_leaves_the_device_for_the_next(shell: Shell, elf: Path) -> None:
    """A GDB that is killed in the middle of a run costs nothing but its breakpoints."""
    with server(shell, elf) as (device, place):
        port = ["gdb-multiarch", "-nx", "-q", "-batch", "-ex", f"target remote {place}"]
        with subprocess.Popen([*port, "-ex", "continue", str(elf)], stdout=subprocess.DEVNULL) as lost:
            with pytest.raises(subprocess.TimeoutExpired):
                lost.wait(2)
            lost.kill()
        again = subprocess.run(
            [*port, "-ex", "tbreak work", "-ex", "continue", "-ex", "print counter > 0", "-ex", "kill", str(elf)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "$1 = 1" in again.stdout, again.stdout + again.stderr
        assert device.wait(30) == 0


def test_a_port_in_use_is_said_so(shell: Shell, elf: Path) -> None:
    """Two servers on one port: the second one says what to do."""
    with server(shell, elf) as (_, place):
        second = shell(*SERVER, "--port", place[1:], elf)
    assert second.returncode == 1
    assert "give another one" in second.stderr
