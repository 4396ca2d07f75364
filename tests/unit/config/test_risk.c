/*
 * Which settings `belfry check` has something to say about.
 */
#include "config/risk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct public_case {
    const char *addresses;
    bool want;
} public_cases[] = {
    { "", false },
    { ",", false },
    { ":3001", true },
    { "0.0.0.0:3001", true },
    { "[::]:3001", true },
    { "192.168.1.2:3001", true },
    { "example.com:3001", true },
    { "127.0.0.1:3001", false },
    { "127.8.9.10:3001", false },
    { "[::1]:3001", false },
    { "localhost:3001", false },
    { "localhost.example.com:3001", true },
    { "127.0.0.1:3001, [::1]:3001", false },
    { "127.0.0.1:3001,  :3002 ", true },
};

static void test_public_addresses(void **state)
{
    (void)state;
    for (const struct public_case *c = public_cases; c != BELFRY_END(public_cases); c++) {
        if (config_is_public(c->addresses) != c->want)
            fail_msg("%s", c->addresses);
    }
}

static const struct risk_case {
    char *arguments[4];
    const char *want; /* the settings named, in order */
} risk_cases[] = {
    { { "--listen=127.0.0.1:1" }, "" },
    { { "--listen=:1" }, "ops_listen tls_cert " },
    { { "--listen=:1", "--ops-listen=127.0.0.1:2" }, "tls_cert " },
    { { "--listen=127.0.0.1:1", "--ops-listen=:2" }, "ops_listen " },
    { { "--listen=127.0.0.1:1", "--demo" }, "" },
    { { "--listen=:1", "--demo", "--ops-listen=[::1]:2" }, "demo tls_cert " },
    { { "--listen=:1", "--tls-cert=c", "--tls-key=k" }, "ops_listen " },
    { { "--listen=127.0.0.1:1", "--origins=https://a, *" }, "origins " },
    { { "--listen=127.0.0.1:1", "--origins=https://*" }, "" },
    { { "--listen=127.0.0.1:1", "--cors-credentials", "--allow-eio3" }, "allow_eio3 " },
    { { "--listen=127.0.0.1:1", "--origins=*", "--cors-credentials" },
      "origins cors_credentials " },
    { { "--listen=127.0.0.1:1", "--tls-self-signed" }, "tls_self_signed " },
    { { "--listen=127.0.0.1:1", "--deflate=dedicated" }, "deflate " },
    { { "--listen=127.0.0.1:1", "--deflate=dedicated", "--max-connections=9999" }, "deflate " },
    { { "--listen=127.0.0.1:1", "--deflate=dedicated", "--max-connections=100" }, "" },
    { { "--listen=127.0.0.1:1", "--ping-interval-ms=off" }, "ping_interval_ms " },
    { { "--listen=127.0.0.1:1", "--keep-alive-timeout-ms=off" }, "keep_alive_timeout_ms " },
};

static void test_risks_are_named(void **state)
{
    (void)state;
    for (const struct risk_case *k = risk_cases; k != BELFRY_END(risk_cases); k++) {
        struct config c;
        struct config_error error;
        struct config_risk risks[CONFIG_MAX_RISKS];
        char got[256] = "";
        for (size_t i = 0; i < BELFRY_COUNT(k->arguments) && k->arguments[i] != NULL; i++) {
            if (i == 0)
                config_init(&c);
            char *argv[] = { "check", k->arguments[i], NULL };
            assert_int_equal(config_read_flags(&c, 2, argv, &error), BELFRY_OK);
        }
        size_t count = config_risks(&c, risks);
        for (size_t i = 0; i < count; i++) {
            size_t size = strlen(got);
            (void)snprintf(got + size, sizeof got - size, "%s ", risks[i].setting);
            assert_in_range(strlen(risks[i].text), 20, sizeof risks[i].text - 2); /* not cut */
        }
        assert_string_equal(got, k->want);
        config_deinit(&c);
    }
}

/* Everything at once fits the array. */
static void test_all_risks_together(void **state)
{
    (void)state;
    static char *arguments[] = {
        "check",
        "--demo",
        "--origins=*",
        "--cors-credentials",
        "--allow-eio3",
        "--ops-listen=:1",
        "--tls-self-signed",
        "--deflate=dedicated",
        "--max-connections=10000000",
        "--ping-interval-ms=off",
        "--keep-alive-timeout-ms=off",
        "--workers=64",
    };
    struct config c;
    struct config_error error;
    struct config_risk risks[CONFIG_MAX_RISKS];
    config_init(&c);
    assert_int_equal(config_read_flags(&c, (int)BELFRY_COUNT(arguments), arguments, &error),
                     BELFRY_OK);
    assert_in_range(config_risks(&c, risks), 7, CONFIG_MAX_RISKS);
    config_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_addresses),
        cmocka_unit_test(test_risks_are_named),
        cmocka_unit_test(test_all_risks_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
