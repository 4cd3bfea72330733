"""Devices with guests of every kind, and what may happen to them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from mvsdk.bundle import Image
from mvsdk.emulator.bus_devices.mcp9808 import ADDRESS
from mvsdk.emulator.core import new_core
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, Observer
from mvsdk.emulator.inputs import (
    Break,
    BusDevice,
    Button,
    ChannelVoltage,
    ChipTemperature,
    Circumstance,
    ClearToSend,
    I2cAddressed,
    Input,
    Pin,
    Reset,
    SpiAddressed,
    Supply,
    SystemEvent,
    Uart,
    Voltage,
    Wake,
)
from mvsdk.emulator.options import Connection
from tests.emulator.bus_guests import ADC_SCAN, DMA_COPY, MOTION, SPI_EEPROM, UART_RING
from tests.emulator.chip_guests import (
    ALARM_CLOCK,
    BOARD,
    BUTTON,
    ECHO,
    HELLO,
    LOW_POWER_TIMER,
    PWM,
    PWM_INPUT,
    TEMPERATURE,
    TICK,
    WATCHDOG,
    guest,
)

KERNEL_CALLS = """
static struct MvNotification ring[4] __attribute__((aligned(8)));
static volatile uint32_t taken;
void TIM8_BRK_IRQHandler(void) { taken++; }
void TIM2_IRQHandler(void) { log_text("fast"); }
static uint8_t page[64];
int main(void)
{
    MvNotificationHandle centre = 0;
    MvSystemEventHandle stream = 0;
    MvExternalFlashHandle flash = 0;
    log_start();
    const struct MvNotificationSetup setup = {.irq = 51, .buffer = ring, .buffer_size = sizeof ring};
    if (mvSetupNotifications(&setup, &centre) != MV_STATUS_OKAY) { log_text("no centre"); }
    const struct MvOpenSystemNotificationParams params = {
        .notification_handle = centre, .notification_tag = 3,
        .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_NETWORK};
    if (mvOpenSystemNotification(&params, &stream) != MV_STATUS_OKAY) { log_text("no stream"); }
    REG(0xE000E100u, 4u) = 1u << (51 - 32);
    if (mvSetFastInterrupt(45) != MV_STATUS_OKAY || mvEnableFastInterrupt(45) != MV_STATUS_OKAY) { log_text("no"); }
    if (mvExternalFlashOpen(&flash) != MV_STATUS_OKAY) { log_text("no flash"); }
    for (uint32_t round = 0;; round++) {
        char text[] = "round .";
        text[6] = (char)('0' + round % 10u);
        (void)mvTempTriggerNotification(centre, 9, round);
        (void)mvTempTriggerNotification(centre, 9, round + 1u);
        (void)mvExternalFlashEraseBlocking(flash, 0, 4096);
        (void)mvExternalFlashWriteBlocking(flash, round, sizeof text, (const uint8_t *)text);
        (void)mvExternalFlashReadBlocking(flash, 0, sizeof page, page);
        (void)mvSystemLedEnable((uint8_t)(round & 1u));
        if (round % 4u == 3u) { REG(0xE000EF00u, 0u) = 45u; }
        log_text(text);
        if (round == 11u) { __asm volatile("udf #0"); }
    }
}
"""


@dataclass
class Example:
    """A guest, how long it is interesting, and what may happen to it."""

    source: str
    length_us: int
    inputs: tuple[Input, ...] = ()
    connections: tuple[Connection, ...] = ()
    restart_policy: RestartPolicy | None = None
    gate_clocks: bool = False

    @functools.cached_property
    def image(self) -> Image:
        """The compiled guest."""
        return guest(self.source)

    def device(self, events: list[Event], *observers: Observer) -> Device:
        """Make a fresh device that tells its events to a list, and to others."""
        device = Device(
            BOARD,
            self.image,
            new_core(),
            seed=3,
            restart_policy=self.restart_policy,
            gate_clocks=self.gate_clocks,
            observers=[events.append, *observers],
        )
        for connection in self.connections:
            device.connect(connection)
        return device


BUTTON_NAME = BOARD.buttons[0].name
THERMOMETER = (Connection("thermometer", "mcp9808", "I2C1", ADDRESS, outputs=(("ALERT", "PB11"),)),)
EXAMPLES = {
    "tick": Example(TICK, 60_000, (Reset(),)),
    "hello": Example(HELLO, 2_000, (Pin("PC13", True), Reset())),
    "echo": Example(ECHO, 8_000, (Uart("USART2", b"one\ntwo\n"), Uart("USART2", b"x"))),
    "button": Example(BUTTON, 3_000, (Button(BUTTON_NAME, True), Button(BUTTON_NAME, False), Pin("PC13", None))),
    "pwm": Example(PWM, 30_000, (Pin("PA0", True), Voltage("PA1", 1.5))),
    "watchdog": Example(WATCHDOG, 3_000_000, (Reset(),)),
    "temperature": Example(TEMPERATURE, 4_000, (BusDevice("thermometer", "celsius", 41.0), Reset()), THERMOMETER),
    "spi": Example(
        SPI_EEPROM,
        20_000,
        (Pin("PA4", True), SpiAddressed("SPI1", b"\x9f\0"), I2cAddressed("I2C1", 0x21, b"x"), Reset()),
        (Connection("memory", "25lc256", "SPI1", select="PA4"),),
    ),
    "dma": Example(DMA_COPY, 3_000, (Reset(),)),
    "ring": Example(
        UART_RING,
        20_000,
        (
            Uart("USART2", b"line one\nline two\n"),
            Uart("USART2", b"noise\n", "noise framing"),
            Break("USART2"),
            ClearToSend("USART2", False),
            Reset(),
        ),
    ),
    "adc": Example(
        ADC_SCAN,
        2_000,
        (Voltage("PA4", 1.2), ChannelVoltage("ADC1", 9, 0.7), ChipTemperature(55.0), Supply("reference", 3.0), Reset()),
    ),
    "motion": Example(
        MOTION,
        60_000,
        (BusDevice("motion", "x", 1.0), BusDevice("motion", "x", 0.0), Reset()),
        (Connection("motion", "lis3dh", "I2C1", 0x18, outputs=(("INT1", "PF3"),)),),
    ),
    "capture": Example(PWM_INPUT, 2_000, (Pin("PA6", True), Pin("PA6", None), Reset())),
    "low power": Example(LOW_POWER_TIMER, 3_000_000, (Reset(),)),
    "alarm": Example(ALARM_CLOCK, 12_000_000_000, (Wake("RTC"), Pin("PC13", True), Pin("PC13", False), Reset())),
    "gated": Example(HELLO, 2_000, (Reset(),), gate_clocks=True),
    "kernel": Example(
        KERNEL_CALLS,
        1_500_000,
        (
            SystemEvent("NETWORK"),
            SystemEvent("UPDATE"),
            Circumstance("server_logging", False),
            Circumstance("wall_time_known", False),
            Wake("RTC"),
            Reset(),
        ),
        restart_policy=RestartPolicy(200, 400),
    ),
}
