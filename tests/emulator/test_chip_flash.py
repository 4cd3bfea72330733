"""Laws of a device that has its chip's flash to itself: it programs that flash as a U585 without a kernel does."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvsdk.bundle import Image
from mvsdk.emulator import snapshots
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.errors import SnapshotError
from mvsdk.emulator.events import Event, Faulted, LogLine
from mvsdk.emulator.soc.flash_array import BANK, BASE, SIZE, ChipFlash
from mvsdk.flash_memory import Cut, Mess, PowerCut, PowerSupply
from tests.emulator.chip_guests import BOARD, guest

COUNTER = """
#define FLASH ((volatile uint32_t *)0x40022000)
#define BANK_2 ((volatile uint32_t *)0x08100000)
enum { NSKEYR = 2, NSSR = 8, NSCR = 10 };

int main(void)
{
    char text[] = "starts: 0 locked";
    unsigned quad = 0;
    log_start();
    FLASH[NSKEYR] = 0x45670123;
    FLASH[NSKEYR] = 0xCDEF89AB;
    if ((FLASH[NSCR] >> 31) == 0) {
        while (BANK_2[4 * quad] != 0xFFFFFFFF) { quad++; }
        FLASH[NSCR] = 1;
        for (unsigned word = 0; word < 4; word++) { BANK_2[4 * quad + word] = quad; }
        while ((FLASH[NSSR] & 3u << 16) != 0) { }
        FLASH[NSCR] = 1u << 31;
        text[8] = (char)('0' + BANK_2[4 * quad]);
        text[9] = 0;
    }
    log_text(text);
    for (;;) { __asm volatile("wfi"); }
}
"""


def made(part: ChipFlash | None, events: list[Event], image: Image | None = None) -> Device:
    """Return a device that counts its starts in its own flash."""
    core = new_core(BOARD.interrupt_lines)
    return Device(BOARD, image or guest(COUNTER), core, chip_flash=part, observers=[events.append])


def logged(events: list[Event]) -> list[str]:
    """Return what was logged."""
    return [event.text for event in events if isinstance(event, LogLine)]


def test_only_a_device_with_its_own_flash_can_program_it() -> None:
    """The kernel keeps the controller locked; without it a program writes flash, over restarts and in other devices
    around the same part."""
    events: list[Event] = []
    made(None, events).run()
    part = ChipFlash()
    device = made(part, events)
    device.run()
    device.press_reset()
    device.run()
    made(part, events).run()
    assert logged(events) == ["starts: 0 locked", "starts: 0", "starts: 1", "starts: 2"]
    assert part.memory.read(BANK, 4) == bytes(4)


def test_it_runs_what_its_flash_holds() -> None:
    """The image is only for a blank part."""
    part, events = ChipFlash(), list[Event]()
    image = guest(COUNTER)
    part.program(0, image.data)
    made(part, events, Image(b"\xff")).run()
    assert logged(events) == ["starts: 0"]


def test_a_blank_part_has_nothing_to_run() -> None:
    """It faults at its first instruction, stays blank, and all of the chip's memory is there for a debugger."""
    part, events = ChipFlash(), list[Event]()
    device = made(part, events, Image(b"\xff"))
    assert device.run() is End.FAULT
    assert part.blank
    assert any(isinstance(event, Faulted) for event in events)
    assert device.core.read_memory(BASE, SIZE) == b"\xff" * SIZE
    for address in (0x2000_0000, 0x200B_FFFC, 0x2800_3FFC):
        device.core.debug_write(address, 4, 0x1234_5678)
        assert device.core.debug_read(address, 4) == 0x1234_5678


def test_its_state_follows_from_what_was_done() -> None:
    """Two devices that do the same hash the same; the content of the flash is part of it."""
    devices = [made(ChipFlash(), []) for _ in range(2)]
    start = devices[0].state_hash()
    for device in devices:
        device.run()
    assert devices[0].state_hash() == devices[1].state_hash() != start


def test_it_goes_on_from_a_file(tmp_path: Path) -> None:
    """A snapshot holds the flash too, and needs a part to put it into."""
    device = made(ChipFlash(), [])
    device.run(until_us=60)
    snapshots.save(device, tmp_path / "device")
    events: list[Event] = []
    core, part = new_core(BOARD.interrupt_lines), ChipFlash()
    snapshot = snapshots.read(tmp_path / "device")
    again = snapshots.load(snapshot, BOARD, guest(COUNTER), core, chip_flash=part, observers=[events.append])
    device.run()
    again.run()
    assert logged(events) == ["starts: 0"]
    assert again.state_hash() == device.state_hash()
    with pytest.raises(SnapshotError):
        snapshots.load(snapshot, BOARD, guest(COUNTER), new_core(BOARD.interrupt_lines))


def test_its_power_fails_as_planned() -> None:
    """A cut comes out of the run; with the power back and the device reset, a torn quad-word is there to be met."""
    power = PowerSupply()
    part, events = ChipFlash(power), list[Event]()
    device = made(part, events)
    power.restore(Cut(0, Mess.TORN))
    with pytest.raises(PowerCut):
        device.run()
    power.restore()
    device.press_reset()
    device.run(until_us=device.time_us + 100_000)
    registers = device.chip.flash
    assert registers is not None
    assert registers.read(0x34, 4) == 1 << 29 | 1 << 21
    assert registers.read(0x30, 4) == 1 << 31 | 1 << 21
