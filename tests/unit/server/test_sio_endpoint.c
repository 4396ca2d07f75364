/*
 * test_sio_endpoint.c - the HTTP side of Socket.IO: hooks, refusals, several endpoints, files,
 * origins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "socketio/msgpack_packet.h"
#include "unit/server/sio_client.h"

#define HEAD " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
#define POLLING "EIO=4&transport=polling"

/* The whole answer to "GET /path" and the like; @more: headers, each with its line break. */
static const char *ask(const char *method_and_path, const char *more, const char *body)
{
    char request[4096];
    (void)snprintf(request, sizeof request, "%s" HEAD "%sContent-Length: %zu\r\n\r\n%s",
                   method_and_path, more, strlen(body), body);
    return client_http(address, request);
}

static const char *get(const char *path, const char *more)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "GET %s", path);
    return ask(line, more, "");
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void expect_answer(const char *answer, const char *status, const char *part)
{
    char line[64];
    (void)snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    if (strncmp(answer, line, strlen(line)) != 0 || strstr(answer, part) == NULL)
        fail_msg("want %s with %s, got: %s", status, part, answer);
}

static void expect_not(const char *answer, const char *part)
{
    if (strstr(answer, part) != NULL)
        fail_msg("%s is in: %s", part, answer);
}

/* The answer to a WebSocket handshake; the connection is closed. */
static const char *ask_websocket(const char *path, const char *more)
{
    static char head[2048];
    struct client c;
    client_ask(&c, address, path, more);
    client_read_head(&c);
    strcpy(head, c.head);
    if (strncmp(head, "HTTP/1.1 101", 12) != 0) { /* and the body, till the end */
        while (client_read(&c)) {}
        strncat(head, (const char *)c.in.data, c.in.size);
    }
    client_drop(&c);
    return head;
}

/* --- hooks ------------------------------------------------------------------------------------*/

static const char *on_allow(belfry_request *req, void *user)
{
    const char *token = belfry_request_query(req, "token");
    HANDLER_EXPECT(strcmp(user, "hooks") == 0);
    HANDLER_EXPECT(belfry_request_server(req) == server);
    HANDLER_EXPECT(belfry_reply_header(req, "X-Seen", "yes") == BELFRY_OK);
    if (token == NULL)
        return NULL;
    return strcmp(token, "mute") == 0 ? "" : "not \"today\"";
}

static void on_connection_error(belfry_request *req, const belfry_connection_error *error,
                                void *user)
{
    HANDLER_EXPECT(strcmp(user, "hooks") == 0);
    HANDLER_EXPECT(strncmp(belfry_request_path(req), "/io/", 4) == 0);
    note("%u %s|%s;", error->code, error->message, error->context);
}

static void begin_hooked(belfry_options options)
{
    belfry_socketio_hooks hooks = { .allow = on_allow,
                                    .connection_error = on_connection_error,
                                    .user = "hooks" };
    begin_server(options);
    assert_int_equal(belfry_socketio(server, "/io", &hooks), BELFRY_OK); /* also without a slash */
    hooks = (belfry_socketio_hooks){ 0 };                                /* it was copied */
    assert_int_equal(belfry_socketio(server, NULL, NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_socketio(server, "io", NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_socketio(NULL, "/io", NULL), BELFRY_ERR_STATE);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    assert_int_equal(belfry_socketio(server, "/late", NULL), BELFRY_ERR_STATE);
}

static void test_the_hook_allows_or_says_why_not(void **state)
{
    (void)state;
    begin_hooked((belfry_options){ 0 });
    expect_answer(get("/io/?" POLLING, ""), "200", "X-Seen: yes\r\n");
    expect_answer(get("/io/?" POLLING "&token=x", ""), "403",
                  "{\"code\":4,\"message\":\"not \\\"today\\\"\"}");
    expect_answer(get("/io/?" POLLING "&token=mute", ""), "403",
                  "{\"code\":4,\"message\":\"Forbidden\"}");
    expect_answer(get("/io/?" POLLING "&token=x", ""), "403", "X-Seen: yes\r\n");
    journal_expect("4 not \"today\"|;4 Forbidden|;4 not \"today\"|;");
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", ""), "101", "X-Seen: yes\r\n");
    const char *answer = ask_websocket("/io/?EIO=4&transport=websocket&token=x", "");
    expect_answer(answer, "400", "X-Seen: yes\r\n");
    assert_string_equal(body_of(answer), "not \"today\"");
    answer = ask_websocket("/io/?EIO=4&transport=websocket&token=mute", "");
    assert_string_equal(body_of(answer), "Forbidden");
    journal_expect("4 not \"today\"|;4 Forbidden|;");
    /* The path is the endpoint's with its slash, and no other. */
    expect_answer(get("/io?" POLLING, ""), "404", "");
    expect_answer(get("/socket.io/?" POLLING, ""), "404", "");
    end_server();
}

static void test_each_refusal_is_told_with_its_code_and_what_was_wrong(void **state)
{
    (void)state;
    char sid[PUBLIC_ID_SIZE + 1], line[256];
    static const struct {
        const char *request, *status, *body, *noted;
    } rows[] = {
        { "GET /io/?EIO=4&transport=tube", "400", "{\"code\":0,\"message\":\"Transport unknown\"}",
          "0 Transport unknown|tube;" },
        { "GET /io/", "400", "{\"code\":0,\"message\":\"Transport unknown\"}",
          "0 Transport unknown|;" },
        { "GET /io/?" POLLING "&sid=nobody", "400",
          "{\"code\":1,\"message\":\"Session ID unknown\"}", "1 Session ID unknown|nobody;" },
        { "POST /io/?" POLLING, "400", "{\"code\":2,\"message\":\"Bad handshake method\"}",
          "2 Bad handshake method|;" },
        { "GET /io/?EIO=4&transport=websocket", "400", "{\"code\":3,\"message\":\"Bad request\"}",
          "3 Bad request|TRANSPORT_HANDSHAKE_ERROR;" },
        { "GET /io/?EIO=3&transport=polling", "400",
          "{\"code\":5,\"message\":\"Unsupported protocol version\"}",
          "5 Unsupported protocol version|;" },
        { "GET /io/?EIO=4&transport=websocket&sid=", NULL,
          "{\"code\":3,\"message\":\"Bad request\"}", "3 Bad request|TRANSPORT_MISMATCH;" },
        { "GET /io/?EIO=3&transport=polling&sid=", NULL, "{\"code\":3,\"message\":\"Bad request\"}",
          "3 Bad request|PROTOCOL_MISMATCH;" },
    };
    begin_hooked((belfry_options){ .workers = 2 });
    copy_field(get("/io/?" POLLING, ""), "\"sid\":\"", sid);
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        (void)snprintf(line, sizeof line, "%s%s", rows[i].request,
                       rows[i].status == NULL ? sid : "");
        expect_answer(ask(line, "", ""), "400", rows[i].body);
        journal_expect(rows[i].noted);
    }
    (void)snprintf(line, sizeof line, "GET /io/?" POLLING "&sid=%0200d", 0); /* is cut */
    expect_answer(ask(line, "", ""), "400", "\"code\":1");
    char want[256];
    (void)snprintf(want, sizeof want, "1 Session ID unknown|%0127d;", 0);
    journal_expect(want);
    expect_answer(ask_websocket("/io/?EIO=4&transport=tube", ""), "400", "Transport unknown");
    expect_answer(ask_websocket("/io/?EIO=3&transport=websocket", ""), "400",
                  "Unsupported protocol version");
    journal_expect("0 Transport unknown|tube;5 Unsupported protocol version|;");
    end_server();
}

/* --- polling ----------------------------------------------------------------------------------*/

static void note_transport(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    note("%s %s;", belfry_sock_transport(sock), belfry_sock_header(sock, "X-Thing"));
}

static void test_a_polling_client_is_a_socket_as_any(void **state)
{
    (void)state;
    char sid[PUBLIC_ID_SIZE + 1], line[256];
    begin_server((belfry_options){ .workers = 2, .cookie = "lb" });
    assert_int_equal(belfry_on(io, "connection", note_transport, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    const char *answer = get("/socket.io/?" POLLING, "X-Thing: 7\r\n");
    copy_field(answer, "\"sid\":\"", sid);
    (void)snprintf(line, sizeof line, "Set-Cookie: lb=%s; Path=/; HttpOnly; SameSite=Lax\r\n", sid);
    expect_answer(answer, "200", line);
    expect_answer(answer, "200", "\"upgrades\":[\"websocket\"]");
    (void)snprintf(line, sizeof line, "POST /socket.io/?" POLLING "&sid=%s", sid);
    answer = ask(line, "Content-Type: text/plain\r\n",
                 "40\x1e"
                 "421[\"sync\"]");
    assert_string_equal(body_of(answer), "ok");
    expect_not(answer, "Set-Cookie"); /* with the handshake only */
    journal_expect("polling 7;");
    (void)snprintf(line, sizeof line, "GET /socket.io/?" POLLING "&sid=%s", sid);
    answer = body_of(ask(line, "", ""));
    assert_memory_equal(answer, "40{\"sid\":\"", 10);
    assert_non_null(strstr(answer, "\"}\x1e"
                                   "431[]"));
    end_server();
}

static void test_only_the_transports_that_are_listed_are_served(void **state)
{
    (void)state;
    begin_hooked((belfry_options){ .transports = "websocket" });
    expect_answer(get("/io/?" POLLING, ""), "400", "\"code\":0");
    journal_expect("0 Transport unknown|polling;");
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", ""), "101", "");
    end_server();
    begin_hooked((belfry_options){ .transports = "polling" });
    expect_answer(get("/io/?" POLLING, ""), "200", "\"upgrades\":[]");
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", ""), "400", "Transport unknown");
    journal_expect("0 Transport unknown|websocket;");
    end_server();
    begin_hooked((belfry_options){ .no_upgrades = true });
    expect_answer(get("/io/?" POLLING, ""), "200", "\"upgrades\":[]");
    end_server();
    assert_null(belfry_new(&(belfry_options){ .transports = "polling,pigeon" }));
    assert_non_null(strstr(belfry_why(NULL), "pigeon"));
    assert_null(belfry_new(&(belfry_options){ .transports = "," }));
    assert_null(belfry_new(&(belfry_options){ .cookie = "a b" }));
    assert_non_null(strstr(belfry_why(NULL), "cookie"));
}

static void test_the_default_endpoint_is_there_when_it_is_wanted(void **state)
{
    (void)state;
    begin_server((belfry_options){ 0 });
    start_server();
    expect_answer(get("/socket.io/?" POLLING, ""), "404", ""); /* no namespace has a handler */
    end_server();
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_on(belfry_of(server, "/x"), "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    expect_answer(get("/socket.io/?" POLLING, ""), "200", "0{\"sid\":\"");
    end_server();
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_socketio(server, "/socket.io/", NULL), BELFRY_OK);
    start_server(); /* without any handler */
    expect_answer(get("/socket.io/?" POLLING, ""), "200", "0{\"sid\":\"");
    end_server();
}

/* --- several endpoints ------------------------------------------------------------------------*/

static void on_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_join(sock, "tower") == BELFRY_OK);
    HANDLER_EXPECT(belfry_ack(msg, "s", "joined") == BELFRY_OK);
}

static void on_pass(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_forward(belfry_to(sock, "tower"), "passed", msg) == BELFRY_OK);
}

static void mp_say(struct sio *s, const struct sio_packet *packet)
{
    struct buf message = { 0 };
    assert_int_equal(sio_msgpack_put_packet(&message, packet), BELFRY_OK);
    client_send(&s->ws, WS_BINARY | WS_FIN, buf_bytes(&message));
    buf_deinit(&message);
}

/* The next packet as "type name args|attachment|". */
static const char *mp_take(struct sio *s)
{
    static char text[1024];
    struct sio_scratch scratch = { 0 };
    struct sio_limits limits = { 64, 10, 100000 };
    struct sio_packet packet;
    const char *why = "";
    size_t header, payload;
    while (!client_has_frame(&s->ws, &header, &payload))
        assert_true(client_read(&s->ws));
    assert_int_equal(s->ws.in.data[0], WS_BINARY | WS_FIN);
    belfry_bytes message = bytes_of(s->ws.in.data + header, payload);
    if (sio_msgpack_read(message, &limits, &scratch, &packet, &why) != SIO_PACKET)
        fail_msg("%s", why);
    (void)snprintf(text, sizeof text, "%d %.*s %.*s|", (int)packet.type, (int)packet.name.size,
                   packet.name.size > 0 ? (const char *)packet.name.data : "",
                   (int)packet.args.size,
                   packet.args.size > 0 ? (const char *)packet.args.data : "");
    for (unsigned i = 0; i < packet.attachment_count; i++) {
        strncat(text, packet.attachments[i].data, packet.attachments[i].size);
        strcat(text, "|");
    }
    sio_scratch_deinit(&scratch);
    buf_consume(&s->ws.in, header + payload);
    return text;
}

#define HOLE "{\"_placeholder\":true,\"num\":0}"

static void test_endpoints_of_both_parsers_share_a_room(void **state)
{
    (void)state;
    struct sio ada, mia;
    char line[256];
    const belfry_bytes part = BELFRY_BYTES("abc");
    begin_server((belfry_options){ .workers = 2 });
    belfry_socketio_hooks msgpack = { .parser = BELFRY_PARSER_MSGPACK };
    assert_int_equal(belfry_socketio(server, "/text/", NULL), BELFRY_OK);
    assert_int_equal(belfry_socketio(server, "/msgpack", &msgpack), BELFRY_OK);
    assert_int_equal(belfry_on(io, "join", on_join, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "pass", on_pass, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    expect_answer(get("/socket.io/?" POLLING, ""), "404", ""); /* only those that were asked for */
    sio_open_with(&ada, "/text/", "", "");
    sio_join(&ada, "/", "");
    sio_say(&ada, "29[\"join\"]");
    sio_expect(&ada, "39[\"joined\"]");
    sio_open_with(&mia, "/msgpack/", "", "");
    struct sio_packet packet = { .type = SIO_CONNECT, .nsp = BELFRY_BYTES("/") };
    mp_say(&mia, &packet);
    assert_string_equal(mp_take(&mia), "0  |");
    packet = (struct sio_packet){ .type = SIO_EVENT,
                                  .nsp = BELFRY_BYTES("/"),
                                  .data = BELFRY_BYTES("[\"join\"]"),
                                  .has_id = true,
                                  .id = 5 };
    mp_say(&mia, &packet);
    assert_string_equal(mp_take(&mia), "3  \"joined\"|");
    belfry_target tower = belfry_in(io, "tower");
    assert_int_equal(belfry_emit(tower, "e", "{s:[i,n,b]}", "a", 1, 1), BELFRY_OK);
    sio_expect(&ada, "2[\"e\",{\"a\":[1,null,true]}]");
    assert_string_equal(mp_take(&mia), "2 \"e\" {\"a\":[1,null,true]}|");
    assert_int_equal(belfry_emit_bin(tower, "b", NULL, &part, 1), BELFRY_OK);
    sio_expect(&ada, "51-[\"b\"," HOLE "]");
    sio_expect(&ada, "<abc>");
    assert_string_equal(mp_take(&mia), "5 \"b\" " HOLE "|abc|");
    sio_say(&ada, "51-[\"pass\",1," HOLE "]"); /* from one to the other */
    sio_say_binary(&ada, "def");
    assert_string_equal(mp_take(&mia), "5 \"passed\" 1," HOLE "|def|");
    packet = (struct sio_packet){ .type = SIO_BINARY_EVENT,
                                  .nsp = BELFRY_BYTES("/"),
                                  .data = BELFRY_BYTES("[\"pass\"," HOLE ",\"x\"]"),
                                  .attachment_count = 1,
                                  .attachments = &part };
    mp_say(&mia, &packet);
    sio_expect(&ada, "51-[\"passed\"," HOLE ",\"x\"]");
    sio_expect(&ada, "<abc>");
    /* A session belongs to its endpoint. */
    char sid[PUBLIC_ID_SIZE + 1];
    copy_field(get("/text/?" POLLING, ""), "\"sid\":\"", sid);
    (void)snprintf(line, sizeof line, "/msgpack/?" POLLING "&sid=%s", sid);
    expect_answer(get(line, ""), "400", "Session ID unknown");
    sio_say(&mia, "40"); /* text is no MessagePack */
    sio_wait_for_end(&mia);
    sio_drop(&ada);
    end_server();
}

/* --- files ------------------------------------------------------------------------------------*/

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_the_clients_files_are_served_from_a_folder(void **state)
{
    (void)state;
    char folder[] = "/tmp/belfry-test-XXXXXX", path[256], etag[64], line[128];
    assert_non_null(mkdtemp(folder));
    write_file(folder, "socket.io.js", "var io = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';");
    write_file(folder, "socket.io.js.map", "{}");
    write_file(folder, "secret.js", "no");
    begin_server((belfry_options){ .client_dir = folder, .origins = "*" });
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    const char *answer = get("/socket.io/socket.io.js", "");
    expect_answer(answer, "200", "Content-Type: application/javascript; charset=utf-8\r\n");
    expect_answer(answer, "200", "Cache-Control: public, max-age=0\r\n");
    expect_answer(answer, "200", "Access-Control-Allow-Origin: *\r\n");
    expect_answer(answer, "200", "Content-Length: 57\r\n");
    assert_memory_equal(body_of(answer), "var io = 'aaa", 13);
    const char *at = strstr(answer, "ETag: ");
    assert_non_null(at);
    (void)snprintf(etag, sizeof etag, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
    (void)snprintf(line, sizeof line, "If-None-Match: \"x\", %s\r\n", etag);
    answer = get("/socket.io/socket.io.js", line);
    expect_answer(answer, "304", etag);
    assert_string_equal(body_of(answer), "");
    expect_answer(get("/socket.io/socket.io.js", "If-None-Match: \"other\"\r\n"), "200", "var io");
    answer = ask("HEAD /socket.io/socket.io.js", "", "");
    expect_answer(answer, "200", "Content-Length: 57\r\n");
    assert_string_equal(body_of(answer), "");
    answer = get("/socket.io/socket.io.js", "Accept-Encoding: gzip\r\n");
    expect_answer(answer, "200", "Content-Encoding: gzip\r\n");
    assert_memory_equal(body_of(answer), "\x1f\x8b", 2);
    expect_answer(get("/socket.io/socket.io.js.map", ""), "200",
                  "Content-Type: application/json; charset=utf-8\r\n");
    /* Not there; not of the names that there are; not another method. */
    expect_answer(get("/socket.io/socket.io.min.js", ""), "404", "client_dir");
    expect_answer(get("/socket.io/secret.js", ""), "400", "Transport unknown");
    expect_answer(get("/socket.io/../secret.js", ""), "400", "");
    expect_answer(ask("POST /socket.io/socket.io.js", "", ""), "400", "Transport unknown");
    end_server();
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    expect_answer(get("/socket.io/socket.io.js", ""), "404", "client_dir");
    end_server();
    static const char *const names[] = { "socket.io.js", "socket.io.js.map", "secret.js" };
    for (size_t i = 0; i < BELFRY_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* --- origins ----------------------------------------------------------------------------------*/

static void test_pages_of_other_origins_need_to_be_listed(void **state)
{
    (void)state;
    static const char other[] = "Origin: https://other.example\r\n";
    static const char listed[] = "Origin: https://good.example\r\n";
    begin_hooked((belfry_options){ 0 });
    /* Polls are left to the browser, which shows them to nobody. */
    expect_not(get("/io/?" POLLING, other), "Access-Control");
    expect_not(ask("OPTIONS /io/?" POLLING, other, ""), "Access-Control");
    journal_clear();
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", other), "403", "origins");
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", "Origin: http://localhost\r\n"),
                  "101", "");
    end_server();
    begin_hooked((belfry_options){ .origins = "https://good.example",
                                   .cors_credentials = true,
                                   .cors_exposed_headers = "X-A",
                                   .cors_max_age_ms = 5000 });
    const char *answer = get("/io/?" POLLING, listed);
    expect_answer(answer, "200", "Access-Control-Allow-Origin: https://good.example\r\n");
    expect_answer(answer, "200", "Access-Control-Allow-Credentials: true\r\n");
    expect_answer(answer, "200", "Access-Control-Expose-Headers: X-A\r\n");
    expect_answer(answer, "200", "Vary: Origin\r\n");
    answer = get("/io/?" POLLING, other);
    expect_not(answer, "Access-Control-Allow-Origin");
    expect_answer(answer, "200", "Vary: Origin\r\n");
    expect_answer(get("/io/?EIO=4&transport=tube", listed), "400",
                  "Access-Control-Allow-Origin: https://good.example\r\n");
    journal_expect("0 Transport unknown|tube;");
    answer = ask("OPTIONS /io/?" POLLING,
                 "Origin: https://good.example\r\nAccess-Control-Request-Headers: X-Mine\r\n", "");
    expect_answer(answer, "204", "Access-Control-Allow-Origin: https://good.example\r\n");
    expect_answer(answer, "204", "Access-Control-Allow-Headers: X-Mine\r\n");
    expect_answer(answer, "204", "Access-Control-Max-Age: 5\r\n");
    expect_answer(answer, "204", "Access-Control-Allow-Methods: ");
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", listed), "101", "");
    expect_answer(ask_websocket("/io/?EIO=4&transport=websocket", other), "403", "origins");
    end_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hook_allows_or_says_why_not),
        cmocka_unit_test(test_each_refusal_is_told_with_its_code_and_what_was_wrong),
        cmocka_unit_test(test_a_polling_client_is_a_socket_as_any),
        cmocka_unit_test(test_only_the_transports_that_are_listed_are_served),
        cmocka_unit_test(test_the_default_endpoint_is_there_when_it_is_wanted),
        cmocka_unit_test(test_endpoints_of_both_parsers_share_a_room),
        cmocka_unit_test(test_the_clients_files_are_served_from_a_folder),
        cmocka_unit_test(test_pages_of_other_origins_need_to_be_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
