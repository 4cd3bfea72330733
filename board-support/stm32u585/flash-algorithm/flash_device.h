/* The description that a flash algorithm carries, as CMSIS-Pack defines it ("Flash Programming", version 1.1). */
#ifndef FLASH_DEVICE_H
#define FLASH_DEVICE_H

#include <stdint.h>

#define FLASH_DEVICE_VERSION 0x0101u
#define FLASH_DEVICE_ON_CHIP 1u
#define FLASH_SECTORS_END 0xFFFFFFFFu

struct flash_sectors {
    uint32_t size;   /* bytes of each sector from here on */
    uint32_t offset; /* from the start of the device */
};

struct flash_device {
    uint16_t version;
    char name[128];
    uint16_t type;
    uint32_t address;
    uint32_t size;
    uint32_t page_size; /* the most that ProgramPage takes */
    uint32_t reserved;
    uint8_t empty; /* what an erased byte reads as */
    uint32_t program_timeout_ms;
    uint32_t erase_timeout_ms;
    struct flash_sectors sectors[2];
};

_Static_assert(sizeof(struct flash_device) == 176, "readers of the description count its bytes");

#endif
