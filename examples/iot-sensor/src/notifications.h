/*
 * Notifications: how the kernel tells an application that something has happened.
 *
 * The application lends the kernel a ring of records and names an interrupt (together: a notification centre). The kernel
 * writes a record, then pends the interrupt; the handler posts what the record says to the main loop, see events.h.
 */

#ifndef NOTIFICATIONS_H
#define NOTIFICATIONS_H

#include "mv_syscalls.h"

/* Set up the one notification centre of this application. */
void notifications_start(void);

/* The centre, for whoever asks the kernel for something that it will notify of. */
MvNotificationHandle notifications_centre(void);

#endif
