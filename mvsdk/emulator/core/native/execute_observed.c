/* The executor once more, so that what it executes can be watched and costs nothing where nobody does. */
#define MVSDK_OBSERVED
#include "execute.c"
