/*
 * test_heartbeat.c - pings are found, and all else passes, wherever TCP cuts the stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/heartbeat.h"

#define LONG_BYTES 70000
#define PING_MARK "<ping>"

/* What came out, pings as marks. */
static void feed(struct heartbeat *h, belfry_bytes input, struct buf *out)
{
    for (;;) {
        belfry_bytes piece;
        switch (heartbeat_next(h, &input, &piece)) {
        case HEARTBEAT_END:
            assert_int_equal(input.size, 0);
            return;
        case HEARTBEAT_BYTES:
            assert_true(piece.size > 0);
            buf_put_bytes(out, piece);
            break;
        case HEARTBEAT_PING:
            buf_put_text(out, PING_MARK);
            break;
        }
    }
}

static void put_both(struct buf *stream, struct buf *want, enum wire_opcode opcode,
                     belfry_bytes payload)
{
    wire_put_server_frame(stream, opcode, payload);
    wire_put_server_frame(want, opcode, payload);
}

static void put_ping(struct buf *stream, struct buf *want)
{
    wire_put_server_frame(stream, WIRE_TEXT, BELFRY_BYTES("2"));
    buf_put_text(want, PING_MARK);
}

static void put_stream(struct buf *stream, struct buf *want)
{
    static char long_text[LONG_BYTES];
    memset(long_text, '2', sizeof long_text);
    put_ping(stream, want);
    put_both(stream, want, WIRE_TEXT, BELFRY_BYTES("42[\"echo\",\"2\"]"));
    put_both(stream, want, WIRE_TEXT, BELFRY_BYTES("6"));
    put_ping(stream, want);
    put_ping(stream, want);
    put_both(stream, want, WIRE_BINARY, BELFRY_BYTES("2"));
    put_both(stream, want, WIRE_TEXT, BELFRY_BYTES(""));
    put_both(stream, want, WIRE_PING, BELFRY_BYTES("2"));
    put_both(stream, want, WIRE_TEXT, bytes_of(long_text, 200));
    put_ping(stream, want);
    put_both(stream, want, WIRE_TEXT, bytes_of(long_text, sizeof long_text));
    put_ping(stream, want);
    put_both(stream, want, WIRE_CLOSE, BELFRY_BYTES("\x03\xe8"));
}

static void test_any_cut_gives_the_same_bytes_and_pings(void **state)
{
    (void)state;
    struct buf stream = { 0 }, want = { 0 }, got = { 0 };
    put_stream(&stream, &want);
    for (size_t cut = 0; cut <= stream.size; cut += cut < 400 || cut > LONG_BYTES ? 1 : 997) {
        struct heartbeat h = { 0 };
        buf_clear(&got);
        feed(&h, bytes_of(stream.data, cut), &got);
        feed(&h, bytes_of(stream.data + cut, stream.size - cut), &got);
        if (!bytes_equal(buf_bytes(&want), buf_bytes(&got)))
            fail_msg("cut at %zu", cut);
    }
    buf_deinit(&stream);
    buf_deinit(&want);
    buf_deinit(&got);
}

static void test_byte_by_byte_gives_the_same_bytes_and_pings(void **state)
{
    (void)state;
    struct buf stream = { 0 }, want = { 0 }, got = { 0 };
    struct heartbeat h = { 0 };
    put_stream(&stream, &want);
    for (size_t i = 0; i < stream.size; i++)
        feed(&h, bytes_of(stream.data + i, 1), &got);
    assert_true(bytes_equal(buf_bytes(&want), buf_bytes(&got)));
    buf_deinit(&stream);
    buf_deinit(&want);
    buf_deinit(&got);
}

/* It is for whoever reads the frames to say what is wrong. */
static void test_what_is_no_frame_passes(void **state)
{
    (void)state;
    struct buf got = { 0 };
    struct heartbeat h = { 0 };
    feed(&h,
         BELFRY_BYTES("\x81\x01"
                      "2"
                      "\xc1\x00rubbish"),
         &got);
    assert_true(bytes_equal(buf_bytes(&got), BELFRY_BYTES(PING_MARK "\xc1\x00rubbish")));
    buf_deinit(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_gives_the_same_bytes_and_pings),
        cmocka_unit_test(test_byte_by_byte_gives_the_same_bytes_and_pings),
        cmocka_unit_test(test_what_is_no_frame_passes),
    };
    return cmocka_run_group_tests_name("bench/heartbeat", tests, NULL, NULL);
}
