/*
 * One session with an MQTT broker. The cloud holds it for the device; TLS is a must.
 *
 * Requests are only sent here. What comes of them, and messages, are read by mqtt_read(), to be called for EVENT_READABLE.
 */

#ifndef MQTT_H
#define MQTT_H

#include <stdbool.h>
#include <stdint.h>

#include "mv_syscalls.h"

struct mqtt_broker {
    const char *host;
    uint16_t port;
    const char *client_id;
    const char *username; /* NULL for none */
    const char *password;
    const struct MvTlsCredentials *tls; /* whom to trust and who we are; NULL for the usual public authorities */
    const struct MvMqttWill *will;      /* what the broker is to publish when we vanish; NULL for nothing */
};

/* Called with each message. Both texts end with a zero and are gone when it returns. */
typedef void mqtt_on_message(const char *topic, const char *payload);

/* Connect, and wait for the broker's word. False, and a line in the log, if there is no session; nothing is open then. */
bool mqtt_connect(const struct mqtt_broker *broker);

/* Part from the broker, or free what a lost session leaves behind. */
void mqtt_disconnect(void);

/* Ask for the messages of a topic. False, and a line in the log, if the request could not be sent. */
bool mqtt_subscribe(const char *topic);

/*
 * Publish a message, at least once; with `retain` the broker keeps it for whoever subscribes later. False, and a line in
 * the log, if the request could not be sent.
 */
bool mqtt_publish(const char *topic, const char *payload, bool retain);

/* Read everything that has come. False if the session is over; the log says why. */
bool mqtt_read(mqtt_on_message *on_message);

#endif
