"""Laws of what SMBus adds to I2C: packet error codes, byte control, alerts; and of what can go wrong on a bus."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.events import I2cTransferEnded
from mvsdk.emulator.soc.i2c import DISTURBANCES
from mvsdk.emulator.soc.i2c_target import I2cTransfer
from tests.emulator.soc.test_i2c import (
    ADDR,
    ADDRESS,
    AUTOEND,
    BIT,
    BUSY,
    ERRIE,
    ERROR_IRQ,
    NACK,
    NACKF,
    RD,
    RELOAD,
    RXNE,
    START,
    STOPF,
    TCR,
    TXIS,
    Bus,
)

SBC, NOSTRETCH, SMBHEN, SMBDEN, ALERTEN, PECEN = (1 << bit for bit in (16, 17, 20, 21, 22, 23))
PECBYTE, PE = 1 << 26, 1 << 0
BERR, ARLO, OVR, PECERR, ALERT = (1 << bit for bit in (8, 9, 10, 11, 13))
OWN = 0x21


def pec(data: bytes) -> int:
    """Divide a message by x^8 + x^2 + x + 1, as SMBus defines its packet error code."""
    message = int.from_bytes(data, "big") << 8
    for bit in reversed(range(8, 8 + 8 * len(data))):
        if message >> bit & 1:
            message ^= 0x107 << bit - 8
    return message


class Answering:
    """A device that gives prepared bytes, and keeps what it is given."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, answers: bytes = b"") -> None:
        self.taken: list[int] = []
        self._answers = list(answers)

    def start(self, *, reading: bool) -> bool:
        """Be addressed."""
        return True

    def write(self, byte: int) -> bool:
        """Take a byte."""
        self.taken.append(byte)
        return True

    def read(self) -> int:
        """Give the next one."""
        return self._answers.pop(0)

    def stop(self) -> None:
        """Nothing to do."""


def bus_with(device: Answering, enables: int = PECEN) -> Bus:
    """Return a bus with a device."""
    bus = Bus(enables)
    bus.block.connect(ADDRESS, device)
    return bus


def listening(enables: int) -> Bus:
    """Return a bus on which the chip has an address of its own."""
    bus = Bus(enables)
    bus.registers["OAR1"] = 1 << 15 | OWN << 1
    return bus


def addressed(bus: Bus, transfer: I2cTransfer) -> I2cTransfer:
    """Let a transfer begin, up to its address."""
    bus.block.transfer(transfer)
    bus.wiring.advance(10 * BIT)
    return transfer


@given(data=st.binary(min_size=1, max_size=5))
def test_a_controller_sends_the_code_behind_its_data(data: bytes) -> None:
    """With PECBYTE the last of NBYTES is the code of everything since the start; software writes only the others."""
    device = Answering()
    bus = bus_with(device)
    bus.begin(len(data) + 1, AUTOEND, PECBYTE)
    bus.send(*data)
    bus.wiring.advance(20 * BIT)
    assert device.taken == [*data, pec(bytes((ADDRESS << 1, *data)))]
    assert bus.status & (STOPF | TXIS | NACKF) == STOPF
    assert not bus.registers["CR2"] & PECBYTE


@given(pointer=st.integers(0, 255), data=st.binary(min_size=1, max_size=4), wrong=st.booleans())
def test_a_controller_checks_the_code_it_reads(pointer: int, data: bytes, wrong: bool) -> None:
    """The last byte is compared with the code of both halves of a transfer; it is in RXDR like the others."""
    code = pec(bytes((ADDRESS << 1, pointer, ADDRESS << 1 | 1, *data)))
    bus = bus_with(Answering(data + bytes((code ^ wrong,))), PECEN | ERRIE)
    bus.begin(1)
    bus.send(pointer)
    bus.begin(len(data) + 1, AUTOEND, PECBYTE, RD)
    read = []
    for _ in range(len(data) + 1):
        bus.wiring.advance(9 * BIT)
        read.append(bus.registers["RXDR"])
    assert bytes(read[:-1]) == data
    assert bool(bus.status & PECERR) == bus.wiring.lines.get(ERROR_IRQ, False) == wrong


def test_each_transfer_has_a_code_of_its_own() -> None:
    """A stop ends what a code is about; switching the peripheral off clears it."""
    device = Answering()
    bus = bus_with(device)
    for _ in range(2):
        bus.begin(2, AUTOEND, PECBYTE)
        bus.send(7)
        bus.wiring.advance(20 * BIT)
    assert device.taken == [7, pec(bytes((ADDRESS << 1, 7)))] * 2
    bus.begin(2)
    assert bus.registers["PECR"] == pec(bytes((ADDRESS << 1,)))
    bus.registers["CR1"] = PECEN
    assert bus.registers["PECR"] == 0


def test_byte_control_asks_about_every_byte() -> None:
    """With NBYTES = 1 and RELOAD each byte waits unacknowledged with TCR, until NBYTES is written; NACK refuses it."""
    bus = listening(SBC)
    transfer = addressed(bus, I2cTransfer(OWN, b"\x05\x06\x07"))
    bus.registers["CR2"] = RELOAD | 1 << 16
    bus.registers["ICR"] = ADDR
    for expected, answer in ((5, 0), (6, NACK)):
        bus.wiring.advance(9 * BIT)
        assert bus.status & (RXNE | TCR) == RXNE | TCR
        assert bus.registers["RXDR"] == expected
        bus.wiring.advance(1000 * BIT)
        assert bus.status & (RXNE | TCR) == TCR
        bus.registers["CR2"] = RELOAD | 1 << 16 | answer
        assert not bus.status & TCR
    bus.wiring.advance(20 * BIT)
    assert (transfer.done, transfer.written) == (True, 1)
    assert bus.status & STOPF


@pytest.mark.parametrize("wrong", [False, True])
def test_a_target_checks_the_code_it_is_sent(wrong: bool) -> None:
    """With slave byte control the last of NBYTES is the code; a wrong one is not acknowledged."""
    data = bytes((1, 2))
    code = pec(bytes((OWN << 1, *data)))
    bus = listening(SBC | PECEN)
    transfer = addressed(bus, I2cTransfer(OWN, data + bytes((code ^ wrong,))))
    bus.registers["CR2"] = 3 << 16 | PECBYTE
    bus.registers["ICR"] = ADDR
    for _ in range(3):
        bus.wiring.advance(9 * BIT)
        assert bus.status & RXNE
        assert bus.registers["RXDR"] in (1, 2, code ^ wrong)
    bus.wiring.advance(20 * BIT)
    assert transfer.written == (2 if wrong else 3)
    assert bool(bus.status & PECERR) == wrong


def test_a_target_sends_the_code_by_itself() -> None:
    """Behind NBYTES - 1 bytes that software writes goes the code."""
    bus = listening(SBC | PECEN)
    transfer = addressed(bus, I2cTransfer(OWN, read=3))
    bus.registers["CR2"] = 3 << 16 | PECBYTE
    bus.registers["TXDR"] = 0x31
    bus.registers["ICR"] = ADDR
    bus.registers["TXDR"] = 0x32
    bus.wiring.advance(40 * BIT)
    assert transfer.received == [0x31, 0x32, pec(bytes((OWN << 1 | 1, 0x31, 0x32)))]


def test_without_stretching_nothing_waits() -> None:
    """A target that does not hold the clock loses what comes while RXDR is full, and refuses it."""
    bus = listening(NOSTRETCH)
    transfer = addressed(bus, I2cTransfer(OWN, b"\x05\x06\x07"))
    bus.wiring.advance(9 * BIT)
    assert bus.registers["RXDR"] == 5
    bus.wiring.advance(100 * BIT)
    assert bus.registers["RXDR"] == 6
    assert bus.status & (OVR | STOPF) == OVR | STOPF
    assert (transfer.done, transfer.written) == (True, 2)


def test_without_stretching_a_late_target_gives_ones() -> None:
    """What is not in TXDR in time is sent as ones, and told as an underrun."""
    bus = listening(NOSTRETCH)
    bus.registers["ISR"] = 1
    bus.registers["TXDR"] = 0x31
    transfer = addressed(bus, I2cTransfer(OWN, read=2))
    bus.wiring.advance(40 * BIT)
    assert transfer.received == [0x31, 0xFF]
    assert bus.status & OVR


@pytest.mark.parametrize(("what", "flag"), [("bus error", BERR), ("lost arbitration", ARLO)])
def test_errors_end_a_transfer(what: str, flag: int) -> None:
    """A controller leaves the bus and is told why; ICR clears the flag, and the next transfer goes as any."""
    bus = Bus(ERRIE)
    bus.begin(2, AUTOEND)
    bus.block.disturb(what)
    assert bus.status & (flag | BUSY | TXIS) == flag
    assert bus.wiring.lines[ERROR_IRQ]
    bus.registers["ICR"] = flag
    assert not bus.wiring.lines[ERROR_IRQ]
    bus.begin(1, AUTOEND)
    bus.send(1)
    bus.wiring.advance(2 * BIT)
    assert bus.status & (STOPF | NACKF) == STOPF


def test_who_takes_no_part_hears_of_no_error() -> None:
    """On an idle bus neither error is told, and a target cannot lose the bus."""
    bus = listening(0)
    for what in DISTURBANCES:
        bus.block.disturb(what)
    assert not bus.status & (BERR | ARLO | ALERT)
    transfer = addressed(bus, I2cTransfer(OWN, b"\x01"))
    bus.block.disturb("lost arbitration")
    assert not transfer.done
    bus.block.disturb("bus error")
    assert transfer.done
    assert bus.status & (BERR | BUSY) == BERR


def test_an_alert_is_for_the_host() -> None:
    """SMBA pulled low sets ALERT where a host has enabled it, and nowhere else."""
    for enables, seen in ((ALERTEN | SMBHEN, True), (ALERTEN, False), (SMBHEN, False)):
        bus = Bus(enables | ERRIE)
        bus.block.disturb("alert")
        assert bool(bus.status & ALERT) == bus.wiring.lines.get(ERROR_IRQ, False) == seen


@pytest.mark.parametrize(("enable", "address"), [(SMBHEN, 0x08), (SMBDEN, 0x61), (ALERTEN, 0x0C)])
def test_smbus_addresses_match_where_enabled(enable: int, address: int) -> None:
    """Host, default and alert response addresses need no own address."""
    for enables, acknowledged in ((enable, True), (0, False)):
        assert addressed(Bus(enables), I2cTransfer(address)).acknowledged == acknowledged


def test_how_a_transfer_went_is_told() -> None:
    """Each ends in an event: one that nobody acknowledged, one that was taken, one that the chip gave up."""
    bus = listening(0)
    addressed(bus, I2cTransfer(0x50, b"\x01"))
    addressed(bus, I2cTransfer(OWN, b"\x01\x02"))
    bus.registers["ICR"] = ADDR
    bus.wiring.advance(9 * BIT)
    bus.registers["CR1"] = 0
    told = [event for event in bus.wiring.events if isinstance(event, I2cTransferEnded)]
    assert [(event.address, event.acknowledged, event.written) for event in told] == [(0x50, False, 0), (OWN, True, 1)]


def test_a_start_while_others_have_the_bus_is_not_lost_for_ever() -> None:
    """A controller that is addressed as a target can begin once that is over."""
    bus = listening(0)
    addressed(bus, I2cTransfer(OWN))
    bus.registers["ICR"] = ADDR
    bus.wiring.advance(2 * BIT)
    bus.begin(1, AUTOEND)
    bus.send(1)
    bus.wiring.advance(2 * BIT)
    assert bus.target.log[-1] == "stop"
    assert not bus.registers["CR2"] & START
    assert bus.registers["CR1"] & PE


@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["CR1", "CR2", "OAR1", "ISR", "ICR", "TXDR", "RXDR", "TIMEOUTR"]),
            st.integers(0, 31).map(lambda bit: 1 << bit) | st.integers(0, 0xFFFF_FFFF),
        ),
        max_size=16,
    ),
    transfer=st.builds(I2cTransfer, st.just(OWN), st.binary(max_size=6), st.integers(0, 6)),
    pause=st.integers(1, 12),
    disturbance=st.sampled_from(DISTURBANCES),
)
def test_no_settings_in_the_middle_of_a_transfer_do_harm(
    writes: list[tuple[str, int]], transfer: I2cTransfer, pause: int, disturbance: str
) -> None:
    """Whatever software does while another controller has the bus, a reset of the port ends the transfer."""
    bus = listening(SBC | PECEN)
    bus.block.transfer(transfer)
    for place, (name, value) in enumerate(writes):
        bus.wiring.advance(pause * BIT)
        if name == "RXDR":
            _ = bus.registers["RXDR"]
        else:
            bus.registers[name] = value
        if place == 8:
            bus.block.disturb(disturbance)
    bus.wiring.advance(1_000 * BIT)
    bus.block.reset()
    assert transfer.done
    assert 0 <= transfer.written <= len(transfer.data)
    assert len(transfer.received) <= max(transfer.read, 0)
