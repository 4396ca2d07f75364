/*
 * test_options.c - defaults, every bound of the table from both sides, and what must go together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/resource.h>

#include "server/server.h"
#include "support/memory.h"

/* --- the numbers of the table, as rows -------------------------------------------------------- */

struct row {
    const char *name;
    size_t offset;
    size_t size; /* of the field: 4 or 8 */
    uint64_t default_value, min, max;
    bool may_be_off;
};

static const struct row rows[] = {
#define NUMBER(name, default_value, min, max, may_be_off, help) \
    { #name,                                                    \
      offsetof(belfry_options, name),                           \
      sizeof((belfry_options){ 0 }.name),                       \
      default_value,                                            \
      min,                                                      \
      max,                                                      \
      may_be_off },
#define SKIP_3(name, default_value, help)
#define SKIP_2(name, help)
#define SKIP_CHOICE(name, choices, type, help)
    BELFRY_OPTIONS(SKIP_3, SKIP_2, NUMBER, NUMBER, NUMBER, SKIP_CHOICE)
#undef NUMBER
#undef SKIP_3
#undef SKIP_2
#undef SKIP_CHOICE
};

static void set(belfry_options *options, const struct row *row, uint64_t value)
{
    uint32_t small = (uint32_t)value;
    memcpy((char *)options + row->offset, row->size == 4 ? (void *)&small : (void *)&value,
           row->size);
}

static uint64_t get(const belfry_options *options, const struct row *row)
{
    uint32_t small;
    uint64_t large;
    if (row->size == 8) {
        memcpy(&large, (const char *)options + row->offset, sizeof large);
        return large;
    }
    memcpy(&small, (const char *)options + row->offset, sizeof small);
    return small;
}

/* Completes a set where @row is @value and the rest is default; what became of it. */
static belfry_err complete(const struct row *row, uint64_t value, uint64_t *out_value)
{
    belfry_options given = { 0 };
    belfry_options options;
    set(&given, row, value);
    belfry_err err = options_complete(&options, &given);
    if (err != BELFRY_OK)
        return err;
    *out_value = get(&options, row);
    options_free_texts(&options);
    return BELFRY_OK;
}

static void assert_taken(const struct row *row, uint64_t value)
{
    uint64_t got = 0;
    if (complete(row, value, &got) != BELFRY_OK || got != value)
        fail_msg("%s = %llu: %llu", row->name, (unsigned long long)value, (unsigned long long)got);
}

static void assert_refused(const struct row *row, uint64_t value)
{
    uint64_t got;
    if (complete(row, value, &got) != BELFRY_ERR_CONFIG)
        fail_msg("%s = %llu was taken", row->name, (unsigned long long)value);
    const char *why = belfry_why(NULL);
    char max[32];
    (void)snprintf(max, sizeof max, "%llu", (unsigned long long)row->max);
    if (strstr(why, row->name) != why || strstr(why, max) == NULL)
        fail_msg("%s = %llu: %s", row->name, (unsigned long long)value, why);
}

static void test_every_bound_holds_from_both_sides(void **state)
{
    (void)state;
    for (const struct row *row = rows; row != BELFRY_END(rows); row++) {
        if (row->min > 1) /* 0 means the default */
            assert_refused(row, row->min - 1);
        if (row->min > 0)
            assert_taken(row, row->min);
        assert_taken(row, row->max);
        assert_refused(row, row->max + 1);
    }
}

static void test_off_is_taken_where_the_table_says_so(void **state)
{
    (void)state;
    for (const struct row *row = rows; row != BELFRY_END(rows); row++) {
        if (row->may_be_off)
            assert_taken(row, BELFRY_OFF);
        else if (row->max < BELFRY_OFF)
            assert_refused(row, BELFRY_OFF);
    }
}

static void test_nothing_given_means_the_defaults(void **state)
{
    (void)state;
    static const belfry_options zero;
    const belfry_options *givens[] = { NULL, &zero };
    for (size_t i = 0; i < BELFRY_COUNT(givens); i++) {
        belfry_options options;
        assert_int_equal(options_complete(&options, givens[i]), BELFRY_OK);
        for (const struct row *row = rows; row != BELFRY_END(rows); row++) {
            if (strcmp(row->name, "max_connections") != 0)
                assert_int_equal(get(&options, row), row->default_value);
        }
        assert_string_equal(options.listen, ":3001");
        assert_string_equal(options.origins, "");
        assert_string_equal(options.tls_cert, "");
        assert_int_equal(options.slow_policy, BELFRY_SLOW_CLOSE);
        assert_int_equal(options.deflate, BELFRY_DEFLATE_SHARED);
        assert_false(options.tls_self_signed);
        options_free_texts(&options);
        assert_null(options.listen);
    }
}

static void test_connections_are_derived_from_the_descriptors_there_are(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    static const rlim_t limits[] = { 32, 64, 200, 1024 };
    uint32_t last = 0;
    for (size_t i = 0; i < BELFRY_COUNT(limits); i++) {
        belfry_options options;
        struct rlimit limit = { .rlim_cur = limits[i], .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(options_complete(&options, NULL), BELFRY_OK);
        assert_true(options.max_connections >= 1 && options.max_connections < limits[i]);
        assert_true(options.max_connections > last);
        last = options.max_connections;
        options_free_texts(&options);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_texts_are_copied(void **state)
{
    (void)state;
    char listen[] = "127.0.0.1:0";
    char origins[] = "https://example.com";
    belfry_options options;
    belfry_options given = { .listen = listen, .origins = origins };
    assert_int_equal(options_complete(&options, &given), BELFRY_OK);
    listen[0] = origins[0] = '#';
    assert_string_equal(options.listen, "127.0.0.1:0");
    assert_string_equal(options.origins, "https://example.com");
    options_free_texts(&options);
}

/* --- what must go together -------------------------------------------------------------------- */

static const struct together_case {
    belfry_options given;
    const char *why; /* a part of it; NULL: taken */
} together_cases[] = {
    { { .tls_cert = "a.pem", .tls_key = "b.pem" }, NULL },
    { { .tls_cert = "a.pem" }, "tls_key is missing" },
    { { .tls_key = "b.pem" }, "tls_cert is missing" },
    { { .tls_self_signed = true }, NULL },
    { { .tls_cert = "a.pem", .tls_key = "b.pem", .tls_self_signed = true }, "tls_self_signed" },
    { { .origins = "*" }, NULL },
    { { .origins = "null" }, NULL },
    { { .origins = "https://example.com, http://localhost:8080" }, NULL },
    { { .origins = "https://example.com,https://example.com/" }, "https://example.com/" },
    { { .origins = "example.com" }, "\"example.com\" is not an origin" },
    { { .origins = "https://example.com:443" }, "is not an origin" },
    { { .origins = "https://*.example.com" }, "is not an origin" },
};

static void test_options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    for (const struct together_case *c = together_cases; c != BELFRY_END(together_cases); c++) {
        belfry_options options;
        belfry_err err = options_complete(&options, &c->given);
        if (err == BELFRY_OK)
            options_free_texts(&options);
        if ((err == BELFRY_OK) != (c->why == NULL))
            fail_msg("row %td: %d", c - together_cases, err);
        if (c->why == NULL)
            continue;
        assert_int_equal(err, BELFRY_ERR_CONFIG);
        if (strstr(belfry_why(NULL), c->why) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", belfry_why(NULL), c->why);
    }
}

static void test_a_server_with_a_wrong_option_is_not_made(void **state)
{
    (void)state;
    assert_null(belfry_new(&(belfry_options){ .workers = 65 }));
    assert_string_equal(belfry_why(NULL), "workers must be 1 to 64, not 65");
}

static void test_every_failing_allocation_leaves_nothing(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 1;; n++) {
        belfry_options options;
        memory_fail_at(n);
        belfry_err err = options_complete(&options, NULL);
        assert_int_equal(err, memory_has_failed() ? BELFRY_ERR_NOMEM : BELFRY_OK);
        if (err == BELFRY_OK)
            options_free_texts(&options);
        assert_int_equal(memory_live(), 0);
        if (err == BELFRY_OK)
            break;
    }
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bound_holds_from_both_sides),
        cmocka_unit_test(test_off_is_taken_where_the_table_says_so),
        cmocka_unit_test(test_nothing_given_means_the_defaults),
        cmocka_unit_test(test_connections_are_derived_from_the_descriptors_there_are),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_options_that_contradict_each_other_are_refused),
        cmocka_unit_test(test_a_server_with_a_wrong_option_is_not_made),
        cmocka_unit_test(test_every_failing_allocation_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
