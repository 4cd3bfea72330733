/* How long to wait before the next attempt: longer from failure to failure, and never the same on two devices. */

#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdint.h>

/* Choose a seed of this device's own. */
void backoff_start(void);

/* Something has worked: begin anew with the shortest wait. */
void backoff_reset(void);

/* The next wait in milliseconds. */
uint32_t backoff_next_ms(void);

#endif
