/* This sensor at its broker: what it publishes, and the commands it is sent. */

#ifndef BROKER_H
#define BROKER_H

#include <stdbool.h>

#include "settings.h"

/* Called with the text of each command. */
typedef void broker_on_command(const char *text);

/* Connect, subscribe to our commands and say that we are online. False if there is no session; the log says why. */
bool broker_connect(const struct settings *settings);

/* Say that we go, and why, and part in good order. */
void broker_part(const char *status);

/* Free what a lost session leaves behind. The broker itself tells the others that we are offline. */
void broker_lost(void);

/* Publish below our own topics: "temperature", "button". False if the session is of no use any more. */
bool broker_publish(const char *subtopic, const char *payload);

/* Read whatever has come. False if the session is over. */
bool broker_read(broker_on_command *on_command);

#endif
