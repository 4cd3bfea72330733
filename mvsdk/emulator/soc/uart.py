"""USART, UART and LPUART: characters at the speed of the line (RM0456, chapters 66 and 67).

Modelled: transmitter and receiver with and without FIFO, the time every character takes, overrun, idle line, character
match, every interrupt of these, flow of time by BRR, OVER8, PRESC, word length, parity and stop bits. What the table
calls "kept only" can be written and read and does nothing: DMA, hardware flow control, LIN, IrDA, smartcard,
synchronous mode, auto baud rate, receiver timeout, mute mode. Pins need not be set up for characters to come through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

UE, RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE, CMIE = (1 << bit for bit in (0, 2, 3, 4, 5, 6, 7, 14))
PCE, M0, OVER8, M1, FIFOEN, TXFEIE, RXFFIE = (1 << bit for bit in (10, 12, 15, 28, 29, 30, 31))
EIE, OVRDIS, TXFTIE, RXFTIE = 1 << 0, 1 << 12, 1 << 23, 1 << 28
ORE, IDLE, RXNE, TC, TXE, BUSY, CMF = (1 << bit for bit in (3, 4, 5, 6, 7, 16, 17))
TEACK, REACK, TXFE, RXFF, RXFT, TXFT = (1 << bit for bit in (21, 22, 23, 24, 26, 27))
_CLEARABLE = ORE | IDLE | TC | CMF
_FLUSH_RECEIVER, _FLUSH_TRANSMITTER = 1 << 3, 1 << 4
_FIFO_DEPTH = 8
_THRESHOLDS = (1, 2, 4, 6, 7, 8)
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
_HALF_STOP_BITS = (2, 1, 4, 3)


class Uart(RegisterBlock):
    """One port. `clock` gives its kernel clock in Hz; `sent` is called with every character once it is on the line."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_line",
        "_transmitting",
        "_receiving",
        "_flags",
        "_shifting",
        "_to_send",
        "_fifo",
        "_arriving",
        "_idle_due",
    )

    def __init__(
        self, wiring: Wiring, interrupt: int, *, low_power: bool, clock: Callable[[], int], sent: Callable[[int], None]
    ) -> None:
        super().__init__("usart")
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._low_power = low_power
        self._clock = clock
        self._sent = sent
        self._transmitting = Alarm(wiring, self._transmitted)
        self._receiving = Alarm(wiring, self._received)
        self._flags = TC
        self._shifting = 0
        self._to_send: deque[int] = deque()
        self._fifo: deque[int] = deque()
        self._arriving: deque[int] = deque()
        self._idle_due = False

    def reset(self) -> None:
        """Drop everything under way; what the other side has sent already is lost too."""
        super().reset()
        self._transmitting.set(None)
        self._receiving.set(None)
        self._flags = TC
        for queue in (self._to_send, self._fifo, self._arriving):
            queue.clear()
        self._idle_due = False
        self._settle()

    # -- the other end of the line -------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Let the other side send `data`, at the speed this port is set to; it waits until the receiver is enabled."""
        if not self._arriving:
            self._receiving.set(None)  # whatever was awaited, it was the end of a silence
        self._arriving.extend(data)
        self._listen(self._wiring.cycle)

    def _listen(self, since: int) -> None:
        if self._receiving.due is None and (self._arriving or self._idle_due) and self._enabled(RE):
            self._receiving.set(since + self._frame_cycles())

    def _received(self, cycle: int) -> None:
        """One character's time has passed: it is here, or none came and the line is idle."""
        if self._arriving:
            self._take(self._arriving.popleft() & self._data_mask())
            self._idle_due = True
        else:
            self._flags |= IDLE
            self._idle_due = False
        self._listen(cycle)
        self._settle()

    def _take(self, character: int) -> None:
        if len(self._fifo) >= self._depth():
            if not self.registers["CR3"] & OVRDIS:
                self._flags |= ORE
                return
            self._fifo.pop()
        self._fifo.append(character)
        if character == self.registers["CR2"] >> 24:
            self._flags |= CMF

    # -- sending -------------------------------------------------------------------------------------------------------

    def _send(self, character: int) -> None:
        self._flags &= ~TC
        if len(self._to_send) < self._depth():
            self._to_send.append(character & self._data_mask())
        self._start_sending(self._wiring.cycle)

    def _start_sending(self, cycle: int) -> None:
        if self._transmitting.due is None and self._to_send and self._enabled(TE):
            self._shifting = self._to_send.popleft()
            self._transmitting.set(cycle + self._frame_cycles())

    def _transmitted(self, cycle: int) -> None:
        self._sent(self._shifting)
        self._start_sending(cycle)
        if self._transmitting.due is None:
            self._flags |= TC
        self._settle()

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register; reading RDR takes the character out."""
        match name:
            case "ISR":
                return self._status()
            case "RDR":
                character = self._fifo.popleft() if self._fifo else self.registers["RDR"]
                self.registers["RDR"] = character
                self._settle()
                return character
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; writing TDR sends."""
        match name:
            case "TDR":
                super().store(name, bits, mask)
                self._send(bits)
            case "ICR":
                self._flags &= ~(bits & _CLEARABLE)
            case "RQR":
                if bits & _FLUSH_RECEIVER:
                    self._fifo.clear()
                if bits & _FLUSH_TRANSMITTER:
                    self._to_send.clear()
            case _:
                super().store(name, bits, mask)
                if name in {"CR1", "BRR"}:
                    self._switch()
        self._settle()

    def _switch(self) -> None:
        """Follow the enable bits: a port that is off discards what is under way."""
        if not self._enabled(RE):
            self._receiving.set(None)
        if not self.registers["CR1"] & UE:
            self._transmitting.set(None)
            self._to_send.clear()
            self._fifo.clear()
            self._flags, self._idle_due = TC, False
        self._start_sending(self._wiring.cycle)
        self._listen(self._wiring.cycle)

    def _enabled(self, direction: int) -> bool:
        return self.registers["CR1"] & (UE | direction) == UE | direction and bool(self._divider())

    def _depth(self) -> int:
        return _FIFO_DEPTH if self.registers["CR1"] & FIFOEN else 1

    def _status(self) -> int:
        control = self.registers["CR1"]
        status = self._flags
        status |= TXE if len(self._to_send) < self._depth() else 0
        status |= RXNE if self._fifo else 0
        status |= BUSY if self._receiving.due is not None and self._arriving else 0
        if control & UE:
            status |= (TEACK if control & TE else 0) | (REACK if control & RE else 0)
        if control & FIFOEN:
            status |= TXFE if not self._to_send else 0
            status |= RXFF if len(self._fifo) == _FIFO_DEPTH else 0
            status |= RXFT if len(self._fifo) >= self._threshold(25) else 0
            status |= TXFT if _FIFO_DEPTH - len(self._to_send) >= self._threshold(29) else 0
        return status

    def _threshold(self, shift: int) -> int:
        return _THRESHOLDS[min(self.registers["CR3"] >> shift & 7, len(_THRESHOLDS) - 1)]

    def _settle(self) -> None:
        """Drive the interrupt line."""
        status, control, more = self._status(), self.registers["CR1"], self.registers["CR3"]
        wanted = control & (IDLEIE | TCIE | TXEIE)  # each enable bit has its flag's place
        wanted |= RXNE | ORE if control & RXNEIE else 0
        wanted |= ORE if more & EIE else 0
        wanted |= CMF if control & CMIE else 0
        wanted |= TXFE if control & TXFEIE else 0
        wanted |= RXFF if control & RXFFIE else 0
        wanted |= RXFT if more & RXFTIE else 0
        wanted |= TXFT if more & TXFTIE else 0
        self._line.set(bool(status & wanted) and bool(control & UE))

    # -- speed ---------------------------------------------------------------------------------------------------------

    def _data_bits(self) -> int:
        """Return the bits between start and stop, parity among them."""
        control = self.registers["CR1"]
        return 7 if control & M1 else 9 if control & M0 else 8

    def _data_mask(self) -> int:
        return (1 << self._data_bits() - bool(self.registers["CR1"] & PCE)) - 1

    def _divider(self) -> int:
        """Return how many half periods of the prescaled clock a bit takes, times 128 for a low-power port."""
        divider = self.registers["BRR"]
        if self._low_power:
            return divider
        if self.registers["CR1"] & OVER8:
            return divider & 0xFFF0 | (divider & 7) << 1
        return divider * 2 & 0x1FFFF

    def _frame_cycles(self) -> int:
        half_bits = 2 * (1 + self._data_bits()) + _HALF_STOP_BITS[self.registers["CR2"] >> 12 & 3]
        prescaler = _PRESCALERS[min(self.registers["PRESC"], len(_PRESCALERS) - 1)]
        # A half bit takes divider / 4 clocks, or divider / 512 in a low-power port.
        parts = 512 if self._low_power else 4
        return max(1, half_bits * self._divider() * prescaler * self._wiring.clocks.sysclk // (parts * self._clock()))
