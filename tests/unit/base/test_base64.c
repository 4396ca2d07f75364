/*
 * test_base64.c - written as RFC 4648 says, read as Node reads.
 */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/engineio/show.h"

static void test_rfc_4648_vectors_are_written(void **state)
{
    (void)state;
    static const struct vector {
        const char *plain, *encoded;
    } vectors[] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/" },
    };
    for (const struct vector *v = vectors; v != BELFRY_END(vectors); v++) {
        struct buf out = { 0 };
        base64_put(&out, bytes_of_text(v->plain));
        assert_true(bytes_equal_text(buf_bytes(&out), v->encoded));
        assert_int_equal(out.size, base64_size(strlen(v->plain)));
        buf_deinit(&out);
    }
}

/* What Node 20's Buffer.from(text, "base64") makes of each of these. */
static void test_reading_is_as_lenient_as_node(void **state)
{
    (void)state;
    static const struct decode_case {
        belfry_bytes text;
        belfry_bytes want;
    } cases[] = {
        { WIRE(""), WIRE("") },
        { WIRE("A"), WIRE("") },
        { WIRE("YQ"), WIRE("a") },
        { WIRE("YQ="), WIRE("a") },
        { WIRE("YQ=="), WIRE("a") },
        { WIRE("YWI="), WIRE("ab") },
        { WIRE("YWJj"), WIRE("abc") },
        { WIRE("YQ==YQ=="), WIRE("a") },
        { WIRE("=bad"), WIRE("") },
        { WIRE("Y=Q="), WIRE("") },
        { WIRE("YW\nJj"), WIRE("abc") },
        { WIRE(" Y W J j "), WIRE("abc") },
        { WIRE("-_-_"), WIRE("\xfb\xff\xbf") },
        { WIRE("+/+/"), WIRE("\xfb\xff\xbf") },
        { WIRE("AQID!BA=="), WIRE("\1\2\3\4") },
        { WIRE("AQI\xe2\x82\xac"
               "DBA=="),
          WIRE("\1\2\3\4") },
        { WIRE("YWJjZ"), WIRE("abc") },
        { WIRE("YWJjZA"), WIRE("abcd") },
        { WIRE("YWJjZGU"), WIRE("abcde") },
        { WIRE("YWJjZGV"), WIRE("abcde") },
        { WIRE("YW=JjZGU"), WIRE("a") },
        { WIRE("YWJj=ZGU"), WIRE("abc") },
        { WIRE("!!!!"), WIRE("") },
        { WIRE("Y!"), WIRE("") },
        { WIRE("Y!Q"), WIRE("a") },
        { WIRE("YWJj\0ZGVm"), WIRE("abcdef") },
        { WIRE("YQ==,"), WIRE("a") },
        { WIRE("YWJjYW=Jj"), WIRE("abca") },
        { WIRE("YQ\n=="), WIRE("a") },
        { WIRE("YWJjYQ=a"), WIRE("abca") },
    };
    for (const struct decode_case *c = cases; c != BELFRY_END(cases); c++) {
        struct buf out = { 0 };
        belfry_bytes text = exact_copy(c->text);
        assert_int_equal(base64_decode(text, &out), BELFRY_OK);
        if (!bytes_equal(buf_bytes(&out), c->want))
            fail_msg("%s", (const char *)c->text.data);
        buf_deinit(&out);
        mem_free((void *)text.data);
    }
}

static void test_every_size_comes_back_behind_what_was_there(void **state)
{
    (void)state;
    uint8_t data[70];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 201);
    for (size_t size = 0; size <= sizeof data; size++) {
        struct buf text = { 0 }, back = { 0 };
        base64_put(&text, bytes_of(data, size));
        buf_put_text(&back, "old");
        assert_int_equal(base64_decode(buf_bytes(&text), &back), BELFRY_OK);
        assert_int_equal(back.size, 3 + size);
        assert_memory_equal(back.data, "old", 3);
        assert_memory_equal(back.data + 3, data, size);
        buf_deinit(&text);
        buf_deinit(&back);
    }
}

static void test_without_memory_nothing_is_appended(void **state)
{
    (void)state;
    memory_watch();
    struct buf out = { 0 };
    memory_fail_at(1);
    assert_int_equal(base64_decode(WIRE("YWJj"), &out), BELFRY_ERR_NOMEM);
    assert_int_equal(out.size, 0);
    memory_fail_at(1);
    base64_put(&out, WIRE("abc"));
    assert_true(buf_failed(&out));
    base64_put(&out, WIRE("abc"));
    assert_int_equal(out.size, 0);
    buf_deinit(&out);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_4648_vectors_are_written),
        cmocka_unit_test(test_reading_is_as_lenient_as_node),
        cmocka_unit_test(test_every_size_comes_back_behind_what_was_there),
        cmocka_unit_test(test_without_memory_nothing_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
