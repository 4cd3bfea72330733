/* Floating-point context across exceptions: who may use the unit, frames, and the lazy saving of registers. Names in comments
 * are those of the functions of DDI0553's pseudocode. */
#include "core.h"

#include <string.h>

bool mv_fp_enabled(const mv_core *core, bool privileged) {
    const uint32_t access = core->s.cpacr >> 20 & 3;
    return access == 3 || (access == 1 && privileged);
}

void mv_fp_refresh(mv_core *core) {
    const bool active = (core->s.fpccr & FPCCR_ASPEN) == 0 || (core->s.control & CONTROL_FPCA) != 0;
    core->fp_ready = mv_fp_enabled(core, mv_is_privileged(core)) && active && (core->s.fpccr & FPCCR_LSPACT) == 0;
}

static bool write_fp_frame(mv_core *core, uint32_t address, bool privileged) {
    for (uint32_t i = 0; i < 16; i++)
        if (!mv_write_frame(core, address + 4 * i, 4, privileged, core->s.s[i])) return false;
    return mv_write_frame(core, address + 64, 4, privileged, core->s.fpscr);
}

/* The faults that a lazy save can raise, and the bits that say whether the owner of the registers could have taken them. */
static const struct {
    uint32_t number, bit;
} ready_bits[] = {{EXC_BUSFAULT, FPCCR_BFRDY}, {EXC_MEMMANAGE, FPCCR_MMRDY}, {EXC_USAGEFAULT, FPCCR_UFRDY}, {EXC_DEBUG, FPCCR_MONRDY}};
enum { READY_BITS = sizeof ready_bits / sizeof ready_bits[0] };

/* TakePreserveFPException: the owner of the registers decides whether its fault can be taken as such, or as a HardFault.
 * What is too weak to interrupt the code that runs now stays pending, and the save counts as done; true then. */
static bool fail_lazy_save(mv_core *core) {
    uint32_t number = EXC_HARDFAULT;
    for (uint32_t i = 0; i < READY_BITS; i++)
        if (ready_bits[i].number == core->fault_exception && (core->s.fpccr & ready_bits[i].bit)) number = core->fault_exception;
    if (number != EXC_HARDFAULT && !mv_can_take(core, number)) {
        mv_note_fault(core);
        mv_set_pending(core, number, true);
        return true;
    }
    if (number == EXC_HARDFAULT) core->s.hfsr |= HFSR_FORCED;
    core->fault_exception = number;
    return false;
}

static bool save_lazily(mv_core *core) {
    const bool privileged = (core->s.fpccr & FPCCR_USER) == 0;
    if (!mv_fp_enabled(core, privileged)) return mv_fault(core, EXC_USAGEFAULT, CFSR_NOCP, 0);
    if ((core->s.fpccr & FPCCR_SPLIMVIOL) || write_fp_frame(core, core->s.fpcar, privileged)) return true;
    const bool bus = core->fault_exception == EXC_BUSFAULT;
    return mv_fault(core, core->fault_exception, bus ? CFSR_LSPERR : CFSR_MLSPERR, 0);
}

/* PreserveFPState: the registers go where FPCAR says, with the rights of the code they belong to. Below the limit of its
 * stack they go nowhere. */
static bool preserve_fp_state(mv_core *core) {
    if (!save_lazily(core) && !fail_lazy_save(core)) return false;
    core->s.fpccr &= ~(uint32_t)FPCCR_LSPACT;
    return true;
}

/* ExecuteFPCheck: access rights, then the lazy save, then a context of its own for whoever has none. */
bool mv_fp_prepare(mv_core *core) {
    if (!mv_fp_enabled(core, mv_is_privileged(core))) return mv_fault(core, EXC_USAGEFAULT, CFSR_NOCP, 0);
    if ((core->s.fpccr & FPCCR_LSPACT) && !preserve_fp_state(core)) return false;
    if ((core->s.fpccr & FPCCR_ASPEN) && (core->s.control & CONTROL_FPCA) == 0) {
        core->s.fpscr = core->s.fpdscr;
        core->s.control |= CONTROL_FPCA;
    }
    core->fp_ready = 1;
    return true;
}

/* UpdateFPCCR: remember for the lazy save where it goes and what it may do. It is this address that the limit of the stack is
 * held against, not that of the whole frame. */
static void arm_lazy_save(mv_core *core, uint32_t address) {
    mv_state *const s = &core->s;
    s->fpcar = address;
    s->fpccr &= FPCCR_ASPEN | FPCCR_LSPEN;
    s->fpccr |= FPCCR_LSPACT;
    if (address < mv_stack_limit(core)) s->fpccr |= FPCCR_SPLIMVIOL;
    if (!mv_is_privileged(core)) s->fpccr |= FPCCR_USER;
    if (s->ipsr == 0) s->fpccr |= FPCCR_THREAD;
    if (mv_execution_priority(core) > -1) s->fpccr |= FPCCR_HFRDY;
    for (uint32_t i = 0; i < READY_BITS; i++)
        if (mv_can_take(core, ready_bits[i].number)) s->fpccr |= ready_bits[i].bit;
}

/* The part of a frame with the floating-point registers: promised, even on a stack that has just failed, or at once.
 * Afterwards they are zero, as they are where there is a Security Extension, unless the code may not use them (PushStack). */
bool mv_fp_push(mv_core *core, uint32_t address, bool stacked) {
    if (core->s.fpccr & FPCCR_LSPEN) {
        arm_lazy_save(core, address);
        return stacked;
    }
    const bool privileged = mv_is_privileged(core);
    if (!mv_fp_enabled(core, privileged)) return stacked && mv_fault(core, EXC_USAGEFAULT, CFSR_NOCP, 0);
    stacked = stacked && (write_fp_frame(core, address, privileged) || mv_stacking_fault(core));
    memset(core->s.s, 0, 16 * sizeof core->s.s[0]);
    core->s.fpscr = 0;
    return stacked;
}
