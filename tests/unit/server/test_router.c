/*
 * test_router.c - which paths a pattern takes, what its names stand for, and which methods there
 * are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "server/server.h"
#include "support/memory.h"

#define ALL_KINDS (1u << ROUTE_HTTP | 1u << ROUTE_WS | 1u << ROUTE_OPS)

static const struct pattern_case {
    const char *pattern, *path;
    bool does_match;
    const char *param; /* what :a is; NULL: there is none */
} pattern_cases[] = {
    { "/", "/", true, NULL },
    { "/", "/a", false, NULL },
    { "/", "//", false, NULL },
    { "/feed", "/feed", true, NULL },
    { "/feed", "/feeds", false, NULL },
    { "/feed", "/fee", false, NULL },
    { "/feed", "/Feed", false, NULL },
    { "/feed", "/feed/", false, NULL },
    { "/feed", "/", false, NULL },
    { "/feed/", "/feed/", true, NULL },
    { "/feed/", "/feed", false, NULL },
    { "/a/b", "/a/b", true, NULL },
    { "/a/b", "/a", false, NULL },
    { "/a/b", "/a/b/c", false, NULL },
    { "/:a", "/x", true, "x" },
    { "/:a", "/", false, NULL }, /* a segment has a character */
    { "/:a", "/x/", false, NULL },
    { "/:a", "/x/y", false, NULL },
    { "/rooms/:a", "/rooms/tower", true, "tower" },
    { "/rooms/:a", "/rooms/%2F", true, "%2F" }, /* decoded later: no slash comes of it here */
    { "/rooms/:a", "/rooms/", false, NULL },
    { "/rooms/:a", "/rooms", false, NULL },
    { "/rooms/:a/log", "/rooms/tower/log", true, "tower" },
    { "/rooms/:a/log", "/rooms/tower/logs", false, NULL },
    { "/:b/:a", "/x/y", true, "y" },
    { "/:aa", "/x", true, NULL }, /* another name */
    { "/:", "/:", true, NULL },   /* not a name: itself */
    { "/:", "/x", false, NULL },
    { "/*", "/", true, NULL },
    { "/*", "/a/b/c", true, NULL },
    { "/files/*", "/files/", true, NULL },
    { "/files/*", "/files/a/b", true, NULL },
    { "/files/*", "/files", false, NULL },
    { "/:a/*", "/x/y/z", true, "x" },
    { "/*/b", "/*/b", true, NULL }, /* only the last asterisk is special */
    { "/*/b", "/a/b", false, NULL },
};

static struct route *add(struct router *router, enum route_kind kind, const char *method,
                         const char *pattern)
{
    struct route *route = router_add(router, kind, pattern);
    assert_non_null(route);
    if (method != NULL)
        route_set_method(route, bytes_of_text(method));
    return route;
}

static struct http_head head_of(const char *method, const char *path)
{
    struct http_head head = { .method_text = bytes_of_text(method), .path = bytes_of_text(path) };
    head.method = strcmp(method, "GET") == 0    ? HTTP_GET
                  : strcmp(method, "HEAD") == 0 ? HTTP_HEAD
                                                : HTTP_OTHER;
    return head;
}

static void test_patterns_take_whole_segments(void **state)
{
    (void)state;
    for (const struct pattern_case *c = pattern_cases; c != BELFRY_END(pattern_cases); c++) {
        struct router router;
        struct route_match match;
        belfry_bytes segment;
        router_init(&router);
        struct route *route = add(&router, ROUTE_HTTP, "GET", c->pattern);
        struct http_head head = head_of("GET", c->path);
        router_match(&router, &head, ALL_KINDS, &match);
        if ((match.route == route) != c->does_match)
            fail_msg("%s and %s: %s", c->pattern, c->path, match.route ? "match" : "no match");
        if (c->does_match) {
            bool has_param = route_param(route, head.path, "a", &segment);
            if (has_param != (c->param != NULL) ||
                (has_param && !bytes_equal_text(segment, c->param)))
                fail_msg("%s and %s: wrong segment", c->pattern, c->path);
        }
        router_deinit(&router);
    }
}

static void test_the_first_route_that_matches_wins(void **state)
{
    (void)state;
    struct router router;
    struct route_match match;
    router_init(&router);
    struct route *exact = add(&router, ROUTE_HTTP, "GET", "/rooms/tower");
    struct route *named = add(&router, ROUTE_HTTP, "GET", "/rooms/:room");
    struct route *rest = add(&router, ROUTE_HTTP, "GET", "/*");
    (void)add(&router, ROUTE_HTTP, "GET", "/rooms/never");
    const struct {
        const char *path;
        struct route *want;
    } cases[] = {
        { "/rooms/tower", exact }, { "/rooms/never", named }, { "/rooms/a/b", rest }, { "/", rest }
    };
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        struct http_head head = head_of("GET", cases[i].path);
        router_match(&router, &head, ALL_KINDS, &match);
        assert_ptr_equal(match.route, cases[i].want);
    }
    router_deinit(&router);
}

static void test_another_method_says_which_there_are(void **state)
{
    (void)state;
    static const struct method_case {
        const char *method, *path;
        bool has_route, has_path;
        const char *allow;
    } cases[] = {
        { "GET", "/a", true, false, "" },
        { "HEAD", "/a", true, false, "" },
        { "POST", "/a", true, true, "GET, HEAD" },
        { "PUT", "/a", false, true, "GET, HEAD, POST" },
        { "get", "/a", false, true, "GET, HEAD, POST" },
        { "HEAD", "/b", false, true, "POST" },
        { "GET", "/nowhere", false, false, "" },
        { "GET", "/socket", true, false, "" },
        { "POST", "/socket", true, false, "" }, /* the handshake says better what is wrong */
    };
    struct router router;
    struct route_match match;
    router_init(&router);
    (void)add(&router, ROUTE_HTTP, "GET", "/a");
    (void)add(&router, ROUTE_HTTP, "POST", "/a");
    (void)add(&router, ROUTE_HTTP, "POST", "/b");
    (void)add(&router, ROUTE_WS, NULL, "/socket");
    for (const struct method_case *c = cases; c != BELFRY_END(cases); c++) {
        struct http_head head = head_of(c->method, c->path);
        router_match(&router, &head, ALL_KINDS, &match);
        if ((match.route != NULL) != c->has_route || match.has_path != c->has_path ||
            strcmp(match.allow, c->allow) != 0)
            fail_msg("%s %s: allow \"%s\"", c->method, c->path, match.allow);
    }
    router_deinit(&router);
}

static void test_only_the_kinds_asked_for_are_looked_at(void **state)
{
    (void)state;
    struct router router;
    struct route_match match;
    struct http_head head = head_of("GET", "/metrics");
    router_init(&router);
    struct route *ops = add(&router, ROUTE_OPS, "GET", "/metrics");
    router_match(&router, &head, 1u << ROUTE_HTTP | 1u << ROUTE_WS, &match);
    assert_null(match.route);
    assert_false(match.has_path);
    router_match(&router, &head, 1u << ROUTE_OPS, &match);
    assert_ptr_equal(match.route, ops);
    router_deinit(&router);
}

static void test_many_methods_are_cut_and_never_overflow(void **state)
{
    (void)state;
    struct router router;
    struct route_match match;
    struct http_head head = head_of("PUT", "/a");
    router_init(&router);
    for (int i = 0; i < 50; i++)
        (void)add(&router, ROUTE_HTTP, "PROPFIND", "/a");
    router_match(&router, &head, ALL_KINDS, &match);
    assert_true(match.has_path);
    assert_true(strlen(match.allow) < sizeof match.allow);
    router_deinit(&router);
}

static void test_a_path_that_is_no_path_leads_nowhere(void **state)
{
    (void)state;
    struct router router;
    struct route_match match;
    router_init(&router);
    (void)add(&router, ROUTE_HTTP, "OPTIONS", "/*");
    static const char *const paths[] = { "*", "", "a" };
    for (size_t i = 0; i < BELFRY_COUNT(paths); i++) {
        struct http_head head = head_of("OPTIONS", paths[i]);
        router_match(&router, &head, ALL_KINDS, &match);
        assert_null(match.route);
    }
    router_deinit(&router);
}

static void test_what_is_no_pattern_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const patterns[] = { NULL, "", "feed", "*", " /feed" };
    struct router router;
    router_init(&router);
    for (size_t i = 0; i < BELFRY_COUNT(patterns); i++) {
        assert_null(router_add(&router, ROUTE_HTTP, patterns[i]));
        assert_non_null(strstr(belfry_why(NULL), "starts with '/'"));
    }
    memory_watch();
    for (long n = 1; n <= 2; n++) {
        memory_fail_at(n);
        assert_null(router_add(&router, ROUTE_HTTP, "/feed"));
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
    assert_null(router.first);
    router_deinit(&router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_take_whole_segments),
        cmocka_unit_test(test_the_first_route_that_matches_wins),
        cmocka_unit_test(test_another_method_says_which_there_are),
        cmocka_unit_test(test_only_the_kinds_asked_for_are_looked_at),
        cmocka_unit_test(test_many_methods_are_cut_and_never_overflow),
        cmocka_unit_test(test_a_path_that_is_no_path_leads_nowhere),
        cmocka_unit_test(test_what_is_no_pattern_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
