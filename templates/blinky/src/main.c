/*
 * @name@: blinks the LED, logs, and shows how an application waits for the kernel.
 *
 * SysTick fires ten times a second. For each tick the application has the kernel send it a notification, and works when
 * that arrives: in a real application notifications come from the network instead of from SysTick.
 */

#include <stdbool.h>
#include <stdint.h>

#include "events.h"
#include "led.h"
#include "log.h"
#include "mv_syscalls.h"
#include "notifications.h"
#include "stm32u585.h"

#define TICKS_PER_SECOND 10U
#define TICKS_PER_BLINK 5U

void SysTick_Handler(void)
{
    events_post(EVENT_TIMER);
}

static void start_timer(void)
{
    uint32_t hz = 0;

    require(mvGetSysClk(&hz), "mvGetSysClk");
    log_line("@name@: started at %lu MHz", (unsigned long)(hz / 1000000U));
    (void)SysTick_Config(hz / TICKS_PER_SECOND);
}

/* `tick` counts from 1. */
static void on_tick(uint32_t tick)
{
    if (tick % TICKS_PER_BLINK == 1) {
        const bool on = tick / TICKS_PER_BLINK % 2 == 0;

        led_set(on);
        log_line("@name@: LED %s (tick %lu)", on ? "on" : "off", (unsigned long)tick);
    }
    if (tick % TICKS_PER_SECOND == 0) {
        log_line("@name@: ping");
        notifications_trigger(EVENT_PONG);
    }
}

int main(void)
{
    uint32_t tick = 0;

    log_start();
    led_start();
    notifications_start();
    start_timer();

    for (;;) {
        const uint32_t events = events_wait();

        if (events & EVENT_TIMER) {
            notifications_trigger(EVENT_TICK);
        }
        if (events & EVENT_TICK) {
            tick++;
            on_tick(tick);
        }
        if (events & EVENT_PONG) {
            log_line("@name@: pong");
        }
    }
}
