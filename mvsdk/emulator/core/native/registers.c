/* Register banks: single registers of a device range that the core answers itself, so that a guest which polls a flag or
 * toggles a pin never leaves native code.
 *
 * A bank is one block of 1024 bytes. Its values are words that the device's side shares and may change whenever no guest
 * runs; what an access does to them is data, one `mv_register` for each register. Whatever a description does not cover,
 * and every write that would change a bit somebody has to be told of, goes to the device as if there were no bank. So a
 * bank decides only who answers, never what the answer is.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

static mv_bank **slot_of(mv_core *core, uint32_t address) { return &core->bank[address >> BANK_BITS & (BANK_SLOTS - 1)]; }

static mv_bank *bank_at(mv_core *core, uint32_t address) {
    mv_bank *bank = *slot_of(core, address);
    while (bank != NULL && bank->base >> BANK_BITS != address >> BANK_BITS) bank = bank->chain;
    return bank;
}

/* -- binding ------------------------------------------------------------------------------------------------------------- */

static bool is_value(const mv_bank *bank, uint32_t word) { return word >= BANK_HEADER && word < bank->count; }

static bool may_be_value(const mv_bank *bank, uint32_t word) { return word == NO_WORD || is_value(bank, word); }

static const char *effects_problem(const mv_register *rule) {
    for (uint32_t i = 0; i < BANK_FOLLOWS; i++)
        if (rule->follows[i] != NO_WORD && (rule->follows[i] & ~0x1F1Fu) != 0) return "a ready flag is none of the bits 0 to 31";
    for (uint32_t i = 0; i < BANK_EFFECTS; i++)
        if (rule->effect[i].verb > EFFECT_KEEP || rule->effect[i].shift > 31) return "there is no such effect, or it shifts by 32 or more";
    return NULL;
}

static const char *register_problem(const mv_bank *bank, const mv_register *rule) {
    if (rule->offset % 4 != 0 || rule->offset >= BANK_SIZE) return "an offset is not a multiple of 4 below 1024";
    if (bank->rule_at[rule->offset / 4] != 0) return "two registers have the same offset";
    if (rule->reads > READS_COUNTER || rule->writes > 1) return "what reads or writes do is none that there is";
    if (!is_value(bank, rule->word) || !is_value(bank, rule->target)) return "a register's word is none of the bank's values";
    if (!may_be_value(bank, rule->told_word) || !may_be_value(bank, rule->shown) || !may_be_value(bank, rule->shown_mask))
        return "a word that a register refers to is none of the bank's values";
    if ((rule->shown == NO_WORD) != (rule->shown_mask == NO_WORD)) return "showing a value takes a word and a mask";
    return effects_problem(rule);
}

static const char *place_problem(mv_core *core, const mv_bank *bank, size_t rules) {
    const mv_range *const range = mv_range_at(core, bank->base);
    if (bank->base % BANK_SIZE != 0) return "the address is not a multiple of 1024";
    if (range == NULL || !range->device) return "there is no device";
    if (bank_at(core, bank->base) != NULL) return "registers are bound there already";
    if (bank->count <= BANK_HEADER || bank->count > BANK_WORDS) return "a bank has 8 to 4096 words";
    if (rules > BANK_RULES) return "a bank describes 255 registers at most";
    return NULL;
}

static const char *fill(mv_bank *bank, const mv_register *rule, size_t rules) {
    for (size_t i = 0; i < rules; i++) {
        const char *const problem = register_problem(bank, &rule[i]);
        if (problem != NULL) return problem;
        bank->rule_at[rule[i].offset / 4] = (uint8_t)(i + 1);
        bank->rule[i] = rule[i];
    }
    return NULL;
}

/* Bind `rules` registers at `base` to `count` words; return what is wrong, or NULL. The words must outlive the binding. */
const char *mv_bind(mv_core *core, uint32_t base, uint32_t *words, size_t count, const mv_register *rule, size_t rules,
                    void *owner) {
    const mv_bank proposed = {.base = base, .words = words, .count = count, .owner = owner};
    const char *problem = place_problem(core, &proposed, rules);
    if (problem != NULL) return problem;
    mv_bank *const bank = malloc(sizeof *bank + rules * sizeof *rule);
    if (bank == NULL) return "there is no memory for it";
    memcpy(bank, &proposed, sizeof proposed);
    problem = fill(bank, rule, rules);
    if (problem != NULL) {
        free(bank);
        return problem;
    }
    mv_bank **const slot = slot_of(core, base);
    bank->chain = *slot;
    *slot = bank;
    return NULL;
}

/* Forget every bank; `release` gets the owner of each. */
void mv_unbind(mv_core *core, void (*release)(void *owner)) {
    for (uint32_t i = 0; i < BANK_SLOTS; i++)
        while (core->bank[i] != NULL) {
            mv_bank *const bank = core->bank[i];
            core->bank[i] = bank->chain;
            if (release != NULL) release(bank->owner);
            free(bank);
        }
}

/* -- accesses ------------------------------------------------------------------------------------------------------------ */

static uint64_t pair(const mv_bank *bank, uint32_t low) { return (uint64_t)bank->words[low + 1] << 32 | bank->words[low]; }

/* The description of the register at an address; NULL while the device is to be asked. */
static const mv_register *rule_of(const mv_core *core, const mv_bank *bank, uint32_t address) {
    const uint8_t number = bank->rule_at[(address & (BANK_SIZE - 1)) / 4];
    if (number == 0 || bank->words[BANK_OPEN] == 0 || core->s.cycle >= pair(bank, BANK_UNTIL)) return NULL;
    return &bank->rule[number - 1];
}

/* What the counter shows that stood at `from` at cycle BANK_SINCE. Where it turns is beyond what the bank holds. */
static uint32_t counted(const mv_core *core, const mv_bank *bank, uint32_t from) {
    const uint64_t since = pair(bank, BANK_SINCE);
    const uint32_t step = bank->words[BANK_STEP];
    if (step == 0 || core->s.cycle < since) return from;
    const uint32_t counts = (uint32_t)((core->s.cycle - since) / step);
    return bank->words[BANK_DOWN] != 0 ? from - counts : from + counts;
}

/* Answer a read; false where the device has to. */
bool mv_bank_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value) {
    const mv_bank *const bank = bank_at(core, address);
    const mv_register *const rule = bank == NULL ? NULL : rule_of(core, bank, address);
    if (rule == NULL || rule->reads == READS_DEVICE) return false;
    uint32_t word = bank->words[rule->word];
    if (rule->reads == READS_COUNTER) word = counted(core, bank, word);
    word >>= 8 * (address & 3);
    *value = size == 4 ? word : word & ((1u << (8 * size)) - 1);
    return true;
}

static uint32_t affect(uint32_t value, const mv_effect *effect, uint32_t bits, uint32_t written) {
    const uint32_t chosen = bits >> effect->shift & effect->mask, mask = written & effect->mask;
    switch (effect->verb) {
    case EFFECT_WRITE: return (value & ~mask) | (bits & mask);
    case EFFECT_SET: return value | chosen;
    case EFFECT_CLEAR: return value & ~chosen;
    case EFFECT_TOGGLE: return value ^ chosen;
    case EFFECT_KEEP: return value & (bits | ~mask);
    default: return value;
    }
}

/* What the target of a write becomes: `bits` written to the part `written` of a register. */
static uint32_t written_value(const mv_register *rule, uint32_t value, uint32_t bits, uint32_t written) {
    for (uint32_t i = 0; i < BANK_EFFECTS; i++) value = affect(value, &rule->effect[i], bits, written);
    for (uint32_t i = 0; i < BANK_FOLLOWS && rule->follows[i] != NO_WORD; i++) {
        const uint32_t bit = rule->follows[i] & 31, copy = rule->follows[i] >> 8;
        value = (value & ~(1u << copy)) | (value >> bit & 1) << copy;
    }
    return value;
}

/* Take a write; false where the device has to, and nothing changed. */
bool mv_bank_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value) {
    const mv_bank *const bank = bank_at(core, address);
    const mv_register *const rule = bank == NULL ? NULL : rule_of(core, bank, address);
    if (rule == NULL || rule->writes == 0) return false;
    uint32_t *const words = bank->words;
    const uint32_t shift = 8 * (address & 3), written = (size == 4 ? ~0u : (1u << (8 * size)) - 1) << shift;
    const uint32_t old = words[rule->target], new = written_value(rule, old, value << shift & written, written);
    const uint32_t told = rule->told | (rule->told_word == NO_WORD ? 0 : words[rule->told_word]);
    if (((old ^ new) & told) != 0) return false;
    words[rule->target] = new;
    if (rule->shown != NO_WORD) {
        const uint32_t mask = words[rule->shown_mask];
        words[rule->shown] = (words[rule->shown] & ~mask) | (new & mask);
    }
    return true;
}
