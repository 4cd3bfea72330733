#include "mqtt.h"

#include <stddef.h>

#include "channel.h"
#include "clock.h"
#include "events.h"
#include "log.h"

#define CONNECT_TIMEOUT_MS 35000U
#define PARTING_TIMEOUT_MS 5000U
#define KEEPALIVE_S 60U
#define AT_LEAST_ONCE 1U

static MvChannelHandle channel;
static uint32_t last_request; /* responses name the request they are to */

/* As large as the channel's buffer, so that whatever can arrive can be read. */
static char message_topic[CHANNEL_RECEIVE_SIZE + 1];
static char message_payload[CHANNEL_RECEIVE_SIZE + 1];

/* -- Connecting --------------------------------------------------------------------------------------------------- */

static bool request_connect(const struct mqtt_broker *broker)
{
    struct MvMqttConnectRequest request = {
        .protocol_version = MV_MQTTPROTOCOLVERSION_V5,
        .host = sized(broker->host),
        .port = broker->port,
        .clientid = sized(broker->client_id),
        .authentication.method = MV_MQTTAUTHENTICATIONMETHOD_NONE,
        .tls_credentials = broker->tls,
        .keepalive = KEEPALIVE_S,
        .clean_start = 1,
        .will = broker->will,
    };

    if (broker->username != NULL) {
        request.authentication.method = MV_MQTTAUTHENTICATIONMETHOD_USERNAMEPASSWORD;
        request.authentication.username_password.username = sized(broker->username);
        request.authentication.username_password.password = sized(broker->password);
    }
    return succeeded(mvMqttRequestConnect(channel, &request), "mvMqttRequestConnect");
}

static bool accepted(void)
{
    struct MvMqttConnectResponse response;

    if (!succeeded(mvMqttReadConnectResponse(channel, &response), "mvMqttReadConnectResponse")) {
        return false;
    }
    if (response.request_state != MV_MQTTREQUESTSTATE_REQUESTCOMPLETED) {
        log_line("no session with the broker, state %u", (unsigned)response.request_state);
        return false;
    }
    if (response.reason_code != 0) {
        log_line("the broker refused us with reason 0x%02x", (unsigned)response.reason_code);
        return false;
    }
    return true;
}

bool mqtt_connect(const struct mqtt_broker *broker)
{
    /* A channel carries one session, so each has a channel of its own. */
    channel = channel_open(MV_CHANNELTYPE_MQTT);
    if (channel != NULL && request_connect(broker) && channel_wait_readable(channel, CONNECT_TIMEOUT_MS) && accepted()) {
        return true;
    }
    channel_close(&channel);
    return false;
}

void mqtt_disconnect(void)
{
    /* The broker is told so that it does not publish our will. There is nobody to tell if the session is lost. */
    if (channel != NULL && mvMqttRequestDisconnect(channel) == MV_STATUS_OKAY) {
        (void)events_wait(EVENT_READABLE | EVENT_LOST, PARTING_TIMEOUT_MS);
    }
    channel_close(&channel);
}

/* -- Requests ----------------------------------------------------------------------------------------------------- */

bool mqtt_subscribe(const char *topic)
{
    const struct MvMqttSubscription subscription = {.topic = sized(topic), .desired_qos = AT_LEAST_ONCE};
    const struct MvMqttSubscribeRequest request = {
        .correlation_id = ++last_request,
        .subscriptions = &subscription,
        .num_subscriptions = 1,
    };

    return succeeded(mvMqttRequestSubscribe(channel, &request), "mvMqttRequestSubscribe");
}

bool mqtt_publish(const char *topic, const char *payload, bool retain)
{
    const struct MvMqttPublishRequest request = {
        .correlation_id = ++last_request,
        .topic = sized(topic),
        .payload = sized(payload),
        .desired_qos = AT_LEAST_ONCE,
        .retain = retain,
    };

    return succeeded(mvMqttRequestPublish(channel, &request), "mvMqttRequestPublish");
}

/* -- What comes --------------------------------------------------------------------------------------------------- */

static bool read_message(mqtt_on_message *on_message)
{
    uint32_t number = 0, qos = 0, topic_length = 0, payload_length = 0;
    uint8_t retain = 0;
    const struct MvMqttMessage message = {
        .correlation_id = &number,
        .topic = {(uint8_t *)message_topic, CHANNEL_RECEIVE_SIZE, &topic_length},
        .payload = {(uint8_t *)message_payload, CHANNEL_RECEIVE_SIZE, &payload_length},
        .qos = &qos,
        .retain = &retain,
    };

    if (!succeeded(mvMqttReceiveMessage(channel, &message), "mvMqttReceiveMessage")) {
        return false;
    }
    message_topic[topic_length] = '\0';
    message_payload[payload_length] = '\0';
    on_message(message_topic, message_payload);

    /* Only now: a message that is not acknowledged comes again, so none is lost if we fail before this. */
    return qos == 0 || succeeded(mvMqttAcknowledgeMessage(channel, number), "mvMqttAcknowledgeMessage");
}

static bool read_lost_message(void)
{
    enum MvMqttLostMessageReason reason;
    uint32_t topic_length = 0, length = 0;
    const struct MvMqttLostMessageInfo info = {
        .reason = &reason,
        .topic = {(uint8_t *)message_topic, CHANNEL_RECEIVE_SIZE, &topic_length},
        .message_len = &length,
    };

    if (!succeeded(mvMqttReceiveLostMessageInfo(channel, &info), "mvMqttReceiveLostMessageInfo")) {
        return false;
    }
    message_topic[topic_length] = '\0';
    log_line("a message of %lu bytes on %s was too large", (unsigned long)length, message_topic);
    return true;
}

static bool read_subscribed(void)
{
    enum MvMqttRequestState state;
    uint32_t request = 0, reason = 0, count = 0;
    const struct MvMqttSubscribeResponse response = {
        .request_state = &state,
        .correlation_id = &request,
        .reason_codes = &reason,
        .reason_codes_size = sizeof reason,
        .reason_codes_len = &count,
    };

    if (!succeeded(mvMqttReadSubscribeResponse(channel, &response), "mvMqttReadSubscribeResponse")) {
        return false;
    }
    if (state != MV_MQTTREQUESTSTATE_REQUESTCOMPLETED || reason > 2) {
        log_line("not subscribed: state %u, reason 0x%02x", (unsigned)state, (unsigned)reason);
        return false;
    }
    return true;
}

static bool read_published(void)
{
    struct MvMqttPublishResponse response;

    if (!succeeded(mvMqttReadPublishResponse(channel, &response), "mvMqttReadPublishResponse")) {
        return false;
    }
    /* 0x10 says that nobody has subscribed to the topic, which is none of our business. */
    if (response.request_state != MV_MQTTREQUESTSTATE_REQUESTCOMPLETED || response.reason_code >= 0x80) {
        log_line("message %lu was not published: state %u, reason 0x%02x", (unsigned long)response.correlation_id,
                 (unsigned)response.request_state, (unsigned)response.reason_code);
    }
    return true;
}

static void read_disconnected(void)
{
    struct MvMqttDisconnectResponse response;

    if (succeeded(mvMqttReadDisconnectResponse(channel, &response), "mvMqttReadDisconnectResponse")) {
        log_line("the session is over: state %u, code 0x%02x", (unsigned)response.request_state,
                 (unsigned)response.disconnect_code);
    }
}

static bool read_one(enum MvMqttReadableDataType type, mqtt_on_message *on_message)
{
    switch (type) {
    case MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED:
        return read_message(on_message);
    case MV_MQTTREADABLEDATATYPE_MESSAGELOST:
        return read_lost_message();
    case MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE:
        return read_subscribed();
    case MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE:
        return read_published();
    case MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE:
        read_disconnected();
        return false;
    default:
        log_line("unexpected data of type %u", (unsigned)type);
        return false;
    }
}

bool mqtt_read(mqtt_on_message *on_message)
{
    enum MvMqttReadableDataType type = MV_MQTTREADABLEDATATYPE_NONE;

    /* One event may stand for several things to read. */
    do {
        const enum MvStatus status = mvMqttGetNextReadableDataType(channel, &type);

        if (status == MV_STATUS_CHANNELCLOSED) {
            channel_log_closure(channel);
            return false;
        }
        if (!succeeded(status, "mvMqttGetNextReadableDataType")) {
            return false;
        }
        if (type != MV_MQTTREADABLEDATATYPE_NONE && !read_one(type, on_message)) {
            return false;
        }
    } while (type != MV_MQTTREADABLEDATATYPE_NONE);
    return true;
}
