"""USART, UART and LPUART: characters at the speed of the line (RM0456, chapters 66 and 67).

Modelled: transmitter and receiver with and without FIFO, the time every character takes, overrun, idle line, character
match, receiver timeout, parity, framing and noise errors, breaks, LIN's too, CTS and RTS, half duplex, mute mode, DMA
requests, every interrupt of these, flow of time by BRR, OVER8, PRESC, word length, parity and stop bits. What the table
calls "kept only" can be written and read and does nothing: IrDA, smartcard, synchronous mode, wake-up from Stop,
inverted and swapped pins. Pins need not be set up for characters to come through. The other side always has the port's
speed, so measuring it (ABREN) finds what BRR says already, if the first character is one that it can be measured by.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

UE, RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE, CMIE = (1 << bit for bit in (0, 2, 3, 4, 5, 6, 7, 14))
PCE, M0, OVER8, M1, FIFOEN, TXFEIE, RXFFIE = (1 << bit for bit in (10, 12, 15, 28, 29, 30, 31))
PEIE, PS, WAKE, MME, RTOIE = (1 << bit for bit in (8, 9, 11, 13, 26))
ADDM7, LBDIE, LINEN, ABREN, RTOEN = (1 << bit for bit in (4, 6, 14, 20, 23))
EIE, HDSEL, DMAR, DMAT, RTSE, CTSE, CTSIE, OVRDIS, DDRE = (1 << bit for bit in (0, 3, 6, 7, 8, 9, 10, 12, 13))
TXFTIE, RXFTIE = 1 << 23, 1 << 28
PE, FE, NE, ORE, IDLE, RXNE, TC, TXE = (1 << bit for bit in range(8))
LBDF, CTSIF, CTS, RTOF, BUSY, CMF, SBKF, RWU = (1 << bit for bit in (8, 9, 10, 11, 16, 17, 18, 19))
ABRE, ABRF = 1 << 14, 1 << 15
TEACK, REACK, TXFE, RXFF, RXFT, TXFT = (1 << bit for bit in (21, 22, 23, 24, 26, 27))
_CLEARABLE = PE | FE | NE | ORE | IDLE | TC | LBDF | CTSIF | RTOF | CMF
_BREAK = 1 << 3
"""Beside PE, FE and NE: what was wrong with a character on the line."""
_MEASURE_AGAIN, _SEND_BREAK, _MUTE, _FLUSH_RECEIVER, _FLUSH_TRANSMITTER = (1 << bit for bit in range(5))
_MEASURABLE = (
    lambda character: character & 1 == 1,
    lambda character: character & 3 == 1,
    lambda character: character == 0x7F,
    lambda character: character == 0x55,
)
"""What the first character must be for each ABRMOD (RM0456, 66.5.9)."""
_LIN_BREAK_BITS = 13
_FIFO_DEPTH = 8
_INTERRUPTS = {
    "CR1": (
        (IDLEIE, IDLE), (TCIE, TC), (TXEIE, TXE), (RXNEIE, RXNE | ORE), (PEIE, PE), (RTOIE, RTOF), (CMIE, CMF),
        (TXFEIE, TXFE), (RXFFIE, RXFF),
    ),
    "CR2": ((LBDIE, LBDF),),
    "CR3": ((EIE, ORE | FE | NE), (CTSIE, CTSIF), (RXFTIE, RXFT), (TXFTIE, TXFT)),
}  # fmt: skip
"""Which flags each enable bit lets interrupt."""
_THRESHOLDS = (1, 2, 4, 6, 7, 8)
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
_HALF_STOP_BITS = (2, 1, 4, 3)


class Uart(RegisterBlock):
    """One port, under the name that its DMA requests begin with. `clock` gives its kernel clock in Hz; `sent` is called
    with every character once it is on the line.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "_line", "_transmitting", "_receiving", "_timing_out", "_flags", "_shifting", "_to_send", "_fifo",
        "_arriving", "_hearing", "_idle_due", "_heard", "_clear_to_send", "_wanted", "_asking", "_break_due",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        wiring: Wiring,
        interrupt: int,
        *,
        low_power: bool,
        clock: Callable[[], int],
        sent: Callable[[int], None],
    ) -> None:
        super().__init__("usart")
        self._requests = f"{name}_TX", f"{name}_RX"
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._low_power = low_power
        self._clock = clock
        self._sent = sent
        self._transmitting = Alarm(wiring, self._transmitted)
        self._receiving = Alarm(wiring, self._received)
        self._timing_out = Alarm(wiring, self._timed_out)
        self._flags = TC
        self._shifting: int | None = None
        self._heard = 0
        self._clear_to_send = True
        self._wanted = 0
        self._asking = False
        self._break_due = False
        self._to_send: deque[int] = deque()
        self._fifo: deque[int] = deque()
        self._arriving: deque[int] = deque()
        self._hearing = self._idle_due = False

    def reset(self) -> None:
        """Drop everything under way; what the other side has sent already is lost too."""
        super().reset()
        self._transmitting.set(None)
        self._receiving.set(None)
        self._timing_out.set(None)
        self._break_due = self._hearing = False
        self._flags, self._wanted = TC, 0
        for queue in (self._to_send, self._fifo, self._arriving):
            queue.clear()
        self._idle_due = False
        self._settle()

    # -- the other end of the line -------------------------------------------------------------------------------------

    def receive(self, data: bytes, *, errors: int = 0) -> None:
        """Let the other side send `data`, at the speed this port is set to; it waits until the receiver is enabled, and
        with RTSE until there is room. `errors` are those of PE, FE and NE that each character suffers on its way.
        """
        spoilt = errors & (PE | FE | NE)
        self._arrive(*(character | spoilt << 16 for character in data))

    def receive_break(self) -> None:
        """Let the other side hold the line low for longer than a character."""
        self._arrive((FE | _BREAK) << 16)

    def clear_to_send(self, level: bool) -> None:
        """Let the other side say whether it takes characters; with CTSE nothing is sent while it does not."""
        if level != self._clear_to_send:
            self._clear_to_send = level
            if self.registers["CR3"] & CTSE:
                self._flags |= CTSIF
            self._start_sending(self._wiring.cycle)
            self._settle()

    @property
    def ready_to_receive(self) -> bool:
        """What RTS says: with RTSE, that the receiver is on and has room."""
        return not self.registers["CR3"] & RTSE or (self._enabled(RE) and len(self._fifo) < self._depth())

    def _arrive(self, *characters: int) -> None:
        self._arriving.extend(characters)
        self._listen(self._wiring.cycle)
        self._settle()

    def _listen(self, since: int) -> None:
        """Await the next character, which ends a silence at once, or the end of a silence."""
        if not self._enabled(RE):
            return
        begins = bool(self._arriving) and self.ready_to_receive
        if self._receiving.due is not None and (self._hearing or not begins):
            return
        self._hearing = begins
        if begins:
            self._timing_out.set(None)
        if begins or self._idle_due:
            self._receiving.set(since + self._frame_cycles())

    def _received(self, cycle: int) -> None:
        """One character's time has passed: it is here, or none came and the line is idle."""
        if self._hearing:
            self._hearing = False
            self._hear(self._arriving.popleft(), cycle)
        else:
            self._idle_due = False
            if self._flags & RWU and not self.registers["CR1"] & WAKE:
                self._flags &= ~RWU  # a silence wakes the receiver, and is not told
            elif not self._flags & RWU:
                self._flags |= IDLE
        self._listen(cycle)
        self._settle()

    def _hear(self, character: int, cycle: int) -> None:
        """Take a character off the line, with whatever is wrong with it above its 16 bits."""
        errors = character >> 16
        self._idle_due = True
        self._heard = cycle
        if self._muted(character & self._data_mask()):
            return
        self._await_timeout()
        self._measure(character & 0xFF)
        self._flags |= errors & (FE | NE)
        if errors & _BREAK and self.registers["CR2"] & LINEN and not self._low_power:
            self._flags |= LBDF
        data = character & self._data_mask()
        if data == self.registers["CR2"] >> 24:
            self._flags |= CMF
        if self.registers["CR1"] & PCE:
            self._flags |= errors & PE
            data |= self._parity(data, bad=bool(errors & PE)) << self._data_bits() - 1
        self._take(data)

    def _muted(self, data: int) -> bool:
        """Say whether a character is for others. With address marks it may itself end, or begin, the rest."""
        control = self.registers["CR1"]
        mark = self._data_mask() + 1 >> 1
        if control & (MME | WAKE) == MME | WAKE and data & mark:
            compared = mark - 1 if self.registers["CR2"] & ADDM7 else 0xF
            own = not (data ^ self.registers["CR2"] >> 24) & compared
            self._flags = self._flags & ~RWU if own else self._flags | RWU
        return bool(self._flags & RWU)

    def _mute(self) -> None:
        """Rest until an address mark, or a silence: not if one has begun already (RM0456, 66.5.10)."""
        control = self.registers["CR1"]
        if control & MME and (control & WAKE or self._idle_due or self._hearing):
            self._flags |= RWU

    def _measure(self, character: int) -> None:
        """Measure the other side's speed by a character, if that is due."""
        control = self.registers["CR2"]
        if control & ABREN and not self._flags & (ABRF | ABRE) and not self._low_power:
            measurable = _MEASURABLE[control >> 21 & 3](character)
            self._flags |= ABRF if measurable else ABRF | ABRE

    def _parity(self, data: int, *, bad: bool) -> int:
        """Return the parity bit that is received, which RDR shows above the data."""
        return data.bit_count() + bool(self.registers["CR1"] & PS) + bad & 1

    def _take(self, character: int) -> None:
        if len(self._fifo) >= self._depth():
            if not self.registers["CR3"] & OVRDIS:
                self._flags |= ORE
                return
            self._fifo.pop()
        self._fifo.append(character)

    def _await_timeout(self) -> None:
        """Let the receiver time out so many bits after the last character, if it is to."""
        if self.registers["CR2"] & RTOEN and not self._low_power:
            bits = self.registers["RTOR"] & 0xFF_FFFF
            self._timing_out.set(self._heard + self._cycles(2 * bits))
        else:
            self._timing_out.set(None)

    def _timed_out(self, _: int) -> None:
        self._flags |= RTOF
        self._settle()

    # -- sending -------------------------------------------------------------------------------------------------------

    def _send(self, character: int) -> None:
        self._flags &= ~TC
        if len(self._to_send) < self._depth():
            self._to_send.append(character & self._data_mask())
        self._start_sending(self._wiring.cycle)

    def _start_sending(self, cycle: int) -> None:
        if self._transmitting.due is not None or not self._enabled(TE):
            return
        if self._break_due:
            self._shifting = None
            self._transmitting.set(cycle + self._break_cycles())
        elif self._to_send and (self._clear_to_send or not self.registers["CR3"] & CTSE):
            self._shifting = self._to_send.popleft()
            self._transmitting.set(cycle + self._frame_cycles())

    def _transmitted(self, cycle: int) -> None:
        """What was shifted out is on the line: a character, or a break."""
        character, self._shifting = self._shifting, None
        if character is None:
            self._break_due = False
        else:
            self._sent(character)
            if self.registers["CR3"] & HDSEL and self._enabled(RE):
                self._hear(character, cycle)
                self._listen(cycle)
        self._start_sending(cycle)
        if self._transmitting.due is None:
            self._flags |= TC
        self._settle()

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register; reading RDR takes the character out."""
        match name:
            case "RDR":
                character = self._fifo.popleft() if self._fifo else self.registers["RDR"]
                self.registers["RDR"] = character
                self._listen(self._wiring.cycle)
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
                self._request(bits)
            case _:
                super().store(name, bits, mask)
                if not self.registers["CR1"] & MME:
                    self._flags &= ~RWU
                if name in _INTERRUPTS:
                    self._wanted = self._wanted_flags()
                if name in {"CR1", "CR3", "BRR"}:
                    self._switch()
                elif name in {"CR2", "RTOR"} and self._timing_out.due is not None:
                    self._await_timeout()
        self._settle()

    def _request(self, bits: int) -> None:
        if bits & _MEASURE_AGAIN:
            self._flags &= ~(ABRF | ABRE)
        if bits & _MUTE:
            self._mute()
        if bits & _SEND_BREAK:
            self._break_due = True
            self._start_sending(self._wiring.cycle)
        if bits & _FLUSH_RECEIVER:
            self._fifo.clear()
            self._listen(self._wiring.cycle)
        if bits & _FLUSH_TRANSMITTER:
            self._to_send.clear()

    def _wanted_flags(self) -> int:
        """Return the flags whose interrupts are enabled."""
        wanted = 0
        for name, enables in _INTERRUPTS.items():
            control = self.registers[name]
            for enable, flags in enables:
                wanted |= flags if control & enable else 0
        return wanted

    def _switch(self) -> None:
        """Follow the enable bits: a port that is off discards what is under way."""
        if not self._enabled(RE):
            self._receiving.set(None)
            self._hearing = False
        if not self.registers["CR1"] & UE:
            self._transmitting.set(None)
            self._timing_out.set(None)
            self._to_send.clear()
            self._fifo.clear()
            self._flags, self._idle_due, self._break_due = TC, False, False
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
        status |= SBKF if self._break_due else 0
        if self.registers["CR3"] & CTSE and self._clear_to_send:
            status |= CTS
        status |= BUSY if self._hearing else 0
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
        """Show the flags, and drive the interrupt line and the request lines to the DMA controller."""
        status = self._status()
        self.registers["ISR"] = status
        if not self.registers["CR1"] & UE:
            status = 0
        self._line.set(bool(status & self._wanted))
        control = self.registers["CR3"]
        if control & (DMAT | DMAR) or self._asking:
            sending = control & DMAT and self.registers["CR1"] & TE and status & TXE
            failed = control & DDRE and status & (PE | FE | NE | ORE)
            receiving = control & DMAR and status & RXNE and not failed
            self._asking = bool(sending or receiving)
            for name, wanted in zip(self._requests, (sending, receiving), strict=True):
                self._wiring.requests.set(name, bool(wanted))

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
        return self._cycles(2 * (1 + self._data_bits()) + _HALF_STOP_BITS[self.registers["CR2"] >> 12 & 3])

    def _break_cycles(self) -> int:
        """Return how long a break takes: low for a whole frame, or for thirteen bits, and two stop bits."""
        low = _LIN_BREAK_BITS if self.registers["CR2"] & LINEN else 2 + self._data_bits()
        return self._cycles(2 * (low + 2))

    def _cycles(self, half_bits: int) -> int:
        prescaler = _PRESCALERS[min(self.registers["PRESC"], len(_PRESCALERS) - 1)]
        # A half bit takes divider / 4 clocks, or divider / 512 in a low-power port.
        parts = 512 if self._low_power else 4
        return max(1, half_bits * self._divider() * prescaler * self._wiring.clocks.sysclk // (parts * self._clock()))
