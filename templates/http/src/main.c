/* @name@: asks a web server for something every ten seconds, and logs what it says. */

#include <stddef.h>

#include "clock.h"
#include "events.h"
#include "http.h"
#include "log.h"
#include "network.h"
#include "notifications.h"

#define URL "https://example.com/"
#define PERIOD_MS 10000U
#define NETWORK_TIMEOUT_MS 60000U

static void ask(void)
{
    static struct http_response response; /* too large for a stack */

    if (http_request("GET", URL, NULL, &response)) {
        log_line("@name@: status %lu, %lu bytes: %.60s", (unsigned long)response.status, (unsigned long)response.length,
                 response.body);
    }
}

int main(void)
{
    log_start();
    clock_start();
    notifications_start();
    network_start();
    log_line("@name@: started");

    for (;;) {
        if (network_wait(NETWORK_TIMEOUT_MS)) {
            ask();
        }
        (void)events_wait(0, PERIOD_MS); /* no event is wanted, so this is a pause */
    }
}
