/* The STM32U585's flash algorithm: what a debugger loads into RAM and calls to erase and program the chip's flash.
 *
 * Facts: RM0456 "Embedded flash memory", CMSIS-Pack "Flash Programming". Compiled twice, for the non-secure registers and
 * alias and, with SECURE, for the secure ones. The code is position-independent because it has no data of its own.
 *
 * Functions return 0, or why they failed: flags of FLASH_NSSR or SECSR as they are, and the two below. `flash-status.csv`
 * names them all. A quad-word of ones is never programmed: it is as erased, and can still be programmed later.
 */
#include <stdbool.h>
#include <stdint.h>

#include "flash_device.h"

#ifdef SECURE
#define REGISTERS 0x50022000u
#define ARRAY 0x0C000000u
#define NAME "STM32U585 2 MB, secure"
enum { KEYR = 0x0C, SR = 0x24, CR = 0x2C };
#else
#define REGISTERS 0x40022000u
#define ARRAY 0x08000000u
#define NAME "STM32U585 2 MB"
enum { KEYR = 0x08, SR = 0x20, CR = 0x28 };
#endif
enum { NSKEYR = 0x08, OPTKEYR = 0x10, NSSR = 0x20, NSCR = 0x28, ECCR = 0x30, OPTR = 0x40 }; /* the same on either side */
#define ICACHE_CR 0x40030400u /* non-secure after a reset, and so for the secure side too */
#define VTOR 0xE000ED08u

#define BANK_SIZE 0x100000u
#define ARRAY_SIZE (2u * BANK_SIZE)
#define SECTOR_SIZE 0x2000u
#define PAGE_SIZE 0x1000u /* what a debugger hands over at once */

#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu

#define OPTION_KEY1 0x08192A3Bu
#define OPTION_KEY2 0x4C5D6E7Fu

#define SR_FLAGS 0x20FBu  /* EOP and every error */
#define SR_ERRORS 0x20FAu /* OPERR PROGERR WRPERR PGAERR SIZERR PGSERR OPTWERR */
#define SR_BUSY 0x30000u  /* BSY WDW */

#define CR_PG (1u << 0)
#define CR_PER (1u << 1)
#define CR_MER1 (1u << 2)
#define CR_PNB 3u
#define CR_BKER (1u << 11)
#define CR_BWR (1u << 14)
#define CR_MER2 (1u << 15)
#define CR_STRT (1u << 16)
#define CR_OPTSTRT (1u << 17)
#define CR_OPTLOCK (1u << 30)
#define CR_LOCK (1u << 31)
#define ECCR_FLAGS (3u << 30) /* ECCD ECCC */
#define OPTR_SWAP_BANK (1u << 20)

#define FAILED_RANGE (1u << 30)  /* the address or length is not of the flash */
#define FAILED_LOCKED (1u << 31) /* the keys do not open the controller */

enum { QUAD_WORD = 4, BURST = 8 * QUAD_WORD }; /* in words */

#define CALLED __attribute__((used))

static volatile uint32_t *register_at(uint32_t address) { return (volatile uint32_t *)(uintptr_t)address; }

static uint32_t get(uint32_t offset) { return *register_at(REGISTERS + offset); }

static void put(uint32_t offset, uint32_t value) { *register_at(REGISTERS + offset) = value; }

static bool is_in_flash(uint32_t address, uint32_t size) {
    const uint32_t offset = address - ARRAY;
    return offset < ARRAY_SIZE && size <= ARRAY_SIZE - offset;
}

/* Wait for the end of what goes on; return its errors, which are cleared with it. */
static uint32_t finish(void) {
    while ((get(SR) & SR_BUSY) != 0) {}
    const uint32_t errors = get(SR) & SR_ERRORS;
    put(SR, SR_FLAGS);
    put(CR, 0);
    return errors;
}

static uint32_t erase(uint32_t what) {
    put(CR, what);
    put(CR, what | CR_STRT);
    return finish();
}

CALLED uint32_t Init(uint32_t address, uint32_t clock, uint32_t function) {
    (void)address;
    (void)clock;
    (void)function;
    __asm volatile("cpsid i" ::: "memory"); /* an interrupt between the words of a quad-word could store some of its own */
    *register_at(ICACHE_CR) = 0;            /* switched off, or it would go on showing what was */
    if ((get(CR) & CR_LOCK) != 0) {
        put(KEYR, KEY1);
        put(KEYR, KEY2);
    }
    if ((get(CR) & CR_LOCK) != 0) return FAILED_LOCKED;
    (void)finish(); /* errors of whoever was here before are not ours */
    return 0;
}

CALLED uint32_t UnInit(uint32_t function) {
    (void)function;
    put(CR, CR_LOCK);
    return 0;
}

CALLED uint32_t EraseChip(void) { return erase(CR_MER1 | CR_MER2); }

/* PNB and BKER name the bank itself; which of the two is at the lower addresses SWAP_BANK says. */
CALLED uint32_t EraseSector(uint32_t address) {
    if (!is_in_flash(address, 1)) return FAILED_RANGE;
    const uint32_t offset = address - ARRAY;
    const bool upper = offset >= BANK_SIZE, swapped = (get(OPTR) & OPTR_SWAP_BANK) != 0;
    const uint32_t page = offset % BANK_SIZE / SECTOR_SIZE;
    return erase(CR_PER | page << CR_PNB | (upper != swapped ? CR_BKER : 0));
}

static uint32_t word_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Load a quad-word; what is not given of it are ones. Tell whether there is anything to program. */
static bool load(uint32_t *words, const uint8_t *bytes, uint32_t size) {
    uint32_t all = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < QUAD_WORD; i++) {
        uint32_t word = 0xFFFFFFFFu;
        if (size >= 4 * (i + 1))
            word = word_at(bytes + 4 * i);
        else
            for (uint32_t at = 4 * i; at < size; at++) word = word << 8 | bytes[4 * i + size - 1 - at];
        words[i] = word;
        all &= word;
    }
    return all != 0xFFFFFFFFu;
}

static uint32_t program(uint32_t address, const uint32_t *words, uint32_t count) {
    volatile uint32_t *const array = register_at(address);
    put(CR, count == BURST ? CR_PG | CR_BWR : CR_PG);
    for (uint32_t i = 0; i < count; i++) array[i] = words[i];
    return finish();
}

/* Load as many quad-words as a burst has; tell whether all of them are to be programmed. */
static bool load_burst(uint32_t *words, const uint8_t *bytes) {
    for (uint32_t i = 0; i < BURST; i += QUAD_WORD)
        if (!load(words + i, bytes + 4 * i, 4 * QUAD_WORD)) return false;
    return true;
}

CALLED uint32_t ProgramPage(uint32_t address, uint32_t size, const uint8_t *bytes) {
    if (!is_in_flash(address, size) || address % (4 * QUAD_WORD) != 0) return FAILED_RANGE;
    uint32_t words[BURST], errors = 0;
    for (uint32_t done = 0; done < size && errors == 0;) {
        const uint32_t rest = size - done, place = address + done;
        const uint8_t *const source = bytes + done;
        if (place % (4 * BURST) == 0 && rest >= 4 * BURST && load_burst(words, source)) {
            errors = program(place, words, BURST);
            done += 4 * BURST;
        } else {
            const bool given = load(words, source, rest < 4 * QUAD_WORD ? rest : 4 * QUAD_WORD);
            if (given) errors = program(place, words, QUAD_WORD);
            done += 4 * QUAD_WORD;
        }
    }
    return errors;
}

/* Program OPTR, which counts once a debugger sets OBL_LAUNCH and the chip has reset. Not part of what CMSIS-Pack defines. */
CALLED uint32_t ProgramOptions(uint32_t options) {
    if ((get(NSCR) & CR_LOCK) != 0) {
        put(NSKEYR, KEY1);
        put(NSKEYR, KEY2);
    }
    if ((get(NSCR) & CR_OPTLOCK) != 0) {
        put(OPTKEYR, OPTION_KEY1);
        put(OPTKEYR, OPTION_KEY2);
    }
    if ((get(NSCR) & (CR_LOCK | CR_OPTLOCK)) != 0) return FAILED_LOCKED;
    put(NSSR, SR_FLAGS);
    put(OPTR, options);
    put(NSCR, CR_OPTSTRT);
    while ((get(NSSR) & SR_BUSY) != 0) {}
    const uint32_t errors = get(NSSR) & SR_ERRORS;
    put(NSSR, SR_FLAGS);
    return errors;
}

/* -- reading ---------------------------------------------------------------------------------------------------------------
 *
 * A quad-word that lost its power while it was programmed cannot be read: trying is a non-maskable interrupt. Whoever reads
 * here has vectors of its own for that time, lest the interrupt goes where an application that is gone had its handler.
 */
enum { VECTORS = 32, BROKEN = VECTORS - 1 };

struct reading {
    uint32_t room[2 * VECTORS]; /* VTOR takes multiples of 128 bytes */
    uint32_t *vectors;          /* the last one counts the interrupts: no exception that can come here has it */
    uint32_t before;
};

static void count_broken(void) {
    volatile uint32_t *const vectors = (volatile uint32_t *)(uintptr_t)*register_at(VTOR);
    put(ECCR, get(ECCR) | ECCR_FLAGS);
    vectors[BROKEN]++;
}

static void begin_reading(struct reading *reading) {
    const uintptr_t place = (uintptr_t)reading->room;
    reading->vectors = (uint32_t *)((place + 4 * VECTORS - 1) & ~(uintptr_t)(4 * VECTORS - 1));
    for (uint32_t i = 0; i < VECTORS; i++) reading->vectors[i] = (uint32_t)(uintptr_t)count_broken;
    reading->vectors[BROKEN] = 0;
    reading->before = *register_at(VTOR);
    *register_at(VTOR) = (uint32_t)(uintptr_t)reading->vectors;
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/* Return whether anything that was read since the beginning, or the last call, could not be read. */
static bool was_broken(struct reading *reading) {
    __asm volatile("dsb\n\tisb" ::: "memory");
    volatile uint32_t *const count = &reading->vectors[BROKEN];
    const bool broken = *count != 0;
    *count = 0;
    return broken;
}

static void end_reading(const struct reading *reading) {
    *register_at(VTOR) = reading->before;
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/* Return 0 if every byte of a range is `pattern`, else 1. */
CALLED uint32_t BlankCheck(uint32_t address, uint32_t size, uint8_t pattern) {
    if (!is_in_flash(address, size)) return FAILED_RANGE;
    const volatile uint8_t *const array = (const volatile uint8_t *)(uintptr_t)address;
    struct reading reading;
    begin_reading(&reading);
    uint32_t same = 0;
    while (same < size && array[same] == pattern) same++;
    const bool broken = was_broken(&reading);
    end_reading(&reading);
    return same != size || broken ? 1 : 0;
}

/* Return the address of the first byte that is not as given, or that behind the range if there is none. Where some of it
 * cannot be read that is its beginning. */
CALLED uint32_t Verify(uint32_t address, uint32_t size, const uint8_t *bytes) {
    const volatile uint8_t *const array = (const volatile uint8_t *)(uintptr_t)address;
    struct reading reading;
    begin_reading(&reading);
    uint32_t same = 0;
    while (same < size && array[same] == bytes[same]) same++;
    if (was_broken(&reading)) same = 0;
    end_reading(&reading);
    return address + same;
}

/* What Checksums says of a piece. */
struct checksum {
    uint32_t sum;    /* CRC-32, that of zlib */
    uint32_t broken; /* 1 if some of it cannot be read: then the sum means nothing */
};

static uint32_t checksum(const uint32_t *table, uint32_t address, uint32_t size) {
    const volatile uint8_t *const byte = (const volatile uint8_t *)(uintptr_t)address;
    uint32_t sum = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < size; i++) {
        sum ^= byte[i];
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

/* Store the checksum of each of `count` pieces of `size` bytes, from `address` on. Not part of what CMSIS-Pack defines: a
 * debugger that knows it learns in one call which sectors it need not write. */
CALLED uint32_t Checksums(uint32_t address, uint32_t size, uint32_t count, struct checksum *sums) {
    if (!is_in_flash(address, 0) || size == 0 || count > (ARRAY_SIZE - (address - ARRAY)) / size) return FAILED_RANGE;
    uint32_t table[16];
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t sum = i;
        for (uint32_t bit = 0; bit < 4; bit++) sum = sum >> 1 ^ ((sum & 1) != 0 ? 0xEDB88320u : 0);
        table[i] = sum;
    }
    struct reading reading;
    begin_reading(&reading);
    for (uint32_t piece = 0; piece < count; piece++) {
        sums[piece].sum = checksum(table, address + piece * size, size);
        sums[piece].broken = was_broken(&reading) ? 1 : 0;
    }
    end_reading(&reading);
    return 0;
}

CALLED const struct flash_device FlashDevice __attribute__((section("DevDscr"))) = {
    .version = FLASH_DEVICE_VERSION,
    .name = NAME,
    .type = FLASH_DEVICE_ON_CHIP,
    .address = ARRAY,
    .size = ARRAY_SIZE,
    .page_size = PAGE_SIZE,
    .empty = 0xFF,
    .program_timeout_ms = 1000,
    .erase_timeout_ms = 3000,
    .sectors = {{SECTOR_SIZE, 0}, {FLASH_SECTORS_END, FLASH_SECTORS_END}},
};
