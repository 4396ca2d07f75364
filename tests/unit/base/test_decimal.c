/*
 * Doubles to text and back, also where the decimal point is a comma.
 */
#include "base/decimal.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct put_case {
    double number;
    const char *want; /* as JavaScript says it */
} put_cases[] = {
    { 0, "0" },
    { -0.0, "-0" },
    { 1, "1" },
    { -1.5, "-1.5" },
    { 0.1, "0.1" },
    { 0.1 + 0.2, "0.30000000000000004" },
    { 1.0 / 3, "0.3333333333333333" },
    { 100, "100" },
    { 123456.789, "123456.789" },
    { 1e20, "100000000000000000000" },
    { 1e21, "1e+21" },
    { 1.5e300, "1.5e+300" },
    { 123456789012345680000.0, "123456789012345680000" },
    { 1e-6, "0.000001" },
    { 1e-7, "1e-7" },
    { 1.25e-7, "1.25e-7" },
    { 0.0000123, "0.0000123" },
    { 9007199254740993.0, "9007199254740992" },
    { 5e-324, "5e-324" },
    { DBL_MIN, "2.2250738585072014e-308" },
    { DBL_MAX, "1.7976931348623157e+308" },
    { NAN, "null" },
    { INFINITY, "null" },
    { -INFINITY, "null" },
};

static void assert_put(double number, const char *want)
{
    struct buf out = { 0 };
    decimal_put(&out, number);
    if (!bytes_equal_text(buf_bytes(&out), want))
        fail_msg("%a is %.*s, want %s", number, (int)out.size, (char *)out.data, want);
    if (isfinite(number) && decimal_parse(buf_bytes(&out)) != number)
        fail_msg("%s does not read back", want);
    buf_deinit(&out);
}

static void test_numbers_are_written_as_javascript_writes_them(void **state)
{
    (void)state;
    for (const struct put_case *c = put_cases; c != BELFRY_END(put_cases); c++)
        assert_put(c->number, c->want);
}

static const struct parse_case {
    const char *text;
    double want;
} parse_cases[] = {
    { "0", 0 },
    { "-0", -0.0 },
    { "0.000e7", 0 },
    { "12.50e3", 12500 },
    { "1E2", 100 },
    { "1e-2", 0.01 },
    { "0.001e3", 1 },
    { "1e400", INFINITY },
    { "-1e400", -INFINITY },
    { "1e-400", 0 },
    { "1e99999999999999999999", INFINITY },
    { "1e-99999999999999999999", 0 },
    { "0e99999999999999999999", 0 },
    { "9007199254740993", 9007199254740992.0 },
    { "9007199254740993.0000000000000000000000000000000000001", 9007199254740994.0 },
    { "2.2250738585072011e-308", 0x0.fffffffffffffp-1022 },
    { "2.4703282292062328e-324", 5e-324 },
    { "2.4703282292062327e-324", 0 },
};

static void test_numbers_are_rounded_correctly(void **state)
{
    (void)state;
    for (const struct parse_case *c = parse_cases; c != BELFRY_END(parse_cases); c++) {
        double got = decimal_parse(bytes_of_text(c->text));
        if (got != c->want || signbit(got) != signbit(c->want))
            fail_msg("%s is %a, want %a", c->text, got, c->want);
    }
}

/* 1 and many zeros, shifted back by the exponent; half way, and a little more. */
static void test_long_numbers(void **state)
{
    (void)state;
    struct buf text = { 0 };
    for (int i = 0; i < 2000; i++)
        buf_put_char(&text, i == 0 ? '1' : '0');
    buf_put_text(&text, "e-1999");
    assert_true(decimal_parse(buf_bytes(&text)) == 1);
    buf_clear(&text);
    buf_put_text(&text, "0.");
    for (int i = 0; i < 2000; i++)
        buf_put_char(&text, i == 1999 ? '7' : '0');
    buf_put_text(&text, "e2000");
    assert_true(decimal_parse(buf_bytes(&text)) == 7);
    buf_clear(&text);
    buf_put_text(&text, "9007199254740993.");
    for (int i = 0; i < 2000; i++)
        buf_put_char(&text, i == 1999 ? '1' : '0');
    assert_true(decimal_parse(buf_bytes(&text)) == 9007199254740994.0);
    buf_deinit(&text);
}

static void test_any_bits_read_back(void **state)
{
    (void)state;
    uint64_t bits = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 20000; i++) {
        double number;
        struct buf out = { 0 };
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&number, &bits, sizeof number);
        decimal_put(&out, number);
        if (isfinite(number) && decimal_parse(buf_bytes(&out)) != number)
            fail_msg("%a is written %.*s", number, (int)out.size, (char *)out.data);
        buf_deinit(&out);
    }
}

static void test_a_comma_in_the_locale_changes_nothing(void **state)
{
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL && setlocale(LC_NUMERIC, "de_DE") == NULL)
        skip();
    test_numbers_are_written_as_javascript_writes_them(state);
    test_numbers_are_rounded_correctly(state);
    (void)setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_written_as_javascript_writes_them),
        cmocka_unit_test(test_numbers_are_rounded_correctly),
        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_any_bits_read_back),
        cmocka_unit_test(test_a_comma_in_the_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
