/*
 * test_exchange.c - exchanges and upgrades between the threads of a real server, plain and over
 * TLS. Worth running under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#include "http/response.h"
#include "server/exchange.h"
#include "server/http_session.h"
#include "server/request.h"
#include "server/server.h"
#include "unit/server/client.h"

#define WORKERS 3
#define THREADS 4
#define ROUNDS 60

/* Per worker, touched by its thread only: those that wait to be released. */
#define MAX_HELD 64
static struct exchange *held[WORKERS][MAX_HELD];
static unsigned held_count[WORKERS];

static belfry *server;

static unsigned worker_in(const struct http_head *head)
{
    return (unsigned)(((const char *)head->path.data)[3] - '0');
}

static bool is_about(const struct http_head *head, const char *verb)
{
    return head->path.size >= 5 + strlen(verb) &&
           memcmp((const char *)head->path.data + 5, verb, strlen(verb)) == 0;
}

static struct worker *owner(struct worker *home, belfry_request *req, void *user)
{
    (void)user;
    return &home->server->workers[worker_in(req->head)];
}

static void on_begin(struct exchange *x, void *user)
{
    (void)user;
    HANDLER_EXPECT(worker_current()->index == worker_in(exchange_head(x)));
    const char *address = belfry_request_address(exchange_request(x));
    /* A peer that has gone at once has none any more. */
    HANDLER_EXPECT(strncmp(address, "127.0.0.1:", 10) == 0 || strcmp(address, "-:0") == 0);
}

static void release_all(unsigned worker)
{
    for (unsigned i = 0; i < held_count[worker]; i++)
        exchange_reply(held[worker][i], 200, "text/plain", BELFRY_BYTES("released"));
    held_count[worker] = 0;
}

static void on_body(struct exchange *x, belfry_bytes body, void *user)
{
    const struct http_head *head = exchange_head(x);
    unsigned worker = worker_in(head);
    (void)user;
    if (is_about(head, "hold") && held_count[worker] < MAX_HELD) {
        held[worker][held_count[worker]++] = x;
        return;
    }
    release_all(worker);
    if (is_about(head, "abort"))
        exchange_abort(x);
    else
        exchange_reply(x, 200, "text/plain", body.size > 0 ? body : BELFRY_BYTES("empty"));
}

static void on_too_large(struct exchange *x, void *user)
{
    (void)user;
    exchange_reply(x, 413, NULL, bytes_of(NULL, 0));
}

static void on_lost(struct exchange *x, void *user)
{
    unsigned worker = worker_in(exchange_head(x));
    (void)user;
    for (unsigned i = 0; i < held_count[worker]; i++) {
        if (held[worker][i] == x)
            held[worker][i] = held[worker][--held_count[worker]];
    }
    exchange_abort(x);
}

static void upgrade(belfry_request *req, void *user)
{
    (void)user;
    HANDLER_EXPECT(req->conn->worker == worker_current());
    HANDLER_EXPECT(worker_current()->index == worker_in(req->head));
    for (req->route = server->router.first; req->route->kind != ROUTE_WS;)
        req->route = req->route->next;
    upgrade_request(req);
}

static void start(bool is_tls)
{
    belfry_options options = { .listen = "127.0.0.1:0",
                               .workers = WORKERS,
                               .tls_self_signed = is_tls,
                               .drain_timeout_ms = 2000 };
    struct exchange_handlers handlers = { .owner = owner,
                                          .on_begin = on_begin,
                                          .on_body = on_body,
                                          .on_too_large = on_too_large,
                                          .on_lost = on_lost,
                                          .upgrade = upgrade,
                                          .max_body_bytes = 100000 };
    memset(held_count, 0, sizeof held_count);
    server = belfry_new(&options);
    assert_non_null(server);
    assert_int_equal(belfry_ws(server, "/ws", &(belfry_ws_handlers){ .message = obey }), BELFRY_OK);
    assert_int_equal(exchange_route_add(server, "/x/", &handlers), BELFRY_OK);
    assert_int_equal(exchange_route_add(server, "x/", &handlers), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_start(server), BELFRY_OK);
    assert_int_equal(exchange_route_add(server, "/y/", &handlers), BELFRY_ERR_STATE);
}

static void stop(void)
{
    belfry_free(server);
    assert_int_equal(atomic_load(&handlers_wrong), 0);
}

/* --- a caller, plain or over TLS; not cmocka's, since it is used on threads of its own --------*/

struct caller {
    int fd;
    SSL *ssl; /* NULL: plain */
    struct buf in;
};

static SSL_CTX *client_tls; /* NULL: plain */

static bool dial(struct caller *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
    const char *address = belfry_address(server, 0);
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    *c = (struct caller){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        return false;
    if (client_tls == NULL)
        return true;
    c->ssl = SSL_new(client_tls);
    return c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1;
}

static void hang_up(struct caller *c)
{
    SSL_free(c->ssl);
    (void)close(c->fd);
    buf_deinit(&c->in);
}

static void tell(struct caller *c, belfry_bytes bytes)
{
    if (c->ssl != NULL)
        HANDLER_EXPECT(SSL_write(c->ssl, bytes.data, (int)bytes.size) == (int)bytes.size);
    else
        HANDLER_EXPECT(send(c->fd, bytes.data, bytes.size, MSG_NOSIGNAL) == (ssize_t)bytes.size);
}

static bool read_more(struct caller *c)
{
    char chunk[65536];
    ssize_t got = c->ssl != NULL ? SSL_read(c->ssl, chunk, sizeof chunk)
                                 : recv(c->fd, chunk, sizeof chunk, 0);
    if (got > 0)
        buf_put(&c->in, chunk, (size_t)got);
    return got > 0;
}

static bool has_heard(const struct caller *c, const char *text)
{
    return c->in.size > 0 && memmem(c->in.data, c->in.size, text, strlen(text)) != NULL;
}

/* Waits for @text, and forgets what came so far. False: the connection ended. */
static bool hear(struct caller *c, const char *text)
{
    while (!has_heard(c, text)) {
        if (!read_more(c))
            return false;
    }
    buf_clear(&c->in);
    return true;
}

static void ask(struct caller *c, unsigned worker, const char *what, size_t body_size)
{
    struct buf request = { 0 };
    buf_printf(&request, "POST /x/%u/%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", worker,
               what, body_size);
    for (size_t i = 0; i < body_size; i++)
        buf_put_char(&request, 'b');
    if (body_size > 0)
        request.data[request.size - 1] = 'e';
    tell(c, buf_bytes(&request));
    buf_deinit(&request);
}

/* --- what may happen --------------------------------------------------------------------------*/

static void ask_and_hear(unsigned worker, unsigned *seed)
{
    struct caller c;
    HANDLER_EXPECT(dial(&c));
    for (int i = 0; i < 10; i++) {
        worker = (worker + (unsigned)rand_r(seed)) % WORKERS;
        size_t size = (size_t)rand_r(seed) % 20000;
        ask(&c, worker, "now", size);
        HANDLER_EXPECT(hear(&c, size > 0 ? "be" : "empty") || size == 1);
    }
    hang_up(&c);
}

/* Others may release it, too; in the end we do. */
static void wait_for_release(unsigned worker, unsigned *seed)
{
    struct caller waiting;
    struct caller other;
    (void)seed;
    HANDLER_EXPECT(dial(&waiting) && dial(&other));
    ask(&waiting, worker, "hold", 3);
    struct timeval moment = { .tv_usec = 1000 };
    (void)setsockopt(waiting.fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    for (int i = 0; i < 20000 && !has_heard(&waiting, "released"); i++) {
        ask(&other, worker, "now", 0);
        HANDLER_EXPECT(hear(&other, "empty"));
        (void)read_more(&waiting);
    }
    HANDLER_EXPECT(hear(&waiting, "released"));
    hang_up(&waiting);
    hang_up(&other);
}

static void be_cut_off(unsigned worker, unsigned *seed)
{
    struct caller c;
    (void)seed;
    HANDLER_EXPECT(dial(&c));
    ask(&c, worker, "abort", 0);
    HANDLER_EXPECT(!read_more(&c));
    hang_up(&c);
}

static void leave_without_waiting(unsigned worker, unsigned *seed)
{
    struct caller c;
    HANDLER_EXPECT(dial(&c));
    ask(&c, worker, rand_r(seed) % 2 == 0 ? "hold" : "now", 30000);
    if (rand_r(seed) % 2 == 0)
        ask(&c, worker, "now", 10); /* something unread */
    hang_up(&c);
}

static void say_too_much(unsigned worker, unsigned *seed)
{
    struct caller c;
    (void)seed;
    HANDLER_EXPECT(dial(&c));
    ask(&c, worker, "now", 100001);
    HANDLER_EXPECT(hear(&c, "HTTP/1.1 413 "));
    hang_up(&c);
}

/* With a message that comes with the handshake, and perhaps a request before it. */
static void become_a_websocket(unsigned worker, unsigned *seed)
{
    struct caller c;
    struct buf wire = { 0 };
    HANDLER_EXPECT(dial(&c));
    if (rand_r(seed) % 2 == 0)
        ask(&c, (unsigned)rand_r(seed) % WORKERS, "now", 10);
    buf_printf(&wire,
               "GET /x/%u/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " CLIENT_KEY "\r\n\r\n",
               worker);
    buf_put(&wire, "\x81\x84\0\0\0\0ring", 10); /* masked with zeros */
    tell(&c, buf_bytes(&wire));
    HANDLER_EXPECT(hear(&c, "what is ring?"));
    tell(&c, BELFRY_BYTES("\x81\x84\0\0\0\0peal"));
    HANDLER_EXPECT(hear(&c, "what is peal?"));
    buf_deinit(&wire);
    hang_up(&c);
}

static void (*const happenings[])(unsigned worker, unsigned *seed) = {
    ask_and_hear,          wait_for_release, be_cut_off,
    leave_without_waiting, say_too_much,     become_a_websocket,
};

/* --- tests ------------------------------------------------------------------------------------*/

static void *call(void *arg)
{
    unsigned *seed = arg;
    for (int i = 0; i < ROUNDS; i++) {
        unsigned which = (unsigned)rand_r(seed) % BELFRY_COUNT(happenings);
        happenings[which]((unsigned)rand_r(seed) % WORKERS, seed);
    }
    return NULL;
}

static void run_callers(void)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, call, &seeds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void test_many_callers(void **state)
{
    (void)state;
    start(false);
    run_callers();
    stop();
}

static void test_many_callers_over_tls(void **state)
{
    (void)state;
    client_tls = SSL_CTX_new(TLS_client_method());
    assert_non_null(client_tls);
    start(true);
    run_callers();
    stop();
    SSL_CTX_free(client_tls);
    client_tls = NULL;
}

/* Freed while exchanges wait, on both sides of them. */
static void test_a_server_is_freed_while_peers_wait(void **state)
{
    (void)state;
    struct caller callers[WORKERS * 4];
    start(false);
    for (unsigned i = 0; i < BELFRY_COUNT(callers); i++) {
        assert_true(dial(&callers[i]));
        ask(&callers[i], i % WORKERS, "hold", 10);
    }
    stop();
    for (unsigned i = 0; i < BELFRY_COUNT(callers); i++)
        hang_up(&callers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_callers),
        cmocka_unit_test(test_many_callers_over_tls),
        cmocka_unit_test(test_a_server_is_freed_while_peers_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
