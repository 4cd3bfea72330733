/* Exceptions as DDI0553, chapter B3 and the pseudocode of E2.1 write them, and the loop that runs a guest. */
#include "core.h"

#include <string.h>

/* EXC_RETURN of a non-secure state: prefix, register stacking by the default rules, ES and S clear (B3.? EXC_RETURN). */
enum { RETURN_FTYPE = 0x10, RETURN_THREAD = 8, RETURN_PSP = 4, FRAME_BASIC = 0x20, FRAME_EXTENDED = 0x68 };
#define RETURN_BASE 0xFFFFFFA0u
/* S, DCRS and ES are not looked at: ports made for cores without the Security Extension set them otherwise. */
#define RETURN_FIXED 0xFFFFFF82u
enum { SLICE = 1 << 24, TURNS = 1 << 12 };

/* -- modes and special registers ---------------------------------------------------------------------------------------- */

bool mv_uses_psp(const mv_core *core) { return core->s.ipsr == 0 && (core->s.control & CONTROL_SPSEL) != 0; }

bool mv_is_privileged(const mv_core *core) { return core->s.ipsr != 0 || (core->s.control & CONTROL_NPRIV) == 0; }

uint32_t *mv_stack_pointer(mv_core *core, bool process) {
    return mv_uses_psp(core) == process ? &core->s.r[R_SP] : &core->s.banked_sp;
}

/* What the executor has cached about privilege and floating point no longer holds. */
static void context_changed(mv_core *core) {
    mv_fp_refresh(core);
    core->attention |= ATT_EXCEPTION;
}

/* Change exception number and CONTROL together, and with them the stack pointer in use. */
static void set_mode(mv_core *core, uint32_t ipsr, uint32_t control) {
    const bool used_psp = mv_uses_psp(core);
    core->s.ipsr = ipsr;
    core->s.control = control;
    if (mv_uses_psp(core) != used_psp) {
        const uint32_t sp = core->s.r[R_SP];
        core->s.r[R_SP] = core->s.banked_sp;
        core->s.banked_sp = sp;
    }
    context_changed(core);
}

void mv_set_control(mv_core *core, uint32_t value) { set_mode(core, core->s.ipsr, value & 7); }

static uint32_t apsr(const mv_core *core) {
    const mv_state *const s = &core->s;
    return (s->n & 1u << 31) | (uint32_t)(s->z == 0) << 30 | s->c << 29 | (s->v >> 31) << 28 | (uint32_t)(s->q != 0) << 27 | s->ge << 16;
}

static void set_apsr(mv_core *core, uint32_t value, bool flags, bool greater_or_equal) {
    mv_state *const s = &core->s;
    if (flags) {
        s->n = value;
        s->z = ~value & 1u << 30;
        s->c = value >> 29 & 1;
        s->v = value << 3;
        s->q = value >> 27 & 1;
    }
    if (greater_or_equal) s->ge = value >> 16 & 15;
}

uint32_t mv_xpsr(const mv_core *core) {
    const uint32_t it = core->s.it;
    return apsr(core) | (it & 3) << 25 | core->s.thumb << 24 | (it >> 2) << 10 | core->s.ipsr;
}

/* Set the parts of xPSR that `mask` has bits of: flags, ITSTATE and T, IPSR. */
void mv_set_xpsr(mv_core *core, uint32_t value, uint32_t mask) {
    if (mask & 0xF8000000u) set_apsr(core, value, true, true);
    if (mask & 0x0700FC00u) {
        core->s.it = (value >> 25 & 3) | (value >> 10 & 0x3F) << 2;
        if ((core->s.it & 15) == 0) core->s.it = 0;
        core->s.thumb = value >> 24 & 1;
    }
    if (mask & 0x1FF) set_mode(core, value & 0x1FF, core->s.control);
}

static uint32_t read_stack_register(mv_core *core, uint32_t number) {
    switch (number) {
    case 8: return *mv_stack_pointer(core, false);
    case 9: return *mv_stack_pointer(core, true);
    case 10: return core->s.sp_limit[0];
    default: return core->s.sp_limit[1];
    }
}

/* MRS (DDI0553, C2.4). Unprivileged code reads the privileged registers as zero; so does everybody the rest. */
uint32_t mv_special_read(mv_core *core, uint32_t number) {
    if (number < 8) return ((number & 1) ? core->s.ipsr : 0) | ((number & 4) ? 0 : apsr(core));
    if (number == 20) return core->s.control;
    if (!mv_is_privileged(core)) return 0;
    switch (number) {
    case 8:
    case 9:
    case 10:
    case 11: return read_stack_register(core, number);
    case 16: return core->s.primask;
    case 17:
    case 18: return core->s.basepri;
    case 19: return core->s.faultmask;
    default: return 0;
    }
}

static void write_masks(mv_core *core, uint32_t number, uint32_t value) {
    const uint32_t base = value & 0xF0;
    switch (number) {
    case 16: core->s.primask = value & 1; break;
    case 17: core->s.basepri = base; break;
    case 18:
        if (base != 0 && (base < core->s.basepri || core->s.basepri == 0)) core->s.basepri = base;
        break;
    default:
        if ((value & 1) == 0 || mv_execution_priority(core) > -1) core->s.faultmask = value & 1;
        core->attention |= ATT_EXCEPTION; /* it can switch the MPU off */
        break;
    }
    mv_priorities_changed(core);
}

/* MSR (DDI0553, C2.4). */
void mv_special_write(mv_core *core, uint32_t number, uint32_t mask, uint32_t value) {
    if (number < 4) {
        set_apsr(core, value, mask >> 1, mask & 1);
        return;
    }
    if (!mv_is_privileged(core)) return;
    switch (number) {
    case 8:
    case 9: *mv_stack_pointer(core, number == 9) = value & ~3u; break;
    case 10:
    case 11: core->s.sp_limit[number - 10] = value & ~7u; break;
    case 16:
    case 17:
    case 18:
    case 19: write_masks(core, number, value); break;
    case 20: mv_set_control(core, value); break;
    default: break;
    }
}

/* Enabled, and stronger than what runs. */
static bool can_take(const mv_core *core, uint32_t number) {
    return mv_has(core->s.enabled, number) && mv_group_priority(core, number) < mv_execution_priority(core);
}

static void note_fault(mv_core *core) {
    mv_state *const s = &core->s;
    s->cfsr |= core->fault_status;
    if (core->fault_status & CFSR_MMARVALID) s->mmfar = core->fault_address;
    if (core->fault_status & CFSR_BFARVALID) s->bfar = core->fault_address;
}

/* -- floating-point context --------------------------------------------------------------------------------------------- */

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
        if (!mv_write_as(core, address + 4 * i, 4, privileged, core->s.s[i])) return false;
    return mv_write_as(core, address + 64, 4, privileged, core->s.fpscr);
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
    if (number != EXC_HARDFAULT && !can_take(core, number)) {
        note_fault(core);
        mv_add(core->s.pending, number);
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

/* UpdateFPCCR: remember for the lazy save where it goes and what it may do. */
static void arm_lazy_save(mv_core *core, uint32_t address, bool too_low) {
    mv_state *const s = &core->s;
    s->fpcar = address;
    s->fpccr &= FPCCR_ASPEN | FPCCR_LSPEN;
    s->fpccr |= FPCCR_LSPACT;
    if (too_low) s->fpccr |= FPCCR_SPLIMVIOL;
    if (!mv_is_privileged(core)) s->fpccr |= FPCCR_USER;
    if (s->ipsr == 0) s->fpccr |= FPCCR_THREAD;
    if (mv_execution_priority(core) > -1) s->fpccr |= FPCCR_HFRDY;
    for (uint32_t i = 0; i < READY_BITS; i++)
        if (can_take(core, ready_bits[i].number)) s->fpccr |= ready_bits[i].bit;
}

/* -- entry -------------------------------------------------------------------------------------------------------------- */

static bool stacking_fault(mv_core *core) {
    if (core->fault_exception == EXC_USAGEFAULT) return false;
    const bool bus = core->fault_exception == EXC_BUSFAULT;
    return mv_fault(core, core->fault_exception, bus ? CFSR_STKERR : CFSR_MSTKERR, 0);
}

static bool write_frame(mv_core *core, uint32_t frame, uint32_t retpsr) {
    const uint32_t *const r = core->s.r;
    const uint32_t words[8] = {r[0], r[1], r[2], r[3], r[12], r[R_LR], core->s.pc, retpsr};
    const bool privileged = mv_is_privileged(core);
    const uintptr_t page = core->writable[frame >> PAGE_BITS];
    if (page != 0 && (core->s.mpu_ctrl & 1) == 0 && (frame & (PAGE_SIZE - 1)) <= PAGE_SIZE - sizeof words) {
        memcpy((void *)(page + frame), words, sizeof words);
        return true;
    }
    for (uint32_t i = 0; i < 8; i++)
        if (!mv_write_as(core, frame + 4 * i, 4, privileged, words[i])) return stacking_fault(core);
    return true;
}

static bool save_fp(mv_core *core, uint32_t address) {
    const bool privileged = mv_is_privileged(core);
    if (!mv_fp_enabled(core, privileged)) return mv_fault(core, EXC_USAGEFAULT, CFSR_NOCP, 0);
    return write_fp_frame(core, address, privileged) || stacking_fault(core);
}

/* The part of a frame with the floating-point registers: promised, even on a stack that has just failed, or at once.
 * Afterwards they are zero, as they are where there is a Security Extension (DDI0553, E2.1 PushStack). */
static bool push_fp(mv_core *core, uint32_t address, bool stacked, bool too_low) {
    if (core->s.fpccr & FPCCR_LSPEN) {
        arm_lazy_save(core, address, too_low);
        return stacked;
    }
    stacked = stacked && save_fp(core, address);
    memset(core->s.s, 0, 16 * sizeof core->s.s[0]);
    core->s.fpscr = 0;
    return stacked;
}

/* PushStack: false with the derived fault noted; the stack pointer has moved all the same, to its limit at most. */
static bool push_stack(mv_core *core) {
    mv_state *const s = &core->s;
    const bool extended = (s->control & CONTROL_FPCA) != 0;
    const uint32_t sp = s->r[R_SP], frame = (sp - (extended ? FRAME_EXTENDED : FRAME_BASIC)) & ~4u;
    const uint32_t retpsr = (mv_xpsr(core) & ~0x200u) | (sp & 4) << 7, limit = mv_stack_limit(core);
    const bool too_low = frame < limit;
    s->r[R_SP] = too_low ? limit : frame;
    const bool stacked = too_low ? mv_fault(core, EXC_USAGEFAULT, CFSR_STKOF, 0) : write_frame(core, frame, retpsr);
    return extended ? push_fp(core, frame + FRAME_BASIC, stacked, too_low) : stacked;
}

/* ExceptionTaken: with the frame on the stack, or for a tail chain where it already was. False where the vector cannot
 * be read. */
static bool exception_taken(mv_core *core, uint32_t number, uint32_t exc_return) {
    mv_state *const s = &core->s;
    uint32_t vector;
    if (!mv_read_vector(core, s->vtor + 4 * number, &vector)) {
        if ((core->attention & ATT_ABORT) == 0) s->hfsr |= HFSR_VECTTBL;
        return false;
    }
    set_mode(core, number, s->control & ~(uint32_t)(CONTROL_SPSEL | CONTROL_FPCA));
    s->r[R_LR] = exc_return;
    s->it = 0;
    s->exclusive = 0;
    s->event = 1;
    s->thumb = vector & 1;
    s->pc = vector & ~1u;
    mv_add(s->active, number);
    mv_drop(s->pending, number);
    core->counters.exceptions++;
    return true;
}

static uint32_t exc_return_now(const mv_core *core) {
    uint32_t value = RETURN_BASE;
    if ((core->s.control & CONTROL_FPCA) == 0) value |= RETURN_FTYPE;
    if (core->s.ipsr == 0) value |= RETURN_THREAD;
    if (core->s.control & CONTROL_SPSEL) value |= RETURN_PSP;
    return value;
}

/* The exception that the fault just noted raises: its own, or HardFault when that one is disabled or too weak. */
static uint32_t fault_target(mv_core *core) {
    const uint32_t number = core->fault_exception;
    note_fault(core);
    if (can_take(core, number)) return number;
    core->s.hfsr |= HFSR_FORCED;
    return EXC_HARDFAULT;
}

/* A HardFault stops the run, unless the guest is to handle it and can. */
static bool is_fatal(const mv_core *core, uint32_t number) {
    return number == EXC_HARDFAULT && (!core->take_hardfault || mv_execution_priority(core) <= -1);
}

/* Take an exception at the current boundary; false where that ends in a fatal fault, with everything as it was. A device
 * that ends the run meanwhile leaves everything as it was, too. */
static bool enter_exception(mv_core *core, uint32_t number) {
    const uint32_t sp = core->s.r[R_SP], exc_return = exc_return_now(core);
    if (!push_stack(core)) {
        if (core->attention & ATT_ABORT) {
            core->s.r[R_SP] = sp;
            return true;
        }
        uint32_t derived = fault_target(core);
        /* A handler whose own kind of fault spoils its frame could not return: where HardFaults end a run, so does this. */
        if (derived == number && !core->take_hardfault) {
            core->s.hfsr |= HFSR_FORCED;
            derived = EXC_HARDFAULT;
        }
        if (is_fatal(core, derived)) {
            core->s.r[R_SP] = sp;
            return false;
        }
        /* The first of the two, as always among pending exceptions, is taken; the other stays pending. */
        mv_add(core->s.pending, number);
        mv_add(core->s.pending, derived);
        number = mv_highest_pending(core);
    }
    if (exception_taken(core, number, exc_return)) return true;
    core->s.r[R_SP] = sp;
    return (core->attention & ATT_ABORT) != 0;
}

static bool take_fault(mv_core *core) {
    const uint32_t number = fault_target(core);
    if (is_fatal(core, number)) return false;
    return enter_exception(core, number);
}

/* SVC, with the state before it: what cannot take it leaves it so. */
static bool take_svc(mv_core *core) {
    mv_state *const s = &core->s;
    const bool enough = mv_group_priority(core, EXC_SVC) < mv_execution_priority(core);
    if (!enough) s->hfsr |= HFSR_FORCED;
    if (!enough && is_fatal(core, EXC_HARDFAULT)) return false;
    const uint32_t pc = s->pc, it = s->it;
    s->pc = pc + 2;
    s->it = mv_it_advance(it);
    s->cycle++;
    const bool taken = enter_exception(core, enough ? EXC_SVC : EXC_HARDFAULT);
    if (taken && (core->attention & ATT_ABORT) == 0) {
        core->counters.supervisor_calls += enough;
        if (core->observed) mv_observe_one(core, pc, s->cycle - 1);
        return true;
    }
    s->pc = pc;
    s->it = it;
    s->cycle--;
    return taken;
}

/* -- return ------------------------------------------------------------------------------------------------------------- */

static bool integrity(mv_core *core, uint32_t exc_return) {
    if ((exc_return & RETURN_FIXED) == (RETURN_BASE & RETURN_FIXED) && mv_has(core->s.active, core->s.ipsr)) return true;
    return mv_fault(core, EXC_USAGEFAULT, CFSR_INVPC, 0);
}

static bool read_words(mv_core *core, uint32_t address, uint32_t *words, uint32_t count, bool privileged) {
    /* What the page table knows was asked with the rights of the handler, which are not always those of the frame. */
    const uintptr_t page = privileged && (core->s.mpu_ctrl & 1) == 0 ? core->readable[address >> PAGE_BITS] : 0;
    if (page != 0 && (address & (PAGE_SIZE - 1)) + 4 * count <= PAGE_SIZE) {
        memcpy(words, (const void *)(page + address), (size_t)count * 4);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!mv_read_as(core, address + 4 * i, 4, privileged, &words[i])) {
            if (core->fault_exception == EXC_USAGEFAULT) return false;
            const bool bus = core->fault_exception == EXC_BUSFAULT;
            return mv_fault(core, core->fault_exception, bus ? CFSR_UNSTKERR : CFSR_MUNSTKERR, 0);
        }
    return true;
}

typedef struct {
    uint32_t basic[8], fp[17];
} frame;

/* PopStack, the part that can fail: nothing of the guest has changed yet. */
static bool read_frame(mv_core *core, uint32_t exc_return, uint32_t sp, frame *f) {
    const bool thread = (exc_return & RETURN_THREAD) != 0;
    const bool privileged = !thread || (core->s.control & CONTROL_NPRIV) == 0;
    if (!read_words(core, sp, f->basic, 8, privileged)) return false;
    if (thread != ((f->basic[7] & 0x1FF) == 0)) return mv_fault(core, EXC_USAGEFAULT, CFSR_INVPC, 0);
    if ((exc_return & RETURN_FTYPE) || (core->s.fpccr & FPCCR_LSPACT)) return true;
    if (!mv_fp_enabled(core, privileged)) return mv_fault(core, EXC_USAGEFAULT, CFSR_NOCP, 0);
    return read_words(core, sp + FRAME_BASIC, f->fp, 17, privileged);
}

static void restore_fp(mv_core *core, uint32_t exc_return, const frame *f) {
    if (exc_return & RETURN_FTYPE) return;
    if (core->s.fpccr & FPCCR_LSPACT) {
        core->s.fpccr &= ~(uint32_t)FPCCR_LSPACT;
        return;
    }
    memcpy(core->s.s, f->fp, 16 * sizeof(uint32_t));
    core->s.fpscr = f->fp[16] & FPSCR_WRITABLE;
}

static void pop_frame(mv_core *core, uint32_t exc_return, uint32_t sp, const frame *f) {
    mv_state *const s = &core->s;
    const bool extended = (exc_return & RETURN_FTYPE) == 0;
    const uint32_t retpsr = f->basic[7];
    memcpy(s->r, f->basic, 4 * sizeof(uint32_t));
    s->r[12] = f->basic[4];
    s->r[R_LR] = f->basic[5];
    s->pc = f->basic[6] & ~1u;
    restore_fp(core, exc_return, f);
    uint32_t control = s->control & CONTROL_NPRIV;
    if (extended) control |= CONTROL_FPCA;
    if (exc_return & RETURN_PSP) control |= CONTROL_SPSEL;
    set_mode(core, retpsr & 0x1FF, control);
    mv_set_xpsr(core, retpsr, 0xFF00FC00u);
    s->r[R_SP] = (sp + (extended ? FRAME_EXTENDED : FRAME_BASIC)) | (retpsr >> 7 & 4);
}

/* What a return has changed before it turns out to be fatal. */
typedef struct {
    uint32_t number, faultmask;
    bool active, pending;
} deactivation;

/* DeActivate. At a negative priority it is HardFault or NMI that ends, whatever IPSR says, so that none stays for ever. An
 * interrupt is pending again while its line is high. */
static deactivation deactivate(mv_core *core) {
    mv_state *const s = &core->s;
    const int priority = mv_raw_priority(core);
    const uint32_t number = priority == -1 ? (uint32_t)EXC_HARDFAULT : priority == -2 ? (uint32_t)EXC_NMI : s->ipsr;
    const deactivation undo = {number, s->faultmask, mv_has(s->active, number), mv_has(s->pending, number)};
    if (priority >= 0) s->faultmask = 0;
    mv_drop(s->active, number);
    if (number >= EXC_IRQ0 && mv_has(s->line, number)) mv_add(s->pending, number);
    return undo;
}

static void reactivate(mv_core *core, const deactivation *undo) {
    core->s.faultmask = undo->faultmask;
    if (undo->active) mv_add(core->s.active, undo->number);
    if (!undo->pending) mv_drop(core->s.pending, undo->number);
}

static void undo_return(mv_core *core, const deactivation *undo) {
    reactivate(core, undo);
    core->s.pc = core->branch_from;
}

/* A tail chain; the device that ends the run while it is asked for the vector finds the return not made. */
static bool chain(mv_core *core, uint32_t number, uint32_t exc_return, const deactivation *undo) {
    if (exception_taken(core, number, exc_return)) return true;
    if ((core->attention & ATT_ABORT) == 0) return false;
    undo_return(core, undo);
    return true;
}

/* A return that fails raises its fault with the exception over and the frame still there: a tail chain, to that fault or
 * to what is stronger and pending. */
static bool fail_return(mv_core *core, uint32_t exc_return, const deactivation *undo) {
    const uint32_t number = fault_target(core);
    if (is_fatal(core, number)) {
        undo_return(core, undo);
        return false;
    }
    mv_add(core->s.pending, number);
    return chain(core, mv_highest_pending(core), exc_return, undo);
}

/* ExceptionReturn; false where it ends in a fatal fault. */
static bool return_from_exception(mv_core *core) {
    mv_state *const s = &core->s;
    const uint32_t exc_return = core->exception_return;
    const bool valid = integrity(core, exc_return);
    const deactivation undo = deactivate(core);
    if (!valid) return fail_return(core, (exc_return & 0x1Cu) | RETURN_BASE, &undo);
    mv_systick_sync(core);
    const uint32_t next = mv_highest_pending(core);
    if (can_take(core, next)) return chain(core, next, exc_return, &undo);
    const bool process = (exc_return & (RETURN_THREAD | RETURN_PSP)) == (RETURN_THREAD | RETURN_PSP);
    const uint32_t sp = *mv_stack_pointer(core, process);
    frame f;
    if (!read_frame(core, exc_return, sp, &f)) {
        if (core->attention & ATT_ABORT) {
            undo_return(core, &undo);
            return true;
        }
        return fail_return(core, exc_return, &undo);
    }
    pop_frame(core, exc_return, sp, &f);
    s->exclusive = 0;
    s->event = 1;
    if ((exc_return & RETURN_THREAD) && (s->scr & SCR_SLEEPONEXIT)) {
        s->sleeping = 1;
        core->counters.sleeps++;
    }
    return true;
}

/* -- running ------------------------------------------------------------------------------------------------------------ */

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
    if (attention & ATT_ABORT) return STOP_ABORT;
    return attention & ATT_HALT ? STOP_HALTED : STOP_POLL;
}

/* When the timer will next pend its exception; while it is pending already, nothing new comes of the timer. */
static uint64_t next_event(const mv_core *core) {
    const bool news = (core->s.syst_csr & SYST_TICKINT) != 0 && !mv_has(core->s.pending, EXC_SYSTICK);
    return news ? mv_systick_next(core) : UINT64_MAX;
}

/* What would end a sleep, were it pending: WFI does not mind PRIMASK (DDI0553, WaitForInterrupt). */
static bool would_wake(mv_core *core, uint32_t number) {
    const uint32_t primask = core->s.primask;
    if (core->s.sleeping == 1) core->s.primask = 0;
    const bool wake = can_take(core, number);
    core->s.primask = primask;
    return wake;
}

/* When the timer will end the sleep; UINT64_MAX for never. */
uint64_t mv_wake_cycle(mv_core *core) {
    const bool by_event = core->s.sleeping == 2 && (core->s.scr & SCR_SEVONPEND) != 0;
    return by_event || would_wake(core, EXC_SYSTICK) ? next_event(core) : UINT64_MAX;
}

/* WFI wakes for what would be taken if PRIMASK were clear; WFE for what can be taken, or an event. */
static bool wakes(mv_core *core) {
    if (core->s.sleeping == 2 && core->s.event) {
        core->s.event = 0;
        return true;
    }
    return would_wake(core, mv_highest_pending(core));
}

/* Asleep: awake now, later at a time that the timer sets, or not before `until`. */
static bool sleep_on(mv_core *core, uint64_t until) {
    if (wakes(core)) {
        core->s.sleeping = 0;
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

static mv_stop execute_once(mv_core *core, uint64_t until) {
    mv_block *only = NULL;
    const bool steps = core->stepped_breakpoint == (core->s.pc | 1);
    core->stepped_breakpoint = 0;
    if (steps) {
        if (core->s.thumb && mv_is_gateway(core, core->s.pc)) return STOP_GATEWAY;
        if (step_over_bkpt(core)) return STOP_POLL;
        only = mv_decode(core, 1, true);
        if (only == NULL) return take_fault(core) ? STOP_POLL : STOP_FAULT;
    }
    const uint64_t event = next_event(core), slice = core->s.cycle + SLICE;
    uint64_t limit = event < until ? event : until;
    if (slice < limit) limit = slice;
    switch (core->observed ? mv_execute_observed(core, limit, only) : mv_execute(core, limit, only)) {
    case EXIT_FAULT:
        if (core->attention & ATT_ABORT) return STOP_POLL;
        return take_fault(core) ? STOP_POLL : STOP_FAULT;
    case EXIT_SVC: return take_svc(core) ? STOP_POLL : STOP_FAULT;
    case EXIT_EXCEPTION_RETURN: return return_from_exception(core) ? STOP_POLL : STOP_FAULT;
    case EXIT_GATEWAY: return STOP_GATEWAY;
    case EXIT_SLEEP: core->counters.sleeps++; return STOP_POLL;
    case EXIT_BREAKPOINT: core->stepped_breakpoint = core->s.pc | 1; return STOP_BREAKPOINT;
    default: return STOP_POLL;
    }
}

/* One turn of the run: what stops it, or STOP_POLL to go on. */
static mv_stop turn(mv_core *core, uint64_t until) {
    const mv_stop stop = core->attention != 0 || core->s.reset_requested ? attend(core) : STOP_POLL;
    if (stop != STOP_POLL) return stop;
    mv_systick_sync(core);
    if (core->s.cycle >= until && (core->s.sleeping == 0 || would_wake(core, mv_highest_pending(core)))) return STOP_DEADLINE;
    if (core->s.sleeping) {
        if (!sleep_on(core, until)) return STOP_IDLE;
        if (core->s.sleeping) return STOP_POLL;
    }
    const uint32_t number = mv_highest_pending(core);
    if (can_take(core, number)) return enter_exception(core, number) ? STOP_POLL : STOP_FAULT;
    core->attention = 0;
    return execute_once(core, until);
}

static mv_stop run_turns(mv_core *core, uint64_t until) {
    uint32_t turns = 0;
    mv_distrust_exposed(core);
    for (;;) {
        const uint64_t before = core->s.cycle;
        const mv_stop stop = turn(core, until);
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

void mv_skip_to(mv_core *core, uint64_t cycle) {
    if (cycle > LAST_CYCLE) cycle = LAST_CYCLE;
    if (cycle <= core->s.cycle) return;
    mv_systick_sync(core);
    core->s.cycle = cycle;
    mv_systick_sync(core);
}

/* Branch as BX LR would, from outside: an EXC_RETURN value ends the exception. Where that cannot be, the fault is the
 * next run's, at that address. */
void mv_return_to(mv_core *core, uint32_t address) {
    core->s.pc = address & ~1u;
    core->s.thumb = address & 1;
    if (address < 0xFF000000u || core->s.ipsr == 0) return;
    core->exception_return = address;
    core->branch_from = address & ~1u;
    core->s.thumb = 1;
    return_from_exception(core);
}

/* False where the table is not in memory. */
bool mv_reset(mv_core *core, uint32_t vector_table) {
    mv_state *const s = &core->s;
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
    mv_forget_pages(core);
    mv_fp_refresh(core);
    return true;
}
