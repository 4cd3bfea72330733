/* Memory protection: PMSAv8 with eight regions, over the architecture's default memory map (DDI0553, PMSAv8). */
#include "core.h"

enum { MPU_ENABLE = 1, MPU_HFNMIENA = 2, MPU_PRIVDEFENA = 4, NO_REGION = -1, SEVERAL_REGIONS = -2 };

typedef struct {
    bool read, write, execute, device;
} rights;

/* 0x40000000 and 0xA0000000 to 0xFFFFFFFF are Device and never executed; the rest is Normal memory. */
static rights default_rights(uint32_t address) {
    const uint32_t block = address >> 29;
    const bool device = block == 2 || block >= 5;
    return (rights){true, true, !device, device};
}

static bool is_on(const mv_core *core) {
    if ((core->s.mpu_ctrl & MPU_ENABLE) == 0) return false;
    return (core->s.mpu_ctrl & MPU_HFNMIENA) != 0 || mv_execution_priority(core) >= 0;
}

/* Which rules hold: 0 for the default map alone, 1 for the regions and privileged code, 2 for unprivileged code. */
uint32_t mv_protection(const mv_core *core) { return !is_on(core) ? 0 : mv_is_privileged(core) ? 1 : 2; }

static int region_at(const mv_core *core, uint32_t address) {
    int found = NO_REGION;
    for (int i = 0; i < MPU_REGIONS; i++) {
        const uint32_t base = core->s.mpu_rbar[i] & ~31u, limit = core->s.mpu_rlar[i] | 31u;
        if ((core->s.mpu_rlar[i] & 1) == 0 || address < base || address > limit) continue;
        if (found != NO_REGION) return SEVERAL_REGIONS;
        found = i;
    }
    return found;
}

static rights region_rights(const mv_core *core, int region, bool privileged) {
    const uint32_t base = core->s.mpu_rbar[region], limit = core->s.mpu_rlar[region];
    const uint32_t attribute = core->s.mpu_mair[limit >> 3 & 1] >> (8 * (limit >> 1 & 3)) & 0xFF;
    const bool read = privileged || (base & 2) != 0;
    return (rights){read, read && (base & 4) == 0, read && (base & 1) == 0, attribute >> 4 == 0};
}

static rights rights_at(const mv_core *core, uint32_t address, bool privileged) {
    const rights nothing = {false, false, false, false};
    if (!is_on(core)) return default_rights(address);
    const int region = region_at(core, address);
    if (region >= 0) return region_rights(core, region, privileged);
    return region == NO_REGION && privileged && (core->s.mpu_ctrl & MPU_PRIVDEFENA) ? default_rights(address) : nothing;
}

bool mv_mpu_allows(const mv_core *core, uint32_t address, mv_access access, bool privileged) {
    const rights r = rights_at(core, address, privileged);
    return access == ACCESS_READ ? r.read : access == ACCESS_WRITE ? r.write : r.execute;
}

/* Tell whether the whole page around an address has one answer, and that is yes. */
bool mv_mpu_page_allows(const mv_core *core, uint32_t address, mv_access access, bool privileged) {
    const uint32_t first = address & ~(uint32_t)(PAGE_SIZE - 1), last = first + (PAGE_SIZE - 1);
    for (int i = 0; is_on(core) && i < MPU_REGIONS; i++) {
        const uint32_t base = core->s.mpu_rbar[i] & ~31u, limit = core->s.mpu_rlar[i] | 31u;
        if ((core->s.mpu_rlar[i] & 1) == 0 || base > last || limit < first) continue;
        if (base > first || limit < last) return false;
    }
    return mv_mpu_allows(core, address, access, privileged);
}

bool mv_is_device_memory(const mv_core *core, uint32_t address) {
    return mv_is_private(address) || rights_at(core, address, true).device;
}

/* TT and TTT as non-secure code sees them: the security fields read as zero (DDI0553, TT). */
uint32_t mv_test_target(const mv_core *core, uint32_t address, bool privileged) {
    if (!mv_is_privileged(core)) return 0;
    const rights r = rights_at(core, address, privileged);
    const int region = is_on(core) ? region_at(core, address) : NO_REGION;
    return (region >= 0 ? 1u << 16 | (uint32_t)region : 0) | (uint32_t)r.read << 18 | (uint32_t)r.write << 19;
}
