/* Four tasks with floating-point state of their own, switched by PendSV: when they ask, and by a timer at any moment, whose
 * handler computes with floating point too. On the host the same tasks run one after the other. What each of them prints
 * depends on nobody else, so it is the same. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum { TASKS = 4, ROUNDS = 300 };

static float results[TASKS][3];
static uint32_t counts[TASKS];

static void yield(void);

static uint32_t step(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void task(uint32_t number)
{
    uint32_t state = number * 7919u + 1;
    float chaos = 0.3f + 0.1f * (float)number, sum = 0, root = 2;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t turns = step(&state) % 23;
        for (uint32_t i = 0; i < turns; i++) {
            chaos = 3.75f * chaos * (1.0f - chaos);
            sum += chaos * (float)(int32_t)(step(&state) & 0xFF);
            root = __builtin_sqrtf(root * 1.5f + 1.0f);
        }
        counts[number] += turns;
        if (step(&state) % 3 == 0) { yield(); }
    }
    results[number][0] = chaos;
    results[number][1] = sum;
    results[number][2] = root;
}

static void report(void)
{
    for (uint32_t i = 0; i < TASKS; i++) {
        printf("%u: %.9g %.9g %.9g after %u\n", (unsigned)i, (double)results[i][0], (double)results[i][1],
               (double)results[i][2], (unsigned)counts[i]);
    }
}

#ifdef HOST

static void yield(void) { }

int main(void)
{
    for (uint32_t i = 0; i < TASKS; i++) { task(i); }
    report();
    return 0;
}

#else

#include "stm32u585.h"

#define PENDSVSET (1u << 28)
#define EXC_RETURN_THREAD_PSP 0xFFFFFFBCu

/* The last one is main's, which waits until the others are done. */
static uint64_t stacks[TASKS][160];
static uint32_t *tops[TASKS + 1];
static volatile uint32_t current = TASKS, done;
volatile uint32_t switches, ticks;
volatile float ticked;

static void yield(void)
{
    SCB->ICSR = PENDSVSET;
    __DSB();
    __ISB();
}

static void ended(void)
{
    done++;
    for (;;) { yield(); }
}

__attribute__((used)) uint32_t *next_task(uint32_t *top)
{
    tops[current] = top;
    current = (current + 1) % (TASKS + 1);
    switches++;
    return tops[current];
}

__attribute__((naked)) void PendSV_Handler(void)
{
    __asm volatile(
        "mrs r0, psp\n\t"
        "tst lr, #0x10\n\t"
        "it eq\n\t"
        "vstmdbeq r0!, {s16-s31}\n\t"
        "stmdb r0!, {r4-r11, lr}\n\t"
        "bl next_task\n\t"
        "ldmia r0!, {r4-r11, lr}\n\t"
        "tst lr, #0x10\n\t"
        "it eq\n\t"
        "vldmiaeq r0!, {s16-s31}\n\t"
        "msr psp, r0\n\t"
        "bx lr");
}

/* Comes at ever other distances, computes, and has the tasks switched every other time. */
void SysTick_Handler(void)
{
    static uint32_t state = 99;
    SysTick->LOAD = 60 + step(&state) % 700;
    SysTick->VAL = 0;
    ticked = ticked * 0.5f + (float)(step(&state) & 0xFFF);
    if (ticks++ & 1) { SCB->ICSR = PENDSVSET; }
}

__attribute__((naked)) static void use_process_stack(void)
{
    __asm volatile(
        "mrs r0, msp\n\t"
        "msr psp, r0\n\t"
        "sub r0, #0x400\n\t" /* handlers begin below what main uses */
        "movs r1, #2\n\t"
        "msr control, r1\n\t"
        "isb\n\t"
        "msr msp, r0\n\t"
        "bx lr");
}

int main(void)
{
    for (uint32_t i = 0; i < TASKS; i++) {
        uint32_t *top = (uint32_t *)(stacks[i] + 160);
        *--top = 0x01000000u;
        *--top = (uint32_t)task & ~1u;
        *--top = (uint32_t)ended;
        top -= 4;
        *--top = i;
        *--top = EXC_RETURN_THREAD_PSP;
        tops[i] = top - 8;
    }
    *(volatile uint32_t *)0xE000ED20 = 0xE0F00000; /* SHPR3: PendSV weakest, SysTick above it */
    use_process_stack();
    SysTick->LOAD = 500;
    SysTick->VAL = 0;
    SysTick->CTRL = 7;
    while (done < TASKS) { yield(); }
    SysTick->CTRL = 0;
    report();
    return 0;
}

#endif
