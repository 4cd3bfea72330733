/* Operations to state changes: the loop everything runs in.
 *
 * Dispatch is by computed goto where the compiler has it, else by a switch. A block is entered with all its instructions
 * paid for in advance; whoever leaves it early pays back the rest. So time is exact at every exit and costs one
 * subtraction per block. A block that does not fit into the time that is left is decoded again, shorter.
 *
 * Two or three operations that often follow each other have a fused form, which is the first one's label alone: the
 * operations stay where they are, `u` moves over them as if they were executed one by one, and whatever leaves the
 * fast way leaves it at the operation that it concerns.
 */
#include "core.h"
#include "kinds.h"
#include "operations.h"
#include "semantics.h"

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

/* What the observed executor tells observe.c whenever it leaves a block; else nothing. It has no fused forms. */
#if defined(MVSDK_OBSERVED)
#define mv_execute mv_execute_observed
#define mv_labels mv_observed_labels
#define ENTERED_AT (core->limit - (uint64_t)(left + (int64_t)b->count))
#define OBSERVE(halfwords, way)                                                                                        \
    do {                                                                                                               \
        if (UNLIKELY(core->telling || b->covered < (halfwords) || ((way) & ~b->ways) != 0))                            \
            mv_observe(core, b, halfwords, way, ENTERED_AT);                                                           \
    } while (0)
#define OBSERVE_SPIN(turns) mv_observe_spin(core, b, turns, ENTERED_AT)
#define UNOBSERVED(...)
#else
#define OBSERVE(halfwords, way) ((void)0)
#define OBSERVE_SPIN(turns) ((void)0)
#define UNOBSERVED(...) __VA_ARGS__
#endif

static const void *const *labels;

const void *const *mv_labels(void) {
    if (labels == NULL) mv_execute(NULL, 0, NULL);
    return labels;
}

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

/* -- from block to block ------------------------------------------------------------------------------------------------- */

#define ENTER(block)                                                                                                   \
    do {                                                                                                               \
        b = (block);                                                                                                   \
        left -= b->count;                                                                                              \
        if (UNLIKELY(left < 0)) goto too_long;                                                                         \
        u = b->op;                                                                                                     \
        DISPATCH;                                                                                                      \
    } while (0)
#define FOLLOW(way)                                                                                                    \
    do {                                                                                                               \
        mv_block *const next = b->link[way];                                                                           \
        if (UNLIKELY(next == NULL)) goto first_time_##way;                                                             \
        ENTER(next);                                                                                                   \
    } while (0)
#define TAKEN                                                                                                          \
    do {                                                                                                               \
        OBSERVE(b->count, WAY_TAKEN);                                                                                  \
        FOLLOW(0);                                                                                                     \
    } while (0)
#define NOT_TAKEN                                                                                                      \
    do {                                                                                                               \
        OBSERVE(b->count, WAY_PASSED);                                                                                 \
        FOLLOW(1);                                                                                                     \
    } while (0)

/* An indirect branch to a value whose bit 0 says Thumb. What calls for attention meanwhile, a load before it or itself,
 * is looked at where branches take their long way. */
#define GO_TO(value, or_else)                                                                                                   \
    do {                                                                                                               \
        const uint32_t target = (value);                                                                               \
        mv_block *const next = core->jump[target >> 1 & (JUMP_SIZE - 1)];                                              \
        pc = target;                                                                                                   \
        if (UNLIKELY(next == NULL || next->target != target || core->attention != 0)) goto or_else;                    \
        OBSERVE(b->count, WAY_TAKEN);                                                                                  \
        ENTER(next);                                                                                                   \
    } while (0)

#define BRANCH_IF(condition)                                                                                           \
    {                                                                                                                  \
        if (condition) TAKEN;                                                                                          \
        NOT_TAKEN;                                                                                                     \
    }
#define DO_B_EQ BRANCH_IF(IF_EQ)
#define DO_B_NE BRANCH_IF(IF_NE)
#define DO_B_CS BRANCH_IF(IF_CS)
#define DO_B_CC BRANCH_IF(IF_CC)
#define DO_B_MI BRANCH_IF(IF_MI)
#define DO_B_PL BRANCH_IF(IF_PL)
#define DO_B_VS BRANCH_IF(IF_VS)
#define DO_B_VC BRANCH_IF(IF_VC)
#define DO_B_HI BRANCH_IF(IF_HI)
#define DO_B_LS BRANCH_IF(IF_LS)
#define DO_B_GE BRANCH_IF(IF_GE)
#define DO_B_LT BRANCH_IF(IF_LT)
#define DO_B_GT BRANCH_IF(IF_GT)
#define DO_B_LE BRANCH_IF(IF_LE)
#define DO_CBZ BRANCH_IF(R[u->n] == 0)
#define DO_CBNZ BRANCH_IF(R[u->n] != 0)
#define DO_B { TAKEN; }
#define DO_BL { R[R_LR] = u->wide; TAKEN; }
#define DO_BX { GO_TO(R[u->m], may_return); }
#define DO_BLX { const uint32_t to = R[u->m]; R[R_LR] = u->imm; GO_TO(to, interworking); }
#define DO_JUMP { GO_TO(R[u->m] | 1u, interworking); }
#define TABLE_BRANCH(name, type, scale)                                                                                \
    {                                                                                                                  \
        const uint32_t at = R[u->n] + R[u->m] * (scale);                                                               \
        const uintptr_t page = readable[at >> PAGE_BITS];                                                              \
        if (UNLIKELY(page == 0 || at % (scale) != 0)) goto slow_##name;                                                \
        type entry;                                                                                                    \
        memcpy(&entry, (const void *)(page + at), sizeof entry);                                                       \
        GO_TO((u->imm + entry * 2u) | 1u, interworking);                                                                            \
    }
#define DO_TBB TABLE_BRANCH(TBB, uint8_t, 1u)
#define DO_TBH TABLE_BRANCH(TBH, uint16_t, 2u)

/* -- handlers ------------------------------------------------------------------------------------------------------------ */

#define STEP(name) OP(name) DO_##name NEXT;
#define END_OF_BLOCK(name) OP(name) DO_##name
#define PAIR(first, second) OP(first##_THEN_##second) DO_##first u++; DO_##second NEXT;
#define TRIPLE(first, second, third) OP(first##_THEN_##second##_THEN_##third) DO_##first u++; DO_##second u++; DO_##third NEXT;
#define SKIP(condition)                                                                                                \
    OP(SKIP_##condition) {                                                                                             \
        u += IF_##condition ? 1 : u->imm;                                                                              \
        DISPATCH;                                                                                                      \
    }

#define SLOW_LOAD(name, type, convert, address, after)                                                                 \
    slow_##name : {                                                                                                    \
        const uint32_t at = (address);                                                                                 \
        uint32_t word;                                                                                                 \
        TRY(mv_read(core, at, sizeof(type), &word));                                                                   \
        after;                                                                                                         \
        R[u->d] = convert((type)word);                                                                                 \
        NEXT_OR_LEAVE;                                                                                                 \
    }
#define SLOW_STORE(name, type, address, after)                                                                         \
    slow_##name : {                                                                                                    \
        const uint32_t at = (address);                                                                                 \
        TRY(mv_write(core, at, sizeof(type), (type)R[u->d]));                                                          \
        after;                                                                                                         \
        NEXT_OR_LEAVE;                                                                                                 \
    }
#define SLOW_LOADS(name, type, convert)                                                                                \
    SLOW_LOAD(name##_OFFSET, type, convert, AT_OFFSET, AFTER_OFFSET)                                                   \
    SLOW_LOAD(name##_PRE, type, convert, AT_PRE, AFTER_PRE)                                                            \
    SLOW_LOAD(name##_POST, type, convert, AT_POST, AFTER_POST)                                                         \
    SLOW_LOAD(name##_REG, type, convert, AT_REG, AFTER_REG)
#define SLOW_STORES(name, type)                                                                                        \
    SLOW_STORE(name##_OFFSET, type, AT_OFFSET, AFTER_OFFSET)                                                           \
    SLOW_STORE(name##_PRE, type, AT_PRE, AFTER_PRE)                                                                    \
    SLOW_STORE(name##_POST, type, AT_POST, AFTER_POST)                                                                 \
    SLOW_STORE(name##_REG, type, AT_REG, AFTER_REG)
#define SLOW_WORDS(count)                                                                                              \
    slow_LDM_##count : TRY(mv_load_listed(core, u, count));                                                            \
    NEXT_OR_LEAVE;                                                                                                     \
    slow_STM_##count : TRY(mv_store_listed(core, u, count));                                                           \
    NEXT_OR_LEAVE;                                                                                                     \
    slow_POP_##count : CHECK_LIMIT                                                                                     \
    TRY(mv_load_listed(core, u, count));                                                                               \
    NEXT_OR_LEAVE;                                                                                                     \
    slow_PUSH_##count : CHECK_LIMIT                                                                                    \
    TRY(mv_store_listed(core, u, count));                                                                              \
    NEXT_OR_LEAVE;                                                                                                     \
    slow_RETURN_##count : CHECK_LIMIT                                                                                  \
    TRY(mv_load_listed(core, u, count));                                                                               \
    pc = R[R_PC];                                                                                                      \
    goto may_return;
#define CHECK_LIMIT                                                                                                    \
    if (UNLIKELY(CHANGED_BASE < mv_stack_limit(core))) goto stack_overflow;
#define SLOW_TABLE(name, size, scale)                                                                                  \
    slow_##name : {                                                                                                    \
        uint32_t entry;                                                                                                \
        TRY(mv_read(core, R[u->n] + R[u->m] * (scale), size, &entry));                                                 \
        pc = u->imm + entry * 2;                                                                                       \
        goto lookup;                                                                                                   \
    }

/* What the operations use as scratch is no state: after every execution it is the same, however the code was cut up. */
static void clear_scratch(mv_state *s) { s->r[R_PC] = s->r[R_TMP] = s->r[R_SINK] = s->r[R_GIVEN] = 0; }

/* Run until `limit`, or until something else than running has to be done. With `only`, that block first, whatever stops
 * lie on it. On return the state is that of an instruction boundary, or of the instruction that failed. */
KEEP_JUMPS mv_exit mv_execute(mv_core *core, uint64_t limit, mv_block *only) {
#if THREADED
#define LABEL(name) &&do_##name,
#define PAIR_LABEL(first, second) &&do_##first##_THEN_##second,
#define TRIPLE_LABEL(first, second, third) &&do_##first##_THEN_##second##_THEN_##third,
    static const void *const table[] = {MV_OPERATIONS(LABEL) UNOBSERVED(MV_PAIRS(PAIR_LABEL) MV_TRIPLES(TRIPLE_LABEL))};
    if (core == NULL) {
        labels = table;
        return EXIT_DEADLINE;
    }
#else
    if (core == NULL) return EXIT_DEADLINE;
#endif
    mv_state *const s = &core->s;
    const uintptr_t *const readable = core->readable, *const writable = core->writable;
    /* Neither exception nor CONTROL changes while this runs. */
    const uint32_t *const stack_limit = &s->sp_limit[mv_uses_psp(core)];
    int64_t left = (int64_t)(limit - s->cycle);
    uint32_t pc = s->pc;
    mv_block *b = only, **link = NULL;
    const mv_op *u;
    mv_exit why;
    core->limit = limit;
    if (core->protection != mv_protection(core)) {
        core->protection = mv_protection(core);
        mv_forget_pages(core);
        memset(core->jump, 0, sizeof core->jump);
    }
    if (only != NULL) {
        s->it = 0;
        goto enter;
    }

lookup:
    if (b != NULL) OBSERVE(b->count, WAY_TAKEN);
    link = NULL;
find:
    if (UNLIKELY(core->attention != 0 || left <= 0)) {
        why = core->attention != 0 ? EXIT_ATTENTION : EXIT_DEADLINE;
        goto at_boundary;
    }
    b = core->hash[pc >> 1 & (HASH_SIZE - 1)];
    if (UNLIKELY(b == NULL || b->pc != pc || b->it != s->it || b->mode != core->protection || s->thumb == 0)) {
        s->pc = pc;
        b = mv_find_block(core);
        if (b == NULL) {
            why = EXIT_FAULT;
            goto at_boundary;
        }
    }
    s->it = 0;
    /* The way to a stop always leads through here, where the deadline comes first. */
    if (b != core->scratch && b->count != 0) {
        if (link != NULL) *link = b;
        if (b->it == 0) core->jump[pc >> 1 & (JUMP_SIZE - 1)] = b;
    }
enter:
    left -= b->count;
    if (UNLIKELY(left < 0)) {
too_long:
        left += b->count;
        s->pc = pc = b->pc;
        s->it = b->it;
        if (left <= 0) { /* a wide instruction may have gone one past the limit */
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

    MV_STEPS(STEP)
    MV_ENDS(END_OF_BLOCK)
    UNOBSERVED(MV_PAIRS(PAIR))
    UNOBSERVED(MV_TRIPLES(TRIPLE))
    SKIP(EQ) SKIP(NE) SKIP(CS) SKIP(CC) SKIP(MI) SKIP(PL) SKIP(VS) SKIP(VC) SKIP(HI) SKIP(LS) SKIP(GE) SKIP(LT) SKIP(GT) SKIP(LE)

    /* What follows the block; a branch in it that an IT block made conditional leads elsewhere. */
    OP(END) { NOT_TAKEN; }
    OP(LEAVE) { pc = u->imm; s->it = u->d; goto lookup; }
    OP(SPIN) {
        /* The block is this instruction; its length is what every turn costs. */
        OBSERVE_SPIN((uint64_t)(left / (int64_t)b->origin[0].length));
        left %= (int64_t)b->origin[0].length;
        TAKEN;
    }

    /* The stack pointer's two lowest bits are always clear. */
    OP(SP_SET) { R[R_SP] = R[R_TMP] & ~3u; NEXT_OR_LEAVE; }
    OP(SP_ALIGN) { R[R_SP] &= ~3u; NEXT_OR_LEAVE; }

    OP(LDM) { TRY(mv_load_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(STM) { TRY(mv_store_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(LOAD_ALIGNED) { TRY(mv_load_aligned(core, u)); NEXT_OR_LEAVE; }
    OP(STORE_ALIGNED) { TRY(mv_write_aligned(core, R[u->n], u->s, R[u->d])); NEXT_OR_LEAVE; }
    OP(LDREX) { TRY(mv_load_exclusive(core, u)); NEXT_OR_LEAVE; }
    OP(STREX) { TRY(mv_store_exclusive(core, u)); NEXT_OR_LEAVE; }
    OP(LOAD_USER) { TRY(mv_load_user(core, u)); NEXT_OR_LEAVE; }
    OP(STORE_USER) { TRY(mv_write_as(core, R[u->n] + u->imm, u->s, false, R[u->d])); NEXT_OR_LEAVE; }
    OP(VLDM) { TRY(mv_fp_load_multiple(core, u)); NEXT_OR_LEAVE; }
    OP(VSTM) { TRY(mv_fp_store_multiple(core, u)); NEXT_OR_LEAVE; }

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
#if !THREADED
    default: why = EXIT_FAULT; goto not_done;
    }
#endif

    SLOW_LOADS(LDR, uint32_t, AS_IS)
    SLOW_LOADS(LDRB, uint8_t, AS_IS)
    SLOW_LOADS(LDRH, uint16_t, AS_IS)
    SLOW_LOADS(LDRSB, uint8_t, FROM_BYTE)
    SLOW_LOADS(LDRSH, uint16_t, FROM_HALF)
    SLOW_STORES(STR, uint32_t)
    SLOW_STORES(STRB, uint8_t)
    SLOW_STORES(STRH, uint16_t)
    SLOW_LOAD(LDR_LITERAL, uint32_t, AS_IS, u->imm, (void)0)
    SLOW_WORDS(1) SLOW_WORDS(2) SLOW_WORDS(3) SLOW_WORDS(4) SLOW_WORDS(5)
    SLOW_WORDS(6) SLOW_WORDS(7) SLOW_WORDS(8) SLOW_WORDS(9) SLOW_WORDS(10)
    SLOW_TABLE(TBB, 1, 1u)
    SLOW_TABLE(TBH, 2, 2u)
slow_LDRD:
    TRY(mv_load_pair(core, u));
    NEXT_OR_LEAVE;
slow_STRD:
    TRY(mv_store_pair(core, u));
    NEXT_OR_LEAVE;
slow_VLDR : {
    uint32_t words[2];
    TRY(mv_load_words(core, AT_OFFSET, words, u->s));
    memcpy(&s->s[u->d], words, 4u * u->s);
    NEXT_OR_LEAVE;
}
slow_VSTR:
    TRY(mv_store_words(core, AT_OFFSET, &s->s[u->d], u->s));
    NEXT_OR_LEAVE;

may_return:
    if (UNLIKELY(pc >= 0xFF000000u && s->ipsr != 0)) {
        SYNC;
        core->exception_return = pc;
        core->branch_from = s->pc;
        why = EXIT_EXCEPTION_RETURN;
        goto done;
    }
interworking:
    if (UNLIKELY((pc & 1) == 0)) s->thumb = 0;
    pc &= ~1u;
    goto lookup;
first_time_0:
    pc = u->imm;
    link = &b->link[0];
    goto find;
first_time_1:
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
    OBSERVE(here->place, WAY_NONE);
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
    OBSERVE(here->place + (uint32_t)here->length, why == EXIT_EXCEPTION_RETURN ? WAY_TAKEN : WAY_NONE);
    left += (int64_t)b->count - here->place - here->length;
    pc = b->pc + (here->place + here->length) * 2u;
    s->it = mv_it_advance(here->it);
}
at_boundary:
    s->pc = pc;
    s->cycle = core->limit - (uint64_t)left;
    clear_scratch(s);
    return why;
}
