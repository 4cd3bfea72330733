/* Loads and stores that are more than one word, or more than a load or store. False with the fault noted where one fails. */
#include "core.h"

#include <string.h>

static uint32_t listed(const mv_op *u, uint32_t i) { return (i < 8 ? u->imm >> (4 * i) : (uint32_t)u->s >> (4 * (i - 8))) & 15u; }

bool mv_load_words(mv_core *core, uint32_t address, uint32_t *words, uint32_t count) {
    if (address % 4 != 0) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    const uintptr_t page = core->readable[address >> PAGE_BITS];
    if (page != 0 && (address & (PAGE_SIZE - 1)) + count * 4 <= PAGE_SIZE) {
        memcpy(words, (const void *)(page + address), (size_t)count * 4);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!mv_read_aligned(core, address + i * 4, 4, &words[i])) return false;
    return true;
}

bool mv_store_words(mv_core *core, uint32_t address, const uint32_t *words, uint32_t count) {
    if (address % 4 != 0) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    const uintptr_t page = core->writable[address >> PAGE_BITS];
    if (page != 0 && (address & (PAGE_SIZE - 1)) + count * 4 <= PAGE_SIZE) {
        memcpy((void *)(page + address), words, (size_t)count * 4);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!mv_write_aligned(core, address + i * 4, 4, words[i])) return false;
    return true;
}

/* The slow way of LDM_1 and so on, whose operands semantics.h describes. */
bool mv_load_listed(mv_core *core, const mv_op *u, uint32_t count) {
    uint32_t words[MV_LISTED], *r = core->s.r;
    const uint32_t base = r[u->n];
    if (!mv_load_words(core, base + 4u * (uint32_t)(int8_t)u->d, words, count)) return false;
    r[u->n] = base + 4u * (uint32_t)(int8_t)u->m;
    for (uint32_t i = 0; i < count; i++) r[listed(u, i)] = words[i];
    return true;
}

bool mv_store_listed(mv_core *core, const mv_op *u, uint32_t count) {
    uint32_t words[MV_LISTED], *r = core->s.r;
    const uint32_t base = r[u->n];
    for (uint32_t i = 0; i < count; i++) words[i] = r[listed(u, i)];
    if (!mv_store_words(core, base + 4u * (uint32_t)(int8_t)u->d, words, count)) return false;
    r[u->n] = base + 4u * (uint32_t)(int8_t)u->m;
    return true;
}

/* LDM and STM of more registers than that: bit 0 of s: decrement before, m: write back, imm: size and list. */
bool mv_load_multiple(mv_core *core, const mv_op *u) {
    uint32_t words[16], *r = core->s.r;
    const uint32_t size = u->imm >> 16, base = r[u->n];
    if (!mv_load_words(core, u->s ? base - size : base, words, size / 4)) return false;
    if (u->m) r[u->n] = u->s ? base - size : base + size;
    uint32_t at = 0;
    for (uint32_t list = u->imm & 0xFFFF; list != 0; list &= list - 1) r[mv_lowest(list)] = words[at++];
    return true;
}

bool mv_store_multiple(mv_core *core, const mv_op *u) {
    uint32_t words[16], *r = core->s.r;
    const uint32_t size = u->imm >> 16, base = r[u->n];
    uint32_t at = 0;
    for (uint32_t list = u->imm & 0xFFFF; list != 0; list &= list - 1) words[at++] = r[mv_lowest(list)];
    if (!mv_store_words(core, u->s ? base - size : base, words, size / 4)) return false;
    if (u->m) r[u->n] = u->s ? base - size : base + size;
    return true;
}

/* LDRD, STRD: s is 0 for offset, 1 for pre-indexed, 2 for post-indexed. */
bool mv_load_pair(mv_core *core, const mv_op *u) {
    uint32_t words[2], *r = core->s.r;
    const uint32_t indexed = r[u->n] + u->imm;
    if (!mv_load_words(core, u->s == 2 ? r[u->n] : indexed, words, 2)) return false;
    if (u->s != 0) r[u->n] = indexed;
    r[u->d] = words[0];
    r[u->m] = words[1];
    return true;
}

bool mv_store_pair(mv_core *core, const mv_op *u) {
    uint32_t *r = core->s.r;
    const uint32_t words[2] = {r[u->d], r[u->m]}, indexed = r[u->n] + u->imm;
    if (!mv_store_words(core, u->s == 2 ? r[u->n] : indexed, words, 2)) return false;
    if (u->s != 0) r[u->n] = indexed;
    return true;
}

/* VLDM, VSTM: m words from s[d]; bit 0 of s: decrement before, bit 1: write back; imm the change of the base. */
bool mv_fp_load_multiple(mv_core *core, const mv_op *u) {
    const uint32_t base = core->s.r[u->n];
    uint32_t words[32];
    if (!mv_load_words(core, u->s & 1 ? base + u->imm : base, words, u->m)) return false;
    memcpy(&core->s.s[u->d], words, sizeof(uint32_t) * u->m);
    if (u->s & 2) core->s.r[u->n] = base + u->imm;
    return true;
}

bool mv_fp_store_multiple(mv_core *core, const mv_op *u) {
    const uint32_t base = core->s.r[u->n];
    if (!mv_store_words(core, u->s & 1 ? base + u->imm : base, &core->s.s[u->d], u->m)) return false;
    if (u->s & 2) core->s.r[u->n] = base + u->imm;
    return true;
}

/* The local monitor remembers one address; anything but the matching store finds it gone. */
bool mv_load_exclusive(mv_core *core, const mv_op *u) {
    const uint32_t address = core->s.r[u->n] + u->imm;
    uint32_t value;
    if (!mv_read_aligned(core, address, u->s, &value)) return false;
    core->s.exclusive = 1;
    core->s.exclusive_address = address;
    core->s.r[u->d] = value;
    return true;
}

bool mv_store_exclusive(mv_core *core, const mv_op *u) {
    const uint32_t address = core->s.r[u->n] + u->imm;
    if (address & (u->s - 1u)) return mv_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED, address);
    const bool held = core->s.exclusive != 0 && core->s.exclusive_address == address;
    if (held && !mv_write_aligned(core, address, u->s, core->s.r[u->m])) return false;
    core->s.exclusive = 0;
    core->s.r[u->d] = !held;
    return true;
}

bool mv_load_user(mv_core *core, const mv_op *u) {
    uint32_t value;
    if (!mv_read_as(core, core->s.r[u->n] + u->imm, u->s, false, &value)) return false;
    core->s.r[u->d] = (uint32_t)((int64_t)(int32_t)(value << u->m) >> u->m);
    return true;
}

bool mv_load_aligned(mv_core *core, const mv_op *u) {
    uint32_t value;
    if (!mv_read_aligned(core, core->s.r[u->n], u->s, &value)) return false;
    core->s.r[u->d] = value;
    return true;
}

