/* Exception entry and return. Names in comments are those of the functions of DDI0553's pseudocode. */
#include "core.h"

#include <string.h>

/* EXC_RETURN of a non-secure state: prefix, register stacking by the default rules, ES and S clear (DDI0553, EXC_RETURN). */
enum { RETURN_FTYPE = 0x10, RETURN_THREAD = 8, RETURN_PSP = 4, FRAME_BASIC = 0x20, FRAME_EXTENDED = 0x68 };
#define RETURN_BASE 0xFFFFFFA0u
/* S, DCRS and ES are not looked at: ports made for cores without the Security Extension set them otherwise. */
#define RETURN_FIXED 0xFFFFFF82u

void mv_note_fault(mv_core *core) {
    mv_state *const s = &core->s;
    s->cfsr |= core->fault_status;
    if (core->fault_status & CFSR_MMARVALID) s->mmfar = core->fault_address;
    if (core->fault_status & CFSR_BFARVALID) s->bfar = core->fault_address;
}

/* -- entry -------------------------------------------------------------------------------------------------------------- */

bool mv_stacking_fault(mv_core *core) {
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
        if (!mv_write_frame(core, frame + 4 * i, 4, privileged, words[i])) return mv_stacking_fault(core);
    return true;
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
    return extended ? mv_fp_push(core, frame + FRAME_BASIC, stacked) : stacked;
}

/* A HardFault stops the run, unless the guest is to handle it and can, or a debugger waits for it. */
static bool is_fatal(const mv_core *core, uint32_t number) {
    const bool taken = core->take_hardfault || mv_catches(core, DEMCR_VC_HARDERR);
    return number == EXC_HARDFAULT && (!taken || mv_execution_priority(core) <= -1);
}

/* Vectors are read from memory alone, past the MPU. */
static bool read_entry(mv_core *core, uint32_t number, uint32_t *vector) {
    uint8_t bytes[4];
    const uint32_t address = core->s.vtor + 4 * number;
    const uintptr_t page = core->readable[address >> PAGE_BITS];
    if (page != 0)
        memcpy(bytes, (const void *)(page + address), sizeof bytes);
    else if (!mv_debug_copy(core, address, bytes, sizeof bytes, false))
        return false;
    *vector = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return true;
}

/* The vector of an exception. Where it cannot be read that is a HardFault, with the exception pending as it was; false where
 * that is fatal. */
static bool read_vector(mv_core *core, uint32_t *number, uint32_t *vector) {
    mv_state *const s = &core->s;
    if (read_entry(core, *number, vector)) return true;
    s->hfsr |= HFSR_VECTTBL;
    if (*number == EXC_NMI || *number == EXC_HARDFAULT || is_fatal(core, EXC_HARDFAULT)) return false;
    if (!read_entry(core, EXC_HARDFAULT, vector)) return false;
    mv_set_pending(core, *number, true);
    *number = EXC_HARDFAULT;
    return true;
}

/* ExceptionTaken: with the frame on the stack, or for a tail chain where it already was. False where that is fatal. */
static bool exception_taken(mv_core *core, uint32_t number, uint32_t exc_return) {
    mv_state *const s = &core->s;
    uint32_t vector;
    if (!read_vector(core, &number, &vector)) return false;
    mv_set_mode(core, number, s->control & ~(uint32_t)(CONTROL_SPSEL | CONTROL_FPCA));
    s->r[R_LR] = exc_return;
    s->it = 0;
    s->exclusive = 0;
    s->event = 1;
    s->thumb = vector & 1;
    s->pc = vector & ~1u;
    mv_set_active(core, number, true);
    mv_set_pending(core, number, false);
    core->progressed = true;
    core->counters.exceptions++;
    mv_note_deed(core, DID_ENTER, number);
    mv_catch_vector(core, number);
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
    mv_note_fault(core);
    if (mv_can_take(core, number)) return number;
    core->s.hfsr |= HFSR_FORCED;
    return EXC_HARDFAULT;
}

/* Take an exception at the current boundary; false where that ends in a fatal fault, with everything as it was. A device
 * that ends the run meanwhile leaves everything as it was, too. */
bool mv_enter_exception(mv_core *core, uint32_t number) {
    const uint32_t sp = core->s.r[R_SP], exc_return = exc_return_now(core);
    if (!push_stack(core)) {
        if (core->attention & ATT_ABORT) {
            core->s.r[R_SP] = sp;
            return true;
        }
        /* A handler is entered even if its own kind of fault spoils its frame: how a full stack is noticed. */
        const uint32_t derived = fault_target(core);
        if (is_fatal(core, derived)) {
            core->s.r[R_SP] = sp;
            return false;
        }
        /* The first of the two, as always among pending exceptions, is taken; the other stays pending. */
        mv_set_pending(core, number, true);
        mv_set_pending(core, derived, true);
        number = mv_highest_pending(core);
    }
    if (exception_taken(core, number, exc_return)) return true;
    core->s.r[R_SP] = sp;
    return false;
}

bool mv_take_fault(mv_core *core) {
    const uint32_t number = fault_target(core);
    if (is_fatal(core, number)) return false;
    return mv_enter_exception(core, number);
}

/* SVC, with the state before it: what cannot take it leaves it so. */
bool mv_take_svc(mv_core *core) {
    mv_state *const s = &core->s;
    const bool enough = mv_group_priority(core, EXC_SVC) < mv_execution_priority(core);
    if (!enough) s->hfsr |= HFSR_FORCED;
    if (!enough && is_fatal(core, EXC_HARDFAULT)) return false;
    const uint32_t pc = s->pc, it = s->it;
    s->pc = pc + 2;
    s->it = mv_it_advance(it);
    s->cycle++;
    const bool taken = mv_enter_exception(core, enough ? EXC_SVC : EXC_HARDFAULT);
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
        if (!mv_read_frame(core, address + 4 * i, 4, privileged, &words[i])) {
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
    mv_set_mode(core, retpsr & 0x1FF, control);
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
    mv_set_active(core, number, false);
    if (number >= EXC_IRQ0 && mv_has(s->line, number)) mv_set_pending(core, number, true);
    return undo;
}

static void reactivate(mv_core *core, const deactivation *undo) {
    core->s.faultmask = undo->faultmask;
    if (undo->active) mv_set_active(core, undo->number, true);
    if (!undo->pending) mv_set_pending(core, undo->number, false);
}

static void undo_return(mv_core *core, const deactivation *undo) {
    reactivate(core, undo);
    core->s.pc = core->branch_from;
}

/* A return that fails raises its fault with the exception over and the frame still there: a tail chain, to that fault or
 * to what is stronger and pending. */
static bool fail_return(mv_core *core, uint32_t exc_return, const deactivation *undo) {
    const uint32_t number = fault_target(core);
    if (is_fatal(core, number)) {
        undo_return(core, undo);
        return false;
    }
    mv_set_pending(core, number, true);
    return exception_taken(core, mv_highest_pending(core), exc_return);
}

/* ExceptionReturn; false where it ends in a fatal fault. */
bool mv_return_from_exception(mv_core *core) {
    mv_state *const s = &core->s;
    const uint32_t exc_return = core->exception_return;
    const bool valid = integrity(core, exc_return);
    const deactivation undo = deactivate(core);
    if (!valid) return fail_return(core, (exc_return & 0x1Cu) | RETURN_BASE, &undo);
    mv_systick_sync(core);
    const uint32_t next = mv_exception_to_take(core);
    if (next != 0) {
        mv_note_deed(core, DID_LEAVE, undo.number);
        return exception_taken(core, next, exc_return);
    }
    const bool process = (exc_return & (RETURN_THREAD | RETURN_PSP)) == (RETURN_THREAD | RETURN_PSP);
    const uint32_t sp = *mv_stack_pointer(core, process);
    s->pc = core->branch_from; /* it is the branch that reads the frame */
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
    mv_note_deed(core, DID_LEAVE, undo.number);
    if ((exc_return & RETURN_THREAD) && (s->scr & SCR_SLEEPONEXIT)) {
        s->sleeping = 1;
        core->counters.sleeps++;
        mv_note_deed(core, DID_SLEEP, s->ipsr);
    }
    return true;
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
    core->attention &= ~(uint32_t)ATT_ABORT;
    mv_return_from_exception(core);
    core->attention &= ~(uint32_t)ATT_ABORT; /* told to whoever called, and no business of what comes next */
}
