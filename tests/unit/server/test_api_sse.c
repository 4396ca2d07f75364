/*
 * test_api_sse.c - event streams of the C API: who may read, what a reader is told, what its data
 * is, and each way it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>

#include "server/server.h"
#include "unit/server/client.h"

/* What the handlers were called with, "open ada;close 1001;..."; the server runs in this thread. */
static char story[1024];

static void tell(const char *what, const char *detail)
{
    size_t used = strlen(story);
    (void)snprintf(story + used, sizeof story - used, "%s%s%s;", what, detail[0] ? " " : "",
                   detail);
}

/* What a reader's data is. */
struct reader {
    char *name;
};

static unsigned on_request(belfry_request *req, void *user)
{
    const char *name = belfry_request_query(req, "name");
    HANDLER_EXPECT(strcmp(user, "mine") == 0);
    if (name == NULL)
        return 401;
    if (strcmp(name, "teapot") == 0) {
        HANDLER_EXPECT(belfry_reply(req, 418, "text/plain", "short and stout", 15) == BELFRY_OK);
        return 418;
    }
    HANDLER_EXPECT(belfry_request_set_user(req, name) == BELFRY_OK);
    HANDLER_EXPECT(belfry_request_join(req, "") == BELFRY_ERR_INVALID);
    return belfry_request_join(req, "tower") == BELFRY_OK ? 0 : 503;
}

static void on_open(belfry_sock *sock, void *user)
{
    struct reader *reader = belfry_data(sock);
    HANDLER_EXPECT(strcmp(user, "mine") == 0);
    tell("open", belfry_sock_user(sock));
    HANDLER_EXPECT(reader->name == NULL); /* zeroed */
    reader->name = strdup(belfry_sock_user(sock));
    HANDLER_EXPECT(belfry_join(sock, "attic") == BELFRY_OK);
    HANDLER_EXPECT(belfry_send(sock, BELFRY_TEXT, "hello\nyou", 9) == BELFRY_OK);
    HANDLER_EXPECT(belfry_send(sock, BELFRY_BINARY, "x", 1) == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_send(sock, BELFRY_TEXT, "\xff", 1) == BELFRY_ERR_INVALID);
    if (strcmp(reader->name, "brief") == 0) {
        belfry_close(sock, 4001, "that was all");
        HANDLER_EXPECT(belfry_send(sock, BELFRY_TEXT, "x", 1) == BELFRY_ERR_GONE);
    }
}

static void on_close(belfry_sock *sock, uint16_t code, belfry_bytes reason, void *user)
{
    char text[64];
    HANDLER_EXPECT(strcmp(user, "mine") == 0);
    (void)snprintf(text, sizeof text, "%s %u%s%.*s", belfry_sock_user(sock), code,
                   reason.size > 0 ? " " : "", (int)reason.size, (const char *)reason.data);
    tell("close", text);
    HANDLER_EXPECT(!belfry_is_in(sock, "tower"));
}

static void on_free_data(void *data)
{
    tell("free", ((struct reader *)data)->name);
    free(((struct reader *)data)->name);
}

static belfry *open_server(void)
{
    static char mine[] = "mine";
    belfry_options options = { .listen = "127.0.0.1:0",
                               .workers = 1,
                               .sock_data = sizeof(struct reader),
                               .deflate = BELFRY_DEFLATE_NONE };
    belfry_sse_handlers handlers = { .request = on_request,
                                     .open = on_open,
                                     .close = on_close,
                                     .free_data = on_free_data,
                                     .user = mine };
    belfry *server = belfry_new(&options);
    story[0] = '\0';
    assert_non_null(server);
    assert_int_equal(belfry_sse(server, "events", &handlers), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_sse(server, "/events", &handlers), BELFRY_OK);
    assert_int_equal(belfry_sse(server, "/open", NULL), BELFRY_OK);
    assert_true(belfry_fd(server) >= 0);
    return server;
}

/* --- clients, the server being stepped meanwhile ----------------------------------------------*/

/* False: the connection has ended. */
static bool step_and_read(belfry *server, struct client *c)
{
    struct pollfd fds[] = { { .fd = c->fd, .events = POLLIN },
                            { .fd = belfry_fd(server), .events = POLLIN } };
    assert_true(poll(fds, 2, belfry_timeout_ms(server)) >= 0);
    if (fds[0].revents != 0)
        return client_read(c);
    (void)belfry_step(server);
    return true;
}

static void ask(belfry *server, struct client *c, const char *path, const char *headers)
{
    char request[512];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                        path, headers);
    *c = (struct client){ .fd = client_dial(belfry_address(server, 0)) };
    client_write(c->fd, bytes_of(request, (size_t)size));
}

/* Forgets all up to @text, which comes. */
static void step_until(belfry *server, struct client *c, const char *text)
{
    const uint8_t *found = NULL;
    while (c->in.size == 0 || (found = memmem(c->in.data, c->in.size, text, strlen(text))) == NULL)
        assert_true(step_and_read(server, c));
    buf_consume(&c->in, (size_t)(found - c->in.data) + strlen(text));
}

static void step_to_the_end(belfry *server, struct client *c)
{
    while (step_and_read(server, c)) {}
    client_drop(c);
}

static void step_until_told(belfry *server, const char *what)
{
    while (strstr(story, what) == NULL) {
        struct pollfd one = { .fd = belfry_fd(server), .events = POLLIN };
        assert_true(poll(&one, 1, belfry_timeout_ms(server)) >= 0);
        assert_int_equal(belfry_step(server), BELFRY_OK);
    }
}

/* --- who may ----------------------------------------------------------------------------------*/

static void test_the_application_decides_who_reads(void **state)
{
    (void)state;
    static const struct refusal_case {
        const char *path, *want;
    } cases[] = {
        { "/events", "HTTP/1.1 401 " },
        { "/events?name=teapot", "short and stout" },
        { "/open?room=%01", "HTTP/1.1 400 " },
    };
    belfry *server = open_server();
    for (const struct refusal_case *c = cases; c != BELFRY_END(cases); c++) {
        struct client client;
        ask(server, &client, c->path, "");
        step_until(server, &client, c->want);
        client_drop(&client);
    }
    assert_string_equal(story, "");
    belfry_free(server);
}

/* --- what is said -----------------------------------------------------------------------------*/

static void test_a_reader_is_a_member_and_a_socket(void **state)
{
    (void)state;
    struct client ada;
    belfry *server = open_server();
    belfry_nsp *io = belfry_of(server, "/");
    ask(server, &ada, "/events?name=ada", "");
    step_until(server, &ada, "retry: ");
    step_until(server, &ada, "event: joined\n");
    step_until(server, &ada, "data: hello\ndata: you\n\n");
    assert_int_equal(belfry_emit(belfry_in(io, "tower"), "bell", "i", 1), BELFRY_OK);
    step_until(server, &ada, "event: bell\n");
    assert_int_equal(belfry_broadcast(belfry_in(io, "attic"), BELFRY_TEXT, "up", 2), BELFRY_OK);
    step_until(server, &ada, "data: up\n\n");
    client_drop(&ada);
    step_until_told(server, "free");
    assert_string_equal(story, "open ada;close ada 1006;free ada;");
    belfry_free(server);
}

static void test_without_handlers_readers_name_their_rooms(void **state)
{
    (void)state;
    struct client eve;
    belfry *server = open_server();
    belfry_nsp *io = belfry_of(server, "/");
    ask(server, &eve, "/open?room=tower&room=attic", "");
    step_until(server, &eve, "event: joined\n");
    assert_int_equal(belfry_broadcast(belfry_in(io, "attic"), BELFRY_TEXT, "up", 2), BELFRY_OK);
    step_until(server, &eve, "data: up\n\n");
    client_drop(&eve);
    belfry_free(server);
    assert_string_equal(story, "");
}

/* --- how it ends ------------------------------------------------------------------------------*/

static void test_the_application_closes_a_reader(void **state)
{
    (void)state;
    struct client brief;
    belfry *server = open_server();
    ask(server, &brief, "/events?name=brief", "");
    step_until(server, &brief, "data: hello\ndata: you\n\n");
    step_to_the_end(server, &brief);
    assert_string_equal(story, "open brief;close brief 4001;free brief;");
    belfry_free(server);
}

/* A reader that goes while it is being closed was closed all the same. */
static void test_who_goes_while_it_is_closed_was_closed(void **state)
{
    (void)state;
    struct client brief;
    belfry *server = open_server();
    ask(server, &brief, "/events?name=brief", "");
    client_drop(&brief); /* before the server has looked */
    step_until_told(server, "free");
    assert_string_equal(story, "open brief;close brief 4001;free brief;");
    belfry_free(server);
}

static void test_a_stopping_server_ends_its_streams(void **state)
{
    (void)state;
    struct client ada;
    belfry *server = open_server();
    ask(server, &ada, "/events?name=ada", "");
    step_until(server, &ada, "data: hello\n");
    belfry_stop_soon(server);
    step_to_the_end(server, &ada);
    assert_string_equal(story, "open ada;close ada 1001;free ada;");
    belfry_free(server);
}

static int check_handlers(void **state)
{
    (void)state;
    return atomic_load(&handlers_wrong) == 0 ? 0 : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, check_handlers)
    const struct CMUnitTest tests[] = {
        TEST(test_the_application_decides_who_reads),
        TEST(test_a_reader_is_a_member_and_a_socket),
        TEST(test_without_handlers_readers_name_their_rooms),
        TEST(test_the_application_closes_a_reader),
        TEST(test_who_goes_while_it_is_closed_was_closed),
        TEST(test_a_stopping_server_ends_its_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
