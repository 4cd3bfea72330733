/* Operations to state changes: the loop everything runs in.
 *
 * Dispatch is by computed goto where the compiler has it, else by a switch. A block is entered with all its instructions
 * paid for in advance; whoever leaves it early pays back the rest. So time is exact at every exit and costs one
 * subtraction per block. A block that does not fit into the time that is left is decoded again, shorter.
 */
#include "core.h"
#include "kinds.h"
#include "operations.h"

#include <math.h>
#include <string.h>

#if defined(__GNUC__) && !defined(MVSDK_SWITCH)
#define THREADED 1
/* The loop jumps to label addresses on purpose. */
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define KEEP_JUMPS __attribute__((optimize("no-gcse", "no-crossjumping")))
#else
#define KEEP_JUMPS
#endif

static const void *const *labels;

const void *const *mv_labels(void) {
    if (labels == NULL) mv_execute(NULL, 0, NULL);
    return labels;
}

static uint32_t rotate(uint32_t value, uint32_t by) { return value >> (by & 31) | value << ((0u - by) & 31); }

static uint32_t reverse(uint32_t v) { return v >> 24 | (v >> 8 & 0xFF00u) | (v << 8 & 0xFF0000u) | v << 24; }

static uint32_t reverse_bits(uint32_t v) {
    v = (v >> 1 & 0x55555555u) | (v & 0x55555555u) << 1;
    v = (v >> 2 & 0x33333333u) | (v & 0x33333333u) << 2;
    v = (v >> 4 & 0x0F0F0F0Fu) | (v & 0x0F0F0F0Fu) << 4;
    return reverse(v);
}

static uint32_t leading_zeros(uint32_t v) {
    uint32_t count = 0;
    if (v == 0) return 32;
    for (; (v & 0x80000000u) == 0; v <<= 1) count++;
    return count;
}

/* A shift by a register (DDI0553, E2.1 Shift_C): the bottom byte counts, amounts of 32 and more included. `carry` is left
 * alone when the amount is 0. */
static uint32_t shift_by_register(uint32_t type, uint32_t value, uint32_t by, uint32_t *carry) {
    by &= 0xFF;
    if (by == 0) return value;
    switch (type) {
    case K_LSL:
        *carry = by > 32 ? 0 : value >> (32 - by) & 1u;
        return by > 31 ? 0 : value << by;
    case K_LSR:
        *carry = by > 32 ? 0 : (uint32_t)((uint64_t)value >> (by - 1)) & 1u;
        return by > 31 ? 0 : value >> by;
    case K_ASR: {
        const uint32_t sign = 0u - (value >> 31);
        *carry = by > 31 ? sign & 1u : value >> (by - 1) & 1u;
        return by > 31 ? sign : value >> by | sign << (32 - by);
    }
    default:
        *carry = rotate(value, by) >> 31;
        return rotate(value, by);
    }
}

static uint32_t asr(uint32_t value, uint32_t by) { return (uint32_t)((int64_t)(int32_t)value >> by); }

static uint32_t divide_signed(uint32_t n, uint32_t m) {
    if (m == 0) return 0;
    return (uint32_t)((int64_t)(int32_t)n / (int32_t)m);
}

static float to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Nothing but the inexact flag can come of an operation whose result is normal; with that flag set already, default
 * rounding and no flush to zero, the host's arithmetic is the guest's (IEEE 754). */
static bool host_can(const mv_state *s, float result) {
    const uint32_t exponent = from_float(result) >> 23 & 0xFF;
    return (s->fpscr & (FPSCR_IXC | FPSCR_FZ | 3u << 22)) == FPSCR_IXC && exponent - 1 < 254;
}

static bool condition_holds(const mv_state *s, uint32_t condition) {
    bool holds;
    switch (condition >> 1) {
    case 0: holds = s->z == 0; break;
    case 1: holds = s->c != 0; break;
    case 2: holds = s->n >> 31 != 0; break;
    case 3: holds = s->v >> 31 != 0; break;
    case 4: holds = s->c != 0 && s->z != 0; break;
    case 5: holds = (s->n ^ s->v) >> 31 == 0; break;
    default: holds = s->z != 0 && (s->n ^ s->v) >> 31 == 0; break;
    }
    return holds != ((condition & 1) != 0);
}

/* -- loads and stores of several words ---------------------------------------------------------------------------------- */

static bool load_words(mv_core *core, uint32_t address, uint32_t *words, uint32_t count) {
    if (address % 4 != 0) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    const uintptr_t page = core->readable[address >> PAGE_BITS];
    if (page != 0 && (address & (PAGE_SIZE - 1)) + count * 4 <= PAGE_SIZE) {
        memcpy(words, (const void *)(page + address), (size_t)count * 4);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!mv_read_aligned(core, address + i * 4, 4, &words[i])) return false;
    return true;
}

static bool store_words(mv_core *core, uint32_t address, const uint32_t *words, uint32_t count) {
    if (address % 4 != 0) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    const uintptr_t page = core->writable[address >> PAGE_BITS];
    if (page != 0 && (address & (PAGE_SIZE - 1)) + count * 4 <= PAGE_SIZE) {
        memcpy((void *)(page + address), words, (size_t)count * 4);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!mv_write_aligned(core, address + i * 4, 4, words[i])) return false;
    return true;
}

static bool load_multiple(mv_core *core, const mv_op *u) {
    uint32_t words[16], *r = core->s.r;
    const uint32_t size = u->imm >> 16, base = r[u->n];
    if (!load_words(core, u->s ? base - size : base, words, size / 4)) return false;
    if (u->m) r[u->n] = u->s ? base - size : base + size;
    uint32_t at = 0;
    for (uint32_t list = u->imm & 0x7FFF; list != 0; list &= list - 1) r[mv_lowest(list)] = words[at++];
    if (u->imm >> R_PC & 1) r[R_TMP] = words[at];
    return true;
}

static bool store_multiple(mv_core *core, const mv_op *u) {
    uint32_t words[16], *r = core->s.r;
    const uint32_t size = u->imm >> 16, base = r[u->n];
    uint32_t at = 0;
    for (uint32_t list = u->imm & 0xFFFF; list != 0; list &= list - 1) words[at++] = r[mv_lowest(list)];
    if (!store_words(core, u->s ? base - size : base, words, size / 4)) return false;
    if (u->m) r[u->n] = u->s ? base - size : base + size;
    return true;
}

/* LDRD, STRD: s is 0 for offset, 1 for pre-indexed, 2 for post-indexed. */
static bool load_pair(mv_core *core, const mv_op *u) {
    uint32_t words[2], *r = core->s.r;
    const uint32_t indexed = r[u->n] + u->imm;
    if (!load_words(core, u->s == 2 ? r[u->n] : indexed, words, 2)) return false;
    if (u->s != 0) r[u->n] = indexed;
    r[u->d] = words[0];
    r[u->m] = words[1];
    return true;
}

static bool store_pair(mv_core *core, const mv_op *u) {
    uint32_t *r = core->s.r;
    const uint32_t words[2] = {r[u->d], r[u->m]}, indexed = r[u->n] + u->imm;
    if (!store_words(core, u->s == 2 ? r[u->n] : indexed, words, 2)) return false;
    if (u->s != 0) r[u->n] = indexed;
    return true;
}

/* VLDM, VSTM: m words from s[d]; bit 0 of s: decrement before, bit 1: write back; imm the change of the base. */
static bool fp_load_multiple(mv_core *core, const mv_op *u) {
    const uint32_t base = core->s.r[u->n];
    uint32_t words[32];
    if (!load_words(core, u->s & 1 ? base + u->imm : base, words, u->m)) return false;
    memcpy(&core->s.s[u->d], words, sizeof(uint32_t) * u->m);
    if (u->s & 2) core->s.r[u->n] = base + u->imm;
    return true;
}

static bool fp_store_multiple(mv_core *core, const mv_op *u) {
    const uint32_t base = core->s.r[u->n];
    if (!store_words(core, u->s & 1 ? base + u->imm : base, &core->s.s[u->d], u->m)) return false;
    if (u->s & 2) core->s.r[u->n] = base + u->imm;
    return true;
}

/* The local monitor remembers one address; anything but the matching store finds it gone. */
static bool load_exclusive(mv_core *core, const mv_op *u) {
    const uint32_t address = core->s.r[u->n] + u->imm;
    uint32_t value;
    if (!mv_read_aligned(core, address, u->s, &value)) return false;
    core->s.exclusive = 1;
    core->s.exclusive_address = address;
    core->s.r[u->d] = value;
    return true;
}

static bool store_exclusive(mv_core *core, const mv_op *u) {
    const uint32_t address = core->s.r[u->n] + u->imm;
    if (address & (u->s - 1u)) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    const bool held = core->s.exclusive != 0 && core->s.exclusive_address == address;
    if (held && !mv_write_aligned(core, address, u->s, core->s.r[u->m])) return false;
    core->s.exclusive = 0;
    core->s.r[u->d] = !held;
    return true;
}

static bool load_user(mv_core *core, const mv_op *u) {
    uint32_t value;
    if (!mv_read_as(core, core->s.r[u->n] + u->imm, u->s, false, &value)) return false;
    core->s.r[u->d] = asr(value << u->m, u->m);
    return true;
}

static bool load_aligned(mv_core *core, const mv_op *u) {
    uint32_t value;
    if (!mv_read_aligned(core, core->s.r[u->n], u->s, &value)) return false;
    core->s.r[u->d] = value;
    return true;
}

static void multiply_long(mv_state *s, const mv_op *u) {
    const uint64_t sum = (uint64_t)s->r[u->s] << 32 | s->r[u->d];
    const uint64_t result = mv_multiply_long(u->imm & 0xFF, s->r[u->n], s->r[u->m], sum, u->imm >> 8);
    s->r[u->d] = (uint32_t)result;
    s->r[u->s] = (uint32_t)(result >> 32);
}

static void convert_from(mv_core *core, const mv_op *u) {
    uint32_t value = core->s.s[u->m];
    if (u->s == 16) value = u->n ? asr(value << 16, 16) : value & 0xFFFFu;
    core->s.s[u->d] = mv_fp_from_fixed(core, value, u->n != 0, u->imm >> 8 & 0xFF, u->imm >> 16 != 0);
}

static void convert_to(mv_core *core, const mv_op *u) {
    core->s.s[u->d] = mv_fp_to_fixed(core, core->s.s[u->m], u->n != 0, u->s, u->imm >> 8 & 0xFF, u->imm & 0xFF);
}

static void flags_from_fpscr(mv_state *s) {
    s->n = s->fpscr;
    s->z = ~s->fpscr & 1u << 30;
    s->c = s->fpscr >> 29 & 1;
    s->v = s->fpscr << 3;
}

/* -- the loop ----------------------------------------------------------------------------------------------------------- */

#define R s->r

#if THREADED
#define OP(name) do_##name:
#define DISPATCH goto *u->go.label
#else
#define OP(name) case OP_##name:
#define DISPATCH goto dispatch
#endif
#define NEXT                                                                                                           \
    do {                                                                                                               \
        u++;                                                                                                           \
        DISPATCH;                                                                                                      \
    } while (0)

/* Tell the world outside where we are, before anything that can look at it. */
#define SYNC                                                                                                           \
    do {                                                                                                               \
        const mv_origin *const here = &b->origin[u - b->op];                                                           \
        s->pc = b->pc + here->place * 2u;                                                                              \
        s->cycle = core->limit - (uint64_t)(left + (int64_t)b->count - here->place);                                   \
    } while (0)

/* After something that may have called for attention. */
#define NEXT_OR_LEAVE                                                                                                  \
    do {                                                                                                               \
        if (UNLIKELY(core->attention != 0)) goto leave_after;                                                          \
        NEXT;                                                                                                          \
    } while (0)

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        SYNC;                                                                                                          \
        if (UNLIKELY(!(call))) goto failed;                                                                            \
    } while (0)

#define SET_NZ(value) (s->n = s->z = (value))

#define ALU_OPS(name, expression)                                                                                      \
    OP(name##_R) { const uint32_t a = R[u->n], x = R[u->m]; R[u->d] = (expression); NEXT; }                            \
    OP(name##_I) { const uint32_t a = R[u->n], x = u->imm; R[u->d] = (expression); NEXT; }                             \
    OP(name##_LSL) { const uint32_t a = R[u->n], x = R[u->m] << u->imm; R[u->d] = (expression); NEXT; }                \
    OP(name##_LSR) { const uint32_t a = R[u->n], x = (uint32_t)((uint64_t)R[u->m] >> u->imm); R[u->d] = (expression); NEXT; } \
    OP(name##_ASR) { const uint32_t a = R[u->n], x = asr(R[u->m], u->imm); R[u->d] = (expression); NEXT; }             \
    OP(name##_ROR) { const uint32_t a = R[u->n], x = rotate(R[u->m], u->imm); R[u->d] = (expression); NEXT; }

#define LOGIC_FLAG_OPS(name, expression)                                                                               \
    OP(name##_R) { const uint32_t a = R[u->n], x = R[u->m]; R[u->d] = SET_NZ(expression); NEXT; }                      \
    OP(name##_I) { const uint32_t a = R[u->n], x = u->imm; R[u->d] = SET_NZ(expression); NEXT; }

/* AddWithCarry (DDI0553, E2.1), with a carry of 0 or 1 that the compiler knows. */
#define ADD_FLAGS(a, x)                                                                                                \
    const uint32_t result = (a) + (x);                                                                                 \
    SET_NZ(result);                                                                                                    \
    s->c = result < (a);                                                                                               \
    s->v = ((a) ^ result) & ((x) ^ result);                                                                            \
    R[u->d] = result
#define SUB_FLAGS(a, x)                                                                                                \
    const uint32_t result = (a) - (x);                                                                                 \
    SET_NZ(result);                                                                                                    \
    s->c = (a) >= (x);                                                                                                 \
    s->v = ((a) ^ (x)) & ((a) ^ result);                                                                               \
    R[u->d] = result
#define CARRY_FLAGS(a, x)                                                                                              \
    const uint64_t sum = (uint64_t)(a) + (x) + s->c;                                                                   \
    const uint32_t result = (uint32_t)sum;                                                                             \
    SET_NZ(result);                                                                                                    \
    s->c = (uint32_t)(sum >> 32);                                                                                      \
    s->v = ((a) ^ result) & ((x) ^ result);                                                                            \
    R[u->d] = result
#define ARITHMETIC_FLAG_OPS(name, RULE)                                                                                \
    OP(name##_R) { const uint32_t a = R[u->n], x = R[u->m]; RULE; NEXT; }                                              \
    OP(name##_I) { const uint32_t a = R[u->n], x = u->imm; RULE; NEXT; }

/* Shifts by a constant of 1 to 31, or 32 for LSR and ASR: value, value with NZC, value with C alone. */
#define SHIFT_OPS(name, expression, carry)                                                                             \
    OP(name##_BY) { const uint32_t x = R[u->m]; R[u->d] = (expression); NEXT; }                                        \
    OP(name##S_BY) { const uint32_t x = R[u->m]; R[u->d] = SET_NZ(expression); s->c = (carry); NEXT; }                 \
    OP(name##C_BY) { const uint32_t x = R[u->m]; R[u->d] = (expression); s->c = (carry); NEXT; }
#define SHIFT_REG_OPS(name)                                                                                            \
    OP(name##_REG) { uint32_t c; R[u->d] = shift_by_register(K_##name, R[u->n], R[u->m], &c); NEXT; }                  \
    OP(name##S_REG) { R[u->d] = SET_NZ(shift_by_register(K_##name, R[u->n], R[u->m], &s->c)); NEXT; }

#define CONDITION_OPS(name, condition)                                                                                 \
    OP(SKIP_##name) {                                                                                                  \
        u += (condition) ? 1 : u->imm;                                                                                 \
        DISPATCH;                                                                                                      \
    }                                                                                                                  \
    OP(B_##name) {                                                                                                     \
        if (condition) goto taken;                                                                                     \
        goto not_taken;                                                                                                \
    }

#define LOAD_AT(type, convert, address, after)                                                                         \
    const uint32_t at = (address);                                                                                     \
    const uintptr_t page = core->readable[at >> PAGE_BITS];                                                            \
    if (LIKELY(page != 0 && (at & (sizeof(type) - 1)) == 0)) {                                                         \
        type value;                                                                                                    \
        memcpy(&value, (const void *)(page + at), sizeof value);                                                       \
        after;                                                                                                         \
        R[u->d] = convert(value);                                                                                      \
        NEXT;                                                                                                          \
    }                                                                                                                  \
    uint32_t word;                                                                                                     \
    TRY(mv_read(core, at, sizeof(type), &word));                                                                       \
    after;                                                                                                             \
    R[u->d] = convert((type)word);                                                                                     \
    NEXT_OR_LEAVE

#define AS_IS(value) (value)
#define FROM_BYTE(value) ((uint32_t)(int32_t)(int8_t)(value))
#define FROM_HALF(value) ((uint32_t)(int32_t)(int16_t)(value))

#define LOAD_OPS(name, type, convert)                                                                                  \
    OP(name##_OFFSET) { LOAD_AT(type, convert, R[u->n] + u->imm, (void)0); }                                           \
    OP(name##_PRE) { LOAD_AT(type, convert, R[u->n] + u->imm, R[u->n] = at); }                                         \
    OP(name##_POST) { LOAD_AT(type, convert, R[u->n], R[u->n] = at + u->imm); }                                        \
    OP(name##_REG) { LOAD_AT(type, convert, R[u->n] + (R[u->m] << u->s), (void)0); }

#define STORE_AT(type, address, after)                                                                                 \
    const uint32_t at = (address);                                                                                     \
    const uintptr_t page = core->writable[at >> PAGE_BITS];                                                            \
    if (LIKELY(page != 0 && (at & (sizeof(type) - 1)) == 0)) {                                                         \
        const type value = (type)R[u->d];                                                                              \
        memcpy((void *)(page + at), &value, sizeof value);                                                             \
        after;                                                                                                         \
        NEXT;                                                                                                          \
    }                                                                                                                  \
    TRY(mv_write(core, at, sizeof(type), (type)R[u->d]));                                                              \
    after;                                                                                                             \
    NEXT_OR_LEAVE

#define STORE_OPS(name, type)                                                                                          \
    OP(name##_OFFSET) { STORE_AT(type, R[u->n] + u->imm, (void)0); }                                                   \
    OP(name##_PRE) { STORE_AT(type, R[u->n] + u->imm, R[u->n] = at); }                                                 \
    OP(name##_POST) { STORE_AT(type, R[u->n], R[u->n] = at + u->imm); }                                                \
    OP(name##_REG) { STORE_AT(type, R[u->n] + (R[u->m] << u->s), (void)0); }

#define FP_HOST_OP(name, kind, symbol)                                                                                 \
    OP(name) {                                                                                                         \
        const float result = to_float(s->s[u->n]) symbol to_float(s->s[u->m]);                                         \
        s->s[u->d] = LIKELY(host_can(s, result)) ? from_float(result)                                                  \
                                                 : mv_fp_binary(core, kind, s->s[u->d], s->s[u->n], s->s[u->m]);       \
        NEXT;                                                                                                          \
    }

/* Run until `limit`, or until something else than running has to be done. With `only`, that block first, whatever stops
 * lie on it. On return the state is that of an instruction boundary, or of the instruction that failed. */
KEEP_JUMPS mv_exit mv_execute(mv_core *core, uint64_t limit, mv_block *only) {
#if THREADED
#define MV_LABEL(name) &&do_##name,
    static const void *const table[] = {MV_OPERATIONS(MV_LABEL)};
    if (core == NULL) {
        labels = table;
        return EXIT_DEADLINE;
    }
#else
    if (core == NULL) return EXIT_DEADLINE;
#endif
    mv_state *const s = &core->s;
    const uint32_t mode = mv_protection(core);
    int64_t left = (int64_t)(limit - s->cycle);
    uint32_t pc = s->pc;
    mv_block *b = only, **link = NULL;
    const mv_op *u;
    mv_exit why;
    core->limit = limit;
    if (core->protection != mode) {
        core->protection = mode;
        mv_forget_pages(core);
    }
    if (only != NULL) {
        s->it = 0;
        goto enter;
    }

lookup:
    link = NULL;
find:
    if (UNLIKELY(core->attention != 0 || left <= 0)) {
        why = core->attention != 0 ? EXIT_ATTENTION : EXIT_DEADLINE;
        goto at_boundary;
    }
    b = core->hash[pc >> 1 & (HASH_SIZE - 1)];
    if (UNLIKELY(b == NULL || b->pc != pc || (b->it ^ s->it) != 0 || b->mode != mode || s->thumb == 0)) {
        s->pc = pc;
        b = mv_find_block(core);
        if (b == NULL) {
            why = EXIT_FAULT;
            goto at_boundary;
        }
        s->it = 0;
    }
    s->it = 0;
    /* The way to a stop always leads through here, where the deadline comes first. */
    if (link != NULL && b != core->scratch && b->count != 0) *link = b;
enter:
    left -= b->count;
    if (UNLIKELY(left < 0)) {
        left += b->count;
        s->pc = pc = b->pc;
        s->it = b->it;
        if (left == 0) {
            why = EXIT_DEADLINE;
            goto at_boundary;
        }
        b = mv_decode(core, (uint32_t)left, true);
        s->it = 0;
        left -= b->count;
    }
    u = b->op;
#if THREADED
    DISPATCH;
#else
dispatch:
    switch (u->go.number) {
#endif

    ALU_OPS(AND, a & x)
    ALU_OPS(BIC, a & ~x)
    ALU_OPS(ORR, a | x)
    ALU_OPS(ORN, a | ~x)
    ALU_OPS(EOR, a ^ x)
    ALU_OPS(ADD, a + x)
    ALU_OPS(SUB, a - x)
    ALU_OPS(RSB, x - a)
    LOGIC_FLAG_OPS(ANDS, a & x)
    LOGIC_FLAG_OPS(BICS, a & ~x)
    LOGIC_FLAG_OPS(ORRS, a | x)
    LOGIC_FLAG_OPS(ORNS, a | ~x)
    LOGIC_FLAG_OPS(EORS, a ^ x)
    ARITHMETIC_FLAG_OPS(ADDS, ADD_FLAGS(a, x))
    ARITHMETIC_FLAG_OPS(SUBS, SUB_FLAGS(a, x))
    ARITHMETIC_FLAG_OPS(RSBS, SUB_FLAGS(x, a))
    ARITHMETIC_FLAG_OPS(ADCS, CARRY_FLAGS(a, x))
    ARITHMETIC_FLAG_OPS(SBCS, CARRY_FLAGS(a, ~x))
    OP(ADC_R) { R[u->d] = R[u->n] + R[u->m] + s->c; NEXT; }
    OP(ADC_I) { R[u->d] = R[u->n] + u->imm + s->c; NEXT; }
    OP(SBC_R) { R[u->d] = R[u->n] + ~R[u->m] + s->c; NEXT; }
    OP(SBC_I) { R[u->d] = R[u->n] + ~u->imm + s->c; NEXT; }
    OP(MOV_R) { R[u->d] = R[u->m]; NEXT; }
    OP(MOV_I) { R[u->d] = u->imm; NEXT; }
    OP(MOVS_R) { R[u->d] = SET_NZ(R[u->m]); NEXT; }
    OP(MOVS_I) { R[u->d] = SET_NZ(u->imm); NEXT; }
    OP(MVN_R) { R[u->d] = ~R[u->m]; NEXT; }
    OP(MVNS_R) { R[u->d] = SET_NZ(~R[u->m]); NEXT; }
    SHIFT_OPS(LSL, x << u->imm, x >> (32 - u->imm) & 1u)
    SHIFT_OPS(LSR, (uint32_t)((uint64_t)x >> u->imm), x >> (u->imm - 1) & 1u)
    SHIFT_OPS(ASR, asr(x, u->imm), x >> (u->imm - 1) & 1u)
    SHIFT_OPS(ROR, rotate(x, u->imm), x >> (u->imm - 1) & 1u)
    OP(RRX_BY) { R[u->d] = R[u->m] >> 1 | s->c << 31; NEXT; }
    OP(RRXS_BY) { const uint32_t x = R[u->m]; R[u->d] = SET_NZ(x >> 1 | s->c << 31); s->c = x & 1u; NEXT; }
    OP(RRXC_BY) { const uint32_t x = R[u->m]; R[u->d] = x >> 1 | s->c << 31; s->c = x & 1u; NEXT; }
    SHIFT_REG_OPS(LSL)
    SHIFT_REG_OPS(LSR)
    SHIFT_REG_OPS(ASR)
    SHIFT_REG_OPS(ROR)
    OP(SET_C) { s->c = u->imm; NEXT; }
    OP(MOVT) { R[u->d] = (R[u->d] & 0xFFFFu) | u->imm; NEXT; }

    /* The stack pointer: its two lowest bits are always clear, and what computes it is compared with the limit. */
    OP(SP_SET) { R[R_SP] = R[R_TMP] & ~3u; NEXT_OR_LEAVE; }
    OP(SP_SET_CHECKED) {
        if (UNLIKELY((R[R_TMP] & ~3u) < mv_stack_limit(core))) goto stack_overflow;
        R[R_SP] = R[R_TMP] & ~3u;
        NEXT;
    }
    OP(SP_ADD) {
        const uint32_t to = R[R_SP] + u->imm;
        if (UNLIKELY(to < mv_stack_limit(core))) goto stack_overflow;
        R[R_SP] = to;
        NEXT;
    }
    OP(SP_LIMIT) {
        if (UNLIKELY(R[R_SP] + u->imm < mv_stack_limit(core))) goto stack_overflow;
        NEXT;
    }
    OP(SP_ALIGN) { R[R_SP] &= ~3u; NEXT_OR_LEAVE; }

    CONDITION_OPS(EQ, s->z == 0)
    CONDITION_OPS(NE, s->z != 0)
    CONDITION_OPS(CS, s->c != 0)
    CONDITION_OPS(CC, s->c == 0)
    CONDITION_OPS(MI, (int32_t)s->n < 0)
    CONDITION_OPS(PL, (int32_t)s->n >= 0)
    CONDITION_OPS(VS, (int32_t)s->v < 0)
    CONDITION_OPS(VC, (int32_t)s->v >= 0)
    CONDITION_OPS(HI, s->c != 0 && s->z != 0)
    CONDITION_OPS(LS, s->c == 0 || s->z == 0)
    CONDITION_OPS(GE, (int32_t)(s->n ^ s->v) >= 0)
    CONDITION_OPS(LT, (int32_t)(s->n ^ s->v) < 0)
    CONDITION_OPS(GT, s->z != 0 && (int32_t)(s->n ^ s->v) >= 0)
    CONDITION_OPS(LE, s->z == 0 || (int32_t)(s->n ^ s->v) < 0)
    OP(B) goto taken;
    OP(SPIN) {
        /* The block is this instruction; its length is what every turn costs. */
        left %= (int64_t)b->origin[0].length;
        goto taken;
    }
    OP(BL) { R[R_LR] = u->wide; goto taken; }
    OP(CBZ) {
        if (R[u->n] == 0) goto taken;
        goto not_taken;
    }
    OP(CBNZ) {
        if (R[u->n] != 0) goto taken;
        goto not_taken;
    }
    OP(BLX) {
        pc = R[u->m];
        R[R_LR] = u->imm;
        if (UNLIKELY((pc & 1) == 0)) s->thumb = 0;
        pc &= ~1u;
        goto lookup;
    }
    OP(BX) {
        pc = R[u->m];
        if (UNLIKELY(pc >= 0xFF000000u && s->ipsr != 0)) {
            SYNC;
            core->exception_return = pc;
            core->branch_from = s->pc;
            why = EXIT_EXCEPTION_RETURN;
            goto done;
        }
        if (UNLIKELY((pc & 1) == 0)) s->thumb = 0;
        pc &= ~1u;
        goto lookup;
    }
    OP(JUMP) { pc = R[u->m] & ~1u; goto lookup; }
    OP(TBB) {
        uint32_t entry;
        TRY(mv_read(core, R[u->n] + R[u->m], 1, &entry));
        pc = u->imm + entry * 2;
        goto lookup;
    }
    OP(TBH) {
        uint32_t entry;
        TRY(mv_read(core, R[u->n] + R[u->m] * 2, 2, &entry));
        pc = u->imm + entry * 2;
        goto lookup;
    }
    /* What follows the block; a branch in it that an IT block made conditional leads elsewhere. */
    OP(END) goto not_taken;
    OP(LEAVE) { pc = u->imm; s->it = u->d; goto lookup; }

    LOAD_OPS(LDR, uint32_t, AS_IS)
    LOAD_OPS(LDRB, uint8_t, AS_IS)
    LOAD_OPS(LDRH, uint16_t, AS_IS)
    LOAD_OPS(LDRSB, uint8_t, FROM_BYTE)
    LOAD_OPS(LDRSH, uint16_t, FROM_HALF)
    STORE_OPS(STR, uint32_t)
    STORE_OPS(STRB, uint8_t)
    STORE_OPS(STRH, uint16_t)
    OP(LDR_LITERAL) { LOAD_AT(uint32_t, AS_IS, u->imm, (void)0); }
    OP(LDRD) { TRY(load_pair(core, u)); NEXT_OR_LEAVE; }
    OP(STRD) { TRY(store_pair(core, u)); NEXT_OR_LEAVE; }
    OP(LDM) { TRY(load_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(STM) { TRY(store_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(LOAD_ALIGNED) { TRY(load_aligned(core, u)); NEXT_OR_LEAVE; }
    OP(STORE_ALIGNED) { TRY(mv_write_aligned(core, R[u->n], u->s, R[u->d])); NEXT_OR_LEAVE; }
    OP(LDREX) { TRY(load_exclusive(core, u)); NEXT_OR_LEAVE; }
    OP(STREX) { TRY(store_exclusive(core, u)); NEXT_OR_LEAVE; }
    OP(CLREX) { s->exclusive = 0; NEXT; }
    OP(LOAD_USER) { TRY(load_user(core, u)); NEXT_OR_LEAVE; }
    OP(STORE_USER) { TRY(mv_write_as(core, R[u->n] + u->imm, u->s, false, R[u->d])); NEXT_OR_LEAVE; }
    OP(TT) { R[u->d] = mv_test_target(core, R[u->n], u->s ? false : mv_is_privileged(core)); NEXT; }

    OP(MUL) { R[u->d] = R[u->n] * R[u->m]; NEXT; }
    OP(MULS) { R[u->d] = SET_NZ(R[u->n] * R[u->m]); NEXT; }
    OP(MLA) { R[u->d] = R[u->s] + R[u->n] * R[u->m]; NEXT; }
    OP(MLS) { R[u->d] = R[u->s] - R[u->n] * R[u->m]; NEXT; }
    OP(UMULL) {
        const uint64_t product = (uint64_t)R[u->n] * R[u->m];
        R[u->d] = (uint32_t)product;
        R[u->s] = (uint32_t)(product >> 32);
        NEXT;
    }
    OP(SMULL) {
        const uint64_t product = (uint64_t)((int64_t)(int32_t)R[u->n] * (int32_t)R[u->m]);
        R[u->d] = (uint32_t)product;
        R[u->s] = (uint32_t)(product >> 32);
        NEXT;
    }
    OP(UMLAL)
    OP(SMLAL)
    OP(LONG) { multiply_long(s, u); NEXT; }
    OP(SDIV) {
        if (UNLIKELY(R[u->m] == 0 && (s->ccr & CCR_DIV_0_TRP) != 0)) goto divided_by_zero;
        R[u->d] = divide_signed(R[u->n], R[u->m]);
        NEXT;
    }
    OP(UDIV) {
        if (UNLIKELY(R[u->m] == 0 && (s->ccr & CCR_DIV_0_TRP) != 0)) goto divided_by_zero;
        R[u->d] = R[u->m] == 0 ? 0 : R[u->n] / R[u->m];
        NEXT;
    }
    OP(UBFX) { R[u->d] = R[u->n] >> u->m & u->imm; NEXT; }
    OP(SBFX) { R[u->d] = asr(R[u->n] << u->m, u->s); NEXT; }
    OP(BFI) { R[u->d] = (R[u->d] & ~u->imm) | (R[u->n] << u->m & u->imm); NEXT; }
    OP(SXTB) { R[u->d] = FROM_BYTE(R[u->m]); NEXT; }
    OP(SXTH) { R[u->d] = FROM_HALF(R[u->m]); NEXT; }
    OP(UXTB) { R[u->d] = R[u->m] & 0xFFu; NEXT; }
    OP(UXTH) { R[u->d] = R[u->m] & 0xFFFFu; NEXT; }
    OP(SXTB16) { R[u->d] = (FROM_BYTE(R[u->m]) & 0xFFFFu) | FROM_BYTE(R[u->m] >> 16) << 16; NEXT; }
    OP(UXTB16) { R[u->d] = R[u->m] & 0xFF00FFu; NEXT; }
    OP(REV) { R[u->d] = reverse(R[u->m]); NEXT; }
    OP(REV16) { R[u->d] = rotate(reverse(R[u->m]), 16); NEXT; }
    OP(REVSH) { R[u->d] = FROM_HALF(reverse(R[u->m]) >> 16); NEXT; }
    OP(RBIT) { R[u->d] = reverse_bits(R[u->m]); NEXT; }
    OP(CLZ) { R[u->d] = leading_zeros(R[u->m]); NEXT; }
    OP(SSAT) { R[u->d] = mv_saturate(core, true, u->imm, (int32_t)R[u->n]); NEXT; }
    OP(USAT) { R[u->d] = mv_saturate(core, false, u->imm, (int32_t)R[u->n]); NEXT; }
    OP(PKHBT) { R[u->d] = (R[u->n] & 0xFFFFu) | (R[u->m] & 0xFFFF0000u); NEXT; }
    OP(PKHTB) { R[u->d] = (R[u->n] & 0xFFFF0000u) | (R[u->m] & 0xFFFFu); NEXT; }
    OP(DSP) {
        const uint32_t greater_or_equal = s->ge;
        R[u->d] = mv_dsp(core, u->imm, R[u->n], R[u->m]);
        if (u->s) s->ge = greater_or_equal;
        NEXT;
    }
    OP(DSP_ACCUMULATE) {
        R[u->d] = mv_dsp_accumulate(core, u->imm & 0xFF, R[u->n], R[u->m], R[u->s], u->imm >> 8);
        NEXT;
    }

    OP(UDF) {
        const bool enabled = u->d == 0 || mv_fp_enabled(core, mv_is_privileged(core));
        mv_fault(core, EXC_USAGEFAULT, enabled ? CFSR_UNDEFINSTR : CFSR_NOCP, 0);
        goto failed;
    }
    OP(NOCP) { mv_fault(core, EXC_USAGEFAULT, CFSR_NOCP, 0); goto failed; }
    OP(SVC) { why = EXIT_SVC; goto not_done; }
    OP(BKPT) { why = EXIT_BREAKPOINT; goto not_done; }
    OP(GATEWAY) { why = EXIT_GATEWAY; goto not_done; }
    OP(WAIT) {
        if (u->d == K_SEV) {
            s->event = 1;
            NEXT;
        }
        if (u->d == K_WFE && s->event) {
            s->event = 0;
            NEXT;
        }
        s->sleeping = u->d;
        why = EXIT_SLEEP;
        goto done;
    }
    OP(MRS) { SYNC; R[u->d] = mv_special_read(core, u->imm); NEXT; }
    OP(MSR) { SYNC; mv_special_write(core, u->imm, u->m, R[u->n]); NEXT_OR_LEAVE; }
    OP(CPS) {
        if (mv_is_privileged(core)) {
            if (u->n) s->primask = u->d;
            if (u->m && (u->d == 0 || mv_execution_priority(core) > -1)) s->faultmask = u->d;
            if (u->m) core->attention |= ATT_EXCEPTION; /* it can switch the MPU off */
            mv_priorities_changed(core);
        }
        NEXT_OR_LEAVE;
    }

    /* Getting the floating-point unit ready can write the caller's registers out, to a device even: then this very
     * instruction starts again after what that called for. */
    OP(FP_CHECK) {
        if (LIKELY(core->fp_ready != 0)) NEXT;
        TRY(mv_fp_prepare(core));
        if (core->attention == 0) NEXT;
        why = EXIT_ATTENTION;
        goto not_done;
    }
    OP(VLDR) {
        uint32_t words[2];
        TRY(load_words(core, R[u->n] + u->imm, words, u->s));
        s->s[u->d] = words[0];
        if (u->s == 2) s->s[u->d + 1] = words[1];
        NEXT_OR_LEAVE;
    }
    OP(VSTR) { TRY(store_words(core, R[u->n] + u->imm, &s->s[u->d], u->s)); NEXT_OR_LEAVE; }
    OP(VLDM) { TRY(fp_load_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(VSTM) { TRY(fp_store_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(VMOV_TO_S) { s->s[u->d] = R[u->n]; NEXT; }
    OP(VMOV_TO_R) { R[u->d] = s->s[u->n]; NEXT; }
    OP(VMOV) { s->s[u->d] = s->s[u->m]; NEXT; }
    OP(VABS) { s->s[u->d] = s->s[u->m] & 0x7FFFFFFFu; NEXT; }
    OP(VNEG) { s->s[u->d] = s->s[u->m] ^ 0x80000000u; NEXT; }
    OP(VCONST) { s->s[u->d] = u->imm; NEXT; }
    FP_HOST_OP(VADD, K_FADD, +)
    FP_HOST_OP(VSUB, K_FSUB, -)
    FP_HOST_OP(VMUL, K_FMUL, *)
    FP_HOST_OP(VDIV, K_FDIV, /)
    OP(VBINARY) { s->s[u->d] = mv_fp_binary(core, u->imm, s->s[u->d], s->s[u->n], s->s[u->m]); NEXT; }
    OP(VSQRT) { s->s[u->d] = mv_fp_sqrt(core, s->s[u->m]); NEXT; }
    OP(VCMP) { mv_fp_compare(core, u->s, s->s[u->n], u->m == 32 ? 0 : s->s[u->m]); NEXT; }
    OP(VHALF) { s->s[u->d] = mv_fp_half(core, u->imm, u->s, s->s[u->d], s->s[u->m]); NEXT; }
    OP(VROUND) { s->s[u->d] = mv_fp_round(core, u->s, u->n, s->s[u->m]); NEXT; }
    OP(VFROM) { convert_from(core, u); NEXT; }
    OP(VTO) { convert_to(core, u); NEXT; }
    OP(VSEL) {
        /* The four conditions are EQ, VS, GE and GT (DDI0553, C2.4 VSEL). */
        s->s[u->d] = condition_holds(s, u->s * 4u + (u->s == 1 ? 2u : u->s == 2 ? 2u : 0u)) ? s->s[u->n] : s->s[u->m];
        NEXT;
    }
    OP(VMSR) { s->fpscr = R[u->n] & FPSCR_WRITABLE; NEXT; }
    OP(VMRS) { R[u->d] = s->fpscr; NEXT; }
    OP(VMRS_FLAGS) { flags_from_fpscr(s); NEXT; }
#if !THREADED
    default: why = EXIT_FAULT; goto not_done;
    }
#endif

taken:
    if (LIKELY(b->link[0] != NULL)) {
        b = b->link[0];
        goto enter;
    }
    pc = u->imm;
    link = &b->link[0];
    goto find;
not_taken:
    if (LIKELY(b->link[1] != NULL)) {
        b = b->link[1];
        goto enter;
    }
    pc = b->pc + (b->origin[u - b->op].place + b->origin[u - b->op].length) * 2u;
    link = &b->link[1];
    goto find;

stack_overflow:
    mv_fault(core, EXC_USAGEFAULT, CFSR_STKOF, 0);
    goto failed;
divided_by_zero:
    mv_fault(core, EXC_USAGEFAULT, CFSR_DIVBYZERO, 0);
failed:
    why = EXIT_FAULT;
not_done : {
    const mv_origin *const here = &b->origin[u - b->op];
    left += (int64_t)b->count - here->place;
    pc = b->pc + here->place * 2u;
    s->it = here->it;
    goto at_boundary;
}
leave_after:
    /* An instruction is finished before it is left; what remains of it are moves, or a branch, that ask again. */
    if (b->origin[u - b->op].place == b->origin[u - b->op + 1].place) NEXT;
    why = EXIT_ATTENTION;
done : {
    const mv_origin *const here = &b->origin[u - b->op];
    left += (int64_t)b->count - here->place - here->length;
    pc = b->pc + (here->place + here->length) * 2u;
    s->it = mv_it_advance(here->it);
}
at_boundary:
    s->pc = pc;
    s->cycle = limit - (uint64_t)left;
    return why;
}
