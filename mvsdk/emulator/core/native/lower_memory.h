/* Loads and stores (DDI0553, C2.4), single, several and exclusive. */
#ifndef MVSDK_LOWER_MEMORY_H
#define MVSDK_LOWER_MEMORY_H

#include "lowering.h"

static uint32_t load_operation(uint32_t size) {
    static const uint16_t first[] = {OP_LDR_OFFSET, OP_LDRB_OFFSET, OP_LDRH_OFFSET, OP_LDRSB_OFFSET, OP_LDRSH_OFFSET};
    return first[size];
}

static uint32_t store_operation(uint32_t size) {
    static const uint16_t first[] = {OP_STR_OFFSET, OP_STRB_OFFSET, OP_STRH_OFFSET};
    return first[size];
}

/* A word loaded into the PC branches with interworking: LoadWritePC (DDI0553, E2.1). */
static void branch_loaded(lowering *x, uint32_t m) {
    emit(x, OP_BX, 0, 0, m, 0, 0);
    x->ends = true;
}

static void deliver_loaded(lowering *x, uint32_t t) {
    if (t == R_SP) emit(x, OP_SP_SET, 0, 0, 0, 0, 0);
    if (t == R_PC) branch_loaded(x, R_TMP);
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

/* One by one where an operation can name them all, else as a list. `stacking` checks the limit by itself. */
static void multiple(lowering *x, uint32_t one, uint32_t stacking, uint32_t listed, uint32_t n, uint32_t list, uint32_t write_back,
                     uint32_t before) {
    const uint32_t count = bitcount_of(list), change = before ? 0u - count : count;
    if (count > MV_LISTED) {
        if (write_back) check_writeback(x, n, change * 4, K_PRE);
        emit(x, listed, 0, n, write_back, before, list | count * 4 << 16);
        return;
    }
    uint64_t names = 0;
    for (uint32_t i = 0; list != 0; list &= list - 1, i++) names |= (uint64_t)mv_lowest(list) << (4 * i);
    emit(x, (n == R_SP && write_back ? stacking : one) + count - 1, before ? change : 0, n, write_back ? change : 0,
         (uint32_t)(names >> 32), (uint32_t)names);
}

static void lower_load_multiple(lowering *x, uint32_t n, uint32_t list, uint32_t write_back, uint32_t before) {
    const bool branches = list >> R_PC & 1, returns = branches && n == R_SP && write_back && bitcount_of(list) <= MV_LISTED;
    multiple(x, OP_LDM_1, returns ? OP_RETURN_1 : OP_POP_1, OP_LDM, n, list, write_back, before);
    if (branches && !returns) branch_loaded(x, R_PC);
    x->ends |= branches;
}

static void lower_store_multiple(lowering *x, uint32_t n, uint32_t list, uint32_t write_back, uint32_t before) {
    multiple(x, OP_STM_1, OP_PUSH_1, OP_STM, n, list, write_back, before);
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

#endif
