/* Every operation of the executor, once. */
#ifndef MVSDK_OPERATIONS_H
#define MVSDK_OPERATIONS_H

#define ALU_PLAIN(X, N) X(N##_R) X(N##_I) X(N##_LSL) X(N##_LSR) X(N##_ASR) X(N##_ROR)
#define ALU_SHORT(X, N) X(N##_R) X(N##_I)
#define SHIFTS(X, S) X(LSL##S) X(LSR##S) X(ASR##S) X(ROR##S)
#define CONDITIONS(X, P)                                                                                               \
    X(P##_EQ) X(P##_NE) X(P##_CS) X(P##_CC) X(P##_MI) X(P##_PL) X(P##_VS) X(P##_VC) X(P##_HI) X(P##_LS) X(P##_GE)      \
    X(P##_LT) X(P##_GT) X(P##_LE)
#define ADDRESSED(X, N) X(N##_OFFSET) X(N##_PRE) X(N##_POST) X(N##_REG)

/* The order inside a family is the order of the kinds in kinds.h. */
#define MV_OPERATIONS(X)                                                                                               \
    ALU_PLAIN(X, AND) ALU_PLAIN(X, BIC) ALU_PLAIN(X, ORR) ALU_PLAIN(X, ORN) ALU_PLAIN(X, EOR) ALU_PLAIN(X, ADD)        \
    ALU_PLAIN(X, SUB) ALU_PLAIN(X, RSB)                                                                                \
    ALU_SHORT(X, ANDS) ALU_SHORT(X, BICS) ALU_SHORT(X, ORRS) ALU_SHORT(X, ORNS) ALU_SHORT(X, EORS)                     \
    ALU_SHORT(X, ADDS) ALU_SHORT(X, SUBS) ALU_SHORT(X, RSBS) ALU_SHORT(X, ADCS) ALU_SHORT(X, SBCS)                     \
    ALU_SHORT(X, ADC) ALU_SHORT(X, SBC)                                                                                \
    ALU_SHORT(X, MOV) ALU_SHORT(X, MOVS) X(MVN_R) X(MVNS_R)                                                            \
    SHIFTS(X, _BY) X(RRX_BY) SHIFTS(X, S_BY) X(RRXS_BY) SHIFTS(X, C_BY) X(RRXC_BY) SHIFTS(X, _REG) SHIFTS(X, S_REG)    \
    X(SET_C) X(MOVT) X(SP_SET) X(SP_SET_CHECKED) X(SP_ADD) X(SP_LIMIT) X(SP_ALIGN)                                     \
    CONDITIONS(X, SKIP) CONDITIONS(X, B) X(B) X(SPIN) X(BL) X(BX) X(BLX) X(CBZ) X(CBNZ) X(TBB) X(TBH) X(JUMP) X(END) X(LEAVE)  \
    ADDRESSED(X, LDR) ADDRESSED(X, LDRB) ADDRESSED(X, LDRH) ADDRESSED(X, LDRSB) ADDRESSED(X, LDRSH)                    \
    ADDRESSED(X, STR) ADDRESSED(X, STRB) ADDRESSED(X, STRH) X(LDR_LITERAL)                                             \
    X(LDRD) X(STRD) X(LDM) X(STM) X(LOAD_ALIGNED) X(STORE_ALIGNED) X(LDREX) X(STREX) X(CLREX) X(LOAD_USER)             \
    X(STORE_USER) X(TT)                                                                                                \
    X(MUL) X(MULS) X(MLA) X(MLS) X(UMULL) X(SMULL) X(UMLAL) X(SMLAL) X(LONG) X(SDIV) X(UDIV)                           \
    X(UBFX) X(SBFX) X(BFI) X(SXTB) X(SXTH) X(UXTB) X(UXTH) X(SXTB16) X(UXTB16) X(REV) X(REV16) X(REVSH) X(RBIT) X(CLZ) \
    X(SSAT) X(USAT) X(PKHBT) X(PKHTB) X(DSP) X(DSP_ACCUMULATE)                                                         \
    X(UDF) X(NOCP) X(SVC) X(BKPT) X(GATEWAY) X(WAIT) X(MRS) X(MSR) X(CPS)                                              \
    X(FP_CHECK) X(VLDR) X(VSTR) X(VLDM) X(VSTM) X(VMOV_TO_S) X(VMOV_TO_R) X(VMOV) X(VABS) X(VNEG) X(VCONST)            \
    X(VADD) X(VSUB) X(VMUL) X(VDIV) X(VBINARY) X(VSQRT) X(VCMP) X(VHALF) X(VROUND) X(VFROM) X(VTO) X(VSEL)             \
    X(VMSR) X(VMRS) X(VMRS_FLAGS)

#define MV_ENUMERATE(N) OP_##N,
enum { MV_OPERATIONS(MV_ENUMERATE) OP_COUNT };

#endif
