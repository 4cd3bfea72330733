/* What was executed, for whoever looks from outside: counted, covered, traced.
 *
 * The observed executor tells of every block what part of it was executed, when it is left. A block remembers how much of
 * it is covered already, and where only coverage is wanted, nothing is told of what is known.
 */
#include "core.h"

#include <stdlib.h>

/* -- the bitmaps of coverage --------------------------------------------------------------------------------------------- */

/* Three bitmaps of a bit per halfword, in one piece. */
bool mv_range_cover(mv_range *range) {
    const size_t size = range->size >> 4;
    if (range->executed == NULL) range->executed = calloc(3, size);
    if (range->executed == NULL) return false;
    range->taken = range->executed + size;
    range->passed = range->taken + size;
    return true;
}

static void stop_covering(mv_core *core) {
    for (size_t i = 0; i < core->ranges; i++) {
        free(core->range[i].executed);
        core->range[i].executed = core->range[i].taken = core->range[i].passed = NULL;
    }
}

static void mark(uint8_t *bitmap, uint32_t offset) { bitmap[offset >> 4] |= (uint8_t)(1u << (offset >> 1 & 7)); }

static void cover(mv_core *core, uint32_t pc, uint32_t halfwords) {
    for (uint32_t i = 0; i < halfwords; i++) {
        const mv_range *const range = mv_range_at(core, pc + 2 * i);
        if (range != NULL && range->executed != NULL) mark(range->executed, pc + 2 * i - range->base);
    }
}

static uint32_t last_instruction(const mv_block *block) {
    uint32_t at = 0;
    for (uint64_t starts = block->starts; starts > 1; starts >>= 1) at++;
    return block->pc + 2 * at;
}

static void cover_way(mv_core *core, const mv_block *block, uint32_t way) {
    const uint32_t address = last_instruction(block);
    const mv_range *const range = mv_range_at(core, address);
    if (range != NULL && range->executed != NULL) mark(way == WAY_TAKEN ? range->taken : range->passed, address - range->base);
}

/* -- the ring of the trace ----------------------------------------------------------------------------------------------- */

static void trace(mv_core *core, uint64_t cycle, uint32_t address) {
    core->trace[core->traced++ % core->trace_length] = (mv_executed){cycle, address};
}

static uint64_t starts_before(const mv_block *block, uint32_t halfwords) {
    return halfwords >= BLOCK_HALFWORDS ? block->starts : block->starts & ((1ull << halfwords) - 1);
}

static void trace_block(mv_core *core, const mv_block *block, uint64_t starts, uint64_t start) {
    for (uint32_t i = 0; starts >> i != 0; i++) {
        if (starts >> i & 1) trace(core, start + i, block->pc + 2 * i);
        if (i == BLOCK_HALFWORDS - 1) break;
    }
}

/* -- what the executor tells --------------------------------------------------------------------------------------------- */

static uint64_t bits_of(uint64_t set) {
#if defined(__GNUC__)
    return (uint64_t)__builtin_popcountll(set);
#else
    uint64_t count = 0;
    for (; set != 0; set &= set - 1) count++;
    return count;
#endif
}

/* Of a block entered at cycle `start` the first halfwords were executed, and the branch at its end, if that is among
 * them, went a way. */
void mv_observe(mv_core *core, mv_block *block, uint32_t halfwords, uint32_t way, uint64_t start) {
    if (core->counting) core->counters.instructions += bits_of(starts_before(block, halfwords));
    if (core->trace_length != 0) trace_block(core, block, starts_before(block, halfwords), start);
    if (!core->covering) return;
    if (halfwords > block->covered) {
        cover(core, block->pc, halfwords);
        block->covered = (uint8_t)halfwords;
    }
    if (block->conditional && (block->ways & way) != way) cover_way(core, block, way);
    block->ways |= (uint8_t)way;
}

/* A branch to itself went round so many times more than the executor took it. */
void mv_observe_spin(mv_core *core, const mv_block *block, uint64_t turns, uint64_t start) {
    if (core->counting) core->counters.instructions += turns;
    if (core->trace_length == 0) return;
    const uint64_t skipped = turns > core->trace_length ? turns - core->trace_length : 0;
    core->traced += (size_t)skipped;
    for (uint64_t i = skipped; i < turns; i++) trace(core, start + i * block->count, block->pc);
}

/* An instruction of one halfword that was not the executor's: a supervisor call, a breakpoint stepped over. */
void mv_observe_one(mv_core *core, uint32_t pc, uint64_t cycle) {
    if (core->counting) core->counters.instructions++;
    if (core->trace_length != 0) trace(core, cycle, pc);
    if (core->covering) cover(core, pc, 1);
}

/* -- switching it on and off; never while a block runs ------------------------------------------------------------------- */

/* What was decoded leads into the one executor or the other. */
static void choose_executor(mv_core *core) {
    const bool observed = core->counting || core->covering || core->trace_length != 0;
    if (observed != core->observed) mv_forget_code(core);
    core->observed = observed;
    core->telling = core->counting || core->trace_length != 0;
}

/* Begin anew with nothing covered, or stop and forget; false where there is no memory, and nothing is recorded then. */
bool mv_record_coverage(mv_core *core, bool on) {
    stop_covering(core);
    mv_forget_code(core); /* its blocks remember what they have covered */
    core->covering = on;
    for (size_t i = 0; on && i < core->ranges; i++)
        if (!core->range[i].device && !mv_range_cover(&core->range[i])) core->covering = false;
    if (!core->covering) stop_covering(core);
    choose_executor(core);
    return core->covering == on;
}

/* Keep the last `length` instructions from now on; 0 for none. False where there is no memory, and all is as it was. */
bool mv_trace(mv_core *core, size_t length) {
    mv_executed *const ring = length == 0 ? NULL : calloc(length, sizeof(mv_executed));
    if (length != 0 && ring == NULL) return false;
    free(core->trace);
    core->trace = ring;
    core->trace_length = length;
    core->traced = 0;
    choose_executor(core);
    return true;
}

void mv_count_instructions(mv_core *core, bool on) {
    core->counting = on;
    choose_executor(core);
}

/* -- what the core does of itself --------------------------------------------------------------------------------------- */

/* Begin with none noted, or stop; false where there is no memory. */
bool mv_follow(mv_core *core, bool on) {
    free(core->deed);
    core->deed = on ? calloc(DEEDS_MOST, sizeof(mv_deed)) : NULL;
    core->deeds = 0;
    return !on || core->deed != NULL;
}

/* Note a deed. A run ends before there is no room; what a turn does needs a few places. */
void mv_note_deed(mv_core *core, uint32_t did, uint32_t exception) {
    if (core->deed == NULL || core->deeds == DEEDS_MOST) return;
    core->deed[core->deeds++] = (mv_deed){core->s.cycle, did, exception};
    if (core->deeds > DEEDS_MOST - 16) core->attention |= ATT_HALT;
}
