/* Operations that have a fused form: which may follow which.
 *
 * Chosen by how often compiled code executes them one after the other, counted over the loops of benchmarks/core_speed.c
 * and, with more weight, a program of printf, strtod, malloc, qsort, lists, queues, hashes, parsers and filters at -Os
 * and -O2. All but the last must be of MV_STEPS, the last of these or of MV_ENDS.
 */
#ifndef MVSDK_FUSIONS_H
#define MVSDK_FUSIONS_H

#define BRANCHES_AFTER(X, N)                                                                                           \
    X(N, B_EQ) X(N, B_NE) X(N, B_CS) X(N, B_CC) X(N, B_MI) X(N, B_PL) X(N, B_HI) X(N, B_LS) X(N, B_GE) X(N, B_LT)      \
    X(N, B_GT) X(N, B_LE)

#define MV_PAIRS(X)                                                                                                    \
    BRANCHES_AFTER(X, CMP_R) BRANCHES_AFTER(X, CMP_I) BRANCHES_AFTER(X, SUBS_R) BRANCHES_AFTER(X, SUBS_I)              \
    BRANCHES_AFTER(X, TST_R) BRANCHES_AFTER(X, TST_I) BRANCHES_AFTER(X, LSLS_BY)                                       \
    X(ADDS_I, AND_I) X(ADDS_I, B) X(ADDS_I, CBZ) X(ADDS_I, STR_OFFSET) X(ADD_I, ADD_LSL) X(ADD_I, B_CC)              \
    X(ADD_I, CMP_I) X(ADD_I, LDR_OFFSET) X(ADD_I, MOV_EQ) X(ADD_I, MOV_R) X(ADD_I, STRB_PRE) X(ADD_I, STR_OFFSET)    \
    X(ADD_I, SUBS_I) X(ADD_LSL, LDR_OFFSET) X(ADD_LSL, SUB_LSL) X(ADD_R, CMP_I) X(ADD_R, CMP_R) X(ADD_R, MOV_R)      \
    X(ADD_R, RETURN_4) X(ADD_R, STR_OFFSET) X(CMP_I, LDR_OFFSET) X(CMP_I, MLA) X(CMP_I, MOV_R) X(CMP_I, PUSH_4)      \
    X(CMP_I, STR_OFFSET) X(CMP_R, ADD_I) X(CMP_R, MOV_R) X(CMP_R, STRB_POST) X(CMP_R, STRB_PRE) X(EOR_R, LSR_BY)     \
    X(EOR_R, MOV_MI) X(LDRB_POST, CMP_R) X(LDRB_POST, SUB_I) X(LDRB_PRE, ADDS_I) X(LDR_LITERAL, LDR_LITERAL)         \
    X(LDR_LITERAL, LDR_OFFSET) X(LDR_LITERAL, MLA) X(LDR_LITERAL, SUBS_I) X(LDR_OFFSET, ADDS_I)                      \
    X(LDR_OFFSET, ADD_R) X(LDR_OFFSET, BLX) X(LDR_OFFSET, B_LE) X(LDR_OFFSET, CMP_I) X(LDR_OFFSET, CMP_R)            \
    X(LDR_OFFSET, LDRD) X(LDR_OFFSET, LDR_LITERAL) X(LDR_OFFSET, LDR_OFFSET) X(LDR_OFFSET, MOV_R)                    \
    X(LDR_OFFSET, STR_OFFSET) X(LDR_OFFSET, SUBS_I) X(LDR_OFFSET, SUB_R) X(LDR_POST, ADD_I) X(LDR_REG, LDR_POST)     \
    X(LSLS_BY, MOV_PL) X(LSL_BY, ORR_LSR) X(LSRS_BY, B) X(LSRS_BY, RRX_BY) X(LSR_BY, ADD_LSL) X(LSR_BY, CMP_I)       \
    X(LSR_BY, LSLS_BY) X(MLA, B_NE) X(MLA, LSRS_BY) X(MLA, LSR_BY) X(MLA, STR_OFFSET) X(MOVS_I, MOV_R)               \
    X(MOVS_I, STR_OFFSET) X(MOVS_I, STR_POST) X(MOV_CS, LSRS_BY) X(MOV_CS, MOV_CS) X(MOV_CS, ORR_LSR)                \
    X(MOV_GT, MOV_I) X(MOV_I, BX) X(MOV_I, EOR_R) X(MOV_I, MOVS_I) X(MOV_I, MOV_GT) X(MOV_I, MOV_LE)                 \
    X(MOV_I, MOV_R) X(MOV_I, TBB) X(MOV_LE, BX) X(MOV_MI, SUBS_I) X(MOV_PL, EOR_R) X(MOV_R, ADD_I) X(MOV_R, ADD_R)   \
    X(MOV_R, B) X(MOV_R, BL) X(MOV_R, BLX) X(MOV_R, B_HI) X(MOV_R, B_LS) X(MOV_R, CMP_R) X(MOV_R, LDR_OFFSET)        \
    X(MOV_R, MOV_R) X(MOV_R, STR_OFFSET) X(MOV_R, UMULL) X(ORR_LSR, LSL_BY) X(ORR_LSR, MOV_CS) X(PUSH_4, MOV_R)      \
    X(RRX_BY, SUBS_R) X(SBCS_R, SUB_R) X(SP_LIMIT, LDR_POST) X(STRB_POST, B_NE) X(STRB_PRE, B_HI) X(STRB_PRE, B_NE)  \
    X(STR_OFFSET, ADDS_I) X(STR_OFFSET, ADD_I) X(STR_OFFSET, B) X(STR_OFFSET, BL) X(STR_OFFSET, BLX)                 \
    X(STR_OFFSET, BX) X(STR_OFFSET, B_EQ) X(STR_OFFSET, B_NE) X(STR_OFFSET, LDR_OFFSET) X(STR_OFFSET, STR_OFFSET)    \
    X(STR_POST, B_NE) X(STR_POST, CBZ) X(STR_POST, CMP_R) X(SUBS_I, ADD_I) X(SUBS_I, LDR_OFFSET) X(SUBS_I, MOV_R)    \
    X(SUBS_I, STR_OFFSET) X(SUBS_R, SBCS_R) X(SUB_I, CMP_I) X(SUB_LSL, ADD_I) X(SUB_R, MOV_CS) X(SUB_R, SUBS_R)      \
    X(UMULL, ADD_R) X(UMULL, LSR_BY) X(VBINARY, B_NE)

#define MV_TRIPLES(X) \
    X(ADD_I, ADD_LSL, LDR_OFFSET) X(ADD_I, CMP_I, B_EQ) X(ADD_I, CMP_I, MLA) X(ADD_I, CMP_I, MOV_R)                  \
    X(ADD_I, STRB_PRE, B_HI) X(ADD_I, STR_OFFSET, B_EQ) X(ADD_I, STR_OFFSET, B_NE) X(ADD_LSL, LDR_OFFSET, SUBS_I)    \
    X(ADD_LSL, SUB_LSL, ADD_I) X(CMP_I, MLA, B_NE) X(CMP_I, MOV_R, ADD_I) X(CMP_I, PUSH_4, MOV_R)                    \
    X(CMP_R, ADD_I, B_CC) X(CMP_R, STRB_POST, B_NE) X(CMP_R, STRB_PRE, B_NE) X(EOR_R, MOV_MI, SUBS_I)                \
    X(LDRB_POST, CMP_R, B_EQ) X(LDRB_POST, CMP_R, STRB_POST) X(LDRB_POST, CMP_R, STRB_PRE) X(LDRB_PRE, ADDS_I, CBZ)  \
    X(LDR_LITERAL, LDR_LITERAL, MLA) X(LDR_LITERAL, SUBS_I, LDR_OFFSET) X(LDR_OFFSET, CMP_I, B_HI)                   \
    X(LDR_OFFSET, CMP_R, B_LS) X(LDR_OFFSET, CMP_R, B_LT) X(LDR_OFFSET, LDR_OFFSET, CMP_R)                           \
    X(LDR_OFFSET, MOV_R, CMP_R) X(LDR_OFFSET, SUBS_I, ADD_I) X(LDR_OFFSET, SUBS_I, MOV_R) X(LDR_POST, ADD_I, CMP_I)  \
    X(LDR_REG, LDR_POST, ADD_I) X(LSLS_BY, MOV_PL, EOR_R) X(LSR_BY, ADD_LSL, SUB_LSL) X(LSR_BY, CMP_I, B_HI)         \
    X(LSR_BY, LSLS_BY, MOV_PL) X(MLA, LSR_BY, CMP_I) X(MOV_GT, MOV_I, MOV_LE) X(MOV_I, MOV_GT, MOV_I)                \
    X(MOV_I, MOV_LE, BX) X(MOV_MI, SUBS_I, B_NE) X(MOV_PL, EOR_R, MOV_MI) X(MOV_R, ADD_I, STRB_PRE)                  \
    X(MOV_R, CMP_R, ADD_I) X(MOV_R, LDR_OFFSET, LDR_OFFSET) X(MOV_R, LDR_OFFSET, SUBS_I) X(MOV_R, MOV_R, BL)         \
    X(MOV_R, MOV_R, BLX) X(MOV_R, MOV_R, MOV_R) X(MOV_R, UMULL, LSR_BY) X(PUSH_4, MOV_R, B_LS)                       \
    X(SBCS_R, SUB_R, MOV_CS) X(STR_OFFSET, STR_OFFSET, STR_OFFSET) X(SUBS_I, ADD_I, STR_OFFSET)                      \
    X(SUBS_I, LDR_OFFSET, BLX) X(SUBS_I, MOV_R, BLX) X(SUBS_R, SBCS_R, SUB_R) X(SUB_I, CMP_I, B_LS)                  \
    X(SUB_LSL, ADD_I, CMP_I) X(SUB_R, MOV_CS, MOV_CS) X(UMULL, LSR_BY, ADD_LSL)

#endif
