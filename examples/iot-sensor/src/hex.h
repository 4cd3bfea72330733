/* Bytes written as hexadecimal digits: the configuration store keeps text only. */

#ifndef HEX_H
#define HEX_H

#include <stdbool.h>
#include <stdint.h>

/* Turn a text of digits into the bytes it stands for, in the same place. False if it is not two digits for each byte. */
bool hex_decode(char *text, uint32_t *length);

#endif
