#include "clock.h"

#include "log.h"
#include "mv_syscalls.h"
#include "stm32u585.h"

#define TICK_MS 100U

static volatile uint32_t now_ms;

void SysTick_Handler(void)
{
    now_ms += TICK_MS;
}

void clock_start(void)
{
    uint32_t hz = 0;

    require(mvGetSysClk(&hz), "mvGetSysClk");
    (void)SysTick_Config(hz / 1000U * TICK_MS);
}

uint32_t clock_ms(void)
{
    return now_ms;
}
