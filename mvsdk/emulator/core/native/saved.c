/* The whole state as bytes that outlive the process: the format is docs/core.md's "Saved states".
 *
 * Every number is little endian and nothing depends on how the host lays a structure out. What the executor keeps in its
 * own way (flags, scratch registers) is saved the way the architecture has it, so equal states are equal bytes.
 */
#include "core.h"

#include <string.h>

static const uint8_t MAGIC[8] = {'M', 'V', 'M', '3', '3', 'S', 'A', 'V'};
enum { VERSION = 1, HEADER = 24, CONTENTS = 0x100 };

static const uint32_t END_OF_PAGES = 0xFFFFFFFFu;

#define REGISTERS_SAVED 15 /* r0 to r12, SP, LR: the others hold nothing between two instructions */
#define FIELD(member) {offsetof(mv_state, member), sizeof(((mv_state *)0)->member), 4}
#define FIELD_OF(member, width) {offsetof(mv_state, member), sizeof(((mv_state *)0)->member), width}

/* Every member but the flags, in the order of the format; of each its bytes and those of one number. */
static const struct {
    uint16_t offset, size, width;
} fields[] = {
    {offsetof(mv_state, r), REGISTERS_SAVED * 4, 4}, FIELD(it), FIELD(thumb), FIELD(pc), FIELD(ipsr), FIELD(banked_sp), FIELD(sp_limit),
    FIELD(primask), FIELD(basepri), FIELD(faultmask), FIELD(control), FIELD(s), FIELD(fpscr), FIELD(fpccr), FIELD(fpcar),
    FIELD(fpdscr), FIELD(cpacr), FIELD(exclusive), FIELD(exclusive_address), FIELD(event), FIELD(sleeping),
    FIELD(reset_requested), FIELD(vtor), FIELD(prigroup), FIELD(scr), FIELD(ccr), FIELD(shcsr_enables), FIELD(cfsr), FIELD(hfsr),
    FIELD(dfsr), FIELD(mmfar), FIELD(bfar), FIELD(afsr), FIELD(pending), FIELD(active), FIELD(enabled), FIELD(line),
    FIELD_OF(priority, 1), FIELD(syst_csr), FIELD(syst_rvr), FIELD(syst_val), FIELD(syst_fill), FIELD_OF(syst_base, 8),
    FIELD(mpu_ctrl), FIELD(mpu_rnr), FIELD(mpu_mair), FIELD(mpu_rbar), FIELD(mpu_rlar), FIELD(dwt_ctrl), FIELD(dwt_comp),
    FIELD(dwt_function), FIELD_OF(dwt_offset, 8), FIELD_OF(dwt_match_at, 8), FIELD(dhcsr), FIELD(dcrdr), FIELD(demcr), FIELD(fpb_ctrl),
    FIELD(fpb_comp), FIELD(itm_tcr), FIELD(itm_ter), FIELD(itm_tpr), FIELD(hit), FIELD(dwt_data_event), FIELD_OF(cycle, 8),
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

_Static_assert(sizeof(mv_state) >= 1364 && sizeof(mv_state) <= 1372, "a new member of mv_state goes into `fields`, docs/core.md and a new VERSION");

static size_t put(uint8_t *bytes, size_t at, uint64_t value, size_t width) {
    for (size_t i = 0; bytes != NULL && i < width; i++) bytes[at + i] = (uint8_t)(value >> (8 * i));
    return at + width;
}

static uint64_t get(const uint8_t *bytes, size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* -- registers ----------------------------------------------------------------------------------------------------------- */

/* N, Z, C, V, Q in bits 31 to 27 and GE in 19 to 16, as in APSR. */
static uint32_t flags_of(const mv_state *s) {
    return (s->n & 1u << 31) | (uint32_t)(s->z == 0) << 30 | (s->c & 1) << 29 | (s->v >> 31) << 28 | (uint32_t)(s->q != 0) << 27 | s->ge << 16;
}

static void set_flags(mv_state *s, uint32_t value) {
    s->n = value & 1u << 31;
    s->z = ~value & 1u << 30;
    s->c = value >> 29 & 1;
    s->v = value << 3 & 1u << 31;
    s->q = value >> 27 & 1;
    s->ge = value >> 16 & 15;
}

/* What decides nothing is nothing: the monitor's address while it watches none. */
static bool means_nothing(const mv_state *s, size_t offset) { return offset == offsetof(mv_state, exclusive_address) && s->exclusive == 0; }

static uint64_t member(const mv_state *s, size_t offset, size_t width) {
    const uint8_t *const at = (const uint8_t *)s + offset;
    uint32_t word;
    uint64_t two;
    if (means_nothing(s, offset)) return 0;
    if (width == 1) return *at;
    memcpy(&word, at, sizeof word);
    if (width == 4) return word;
    memcpy(&two, at, sizeof two);
    return two;
}

static void set_member(mv_state *s, size_t offset, size_t width, uint64_t value) {
    uint8_t *const at = (uint8_t *)s + offset;
    const uint32_t word = (uint32_t)value;
    if (width == 1) *at = (uint8_t)value;
    if (width == 4) memcpy(at, &word, sizeof word);
    if (width == 8) memcpy(at, &value, sizeof value);
}

/* The registers' part of a saved state, or with NULL only its size. */
size_t mv_put_state(const mv_state *s, uint8_t *bytes) {
    size_t at = put(bytes, 0, flags_of(s), 4);
    for (size_t i = 0; i < FIELDS; i++)
        for (size_t done = 0; done < fields[i].size; done += fields[i].width)
            at = put(bytes, at, bytes == NULL ? 0 : member(s, fields[i].offset + done, fields[i].width), fields[i].width);
    return at;
}

static void get_state(mv_state *s, const uint8_t *bytes) {
    memset(s, 0, sizeof *s);
    set_flags(s, (uint32_t)get(bytes, 4));
    size_t at = 4;
    for (size_t i = 0; i < FIELDS; i++)
        for (size_t done = 0; done < fields[i].size; done += fields[i].width, at += fields[i].width)
            set_member(s, fields[i].offset + done, fields[i].width, get(bytes + at, fields[i].width));
}

/* -- sanity -------------------------------------------------------------------------------------------------------------- */

/* A set holds no exception but those that the core has. */
static bool is_known(const mv_core *core, const uint32_t *set) {
    for (uint32_t i = 0; i < EXCEPTION_WORDS; i++) {
        const uint32_t first = i * 32, end = EXC_IRQ0 + core->interrupts;
        uint32_t known = first >= end ? 0 : end - first >= 32 ? ~0u : (1u << (end - first)) - 1;
        if (i == 0) known &= ~1u;
        if ((set[i] & ~known) != 0) return false;
    }
    return true;
}

static bool has_sane_program(const mv_state *s) {
    return s->pc % 2 == 0 && s->thumb <= 1 && s->it <= 0xFF && (s->it == 0 || (s->it & 15) != 0) && s->ipsr <= 0x1FF && s->c <= 1 &&
           s->ge <= 15 && s->r[R_SP] % 4 == 0 && s->banked_sp % 4 == 0 && s->r[R_ZERO] == 0 && s->control <= 7 && s->primask <= 1 &&
           s->faultmask <= 1 && (s->basepri & ~0xF0u) == 0 && s->sp_limit[0] % 8 == 0 && s->sp_limit[1] % 8 == 0 &&
           (s->fpscr & ~FPSCR_WRITABLE) == 0 && s->exclusive <= 1 && s->event <= 1;
}

static bool has_sane_priorities(const mv_state *s) {
    for (uint32_t i = 0; i < EXCEPTIONS; i++)
        if ((s->priority[i] & 0x0F) != 0) return false;
    return s->prigroup <= 7 && (s->enabled[0] & ALWAYS_ENABLED) == ALWAYS_ENABLED;
}

static bool has_sane_peripherals(const mv_state *s) {
    return s->sleeping <= 2 && s->reset_requested <= 1 && s->mpu_rnr < MPU_REGIONS && s->mpu_ctrl <= 7 &&
           s->hit.pending <= 1 && s->hit.writes <= 1 && s->dwt_data_event <= 1 && s->cycle <= LAST_CYCLE + BLOCK_HALFWORDS && s->syst_base <= s->cycle && s->syst_val <= 0xFFFFFF && s->syst_rvr <= 0xFFFFFF;
}

/* What the rest of the core relies on; every state that a guest and the calls of this header lead to is so. */
bool mv_is_sane(const mv_core *core, const mv_state *s) {
    return has_sane_program(s) && has_sane_priorities(s) && has_sane_peripherals(s) && is_known(core, s->pending) &&
           is_known(core, s->active) && is_known(core, s->enabled) && is_known(core, s->line);
}

/* -- memory -------------------------------------------------------------------------------------------------------------- */

static uint32_t memories(const mv_core *core) {
    uint32_t count = 0;
    for (size_t i = 0; i < core->ranges; i++) count += !core->range[i].device;
    return count;
}

/* The byte that all of a page is, or CONTENTS. */
static uint32_t form_of(const uint8_t *page) { return memcmp(page, page + 1, PAGE_SIZE - 1) == 0 ? page[0] : (uint32_t)CONTENTS; }

static size_t put_range(const mv_range *range, uint8_t *bytes, size_t at) {
    at = put(bytes, put(bytes, at, range->base, 4), range->size, 4);
    for (uint32_t i = 0; i < range->size >> PAGE_BITS; i++) {
        const uint8_t *const page = mv_frame_bytes(range, i);
        const uint32_t form = form_of(page);
        if (form == 0) continue;
        at = put(bytes, put(bytes, at, (uint64_t)i << PAGE_BITS, 4), form, 4);
        if (form != CONTENTS) continue;
        if (bytes != NULL) memcpy(bytes + at, page, PAGE_SIZE);
        at += PAGE_SIZE;
    }
    return put(bytes, at, END_OF_PAGES, 4);
}

/* Write the saved state to `bytes`, or with NULL only return its size. */
size_t mv_save(const mv_core *core, uint8_t *bytes) {
    const bool steps = core->stepped_breakpoint == (core->s.pc | 1);
    if (bytes != NULL) memcpy(bytes, MAGIC, sizeof MAGIC);
    size_t at = put(bytes, sizeof MAGIC, VERSION, 4);
    at = put(bytes, at, core->interrupts, 4);
    at = put(bytes, at, memories(core), 4);
    at = put(bytes, at, steps, 4);
    at += mv_put_state(&core->s, bytes == NULL ? NULL : bytes + at);
    for (size_t i = 0; i < core->ranges; i++)
        if (!core->range[i].device) at = put_range(&core->range[i], bytes, at);
    return at;
}

typedef struct {
    const uint8_t *bytes;
    size_t size, at;
} reader;

static bool take(reader *r, uint32_t *value) {
    if (r->size - r->at < 4) return false;
    *value = (uint32_t)get(r->bytes + r->at, 4);
    r->at += 4;
    return true;
}

/* Let a page hold what was saved. What holds that already stays shared with whom it was. */
static void set_page(mv_core *core, mv_range *range, uint32_t index, uint32_t form, const uint8_t *contents) {
    uint8_t filled[PAGE_SIZE];
    if (form == 0) {
        mv_frame_set(core, range, index, mv_zero_page());
        return;
    }
    memset(filled, (int)(form & 0xFF), sizeof filled);
    const uint8_t *const wanted = form == CONTENTS ? contents : filled;
    if (memcmp(mv_frame_bytes(range, index), wanted, PAGE_SIZE) == 0) return;
    mv_frame_own(core, range, index);
    memcpy(range->host + ((size_t)index << PAGE_BITS), wanted, PAGE_SIZE);
    if (range->frame[index].code) range->frame[index].stale = true;
}

/* Go through the pages of one range, into memory if `apply`; false where they are not what the range can hold. */
static bool read_range(mv_core *core, mv_range *range, reader *r, bool apply) {
    uint32_t base, size, offset, form, next = 0;
    if (!take(r, &base) || !take(r, &size) || base != range->base || size != range->size) return false;
    for (;;) {
        if (!take(r, &offset)) return false;
        const uint32_t until = (offset == END_OF_PAGES ? range->size : offset) >> PAGE_BITS;
        for (; apply && next < until; next++) set_page(core, range, next, 0, NULL);
        if (offset == END_OF_PAGES) return true;
        if (offset % PAGE_SIZE != 0 || offset >> PAGE_BITS < next || offset >= range->size || !take(r, &form)) return false;
        if (form == 0 || form > CONTENTS || (form == CONTENTS && r->size - r->at < PAGE_SIZE)) return false;
        if (apply) set_page(core, range, offset >> PAGE_BITS, form, r->bytes + r->at);
        if (form == CONTENTS) r->at += PAGE_SIZE;
        next = (offset >> PAGE_BITS) + 1;
    }
}

static bool walk(mv_core *core, reader *r, bool apply) {
    uint32_t version, interrupts, ranges, steps;
    mv_state s;
    if (r->size < sizeof MAGIC || memcmp(r->bytes, MAGIC, sizeof MAGIC) != 0) return false;
    r->at = sizeof MAGIC;
    if (!take(r, &version) || !take(r, &interrupts) || !take(r, &ranges) || !take(r, &steps)) return false;
    if (version != VERSION || interrupts != core->interrupts || ranges != memories(core) || steps > 1) return false;
    const size_t registers = mv_put_state(&core->s, NULL);
    if (r->size - r->at < registers) return false;
    get_state(&s, r->bytes + r->at);
    r->at += registers;
    if (!mv_is_sane(core, &s)) return false;
    for (size_t i = 0; i < core->ranges; i++)
        if (!core->range[i].device && !read_range(core, &core->range[i], r, apply)) return false;
    if (apply) mv_entered_state(core, &s, steps ? s.pc | 1 : 0);
    return r->at == r->size;
}

/* Become what was saved; false, and nothing changed, if the bytes are no saved state of a core with this memory map. */
bool mv_load(mv_core *core, const uint8_t *bytes, size_t size) {
    reader check = {bytes, size, 0}, apply = {bytes, size, 0};
    return walk(core, &check, false) && walk(core, &apply, true);
}
