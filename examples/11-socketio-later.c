/*
 * 11-socketio-later.c - an answer that takes its time is given by another thread, and the server
 * goes on meanwhile. With node, after `npm install socket.io-client`:
 *
 *     node -e '
 *       const socket = require("socket.io-client").io("http://localhost:3001");
 *       socket.timeout(5000).emit("is-prime", 1000000007, (err, yes) => console.log(err ?? yes));'
 *
 *   handler: belfry_ack_later ── job ──► pipe ──► thread: belfry_ack_id
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <belfry/belfry.h>

struct job {
    belfry_ack_ref answer; /* a value: may be kept, copied and sent around */
    int number;
};

static belfry *server;
static int jobs[2];

static void on_is_prime(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct job job = { .number = 0 };
    (void)sock, (void)user;
    if (belfry_args(msg, "i", &job.number) != BELFRY_OK) {
        belfry_ack(msg, "{s:s}", "error", belfry_why(server));
        return;
    }
    job.answer = belfry_ack_later(msg);
    if (write(jobs[1], &job, sizeof job) != sizeof job)
        belfry_ack_id(server, job.answer, "{s:s}", "error", "not now");
}

static int is_prime(int number)
{
    int divisor = 2;
    while (divisor < number && number % divisor != 0)
        divisor++;
    return divisor == number;
}

static void *work(void *unused)
{
    struct job job;
    while (read(jobs[0], &job, sizeof job) == sizeof job) {
        if (belfry_ack_id(server, job.answer, "b", is_prime(job.number)) == BELFRY_ERR_GONE)
            printf("nobody waits for %d any more\n", job.number);
    }
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    sigset_t stop_signals;
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGTERM);
    sigaddset(&stop_signals, SIGINT);
    sigprocmask(SIG_BLOCK, &stop_signals, NULL); /* in the thread too: belfry_run takes them */

    server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    belfry_on(belfry_of(server, "/"), "is-prime", on_is_prime, NULL);
    if (pipe(jobs) != 0 || pthread_create(&thread, NULL, work, NULL) != 0)
        return 1;
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "socketio-later: %s\n", belfry_why(server));
    close(jobs[1]); /* the thread does what is left, and ends */
    pthread_join(thread, NULL);
    belfry_free(server);
    return code;
}
