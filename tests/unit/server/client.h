/*
 * client.h - plain blocking clients for tests of a real server, and a handler that does as it is
 * told.
 *
 *     client_open(&ada, belfry_address(server, 0), "/ws", "");
 *     client_say(&ada, "join tower");
 *     client_take(&ada)      "text:success"
 *
 * A client that waits longer than it should fails its test instead of hanging it.
 */
#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <belfry/belfry.h>

#include "base/buf.h"
#include "support/ws_wire.h"

#ifndef CLIENT_PATIENCE_S
#define CLIENT_PATIENCE_S 30
#endif
#define CLIENT_KEY "dGhlIHNhbXBsZSBub25jZQ=="

/* For handlers: cmocka's own assertions work on the thread of the test only. */
static atomic_int handlers_wrong;

#define HANDLER_EXPECT(condition)                               \
    ((condition) ? (void)0                                      \
                 : (void)(atomic_fetch_add(&handlers_wrong, 1), \
                          fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition)))

struct client {
    int fd;
    struct buf in; /* what came and was not taken yet */
    char head[2048];
};

static int client_dial(const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
    assert_non_null(address);
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void client_write(int fd, belfry_bytes bytes)
{
    assert_int_equal(send(fd, bytes.data, bytes.size, MSG_NOSIGNAL), bytes.size);
}

/* Reads once; false: the connection ended. */
static bool client_read(struct client *c)
{
    char chunk[65536];
    ssize_t got = recv(c->fd, chunk, sizeof chunk, 0);
    if (got <= 0)
        return false;
    buf_put(&c->in, chunk, (size_t)got);
    return true;
}

/* The whole answer to a request that ends the connection; valid until the next call. */
static const char *client_http(const char *address, const char *request)
{
    static char text[65536];
    struct client c = { .fd = client_dial(address) };
    client_write(c.fd, bytes_of_text(request));
    while (client_read(&c)) {}
    size_t size = BELFRY_MIN(c.in.size, sizeof text - 1);
    memcpy(text, c.in.data != NULL ? (char *)c.in.data : "", size);
    text[size] = '\0';
    (void)close(c.fd);
    buf_deinit(&c.in);
    return text;
}

static void client_ask(struct client *c, const char *address, const char *path,
                       const char *more_headers)
{
    char request[2048];
    *c = (struct client){ .fd = client_dial(address) };
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: " CLIENT_KEY "\r\n%s\r\n",
                        path, more_headers);
    assert_true(size > 0 && size < (int)sizeof request);
    client_write(c->fd, bytes_of(request, (size_t)size));
}

/* Reads until @text has come; where it is. */
static const uint8_t *client_wait_for(struct client *c, const char *text)
{
    const uint8_t *found = NULL;
    while (c->in.size == 0 || (found = memmem(c->in.data, c->in.size, text, strlen(text))) == NULL)
        assert_true(client_read(c));
    return found;
}

static void client_read_head(struct client *c)
{
    const uint8_t *end = client_wait_for(c, "\r\n\r\n");
    size_t size = (size_t)(end - c->in.data) + 4;
    assert_true(size < sizeof c->head);
    memcpy(c->head, c->in.data, size);
    buf_consume(&c->in, size);
}

static void client_open(struct client *c, const char *address, const char *path,
                        const char *more_headers)
{
    client_ask(c, address, path, more_headers);
    client_read_head(c);
    if (strncmp(c->head, "HTTP/1.1 101 ", 13) != 0)
        fail_msg("not a WebSocket: %s", c->head);
}

static void client_send(struct client *c, unsigned first, belfry_bytes payload)
{
    struct buf wire = { 0 };
    wire_frame(&wire, first, payload, WS_CLIENT);
    client_write(c->fd, buf_bytes(&wire));
    buf_deinit(&wire);
}

static void client_say(struct client *c, const char *text)
{
    client_send(c, WS_TEXT | WS_FIN, bytes_of_text(text));
}

/* Is a whole frame there? Servers' frames have no mask; tests use no fragments. */
static bool client_has_frame(const struct client *c, size_t *out_header, size_t *out_payload)
{
    const uint8_t *at = c->in.data;
    if (c->in.size < 2)
        return false;
    size_t more = at[1] < 126 ? 0 : at[1] == 126 ? 2 : 8;
    *out_header = 2 + more;
    *out_payload = more == 0 ? at[1] : 0;
    for (size_t i = 0; i < more && 2 + i < c->in.size; i++)
        *out_payload = *out_payload << 8 | at[2 + i];
    return c->in.size >= *out_header && c->in.size - *out_header >= *out_payload;
}

/* The next frame as text, "text:...", "binary:...", "close:1000:...", or "end"; waits for it. */
static const char *client_take(struct client *c)
{
    static char text[70000];
    size_t header;
    size_t payload;
    while (!client_has_frame(c, &header, &payload)) {
        if (!client_read(c))
            return "end";
    }
    const uint8_t *at = c->in.data + header;
    int opcode = c->in.data[0] & 0x0f;
    if (opcode == WS_CLOSE && payload >= 2)
        (void)snprintf(text, sizeof text, "close:%u:%.*s", (unsigned)(at[0] << 8 | at[1]),
                       (int)payload - 2, (const char *)at + 2);
    else
        (void)snprintf(text, sizeof text, "%s:%.*s",
                       opcode == WS_TEXT     ? "text"
                       : opcode == WS_BINARY ? "binary"
                       : opcode == WS_CLOSE  ? "close"
                                             : "control",
                       (int)payload, (const char *)at);
    buf_consume(&c->in, header + payload);
    return text;
}

/* Says @command and expects @want as the next frame. */
static void client_expect(struct client *c, const char *command, const char *want)
{
    client_say(c, command);
    assert_string_equal(client_take(c), want);
}

static void client_drop(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    buf_deinit(&c->in);
}

/* The orderly way: both closes, then the end. */
static void client_close(struct client *c)
{
    client_send(c, WS_CLOSE | WS_FIN, BELFRY_BYTES("\x03\xe8"));
    while (strcmp(client_take(c), "end") != 0) {}
    client_drop(c);
}

/* --- a handler that does as it is told -------------------------------------------------------- */

static void append_room(const char *room, void *user)
{
    strcat(strcat(user, room), " ");
}

/* "verb room rest": does it and answers with the outcome, or the value asked for. */
static void obey(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
{
    char verb[16] = "", room[64] = "", rest[256] = "", answer[512] = "";
    char line[512];
    belfry_nsp *io = belfry_of(belfry_sock_server(sock), "/");
    (void)type;
    (void)user;
    (void)snprintf(line, sizeof line, "%.*s", (int)message.size, (const char *)message.data);
    (void)sscanf(line, "%15s %63s %255[^\n]", verb, room, rest);
    belfry_err err = BELFRY_OK;
    if (strcmp(verb, "join") == 0)
        err = belfry_join(sock, room);
    else if (strcmp(verb, "leave") == 0)
        err = belfry_leave(sock, room);
    else if (strcmp(verb, "in") == 0)
        err = belfry_broadcast(belfry_in(io, room), BELFRY_TEXT, rest, strlen(rest));
    else if (strcmp(verb, "to") == 0)
        err = belfry_broadcast(belfry_to(sock, room), BELFRY_TEXT, rest, strlen(rest));
    else if (strcmp(verb, "only") == 0)
        err = belfry_broadcast(belfry_only(sock), BELFRY_TEXT, room, strlen(room));
    else if (strcmp(verb, "close") == 0)
        belfry_close(sock, (uint16_t)atoi(room), rest);
    else if (strcmp(verb, "id") == 0)
        (void)snprintf(answer, sizeof answer, "%llu", (unsigned long long)belfry_sock_id(sock));
    else if (strcmp(verb, "members") == 0)
        (void)snprintf(answer, sizeof answer, "%u", belfry_members(io, room));
    else if (strcmp(verb, "rooms") == 0)
        belfry_each_room(sock, append_room, answer);
    else
        (void)snprintf(answer, sizeof answer, "what is %s?", verb);
    belfry_send_text(sock, answer[0] != '\0' ? answer : belfry_strerror(err));
}

#endif
