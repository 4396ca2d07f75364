/*
 * test_counters.c - the sum of all workers, in Prometheus' text format.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"
#include "server/counters.h"

static char *text_of(struct counters *const *workers, unsigned count)
{
    struct buf out = { 0 };
    counters_put(&out, workers, count);
    buf_put_char(&out, '\0');
    assert_false(buf_failed(&out));
    return (char *)out.data;
}

static void test_counters_are_summed_over_workers(void **state)
{
    (void)state;
    struct counters first = { 0 };
    struct counters second = { 0 };
    struct counters *workers[] = { &first, &second };
    counter_add(&first.accepted, 3);
    counter_add(&second.accepted, 4);
    counter_add(&second.messages_out, UINT32_MAX);
    counter_add(&second.messages_out, 1);
    counter_add(&first.closed[CLOSED_slow], 2);
    counter_add(&second.closed[CLOSED_slow], 1);
    counter_add(&first.sessions_ended[SESSION_END_PING_TIMEOUT], 5);
    counter_add(&second.eio_refused[EIO_ERR_FORBIDDEN], 6);
    char *text = text_of(workers, 2);
    static const char *const lines[] = {
        "\nbelfry_connects_total{result=\"accepted\"} 7\n",
        "\nbelfry_connects_total{result=\"max-connections\"} 0\n",
        "\nbelfry_messages_total{direction=\"out\"} 4294967296\n",
        "\nbelfry_tls_failures_total 0\n",
        "\nbelfry_disconnects_total{reason=\"slow member\"} 3\n",
        "\nbelfry_disconnects_total{reason=\"peer closed\"} 0\n",
        "\nbelfry_sessions_ended_total{reason=\"ping timeout\"} 5\n",
        "\nbelfry_sessions_ended_total{reason=\"slow member\"} 0\n",
        "\nbelfry_engineio_refused_total{code=\"4\"} 6\n",
    };
    for (size_t i = 0; i < BELFRY_COUNT(lines); i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", lines[i], text);
    }
    buf_deinit(&(struct buf){ .data = (uint8_t *)text });
}

/* One line as Prometheus reads it: a comment, or a name, labels and a number. */
static void assert_line(const char *line, size_t size, char *current, size_t current_size)
{
    size_t name_size = strcspn(line, "{ ");
    if (strncmp(line, "# HELP ", 7) == 0)
        return;
    if (strncmp(line, "# TYPE ", 7) == 0) {
        size_t type_at = 7 + strcspn(line + 7, " ");
        assert_true(type_at - 7 < current_size);
        memcpy(current, line + 7, type_at - 7);
        current[type_at - 7] = '\0';
        assert_true(strncmp(line + type_at, " counter\n", 9) == 0 ||
                    strncmp(line + type_at, " gauge\n", 7) == 0);
        return;
    }
    /* Every sample stands under the TYPE of its own metric. */
    if (name_size != strlen(current) || memcmp(line, current, name_size) != 0)
        fail_msg("%.*s under TYPE %s", (int)size, line, current);
    const char *number = memrchr(line, ' ', size);
    assert_non_null(number);
    char *end;
    (void)strtoull(number + 1, &end, 10);
    assert_true(end > number + 1 && *end == '\n');
}

static void test_every_line_is_as_prometheus_reads_it(void **state)
{
    (void)state;
    struct counters counters = { 0 };
    struct counters *workers[] = { &counters };
    char *text = text_of(workers, 1);
    char current[64] = "";
    unsigned lines = 0;
    for (const char *line = text; *line != '\0'; lines++) {
        const char *newline = strchr(line, '\n');
        assert_non_null(newline);
        assert_line(line, (size_t)(newline - line), current, sizeof current);
        line = newline + 1;
    }
    assert_true(lines > 40);
    buf_deinit(&(struct buf){ .data = (uint8_t *)text });
}

static void test_each_metric_is_introduced_once(void **state)
{
    (void)state;
    struct counters counters = { 0 };
    struct counters *workers[] = { &counters };
    char *text = text_of(workers, 1);
    for (const char *at = strstr(text, "# TYPE "); at != NULL; at = strstr(at + 1, "# TYPE ")) {
        char intro[96];
        size_t size = 7 + strcspn(at + 7, " ") + 1;
        assert_true(size < sizeof intro);
        memcpy(intro, at, size);
        intro[size] = '\0';
        if (strstr(at + 1, intro) != NULL)
            fail_msg("twice: %s", intro);
    }
    buf_deinit(&(struct buf){ .data = (uint8_t *)text });
}

static void test_every_reason_to_close_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < CLOSE_REASON_COUNT; i++) {
        for (int k = 0; k < i; k++)
            assert_string_not_equal(close_reason_text((enum close_reason)i),
                                    close_reason_text((enum close_reason)k));
    }
    assert_string_equal(close_reason_text(CLOSED_ping_timeout), "ping timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_are_summed_over_workers),
        cmocka_unit_test(test_every_line_is_as_prometheus_reads_it),
        cmocka_unit_test(test_each_metric_is_introduced_once),
        cmocka_unit_test(test_every_reason_to_close_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
