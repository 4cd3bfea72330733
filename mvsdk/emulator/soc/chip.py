"""The STM32U585 as a whole: every peripheral that is modelled, at its place on the bus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ClassVar

from mvsdk.boards import Board, Button, Led
from mvsdk.emulator.bus_devices import I2cDevice
from mvsdk.emulator.core import Core
from mvsdk.emulator.events import LedChanged, RegisterNotModelled
from mvsdk.emulator.soc.backup_domain import BackupDomain
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE, PeripheralBus
from mvsdk.emulator.soc.crc import Crc
from mvsdk.emulator.soc.exti import PINS, Exti
from mvsdk.emulator.soc.gpio import GpioPort
from mvsdk.emulator.soc.i2c import I2c
from mvsdk.emulator.soc.icache import Icache
from mvsdk.emulator.soc.identity import place_identity
from mvsdk.emulator.soc.iwdg import Iwdg
from mvsdk.emulator.soc.pwr import Pwr
from mvsdk.emulator.soc.rcc import Rcc
from mvsdk.emulator.soc.registers import RegisterBlock, rows
from mvsdk.emulator.soc.rng import Rng
from mvsdk.emulator.soc.timer import Timer, timer_kinds
from mvsdk.emulator.soc.uart import Uart
from mvsdk.emulator.soc.uart_lines import UartLines
from mvsdk.emulator.soc.wiring import Wiring
from mvsdk.emulator.soc.wwdg import Wwdg


class Chip:
    """Builds the peripherals of a board's chip. `strict` makes accesses to what is not modelled bus faults."""

    STATE: ClassVar[tuple[str, ...]] = ("_bus", "_blocks", "_lines")
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_named",)

    def __init__(self, board: Board, wiring: Wiring, *, strict: bool = False) -> None:
        self._wiring = wiring
        self._interrupts = {name: number for number, name in board.interrupts.items()}
        self._bases = {peripheral.name: peripheral.base for peripheral in board.peripherals}
        self._bus = PeripheralBus(board, self._tell_unmodelled, strict=strict)
        self._blocks: list[RegisterBlock] = []
        self._named: dict[str, RegisterBlock] = {}
        self.rcc = Rcc()
        self._attach("RCC", self.rcc)
        self._attach_single_blocks()
        self._attach_timers()
        self.ports = self._attach_ports(board.leds)
        self._lines = {row["uart"]: UartLines(row["uart"], wiring) for row in rows("uarts")}
        self.uarts = {row["uart"]: self._attach_uart(row) for row in rows("uarts")}
        self.buses = {row["i2c"]: self._attach_i2c(row) for row in rows("i2cs")}
        self.backup_domain = BackupDomain(self._named)
        """What the backup battery keeps."""
        for button in board.buttons:
            self.press(button, pressed=False)

    def lay_out(self, core: Core, unique_id: bytes) -> None:
        """Put registers and identity into a core's memory map. `unique_id` is 12 bytes."""
        core.map_device(PERIPHERAL_SPACE.start, len(PERIPHERAL_SPACE), self._bus)
        place_identity(core, unique_id)

    def reset(self) -> None:
        """Give every peripheral its reset state; the backup domain and what is wired to pins stay."""
        for block in self._blocks:
            block.reset()
        for lines in self._lines.values():
            lines.flush()

    # -- the outside world ---------------------------------------------------------------------------------------------

    def drive_pin(self, port: str, pin: int, level: bool | None) -> None:
        """Wire a level to a pin ("GPIOC", 13), or nothing. `KeyError` for a port that does not exist."""
        self.ports[port].drive(pin, level)

    def apply_voltage(self, port: str, pin: int, volts: float) -> None:
        """Wire a voltage to a pin ("GPIOA", 0). `KeyError` for a port that does not exist."""
        self.ports[port].apply_voltage(pin, volts)

    def press(self, button: Button, *, pressed: bool) -> None:
        """Press or let go of a button of the board: its pin is high while pressed."""
        self.drive_pin(button.port, button.pin, pressed)

    def receive(self, uart: str, data: bytes) -> None:
        """Send `data` to a serial port ("USART2"), at the speed it is set to. `KeyError` for one without a model."""
        self.uarts[uart].receive(data)

    def listen(self, uart: str, sink: Callable[[int], None]) -> None:
        """Let `sink` have every character that a serial port sends. `KeyError` for one without a model."""
        self._lines[uart].listen(sink)

    def connect_i2c(self, bus: str, address: int, device: I2cDevice) -> None:
        """Connect a device to a bus ("I2C1") at a 7-bit address. `KeyError` for a bus without a model."""
        self.buses[bus].connect(address, device)

    # -- building ------------------------------------------------------------------------------------------------------

    def _attach(self, name: str, block: RegisterBlock) -> None:
        self._bus.attach(self._bases[name], block)
        self._blocks.append(block)
        self._named[name] = block

    def _attach_single_blocks(self) -> None:
        wiring, interrupts = self._wiring, self._interrupts
        self._attach("PWR", Pwr())
        self._attach("FLASH_R", RegisterBlock("flash"))
        self._attach("SYSCFG", RegisterBlock("syscfg"))
        self._attach("CRC", Crc())
        self._attach("ICACHE", Icache(wiring, interrupts["ICACHE"]))
        self._attach("RNG", Rng(wiring, interrupts["RNG"]))
        self._attach("IWDG", Iwdg(wiring, interrupts["IWDG"]))
        self._attach("WWDG", Wwdg(wiring, interrupts["WWDG"]))

    def _attach_timers(self) -> None:
        for kind in timer_kinds():
            interrupts = self._interrupts[kind.update], self._interrupts[kind.compare]
            self._attach(kind.name, Timer(kind, self._wiring, interrupts))

    def _attach_ports(self, leds: Iterable[Led]) -> dict[str, GpioPort]:
        names = sorted(name for name in self._bases if name.startswith("GPIO"))
        exti = Exti(self._wiring, [self._interrupts[f"EXTI{line}"] for line in range(PINS)], names)
        self._attach("EXTI", exti)
        ports = {}
        for name in names:
            shown = functools.partial(self._tell_leds, [led for led in leds if led.port == name])
            ports[name] = GpioPort(name, shown, functools.partial(exti.pins_changed, name))
            self._attach(name, ports[name])
        return ports

    def _attach_uart(self, row: dict[str, str]) -> Uart:
        name = row["uart"]
        uart = Uart(
            self._wiring,
            self._interrupts[name],
            low_power=row["low_power"] == "yes",
            clock=functools.partial(self._kernel_clock, row),
            sent=self._lines[name].take,
        )
        self._attach(name, uart)
        return uart

    def _attach_i2c(self, row: dict[str, str]) -> I2c:
        name = row["i2c"]
        bus = I2c(self._wiring, self._interrupts[f"{name}_EV"], clock=functools.partial(self._kernel_clock, row))
        self._attach(name, bus)
        return bus

    def _kernel_clock(self, row: dict[str, str]) -> int:
        """Return the clock in Hz that RCC has selected for a peripheral. An unused code selects the bus clock."""
        sources = row["sources"].split()
        selected = self.rcc.registers[row["clock_register"]] >> int(row["clock_shift"]) & int(row["clock_mask"], 16)
        source = sources[selected] if selected < len(sources) else sources[0]
        clocks = self._wiring.clocks
        return {"pclk1": clocks.pclk1, "pclk2": clocks.pclk2, "sysclk": clocks.sysclk, **_oscillators()}[source]

    # -- telling -------------------------------------------------------------------------------------------------------

    def _tell_leds(self, leds: list[Led], changed: int, levels: int) -> None:
        for led in leds:
            if changed >> led.pin & 1:
                self._wiring.tell(LedChanged(self._wiring.time_us, led.name, bool(levels >> led.pin & 1)))

    def _tell_unmodelled(self, peripheral: str, address: int, access: str) -> None:
        self._wiring.tell(RegisterNotModelled(self._wiring.time_us, peripheral, address, access))


@functools.cache
def _oscillators() -> dict[str, int]:
    return {row["oscillator"]: int(row["hz"]) for row in rows("oscillators")}
