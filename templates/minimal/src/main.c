/* @name@: logs one line and sleeps. */

#include <stdint.h>

#include "mv_syscalls.h"

/* Log messages wait here. The kernel keeps the buffer; it wants address and size in multiples of 512. */
static uint8_t log_buffer[1024] __attribute__((aligned(512)));

int main(void)
{
    static const uint8_t hello[] = "@name@: hello, world";

    (void)mvServerLoggingInit(log_buffer, sizeof log_buffer);
    (void)mvServerLog(hello, sizeof hello - 1); /* without the NUL */

    for (;;) {
        __asm volatile("wfi");
    }
}
