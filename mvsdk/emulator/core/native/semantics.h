/* What every operation does: for each a DO_ macro, a statement of the loop in execute.c.
 *
 * A statement finds its operands in `*u`, and the machine in `s` and `core`. It falls through when it is done. Where the
 * fast way of an access is closed it goes to the operation's `slow_` label, which does the whole operation from its
 * beginning; nothing may have changed by then.
 */
#ifndef MVSDK_SEMANTICS_H
#define MVSDK_SEMANTICS_H

#include "core.h"
#include "kinds.h"

#include <math.h>
#include <string.h>

static inline uint32_t rotate(uint32_t value, uint32_t by) { return value >> (by & 31) | value << ((0u - by) & 31); }

static inline uint32_t reverse(uint32_t v) { return v >> 24 | (v >> 8 & 0xFF00u) | (v << 8 & 0xFF0000u) | v << 24; }

static inline uint32_t reverse_bits(uint32_t v) {
    v = (v >> 1 & 0x55555555u) | (v & 0x55555555u) << 1;
    v = (v >> 2 & 0x33333333u) | (v & 0x33333333u) << 2;
    v = (v >> 4 & 0x0F0F0F0Fu) | (v & 0x0F0F0F0Fu) << 4;
    return reverse(v);
}

static inline uint32_t leading_zeros(uint32_t v) {
#if defined(__GNUC__)
    return v == 0 ? 32 : (uint32_t)__builtin_clz(v);
#else
    uint32_t count = 0;
    if (v == 0) return 32;
    for (; (v & 0x80000000u) == 0; v <<= 1) count++;
    return count;
#endif
}

static inline uint32_t asr(uint32_t value, uint32_t by) { return (uint32_t)((int64_t)(int32_t)value >> by); }

/* A shift by a register (DDI0553, E2.1 Shift): the bottom byte counts, amounts of 32 and more included. */
static inline uint32_t shift_by_register(uint32_t type, uint32_t value, uint32_t by) {
    by &= 0xFF;
    switch (type) {
    case K_LSL: return by > 31 ? 0 : value << by;
    case K_LSR: return by > 31 ? 0 : value >> by;
    case K_ASR: return asr(value, by > 31 ? 31 : by);
    default: return rotate(value, by);
    }
}

/* The carry of such a shift (Shift_C): as it was when the amount is 0. */
static inline uint32_t carry_by_register(uint32_t type, uint32_t value, uint32_t by, uint32_t carry) {
    by &= 0xFF;
    if (by == 0) return carry;
    switch (type) {
    case K_LSL: return by > 32 ? 0 : value >> (32 - by) & 1u;
    case K_LSR: return by > 32 ? 0 : value >> (by - 1) & 1u;
    case K_ASR: return value >> (by > 31 ? 31 : by - 1) & 1u;
    default: return value >> ((by - 1) & 31) & 1u;
    }
}

static inline uint32_t divide_signed(uint32_t n, uint32_t m) {
    if (m == 0) return 0;
    return (uint32_t)((int64_t)(int32_t)n / (int32_t)m);
}

static inline float to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Nothing but the inexact flag can come of an operation whose result is normal and not the smallest such number, which
 * is also what tiny results are rounded up to; with that flag set already, default rounding and no flush to zero, the
 * host's arithmetic is the guest's (IEEE 754). */
static inline bool host_can(const mv_state *s, float result) {
    const uint32_t exponent = from_float(result) >> 23 & 0xFF;
    return (s->fpscr & (FPSCR_IXC | FPSCR_FZ | 3u << 22)) == FPSCR_IXC && exponent - 2 < 253;
}

/* What VCVT from an integer or a fixed-point number converts: s is its width, n whether it has a sign. */
static inline uint32_t fixed_point(const mv_op *u, uint32_t value) {
    if (u->s == 32) return value;
    return u->n ? asr(value << 16, 16) : value & 0xFFFFu;
}

static inline void set_pair(mv_state *s, const mv_op *u, uint64_t value) {
    s->r[u->d] = (uint32_t)value;
    s->r[u->s] = (uint32_t)(value >> 32);
}

static inline uint64_t pair_of(const mv_state *s, const mv_op *u) { return (uint64_t)s->r[u->s] << 32 | s->r[u->d]; }

static inline void flags_from_fpscr(mv_state *s) {
    s->n = s->fpscr;
    s->z = ~s->fpscr & 1u << 30;
    s->c = s->fpscr >> 29 & 1;
    s->v = s->fpscr << 3;
}

#define R s->r

/* -- conditions (DDI0553, E2.1 ConditionHolds) --------------------------------------------------------------------------- */

#define IF_EQ (s->z == 0)
#define IF_NE (s->z != 0)
#define IF_CS (s->c != 0)
#define IF_CC (s->c == 0)
#define IF_MI ((int32_t)s->n < 0)
#define IF_PL ((int32_t)s->n >= 0)
#define IF_VS ((int32_t)s->v < 0)
#define IF_VC ((int32_t)s->v >= 0)
#define IF_HI (s->c != 0 && s->z != 0)
#define IF_LS (s->c == 0 || s->z == 0)
#define IF_GE ((int32_t)(s->n ^ s->v) >= 0)
#define IF_LT ((int32_t)(s->n ^ s->v) < 0)
#define IF_GT (s->z != 0 && (int32_t)(s->n ^ s->v) >= 0)
#define IF_LE (s->z == 0 || (int32_t)(s->n ^ s->v) < 0)

/* -- data processing ----------------------------------------------------------------------------------------------------- */

#define SET_NZ(value) (s->n = s->z = (value))

#define WITH_R(expression) { const uint32_t a = R[u->n], x = R[u->m]; R[u->d] = (expression); }
#define WITH_I(expression) { const uint32_t a = R[u->n], x = u->imm; R[u->d] = (expression); }
#define WITH_LSL(expression) { const uint32_t a = R[u->n], x = R[u->m] << u->imm; R[u->d] = (expression); }
#define WITH_LSR(expression) { const uint32_t a = R[u->n], x = (uint32_t)((uint64_t)R[u->m] >> u->imm); R[u->d] = (expression); }
#define WITH_ASR(expression) { const uint32_t a = R[u->n], x = asr(R[u->m], u->imm); R[u->d] = (expression); }
#define WITH_ROR(expression) { const uint32_t a = R[u->n], x = rotate(R[u->m], u->imm); R[u->d] = (expression); }

#define DO_AND_R WITH_R(a & x)
#define DO_AND_I WITH_I(a & x)
#define DO_AND_LSL WITH_LSL(a & x)
#define DO_AND_LSR WITH_LSR(a & x)
#define DO_AND_ASR WITH_ASR(a & x)
#define DO_AND_ROR WITH_ROR(a & x)
#define DO_BIC_R WITH_R(a & ~x)
#define DO_BIC_I WITH_I(a & ~x)
#define DO_BIC_LSL WITH_LSL(a & ~x)
#define DO_BIC_LSR WITH_LSR(a & ~x)
#define DO_BIC_ASR WITH_ASR(a & ~x)
#define DO_BIC_ROR WITH_ROR(a & ~x)
#define DO_ORR_R WITH_R(a | x)
#define DO_ORR_I WITH_I(a | x)
#define DO_ORR_LSL WITH_LSL(a | x)
#define DO_ORR_LSR WITH_LSR(a | x)
#define DO_ORR_ASR WITH_ASR(a | x)
#define DO_ORR_ROR WITH_ROR(a | x)
#define DO_ORN_R WITH_R(a | ~x)
#define DO_ORN_I WITH_I(a | ~x)
#define DO_ORN_LSL WITH_LSL(a | ~x)
#define DO_ORN_LSR WITH_LSR(a | ~x)
#define DO_ORN_ASR WITH_ASR(a | ~x)
#define DO_ORN_ROR WITH_ROR(a | ~x)
#define DO_EOR_R WITH_R(a ^ x)
#define DO_EOR_I WITH_I(a ^ x)
#define DO_EOR_LSL WITH_LSL(a ^ x)
#define DO_EOR_LSR WITH_LSR(a ^ x)
#define DO_EOR_ASR WITH_ASR(a ^ x)
#define DO_EOR_ROR WITH_ROR(a ^ x)
#define DO_ADD_R WITH_R(a + x)
#define DO_ADD_I WITH_I(a + x)
#define DO_ADD_LSL WITH_LSL(a + x)
#define DO_ADD_LSR WITH_LSR(a + x)
#define DO_ADD_ASR WITH_ASR(a + x)
#define DO_ADD_ROR WITH_ROR(a + x)
#define DO_SUB_R WITH_R(a - x)
#define DO_SUB_I WITH_I(a - x)
#define DO_SUB_LSL WITH_LSL(a - x)
#define DO_SUB_LSR WITH_LSR(a - x)
#define DO_SUB_ASR WITH_ASR(a - x)
#define DO_SUB_ROR WITH_ROR(a - x)
#define DO_RSB_R WITH_R(x - a)
#define DO_RSB_I WITH_I(x - a)
#define DO_RSB_LSL WITH_LSL(x - a)
#define DO_RSB_LSR WITH_LSR(x - a)
#define DO_RSB_ASR WITH_ASR(x - a)
#define DO_RSB_ROR WITH_ROR(x - a)
#define DO_ADC_R WITH_R(a + x + s->c)
#define DO_ADC_I WITH_I(a + x + s->c)
#define DO_SBC_R WITH_R(a + ~x + s->c)
#define DO_SBC_I WITH_I(a + ~x + s->c)

#define DO_ANDS_R WITH_R(SET_NZ(a & x))
#define DO_ANDS_I WITH_I(SET_NZ(a & x))
#define DO_BICS_R WITH_R(SET_NZ(a & ~x))
#define DO_BICS_I WITH_I(SET_NZ(a & ~x))
#define DO_ORRS_R WITH_R(SET_NZ(a | x))
#define DO_ORRS_I WITH_I(SET_NZ(a | x))
#define DO_ORNS_R WITH_R(SET_NZ(a | ~x))
#define DO_ORNS_I WITH_I(SET_NZ(a | ~x))
#define DO_EORS_R WITH_R(SET_NZ(a ^ x))
#define DO_EORS_I WITH_I(SET_NZ(a ^ x))
#define DO_TST_R { SET_NZ(R[u->n] & R[u->m]); }
#define DO_TST_I { SET_NZ(R[u->n] & u->imm); }

/* AddWithCarry (DDI0553, E2.1): the exact sum of 33 bits is result and carry together. */
#define SUM_FLAGS(exact, overflow)                                                                                     \
    const uint64_t sum = (exact);                                                                                      \
    const uint32_t result = (uint32_t)sum;                                                                             \
    s->n = result;                                                                                                     \
    s->zc = sum;                                                                                                       \
    s->v = (overflow);
#define ADD_FLAGS(a, x) SUM_FLAGS((uint64_t)(a) + (x), ((a) ^ result) & ((x) ^ result))
#define SUB_FLAGS(a, x) SUM_FLAGS((uint64_t)(a) + (uint32_t)~(x) + 1u, ((a) ^ (x)) & ((a) ^ result))
#define CARRY_FLAGS(a, x) SUM_FLAGS((uint64_t)(a) + (uint32_t)(x) + s->c, ((a) ^ result) & ((x) ^ result))
#define FLAGS_R(RULE) { const uint32_t a = R[u->n], x = R[u->m]; RULE R[u->d] = result; }
#define FLAGS_I(RULE) { const uint32_t a = R[u->n], x = u->imm; RULE R[u->d] = result; }

#define DO_ADDS_R FLAGS_R(ADD_FLAGS(a, x))
#define DO_ADDS_I FLAGS_I(ADD_FLAGS(a, x))
#define DO_SUBS_R FLAGS_R(SUB_FLAGS(a, x))
#define DO_SUBS_I FLAGS_I(SUB_FLAGS(a, x))
#define DO_RSBS_R FLAGS_R(SUB_FLAGS(x, a))
#define DO_RSBS_I FLAGS_I(SUB_FLAGS(x, a))
#define DO_ADCS_R FLAGS_R(CARRY_FLAGS(a, x))
#define DO_ADCS_I FLAGS_I(CARRY_FLAGS(a, x))
#define DO_SBCS_R FLAGS_R(CARRY_FLAGS(a, ~x))
#define DO_SBCS_I FLAGS_I(CARRY_FLAGS(a, ~x))
#define DO_CMP_R { const uint32_t a = R[u->n], x = R[u->m]; SUB_FLAGS(a, x) }
#define DO_CMP_I { const uint32_t a = R[u->n], x = u->imm; SUB_FLAGS(a, x) }

#define DO_MOV_R { R[u->d] = R[u->m]; }
#define DO_MOV_I { R[u->d] = u->imm; }
#define DO_MOVS_R { R[u->d] = SET_NZ(R[u->m]); }
#define DO_MOVS_I { R[u->d] = SET_NZ(u->imm); }
#define DO_MVN_R { R[u->d] = ~R[u->m]; }
#define DO_MVNS_R { R[u->d] = SET_NZ(~R[u->m]); }
#define DO_MOVT { R[u->d] = (R[u->d] & 0xFFFFu) | u->imm; }
#define DO_SET_C { s->c = u->imm; }

/* A move under a condition, without a jump that the host would have to guess. */
#define MOVE_IF(condition) { const uint32_t kept = R[u->d], given = R[u->m]; R[u->d] = (condition) ? given : kept; }
#define DO_MOV_EQ MOVE_IF(IF_EQ)
#define DO_MOV_NE MOVE_IF(IF_NE)
#define DO_MOV_CS MOVE_IF(IF_CS)
#define DO_MOV_CC MOVE_IF(IF_CC)
#define DO_MOV_MI MOVE_IF(IF_MI)
#define DO_MOV_PL MOVE_IF(IF_PL)
#define DO_MOV_VS MOVE_IF(IF_VS)
#define DO_MOV_VC MOVE_IF(IF_VC)
#define DO_MOV_HI MOVE_IF(IF_HI)
#define DO_MOV_LS MOVE_IF(IF_LS)
#define DO_MOV_GE MOVE_IF(IF_GE)
#define DO_MOV_LT MOVE_IF(IF_LT)
#define DO_MOV_GT MOVE_IF(IF_GT)
#define DO_MOV_LE MOVE_IF(IF_LE)

/* Shifts by a constant of 1 to 31, or 32 for LSR and ASR: value, value with NZC, value with C alone. */
#define SHIFT_BY(expression) { const uint32_t x = R[u->m]; R[u->d] = (expression); }
#define SHIFTS_BY(expression, carry) { const uint32_t x = R[u->m], out = (carry); R[u->d] = SET_NZ(expression); s->c = out; }
#define SHIFTC_BY(expression, carry) { const uint32_t x = R[u->m], out = (carry); R[u->d] = (expression); s->c = out; }
#define LSL_VALUE (x << u->imm)
#define LSR_VALUE ((uint32_t)((uint64_t)x >> u->imm))
#define ASR_VALUE asr(x, u->imm)
#define ROR_VALUE rotate(x, u->imm)
#define RRX_VALUE (x >> 1 | s->c << 31)
#define LSL_CARRY (x >> (32 - u->imm) & 1u)
#define LSR_CARRY (x >> (u->imm - 1) & 1u)

#define DO_LSL_BY SHIFT_BY(LSL_VALUE)
#define DO_LSR_BY SHIFT_BY(LSR_VALUE)
#define DO_ASR_BY SHIFT_BY(ASR_VALUE)
#define DO_ROR_BY SHIFT_BY(ROR_VALUE)
#define DO_RRX_BY SHIFT_BY(RRX_VALUE)
#define DO_LSLS_BY SHIFTS_BY(LSL_VALUE, LSL_CARRY)
#define DO_LSRS_BY SHIFTS_BY(LSR_VALUE, LSR_CARRY)
#define DO_ASRS_BY SHIFTS_BY(ASR_VALUE, LSR_CARRY)
#define DO_RORS_BY SHIFTS_BY(ROR_VALUE, LSR_CARRY)
#define DO_RRXS_BY SHIFTS_BY(RRX_VALUE, x & 1u)
#define DO_LSLC_BY SHIFTC_BY(LSL_VALUE, LSL_CARRY)
#define DO_LSRC_BY SHIFTC_BY(LSR_VALUE, LSR_CARRY)
#define DO_ASRC_BY SHIFTC_BY(ASR_VALUE, LSR_CARRY)
#define DO_RORC_BY SHIFTC_BY(ROR_VALUE, LSR_CARRY)
#define DO_RRXC_BY SHIFTC_BY(RRX_VALUE, x & 1u)

#define SHIFT_REG(type) { R[u->d] = shift_by_register(type, R[u->n], R[u->m]); }
#define SHIFTS_REG(type)                                                                                               \
    {                                                                                                                  \
        const uint32_t x = R[u->n], by = R[u->m];                                                                      \
        R[u->d] = SET_NZ(shift_by_register(type, x, by));                                                              \
        s->c = carry_by_register(type, x, by, s->c);                                                                   \
    }
#define DO_LSL_REG SHIFT_REG(K_LSL)
#define DO_LSR_REG SHIFT_REG(K_LSR)
#define DO_ASR_REG SHIFT_REG(K_ASR)
#define DO_ROR_REG SHIFT_REG(K_ROR)
#define DO_LSLS_REG SHIFTS_REG(K_LSL)
#define DO_LSRS_REG SHIFTS_REG(K_LSR)
#define DO_ASRS_REG SHIFTS_REG(K_ASR)
#define DO_RORS_REG SHIFTS_REG(K_ROR)

#define DO_MUL { R[u->d] = R[u->n] * R[u->m]; }
#define DO_MULS { R[u->d] = SET_NZ(R[u->n] * R[u->m]); }
#define DO_MLA { R[u->d] = R[u->s] + R[u->n] * R[u->m]; }
#define DO_MLS { R[u->d] = R[u->s] - R[u->n] * R[u->m]; }
#define UNSIGNED_PRODUCT ((uint64_t)R[u->n] * R[u->m])
#define SIGNED_PRODUCT ((uint64_t)((int64_t)(int32_t)R[u->n] * (int32_t)R[u->m]))
#define DO_UMULL { set_pair(s, u, UNSIGNED_PRODUCT); }
#define DO_SMULL { set_pair(s, u, SIGNED_PRODUCT); }
#define DO_UMLAL { set_pair(s, u, pair_of(s, u) + UNSIGNED_PRODUCT); }
#define DO_SMLAL { set_pair(s, u, pair_of(s, u) + SIGNED_PRODUCT); }
#define DO_LONG { set_pair(s, u, mv_multiply_long(u->imm & 0xFF, R[u->n], R[u->m], pair_of(s, u), u->imm >> 8)); }
#define TRAP_ZERO if (UNLIKELY(R[u->m] == 0 && (s->ccr & CCR_DIV_0_TRP) != 0)) goto divided_by_zero;
#define DO_SDIV { TRAP_ZERO R[u->d] = divide_signed(R[u->n], R[u->m]); }
#define DO_UDIV { TRAP_ZERO R[u->d] = R[u->m] == 0 ? 0 : R[u->n] / R[u->m]; }

#define FROM_BYTE(value) ((uint32_t)(int32_t)(int8_t)(value))
#define FROM_HALF(value) ((uint32_t)(int32_t)(int16_t)(value))
#define DO_UBFX { R[u->d] = R[u->n] >> u->m & u->imm; }
#define DO_SBFX { R[u->d] = asr(R[u->n] << u->m, u->s); }
#define DO_BFI { R[u->d] = (R[u->d] & ~u->imm) | (R[u->n] << u->m & u->imm); }
#define DO_SXTB { R[u->d] = FROM_BYTE(R[u->m]); }
#define DO_SXTH { R[u->d] = FROM_HALF(R[u->m]); }
#define DO_UXTB { R[u->d] = R[u->m] & 0xFFu; }
#define DO_UXTH { R[u->d] = R[u->m] & 0xFFFFu; }
#define DO_SXTB16 { R[u->d] = (FROM_BYTE(R[u->m]) & 0xFFFFu) | FROM_BYTE(R[u->m] >> 16) << 16; }
#define DO_UXTB16 { R[u->d] = R[u->m] & 0xFF00FFu; }
#define DO_REV { R[u->d] = reverse(R[u->m]); }
#define DO_REV16 { R[u->d] = rotate(reverse(R[u->m]), 16); }
#define DO_REVSH { R[u->d] = FROM_HALF(reverse(R[u->m]) >> 16); }
#define DO_RBIT { R[u->d] = reverse_bits(R[u->m]); }
#define DO_CLZ { R[u->d] = leading_zeros(R[u->m]); }
#define DO_SSAT { R[u->d] = mv_saturate(core, true, u->imm, (int32_t)R[u->n]); }
#define DO_USAT { R[u->d] = mv_saturate(core, false, u->imm, (int32_t)R[u->n]); }
#define DO_PKHBT { R[u->d] = (R[u->n] & 0xFFFFu) | (R[u->m] & 0xFFFF0000u); }
#define DO_PKHTB { R[u->d] = (R[u->n] & 0xFFFF0000u) | (R[u->m] & 0xFFFFu); }
#define DO_DSP                                                                                                         \
    {                                                                                                                  \
        const uint32_t greater_or_equal = s->ge;                                                                       \
        R[u->d] = mv_dsp(core, u->imm, R[u->n], R[u->m]);                                                              \
        if (u->s) s->ge = greater_or_equal;                                                                            \
    }
#define DO_DSP_ACCUMULATE { R[u->d] = mv_dsp_accumulate(core, u->imm & 0xFF, R[u->n], R[u->m], R[u->s], u->imm >> 8); }

/* -- the stack pointer: what computes it is compared with the limit ------------------------------------------------------ */

#define DO_SP_SET_CHECKED                                                                                              \
    {                                                                                                                  \
        const uint32_t to = R[R_TMP] & ~3u;                                                                            \
        if (UNLIKELY(to < *stack_limit) && to < mv_stack_limit(core)) goto stack_overflow;                             \
        R[R_SP] = to;                                                                                                  \
    }
#define DO_SP_ADD                                                                                                      \
    {                                                                                                                  \
        const uint32_t to = R[R_SP] + u->imm;                                                                          \
        if (UNLIKELY(to < *stack_limit) && to < mv_stack_limit(core)) goto stack_overflow;                             \
        R[R_SP] = to;                                                                                                  \
    }
#define DO_SP_LIMIT                                                                                                    \
    {                                                                                                                  \
        const uint32_t to = R[R_SP] + u->imm;                                                                          \
        if (UNLIKELY(to < *stack_limit) && to < mv_stack_limit(core)) goto stack_overflow;                             \
    }

/* -- loads and stores ---------------------------------------------------------------------------------------------------- */

#define AS_IS(value) (value)
#define AT_OFFSET (R[u->n] + u->imm)
#define AT_PRE AT_OFFSET
#define AT_POST (R[u->n])
#define AT_REG (R[u->n] + (R[u->m] << u->s))
#define AFTER_OFFSET (void)0
#define AFTER_PRE R[u->n] = at
#define AFTER_POST R[u->n] = at + u->imm
#define AFTER_REG (void)0

/* Whole words, all of them in one page. */
#define WORDS_FIT(at, bytes) (((at) & 3u) == 0 && ((at) & (PAGE_SIZE - 1u)) <= PAGE_SIZE - (bytes))

#define LOAD(name, type, convert, address, after)                                                                      \
    {                                                                                                                  \
        const uint32_t at = (address);                                                                                 \
        const uintptr_t page = readable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || (at & (sizeof(type) - 1)) != 0)) goto slow_##name;                                   \
        type value;                                                                                                    \
        memcpy(&value, (const void *)(page + at), sizeof value);                                                       \
        after;                                                                                                         \
        R[u->d] = convert(value);                                                                                      \
    }
#define STORE(name, type, address, after)                                                                              \
    {                                                                                                                  \
        const uint32_t at = (address);                                                                                 \
        const uintptr_t page = writable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || (at & (sizeof(type) - 1)) != 0)) goto slow_##name;                                   \
        const type value = (type)R[u->d];                                                                              \
        memcpy((void *)(page + at), &value, sizeof value);                                                             \
        after;                                                                                                         \
    }

#define DO_LDR_OFFSET LOAD(LDR_OFFSET, uint32_t, AS_IS, AT_OFFSET, AFTER_OFFSET)
#define DO_LDR_PRE LOAD(LDR_PRE, uint32_t, AS_IS, AT_PRE, AFTER_PRE)
#define DO_LDR_POST LOAD(LDR_POST, uint32_t, AS_IS, AT_POST, AFTER_POST)
#define DO_LDR_REG LOAD(LDR_REG, uint32_t, AS_IS, AT_REG, AFTER_REG)
#define DO_LDRB_OFFSET LOAD(LDRB_OFFSET, uint8_t, AS_IS, AT_OFFSET, AFTER_OFFSET)
#define DO_LDRB_PRE LOAD(LDRB_PRE, uint8_t, AS_IS, AT_PRE, AFTER_PRE)
#define DO_LDRB_POST LOAD(LDRB_POST, uint8_t, AS_IS, AT_POST, AFTER_POST)
#define DO_LDRB_REG LOAD(LDRB_REG, uint8_t, AS_IS, AT_REG, AFTER_REG)
#define DO_LDRH_OFFSET LOAD(LDRH_OFFSET, uint16_t, AS_IS, AT_OFFSET, AFTER_OFFSET)
#define DO_LDRH_PRE LOAD(LDRH_PRE, uint16_t, AS_IS, AT_PRE, AFTER_PRE)
#define DO_LDRH_POST LOAD(LDRH_POST, uint16_t, AS_IS, AT_POST, AFTER_POST)
#define DO_LDRH_REG LOAD(LDRH_REG, uint16_t, AS_IS, AT_REG, AFTER_REG)
#define DO_LDRSB_OFFSET LOAD(LDRSB_OFFSET, uint8_t, FROM_BYTE, AT_OFFSET, AFTER_OFFSET)
#define DO_LDRSB_PRE LOAD(LDRSB_PRE, uint8_t, FROM_BYTE, AT_PRE, AFTER_PRE)
#define DO_LDRSB_POST LOAD(LDRSB_POST, uint8_t, FROM_BYTE, AT_POST, AFTER_POST)
#define DO_LDRSB_REG LOAD(LDRSB_REG, uint8_t, FROM_BYTE, AT_REG, AFTER_REG)
#define DO_LDRSH_OFFSET LOAD(LDRSH_OFFSET, uint16_t, FROM_HALF, AT_OFFSET, AFTER_OFFSET)
#define DO_LDRSH_PRE LOAD(LDRSH_PRE, uint16_t, FROM_HALF, AT_PRE, AFTER_PRE)
#define DO_LDRSH_POST LOAD(LDRSH_POST, uint16_t, FROM_HALF, AT_POST, AFTER_POST)
#define DO_LDRSH_REG LOAD(LDRSH_REG, uint16_t, FROM_HALF, AT_REG, AFTER_REG)
#define DO_LDR_LITERAL LOAD(LDR_LITERAL, uint32_t, AS_IS, u->imm, AFTER_OFFSET)
#define DO_STR_OFFSET STORE(STR_OFFSET, uint32_t, AT_OFFSET, AFTER_OFFSET)
#define DO_STR_PRE STORE(STR_PRE, uint32_t, AT_PRE, AFTER_PRE)
#define DO_STR_POST STORE(STR_POST, uint32_t, AT_POST, AFTER_POST)
#define DO_STR_REG STORE(STR_REG, uint32_t, AT_REG, AFTER_REG)
#define DO_STRB_OFFSET STORE(STRB_OFFSET, uint8_t, AT_OFFSET, AFTER_OFFSET)
#define DO_STRB_PRE STORE(STRB_PRE, uint8_t, AT_PRE, AFTER_PRE)
#define DO_STRB_POST STORE(STRB_POST, uint8_t, AT_POST, AFTER_POST)
#define DO_STRB_REG STORE(STRB_REG, uint8_t, AT_REG, AFTER_REG)
#define DO_STRH_OFFSET STORE(STRH_OFFSET, uint16_t, AT_OFFSET, AFTER_OFFSET)
#define DO_STRH_PRE STORE(STRH_PRE, uint16_t, AT_PRE, AFTER_PRE)
#define DO_STRH_POST STORE(STRH_POST, uint16_t, AT_POST, AFTER_POST)
#define DO_STRH_REG STORE(STRH_REG, uint16_t, AT_REG, AFTER_REG)

/* LDRD, STRD: s is 0 for offset, 1 for pre-indexed, 2 for post-indexed. */
#define DO_LDRD                                                                                                        \
    {                                                                                                                  \
        const uint32_t indexed = AT_OFFSET, at = u->s == 2 ? R[u->n] : indexed;                                        \
        const uintptr_t page = readable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || !WORDS_FIT(at, 8u))) goto slow_LDRD;                                                 \
        uint32_t words[2];                                                                                             \
        memcpy(words, (const void *)(page + at), sizeof words);                                                        \
        if (u->s != 0) R[u->n] = indexed;                                                                              \
        R[u->d] = words[0];                                                                                            \
        R[u->m] = words[1];                                                                                            \
    }
#define DO_STRD                                                                                                        \
    {                                                                                                                  \
        const uint32_t indexed = AT_OFFSET, at = u->s == 2 ? R[u->n] : indexed;                                        \
        const uintptr_t page = writable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || !WORDS_FIT(at, 8u))) goto slow_STRD;                                                 \
        const uint32_t words[2] = {R[u->d], R[u->m]};                                                                  \
        memcpy((void *)(page + at), words, sizeof words);                                                              \
        if (u->s != 0) R[u->n] = indexed;                                                                              \
    }

/* Several words: of these d says where the first lies, m how the base changes, both in words and signed; imm and s hold
 * the registers, four bits each. The words lie in ascending order, and so do the registers. */
#define LISTED(i) (((i) < 8 ? list >> (4 * ((i) & 7)) : more >> (4 * ((i) & 1))) & 15u)
#define FIRST_WORD (R[u->n] + 4u * (uint32_t)(int8_t)u->d)
#define CHANGED_BASE (R[u->n] + 4u * (uint32_t)(int8_t)u->m)
#define LOAD_LISTED(i) memcpy(&R[LISTED(i)], (const void *)(page + at + 4u * (i)), 4);
#define STORE_LISTED(i) memcpy((void *)(page + at + 4u * (i)), &R[LISTED(i)], 4);
#define EACH_0(X)
#define EACH_1(X) X(0)
#define EACH_2(X) EACH_1(X) X(1)
#define EACH_3(X) EACH_2(X) X(2)
#define EACH_4(X) EACH_3(X) X(3)
#define EACH_5(X) EACH_4(X) X(4)
#define EACH_6(X) EACH_5(X) X(5)
#define EACH_7(X) EACH_6(X) X(6)
#define EACH_8(X) EACH_7(X) X(7)
#define EACH_9(X) EACH_8(X) X(8)
#define EACH_10(X) EACH_9(X) X(9)
#define LOAD_WORDS(name, count, check, last)                                                                           \
    {                                                                                                                  \
        const uint32_t at = FIRST_WORD, list = u->imm, more = u->s, to = CHANGED_BASE;                                 \
        const uintptr_t page = readable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || !WORDS_FIT(at, 4u * (count)) || (check))) goto slow_##name;                          \
        (void)list, (void)more;                                                                                        \
        R[u->n] = to;                                                                                                  \
        last                                                                                                           \
    }
#define STORE_WORDS(name, count, check)                                                                                \
    {                                                                                                                  \
        const uint32_t at = FIRST_WORD, list = u->imm, more = u->s, to = CHANGED_BASE;                                 \
        const uintptr_t page = writable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || !WORDS_FIT(at, 4u * (count)) || (check))) goto slow_##name;                          \
        (void)more;                                                                                                    \
        EACH_##count(STORE_LISTED)                                                                                     \
        R[u->n] = to;                                                                                                  \
    }
/* PUSH and POP hold the stack pointer to its limit; RETURN is a POP whose last word is where it goes. */
#define BELOW_LIMIT (to < *stack_limit)
#define LOAD_TARGET(i)                                                                                                 \
    uint32_t loaded;                                                                                                   \
    memcpy(&loaded, (const void *)(page + at + 4u * (i)), 4);                                                          \
    GO_TO(loaded, may_return);
#define DO_LDM_1 LOAD_WORDS(LDM_1, 1, false, EACH_1(LOAD_LISTED))
#define DO_LDM_2 LOAD_WORDS(LDM_2, 2, false, EACH_2(LOAD_LISTED))
#define DO_LDM_3 LOAD_WORDS(LDM_3, 3, false, EACH_3(LOAD_LISTED))
#define DO_LDM_4 LOAD_WORDS(LDM_4, 4, false, EACH_4(LOAD_LISTED))
#define DO_LDM_5 LOAD_WORDS(LDM_5, 5, false, EACH_5(LOAD_LISTED))
#define DO_LDM_6 LOAD_WORDS(LDM_6, 6, false, EACH_6(LOAD_LISTED))
#define DO_LDM_7 LOAD_WORDS(LDM_7, 7, false, EACH_7(LOAD_LISTED))
#define DO_LDM_8 LOAD_WORDS(LDM_8, 8, false, EACH_8(LOAD_LISTED))
#define DO_LDM_9 LOAD_WORDS(LDM_9, 9, false, EACH_9(LOAD_LISTED))
#define DO_LDM_10 LOAD_WORDS(LDM_10, 10, false, EACH_10(LOAD_LISTED))
#define DO_POP_1 LOAD_WORDS(POP_1, 1, BELOW_LIMIT, EACH_1(LOAD_LISTED))
#define DO_POP_2 LOAD_WORDS(POP_2, 2, BELOW_LIMIT, EACH_2(LOAD_LISTED))
#define DO_POP_3 LOAD_WORDS(POP_3, 3, BELOW_LIMIT, EACH_3(LOAD_LISTED))
#define DO_POP_4 LOAD_WORDS(POP_4, 4, BELOW_LIMIT, EACH_4(LOAD_LISTED))
#define DO_POP_5 LOAD_WORDS(POP_5, 5, BELOW_LIMIT, EACH_5(LOAD_LISTED))
#define DO_POP_6 LOAD_WORDS(POP_6, 6, BELOW_LIMIT, EACH_6(LOAD_LISTED))
#define DO_POP_7 LOAD_WORDS(POP_7, 7, BELOW_LIMIT, EACH_7(LOAD_LISTED))
#define DO_POP_8 LOAD_WORDS(POP_8, 8, BELOW_LIMIT, EACH_8(LOAD_LISTED))
#define DO_POP_9 LOAD_WORDS(POP_9, 9, BELOW_LIMIT, EACH_9(LOAD_LISTED))
#define DO_POP_10 LOAD_WORDS(POP_10, 10, BELOW_LIMIT, EACH_10(LOAD_LISTED))
#define DO_RETURN_1 LOAD_WORDS(RETURN_1, 1, BELOW_LIMIT, EACH_0(LOAD_LISTED) LOAD_TARGET(0))
#define DO_RETURN_2 LOAD_WORDS(RETURN_2, 2, BELOW_LIMIT, EACH_1(LOAD_LISTED) LOAD_TARGET(1))
#define DO_RETURN_3 LOAD_WORDS(RETURN_3, 3, BELOW_LIMIT, EACH_2(LOAD_LISTED) LOAD_TARGET(2))
#define DO_RETURN_4 LOAD_WORDS(RETURN_4, 4, BELOW_LIMIT, EACH_3(LOAD_LISTED) LOAD_TARGET(3))
#define DO_RETURN_5 LOAD_WORDS(RETURN_5, 5, BELOW_LIMIT, EACH_4(LOAD_LISTED) LOAD_TARGET(4))
#define DO_RETURN_6 LOAD_WORDS(RETURN_6, 6, BELOW_LIMIT, EACH_5(LOAD_LISTED) LOAD_TARGET(5))
#define DO_RETURN_7 LOAD_WORDS(RETURN_7, 7, BELOW_LIMIT, EACH_6(LOAD_LISTED) LOAD_TARGET(6))
#define DO_RETURN_8 LOAD_WORDS(RETURN_8, 8, BELOW_LIMIT, EACH_7(LOAD_LISTED) LOAD_TARGET(7))
#define DO_RETURN_9 LOAD_WORDS(RETURN_9, 9, BELOW_LIMIT, EACH_8(LOAD_LISTED) LOAD_TARGET(8))
#define DO_RETURN_10 LOAD_WORDS(RETURN_10, 10, BELOW_LIMIT, EACH_9(LOAD_LISTED) LOAD_TARGET(9))
#define DO_STM_1 STORE_WORDS(STM_1, 1, false)
#define DO_STM_2 STORE_WORDS(STM_2, 2, false)
#define DO_STM_3 STORE_WORDS(STM_3, 3, false)
#define DO_STM_4 STORE_WORDS(STM_4, 4, false)
#define DO_STM_5 STORE_WORDS(STM_5, 5, false)
#define DO_STM_6 STORE_WORDS(STM_6, 6, false)
#define DO_STM_7 STORE_WORDS(STM_7, 7, false)
#define DO_STM_8 STORE_WORDS(STM_8, 8, false)
#define DO_STM_9 STORE_WORDS(STM_9, 9, false)
#define DO_STM_10 STORE_WORDS(STM_10, 10, false)
#define DO_PUSH_1 STORE_WORDS(PUSH_1, 1, BELOW_LIMIT)
#define DO_PUSH_2 STORE_WORDS(PUSH_2, 2, BELOW_LIMIT)
#define DO_PUSH_3 STORE_WORDS(PUSH_3, 3, BELOW_LIMIT)
#define DO_PUSH_4 STORE_WORDS(PUSH_4, 4, BELOW_LIMIT)
#define DO_PUSH_5 STORE_WORDS(PUSH_5, 5, BELOW_LIMIT)
#define DO_PUSH_6 STORE_WORDS(PUSH_6, 6, BELOW_LIMIT)
#define DO_PUSH_7 STORE_WORDS(PUSH_7, 7, BELOW_LIMIT)
#define DO_PUSH_8 STORE_WORDS(PUSH_8, 8, BELOW_LIMIT)
#define DO_PUSH_9 STORE_WORDS(PUSH_9, 9, BELOW_LIMIT)
#define DO_PUSH_10 STORE_WORDS(PUSH_10, 10, BELOW_LIMIT)

#define DO_CLREX { s->exclusive = 0; }
#define DO_TT { R[u->d] = mv_test_target(core, R[u->n], u->s ? false : mv_is_privileged(core)); }

/* -- floating point ------------------------------------------------------------------------------------------------------ */

/* One word or two: s says how many. */
#define DO_VLDR                                                                                                        \
    {                                                                                                                  \
        const uint32_t at = AT_OFFSET;                                                                                 \
        const uintptr_t page = readable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || !WORDS_FIT(at, 8u))) goto slow_VLDR;                                                 \
        memcpy(&s->s[u->d], (const void *)(page + at), 4);                                                             \
        if (u->s == 2) memcpy(&s->s[u->d + 1], (const void *)(page + at + 4), 4);                                      \
    }
#define DO_VSTR                                                                                                        \
    {                                                                                                                  \
        const uint32_t at = AT_OFFSET;                                                                                 \
        const uintptr_t page = writable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || !WORDS_FIT(at, 8u))) goto slow_VSTR;                                                 \
        memcpy((void *)(page + at), &s->s[u->d], 4);                                                                   \
        if (u->s == 2) memcpy((void *)(page + at + 4), &s->s[u->d + 1], 4);                                            \
    }

#define DO_VMOV_TO_S { s->s[u->d] = R[u->n]; }
#define DO_VMOV_TO_R { R[u->d] = s->s[u->n]; }
#define DO_VMOV { s->s[u->d] = s->s[u->m]; }
#define DO_VABS { s->s[u->d] = s->s[u->m] & 0x7FFFFFFFu; }
#define DO_VNEG { s->s[u->d] = s->s[u->m] ^ 0x80000000u; }
#define DO_VCONST { s->s[u->d] = u->imm; }
#define BY_HOST(kind, symbol)                                                                                          \
    {                                                                                                                  \
        const float result = to_float(s->s[u->n]) symbol to_float(s->s[u->m]);                                         \
        s->s[u->d] = LIKELY(host_can(s, result)) ? from_float(result) : BY_HAND(kind);                                 \
    }
#define DO_VADD BY_HOST(K_FADD, +)
#define DO_VSUB BY_HOST(K_FSUB, -)
#define DO_VMUL BY_HOST(K_FMUL, *)
#define DO_VDIV BY_HOST(K_FDIV, /)
/* VMLA and its kin round twice, VFMA and its kin once. The sign of a factor or an addend is all that differs among them. */
#define CHAINED(kind, product, addend)                                                                                 \
    {                                                                                                                  \
        const float x = to_float(s->s[u->n]) * to_float(s->s[u->m]), sum = addend + product;                           \
        s->s[u->d] = LIKELY(host_can(s, x) && host_can(s, sum)) ? from_float(sum) : BY_HAND(kind);                     \
    }
#define FUSED(kind, factor, addend)                                                                                    \
    {                                                                                                                  \
        const float x = to_float(s->s[u->n]), sum = fmaf(factor, to_float(s->s[u->m]), addend);                        \
        s->s[u->d] = LIKELY(host_can(s, sum)) ? from_float(sum) : BY_HAND(kind);                                       \
    }
#define BY_HAND(kind) mv_fp_binary(core, kind, s->s[u->d], s->s[u->n], s->s[u->m])
#define ADDEND to_float(s->s[u->d])
#define DO_VMLA CHAINED(K_FMLA, x, ADDEND)
#define DO_VMLS CHAINED(K_FMLS, -x, ADDEND)
#define DO_VFMA FUSED(K_FFMA, x, ADDEND)
#define DO_VFMS FUSED(K_FFMS, -x, ADDEND)
#define DO_VBINARY { s->s[u->d] = BY_HAND(u->imm); }
#define DO_VSQRT                                                                                                       \
    {                                                                                                                  \
        const float root = sqrtf(to_float(s->s[u->m]));                                                                \
        s->s[u->d] = LIKELY(host_can(s, root)) ? from_float(root) : mv_fp_sqrt(core, s->s[u->m]);                      \
    }
#define DO_VCMP { mv_fp_compare(core, u->s, s->s[u->n], u->m == 32 ? 0 : s->s[u->m]); }
#define DO_VHALF { s->s[u->d] = mv_fp_half(core, u->imm, u->s, s->s[u->d], s->s[u->m]); }
#define DO_VROUND { s->s[u->d] = mv_fp_round(core, u->s, u->n, s->s[u->m]); }
#define DO_VFROM                                                                                                       \
    {                                                                                                                  \
        const uint32_t value = fixed_point(u, s->s[u->m]);                                                             \
        s->s[u->d] = mv_fp_from_fixed(core, value, u->n != 0, u->imm >> 8 & 0xFF, u->imm >> 16 != 0);                  \
    }
#define DO_VTO { s->s[u->d] = mv_fp_to_fixed(core, s->s[u->m], u->n != 0, u->s, u->imm >> 8 & 0xFF, u->imm & 0xFF); }
/* The four conditions are EQ, VS, GE and GT (DDI0553, C2.4 VSEL). */
#define DO_VSEL                                                                                                        \
    {                                                                                                                  \
        const bool holds = u->s == 0 ? IF_EQ : u->s == 1 ? IF_VS : u->s == 2 ? IF_GE : IF_GT;                          \
        s->s[u->d] = s->s[holds ? u->n : u->m];                                                                        \
    }
#define DO_VMSR { s->fpscr = R[u->n] & FPSCR_WRITABLE; }
#define DO_VMRS { R[u->d] = s->fpscr; }
#define DO_VMRS_FLAGS { flags_from_fpscr(s); }

#endif
