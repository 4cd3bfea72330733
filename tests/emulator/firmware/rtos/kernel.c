#include "kernel.h"

#include <stddef.h>

#include "stm32u585.h"

#define ICSR_PENDSVSET (1u << 28)
#define ICSR_PENDSTSET (1u << 26)
#define ICSR_PENDSTCLR (1u << 25)
#define CFSR_STKOF (1u << 20)
#define SHCSR_USGFAULTENA (1u << 18)
#define EXC_RETURN_THREAD_PSP 0xFFFFFFBCu
#define CONTROL_SPSEL 2u
#define TOP_OF_XPSR 0x01000000u
#define SYSTICK_ON 7u

enum service { YIELD, END, DELAY, LOCK, UNLOCK, TAKE, GIVE, SEND, RECEIVE };
enum panic { NOT_OWNER = 100, NOTHING_READY, BAD_SERVICE, BAD_FAULT, RELEASED_TWICE };

struct kernel_counters kernel_counters;
struct task *volatile kernel_current;
static struct task *tasks[MAX_TASKS];
static uint32_t task_count, next_turn;
static struct task nobody; /* what the switch saves for a task that was killed */

/* -- critical sections: interrupts above the ceiling go on ---------------------------------------------------------- */

static inline uint32_t mask(void)
{
    uint32_t before;
    __asm volatile("mrs %0, basepri\n\tmsr basepri_max, %1\n\tisb" : "=&r"(before) : "r"(INTERRUPT_CEILING) : "memory");
    return before;
}

static inline void unmask(uint32_t before)
{
    __asm volatile("msr basepri, %0\n\tisb" ::"r"(before) : "memory");
}

static void request_switch(void)
{
    SCB->ICSR = ICSR_PENDSVSET;
    __DSB();
}

/* -- who runs ------------------------------------------------------------------------------------------------------- */

static struct task *most_urgent(void)
{
    struct task *best = NULL;
    for (uint32_t i = 0; i < task_count; i++) {
        struct task *each = tasks[i];
        if (each->ready && (best == NULL || each->priority > best->priority ||
                            (each->priority == best->priority && (int32_t)(each->turn - best->turn) < 0))) {
            best = each;
        }
    }
    if (best == NULL) { kernel_panic(NOTHING_READY); }
    return best;
}

static void make_ready(struct task *task)
{
    task->ready = 1;
    task->timed = 0;
    task->waits_for = NULL;
    task->wants = NULL;
    task->turn = next_turn++;
    if (kernel_current == NULL || task->priority > kernel_current->priority) { request_switch(); }
}

static void unlink(struct task *task)
{
    struct task **link = &task->waits_for->first;
    while (*link != task) { link = &(*link)->next; }
    *link = task->next;
}

static void enqueue(struct task *task, struct waiters *waiters)
{
    struct task **link = &waiters->first;
    while (*link != NULL && (*link)->priority >= task->priority) { link = &(*link)->next; }
    task->next = *link;
    *link = task;
    task->waits_for = waiters;
}

static struct task *dequeue(struct waiters *waiters)
{
    struct task *task = waiters->first;
    if (task != NULL) { waiters->first = task->next; }
    return task;
}

static void block(struct task *task, struct waiters *waiters, uint32_t timeout)
{
    task->ready = 0;
    task->result = 0;
    task->timed = timeout != FOREVER;
    task->wake_at = kernel_counters.ticks + timeout;
    if (waiters != NULL) { enqueue(task, waiters); }
    request_switch();
}

/* -- priority inheritance --------------------------------------------------------------------------------------------- */

static void set_priority(struct task *task, uint32_t priority)
{
    task->priority = priority;
    if (task->waits_for != NULL) {
        struct waiters *waiters = task->waits_for;
        unlink(task);
        enqueue(task, waiters);
    }
}

/* The owner is as urgent as the most urgent task that waits for it, and so is whom the owner waits for. */
static void inherit(struct mutex *mutex)
{
    while (mutex != NULL && mutex->waiters.first != NULL && mutex->owner->priority < mutex->waiters.first->priority) {
        kernel_counters.inherited++;
        set_priority(mutex->owner, mutex->waiters.first->priority);
        mutex = mutex->owner->wants;
    }
}

static void disinherit(struct task *task)
{
    uint32_t priority = task->own_priority;
    for (struct mutex *held = task->holds; held != NULL; held = held->next_held) {
        if (held->waiters.first != NULL && held->waiters.first->priority > priority) {
            priority = held->waiters.first->priority;
        }
    }
    set_priority(task, priority);
}

static void own(struct mutex *mutex, struct task *task)
{
    mutex->owner = task;
    mutex->next_held = task->holds;
    task->holds = mutex;
}

static uint32_t lock(struct mutex *mutex, uint32_t timeout)
{
    struct task *task = kernel_current;
    if (mutex->owner == NULL) {
        own(mutex, task);
        return 1;
    }
    if (timeout == 0) { return 0; }
    block(task, &mutex->waiters, timeout);
    task->wants = mutex;
    inherit(mutex);
    return 0;
}

static uint32_t unlock(struct mutex *mutex)
{
    struct task *task = kernel_current;
    if (mutex->owner != task) { kernel_panic(NOT_OWNER); }
    struct mutex **link = &task->holds;
    while (*link != mutex) { link = &(*link)->next_held; }
    *link = mutex->next_held;
    mutex->owner = NULL;
    struct task *next = dequeue(&mutex->waiters);
    disinherit(task);
    if (next != NULL) {
        own(mutex, next);
        next->result = 1;
        make_ready(next);
        disinherit(next);
    }
    request_switch();
    return 1;
}

/* -- semaphores and queues -------------------------------------------------------------------------------------------- */

static uint32_t take(struct semaphore *semaphore, uint32_t timeout)
{
    if (semaphore->count > 0) {
        semaphore->count--;
        return 1;
    }
    if (timeout != 0) { block(kernel_current, &semaphore->waiters, timeout); }
    return 0;
}

static void give(struct semaphore *semaphore)
{
    struct task *next = dequeue(&semaphore->waiters);
    if (next == NULL) {
        semaphore->count++;
        return;
    }
    next->result = 1;
    make_ready(next);
}

static void put(struct queue *queue, uint32_t value)
{
    queue->values[(queue->first + queue->count++) % QUEUE_LENGTH] = value;
}

static uint32_t get(struct queue *queue)
{
    const uint32_t value = queue->values[queue->first];
    queue->first = (queue->first + 1) % QUEUE_LENGTH;
    queue->count--;
    return value;
}

static uint32_t send(struct queue *queue, uint32_t value, uint32_t timeout)
{
    struct task *receiver = dequeue(&queue->receivers);
    if (receiver != NULL) {
        *receiver->value_out = value;
        receiver->result = 1;
        make_ready(receiver);
        return 1;
    }
    if (queue->count < QUEUE_LENGTH) {
        put(queue, value);
        return 1;
    }
    if (timeout != 0) {
        kernel_current->value = value;
        block(kernel_current, &queue->senders, timeout);
    }
    return 0;
}

static uint32_t receive(struct queue *queue, uint32_t *value, uint32_t timeout)
{
    if (queue->count > 0) {
        *value = get(queue);
        struct task *sender = dequeue(&queue->senders);
        if (sender != NULL) {
            put(queue, sender->value);
            sender->result = 1;
            make_ready(sender);
        }
        return 1;
    }
    if (timeout != 0) {
        kernel_current->value_out = value;
        block(kernel_current, &queue->receivers, timeout);
    }
    return 0;
}

void semaphore_give_from_interrupt(struct semaphore *semaphore)
{
    const uint32_t before = mask();
    give(semaphore);
    unmask(before);
}

/* -- time ------------------------------------------------------------------------------------------------------------- */

static void wake_sleepers(void)
{
    for (uint32_t i = 0; i < task_count; i++) {
        struct task *each = tasks[i];
        if (!each->ready && each->timed && (int32_t)(kernel_counters.ticks - each->wake_at) >= 0) {
            struct mutex *wanted = each->wants;
            if (each->waits_for != NULL) { unlink(each); }
            make_ready(each);
            if (wanted != NULL) {
                disinherit(wanted->owner);
                request_switch(); /* the owner may be who runs, and no longer the most urgent */
            }
        }
    }
}

/* Equals take turns, one tick each. */
static void take_turns(void)
{
    struct task *task = kernel_current;
    if (task->ready) { task->turn = next_turn++; }
    for (uint32_t i = 0; i < task_count; i++) {
        if (tasks[i] != task && tasks[i]->ready && tasks[i]->priority == task->priority) { request_switch(); }
    }
}

static void advance(uint32_t count)
{
    const uint32_t before = mask();
    kernel_counters.ticks += count;
    wake_sleepers();
    take_turns();
    unmask(before);
}

void SysTick_Handler(void)
{
    advance(1);
}

/* -- sleeping --------------------------------------------------------------------------------------------------------- */

#ifdef TICKLESS

/* Ticks until somebody is due; 0 if somebody is ready now. */
static uint32_t ticks_to_sleep(void)
{
    uint32_t least = 100; /* what 24 bits of SysTick hold at this clock */
    for (uint32_t i = 0; i < task_count; i++) {
        struct task *each = tasks[i];
        if (each->ready && each != kernel_current) { return 0; }
        if (!each->ready && each->timed) {
            const uint32_t left = each->wake_at - kernel_counters.ticks;
            if (left < least) { least = left; }
        }
    }
    return least;
}

/* Stretch the present period over several ticks. The counter goes on where it stood, so no time is lost but the few
   cycles in which it stands still. */
static void sleep_long(uint32_t count)
{
    const uint32_t left = SysTick->VAL;
    SysTick->CTRL = SYSTICK_ON & ~1u;
    if (left == 0 || (SCB->ICSR & ICSR_PENDSTSET) != 0) {
        SysTick->CTRL = SYSTICK_ON;
        return;
    }
    const uint32_t whole = left + (count - 1) * TICK_CYCLES;
    SysTick->LOAD = whole;
    SysTick->VAL = 0;
    SysTick->CTRL = SYSTICK_ON;
    __DSB();
    __WFI();
    __ISB();
    SysTick->CTRL = SYSTICK_ON & ~1u;
    uint32_t passed = count - 1, rest = TICK_CYCLES - (whole - SysTick->VAL); /* it runs on after its end */
    if ((SCB->ICSR & ICSR_PENDSTSET) == 0) { /* something else ended the sleep; the present tick goes on */
        const uint32_t value = SysTick->VAL == 0 ? whole : SysTick->VAL;
        const uint32_t remaining_ticks = (value + TICK_CYCLES - 1) / TICK_CYCLES;
        passed = count - remaining_ticks;
        rest = value - (remaining_ticks - 1) * TICK_CYCLES;
    }
    SysTick->LOAD = rest - (rest > 1);
    SysTick->VAL = 0;
    SysTick->CTRL = SYSTICK_ON;
    SysTick->LOAD = TICK_CYCLES - 1;
    kernel_counters.ticks_slept += passed;
    if (passed > 0) { advance(passed); } /* the last one is SysTick's, which is pending */
}

static void idle(void *unused)
{
    (void)unused;
    for (;;) {
        __disable_irq();
        const uint32_t count = ticks_to_sleep();
        kernel_counters.sleeps++;
        if (count > 1) {
            sleep_long(count);
        } else if (count == 1) {
            __WFI();
        }
        __enable_irq();
        __ISB();
    }
}

#else

static void idle(void *unused)
{
    (void)unused;
    for (;;) {
        kernel_counters.sleeps++;
        __WFI();
    }
}

#endif

/* -- tasks ------------------------------------------------------------------------------------------------------------ */

static uint64_t idle_stack[32];
static struct task idle_task;

void task_create(struct task *task, void (*body)(void *), void *argument, uint32_t priority, enum privilege privilege,
                 void *stack, uint32_t size)
{
    uint32_t *top = (uint32_t *)stack + size / 4;
    *--top = TOP_OF_XPSR;
    *--top = (uint32_t)body & ~1u;
    *--top = (uint32_t)task_end;
    top -= 4; /* r12, r3, r2, r1 */
    *--top = (uint32_t)argument;
    *--top = EXC_RETURN_THREAD_PSP;
    for (uint32_t number = 11; number >= 4; number--) { *--top = number * 0x01010101u; }
    task->stack_pointer = top;
    task->stack_limit = stack;
    task->control = CONTROL_SPSEL | (uint32_t)privilege;
    task->priority = task->own_priority = priority;
    task->ready = 1;
    task->turn = next_turn++;
    tasks[task_count++] = task;
}

/* Called by the switch, with the ceiling raised: count, and say who is next. */
__attribute__((used)) void kernel_choose(void)
{
    struct task *before = kernel_current;
    struct task *next = most_urgent();
    kernel_counters.switches += next != before;
    kernel_counters.pre_emptions += next != before && before->ready;
    if (next != before) { next->switches++; }
    kernel_current = next;
}

/* The hardware has kept half of the task's registers; here is the other half, and s16 to s31 where the task has used
   floating point at all. The store of s16 is what makes the hardware keep s0 to s15. */
__attribute__((naked)) void PendSV_Handler(void)
{
    __asm volatile(
        "    ldr     r3, =kernel_current     \n"
        "    ldr     r2, [r3]                \n"
        "    mrs     r0, psp                 \n"
        "    tst     lr, #0x10               \n"
        "    it      eq                      \n"
        "    vstmdbeq r0!, {s16-s31}         \n"
        "    stmdb   r0!, {r4-r11, lr}       \n"
        "    str     r0, [r2]                \n"
        "    push    {r3, lr}                \n"
        "    movs    r0, %[ceiling]          \n"
        "    msr     basepri, r0             \n"
        "    isb                             \n"
        "    bl      kernel_choose           \n"
        "    movs    r0, #0                  \n"
        "    msr     basepri, r0             \n"
        "    pop     {r3, lr}                \n"
        ".global kernel_resume               \n"
        "kernel_resume:                      \n"
        "    ldr     r2, [r3]                \n"
        "    ldm     r2, {r0, r1, r2}        \n"
        "    msr     psplim, r1              \n"
        "    msr     control, r2             \n"
        "    ldmia   r0!, {r4-r11, lr}       \n"
        "    tst     lr, #0x10               \n"
        "    it      eq                      \n"
        "    vldmiaeq r0!, {s16-s31}         \n"
        "    msr     psp, r0                 \n"
        "    isb                             \n"
        "    bx      lr                      \n"
        "    .ltorg                          \n" ::[ceiling] "i"(INTERRUPT_CEILING));
}

/* A task has come to its stack's limit: it is over, and the others go on. */
__attribute__((used)) void kernel_task_fault(void)
{
    if (SCB->CFSR != CFSR_STKOF) { kernel_panic(BAD_FAULT); }
    SCB->CFSR = CFSR_STKOF;
    kernel_counters.stack_overflows++;
    kernel_current->ready = 0;
    kernel_current->over = 1;
    kernel_current = &nobody;
    request_switch();
}

/* What the switch saves of the dead goes to a stack that nobody looks at. */
static uint64_t grave[32];

__attribute__((naked)) void UsageFault_Handler(void)
{
    __asm volatile(
        "    push    {r4, lr}                \n"
        "    bl      kernel_task_fault       \n"
        "    pop     {r4, lr}                \n"
        "    movs    r0, #0                  \n"
        "    msr     psplim, r0              \n"
        "    ldr     r0, =%c[grave] + 256    \n"
        "    subs    r0, #104                \n"
        "    msr     psp, r0                 \n"
        "    ldr     r1, =%c[idle]           \n" /* a frame to return to, for the one cycle before PendSV */
        "    bic     r1, r1, #1              \n"
        "    str     r1, [r0, #24]           \n"
        "    mov     r1, #0x01000000         \n"
        "    str     r1, [r0, #28]           \n"
        "    orr     lr, lr, #0x10           \n"
        "    bx      lr                      \n"
        "    .ltorg                          \n" ::[grave] "i"(grave),
        [idle] "i"(idle));
}

/* -- supervisor calls ------------------------------------------------------------------------------------------------- */

__attribute__((used)) void kernel_service(uint32_t *frame, uint32_t number)
{
    struct task *task = kernel_current;
    const uint32_t before = mask();
    uint32_t result = 0;
    kernel_counters.supervisor_calls++;
    switch (number) {
    case YIELD:
        task->turn = next_turn++;
        request_switch();
        break;
    case END:
        task->ready = 0;
        task->over = 1;
        request_switch();
        break;
    case DELAY:
        if ((int32_t)(frame[0] - kernel_counters.ticks) > 0) { block(task, NULL, frame[0] - kernel_counters.ticks); }
        break;
    case LOCK: result = lock((struct mutex *)frame[0], frame[1]); break;
    case UNLOCK: result = unlock((struct mutex *)frame[0]); break;
    case TAKE: result = take((struct semaphore *)frame[0], frame[1]); break;
    case GIVE: give((struct semaphore *)frame[0]); break;
    case SEND: result = send((struct queue *)frame[0], frame[1], frame[2]); break;
    case RECEIVE: result = receive((struct queue *)frame[0], (uint32_t *)frame[1], frame[2]); break;
    default: kernel_panic(BAD_SERVICE);
    }
    if (task->ready) { task->result = result; }
    unmask(before);
}

/* The number is in the instruction before the return address. */
__attribute__((naked)) void SVC_Handler(void)
{
    __asm volatile(
        "    tst     lr, #4                  \n"
        "    ite     eq                      \n"
        "    mrseq   r0, msp                 \n"
        "    mrsne   r0, psp                 \n"
        "    ldr     r1, [r0, #24]           \n"
        "    ldrb    r1, [r1, #-2]           \n"
        "    cmp     r1, #255                \n"
        "    beq     1f                      \n"
        "    b       kernel_service          \n"
        "1:  ldr     r3, =kernel_current     \n"
        "    b       kernel_resume           \n"
        "    .ltorg                          \n");
}

#define CALL(number) __asm volatile("svc %1" : "+r"(r0) : "i"(number), "r"(r1), "r"(r2) : "memory")

static inline uint32_t outcome(void)
{
    return kernel_current->result;
}

uint32_t ticks_now(void)
{
    return *(volatile uint32_t *)&kernel_counters.ticks;
}

#define SERVICE(number, first, second, third)                                                                          \
    do {                                                                                                               \
        register uint32_t r0 __asm("r0") = (uint32_t)(first);                                                          \
        register uint32_t r1 __asm("r1") = (uint32_t)(second);                                                         \
        register uint32_t r2 __asm("r2") = (uint32_t)(third);                                                          \
        CALL(number);                                                                                                  \
    } while (0)

void task_yield(void)
{
    SERVICE(YIELD, 0, 0, 0);
}

void task_end(void)
{
    SERVICE(END, 0, 0, 0);
    for (;;) { }
}

void delay_until(uint32_t tick)
{
    SERVICE(DELAY, tick, 0, 0);
}

uint32_t mutex_lock(struct mutex *mutex, uint32_t timeout)
{
    SERVICE(LOCK, mutex, timeout, 0);
    return outcome();
}

uint32_t mutex_unlock(struct mutex *mutex)
{
    SERVICE(UNLOCK, mutex, 0, 0);
    return outcome();
}

uint32_t semaphore_take(struct semaphore *semaphore, uint32_t timeout)
{
    SERVICE(TAKE, semaphore, timeout, 0);
    return outcome();
}

void semaphore_give(struct semaphore *semaphore)
{
    SERVICE(GIVE, semaphore, 0, 0);
}

uint32_t queue_send(struct queue *queue, uint32_t value, uint32_t timeout)
{
    SERVICE(SEND, queue, value, timeout);
    return outcome();
}

uint32_t queue_receive(struct queue *queue, uint32_t *value, uint32_t timeout)
{
    SERVICE(RECEIVE, queue, value, timeout);
    return outcome();
}

/* -- the start -------------------------------------------------------------------------------------------------------- */

void kernel_start(void)
{
    task_create(&idle_task, idle, NULL, 0, PRIVILEGED, idle_stack, sizeof idle_stack);
    NVIC_SetPriority(SVCall_IRQn, 14);
    NVIC_SetPriority(SysTick_IRQn, 14);
    NVIC_SetPriority(PendSV_IRQn, 15);
    SCB->SHCSR |= SHCSR_USGFAULTENA;
    kernel_current = most_urgent();
    kernel_current->switches++;
    SysTick->LOAD = TICK_CYCLES - 1;
    SysTick->VAL = 0;
    SysTick->CTRL = SYSTICK_ON;
    __asm volatile("svc 255");
    __builtin_unreachable();
}
