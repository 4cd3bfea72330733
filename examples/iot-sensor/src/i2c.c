/* Registers and bits: RM0456 "STM32U5 series reference manual", chapter "Inter-integrated circuit interface". */

#include "i2c.h"

#include "clock.h"
#include "log.h"
#include "mv_syscalls.h"
#include "stm32u585.h"

#define RCC_APB1ENR1_I2C1EN (1UL << 21)
#define SCL_PIN 8U
#define SDA_PIN 9U
#define ALTERNATE_FUNCTION 4U

typedef struct {
    volatile uint32_t CR1;
    volatile uint32_t CR2;
    volatile uint32_t OAR1;
    volatile uint32_t OAR2;
    volatile uint32_t TIMINGR;
    volatile uint32_t TIMEOUTR;
    volatile uint32_t ISR;
    volatile uint32_t ICR;
    volatile uint32_t PECR;
    volatile uint32_t RXDR;
    volatile uint32_t TXDR;
} I2C_TypeDef;

#define I2C1 ((I2C_TypeDef *)I2C1_BASE)

#define CR1_PE (1UL << 0)
#define CR2_RD_WRN (1UL << 10)
#define CR2_START (1UL << 13)
#define CR2_AUTOEND (1UL << 25)
#define CR2_NBYTES(count) ((uint32_t)(count) << 16)
#define CR2_ADDRESS(address) ((uint32_t)(address) << 1)
#define ISR_TXIS (1UL << 1)
#define ISR_RXNE (1UL << 2)
#define ISR_NACKF (1UL << 4)
#define ISR_STOPF (1UL << 5)
#define ISR_TC (1UL << 6)

/* A bus that something holds down: a whole transfer takes less than a millisecond. */
#define PATIENCE_MS 200U

/* Counted in steps of 50 ns: high for 4 µs, low for 5, data held for 0.1 and set up for 0.25, edges on top of that. */
#define STEPS_PER_SECOND 20000000U
#define TIMING(prescaler) (((prescaler) - 1U) << 28 | 4U << 20 | 2U << 16 | 79U << 8 | 99U)

static void connect_pin(uint32_t pin)
{
    const uint32_t shift = 4U * (pin % 8U);

    GPIOB->OTYPER |= 1UL << pin; /* open drain: the bus has pull-ups */
    GPIOB->AFR[pin / 8U] = (GPIOB->AFR[pin / 8U] & ~(0xFUL << shift)) | ALTERNATE_FUNCTION << shift;
    GPIOB->MODER = (GPIOB->MODER & ~(3UL << (2U * pin))) | 2UL << (2U * pin);
}

void i2c_start(void)
{
    uint32_t hz = 0;

    /* The clock controller belongs to the kernel, the bus and the pins to the application. */
    require(mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOBEN, RCC_AHB2ENR1_GPIOBEN), "mvPeriphPoke32");
    require(mvPeriphPoke32(RCC_APB1ENR1, RCC_APB1ENR1_I2C1EN, RCC_APB1ENR1_I2C1EN), "mvPeriphPoke32");
    require(mvGetPClk1(&hz), "mvGetPClk1");

    connect_pin(SCL_PIN);
    connect_pin(SDA_PIN);
    I2C1->TIMINGR = TIMING(hz / STEPS_PER_SECOND);
    I2C1->CR1 = CR1_PE;
}

/* Wait for a flag. False if the other side does not acknowledge, or nothing happens. */
static bool flag(uint32_t wanted)
{
    const uint32_t start_ms = clock_ms();

    while (clock_ms() - start_ms < PATIENCE_MS) {
        const uint32_t status = I2C1->ISR;

        if (status & ISR_NACKF) {
            return false;
        }
        if (status & wanted) {
            return true;
        }
    }
    return false;
}

static bool transfer(uint8_t address, uint8_t device_register, uint8_t *data, uint32_t length)
{
    /* Write which register, and begin to read without letting go of the bus. */
    I2C1->CR2 = CR2_ADDRESS(address) | CR2_NBYTES(1) | CR2_START;
    if (!flag(ISR_TXIS)) {
        return false;
    }
    I2C1->TXDR = device_register;
    if (!flag(ISR_TC)) {
        return false;
    }
    I2C1->CR2 = CR2_ADDRESS(address) | CR2_NBYTES(length) | CR2_RD_WRN | CR2_START | CR2_AUTOEND;
    for (uint32_t i = 0; i < length; i++) {
        if (!flag(ISR_RXNE)) {
            return false;
        }
        data[i] = (uint8_t)I2C1->RXDR;
    }
    return flag(ISR_STOPF);
}

bool i2c_read(uint8_t address, uint8_t device_register, uint8_t *data, uint32_t length)
{
    const bool done = transfer(address, device_register, data, length);

    I2C1->ICR = ISR_NACKF | ISR_STOPF;
    if (!done) {
        /* Switching it off for a moment is the bus's own reset; it takes three of its cycles, which reading back does. */
        I2C1->CR1 = 0;
        (void)I2C1->CR1;
        I2C1->CR1 = CR1_PE;
    }
    return done;
}
