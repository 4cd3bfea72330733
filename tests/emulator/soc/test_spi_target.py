"""Laws of the SPI's CRC, and of the chip as a target of another controller."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.events import SpiTransferEnded
from mvsdk.emulator.saving import load, save
from mvsdk.emulator.soc.registers import offsets
from mvsdk.emulator.soc.spi import Spi
from mvsdk.emulator.soc.spi_target import SpiTransfer
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

IRQ = 59
SPE, CSTART, SSI, RCRCINI, TCRCINI = 1 << 0, 1 << 9, 1 << 12, 1 << 14, 1 << 15
UDRCFG, RXDMAEN, TXDMAEN, CRCEN = 1 << 9, 1 << 14, 1 << 15, 1 << 22
MASTER, LSBFRST, SSM, SSOE = (1 << bit for bit in (22, 23, 26, 29))
RXP, TXP, EOT, TXTF, UDR, OVR, CRCE, MODF, TXC = (1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 9, 12))
IDLE = 0xFF
LONG = 10_000_000


class Port:
    """A port on its own, with frames of eight bits and a CRC as long as the frame unless told otherwise."""

    def __init__(self, *, bits: int = 8, configuration: int = 0, more: int = 0) -> None:
        self.wiring = FakeWiring()
        self.spi = Spi("SPI1", self.wiring, IRQ, fifo=16, clock=lambda: 160_000_000)
        self.registers = Block(self.spi, "spi")
        self.registers["CFG1"] = bits - 1 | bits - 1 << 16 | configuration
        self.registers["CFG2"] = more
        self.bytes = -(-bits // 8)

    def write(self, *frames: int) -> None:
        """Write frames into TXDR."""
        for frame in frames:
            self.registers.write("TXDR", self.bytes, frame)

    def read(self) -> list[int]:
        """Take all that was received."""
        found = []
        while self.registers["SR"] & RXP:
            frame = self.spi.read(offsets("spi")["RXDR"], self.bytes)
            assert frame is not None
            found.append(frame)
        return found

    def enable(self, size: int = 0, control: int = 0) -> None:
        """Enable it for so many frames."""
        self.registers["CR2"] = size
        self.registers["CR1"] = control
        self.registers["CR1"] = control | SPE

    def exchange(self, *data: int, hz: int = 1_000_000) -> list[int]:
        """Let a controller outside exchange bytes with it."""
        transfer = SpiTransfer(bytes(data), hz)
        self.spi.transfer(transfer)
        self.wiring.advance(LONG)
        assert transfer.done
        return transfer.received


class Loop:
    """A device that gives back what it was sent: `change` may spoil a frame on its way, by its place."""

    def __init__(self, change: Callable[[int, int], int] = lambda _, frame: frame) -> None:
        self.frames: list[tuple[int, int]] = []
        self._change = change

    def select(self) -> None:
        """Nothing to do."""

    def transfer(self, value: int, bits: int) -> int:
        """Give it back."""
        self.frames.append((value, bits))
        return self._change(len(self.frames) - 1, value)

    def deselect(self) -> None:
        """Nothing to do."""


def controller(device: Loop, *, bits: int = 8, more: int = 0, polynomial: int = 0x107) -> Port:
    """Return a port as controller of one device, with its CRC on."""
    port = Port(bits=bits, configuration=CRCEN, more=MASTER | SSM | more)
    port.spi.connect(device, on_nss=False)(True)
    port.registers["CRCPOLY"] = polynomial
    return port


def send(port: Port, *frames: int, control: int = SSI) -> None:
    """Send frames and a CRC as the vendor's driver does."""
    port.enable(len(frames), control)
    port.registers["CR1"] = control | SPE | CSTART
    for frame in frames:
        port.write(frame)
        port.wiring.advance(1_000)
    port.wiring.advance(LONG)


def remainder(data: bytes, polynomial: int, width: int, crc: int) -> int:
    """Divide as the definition of a CRC says: the message with zeros behind it, and the start value on its head."""
    message = int.from_bytes(data, "big") << width ^ crc << 8 * len(data)
    for bit in reversed(range(width, width + 8 * len(data))):
        if message >> bit & 1:
            message ^= (polynomial | 1 << width) << bit - width
    return message


@given(
    data=st.binary(min_size=1, max_size=12),
    polynomial=st.sampled_from([0x107, 0x11D, 0x131, 0x1D5]),
    ones=st.booleans(),
)
def test_a_crc_follows_the_frames(data: bytes, polynomial: int, ones: bool) -> None:
    """Behind TSIZE frames goes their CRC, by itself; the line's other end had the same, so there is no error."""
    device = Loop()
    port = controller(device, polynomial=polynomial)
    send(port, *data, control=SSI | (TCRCINI | RCRCINI if ones else 0))
    expected = remainder(data, polynomial & 0xFF, 8, 0xFF if ones else 0)
    assert device.frames == [*((byte, 8) for byte in data), (expected, 8)]
    assert port.registers["TXCRC"] == port.registers["RXCRC"] == expected
    assert port.registers["SR"] & (EOT | CRCE) == EOT


@pytest.mark.parametrize("place", [0, 2])
def test_a_spoilt_frame_is_a_crc_error(place: int) -> None:
    """A bit that changes on its way, in the data or in the CRC, is told with the end; IFCR clears it."""
    port = controller(Loop(lambda number, frame: frame ^ (number == place)))
    port.registers["IER"] = CRCE
    send(port, 0x12, 0x34)
    assert port.registers["SR"] & (EOT | CRCE) == EOT | CRCE
    assert port.wiring.lines[IRQ]
    port.registers["IFCR"] = CRCE | EOT
    assert not port.registers["SR"] & CRCE
    assert not port.wiring.lines[IRQ]


def test_the_crc_is_not_received_as_data() -> None:
    """Software finds its frames in the FIFO, and the next transfer begins with a sum of its own."""
    device = Loop()
    port = controller(device, bits=16, polynomial=0x11021)
    for _ in range(2):
        send(port, 0x1234, 0x5678)
        assert port.read() == [0x1234, 0x5678]
        assert port.registers["SR"] & CRCE == 0
        port.registers["IFCR"] = 0xFF8
        port.registers["CR1"] = SSI
    expected = remainder(bytes.fromhex("12345678"), 0x1021, 16, 0)
    assert device.frames == [(0x1234, 16), (0x5678, 16), (expected, 16)] * 2


@pytest.mark.parametrize(("polynomial", "expected"), [(0x107, 0xF4 << 8), (0x11021, 0x31C3), (0x1800003, None)])
def test_the_polynomial_has_its_own_length(polynomial: int, expected: int | None) -> None:
    """Of a CRC the upper bits that CRCSIZE names are sent, and zeros behind one that is shorter."""
    device = Loop()
    port = controller(device, polynomial=polynomial)
    port.registers["CFG1"] = 7 | 15 << 16 | CRCEN
    send(port, *b"123456789")
    if expected is None:
        expected = remainder(b"123456789", polynomial & 0xFFFFFF, 24, 0) >> 8
    assert device.frames[-1] == (expected, 16)
    assert not port.registers["SR"] & CRCE


def test_a_polynomial_of_full_length_leaves_its_highest_bit_out() -> None:
    """With CRC33_17 all 32 bits of CRCPOLY stand behind one that is not written."""
    device = Loop()
    port = controller(device, bits=32, polynomial=0x04C1_1DB7)
    send(port, 0x31323334, control=SSI | 1 << 13)
    assert device.frames == [(0x31323334, 32), (remainder(b"1234", 0x04C1_1DB7, 32, 0), 32)]


def test_without_an_end_there_is_no_crc() -> None:
    """A transfer of no length never comes to its CRC, which can be read all the same."""
    device = Loop()
    port = controller(device)
    port.enable(0, SSI)
    port.registers["CR1"] = SSI | SPE | CSTART
    port.write(1, 2, 3)
    port.wiring.advance(LONG)
    assert device.frames == [(1, 8), (2, 8), (3, 8)]
    assert port.registers["TXCRC"] == remainder(b"\1\2\3", 7, 8, 0)


# -- as a target -----------------------------------------------------------------------------------------------------


def test_a_target_exchanges_bytes() -> None:
    """What was written ahead goes out while others come in; after TSIZE frames the transfer is over."""
    port = Port()
    port.enable(3)
    port.write(0xA1, 0xA2, 0xA3)
    assert port.registers["SR"] & TXTF
    assert port.exchange(1, 2, 3) == [0xA1, 0xA2, 0xA3]
    assert port.read() == [1, 2, 3]
    assert port.registers["SR"] & (EOT | UDR | OVR | TXC) == EOT | TXC
    assert port.wiring.events == [SpiTransferEnded(48 - 24, "SPI1", (0xA1, 0xA2, 0xA3))]


def test_a_byte_takes_the_time_of_the_other_sides_clock() -> None:
    """At 1 MHz eight bits are eight microseconds; the chip is busy until the end."""
    port = Port()
    port.enable()
    transfer = SpiTransfer(b"\1\2", 1_000_000)
    port.spi.transfer(transfer)
    port.wiring.advance(8 * 160 - 1)
    assert not port.registers["SR"] & RXP
    assert not port.registers["SR"] & TXC
    port.wiring.advance(1)
    assert port.registers["SR"] & RXP
    port.wiring.advance(8 * 160)
    assert transfer.done
    assert port.registers["SR"] & TXC


@pytest.mark.parametrize(("configuration", "answer"), [(0, [0x55, 0xC3, 0xC3]), (UDRCFG, [0x55, 1, 2])])
def test_an_underrun_gives_what_was_chosen(configuration: int, answer: list[int]) -> None:
    """A target that is late gives the pattern of UDRDR, or what it heard last, and says so."""
    port = Port(configuration=configuration)
    port.registers["UDRDR"] = 0xC3
    port.registers["IER"] = UDR
    port.enable()
    port.write(0x55)
    assert port.exchange(1, 2, 3) == answer
    assert port.registers["SR"] & UDR
    assert port.wiring.lines[IRQ]
    port.registers["IFCR"] = UDR
    assert not port.wiring.lines[IRQ]


def test_what_finds_no_room_is_lost() -> None:
    """A target that does not read overruns after the sixteen bytes of its FIFO."""
    port = Port()
    port.enable()
    port.exchange(*range(17))
    assert port.registers["SR"] & OVR
    assert port.read() == list(range(16))


@pytest.mark.parametrize("state", ["off", "a controller", "not selected", "over"])
def test_a_chip_that_is_not_addressed_leaves_the_line_alone(state: str) -> None:
    """Disabled, with SSI high, or behind its last frame it hears nothing, and the line reads ones."""
    port = Port(more=MASTER | SSOE if state == "a controller" else SSM if state == "not selected" else 0)
    if state != "off":
        port.enable(1 if state == "over" else 0, SSI if state == "not selected" else 0)
        port.write(0xA5)
    if state == "over":
        assert port.exchange(7) == [0xA5]
        port.read()
    assert port.exchange(1, 2) == [IDLE, IDLE]
    assert port.read() == []


def test_two_controllers_are_a_mode_fault() -> None:
    """A controller that listens to NSS gives way when another one selects it."""
    port = Port(more=MASTER)
    port.enable()
    assert port.exchange(1) == [IDLE]
    assert port.registers["SR"] & MODF
    assert not port.registers["CR1"] & SPE
    assert not port.registers["CFG2"] & MASTER


@given(frames=st.lists(st.integers(0, 0xFFF), min_size=1, max_size=6), turned=st.booleans())
def test_frames_of_any_length_are_whole_bytes_outside(frames: list[int], turned: bool) -> None:
    """Twelve bits are two bytes on the other side, the lower ones; with LSBFRST both directions are turned."""
    port = Port(bits=12, more=LSBFRST if turned else 0)
    port.enable(len(frames))
    port.write(*frames)
    outside = b"".join(frame.to_bytes(2, "big") for frame in frames)
    given_back = port.exchange(*outside, 0)  # and half a frame, which is not clocked
    words = [given_back[place] << 8 | given_back[place + 1] for place in range(0, len(given_back), 2)]
    assert words == [int(f"{frame:012b}"[::-1], 2) if turned else frame for frame in frames]
    assert port.read() == words


@given(data=st.binary(min_size=1, max_size=8), wrong=st.booleans())
def test_a_target_answers_with_its_crc(data: bytes, wrong: bool) -> None:
    """Behind the data it gives the CRC of what it gave, and compares what comes with that of what it heard."""
    port = Port(configuration=CRCEN)
    port.enable(len(data))
    port.write(*reversed(data))
    crc = remainder(data, 7, 8, 0)
    answer = port.exchange(*data, crc ^ wrong)
    assert answer == [*reversed(data), remainder(bytes(reversed(data)), 7, 8, 0)]
    assert port.read() == list(data)
    assert port.registers["SR"] & (EOT | CRCE) == (EOT | CRCE if wrong else EOT)


def test_a_second_controller_is_refused() -> None:
    """While one transfer goes on another gets nothing, and both are told."""
    port = Port()
    port.enable()
    first, second = SpiTransfer(b"\1"), SpiTransfer(b"\2")
    port.spi.transfer(first)
    port.spi.transfer(second)
    assert (first.done, second.done, second.received) == (False, True, [])
    port.wiring.advance(LONG)
    assert first.done
    assert port.read() == [1]


def test_requests_of_a_target() -> None:
    """With DMA it asks for data as long as there is room, and gives what has come."""
    port = Port(configuration=TXDMAEN | RXDMAEN)
    port.enable(2)
    assert port.wiring.requests.level("SPI1_TX")
    port.write(1, 2)
    assert not port.wiring.requests.level("SPI1_TX")
    port.exchange(3, 4)
    assert port.wiring.requests.level("SPI1_RX")
    assert port.read() == [3, 4]
    assert not port.wiring.requests.level("SPI1_RX")


def test_a_transfer_goes_on_after_a_load() -> None:
    """Saved in the middle of a frame, a port goes on as if nothing had been."""
    port, other = Port(), Port()
    port.enable(2)
    port.write(0xA1, 0xA2)
    port.spi.transfer(SpiTransfer(b"\1\2"))
    port.wiring.advance(2_000)
    other.wiring.advance(2_000)
    load(other.spi, save(port.spi))
    for one in (port, other):
        one.wiring.advance(LONG)
    assert other.read() == port.read() == [1, 2]
    assert other.wiring.events[-1] == port.wiring.events[-1]


@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["CR1", "CR2", "CFG1", "CFG2", "TXDR", "CRCPOLY", "UDRDR", "IFCR"]),
            st.integers(0, 31).map(lambda bit: 1 << bit) | st.integers(0, 0xFFFF_FFFF),
        ),
        max_size=12,
    ),
    pause=st.integers(0, 3_000),
)
def test_no_settings_in_the_middle_of_a_frame_do_harm(writes: list[tuple[str, int]], pause: int) -> None:
    """Whatever software changes while others clock frames through the port, the transfer ends with whole bytes."""
    port = Port(configuration=CRCEN)
    port.enable(2)
    port.write(0xA1, 0xA2)
    transfer = SpiTransfer(bytes(range(16)))
    port.spi.transfer(transfer)
    for name, value in writes:
        port.wiring.advance(pause)
        port.registers[name] = value
    port.wiring.advance(LONG)
    assert transfer.done
    assert all(0 <= byte <= 0xFF for byte in transfer.received)
