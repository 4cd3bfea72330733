"""SPI: frames at the speed of the line, to and from whatever is selected, or as others' target (RM0456, chapter 68).

Modelled: both FIFOs with their packets, accesses of every width, frames of 4 to 32 bits in either order, full duplex,
simplex and half duplex, transfers with and without an end, suspension, chip select by NSS with its delays, a CRC behind
a transfer's frames, overrun, underrun, mode fault, every interrupt, DMA requests. TI frames pass as others do, with NSS
active throughout. Not modelled: TI frame errors, the autonomous mode. Pins need not be set up. A line that nobody
drives reads ones. That the CRC takes the bits in their order on the line, whichever LSBFRST says, is inferred.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import SpiDevice
from mvsdk.emulator.soc.registers import RegisterBlock, offsets
from mvsdk.emulator.soc.spi_target import OutsideController, SpiTransfer
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

SPE, MASRX, CSTART, CSUSP, HDDIR, SSI = (1 << bit for bit in (0, 8, 9, 10, 11, 12))
CRC33_17, RCRCINI, TCRCINI = 1 << 13, 1 << 14, 1 << 15
UDRCFG, RXDMAEN, TXDMAEN, CRCEN, BPASS = (1 << bit for bit in (9, 14, 15, 22, 31))
MASTER, LSBFRST, SSM, SSIOP, SSOE = (1 << bit for bit in (22, 23, 26, 28, 29))
RXP, TXP, DXP, EOT, TXTF, UDR, OVR, CRCE = (1 << bit for bit in range(8))
MODF, SUSP, TXC, RXWNE = 1 << 9, 1 << 11, 1 << 12, 1 << 15
_CLEARABLE = 0x0BF8
_CLEARED_BY_ENABLING = EOT | UDR | OVR | CRCE
"""Flags that do not outlast a transfer, even if nobody clears them (RM0456, 68.8.6; its heading says otherwise, but
the vendor's drivers leave OVR behind when they only send)."""
_LOCKED = frozenset({"CFG2", "CR2", "CRCPOLY", "UDRDR"})
"""Registers that cannot be written while SPE is set; of CFG1 only the DMA enables can."""
_LARGE_FIFO = 16
"""What ports have whose frames, and CRCs, may be of 32 bits; the others have 16."""
_FULL_DUPLEX, _TRANSMITTER, _RECEIVER, _HALF_DUPLEX = range(4)


class Spi(RegisterBlock):
    """One port. `fifo` is the size of each FIFO in bytes, `clock` gives the kernel clock in Hz."""

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "_line", "_clocking", "_flags", "_shifting", "_to_send", "_received", "_pushed", "_done",
        "_selected", "_devices", "_outside", "_crc_next", "_crc_over", "_heard",
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
        self._crc_next = self._crc_over = False
        self._heard = 0
        self._outside = OutsideController(name, wiring, self._next_bits, self._answer, self._addressed)

    def reset(self) -> None:
        """Drop everything, and let go of NSS."""
        self.registers["CR1"] = 0
        self._stop()
        super().reset()
        self._flags = 0
        self._heard = 0
        self._settle()

    # -- the bus -------------------------------------------------------------------------------------------------------

    def connect(self, device: SpiDevice, *, on_nss: bool) -> Callable[[bool], None]:
        """Connect a device, selected by the port's NSS output or else by calling what is returned."""
        number = len(self._devices)
        self._devices.append(device)
        if on_nss:
            self._on_nss.append(number)
        return lambda active: self._select(number, active)

    def transfer(self, transfer: SpiTransfer) -> None:
        """Let a controller outside select this chip and exchange bytes with it."""
        self._outside.begin(transfer)

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
                self._go_on(self._wiring.cycle)
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
        super().store("CR1", bits, mask & ~(CSTART | CSUSP | (SPE if self._flags & MODF else 0)))
        control = self.registers["CR1"]
        if not control & SPE:
            self._stop()
            return
        if not old & SPE:
            self._pushed = self._done = 0
            self._flags &= ~_CLEARED_BY_ENABLING
            self._begin_crc()
        if self._contended():
            self._fail_mode()
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
        """Say whether somebody else's chip select is active at a controller."""
        configuration = self.registers["CFG2"]
        return bool(configuration & MASTER) and not configuration & SSOE and self._chosen()

    def _chosen(self) -> bool:
        """Say whether the chip select at this port is active: with SSM it is SSI that says so."""
        if self.registers["CFG2"] & SSM:
            return bool(self.registers["CR1"] & SSI) == bool(self.registers["CFG2"] & SSIOP)
        return self._outside.busy

    def _fail_mode(self) -> None:
        self._flags |= MODF
        self.registers["CFG2"] &= ~MASTER
        self.registers["CR1"] &= ~SPE
        self._stop()

    def _stop(self) -> None:
        """Be disabled: both FIFOs are flushed."""
        self.registers["CR1"] &= ~(CSTART | CSUSP)
        self._clocking.set(None)
        self._to_send.clear()
        self._received.clear()
        self._pushed = self._done = 0
        self._crc_next = False
        self._begin_crc()
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
            self.registers["IER"] &= ~(TXP | DXP)
        self._go_on(self._wiring.cycle)

    def _go_on(self, cycle: int) -> None:
        """Begin the next frame, if there is one."""
        if not self.registers["CR1"] & CSTART or self._clocking.due is not None:
            return
        if self._crc_next:
            self._clocking.set(cycle + self._frame_cycles())
            return
        if self._suspends_itself():
            return
        if self._sends():
            if not self._to_send:
                return
            self._shifting = self._to_send.popleft()
        else:
            self._shifting = (1 << self._bits()) - 1
        self._clocking.set(cycle + self._frame_cycles())

    def _suspends_itself(self) -> bool:
        """Say whether the port waits, with MASRX, for room to receive, and for SUSP to be cleared once it has."""
        if not self._receives() or not self.registers["CR1"] & MASRX:
            return False
        if len(self._received) >= self._depth():
            self._flags |= SUSP
        return bool(self._flags & SUSP)

    def _frame_cycles(self) -> int:
        """Return how long a frame and the pause before it take."""
        configuration = self.registers["CFG2"]
        pause = configuration >> 4 & 0xF if self._done else 0
        if not self._done and configuration & SSOE:
            pause = configuration & 0xF
        speed = self.registers["CFG1"]
        divider = 1 if speed & BPASS else 2 << (speed >> 28 & 7)
        return max(1, (self._next_bits() + pause) * divider * self._wiring.clocks.sysclk // self._clock())

    def _clocked(self, cycle: int) -> None:
        """A frame has passed."""
        if self._crc_next:
            self._check_crc(self._exchange(self._crc_frame("TXCRC"), self._crc_bits()))
        else:
            value = self._turned(self._shifting)
            self._passed(value, self._exchange(value, self._bits()))
        if self._over():
            self.registers["CR1"] &= ~(CSTART | CSUSP)
            self._drive_nss(False)
        elif self.registers["CR1"] & CSUSP:
            self._suspend()
        else:
            self._go_on(cycle)
        self._settle()

    def _over(self) -> bool:
        """Say whether a transfer with an end has come to it."""
        return bool(self._size()) and self._done >= self._size() and not self._crc_next

    def _turned(self, frame: int) -> int:
        """Return a frame in its order on the line, or one from the line as software sees it."""
        return _reversed(frame, self._bits()) if self.registers["CFG2"] & LSBFRST else frame

    def _passed(self, sent: int, heard: int) -> None:
        """Count a frame of data, both ways as they were on the line."""
        if self._crc_over:
            self._begin_crc()
        if self._sends():
            self.registers["TXCRC"] = self._crc(self.registers["TXCRC"], sent)
        if self._receives():
            self.registers["RXCRC"] = self._crc(self.registers["RXCRC"], heard)
            self._take(self._turned(heard))
        self._done += 1
        if self._size() and self._done >= self._size():
            self._crc_next = bool(self.registers["CFG1"] & CRCEN)
            if not self._crc_next:
                self._flags |= EOT

    # -- the CRC -------------------------------------------------------------------------------------------------------

    def _next_bits(self) -> int:
        return self._crc_bits() if self._crc_next else self._bits()

    def _crc_bits(self) -> int:
        return max(4, (self.registers["CFG1"] >> 16 & 0x1F) + 1)

    def _begin_crc(self) -> None:
        """Start both sums anew: with zeros, or with ones."""
        ones, control = (1 << self._crc_width()) - 1, self.registers["CR1"]
        self.registers["TXCRC"] = ones if control & TCRCINI else 0
        self.registers["RXCRC"] = ones if control & RCRCINI else 0
        self._crc_over = False

    def _crc_width(self) -> int:
        """Return the length of the polynomial: its highest bit, or the longest there is (RM0456, 68.5.3)."""
        if self.registers["CR1"] & CRC33_17:
            return 32 if self._fifo >= _LARGE_FIFO else 16
        return max(1, self.registers["CRCPOLY"].bit_length() - 1)

    def _crc_frame(self, name: str) -> int:
        """Return a sum as it is on the line: its upper bits, or all of them with zeros behind."""
        longer = self._crc_bits() - self._crc_width()
        return self.registers[name] << longer if longer >= 0 else self.registers[name] >> -longer

    def _crc(self, crc: int, frame: int) -> int:
        """Return the sum with the bits of a frame in it, the first on the line first."""
        if not self.registers["CFG1"] & CRCEN:
            return crc
        width = self._crc_width()
        polynomial, mask = self.registers["CRCPOLY"], (1 << width) - 1
        for position in reversed(range(self._bits())):
            feedback = (crc >> width - 1 ^ frame >> position) & 1
            crc = (crc << 1 ^ (polynomial if feedback else 0)) & mask
        return crc

    def _check_crc(self, heard: int) -> None:
        """End a transfer with the other side's sum. It is taken off the line, and not put into the FIFO."""
        if self._receives() and heard != self._crc_frame("RXCRC"):
            self._flags |= CRCE
        self._crc_next, self._crc_over = False, True
        self._flags |= EOT

    # -- as a target ---------------------------------------------------------------------------------------------------

    def _addressed(self) -> None:
        """Hear that a controller outside has begun or ended."""
        if self.registers["CR1"] & SPE and self._contended():
            self._fail_mode()
        self._settle()

    def _answer(self, value: int, bits: int) -> int:
        """Exchange a frame with a controller outside: return what this port puts on the line."""
        idle = (1 << bits) - 1
        enabled = self.registers["CR1"] & SPE and not self.registers["CFG2"] & MASTER and self._chosen()
        if not enabled or self._over():
            return idle
        if self._crc_next:
            answer = self._crc_frame("TXCRC") if self._sends() else idle
            self._check_crc(value)
        else:
            answer = self._turned(self._to_give()) if self._sends() else idle
            self._passed(answer, value)
            self._heard = self._turned(value)
        self._settle()
        return answer

    def _to_give(self) -> int:
        """Return the next frame to send, or where software was too late what UDRCFG says."""
        if self._to_send:
            return self._to_send.popleft()
        self._flags |= UDR
        pattern = self._heard if self.registers["CFG1"] & UDRCFG else self.registers["UDRDR"]
        return pattern & (1 << self._bits()) - 1

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
        status |= TXC if self._sent_everything() else 0
        in_words = 4 // self._frame_bytes()
        status |= RXWNE if len(self._received) >= in_words else 0
        status |= len(self._received) % in_words << 13
        return status | max(0, self._size() - self._done) << 16

    def _sent_everything(self) -> bool:
        """Return TXC: a copy of EOT where the transfer has an end, else that there is no more to send."""
        if not self.registers["CR1"] & SPE:
            return True
        if self._size():
            return bool(self._flags & EOT)
        if not self.registers["CFG2"] & MASTER:
            return not self._outside.busy
        return not self._to_send and self._clocking.due is None

    def _settle(self) -> None:
        """Drive the interrupt line and the requests."""
        status, enabled, configuration = self._status(), self.registers["IER"], self.registers["CFG1"]
        wanted = enabled & 0x3FF
        if enabled & EOT:
            wanted |= SUSP if self._size() else SUSP | TXC
        on = bool(self.registers["CR1"] & SPE)
        if not on:
            wanted &= MODF
        self._line.set(bool(status & wanted))
        sending = configuration & TXDMAEN and status & TXP and self._sends()
        receiving = configuration & RXDMAEN and (status & RXP or (status & EOT and self._received))
        for name, wanting in zip(self._requests, (sending, receiving), strict=True):
            self._wiring.requests.set(name, on and bool(wanting))


def _reversed(value: int, bits: int) -> int:
    """Return `value` with its lowest `bits` in the opposite order."""
    return int(f"{value:0{bits}b}"[::-1], 2)
