#include "led.h"

#include "log.h"
#include "mv_syscalls.h"
#include "stm32u585.h"

/* On PA5, lit while the pin is high. */
#define LED_PORT GPIOA
#define LED_PIN 5U

void led_start(void)
{
    /* The clock controller belongs to the kernel. Poke assigns the bits of the mask (second argument) from the third and
       leaves the others alone, so this needs no read before it. */
    require(mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOAEN, RCC_AHB2ENR1_GPIOAEN), "mvPeriphPoke32");

    led_set(false);

    /* The port itself belongs to the application. Two bits choose the mode of a pin; 1 is output. */
    LED_PORT->MODER = (LED_PORT->MODER & ~(3UL << (2U * LED_PIN))) | (1UL << (2U * LED_PIN));
}

void led_set(bool on)
{
    /* One write: the lower half of BSRR sets pins, the upper half resets them. */
    LED_PORT->BSRR = on ? 1UL << LED_PIN : 1UL << (LED_PIN + 16U);
}
