/*
 * test_tls.c - the TLS stream against OpenSSL's own client, over a socket pair with little room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "net/tls.h"
#include "support/memory.h"

#define MANY_TURNS 200000 /* a bound for what would else hang */

static struct loop loop;
static struct tls_context *context;
static struct stream server;
static SSL_CTX *client_context;
static SSL *client;
static int client_fd = -1;

/* --- a server's stream and a client ----------------------------------------------------------- */

static void set_small_buffers(int fd)
{
    int size = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

static void connect_with(const char *alpn, size_t alpn_size)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    set_small_buffers(pair[0]);
    set_small_buffers(pair[1]);
    assert_int_equal(stream_tls_init(&server, &loop, pair[0], context), BELFRY_OK);
    client_fd = pair[1];
    client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(client_context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    client = SSL_new(client_context);
    assert_non_null(client);
    assert_int_equal(SSL_set_fd(client, client_fd), 1);
    if (alpn != NULL)
        assert_int_equal(
            SSL_set_alpn_protos(client, (const unsigned char *)alpn, (unsigned)alpn_size), 0);
    SSL_set_connect_state(client);
}

/* One try of the client's, one of the server's; what the server's read said. */
static ssize_t shake(void)
{
    char c;
    ERR_clear_error();
    (void)SSL_do_handshake(client);
    return stream_read(&server, &c, 1);
}

static void shake_hands(void)
{
    for (int turn = 0; !SSL_is_init_finished(client) || turn < 4; turn++) {
        assert_true(turn < 1000);
        assert_int_equal(shake(), STREAM_AGAIN);
    }
}

static int make_context(void **state)
{
    struct poller *poller = NULL;
    const char *why = NULL;
    (void)state;
    assert_int_equal(poll_epoll_new(&poller), BELFRY_OK);
    assert_int_equal(loop_init(&loop, &poll_epoll, poller, &clock_system), BELFRY_OK);
    assert_int_equal(tls_context_new_self_signed(&context, &why), BELFRY_OK);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    stream_close(&server);
    SSL_free(client);
    SSL_CTX_free(client_context);
    client = NULL;
    client_context = NULL;
    if (client_fd >= 0)
        (void)close(client_fd);
    client_fd = -1;
    context = tls_context_free(context);
    loop_deinit(&loop);
    return 0;
}

/* --- handshakes ------------------------------------------------------------------------------- */

static void test_a_handshake_happens_within_reads(void **state)
{
    (void)state;
    char got[8] = { 0 };
    connect_with(NULL, 0);
    shake_hands();
    assert_true(server.ops->is_secure);
    assert_int_equal(SSL_write(client, "hello", 5), 5);
    assert_int_equal(stream_read(&server, got, sizeof got), 5);
    assert_string_equal(got, "hello");
    assert_int_equal(stream_read(&server, got, sizeof got), STREAM_AGAIN);
}

static void test_a_handshake_happens_within_writes_too(void **state)
{
    (void)state;
    char got[8] = { 0 };
    struct iovec part = { (void *)"hello", 5 };
    ssize_t sent = STREAM_AGAIN;
    connect_with(NULL, 0);
    for (int turn = 0; sent == STREAM_AGAIN; turn++) {
        assert_true(turn < 1000);
        (void)SSL_do_handshake(client);
        sent = stream_writev(&server, &part, 1);
        if (sent == STREAM_AGAIN) /* it has to read in order to write */
            assert_int_equal(server.ops->interest(&server, WATCH_WRITE), WATCH_WRITE | WATCH_READ);
    }
    assert_int_equal(sent, 5);
    while (SSL_read(client, got, sizeof got) <= 0) {}
    assert_string_equal(got, "hello");
}

static const struct alpn_case {
    const char *name;
    const char *offer; /* NULL: no ALPN */
    size_t offer_size;
    bool is_accepted;
} alpn_cases[] = {
    { "no ALPN", NULL, 0, true },
    { "http/1.1", "\x08http/1.1", 9, true },
    { "h2 and http/1.1", "\x02h2\x08http/1.1", 12, true },
    { "h2 only", "\x02h2", 3, false },
    { "something else", "\x04mqtt", 5, false },
};

static void test_http_1_1_is_what_alpn_gets(void **state)
{
    for (const struct alpn_case *c = alpn_cases; c != BELFRY_END(alpn_cases); c++) {
        ssize_t got = STREAM_AGAIN;
        make_context(state);
        connect_with(c->offer, c->offer_size);
        for (int turn = 0; turn < 20 && got == STREAM_AGAIN; turn++)
            got = shake();
        if ((got == STREAM_AGAIN) != c->is_accepted)
            fail_msg("%s: %zd", c->name, got);
        const unsigned char *chosen;
        unsigned size;
        SSL_get0_alpn_selected(client, &chosen, &size);
        if (c->is_accepted && c->offer != NULL)
            assert_memory_equal(chosen, "http/1.1", 8);
        drop_all(state);
    }
}

static void test_bytes_that_are_not_tls_fail(void **state)
{
    (void)state;
    char c;
    struct iovec part = { (void *)"x", 1 };
    connect_with(NULL, 0);
    assert_int_equal(write(client_fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    assert_int_equal(stream_read(&server, &c, 1), STREAM_FAILED);
    assert_int_equal(stream_writev(&server, &part, 1), STREAM_FAILED);
}

static void test_a_peer_that_leaves_within_the_handshake_is_an_end(void **state)
{
    (void)state;
    char c;
    connect_with(NULL, 0);
    (void)SSL_do_handshake(client);
    assert_int_equal(stream_read(&server, &c, 1), STREAM_AGAIN);
    (void)close(client_fd);
    client_fd = -1;
    assert_true(stream_read(&server, &c, 1) != STREAM_AGAIN);
}

/* --- large transfers -------------------------------------------------------------------------- */

#define TRANSFER (1 << 20)

static uint8_t *random_bytes(uint64_t seed)
{
    struct random_seeded r;
    uint8_t *bytes = malloc(TRANSFER);
    assert_non_null(bytes);
    random_seed(&r, seed);
    struct random_source source = random_source_of(&r);
    random_fill(&source, bytes, TRANSFER);
    return bytes;
}

/* Cuts what is left into parts of odd sizes, some empty, as a queue of frames would be. */
static int cut(const uint8_t *bytes, size_t done, struct iovec parts[8])
{
    static const size_t sizes[] = { 1, 700, 0, 16384, 40000, 3, 16383, 9000 };
    int count = 0;
    for (size_t at = done; at < TRANSFER && count < 8; count++) {
        size_t size = BELFRY_MIN(sizes[count], (size_t)TRANSFER - at);
        parts[count] = (struct iovec){ (void *)(bytes + at), size };
        at += size;
    }
    return count;
}

static size_t write_some(const uint8_t *bytes, size_t done)
{
    struct iovec parts[8];
    int count = cut(bytes, done, parts);
    ssize_t sent = count > 0 ? stream_writev(&server, parts, count) : 0;
    assert_true(sent >= 0 || sent == STREAM_AGAIN);
    return sent > 0 ? (size_t)sent : 0;
}

static size_t client_read_some(uint8_t *out, size_t done)
{
    ERR_clear_error();
    int got = SSL_read(client, out + done, (int)BELFRY_MIN(TRANSFER - done, 5000u));
    return got > 0 ? (size_t)got : 0;
}

static void test_a_large_transfer_out_survives_every_partial_write(void **state)
{
    (void)state;
    uint8_t *bytes = random_bytes(1);
    uint8_t *got = calloc(1, TRANSFER);
    size_t sent = 0;
    size_t received = 0;
    connect_with(NULL, 0);
    shake_hands();
    for (int turn = 0; received < TRANSFER; turn++) {
        assert_true(turn < MANY_TURNS);
        sent += write_some(bytes, sent);
        received += client_read_some(got, received);
    }
    assert_int_equal(sent, TRANSFER);
    assert_memory_equal(got, bytes, TRANSFER);
    free(bytes);
    free(got);
}

static void test_a_large_transfer_in_arrives_whole(void **state)
{
    (void)state;
    uint8_t *bytes = random_bytes(2);
    uint8_t *got = calloc(1, TRANSFER);
    size_t sent = 0;
    size_t received = 0;
    connect_with(NULL, 0);
    shake_hands();
    for (int turn = 0; received < TRANSFER; turn++) {
        assert_true(turn < MANY_TURNS);
        ERR_clear_error();
        int put = sent < TRANSFER ? SSL_write(client, bytes + sent, (int)(TRANSFER - sent)) : 0;
        sent += put > 0 ? (size_t)put : 0;
        ssize_t size = stream_read(&server, got + received, BELFRY_MIN(777u, TRANSFER - received));
        received += size > 0 ? (size_t)size : 0;
    }
    assert_memory_equal(got, bytes, TRANSFER);
    free(bytes);
    free(got);
}

static void test_what_was_decrypted_but_not_read_is_pending(void **state)
{
    (void)state;
    char got[100];
    memset(got, 'x', sizeof got);
    connect_with(NULL, 0);
    shake_hands();
    assert_int_equal(SSL_write(client, got, sizeof got), sizeof got);
    assert_false(stream_has_pending(&server));
    assert_int_equal(stream_read(&server, got, 40), 40);
    assert_true(stream_has_pending(&server));
    assert_int_equal(stream_read(&server, got, 60), 60);
    assert_false(stream_has_pending(&server));
}

/* --- ends ------------------------------------------------------------------------------------- */

static void test_close_notify_is_an_end_in_both_directions(void **state)
{
    (void)state;
    char c;
    connect_with(NULL, 0);
    shake_hands();
    stream_end_writing(&server);
    assert_int_equal(SSL_read(client, &c, 1), 0);
    assert_int_equal(SSL_get_error(client, 0), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(SSL_write(client, "x", 1), 1);
    assert_int_equal(stream_read(&server, &c, 1), 1);
    assert_true(SSL_shutdown(client) >= 0);
    assert_int_equal(stream_read(&server, &c, 1), STREAM_END);
}

static void test_bytes_before_the_end_are_read_before_it(void **state)
{
    (void)state;
    char got[16];
    connect_with(NULL, 0);
    shake_hands();
    assert_int_equal(SSL_write(client, "last", 4), 4);
    (void)SSL_shutdown(client);
    (void)close(client_fd);
    client_fd = -1;
    assert_int_equal(stream_read(&server, got, sizeof got), 4);
    assert_int_equal(stream_read(&server, got, sizeof got), STREAM_END);
}

static void test_writing_to_nobody_fails_without_a_signal(void **state)
{
    (void)state;
    struct iovec part = { (void *)"x", 1 };
    connect_with(NULL, 0);
    shake_hands();
    (void)close(client_fd);
    client_fd = -1;
    ssize_t sent = stream_writev(&server, &part, 1);
    assert_int_equal(sent, STREAM_FAILED);
    stream_end_writing(&server);
}

/* --- certificates ----------------------------------------------------------------------------- */

static void join_path(char *path, size_t size, const char *folder, const char *name)
{
    assert_true(snprintf(path, size, "%s/%s", folder, name) < (int)size);
}

static EVP_PKEY *write_key(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = fopen(path, "w");
    assert_true(key != NULL && file != NULL);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(file);
    return key;
}

static void write_certificate(const char *path, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    FILE *file = fopen(path, "w");
    assert_true(certificate != NULL && file != NULL);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    (void)fclose(file);
    X509_free(certificate);
}

static void test_certificates_that_cannot_be_used_say_why(void **state)
{
    (void)state;
    char folder[] = "/tmp/belfry-tls-XXXXXX";
    char key[64], other_key[64], certificate[64], junk[64], missing[64];
    assert_non_null(mkdtemp(folder));
    join_path(key, sizeof key, folder, "key.pem");
    join_path(other_key, sizeof other_key, folder, "other.pem");
    join_path(certificate, sizeof certificate, folder, "cert.pem");
    join_path(junk, sizeof junk, folder, "junk.pem");
    join_path(missing, sizeof missing, folder, "missing.pem");
    EVP_PKEY *mine = write_key(key);
    EVP_PKEY_free(write_key(other_key));
    write_certificate(certificate, mine);
    EVP_PKEY_free(mine);
    FILE *file = fopen(junk, "w");
    assert_non_null(file);
    (void)fputs("not a certificate\n", file);
    (void)fclose(file);

    const struct {
        const char *certificate, *key;
        belfry_err want;
    } cases[] = {
        { certificate, key, BELFRY_OK },      { certificate, other_key, BELFRY_ERR_TLS },
        { missing, key, BELFRY_ERR_TLS },     { certificate, missing, BELFRY_ERR_TLS },
        { junk, key, BELFRY_ERR_TLS },        { certificate, junk, BELFRY_ERR_TLS },
        { key, certificate, BELFRY_ERR_TLS },
    };
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        struct tls_context *c = NULL;
        const char *why = NULL;
        belfry_err err = tls_context_new(&c, cases[i].certificate, cases[i].key, &why);
        assert_int_equal(err, cases[i].want);
        if (err != BELFRY_OK) {
            assert_null(c);
            assert_true(why != NULL && strlen(why) > 0);
        }
        assert_null(tls_context_free(c));
    }
    const char *all[] = { key, other_key, certificate, junk };
    for (size_t i = 0; i < BELFRY_COUNT(all); i++)
        (void)unlink(all[i]);
    (void)rmdir(folder);
}

static void test_without_memory_the_descriptor_is_closed(void **state)
{
    (void)state;
    int pair[2];
    char c;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    memory_watch();
    memory_fail_at(1);
    assert_int_equal(stream_tls_init(&server, &loop, pair[0], context), BELFRY_ERR_NOMEM);
    memory_unwatch();
    assert_false(stream_is_open(&server));
    assert_int_equal(read(pair[1], &c, 1), 0);
    (void)close(pair[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_context, drop_all)
    const struct CMUnitTest tests[] = {
        TEST(test_a_handshake_happens_within_reads),
        TEST(test_a_handshake_happens_within_writes_too),
        cmocka_unit_test(test_http_1_1_is_what_alpn_gets),
        TEST(test_bytes_that_are_not_tls_fail),
        TEST(test_a_peer_that_leaves_within_the_handshake_is_an_end),
        TEST(test_a_large_transfer_out_survives_every_partial_write),
        TEST(test_a_large_transfer_in_arrives_whole),
        TEST(test_what_was_decrypted_but_not_read_is_pending),
        TEST(test_close_notify_is_an_end_in_both_directions),
        TEST(test_bytes_before_the_end_are_read_before_it),
        TEST(test_writing_to_nobody_fails_without_a_signal),
        TEST(test_certificates_that_cannot_be_used_say_why),
        TEST(test_without_memory_the_descriptor_is_closed),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
