/* What identifies the components of a Cortex-M33 to a debugger (CoreSight Architecture Specification, and the ROM table and
 * identification registers of Arm 100230). */
#include "core.h"

enum { PID_ROM_TABLE = 0x4C9, PID_M33 = 0xD21, CLASS_ROM_TABLE = 1, CLASS_CORESIGHT = 9 };

typedef struct {
    uint32_t page, part, class, architecture, type;
} component;

/* ITM, DWT, FPB, SCS, the ROM table. */
static const component components[] = {
    {0xE0000, PID_M33, CLASS_CORESIGHT, 0x47701A01, 0x43}, {0xE0001, PID_M33, CLASS_CORESIGHT, 0x47701A02, 0},
    {0xE0002, PID_M33, CLASS_CORESIGHT, 0x47701A03, 0},    {0xE000E, PID_M33, CLASS_CORESIGHT, 0x47702A04, 0},
    {0xE00FF, PID_ROM_TABLE, CLASS_ROM_TABLE, 0, 1},
};

/* Distances from the table to SCS, DWT, FPB, ITM, and, marked as not there, TPIU, ETM, CTI, MTB. */
static const uint32_t rom_table[] = {
    0xFFF0F003, 0xFFF02003, 0xFFF03003, 0xFFF01003, 0xFFF41002, 0xFFF42002, 0xFFF43002, 0xFFF44002,
};

enum { ARM_JEP106 = 0x3B, ARM_CONTINUATION = 4, JEDEC = 8 };

static uint32_t identify(const component *c, uint32_t offset) {
    switch (offset) {
    case 0xFBC: return c->architecture;
    case 0xFCC: return c->type;
    case 0xFD0: return ARM_CONTINUATION;
    case 0xFE0: return c->part & 0xFF;
    case 0xFE4: return (ARM_JEP106 & 15) << 4 | c->part >> 8;
    case 0xFE8: return JEDEC | ARM_JEP106 >> 4;
    case 0xFF0: return 0x0D;
    case 0xFF4: return c->class << 4;
    case 0xFF8: return 0x05;
    case 0xFFC: return 0xB1;
    default: return 0;
    }
}

uint32_t mv_coresight_read(uint32_t page, uint32_t offset) {
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++)
        if (components[i].page == page && offset >= 0xFBC) return identify(&components[i], offset);
    return page == 0xE00FF && offset < sizeof rom_table ? rom_table[offset / 4] : 0;
}
