/* The instrumentation trace macrocell: 32 stimulus ports whose words go to the host (DDI0553, ITM registers).
 *
 * Whoever listens takes a word at once, so the FIFO is always ready. No packets are made: no time stamps, no synchronisation.
 * Unprivileged code may write the ports that ITM_TPR leaves it and read the rest; what it may not write it writes in vain.
 */
#include "core.h"

enum { TER = 0xE00, TPR = 0xE40, TCR = 0xE80, PORTS_END = 0x80, TCR_ITMENA = 1, FIFO_READY = 1, DISABLED = 2 };
enum { TCR_WRITABLE = 0x007F0F3F };

static bool is_open(const mv_core *core, uint32_t port) {
    return (core->s.demcr & DEMCR_TRCENA) && (core->s.itm_tcr & TCR_ITMENA) && (core->s.itm_ter >> port & 1);
}

/* The ports that unprivileged code may use: each bit of ITM_TPR keeps eight of them from it. */
static uint32_t permitted(const mv_core *core, bool privileged) {
    uint32_t ports = ~0u;
    for (uint32_t i = 0; !privileged && i < 4; i++)
        if (core->s.itm_tpr >> i & 1) ports &= ~(0xFFu << (8 * i));
    return ports;
}

uint32_t mv_itm_read(const mv_core *core, uint32_t offset, bool privileged) {
    if (offset < PORTS_END) {
        if ((permitted(core, privileged) >> (offset / 4) & 1) == 0) return 0;
        return is_open(core, offset / 4) ? FIFO_READY : DISABLED;
    }
    switch (offset) {
    case TER: return core->s.itm_ter;
    case TPR: return core->s.itm_tpr;
    case TCR: return core->s.itm_tcr;
    default: return 0;
    }
}

static bool emit(mv_core *core, uint32_t port, uint32_t size, uint32_t value, uint32_t address) {
    if (core->itm_output == NULL) return true;
    if (core->attention & ATT_ABORT) return mv_fault(core, EXC_BUSFAULT, CFSR_PRECISERR | CFSR_BFARVALID, address);
    const uint32_t written = size == 4 ? value : value & ((1u << (8 * size)) - 1);
    if (core->device_write(core->itm_output, port, size, written) == ANSWER_OK) return true;
    core->attention |= ATT_ABORT;
    return mv_fault(core, EXC_BUSFAULT, CFSR_PRECISERR | CFSR_BFARVALID, address);
}

/* False where the listener failed: that ends the run. */
bool mv_itm_write(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value) {
    const uint32_t offset = address & 0xFFC, ports = permitted(core, privileged);
    mv_state *const s = &core->s;
    if (offset < PORTS_END) {
        const uint32_t port = offset / 4;
        return (ports >> port & 1) && is_open(core, port) ? emit(core, port, size, value, address) : true;
    }
    if (size != 4) return true;
    if (offset == TER) s->itm_ter = (s->itm_ter & ~ports) | (value & ports);
    if (offset == TPR && privileged) s->itm_tpr = value & 15;
    if (offset == TCR && privileged) s->itm_tcr = value & TCR_WRITABLE;
    return true;
}
