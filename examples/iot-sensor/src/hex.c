#include "hex.h"

/* The value of a digit; 16 for what is none. */
static uint32_t digit(char character)
{
    if (character >= '0' && character <= '9') {
        return (uint32_t)(character - '0');
    }
    if (character >= 'a' && character <= 'f') {
        return (uint32_t)(character - 'a') + 10U;
    }
    if (character >= 'A' && character <= 'F') {
        return (uint32_t)(character - 'A') + 10U;
    }
    return 16U;
}

bool hex_decode(char *text, uint32_t *length)
{
    uint32_t count = 0;

    for (; text[2U * count] != '\0'; count++) {
        const uint32_t high = digit(text[2U * count]);
        const uint32_t low = high > 15U ? 16U : digit(text[2U * count + 1U]);

        if (low > 15U) {
            return false;
        }
        text[count] = (char)(high << 4 | low);
    }
    *length = count;
    return true;
}
