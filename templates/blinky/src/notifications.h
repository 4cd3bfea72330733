/*
 * Notifications: how the kernel tells an application that something has happened.
 *
 * The application lends the kernel a ring of records and names an interrupt (together: a notification centre). The kernel
 * writes a record, then pends the interrupt. Whoever asks the kernel for work gives a tag, which comes back in the
 * record. Here the tag is the event to post to the main loop.
 */

#ifndef NOTIFICATIONS_H
#define NOTIFICATIONS_H

#include "events.h"

/* Set up the one notification centre of this application. */
void notifications_start(void);

/* Have the kernel send a notification that posts `event`. Real ones come from networks, channels and updates. */
void notifications_trigger(enum event event);

#endif
