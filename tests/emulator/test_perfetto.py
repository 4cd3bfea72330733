"""Laws of traces for Perfetto: whole JSON, on the device's time, every call on the track of who made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, InterruptLineChanged, SystemCall
from mvsdk.emulator.perfetto import PerfettoTrace
from mvsdk.files import OutputError
from tests.emulator.chip_guests import BOARD, ECHO, guest
from tests.emulator.examples import EXAMPLES

TASKS = """
void TIM2_IRQHandler(void) { log_text("handler"); }
static uint32_t stacks[2][64];
int main(void)
{
    log_start();
    log_text("main");
    for (uint32_t task = 0; task < 2; task++) {
        __asm volatile("msr psplim, %0\\nmsr psp, %1\\nmsr control, %2\\nisb"
                       : : "r"(stacks[task]), "r"(stacks[task] + 64), "r"(2) : "memory");
        (void)mvNoOp();
    }
    REG(0xE000E100u, 0u) = 0u;
    REG(0xE000E104u, 0u) = 1u << (45 - 32);
    REG(0xE000EF00u, 0u) = 45u;
    __asm volatile("dsb\\nisb");
    for (;;) { __asm volatile("wfi"); }
}
"""


def traced(
    source: str, path: Path, until_us: int, *inputs: tuple[int, Any]
) -> tuple[list[dict[str, Any]], list[Event]]:
    """Run a guest; return the events of its trace, and those told."""
    told: list[Event] = []
    with PerfettoTrace(path) as trace:
        device = Device(
            BOARD, guest(source), new_core(), trace_calls=True, trace_interrupts=True, observers=[told.append, trace]
        )
        trace.device = device
        for time_us, what in inputs:
            device.inputs.at(time_us, what)
        device.run(until_us)
    events: list[dict[str, Any]] = json.loads(path.read_text())
    return events, told


def test_every_call_is_there_with_its_time_and_length(tmp_path: Path) -> None:
    """A complete event for each system call, at its microsecond; blocking ones last as long as they block."""
    events, told = traced(EXAMPLES["kernel"].source, tmp_path / "t", 200_000)
    calls = [event for event in events if event["ph"] == "X"]
    assert [(call["name"], call["ts"]) for call in calls] == [
        (event.call.name, event.time_us) for event in told if isinstance(event, SystemCall)
    ]
    assert all(call["dur"] > 40_000 for call in calls if call["name"] == "mvExternalFlashEraseBlocking")
    assert all(call["dur"] == 2 for call in calls if call["name"] == "mvServerLog")


def test_calls_are_on_the_track_of_who_makes_them(tmp_path: Path) -> None:
    """The application, each of its tasks and each handler have a track of their own."""
    events, _ = traced(TASKS, tmp_path / "t", 1_000)
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    made = [(event["name"], names[event["tid"]]) for event in events if event["ph"] == "X"]
    assert made[:2] == [("mvServerLoggingInit", "application"), ("mvServerLog", "application")]
    first, second = (track for name, track in made if name == "mvNoOp")
    assert first != second
    assert first.startswith("task ")
    assert ("mvServerLog", "handler of TIM2") in made


def test_spans_begin_and_end(tmp_path: Path) -> None:
    """On every track what begins ends, in order, and interrupt lines are as long as they were high."""
    source = EXAMPLES["echo"]
    events, told = traced(source.source, tmp_path / "t", source.length_us, (1_000, source.inputs[0]))
    lines = [event for event in told if isinstance(event, InterruptLineChanged)]
    assert lines
    raised = [event["ts"] for event in events if event["ph"] == "B" and event["tid"] >= 1000]
    assert raised == [event.time_us for event in lines if event.high]
    for track in {event["tid"] for event in events if event["ph"] in "BE"}:
        depth = 0
        for event in (event for event in events if event.get("tid") == track and event["ph"] in "BE"):
            depth += 1 if event["ph"] == "B" else -1
            assert depth in {0, 1}


def test_tracing_interrupts_changes_nothing() -> None:
    """With and without a trace of its lines a device ends in the same state."""
    example = EXAMPLES["echo"]
    plain = example.device([])
    told: list[Event] = []
    lines = Device(BOARD, guest(ECHO), new_core(), seed=3, trace_interrupts=True, observers=[told.append])
    for device in (plain, lines):
        device.inputs.at(500, example.inputs[0])
        device.run(5_000)
    assert lines.state_hash() == plain.state_hash()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A trace to nowhere is refused at once."""
    with pytest.raises(OutputError):
        PerfettoTrace(tmp_path / "nowhere" / "t")
