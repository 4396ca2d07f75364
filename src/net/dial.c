/*
 * dial.c - one address after the other, until one answers as it should.
 */
#include "net/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

static void try_next(struct dial *dial);

/* --- ending -----------------------------------------------------------------------------------*/

static void clean_up(struct dial *dial)
{
    resolve_cancel(&dial->resolve);
    timer_cancel(&dial->loop->timers, &dial->deadline);
    timer_cancel(&dial->loop->timers, &dial->failure);
    dial->state = DIAL_IDLE;
}

static void note(struct dial *dial, belfry_err err, const char *what, const char *why)
{
    const struct dial_target *t = &dial->target;
    dial->err = err;
    if (t->unix_path != NULL)
        snprintf(dial->why, sizeof dial->why, "%s %s: %s", what, t->unix_path, why);
    else
        snprintf(dial->why, sizeof dial->why, "%s %s:%u: %s", what, t->host, t->port, why);
}

static void finish(struct dial *dial)
{
    if (dial->err != BELFRY_OK)
        stream_close(&dial->stream);
    clean_up(dial);
    dial->done(dial, dial->err, dial->why);
    /* nothing here: the owner may have freed it */
}

static void fail(struct dial *dial, belfry_err err, const char *what, const char *why)
{
    note(dial, err, what, why);
    finish(dial);
}

static void on_failure(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    finish(BELFRY_CONTAINER_OF(timer, struct dial, failure));
}

static void on_deadline(struct timer *timer, uint64_t now_ms)
{
    struct dial *dial = BELFRY_CONTAINER_OF(timer, struct dial, deadline);
    (void)now_ms;
    fail(dial, BELFRY_ERR_TIMEOUT, "cannot reach", "no answer within the time");
}

static void succeed(struct dial *dial)
{
    if (dial->stream.watch.interest != 0)
        (void)loop_watch(dial->loop, &dial->stream.watch, 0);
    dial->err = BELFRY_OK;
    dial->why[0] = '\0';
    finish(dial);
}

/* --- TLS --------------------------------------------------------------------------------------*/

static void shake_hands(struct dial *dial)
{
    const char *why = "";
    unsigned wanted = WATCH_READ;
    switch (stream_tls_handshake(&dial->stream, &why)) {
    case TLS_DONE:
        succeed(dial);
        return;
    case TLS_FAILED:
        fail(dial, BELFRY_ERR_TLS, "TLS with", why);
        return;
    case TLS_WANTS_READ:
        break;
    case TLS_WANTS_WRITE:
        wanted = WATCH_WRITE;
        break;
    }
    if (dial->stream.watch.interest != wanted &&
        loop_watch(dial->loop, &dial->stream.watch, wanted) != BELFRY_OK)
        fail(dial, BELFRY_ERR_NOMEM, "cannot reach", "out of memory");
}

static void on_shaking(struct watch *watch, unsigned events)
{
    struct stream *stream = BELFRY_CONTAINER_OF(watch, struct stream, watch);
    (void)events;
    shake_hands(BELFRY_CONTAINER_OF(stream, struct dial, stream));
}

/* The TCP stream becomes one of TLS. */
static void begin_tls(struct dial *dial)
{
    int fd = dial->stream.watch.fd;
    (void)loop_watch(dial->loop, &dial->stream.watch, 0);
    dial->stream.ops = NULL;
    if (stream_tls_client_init(&dial->stream, dial->loop, fd, dial->target.tls,
                               dial->target.host) != BELFRY_OK) {
        fail(dial, BELFRY_ERR_NOMEM, "TLS with", "out of memory");
        return;
    }
    dial->state = DIAL_SHAKING;
    dial->stream.watch.on_ready = on_shaking;
    shake_hands(dial);
}

/* --- connecting -------------------------------------------------------------------------------*/

static void on_connected(struct watch *watch, unsigned events)
{
    struct stream *stream = BELFRY_CONTAINER_OF(watch, struct stream, watch);
    struct dial *dial = BELFRY_CONTAINER_OF(stream, struct dial, stream);
    int error = 0;
    socklen_t size = sizeof error;
    (void)events;
    (void)getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        note(dial, BELFRY_ERR_IO, "cannot connect to", strerror(error));
        stream_close(&dial->stream);
        try_next(dial);
    } else if (dial->target.tls != NULL) {
        begin_tls(dial);
    } else {
        succeed(dial);
    }
}

/* False: not even begun, and noted. */
static bool connect_to(struct dial *dial, const struct sockaddr *address, socklen_t size)
{
    int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        note(dial, BELFRY_ERR_IO, "cannot connect to", strerror(errno));
        return false;
    }
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, address, size) != 0 && errno != EINPROGRESS) {
        note(dial, BELFRY_ERR_IO, "cannot connect to", strerror(errno));
        (void)close(fd);
        return false;
    }
    stream_tcp_init(&dial->stream, dial->loop, fd);
    dial->stream.watch.on_ready = on_connected;
    dial->state = DIAL_CONNECTING;
    if (loop_watch(dial->loop, &dial->stream.watch, WATCH_WRITE) == BELFRY_OK)
        return true;
    note(dial, BELFRY_ERR_NOMEM, "cannot connect to", "out of memory");
    stream_close(&dial->stream);
    return false;
}

static void try_next(struct dial *dial)
{
    while (dial->next_address < dial->resolve.address_count) {
        const struct resolve_address *to = &dial->resolve.addresses[dial->next_address++];
        if (connect_to(dial, (const struct sockaddr *)&to->address, to->size))
            return;
    }
    finish(dial); /* with what the last one said */
}

static void on_resolved(struct resolve *resolve, const char *why)
{
    struct dial *dial = BELFRY_CONTAINER_OF(resolve, struct dial, resolve);
    if (why != NULL)
        fail(dial, BELFRY_ERR_ADDRESS, "cannot resolve", why);
    else
        try_next(dial);
}

static void connect_to_path(struct dial *dial)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(dial->target.unix_path);
    if (size >= sizeof address.sun_path) {
        note(dial, BELFRY_ERR_ADDRESS, "cannot connect to", "the path is too long");
    } else {
        memcpy(address.sun_path, dial->target.unix_path, size + 1);
        if (connect_to(dial, (const struct sockaddr *)&address, sizeof address))
            return;
    }
    timer_set(&dial->loop->timers, &dial->failure, dial->loop->now_ms);
}

/* --- life -------------------------------------------------------------------------------------*/

void dial_start(struct dial *dial, struct loop *loop, const struct dial_target *target,
                uint64_t deadline_ms, dial_done_fn *done)
{
    BELFRY_ASSERT(dial->state == DIAL_IDLE);
    *dial = (struct dial){ .loop = loop,
                           .target = *target,
                           .done = done,
                           .state = DIAL_RESOLVING,
                           .deadline.fire = on_deadline,
                           .failure.fire = on_failure };
    timer_set(&loop->timers, &dial->deadline, deadline_ms);
    if (target->unix_path != NULL)
        connect_to_path(dial);
    else
        resolve_start(&dial->resolve, loop, target->host, target->port, on_resolved);
}

void dial_cancel(struct dial *dial)
{
    if (dial->state == DIAL_IDLE)
        return;
    stream_close(&dial->stream);
    clean_up(dial);
}

void dial_take(struct dial *dial, struct stream *out)
{
    BELFRY_ASSERT(stream_is_open(&dial->stream) && dial->stream.watch.interest == 0);
    *out = dial->stream;
    dial->stream.ops = NULL;
}
