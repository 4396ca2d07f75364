/*
 * test_quantity.c - numbers with a unit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/quantity.h"

static const struct quantity_case {
    enum quantity_kind kind;
    const char *text;
    bool is_good;
    uint64_t want;
    const char *again; /* how it is written */
} cases[] = {
    { QUANTITY_COUNT, "0", true, 0, "0" },
    { QUANTITY_COUNT, "007", true, 7, "7" },
    { QUANTITY_COUNT, "18446744073709551615", true, UINT64_MAX, "18446744073709551615" },
    { QUANTITY_COUNT, "18446744073709551616", true, UINT64_MAX, "18446744073709551615" },
    { QUANTITY_COUNT, "1K", false, 0, "" },
    { QUANTITY_COUNT, "", false, 0, "" },
    { QUANTITY_COUNT, "-1", false, 0, "" },
    { QUANTITY_COUNT, "+1", false, 0, "" },
    { QUANTITY_COUNT, " 1", false, 0, "" },
    { QUANTITY_COUNT, "1 ", false, 0, "" },
    { QUANTITY_COUNT, "1.5", false, 0, "" },
    { QUANTITY_SIZE, "1000", true, 1000, "1000" },
    { QUANTITY_SIZE, "2048", true, 2048, "2K" },
    { QUANTITY_SIZE, "64K", true, 65536, "64K" },
    { QUANTITY_SIZE, "1024K", true, 1 << 20, "1M" },
    { QUANTITY_SIZE, "3G", true, (uint64_t)3 << 30, "3G" },
    { QUANTITY_SIZE, "99999999999999G", true, UINT64_MAX, "18446744073709551615" },
    { QUANTITY_SIZE, "64k", false, 0, "" },
    { QUANTITY_SIZE, "64KB", false, 0, "" },
    { QUANTITY_SIZE, "1s", false, 0, "" },
    { QUANTITY_SIZE, "K", false, 0, "" },
    { QUANTITY_MS, "250", true, 250, "250ms" },
    { QUANTITY_MS, "250ms", true, 250, "250ms" },
    { QUANTITY_MS, "10s", true, 10000, "10s" },
    { QUANTITY_MS, "60s", true, 60000, "1m" },
    { QUANTITY_MS, "90m", true, 5400000, "90m" },
    { QUANTITY_MS, "24h", true, 86400000, "24h" },
    { QUANTITY_MS, "1d", false, 0, "" },
    { QUANTITY_MS, "0", true, 0, "0" },
};

static void test_numbers_there_and_back(void **state)
{
    (void)state;
    for (const struct quantity_case *c = cases; c != BELFRY_END(cases); c++) {
        uint64_t number = 0;
        char text[QUANTITY_MAX_TEXT];
        if (quantity_parse(c->kind, bytes_of_text(c->text), &number) != c->is_good)
            fail_msg("\"%s\"", c->text);
        if (!c->is_good)
            continue;
        assert_int_equal(number, c->want);
        assert_string_equal(quantity_format(c->kind, number, text), c->again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
