/* 02-chat-room.c - a chat: what a client says first is its name, all else is said to the room. */
#include <stdio.h>
#include <string.h>

#include <belfry/belfry.h>

struct user {
    char name[32]; /* zeroed at first; lives as long as the socket */
};

static void on_message(belfry_sock *sock, belfry_type type, belfry_bytes text, void *io)
{
    struct user *self = belfry_data(sock);
    char line[1100];
    if (self->name[0] != '\0') {
        snprintf(line, sizeof line, "%s: %.*s", self->name, (int)text.size, (char *)text.data);
        belfry_broadcast(belfry_in(io, "chat"), BELFRY_TEXT, line, strlen(line));
    } else if (type == BELFRY_TEXT && text.size > 0 && text.size < sizeof self->name) {
        memcpy(self->name, text.data, text.size);
        belfry_join(sock, "chat");
        snprintf(line, sizeof line, "%s joined", self->name);
        belfry_broadcast(belfry_to(sock, "chat"), BELFRY_TEXT, line, strlen(line));
    } else {
        belfry_close(sock, 1008, "say who you are, in 1 to 31 bytes of text");
    }
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : ":3001";
    belfry_options options = { .listen = address, .sock_data = sizeof(struct user) };
    belfry_ws_handlers handlers = { .message = on_message, .max_message_bytes = 1000 };
    belfry *server = belfry_new(&options);
    if (server != NULL) {
        handlers.user = belfry_of(server, "/"); /* on_message gets it as io */
        belfry_ws(server, "/chat", &handlers);
    }
    int code = belfry_run(server); /* SIGTERM and Ctrl-C end it, with 0 */
    if (code != 0)
        fprintf(stderr, "chat: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
