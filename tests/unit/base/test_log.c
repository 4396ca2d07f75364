/*
 * What a log line looks like, what it never contains, and that silence costs nothing.
 */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/utf8.h"

/* What the callback heard last. */
struct heard {
    unsigned count;
    belfry_log_level level;
    char event[64];
    char line[BELFRY_LOG_LINE_SIZE];
};

static void hear(belfry_log_level level, const char *event, const char *line, void *user)
{
    struct heard *h = user;
    h->count++;
    h->level = level;
    (void)snprintf(h->event, sizeof h->event, "%s", event);
    (void)snprintf(h->line, sizeof h->line, "%s", line);
}

static unsigned evaluated_count;

static const char *evaluate(void)
{
    evaluated_count++;
    return "x";
}

static void test_nothing_is_heard_or_evaluated_until_asked(void **state)
{
    (void)state;
    struct heard h = { 0 };
    evaluated_count = 0;
    log_event(BELFRY_LOG_ERROR, "lost", "why=%s", evaluate());
    belfry_set_log(hear, &h, BELFRY_LOG_WARN);
    log_event(BELFRY_LOG_INFO, "quiet", "why=%s", evaluate());
    assert_int_equal(evaluated_count, 0);
    log_event(BELFRY_LOG_WARN, "loud", "why=%s", evaluate());
    log_event(BELFRY_LOG_ERROR, "louder", "why=%s", evaluate());
    assert_int_equal(h.count, 2);
    assert_int_equal(evaluated_count, 2);
    belfry_set_log(NULL, NULL, BELFRY_LOG_DEBUG);
    log_event(BELFRY_LOG_ERROR, "lost", "why=%s", evaluate());
    assert_int_equal(h.count, 2);
    assert_int_equal(evaluated_count, 2);
}

static void test_a_line_is_the_event_and_its_fields(void **state)
{
    (void)state;
    struct heard h = { 0 };
    belfry_set_log(hear, &h, BELFRY_LOG_DEBUG);
    log_event(BELFRY_LOG_INFO, "listening", "address=%s workers=%u", ":3001", 2U);
    assert_int_equal(h.level, BELFRY_LOG_INFO);
    assert_string_equal(h.event, "listening");
    assert_string_equal(h.line, "event=listening address=:3001 workers=2");
    log_event(BELFRY_LOG_DEBUG, "stopped", NULL);
    assert_string_equal(h.line, "event=stopped");
}

static void test_one_event_is_one_clean_line(void **state)
{
    (void)state;
    struct heard h = { 0 };
    belfry_set_log(hear, &h, BELFRY_LOG_DEBUG);
    log_event(BELFRY_LOG_INFO, "odd", "a=%s b=%s", "x\ny\033[1m\x7f", "caf\xc3\xa9");
    assert_string_equal(h.line, "event=odd a=x?y?[1m? b=caf\xc3\xa9");
    log_event(BELFRY_LOG_INFO, "odd", "a=%s b=%s", "\xff", "caf\xc3\xa9");
    assert_string_equal(h.line, "event=odd a=? b=caf??");
}

/* However long the fields are, a line ends with a whole field, and says if one is missing. */
static void test_a_long_line_loses_whole_fields(void **state)
{
    (void)state;
    struct heard h = { 0 };
    char value[1100];
    belfry_set_log(hear, &h, BELFRY_LOG_DEBUG);
    for (int size = 900; size < (int)sizeof value - 1; size++) {
        memset(value, 'v', (size_t)size);
        value[size] = '\0';
        value[size / 2] = ' '; /* inside quotes: no place to cut */
        log_event(BELFRY_LOG_INFO, "long", "first=1 second=\"%s\"", value);
        size_t whole = strlen("event=long first=1 second=\"\"") + (size_t)size;
        if (whole < BELFRY_LOG_LINE_SIZE)
            assert_int_equal(strlen(h.line), whole);
        else
            assert_string_equal(h.line, "event=long first=1 truncated=true");
    }
    char many[2000];
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = "k=1 "[i % 4];
    many[sizeof many - 1] = '\0';
    log_event(BELFRY_LOG_INFO, "many", "%s", many);
    assert_in_range(strlen(h.line), BELFRY_LOG_LINE_SIZE - 24, BELFRY_LOG_LINE_SIZE - 1);
    assert_non_null(strstr(h.line, " k=1 truncated=true"));
}

static const struct field_case {
    belfry_bytes value;
    const char *want;
} field_cases[] = {
    { BELFRY_BYTES("lobby"), "lobby" },
    { BELFRY_BYTES("https://example.com:3001/a?b&c"), "https://example.com:3001/a?b&c" },
    { BELFRY_BYTES("3.4.5"), "3.4.5" },
    { BELFRY_BYTES(""), "\"\"" },
    { BELFRY_BYTES("two words"), "\"two words\"" },
    { BELFRY_BYTES("a=b"), "\"a=b\"" },
    { BELFRY_BYTES("say \"hi\""), "\"say \\\"hi\\\"\"" },
    { BELFRY_BYTES("back\\slash"), "\"back\\\\slash\"" },
    { BELFRY_BYTES("line\nfeed\r\t"), "\"line\\nfeed\\u000d\\u0009\"" },
    { BELFRY_BYTES("nul\0"), "\"nul\\u0000\"" },
    { BELFRY_BYTES("\033[2J\x7f"), "\"\\u001b[2J\\u007f\"" },
    { BELFRY_BYTES("\xc2\x9b"), "\"\\u009b\"" },     /* CSI in one character */
    { BELFRY_BYTES("\xe2\x80\xae"), "\"\\u202e\"" }, /* right to left from here on */
    { BELFRY_BYTES("\xe2\x81\xa6"), "\"\\u2066\"" },
    { BELFRY_BYTES("\xef\xbb\xbf\xef\xbf\xbe"), "\"\\ufeff\\ufffe\"" },
    { BELFRY_BYTES("zo\xc3\xab"), "\"zo\xc3\xab\"" },
    { BELFRY_BYTES("\xf0\x9f\x94\x94"), "\"\xf0\x9f\x94\x94\"" },
    { BELFRY_BYTES("\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
    { BELFRY_BYTES("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
    /* what JSON would not take for text */
    { BELFRY_BYTES("42"), "\"42\"" },
    { BELFRY_BYTES("-1e5"), "\"-1e5\"" },
    { BELFRY_BYTES("true"), "\"true\"" },
    { BELFRY_BYTES("null"), "\"null\"" },
    { BELFRY_BYTES("[]"), "\"[]\"" },
    { BELFRY_BYTES("True"), "True" },
};

static void test_fields_are_words_or_json_strings(void **state)
{
    (void)state;
    for (const struct field_case *c = field_cases; c != BELFRY_END(field_cases); c++) {
        assert_string_equal(LOG_FIELD(c->value), c->want);
        if (c->want[0] == '"')
            assert_int_equal(json_scan(bytes_of_text(c->want), 1, NULL, NULL), BELFRY_OK);
    }
}

static void test_fields_that_do_not_fit_end_in_dots(void **state)
{
    (void)state;
    static const char *const fillers[] = { "v", "\"", "\n", "\x01", "\xc3\xab", "\xff" };
    for (const char *const *filler = fillers; filler != BELFRY_END(fillers); filler++) {
        char value[600];
        size_t unit = strlen(*filler), size = 0;
        for (; size + unit <= sizeof value; size += unit) {
            memcpy(value + size, *filler, unit);
            struct log_text room;
            memset(&room, 0x55, sizeof room);
            const char *text = log_field(&room, bytes_of(value, size + unit));
            assert_true(strlen(text) < sizeof room.text);
            assert_true(utf8_is_valid(bytes_of_text(text)));
            if (*text == '"')
                assert_int_equal(json_scan(bytes_of_text(text), 1, NULL, NULL), BELFRY_OK);
        }
        assert_non_null(strstr(LOG_FIELD(bytes_of(value, size)), "..."));
    }
}

static void test_levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(log_level_name(BELFRY_LOG_ERROR), "error");
    assert_string_equal(log_level_name(BELFRY_LOG_DEBUG), "debug");
}

static int silence(void **state)
{
    (void)state;
    belfry_set_log(NULL, NULL, BELFRY_LOG_ERROR);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_is_heard_or_evaluated_until_asked, silence),
        cmocka_unit_test_teardown(test_a_line_is_the_event_and_its_fields, silence),
        cmocka_unit_test_teardown(test_one_event_is_one_clean_line, silence),
        cmocka_unit_test_teardown(test_a_long_line_loses_whole_fields, silence),
        cmocka_unit_test(test_fields_are_words_or_json_strings),
        cmocka_unit_test(test_fields_that_do_not_fit_end_in_dots),
        cmocka_unit_test(test_levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
