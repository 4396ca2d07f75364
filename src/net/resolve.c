/*
 * resolve.c - c-ares' sockets as watches, its deadlines as a timer.
 *
 * Its channel must not be destroyed from inside one of its callbacks, so an answer is only noted
 * there, and told by the timer.
 */
#include "net/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL); /* on Linux there is nothing that could fail */
}

/* --- what c-ares waits for --------------------------------------------------------------------*/

static void set_timer(struct resolve *r)
{
    struct timeval wait;
    if (r->has_answer) {
        timer_set(&r->loop->timers, &r->timer, r->loop->now_ms);
        return;
    }
    if (ares_timeout(r->channel, NULL, &wait) != NULL)
        timer_set(&r->loop->timers, &r->timer,
                  r->loop->now_ms + (uint64_t)wait.tv_sec * 1000 + (uint64_t)wait.tv_usec / 1000 +
                      1);
}

static void on_ready(struct watch *watch, unsigned events)
{
    struct resolve_socket *s = BELFRY_CONTAINER_OF(watch, struct resolve_socket, watch);
    struct resolve *r = s->resolve;
    ares_process_fd(r->channel, (events & WATCH_READ) != 0 ? watch->fd : ARES_SOCKET_BAD,
                    (events & WATCH_WRITE) != 0 ? watch->fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static struct resolve_socket *find_socket(struct resolve *r, int fd)
{
    struct resolve_socket *unused = NULL;
    for (unsigned i = 0; i < RESOLVE_MAX_SOCKETS; i++) {
        if (r->sockets[i].is_used && r->sockets[i].watch.fd == fd)
            return &r->sockets[i];
        if (!r->sockets[i].is_used)
            unused = &r->sockets[i];
    }
    if (unused != NULL)
        *unused = (struct resolve_socket){ .watch = { .fd = fd, .on_ready = on_ready },
                                           .resolve = r,
                                           .is_used = true };
    return unused;
}

static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolve *r = user;
    struct resolve_socket *s = find_socket(r, fd);
    unsigned wanted = (readable ? WATCH_READ : 0) | (writable ? WATCH_WRITE : 0);
    if (s == NULL)
        return; /* c-ares' deadline ends it */
    if (s->watch.interest != wanted)
        (void)loop_watch(r->loop, &s->watch, wanted);
    s->is_used = wanted != 0;
}

/* --- the answer -------------------------------------------------------------------------------*/

static void add_address(struct resolve *r, const void *address, size_t size)
{
    if (r->address_count == RESOLVE_MAX_ADDRESSES || size > sizeof r->addresses[0].address)
        return;
    struct resolve_address *to = &r->addresses[r->address_count++];
    memcpy(&to->address, address, size);
    to->size = (socklen_t)size;
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolve *r = user;
    (void)timeouts;
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
        return;
    r->has_answer = true;
    r->why = status == ARES_SUCCESS ? NULL : ares_strerror(status);
    for (const struct ares_addrinfo_node *node = info != NULL ? info->nodes : NULL; node != NULL;
         node = node->ai_next)
        add_address(r, node->ai_addr, node->ai_addrlen);
    if (info != NULL)
        ares_freeaddrinfo(info);
    if (r->why == NULL && r->address_count == 0)
        r->why = "it has no address";
    timer_set(&r->loop->timers, &r->timer, r->loop->now_ms);
}

static void stop(struct resolve *r)
{
    if (r->channel != NULL)
        ares_destroy(r->channel); /* takes its sockets back through on_socket_state */
    r->channel = NULL;
    timer_cancel(&r->loop->timers, &r->timer);
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct resolve *r = BELFRY_CONTAINER_OF(timer, struct resolve, timer);
    (void)now_ms;
    if (!r->has_answer) {
        ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        set_timer(r);
        return;
    }
    stop(r);
    r->done(r, r->why);
}

/* --- starting ---------------------------------------------------------------------------------*/

static bool take_literal(struct resolve *r, const char *host, uint16_t port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        add_address(r, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        add_address(r, &v6, sizeof v6);
    return r->address_count > 0;
}

static void ask(struct resolve *r, const char *host, uint16_t port)
{
    struct ares_options options = { .sock_state_cb = on_socket_state, .sock_state_cb_data = r };
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    (void)pthread_once(&once, init_library);
    int status = ares_init_options(&r->channel, &options, ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        r->channel = NULL;
        r->has_answer = true;
        r->why = ares_strerror(status);
    } else {
        hints.ai_flags = ARES_AI_NUMERICSERV;
        ares_getaddrinfo(r->channel, host, service, &hints, on_answer, r);
    }
    set_timer(r);
}

void resolve_start(struct resolve *r, struct loop *loop, const char *host, uint16_t port,
                   resolve_done_fn *done)
{
    BELFRY_ASSERT(r->channel == NULL);
    *r = (struct resolve){ .loop = loop, .done = done, .timer.fire = on_timer };
    if (take_literal(r, host, port)) {
        r->has_answer = true;
        set_timer(r);
    } else {
        ask(r, host, port);
    }
}

void resolve_cancel(struct resolve *r)
{
    if (r->loop != NULL)
        stop(r);
}
