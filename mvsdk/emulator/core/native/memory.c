/* Pages: what they hold, who shares it, and where it lies.
 *
 * A range's memory is one piece of the host's, as large as the range and taken up only where it is used. A page that was
 * not written since somebody shared it (an image, a snapshot, a fork) is known by that: reading it needs no copy, and the
 * first write makes one. The table of writable pages has entries only for pages that are the core's own, so what follows
 * the first write costs nothing.
 */
#if !defined(_WIN32)
#define _DEFAULT_SOURCE
#include <sys/mman.h>
#else
#include <windows.h>
#endif
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* -- the host's memory --------------------------------------------------------------------------------------------------- */

/* Zeros that take up no room before they are touched; NULL where there is none. */
void *mv_reserve(size_t size) {
#if defined(_WIN32)
    return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
#if !defined(MAP_NORESERVE)
#define MAP_NORESERVE 0
#endif
    void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
#endif
}

void mv_release(void *memory, size_t size) {
    if (memory == NULL) return;
#if defined(_WIN32)
    (void)size;
    VirtualFree(memory, 0, MEM_RELEASE);
#else
    munmap(memory, size);
#endif
}

/* -- shared pages -------------------------------------------------------------------------------------------------------- */

/* What nothing was ever written to: every core's, for ever. */
mv_page *mv_zero_page(void) {
    static const uint8_t zeros[PAGE_SIZE];
    static mv_page zero = {.bytes = zeros};
    return &zero;
}

mv_page *mv_page_keep(mv_page *page) {
    if (page->counted) atomic_fetch_add_explicit(&page->users, 1, memory_order_relaxed);
    return page;
}

void mv_page_drop(mv_page *page) {
    if (page != NULL && page->counted && atomic_fetch_sub_explicit(&page->users, 1, memory_order_acq_rel) == 1) free(page);
}

static mv_page *copied_page(const uint8_t *bytes) {
    mv_page *const page = malloc(sizeof(mv_page) + PAGE_SIZE);
    if (page == NULL) return NULL;
    uint8_t *const copy = (uint8_t *)(page + 1);
    memcpy(copy, bytes, PAGE_SIZE);
    *page = (mv_page){.counted = true, .bytes = copy};
    atomic_init(&page->users, 1);
    return page;
}

/* -- images -------------------------------------------------------------------------------------------------------------- */

static void fill_image(mv_image *image, const uint8_t *bytes, size_t length, uint8_t fill) {
    const size_t filled = (length + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
    memset(image->bytes, fill, filled + PAGE_SIZE);
    if (length != 0) memcpy(image->bytes, bytes, length);
    for (uint32_t i = 0; i < image->pages; i++) {
        const size_t at = (size_t)i << PAGE_BITS;
        image->page[i].bytes = image->bytes + (at < filled ? at : filled);
    }
}

/* An image of `size` bytes, whole pages: `bytes`, and `fill` behind them; NULL where there is no memory. */
mv_image *mv_image_new(const uint8_t *bytes, size_t length, uint32_t size, uint8_t fill) {
    mv_image *const image = calloc(1, sizeof(mv_image));
    if (image == NULL) return NULL;
    atomic_init(&image->users, 1);
    image->pages = size >> PAGE_BITS;
    image->page = calloc(image->pages, sizeof(mv_page));
    image->bytes = malloc(((length + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1)) + PAGE_SIZE);
    if (image->page == NULL || image->bytes == NULL) {
        mv_image_drop(image);
        return NULL;
    }
    fill_image(image, bytes, length, fill);
    return image;
}

mv_image *mv_image_keep(mv_image *image) {
    if (image != NULL) atomic_fetch_add_explicit(&image->users, 1, memory_order_relaxed);
    return image;
}

void mv_image_drop(mv_image *image) {
    if (image == NULL || atomic_fetch_sub_explicit(&image->users, 1, memory_order_acq_rel) != 1) return;
    mv_forget_bodies(image);
    free(image->page);
    free(image->bytes);
    free(image);
}

/* -- ranges -------------------------------------------------------------------------------------------------------------- */

/* Give a range its memory: zeros, or the image, which it then keeps. */
bool mv_range_prepare(mv_range *range, mv_image *image) {
    const uint32_t pages = range->size >> PAGE_BITS;
    range->host = mv_reserve(range->size);
    range->code_line = calloc(range->size >> 9, 1);
    range->frame = calloc(pages, sizeof(mv_frame));
    if (range->host == NULL || range->code_line == NULL || range->frame == NULL) return false;
    range->image = mv_image_keep(image);
    for (uint32_t i = 0; i < pages; i++) {
        range->frame[i].shared = image == NULL ? mv_zero_page() : &image->page[i];
        range->frame[i].resident = image == NULL;
    }
    return true;
}

void mv_range_end(mv_range *range) {
    for (uint32_t i = 0; range->frame != NULL && i < range->size >> PAGE_BITS; i++) mv_page_drop(range->frame[i].shared);
    if (!range->device) mv_release(range->host, range->size);
    mv_image_drop(range->image);
    free(range->frame);
    free(range->code_line);
    free(range->executed); /* `taken` and `passed` lie behind it */
}

/* What a page holds, shared from now on and kept for the caller; NULL where there is no memory. */
mv_page *mv_frame_share(mv_core *core, mv_range *range, uint32_t index) {
    mv_frame *const frame = &range->frame[index];
    if (frame->shared != NULL) return mv_page_keep(frame->shared);
    mv_page *const page = copied_page(mv_frame_bytes(range, index));
    if (page == NULL || frame->writable_views != 0) return page;
    core->writable[(range->base >> PAGE_BITS) + index] = 0;
    frame->shared = mv_page_keep(page);
    return page;
}

/* Let a page hold what `page` does. Whoever sees it from outside sees that at once. */
void mv_frame_set(mv_core *core, mv_range *range, uint32_t index, mv_page *page) {
    mv_frame *const frame = &range->frame[index];
    const size_t at = (range->base >> PAGE_BITS) + index;
    if (frame->shared == page) return;
    if (frame->code) frame->stale = true;
    if (frame->views != 0) memcpy(range->host + ((size_t)index << PAGE_BITS), page->bytes, PAGE_SIZE);
    frame->resident = frame->views != 0;
    mv_page_drop(frame->shared);
    frame->shared = frame->writable_views != 0 ? NULL : mv_page_keep(page);
    core->readable[at] = core->writable[at] = 0;
}

/* Make a page the core's own, to be written. */
void mv_frame_own(mv_core *core, mv_range *range, uint32_t index) {
    mv_frame *const frame = &range->frame[index];
    const size_t at = (range->base >> PAGE_BITS) + index;
    if (frame->shared == NULL) return;
    if (!frame->resident) {
        memcpy(range->host + ((size_t)index << PAGE_BITS), frame->shared->bytes, PAGE_SIZE);
        frame->resident = true;
        core->readable[at] = 0; /* it led to the shared one */
    }
    mv_page_drop(frame->shared);
    frame->shared = NULL;
}

/* -- seen from outside --------------------------------------------------------------------------------------------------- */

static mv_range *memory_at(mv_core *core, uint32_t address, uint32_t size) {
    mv_range *const range = mv_range_at(core, address);
    if (range == NULL || range->device || size > range->size - (address - range->base)) return NULL;
    return range;
}

static uint32_t last_page(const mv_range *range, uint32_t address, uint32_t size) {
    return (address - range->base + (size == 0 ? 0 : size - 1)) >> PAGE_BITS;
}

static void make_resident(mv_core *core, mv_range *range, uint32_t index) {
    mv_frame *const frame = &range->frame[index];
    if (frame->resident) return;
    memcpy(range->host + ((size_t)index << PAGE_BITS), frame->shared->bytes, PAGE_SIZE);
    frame->resident = true;
    core->readable[(range->base >> PAGE_BITS) + index] = 0;
}

/* Let somebody see memory, or change it, until `mv_conceal`; NULL where not all of it is in one range of memory. */
uint8_t *mv_expose(mv_core *core, uint32_t address, uint32_t size, bool writable) {
    mv_range *const range = memory_at(core, address, size);
    if (range == NULL) return NULL;
    for (uint32_t i = (address - range->base) >> PAGE_BITS; i <= last_page(range, address, size); i++) {
        make_resident(core, range, i);
        range->frame[i].views++;
        if (!writable) continue;
        mv_frame_own(core, range, i);
        range->frame[i].writable_views++;
        core->writable_views++;
    }
    if (writable) mv_code_changed(core, range, address - range->base, size);
    return range->host + (address - range->base);
}

void mv_conceal(mv_core *core, uint32_t address, uint32_t size, bool writable) {
    mv_range *const range = memory_at(core, address, size);
    if (range == NULL) return;
    for (uint32_t i = (address - range->base) >> PAGE_BITS; i <= last_page(range, address, size); i++) {
        range->frame[i].views--;
        if (!writable) continue;
        range->frame[i].writable_views--;
        core->writable_views--;
    }
    if (writable) mv_code_changed(core, range, address - range->base, size);
}

/* What somebody outside could write may have been written: code from there is not to be trusted. */
void mv_distrust_exposed(mv_core *core) {
    if (core->writable_views == 0) return;
    for (size_t i = 0; i < core->ranges; i++) {
        mv_range *const range = &core->range[i];
        for (uint32_t page = 0; !range->device && page < range->size >> PAGE_BITS; page++) {
            mv_frame *const frame = &range->frame[page];
            if (frame->writable_views == 0 || !frame->code) continue;
            frame->stale = true;
            core->attention |= ATT_STALE;
        }
    }
}
