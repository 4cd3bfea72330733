/*
 * What the ports of public kernels do on a Cortex-M33 without a secure side of their own: probing the priority bits,
 * starting the first task from a supervisor call, critical sections by BASEPRI, suspending the scheduler, stretching the
 * tick over an idle time. Each finding goes into `found`.
 */

#include <stdint.h>

#include "stm32u585.h"

#define ICSR_PENDSVSET (1u << 28)
#define CEILING 0x50u
#define SHPR3 (*(volatile uint32_t *)0xE000ED20)
#define TICK 160000u

struct found {
    uint32_t priority_mask, kernel_priorities, priority_group;
    uint32_t svc_return, control_first, psplim_first, psp_in_stack;
    uint32_t nested, mask_before, mask_inside, ran_inside, ran_after;
    uint32_t ticks_suspended, switches_suspended, pended_ticks, switches_resumed;
    uint32_t expected_idle, slept, woken_early, other_ran;
    uint32_t rounds[2];
};
volatile struct found found;
volatile uint32_t finished;

struct control_block {
    uint32_t *top;
};
static struct control_block blocks[2];
struct control_block *volatile current_block = &blocks[0];
static uint64_t stacks[2][96];
static volatile uint32_t nesting, suspended, pended, yield_pending, ticks;

#ifndef FIRST_RETURN
#define FIRST_RETURN 0xFFFFFFBCu
#endif

/* -- priorities ------------------------------------------------------------------------------------------------------- */

/* Write all ones to a priority byte and see which stay; then check that the mask of urgent ones fits. */
static void probe_priorities(void)
{
    volatile uint8_t *const first = &NVIC->IPR[0];
    const uint8_t before = *first;
    *first = 0xFF;
    found.priority_mask = *first;
    uint32_t group = 7, bits = found.priority_mask;
    while (bits & 0x80u) {
        group--;
        bits = (bits << 1) & 0xFFu;
    }
    found.priority_group = group;
    *first = before;
    SHPR3 |= 0x00FF0000u;
    SHPR3 |= 0xFF000000u;
    found.kernel_priorities = SHPR3;
}

/* -- critical sections ---------------------------------------------------------------------------------------------------- */

static inline uint32_t raise_mask(void)
{
    uint32_t before, new_mask;
    __asm volatile("mrs %0, basepri\n\tmov %1, %2\n\tmsr basepri, %1\n\tisb\n\tdsb"
                   : "=r"(before), "=r"(new_mask)
                   : "i"(CEILING)
                   : "memory");
    return before;
}

static inline void set_mask(uint32_t mask)
{
    __asm volatile("msr basepri, %0\n\tisb\n\tdsb" ::"r"(mask) : "memory");
}

static void enter_critical(void)
{
    (void)raise_mask();
    nesting++;
}

static void leave_critical(void)
{
    if (--nesting == 0) { set_mask(0); }
}

static volatile uint32_t low_ran, high_ran;
void TIM2_IRQHandler(void) { low_ran++; }
void TIM3_IRQHandler(void)
{
    const uint32_t before = raise_mask(); /* as a function for interrupts does */
    found.mask_inside = before;
    set_mask(before);
    high_ran++;
}

static void check_critical(void)
{
    NVIC_SetPriority(TIM2_IRQn, 6);
    NVIC_SetPriority(TIM3_IRQn, 4);
    NVIC_EnableIRQ(TIM2_IRQn);
    NVIC_EnableIRQ(TIM3_IRQn);
    enter_critical();
    enter_critical();
    found.nested = nesting;
    NVIC_SetPendingIRQ(TIM2_IRQn);
    NVIC_SetPendingIRQ(TIM3_IRQn);
    __DSB();
    __ISB();
    found.ran_inside = low_ran << 8 | high_ran;
    leave_critical();
    __asm volatile("mrs %0, basepri" : "=r"(found.mask_before));
    found.ran_inside |= low_ran << 24;
    leave_critical();
    __ISB();
    found.ran_after = low_ran << 8 | high_ran;
}

/* -- switching -------------------------------------------------------------------------------------------------------------- */

__attribute__((used)) void switch_context(void)
{
    if (suspended != 0) {
        yield_pending = 1;
        return;
    }
    yield_pending = 0;
    found.switches_resumed++;
    current_block = current_block == &blocks[0] ? &blocks[1] : &blocks[0];
}

__attribute__((naked)) void PendSV_Handler(void)
{
    __asm volatile("    mrs   r0, psp              \n"
                   "    tst   lr, #0x10            \n"
                   "    it    eq                   \n"
                   "    vstmdbeq r0!, {s16-s31}    \n"
                   "    mrs   r2, psplim           \n"
                   "    mov   r3, lr               \n"
                   "    stmdb r0!, {r2-r11}        \n"
                   "    ldr   r2, =current_block   \n"
                   "    ldr   r1, [r2]             \n"
                   "    str   r0, [r1]             \n"
                   "    mov   r0, %0               \n"
                   "    msr   basepri, r0          \n"
                   "    dsb                        \n"
                   "    isb                        \n"
                   "    bl    switch_context       \n"
                   "    mov   r0, #0               \n"
                   "    msr   basepri, r0          \n"
                   "    ldr   r2, =current_block   \n"
                   "    ldr   r1, [r2]             \n"
                   "    ldr   r0, [r1]             \n"
                   "    ldmia r0!, {r2-r11}        \n"
                   "    tst   r3, #0x10            \n"
                   "    it    eq                   \n"
                   "    vldmiaeq r0!, {s16-s31}    \n"
                   "    msr   psplim, r2           \n"
                   "    msr   psp, r0              \n"
                   "    bx    r3                   \n"
                   "    .ltorg                     \n" ::"i"(CEILING));
}

/* The first task: its limit, thread mode on PSP chosen from handler mode, its frame without the registers above it. */
__attribute__((naked)) void SVC_Handler(void)
{
    __asm volatile("    ldr   r3, =found           \n"
                   "    str   lr, [r3, %0]         \n"
                   "    ldr   r2, =current_block   \n"
                   "    ldr   r1, [r2]             \n"
                   "    ldr   r0, [r1]             \n"
                   "    ldm   r0!, {r1-r2}         \n"
                   "    msr   psplim, r1           \n"
                   "    movs  r1, #2               \n"
                   "    msr   control, r1          \n"
                   "    adds  r0, #32              \n"
                   "    msr   psp, r0              \n"
                   "    isb                        \n"
                   "    mov   r0, #0               \n"
                   "    msr   basepri, r0          \n"
                   "    bx    r2                   \n"
                   "    .ltorg                     \n" ::"i"(__builtin_offsetof(struct found, svc_return)));
}

void SysTick_Handler(void)
{
    const uint32_t before = raise_mask();
    if (suspended != 0) {
        pended++;
    } else {
        ticks++;
        SCB->ICSR = ICSR_PENDSVSET;
    }
    set_mask(before);
}

static void yield(void)
{
    SCB->ICSR = ICSR_PENDSVSET;
    __asm volatile("dsb" ::: "memory");
    __asm volatile("isb");
}

/* -- suspending the scheduler -------------------------------------------------------------------------------------------------- */

static void check_suspension(void)
{
    const uint32_t switches = found.switches_resumed, tick = ticks;
    suspended++;
    for (const uint32_t start = pended; pended - start < 3;) { }
    yield();
    found.ticks_suspended = ticks - tick;
    found.switches_suspended = found.switches_resumed - switches;
    enter_critical();
    suspended--;
    found.pended_ticks = pended;
    ticks += pended;
    pended = 0;
    if (yield_pending) { SCB->ICSR = ICSR_PENDSVSET; }
    leave_critical();
    __ISB();
    found.switches_resumed -= switches;
}

/* -- sleeping over several ticks -------------------------------------------------------------------------------------------------- */

/* Stop the timer, stretch its period, sleep with interrupts masked by PRIMASK, and find out from COUNTFLAG and the
   counter how many ticks went by. Returns that number. */
static uint32_t suppress_ticks(uint32_t expected)
{
    uint32_t completed;
    uint32_t reload = SysTick->VAL + TICK * (expected - 1);
    __asm volatile("cpsid i" ::: "memory");
    __DSB();
    __ISB();
    SysTick->CTRL = 4u | 2u;
    SysTick->LOAD = reload;
    SysTick->VAL = 0;
    SysTick->CTRL |= 1u;
    __DSB();
    __WFI();
    __ISB();
    __asm volatile("cpsie i" ::: "memory");
    __DSB();
    __ISB();
    __asm volatile("cpsid i" ::: "memory");
    __DSB();
    __ISB();
    SysTick->CTRL = 4u | 2u;
    if (SysTick->CTRL & SysTick_CTRL_COUNTFLAG_Msk) {
        const uint32_t rest = (TICK - 1) - (reload - SysTick->VAL);
        SysTick->LOAD = rest <= TICK && rest > 0 ? rest : TICK - 1;
        completed = expected - 1;
    } else {
        const uint32_t decrements = expected * TICK - SysTick->VAL;
        completed = decrements / TICK;
        SysTick->LOAD = (completed + 1) * TICK - decrements;
    }
    SysTick->VAL = 0;
    SysTick->CTRL |= 1u;
    ticks += completed;
    SysTick->LOAD = TICK - 1;
    __asm volatile("cpsie i" ::: "memory");
    return completed;
}

/* A timer that fires once, 7.5 ms from now. */
static volatile uint32_t fired;
void TIM6_IRQHandler(void)
{
    *(volatile uint32_t *)(TIM6_BASE + 0x10) = 0;
    fired++;
}

static void fire_later(void)
{
    *(volatile uint32_t *)(TIM6_BASE + 0x28) = 15999;
    *(volatile uint32_t *)(TIM6_BASE + 0x2C) = 74;
    *(volatile uint32_t *)(TIM6_BASE + 0x00) = 8;
    *(volatile uint32_t *)(TIM6_BASE + 0x14) = 1;
    *(volatile uint32_t *)(TIM6_BASE + 0x10) = 0;
    *(volatile uint32_t *)(TIM6_BASE + 0x0C) = 1;
    NVIC_SetPriority(TIM6_IRQn, 7);
    NVIC_EnableIRQ(TIM6_IRQn);
    *(volatile uint32_t *)(TIM6_BASE + 0x00) = 9;
}

static void check_sleep(void)
{
    while (SysTick->VAL < TICK / 2) { } /* the beginning of a tick leaves the whole of the next ones */
    while (SysTick->VAL > TICK / 2) { }
    found.expected_idle = 20;
    found.slept = suppress_ticks(20);
    fire_later();
    found.woken_early = suppress_ticks(20);
    found.other_ran = fired;
}

/* -- two tasks --------------------------------------------------------------------------------------------------------------------- */

static void first(void)
{
    uint32_t value;
    __asm volatile("mrs %0, control" : "=r"(value));
    found.control_first = value & 3u;
    __asm volatile("mrs %0, psplim" : "=r"(value));
    found.psplim_first = value == (uint32_t)stacks[0];
    __asm volatile("mrs %0, psp" : "=r"(value));
    found.psp_in_stack = value > (uint32_t)stacks[0] && value <= (uint32_t)(stacks[0] + 96);
    check_critical();
    for (uint32_t i = 0; i < 10; i++) {
        found.rounds[0]++;
        yield();
    }
    check_suspension();
    suspended = 1;
    SysTick->CTRL = 4u | 2u | 1u;
    check_sleep();
    finished = 1;
    __asm volatile("cpsid i");
    for (;;) { __WFI(); }
}

static void second(void)
{
    for (volatile float sum = 0.5f;; sum += 0.5f) {
        found.rounds[1]++;
        yield();
    }
}

static void prepare(uint32_t number, void (*body)(void))
{
    uint32_t *top = (uint32_t *)(stacks[number] + 96);
    *--top = 0x01000000u;
    *--top = (uint32_t)body;
    *--top = 0;
    top -= 5;
    top -= 8;
    *--top = FIRST_RETURN;
    *--top = (uint32_t)stacks[number];
    blocks[number].top = top;
}

__attribute__((naked, noreturn)) static void start_first(void)
{
    __asm volatile("    ldr  r0, =0xE000ED08       \n"
                   "    ldr  r0, [r0]              \n"
                   "    ldr  r0, [r0]              \n"
                   "    msr  msp, r0               \n"
                   "    cpsie i                    \n"
                   "    cpsie f                    \n"
                   "    dsb                        \n"
                   "    isb                        \n"
                   "    svc  #102                  \n"
                   "    nop                        \n"
                   "    .ltorg                     \n");
}

int main(void)
{
    probe_priorities();
    prepare(0, first);
    prepare(1, second);
    (void)raise_mask();
    NVIC_SetPriority(SVCall_IRQn, 0);
    SysTick->CTRL = 0;
    SysTick->VAL = 0;
    SysTick->LOAD = TICK - 1;
    SysTick->CTRL = 4u | 2u | 1u;
    start_first();
}
