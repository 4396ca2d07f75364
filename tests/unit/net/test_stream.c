/*
 * test_stream.c - TCP as a stream: counts, ends, failures, and what the poller is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"

static struct loop loop;
static struct stream stream;
static int peer;

static int make_stream(void **state)
{
    int pair[2];
    struct poller *poller = NULL;
    (void)state;
    assert_int_equal(poll_epoll_new(&poller), BELFRY_OK);
    assert_int_equal(loop_init(&loop, &poll_epoll, poller, &clock_system), BELFRY_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    stream_tcp_init(&stream, &loop, pair[0]);
    peer = pair[1];
    return 0;
}

static int drop_stream(void **state)
{
    (void)state;
    stream_close(&stream);
    if (peer >= 0)
        (void)close(peer);
    loop_deinit(&loop);
    return 0;
}

static ssize_t write_text(const char *text)
{
    struct iovec part = { (void *)text, strlen(text) };
    return stream_writev(&stream, &part, 1);
}

static void test_reading_gives_bytes_then_again_then_the_end(void **state)
{
    (void)state;
    char got[8];
    assert_int_equal(stream_read(&stream, got, sizeof got), STREAM_AGAIN);
    assert_int_equal(write(peer, "hello", 5), 5);
    assert_int_equal(stream_read(&stream, got, 3), 3);
    assert_int_equal(stream_read(&stream, got + 3, sizeof got - 3), 2);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(stream_read(&stream, got, sizeof got), STREAM_AGAIN);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    assert_int_equal(stream_read(&stream, got, sizeof got), STREAM_END);
    assert_int_equal(write_text("you may still listen"), 20);
}

static void test_parts_arrive_as_one_run_of_bytes(void **state)
{
    (void)state;
    char got[16] = { 0 };
    struct iovec parts[] = { { (void *)"bel", 3 }, { (void *)"", 0 }, { (void *)"fry", 3 } };
    assert_int_equal(stream_writev(&stream, parts, 3), 6);
    assert_int_equal(read(peer, got, sizeof got), 6);
    assert_string_equal(got, "belfry");
}

static void test_a_full_socket_takes_a_part_and_then_nothing(void **state)
{
    (void)state;
    size_t size = 8 << 20;
    char *bytes = calloc(1, size);
    assert_non_null(bytes);
    struct iovec parts[] = { { bytes, size / 2 }, { bytes + size / 2, size / 2 } };
    ssize_t sent = stream_writev(&stream, parts, 2);
    assert_true(sent > 0 && (size_t)sent < size);
    while ((sent = stream_writev(&stream, parts, 1)) > 0) {}
    assert_int_equal(sent, STREAM_AGAIN);
    while (read(peer, bytes, size) > 0) {}
    assert_true(stream_writev(&stream, parts, 1) > 0);
    free(bytes);
}

static void test_writing_to_nobody_fails_without_a_signal(void **state)
{
    (void)state;
    (void)close(peer);
    peer = -1;
    struct iovec parts[] = { { (void *)"a", 1 }, { (void *)"b", 1 } };
    assert_int_equal(write_text("x"), STREAM_FAILED);
    assert_int_equal(stream_writev(&stream, parts, 2), STREAM_FAILED);
}

/* Over real TCP, which may hold the last bytes back for the end: they must go with it. */
static void test_the_last_bytes_go_with_the_end(void **state)
{
    (void)state;
    for (int closes = 0; closes <= 1; closes++) {
        struct sockaddr_in here = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof here;
        char got[8] = { 0 };
        struct stream last;
        struct iovec parts[] = { { (void *)"by", 2 }, { (void *)"e", 1 } };
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        int reader = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&here, size), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &size), 0);
        assert_int_equal(connect(reader, (struct sockaddr *)&here, size), 0);
        stream_tcp_init(&last, &loop, accept(listener, NULL, NULL));
        assert_int_equal(stream_writev_last(&last, parts, 2), 3);
        if (closes)
            stream_close(&last);
        else
            stream_end_writing(&last);
        assert_int_equal(recv(reader, got, sizeof got, MSG_WAITALL), 3); /* and no more comes */
        assert_string_equal(got, "bye");
        stream_close(&last);
        (void)close(reader);
        (void)close(listener);
    }
}

static void test_ending_the_writing_leaves_reading_open(void **state)
{
    (void)state;
    char c;
    stream_end_writing(&stream);
    assert_int_equal(read(peer, &c, 1), 0);
    assert_int_equal(write(peer, "x", 1), 1);
    assert_int_equal(stream_read(&stream, &c, 1), 1);
    assert_int_equal(write_text("x"), STREAM_FAILED);
}

static unsigned last_events;

static void on_ready(struct watch *watch, unsigned events)
{
    assert_ptr_equal(watch, &stream.watch);
    last_events = events;
}

static void test_the_poller_hears_what_is_wanted(void **state)
{
    (void)state;
    stream.watch.on_ready = on_ready;
    assert_int_equal(stream_want(&stream, WATCH_READ | WATCH_WRITE), BELFRY_OK);
    loop_step(&loop, 0);
    assert_int_equal(last_events, WATCH_WRITE);
    assert_int_equal(stream_want(&stream, WATCH_READ), BELFRY_OK);
    last_events = 0;
    loop_step(&loop, 0);
    assert_int_equal(last_events, 0);
    assert_int_equal(write(peer, "x", 1), 1);
    loop_step(&loop, 0);
    assert_int_equal(last_events, WATCH_READ);
    assert_int_equal(stream_want(&stream, 0), BELFRY_OK);
    last_events = 0;
    loop_step(&loop, 0);
    assert_int_equal(last_events, 0);
}

static void test_a_closed_stream_has_no_descriptor_and_no_address(void **state)
{
    (void)state;
    char c;
    char text[STREAM_ADDRESS_SIZE];
    assert_int_equal(stream_want(&stream, WATCH_READ), BELFRY_OK);
    assert_true(stream_is_open(&stream));
    stream_close(&stream);
    assert_false(stream_is_open(&stream));
    stream_close(&stream);
    stream_address(&stream, text);
    assert_string_equal(text, "-");
    assert_int_equal(read(peer, &c, 1), 0);
}

static void connect_over(int family, const struct sockaddr *any, socklen_t size, int fds[2])
{
    struct sockaddr_storage address;
    socklen_t address_size = sizeof address;
    int listener = socket(family, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, any, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_size), 0);
    fds[0] = socket(family, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&address, address_size), 0);
    fds[1] = accept(listener, NULL, NULL);
    assert_true(fds[1] >= 0);
    (void)close(listener);
}

static void test_the_address_is_the_peers(void **state)
{
    (void)state;
    int fds[2];
    char text[STREAM_ADDRESS_SIZE];
    char want[STREAM_ADDRESS_SIZE];
    struct sockaddr_in mine;
    socklen_t size = sizeof mine;
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    connect_over(AF_INET, (struct sockaddr *)&v4, sizeof v4, fds);
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&mine, &size), 0);
    snprintf(want, sizeof want, "127.0.0.1:%u", ntohs(mine.sin_port));
    stream_tcp_address(fds[1], text);
    assert_string_equal(text, want);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_an_ipv6_address_has_brackets(void **state)
{
    (void)state;
    int fds[2];
    char text[STREAM_ADDRESS_SIZE];
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    bool has_ipv6 = probe >= 0 && bind(probe, (struct sockaddr *)&v6, sizeof v6) == 0;
    if (probe >= 0)
        (void)close(probe);
    if (!has_ipv6)
        skip();
    connect_over(AF_INET6, (struct sockaddr *)&v6, sizeof v6, fds);
    stream_tcp_address(fds[1], text);
    assert_memory_equal(text, "[::1]:", 6);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static unsigned ready_count;

static void count_ready(struct watch *watch, unsigned events)
{
    (void)watch;
    (void)events;
    ready_count++;
}

static void test_a_stream_goes_to_another_loop(void **state)
{
    (void)state;
    static struct loop other;
    struct poller *poller = NULL;
    struct stream elsewhere;
    char got[8];
    assert_int_equal(poll_epoll_new(&poller), BELFRY_OK);
    assert_int_equal(loop_init(&other, &poll_epoll, poller, &clock_system), BELFRY_OK);
    stream.watch.on_ready = count_ready;
    assert_int_equal(stream_want(&stream, WATCH_READ), BELFRY_OK);
    assert_int_equal(write(peer, "hello", 5), 5);
    loop_step(&loop, 0);
    assert_int_equal(ready_count, 1);

    stream_leave(&stream);
    elsewhere = stream;
    stream.ops = NULL;
    loop_step(&loop, 0);
    assert_int_equal(ready_count, 1); /* the old loop knows it no more */
    stream_enter(&elsewhere, &other);
    assert_int_equal(stream_want(&elsewhere, WATCH_READ), BELFRY_OK);
    loop_step(&other, 0);
    assert_int_equal(ready_count, 2); /* what came before is reported there */
    assert_int_equal(stream_read(&elsewhere, got, sizeof got), 5);
    stream_close(&elsewhere);
    assert_int_equal(read(peer, got, sizeof got), 0);
    loop_deinit(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stream, drop_stream)
    const struct CMUnitTest tests[] = {
        TEST(test_reading_gives_bytes_then_again_then_the_end),
        TEST(test_parts_arrive_as_one_run_of_bytes),
        TEST(test_a_full_socket_takes_a_part_and_then_nothing),
        TEST(test_writing_to_nobody_fails_without_a_signal),
        TEST(test_the_last_bytes_go_with_the_end),
        TEST(test_ending_the_writing_leaves_reading_open),
        TEST(test_the_poller_hears_what_is_wanted),
        TEST(test_a_stream_goes_to_another_loop),
        TEST(test_a_closed_stream_has_no_descriptor_and_no_address),
        cmocka_unit_test(test_the_address_is_the_peers),
        cmocka_unit_test(test_an_ipv6_address_has_brackets),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
