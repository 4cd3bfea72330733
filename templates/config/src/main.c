/* @name@: takes its settings from the cloud, and looks every minute whether they have changed. */

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "events.h"
#include "log.h"
#include "network.h"
#include "notifications.h"

#define PERIOD_MS 60000U
#define NETWORK_TIMEOUT_MS 60000U

/* What the application can be told, and what holds while it is told nothing. */
struct settings {
    char greeting[64]; /* for all devices of the account */
    char interval[8];  /* for this device: seconds, as text like every value */
    char api_key[65];  /* for this device, and secret */
};

static struct settings settings = {.greeting = "hello", .interval = "30"};

static void fetch(void)
{
    struct config_item items[] = {
        {
            .scope = MV_CONFIGKEYFETCHSCOPE_ACCOUNT,
            .store = MV_CONFIGKEYFETCHSTORE_CONFIG,
            .key = "greeting",
            .value = settings.greeting,
            .size = sizeof settings.greeting,
        },
        {
            .scope = MV_CONFIGKEYFETCHSCOPE_DEVICE,
            .store = MV_CONFIGKEYFETCHSTORE_CONFIG,
            .key = "interval",
            .value = settings.interval,
            .size = sizeof settings.interval,
        },
        {
            .scope = MV_CONFIGKEYFETCHSCOPE_DEVICE,
            .store = MV_CONFIGKEYFETCHSTORE_SECRET,
            .key = "api-key",
            .value = settings.api_key,
            .size = sizeof settings.api_key,
        },
    };
    const uint32_t count = sizeof items / sizeof items[0];

    if (!config_fetch(items, count)) {
        return; /* what held before still holds */
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!items[i].found) {
            log_line("@name@: there is no %s", items[i].key);
        }
    }
}

int main(void)
{
    log_start();
    clock_start();
    notifications_start();
    network_start();

    for (;;) {
        if (network_wait(NETWORK_TIMEOUT_MS)) {
            fetch();
        }
        /* Of a secret its length at most belongs into a log. */
        log_line("@name@: \"%s\", every %ld s, with a key of %u characters", settings.greeting,
                 strtol(settings.interval, NULL, 10), (unsigned)strlen(settings.api_key));
        (void)events_wait(0, PERIOD_MS); /* no event is wanted, so this is a pause */
    }
}
