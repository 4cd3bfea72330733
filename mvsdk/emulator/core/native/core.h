/* A Cortex-M33 in non-secure state: what every part of the core shares.
 *
 * References "DDI0553" are to the Armv8-M Architecture Reference Manual. The parts:
 *   bus.c        memory map, page tables, the slow way of every access
 *   memory.c     pages: shared, private and seen from outside; images that several cores have
 *   decode.c     words to blocks of operations, by the table made from encodings.csv      lower_*.h    what its rows turn into
 *   optimise.c   operations to fewer and cheaper ones
 *   blocks.c     what was decoded: shared by cores with one image, and forgotten where code changes
 *   execute.c    operations to state changes; knows nothing of encodings. execute_observed.c is the same, watched
 *   semantics.h  what each operation does              transfers.c  the slow ways of loads and stores
 *   observe.c    what was executed: counted, covered, traced
 *   arithmetic.c DSP and other rare integer operations        fp.c         single-precision arithmetic, bit exact
 *   exception.c  entry, return, faults                        nvic.c       priorities, pending and active sets
 *   run.c        the run loop, sleep, stepping, reset         special.c    modes and special registers
 *   fp_context.c floating-point state across exceptions       systick.c    the timer
 *   private.c    the private peripheral bus                   scs.c        registers of the system control space
 *   debug.c      Debug state and CoreDebug                    coresight.c  identification, the ROM table
 *   dwt.c        cycle counter and comparators                fpb.c        breakpoint comparators
 *   itm.c        stimulus ports                               watch.c      accesses that somebody waits for
 *   mpu.c        protection                                   snapshot.c   states to go back to
 *   registers.c  device registers that the core answers itself
 *   saved.c      state as plain bytes
 *   face.h, face*.c  the Python type
 */
#ifndef MVSDK_CORE_H
#define MVSDK_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "guest memory is read as it lies: this host is big-endian"
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Keeps a way that is seldom taken from costing the usual one its registers. */
#define NOINLINE __attribute__((noinline))
#if !defined(__GNUC__)
#undef LIKELY
#undef UNLIKELY
#undef NOINLINE
#define NOINLINE
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

/* Exception numbers (DDI0553). */
enum {
    EXC_RESET = 1, EXC_NMI, EXC_HARDFAULT, EXC_MEMMANAGE, EXC_BUSFAULT, EXC_USAGEFAULT, EXC_SECUREFAULT,
    EXC_SVC = 11, EXC_DEBUG, EXC_PENDSV = 14, EXC_SYSTICK, EXC_IRQ0
};
enum { ALWAYS_ENABLED = 1 << EXC_NMI | 1 << EXC_HARDFAULT | 1 << EXC_SVC | 1 << EXC_PENDSV | 1 << EXC_SYSTICK };

/* CFSR, HFSR, CONTROL, CCR, FPSCR and FPCCR bits. */
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

/* CoreDebug: DHCSR, DEMCR and DFSR bits (DDI0553, register descriptions). */
enum {
    DHCSR_C_DEBUGEN = 1 << 0, DHCSR_C_HALT = 1 << 1, DHCSR_C_STEP = 1 << 2, DHCSR_C_MASKINTS = 1 << 3, DHCSR_S_REGRDY = 1 << 16,
    DHCSR_S_HALT = 1 << 17, DHCSR_S_SLEEP = 1 << 18, DHCSR_S_RETIRE_ST = 1 << 24, DHCSR_S_RESET_ST = 1 << 25
};
enum {
    DEMCR_VC_CORERESET = 1 << 0, DEMCR_VC_MMERR = 1 << 4, DEMCR_VC_NOCPERR = 1 << 5, DEMCR_VC_CHKERR = 1 << 6, DEMCR_VC_STATERR = 1 << 7,
    DEMCR_VC_BUSERR = 1 << 8, DEMCR_VC_INTERR = 1 << 9, DEMCR_VC_HARDERR = 1 << 10, DEMCR_MON_EN = 1 << 16, DEMCR_MON_PEND = 1 << 17,
    DEMCR_MON_STEP = 1 << 18, DEMCR_MON_REQ = 1 << 19, DEMCR_TRCENA = 1 << 24
};
enum { DFSR_HALTED = 1, DFSR_BKPT = 2, DFSR_DWTTRAP = 4, DFSR_VCATCH = 8 };

/* An access that somebody waited for. */
typedef struct {
    uint32_t pending, address, size, value, writes, pc;
} mv_hit;

/* Everything that decides the future of the guest besides its memory. What is added here is added to the table in saved.c. */
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
    uint64_t dwt_offset;   /* CYCCNT is the cycle minus this */
    uint64_t dwt_match_at; /* the cycle at which comparator 0 finds its count; 0 for never */
    uint32_t dhcsr, dcrdr, demcr, fpb_ctrl, fpb_comp[FPB_COMPARATORS];
    uint32_t itm_tcr, itm_ter, itm_tpr;
    mv_hit hit;              /* of a watchpoint, until the run ends with it */
    uint32_t dwt_data_event; /* a data comparator asks for a debug event after the instruction */
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

/* A block of one core. Its operations lie behind it, because the way to them is as short as can be; so a core has its own
 * copy of what an image knows, and shares only what is rarely looked at. */
typedef struct mv_block {
    struct mv_block *link[2]; /* the blocks its direct branches lead to, once known */
    uint32_t pc, it, mode;
    uint32_t target; /* what an indirect branch to it holds: its address with bit 0 set */
    uint32_t count;  /* halfwords, which are cycles */
    uint32_t ops;
    bool shared;           /* `origin` is an image's */
    bool conditional;      /* its last instruction is a branch that may be taken or not */
    uint8_t covered, ways; /* what coverage knows of it: halfwords from its start; the ways its branch went */
    mv_origin *origin;
    uint64_t starts;        /* the halfwords at which its instructions begin */
    struct mv_block *chain; /* the next one in its hash slot */
    mv_op op[];
} mv_block;

/* A block that an image keeps, for any core that has these pages of the image at that base. */
typedef struct mv_body {
    struct mv_body *next;
    uint32_t base;
    mv_block *block;
} mv_body;

/* How an execution came to its end. */
typedef enum { EXIT_DEADLINE, EXIT_ATTENTION, EXIT_FAULT, EXIT_SVC, EXIT_BREAKPOINT, EXIT_GATEWAY, EXIT_SLEEP,
               EXIT_EXCEPTION_RETURN } mv_exit;

/* Why `mv_run` came back; the order is that of StopReason in Python. */
typedef enum { STOP_DEADLINE, STOP_GATEWAY, STOP_IDLE, STOP_BREAKPOINT, STOP_RESET, STOP_FAULT, STOP_HALTED,
               STOP_WATCHPOINT, STOP_STEPPED, STOP_DEBUG, STOP_ABORT, STOP_POLL } mv_stop;

/* Reasons to leave a block at the next instruction boundary. */
enum { ATT_EXCEPTION = 1, ATT_HALT = 2, ATT_CODE = 4, ATT_RESET = 8, ATT_ABORT = 16, ATT_TIME = 32, ATT_DEBUG = 64,
       ATT_STALE = 128 /* code on some pages has changed */ };

/* What a page holds, never to change again: shared by cores, snapshots and images. */
typedef struct {
    atomic_size_t users; /* counted only where nothing else keeps the page */
    bool counted;
    bool digested; /* these two are the interpreter lock's */
    uint8_t digest[32];
    const uint8_t *bytes;
} mv_page;

enum { IMAGE_SLOTS = 4096 };

/* What a range holds at first, made once and shared: pages, and the code decoded from them. */
typedef struct {
    atomic_size_t users;
    uint32_t pages;
    mv_page *page;
    uint8_t *bytes; /* of the pages that are not all fill; behind them one that is */
    atomic_size_t decoded;
    _Atomic(mv_body *) slot[IMAGE_SLOTS];
} mv_image;

/* A page of a range. `shared` says what it holds; where that is NULL it has been written, and only `host` says so. */
typedef struct {
    mv_page *shared;
    uint32_t views, writable_views; /* how often it is seen from outside: then `host` holds it, and with the second it is written */
    bool resident;                  /* `host` holds it */
    bool asked;                     /* the range's guard answers data reads */
    bool code;                      /* decoded code came from here */
    bool stale;                     /* and is to be forgotten */
} mv_frame;

typedef struct {
    uint32_t base, size;
    bool device, writable;
    uint8_t *host; /* memory: as large as the range, and only there where pages are resident */
    mv_frame *frame;
    mv_image *image;    /* keeps alive the pages that are not counted */
    uint8_t *code_line; /* one bit per 64 bytes: decoded code came from here */
    uint8_t *executed, *taken, *passed; /* coverage: one bit per halfword each, or NULL */
    void *owner;        /* device, or the guard of memory */
} mv_range;

/* A state to go back to: what a core was, its pages shared with it. */
typedef struct {
    uint32_t base, size;
    mv_image *image;
    mv_page **page;
} mv_kept_range;

typedef struct {
    mv_state s;
    uint32_t stepped_breakpoint, interrupts, ranges;
    mv_kept_range *range;
} mv_snapshot;

/* What happened since the core was made; for whoever looks from outside. */
typedef struct {
    uint64_t instructions, exceptions, supervisor_calls, gateway_stops, device_reads, device_writes, blocks_decoded, sleeps;
} mv_counters;

typedef struct {
    uint64_t cycle;
    uint32_t address;
} mv_executed;

/* What the core did of itself, for whoever follows it: exceptions entered and left, sleep begun and ended. */
enum { DID_ENTER, DID_LEAVE, DID_SLEEP, DID_WAKE };
typedef struct {
    uint64_t cycle;
    uint32_t did, exception;
} mv_deed;

enum { DEEDS_MOST = 4096 };

typedef enum { ANSWER_OK, ANSWER_BUS_ERROR, ANSWER_ABORT } mv_answer;

/* What a bank of registers can hold, and the words it begins with: whether it answers at all, up to which cycle its values
 * hold (two words), and its counter: one count every so many cycles, 0 if it stands; down or up; since which cycle (two
 * words). */
enum { BANK_BITS = 10, BANK_SIZE = 1 << BANK_BITS, BANK_SLOTS = 64, BANK_WORDS = 4096, BANK_RULES = 255 };
enum { BANK_OPEN, BANK_UNTIL, BANK_STEP = 3, BANK_DOWN, BANK_SINCE, BANK_HEADER = 7 };
enum { BANK_FOLLOWS = 8, BANK_EFFECTS = 3 };
#define NO_WORD 0xFFFFFFFFu

enum { READS_DEVICE, READS_WORD, READS_COUNTER };
enum { EFFECT_NONE, EFFECT_WRITE, EFFECT_SET, EFFECT_CLEAR, EFFECT_TOGGLE, EFFECT_KEEP };

/* What a write does to its target, with the bits written shifted right: within the mask take them over, set, clear or
 * toggle where they are one, or clear where they are zero. Taking over and clearing zeros know no shift. */
typedef struct {
    uint32_t verb, shift, mask;
} mv_effect;

/* One register. All fields are words, so that a description is plain bytes to whoever makes it. */
typedef struct {
    uint32_t offset;            /* from the bank's base */
    uint32_t reads, writes;     /* READS_…; 0 if the device takes writes, 1 if the bank does */
    uint32_t word, target;      /* what a read shows, what a write changes */
    uint32_t told, told_word;   /* a write that would change one of these bits of its target is the device's; the bits in
                                   the word likewise */
    uint32_t shown, shown_mask; /* the target's bits in the mask's word appear at once in this word */
    uint32_t follows[BANK_FOLLOWS]; /* bit in the low byte, the one that copies it in the next; NO_WORD ends them */
    mv_effect effect[BANK_EFFECTS];
} mv_register;

typedef struct mv_bank {
    struct mv_bank *chain;
    uint32_t base;
    uint32_t *words;
    size_t count;
    void *owner;
    uint8_t rule_at[BANK_SIZE / 4]; /* the register's number in `rule`, and 1; 0 for none */
    mv_register rule[];
} mv_bank;
/* A range of addresses whose accesses end a run. Where `mask` is not 0 the range has four bytes at most, and those of its
 * bytes that the mask has bits of must all be accessed and have the value. */
typedef struct {
    uint32_t address, last;
    bool reads, writes;
    uint32_t value, mask;
} mv_watch;

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
    uint32_t pending_words, active_words; /* which words of these two sets hold anything */
    uint64_t began, limit; /* the cycles at which the current execution began, and to which it goes */
    uint32_t fault_exception, fault_status, fault_address; /* of the access or instruction that just failed */
    uint32_t exception_return, branch_from; /* EXC_RETURN branched to, and the branch's address */
    uint32_t fp_ready; /* FP instructions need no check: enabled, no lazy state, context active */
    mv_block *jump[JUMP_SIZE];
    mv_block *hash[HASH_SIZE];
    mv_block *scratch;
    size_t decoded; /* bytes of all blocks */
    uint32_t protection; /* the `mv_protection` that the page entries were filled under */
    uint32_t writable_views; /* pages that somebody outside may write at any time */
    uint32_t interrupts;
    bool observed; /* the executor that tells what it does is in use: for coverage, a trace or a count */
    bool counting, covering;
    bool telling; /* of each execution, not only of what is new to coverage: for a trace or a count */
    mv_executed *trace; /* a ring */
    size_t trace_length, traced; /* places in it; how many were ever filled */
    mv_deed *deed; /* NULL while nobody follows */
    size_t deeds;
    mv_counters counters;
    uint32_t stepped_breakpoint; /* PC + 1 of the breakpoint that the next run steps over */
    bool take_hardfault;
    mv_watch *watch;
    size_t watches;
    bool watching;    /* somebody waits for an access: `watch`, or comparators of the DWT */
    bool compares;    /* the FPB or the DWT compares the addresses of instructions */
    bool masked;      /* this step takes no interrupt */
    bool by_debugger; /* the access to the private peripherals is not the guest's */
    bool alone;       /* a step: one instruction, or one exception taken */
    bool progressed;  /* this turn executed an instruction or took an exception */
    mv_hit last_hit;  /* what the last STOP_WATCHPOINT was about */
    mv_range *range;
    size_t ranges;
    mv_bank *bank[BANK_SLOTS];
    uint32_t *stop_at; /* sorted: gateways and breakpoints, with the kind in bit 0 */
    size_t stops;
    void *face; /* whoever drives the core */
    bool (*poll)(struct mv_core *core); /* asked now and then; false ends the run */
    mv_answer (*device_read)(void *owner, uint32_t offset, uint32_t size, uint32_t *value);
    mv_answer (*device_write)(void *owner, uint32_t offset, uint32_t size, uint32_t value);
    void *itm_output; /* written like a device: offset is the stimulus port; NULL where nobody listens */
} mv_core;

/* bus.c */
bool mv_map_memory(mv_core *core, uint32_t base, uint32_t size, bool writable, mv_image *image);
bool mv_map_device(mv_core *core, uint32_t base, uint32_t size, void *device);
mv_range *mv_range_at(mv_core *core, uint32_t address);
bool mv_guard(mv_core *core, uint32_t base, void *guard);
bool mv_guard_reads(mv_core *core, uint32_t address, bool asked);
bool mv_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
bool mv_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value);
bool mv_read_aligned(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
bool mv_write_aligned(mv_core *core, uint32_t address, uint32_t size, uint32_t value);
bool mv_read_as(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value);
bool mv_write_as(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value);
bool mv_read_frame(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value);
bool mv_write_frame(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value);
bool mv_fetch(mv_core *core, uint32_t address, uint32_t *halfword);
bool mv_read_bus(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
bool mv_write_bus(mv_core *core, uint32_t address, uint32_t size, uint32_t value);
bool mv_debug_copy(mv_core *core, uint32_t address, uint8_t *bytes, size_t size, bool write);
void mv_forget_pages(mv_core *core);
bool mv_fault(mv_core *core, uint32_t exception, uint32_t status, uint32_t address);

/* registers.c */
const char *mv_bind(mv_core *core, uint32_t base, uint32_t *words, size_t count, const mv_register *rule, size_t rules,
                    void *owner);
void mv_unbind(mv_core *core, void (*release)(void *owner));
bool mv_bank_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
bool mv_bank_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value);
/* memory.c */
void *mv_reserve(size_t size);
void mv_release(void *memory, size_t size);
mv_image *mv_image_new(const uint8_t *bytes, size_t length, uint32_t size, uint8_t fill);
mv_image *mv_image_keep(mv_image *image);
void mv_image_drop(mv_image *image);
mv_page *mv_page_keep(mv_page *page);
void mv_page_drop(mv_page *page);
mv_page *mv_frame_share(mv_core *core, mv_range *range, uint32_t index);
void mv_frame_set(mv_core *core, mv_range *range, uint32_t index, mv_page *page);
void mv_frame_own(mv_core *core, mv_range *range, uint32_t index);
mv_page *mv_zero_page(void);
bool mv_range_prepare(mv_range *range, mv_image *image);
void mv_range_end(mv_range *range);
bool mv_range_cover(mv_range *range);
uint8_t *mv_expose(mv_core *core, uint32_t address, uint32_t size, bool writable);
void mv_conceal(mv_core *core, uint32_t address, uint32_t size, bool writable);
void mv_distrust_exposed(mv_core *core);

/* Where a page's bytes lie. */
static inline const uint8_t *mv_frame_bytes(const mv_range *range, uint32_t index) {
    const mv_frame *const frame = &range->frame[index];
    return frame->resident ? range->host + ((size_t)index << PAGE_BITS) : frame->shared->bytes;
}

/* blocks.c */
const mv_block *mv_find_shared(mv_core *core, uint32_t mode);
const mv_block *mv_share_block(mv_core *core, const mv_block *block, uint32_t mode);
mv_block *mv_copy_block(const mv_block *block, bool with_origins);
void mv_forget_bodies(mv_image *image);
void mv_forget_stale_code(mv_core *core);
void mv_code_changed(mv_core *core, mv_range *range, uint32_t offset, uint32_t size);

/* decode.c */
size_t mv_block_size(const mv_block *block);
mv_block *mv_decode(mv_core *core, uint32_t most, bool ignore_stop);
mv_block *mv_find_block(mv_core *core);
void mv_forget_code(mv_core *core);
bool mv_has_stop(const mv_core *core, uint32_t first, uint32_t last);
bool mv_is_gateway(const mv_core *core, uint32_t pc);
bool mv_is_breakpoint(const mv_core *core, uint32_t pc);
bool mv_copy_stops(mv_core *core, const mv_core *from);
bool mv_set_stops(mv_core *core, const uint32_t *addresses, size_t count, uint32_t kind, bool keep);

/* optimise.c */
void mv_optimise(mv_block *block);

/* execute.c */
mv_exit mv_execute(mv_core *core, uint64_t limit, mv_block *only);
const void *const *mv_labels(void);
mv_exit mv_execute_observed(mv_core *core, uint64_t limit, mv_block *only);
const void *const *mv_observed_labels(void);

/* observe.c */
enum { WAY_NONE, WAY_TAKEN, WAY_PASSED }; /* of a branch */
void mv_observe(mv_core *core, mv_block *block, uint32_t halfwords, uint32_t way, uint64_t start);
void mv_observe_spin(mv_core *core, const mv_block *block, uint64_t turns, uint64_t start);
void mv_observe_one(mv_core *core, uint32_t pc, uint64_t cycle);
bool mv_record_coverage(mv_core *core, bool on);
bool mv_trace(mv_core *core, size_t length);
void mv_count_instructions(mv_core *core, bool on);
bool mv_follow(mv_core *core, bool on);
void mv_note_deed(mv_core *core, uint32_t did, uint32_t exception);

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

/* ITAdvance. */
static inline uint32_t mv_it_advance(uint32_t it) { return (it & 7) == 0 ? 0 : (it & 0xE0) | (it << 1 & 0x1F); }

/* run.c */
mv_stop mv_run(mv_core *core, uint64_t until);
mv_stop mv_step(mv_core *core, bool masked);
bool mv_reset(mv_core *core, uint32_t vector_table);
uint64_t mv_wake_cycle(mv_core *core);
void mv_skip_to(mv_core *core, uint64_t cycle);

/* exception.c */
void mv_note_fault(mv_core *core);
bool mv_stacking_fault(mv_core *core);
bool mv_enter_exception(mv_core *core, uint32_t number);
bool mv_take_fault(mv_core *core);
bool mv_take_svc(mv_core *core);
bool mv_return_from_exception(mv_core *core);
void mv_return_to(mv_core *core, uint32_t address);

/* special.c */
static inline bool mv_uses_psp(const mv_core *core) { return core->s.ipsr == 0 && (core->s.control & CONTROL_SPSEL) != 0; }
static inline bool mv_is_privileged(const mv_core *core) { return core->s.ipsr != 0 || (core->s.control & CONTROL_NPRIV) == 0; }
uint32_t mv_xpsr(const mv_core *core);
void mv_set_xpsr(mv_core *core, uint32_t value, uint32_t mask);
void mv_set_control(mv_core *core, uint32_t value);
uint32_t *mv_stack_pointer(mv_core *core, bool process);
void mv_set_mode(mv_core *core, uint32_t ipsr, uint32_t control);
uint32_t mv_special_read(mv_core *core, uint32_t number);
void mv_special_write(mv_core *core, uint32_t number, uint32_t mask, uint32_t value);

/* fp_context.c */
bool mv_fp_enabled(const mv_core *core, bool privileged);
bool mv_fp_prepare(mv_core *core);
void mv_fp_refresh(mv_core *core);
bool mv_fp_push(mv_core *core, uint32_t address, bool stacked);

/* nvic.c */
int mv_execution_priority(const mv_core *core);
int mv_raw_priority(const mv_core *core);
int mv_exception_priority(const mv_core *core, uint32_t number);
int mv_group_priority(const mv_core *core, uint32_t number);
bool mv_can_take(const mv_core *core, uint32_t number);
uint32_t mv_highest_pending(const mv_core *core);
uint32_t mv_best_pending(const mv_core *core);
void mv_priorities_changed(mv_core *core);
void mv_find_words(mv_core *core);
void mv_pend(mv_core *core, uint32_t number);
void mv_unpend(mv_core *core, uint32_t number);
void mv_set_line(mv_core *core, uint32_t irq, bool level);
void mv_set_enabled(mv_core *core, uint32_t irq, bool on);

static inline bool mv_has(const uint32_t *set, uint32_t number) { return (set[number >> 5] >> (number & 31) & 1u) != 0; }
static inline void mv_add(uint32_t *set, uint32_t number) { set[number >> 5] |= 1u << (number & 31); }
static inline void mv_drop(uint32_t *set, uint32_t number) { set[number >> 5] &= ~(1u << (number & 31)); }

/* Change a set that says which of its words hold anything. */
static inline void mv_put(uint32_t *set, uint32_t *words, uint32_t number, bool in) {
    const uint32_t word = number >> 5;
    if (in)
        mv_add(set, number);
    else
        mv_drop(set, number);
    *words = set[word] != 0 ? *words | 1u << word : *words & ~(1u << word);
}

static inline void mv_set_pending(mv_core *core, uint32_t number, bool on) { mv_put(core->s.pending, &core->pending_words, number, on); }
static inline void mv_set_active(mv_core *core, uint32_t number, bool on) { mv_put(core->s.active, &core->active_words, number, on); }

/* The exception to take now; 0 for none, which costs nothing to say where none is pending. */
static inline uint32_t mv_exception_to_take(const mv_core *core) {
    return LIKELY(core->pending_words == 0) ? 0 : mv_best_pending(core);
}

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
uint64_t mv_next_tick(const mv_core *core);
void mv_expect_tick(mv_core *core);
uint32_t mv_systick_read(mv_core *core, uint32_t offset);
void mv_systick_write(mv_core *core, uint32_t offset, uint32_t value);

/* scs.c */
uint32_t mv_scs_read_other(mv_core *core, uint32_t offset);
void mv_scs_write_other(mv_core *core, uint32_t offset, uint32_t value);
/* SysTick's four registers come first: a kernel that sleeps reaches little else. */
static inline uint32_t mv_scs_read(mv_core *core, uint32_t offset) {
    return offset - 0x10 < 0x10 ? mv_systick_read(core, offset) : mv_scs_read_other(core, offset);
}
static inline void mv_scs_write(mv_core *core, uint32_t offset, uint32_t value) {
    if (offset - 0x10 < 0x10)
        mv_systick_write(core, offset, value);
    else
        mv_scs_write_other(core, offset, value);
}
bool mv_scs_acts_on_ones(uint32_t offset);
void mv_scs_reset(mv_core *core);

/* private.c: the private peripheral bus, 0xE0000000 to 0xE00FFFFF */
static inline bool mv_is_private(uint32_t address) { return address >> 20 == 0xE00; }
/* A whole register of the system control space, not one of those that identify it. */
static inline bool mv_is_control_register(uint32_t address, uint32_t size) {
    return address >= 0xE000E000u && address < 0xE000EFBCu && (address & 3) == 0 && size == 4;
}
bool mv_private_may_map(uint32_t base, uint32_t size, bool device);
bool mv_private_read(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t *value);
bool mv_private_write(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value);

/* coresight.c */
uint32_t mv_coresight_read(uint32_t page, uint32_t offset);

/* dwt.c */
uint32_t mv_dwt_read(mv_core *core, uint32_t offset);
void mv_dwt_write(mv_core *core, uint32_t offset, uint32_t value);
void mv_dwt_trace_control(mv_core *core, uint32_t *control, uint32_t value);
void mv_dwt_pass_halted(mv_core *core, uint64_t cycles);
void mv_dwt_cycle_match(mv_core *core);
bool mv_dwt_compares_instructions(const mv_core *core);
bool mv_dwt_compares_data(const mv_core *core);
bool mv_dwt_is_instruction(const mv_core *core, uint32_t pc);
bool mv_dwt_match_instruction(mv_core *core, uint32_t pc);
bool mv_dwt_is_page(const mv_core *core, uint32_t first, uint32_t last);
void mv_dwt_note_access(mv_core *core, uint32_t address, uint32_t size, uint32_t value, bool writes);

/* fpb.c */
uint32_t mv_fpb_read(const mv_core *core, uint32_t offset);
void mv_fpb_write(mv_core *core, uint32_t offset, uint32_t value);
bool mv_fpb_is_on(const mv_core *core);
bool mv_fpb_matches(const mv_core *core, uint32_t pc);

/* itm.c */
uint32_t mv_itm_read(const mv_core *core, uint32_t offset, bool privileged);
bool mv_itm_write(mv_core *core, uint32_t address, uint32_t size, bool privileged, uint32_t value);

/* debug.c */
bool mv_debug_listens(const mv_core *core);
bool mv_debug_event(mv_core *core, uint32_t cause);
void mv_enter_debug_state(mv_core *core, uint32_t cause);
void mv_catch_vector(mv_core *core, uint32_t number);
bool mv_catches(const mv_core *core, uint32_t catches);
bool mv_monitor_may_step(const mv_core *core);
void mv_debug_changed(mv_core *core);
void mv_debug_reset(mv_core *core, const mv_state *before);
uint32_t mv_core_debug_read(mv_core *core, uint32_t offset);
void mv_core_debug_write(mv_core *core, uint32_t offset, uint32_t value);
mv_answer mv_debug_read(mv_core *core, uint32_t address, uint32_t size, uint32_t *value);
mv_answer mv_debug_write(mv_core *core, uint32_t address, uint32_t size, uint32_t value);

static inline bool mv_masks_interrupts(const mv_core *core) {
    const uint32_t both = DHCSR_C_DEBUGEN | DHCSR_C_MASKINTS;
    return core->masked || (core->s.dhcsr & both) == both;
}

static inline bool mv_is_halted(const mv_core *core) { return (core->s.dhcsr & DHCSR_S_HALT) != 0; }

/* watch.c */
bool mv_set_watches(mv_core *core, const mv_watch *watches, size_t count);
bool mv_is_compared(const mv_core *core, uint32_t pc);
bool mv_is_watched_page(const mv_core *core, uint32_t address);
void mv_note_access(mv_core *core, uint32_t address, uint32_t size, uint32_t value, bool writes);

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
mv_snapshot *mv_take_snapshot(mv_core *core);
bool mv_return_to_snapshot(mv_core *core, const mv_snapshot *snapshot);
void mv_free_snapshot(mv_snapshot *snapshot);
void mv_entered_state(mv_core *core, const mv_state *s, uint32_t stepped_breakpoint);

/* saved.c */
bool mv_is_sane(const mv_core *core, const mv_state *s);
size_t mv_save(const mv_core *core, uint8_t *bytes);
bool mv_load(mv_core *core, const uint8_t *bytes, size_t size);
size_t mv_put_state(const mv_state *s, uint8_t *bytes);

#endif
