#include "network.h"

#include "clock.h"
#include "events.h"
#include "log.h"
#include "notifications.h"

static MvNetworkHandle network;

void network_start(void)
{
    const struct MvRequestNetworkParams params = {
        .version = 1,
        .v1 = {.notification_handle = notifications_centre()},
    };

    require(mvRequestNetwork(&params, &network), "mvRequestNetwork");
}

MvNetworkHandle network_handle(void)
{
    return network;
}

static bool connected(void)
{
    enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTING;

    return succeeded(mvGetNetworkStatus(network, &status), "mvGetNetworkStatus") && status == MV_NETWORKSTATUS_CONNECTED;
}

bool network_wait(uint32_t timeout_ms)
{
    const uint32_t start_ms = clock_ms();

    /* An event says that the state has changed, not what it is now. The first look comes before the first wait: the kernel
       is usually connected before the application starts, and then there is no change to hear of. */
    while (!connected()) {
        const uint32_t passed_ms = clock_ms() - start_ms;

        if (passed_ms >= timeout_ms) {
            log_line("no network after %lu s", (unsigned long)(timeout_ms / 1000U));
            return false;
        }
        (void)events_wait(EVENT_NETWORK, timeout_ms - passed_ms);
    }
    return true;
}
