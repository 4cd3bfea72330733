"""SPI as its controller: frames at the speed of the line, to and from whatever is selected (RM0456, chapter 68).

Modelled: both FIFOs with their packets, accesses of every width, frames of 4 to 32 bits in either order, full duplex,
simplex and half duplex, transfers with and without an end, suspension, chip select by NSS with its delays, overrun,
mode fault, every interrupt, DMA requests. Not modelled: target mode, CRC, TI frames, the autonomous mode. Pins need not
be set up. A line that nobody drives reads ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import SpiDevice
from mvsdk.emulator.soc.registers import RegisterBlock, offsets
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

SPE, MASRX, CSTART, CSUSP, HDDIR, SSI = (1 << bit for bit in (0, 8, 9, 10, 11, 12))
RXDMAEN, TXDMAEN, BPASS = 1 << 14, 1 << 15, 1 << 31
MASTER, LSBFRST, SSM, SSIOP, SSOE = (1 << bit for bit in (22, 23, 26, 28, 29))
RXP, TXP, DXP, EOT, TXTF, OVR, MODF, SUSP, TXC, RXWNE = (1 << bit for bit in (0, 1, 2, 3, 4, 6, 9, 11, 12, 15))
_CLEARABLE = 0x0BF8
_LOCKED = frozenset({"CFG2", "CR2", "CRCPOLY", "UDRDR"})
"""Registers that cannot be written while SPE is set; of CFG1 only the DMA enables can."""
_FULL_DUPLEX, _TRANSMITTER, _RECEIVER, _HALF_DUPLEX = range(4)


class Spi(RegisterBlock):
    """One port. `fifo` is the size of each FIFO in bytes, `clock` gives the kernel clock in Hz."""

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "_line", "_clocking", "_flags", "_shifting", "_to_send", "_received", "_pushed", "_done",
        "_selected", "_devices",
    )  # fmt: skip
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_on_nss",)

    def __init__(self, name: str, wiring: Wiring, interrupt: int, *, fifo: int, clock: Callable[[], int]) -> None:
        super().__init__("spi")
        self._requests = f"{name}_TX", f"{name}_RX"
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._fifo = fifo
        self._clock = clock
        self._clocking = Alarm(wiring, self._clocked)
        self._devices: list[SpiDevice] = []
        self._on_nss: list[int] = []
        self._selected: list[int] = []
        self._flags = 0
        self._shifting = 0
        self._to_send: deque[int] = deque()
        self._received: deque[int] = deque()
        self._pushed = self._done = 0

    def reset(self) -> None:
        """Drop everything, and let go of NSS."""
        self.registers["CR1"] = 0
        self._stop()
        super().reset()
        self._flags = 0
        self._settle()

    # -- the bus -------------------------------------------------------------------------------------------------------

    def connect(self, device: SpiDevice, *, on_nss: bool) -> Callable[[bool], None]:
        """Connect a device, selected by the port's NSS output or else by calling what is returned."""
        number = len(self._devices)
        self._devices.append(device)
        if on_nss:
            self._on_nss.append(number)
        return lambda active: self._select(number, active)

    def _select(self, number: int, active: bool) -> None:
        if active and number not in self._selected:
            self._selected.append(number)
            self._devices[number].select()
        elif not active and number in self._selected:
            self._selected.remove(number)
            self._devices[number].deselect()

    def _drive_nss(self, active: bool) -> None:
        if self.registers["CFG2"] & (SSM | SSOE) == SSOE or not active:
            for number in self._on_nss:
                self._select(number, active)

    def _exchange(self, value: int, bits: int) -> int:
        """Clock one frame; several devices selected at once pull the line low where any of them does."""
        ones = (1 << bits) - 1
        answer = ones
        for number in self._selected:
            answer &= self._devices[number].transfer(value & ones, bits) & ones
        return answer

    # -- registers -----------------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int | None:
        """Return a register; reading RXDR takes as many frames as the access is wide."""
        if offset & ~3 != offsets("spi")["RXDR"]:
            return super().read(offset, size)
        width = self._frame_bytes()
        value = 0
        for position in range(max(1, size // width)):
            if self._received:
                value |= self._received.popleft() << 8 * width * position
        self._go_on(self._wiring.cycle)
        self._settle()
        return value & (1 << 8 * size) - 1

    def fetch(self, name: str) -> int:
        """Return a register."""
        return self._status() if name == "SR" else super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; writing TXDR sends, and CSTART starts."""
        enabled = self.registers["CR1"] & SPE
        match name:
            case "TXDR":
                self._push(bits, mask)
            case "IFCR":
                self._flags &= ~(bits & _CLEARABLE)
            case "CR1":
                self._control(bits, mask)
            case "CFG1":
                super().store(name, bits, mask & (RXDMAEN | TXDMAEN) if enabled else mask)
            case "CFG2":
                super().store(name, bits, 0 if enabled else mask & ~(MASTER if self._flags & MODF else 0))
            case _:
                super().store(name, bits, 0 if enabled and name in _LOCKED else mask)
        self._settle()

    def _control(self, bits: int, mask: int) -> None:
        old = self.registers["CR1"]
        super().store("CR1", bits, mask & ~(CSTART | CSUSP))
        control = self.registers["CR1"]
        if not control & SPE:
            self._stop()
            return
        if not old & SPE:
            self._pushed = self._done = 0
        if self._contended():
            self._flags |= MODF
            self.registers["CFG2"] &= ~MASTER
            self.registers["CR1"] &= ~SPE
            self._stop()
        elif bits & CSTART and self.registers["CFG2"] & MASTER and not old & CSTART:
            self.registers["CR1"] |= CSTART
            if self._done >= self._size():  # not a transfer that was suspended
                self._pushed -= self._done  # what was written ahead of the start belongs to it
                self._done = 0
            self._drive_nss(True)
            self._go_on(self._wiring.cycle)
        elif bits & CSUSP and old & CSTART and self._clocking.due is None:
            self._suspend()
        elif bits & CSUSP and old & CSTART:
            self.registers["CR1"] |= CSUSP

    def _contended(self) -> bool:
        """Say whether somebody else's chip select is active at a controller: with SSM it is SSI that says so."""
        configuration = self.registers["CFG2"]
        active = bool(self.registers["CR1"] & SSI) == bool(configuration & SSIOP)
        return configuration & (MASTER | SSM) == MASTER | SSM and active

    def _stop(self) -> None:
        """Be disabled: both FIFOs are flushed."""
        self.registers["CR1"] &= ~(CSTART | CSUSP)
        self._clocking.set(None)
        self._to_send.clear()
        self._received.clear()
        self._pushed = self._done = 0
        self._drive_nss(False)

    # -- frames --------------------------------------------------------------------------------------------------------

    def _bits(self) -> int:
        return max(4, (self.registers["CFG1"] & 0x1F) + 1)

    def _frame_bytes(self) -> int:
        bits = self._bits()
        return 1 if bits <= 8 else 2 if bits <= 16 else 4

    def _depth(self) -> int:
        return self._fifo // self._frame_bytes()

    def _size(self) -> int:
        return self.registers["CR2"] & 0xFFFF

    def _mode(self) -> int:
        return self.registers["CFG2"] >> 17 & 3

    def _sends(self) -> bool:
        mode = self._mode()
        return mode in (_FULL_DUPLEX, _TRANSMITTER) or (mode == _HALF_DUPLEX and bool(self.registers["CR1"] & HDDIR))

    def _receives(self) -> bool:
        mode = self._mode()
        return mode in (_FULL_DUPLEX, _RECEIVER) or (mode == _HALF_DUPLEX and not self.registers["CR1"] & HDDIR)

    def _push(self, bits: int, mask: int) -> None:
        """Take frames into the FIFO; those that find no room, or are more than the transfer has, are lost."""
        if not self.registers["CR1"] & SPE:
            return
        width, size = self._frame_bytes(), mask.bit_length() // 8
        for position in range(max(1, size // width)):
            if len(self._to_send) < self._depth() and (not self._size() or self._pushed < self._size()):
                self._to_send.append(bits >> 8 * width * position & (1 << self._bits()) - 1)
                self._pushed += 1
        if self._size() and self._pushed == self._size():
            self._flags |= TXTF
        self._go_on(self._wiring.cycle)

    def _go_on(self, cycle: int) -> None:
        """Begin the next frame, if there is one."""
        if not self.registers["CR1"] & CSTART or self._clocking.due is not None:
            return
        if self._receives() and self.registers["CR1"] & MASRX and len(self._received) >= self._depth():
            return
        if self._sends():
            if not self._to_send:
                return
            self._shifting = self._to_send.popleft()
        else:
            self._shifting = (1 << self._bits()) - 1
        self._clocking.set(cycle + self._frame_cycles())

    def _frame_cycles(self) -> int:
        """Return how long a frame and the pause before it take."""
        configuration = self.registers["CFG2"]
        pause = configuration >> 4 & 0xF if self._done else 0
        if not self._done and configuration & SSOE:
            pause = configuration & 0xF
        speed = self.registers["CFG1"]
        divider = 1 if speed & BPASS else 2 << (speed >> 28 & 7)
        return max(1, (self._bits() + pause) * divider * self._wiring.clocks.sysclk // self._clock())

    def _clocked(self, cycle: int) -> None:
        """A frame has passed."""
        bits, turned = self._bits(), bool(self.registers["CFG2"] & LSBFRST)
        value = _reversed(self._shifting, bits) if turned else self._shifting
        answer = self._exchange(value, bits)
        if self._receives():
            self._take(_reversed(answer, bits) if turned else answer)
        self._done += 1
        if self._size() and self._done >= self._size():
            self._flags |= EOT
            self.registers["CR1"] &= ~(CSTART | CSUSP)
            self._drive_nss(False)
        elif self.registers["CR1"] & CSUSP:
            self._suspend()
        else:
            self._go_on(cycle)
        self._settle()

    def _take(self, frame: int) -> None:
        if len(self._received) < self._depth():
            self._received.append(frame)
        else:
            self._flags |= OVR

    def _suspend(self) -> None:
        self.registers["CR1"] &= ~(CSTART | CSUSP)
        self._flags |= SUSP

    # -- flags ---------------------------------------------------------------------------------------------------------

    def _status(self) -> int:
        status = self._flags
        packet = (self.registers["CFG1"] >> 5 & 0xF) + 1
        wanted = min(packet, self._size() - self._pushed) if self._size() else packet
        if wanted > 0 and self._depth() - len(self._to_send) >= wanted:
            status |= TXP
        if len(self._received) >= packet:
            status |= RXP
        if status & RXP and status & TXP:
            status |= DXP
        status |= 0 if self._busy() else TXC
        in_words = 4 // self._frame_bytes()
        status |= RXWNE if len(self._received) >= in_words else 0
        status |= len(self._received) % in_words << 13
        return status | max(0, self._size() - self._done) << 16

    def _busy(self) -> bool:
        if self._size():
            return bool(self.registers["CR1"] & CSTART)
        return bool(self._to_send) or self._clocking.due is not None

    def _settle(self) -> None:
        """Drive the interrupt line and the requests."""
        status, enabled, configuration = self._status(), self.registers["IER"], self.registers["CFG1"]
        wanted = enabled & 0x3FF
        if enabled & EOT:
            wanted |= SUSP if self._size() else SUSP | TXC
        on = bool(self.registers["CR1"] & SPE)
        if not on:
            wanted &= ~(TXP | TXC)
        self._line.set(bool(status & wanted))
        sending = configuration & TXDMAEN and status & TXP and self._sends()
        receiving = configuration & RXDMAEN and (status & RXP or (status & EOT and self._received))
        for name, wanting in zip(self._requests, (sending, receiving), strict=True):
            self._wiring.requests.set(name, on and bool(wanting))


def _reversed(value: int, bits: int) -> int:
    """Return `value` with its lowest `bits` in the opposite order."""
    return int(f"{value:0{bits}b}"[::-1], 2)
