/*
 * test_walk.c - the frames found do not depend on where TCP cuts the stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/alloc.h"
#include "bench/walk.h"

#define LONG_BYTES 70000

/* What was seen, as text: opcode, length, and the part of the payload that must be shown. */
static bool write_down(void *user, const struct wire_frame *frame, belfry_bytes shown)
{
    struct buf *seen = user;
    size_t sure = BELFRY_MIN(frame->payload_bytes, (uint64_t)WALK_PREFIX_BYTES);
    assert_true(shown.size >= sure && shown.size <= frame->payload_bytes);
    buf_printf(seen, "%x%s:%llu:", (unsigned)frame->opcode, frame->is_final ? "" : "+",
               (unsigned long long)frame->payload_bytes);
    buf_put(seen, shown.data, sure);
    buf_put_char(seen, ' ');
    return true;
}

static void put_stream(struct buf *out)
{
    static char long_text[LONG_BYTES];
    memset(long_text, 'x', sizeof long_text);
    wire_put_server_frame(out, WIRE_TEXT, BELFRY_BYTES("{\"type\":\"message\",\"text\":\"hi\"}"));
    wire_put_server_frame(out, WIRE_PING, BELFRY_BYTES("are you there, or have you gone?"));
    wire_put_server_frame(out, WIRE_BINARY, BELFRY_BYTES(""));
    wire_put_server_frame(out, WIRE_TEXT, bytes_of(long_text, 200));
    wire_put_server_frame(out, WIRE_BINARY, bytes_of(long_text, sizeof long_text));
    wire_put_server_frame(out, WIRE_CLOSE, BELFRY_BYTES("\x03\xe8"));
}

static void test_any_cut_gives_the_same_frames(void **state)
{
    (void)state;
    struct buf stream = { 0 }, whole = { 0 }, cut_in_two = { 0 };
    struct walk w = { 0 };
    put_stream(&stream);
    assert_true(walk_feed(&w, buf_bytes(&stream), WALK_PREFIX, write_down, &whole));
    assert_int_equal(w.skip_bytes + w.tail.size, 0);

    for (enum walk_need need = WALK_PREFIX; need <= WALK_WHOLE; need++) {
        for (size_t cut = 0; cut <= stream.size; cut += cut < 400 ? 1 : 997) {
            buf_clear(&cut_in_two);
            belfry_bytes first = bytes_of(stream.data, cut);
            belfry_bytes second = bytes_of(stream.data + cut, stream.size - cut);
            assert_true(walk_feed(&w, first, need, write_down, &cut_in_two));
            assert_true(walk_feed(&w, second, need, write_down, &cut_in_two));
            assert_true(bytes_equal(buf_bytes(&whole), buf_bytes(&cut_in_two)));
        }
    }
    walk_deinit(&w);
    buf_deinit(&stream);
    buf_deinit(&whole);
    buf_deinit(&cut_in_two);
}

static void test_byte_by_byte_gives_the_same_frames(void **state)
{
    (void)state;
    struct buf stream = { 0 }, whole = { 0 }, dripped = { 0 };
    struct walk w = { 0 };
    put_stream(&stream);
    assert_true(walk_feed(&w, buf_bytes(&stream), WALK_WHOLE, write_down, &whole));
    for (size_t i = 0; i < stream.size; i++)
        assert_true(walk_feed(&w, bytes_of(stream.data + i, 1), WALK_PREFIX, write_down, &dripped));
    assert_true(bytes_equal(buf_bytes(&whole), buf_bytes(&dripped)));
    assert_null(w.tail.data); /* nothing is held between frames */
    walk_deinit(&w);
    buf_deinit(&stream);
    buf_deinit(&whole);
    buf_deinit(&dripped);
}

static void test_what_is_no_frame_of_a_server_is_refused(void **state)
{
    (void)state;
    static const struct refused_case {
        const char *name;
        belfry_bytes bytes;
    } cases[] = {
        { "reserved bit", BELFRY_BYTES("\xc1\x00") },
        { "masked", BELFRY_BYTES("\x81\x80mask") },
        { "long ping", BELFRY_BYTES("\x89\x7e\x00\x7e") },
    };
    for (const struct refused_case *c = cases; c != BELFRY_END(cases); c++) {
        struct walk w = { 0 };
        struct buf seen = { 0 };
        if (walk_feed(&w, c->bytes, WALK_PREFIX, write_down, &seen))
            fail_msg("%s: accepted", c->name);
        walk_deinit(&w);
        buf_deinit(&seen);
    }
}

static void test_client_frames_unmask_to_the_payload(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536 };
    static const size_t overheads[] = { 6, 6, 6, 8, 8, 14 };
    uint8_t *payload = calloc(1, 65536);
    assert_non_null(payload);
    for (size_t i = 0; i < BELFRY_COUNT(sizes); i++) {
        struct buf frame = { 0 };
        wire_put_client_frame(&frame, WIRE_TEXT, bytes_of(payload, sizes[i]));
        assert_int_equal(frame.size, sizes[i] + overheads[i]);
        assert_int_equal(frame.data[0], 0x81);
        assert_int_equal(frame.data[1] & 0x80, 0x80);
        const uint8_t *key = frame.data + overheads[i] - 4;
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(key[4 + at] ^ key[at % 4], payload[at]);
        buf_deinit(&frame);
    }
    free(payload);
}

static void *refuse_realloc(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void test_without_memory_a_cut_header_fails(void **state)
{
    (void)state;
    struct walk w = { 0 };
    struct buf seen = { 0 };
    mem_set_functions(malloc, refuse_realloc, free);
    bool is_good = walk_feed(&w, BELFRY_BYTES("\x81"), WALK_PREFIX, write_down, &seen);
    mem_set_functions(NULL, NULL, NULL);
    assert_false(is_good);
    walk_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_gives_the_same_frames),
        cmocka_unit_test(test_byte_by_byte_gives_the_same_frames),
        cmocka_unit_test(test_what_is_no_frame_of_a_server_is_refused),
        cmocka_unit_test(test_client_frames_unmask_to_the_payload),
        cmocka_unit_test(test_without_memory_a_cut_header_fails),
    };
    return cmocka_run_group_tests_name("bench/walk", tests, NULL, NULL);
}
