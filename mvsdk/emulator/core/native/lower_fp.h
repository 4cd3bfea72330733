/* Floating point (DDI0553, C2.4): transfers and arithmetic. */
#ifndef MVSDK_LOWER_FP_H
#define MVSDK_LOWER_FP_H

#include "lower_memory.h"

/* ExecuteFPCheck (DDI0553, E2.1) once per block; nothing but the ends of blocks can take readiness away again. */
static void fp_begin(lowering *x) {
    if (x->fp_ready) return;
    emit(x, OP_FP_CHECK, 0, 0, 0, 0, 0);
    if (!x->inside) x->fp_ready = true;
}

static void lower_undefined_fp(lowering *x) {
    lower_undefined(x);
    x->block->op[x->block->ops - 1].d = 1; /* NOCP comes first */
}

/* s: words. The literal form's base is the aligned PC. */
static void fp_transfer(lowering *x, uint32_t operation, uint32_t is_double, uint32_t d, uint32_t n, uint32_t offset) {
    fp_begin(x);
    if (n == R_PC) {
        n = R_ZERO;
        offset += (x->pc + 4) & ~3u;
    }
    emit(x, operation, d, n, 0, is_double ? 2 : 1, offset);
}

static void lower_fp_load(lowering *x, uint32_t is_double, uint32_t d, uint32_t n, uint32_t offset) {
    fp_transfer(x, OP_VLDR, is_double, d, n, offset);
}

static void lower_fp_store(lowering *x, uint32_t is_double, uint32_t d, uint32_t n, uint32_t offset) {
    fp_transfer(x, OP_VSTR, is_double, d, n, offset);
}

static void fp_multiple(lowering *x, uint32_t operation, uint32_t d, uint32_t count, uint32_t n, uint32_t before, uint32_t size,
                        uint32_t write_back) {
    fp_begin(x);
    const uint32_t offset = before ? 0u - size : size;
    if (write_back) check_writeback(x, n, offset, K_PRE);
    if (n == R_PC) emit(x, OP_MOV_I, R_PC, 0, 0, 0, (x->pc + 4) & ~3u);
    emit(x, operation, d, n, count, before | write_back << 1, offset);
}

static void lower_fp_load_multiple(lowering *x, uint32_t d, uint32_t count, uint32_t n, uint32_t before, uint32_t size, uint32_t write_back) {
    fp_multiple(x, OP_VLDM, d, count, n, before, size, write_back);
}

static void lower_fp_store_multiple(lowering *x, uint32_t d, uint32_t count, uint32_t n, uint32_t before, uint32_t size, uint32_t write_back) {
    fp_multiple(x, OP_VSTM, d, count, n, before, size, write_back);
}

static void lower_fp_from_core(lowering *x, uint32_t d, uint32_t t) {
    fp_begin(x);
    emit(x, OP_VMOV_TO_S, d, t, 0, 0, 0);
}

static void lower_fp_to_core(lowering *x, uint32_t n, uint32_t t) {
    fp_begin(x);
    emit(x, OP_VMOV_TO_R, t, n, 0, 0, 0);
}

static void lower_fp_from_two(lowering *x, uint32_t d, uint32_t t, uint32_t u) {
    lower_fp_from_core(x, d, t);
    emit(x, OP_VMOV_TO_S, d + 1, u, 0, 0, 0);
}

static void lower_fp_to_two(lowering *x, uint32_t n, uint32_t t, uint32_t u) {
    lower_fp_to_core(x, n, t);
    emit(x, OP_VMOV_TO_R, u, n + 1, 0, 0, 0);
}

static void lower_fp_set_status(lowering *x, uint32_t t) {
    fp_begin(x);
    emit(x, OP_VMSR, 0, t, 0, 0, 0);
}

static void lower_fp_get_status(lowering *x, uint32_t t) {
    fp_begin(x);
    emit(x, t == R_PC ? OP_VMRS_FLAGS : OP_VMRS, t, 0, 0, 0, 0);
}

static void lower_fp_binary(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m) {
    uint32_t operation = OP_VBINARY;
    if (kind <= K_FDIV) operation = OP_VADD + kind;
    if (kind == K_FMLA || kind == K_FMLS) operation = OP_VMLA + (kind - K_FMLA);
    if (kind == K_FFMA || kind == K_FFMS) operation = OP_VFMA + (kind - K_FFMA);
    fp_begin(x);
    emit(x, operation, d, n, m, 0, kind);
}

static void lower_fp_select(lowering *x, uint32_t condition, uint32_t d, uint32_t n, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VSEL, d, n, m, condition, 0);
}

/* VFPExpandImm (DDI0553, E2.1): sign, three exponent bits, four of fraction. */
static void lower_fp_constant(lowering *x, uint32_t d, uint32_t imm8) {
    fp_begin(x);
    const uint32_t exponent = (imm8 & 0x40) ? 0x7Cu : 0x80u;
    emit(x, OP_VCONST, d, 0, 0, 0, (imm8 >> 7) << 31 | (exponent | (imm8 >> 4 & 3)) << 23 | (imm8 & 15) << 19);
}

static void lower_fp_move(lowering *x, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VMOV, d, 0, m, 0, 0);
}

static void lower_fp_unary(lowering *x, uint32_t kind, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, kind == K_FABS ? OP_VABS : kind == K_FNEG ? OP_VNEG : OP_VSQRT, d, 0, m, 0, 0);
}

static void lower_fp_half(lowering *x, uint32_t to_half, uint32_t top, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VHALF, d, 0, m, top, to_half);
}

static void lower_fp_compare(lowering *x, uint32_t signals, uint32_t n, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VCMP, 0, n, m, signals, 0); /* m = 32: with zero */
}

static void lower_fp_round(lowering *x, uint32_t kind, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VROUND, d, kind == K_RINTX, m, kind == K_RINTZ ? ROUND_ZERO : ROUND_CURRENT, 0);
}

/* The two bits of VRINTA.. and VCVTA..: ties away, nearest, towards plus, towards minus infinity. */
static uint32_t directed(uint32_t bits) {
    static const uint8_t mode[] = {ROUND_AWAY, ROUND_NEAREST, ROUND_UP, ROUND_DOWN};
    return mode[bits & 3];
}

static void lower_fp_round_directed(lowering *x, uint32_t bits, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VROUND, d, 0, m, directed(bits), 0);
}

static void lower_fp_from_integer(lowering *x, uint32_t is_signed, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VFROM, d, is_signed, m, 32, 0);
}

static void lower_fp_to_integer(lowering *x, uint32_t is_signed, uint32_t mode, uint32_t d, uint32_t m) {
    fp_begin(x);
    emit(x, OP_VTO, d, is_signed, m, 32, mode);
}

static void lower_fp_to_integer_directed(lowering *x, uint32_t is_signed, uint32_t bits, uint32_t d, uint32_t m) {
    lower_fp_to_integer(x, is_signed, directed(bits), d, m);
}

/* s: width; imm: number of fraction bits | rounding << 8 (to fixed is towards zero, from fixed to nearest). */
static void lower_fp_fixed(lowering *x, uint32_t to_fixed, uint32_t is_unsigned, uint32_t wide, uint32_t d, uint32_t number) {
    const uint32_t width = wide ? 32 : 16;
    fp_begin(x);
    emit(x, to_fixed ? OP_VTO : OP_VFROM, d, !is_unsigned, d, width, (to_fixed ? (uint32_t)ROUND_ZERO : 0u) | (width - number) << 8 | 1u << 16);
}

#endif
