/*
 * stream.c - what all streams share, and TCP.
 */
#include "net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

belfry_err stream_want(struct stream *s, unsigned wanted)
{
    if (s->ops->interest != NULL)
        wanted = s->ops->interest(s, wanted);
    if (s->watch.interest == wanted)
        return BELFRY_OK;
    if (s->ops->want != NULL)
        return s->ops->want(s, wanted);
    return loop_watch(s->loop, &s->watch, wanted);
}

void stream_close(struct stream *s)
{
    if (!stream_is_open(s))
        return;
    if (s->watch.interest != 0 && s->ops->want == NULL)
        (void)loop_watch(s->loop, &s->watch,
                         0); /* a descriptor is forgotten with its close anyway */
    s->ops->close(s);
    s->ops = NULL;
}

belfry_err stream_move(struct stream *from, struct stream *to)
{
    if (to->ops->moved == NULL)
        return loop_move_watch(to->loop, &from->watch, &to->watch);
    to->ops->moved(to);
    return BELFRY_OK;
}

void stream_leave(struct stream *s)
{
    BELFRY_ASSERT(s->ops->want == NULL); /* one without a descriptor stays where it is */
    if (s->watch.interest != 0)
        (void)loop_watch(s->loop, &s->watch, 0); /* taking away needs no memory */
    BELFRY_ASSERT(s->watch.interest == 0);
    s->loop = NULL;
}

void stream_enter(struct stream *s, struct loop *loop)
{
    BELFRY_ASSERT(s->loop == NULL);
    s->loop = loop;
}

void stream_address(const struct stream *s, char *out)
{
    if (stream_is_open(s))
        s->ops->address(s, out);
    else
        snprintf(out, STREAM_ADDRESS_SIZE, "-");
}

static ssize_t tcp_read(struct stream *s, void *out, size_t size)
{
    for (;;) {
        ssize_t got = recv(s->watch.fd, out, size, 0);
        if (BELFRY_LIKELY(got >= 0))
            return got;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return STREAM_AGAIN;
        if (errno != EINTR)
            return STREAM_FAILED;
    }
}

static ssize_t tcp_writev(struct stream *s, const struct iovec *parts, int count, bool is_last)
{
    int flags = MSG_NOSIGNAL | (is_last ? MSG_MORE : 0);
    struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count };
    for (;;) {
        ssize_t sent = count == 1 ? send(s->watch.fd, parts->iov_base, parts->iov_len, flags)
                                  : sendmsg(s->watch.fd, &message, flags);
        if (BELFRY_LIKELY(sent >= 0))
            return sent;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return STREAM_AGAIN;
        if (errno != EINTR)
            return STREAM_FAILED;
    }
}

static void tcp_end_writing(struct stream *s)
{
    (void)shutdown(s->watch.fd, SHUT_WR); /* fails when the peer is gone, which reading will show */
}

static void tcp_close(struct stream *s)
{
    (void)close(s->watch.fd);
    s->watch.fd = -1;
}

void stream_format_address(const struct sockaddr *address, char *out)
{
    char host[INET6_ADDRSTRLEN] = "-";
    unsigned port = 0;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        port = ntohs(v4->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        port = ntohs(v6->sin6_port);
    }
    snprintf(out, STREAM_ADDRESS_SIZE, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

void stream_tcp_address(int fd, char *out)
{
    struct sockaddr_storage address = { 0 }; /* of no family when nobody is there */
    socklen_t size = sizeof address;
    (void)getpeername(fd, (struct sockaddr *)&address, &size);
    stream_format_address((struct sockaddr *)&address, out);
}

static void tcp_address(const struct stream *s, char *out)
{
    stream_tcp_address(s->watch.fd, out);
}

static const struct stream_ops tcp_ops = {
    .read = tcp_read,
    .writev = tcp_writev,
    .end_writing = tcp_end_writing,
    .close = tcp_close,
    .address = tcp_address,
};

void stream_tcp_init(struct stream *s, struct loop *loop, int fd)
{
    *s = (struct stream){ .watch = { .fd = fd }, .ops = &tcp_ops, .loop = loop };
}
