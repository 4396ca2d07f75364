/*
 * test_jsonp.c - payloads as scripts and forms.
 */
#include "engineio/jsonp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/engineio/show.h"

static const struct put_case {
    const char *index, *payload, *want;
} put_cases[] = {
    { "0", "4hello", "___eio[0](\"4hello\");" },
    { "12a3", "6", "___eio[123](\"6\");" },
    { "1%32%2C%33", "6", "___eio[123](\"6\");" },
    { "", "6", "___eio[](\"6\");" },
    { "];alert(1)//", "6", "___eio[1](\"6\");" },
    { "1", "42[\"a\\n\"]", "___eio[1](\"42[\\\"a\\\\n\\\"]\");" },
    { "1", "4\xe2\x80\xa8-\xe2\x80\xa9\xe2\x82\xac\xe2\x80\xa7",
      "___eio[1](\"4\\u2028-\\u2029\xe2\x82\xac\xe2\x80\xa7\");" },
};

static void test_scripts_are_written(void **state)
{
    (void)state;
    for (const struct put_case *c = put_cases; c != BELFRY_END(put_cases); c++) {
        struct buf out = { 0 };
        eio_jsonp_put(&out, bytes_of_text(c->index), bytes_of_text(c->payload));
        if (!bytes_equal_text(buf_bytes(&out), c->want))
            fail_msg("%.*s, want %s", (int)out.size, (char *)out.data, c->want);
        buf_deinit(&out);
    }
}

/* What engine.io makes of each; NULL: malformed. */
static const struct read_case {
    const char *body, *want;
} read_cases[] = {
    { "d=4hello", "4hello" },
    { "d=6%3A4hello", "6:4hello" },
    { "d=42%5B%22a+b%22%5D", "42[\"a b\"]" },
    { "d=4%E2%82%AC", "4\xe2\x82\xac" },
    { "x=1&d=4a&y=2", "4a" },
    { "d=", "" },
    { "d=4a%5Cnb", "4a\nb" },
    { "d=4a%5C%5Cnb", "4a\\nb" },
    { "d=4a%5C%5C%5Cnb", "4a\\\\nb" },
    { "d=4a%5C", "4a\\" },
    { "d=4%zz%4", "4%zz%4" },
    { "", NULL },
    { "dd=4", NULL },
    { "d", NULL },
    { "d=4%80", NULL },
};

static void test_forms_are_read(void **state)
{
    (void)state;
    for (const struct read_case *c = read_cases; c != BELFRY_END(read_cases); c++) {
        struct buf out = { 0 };
        belfry_bytes body = exact_copy(bytes_of_text(c->body));
        enum eio_result result = eio_jsonp_read(body, &out);
        if (result != (c->want == NULL ? EIO_MALFORMED : EIO_OK))
            fail_msg("%s: %d", c->body, (int)result);
        if (c->want != NULL && !bytes_equal_text(buf_bytes(&out), c->want))
            fail_msg("%s: %.*s", c->body, (int)out.size, (char *)out.data);
        buf_deinit(&out);
        mem_free((void *)body.data);
    }
    struct buf out = { 0 };
    assert_int_equal(eio_jsonp_read(bytes_of(NULL, 0), &out), EIO_MALFORMED);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    for (long n = 1; n <= 4; n++) {
        memory_watch();
        struct buf out = { 0 };
        memory_fail_at(n);
        eio_jsonp_put(&out, BELFRY_BYTES("1"),
                      BELFRY_BYTES("42[\"0123456789012345678901234567\"]"));
        assert_int_equal(buf_failed(&out), memory_has_failed());
        buf_deinit(&out);
        assert_int_equal(memory_live(), 0);
        memory_unwatch();
    }
    memory_watch();
    struct buf out = { 0 };
    memory_fail_at(1);
    assert_int_equal(eio_jsonp_read(BELFRY_BYTES("d=4"), &out), EIO_NO_MEMORY);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts_are_written),
        cmocka_unit_test(test_forms_are_read),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
