/*
 * test_decoder.c - every rule of RFC 6455 section 5, as a client and as a server would hear it,
 * each input cut at every byte and dripped byte by byte.
 *
 * The wires are written unmasked; the server's half masks them first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/ws_wire.h"
#include "ws/encoder.h"

#define WIRE(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

/* Limits of all tests here: messages of 300 bytes in 4 fragments. */
#define MAX_MESSAGE 300
#define MAX_FRAGMENTS 4

static struct ws_decoder_config config_of(enum ws_role role)
{
    return (struct ws_decoder_config){ .max_message = MAX_MESSAGE,
                                       .max_fragments = MAX_FRAGMENTS,
                                       .role = role };
}

/* clang-format off */
static const struct decode_case {
    const char *name;
    belfry_bytes wire;
    const char *want;
} decode_cases[] = {
    { "nothing", WIRE(""), "" },
    { "text", WIRE("\x81\x05hello"), "text:hello\n" },
    { "empty text", WIRE("\x81\x00"), "text:\n" },
    { "binary", WIRE("\x82\x03\x00\xff\x80"), "binary:\\x00\\xff\\x80\n" },
    { "empty binary", WIRE("\x82\x00"), "binary:\n" },
    { "ping", WIRE("\x89\x02pi"), "ping:pi\n" },
    { "pong, unasked", WIRE("\x8a\x00"), "pong:\n" },
    { "several at once", WIRE("\x81\x01" "a" "\x89\x00\x82\x01" "b" "\x81\x02" "cd"),
      "text:a\nping:\nbinary:b\ntext:cd\n" },
    { "incomplete", WIRE("\x81\x05hell"), "" },
    { "header only", WIRE("\x81"), "" },

    { "two fragments", WIRE("\x01\x03hel\x80\x02lo"), "text:hello\n" },
    { "four fragments, some empty", WIRE("\x02\x00\x00\x02" "ab\x00\x00\x80\x01" "c"), "binary:abc\n" },
    { "all fragments empty", WIRE("\x01\x00\x80\x00"), "text:\n" },
    { "too many fragments", WIRE("\x01\x00\x00\x00\x00\x00\x00\x00\x80\x00"), "fail:1009\n" },
    { "control frames between fragments", WIRE("\x01\x03hel\x89\x01p\x8a\x00\x80\x02lo\x89\x01q"),
      "ping:p\npong:\ntext:hello\nping:q\n" },
    { "close between fragments", WIRE("\x01\x03hel\x88\x02\x03\xe8\x80\x02lo"), "close:1000:\n" },
    { "messages after fragments", WIRE("\x01\x01" "a\x80\x01" "b\x81\x01" "c\x02\x01" "d\x80\x01" "e"),
      "text:ab\ntext:c\nbinary:de\n" },
    { "continuation of nothing", WIRE("\x80\x01" "a"), "fail:1002\n" },
    { "open continuation of nothing", WIRE("\x00\x01" "a"), "fail:1002\n" },
    { "continuation after a message", WIRE("\x81\x01" "a\x80\x01" "a"), "text:a\nfail:1002\n" },
    { "text inside a message", WIRE("\x01\x01" "a\x81\x01" "b"), "fail:1002\n" },
    { "binary inside a message", WIRE("\x01\x01" "a\x02\x01" "b"), "fail:1002\n" },

    { "RSV1 without extension", WIRE("\xc1\x01" "a"), "fail:1002\n" },
    { "RSV1 on ping", WIRE("\xc9\x00"), "fail:1002\n" },
    { "RSV2", WIRE("\xa1\x01" "a"), "fail:1002\n" },
    { "RSV3", WIRE("\x91\x01" "a"), "fail:1002\n" },
    { "RSV1 on continuation", WIRE("\x01\x01" "a\xc0\x01" "a"), "fail:1002\n" },
    { "opcode 3", WIRE("\x83\x00"), "fail:1002\n" },
    { "opcode 4", WIRE("\x84\x00"), "fail:1002\n" },
    { "opcode 7", WIRE("\x87\x00"), "fail:1002\n" },
    { "opcode 11", WIRE("\x8b\x00"), "fail:1002\n" },
    { "opcode 15", WIRE("\x8f\x00"), "fail:1002\n" },
    { "one wrong byte is enough", WIRE("\x83"), "fail:1002\n" },
    { "fragmented ping", WIRE("\x09\x00"), "fail:1002\n" },
    { "fragmented close", WIRE("\x08\x00"), "fail:1002\n" },
    { "ping with a 16-bit length", WIRE("\x89\x7e\x00\x7e"), "fail:1002\n" },
    { "close with a 64-bit length", WIRE("\x88\x7f"), "fail:1002\n" },

    { "125 in 16 bits", WIRE("\x82\x7e\x00\x7d"), "fail:1002\n" },
    { "0 in 16 bits", WIRE("\x82\x7e\x00\x00"), "fail:1002\n" },
    { "65535 in 64 bits", WIRE("\x82\x7f\0\0\0\0\0\0\xff\xff"), "fail:1002\n" },
    { "0 in 64 bits", WIRE("\x82\x7f\0\0\0\0\0\0\0\0"), "fail:1002\n" },
    { "the highest bit", WIRE("\x82\x7f\x80\0\0\0\0\x01\0\0"), "fail:1002\n" },
    { "all bits", WIRE("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), "fail:1002\n" },
    { "largest legal length", WIRE("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), "fail:1009\n" },
    { "one above the limit, from the header", WIRE("\x82\x7e\x01\x2d"), "fail:1009\n" },
    { "the sum above the limit", WIRE("\x02\x01" "a\x80\x7e\x01\x2c"), "fail:1009\n" },
    { "the sum around 2^64", WIRE("\x02\x01" "a\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), "fail:1009\n" },

    { "two-byte character", WIRE("\x81\x02\xc3\xa9"), "text:\\xc3\\xa9\n" },
    { "character across fragments", WIRE("\x01\x01\xc3\x80\x01\xa9"), "text:\\xc3\\xa9\n" },
    { "character across an empty fragment", WIRE("\x01\x01\xc3\x00\x00\x80\x01\xa9"), "text:\\xc3\\xa9\n" },
    { "character across a ping", WIRE("\x01\x01\xc3\x89\x01\xff\x80\x01\xa9"), "ping:\\xff\ntext:\\xc3\\xa9\n" },
    { "overlong", WIRE("\x81\x02\xc0\x80"), "fail:1007\n" },
    { "surrogate", WIRE("\x81\x03\xed\xa0\x80"), "fail:1007\n" },
    { "wrong byte in an unfinished frame", WIRE("\x01\x05" "ab\xff"), "fail:1007\n" },
    { "ends inside a character", WIRE("\x81\x01\xc3"), "fail:1007\n" },
    { "fragments end inside a character", WIRE("\x01\x01\xc3\x80\x00"), "fail:1007\n" },
    { "ascii inside a character, next fragment", WIRE("\x01\x01\xc3\x80\x01" "a"), "fail:1007\n" },
    { "binary is not looked at", WIRE("\x02\x01\xc3\x80\x01" "a"), "binary:\\xc3a\n" },

    { "close without code", WIRE("\x88\x00"), "close:1005:\n" },
    { "close 1000", WIRE("\x88\x02\x03\xe8"), "close:1000:\n" },
    { "close with reason", WIRE("\x88\x05\x03\xe9" "bye"), "close:1001:bye\n" },
    { "close 4999", WIRE("\x88\x02\x13\x87"), "close:4999:\n" },
    { "nothing after close", WIRE("\x88\x00\x81\x01" "a\x83\x00"), "close:1005:\n" },
    { "nothing after fail", WIRE("\x83\x00\x81\x01" "a\x88\x00"), "fail:1002\n" },
    { "half a code", WIRE("\x88\x01\x03"), "fail:1002\n" },
    { "close 0", WIRE("\x88\x02\x00\x00"), "fail:1002\n" },
    { "close 999", WIRE("\x88\x02\x03\xe7"), "fail:1002\n" },
    { "close 1004", WIRE("\x88\x02\x03\xec"), "fail:1002\n" },
    { "close 1005", WIRE("\x88\x02\x03\xed"), "fail:1002\n" },
    { "close 1006", WIRE("\x88\x02\x03\xee"), "fail:1002\n" },
    { "close 1015", WIRE("\x88\x02\x03\xf7"), "fail:1002\n" },
    { "close 1016", WIRE("\x88\x02\x03\xf8"), "fail:1002\n" },
    { "close 2999", WIRE("\x88\x02\x0b\xb7"), "fail:1002\n" },
    { "close 5000", WIRE("\x88\x02\x13\x88"), "fail:1002\n" },
    { "close reason not UTF-8", WIRE("\x88\x03\x03\xe8\xff"), "fail:1007\n" },
    { "close reason cut inside a character", WIRE("\x88\x03\x03\xe8\xc3"), "fail:1007\n" },
};
/* clang-format on */

static void expect(const char *name, enum ws_role role, belfry_bytes wire, size_t first,
                   size_t step, const char *want)
{
    struct ws_decoder_config config = config_of(role);
    struct buf transcript = { 0 };
    wire_decode(&config, (struct ws_deflate_params){ 0 }, wire, first, step, &transcript);
    if (!bytes_equal_text(buf_bytes(&transcript), want))
        fail_msg("%s, role %d, cut at %zu, then %zu: got %.*s", name, role, first, step,
                 (int)transcript.size, transcript.data);
    buf_deinit(&transcript);
}

static void expect_however_cut(const char *name, enum ws_role role, belfry_bytes wire,
                               const char *want)
{
    for (size_t cut = 0; cut <= wire.size; cut++) /* TCP may cut anywhere */
        expect(name, role, wire, cut, SIZE_MAX, want);
    for (size_t step = 1; step < 8; step++)
        expect(name, role, wire, 0, step, want);
}

static void expect_of_both(const char *name, belfry_bytes unmasked, const char *want)
{
    struct buf masked = { 0 };
    wire_mask_all(&masked, unmasked);
    expect_however_cut(name, WS_SERVER, buf_bytes(&masked), want);
    expect_however_cut(name, WS_CLIENT, unmasked, want);
    buf_deinit(&masked);
}

static void test_verdicts(void **state)
{
    (void)state;
    for (const struct decode_case *c = decode_cases; c != BELFRY_END(decode_cases); c++)
        expect_of_both(c->name, c->wire, c->want);
}

/* Two rules that differ between the roles. */
static void test_who_masks(void **state)
{
    (void)state;
    expect_however_cut("unmasked from a client", WS_SERVER,
                       BELFRY_BYTES("\x81\x01"
                                    "a"),
                       "fail:1002\n");
    expect_however_cut("masked from a server", WS_CLIENT,
                       BELFRY_BYTES("\x81\x81"
                                    "keysa"),
                       "fail:1002\n");
}

static void test_sizes_around_every_border(void **state)
{
    (void)state;
    for (size_t size = 0; size <= MAX_MESSAGE; size += size > 20 && size < 120 ? 7 : 1) {
        char payload[MAX_MESSAGE], want[MAX_MESSAGE + 8];
        struct buf wire = { 0 }, masked = { 0 };
        for (size_t i = 0; i < size; i++)
            payload[i] = (char)('a' + (i + size) % 26);
        wire_frame(&wire, WS_TEXT | WS_FIN, bytes_of(payload, size), WS_SERVER);
        wire_frame(&masked, WS_TEXT | WS_FIN, bytes_of(payload, size), WS_CLIENT);
        (void)snprintf(want, sizeof want, "text:%.*s\n", (int)size, payload);
        for (size_t cut = 0; cut <= masked.size; cut++) {
            expect("sizes", WS_SERVER, buf_bytes(&masked), cut, 16, want);
            expect("sizes", WS_CLIENT, buf_bytes(&wire), cut, 16, want);
        }
        buf_deinit(&wire);
        buf_deinit(&masked);
    }
}

static void test_a_whole_message_is_not_copied(void **state)
{
    (void)state;
    struct ws_decoder_config config = config_of(WS_SERVER);
    struct ws_decoder d = { 0 };
    struct buf wire = { 0 };
    struct ws_event event;
    for (int i = 0; i < 3; i++)
        wire_frame(&wire, WS_TEXT | WS_FIN, BELFRY_BYTES("hello"), WS_CLIENT);
    uint8_t *at = wire.data, *end = wire.data + wire.size;
    for (size_t i = 0; i < 3; i++) {
        assert_true(ws_decoder_next(&d, &config, &at, end, &event));
        assert_true(event.is_in_place);
        assert_ptr_equal(event.data, wire.data + i * 11 + 6);
        assert_int_equal(ws_decoder_memory(&d), 0);
    }
    assert_false(ws_decoder_next(&d, &config, &at, end, &event));
    assert_false(ws_decoder_is_midway(&d));
    buf_deinit(&wire);
}

/* A frame of a megabyte is declared; what is held follows what has come. */
static void test_memory_follows_the_bytes_not_the_header(void **state)
{
    (void)state;
    struct ws_decoder_config config = config_of(WS_SERVER);
    struct buf transcript = { 0 };
    config.max_message = 1 << 20;
    uint8_t wire[14 + 100] = { 0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0 };
    size_t held = wire_decode(&config, (struct ws_deflate_params){ 0 }, bytes_of(wire, sizeof wire),
                              0, 10, &transcript);
    assert_in_range(held, 100, 1024);
    assert_int_equal(transcript.size, 0);
}

static void test_a_flood_of_empty_fragments_costs_nothing(void **state)
{
    (void)state;
    struct ws_decoder_config config = config_of(WS_CLIENT);
    config.max_fragments = 1000000;
    struct ws_decoder d = { 0 };
    struct ws_event event;
    uint8_t first[] = { 0x01, 0x00 };
    uint8_t *at = first;
    assert_false(ws_decoder_next(&d, &config, &at, first + 2, &event));
    for (int i = 0; i < 100000; i++) {
        uint8_t more[] = { 0x00, 0x00 };
        at = more;
        assert_false(ws_decoder_next(&d, &config, &at, more + 2, &event));
    }
    assert_in_range(ws_decoder_memory(&d), 1, 512);
    uint8_t last[] = { 0x80, 0x00 };
    at = last;
    assert_true(ws_decoder_next(&d, &config, &at, last + 2, &event));
    assert_int_equal(event.type, WS_EVENT_TEXT);
    assert_false(ws_decoder_next(&d, &config, &at, last + 2, &event));
    assert_int_equal(ws_decoder_memory(&d), 0); /* idle again */
}

/* --- without memory --- */

static int allocations_left;

static void *failing_alloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void *failing_realloc(void *old, size_t size)
{
    return allocations_left-- > 0 ? realloc(old, size) : NULL;
}

static void feed_some(struct ws_decoder *d, const struct ws_decoder_config *config, uint8_t *data,
                      size_t size, struct ws_event *out)
{
    struct ws_event event;
    for (size_t i = 0; i < size; i++) {
        uint8_t *at = data + i;
        while (ws_decoder_next(d, config, &at, data + i + 1, &event))
            *out = event;
    }
}

static void test_without_memory_it_fails_with_1011(void **state)
{
    (void)state;
    struct ws_decoder_config config = config_of(WS_CLIENT);
    bool has_succeeded = false;
    for (int allowed = 0; !has_succeeded; allowed++) {
        uint8_t wire[] = "\x01\x03hel\x89\x01p\x80\x7e\x00\x7e----------------------------------"
                         "------------------------------------------------------------------------"
                         "--------------------";
        struct ws_decoder d = { 0 };
        struct ws_event last = { 0 };
        allocations_left = allowed;
        mem_set_functions(failing_alloc, failing_realloc, free);
        feed_some(&d, &config, wire, sizeof wire - 1, &last);
        mem_set_functions(NULL, NULL, NULL);
        has_succeeded = last.type == WS_EVENT_TEXT;
        if (!has_succeeded)
            assert_true(last.type == WS_EVENT_FAIL && last.code == 1011);
        ws_decoder_deinit(&d);
        assert_in_range(allowed, 0, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_who_masks),
        cmocka_unit_test(test_sizes_around_every_border),
        cmocka_unit_test(test_a_whole_message_is_not_copied),
        cmocka_unit_test(test_memory_follows_the_bytes_not_the_header),
        cmocka_unit_test(test_a_flood_of_empty_fragments_costs_nothing),
        cmocka_unit_test(test_without_memory_it_fails_with_1011),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
