/* A Cortex-M33 in non-secure state: what every part of the core shares.
 *
 * References "DDI0553" are to the Armv8-M Architecture Reference Manual. The parts:
 *   bus.c        memory map, page tables, the slow way of every access
 *   decode.c     words to blocks of operations, by the table made from encodings.csv      lower_*.h    what its rows turn into
 *   optimise.c   operations to fewer and cheaper ones
 *   execute.c    operations to state changes; knows nothing of encodings
 *   semantics.h  what each operation does              transfers.c  the slow ways of loads and stores
 *   arithmetic.c DSP and other rare integer operations        fp.c         single-precision arithmetic, bit exact
 *   exception.c  entry, return, faults, sleep, the run loop   nvic.c       priorities, pending and active sets
 *   systick.c    the timer                                    scs.c        registers of the system control space
 *   mpu.c        protection                                   snapshot.c   state as plain bytes
 *   face.h, face*.c  the Python type
 */
#ifndef MVSDK_CORE_H
#define MVSDK_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "guest memory is read as it lies: this host is big-endian"
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#if !defined(__GNUC__)
#undef LIKELY
#undef UNLIKELY
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#endif

/* Time ends here, after 913 years at 160 MHz, and nothing added to it overflows. */
#define LAST_CYCLE ((uint64_t)1 << 62)

enum { PAGE_BITS = 12, PAGE_SIZE = 1 << PAGE_BITS, PAGES = 1 << (32 - PAGE_BITS) };
enum { EXCEPTIONS = 496, EXCEPTION_WORDS = 16 };
enum { MPU_REGIONS = 8, COMPARATORS = 4, FPB_COMPARATORS = 8 };

/* Registers of the operation format: 0 to 14 as the architecture has them. */
enum { R_SP = 13, R_LR = 14, R_PC = 15 /* what reading the PC gives */, R_TMP = 16, R_SINK = 17, R_ZERO = 18, R_GIVEN = 19,
       R_COUNT = 20 };

/* Exception numbers (DDI0553, B3.8). */
enum {
    EXC_RESET = 1, EXC_NMI, EXC_HARDFAULT, EXC_MEMMANAGE, EXC_BUSFAULT, EXC_USAGEFAULT, EXC_SECUREFAULT,
    EXC_SVC = 11, EXC_DEBUG, EXC_PENDSV = 14, EXC_SYSTICK, EXC_IRQ0
};

/* CFSR (DDI0553, D1.2.10), HFSR, CONTROL, CCR, FPSCR and FPCCR bits. */
enum {
    CFSR_IACCVIOL = 1 << 0, CFSR_DACCVIOL = 1 << 1, CFSR_MUNSTKERR = 1 << 3, CFSR_MSTKERR = 1 << 4,
    CFSR_MLSPERR = 1 << 5, CFSR_MMARVALID = 1 << 7,
    CFSR_IBUSERR = 1 << 8, CFSR_PRECISERR = 1 << 9, CFSR_UNSTKERR = 1 << 11, CFSR_STKERR = 1 << 12,
    CFSR_LSPERR = 1 << 13, CFSR_BFARVALID = 1 << 15,
    CFSR_UNDEFINSTR = 1 << 16, CFSR_INVSTATE = 1 << 17, CFSR_INVPC = 1 << 18, CFSR_NOCP = 1 << 19,
    CFSR_STKOF = 1 << 20, CFSR_UNALIGNED = 1 << 24, CFSR_DIVBYZERO = 1 << 25
};
enum { HFSR_VECTTBL = 1 << 1, HFSR_FORCED = 1 << 30 };
enum { CONTROL_NPRIV = 1, CONTROL_SPSEL = 2, CONTROL_FPCA = 4 };
enum { CCR_USERSETMPEND = 1 << 1, CCR_UNALIGN_TRP = 1 << 3, CCR_DIV_0_TRP = 1 << 4, CCR_BFHFNMIGN = 1 << 8,
       CCR_RES1 = 1 << 9 | 1, CCR_STKOFHFNMIGN = 1 << 10 };
enum { SCR_SLEEPONEXIT = 1 << 1, SCR_SLEEPDEEP = 1 << 2, SCR_SEVONPEND = 1 << 4 };
enum { FPCCR_LSPACT = 1, FPCCR_USER = 2, FPCCR_THREAD = 8, FPCCR_HFRDY = 16, FPCCR_MMRDY = 32, FPCCR_BFRDY = 64,
       FPCCR_MONRDY = 256, FPCCR_SPLIMVIOL = 512, FPCCR_UFRDY = 1 << 10, FPCCR_CLRONRET = 1 << 28 };
#define FPCCR_LSPEN (1u << 30)
#define FPCCR_ASPEN (1u << 31)
enum { FPSCR_IOC = 1, FPSCR_DZC = 2, FPSCR_OFC = 4, FPSCR_UFC = 8, FPSCR_IXC = 16, FPSCR_IDC = 128,
       FPSCR_FZ = 1 << 24, FPSCR_DN = 1 << 25, FPSCR_AHP = 1 << 26 };
#define FPSCR_WRITABLE 0xF7C0009Fu
enum { SYST_ENABLE = 1, SYST_TICKINT = 2, SYST_CLKSOURCE = 4, SYST_COUNTFLAG = 1 << 16 };

/* Everything that decides the future of the guest besides its memory. Plain data of fixed size: a snapshot is these bytes. */
typedef struct {
    uint32_t r[R_COUNT];
    /* N is bit 31 of n, Z is z == 0, C is c, V is bit 31 of v: written apart, never packed. A sum of 33 bits is z and c. */
    union {
        struct {
            uint32_t z, c;
        };
        uint64_t zc;
    };
    uint32_t n, v;
    uint32_t q, ge;      /* Q is q != 0; GE is four bits */
    uint32_t it;         /* ITSTATE of the next instruction; 0 while a block runs */
    uint32_t thumb;      /* EPSR.T */
    uint32_t pc;
    uint32_t ipsr;
    uint32_t banked_sp; /* the stack pointer that r[13] is not */
    uint32_t sp_limit[2]; /* MSPLIM, PSPLIM */
    uint32_t primask, basepri, faultmask, control;
    uint32_t s[32];
    uint32_t fpscr, fpccr, fpcar, fpdscr, cpacr;
    uint32_t exclusive, exclusive_address;
    uint32_t event, sleeping; /* the event register; asleep: 0, 1 by WFI, 2 by WFE */
    uint32_t reset_requested;
    uint32_t vtor, prigroup, scr, ccr, shcsr_enables;
    uint32_t cfsr, hfsr, dfsr, mmfar, bfar, afsr;
    uint32_t pending[EXCEPTION_WORDS], active[EXCEPTION_WORDS], enabled[EXCEPTION_WORDS], line[EXCEPTION_WORDS];
    uint8_t priority[EXCEPTIONS];
    uint32_t syst_csr, syst_rvr, syst_val, syst_fill;
    uint64_t syst_base; /* the cycle at which syst_val was true */
    uint32_t mpu_ctrl, mpu_rnr, mpu_mair[2], mpu_rbar[MPU_REGIONS], mpu_rlar[MPU_REGIONS];
    uint32_t dwt_ctrl, dwt_comp[COMPARATORS], dwt_function[COMPARATORS];
    uint64_t dwt_offset; /* CYCCNT is the cycle minus this */
    uint32_t demcr, fpb_ctrl, fpb_comp[FPB_COMPARATORS];
    uint32_t itm_tcr, itm_ter, itm_tpr;
    uint64_t cycle;
} mv_state;

/* One decoded operation: what executes. An instruction is one or a few of these; `go` is filled for the executor in use. */
typedef struct {
    union {
        const void *label;
        uintptr_t number;
    } go;
    union {
        struct {
            uint8_t d, n, m, s;
        };
        uint32_t wide;
    };
    uint32_t imm;
} mv_op;

/* Where an operation came from, for stops in the middle of a block. */
typedef struct {
    uint8_t place;  /* halfwords from the start of the block: also the cycles before it, one for each */
    uint8_t it;     /* ITSTATE before it */
    uint8_t length; /* halfwords */
} mv_origin;

enum { BLOCK_HALFWORDS = 64, BLOCK_OPS = BLOCK_HALFWORDS * 6 + 8 };

typedef struct mv_block {
    struct mv_block *link[2]; /* the blocks its direct branches lead to, once known */
    struct mv_block *chain;   /* the next one in its hash slot */
    struct mv_block *all;     /* the next one of the core */
    uint32_t pc, it, mode;
    uint32_t target; /* what an indirect branch to it holds: its address with bit 0 set */
    uint32_t count;  /* halfwords, which are cycles */
    uint32_t ops;
    mv_origin *origin;
    mv_op op[];
} mv_block;

/* How an execution came to its end. */
typedef enum { EXIT_DEADLINE, EXIT_ATTENTION, EXIT_FAULT, EXIT_SVC, EXIT_BREAKPOINT, EXIT_GATEWAY, EXIT_SLEEP,
               EXIT_EXCEPTION_RETURN } mv_exit;

/* Why `mv_run` came back; the order is that of StopReason in Python. */
typedef enum { STOP_DEADLINE, STOP_GATEWAY, STOP_IDLE, STOP_BREAKPOINT, STOP_RESET, STOP_FAULT, STOP_HALTED,
               STOP_ABORT, STOP_POLL } mv_stop;

/* Reasons to leave a block at the next instruction boundary. */
enum { ATT_EXCEPTION = 1, ATT_HALT = 2, ATT_CODE = 4, ATT_RESET = 8, ATT_ABORT = 16, ATT_TIME = 32 };

typedef struct {
    uint32_t base, size;
    bool device, writable;
    uint8_t *host;      /* memory */
    uint8_t *code_line; /* one bit per 64 bytes: decoded code came from here */
    uint8_t *code_page; /* one byte per page: some line of it has code */
    void *owner;        /* device */
} mv_range;

typedef enum { ANSWER_OK, ANSWER_BUS_ERROR, ANSWER_ABORT } mv_answer;

enum { HASH_BITS = 12, HASH_SIZE = 1 << HASH_BITS };

/* Where indirect branches look first: blocks of the current protection that begin outside an IT block. */
enum { JUMP_BITS = 10, JUMP_SIZE = 1 << JUMP_BITS };

/* Bytes of decoded code after which all of it is forgotten, so that no guest can make its host run out of memory. */
enum { DECODED_MOST = 32 << 20 };

typedef struct mv_core {
    mv_state s;
    uintptr_t *readable; /* per page: host address minus guest address, or 0 for the slow way */
    uintptr_t *writable;
    uint32_t attention;
    uint64_t limit; /* the cycle the current execution goes to */
    uint32_t fault_exception, fault_status, fault_address; /* of the access or instruction that just failed */
    uint32_t exception_return, branch_from; /* EXC_RETURN branched to, and the branch's address */
    uint32_t fp_ready; /* FP instructions need no check: enabled, no lazy state, context active */
    mv_block *jump[JUMP_SIZE];
    mv_block *hash[HASH_SIZE];
    mv_block *blocks;
    mv_block *scratch;
    size_t decoded; /* bytes of all blocks */
    uint32_t protection; /* the `mv_protection` that the page entries were filled under */
    uint32_t flush;
    uint32_t interrupts;
    uint32_t stepped_breakpoint; /* PC + 1 of the breakpoint that the next run steps over */
    bool take_hardfault;
    mv_range *range;
    size_t ranges;
    uint32_t *stop_at; /* sorted: gateways and breakpoints, with the kind in bit 0 */
    size_t stops;
    void *face; /* whoever drives the core */
    bool (*poll)(struct mv_core *core); /* asked now and then; false ends the run */
    mv_answer (*device_read)(void *owner, uint32_t offset, uint32_t size, uint32_t *value);
    mv_answer (*device_write)(void *owner, uint32_t offset, uint32_t size, uint32_t value);
} mv_core;

/* bus.c */
bool mv_map(mv_core *core, uint32_t base, uint32_t size, bool writable, void *device);
mv_range *mv_range_at(mv_core *core, uint32_t address);
bool mv_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
bool mv_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value);
bool mv_read_aligned(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
bool mv_write_aligned(mv_core *core, uint32_t address, uint32_t size, uint32_t value);
bool mv_read_as(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value);
bool mv_write_as(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value);
bool mv_fetch(mv_core *core, uint32_t address, uint32_t *halfword);
bool mv_debug_copy(mv_core *core, uint32_t address, uint8_t *bytes, size_t size, bool write);
void mv_forget_pages(mv_core *core);
bool mv_fault(mv_core *core, uint32_t exception, uint32_t status, uint32_t address);

/* decode.c */
mv_block *mv_decode(mv_core *core, uint32_t most, bool ignore_stop);
mv_block *mv_find_block(mv_core *core);
void mv_forget_code(mv_core *core);
bool mv_is_gateway(const mv_core *core, uint32_t pc);
bool mv_set_stops(mv_core *core, const uint32_t *addresses, size_t count, uint32_t kind, bool keep);

/* optimise.c */
void mv_optimise(mv_block *block);

/* execute.c */
mv_exit mv_execute(mv_core *core, uint64_t limit, mv_block *only);
const void *const *mv_labels(void);

/* transfers.c */
enum { MV_LISTED = 10 /* registers that an operation can name one by one */ };
bool mv_load_words(mv_core *core, uint32_t address, uint32_t *words, uint32_t count);
bool mv_store_words(mv_core *core, uint32_t address, const uint32_t *words, uint32_t count);
bool mv_load_listed(mv_core *core, const mv_op *u, uint32_t count);
bool mv_store_listed(mv_core *core, const mv_op *u, uint32_t count);
bool mv_load_multiple(mv_core *core, const mv_op *u);
bool mv_store_multiple(mv_core *core, const mv_op *u);
bool mv_load_pair(mv_core *core, const mv_op *u);
bool mv_store_pair(mv_core *core, const mv_op *u);
bool mv_fp_load_multiple(mv_core *core, const mv_op *u);
bool mv_fp_store_multiple(mv_core *core, const mv_op *u);
bool mv_load_exclusive(mv_core *core, const mv_op *u);
bool mv_store_exclusive(mv_core *core, const mv_op *u);
bool mv_load_user(mv_core *core, const mv_op *u);
bool mv_load_aligned(mv_core *core, const mv_op *u);

/* arithmetic.c */
uint32_t mv_dsp(mv_core *core, uint32_t kind, uint32_t n, uint32_t m);
uint32_t mv_dsp_accumulate(mv_core *core, uint32_t kind, uint32_t n, uint32_t m, uint32_t a, uint32_t variant);
uint64_t mv_multiply_long(uint32_t kind, uint32_t n, uint32_t m, uint64_t a, uint32_t variant);
uint32_t mv_saturate(mv_core *core, bool is_signed, uint32_t bits, int64_t value);

/* fp.c */
uint32_t mv_fp_binary(mv_core *core, uint32_t kind, uint32_t d, uint32_t n, uint32_t m);
uint32_t mv_fp_sqrt(mv_core *core, uint32_t m);
uint32_t mv_fp_half(mv_core *core, uint32_t to_half, uint32_t top, uint32_t d, uint32_t m);
void mv_fp_compare(mv_core *core, uint32_t quiet_too, uint32_t n, uint32_t m);
uint32_t mv_fp_round(mv_core *core, uint32_t mode, uint32_t exact, uint32_t m);
uint32_t mv_fp_from_fixed(mv_core *core, uint32_t value, bool is_signed, uint32_t fraction, bool nearest);
uint32_t mv_fp_to_fixed(mv_core *core, uint32_t m, bool is_signed, uint32_t bits, uint32_t fraction, uint32_t mode);

/* ITAdvance (DDI0553, E2.1). */
static inline uint32_t mv_it_advance(uint32_t it) { return (it & 7) == 0 ? 0 : (it & 0xE0) | (it << 1 & 0x1F); }

/* exception.c */
mv_stop mv_run(mv_core *core, uint64_t until);
bool mv_reset(mv_core *core, uint32_t vector_table);
void mv_return_to(mv_core *core, uint32_t address);
uint64_t mv_wake_cycle(mv_core *core);
void mv_skip_to(mv_core *core, uint64_t cycle);
uint32_t mv_xpsr(const mv_core *core);
void mv_set_xpsr(mv_core *core, uint32_t value, uint32_t mask);
void mv_set_control(mv_core *core, uint32_t value);
uint32_t *mv_stack_pointer(mv_core *core, bool process);
bool mv_uses_psp(const mv_core *core);
bool mv_is_privileged(const mv_core *core);
bool mv_fp_enabled(const mv_core *core, bool privileged);
bool mv_fp_prepare(mv_core *core);
void mv_fp_refresh(mv_core *core);
uint32_t mv_special_read(mv_core *core, uint32_t number);
void mv_special_write(mv_core *core, uint32_t number, uint32_t mask, uint32_t value);

/* nvic.c */
int mv_execution_priority(const mv_core *core);
int mv_raw_priority(const mv_core *core);
int mv_exception_priority(const mv_core *core, uint32_t number);
int mv_group_priority(const mv_core *core, uint32_t number);
uint32_t mv_highest_pending(const mv_core *core);
void mv_priorities_changed(mv_core *core);
void mv_pend(mv_core *core, uint32_t number);
void mv_unpend(mv_core *core, uint32_t number);
void mv_set_line(mv_core *core, uint32_t irq, bool level);
void mv_set_enabled(mv_core *core, uint32_t irq, bool on);

static inline bool mv_has(const uint32_t *set, uint32_t number) { return (set[number >> 5] >> (number & 31) & 1u) != 0; }
static inline void mv_add(uint32_t *set, uint32_t number) { set[number >> 5] |= 1u << (number & 31); }
static inline void mv_drop(uint32_t *set, uint32_t number) { set[number >> 5] &= ~(1u << (number & 31)); }

static inline uint32_t mv_lowest(uint32_t word) {
#if defined(__GNUC__)
    return (uint32_t)__builtin_ctz(word);
#else
    uint32_t bit = 0;
    for (; (word & 1) == 0; word >>= 1) bit++;
    return bit;
#endif
}

/* The limit that the stack pointer in use is held to. */
static inline uint32_t mv_stack_limit(const mv_core *core) {
    const mv_state *const s = &core->s;
    if (UNLIKELY((s->ccr & CCR_STKOFHFNMIGN) != 0) && mv_execution_priority(core) < 0) return 0;
    return s->sp_limit[s->ipsr == 0 && (s->control & CONTROL_SPSEL) != 0];
}

/* systick.c */
void mv_systick_sync(mv_core *core);
uint64_t mv_systick_next(const mv_core *core);
uint32_t mv_systick_read(mv_core *core, uint32_t offset);
void mv_systick_write(mv_core *core, uint32_t offset, uint32_t value);

/* scs.c */
bool mv_private_read(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value);
bool mv_private_write(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value);
void mv_scs_reset(mv_core *core);

/* mpu.c */
typedef enum { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE } mv_access;
uint32_t mv_protection(const mv_core *core);
bool mv_mpu_allows(const mv_core *core, uint32_t address, mv_access access, bool privileged);
bool mv_mpu_page_allows(const mv_core *core, uint32_t address, mv_access access, bool privileged);
bool mv_is_device_memory(const mv_core *core, uint32_t address);
uint32_t mv_test_target(const mv_core *core, uint32_t address, bool privileged);

/* snapshot.c */
mv_core *mv_new(uint32_t interrupts);
void mv_free(mv_core *core);
size_t mv_snapshot(const mv_core *core, uint8_t *bytes);
bool mv_is_sane(const mv_core *core, const mv_state *s);
bool mv_restore(mv_core *core, const uint8_t *bytes, size_t size);

#endif
