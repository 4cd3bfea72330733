/*
 * From reset to main().
 *
 * The kernel has set the clocks, VTOR and the main stack pointer before it jumps to Reset_Handler. What is left is what
 * the C language promises: initialised data, zeroed data, constructors.
 */

#include <stdint.h>

/* Placed by the linker script, on 8-byte boundaries. */
extern uint32_t _sidata[];
extern uint32_t _sdata[];
extern uint32_t _edata[];
extern uint32_t _sbss[];
extern uint32_t _ebss[];

void Reset_Handler(void);
void SystemInit(void);
void __mvsdk_start(void);
void __libc_init_array(void);
int main(void);

/* For applications that bring ST's system_stm32u5xx.c or something like it. */
__attribute__((weak)) void SystemInit(void)
{
}

/* volatile keeps these two loops from becoming calls of memcpy() and memset(). Those may be the application's own, and must
   not run before their data is there. */
static void copy_initialised_data(void)
{
    const uint32_t *from = _sidata;

    for (volatile uint32_t *to = _sdata; to < _edata; to++) {
        *to = *from++;
    }
}

static void clear_zeroed_data(void)
{
    for (volatile uint32_t *word = _sbss; word < _ebss; word++) {
        *word = 0;
    }
}

/* Built with -mfloat-abi=softfp or hard, the compiler may use the FPU anywhere, so it is on before anything else. */
static void enable_fpu(void)
{
#ifdef __ARM_FP
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xE000ED88UL;

    *cpacr |= 0xFUL << 20; /* CP10 and CP11: full access */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
}

/* Not static, and named so that no application defines it: Reset_Handler refers to it by name. */
__attribute__((noreturn, used)) void __mvsdk_start(void)
{
    enable_fpu();
    copy_initialised_data();
    clear_zeroed_data();
    SystemInit();
    __libc_init_array();
    (void)main();

    for (;;) {
        __asm volatile("wfi");
    }
}

/* A debugger may jump here with any stack pointer, so it is loaded again before C code runs. */
__attribute__((weak, naked, noreturn)) void Reset_Handler(void)
{
    __asm volatile("ldr r0, =_estack\n\t"
                   "mov sp, r0\n\t"
                   "b   __mvsdk_start\n\t"
                   ".ltorg");
}
