"""Laws of the DMA controller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.boards import load
from mvsdk.emulator.soc.bus import PeripheralBus
from mvsdk.emulator.soc.bus_master import BusMaster
from mvsdk.emulator.soc.gpdma import ITEM_CYCLES, LINK_CYCLES, SUSPEND_CYCLES, Gpdma, GpdmaChannel
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

BOARD = load("stm32u585")
BASES = {peripheral.name: peripheral.base for peripheral in BOARD.peripherals}
IRQ = 29
RAM = FakeWiring.MEMORY
SOURCE, TARGET, ITEMS = RAM + 0x100, RAM + 0x800, RAM + 0x4000
EN, RESET, SUSP, TCIE, HTIE, DTEIE, LSM = (1 << bit for bit in (0, 1, 2, 8, 9, 10, 16))
IDLEF, TCF, HTF, DTEF, ULEF, USEF, SUSPF = (1 << bit for bit in (0, 8, 9, 10, 11, 12, 13))
SINC, DINC, SBX, DBX, DHX = 1 << 3, 1 << 19, 1 << 13, 1 << 26, 1 << 27
PADS, SIGNS, PACKS = 0, 1 << 11, 1 << 12
SWREQ, DREQ, BREQ = 1 << 9, 1 << 10, 1 << 11
USART2_RX, USART2_TX = 26, 27


class Port(RegisterBlock):
    """A peripheral whose IDR keeps what is written and gives one number after the other."""

    def __init__(self) -> None:
        super().__init__("crc")
        self.written: list[int] = []
        self.given = 0

    def fetch(self, name: str) -> int:
        """Give the next number."""
        self.given += 1
        return self.given

    def store(self, name: str, bits: int, mask: int) -> None:
        """Keep what is written."""
        self.written.append(bits)


PORT = BASES["CRC"]


class Bench:
    """A channel on its own, with memory, a peripheral and its interrupt."""

    def __init__(self, number: int = 0) -> None:
        self.wiring = FakeWiring()
        peripherals = PeripheralBus(BOARD, lambda *_: None, strict=True)
        self.port = Port()
        peripherals.attach(PORT, self.port)
        self.triggers = TriggerLines()
        self.channel = GpdmaChannel(number, self.wiring, BusMaster(self.wiring, peripherals), IRQ, self.triggers)
        self.controller = Gpdma(self.wiring, [self.channel])
        self.registers = Block(self.channel, "gpdma-channel")

    def start(
        self, length: int, *, widths: int = 0, more: int = SINC | DINC, request: int = SWREQ, enable: int = EN
    ) -> None:
        """Set up a transfer from SOURCE to TARGET and enable it; `widths` is that of both in bytes."""
        code = {0: 0, 1: 0, 2: 1, 4: 2}[widths]
        self.registers["CTR1"] = more | code | code << 16
        self.registers["CTR2"] = request
        self.registers["CBR1"] = length
        if not self.registers["CSAR"]:
            self.registers["CSAR"] = SOURCE
        if not self.registers["CDAR"]:
            self.registers["CDAR"] = TARGET
        self.registers["CCR"] = enable

    def fill(self, data: bytes, address: int = SOURCE) -> None:
        """Put data into memory."""
        self.wiring.write_memory(address, data)

    def target(self, length: int, address: int = TARGET) -> bytes:
        """Return what arrived."""
        return self.wiring.read_memory(address, length)

    @property
    def status(self) -> int:
        """CSR without the FIFO's level."""
        return self.registers["CSR"] & 0xFFFF


@given(data=st.binary(min_size=4, max_size=600), widths=st.sampled_from([1, 2, 4]), up=st.booleans())
def test_memory_is_copied(data: bytes, widths: int, up: bool) -> None:
    """A software request moves a block in its time; then the channel is idle with TCF and HTF, and addresses follow."""
    bench = Bench()
    length = len(data) & ~3
    bench.fill(data)
    bench.start(length, widths=widths, more=DINC | (SINC if up else 0))
    bench.wiring.advance(length // widths * ITEM_CYCLES - 1)
    assert not bench.status & (TCF | IDLEF)
    bench.wiring.advance(1)
    assert bench.status == IDLEF | TCF | HTF
    assert bench.target(length) == (data[:length] if up else data[:widths] * (length // widths))
    assert (bench.registers["CSAR"], bench.registers["CDAR"]) == (SOURCE + (length if up else 0), TARGET + length)
    assert bench.registers["CBR1"] == 0
    assert not bench.registers["CCR"] & EN


def test_half_a_block_is_told_when_it_has_been_moved() -> None:
    """HTF comes at the middle of the block, TCF at its end, each with its interrupt; CFCR clears them."""
    bench = Bench()
    bench.start(100, widths=1, enable=EN | TCIE | HTIE)
    bench.wiring.advance(50 * ITEM_CYCLES - 1)
    assert not bench.status & HTF
    bench.wiring.advance(1)
    assert bench.status == HTF
    assert bench.wiring.lines[IRQ]
    assert Block(bench.controller, "gpdma")["MISR"] == 1
    bench.registers["CFCR"] = HTF
    assert not bench.wiring.lines[IRQ]
    bench.wiring.advance(50 * ITEM_CYCLES)
    assert bench.status == TCF | IDLEF
    assert bench.wiring.lines[IRQ]


def test_an_overlapping_copy_reads_what_it_wrote() -> None:
    """A datum goes after the other: copying to one byte further fills the range with the first."""
    bench = Bench()
    bench.fill(b"a")
    bench.registers["CDAR"] = SOURCE + 1
    bench.start(40, widths=1)
    bench.wiring.advance(40 * ITEM_CYCLES)
    assert bench.target(41, SOURCE) == b"a" * 41


@pytest.mark.parametrize(
    ("source", "destination", "control", "data", "expected"),
    [
        (1, 4, PADS, b"\x81\x02", b"\x81\0\0\0\x02\0\0\0"),
        (1, 2, SIGNS, b"\x81\x02", b"\x81\xff\x02\0"),
        (1, 4, PACKS, b"\x01\x02\x03\x04", b"\x01\x02\x03\x04"),
        (4, 1, PADS, b"\x01\x02\x03\x04", b"\x01"),
        (4, 2, SIGNS, b"\x01\x02\x03\x04", b"\x03\x04"),
        (4, 1, PACKS, b"\x01\x02\x03\x04", b"\x01\x02\x03\x04"),
        (4, 4, SBX, b"\x01\x02\x03\x04", b"\x01\x03\x02\x04"),
        (4, 4, DBX, b"\x01\x02\x03\x04", b"\x02\x01\x04\x03"),
        (4, 4, DHX, b"\x01\x02\x03\x04", b"\x03\x04\x01\x02"),
        (2, 2, DBX, b"\x01\x02\x03\x04", b"\x02\x01\x04\x03"),
    ],
)
def test_data_are_fitted(source: int, destination: int, control: int, data: bytes, expected: bytes) -> None:
    """Widths that differ are padded, cut or packed, and bytes exchanged, as CTR1 says."""
    bench = Bench()
    bench.fill(data)
    code = {1: 0, 2: 1, 4: 2}
    bench.start(len(data), more=SINC | DINC | control | code[source] | code[destination] << 16)
    bench.wiring.advance(100)
    assert bench.status & TCF
    assert bench.target(len(expected) + 1) == expected + b"\0"


def test_a_peripheral_asks_for_each_datum() -> None:
    """A source's request moves one burst; while its line is low nothing moves."""
    bench = Bench()
    bench.registers["CSAR"] = PORT + 4
    bench.start(4, widths=1, more=DINC, request=USART2_RX)
    bench.wiring.advance(1000)
    assert bench.port.given == 0
    for number in range(1, 5):
        bench.wiring.requests.pulse("USART2_RX")
        bench.wiring.advance(1000)
        assert bench.port.given == number
    assert bench.target(4) == b"\1\2\3\4"
    assert bench.status & TCF


def test_a_line_that_stays_high_is_served_again_and_again() -> None:
    """A destination that keeps asking gets a datum every few cycles until the block is over."""
    bench = Bench()
    bench.fill(b"\5\6\7\x08")
    bench.registers["CDAR"] = PORT + 4
    bench.wiring.requests.set("USART2_TX", True)
    bench.start(4, widths=1, more=SINC, request=USART2_TX | DREQ)
    bench.wiring.advance(2 * ITEM_CYCLES)
    assert bench.port.written == [5, 6]
    bench.wiring.requests.set("USART2_TX", False)
    bench.wiring.advance(100)
    assert len(bench.port.written) <= 3
    bench.wiring.requests.set("USART2_TX", True)
    bench.wiring.advance(100)
    assert bench.port.written == [5, 6, 7, 8]


def test_a_destination_takes_bytes_of_words() -> None:
    """With packing a request of a byte-wide destination moves one byte of a word read before."""
    bench = Bench()
    bench.fill(b"\1\2\3\4")
    bench.registers["CDAR"] = PORT + 4
    bench.start(4, more=SINC | PACKS | 2, request=USART2_TX | DREQ)
    for number in range(1, 5):
        bench.wiring.requests.pulse("USART2_TX")
        bench.wiring.advance(100)
        assert bench.port.written == list(range(1, number + 1))
    assert bench.status == IDLEF | TCF | HTF


def test_one_request_can_stand_for_a_burst_or_a_block() -> None:
    """SBL_1 and BREQ say how much one request moves."""
    bench = Bench()
    bench.registers["CSAR"] = PORT + 4
    bench.start(12, widths=1, more=DINC | 3 << 4, request=USART2_RX)
    bench.wiring.requests.pulse("USART2_RX")
    bench.wiring.advance(1000)
    assert bench.port.given == 4
    bench.registers["CCR"] = SUSP
    bench.registers["CCR"] = RESET
    bench.start(12, widths=1, more=DINC, request=USART2_RX | BREQ)
    bench.wiring.requests.pulse("USART2_RX")
    bench.wiring.advance(1000)
    assert bench.port.given == 16


def item(bench: Bench, address: int, *words: int) -> None:
    """Put the words of a linked-list item into memory."""
    bench.fill(b"".join(word.to_bytes(4, "little") for word in words), address)


def test_a_linked_list_is_followed_to_its_end() -> None:
    """Starting with an empty block the first item is loaded, then the next; TCF after the last only, with TCEM 3."""
    bench = Bench()
    bench.fill(b"abcdefgh")
    every = 0b11111 << 27 | 1 << 16
    second = ITEMS + 0x40 & 0xFFFC
    control = SINC | DINC
    item(bench, ITEMS, control, SWREQ | 3 << 30, 4, SOURCE, TARGET, every | second)
    item(bench, ITEMS + 0x40, control, SWREQ | 3 << 30, 4, SOURCE + 4, TARGET + 0x10, 0)
    bench.registers["CLBAR"] = RAM
    bench.registers["CLLR"] = every | ITEMS & 0xFFFC
    bench.registers["CCR"] = EN
    bench.wiring.advance(2 * 6 * LINK_CYCLES + 8 * ITEM_CYCLES - 1)
    assert not bench.status & TCF
    bench.wiring.advance(1)
    assert bench.status == IDLEF | TCF | HTF
    assert bench.target(20) == b"abcd" + bytes(12) + b"efgh"


def test_a_list_that_names_itself_goes_round() -> None:
    """What an item leaves out stays: a single node with a destination makes a ring buffer, told at every block."""
    bench = Bench()
    item(bench, ITEMS, TARGET)
    bench.registers["CLBAR"] = RAM
    bench.registers["CLLR"] = 1 << 27 | ITEMS & 0xFFFC
    bench.registers["CSAR"] = PORT + 4
    bench.start(4, widths=1, more=DINC, request=USART2_RX, enable=EN | TCIE)
    for _ in range(6):
        bench.wiring.requests.pulse("USART2_RX")
        bench.wiring.advance(100)
    assert bench.target(5) == b"\5\6\3\4\0"
    assert bench.status & TCF
    assert bench.registers["CCR"] & EN


def test_link_step_executes_one_item_at_a_time() -> None:
    """With LSM the channel stops once the next item has been loaded."""
    bench = Bench()
    bench.fill(b"abcd")
    item(bench, ITEMS, 2)
    bench.registers["CLBAR"] = RAM
    bench.registers["CLLR"] = 1 << 29 | ITEMS & 0xFFFC
    bench.start(2, widths=1, enable=EN | LSM)
    bench.wiring.advance(100)
    assert bench.target(3) == b"ab\0"
    assert not bench.registers["CCR"] & EN
    bench.registers["CCR"] = EN | LSM
    bench.wiring.advance(100)
    assert bench.target(4) == b"abcd"


def test_repeated_blocks_leave_gaps() -> None:
    """Channels 12 to 15 repeat a block, and set addresses off after bursts and after blocks; others do not."""
    for number, expected in ((12, b"ab\0\0cd\0\0ef\0\0"), (11, b"ab" + bytes(10))):
        bench = Bench(number)
        bench.fill(b"abcdef")
        bench.registers["CBR2"] = 2 << 16
        bench.start(2 | 2 << 16, widths=1, request=SWREQ | 1 << 30)
        bench.wiring.advance(1000)
        assert bench.target(12) == expected
        assert bench.status & (TCF | IDLEF) == TCF | IDLEF
    bench = Bench(15)
    bench.fill(b"a.b.c.")
    bench.registers["CTR3"] = 1
    bench.start(3, widths=1)
    bench.wiring.advance(1000)
    assert bench.target(4) == b"abc\0"


@pytest.mark.parametrize("register", ["CSAR", "CDAR"])
def test_an_address_where_nothing_is_ends_the_transfer(register: str) -> None:
    """An unmapped source or destination, or a register without a model, sets DTEF, interrupts and disables."""
    for address in (0x1000_0000, BASES["HASH"]):
        bench = Bench()
        bench.registers[register] = address
        bench.start(4, widths=4, enable=EN | DTEIE)
        bench.wiring.advance(100)
        assert bench.status == IDLEF | DTEF
        assert bench.wiring.lines[IRQ]
        assert not bench.registers["CCR"] & EN


def test_a_link_into_nowhere_is_an_error() -> None:
    """ULEF tells that an item could not be loaded."""
    bench = Bench()
    bench.registers["CLBAR"] = 0x1000_0000
    bench.registers["CLLR"] = 1 << 31
    bench.registers["CCR"] = EN
    bench.wiring.advance(100)
    assert bench.status == IDLEF | ULEF


@pytest.mark.parametrize(
    ("register", "value"),
    [("CSAR", SOURCE + 1), ("CDAR", TARGET + 2), ("CBR1", 6), ("CTR1", 3), ("CBR1", 0), ("CTR3", 2), ("CBR2", 1 << 16)],
)
def test_settings_that_make_no_sense_are_refused(register: str, value: int) -> None:
    """Misaligned addresses and offsets, broken data, an unknown width and an empty block set USEF and move nothing."""
    bench = Bench(12)
    bench.fill(b"abcdef")
    bench.start(4, widths=4, enable=0)
    bench.registers[register] = value
    bench.registers["CCR"] = EN
    bench.wiring.advance(1000)
    assert bench.status == IDLEF | USEF
    assert bench.target(8) == bytes(8)


def test_suspending_and_resuming() -> None:
    """SUSP stops at the next datum with SUSPF; clearing it goes on; RESET instead gives the channel up."""
    bench = Bench()
    bench.registers["CSAR"] = PORT + 4
    bench.start(4, widths=1, more=DINC, request=USART2_RX)
    bench.registers["CCR"] = SUSP
    assert not bench.status & SUSPF, "the vendor's driver takes it for an error to find it at once"
    bench.wiring.advance(SUSPEND_CYCLES)
    assert bench.status == SUSPF | IDLEF
    bench.wiring.requests.pulse("USART2_RX")
    bench.wiring.advance(1000)
    assert bench.port.given == 0
    bench.registers["CFCR"] = SUSPF
    bench.registers["CCR"] = 0
    bench.wiring.advance(1000)
    assert bench.port.given == 1
    bench.registers["CCR"] = SUSP
    bench.registers["CCR"] = SUSP | RESET
    assert bench.registers["CCR"] == 0
    assert bench.status & IDLEF


def test_an_enabled_channel_keeps_its_settings() -> None:
    """Configuration written while EN is set is ignored."""
    bench = Bench()
    bench.start(4, widths=1, more=DINC, request=USART2_RX)
    bench.registers["CDAR"] = 0
    assert bench.registers["CDAR"] == TARGET


def test_a_reset_leaves_nothing() -> None:
    """After a reset nothing waits and nothing interrupts."""
    bench = Bench()
    bench.start(100, widths=1, enable=EN | HTIE)
    bench.wiring.advance(60 * ITEM_CYCLES)
    bench.channel.reset()
    assert not bench.wiring.waiting
    assert not bench.wiring.lines[IRQ]
    assert (bench.registers["CCR"], bench.status) == (0, IDLEF)


@given(cuts=st.lists(st.integers(1, 300), max_size=20))
def test_looking_changes_nothing(cuts: list[int]) -> None:
    """What has arrived at a cycle does not depend on how often anybody looked before."""
    bench, other = Bench(), Bench()
    for one in (bench, other):
        one.fill(bytes(range(200)))
        one.start(200, widths=1)
    for cut in cuts:
        bench.wiring.advance(cut)
        assert bench.status >= 0
    other.wiring.advance(sum(cuts))
    assert bench.target(200) == other.target(200)
    assert bench.registers["CBR1"] == other.registers["CBR1"]


TIM2_TRGO, CH0_TCF, RISING, FALLING, TOF = 42 << 16, 22 << 16, 1 << 24, 2 << 24, 1 << 14
PER_BLOCK, PER_REPEATED_BLOCK, PER_LINK, PER_BURST = (mode << 14 for mode in range(4))
TRIGGERED = SWREQ | TIM2_TRGO


def test_a_block_waits_for_its_trigger() -> None:
    """Nothing moves before the edge asked for; then the whole block does."""
    for edge in (RISING, FALLING):
        bench = Bench()
        bench.fill(b"abcd")
        assert not bench.triggers.wanted("TIM2_TRGO")
        bench.start(4, request=TRIGGERED | edge)
        assert bench.triggers.wanted("TIM2_TRGO")
        (bench.triggers.fall if edge == RISING else bench.triggers.rise)("TIM2_TRGO")
        bench.triggers.pulse("TIM15_TRGO")
        bench.wiring.advance(1_000)
        assert bench.target(4) == bytes(4)
        (bench.triggers.rise if edge == RISING else bench.triggers.fall)("TIM2_TRGO")
        bench.wiring.advance(4 * ITEM_CYCLES)
        assert bench.target(4) == b"abcd"
        assert bench.status & TCF
        assert not bench.triggers.wanted("TIM2_TRGO")


def test_each_burst_can_wait_for_a_trigger_of_its_own() -> None:
    """With TRIGM 3 a hit moves a burst of two, and no more."""
    bench = Bench()
    bench.fill(b"abcdef")
    bench.start(6, request=TRIGGERED | RISING | PER_BURST, more=SINC | DINC | 1 << 4 | 1 << 20)
    for moved in (2, 4, 6):
        bench.triggers.pulse("TIM2_TRGO")
        bench.wiring.advance(1_000)
        assert bench.target(6) == b"abcdef"[:moved] + bytes(6 - moved)
    assert bench.status & TCF


def test_a_second_hit_is_remembered_and_a_third_is_told() -> None:
    """While one part is moved the next hit waits for it to end; one more is an overrun, and lost."""
    bench = Bench()
    bench.fill(b"abc")
    bench.start(3, request=TRIGGERED | RISING | PER_BURST, enable=EN | TOF)
    for _ in range(2):
        bench.triggers.pulse("TIM2_TRGO")
    assert not bench.status & TOF
    bench.triggers.pulse("TIM2_TRGO")
    assert bench.status & TOF
    assert bench.wiring.lines[IRQ]
    bench.wiring.advance(1_000)
    assert bench.target(3) == b"ab\0"
    bench.registers["CFCR"] = TOF
    assert not bench.wiring.lines[IRQ]


def test_requests_and_triggers_are_both_needed() -> None:
    """A block that a peripheral asks for begins with its trigger, and goes on with its requests alone."""
    bench = Bench()
    bench.registers["CSAR"] = PORT + 4
    bench.start(3, widths=1, more=DINC, request=USART2_RX | TIM2_TRGO | RISING)
    bench.wiring.requests.pulse("USART2_RX")
    bench.wiring.advance(1_000)
    assert bench.target(3) == bytes(3)
    bench.triggers.pulse("TIM2_TRGO")
    bench.wiring.advance(1_000)
    for _ in range(2):
        bench.wiring.requests.pulse("USART2_RX")
        bench.wiring.advance(1_000)
    assert bench.target(3) == b"\1\2\3"


@pytest.mark.parametrize(("mode", "blocks"), [(PER_BLOCK, (1, 2, 3)), (PER_REPEATED_BLOCK, (3, 3, 3))])
def test_repeated_blocks_wait_one_by_one_or_together(mode: int, blocks: tuple[int, ...]) -> None:
    """TRIGM says whether each block of a repetition needs a hit or the first only."""
    bench = Bench(12)
    bench.fill(b"abcdef")
    bench.start(2 | 2 << 16, request=TRIGGERED | RISING | mode)
    for moved in blocks:
        bench.triggers.pulse("TIM2_TRGO")
        bench.wiring.advance(1_000)
        assert bench.target(6) == b"abcdef"[: 2 * moved] + bytes(6 - 2 * moved)


def test_a_link_can_wait_for_a_trigger() -> None:
    """With TRIGM 2 blocks move by themselves, and each item is loaded at a hit."""
    bench = Bench()
    bench.fill(b"ab")
    item(bench, ITEMS, TARGET + 4, 0)
    bench.registers["CLBAR"] = RAM
    bench.registers["CLLR"] = 1 << 27 | 1 << 16 | ITEMS & 0xFFFC
    bench.start(2, more=DINC, request=TRIGGERED | RISING | PER_LINK)
    bench.wiring.advance(1_000)
    assert bench.target(6) == b"aa" + bytes(4)
    bench.triggers.pulse("TIM2_TRGO")
    bench.wiring.advance(1_000)
    assert bench.target(6) == b"aa\0\0aa"


def test_a_hit_for_another_trigger_counts_no_more() -> None:
    """An item that selects another line forgets what the last one had remembered."""
    bench = Bench()
    bench.fill(b"ab")
    item(bench, ITEMS, SWREQ | 43 << 16 | RISING, TARGET + 4, 0)
    bench.registers["CLBAR"] = RAM
    bench.registers["CLLR"] = 1 << 30 | 1 << 27 | 1 << 16 | ITEMS & 0xFFFC
    bench.start(2, more=DINC, request=TRIGGERED | RISING)
    for _ in range(2):
        bench.triggers.pulse("TIM2_TRGO")
    bench.wiring.advance(1_000)
    assert bench.target(6) == b"aa" + bytes(4)
    assert bench.triggers.wanted("TIM15_TRGO")
    bench.triggers.pulse("TIM15_TRGO")
    bench.wiring.advance(1_000)
    assert bench.target(6) == b"aa\0\0aa"


def test_completion_triggers_others() -> None:
    """The end of a channel's transfer is a pulse of its own line, for whoever listens."""
    bench = Bench()
    heard: list[int] = []
    listener = Listener(lambda: True, lambda: heard.append(bench.wiring.cycle), lambda: None)
    bench.triggers.connect("GPDMA1_CH0_TCF", listener)
    bench.start(4)
    bench.wiring.advance(1_000)
    assert heard == [4 * ITEM_CYCLES]
