/* Lets a program that is written for the host too log what it prints. */

#include "mv_syscalls.h"

static uint8_t log_buffer[4096] __attribute__((aligned(512)));

__attribute__((constructor(101))) static void log_start(void) { (void)mvServerLoggingInit(log_buffer, sizeof log_buffer); }
