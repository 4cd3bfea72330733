/* Registers: RM0456 "STM32U5 series reference manual", chapter "Extended interrupts and event controller". */

#include "button.h"

#include "log.h"
#include "mv_syscalls.h"
#include "stm32u585.h"

/* On PC13, high while pressed. */
#define BUTTON_PIN 13U
#define PORT_C 2U

typedef struct {
    volatile uint32_t RTSR1; /* rising edges */
    volatile uint32_t FTSR1;
    volatile uint32_t SWIER1;
    volatile uint32_t RPR1; /* rising edges seen; writing a one clears */
    volatile uint32_t FPR1;
    uint32_t RESERVED[19];
    volatile uint32_t EXTICR[4]; /* a byte a line: which port */
    uint32_t RESERVED1[4];
    volatile uint32_t IMR1; /* lines that interrupt */
} EXTI_TypeDef;

#define EXTI ((EXTI_TypeDef *)EXTI_BASE)

void button_start(void)
{
    const uint32_t shift = 8U * (BUTTON_PIN % 4U);

    require(mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOCEN, RCC_AHB2ENR1_GPIOCEN), "mvPeriphPoke32");
    GPIOC->MODER &= ~(3UL << (2U * BUTTON_PIN)); /* input */

    EXTI->EXTICR[BUTTON_PIN / 4U] = (EXTI->EXTICR[BUTTON_PIN / 4U] & ~(0xFFUL << shift)) | PORT_C << shift;
    EXTI->RTSR1 |= 1UL << BUTTON_PIN;
    EXTI->IMR1 |= 1UL << BUTTON_PIN;

    NVIC_SetPriority(EXTI13_IRQn, 8);
    NVIC_EnableIRQ(EXTI13_IRQn);
}

void EXTI13_IRQHandler(void)
{
    EXTI->RPR1 = 1UL << BUTTON_PIN;
    events_post(EVENT_BUTTON);
}
