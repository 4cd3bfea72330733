/* From words to operations: finding the row of the table, and what each row turns into.
 *
 * Every lower_* function takes the fields of one family of encodings and emits the operations that carry it out. What
 * depends only on the code and its address is settled here: immediates, PC-relative addresses, conditions of an IT block.
 */
#include "core.h"
#include "kinds.h"
#include "operations.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    mv_core *core;
    mv_block *block;
    uint32_t pc;     /* of the instruction */
    uint32_t length; /* bytes */
    uint32_t it;     /* ITSTATE before it */
    uint32_t inside, last;
    uint32_t next_it;
    bool ends;     /* the block ends with this instruction */
    bool fp_ready; /* an earlier instruction of the block has made the floating-point unit ready */
} lowering;

typedef struct {
    uint32_t mask, match;
    void (*lower)(lowering *x, uint32_t w);
} decode_row;

/* -- small arithmetic that the table's expressions use ----------------------------------------------------------------- */

static uint32_t signed_of(uint32_t value, uint32_t bits) {
    const uint32_t sign = 1u << (bits - 1);
    return (value ^ sign) - sign;
}

static uint32_t offset_of(uint32_t up, uint32_t value) { return up ? value : 0u - value; }

static uint32_t bit_of(uint32_t value, uint32_t number) { return value >> number & 1u; }

static uint32_t bitcount_of(uint32_t value) {
    uint32_t count = 0;
    for (; value != 0; value &= value - 1) count++;
    return count;
}

static uint32_t lowest_of(uint32_t registers, uint32_t number) { return (registers & (0u - registers)) == 1u << number; }

static uint32_t badconst_of(uint32_t value) { return value >> 10 == 0 && value >> 8 != 0 && (value & 0xFFu) == 0; }

/* The displacement of B.W and BL: I1 = NOT(J1 EOR S), I2 = NOT(J2 EOR S) (DDI0553, C2.4 B). */
static uint32_t far_of(uint32_t sign, uint32_t j1, uint32_t j2, uint32_t low) {
    const uint32_t i1 = (j1 ^ sign) ^ 1u, i2 = (j2 ^ sign) ^ 1u;
    return signed_of(sign << 24 | i1 << 23 | i2 << 22 | low << 1, 25);
}

/* T32ExpandImm (DDI0553, C2.2.2): an 8-bit value spread or rotated. */
static uint32_t expand(uint32_t imm12) {
    const uint32_t low = imm12 & 0xFFu;
    if (imm12 >> 10 == 0) {
        switch (imm12 >> 8) {
        case 0: return low;
        case 1: return low << 16 | low;
        case 2: return low << 24 | low << 8;
        default: return low << 24 | low << 16 | low << 8 | low;
        }
    }
    const uint32_t value = 0x80u | (imm12 & 0x7Fu), by = imm12 >> 7;
    return value >> by | value << (32 - by);
}

/* -- emitting ----------------------------------------------------------------------------------------------------------- */

static mv_op *emit(lowering *x, uint32_t operation, uint32_t d, uint32_t n, uint32_t m, uint32_t s, uint32_t imm) {
    mv_block *const block = x->block;
    mv_op *const op = &block->op[block->ops];
    op->go.number = operation;
    op->d = (uint8_t)d;
    op->n = (uint8_t)n;
    op->m = (uint8_t)m;
    op->s = (uint8_t)s;
    op->imm = imm;
    block->origin[block->ops] = (mv_origin){(uint8_t)((x->pc - block->pc) / 2), (uint8_t)x->it, (uint8_t)(x->length / 2)};
    block->ops++;
    return op;
}

/* A register as a source: reading the PC gives the instruction's address plus 4. */
static uint32_t source(lowering *x, uint32_t number) {
    if (number == R_PC) emit(x, OP_MOV_I, R_PC, 0, 0, 0, x->pc + 4);
    return number;
}

/* A register as a destination: SP and PC take their value from R_TMP, which `deliver` hands on. */
static uint32_t target(uint32_t number) { return number == R_SP || number == R_PC ? (uint32_t)R_TMP : number; }

static void deliver(lowering *x, uint32_t number, bool checked) {
    if (number == R_SP) emit(x, checked ? OP_SP_SET_CHECKED : OP_SP_SET, 0, 0, 0, 0, 0);
    if (number == R_PC) {
        emit(x, OP_JUMP, 0, 0, R_TMP, 0, 0);
        x->ends = true;
    }
}

static void lower_undefined(lowering *x) {
    emit(x, OP_UDF, 0, 0, 0, 0, CFSR_UNDEFINSTR);
    x->ends = true;
}

/* -- data processing ---------------------------------------------------------------------------------------------------- */

static bool is_logical(uint32_t kind) { return kind <= K_EOR || kind == K_MOV || kind == K_MVN; }

static uint32_t plain_operation(uint32_t kind) { return OP_AND_R + kind * (OP_BIC_R - OP_AND_R); }

static uint32_t flag_operation(uint32_t kind) { return OP_ANDS_R + kind * (OP_BICS_R - OP_ANDS_R); }

static void emit_register(lowering *x, uint32_t kind, uint32_t d, uint32_t n, uint32_t m, uint32_t flags) {
    uint32_t operation;
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

/* DecodeImmShift (DDI0553, C2.2.1): what a shift type and a 5-bit amount mean. */
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

/* -- loads and stores --------------------------------------------------------------------------------------------------- */

static uint32_t load_operation(uint32_t size) {
    static const uint16_t first[] = {OP_LDR_OFFSET, OP_LDRB_OFFSET, OP_LDRH_OFFSET, OP_LDRSB_OFFSET, OP_LDRSH_OFFSET};
    return first[size];
}

static uint32_t store_operation(uint32_t size) {
    static const uint16_t first[] = {OP_STR_OFFSET, OP_STRB_OFFSET, OP_STRH_OFFSET};
    return first[size];
}

/* A word loaded into the PC branches with interworking: LoadWritePC (DDI0553, E2.1). */
static void deliver_loaded(lowering *x, uint32_t t) {
    if (t == R_SP) emit(x, OP_SP_SET, 0, 0, 0, 0, 0);
    if (t == R_PC) {
        emit(x, OP_BX, 0, 0, R_TMP, 0, 0);
        x->ends = true;
    }
}

/* Before writing back to SP the new value is compared with the limit, so that a failing access has no effect. */
static void check_writeback(lowering *x, uint32_t n, uint32_t offset, uint32_t mode) {
    if (n == R_SP && mode != K_OFFSET) emit(x, OP_SP_LIMIT, 0, 0, 0, 0, offset);
}

static void align_writeback(lowering *x, uint32_t n, uint32_t offset, uint32_t mode) {
    if (n == R_SP && mode != K_OFFSET && offset % 4 != 0) emit(x, OP_SP_ALIGN, 0, 0, 0, 0, 0);
}

static void lower_load_imm(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t offset, uint32_t mode) {
    check_writeback(x, n, offset, mode);
    emit(x, load_operation(size) + mode, target(t), n, 0, 0, offset);
    align_writeback(x, n, offset, mode);
    deliver_loaded(x, t);
}

static void lower_store_imm(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t offset, uint32_t mode) {
    check_writeback(x, n, offset, mode);
    emit(x, store_operation(size) + mode, t, n, 0, 0, offset);
    align_writeback(x, n, offset, mode);
}

static void lower_load_reg(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t m, uint32_t shift) {
    emit(x, load_operation(size) + 3, target(t), source(x, n), m, shift, 0);
    deliver_loaded(x, t);
}

static void lower_store_reg(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t m, uint32_t shift) {
    emit(x, store_operation(size) + 3, t, n, m, shift, 0);
}

static void lower_load_literal(lowering *x, uint32_t size, uint32_t t, uint32_t offset, uint32_t up) {
    const uint32_t address = ((x->pc + 4) & ~3u) + offset_of(up, offset);
    if (size == K_W)
        emit(x, OP_LDR_LITERAL, target(t), 0, 0, 0, address);
    else
        emit(x, load_operation(size), target(t), R_ZERO, 0, 0, address);
    deliver_loaded(x, t);
}

/* mode: 0 offset, 1 pre-indexed, 2 post-indexed. The literal form's base is the aligned PC. */
static void dual(lowering *x, uint32_t operation, uint32_t t, uint32_t u, uint32_t n, uint32_t offset, uint32_t mode) {
    if (n == R_PC) {
        n = R_ZERO;
        offset += (x->pc + 4) & ~3u;
    }
    check_writeback(x, n, offset, mode);
    emit(x, operation, t, n, u, mode, offset);
}

static void lower_load_dual(lowering *x, uint32_t t, uint32_t u, uint32_t n, uint32_t offset, uint32_t mode) {
    dual(x, OP_LDRD, t, u, n, offset, mode);
}

static void lower_store_dual(lowering *x, uint32_t t, uint32_t u, uint32_t n, uint32_t offset, uint32_t mode) {
    dual(x, OP_STRD, t, u, n, offset, mode);
}

/* m: write back; s: decrement before. The PC is loaded into R_TMP and branched to at the end. */
static void lower_load_multiple(lowering *x, uint32_t n, uint32_t list, uint32_t write_back, uint32_t before) {
    const uint32_t count = bitcount_of(list) * 4;
    if (write_back) check_writeback(x, n, before ? 0u - count : count, K_PRE);
    emit(x, OP_LDM, 0, n, write_back, before, list | count << 16);
    if (list >> R_PC & 1) deliver_loaded(x, R_PC);
}

static void lower_store_multiple(lowering *x, uint32_t n, uint32_t list, uint32_t write_back, uint32_t before) {
    const uint32_t count = bitcount_of(list) * 4;
    if (write_back) check_writeback(x, n, before ? 0u - count : count, K_PRE);
    emit(x, OP_STM, 0, n, write_back, before, list | count << 16);
}

static void lower_push(lowering *x, uint32_t list) { lower_store_multiple(x, R_SP, list, 1, 1); }

static void lower_pop(lowering *x, uint32_t list) { lower_load_multiple(x, R_SP, list, 1, 0); }

static uint32_t bytes_of(uint32_t size) { return size == K_W ? 4 : size == K_H || size == K_SH ? 2 : 1; }

static void lower_load_acquire(lowering *x, uint32_t size, uint32_t t, uint32_t n) {
    emit(x, OP_LOAD_ALIGNED, t, n, 0, bytes_of(size), 0);
}

static void lower_store_release(lowering *x, uint32_t size, uint32_t t, uint32_t n) {
    emit(x, OP_STORE_ALIGNED, t, n, 0, bytes_of(size), 0);
}

static void lower_load_exclusive(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t offset) {
    emit(x, OP_LDREX, t, n, 0, bytes_of(size), offset);
}

static void lower_store_exclusive(lowering *x, uint32_t size, uint32_t d, uint32_t t, uint32_t n, uint32_t offset) {
    emit(x, OP_STREX, d, n, t, bytes_of(size), offset);
}

static void lower_clear_exclusive(lowering *x) { emit(x, OP_CLREX, 0, 0, 0, 0, 0); }

static void lower_load_unprivileged(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t offset) {
    emit(x, OP_LOAD_USER, t, source(x, n), size == K_SB ? 24 : size == K_SH ? 16 : 0, bytes_of(size), offset);
}

static void lower_store_unprivileged(lowering *x, uint32_t size, uint32_t t, uint32_t n, uint32_t offset) {
    emit(x, OP_STORE_USER, t, n, 0, bytes_of(size), offset);
}

static void lower_test_target(lowering *x, uint32_t d, uint32_t n, uint32_t as_user) { emit(x, OP_TT, d, n, 0, as_user, 0); }

/* -- branches ----------------------------------------------------------------------------------------------------------- */

static void lower_branch(lowering *x, uint32_t offset) {
    const uint32_t to = x->pc + 4 + offset;
    /* A branch to itself outside an IT block changes nothing but time until somebody interrupts it. */
    const bool spins = to == x->block->pc && x->block->ops == 0 && !x->inside;
    emit(x, spins ? OP_SPIN : OP_B, 0, 0, 0, 0, to);
    x->ends = true;
}

static void lower_branch_if(lowering *x, uint32_t condition, uint32_t offset) {
    emit(x, OP_B_EQ + condition, 0, 0, 0, 0, x->pc + 4 + offset);
    x->ends = true;
}

static void lower_branch_link(lowering *x, uint32_t offset) {
    emit(x, OP_BL, 0, 0, 0, 0, x->pc + 4 + offset)->wide = (x->pc + 4) | 1;
    x->ends = true;
}

static void lower_bx(lowering *x, uint32_t m) {
    emit(x, OP_BX, 0, 0, source(x, m), 0, 0);
    x->ends = true;
}

static void lower_blx(lowering *x, uint32_t m) {
    emit(x, OP_BLX, 0, 0, m, 0, (x->pc + 2) | 1);
    x->ends = true;
}

static void lower_compare_branch(lowering *x, uint32_t nonzero, uint32_t n, uint32_t offset) {
    emit(x, nonzero ? OP_CBNZ : OP_CBZ, 0, n, 0, 0, x->pc + 4 + offset);
    x->ends = true;
}

static void lower_table_branch(lowering *x, uint32_t halfwords, uint32_t n, uint32_t m) {
    emit(x, halfwords ? OP_TBH : OP_TBB, 0, source(x, n), m, 0, x->pc + 4);
    x->ends = true;
}

/* -- system ------------------------------------------------------------------------------------------------------------- */

static void lower_nop(lowering *x) { (void)x; }

static void lower_it(lowering *x, uint32_t condition, uint32_t mask) { x->next_it = condition << 4 | mask; }

static void lower_cps(lowering *x, uint32_t disable, uint32_t primask, uint32_t faultmask) {
    emit(x, OP_CPS, disable, primask, faultmask, 0, 0);
}

static void lower_mrs(lowering *x, uint32_t d, uint32_t number) { emit(x, OP_MRS, d, 0, 0, 0, number); }

/* A write can change privilege, stack or masks, so the block ends and everything is looked at anew. */
static void lower_msr(lowering *x, uint32_t n, uint32_t mask, uint32_t number) {
    emit(x, OP_MSR, 0, n, mask, 0, number);
    if (number > 3) x->ends = true;
}

static void lower_svc(lowering *x, uint32_t number) {
    emit(x, OP_SVC, 0, 0, 0, 0, number);
    x->ends = true;
}

static void lower_bkpt(lowering *x, uint32_t number) {
    emit(x, OP_BKPT, 0, 0, 0, 0, number);
}

static void lower_wait(lowering *x, uint32_t kind) { emit(x, OP_WAIT, kind, 0, 0, 0, 0); }

static void lower_no_coprocessor(lowering *x, uint32_t number) {
    (void)number; /* the U585 has none but the floating-point unit (DDI0553, CheckCPEnabled) */
    emit(x, OP_NOCP, 0, 0, 0, 0, 0);
    x->ends = true;
}

/* -- floating point ----------------------------------------------------------------------------------------------------- */

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
    fp_begin(x);
    emit(x, kind <= K_FDIV ? OP_VADD + kind : (uint32_t)OP_VBINARY, d, n, m, 0, kind);
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

#include "decode_table.inc"

/* -- blocks ------------------------------------------------------------------------------------------------------------- */

static const decode_row *find_row(uint32_t first, uint32_t word) {
    const uint32_t bucket = first >> 6;
    for (uint32_t i = decode_start[bucket]; i < decode_start[bucket + 1]; i++) {
        const decode_row *const row = &decode_rows[decode_candidate[i]];
        if ((word & row->mask) == row->match) return row;
    }
    return NULL;
}

static void lower_word(lowering *x, uint32_t first, uint32_t word) {
    const decode_row *const row = find_row(first, word);
    mv_op *skip = NULL;
    const uint32_t condition = x->it >> 4;
    /* BKPT alone is unconditional inside an IT block (DDI0553, C2.4 BKPT). */
    if (x->inside && condition < 14 && (first >> 8 != 0xBE)) skip = emit(x, OP_SKIP_EQ + condition, 0, 0, 0, 0, 0);
    const uint32_t before = x->block->ops;
    if (row == NULL)
        lower_undefined(x);
    else
        row->lower(x, word);
    if (skip != NULL) skip->imm = x->block->ops - before + 1;
}

static bool fetch_word(lowering *x, uint32_t *first, uint32_t *word) {
    if (!mv_fetch(x->core, x->pc, first)) return false;
    x->length = 2;
    *word = *first;
    if (*first >> 11 < 0x1D) return true;
    uint32_t second;
    if (!mv_fetch(x->core, x->pc + 2, &second)) return false;
    x->length = 4;
    *word = *first << 16 | second;
    return true;
}

static int compare_words(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Replace the stops of one kind (1 for gateways, 0 for breakpoints) by those at `addresses`, or with `keep` add these;
 * false where there is no memory. */
bool mv_set_stops(mv_core *core, const uint32_t *addresses, size_t count, uint32_t kind, bool keep) {
    uint32_t *const stops = malloc(sizeof(uint32_t) * (core->stops + count + 1));
    size_t total = 0;
    if (stops == NULL) return false;
    for (size_t i = 0; i < core->stops; i++)
        if ((core->stop_at[i] & 1) != kind || keep) stops[total++] = core->stop_at[i];
    for (size_t i = 0; i < count; i++) stops[total++] = (addresses[i] & ~1u) | kind;
    qsort(stops, total, sizeof(uint32_t), compare_words);
    free(core->stop_at);
    core->stop_at = stops;
    core->stops = total;
    core->attention |= ATT_CODE;
    return true;
}

/* The first stop at or after an address; of two at one place the breakpoint, which can be stepped over. */
static size_t find_stop(const mv_core *core, uint32_t pc) {
    size_t low = 0, high = core->stops;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (core->stop_at[middle] < pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t stop_kind(const mv_core *core, uint32_t pc) {
    const size_t at = find_stop(core, pc);
    if (at < core->stops && (core->stop_at[at] & ~1u) == pc) return core->stop_at[at] & 1 ? OP_GATEWAY : OP_BKPT;
    return UNLIKELY(core->compares) && mv_is_compared(core, pc) ? OP_BKPT : OP_COUNT;
}

bool mv_is_breakpoint(const mv_core *core, uint32_t pc) {
    const size_t at = find_stop(core, pc);
    return at < core->stops && core->stop_at[at] == pc;
}

bool mv_is_gateway(const mv_core *core, uint32_t pc) {
    const size_t at = find_stop(core, pc | 1);
    return at < core->stops && core->stop_at[at] == (pc | 1);
}

static mv_block *finish(lowering *x) {
    mv_block *const block = x->block;
    x->length = 0;
    emit(x, x->it ? OP_LEAVE : OP_END, x->it, 0, 0, 0, x->pc);
    const void *const *const labels = mv_labels();
    if (labels != NULL)
        for (uint32_t i = 0; i < block->ops; i++) block->op[i].go.label = labels[block->op[i].go.number];
    return block;
}

/* The place where a gateway or breakpoint lies is a block of its own that costs nothing. */
static mv_block *stop_block(lowering *x, uint32_t kind) {
    emit(x, kind, 0, 0, 0, 0, 0);
    return finish(x);
}

/* Lower one instruction; false where it cannot be fetched. */
static bool lower_next(lowering *x) {
    uint32_t first, word;
    if (!fetch_word(x, &first, &word)) return false;
    x->inside = x->it != 0;
    x->last = !x->inside || (x->it & 15) == 8;
    x->next_it = mv_it_advance(x->it);
    lower_word(x, first, word);
    x->pc += x->length;
    x->block->count = (x->pc - x->block->pc) / 2;
    x->it = x->next_it;
    return true;
}

/* Decode at the core's PC into `scratch`: what begins within `most` halfwords; NULL with the fault noted if the first one cannot
 * be fetched. */
mv_block *mv_decode(mv_core *core, uint32_t most, bool ignore_stop) {
    mv_block *const block = core->scratch;
    lowering x = {.core = core, .block = block, .pc = core->s.pc, .it = core->s.it};
    block->pc = core->s.pc;
    block->it = core->s.it;
    block->count = block->ops = 0;
    block->link[0] = block->link[1] = NULL;
    if (!core->s.thumb) {
        /* What cannot be fetched is not even looked at (DDI0553, FetchInstr); a gateway is there without memory. */
        uint32_t ignored;
        if (mv_is_gateway(core, core->s.pc) || mv_fetch(core, core->s.pc, &ignored)) mv_fault(core, EXC_USAGEFAULT, CFSR_INVSTATE, 0);
        return NULL;
    }
    if (!ignore_stop) {
        const uint32_t kind = stop_kind(core, x.pc);
        if (kind != OP_COUNT) return stop_block(&x, kind);
    }
    if (most > BLOCK_HALFWORDS) most = BLOCK_HALFWORDS;
    while (block->count < most && !x.ends) {
        if (block->count > 0 && stop_kind(core, x.pc) != OP_COUNT) break;
        if (!lower_next(&x)) {
            if (block->count > 0) break;
            return NULL;
        }
    }
    return finish(&x);
}

/* Note in every range that the block goes through where its code lies. */
static void mark_code(mv_core *core, const mv_block *block) {
    for (uint32_t done = 0; done < block->count * 2; done += 64 - ((block->pc + done) & 63)) {
        mv_range *const range = mv_range_at(core, block->pc + done);
        if (range == NULL || range->device) return;
        const uint32_t line = (block->pc + done - range->base) >> 6;
        range->code_line[line >> 3] |= (uint8_t)(1u << (line & 7));
        range->code_page[line >> 6] = 1;
        core->writable[(range->base >> PAGE_BITS) + (line >> 6)] = 0;
    }
}

static mv_block *keep(mv_core *core, mv_block *scratch, uint32_t mode) {
    const size_t ops = sizeof(mv_op) * scratch->ops, origins = sizeof(mv_origin) * scratch->ops;
    mv_block *const block = malloc(sizeof(mv_block) + ops + origins);
    mark_code(core, scratch);
    if (block == NULL) return scratch; /* it runs all the same, once */
    core->decoded += sizeof(mv_block) + ops + origins;
    if (core->decoded > DECODED_MOST) core->attention |= ATT_CODE;
    *block = *scratch;
    block->origin = (mv_origin *)(void *)((char *)block->op + ops);
    memcpy(block->op, scratch->op, ops);
    memcpy(block->origin, scratch->origin, origins);
    block->mode = mode;
    const uint32_t slot = block->pc >> 1 & (HASH_SIZE - 1);
    block->chain = core->hash[slot];
    core->hash[slot] = block;
    block->all = core->blocks;
    core->blocks = block;
    return block;
}

/* The block at the core's PC and ITSTATE, decoded if it is new; NULL with the fault noted where nothing can be fetched. */
mv_block *mv_find_block(mv_core *core) {
    const uint32_t mode = mv_protection(core);
    for (mv_block *block = core->hash[core->s.pc >> 1 & (HASH_SIZE - 1)]; block != NULL; block = block->chain)
        if (block->pc == core->s.pc && block->it == core->s.it && block->mode == mode && core->s.thumb) return block;
    mv_block *const scratch = mv_decode(core, BLOCK_HALFWORDS, false);
    return scratch == NULL ? NULL : keep(core, scratch, mode);
}

/* Drop everything decoded; never while a block runs. */
void mv_forget_code(mv_core *core) {
    while (core->blocks != NULL) {
        mv_block *const block = core->blocks;
        core->blocks = block->all;
        free(block);
    }
    core->decoded = 0;
    memset(core->hash, 0, sizeof core->hash);
    for (size_t i = 0; i < core->ranges; i++) {
        if (core->range[i].device) continue;
        memset(core->range[i].code_line, 0, core->range[i].size >> 9);
        memset(core->range[i].code_page, 0, core->range[i].size >> PAGE_BITS);
    }
}
