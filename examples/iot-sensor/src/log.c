#include "log.h"

#include <stdarg.h>
#include <stdio.h>

#include "stm32u585.h"

#define LONGEST_LINE 127

/* The kernel keeps it for as long as the application runs; it wants both address and size in multiples of 512. */
static uint8_t log_buffer[4096] __attribute__((aligned(512)));

void log_start(void)
{
    /* Without a log there is nobody to complain to, and an application must not depend on being watched. */
    (void)mvServerLoggingInit(log_buffer, sizeof log_buffer);
}

void log_line(const char *format, ...)
{
    char line[LONGEST_LINE + 1];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);

    if (length < 0) {
        return;
    }
    if (length > LONGEST_LINE) {
        length = LONGEST_LINE; /* vsnprintf returns what it would have liked to write */
    }
    /* The kernel refuses a line when its buffer is full, as it is after a while offline. The line is lost then. */
    (void)mvServerLog((const uint8_t *)line, (uint16_t)length);
}

bool succeeded(enum MvStatus status, const char *what)
{
    if (status != MV_STATUS_OKAY) {
        log_line("%s failed with status 0x%x", what, (unsigned)status);
    }
    return status == MV_STATUS_OKAY;
}

void require(enum MvStatus status, const char *what)
{
    if (succeeded(status, what)) {
        return;
    }
    __disable_irq();
    for (;;) {
        __WFI();
    }
}
