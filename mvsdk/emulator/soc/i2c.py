"""I2C in controller mode: what is asked of CR2 happens on the bus, byte by byte (RM0456, chapter 65).

Modelled: start, repeated start and stop, 7-bit addresses, NBYTES with RELOAD and AUTOEND, acknowledge and its absence,
event interrupts, the speed that TIMINGR sets. Not modelled: target mode, 10-bit addresses, DMA, timeouts, PEC, errors
on the bus. Pins need not be set up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.bus_devices import I2cDevice
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

PE, TXIE, RXIE, NACKIE, STOPIE, TCIE = (1 << bit for bit in (0, 1, 2, 4, 5, 6))
TXE, TXIS, RXNE, NACKF, STOPF, TC, TCR, BUSY = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 7, 15))
RD, START, STOP, RELOAD, AUTOEND = (1 << bit for bit in (10, 13, 14, 24, 25))
_CLEARABLE = NACKF | STOPF
_BITS_OF_A_BYTE = 9


class I2c(RegisterBlock):
    """One bus. `interrupt` is the event interrupt; `clock` gives the kernel clock in Hz."""

    STATE: ClassVar[tuple[str, ...]] = ("_line", "_devices", "_addressed", "_left", "_next", "_alarm")

    def __init__(self, wiring: Wiring, interrupt: int, *, clock: Callable[[], int]) -> None:
        super().__init__("i2c")
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._clock = clock
        self._devices: dict[int, I2cDevice] = {}
        self._addressed: I2cDevice | None = None
        self._left = 0
        self._next: Callable[[], None] | None = None
        self._alarm = Alarm(wiring, self._done)

    def connect(self, address: int, device: I2cDevice) -> None:
        """Connect a device at a 7-bit address, in place of whatever was there."""
        self._devices[address] = device

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
            if self._left:
                self._continue()
            self._settle()
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; CR2 and TXDR make the bus go on."""
        match name:
            case "ICR":
                self.registers["ISR"] &= ~(bits & _CLEARABLE)
            case "CR1":
                super().store(name, bits, mask)
                if not self.registers["CR1"] & PE:
                    self._release()
            case "CR2":
                super().store(name, bits, mask)
                self._command(bits)
            case "TXDR":
                super().store(name, bits, mask)
                if self.registers["ISR"] & TXIS:
                    self.registers["ISR"] &= ~(TXIS | TXE)
                    self._after(_BITS_OF_A_BYTE, self._written)
            case _:
                super().store(name, bits, mask)
        self._settle()

    def _release(self) -> None:
        self._alarm.set(None)
        self._next = self._addressed = None
        self.registers["ISR"] = TXE

    def _command(self, bits: int) -> None:
        if not self.registers["CR1"] & PE:
            return
        status = self.registers["ISR"]
        if bits & START:
            self.registers["ISR"] = status & ~(TC | TCR) | BUSY
            self._after(1 + _BITS_OF_A_BYTE, self._address)
        elif bits & STOP and status & BUSY:
            self.registers["ISR"] = status & ~(TC | TCR)
            self._after(1, self._stop)
        elif status & TCR and self._count():
            self.registers["ISR"] = status & ~TCR
            self._left = self._count()
            self._continue()

    # -- the bus -------------------------------------------------------------------------------------------------------

    def _after(self, bits: int, action: Callable[[], None]) -> None:
        timing = self.registers["TIMINGR"]
        period = ((timing & 0xFF) + (timing >> 8 & 0xFF) + 2) * ((timing >> 28) + 1)
        self._next = action
        self._alarm.set(self._wiring.cycle + max(1, bits * period * self._wiring.clocks.sysclk // self._clock()))

    def _done(self, _: int) -> None:
        action, self._next = self._next, None
        if action is not None:
            action()
        self._settle()

    def _count(self) -> int:
        return self.registers["CR2"] >> 16 & 0xFF

    def _reading(self) -> bool:
        return bool(self.registers["CR2"] & RD)

    def _address(self) -> None:
        self._addressed = self._devices.get(self.registers["CR2"] >> 1 & 0x7F)
        self._left = self._count()
        if self._addressed is None or not self._addressed.start(reading=self._reading()):
            self._refused()
        else:
            self._continue()

    def _continue(self) -> None:
        """Go on with the next byte, or end the transfer when there is none."""
        if not self._left:
            self._complete()
        elif self._reading():
            if not self.registers["ISR"] & RXNE:  # an unread byte holds the bus
                self._after(_BITS_OF_A_BYTE, self._read)
        else:
            self.registers["ISR"] |= TXIS

    def _complete(self) -> None:
        control = self.registers["CR2"]
        if control & RELOAD:
            self.registers["ISR"] |= TCR
        elif control & AUTOEND:
            self._after(1, self._stop)
        else:
            self.registers["ISR"] |= TC

    def _written(self) -> None:
        self.registers["ISR"] |= TXE
        self._left -= 1
        if self._addressed is not None and self._addressed.write(self.registers["TXDR"]):
            self._continue()
        else:
            self._refused()

    def _read(self) -> None:
        self._left -= 1
        self.registers["RXDR"] = self._addressed.read() & 0xFF if self._addressed is not None else 0xFF
        self.registers["ISR"] |= RXNE
        if not self._left:
            self._complete()

    def _refused(self) -> None:
        self.registers["ISR"] |= NACKF
        self._after(1, self._stop)

    def _stop(self) -> None:
        if self._addressed is not None:
            self._addressed.stop()
            self._addressed = None
        self.registers["ISR"] = self.registers["ISR"] & ~(BUSY | TXIS) | STOPF

    def _settle(self) -> None:
        """Drive the interrupt line; all flags but TC and TCR have the places of their enables."""
        status, enabled = self.registers["ISR"], self.registers["CR1"]
        wanted = enabled & (TXIE | RXIE | NACKIE | STOPIE) | (TC | TCR if enabled & TCIE else 0)
        self._line.set(bool(status & wanted) and bool(enabled & PE))
