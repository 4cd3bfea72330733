/* Random code, memory maps and orders of calls, for the sanitizers to watch.
 *
 * An input is a string of bytes that is eaten from the front: first the memory map and the code, then verbs. With
 * libFuzzer, compile with -fsanitize=fuzzer and -DMVSDK_LIBFUZZER; without, the program makes its own inputs:
 * fuzz COUNT SEED.
 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLASH = 0x08000000, RAM = 0x20000000, DEVICE = 0x40000000, SIZE = 0x2000, STEPS = 4000 };

typedef struct {
    const uint8_t *bytes;
    size_t size, at;
    mv_core *core;
} input;

static uint32_t eat(input *in, uint32_t count) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++) value = value << 8 | (in->at < in->size ? in->bytes[in->at++] : 0);
    return value;
}

/* The devices answer from the input too, and use the core while they do, as the seam allows. */
static mv_answer answer(input *in) {
    const uint32_t what = eat(in, 1);
    if (what < 32) mv_pend(in->core, EXC_IRQ0 + (what & 7));
    if (what > 0xF0) in->core->attention |= ATT_HALT;
    return what == 0xF0 ? ANSWER_BUS_ERROR : what == 0xEF ? ANSWER_ABORT : ANSWER_OK;
}

static mv_answer device_read(void *owner, uint32_t offset, uint32_t size, uint32_t *value) {
    input *const in = owner;
    if (offset >= SIZE || offset % size != 0) abort();
    *value = eat(in, size);
    return answer(in);
}

static mv_answer device_write(void *owner, uint32_t offset, uint32_t size, uint32_t value) {
    (void)value;
    if (offset >= SIZE || offset % size != 0) abort();
    return answer(owner);
}

static void poke(mv_core *core, uint32_t address, uint32_t value) {
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (8 * i));
    mv_debug_copy(core, address, bytes, 4, true);
}

static void set_up(input *in) {
    mv_core *const core = in->core;
    core->device_read = device_read;
    core->device_write = device_write;
    core->take_hardfault = eat(in, 1) & 1;
    mv_map(core, FLASH, SIZE, (eat(in, 1) & 1) != 0, NULL);
    mv_map(core, RAM, SIZE, true, NULL);
    mv_map(core, DEVICE, SIZE, true, in);
    poke(core, FLASH, RAM + SIZE / 2);
    for (uint32_t i = 1; i < 32; i++) poke(core, FLASH + 4 * i, (FLASH + 0x100 + (eat(in, 1) << 2)) | 1);
    for (uint32_t i = 0x100; i < 0x400; i += 4) poke(core, FLASH + i, eat(in, 4));
    for (uint32_t i = 0; i < 0x100; i += 4) poke(core, RAM + i, eat(in, 4));
    mv_reset(core, FLASH);
    core->s.cpacr = 0xF00000;
    mv_fp_refresh(core);
}

static uint32_t likely_address(input *in) {
    static const uint32_t bases[] = {FLASH, RAM, DEVICE, 0xE000E000, 0xE0001000, 0xFFFFFF00, RAM + SIZE - 8, 0};
    return bases[eat(in, 1) & 7] + (eat(in, 2) & 0xFFF);
}

static void snapshot_and_back(mv_core *core) {
    const size_t size = mv_snapshot(core, NULL);
    uint8_t *const bytes = malloc(size);
    if (bytes == NULL || mv_snapshot(core, bytes) != size || !mv_restore(core, bytes, size)) abort();
    free(bytes);
}

static void restore_nonsense(input *in) {
    const size_t size = mv_snapshot(in->core, NULL);
    uint8_t *const bytes = malloc(size);
    if (bytes == NULL) abort();
    mv_snapshot(in->core, bytes);
    bytes[eat(in, 3) % size] ^= (uint8_t)(1 + eat(in, 1) % 255);
    if (mv_restore(in->core, bytes, size - (eat(in, 1) < 64 ? eat(in, 1) % size : 0))) in->core->attention |= ATT_EXCEPTION;
    free(bytes);
}

static void verb(input *in) {
    mv_core *const core = in->core;
    const uint32_t kind = eat(in, 1) % 12, number = eat(in, 1);
    switch (kind) {
    case 0: core->s.r[number % 15] = likely_address(in) & (number % 15 == 13 ? ~3u : ~0u); break;
    case 1: core->s.r[number & 7] = eat(in, 4); break;
    case 2: mv_pend(core, number); break;
    case 3: mv_set_line(core, number & 7, number >> 7); break;
    case 4: mv_skip_to(core, core->s.cycle + eat(in, 2)); break;
    case 5: snapshot_and_back(core); break;
    case 6: restore_nonsense(in); break;
    case 7: poke(core, FLASH + 0x100 + (eat(in, 2) & 0x2FC), eat(in, 4)); break;
    case 8: mv_special_write(core, number, 3, eat(in, 4)); break;
    case 9: mv_private_write(core, 0xE000E000u + (eat(in, 2) & 0xFFC), 4, true, eat(in, 4)); break;
    case 10: mv_return_to(core, eat(in, 1) < 128 ? 0xFFFFFF80u | number : FLASH + 0x101 + 4 * number); break;
    default: mv_set_xpsr(core, (eat(in, 4) & 0xFF00FC00u) | 0x01000000u, 0xFF00FC00u); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    input in = {bytes, size, 0, mv_new(EXCEPTIONS - EXC_IRQ0)};
    if (in.core == NULL) return 0;
    set_up(&in);
    while (in.at < in.size) {
        verb(&in);
        const uint64_t before = in.core->s.cycle;
        const mv_stop stop = mv_run(in.core, before + STEPS);
        if (stop == STOP_DEADLINE && in.core->s.cycle - before > STEPS + 1) abort();
    }
    for (size_t i = 0; i < in.core->ranges; i++) in.core->range[i].owner = NULL;
    mv_free(in.core);
    return 0;
}

#ifndef MVSDK_LIBFUZZER
static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

int main(int count, char **argument) {
    uint8_t bytes[2048];
    uint64_t state = count > 2 ? strtoull(argument[2], NULL, 10) * 2 + 1 : 1;
    const unsigned long inputs = count > 1 ? strtoul(argument[1], NULL, 10) : 1000;
    for (unsigned long i = 0; i < inputs; i++) {
        for (size_t at = 0; at < sizeof bytes; at++) bytes[at] = (uint8_t)(next(&state) >> 32);
        LLVMFuzzerTestOneInput(bytes, sizeof bytes);
    }
    printf("%lu inputs\n", inputs);
    return 0;
}
#endif
