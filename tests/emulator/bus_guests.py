"""Guests that use buses, converters and DMA in the order in which the vendor's drivers do it."""

from __future__ import annotations

DMA = """
/* Channel n of GPDMA1, its registers by their offsets. */
#define DMA(n, offset) REG(GPDMA1_BASE + 0x50u + 0x80u * (n), offset)

static inline void dma_start(uint32_t n, uint32_t tr1, uint32_t tr2, const volatile void *from, volatile void *to,
                             uint32_t length)
{
    DMA(n, 0x14) |= 6u;
    DMA(n, 0x0C) = 0x7F00u;
    DMA(n, 0x40) = tr1;
    DMA(n, 0x44) = tr2;
    DMA(n, 0x48) = length;
    DMA(n, 0x4C) = (uint32_t)from;
    DMA(n, 0x50) = (uint32_t)to;
    DMA(n, 0x14) |= 0x7D01u;
}
"""

SPI_EEPROM = """
#define SPI(offset) REG(SPI1_BASE, offset)
#define NARROW(offset) (*(volatile uint8_t *)(SPI1_BASE + (offset)))

static void exchange(const uint8_t *out, uint8_t *in, uint32_t length)
{
    uint32_t sent = 0, received = 0;
    GPIOA->BSRR = 1u << 20;
    SPI(0x04) = length;
    SPI(0x00) |= 1u;
    SPI(0x00) |= 1u << 9;
    while (sent < length || received < length) {
        if (sent < length && (SPI(0x14) & 2u)) { NARROW(0x20) = out[sent++]; }
        if (SPI(0x14) & 0xE000u) { in[received++] = NARROW(0x30); }
    }
    while (!(SPI(0x14) & 8u)) { }
    SPI(0x18) = 0x18u;
    SPI(0x00) &= ~1u;
    GPIOA->BSRR = 1u << 4;
}

int main(void)
{
    static const uint8_t enable[] = { 6 }, status[] = { 5, 0 };
    static const uint8_t write[] = { 2, 0, 8, 'k', 'e', 'p', 't' }, read[] = { 3, 0, 8, 0, 0, 0, 0 };
    uint8_t in[8] = { 0 };
    uint32_t polls = 0;
    log_start();
    GPIOA->BSRR = 1u << 4;
    REG(GPIOA_BASE, 0x00) = (REG(GPIOA_BASE, 0x00) & ~(3u << 8)) | (1u << 8);
    SPI(0x00) = 1u << 12;
    SPI(0x08) = 4u << 28 | 7u;
    SPI(0x0C) = 1u << 22 | 1u << 26 | 1u << 31;
    exchange(enable, in, 1);
    exchange(write, in, 7);
    do { exchange(status, in, 2); polls++; } while (in[1] & 1u);
    exchange(read, in, 7);
    in[7] = 0;
    log_text((char *)in + 3);
    log_text(polls > 100u ? "took a while" : "at once");
    for (;;) { __WFI(); }
}
"""

DMA_COPY = (
    DMA
    + """
static uint32_t from[256], to[256];
static volatile uint32_t halves, wholes, errors;
void GPDMA1_Channel3_IRQHandler(void)
{
    const uint32_t flags = DMA(3, 0x10);
    DMA(3, 0x0C) = flags & 0x7F00u;
    if (flags & 0x200u) { halves++; }
    if (flags & 0x100u) { wholes++; }
    if (flags & 0x400u) { errors++; }
}

int main(void)
{
    log_start();
    for (uint32_t i = 0; i < 256u; i++) { from[i] = i * 0x01010101u; }
    NVIC_EnableIRQ(GPDMA1_Channel3_IRQn);
    dma_start(3, 0x000A000Au, 0x200u, from, to, sizeof from);
    while (!wholes) { __WFI(); }
    log_text(memcmp(from, to, sizeof from) == 0 && halves == 1u && wholes == 1u ? "copied" : "wrong");
    dma_start(3, 0x000A000Au, 0x200u, (void *)0x10000000u, to, 4);
    while (DMA(3, 0x14) & 1u) { }
    log_text(errors == 1u && wholes == 1u ? "refused" : "accepted");
    for (;;) { __WFI(); }
}
"""
)

UART_RING = (
    DMA
    + """
/* Reception into a ring that a linked-list node closes, told at every idle line; what came is sent back by DMA. */
static uint8_t ring[16], answer[16];
static uint32_t node[1] __attribute__((aligned(16)));
static volatile int idle, sent;

void USART2_IRQHandler(void)
{
    if (REG(USART2_BASE, ISR) & (1u << 4)) { REG(USART2_BASE, ICR) = 1u << 4; idle = 1; }
}

void GPDMA1_Channel1_IRQHandler(void)
{
    DMA(1, 0x0C) = 0x7F00u;
    sent = 1;
}

int main(void)
{
    uint32_t tail = 0;
    tick_start();
    node[0] = (uint32_t)ring;
    DMA(0, 0x00) = (uint32_t)node & 0xFFFF0000u;
    DMA(0, 0x7C) = 1u << 27 | ((uint32_t)node & 0xFFFCu);
    REG(USART2_BASE, 0x08) = 0xC0u;
    dma_start(0, 0x00080000u, 26u, (void *)(USART2_BASE + RDR), ring, sizeof ring);
    NVIC_EnableIRQ(USART2_IRQn);
    NVIC_EnableIRQ(GPDMA1_Channel1_IRQn);
    (void)uart_start(1u << 4);
    for (;;) {
        while (!idle) { __WFI(); }
        idle = 0;
        const uint32_t head = (uint32_t)(DMA(0, 0x50) - (uint32_t)ring) % sizeof ring;
        uint32_t length = 0;
        while (tail != head) { answer[length++] = ring[tail]; tail = (tail + 1u) % sizeof ring; }
        sent = 0;
        dma_start(1, 0x00000008u, 27u | 1u << 10, answer, (void *)(USART2_BASE + TDR), length);
        while (!sent) { __WFI(); }
    }
}
"""
)

ADC_SCAN = (
    DMA
    + """
#define ADC(offset) REG(ADC1_BASE, offset)
static volatile uint16_t samples[8];
static volatile int complete;
void GPDMA1_Channel0_IRQHandler(void)
{
    if (DMA(0, 0x10) & 0x100u) { complete = 1; }
    DMA(0, 0x0C) = 0x7F00u;
}

static void log_number(uint32_t number)
{
    char text[11], *end = text + 10;
    *end = 0;
    do { *--end = (char)('0' + number % 10u); number /= 10u; } while (number);
    log_text(end);
}

int main(void)
{
    log_start();
    REG(ADC12_COMMON_BASE, 0) = 2u << 18 | 7u << 22;
    ADC(0x08) &= ~(1u << 29);
    ADC(0x08) = (ADC(0x08) & 0x7FFFFFC0u) | 1u << 28;
    while (!(ADC(0x00) & 1u << 12)) { }
    ADC(0x08) = (ADC(0x08) & 0x7FFFFFC0u) | 1u << 31;
    while (ADC(0x08) & 1u << 31) { }
    ADC(0x00) = 1u;
    ADC(0x08) = (ADC(0x08) & 0x7FFFFFC0u) | 1u;
    while (!(ADC(0x00) & 1u)) { }
    ADC(0x1C) = 1u << 9;
    ADC(0x14) = 5u << 27 | 5u;
    ADC(0x18) = 5u << 27;
    ADC(0x30) = 2u | 0u << 6 | 19u << 12 | 9u << 18;
    ADC(0x0C) = 1u;
    NVIC_EnableIRQ(GPDMA1_Channel0_IRQn);
    dma_start(0, 0x00090001u, 0u, (void *)(ADC1_BASE + 0x40u), samples, 6);
    ADC(0x08) = (ADC(0x08) & 0x7FFFFFC0u) | 1u << 2;
    while (!complete) { __WFI(); }
    const uint32_t reference = 3000u * *(uint16_t *)0x0BFA07A5 / samples[0];
    const uint32_t cold = *(uint16_t *)0x0BFA0710, hot = *(uint16_t *)0x0BFA0742;
    log_number(reference);
    log_number((samples[1] * reference / 3000u - cold) * 100u / (hot - cold) + 30u);
    log_number(samples[2] * reference / 16383u);
    for (;;) { __WFI(); }
}
"""
)

MOTION = """
#define I2C(offset) REG(I2C1_BASE, offset)
static volatile uint32_t moved;

void EXTI3_IRQHandler(void)
{
    REG(EXTI_BASE, 0x0C) = 1u << 3;
    moved++;
}

static void wait(uint32_t flag) { while (!(I2C(0x18) & flag)) { } }

static void set(uint8_t address, uint8_t value)
{
    I2C(0x04) = 0x18u << 1 | 2u << 16 | 1u << 25 | 1u << 13;
    wait(2u);
    I2C(0x28) = address;
    wait(2u);
    I2C(0x28) = value;
    wait(1u << 5);
    I2C(0x1C) = 1u << 5;
}

static uint8_t get(uint8_t address)
{
    I2C(0x04) = 0x18u << 1 | 1u << 16 | 1u << 13;
    wait(2u);
    I2C(0x28) = address;
    wait(1u << 6);
    I2C(0x04) = 0x18u << 1 | 1u << 10 | 1u << 16 | 1u << 25 | 1u << 13;
    wait(4u);
    const uint8_t value = (uint8_t)I2C(0x24);
    wait(1u << 5);
    I2C(0x1C) = 1u << 5;
    return value;
}

int main(void)
{
    log_start();
    I2C(0x10) = 0x30909DECu;
    I2C(0x00) = 1u;
    log_text(get(0x0F) == 0x33u ? "found" : "missing");
    REG(GPIOF_BASE, 0x00) &= ~(3u << 6);
    REG(EXTI_BASE, 0x60) = 5u << 24;
    REG(EXTI_BASE, 0x00) |= 1u << 3;
    REG(EXTI_BASE, 0x80) |= 1u << 3;
    NVIC_EnableIRQ(EXTI3_IRQn);
    set(0x22, 0x40);
    set(0x24, 0x08);
    set(0x32, 32);
    set(0x30, 0x02);
    set(0x20, 0x57);
    for (uint32_t seen = 0;;) {
        __WFI();
        if (moved != seen) {
            seen = moved;
            log_text(get(0x31) & 0x40u ? "moved" : "what?");
        }
    }
}
"""
