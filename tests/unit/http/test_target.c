/*
 * Paths that stay under the root, and queries.
 */
#include "http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

static const struct path_case {
    const char *path;
    unsigned status;
    const char *want;
} path_cases[] = {
    { "/", 0, "" },
    { "/index.html", 0, "index.html" },
    { "/a/b/c.js", 0, "a/b/c.js" },
    { "/a/", 0, "a/" },
    { "//a///b//", 0, "a/b/" },
    { "//etc/passwd", 0, "etc/passwd" },
    { "/a%20b+c", 0, "a b+c" },
    { "/%e2%82%ac.txt", 0, "\xe2\x82\xac.txt" },
    { "/a..b/c...", 0, "a..b/c..." },
    { "/C:/x", 0, "C:/x" },

    { "/.", 0, "" },
    { "/a/.", 0, "a/" },
    { "/a/./b", 0, "a/b" },
    { "/a/..", 0, "" },
    { "/a/../b", 0, "b" },
    { "/a/b/..", 0, "a/" },
    { "/a/b/../../c", 0, "c" },
    { "/a/%2e%2E/b", 0, "b" },
    { "/..", 403, NULL },
    { "/../a", 403, NULL },
    { "/a/../..", 403, NULL },
    { "/a/../../b", 403, NULL },
    { "/%2e%2e/a", 403, NULL },
    { "/.%2e/a", 403, NULL },
    { "/./../a", 403, NULL },
    { "//../a", 403, NULL },

    { "/%252e%252e/a", 0, "%2e%2e/a" }, /* decoded once: an odd name */
    { "/%25%32%66", 0, "%2f" },

    { "/.git", 404, NULL },
    { "/.git/config", 404, NULL },
    { "/a/.htaccess", 404, NULL },
    { "/a/%2ehtaccess", 404, NULL },
    { "/...", 404, NULL },
    { "/..a", 404, NULL },
    { "/.git/../a", 404, NULL },

    { "/a%2fb", 400, NULL },
    { "/a%2Fb", 400, NULL },
    { "/..%2fa", 400, NULL },
    { "/a\\b", 400, NULL },
    { "/..\\a", 400, NULL },
    { "/a%5cb", 400, NULL },
    { "/a%00.html", 400, NULL },
    { "/a%0a", 400, NULL },
    { "/a%7f", 400, NULL },
    { "/a%", 400, NULL },
    { "/a%2", 400, NULL },
    { "/a%2g", 400, NULL },
    { "/a%g2", 400, NULL },
    { "/a%u002e", 400, NULL },
    { "/%c0%ae%c0%ae/a", 400, NULL }, /* overlong dots */
    { "/%c0%af", 400, NULL },         /* overlong slash */
    { "/%e0%80%af", 400, NULL },      /* and a longer one */
    { "/%f0%80%80%af", 400, NULL },   /* and the longest */
    { "/%ed%a0%80", 400, NULL },      /* a surrogate */
    { "/%ff", 400, NULL },
    { "/%e2%82/%ac", 400, NULL }, /* a character may not cross a slash */
    { "", 400, NULL },
    { "a", 400, NULL },
    { "*", 400, NULL },
};

static void test_paths(void **state)
{
    (void)state;
    struct buf out = { 0 };
    for (const struct path_case *c = path_cases; c != BELFRY_END(path_cases); c++) {
        unsigned status = http_path_to_file(bytes_of_text(c->path), &out);
        if (status != c->status || (status == 0 && !bytes_equal_text(buf_bytes(&out), c->want)))
            fail_msg("%s: %u '%.*s'", c->path, status, (int)out.size, (const char *)out.data);
    }
    buf_deinit(&out);
}

static const struct query_case {
    const char *query;
    const char *name;
    belfry_err want_err;
    const char *want;
} query_cases[] = {
    { "", "a", BELFRY_ERR_NOT_FOUND, NULL },
    { "user=ada", "user", BELFRY_OK, "ada" },
    { "user=ada", "use", BELFRY_ERR_NOT_FOUND, NULL },
    { "user=ada", "users", BELFRY_ERR_NOT_FOUND, NULL },
    { "user=ada", "User", BELFRY_ERR_NOT_FOUND, NULL },
    { "a=1&b=2&a=3", "a", BELFRY_OK, "1" },
    { "a=1&b=2&a=3", "b", BELFRY_OK, "2" },
    { "&&a=1&", "a", BELFRY_OK, "1" },
    { "a", "a", BELFRY_OK, "" },
    { "a=", "a", BELFRY_OK, "" },
    { "a=b=c", "a", BELFRY_OK, "b=c" },
    { "=x", "", BELFRY_OK, "x" },
    { "a=x+y%2B%20z", "a", BELFRY_OK, "x y+ z" },
    { "%61=1", "a", BELFRY_OK, "1" },
    { "my+name=1", "my name", BELFRY_OK, "1" },
    { "r%5B%5D=1", "r[]", BELFRY_OK, "1" },
    { "%zz=0&a=1", "a", BELFRY_OK, "1" },
    { "a%00b=1", "a", BELFRY_ERR_NOT_FOUND, NULL },
    { "u=%E2%82%AC", "u", BELFRY_OK, "\xe2\x82\xac" },
    { "u=%E2%82", "u", BELFRY_ERR_INVALID, NULL },
    { "u=%", "u", BELFRY_ERR_INVALID, NULL },
    { "u=%4", "u", BELFRY_ERR_INVALID, NULL },
    { "u=%4x", "u", BELFRY_ERR_INVALID, NULL },
    { "u=%00", "u", BELFRY_ERR_INVALID, NULL },
};

static void test_parameters_are_found_and_decoded(void **state)
{
    (void)state;
    struct buf out = { 0 };
    for (const struct query_case *c = query_cases; c != BELFRY_END(query_cases); c++) {
        belfry_err err = http_query_find(bytes_of_text(c->query), c->name, &out);
        if (err != c->want_err || (err == BELFRY_OK && !bytes_equal_text(buf_bytes(&out), c->want)))
            fail_msg("%s: %s", c->query, belfry_strerror(err));
    }
    assert_int_equal(http_query_find(bytes_of(NULL, 0), "a", &out), BELFRY_ERR_NOT_FOUND);
    buf_deinit(&out);
}

static void test_repeated_parameters_are_walked(void **state)
{
    (void)state;
    struct buf out = { 0 };
    belfry_bytes rest = BELFRY_BYTES("room=a&x=1&room=%&room=c%20d");
    assert_int_equal(http_query_find_next(&rest, "room", &out), BELFRY_OK);
    assert_true(bytes_equal_text(buf_bytes(&out), "a"));
    assert_int_equal(http_query_find_next(&rest, "room", &out), BELFRY_ERR_INVALID);
    assert_int_equal(http_query_find_next(&rest, "room", &out), BELFRY_OK);
    assert_true(bytes_equal_text(buf_bytes(&out), "c d"));
    assert_int_equal(http_query_find_next(&rest, "room", &out), BELFRY_ERR_NOT_FOUND);
    buf_deinit(&out);
}

static void test_flags_compare_decoded_and_whole(void **state)
{
    (void)state;
    assert_true(http_query_is(BELFRY_BYTES("EIO=4&transport=polling"), "EIO", "4"));
    assert_true(http_query_is(BELFRY_BYTES("EIO=%34"), "EIO", "4"));
    assert_true(http_query_is(BELFRY_BYTES("EIO"), "EIO", ""));
    assert_false(http_query_is(BELFRY_BYTES("EIO=44"), "EIO", "4"));
    assert_false(http_query_is(BELFRY_BYTES("EIO=3&EIO=4"), "EIO", "4"));
    assert_false(http_query_is(BELFRY_BYTES("EIO=%3"), "EIO", "3"));
    assert_false(http_query_is(BELFRY_BYTES(""), "EIO", ""));
}

static void *no_realloc(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void test_without_memory_there_is_an_answer(void **state)
{
    (void)state;
    struct buf out = { 0 };
    mem_set_functions(NULL, no_realloc, NULL);
    unsigned status = http_path_to_file(BELFRY_BYTES("/a"), &out);
    belfry_err err = http_query_find(BELFRY_BYTES("a=1"), "a", &out);
    mem_set_functions(NULL, NULL, NULL);
    assert_int_equal(status, 500);
    assert_int_equal(err, BELFRY_ERR_NOMEM);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_parameters_are_found_and_decoded),
        cmocka_unit_test(test_repeated_parameters_are_walked),
        cmocka_unit_test(test_flags_compare_decoded_and_whole),
        cmocka_unit_test(test_without_memory_there_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
