/* The MCP9808 temperature sensor at address 0x18 of the I2C bus. */

#ifndef THERMOMETER_H
#define THERMOMETER_H

#include <stdbool.h>
#include <stdint.h>

/* Read the temperature in hundredths of a degree Celsius. False if the sensor does not answer. */
bool thermometer_read(int32_t *centidegrees);

#endif
