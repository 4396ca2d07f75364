/*
 * test_api_threads.c - what other threads may do: send, close and call by id, and say something to
 * targets of every shape. Worth running under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "unit/server/client.h"

static belfry *server;
static belfry_nsp *io;

static int start_server(void **state)
{
    (void)state;
    belfry_options options = { .listen = "127.0.0.1:0",
                               .workers = 2,
                               .deflate = BELFRY_DEFLATE_NONE,
                               .drain_timeout_ms = 100 };
    server = belfry_new(&options);
    assert_non_null(server);
    io = belfry_of(server, "/");
    assert_int_equal(belfry_ws(server, "/ws", &(belfry_ws_handlers){ .message = obey }), BELFRY_OK);
    assert_int_equal(belfry_rooms(server, "/rooms"), BELFRY_OK);
    assert_int_equal(belfry_start(server), BELFRY_OK);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    belfry_free(server); /* stops at once */
    assert_int_equal(atomic_load(&handlers_wrong), 0);
    return 0;
}

static belfry_id open_one(struct client *c)
{
    client_open(c, belfry_address(server, 0), "/ws", "");
    client_say(c, "id");
    const char *answer = client_take(c);
    assert_memory_equal(answer, "text:", 5);
    return strtoull(answer + 5, NULL, 10);
}

/* --- by id -------------------------------------------------------------------------------- */

static void test_send_and_close_by_id_arrive_in_order(void **state)
{
    (void)state;
    struct client ada;
    belfry_id id = open_one(&ada);
    char text[24];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(belfry_send_id(server, id, BELFRY_TEXT, text, strlen(text)), BELFRY_OK);
    }
    assert_int_equal(belfry_send_id(server, id, BELFRY_BINARY, "\xff", 1), BELFRY_OK);
    assert_int_equal(belfry_send_id(server, id, BELFRY_TEXT, "\xff", 1), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_close_id(server, id, 4000, "by id"), BELFRY_OK);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "text:%d", i);
        assert_string_equal(client_take(&ada), text);
    }
    assert_string_equal(client_take(&ada), "binary:\xff");
    assert_string_equal(client_take(&ada), "close:4000:by id");
    client_close(&ada);
}

/* What belfry_with found, told back through a pipe: reading it waits. */
static int pipe_ends[2];

static void report(belfry_sock *sock, void *user)
{
    char found = 'n';
    HANDLER_EXPECT(user == pipe_ends);
    if (sock != NULL) {
        found = 'y';
        belfry_send_text(sock, "called");
    }
    HANDLER_EXPECT(write(pipe_ends[1], &found, 1) == 1);
}

static char wait_for_report(void)
{
    char found = '?';
    assert_int_equal(read(pipe_ends[0], &found, 1), 1);
    return found;
}

static void test_a_call_finds_the_socket_or_hears_that_it_is_gone(void **state)
{
    (void)state;
    struct client ada;
    assert_int_equal(pipe(pipe_ends), 0);
    belfry_id id = open_one(&ada);
    assert_int_equal(belfry_with(server, id, report, pipe_ends), BELFRY_OK);
    assert_int_equal(wait_for_report(), 'y');
    assert_string_equal(client_take(&ada), "text:called");
    client_close(&ada);
    /* Accepted, and too late: ids are never reused. */
    assert_int_equal(belfry_with(server, id, report, pipe_ends), BELFRY_OK);
    assert_int_equal(wait_for_report(), 'n');
    assert_int_equal(belfry_send_id(server, id, BELFRY_TEXT, "x", 1), BELFRY_OK);
    assert_int_equal(belfry_close_id(server, id, 1000, NULL), BELFRY_OK);
    belfry_id ada_again = open_one(&ada);
    assert_true(ada_again != id);
    client_expect(&ada, "members tower", "text:0"); /* nothing of the above came here */
    client_drop(&ada);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

static void test_ids_that_never_were_are_gone(void **state)
{
    (void)state;
    static const belfry_id odd[] = { 0, UINT64_MAX, (uint64_t)2 << 26 }; /* no third worker */
    for (size_t i = 0; i < BELFRY_COUNT(odd); i++) {
        assert_int_equal(belfry_send_id(server, odd[i], BELFRY_TEXT, "x", 1), BELFRY_ERR_GONE);
        assert_int_equal(belfry_close_id(server, odd[i], 1000, "x"), BELFRY_ERR_GONE);
        assert_int_equal(belfry_with(server, odd[i], report, NULL), BELFRY_ERR_GONE);
    }
}

/* --- targets ---------------------------------------------------------------------------------- */

/* ada: a; bob: a, b; cyd: b. Each hears the case's own number, then "end". */
static void test_targets_reach_whom_they_name(void **state)
{
    (void)state;
    struct client people[3];
    static const char *const joins[][2] = { { "join a", NULL },
                                            { "join a", "join b" },
                                            { "join b", NULL } };
    for (int i = 0; i < 3; i++) {
        (void)open_one(&people[i]);
        for (int k = 0; k < 2 && joins[i][k] != NULL; k++)
            client_expect(&people[i], joins[i][k], "text:success");
    }
    const struct {
        belfry_target target;
        const char *want;
    } cases[] = {
        { belfry_in(io, "a"), "ab" },
        { belfry_and(belfry_in(io, "a"), "b"), "abc" },
        { belfry_and(belfry_in(io, "a"), "a"), "ab" },
        { belfry_except(belfry_in(io, "a"), "b"), "a" },
        { belfry_everyone(io), "abc" },
        { belfry_except(belfry_everyone(io), "a"), "c" },
        { belfry_except(belfry_except(belfry_everyone(io), "a"), "b"), "" },
        { belfry_local(belfry_in(io, "b")), "bc" },
        { belfry_volatile(belfry_in(io, "b")), "bc" },
        { belfry_in(io, "nowhere"), "" },
    };
    for (size_t n = 0; n < BELFRY_COUNT(cases); n++) {
        char text[16];
        char want[24];
        (void)snprintf(text, sizeof text, "%zu", n);
        (void)snprintf(want, sizeof want, "text:%zu", n);
        assert_int_equal(belfry_broadcast(cases[n].target, BELFRY_TEXT, text, strlen(text)),
                         BELFRY_OK);
        assert_int_equal(belfry_broadcast(belfry_everyone(io), BELFRY_BINARY, "end", 3), BELFRY_OK);
        for (int i = 0; i < 3; i++) {
            if (strchr(cases[n].want, "abc"[i]) != NULL)
                assert_string_equal(client_take(&people[i]), want);
            assert_string_equal(client_take(&people[i]), "binary:end");
        }
    }
    for (int i = 0; i < 3; i++)
        client_drop(&people[i]);
}

/* Writes its public id into the pipe, and what became of joining the room that @user names. */
static void report_public_id(belfry_sock *sock, void *user)
{
    const char *id = belfry_sock_id_text(sock);
    HANDLER_EXPECT(write(pipe_ends[1], id, 20) == 20);
    if (user != NULL)
        HANDLER_EXPECT(belfry_join(sock, user) == BELFRY_ERR_INVALID);
}

static void test_a_socket_is_a_target_by_its_public_id(void **state)
{
    (void)state;
    struct client people[4];
    char names[4][21] = { "" };
    assert_int_equal(pipe(pipe_ends), 0);
    for (int i = 0; i < 4; i++) {
        belfry_id id = open_one(&people[i]);
        void *forbidden = i > 0 ? names[0] : NULL;
        assert_int_equal(belfry_with(server, id, report_public_id, forbidden), BELFRY_OK);
        assert_int_equal(read(pipe_ends[0], names[i], 20), 20);
    }
    for (int i = 0; i < 4; i++) {
        char want[24];
        (void)snprintf(want, sizeof want, "text:%d", i);
        assert_int_equal(belfry_broadcast(belfry_in(io, names[i]), BELFRY_TEXT, want + 5, 1),
                         BELFRY_OK);
        assert_int_equal(belfry_broadcast(belfry_except(belfry_everyone(io), names[i]), BELFRY_TEXT,
                                          "others", 6),
                         BELFRY_OK);
        for (int k = 0; k < 4; k++)
            assert_string_equal(client_take(&people[k]), k == i ? want : "text:others");
    }
    client_close(&people[0]);
    assert_int_equal(belfry_broadcast(belfry_in(io, names[0]), BELFRY_TEXT, "x", 1), BELFRY_OK);
    for (int i = 1; i < 4; i++)
        client_drop(&people[i]);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

static void test_what_cannot_be_said_is_refused_with_the_reason(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    belfry_target nine = belfry_in(io, "a");
    belfry_target nine_excepts = belfry_in(io, "a");
    for (int i = 0; i < 8; i++)
        nine = belfry_and(nine, "a");
    for (int i = 0; i < 9; i++)
        nine_excepts = belfry_except(nine_excepts, "a");
    const struct {
        belfry_err got, want;
    } cases[] = {
        { belfry_broadcast(nine, BELFRY_TEXT, "x", 1), BELFRY_ERR_LIMIT },
        { belfry_broadcast(nine_excepts, BELFRY_TEXT, "x", 1), BELFRY_ERR_LIMIT },
        { belfry_broadcast(belfry_in(io, ""), BELFRY_TEXT, "x", 1), BELFRY_ERR_INVALID },
        { belfry_broadcast(belfry_in(io, long_name), BELFRY_TEXT, "x", 1), BELFRY_ERR_INVALID },
        { belfry_broadcast(belfry_in(io, "a"), BELFRY_TEXT, "\xc3", 1), BELFRY_ERR_INVALID },
        { belfry_emit(belfry_in(io, "a"), "", "i", 1), BELFRY_ERR_INVALID },
        { belfry_emit(belfry_in(io, "a"), NULL, "i", 1), BELFRY_ERR_INVALID },
        { belfry_emit(belfry_in(io, "a"), "e", "?"), BELFRY_ERR_INVALID },
        { belfry_emit_raw(belfry_in(io, "a"), "e", "{]", 2), BELFRY_ERR_INVALID },
        { belfry_emit_raw(belfry_in(io, "a"), "e", "\"\xff\"", 3), BELFRY_ERR_INVALID },
        { belfry_emit_raw(belfry_in(io, "a"), "e", "", 0), BELFRY_ERR_INVALID },
        { belfry_emit_json(belfry_in(io, "a"), "e", NULL), BELFRY_ERR_INVALID },
        { belfry_broadcast_json(belfry_in(io, "a"), NULL), BELFRY_ERR_INVALID },
        { belfry_broadcast_json(belfry_in(io, ""), json_integer(1)), BELFRY_ERR_INVALID },
        { belfry_emit_json(belfry_in(io, ""), "e", json_integer(1)), BELFRY_ERR_INVALID },
    };
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        if (cases[i].got != cases[i].want)
            fail_msg("row %zu: %d", i, cases[i].got);
    }
    assert_true(strlen(belfry_why(server)) > 0);
}

/* Not the reason of an earlier failure. */
static void test_why_is_about_the_last_failure(void **state)
{
    (void)state;
    assert_null(belfry_new(&(belfry_options){ .workers = 1000 }));
    assert_non_null(strstr(belfry_why(NULL), "workers"));
    assert_int_equal(belfry_close_id(server, 0, 1000, NULL), BELFRY_ERR_GONE);
    assert_string_equal(belfry_why(server), belfry_strerror(BELFRY_ERR_GONE));
    assert_int_equal(belfry_step(server), BELFRY_ERR_STATE);
    assert_non_null(strstr(belfry_why(server), "threads"));
    assert_int_equal(belfry_send_id(server, 0, BELFRY_TEXT, "x", 1), BELFRY_ERR_GONE);
    assert_string_equal(belfry_why(server), belfry_strerror(BELFRY_ERR_GONE));
}

static void test_events_reach_the_room_protocol_as_json(void **state)
{
    (void)state;
    struct client ada;
    client_open(&ada, belfry_address(server, 0), "/rooms?user=ada", "");
    assert_non_null(strstr(client_take(&ada), "\"type\":\"welcome\""));
    client_say(&ada, "{\"type\":\"join\",\"room\":\"tower\",\"ref\":1}");
    assert_non_null(strstr(client_take(&ada), "\"type\":\"joined\""));
    assert_int_equal(belfry_emit(belfry_volatile(belfry_in(io, "tower")), "tick", "{s:i}", "n", 7),
                     BELFRY_OK);
    assert_string_equal(client_take(&ada), "text:{\"type\":\"event\",\"room\":\"tower\","
                                           "\"event\":\"tick\",\"data\":{\"n\":7}}");
    belfry_target tower = belfry_volatile(belfry_in(io, "tower"));
    assert_int_equal(belfry_emit(tower, "nothing", NULL), BELFRY_OK);
    assert_non_null(strstr(client_take(&ada), "\"data\":null"));
    assert_int_equal(belfry_emit_json(tower, "tree", json_pack("[b,s]", 1, "x")), BELFRY_OK);
    assert_non_null(strstr(client_take(&ada), "\"data\":[true,\"x\"]"));
    assert_int_equal(belfry_emit_raw(tower, "raw", " [1.50, 1e400]", 14), BELFRY_OK);
    const char *raw = client_take(&ada);
    assert_non_null(strstr(raw, "[1.50, 1e400]")); /* spliced, not rewritten */
    assert_int_equal(belfry_broadcast_json(tower, json_pack("{s:[b]}", "a", 1)), BELFRY_OK);
    assert_string_equal(client_take(&ada), "text:{\"a\":[true]}");
    client_drop(&ada);
}

/* jansson's allocator is the application's, and need not be the C library's. */
#define OFFSET 16

static void *offset_alloc(size_t size)
{
    char *memory = malloc(size + OFFSET);
    return memory != NULL ? memory + OFFSET : NULL;
}

static void offset_free(void *memory)
{
    if (memory != NULL)
        free((char *)memory - OFFSET);
}

static void test_jansson_may_have_another_allocator(void **state)
{
    (void)state;
    json_set_alloc_funcs(offset_alloc, offset_free);
    belfry_err err = belfry_emit(belfry_in(io, "tower"), "tick", "{s:i}", "n", 7);
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(err, BELFRY_OK);
}

/* --- many threads at once --------------------------------------------------------------------- */

#define THREADS 3
#define SAYINGS 300

static belfry_id ids[4];

static belfry_err say_once(unsigned thread, unsigned i)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%u.%u", thread, i);
    if (i % 3 == 0)
        return belfry_broadcast(belfry_everyone(io), BELFRY_TEXT, text, strlen(text));
    if (i % 3 == 1)
        return belfry_broadcast(belfry_in(io, "tower"), BELFRY_TEXT, text, strlen(text));
    for (size_t k = 0; k < BELFRY_COUNT(ids); k++) {
        belfry_err err;
        while ((err = belfry_send_id(server, ids[k], BELFRY_TEXT, text, strlen(text))) ==
               BELFRY_ERR_AGAIN)
            (void)sched_yield();
        HANDLER_EXPECT(err == BELFRY_OK);
    }
    return BELFRY_OK;
}

static void *say_much(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < SAYINGS; i++) {
        belfry_err err;
        while ((err = say_once(thread, i)) == BELFRY_ERR_AGAIN)
            (void)sched_yield();
        HANDLER_EXPECT(err == BELFRY_OK);
    }
    return NULL;
}

static void test_each_threads_sayings_arrive_in_its_order(void **state)
{
    (void)state;
    struct client people[BELFRY_COUNT(ids)];
    pthread_t threads[THREADS];
    for (size_t k = 0; k < BELFRY_COUNT(ids); k++) {
        ids[k] = open_one(&people[k]);
        client_expect(&people[k], "join tower", "text:success");
    }
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, say_much, (void *)(uintptr_t)t), 0);
    for (size_t k = 0; k < BELFRY_COUNT(ids); k++) {
        unsigned next[THREADS] = { 0 };
        for (unsigned i = 0; i < THREADS * SAYINGS; i++) {
            unsigned thread;
            unsigned number;
            assert_int_equal(sscanf(client_take(&people[k]), "text:%u.%u", &thread, &number), 2);
            assert_true(thread < THREADS);
            assert_int_equal(number, next[thread]);
            next[thread]++;
        }
    }
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    for (size_t k = 0; k < BELFRY_COUNT(ids); k++)
        client_drop(&people[k]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)
    const struct CMUnitTest tests[] = {
        TEST(test_send_and_close_by_id_arrive_in_order),
        TEST(test_a_call_finds_the_socket_or_hears_that_it_is_gone),
        TEST(test_ids_that_never_were_are_gone),
        TEST(test_targets_reach_whom_they_name),
        TEST(test_a_socket_is_a_target_by_its_public_id),
        TEST(test_what_cannot_be_said_is_refused_with_the_reason),
        TEST(test_why_is_about_the_last_failure),
        TEST(test_events_reach_the_room_protocol_as_json),
        TEST(test_jansson_may_have_another_allocator),
        TEST(test_each_threads_sayings_arrive_in_its_order),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
