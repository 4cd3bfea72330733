"""Guests that use the chip the way the vendor's drivers do: polling flags with a timeout, interrupts with callbacks."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from mvsdk import boards
from mvsdk.bundle import Image, read_image
from tests.board_support.firmware import link

BOARD = boards.load()

DRIVERS = """
#include <string.h>
#include "mv_syscalls.h"
#include "stm32u585.h"

#define REG(base, offset) (*(volatile uint32_t *)((base) + (offset)))
#define CR1 0x00u
#define CR2 0x04u
#define DIER 0x0Cu
#define SR 0x10u
#define EGR 0x14u
#define CCMR1 0x18u
#define CCER 0x20u
#define PSC 0x28u
#define ARR 0x2Cu
#define TIM_CCR1 0x34u
#define BRR 0x0Cu
#define ISR 0x1Cu
#define ICR 0x20u
#define RDR 0x24u
#define TDR 0x28u

static volatile uint32_t ticks;
static uint8_t log_buffer[512] __attribute__((aligned(512)));

static inline void log_start(void) { (void)mvServerLoggingInit(log_buffer, sizeof log_buffer); }
static inline void log_text(const char *text) { (void)mvServerLog((const uint8_t *)text, (uint16_t)strlen(text)); }

/* The tick: 1 MHz counter, 1,000 counts, as the vendor's time base on TIM6. */
void TIM6_IRQHandler(void)
{
    if (REG(TIM6_BASE, SR) & 1u) {
        REG(TIM6_BASE, SR) = ~1u;
        ticks++;
    }
}

static inline void tick_start(void)
{
    uint32_t clock = 0;
    (void)mvGetPClk1(&clock);
    REG(TIM6_BASE, PSC) = clock / 1000000u - 1u;
    REG(TIM6_BASE, ARR) = 999u;
    REG(TIM6_BASE, EGR) = 1u;
    REG(TIM6_BASE, SR) = ~1u;
    REG(TIM6_BASE, DIER) = 1u;
    REG(TIM6_BASE, CR1) = 1u;
    NVIC_SetPriority(TIM6_IRQn, 0);
    NVIC_EnableIRQ(TIM6_IRQn);
}

static inline void delay(uint32_t length)
{
    const uint32_t start = ticks;
    while (ticks - start < length + 1u) { }
}

static inline int uart_wait(uint32_t flag)
{
    const uint32_t start = ticks;
    while (!(REG(USART2_BASE, ISR) & flag)) {
        if (ticks - start > 1000u) { return 0; }
    }
    return 1;
}

/* 115200 8N1, and the acknowledge bits that the vendor's start-up waits for. */
static inline int uart_start(uint32_t more)
{
    REG(USART2_BASE, CR1) = 0;
    REG(USART2_BASE, BRR) = (160000000u + 57600u) / 115200u;
    REG(USART2_BASE, CR1) = 0xCu | more;
    REG(USART2_BASE, CR1) |= 1u;
    return uart_wait(1u << 21) && uart_wait(1u << 22);
}

static inline void uart_send(const char *text)
{
    for (; *text; text++) {
        (void)uart_wait(1u << 7);
        REG(USART2_BASE, TDR) = (uint8_t)*text;
    }
    (void)uart_wait(1u << 6);
}
"""

TICK = """
#define LED (1u << 5)
int main(void)
{
    log_start();
    tick_start();
    REG(GPIOA_BASE, 0x00) = (REG(GPIOA_BASE, 0x00) & ~(3u << 10)) | (1u << 10);
    for (int i = 0; i < 3; i++) {
        GPIOA->BSRR = LED;
        delay(10);
        GPIOA->BSRR = LED << 16;
        delay(10);
    }
    log_text("done");
    for (;;) { __WFI(); }
}
"""

HELLO = """
int main(void)
{
    tick_start();
    if (uart_start(0)) { uart_send("hello\\r\\n"); }
    for (;;) { __WFI(); }
}
"""

ECHO = """
static char line[32];
static volatile uint32_t length;
static volatile int complete;

void USART2_IRQHandler(void)
{
    if (REG(USART2_BASE, ISR) & (1u << 5)) {
        const char character = (char)REG(USART2_BASE, RDR);
        if (character == '\\n') { complete = 1; }
        else if (length < sizeof line - 1u) { line[length++] = character; }
    }
    REG(USART2_BASE, ICR) = 1u << 3;
}

int main(void)
{
    tick_start();
    (void)uart_start(1u << 5);
    NVIC_EnableIRQ(USART2_IRQn);
    for (;;) {
        while (!complete) { __WFI(); }
        uart_send("got ");
        uart_send(line);
        uart_send("\\n");
        complete = 0;
        length = 0;
        memset(line, 0, sizeof line);
    }
}
"""

BUTTON = """
void EXTI13_IRQHandler(void)
{
    if (REG(EXTI_BASE, 0x0C) & (1u << 13)) {
        REG(EXTI_BASE, 0x0C) = 1u << 13;
        ticks++;
    }
}

int main(void)
{
    log_start();
    REG(GPIOC_BASE, 0x00) &= ~(3u << 26);
    REG(EXTI_BASE, 0x6C) = 2u << 8;
    REG(EXTI_BASE, 0x00) |= 1u << 13;
    REG(EXTI_BASE, 0x80) |= 1u << 13;
    NVIC_EnableIRQ(EXTI13_IRQn);
    for (uint32_t seen = 0;;) {
        __WFI();
        if (ticks != seen) { seen = ticks; log_text("pressed"); }
    }
}
"""

PWM = """
static volatile uint32_t matches, updates;
void TIM2_IRQHandler(void)
{
    const uint32_t flags = REG(TIM2_BASE, SR);
    REG(TIM2_BASE, SR) = ~flags;
    if (flags & 2u) { matches++; }
    if (flags & 1u) { updates++; }
}

int main(void)
{
    log_start();
    REG(TIM2_BASE, PSC) = 159u;
    REG(TIM2_BASE, ARR) = 999u;
    REG(TIM2_BASE, CCMR1) = 0x68u;
    REG(TIM2_BASE, TIM_CCR1) = 250u;
    REG(TIM2_BASE, CCER) = 1u;
    REG(TIM2_BASE, EGR) = 1u;
    REG(TIM2_BASE, SR) = 0;
    REG(TIM2_BASE, DIER) = 3u;
    NVIC_EnableIRQ(TIM2_IRQn);
    REG(TIM2_BASE, CR1) = 0x81u;
    while (updates < 5u) { __WFI(); }
    log_text(matches == 5u ? "five of each" : "wrong");
    NVIC_DisableIRQ(TIM2_IRQn);
    for (;;) { __WFI(); }
}
"""

PWM_INPUT = """
#define SMCR 0x08u
#define TIM_CCR2 0x38u
static volatile uint32_t captures;
void TIM3_IRQHandler(void)
{
    REG(TIM3_BASE, SR) = ~(1u << 1);
    captures++;
}

/* TIM2 puts 3,000 of 10,000 on PA5; TIM3 measures what arrives on PA6, as the vendor's PWM input mode does. */
int main(void)
{
    log_start();
    REG(GPIOA_BASE, 0x20) = 1u << 20 | 2u << 24;
    REG(GPIOA_BASE, 0x00) = (REG(GPIOA_BASE, 0x00) & ~(0xFu << 10)) | (0xAu << 10);
    REG(TIM2_BASE, ARR) = 9999u;
    REG(TIM2_BASE, CCMR1) = 0x68u;
    REG(TIM2_BASE, TIM_CCR1) = 3000u;
    REG(TIM2_BASE, CCER) = 1u;
    REG(TIM2_BASE, EGR) = 1u;
    REG(TIM3_BASE, CCMR1) = 0x0201u;
    REG(TIM3_BASE, CCER) = 0x31u;
    REG(TIM3_BASE, SMCR) = 5u << 4 | 4u;
    REG(TIM3_BASE, DIER) = 1u << 1;
    NVIC_EnableIRQ(TIM3_IRQn);
    REG(TIM3_BASE, CR1) = 1u;
    REG(TIM2_BASE, CR1) = 0x81u;
    while (captures < 3u) { __WFI(); }
    const uint32_t period = REG(TIM3_BASE, TIM_CCR1), high = REG(TIM3_BASE, TIM_CCR2);
    log_text(period == 10000u && high == 3000u ? "30 % of 16 kHz" : "wrong");
    REG(TIM2_BASE, CCER) = 0u;
    for (;;) { __WFI(); }
}
"""

LOW_POWER_TIMER = """
static volatile uint32_t periods;
void LPTIM1_IRQHandler(void)
{
    REG(LPTIM1_BASE, 0x04) = REG(LPTIM1_BASE, 0x00);
    periods++;
}

/* On LSE, started and awaited as the vendor's driver does: each write is confirmed by its flag. */
int main(void)
{
    log_start();
    (void)mvPeriphPoke32(RCC_BASE + 0xF0u, 1u | 1u << 7, 1u | 1u << 7);
    (void)mvPeriphPoke32(RCC_BASE + 0xE8u, 3u << 10, 3u << 10);
    (void)mvPeriphPoke32(RCC_BASE + 0xA8u, 1u << 11, 1u << 11);
    REG(LPTIM1_BASE, 0x10) = 1u;
    REG(LPTIM1_BASE, 0x08) = 1u << 1;
    while (!(REG(LPTIM1_BASE, 0x00) & (1u << 24))) { }
    REG(LPTIM1_BASE, 0x04) = 1u << 24;
    REG(LPTIM1_BASE, 0x18) = 32767u;
    while (!(REG(LPTIM1_BASE, 0x00) & (1u << 4))) { }
    REG(LPTIM1_BASE, 0x04) = 1u << 4;
    NVIC_EnableIRQ(LPTIM1_IRQn);
    REG(LPTIM1_BASE, 0x10) |= 1u << 2;
    for (uint32_t seen = 0;;) {
        __WFI();
        if (periods != seen) { seen = periods; log_text("second"); }
    }
}
"""

ALARM_CLOCK = """
#define RTC(offset) REG(RTC_BASE, offset)
#define BACKUP REG(TAMP_BASE, 0x100u)

static volatile uint32_t alarms;
void RTC_IRQHandler(void)
{
    if (RTC(0x54) & 1u) { RTC(0x5C) = 1u; alarms++; }
}

static void set_clock(void)
{
    (void)mvPeriphPoke32(RCC_BASE + 0xF0u, 1u, 1u);
    (void)mvPeriphPoke32(RCC_BASE + 0xF0u, 0x8300u, 0x8100u);
    RTC(0x24) = 0xCAu;
    RTC(0x24) = 0x53u;
    RTC(0x0C) = 1u << 7;
    while (!(RTC(0x0C) & (1u << 6))) { }
    RTC(0x10) = 127u << 16 | 255u;
    RTC(0x00) = 0x235950u;
    RTC(0x04) = 0x24E630u;
    RTC(0x0C) = 0;
    while (!(RTC(0x0C) & (1u << 5))) { }
    RTC(0x24) = 0xFFu;
}

static void log_time(void)
{
    char text[] = "00:00:00 00";
    const uint32_t time = RTC(0x00), date = RTC(0x04);
    for (int i = 0; i < 6; i++) { text[i + i / 2] = (char)('0' + (time >> (20 - 4 * i) & 0xFu)); }
    text[9] = (char)('0' + (date >> 4 & 3u));
    text[10] = (char)('0' + (date & 0xFu));
    log_text(text);
}

/* Sets the clock once; an alarm at midnight, then Standby until the wake-up timer ends it, over and over. */
int main(void)
{
    log_start();
    if (!(RTC(0x0C) & (1u << 4))) {
        log_text("clock not set");
        set_clock();
        RTC(0x40) = 0x80000000u;
        RTC(0x18) = 1u << 8 | 1u << 12;
        NVIC_EnableIRQ(RTC_IRQn);
        while (!alarms) { __WFI(); }
        log_text("midnight");
        RTC(0x18) = 0;
        while (!(RTC(0x0C) & (1u << 2))) { }
        RTC(0x14) = 3599u;
        RTC(0x18) = 4u | 1u << 10 | 1u << 14;
    }
    RTC(0x5C) = 1u << 2;
    BACKUP = BACKUP + 1u;
    log_time();
    if (BACKUP < 4u) { (void)mvDeepSleep(0); }
    for (;;) { __WFI(); }
}
"""

WATCHDOG = """
int main(void)
{
    uint32_t status = 0;
    log_start();
    (void)mvPeriphPeek32(RCC_BASE + 0xF4u, &status);
    log_text(status & (1u << 29) ? "watchdog" : "power-on");
    REG(IWDG_BASE, 0x00) = 0xCCCCu;
    REG(IWDG_BASE, 0x00) = 0x5555u;
    REG(IWDG_BASE, 0x04) = 3u;
    REG(IWDG_BASE, 0x08) = 99u;
    REG(IWDG_BASE, 0x00) = 0xAAAAu;
    for (;;) { __WFI(); }
}
"""

TEMPERATURE = """
#define I2C(offset) REG(I2C1_BASE, offset)

static int i2c_wait(uint32_t flag)
{
    const uint32_t start = ticks;
    while (!(I2C(0x18) & flag)) {
        if (I2C(0x18) & (1u << 4)) { return 0; }
        if (ticks - start > 25u) { return 0; }
    }
    return 1;
}

/* As the vendor's memory read does: register number without a stop, then a repeated start that ends itself. */
static int read_register(uint8_t address, uint8_t number, uint8_t *out, uint32_t count)
{
    while (I2C(0x18) & (1u << 15)) { }
    I2C(0x04) = (uint32_t)address << 1 | 1u << 16 | 1u << 13;
    if (!i2c_wait(1u << 1)) {
        while (!(I2C(0x18) & (1u << 5))) { }
        I2C(0x1C) = 1u << 4 | 1u << 5;
        return 0;
    }
    I2C(0x28) = number;
    if (!i2c_wait(1u << 6)) { return 0; }
    I2C(0x04) = (uint32_t)address << 1 | 1u << 10 | count << 16 | 1u << 25 | 1u << 13;
    for (uint32_t i = 0; i < count; i++) {
        if (!i2c_wait(1u << 2)) { return 0; }
        out[i] = (uint8_t)I2C(0x24);
    }
    if (!i2c_wait(1u << 5)) { return 0; }
    I2C(0x1C) = 1u << 5;
    return 1;
}

int main(void)
{
    uint8_t bytes[2] = { 0 };
    char text[] = "00";
    log_start();
    tick_start();
    I2C(0x10) = 0x30909DECu;
    I2C(0x00) = 1u;
    log_text(read_register(0x19, 5, bytes, 2) ? "somebody" : "nobody at 0x19");
    if (read_register(0x18, 5, bytes, 2)) {
        const uint32_t degrees = ((bytes[0] & 0x0Fu) << 8 | bytes[1]) / 16u;
        text[0] = (char)('0' + degrees / 10u);
        text[1] = (char)('0' + degrees % 10u);
        log_text(text);
    }
    for (;;) { __WFI(); }
}
"""


@functools.cache
def guest(source: str) -> Image:
    """Compile a guest on the drivers."""
    with tempfile.TemporaryDirectory() as folder:
        return read_image(link(Path(folder), {"main.c": DRIVERS + source}).path, BOARD)
