"""Laws of the packets of GDB's remote protocol."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.debug.gdb_packets import LONGEST, Packet, Reader, Signal, checksum, packet


@given(st.lists(st.binary(max_size=60), max_size=5), st.data())
def test_what_is_sent_is_what_is_read_however_it_is_cut(contents: list[bytes], data: st.DataObject) -> None:
    """Packets of any content come out whole, whatever the pieces are that their bytes come in."""
    stream = b"".join(packet(content) for content in contents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = Reader()
    found: list[Packet | Signal] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == [Packet(content) for content in contents]


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_after_any_bytes_a_packet_is_read_again(garbage: bytes, content: bytes) -> None:
    """Whatever came before, the second of two packets is read, for the first may have been swallowed by the garbage."""
    reader = Reader()
    list(reader.feed(garbage))
    list(reader.feed(packet(b"")))
    assert list(reader.feed(packet(content))) == [Packet(content)]


@given(st.binary(max_size=40), st.integers(1, 255))
def test_a_wrong_check_sum_is_damage(content: bytes, difference: int) -> None:
    """A packet with another sum than its bytes have is not taken for one."""
    sent = packet(content)
    body = sent[1:-3]
    wrong = b"$%b#%02x" % (body, (checksum(body) + difference) & 0xFF)
    assert list(Reader().feed(wrong)) == [Signal.DAMAGED]


def test_a_packet_that_is_too_long_is_damage_and_forgotten() -> None:
    """What is longer than was agreed is dropped as it comes, however long it is, and the next packet is read."""
    reader = Reader()
    found = list(reader.feed(b"$" + b"a" * (4 * LONGEST) + b"#%02x" % (0x61 * 4 * LONGEST & 0xFF) + packet(b"g")))
    assert found == [Signal.DAMAGED, Packet(b"g")]


def test_an_escape_of_nothing_is_damage() -> None:
    """An escape at the end of a packet means nothing, sum or not."""
    assert list(Reader().feed(b"$a}#%02x" % checksum(b"a}"))) == [Signal.DAMAGED]


def test_ctrl_c_counts_between_packets_only() -> None:
    """The byte of Ctrl-C inside a packet is part of its content."""
    assert list(Reader().feed(b"\x03" + packet(b"X\x03") + b"+-\x03")) == [
        Signal.INTERRUPT,
        Packet(b"X\x03"),
        Signal.ACKNOWLEDGED,
        Signal.REFUSED,
        Signal.INTERRUPT,
    ]
