#include "thermometer.h"

#include "i2c.h"

#define ADDRESS 0x18U
#define AMBIENT_REGISTER 0x05U

bool thermometer_read(int32_t *centidegrees)
{
    uint8_t data[2];

    if (!i2c_read(ADDRESS, AMBIENT_REGISTER, data, sizeof data)) {
        return false;
    }
    /* 13 bits of two's complement in sixteenths of a degree; the three above compare with limits (data sheet, 5.1.3). */
    const int32_t magnitude = (data[0] & 0x0F) << 8 | data[1];
    const int32_t sixteenths = data[0] & 0x10 ? magnitude - 0x1000 : magnitude;

    *centidegrees = sixteenths * 100 / 16;
    return true;
}
