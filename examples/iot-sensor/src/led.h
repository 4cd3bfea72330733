/* The user LED of the board. */

#ifndef LED_H
#define LED_H

#include <stdbool.h>

/* Make the LED's pin an output, low. */
void led_start(void);

void led_set(bool on);

#endif
