"""I2C: what is asked of CR2 happens on the bus, byte by byte, and so does what others ask (RM0456, chapter 65).

Modelled as a controller: start, repeated start and stop, 7-bit and 10-bit addresses, NBYTES with RELOAD and AUTOEND,
acknowledge and its absence, the speed that TIMINGR sets, SMBus alerts of others. As a target, for a controller outside:
both own addresses, the general call and those of SMBus, both directions, stretching or not, refusing bytes, slave byte
control. For both: event and error interrupts, DMA requests, the timeout of a clock held low, the packet error code, bus
errors. Not modelled: alerts of one's own, the autonomous mode. Pins need not be set up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import I2cDevice
from mvsdk.emulator.soc.i2c_target import (
    ADDR,
    BERR,
    PECBYTE,
    PECEN,
    PECERR,
    RELOAD,
    SMBHEN,
    TCR,
    I2cTarget,
    I2cTransfer,
    with_pec,
)
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

PE, TXIE, RXIE, ADDRIE, NACKIE, STOPIE, TCIE, ERRIE = (1 << bit for bit in range(8))
TXDMAEN, RXDMAEN = 1 << 14, 1 << 15
ALERTEN = 1 << 22
TXE, TXIS, RXNE, NACKF, STOPF, TC = (1 << bit for bit in (0, 1, 2, 4, 5, 6))
ARLO, TIMEOUT, ALERT, BUSY = 1 << 9, 1 << 12, 1 << 13, 1 << 15
RD, ADD10, START, STOP, AUTOEND = (1 << bit for bit in (10, 11, 13, 14, 25))
DISTURBANCES = ("bus error", "lost arbitration", "alert")
"""What others can do to a bus, beside using it."""
TIDLE, TIMOUTEN = 1 << 12, 1 << 15
_ERRORS = 0x3F00
_CLEARABLE = ADDR | NACKF | STOPF | _ERRORS
_BITS_OF_A_BYTE = 9
_TIMEOUT_UNIT = 2048


class I2c(RegisterBlock):
    """One bus, under the name that its DMA requests begin with. `interrupts` are those for events and for errors;
    `clock` gives the kernel clock in Hz.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "target", "_devices", "_events", "_errors", "_addressed", "_left", "_step", "_stop_wanted",
        "_stepping", "_timing_out",
    )  # fmt: skip

    def __init__(self, name: str, wiring: Wiring, interrupts: tuple[int, int], *, clock: Callable[[], int]) -> None:
        super().__init__("i2c")
        self._requests = f"{name}_TX", f"{name}_RX"
        self._wiring = wiring
        self._events, self._errors = (InterruptLine(wiring, interrupt) for interrupt in interrupts)
        self._clock = clock
        self._devices: dict[int, I2cDevice] = {}
        self._addressed: int | None = None
        self._left = 0
        self._step = ""
        self._stop_wanted = False
        self._stepping = Alarm(wiring, self._stepped)
        self._timing_out = Alarm(wiring, self._timed_out)
        self._steps = {
            "address": self._address,
            "written": lambda: self._written(self.registers["TXDR"]),
            "pec written": lambda: self._written(self.registers["PECR"]),
            "read": self._read,
            "stop": self._stop,
        }
        self.target = I2cTarget(name, wiring, self.registers, self._settle)

    def connect(self, address: int, device: I2cDevice, *, ten_bits: bool = False) -> None:
        """Connect a device at a 7-bit or 10-bit address, in place of whatever was there."""
        self._devices[_key(address, ten_bits=ten_bits)] = device

    def transfer(self, transfer: I2cTransfer) -> None:
        """Let a controller outside address this chip, once the bus is free."""
        self.target.begin(transfer)

    def disturb(self, what: str) -> None:
        """Let one of `DISTURBANCES` happen. Errors matter to who takes part in a transfer, an alert to a host."""
        controls = self.registers["CR1"]
        involved = bool(self.registers["ISR"] & BUSY)
        if what == "alert" and controls & PE and controls & ALERTEN and controls & SMBHEN:
            self.registers["ISR"] |= ALERT
        elif what == "bus error" and involved:
            self._give_up(BERR)
        elif what == "lost arbitration" and involved and not self.target.busy:
            self._give_up(ARLO)
        self._settle()

    def _give_up(self, error: int) -> None:
        """Leave a transfer because of an error."""
        self._end()
        self.target.release()
        self._stepping.set(None)
        self._step = ""
        self.registers["ISR"] = self.registers["ISR"] & ~(TXIS | TC | TCR) | error

    def reset(self) -> None:
        """Leave the bus."""
        super().reset()
        self._release()
        self._settle()

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register; reading RXDR lets the next byte come."""
        if name == "RXDR" and self.registers["ISR"] & RXNE:
            self.registers["ISR"] &= ~RXNE
            if self.target.busy:
                self.target.go_on()
            elif self._left and self._stepping.due is None:
                self._continue()
            self._settle()
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; CR2 and TXDR make the bus go on."""
        match name:
            case "ISR":
                self.registers["ISR"] |= bits & TXE  # drops what TXDR holds
            case "ICR":
                self._clear(bits)
            case "CR1":
                super().store(name, bits, mask)
                if not self.registers["CR1"] & PE:
                    self._release()
                    self.registers["PECR"] = 0
            case "CR2":
                super().store(name, bits, mask)
                self._command(bits)
            case "TXDR":
                super().store(name, bits, mask)
                self._send()
            case _:
                super().store(name, bits, mask)
        self._settle()

    def _clear(self, bits: int) -> None:
        addressed = self.registers["ISR"] & bits & ADDR
        self.registers["ISR"] &= ~(bits & _CLEARABLE)
        if addressed:
            self.target.go_on()

    def _send(self) -> None:
        status = self.registers["ISR"]
        self.registers["ISR"] = status & ~TXE
        if self.target.busy:
            self.registers["ISR"] &= ~TXIS
            self.target.go_on()
        elif status & TXIS:
            self.registers["ISR"] &= ~TXIS
            self._after(_BITS_OF_A_BYTE, "written")

    def _release(self) -> None:
        self._stepping.set(None)
        self._timing_out.set(None)
        self.target.release()
        self._step, self._addressed, self._stop_wanted, self._left = "", None, False, 0
        self.registers["ISR"] = TXE

    def _command(self, bits: int) -> None:
        if not self.registers["CR1"] & PE:
            return
        if self.target.busy:
            self.target.counted()
            return
        status = self.registers["ISR"]
        if bits & START:
            if not status & BUSY:
                self.registers["PECR"] = 0
            self.registers["ISR"] = status & ~(TC | TCR) | BUSY
            wide = self.registers["CR2"] & ADD10
            self._after(1 + _BITS_OF_A_BYTE * (2 if wide else 1), "address")
        elif bits & STOP and status & BUSY:
            self.registers["ISR"] = status & ~(TC | TCR)
            if self._stepping.due is None:
                self._after(1, "stop")
            else:
                self._stop_wanted = True  # once the byte on its way has passed
        elif status & TCR and self._count():
            self.registers["ISR"] = status & ~TCR
            self._left = self._count()
            self._continue()

    # -- the bus -------------------------------------------------------------------------------------------------------

    def _after(self, bits: int, step: str) -> None:
        timing = self.registers["TIMINGR"]
        period = ((timing & 0xFF) + (timing >> 8 & 0xFF) + 2) * ((timing >> 28) + 1)
        self._step = step
        self._stepping.set(self._wiring.cycle + max(1, bits * period * self._wiring.clocks.sysclk // self._clock()))

    def _stepped(self, _: int) -> None:
        self._steps[self._step]()
        self._settle()

    def _count(self) -> int:
        return self.registers["CR2"] >> 16 & 0xFF

    def _reading(self) -> bool:
        return bool(self.registers["CR2"] & RD)

    def _device(self) -> I2cDevice | None:
        return None if self._addressed is None else self._devices.get(self._addressed)

    def _address(self) -> None:
        control = self.registers["CR2"]
        wide = bool(control & ADD10)
        self._addressed = _key(control & 0x3FF if wide else control >> 1 & 0x7F, ten_bits=wide)
        self._left = self._count()
        self._check_byte(*self._header(wide=wide))
        device = self._device()
        if device is None or not device.start(reading=self._reading()):
            self._refused()
        else:
            self._continue()

    def _continue(self) -> None:
        """Go on with the next byte, or end the transfer when there is none."""
        if self._stop_wanted:
            self._after(1, "stop")
        elif not self._left:
            self._complete()
        elif self._reading():
            if not self.registers["ISR"] & RXNE:  # an unread byte holds the bus
                self._after(_BITS_OF_A_BYTE, "read")
        elif self._left == 1 and self._pec_wanted():
            self._after(_BITS_OF_A_BYTE, "pec written")
        elif self.registers["ISR"] & TXE:
            self.registers["ISR"] |= TXIS
        else:
            self._after(_BITS_OF_A_BYTE, "written")  # a byte was written ahead

    def _complete(self) -> None:
        control = self.registers["CR2"]
        if control & RELOAD:
            self.registers["ISR"] |= TCR
        elif control & AUTOEND:
            self._after(1, "stop")
        else:
            self.registers["ISR"] |= TC

    def _header(self, *, wide: bool) -> bytes:
        """Return the bytes that an address is on the bus."""
        control = self.registers["CR2"]
        reading = bool(control & RD)
        if not wide:
            return bytes((control & 0xFE | reading,))
        return bytes((0xF0 | control >> 7 & 6 | reading, control & 0xFF))

    def _pec_wanted(self) -> bool:
        """Say whether the last byte of a transfer is its packet error code."""
        control = self.registers["CR2"]
        return bool(self.registers["CR1"] & PECEN and control & PECBYTE and not control & RELOAD)

    def _check_byte(self, *data: int) -> None:
        if self.registers["CR1"] & PECEN:
            self.registers["PECR"] = with_pec(self.registers["PECR"], bytes(data))

    def _written(self, byte: int) -> None:
        self.registers["ISR"] |= TXE
        self._left -= 1
        self._check_byte(byte)
        device = self._device()
        if device is not None and device.write(byte):
            self._continue()
        else:
            self._refused()

    def _read(self) -> None:
        self._left -= 1
        device = self._device()
        byte = 0xFF if device is None else device.read() & 0xFF
        if not self._left and self._pec_wanted() and byte != self.registers["PECR"]:
            self.registers["ISR"] |= PECERR
        self._check_byte(byte)
        self.registers["RXDR"] = byte
        self.registers["ISR"] |= RXNE
        if not self._left or self._stop_wanted:
            self._continue()

    def _refused(self) -> None:
        self.registers["ISR"] |= NACKF
        self._after(1, "stop")

    def _stop(self) -> None:
        self._end()
        self.registers["ISR"] = self.registers["ISR"] & ~TXIS | STOPF

    def _end(self) -> None:
        """Be done with a transfer as its controller."""
        device = self._device()
        if device is not None:
            device.stop()
        self._addressed, self._stop_wanted, self._left = None, False, 0
        self.registers["CR2"] &= ~PECBYTE
        self.registers["ISR"] &= ~BUSY

    # -- interrupts and requests ---------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Drive interrupt lines and requests; flags but TC and TCR have the places of their enables."""
        status, enabled = self.registers["ISR"], self.registers["CR1"]
        on = bool(enabled & PE)
        wanted = enabled & (TXIE | RXIE | ADDRIE | NACKIE | STOPIE) | (TC | TCR if enabled & TCIE else 0)
        self._events.set(on and bool(status & wanted))
        self._errors.set(on and bool(status & _ERRORS and enabled & ERRIE))
        sending, receiving = status & TXIS and enabled & TXDMAEN, status & RXNE and enabled & RXDMAEN
        for name, wanting in zip(self._requests, (sending, receiving), strict=True):
            self._wiring.requests.set(name, on and bool(wanting))
        self._await_timeout()

    def _await_timeout(self) -> None:
        """Let a clock that software holds low by not serving the bus time out, if it is to."""
        control = self.registers["TIMEOUTR"]
        held = self.registers["ISR"] & BUSY and self._stepping.due is None and not self.target.moving
        if not held or control & (TIMOUTEN | TIDLE) != TIMOUTEN:
            self._timing_out.set(None)
        elif self._timing_out.due is None:
            ticks = ((control & 0xFFF) + 1) * _TIMEOUT_UNIT
            self._timing_out.set(self._wiring.cycle + ticks * self._wiring.clocks.sysclk // self._clock())

    def _timed_out(self, _: int) -> None:
        self.registers["ISR"] |= TIMEOUT
        status, enabled = self.registers["ISR"], self.registers["CR1"]
        self._errors.set(bool(status & _ERRORS and enabled & ERRIE and enabled & PE))


def _key(address: int, *, ten_bits: bool) -> int:
    """Return what a device is remembered by: 10-bit addresses are a space of their own."""
    return address | 0x400 if ten_bits else address
