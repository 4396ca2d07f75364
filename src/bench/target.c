/*
 * target.c - ws://HOST:PORT/PATH to a socket address, and no further than this machine by default.
 */
#include "bench/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/bench.h"

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* Without AI_NUMERICHOST a name may be asked of a name server: not before it is allowed. */
static bool resolve(const char *host, const char *port, bool may_ask, struct target *t)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV | (may_ask ? 0 : AI_NUMERICHOST) };
    struct addrinfo *found = NULL;
    int failure =
        getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port, &hints, &found);
    if (failure != 0 && !may_ask)
        return bench_complain("\"%s\" is not a loopback address: use 127.0.0.1, or --allow-remote "
                              "for a server of your own",
                              host);
    if (failure != 0)
        return bench_complain("cannot resolve %s: %s", host, gai_strerror(failure));
    memcpy(&t->address, found->ai_addr, found->ai_addrlen);
    t->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* Copies what is between @from and @to; false when it does not fit or is empty. */
static bool copy_part(char *out, size_t capacity, const char *from, const char *to)
{
    size_t size = (size_t)(to - from);
    if (size == 0 || size >= capacity)
        return false;
    memcpy(out, from, size);
    out[size] = '\0';
    return true;
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT, from @host up to @end. */
static bool split_host(const char *host, const char *end, char *out_name, size_t name_capacity,
                       char *out_port, size_t port_capacity)
{
    bool is_bracketed = *host == '[';
    const char *name = host + is_bracketed;
    const char *name_end = memchr(name, is_bracketed ? ']' : ':', (size_t)(end - name));
    if (name_end == NULL && is_bracketed)
        return false;
    if (name_end == NULL)
        name_end = end;
    const char *colon = is_bracketed ? name_end + 1 : name_end;
    return copy_part(out_name, name_capacity, name, name_end) &&
           (colon == end || (*colon == ':' && copy_part(out_port, port_capacity, colon + 1, end)));
}

bool target_parse(const char *url, bool may_leave_loopback, struct target *out_target)
{
    struct target t = { .path = "/" };
    const char *scheme_end = strstr(url, "://");
    if (scheme_end == NULL || (strncmp(url, "ws:", 3) != 0 && strncmp(url, "tcp:", 4) != 0))
        return bench_complain("the URL must begin with ws:// (TLS is not driven), not \"%s\"", url);
    const char *host = scheme_end + 3;
    const char *host_end = host + strcspn(host, "/?");
    char name[256], port[8] = "80";
    bool is_good = copy_part(t.host, sizeof t.host, host, host_end) &&
                   split_host(host, host_end, name, sizeof name, port, sizeof port);
    if (*host_end != '\0')
        is_good = is_good && snprintf(t.path, sizeof t.path, "%s%s", *host_end == '?' ? "/" : "",
                                      host_end) < (int)sizeof t.path;
    if (!is_good || strpbrk(t.path, " \r\n") != NULL || strpbrk(t.host, " \r\n") != NULL)
        return bench_complain("cannot read the URL \"%s\": ws://127.0.0.1:3001/ws is one", url);
    if (!resolve(name, port, may_leave_loopback, &t))
        return false;
    if (!may_leave_loopback && !is_loopback(&t.address))
        return bench_complain("%s is not on this machine: loopback only, or --allow-remote for a "
                              "server of your own",
                              name);
    *out_target = t;
    return true;
}

bool target_is_ipv4_loopback(const struct target *t)
{
    return t->address.ss_family == AF_INET && is_loopback(&t->address);
}

/* IP_BIND_ADDRESS_NO_PORT leaves the port to connect(), which may then share it between targets. */
static bool bind_source(int fd, uint32_t source)
{
    int on = 1;
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source) };
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(fd, (const struct sockaddr *)&from, sizeof from) == 0;
}

int target_connect(const struct target *t, uint32_t source)
{
    int on = 1;
    /* A reset at the end leaves no TIME_WAIT behind, which would eat the ports of the next run. */
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    int fd = socket(t->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    bool is_under_way = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
                        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0 &&
                        (source == 0 || bind_source(fd, source)) &&
                        (connect(fd, (const struct sockaddr *)&t->address, t->address_size) == 0 ||
                         errno == EINPROGRESS);
    if (is_under_way)
        return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}
