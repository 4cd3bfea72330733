/* Feeds the native core arbitrary bytes: a memory map, code, registers, and an order of calls.
 *
 * Every input makes two cores that live through the same, save that one of them runs in one piece what the other runs in
 * several; and the other has its flash out of an image, goes through its own snapshots and saved states, is watched, and
 * is written to through views, whenever the input says so. What must hold whatever the bytes are:
 *   - the two never differ, in stop reasons or in a single byte of their saved states;
 *   - time never goes back save to a snapshot, and a run that reached its deadline is there;
 *   - a state that a guest can get into is one that `mv_load` takes;
 *   - bytes that are no saved state change nothing, and bytes that pass for one leave a core that can run;
 *   - what a copy of a core does changes nothing in the core, and what a trace saw is covered;
 *   - register banks, however described, do the same in both;
 *   - no page that somebody watches has a way past the watcher.
 * Built for libFuzzer (`make fuzz`), or with replay.c, which needs no fuzzing engine.
 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { FLASH = 0x08000000, RAM = 0x20000000, DEVICE = 0x40000000, VECTORS = 0x200, MOST_STEPS = 48, MOST_CYCLES = 0xFFF };
enum { BANKS = PAGE_SIZE / BANK_SIZE, WORDS = BANK_HEADER + 16, MOST_RULES = 12 };
enum { MOST_STOPS = 4, MOST_WATCHES = 3, STACK_TOP = RAM + PAGE_SIZE };
#define CHIP_DEVICE 0xE0044000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -- what the bytes say -------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at, *end;
} feed;

/* Past its end a feed is all zeros, so every input says something. */
static uint32_t take(feed *f, uint32_t bytes) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        if (f->at < f->end) value |= (uint32_t)*f->at++ << (8 * i);
    return value;
}

static const uint8_t *take_bytes(feed *f, size_t most, size_t *size) {
    const uint8_t *const bytes = f->at;
    const size_t left = (size_t)(f->end - f->at);
    *size = left < most ? left : most;
    f->at += *size;
    return bytes;
}

/* -- a device whose behaviour is part of the input ------------------------------------------------------------------------ */

enum { DO_HALT = 1, DO_PEND = 2, DO_LINE = 4, DO_WRITE_CODE = 8, DO_BUS_ERROR = 16, DO_ABORT = 32, DO_STOPS = 64 };

typedef struct {
    mv_core *core;
    uint32_t accesses, seed, habits, every;
    uint32_t words[BANKS][WORDS]; /* of its register banks */
    bool is_itm;
} device;

/* A device changes its banks whenever it is asked: values, masks, whether and how long they answer. */
static void change_banks(device *d) {
    for (uint32_t i = 0; i < BANKS; i++) {
        uint32_t *const words = d->words[i];
        words[(d->seed + d->accesses * 7) % WORDS] ^= d->seed * 2654435761u;
        words[BANK_OPEN] |= d->accesses & 3;
        words[BANK_UNTIL] = (uint32_t)d->core->s.cycle + (d->seed & 0x3F);
        words[BANK_UNTIL + 1] = d->seed >> 6 & 1;
        if (d->seed & 128) words[BANK_SINCE] = (uint32_t)d->core->s.cycle;
        words[BANK_SINCE + 1] &= 1;
        words[BANK_STEP] &= 0xFF;
    }
}

static mv_answer behave(device *d, uint32_t offset, uint32_t size) {
    REQUIRE(size == 1 || size == 2 || size == 4);
    REQUIRE((d->is_itm ? offset < 32 : offset % size == 0) && offset < PAGE_SIZE);
    d->accesses++;
    change_banks(d);
    if (d->every == 0 || d->accesses % d->every != 0) return ANSWER_OK;
    mv_core *const core = d->core;
    const uint32_t irq = (d->seed + d->accesses) % 64;
    if (d->habits & DO_HALT) core->attention |= ATT_HALT;
    if (d->habits & DO_PEND) mv_pend(core, EXC_IRQ0 + irq);
    if (d->habits & DO_LINE) mv_set_line(core, irq, d->accesses & 1);
    if (d->habits & DO_WRITE_CODE) {
        uint8_t bytes[4] = {0x70, 0x47, 0x00, 0xBF};
        mv_debug_copy(core, core->s.pc + (d->seed & 0xFE), bytes, sizeof bytes, true);
    }
    if (d->habits & DO_STOPS) {
        const uint32_t address = core->s.pc + 8;
        mv_set_stops(core, &address, 1, 0, false);
    }
    if (d->habits & DO_BUS_ERROR) return ANSWER_BUS_ERROR;
    return d->habits & DO_ABORT ? ANSWER_ABORT : ANSWER_OK;
}

static mv_answer device_read(void *owner, uint32_t offset, uint32_t size, uint32_t *value) {
    device *const d = owner;
    const mv_answer answer = behave(d, offset, size);
    *value = (d->accesses * 2654435761u ^ d->seed) & (size == 4 ? ~0u : (1u << 8 * size) - 1);
    return answer;
}

static mv_answer device_write(void *owner, uint32_t offset, uint32_t size, uint32_t value) {
    device *const d = owner;
    REQUIRE(size == 4 || value >> (8 * size) == 0);
    d->seed = d->seed * 33 + value;
    return behave(d, offset, size);
}

static bool poll(mv_core *core) { return core != NULL; }

/* -- making a core -------------------------------------------------------------------------------------------------------- */

typedef struct {
    mv_core *core;
    device device, itm;
    mv_snapshot *kept; /* a state to go back to, and the device's then */
    uint8_t *saved;
    size_t saved_size;
    device kept_device, kept_itm;
    uint8_t *seen; /* a view of RAM, writable */
    uint32_t seen_at, seen_size;
} rig;

enum { IMAGE_FILL = 0 };

/* A core like new. Its page tables are large, so they are used again; every so often an input takes the long way. */
static mv_core *renew(mv_core *core, uint32_t interrupts) {
    mv_forget_code(core);
    mv_unbind(core, NULL);
    mv_forget_pages(core);
    for (size_t i = 0; i < core->ranges; i++) mv_range_end(&core->range[i]);
    free(core->range);
    free(core->stop_at);
    free(core->watch);
    free(core->trace);
    const mv_core old = *core;
    memset(core, 0, sizeof *core);
    core->readable = old.readable;
    core->writable = old.writable;
    core->scratch = old.scratch;
    core->interrupts = interrupts;
    return core;
}

static void forget_kept(rig *r) {
    if (r->kept != NULL) mv_free_snapshot(r->kept);
    free(r->saved);
    r->kept = NULL;
    r->saved = NULL;
}

static void close_view(rig *r) {
    if (r->seen != NULL) mv_conceal(r->core, r->seen_at, r->seen_size, true);
    r->seen = NULL;
}

typedef struct {
    uint32_t interrupts, layout, extra_base, extra_pages;
    bool take_hardfault;
} plan;

/* Memory of zeros, or the same out of an image. */
static bool map_flash(mv_core *core, uint32_t size, bool writable, bool from_image) {
    mv_image *const image = from_image ? mv_image_new(NULL, 0, size, IMAGE_FILL) : NULL;
    REQUIRE(!from_image || image != NULL);
    const bool done = mv_map_memory(core, FLASH, size, writable, image);
    mv_image_drop(image);
    return done;
}

static void lay_out(mv_core *core, device *answering, const plan *p, bool from_image) {
    const uint32_t layout = p->layout;
    core->poll = poll;
    core->device_read = device_read;
    core->device_write = device_write;
    core->take_hardfault = p->take_hardfault;
    REQUIRE(map_flash(core, 2 * PAGE_SIZE, (layout & 1) != 0, from_image));
    REQUIRE(mv_map_memory(core, RAM, (1 + (layout >> 1 & 3)) * PAGE_SIZE, true, NULL));
    REQUIRE(mv_map_device(core, DEVICE, PAGE_SIZE, answering));
    REQUIRE(mv_map_device(core, CHIP_DEVICE, PAGE_SIZE, answering));
    REQUIRE(!mv_map_memory(core, RAM, PAGE_SIZE, true, NULL));
    REQUIRE(!mv_map_device(core, 0xE000E000u, PAGE_SIZE, answering));
    if (layout & 8) mv_map_memory(core, FLASH + 2 * PAGE_SIZE, PAGE_SIZE, true, NULL);
    if (layout & 16) mv_map_memory(core, 0xFFFFF000u, PAGE_SIZE, true, NULL);
    if (layout & 32) mv_map_memory(core, 0, PAGE_SIZE, (layout & 1) != 0, NULL);
    if (layout & 64) mv_map_device(core, RAM - PAGE_SIZE, PAGE_SIZE, answering);
    if (layout & 128) mv_map_memory(core, p->extra_base & ~(PAGE_SIZE - 1u), (p->extra_pages & 3) * PAGE_SIZE, true, NULL);
    if (p->extra_pages & 4) {
        REQUIRE(mv_guard(core, FLASH, answering));
        REQUIRE(!mv_guard(core, FLASH, answering) && !mv_guard(core, DEVICE, answering) && !mv_guard(core, FLASH + 2, answering));
        REQUIRE(mv_guard_reads(core, FLASH + PAGE_SIZE + 4, (p->extra_pages & 8) != 0));
        REQUIRE(!mv_guard_reads(core, RAM, true));
    }
}

static void build(rig *r, const plan *p, bool from_image) {
    if (r->core != NULL) close_view(r);
    forget_kept(r);
    if (r->core != NULL && p->layout == 0xA5) {
        mv_free(r->core);
        r->core = NULL;
    }
    mv_core *const core = r->core == NULL ? mv_new(p->interrupts) : renew(r->core, p->interrupts);
    REQUIRE(core != NULL);
    *r = (rig){.core = core, .device = {.core = core, .seed = p->layout}, .itm = {.core = core, .is_itm = true}};
    core->itm_output = &r->itm;
    lay_out(core, &r->device, p, from_image);
}

static void put_word(mv_core *core, uint32_t address, uint32_t value) {
    uint8_t bytes[4];
    for (uint32_t i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (8 * i));
    REQUIRE(mv_debug_copy(core, address, bytes, sizeof bytes, true));
}

/* A vector table whose handlers start all over the code. */
static void lay_out_code(mv_core *core, const uint8_t *code, size_t size, uint32_t spread) {
    REQUIRE(mv_debug_copy(core, FLASH + VECTORS, (uint8_t *)(uintptr_t)code, size, true));
    REQUIRE(mv_debug_copy(core, RAM + 0x100, (uint8_t *)(uintptr_t)code, size / 2, true));
    put_word(core, FLASH, STACK_TOP);
    for (uint32_t i = 1; i < VECTORS / 4; i++) put_word(core, FLASH + 4 * i, (FLASH + VECTORS + (i - 1) * spread % 0x1C0) | 1);
}

/* The floating-point unit on, its registers holding the kinds of numbers there are, and pointers to hand. */
static void equip(mv_core *core, uint32_t how) {
    static const uint32_t number[] = {
        0, 0x80000000u, 1, 0x007FFFFF, 0x00800000, 0x3F800000, 0xBF800000u, 0x7F7FFFFF, 0x7F800000, 0xFF800000u, 0x7F800001,
        0xFFC00000u, 0x4F000000, 0xCF000001u, 0x477FE000, 0x387FC000, 0x33000000, 0x5F7FFFFF, 0x3F000000, 0x40490FDB,
    };
    static const uint32_t address[] = {RAM, RAM + 0x7FD, DEVICE, DEVICE + 4, FLASH, 0xE000ED94u, RAM + PAGE_SIZE - 6, 1};
    REQUIRE(mv_private_write(core, 0xE000ED88u, 4, true, 0x00F00000));
    for (uint32_t i = 0; i < 32; i++) core->s.s[i] = number[(how * (i + 1) + i) % (sizeof number / sizeof number[0])];
    for (uint32_t i = 0; i < 8; i++) core->s.r[i] = address[(how + i) % 8];
    core->s.fpscr = (how & 7) << 22 | (how & 8) << 21 | (how & 16) << 22;
}

/* -- laws ----------------------------------------------------------------------------------------------------------------- */

static uint8_t *saved_state(const rig *r, size_t *size) {
    *size = mv_save(r->core, NULL);
    uint8_t *const bytes = malloc(*size);
    REQUIRE(bytes != NULL && mv_save(r->core, bytes) == *size);
    return bytes;
}

static void require_pages_within(const mv_core *core) {
    for (size_t i = 0; i < core->ranges; i++) {
        const mv_range *const range = &core->range[i];
        for (uint32_t page = 0; page < range->size >> PAGE_BITS; page++) {
            const size_t at = (range->base >> PAGE_BITS) + page;
            const uintptr_t host = (uintptr_t)range->host - range->base, guest = range->base + (page << PAGE_BITS);
            REQUIRE(!range->device || (core->readable[at] == 0 && core->writable[at] == 0));
            if (range->device) continue;
            REQUIRE(!mv_is_watched_page(core, (uint32_t)guest) || (core->readable[at] == 0 && core->writable[at] == 0));
            const mv_frame *const frame = &range->frame[page];
            REQUIRE(frame->resident || frame->shared != NULL);
            REQUIRE(core->readable[at] == 0 || (const uint8_t *)(core->readable[at] + guest) == mv_frame_bytes(range, page) ||
                    (frame->shared != NULL && (const uint8_t *)(core->readable[at] + guest) == frame->shared->bytes));
            REQUIRE(core->writable[at] == 0 || (range->writable && !frame->code && frame->shared == NULL && core->writable[at] == host));
            REQUIRE(frame->writable_views == 0 || frame->shared == NULL);
            if (frame->resident && frame->shared != NULL)
                REQUIRE(memcmp(frame->shared->bytes, range->host + ((size_t)page << PAGE_BITS), PAGE_SIZE) == 0);
        }
    }
}

static void require_same(const rig *a, const rig *b) {
    size_t size, other_size;
    uint8_t *const bytes = saved_state(a, &size), *const others = saved_state(b, &other_size);
    REQUIRE(a->device.accesses == b->device.accesses && a->itm.accesses == b->itm.accesses);
    REQUIRE(memcmp(a->device.words, b->device.words, sizeof a->device.words) == 0);
    if (size == other_size && memcmp(bytes, others, size) != 0)
        for (size_t i = 0; i < size; i++)
            if (bytes[i] != others[i]) fprintf(stderr, "saved states differ at byte %zu of %zu: %02X, %02X\n", i, size, bytes[i], others[i]);
    REQUIRE(size == other_size && memcmp(bytes, others, size) == 0);
    free(bytes);
    free(others);
}

/* As long as the ring holds all there was, everything in it is covered. */
static void require_trace_covered(mv_core *core) {
    for (size_t i = 0; core->covering && core->traced <= core->trace_length && i < core->traced; i++) {
        const uint32_t address = core->trace[i].address;
        const mv_range *const range = mv_range_at(core, address);
        if (range == NULL || range->device) continue;
        const uint32_t offset = address - range->base;
        REQUIRE(range->executed[offset >> 4] >> (offset >> 1 & 7) & 1);
    }
}

static void require_laws(const rig *a, const rig *b) {
    REQUIRE(mv_is_sane(a->core, &a->core->s));
    require_pages_within(a->core);
    require_pages_within(b->core);
    require_trace_covered(b->core);
    require_same(a, b);
}

/* -- what is done to them -------------------------------------------------------------------------------------------------- */

/* Nothing of how a run ended, or of accesses that only runs make, is left for what comes next. */
static void rest(mv_core *core) { core->attention &= ~(uint32_t)(ATT_HALT | ATT_ABORT); }

static mv_stop run(mv_core *core, uint64_t until) {
    const uint64_t before = core->s.cycle;
    rest(core);
    const mv_stop stop = mv_run(core, until);
    REQUIRE(stop <= STOP_ABORT);
    if (until > LAST_CYCLE) until = LAST_CYCLE;
    REQUIRE(core->s.cycle >= before && (core->s.cycle <= until + 1 || core->s.cycle == before));
    REQUIRE(stop != STOP_DEADLINE || core->s.cycle >= until);
    REQUIRE((stop == STOP_IDLE) <= (core->s.sleeping != 0));
    return stop;
}

static void describe(const char *how, const mv_core *core, mv_stop stop) {
    fprintf(stderr, "%s: stop %d at cycle %llu, pc %08X, xpsr %08X, cfsr %08X\n", how, (int)stop,
            (unsigned long long)core->s.cycle, (unsigned)core->s.pc, (unsigned)mv_xpsr(core), (unsigned)core->s.cfsr);
}

static void require_same_stop(const rig *a, mv_stop one, const rig *b, mv_stop other) {
    REQUIRE(one == other);
    REQUIRE(one != STOP_WATCHPOINT || memcmp(&a->core->last_hit, &b->core->last_hit, sizeof(mv_hit)) == 0);
}

static void run_both(rig *a, rig *b, uint32_t cycles, uint32_t piece) {
    const uint64_t start = a->core->s.cycle, until = start + cycles;
    const mv_stop whole = run(a->core, until);
    mv_stop last = STOP_DEADLINE;
    for (uint64_t next = start; (last == STOP_DEADLINE || last == STOP_IDLE) && next < until;) {
        next = until - next > piece ? next + piece : until;
        last = run(b->core, next);
    }
    if (cycles == 0) last = run(b->core, until);
    if (whole != last) {
        describe("in one piece", a->core, whole);
        describe("in several", b->core, last);
    }
    require_same_stop(a, whole, b, last);
    REQUIRE(whole != STOP_IDLE || mv_wake_cycle(a->core) >= until);
}

static void through_saved_state(rig *r) {
    size_t size;
    uint8_t *const bytes = saved_state(r, &size);
    REQUIRE(mv_load(r->core, bytes, size));
    free(bytes);
}

static void through_snapshot(rig *r) {
    mv_snapshot *const kept = mv_take_snapshot(r->core);
    REQUIRE(kept != NULL && mv_return_to_snapshot(r->core, kept));
    mv_free_snapshot(kept);
}

/* Both keep the present state, each in its way; or go back to the one they kept. */
static void keep_state(rig *a, rig *b) {
    forget_kept(a);
    forget_kept(b);
    a->saved = saved_state(a, &a->saved_size);
    b->kept = mv_take_snapshot(b->core);
    REQUIRE(b->kept != NULL);
    a->kept_device = a->device;
    b->kept_device = b->device;
    a->kept_itm = a->itm;
    b->kept_itm = b->itm;
}

static void go_back(rig *a, rig *b) {
    if (b->kept == NULL) return;
    REQUIRE(mv_load(a->core, a->saved, a->saved_size));
    REQUIRE(mv_return_to_snapshot(b->core, b->kept));
    a->device = a->kept_device;
    b->device = b->kept_device;
    a->itm = a->kept_itm;
    b->itm = b->kept_itm;
}

/* What another core does with the same pages is nothing to this one. */
static void run_a_copy(rig *r, const plan *p, uint32_t cycles) {
    size_t size, after;
    uint8_t *const before = saved_state(r, &size);
    rig copy = {.core = mv_new(p->interrupts), .device = r->device};
    REQUIRE(copy.core != NULL);
    copy.device.core = copy.core;
    lay_out(copy.core, &copy.device, p, (cycles & 1) != 0);
    mv_snapshot *const kept = mv_take_snapshot(r->core);
    REQUIRE(kept != NULL && mv_return_to_snapshot(copy.core, kept) && mv_copy_stops(copy.core, r->core));
    mv_free_snapshot(kept);
    const mv_stop stop = run(copy.core, copy.core->s.cycle + cycles);
    REQUIRE(stop <= STOP_ABORT);
    uint8_t *const unchanged = saved_state(r, &after);
    REQUIRE(size == after && memcmp(before, unchanged, size) == 0);
    mv_free(copy.core);
    free(before);
    free(unchanged);
}

static void watch(rig *r, uint32_t how) {
    REQUIRE(mv_trace(r->core, how & 1 ? 1u + how : 0));
    REQUIRE(mv_record_coverage(r->core, (how & 2) != 0));
    mv_count_instructions(r->core, (how & 4) != 0);
}

/* One is written to by a debugger, the other through a view of its memory that stays open. */
static void write_view(rig *a, rig *b, feed *f) {
    const uint32_t at = take(f, 2) % PAGE_SIZE, address = (at & 1 ? FLASH : RAM) + (at & ~1u);
    size_t size;
    const uint8_t *const bytes = take_bytes(f, 1 + take(f, 1) % 32, &size);
    if (at + size > PAGE_SIZE) return;
    close_view(b);
    b->seen = mv_expose(b->core, address, (uint32_t)size, true);
    b->seen_at = address;
    b->seen_size = (uint32_t)size;
    REQUIRE(b->seen != NULL);
    memcpy(b->seen, bytes, size);
    REQUIRE(mv_debug_copy(a->core, address, (uint8_t *)(uintptr_t)bytes, size, true));
}

/* Bytes of a saved state with some of them changed, or cut short: taken or refused, and the core goes on from a good one. */
static void corrupted(rig *r, feed *f) {
    size_t size;
    const device kept = r->device, kept_itm = r->itm;
    uint8_t *const good = saved_state(r, &size);
    uint8_t *const bad = malloc(size);
    REQUIRE(bad != NULL);
    memcpy(bad, good, size);
    const uint32_t changes = 1 + take(f, 1) % 4;
    for (uint32_t i = 0; i < changes; i++) {
        const uint32_t offset = take(f, 2);
        bad[offset % size] = (uint8_t)take(f, 1);
    }
    const size_t cut = take(f, 1) & 1 ? take(f, 2) % size : size;
    uint8_t *const exact = malloc(cut == 0 ? 1 : cut);
    REQUIRE(exact != NULL);
    memcpy(exact, bad, cut);
    if (mv_load(r->core, exact, cut)) {
        REQUIRE(mv_is_sane(r->core, &r->core->s));
        const uint64_t cycle = r->core->s.cycle;
        r->device.habits &= ~(uint32_t)DO_STOPS; /* which are no part of a state to go back to */
        run(r->core, cycle + 300);
        REQUIRE(mv_is_sane(r->core, &r->core->s));
    }
    REQUIRE(mv_load(r->core, good, size));
    r->device = kept;
    r->itm = kept_itm;
    free(exact);
    free(bad);
    free(good);
}

static void untrusted(rig *r, feed *f) {
    size_t size;
    const uint8_t *const bytes = take_bytes(f, 1 + take(f, 1), &size);
    REQUIRE(!mv_load(r->core, bytes, size)); /* too few to be one */
}

static void write_register(mv_core *core, uint32_t number, uint32_t value) {
    mv_state *const s = &core->s;
    switch (number & 31) {
    case 13: s->r[R_SP] = value & ~3u; break;
    case 15:
        s->pc = value & ~1u;
        s->thumb = 1;
        s->it = 0;
        break;
    case 16: mv_set_xpsr(core, value, ~0u); break;
    case 17: mv_set_control(core, value); break;
    case 18: *mv_stack_pointer(core, true) = value & ~3u; break;
    case 19: s->basepri = value & 0xF0; break;
    case 20: s->faultmask = value & 1; break;
    case 21: s->sp_limit[value & 1] = value & ~7u; break;
    case 22: s->fpscr = value & FPSCR_WRITABLE; break;
    case 23: s->primask = value & 1; break;
    default:
        if ((number & 31) < 15)
            s->r[number & 31] = value;
        else
            s->s[number & 31] = value;
        break;
    }
    mv_priorities_changed(core);
    core->attention |= ATT_EXCEPTION;
}

/* Interesting registers of the system control space, as offsets from 0xE000E000. */
static const uint16_t private_registers[] = {
    0x010, 0x014, 0x018, 0x100, 0x104, 0x180, 0x200, 0x204, 0x280, 0x400, 0x404, 0x420, 0xD04, 0xD08, 0xD0C, 0xD10,
    0xD14, 0xD18, 0xD1C, 0xD20, 0xD24, 0xD28, 0xD2C, 0xD88, 0xD94, 0xD98, 0xD9C, 0xDA0, 0xDA4, 0xDA8, 0xDC0, 0xF00,
    0xF34, 0xF38, 0xF3C, 0xDFC, 0xDF0, 0xDF4, 0xDF8,
};

/* Registers of the debug components. */
static const uint32_t debug_registers[] = {
    0xE0000000u, 0xE000007Cu, 0xE0000E00u, 0xE0000E40u, 0xE0000E80u, 0xE0001000u, 0xE0001004u, 0xE0001020u, 0xE0001028u, 0xE0001030u,
    0xE0001038u, 0xE0001040u, 0xE0001048u, 0xE0001050u, 0xE0001058u, 0xE0002000u, 0xE0002008u, 0xE000200Cu, 0xE0002024u, 0xE000ED0Cu,
    0xE000ED20u, 0xE000ED24u, 0xE000ED30u, 0xE000EDF0u, 0xE000EDF4u, 0xE000EDF8u, 0xE000EDFCu, CHIP_DEVICE, DEVICE, RAM, FLASH + VECTORS,
};

static void poke_private(mv_core *core, uint32_t which, uint32_t value) {
    const uint32_t count = sizeof private_registers / sizeof private_registers[0];
    uint32_t address = 0xE000E000u + private_registers[which % count];
    if (which >= 0xF0) address = 0xE0000000u + (which & 15) * 0x400;
    const uint32_t sizes[] = {4, 4, 2, 1};
    mv_private_write(core, address, sizes[which / count % 4], true, value);
    uint32_t ignored;
    mv_private_read(core, address, 4, true, &ignored);
}

static void place_stops(rig *a, rig *b, feed *f) {
    uint32_t address[MOST_STOPS];
    const uint32_t how = take(f, 1), count = how % (MOST_STOPS + 1);
    for (uint32_t i = 0; i < count; i++) address[i] = (FLASH + VECTORS + take(f, 1) * 2) & ~1u;
    if ((how & 64) && count > 0) address[0] = 0x00400000u;
    mv_set_stops(a->core, address, count, how >> 7, how >> 7 != 0);
    mv_set_stops(b->core, address, count, how >> 7, how >> 7 != 0);
}

/* Values that mean something to the components: keys, places of code and data, kinds of comparison, monitor and trace enables. */
static uint32_t debug_value(uint32_t how, uint32_t value) {
    switch (how & 7) {
    case 0: return 0xA05F0000u | (value & 0x2F);
    case 1: return (FLASH + VECTORS + (value & 0x1FE)) | 1;
    case 2: return RAM + (value & 0xFFF);
    case 3: return value & 0xC3Fu;
    case 4: return 0x01000000u | (value & 0xF07F1u);
    case 5: return value & 0xFF;
    case 6: return 3;
    default: return value;
    }
}

static void debug_access(mv_core *core, uint32_t which, uint32_t how, uint32_t value) {
    static const uint32_t sizes[] = {4, 4, 2, 1};
    const uint32_t count = sizeof debug_registers / sizeof debug_registers[0], size = sizes[how >> 6];
    const uint32_t address = debug_registers[which % count];
    uint32_t ignored = 0;
    if (how & 8)
        mv_debug_read(core, address, size, &ignored);
    else if (how & 16)
        mv_private_write(core, 0xE0000000u | (address & 0xFFFFF), size, true, debug_value(how, value));
    else
        mv_debug_write(core, address, size, debug_value(how, value));
    rest(core);
}

static void place_watches(rig *a, rig *b, feed *f) {
    mv_watch watch[MOST_WATCHES];
    const uint32_t how = take(f, 1), count = how % (MOST_WATCHES + 1);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t where = take(f, 2), last = take(f, 1), value = take(f, 1);
        const uint32_t base = (where & 0xC000) == 0xC000 ? DEVICE : where & 0x8000 ? FLASH : RAM;
        watch[i] = (mv_watch){base + (where & 0x1FFF), base + (where & 0x1FFF) + last, (how & 4) != 0, (how & 8) != 0, value, 0};
        if (how & 16) watch[i].mask = 0xFF;
    }
    REQUIRE(mv_set_watches(a->core, watch, count) && mv_set_watches(b->core, watch, count));
}

static mv_stop single_step(mv_core *core, bool masked) {
    const uint64_t before = core->s.cycle;
    const bool asleep = core->s.sleeping != 0;
    rest(core);
    const mv_stop stop = mv_step(core, masked);
    REQUIRE(stop <= STOP_ABORT && (stop != STOP_DEADLINE || before >= LAST_CYCLE));
    REQUIRE(asleep || core->s.cycle - before <= 2);
    return stop;
}

static void step_both(rig *a, rig *b, uint32_t how) {
    for (uint32_t i = 0; i <= (how & 15); i++) {
        const mv_stop stop = single_step(a->core, how >> 7 != 0);
        require_same_stop(a, stop, b, single_step(b->core, how >> 7 != 0));
    }
}

static void write_bytes(rig *a, rig *b, feed *f) {
    const uint32_t where = take(f, 2);
    const uint32_t address = (where & 0x8000 ? FLASH : RAM) + (where & 0x7FFF);
    size_t size;
    const uint8_t *const bytes = take_bytes(f, 1 + take(f, 1) % 32, &size);
    if (!mv_debug_copy(a->core, address, NULL, size, false)) return;
    REQUIRE(mv_debug_copy(a->core, address, (uint8_t *)(uintptr_t)bytes, size, true));
    REQUIRE(mv_debug_copy(b->core, address, (uint8_t *)(uintptr_t)bytes, size, true));
}

static void answer_gateway(rig *r, uint32_t value) {
    r->core->s.r[0] = value;
    mv_return_to(r->core, r->core->s.r[R_LR]);
}

static void reset_both(rig *a, rig *b, uint32_t table) {
    const bool done = mv_reset(a->core, table);
    REQUIRE(mv_reset(b->core, table) == done);
}

static void set_habits(rig *a, rig *b, feed *f) {
    a->device.habits = b->device.habits = take(f, 1);
    a->device.every = b->device.every = take(f, 1) % 8;
    a->itm.habits = b->itm.habits = a->device.habits & ~(uint32_t)DO_BUS_ERROR;
    a->itm.every = b->itm.every = a->device.every;
}

/* What a debugger does. */
static void debug_step(rig *a, rig *b, uint32_t what, feed *f) {
    if (what < 9) {
        const uint32_t which = take(f, 1), how = take(f, 1), value = take(f, 4);
        debug_access(a->core, which, how, value);
        debug_access(b->core, which, how, value);
    } else if (what < 12) {
        place_watches(a, b, f);
    } else {
        step_both(a, b, take(f, 1));
    }
}

/* A description that is mostly sound, so that some are taken; a few fields come as they may. */
static mv_register describe_register(feed *f) {
    mv_register rule = {.offset = take(f, 1) % 16 * 4, .reads = take(f, 1) % 3, .writes = take(f, 1) & 1};
    rule.word = BANK_HEADER + take(f, 1) % 16;
    rule.target = BANK_HEADER + take(f, 1) % 16;
    const uint32_t more = take(f, 1), words = take(f, 2);
    rule.told = more & 1 ? take(f, 4) : 0;
    rule.told_word = more & 2 ? BANK_HEADER + words % 16 : NO_WORD;
    rule.shown = more & 4 ? BANK_HEADER + (words >> 4) % 16 : NO_WORD;
    rule.shown_mask = more & 4 ? BANK_HEADER + (words >> 8) % 16 : NO_WORD;
    for (uint32_t i = 0; i < BANK_FOLLOWS; i++) rule.follows[i] = i < (more >> 3 & 3) ? take(f, 2) & 0x1F1F : NO_WORD;
    for (uint32_t i = 0; i < BANK_EFFECTS; i++) {
        const uint32_t how = take(f, 1);
        rule.effect[i] = (mv_effect){.verb = how % 6, .shift = how >> 3, .mask = how & 1 ? ~0u : take(f, 4)};
    }
    if (more == 0xFF) memset((uint8_t *)&rule + words % sizeof rule, (int)(words >> 8), 1);
    return rule;
}

/* Descriptions are taken or refused by both alike. Wherever they were taken before they are refused. */
static void bind(rig *a, rig *b, feed *f) {
    mv_register rule[MOST_RULES];
    const uint32_t how = take(f, 1), number = how % BANKS, rules = take(f, 1) % MOST_RULES;
    const uint32_t base = DEVICE + number * BANK_SIZE + (how == 0xFF ? 4 : 0) + (how == 0xFE ? PAGE_SIZE : 0);
    for (uint32_t i = 0; i < rules; i++) rule[i] = describe_register(f);
    const char *const first = mv_bind(a->core, base, a->device.words[number], WORDS, rule, rules, NULL);
    const char *const second = mv_bind(b->core, base, b->device.words[number], WORDS, rule, rules, NULL);
    REQUIRE(first == second || strcmp(first, second) == 0);
    REQUIRE(mv_bind(a->core, base, a->device.words[number], WORDS, rule, rules, NULL) != NULL);
    a->device.words[number][BANK_OPEN] = b->device.words[number][BANK_OPEN] = 1;
    a->device.words[number][BANK_UNTIL + 1] = b->device.words[number][BANK_UNTIL + 1] = 1;
}

/* An access of the device as the guest makes one, from both, as in a run that has just begun. */
static void access_both(rig *a, rig *b, feed *f) {
    const uint32_t how = take(f, 1), size = 1u << how % 3, value = take(f, 4) >> (32 - 8 * size);
    const uint32_t address = (DEVICE + (how >> 3 & 3) * BANK_SIZE + take(f, 1) % 16 * 4 + (how >> 6)) & ~(size - 1);
    uint32_t first = 0, second = 0;
    rest(a->core);
    rest(b->core);
    const bool writes = (how & 4) != 0;
    const bool done = writes ? mv_write(a->core, address, size, value) : mv_read(a->core, address, size, &first);
    REQUIRE(done == (writes ? mv_write(b->core, address, size, value) : mv_read(b->core, address, size, &second)));
    REQUIRE(first == second && (size == 4 || first >> (8 * size) == 0));
    rest(a->core);
    rest(b->core);
}

static void step(rig *a, rig *b, const plan *p, feed *f) {
    const uint32_t what = take(f, 1);
    if (what >> 4 >= 14) {
        debug_step(a, b, what & 15, f);
        return;
    }
    switch (what % 26) {
    case 0:
    case 1:
    case 2: {
        const uint32_t cycles = take(f, 2) & MOST_CYCLES;
        run_both(a, b, cycles, 1 + take(f, 1) % 64);
        break;
    }
    case 3: {
        const uint32_t irq = take(f, 1);
        mv_pend(a->core, EXC_IRQ0 + irq);
        mv_pend(b->core, EXC_IRQ0 + irq);
        break;
    }
    case 4: {
        const uint32_t irq = take(f, 1);
        mv_set_line(a->core, irq & 127, irq >> 7 != 0);
        mv_set_line(b->core, irq & 127, irq >> 7 != 0);
        break;
    }
    case 5: {
        const uint32_t by = take(f, 3);
        const uint64_t cycle = by == 0xFFFFFF ? LAST_CYCLE - 100 : a->core->s.cycle + by;
        mv_skip_to(a->core, cycle);
        mv_skip_to(b->core, cycle);
        break;
    }
    case 6: {
        const uint32_t number = take(f, 1), value = take(f, 4);
        write_register(a->core, number, value);
        write_register(b->core, number, value);
        break;
    }
    case 7:
    case 8: {
        const uint32_t which = take(f, 1), value = take(f, 4);
        poke_private(a->core, which, value);
        poke_private(b->core, which, value);
        break;
    }
    case 9: write_bytes(a, b, f); break;
    case 10: place_stops(a, b, f); break;
    case 11: through_saved_state(b); break;
    case 12: corrupted(b, f); break;
    case 13: {
        const uint32_t value = take(f, 4);
        answer_gateway(a, value);
        answer_gateway(b, value);
        break;
    }
    case 14: set_habits(a, b, f); break;
    case 16: through_snapshot(b); break;
    case 17: keep_state(a, b); break;
    case 18: go_back(a, b); break;
    case 19: run_a_copy(b, p, take(f, 1)); break;
    case 20: watch(b, take(f, 1)); break;
    case 21: write_view(a, b, f); break;
    case 22: close_view(b); break;
    default: {
        const uint32_t which = take(f, 1);
        if (which < 64)
            reset_both(a, b, which < 32 ? FLASH : RAM + which * 4);
        else if (which < 128)
            bind(a, b, f);
        else if (which < 224)
            for (uint32_t i = 0; i <= which % 16; i++) access_both(a, b, f);
        else
            untrusted(b, f);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    feed f = {data, data + size};
    static rig a, b;
    const uint32_t how = take(&f, 1), layout = take(&f, 1), base = take(&f, 4), pages = take(&f, 1), spread = take(&f, 1);
    const plan p = {how & 1 ? 480 : 1 + (how >> 1) % 128, layout, base, pages, (how & 1) != 0};
    build(&a, &p, false);
    build(&b, &p, true);
    size_t length;
    const uint8_t *const code = take_bytes(&f, 2 * take(&f, 1), &length);
    lay_out_code(a.core, code, length, spread & ~1u);
    lay_out_code(b.core, code, length, spread & ~1u);
    reset_both(&a, &b, FLASH);
    if (spread & 1) {
        equip(a.core, how ^ layout);
        equip(b.core, how ^ layout);
    }
    run_both(&a, &b, 64, 1 + spread % 8);
    for (uint32_t i = 0; i < MOST_STEPS && f.at < f.end; i++) {
        step(&a, &b, &p, &f);
        require_laws(&a, &b);
    }
    run_both(&a, &b, 512, 1 + spread % 32);
    require_laws(&a, &b);
    return 0;
}
