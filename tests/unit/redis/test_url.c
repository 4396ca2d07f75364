/*
 * Where Redis is: every form that the documentation names, and what is wrong with the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "redis/url.h"

/* contract tls host:port path user password db; - is nothing */
static const char *show(const struct redis_url *url)
{
    static const char *const contracts[] = { "classic", "sharded", "streams" };
    static char line[300];
    snprintf(line, sizeof line, "%s%s %s:%u %s %s %s %u", contracts[url->contract],
             url->is_tls ? " tls" : "", url->host ? url->host : "-", url->port,
             url->path ? url->path : "-", url->user ? url->user : "-",
             url->password ? url->password : "-", url->db);
    return line;
}

static const struct good_case {
    const char *text, *want;
} good[] = {
    { "redis://localhost", "classic localhost:6379 - - - 0" },
    { "redis://localhost/", "classic localhost:6379 - - - 0" },
    { "redis://10.0.0.1:7000/3", "classic 10.0.0.1:7000 - - - 3" },
    { "redis://h?db=2", "classic h:6379 - - - 2" },
    { "redis+sharded://h", "sharded h:6379 - - - 0" },
    { "redis+streams://h:1", "streams h:1 - - - 0" },
    { "rediss://h", "classic tls h:6379 - - - 0" },
    { "rediss+streams://h:65535/65535", "streams tls h:65535 - - - 65535" },
    { "redis://[::1]:6380", "classic ::1:6380 - - - 0" },
    { "redis://[fe80::1]", "classic fe80::1:6379 - - - 0" },
    { "redis://:secret@h", "classic h:6379 - - secret 0" },
    { "redis://ada:s@h", "classic h:6379 - ada s 0" },
    { "redis://ada:p%40ss%2Fw%3a@h/1", "classic h:6379 - ada p@ss/w: 1" },
    { "redis://ada:a@b@h", "classic h:6379 - ada a@b 0" },
    { "redis://ada:a:b@h", "classic h:6379 - ada a:b 0" },
    { "redis+unix:///run/redis.sock", "classic -:0 /run/redis.sock - - 0" },
    { "redis+streams+unix:///r.sock?db=4", "streams -:0 /r.sock - - 4" },
    { "redis+sharded+unix://u:p@/a%20b", "sharded -:0 /a b u p 0" },
};

static void test_good_ones(void **state)
{
    (void)state;
    char why[REDIS_URL_WHY];
    for (const struct good_case *c = good; c != BELFRY_END(good); c++) {
        struct redis_url url;
        if (redis_url_parse(c->text, &url, why) != BELFRY_OK)
            fail_msg("%s: %s", c->text, why);
        assert_string_equal(show(&url), c->want);
        redis_url_deinit(&url);
    }
}

static const struct bad_case {
    const char *text, *want; /* a part of the reason */
} bad[] = {
    { "", "not a URL of Redis" },
    { "localhost:6379", "not a URL of Redis" },
    { "http://h", "not a URL of Redis" },
    { "redis:/h", "unknown scheme" },
    { "redis+cluster://h", "unknown scheme" },
    { "redis+unix+streams:///r", "unknown scheme" },
    { "rediss+unix:///r", "TLS over a Unix socket" },
    { "redis://", "the host is missing" },
    { "redis://:6379", "the host is missing" },
    { "redis://[::1", "a ] is missing" },
    { "redis://[]", "the host is missing" },
    { "redis://h:0", "the port" },
    { "redis://h:65536", "the port" },
    { "redis://h:", "the port" },
    { "redis://h:6379x", "the port" },
    { "redis://h/x", "the database" },
    { "redis://h/65536", "the database" },
    { "redis://h/-1", "the database" },
    { "redis://h/1/2", "the database" },
    { "redis://ada@h", "a user without a password" },
    { "redis://ada:@h", "a user without a password" },
    { "redis://h%4", "two hexadecimal digits" },
    { "redis://h%00", "two hexadecimal digits" },
    { "redis://:p%zz@h", "two hexadecimal digits" },
    { "redis+unix://r", "the path" },
    { "redis+unix:///", "the path" },
    { "redis+unix:///r?x=1", "unknown behind the path" },
    { "redis+unix:///r?db=x", "the database" },
    { "redis://h\xff", "not UTF-8" },
};

static void test_bad_ones(void **state)
{
    (void)state;
    char why[REDIS_URL_WHY];
    for (const struct bad_case *c = bad; c != BELFRY_END(bad); c++) {
        struct redis_url url;
        belfry_err err = redis_url_parse(c->text, &url, why);
        if (err != BELFRY_ERR_CONFIG || strstr(why, c->want) == NULL)
            fail_msg("%s: %d %s", c->text, err, why);
        assert_null(url.host);
        assert_null(url.password);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_bad_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
