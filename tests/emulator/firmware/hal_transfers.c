/*
 * Transfers by polling, interrupt and DMA in the order in which the vendor's drivers do them: bits are changed with
 * exclusive accesses, channels are set up, started and aborted, every wait has a timeout by the millisecond tick.
 */

#include <stdio.h>
#include <string.h>

#include "mv_syscalls.h"
#include "stm32u585.h"

#define R(base, offset) (*(volatile uint32_t *)((base) + (offset)))
#define R16(base, offset) (*(volatile uint16_t *)((base) + (offset)))
#define R8(base, offset) (*(volatile uint8_t *)((base) + (offset)))
#define MODIFY(r, clear, set) ((r) = ((r) & ~(uint32_t)(clear)) | (uint32_t)(set))
#define DMA(n, offset) R(GPDMA1_BASE + 0x50u + 0x80u * (n), offset)
#define EVERY_DMA_INTERRUPT 0x5D00u /* complete, errors, trigger overrun */

enum status { OK, ERROR, BUSY, TIMEOUT };

static uint8_t log_buffer[2048] __attribute__((aligned(512)));
static volatile uint32_t tick;
void SysTick_Handler(void) { tick++; }

static void change_bits(volatile uint32_t *reg, uint32_t clear, uint32_t set)
{
    uint32_t value, failed;
    do {
        __asm volatile("ldrex %0, [%1]" : "=r"(value) : "r"(reg) : "memory");
        value = (value & ~clear) | set;
        __asm volatile("strex %0, %2, [%1]" : "=&r"(failed) : "r"(reg), "r"(value) : "memory");
    } while (failed);
}

static enum status wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value, uint32_t timeout)
{
    const uint32_t start = tick;
    while ((*reg & mask) != value) {
        if (tick - start > timeout) { return TIMEOUT; }
    }
    return OK;
}

static enum status wait_until(volatile int *done, uint32_t timeout)
{
    for (const uint32_t start = tick; !*done; __WFI()) {
        if (tick - start > timeout) { return TIMEOUT; }
    }
    return OK;
}

static void delay(uint32_t length)
{
    for (const uint32_t start = tick; tick - start < length + 1u;) { }
}

static const char *name(enum status status)
{
    static const char *const names[] = {"ok", "error", "busy", "timeout"};
    return names[status];
}

/* -- DMA ------------------------------------------------------------------------------------------------------------------ */

static void dma_init(uint32_t n, uint32_t request, uint32_t tr1, uint32_t direction)
{
    DMA(n, 0x14) |= 6u; /* suspend and reset */
    MODIFY(DMA(n, 0x14), 3u << 22 | 1u << 17, 1u << 22);
    DMA(n, 0x40) = tr1;
    MODIFY(DMA(n, 0x44), 0xC000CE7Fu, request | direction << 10);
    DMA(n, 0x48) = 0;
    DMA(n, 0x7C) = 0;
}

static void dma_start(uint32_t n, const volatile void *from, volatile void *to, uint32_t length)
{
    MODIFY(DMA(n, 0x48), 0xFFFFu, length);
    DMA(n, 0x0C) = 0x7F00u;
    DMA(n, 0x4C) = (uint32_t)from;
    DMA(n, 0x50) = (uint32_t)to;
    MODIFY(DMA(n, 0x14), 0x7F00u, EVERY_DMA_INTERRUPT);
    DMA(n, 0x14) |= 1u;
}

static enum status dma_abort(uint32_t n)
{
    DMA(n, 0x14) |= 4u;
    if (wait_for(&DMA(n, 0x10), 1u << 13, 1u << 13, 5) != OK) { return TIMEOUT; }
    DMA(n, 0x14) |= 2u;
    DMA(n, 0x0C) = 0x7F00u;
    return DMA(n, 0x14) & 1u ? BUSY : OK;
}

/* The driver's way to suspend in its first versions: it waits for the flag to be clear. */
static enum status dma_suspend(uint32_t n)
{
    DMA(n, 0x14) |= 4u;
    return wait_for(&DMA(n, 0x10), 1u << 13, 0, 5);
}

static volatile uint32_t dma_complete;
static void dma_interrupt(uint32_t n)
{
    if ((R(GPDMA1_BASE, 0x0C) >> n & 1u) == 0) { return; }
    if (DMA(n, 0x10) & DMA(n, 0x14) & 1u << 8) {
        DMA(n, 0x0C) = 0x300u;
        dma_complete |= 1u << n;
    }
}

/* -- serial port: until the line is idle ------------------------------------------------------------------------------------ */

static struct {
    uint8_t data[32];
    uint32_t size, left;
    volatile int received, sent;
} port;

static void uart_init(void)
{
    uint32_t clock = 0;
    (void)mvGetPClk1(&clock);
    R(USART2_BASE, 0x00) &= ~1u;
    MODIFY(R(USART2_BASE, 0x00), 0x1000940Cu | 1u << 28, 0x0Cu);
    R(USART2_BASE, 0x0C) = (clock + 115200u / 2u) / 115200u;
    R(USART2_BASE, 0x00) |= 1u;
    (void)wait_for(&R(USART2_BASE, 0x1C), 3u << 21, 3u << 21, 1000);
}

static void receive_until_idle(uint32_t size, int by_dma)
{
    port.size = port.left = size;
    port.received = 0;
    if (by_dma) {
        dma_init(0, 26, 0x00080000u, 0);
        dma_start(0, &R(USART2_BASE, 0x24), port.data, size);
        change_bits(&R(USART2_BASE, 0x08), 0, 1u);
        change_bits(&R(USART2_BASE, 0x08), 0, 1u << 6);
    } else {
        change_bits(&R(USART2_BASE, 0x08), 0, 1u);
        change_bits(&R(USART2_BASE, 0x00), 0, 1u << 8 | 1u << 5);
    }
    R(USART2_BASE, 0x20) = 1u << 4;
    change_bits(&R(USART2_BASE, 0x00), 0, 1u << 4);
}

static void transmit_by_dma(const char *text, uint32_t length)
{
    port.sent = 0;
    dma_init(1, 27, 0x00000008u, 1);
    dma_start(1, text, &R(USART2_BASE, 0x28), length);
    R(USART2_BASE, 0x20) = 1u << 6;
    change_bits(&R(USART2_BASE, 0x08), 0, 1u << 7);
}

static enum status aborted;
void USART2_IRQHandler(void)
{
    const uint32_t flags = R(USART2_BASE, 0x1C), control = R(USART2_BASE, 0x00);
    if (flags & control & 1u << 5) {
        port.data[port.size - port.left] = (uint8_t)R(USART2_BASE, 0x24);
        port.left--;
        return;
    }
    if (flags & control & 1u << 4) {
        R(USART2_BASE, 0x20) = 1u << 4;
        if (R(USART2_BASE, 0x08) & 1u << 6) {
            port.left = DMA(0, 0x48) & 0xFFFFu;
            if (port.left == 0 || port.left == port.size) { return; }
            change_bits(&R(USART2_BASE, 0x08), 1u << 6 | 1u, 0);
            change_bits(&R(USART2_BASE, 0x00), 1u << 4, 0);
            aborted = dma_abort(0);
        } else if (port.left == port.size) {
            return;
        } else {
            change_bits(&R(USART2_BASE, 0x00), 1u << 8 | 1u << 5 | 1u << 4, 0);
            change_bits(&R(USART2_BASE, 0x08), 1u, 0);
        }
        port.received = 1;
        return;
    }
    if (flags & control & 1u << 6) {
        change_bits(&R(USART2_BASE, 0x00), 1u << 6, 0);
        port.sent = 1;
    }
}

void GPDMA1_Channel0_IRQHandler(void) { dma_interrupt(0); }
void GPDMA1_Channel1_IRQHandler(void)
{
    dma_interrupt(1);
    change_bits(&R(USART2_BASE, 0x08), 1u << 7, 0);
    change_bits(&R(USART2_BASE, 0x00), 0, 1u << 6);
}

/* -- SPI: full duplex ----------------------------------------------------------------------------------------------------------- */

static struct {
    const uint8_t *out;
    uint8_t *in;
    uint32_t to_send, to_receive;
    volatile int done;
} spi;

static void spi_init(uint32_t packet)
{
    R(SPI1_BASE, 0x00) &= ~1u;
    R(SPI1_BASE, 0x00) |= 1u << 12;
    R(SPI1_BASE, 0x08) = 4u << 28 | 7u << 16 | (packet - 1u) << 5 | 7u;
    R(SPI1_BASE, 0x0C) = 1u << 31 | 1u << 26 | 1u << 22;
}

static void spi_begin(uint32_t length, uint32_t interrupts, uint32_t requests)
{
    MODIFY(R(SPI1_BASE, 0x04), 0xFFFFu, length);
    R(SPI1_BASE, 0x08) |= requests;
    R(SPI1_BASE, 0x00) |= 1u;
    R(SPI1_BASE, 0x10) |= interrupts;
    R(SPI1_BASE, 0x00) |= 1u << 9;
}

static enum status spi_close(void)
{
    const uint32_t flags = R(SPI1_BASE, 0x14);
    R(SPI1_BASE, 0x18) = 1u << 3;
    R(SPI1_BASE, 0x18) = 1u << 4;
    R(SPI1_BASE, 0x00) &= ~1u;
    R(SPI1_BASE, 0x10) &= ~0x36Fu;
    R(SPI1_BASE, 0x08) &= ~0xC000u;
    R(GPIOA_BASE, 0x18) = 1u << 4;
    return flags & 0x360u ? ERROR : OK;
}

static enum status spi_exchange(const uint8_t *out, uint8_t *in, uint32_t length, uint32_t packet)
{
    uint32_t to_send = length, to_receive = length;
    R(GPIOA_BASE, 0x18) = 1u << 20;
    spi_begin(length, 0, 0);
    for (const uint32_t start = tick; to_send > 0 || to_receive > 0;) {
        if (R(SPI1_BASE, 0x14) & 2u && to_send > 0) {
            if (to_send > 3 && packet > 3) {
                uint32_t word;
                memcpy(&word, out, 4);
                R(SPI1_BASE, 0x20) = word;
                out += 4;
                to_send -= 4;
            } else if (to_send > 1 && packet > 1) {
                uint16_t half;
                memcpy(&half, out, 2);
                R16(SPI1_BASE, 0x20) = half;
                out += 2;
                to_send -= 2;
            } else {
                R8(SPI1_BASE, 0x20) = *out++;
                to_send--;
            }
        }
        const uint32_t level = R(SPI1_BASE, 0x14) & 0xE000u;
        if (level && to_receive > 0) {
            if (level & 0x8000u) {
                const uint32_t word = R(SPI1_BASE, 0x30);
                memcpy(in, &word, 4);
                in += 4;
                to_receive -= 4;
            } else if (level > 0x2000u) {
                const uint16_t half = R16(SPI1_BASE, 0x30);
                memcpy(in, &half, 2);
                in += 2;
                to_receive -= 2;
            } else {
                *in++ = R8(SPI1_BASE, 0x30);
                to_receive--;
            }
        }
        if (tick - start >= 100u) { (void)spi_close(); return TIMEOUT; }
    }
    if (wait_for(&R(SPI1_BASE, 0x14), 8u, 8u, 100) != OK) { return TIMEOUT; }
    return spi_close();
}

static enum status spi_exchange_by_interrupt(const uint8_t *out, uint8_t *in, uint32_t length)
{
    spi.out = out; spi.in = in; spi.to_send = spi.to_receive = length; spi.done = 0;
    R(GPIOA_BASE, 0x18) = 1u << 20;
    MODIFY(R(SPI1_BASE, 0x04), 0xFFFFu, length);
    R(SPI1_BASE, 0x00) |= 1u;
    for (uint32_t filled = 0; R(SPI1_BASE, 0x14) & 2u && spi.to_send > 0; filled++) {
        if (filled == 16u) { return BUSY; }
        R8(SPI1_BASE, 0x20) = *spi.out++;
        spi.to_send--;
    }
    R(SPI1_BASE, 0x10) |= 0x36Cu; /* EOT DXP UDR OVR TIFRE MODF: what is left when all is sent is read at the end */
    R(SPI1_BASE, 0x00) |= 1u << 9;
    return wait_until(&spi.done, 100);
}

static enum status spi_exchange_by_dma(const uint8_t *out, uint8_t *in, uint32_t length)
{
    spi.to_send = spi.to_receive = 0; spi.done = 0;
    R(GPIOA_BASE, 0x18) = 1u << 20;
    R(SPI1_BASE, 0x08) &= ~0xC000u;
    dma_init(2, 6, 0x00080000u, 0);
    dma_start(2, &R(SPI1_BASE, 0x30), in, length);
    R(SPI1_BASE, 0x08) |= 1u << 14;
    dma_init(3, 7, 0x00000008u, 1);
    dma_start(3, out, &R(SPI1_BASE, 0x20), length);
    spi_begin(length, 0x360u, 1u << 15);
    return wait_until(&spi.done, 100);
}

void GPDMA1_Channel2_IRQHandler(void)
{
    dma_interrupt(2);
    R(SPI1_BASE, 0x10) |= 8u; /* the end of the transfer is still to come */
}
void GPDMA1_Channel3_IRQHandler(void) { dma_interrupt(3); }

void SPI1_IRQHandler(void)
{
    const uint32_t trigger = R(SPI1_BASE, 0x14) & R(SPI1_BASE, 0x10);
    int handled = 0;
    if (trigger & 4u && !(trigger & 0x40u)) {
        R8(SPI1_BASE, 0x20) = *spi.out++;
        *spi.in++ = R8(SPI1_BASE, 0x30);
        spi.to_receive--;
        if (--spi.to_send == 0) { R(SPI1_BASE, 0x10) &= ~6u; }
        handled = 1;
    }
    if (!handled && trigger & 1u) {
        *spi.in++ = R8(SPI1_BASE, 0x30);
        if (--spi.to_receive == 0) { R(SPI1_BASE, 0x10) &= ~1u; }
        handled = 1;
    }
    if (!handled && trigger & 2u) {
        R8(SPI1_BASE, 0x20) = *spi.out++;
        if (--spi.to_send == 0) { R(SPI1_BASE, 0x10) &= ~6u; }
        handled = 1;
    }
    if (handled) { return; }
    if (trigger & 8u) {
        R(SPI1_BASE, 0x18) = 8u;
        R(SPI1_BASE, 0x10) &= ~8u;
        while (spi.to_receive > 0 && R(SPI1_BASE, 0x14) & 0xE000u) {
            *spi.in++ = R8(SPI1_BASE, 0x30);
            spi.to_receive--;
        }
        spi.done = spi_close() == OK ? 1 : -1;
    }
}

/* -- I2C: memories --------------------------------------------------------------------------------------------------------------- */

static void i2c_configure(uint32_t address, uint32_t count, uint32_t mode, uint32_t request)
{
    MODIFY(R(I2C1_BASE, 0x04), 0x03FF67FFu, address << 1 | count << 16 | mode | request);
}
#define RELOAD (1u << 24)
#define AUTOEND (1u << 25)
#define SOFTEND 0u
#define START_WRITE (1u << 13)
#define START_READ (1u << 13 | 1u << 10)
#define GO_ON 0u

static enum status i2c_flag(uint32_t flag)
{
    for (const uint32_t start = tick; (R(I2C1_BASE, 0x18) & flag) == 0;) {
        if (R(I2C1_BASE, 0x18) & 1u << 4) {
            R(I2C1_BASE, 0x1C) = 1u << 4;
            (void)wait_for(&R(I2C1_BASE, 0x18), 1u << 5, 1u << 5, 25);
            R(I2C1_BASE, 0x1C) = 1u << 5;
            R(I2C1_BASE, 0x18) |= 1u;
            MODIFY(R(I2C1_BASE, 0x04), 0x03FF07FFu, 0);
            return ERROR;
        }
        if (tick - start > 25) { return TIMEOUT; }
    }
    return OK;
}

static enum status i2c_end(void)
{
    const enum status status = i2c_flag(1u << 5);
    if (status == OK) {
        R(I2C1_BASE, 0x1C) = 1u << 5;
        MODIFY(R(I2C1_BASE, 0x04), 0x03FF07FFu, 0);
    }
    return status;
}

static enum status memory_address(uint32_t place, uint32_t mode, uint32_t last)
{
    i2c_configure(0x50, 2, mode, START_WRITE);
    if (i2c_flag(2u) != OK) { return ERROR; }
    R(I2C1_BASE, 0x28) = place >> 8;
    if (i2c_flag(2u) != OK) { return ERROR; }
    R(I2C1_BASE, 0x28) = place & 0xFFu;
    return i2c_flag(last);
}

static enum status memory_write(uint32_t place, const char *data, uint32_t length)
{
    if (memory_address(place, RELOAD, 1u << 7) != OK) { return ERROR; }
    i2c_configure(0x50, length, AUTOEND, GO_ON);
    for (; length > 0; length--) {
        if (i2c_flag(2u) != OK) { return ERROR; }
        R(I2C1_BASE, 0x28) = (uint8_t)*data++;
    }
    return i2c_end();
}

static enum status memory_read(uint32_t place, char *data, uint32_t length, int by_dma)
{
    if (memory_address(place, SOFTEND, 1u << 6) != OK) { return ERROR; }
    if (by_dma) {
        dma_init(4, 12, 0x00080000u, 0);
        dma_start(4, &R(I2C1_BASE, 0x24), data, length);
    }
    i2c_configure(0x50, length, AUTOEND, START_READ);
    if (by_dma) {
        R(I2C1_BASE, 0x00) |= 1u << 15;
        const enum status status = i2c_end();
        R(I2C1_BASE, 0x00) &= ~(1u << 15);
        return status != OK || DMA(4, 0x48) & 0xFFFFu ? ERROR : OK;
    }
    for (; length > 0; length--) {
        if (i2c_flag(4u) != OK) { return ERROR; }
        *data++ = (char)R(I2C1_BASE, 0x24);
    }
    return i2c_end();
}

static uint32_t attempts_until_ready(void)
{
    for (uint32_t attempts = 1; attempts < 200; attempts++) {
        R(I2C1_BASE, 0x04) = 0x50u << 1 | 1u << 13 | AUTOEND;
        (void)wait_for(&R(I2C1_BASE, 0x18), 1u << 5, 1u << 5, 25);
        const uint32_t refused = R(I2C1_BASE, 0x18) & 1u << 4;
        R(I2C1_BASE, 0x1C) = 1u << 5 | 1u << 4;
        if (!refused) { return attempts; }
    }
    return 0;
}

/* -- converters, into a ring --------------------------------------------------------------------------------------------------------- */

static volatile uint16_t samples[4];
static volatile uint32_t node[8] __attribute__((aligned(32)));

static enum status adc_into_ring(void)
{
    R(ADC1_BASE, 0x08) &= ~(1u << 29);
    MODIFY(R(ADC1_BASE, 0x08), 0x8000003Fu, 1u << 28);
    if (wait_for(&R(ADC1_BASE, 0x00), 1u << 12, 1u << 12, 5) != OK) { return TIMEOUT; }
    MODIFY(R(ADC1_BASE, 0x08), 0x3Fu, 1u << 31);
    if (wait_for(&R(ADC1_BASE, 0x08), 1u << 31, 0, 100) != OK) { return TIMEOUT; }
    R(ADC1_BASE, 0x00) = 1u;
    MODIFY(R(ADC1_BASE, 0x08), 0x8000003Fu, 1u);
    if (wait_for(&R(ADC1_BASE, 0x00), 1u, 1u, 2) != OK) { return TIMEOUT; }
    R(ADC1_BASE, 0x1C) = 1u << 9;
    R(ADC1_BASE, 0x14) = 7u << 27;
    R(ADC1_BASE, 0x30) = 9u << 6;
    /* a queue of one node that names itself, as HAL_DMAEx_List_Start_IT takes it */
    DMA(5, 0x14) |= 6u;
    MODIFY(DMA(5, 0x14), 3u << 22 | 1u << 17 | 1u << 16, 0);
    for (uint32_t offset = 0x40; offset <= 0x50; offset += 4) { DMA(5, offset) = 0; }
    node[0] = 0x00090001u;
    node[1] = 0;
    node[2] = sizeof samples;
    node[3] = (uint32_t)&R(ADC1_BASE, 0x40);
    node[4] = (uint32_t)samples;
    node[5] = 0xF8010000u | ((uint32_t)node & 0xFFFCu);
    DMA(5, 0x0C) = 0x7F00u;
    DMA(5, 0x14) |= EVERY_DMA_INTERRUPT;
    DMA(5, 0x00) = (uint32_t)node & 0xFFFF0000u;
    DMA(5, 0x7C) = node[5];
    DMA(5, 0x14) |= 1u;
    R(ADC1_BASE, 0x00) = 0x1Eu;
    MODIFY(R(ADC1_BASE, 0x0C), 3u, 3u | 1u << 13 | 1u << 12); /* circular requests, continuous, overwriting */
    MODIFY(R(ADC1_BASE, 0x08), 0x8000003Fu, 1u << 2);
    for (const uint32_t start = tick; (dma_complete & 1u << 5) == 0;) {
        if (tick - start > 10) { return TIMEOUT; }
    }
    if (dma_suspend(5) != OK) { return ERROR; }
    delay(1);
    DMA(5, 0x14) &= ~4u;
    DMA(5, 0x0C) = 1u << 13;
    dma_complete = 0;
    for (const uint32_t start = tick; (dma_complete & 1u << 5) == 0;) {
        if (tick - start > 10) { return TIMEOUT; }
    }
    R(ADC1_BASE, 0x08) |= 1u << 4;
    if (wait_for(&R(ADC1_BASE, 0x08), 1u << 4 | 1u << 2, 0, 5) != OK) { return TIMEOUT; }
    if (dma_abort(5) != OK) { return ERROR; }
    R(ADC1_BASE, 0x08) |= 1u << 1;
    return wait_for(&R(ADC1_BASE, 0x08), 1u, 0, 2);
}
void GPDMA1_Channel4_IRQHandler(void) { dma_interrupt(4); }
void GPDMA1_Channel5_IRQHandler(void) { dma_interrupt(5); }

/* -- small blocks ------------------------------------------------------------------------------------------------------------------------ */

static enum status random_numbers(void)
{
    MODIFY(R(RNG_BASE, 0x00), 0x4FFFFF20u, 0x40F00D40u); /* CONDRST with the configuration */
    MODIFY(R(RNG_BASE, 0x00), 1u << 30, 0);
    if (wait_for(&R(RNG_BASE, 0x00), 1u << 30, 0, 16) != OK) { return TIMEOUT; }
    R(RNG_BASE, 0x00) |= 4u;
    if (R(RNG_BASE, 0x04) & 4u) { return ERROR; }
    if (wait_for(&R(RNG_BASE, 0x04), 1u, 1u, 2) != OK) { return TIMEOUT; }
    const uint32_t one = R(RNG_BASE, 0x08);
    if (wait_for(&R(RNG_BASE, 0x04), 1u, 1u, 2) != OK) { return TIMEOUT; }
    return one != R(RNG_BASE, 0x08) ? OK : ERROR;
}

static volatile uint32_t low_power_wraps;
void LPTIM1_IRQHandler(void)
{
    if (R(LPTIM1_BASE, 0x00) & R(LPTIM1_BASE, 0x08) & 2u) {
        R(LPTIM1_BASE, 0x04) = 2u;
        low_power_wraps++;
    }
}

static enum status low_power_timer(void)
{
    (void)mvPeriphPoke32(RCC_BASE + 0xE8, 3u << 10, 2u << 10); /* from HSI16 */
    MODIFY(R(LPTIM1_BASE, 0x0C), 0xFE0Cu, 0);
    R(LPTIM1_BASE, 0x10) |= 1u;
    R(LPTIM1_BASE, 0x04) = 1u << 4;
    R(LPTIM1_BASE, 0x18) = 15999;
    if (wait_for(&R(LPTIM1_BASE, 0x00), 1u << 4, 1u << 4, 10) != OK) { return TIMEOUT; }
    R(LPTIM1_BASE, 0x04) = 1u << 24;
    R(LPTIM1_BASE, 0x08) |= 2u;
    if (wait_for(&R(LPTIM1_BASE, 0x00), 1u << 24, 1u << 24, 10) != OK) { return TIMEOUT; }
    R(LPTIM1_BASE, 0x10) |= 4u;
    delay(20);
    return low_power_wraps >= 19 && low_power_wraps <= 22 ? OK : ERROR;
}

static enum status watchdog(void)
{
    R(IWDG_BASE, 0x00) = 0xCCCCu;
    R(IWDG_BASE, 0x00) = 0x5555u;
    R(IWDG_BASE, 0x04) = 2;
    R(IWDG_BASE, 0x08) = 0xFFF;
    R(IWDG_BASE, 0x14) = 0;
    if (wait_for(&R(IWDG_BASE, 0x0C), 0xFu, 0, 50) != OK) { return TIMEOUT; }
    R(IWDG_BASE, 0x10) = 0xFFF;
    if (wait_for(&R(IWDG_BASE, 0x0C), 0xFu, 0, 50) != OK) { return TIMEOUT; }
    R(IWDG_BASE, 0x00) = 0xAAAAu;
    return OK;
}

static volatile int pulse_over;
void TIM3_IRQHandler(void)
{
    R(TIM3_BASE, 0x10) = ~1u;
    pulse_over++;
}

static enum status one_pulse(void)
{
    R(TIM3_BASE, 0x28) = 159;
    R(TIM3_BASE, 0x2C) = 999;
    R(TIM3_BASE, 0x14) = 1;
    R(TIM3_BASE, 0x10) = ~1u;
    R(TIM3_BASE, 0x00) |= 1u << 3;
    R(TIM3_BASE, 0x0C) |= 1u;
    R(TIM3_BASE, 0x00) |= 1u;
    delay(4);
    return pulse_over == 1 && (R(TIM3_BASE, 0x00) & 1u) == 0 ? OK : ERROR;
}

int main(void)
{
    static const uint8_t enable[] = {6}, status[] = {5, 0};
    static uint8_t out[20] = {2, 0, 64}, in[20];
    char text[8] = {0};

    (void)mvServerLoggingInit(log_buffer, sizeof log_buffer);
    (void)SysTick_Config(160000);
    for (IRQn_Type irq = GPDMA1_Channel0_IRQn; irq <= GPDMA1_Channel5_IRQn; irq++) { NVIC_EnableIRQ(irq); }
    NVIC_SetPriority(SysTick_IRQn, 0); /* handlers below wait by it */
    for (IRQn_Type irq = GPDMA1_Channel0_IRQn; irq <= GPDMA1_Channel5_IRQn; irq++) { NVIC_SetPriority(irq, 5); }
    NVIC_SetPriority(USART2_IRQn, 5);
    NVIC_EnableIRQ(USART2_IRQn);
    NVIC_EnableIRQ(SPI1_IRQn);
    NVIC_EnableIRQ(LPTIM1_IRQn);
    NVIC_EnableIRQ(TIM3_IRQn);

    uart_init();
    receive_until_idle(sizeof port.data, 0);
    printf("by interrupt %s: %.*s\n", name(wait_until(&port.received, 100)), (int)(port.size - port.left), port.data);
    receive_until_idle(sizeof port.data, 1);
    printf("by dma %s: %.*s, %s\n", name(wait_until(&port.received, 100)), (int)(port.size - port.left), port.data,
           name(aborted));
    transmit_by_dma("sent by dma\n", 12);
    printf("sent %s\n", name(wait_until(&port.sent, 100)));

    R(GPIOA_BASE, 0x18) = 1u << 4;
    MODIFY(R(GPIOA_BASE, 0x00), 3u << 8, 1u << 8);
    spi_init(1);
    printf("enabled %s\n", name(spi_exchange(enable, in, 1, 1)));
    memcpy(out + 3, "kept on the bus", 15);
    spi_init(4);
    printf("written %s\n", name(spi_exchange(out, in, 18, 4)));
    spi_init(1);
    do {
        if (spi_exchange_by_interrupt(status, in, 2) != OK) { printf("status lost\n"); }
    } while (in[1] & 1u);
    out[0] = 3;
    memset(in, 0, sizeof in);
    printf("read %s: %.15s\n", name(spi_exchange_by_interrupt(out, in, 18)), in + 3);
    memset(in, 0, sizeof in);
    printf("read by dma %s: %.15s\n", name(spi_exchange_by_dma(out, in, 18)), in + 3);
    spi_init(4);
    memset(in, 0, sizeof in);
    printf("read in packets %s: %.15s\n", name(spi_exchange(out, in, 18, 4)), in + 3);

    R(I2C1_BASE, 0x10) = 0x30909DECu;
    R(I2C1_BASE, 0x00) = 1u;
    printf("stored %s\n", name(memory_write(0x1234, "memory", 6)));
    printf("%s\n", attempts_until_ready() > 3 ? "it was busy" : "it was not busy");
    printf("recalled %s: ", name(memory_read(0x1234, text, 6, 0)));
    printf("%s\n", text);
    memset(text, 0, sizeof text);
    printf("recalled by dma %s: ", name(memory_read(0x1236, text, 4, 1)));
    printf("%s\n", text);

    printf("converted %s: %s\n", name(adc_into_ring()), samples[3] > 8000 && samples[3] < 8400 ? "half" : "wrong");
    printf("random %s, low power %s, pulse %s, ", name(random_numbers()), name(low_power_timer()), name(one_pulse()));
    printf("watchdog %s\n", name(watchdog()));
    for (;;) {
        __WFI();
        R(IWDG_BASE, 0x00) = 0xAAAAu;
    }
}
