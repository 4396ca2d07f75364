/*
 * test_opening.c - conversations up to an open session, each answer whole and byte by byte.
 *
 * The member writes into a socket pair; answers are handed to opening_on_bytes. Only the second
 * connection of --upgrade is a real one, to a listener that never accepts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/opening.h"

enum { MAX_STEPS = 6 };

#define UPGRADED                                    \
    "HTTP/1.1 101 Switching Protocols\r\n"          \
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
#define OPENED \
    "\x81\x0f" \
    "0{\"sid\":\"abcd\"}"
#define JOINED \
    "\x81\x10" \
    "40{\"sid\":\"efgh\"}"
#define RESPONSE(length, body) \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: " #length "\r\n\r\n" body
/* "40" and so on, masked with the constant key of wire.c */
#define MASKED(size, bytes) "\x81" size "\x5b\xe1\xf7\x29" bytes

struct world {
    struct bench_options options;
    struct target target;
    struct swarm swarm;
    struct member member;
    int listener;
    int far_end;      /* of the member's connection */
    struct buf after; /* what reached the mode */
    unsigned opened;
};

struct step {
    const char *want_sent; /* how it begins */
    belfry_bytes answer;
};

static struct world world;

static bool on_open(struct swarm *s, struct member *m)
{
    (void)s;
    (void)m;
    world.opened++;
    return true;
}

static bool on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    (void)s;
    (void)m;
    buf_put_bytes(&world.after, bytes);
    return true;
}

static void plug_in(void)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    if (world.member.fd != -1)
        (void)close(world.member.fd);
    if (world.far_end != -1)
        (void)close(world.far_end);
    world.member.fd = ends[0];
    world.far_end = ends[1];
}

static int setup(void **state)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof any;
    char url[64];
    (void)state;
    world = (struct world){ .listener = socket(AF_INET, SOCK_STREAM, 0), .far_end = -1 };
    assert_int_equal(bind(world.listener, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(world.listener, 8), 0);
    assert_int_equal(getsockname(world.listener, (struct sockaddr *)&any, &size), 0);
    (void)snprintf(url, sizeof url, "ws://127.0.0.1:%u/io/", ntohs(any.sin_port));
    assert_true(target_parse(url, false, &world.target));
    world.options.connections = 1;
    assert_true(swarm_init(&world.swarm, &world.options, &world.target));
    world.swarm.on_open = on_open;
    world.swarm.on_bytes = on_bytes;
    world.member.fd = -1;
    plug_in();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)close(world.member.fd);
    (void)close(world.far_end);
    (void)close(world.listener);
    walk_deinit(&world.member.walk);
    swarm_deinit(&world.swarm);
    buf_deinit(&world.after);
    return 0;
}

static void check_sent(const char *want)
{
    char sent[1024];
    ssize_t size = recv(world.far_end, sent, sizeof sent, 0);
    size_t want_size = strlen(want);
    if (size < (ssize_t)want_size || memcmp(sent, want, want_size) != 0)
        fail_msg("sent \"%.*s\", want \"%s\"", (int)BELFRY_MAX(size, 0), sent, want);
}

static void answer(belfry_bytes bytes, size_t piece)
{
    for (size_t at = 0; at < bytes.size; at += piece)
        assert_true(opening_on_bytes(
            &world.swarm, &world.member,
            bytes_of((const char *)bytes.data + at, BELFRY_MIN(piece, bytes.size - at))));
}

static void converse(const struct step *steps, size_t piece)
{
    assert_true(opening_begin(&world.swarm, &world.member));
    for (const struct step *s = steps; s->want_sent != NULL; s++) {
        assert_int_not_equal(world.member.state, MEMBER_OPEN);
        check_sent(s->want_sent);
        answer(s->answer, piece);
        if (world.member.state == MEMBER_CONNECTING) {
            plug_in();
            assert_true(opening_begin(&world.swarm, &world.member));
        }
    }
    assert_int_equal(world.member.state, MEMBER_OPEN);
    assert_int_equal(world.opened, 1);
    assert_null(world.member.walk.tail.data); /* an open member holds no memory */
}

static void test_conversations(void **state)
{
    static const struct conversation_case {
        bool is_socketio;
        bool is_upgraded;
        struct step steps[MAX_STEPS + 1];
        const char *last_sent; /* before the member is open */
    } cases[] = {
        { .steps = { { "GET /io/ HTTP/1.1\r\n", BELFRY_BYTES(UPGRADED) } }, .last_sent = "" },
        { .is_socketio = true,
          .steps = { { "GET /io/?EIO=4&transport=websocket HTTP/1.1\r\n",
                       BELFRY_BYTES(UPGRADED OPENED) },
                     { MASKED("\x82", "\x6f\xd1"), BELFRY_BYTES(JOINED) } },
          .last_sent = "" },
        { .is_socketio = true,
          .is_upgraded = true,
          .steps = { { "GET /io/?EIO=4&transport=polling HTTP/1.1\r\n",
                       BELFRY_BYTES(RESPONSE(15, "0{\"sid\":\"abcd\"}")) },
                     { "POST /io/?EIO=4&transport=polling&sid=abcd HTTP/1.1\r\n",
                       BELFRY_BYTES(RESPONSE(2, "ok")) },
                     { "GET /io/?EIO=4&transport=polling&sid=abcd HTTP/1.1\r\n",
                       BELFRY_BYTES(RESPONSE(16, "40{\"sid\":\"efgh\"}")) },
                     { "GET /io/?EIO=4&transport=websocket&sid=abcd HTTP/1.1\r\n",
                       BELFRY_BYTES(UPGRADED) },
                     { MASKED("\x86", "\x69\x91\x85\x46\x39\x84"), BELFRY_BYTES("\x81\x06"
                                                                                "3probe") } },
          .last_sent = MASKED("\x81", "\x6e") },
    };
    for (const struct conversation_case *c = cases; c != BELFRY_END(cases); c++) {
        for (size_t piece = 1; piece <= 1024; piece += 1023) {
            assert_int_equal(teardown(state), 0);
            assert_int_equal(setup(state), 0);
            world.options.is_socketio = c->is_socketio;
            world.options.is_upgraded = c->is_upgraded;
            converse(c->steps, piece);
            if (c->last_sent[0] != '\0')
                check_sent(c->last_sent);
        }
    }
}

static void test_what_follows_the_last_answer_is_the_modes(void **state)
{
    (void)state;
    static const char frame[] = "\x81\x05"
                                "42[1]";
    assert_true(opening_begin(&world.swarm, &world.member));
    answer(BELFRY_BYTES(UPGRADED "\x81\x05"
                                 "42[1]"),
           1024);
    assert_int_equal(world.member.state, MEMBER_OPEN);
    assert_true(bytes_equal(buf_bytes(&world.after), bytes_of(frame, sizeof frame - 1)));
}

static void test_wrong_answers_end_the_run(void **state)
{
    static const struct wrong_case {
        const char *name;
        bool is_upgraded;
        belfry_bytes answer;
    } cases[] = {
        { "no handshake", false, BELFRY_BYTES("HTTP/1.1 400 Bad Request\r\n\r\n") },
        { "wrong accept", false,
          BELFRY_BYTES("HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: x\r\n\r\n") },
        { "no open packet", false,
          BELFRY_BYTES(UPGRADED "\x81\x01"
                                "6") },
        { "refused", false,
          BELFRY_BYTES(UPGRADED OPENED "\x81\x04"
                                       "44{}") },
        { "masked", false, BELFRY_BYTES(UPGRADED "\x81\x81mask6") },
        { "closed", false, BELFRY_BYTES(UPGRADED "\x88\x00") },
        { "large frame", false, BELFRY_BYTES(UPGRADED "\x81\x7e\xff\xff") },
        { "no length", true, BELFRY_BYTES("HTTP/1.1 200 OK\r\n\r\n") },
        { "large length", true, BELFRY_BYTES(RESPONSE(99999999999999999999, "")) },
        { "no sid", true, BELFRY_BYTES(RESPONSE(3, "0{}")) },
        { "empty sid", true, BELFRY_BYTES(RESPONSE(10, "0{\"sid\":\"\"")) },
        { "endless sid", true, BELFRY_BYTES(RESPONSE(10, "0{\"sid\":\"a")) },
    };
    for (const struct wrong_case *c = cases; c != BELFRY_END(cases); c++) {
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        world.options.is_socketio = true;
        world.options.is_upgraded = c->is_upgraded;
        assert_true(opening_begin(&world.swarm, &world.member));
        if (opening_on_bytes(&world.swarm, &world.member, c->answer))
            fail_msg("%s: accepted", c->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conversations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_follows_the_last_answer_is_the_modes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_wrong_answers_end_the_run, setup, teardown),
    };
    return cmocka_run_group_tests_name("bench/opening", tests, NULL, NULL);
}
