/*
 * listener.c - addresses, sockets that listen, and accepting with a bound per turn.
 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 128
#define SHED_PER_TURN 16
#define PAUSE_MS 100
#define BACKLOG 4096

static bool parse_port(const char *text, size_t size, uint16_t *out)
{
    unsigned port = 0;
    if (size == 0 || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= 65535;
}

static bool machine_has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
    bool works = fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
    if (fd >= 0)
        (void)close(fd);
    return works;
}

static void set_v4(struct net_address *out, struct in_addr host, uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    *v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = host, .sin_port = htons(port) };
    out->size = sizeof *v4;
}

static void set_v6(struct net_address *out, struct in6_addr host, uint16_t port)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    *v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                 .sin6_addr = host,
                                 .sin6_port = htons(port) };
    out->size = sizeof *v6;
}

belfry_err net_address_parse(belfry_bytes text, struct net_address *out)
{
    char host[INET6_ADDRSTRLEN];
    const char *start = text.data;
    const char *colon = text.size > 0 ? memrchr(start, ':', text.size) : NULL;
    uint16_t port;
    if (colon == NULL || !parse_port(colon + 1, (size_t)(start + text.size - colon - 1), &port))
        return BELFRY_ERR_ADDRESS;
    size_t host_size = (size_t)(colon - start);
    bool is_bracketed = host_size >= 2 && start[0] == '[' && start[host_size - 1] == ']';
    if (is_bracketed) {
        start++;
        host_size -= 2;
    }
    if (host_size >= sizeof host)
        return BELFRY_ERR_ADDRESS;
    memcpy(host, start, host_size);
    host[host_size] = '\0';

    *out = (struct net_address){ 0 };
    struct in_addr v4 = { htonl(INADDR_ANY) };
    struct in6_addr v6 = in6addr_any;
    if (host_size == 0 && !is_bracketed) {
        if (machine_has_ipv6())
            set_v6(out, v6, port);
        else
            set_v4(out, v4, port);
        return BELFRY_OK;
    }
    if (is_bracketed) {
        if (inet_pton(AF_INET6, host, &v6) != 1)
            return BELFRY_ERR_ADDRESS;
        set_v6(out, v6, port);
        return BELFRY_OK;
    }
    if (strcmp(host, "localhost") == 0)
        strcpy(host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &v4) != 1)
        return BELFRY_ERR_ADDRESS;
    set_v4(out, v4, port);
    return BELFRY_OK;
}

void net_address_format(const struct net_address *address, char out[LISTENER_ADDRESS_SIZE])
{
    char host[INET6_ADDRSTRLEN];
    if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out, LISTENER_ADDRESS_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, LISTENER_ADDRESS_SIZE, "%s:%u", host, ntohs(v4->sin_port));
    }
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Binding without SO_REUSEPORT fails where anybody listens already. */
static bool is_free(const struct net_address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* the real attempt says why */
    bool is_v6 = address->storage.ss_family == AF_INET6;
    bool was_bound = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
                     (!is_v6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) &&
                     bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0;
    bool is_taken = !was_bound && errno == EADDRINUSE;
    (void)close(fd);
    return !is_taken;
}

/* TCP_NODELAY is inherited by what is accepted: one system call less per connection. */
static belfry_err listen_on(struct net_address *address, int *out_fd, const char **out_why)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_v6 = address->storage.ss_family == AF_INET6;
    if (fd < 0 || !set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
        !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) ||
        !set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
        (is_v6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) ||
        bind(fd, (struct sockaddr *)&address->storage, address->size) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address->storage, &address->size) != 0) {
        *out_why = strerrordesc_np(errno);
        if (fd >= 0)
            (void)close(fd);
        return BELFRY_ERR_ADDRESS;
    }
    *out_fd = fd;
    return BELFRY_OK;
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Descriptors are out: accept some with the one we kept and hang up, so that those peers learn it
 * now, then leave the rest in the backlog for a moment. */
static void shed(struct listener *l)
{
    for (int i = 0; i < SHED_PER_TURN && l->reserve_fd >= 0; i++) {
        (void)close(l->reserve_fd);
        int fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            (void)close(fd);
        l->reserve_fd = open_reserve();
        if (fd < 0)
            break;
    }
    (void)loop_watch(l->loop, &l->watch, 0);
    timer_set(&l->loop->timers, &l->resume, l->loop->now_ms + PAUSE_MS);
    l->callbacks.on_exhausted(l->callbacks.user);
}

static void on_acceptable(struct watch *watch, unsigned events)
{
    struct listener *l = BELFRY_CONTAINER_OF(watch, struct listener, watch);
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && l->watch.fd >= 0; i++) {
        int fd = accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->callbacks.on_connection(l->callbacks.user, fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            shed(l);
        return;
    }
}

static void resume_accepting(struct timer *timer, uint64_t now_ms)
{
    struct listener *l = BELFRY_CONTAINER_OF(timer, struct listener, resume);
    if (l->reserve_fd < 0)
        l->reserve_fd = open_reserve();
    if (loop_watch(l->loop, &l->watch, WATCH_READ) != BELFRY_OK)
        timer_set(&l->loop->timers, timer, now_ms + PAUSE_MS);
}

belfry_err listener_init(struct listener *l, struct net_address *address, enum listener_role role,
                         const char **out_why)
{
    *l = (struct listener){ .watch = { .fd = -1 }, .reserve_fd = -1 };
    if (role == LISTENER_FIRST && !is_free(address)) {
        *out_why = "another program listens there already";
        return BELFRY_ERR_ADDRESS;
    }
    return listen_on(address, &l->watch.fd, out_why);
}

belfry_err listener_start(struct listener *l, struct loop *loop,
                          const struct listener_callbacks *callbacks)
{
    l->loop = loop;
    l->callbacks = *callbacks;
    l->watch.on_ready = on_acceptable;
    l->resume.fire = resume_accepting;
    l->reserve_fd = open_reserve();
    return loop_watch(loop, &l->watch, WATCH_READ);
}

void listener_refuse(int fd, belfry_bytes last_words)
{
    if (last_words.size > 0)
        (void)!send(fd, last_words.data, last_words.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    (void)close(fd);
}

void listener_deinit(struct listener *l)
{
    if (l->watch.fd < 0)
        return;
    if (l->loop != NULL) {
        timer_cancel(&l->loop->timers, &l->resume);
        if (l->watch.interest != 0)
            (void)loop_watch(l->loop, &l->watch, 0);
    }
    (void)close(l->watch.fd);
    l->watch.fd = -1;
    if (l->reserve_fd >= 0)
        (void)close(l->reserve_fd);
    l->reserve_fd = -1;
}
