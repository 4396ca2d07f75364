/*
 * One line in each of its looks, and that a JSON line is JSON whatever was logged.
 */
#include "config/log_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"

#define WALL_MS UINT64_C(1795472102123) /* 2026-11-23T22:15:02.123Z */

static const struct look_case {
    enum config_log_format format;
    bool has_colours;
    const char *event, *line;
    const char *want;
} look_cases[] = {
    { CONFIG_LOG_TEXT, false, "listening", "event=listening address=:3001 workers=2",
      "22:15:02.123 info   listening    address=:3001 workers=2\n" },
    { CONFIG_LOG_TEXT, false, "stopped", "event=stopped", "22:15:02.123 info   stopped\n" },
    { CONFIG_LOG_TEXT, true, "stopped", "event=stopped",
      "\033[2m22:15:02.123\033[0m \033[32minfo \033[0m  stopped\n" },
    { CONFIG_LOG_LOGFMT, false, "listening", "event=listening address=:3001 workers=2",
      "time=2026-11-23T22:15:02.123Z level=info event=listening address=:3001 workers=2\n" },
    { CONFIG_LOG_JSON, false, "listening", "event=listening address=:3001 workers=2",
      "{\"time\":\"2026-11-23T22:15:02.123Z\",\"level\":\"info\",\"event\":\"listening\","
      "\"address\":\":3001\",\"workers\":2}\n" },
    { CONFIG_LOG_JSON, false, "stopped", "event=stopped",
      "{\"time\":\"2026-11-23T22:15:02.123Z\",\"level\":\"info\",\"event\":\"stopped\"}\n" },
    { CONFIG_LOG_JSON, false, "e", "event=e a=\"b \\\"c=d\\u0007\" f=-1.5 g=true h=[] i= j k=\\",
      "{\"time\":\"2026-11-23T22:15:02.123Z\",\"level\":\"info\",\"event\":\"e\","
      "\"a\":\"b \\\"c=d\\u0007\",\"f\":-1.5,\"g\":true,\"h\":\"[]\",\"i\":\"\",\"j\":true,"
      "\"k\":\"\\\\\"}\n" },
    { CONFIG_LOG_JSON, false, "e", "event=e a=\"b c",
      "{\"time\":\"2026-11-23T22:15:02.123Z\",\"level\":\"info\",\"event\":\"e\","
      "\"a\":\"\\\"b c\"}\n" },
};

static void test_looks(void **state)
{
    (void)state;
    for (const struct look_case *c = look_cases; c != BELFRY_END(look_cases); c++) {
        struct log_output o = { .format = c->format, .has_colours = c->has_colours };
        char out[LOG_OUTPUT_SIZE + 1];
        size_t size = log_output_format(&o, WALL_MS, BELFRY_LOG_INFO, c->event, c->line, out);
        out[size] = '\0';
        assert_string_equal(out, c->want);
    }
}

/* Lines of every length made of awkward pieces stay one JSON object. */
static void test_json_is_json(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a ", "a=1 ", "=", "\"", "\\", "a=\" ", "= ", "k=\"\\\""
    };
    struct log_output o = { .format = CONFIG_LOG_JSON };
    for (const char *const *piece = pieces; piece != BELFRY_END(pieces); piece++) {
        char line[BELFRY_LOG_LINE_SIZE] = "event=e ", out[LOG_OUTPUT_SIZE];
        for (size_t size = strlen(line); size + strlen(*piece) < sizeof line;
             size += strlen(*piece)) {
            memcpy(line + size, *piece, strlen(*piece) + 1);
            size_t written = log_output_format(&o, WALL_MS, BELFRY_LOG_INFO, "e", line, out);
            assert_int_equal(json_scan(bytes_of(out, written), 2, NULL, NULL), BELFRY_OK);
        }
    }
}

static uint64_t fixed_ms(void *user)
{
    (void)user;
    return WALL_MS;
}

static void test_lines_go_out_through_the_log(void **state)
{
    (void)state;
    static const struct clock clock = { .wall_ms = fixed_ms };
    struct log_output o;
    char got[200] = "";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_output_init(&o, ends[1], CONFIG_LOG_AUTO, &clock);
    assert_int_equal(o.format, CONFIG_LOG_LOGFMT); /* a pipe is no terminal */
    assert_false(o.has_colours);
    belfry_set_log(log_output_write, &o, BELFRY_LOG_INFO);
    log_event(BELFRY_LOG_WARN, "refused", "origin=%s", LOG_FIELD(BELFRY_BYTES("a b")));
    belfry_set_log(NULL, NULL, BELFRY_LOG_INFO);
    assert_true(read(ends[0], got, sizeof got - 1) > 0);
    assert_string_equal(got,
                        "time=2026-11-23T22:15:02.123Z level=warn event=refused origin=\"a b\"\n");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    (void)setenv("TZ", "UTC", 1); /* text shows local time */
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_json_is_json),
        cmocka_unit_test(test_lines_go_out_through_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
