#include "timer.hpp"

#include <atomic>

#include "mv_syscalls.h"
#include "stm32u585.h"

namespace {

std::atomic<std::uint32_t> ticks;

} // namespace

/* stm32u585.h declares the handlers with C linkage, which is how the vector table finds them. */
void SysTick_Handler()
{
    ticks.fetch_add(1);
}

Timer::Timer(std::uint32_t per_second)
{
    std::uint32_t hz = 0;

    if (mvGetSysClk(&hz) == MV_STATUS_OKAY) {
        (void)SysTick_Config(hz / per_second);
    }
}

std::uint32_t Timer::wait()
{
    while (ticks.load() == seen_) {
        /* A tick between the last look and the sleep would be slept through, so none is taken in between. A pending one
           ends the sleep all the same, and is served as soon as interrupts are enabled again. */
        __disable_irq();
        if (ticks.load() == seen_) {
            __WFI();
        }
        __enable_irq();
    }
    return ++seen_;
}
