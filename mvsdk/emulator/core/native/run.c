/* The loop that runs a guest: exceptions between instructions, sleep, deadlines, stops; and reset. */
#include "core.h"

#include <string.h>

enum { SLICE = 1 << 24, TURNS = 1 << 12 };

/* Work off what called for attention; STOP_POLL when the run goes on. */
static mv_stop attend(mv_core *core) {
    const uint32_t attention = core->attention;
    if (attention & ATT_CODE)
        mv_forget_code(core);
    else if (attention & ATT_STALE)
        mv_forget_stale_code(core);
    core->attention = 0;
    if (core->s.reset_requested && (attention & ATT_ABORT) == 0) {
        core->s.reset_requested = 0;
        return STOP_RESET;
    }
    if (attention & ATT_ABORT) {
        /* The instruction will be executed again, and its accesses be made again. */
        core->s.hit.pending = core->s.dwt_data_event = 0;
        return STOP_ABORT;
    }
    return attention & ATT_HALT ? STOP_HALTED : STOP_POLL;
}

/* What debugging makes of the instructions and the time until now; STOP_POLL when the run goes on. */
static mv_stop look_after_debug(mv_core *core) {
    mv_state *const s = &core->s;
    if (UNLIKELY(s->dwt_match_at != 0 && s->cycle >= s->dwt_match_at)) mv_dwt_cycle_match(core);
    if (UNLIKELY(s->dwt_data_event)) {
        s->dwt_data_event = 0;
        mv_debug_event(core, DFSR_DWTTRAP);
    }
    if (UNLIKELY(s->hit.pending)) {
        core->last_hit = s->hit;
        s->hit = (mv_hit){0};
        return STOP_WATCHPOINT;
    }
    return mv_is_halted(core) ? STOP_DEBUG : STOP_POLL;
}

/* When the cycle counter will next match. */
static uint64_t next_match(const mv_core *core) { return core->s.dwt_match_at != 0 ? core->s.dwt_match_at : UINT64_MAX; }

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* What would end a sleep, were it pending: WFI does not mind PRIMASK (DDI0553, WaitForInterrupt). */
static bool would_wake(mv_core *core, uint32_t number) {
    const uint32_t primask = core->s.primask;
    if (core->s.sleeping == 1) core->s.primask = 0;
    const bool wake = mv_can_take(core, number);
    core->s.primask = primask;
    return wake;
}

/* When something of the core's own will end the sleep: the timer, or a debug event; UINT64_MAX for never. */
uint64_t mv_wake_cycle(mv_core *core) {
    const bool by_event = core->s.sleeping == 2 && (core->s.scr & SCR_SEVONPEND) != 0;
    const bool by_tick = by_event || (would_wake(core, EXC_SYSTICK) && !mv_masks_interrupts(core));
    const uint64_t tick = by_tick ? mv_next_tick(core) : UINT64_MAX;
    return mv_debug_listens(core) ? earlier(tick, next_match(core)) : tick;
}

static bool would_wake_now(mv_core *core) { return core->pending_words != 0 && would_wake(core, mv_highest_pending(core)); }

/* WFI wakes for what would be taken if PRIMASK were clear; WFE for what can be taken, or an event. */
static bool wakes(mv_core *core) {
    if (core->s.sleeping == 2 && core->s.event) {
        core->s.event = 0;
        return true;
    }
    return would_wake_now(core);
}

/* Asleep: awake now, later at a time that the timer sets, or not before `until`. */
static bool sleep_on(mv_core *core, uint64_t until) {
    if (wakes(core)) {
        core->s.sleeping = 0;
        mv_note_deed(core, DID_WAKE, core->s.ipsr);
        return true;
    }
    const uint64_t event = mv_wake_cycle(core);
    if (event >= until) return false;
    core->s.cycle = event;
    return true;
}

/* A BKPT is stepped over as if it were a NOP. */
static bool step_over_bkpt(mv_core *core) {
    uint32_t halfword;
    if (!core->s.thumb || !mv_fetch(core, core->s.pc, &halfword) || halfword >> 8 != 0xBE) return false;
    if (core->observed) mv_observe_one(core, core->s.pc, core->s.cycle);
    core->s.pc += 2;
    core->s.it = mv_it_advance(core->s.it);
    core->s.cycle++;
    return true;
}

/* A fault that cannot be taken ends the run; what the instruction had accessed is accessed again. */
static mv_stop after_fault(mv_core *core, bool taken) {
    if (taken) return STOP_POLL;
    core->s.hit.pending = core->s.dwt_data_event = 0;
    return STOP_FAULT;
}

static mv_stop execute_block(mv_core *core, uint64_t limit, mv_block *only);

/* Execute the instruction at the PC, whatever lies in wait there, and with `alone` no other. */
static mv_stop execute_past(mv_core *core, uint64_t until, bool alone) {
    mv_block *const only = mv_decode(core, 1, true);
    if (only == NULL) return after_fault(core, mv_take_fault(core));
    return execute_block(core, alone ? core->s.cycle + 1 : until, only);
}

static bool is_bkpt(mv_core *core) {
    uint32_t halfword;
    return core->s.thumb && mv_fetch(core, core->s.pc, &halfword) && halfword >> 8 == 0xBE;
}

/* Comparators at the instruction at the PC: true where one of them, or the BKPT that it is, makes an event that is taken. */
static bool take_event(mv_core *core, bool bkpt) {
    const bool found = mv_fpb_matches(core, core->s.pc);
    if (mv_dwt_match_instruction(core, core->s.pc) && mv_debug_event(core, DFSR_DWTTRAP)) return true;
    return (found || bkpt) && mv_debug_event(core, DFSR_BKPT);
}

/* At a breakpoint of the seam, at an instruction that a comparator finds, or at a BKPT. Comparators that nobody listens to
 * only note their match. */
static mv_stop at_breakpoint(mv_core *core, uint64_t limit) {
    if (!mv_is_breakpoint(core, core->s.pc)) {
        const bool bkpt = is_bkpt(core);
        if (take_event(core, bkpt)) return STOP_POLL;
        if (!bkpt) return execute_past(core, limit, true);
    }
    core->stepped_breakpoint = core->s.pc | 1;
    return STOP_BREAKPOINT;
}

static mv_stop execute_block(mv_core *core, uint64_t limit, mv_block *only) {
    core->began = core->s.cycle;
    const mv_exit exit = core->observed ? mv_execute_observed(core, limit, only) : mv_execute(core, limit, only);
    if (core->s.cycle != core->began) {
        core->s.dhcsr |= DHCSR_S_RETIRE_ST;
        core->progressed = true;
    }
    switch (exit) {
    case EXIT_FAULT:
        if (core->attention & ATT_ABORT) return STOP_POLL;
        return after_fault(core, mv_take_fault(core));
    case EXIT_SVC: return after_fault(core, mv_take_svc(core));
    case EXIT_EXCEPTION_RETURN: return after_fault(core, mv_return_from_exception(core));
    case EXIT_GATEWAY: return STOP_GATEWAY;
    case EXIT_SLEEP:
        core->counters.sleeps++;
        mv_note_deed(core, DID_SLEEP, core->s.ipsr);
        return STOP_POLL;
    case EXIT_BREAKPOINT: return at_breakpoint(core, limit);
    default: return STOP_POLL;
    }
}

static bool steps(const mv_core *core) {
    const uint32_t both = DHCSR_C_DEBUGEN | DHCSR_C_STEP;
    return (core->s.dhcsr & both) == both;
}

/* Execute until something ends a block; one instruction with `alone`. */
static mv_stop execute_once(mv_core *core, uint64_t until, bool alone) {
    const bool past = core->stepped_breakpoint == (core->s.pc | 1);
    const uint64_t slice = core->s.cycle + SLICE, event = earlier(mv_next_tick(core), next_match(core));
    const uint64_t limit = alone ? core->s.cycle + 1 : earlier(earlier(event, until), slice);
    core->stepped_breakpoint = 0;
    if (!past) return execute_block(core, limit, NULL);
    if (core->s.thumb && mv_is_gateway(core, core->s.pc)) return STOP_GATEWAY;
    if (UNLIKELY(core->compares) && core->s.thumb && take_event(core, false)) return STOP_POLL;
    if (!step_over_bkpt(core)) return execute_past(core, limit, alone);
    core->s.dhcsr |= DHCSR_S_RETIRE_ST;
    core->progressed = true;
    return STOP_POLL;
}

/* DebugMonitor, or Debug state, after the one instruction that may be executed under it. */
static mv_stop execute_watched(mv_core *core, uint64_t until) {
    const bool monitored = (core->s.demcr & DEMCR_MON_STEP) != 0 && mv_monitor_may_step(core), halts = steps(core);
    const mv_stop stop = execute_once(core, until, monitored || halts || core->alone);
    if (monitored && core->progressed) {
        core->s.dfsr |= DFSR_HALTED;
        mv_pend(core, EXC_DEBUG);
    }
    return stop;
}

/* One turn of the run: what stops it, or STOP_POLL to go on. */
static mv_stop turn(mv_core *core, uint64_t until) {
    mv_stop stop = core->attention != 0 || core->s.reset_requested ? attend(core) : STOP_POLL;
    if (stop == STOP_POLL) stop = look_after_debug(core);
    if (stop != STOP_POLL) return stop;
    mv_systick_sync(core);
    if (core->s.cycle >= until && (core->s.sleeping == 0 || would_wake_now(core))) return STOP_DEADLINE;
    if (core->s.sleeping) {
        if (!sleep_on(core, until)) return STOP_IDLE;
        if (core->s.sleeping) return STOP_POLL;
    }
    const uint32_t number = mv_exception_to_take(core);
    if (number != 0) return after_fault(core, mv_enter_exception(core, number));
    core->attention = 0;
    return execute_watched(core, until);
}

/* A turn, with what stepping makes of it: after an instruction or an exception's entry a halt, or the end of the step. */
static mv_stop whole_turn(mv_core *core, uint64_t until) {
    core->progressed = false;
    core->fault_status = 0;
    const bool halts = steps(core);
    const mv_stop stop = turn(core, until);
    if (!core->progressed) return stop;
    if (halts && !mv_is_halted(core)) mv_enter_debug_state(core, DFSR_HALTED);
    return stop == STOP_POLL && core->alone ? STOP_STEPPED : stop;
}

static mv_stop run_turns(mv_core *core, uint64_t until) {
    uint32_t turns = 0;
    mv_distrust_exposed(core);
    for (;;) {
        const uint64_t before = core->s.cycle;
        const mv_stop stop = whole_turn(core, until);
        if (stop != STOP_POLL) return stop;
        if ((++turns >= TURNS || core->s.cycle - before >= SLICE) && core->poll != NULL) {
            turns = 0;
            if (!core->poll(core)) return STOP_ABORT;
        }
    }
}

/* Run to a cycle, or until something stops the guest first. The state afterwards is the same however a run was cut. */
mv_stop mv_run(mv_core *core, uint64_t until) {
    const mv_stop stop = run_turns(core, until < LAST_CYCLE ? until : LAST_CYCLE);
    mv_systick_sync(core);
    core->counters.gateway_stops += stop == STOP_GATEWAY;
    return stop;
}

/* Execute one instruction, past a breakpoint of the seam on it, or take one exception; with `masked` no interrupt. What stops a
 * run stops this too. Of a sleep that the core's own timer ends it is the end and what comes then. */
mv_stop mv_step(mv_core *core, bool masked) {
    const uint32_t stepped = core->stepped_breakpoint;
    core->masked = masked;
    core->alone = true;
    if (mv_is_breakpoint(core, core->s.pc)) core->stepped_breakpoint = core->s.pc | 1;
    const uint32_t armed = core->stepped_breakpoint;
    const mv_stop stop = mv_run(core, LAST_CYCLE);
    core->masked = core->alone = false;
    /* Where an exception came first the breakpoint has not been passed. */
    if (core->stepped_breakpoint == armed) core->stepped_breakpoint = stepped;
    if (stop != STOP_STEPPED) return stop;
    const mv_stop more = core->attention & (ATT_ABORT | ATT_HALT) ? STOP_POLL : look_after_debug(core);
    return more == STOP_POLL ? stop : more;
}

void mv_skip_to(mv_core *core, uint64_t cycle) {
    if (cycle > LAST_CYCLE) cycle = LAST_CYCLE;
    if (cycle <= core->s.cycle) return;
    mv_systick_sync(core);
    if (mv_is_halted(core)) {
        mv_dwt_pass_halted(core, cycle - core->s.cycle);
        core->s.syst_base = cycle;
    }
    core->s.cycle = cycle;
    mv_systick_sync(core);
}

/* False where the table is not in memory. */
bool mv_reset(mv_core *core, uint32_t vector_table) {
    mv_state *const s = &core->s;
    const mv_state before = *s;
    const uint64_t cycle = s->cycle;
    uint32_t words[2], line[EXCEPTION_WORDS];
    uint8_t bytes[8];
    if (!mv_debug_copy(core, vector_table, bytes, sizeof bytes, false)) return false;
    for (uint32_t i = 0; i < 2; i++)
        words[i] = bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 | (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
    /* Interrupt lines are driven from outside: what is high stays high, and pending. */
    memcpy(line, s->line, sizeof line);
    memset(s, 0, sizeof *s);
    memcpy(s->line, line, sizeof line);
    memcpy(s->pending, line, sizeof line);
    mv_find_words(core);
    s->cycle = s->syst_base = cycle;
    s->vtor = vector_table;
    mv_scs_reset(core);
    s->r[R_SP] = words[0] & ~3u;
    s->r[R_LR] = ~0u;
    s->pc = words[1] & ~1u;
    s->thumb = words[1] & 1;
    s->z = 1;
    core->attention &= ATT_CODE | ATT_STALE;
    core->stepped_breakpoint = 0;
    mv_fp_refresh(core);
    mv_debug_reset(core, &before);
    return true;
}
