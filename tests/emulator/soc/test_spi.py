"""Laws of the SPI ports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.registers import offsets
from mvsdk.emulator.soc.spi import Spi
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

IRQ = 59
SPE, MASRX, CSTART, CSUSP, HDDIR, SSI = (1 << bit for bit in (0, 8, 9, 10, 11, 12))
RXDMAEN, TXDMAEN = 1 << 14, 1 << 15
MASTER, LSBFRST, SSM, SSOE = (1 << bit for bit in (22, 23, 26, 29))
RXP, TXP, DXP, EOT, TXTF, OVR, MODF, SUSP, TXC, RXWNE = (1 << bit for bit in (0, 1, 2, 3, 4, 6, 9, 11, 12, 15))
FRAME = 8 * 2  # eight bits at half the kernel clock


class Echo:
    """A device that answers each frame with its successor, and keeps what it heard."""

    def __init__(self) -> None:
        self.log: list[str | int] = []

    def select(self) -> None:
        """Hear of it."""
        self.log.append("select")

    def transfer(self, value: int, bits: int) -> int:
        """Answer."""
        self.log.append(value)
        return value + 1

    def deselect(self) -> None:
        """Hear of it."""
        self.log.append("deselect")


class Port:
    """A port on its own as controller of one device, eight bits to a frame."""

    def __init__(self, *, fifo: int = 16, bits: int = 8, packet: int = 1, more: int = SSM, select: bool = True) -> None:
        self.wiring = FakeWiring()
        self.spi = Spi("SPI1", self.wiring, IRQ, fifo=fifo, clock=lambda: 160_000_000)
        self.device = Echo()
        self.select = self.spi.connect(self.device, on_nss=bool(more & SSOE))
        if select and not more & SSOE:
            self.select(True)
        self.registers = Block(self.spi, "spi")
        self.registers["CR1"] = SSI
        self.registers["CFG1"] = bits - 1 | packet - 1 << 5
        self.registers["CFG2"] = MASTER | more

    def start(self, size: int) -> None:
        """Enable it and start a transfer of so many frames."""
        self.registers["CR2"] = size
        self.registers["CR1"] = SSI | SPE
        self.registers["CR1"] = SSI | SPE | CSTART

    def write(self, value: int, size: int = 1) -> None:
        """Write TXDR."""
        self.registers.write("TXDR", size, value)

    def read(self, size: int = 1) -> int:
        """Read RXDR."""
        value = self.spi.read(offsets("spi")["RXDR"], size)
        assert value is not None
        return value

    @property
    def status(self) -> int:
        """SR without the counter."""
        return self.registers["SR"] & 0xFFFF


def test_an_exchange_as_the_vendor_polls_it() -> None:
    """TXP asks, each frame takes its time, RXP tells, CTSIZE counts down, EOT and TXC end it."""
    port = Port()
    assert port.status == TXP | TXC
    port.start(2)
    assert port.registers["SR"] == 2 << 16 | TXP
    port.write(0x10)
    port.write(0x20)
    assert port.status == TXTF
    port.wiring.advance(FRAME - 1)
    assert not port.status & RXP
    port.wiring.advance(1)
    assert port.status & RXP
    assert port.registers["SR"] >> 16 == 1
    assert port.read() == 0x11
    port.wiring.advance(FRAME)
    assert port.status & (EOT | TXC) == EOT | TXC
    assert port.read() == 0x21
    assert not port.registers["CR1"] & CSTART
    port.registers["IFCR"] = EOT | TXTF
    assert not port.status & (EOT | TXTF)
    assert port.device.log == ["select", 0x10, 0x20]


@given(bits=st.integers(4, 32), value=st.integers(0, 0xFFFF_FFFF), turned=st.booleans())
def test_frames_of_every_length(bits: int, value: int, turned: bool) -> None:
    """A frame of any length goes out in the order asked for, and the answer comes back in the same."""
    port = Port(bits=bits, more=SSM | (LSBFRST if turned else 0))
    port.start(1)
    port.write(value, 4)
    port.wiring.advance(bits * 2)
    ones = (1 << bits) - 1
    sent = value & ones
    heard = int(f"{sent:0{bits}b}"[::-1], 2) if turned else sent
    assert port.device.log == ["select", heard]
    answer = heard + 1 & ones
    assert port.read(4) == (int(f"{answer:0{bits}b}"[::-1], 2) if turned else answer)


def test_one_access_carries_as_many_frames_as_fit() -> None:
    """A word written is four frames of eight bits, low byte first; RXWNE and RXPLVL say what can be read."""
    port = Port()
    port.start(6)
    port.write(0x04030201, 4)
    port.write(0x0605, 2)
    port.wiring.advance(6 * FRAME)
    assert port.device.log == ["select", 1, 2, 3, 4, 5, 6]
    assert port.status & RXWNE
    assert port.status >> 13 & 3 == 2
    assert port.read(4) == 0x05040302
    assert port.read(2) == 0x0706


def test_the_fifo_is_as_deep_as_it_is_and_asks_by_packets() -> None:
    """TXP needs room for a packet and RXP a whole one; a packet at the end may be shorter."""
    port = Port(fifo=8, packet=4)
    port.registers["CR2"] = 10
    port.registers["CR1"] = SSI | SPE
    for value in range(5):
        assert port.status & TXP
        port.write(value)
    assert not port.status & TXP
    port.registers["CR1"] = SSI | SPE | CSTART
    port.wiring.advance(3 * FRAME)
    assert not port.status & RXP
    assert port.status & TXP
    port.wiring.advance(FRAME)
    assert port.status & RXP
    for value in range(5, 10):
        port.write(value)
        port.wiring.advance(FRAME)
        port.read()
    assert port.status & TXTF


@pytest.mark.parametrize("nobody", [True, False])
def test_nobody_answers_with_ones(nobody: bool) -> None:
    """A device that is not selected hears nothing, and the line reads ones."""
    port = Port(select=not nobody)
    port.start(1)
    port.write(0)
    port.wiring.advance(FRAME)
    assert port.read() == (0xFF if nobody else 1)
    assert port.device.log == ([] if nobody else ["select", 0])


def test_a_receiver_clocks_by_itself() -> None:
    """As simplex receiver nothing need be written; without MASRX a full FIFO is overrun; with it the clock waits, with
    SUSP, until there is room and SUSP is cleared."""
    for suspends in (0, MASRX):
        port = Port(fifo=8, more=SSM | 2 << 17)
        port.registers["CR2"] = 10
        port.registers["CR1"] = SSI | SPE | suspends
        port.registers["CR1"] = SSI | SPE | suspends | CSTART
        port.wiring.advance(20 * FRAME)
        assert bool(port.status & OVR) == (not suspends)
        assert bool(port.status & EOT) == (not suspends)
        assert bool(port.status & SUSP) == bool(suspends)
        assert port.read(4) == 0
        port.wiring.advance(20 * FRAME)
        assert bool(port.status & EOT) == (not suspends)
        port.registers["IFCR"] = SUSP
        port.wiring.advance(20 * FRAME)
        assert port.status & EOT
    assert port.status >> 13 & 3 == 2


def test_half_duplex_goes_one_way_at_a_time() -> None:
    """HDDIR sends without receiving, and without it receives without sending."""
    port = Port(more=SSM | 3 << 17)
    port.registers["CR2"] = 1
    port.registers["CR1"] = SSI | SPE | HDDIR
    port.registers["CR1"] = SSI | SPE | HDDIR | CSTART
    port.write(7)
    port.wiring.advance(FRAME)
    assert port.status & (EOT | RXP) == EOT
    port.registers["CR1"] = 0
    port.start(1)
    port.wiring.advance(FRAME)
    assert port.status & RXP


def test_nss_follows_the_transfer() -> None:
    """With SSOE the device is selected from CSTART to the end, and MSSI and MIDI stretch it."""
    port = Port(more=SSOE | 3 | 2 << 4)
    assert port.device.log == []
    port.start(2)
    assert port.device.log == ["select"]
    port.write(1)
    port.write(2)
    port.wiring.advance(11 * 2)
    assert port.device.log == ["select", 1]
    port.wiring.advance(10 * 2 - 1)
    assert not port.status & EOT
    port.wiring.advance(1)
    assert port.device.log == ["select", 1, 2, "deselect"]


def test_somebody_elses_select_is_a_mode_fault() -> None:
    """A controller with SSM whose SSI is low falls silent with MODF, and cannot be one again until that is cleared."""
    port = Port()
    port.registers["IER"] = 1 << 9
    port.registers["CR1"] = SPE
    assert port.status & MODF
    assert port.wiring.lines[IRQ]
    assert not port.registers["CR1"] & SPE
    port.registers["CFG2"] = MASTER
    assert not port.registers["CFG2"] & MASTER
    port.registers["IFCR"] = MODF
    port.registers["CFG2"] = MASTER
    assert port.registers["CFG2"] & MASTER
    assert not port.wiring.lines[IRQ]


def test_a_transfer_can_be_suspended() -> None:
    """CSUSP lets the present frame end, then SUSP tells and CSTART is clear; it can be started again."""
    port = Port()
    port.start(0)
    port.write(1)
    port.write(2)
    port.registers["CR1"] = SSI | SPE | CSUSP
    assert not port.status & SUSP
    port.wiring.advance(10 * FRAME)
    assert port.device.log == ["select", 1]
    assert port.status & SUSP
    assert not port.registers["CR1"] & CSTART
    port.registers["CR1"] = SSI | SPE | CSTART
    port.wiring.advance(FRAME)
    assert port.device.log == ["select", 1, 2]
    port.registers["CR1"] = SSI | SPE | CSUSP
    assert not port.registers["CR1"] & CSTART


def test_a_suspended_transfer_goes_on_counting() -> None:
    """After a suspension the transfer ends after as many frames as TSIZE said at first."""
    port = Port()
    port.start(3)
    for value in (1, 2, 3):
        port.write(value)
    port.registers["CR1"] = SSI | SPE | CSUSP
    port.wiring.advance(10 * FRAME)
    assert port.registers["SR"] >> 16 == 2
    port.registers["CR1"] = SSI | SPE | CSTART
    port.wiring.advance(2 * FRAME - 1)
    assert not port.status & EOT
    port.wiring.advance(1)
    assert port.status & EOT
    assert port.device.log == ["select", 1, 2, 3]


def test_a_transfer_can_follow_without_switching_off() -> None:
    """After EOT another CSTART begins a transfer of the same size."""
    port = Port()
    port.start(1)
    for value in (1, 2):
        port.write(value)
        port.wiring.advance(FRAME)
        assert port.status & EOT
        port.registers["IFCR"] = EOT | TXTF
        port.registers["CR1"] = SSI | SPE | CSTART
    assert port.device.log == ["select", 1, 2]


@pytest.mark.parametrize(("mbr", "divider"), [(0, 2), (3, 16), (7, 256)])
def test_the_speed_is_the_one_of_the_divider(mbr: int, divider: int) -> None:
    """MBR divides the kernel clock by 2 to 256."""
    port = Port()
    port.registers["CFG1"] = 7 | mbr << 28
    port.start(1)
    port.write(0)
    port.wiring.advance(8 * divider - 1)
    assert not port.status & EOT
    port.wiring.advance(1)
    assert port.status & EOT


def test_interrupts_follow_flags_and_enables() -> None:
    """TXP, RXP and EOT raise the line with their enables; a port that is off is silent."""
    port = Port()
    port.registers["IER"] = TXP
    assert not port.wiring.lines.get(IRQ)
    port.start(1)
    assert port.wiring.lines[IRQ]
    port.write(0)
    assert not port.wiring.lines[IRQ]
    port.registers["IER"] = RXP | EOT
    port.wiring.advance(FRAME)
    assert port.wiring.lines[IRQ]
    port.read()
    assert port.wiring.lines[IRQ]
    port.registers["IFCR"] = EOT
    assert not port.wiring.lines[IRQ]


def test_requests_follow_the_fifos() -> None:
    """With DMA enabled the request lines are high while there is room and while there is something to read."""
    port = Port()
    requests = port.wiring.requests
    port.registers["CFG1"] = port.registers["CFG1"] | RXDMAEN | TXDMAEN
    port.start(1)
    assert requests.level("SPI1_TX")
    port.write(5)
    assert not requests.level("SPI1_TX")
    assert not requests.level("SPI1_RX")
    port.wiring.advance(FRAME)
    assert requests.level("SPI1_RX")
    port.read()
    assert not requests.level("SPI1_RX")


def test_settings_are_locked_while_it_is_on() -> None:
    """CFG1, CFG2 and TSIZE keep their values while SPE is set."""
    port = Port()
    port.start(3)
    before = {name: port.registers[name] for name in ("CFG1", "CFG2", "CR2")}
    for name in before:
        port.registers[name] = 0
    assert {name: port.registers[name] for name in before} == before


def test_a_reset_leaves_nothing() -> None:
    """After a reset nothing waits, nothing interrupts or asks, and NSS is let go."""
    port = Port(more=SSOE)
    port.registers["IER"] = TXP
    port.start(4)
    port.write(1)
    port.spi.reset()
    assert not port.wiring.waiting
    assert not port.wiring.lines[IRQ]
    assert port.device.log == ["select", "deselect"]
    assert (port.registers["CFG1"], port.status) == (0x00070007, TXP | TXC)


def test_what_a_transfer_left_is_gone_in_the_next() -> None:
    """Enabling the port anew clears the end, overrun and the rest: sending alone overruns, and nobody minds."""
    port = Port()
    port.start(20)
    for byte in range(20):
        port.write(byte)
        port.wiring.advance(FRAME)
    assert port.status & (EOT | OVR | TXTF) == EOT | OVR | TXTF
    port.registers["CR1"] = SSI
    assert port.status & OVR
    port.start(1)
    assert port.status & (EOT | OVR | TXTF) == TXTF, "which only IFCR clears"


def test_a_filled_transfer_asks_for_no_more() -> None:
    """The last frame of TSIZE clears TXPIE and DXPIE, as the vendor's interrupt handler relies on."""
    port = Port()
    port.registers["IER"] = TXP | DXP | RXP
    port.start(2)
    port.write(1)
    assert port.registers["IER"] == TXP | DXP | RXP
    port.write(2)
    assert port.registers["IER"] == RXP


def test_a_port_that_is_off_interrupts_for_a_mode_fault_only() -> None:
    """Whatever else is pending waits; and MODF keeps the port off until it is cleared."""
    port = Port(more=SSM)
    port.registers["IER"] = 0x3FF
    port.start(1)
    port.write(1)
    port.wiring.advance(FRAME)
    assert port.wiring.lines[IRQ]
    port.registers["CR1"] = SSI
    assert not port.wiring.lines[IRQ]
    port.registers["CR1"] = SPE
    assert port.status & MODF
    assert port.wiring.lines[IRQ]
    port.registers["CR1"] = SSI | SPE
    assert not port.registers["CR1"] & SPE
    port.registers["IFCR"] = MODF
    port.registers["CR1"] = SSI | SPE
    assert port.registers["CR1"] & SPE
