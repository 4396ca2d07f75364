/*
 * test_command_line.c - what `belfry bench` accepts, and that it stays on this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/options.h"
#include "bench/target.h"

enum { MAX_WORDS = 8 };

static enum options_verdict parse(const char *const *words, struct bench_options *out_options)
{
    char *argv[MAX_WORDS + 2] = { "bench" };
    int argc = 1;
    while (argc <= MAX_WORDS && words[argc - 1] != NULL) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    return options_parse(argc, argv, out_options);
}

static void test_verdicts(void **state)
{
    (void)state;
    static const struct verdict_case {
        const char *words[MAX_WORDS + 1];
        enum options_verdict want;
    } cases[] = {
        { { "echo" }, OPTIONS_RUN },
        { { "idle", "--marks", "8000,19000" }, OPTIONS_RUN },
        { { "fanout", "ws://127.0.0.1:1/ws", "-c", "10", "--senders", "10" }, OPTIONS_RUN },
        { { "echo", "-d", "0.5", "ws://localhost/" }, OPTIONS_RUN },
        { { "connect" }, OPTIONS_RUN },
        { { "connect", "--socketio", "--upgrade", "-c", "1" }, OPTIONS_RUN },
        { { "echo", "--socketio", "--ack", "-k", "8" }, OPTIONS_RUN },
        { { "fanout", "--socketio", "--room", "hall" }, OPTIONS_RUN },
        { { "idle", "--socketio" }, OPTIONS_RUN },
        { { "--help" }, OPTIONS_HELP },
        { { "echo", "--help" }, OPTIONS_HELP },
        { { NULL }, OPTIONS_WRONG },
        { { "eco" }, OPTIONS_WRONG },
        { { "echo", "a", "b" }, OPTIONS_WRONG },
        { { "echo", "-c", "0" }, OPTIONS_WRONG },
        { { "echo", "-c", "-1" }, OPTIONS_WRONG },
        { { "echo", "-c", "1x" }, OPTIONS_WRONG },
        { { "echo", "-s", "0" }, OPTIONS_WRONG },
        { { "echo", "-d", "3601" }, OPTIONS_WRONG },
        { { "echo", "-d", "nan" }, OPTIONS_WRONG },
        { { "echo", "-s", "16777216", "-k", "17" }, OPTIONS_WRONG },
        { { "echo", "--plain" }, OPTIONS_WRONG },
        { { "echo", "--unknown" }, OPTIONS_WRONG },
        { { "fanout", "--raw" }, OPTIONS_WRONG },
        { { "fanout", "-c", "2", "--senders", "3" }, OPTIONS_WRONG },
        { { "fanout", "--room", "a\"b" }, OPTIONS_WRONG },
        { { "echo", "--ack" }, OPTIONS_WRONG },
        { { "echo", "--upgrade" }, OPTIONS_WRONG },
        { { "fanout", "--socketio", "--ack" }, OPTIONS_WRONG },
        { { "fanout", "--socketio", "--plain" }, OPTIONS_WRONG },
        { { "echo", "--socketio", "--binary" }, OPTIONS_WRONG },
        { { "echo", "--socketio", "--raw" }, OPTIONS_WRONG },
        { { "connect", "--raw" }, OPTIONS_WRONG },
        { { "idle", "--marks", "2,1" }, OPTIONS_WRONG },
        { { "idle", "--marks", "1,,2" }, OPTIONS_WRONG },
        { { "idle", "--marks", "1,2,3,4,5,6,7,8,9" }, OPTIONS_WRONG },
    };
    for (const struct verdict_case *c = cases; c != BELFRY_END(cases); c++) {
        struct bench_options options;
        enum options_verdict got = parse(c->words, &options);
        if (got != c->want)
            fail_msg("case %zu: %d, want %d", (size_t)(c - cases), (int)got, (int)c->want);
    }
}

static void test_values_arrive(void **state)
{
    (void)state;
    struct bench_options o;
    const char *words[] = { "idle", "--marks", "10,2000", "-d", "1.5", "--json", NULL };
    assert_int_equal(parse(words, &o), OPTIONS_RUN);
    assert_int_equal(o.mark_count, 2);
    assert_int_equal(o.marks[1], 2000);
    assert_int_equal(o.connections, 2000); /* as many as the marks need */
    assert_int_equal(o.duration_ms, 1500);
    assert_true(o.wants_json);
}

static void test_defaults_follow_mode_and_protocol(void **state)
{
    (void)state;
    static const struct default_case {
        const char *words[MAX_WORDS + 1];
        const char *want_url;
        uint32_t want_connections;
    } cases[] = {
        { { "echo" }, "ws://127.0.0.1:3001/echo", 16 },
        { { "fanout" }, "ws://127.0.0.1:3001/ws", 100 },
        { { "connect" }, "ws://127.0.0.1:3001/ws", 64 },
        { { "echo", "--socketio" }, "ws://127.0.0.1:3001/socket.io/", 16 },
        { { "idle", "--socketio" }, "ws://127.0.0.1:3001/socket.io/", 1000 },
        { { "echo", "--socketio", "ws://127.0.0.1:1/io/" }, "ws://127.0.0.1:1/io/", 16 },
    };
    for (const struct default_case *c = cases; c != BELFRY_END(cases); c++) {
        struct bench_options o;
        assert_int_equal(parse(c->words, &o), OPTIONS_RUN);
        assert_string_equal(o.url, c->want_url);
        assert_int_equal(o.connections, c->want_connections);
    }
}

static void test_targets(void **state)
{
    (void)state;
    static const struct target_case {
        const char *url;
        const char *want_host; /* NULL: refused */
        const char *want_path;
    } cases[] = {
        { "ws://127.0.0.1:3001/ws", "127.0.0.1:3001", "/ws" },
        { "ws://127.9.9.9", "127.9.9.9", "/" },
        { "ws://localhost:1?user=ada", "localhost:1", "/?user=ada" },
        { "ws://[::1]:3001/a?b/c", "[::1]:3001", "/a?b/c" },
        { "tcp://127.0.0.1:9", "127.0.0.1:9", "/" },
        { "ws://192.0.2.1/", NULL, NULL },
        { "ws://[2001:db8::1]/", NULL, NULL },
        { "ws://belfry.example/", NULL, NULL },
        { "ws://127.0.0.1.example/", NULL, NULL },
        { "wss://127.0.0.1/", NULL, NULL },
        { "ws://127.0.0.1:/", NULL, NULL },
        { "ws://127.0.0.1:99999999/", NULL, NULL },
        { "ws://:80/", NULL, NULL },
        { "ws://[::1/", NULL, NULL },
        { "ws://127.0.0.1/a b", NULL, NULL },
        { "127.0.0.1:3001", NULL, NULL },
        { "", NULL, NULL },
    };
    for (const struct target_case *c = cases; c != BELFRY_END(cases); c++) {
        struct target t;
        bool is_accepted = target_parse(c->url, false, &t);
        if (is_accepted != (c->want_host != NULL))
            fail_msg("%s: %s", c->url, is_accepted ? "accepted" : "refused");
        if (!is_accepted)
            continue;
        assert_string_equal(t.host, c->want_host);
        assert_string_equal(t.path, c->want_path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_defaults_follow_mode_and_protocol),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests_name("bench/command_line", tests, NULL, NULL);
}
