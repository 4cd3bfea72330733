/* Commands: "led on", "led off", "interval N" with 1 to 3600 seconds. */

#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum command_kind { COMMAND_LED, COMMAND_INTERVAL };

struct command {
    enum command_kind kind;
    uint32_t value; /* whether the LED is on; seconds */
};

/* Understand a text from outside. False for one that is no command. */
bool command_parse(const char *text, struct command *command);

#endif
