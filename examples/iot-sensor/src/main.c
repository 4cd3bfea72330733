/*
 * A sensor in the Internet of Things: publishes a temperature and its button by MQTT with TLS, and takes commands.
 *
 * Which broker, and as whom, it fetches from the cloud before each connection, so both can be changed under way. A lost
 * connection is made anew after a wait that grows from failure to failure. When an update is ready it parts from its
 * broker first.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "backoff.h"
#include "broker.h"
#include "button.h"
#include "clock.h"
#include "command.h"
#include "events.h"
#include "i2c.h"
#include "led.h"
#include "log.h"
#include "network.h"
#include "notifications.h"
#include "settings.h"
#include "thermometer.h"
#include "update.h"

#define NETWORK_TIMEOUT_MS 60000U
#define USUAL_INTERVAL_S 30U

static uint32_t interval_ms = USUAL_INTERVAL_S * 1000U;
static bool update_waits;

/* -- While connected ---------------------------------------------------------------------------------------------- */

static void on_command(const char *text)
{
    struct command command;

    if (!command_parse(text, &command)) {
        log_line("\"%.40s\" is no command", text);
        return;
    }
    log_line("command: %s", text);
    switch (command.kind) {
    case COMMAND_LED:
        led_set(command.value != 0);
        break;
    case COMMAND_INTERVAL:
        interval_ms = command.value * 1000U;
        break;
    }
}

static bool publish_temperature(void)
{
    int32_t centidegrees = 0;
    char text[16];

    if (!thermometer_read(&centidegrees)) {
        log_line("the thermometer does not answer");
        return true; /* which is no fault of the broker's */
    }
    (void)snprintf(text, sizeof text, "%s%ld.%02ld", centidegrees < 0 ? "-" : "", labs(centidegrees) / 100,
                   labs(centidegrees) % 100);
    log_line("temperature %s", text);
    return broker_publish("temperature", text);
}

static bool publish_button(void)
{
    log_line("button pressed");
    return broker_publish("button", "pressed");
}

static bool handle(uint32_t events)
{
    if ((events & EVENT_BUTTON) && !publish_button()) {
        return false;
    }
    return !(events & (EVENT_READABLE | EVENT_LOST)) || broker_read(on_command);
}

/* Work until the session is lost (false) or an update waits (true). */
static bool serve(void)
{
    uint32_t published_ms = clock_ms();

    if (!publish_temperature()) {
        return false;
    }
    while (!update_waits) {
        const uint32_t passed_ms = clock_ms() - published_ms;

        if (passed_ms >= interval_ms) {
            published_ms = clock_ms();
            if (!publish_temperature()) {
                return false;
            }
            continue;
        }
        const uint32_t events =
            events_wait(EVENT_READABLE | EVENT_LOST | EVENT_BUTTON | EVENT_UPDATE, interval_ms - passed_ms);

        if (!handle(events)) {
            return false;
        }
        update_waits = events & EVENT_UPDATE;
    }
    return true;
}

/* -- From connection to connection -------------------------------------------------------------------------------- */

static bool connect(void)
{
    static struct settings settings; /* too large for a stack */

    return network_wait(NETWORK_TIMEOUT_MS) && settings_fetch(&settings) && broker_connect(&settings);
}

static void run_session(void)
{
    if (!connect()) {
        return;
    }
    backoff_reset();
    events_forget(EVENT_BUTTON); /* a press that nobody could hear of is not told later */
    if (serve()) {
        broker_part("updating");
    } else {
        broker_lost();
    }
}

int main(void)
{
    log_start();
    clock_start();
    notifications_start();
    network_start();
    update_start();
    led_start();
    button_start();
    i2c_start();
    backoff_start();
    log_line("iot-sensor: started");

    for (;;) {
        run_session();
        if (update_waits) {
            log_line("applying the update");
            update_apply(); /* comes back only if the kernel is busy; we try again after the next session, then */
        }
        const uint32_t wait_ms = backoff_next_ms();

        log_line("connecting again in %lu s", (unsigned long)(wait_ms / 1000U));
        update_waits = events_wait(EVENT_UPDATE, wait_ms) != 0 || update_waits;
    }
}
