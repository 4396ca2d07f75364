/*
 * What the option history_rooms means, and what is said of one that means nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "server/history_rules.h"

static const struct history_limits others = { .max_messages = 256,
                                              .max_bytes = 1024,
                                              .max_age_ms = 1000 };

static const struct rules_case {
    const char *text, *want; /* NULL: refused */
} cases[] = {
    { "", "" },
    { "a=1", "a 1/1024/1000;" },
    { "a=1/2", "a 1/2/1000;" },
    { "a=1/2/3s", "a 1/2/3000;" },
    { "news-*=1000/4M/1h, tmp-*=off", "news-* 1000/4194304/3600000;tmp-* 0/1024/1000;" },
    { "a=1/1K/2ms,b=2/1G/48h", "a 1/1024/2;b 2/1073741824/172800000;" },
    { "a=1/2/3", "a 1/2/3;" },
    { "r=x=1", NULL },
    { "a", NULL },
    { "=1", NULL },
    { "a=", NULL },
    { "a=0", NULL },
    { "a=-1", NULL },
    { "a=1/", NULL },
    { "a=1/0", NULL },
    { "a=1/2/", NULL },
    { "a=1/2/3d", NULL },
    { "a=1//3", NULL },
    { "a=1/2/3s/4", NULL },
    { "a=1/2X", NULL },
    { "a=1000001", NULL },
    { "a=1/1/721h", NULL },
    { "a=99999999999999999999999", NULL },
    { "a=1,b", NULL },
    { "a=offf", NULL },
};

static void test_rules(void **state)
{
    (void)state;
    for (const struct rules_case *c = cases; c != BELFRY_END(cases); c++) {
        struct history_rules *rules;
        char got[300] = "";
        int size = 0;
        belfry_err err = history_rules_parse(c->text, &others, &rules);
        if ((err == BELFRY_OK) != (c->want != NULL))
            fail_msg("%s: %d", c->text, err);
        for (unsigned i = 0; rules != NULL && i < rules->count; i++)
            size += snprintf(got + size, sizeof got - (size_t)size, "%s %u/%llu/%llu;",
                             rules->rules[i].pattern, rules->rules[i].limits.max_messages,
                             (unsigned long long)rules->rules[i].limits.max_bytes,
                             (unsigned long long)rules->rules[i].limits.max_age_ms);
        if (c->want != NULL)
            assert_string_equal(got, c->want);
        mem_free(rules);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    char text[HISTORY_MAX_RULES * 4 + 8] = "";
    struct history_rules *rules;
    for (int i = 0; i < HISTORY_MAX_RULES; i++)
        strcat(text, "a=1,");
    assert_int_equal(history_rules_parse(text, &others, &rules), BELFRY_OK);
    assert_int_equal(rules->count, HISTORY_MAX_RULES);
    mem_free(rules);
    strcat(text, "a=1");
    assert_int_equal(history_rules_parse(text, &others, &rules), BELFRY_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
