/* What a device does most of its life: a tick, a line of the log every second, a blinking LED, and otherwise nothing. */

#include <stdio.h>

#include "kernel.h"
#include "mv_syscalls.h"
#include "stm32u585.h"

#ifdef ASLEEP
#define FIRST 0x40000000u /* days from now */
#else
#define FIRST 0u
#endif

static uint8_t log_buffer[1024] __attribute__((aligned(512)));

void kernel_panic(uint32_t code)
{
    (void)code;
    __asm volatile("bkpt 1");
    for (;;) { }
}

static void logger(void *unused)
{
    char line[48];
    (void)unused;
    for (uint32_t due = FIRST + 1000;; due += 1000) {
        delay_until(due);
        const int length = snprintf(line, sizeof line, "%lu seconds", (unsigned long)(due / 1000));
        (void)mvServerLog((const uint8_t *)line, (uint16_t)length);
    }
}

static void blinker(void *unused)
{
    (void)unused;
    for (uint32_t due = FIRST + 500;; due += 500) {
        delay_until(due);
        GPIOA->BSRR = due % 1000 ? 1u << 5 : 1u << 21;
    }
}

int main(void)
{
    static struct task tasks[2];
    static uint64_t stacks[2][256];

    (void)mvServerLoggingInit(log_buffer, sizeof log_buffer);
    *(volatile uint32_t *)GPIOA_BASE = (*(volatile uint32_t *)GPIOA_BASE & ~(3u << 10)) | (1u << 10);
    task_create(&tasks[0], logger, 0, 2, PRIVILEGED, stacks[0], sizeof stacks[0]);
    task_create(&tasks[1], blinker, 0, 1, UNPRIVILEGED, stacks[1], sizeof stacks[1]);
    kernel_start();
}
