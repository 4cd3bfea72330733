/*
 * Polite updates: the kernel says when an update of this application is ready, and waits until it is convenient.
 *
 * It waits because mvsdk.toml gives it a `maximum_politeness_time_sec`, and no longer than that. What counts is the bundle
 * of the application that is running, not that of the update.
 */

#ifndef UPDATE_H
#define UPDATE_H

/* Have EVENT_UPDATE posted when an update is ready. */
void update_start(void);

/* Apply the update: the application ends here and the new one starts. Comes back only if the kernel is busy now. */
void update_apply(void);

#endif
