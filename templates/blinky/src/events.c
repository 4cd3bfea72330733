#include "events.h"

#include <stdatomic.h>

#include "stm32u585.h"

static _Atomic uint32_t posted;

void events_post(uint32_t events)
{
    atomic_fetch_or(&posted, events);
}

uint32_t events_wait(void)
{
    uint32_t events = atomic_exchange(&posted, 0);

    while (events == 0) {
        /* An interrupt between the last look and the sleep would be slept through, so none is taken in between. A pending
           one ends the sleep all the same, and is served as soon as interrupts are enabled again. */
        __disable_irq();
        if (atomic_load(&posted) == 0) {
            __WFI();
        }
        __enable_irq();
        events = atomic_exchange(&posted, 0);
    }
    return events;
}
