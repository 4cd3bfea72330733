/* Accesses and instructions that somebody waits for: the seam's watchpoints, and the comparators of the DWT and the FPB.
 *
 * Pages that nobody watches cost nothing: a page entry is not granted for the others, so that their accesses come through here.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Replace the watchpoints of the seam; false where there is no memory. */
bool mv_set_watches(mv_core *core, const mv_watch *watches, size_t count) {
    mv_watch *const copy = malloc(sizeof(mv_watch) * (count + 1));
    if (copy == NULL) return false;
    if (count > 0) memcpy(copy, watches, sizeof(mv_watch) * count);
    free(core->watch);
    core->watch = copy;
    core->watches = count;
    mv_debug_changed(core);
    return true;
}

/* An instruction that the FPB or the DWT compares: it is executed in a block of its own. */
bool mv_is_compared(const mv_core *core, uint32_t pc) {
    return (mv_fpb_matches(core, pc) && mv_debug_listens(core)) || mv_dwt_is_instruction(core, pc);
}

bool mv_is_watched_page(const mv_core *core, uint32_t address) {
    const uint32_t first = address & ~(uint32_t)(PAGE_SIZE - 1), last = first + (PAGE_SIZE - 1);
    for (size_t i = 0; i < core->watches; i++)
        if (core->watch[i].address <= last && core->watch[i].last >= first) return true;
    return mv_dwt_is_page(core, first, last);
}

static bool has_value(const mv_watch *watch, uint32_t address, uint32_t size, uint32_t value) {
    for (uint32_t at = 0; at < 4; at++) {
        const uint32_t mask = watch->mask >> (8 * at) & 0xFF, byte = watch->address + at - address;
        if (mask == 0) continue;
        if (byte >= size || ((value >> (8 * byte) ^ watch->value >> (8 * at)) & mask) != 0) return false;
    }
    return true;
}

static bool hits(const mv_watch *watch, uint32_t address, uint32_t size, uint32_t value, bool writes) {
    if (!(writes ? watch->writes : watch->reads)) return false;
    return address <= watch->last && address + (size - 1) >= watch->address && has_value(watch, address, size, value);
}

/* The guest has made an access. Of several in one instruction the first is the one to tell of. */
void mv_note_access(mv_core *core, uint32_t address, uint32_t size, uint32_t value, bool writes) {
    mv_dwt_note_access(core, address, size, value, writes);
    for (size_t i = 0; i < core->watches && !core->s.hit.pending; i++)
        if (hits(&core->watch[i], address, size, value, writes)) {
            core->s.hit = (mv_hit){1, address, size, value, writes, core->s.pc};
            core->attention |= ATT_DEBUG;
        }
}
