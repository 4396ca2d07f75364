/*
 * test_poll_epoll.c - who is ready, as epoll has it, and what the loop relies on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/poller.h"
#include "support/memory.h"

static struct poller *poller;
static int pair[2];
static struct watch watch;

static int make_pair(void **state)
{
    (void)state;
    assert_int_equal(poll_epoll_new(&poller), BELFRY_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    watch = (struct watch){ .fd = pair[0] };
    return 0;
}

static int drop_pair(void **state)
{
    (void)state;
    poll_epoll.free(poller);
    (void)close(pair[0]);
    if (pair[1] >= 0)
        (void)close(pair[1]);
    return 0;
}

/* What is reported for the one watch now; 0: nothing. */
static unsigned ready_now(void)
{
    struct poller_event events[4];
    int count = poll_epoll.wait(poller, events, 4, 0);
    assert_in_range(count, 0, 1);
    if (count == 1)
        assert_ptr_equal(events[0].watch, &watch);
    return count == 1 ? events[0].events : 0;
}

static void want(unsigned interest)
{
    assert_int_equal(poll_epoll.set_interest(poller, &watch, interest), BELFRY_OK);
    assert_int_equal(watch.interest, interest);
}

static void test_only_what_was_asked_for_is_reported(void **state)
{
    (void)state;
    assert_int_equal(ready_now(), 0);
    want(WATCH_READ);
    assert_int_equal(ready_now(), 0);
    want(WATCH_READ | WATCH_WRITE);
    assert_int_equal(ready_now(), WATCH_WRITE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(ready_now(), WATCH_READ | WATCH_WRITE);
    want(WATCH_READ);
    assert_int_equal(ready_now(), WATCH_READ);
    want(0);
    assert_int_equal(ready_now(), 0);
    want(0);
    want(WATCH_WRITE);
    assert_int_equal(ready_now(), WATCH_WRITE);
}

static void test_what_is_left_unread_is_reported_again(void **state)
{
    (void)state;
    char c;
    want(WATCH_READ);
    assert_int_equal(write(pair[1], "xy", 2), 2);
    assert_int_equal(ready_now(), WATCH_READ);
    assert_int_equal(ready_now(), WATCH_READ);
    assert_int_equal(read(pair[0], &c, 1), 1);
    assert_int_equal(ready_now(), WATCH_READ);
    assert_int_equal(read(pair[0], &c, 1), 1);
    assert_int_equal(ready_now(), 0);
}

static void test_a_hang_up_is_readiness_for_whatever_waits(void **state)
{
    (void)state;
    want(WATCH_READ);
    (void)close(pair[1]);
    pair[1] = -1;
    assert_true(ready_now() & WATCH_READ);
    want(WATCH_WRITE);
    assert_true(ready_now() & WATCH_WRITE);
    want(0);
    assert_int_equal(ready_now(), 0);
}

static void test_an_end_is_told_before_what_is_unread_is_read(void **state)
{
    (void)state;
    assert_int_equal(write(pair[1], "x", 1), 1);
    want(WATCH_END);
    assert_int_equal(ready_now(), 0);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    assert_true(ready_now() & WATCH_END);
    want(WATCH_READ);
    assert_true(ready_now() & WATCH_READ);
    want(WATCH_WRITE); /* half-closed: nothing that would matter to writing */
    assert_int_equal(ready_now(), WATCH_WRITE);
}

static void test_a_wake_ends_the_current_or_the_next_wait_once(void **state)
{
    (void)state;
    struct poller_event events[4];
    struct pollfd seen = { .fd = poll_epoll.fd(poller), .events = POLLIN };
    assert_int_equal(poll(&seen, 1, 0), 0);
    poll_epoll.wake(poller);
    poll_epoll.wake(poller);
    assert_int_equal(poll(&seen, 1, 0), 1);
    assert_int_equal(poll_epoll.wait(poller, events, 4, -1), 0); /* would hang if it were lost */
    assert_int_equal(poll(&seen, 1, 0), 0);
}

static void test_the_descriptor_is_readable_when_a_watch_is_ready(void **state)
{
    (void)state;
    struct pollfd seen = { .fd = poll_epoll.fd(poller), .events = POLLIN };
    want(WATCH_READ);
    assert_int_equal(poll(&seen, 1, 0), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(poll(&seen, 1, 0), 1);
}

static void test_more_events_than_room_come_in_later_waits(void **state)
{
    (void)state;
    struct watch watches[6];
    bool is_seen[6] = { false };
    for (int i = 0; i < 6; i++) {
        int fd = dup(pair[0]);
        assert_true(fd >= 0);
        watches[i] = (struct watch){ .fd = fd };
        assert_int_equal(poll_epoll.set_interest(poller, &watches[i], WATCH_WRITE), BELFRY_OK);
    }
    for (int round = 0; round < 6; round++) {
        struct poller_event events[2];
        int count = poll_epoll.wait(poller, events, 2, 0);
        assert_int_equal(count, 2);
        for (int i = 0; i < count; i++)
            is_seen[events[i].watch - watches] = true;
    }
    for (int i = 0; i < 6; i++) {
        assert_true(is_seen[i]); /* nobody starves */
        (void)close(watches[i].fd);
    }
}

static void test_a_descriptor_that_cannot_be_watched_is_an_error(void **state)
{
    (void)state;
    struct watch closed = { .fd = -1 };
    assert_int_equal(poll_epoll.set_interest(poller, &closed, WATCH_READ), BELFRY_ERR_IO);
    assert_int_equal(closed.interest, 0);
}

static void test_without_memory_there_is_no_poller(void **state)
{
    (void)state;
    struct poller *none = NULL;
    memory_watch();
    memory_fail_at(1);
    assert_int_equal(poll_epoll_new(&none), BELFRY_ERR_NOMEM);
    memory_unwatch();
    assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_pair, drop_pair)
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_was_asked_for_is_reported),
        TEST(test_what_is_left_unread_is_reported_again),
        TEST(test_a_hang_up_is_readiness_for_whatever_waits),
        TEST(test_an_end_is_told_before_what_is_unread_is_read),
        TEST(test_a_wake_ends_the_current_or_the_next_wait_once),
        TEST(test_the_descriptor_is_readable_when_a_watch_is_ready),
        TEST(test_more_events_than_room_come_in_later_waits),
        TEST(test_a_descriptor_that_cannot_be_watched_is_an_error),
        TEST(test_without_memory_there_is_no_poller),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
