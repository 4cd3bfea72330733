#include "update.h"

#include "log.h"
#include "mv_syscalls.h"
#include "notifications.h"

void update_start(void)
{
    const struct MvOpenSystemNotificationParams params = {
        .notification_handle = notifications_centre(),
        .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_UPDATE,
    };
    static MvSystemEventHandle updates; /* never closed: we listen for as long as we run */

    require(mvOpenSystemNotification(&params, &updates), "mvOpenSystemNotification");
}

void update_apply(void)
{
    (void)succeeded(mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE), "mvRestart");
}
