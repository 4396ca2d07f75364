/*
 * http/host.h - a host with an optional port, as in Host fields, targets and origins.
 */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "base/defs.h"

struct http_host {
    belfry_bytes name; /* a name, an IPv4 address, or an IPv6 address with its brackets */
    uint16_t port;     /* 0: none written, as in "h" and "h:" */
};

/* False unless @text is one valid, non-empty host: no user, no list, no blanks, port 1 to 65535. */
bool http_host_parse(belfry_bytes text, struct http_host *out);

#endif
