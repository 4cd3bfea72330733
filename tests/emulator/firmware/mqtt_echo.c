/* Publishes MESSAGES messages to a topic of the broker at HOST and PORT, reads them all back, and parts. */

#include "mv_syscalls.h"
#include "stm32u585.h"

#define CENTRE_IRQ TIM8_BRK_IRQn
#define WINDOW 8
#define TEXT(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static volatile struct MvNotification records[32] __attribute__((aligned(8)));
static uint8_t receive[4096] __attribute__((aligned(512)));
static uint8_t send[512] __attribute__((aligned(512)));
volatile uint32_t published, received, failed, parted;
static volatile uint32_t arrived;
static MvChannelHandle channel;

void TIM8_BRK_IRQHandler(void)
{
    arrived++;
}

void SysTick_Handler(void) { }

static void must(enum MvStatus status)
{
    if (status != MV_STATUS_OKAY) {
        __asm volatile("bkpt 1");
    }
}

static void open_channel(void)
{
    const struct MvNotificationSetup setup = {
        .irq = CENTRE_IRQ,
        .buffer = (struct MvNotification *)records,
        .buffer_size = sizeof records,
    };
    struct MvRequestNetworkParams wanted = { .version = 1 };
    struct MvOpenChannelParams opening = {
        .version = 1,
        .v1 = {
            .receive_buffer = receive,
            .receive_buffer_len = sizeof receive,
            .send_buffer = send,
            .send_buffer_len = sizeof send,
            .channel_type = MV_CHANNELTYPE_MQTT,
        },
    };
    MvNotificationHandle centre;
    MvNetworkHandle network;

    must(mvSetupNotifications(&setup, &centre));
    wanted.v1.notification_handle = centre;
    must(mvRequestNetwork(&wanted, &network));
    NVIC_EnableIRQ(CENTRE_IRQ);
    opening.v1.notification_handle = centre;
    opening.v1.network_handle = network;
    must(mvOpenChannel(&opening, &channel));
}

static enum MvMqttReadableDataType readable(void)
{
    enum MvMqttReadableDataType type;

    must(mvMqttGetNextReadableDataType(channel, &type));
    return type;
}

static void await(enum MvMqttReadableDataType type)
{
    while (readable() != type) {
        __asm volatile("wfi");
    }
}

static void connect(void)
{
    const struct MvMqttConnectRequest request = {
        .protocol_version = MV_MQTTPROTOCOLVERSION_V5,
        .host = TEXT(HOST),
        .port = PORT,
        .clientid = TEXT("device"),
        .authentication = {
            .method = MV_MQTTAUTHENTICATIONMETHOD_USERNAMEPASSWORD,
            .username_password = { TEXT(USER), TEXT(PASSWORD) },
        },
        .keepalive = 60,
        .clean_start = 1,
    };
    struct MvMqttConnectResponse response;

    must(mvMqttRequestConnect(channel, &request));
    await(MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE);
    must(mvMqttReadConnectResponse(channel, &response));
    if (response.request_state != MV_MQTTREQUESTSTATE_REQUESTCOMPLETED || response.reason_code != 0) {
        __asm volatile("bkpt 2");
    }
}

static void subscribe(void)
{
    const struct MvMqttSubscription topic = { .topic = TEXT("measured"), .desired_qos = QOS };
    const struct MvMqttSubscribeRequest request = { .subscriptions = &topic, .num_subscriptions = 1 };
    enum MvMqttRequestState state;
    uint32_t correlation, reason, count;
    const struct MvMqttSubscribeResponse response = { &state, &correlation, &reason, 1, &count };

    must(mvMqttRequestSubscribe(channel, &request));
    await(MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE);
    must(mvMqttReadSubscribeResponse(channel, &response));
}

static void publish(void)
{
    const struct MvMqttPublishRequest request = {
        .topic = TEXT("measured"),
        .payload = TEXT("{\"celsius\": 21.5}"),
        .desired_qos = QOS,
    };

    must(mvMqttRequestPublish(channel, &request));
    published++;
}

static void read_message(void)
{
    uint8_t topic[16], payload[64], retain;
    uint32_t correlation, qos, topic_length, payload_length;
    const struct MvMqttMessage message = {
        &correlation, { topic, sizeof topic, &topic_length }, { payload, sizeof payload, &payload_length }, &qos, &retain,
    };

    must(mvMqttReceiveMessage(channel, &message));
    while (qos != 0 && mvMqttAcknowledgeMessage(channel, correlation) == MV_STATUS_RATELIMITED) {
        __asm volatile("nop");
    }
    received++;
}

static void exchange(void)
{
    struct MvMqttPublishResponse response;
    uint32_t in_flight = 0;

    while (received < MESSAGES) {
        while (published < MESSAGES && in_flight < WINDOW && published - received < WINDOW) {
            publish();
            in_flight++;
        }
        switch (readable()) {
        case MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE:
            must(mvMqttReadPublishResponse(channel, &response));
            failed += response.request_state != MV_MQTTREQUESTSTATE_REQUESTCOMPLETED;
            in_flight--;
            break;
        case MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED:
            read_message();
            break;
        default:
            __asm volatile("wfi");
            break;
        }
    }
    for (; in_flight != 0; in_flight--) {
        await(MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE);
        must(mvMqttReadPublishResponse(channel, &response));
    }
}

int main(void)
{
    struct MvMqttDisconnectResponse response;

    open_channel();
    SysTick->LOAD = 1600000 - 1; /* 10 ms */
    SysTick->VAL = 0;
    SysTick->CTRL = 7;
    connect();
    subscribe();
    exchange();
    must(mvMqttRequestDisconnect(channel));
    await(MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE);
    must(mvMqttReadDisconnectResponse(channel, &response));
    must(mvCloseChannel(&channel));
    parted = 1;
    SysTick->CTRL = 0;
    for (;;) {
        __asm volatile("wfi");
    }
}
