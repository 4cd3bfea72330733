/* Channels: what an application reaches servers by. This one can be many kinds of channel, one after the other. */

#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "mv_syscalls.h"

/* Sizes of the buffers that an open channel has: multiples of 512. What is sent and what comes must fit into them. */
#define CHANNEL_SEND_SIZE 4096U
#define CHANNEL_RECEIVE_SIZE 8192U

/* Open a channel of a kind; the one before must be closed. NULL, and a line in the log, if that fails. */
MvChannelHandle channel_open(enum MvChannelType type);

/* Sleep until there is something to read. False, and a line in the log, if the other side is gone or time is up. */
bool channel_wait_readable(MvChannelHandle channel, uint32_t timeout_ms);

/* Say in the log why the other side is gone. */
void channel_log_closure(MvChannelHandle channel);

/* Close a channel, also one whose other side is gone, and set the handle to NULL. NULL itself is not closed. */
void channel_close(MvChannelHandle *channel);

/* A C string as the kernel takes it, with a length instead of an end. NULL is empty. */
struct MvSizedString sized(const char *text);

#endif
