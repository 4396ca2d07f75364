/*
 * url.h - where Redis is, how to get in, and which contract to speak there.
 *
 *     redis://user:password@host:6379/0      classic Pub/Sub
 *     redis+sharded://host                   sharded Pub/Sub (Redis 7)
 *     redis+streams://host                   a stream
 *     rediss://, rediss+sharded://, ...      over TLS
 *     redis+unix:///run/redis.sock?db=1      a Unix socket; redis+sharded+unix://, ...
 *
 * User, password, host and path may be percent-encoded. ":password@" is the default user's.
 */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include "redis/note.h"

#define REDIS_URL_WHY 160

struct redis_url {
    enum note_contract contract;
    bool is_tls;
    char *host; /* NULL with a path */
    char *path; /* of a Unix socket, or NULL */
    char *user; /* NULL: none */
    char *password;
    uint16_t port;
    unsigned db;
};

/* @out: zeroed on errors. @why: a sentence. Errors: CONFIG, NOMEM. */
BELFRY_NODISCARD belfry_err redis_url_parse(const char *text, struct redis_url *out,
                                            char why[REDIS_URL_WHY]);
void redis_url_deinit(struct redis_url *url);

#endif
