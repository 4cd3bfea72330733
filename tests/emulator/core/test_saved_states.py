"""Saved states: what is in them, and what is refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core import StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import FLASH, FLASH_SIZE, GATEWAYS, RAM, RAM_SIZE, Machine, assemble

SPIN = assemble("1: adds r0, #1\n ldr r1, =0x20000000\n str r0, [r1]\n b 1b")


def test_restore_undoes_what_happened_since(make_core: MakeCore) -> None:
    """Registers, memory and time go back; the future is the same again."""
    machine = Machine(make_core(), SPIN)
    machine.run(1000)
    saved = machine.core.save()
    machine.run(2000)
    later = machine.core.save()
    assert later != saved
    machine.core.load(saved)
    assert machine.core.save() == saved
    assert machine.core.cycle < 1600
    machine.run(2000)
    assert machine.core.save() == later


def test_a_saved_state_is_plain_bytes_that_depend_on_nothing_else(make_core: MakeCore) -> None:
    """Two cores that did the same have the same saved state, byte for byte."""
    one, other = Machine(make_core(), SPIN), Machine(make_core(), SPIN)
    one.run(500)
    other.run(250)
    other.run(500)
    assert type(one.core.save()) is bytes
    assert one.core.save() == other.core.save()


def test_restore_forgets_code_that_was_executed_since(make_core: MakeCore) -> None:
    """Code in RAM that was different at the time of the saving is executed as it was."""
    body = "ldr r4, =0x20000001\n 1: blx r4\n mov r6, r0\n bkpt\n b 1b"
    machine = Machine(make_core(), assemble(body))
    machine.core.write_memory(RAM, bytes.fromhex("01207047"))
    saved = machine.core.save()
    machine.core.write_memory(RAM, bytes.fromhex("02207047"))
    machine.run()
    assert machine.r(6) == 2
    machine.core.load(saved)
    machine.run()
    assert machine.r(6) == 1


STATES = {
    "asleep": ("wfi\n movs r7, #1\n bkpt", StopReason.IDLE),
    "waiting for an event": ("wfe\n movs r7, #1\n bkpt", StopReason.IDLE),
    "at a bkpt": ("bkpt\n movs r7, #1\n bkpt", StopReason.BREAKPOINT),
    "at a gateway": ("ldr r0, =gateway\n blx r0\n movs r7, #1\n bkpt", StopReason.GATEWAY),
    "faulted": ("udf #0", StopReason.FAULT),
    "between ldrex and strex": (
        "ldr r0, =0x20000000\n ldrex r1, [r0]\n bkpt\n strex r7, r1, [r0]\n bkpt",
        StopReason.BREAKPOINT,
    ),
    "in a handler, unprivileged below": (
        "movs r0, #1\n msr control, r0\n isb\n svc #0\n mrs r7, control\n bkpt\n .thumb_func\n handler: bkpt\n bx lr",
        StopReason.BREAKPOINT,
    ),
    "with floating point": (
        "ldr r0, =0xE000ED88\n ldr r1, =0x00F00000\n str r1, [r0]\n"
        "vmov.f32 s31, #1.0\n bkpt\n vmov r7, s31\n mrs r6, control\n bkpt",
        StopReason.BREAKPOINT,
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_every_kind_of_stop_survives(make_core: MakeCore, name: str) -> None:
    """Restored on another core, a guest goes on from any kind of stop as it would have."""
    body, reason = STATES[name]
    program = assemble(body + ("" if "handler:" in body else "\n .thumb_func\n handler: bx lr"))
    vectors = {11: "handler", 16: "handler"}
    machine, twin = Machine(make_core(), program, vectors), Machine(make_core(), SPIN)
    assert machine.run().reason is reason
    twin.run(333)
    twin.core.load(machine.core.save())
    assert twin.core.registers() == machine.core.registers()
    for one in (machine, twin):
        if reason is StopReason.GATEWAY:
            assert one.core.gateway_call()[0]
            one.core.gateway_return(5)
        one.core.pend(0)
    assert twin.run() == machine.run()
    assert twin.core.save() == machine.core.save()


def test_a_core_that_was_never_reset_can_be_restored(make_core: MakeCore) -> None:
    """A saved state is all a fresh core with the same layout needs; its gateways work."""
    machine = Machine(make_core(), assemble("ldr r0, =gateway\n 1: blx r0\n b 1b"))
    fresh = make_core()
    fresh.map_memory(FLASH, FLASH_SIZE, writable=False)
    fresh.map_memory(RAM, RAM_SIZE, writable=True)
    fresh.trap(GATEWAYS)
    fresh.load(machine.core.save())
    assert fresh.run(1000).reason is StopReason.GATEWAY


def test_other_memory_maps_are_refused(make_core: MakeCore) -> None:
    """A saved state fits cores with the same memories only."""
    core = make_core()
    core.map_memory(0x6000_0000, 0x1000, writable=True)
    saved = Machine(core, SPIN).core.save()
    with pytest.raises(ValueError, match="memory map"):
        Machine(make_core(), SPIN).core.load(saved)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_no_saved_state_is_refused_and_changes_nothing(make_core: MakeCore, data: st.DataObject) -> None:
    """Random, truncated or lengthened bytes raise ValueError and leave the core as it was."""
    machine = Machine(make_core(), SPIN)
    machine.run(100)
    good = machine.core.save()
    bad = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.integers(0, len(good) - 1).map(lambda length: good[:length]),
            st.integers(0, 2000).map(lambda length: good[:length]),
            st.binary(min_size=1, max_size=9).map(lambda more: good + more),
        )
    )
    with pytest.raises(ValueError, match=r".+"):
        machine.core.load(bad)
    assert machine.core.save() == good


@pytest.mark.parametrize("exception", [2, 3, 11, 14, 15])
def test_a_state_without_an_exception_that_cannot_be_disabled_is_refused(make_core: MakeCore, exception: int) -> None:
    """NMI, HardFault, SVCall, PendSV and SysTick are always enabled, in every state that a core gets into."""
    machine = Machine(make_core(), assemble("1: b 1b"))
    saved = bytearray(machine.core.save())
    enabled = 24 + 4 + 60 + 16 + 12 + 16 + 128 + 20 + 8 + 8 + 4 + 20 + 24 + 2 * 64  # docs/core.md, saved states
    assert saved[enabled + exception // 8] >> exception % 8 & 1
    saved[enabled + exception // 8] &= ~(1 << exception % 8) & 0xFF
    before = machine.core.save()
    with pytest.raises(ValueError, match="saved state"):
        machine.core.load(bytes(saved))
    assert machine.core.save() == before


def test_a_core_that_was_never_reset_saves_what_it_takes_back(make_core: MakeCore) -> None:
    """Before its first reset, too, a core is in a state that one can be in."""
    core = make_core()
    core.load(core.save())
