/* The private peripheral bus: which component answers, and who may ask.
 *
 * Everything here is for privileged code, save the software trigger and the ITM. The pages between the core's own components
 * and its ROM table are the chip's: devices may be mapped there. A page that nobody answers reads as zero and ignores writes,
 * as does every register of a component that is not there.
 */
#include "core.h"

enum { ITM_PAGE = 0xE0000, DWT_PAGE = 0xE0001, FPB_PAGE = 0xE0002, SCS_PAGE = 0xE000E, CHIP_FIRST_PAGE = 0xE0040, ROM_TABLE_PAGE = 0xE00FF };

static bool touches(uint32_t first, uint32_t last) { return first <= 0xE00FFFFFu && last >= 0xE0000000u; }

/* Tell whether a range may be mapped as far as this bus is concerned: outside it, or a device in the chip's part of it. */
bool mv_private_may_map(uint32_t base, uint32_t size, bool device) {
    const uint32_t last = base + (size - 1);
    if (!touches(base, last)) return true;
    return device && base >> PAGE_BITS >= CHIP_FIRST_PAGE && last >> PAGE_BITS < ROM_TABLE_PAGE;
}

static bool refused(mv_core *core, uint32_t address, bool privileged, bool writing) {
    const bool trigger = writing && address == 0xE000EF00u && (core->s.ccr & CCR_USERSETMPEND);
    if (privileged || trigger || address >> PAGE_BITS == ITM_PAGE) return false;
    mv_fault(core, EXC_BUSFAULT, CFSR_PRECISERR | CFSR_BFARVALID, address);
    return true;
}

static uint32_t read_word(mv_core *core, uint32_t address, bool privileged) {
    const uint32_t page = address >> PAGE_BITS, offset = address & 0xFFC;
    /* The identification registers of all components lie at the same offsets. */
    if (offset >= 0xFBC || page == ROM_TABLE_PAGE) return mv_coresight_read(page, offset);
    switch (page) {
    case ITM_PAGE: return mv_itm_read(core, offset, privileged);
    case DWT_PAGE: return mv_dwt_read(core, offset);
    case FPB_PAGE: return mv_fpb_read(core, offset);
    case SCS_PAGE: return mv_scs_read(core, offset);
    default: return 0;
    }
}

bool mv_private_read(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value) {
    if (refused(core, address, privileged, false)) return false;
    if (address >> PAGE_BITS >= CHIP_FIRST_PAGE && mv_range_at(core, address) != NULL) return mv_read_bus(core, address, size, value);
    const uint32_t word = read_word(core, address, privileged), shift = 8 * (address & 3);
    *value = size == 4 ? word : word >> shift & ((1u << (8 * size)) - 1);
    return true;
}

/* Part of a word is written with the rest as it is, unless it is the ones of a register that do something. */
static uint32_t widen(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    if (size == 4) return value;
    const uint32_t offset = address & 0xFFC, shift = 8 * (address & 3), mask = ((1u << (8 * size)) - 1) << shift;
    const bool acts = address >> PAGE_BITS == SCS_PAGE && mv_scs_acts_on_ones(offset);
    return (value << shift & mask) | (acts ? 0 : read_word(core, address, true) & ~mask);
}

bool mv_private_write(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value) {
    if (refused(core, address, privileged, true)) return false;
    const uint32_t page = address >> PAGE_BITS, offset = address & 0xFFC;
    if (page >= CHIP_FIRST_PAGE && mv_range_at(core, address) != NULL) return mv_write_bus(core, address, size, value);
    if (page == ITM_PAGE) return mv_itm_write(core, address, size, privileged, value);
    const uint32_t word = widen(core, address, size, value);
    switch (page) {
    case DWT_PAGE: mv_dwt_write(core, offset, word); break;
    case FPB_PAGE: mv_fpb_write(core, offset, word); break;
    case SCS_PAGE: mv_scs_write(core, offset, word); break;
    default: break;
    }
    return true;
}
