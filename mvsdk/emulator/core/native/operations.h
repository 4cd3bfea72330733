/* Every operation of the executor, once. */
#ifndef MVSDK_OPERATIONS_H
#define MVSDK_OPERATIONS_H

#include "fusions.h"

#define ALU_PLAIN(X, N) X(N##_R) X(N##_I) X(N##_LSL) X(N##_LSR) X(N##_ASR) X(N##_ROR)
#define ALU_SHORT(X, N) X(N##_R) X(N##_I)
#define SHIFTS(X, S) X(LSL##S) X(LSR##S) X(ASR##S) X(ROR##S)
#define CONDITIONS(X, P)                                                                                               \
    X(P##_EQ) X(P##_NE) X(P##_CS) X(P##_CC) X(P##_MI) X(P##_PL) X(P##_VS) X(P##_VC) X(P##_HI) X(P##_LS) X(P##_GE)      \
    X(P##_LT) X(P##_GT) X(P##_LE)
#define ADDRESSED(X, N) X(N##_OFFSET) X(N##_PRE) X(N##_POST) X(N##_REG)
#define COUNTED(X, N)                                                                                                  \
    X(N##_1) X(N##_2) X(N##_3) X(N##_4) X(N##_5) X(N##_6) X(N##_7) X(N##_8) X(N##_9) X(N##_10)

/* Those that do their work and go on, or go on by a slower way of their own. The order inside a family is the order of
 * the kinds in kinds.h. */
#define MV_STEPS(X)                                                                                                    \
    ALU_PLAIN(X, AND) ALU_PLAIN(X, BIC) ALU_PLAIN(X, ORR) ALU_PLAIN(X, ORN) ALU_PLAIN(X, EOR) ALU_PLAIN(X, ADD)        \
    ALU_PLAIN(X, SUB) ALU_PLAIN(X, RSB)                                                                                \
    ALU_SHORT(X, ANDS) ALU_SHORT(X, BICS) ALU_SHORT(X, ORRS) ALU_SHORT(X, ORNS) ALU_SHORT(X, EORS)                     \
    ALU_SHORT(X, ADDS) ALU_SHORT(X, SUBS) ALU_SHORT(X, RSBS) ALU_SHORT(X, ADCS) ALU_SHORT(X, SBCS)                     \
    ALU_SHORT(X, ADC) ALU_SHORT(X, SBC) ALU_SHORT(X, CMP) ALU_SHORT(X, TST)                                            \
    ALU_SHORT(X, MOV) ALU_SHORT(X, MOVS) X(MVN_R) X(MVNS_R)                                                            \
    SHIFTS(X, _BY) X(RRX_BY) SHIFTS(X, S_BY) X(RRXS_BY) SHIFTS(X, C_BY) X(RRXC_BY) SHIFTS(X, _REG) SHIFTS(X, S_REG)    \
    X(SET_C) X(MOVT) X(SP_SET_CHECKED) X(SP_ADD) X(SP_LIMIT) CONDITIONS(X, MOV)                                        \
    ADDRESSED(X, LDR) ADDRESSED(X, LDRB) ADDRESSED(X, LDRH) ADDRESSED(X, LDRSB) ADDRESSED(X, LDRSH)                    \
    ADDRESSED(X, STR) ADDRESSED(X, STRB) ADDRESSED(X, STRH) X(LDR_LITERAL)                                             \
    COUNTED(X, LDM) COUNTED(X, STM) COUNTED(X, POP) COUNTED(X, PUSH) X(LDRD) X(STRD) X(CLREX) X(TT)                                                     \
    X(MUL) X(MULS) X(MLA) X(MLS) X(UMULL) X(SMULL) X(UMLAL) X(SMLAL) X(LONG) X(SDIV) X(UDIV)                           \
    X(UBFX) X(SBFX) X(BFI) X(SXTB) X(SXTH) X(UXTB) X(UXTH) X(SXTB16) X(UXTB16) X(REV) X(REV16) X(REVSH) X(RBIT) X(CLZ) \
    X(SSAT) X(USAT) X(PKHBT) X(PKHTB) X(DSP) X(DSP_ACCUMULATE)                                                         \
    X(VLDR) X(VSTR) X(VMOV_TO_S) X(VMOV_TO_R) X(VMOV) X(VABS) X(VNEG) X(VCONST)                                        \
    X(VADD) X(VSUB) X(VMUL) X(VDIV) X(VMLA) X(VMLS) X(VFMA) X(VFMS) X(VBINARY) X(VSQRT) X(VCMP) X(VHALF) X(VROUND) X(VFROM) X(VTO) X(VSEL)             \
    X(VMSR) X(VMRS) X(VMRS_FLAGS)

/* Those that leave a block one way or another. */
#define MV_ENDS(X) CONDITIONS(X, B) X(B) X(BL) X(CBZ) X(CBNZ) X(BX) X(BLX) X(JUMP) X(TBB) X(TBH) COUNTED(X, RETURN)

/* Those that need more than a step: conditions, and whatever can call for attention every time. */
#define MV_OTHERS(X)                                                                                                   \
    CONDITIONS(X, SKIP) X(SPIN) X(END) X(LEAVE) X(SP_SET) X(SP_ALIGN)                                                  \
    X(LDM) X(STM) X(LOAD_ALIGNED) X(STORE_ALIGNED) X(LDREX) X(STREX) X(LOAD_USER) X(STORE_USER)                        \
    X(UDF) X(NOCP) X(SVC) X(BKPT) X(GATEWAY) X(WAIT) X(MRS) X(MSR) X(CPS) X(FP_CHECK) X(VLDM) X(VSTM)

#define MV_OPERATIONS(X) MV_STEPS(X) MV_ENDS(X) MV_OTHERS(X)

#define MV_ENUMERATE(N) OP_##N,
#define MV_ENUMERATE_PAIR(A, B) OP_##A##_THEN_##B,
#define MV_ENUMERATE_TRIPLE(A, B, C) OP_##A##_THEN_##B##_THEN_##C,
enum {
    MV_OPERATIONS(MV_ENUMERATE) OP_PARTS, /* what decoding emits lies below, what optimising puts in its place above */
    OP_BEFORE_FUSED = OP_PARTS - 1,
    MV_PAIRS(MV_ENUMERATE_PAIR) MV_TRIPLES(MV_ENUMERATE_TRIPLE) OP_COUNT
};

#endif
