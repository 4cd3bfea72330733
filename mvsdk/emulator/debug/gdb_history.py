"""Going back: a device's present, its past, and the way between them.

While a device runs under a debugger it leaves checkpoints, and everything that reaches it from outside is written down.
The past is another device, made from the nearest checkpoint and run again with the same inputs; it comes to the same
states, to the last bit, because nothing else decides what a device does. The present stays where it is meanwhile. So
looking at the past changes nothing, and the past cannot be changed: writing there is refused.

What a debugger writes in the present is no input. So history begins anew with it.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from pathlib import Path

from mvsdk.emulator import saving
from mvsdk.emulator.core import Core, Registers, Snapshot, Vector, Watchpoint, new_core
from mvsdk.emulator.debug.debugger import Debugger, Halt, HaltReason
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.inputs import Input
from mvsdk.emulator.recording import Recording, make_device
from mvsdk.errors import EmulatorError

CHECKPOINT_CYCLES = 80_000_000
"""How far apart checkpoints are at first: half a second."""
CHECKPOINTS_KEPT = 32
"""When there are more every second one is dropped, and they come half as often."""
_NEAR, _TRACED = 20_000, 1 << 14
_WIDE = 0xE8
"""With this upper byte of its first halfword, or a larger one, an instruction has a second one and takes two cycles."""
_FIRST_WINDOW, _WINDOW_GROWTH = 10_000, 8
_CLIENT = "history"


class PastIsFixedError(EmulatorError):
    """Somebody wants to change what has been."""


class LostHistoryError(EmulatorError):
    """A replay did not come by where the device has been."""


@dataclass(frozen=True, slots=True)
class Position:
    """A boundary between two instructions: the cycle alone does not tell the entry of an exception from its end."""

    cycle: int
    registers: Registers


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    cycle: int
    inputs: int
    state: saving.Plain
    core: Snapshot


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the guest is to halt for."""

    breakpoints: frozenset[int] = frozenset()
    watchpoints: tuple[Watchpoint, ...] = ()
    vectors: Vector = Vector(0)  # noqa: RUF009 - a flag of an enumeration is a value


class Timeline:
    """One device, to be debugged forwards and backwards. `client` is who asks the present's debugger for halts.

    Checkpoints are `apart` cycles apart, until there are more than `kept`.
    """

    def __init__(
        self, present: Debugger, client: str, *, apart: int = CHECKPOINT_CYCLES, kept: int = CHECKPOINTS_KEPT
    ) -> None:
        self._present = present
        self._client = client
        self._wishes = Wishes()
        self._past: Debugger | None = None
        self._checkpoints: list[_Checkpoint] = []
        self._near: _Checkpoint | None = None
        self._apart, self._kept = apart, kept
        self._interval = apart
        self._inputs: list[tuple[int, Input]] = []
        self._traced: list[tuple[int, int]] = []
        device = present.device
        self._recorder = device.inputs.recorder
        device.inputs.recorder = self._record
        present.attach(client)

    def close(self) -> None:
        """Leave the present to itself, where it is."""
        self._past = None
        self._present.detach(self._client)
        self._present.device.inputs.recorder = self._recorder

    def _record(self, cycle: int, what: Input) -> None:
        self._inputs.append((cycle, what))
        if self._recorder is not None:
            self._recorder(cycle, what)

    # -- where we are --------------------------------------------------------------------------------------------------

    @property
    def debugger(self) -> Debugger:
        """Who is looked at: the present, or the past that somebody has gone back to."""
        return self._past or self._present

    @property
    def device(self) -> Device:
        """The device of that time."""
        return self.debugger.device

    @property
    def in_past(self) -> bool:
        """Whether somebody has gone back."""
        return self._past is not None

    @property
    def present_us(self) -> int:
        """The device's time at the present."""
        return self._present.device.time_us

    @property
    def begins_at(self) -> int | None:
        """The cycle up to which one can go back; None if that is here."""
        return self._checkpoints[0].cycle if self._checkpoints else None

    def return_to_present(self) -> None:
        """Come back to the present, which stands where it stood."""
        if self._past is not None:
            self._arrive()

    def wish(self, wishes: Wishes) -> None:
        """Halt for these from now on, in whichever direction. `ValueError` for a watchpoint that is no range."""
        _arm(self._present, self._client, wishes)
        self._wishes = wishes
        if self._past is not None:
            _arm(self._past, self._client, wishes)

    def change(self) -> Debugger:
        """Return whom to write to; history begins anew after that. `PastIsFixedError` in the past."""
        if self._past is not None:
            raise PastIsFixedError(
                "this is the past, and cannot be changed", "go forwards to the present (`continue`), and write there"
            )
        self.forget()
        return self._present

    def forget(self) -> None:
        """Let history begin with what the device does next."""
        self._checkpoints.clear()
        self._inputs.clear()
        self._traced.clear()
        self._near = None
        self._interval = self._apart

    # -- forwards ------------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Let the guest go on with the next `run`."""
        self._leave_checkpoint()
        self.debugger.resume()

    def step(self) -> None:
        """Let the guest execute one instruction with the next `run`."""
        self._leave_checkpoint()
        self.debugger.step()

    def halt(self) -> None:
        """Let the guest stand."""
        self.debugger.halt()

    def run(self, until_us: int) -> End | None:
        """Run to a moment of the device's time, or until it halts. None says that the past has come to its end: this
        is the present again, and it stands where it stood."""
        if self._past is not None:
            return self._relive(self._past, until_us)
        end = self._present.run(until_us)
        if self._checkpoints and self._present.device.core.cycle >= self._checkpoints[-1].cycle + self._interval:
            self._leave_checkpoint()
        return end

    def _relive(self, past: Debugger, until_us: int) -> End | None:
        now = position(self._present)
        device = past.device
        if past.halted is None:
            end = device.run_to_cycle(min(device.cycle_at(until_us), now.cycle))
            if end is not End.TIME and past.halted is None:
                self._arrive()
                return None
        reached = position(past)
        if reached == now or reached.cycle > now.cycle or (reached.cycle == now.cycle and past.halted is None):
            self._arrive()
            return None
        return End.TIME if past.halted is None else End.STOPPED

    def _arrive(self) -> None:
        self._past = None
        self._present.halt()

    def _leave_checkpoint(self) -> None:
        if self._past is not None:
            return
        device = self._present.device
        if self._checkpoints and device.core.cycle < self._checkpoints[-1].cycle + self._interval:
            return
        self._checkpoints.append(self._checkpoint(device))
        if len(self._checkpoints) > self._kept:
            self._checkpoints = self._checkpoints[::2]
            self._interval *= 2

    def _checkpoint(self, device: Device, inputs: int | None = None) -> _Checkpoint:
        told = len(self._inputs) if inputs is None else inputs
        return _Checkpoint(device.core.cycle, told, device.state(), device.core.snapshot())

    # -- backwards -----------------------------------------------------------------------------------------------------

    def step_back(self) -> bool:
        """Go back by one instruction, or one exception's entry. False, and nothing changed, where history begins."""
        found = self._before(position(self.debugger))
        if found is None:
            return False
        self._go_to(found)
        return True

    def run_back(self) -> Halt | None:
        """Go back to where the guest would last have halted for one of the wishes, or to where history begins: None.

        For a breakpoint that is before its instruction; for a watchpoint before the instruction that made the access.
        """
        here = position(self.debugger)
        found = self._on_the_way(here)
        for checkpoint in reversed([each for each in self._checkpoints if each.cycle < here.cycle]):
            if found is not None:
                break
            found = self._last_halt(checkpoint, here.cycle if here.cycle < self._end_of(checkpoint) else None)
        if found is None:
            self._go_to_beginning()
            return None
        halt, place = found
        before = self._before(place) if halt.reason is HaltReason.WATCHPOINT else self._at(place)
        if before is None:
            self._go_to_beginning()
            return None
        self._go_to(before)
        return halt

    def _go_to(self, past: Debugger) -> None:
        past.halt()
        _arm(past, self._client, self._wishes)
        self._past = past

    def _go_to_beginning(self) -> None:
        if self._checkpoints:
            self._go_to(self._revive(self._checkpoints[0]))

    def _end_of(self, checkpoint: _Checkpoint) -> int:
        """Return up to which cycle a checkpoint is the nearest one."""
        later = [each.cycle for each in self._checkpoints if each.cycle > checkpoint.cycle]
        return min(later, default=position(self._present).cycle)

    def _nearest(self, cycle: int) -> _Checkpoint | None:
        known = [*self._checkpoints, *([] if self._near is None else [self._near])]
        return max((each for each in known if each.cycle <= cycle), key=lambda each: each.cycle, default=None)

    def _revive(self, checkpoint: _Checkpoint) -> Debugger:
        """Make the device of a checkpoint, with all that reached it from then on waiting for its cycle."""
        present = self._present.device
        maker = Recording(
            Path("history"), present.board.name, present.image_name, present.image.sha256, present.options,
            present.identity, tuple(present.connections), "", None, (), None,
        )  # fmt: skip
        core: Core = new_core(present.board.interrupt_lines)
        device = make_device(maker, present.board, present.image, core, image_name=present.image_name)
        saving.load(device, checkpoint.state)
        core.restore(checkpoint.core)
        for cycle, what in self._inputs[checkpoint.inputs :]:
            device.inputs.wait(cycle, what)
        past = Debugger(device)
        past.attach(self._client)
        return past

    def _replay(self, cycle: int) -> Debugger | None:
        """Return the past at the first boundary at or after a cycle; None before history."""
        checkpoint = self._nearest(cycle)
        return None if checkpoint is None else self._replay_from(checkpoint, cycle)

    def _replay_from(self, checkpoint: _Checkpoint, cycle: int) -> Debugger:
        """Do so from a checkpoint, tracing the last instructions, and leave one nearer to the cycle."""
        past = self._revive(checkpoint)
        if cycle - checkpoint.cycle > 2 * _NEAR:
            past.device.run_to_cycle(cycle - _NEAR)
            waiting = len(list(past.device.inputs.waiting()))
            self._near = self._checkpoint(past.device, len(self._inputs) - waiting)
        past.device.core.trace_instructions(_TRACED)
        past.device.run_to_cycle(cycle)
        return past

    def _at(self, place: Position) -> Debugger | None:
        """Return the past at a position where the device has been."""
        past = self._replay(place.cycle)
        while past is not None and position(past) != place:
            _step(past, place.cycle)
            if past.device.core.cycle > place.cycle:
                raise LostHistoryError(
                    f"the past did not come by cycle {place.cycle} as it was",
                    "this is a defect of ours; please report it",
                )
        return past

    def _before(self, place: Position) -> Debugger | None:
        """Return the past one boundary before a position; None where history begins."""
        began = self._last_instruction_before(place.cycle)
        if began is None:
            return None
        start, address = began
        past = self._replay(start)
        if past is not None and _leads_to(past, address, place):
            return past
        places = self._places(start, place)
        if not places:
            return None
        # Boundaries that look alike are one sleep, cut; unless there is nothing else, as in a branch to itself.
        steps = max((n for n, each in enumerate(places) if each.registers != place.registers), default=len(places) - 1)
        past = self._replay(start)
        if past is not None:
            for _ in range(steps):
                _step(past, place.cycle)
        return past

    def _places(self, start: int, place: Position) -> list[Position]:
        """Return the boundaries from a cycle up to a position, that one left out."""
        past = self._replay(start)
        places: list[Position] = []
        while past is not None:
            reached = position(past)
            if reached == place or reached.cycle > place.cycle:
                break
            places.append(reached)
            _step(past, place.cycle)
        return places

    def _last_instruction_before(self, cycle: int) -> tuple[int, int] | None:
        """Return when the last instruction before a cycle began, and its address; None if history has none."""
        index = bisect.bisect_left(self._traced, (cycle, 0)) - 1
        if index >= 0 and self._traced[-1][0] >= cycle:
            return self._traced[index]
        checkpoint = self._nearest(cycle)
        while checkpoint is not None:
            began = _executed(self._replay_from(checkpoint, cycle), cycle)
            if not began:  # asleep for longer than was traced
                past = self._revive(checkpoint)
                past.device.core.trace_instructions(_TRACED)
                past.device.run_to_cycle(cycle)
                began = _executed(past, cycle)
            if began:
                self._traced = [*began, (cycle, 0)]
                return began[-1]
            checkpoint = self._nearest(checkpoint.cycle - 1)
        return None

    def _on_the_way(self, here: Position) -> tuple[Halt, Position] | None:
        """Return a breakpoint among the boundaries that share their cycle with a position, and come before it."""
        found = None
        for place in self._places(here.cycle, here):
            if place.registers.pc in self._wishes.breakpoints:
                found = Halt(HaltReason.BREAKPOINT), place
        return found

    def _last_halt(self, checkpoint: _Checkpoint, end: int | None) -> tuple[Halt, Position] | None:
        """Return the last halt for a wish from a checkpoint on, up to a cycle or the next checkpoint."""
        until, size = self._end_of(checkpoint) if end is None else end, _FIRST_WINDOW
        while until > checkpoint.cycle:
            start = max(until - size, checkpoint.cycle)
            found = self._last_halt_within(start, until)
            if found is not None:
                return found
            until, size = start, size * _WINDOW_GROWTH
        return None

    def _last_halt_within(self, start: int, end: int) -> tuple[Halt, Position] | None:
        past = self._replay(start)
        if past is None:
            return None
        past.device.core.trace_instructions(0)
        _arm(past, self._client, self._wishes)
        found = None
        while past.device.run_to_cycle(end) is End.STOPPED and past.halted is not None:
            place = position(past)
            if past.halted.reason in {HaltReason.BREAKPOINT, HaltReason.WATCHPOINT} and _precedes(
                past.halted, place, end
            ):
                found = past.halted, place
            past.resume()
        return found


def position(debugger: Debugger) -> Position:
    """Return where a debugger's device stands."""
    return Position(debugger.device.core.cycle, debugger.registers())


def _precedes(halt: Halt, place: Position, end: int) -> bool:
    return place.cycle < end or halt.reason is HaltReason.WATCHPOINT


def _executed(past: Debugger, before: int) -> list[tuple[int, int]]:
    """Return when the instructions that were traced began, and their addresses."""
    trace = past.device.core.instruction_trace()
    return [(each.cycle, each.address) for each in trace if each.cycle < before]


def _leads_to(past: Debugger, address: int, place: Position) -> bool:
    """Whether the next instruction of a past, and nothing else, leads to a position, as almost always."""
    here, length = position(past), place.cycle - past.device.core.cycle
    return (
        here.registers.pc == address
        and here.registers.exception == place.registers.exception
        and length == (2 if past.read_memory(address + 1, 1)[0] >= _WIDE else 1)
    )


def _step(past: Debugger, beyond: int) -> None:
    """Let a past execute one instruction; one that sleeps does so until it is beyond a cycle at most."""
    past.step()
    past.device.run_to_cycle(beyond + 1)


def _arm(debugger: Debugger, client: str, wishes: Wishes) -> None:
    debugger.set_watchpoints(client, wishes.watchpoints)
    debugger.set_breakpoints(client, wishes.breakpoints)
    debugger.catch(client, wishes.vectors)
