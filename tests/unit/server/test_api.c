/*
 * test_api.c - the public API as an application sees it: a real server with two workers, plain
 * blocking clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/server/client.h"

static belfry *server;
static const char *address;
static belfry_nsp *io;

static atomic_int data_freed;
static atomic_int closed;

struct data {
    int magic;
    int messages;
};

/* --- what is served --------------------------------------------------------------------------- */

static void on_echo_request(belfry_request *req, void *user)
{
    char body[1024];
    const char *param = belfry_request_param(req, "name");
    const char *query = belfry_request_query(req, "q");
    const char *header = belfry_request_header(req, "X-Thing");
    belfry_bytes sent = belfry_request_body(req);
    HANDLER_EXPECT(user == &closed);
    int size = snprintf(body, sizeof body, "%s|%s|%s|%s|%s|%.*s", belfry_request_method(req),
                        belfry_request_path(req), param != NULL ? param : "-",
                        query != NULL ? query : "-", header != NULL ? header : "-", (int)sent.size,
                        sent.size > 0 ? (const char *)sent.data : "");
    HANDLER_EXPECT(strncmp(belfry_request_address(req), "127.0.0.1:", 10) == 0);
    HANDLER_EXPECT(belfry_reply_header(req, "X-Belfry", "yes") == BELFRY_OK);
    HANDLER_EXPECT(belfry_reply_header(req, "X-Bad", "a\r\nb") == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_reply(req, 200, NULL, body, (size_t)size) == BELFRY_OK);
    HANDLER_EXPECT(belfry_reply(req, 200, NULL, "x", 1) == BELFRY_ERR_STATE);
}

static void on_mute_request(belfry_request *req, void *user)
{
    (void)req;
    (void)user;
}

static unsigned on_upgrade(belfry_request *req, void *user)
{
    const char *token = belfry_request_query(req, "token");
    (void)user;
    if (token == NULL)
        return 401;
    if (strcmp(token, "reply") == 0) {
        (void)belfry_reply(req, 403, "application/json", "{\"no\":1}", 8);
        return 403;
    }
    if (strcmp(token, "odd") == 0)
        return 77; /* not a status to refuse with */
    HANDLER_EXPECT(belfry_request_set_user(req, token) == BELFRY_OK);
    return 0;
}

static void on_guarded_open(belfry_sock *sock, void *user)
{
    struct data *data = belfry_data(sock);
    (void)user;
    HANDLER_EXPECT(data->magic == 0); /* zeroed */
    data->magic = 0x5afe;
    belfry_send_text(sock, belfry_sock_user(sock));
}

static void on_guarded_message(belfry_sock *sock, belfry_type type, belfry_bytes message,
                               void *user)
{
    struct data *data = belfry_data(sock);
    char text[32];
    (void)type;
    (void)message;
    (void)user;
    HANDLER_EXPECT(data->magic == 0x5afe);
    (void)snprintf(text, sizeof text, "%d", ++data->messages);
    belfry_send_text(sock, text);
}

static void on_guarded_close(belfry_sock *sock, uint16_t code, belfry_bytes reason, void *user)
{
    char room[128] = "";
    (void)code;
    (void)reason;
    (void)user;
    belfry_each_room(sock, append_room, room);
    HANDLER_EXPECT(room[0] == '\0'); /* it is in no room any more */
    HANDLER_EXPECT(belfry_send_text(sock, "too late") == BELFRY_ERR_GONE);
    HANDLER_EXPECT(belfry_broadcast(belfry_only(sock), BELFRY_TEXT, "x", 1) == BELFRY_ERR_GONE);
    HANDLER_EXPECT(belfry_join(sock, "tower") == BELFRY_ERR_GONE);
    atomic_fetch_add(&closed, 1);
}

static void free_data(void *data)
{
    HANDLER_EXPECT(((struct data *)data)->magic == 0x5afe);
    ((struct data *)data)->magic = 0;
    atomic_fetch_add(&data_freed, 1);
}

static int start_server(void **state)
{
    (void)state;
    server = belfry_new(&(belfry_options){ .listen = "127.0.0.1:0",
                                           .workers = 2,
                                           .deflate = BELFRY_DEFLATE_NONE,
                                           .sock_data = sizeof(struct data),
                                           .drain_timeout_ms = 100 });
    assert_non_null(server);
    io = belfry_of(server, "/");
    assert_ptr_not_equal(belfry_of(server, "/other"), io);
    assert_ptr_equal(belfry_of(server, "other"), belfry_of(server, "/other"));
    assert_null(belfry_of(server, "/a,b"));
    assert_null(belfry_of(server, NULL));
    assert_int_equal(belfry_http(server, "GET /hello/:name", on_echo_request, &closed), BELFRY_OK);
    assert_int_equal(belfry_http(server, "POST /hello/:name", on_echo_request, &closed), BELFRY_OK);
    assert_int_equal(belfry_http(server, "GET /mute", on_mute_request, NULL), BELFRY_OK);
    assert_int_equal(belfry_ws(server, "/ws", &(belfry_ws_handlers){ .message = obey }), BELFRY_OK);
    belfry_ws_handlers guarded = { .upgrade = on_upgrade,
                                   .open = on_guarded_open,
                                   .message = on_guarded_message,
                                   .close = on_guarded_close,
                                   .free_data = free_data,
                                   .subprotocols = "chat.v2, chat.v1" };
    assert_int_equal(belfry_ws(server, "/guarded", &guarded), BELFRY_OK);
    assert_int_equal(belfry_ws(server, "no-slash", NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_http(server, "GET", on_mute_request, NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_http(server, "GET /x", NULL, NULL), BELFRY_ERR_INVALID);
    assert_null(belfry_address(server, 0));
    assert_int_equal(belfry_start(server), BELFRY_OK);
    assert_int_equal(belfry_http(server, "GET /late", on_mute_request, NULL), BELFRY_ERR_STATE);
    assert_int_equal(belfry_ws(server, "/late", NULL), BELFRY_ERR_STATE);
    assert_int_equal(belfry_start(server), BELFRY_ERR_STATE);
    address = belfry_address(server, 0);
    assert_null(belfry_address(server, 1));
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    belfry_stop(server);
    belfry_stop(server); /* a no-op */
    belfry_free(server);
    assert_int_equal(atomic_load(&handlers_wrong), 0);
    return 0;
}

/* --- HTTP ------------------------------------------------------------------------------------- */

#define HEAD " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"

static const struct http_case {
    const char *request;
    const char *status;
    const char *body; /* NULL: not looked at */
} http_cases[] = {
    { "GET /hello/ada" HEAD "\r\n", "HTTP/1.1 200 ", "GET|/hello/ada|ada|-|-|" },
    { "GET /hello/a%20b?q=1%202+3&q=x" HEAD "\r\n", "HTTP/1.1 200 ",
      "GET|/hello/a%20b|a b|1 2 3|-|" },
    { "GET /hello/a+b?p=1" HEAD "x-thing: one\r\nX-THING: two\r\n\r\n", "HTTP/1.1 200 ",
      "GET|/hello/a+b|a+b|-|one, two|" },
    { "GET /hello/%zz" HEAD "\r\n", "HTTP/1.1 ", NULL },
    { "POST /hello/x" HEAD "Content-Length: 4\r\n\r\nbody", "HTTP/1.1 200 ",
      "POST|/hello/x|x|-|-|body" },
    { "HEAD /hello/ada" HEAD "\r\n", "HTTP/1.1 200 ", "" },
    { "DELETE /hello/ada" HEAD "\r\n", "HTTP/1.1 405 ", NULL },
    { "GET /mute" HEAD "\r\n", "HTTP/1.1 500 ", NULL },
    { "GET /nowhere" HEAD "\r\n", "HTTP/1.1 404 ", NULL },
    { "GET /ws" HEAD "\r\n", "HTTP/1.1 426 ", NULL },
};

static void test_routes_answer_with_what_the_request_held(void **state)
{
    (void)state;
    for (const struct http_case *c = http_cases; c != BELFRY_END(http_cases); c++) {
        const char *answer = client_http(address, c->request);
        const char *body = strstr(answer, "\r\n\r\n");
        if (strncmp(answer, c->status, strlen(c->status)) != 0 || body == NULL ||
            (c->body != NULL && strcmp(body + 4, c->body) != 0))
            fail_msg("%.30s...: %s", c->request, answer);
        if (strncmp(c->status, "HTTP/1.1 200", 12) == 0)
            assert_non_null(strstr(answer, "\r\nX-Belfry: yes\r\n"));
        assert_null(strstr(answer, "X-Bad"));
    }
}

/* --- upgrades --------------------------------------------------------------------------------- */

static const struct refusal_case {
    const char *path, *status, *body;
} refusal_cases[] = {
    { "/guarded", "HTTP/1.1 401 ", "401" },
    { "/guarded?token=reply", "HTTP/1.1 403 ", "{\"no\":1}" },
    { "/guarded?token=odd", "HTTP/1.1 403 ", "403" },
    { "/nothing", "HTTP/1.1 404 ", "404" },
};

static void test_an_upgrade_is_refused_with_status_and_body(void **state)
{
    (void)state;
    int before = atomic_load(&data_freed);
    for (const struct refusal_case *c = refusal_cases; c != BELFRY_END(refusal_cases); c++) {
        struct client ada;
        client_ask(&ada, address, c->path, "");
        client_read_head(&ada);
        if (strncmp(ada.head, c->status, strlen(c->status)) != 0)
            fail_msg("%s: %s", c->path, ada.head);
        (void)client_wait_for(&ada, c->body);
        client_drop(&ada);
    }
    assert_int_equal(atomic_load(&data_freed), before); /* there was no socket */
}

static const struct subprotocol_case {
    const char *offer, *want; /* NULL: none chosen */
} subprotocol_cases[] = {
    { "", NULL },
    { "Sec-WebSocket-Protocol: chat.v1\r\n", "chat.v1" },
    { "Sec-WebSocket-Protocol: other, chat.v1, chat.v2\r\n", "chat.v1" }, /* the client's first */
    { "Sec-WebSocket-Protocol: other\r\nSec-WebSocket-Protocol: chat.v2\r\n", "chat.v2" },
    { "Sec-WebSocket-Protocol: chat\r\n", NULL },
    { "Sec-WebSocket-Protocol: CHAT.V1\r\n", NULL },
};

static void test_the_clients_first_choice_of_subprotocols_wins(void **state)
{
    (void)state;
    const struct subprotocol_case *c;
    for (c = subprotocol_cases; c != BELFRY_END(subprotocol_cases); c++) {
        struct client ada;
        char line[64];
        client_open(&ada, address, "/guarded?token=ada", c->offer);
        if (c->want == NULL) {
            assert_null(strcasestr(ada.head, "sec-websocket-protocol"));
        } else {
            (void)snprintf(line, sizeof line, "\r\nSec-WebSocket-Protocol: %s\r\n", c->want);
            assert_non_null(strstr(ada.head, line));
        }
        client_close(&ada);
    }
}

static void test_user_data_lives_as_long_as_the_socket_and_is_freed_once(void **state)
{
    (void)state;
    struct client people[6];
    int freed = atomic_load(&data_freed);
    int gone = atomic_load(&closed);
    for (size_t i = 0; i < BELFRY_COUNT(people); i++) {
        client_open(&people[i], address, "/guarded?token=ada%20l", "");
        assert_string_equal(client_take(&people[i]), "text:ada l");
    }
    for (size_t i = 0; i < BELFRY_COUNT(people); i++) {
        client_expect(&people[i], "x", "text:1");
        client_expect(&people[i], "x", "text:2");
    }
    for (size_t i = 0; i < 3; i++)
        client_close(&people[i]);
    assert_int_equal(atomic_load(&data_freed), freed + 3);
    client_drop(&people[3]); /* without a word */
    belfry_stop(server);     /* and the rest by the server */
    assert_int_equal(atomic_load(&data_freed), freed + 6);
    assert_int_equal(atomic_load(&closed), gone + 6);
    client_drop(&people[4]);
    client_drop(&people[5]);
}

/* --- sockets and rooms ------------------------------------------------------------------------ */

static void test_a_socket_joins_leaves_and_counts(void **state)
{
    (void)state;
    struct client ada, bob;
    client_open(&ada, address, "/ws", "");
    client_open(&bob, address, "/ws", "");
    client_expect(&ada, "join tower", "text:success");
    client_expect(&ada, "join tower", "text:success");
    client_expect(&ada, "join cellar", "text:success");
    client_expect(&ada, "rooms", "text:tower cellar ");
    client_expect(&bob, "join tower", "text:success");
    client_expect(&bob, "members tower", "text:2");
    assert_int_equal(belfry_members(io, "tower"), 2);
    assert_int_equal(belfry_members(io, "nowhere"), 0);
    client_expect(&bob, "leave tower", "text:success");
    client_expect(&bob, "leave tower", "text:not found");
    client_expect(&bob, "members tower", "text:1");
    client_close(&ada);
    client_expect(&bob, "members tower", "text:0");
    client_close(&bob);
}

static void test_what_is_said_to_a_room_comes_before_the_answer(void **state)
{
    (void)state;
    struct client ada, bob;
    client_open(&ada, address, "/ws", "");
    client_open(&bob, address, "/ws", "");
    client_expect(&ada, "join tower", "text:success");
    client_expect(&bob, "join tower", "text:success");
    client_expect(&ada, "in tower hello all", "text:hello all");
    assert_string_equal(client_take(&ada), "text:success");
    assert_string_equal(client_take(&bob), "text:hello all");
    client_expect(&ada, "to tower hello others", "text:success");
    assert_string_equal(client_take(&bob), "text:hello others");
    client_expect(&ada, "only myself", "text:myself");
    assert_string_equal(client_take(&ada), "text:success");
    client_expect(&bob, "only me", "text:me"); /* and nothing before it */
    client_drop(&ada);
    client_drop(&bob);
}

static void test_close_says_code_and_reason_after_what_was_sent(void **state)
{
    (void)state;
    struct client ada;
    client_open(&ada, address, "/ws", "");
    client_expect(&ada, "join tower", "text:success");
    client_expect(&ada, "in tower last", "text:last");
    assert_string_equal(client_take(&ada), "text:success");
    client_say(&ada, "close 4001 enough");
    assert_string_equal(client_take(&ada), "close:4001:enough");
    client_close(&ada);
    assert_int_equal(belfry_members(io, "tower"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)
    const struct CMUnitTest tests[] = {
        TEST(test_routes_answer_with_what_the_request_held),
        TEST(test_an_upgrade_is_refused_with_status_and_body),
        TEST(test_the_clients_first_choice_of_subprotocols_wins),
        TEST(test_user_data_lives_as_long_as_the_socket_and_is_freed_once),
        TEST(test_a_socket_joins_leaves_and_counts),
        TEST(test_what_is_said_to_a_room_comes_before_the_answer),
        TEST(test_close_says_code_and_reason_after_what_was_sent),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
