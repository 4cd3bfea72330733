/* Configuration items and secrets, which the cloud keeps for a device or for all devices of an account. */

#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "mv_syscalls.h"

#define CONFIG_MOST_ITEMS 8U

struct config_item {
    enum MvConfigKeyFetchScope scope;
    enum MvConfigKeyFetchStore store;
    const char *key;
    char *value;   /* receives the value, with a zero at its end; left alone if there is none */
    uint32_t size; /* room there, with the zero */
    bool found;    /* whether there is a value */
};

/*
 * Fetch up to CONFIG_MOST_ITEMS items at once.
 *
 * True if the cloud has said of each what it is, or that there is none. Otherwise the log says what went wrong, and what
 * was read before that is in its place.
 */
bool config_fetch(struct config_item *items, uint32_t count);

#endif
