/*
 * A small pre-emptive kernel: tasks with priorities on the process stack, switched by PendSV, asking for everything by
 * SVC, so that they may run without privilege.
 *
 * A larger number is a more urgent priority. Times are ticks of a millisecond. What blocks may end with a timeout; its
 * result is nonzero for success. Interrupts of priority INTERRUPT_CEILING and less urgent ones may call the functions
 * that end in _from_interrupt.
 */

#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

#define FOREVER 0xFFFFFFFFu
#define MAX_TASKS 16u
#define QUEUE_LENGTH 4u
#define TICK_CYCLES 160000u
#define INTERRUPT_CEILING 0x80u

enum privilege { PRIVILEGED = 0, UNPRIVILEGED = 1 };

struct task;

/* Tasks that wait, the most urgent first and the longest waiting first among equals. */
struct waiters {
    struct task *first;
};

struct task {
    uint32_t *stack_pointer; /* offset 0, known to the switch */
    uint32_t *stack_limit;   /* offset 4, known to the switch */
    uint32_t control;        /* offset 8, known to the switch */
    uint32_t priority;       /* as it is now: inherited or its own */
    uint32_t own_priority;
    struct task *next; /* of those that wait for the same thing */
    struct waiters *waits_for;
    struct mutex *wants;
    struct mutex *holds;
    uint32_t wake_at;
    int timed;
    int ready;
    int over; /* it has ended or was killed */
    uint32_t *value_out;
    uint32_t value;
    uint32_t turn; /* among equals, who waits longest goes first */
    uint32_t switches;
    uint32_t result;
};

struct mutex {
    struct waiters waiters;
    struct task *owner;
    struct mutex *next_held;
};

struct semaphore {
    struct waiters waiters;
    uint32_t count;
};

struct queue {
    struct waiters receivers;
    struct waiters senders;
    uint32_t values[QUEUE_LENGTH];
    uint32_t first;
    uint32_t count;
};

/* Before the start. The stack's size is in bytes, a multiple of 8. */
void task_create(struct task *task, void (*body)(void *), void *argument, uint32_t priority, enum privilege privilege,
                 void *stack, uint32_t size);
void kernel_start(void) __attribute__((noreturn));

/* For tasks. */
uint32_t ticks_now(void);
void task_yield(void);
void task_end(void) __attribute__((noreturn));
void delay_until(uint32_t tick);
uint32_t mutex_lock(struct mutex *mutex, uint32_t timeout);
uint32_t mutex_unlock(struct mutex *mutex);
uint32_t semaphore_take(struct semaphore *semaphore, uint32_t timeout);
void semaphore_give(struct semaphore *semaphore);
uint32_t queue_send(struct queue *queue, uint32_t value, uint32_t timeout);
uint32_t queue_receive(struct queue *queue, uint32_t *value, uint32_t timeout);

/* For interrupts. */
void semaphore_give_from_interrupt(struct semaphore *semaphore);

/* What the kernel counts. */
struct kernel_counters {
    uint32_t ticks;
    uint32_t switches;
    uint32_t supervisor_calls;
    uint32_t pre_emptions; /* a task was switched away from that could have gone on */
    uint32_t inherited;
    uint32_t stack_overflows;
    uint32_t sleeps;
    uint32_t ticks_slept; /* over and above one for each sleep */
};
extern struct kernel_counters kernel_counters;
extern struct task *volatile kernel_current;

/* Called for a broken promise of the kernel; the application defines it. */
void kernel_panic(uint32_t code) __attribute__((noreturn));

#endif
