/*
 * test_dial.c - dials on the loopback: addresses, names, paths, TLS, and every way to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/dial.h"
#include "net/tls.h"
#include "support/memory.h"

#define PLENTY_MS 30000

static struct loop loop;
static struct dial dial;
static struct stream client, server; /* both ends, once open */
static int listen_fd = -1;
static uint16_t port;
static char directory[] = "/tmp/belfry-dial-XXXXXX";
static char certificate[64], key[64], socket_path[64], hosts[64];

static int done_count;
static belfry_err done_err;
static char done_why[DIAL_WHY_SIZE];

static void on_done(struct dial *d, belfry_err err, const char *why)
{
    done_count++;
    done_err = err;
    snprintf(done_why, sizeof done_why, "%s", why);
    if (err == BELFRY_OK)
        dial_take(d, &client);
}

/* --- the other side ---------------------------------------------------------------------------*/

static void listen_at(struct sockaddr *address, socklen_t size)
{
    listen_fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(listen_fd >= 0);
    assert_int_equal(bind(listen_fd, address, size), 0);
    assert_int_equal(listen(listen_fd, 16), 0);
}

static void listen_on_loopback(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_at((struct sockaddr *)&address, sizeof address);
    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
    port = ntohs(address.sin_port);
}

static void stop_listening(void)
{
    if (listen_fd >= 0)
        (void)close(listen_fd);
    listen_fd = -1;
}

static int accept_one(void)
{
    return accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* --- turns ------------------------------------------------------------------------------------*/

/* The server's handshake goes on within its reads. */
static void step(struct tls_context *tls)
{
    char c;
    loop_step(&loop, 10);
    if (tls == NULL)
        return;
    if (!stream_is_open(&server)) {
        int fd = accept_one();
        if (fd < 0)
            return;
        assert_int_equal(stream_tls_init(&server, &loop, fd, tls), BELFRY_OK);
    }
    (void)stream_read(&server, &c, 1);
}

static void start(const struct dial_target *target, uint64_t within_ms)
{
    done_count = 0;
    dial_start(&dial, &loop, target, loop.now_ms + within_ms, on_done);
    assert_int_equal(done_count, 0);
}

static void run_until_done(struct tls_context *tls)
{
    uint64_t give_up_ms = loop.now_ms + 2 * (uint64_t)PLENTY_MS;
    while (done_count == 0) {
        assert_true(loop.now_ms < give_up_ms);
        step(tls);
    }
    for (int turn = 0; turn < 3; turn++) /* once means once */
        loop_step(&loop, 0);
    assert_int_equal(done_count, 1);
}

static void run(const struct dial_target *target, struct tls_context *tls)
{
    start(target, PLENTY_MS);
    run_until_done(tls);
}

static void expect_open(void)
{
    if (done_err != BELFRY_OK)
        fail_msg("%s", done_why);
    assert_string_equal(done_why, "");
    assert_true(stream_is_open(&client));
    assert_int_equal(client.watch.interest, 0);
    assert_int_equal(dial.state, DIAL_IDLE);
}

static void expect_failure(belfry_err err, const char *part_of_why)
{
    if (done_err != err || strstr(done_why, part_of_why) == NULL)
        fail_msg("%d: \"%s\", not %d: \"%s\"", done_err, done_why, err, part_of_why);
    assert_false(stream_is_open(&client));
    assert_int_equal(dial.state, DIAL_IDLE);
}

static void expect_bytes_to_flow(struct stream *from, struct stream *to)
{
    char got[6] = { 0 };
    struct iovec part = { (void *)"hello", 5 };
    ssize_t count = STREAM_AGAIN;
    assert_int_equal(stream_writev(from, &part, 1), 5);
    for (int turn = 0; count == STREAM_AGAIN; turn++) {
        assert_true(turn < 1000);
        loop_step(&loop, 1);
        count = stream_read(to, got, 5);
    }
    assert_int_equal(count, 5);
    assert_string_equal(got, "hello");
}

static void expect_plain_both_ways(void)
{
    int fd = accept_one();
    assert_true(fd >= 0);
    stream_tcp_init(&server, &loop, fd);
    expect_bytes_to_flow(&client, &server);
    expect_bytes_to_flow(&server, &client);
}

static int prepare(void **state)
{
    struct poller *poller = NULL;
    (void)state;
    assert_int_equal(poll_epoll_new(&poller), BELFRY_OK);
    assert_int_equal(loop_init(&loop, &poll_epoll, poller, &clock_system), BELFRY_OK);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    dial_cancel(&dial);
    stream_close(&client);
    stream_close(&server);
    stop_listening();
    loop_deinit(&loop);
    (void)unlink(socket_path);
    (void)unlink(hosts);
    (void)unsetenv("CARES_HOSTS");
    dial = (struct dial){ 0 };
    return 0;
}

/* --- TCP and Unix sockets ---------------------------------------------------------------------*/

static void test_a_literal_address_is_dialled(void **state)
{
    (void)state;
    int is_set = 0;
    socklen_t size = sizeof is_set;
    listen_on_loopback();
    run(&(struct dial_target){ .host = "127.0.0.1", .port = port }, NULL);
    expect_open();
    assert_int_equal(getsockopt(client.watch.fd, IPPROTO_TCP, TCP_NODELAY, &is_set, &size), 0);
    assert_int_not_equal(is_set, 0);
    expect_plain_both_ways();
}

static void test_a_literal_address_of_version_6_is_dialled(void **state)
{
    (void)state;
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has_version_6 = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!has_version_6)
        skip();
    listen_at((struct sockaddr *)&address, sizeof address);
    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
    run(&(struct dial_target){ .host = "::1", .port = ntohs(address.sin6_port) }, NULL);
    expect_open();
    expect_plain_both_ways();
}

static void test_a_name_is_resolved(void **state)
{
    (void)state;
    listen_on_loopback();
    run(&(struct dial_target){ .host = "localhost", .port = port }, NULL);
    expect_open();
    expect_plain_both_ways();
}

/* A file of hosts in which many.test has these addresses. */
static void name_addresses(const char *first, const char *second)
{
    FILE *file = fopen(hosts, "w");
    assert_non_null(file);
    fprintf(file, "%s many.test\n%s many.test\n", first, second);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("CARES_HOSTS", hosts, 1), 0);
}

static void test_the_addresses_of_a_name_are_tried_in_turn(void **state)
{
    (void)state;
    listen_on_loopback();
    struct dial_target target = { .host = "many.test", .port = port };
    for (int i = 0; i < 2; i++) {
        name_addresses(i == 0 ? "127.0.0.1" : "127.0.0.2", i == 0 ? "127.0.0.2" : "127.0.0.1");
        run(&target, NULL);
        expect_open();
        expect_plain_both_ways();
        stream_close(&client);
        stream_close(&server);
    }
    name_addresses("127.0.0.2", "127.0.0.3");
    run(&target, NULL);
    expect_failure(BELFRY_ERR_IO, "connection refused");
}

/* A listener at 127.0.0.2 and the same port whose queue is full: the kernel answers no more. */
static bool make_silent_neighbour(int *out_fds, int count)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct pollfd last = { .events = POLLOUT };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    out_fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(out_fds[0], (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(out_fds[0], 0) != 0)
        return false;
    for (int i = 1; i < count; i++) {
        out_fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(out_fds[i], (struct sockaddr *)&address, sizeof address);
        last.fd = out_fds[i];
    }
    return poll(&last, 1, 20) == 0;
}

static void test_a_silent_address_has_only_its_share_of_the_time(void **state)
{
    (void)state;
    int fds[16];
    memset(fds, -1, sizeof fds);
    listen_on_loopback();
    name_addresses("127.0.0.2", "127.0.0.1");
    bool is_silent = make_silent_neighbour(fds, (int)BELFRY_COUNT(fds));
    if (is_silent) {
        start(&(struct dial_target){ .host = "many.test", .port = port }, 1000);
        run_until_done(NULL);
    }
    for (const int *fd = fds; fd != BELFRY_END(fds); fd++) {
        if (*fd >= 0)
            (void)close(*fd);
    }
    if (!is_silent)
        skip();
    expect_open();
    assert_true(loop.now_ms >= dial.deadline_ms - 500); /* the other one was tried first */
    expect_plain_both_ways();
}

static void test_a_refused_connection_is_told(void **state)
{
    (void)state;
    char why[96];
    listen_on_loopback();
    stop_listening();
    run(&(struct dial_target){ .host = "127.0.0.1", .port = port }, NULL);
    snprintf(why, sizeof why, "cannot connect to 127.0.0.1:%u: connection refused", port);
    expect_failure(BELFRY_ERR_IO, why);
    run(&(struct dial_target){ .host = "localhost", .port = port }, NULL);
    expect_failure(BELFRY_ERR_IO, "connection refused");
}

static void test_a_unix_socket_is_dialled(void **state)
{
    (void)state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    listen_at((struct sockaddr *)&address, sizeof address);
    run(&(struct dial_target){ .unix_path = socket_path }, NULL);
    expect_open();
    expect_plain_both_ways();
}

static void test_a_missing_unix_socket_is_told(void **state)
{
    (void)state;
    run(&(struct dial_target){ .unix_path = socket_path }, NULL);
    expect_failure(BELFRY_ERR_IO, "no such file or directory");
}

static void test_a_unix_path_that_is_too_long_is_no_address(void **state)
{
    (void)state;
    char path[200] = { 0 };
    memset(path, 'x', sizeof path - 1);
    run(&(struct dial_target){ .unix_path = path }, NULL);
    expect_failure(BELFRY_ERR_ADDRESS, "1 to 107 bytes");
}

static void test_no_host_is_no_address(void **state)
{
    (void)state;
    run(&(struct dial_target){ .host = "", .port = 1 }, NULL);
    expect_failure(BELFRY_ERR_ADDRESS, "no host");
}

/* Which error depends on the machine's name servers; the sentence says of what in any case. */
static void test_an_unknown_name_is_told(void **state)
{
    (void)state;
    start(&(struct dial_target){ .host = "redis.invalid", .port = 1 }, 8000);
    run_until_done(NULL);
    expect_failure(done_err, "cannot resolve redis.invalid: ");
    assert_true(done_err == BELFRY_ERR_NOT_FOUND || done_err == BELFRY_ERR_TIMEOUT ||
                done_err == BELFRY_ERR_IO);
}

static void test_a_name_that_cannot_be_one_is_told(void **state)
{
    (void)state;
    char name[400] = { 0 };
    memset(name, 'x', sizeof name - 1);
    run(&(struct dial_target){ .host = name, .port = 1 }, NULL);
    expect_failure(done_err, "cannot resolve xxx");
    assert_int_not_equal(done_err, BELFRY_OK);
}

/* --- TLS --------------------------------------------------------------------------------------*/

static struct tls_context *new_server(void)
{
    struct tls_context *tls = NULL;
    const char *why = NULL;
    assert_int_equal(tls_context_new(&tls, certificate, key, &why), BELFRY_OK);
    return tls;
}

static struct tls_client_context *new_client(const char *ca_file)
{
    struct tls_client_context *tls = NULL;
    const char *why = NULL;
    assert_int_equal(tls_client_context_new(&tls, ca_file, &why), BELFRY_OK);
    return tls;
}

static const struct tls_case {
    const char *name;
    const char *host; /* the certificate is for localhost and 127.0.0.1 */
    bool is_trusted;
    const char *why; /* NULL: passes */
} tls_cases[] = {
    { "trusted, by name", "localhost", true, NULL },
    { "trusted, by address", "127.0.0.1", true, NULL },
    { "signed by nobody we know", "localhost", false, "certificate verify failed: self-signed" },
    { "another address", "127.0.0.2", true, "certificate verify failed: IP address mismatch" },
};

static void test_tls_checks_who_answers(void **state)
{
    (void)state;
    struct tls_context *tls = new_server();
    for (const struct tls_case *c = tls_cases; c != BELFRY_END(tls_cases); c++) {
        struct sockaddr_in address = { .sin_family = AF_INET }; /* all of 127/8 */
        socklen_t size = sizeof address;
        struct tls_client_context *trust = new_client(c->is_trusted ? certificate : NULL);
        listen_at((struct sockaddr *)&address, sizeof address);
        assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
        port = ntohs(address.sin_port);
        run(&(struct dial_target){ .host = c->host, .port = port, .tls = trust }, tls);
        if (c->why != NULL) {
            expect_failure(BELFRY_ERR_TLS, c->why);
        } else {
            expect_open();
            assert_true(client.ops->is_secure);
            expect_bytes_to_flow(&client, &server);
            expect_bytes_to_flow(&server, &client);
        }
        stream_close(&client);
        stream_close(&server);
        stop_listening();
        tls_client_context_free(trust);
    }
    tls_context_free(tls);
}

/* Over a Unix socket the name is only the certificate's, so it can be any. */
static void test_a_wrong_host_name_is_refused(void **state)
{
    (void)state;
    struct tls_context *tls = new_server();
    struct tls_client_context *trust = new_client(certificate);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    listen_at((struct sockaddr *)&address, sizeof address);
    run(&(struct dial_target){ .host = "redis.example", .unix_path = socket_path, .tls = trust },
        tls);
    expect_failure(BELFRY_ERR_TLS, "certificate verify failed: hostname mismatch");
    stream_close(&server);
    run(&(struct dial_target){ .host = "localhost", .unix_path = socket_path, .tls = trust }, tls);
    expect_open();
    stream_close(&client);
    stream_close(&server);
    tls_client_context_free(trust);
    tls_context_free(tls);
}

static void test_a_peer_without_tls_is_told(void **state)
{
    (void)state;
    struct tls_client_context *trust = new_client(NULL);
    listen_on_loopback();
    start(&(struct dial_target){ .host = "127.0.0.1", .port = port, .tls = trust }, PLENTY_MS);
    int fd = accept_one(); /* the kernel has connected us already */
    for (int turn = 0; fd < 0 && turn < 1000; turn++) {
        loop_step(&loop, 1);
        fd = accept_one();
    }
    assert_int_equal(write(fd, "-ERR what is this?\r\n", 20), 20);
    run_until_done(NULL);
    expect_failure(BELFRY_ERR_TLS, "TLS handshake failed: wrong version number");
    (void)close(fd);
    tls_client_context_free(trust);
}

static void test_a_peer_that_hangs_up_in_the_handshake_is_told(void **state)
{
    (void)state;
    struct tls_client_context *trust = new_client(NULL);
    listen_on_loopback();
    start(&(struct dial_target){ .host = "127.0.0.1", .port = port, .tls = trust }, PLENTY_MS);
    while (dial.state != DIAL_SHAKING)
        loop_step(&loop, 1);
    int fd = accept_one();
    assert_true(fd >= 0);
    (void)close(fd);
    run_until_done(NULL);
    expect_failure(BELFRY_ERR_TLS, "TLS handshake failed: the peer has closed the connection");
    tls_client_context_free(trust);
}

static void test_a_silent_peer_ends_at_the_deadline(void **state)
{
    (void)state;
    struct tls_client_context *trust = new_client(NULL);
    listen_on_loopback();
    start(&(struct dial_target){ .host = "localhost", .port = port, .tls = trust }, 50);
    uint64_t deadline_ms = dial.deadline_ms;
    run_until_done(NULL);
    expect_failure(BELFRY_ERR_TIMEOUT, "no answer within the time");
    assert_true(loop.now_ms >= deadline_ms);
    tls_client_context_free(trust);
}

static void test_a_missing_file_of_authorities_is_told(void **state)
{
    (void)state;
    struct tls_client_context *tls = NULL;
    const char *why = NULL;
    assert_int_equal(tls_client_context_new(&tls, "/nowhere/ca.pem", &why), BELFRY_ERR_TLS);
    assert_non_null(why);
    assert_null(tls);
}

/* --- cancelled, and out of memory -------------------------------------------------------------*/

static void cancel_in(enum dial_state wanted, const struct dial_target *target)
{
    start(target, PLENTY_MS);
    for (int turn = 0; dial.state != wanted; turn++) {
        assert_true(turn < 1000);
        loop_step(&loop, 1);
    }
    dial_cancel(&dial);
    assert_int_equal(dial.state, DIAL_IDLE);
    assert_false(stream_is_open(&dial.stream));
    assert_false(timer_is_set(&dial.timer));
    for (int turn = 0; turn < 3; turn++)
        loop_step(&loop, 1);
    assert_int_equal(done_count, 0);
}

static void test_a_cancelled_dial_says_nothing(void **state)
{
    (void)state;
    struct tls_client_context *trust = new_client(NULL);
    dial_cancel(&dial); /* idle */
    listen_on_loopback();
    cancel_in(DIAL_RESOLVING, &(struct dial_target){ .host = "localhost", .port = port });
    cancel_in(DIAL_RESOLVING, &(struct dial_target){ .host = "redis.invalid", .port = port });
    cancel_in(DIAL_CONNECTING, &(struct dial_target){ .host = "127.0.0.1", .port = port });
    cancel_in(DIAL_SHAKING,
              &(struct dial_target){ .host = "127.0.0.1", .port = port, .tls = trust });
    cancel_in(DIAL_FAILED, &(struct dial_target){ .host = "", .port = port });
    tls_client_context_free(trust);
}

static void leave_it(struct dial *d, belfry_err err, const char *why)
{
    (void)d;
    (void)why;
    done_count++;
    done_err = err;
}

static void test_an_open_stream_that_nobody_took_is_closed_by_cancel(void **state)
{
    (void)state;
    listen_on_loopback();
    struct dial_target target = { .host = "127.0.0.1", .port = port };
    done_count = 0;
    dial_start(&dial, &loop, &target, loop.now_ms + PLENTY_MS, leave_it);
    run_until_done(NULL);
    assert_int_equal(done_err, BELFRY_OK);
    assert_int_equal(dial.state, DIAL_OPEN);
    dial_cancel(&dial);
    char c;
    int fd = accept_one();
    assert_true(fd >= 0);
    assert_int_equal(read(fd, &c, 1), 0);
    (void)close(fd);
}

static void try_again(struct dial *d, belfry_err err, const char *why)
{
    struct dial_target target = { .host = "127.0.0.1", .port = port };
    assert_int_equal(err, BELFRY_ERR_ADDRESS);
    dial_start(d, &loop, &target, loop.now_ms + PLENTY_MS, on_done);
    assert_string_equal(why, "no host is given"); /* still */
}

static void test_a_dial_may_be_started_again_from_done(void **state)
{
    (void)state;
    struct dial_target target = { .host = "" };
    listen_on_loopback();
    done_count = 0;
    dial_start(&dial, &loop, &target, loop.now_ms + PLENTY_MS, try_again);
    run_until_done(NULL);
    expect_open();
}

static void expect_no_memory_for(const struct dial_target *target)
{
    memory_watch();
    memory_fail_at(1);
    run(target, NULL);
    assert_true(memory_has_failed());
    expect_failure(BELFRY_ERR_NOMEM, "out of memory");
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

/* The TLS session, and the watch of the resolver's first socket. */
static void test_a_failing_allocation_is_told(void **state)
{
    (void)state;
    struct tls_client_context *trust = new_client(NULL);
    listen_on_loopback();
    expect_no_memory_for(&(struct dial_target){ .host = "127.0.0.1", .port = port, .tls = trust });
    expect_no_memory_for(&(struct dial_target){ .host = "localhost", .port = port, .tls = trust });
    expect_no_memory_for(&(struct dial_target){ .host = "redis.invalid", .port = port });
    tls_client_context_free(trust);
}

static int make_certificate(void **state)
{
    char command[400];
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(certificate, sizeof certificate, "%s/cert.pem", directory);
    snprintf(key, sizeof key, "%s/key.pem", directory);
    snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
    snprintf(hosts, sizeof hosts, "%s/hosts", directory);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
             "-keyout %s -out %s 2> /dev/null",
             key, certificate);
    return system(command) == 0 ? 0 : -1;
}

static int drop_certificate(void **state)
{
    (void)state;
    (void)unlink(certificate);
    (void)unlink(key);
    (void)rmdir(directory);
    return 0;
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, prepare, drop_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(test_a_literal_address_is_dialled),
        WITH_LOOP(test_a_literal_address_of_version_6_is_dialled),
        WITH_LOOP(test_a_name_is_resolved),
        WITH_LOOP(test_the_addresses_of_a_name_are_tried_in_turn),
        WITH_LOOP(test_a_silent_address_has_only_its_share_of_the_time),
        WITH_LOOP(test_a_refused_connection_is_told),
        WITH_LOOP(test_a_unix_socket_is_dialled),
        WITH_LOOP(test_a_missing_unix_socket_is_told),
        WITH_LOOP(test_a_unix_path_that_is_too_long_is_no_address),
        WITH_LOOP(test_no_host_is_no_address),
        WITH_LOOP(test_an_unknown_name_is_told),
        WITH_LOOP(test_a_name_that_cannot_be_one_is_told),
        WITH_LOOP(test_tls_checks_who_answers),
        WITH_LOOP(test_a_wrong_host_name_is_refused),
        WITH_LOOP(test_a_peer_without_tls_is_told),
        WITH_LOOP(test_a_peer_that_hangs_up_in_the_handshake_is_told),
        WITH_LOOP(test_a_silent_peer_ends_at_the_deadline),
        WITH_LOOP(test_a_missing_file_of_authorities_is_told),
        WITH_LOOP(test_a_cancelled_dial_says_nothing),
        WITH_LOOP(test_an_open_stream_that_nobody_took_is_closed_by_cancel),
        WITH_LOOP(test_a_dial_may_be_started_again_from_done),
        WITH_LOOP(test_a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, make_certificate, drop_certificate);
}
