/*
 * What a request means, and what is said about one that means nothing.
 *
 * A parsed request is shown as one line, so that a table can hold what is wanted of it.
 */
#include "rooms/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

static const struct rooms_limits limits = { .max_json_depth = 6, .max_room_name_bytes = 24 };

static void show_bytes(struct buf *b, const char *name, belfry_bytes bytes)
{
    if (bytes.size > 0)
        buf_printf(b, " %s=%.*s", name, (int)bytes.size, (const char *)bytes.data);
}

static void show(struct buf *b, enum rooms_error error, const struct rooms_request *r)
{
    static const char *const types[] = { "join", "leave", "message", "event", "members", "ping" };
    buf_put_text(b, error == ROOMS_OK ? types[r->type] : rooms_error_code(error));
    show_bytes(b, "ref", r->ref);
    show_bytes(b, "room", r->room);
    assert_int_equal(r->has_room, r->room.size > 0);
    show_bytes(b, "since", r->since);
    if (r->has_history)
        buf_printf(b, " history=%u", r->history);
    show_bytes(b, "text", r->text);
    show_bytes(b, "event", r->event);
    show_bytes(b, "event_json", r->event_json);
    show_bytes(b, "data", r->data);
    show_bytes(b, "key", r->key);
    if (r->is_volatile)
        buf_put_text(b, " volatile");
    show_bytes(b, "user", r->user);
    show_bytes(b, "after", r->after);
    if (r->reason.size > 0)
        buf_printf(b, ": %.*s", (int)r->reason.size, (const char *)r->reason.data);
}

typedef enum rooms_error parse_fn(belfry_bytes text, const struct rooms_limits *limits,
                                  struct rooms_request *out_request, struct buf *scratch);

static void assert_parsed(parse_fn *parse, const char *text, const char *want)
{
    struct rooms_request request;
    struct buf scratch = { 0 };
    struct buf shown = { 0 };
    size_t size = strlen(text);
    char *copy = malloc(size); /* without a NUL, so that reading on is caught */
    if (size > 0)
        memcpy(copy, text, size);
    enum rooms_error error = parse(bytes_of(copy, size), &limits, &request, &scratch);
    show(&shown, error, &request);
    if (!bytes_equal_text(buf_bytes(&shown), want))
        fail_msg("%s\n is:   %.*s\n want: %s", text, (int)shown.size, (char *)shown.data, want);
    buf_deinit(&shown);
    buf_deinit(&scratch);
    free(copy);
}

static void assert_request(const char *text, const char *want)
{
    assert_parsed(rooms_request_parse, text, want);
}

static const struct request_case {
    const char *text;
    const char *want;
} good_cases[] = {
    { "{\"type\":\"join\",\"room\":\"general\"}", "join room=general" },
    { "{\"room\":\"general\",\"ref\":\"r1\",\"type\":\"join\"}", "join ref=\"r1\" room=general" },
    { "{\"type\":\"join\",\"room\":\"a\",\"since\":\"17-0.ab\",\"history\":50,\"ref\":-1.5e3}",
      "join ref=-1.5e3 room=a since=17-0.ab history=50" },
    { "{\"type\":\"join\",\"room\":\"a\",\"history\":0}", "join room=a history=0" },
    { "{\"type\":\"join\",\"room\":\"a\",\"history\":18446744073709551615}",
      "join room=a history=4294967295" },
    { "{\"type\":\"join\",\"room\":\"a\",\"since\":null,\"history\":null,\"ref\":null}",
      "join room=a" },
    { "{\"type\":\"leave\",\"room\":\"caf\\u00e9 \\\"x\\\"\"}", "leave room=caf\xc3\xa9 \"x\"" },
    { "{\"type\":\"message\",\"text\":\"hi\"}", "message text=\"hi\"" },
    { "{\"type\":\"message\",\"text\":\"\"}", "message text=\"\"" },
    { "{\"type\":\"message\",\"text\":\"\\ud800\\u0000\",\"room\":\"a\",\"key\":\"k\\n1\"}",
      "message room=a text=\"\\ud800\\u0000\" key=k\n1" },
    { "{\"type\":\"event\",\"event\":\"cursor\"}",
      "event event=cursor event_json=\"cursor\" data=null" },
    { "{\"type\":\"event\",\"event\":\"mo\\u0076e\",\"data\": {\"x\": 1.0} ,\"room\":\"\\u0061\","
      "\"key\":\"\\u006b\",\"volatile\":true}",
      "event room=a event=move event_json=\"mo\\u0076e\" data={\"x\": 1.0} key=k volatile" },
    { "{\"type\":\"event\",\"event\":\"e\",\"volatile\":false,\"data\":null}",
      "event event=e event_json=\"e\" data=null" },
    { "{\"type\":\"members\",\"room\":\"a\",\"after\":\"Zm9v\"}", "members room=a after=Zm9v" },
    { "{\"type\":\"ping\",\"ref\":7}", "ping ref=7" },
    { " {\"\\u0074ype\":\"p\\u0069ng\"}\n", "ping" },
    /* fields that mean nothing to a type are ignored, whatever they are; the last of a name counts
     */
    { "{\"type\":\"ping\",\"room\":5,\"text\":[],\"x\":{\"type\":\"join\"}}", "ping" },
    { "{\"type\":\"join\",\"room\":\"a\",\"type\":\"leave\",\"room\":\"b\"}", "leave room=b" },
    { "{\"type\":\"join\",\"room\":\"exactly-24-bytes-as-set.\"}",
      "join room=exactly-24-bytes-as-set." },
};

#define NAMES_A_ROOM "{\"type\":\"join\",\"ref\":1,\"room\":"

static const struct request_case bad_cases[] = {
    { "", "bad-json: the frame is not one JSON object: it ends too early, at byte 0" },
    { "hello", "bad-json: the frame is not one JSON object: it is not an object, at byte 0" },
    { "[1]", "bad-json: the frame is not one JSON object: it is not an object, at byte 0" },
    { "{\"ref\":\"r1\",\"room\":}",
      "bad-json ref=\"r1\": the frame is not one JSON object: a value is missing, at byte 19" },
    { "{\"ref\":[1],\"room\":}",
      "bad-json: the frame is not one JSON object: a value is missing, at byte 18" },
    { "{\"ref\":1}x",
      "bad-json ref=1: the frame is not one JSON object: something follows its end, at byte 9" },
    { "{\"data\":[[[[[[1]]]]]]}",
      "bad-json: the frame is not one JSON object: it is nested too deep, at byte 13" },

    { "{}", "bad-request: type is missing: it must be a string" },
    { "{\"type\":null,\"ref\":1}", "bad-request ref=1: type is missing: it must be a string" },
    { "{\"type\":5}", "bad-request: type must be a string" },
    { "{\"type\":\"\"}",
      "unknown-type: type must be join, leave, message, event, members or ping" },
    { "{\"type\":\"Join\",\"room\":\"a\",\"ref\":2}",
      "unknown-type ref=2: type must be join, leave, message, event, members or ping" },
    { "{\"type\":\"ping\",\"ref\":{}}",
      "bad-request: ref must be a string or a number of at most 128 bytes" },
    { "{\"type\":\"ping\",\"ref\":true}",
      "bad-request: ref must be a string or a number of at most 128 bytes" },

    { "{\"type\":\"join\"}", "bad-request: room is missing: it must be a string" },
    { "{\"type\":\"leave\",\"room\":null}", "bad-request: room is missing: it must be a string" },
    { "{\"type\":\"members\"}", "bad-request: room is missing: it must be a string" },
    { NAMES_A_ROOM "5}", "bad-request ref=1: room must be a string" },
    { NAMES_A_ROOM "\"\"}", "bad-room ref=1: the room's name is empty: choose another" },
    { NAMES_A_ROOM "\"one byte more than is OK.\"}",
      "bad-room ref=1: room is too long: it may have 24 bytes" },
    { NAMES_A_ROOM "\"\\u0061ne byte more than is OK.\"}",
      "bad-room ref=1: room is too long: it may have 24 bytes" },
    { NAMES_A_ROOM "\"a\\u0000\"}",
      "bad-room ref=1: the room's name has control characters: choose another" },
    { NAMES_A_ROOM "\"\\ud800\"}",
      "bad-room ref=1: room has half of a surrogate pair: send both or none" },
    { NAMES_A_ROOM "\"abcdefghij0123456789\"}",
      "bad-room ref=1: the room's name has the form of a socket id, and those rooms are private: "
      "choose another" },
    { "{\"type\":\"join\",\"room\":\"a\",\"since\":5}", "bad-request: since must be a string" },
    { "{\"type\":\"join\",\"room\":\"a\",\"history\":-1}",
      "bad-request: history must be a whole number" },
    { "{\"type\":\"join\",\"room\":\"a\",\"history\":1.0}",
      "bad-request: history must be a whole number" },
    { "{\"type\":\"join\",\"room\":\"a\",\"history\":\"5\"}",
      "bad-request: history must be a whole number" },

    { "{\"type\":\"message\",\"room\":\"a\"}",
      "bad-request: text is missing: it must be a string" },
    { "{\"type\":\"message\",\"text\":{}}", "bad-request: text must be a string" },
    { "{\"type\":\"message\",\"text\":\"a\",\"room\":\"\"}",
      "bad-room: the room's name is empty: choose another" },
    { "{\"type\":\"message\",\"text\":\"a\",\"key\":1}", "bad-request: key must be a string" },
    { "{\"type\":\"message\",\"text\":\"a\",\"key\":\"\\udc00\"}",
      "bad-request: key has half of a surrogate pair: send both or none" },

    { "{\"type\":\"event\"}", "bad-request: event is missing: it must be a string" },
    { "{\"type\":\"event\",\"event\":12}", "bad-request: event must be a string" },
    { "{\"type\":\"event\",\"event\":\"\"}",
      "bad-request: the event's name is empty: choose another" },
    { "{\"type\":\"event\",\"event\":\"a\\nid: 1\"}",
      "bad-request: the event's name has control characters: choose another" },
    { "{\"type\":\"event\",\"event\":\"user-joined\",\"ref\":\"r\"}",
      "reserved-event ref=\"r\": the event's name is spoken by the server only: choose another" },
    { "{\"type\":\"event\",\"event\":\"\\u0067ap\"}",
      "reserved-event: the event's name is spoken by the server only: choose another" },
    { "{\"type\":\"event\",\"event\":\"e\",\"volatile\":1}",
      "bad-request: volatile must be true or false" },
};

static void test_good_requests(void **state)
{
    (void)state;
    for (const struct request_case *c = good_cases; c != BELFRY_END(good_cases); c++)
        assert_request(c->text, c->want);
}

static void test_bad_requests_are_told_what_to_do(void **state)
{
    (void)state;
    for (const struct request_case *c = bad_cases; c != BELFRY_END(bad_cases); c++)
        assert_request(c->text, c->want);
}

static void test_every_beginning_of_a_request_is_bad_json(void **state)
{
    (void)state;
    struct buf scratch = { 0 };
    struct rooms_request request;
    for (const struct request_case *c = good_cases; c != BELFRY_END(good_cases); c++) {
        size_t end = strlen(c->text);
        while (c->text[end - 1] != '}')
            end--;
        for (size_t cut = 0; cut < end; cut++)
            assert_int_equal(
                rooms_request_parse(bytes_of(c->text, cut), &limits, &request, &scratch),
                ROOMS_ERR_BAD_JSON);
    }
    buf_deinit(&scratch);
}

/* A string of @size bytes as the value of the member whose name @before ends with. */
static enum rooms_error parse_long(const char *before, size_t size, bool is_escaped)
{
    struct buf text = { 0 };
    struct buf scratch = { 0 };
    struct rooms_request request;
    buf_printf(&text, "{%s:\"", before);
    for (size_t i = 0; i < size; i++)
        buf_put_text(&text, is_escaped ? "\\u0061" : "a");
    buf_put_text(&text, "\"}");
    enum rooms_error error = rooms_request_parse(buf_bytes(&text), &limits, &request, &scratch);
    buf_deinit(&text);
    buf_deinit(&scratch);
    return error;
}

static void test_strings_have_a_limit(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        size_t max;
        enum rooms_error want;
    } cases[] = {
        { "\"type\":\"leave\",\"room\"", 24, ROOMS_ERR_BAD_ROOM },
        { "\"type\":\"join\",\"room\":\"a\",\"since\"", ROOMS_MAX_SINCE_BYTES,
          ROOMS_ERR_BAD_REQUEST },
        { "\"type\":\"members\",\"room\":\"a\",\"after\"", ROOMS_MAX_SINCE_BYTES,
          ROOMS_ERR_BAD_REQUEST },
        { "\"type\":\"message\",\"text\":\"\",\"key\"", ROOMS_MAX_KEY_BYTES,
          ROOMS_ERR_BAD_REQUEST },
        { "\"type\":\"event\",\"event\"", ROOMS_MAX_EVENT_BYTES, ROOMS_ERR_BAD_REQUEST },
    };
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        for (int is_escaped = 0; is_escaped <= 1; is_escaped++) {
            assert_int_equal(parse_long(cases[i].before, cases[i].max, is_escaped), ROOMS_OK);
            assert_int_equal(parse_long(cases[i].before, cases[i].max + 1, is_escaped),
                             cases[i].want);
            assert_int_equal(parse_long(cases[i].before, 100000, is_escaped), cases[i].want);
        }
    }
    /* The quotes of a ref count: it is echoed as it stands. */
    assert_int_equal(parse_long("\"type\":\"ping\",\"ref\"", ROOMS_MAX_REF_BYTES - 2, false),
                     ROOMS_OK);
    assert_int_equal(parse_long("\"type\":\"ping\",\"ref\"", ROOMS_MAX_REF_BYTES - 1, false),
                     ROOMS_ERR_BAD_REQUEST);
}

static void test_a_scratch_buffer_is_used_again(void **state)
{
    (void)state;
    struct buf scratch = { 0 };
    struct rooms_request request;
    belfry_bytes bad = BELFRY_BYTES("{\"type\":\"join\"}");
    belfry_bytes good = BELFRY_BYTES("{\"type\":\"join\",\"room\":\"\\u0061b\"}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rooms_request_parse(bad, &limits, &request, &scratch),
                         ROOMS_ERR_BAD_REQUEST);
        assert_int_equal(rooms_request_parse(good, &limits, &request, &scratch), ROOMS_OK);
        assert_true(bytes_equal_text(request.room, "ab"));
        assert_int_equal(scratch.size, 2);
    }
    buf_deinit(&scratch);
}

static void *no_realloc(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void test_without_memory_the_answer_is_busy(void **state)
{
    (void)state;
    struct buf scratch = { 0 };
    struct rooms_request request;
    mem_set_functions(NULL, no_realloc, NULL);
    enum rooms_error busy =
        rooms_request_parse(BELFRY_BYTES("{\"ref\":1,\"type\":\"join\",\"room\":\"\\u0061\"}"),
                            &limits, &request, &scratch);
    belfry_bytes busy_ref = request.ref;
    belfry_bytes busy_reason = request.reason;
    /* What needs no memory goes on; a reason falls back on the one in the table. */
    enum rooms_error good =
        rooms_request_parse(BELFRY_BYTES("{\"type\":\"ping\"}"), &limits, &request, &scratch);
    enum rooms_error bad = rooms_request_parse(BELFRY_BYTES("{}"), &limits, &request, &scratch);
    mem_set_functions(NULL, NULL, NULL);
    assert_int_equal(busy, ROOMS_ERR_BUSY);
    assert_true(bytes_equal_text(busy_ref, "1"));
    assert_true(bytes_equal_text(busy_reason, rooms_error_reason(ROOMS_ERR_BUSY)));
    assert_int_equal(good, ROOMS_OK);
    assert_int_equal(bad, ROOMS_ERR_BAD_REQUEST);
    assert_true(bytes_equal_text(request.reason, rooms_error_reason(ROOMS_ERR_BAD_REQUEST)));
    buf_deinit(&scratch);
}

/* --- what backends say ---*/

static const char *const said[][2] = {
    { "{\"text\":\"hi\"}", "message text=\"hi\"" },
    { "{\"text\":\"hi\",\"user\":\"cron\",\"key\":\"k\"}", "message text=\"hi\" key=k user=cron" },
    { "{\"text\":\"hi\",\"room\":7,\"type\":\"join\",\"ref\":{}}", "message text=\"hi\"" },
    { "{\"text\":\"hi\",\"event\":\"e\"}", "message text=\"hi\"" },
    { "{\"event\":\"e\",\"data\":[1],\"volatile\":true,\"user\":\"\\u00fc\"}",
      "event event=e event_json=\"e\" data=[1] volatile user=\u00fc" },
    { "{\"event\":\"e\"}", "event event=e event_json=\"e\" data=null" },
    { "{}", "bad-request: text and event are missing: send {\"text\": ...} or {\"event\": ..., "
            "\"data\": ...}" },
    { "{\"text\":null}", "bad-request: text and event are missing: send {\"text\": ...} or "
                         "{\"event\": ..., \"data\": ...}" },
    { "{\"text\":1}", "bad-request: text must be a string" },
    { "{\"text\":\"a\",\"user\":1}", "bad-request: user must be a string" },
    { "{\"text\":\"a\",\"user\":\"\\n\"}", "bad-request: user has control characters" },
    { "{\"event\":\"gap\"}",
      "reserved-event: the event's name is spoken by the server only: choose "
      "another" },
    { "[]", "bad-json: the message is not one JSON object: it is not an object, at byte 0" },
};

static void test_what_backends_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(said); i++)
        assert_parsed(rooms_publish_parse, said[i][0], said[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_backends_say),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_bad_requests_are_told_what_to_do),
        cmocka_unit_test(test_every_beginning_of_a_request_is_bad_json),
        cmocka_unit_test(test_strings_have_a_limit),
        cmocka_unit_test(test_a_scratch_buffer_is_used_again),
        cmocka_unit_test(test_without_memory_the_answer_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
