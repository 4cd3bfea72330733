/* What turning an instruction into operations works with: the instruction's place, and the emitting of operations.
 *
 * The lower_*.h files take the fields of one family of encodings each and emit the operations that carry it out. What
 * depends only on the code and its address is settled there: immediates, PC-relative addresses, conditions of an IT block.
 */
#ifndef MVSDK_LOWERING_H
#define MVSDK_LOWERING_H

#include "core.h"
#include "kinds.h"
#include "operations.h"

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

/* T32ExpandImm (DDI0553, E2.1): an 8-bit value spread or rotated. */
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

#endif
