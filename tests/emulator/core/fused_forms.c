/* Every fused form against the operations it stands for: both run from the same random state, and nothing may differ.
 *
 * The registers hold addresses of a page with a fast way, of one without, of a place where there is nothing, or numbers;
 * so any part of a form can fail, or take its slow way.
 */
#include "core.h"
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAM = 0x20000000, RAM_SIZE = 2 * PAGE_SIZE, TURNS = 40 };

typedef struct {
    const char *name;
    uint32_t form, parts, part[3];
} fused;

#define OF_TWO(a, b) {#a " " #b, OP_##a##_THEN_##b, 2, {OP_##a, OP_##b, 0}},
#define OF_THREE(a, b, c) {#a " " #b " " #c, OP_##a##_THEN_##b##_THEN_##c, 3, {OP_##a, OP_##b, OP_##c}},
static const fused forms[] = {MV_PAIRS(OF_TWO) MV_TRIPLES(OF_THREE)};

#define NAME(n) #n,
static const char *const names[] = {MV_OPERATIONS(NAME)};

typedef struct {
    mv_exit why;
    mv_state state;
    uint32_t fault[3];
    uint8_t ram[RAM_SIZE];
} outcome;

static uint64_t seed = 1;

static uint32_t number(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static uint32_t below(uint32_t limit) { return number() % limit; }

static uint32_t value(void) {
    switch (below(8)) {
    case 0: return number() << 1;
    case 1: return below(3) - 1;
    case 2: return RAM + PAGE_SIZE - below(48);
    case 3: return RAM + PAGE_SIZE + 4 * below(64);
    default: return RAM + 256 + 4 * below(256);
    }
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static mv_op operands(uint32_t operation) {
    mv_op u = {.imm = 1 + below(31)};
    u.d = (uint8_t)below(13);
    u.n = (uint8_t)below(13);
    u.m = (uint8_t)below(13);
    u.s = (uint8_t)(1 + below(2));
    if (ends_with(names[operation], "_I")) u.imm = number() << 1;
    if (ends_with(names[operation], "LITERAL")) u.imm = value();
    return u;
}

static mv_core *make(void) {
    mv_core *const core = mv_new(8);
    if (core == NULL || !mv_map_memory(core, RAM, RAM_SIZE, true, NULL)) abort();
    core->s.thumb = 1;
    core->s.cpacr = 0x00F00000;
    core->s.fpccr = 0;
    mv_fp_refresh(core);
    return core;
}

static void randomise(mv_core *core) {
    uint32_t word;
    for (uint32_t i = 0; i < RAM_SIZE; i++) core->range[0].host[i] = (uint8_t)number();
    for (uint32_t i = 0; i <= R_LR; i++) core->s.r[i] = value();
    core->s.r[R_SP] &= ~3u;
    core->s.r[R_ZERO] = 0;
    core->s.sp_limit[0] = below(4) == 0 ? RAM + 512 : 0;
    core->s.n = number() << 1;
    core->s.z = below(3);
    core->s.c = below(2);
    core->s.v = number() << 1;
    for (uint32_t i = 0; i < 32; i++) core->s.s[i] = number() << 1 | below(2);
    mv_forget_pages(core);
    if (!mv_read(core, RAM, 4, &word) || !mv_write(core, RAM, 4, word)) abort();
}

static void put(mv_block *block, uint32_t at, uint32_t operation) {
    const void *const *const labels = mv_labels();
    if (labels != NULL)
        block->op[at].go.label = labels[operation];
    else
        block->op[at].go.number = operation;
}

static void run(mv_core *core, mv_block *block, const mv_state *state, const uint8_t *ram, outcome *o) {
    core->s = *state;
    memcpy(core->range[0].host, ram, RAM_SIZE);
    core->attention = 0;
    core->fault_exception = core->fault_status = core->fault_address = 0;
    block->link[0] = block->link[1] = NULL;
    o->why = mv_execute(core, core->s.cycle + block->count, block);
    o->state = core->s;
    o->fault[0] = core->fault_exception;
    o->fault[1] = core->fault_status;
    o->fault[2] = core->fault_address;
    memcpy(o->ram, core->range[0].host, RAM_SIZE);
}

/* The block of a form's parts, with `first` as the label of the first. */
static void build(mv_block *block, const fused *form, const mv_op *op, uint32_t first) {
    block->pc = RAM + 0x100;
    block->target = block->pc | 1;
    block->count = form->parts;
    block->ops = form->parts + 1;
    for (uint32_t i = 0; i <= form->parts; i++) {
        const bool end = i == form->parts;
        block->op[i] = end ? (mv_op){.imm = 0x1000} : op[i];
        block->origin[i] = (mv_origin){(uint8_t)i, 0, !end};
        put(block, i, end ? (uint32_t)OP_END : i == 0 ? first : form->part[i]);
    }
}

static void require_same(const fused *form, const outcome *a, const outcome *b) {
    if (a->why == b->why && memcmp(&a->state, &b->state, sizeof a->state) == 0 && memcmp(a->fault, b->fault, sizeof a->fault) == 0 &&
        memcmp(a->ram, b->ram, RAM_SIZE) == 0)
        return;
    fprintf(stderr, "%s: differs from its parts\n", form->name);
    abort();
}

int main(void) {
    static uint8_t ram[RAM_SIZE];
    static outcome fast, slow;
    mv_core *const core = make();
    uint32_t faults = 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        for (uint32_t turn = 0; turn < TURNS; turn++) {
            mv_op op[3];
            for (uint32_t part = 0; part < 3; part++) op[part] = operands(forms[i].part[part]);
            randomise(core);
            const mv_state state = core->s;
            memcpy(ram, core->range[0].host, RAM_SIZE);
            build(core->scratch, &forms[i], op, forms[i].form);
            run(core, core->scratch, &state, ram, &fast);
            build(core->scratch, &forms[i], op, forms[i].part[0]);
            mv_forget_pages(core);
            uint32_t word;
            if (!mv_read(core, RAM, 4, &word) || !mv_write(core, RAM, 4, word)) abort();
            run(core, core->scratch, &state, ram, &slow);
            require_same(&forms[i], &fast, &slow);
            faults += fast.why == EXIT_FAULT;
        }
    printf("%zu forms, %u faults\n", sizeof forms / sizeof forms[0], (unsigned)faults);
    mv_free(core);
    return 0;
}
