/* Asks the server at URL for something, REQUESTS times one after the other, each on a channel of its own. */

#include "mv_syscalls.h"
#include "stm32u585.h"

#define CENTRE_IRQ TIM8_BRK_IRQn
#define TEXT(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static volatile struct MvNotification records[8] __attribute__((aligned(8)));
static uint8_t receive[1024] __attribute__((aligned(512)));
static uint8_t send[512] __attribute__((aligned(512)));
volatile uint32_t requests_done, requests_failed;
static volatile uint32_t arrived;

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

static void request(MvNotificationHandle centre, MvNetworkHandle network)
{
    static const uint8_t url[] = URL;
    const struct MvOpenChannelParams opening = {
        .version = 1,
        .v1 = {
            .notification_handle = centre,
            .network_handle = network,
            .receive_buffer = receive,
            .receive_buffer_len = sizeof receive,
            .send_buffer = send,
            .send_buffer_len = sizeof send,
            .channel_type = MV_CHANNELTYPE_HTTP,
        },
    };
    const struct MvHttpRequest asking = {
        .method = TEXT("GET"),
        .url = { url, sizeof url - 1 },
        .timeout_ms = 10000,
    };
    struct MvHttpResponseData response;
    MvChannelHandle channel;
    uint8_t body[64];
    const uint32_t before = arrived;

    while (mvOpenChannel(&opening, &channel) == MV_STATUS_RATELIMITED) {
        __asm volatile("wfi");
    }
    must(mvSendHttpRequest(channel, &asking));
    while (arrived == before) {
        __asm volatile("wfi");
    }
    must(mvReadHttpResponseData(channel, &response));
    if (response.result != MV_HTTPRESULT_OK || response.status_code != 200) {
        requests_failed++;
    } else {
        must(mvReadHttpResponseBody(channel, 0, body, sizeof body));
    }
    must(mvCloseChannel(&channel));
    requests_done++;
}

int main(void)
{
    const struct MvNotificationSetup setup = {
        .irq = CENTRE_IRQ,
        .buffer = (struct MvNotification *)records,
        .buffer_size = sizeof records,
    };
    struct MvRequestNetworkParams wanted = { .version = 1 };
    MvNotificationHandle centre;
    MvNetworkHandle network;

    must(mvSetupNotifications(&setup, &centre));
    wanted.v1.notification_handle = centre;
    must(mvRequestNetwork(&wanted, &network));
    NVIC_EnableIRQ(CENTRE_IRQ);
    SysTick->LOAD = 1600000 - 1; /* 10 ms */
    SysTick->VAL = 0;
    SysTick->CTRL = 7;
    for (uint32_t number = 0; number < REQUESTS; number++) {
        request(centre, network);
    }
    SysTick->CTRL = 0;
    for (;;) {
        __asm volatile("wfi");
    }
}
