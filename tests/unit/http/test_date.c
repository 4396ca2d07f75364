/*
 * Dates: known ones, every day of eight centuries there and back, and what is no date.
 */
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct date_case {
    uint64_t seconds;
    const char *text;
} date_cases[] = {
    { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
    { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
    { 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
    { 951868799, "Tue, 29 Feb 2000 23:59:59 GMT" },
    { 1709164800, "Thu, 29 Feb 2024 00:00:00 GMT" },
    { 4107542400, "Mon, 01 Mar 2100 00:00:00 GMT" },
    { 4107542399, "Sun, 28 Feb 2100 23:59:59 GMT" },
    { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
};

static void test_known_dates_in_both_directions(void **state)
{
    (void)state;
    for (const struct date_case *c = date_cases; c != BELFRY_END(date_cases); c++) {
        char text[HTTP_DATE_SIZE + 1];
        uint64_t seconds = 0;
        http_date_format(text, c->seconds);
        assert_string_equal(text, c->text);
        assert_true(http_date_parse(bytes_of_text(c->text), &seconds));
        assert_int_equal(seconds, c->seconds);
    }
}

static void test_every_day_survives_the_round_trip(void **state)
{
    (void)state;
    static const char *const weekdays[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    for (uint64_t day = 0; day < 800u * 366; day++) {
        char text[HTTP_DATE_SIZE + 1];
        uint64_t seconds = 0;
        http_date_format(text, day * 86400 + day % 86400);
        assert_true(http_date_parse(bytes_of(text, HTTP_DATE_SIZE), &seconds));
        assert_int_equal(seconds, day * 86400 + day % 86400);
        assert_memory_equal(text, weekdays[day % 7], 3);
    }
}

static void test_times_beyond_the_calendar_stay_in_it(void **state)
{
    (void)state;
    char text[HTTP_DATE_SIZE + 1];
    http_date_format(text, UINT64_MAX);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void test_obsolete_forms_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = { "Sunday, 06-Nov-94 08:49:37 GMT",
                                         "Sun Nov  6 08:49:37 1994", "Sun Nov 06 08:49:37 1994" };
    for (size_t i = 0; i < BELFRY_COUNT(texts); i++) {
        uint64_t seconds = 0;
        assert_true(http_date_parse(bytes_of_text(texts[i]), &seconds));
        assert_int_equal(seconds, 784111777);
    }
    uint64_t seconds = 0;
    assert_true(http_date_parse(BELFRY_BYTES("Friday, 01-Jan-27 00:00:00 GMT"), &seconds));
    assert_int_equal(seconds, 1798761600);
}

static const char *const not_dates[] = {
    "",
    "0",
    "Sun",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Son, 06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Wed, 29 Feb 2023 08:49:37 GMT",
    "Wed, 29 Feb 2100 08:49:37 GMT",
    "Sun, 06 Nov 1969 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 -8:49:37 GMT",
    "Sun, +6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 19940 8:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
};

static void test_what_is_no_date_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(not_dates); i++) {
        uint64_t seconds = 7;
        if (http_date_parse(bytes_of_text(not_dates[i]), &seconds))
            fail_msg("%s", not_dates[i]);
        assert_int_equal(seconds, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_dates_in_both_directions),
        cmocka_unit_test(test_every_day_survives_the_round_trip),
        cmocka_unit_test(test_times_beyond_the_calendar_stay_in_it),
        cmocka_unit_test(test_obsolete_forms_are_read),
        cmocka_unit_test(test_what_is_no_date_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
