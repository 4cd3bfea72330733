"""Code as compilers and their libraries make it: what it computes on the core is what it computes anywhere.

Results are compared with the host's, which for the library's basic operations and conversions are exact by standard
(ISO C Annex F, IEEE 754); for functions without such a rule within the units in the last place that newlib's own
implementation gives (the fdlibm sources say less than one).
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

import pytest

from mvsdk.emulator.device import End
from tests.board_support.firmware import FULL_LIBRARY, Flavour, execute
from tests.emulator.compiled import HARD_FLOAT, Bench, firmware, program

SOFT = Flavour(float_abi="-mfloat-abi=soft", libc=FULL_LIBRARY.libc, optimisation="-O2")
FLOAT_ABIS = pytest.mark.parametrize("flavour", [HARD_FLOAT, SOFT], ids=["hard", "soft"])
LEVELS = pytest.mark.parametrize("level", ["-O0", "-O2", "-Os", "-O3"])
WFI = b"\x30\xbf"
START = """
#include <stdio.h>
#include <string.h>
#include <stdint.h>
#include "mv_syscalls.h"
static uint8_t log_buffer[4096] __attribute__((aligned(512)));
__attribute__((constructor(101))) static void log_start(void) { (void)mvServerLoggingInit(log_buffer, 4096); }
"""


def run(source: str, *options: str, flavour: Flavour = HARD_FLOAT) -> Bench:
    """Run a program until it sleeps, for good: it has no interrupts."""
    bench = Bench(program(START + source, flavour=flavour, options=options))
    assert bench.device.run(60_000_000) is End.TIME, bench.events[-1]
    core = bench.device.core
    assert core.read_memory(core.registers().pc - 2, 2) == WFI
    return bench


def table(name: str, kind: str, values: list[str]) -> str:
    """Return a constant array in C."""
    return f"static const {kind} {name}[] = {{ {', '.join(values)} }};\n"


def hexadecimal(value: float) -> str:
    """Return a number in C, exactly."""
    return {"inf": "__builtin_inf()", "-inf": "-__builtin_inf()", "nan": '__builtin_nan("")'}.get(
        str(value), value.hex()
    )


def doubles(seed: int, count: int, low: int = -40, high: int = 40) -> list[float]:
    """Return random numbers of all sizes between powers of two, and of both signs."""
    source = random.Random(seed)  # noqa: S311 - reproducible on purpose
    return [math.ldexp(source.uniform(-1, 1), source.randint(low, high)) for _ in range(count)]


# -- printf ---------------------------------------------------------------------------------------------------------

FORMATS = ["%f", "%e", "%g", "%.0f", "%.3f", "%10.2f", "%-12.4e|", "%+g", "%#g", "%.17g", "%015.6f", "%G", "%.1e"]
PRINTED = [0.0, -0.0, 1.0, 0.1, 2.5, 3.5, 1e10, 123456789.125, 1e-7, 9.9999995, 5e-324, 1.7976931348623157e308]
PRINTED += [math.inf, -math.inf, 2.0 / 3.0, -1234.5678, 1e22, 1e23, 0.5, 1.5]


@FLOAT_ABIS
def test_printf_prints_floating_point_as_the_host_does(flavour: Flavour) -> None:
    """Every conversion of a double gives the digits that the host's gives, which are correctly rounded."""
    values = PRINTED + doubles(1, 12)
    rows = "".join(f'printf("{form}\\n", v[i]);' for form in FORMATS)
    source = table("v", "double", [hexadecimal(value) for value in values])
    source += f"int main(void) {{ for (unsigned i = 0; i < {len(values)}; i++) {{ {rows} }} return 0; }}"
    # C fills the field of an infinity with spaces where Python writes zeros (ISO C11, 7.21.6.1).
    expected = [
        (form.replace("%015", "%15") if math.isinf(value) else form) % value for value in values for form in FORMATS
    ]
    assert run(source, flavour=flavour).logged() == expected


def test_numbers_survive_being_printed_and_read() -> None:
    """strtod of seventeen digits gives the number back, and scanf reads what printf wrote."""
    values = doubles(2, 40, -300, 300)
    source = "#include <stdlib.h>\n" + table("v", "double", [hexadecimal(value) for value in values])
    source += f"""
        int main(void) {{
            char text[64];
            unsigned lost = 0;
            for (unsigned i = 0; i < {len(values)}; i++) {{
                double read = 0;
                snprintf(text, sizeof text, "%.17g", v[i]);
                lost += strtod(text, NULL) != v[i];
                lost += sscanf(text, "%lf", &read) != 1 || read != v[i];
            }}
            printf("%u\\n", lost);
            return 0;
        }}"""
    assert run(source).logged() == ["0"]


# -- mathematics ----------------------------------------------------------------------------------------------------

UNARY: dict[str, tuple[Callable[[float], float], float, float]] = {
    "sin": (math.sin, -100, 100),
    "cos": (math.cos, -100, 100),
    "tan": (math.tan, -1.5, 1.5),
    "asin": (math.asin, -1, 1),
    "acos": (math.acos, -1, 1),
    "atan": (math.atan, -1000, 1000),
    "sinh": (math.sinh, -20, 20),
    "tanh": (math.tanh, -5, 5),
    "exp": (math.exp, -80, 80),
    "log": (math.log, 1e-30, 1e30),
    "log10": (math.log10, 1e-10, 1e30),
    "log1p": (math.log1p, -0.9, 1000),
    "expm1": (math.expm1, -5, 20),
    "cbrt": (math.cbrt, -1e9, 1e9),
}
LOOSE = {"cbrt": 2.5}
"""Whose own error is larger than that of the rest, on the host as well."""
EXACT: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "fabs": math.fabs,
}


def results(names: list[str], inputs: list[list[float]], kind: str, flavour: Flavour) -> list[tuple[float, ...]]:
    """Return what each function gives for its inputs; another implementation of the core gives the same bits."""
    suffix, count = ("", "f")[kind == "float"], len(inputs[0])
    source = "#include <math.h>\n"
    for name, values in zip(names, inputs, strict=True):
        source += table(f"in_{name}", kind, [f"({kind}){hexadecimal(value)}" for value in values])
        source += f"{kind} out_{name}[{count}];\n"
    body = "".join(f"out_{name}[i] = {name}{suffix}(((volatile {kind} *)in_{name})[i]);" for name in names)
    source += f"int main(void) {{ for (unsigned i = 0; i < {count}; i++) {{ {body} }} return 0; }}"
    bench = run(source, "-lm", flavour=flavour)
    layout = f"<{count}{'d' if kind == 'double' else 'f'}"
    elsewhere = execute(bench.elf)
    for name in names:
        at = bench.elf.symbols[f"out_{name}"]
        assert bench.device.core.read_memory(at, struct.calcsize(layout)) == elsewhere.memory(
            at, struct.calcsize(layout)
        )
    return [bench.read(f"out_{name}", layout) for name in names]


def single(value: float) -> float:
    """Round to single precision."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def units_off(found: float, expected: float, digits: int) -> float:
    """Return the distance in units in the last place of a format with so many bits."""
    if found == expected:
        return 0.0
    return abs(found - expected) / math.ldexp(1.0, math.frexp(expected)[1] - digits)


@FLOAT_ABIS
@pytest.mark.parametrize(("kind", "digits"), [("double", 53), ("float", 24)])
def test_mathematical_functions_are_within_a_unit_in_the_last_place(flavour: Flavour, kind: str, digits: int) -> None:
    """In double precision, all in software, and in single precision, with or without the unit for it."""
    source = random.Random(3)  # noqa: S311
    convert = single if kind == "float" else float
    names = list(UNARY)
    inputs = [[convert(source.uniform(low, high)) for _ in range(40)] for _, low, high in UNARY.values()]
    for name, values, found in zip(names, inputs, results(names, inputs, kind, flavour), strict=True):
        for value, result in zip(values, found, strict=True):
            assert units_off(result, UNARY[name][0](value), digits) < LOOSE.get(name, 1.5), (name, value)


@FLOAT_ABIS
@pytest.mark.parametrize("kind", ["double", "float"])
def test_exact_functions_are_exact(flavour: Flavour, kind: str) -> None:
    """Square root and rounding have one right answer."""
    convert = single if kind == "float" else float
    values = [convert(abs(value)) for value in doubles(4, 60)]
    names = list(EXACT)
    for name, found in zip(names, results(names, [values] * len(names), kind, flavour), strict=True):
        assert list(found) == [convert(EXACT[name](value)) for value in values], name


@FLOAT_ABIS
def test_double_arithmetic_in_software_is_exact(flavour: Flavour) -> None:
    """Sum, difference, product, quotient, comparison and conversion of doubles are those of IEEE 754, bit for bit."""
    special = [0.0, -0.0, 1.0, -1.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.inf, -math.inf]
    left = (special * 2 + doubles(5, 80, -320, 320) + doubles(6, 80, -4, 4))[:160]
    right = (doubles(7, 12) + special + doubles(8, 80, -320, 320) + doubles(9, 80, -4, 4))[:160]
    text = table("a", "volatile double", [hexadecimal(value) for value in left])
    text += table("b", "volatile double", [hexadecimal(value) for value in right])
    text += """
        double sum[160], difference[160], product[160], quotient[160];
        float narrow[160]; int64_t whole[160]; uint32_t less[160];
        int main(void) {
            for (unsigned i = 0; i < 160; i++) {
                sum[i] = a[i] + b[i]; difference[i] = a[i] - b[i]; product[i] = a[i] * b[i]; quotient[i] = a[i] / b[i];
                narrow[i] = (float)a[i];
                whole[i] = a[i] > -9e18 && a[i] < 9e18 ? (int64_t)a[i] : 0;
                less[i] = (uint32_t)(a[i] < b[i]) | (uint32_t)(a[i] == b[i]) << 1 | (uint32_t)(a[i] >= b[i]) << 2;
            }
            return 0;
        }"""
    bench = run(text, flavour=flavour)
    pairs = list(zip(left, right, strict=True))

    def same(symbol: str, expected: list[float]) -> None:
        found = bench.read(symbol, "<160d")
        for pair, ours, theirs in zip(pairs, found, expected, strict=True):
            assert (
                math.isnan(ours)
                if math.isnan(theirs)
                else (ours, math.copysign(1, ours))
                == (
                    theirs,
                    math.copysign(1, theirs),
                )
            ), (symbol, pair)

    same("sum", [a + b for a, b in pairs])
    same("difference", [a - b for a, b in pairs])
    same("product", [a * b for a, b in pairs])
    same("quotient", [quotient(a, b) for a, b in pairs])
    assert [narrowed(a) for a in left] == list(bench.read("narrow", "<160f"))
    assert [int(a) if -9e18 < a < 9e18 else 0 for a in left] == list(bench.read("whole", "<160q"))
    assert [(a < b) | (a == b) << 1 | (a >= b) << 2 for a, b in pairs] == list(bench.read("less", "<160I"))


def quotient(a: float, b: float) -> float:
    """Divide as IEEE 754 does, by zero too."""
    if b:
        return a / b
    return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)


def narrowed(value: float) -> float:
    """Round to single precision, out of range to infinity."""
    try:
        return single(value)
    except OverflowError:
        return math.copysign(math.inf, value)


# -- whole numbers and memory ---------------------------------------------------------------------------------------


@LEVELS
def test_wide_whole_numbers(level: str) -> None:
    """Division, remainder, shifts and products of 64-bit numbers are those of the host at any optimisation."""
    source = random.Random(10)  # noqa: S311
    numbers = [source.getrandbits(source.randint(1, 64)) for _ in range(120)] + [1, 2**64 - 1, 2**63, 10, 2**32]
    divisors = [source.getrandbits(source.randint(1, 64)) | 1 for _ in range(120)] + [2**64 - 1, 1, 3, 2**32, 7]
    count = len(numbers)
    text = table("a", "volatile uint64_t", [f"{n:#x}ull" for n in numbers])
    text += table("b", "volatile uint64_t", [f"{n:#x}ull" for n in divisors])
    text += f"""
        uint64_t out[{count}][7];
        int main(void) {{
            for (unsigned i = 0; i < {count}; i++) {{
                out[i][0] = a[i] / b[i]; out[i][1] = a[i] % b[i]; out[i][2] = a[i] * b[i];
                out[i][3] = a[i] << (b[i] & 63); out[i][4] = a[i] >> (b[i] & 63);
                out[i][5] = (uint64_t)((int64_t)a[i] >> (b[i] & 63));
                out[i][6] = (uint64_t)__builtin_popcountll(a[i]) << 32 | (uint32_t)__builtin_clzll(b[i]);
            }}
            return 0;
        }}"""
    bench = run(text, flavour=Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, level))
    top = 2**64
    expected = []
    for a, b in zip(numbers, divisors, strict=True):
        shift, signed = b & 63, a - (top if a >> 63 else 0)
        expected += [a // b, a % b, a * b % top, (a << shift) % top, a >> shift, (signed >> shift) % top]
        expected.append(a.bit_count() << 32 | (64 - b.bit_length()))
    assert list(bench.read("out", f"<{7 * count}Q")) == expected


def test_memory_and_string_functions_at_every_alignment() -> None:
    """Copies, moves over themselves, fills, comparisons and searches are right from and to any address."""
    text = """
        static uint8_t from[160], to[160], right[160];
        int main(void) {
            unsigned wrong = 0;
            for (unsigned i = 0; i < sizeof from; i++) { from[i] = (uint8_t)(i * 7 + 1); }
            for (unsigned a = 0; a < 8; a++) for (unsigned b = 0; b < 8; b++) for (unsigned n = 0; n < 70; n++) {
                memset(to, 0xEE, sizeof to);
                memcpy(to + a, from + b, n);
                for (unsigned i = 0; i < sizeof to; i++) {
                    wrong += to[i] != (i >= a && i < a + n ? from[b + i - a] : 0xEE);
                }
                wrong += memcmp(to + a, from + b, n) != 0;
                memcpy(to, from, sizeof to);
                memcpy(right, from, sizeof right);
                for (unsigned i = 0; i < n; i++) { ((volatile uint8_t *)right)[a + i] = from[b + i]; }
                memmove(to + a, to + b, n);
                wrong += memcmp(to, right, sizeof to) != 0;
                char *text = (char *)to + a;
                memset(text, 'x', n); text[n] = 0;
                wrong += strlen(text) != n || strchr(text, 0) != text + n || memchr(text, 0, 80) != text + n;
                strcpy((char *)right + b, text);
                wrong += strcmp((char *)right + b, text) != 0;
                if (n) { text[n - 1] = 'y'; wrong += strcmp(text, (char *)right + b) <= 0; }
            }
            printf("%u\\n", wrong);
            return 0;
        }"""
    assert run(text).logged() == ["0"]


@LEVELS
def test_conditional_code(level: str) -> None:
    """Code full of short conditions, which compilers turn into IT blocks, comes out the same at every optimisation."""
    text = """
        uint32_t out[4];
        static uint32_t mixed(int32_t a, int32_t b, uint32_t c) {
            uint32_t r = 0;
            if (a > b) r += 1; else r ^= 0x55;
            if (c & 4) r = r * 3 + 1;
            r += a < 0 ? (uint32_t)-a : (uint32_t)a;
            r ^= b == a ? 7u : c < 100 ? 11u : 13u;
            if (a >= 0 && b >= 0 && (c & 1)) r += 17; else if (a < 0 || b < -5) r -= 19;
            r = (c >> 3 & 1) ? r << 3 | r >> 29 : r;
            switch (c % 7) { case 0: r++; break; case 1: r ^= 99; break; case 3: r -= 4; break; case 5: r = ~r; break;
                default: r += 2; }
            return (int32_t)r < 0 ? r >> 1 : r + 1;
        }
        int main(void) {
            uint32_t state = 12345, sum = 0;
            for (unsigned i = 0; i < 20000; i++) {
                state = state * 1664525u + 1013904223u;
                sum = sum * 31u + mixed((int32_t)state >> 16, (int32_t)(state << 8) >> 20, state >> 9 & 0xFF);
            }
            out[0] = sum; out[1] = state;
            return 0;
        }"""
    bench = run(text, flavour=Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, level))
    assert bench.read("out", "<2I") == conditional_code()


def conditional_code() -> tuple[int, int]:
    """Compute the same on the host."""
    state, total, mask = 12345, 0, 0xFFFF_FFFF

    def signed(value: int) -> int:
        return value - (1 << 32) if value & 1 << 31 else value

    for _ in range(20000):
        state = (state * 1664525 + 1013904223) & mask
        a, b, c = signed(state) >> 16, signed(state << 8 & mask) >> 20, state >> 9 & 0xFF
        r = 1 if a > b else 0x55
        r = r * 3 + 1 if c & 4 else r
        r += abs(a)
        r ^= 7 if a == b else 11 if c < 100 else 13
        if a >= 0 and b >= 0 and c & 1:
            r += 17
        elif a < 0 or b < -5:
            r -= 19
        r &= mask
        r = (r << 3 | r >> 29) & mask if c >> 3 & 1 else r
        r = {0: r + 1, 1: r ^ 99, 3: r - 4, 5: ~r}.get(c % 7, r + 2) & mask
        total = (total * 31 + (r >> 1 if r >> 31 else (r + 1) & mask)) & mask
    return total, state


# -- the stack ------------------------------------------------------------------------------------------------------


@LEVELS
def test_long_jumps_restore_what_they_promise(level: str) -> None:
    """longjmp out of nested calls gives its value to setjmp, with the callee-saved registers, those of FP too."""
    text = """
        #include <setjmp.h>
        static jmp_buf place;
        static volatile float seed = 1.25f;
        __attribute__((noinline)) static void deep(int left, float f) {
            volatile float local = f * 2.0f;
            if (left == 0) { longjmp(place, 42); }
            if (left > 0) { deep(left - 1, local + 1.0f); }
            local = 0;
        }
        __attribute__((noinline)) static int tried(int a, float f) {
            const int kept = a * 3; const float held = f * 0.5f;
            const int code = setjmp(place);
            if (code == 0) { deep(20, f); }
            return code + kept + (int)(held * 8.0f);
        }
        int main(void) {
            int total = 0;
            for (int i = 0; i < 10; i++) { total += tried(i, seed); }
            printf("%d\\n", total);
            return 0;
        }
    """
    flavour = Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, f"{level} -Wno-clobbered")
    assert run(text, flavour=flavour).logged() == [str(sum(42 + 3 * i + 5 for i in range(10)))]


@LEVELS
def test_variable_frames(level: str) -> None:
    """alloca, arrays of variable length and stack clash probes keep their contents apart from each other."""
    text = """
        #include <alloca.h>
        __attribute__((noinline)) static uint32_t work(uint32_t n) {
            uint8_t *first = alloca(n + 1);
            uint32_t second[n + 3];
            memset(first, (int)n, n + 1);
            for (uint32_t i = 0; i < n + 3; i++) { second[i] = i * n; }
            uint32_t sum = n > 4 ? work(n / 2) : 0;
            for (uint32_t i = 0; i < n + 3; i++) { sum += second[i] + (i <= n ? first[i] : 0u); }
            return sum;
        }
        int main(void) {
            uint32_t sum = 0;
            for (uint32_t n = 0; n < 200; n += 13) { sum += work(n); }
            printf("%lu\\n", (unsigned long)sum);
            return 0;
        }
    """

    def work(n: int) -> int:
        return (work(n // 2) if n > 4 else 0) + sum(i * n for i in range(n + 3)) + (n + 1) * (n & 0xFF)

    flavour = Flavour(
        "-mfloat-abi=hard", FULL_LIBRARY.libc, f"{level} -fstack-clash-protection -fstack-protector-strong"
    )
    expected = [str(sum(work(n) for n in range(0, 200, 13)) & 0xFFFF_FFFF)]
    assert run(text, flavour=flavour).logged() == expected


# -- C++ ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@FLOAT_ABIS
def test_cplusplus(level: str, flavour: Flavour) -> None:
    """Exceptions unwind through frames and destroy what is in them; casts, virtual calls and containers work; objects
    with static life are constructed before main and destroyed at exit."""
    made = Flavour(flavour.float_abi, FULL_LIBRARY.libc, level)
    bench = Bench(firmware("cplusplus.cpp", flavour=made))
    assert bench.device.run(60_000_000) is End.TIME
    assert bench.logged() == [
        "constructed",
        "7Failure deep 1 1",
        "alive 0",
        "again deep 1",
        "int 42",
        "out of range",
        "area 22.0 squares 2 circle 0 alive 4",
        "a1",
        "b3",
        "c1",
        "alive 0",
        "destroyed",
    ]
