/*
 * What a client has (etag.h), can read (accept.h) and is told it gets (mime.h).
 */
#include "http/accept.h"
#include "http/etag.h"
#include "http/mime.h"
#include "unit/http/parse.h"

#define GET(fields) BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n")

static const struct etag_case {
    const char *list;
    const char *etag;
    bool is_match;
} etag_cases[] = {
    { "\"a\"", "\"a\"", true },
    { "W/\"a\"", "\"a\"", true },
    { "\"a\"", "W/\"a\"", true },
    { "W/\"a\"", "W/\"a\"", true },
    { "*", "\"a\"", true },
    { " * ", "\"a\"", true },
    { "\"b\", \"a\"", "\"a\"", true },
    { "\"b\" ,\t,W/\"a\"", "\"a\"", true },
    { "\"b,\", \"a\"", "\"a\"", true },
    { "\"x,\"a\"\"", "\"a\"", false },
    { "", "\"a\"", false },
    { "a", "\"a\"", false },
    { "\"a", "\"a\"", false },
    { "\"A\"", "\"a\"", false },
    { "\"aa\"", "\"a\"", false },
    { "w/\"a\"", "\"a\"", false },
    { "W/ \"a\"", "\"a\"", false },
    { "\"b\" \"a\"", "\"a\"", false },
    { "\"b\", *", "\"a\"", false },
    { "\"b\",", "\"a\"", false },
    { "\"\"", "\"\"", true },
};

static void test_etag_lists(void **state)
{
    (void)state;
    for (const struct etag_case *c = etag_cases; c != BELFRY_END(etag_cases); c++)
        if (http_etag_matches(bytes_of_text(c->list), bytes_of_text(c->etag)) != c->is_match)
            fail_msg("%s against %s", c->etag, c->list);
}

#define MODIFIED_S 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static const struct fresh_case {
    belfry_bytes wire;
    bool is_fresh;
} fresh_cases[] = {
    { GET(""), false },
    { GET("If-None-Match: \"a\"\r\n"), true },
    { GET("If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n"), true },
    { GET("If-None-Match: \"b\"\r\n"), false },
    { GET("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), true },
    { GET("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"), false },
    { GET("If-Modified-Since: Mon, 07 Nov 1994 08:49:37 GMT\r\n"), true },
    { GET("If-Modified-Since: yesterday\r\n"), false },
    /* the tag outweighs the date */
    { GET("If-None-Match: \"b\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), false },
    { GET("If-None-Match: \"a\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"), true },
};

static void test_freshness(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct fresh_case *c = fresh_cases; c != BELFRY_END(fresh_cases); c++) {
        parse_good(&r, c->wire);
        if (http_is_not_modified(&r.head, BELFRY_BYTES("\"a\""), MODIFIED_S) != c->is_fresh)
            fail_msg("%s", (const char *)c->wire.data);
        parsed_deinit(&r);
    }
}

static const struct accept_case {
    belfry_bytes wire;
    bool is_gzip;
} accept_cases[] = {
    { GET(""), false },
    { GET("Accept-Encoding:\r\n"), false },
    { GET("Accept-Encoding: gzip\r\n"), true },
    { GET("Accept-Encoding: deflate, GZIP , br\r\n"), true },
    { GET("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n"), true },
    { GET("Accept-Encoding: gzip;q=0.001\r\n"), true },
    { GET("Accept-Encoding: gzip ; q=1\r\n"), true },
    { GET("Accept-Encoding: gzip;q=0\r\n"), false },
    { GET("Accept-Encoding: gzip;q=0.000\r\n"), false },
    { GET("Accept-Encoding: gzip;q=\r\n"), false },
    { GET("Accept-Encoding: gzip;x=1\r\n"), false },
    { GET("Accept-Encoding: *\r\n"), true },
    { GET("Accept-Encoding: *;q=0\r\n"), false },
    { GET("Accept-Encoding: *, gzip;q=0\r\n"), false },
    { GET("Accept-Encoding: gzip, *;q=0\r\n"), true },
    { GET("Accept-Encoding: identity, gzipped\r\n"), false },
};

static void test_gzip_is_sent_to_those_who_ask(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct accept_case *c = accept_cases; c != BELFRY_END(accept_cases); c++) {
        parse_good(&r, c->wire);
        if (http_accepts_gzip(&r.head) != c->is_gzip)
            fail_msg("%s", (const char *)c->wire.data);
        parsed_deinit(&r);
    }
}

static const struct mime_case {
    const char *path;
    const char *type;
} mime_cases[] = {
    { "index.html", "text/html; charset=utf-8" },
    { "a/b/app.min.js", "text/javascript; charset=utf-8" },
    { "A.MJS", "text/javascript; charset=utf-8" },
    { "app.js.map", "application/json" },
    { "logo.svg", "image/svg+xml" },
    { "favicon.ico", "image/x-icon" },
    { "font.woff2", "font/woff2" },
    { "a.wasm", "application/wasm" },
    { "README", "application/octet-stream" },
    { "a.html/README", "application/octet-stream" },
    { "a.", "application/octet-stream" },
    { "html", "application/octet-stream" },
    { "", "application/octet-stream" },
};

static void test_types_by_ending(void **state)
{
    (void)state;
    for (const struct mime_case *c = mime_cases; c != BELFRY_END(mime_cases); c++)
        assert_string_equal(http_mime_of(bytes_of_text(c->path)), c->type);
    assert_true(http_mime_is_compressible(http_mime_of(BELFRY_BYTES("a.css"))));
    assert_false(http_mime_is_compressible(http_mime_of(BELFRY_BYTES("a.png"))));
    assert_false(http_mime_is_compressible("application/octet-stream"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_etag_lists),
        cmocka_unit_test(test_freshness),
        cmocka_unit_test(test_gzip_is_sent_to_those_who_ask),
        cmocka_unit_test(test_types_by_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
