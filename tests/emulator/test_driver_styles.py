"""Code in the style of what applications bring with them: kernel ports and vendor drivers, register by register."""

from __future__ import annotations

import pytest

from mvsdk.emulator.bus_devices.mcp9808 import Mcp9808
from mvsdk.emulator.device import End
from mvsdk.emulator.events import LedChanged, RegisterNotModelled, UartOutput
from mvsdk.emulator.inputs import ChannelVoltage, Uart
from mvsdk.emulator.options import Connection
from tests.emulator.compiled import Bench, firmware

FOUND = (
    "priority_mask",
    "kernel_priorities",
    "priority_group",
    "svc_return",
    "control_first",
    "psplim_first",
    "psp_in_stack",
    "nested",
    "mask_before",
    "mask_inside",
    "ran_inside",
    "ran_after",
    "ticks_suspended",
    "switches_suspended",
    "pended_ticks",
    "switches_resumed",
    "expected_idle",
    "slept",
    "woken_early",
    "other_ran",
    "first_rounds",
    "second_rounds",
)
RETURNS = pytest.mark.parametrize("first_return", ["0xFFFFFFBCu", "0xFFFFFFFDu"])


def port(first_return: str = "0xFFFFFFBCu") -> dict[str, int]:
    """Run the port's program and return what it found."""
    bench = Bench(firmware("port.c", options=(f"-DFIRST_RETURN={first_return}",)))
    assert bench.device.run(300_000) is End.TIME
    assert bench.read("finished", "<I") == (1,)
    return dict(zip(FOUND, bench.read("found", f"<{len(FOUND)}I"), strict=True))


def test_priority_registers_keep_four_bits() -> None:
    """All ones written to a priority read back as 0xF0, in NVIC and system handlers alike: 16 levels."""
    found = port()
    assert found["priority_mask"] == 0xF0
    assert found["kernel_priorities"] == 0xF0F0_0000
    assert found["priority_group"] == 3


@RETURNS
def test_a_supervisor_call_starts_the_first_task(first_return: str) -> None:
    """With either value that ports return to, the task runs on its own stack with CONTROL as the port set it."""
    found = port(first_return)
    assert found["svc_return"] == 0xFFFF_FFB8
    assert found["control_first"] == 2
    assert found["psplim_first"] == found["psp_in_stack"] == 1
    assert (found["first_rounds"], found["second_rounds"]) == (10, 11)


def test_critical_sections_hold_back_what_is_below_their_ceiling() -> None:
    """BASEPRI keeps the less urgent interrupt until the last of two nested sections ends; the other comes at once."""
    found = port()
    assert found["nested"] == 2
    assert found["mask_before"] == found["mask_inside"] == 0x50
    assert found["ran_inside"] == 0x0000_0001
    assert found["ran_after"] == 0x0101


def test_a_suspended_scheduler_counts_its_ticks_and_switches_later() -> None:
    """While it is suspended no task is switched; ticks and one switch are made up for afterwards."""
    found = port()
    assert (found["ticks_suspended"], found["switches_suspended"]) == (0, 0)
    assert found["pended_ticks"] == 3
    assert found["switches_resumed"] == 2


def test_ticks_are_suppressed_while_nothing_is_due() -> None:
    """A stretched period counts the ticks it covers; an interrupt in its midst ends it after whole ticks only."""
    found = port()
    assert found["slept"] == found["expected_idle"] - 1
    assert found["woken_early"] == 7
    assert found["other_ran"] == 1


def test_vendor_style_drivers_come_through_their_start_up() -> None:
    """Every flag the drivers poll comes, every timeout that must happen does, and interrupts end their transfers."""
    bench = Bench(firmware("hal.c"), strict_mmio=True)
    device = bench.device
    device.chip.connect_i2c("I2C1", 0x18, Mcp9808(celsius=21.5))
    device.run(400_000)
    device.chip.receive("USART2", b"abcd")
    device.run(600_000)
    for pressed in (True, False, True):
        device.chip.press(device.board.buttons[0], pressed=pressed)
        device.run(device.time_us + 10_000)
    assert bench.logged() == [
        "init ok",
        "clock ok",
        "caches ok",
        "hclk 160000000",
        "uart ok",
        "sent ok",
        "nothing came: timeout",
        "came: abcd",
        "0x18 ok, 0x70 error",
        "register ok",
        "read ok: 21",
        "nobody: error",
        "pressed 1",
        "pressed 2",
    ]
    assert [e.text for e in bench.events if isinstance(e, UartOutput)] == ["polled", "by interrupt"]
    assert [e.on for e in bench.events if isinstance(e, LedChanged)] == [True, False, True, False]
    assert not any(isinstance(event, RegisterNotModelled) for event in bench.events)


def test_vendor_style_transfers_end_as_they_should() -> None:
    """Reception until a line is idle, by interrupt and DMA with its abort; full duplex by polling in packets, interrupt
    and DMA; memories behind repeated starts; a ring of conversions; and what the small blocks' start-up waits for."""
    bench = Bench(firmware("hal_transfers.c"), strict_mmio=True)
    device = bench.device
    device.connect(Connection("memory", "25lc256", "SPI1", select="PA4"))
    device.connect(Connection("store", "24lc256", "I2C1", 0x50))
    device.inputs.now(ChannelVoltage("ADC1", 9, 1.65))
    device.inputs.at(5_000, Uart("USART2", b"hello"))
    device.inputs.at(20_000, Uart("USART2", b"welcome"))
    device.run(600_000)
    assert bench.logged() == [
        "by interrupt ok: hello",
        "by dma ok: welcome, ok",
        "sent ok",
        "enabled ok",
        "written ok",
        "read ok: kept on the bus",
        "read by dma ok: kept on the bus",
        "read in packets ok: kept on the bus",
        "stored ok",
        "it was busy",
        "recalled ok: memory",
        "recalled by dma ok: mory",
        "converted ok: half",
        "random ok, low power ok, pulse ok, watchdog ok",
    ]
    assert [event.text for event in bench.events if isinstance(event, UartOutput)] == ["sent by dma"]
