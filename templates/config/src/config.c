#include "config.h"

#include <stddef.h>

#include "channel.h"
#include "log.h"

#define ANSWER_TIMEOUT_MS 10000U

static bool send(MvChannelHandle channel, const struct config_item *items, uint32_t count)
{
    struct MvConfigKeyToFetch keys[CONFIG_MOST_ITEMS];

    for (uint32_t i = 0; i < count; i++) {
        keys[i] = (struct MvConfigKeyToFetch){
            .scope = items[i].scope,
            .store = items[i].store,
            .key = sized(items[i].key),
        };
    }
    const struct MvConfigKeyFetchParams request = {.num_items = count, .keys_to_fetch = keys};

    return succeeded(mvSendConfigFetchRequest(channel, &request), "mvSendConfigFetchRequest");
}

/* Reads one value. Nothing of it is logged: it may be a secret. False if nobody knows whether there is one. */
static bool read_item(MvChannelHandle channel, uint32_t index, struct config_item *item)
{
    enum MvConfigKeyFetchResult result = MV_CONFIGKEYFETCHRESULT_SERVERERROR;
    uint32_t length = 0;
    const struct MvConfigResponseReadItemParams params = {
        .item_index = index,
        .result = &result,
        .buf = {.data = (uint8_t *)item->value, .size = item->size - 1, .length = &length},
    };

    if (!succeeded(mvReadConfigResponseItem(channel, &params), item->key)) {
        return false;
    }
    if (result == MV_CONFIGKEYFETCHRESULT_OK) {
        item->value[length] = '\0';
        item->found = true;
        return true;
    }
    if (result == MV_CONFIGKEYFETCHRESULT_KEYNOTFOUND) {
        return true;
    }
    log_line("%s could not be fetched", item->key);
    return false;
}

static bool receive(MvChannelHandle channel, struct config_item *items, uint32_t count)
{
    struct MvConfigResponseData data;

    if (!succeeded(mvReadConfigFetchResponseData(channel, &data), "mvReadConfigFetchResponseData")) {
        return false;
    }
    if (data.result != MV_CONFIGFETCHRESULT_OK || data.num_items != count) {
        log_line("the configuration could not be fetched, result %u", (unsigned)data.result);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!read_item(channel, i, &items[i])) {
            return false;
        }
    }
    return true;
}

bool config_fetch(struct config_item *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        items[i].found = false;
    }
    if (count > CONFIG_MOST_ITEMS) {
        log_line("%lu items are too many for one fetch", (unsigned long)count);
        return false;
    }
    /* A channel carries one fetch, so each has a channel of its own. */
    MvChannelHandle channel = channel_open(MV_CHANNELTYPE_CONFIGFETCH);
    const bool answered = channel != NULL && send(channel, items, count) &&
                          channel_wait_readable(channel, ANSWER_TIMEOUT_MS) && receive(channel, items, count);

    channel_close(&channel);
    return answered;
}
