/* The SysTick timer (DDI0553, system timer). Its value is worked out from the cycle count when somebody asks; between, it is only
 * known when it will next reach zero. The reference clock is the processor clock divided by eight. */
#include "core.h"

enum { REFERENCE_DIVIDER = 8, VALUE_MASK = 0xFFFFFF };

static uint64_t divider(const mv_core *core) { return core->s.syst_csr & SYST_CLKSOURCE ? 1 : REFERENCE_DIVIDER; }

/* Ticks from the base until the counter reaches zero; 0 for never. */
static uint64_t ticks_to_zero(const mv_core *core) {
    if (core->s.syst_val != 0) return core->s.syst_val;
    return core->s.syst_rvr == 0 ? 0 : (uint64_t)core->s.syst_rvr + 1;
}

/* The cycle at which the counter next reaches zero; UINT64_MAX for never. */
uint64_t mv_systick_next(const mv_core *core) {
    const uint64_t ticks = ticks_to_zero(core), by = divider(core);
    if ((core->s.syst_csr & SYST_ENABLE) == 0 || ticks == 0) return UINT64_MAX;
    return (core->s.syst_base / by + ticks) * by;
}

/* Bring the counter up to the current cycle, and pend the exception if it passed zero. */
void mv_systick_sync(mv_core *core) {
    mv_state *const s = &core->s;
    const uint64_t by = divider(core), passed = s->cycle / by - s->syst_base / by, first = ticks_to_zero(core);
    s->syst_base = s->cycle;
    if ((s->syst_csr & SYST_ENABLE) == 0 || passed == 0 || first == 0) return;
    if (passed < first) {
        s->syst_val = (uint32_t)(first - passed);
        return;
    }
    const uint64_t since = (passed - first) % ((uint64_t)s->syst_rvr + 1);
    s->syst_val = since == 0 || s->syst_rvr == 0 ? 0 : (uint32_t)(s->syst_rvr + 1 - since);
    s->syst_csr |= SYST_COUNTFLAG;
    if (s->syst_csr & SYST_TICKINT) mv_pend(core, EXC_SYSTICK);
}

uint32_t mv_systick_read(mv_core *core, uint32_t offset) {
    mv_state *const s = &core->s;
    mv_systick_sync(core);
    switch (offset) {
    case 0x10: {
        const uint32_t value = s->syst_csr;
        if (!core->by_debugger) s->syst_csr &= ~(uint32_t)SYST_COUNTFLAG;
        return value;
    }
    case 0x14: return s->syst_rvr;
    case 0x18: return s->syst_val;
    default: return 0; /* CALIB: no calibration value known, reference clock present */
    }
}

void mv_systick_write(mv_core *core, uint32_t offset, uint32_t value) {
    mv_state *const s = &core->s;
    mv_systick_sync(core);
    switch (offset) {
    case 0x10: s->syst_csr = (s->syst_csr & SYST_COUNTFLAG) | (value & 7); break;
    case 0x14: s->syst_rvr = value & VALUE_MASK; break;
    case 0x18:
        s->syst_val = 0;
        s->syst_csr &= ~(uint32_t)SYST_COUNTFLAG;
        break;
    default: break;
    }
    core->attention |= ATT_TIME;
}
