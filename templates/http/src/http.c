#include "http.h"

#include <stddef.h>

#include "channel.h"
#include "log.h"

/* How long the cloud waits for the server: 5 to 10 seconds. The device waits longer, for the cloud's answer. */
#define SERVER_TIMEOUT_MS 10000U
#define ANSWER_TIMEOUT_MS 15000U

static bool send(MvChannelHandle channel, const char *method, const char *url, const char *body)
{
    static const char accept[] = "Accept: text/plain, */*";
    const struct MvHttpHeader headers[] = {
        {.length = sizeof accept - 1, .data = (const uint8_t *)accept},
    };
    const struct MvHttpRequest request = {
        .method = sized(method),
        .url = sized(url),
        .num_headers = sizeof headers / sizeof headers[0],
        .headers = headers,
        .body = sized(body),
        .timeout_ms = SERVER_TIMEOUT_MS,
    };

    return succeeded(mvSendHttpRequest(channel, &request), "mvSendHttpRequest");
}

static bool receive(MvChannelHandle channel, struct http_response *response)
{
    struct MvHttpResponseData data;

    if (!succeeded(mvReadHttpResponseData(channel, &data), "mvReadHttpResponseData")) {
        return false;
    }
    if (data.result != MV_HTTPRESULT_OK) {
        log_line("the request failed with result %u", (unsigned)data.result);
        return false;
    }
    const uint32_t length = data.body_length < HTTP_LONGEST_BODY ? data.body_length : HTTP_LONGEST_BODY;

    if (!succeeded(mvReadHttpResponseBody(channel, 0, (uint8_t *)response->body, length), "mvReadHttpResponseBody")) {
        return false;
    }
    response->status = data.status_code;
    response->length = data.body_length;
    response->body[length] = '\0';
    return true;
}

bool http_request(const char *method, const char *url, const char *body, struct http_response *response)
{
    /* A channel carries one request, so each has a channel of its own. */
    MvChannelHandle channel = channel_open(MV_CHANNELTYPE_HTTP);
    const bool answered = channel != NULL && send(channel, method, url, body) &&
                          channel_wait_readable(channel, ANSWER_TIMEOUT_MS) && receive(channel, response);

    channel_close(&channel);
    return answered;
}
