/* Modes, stack pointers, and the special registers that MRS and MSR reach. */
#include "core.h"

uint32_t *mv_stack_pointer(mv_core *core, bool process) {
    return mv_uses_psp(core) == process ? &core->s.r[R_SP] : &core->s.banked_sp;
}

/* What the executor has cached about privilege and floating point no longer holds. */
static void context_changed(mv_core *core) {
    mv_fp_refresh(core);
    core->attention |= ATT_EXCEPTION;
}

/* Change exception number and CONTROL together, and with them the stack pointer in use. */
void mv_set_mode(mv_core *core, uint32_t ipsr, uint32_t control) {
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

void mv_set_control(mv_core *core, uint32_t value) { mv_set_mode(core, core->s.ipsr, value & 7); }

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
    if (mask & 0x1FF) mv_set_mode(core, value & 0x1FF, core->s.control);
}

static uint32_t read_stack_register(mv_core *core, uint32_t number) {
    switch (number) {
    case 8: return *mv_stack_pointer(core, false);
    case 9: return *mv_stack_pointer(core, true);
    case 10: return core->s.sp_limit[0];
    default: return core->s.sp_limit[1];
    }
}

/* MRS. Unprivileged code reads the privileged registers as zero; so does everybody the rest. */
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

/* MSR. */
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
