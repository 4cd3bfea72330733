/* Operations to fewer and cheaper ones: passes over a decoded block.
 *
 *   1. Flags that nothing can see are not written. An operation's flags are visible until others of the same block
 *      overwrite them, if something reads them before, or if any operation in between can leave the block, or lets the
 *      world outside look in.
 *   2. An instruction under a condition that does nothing but give a register a value gives it without a jump.
 *   3. Neighbours with a fused form (fusions.csv) are entered by its label.
 *
 * A block cut short is decoded and optimised anew, so no optimisation reaches over a cut.
 */
#include "core.h"
#include "operations.h"

enum { N = 1, Z = 2, C = 4, V = 8, ALL = 15 };

/* What an operation does to the flags. One without PURE can leave the block or be looked at: then all flags count.
 * VALUE: its whole effect is the register d. */
typedef struct {
    uint8_t reads, writes, kind;
    uint16_t quiet; /* the same without flags */
} traits;

enum { PURE = 1, VALUE = 3 };

#define GIVES(name) [OP_##name] = {0, 0, VALUE, 0},
#define GIVES_C(name) [OP_##name] = {C, 0, VALUE, 0},
#define LOGIC(name) [OP_##name##S_R] = {0, N | Z, PURE, OP_##name##_R}, [OP_##name##S_I] = {0, N | Z, PURE, OP_##name##_I},
#define ADDING(name) [OP_##name##S_R] = {0, ALL, PURE, OP_##name##_R}, [OP_##name##S_I] = {0, ALL, PURE, OP_##name##_I},
#define CARRYING(name) [OP_##name##S_R] = {C, ALL, PURE, OP_##name##_R}, [OP_##name##S_I] = {C, ALL, PURE, OP_##name##_I},
#define SHIFTING(name)                                                                                                 \
    [OP_##name##S_BY] = {0, N | Z | C, PURE, OP_##name##_BY}, [OP_##name##C_BY] = {0, C, PURE, OP_##name##_BY},        \
    [OP_##name##S_REG] = {C, N | Z | C, PURE, OP_##name##_REG},
#define ASKING(condition, flags) [OP_SKIP_##condition] = {flags, 0, PURE, 0}, [OP_MOV_##condition] = {flags, 0, PURE, 0},

static const traits of[OP_PARTS] = {
    ALU_PLAIN(GIVES, AND) ALU_PLAIN(GIVES, BIC) ALU_PLAIN(GIVES, ORR) ALU_PLAIN(GIVES, ORN) ALU_PLAIN(GIVES, EOR)
    ALU_PLAIN(GIVES, ADD) ALU_PLAIN(GIVES, SUB) ALU_PLAIN(GIVES, RSB) ALU_SHORT(GIVES_C, ADC) ALU_SHORT(GIVES_C, SBC)
    ALU_SHORT(GIVES, MOV) GIVES(MVN_R) SHIFTS(GIVES, _BY) GIVES_C(RRX_BY) SHIFTS(GIVES, _REG)
    GIVES(MUL) GIVES(MLA) GIVES(MLS) GIVES(UBFX) GIVES(SBFX) GIVES(SXTB) GIVES(SXTH) GIVES(UXTB) GIVES(UXTH)
    GIVES(SXTB16) GIVES(UXTB16) GIVES(REV) GIVES(REV16) GIVES(REVSH) GIVES(RBIT) GIVES(CLZ) GIVES(PKHBT) GIVES(PKHTB)
    LOGIC(AND) LOGIC(BIC) LOGIC(ORR) LOGIC(ORN) LOGIC(EOR) LOGIC(MOV) [OP_MVNS_R] = {0, N | Z, PURE, OP_MVN_R},
    ADDING(ADD) ADDING(SUB) ADDING(RSB) CARRYING(ADC) CARRYING(SBC)
    [OP_CMP_R] = {0, ALL, PURE, 0}, [OP_CMP_I] = {0, ALL, PURE, 0},
    [OP_TST_R] = {0, N | Z, PURE, 0}, [OP_TST_I] = {0, N | Z, PURE, 0},
    SHIFTING(LSL) SHIFTING(LSR) SHIFTING(ASR) SHIFTING(ROR)
    [OP_RRXS_BY] = {C, N | Z | C, PURE, OP_RRX_BY}, [OP_RRXC_BY] = {C, C, PURE, OP_RRX_BY},
    [OP_SET_C] = {0, C, PURE, 0}, [OP_MULS] = {0, N | Z, PURE, OP_MUL},
    /* These read the register that they write, so they are not given elsewhere first. */
    [OP_MOVT] = {0, 0, PURE, 0}, [OP_BFI] = {0, 0, PURE, 0},
    [OP_UMULL] = {0, 0, PURE, 0}, [OP_SMULL] = {0, 0, PURE, 0}, [OP_UMLAL] = {0, 0, PURE, 0}, [OP_SMLAL] = {0, 0, PURE, 0},
    ASKING(EQ, Z) ASKING(NE, Z) ASKING(CS, C) ASKING(CC, C) ASKING(MI, N) ASKING(PL, N) ASKING(VS, V) ASKING(VC, V)
    ASKING(HI, C | Z) ASKING(LS, C | Z) ASKING(GE, N | V) ASKING(LT, N | V) ASKING(GT, N | Z | V) ASKING(LE, N | Z | V)
};

static bool is_skip(uintptr_t number) { return number >= OP_SKIP_EQ && number <= OP_SKIP_LE; }

/* Mark the operations that a condition can skip: what these write may as well not be written. */
static void find_conditional(const mv_block *block, bool *conditional) {
    uint32_t until = 0;
    for (uint32_t i = 0; i < block->ops; i++) {
        conditional[i] = i < until;
        if (is_skip(block->op[i].go.number)) until = i + block->op[i].imm;
    }
}

static void drop_dead_flags(mv_block *block, const bool *conditional) {
    uint32_t visible = ALL;
    for (uint32_t i = block->ops; i-- > 0;) {
        mv_op *const u = &block->op[i];
        const traits *t = &of[u->go.number];
        if (t->kind == 0) {
            visible = ALL;
            continue;
        }
        if (t->writes != 0 && (t->writes & visible) == 0 && t->quiet != 0) {
            u->go.number = t->quiet;
            t = &of[u->go.number];
        }
        if (!conditional[i]) visible &= ~(uint32_t)t->writes;
        visible |= t->reads;
    }
}

static bool gives_register(const mv_op *u) { return of[u->go.number].kind == VALUE && u->d <= R_LR && u->d != R_SP; }

/* A condition, and the one operation under it, become that operation's value and a move under the condition; a move of a
 * register becomes only the latter. */
static void give_under_conditions(mv_block *block) {
    uint32_t to = 0;
    for (uint32_t from = 0; from < block->ops; from++, to++) {
        const mv_op u = block->op[from];
        block->op[to] = u;
        block->origin[to] = block->origin[from];
        if (!is_skip(u.go.number) || u.imm != 2 || !gives_register(&block->op[from + 1])) continue;
        const mv_op value = block->op[++from];
        mv_op move = {.go.number = OP_MOV_EQ + (u.go.number - OP_SKIP_EQ)};
        move.d = value.d;
        move.m = value.m;
        if (value.go.number != OP_MOV_R) {
            block->op[to] = value;
            block->op[to].d = move.m = R_GIVEN;
            block->origin[++to] = block->origin[from];
        }
        block->op[to] = move;
    }
    block->ops = to;
}

#define PAIR(a, b) case OP_##a << 10 | OP_##b: return OP_##a##_THEN_##b;
static uint32_t pair_of(uint32_t a, uint32_t b) {
    switch (a << 10 | b) {
        MV_PAIRS(PAIR)
    default: return OP_COUNT;
    }
}

#define TRIPLE(a, b, c) case OP_##a << 20 | OP_##b << 10 | OP_##c: return OP_##a##_THEN_##b##_THEN_##c;
static uint32_t triple_of(uint32_t a, uint32_t b, uint32_t c) {
    switch (a << 20 | b << 10 | c) {
        MV_TRIPLES(TRIPLE)
    default: return OP_COUNT;
    }
}

_Static_assert(OP_PARTS <= 1 << 10, "three operations must fit into a word");

/* The way through the block with the fewest steps, found from its end. */
static void fuse(mv_block *block) {
    enum { LONGEST = 3 };
    uint16_t steps[BLOCK_OPS + LONGEST] = {0}, fused[BLOCK_OPS];
    const mv_op *const op = block->op;
    for (uint32_t i = block->ops; i-- > 0;) {
        uint32_t number[LONGEST] = {0};
        for (uint32_t part = 0; part < LONGEST && i + part < block->ops; part++) number[part] = (uint32_t)op[i + part].go.number;
        const uint32_t left = block->ops - i;
        const uint32_t form[LONGEST] = {number[0], left < 2 ? (uint32_t)OP_COUNT : pair_of(number[0], number[1]),
                                        left < 3 ? (uint32_t)OP_COUNT : triple_of(number[0], number[1], number[2])};
        steps[i] = UINT16_MAX;
        for (uint32_t part = 0; part < LONGEST; part++) {
            if (form[part] == OP_COUNT || steps[i + part + 1] + 1 >= steps[i]) continue;
            fused[i] = (uint16_t)form[part];
            steps[i] = (uint16_t)(steps[i + part + 1] + 1);
        }
    }
    for (uint32_t i = 0; i < block->ops; i++) block->op[i].go.number = fused[i];
}

void mv_optimise(mv_block *block) {
    bool conditional[BLOCK_OPS];
    find_conditional(block, conditional);
    drop_dead_flags(block, conditional);
    give_under_conditions(block);
    fuse(block);
}
