/* Names that the table of encodings uses in its lowering column, each with the prefix K_. */
#ifndef MVSDK_KINDS_H
#define MVSDK_KINDS_H

/* What arithmetic is meant; the order of each group is relied upon where operations lie side by side. */
enum { K_AND, K_BIC, K_ORR, K_ORN, K_EOR, K_ADD, K_SUB, K_RSB, K_ADC, K_SBC, K_MOV, K_MVN };
enum { K_LSL, K_LSR, K_ASR, K_ROR, K_RRX };
enum { K_W, K_B, K_H, K_SB, K_SH };
enum { K_OFFSET, K_PRE, K_POST };
enum { K_SXTB, K_SXTH, K_UXTB, K_UXTH, K_SXTB16, K_UXTB16 };
enum { K_REV, K_REV16, K_REVSH, K_RBIT, K_CLZ };
enum { K_UBFX, K_SBFX, K_BFI, K_BFC };
enum { K_SSAT, K_USAT };
enum { K_SDIV, K_UDIV };
enum { K_MLA, K_MLS };
enum { K_WFI = 1, K_WFE, K_SEV };
enum { K_UMULL, K_SMULL, K_UMLAL, K_SMLAL, K_UMAAL, K_SMLALXY, K_SMLALD, K_SMLSLD };
enum { K_SMLAXY, K_SMLAD, K_SMLAW, K_SMLSD, K_SMMLA, K_SMMLS, K_USADA8 };
/* The parallel operations: prefix * 6 + lanes, then the others. */
enum {
    K_SADD8, K_SADD16, K_SASX, K_SSUB8, K_SSUB16, K_SSAX,
    K_QADD8, K_QADD16, K_QASX, K_QSUB8, K_QSUB16, K_QSAX,
    K_SHADD8, K_SHADD16, K_SHASX, K_SHSUB8, K_SHSUB16, K_SHSAX,
    K_UADD8, K_UADD16, K_UASX, K_USUB8, K_USUB16, K_USAX,
    K_UQADD8, K_UQADD16, K_UQASX, K_UQSUB8, K_UQSUB16, K_UQSAX,
    K_UHADD8, K_UHADD16, K_UHASX, K_UHSUB8, K_UHSUB16, K_UHSAX,
    K_QADD, K_QDADD, K_QSUB, K_QDSUB, K_SEL, K_SSAT16, K_USAT16
};
/* Floating point. */
enum { K_FADD, K_FSUB, K_FMUL, K_FDIV, K_FNMUL, K_FMLA, K_FMLS, K_FNMLA, K_FNMLS, K_FFMA, K_FFMS, K_FFNMA, K_FFNMS,
       K_FMAXNM, K_FMINNM };
enum { K_FABS, K_FNEG, K_FSQRT };
enum { K_RINTR, K_RINTZ, K_RINTX };

/* Rounding: FPSCR.RMode as it is, ties away, and "what FPSCR says". */
enum { ROUND_NEAREST, ROUND_UP, ROUND_DOWN, ROUND_ZERO, ROUND_AWAY, ROUND_CURRENT };
enum { K_TOWARDS_ZERO = ROUND_ZERO, K_AS_FPSCR = ROUND_CURRENT };

#endif
