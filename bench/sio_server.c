/*
 * sio_server.c - what `belfry serve` does not offer for measuring: echo and ack over Socket.IO, and
 * echo over plain WebSocket beside it.
 *
 *     sio_server PORT [WORKERS]      listens on 127.0.0.1:PORT until SIGTERM
 *
 * Events: "echo" comes back as it came; "ack" is answered with what it carried. Both pass JSON on
 * unparsed, as the library does for anybody. At /echo WebSocket messages come back.
 */
#include <stdio.h>
#include <stdlib.h>

#include <belfry/belfry.h>

static void on_message(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
{
    (void)user;
    belfry_send(sock, type, message.data, message.size);
}

static void on_echo(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    belfry_forward(belfry_only(sock), "echo", msg);
}

static void on_ack(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_bytes arguments = belfry_msg_raw(msg);
    (void)sock;
    (void)user;
    belfry_ack_raw(msg, arguments.data, arguments.size);
}

static int serve(unsigned port, unsigned workers)
{
    char listen[32];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
    belfry *server = belfry_new(&(belfry_options){ .listen = listen, .workers = workers });
    belfry_nsp *io = belfry_of(server, "/");
    int code = 1;
    if (io != NULL && belfry_on(io, "echo", on_echo, NULL) == BELFRY_OK &&
        belfry_on(io, "ack", on_ack, NULL) == BELFRY_OK &&
        belfry_ws(server, "/echo", &(belfry_ws_handlers){ .message = on_message }) == BELFRY_OK)
        code = belfry_run(server);
    if (code != 0)
        (void)fprintf(stderr, "sio_server: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}

int main(int argc, char **argv)
{
    int port = argc >= 2 ? atoi(argv[1]) : 0;
    int workers = argc >= 3 ? atoi(argv[2]) : 1;
    if (argc > 3 || port < 1 || port > 65535 || workers < 1 || workers > 64) {
        (void)fprintf(stderr, "Usage: sio_server PORT [WORKERS]\n");
        return 2;
    }
    return serve((unsigned)port, (unsigned)workers);
}
