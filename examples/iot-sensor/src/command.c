#include "command.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_INTERVAL_S 3600U

static bool parse_interval(const char *digits, uint32_t *seconds)
{
    char *end = NULL;

    if (digits[0] < '0' || digits[0] > '9') {
        return false; /* strtoul() would take blanks and signs */
    }
    const unsigned long number = strtoul(digits, &end, 10);

    *seconds = (uint32_t)number;
    return *end == '\0' && number >= 1 && number <= LONGEST_INTERVAL_S;
}

bool command_parse(const char *text, struct command *command)
{
    static const char interval[] = "interval ";

    if (strcmp(text, "led on") == 0 || strcmp(text, "led off") == 0) {
        command->kind = COMMAND_LED;
        command->value = strcmp(text, "led on") == 0;
        return true;
    }
    command->kind = COMMAND_INTERVAL;
    return strncmp(text, interval, sizeof interval - 1) == 0 &&
           parse_interval(text + sizeof interval - 1, &command->value);
}
