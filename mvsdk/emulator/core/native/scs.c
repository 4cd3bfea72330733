/* The registers of the system control space: NVIC, system control block, MPU (DDI0553, register descriptions). A register that
 * the table of reads does not know is zero and ignores writes. */
#include "core.h"

enum { VECTKEY = 0x05FA, VECTKEYSTAT = 0xFA05 };

typedef struct {
    uint16_t offset;
    uint32_t value;
} constant;

/* Cortex-M33 r0p4 with DSP, single-precision FPU and eight MPU regions (Arm 100230, 4.2 and 4.3). */
static const constant constants[] = {
    {0xD00, 0x410FD214}, {0xD40, 0x00000030}, {0xD44, 0x00000210}, {0xD48, 0x00200000}, {0xD50, 0x00101F40},
    {0xD58, 0x01000000}, {0xD60, 0x01101110}, {0xD64, 0x02212000}, {0xD68, 0x20232232}, {0xD6C, 0x01111131},
    {0xD70, 0x01310132}, {0xD7C, 0x8000C000}, {0xD8C, 0x00000C00}, {0xD90, MPU_REGIONS << 8},
    {0xF40, 0x10110021}, {0xF44, 0x11000011}, {0xF48, 0x00000040}, {0xFB8, 0x000000AF},
};

void mv_scs_reset(mv_core *core) {
    mv_state *const s = &core->s;
    s->enabled[0] = ALWAYS_ENABLED;
    s->ccr = CCR_RES1;
    s->fpccr = FPCCR_ASPEN | FPCCR_LSPEN;
}

/* -- sets of interrupts: registers of 32, exceptions from 16 on ------------------------------------------------------------ */

static uint32_t get_interrupts(const uint32_t *set, uint32_t index) {
    const uint32_t above = index + 1 < EXCEPTION_WORDS ? set[index + 1] << 16 : 0;
    return set[index] >> 16 | above;
}

static bool exists(const mv_core *core, uint32_t irq) { return irq < core->interrupts; }

static void change_interrupts(mv_core *core, uint32_t offset, uint32_t value) {
    const uint32_t first = (offset & 0x7F) / 4 * 32;
    for (uint32_t i = 0; i < 32; i++) {
        if ((value >> i & 1) == 0 || !exists(core, first + i)) continue;
        const uint32_t number = EXC_IRQ0 + first + i;
        switch (offset & 0x380) {
        case 0x100: mv_add(core->s.enabled, number); break;
        case 0x180: mv_drop(core->s.enabled, number); break;
        case 0x200: mv_pend(core, number); break;
        default: mv_unpend(core, number); break;
        }
    }
    mv_priorities_changed(core);
}

static uint32_t read_interrupts(const mv_core *core, uint32_t offset) {
    const uint32_t index = (offset & 0x7F) / 4;
    if (index >= EXCEPTION_WORDS) return 0;
    switch (offset & 0x380) {
    case 0x100:
    case 0x180: return get_interrupts(core->s.enabled, index);
    case 0x200:
    case 0x280: return get_interrupts(core->s.pending, index);
    case 0x300: return get_interrupts(core->s.active, index);
    default: return 0;
    }
}

static uint32_t read_priorities(const mv_core *core, uint32_t first) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++)
        if (first + i < EXCEPTIONS) value |= (uint32_t)core->s.priority[first + i] << (8 * i);
    return value;
}

static bool has_priority(const mv_core *core, uint32_t number) {
    /* SecureFault belongs to the secure side. */
    const uint32_t configurable = 1u << 4 | 1u << 5 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14 | 1u << 15;
    return number < EXC_IRQ0 ? (configurable >> number & 1) != 0 : exists(core, number - EXC_IRQ0);
}

/* Four priority bits, the upper ones. */
static void write_priorities(mv_core *core, uint32_t first, uint32_t value) {
    for (uint32_t i = 0; i < 4; i++)
        if (has_priority(core, first + i)) core->s.priority[first + i] = (uint8_t)(value >> (8 * i) & 0xF0);
    mv_priorities_changed(core);
}

/* -- system control block ---------------------------------------------------------------------------------------------- */

static uint32_t read_icsr(const mv_core *core) {
    const mv_state *const s = &core->s;
    const uint32_t pending = mv_highest_pending(core);
    uint32_t value = s->ipsr | pending << 12;
    uint32_t others = 0;
    for (uint32_t words = core->active_words; words != 0; words &= words - 1) {
        const uint32_t i = mv_lowest(words), mine = s->ipsr >> 5 == i ? 1u << (s->ipsr & 31) : 0;
        others |= s->active[i] & ~mine;
    }
    if (others == 0 && s->ipsr != 0) value |= 1u << 11;
    if (s->pending[0] >> 16 != 0 || core->pending_words >> 1 != 0) value |= 1u << 22;
    if (mv_has(s->pending, EXC_SYSTICK)) value |= 1u << 26;
    if (mv_has(s->pending, EXC_PENDSV)) value |= 1u << 28;
    if (mv_has(s->pending, EXC_NMI)) value |= 1u << 31;
    return value;
}

static void write_icsr(mv_core *core, uint32_t value) {
    if (value >> 25 & 1) mv_unpend(core, EXC_SYSTICK);
    if (value >> 27 & 1) mv_unpend(core, EXC_PENDSV);
    if (value >> 30 & 1) mv_unpend(core, EXC_NMI);
    if (value >> 26 & 1) mv_pend(core, EXC_SYSTICK);
    if (value >> 28 & 1) mv_pend(core, EXC_PENDSV);
    if (value >> 31 & 1) mv_pend(core, EXC_NMI);
}

static void write_aircr(mv_core *core, uint32_t value) {
    if (value >> 16 != VECTKEY) return;
    core->s.prigroup = value >> 8 & 7;
    if (value & 4) {
        core->s.reset_requested = 1;
        core->attention |= ATT_RESET;
    }
    mv_priorities_changed(core);
}

/* SHCSR: each bit and the exception whose active, pending or enabled state it is. */
static const struct {
    uint8_t bit, number, kind;
} shcsr_bits[] = {
    {0, EXC_MEMMANAGE, 0}, {1, EXC_BUSFAULT, 0}, {2, EXC_HARDFAULT, 0}, {3, EXC_USAGEFAULT, 0}, {5, EXC_NMI, 0},
    {7, EXC_SVC, 0}, {8, EXC_DEBUG, 0}, {10, EXC_PENDSV, 0}, {11, EXC_SYSTICK, 0},
    {12, EXC_USAGEFAULT, 1}, {13, EXC_MEMMANAGE, 1}, {14, EXC_BUSFAULT, 1}, {15, EXC_SVC, 1},
    {16, EXC_MEMMANAGE, 2}, {17, EXC_BUSFAULT, 2}, {18, EXC_USAGEFAULT, 2}, {21, EXC_HARDFAULT, 1},
};
enum { SHCSR_BITS = sizeof shcsr_bits / sizeof shcsr_bits[0] };

static uint32_t *shcsr_set(mv_state *s, uint32_t kind) { return kind == 0 ? s->active : kind == 1 ? s->pending : s->enabled; }

static uint32_t read_shcsr(mv_core *core) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < SHCSR_BITS; i++)
        if (mv_has(shcsr_set(&core->s, shcsr_bits[i].kind), shcsr_bits[i].number)) value |= 1u << shcsr_bits[i].bit;
    return value;
}

/* HardFault's and NMI's bits are not for software to change. */
static void write_shcsr(mv_core *core, uint32_t value) {
    for (uint32_t i = 0; i < SHCSR_BITS; i++) {
        if (shcsr_bits[i].number < EXC_MEMMANAGE) continue;
        uint32_t *const set = shcsr_set(&core->s, shcsr_bits[i].kind);
        if (value >> shcsr_bits[i].bit & 1)
            mv_add(set, shcsr_bits[i].number);
        else
            mv_drop(set, shcsr_bits[i].number);
    }
    mv_find_words(core);
    mv_priorities_changed(core);
}

/* -- MPU ---------------------------------------------------------------------------------------------------------------- */

/* RBAR and RLAR, and their aliases 1 to 3 for the other regions of the group of four. */
static uint32_t *mpu_register(mv_core *core, uint32_t offset) {
    const uint32_t alias = (offset - 0xD9C) / 8;
    const uint32_t region = alias == 0 ? core->s.mpu_rnr : (core->s.mpu_rnr & ~3u) + alias;
    return (offset - 0xD9C) & 4 ? &core->s.mpu_rlar[region] : &core->s.mpu_rbar[region];
}

static bool is_mpu_register(uint32_t offset) { return offset >= 0xD9C && offset < 0xDBC; }

/* What was decoded and cached under the old rules is not asked again. */
static void mpu_changed(mv_core *core) {
    mv_forget_pages(core);
    core->attention |= ATT_CODE;
}

static void write_mpu(mv_core *core, uint32_t offset, uint32_t value) {
    switch (offset) {
    case 0xD94: core->s.mpu_ctrl = value & 7; break;
    case 0xD98: core->s.mpu_rnr = value & (MPU_REGIONS - 1); return;
    case 0xDC0:
    case 0xDC4: core->s.mpu_mair[offset >> 2 & 1] = value; break;
    default: /* bit 4 of RLAR is RES0: the PXN bit came with Armv8.1-M */
        *mpu_register(core, offset) = offset & 4 ? value : value & ~16u;
        break;
    }
    mpu_changed(core);
}

/* -- floating point ------------------------------------------------------------------------------------------------------ */

static void write_fp(mv_core *core, uint32_t offset, uint32_t value) {
    const uint32_t fpccr = FPCCR_ASPEN | FPCCR_LSPEN | FPCCR_UFRDY | FPCCR_SPLIMVIOL | FPCCR_MONRDY | FPCCR_BFRDY |
                           FPCCR_MMRDY | FPCCR_HFRDY | FPCCR_THREAD | FPCCR_USER | FPCCR_LSPACT;
    switch (offset) {
    case 0xD88: {
        /* CP11 follows CP10, and the reserved value 2 grants nothing (DDI0553, CPACR). The fields of coprocessors
         * that are not there are kept, without effect. */
        const uint32_t access = value >> 20 & 3;
        core->s.cpacr = access << 20 | access << 22 | (value & 0xFFFFu);
        break;
    }
    case 0xF34: core->s.fpccr = value & fpccr; break;
    case 0xF38: core->s.fpcar = value & ~7u; break;
    default: core->s.fpdscr = value & 0x07C00000u; break;
    }
    mv_fp_refresh(core);
    core->attention |= ATT_EXCEPTION;
}

/* -- words --------------------------------------------------------------------------------------------------------------- */

static uint32_t read_scb(mv_core *core, uint32_t offset) {
    const mv_state *const s = &core->s;
    switch (offset) {
    case 0x004: return (core->interrupts - 1) / 32;
    case 0xD08: return s->vtor;
    case 0xD0C: return (uint32_t)VECTKEYSTAT << 16 | s->prigroup << 8;
    case 0xD10: return s->scr;
    case 0xD14: return s->ccr;
    case 0xD24: return read_shcsr(core);
    case 0xD28: return s->cfsr;
    case 0xD2C: return s->hfsr;
    case 0xD30: return s->dfsr;
    case 0xD34: return s->mmfar;
    case 0xD38: return s->bfar;
    case 0xD88: return s->cpacr;
    case 0xD94: return s->mpu_ctrl;
    case 0xD98: return s->mpu_rnr;
    case 0xDC0:
    case 0xDC4: return s->mpu_mair[offset >> 2 & 1];
    case 0xF34: return s->fpccr;
    case 0xF38: return s->fpcar;
    case 0xF3C: return s->fpdscr;
    default: break;
    }
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (constants[i].offset == offset) return constants[i].value;
    return 0;
}

uint32_t mv_scs_read_other(mv_core *core, uint32_t offset) {
    if (offset == 0xD04) return read_icsr(core);
    if (offset >= 0x100 && offset < 0x400) return read_interrupts(core, offset);
    if (offset >= 0x400 && offset < 0x5F0) return read_priorities(core, EXC_IRQ0 + (offset - 0x400));
    if (offset >= 0xD18 && offset < 0xD24) return read_priorities(core, 4 + (offset - 0xD18));
    if (is_mpu_register(offset)) return *mpu_register(core, offset);
    if (offset >= 0xDF0 && offset < 0xE00) return mv_core_debug_read(core, offset);
    return read_scb(core, offset);
}

static void write_scb(mv_core *core, uint32_t offset, uint32_t value) {
    mv_state *const s = &core->s;
    const uint32_t ccr = CCR_USERSETMPEND | CCR_UNALIGN_TRP | CCR_DIV_0_TRP | CCR_BFHFNMIGN | CCR_STKOFHFNMIGN;
    switch (offset) {
    case 0xD04: write_icsr(core, value); break;
    case 0xD08: s->vtor = value & ~0x7Fu; break;
    case 0xD0C: write_aircr(core, value); break;
    case 0xD10: s->scr = value & (SCR_SLEEPONEXIT | SCR_SLEEPDEEP | SCR_SEVONPEND); break;
    case 0xD14: s->ccr = (value & ccr) | CCR_RES1; break;
    case 0xD24: write_shcsr(core, value); break;
    case 0xD28: s->cfsr &= ~value; break;
    case 0xD2C: s->hfsr &= ~value; break;
    case 0xD30: s->dfsr &= ~value; break;
    case 0xD34: s->mmfar = value; break;
    case 0xD38: s->bfar = value; break;
    case 0xF00: mv_pend(core, EXC_IRQ0 + (value & 0x1FF)); break;
    case 0xD88:
    case 0xF34:
    case 0xF38:
    case 0xF3C: write_fp(core, offset, value); break;
    case 0xD94:
    case 0xD98:
    case 0xDC0:
    case 0xDC4: write_mpu(core, offset, value); break;
    default:
        if (is_mpu_register(offset)) write_mpu(core, offset, value);
        break;
    }
}

void mv_scs_write_other(mv_core *core, uint32_t offset, uint32_t value) {
    if (offset >= 0x100 && offset < 0x300)
        change_interrupts(core, offset, value);
    else if (offset >= 0x400 && offset < 0x5F0)
        write_priorities(core, EXC_IRQ0 + (offset - 0x400), value);
    else if (offset >= 0xD18 && offset < 0xD24)
        write_priorities(core, 4 + (offset - 0xD18), value);
    else if (offset >= 0xDF0 && offset < 0xE00)
        mv_core_debug_write(core, offset, value);
    else
        write_scb(core, offset, value);
}

/* Registers whose ones do something and whose zeros do not: part of a word can be written without reading the rest. */
bool mv_scs_acts_on_ones(uint32_t offset) {
    return (offset >= 0x100 && offset < 0x300) || offset == 0xD04 || (offset >= 0xD28 && offset <= 0xD30);
}
