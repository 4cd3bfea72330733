/* Log lines: on the screen under `mvsdk emulate`, in the cloud from a device. */

#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

#include "mv_syscalls.h"

/* Give the kernel the buffer its log messages wait in. Call it once, before anything else here. */
void log_start(void);

/* Log one line, as printf() would format it; at most 127 characters of it. Not for interrupt handlers. */
__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);

/* Go on if the system call `what` succeeded; otherwise say so in the log and stand still. */
void require(enum MvStatus status, const char *what);

/* Whether the system call `what` succeeded. If it did not, the log says so. */
bool succeeded(enum MvStatus status, const char *what);

#endif
