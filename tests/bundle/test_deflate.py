"""DEFLATE: one stream for one content."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mvsdk.bundle import deflate, strict_inflate
from mvsdk.bundle.strict_inflate import DeflateError

REPETITIVE = st.lists(st.tuples(st.binary(min_size=1, max_size=6), st.integers(1, 300)), max_size=12).map(
    lambda runs: b"".join(piece * count for piece, count in runs)
)
CONTENTS = st.one_of(st.binary(max_size=400), REPETITIVE, st.text("ab", max_size=300).map(str.encode))


def compressed(content: bytes, level: int = 6, memory: int = 8, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """Return raw DEFLATE data as zlib writes it."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15, memory, strategy)
    return deflater.compress(content) + deflater.flush()


def packed(*fields: tuple[int, int] | str) -> bytes:
    """Return fields of (value, bits), and codes as strings of bits, as the bytes of a stream (RFC 1951, 3.1.1)."""
    text = "".join(field if isinstance(field, str) else f"{field[0]:0{field[1]}b}"[::-1] for field in fields)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[start : start + 8][::-1], 2) for start in range(0, len(text), 8))


FIXED = ((1, 1), (1, 2))  # last block, fixed codes
A = f"{0x30 + ord('a'):08b}"  # literal 'a' (RFC 1951, 3.2.6)
B = f"{0x30 + ord('b'):08b}"
END = "0000000"
# A dynamic block for "aaa": code lengths 18 -> 1 bit, 0 and 1 -> 2 bits; literals 'a' and end of block with 1 bit each.
DYNAMIC = ((1, 1), (2, 2))
ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


def lengths_header(
    lengths: dict[int, int], *, literals: int = 257, distances: int = 1, codes: int = 18
) -> list[tuple[int, int]]:
    """Return the counts and the code of the code lengths of a dynamic block (3.2.7)."""
    counts = [(literals - 257, 5), (distances - 1, 5), (codes - 4, 4)]
    return [*counts, *((lengths.get(symbol, 0), 3) for symbol in ORDER[:codes])]


ZEROS, ZERO, ONE = "0", "10", "11"  # the codes of 18, 0 and 1 for these lengths
USUAL = {18: 1, 0: 2, 1: 2}
TABLE = (ZEROS, (97 - 11, 7), ONE, ZEROS, (138 - 11, 7), ZEROS, (20 - 11, 7), ONE, ZERO)
TEXT = ("0", "0", "0", "1")  # a, a, a, end


def test_stored_form_is_deflate() -> None:
    """Stored blocks of every interesting length are what zlib reads, and their size is content plus five per block."""
    for size in (0, 1, 65535, 65536, 131070, 131071, 200_000):
        content = bytes(size)
        stream = deflate.store(content)
        assert zlib.decompress(stream, -15) == content
        assert len(stream) == size + 5 * max(1, -(-size // 65535))
        assert deflate.decode(stream, size) == content
        deflate.check_canonical(stream, content)


# With zlib 1.2.13 two levels write streams for this content that differ in a single byte.
@example(bytes.fromhex("0000000000009000000000000000000090909000009000900000009000009000000000"), 4)
@example(bytes.fromhex("0000000000009000000000000000000090909000009000900000009000009000000000"), 1)
@given(CONTENTS, st.integers(0, 9))
def test_what_this_zlib_writes_is_taken(content: bytes, level: int) -> None:
    """Every stream of this machine's zlib is decoded and taken."""
    stream = compressed(content, level)
    assert deflate.decode(stream, len(content)) == content
    deflate.check_canonical(stream, content)


@given(
    CONTENTS,
    st.sampled_from([0, 4, 5, 6, 7, 8, 9]),
    st.integers(1, 9),
    st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]),
)
def test_what_another_zlib_might_write_is_taken(content: bytes, level: int, memory: int, strategy: int) -> None:
    """The strict decoder takes every stream of zlib's lazy levels, with settings nobody here tries to reproduce."""
    strict_inflate.check(compressed(content, level, memory, strategy), content)


@pytest.mark.parametrize(
    "content",
    [b"ab" * 80, bytes(700), struct.pack("<I", 0x08000235) * 100, b"aabab" * 9 + b"ba" * 30],
    ids=["pairs", "zeros", "words", "two letters"],
)
@pytest.mark.parametrize("level", [1, 6, 9])
def test_no_byte_of_a_known_stream_can_change(content: bytes, level: int) -> None:
    """However repetitive a content is, no other byte anywhere in its stream is taken for the same content."""
    stream = bytearray(compressed(content, level))
    for position, byte in enumerate(stream):
        for value in set(range(256)) - {byte}:
            stream[position] = value
            if decodes_to(bytes(stream), content):
                with pytest.raises(DeflateError):
                    deflate.check_canonical(bytes(stream), content)
        stream[position] = byte


def decodes_to(stream: bytes, content: bytes) -> bool:
    """Tell whether a stream stands for this content, canonical or not."""
    try:
        return deflate.decode(stream, len(content)) == content
    except DeflateError:
        return False


@given(st.binary(max_size=60), st.integers(0, 100))
def test_random_streams_raise_nothing_else(stream: bytes, size: int) -> None:
    """Random bytes are decoded to the size declared, or refused."""
    try:
        content = deflate.decode(stream, size)
        assert len(content) == size
        deflate.check_canonical(stream, content)
    except DeflateError:
        pass


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_the_strict_decoder_raises_nothing_else(stream: bytes, content: bytes) -> None:
    """The strict decoder, given any stream and any content, returns or refuses."""
    try:
        strict_inflate.check(stream, content)
    except DeflateError:
        return
    assert zlib.decompress(stream, -15) == content


@pytest.mark.parametrize(
    ("stream", "size", "words"),
    [
        (b"", 0, "ends after 0 of 0 bytes"),
        (b"\xff", 5, "no valid DEFLATE data"),
        (compressed(b"hello"), 4, "more than the 4 bytes"),
        (compressed(b"hello"), 6, "to 5 bytes, not to the 6"),
        (compressed(b"hello")[:-1], 5, "in the middle"),
        (compressed(b"hello") + b"x", 5, "1 bytes behind the end"),
    ],
)
def test_the_size_and_the_end_must_be_right(stream: bytes, size: int, words: str) -> None:
    """A stream that is damaged, or has another size or end than declared, is refused."""
    with pytest.raises(DeflateError, match=words):
        deflate.decode(stream, size)


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        (packed(*FIXED, A, B, END), b"ab"),
        (packed((0, 1), (1, 2), A, END, *FIXED, B, END), b"ab"),
        (packed(*FIXED, A, B, "0000001", "00001", B, END), b"ababab"),
        (packed(*DYNAMIC, *lengths_header(USUAL), *TABLE, *TEXT), b"aaa"),
    ],
    ids=["fixed", "two blocks", "match", "dynamic"],
)
def test_the_streams_written_here_by_hand_are_right(stream: bytes, content: bytes) -> None:
    """The strict decoder agrees with zlib on the good neighbours of the bad streams below."""
    assert zlib.decompress(stream, -15) == content
    strict_inflate.check(stream, content)


SLACK = {
    "padding after the end": (packed(*FIXED, A, A, END, (1, 7)), "padding"),
    "padding in a stored block": (b"\x09\x01\x00\xfe\xffa", "padding"),
    "258 the long way": (packed(*FIXED, A, "11000100", (31, 5), "00000", END), "the long way"),
    "a match that starts too late": (packed(*FIXED, A, "0000001", "00000", "0000010", "00000", END), "cut short"),
    "a distance that could be nearer": (packed(*FIXED, *([A] * 4), "0000001", "00001", END), "where 1 would do"),
    "zeros behind the code of code lengths": (
        packed(*DYNAMIC, *lengths_header(USUAL, codes=19), *TABLE, *TEXT),
        "zeros at its",
    ),
    "zeros behind the distances": (
        packed(*DYNAMIC, *lengths_header(USUAL, distances=2), *TABLE, ZERO, *TEXT),
        "zeros at its",
    ),
    "a run of zeros cut up": (
        packed(
            *(*DYNAMIC, *lengths_header(USUAL)),
            *(ZEROS, (97 - 11, 7), ONE, ZEROS, (20 - 11, 7), ZEROS, (138 - 11, 7), ONE, ZERO),
            *TEXT,
        ),
        "cut up",
    ),
    "a run of zeros begun late": (
        packed(
            *(*DYNAMIC, *lengths_header(USUAL)),
            *(ZERO, ZEROS, (96 - 11, 7), ONE, ZEROS, (138 - 11, 7), ZEROS, (20 - 11, 7), ONE, ZERO),
            *TEXT,
        ),
        "cut up",
    ),
    "a code for what never occurs": (
        packed(
            *(*DYNAMIC, *lengths_header({18: 2, 0: 2, 1: 2, 2: 2})),
            *("11", (97 - 11, 7), "01", "10", "11", (138 - 11, 7), "11", (19 - 11, 7), "10", "00"),
            *("0", "0", "0", "11"),
        ),
        "which never occurs",
    ),
}


@pytest.mark.parametrize("name", SLACK)
def test_slack_is_refused(name: str) -> None:
    """A stream that zlib decodes, but that has bits to spare, is refused for that."""
    stream, words = SLACK[name]
    with pytest.raises(DeflateError, match=words):
        strict_inflate.check(stream, zlib.decompress(stream, -15))


def test_one_byte_off_is_damage() -> None:
    """A stream that differs from the known one in a byte without effect is refused with the place."""
    content = b"hello" * 20
    stream = compressed(content)
    damaged = stream[:-1] + bytes([stream[-1] ^ 0x80])
    assert deflate.decode(damaged, len(content)) == content
    with pytest.raises(DeflateError, match=f"damaged in byte {len(stream) - 1} "):
        deflate.check_canonical(damaged, content)
