/* Debug state, debug events, and the registers of CoreDebug (DDI0553: DHCSR, DCRSR, DCRDR, DEMCR, DFSR).
 *
 * An event halts the core where a debugger has set C_DEBUGEN, else raises DebugMonitor where the guest has enabled it and it is
 * strong enough, else nothing. Secure debug is off, as on a device in the field: so DEMCR.SDME is 0, the monitor is the
 * non-secure side's, and the secure side's registers read as zero, to the debugger too.
 */
#include "core.h"

enum { DBGKEY = 0xA05F, DHCSR = 0xDF0, DCRSR = 0xDF4, DCRDR = 0xDF8, DEMCR = 0xDFC };
enum { CONTROL_BITS = DHCSR_C_DEBUGEN | DHCSR_C_HALT | DHCSR_C_STEP | DHCSR_C_MASKINTS };
enum { DEMCR_STORED = DEMCR_VC_CORERESET | 0x7F << 4 | DEMCR_MON_EN | DEMCR_MON_STEP | DEMCR_MON_REQ | DEMCR_TRCENA };
enum { REGISTER_WRITE = 1 << 16, REGISTER_NUMBER = 0x7F };

/* -- events -------------------------------------------------------------------------------------------------------------- */

static bool can_halt(const mv_core *core) { return (core->s.dhcsr & (DHCSR_C_DEBUGEN | DHCSR_S_HALT)) == DHCSR_C_DEBUGEN; }

static bool monitor_is_on(const mv_core *core) {
    return (core->s.demcr & DEMCR_MON_EN) != 0 && (core->s.dhcsr & DHCSR_C_DEBUGEN) == 0;
}

/* Somebody would take an event, if not now. */
bool mv_debug_listens(const mv_core *core) { return (core->s.dhcsr & DHCSR_C_DEBUGEN) != 0 || monitor_is_on(core); }

/* Whoever sleeps is woken, and SysTick and CYCCNT stand (DDI0553, Debug state). */
void mv_enter_debug_state(mv_core *core, uint32_t cause) {
    mv_systick_sync(core);
    core->s.dhcsr |= DHCSR_S_HALT | DHCSR_C_HALT;
    core->s.dfsr |= cause;
    core->s.sleeping = 0;
    core->attention |= ATT_DEBUG;
}

/* True where somebody takes the event: the core is halted, or the monitor pending. */
bool mv_debug_event(mv_core *core, uint32_t cause) {
    if (can_halt(core)) {
        mv_enter_debug_state(core, cause);
        return true;
    }
    if (!monitor_is_on(core) || !mv_can_take(core, EXC_DEBUG)) return false;
    core->s.dfsr |= cause;
    mv_pend(core, EXC_DEBUG);
    return true;
}

/* MON_STEP: the instruction that executes now is to be followed by the monitor. */
bool mv_monitor_may_step(const mv_core *core) {
    return monitor_is_on(core) && mv_can_take(core, EXC_DEBUG);
}

bool mv_catches(const mv_core *core, uint32_t catches) { return can_halt(core) && (core->s.demcr & catches) != 0; }

/* Which vector catches an exception is about, with the fault that raised it if that has just happened. */
static uint32_t catches_of(const mv_core *core, uint32_t number) {
    const uint32_t fault = core->fault_status != 0 ? core->fault_status : core->s.cfsr;
    const uint32_t entry = CFSR_MUNSTKERR | CFSR_MSTKERR | CFSR_UNSTKERR | CFSR_STKERR | CFSR_INVPC;
    const uint32_t interr = fault & entry ? DEMCR_VC_INTERR : 0;
    switch (number) {
    case EXC_HARDFAULT: return DEMCR_VC_HARDERR | interr;
    case EXC_MEMMANAGE: return DEMCR_VC_MMERR | interr;
    case EXC_BUSFAULT: return DEMCR_VC_BUSERR | interr;
    case EXC_USAGEFAULT: break;
    default: return 0;
    }
    const uint32_t check = fault & (CFSR_UNALIGNED | CFSR_DIVBYZERO) ? DEMCR_VC_CHKERR : 0;
    const uint32_t state = fault & (CFSR_UNDEFINSTR | CFSR_INVSTATE | CFSR_INVPC | CFSR_STKOF) ? DEMCR_VC_STATERR : 0;
    return check | state | interr | (fault & CFSR_NOCP ? DEMCR_VC_NOCPERR : 0);
}

/* An exception was entered: stop before its first instruction if a debugger catches it. */
void mv_catch_vector(mv_core *core, uint32_t number) {
    if (can_halt(core) && mv_catches(core, catches_of(core, number))) mv_enter_debug_state(core, DFSR_VCATCH);
}

/* Comparators, watchpoints, or those who listen to them have changed. */
void mv_debug_changed(mv_core *core) {
    const bool compared = core->compares;
    core->compares = (mv_fpb_is_on(core) && mv_debug_listens(core)) || mv_dwt_compares_instructions(core);
    core->watching = core->watches > 0 || mv_dwt_compares_data(core);
    if (compared || core->compares) core->attention |= ATT_CODE;
    mv_forget_pages(core);
}

/* After a reset, with the state before it: a debugger's settings live through it, and it can catch the first instruction. */
void mv_debug_reset(mv_core *core, const mv_state *before) {
    mv_state *const s = &core->s;
    if (before->dhcsr & DHCSR_C_DEBUGEN) {
        s->dhcsr = before->dhcsr & (DHCSR_C_DEBUGEN | DHCSR_C_MASKINTS);
        s->demcr = before->demcr & (DEMCR_VC_CORERESET | 0x7F << 4 | DEMCR_TRCENA);
        s->dcrdr = before->dcrdr;
        s->dfsr = before->dfsr;
        s->dwt_ctrl = before->dwt_ctrl;
        s->dwt_offset = before->dwt_offset;
        s->dwt_match_at = before->dwt_match_at;
        s->fpb_ctrl = before->fpb_ctrl;
        s->itm_tcr = before->itm_tcr;
        s->itm_ter = before->itm_ter;
        s->itm_tpr = before->itm_tpr;
        for (uint32_t i = 0; i < COMPARATORS; i++) {
            s->dwt_comp[i] = before->dwt_comp[i];
            s->dwt_function[i] = before->dwt_function[i];
        }
        for (uint32_t i = 0; i < FPB_COMPARATORS; i++) s->fpb_comp[i] = before->fpb_comp[i];
    }
    s->dhcsr |= DHCSR_S_RESET_ST;
    if (mv_catches(core, DEMCR_VC_CORERESET)) mv_enter_debug_state(core, DFSR_VCATCH);
    mv_debug_changed(core);
}

/* -- registers of the halted core ------------------------------------------------------------------------------------------ */

static uint32_t read_masks(const mv_state *s) { return s->control << 24 | s->faultmask << 16 | s->basepri << 8 | s->primask; }

static void write_masks(mv_core *core, uint32_t value) {
    core->s.primask = value & 1;
    core->s.basepri = value >> 8 & 0xF0;
    core->s.faultmask = value >> 16 & 1;
    mv_set_control(core, value >> 24);
}

/* DCRSR.REGSEL; numbers of secure registers and of none read as zero. */
static uint32_t read_register(mv_core *core, uint32_t number) {
    mv_state *const s = &core->s;
    if (number < 15) return s->r[number];
    if (number >= 64 && number < 96) return s->s[number - 64];
    switch (number) {
    case 15: return s->pc;
    case 16: return mv_xpsr(core);
    case 17:
    case 24: return *mv_stack_pointer(core, false);
    case 18:
    case 25: return *mv_stack_pointer(core, true);
    case 20:
    case 35: return read_masks(s);
    case 30:
    case 31: return s->sp_limit[number - 30];
    case 33: return s->fpscr;
    default: return 0;
    }
}

static void write_register(mv_core *core, uint32_t number, uint32_t value) {
    mv_state *const s = &core->s;
    if (number < 15) s->r[number] = number == R_SP ? value & ~3u : value;
    if (number >= 64 && number < 96) s->s[number - 64] = value;
    switch (number) {
    case 15: s->pc = value & ~1u; break;
    case 16: mv_set_xpsr(core, value, ~0u); break;
    case 17:
    case 24: *mv_stack_pointer(core, false) = value & ~3u; break;
    case 18:
    case 25: *mv_stack_pointer(core, true) = value & ~3u; break;
    case 20:
    case 35: write_masks(core, value); break;
    case 30:
    case 31: s->sp_limit[number - 30] = value & ~7u; break;
    case 33: s->fpscr = value & FPSCR_WRITABLE; break;
    default: break;
    }
    core->attention |= ATT_EXCEPTION;
}

static void transfer(mv_core *core, uint32_t selector) {
    if (!core->by_debugger || !mv_is_halted(core)) return;
    if (selector & REGISTER_WRITE)
        write_register(core, selector & REGISTER_NUMBER, core->s.dcrdr);
    else
        core->s.dcrdr = read_register(core, selector & REGISTER_NUMBER);
}

/* -- registers ------------------------------------------------------------------------------------------------------------- */

static uint32_t read_dhcsr(mv_core *core) {
    /* To the guest: what it has executed so far in this execution counts already. */
    const bool retired = !core->by_debugger && core->s.cycle != core->began;
    const uint32_t value = core->s.dhcsr | DHCSR_S_REGRDY | (core->s.sleeping ? DHCSR_S_SLEEP : 0) | (retired ? DHCSR_S_RETIRE_ST : 0);
    if (core->by_debugger) core->s.dhcsr &= ~(uint32_t)(DHCSR_S_RETIRE_ST | DHCSR_S_RESET_ST);
    return value;
}

/* Only a debugger can change C_DEBUGEN; without it the other controls are zero. */
static void write_dhcsr(mv_core *core, uint32_t value) {
    mv_state *const s = &core->s;
    if (value >> 16 != DBGKEY || (!core->by_debugger && (s->dhcsr & DHCSR_C_DEBUGEN) == 0)) return;
    const uint32_t enabled = core->by_debugger ? value & DHCSR_C_DEBUGEN : DHCSR_C_DEBUGEN;
    const bool listened = (s->dhcsr & DHCSR_C_DEBUGEN) != 0;
    s->dhcsr = (s->dhcsr & ~(uint32_t)CONTROL_BITS) | (enabled != 0 ? (value & CONTROL_BITS) | enabled : 0);
    if ((s->dhcsr & DHCSR_C_HALT) == 0) s->dhcsr &= ~(uint32_t)DHCSR_S_HALT;
    if ((s->dhcsr & DHCSR_C_HALT) != 0 && can_halt(core)) mv_enter_debug_state(core, DFSR_HALTED);
    if (listened != (enabled != 0)) mv_debug_changed(core);
    mv_priorities_changed(core);
    core->attention |= ATT_DEBUG;
}

static void write_demcr(mv_core *core, uint32_t value) {
    const uint32_t changed = (core->s.demcr ^ value) & (DEMCR_TRCENA | DEMCR_MON_EN);
    mv_dwt_trace_control(core, &core->s.demcr, value & DEMCR_STORED);
    if (value & DEMCR_MON_EN)
        mv_add(core->s.enabled, EXC_DEBUG);
    else
        mv_drop(core->s.enabled, EXC_DEBUG);
    if (value & DEMCR_MON_PEND)
        mv_pend(core, EXC_DEBUG);
    else
        mv_unpend(core, EXC_DEBUG);
    if (changed) mv_debug_changed(core);
    mv_priorities_changed(core);
    if (value & DEMCR_MON_STEP) core->attention |= ATT_DEBUG;
}

uint32_t mv_core_debug_read(mv_core *core, uint32_t offset) {
    switch (offset) {
    case DHCSR: return read_dhcsr(core);
    case DCRDR: return core->s.dcrdr;
    case DEMCR: return core->s.demcr | (mv_has(core->s.pending, EXC_DEBUG) ? DEMCR_MON_PEND : 0);
    default: return 0;
    }
}

void mv_core_debug_write(mv_core *core, uint32_t offset, uint32_t value) {
    switch (offset) {
    case DHCSR: write_dhcsr(core, value); break;
    case DCRSR: transfer(core, value); break;
    case DCRDR: core->s.dcrdr = value; break;
    case DEMCR: write_demcr(core, value); break;
    default: break;
    }
}

/* -- the debugger's accesses ------------------------------------------------------------------------------------------------ */

static mv_answer answer_of(mv_core *core, bool done) {
    const bool aborted = (core->attention & ATT_ABORT) != 0;
    core->attention &= ~(uint32_t)ATT_ABORT;
    return done ? ANSWER_OK : aborted ? ANSWER_ABORT : ANSWER_BUS_ERROR;
}

/* As through a memory access port: aligned, past the MPU, with the private peripherals as a debugger sees them. */
mv_answer mv_debug_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value) {
    core->by_debugger = true;
    const bool done = mv_is_private(address) ? mv_private_read(core, address, size, true, value) : mv_read_bus(core, address, size, value);
    core->by_debugger = false;
    return answer_of(core, done);
}

mv_answer mv_debug_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    core->by_debugger = true;
    const bool done = mv_is_private(address) ? mv_private_write(core, address, size, true, value) : mv_write_bus(core, address, size, value);
    core->by_debugger = false;
    return answer_of(core, done);
}
