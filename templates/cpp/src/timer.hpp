/* A timer on SysTick. */

#pragma once

#include <cstdint>

class Timer {
public:
    /* Start to count `per_second` ticks a second. The counter of SysTick has 24 bits: ten at least, at 160 MHz. */
    explicit Timer(std::uint32_t per_second);

    /* Sleep until the next tick, and return how many there have been. */
    std::uint32_t wait();

private:
    std::uint32_t seen_ = 0;
};
