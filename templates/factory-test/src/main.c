/*
 * @name@: the factory's test code. It checks the board, tells the factory's console what it finds, and ends the test:
 * with 0 the kernel installs the final application, with anything else nothing more runs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mv_syscalls.h"
#include "stm32u585.h"

/* What the factory's console is told waits here, as log messages do. */
static uint8_t log_buffer[1024] __attribute__((aligned(512)));

static void tell(const char *text)
{
    (void)mvTestLog((const uint8_t *)text, (uint16_t)strlen(text));
}

/* The chip has its unique id. */
static bool identity_is_there(void)
{
    const volatile uint32_t *const id = (const volatile uint32_t *)0x0BFA0700UL;

    return (id[0] | id[1] | id[2]) != 0U;
}

/* The user button, on PC13 and high while it is pressed, is not stuck. */
static bool button_is_free(void)
{
    (void)mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOCEN, RCC_AHB2ENR1_GPIOCEN);
    GPIOC->MODER &= ~(3UL << (2U * 13U)); /* input */
    return (GPIOC->IDR & (1UL << 13U)) == 0U;
}

static const struct {
    const char *passed;
    const char *failed;
    bool (*check)(void);
} checks[] = {
    {"identity: ok", "identity: FAILED", identity_is_there},
    {"button: ok", "button: FAILED", button_is_free},
};

int main(void)
{
    uint32_t failures = 0;

    (void)mvTestLoggingInit(log_buffer, sizeof log_buffer);
    tell("@name@: testing this board");
    for (size_t number = 0; number < sizeof checks / sizeof checks[0]; number++) {
        const bool passed = checks[number].check();

        tell(passed ? checks[number].passed : checks[number].failed);
        failures += passed ? 0U : 1U;
    }

    /* This does not come back, unless this was not started as test code. */
    (void)mvTestingComplete(failures);
    for (;;) {
        __asm volatile("wfi");
    }
}
