/* The user button of the board. Pressing it posts EVENT_BUTTON. */

#ifndef BUTTON_H
#define BUTTON_H

#include "events.h"

#define EVENT_BUTTON EVENT_USER

void button_start(void);

#endif
