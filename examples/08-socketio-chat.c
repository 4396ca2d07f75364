/*
 * 08-socketio-chat.c - a chat over Socket.IO: names, acks, "is typing", and nobody misses anything
 * when a connection breaks. In the console of http://localhost:3001/, in two tabs:
 *
 *     const { io } = await import("https://cdn.socket.io/4.8.1/socket.io.esm.min.js");
 *     const socket = io({ auth: { name: "ada" } });
 *     socket.onAny((event, what) => console.log(event, what));
 *     socket.emit("say", "hello", (answer) => console.log(answer));   // { heard: 2 }
 *     socket.io.engine.close();    // as if the network had gone: it comes back by itself
 */
#include <stdio.h>
#include <string.h>

#include <belfry/belfry.h>

struct person {
    char name[32]; /* zeroed at first; comes back with its client */
};

static belfry_err on_newcomer(belfry_sock *sock, belfry_msg *msg, void *io)
{
    struct person *self = belfry_data(sock);
    const char *name;
    (void)io;
    if (belfry_args(msg, "{s:s}", "name", &name) != BELFRY_OK || name[0] == '\0' ||
        strlen(name) >= sizeof self->name)
        return belfry_refuse(sock, "say who you are", "{s:i}", "mostBytes", 31);
    memcpy(self->name, name, strlen(name) + 1);
    return BELFRY_OK;
}

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *io)
{
    struct person *self = belfry_data(sock);
    (void)msg, (void)io;
    if (belfry_sock_is_recovered(sock))
        return; /* it is in its rooms and has heard what it missed: nobody need know */
    belfry_join(sock, "chat");
    belfry_emit(belfry_to(sock, "chat"), "came", "s", self->name);
}

static void on_say(belfry_sock *sock, belfry_msg *msg, void *io)
{
    struct person *self = belfry_data(sock);
    const char *text;
    if (belfry_args(msg, "s", &text) != BELFRY_OK) {
        belfry_ack(msg, "{s:s}", "error", belfry_why(belfry_sock_server(sock)));
        return;
    }
    belfry_emit(belfry_in(io, "chat"), "said", "{s:s, s:s}", "name", self->name, "text", text);
    belfry_ack(msg, "{s:i}", "heard", belfry_members(io, "chat")); /* comes behind "said" */
}

static void on_typing(belfry_sock *sock, belfry_msg *msg, void *io)
{
    struct person *self = belfry_data(sock);
    (void)msg, (void)io;
    belfry_emit(belfry_volatile(belfry_to(sock, "chat")), "typing", "s", self->name);
}

/* Who leaves on purpose has left; who lost its connection has two minutes to come back. */
static void on_disconnecting(belfry_sock *sock, belfry_msg *msg, void *io)
{
    struct person *self = belfry_data(sock);
    const char *reason;
    (void)io;
    if (belfry_args(msg, "s", &reason) == BELFRY_OK && strstr(reason, "namespace") != NULL)
        belfry_emit(belfry_to(sock, "chat"), "left", "s", self->name);
}

static void on_expired(belfry_nsp *io, const char *id, void *data, void *user)
{
    struct person *self = data;
    (void)id, (void)user;
    belfry_emit(belfry_in(io, "chat"), "left", "s", self->name);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : ":3001";
    belfry_options options = { .listen = address, .sock_data = sizeof(struct person) };
    belfry *server = belfry_new(&options);
    belfry_nsp *io = belfry_of(server, "/");
    belfry_recover(io, &(belfry_recovery){ .expired = on_expired });
    belfry_use(io, on_newcomer, io);
    belfry_on(io, "connection", on_connection, io);
    belfry_on(io, "say", on_say, io);
    belfry_on(io, "typing", on_typing, io);
    belfry_on(io, "disconnecting", on_disconnecting, io);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "socketio-chat: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
