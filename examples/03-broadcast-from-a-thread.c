/*
 * 03-broadcast-from-a-thread.c - the time, once a second, from a thread that is not the server's.
 *
 * belfry_start serves on threads of its own. This one then does what it likes; what it emits to a
 * room takes its place in the room's one order, behind or before what others say.
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <belfry/belfry.h>

static void on_open(belfry_sock *sock, void *user)
{
    (void)user;
    belfry_join(sock, "clock");
}

/* Members hear {"type":"event","room":"clock","event":"tick","data":{"now":...},"id":...}. */
static void publish_until_stopped(belfry_nsp *io, const sigset_t *stop_signals)
{
    const struct timespec second = { .tv_sec = 1 };
    while (sigtimedwait(stop_signals, NULL, &second) < 0) {
        json_int_t now = (json_int_t)belfry_now_ms();
        belfry_err err = belfry_emit(belfry_in(io, "clock"), "tick", "{s:I}", "now", now);
        if (err == BELFRY_ERR_AGAIN)
            fprintf(stderr, "the server is behind: this second is left out\n");
    }
}

int main(int argc, char **argv)
{
    sigset_t stop_signals;
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGTERM);
    sigaddset(&stop_signals, SIGINT);
    sigprocmask(SIG_BLOCK, &stop_signals, NULL); /* they wait for sigtimedwait */

    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    if (server != NULL)
        belfry_ws(server, "/clock", &(belfry_ws_handlers){ .open = on_open });
    if (server == NULL || belfry_start(server) != BELFRY_OK) {
        fprintf(stderr, "clock: %s\n", belfry_why(server));
        belfry_free(server);
        return 1;
    }
    publish_until_stopped(belfry_of(server, "/"), &stop_signals);
    belfry_stop(server); /* closes everyone with 1001 and waits for the threads */
    belfry_free(server);
    return 0;
}
