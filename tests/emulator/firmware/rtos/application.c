/*
 * Twelve tasks that use everything the kernel has and check each other. What they find is in `report`, which a test
 * reads; what no test may ever see calls kernel_panic().
 */

#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "mv_syscalls.h"
#include "stm32u585.h"

#define LED (1u << 5)
#define REG(base, offset) (*(volatile uint32_t *)((base) + (offset)))
#define PERIOD_OF_SAMPLES 100u

enum panic { OUT_OF_ORDER = 1, FP_REGISTERS_LOST, ROUNDING_LOST, NOT_INHERITED, STILL_URGENT, NOT_REFUSED, LOG_REFUSED,
             PRIVILEGED_AFTER_ALL, TIMED_OUT };

struct report {
    uint32_t failure;
    uint32_t seconds, blinks, produced, consumed, samples, timeouts, inversions, rounds, shares[2], deepest;
    float smooth, coarse;
    uint32_t fp_interrupts;
    float interrupt_sum;
};
volatile struct report report;

static uint8_t log_buffer[1024] __attribute__((aligned(512)));
static struct queue numbers;
static struct semaphore sampled, never;
static struct mutex bus, outer;

void kernel_panic(uint32_t code)
{
    report.failure = code;
    __disable_irq();
    __asm volatile("bkpt 1");
    for (;;) { }
}

static void check(int holds, uint32_t code)
{
    if (!holds) { kernel_panic(code); }
}

/* -- the log and the LED ---------------------------------------------------------------------------------------------- */

static void logger(void *unused)
{
    char line[96];
    (void)unused;
    for (uint32_t due = 1000;; due += 1000) {
        delay_until(due);
        report.seconds++;
        const int length = snprintf(line, sizeof line, "%lu s: %lu produced, %lu samples, smooth %.6f",
                                    (unsigned long)report.seconds, (unsigned long)report.produced,
                                    (unsigned long)report.samples, (double)report.smooth);
        check(mvServerLog((const uint8_t *)line, (uint16_t)length) == MV_STATUS_OKAY, LOG_REFUSED);
    }
}

static void blinker(void *port)
{
    uint32_t control;
    __asm volatile("mrs %0, control" : "=r"(control));
    check((control & 1u) == UNPRIVILEGED, PRIVILEGED_AFTER_ALL);
    for (uint32_t due = 500;; due += 500) {
        REG((uint32_t)port, 0x18) = report.blinks++ % 2u ? LED << 16 : LED;
        delay_until(due);
    }
}

/* -- a queue between two that are not equally fast --------------------------------------------------------------------- */

static void producer(void *unused)
{
    (void)unused;
    for (uint32_t due = 0;; due += 200) {
        delay_until(due);
        for (uint32_t i = 0; i < 10; i++) { /* more than the queue holds: it must wait for the other */
            check(queue_send(&numbers, report.produced, FOREVER) != 0, TIMED_OUT);
            report.produced++;
        }
    }
}

static void consumer(void *unused)
{
    (void)unused;
    for (;;) {
        uint32_t number = 0;
        check(queue_receive(&numbers, &number, FOREVER) != 0, TIMED_OUT);
        check(number == report.consumed, OUT_OF_ORDER);
        report.consumed++;
    }
}

/* -- an interrupt that gives a semaphore, and one above the kernel's ceiling that uses floating point ------------------- */

void TIM7_IRQHandler(void)
{
    REG(TIM7_BASE, 0x10) = 0;
    semaphore_give_from_interrupt(&sampled);
    NVIC_SetPendingIRQ(TIM8_BRK_IRQn);
}

void TIM8_BRK_IRQHandler(void)
{
    report.fp_interrupts++;
    report.interrupt_sum += 0.25f;
}

static void sampler(void *unused)
{
    (void)unused;
    REG(TIM7_BASE, 0x28) = 15999u; /* 10 kHz */
    REG(TIM7_BASE, 0x2C) = PERIOD_OF_SAMPLES * 10u - 1u;
    REG(TIM7_BASE, 0x14) = 1u;
    REG(TIM7_BASE, 0x10) = 0;
    REG(TIM7_BASE, 0x0C) = 1u;
    NVIC_SetPriority(TIM7_IRQn, INTERRUPT_CEILING >> 4);
    NVIC_SetPriority(TIM8_BRK_IRQn, 2);
    NVIC_EnableIRQ(TIM7_IRQn);
    NVIC_EnableIRQ(TIM8_BRK_IRQn);
    REG(TIM7_BASE, 0x00) = 1u;
    for (;;) {
        check(semaphore_take(&sampled, 2 * PERIOD_OF_SAMPLES) != 0, TIMED_OUT);
        report.samples++;
    }
}

static void impatient(void *unused)
{
    (void)unused;
    for (uint32_t due = 0;; due += 1000) {
        delay_until(due);
        const uint32_t before = ticks_now();
        check(semaphore_take(&never, 30) == 0, NOT_REFUSED);
        check(ticks_now() - before == 30, TIMED_OUT);
        check(semaphore_take(&never, 0) == 0, NOT_REFUSED);
        report.timeouts++;
    }
}

/* -- a mutex held by the least urgent of three --------------------------------------------------------------------------- */

static volatile uint32_t urgent_done, middle_done;

static void least(void *task)
{
    const volatile struct task *self = task;
    for (uint32_t due = 4000;; due += 10000) {
        delay_until(due);
        check(mutex_lock(&outer, FOREVER) != 0, TIMED_OUT);
        check(mutex_lock(&bus, FOREVER) != 0, TIMED_OUT);
        while (ticks_now() - due < 2) { } /* meanwhile the other two wake */
        check(self->priority == 7 && middle_done == urgent_done, NOT_INHERITED);
        (void)mutex_unlock(&bus);
        check(self->priority == self->own_priority, STILL_URGENT);
        (void)mutex_unlock(&outer);
    }
}

static void middle(void *unused)
{
    (void)unused;
    for (uint32_t due = 4001;; due += 10000) {
        delay_until(due);
        check(urgent_done == middle_done + 1, NOT_INHERITED);
        while (ticks_now() - due < 4) { }
        middle_done++;
    }
}

static void urgent(void *unused)
{
    (void)unused;
    for (uint32_t due = 4001;; due += 10000) {
        delay_until(due);
        check(mutex_lock(&bus, 1) == 0 || ticks_now() != due, NOT_REFUSED);
        check(mutex_lock(&bus, FOREVER) != 0, TIMED_OUT);
        urgent_done++;
        report.inversions++;
        (void)mutex_unlock(&bus);
    }
}

/* -- floating point in two tasks that pre-empt each other ----------------------------------------------------------------- */

/* Fill s0 to s31 with numbers from `first` on, wait, and return how many are no longer what they were. */
__attribute__((naked)) static uint32_t fp_registers_lost(uint32_t first, uint32_t turns)
{
    (void)first;
    (void)turns;
    __asm volatile(
        "    push    {r4, r5, lr}            \n"
        "    vpush   {s16-s31}               \n"
        "    sub     sp, #128                \n"
        "    mov     r4, sp                  \n"
        "    movs    r5, #32                 \n"
        "1:  str     r0, [r4], #4            \n"
        "    adds    r0, #1                  \n"
        "    subs    r5, #1                  \n"
        "    bne     1b                      \n"
        "    vldm    sp, {s0-s31}            \n"
        "2:  subs    r1, #1                  \n"
        "    bne     2b                      \n"
        "    vstm    sp, {s0-s31}            \n"
        "    mov     r4, sp                  \n"
        "    subs    r0, #32                 \n"
        "    movs    r5, #32                 \n"
        "    movs    r3, #0                  \n"
        "3:  ldr     r2, [r4], #4            \n"
        "    cmp     r2, r0                  \n"
        "    it      ne                      \n"
        "    addne   r3, #1                  \n"
        "    adds    r0, #1                  \n"
        "    subs    r5, #1                  \n"
        "    bne     3b                      \n"
        "    mov     r0, r3                  \n"
        "    add     sp, #128                \n"
        "    vpop    {s16-s31}               \n"
        "    pop     {r4, r5, pc}            \n");
}

static void set_rounding(uint32_t mode)
{
    __asm volatile("vmsr fpscr, %0" ::"r"(mode << 22));
}

static uint32_t rounding(void)
{
    uint32_t status;
    __asm volatile("vmrs %0, fpscr" : "=r"(status));
    return status >> 22 & 3u;
}

static void smooth(void *unused)
{
    (void)unused;
    float value = 0.0f;
    for (uint32_t due = 0, step = 1;; due += 10, step++) {
        delay_until(due);
        value += ((float)(step % 100u) - value) * 0.01f;
        report.smooth = value;
        report.rounds = step;
        check(rounding() == 0, ROUNDING_LOST);
        check(fp_registers_lost(0x40000000u + step, 20) == 0, FP_REGISTERS_LOST);
    }
}

static void coarse(void *unused)
{
    (void)unused;
    set_rounding(3); /* towards zero */
    float value = 0.0f;
    for (uint32_t due = 9;; due += 1000) {
        delay_until(due);
        value += 0.1f;
        report.coarse = value;
        check(fp_registers_lost(0x3F000000u + due, 96000) == 0, FP_REGISTERS_LOST); /* longer than a tick */
        check(rounding() == 3, ROUNDING_LOST);
    }
}

/* -- equals, and one that goes too far -------------------------------------------------------------------------------------- */

static void sharer(void *number)
{
    for (uint32_t due = 7000;; due += 10000) {
        delay_until(due);
        while (ticks_now() - due < 10) { report.shares[(uint32_t)number]++; }
        task_yield();
    }
}

__attribute__((noinline)) static uint32_t deeper(uint32_t depth)
{
    volatile uint32_t room[16];
    report.deepest = depth;
    memset((void *)room, (int)depth, sizeof room);
    return depth == FOREVER ? 0 : deeper(depth + 1) + room[depth % 16u];
}

static void doomed(void *unused)
{
    (void)unused;
    delay_until(2500);
    (void)deeper(0);
}

static void short_lived(void *unused)
{
    (void)unused;
    delay_until(100);
}

#define TASK(body, argument, priority, privilege, words)                                                                   \
    do {                                                                                                                   \
        static uint64_t stack[(words) / 2];                                                                                \
        static struct task task;                                                                                           \
        task_create(&task, body, argument, priority, privilege, stack, sizeof stack);                                      \
    } while (0)

int main(void)
{
    static struct task least_task;
    static uint64_t least_stack[100];

    check(mvServerLoggingInit(log_buffer, sizeof log_buffer) == MV_STATUS_OKAY, LOG_REFUSED);
    REG(GPIOA_BASE, 0x00) = (REG(GPIOA_BASE, 0x00) & ~(3u << 10)) | (1u << 10);
    task_create(&least_task, least, &least_task, 2, UNPRIVILEGED, least_stack, sizeof least_stack);
    TASK(logger, NULL, 9, PRIVILEGED, 1024);
    TASK(blinker, (void *)GPIOA_BASE, 8, UNPRIVILEGED, 128);
    TASK(urgent, NULL, 7, UNPRIVILEGED, 128);
    TASK(sampler, NULL, 6, PRIVILEGED, 128);
    TASK(smooth, NULL, 5, UNPRIVILEGED, 256);
    TASK(middle, NULL, 4, UNPRIVILEGED, 128);
    TASK(producer, NULL, 4, UNPRIVILEGED, 128);
    TASK(consumer, NULL, 3, UNPRIVILEGED, 128);
    TASK(impatient, NULL, 3, UNPRIVILEGED, 128);
    TASK(coarse, NULL, 1, UNPRIVILEGED, 256);
    TASK(sharer, (void *)0, 1, UNPRIVILEGED, 128);
    TASK(sharer, (void *)1, 1, UNPRIVILEGED, 128);
    TASK(doomed, NULL, 1, UNPRIVILEGED, 256);
    TASK(short_lived, NULL, 1, UNPRIVILEGED, 128);
    kernel_start();
}
