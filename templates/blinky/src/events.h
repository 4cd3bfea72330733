/* Events: how interrupt handlers hand work to the main loop. */

#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

/* One bit each, so that several fit into one word. */
enum event {
    EVENT_TIMER = 1 << 0, /* SysTick has fired */
    EVENT_TICK = 1 << 1,  /* the notification of a tick has arrived */
    EVENT_PONG = 1 << 2,  /* the notification sent by a ping has arrived */
};

/* Post events from an interrupt handler. Posting one twice before it is taken is posting it once. */
void events_post(uint32_t events);

/* Sleep until there are events, and take all of them. */
uint32_t events_wait(void);

#endif
