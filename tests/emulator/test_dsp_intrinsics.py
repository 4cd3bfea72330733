"""The DSP extension by the names that C code knows it by: what `arm_acle.h` promises is what the core computes.

The models are written from the descriptions of the Arm C Language Extensions (ACLE, "32-bit SIMD intrinsics" and
"Saturating intrinsics"), lane by lane, not from the architecture's pseudocode.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from mvsdk.emulator.device import End
from tests.board_support.firmware import FULL_LIBRARY, Flavour
from tests.emulator.compiled import Bench, program

WORD = 0xFFFF_FFFF
CORNERS = [0, 1, 0x7FFF_FFFF, 0x8000_0000, WORD, 0x7FFF_8000, 0x8000_7FFF, 0x80FF_7F01, 0x0001_FFFF]
COUNT = 60

Model = Callable[[int, int, int], int]


def signed(value: int, bits: int = 32) -> int:
    """Read the low bits of a number as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def lanes(value: int, bits: int, *, sign: bool) -> list[int]:
    """Return the lanes of a word, lowest first."""
    cut = [value >> at & (1 << bits) - 1 for at in range(0, 32, bits)]
    return [signed(lane, bits) for lane in cut] if sign else cut


def joined(values: Iterable[int], bits: int) -> int:
    """Make a word of lanes, each cut to its size."""
    return sum((value & (1 << bits) - 1) << at * bits for at, value in enumerate(values))


def clamped(value: int, bits: int, *, sign: bool = True) -> int:
    """Bring a number into the range of so many bits."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if sign else (0, (1 << bits) - 1)
    return min(max(value, low), high)


def parallel(bits: int, *, sign: bool, subtract: bool, finish: str) -> Model:
    """Return a lane-wise addition or subtraction that wraps, saturates or halves."""

    def model(a: int, b: int, _: int) -> int:
        pairs = zip(lanes(a, bits, sign=sign), lanes(b, bits, sign=sign), strict=True)
        exact = [x - y if subtract else x + y for x, y in pairs]
        finished = {
            "wrap": exact,
            "saturate": [clamped(value, bits, sign=sign) for value in exact],
            "halve": [value >> 1 for value in exact],
        }
        return joined(finished[finish], bits)

    return model


def crossed(*, add_first: bool, finish: str, sign: bool) -> Model:
    """Return ASX (subtract in the low lane) or SAX: lanes of the second operand are exchanged."""

    def model(a: int, b: int, _: int) -> int:
        (low, high), (other_low, other_high) = lanes(a, 16, sign=sign), lanes(b, 16, sign=sign)
        exact = [low + other_high, high - other_low] if add_first else [low - other_high, high + other_low]
        if finish == "saturate":
            exact = [clamped(value, 16, sign=sign) for value in exact]
        return joined([value >> 1 for value in exact] if finish == "halve" else exact, 16)

    return model


def products(a: int, b: int, *, exchange: bool = False) -> tuple[int, int]:
    """Return the products of the low and of the high halfwords, the second operand's exchanged if asked."""
    (low, high), (other_low, other_high) = lanes(a, 16, sign=True), lanes(b, 16, sign=True)
    return (low * other_high, high * other_low) if exchange else (low * other_low, high * other_high)


def selected(a: int, b: int, choose: list[bool]) -> int:
    """Take each byte from the first word or the second."""
    pairs = zip(lanes(a, 8, sign=False), lanes(b, 8, sign=False), choose, strict=True)
    return joined([x if first else y for x, y, first in pairs], 8)


def half(value: int, top: int) -> int:
    """Return a signed halfword."""
    return signed(value >> 16 * top, 16)


INTRINSICS: dict[str, Model] = {
    "(uint32_t)__qadd((int32_t)a, (int32_t)b)": lambda a, b, _: clamped(signed(a) + signed(b), 32),
    "(uint32_t)__qsub((int32_t)a, (int32_t)b)": lambda a, b, _: clamped(signed(a) - signed(b), 32),
    "(uint32_t)__qadd((int32_t)a, __qdbl((int32_t)b))": lambda a, b, _: clamped(
        signed(a) + clamped(2 * signed(b), 32), 32
    ),
    "(uint32_t)__ssat((int32_t)a, 9)": lambda a, _b, _c: clamped(signed(a), 9),
    "__usat((int32_t)a, 21)": lambda a, _b, _c: clamped(signed(a), 21, sign=False),
    "(uint32_t)__ssat((int32_t)a >> 5, 17)": lambda a, _b, _c: clamped(signed(a) >> 5, 17),
    "(uint32_t)__ssat16((int32_t)a, 11)": lambda a, _b, _c: joined(
        [clamped(lane, 11) for lane in lanes(a, 16, sign=True)], 16
    ),
    "(uint32_t)__usat16((int32_t)a, 7)": lambda a, _b, _c: joined(
        [clamped(lane, 7, sign=False) for lane in lanes(a, 16, sign=True)], 16
    ),
    "(uint32_t)__sxtb16((int8x4_t)a)": lambda a, _b, _c: joined([signed(a, 8), signed(a >> 16, 8)], 16),
    "__uxtb16((uint8x4_t)a)": lambda a, _b, _c: a & 0x00FF_00FF,
    "(uint32_t)__sxtab16((int16x2_t)a, (int8x4_t)b)": lambda a, b, _: joined(
        [a + signed(b, 8), (a >> 16) + signed(b >> 16, 8)], 16
    ),
    "__uxtab16(a, b >> 8 | b << 24)": lambda a, b, _: joined([a + (b >> 8 & 255), (a >> 16) + (b >> 24)], 16),
    "__usad8(a, b)": lambda a, b, _: sum(
        abs(x - y) for x, y in zip(lanes(a, 8, sign=False), lanes(b, 8, sign=False), strict=True)
    ),
    "__usada8(a, b, c)": lambda a, b, c: (
        c + sum(abs(x - y) for x, y in zip(lanes(a, 8, sign=False), lanes(b, 8, sign=False), strict=True))
    ),
    "(uint32_t)__smuad((int32_t)a, (int32_t)b)": lambda a, b, _: sum(products(a, b)),
    "(uint32_t)__smuadx((int32_t)a, (int32_t)b)": lambda a, b, _: sum(products(a, b, exchange=True)),
    "(uint32_t)__smusd((int32_t)a, (int32_t)b)": lambda a, b, _: products(a, b)[0] - products(a, b)[1],
    "(uint32_t)__smusdx((int32_t)a, (int32_t)b)": lambda a, b, _: (
        products(a, b, exchange=True)[0] - products(a, b, exchange=True)[1]
    ),
    "(uint32_t)__smlad((int32_t)a, (int32_t)b, (int32_t)c)": lambda a, b, c: sum(products(a, b)) + c,
    "(uint32_t)__smladx((int32_t)a, (int32_t)b, (int32_t)c)": lambda a, b, c: sum(products(a, b, exchange=True)) + c,
    "(uint32_t)__smlsd((int32_t)a, (int32_t)b, (int32_t)c)": lambda a, b, c: products(a, b)[0] - products(a, b)[1] + c,
    "(uint32_t)((uint64_t)__smlald((int32_t)a, (int32_t)b, (int64_t)c << 20) >> 17)": lambda a, b, c: (
        (sum(products(a, b)) + (c << 20)) >> 17
    ),
    "(uint32_t)((uint64_t)__smlsldx((int32_t)a, (int32_t)b, (int64_t)c << 20) >> 17)": lambda a, b, c: (
        (products(a, b, exchange=True)[0] - products(a, b, exchange=True)[1] + (c << 20)) >> 17
    ),
    "(uint32_t)((int16_t)a * (int16_t)b)": lambda a, b, _: half(a, 0) * half(b, 0),
    "(uint32_t)(((int32_t)a >> 16) * (int16_t)b)": lambda a, b, _: half(a, 1) * half(b, 0),
    "(uint32_t)__smlabt((int32_t)a, (int32_t)b, (int32_t)c)": lambda a, b, c: half(a, 0) * half(b, 1) + c,
    "(uint32_t)__smlatt((int32_t)a, (int32_t)b, (int32_t)c)": lambda a, b, c: half(a, 1) * half(b, 1) + c,
    "(uint32_t)((int64_t)(int32_t)a * (int16_t)b >> 16)": lambda a, b, _: signed(a) * half(b, 0) >> 16,
    "(uint32_t)__smlawt((int32_t)a, (int32_t)b, (int32_t)c)": lambda a, b, c: (signed(a) * half(b, 1) >> 16) + c,
    "__sadd8(a, b), __sel(a, b)": lambda a, b, _: selected(
        a, b, [x + y >= 0 for x, y in zip(lanes(a, 8, sign=True), lanes(b, 8, sign=True), strict=True)]
    ),
    "__usub8(a, b), __sel(a, b)": lambda a, b, _: selected(
        a, b, [x >= y for x, y in zip(lanes(a, 8, sign=False), lanes(b, 8, sign=False), strict=True)]
    ),
    "(uint32_t)__ssub16((int16x2_t)a, (int16x2_t)b), __sel(a, b)": lambda a, b, _: selected(
        a,
        b,
        [x >= y for x, y in zip(lanes(a, 16, sign=True), lanes(b, 16, sign=True), strict=True) for _ in range(2)],
    ),
    "(a & 0x00FF00FFu) << 8 | (a >> 8 & 0x00FF00FFu)": lambda a, _b, _c: (a & 0x00FF_00FF) << 8 | a >> 8 & 0x00FF_00FF,
    "(uint32_t)(int16_t)__builtin_bswap16((uint16_t)a)": lambda a, _b, _c: signed((a & 255) << 8 | a >> 8 & 255, 16),
    "a ? (uint32_t)__builtin_clz(a) : 32u": lambda a, _b, _c: 32 - a.bit_length(),
    "(uint32_t)__builtin_clrsb((int32_t)a)": lambda a, _b, _c: 31 - (a if a < 1 << 31 else a ^ WORD).bit_length(),
    "a >> (b & 31) | a << (-b & 31)": lambda a, b, _: a >> (b & 31) | a << (32 - (b & 31)) if b & 31 else a,
}
for _prefix, _sign, _finish in (
    ("s", True, "wrap"), ("u", False, "wrap"), ("q", True, "saturate"), ("uq", False, "saturate"),
    ("sh", True, "halve"), ("uh", False, "halve"),
):  # fmt: skip
    for _bits in (8, 16):
        for _subtract in (False, True):
            _name = f"__{_prefix}{'sub' if _subtract else 'add'}{_bits}"
            INTRINSICS[f"(uint32_t){_name}(a, b)"] = parallel(_bits, sign=_sign, subtract=_subtract, finish=_finish)
    INTRINSICS[f"(uint32_t)__{_prefix}asx(a, b)"] = crossed(add_first=False, finish=_finish, sign=_sign)
    INTRINSICS[f"(uint32_t)__{_prefix}sax(a, b)"] = crossed(add_first=True, finish=_finish, sign=_sign)


def operands(seed: int) -> list[int]:
    """Return corner values and random words."""
    source = random.Random(seed)  # noqa: S311 - reproducible on purpose
    return source.sample(CORNERS, len(CORNERS)) + [source.getrandbits(32) for _ in range(COUNT - len(CORNERS))]


@pytest.mark.parametrize("level", ["-O0", "-Os", "-O2", "-O3"])
def test_intrinsics_compute_what_they_promise(level: str) -> None:
    """Every intrinsic, and what compilers make DSP instructions of unasked, gives what its description says."""
    words = [operands(seed) for seed in range(3)]
    tables = "".join(
        f"static const volatile uint32_t {name}s[] = {{ {', '.join(f'{word:#x}u' for word in values)} }};\n"
        for name, values in zip("abc", words, strict=True)
    )
    rows = "".join(f"out[i][{number}] = ({text});\n" for number, text in enumerate(INTRINSICS))
    source = f"""
        #include <arm_acle.h>
        #include <stdint.h>
        {tables}
        uint32_t out[{COUNT}][{len(INTRINSICS)}];
        int main(void) {{
            for (unsigned i = 0; i < {COUNT}; i++) {{ const uint32_t a = as[i], b = bs[i], c = cs[i]; {rows} }}
            return 0;
        }}"""
    flavour = Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, f"{level} -Wno-unused-value")
    bench = Bench(program(source, flavour=flavour))
    assert bench.device.run(1_000_000) is End.TIME, bench.events[-1]
    found = iter(bench.read("out", f"<{COUNT * len(INTRINSICS)}I"))
    for a, b, c in zip(*words, strict=True):
        for text, model in INTRINSICS.items():
            assert next(found) == model(a, b, c) & WORD, (text, hex(a), hex(b), hex(c))
