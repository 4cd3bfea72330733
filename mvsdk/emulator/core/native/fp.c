/* Single-precision arithmetic, bit exact in value and flags, in integers alone (DDI0553, E2.1: FPUnpack, FPRound, ...).
 *
 * A number that is neither zero, infinite nor NaN is sign * fraction * 2^exponent with a 64-bit fraction whose lowest bit
 * stands for everything below it ("sticky"). The executor uses the host's arithmetic where the result cannot differ.
 */
#include "core.h"
#include "kinds.h"

#include <string.h>

#define DEFAULT_NAN 0x7FC00000u
#define INFINITY_BITS 0x7F800000u
#define SIGN 0x80000000u
#define QUIET 0x00400000u

typedef enum { ZERO, FINITE, INFINITE, QUIET_NAN, SIGNALLING_NAN } number_class;

typedef struct {
    number_class class;
    uint32_t sign; /* SIGN or 0 */
    int32_t exponent;
    uint64_t fraction;
} number;

typedef struct {
    uint32_t exponent_bits, fraction_bits;
    bool alternative; /* half precision without infinities and NaNs */
} format;

static const format SINGLE = {8, 23, false};

static void raise(mv_core *core, uint32_t flags) { core->s.fpscr |= flags; }

static uint32_t current_mode(const mv_core *core) { return core->s.fpscr >> 22 & 3; }

static bool is_nan(number a) { return a.class >= QUIET_NAN; }

static number unpack(mv_core *core, uint32_t bits) {
    number a = {.sign = bits & SIGN, .exponent = (int32_t)(bits >> 23 & 0xFF) - 150, .fraction = bits & 0x7FFFFFu};
    if (a.exponent == 255 - 150) {
        a.class = a.fraction == 0 ? INFINITE : bits & QUIET ? QUIET_NAN : SIGNALLING_NAN;
    } else if (a.exponent != -150) {
        a.class = FINITE;
        a.fraction |= 0x800000u;
    } else if (a.fraction == 0) {
        a.class = ZERO;
    } else if (core->s.fpscr & FPSCR_FZ) {
        raise(core, FPSCR_IDC);
        a.class = ZERO;
    } else {
        a.class = FINITE;
        a.exponent = -149;
    }
    return a;
}

/* Shift right and keep in the lowest bit whether anything was lost. */
static uint64_t shift_sticky(uint64_t value, uint32_t by) {
    if (by == 0) return value;
    if (by > 63) return value != 0;
    return value >> by | ((value << (64 - by)) != 0);
}

static void normalise(number *a) {
    while (a->fraction >> 56 == 0) {
        a->fraction <<= 8;
        a->exponent -= 8;
    }
    while (a->fraction >> 63 == 0) {
        a->fraction <<= 1;
        a->exponent -= 1;
    }
}

/* Tell whether `rest` of `unit`, beside an odd or even kept part, rounds away from zero. */
static bool rounds_up(uint32_t mode, uint32_t sign, bool odd, uint64_t rest, uint64_t unit) {
    switch (mode) {
    case ROUND_NEAREST: return rest > unit / 2 || (rest == unit / 2 && odd);
    case ROUND_UP: return rest != 0 && sign == 0;
    case ROUND_DOWN: return rest != 0 && sign != 0;
    case ROUND_AWAY: return rest >= unit / 2;
    default: return false;
    }
}

static uint32_t overflow(mv_core *core, const format *f, uint32_t mode, uint32_t sign) {
    const uint32_t infinity = ((1u << f->exponent_bits) - 1) << f->fraction_bits;
    if (f->alternative) {
        raise(core, FPSCR_IOC);
        return 0x7FFF;
    }
    raise(core, FPSCR_OFC | FPSCR_IXC);
    const bool to_infinity = mode == ROUND_NEAREST || mode == ROUND_AWAY || (mode == ROUND_UP && !sign) || (mode == ROUND_DOWN && sign);
    return to_infinity ? infinity : infinity - 1;
}

/* FPRoundBase: the magnitude's bits in a format; the caller adds the sign. */
static uint32_t round_to(mv_core *core, const format *f, number a, uint32_t mode, bool flush) {
    const int32_t bias = (1 << (f->exponent_bits - 1)) - 1;
    normalise(&a);
    int32_t exponent = a.exponent + 63 + bias;
    if (flush && exponent < 1) {
        raise(core, FPSCR_UFC);
        return 0;
    }
    const bool tiny = exponent < 1;
    if (tiny) {
        a.fraction = shift_sticky(a.fraction, (uint32_t)(1 - exponent));
        exponent = 0;
    }
    const uint32_t drop = 63 - f->fraction_bits;
    const uint64_t unit = (uint64_t)1 << drop, rest = a.fraction & (unit - 1);
    uint32_t bits = (uint32_t)(a.fraction >> drop);
    if (rounds_up(mode, a.sign, bits & 1, rest, unit)) bits++;
    /* The leading one adds itself to the exponent field, as does a carry out of the fraction. */
    bits += (uint32_t)(exponent - (tiny ? 0 : 1)) << f->fraction_bits;
    const uint32_t limit = ((1u << f->exponent_bits) - (f->alternative ? 0 : 1)) << f->fraction_bits;
    if (bits >= limit) return overflow(core, f, mode, a.sign);
    if (rest != 0) raise(core, tiny ? FPSCR_UFC | FPSCR_IXC : FPSCR_IXC);
    return bits;
}

static uint32_t pack(mv_core *core, number a, uint32_t mode) {
    return a.sign | round_to(core, &SINGLE, a, mode, (core->s.fpscr & FPSCR_FZ) != 0);
}

/* FPProcessNaN. */
static uint32_t quieted(mv_core *core, uint32_t bits) {
    if ((bits & QUIET) == 0) raise(core, FPSCR_IOC);
    return core->s.fpscr & FPSCR_DN ? DEFAULT_NAN : bits | QUIET;
}

/* FPProcessNaNs: signalling ones first, in operand order. */
static bool process_nans(mv_core *core, const number *a, const uint32_t *bits, uint32_t count, uint32_t *result) {
    for (number_class class = SIGNALLING_NAN; class >= QUIET_NAN; class--)
        for (uint32_t i = 0; i < count; i++)
            if (a[i].class == class) {
                *result = quieted(core, bits[i]);
                return true;
            }
    return false;
}

static uint32_t invalid(mv_core *core) {
    raise(core, FPSCR_IOC);
    return DEFAULT_NAN;
}

/* The exact sum, as far as rounding can tell, of two finite numbers; a zero fraction when it vanishes. */
static number sum_of(number a, number b) {
    normalise(&a);
    normalise(&b);
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.fraction < b.fraction)) {
        const number larger = b;
        b = a;
        a = larger;
    }
    a.fraction >>= 1; /* 24 to 48 significant bits: the lower ones are zeros */
    a.exponent += 1;
    const uint64_t other = shift_sticky(b.fraction, (uint32_t)(a.exponent - b.exponent));
    a.fraction = a.sign == b.sign ? a.fraction + other : a.fraction - other;
    return a;
}

static uint32_t exact_zero(uint32_t mode) { return mode == ROUND_DOWN ? SIGN : 0; }

static uint32_t add_numbers(mv_core *core, number a, number b) {
    const uint32_t mode = current_mode(core);
    if (a.class == INFINITE && b.class == INFINITE && a.sign != b.sign) return invalid(core);
    if (a.class == INFINITE) return a.sign | INFINITY_BITS;
    if (b.class == INFINITE) return b.sign | INFINITY_BITS;
    if (a.class == ZERO && b.class == ZERO) return a.sign == b.sign ? a.sign : exact_zero(mode);
    if (a.class == ZERO) return pack(core, b, mode);
    if (b.class == ZERO) return pack(core, a, mode);
    const number sum = sum_of(a, b);
    return sum.fraction == 0 ? exact_zero(mode) : pack(core, sum, mode);
}

/* FPAdd and FPSub: `flip` is SIGN to subtract; a NaN keeps its own sign. */
static uint32_t add(mv_core *core, uint32_t n, uint32_t m, uint32_t flip) {
    const uint32_t bits[] = {n, m};
    number a[] = {unpack(core, n), unpack(core, m)};
    uint32_t result;
    if (process_nans(core, a, bits, 2, &result)) return result;
    a[1].sign ^= flip;
    return add_numbers(core, a[0], a[1]);
}

static number product_of(number a, number b) {
    return (number){.class = FINITE, .sign = a.sign ^ b.sign, .exponent = a.exponent + b.exponent, .fraction = a.fraction * b.fraction};
}

static bool infinity_times_zero(number a, number b) {
    return (a.class == INFINITE && b.class == ZERO) || (a.class == ZERO && b.class == INFINITE);
}

static uint32_t multiply(mv_core *core, uint32_t n, uint32_t m) {
    const uint32_t bits[] = {n, m};
    const number a[] = {unpack(core, n), unpack(core, m)};
    const uint32_t sign = a[0].sign ^ a[1].sign;
    uint32_t result;
    if (process_nans(core, a, bits, 2, &result)) return result;
    if (infinity_times_zero(a[0], a[1])) return invalid(core);
    if (a[0].class == INFINITE || a[1].class == INFINITE) return sign | INFINITY_BITS;
    if (a[0].class == ZERO || a[1].class == ZERO) return sign;
    return pack(core, product_of(a[0], a[1]), current_mode(core));
}

static uint32_t divide(mv_core *core, uint32_t n, uint32_t m) {
    const uint32_t bits[] = {n, m};
    const number a[] = {unpack(core, n), unpack(core, m)};
    const uint32_t sign = a[0].sign ^ a[1].sign;
    uint32_t result;
    if (process_nans(core, a, bits, 2, &result)) return result;
    if (a[0].class == a[1].class && a[0].class != FINITE) return invalid(core);
    if (a[0].class == INFINITE) return sign | INFINITY_BITS;
    if (a[1].class == INFINITE || a[0].class == ZERO) return sign;
    if (a[1].class == ZERO) {
        raise(core, FPSCR_DZC);
        return sign | INFINITY_BITS;
    }
    number q = a[0];
    normalise(&q);
    number divisor = a[1];
    normalise(&divisor);
    divisor.fraction >>= 40; /* all its 24 bits */
    const uint64_t quotient = q.fraction / divisor.fraction;
    q.exponent -= divisor.exponent + 40;
    /* Two more bits make room for the remainder. */
    q.fraction = quotient << 2 | (q.fraction % divisor.fraction != 0);
    q.exponent -= 2;
    q.sign = sign;
    return pack(core, q, current_mode(core));
}

/* FPMulAdd: one rounding; NaNs in the order addend, first, second factor. */
static uint32_t fused(mv_core *core, uint32_t addend, uint32_t n, uint32_t m) {
    const uint32_t bits[] = {addend, n, m};
    const number a[] = {unpack(core, addend), unpack(core, n), unpack(core, m)};
    uint32_t result;
    const bool no_product = infinity_times_zero(a[1], a[2]);
    if (a[0].class == QUIET_NAN && no_product) return invalid(core);
    if (process_nans(core, a, bits, 3, &result)) return result;
    if (no_product) return invalid(core);
    number product = product_of(a[1], a[2]);
    if (a[1].class == INFINITE || a[2].class == INFINITE) product.class = INFINITE;
    if (a[1].class == ZERO || a[2].class == ZERO) product.class = ZERO;
    return add_numbers(core, a[0], product);
}

static int compare_finite(number a, number b) {
    if (a.class == ZERO && b.class == ZERO) return 0;
    if (a.class == ZERO) return b.sign ? 1 : -1;
    if (b.class == ZERO) return a.sign ? -1 : 1;
    if (a.sign != b.sign) return a.sign ? -1 : 1;
    int order;
    if (a.class == INFINITE || b.class == INFINITE) {
        order = (a.class == INFINITE) - (b.class == INFINITE);
    } else {
        normalise(&a);
        normalise(&b);
        order = a.exponent != b.exponent ? (a.exponent > b.exponent) - (a.exponent < b.exponent)
                                         : (a.fraction > b.fraction) - (a.fraction < b.fraction);
    }
    return a.sign ? -order : order;
}

/* FPMaxNum, FPMinNum: a quiet NaN loses to a number. */
static uint32_t extreme(mv_core *core, bool largest, uint32_t n, uint32_t m) {
    uint32_t bits[] = {n, m};
    number a[] = {unpack(core, n), unpack(core, m)};
    uint32_t result;
    for (uint32_t i = 0; i < 2; i++)
        if (a[i].class == QUIET_NAN && !is_nan(a[1 - i])) {
            a[i] = (number){.class = INFINITE, .sign = largest ? SIGN : 0};
            bits[i] = a[i].sign | INFINITY_BITS;
        }
    if (process_nans(core, a, bits, 2, &result)) return result;
    if (a[0].class == ZERO && a[1].class == ZERO) return largest ? a[0].sign & a[1].sign : a[0].sign | a[1].sign;
    const uint32_t chosen = (compare_finite(a[0], a[1]) > 0) == largest ? 0 : 1;
    return a[chosen].class == ZERO ? a[chosen].sign : bits[chosen];
}

uint32_t mv_fp_binary(mv_core *core, uint32_t kind, uint32_t d, uint32_t n, uint32_t m) {
    switch (kind) {
    case K_FADD: return add(core, n, m, 0);
    case K_FSUB: return add(core, n, m, SIGN);
    case K_FMUL: return multiply(core, n, m);
    case K_FDIV: return divide(core, n, m);
    case K_FNMUL: return multiply(core, n, m) ^ SIGN;
    case K_FMLA: return add(core, d, multiply(core, n, m), 0);
    case K_FMLS: return add(core, d, multiply(core, n, m) ^ SIGN, 0);
    case K_FNMLA: return add(core, d ^ SIGN, multiply(core, n, m) ^ SIGN, 0);
    case K_FNMLS: return add(core, d ^ SIGN, multiply(core, n, m), 0);
    case K_FFMA: return fused(core, d, n, m);
    case K_FFMS: return fused(core, d, n ^ SIGN, m);
    case K_FFNMA: return fused(core, d ^ SIGN, n ^ SIGN, m);
    case K_FFNMS: return fused(core, d ^ SIGN, n, m);
    default: return extreme(core, kind == K_FMAXNM, n, m);
    }
}

/* The integer square root, bit by bit, with the remainder folded into the lowest bit. */
static uint64_t root_sticky(uint64_t value) {
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root << 1 | (value != 0);
}

uint32_t mv_fp_sqrt(mv_core *core, uint32_t m) {
    number a = unpack(core, m);
    uint32_t result;
    if (process_nans(core, &a, &m, 1, &result)) return result;
    if (a.class == ZERO) return a.sign;
    if (a.sign) return invalid(core);
    if (a.class == INFINITE) return INFINITY_BITS;
    normalise(&a);
    a.fraction >>= 1;
    a.exponent += 1;
    if (a.exponent & 1) {
        a.fraction >>= 1;
        a.exponent += 1;
    }
    a.fraction = root_sticky(a.fraction);
    a.exponent = a.exponent / 2 - 1;
    return pack(core, a, current_mode(core));
}

static uint32_t half_to_single(mv_core *core, uint32_t half) {
    const uint32_t sign = half << 16 & SIGN, exponent = half >> 10 & 31, fraction = half & 0x3FF;
    if (exponent == 31 && (core->s.fpscr & FPSCR_AHP) == 0) {
        const uint32_t bits = sign | INFINITY_BITS | fraction << 13;
        return fraction == 0 ? bits : quieted(core, bits);
    }
    if (exponent == 0 && fraction == 0) return sign;
    const number a = {.class = FINITE, .sign = sign, .exponent = (exponent == 0 ? 1 : (int32_t)exponent) - 25,
                      .fraction = exponent == 0 ? fraction : fraction | 0x400};
    return pack(core, a, ROUND_NEAREST);
}

static uint32_t single_to_half(mv_core *core, uint32_t bits) {
    const bool alternative = (core->s.fpscr & FPSCR_AHP) != 0;
    const format half = {5, 10, alternative};
    const number a = unpack(core, bits);
    const uint32_t sign = bits >> 16 & 0x8000;
    if (is_nan(a)) {
        const bool signals = a.class == SIGNALLING_NAN;
        if (alternative || signals) raise(core, FPSCR_IOC);
        if (alternative) return sign;
        return core->s.fpscr & FPSCR_DN ? 0x7E00 : sign | 0x7E00 | (bits >> 13 & 0x1FF);
    }
    if (a.class == INFINITE) {
        if (alternative) raise(core, FPSCR_IOC);
        return sign | (alternative ? 0x7FFF : 0x7C00);
    }
    return a.class == ZERO ? sign : sign | round_to(core, &half, a, current_mode(core), false);
}

uint32_t mv_fp_half(mv_core *core, uint32_t to_half, uint32_t top, uint32_t d, uint32_t m) {
    if (!to_half) return half_to_single(core, top ? m >> 16 : m & 0xFFFFu);
    const uint32_t half = single_to_half(core, m);
    return top ? (d & 0xFFFFu) | half << 16 : (d & 0xFFFF0000u) | half;
}

/* Of numbers that are neither NaN nor, perhaps, flushed to zero: their bits, made to ascend, say all. */
static bool compare_plain(const mv_core *core, uint32_t n, uint32_t m, int *order) {
    if ((n & ~SIGN) > INFINITY_BITS || (m & ~SIGN) > INFINITY_BITS || (core->s.fpscr & FPSCR_FZ)) return false;
    const int64_t a = n & SIGN ? -(int64_t)(n & ~SIGN) : (int64_t)n, b = m & SIGN ? -(int64_t)(m & ~SIGN) : (int64_t)m;
    *order = (a > b) - (a < b);
    return true;
}

void mv_fp_compare(mv_core *core, uint32_t quiet_too, uint32_t n, uint32_t m) {
    int order;
    if (compare_plain(core, n, m, &order)) {
        core->s.fpscr = (core->s.fpscr & 0x0FFFFFFFu) | (order == 0 ? 6u : order < 0 ? 8u : 2u) << 28;
        return;
    }
    const number a = unpack(core, n), b = unpack(core, m);
    uint32_t flags;
    if (is_nan(a) || is_nan(b)) {
        if (quiet_too || a.class == SIGNALLING_NAN || b.class == SIGNALLING_NAN) raise(core, FPSCR_IOC);
        flags = 3; /* C, V: unordered */
    } else {
        order = compare_finite(a, b);
        flags = order == 0 ? 6 : order < 0 ? 8 : 2;
    }
    core->s.fpscr = (core->s.fpscr & 0x0FFFFFFFu) | flags << 28;
}

/* The magnitude of a finite number as an integer, rounded; at most 2^63. */
static uint64_t to_integer(number a, uint32_t mode, bool *inexact) {
    normalise(&a);
    *inexact = false;
    if (a.exponent > 0) return UINT64_MAX;
    /* Below one half everything rounds alike. */
    const uint32_t drop = a.exponent < -66 ? 66 : (uint32_t)-a.exponent;
    if (drop == 0) return a.fraction;
    a.fraction = shift_sticky(a.fraction, drop > 62 ? drop - 62 : 0);
    const uint32_t left = drop > 62 ? 62 : drop;
    const uint64_t unit = (uint64_t)1 << left, rest = a.fraction & (unit - 1);
    uint64_t whole = a.fraction >> left;
    *inexact = rest != 0;
    if (rounds_up(mode, a.sign, whole & 1, rest, unit)) whole++;
    return whole;
}

static uint32_t mode_of(const mv_core *core, uint32_t mode) { return mode == ROUND_CURRENT ? current_mode(core) : mode; }

/* FPRoundInt: to an integer in floating-point form. */
uint32_t mv_fp_round(mv_core *core, uint32_t mode, uint32_t exact, uint32_t m) {
    const number a = unpack(core, m);
    uint32_t result;
    bool inexact;
    if (process_nans(core, &a, &m, 1, &result)) return result;
    if (a.class == INFINITE) return m;
    if (a.class == ZERO) return a.sign;
    if (a.exponent >= 0) return m;
    const uint64_t whole = to_integer(a, mode_of(core, mode), &inexact);
    if (inexact && exact) raise(core, FPSCR_IXC);
    if (whole == 0) return a.sign;
    return pack(core, (number){.class = FINITE, .sign = a.sign, .exponent = 0, .fraction = whole}, ROUND_ZERO);
}

uint32_t mv_fp_from_fixed(mv_core *core, uint32_t value, bool is_signed, uint32_t fraction, bool nearest) {
    const bool negative = is_signed && value >> 31 != 0;
    if (value == 0) return 0;
    const number a = {.class = FINITE, .sign = negative ? SIGN : 0, .exponent = -(int32_t)fraction,
                      .fraction = negative ? 0u - value : value};
    return pack(core, a, nearest ? (uint32_t)ROUND_NEAREST : current_mode(core));
}

uint32_t mv_fp_to_fixed(mv_core *core, uint32_t m, bool is_signed, uint32_t bits, uint32_t fraction, uint32_t mode) {
    number a = unpack(core, m);
    bool inexact = false, too_large = a.class == INFINITE;
    uint64_t whole = 0;
    if (is_nan(a)) {
        raise(core, FPSCR_IOC);
        return 0;
    }
    if (a.class == FINITE) {
        a.exponent += (int32_t)fraction;
        whole = to_integer(a, mode_of(core, mode), &inexact);
    }
    const uint64_t most = is_signed ? ((uint64_t)1 << (bits - 1)) - (a.sign ? 0 : 1) : a.sign ? 0 : ((uint64_t)1 << bits) - 1;
    if (whole > most) too_large = true;
    if (too_large) {
        raise(core, FPSCR_IOC);
        whole = most;
    } else if (inexact) {
        raise(core, FPSCR_IXC);
    }
    return a.sign ? 0u - (uint32_t)whole : (uint32_t)whole;
}
