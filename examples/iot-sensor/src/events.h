/* Events: how interrupt handlers hand work to the main loop. */

#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

#include "mv_syscalls.h"

/* One bit each. What the kernel notifies of has the bit of its event type. */
enum event {
    EVENT_NETWORK = 1 << MV_EVENTTYPE_NETWORKSTATUSCHANGED, /* ask for the network's state again */
    EVENT_READABLE = 1 << MV_EVENTTYPE_CHANNELDATAREADABLE, /* the channel has something to read */
    EVENT_LOST = 1 << MV_EVENTTYPE_CHANNELNOTCONNECTED,     /* the channel's other side is gone */
    EVENT_UPDATE = 1 << MV_EVENTTYPE_UPDATEDOWNLOADED,      /* an update of this application is ready */
    EVENT_USER = 1 << 16,                                   /* the first that is free for the application's own */
};

/* Post events from an interrupt handler. Posting one twice before it is taken is posting it once. */
void events_post(uint32_t events);

/* Take back events that nobody has taken. */
void events_forget(uint32_t events);

/* Sleep until one of the `wanted` events is there, and take those that are; 0 if none came in time. */
uint32_t events_wait(uint32_t wanted, uint32_t timeout_ms);

#endif
