/* The guest of the exception storms: one image for QEMU's mps2-an505 and for the core under test.
 *
 * A storm is a list of actions (operation, a, b). Whoever runs, thread or handler, takes the next action from the one
 * list; so handlers nest, return and fail wherever the list says. Every exception handler first writes a record of all it
 * can see, then puts right what the fault broke, then acts on. Nothing here uses a stack of its own: what lies on the
 * stacks was put there by exception entry alone. Registers r4 to r11 hold a pattern; r0 to r3 and r12 are scratch.
 *
 * A shadow stack remembers, for each active exception, its number, its EXC_RETURN value and where its frame lies.
 * A fault resumes the interrupted code at the next action. A frame that is lost or wrong is written anew, elsewhere.
 */
    .syntax unified
    .cpu cortex-m33
    .fpu fpv5-sp-d16
    .thumb

    .equ STATE, 0x28001000
    .equ PROCESS_TOP, 0x28004000
    .equ MAIN_TOP, 0x28008000
    .equ EMERGENCY, 0x28008400      /* 0x400 bytes for each depth, filled downwards */
    .equ RAM, 0x28000000
    .equ RAM_END, 0x28010000
    .equ EDGE, 0x283FF000           /* the last page before nothing */
    .equ EDGE_END, 0x28400000
    .equ TRACE_BUFFER, 0x80000000
    .equ STORMS, 0x80100000         /* number of storms; for each: number of actions, actions of three words */
    .equ SCS, 0xE000E000
    .equ FILL, 0x8000009D           /* also a possible FPSCR */

    .equ CURSOR, 0
    .equ END, 4
    .equ TRACE, 8
    .equ DEPTH, 12
    .equ NEGATIVE, 16               /* HardFault and NMI among the active exceptions */
    .equ ENTRIES, 20
    .equ NEXT_STORM, 24
    .equ LEFT, 28
    .equ HANDLE, 32
    .equ SAVED, 36
    .equ BLOCK, 64                  /* of a semihosting call */
    .equ SHADOW, 128
    .equ MOST_ENTRIES, 600
    .equ MOST_DEPTH, 20

    .equ NOCP, 1 << 19
    /* MUNSTKERR MSTKERR UNSTKERR STKERR INVPC STKOF */
    .equ FRAME_LOST, 1 << 3 | 1 << 4 | 1 << 11 | 1 << 12 | 1 << 18 | 1 << 20

/* -- start in secure state, on QEMU only: give everything to the non-secure side and go there ---------------------------- */

    .section .boot, "ax"
    .word 0x38010000
    .word boot + 1
    .thumb_func
    .global boot
boot:
    ldr r0, =0x58007000             /* memory protection controllers of the three SSRAMs */
    movs r1, #3
    movs r2, #1                     /* but for the first 32 blocks: this code */
1:  str r2, [r0, #0x18]
    ldr r3, [r0, #0x10]
    subs r3, r3, r2
    mvn r2, #0
2:  str r2, [r0, #0x1C]
    subs r3, #1
    bpl 2b
    movs r2, #0
    add r0, r0, #0x1000
    subs r1, #1
    bne 1b
    ldr r0, =SCS
    movs r1, #2
    str r1, [r0, #0xDD0]            /* SAU_CTRL.ALLNS */
    ldr r1, =0x05FA2000             /* AIRCR.BFHFNMINS */
    str r1, [r0, #0xD0C]
    mov r1, #0xC00
    str r1, [r0, #0xD8C]            /* NSACR: CP10, CP11 */
    add r1, r0, #0x380              /* ITNS */
    mvn r2, #0
    movs r3, #16
3:  str r2, [r1], #4
    subs r3, #1
    bne 3b
    ldr r1, =0xE002E000
    ldr r2, =0x00010000
    str r2, [r1, #0xD08]            /* VTOR_NS */
    ldr r3, [r2]
    msr msp_ns, r3
    ldr r3, [r2, #4]
    bic r3, r3, #1
    isb
    bxns r3
    .pool

/* -- what both run -------------------------------------------------------------------------------------------------------- */

    .section .vectors, "a"
    .global vectors
vectors:
    .word MAIN_TOP
    .word main + 1
    .rept 254
    .word entry + 1
    .endr

    .text

.macro put register
    str \register, [r2], #4
.endm

.macro put_special name
    mrs r0, \name
    put r0
.endm

.macro put_word offset
    ldr r0, [r3, #\offset]
    put r0
.endm

/* All there is to see, with the frame that LR tells of. Leaves r4 = frame, r5 = its size, or 0 for a frame outside memory.
 * The pointer into the trace moves last: a record that faults half way, in unprivileged code, is not one. */
.macro record tag
    ldr r12, =STATE
    ldr r2, [r12, #TRACE]
    ldr r3, =SCS
    mrs r0, ipsr
    orr r0, r0, #\tag << 24
    put r0
    put lr
    put_special msp
    put_special psp
    put_special msplim
    put_special psplim
    put_special control
    put_special primask
    put_special basepri
    put_special faultmask
    ldr r0, [r12, #CURSOR]
    put r0
    put_word 0xD04                  /* ICSR */
    put_word 0xD24                  /* SHCSR */
    put_word 0xD14                  /* CCR */
    put_word 0xD2C                  /* HFSR */
    put_word 0xF34                  /* FPCCR */
    put_word 0xF38                  /* FPCAR */
    put_word 0xD28                  /* CFSR */
    mov r1, r0
    ands r0, r1, #1 << 7
    it ne
    ldrne r0, [r3, #0xD34]          /* MMFAR */
    put r0
    ands r0, r1, #1 << 15
    it ne
    ldrne r0, [r3, #0xD38]          /* BFAR */
    put r0
    .irp offset, 0x200, 0x204, 0x208, 0x20C, 0x300, 0x304, 0x308, 0x30C
    put_word \offset                /* ISPR, IABR */
    .endr
    mrs r4, msp
    and r0, lr, #12
    cmp r0, #12
    it eq
    mrseq r4, psp
    tst lr, #16
    ite eq
    moveq r5, #0x68
    movne r5, #0x20
    movs r0, #0
    tst r4, #3
    bne 9f
    ldr r1, =RAM
    cmp r4, r1
    blo 9f
    add r1, r1, #RAM_END - RAM
    sub r1, r1, r5
    cmp r4, r1
    it ls
    movls r0, r5
    ldr r1, =EDGE
    cmp r4, r1
    blo 9f
    add r1, r1, #EDGE_END - EDGE
    sub r1, r1, r5
    cmp r4, r1
    it ls
    movls r0, r5
9:  mov r5, r0
    movs r1, #0
8:  cmp r1, r5
    ite lo
    ldrlo r0, [r4, r1]
    movhs r0, #0
    put r0
    adds r1, #4
    cmp r1, #0x68
    blo 8b
    str r2, [r12, #TRACE]
.endm

.macro save
    ldr r12, =STATE
    add r0, r12, #SAVED
    stmia r0, {r4-r7}
.endm

.macro unsave
    add r0, r12, #SAVED
    ldmia r0, {r4-r7}
.endm

    .thumb_func
    .global entry
entry:
    save
    ldr r0, [r12, #ENTRIES]
    adds r0, #1
    str r0, [r12, #ENTRIES]
    cmp r0, #MOST_ENTRIES
    bhi.w runaway
    record 0x45
    ldr r6, [r12, #DEPTH]
    cmp r6, #MOST_DEPTH
    bhs.w runaway
    add r7, r12, #SHADOW
    add r7, r7, r6, lsl #4
    cmp r6, #0
    ite eq
    moveq r0, #0
    ldrne r0, [r7, #-16]            /* what was interrupted */
    mrs r1, ipsr
    stmia r7, {r1, lr}
    str r4, [r7, #8]
    adds r6, #1
    str r6, [r12, #DEPTH]
    subs r1, #2
    cmp r1, #1
    bhi 1f
    ldr r1, [r12, #NEGATIVE]
    adds r1, #1
    str r1, [r12, #NEGATIVE]
1:  ldr r3, =SCS
    ldr r1, [r3, #0xD28]
    ldr r2, [r3, #0xD2C]
    str r1, [r3, #0xD28]
    str r2, [r3, #0xD2C]
    cmp r1, #0
    beq entered                     /* HFSR alone: an SVC or a BKPT that could not be taken, and is over */
    tst r1, #NOCP
    itt ne
    movne r2, #0xF00000
    strne r2, [r3, #0xD88]
    ldr r2, =FRAME_LOST
    tst r1, r2
    bne 2f
    cbz r5, 2f
    ldr r2, =loop
    str r2, [r4, #24]
    ldr r2, [r4, #28]
    ldr r1, =0xF80F0200             /* flags and alignment stay; IT and ICI go */
    and r2, r2, r1
    orr r2, r2, #0x01000000
    orr r2, r2, r0
    str r2, [r4, #28]
    b entered
2:  ldr r4, =EMERGENCY
    add r4, r4, r6, lsl #10
    sub r4, r4, #0x168
    movs r1, #0
    msr msplim, r1
    msr psplim, r1
    .irp at, 0, 4, 8, 12, 16, 20
    str r1, [r4, #\at]
    .endr
    ldr r1, =loop
    str r1, [r4, #24]
    orr r1, r0, #0x01000000
    str r1, [r4, #28]
    ldr r2, [r3, #0xF34]
    bic r2, r2, #1                  /* LSPACT */
    str r2, [r3, #0xF34]
    and r1, lr, #4
    orr r1, r1, #0xFFFFFFB8
    cmp r0, #0
    it ne
    mvnne r1, #0x4F                 /* 0xFFFFFFB0: to a handler */
    mov lr, r1
    str lr, [r7, #4]
    str r4, [r7, #8]
    tst r1, #4
    ite eq
    msreq msp, r4
    msrne psp, r4
entered:
    unsave
    movs r0, #0                     /* the flags a handler begins with are UNKNOWN */
    msr apsr_nzcvqg, r0

    .balign 4
    .global loop
loop:
    ldr r12, =STATE
    ldr r0, [r12, #CURSOR]
    ldr r1, [r12, #END]
    cmp r0, r1
    bhs.w stream_end
    add r1, r0, #12
    str r1, [r12, #CURSOR]
    ldmia r0, {r1-r3}
    tst r1, #0x100                  /* not where a fault would lock the processor up */
    beq 1f
    ldr r0, [r12, #NEGATIVE]
    cmp r0, #0
    bne loop
    mrs r0, faultmask
    cmp r0, #0
    bne loop
1:  tst r1, #0x200                  /* not with FAULTMASK */
    beq 2f
    mrs r0, faultmask
    cmp r0, #0
    bne loop
2:  uxtb r1, r1
    tbh [pc, r1, lsl #1]
actions:
    .irp name, store, store_byte, load, set_bits, clear_bits, special, cps, svc, fault, fp, return, observe, it
    .hword (do_\name - actions) / 2
    .endr

do_store:
    str r3, [r2]
    b loop
do_store_byte:
    strb r3, [r2]
    b loop
do_load:
    ldr r0, [r2]
    b log_value
do_set_bits:
    ldr r0, [r2]
    orr r0, r0, r3
    str r0, [r2]
    b loop
do_clear_bits:
    ldr r0, [r2]
    bic r0, r0, r3
    str r0, [r2]
    b loop
do_svc:
    svc #0
    b loop
do_observe:
    save
    record 0x4F
    unsave
    b loop

/* Two words of trace: what they are, and r0. */
log_value:
    ldr r2, [r12, #TRACE]
    mov r1, r0
    mov r0, #0x4C000000
    stmia r2!, {r0, r1}
    str r2, [r12, #TRACE]
    b loop

do_special:
    tbb [pc, r2]
specials:
    .irp name, msp, psp, msplim, psplim, primask, basepri, basepri_max, faultmask, control, apsr
    .byte (to_\name - specials) / 2
    .endr
    .align 1
.irp name, msp, psp, msplim, psplim, primask, basepri, basepri_max, faultmask
to_\name:
    msr \name, r3
    b loop
.endr
to_control:
    mrs r0, faultmask               /* unprivileged code could not clear it again */
    cmp r0, #0
    it ne
    bicne r3, r3, #1
    mrs r0, ipsr
    cbnz r0, 1f
    mrs r0, control
    lsls r0, r0, #31
    bmi 2f                          /* which cannot write it anyway, and not read FPCCR */
1:  ldr r0, =SCS
    ldr r0, [r0, #0xF34]
    lsls r0, r0, #31                /* with LSPACT a set FPCA is an error that only the secure side is told */
    it mi
    bicmi r3, r3, #4
2:  msr control, r3
    isb
    b loop
to_apsr:
    msr apsr_nzcvqg, r3
    b loop

do_cps:
    tbb [pc, r2]
masks:
    .irp number, 0, 1, 2, 3
    .byte (cps_\number - masks) / 2
    .endr
cps_0:
    cpsie i
    b loop
cps_1:
    cpsid i
    b loop
cps_2:
    cpsie f
    b loop
cps_3:
    cpsid f
    b loop

do_fault:
    tbh [pc, r2, lsl #1]
faults:
    .irp name, udf, udf_wide, divide, load, load_many, load_pair, exclusive, store, store_many, branch, cdp, acquire, half, user
    .hword (fault_\name - faults) / 2
    .endr
fault_udf:
    udf #1
    b loop
fault_udf_wide:
    udf.w #1
    b loop
fault_divide:
    movs r1, #0
    udiv r0, r3, r1
    b log_value
fault_load:
    ldr r0, [r3]
    b log_value
fault_load_many:
    ldmia r3, {r0, r1}
    b log_value
fault_load_pair:
    ldrd r0, r1, [r3]
    b log_value
fault_exclusive:
    ldrex r0, [r3]
    b log_value
fault_store:
    str r3, [r3]
    b loop
fault_store_many:
    stmia r3, {r0, r1}
    b loop
fault_branch:
    bx r3
fault_cdp:
    cdp p0, #0, c0, c0, c0, #0
    b loop
fault_acquire:
    lda r0, [r3]
    b log_value
fault_half:
    ldrh r0, [r3]
    b log_value
fault_user:
    ldrt r0, [r3]
    b log_value

do_fp:
    tbb [pc, r2]
floats:
    .irp name, move, add, status, set_status, load, store, compare, divide
    .byte (fp_\name - floats) / 2
    .endr
    .align 1
fp_move:
    vmov s0, r3
    vmov s17, r3
    b loop
fp_add:
    vadd.f32 s1, s0, s17
    b loop
fp_status:
    vmrs r0, fpscr
    b log_value
fp_set_status:
    vmsr fpscr, r3
    b loop
fp_load:
    vldmia r3, {s4-s20}
    b loop
fp_store:
    vmov r0, s0
    vmov r1, s17
    eor r0, r0, r1
    b log_value
fp_compare:
    vcmp.f32 s0, s17
    vmrs apsr_nzcv, fpscr
    b loop
fp_divide:
    vdiv.f32 s2, s17, s0
    b loop

/* Inside IT blocks: what is stacked, and where things go on. */
do_it:
    movs r1, #0
    movs r0, #1
    tbb [pc, r2]
blocks:
    .irp name, svc, pend, udf, load, divide, float
    .byte (it_\name - blocks) / 2
    .endr
    .align 1
it_svc:
    cmp r1, #0
    itete eq
    addeq r0, r0, #2
    addne r0, r0, #4
    svceq #1
    addne r0, r0, #8
    b.w log_value
it_pend:
    mov r2, #1 << 28                /* PENDSVSET */
    movw r1, #0xED04
    movt r1, #0xE000
    cmp r3, r3
    itete eq
    streq r2, [r1]
    addne r0, r0, #4
    addeq r0, r0, #2
    addne r0, r0, #8
    b.w log_value
it_udf:
    cmp r1, #0
    itt eq
    addeq r0, r0, #2
    udfeq #2
    b.w log_value
it_load:
    cmp r1, #1
    ittt ne
    addne r0, r0, #2
    ldrne r0, [r3]
    addne r0, r0, #8
    b.w log_value
it_divide:
    cmp r1, #1
    itet ne
    addne r0, r0, #2
    addeq r0, r0, #4
    udivne r0, r0, r1
    b.w log_value
it_float:
    cmp r1, #1
    itt ne
    addne r0, r0, #2
    vaddne.f32 s3, s0, s17
    b.w log_value

stream_end:
    mrs r0, ipsr
    cmp r0, #0
    beq.w finish
    mrs r0, control
    bic r0, r0, #1
    msr control, r0
    movs r2, #0

/* End the handler. a: bits 0 to 7 the kind, the rest and b what it needs. */
do_return:
    save
    ldr r0, [r12, #DEPTH]
    cmp r0, #0
    beq.w not_handler
    subs r0, #1
    str r0, [r12, #DEPTH]
    add r7, r12, #SHADOW
    add r7, r7, r0, lsl #4
    ldmia r7, {r4-r6}               /* number, EXC_RETURN, frame */
    subs r1, r4, #2
    cmp r1, #1
    bhi 1f
    ldr r1, [r12, #NEGATIVE]
    subs r1, #1
    str r1, [r12, #NEGATIVE]
1:  uxtb r7, r2
    ldr r1, [r12, #NEGATIVE]
    cmp r1, #0
    it ne
    movne r7, #0
    cmp r4, #2
    bne 2f
    mrs r1, faultmask               /* survives the return from NMI */
    cmp r1, #0
    it ne
    movne r7, #0
2:  and r1, r5, #12
    cmp r1, #12
    ite eq
    msreq psp, r6
    msrne msp, r6
    mov lr, r5
    tbb [pc, r7]
returns:
    .byte (leave - returns) / 2, (return_bad - returns) / 2, (return_tweaked - returns) / 2, (return_forged - returns) / 2
return_bad:
    eor lr, lr, r3
    ldr r0, =EDGE                   /* no extended frame that ends outside memory: differences.csv */
    cmp r6, r0
    it hs
    orrhs lr, lr, #16
    mrs r1, psp
    cmp r1, r0
    it hs
    orrhs lr, lr, #16
    b leave
return_tweaked:                     /* bits 8 to 12 of a: offset of a word of the frame that b is added to by EOR */
    ldr r0, =RAM
    cmp r6, r0
    blo leave
    ldr r0, =RAM_END - 0x68
    cmp r6, r0
    bhi leave
    tst r3, #0x01000000             /* T clear only at a multiple of four: differences.csv */
    itt ne
    ldrne r0, =loop
    strne r0, [r6, #24]
    ubfx r0, r2, #8, #5
    ldr r1, [r6, r0]
    eor r1, r1, r3
    str r1, [r6, r0]
    cmp r3, #3                      /* a wrong IPSR: 3 for thread, 0 for a handler */
    bne leave
    ldr r0, [r12, #DEPTH]
    cmp r0, #0
    beq leave
    bfc r1, #0, #9
    str r1, [r6, #28]
    b leave
return_forged:                      /* a >> 8: EXC_RETURN bits FType and SPSEL; b: where; bit 9 of the frame's xPSR: a >> 16 */
    ldr r0, [r12, #DEPTH]
    cmp r0, #0
    bne leave
    ldr r0, =SCS
    ldr r0, [r0, #0xF34]
    tst r0, #1                      /* LSPACT */
    bne leave
    movs r1, #0
    .irp at, 0, 4, 8, 12, 16, 20
    str r1, [r3, #\at]
    .endr
    ldr r0, =loop
    str r0, [r3, #24]
    lsrs r0, r2, #16
    orr r0, r0, #0x01000000
    str r0, [r3, #28]
    ubfx r0, r2, #8, #8
    orr r0, r0, #0xFFFFFFA8
    mov lr, r0
    mov r6, r3
    tst lr, #4
    ite ne
    msrne psp, r3
    msreq msp, r3
leave:
    ldr r2, [r12, #TRACE]
    orr r4, r4, #0x58000000
    mov r5, lr
    stmia r2!, {r4-r6}
    mrs r4, control
    put r4
    str r2, [r12, #TRACE]
    unsave
    bx lr
not_handler:
    unsave
    b loop

/* The end of a storm: privileged, on the main stack, without masks; what was pending comes now. */
finish:
    mrs r0, control
    tst r0, #1
    beq 1f
    svc #0
    b.w loop
1:  bic r0, r0, #2
    msr control, r0
    movs r0, #0
    msr msplim, r0
    msr psplim, r0
    ldr r0, =MAIN_TOP
    msr msp, r0
    movs r0, #0
    msr basepri, r0
    msr primask, r0
    msr faultmask, r0
    isb
    mvn lr, #0x47                   /* an EXC_RETURN for the record to look by: 0xFFFFFFB8 */
    save
    record 0x46
    unsave
    ldr r3, =SCS
    ldr r0, [r3, #0xF34]
    bic r0, r0, #1
    str r0, [r3, #0xF34]
    mov r0, #0xF00000
    str r0, [r3, #0xD88]
    isb
    ldr r2, [r12, #TRACE]
    vmrs r0, fpscr
    put r0
    vstmia r2!, {s0-s31}
    put r4
    put r5
    put r6
    put r7
    put r8
    put r9
    put r10
    put r11
    str r2, [r12, #TRACE]
    movs r0, #0
    msr control, r0
    isb
    ldr r1, =TRACE_BUFFER
    subs r3, r2, r1
    bl write
    ldr r1, =RAM
    mov r3, #RAM_END - RAM
    bl write
    ldr r1, [r12, #LEFT]
    subs r1, #1
    beq done
    str r1, [r12, #LEFT]
    b next_storm

runaway:
    ldr r12, =STATE
    ldr r1, =TRACE_BUFFER
    ldr r2, [r12, #TRACE]
    subs r3, r2, r1
    bl write
done:
    movs r0, #0x18                  /* SYS_EXIT */
    ldr r1, =0x20026
    bkpt 0xAB
    b .

/* SYS_WRITE r3 bytes from r1. */
write:
    ldr r0, [r12, #HANDLE]
    add r2, r12, #BLOCK
    str r0, [r2]
    str r1, [r2, #4]
    str r3, [r2, #8]
    mov r1, r2
    movs r0, #5
    bkpt 0xAB
    bx lr

name:
    .asciz "trace"
    .align 2
open:
    .word name, 5, 5                /* "wb" */
regions:                            /* of the MPU: base and limit */
    .word 0x00000006, 0x0001FFE1
    .word 0x28000003, 0x2800DFE1
    .word 0x2800E007, 0x2800EFE1    /* read only */
    .word 0x2800F001, 0x2800FFE1    /* privileged only */
    .word 0x283FF003, 0x283FFFE1
    .word 0x80000003, 0x80FFFFE1
    .equ REGIONS, 6

    .thumb_func
    .global main
main:
    ldr r3, =SCS
    movs r0, #0xFF
    str r0, [r3, #0xDC0]
    ldr r2, =regions
    movs r0, #0
1:  str r0, [r3, #0xD98]
    ldr r1, [r2], #4
    str r1, [r3, #0xD9C]
    ldr r1, [r2], #4
    str r1, [r3, #0xDA0]
    adds r0, #1
    cmp r0, #REGIONS
    blo 1b
    movs r0, #1                     /* SYS_OPEN */
    ldr r1, =open
    bkpt 0xAB
    ldr r12, =STATE
    str r0, [r12, #HANDLE]
    ldr r1, =STORMS
    ldr r0, [r1], #4
    str r0, [r12, #LEFT]
    str r1, [r12, #NEXT_STORM]

/* Everything as after a reset, but for what storms leave to be different on purpose: nothing. */
next_storm:
    ldr r3, =SCS
    mvn r1, #0
    movs r2, #0
    .irp at, 0, 4, 8, 12
    str r1, [r3, #0x180 + \at]      /* ICER */
    str r1, [r3, #0x280 + \at]      /* ICPR */
    .endr
    ldr r0, =0x4A000000             /* nothing pending */
    str r0, [r3, #0xD04]
    str r2, [r3, #0xD24]            /* SHCSR */
    ldr r0, =0x201
    str r0, [r3, #0xD14]            /* CCR */
    ldr r0, =0x05FA0000
    str r0, [r3, #0xD0C]            /* AIRCR */
    str r2, [r3, #0xD10]            /* SCR */
    str r2, [r3, #0xD18]            /* SHPR */
    str r2, [r3, #0xD1C]
    str r2, [r3, #0xD20]
    str r1, [r3, #0xD28]
    str r1, [r3, #0xD2C]
    str r2, [r3, #0xD94]            /* MPU_CTRL */
    mov r0, #0xF00000
    str r0, [r3, #0xD88]
    mov r0, #0xC0000000
    str r0, [r3, #0xF34]
    str r2, [r3, #0xF38]
    str r2, [r3, #0xF3C]
    add r0, r3, #0x400
    movs r1, #31
1:  str r2, [r0], #4
    subs r1, #1
    bne 1b
    clrex
    ldr r12, =STATE
    add r0, r12, #64
    ldr r1, =RAM
    movw r2, #FILL & 0xFFFF
    movt r2, #FILL >> 16
2:  str r2, [r1], #4
    cmp r1, r12
    blo 2b
    add r1, r12, #64
    ldr r0, =RAM_END
3:  str r2, [r1], #4
    cmp r1, r0
    blo 3b
    ldr r1, =EDGE
    ldr r0, =EDGE_END
4:  str r2, [r1], #4
    cmp r1, r0
    blo 4b
    ldr r0, [r12, #NEXT_STORM]
    ldr r1, [r0], #4
    add r1, r1, r1, lsl #1
    add r1, r0, r1, lsl #2
    str r0, [r12, #CURSOR]
    str r1, [r12, #END]
    str r1, [r12, #NEXT_STORM]
    ldr r0, =TRACE_BUFFER
    str r0, [r12, #TRACE]
    movs r0, #0
    str r0, [r12, #DEPTH]
    str r0, [r12, #NEGATIVE]
    str r0, [r12, #ENTRIES]
    vmsr fpscr, r0
    ldr r1, =0x28002000
    vldmia r1, {s0-s31}
    msr control, r0
    isb
    ldr r0, =PROCESS_TOP
    msr psp, r0
    ldr r0, =MAIN_TOP
    msr msp, r0
    mov r4, #0x44444444
    mov r5, #0x55555555
    mov r6, #0x66666666
    mov r7, #0x77777777
    mov r8, #0x88888888
    mov r9, #0x99999999
    mov r10, #0xAAAAAAAA
    mov r11, #0xBBBBBBBB
    mov lr, #0xEEEEEEEE
    movs r0, #0
    msr apsr_nzcvqg, r0
    b.w loop
    .pool
