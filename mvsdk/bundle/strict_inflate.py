"""A DEFLATE decoder that knows the result and looks for slack on the way (RFC 1951; sections in parentheses below).

It is slow and used only for streams no encoder at hand reproduces. What it refuses no zlib writes at levels 4 to 9:
padding bits that are set, a length written the long way, a match at one distance cut up other than longest first, a
nearer distance with the same bytes that takes as many bits, and code tables with spare, missing or oddly written codes.
What it cannot refuse is the slack in how a content is divided into literals and matches, where each encoder has its own
ways; very repetitive content may have another division one byte away.
"""

from __future__ import annotations

from collections.abc import Sequence

# Symbol: (base, extra bits) (3.2.5).
_LENGTHS = {257 + index: (3 + index, 0) for index in range(8)} | {285: (258, 0)}
_DISTANCES = {symbol: (1 + symbol, 0) for symbol in range(4)}
for _extra in range(1, 6):
    for _quarter in range(4):
        _LENGTHS[261 + 4 * _extra + _quarter] = (3 + ((4 + _quarter) << _extra), _extra)
for _extra in range(1, 14):
    for _half in range(2):
        _DISTANCES[2 + 2 * _extra + _half] = (1 + ((2 + _half) << _extra), _extra)

_LENGTH_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_REPEATS = {16: (3, 2), 17: (3, 3), 18: (11, 7)}
_END_OF_BLOCK = 256
_LONGEST_MATCH = 258


class DeflateError(Exception):
    """A stream is not DEFLATE data, or not the only way to write its content. The message continues "NAME …"."""


class _Bits:
    """The stream as bits, least significant first (3.1.1)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = 0
        self._held = 0
        self._count = 0

    def take(self, count: int) -> int:
        while self._count < count:
            if self._next == len(self._data):
                raise DeflateError("ends in the middle of its DEFLATE data")
            self._held |= self._data[self._next] << self._count
            self._next += 1
            self._count += 8
        value = self._held & ((1 << count) - 1)
        self._held >>= count
        self._count -= count
        return value

    def take_bytes(self, count: int) -> bytes:
        """Return whole bytes; only right after `align` and a multiple of 8 bits."""
        start = self._next
        self._next += count
        if self._next > len(self._data):
            raise DeflateError("ends in the middle of its DEFLATE data")
        return self._data[start : self._next]

    def align(self) -> None:
        if self.take(self._count % 8):
            raise DeflateError(f"has padding bits set in byte {self._next - 1} of its DEFLATE data")

    def at_end(self) -> bool:
        return self._next == len(self._data) and self._count == 0


class _Code:
    """A Huffman code given by the lengths of its symbols (3.2.2), which notices symbols that are never used."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = lengths
        self.used: set[int] = set()
        self._symbols: dict[int, int] = {}
        code = 1  # a leading one keeps codes of different lengths apart
        for length in range(1, 16):
            code <<= 1
            for symbol, its_length in enumerate(lengths):
                if its_length == length:
                    self._symbols[code] = symbol
                    code += 1
        if code != 1 << 16 and len(self._symbols) > 1:
            raise DeflateError("has a code table that is not complete")

    def read(self, bits: _Bits) -> int:
        code = 1
        while code not in self._symbols:
            code = code << 1 | bits.take(1)
            if code >> 16:
                raise DeflateError("has a code that is in no table")
        symbol = self._symbols[code]
        self.used.add(symbol)
        return symbol

    def check_no_spares(self) -> None:
        # Encoders pad a table to two codes, with one of the first symbols, for the sake of old decoders.
        spare = set(self._symbols.values()) - self.used
        if spare and (len(self._symbols) > 2 or max(spare) > 2):
            raise DeflateError(f"has a code table with a code for {max(spare)}, which never occurs")


def check(stream: bytes, content: bytes) -> None:
    """Raise DeflateError unless `stream` decodes to `content` and has no slack."""
    bits = _Bits(stream)
    position = 0
    last = False
    while not last:
        last = bool(bits.take(1))
        kind = bits.take(2)
        if kind == 0:
            position = _stored_block(bits, content, position)
        elif kind == 1:
            lengths = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8  # (3.2.6)
            position = _compressed_block(bits, _Code(lengths), _Code([5] * 32), content, position)
        elif kind == 2:
            literals, distances = _tables(bits)
            position = _compressed_block(bits, literals, distances, content, position)
            literals.check_no_spares()
            distances.check_no_spares()
        else:
            raise DeflateError("has a block of the reserved kind")
    bits.align()
    if not bits.at_end() or position != len(content):
        raise DeflateError("does not end where its content ends")


def _stored_block(bits: _Bits, content: bytes, position: int) -> int:
    bits.align()
    size = bits.take(16)
    if bits.take(16) != size ^ 0xFFFF:
        raise DeflateError("has a stored block whose two sizes disagree")
    if bits.take_bytes(size) != content[position : position + size]:
        raise DeflateError(f"does not decode to its content at byte {position}")
    return position + size


def _literal(value: int, content: bytes, position: int) -> int:
    if content[position : position + 1] != bytes([value]):
        raise DeflateError(f"does not decode to its content at byte {position}")
    return position + 1


def _compressed_block(bits: _Bits, literals: _Code, distances: _Code, content: bytes, position: int) -> int:
    before = (_LONGEST_MATCH, 0)
    while (symbol := literals.read(bits)) != _END_OF_BLOCK:
        if symbol < _END_OF_BLOCK:
            position = _literal(symbol, content, position)
            before = (_LONGEST_MATCH, 0)
            continue
        length = _number(bits, _LENGTHS, symbol)
        if length == _LONGEST_MATCH and symbol != 285:
            raise DeflateError("has a length of 258 written the long way")
        distance_symbol = distances.read(bits)
        distance = _number(bits, _DISTANCES, distance_symbol)
        _check_match(content, position, length, distance)
        _check_nearest(content, position, length, distance, distances, distance_symbol)
        if before[1] == distance and before[0] != _LONGEST_MATCH:
            raise DeflateError(f"has a match before byte {position} that is cut short")
        before = (length, distance)
        position += length
    return position


def _number(bits: _Bits, table: dict[int, tuple[int, int]], symbol: int) -> int:
    if symbol not in table:
        raise DeflateError(f"has the symbol {symbol}, which means nothing")
    base, extra = table[symbol]
    return base + bits.take(extra)


def _check_match(content: bytes, position: int, length: int, distance: int) -> None:
    # What a match copies may be what it has just written, so the content is compared with itself.
    source = position - distance
    if source < 0 or position + length > len(content):
        raise DeflateError(f"has a match at byte {position} that reaches outside")
    if content[source : source + length] != content[position : position + length]:
        raise DeflateError(f"does not decode to its content at byte {position}")


def _check_nearest(content: bytes, position: int, length: int, distance: int, code: _Code, symbol: int) -> None:
    """Refuse a distance when a nearer one with the same bytes takes as many bits: one could stand for the other."""
    wanted = content[position : position + length]
    if content.rfind(wanted, position - distance, position + length - 1) == position - distance:
        return
    bits = code.lengths[symbol] + _DISTANCES[symbol][1]
    for other, (base, extra) in _DISTANCES.items():
        if other > symbol or other >= len(code.lengths) or not code.lengths[other]:
            continue
        nearest, furthest = base, min(base + (1 << extra), distance) - 1
        if code.lengths[other] + extra == bits and nearest <= furthest:
            found = content.find(wanted, position - furthest, position - nearest + length)
            if found >= 0:
                nearer = position - found
                raise DeflateError(f"copies byte {position} from {distance} bytes before, where {nearer} would do")


def _tables(bits: _Bits) -> tuple[_Code, _Code]:
    """Read the two codes of a dynamic block (3.2.7)."""
    literal_count, distance_count, length_count = bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4
    in_order = [bits.take(3) for _ in range(length_count)]
    _check_trimmed(in_order, 4)
    by_symbol = dict(zip(_LENGTH_ORDER, in_order, strict=False))
    length_code = _Code([by_symbol.get(symbol, 0) for symbol in range(19)])
    lengths = _code_lengths(bits, length_code, literal_count, distance_count)
    literals, distances = lengths[:literal_count], lengths[literal_count:]
    _check_trimmed(literals, 257)
    _check_trimmed(distances, 1)
    return _Code(literals), _Code(distances)


def _check_trimmed(lengths: Sequence[int], shortest: int) -> None:
    if len(lengths) > shortest and not lengths[-1]:
        raise DeflateError("has a code table with zeros at its end")


def _code_lengths(bits: _Bits, code: _Code, literal_count: int, distance_count: int) -> list[int]:
    """Read the lengths of both codes, which are packed as one sequence."""
    lengths: list[int] = []
    count = literal_count + distance_count
    run_before: tuple[int, int] | None = None  # (value, room left) of the repetition just read
    while len(lengths) < count:
        symbol = code.read(bits)
        if symbol < 16:
            lengths.append(symbol)
            run_before = None
            continue
        if symbol == 16 and not lengths:
            raise DeflateError("repeats a code length before the first")
        base, extra = _REPEATS[symbol]
        run = bits.take(extra)
        value = lengths[-1] if symbol == 16 else 0
        _check_run(lengths, literal_count, value, run_before)
        longest = 6 if symbol == 16 else 138
        lengths += [value] * (base + run)
        run_before = (value, longest - base - run)
    if len(lengths) > count:
        raise DeflateError("has more code lengths than it declares")
    code.check_no_spares()
    return lengths


def _check_run(lengths: Sequence[int], boundary: int, value: int, run_before: tuple[int, int] | None) -> None:
    """Refuse a repetition that should have started earlier or been part of the one before."""
    if run_before is not None:
        late = run_before[0] == value and run_before[1] > 0
    else:
        # A run of zeros starts with its first zero, another with the second of its kind. Encoders may start anew
        # where the second code begins.
        table = lengths[boundary:] if len(lengths) > boundary else lengths
        late = table[-1:] == [value] if value == 0 else table[-2:] == [value, value]
    if late:
        raise DeflateError("has a code table whose repetitions are cut up oddly")
