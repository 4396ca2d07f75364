/*
 * 07-socketio.c - the Socket.IO server that tutorials begin with, event for event. The client is
 * the ordinary one; in the console of http://localhost:3001/ (a 404, but it is the origin that
 * counts):
 *
 *     const { io } = await import("https://cdn.socket.io/4.8.1/socket.io.esm.min.js");
 *     const socket = io();
 *     socket.on("new-message", (msg) => console.log(msg.from, msg.text));
 *     socket.emit("join-room", "general");
 *     socket.emit("send-message", { roomId: "general", text: "Hello!" });
 */
#include <stdio.h>

#include <belfry/belfry.h>

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *io)
{
    (void)msg, (void)io;
    printf("User connected: %s\n", belfry_sock_id_text(sock));
}

static void on_join_room(belfry_sock *sock, belfry_msg *msg, void *io)
{
    const char *room, *id = belfry_sock_id_text(sock);
    (void)io;
    if (belfry_args(msg, "s", &room) == BELFRY_OK && belfry_join(sock, room) == BELFRY_OK)
        belfry_emit(belfry_to(sock, room), "user-joined", "{s:s}", "userId", id);
}

static void on_send_message(belfry_sock *sock, belfry_msg *msg, void *io)
{
    const char *room, *text;
    if (belfry_args(msg, "{s:s, s:s}", "roomId", &room, "text", &text) == BELFRY_OK)
        belfry_emit(belfry_in(io, room), "new-message", "{s:s, s:s, s:I}", "from",
                    belfry_sock_id_text(sock), "text", text, "timestamp",
                    (json_int_t)belfry_now_ms());
}

static void on_disconnect(belfry_sock *sock, belfry_msg *msg, void *io)
{
    const char *reason;
    (void)sock, (void)io;
    if (belfry_args(msg, "s", &reason) == BELFRY_OK)
        printf("Disconnected: %s\n", reason);
}

int main(int argc, char **argv)
{
    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001",
                                                   .origins = "https://myapp.com" });
    belfry_nsp *io = belfry_of(server, "/");
    belfry_on(io, "connection", on_connection, io);
    belfry_on(io, "join-room", on_join_room, io);
    belfry_on(io, "send-message", on_send_message, io);
    belfry_on(io, "disconnect", on_disconnect, io);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "socketio: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
