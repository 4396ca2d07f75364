/*
 * dial.c - one address after the other, until one connects or the time is up.
 *
 * Failures are told by the timer, so done never comes from inside dial_start, and whoever finds a
 * failure needs no care for what done does to the dial.
 */
#include "net/dial.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

/* --- ends -------------------------------------------------------------------------------------*/

/* Whatever has been begun is undone; what is open stays. */
static void drop_work(struct dial *d)
{
    timer_cancel(&d->loop->timers, &d->timer);
    resolve_cancel(&d->resolve);
}

static void succeed(struct dial *d)
{
    drop_work(d);
    (void)loop_watch(d->loop, &d->stream.watch, 0); /* taking away needs no memory */
    d->state = DIAL_OPEN;
    d->done(d, BELFRY_OK, "");
}

/* The reason is in d->why. */
static void fail_soon(struct dial *d, belfry_err err)
{
    drop_work(d);
    stream_close(&d->stream);
    d->err = err;
    d->state = DIAL_FAILED;
    timer_set(&d->loop->timers, &d->timer, d->loop->now_ms);
}

static void fail_without_memory(struct dial *d)
{
    snprintf(d->why, sizeof d->why, "out of memory");
    fail_soon(d, BELFRY_ERR_NOMEM);
}

static void tell_failure(struct dial *d)
{
    char why[DIAL_WHY_SIZE]; /* done may start the dial again */
    memcpy(why, d->why, sizeof why);
    d->state = DIAL_IDLE;
    d->done(d, d->err, why);
}

/* --- TLS --------------------------------------------------------------------------------------*/

static void shake(struct dial *d)
{
    char why[160];
    unsigned wanted = 0;
    belfry_err err = stream_tls_client_shake(&d->stream, &wanted, why, sizeof why);
    if (err == BELFRY_OK) {
        succeed(d);
    } else if (err != BELFRY_ERR_AGAIN) {
        snprintf(d->why, sizeof d->why, "%s: %s", d->address, why);
        fail_soon(d, err);
    } else if (stream_want(&d->stream, wanted) != BELFRY_OK) {
        fail_without_memory(d);
    }
}

/* --- connecting -------------------------------------------------------------------------------*/

static void try_next(struct dial *d);

/* "Connection refused" in the middle of a sentence; "DNS server ..." stays. */
static int first_letter(const char *text)
{
    bool is_word = text[0] != '\0' && islower((unsigned char)text[1]);
    return is_word ? tolower((unsigned char)text[0]) : text[0];
}

static void note_why(struct dial *d, int error)
{
    const char *text = strerrordesc_np(error);
    if (text == NULL)
        text = "unknown error";
    snprintf(d->why, sizeof d->why, "cannot connect to %s: %c%s", d->address, first_letter(text),
             text + 1);
}

/* Once somebody answers no other address is tried: what is wrong then is wrong with the peer. */
static void on_connected(struct dial *d)
{
    timer_set(&d->loop->timers, &d->timer, d->deadline_ms);
    if (d->target.tls == NULL) {
        succeed(d);
        return;
    }
    d->state = DIAL_SHAKING;
    shake(d);
}

/* The event may be a former socket's, when the dial was started again in this turn. */
static bool is_connected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

static void on_ready(struct watch *watch, unsigned events)
{
    struct dial *d = BELFRY_CONTAINER_OF(watch, struct dial, stream.watch);
    (void)events;
    if (watch->interest == 0)
        return; /* cancelled earlier in this turn */
    if (d->state == DIAL_SHAKING) {
        shake(d);
        return;
    }
    BELFRY_ASSERT(d->state == DIAL_CONNECTING);
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error == 0) {
        if (is_connected(watch->fd))
            on_connected(d);
        return;
    }
    note_why(d, error);
    stream_close(&d->stream);
    try_next(d);
}

/* A stream that is about to be open; with IO the reason is noted. */
static belfry_err connect_to(struct dial *d, const struct sockaddr *address, socklen_t size)
{
    int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        note_why(d, errno);
        return BELFRY_ERR_IO;
    }
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    if (connect(fd, address, size) != 0 && errno != EINPROGRESS && errno != EINTR) {
        note_why(d, errno);
        (void)close(fd);
        return BELFRY_ERR_IO;
    }
    belfry_err err = BELFRY_OK;
    if (d->target.tls != NULL)
        err = stream_tls_client_init(&d->stream, d->loop, fd, d->target.tls, d->target.host);
    else
        stream_tcp_init(&d->stream, d->loop, fd);
    d->stream.watch.on_ready = on_ready;
    if (err != BELFRY_OK)
        return err;
    err = stream_want(&d->stream, WATCH_WRITE); /* connected already: reported at once */
    return err == BELFRY_OK ? BELFRY_OK : BELFRY_ERR_NOMEM;
}

static void try_unix(struct dial *d)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(d->target.unix_path);
    snprintf(d->address, sizeof d->address, "%s", d->target.unix_path);
    if (length == 0 || length >= sizeof address.sun_path) {
        snprintf(d->why, sizeof d->why, "the path of a Unix socket has 1 to %zu bytes",
                 sizeof address.sun_path - 1);
        fail_soon(d, BELFRY_ERR_ADDRESS);
        return;
    }
    memcpy(address.sun_path, d->target.unix_path, length + 1);
    d->state = DIAL_CONNECTING;
    belfry_err err = connect_to(d, (struct sockaddr *)&address, sizeof address);
    if (err == BELFRY_ERR_IO)
        fail_soon(d, err);
    else if (err != BELFRY_OK)
        fail_without_memory(d);
}

/* Its share of the time that is left, so that a silent address leaves some to the others. */
static void set_share(struct dial *d)
{
    uint64_t now_ms = d->loop->now_ms;
    uint64_t left_ms = d->deadline_ms > now_ms ? d->deadline_ms - now_ms : 0;
    timer_set(&d->loop->timers, &d->timer,
              now_ms + left_ms / (resolve_count_left(&d->resolve) + 1));
}

static belfry_err try_address(struct dial *d, const struct sockaddr *address, socklen_t size)
{
    stream_format_address(address, d->address);
    d->state = DIAL_CONNECTING;
    set_share(d);
    belfry_err err = connect_to(d, address, size);
    if (err != BELFRY_OK)
        stream_close(&d->stream); /* it could not be watched */
    return err;
}

static void try_next(struct dial *d)
{
    struct sockaddr_storage address;
    socklen_t size;
    belfry_err err = BELFRY_ERR_IO; /* d->why tells of the last one */
    while (err == BELFRY_ERR_IO && resolve_next(&d->resolve, d->target.port, &address, &size))
        err = try_address(d, (struct sockaddr *)&address, size);
    if (err == BELFRY_ERR_IO)
        fail_soon(d, err);
    else if (err != BELFRY_OK)
        fail_without_memory(d);
}

/* --- the start --------------------------------------------------------------------------------*/

static void on_resolved(struct resolve *r, belfry_err err, const char *why)
{
    struct dial *d = BELFRY_CONTAINER_OF(r, struct dial, resolve);
    if (err == BELFRY_OK) {
        try_next(d);
        return;
    }
    if (err == BELFRY_ERR_NOMEM) {
        fail_without_memory(d);
        return;
    }
    snprintf(d->why, sizeof d->why, "cannot resolve %.255s: %c%s", d->target.host,
             first_letter(why), why + 1);
    fail_soon(d, err);
}

static void on_time_up(struct dial *d)
{
    if (d->state == DIAL_RESOLVING)
        snprintf(d->why, sizeof d->why, "cannot resolve %.255s: no answer within the time",
                 d->target.host);
    else
        snprintf(d->why, sizeof d->why, "%s: no answer within the time", d->address);
    fail_soon(d, BELFRY_ERR_TIMEOUT);
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct dial *d = BELFRY_CONTAINER_OF(timer, struct dial, timer);
    if (d->state == DIAL_FAILED) {
        tell_failure(d);
    } else if (now_ms >= d->deadline_ms) {
        on_time_up(d);
    } else { /* this address's share is used up */
        BELFRY_ASSERT(d->state == DIAL_CONNECTING);
        note_why(d, ETIMEDOUT);
        stream_close(&d->stream);
        try_next(d);
    }
}

static bool parse_literal(const struct dial_target *target, struct sockaddr_storage *out_address,
                          socklen_t *out_size)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(target->port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(target->port) };
    if (inet_pton(AF_INET, target->host, &v4.sin_addr) == 1) {
        memcpy(out_address, &v4, sizeof v4);
        *out_size = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, target->host, &v6.sin6_addr) == 1) {
        memcpy(out_address, &v6, sizeof v6);
        *out_size = sizeof v6;
        return true;
    }
    return false;
}

void dial_start(struct dial *dial, struct loop *loop, const struct dial_target *target,
                uint64_t deadline_ms, dial_done_fn *done)
{
    struct sockaddr_storage address;
    socklen_t size;
    BELFRY_ASSERT(dial->state == DIAL_IDLE);
    BELFRY_ASSERT(target->host != NULL || (target->unix_path != NULL && target->tls == NULL));
    *dial = (struct dial){ .loop = loop,
                           .target = *target,
                           .deadline_ms = deadline_ms,
                           .done = done,
                           /* also while there is none: the turn may hold an event of the last */
                           .stream = { .watch = { .on_ready = on_ready } },
                           .timer = { .fire = on_timer } };
    timer_set(&loop->timers, &dial->timer, deadline_ms);
    if (target->unix_path != NULL) {
        try_unix(dial);
    } else if (target->host[0] == '\0') {
        snprintf(dial->why, sizeof dial->why, "no host is given");
        fail_soon(dial, BELFRY_ERR_ADDRESS);
    } else if (parse_literal(target, &address, &size)) {
        belfry_err err = try_address(dial, (struct sockaddr *)&address, size);
        if (err == BELFRY_ERR_IO)
            fail_soon(dial, err);
        else if (err != BELFRY_OK)
            fail_without_memory(dial);
    } else {
        dial->state = DIAL_RESOLVING;
        resolve_start(&dial->resolve, loop, target->host, on_resolved);
    }
}

void dial_cancel(struct dial *dial)
{
    if (dial->state == DIAL_IDLE)
        return;
    drop_work(dial);
    stream_close(&dial->stream);
    dial->state = DIAL_IDLE;
}

void dial_take(struct dial *dial, struct stream *out)
{
    BELFRY_ASSERT(dial->state == DIAL_OPEN);
    *out = dial->stream;
    out->watch.on_ready = NULL;
    dial->stream = (struct stream){ .watch = { .on_ready = on_ready } };
    dial->state = DIAL_IDLE;
}
