/*
 * test_api_life.c - the ways to run a server and how each ends: threads, somebody else's loop, two
 * at once, failing to start, stopping in the middle of things, an allocator and a log of one's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>

#include "server/server.h"
#include "support/memory.h"
#include "unit/server/client.h"

static belfry *new_server(unsigned workers)
{
    belfry_options options = { .listen = "127.0.0.1:0",
                               .workers = workers,
                               .deflate = BELFRY_DEFLATE_NONE,
                               .drain_timeout_ms = 60000 };
    belfry *server = belfry_new(&options);
    assert_non_null(server);
    assert_int_equal(belfry_ws(server, "/ws", &(belfry_ws_handlers){ .message = obey }), BELFRY_OK);
    assert_int_equal(belfry_rooms(server, "/rooms"), BELFRY_OK);
    return server;
}

/* --- in somebody else's loop ------------------------------------------------------------------ */

/* What an application's own loop does: waits for the server's descriptor and its own, and steps. */
static void turn(belfry *server, int own_fd)
{
    struct pollfd fds[] = { { .fd = belfry_fd(server), .events = POLLIN },
                            { .fd = own_fd, .events = POLLIN } };
    int timeout_ms = belfry_timeout_ms(server);
    assert_true(timeout_ms >= -1);
    assert_true(poll(fds, 2, timeout_ms) >= 0);
    if (fds[0].revents != 0 || belfry_timeout_ms(server) == 0)
        assert_int_equal(belfry_step(server), BELFRY_OK);
}

/* The next frame, the server being stepped meanwhile. */
static const char *step_and_take(belfry *server, struct client *c)
{
    size_t header;
    size_t payload;
    while (!client_has_frame(c, &header, &payload)) {
        struct pollfd mine = { .fd = c->fd, .events = POLLIN };
        if (poll(&mine, 1, 0) == 1)
            assert_true(client_read(c));
        else
            turn(server, c->fd);
    }
    return client_take(c);
}

static void step_and_open(belfry *server, struct client *c)
{
    client_ask(c, belfry_address(server, 0), "/ws", "");
    while (c->in.size == 0) {
        struct pollfd mine = { .fd = c->fd, .events = POLLIN };
        if (poll(&mine, 1, 0) == 1)
            assert_true(client_read(c));
        else
            turn(server, c->fd);
    }
    client_read_head(c);
}

static void test_a_server_lives_in_somebody_elses_loop(void **state)
{
    (void)state;
    struct client ada;
    belfry *server = new_server(1);
    assert_true(belfry_fd(server) >= 0);
    assert_int_equal(belfry_fd(server), belfry_fd(server));
    step_and_open(server, &ada);
    client_say(&ada, "join tower");
    assert_string_equal(step_and_take(server, &ada), "text:success");

    /* An emit outside a step makes the descriptor readable, or the timeout 0. */
    belfry_nsp *io = belfry_of(server, "/");
    assert_int_equal(belfry_broadcast(belfry_in(io, "tower"), BELFRY_TEXT, "hello", 5), BELFRY_OK);
    struct pollfd seen = { .fd = belfry_fd(server), .events = POLLIN };
    assert_true(belfry_timeout_ms(server) == 0 || poll(&seen, 1, 0) == 1);
    assert_int_equal(belfry_step(server), BELFRY_OK);
    assert_string_equal(client_take(&ada), "text:hello"); /* one step was enough */

    belfry_stop_soon(server);
    assert_string_equal(step_and_take(server, &ada), "close:1001:server shutdown");
    client_send(&ada, WS_CLOSE | WS_FIN, BELFRY_BYTES("\x03\xe9"));
    belfry_err err;
    while ((err = belfry_step(server)) == BELFRY_OK) {}
    assert_int_equal(err, BELFRY_ERR_GONE);
    client_drop(&ada);
    belfry_free(server);
}

static void test_stepping_is_for_one_worker_and_one_way_of_running(void **state)
{
    (void)state;
    belfry *two = new_server(2);
    assert_int_equal(belfry_fd(two), -1);
    assert_int_equal(belfry_step(two), BELFRY_ERR_STATE);
    assert_int_equal(belfry_start(two), BELFRY_OK); /* nothing was started by that */
    assert_int_equal(belfry_fd(two), -1);
    belfry_free(two);
    belfry *one = new_server(1);
    assert_true(belfry_fd(one) >= 0);
    assert_int_equal(belfry_start(one), BELFRY_ERR_STATE);
    belfry_stop(one); /* steps it to its end */
    assert_int_equal(belfry_step(one), BELFRY_ERR_GONE);
    belfry_free(one);
}

/* --- starting --------------------------------------------------------------------------------- */

static void test_an_address_in_use_is_an_error_that_can_be_tried_again(void **state)
{
    (void)state;
    belfry *first = new_server(1);
    assert_int_equal(belfry_start(first), BELFRY_OK);
    belfry_options options = { .listen = belfry_address(first, 0),
                               .workers = 2,
                               .tls_self_signed = true };
    belfry *second = belfry_new(&options);
    assert_non_null(second);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(belfry_start(second), BELFRY_ERR_ADDRESS);
        assert_non_null(strstr(belfry_why(second), "another program listens there"));
    }
    belfry_free(first);
    assert_int_equal(belfry_start(second), BELFRY_OK);
    assert_null(belfry_address(second, 1)); /* the tries have left nothing */
    belfry_free(second);
}

static void test_addresses_that_are_none_are_told(void **state)
{
    (void)state;
    static const char *const lists[] = { "nonsense", "127.0.0.1:0, example.com:80", ",", "" };
    for (size_t i = 0; i < BELFRY_COUNT(lists); i++) {
        belfry *server = belfry_new(&(belfry_options){ .listen = lists[i] });
        assert_non_null(server);
        assert_int_equal(belfry_start(server), BELFRY_ERR_ADDRESS);
        assert_true(strlen(belfry_why(server)) > 0);
        belfry_free(server);
    }
}

static void test_a_server_that_never_ran_is_freed_with_what_was_said(void **state)
{
    (void)state;
    belfry *server = new_server(2);
    belfry_nsp *io = belfry_of(server, "/");
    assert_int_equal(belfry_broadcast(belfry_everyone(io), BELFRY_TEXT, "x", 1), BELFRY_OK);
    assert_int_equal(belfry_emit(belfry_in(io, "tower"), "e", "i", 1), BELFRY_OK);
    belfry_stop(server); /* a no-op */
    belfry_free(server);
    belfry_free(NULL);
    assert_int_equal(belfry_run(NULL), 1);
}

/* Stacks larger than memory: no thread can be made. */
static void set_stack_size(size_t size)
{
    pthread_attr_t attributes;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, size), 0);
    assert_int_equal(pthread_setattr_default_np(&attributes), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

static void test_without_threads_a_server_does_not_start_and_still_ends(void **state)
{
    (void)state;
    set_stack_size((size_t)1 << 46);
    belfry *started = new_server(2);
    belfry_err err = belfry_start(started);
    belfry *run_here = new_server(2);
    int code = belfry_run(run_here); /* this thread it has, the other not */
    set_stack_size((size_t)8 << 20);
    assert_int_equal(err, BELFRY_ERR_NOMEM);
    assert_int_equal(code, 1);
    assert_string_equal(belfry_why(run_here), "cannot start a thread");
    belfry_stop(started);
    belfry_free(started);
    belfry_free(run_here);
}

/* --- two at once ------------------------------------------------------------------------------ */

static void test_two_servers_in_one_process_know_nothing_of_each_other(void **state)
{
    (void)state;
    belfry *servers[2];
    struct client people[2];
    for (int i = 0; i < 2; i++) {
        servers[i] = new_server(2);
        assert_int_equal(belfry_start(servers[i]), BELFRY_OK);
        client_open(&people[i], belfry_address(servers[i], 0), "/ws", "");
        client_expect(&people[i], "join tower", "text:success");
        client_expect(&people[i], "members tower", "text:1");
    }
    assert_int_equal(
        belfry_broadcast(belfry_in(belfry_of(servers[0], "/"), "tower"), BELFRY_TEXT, "one", 3),
        BELFRY_OK);
    assert_string_equal(client_take(&people[0]), "text:one");
    client_expect(&people[1], "members tower", "text:1"); /* it did not hear that */
    client_drop(&people[0]);
    belfry_free(servers[0]);
    client_expect(&people[1], "in tower still here", "text:still here");
    client_drop(&people[1]);
    belfry_free(servers[1]);
}

/* --- stopping in the middle of things --------------------------------------------------------- */

static void *run(void *server)
{
    return (void *)(intptr_t)belfry_run(server);
}

static void test_run_ends_with_a_stop_from_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    void *code;
    belfry *server = belfry_new(&(belfry_options){ .listen = "127.0.0.1:0", .keep_signals = true });
    assert_non_null(server);
    belfry_stop_soon(server); /* even before it runs */
    assert_int_equal(pthread_create(&thread, NULL, run, server), 0);
    assert_int_equal(pthread_join(thread, &code), 0);
    assert_ptr_equal(code, NULL);
    belfry_free(server);
}

static void stop_yourself(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
{
    (void)type;
    (void)message;
    (void)user;
    belfry_stop_soon(belfry_sock_server(sock));
}

static void test_a_callback_may_begin_the_stop(void **state)
{
    (void)state;
    struct client ada;
    belfry *server = new_server(2);
    assert_int_equal(belfry_ws(server, "/stop", &(belfry_ws_handlers){ .message = stop_yourself }),
                     BELFRY_OK);
    assert_int_equal(belfry_start(server), BELFRY_OK);
    client_open(&ada, belfry_address(server, 0), "/stop", "");
    client_say(&ada, "now");
    assert_string_equal(client_take(&ada), "close:1001:server shutdown");
    client_close(&ada);
    belfry_stop(server);
    belfry_free(server);
}

/* As the last socket goes, it says something to everybody it ever knew. */
#define GUESTS 8

static belfry_id guests[GUESTS];
static atomic_int calls_made;
static atomic_int calls_answered;

static void on_answer(belfry_sock *sock, void *user)
{
    (void)sock;
    (void)user;
    atomic_fetch_add(&calls_answered, 1);
}

static void say_goodbye(belfry_sock *sock, uint16_t code, belfry_bytes reason, void *user)
{
    belfry *server = belfry_sock_server(sock);
    (void)code;
    (void)reason;
    (void)user;
    for (int i = 0; i < GUESTS; i++) {
        belfry_err err = belfry_send_id(server, guests[i], BELFRY_TEXT, "bye", 3);
        HANDLER_EXPECT(err == BELFRY_OK || err == BELFRY_ERR_GONE);
        if (belfry_with(server, guests[i], on_answer, NULL) == BELFRY_OK)
            atomic_fetch_add(&calls_made, 1);
    }
    (void)belfry_broadcast(belfry_everyone(belfry_of(server, "/")), BELFRY_TEXT, "bye", 3);
}

static void test_what_is_said_while_a_server_ends_is_dropped_and_every_call_answered(void **state)
{
    (void)state;
    struct client people[GUESTS];
    belfry *server = new_server(2);
    belfry_ws_handlers handlers = { .message = obey, .close = say_goodbye };
    assert_int_equal(belfry_ws(server, "/guest", &handlers), BELFRY_OK);
    assert_int_equal(belfry_start(server), BELFRY_OK);
    for (int i = 0; i < GUESTS; i++) {
        client_open(&people[i], belfry_address(server, 0), "/guest", "");
        client_say(&people[i], "id");
        guests[i] = strtoull(client_take(&people[i]) + 5, NULL, 10);
    }
    belfry_free(server);
    assert_int_equal(atomic_load(&handlers_wrong), 0);
    assert_int_equal(atomic_load(&calls_answered), atomic_load(&calls_made));
    for (int i = 0; i < GUESTS; i++)
        client_drop(&people[i]);
}

static void on_roster(struct hub_shard *shard, const struct hub_roster *roster, void *user)
{
    (void)shard;
    (void)roster;
    atomic_fetch_add((atomic_int *)user, 1);
}

/* The last worker to be freed answers a question of the first. */
static void test_a_question_between_workers_survives_the_end(void **state)
{
    (void)state;
    atomic_int answers = 0;
    belfry *server = new_server(3);
    assert_int_equal(hub_ask_roster(&server->hub.shards[0], &server->hub.root,
                                    BELFRY_BYTES("tower"), BELFRY_BYTES(""), 10, on_roster,
                                    &answers),
                     BELFRY_OK);
    belfry_free(server);
    assert_int_equal(answers, 1);
}

/* --- an allocator and a log of one's own ------------------------------------------------------ */

static void test_every_allocation_is_given_back(void **state)
{
    (void)state;
    struct client ada, bob;
    memory_watch();
    belfry_set_alloc(memory_alloc, memory_realloc, memory_free);
    belfry *server = new_server(2);
    assert_int_equal(belfry_start(server), BELFRY_OK);
    client_open(&ada, belfry_address(server, 0), "/ws", "");
    client_open(&bob, belfry_address(server, 0), "/rooms?user=bob", "");
    client_expect(&ada, "join tower", "text:success");
    assert_non_null(strstr(client_take(&bob), "welcome"));
    client_say(&bob, "{\"type\":\"join\",\"room\":\"tower\"}");
    assert_non_null(strstr(client_take(&bob), "joined"));
    client_say(&bob, "{\"type\":\"message\",\"text\":\"hi\"}");
    assert_non_null(strstr(client_take(&bob), "\"text\":\"hi\""));
    assert_true(memory_live() > 0);
    client_drop(&ada);
    client_drop(&bob);
    belfry_free(server);
    assert_int_equal(memory_live(), 0);
    belfry_set_alloc(NULL, NULL, NULL);
}

static void test_a_server_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 1;; n++) {
        memory_fail_at(n);
        belfry *server = belfry_new(&(belfry_options){ .listen = "127.0.0.1:0", .workers = 2 });
        if (server == NULL)
            assert_non_null(strstr(belfry_why(NULL), "out of memory"));
        else if (belfry_rooms(server, "/ws") == BELFRY_OK)
            (void)!belfry_fd(server); /* -1: two workers */
        if (server != NULL && belfry_start(server) != BELFRY_OK)
            assert_true(memory_has_failed());
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        belfry_free(server);
        assert_int_equal(memory_live(), 0);
        if (!has_failed)
            break;
    }
    memory_unwatch();
}

static char events[512];
static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER; /* guards events */

static void hear(belfry_log_level level, const char *event, const char *line, void *user)
{
    HANDLER_EXPECT(user == events);
    HANDLER_EXPECT(level <= BELFRY_LOG_INFO);
    HANDLER_EXPECT(strncmp(line, "event=", 6) == 0);
    pthread_mutex_lock(&events_lock);
    if (strlen(events) + strlen(event) + 2 < sizeof events)
        strcat(strcat(events, event), " ");
    pthread_mutex_unlock(&events_lock);
}

static void test_the_log_tells_of_starts_and_stops_and_is_silent_else(void **state)
{
    (void)state;
    struct client ada;
    belfry_set_log(hear, events, BELFRY_LOG_INFO);
    belfry *server = new_server(2);
    assert_int_equal(belfry_start(server), BELFRY_OK);
    client_open(&ada, belfry_address(server, 0), "/ws", "");
    client_expect(&ada, "join tower", "text:success");
    client_close(&ada);
    belfry_stop(server);
    belfry_free(server);
    belfry_set_log(NULL, NULL, BELFRY_LOG_ERROR);
    assert_string_equal(events, "listening stopped ");
    assert_int_equal(atomic_load(&handlers_wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_lives_in_somebody_elses_loop),
        cmocka_unit_test(test_stepping_is_for_one_worker_and_one_way_of_running),
        cmocka_unit_test(test_an_address_in_use_is_an_error_that_can_be_tried_again),
        cmocka_unit_test(test_addresses_that_are_none_are_told),
        cmocka_unit_test(test_a_server_that_never_ran_is_freed_with_what_was_said),
        cmocka_unit_test(test_without_threads_a_server_does_not_start_and_still_ends),
        cmocka_unit_test(test_two_servers_in_one_process_know_nothing_of_each_other),
        cmocka_unit_test(test_run_ends_with_a_stop_from_another_thread),
        cmocka_unit_test(test_a_callback_may_begin_the_stop),
        cmocka_unit_test(test_what_is_said_while_a_server_ends_is_dropped_and_every_call_answered),
        cmocka_unit_test(test_a_question_between_workers_survives_the_end),
        cmocka_unit_test(test_every_allocation_is_given_back),
        cmocka_unit_test(test_a_server_is_made_whole_or_not_at_all),
        cmocka_unit_test(test_the_log_tells_of_starts_and_stops_and_is_silent_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
