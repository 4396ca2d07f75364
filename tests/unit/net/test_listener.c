/*
 * test_listener.c - addresses as text, who may listen where, and what happens when descriptors run
 * out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/listener.h"

/* --- addresses -------------------------------------------------------------------------------- */

static const struct address_case {
    const char *text;
    const char *want; /* as net_address_format says it; NULL: refused */
} address_cases[] = {
    { "127.0.0.1:3001", "127.0.0.1:3001" },
    { "0.0.0.0:0", "0.0.0.0:0" },
    { "localhost:65535", "127.0.0.1:65535" },
    { "[::1]:3001", "[::1]:3001" },
    { "[::]:80", "[::]:80" },
    { "[0:0:0:0:0:0:0:1]:1", "[::1]:1" },
    { "[::ffff:127.0.0.1]:5", "[::ffff:127.0.0.1]:5" },
    { "", NULL },
    { ":", NULL },
    { "3001", NULL },
    { "127.0.0.1", NULL },
    { "127.0.0.1:", NULL },
    { "127.0.0.1:65536", NULL },
    { "127.0.0.1:999999", NULL },
    { "127.0.0.1:-1", NULL },
    { "127.0.0.1:+1", NULL },
    { "127.0.0.1: 80", NULL },
    { "127.0.0.1:80 ", NULL },
    { "127.0.0.1:http", NULL },
    { "127.0.0.256:80", NULL },
    { "127.1:80", NULL },
    { "example.com:80", NULL },
    { "::1:3001", NULL },
    { "[::1]", NULL },
    { "[]:80", NULL },
    { "[::1:80", NULL },
    { "::1]:80", NULL },
    { "[127.0.0.1]:80", NULL },
    { "[fe80::1%lo]:80", NULL },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80", NULL },
};

static void test_addresses_are_read_and_written(void **state)
{
    (void)state;
    for (const struct address_case *c = address_cases; c != BELFRY_END(address_cases); c++) {
        struct net_address address;
        char text[LISTENER_ADDRESS_SIZE];
        belfry_err err = net_address_parse(bytes_of_text(c->text), &address);
        if ((err == BELFRY_OK) != (c->want != NULL))
            fail_msg("\"%s\": %d", c->text, err);
        if (err != BELFRY_OK)
            continue;
        net_address_format(&address, text);
        assert_string_equal(text, c->want);
    }
}

static void test_an_empty_host_is_every_address(void **state)
{
    (void)state;
    struct net_address address;
    char text[LISTENER_ADDRESS_SIZE];
    assert_int_equal(net_address_parse(BELFRY_BYTES(":3001"), &address), BELFRY_OK);
    net_address_format(&address, text);
    assert_true(strcmp(text, "[::]:3001") == 0 || strcmp(text, "0.0.0.0:3001") == 0);
}

/* --- listening -------------------------------------------------------------------------------- */

static struct net_address address_of(const char *text)
{
    struct net_address address;
    assert_int_equal(net_address_parse(bytes_of_text(text), &address), BELFRY_OK);
    return address;
}

static void test_port_0_becomes_a_real_port(void **state)
{
    (void)state;
    struct listener l;
    const char *why = NULL;
    struct net_address address = address_of("127.0.0.1:0");
    assert_int_equal(listener_init(&l, &address, LISTENER_FIRST, &why), BELFRY_OK);
    assert_true(((struct sockaddr_in *)&address.storage)->sin_port != 0);
    listener_deinit(&l);
    listener_deinit(&l); /* a no-op */
}

static void test_only_further_listeners_share_an_address(void **state)
{
    (void)state;
    struct listener first;
    struct listener further;
    struct listener intruder;
    const char *why = NULL;
    struct net_address address = address_of("127.0.0.1:0");
    assert_int_equal(listener_init(&first, &address, LISTENER_FIRST, &why), BELFRY_OK);
    assert_int_equal(listener_init(&further, &address, LISTENER_FURTHER, &why), BELFRY_OK);
    assert_null(why);
    assert_int_equal(listener_init(&intruder, &address, LISTENER_FIRST, &why), BELFRY_ERR_ADDRESS);
    assert_non_null(strstr(why, "another program listens there"));
    listener_deinit(&intruder); /* half-built is fine */
    listener_deinit(&further);
    listener_deinit(&first);
    /* Free again, at once. */
    assert_int_equal(listener_init(&first, &address, LISTENER_FIRST, &why), BELFRY_OK);
    listener_deinit(&first);
}

static void test_an_address_of_another_machine_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct listener l;
    const char *why = NULL;
    struct net_address address = address_of("192.0.2.1:0"); /* RFC 5737: nobody's */
    assert_int_equal(listener_init(&l, &address, LISTENER_FIRST, &why), BELFRY_ERR_ADDRESS);
    assert_non_null(why);
    assert_true(strlen(why) > 0);
}

/* --- accepting -------------------------------------------------------------------------------- */

#define CLIENTS 30

static uint64_t now_ms = 1000;

static uint64_t tell_time(void *user)
{
    (void)user;
    return now_ms;
}

static const struct clock fake_clock = { .monotonic_ms = tell_time, .wall_ms = tell_time };

struct place {
    struct loop loop;
    struct listener listener;
    struct net_address address;
    int accepted[CLIENTS];
    unsigned accepted_count;
    unsigned exhausted_count;
};

static void on_connection(void *user, int fd)
{
    struct place *p = user;
    p->accepted[p->accepted_count++] = fd;
}

static void on_exhausted(void *user)
{
    ((struct place *)user)->exhausted_count++;
}

static bool open_place(struct place *p)
{
    struct poller *poller = NULL;
    const char *why = NULL;
    struct listener_callbacks callbacks = { on_connection, on_exhausted, p };
    *p = (struct place){ 0 };
    return net_address_parse(BELFRY_BYTES("127.0.0.1:0"), &p->address) == BELFRY_OK &&
           poll_epoll_new(&poller) == BELFRY_OK &&
           loop_init(&p->loop, &poll_epoll, poller, &fake_clock) == BELFRY_OK &&
           listener_init(&p->listener, &p->address, LISTENER_FIRST, &why) == BELFRY_OK &&
           listener_start(&p->listener, &p->loop, &callbacks) == BELFRY_OK;
}

static void close_place(struct place *p)
{
    for (unsigned i = 0; i < p->accepted_count; i++)
        (void)close(p->accepted[i]);
    listener_deinit(&p->listener);
    loop_deinit(&p->loop);
}

static int dial(const struct place *p)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        connect(fd, (const struct sockaddr *)&p->address.storage, p->address.size) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void test_connections_arrive_non_blocking_and_close_on_exec(void **state)
{
    (void)state;
    struct place p;
    assert_true(open_place(&p));
    int first = dial(&p);
    int second = dial(&p);
    assert_true(first >= 0 && second >= 0);
    while (p.accepted_count < 2)
        loop_step(&p.loop, -1);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(fcntl(p.accepted[i], F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(p.accepted[i], F_GETFD) & FD_CLOEXEC);
    }
    (void)close(first);
    (void)close(second);
    close_place(&p);
}

static void test_who_is_refused_hears_the_last_words(void **state)
{
    (void)state;
    struct place p;
    char heard[16] = { 0 };
    assert_true(open_place(&p));
    int client = dial(&p);
    while (p.accepted_count < 1)
        loop_step(&p.loop, -1);
    listener_refuse(p.accepted[--p.accepted_count], BELFRY_BYTES("go away"));
    assert_int_equal(recv(client, heard, 7, MSG_WAITALL), 7);
    assert_string_equal(heard, "go away");
    assert_int_equal(recv(client, heard, 1, 0), 0);
    (void)close(client);
    close_place(&p);
}

static void on_connection_once(void *user, int fd)
{
    struct place *p = user;
    on_connection(user, fd);
    listener_deinit(&p->listener);
}

static void test_a_listener_may_be_closed_by_the_connection_it_reports(void **state)
{
    (void)state;
    struct place p;
    assert_true(open_place(&p));
    p.listener.callbacks.on_connection = on_connection_once;
    int first = dial(&p);
    int second = dial(&p);
    while (p.accepted_count < 1)
        loop_step(&p.loop, -1);
    loop_step(&p.loop, 0);
    assert_int_equal(p.accepted_count, 1);
    (void)close(first);
    (void)close(second);
    close_place(&p);
}

/* --- out of descriptors: in a child, whose limit is small ------------------------------------- */

/* Leaves exactly @count descriptors to be had. */
static bool leave_descriptors(unsigned count)
{
    int fds[64];
    unsigned opened = 0;
    struct rlimit limit = { .rlim_cur = 128, .rlim_max = 128 };
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0; opened++)
        fds[opened % BELFRY_COUNT(fds)] = fd;
    for (unsigned i = 0; i < count; i++)
        (void)close(fds[(opened - 1 - i) % BELFRY_COUNT(fds)]);
    return opened >= count;
}

#define CHECK(condition) \
    if (!(condition))    \
    return __LINE__

/* Returns 0, or the line that failed. */
static int run_out_and_recover(void)
{
    struct place p;
    int clients[CLIENTS];
    const unsigned room = 4;
    CHECK(open_place(&p));
    for (int i = 0; i < CLIENTS; i++)
        CHECK((clients[i] = dial(&p)) >= 0);
    CHECK(leave_descriptors(room));
    while (p.exhausted_count == 0)
        loop_step(&p.loop, -1);
    CHECK(p.accepted_count == room);
    CHECK(p.listener.watch.interest == 0); /* paused: no spinning */
    CHECK(p.listener.reserve_fd >= 0);

    char c;
    CHECK(recv(clients[room], &c, 1, 0) <= 0);                  /* the next learned it at once */
    CHECK(recv(clients[CLIENTS - 1], &c, 1, MSG_DONTWAIT) < 0); /* the last still waits */

    loop_step(&p.loop, 0);
    CHECK(p.exhausted_count == 1);
    now_ms += 1000; /* still out: it says so again, and pauses again */
    loop_step(&p.loop, 0);
    while (p.exhausted_count < 2)
        loop_step(&p.loop, 0);
    CHECK(p.accepted_count == room);

    int fresh = clients[room]; /* refused above: its descriptor is free for another try */
    (void)close(fresh);
    (void)close(p.accepted[--p.accepted_count]);
    CHECK((fresh = dial(&p)) >= 0);
    now_ms += 1000;
    for (int turns = 0; p.accepted_count < room; turns++) {
        CHECK(turns < 1000);
        loop_step(&p.loop, 10);
    }
    CHECK(p.listener.watch.interest == WATCH_READ || p.exhausted_count > 2);
    close_place(&p);
    return 0;
}

static void test_out_of_descriptors_accepting_pauses_and_recovers(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* A line number does not fit an exit status: it goes to stderr. */
        int line = run_out_and_recover();
        if (line != 0)
            fprintf(stderr, "%s:%d: not as it should be\n", __FILE__, line);
        _exit(line == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_read_and_written),
        cmocka_unit_test(test_an_empty_host_is_every_address),
        cmocka_unit_test(test_port_0_becomes_a_real_port),
        cmocka_unit_test(test_only_further_listeners_share_an_address),
        cmocka_unit_test(test_an_address_of_another_machine_is_refused_with_the_reason),
        cmocka_unit_test(test_connections_arrive_non_blocking_and_close_on_exec),
        cmocka_unit_test(test_who_is_refused_hears_the_last_words),
        cmocka_unit_test(test_a_listener_may_be_closed_by_the_connection_it_reports),
        cmocka_unit_test(test_out_of_descriptors_accepting_pauses_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
