/*
 * Events as they are written, and what must not get out of its field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sse/event.h"

static const struct event_case {
    const char *id, *name, *data, *want;
} cases[] = {
    { "1-0.e", "message", "{}", "id: 1-0.e\nevent: message\ndata: {}\n\n" },
    { "", "", "hi", "data: hi\n\n" },
    { "", "", "", "data: \n\n" },
    { "", "x", "", "event: x\ndata: \n\n" },
    /* every line end of the format, alone, doubled, at the end */
    { "", "", "a\nb", "data: a\ndata: b\n\n" },
    { "", "", "a\rb", "data: a\ndata: b\n\n" },
    { "", "", "a\r\nb", "data: a\ndata: b\n\n" },
    { "", "", "a\n\nb", "data: a\ndata: \ndata: b\n\n" },
    { "", "", "a\n\rb", "data: a\ndata: \ndata: b\n\n" },
    { "", "", "a\n", "data: a\ndata: \n\n" },
    { "", "", "a\r\n", "data: a\ndata: \n\n" },
    { "", "", "\n", "data: \ndata: \n\n" },
    { "", "", "\n\n", "data: \ndata: \ndata: \n\n" },
    { "", "", "a\n\nid: 7\nevent: y", "data: a\ndata: \ndata: id: 7\ndata: event: y\n\n" },
    { "", "", " a", "data:  a\n\n" }, /* one blank is the format's */
    /* what cannot be a field's value is left out */
    { "1\n2", "", "a", "data: a\n\n" },
    { "1\r", "", "a", "data: a\n\n" },
    { "", "x\ndata: y", "a", "data: a\n\n" },
    { "", "x\r", "a", "data: a\n\n" },
};

static void test_events(void **state)
{
    (void)state;
    for (const struct event_case *c = cases; c != BELFRY_END(cases); c++) {
        struct buf out = { 0 };
        sse_put_event(&out, &(struct sse_event){ .id = bytes_of_text(c->id),
                                                 .name = bytes_of_text(c->name),
                                                 .data = bytes_of_text(c->data) });
        if (!bytes_equal_text(buf_bytes(&out), c->want))
            fail_msg("%s: %.*s", c->data, (int)out.size, (const char *)out.data);
        buf_deinit(&out);
    }
}

static void test_an_id_with_a_nul_is_left_out(void **state)
{
    (void)state;
    struct buf out = { 0 };
    sse_put_event(&out, &(struct sse_event){ .id = bytes_of("1\0", 2) });
    assert_true(bytes_equal_text(buf_bytes(&out), "data: \n\n"));
    buf_deinit(&out);
}

static void test_what_is_no_event(void **state)
{
    (void)state;
    struct buf out = { 0 };
    sse_put_retry(&out, 2000);
    sse_put_comment(&out);
    assert_true(bytes_equal_text(buf_bytes(&out), "retry: 2000\n\n:\n\n"));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_an_id_with_a_nul_is_left_out),
        cmocka_unit_test(test_what_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
