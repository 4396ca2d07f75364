/*
 * test_sio_events.c - events in both directions: what handlers are given, and who hears what in
 * which shape.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/server/sio_client.h"

/* --- which handlers, in which order -----------------------------------------------------------*/

/* @user: what to note. "sync" is not worth it. */
static void on_noted(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    if (strcmp(belfry_msg_event(msg), "sync") != 0)
        note("%s(%s);", (const char *)user, belfry_msg_event(msg));
}

static belfry_err pass_noted(belfry_sock *sock, belfry_msg *msg, void *user)
{
    on_noted(sock, msg, user);
    return strcmp(belfry_msg_event(msg), user) == 0 ? BELFRY_ERR_LIMIT : BELFRY_OK;
}

static void on_disconnect_me(belfry_sock *sock, belfry_msg *msg, void *user)
{
    on_noted(sock, msg, user);
    belfry_disconnect(sock, BELFRY_THIS_NAMESPACE);
}

static void test_handlers_are_called_in_the_order_of_adding(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_on(io, "e", on_noted, "h1"), BELFRY_OK);
    assert_int_equal(belfry_use_event(io, pass_noted, "bad"), BELFRY_OK);
    assert_int_equal(belfry_on_any(io, on_noted, "any1"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "e", on_noted, "h2"), BELFRY_OK);
    assert_int_equal(belfry_use_event(io, pass_noted, "worse"), BELFRY_OK);
    assert_int_equal(belfry_on_any(io, on_noted, "any2"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "bad", on_noted, "never"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "worse", on_noted, "never"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "error", on_noted, "error1"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "error", on_noted, "error2"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "leave", on_disconnect_me, "bye"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "leave", on_noted, "never"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    sio_say(&ada, "2[\"e\"]");
    sio_expect_nothing(&ada);
    journal_expect("any1(e);any2(e);bad(e);worse(e);h1(e);h2(e);");
    sio_say(&ada, "21[\"bad\"]");
    sio_expect_nothing(&ada); /* the client is told nothing, not even by an answer */
    journal_expect("any1(bad);any2(bad);bad(bad);error1(bad);error2(bad);");
    sio_say(&ada, "2[\"worse\"]");
    sio_expect_nothing(&ada);
    journal_expect("any1(worse);any2(worse);bad(worse);worse(worse);error1(worse);error2(worse);");
    sio_say(&ada, "2[\"error\"]"); /* of a client's own: an event as any */
    sio_expect_nothing(&ada);
    journal_expect("any1(error);any2(error);bad(error);worse(error);error1(error);error2(error);");
    sio_say(&ada, "2[\"nobody hears it\"]");
    sio_expect_nothing(&ada);
    journal_clear();
    sio_say(&ada, "2[\"leave\"]"); /* the handlers behind it are not called */
    sio_expect(&ada, "1");
    journal_expect("any1(leave);any2(leave);bad(leave);worse(leave);bye(leave);");
    sio_drop(&ada);
    end_server();
}

static void on_name(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    HANDLER_EXPECT(belfry_ack(msg, "ss", (const char *)user, belfry_msg_event(msg)) == BELFRY_OK);
}

static void test_event_names_are_what_their_json_means(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *want;
    } rows[] = {
        { "\"plain\"", "[\"plain\",\"plain\"]" },
        { "\"pl\\u0061in\"", "[\"plain\",\"plain\"]" },
        { "\"say \\\"hi\\\"\\n\"", "[\"quoted\",\"say \\\"hi\\\"\\n\"]" },
        { "\"\\u00e9\\ud83d\\ude00\"", "[\"emoji\",\"\xc3\xa9\xf0\x9f\x98\x80\"]" },
        { "12", "[\"number\",\"12\"]" },
        { "\"12\"", "[\"number\",\"12\"]" },
        { "-1.5e3", "[\"float\",\"-1.5e3\"]" },
        { "\"\"", "[\"empty\",\"\"]" },
    };
    struct sio ada;
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_on(io, "plain", on_name, "plain"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "say \"hi\"\n", on_name, "quoted"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "\xc3\xa9\xf0\x9f\x98\x80", on_name, "emoji"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "12", on_name, "number"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "-1.5e3", on_name, "float"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "", on_name, "empty"), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        char want[128];
        (void)snprintf(want, sizeof want, "35%s", rows[i].want);
        sio_say(&ada, "25[%s]", rows[i].sent);
        sio_expect(&ada, want);
    }
    sio_drop(&ada);
    end_server();
}

static void test_reserved_names_are_nobodys(void **state)
{
    (void)state;
    static const char *const reserved[] = { "connect",       "connect_error", "disconnect",
                                            "disconnecting", "newListener",   "removeListener" };
    static const char *const no_handlers[] = { "connect_error", "newListener", "removeListener" };
    struct sio ada;
    begin_server((belfry_options){ 0 });
    for (size_t i = 0; i < BELFRY_COUNT(no_handlers); i++)
        assert_int_equal(belfry_on(io, no_handlers[i], on_noted, "x"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_on(io, NULL, on_noted, "x"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_on(io, "\xff", on_noted, "x"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_on(io, "x", NULL, NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_on(io, "connection", on_noted, "moment"), BELFRY_OK);
    assert_int_equal(belfry_on_any(io, on_noted, "any"), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    assert_int_equal(belfry_on(io, "late", on_noted, "x"), BELFRY_ERR_STATE);
    assert_int_equal(belfry_on_any(io, on_noted, "x"), BELFRY_ERR_STATE);
    assert_int_equal(belfry_use_event(io, pass_noted, "x"), BELFRY_ERR_STATE);
    belfry_target all = belfry_everyone(io);
    for (size_t i = 0; i < BELFRY_COUNT(reserved); i++) {
        assert_int_equal(belfry_emit(all, reserved[i], NULL), BELFRY_ERR_INVALID);
        assert_int_equal(belfry_emit_raw(all, reserved[i], "1", 1), BELFRY_ERR_INVALID);
        assert_int_equal(belfry_emit_bin(all, reserved[i], "1", NULL, 0), BELFRY_ERR_INVALID);
        assert_int_equal(belfry_emit_id(server, 1, reserved[i], NULL), BELFRY_ERR_INVALID);
        assert_int_equal(belfry_call(all, 0, ignore_replies, NULL, reserved[i], NULL),
                         BELFRY_ERR_INVALID);
        assert_non_null(strstr(belfry_why(server), "reserved"));
        sio_arrive(&ada); /* and a client that sends one is gone */
        sio_say(&ada, "2[\"%s\"]", reserved[i]);
        sio_wait_for_end(&ada);
        journal_expect("moment(connection);");
    }
    sio_arrive(&ada);
    journal_expect("moment(connection);");
    sio_say(&ada, "2[\"connection\"]"); /* an event as any: nothing is caused by it */
    sio_expect_nothing(&ada);
    journal_expect("any(connection);");
    assert_int_equal(belfry_emit(all, "connection", NULL), BELFRY_OK);
    sio_expect(&ada, "2[\"connection\"]");
    sio_drop(&ada);
    end_server();
}

/* --- arguments --------------------------------------------------------------------------------*/

static belfry_err answer_why(belfry_msg *msg, belfry_err err)
{
    HANDLER_EXPECT(err == BELFRY_ERR_INVALID);
    return belfry_ack(msg, "s", belfry_why(server));
}

static void on_s(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *text;
    belfry_err err = belfry_args(msg, "s", &text);
    (void)sock;
    (void)user;
    if (err != BELFRY_OK)
        (void)answer_why(msg, err);
    else
        HANDLER_EXPECT(belfry_ack(msg, "s", text) == BELFRY_OK);
}

static void on_si(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *text;
    int number;
    belfry_err err = belfry_args(msg, "si", &text, &number);
    (void)sock;
    (void)user;
    if (err != BELFRY_OK)
        (void)answer_why(msg, err);
    else
        HANDLER_EXPECT(belfry_ack(msg, "is", number, text) == BELFRY_OK);
}

static void on_object(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *text;
    int number = -1;
    belfry_err err = belfry_args(msg, "{s:s, s?:i}", "text", &text, "n", &number);
    (void)sock;
    (void)user;
    if (err != BELFRY_OK)
        (void)answer_why(msg, err);
    else
        HANDLER_EXPECT(belfry_ack(msg, "{s:s, s:i}", "text", text, "n", number) == BELFRY_OK);
}

static void on_tree(belfry_sock *sock, belfry_msg *msg, void *user)
{
    json_t *tree = belfry_msg_json(msg);
    belfry_bytes raw = belfry_msg_raw(msg);
    (void)sock;
    (void)user;
    HANDLER_EXPECT(belfry_msg_json(msg) == tree); /* read once */
    HANDLER_EXPECT(belfry_attachment_count(msg) == 0);
    if (tree == NULL)
        HANDLER_EXPECT(belfry_ack(msg, "ss%", "none", raw.data, raw.size) == BELFRY_OK);
    else
        HANDLER_EXPECT(belfry_ack(msg, "is%", (int)json_array_size(tree),
                                  raw.size > 0 ? raw.data : "", raw.size) == BELFRY_OK);
}

static void test_arguments_are_read_by_format_or_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *sent; /* behind the event's name */
        const char *want; /* that the answer begins with */
        const char *part; /* that is in it; or NULL */
    } rows[] = {
        { "\"s\",\"x\"", "[\"x\"]", NULL },
        { "\"s\",\"x\",1,{}", "[\"x\"]", NULL }, /* more are no error */
        { "\"s\"", "[\"argument 1 is missing\"]", NULL },
        { "\"s\",7", "[\"argument 1 is not as it should be", "Expected string, got integer" },
        { "\"s\",null", "[\"argument 1 is not as it should be", "got null" },
        { "\"s\",\"a\\u0000b\"", "[\"cannot read the arguments", "\\\\u0000" },
        { "\"s\",\"x\",\"a\\u0000b\"", "[\"cannot read the arguments", "\\\\u0000" },
        { "\"s\",\"x\",1e400", "[\"cannot read the arguments", "real number overflow" },
        { "\"si\",\"x\",5", "[5,\"x\"]", NULL },
        { "\"si\",\"x\"", "[\"argument 2 is missing\"]", NULL },
        { "\"si\",\"x\",\"5\"", "[\"argument 2 is not as it should be",
          "Expected integer, got string" },
        { "\"si\",5,\"x\"", "[\"argument 1 is not as it should be",
          "Expected string, got integer" },
        { "\"object\",{\"text\":\"hi\",\"n\":3,\"more\":[]}", "[{\"text\":\"hi\",\"n\":3}]", NULL },
        { "\"object\",{\"text\":\"hi\"}", "[{\"text\":\"hi\",\"n\":-1}]", NULL },
        { "\"object\",{\"n\":3}", "[\"argument 1 is not as it should be", "text" },
        { "\"object\",[]", "[\"argument 1 is not as it should be", "Expected object, got array" },
        { "\"tree\"", "[0,\"\"]", NULL },
        { "\"tree\", {\"a\": [1.50]} ,2", "[2,\"{\\\"a\\\": [1.50]} ,2\"]", NULL },
        { "\"tree\",1e400", "[\"none\",\"1e400\"]", NULL },
    };
    struct sio ada;
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_on(io, "s", on_s, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "si", on_si, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "object", on_object, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "tree", on_tree, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        sio_say(&ada, "21[%s]", rows[i].sent);
        const char *got = sio_take(&ada);
        if (strncmp(got, "31", 2) != 0 ||
            strncmp(got + 2, rows[i].want, strlen(rows[i].want)) != 0 ||
            (rows[i].part != NULL && strstr(got, rows[i].part) == NULL))
            fail_msg("row %zu, %s: %s", i, rows[i].sent, got);
    }
    sio_drop(&ada);
    end_server();
}

static void on_parts(belfry_sock *sock, belfry_msg *msg, void *user)
{
    unsigned count = belfry_attachment_count(msg);
    belfry_bytes raw = belfry_msg_raw(msg);
    char text[64] = "";
    (void)sock;
    (void)user;
    for (unsigned i = 0; i < count; i++) {
        belfry_bytes part = belfry_attachment(msg, i);
        strncat(text, part.data, part.size);
        strcat(text, "|");
    }
    HANDLER_EXPECT(belfry_attachment(msg, count).data == NULL);
    HANDLER_EXPECT(belfry_attachment(msg, UINT32_MAX).size == 0);
    HANDLER_EXPECT(belfry_ack(msg, "iss%", (int)count, text, raw.size > 0 ? raw.data : "",
                              raw.size) == BELFRY_OK);
}

#define HOLE(n) "{\"_placeholder\":true,\"num\":" #n "}"
#define ESCAPED_HOLE(n) "{\\\"_placeholder\\\":true,\\\"num\\\":" #n "}"

static void test_attachments_come_beside_the_json(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .max_attachments = 3 });
    assert_int_equal(belfry_on(io, "parts", on_parts, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    sio_say(&ada, "52-4[\"parts\"," HOLE(0) ",{\"b\":" HOLE(1) "}," HOLE(0) "]");
    sio_say_binary(&ada, "abc");
    sio_say_binary(&ada, "");
    sio_expect(&ada, "34[2,\"abc||\",\"" ESCAPED_HOLE(0) ",{\\\"b\\\":" ESCAPED_HOLE(
                         1) "}," ESCAPED_HOLE(0) "\"]");
    sio_say(&ada, "53-5[\"parts\"]"); /* and none of them is used */
    for (int i = 0; i < 3; i++)
        sio_say_binary(&ada, "x");
    sio_expect(&ada, "35[3,\"x|x|x|\",\"\"]");
    sio_say(&ada, "54-6[\"parts\"]"); /* max_attachments */
    sio_wait_for_end(&ada);
    end_server();
}

/* --- passing on, and binary -------------------------------------------------------------------*/

static void on_forward(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_forward(belfry_to(sock, "tower"), "disconnect", msg) ==
                   BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_forward(belfry_to(sock, "tower"), "passed on", msg) == BELFRY_OK);
}

static void on_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *room;
    (void)user;
    HANDLER_EXPECT(belfry_args(msg, "s", &room) == BELFRY_OK);
    HANDLER_EXPECT(belfry_join(sock, room) == BELFRY_OK);
    HANDLER_EXPECT(belfry_ack(msg, NULL) == BELFRY_OK);
}

static void sio_enter(struct sio *s, const char *room)
{
    sio_say(s, "29[\"join\",\"%s\"]", room);
    sio_expect(s, "39[]");
}

static void add_joining(belfry_nsp *nsp)
{
    assert_int_equal(belfry_on(nsp, "join", on_join, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(nsp, "sync", on_sync, NULL), BELFRY_OK);
}

static void on_raw_open(belfry_sock *sock, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_join(sock, "tower") == BELFRY_OK);
    belfry_send_text(sock, "in");
}

static void add_raw_route(void)
{
    belfry_ws_handlers raw = { .open = on_raw_open, .message = obey };
    assert_int_equal(belfry_ws(server, "/raw", &raw), BELFRY_OK);
}

static void open_raw(struct client *c)
{
    client_open(c, address, "/raw", "");
    assert_string_equal(client_take(c), "text:in");
}

/* Ids differ from run to run: "id":"..." goes. */
static const char *without_id(const char *text)
{
    static char out[70000];
    const char *id = strstr(text, "\"id\":\"");
    const char *end = id != NULL ? strstr(id + 6, "\",") : NULL;
    if (end == NULL)
        return text;
    (void)snprintf(out, sizeof out, "%.*s%s", (int)(id - text), text, end + 2);
    return out;
}

static void test_what_came_is_passed_on_as_it_came(void **state)
{
    (void)state;
    struct sio ada, bob;
    struct client raw;
    char want[256];
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_on(io, "forward", on_forward, NULL), BELFRY_OK);
    add_joining(io);
    add_raw_route();
    start_server();
    open_raw(&raw);
    sio_arrive(&ada);
    sio_arrive(&bob);
    sio_enter(&ada, "tower");
    sio_enter(&bob, "tower");
    sio_say(&ada, "2[\"forward\", 1.50 ,\"\\u0041\",1e400]"); /* nothing is rewritten */
    sio_expect(&bob, "2[\"passed on\",1.50 ,\"\\u0041\",1e400]");
    (void)snprintf(want, sizeof want,
                   "text:{\"type\":\"event\",\"room\":\"tower\",\"event\":\"passed on\","
                   "\"from\":\"%s\",\"data\":[1.50 ,\"\\u0041\",1e400]}",
                   ada.sid);
    assert_string_equal(without_id(client_take(&raw)), want);
    sio_say(&ada, "51-[\"forward\",[" HOLE(0) "]]");
    sio_say_binary(&ada, "abc");
    sio_expect(&bob, "51-[\"passed on\",[" HOLE(0) "]]");
    sio_expect(&bob, "<abc>");
    assert_non_null(strstr(client_take(&raw), "\"data\":[{\"base64\":\"YWJj\"}]}"));
    sio_say(&ada, "2[\"forward\"]");
    sio_expect(&bob, "2[\"passed on\"]");
    assert_non_null(strstr(client_take(&raw), "\"data\":null}"));
    sio_expect_nothing(&ada);
    client_drop(&raw);
    sio_drop(&ada);
    sio_drop(&bob);
    end_server();
}

static void test_binary_parts_are_emitted_with_and_without_json(void **state)
{
    (void)state;
    struct sio ada;
    struct client raw;
    const belfry_bytes parts[256] = { BELFRY_BYTES("abc"), BELFRY_BYTES("\xff") };
    begin_server((belfry_options){ .workers = 2 });
    add_joining(io);
    add_raw_route();
    start_server();
    open_raw(&raw);
    sio_arrive(&ada);
    sio_enter(&ada, "tower");
    belfry_target tower = belfry_volatile(belfry_in(io, "tower"));
    assert_int_equal(belfry_emit_bin(tower, "b", NULL, parts, 2), BELFRY_OK);
    sio_expect(&ada, "52-[\"b\"," HOLE(0) "," HOLE(1) "]");
    sio_expect(&ada, "<abc>");
    sio_expect(&ada, "<\xff>");
    assert_string_equal(client_take(&raw),
                        "text:{\"type\":\"event\",\"room\":\"tower\",\"event\":\"b\","
                        "\"data\":[{\"base64\":\"YWJj\"},{\"base64\":\"/w==\"}]}");
    assert_int_equal(belfry_emit_bin(tower, "b", "{\"x\":" HOLE(0) "}", parts, 1), BELFRY_OK);
    sio_expect(&ada, "51-[\"b\",{\"x\":" HOLE(0) "}]");
    sio_expect(&ada, "<abc>");
    assert_non_null(strstr(client_take(&raw), "\"data\":{\"x\":{\"base64\":\"YWJj\"}}}"));
    assert_int_equal(belfry_emit_bin(tower, "b", NULL, NULL, 0), BELFRY_OK);
    sio_expect(&ada, "2[\"b\"]");
    assert_int_equal(belfry_emit_bin(tower, "b", "1,2", NULL, 0), BELFRY_OK);
    sio_expect(&ada, "2[\"b\",1,2]");
    assert_int_equal(belfry_emit_bin(tower, "b", NULL, parts, 256), BELFRY_ERR_LIMIT);
    assert_int_equal(belfry_emit_bin(tower, "b", HOLE(1), parts, 1), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_emit_bin(tower, "b", "{]", parts, 1), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_emit_bin(tower, "", "1", parts, 1), BELFRY_ERR_INVALID);
    sio_expect_nothing(&ada);
    assert_int_equal(belfry_emit_bin(tower, "b", NULL, parts, 255), BELFRY_OK);
    assert_memory_equal(sio_take(&ada), "5255-[", 6);
    for (int i = 0; i < 255; i++)
        (void)sio_take(&ada);
    sio_expect_nothing(&ada);
    client_drop(&raw);
    sio_drop(&ada);
    end_server();
}

/* --- shapes -----------------------------------------------------------------------------------*/

static void on_send_back(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    HANDLER_EXPECT(belfry_send_text(sock, "a \"text\"") == BELFRY_OK);
    HANDLER_EXPECT(belfry_send(sock, BELFRY_BINARY, "abc", 3) == BELFRY_OK);
    HANDLER_EXPECT(belfry_send(sock, BELFRY_TEXT, "\xff", 1) == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_send_id(server, belfry_sock_id(sock), BELFRY_TEXT, "by id", 5) ==
                   BELFRY_OK);
    HANDLER_EXPECT(belfry_emit_id(server, belfry_sock_id(sock), "event", "si", "by id", 2) ==
                   BELFRY_OK);
    HANDLER_EXPECT(belfry_emit_id(server, belfry_sock_id(sock), "event", "?") ==
                   BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_emit_id(server, 0, "event", NULL) == BELFRY_ERR_GONE);
    HANDLER_EXPECT(belfry_emit(belfry_only(sock), "only", "[i,i]", 1, 2) == BELFRY_OK);
    HANDLER_EXPECT(belfry_emit_json(belfry_only(sock), "tree", json_pack("[i]", 1)) == BELFRY_OK);
    HANDLER_EXPECT(belfry_emit_raw(belfry_only(sock), "raw", "1 , 2", 5) == BELFRY_OK);
}

static void test_plain_messages_reach_socketio_as_event_message(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_on(io, "send", on_send_back, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    sio_say(&ada, "2[\"send\"]");
    sio_expect(&ada, "2[\"message\",\"a \\\"text\\\"\"]");
    sio_expect(&ada, "51-[\"message\"," HOLE(0) "]");
    sio_expect(&ada, "<abc>");
    sio_expect(&ada, "2[\"message\",\"by id\"]");
    sio_expect(&ada, "2[\"event\",\"by id\",2]");
    sio_expect(&ada, "2[\"only\",[1,2]]");
    sio_expect(&ada, "2[\"tree\",[1]]");
    sio_expect(&ada, "2[\"raw\",1 , 2]");
    assert_int_equal(belfry_broadcast(belfry_everyone(io), BELFRY_TEXT, "hi", 2), BELFRY_OK);
    sio_expect(&ada, "2[\"message\",\"hi\"]");
    assert_int_equal(belfry_broadcast(belfry_everyone(io), BELFRY_BINARY, "abc", 3), BELFRY_OK);
    sio_expect(&ada, "51-[\"message\"," HOLE(0) "]");
    sio_expect(&ada, "<abc>");
    sio_drop(&ada);
    end_server();
}

static void test_plain_members_hear_events_as_objects(void **state)
{
    (void)state;
    struct client raw;
    begin_server((belfry_options){ 0 });
    add_raw_route();
    start_server();
    open_raw(&raw);
    belfry_target tower = belfry_volatile(belfry_in(io, "tower"));
    static const struct {
        const char *event, *args, *want;
    } rows[] = {
        { "e", "1", "\"event\",\"room\":\"tower\",\"event\":\"e\",\"data\":1}" },
        { "e", "[1,2]", "\"event\",\"room\":\"tower\",\"event\":\"e\",\"data\":[1,2]}" },
        { "e", "1,[2]", "\"event\",\"room\":\"tower\",\"event\":\"e\",\"data\":[1,[2]]}" },
        { "\"\n", "1", "\"event\",\"room\":\"tower\",\"event\":\"\\\"\\n\",\"data\":1}" },
        { "new-message", "1",
          "\"event\",\"room\":\"tower\",\"event\":\"new-message\",\"data\":1}" },
        { "new-message", "{\"text\":5}",
          "\"event\",\"room\":\"tower\",\"event\":\"new-message\",\"data\":{\"text\":5}}" },
    };
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        char want[256];
        (void)snprintf(want, sizeof want, "text:{\"type\":%s", rows[i].want);
        assert_int_equal(belfry_emit_raw(tower, rows[i].event, rows[i].args, strlen(rows[i].args)),
                         BELFRY_OK);
        assert_string_equal(client_take(&raw), want);
    }
    assert_int_equal(belfry_emit(tower, "e", NULL), BELFRY_OK);
    assert_non_null(strstr(client_take(&raw), "\"data\":null}"));
    /* Remembered ones have an id; to all there is no room to name. */
    assert_int_equal(belfry_emit(belfry_everyone(io), "e", "i", 1), BELFRY_OK);
    const char *heard = client_take(&raw);
    assert_non_null(strstr(heard, "\"id\":\""));
    assert_null(strstr(heard, "\"room\""));
    assert_int_equal(belfry_emit(tower, "new-message", "{s:s, s:s, s:i, s:s}", "text", "hi", "from",
                                 "me", "timestamp", 77, "user", "ada"),
                     BELFRY_OK);
    heard = client_take(&raw);
    assert_non_null(strstr(heard, "{\"type\":\"message\",\"room\":\"tower\""));
    assert_non_null(strstr(heard, "\"from\":\"me\",\"user\":\"ada\""));
    assert_non_null(strstr(heard, "\"text\":\"hi\""));
    assert_non_null(strstr(heard, "\"timestamp\":77"));
    client_drop(&raw);
    end_server();
}

/* --- whom -------------------------------------------------------------------------------------*/

static void on_to(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *room;
    (void)user;
    HANDLER_EXPECT(belfry_args(msg, "s", &room) == BELFRY_OK);
    HANDLER_EXPECT(belfry_emit(belfry_to(sock, room), "to", NULL) == BELFRY_OK);
    HANDLER_EXPECT(belfry_ack(msg, NULL) == BELFRY_OK);
}

/* ada: a; bob: a, b; cyd: b; each hears the case's number, then "end". */
static void test_targets_reach_whom_they_name(void **state)
{
    (void)state;
    struct sio people[3];
    static const char *const rooms[] = { "a", "ab", "b" };
    begin_server((belfry_options){ .workers = 2 });
    add_joining(io);
    assert_int_equal(belfry_on(io, "to", on_to, NULL), BELFRY_OK);
    start_server();
    for (int i = 0; i < 3; i++) {
        sio_arrive_at(&people[i], i % 2);
        for (const char *room = rooms[i]; *room != '\0'; room++)
            sio_enter(&people[i], *room == 'a' ? "a" : "b");
    }
    const struct {
        belfry_target target;
        const char *want;
    } cases[] = {
        { belfry_in(io, "a"), "ab" },
        { belfry_and(belfry_in(io, "a"), "b"), "abc" },
        { belfry_except(belfry_in(io, "a"), "b"), "a" },
        { belfry_everyone(io), "abc" },
        { belfry_except(belfry_everyone(io), "a"), "c" },
        { belfry_except(belfry_and(belfry_in(io, "a"), "b"), people[1].sid), "ac" },
        { belfry_in(io, people[0].sid), "a" },
        { belfry_and(belfry_in(io, people[0].sid), people[2].sid), "ac" },
        { belfry_and(belfry_in(io, people[2].sid), "a"), "abc" },
        { belfry_except(belfry_in(io, people[0].sid), people[0].sid), "" },
        { belfry_volatile(belfry_in(io, "b")), "bc" },
        { belfry_local(belfry_uncompressed(belfry_in(io, "b"))), "bc" },
        { belfry_in(io, "nowhere"), "" },
        { belfry_in(belfry_of(server, "/other"), "a"), "" },
        { belfry_everyone(belfry_of(server, "/other")), "" },
    };
    for (size_t n = 0; n < BELFRY_COUNT(cases); n++) {
        char want[32];
        (void)snprintf(want, sizeof want, "2[\"case\",%zu]", n);
        assert_int_equal(belfry_emit(cases[n].target, "case", "i", (int)n), BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_everyone(io), "end", NULL), BELFRY_OK);
        for (int i = 0; i < 3; i++) {
            if (strchr(cases[n].want, "abc"[i]) != NULL)
                sio_expect(&people[i], want);
            sio_expect(&people[i], "2[\"end\"]");
        }
    }
    sio_say(&people[0], "21[\"to\",\"a\"]"); /* but not the one who says it */
    sio_expect(&people[0], "31[]");
    sio_expect(&people[1], "2[\"to\"]");
    sio_say(&people[0], "22[\"to\",\"%s\"]", people[2].sid);
    sio_expect(&people[0], "32[]");
    sio_expect(&people[2], "2[\"to\"]");
    sio_say(&people[0], "23[\"to\",\"%s\"]", people[0].sid);
    sio_expect(&people[0], "33[]");
    for (int i = 0; i < 3; i++) {
        sio_expect_nothing(&people[i]);
        sio_drop(&people[i]);
    }
    end_server();
}

static void test_what_has_no_namespace_is_refused(void **state)
{
    (void)state;
    begin_server((belfry_options){ 0 });
    belfry_nsp *parent = belfry_of_pattern(server, "^/x");
    start_server();
    belfry_nsp *none = belfry_of(server, "/a,b");
    assert_null(none);
    assert_int_equal(belfry_emit(belfry_everyone(none), "e", NULL), BELFRY_ERR_STATE);
    assert_int_equal(belfry_emit_bin(belfry_in(none, "a"), "e", NULL, NULL, 0), BELFRY_ERR_STATE);
    assert_int_equal(belfry_broadcast(belfry_in(none, "a"), BELFRY_TEXT, "x", 1), BELFRY_ERR_STATE);
    assert_int_equal(belfry_call(belfry_in(none, "a"), 0, ignore_replies, NULL, "e", NULL),
                     BELFRY_ERR_STATE);
    assert_int_equal(belfry_sockets_join(belfry_in(none, "a"), "b"), BELFRY_ERR_STATE);
    assert_int_equal(belfry_on(none, "e", on_noted, "x"), BELFRY_ERR_STATE);
    /* Nobody is in a parent itself. */
    assert_int_equal(belfry_members(parent, "a"), 0);
    assert_int_equal(belfry_nsp_members(parent), 0);
    assert_int_equal(belfry_sockets_join(belfry_in(parent, "a"), "b"), BELFRY_ERR_STATE);
    assert_int_equal(belfry_disconnect_sockets(belfry_everyone(parent), BELFRY_THIS_NAMESPACE),
                     BELFRY_ERR_STATE);
    assert_int_equal(belfry_fetch_sockets(belfry_everyone(parent), ignore_peers, NULL),
                     BELFRY_ERR_STATE);
    end_server();
}

static void test_an_emit_to_a_parent_reaches_all_that_were_made_of_it(void **state)
{
    (void)state;
    struct sio people[3];
    static const char *const names[] = { "/room-1", "/room-2", "/hall" };
    begin_server((belfry_options){ .workers = 2 });
    belfry_nsp *rooms = belfry_of_pattern(server, "^/room-[0-9]+$");
    belfry_nsp *hall = belfry_of(server, "/hall");
    add_joining(rooms);
    add_joining(hall);
    start_server();
    for (int i = 0; i < 3; i++) {
        sio_open(&people[i]);
        sio_join(&people[i], names[i], "");
    }
    sio_say(&people[0], "2/room-1,9[\"join\",\"a\"]");
    sio_expect(&people[0], "3/room-1,9[]");
    assert_int_equal(belfry_emit(belfry_everyone(rooms), "all", "i", 1), BELFRY_OK);
    assert_int_equal(belfry_emit(belfry_in(rooms, "a"), "a", NULL), BELFRY_OK);
    assert_int_equal(belfry_emit(belfry_everyone(hall), "hall", NULL), BELFRY_OK);
    sio_expect(&people[0], "2/room-1,[\"all\",1]");
    sio_expect(&people[0], "2/room-1,[\"a\"]");
    sio_expect(&people[1], "2/room-2,[\"all\",1]");
    sio_expect(&people[2], "2/hall,[\"hall\"]");
    sio_say(&people[1], "2/room-2,9[\"sync\"]");
    sio_expect(&people[1], "3/room-2,9[]");
    assert_int_equal(belfry_nsp_members(belfry_of(server, "room-1")), 1);
    for (int i = 0; i < 3; i++)
        sio_drop(&people[i]);
    end_server();
}

static void test_compression_is_left_out_where_it_is_said(void **state)
{
    (void)state;
    struct sio ada;
    char text[2000];
    size_t header, payload;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin_server((belfry_options){ .socketio_deflate = true });
    add_joining(io);
    start_server();
    sio_open_with(&ada, "/socket.io/", "", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    sio_join(&ada, "/", "");
    belfry_target all = belfry_everyone(io);
    const struct {
        belfry_target target;
        bool is_compressed;
    } rows[] = { { all, true }, { belfry_uncompressed(all), false }, { all, true } };
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        assert_int_equal(belfry_emit(rows[i].target, "e", "s", text), BELFRY_OK);
        while (!client_has_frame(&ada.ws, &header, &payload))
            assert_true(client_read(&ada.ws));
        assert_int_equal((ada.ws.in.data[0] & WS_COMPRESSED) != 0, rows[i].is_compressed);
        assert_int_equal(payload < 1000, rows[i].is_compressed);
        buf_consume(&ada.ws.in, header + payload);
    }
    sio_drop(&ada);
    end_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handlers_are_called_in_the_order_of_adding),
        cmocka_unit_test(test_event_names_are_what_their_json_means),
        cmocka_unit_test(test_reserved_names_are_nobodys),
        cmocka_unit_test(test_arguments_are_read_by_format_or_refused_with_the_reason),
        cmocka_unit_test(test_attachments_come_beside_the_json),
        cmocka_unit_test(test_what_came_is_passed_on_as_it_came),
        cmocka_unit_test(test_binary_parts_are_emitted_with_and_without_json),
        cmocka_unit_test(test_plain_messages_reach_socketio_as_event_message),
        cmocka_unit_test(test_plain_members_hear_events_as_objects),
        cmocka_unit_test(test_targets_reach_whom_they_name),
        cmocka_unit_test(test_what_has_no_namespace_is_refused),
        cmocka_unit_test(test_an_emit_to_a_parent_reaches_all_that_were_made_of_it),
        cmocka_unit_test(test_compression_is_left_out_where_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
