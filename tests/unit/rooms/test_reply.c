/*
 * What the server says, word for word, and that it is always JSON.
 */
#include "rooms/reply.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"

#define NOTHING ((belfry_bytes){ 0 })

static struct buf out; /* of the test that runs */

static int begin(void **state)
{
    (void)state;
    buf_clear(&out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_deinit(&out);
    return 0;
}

/* Also empties @out for the next. */
static void assert_said(const char *want)
{
    assert_false(buf_failed(&out));
    if (!bytes_equal_text(buf_bytes(&out), want))
        fail_msg("\n is:   %.*s\n want: %s", (int)out.size, (char *)out.data, want);
    assert_int_equal(json_scan(buf_bytes(&out), 8, NULL, NULL), BELFRY_OK);
    buf_clear(&out);
}

static const struct rooms_person ada = { BELFRY_BYTES("id-1"), BELFRY_BYTES("ada \"a\"") };
static const struct rooms_person nobody = { BELFRY_BYTES("id-2"), { 0 } };

static void test_welcome(void **state)
{
    (void)state;
    rooms_put_welcome(&out, ada);
    assert_said("{\"type\":\"welcome\",\"id\":\"id-1\",\"user\":\"ada \\\"a\\\"\"}");
    rooms_put_welcome(&out, nobody);
    assert_said("{\"type\":\"welcome\",\"id\":\"id-2\"}");
}

static void test_joined(void **state)
{
    (void)state;
    const belfry_bytes history[] = { BELFRY_BYTES("{\"a\":1}"), BELFRY_BYTES("{\"b\":2}") };
    struct rooms_joined joined = { .room = BELFRY_BYTES("g\n"), .members = 3 };
    rooms_put_joined(&out, &joined);
    assert_said("{\"type\":\"joined\",\"room\":\"g\\n\",\"members\":3,\"history\":[],"
                "\"gap\":false}");
    joined.ref = BELFRY_BYTES("\"r\\u0031\"");
    joined.history = history;
    joined.history_count = 2;
    joined.gap = BELFRY_BYTES("history begins later");
    joined.last = BELFRY_BYTES("9-0.e");
    rooms_put_joined(&out, &joined);
    assert_said("{\"type\":\"joined\",\"ref\":\"r\\u0031\",\"room\":\"g\\n\",\"members\":3,"
                "\"history\":[{\"a\":1},{\"b\":2}],\"gap\":true,"
                "\"reason\":\"history begins later\",\"last\":\"9-0.e\"}");
}

static void test_message(void **state)
{
    (void)state;
    struct rooms_message message = { .room = BELFRY_BYTES("general"),
                                     .id = BELFRY_BYTES("9-0.e"),
                                     .from = ada,
                                     .text = BELFRY_BYTES("\"\\u0068i\""),
                                     .timestamp_ms = 1732400000123 };
    rooms_put_message(&out, &message);
    assert_said("{\"type\":\"message\",\"room\":\"general\",\"id\":\"9-0.e\",\"from\":\"id-1\","
                "\"user\":\"ada \\\"a\\\"\",\"text\":\"\\u0068i\",\"timestamp\":1732400000123}");
    message.from = (struct rooms_person){ 0 };
    message.room = NOTHING;
    rooms_put_message(&out, &message);
    assert_said("{\"type\":\"message\",\"id\":\"9-0.e\",\"text\":\"\\u0068i\","
                "\"timestamp\":1732400000123}");
}

static void test_event(void **state)
{
    (void)state;
    struct rooms_event event = { .room = BELFRY_BYTES("general"),
                                 .id = BELFRY_BYTES("9-0.e"),
                                 .event = BELFRY_BYTES("not looked at"),
                                 .event_json = BELFRY_BYTES("\"mo\\u0076e\""),
                                 .from = nobody,
                                 .data = BELFRY_BYTES("{\"x\": 1.0}") };
    rooms_put_event(&out, &event);
    assert_said("{\"type\":\"event\",\"room\":\"general\",\"id\":\"9-0.e\","
                "\"event\":\"mo\\u0076e\",\"from\":\"id-2\",\"data\":{\"x\": 1.0}}");
    event = (struct rooms_event){ .room = BELFRY_BYTES("g"), .event = BELFRY_BYTES("a\"b") };
    rooms_put_event(&out, &event);
    assert_said("{\"type\":\"event\",\"room\":\"g\",\"event\":\"a\\\"b\",\"data\":null}");
}

static void test_presence(void **state)
{
    (void)state;
    rooms_put_user_joined(&out, BELFRY_BYTES("g"), ada, 2);
    assert_said("{\"type\":\"user-joined\",\"room\":\"g\",\"userId\":\"id-1\","
                "\"user\":\"ada \\\"a\\\"\",\"members\":2}");
    rooms_put_user_left(&out, BELFRY_BYTES("g"), nobody, 1);
    assert_said("{\"type\":\"user-left\",\"room\":\"g\",\"userId\":\"id-2\",\"members\":1}");
    rooms_put_member_count(&out, BELFRY_BYTES("g"), UINT64_MAX);
    assert_said("{\"type\":\"members\",\"room\":\"g\",\"count\":18446744073709551615}");
}

static void test_members(void **state)
{
    (void)state;
    const struct rooms_person page[] = { ada, nobody };
    struct rooms_members members = { .room = BELFRY_BYTES("g") };
    rooms_put_members(&out, &members);
    assert_said("{\"type\":\"members\",\"room\":\"g\",\"count\":0,\"members\":[]}");
    members = (struct rooms_members){ .ref = BELFRY_BYTES("1"),
                                      .room = BELFRY_BYTES("g"),
                                      .count = 9,
                                      .page = page,
                                      .page_count = 2,
                                      .next = BELFRY_BYTES("id-2") };
    rooms_put_members(&out, &members);
    assert_said("{\"type\":\"members\",\"ref\":1,\"room\":\"g\",\"count\":9,\"members\":["
                "{\"id\":\"id-1\",\"user\":\"ada \\\"a\\\"\"},{\"id\":\"id-2\"}],"
                "\"next\":\"id-2\"}");
}

static void test_short_answers(void **state)
{
    (void)state;
    belfry_bytes ref = BELFRY_BYTES("-1.5e3");
    rooms_put_left(&out, ref, BELFRY_BYTES("g"));
    assert_said("{\"type\":\"left\",\"ref\":-1.5e3,\"room\":\"g\"}");
    rooms_put_ack(&out, ref, BELFRY_BYTES("9-0.e"));
    assert_said("{\"type\":\"ack\",\"ref\":-1.5e3,\"id\":\"9-0.e\"}");
    rooms_put_ack(&out, ref, NOTHING);
    assert_said("{\"type\":\"ack\",\"ref\":-1.5e3}");
    rooms_put_pong(&out, NOTHING);
    assert_said("{\"type\":\"pong\"}");
    rooms_put_pong(&out, ref);
    assert_said("{\"type\":\"pong\",\"ref\":-1.5e3}");
    rooms_put_gap(&out, BELFRY_BYTES("g"), BELFRY_BYTES("dropped"));
    assert_said("{\"type\":\"gap\",\"room\":\"g\",\"reason\":\"dropped\"}");
    rooms_put_error(&out, ref, ROOMS_ERR_BAD_ROOM, BELFRY_BYTES("no \"x\""));
    assert_said("{\"type\":\"error\",\"ref\":-1.5e3,\"code\":\"bad-room\","
                "\"reason\":\"no \\\"x\\\"\"}");
    rooms_put_error(&out, NOTHING, ROOMS_ERR_NOT_MEMBER, NOTHING);
    assert_said("{\"type\":\"error\",\"code\":\"not-member\","
                "\"reason\":\"not a member of this room: join it first\"}");
}

static void *no_realloc(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void test_without_memory_the_buffer_says_so(void **state)
{
    (void)state;
    struct buf b = { 0 };
    mem_set_functions(NULL, no_realloc, NULL);
    rooms_put_welcome(&b, ada);
    mem_set_functions(NULL, NULL, NULL);
    assert_true(buf_failed(&b));
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_welcome, begin, end),
        cmocka_unit_test_setup_teardown(test_joined, begin, end),
        cmocka_unit_test_setup_teardown(test_message, begin, end),
        cmocka_unit_test_setup_teardown(test_event, begin, end),
        cmocka_unit_test_setup_teardown(test_presence, begin, end),
        cmocka_unit_test_setup_teardown(test_members, begin, end),
        cmocka_unit_test_setup_teardown(test_short_answers, begin, end),
        cmocka_unit_test(test_without_memory_the_buffer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
