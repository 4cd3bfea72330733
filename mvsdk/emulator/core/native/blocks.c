/* What was decoded: shared by cores that have the same image, and forgotten where code changes.
 *
 * The operations of code in pages of an image depend only on the image, its base, the address and ITSTATE, as long as no
 * stop lies on them, the MPU is off and nobody watches. They are kept with the image then, in chains that only ever grow
 * at their head: any number of threads may read and add without a lock. A core copies them, for the executor's way to an
 * operation must not lead through one more pointer; links between blocks are each core's own.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of operations that an image keeps at most; what is beyond is each core's own. */
enum { SHARED_MOST = 32 << 20 };

/* The image whose pages the bytes from `pc` on are, and the four behind them that decoding might have looked at. */
static mv_image *image_of(mv_core *core, uint32_t pc, uint32_t bytes, uint32_t *base) {
    const mv_range *const range = mv_range_at(core, pc);
    if (range == NULL || range->image == NULL || bytes + 4 > range->size - (pc - range->base)) return NULL;
    const uint32_t last = (pc - range->base + bytes - 1) >> PAGE_BITS;
    for (uint32_t i = (pc - range->base) >> PAGE_BITS; i <= last; i++)
        if (range->frame[i].shared != &range->image->page[i]) return NULL;
    *base = range->base;
    return range->image;
}

static _Atomic(mv_body *) *slot_of(mv_image *image, uint32_t pc) { return &image->slot[pc >> 1 & (IMAGE_SLOTS - 1)]; }

/* The block that another core, or this one earlier, has decoded at the core's PC; NULL for nothing that holds here too. */
const mv_block *mv_find_shared(mv_core *core, uint32_t mode) {
    uint32_t base;
    if (mode != 0 || core->observed || core->compares || !core->s.thumb) return NULL;
    mv_image *const image = image_of(core, core->s.pc, 2, &base);
    if (image == NULL) return NULL;
    mv_body *body = atomic_load_explicit(slot_of(image, core->s.pc), memory_order_acquire);
    for (; body != NULL; body = body->next) {
        const mv_block *const block = body->block;
        if (block->pc != core->s.pc || block->it != core->s.it || body->base != base) continue;
        const uint32_t bytes = block->count * 2;
        if (image_of(core, block->pc, bytes, &base) != image || mv_has_stop(core, block->pc, block->pc + bytes - 1)) return NULL;
        return block;
    }
    return NULL;
}

/* Bytes that a block takes up on its own. */
size_t mv_block_size(const mv_block *block) {
    return sizeof(mv_block) + (sizeof(mv_op) + (block->shared ? 0 : sizeof(mv_origin))) * block->ops;
}

/* A block like this one that leads nowhere yet; without origins of its own it uses these. NULL where there is no memory. */
mv_block *mv_copy_block(const mv_block *block, bool with_origins) {
    const size_t ops = sizeof(mv_op) * block->ops, origins = sizeof(mv_origin) * block->ops;
    mv_block *const copy = malloc(sizeof(mv_block) + ops + (with_origins ? origins : 0));
    if (copy == NULL) return NULL;
    *copy = *block;
    copy->link[0] = copy->link[1] = NULL;
    copy->shared = !with_origins;
    memcpy(copy->op, block->op, ops);
    if (with_origins) {
        copy->origin = (mv_origin *)(void *)((char *)copy->op + ops);
        memcpy(copy->origin, block->origin, origins);
    }
    return copy;
}

/* Keep a block just decoded with the image that it comes from; NULL where it depends on more than that, or for want of memory. */
const mv_block *mv_share_block(mv_core *core, const mv_block *block, uint32_t mode) {
    uint32_t base;
    if (mode != 0 || core->observed || core->compares || block->count == 0) return NULL;
    if (mv_has_stop(core, block->pc, block->pc + block->count * 2)) return NULL;
    mv_image *const image = image_of(core, block->pc, block->count * 2, &base);
    if (image == NULL || atomic_load_explicit(&image->decoded, memory_order_relaxed) > SHARED_MOST) return NULL;
    mv_body *const body = malloc(sizeof(mv_body));
    mv_block *const copy = body == NULL ? NULL : mv_copy_block(block, true);
    if (copy == NULL) {
        free(body);
        return NULL;
    }
    *body = (mv_body){.base = base, .block = copy};
    atomic_fetch_add_explicit(&image->decoded, sizeof(mv_body) + mv_block_size(copy), memory_order_relaxed);
    _Atomic(mv_body *) *const slot = slot_of(image, block->pc);
    body->next = atomic_load_explicit(slot, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(slot, &body->next, body, memory_order_release, memory_order_relaxed)) {
    }
    return copy;
}

void mv_forget_bodies(mv_image *image) {
    for (size_t i = 0; i < IMAGE_SLOTS; i++) {
        mv_body *body = atomic_load_explicit(&image->slot[i], memory_order_acquire);
        while (body != NULL) {
            mv_body *const next = body->next;
            free(body->block);
            free(body);
            body = next;
        }
    }
}

/* -- code that changes --------------------------------------------------------------------------------------------------- */

static bool lines_have_code(const mv_range *range, uint32_t first, uint32_t last) {
    for (uint32_t line = first; line <= last; line++)
        if (range->code_line[line >> 3] >> (line & 7) & 1) return true;
    return false;
}

/* Bytes of a range change: what was decoded from them is forgotten at the next boundary. */
void mv_code_changed(mv_core *core, mv_range *range, uint32_t offset, uint32_t size) {
    enum { LINES = PAGE_SIZE >> 6 };
    if (size == 0) return;
    const uint32_t first = offset >> 6, last = (offset + size - 1) >> 6;
    for (uint32_t page = first / LINES; page <= last / LINES; page++) {
        const uint32_t from = page * LINES > first ? page * LINES : first;
        const uint32_t to = page * LINES + LINES - 1 < last ? page * LINES + LINES - 1 : last;
        if (!range->frame[page].code || !lines_have_code(range, from, to)) continue;
        range->frame[page].stale = true;
        core->attention |= ATT_STALE;
    }
}

static bool is_stale(mv_core *core, const mv_block *block) {
    for (uint32_t done = 0; done < block->count * 2; done += PAGE_SIZE - ((block->pc + done) & (PAGE_SIZE - 1))) {
        const mv_range *const range = mv_range_at(core, block->pc + done);
        if (range != NULL && !range->device && range->frame[(block->pc + done - range->base) >> PAGE_BITS].stale) return true;
    }
    return false;
}

static void forget_marks(mv_core *core) {
    for (size_t i = 0; i < core->ranges; i++) {
        mv_range *const range = &core->range[i];
        for (uint32_t page = 0; !range->device && page < range->size >> PAGE_BITS; page++) {
            if (!range->frame[page].stale) continue;
            range->frame[page].stale = range->frame[page].code = false;
            memset(range->code_line + page * (PAGE_SIZE >> 9), 0, PAGE_SIZE >> 9);
        }
    }
}

static void forget_stale_slot(mv_core *core, mv_block **at) {
    while (*at != NULL) {
        mv_block *const block = *at;
        block->link[0] = block->link[1] = NULL; /* what stays finds its way anew */
        if (!is_stale(core, block)) {
            at = &block->chain;
            continue;
        }
        *at = block->chain;
        core->decoded -= mv_block_size(block);
        free(block);
    }
}

/* Drop what was decoded from stale pages; never while a block runs. */
void mv_forget_stale_code(mv_core *core) {
    for (size_t slot = 0; slot < HASH_SIZE; slot++) forget_stale_slot(core, &core->hash[slot]);
    memset(core->jump, 0, sizeof core->jump);
    forget_marks(core);
}
