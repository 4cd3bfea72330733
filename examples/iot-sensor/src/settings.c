#include "settings.h"

#include <stdlib.h>

#include "config.h"
#include "hex.h"
#include "log.h"

#define USUAL_PORT 8883U /* MQTT by TLS */

#define DER_SIZE (SETTINGS_LONGEST_VALUE + 1U)

enum item { HOST, PORT, AUTHORITY, NAME, USERNAME, PASSWORD, CERTIFICATE, KEY, ITEM_COUNT };

static bool fetch(struct settings *settings, char *port, uint32_t port_size)
{
    struct config_item items[ITEM_COUNT] = {
        [HOST] = {.key = "broker-host", .value = settings->host, .size = sizeof settings->host},
        [PORT] = {.key = "broker-port", .value = port, .size = port_size},
        [AUTHORITY] = {.key = "broker-ca", .value = settings->authority.data, .size = DER_SIZE},
        [NAME] = {.key = "name", .value = settings->name, .size = sizeof settings->name},
        [USERNAME] = {.key = "username", .value = settings->username, .size = sizeof settings->username},
        [PASSWORD] = {.key = "password", .value = settings->password, .size = sizeof settings->password},
        [CERTIFICATE] = {.key = "client-cert", .value = settings->certificate.data, .size = DER_SIZE},
        [KEY] = {.key = "client-key", .value = settings->key.data, .size = DER_SIZE},
    };

    for (enum item i = HOST; i < ITEM_COUNT; i++) {
        const bool secret = i == USERNAME || i == PASSWORD || i == KEY;

        items[i].scope = i <= AUTHORITY ? MV_CONFIGKEYFETCHSCOPE_ACCOUNT : MV_CONFIGKEYFETCHSCOPE_DEVICE;
        items[i].store = secret ? MV_CONFIGKEYFETCHSTORE_SECRET : MV_CONFIGKEYFETCHSTORE_CONFIG;
        items[i].value[0] = '\0'; /* what is left out is empty */
    }
    return config_fetch(items, ITEM_COUNT);
}

static bool decode(struct der *der, const char *key)
{
    if (hex_decode(der->data, &der->length)) {
        return true;
    }
    log_line("%s is not hexadecimal", key);
    return false;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end = NULL;
    const unsigned long number = text[0] == '\0' ? USUAL_PORT : strtoul(text, &end, 10);

    if (number == 0 || number > UINT16_MAX || (end != NULL && *end != '\0')) {
        log_line("broker-port is not 1 to 65535");
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

bool settings_fetch(struct settings *settings)
{
    char port[6];

    if (!fetch(settings, port, sizeof port)) {
        return false;
    }
    if (settings->host[0] == '\0') {
        log_line("there is no broker-host");
        return false;
    }
    return parse_port(port, &settings->port) && decode(&settings->authority, "broker-ca") &&
           decode(&settings->certificate, "client-cert") && decode(&settings->key, "client-key");
}
