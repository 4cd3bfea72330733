/* Accesses to peripherals, N of one kind (WORK), then a breakpoint: what drivers spend their time on. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define GPIOC 0x42020800u
#define GPIO_MODER REG(GPIOC + 0x00)
#define GPIO_BSRR REG(GPIOC + 0x18)
#define TIM2 0x40000000u
#define USART2 0x40004400u
#define USART_CR1 REG(USART2 + 0x00)
#define USART_BRR REG(USART2 + 0x0C)
#define USART_ISR REG(USART2 + 0x1C)
#define USART_TDR REG(USART2 + 0x28)
#define NVIC_ISER1 REG(0xE000E104u)
enum { USART2_IRQ = 62, RXNE = 1 << 5, TXE = 1 << 7, TXEIE = 1 << 7, TE = 1 << 3, UE = 1 << 0 };

static volatile uint32_t left;

static inline void gpio_toggles(void)
{
    GPIO_MODER = 0x55555555u;
    for (uint32_t i = 0; i < N; i += 2) {
        GPIO_BSRR = 1u << 2;
        GPIO_BSRR = 1u << (2 + 16);
    }
}

static inline void counter_reads(void)
{
    REG(TIM2 + 0x00) = 1;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < N; i++) sum += REG(TIM2 + 0x24);
    left = sum;
}

static inline void flag_polls(void)
{
    for (uint32_t i = 0; i < N && !(USART_ISR & RXNE); i++) { }
}

static inline void uart_start(uint32_t more)
{
    USART_BRR = 160; /* one million baud */
    USART_CR1 = UE | TE | more;
}

static inline void uart_polled(void)
{
    uart_start(0);
    for (uint32_t i = 0; i < N; i++) {
        while (!(USART_ISR & TXE)) { }
        USART_TDR = i % 64 == 63 ? '\n' : 'x';
    }
}

void on_usart2(void)
{
    if (left == 0) USART_CR1 = UE | TE;
    else USART_TDR = --left % 64 == 0 ? '\n' : 'x';
}

static inline void uart_by_interrupt(void)
{
    left = N;
    NVIC_ISER1 = 1u << (USART2_IRQ - 32);
    uart_start(TXEIE);
    while (left != 0) __asm volatile ("wfi");
}

void start(void)
{
    WORK();
    for (;;) __asm volatile ("bkpt");
}

extern uint32_t stack_top[];
__attribute__((section(".vectors"), used)) void *const vectors[16 + 140] = {
    [0] = stack_top, [1] = (void *)start, [16 + USART2_IRQ] = (void *)on_usart2,
};
