/* The network: the kernel keeps it up for as long as the application holds it. */

#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "mv_syscalls.h"

/* Ask for the network, and hold it from then on. */
void network_start(void);

/* What channels are opened with. */
MvNetworkHandle network_handle(void);

/* Sleep until the device is connected. False, and a line in the log, if it is not in time. */
bool network_wait(uint32_t timeout_ms);

#endif
