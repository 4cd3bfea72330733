#include "channel.h"

#include <string.h>

#include "events.h"
#include "log.h"
#include "network.h"
#include "notifications.h"

/* They belong to the kernel while a channel is open. It wants addresses and sizes in multiples of 512. */
static uint8_t send_buffer[CHANNEL_SEND_SIZE] __attribute__((aligned(512)));
static uint8_t receive_buffer[CHANNEL_RECEIVE_SIZE] __attribute__((aligned(512)));

MvChannelHandle channel_open(enum MvChannelType type)
{
    const struct MvOpenChannelParams params = {
        .version = 1,
        .v1 = {
            .notification_handle = notifications_centre(),
            .network_handle = network_handle(),
            .receive_buffer = receive_buffer,
            .receive_buffer_len = sizeof receive_buffer,
            .send_buffer = send_buffer,
            .send_buffer_len = sizeof send_buffer,
            .channel_type = type,
        },
    };
    MvChannelHandle channel = NULL;

    /* What the channel before this one had to tell is of no interest any more. */
    events_forget(EVENT_READABLE | EVENT_LOST);
    (void)succeeded(mvOpenChannel(&params, &channel), "mvOpenChannel");
    return channel;
}

bool channel_wait_readable(MvChannelHandle channel, uint32_t timeout_ms)
{
    const uint32_t events = events_wait(EVENT_READABLE | EVENT_LOST, timeout_ms);

    if (events & EVENT_READABLE) {
        return true;
    }
    if (events & EVENT_LOST) {
        channel_log_closure(channel);
    } else {
        log_line("no answer after %lu s", (unsigned long)(timeout_ms / 1000U));
    }
    return false;
}

void channel_log_closure(MvChannelHandle channel)
{
    enum MvClosureReason reason = MV_CLOSUREREASON_NONE;

    if (succeeded(mvGetChannelClosureReason(channel, &reason), "mvGetChannelClosureReason")) {
        log_line("the channel is closed, reason %u", (unsigned)reason);
    }
}

void channel_close(MvChannelHandle *channel)
{
    if (*channel != NULL) {
        (void)succeeded(mvCloseChannel(channel), "mvCloseChannel");
    }
}

struct MvSizedString sized(const char *text)
{
    return (struct MvSizedString){
        .data = (const uint8_t *)text,
        .length = text == NULL ? 0 : (uint32_t)strlen(text),
    };
}
