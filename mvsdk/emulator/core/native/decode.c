/* From words to blocks of operations: finding the row of the table, and where blocks begin, end and are kept. */
#include "lower_data.h"
#include "lower_flow.h"
#include "lower_fp.h"
#include "lower_memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t mask, match;
    void (*lower)(lowering *x, uint32_t w);
} decode_row;

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

/* Whether a block has just ended with a branch that has a condition of its own, or any in an IT block. */
static bool may_go_two_ways(const lowering *x, bool skips) {
    const uintptr_t last = x->block->op[x->block->ops - 1].go.number;
    if (last == OP_UDF || last == OP_NOCP || last == OP_SVC || last == OP_MSR) return false;
    return skips || (last >= OP_B_EQ && last <= OP_B_LE) || last == OP_CBZ || last == OP_CBNZ;
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
    x->block->conditional = x->ends && may_go_two_ways(x, skip != NULL);
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

bool mv_copy_stops(mv_core *core, const mv_core *from) {
    uint32_t *const stops = malloc(sizeof(uint32_t) * (from->stops + 1));
    if (stops == NULL) return false;
    if (from->stops != 0) memcpy(stops, from->stop_at, sizeof(uint32_t) * from->stops);
    free(core->stop_at);
    core->stop_at = stops;
    core->stops = from->stops;
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

/* Tell whether a stop lies from `first` to `last`. */
bool mv_has_stop(const mv_core *core, uint32_t first, uint32_t last) {
    const size_t at = find_stop(core, first);
    return at < core->stops && (core->stop_at[at] & ~1u) <= last;
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
    /* Who observes wants to know of every instruction; its executor has no fused forms. */
    if (!x->core->observed) mv_optimise(block);
    const void *const *const labels = x->core->observed ? mv_observed_labels() : mv_labels();
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
    x->block->starts |= 1ull << (x->pc - x->block->pc) / 2;
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
    block->target = core->s.pc | 1;
    block->it = core->s.it;
    block->count = block->ops = 0;
    block->link[0] = block->link[1] = NULL;
    block->conditional = false;
    block->covered = block->ways = 0;
    block->starts = 0;
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
        range->frame[line >> 6].code = true;
        core->writable[(range->base >> PAGE_BITS) + (line >> 6)] = 0;
    }
}

static mv_block *keep(mv_core *core, const mv_block *known, uint32_t mode, bool shared) {
    mv_block *const block = mv_copy_block(known, !shared);
    if (block == NULL) return NULL;
    block->mode = mode;
    core->decoded += mv_block_size(block);
    if (core->decoded > DECODED_MOST) core->attention |= ATT_CODE;
    mark_code(core, block);
    const uint32_t slot = block->pc >> 1 & (HASH_SIZE - 1);
    block->chain = core->hash[slot];
    core->hash[slot] = block;
    return block;
}

/* Where a block cannot be kept it runs all the same, once. */
static mv_block *out_of_memory(mv_core *core) {
    mv_block *const scratch = mv_decode(core, BLOCK_HALFWORDS, false);
    if (scratch != NULL) mark_code(core, scratch);
    return scratch;
}

/* The block at the core's PC and ITSTATE, decoded if it is new; NULL with the fault noted where nothing can be fetched. */
mv_block *mv_find_block(mv_core *core) {
    const uint32_t mode = mv_protection(core);
    for (mv_block *block = core->hash[core->s.pc >> 1 & (HASH_SIZE - 1)]; block != NULL; block = block->chain)
        if (block->pc == core->s.pc && block->it == core->s.it && block->mode == mode && core->s.thumb) return block;
    const mv_block *known = mv_find_shared(core, mode);
    bool shared = known != NULL;
    if (!shared) {
        const mv_block *const scratch = mv_decode(core, BLOCK_HALFWORDS, false);
        if (scratch == NULL) return NULL;
        core->counters.blocks_decoded++;
        known = mv_share_block(core, scratch, mode);
        shared = known != NULL;
        if (!shared) known = scratch;
    }
    mv_block *const block = keep(core, known, mode, shared);
    return block != NULL ? block : out_of_memory(core);
}

/* Drop everything decoded; never while a block runs. */
void mv_forget_code(mv_core *core) {
    for (size_t slot = 0; slot < HASH_SIZE; slot++)
        while (core->hash[slot] != NULL) {
            mv_block *const block = core->hash[slot];
            core->hash[slot] = block->chain;
            free(block);
        }
    core->decoded = 0;
    memset(core->jump, 0, sizeof core->jump);
    for (size_t i = 0; i < core->ranges; i++) {
        if (core->range[i].device) continue;
        memset(core->range[i].code_line, 0, core->range[i].size >> 9);
        for (uint32_t page = 0; page < core->range[i].size >> PAGE_BITS; page++)
            core->range[i].frame[page].code = core->range[i].frame[page].stale = false;
    }
}
