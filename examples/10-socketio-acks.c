/*
 * 10-socketio-acks.c - answers in both directions: the server answers a client, asks one client,
 * and asks all of them. In the console of http://localhost:3001/:
 *
 *     const { io } = await import("https://cdn.socket.io/4.8.1/socket.io.esm.min.js");
 *     const socket = io();
 *     socket.on("what's your name?", (answer) => answer("ada"));
 *     socket.on("question", (text, answer) => answer(confirm(text)));
 *     console.log(await socket.emitWithAck("sum", 1, 2));             // 3
 *     console.log(await socket.emitWithAck("vote", "coffee?"));       // { yes: 1, of: 1 }
 */
#include <stdio.h>
#include <stdlib.h>

#include <belfry/belfry.h>

static belfry *server;
static belfry_nsp *io;

static void on_sum(belfry_sock *sock, belfry_msg *msg, void *user)
{
    double a, b;
    (void)sock, (void)user;
    if (belfry_args(msg, "FF", &a, &b) == BELFRY_OK)
        belfry_ack(msg, "f", a + b);
    else
        belfry_ack(msg, "{s:s}", "error", belfry_why(server));
}

static void on_name(belfry_err err, belfry_msg *const *replies, unsigned count, unsigned expected,
                    void *user)
{
    const char *name;
    (void)count, (void)expected, (void)user;
    if (err == BELFRY_OK && belfry_args(replies[0], "s", &name) == BELFRY_OK)
        printf("%s is here\n", name);
    else
        printf("somebody who gives no name: %s\n", belfry_strerror(err));
}

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg, (void)user;
    belfry_call(belfry_only(sock), 10000, on_name, NULL, "what's your name?", NULL);
}

static void on_votes(belfry_err err, belfry_msg *const *replies, unsigned count, unsigned expected,
                     void *user)
{
    belfry_ack_ref *asker = user;
    int yes = 0, vote;
    (void)err; /* TIMEOUT, GONE: some have not answered; count says how many have */
    for (unsigned i = 0; i < count; i++)
        yes += belfry_args(replies[i], "b", &vote) == BELFRY_OK && vote;
    belfry_ack_id(server, *asker, "{s:i, s:i}", "yes", yes, "of", (int)expected);
    free(asker);
}

static void on_vote(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_ack_ref *asker = malloc(sizeof *asker);
    const char *text;
    (void)sock, (void)user;
    if (asker != NULL && belfry_args(msg, "s", &text) == BELFRY_OK) {
        *asker = belfry_ack_later(msg); /* a value: who wants the answer */
        if (belfry_call(belfry_everyone(io), 2000, on_votes, asker, "question", "s", text) == 0)
            return; /* on_votes will be called, once */
    }
    free(asker);
}

int main(int argc, char **argv)
{
    server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    io = belfry_of(server, "/");
    belfry_on(io, "connection", on_connection, NULL);
    belfry_on(io, "sum", on_sum, NULL);
    belfry_on(io, "vote", on_vote, NULL);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "socketio-acks: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
