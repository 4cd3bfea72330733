#include "backoff.h"

#include "log.h"
#include "mv_syscalls.h"

#define SHORTEST_MS 2000U
#define LONGEST_MS 120000U
#define ID_LENGTH 34U

static uint32_t wait_ms = SHORTEST_MS;
static uint32_t noise;

/* When a broker comes back after a failure, all of its devices want to connect. Each draws its waits from its own id, so
   that they do not do it all at once. (FNV-1a hash, then a linear congruential generator: nothing here is secret.) */
void backoff_start(void)
{
    uint8_t id[ID_LENGTH] = {0};

    require(mvGetDeviceId(id, sizeof id), "mvGetDeviceId");
    noise = 2166136261U;
    for (uint32_t i = 0; i < ID_LENGTH; i++) {
        noise = (noise ^ id[i]) * 16777619U;
    }
}

void backoff_reset(void)
{
    wait_ms = SHORTEST_MS;
}

uint32_t backoff_next_ms(void)
{
    const uint32_t base_ms = wait_ms;

    wait_ms = wait_ms < LONGEST_MS / 2U ? 2U * wait_ms : LONGEST_MS;
    noise = noise * 1664525U + 1013904223U;
    return base_ms + (noise >> 16) % (base_ms / 2U);
}
