"""Laws of the serial ports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.uart import Uart
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

IRQ = 62
PEIE, PS, RTOIE = 1 << 8, 1 << 9, 1 << 26
LBDIE, LINEN, RTOEN = 1 << 6, 1 << 14, 1 << 23
EIE, HDSEL, DMAR, DMAT, RTSE, CTSE, CTSIE, DDRE = (1 << bit for bit in (0, 3, 6, 7, 8, 9, 10, 13))
PE, FE, NE, LBDF, CTSIF, CTS, RTOF, SBKF = (1 << bit for bit in (0, 1, 2, 8, 9, 10, 11, 18))
UE, RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE, CMIE, FIFOEN = (1 << bit for bit in (0, 2, 3, 4, 5, 6, 7, 14, 29))
ORE, IDLE, RXNE, TC, TXE, CMF, TEACK, REACK = (1 << bit for bit in (3, 4, 5, 6, 7, 17, 21, 22))
OVER8, M0, PCE = 1 << 15, 1 << 12, 1 << 10
BIT = 1389  # 160 MHz / 115200
FRAME = 10 * BIT


class Line:
    """A port on its own, both ends of its line in hand."""

    def __init__(self, control: int = 0, *, low_power: bool = False, clock: int = 160_000_000) -> None:
        self.wiring = FakeWiring()
        self.sent: list[tuple[int, int]] = []
        self.port = Uart(
            "USART2",
            self.wiring,
            IRQ,
            low_power=low_power,
            clock=lambda: clock,
            sent=lambda character: self.sent.append((self.wiring.cycle, character)),
        )
        self.registers = Block(self.port, "usart")
        self.registers["BRR"] = BIT
        if control:
            self.registers["CR1"] = control

    @property
    def interrupt(self) -> bool:
        """The level of the interrupt line."""
        return self.wiring.lines.get(IRQ, False)

    @property
    def status(self) -> int:
        """ISR."""
        return self.registers["ISR"]


def test_enabling_is_acknowledged() -> None:
    """TEACK and REACK follow TE and RE while the port is on, as the vendor's start-up waits for."""
    line = Line()
    assert line.status == TXE | TC
    line.registers["CR1"] = UE | TE | RE
    assert line.status & (TEACK | REACK) == TEACK | REACK
    line.registers["CR1"] = UE | TE
    assert line.status & (TEACK | REACK) == TEACK
    line.registers["CR1"] = TE | RE
    assert line.status & (TEACK | REACK) == 0


def test_a_character_takes_the_time_of_its_frame() -> None:
    """At 8N1 a character is on the line ten bit times after it was written, and TC tells when nothing follows."""
    line = Line(UE | TE)
    line.registers["TDR"] = ord("x")
    assert line.status & (TXE | TC) == TXE
    line.wiring.advance(FRAME - 1)
    assert line.sent == []
    line.wiring.advance(1)
    assert line.sent == [(FRAME, ord("x"))]
    assert line.status & TC


def test_a_second_character_waits_and_follows_at_once() -> None:
    """While one is sent TDR takes another; TXE is clear until it moves on, and TC stays clear between them."""
    line = Line(UE | TE)
    line.registers["TDR"] = 1
    line.registers["TDR"] = 2
    assert line.status & (TXE | TC) == 0
    line.wiring.advance(FRAME)
    assert line.status & (TXE | TC) == TXE
    line.wiring.advance(FRAME)
    assert line.sent == [(FRAME, 1), (2 * FRAME, 2)]
    assert line.status & TC


def test_polling_sends_everything_in_order() -> None:
    """A loop that waits for TXE before each character loses none and keeps the line busy."""
    line = Line(UE | TE)
    for character in b"hello":
        while not line.status & TXE:
            line.wiring.advance(100)
        line.registers["TDR"] = character
    line.wiring.advance(2 * FRAME)
    assert [character for _, character in line.sent] == list(b"hello")
    assert line.sent[-1][0] == 5 * FRAME


def test_what_is_written_before_the_transmitter_is_on_waits() -> None:
    """A character in TDR goes out once TE is set."""
    line = Line(UE)
    line.registers["TDR"] = 7
    line.wiring.advance(10 * FRAME)
    assert line.sent == []
    line.registers["CR1"] = UE | TE
    line.wiring.advance(FRAME)
    assert [character for _, character in line.sent] == [7]


def test_the_fifo_takes_eight() -> None:
    """With FIFOEN eight characters wait behind the one being sent."""
    line = Line(UE | TE | FIFOEN)
    for character in range(9):
        assert line.status & TXE
        line.registers["TDR"] = character
    assert not line.status & TXE
    line.wiring.advance(9 * FRAME)
    assert [character for _, character in line.sent] == list(range(9))
    assert line.status & 1 << 23, "TXFE"


def test_transmit_interrupts() -> None:
    """TXEIE interrupts while TDR is free, TCIE once all is sent; clearing TC by ICR ends the latter."""
    line = Line(UE | TE | TXEIE)
    assert line.interrupt
    line.registers["TDR"] = 1
    line.registers["TDR"] = 2
    assert not line.interrupt
    line.registers["CR1"] = UE | TE | TCIE
    line.wiring.advance(2 * FRAME)
    assert line.interrupt
    line.registers["ICR"] = TC
    assert not line.interrupt
    assert not line.status & TC


@given(
    over8=st.booleans(), nine=st.booleans(), stop=st.sampled_from([0, 2]), prescaler=st.sampled_from([(0, 1), (5, 10)])
)
def test_the_frame_follows_the_settings(over8: bool, nine: bool, stop: int, prescaler: tuple[int, int]) -> None:
    """Oversampling, word length, stop bits and prescaler decide how long a character takes."""
    line = Line()
    line.registers["BRR"] = 0x203 if over8 else 0x206
    line.registers["PRESC"] = prescaler[0]
    line.registers["CR2"] = stop << 12
    line.registers["CR1"] = UE | TE | (OVER8 if over8 else 0) | (M0 if nine else 0)
    line.registers["TDR"] = 0
    # USARTDIV is 0x206 either way: BRR without OVER8 (16 samples), BRR[3:0] shifted left with it (8 samples).
    bit = 0x206 / (2 if over8 else 1)
    frame = int((1 + (9 if nine else 8) + (2 if stop else 1)) * bit * prescaler[1])
    line.wiring.advance(frame - 1)
    assert line.sent == []
    line.wiring.advance(1)
    assert len(line.sent) == 1


def test_a_low_power_port_divides_by_256ths() -> None:
    """LPUART's BRR counts 256ths of its kernel clock: 32.768 kHz gives 9600 baud with 0x369."""
    line = Line(low_power=True, clock=32_768)
    line.registers["BRR"] = 0x369
    line.registers["CR1"] = UE | TE
    line.registers["TDR"] = 0
    frame = 10 * 0x369 * 160_000_000 // (256 * 32_768)
    line.wiring.advance(frame - 1)
    assert line.sent == []
    line.wiring.advance(1)
    assert len(line.sent) == 1


def test_parity_takes_a_data_bit() -> None:
    """With parity an eight-bit word carries seven data bits."""
    line = Line(UE | TE | PCE)
    line.registers["TDR"] = 0xFF
    line.wiring.advance(FRAME)
    assert line.sent == [(FRAME, 0x7F)]


def test_received_characters_come_one_frame_apart() -> None:
    """Each raises RXNE and the interrupt when its frame is over, and reading RDR takes it."""
    line = Line(UE | RE | RXNEIE)
    line.port.receive(b"ab")
    line.wiring.advance(FRAME - 1)
    assert not line.interrupt
    line.wiring.advance(1)
    assert line.interrupt
    assert line.registers["RDR"] == ord("a")
    assert not line.interrupt
    assert not line.status & RXNE
    line.wiring.advance(FRAME)
    assert line.registers["RDR"] == ord("b")


def test_an_unread_character_is_overrun() -> None:
    """A second character before the first is read sets ORE, which interrupts, and is lost; ICR clears the flag."""
    line = Line(UE | RE | RXNEIE)
    line.port.receive(b"ab")
    line.wiring.advance(2 * FRAME)
    assert line.status & ORE
    assert line.registers["RDR"] == ord("a")
    assert line.interrupt
    line.registers["ICR"] = ORE
    assert not line.interrupt
    assert not line.status & RXNE


def test_overrun_detection_can_be_switched_off() -> None:
    """With OVRDIS the newest character replaces the unread one."""
    line = Line()
    line.registers["CR3"] = 1 << 12
    line.registers["CR1"] = UE | RE
    line.port.receive(b"ab")
    line.wiring.advance(2 * FRAME)
    assert not line.status & ORE
    assert line.registers["RDR"] == ord("b")


def test_a_silent_line_becomes_idle_once() -> None:
    """One frame after the last character IDLE is set; it comes again only after another character."""
    line = Line(UE | RE | IDLEIE)
    line.port.receive(b"a")
    line.wiring.advance(2 * FRAME - 1)
    assert not line.interrupt
    line.wiring.advance(1)
    assert line.interrupt
    line.registers["ICR"] = IDLE
    assert not line.interrupt
    line.wiring.advance(10 * FRAME)
    assert not line.status & IDLE


def test_a_character_match_is_told() -> None:
    """CMF is set when the character in CR2 arrives, and interrupts with CMIE."""
    line = Line()
    line.registers["CR2"] = ord("\n") << 24
    line.registers["CR1"] = UE | RE | CMIE
    line.port.receive(b"a")
    line.wiring.advance(FRAME)
    assert not line.interrupt
    assert line.registers["RDR"] == ord("a")
    line.port.receive(b"\n")
    line.wiring.advance(FRAME)
    assert line.interrupt
    line.registers["ICR"] = CMF
    assert not line.interrupt


def test_the_sender_waits_for_the_receiver() -> None:
    """What is sent to a port that is off arrives once its receiver is on."""
    line = Line()
    line.port.receive(b"z")
    line.wiring.advance(10 * FRAME)
    line.registers["CR1"] = UE | RE
    line.wiring.advance(FRAME)
    assert line.registers["RDR"] == ord("z")


def test_requests_empty_the_queues() -> None:
    """RXFRQ drops what was received."""
    line = Line(UE | RE)
    line.port.receive(b"a")
    line.wiring.advance(FRAME)
    line.registers["RQR"] = 1 << 3
    assert not line.status & RXNE


def test_switching_it_off_discards_what_is_under_way() -> None:
    """Clearing UE stops the character on the line and forgets the next; flags go back to their reset values."""
    line = Line(UE | TE | RE)
    line.port.receive(b"a")
    line.registers["TDR"] = 1
    line.registers["TDR"] = 2
    line.wiring.advance(FRAME // 2)
    line.registers["CR1"] = 0
    line.wiring.advance(10 * FRAME)
    assert line.sent == []
    assert line.status == TXE | TC


def test_a_reset_leaves_nothing() -> None:
    """After a reset nothing waits, nothing interrupts, and registers are as at first."""
    line = Line(UE | TE | RE | TXEIE)
    line.registers["TDR"] = 1
    line.port.receive(b"abc")
    line.port.reset()
    assert not line.wiring.waiting
    assert not line.interrupt
    assert (line.registers["CR1"], line.registers["BRR"], line.status) == (0, 0, TXE | TC)


@given(data=st.binary(max_size=20), fifo=st.booleans())
def test_a_reader_in_time_gets_every_byte(data: bytes, fifo: bool) -> None:
    """Whoever reads at each interrupt receives what was sent, in order."""
    line = Line(UE | RE | RXNEIE | (FIFOEN if fifo else 0))
    line.port.receive(data)
    received = bytearray()
    for _ in data:
        line.wiring.advance(FRAME)
        while line.interrupt:
            received.append(line.registers["RDR"])
    assert bytes(received) == data


def test_a_sender_obeys_cts() -> None:
    """With CTSE nothing begins while the other side is not ready; every change sets CTSIF, and CTS shows the line."""
    line = Line()
    line.registers["CR3"] = CTSE | CTSIE
    line.registers["CR1"] = UE | TE
    assert line.status & CTS
    line.port.clear_to_send(False)
    assert line.interrupt
    assert line.status & (CTS | CTSIF) == CTSIF
    line.registers["ICR"] = CTSIF
    assert not line.interrupt
    line.registers["TDR"] = 1
    line.wiring.advance(10 * FRAME)
    assert line.sent == []
    line.port.clear_to_send(True)
    line.wiring.advance(FRAME)
    assert [character for _, character in line.sent] == [1]


def test_rts_keeps_the_other_side_waiting() -> None:
    """With RTSE what finds no room waits outside instead of being overrun."""
    line = Line()
    line.registers["CR3"] = RTSE
    assert not line.port.ready_to_receive
    line.registers["CR1"] = UE | RE
    assert line.port.ready_to_receive
    line.port.receive(b"ab")
    line.wiring.advance(10 * FRAME)
    assert not line.port.ready_to_receive
    assert not line.status & ORE
    assert line.registers["RDR"] == ord("a")
    line.wiring.advance(FRAME - 1)
    assert not line.status & RXNE
    line.wiring.advance(1)
    assert line.registers["RDR"] == ord("b")


def test_what_waits_outside_begins_when_there_is_room() -> None:
    """A character held back by RTS takes its whole frame from then on, whatever silence was being measured."""
    line = Line()
    line.registers["CR3"] = RTSE
    line.registers["CR1"] = UE | RE
    line.port.receive(b"ab")
    line.wiring.advance(FRAME + FRAME // 2)
    assert line.registers["RDR"] == ord("a")
    line.wiring.advance(FRAME - 1)
    assert not line.status & (RXNE | IDLE)
    line.wiring.advance(1)
    assert line.status & (RXNE | IDLE) == RXNE


def test_a_receiver_times_out() -> None:
    """RTOF comes so many bit times after the last character, and a character that begins before starts anew."""
    line = Line()
    line.registers["RTOR"] = 35
    line.registers["CR2"] = RTOEN
    line.registers["CR1"] = UE | RE | RTOIE
    line.wiring.advance(100 * BIT)
    assert not line.status & RTOF
    line.port.receive(b"a")
    line.wiring.advance(FRAME + 30 * BIT)
    line.port.receive(b"b")
    line.wiring.advance(FRAME + 35 * BIT - 1)
    assert not line.interrupt
    line.wiring.advance(1)
    assert line.interrupt
    line.registers["ICR"] = RTOF
    assert not line.interrupt
    line.wiring.advance(100 * BIT)
    assert not line.status & RTOF


@pytest.mark.parametrize("odd", [False, True])
def test_parity_is_received_with_the_data(odd: bool) -> None:
    """RDR shows the parity bit above the data; one that is wrong sets PE."""
    control = UE | RE | PCE | M0 | PEIE | (PS if odd else 0)
    line = Line(control)
    line.port.receive(b"\x07")
    line.wiring.advance(11 * BIT)
    assert not line.interrupt
    assert line.registers["RDR"] == 0x07 | (0 if odd else 1) << 8
    line.port.receive(b"\x07", errors=PE)
    line.wiring.advance(11 * BIT)
    assert line.interrupt
    assert line.registers["RDR"] == 0x07 | (1 if odd else 0) << 8
    line.registers["ICR"] = PE
    assert not line.interrupt


def test_errors_on_the_line_are_told() -> None:
    """Framing and noise set their flags and interrupt with EIE; the character arrives all the same."""
    line = Line()
    line.registers["CR3"] = EIE
    line.registers["CR1"] = UE | RE
    line.port.receive(b"x", errors=FE | NE)
    line.wiring.advance(FRAME)
    assert line.status & (FE | NE) == FE | NE
    assert line.interrupt
    assert line.registers["RDR"] == ord("x")
    line.registers["ICR"] = FE | NE
    assert not line.interrupt


def test_a_break_is_told() -> None:
    """A break is a zero with a framing error; with LINEN it sets LBDF and interrupts with LBDIE."""
    line = Line(UE | RE)
    line.port.receive_break()
    line.wiring.advance(FRAME)
    assert line.status & (FE | LBDF) == FE
    assert line.registers["RDR"] == 0
    line.registers["CR2"] = LINEN | LBDIE
    line.port.receive_break()
    line.wiring.advance(FRAME)
    assert line.interrupt
    line.registers["ICR"] = LBDF
    assert not line.interrupt


@pytest.mark.parametrize(("mode", "bits"), [(0, 12), (LINEN, 15)])
def test_sending_a_break_takes_its_time(mode: int, bits: int) -> None:
    """A break is low for ten bits, or thirteen for LIN, and two stop bits; a character written meanwhile follows it."""
    line = Line()
    line.registers["CR2"] = mode
    line.registers["CR1"] = UE | TE
    line.registers["RQR"] = 1 << 1
    line.registers["TDR"] = 5
    line.wiring.advance(bits * BIT - 1)
    assert line.status & SBKF
    assert line.sent == []
    line.wiring.advance(1)
    assert not line.status & SBKF
    line.wiring.advance(FRAME)
    assert [character for _, character in line.sent] == [5]


def test_in_half_duplex_one_hears_oneself() -> None:
    """With HDSEL both directions share the line."""
    line = Line()
    line.registers["CR3"] = HDSEL
    line.registers["CR1"] = UE | TE | RE
    line.registers["TDR"] = 9
    line.wiring.advance(FRAME)
    assert line.registers["RDR"] == 9


def test_requests_follow_the_data_registers() -> None:
    """With DMAT and DMAR the lines are high while TDR is free and while RDR is full; DDRE holds back after an error."""
    line = Line()
    requests = line.wiring.requests
    line.registers["CR3"] = DMAT | DMAR | DDRE
    assert not requests.level("USART2_TX")
    line.registers["CR1"] = UE | TE | RE
    assert requests.level("USART2_TX")
    line.registers["TDR"] = 1
    line.registers["TDR"] = 1
    assert not requests.level("USART2_TX")
    line.port.receive(b"a")
    line.wiring.advance(FRAME)
    assert requests.level("USART2_TX")
    assert requests.level("USART2_RX")
    assert line.registers["RDR"] == ord("a")
    assert not requests.level("USART2_RX")
    line.port.receive(b"b", errors=FE)
    line.wiring.advance(FRAME)
    assert not requests.level("USART2_RX")
    line.registers["ICR"] = FE
    assert requests.level("USART2_RX")


MMRQ, ABRRQ, RWU, ABRE, ABRF, WAKE, MME, ADDM7, ABREN = (1 << bit for bit in (2, 0, 19, 14, 15, 11, 13, 4, 20))


def heard(line: Line, data: bytes) -> bytes:
    """Send characters to a port, one by one, and return those that reached software."""
    taken = bytearray()
    for character in data:
        line.port.receive(bytes((character,)))
        line.wiring.advance(FRAME)
        while line.status & RXNE:
            taken.append(line.registers["RDR"])
    return bytes(taken)


def test_a_muted_port_sleeps_until_the_line_is_silent() -> None:
    """Without address marks MMRQ mutes the rest of a message: no character, no error, no IDLE; the next is heard."""
    line = Line(UE | RE | MME | IDLEIE)
    assert heard(line, b"ab") == b"ab"
    line.registers["RQR"] = MMRQ
    assert line.status & RWU
    line.port.receive(b"c", errors=FE)
    line.wiring.advance(FRAME)
    assert heard(line, b"d") == b""
    assert not line.status & (RXNE | FE)
    line.wiring.advance(2 * FRAME)
    assert not line.status & (RWU | IDLE)
    assert not line.interrupt
    assert heard(line, b"e") == b"e"


def test_a_silent_line_mutes_nobody() -> None:
    """Where the silence has begun already, or mute mode is off, MMRQ does nothing."""
    line = Line(UE | RE | MME)
    line.registers["RQR"] = MMRQ
    assert not line.status & RWU
    other = Line(UE | RE)
    heard(other, b"a")
    other.registers["RQR"] = MMRQ
    assert not other.status & RWU


@pytest.mark.parametrize(("seven", "own", "other"), [(0, 0x83, 0x85), (ADDM7, 0xB3, 0xA3)])
def test_address_marks_choose_who_hears(seven: int, own: int, other: int) -> None:
    """A character with its highest bit set is an address, of four bits or of all: another's mutes, one's own wakes."""
    line = Line(UE | RE | MME | WAKE)
    line.registers["CR2"] = (own & 0x7F) << 24 | seven
    assert heard(line, bytes((1, own, 2, 3, other, 4, 5, own, 6))) == bytes((1, own, 2, 3, own, 6))
    line.registers["RQR"] = MMRQ
    assert heard(line, bytes((7,))) == b""
    line.registers["CR1"] = UE | RE
    assert heard(line, bytes((7,))) == bytes((7,))


@pytest.mark.parametrize(("mode", "good", "bad"), [(0, 0x41, 0x42), (1, 0x41, 0x43), (2, 0x7F, 0x41), (3, 0x55, 0x41)])
def test_the_first_character_measures_the_speed(mode: int, good: int, bad: int) -> None:
    """ABRF follows the first character that is received, with ABRE if it is not one to measure by; then none measures
    until ABRRQ asks for it."""
    line = Line()
    line.registers["CR2"] = ABREN | mode << 21
    line.registers["CR1"] = UE | RE
    assert not line.status & (ABRE | ABRF)
    for character, flags in ((good, ABRF), (bad, ABRF), (bad, ABRF | ABRE)):
        if flags & ABRE:
            line.registers["RQR"] = ABRRQ
            assert not line.status & (ABRE | ABRF)
        assert heard(line, bytes((character,))) == bytes((character,))
        assert line.status & (ABRE | ABRF) == flags
    assert line.registers["BRR"] == BIT
