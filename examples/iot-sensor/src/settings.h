/*
 * What the sensor is told by the cloud: which broker to talk to, and as whom.
 *
 * | Scope   | Store  | Key         |                                                               |
 * |---------|--------|-------------|---------------------------------------------------------------|
 * | account | config | broker-host | must be there                                                 |
 * | account | config | broker-port | 8883 if left out                                              |
 * | account | config | broker-ca   | authority of the broker; the usual public ones if left out    |
 * | device  | config | name        | what it is called in topics; the device's id if left out      |
 * | device  | secret | username    | for brokers that want a password                              |
 * | device  | secret | password    |                                                               |
 * | device  | config | client-cert | for brokers that want a certificate; then no password is used |
 * | device  | secret | client-key  | its private key, PKCS#8                                       |
 *
 * The authority, the certificate and the key are DER, each byte written as two hexadecimal digits.
 */

#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_LONGEST_VALUE 4096U /* the cloud's own limit */

/* Something in DER; as text while it is being fetched. */
struct der {
    char data[SETTINGS_LONGEST_VALUE + 1U];
    uint32_t length; /* 0 if there is none */
};

struct settings {
    char host[254];
    uint16_t port;
    char name[33]; /* empty if there is none, as with the next two */
    char username[129];
    char password[129];
    struct der authority;
    struct der certificate;
    struct der key;
};

/* Fetch all of them. False if they cannot be had or make no sense; the log says why. */
bool settings_fetch(struct settings *settings);

#endif
