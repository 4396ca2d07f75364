/*
 * floor_echo.c - the least that any echo server can do: what all others are compared with.
 *
 *     floor_echo PORT          listens on 127.0.0.1:PORT until it is killed
 *
 * Bare level-triggered epoll on one thread; one shared buffer; one recv and one send per readable
 * connection and turn. It parses nothing and returns every byte as it came, so a WebSocket client
 * that sends frames of size + 6, 8 or 14 bytes gets those back, four more than from a server that
 * unmasks. Bytes that the socket does not take at once are kept, and reading waits for them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, EVENTS_PER_TURN = 512 };

struct peer {
    int fd;
    char *rest; /* unsent bytes, NULL when there are none */
    size_t rest_bytes;
};

static char buffer[BUFFER_BYTES];
static int epoll_fd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(struct peer *p, int how, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = p };
    if (epoll_ctl(epoll_fd, how, p->fd, &event) != 0)
        die("epoll_ctl");
}

static struct peer *listen_on(unsigned port)
{
    static struct peer listener;
    int on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    /* accepted sockets inherit both */
    if (listener.fd == -1 ||
        setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(listener.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(listener.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener.fd, SOMAXCONN) != 0)
        die("cannot listen");
    return &listener;
}

static void accept_all(const struct peer *listener)
{
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd == -1 && (errno == EAGAIN || errno == ECONNABORTED))
            return;
        struct peer *p = calloc(1, sizeof *p);
        if (fd == -1 || p == NULL)
            die("cannot accept");
        p->fd = fd;
        watch(p, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void drop(struct peer *p)
{
    close(p->fd);
    free(p->rest);
    free(p);
}

static void keep(struct peer *p, const char *bytes, size_t size)
{
    p->rest = malloc(size);
    if (p->rest == NULL)
        die("malloc");
    memcpy(p->rest, bytes, size);
    p->rest_bytes = size;
    watch(p, EPOLL_CTL_MOD, EPOLLOUT);
}

static void echo(struct peer *p)
{
    ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    ssize_t sent = size <= 0 ? -1 : send(p->fd, buffer, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && size > 0 && errno == EAGAIN)
        sent = 0;
    if (sent < 0)
        drop(p);
    else if (sent < size)
        keep(p, buffer + sent, (size_t)(size - sent));
}

static void send_rest(struct peer *p)
{
    ssize_t sent = send(p->fd, p->rest, p->rest_bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        drop(p);
        return;
    }
    if (sent > 0) {
        p->rest_bytes -= (size_t)sent;
        memmove(p->rest, p->rest + sent, p->rest_bytes);
    }
    if (p->rest_bytes == 0) {
        free(p->rest);
        p->rest = NULL;
        watch(p, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void allow_many_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("setrlimit");
}

int main(int argc, char **argv)
{
    int port = argc == 2 ? atoi(argv[1]) : 0;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "Usage: floor_echo PORT\n");
        return 2;
    }
    allow_many_descriptors();
    epoll_fd = epoll_create1(0);
    struct peer *listener = listen_on((unsigned)port);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS_PER_TURN];
        int count = epoll_wait(epoll_fd, events, EVENTS_PER_TURN, -1);
        for (int i = 0; i < count; i++) {
            struct peer *p = events[i].data.ptr;
            if (p == listener)
                accept_all(listener);
            else if (p->rest != NULL)
                send_rest(p);
            else
                echo(p);
        }
    }
}
