/* Which broker the application talks to. Real credentials do not belong here: the template `config` fetches them. */

#ifndef SETTINGS_H
#define SETTINGS_H

#define BROKER_HOST "broker.example.com"
#define BROKER_PORT 8883
#define BROKER_USERNAME "device" /* NULL for none */
#define BROKER_PASSWORD "sesame"

#define TELEMETRY_TOPIC "@name@/count"
#define COMMAND_TOPIC "@name@/commands"

#endif
