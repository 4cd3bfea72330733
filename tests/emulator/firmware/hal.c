/*
 * An application in the way of those built on the vendor's drivers: the same registers in the same order, every wait a
 * loop with a timeout by the millisecond tick, transfers by interrupt with callbacks. RCC belongs to the kernel, so its
 * registers are reached with mvPeriphPeek32() and mvPeriphPoke32().
 */

#include <stdio.h>
#include <string.h>

#include "mv_syscalls.h"
#include "stm32u585.h"

#define R(base, offset) (*(volatile uint32_t *)((base) + (offset)))
#define MODIFY(r, clear, set) ((r) = ((r) & ~(uint32_t)(clear)) | (uint32_t)(set))
#define AIRCR_KEY 0x05FA0000u

enum status { OK, ERROR, BUSY, TIMEOUT };

static uint8_t log_buffer[2048] __attribute__((aligned(512)));
static volatile uint32_t tick;
static uint32_t system_clock;

/* -- the tick ---------------------------------------------------------------------------------------------------------- */

void SysTick_Handler(void) { tick++; }

static enum status init_tick(void)
{
    if (mvGetHClk(&system_clock) != MV_STATUS_OKAY) { return ERROR; }
    if (SysTick_Config(system_clock / 1000u) != 0) { return ERROR; }
    NVIC_SetPriority(SysTick_IRQn, 15);
    return OK;
}

static void delay(uint32_t length)
{
    const uint32_t start = tick;
    while (tick - start < length + 1u) { }
}

static enum status wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value, uint32_t timeout)
{
    const uint32_t start = tick;
    while ((*reg & mask) != value) {
        if (tick - start > timeout) { return (*reg & mask) == value ? OK : TIMEOUT; }
    }
    return OK;
}

/* -- clocks, supplies, caches ----------------------------------------------------------------------------------------------- */

static uint32_t rcc(uint32_t offset)
{
    uint32_t value = 0;
    (void)mvPeriphPeek32(RCC_BASE + offset, &value);
    return value;
}

static void rcc_set(uint32_t offset, uint32_t bits)
{
    (void)mvPeriphPoke32(RCC_BASE + offset, bits, bits);
    (void)rcc(offset); /* the read back that lets the clock settle */
}

static enum status wait_for_rcc(uint32_t offset, uint32_t mask, uint32_t timeout)
{
    for (const uint32_t start = tick; (rcc(offset) & mask) == 0;) {
        if (tick - start > timeout) { return TIMEOUT; }
    }
    return OK;
}

static enum status system_clock_config(void)
{
    rcc_set(0x94, 1u << 2); /* PWR */
    MODIFY(R(PWR_BASE, 0x0C), 7u << 16, 7u << 16);
    if (wait_for(&R(PWR_BASE, 0x0C), 1u << 15, 1u << 15, 50) != OK) { return TIMEOUT; }
    if (wait_for(&R(PWR_BASE, 0x0C), 1u << 14, 1u << 14, 50) != OK) { return TIMEOUT; }
    if (wait_for(&R(PWR_BASE, 0x3C), 1u << 15, 1u << 15, 50) != OK) { return TIMEOUT; }
    rcc_set(0x00, 1u << 12); /* HSI48 */
    if (wait_for_rcc(0x00, 1u << 13, 2) != OK) { return TIMEOUT; }
    if (wait_for_rcc(0x00, 1u << 25, 2) != OK) { return TIMEOUT; } /* PLL1 */
    if ((rcc(0x1C) >> 2 & 3u) != 3u) { return ERROR; }             /* PLL1 is the system clock */
    MODIFY(R(FLASH_R_BASE, 0x00), 15u, 4u);
    for (const uint32_t start = tick; (R(FLASH_R_BASE, 0x00) & 15u) != 4u;) {
        if (tick - start > 5) { return TIMEOUT; }
    }
    return R(FLASH_R_BASE, 0x20) & 1u << 16 ? BUSY : OK;
}

static enum status caches(void)
{
    R(ICACHE_BASE, 0x00) &= ~1u;
    if (wait_for(&R(ICACHE_BASE, 0x00), 1u, 0, 1) != OK) { return TIMEOUT; }
    if (R(ICACHE_BASE, 0x04) & 1u) { return BUSY; }
    R(ICACHE_BASE, 0x0C) = 2u;
    R(ICACHE_BASE, 0x00) |= 2u;
    if (wait_for(&R(ICACHE_BASE, 0x04), 2u, 2u, 1) != OK) { return TIMEOUT; }
    R(ICACHE_BASE, 0x0C) = 2u;
    R(ICACHE_BASE, 0x00) |= 1u;
    return OK;
}

static enum status hal_init(void)
{
    SCB->AIRCR = AIRCR_KEY | (SCB->AIRCR & 0xFFFFu & ~0x700u) | 3u << 8;
    if ((SCB->AIRCR >> 8 & 7u) != 3u) { return ERROR; }
    return init_tick();
}

/* -- pins --------------------------------------------------------------------------------------------------------------------- */

struct pin {
    uint32_t port, pins, mode, open_drain, pull, speed, alternate;
};

static void gpio_init(const struct pin *pin)
{
    for (uint32_t position = 0; pin->pins >> position; position++) {
        if ((pin->pins >> position & 1u) == 0) { continue; }
        if (pin->mode == 2) {
            volatile uint32_t *const function = &R(pin->port, 0x20 + 4 * (position >> 3));
            MODIFY(*function, 15u << (position % 8 * 4), pin->alternate << (position % 8 * 4));
        }
        MODIFY(R(pin->port, 0x00), 3u << position * 2, pin->mode << position * 2);
        if (pin->mode == 1 || pin->mode == 2) {
            MODIFY(R(pin->port, 0x08), 3u << position * 2, pin->speed << position * 2);
            MODIFY(R(pin->port, 0x04), 1u << position, pin->open_drain << position);
        }
        MODIFY(R(pin->port, 0x0C), 3u << position * 2, pin->pull << position * 2);
    }
}

static void toggle(uint32_t port, uint32_t pins)
{
    const uint32_t out = R(port, 0x14);
    R(port, 0x18) = (out & pins) << 16 | (~out & pins);
}

/* -- serial port ---------------------------------------------------------------------------------------------------------------- */

struct uart {
    const uint8_t *to_send;
    uint8_t *to_receive;
    uint32_t send_left, receive_left;
    volatile int sent, received;
};
static struct uart uart;

static enum status uart_init(void)
{
    const struct pin pins = {GPIOD_BASE, 3u << 5, 2, 0, 0, 3, 7};
    uint32_t clock = 0;
    rcc_set(0x9C, 1u << 17);
    rcc_set(0x8C, 1u << 3);
    gpio_init(&pins);
    R(USART2_BASE, 0x00) &= ~1u;
    R(USART2_BASE, 0x2C) = 0;
    MODIFY(R(USART2_BASE, 0x00), 0x1000940Cu | 1u << 28, 0x0Cu);
    MODIFY(R(USART2_BASE, 0x04), 3u << 12, 0);
    MODIFY(R(USART2_BASE, 0x08), 1u << 8 | 1u << 9 | 1u << 11, 0);
    if (mvGetPClk1(&clock) != MV_STATUS_OKAY) { return ERROR; }
    R(USART2_BASE, 0x0C) = (clock + 115200u / 2u) / 115200u;
    R(USART2_BASE, 0x04) &= ~(1u << 14 | 1u << 11);
    R(USART2_BASE, 0x08) &= ~(1u << 5 | 1u << 3 | 1u << 1);
    R(USART2_BASE, 0x00) |= 1u;
    if (wait_for(&R(USART2_BASE, 0x1C), 1u << 21, 1u << 21, 1000) != OK) { return TIMEOUT; }
    if (wait_for(&R(USART2_BASE, 0x1C), 1u << 22, 1u << 22, 1000) != OK) { return TIMEOUT; }
    for (int threshold = 0; threshold < 2; threshold++) { /* each changed with the port off, which then goes on */
        const uint32_t control = R(USART2_BASE, 0x00);
        R(USART2_BASE, 0x00) &= ~1u;
        MODIFY(R(USART2_BASE, 0x08), threshold ? 7u << 25 : 7u << 29, 0);
        R(USART2_BASE, 0x00) = control;
    }
    return OK;
}

static enum status uart_transmit(const void *data, uint32_t length, uint32_t timeout)
{
    for (const uint8_t *byte = data; length > 0; length--) {
        if (wait_for(&R(USART2_BASE, 0x1C), 1u << 7, 1u << 7, timeout) != OK) { return TIMEOUT; }
        R(USART2_BASE, 0x28) = *byte++;
    }
    return wait_for(&R(USART2_BASE, 0x1C), 1u << 6, 1u << 6, timeout);
}

static enum status uart_receive(uint8_t *data, uint32_t length, uint32_t timeout)
{
    for (; length > 0; length--) {
        if (wait_for(&R(USART2_BASE, 0x1C), 1u << 5, 1u << 5, timeout) != OK) { return TIMEOUT; }
        *data++ = (uint8_t)R(USART2_BASE, 0x24);
    }
    return OK;
}

static void uart_transmit_interrupt(const void *data, uint32_t length)
{
    uart = (struct uart){.to_send = data, .send_left = length};
    R(USART2_BASE, 0x00) |= 1u << 7;
}

static void uart_receive_interrupt(uint8_t *data, uint32_t length)
{
    uart = (struct uart){.to_receive = data, .receive_left = length};
    R(USART2_BASE, 0x08) |= 1u;
    R(USART2_BASE, 0x00) |= 1u << 8 | 1u << 5;
}

void USART2_IRQHandler(void)
{
    const uint32_t flags = R(USART2_BASE, 0x1C), control = R(USART2_BASE, 0x00);
    if ((flags & 0xFu) == 0 && flags & control & 1u << 5) {
        *uart.to_receive++ = (uint8_t)R(USART2_BASE, 0x24);
        if (--uart.receive_left == 0) {
            R(USART2_BASE, 0x00) &= ~(1u << 5 | 1u << 8);
            R(USART2_BASE, 0x08) &= ~1u;
            uart.received = 1;
        }
        return;
    }
    if (flags & control & 1u << 7) {
        if (uart.send_left == 0) {
            R(USART2_BASE, 0x00) &= ~(1u << 7);
            R(USART2_BASE, 0x00) |= 1u << 6;
        } else {
            R(USART2_BASE, 0x28) = *uart.to_send++;
            uart.send_left--;
        }
        return;
    }
    if (flags & control & 1u << 6) {
        R(USART2_BASE, 0x00) &= ~(1u << 6);
        uart.sent = 1;
    }
}

/* -- I2C -------------------------------------------------------------------------------------------------------------------------- */

struct i2c {
    uint8_t *data;
    uint32_t left;
    volatile int done;
    volatile uint32_t errors;
};
static struct i2c i2c;

static void i2c_init(void)
{
    const struct pin pins = {GPIOB_BASE, 1u << 6 | 1u << 9, 2, 1, 0, 0, 4};
    (void)mvPeriphPoke32(RCC_BASE + 0xE0, 3u << 10, 0);
    rcc_set(0x8C, 1u << 1);
    gpio_init(&pins);
    rcc_set(0x9C, 1u << 21);
    R(I2C1_BASE, 0x00) &= ~1u;
    R(I2C1_BASE, 0x10) = 0x30909DECu;
    R(I2C1_BASE, 0x08) &= ~(1u << 15);
    R(I2C1_BASE, 0x08) = 1u << 15;
    MODIFY(R(I2C1_BASE, 0x04), 1u << 11, 1u << 25 | 1u << 15);
    R(I2C1_BASE, 0x0C) = 0;
    R(I2C1_BASE, 0x00) = 0;
    R(I2C1_BASE, 0x00) |= 1u;
}

/* Address a device with nothing to say, and see whether it answers. */
static enum status i2c_ready(uint32_t address, uint32_t timeout)
{
    if (R(I2C1_BASE, 0x18) & 1u << 15) { return BUSY; }
    R(I2C1_BASE, 0x04) = address << 1 | 1u << 13 | 1u << 25;
    for (const uint32_t start = tick; (R(I2C1_BASE, 0x18) & (1u << 5 | 1u << 4)) == 0;) {
        if (tick - start > timeout) { return TIMEOUT; }
    }
    const int answered = (R(I2C1_BASE, 0x18) & 1u << 4) == 0;
    if (wait_for(&R(I2C1_BASE, 0x18), 1u << 5, 1u << 5, timeout) != OK) { return TIMEOUT; }
    R(I2C1_BASE, 0x1C) = 1u << 5 | 1u << 4;
    return answered ? OK : ERROR;
}

static void i2c_transfer(uint32_t address, uint8_t *data, uint32_t length, uint32_t read)
{
    i2c = (struct i2c){.data = data, .left = length};
    R(I2C1_BASE, 0x04) = address << 1 | read << 10 | length << 16 | 1u << 25 | 1u << 13;
    R(I2C1_BASE, 0x00) |= 1u << 7 | 1u << 6 | 1u << 5 | 1u << 4 | (read ? 1u << 2 : 1u << 1);
}

void I2C1_EV_IRQHandler(void)
{
    const uint32_t flags = R(I2C1_BASE, 0x18), control = R(I2C1_BASE, 0x00);
    if (flags & 1u << 4 && control & 1u << 4) {
        R(I2C1_BASE, 0x1C) = 1u << 4;
        i2c.errors |= 4u;
        R(I2C1_BASE, 0x18) |= 1u; /* flush what was to be sent */
    } else if (flags & control & 1u << 2) {
        *i2c.data++ = (uint8_t)R(I2C1_BASE, 0x24);
        i2c.left--;
    } else if (flags & control & 1u << 1) {
        R(I2C1_BASE, 0x28) = *i2c.data++;
        i2c.left--;
    }
    if (flags & 1u << 5 && control & 1u << 5) {
        R(I2C1_BASE, 0x1C) = 1u << 5;
        R(I2C1_BASE, 0x00) &= ~0xFEu;
        R(I2C1_BASE, 0x04) &= ~0x0201FFFFu;
        i2c.done = 1;
    }
}

static enum status i2c_wait(uint32_t timeout)
{
    for (const uint32_t start = tick; !i2c.done;) {
        if (tick - start > timeout) { return TIMEOUT; }
    }
    return i2c.errors ? ERROR : OK;
}

/* -- the button ----------------------------------------------------------------------------------------------------------------------- */

static volatile uint32_t pressed;

void EXTI13_IRQHandler(void)
{
    if (R(EXTI_BASE, 0x0C) & 1u << 13) {
        R(EXTI_BASE, 0x0C) = 1u << 13;
        pressed++;
    }
}

static void button_init(void)
{
    const struct pin pin = {GPIOC_BASE, 1u << 13, 0, 0, 0, 0, 0};
    rcc_set(0x8C, 1u << 2);
    gpio_init(&pin);
    MODIFY(R(EXTI_BASE, 0x6C), 0xFFu << 8, 2u << 8);
    R(EXTI_BASE, 0x80) |= 1u << 13;
    R(EXTI_BASE, 0x00) |= 1u << 13;
    NVIC_SetPriority(EXTI13_IRQn, 5);
    NVIC_EnableIRQ(EXTI13_IRQn);
}

/* -- what it does ------------------------------------------------------------------------------------------------------------------------ */

static const char *name(enum status status)
{
    static const char *const names[] = {"ok", "error", "busy", "timeout"};
    return names[status];
}

int main(void)
{
    const struct pin led = {GPIOA_BASE, 1u << 5, 1, 0, 1, 3, 0};
    uint8_t line[8] = {0}, reg = 5, value[2] = {0};

    (void)mvServerLoggingInit(log_buffer, sizeof log_buffer);
    printf("init %s\n", name(hal_init()));
    printf("clock %s\n", name(system_clock_config()));
    printf("caches %s\n", name(caches()));
    printf("hclk %lu\n", (unsigned long)system_clock);

    rcc_set(0x8C, 1u);
    R(GPIOA_BASE, 0x28) = 1u << 5;
    gpio_init(&led);
    for (int i = 0; i < 4; i++) {
        toggle(GPIOA_BASE, 1u << 5);
        delay(20);
    }

    printf("uart %s\n", name(uart_init()));
    printf("sent %s\n", name(uart_transmit("polled\n", 7, 100)));
    printf("nothing came: %s\n", name(uart_receive(line, 1, 10)));
    NVIC_SetPriority(USART2_IRQn, 5);
    NVIC_EnableIRQ(USART2_IRQn);
    uart_transmit_interrupt("by interrupt\n", 13);
    while (!uart.sent) { __WFI(); }
    uart_receive_interrupt(line, 4);
    while (!uart.received) { __WFI(); }
    printf("came: %.4s\n", (const char *)line);

    i2c_init();
    NVIC_SetPriority(I2C1_EV_IRQn, 5);
    NVIC_EnableIRQ(I2C1_EV_IRQn);
    printf("0x18 %s, 0x70 %s\n", name(i2c_ready(0x18, 100)), name(i2c_ready(0x70, 100)));
    i2c_transfer(0x18, &reg, 1, 0);
    printf("register %s\n", name(i2c_wait(25)));
    i2c_transfer(0x18, value, 2, 1);
    printf("read %s: %d\n", name(i2c_wait(25)), ((value[0] & 0xF) << 8 | value[1]) / 16);
    i2c_transfer(0x70, &reg, 1, 0);
    printf("nobody: %s\n", name(i2c_wait(25)));

    button_init();
    for (uint32_t seen = 0;;) {
        __WFI();
        if (pressed != seen) {
            seen = pressed;
            printf("pressed %lu\n", (unsigned long)seen);
        }
    }
}
