"""The private peripheral bus: discovery as a debugger does it, devices of the chip's, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.errors import MemoryMapError
from tests.emulator.core.conftest import MakeCore
from tests.emulator.core.debugger import Debugger
from tests.emulator.guest import Machine, Recorder, assemble

ROM_TABLE, PRESENT, ARM = 0xE00F_F000, 1, 0x4_3B
DBGMCU = 0xE004_4000


def start(make_core: MakeCore, body: str = "b .", vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine."""
    return Machine(make_core(), assemble(body), vectors)


def identity(debugger: Debugger, base: int) -> tuple[int, int, int, int]:
    """Return a component's class, designer, part number and DEVARCH, after checking its preamble."""
    component = [debugger.read(base + 0xFF0 + 4 * index) for index in range(4)]
    assert (component[0], component[1] & 15, component[2], component[3]) == (0x0D, 0, 5, 0xB1)
    low = [debugger.read(base + 0xFE0 + 4 * index) for index in range(4)]
    designer = debugger.read(base + 0xFD0) << 8 | (low[2] & 7) << 4 | low[1] >> 4
    return component[1] >> 4, designer, (low[1] & 15) << 8 | low[0], debugger.read(base + 0xFBC)


def entries(debugger: Debugger) -> Iterator[int]:
    """Return the addresses of the components that the ROM table says are there."""
    for offset in range(0, 0xF00, 4):
        entry = debugger.read(ROM_TABLE + offset)
        if entry == 0:
            return
        if entry & PRESENT:
            yield ROM_TABLE + (entry & ~0xFFF) & 0xFFFF_FFFF


def test_a_debugger_finds_the_components_of_a_cortex_m33(make_core: MakeCore) -> None:
    """From the ROM table on: SCS, DWT, FPB, ITM, each with Arm's designer code, part 0xD21 and its architecture."""
    debugger = Debugger(start(make_core).core)
    assert identity(debugger, ROM_TABLE) == (1, ARM, 0x4C9, 0)
    assert debugger.read(ROM_TABLE + 0xFCC) & 1, "system memory is behind the same port"
    found = {base: identity(debugger, base) for base in entries(debugger)}
    assert found == {
        0xE000_E000: (9, ARM, 0xD21, 0x4770_2A04),
        0xE000_1000: (9, ARM, 0xD21, 0x4770_1A02),
        0xE000_2000: (9, ARM, 0xD21, 0x4770_1A03),
        0xE000_0000: (9, ARM, 0xD21, 0x4770_1A01),
    }
    assert debugger.read(0xE000_EFB8) == 0xAF, "non-secure debug is allowed, secure debug not"
    assert debugger.read(0xE000_EE08) == 0


def test_a_device_of_the_chip_answers_in_its_part_of_the_bus(make_core: MakeCore) -> None:
    """A device mapped there is reached by privileged code, at its offsets and sizes, and by the debugger."""
    machine = start(make_core, f"ldr r0, ={DBGMCU:#x}\n ldr r1, [r0]\n strh r1, [r0, #6]\n ldrb r2, [r0, #1]\n b .")
    device = Recorder()
    device.answers = {0: 0x2001_6482, 1: 0x64}
    machine.core.map_device(DBGMCU, 0x1000, device)
    assert machine.run(50).reason is StopReason.DEADLINE
    assert machine.core.registers().r[1:3] == (0x2001_6482, 0x64)
    assert device.log[1] == ("write", 6, 2, 0x6482)
    assert machine.core.debug_read(DBGMCU, 4) == 0x2001_6482


def test_a_device_of_the_chip_is_not_for_unprivileged_code(make_core: MakeCore) -> None:
    """Unprivileged accesses are bus errors that the device does not see, and its own errors are bus errors too."""
    body = f"""
        ldr r0, =0xE000ED24
        ldr r1, =0x70000
        str r1, [r0]
        ldr r0, ={DBGMCU:#x}
        ldr r1, [r0, #8]
        movs r1, #1
        msr control, r1
        isb
        failing: str r1, [r0, #4]
        b .
        .ltorg
        .thumb_func
        handler: adds r7, #1
        ldr r2, =0xE000ED38
        ldr r2, [r2]
        push {{r2}}
        pop {{r6}}
        ldr r2, [sp, #24]
        adds r2, #2
        str r2, [sp, #24]
        bx lr
    """
    machine = start(make_core, body, {5: "handler"})
    device = Recorder()
    device.refuse = {8}
    machine.core.map_device(DBGMCU, 0x1000, device)
    assert machine.run(200).reason is StopReason.DEADLINE
    assert (machine.r(7), machine.r(6)) == (2, DBGMCU + 4)
    assert device.log == []


@pytest.mark.parametrize(
    ("base", "size"),
    [
        (0xE000_0000, 0x1000),
        (0xE000_E000, 0x1000),
        (0xE002_E000, 0x1000),
        (0xE003_F000, 0x2000),
        (0xE00F_E000, 0x2000),
        (ROM_TABLE, 0x1000),
        (0xDFFF_F000, 0x3_0000),
    ],
)
def test_the_cores_own_part_of_the_bus_cannot_be_mapped(make_core: MakeCore, base: int, size: int) -> None:
    """A range that touches the core's own pages is refused, and memory in all of the bus."""
    core = start(make_core).core
    with pytest.raises(MemoryMapError):
        core.map_device(base, size, Recorder())
    with pytest.raises(MemoryMapError):
        core.map_memory(DBGMCU, 0x1000, writable=True)


def test_the_vendors_region_above_the_bus_is_the_chips(make_core: MakeCore) -> None:
    """From 0xE0100000 on devices may be mapped, and are Device memory; where there is none it is a bus error."""
    machine = start(make_core, "ldr r0, =0xE0200000\n ldr r1, [r0]\n ldr r2, =0xE0300000\n ldr r2, [r2]\n b .")
    device = Recorder()
    device.answers = {0: 77}
    machine.core.map_device(0xE020_0000, 0x1000, device)
    stop = machine.run(50)
    assert stop.reason is StopReason.FAULT
    assert machine.r(1) == 77


def test_components_that_are_not_there_do_no_harm(make_core: MakeCore) -> None:
    """TPIU and ETM read as zero and take writes, for privileged code."""
    body = """
        ldr r0, =0xE0040000
        mvn r1, #0
        str r1, [r0, #4]
        ldr r6, [r0, #4]
        ldr r0, =0xE0041000
        str r1, [r0, #4]
        ldr r7, [r0, #4]
        b .
    """
    machine = start(make_core, body)
    assert machine.run(100).reason is StopReason.DEADLINE
    assert (machine.r(6), machine.r(7)) == (0, 0)
