#include "events.h"

#include <stdatomic.h>

#include "clock.h"
#include "stm32u585.h"

static _Atomic uint32_t posted;

void events_post(uint32_t events)
{
    atomic_fetch_or(&posted, events);
}

void events_forget(uint32_t events)
{
    atomic_fetch_and(&posted, ~events);
}

static uint32_t take(uint32_t wanted)
{
    return atomic_fetch_and(&posted, ~wanted) & wanted;
}

uint32_t events_wait(uint32_t wanted, uint32_t timeout_ms)
{
    const uint32_t start_ms = clock_ms();
    uint32_t events = take(wanted);

    while (events == 0 && clock_ms() - start_ms < timeout_ms) {
        /* An interrupt between the last look and the sleep would be slept through, so none is taken in between. A pending
           one ends the sleep all the same, and is served as soon as interrupts are enabled again. */
        __disable_irq();
        if ((atomic_load(&posted) & wanted) == 0) {
            __WFI();
        }
        __enable_irq();
        events = take(wanted);
    }
    return events;
}
