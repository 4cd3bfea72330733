/* Time since the application started, and a tick that ends sleep often enough for timeouts. */

#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Start the tick. */
void clock_start(void);

/* Milliseconds since then, in steps of one tick (100 ms). Compare differences: it starts anew after 49 days. */
uint32_t clock_ms(void);

#endif
