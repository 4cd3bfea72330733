/* The DSP extension and other rare integer arithmetic (DDI0553, C2.4, one page per instruction). */
#include "core.h"
#include "kinds.h"

static int64_t clamp(int64_t value, int64_t least, int64_t most, uint32_t *saturated) {
    if (value < least) {
        *saturated = 1;
        return least;
    }
    if (value > most) {
        *saturated = 1;
        return most;
    }
    return value;
}

/* SignedSatQ and UnsignedSatQ. */
uint32_t mv_saturate(mv_core *core, bool is_signed, uint32_t bits, int64_t value) {
    const int64_t most = is_signed ? ((int64_t)1 << (bits - 1)) - 1 : ((int64_t)1 << bits) - 1;
    const int64_t least = is_signed ? -most - 1 : 0;
    return (uint32_t)clamp(value, least, most, &core->s.q);
}

static int64_t lane(uint32_t word, uint32_t index, uint32_t bits, bool is_signed) {
    const uint32_t value = word >> (index * bits) & ((1u << bits) - 1);
    const uint32_t sign = 1u << (bits - 1);
    return is_signed ? (int64_t)(int32_t)((value ^ sign) - sign) : (int64_t)value;
}

/* What a prefix does with a lane's exact result; `ge` collects the GE flags of S and U. */
static uint32_t finish_lane(uint32_t prefix, int64_t exact, uint32_t bits, bool adds, bool *ge) {
    uint32_t ignored = 0;
    const int64_t half = (int64_t)1 << (bits - 1);
    switch (prefix) {
    case 0: *ge = exact >= 0; break;                              /* S */
    case 1: exact = clamp(exact, -half, half - 1, &ignored); break; /* Q */
    case 3: *ge = adds ? exact >= 2 * half : exact >= 0; break;   /* U */
    case 4: exact = clamp(exact, 0, 2 * half - 1, &ignored); break; /* UQ */
    default: exact = (int64_t)((uint64_t)exact >> 1); break;      /* SH, UH: the bits above do not matter */
    }
    return (uint32_t)exact & ((1u << bits) - 1);
}

static uint32_t parallel(mv_core *core, uint32_t prefix, uint32_t shape, uint32_t n, uint32_t m) {
    /* shapes: ADD8, ADD16, ASX, SUB8, SUB16, SAX */
    const uint32_t bits = shape == 0 || shape == 3 ? 8 : 16;
    const bool crossed = shape == 2 || shape == 5, is_signed = prefix < 3;
    uint32_t result = 0, flags = 0;
    for (uint32_t i = 0; i < 32 / bits; i++) {
        const bool adds = crossed ? (i == 1) == (shape == 2) : shape < 2;
        const int64_t a = lane(n, i, bits, is_signed), b = lane(m, crossed ? 1 - i : i, bits, is_signed);
        bool ge = false;
        result |= finish_lane(prefix, adds ? a + b : a - b, bits, adds, &ge) << (i * bits);
        if (ge) flags |= (bits == 8 ? 1u : 3u) << (i * bits / 8);
    }
    if (prefix == 0 || prefix == 3) core->s.ge = flags;
    return result;
}

static uint32_t select_bytes(uint32_t ge, uint32_t n, uint32_t m) {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < 4; i++)
        if (ge >> i & 1) mask |= 0xFFu << (8 * i);
    return (n & mask) | (m & ~mask);
}

static uint32_t saturate16(mv_core *core, bool is_signed, uint32_t bits, uint32_t n) {
    const uint32_t low = mv_saturate(core, is_signed, bits, lane(n, 0, 16, true));
    const uint32_t high = mv_saturate(core, is_signed, bits, lane(n, 1, 16, true));
    return (low & 0xFFFFu) | high << 16;
}

static uint32_t saturating(mv_core *core, uint32_t kind, uint32_t n, uint32_t m) {
    int64_t a = (int32_t)n;
    const int64_t b = (int32_t)m;
    if (kind == K_QDADD || kind == K_QDSUB) a = (int32_t)mv_saturate(core, true, 32, 2 * a);
    return mv_saturate(core, true, 32, kind == K_QADD || kind == K_QDADD ? b + a : b - a);
}

uint32_t mv_dsp(mv_core *core, uint32_t kind, uint32_t n, uint32_t m) {
    switch (kind) {
    case K_QADD:
    case K_QDADD:
    case K_QSUB:
    case K_QDSUB: return saturating(core, kind, n, m);
    case K_SEL: return select_bytes(core->s.ge, n, m);
    case K_SSAT16: return saturate16(core, true, m, n);
    case K_USAT16: return saturate16(core, false, m, n);
    default: return parallel(core, kind / 6, kind % 6, n, m);
    }
}

static int64_t half_of(uint32_t word, uint32_t top) { return lane(word, top & 1, 16, true); }

static uint32_t swap_halves(uint32_t word, uint32_t swap) { return swap ? word >> 16 | word << 16 : word; }

static uint32_t absolute_differences(uint32_t n, uint32_t m) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t difference = lane(n, i, 8, false) - lane(m, i, 8, false);
        sum += difference < 0 ? -difference : difference;
    }
    return (uint32_t)sum;
}

/* The exact sum sets Q when it does not fit into 32 bits. */
static uint32_t with_q(mv_core *core, int64_t sum) {
    if (sum != (int32_t)sum) core->s.q = 1;
    return (uint32_t)sum;
}

uint32_t mv_dsp_accumulate(mv_core *core, uint32_t kind, uint32_t n, uint32_t m, uint32_t a, uint32_t variant) {
    const int64_t addend = (int32_t)a;
    const uint32_t swapped = swap_halves(m, variant);
    const int64_t low = half_of(n, 0) * half_of(swapped, 0), high = half_of(n, 1) * half_of(swapped, 1);
    const int64_t round = variant ? (int64_t)0x80000000 : 0;
    const int64_t product = (int64_t)(int32_t)n * (int32_t)m;
    switch (kind) {
    case K_SMLAXY: return with_q(core, half_of(n, variant >> 1) * half_of(m, variant) + addend);
    case K_SMLAD: return with_q(core, low + high + addend);
    case K_SMLSD: return with_q(core, low - high + addend);
    case K_SMLAW: return with_q(core, ((int64_t)(int32_t)n * half_of(m, variant) >> 16) + addend);
    case K_SMMLA: return (uint32_t)((((uint64_t)a << 32) + (uint64_t)product + (uint64_t)round) >> 32);
    case K_SMMLS: return (uint32_t)((((uint64_t)a << 32) - (uint64_t)product + (uint64_t)round) >> 32);
    default: return absolute_differences(n, m) + a;
    }
}

/* The 64-bit accumulator wraps; none of these touches a flag. */
uint64_t mv_multiply_long(uint32_t kind, uint32_t n, uint32_t m, uint64_t a, uint32_t variant) {
    const uint32_t swapped = swap_halves(m, variant & 1);
    const int64_t low = half_of(n, 0) * half_of(swapped, 0), high = half_of(n, 1) * half_of(swapped, 1);
    const uint64_t signed_product = (uint64_t)((int64_t)(int32_t)n * (int32_t)m), product = (uint64_t)n * m;
    switch (kind) {
    case K_UMLAL: return a + product;
    case K_SMLAL: return a + signed_product;
    case K_UMAAL: return product + (a >> 32) + (uint32_t)a;
    case K_SMLALXY: return a + (uint64_t)(half_of(n, variant >> 1) * half_of(m, variant));
    case K_SMLALD: return a + (uint64_t)(low + high);
    case K_SMLSLD: return a + (uint64_t)(low - high);
    default: return kind == K_UMULL ? product : signed_product;
    }
}
