"""The STM32U585 as a whole: every peripheral that is modelled, at its place on the bus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from mvsdk.boards import Board, Button, Led
from mvsdk.emulator.bus_devices.protocols import I2cDevice, Situated, SpiDevice
from mvsdk.emulator.core import Core
from mvsdk.emulator.events import ClockMissing, LedChanged, RegisterNotModelled
from mvsdk.emulator.soc.adc import Adc1, Adc4
from mvsdk.emulator.soc.analogue import AnalogueInputs
from mvsdk.emulator.soc.backup_domain import BackupDomain
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE, PeripheralBus
from mvsdk.emulator.soc.bus_master import BusMaster
from mvsdk.emulator.soc.crc import Crc
from mvsdk.emulator.soc.dbgmcu import DBGMCU_SPACE, Dbgmcu
from mvsdk.emulator.soc.dcache import Dcache
from mvsdk.emulator.soc.exti import PINS, Exti
from mvsdk.emulator.soc.flash import FlashController
from mvsdk.emulator.soc.flash_array import ChipFlash
from mvsdk.emulator.soc.gpdma import CHANNELS, Gpdma, GpdmaChannel
from mvsdk.emulator.soc.gpio import GpioPort
from mvsdk.emulator.soc.i2c import I2c
from mvsdk.emulator.soc.i2c_target import I2cTransfer
from mvsdk.emulator.soc.icache import Icache
from mvsdk.emulator.soc.identity import place_identity
from mvsdk.emulator.soc.iwdg import Iwdg
from mvsdk.emulator.soc.lptim import Lptim
from mvsdk.emulator.soc.native import native_registers
from mvsdk.emulator.soc.pin_functions import PinFunctions, PinUser
from mvsdk.emulator.soc.pwr import Pwr
from mvsdk.emulator.soc.rcc import Rcc, RccActions, oscillators
from mvsdk.emulator.soc.registers import RegisterBlock, rows
from mvsdk.emulator.soc.rng import Rng
from mvsdk.emulator.soc.rtc import Rtc
from mvsdk.emulator.soc.spi import Spi
from mvsdk.emulator.soc.spi_target import SpiTransfer
from mvsdk.emulator.soc.surroundings import ChipSurroundings, Pin
from mvsdk.emulator.soc.tamp import Tamp
from mvsdk.emulator.soc.timer import Timer
from mvsdk.emulator.soc.timer_kinds import timer_kinds
from mvsdk.emulator.soc.triggers import TriggerLines
from mvsdk.emulator.soc.uart import Uart
from mvsdk.emulator.soc.uart_lines import UartLines
from mvsdk.emulator.soc.wiring import Wiring
from mvsdk.emulator.soc.wwdg import Wwdg

_TIME_STAMP_PIN = ("GPIOC", 13)
"""RTC_TS (STM32U585 datasheet, table "Pin definitions")."""


class Chip:
    """Builds the peripherals of a board's chip. `strict` makes accesses to what is not modelled bus faults,
    `gate_clocks` makes peripherals read 0 and ignore writes while RCC gives them no clock. With a `flash` the chip has
    its own flash, and no kernel that keeps the controller for itself."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_bus", "_blocks", "_lines", "requests", "_pin_functions", "_dbgmcu", "analogue",
    )  # fmt: skip
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_exti",)

    def __init__(
        self,
        board: Board,
        wiring: Wiring,
        *,
        strict: bool = False,
        gate_clocks: bool = False,
        flash: ChipFlash | None = None,
    ) -> None:
        self._wiring = wiring
        self._gate_clocks = gate_clocks
        self.requests = wiring.requests
        self._triggers = TriggerLines()
        self._interrupts = {name: number for number, name in board.interrupts.items()}
        self._bases = {peripheral.name: peripheral.base for peripheral in board.peripherals}
        self._blocks: dict[str, RegisterBlock] = {}
        self.rcc = Rcc(RccActions(self._reset_block, self._reset_backup_domain, self._clock_rtc))
        self._bus = PeripheralBus(
            board,
            self._tell_unmodelled,
            strict=strict,
            clock_is_on=self.rcc.clock_is_on if gate_clocks else None,
            unclocked=self._tell_unclocked,
        )
        self._attach("RCC", self.rcc)
        self.pwr = Pwr(lambda: wiring.wake("pin"))
        self._dbgmcu = Dbgmcu()
        self._rtc = Rtc(wiring, self._interrupts["RTC"], self._triggers, lambda: wiring.wake("rtc"))
        self._tamp = Tamp()
        self.flash = None if flash is None else self._flash_controller(flash)
        """The FLASH controller, where no kernel keeps it for itself."""
        self._attach_single_blocks()
        self._pin_functions = PinFunctions(wiring, self._attach_timers(), functools.partial(self._tell_pwm, board.leds))
        self.ports = self._attach_ports(board.leds)
        self._listen_to_pins(board.leds)
        self._lines = {row["uart"]: UartLines(row["uart"], wiring) for row in rows("uarts")}
        self.uarts = {row["uart"]: self._attach_uart(row) for row in rows("uarts")}
        self.buses = {row["i2c"]: self._attach_i2c(row) for row in rows("i2cs")}
        self.spis = {row["spi"]: self._attach_spi(row) for row in rows("spis")}
        self._attach_gpdma()
        self.analogue = AnalogueInputs(lambda port, pin: self.ports[port].volts(pin))
        """What the converters see: voltages of pins and channels, the die's temperature, the reference."""
        self._attach_adcs()
        self.backup_domain = BackupDomain(self.rcc, self._rtc, self._tamp)
        """What the backup battery keeps."""
        for button in board.buttons:
            self.press(button, pressed=False)

    def lay_out(self, core: Core, unique_id: bytes) -> None:
        """Put registers, identity and flash into a core's memory map. `unique_id` is 12 bytes."""
        core.map_device(PERIPHERAL_SPACE.start, len(PERIPHERAL_SPACE), self._bus)
        core.map_device(DBGMCU_SPACE.start, len(DBGMCU_SPACE), self._dbgmcu)
        if not self._gate_clocks:
            self.bind_registers(core)
        place_identity(core, unique_id)
        if self.flash is not None:
            self.flash.lay_out(core)

    def bind_registers(self, core: Core) -> None:
        """Let a core whose map holds the peripherals answer by itself what `native.csv` lists."""
        for base, block in self._bus.attached():
            if isinstance(block, RegisterBlock) and (registers := native_registers(block.table)):
                core.bind_registers(base, block.registers.bank, registers.values())

    def reset(self) -> None:
        """Give every peripheral its reset state; the backup domain and what is wired to pins stay."""
        self.requests.reset()
        for block in self._blocks.values():
            block.reset()
        for lines in self._lines.values():
            lines.flush()

    # -- the outside world ---------------------------------------------------------------------------------------------

    def drive_pin(self, port: str, pin: int, level: bool | None) -> None:
        """Wire a level to a pin ("GPIOC", 13), or nothing. `KeyError` for a port that does not exist."""
        self.ports[port].drive(pin, level)
        self.pwr.pin_driven(port, pin, bool(level))
        if (port, pin) == _TIME_STAMP_PIN:
            self._rtc.pin_changed(bool(level))

    def watch_pin(self, port: str, pin: int, seen: Callable[[int, bool], None]) -> None:
        """Have `seen(cycle, level)` called for every edge of a pin, those of a timer's output among them."""
        self.ports[port].listen("watchers", self.ports[port].watched | 1 << pin)
        self._pin_functions.watch_pin(port, pin, seen)

    def press(self, button: Button, *, pressed: bool) -> None:
        """Press or let go of a button of the board: its pin is high while pressed."""
        self.drive_pin(button.port, button.pin, pressed)

    def receive(self, uart: str, data: bytes, *, errors: int = 0) -> None:
        """Send `data` to a serial port ("USART2"), at the speed it is set to. `KeyError` for one without a model.

        `errors` spoils every character: the bits PE, FE and NE of `mvsdk.emulator.soc.uart`.
        """
        self.uarts[uart].receive(data, errors=errors)

    def listen(self, uart: str, sink: Callable[[int], None]) -> None:
        """Let `sink` have every character that a serial port sends. `KeyError` for one without a model."""
        self._lines[uart].listen(sink)

    def receive_break(self, uart: str) -> None:
        """Send a break to a serial port."""
        self.uarts[uart].receive_break()

    def clear_to_send(self, uart: str, level: bool) -> None:
        """Tell a serial port by its CTS whether the other side takes characters. At first it does."""
        self.uarts[uart].clear_to_send(level)

    def ready_to_receive(self, uart: str) -> bool:
        """Say whether a serial port takes characters, by its RTS."""
        return self.uarts[uart].ready_to_receive

    def set_voltage(self, adc: str, channel: int, volts: float) -> None:
        """Put a voltage on a converter's channel ("ADC1", 9). `KeyError` for a channel that does not exist."""
        self.analogue.set_channel(adc, channel, volts)

    def apply_voltage(self, port: str, pin: int, volts: float) -> None:
        """Wire a voltage to a pin ("GPIOA", 4). `KeyError` for a port that does not exist."""
        self.ports[port].apply_voltage(pin, volts)

    def connect_i2c(
        self, bus: str, address: int, device: I2cDevice, outputs: Mapping[str, Pin] | None = None, name: str = ""
    ) -> None:
        """Connect a device to a bus ("I2C1") at a 7-bit address. `KeyError` for a bus without a model.

        `outputs` wires the device's outputs to pins: `{"ALERT": ("GPIOB", 11)}`. Without a `name` events call the
        device by its place: "I2C1 0x70".
        """
        self.buses[bus].connect(address, device)
        self._settle_in(device, outputs, name or f"{bus} {address:#04x}")

    def address_i2c(self, bus: str, transfer: I2cTransfer) -> None:
        """Let a controller outside address the chip as a target on a bus. `KeyError` for a bus without a model."""
        self.buses[bus].transfer(transfer)

    def connect_spi(
        self,
        bus: str,
        device: SpiDevice,
        select: Pin | None = None,
        outputs: Mapping[str, Pin] | None = None,
        name: str = "",
    ) -> None:
        """Connect a device to a bus ("SPI1"), selected by a low level of a pin, or by the bus's own NSS output.

        `outputs` and `name` are as for `connect_i2c`. `KeyError` for a bus or port without a model.
        """
        spi = self.spis[bus]
        port = None if select is None else self.ports[select[0]]
        activate = spi.connect(device, on_nss=select is None)
        self._settle_in(device, outputs, name or bus)
        if port is not None and select is not None:
            port.watch(select[1], lambda level: activate(not level))

    def address_spi(self, bus: str, transfer: SpiTransfer) -> None:
        """Let a controller outside exchange bytes with the chip as a target. `KeyError` for a bus without a model."""
        self.spis[bus].transfer(transfer)

    def _settle_in(self, device: I2cDevice | SpiDevice, outputs: Mapping[str, Pin] | None, name: str) -> None:
        if isinstance(device, Situated):
            device.attach(ChipSurroundings(self._wiring, outputs or {}, self.drive_pin, name))

    # -- building ------------------------------------------------------------------------------------------------------

    def _attach(self, name: str, block: RegisterBlock) -> None:
        self._bus.attach(self._bases[name], block)
        self._blocks[name] = block

    def _reset_block(self, name: str) -> None:
        """Reset one peripheral, as its bit in RCC does."""
        if name in self._blocks:
            self._blocks[name].reset()

    def _reset_backup_domain(self) -> None:
        self._rtc.reset_backup_domain()
        self._tamp.reset_backup_domain()

    def _clock_rtc(self, hz: int) -> None:
        self._rtc.select_clock(hz)

    def _attach_single_blocks(self) -> None:
        wiring, interrupts = self._wiring, self._interrupts
        self._attach("PWR", self.pwr)
        self._attach("RTC", self._rtc)
        self._attach("TAMP", self._tamp)
        self._attach("FLASH_R", self.flash or RegisterBlock("flash"))
        self._attach("SYSCFG", RegisterBlock("syscfg"))
        self._attach("CRC", Crc())
        self._attach("VREFBUF", RegisterBlock("vrefbuf"))
        self._attach("ICACHE", Icache(wiring, interrupts["ICACHE"]))
        self._attach("DCACHE1", Dcache(wiring, interrupts["DCACHE1"]))
        self._attach("RNG", Rng(wiring, interrupts["RNG"]))
        self._attach("IWDG", Iwdg(wiring, interrupts["IWDG"]))
        self._attach("WWDG", Wwdg(wiring, interrupts["WWDG"]))

    def _flash_controller(self, flash: ChipFlash) -> FlashController:
        lines = self._interrupts["FLASH"], self._interrupts["FLASH_S"]
        return FlashController(self._wiring, lines, flash)

    def _attach_timers(self) -> dict[str, PinUser]:
        timers: dict[str, PinUser] = {row["lptim"]: self._attach_lptim(row) for row in rows("lptims")}
        for kind in timer_kinds():
            interrupts = {role: self._interrupts[name] for role, name in kind.interrupts.items()}
            timer = Timer(kind, self._wiring, interrupts, self._triggers)
            self._attach(kind.name, timer)
            timers[kind.name] = timer
        return timers

    def _attach_lptim(self, row: dict[str, str]) -> Lptim:
        name = row["lptim"]
        timer = Lptim(
            name,
            self._wiring,
            self._interrupts[name],
            channels=int(row["channels"]),
            encoder=row["encoder"] == "yes",
            clock=functools.partial(self._kernel_clock, row),
            triggers=self._triggers,
        )
        self._attach(name, timer)
        return timer

    def _attach_ports(self, leds: Iterable[Led]) -> dict[str, GpioPort]:
        names = sorted(name for name in self._bases if name.startswith("GPIO"))
        numbers = [self._interrupts[f"EXTI{line}"] for line in range(PINS)]
        exti = Exti(self._wiring, numbers, names, self._triggers, self._pin_functions.wishes_changed)
        self._exti = exti
        self._pin_functions.serve(exti.listens)
        self._attach("EXTI", exti)
        ports = {}
        for name in names:
            shown = functools.partial(self._tell_leds, [led for led in leds if led.port == name])
            ports[name] = GpioPort(
                name,
                shown,
                functools.partial(self._pins_changed, exti, name),
                functools.partial(self._pin_functions.routed, name),
                functools.partial(self._pin_functions.looked, name),
            )
            self._attach(name, ports[name])
            self._pin_functions.add_port(name, ports[name])
        return ports

    def _pins_changed(self, exti: Exti, port: str, changed: int, levels: int) -> None:
        exti.pins_changed(port, changed, levels)
        self._pin_functions.pins_changed(port, changed, levels)

    def _attach_uart(self, row: dict[str, str]) -> Uart:
        name = row["uart"]
        uart = Uart(
            name,
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
        interrupts = self._interrupts[f"{name}_EV"], self._interrupts[f"{name}_ER"]
        bus = I2c(name, self._wiring, interrupts, clock=functools.partial(self._kernel_clock, row))
        self._attach(name, bus)
        return bus

    def _attach_spi(self, row: dict[str, str]) -> Spi:
        name = row["spi"]
        clock = functools.partial(self._kernel_clock, row)
        spi = Spi(name, self._wiring, self._interrupts[name], fifo=int(row["fifo"]), clock=clock)
        self._attach(name, spi)
        return spi

    def _attach_adcs(self) -> None:
        kinds = {"ADC1": Adc1, "ADC4": Adc4}
        for row in rows("adcs"):
            common = RegisterBlock("adc-common")
            self._attach(row["common"], common)
            adc = kinds[row["adc"]](
                row["adc"],
                self._wiring,
                self._interrupts[row["interrupt"]],
                inputs=self.analogue,
                common=common,
                triggers=self._triggers,
                clock=functools.partial(self._kernel_clock, row),
            )
            self._attach(row["adc"], adc)

    def _attach_gpdma(self) -> None:
        bus = BusMaster(self._wiring, self._bus)
        names = [f"GPDMA1_Channel{number}" for number in range(CHANNELS)]
        channels = [
            GpdmaChannel(number, self._wiring, bus, self._interrupts[name], self._triggers)
            for number, name in enumerate(names)
        ]
        self._attach("GPDMA1", Gpdma(self._wiring, channels))
        for name, channel in zip(names, channels, strict=True):
            self._attach(name, channel)

    def _kernel_clock(self, row: dict[str, str]) -> int:
        """Return the clock in Hz that RCC has selected for a peripheral. An unused code selects the bus clock."""
        sources = row["sources"].split()
        selected = self.rcc.registers[row["clock_register"]] >> int(row["clock_shift"]) & int(row["clock_mask"], 16)
        source = sources[selected] if selected < len(sources) else sources[0]
        clocks = self._wiring.clocks
        # APB3 runs undivided from the AHB clock: rcc.csv has CFGR3 = 0.
        buses = {"pclk1": clocks.pclk1, "pclk2": clocks.pclk2, "pclk3": clocks.hclk, "hclk": clocks.hclk}
        buses["sysclk"] = clocks.sysclk
        return {**buses, **oscillators()}[source]

    def _listen_to_pins(self, leds: Iterable[Led]) -> None:
        """Have ports tell of the pins that somebody listens to, and leave the others to the core."""
        for name, port in self.ports.items():
            port.listen("LEDs", sum(1 << led.pin for led in leds if led.port == name))
            self._exti.connect(name, functools.partial(port.listen, "EXTI"))

    # -- telling -------------------------------------------------------------------------------------------------------

    def _tell_leds(self, leds: list[Led], changed: int, levels: int) -> None:
        for led in leds:
            if changed >> led.pin & 1:
                self._wiring.tell(LedChanged(self._wiring.time_us, led.name, bool(levels >> led.pin & 1)))

    def _tell_pwm(self, leds: Iterable[Led], port: str, pin: int, lit: bool) -> None:
        """An LED on a timer's output counts as on while it gets any light."""
        for led in leds:
            if (led.port, led.pin) == (port, pin):
                self._wiring.tell(LedChanged(self._wiring.time_us, led.name, lit))

    def _tell_unmodelled(self, peripheral: str, address: int, access: str) -> None:
        self._wiring.tell(RegisterNotModelled(self._wiring.time_us, peripheral, address, access))

    def _tell_unclocked(self, peripheral: str, address: int, access: str) -> None:
        self._wiring.tell(ClockMissing(self._wiring.time_us, peripheral, address, access))
