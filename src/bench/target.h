/*
 * target.h - where the load goes, and where it comes from.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <sys/socket.h>

#include "base/defs.h"

struct target {
    struct sockaddr_storage address;
    socklen_t address_size;
    char host[280]; /* as in the URL, with the port: the Host field of the request */
    char path[1024];
};

/* Reads ws://HOST[:PORT][/PATH[?QUERY]] (tcp://HOST:PORT too). Hosts other than localhost and
 * loopback literals are refused, unresolved, unless @may_leave_loopback. False: reason printed. */
bool target_parse(const char *url, bool may_leave_loopback, struct target *out_target);

/* Starts a connection without waiting for it. On 127.0.0.1, @source 0, 1, 2... binds to 127.0.0.1,
 * 127.0.0.2, 127.0.0.3...: each has its own 28 000 ephemeral ports. -1: errno says why. */
int target_connect(const struct target *t, uint32_t source);

/* True when several source addresses can be used. */
bool target_is_ipv4_loopback(const struct target *t);

#endif
