/* Cores of one image on several threads at once, for the thread sanitizer: they decode it together, begin from one snapshot,
 * and each writes and gives up pages that the others still have.
 *
 * Every core must end in the state that a core alone ends in. */
#include "core.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLASH = 0x08000000, RAM = 0x20000000, CODE = 0x200, FUNCTIONS = 400, THREADS = 6, TURNS = 40, CYCLES = 5000, RAM_PAGES = 8 };

static mv_image *image;
static mv_snapshot *first;

static void put_halfword(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* Functions that each add to r0, store it on a page of RAM and go on with the next; the last one branches to the first. */
static void write_code(uint8_t *bytes) {
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        uint8_t *const at = bytes + CODE + i * 8;
        put_halfword(at, 0x3001);     /* adds r0, #1 */
        put_halfword(at + 2, 0x6018); /* str r0, [r3] */
        put_halfword(at + 4, i + 1 < FUNCTIONS ? 0xE000 : 0xE002);
        put_halfword(at + 6, 0xBF00);
    }
    put_halfword(bytes + CODE + FUNCTIONS * 8 + 2, 0x4710); /* bx r2 */
}

static mv_core *new_core(void) {
    mv_core *const core = mv_new(8);
    if (core == NULL || !mv_map_memory(core, FLASH, 2 * PAGE_SIZE, false, image) ||
        !mv_map_memory(core, RAM, RAM_PAGES * PAGE_SIZE, true, NULL))
        abort();
    core->s.thumb = 1;
    core->s.pc = FLASH + CODE;
    core->s.r[2] = (FLASH + CODE) | 1;
    return core;
}

/* Go back to the snapshot and run, writing another page each time; then give back what the state is. */
static uint8_t *go_through(size_t *size) {
    mv_core *const core = new_core();
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        if (!mv_return_to_snapshot(core, first)) abort();
        core->s.r[3] = RAM + turn % RAM_PAGES * PAGE_SIZE;
        mv_run(core, core->s.cycle + CYCLES);
    }
    *size = mv_save(core, NULL);
    uint8_t *const bytes = malloc(*size);
    if (bytes == NULL) abort();
    mv_save(core, bytes);
    mv_free(core);
    return bytes;
}

typedef struct {
    uint8_t *bytes;
    size_t size;
} outcome;

static void *on_thread(void *argument) {
    outcome *const result = argument;
    result->bytes = go_through(&result->size);
    return NULL;
}

int main(void) {
    static uint8_t bytes[2 * PAGE_SIZE];
    pthread_t thread[THREADS];
    outcome together[THREADS], alone;
    write_code(bytes);
    image = mv_image_new(bytes, sizeof bytes, sizeof bytes, 0);
    mv_labels();
    mv_observed_labels();
    mv_core *const core = new_core();
    uint8_t word[4] = {1, 2, 3, 4};
    for (uint32_t i = 0; i < RAM_PAGES; i++) mv_debug_copy(core, RAM + i * PAGE_SIZE + 4, word, sizeof word, true);
    first = mv_take_snapshot(core);
    mv_free(core);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, on_thread, &together[i]) != 0) abort();
    for (size_t i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    on_thread(&alone);
    int differ = 0;
    for (size_t i = 0; i < THREADS; i++) {
        differ |= together[i].size != alone.size || memcmp(together[i].bytes, alone.bytes, alone.size) != 0;
        free(together[i].bytes);
    }
    free(alone.bytes);
    mv_free_snapshot(first);
    mv_image_drop(image);
    if (differ != 0) fprintf(stderr, "a core among others differs from one alone\n");
    return differ;
}
