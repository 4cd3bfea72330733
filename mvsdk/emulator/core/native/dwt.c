/* The data watchpoint and trace unit: the cycle counter and four comparators (DDI0553, DWT registers).
 *
 * DWT_CTRL says what is not there: the profiling counters, trace packets, and the external trigger. So a comparator can only
 * note a match (MATCHED) and ask for a debug event; actions that make packets do no more than note. A range's two comparators
 * act together, whichever of them holds the action. Instructions are compared before they execute, data after the access, which
 * asks for its event once the instruction is over, and cycles at the first instruction boundary that the count has reached.
 */
#include "core.h"

enum { CTRL_COMPARATORS = COMPARATORS << 28, CTRL_NO_TRACE = 1 << 27, CTRL_NO_EXTERNAL = 1 << 26, CTRL_NO_PROFILE = 1 << 24 };
enum { CTRL_CYCCNTENA = 1 };
enum { FUNCTION_MATCH = 15, FUNCTION_ACTION = 3 << 4, ACTION_DEBUG_EVENT = 1 << 4, FUNCTION_SIZE = 3 << 10, FUNCTION_MATCHED = 1 << 24 };
enum {
    MATCH_NEVER, MATCH_CYCLE, MATCH_INSTRUCTION, MATCH_INSTRUCTION_LIMIT, MATCH_DATA, MATCH_DATA_WRITE, MATCH_DATA_READ, MATCH_DATA_LIMIT,
    MATCH_VALUE, MATCH_VALUE_WRITE, MATCH_VALUE_READ, MATCH_LINKED_VALUE, MATCH_WITH_VALUE, MATCH_WITH_VALUE_WRITE, MATCH_WITH_VALUE_READ
};
enum { KIND_DATA = 7 << MATCH_DATA, KIND_LIMITS = 1 << MATCH_INSTRUCTION_LIMIT | 1 << MATCH_DATA_LIMIT,
       KIND_VALUES = 7 << MATCH_VALUE | 1 << MATCH_LINKED_VALUE, KIND_WITH_VALUE = 7 << MATCH_WITH_VALUE,
       KIND_COMMON = 1 << MATCH_NEVER | 1 << MATCH_INSTRUCTION | KIND_DATA | KIND_WITH_VALUE };

/* FUNCTION.ID of a Cortex-M33 with four comparators, and what it says the comparator can do (Arm 100230, DWT registers). */
static const struct {
    uint32_t id, kinds;
} ability[COMPARATORS] = {
    {0x0B, KIND_COMMON | 1 << MATCH_CYCLE},
    {0x1E, KIND_COMMON | KIND_LIMITS | KIND_VALUES},
    {0x0A, KIND_COMMON},
    {0x1A, KIND_COMMON | KIND_LIMITS},
};

static bool is_enabled(const mv_core *core) { return (core->s.demcr & DEMCR_TRCENA) != 0; }

static uint32_t match_of(const mv_core *core, uint32_t n) { return n < COMPARATORS ? core->s.dwt_function[n] & FUNCTION_MATCH : 0; }

/* -- cycle counter ------------------------------------------------------------------------------------------------------- */

static bool counting(const mv_core *core) { return (core->s.dwt_ctrl & CTRL_CYCCNTENA) && is_enabled(core); }

/* While it counts `dwt_offset` is the cycle of its zero, else its value. */
static uint32_t read_cyccnt(const mv_core *core) {
    return (uint32_t)(counting(core) ? core->s.cycle - core->s.dwt_offset : core->s.dwt_offset);
}

static void write_cyccnt(mv_core *core, uint32_t value) {
    core->s.dwt_offset = counting(core) ? core->s.cycle - value : value;
}

/* Work out when the count will next be that of comparator 0. */
static void foresee_cycle_match(mv_core *core) {
    const uint32_t distance = core->s.dwt_comp[0] - read_cyccnt(core);
    const bool compares = counting(core) && match_of(core, 0) == MATCH_CYCLE;
    core->s.dwt_match_at = compares ? core->s.cycle + (distance == 0 ? (uint64_t)1 << 32 : distance) : 0;
    core->attention |= ATT_TIME;
}

void mv_dwt_trace_control(mv_core *core, uint32_t *control, uint32_t value) {
    const uint32_t count = read_cyccnt(core);
    *control = value;
    write_cyccnt(core, count);
    foresee_cycle_match(core);
}

/* Time in Debug state is not counted. */
void mv_dwt_pass_halted(mv_core *core, uint64_t cycles) {
    if (counting(core)) core->s.dwt_offset += cycles;
    if (core->s.dwt_match_at != 0) core->s.dwt_match_at += cycles;
}

static bool acts(const mv_core *core, uint32_t n) { return (core->s.dwt_function[n] & FUNCTION_ACTION) == ACTION_DEBUG_EVENT; }

static bool note_match(mv_core *core, uint32_t n) {
    core->s.dwt_function[n] |= FUNCTION_MATCHED;
    return acts(core, n);
}

void mv_dwt_cycle_match(mv_core *core) {
    const bool event = note_match(core, 0);
    core->s.dwt_match_at += (uint64_t)1 << 32;
    if (event) mv_debug_event(core, DFSR_DWTTRAP);
}

/* -- instructions -------------------------------------------------------------------------------------------------------- */

static bool compares_instruction(const mv_core *core, uint32_t n, uint32_t pc) {
    if (match_of(core, n) != MATCH_INSTRUCTION) return false;
    if (match_of(core, n + 1) == MATCH_INSTRUCTION_LIMIT) return pc >= (core->s.dwt_comp[n] & ~1u) && pc <= core->s.dwt_comp[n + 1];
    return (core->s.dwt_comp[n] & ~1u) == pc;
}

bool mv_dwt_compares_instructions(const mv_core *core) {
    for (uint32_t n = 0; n < COMPARATORS; n++)
        if (match_of(core, n) == MATCH_INSTRUCTION) return is_enabled(core);
    return false;
}

bool mv_dwt_is_instruction(const mv_core *core, uint32_t pc) {
    for (uint32_t n = 0; n < COMPARATORS; n++)
        if (compares_instruction(core, n, pc)) return is_enabled(core);
    return false;
}

static bool note_with_limit(mv_core *core, uint32_t n, uint32_t limit) {
    const bool by_limit = match_of(core, n + 1) == limit && note_match(core, n + 1);
    return note_match(core, n) || by_limit;
}

/* Note what matches; true where that asks for a debug event. */
bool mv_dwt_match_instruction(mv_core *core, uint32_t pc) {
    bool event = false;
    for (uint32_t n = 0; is_enabled(core) && n < COMPARATORS; n++)
        if (compares_instruction(core, n, pc) && note_with_limit(core, n, MATCH_INSTRUCTION_LIMIT)) event = true;
    return event;
}

/* -- data ---------------------------------------------------------------------------------------------------------------- */

static uint32_t size_of(const mv_core *core, uint32_t n) { return 1u << ((core->s.dwt_function[n] & FUNCTION_SIZE) >> 10); }

static bool compares_data(uint32_t match) {
    return (1u << match & (KIND_DATA | 7 << MATCH_VALUE | KIND_WITH_VALUE)) != 0;
}

static bool compares_values(uint32_t match) { return (1u << match & KIND_VALUES) != 0; }

/* The kinds with a direction are three each: both, writes, reads. */
static bool right_way(uint32_t match, bool writes) {
    const uint32_t way = match & 3;
    return way == 0 || (way == 1) == writes;
}

/* The addresses that a comparator of data looks at. */
static void bounds(const mv_core *core, uint32_t n, uint32_t *first, uint32_t *last) {
    const uint32_t bytes = size_of(core, n);
    *first = core->s.dwt_comp[n] & ~(bytes - 1);
    *last = *first + (bytes - 1);
    if (compares_values(match_of(core, n))) {
        *first = 0;
        *last = ~0u;
    } else if (match_of(core, n + 1) == MATCH_DATA_LIMIT) {
        *first = core->s.dwt_comp[n];
        *last = core->s.dwt_comp[n + 1];
    }
}

bool mv_dwt_compares_data(const mv_core *core) {
    for (uint32_t n = 0; n < COMPARATORS; n++)
        if (compares_data(match_of(core, n))) return is_enabled(core);
    return false;
}

bool mv_dwt_is_page(const mv_core *core, uint32_t first, uint32_t last) {
    for (uint32_t n = 0; is_enabled(core) && n < COMPARATORS; n++) {
        uint32_t low, high;
        bounds(core, n, &low, &high);
        if (compares_data(match_of(core, n)) && low <= last && high >= first) return true;
    }
    return false;
}

/* One of the access's parts of the comparator's size is the value. */
static bool has_value(const mv_core *core, uint32_t n, uint32_t size, uint32_t value) {
    const uint32_t bytes = size_of(core, n), mask = bytes >= 4 ? ~0u : (1u << (8 * bytes)) - 1;
    for (uint32_t at = 0; at + bytes <= size; at += bytes)
        if (((value >> (8 * at) ^ core->s.dwt_comp[n]) & mask) == 0) return true;
    return false;
}

static bool compare(const mv_core *core, uint32_t n, uint32_t address, uint32_t size, uint32_t value, bool writes) {
    const uint32_t match = match_of(core, n);
    if (!compares_data(match) || !right_way(match, writes)) return false;
    uint32_t first, last;
    bounds(core, n, &first, &last);
    if (address > last || address + (size - 1) < first) return false;
    return !compares_values(match) || has_value(core, n, size, value);
}

/* The guest has made an access. A linked value is compared where its neighbour has found the address. */
void mv_dwt_note_access(mv_core *core, uint32_t address, uint32_t size, uint32_t value, bool writes) {
    bool event = false;
    for (uint32_t n = 0; is_enabled(core) && n < COMPARATORS; n++) {
        if (!compare(core, n, address, size, value, writes)) continue;
        if (note_with_limit(core, n, MATCH_DATA_LIMIT)) event = true;
        const bool linked = match_of(core, n + 1) == MATCH_LINKED_VALUE && has_value(core, n + 1, size, value);
        if (linked && note_match(core, n + 1)) event = true;
    }
    if (!event) return;
    core->s.dwt_data_event = 1;
    core->attention |= ATT_DEBUG;
}

/* -- registers ------------------------------------------------------------------------------------------------------------- */

/* COMP and FUNCTION of each comparator lie sixteen bytes apart from 0x20 on. */
static bool is_comparator(uint32_t offset, uint32_t *n) {
    *n = (offset - 0x20) / 16;
    return offset >= 0x20 && *n < COMPARATORS;
}

uint32_t mv_dwt_read(mv_core *core, uint32_t offset) {
    mv_state *const s = &core->s;
    uint32_t n;
    if (offset == 0) return (uint32_t)CTRL_COMPARATORS | CTRL_NO_TRACE | CTRL_NO_EXTERNAL | CTRL_NO_PROFILE | s->dwt_ctrl;
    if (offset == 4) return read_cyccnt(core);
    if (offset == 0x1C) return mv_is_halted(core) ? ~0u : s->pc; /* PCSR */
    if (!is_comparator(offset, &n)) return 0;
    if (offset % 16 == 0) return s->dwt_comp[n];
    if (offset % 16 != 8) return 0;
    const uint32_t function = s->dwt_function[n] | ability[n].id << 27;
    s->dwt_function[n] &= ~(uint32_t)FUNCTION_MATCHED; /* reading clears it */
    return function;
}

/* A kind of match that the comparator does not have is none. */
static void write_comparator(mv_core *core, uint32_t n, uint32_t offset, uint32_t value) {
    if (offset % 16 == 0) core->s.dwt_comp[n] = value;
    if (offset % 16 == 8) {
        if ((ability[n].kinds >> (value & FUNCTION_MATCH) & 1) == 0) value &= ~(uint32_t)FUNCTION_MATCH;
        core->s.dwt_function[n] = value & (FUNCTION_MATCH | FUNCTION_ACTION | FUNCTION_SIZE);
    }
    mv_debug_changed(core);
    if (n == 0) foresee_cycle_match(core);
}

void mv_dwt_write(mv_core *core, uint32_t offset, uint32_t value) {
    uint32_t n;
    if (offset == 0) mv_dwt_trace_control(core, &core->s.dwt_ctrl, value & CTRL_CYCCNTENA);
    if (offset == 4) {
        write_cyccnt(core, value);
        foresee_cycle_match(core);
    }
    if (is_comparator(offset, &n)) write_comparator(core, n, offset, value);
}
