/*
 * Origins: what matches is exactly one, whole, serialised origin.
 */
#include "http/origin.h"

#include "http/field.h"
#include "unit/http/parse.h"

static const struct parse_case {
    const char *text;
    bool is_origin;
    const char *scheme;
    const char *host;
    uint16_t port;
} parse_cases[] = {
    { "http://example.com", true, "http", "example.com", 80 },
    { "https://example.com", true, "https", "example.com", 443 },
    { "http://example.com:3001", true, "http", "example.com", 3001 },
    { "https://[::1]:3001", true, "https", "[::1]", 3001 },
    { "http://127.0.0.1:80", false, NULL, NULL, 0 },
    { "https://example.com:443", false, NULL, NULL, 0 },
    { "https://example.com:80", true, "https", "example.com", 80 },
    { "chrome-extension://abcdef", true, "chrome-extension", "abcdef", 0 },
    { "moz-extension+x.1://abc", true, "moz-extension+x.1", "abc", 0 },
    { "null", false, NULL, NULL, 0 },
    { "", false, NULL, NULL, 0 },
    { "http", false, NULL, NULL, 0 },
    { "http:", false, NULL, NULL, 0 },
    { "http://", false, NULL, NULL, 0 },
    { "://example.com", false, NULL, NULL, 0 },
    { "1http://example.com", false, NULL, NULL, 0 },
    { "http://example.com/", false, NULL, NULL, 0 },
    { "http://example.com/a", false, NULL, NULL, 0 },
    { "http://example.com?a", false, NULL, NULL, 0 },
    { "http://u@example.com", false, NULL, NULL, 0 },
    { "HTTP://example.com", false, NULL, NULL, 0 },
    { "http://Example.com", false, NULL, NULL, 0 },
    { "http://example.com:", false, NULL, NULL, 0 },
    { "http://example.com:03001", false, NULL, NULL, 0 },
    { "http://example.com:0", false, NULL, NULL, 0 },
    { "http://example.com:99999", false, NULL, NULL, 0 },
    { "http://a.com http://b.com", false, NULL, NULL, 0 },
    { "http://a.com, http://b.com", false, NULL, NULL, 0 },
    { "http://a.com,", false, NULL, NULL, 0 },
};

static void test_serialised_origins(void **state)
{
    (void)state;
    for (const struct parse_case *c = parse_cases; c != BELFRY_END(parse_cases); c++) {
        struct http_origin o;
        if (http_origin_parse(bytes_of_text(c->text), &o) != c->is_origin)
            fail_msg("%s", c->text);
        if (!c->is_origin)
            continue;
        assert_bytes(o.scheme, c->scheme);
        assert_bytes(o.host, c->host);
        assert_int_equal(o.port, c->port);
    }
}

static const struct same_case {
    const char *origin;
    const char *host;
    enum http_security security;
    bool is_same;
} same_cases[] = {
    { "http://h", "h", HTTP_PLAIN, true },
    { "http://h", "h:80", HTTP_PLAIN, true },
    { "http://h", "h:", HTTP_PLAIN, true },
    { "http://h", "H", HTTP_PLAIN, true },
    { "http://h:3001", "h:3001", HTTP_PLAIN, true },
    { "https://h", "h", HTTP_TLS, true },
    { "https://h", "h:443", HTTP_TLS, true },
    { "http://[::1]:3001", "[::1]:3001", HTTP_PLAIN, true },
    { "https://h:80", "h:80", HTTP_TLS, true },
    { "https://h", "h", HTTP_PLAIN, false },
    { "http://h", "h", HTTP_TLS, false },
    { "http://h", "h:443", HTTP_TLS, false },
    { "http://h:3001", "h", HTTP_PLAIN, false },
    { "http://h", "h:3001", HTTP_PLAIN, false },
    { "http://h.evil", "h", HTTP_PLAIN, false },
    { "http://xh", "h", HTTP_PLAIN, false },
    { "http://h", "xh", HTTP_PLAIN, false },
    { "http://h, http://evil", "h", HTTP_PLAIN, false },
    { "ftp://h", "h", HTTP_PLAIN, false },
    { "null", "null", HTTP_PLAIN, false },
    { "http://h", "", HTTP_PLAIN, false },
};

static void test_same_origin(void **state)
{
    (void)state;
    for (const struct same_case *c = same_cases; c != BELFRY_END(same_cases); c++)
        if (http_origin_is_same(bytes_of_text(c->origin), bytes_of_text(c->host), c->security) !=
            c->is_same)
            fail_msg("%s against %s", c->origin, c->host);
}

static const struct listed_case {
    const char *origin;
    const char *list;
    bool is_listed;
} listed_cases[] = {
    { "https://a.com", "https://a.com", true },
    { "https://a.com", "https://b.com , https://a.com", true },
    { "https://a.com", "", false },
    { "https://a.com", "http://a.com", false },
    { "https://a.com", "https://a.com:444", false },
    { "https://a.com.evil.com", "https://a.com", false },
    { "https://evil-a.com", "https://a.com", false },
    { "https://sub.a.com", "https://a.com", false },
    { "https://a.co", "https://a.com", false },
    { "https://A.com", "https://a.com", false },
    { "https://a.com/", "https://a.com", false },
    { "https://a.com, https://b.com", "https://a.com, https://b.com", false },
    { "https://anything", "*", true },
    { "null", "*", true },
    { "null", "https://a.com", false },
    { "null", "null", true },
    { "file://", "*", true },
    { "", "*", false },
    { "https://a.com https://b.com", "*", false },
    { "https://a.com,https://b.com", "*", false },
    { "*", "https://a.com", false },
};

static void test_allow_lists(void **state)
{
    (void)state;
    for (const struct listed_case *c = listed_cases; c != BELFRY_END(listed_cases); c++)
        if (http_origin_is_listed(bytes_of_text(c->origin), bytes_of_text(c->list)) != c->is_listed)
            fail_msg("%s in %s", c->origin, c->list);
}

#define GET(fields) BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:1\r\n" fields "\r\n")

static const struct check_case {
    belfry_bytes wire;
    enum http_origin_verdict want;
} check_cases[] = {
    { GET(""), HTTP_ORIGIN_NONE },
    { GET("Origin: http://h:1\r\n"), HTTP_ORIGIN_ALLOWED },
    { GET("Origin: http://a.com\r\n"), HTTP_ORIGIN_ALLOWED },
    { GET("Origin: http://b.com\r\n"), HTTP_ORIGIN_REFUSED },
    { GET("Origin: null\r\n"), HTTP_ORIGIN_REFUSED },
    { GET("Origin:\r\n"), HTTP_ORIGIN_REFUSED },
    { GET("Origin: http://h:1\r\nOrigin: http://h:1\r\n"), HTTP_ORIGIN_REFUSED },
    { GET("Origin: http://a.com\r\nOrigin: http://b.com\r\n"), HTTP_ORIGIN_REFUSED },
};

static void test_requests_are_judged(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct check_case *c = check_cases; c != BELFRY_END(check_cases); c++) {
        belfry_bytes origin = BELFRY_BYTES("what was there before");
        parse_good(&r, c->wire);
        if (http_origin_check(&r.head, HTTP_PLAIN, BELFRY_BYTES("http://a.com"), &origin) !=
            c->want)
            fail_msg("%s", (const char *)c->wire.data);
        if (c->want == HTTP_ORIGIN_ALLOWED)
            assert_ptr_equal(origin.data, http_find(&r.head, "Origin")->value.data);
        else
            assert_int_equal(origin.size, 0);
        parsed_deinit(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serialised_origins),
        cmocka_unit_test(test_same_origin),
        cmocka_unit_test(test_allow_lists),
        cmocka_unit_test(test_requests_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
