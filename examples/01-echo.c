/* 01-echo.c - the smallest server: every WebSocket message comes back. */
#include <stdio.h>

#include <belfry/belfry.h>

static void on_message(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
{
    (void)user;
    belfry_send(sock, type, message.data, message.size);
}

int main(int argc, char **argv)
{
    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    if (server != NULL)
        belfry_ws(server, "/echo", &(belfry_ws_handlers){ .message = on_message });
    int code = belfry_run(server); /* SIGTERM and Ctrl-C end it, with 0 */
    if (code != 0)
        fprintf(stderr, "01-echo: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
