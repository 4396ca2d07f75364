/*
 * Lookups and lists.
 */
#include "http/field.h"

#include "base/alloc.h"
#include "unit/http/parse.h"

static void parse_fields(struct parsed *r)
{
    parse_good(r, BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nList: a, b\r\na: 2\r\n"
                               "AA: 3\r\nlist:\r\nLIST: \"c,d\", e\r\nOnce: x\r\n\r\n"));
}

static void test_names_compare_whole_and_without_case(void **state)
{
    (void)state;
    static struct parsed r;
    parse_fields(&r);
    assert_bytes(http_find(&r.head, "a")->value, "1");
    assert_bytes(http_find(&r.head, "aa")->value, "3");
    assert_null(http_find(&r.head, "aaa"));
    assert_null(http_find(&r.head, ""));
    assert_int_equal(http_count(&r.head, "A"), 2);
    assert_int_equal(http_count(&r.head, "List"), 3);
    assert_int_equal(http_count(&r.head, "B"), 0);
    parsed_deinit(&r);
}

static void test_single_fields_are_single(void **state)
{
    (void)state;
    static struct parsed r;
    belfry_bytes value = BELFRY_BYTES("untouched");
    parse_fields(&r);
    assert_int_equal(http_single(&r.head, "missing", &value), HTTP_MISSING);
    assert_int_equal(http_single(&r.head, "a", &value), HTTP_REPEATED);
    assert_bytes(value, "untouched");
    assert_int_equal(http_single(&r.head, "once", &value), HTTP_ONE);
    assert_bytes(value, "x");
    parsed_deinit(&r);
}

static void test_repeated_fields_are_joined(void **state)
{
    (void)state;
    static struct parsed r;
    struct buf out = { 0 };
    parse_fields(&r);
    assert_int_equal(http_join(&r.head, "missing", &out), 0);
    assert_int_equal(out.size, 0);
    assert_int_equal(http_join(&r.head, "list", &out), 3);
    assert_bytes(buf_bytes(&out), "a, b, , \"c,d\", e");
    buf_deinit(&out);
    parsed_deinit(&r);
}

static void *no_realloc(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void test_joining_without_memory_is_told(void **state)
{
    (void)state;
    static struct parsed r;
    struct buf out = { 0 };
    parse_fields(&r);
    mem_set_functions(NULL, no_realloc, NULL);
    assert_int_equal(http_join(&r.head, "list", &out), 3);
    mem_set_functions(NULL, NULL, NULL);
    assert_true(buf_failed(&out));
    buf_deinit(&out);
    parsed_deinit(&r);
}

static const struct list_case {
    belfry_bytes list;
    const char *elements; /* joined by '|' */
} list_cases[] = {
    { BELFRY_BYTES(""), "" },
    { BELFRY_BYTES(" , ,\t,"), "" },
    { BELFRY_BYTES("a"), "a|" },
    { BELFRY_BYTES(" a , b,c "), "a|b|c|" },
    { BELFRY_BYTES(",a,,b,"), "a|b|" },
    { BELFRY_BYTES("a;x=\"1,2\", b"), "a;x=\"1,2\"|b|" },
    { BELFRY_BYTES("\"a\\\",b\",c"), "\"a\\\",b\"|c|" },
    { BELFRY_BYTES("\"open, b, c"), "\"open, b, c|" },
    { BELFRY_BYTES("\"open\\"), "\"open\\|" },
    { BELFRY_BYTES("a\\,b"), "a\\|b|" },
};

static void test_lists_are_split_at_commas_outside_quotes(void **state)
{
    (void)state;
    for (const struct list_case *c = list_cases; c != BELFRY_END(list_cases); c++) {
        belfry_bytes rest = c->list;
        belfry_bytes element;
        struct buf got = { 0 };
        while (http_list_next(&rest, &element)) {
            buf_put_bytes(&got, element);
            buf_put_char(&got, '|');
        }
        assert_bytes(buf_bytes(&got), c->elements);
        buf_deinit(&got);
    }
}

static void test_tokens_are_whole_elements(void **state)
{
    (void)state;
    static struct parsed r;
    parse_good(&r, BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n"
                                "Connection: x-close\r\nUpgrade: websockets\r\n\r\n"));
    assert_true(http_has_token(&r.head, "connection", "upgrade"));
    assert_true(http_has_token(&r.head, "Connection", "X-Close"));
    assert_false(http_has_token(&r.head, "Connection", "close"));
    assert_false(http_has_token(&r.head, "Connection", "keep"));
    assert_false(http_has_token(&r.head, "Upgrade", "websocket"));
    assert_false(http_has_token(&r.head, "TE", "x"));
    parsed_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_compare_whole_and_without_case),
        cmocka_unit_test(test_single_fields_are_single),
        cmocka_unit_test(test_repeated_fields_are_joined),
        cmocka_unit_test(test_joining_without_memory_is_told),
        cmocka_unit_test(test_lists_are_split_at_commas_outside_quotes),
        cmocka_unit_test(test_tokens_are_whole_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
