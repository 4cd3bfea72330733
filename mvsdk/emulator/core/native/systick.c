/* The SysTick timer (DDI0553, system timer). Its value is worked out from the cycle count when somebody asks; between, it is only
 * known when it will next reach zero. The reference clock is the processor clock divided by eight. */
#include "core.h"

enum { REFERENCE_BITS = 3 /* the reference clock */, VALUE_MASK = 0xFFFFFF };

/* How many bits of the cycle count are below a tick. */
static uint32_t below_tick(const mv_core *core) { return core->s.syst_csr & SYST_CLKSOURCE ? 0 : REFERENCE_BITS; }

/* Ticks from the base until the counter reaches zero; 0 for never. */
static uint64_t ticks_to_zero(const mv_core *core) {
    if (core->s.syst_val != 0) return core->s.syst_val;
    return core->s.syst_rvr == 0 ? 0 : (uint64_t)core->s.syst_rvr + 1;
}

/* The cycle at which the running counter next reaches zero; UINT64_MAX for never. */
static uint64_t next_zero(const mv_core *core) {
    const uint64_t ticks = ticks_to_zero(core);
    if (ticks == 0) return UINT64_MAX;
    const uint32_t below = below_tick(core);
    return ((core->s.syst_base >> below) + ticks) << below;
}

/* When the timer will next pend its exception; while it is pending already, nothing new comes of the timer. */
uint64_t mv_next_tick(const mv_core *core) {
    const uint32_t both = SYST_ENABLE | SYST_TICKINT;
    const bool news = (core->s.syst_csr & both) == both && !mv_has(core->s.pending, EXC_SYSTICK);
    return news ? next_zero(core) : UINT64_MAX;
}

/* Let the present execution end early if it would miss a tick that it could not foresee. */
void mv_expect_tick(mv_core *core) {
    if (mv_next_tick(core) < core->limit) core->attention |= ATT_TIME;
}

/* Bring the counter up to the current cycle, and pend the exception if it passed zero. */
void mv_systick_sync(mv_core *core) {
    mv_state *const s = &core->s;
    const uint64_t base = s->syst_base;
    s->syst_base = s->cycle;
    if ((s->syst_csr & SYST_ENABLE) == 0 || base == s->cycle) return;
    const uint32_t below = below_tick(core);
    const uint64_t passed = (s->cycle >> below) - (base >> below), first = ticks_to_zero(core);
    if (passed == 0 || first == 0) return;
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
    mv_expect_tick(core);
}
