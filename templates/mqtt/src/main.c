/* @name@: publishes a count by MQTT every five seconds, and takes commands: "reset" sets it back. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "events.h"
#include "log.h"
#include "mqtt.h"
#include "network.h"
#include "notifications.h"
#include "settings.h"

#define PERIOD_MS 5000U
#define NETWORK_TIMEOUT_MS 60000U
#define RECONNECT_MS 10000U

static uint32_t count;

static void on_message(const char *topic, const char *payload)
{
    log_line("@name@: %s on %s", payload, topic);
    if (strcmp(payload, "reset") == 0) {
        count = 0;
    }
}

static bool connect(void)
{
    static char client_id[35]; /* ends with a zero, which the kernel does not write */

    require(mvGetDeviceId((uint8_t *)client_id, sizeof client_id - 1), "mvGetDeviceId");

    const struct mqtt_broker broker = {
        .host = BROKER_HOST,
        .port = BROKER_PORT,
        .client_id = client_id,
        .username = BROKER_USERNAME,
        .password = BROKER_PASSWORD,
    };

    return mqtt_connect(&broker);
}

static bool publish(void)
{
    char text[12];

    (void)snprintf(text, sizeof text, "%lu", (unsigned long)++count);
    log_line("@name@: publishing %s", text);
    return mqtt_publish(TELEMETRY_TOPIC, text, false);
}

/* Work with a broker we are connected to, until it is lost. */
static void serve(void)
{
    uint32_t published_ms = clock_ms();

    if (!mqtt_subscribe(COMMAND_TOPIC) || !publish()) {
        return;
    }
    for (;;) {
        const uint32_t passed_ms = clock_ms() - published_ms;

        if (passed_ms >= PERIOD_MS) {
            published_ms = clock_ms();
            if (!publish()) {
                return;
            }
        } else if (events_wait(EVENT_READABLE | EVENT_LOST, PERIOD_MS - passed_ms) && !mqtt_read(on_message)) {
            return;
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
        if (network_wait(NETWORK_TIMEOUT_MS) && connect()) {
            log_line("@name@: connected to " BROKER_HOST);
            serve();
            mqtt_disconnect();
        }
        (void)events_wait(0, RECONNECT_MS); /* a broker that is gone is not asked again at once */
    }
}
