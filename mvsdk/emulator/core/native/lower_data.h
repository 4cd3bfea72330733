/* Data processing (DDI0553, C2.4): arithmetic, shifts, extensions, bit fields, multiplication. */
#ifndef MVSDK_LOWER_DATA_H
#define MVSDK_LOWER_DATA_H

#include "lowering.h"

static bool is_logical(uint32_t kind) { return kind <= K_EOR || kind == K_MOV || kind == K_MVN; }

static uint32_t plain_operation(uint32_t kind) { return OP_AND_R + kind * (OP_BIC_R - OP_AND_R); }

static uint32_t flag_operation(uint32_t kind) { return OP_ANDS_R + kind * (OP_BICS_R - OP_ANDS_R); }

static void emit_register(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t flags) {
    uint32_t operation;
    if (d == R_SINK && (kind == K_SUB || kind == K_AND)) {
        emit(x, kind == K_SUB ? OP_CMP_R : OP_TST_R, 0, n, m, 0, 0);
        return;
    }
    switch (kind) {
    case K_MOV: operation = flags ? OP_MOVS_R : OP_MOV_R; break;
    case K_MVN: operation = flags ? OP_MVNS_R : OP_MVN_R; break;
    case K_ADC: operation = flags ? OP_ADCS_R : OP_ADC_R; break;
    case K_SBC: operation = flags ? OP_SBCS_R : OP_SBC_R; break;
    default: operation = flags ? flag_operation(kind) : plain_operation(kind); break;
    }
    emit(x, operation, d, n, m, 0, 0);
}

static void emit_immediate(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t value, uint32_t flags) {
    uint32_t operation;
    if (d == R_SINK && (kind == K_SUB || kind == K_AND)) {
        emit(x, kind == K_SUB ? OP_CMP_I : OP_TST_I, 0, n, 0, 0, value);
        return;
    }
    switch (kind) {
    case K_MVN: value = ~value; /* fall through */
    case K_MOV: operation = flags ? OP_MOVS_I : OP_MOV_I; break;
    case K_ADC: operation = flags ? OP_ADCS_I : OP_ADC_I; break;
    case K_SBC: operation = flags ? OP_SBCS_I : OP_SBC_I; break;
    default: operation = (flags ? flag_operation(kind) : plain_operation(kind)) + 1; break;
    }
    emit(x, operation, d, n, 0, 0, value);
}

static uint32_t first_operand(lowering *x, uint32_t kind, uint32_t n) {
    return kind == K_MOV || kind == K_MVN ? (uint32_t)R_ZERO : source(x, n);
}

static void lower_dp_value(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t value, uint32_t flags) {
    if (d == R_SP && n == R_SP && !flags && value % 4 == 0 && (kind == K_ADD || kind == K_SUB)) {
        emit(x, OP_SP_ADD, 0, 0, 0, 0, kind == K_ADD ? value : 0u - value);
        return;
    }
    n = first_operand(x, kind, n);
    emit_immediate(x, kind, target(d), n, value, flags);
    deliver(x, d, true);
}

static void lower_dp_expand(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t imm12, uint32_t flags) {
    const uint32_t value = expand(imm12);
    /* A rotated constant's top bit is the carry of a logical operation (DDI0553, T32ExpandImm_C). */
    if (flags && is_logical(kind) && imm12 >> 10 != 0) emit(x, OP_SET_C, 0, 0, 0, 0, value >> 31);
    lower_dp_value(x, kind, d, n, value, flags);
}

/* DecodeImmShift (DDI0553, E2.1): what a shift type and a 5-bit amount mean. */
static void decode_shift(uint32_t *type, uint32_t *amount) {
    if (*amount != 0) return;
    if (*type == K_LSR || *type == K_ASR) *amount = 32;
    if (*type == K_ROR) *type = K_RRX;
}

static void lower_dp_reg(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t type, uint32_t amount,
                         uint32_t flags) {
    decode_shift(&type, &amount);
    n = first_operand(x, kind, n);
    m = source(x, m);
    const uint32_t to = target(d);
    if (type == K_LSL && amount == 0) {
        emit_register(x, kind, to, n, m, flags);
    } else if (kind == K_MOV) {
        emit(x, (flags ? OP_LSLS_BY : OP_LSL_BY) + type, to, 0, m, 0, amount);
    } else if (kind <= K_RSB && !flags && type != K_RRX) {
        emit(x, plain_operation(kind) + 2 + type, to, n, m, 0, amount);
    } else {
        emit(x, (flags && is_logical(kind) ? OP_LSLC_BY : OP_LSL_BY) + type, R_TMP, 0, m, 0, amount);
        emit_register(x, kind, to, n, R_TMP, flags);
    }
    deliver(x, d, true);
}

static void lower_compare_value(lowering *x, uint32_t kind, uint32_t n, uint32_t value) {
    emit_immediate(x, kind, R_SINK, source(x, n), value, 1);
}

static void lower_compare_expand(lowering *x, uint32_t kind, uint32_t n, uint32_t imm12) {
    lower_dp_expand(x, kind, R_SINK, n, imm12, 1);
}

static void lower_compare_reg(lowering *x, uint32_t kind, uint32_t n, uint32_t m, uint32_t type, uint32_t amount) {
    lower_dp_reg(x, kind, R_SINK, n, m, type, amount, 1);
}

static void lower_mov_reg(lowering *x, uint32_t d, uint32_t m, uint32_t flags) {
    lower_dp_reg(x, K_MOV, d, R_PC, m, 0, 0, flags);
}

static void lower_shift_imm(lowering *x, uint32_t type, uint32_t d, uint32_t m, uint32_t amount, uint32_t flags) {
    lower_dp_reg(x, K_MOV, d, R_PC, m, type, amount, flags);
}

static void lower_shift_reg(lowering *x, uint32_t type, uint32_t d, uint32_t n, uint32_t m, uint32_t flags) {
    emit(x, (flags ? OP_LSLS_REG : OP_LSL_REG) + type, d, n, m, 0, 0);
}

static void lower_adr(lowering *x, uint32_t d, uint32_t offset) {
    emit(x, OP_MOV_I, d, 0, 0, 0, ((x->pc + 4) & ~3u) + offset);
}

static void lower_move_wide(lowering *x, uint32_t d, uint32_t value) { emit(x, OP_MOV_I, d, 0, 0, 0, value); }

static void lower_move_top(lowering *x, uint32_t d, uint32_t value) { emit(x, OP_MOVT, d, 0, 0, 0, value << 16); }

static void lower_extend(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t rotation) {
    static const uint16_t operation[] = {OP_SXTB, OP_SXTH, OP_UXTB, OP_UXTH, OP_SXTB16, OP_UXTB16};
    if (rotation != 0) {
        emit(x, OP_ROR_BY, R_TMP, 0, m, 0, rotation);
        m = R_TMP;
    }
    emit(x, operation[kind], n == R_PC ? d : (uint32_t)R_TMP, 0, m, 0, 0);
    if (n == R_PC) return;
    if (kind == K_SXTB16 || kind == K_UXTB16)
        emit(x, OP_DSP, d, n, R_TMP, 1, K_UADD16); /* s: lanes added without touching GE */
    else
        emit(x, OP_ADD_R, d, n, R_TMP, 0, 0);
}

static void lower_unary(lowering *x, uint32_t kind, uint32_t d, uint32_t m) {
    static const uint16_t operation[] = {OP_REV, OP_REV16, OP_REVSH, OP_RBIT, OP_CLZ};
    emit(x, operation[kind], d, 0, m, 0, 0);
}

static void lower_bitfield(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t low, uint32_t width) {
    const uint32_t ones = width == 32 ? ~0u : (1u << width) - 1;
    switch (kind) {
    case K_UBFX: emit(x, OP_UBFX, d, n, low, width, ones); break;
    case K_SBFX: emit(x, OP_SBFX, d, n, 32 - low - width, 32 - width, 0); break;
    case K_BFI: emit(x, OP_BFI, d, n, low, 0, ones << low); break;
    default: emit(x, OP_BIC_I, d, d, 0, 0, ones << low); break;
    }
}

static void lower_saturate(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t bits, uint32_t shift_type, uint32_t amount) {
    uint32_t type = shift_type ? K_ASR : K_LSL;
    if (amount != 0) {
        emit(x, OP_LSL_BY + type, R_TMP, 0, n, 0, amount);
        n = R_TMP;
    }
    emit(x, kind == K_SSAT ? OP_SSAT : OP_USAT, d, n, 0, 0, bits);
}

static void lower_saturate16(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t bits) {
    emit(x, OP_MOV_I, R_TMP, 0, 0, 0, bits);
    emit(x, OP_DSP, d, n, R_TMP, 0, kind == K_SSAT ? K_SSAT16 : K_USAT16);
}

static void lower_pack_halfword(lowering *x, uint32_t top_bottom, uint32_t d, uint32_t n, uint32_t m, uint32_t amount) {
    uint32_t type = top_bottom ? K_ASR : K_LSL;
    decode_shift(&type, &amount);
    emit(x, OP_LSL_BY + type, R_TMP, 0, m, 0, amount);
    emit(x, top_bottom ? OP_PKHTB : OP_PKHBT, d, n, R_TMP, 0, 0);
}

static void lower_multiply(lowering *x, uint32_t d, uint32_t n, uint32_t m, uint32_t flags) {
    emit(x, flags ? OP_MULS : OP_MUL, d, n, m, 0, 0);
}

static void lower_multiply_add(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t a) {
    emit(x, kind == K_MLA ? OP_MLA : OP_MLS, d, n, m, a, 0);
}

static void lower_multiply_long(lowering *x, uint32_t kind, uint32_t low, uint32_t high, uint32_t n, uint32_t m, uint32_t variant) {
    static const uint16_t operation[] = {OP_UMULL, OP_SMULL, OP_UMLAL, OP_SMLAL};
    emit(x, kind <= K_SMLAL ? operation[kind] : (uint32_t)OP_LONG, low, n, m, high, kind | variant << 8);
}

static void lower_divide(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m) {
    emit(x, kind == K_SDIV ? OP_SDIV : OP_UDIV, d, n, m, 0, 0);
}

static void lower_dsp(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t unused) {
    emit(x, OP_DSP, d, n, m, unused, kind);
}

static void lower_dsp_accumulate(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t a, uint32_t variant) {
    emit(x, OP_DSP_ACCUMULATE, d, n, m, a == R_PC ? (uint32_t)R_ZERO : a, kind | variant << 8);
}

#endif
