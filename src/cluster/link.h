/*
 * link.h - one connection to Redis, made again whenever it is lost.
 *
 *   IDLE --start--> DIALING --> GREETING (AUTH, SELECT, CLIENT ...) --> UP
 *                      ^                                                |
 *                      +--- WAITING (backoff with jitter) <-- failure --+
 *
 * Commands are pipelined: written at the end of the turn, answered in order. A link that does not
 * answer in time is as lost as one that was closed: that is how a stopped or cut off Redis is
 * found.
 *
 * A subscriber's answers are all pushes, the confirmations of subscriptions included.
 *
 * Thread: the loop's. Callbacks may call anything of the link, link_free too; none comes after
 * that.
 */
#ifndef CLUSTER_LINK_H
#define CLUSTER_LINK_H

#include "base/random.h"
#include "net/dial.h"
#include "redis/resp.h"
#include "redis/url.h"

struct link;

struct link_options {
    const struct redis_url *url; /* outlives the link */
    struct tls_client_context *tls;
    const char *name; /* CLIENT SETNAME; copied */
    bool is_subscriber;
    uint32_t connect_timeout_ms;
    uint32_t ping_ms;  /* silence before a PING */
    uint32_t stall_ms; /* without an answer it is lost */
    uint32_t min_backoff_ms;
    uint32_t max_backoff_ms;
    size_t max_queue_bytes; /* not written yet: LIMIT above it */
    struct resp_limits limits;
};

struct link_events {
    void (*on_up)(struct link *link, void *user); /* after each connection that was made */
    void (*on_down)(struct link *link, const char *why, void *user); /* once for each on_up */
    /* An attempt failed: told for the first one of an outage, and when the reason changes. May be
     * NULL, as the next. */
    void (*on_failed)(struct link *link, const char *why, void *user);
    void (*on_push)(struct link *link, const struct resp *reply, void *user);
    /* Is so much to be done already that nothing more should be read for now? May be NULL. */
    bool (*is_busy)(void *user);
};

/* Owns: @events outlive it. NULL: no memory. */
struct link *link_new(struct loop *loop, const struct random_source *random,
                      const struct link_options *options, const struct link_events *events,
                      void *user);
void link_start(struct link *link);
/* Answers that are owed are told as lost. NULL is fine; returns NULL. */
struct link *link_free(struct link *link);

/* @reply: NULL: the link was lost before an answer came; it may or may not have been done. */
typedef void link_reply_fn(struct link *link, const struct resp *reply, void *user, void *arg);

/*
 * Sends a command, at the turn's end. @fn may be NULL. @timeout_ms: 0: stall_ms.
 * Errors: AGAIN (not up), LIMIT (max_queue_bytes), NOMEM; then @fn is not called.
 */
belfry_err link_command(struct link *link, const belfry_bytes *argv, unsigned argc,
                        link_reply_fn *fn, void *arg, uint32_t timeout_ms);

void link_flush(struct link *link); /* writes what it can, now */

/* Gives the connection up and makes another. */
void link_fail(struct link *link, const char *why);

bool link_is_up(const struct link *link);

/* CLIENT ID of the connection; 0: not known. */
uint64_t link_client_id(const struct link *link);

#endif
