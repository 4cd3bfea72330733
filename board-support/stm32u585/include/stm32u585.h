/*
 * The few registers a small application touches itself. Names, types and layouts are those of CMSIS and of ST's device
 * header, so code written with this file compiles with theirs; use one or the other.
 *
 * Sources: Armv8-M Architecture Reference Manual, B11 (SysTick), B3.7 and D1.2 (system control space); RM0456, chapter
 * "General-purpose I/Os" and chapter "Reset and clock control".
 */

#ifndef STM32U585_H
#define STM32U585_H

#if defined(STM32U585xx_H) || defined(__CORE_CM33_H_GENERIC)
#error "stm32u585.h replaces ST's device header and CMSIS: include this or those, not both"
#endif

#include <stdint.h>

#include "stm32u585_addresses.h"
#include "stm32u585_irqn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Core --------------------------------------------------------------------------------------------------------- */

typedef struct {
    volatile uint32_t CTRL;
    volatile uint32_t LOAD;
    volatile uint32_t VAL;
    volatile const uint32_t CALIB;
} SysTick_Type;

#define SysTick ((SysTick_Type *)0xE000E010UL)

#define SysTick_CTRL_ENABLE_Msk (1UL << 0)
#define SysTick_CTRL_TICKINT_Msk (1UL << 1)
#define SysTick_CTRL_CLKSOURCE_Msk (1UL << 2)
#define SysTick_CTRL_COUNTFLAG_Msk (1UL << 16)
#define SysTick_LOAD_RELOAD_Msk 0x00FFFFFFUL

typedef struct {
    volatile uint32_t ISER[16];
    uint32_t RESERVED0[16];
    volatile uint32_t ICER[16];
    uint32_t RESERVED1[16];
    volatile uint32_t ISPR[16];
    uint32_t RESERVED2[16];
    volatile uint32_t ICPR[16];
    uint32_t RESERVED3[16];
    volatile uint32_t IABR[16];
    uint32_t RESERVED4[16];
    volatile uint32_t ITNS[16];
    uint32_t RESERVED5[16];
    volatile uint8_t IPR[496];
} NVIC_Type;

#define NVIC ((NVIC_Type *)0xE000E100UL)

typedef struct {
    volatile const uint32_t CPUID;
    volatile uint32_t ICSR;
    volatile uint32_t VTOR;
    volatile uint32_t AIRCR;
    volatile uint32_t SCR;
    volatile uint32_t CCR;
    volatile uint8_t SHPR[12];
    volatile uint32_t SHCSR;
    volatile uint32_t CFSR;
    volatile uint32_t HFSR;
    volatile uint32_t DFSR;
    volatile uint32_t MMFAR;
    volatile uint32_t BFAR;
} SCB_Type;

#define SCB ((SCB_Type *)0xE000ED00UL)

static inline void __enable_irq(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

static inline void __disable_irq(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

/* Sleep until an interrupt is pending, even one that __disable_irq() keeps from being taken. */
static inline void __WFI(void)
{
    __asm volatile("wfi" ::: "memory");
}

static inline void __DSB(void)
{
    __asm volatile("dsb 0xF" ::: "memory");
}

static inline void __ISB(void)
{
    __asm volatile("isb 0xF" ::: "memory");
}

static inline void NVIC_EnableIRQ(IRQn_Type irq)
{
    if (irq >= 0) {
        __asm volatile("" ::: "memory");
        NVIC->ISER[(uint32_t)irq / 32U] = 1UL << ((uint32_t)irq % 32U);
        __asm volatile("" ::: "memory");
    }
}

static inline void NVIC_DisableIRQ(IRQn_Type irq)
{
    if (irq >= 0) {
        NVIC->ICER[(uint32_t)irq / 32U] = 1UL << ((uint32_t)irq % 32U);
        __DSB();
        __ISB();
    }
}

static inline void NVIC_SetPendingIRQ(IRQn_Type irq)
{
    if (irq >= 0) {
        NVIC->ISPR[(uint32_t)irq / 32U] = 1UL << ((uint32_t)irq % 32U);
    }
}

static inline void NVIC_ClearPendingIRQ(IRQn_Type irq)
{
    if (irq >= 0) {
        NVIC->ICPR[(uint32_t)irq / 32U] = 1UL << ((uint32_t)irq % 32U);
    }
}

/* 0 is the most urgent, 15 the least. */
static inline void NVIC_SetPriority(IRQn_Type irq, uint32_t priority)
{
    const uint8_t bits = (uint8_t)(priority << (8U - NVIC_PRIORITY_BITS));

    if (irq >= 0) {
        NVIC->IPR[(uint32_t)irq] = bits;
    } else {
        SCB->SHPR[((uint32_t)irq & 0xFU) - 4U] = bits;
    }
}

/* Call SysTick_Handler() every `ticks` processor cycles, at most 2^24. Returns 1 if that is too long, else 0. */
static inline uint32_t SysTick_Config(uint32_t ticks)
{
    if (ticks == 0U || ticks - 1U > SysTick_LOAD_RELOAD_Msk) {
        return 1U;
    }
    SysTick->LOAD = ticks - 1U;
    NVIC_SetPriority(SysTick_IRQn, (1UL << NVIC_PRIORITY_BITS) - 1U);
    SysTick->VAL = 0U;
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    return 0U;
}

/* -- GPIO --------------------------------------------------------------------------------------------------------- */

typedef struct {
    volatile uint32_t MODER;   /* two bits a pin: 0 input, 1 output, 2 alternate function, 3 analogue */
    volatile uint32_t OTYPER;
    volatile uint32_t OSPEEDR;
    volatile uint32_t PUPDR;
    volatile const uint32_t IDR;
    volatile uint32_t ODR;
    volatile uint32_t BSRR;    /* bits 0 to 15 set a pin, 16 to 31 reset it; zeros do nothing */
    volatile uint32_t LCKR;
    volatile uint32_t AFR[2];
    volatile uint32_t BRR;
    volatile uint32_t HSLVR;
    volatile uint32_t SECCFGR;
} GPIO_TypeDef;

#define GPIOA ((GPIO_TypeDef *)GPIOA_BASE)
#define GPIOB ((GPIO_TypeDef *)GPIOB_BASE)
#define GPIOC ((GPIO_TypeDef *)GPIOC_BASE)
#define GPIOD ((GPIO_TypeDef *)GPIOD_BASE)
#define GPIOE ((GPIO_TypeDef *)GPIOE_BASE)
#define GPIOF ((GPIO_TypeDef *)GPIOF_BASE)
#define GPIOG ((GPIO_TypeDef *)GPIOG_BASE)
#define GPIOH ((GPIO_TypeDef *)GPIOH_BASE)
#define GPIOI ((GPIO_TypeDef *)GPIOI_BASE)

/* -- Clock controller: bits of RCC_AHB2ENR1, for mvPeriphPoke32() --------------------------------------------------- */

#define RCC_AHB2ENR1_GPIOAEN (1UL << 0)
#define RCC_AHB2ENR1_GPIOBEN (1UL << 1)
#define RCC_AHB2ENR1_GPIOCEN (1UL << 2)
#define RCC_AHB2ENR1_GPIODEN (1UL << 3)
#define RCC_AHB2ENR1_GPIOEEN (1UL << 4)
#define RCC_AHB2ENR1_GPIOFEN (1UL << 5)
#define RCC_AHB2ENR1_GPIOGEN (1UL << 6)
#define RCC_AHB2ENR1_GPIOHEN (1UL << 7)
#define RCC_AHB2ENR1_GPIOIEN (1UL << 8)

#ifdef __cplusplus
}
#endif

#endif
