/* Making a core, and its whole state as plain bytes: header, registers, then every page of memory that is not all zero. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

static const char MAGIC[8] = {'M', 'V', 'M', '3', '3', 0, 0, 1};

typedef struct {
    char magic[8];
    uint32_t state_size, ranges, stepped_breakpoint, reserved;
} header;

static const uint32_t END_OF_PAGES = 0xFFFFFFFFu;

mv_core *mv_new(uint32_t interrupts) {
    mv_core *const core = calloc(1, sizeof(mv_core));
    if (core == NULL) return NULL;
    core->interrupts = interrupts;
    core->readable = calloc(PAGES, sizeof(uintptr_t));
    core->writable = calloc(PAGES, sizeof(uintptr_t));
    core->scratch = calloc(1, sizeof(mv_block) + sizeof(mv_op) * BLOCK_OPS);
    mv_origin *const origin = calloc(BLOCK_OPS, sizeof(mv_origin));
    if (core->readable == NULL || core->writable == NULL || core->scratch == NULL || origin == NULL) {
        free(origin);
        mv_free(core);
        return NULL;
    }
    core->scratch->origin = origin;
    return core;
}

void mv_free(mv_core *core) {
    mv_forget_code(core);
    mv_unbind(core, NULL);
    for (size_t i = 0; i < core->ranges; i++) {
        free(core->range[i].host);
        free(core->range[i].code_line);
        free(core->range[i].code_page);
    }
    if (core->scratch != NULL) free(core->scratch->origin);
    free(core->scratch);
    free(core->range);
    free(core->stop_at);
    free(core->watch);
    free(core->readable);
    free(core->writable);
    free(core);
}

static bool is_zero(const uint8_t *page) {
    static const uint8_t zeros[PAGE_SIZE];
    return memcmp(page, zeros, PAGE_SIZE) == 0;
}

static size_t put(uint8_t *bytes, size_t at, const void *data, size_t size) {
    if (bytes != NULL) memcpy(bytes + at, data, size);
    return at + size;
}

/* Devices are not the core's to save. */
static uint32_t memories(const mv_core *core) {
    uint32_t count = 0;
    for (size_t i = 0; i < core->ranges; i++) count += !core->range[i].device;
    return count;
}

/* Write the snapshot to `bytes`, or with NULL only return its size. */
size_t mv_snapshot(const mv_core *core, uint8_t *bytes) {
    header h = {.state_size = sizeof(mv_state), .ranges = memories(core), .stepped_breakpoint = core->stepped_breakpoint};
    const uint32_t end = END_OF_PAGES;
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    size_t at = put(bytes, put(bytes, 0, &h, sizeof h), &core->s, sizeof(mv_state));
    for (size_t i = 0; i < core->ranges; i++) {
        const mv_range *const range = &core->range[i];
        if (range->device) continue;
        at = put(bytes, put(bytes, at, &range->base, 4), &range->size, 4);
        for (uint32_t offset = 0; offset < range->size; offset += PAGE_SIZE)
            if (!is_zero(range->host + offset)) at = put(bytes, put(bytes, at, &offset, 4), range->host + offset, PAGE_SIZE);
        at = put(bytes, at, &end, 4);
    }
    return at;
}

typedef struct {
    const uint8_t *bytes;
    size_t size, at;
} reader;

static bool take(reader *r, void *data, size_t size) {
    if (r->size - r->at < size) return false;
    if (data != NULL) memcpy(data, r->bytes + r->at, size);
    r->at += size;
    return true;
}

/* Go through the pages of one range, into memory if `apply`; false where they are not what the range can hold. */
static bool read_range(mv_range *range, reader *r, bool apply) {
    uint32_t base, size, offset, expected = 0;
    if (!take(r, &base, 4) || !take(r, &size, 4) || base != range->base || size != range->size) return false;
    for (;;) {
        if (!take(r, &offset, 4)) return false;
        const uint32_t until = offset == END_OF_PAGES ? range->size : offset;
        if (apply) memset(range->host + expected, 0, until - expected);
        if (offset == END_OF_PAGES) return true;
        if (offset % PAGE_SIZE != 0 || offset < expected || offset >= range->size) return false;
        if (!take(r, apply ? range->host + offset : NULL, PAGE_SIZE)) return false;
        expected = offset + PAGE_SIZE;
    }
}

/* A set holds no exception but those that the core has. */
static bool is_known(const mv_core *core, const uint32_t *set) {
    for (uint32_t i = 0; i < EXCEPTION_WORDS; i++) {
        const uint32_t first = i * 32, end = EXC_IRQ0 + core->interrupts;
        uint32_t known = first >= end ? 0 : end - first >= 32 ? ~0u : (1u << (end - first)) - 1;
        if (i == 0) known &= ~1u;
        if ((set[i] & ~known) != 0) return false;
    }
    return true;
}

static bool has_sane_program(const mv_state *s) {
    return s->pc % 2 == 0 && s->thumb <= 1 && s->it <= 0xFF && (s->it == 0 || (s->it & 15) != 0) && s->ipsr <= 0x1FF && s->c <= 1 &&
           s->ge <= 15 && s->r[R_SP] % 4 == 0 && s->banked_sp % 4 == 0 && s->r[R_ZERO] == 0 && s->control <= 7;
}

static bool has_sane_peripherals(const mv_state *s) {
    return s->sleeping <= 2 && s->prigroup <= 7 && s->mpu_rnr < MPU_REGIONS && s->cycle <= LAST_CYCLE + BLOCK_HALFWORDS &&
           s->syst_base <= s->cycle && s->syst_val <= 0xFFFFFF && s->syst_rvr <= 0xFFFFFF;
}

/* What the rest of the core relies on; every state that a guest and the calls of this header lead to is so. */
bool mv_is_sane(const mv_core *core, const mv_state *s) {
    return has_sane_program(s) && has_sane_peripherals(s) && is_known(core, s->pending) && is_known(core, s->active) &&
           is_known(core, s->enabled) && is_known(core, s->line);
}

static bool walk(mv_core *core, reader *r, bool apply) {
    header h;
    if (!take(r, &h, sizeof h) || memcmp(h.magic, MAGIC, sizeof MAGIC) != 0) return false;
    if (h.state_size != sizeof(mv_state) || h.ranges != memories(core)) return false;
    mv_state s;
    if (!take(r, &s, sizeof s) || !mv_is_sane(core, &s)) return false;
    for (size_t i = 0; i < core->ranges; i++)
        if (!core->range[i].device && !read_range(&core->range[i], r, apply)) return false;
    if (apply) {
        memcpy(&core->s, &s, sizeof s);
        core->stepped_breakpoint = h.stepped_breakpoint;
    }
    return r->at == r->size;
}

/* Go back to a snapshot; false, and nothing changed, if the bytes are not one of a core with this memory map. */
bool mv_restore(mv_core *core, const uint8_t *bytes, size_t size) {
    reader check = {bytes, size, 0}, apply = {bytes, size, 0};
    if (!walk(core, &check, false)) return false;
    walk(core, &apply, true);
    core->attention = 0;
    mv_forget_code(core);
    mv_fp_refresh(core);
    mv_debug_changed(core);
    return true;
}
