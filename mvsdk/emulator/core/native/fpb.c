/* The flash patch and breakpoint unit, version 2: eight comparators, no remapping (DDI0553, FP_CTRL, FP_REMAP, FP_COMPn).
 *
 * They are the guest's and its debugger's, and nothing to do with the breakpoints of the seam.
 */
#include "core.h"

enum { REVISION_2 = 1 << 28, CTRL_KEY = 2, CTRL_ENABLE = 1, BREAKPOINT_ENABLE = 1 };

bool mv_fpb_is_on(const mv_core *core) {
    if ((core->s.fpb_ctrl & CTRL_ENABLE) == 0) return false;
    for (uint32_t i = 0; i < FPB_COMPARATORS; i++)
        if (core->s.fpb_comp[i] & BREAKPOINT_ENABLE) return true;
    return false;
}

bool mv_fpb_matches(const mv_core *core, uint32_t pc) {
    if ((core->s.fpb_ctrl & CTRL_ENABLE) == 0) return false;
    for (uint32_t i = 0; i < FPB_COMPARATORS; i++)
        if (core->s.fpb_comp[i] == (pc | BREAKPOINT_ENABLE)) return true;
    return false;
}

uint32_t mv_fpb_read(const mv_core *core, uint32_t offset) {
    if (offset == 0) return (uint32_t)REVISION_2 | FPB_COMPARATORS << 4 | core->s.fpb_ctrl;
    return offset >= 8 && offset < 8 + 4 * FPB_COMPARATORS ? core->s.fpb_comp[(offset - 8) / 4] : 0;
}

void mv_fpb_write(mv_core *core, uint32_t offset, uint32_t value) {
    const uint32_t comparator = (offset - 8) / 4;
    if (offset == 0 && (value & CTRL_KEY))
        core->s.fpb_ctrl = value & CTRL_ENABLE;
    else if (offset >= 8 && comparator < FPB_COMPARATORS)
        core->s.fpb_comp[comparator] = value;
    else
        return;
    mv_debug_changed(core);
}
