#include "notifications.h"

#include "events.h"
#include "log.h"
#include "stm32u585.h"

/* Any interrupt the application does not use otherwise will do: the kernel pends it, the timer is not involved. */
#define CENTRE_IRQ TIM8_BRK_IRQn
#define RECORD_COUNT 16U

/* The kernel writes these behind the compiler's back, hence volatile. */
static volatile struct MvNotification records[RECORD_COUNT] __attribute__((aligned(8)));
static MvNotificationHandle centre;

void notifications_start(void)
{
    const struct MvNotificationSetup setup = {
        .irq = CENTRE_IRQ,
        .buffer = (struct MvNotification *)records,
        .buffer_size = sizeof records,
    };

    require(mvSetupNotifications(&setup, &centre), "mvSetupNotifications");

    /* The kernel only pends the interrupt. Whether and when it is taken is up to the application. */
    NVIC_ClearPendingIRQ(CENTRE_IRQ);
    NVIC_SetPriority(CENTRE_IRQ, 8);
    NVIC_EnableIRQ(CENTRE_IRQ);
}

MvNotificationHandle notifications_centre(void)
{
    return centre;
}

/* Takes whatever records are new, and leaves each marked as taken. Handlers stay short and make no system calls. */
void TIM8_BRK_IRQHandler(void)
{
    static uint32_t next;

    while (records[next].event_type != MV_EVENTTYPE_NOEVENT) {
        events_post(1UL << records[next].event_type);
        records[next].event_type = MV_EVENTTYPE_NOEVENT;
        next = (next + 1) % RECORD_COUNT;
    }
}
