/*
 * 04-foreign-loop.c - a server inside your own poll(2) loop, beside something else: lines typed on
 * standard input go to every client.
 *
 *   poll: belfry_fd, stdin, at most belfry_timeout_ms  ->  belfry_step: handlers run here only
 *
 * No thread is started and no signal handler is installed but ours.
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <belfry/belfry.h>

static belfry *server; /* for on_signal, which gets no argument */

static void on_signal(int number)
{
    (void)number;
    belfry_stop_soon(server);
}

static void on_open(belfry_sock *sock, void *user)
{
    (void)user;
    belfry_send_text(sock, "hello; what is typed at the server follows");
}

/* False at the end of the input. */
static int read_line(belfry_nsp *io)
{
    char line[4096];
    ssize_t size = read(STDIN_FILENO, line, sizeof line);
    if (size > 0 && line[size - 1] == '\n')
        size--;
    if (size > 0 && belfry_broadcast(belfry_everyone(io), BELFRY_TEXT, line, (size_t)size) != 0)
        fprintf(stderr, "not sent: %s\n", belfry_why(server));
    return size > 0;
}

static void serve(struct pollfd fds[2])
{
    while (belfry_step(server) == BELFRY_OK) { /* GONE: a stop has ended */
        int ready = poll(fds, 2, belfry_timeout_ms(server));
        if (ready > 0 && fds[1].revents != 0 && !read_line(belfry_of(server, "/")))
            fds[1].fd = -1; /* poll looks at it no more */
    }
}

int main(int argc, char **argv)
{
    server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    if (server != NULL)
        belfry_ws(server, "/", &(belfry_ws_handlers){ .open = on_open });
    struct pollfd fds[] = {
        { .fd = server != NULL ? belfry_fd(server) : -1, .events = POLLIN }, /* listens from now */
        { .fd = STDIN_FILENO, .events = POLLIN },
    };
    if (fds[0].fd < 0) {
        fprintf(stderr, "foreign-loop: %s\n", belfry_why(server));
        belfry_free(server);
        return 1;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    serve(fds);
    belfry_free(server);
    return 0;
}
