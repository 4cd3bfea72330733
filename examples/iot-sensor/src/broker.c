#include "broker.h"

#include <stdio.h>

#include "channel.h"
#include "log.h"
#include "mqtt.h"
#include "mv_syscalls.h"

#define ID_LENGTH 34U
#define LONGEST_TOPIC 64U

static char device_id[ID_LENGTH + 1]; /* ends with a zero, which the kernel does not write */
static const char *name;              /* in topics */
static broker_on_command *listener;

struct topic {
    char text[LONGEST_TOPIC];
};

static struct topic topic(const char *subtopic)
{
    struct topic own;

    (void)snprintf(own.text, sizeof own.text, "sensors/%s/%s", name, subtopic);
    return own;
}

static struct MvSizedString der(const struct der *der)
{
    return (struct MvSizedString){.data = (const uint8_t *)der->data, .length = der->length};
}

/* Kept by the broker, as our will is: whoever subscribes finds out how we are. */
static bool publish_status(const char *status)
{
    const struct topic own = topic("status");

    return mqtt_publish(own.text, status, true);
}

bool broker_connect(const struct settings *settings)
{
    require(mvGetDeviceId((uint8_t *)device_id, ID_LENGTH), "mvGetDeviceId");
    name = settings->name[0] == '\0' ? device_id : settings->name;

    const struct topic status = topic("status");
    const struct topic commands = topic("commands");
    const struct MvSizedString authority = der(&settings->authority);
    const struct MvSizedString certificate = der(&settings->certificate);
    const struct MvTlsCredentials tls = {
        .cacert = {.num_certs = authority.length != 0, .certs = &authority},
        .clientcert = {
            .chain = {.num_certs = certificate.length != 0, .certs = &certificate},
            .key = der(&settings->key),
        },
    };
    const struct MvMqttWill will = {.topic = sized(status.text), .payload = sized("offline"), .qos = 1, .retain = 1};
    /* The kernel takes a password or a certificate, and not both. */
    const bool by_password = settings->key.length == 0 && settings->username[0] != '\0';
    const struct mqtt_broker broker = {
        .host = settings->host,
        .port = settings->port,
        .client_id = device_id,
        .username = by_password ? settings->username : NULL,
        .password = by_password ? settings->password : NULL,
        .tls = &tls,
        .will = &will,
    };

    if (!mqtt_connect(&broker)) {
        return false;
    }
    log_line("connected to %s", settings->host);
    if (mqtt_subscribe(commands.text) && publish_status("online")) {
        return true;
    }
    mqtt_disconnect();
    return false;
}

void broker_part(const char *status)
{
    (void)publish_status(status);
    mqtt_disconnect();
}

void broker_lost(void)
{
    mqtt_disconnect();
}

bool broker_publish(const char *subtopic, const char *payload)
{
    const struct topic own = topic(subtopic);

    return mqtt_publish(own.text, payload, false);
}

/* Our commands are all that we have subscribed to, so the topic says nothing new. */
static void on_message(const char *topic, const char *payload)
{
    (void)topic;
    listener(payload);
}

bool broker_read(broker_on_command *on_command)
{
    listener = on_command;
    return mqtt_read(on_message);
}
