/* @name@: works in jobs that must not be interrupted, and is updated only between two of them. */

#include <stdbool.h>

#include "clock.h"
#include "events.h"
#include "log.h"
#include "notifications.h"
#include "update.h"

#define JOB_MS 5000U
#define PAUSE_MS 2000U

/* Stands for whatever must be brought to an end: a write to flash, a motion, a payment. */
static void work(unsigned job)
{
    log_line("@name@: job %u begins", job);
    (void)events_wait(0, JOB_MS); /* no event is wanted, so nothing ends this early */
    log_line("@name@: job %u is done", job);
}

static void log_start_reason(void)
{
    enum MvWakeReason reason = MV_WAKEREASON_COLDBOOT;

    require(mvGetWakeReason(&reason), "mvGetWakeReason");
    log_line("@name@: started%s, reason %u", reason == MV_WAKEREASON_APPLICATIONUPDATE ? " after an update" : "",
             (unsigned)reason);
}

int main(void)
{
    bool update_waits = false;

    log_start();
    clock_start();
    notifications_start();
    update_start();
    log_start_reason();

    for (unsigned job = 1;; job++) {
        work(job);
        /* An update that came during the job has been waiting; one that comes during the pause ends it. */
        if (events_wait(EVENT_UPDATE, PAUSE_MS)) {
            update_waits = true;
        }
        if (update_waits) {
            log_line("@name@: applying the update");
            update_apply(); /* if the kernel is busy, the next job's end is the next chance */
        }
    }
}
