/* Priorities, and the sets of pending and active exceptions. Names in comments are those of the functions of DDI0553's
 * pseudocode. */
#include "core.h"

enum { NOTHING_ACTIVE = 256 };

/* What stepping with interrupts masked still takes: all but PendSV, SysTick and the external ones (DHCSR.C_MASKINTS). */
enum { MASKED_LEAVE = (1 << EXC_PENDSV) - 1 };

/* The bits of an 8-bit priority that decide pre-emption: those above PRIGROUP. */
static int group_mask(const mv_core *core) { return ~((2 << core->s.prigroup) - 1); }

int mv_exception_priority(const mv_core *core, uint32_t number) {
    switch (number) {
    case EXC_RESET: return -4;
    case EXC_NMI: return -2;
    case EXC_HARDFAULT: return -1;
    default: return core->s.priority[number];
    }
}

int mv_group_priority(const mv_core *core, uint32_t number) {
    const int priority = mv_exception_priority(core, number);
    return priority < 0 ? priority : priority & group_mask(core);
}

/* The best group priority of the active exceptions, without the masks (RawExecutionPriority). */
int mv_raw_priority(const mv_core *core) {
    int best = NOTHING_ACTIVE;
    for (uint32_t words = core->active_words; words != 0; words &= words - 1) {
        const uint32_t i = mv_lowest(words);
        for (uint32_t word = core->s.active[i]; word != 0; word &= word - 1) {
            const int priority = mv_group_priority(core, i * 32 + mv_lowest(word));
            if (priority < best) best = priority;
        }
    }
    return best;
}

/* ExecutionPriority: what is active, boosted by BASEPRI, PRIMASK and FAULTMASK. */
int mv_execution_priority(const mv_core *core) {
    int best = mv_raw_priority(core);
    if (core->s.basepri != 0) {
        const int base = (int)core->s.basepri & group_mask(core);
        if (base < best) best = base;
    }
    if (core->s.primask && best > 0) best = 0;
    if (core->s.faultmask && best > -1) best = -1;
    return best;
}

/* Enabled, and stronger than what runs. */
bool mv_can_take(const mv_core *core, uint32_t number) {
    return mv_has(core->s.enabled, number) && mv_group_priority(core, number) < mv_execution_priority(core);
}

/* Of these words of the sets, and in each of the exceptions that `mask` leaves. */
static inline uint32_t choose(const mv_core *core, uint32_t words, uint32_t mask) {
    if (words == 0) return 0;
    const uint32_t only = mv_lowest(words), first = core->s.pending[only] & core->s.enabled[only] & mask;
    if (LIKELY((words & (words - 1)) == 0 && (first & (first - 1)) == 0)) return first == 0 ? 0 : only * 32 + mv_lowest(first);
    uint32_t chosen = 0;
    int best = NOTHING_ACTIVE;
    for (; words != 0; words &= words - 1) {
        const uint32_t i = mv_lowest(words);
        for (uint32_t word = core->s.pending[i] & core->s.enabled[i] & mask; word != 0; word &= word - 1) {
            const uint32_t number = i * 32 + mv_lowest(word);
            const int priority = mv_exception_priority(core, number);
            if (priority < best) {
                best = priority;
                chosen = number;
            }
        }
    }
    return chosen;
}

/* The pending exception to take first: by priority with its sub-priority, then by number; 0 for none. Whether it may be
 * taken is for the caller to compare. */
uint32_t mv_highest_pending(const mv_core *core) {
    const uint32_t words = core->pending_words;
    return UNLIKELY(mv_masks_interrupts(core)) ? choose(core, words & 1, MASKED_LEAVE) : choose(core, words, ~0u);
}

/* The same if it may be taken now, else 0. PRIMASK leaves only those of fixed priority. */
uint32_t mv_best_pending(const mv_core *core) {
    if (core->s.primask && (core->s.pending[0] & (1 << EXC_NMI | 1 << EXC_HARDFAULT)) == 0) return 0;
    const uint32_t number = mv_highest_pending(core);
    return mv_can_take(core, number) ? number : 0;
}

/* Find the words of the sets that hold anything, where whole sets have changed. */
void mv_find_words(mv_core *core) {
    core->pending_words = core->active_words = 0;
    for (uint32_t i = 0; i < EXCEPTION_WORDS; i++) {
        core->pending_words |= (uint32_t)(core->s.pending[i] != 0) << i;
        core->active_words |= (uint32_t)(core->s.active[i] != 0) << i;
    }
}

/* Something that decides which exception runs has changed: one that can be taken now is, at the next instruction boundary. */
void mv_priorities_changed(mv_core *core) {
    if (mv_exception_to_take(core) != 0) core->attention |= ATT_EXCEPTION;
    if (core->s.demcr & DEMCR_MON_STEP) core->attention |= ATT_DEBUG;
}

void mv_pend(mv_core *core, uint32_t number) {
    if (number >= EXC_IRQ0 + core->interrupts) return;
    if (!mv_has(core->s.pending, number) && (core->s.scr & SCR_SEVONPEND)) {
        core->s.event = 1;
        core->attention |= ATT_EXCEPTION;
    }
    mv_set_pending(core, number, true);
    mv_priorities_changed(core);
}

void mv_unpend(mv_core *core, uint32_t number) {
    if (number == EXC_SYSTICK) mv_systick_sync(core); /* what came before goes with it */
    mv_set_pending(core, number, false);
    if (number == EXC_SYSTICK) mv_expect_tick(core);
    /* A line that is still high keeps its interrupt pending. */
    if (number >= EXC_IRQ0 && mv_has(core->s.line, number) && !mv_has(core->s.active, number)) mv_set_pending(core, number, true);
}

void mv_set_enabled(mv_core *core, uint32_t irq, bool on) {
    if (irq >= core->interrupts) return;
    if (on)
        mv_add(core->s.enabled, EXC_IRQ0 + irq);
    else
        mv_drop(core->s.enabled, EXC_IRQ0 + irq);
    mv_priorities_changed(core);
}

void mv_set_line(mv_core *core, uint32_t irq, bool level) {
    const uint32_t number = EXC_IRQ0 + irq;
    if (irq >= core->interrupts) return;
    if (!level) {
        mv_drop(core->s.line, number);
        return;
    }
    const bool rises = !mv_has(core->s.line, number);
    mv_add(core->s.line, number);
    if (rises) mv_pend(core, number);
}
