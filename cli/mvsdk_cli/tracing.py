"""What `--trace` asks for: which system calls, whether interrupt lines and handlers, whether sleep."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mvsdk.emulator.events import Event


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run is to tell beside its plain events."""

    calls: frozenset[str] = frozenset()
    interrupts: bool = False
    sleep: bool = False

    @property
    def activity(self) -> bool:
        """Whether the processor is to be followed."""
        return self.interrupts or self.sleep

    def wants(self, event: Event) -> bool:
        """Say whether an event is to be shown: plain ones always, and of the others those asked for."""
        from mvsdk.emulator.events import (
            HandlerEntered,
            HandlerLeft,
            InterruptLineChanged,
            SleepBegan,
            SleepEnded,
            SystemCall,
        )

        if isinstance(event, SystemCall):
            return event.call.name in self.calls
        if isinstance(event, SleepBegan | SleepEnded):
            return self.sleep
        return self.interrupts or not isinstance(event, InterruptLineChanged | HandlerEntered | HandlerLeft)


class TraceOption(click.ParamType[Trace]):
    """`syscalls`, `interrupts`, `sleep`, several with commas between, or `syscalls=` and names of families or calls."""

    name = "what"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Trace:
        """Read one."""
        if isinstance(value, Trace):
            return value
        kind, equals, names = str(value).partition("=")
        if equals and kind == "syscalls":
            return Trace(frozenset[str]().union(*(self._calls(name, param, ctx) for name in names.split(","))))
        kinds = str(value).split(",")
        for kind in kinds:
            if kind not in {"syscalls", "interrupts", "sleep"}:
                known = "syscalls, interrupts, sleep or syscalls=NAME,…"
                self.fail(f"'{kind}' is nothing that can be traced. Write {known}", param, ctx)
        calls = _all_calls() if "syscalls" in kinds else frozenset()
        return Trace(calls, interrupts="interrupts" in kinds, sleep="sleep" in kinds)

    def _calls(self, name: str, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        from mvsdk.emulator.personality.microvisor.kernel import call_families

        families, calls = call_families(), _all_calls()
        if name in families:
            return families[name]
        if name not in calls:
            near = difflib.get_close_matches(name, [*families, *calls], n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"The families are {', '.join(sorted(families))}."
            self.fail(f"there is no system call and no family of calls '{name}'. {hint}", param, ctx)
        return frozenset({name})


def joined(traces: tuple[Trace, ...]) -> Trace:
    """Return all that several options ask for."""
    calls = frozenset[str]().union(*(trace.calls for trace in traces))
    return Trace(
        calls,
        interrupts=any(trace.interrupts for trace in traces),
        sleep=any(trace.sleep for trace in traces),
    )


def _all_calls() -> frozenset[str]:
    from mvsdk.abi import load

    return frozenset(load("microvisor").syscalls)
