/*
 * What newlib needs from the system below it. Every function is weak: an application that brings its own wins.
 *
 * There are no files and no processes. Memory comes from behind the program's data, time from the kernel's wall clock,
 * and what is printed goes to the log, so printf() works as soon as mvServerLoggingInit() has been called.
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/types.h>

#include "mv_syscalls.h"

/* `used`: link-time optimisation does not see the calls that come from the library. */
#define STUB __attribute__((weak, used))

/* The longest message mvServerLog() takes. */
#define LONGEST_MESSAGE 1024U

enum { STANDARD_OUTPUT = 1, STANDARD_ERROR = 2 };

/* Placed by the linker script: where the heap begins, where the main stack begins (it grows down), and what is kept for
   that stack. The address of _Min_Stack_Size is the size itself. */
extern uint8_t end[];
extern uint8_t _estack[];
extern uint8_t _Min_Stack_Size[];

/* The limit is the room kept for the main stack, not the stack pointer: in an RTOS task that points somewhere else. */
STUB void *_sbrk(ptrdiff_t increment)
{
    static uintptr_t heap_end = (uintptr_t)end;
    const uintptr_t lowest = (uintptr_t)end;
    const uintptr_t limit = (uintptr_t)_estack - (uintptr_t)_Min_Stack_Size;
    const uintptr_t previous = heap_end;

    if (increment > (ptrdiff_t)(limit - previous) || increment < -(ptrdiff_t)(previous - lowest)) {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap_end = previous + (uintptr_t)increment;
    return (void *)previous;
}

static void log_line(const char *line, size_t length)
{
    while (length > 0) {
        const size_t piece = length < LONGEST_MESSAGE ? length : LONGEST_MESSAGE;

        /* A message the kernel refuses is lost, as a character is on a serial line nobody listens to. */
        (void)mvServerLog((const uint8_t *)line, (uint16_t)piece);
        line += piece;
        length -= piece;
    }
}

/* One message per line, without its line end. stdio hands over whole lines, unless it is flushed in the middle of one. */
STUB int _write(int file, const char *text, int length)
{
    const char *rest = text;
    size_t left = (size_t)length;

    if (file != STANDARD_OUTPUT && file != STANDARD_ERROR) {
        errno = EBADF;
        return -1;
    }
    while (left > 0) {
        const char *line_end = memchr(rest, '\n', left);
        const size_t line = line_end != NULL ? (size_t)(line_end - rest) : left;
        const size_t taken = line_end != NULL ? line + 1 : line;

        log_line(rest, line);
        rest += taken;
        left -= taken;
    }
    return length;
}

STUB int _gettimeofday(struct timeval *now, void *timezone)
{
    uint64_t microseconds = 0;

    (void)timezone;
    if (mvGetWallTime(&microseconds) != MV_STATUS_OKAY) {
        errno = EAGAIN;
        return -1;
    }
    now->tv_sec = (time_t)(microseconds / 1000000U);
    now->tv_usec = (suseconds_t)(microseconds % 1000000U);
    return 0;
}

/* A character device: stdio then keeps output until the end of a line. */
STUB int _fstat(int file, struct stat *status)
{
    (void)file;
    *status = (struct stat){.st_mode = S_IFCHR};
    return 0;
}

STUB int _isatty(int file)
{
    return file <= STANDARD_ERROR;
}

STUB int _read(int file, char *buffer, int length)
{
    (void)file;
    (void)buffer;
    (void)length;
    return 0; /* end of file */
}

STUB off_t _lseek(int file, off_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

STUB int _close(int file)
{
    (void)file;
    errno = EBADF;
    return -1;
}

STUB int _open(const char *path, int flags, int mode)
{
    (void)path;
    (void)flags;
    (void)mode;
    errno = ENOENT;
    return -1;
}

STUB int _stat(const char *path, struct stat *status)
{
    (void)path;
    (void)status;
    errno = ENOENT;
    return -1;
}

STUB int _unlink(const char *path)
{
    (void)path;
    errno = ENOENT;
    return -1;
}

STUB int _link(const char *from, const char *to)
{
    (void)from;
    (void)to;
    errno = EMLINK;
    return -1;
}

STUB clock_t _times(struct tms *times)
{
    (void)times;
    errno = ENOSYS;
    return (clock_t)-1;
}

STUB int _getpid(void)
{
    return 1;
}

STUB int _kill(int process, int signal)
{
    (void)process;
    (void)signal;
    errno = EINVAL;
    return -1;
}

/* abort(), a failed assert() and exit() end here. The application stands still until it is restarted. */
STUB void _exit(int status)
{
    (void)status;
    for (;;) {
        __asm volatile("wfi");
    }
}
