/* The I2C bus on PB8 (clock) and PB9 (data), 100 kHz. */

#ifndef I2C_H
#define I2C_H

#include <stdbool.h>
#include <stdint.h>

/* Switch bus and pins on. */
void i2c_start(void);

/* Read a register of the device at a 7-bit address; at most 255 bytes. False if it does not answer. */
bool i2c_read(uint8_t address, uint8_t device_register, uint8_t *data, uint32_t length);

#endif
