/* Making a core, and states to go back to. A snapshot holds the pages that were there, shared with the core until it writes them. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

static mv_block *new_scratch(void) {
    mv_block *const scratch = calloc(1, sizeof(mv_block) + sizeof(mv_op) * BLOCK_OPS);
    if (scratch != NULL) scratch->origin = calloc(BLOCK_OPS, sizeof(mv_origin));
    return scratch;
}

mv_core *mv_new(uint32_t interrupts) {
    mv_core *const core = calloc(1, sizeof(mv_core));
    if (core == NULL) return NULL;
    core->interrupts = interrupts;
    mv_scs_reset(core);
    core->readable = mv_reserve(PAGES * sizeof(uintptr_t));
    core->writable = mv_reserve(PAGES * sizeof(uintptr_t));
    core->scratch = new_scratch();
    if (core->readable != NULL && core->writable != NULL && core->scratch != NULL && core->scratch->origin != NULL) return core;
    mv_free(core);
    return NULL;
}

void mv_free(mv_core *core) {
    mv_forget_code(core);
    mv_unbind(core, NULL);
    for (size_t i = 0; i < core->ranges; i++) mv_range_end(&core->range[i]);
    if (core->scratch != NULL) free(core->scratch->origin);
    free(core->scratch);
    free(core->range);
    free(core->stop_at);
    free(core->watch);
    free(core->trace);
    free(core->deed);
    mv_release(core->readable, PAGES * sizeof(uintptr_t));
    mv_release(core->writable, PAGES * sizeof(uintptr_t));
    free(core);
}

/* Devices are not the core's to keep. */
static uint32_t memories(const mv_core *core) {
    uint32_t count = 0;
    for (size_t i = 0; i < core->ranges; i++) count += !core->range[i].device;
    return count;
}

static bool keep_range(mv_core *core, mv_range *range, mv_kept_range *kept) {
    const uint32_t pages = range->size >> PAGE_BITS;
    *kept = (mv_kept_range){.base = range->base, .size = range->size, .image = mv_image_keep(range->image)};
    kept->page = calloc(pages, sizeof(mv_page *));
    if (kept->page == NULL) return false;
    for (uint32_t i = 0; i < pages; i++) {
        kept->page[i] = mv_frame_share(core, range, i);
        if (kept->page[i] == NULL) return false;
    }
    return true;
}

/* Keep the present state; NULL where there is no memory for it. */
mv_snapshot *mv_take_snapshot(mv_core *core) {
    mv_snapshot *const snapshot = calloc(1, sizeof(mv_snapshot));
    if (snapshot == NULL) return NULL;
    snapshot->s = core->s;
    snapshot->stepped_breakpoint = core->stepped_breakpoint;
    snapshot->interrupts = core->interrupts;
    snapshot->range = calloc(memories(core) + 1, sizeof(mv_kept_range));
    bool kept = snapshot->range != NULL;
    for (size_t i = 0; kept && i < core->ranges; i++)
        if (!core->range[i].device) kept = keep_range(core, &core->range[i], &snapshot->range[snapshot->ranges++]);
    if (kept) return snapshot;
    mv_free_snapshot(snapshot);
    return NULL;
}

void mv_free_snapshot(mv_snapshot *snapshot) {
    for (uint32_t i = 0; i < snapshot->ranges; i++) {
        mv_kept_range *const kept = &snapshot->range[i];
        for (uint32_t page = 0; kept->page != NULL && page < kept->size >> PAGE_BITS; page++) mv_page_drop(kept->page[page]);
        mv_image_drop(kept->image);
        free(kept->page);
    }
    free(snapshot->range);
    free(snapshot);
}

static bool fits(const mv_core *core, const mv_snapshot *snapshot) {
    if (snapshot->interrupts != core->interrupts || snapshot->ranges != memories(core)) return false;
    const mv_kept_range *kept = snapshot->range;
    for (size_t i = 0; i < core->ranges; i++) {
        if (core->range[i].device) continue;
        if (core->range[i].base != kept->base || core->range[i].size != kept->size) return false;
        kept++;
    }
    return true;
}

static void return_range(mv_core *core, mv_range *range, const mv_kept_range *kept) {
    for (uint32_t i = 0; i < range->size >> PAGE_BITS; i++) mv_frame_set(core, range, i, kept->page[i]);
    mv_image *const before = range->image;
    range->image = mv_image_keep(kept->image);
    mv_image_drop(before);
}

/* What may be executed is the same under both, as far as it was decoded. */
static bool same_rules(const mv_state *a, const mv_state *b) {
    return a->mpu_ctrl == b->mpu_ctrl && memcmp(a->mpu_mair, b->mpu_mair, sizeof a->mpu_mair) == 0 &&
           memcmp(a->mpu_rbar, b->mpu_rbar, sizeof a->mpu_rbar) == 0 && memcmp(a->mpu_rlar, b->mpu_rlar, sizeof a->mpu_rlar) == 0;
}

static bool has_stale_pages(const mv_core *core) {
    for (size_t i = 0; i < core->ranges; i++)
        for (uint32_t page = 0; !core->range[i].device && page < core->range[i].size >> PAGE_BITS; page++)
            if (core->range[i].frame[page].stale) return true;
    return false;
}

/* The state, memory included, is another than before: let nothing be remembered that followed from the old one. */
void mv_entered_state(mv_core *core, const mv_state *s, uint32_t stepped_breakpoint) {
    const bool keeps_code = (core->attention & ATT_CODE) == 0 && same_rules(&core->s, s);
    core->s = *s;
    mv_find_words(core);
    core->stepped_breakpoint = stepped_breakpoint;
    core->attention = 0;
    if (!keeps_code)
        mv_forget_code(core);
    else if (has_stale_pages(core))
        mv_forget_stale_code(core);
    mv_forget_pages(core);
    mv_fp_refresh(core);
    mv_debug_changed(core);
}

/* Go back to a snapshot; false, and nothing changed, if it is not one of a core with this memory map. */
bool mv_return_to_snapshot(mv_core *core, const mv_snapshot *snapshot) {
    if (!fits(core, snapshot)) return false;
    const mv_kept_range *kept = snapshot->range;
    for (size_t i = 0; i < core->ranges; i++)
        if (!core->range[i].device) return_range(core, &core->range[i], kept++);
    mv_entered_state(core, &snapshot->s, snapshot->stepped_breakpoint);
    return true;
}
