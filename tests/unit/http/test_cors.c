/*
 * CORS: who may read the answer, and what caches must know about it.
 */
#include "http/cors.h"
#include "unit/http/parse.h"

#define GET(fields) BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n")
#define OPTIONS(fields) BELFRY_BYTES("OPTIONS / HTTP/1.1\r\nHost: h\r\n" fields "\r\n")

#define ALLOW "Access-Control-Allow-Origin: "
#define METHODS "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
#define VARY "Vary: Origin\r\n"
#define VARY_HEADERS "Vary: Access-Control-Request-Headers\r\n"

static const struct cors_policy off = { 0 };
static const struct cors_policy empty = { .origins = "", .allows_credentials = true };
static const struct cors_policy any = { .origins = "*" };
static const struct cors_policy two = { .origins = "https://a.example, http://b.example:81" };
static const struct cors_policy full = { .origins = "https://a.example",
                                         .allows_credentials = true,
                                         .methods = "GET,POST",
                                         .headers = "X-One,X-Two",
                                         .exposed = "X-Three",
                                         .max_age_s = 600 };
static const struct cors_policy bad = { .origins = "*", .exposed = "X\r\nEvil: 1", .headers = "" };

static const struct cors_case {
    const char *name;
    const struct cors_policy *policy;
    belfry_bytes wire;
    bool is_preflight;
    const char *want;
} cors_cases[] = {
    { "off", &off, GET("Origin: https://a.example\r\n"), false, "" },
    { "off, asked", &off, OPTIONS("Origin: https://a.example\r\n"), false, "" },
    { "an empty list is off", &empty, GET("Origin: https://a.example\r\n"), false, "" },
    { "any, no origin", &any, GET(""), false, ALLOW "*\r\n" },
    { "any", &any, GET("Origin: https://a.example\r\n"), false, ALLOW "*\r\n" },
    { "any, opaque", &any, GET("Origin: null\r\n"), false, ALLOW "*\r\n" },
    { "listed", &two, GET("Origin: https://a.example\r\n"), false,
      ALLOW "https://a.example\r\n" VARY },
    { "listed second", &two, GET("Origin: http://b.example:81\r\n"), false,
      ALLOW "http://b.example:81\r\n" VARY },
    { "no origin", &two, GET(""), false, VARY },
    { "not listed", &two, GET("Origin: https://c.example\r\n"), false, VARY },
    { "another scheme", &two, GET("Origin: http://a.example\r\n"), false, VARY },
    { "another port", &two, GET("Origin: http://b.example\r\n"), false, VARY },
    { "a part", &two, GET("Origin: https://a.exampl\r\n"), false, VARY },
    { "more", &two, GET("Origin: https://a.example.org\r\n"), false, VARY },
    { "the list itself", &two, GET("Origin: https://a.example, http://b.example:81\r\n"), false,
      VARY },
    { "twice", &two, GET("Origin: https://a.example\r\nOrigin: https://a.example\r\n"), false,
      VARY },
    { "an asterisk is nobody's origin", &two, GET("Origin: *\r\n"), false, VARY },
    { "everything", &full, GET("Origin: https://a.example\r\n"), false,
      ALLOW "https://a.example\r\n" VARY "Access-Control-Allow-Credentials: true\r\n"
            "Access-Control-Expose-Headers: X-Three\r\n" },
    { "everything, asked", &full,
      OPTIONS("Origin: https://a.example\r\nAccess-Control-Request-Headers: x-four\r\n"), true,
      ALLOW "https://a.example\r\n" VARY "Access-Control-Allow-Credentials: true\r\n"
            "Access-Control-Expose-Headers: X-Three\r\n"
            "Access-Control-Allow-Methods: GET,POST\r\n"
            "Access-Control-Allow-Headers: X-One,X-Two\r\nAccess-Control-Max-Age: 600\r\n" },
    { "asked", &any, OPTIONS("Origin: https://a.example\r\n"), true,
      ALLOW "*\r\n" METHODS VARY_HEADERS },
    { "asked for headers", &two,
      OPTIONS("Origin: https://c.example\r\nAccess-Control-Request-Headers: x-a\r\n"
              "Access-Control-Request-Headers: x-b\r\n"),
      true, VARY METHODS "Access-Control-Allow-Headers: x-a, x-b\r\n" VARY_HEADERS },
    { "a bad policy splits nothing", &bad, OPTIONS(""), true, ALLOW "*\r\n" METHODS },
};

static void test_cors_fields(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct cors_case *c = cors_cases; c != BELFRY_END(cors_cases); c++) {
        struct buf fields = { 0 };
        parse_good(&r, c->wire);
        if (cors_is_preflight(c->policy, &r.head) != c->is_preflight)
            fail_msg("%s: a preflight or not", c->name);
        cors_put_fields(c->policy, &r.head, &fields);
        if (c->is_preflight)
            cors_put_preflight(c->policy, &r.head, &fields);
        if (!bytes_equal_text(buf_bytes(&fields), c->want))
            fail_msg("%s: %.*s", c->name, (int)fields.size, (const char *)fields.data);
        buf_deinit(&fields);
        parsed_deinit(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cors_fields) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
