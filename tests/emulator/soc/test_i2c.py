"""Laws of the I2C buses."""

from __future__ import annotations

from mvsdk.emulator.soc.i2c import I2c
from mvsdk.emulator.soc.i2c_target import I2cTransfer
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

IRQ, ERROR_IRQ = 55, 56
PE, TXIE, RXIE, NACKIE, STOPIE, TCIE = (1 << bit for bit in (0, 1, 2, 4, 5, 6))
TXE, TXIS, RXNE, NACKF, STOPF, TC, TCR, BUSY = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 7, 15))
ADDRIE, ERRIE, TXDMAEN, RXDMAEN, GCEN = (1 << bit for bit in (3, 7, 14, 15, 19))
ADDR, TIMEOUT, DIR = 1 << 3, 1 << 12, 1 << 16
RD, ADD10, START, STOP, NACK, RELOAD, AUTOEND = (1 << bit for bit in (10, 11, 13, 14, 15, 24, 25))
ADDRESS = 0x42
BIT = 1600  # 100 kHz


class Target:
    """A device that counts up and keeps what was done to it; it acknowledges as many bytes as it is told to."""

    def __init__(self, takes: int = 100) -> None:
        self.log: list[str] = []
        self._takes = takes
        self._next = 0

    def start(self, *, reading: bool) -> bool:
        """Be addressed."""
        self.log.append("read" if reading else "write")
        return True

    def write(self, byte: int) -> bool:
        """Take a byte."""
        self.log.append(f"{byte:02x}")
        self._takes -= 1
        return self._takes > 0

    def read(self) -> int:
        """Give the next number."""
        self._next += 1
        return self._next

    def stop(self) -> None:
        """Hear of the end."""
        self.log.append("stop")


class Bus:
    """A bus on its own at 100 kHz, with one target."""

    def __init__(self, enables: int = 0, takes: int = 100) -> None:
        self.wiring = FakeWiring()
        self.target = Target(takes)
        self.block = I2c("I2C1", self.wiring, (IRQ, ERROR_IRQ), clock=lambda: 160_000_000)
        self.block.connect(ADDRESS, self.target)
        self.registers = Block(self.block, "i2c")
        self.registers["TIMINGR"] = 7 << 28 | 99 << 8 | 99
        self.registers["CR1"] = PE | enables

    def begin(self, count: int, *control: int, address: int = ADDRESS) -> None:
        """Write CR2 with START, and let the address pass."""
        self.registers["CR2"] = address << 1 | count << 16 | START | sum(control)
        self.wiring.advance(10 * BIT)

    def send(self, *data: int) -> None:
        """Write bytes, each with its time."""
        for byte in data:
            self.registers["TXDR"] = byte
            self.wiring.advance(9 * BIT)

    @property
    def status(self) -> int:
        """ISR."""
        return self.registers["ISR"]


def test_an_absent_device_does_not_acknowledge() -> None:
    """After the address NACKF is set, a stop follows by itself, and the bus is free."""
    bus = Bus()
    bus.begin(1, address=0x11)
    assert bus.status & (NACKF | BUSY | TXIS) == NACKF | BUSY
    bus.wiring.advance(BIT)
    assert bus.status & (NACKF | STOPF | BUSY) == NACKF | STOPF
    bus.registers["ICR"] = NACKF | STOPF
    assert bus.status == TXE
    assert bus.target.log == []


def test_a_write_ends_itself_with_autoend() -> None:
    """TXIS asks for each byte; after the last a stop follows and STOPF tells."""
    bus = Bus()
    bus.begin(2, AUTOEND)
    assert bus.status & (TXIS | BUSY) == TXIS | BUSY
    bus.send(0xAB)
    assert bus.status & TXIS
    bus.send(0xCD)
    assert not bus.status & TXIS
    bus.wiring.advance(BIT)
    assert bus.status & (STOPF | BUSY) == STOPF
    assert bus.target.log == ["write", "ab", "cd", "stop"]


def test_a_byte_takes_nine_bit_times() -> None:
    """The speed is the one TIMINGR sets: ten bits for start and address, nine for a byte."""
    bus = Bus()
    bus.registers["CR2"] = ADDRESS << 1 | 1 << 16 | START
    bus.wiring.advance(10 * BIT - 1)
    assert not bus.status & TXIS
    bus.wiring.advance(1)
    assert bus.status & TXIS
    bus.registers["TXDR"] = 1
    bus.wiring.advance(9 * BIT - 1)
    assert not bus.status & TC
    bus.wiring.advance(1)
    assert bus.status & TC


def test_a_repeated_start_reads_what_was_pointed_at() -> None:
    """Without AUTOEND TC waits for a start or a stop; a new start addresses again without a stop between."""
    bus = Bus()
    bus.begin(1)
    bus.send(0x05)
    assert bus.status & (TC | BUSY) == TC | BUSY
    bus.begin(2, RD, AUTOEND)
    received = []
    for _ in range(2):
        bus.wiring.advance(9 * BIT)
        assert bus.status & RXNE
        received.append(bus.registers["RXDR"])
    bus.wiring.advance(BIT)
    assert received == [1, 2]
    assert bus.status & (STOPF | BUSY | RXNE) == STOPF
    assert bus.target.log == ["write", "05", "read", "stop"]


def test_a_stop_on_request() -> None:
    """STOP ends a transfer that waits at TC."""
    bus = Bus()
    bus.begin(1)
    bus.send(1)
    bus.registers["CR2"] = STOP
    bus.wiring.advance(BIT)
    assert bus.status & (STOPF | BUSY | TC) == STOPF


def test_an_unread_byte_holds_the_bus() -> None:
    """The next byte is read only once RXDR is empty."""
    bus = Bus()
    bus.begin(2, RD, AUTOEND)
    bus.wiring.advance(100 * BIT)
    assert bus.registers["RXDR"] == 1
    assert not bus.status & RXNE
    bus.wiring.advance(9 * BIT)
    assert bus.registers["RXDR"] == 2


def test_a_reload_goes_on() -> None:
    """With RELOAD the transfer waits at TCR for the next NBYTES."""
    bus = Bus()
    bus.begin(1, RELOAD)
    bus.send(1)
    assert bus.status & (TCR | TC) == TCR
    bus.registers["CR2"] = ADDRESS << 1 | 1 << 16 | AUTOEND
    bus.send(2)
    bus.wiring.advance(BIT)
    assert bus.target.log == ["write", "01", "02", "stop"]


def test_a_byte_that_is_refused_ends_the_transfer() -> None:
    """A target that stops acknowledging gives NACKF and a stop."""
    bus = Bus(takes=1)
    bus.begin(3, AUTOEND)
    bus.send(1)
    assert bus.status & (NACKF | TXIS) == NACKF
    bus.wiring.advance(BIT)
    assert bus.status & STOPF


def test_probing_an_address_takes_no_bytes() -> None:
    """With NBYTES 0 and AUTOEND a present device gives STOPF without NACKF, as the vendor's ready check expects."""
    bus = Bus()
    bus.begin(0, AUTOEND)
    bus.wiring.advance(BIT)
    assert bus.status & (STOPF | NACKF) == STOPF


def test_events_interrupt_when_enabled() -> None:
    """Each flag raises the line with its enable, until it is served."""
    bus = Bus(enables=TXIE | STOPIE | NACKIE)
    bus.begin(1, AUTOEND)
    assert bus.wiring.lines[IRQ]
    bus.send(1)
    assert not bus.wiring.lines[IRQ]
    bus.wiring.advance(BIT)
    assert bus.wiring.lines[IRQ]
    bus.registers["ICR"] = STOPF
    assert not bus.wiring.lines[IRQ]
    bus.registers["CR1"] = PE | RXIE | TCIE
    bus.begin(1, RD)
    bus.wiring.advance(9 * BIT)
    assert bus.wiring.lines[IRQ]
    assert bus.status & (RXNE | TC) == RXNE | TC


def test_switching_it_off_lets_go_of_the_bus() -> None:
    """Clearing PE, or a reset, ends everything at once."""
    bus = Bus(enables=TXIE)
    bus.begin(1)
    bus.registers["CR1"] = 0
    assert bus.status == TXE
    assert not bus.wiring.lines[IRQ]
    bus.registers["CR1"] = PE
    bus.registers["CR2"] = ADDRESS << 1 | START
    bus.block.reset()
    assert not bus.wiring.waiting
    assert bus.status == TXE


def test_a_stop_waits_for_the_byte_on_its_way() -> None:
    """STOP written while a byte passes ends the transfer after that byte, though more were announced."""
    bus = Bus()
    bus.begin(3)
    bus.registers["TXDR"] = 1
    bus.wiring.advance(4 * BIT)
    bus.registers["CR2"] = STOP
    bus.wiring.advance(6 * BIT)
    assert bus.target.log == ["write", "01", "stop"]
    assert bus.status & (STOPF | BUSY) == STOPF


def test_dropping_what_was_written() -> None:
    """Writing TXE into ISR empties TXDR, as the vendor does after a missing acknowledge."""
    bus = Bus()
    bus.registers["TXDR"] = 1
    assert not bus.status & TXE
    bus.registers["ISR"] = TXE
    assert bus.status & TXE


def test_ten_bit_addresses() -> None:
    """ADD10 sends a second address byte and reaches devices of that space only."""
    bus = Bus()
    bus.block.connect(0x242, bus.target, ten_bits=True)
    bus.registers["CR2"] = 0x242 | ADD10 | 1 << 16 | START
    bus.wiring.advance(19 * BIT - 1)
    assert not bus.status & TXIS
    bus.wiring.advance(1)
    assert bus.status & TXIS
    bus.registers["CR1"] = 0
    bus.registers["CR1"] = PE
    bus.registers["CR2"] = ADDRESS | ADD10 | START
    bus.wiring.advance(20 * BIT)
    assert bus.status & NACKF


def test_requests_follow_the_data_registers() -> None:
    """With DMA enabled the lines are high while a byte is asked for, and while one waits to be read."""
    bus = Bus(enables=TXDMAEN | RXDMAEN)
    requests = bus.wiring.requests
    bus.begin(1)
    assert requests.level("I2C1_TX")
    bus.send(1)
    assert not requests.level("I2C1_TX")
    bus.begin(1, RD)
    bus.wiring.advance(9 * BIT)
    assert requests.level("I2C1_RX")
    assert bus.registers["RXDR"] == 1
    assert not requests.level("I2C1_RX")


def test_a_clock_held_low_times_out() -> None:
    """With TIMOUTEN a bus that waits for software sets TIMEOUT, which is an error interrupt."""
    bus = Bus(enables=ERRIE)
    bus.registers["TIMEOUTR"] = 1 << 15 | 9
    bus.begin(1)
    bus.wiring.advance(10 * 2048 - 1)
    assert not bus.wiring.lines.get(ERROR_IRQ)
    bus.wiring.advance(1)
    assert bus.wiring.lines[ERROR_IRQ]
    assert bus.status & TIMEOUT
    bus.registers["ICR"] = TIMEOUT
    assert not bus.wiring.lines[ERROR_IRQ]


def test_a_target_receives() -> None:
    """A matching address sets ADDR and waits; bytes come one by one as they are read; a stop ends it."""
    bus = Bus(enables=ADDRIE | RXIE | STOPIE)
    bus.registers["OAR1"] = 1 << 15 | 0x21 << 1
    transfer = I2cTransfer(0x21, b"\x05\x06")
    bus.block.transfer(transfer)
    bus.wiring.advance(10 * BIT)
    assert bus.status & (ADDR | DIR | BUSY) == ADDR | BUSY
    assert bus.status >> 17 & 0x7F == 0x21
    bus.wiring.advance(100 * BIT)
    assert bus.wiring.lines[IRQ]
    bus.registers["ICR"] = ADDR
    for expected in (5, 6):
        bus.wiring.advance(9 * BIT)
        assert bus.status & RXNE
        bus.wiring.advance(100 * BIT)
        assert bus.registers["RXDR"] == expected
    bus.wiring.advance(BIT)
    assert bus.status & (STOPF | BUSY) == STOPF
    assert (transfer.done, transfer.acknowledged, transfer.written) == (True, True, 2)


def test_a_target_sends_after_a_repeated_start() -> None:
    """What is written to TXDR goes out while it is asked for; the last byte is not acknowledged."""
    bus = Bus()
    bus.registers["OAR1"] = 1 << 15 | 0x21 << 1
    transfer = I2cTransfer(0x21, b"\x09", read=2)
    bus.block.transfer(transfer)
    bus.wiring.advance(10 * BIT)
    bus.registers["ICR"] = ADDR
    bus.wiring.advance(9 * BIT)
    assert bus.registers["RXDR"] == 9
    bus.wiring.advance(10 * BIT)
    assert bus.status & (ADDR | DIR) == ADDR | DIR
    bus.registers["ICR"] = ADDR
    assert bus.status & TXIS
    bus.registers["TXDR"] = 0x31
    assert bus.status & TXIS
    bus.registers["TXDR"] = 0x32
    bus.wiring.advance(18 * BIT)
    assert bus.status & NACKF
    bus.wiring.advance(BIT)
    assert bus.status & STOPF
    assert transfer.received == [0x31, 0x32]


def test_a_target_may_refuse() -> None:
    """Other addresses are not acknowledged; NACK refuses a byte; the second address and the general call match too."""
    bus = Bus()
    bus.registers["OAR2"] = 1 << 15 | 2 << 8 | 0x30 << 1
    for address, acknowledged in ((0x21, False), (0x33, True), (0x34, False), (0, False)):
        transfer = I2cTransfer(address, b"x")
        bus.block.transfer(transfer)
        bus.wiring.advance(10 * BIT)
        assert transfer.acknowledged == acknowledged
        bus.registers["CR2"] = NACK
        bus.registers["ICR"] = ADDR
        bus.wiring.advance(20 * BIT)
        assert (transfer.done, transfer.written) == (True, 0)
        bus.registers["ICR"] = STOPF
    bus.registers["CR1"] = PE | GCEN
    transfer = I2cTransfer(0, b"")
    bus.block.transfer(transfer)
    bus.wiring.advance(10 * BIT)
    assert transfer.acknowledged


def test_a_busy_bus_refuses_another_controller() -> None:
    """A transfer from outside ends at once, unacknowledged, while the chip itself has the bus."""
    bus = Bus()
    bus.begin(1)
    transfer = I2cTransfer(0x21)
    bus.block.transfer(transfer)
    assert transfer.done
    assert not transfer.acknowledged


def test_what_was_to_be_refused_before_does_not_count() -> None:
    """NACK is cleared by an address that matches and by a stop: drivers set it when they are done, and listen again."""
    bus = Bus()
    bus.registers["OAR1"] = 1 << 15 | 0x21 << 1
    bus.registers["CR2"] = NACK | AUTOEND
    transfer = I2cTransfer(0x21, b"x")
    bus.block.transfer(transfer)
    bus.wiring.advance(10 * BIT)
    assert not bus.registers["CR2"] & NACK
    bus.registers["ICR"] = ADDR
    bus.wiring.advance(9 * BIT)
    assert bus.registers["RXDR"] == ord("x")
    bus.registers["CR2"] |= NACK
    bus.wiring.advance(2 * BIT)
    assert (transfer.done, transfer.written) == (True, 1)
    assert not bus.registers["CR2"] & NACK
