/* Memory as the guest sees it: where everything lies, and the slow way of every access.
 *
 * The executor goes straight through `readable` and `writable`, one entry per page. An entry is filled by the first
 * access that passes every check here and is emptied when a check could come out differently, so the fast way never
 * needs one. Pages that hold decoded code are never directly writable, nor are those that are shared with somebody.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

bool mv_fault(mv_core *core, uint32_t exception, uint32_t status, uint32_t address) {
    core->fault_exception = exception;
    core->fault_status = status;
    core->fault_address = address;
    return false;
}

static bool overlaps(const mv_core *core, uint32_t base, uint32_t size) {
    for (size_t i = 0; i < core->ranges; i++) {
        const mv_range *const range = &core->range[i];
        if (base <= range->base + (range->size - 1) && range->base <= base + (size - 1)) return true;
    }
    return false;
}

static bool is_free(const mv_core *core, uint32_t base, uint32_t size, bool device) {
    const bool whole_pages = size != 0 && (base | size) % PAGE_SIZE == 0 && base + (size - 1) >= base;
    return whole_pages && !overlaps(core, base, size) && mv_private_may_map(base, size, device);
}

static bool add_range(mv_core *core, mv_range range) {
    mv_range *const grown = realloc(core->range, sizeof(mv_range) * (core->ranges + 1));
    if (grown == NULL) return false;
    core->range = grown;
    core->range[core->ranges++] = range;
    return true;
}

/* Add memory that holds zeros, or an image of just its size; false when the place is not free or there is no memory. */
bool mv_map_memory(mv_core *core, uint32_t base, uint32_t size, bool writable, mv_image *image) {
    mv_range range = {.base = base, .size = size, .writable = writable};
    if (!is_free(core, base, size, false) || (image != NULL && image->pages != size >> PAGE_BITS)) return false;
    if (mv_range_prepare(&range, image) && (!core->covering || mv_range_cover(&range)) && add_range(core, range)) return true;
    mv_range_end(&range);
    return false;
}

/* Add a range that a device answers; false when the place is not free or there is no memory. */
bool mv_map_device(mv_core *core, uint32_t base, uint32_t size, void *device) {
    return is_free(core, base, size, true) && add_range(core, (mv_range){.base = base, .size = size, .device = true, .owner = device});
}

mv_range *mv_range_at(mv_core *core, uint32_t address) {
    for (size_t i = 0; i < core->ranges; i++)
        if (address - core->range[i].base < core->range[i].size) return &core->range[i];
    return NULL;
}

/* Give all writes to the memory that begins at `base` to a guard; false where there is none, or one with a guard. */
bool mv_guard(mv_core *core, uint32_t base, void *guard) {
    mv_range *const range = mv_range_at(core, base);
    if (range == NULL || range->owner != NULL || range->base != base) return false;
    range->owner = guard;
    range->writable = false;
    mv_forget_pages(core);
    return true;
}

/* Let the guard of a page answer data reads too, or no more; false where there is no guard. */
bool mv_guard_reads(mv_core *core, uint32_t address, bool asked) {
    mv_range *const range = mv_range_at(core, address);
    if (range == NULL || range->device || range->owner == NULL) return false;
    range->frame[(address - range->base) >> PAGE_BITS].asked = asked;
    core->readable[address >> PAGE_BITS] = 0;
    return true;
}

/* Empty the page entries, because a permission, the privilege or the code in a page has changed. */
void mv_forget_pages(mv_core *core) {
    for (size_t i = 0; i < core->ranges; i++) {
        if (core->range[i].device) continue;
        const size_t first = core->range[i].base >> PAGE_BITS, count = core->range[i].size >> PAGE_BITS;
        memset(&core->readable[first], 0, count * sizeof(uintptr_t));
        memset(&core->writable[first], 0, count * sizeof(uintptr_t));
    }
}

static const uint8_t *memory_bytes(const mv_range *range, uint32_t offset) {
    return mv_frame_bytes(range, offset >> PAGE_BITS) + (offset & (PAGE_SIZE - 1));
}

static uint32_t fetch_bytes(const uint8_t *host, uint32_t size) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; i++) value |= (uint32_t)host[i] << (8 * i);
    return value;
}

static void store_bytes(uint8_t *host, uint32_t size, uint32_t value) {
    for (uint32_t i = 0; i < size; i++) host[i] = (uint8_t)(value >> (8 * i));
}

static bool bus_error(mv_core *core, uint32_t address) {
    return mv_fault(core, EXC_BUSFAULT, CFSR_PRECISERR | CFSR_BFARVALID, address);
}

static bool device_answer(mv_core *core, mv_answer answer, uint32_t address) {
    if (answer == ANSWER_OK) return true;
    if (answer == ANSWER_ABORT) core->attention |= ATT_ABORT;
    return bus_error(core, address);
}

/* Once a device has ended the run none is asked again before the run is over. */
static bool ask_device(mv_core *core, const mv_range *range, uint32_t address, uint32_t size, uint32_t *value) {
    if (core->attention & ATT_ABORT) return bus_error(core, address);
    if (mv_bank_read(core, address, size, value)) return true;
    core->counters.device_reads++;
    const mv_answer answer = core->device_read(range->owner, address - range->base, size, value);
    mv_distrust_exposed(core);
    return device_answer(core, answer, address);
}

static bool tell_device(mv_core *core, const mv_range *range, uint32_t address, uint32_t size, uint32_t value) {
    if (core->attention & ATT_ABORT) return bus_error(core, address);
    const uint32_t stored = size == 4 ? value : value & ((1u << (8 * size)) - 1);
    if (mv_bank_write(core, address, size, stored)) return true;
    core->counters.device_writes++;
    const mv_answer answer = core->device_write(range->owner, address - range->base, size, stored);
    mv_distrust_exposed(core);
    return device_answer(core, answer, address);
}

/* An entry of the page tables says what this very code may do under the rules that the other entries were made for. */
static bool may_keep(const mv_core *core, uint32_t address, mv_access access, bool privileged) {
    if (UNLIKELY(core->watching) && mv_is_watched_page(core, address)) return false;
    if ((core->s.mpu_ctrl & 1) == 0) return core->protection == 0;
    return privileged == mv_is_privileged(core) && core->protection == mv_protection(core) &&
           mv_mpu_page_allows(core, address, access, privileged);
}

/* The two places where an entry is filled: reading leads to whatever holds the page, writing to the core's own. */
static void grant_read(mv_core *core, const mv_range *range, uint32_t page) {
    const uint32_t address = range->base + (page << PAGE_BITS);
    core->readable[address >> PAGE_BITS] = (uintptr_t)mv_frame_bytes(range, page) - address;
}

static void grant_write(mv_core *core, const mv_range *range, uint32_t page) {
    if (range->frame[page].code || range->frame[page].shared != NULL) return;
    core->writable[(range->base >> PAGE_BITS) + page] = (uintptr_t)range->host - range->base;
}

static bool is_asked(const mv_range *range, uint32_t offset) {
    return range->owner != NULL && range->frame[offset >> PAGE_BITS].asked;
}

/* Memory that cannot be written, and that may have a guard. */
static bool refuse_write(mv_core *core, const mv_range *range, uint32_t address, uint32_t size, uint32_t value) {
    return range->owner == NULL ? bus_error(core, address) : tell_device(core, range, address, size, value);
}

static bool read_once(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value) {
    if (mv_is_private(address)) return mv_private_read(core, address, size, privileged, value);
    if (!mv_mpu_allows(core, address, ACCESS_READ, privileged))
        return mv_fault(core, EXC_MEMMANAGE, CFSR_DACCVIOL | CFSR_MMARVALID, address);
    mv_range *const range = mv_range_at(core, address);
    if (range == NULL) return bus_error(core, address);
    const uint32_t offset = address - range->base;
    if (range->device || is_asked(range, offset)) return ask_device(core, range, address, size, value);
    *value = fetch_bytes(memory_bytes(range, offset), size);
    if (may_keep(core, address, ACCESS_READ, privileged)) grant_read(core, range, offset >> PAGE_BITS);
    return true;
}

static bool write_once(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value) {
    if (mv_is_private(address)) return mv_private_write(core, address, size, privileged, value);
    if (!mv_mpu_allows(core, address, ACCESS_WRITE, privileged))
        return mv_fault(core, EXC_MEMMANAGE, CFSR_DACCVIOL | CFSR_MMARVALID, address);
    mv_range *const range = mv_range_at(core, address);
    if (range == NULL) return bus_error(core, address);
    const uint32_t offset = address - range->base;
    if (range->device) return tell_device(core, range, address, size, value);
    if (!range->writable) return refuse_write(core, range, address, size, value);
    mv_frame_own(core, range, offset >> PAGE_BITS);
    store_bytes(range->host + offset, size, value);
    mv_code_changed(core, range, offset, size);
    if (may_keep(core, address, ACCESS_WRITE, privileged)) grant_write(core, range, offset >> PAGE_BITS);
    return true;
}

/* Past the MPU: a debugger's access, a vector's, and those of the chip's part of the private peripheral bus. */
bool mv_read_bus(mv_core *core, uint32_t address, uint32_t size, uint32_t *value) {
    const mv_range *const range = mv_range_at(core, address);
    if (range == NULL) return bus_error(core, address);
    if (range->device || is_asked(range, address - range->base)) return ask_device(core, range, address, size, value);
    *value = fetch_bytes(memory_bytes(range, address - range->base), size);
    return true;
}

bool mv_write_bus(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    mv_range *const range = mv_range_at(core, address);
    if (range == NULL) return bus_error(core, address);
    if (range->device) return tell_device(core, range, address, size, value);
    if (!range->writable) return refuse_write(core, range, address, size, value);
    const uint32_t offset = address - range->base;
    mv_frame_own(core, range, offset >> PAGE_BITS);
    store_bytes(range->host + offset, size, value);
    mv_code_changed(core, range, offset, size);
    return true;
}

/* An access is done, whole: tell whoever waits for it. */
static bool note_read(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    if (UNLIKELY(core->watching)) mv_note_access(core, address, size, value, false);
    return true;
}

static bool note_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    if (UNLIKELY(core->watching)) mv_note_access(core, address, size, value, true);
    return true;
}

/* Unaligned accesses of Device memory always fault, and all of them with CCR.UNALIGN_TRP set. */
static bool may_be_unaligned(mv_core *core, uint32_t address) {
    const mv_range *const range = mv_range_at(core, address);
    const bool device = mv_is_device_memory(core, address) || (range != NULL && range->device);
    if ((core->s.ccr & CCR_UNALIGN_TRP) != 0 || device) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    return true;
}

/* The accesses that exceptions make. Those of instructions are the ones below. */
bool mv_read_frame(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value) {
    if ((address & (size - 1)) == 0)
        return read_once(core, address, size, privileged, value) && note_read(core, address, size, *value);
    if (!may_be_unaligned(core, address) || !may_be_unaligned(core, address + size - 1)) return false;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t byte;
        if (!read_once(core, address + i, 1, privileged, &byte)) return false;
        sum |= byte << (8 * i);
    }
    *value = sum;
    return note_read(core, address, size, sum);
}

/* Tell whether a store of one byte would be allowed, so that a store across a border happens whole or not at all. */
static bool probe_write(mv_core *core, uint32_t address, bool privileged) {
    if (!mv_mpu_allows(core, address, ACCESS_WRITE, privileged))
        return mv_fault(core, EXC_MEMMANAGE, CFSR_DACCVIOL | CFSR_MMARVALID, address);
    const mv_range *const range = mv_range_at(core, address);
    return (range != NULL && !range->device && (range->writable || range->owner != NULL)) || bus_error(core, address);
}

bool mv_write_frame(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value) {
    if ((address & (size - 1)) == 0)
        return write_once(core, address, size, privileged, value) && note_write(core, address, size, value);
    const uint32_t end = address + size - 1;
    if (!may_be_unaligned(core, address) || !may_be_unaligned(core, end)) return false;
    if (!probe_write(core, address, privileged) || !probe_write(core, end, privileged)) return false;
    for (uint32_t i = 0; i < size; i++)
        if (!write_once(core, address + i, 1, privileged, value >> (8 * i) & 0xFF)) return false;
    return note_write(core, address, size, value);
}

/* CCR.BFHFNMIGN: at a negative priority a data bus error leaves its status and nothing else. */
static bool ignores_bus_error(mv_core *core) {
    const bool asked = (core->s.ccr & CCR_BFHFNMIGN) != 0 && core->fault_exception == EXC_BUSFAULT && (core->attention & ATT_ABORT) == 0;
    if (!asked || mv_execution_priority(core) >= 0) return false;
    mv_note_fault(core);
    return true;
}

NOINLINE bool mv_read_as(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value) {
    if (LIKELY(mv_read_frame(core, address, size, privileged, value))) return true;
    *value = 0;
    return ignores_bus_error(core);
}

NOINLINE bool mv_write_as(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value) {
    return LIKELY(mv_write_frame(core, address, size, privileged, value)) || ignores_bus_error(core);
}

bool mv_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value) {
    if (mv_is_control_register(address, size) && mv_is_privileged(core) && LIKELY(!core->watching)) {
        *value = mv_scs_read(core, address & (PAGE_SIZE - 1));
        return true;
    }
    return mv_read_as(core, address, size, mv_is_privileged(core), value);
}

bool mv_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    if (mv_is_control_register(address, size) && mv_is_privileged(core) && LIKELY(!core->watching)) {
        mv_scs_write(core, address & (PAGE_SIZE - 1), value);
        return true;
    }
    return mv_write_as(core, address, size, mv_is_privileged(core), value);
}

bool mv_read_aligned(mv_core *core, uint32_t address, uint32_t size, uint32_t *value) {
    if ((address & (size - 1)) != 0) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    return mv_read(core, address, size, value);
}

bool mv_write_aligned(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    if ((address & (size - 1)) != 0) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    return mv_write(core, address, size, value);
}

/* Fetch from memory; a place that may not be executed is a MemManage fault without address, none at all a BusFault. */
bool mv_fetch(mv_core *core, uint32_t address, uint32_t *halfword) {
    if (!mv_mpu_allows(core, address, ACCESS_EXECUTE, mv_is_privileged(core)))
        return mv_fault(core, EXC_MEMMANAGE, CFSR_IACCVIOL, 0);
    const mv_range *const range = mv_range_at(core, address);
    if (range == NULL || range->device) return mv_fault(core, EXC_BUSFAULT, CFSR_IBUSERR, 0);
    *halfword = fetch_bytes(memory_bytes(range, address - range->base), 2);
    return true;
}

static void debug_write(mv_core *core, mv_range *range, uint32_t offset, const uint8_t *bytes, size_t size) {
    mv_frame_own(core, range, offset >> PAGE_BITS);
    memcpy(range->host + offset, bytes, size);
    mv_code_changed(core, range, offset, (uint32_t)size);
}

/* Read or change memory as a debugger does: no permissions, read-only memory too; false where there is none. Reading
 * into NULL only asks whether there is some. `bytes` is no part of this memory. */
bool mv_debug_copy(mv_core *core, uint32_t address, uint8_t *bytes, size_t size, bool write) {
    for (size_t done = 0; done < size;) {
        if (done > UINT32_MAX - address) return false;
        const uint32_t at = address + (uint32_t)done;
        mv_range *const range = mv_range_at(core, at);
        if (range == NULL || range->device) return false;
        const uint32_t offset = at - range->base;
        const size_t rest = PAGE_SIZE - (offset & (PAGE_SIZE - 1)), length = size - done < rest ? size - done : rest;
        if (write)
            debug_write(core, range, offset, bytes + done, length);
        else if (bytes != NULL)
            memcpy(bytes + done, memory_bytes(range, offset), length);
        done += length;
    }
    return true;
}
