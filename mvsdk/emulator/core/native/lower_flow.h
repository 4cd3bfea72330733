/* Branches and what changes or asks the state of the processor itself. */
#ifndef MVSDK_LOWER_FLOW_H
#define MVSDK_LOWER_FLOW_H

#include "lowering.h"

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
    (void)number; /* the U585 has none but the floating-point unit (DDI0553, B3.? CheckCPEnabled) */
    emit(x, OP_NOCP, 0, 0, 0, 0, 0);
    x->ends = true;
}

#endif
