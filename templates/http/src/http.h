/* HTTP requests. The cloud carries them out for the device; only https URLs are accepted. */

#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stdint.h>

#define HTTP_LONGEST_BODY 4096U

struct http_response {
    uint32_t status; /* 200 and so on */
    uint32_t length; /* of the body; what does not fit into `body` is left out there */
    char body[HTTP_LONGEST_BODY + 1]; /* ends with a zero */
};

/*
 * Send a request and wait for the response. `body` may be NULL.
 *
 * True if a server has answered, with whatever status. Otherwise the log says what went wrong.
 */
bool http_request(const char *method, const char *url, const char *body, struct http_response *response);

#endif
