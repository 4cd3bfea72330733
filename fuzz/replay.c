/* Runs the fuzzer's laws without a fuzzing engine: on files, and on inputs of its own making.
 *
 *     replay FILE…                each file is one input
 *     replay --made COUNT SEED    COUNT inputs that follow from SEED
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 16, MADE = 1024 };

static uint8_t input[LARGEST];

static int replay_file(const char *name) {
    FILE *const file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        return 1;
    }
    const size_t size = fread(input, 1, sizeof input, file);
    fclose(file);
    /* A copy of exactly its size, so that reading past the end is seen. */
    uint8_t *const exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL) return 1;
    memcpy(exact, input, size);
    fprintf(stderr, "%s\n", name);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void replay_made(uint64_t count, uint64_t seed) {
    for (uint64_t i = 0; i < count; i++) {
        uint64_t state = seed * 0x9E3779B97F4A7C15u + i + 1;
        for (size_t at = 0; at < MADE; at++) input[at] = (uint8_t)(next(&state) >> 32);
        LLVMFuzzerTestOneInput(input, MADE);
    }
}

int main(int count, char **arguments) {
    if (count == 4 && strcmp(arguments[1], "--made") == 0) {
        replay_made(strtoull(arguments[2], NULL, 10), strtoull(arguments[3], NULL, 10));
        return 0;
    }
    int failed = 0;
    for (int i = 1; i < count; i++) failed |= replay_file(arguments[i]);
    return failed;
}
