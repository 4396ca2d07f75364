/*
 * test_deflate.c - compressed messages, out and back: every parameter, many sizes, every cut; and
 * what a hostile peer sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"
#include "support/ws_wire.h"
#include "ws/deflate.h"

#define WIRE(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct ws_deflate_params takeover = { .is_on = true,
                                                   .server_max_window_bits = 15,
                                                   .client_max_window_bits = 15 };
static const struct ws_deflate_params no_takeover = { .is_on = true,
                                                      .server_no_context_takeover = true,
                                                      .client_no_context_takeover = true,
                                                      .server_max_window_bits = 15,
                                                      .client_max_window_bits = 15 };

static struct ws_decoder_config config_of(struct ws_pool *pool, uint64_t max_message)
{
    return (struct ws_decoder_config){
        .max_message = max_message, .max_fragments = 100, .role = WS_SERVER, .pool = pool
    };
}

/* Words with repetitions near and far; printable, so that transcripts stay small. */
static void fill_with_words(char *out, size_t size, uint64_t seed)
{
    static const char *const words[] = { "bell ", "rope ", "tower ", "{\"type\":\"message\"} ",
                                         "x" };
    struct random_seeded r;
    random_seed(&r, seed);
    for (size_t i = 0; i < size;) {
        const char *word = words[random_below(&r, BELFRY_COUNT(words))];
        for (; *word != '\0' && i < size; word++)
            out[i++] = *word;
        if (i < size)
            out[i++] = (char)('0' + random_below(&r, 10));
    }
}

/* Messages of these sizes, one after the other, through one pair of contexts. */
static const size_t sizes[] = { 0,    1,    2, 20,    100,   250,   251,   512,
                                1000, 5000, 0, 16384, 32768, 40000, 70000, 3 };

static void put_messages(struct buf *wire, struct buf *want, struct ws_pool *pool, bool dedicated,
                         unsigned bits, size_t fragment)
{
    static char text[70000];
    struct ws_deflate *own = NULL;
    for (size_t i = 0; i < BELFRY_COUNT(sizes); i++) {
        struct buf payload = { 0 };
        fill_with_words(text, sizes[i], i);
        assert_int_equal(ws_deflate_message(pool, dedicated ? &own : NULL, bits,
                                            bytes_of(text, sizes[i]), &payload),
                         BELFRY_OK);
        size_t done = 0;
        do {
            size_t size = BELFRY_MIN(fragment, payload.size - done);
            unsigned first = (done == 0 ? WS_TEXT | WS_COMPRESSED : WS_CONTINUATION) |
                             (done + size == payload.size ? WS_FIN : 0);
            wire_frame(wire, first, bytes_of(payload.data + done, size), WS_CLIENT);
            done += size;
        } while (done < payload.size);
        buf_put_text(want, "text:");
        buf_put(want, text, sizes[i]);
        buf_put_char(want, '\n');
        buf_deinit(&payload);
    }
    ws_deflate_free(own);
}

static void expect(const struct ws_decoder_config *config, struct ws_deflate_params params,
                   const struct buf *wire, size_t step, const struct buf *want)
{
    struct buf transcript = { 0 };
    wire_decode(config, params, buf_bytes(wire), 0, step, &transcript);
    if (!bytes_equal(buf_bytes(&transcript), buf_bytes(want)))
        fail_msg("takeover %d, bits %d, step %zu", !params.client_no_context_takeover,
                 params.client_max_window_bits, step);
    buf_deinit(&transcript);
}

static void test_every_parameter_there_and_back(void **state)
{
    (void)state;
    static const size_t steps[] = { 1, 7, 1000, 30000, SIZE_MAX };
    static const size_t fragments[] = { 997, SIZE_MAX };
    struct ws_pool *pool = ws_pool_new(6);
    struct ws_decoder_config config = config_of(pool, 100000);
    for (unsigned bits = 8; bits <= 15; bits++) {
        for (int n = 0; n < 4; n++) {
            struct buf wire = { 0 }, want = { 0 };
            struct ws_deflate_params params = n & 1 ? takeover : no_takeover;
            params.client_max_window_bits = (uint8_t)bits;
            put_messages(&wire, &want, pool, n & 1, bits, fragments[n >> 1]);
            for (size_t i = 0; i < BELFRY_COUNT(steps); i++)
                expect(&config, params, &wire, steps[i], &want);
            buf_deinit(&wire);
            buf_deinit(&want);
        }
    }
    ws_pool_free(pool);
}

static void test_takeover_makes_repetitions_small(void **state)
{
    (void)state;
    struct ws_pool *pool = ws_pool_new(1);
    struct ws_deflate *own = NULL;
    struct buf out = { 0 };
    belfry_bytes text = BELFRY_BYTES("the same sentence, again and again, word by word");
    assert_int_equal(ws_deflate_message(pool, &own, 15, text, &out), BELFRY_OK);
    size_t first = out.size;
    assert_int_equal(ws_deflate_message(pool, &own, 15, text, &out), BELFRY_OK);
    assert_in_range(out.size - first, 1, 12);
    assert_int_not_equal(ws_deflate_memory(own), 0);
    own = ws_deflate_free(own); /* trimmed: starts anew, which any peer understands */
    buf_clear(&out);
    assert_int_equal(ws_deflate_message(pool, &own, 15, text, &out), BELFRY_OK);
    assert_int_equal(out.size, first);
    ws_deflate_free(own);
    buf_deinit(&out);
    ws_pool_free(pool);
}

static void test_a_trimmed_pool_works_on(void **state)
{
    (void)state;
    struct ws_pool *pool = ws_pool_new(1);
    struct buf a = { 0 }, b = { 0 };
    size_t empty = ws_pool_memory(pool);
    assert_int_equal(ws_deflate_message(pool, NULL, 15, BELFRY_BYTES("aaaaaaaaaa"), &a), 0);
    assert_true(ws_pool_memory(pool) > empty);
    ws_pool_trim(pool);
    assert_int_equal(ws_pool_memory(pool), empty);
    assert_int_equal(ws_deflate_message(pool, NULL, 15, BELFRY_BYTES("aaaaaaaaaa"), &b), 0);
    assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
    buf_deinit(&a);
    buf_deinit(&b);
    ws_pool_free(pool);
}

/* clang-format off */
/* Payloads with RSV1, from RFC 7692 7.2.3 and from the imagination; messages up to 20 bytes. */
static const struct inflate_case {
    const char *name;
    belfry_bytes frames; /* unmasked */
    const char *want;
} inflate_cases[] = {
    { "Hello", WIRE("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), "text:Hello\n" },
    { "Hello in fragments", WIRE("\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"), "text:Hello\n" },
    { "Hello, ping between", WIRE("\x41\x03\xf2\x48\xcd\x89\x01p\x80\x04\xc9\xc9\x07\x00"), "ping:p\ntext:Hello\n" },
    { "Hello stored", WIRE("\xc1\x0b\x00\x05\x00\xfa\xffHello\x00"), "text:Hello\n" },
    { "Hello with BFINAL", WIRE("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "text:Hello\n" },
    { "BFINAL and nothing behind", WIRE("\xc1\x07\xf3\x48\xcd\xc9\xc9\x07\x00"), "text:Hello\n" },
    { "two blocks", WIRE("\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "text:Hello\n" },
    { "two final blocks", WIRE("\xc1\x0f\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "text:HelloHello\n" },
    { "empty", WIRE("\xc1\x01\x00"), "text:\n" },
    { "empty without a block", WIRE("\xc1\x00"), "text:\n" },
    { "empty in fragments", WIRE("\x42\x00\x80\x01\x00"), "binary:\n" },
    { "uncompressed beside compressed", WIRE("\x81\x01" "a\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x81\x01" "b"), "text:a\ntext:Hello\ntext:b\n" },
    { "RSV1 on a continuation", WIRE("\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9\x07\x00"), "fail:1002\n" },
    { "RSV1 on a ping", WIRE("\xc9\x01\x00"), "fail:1002\n" },
    { "rubbish", WIRE("\xc1\x04\xff\xff\xff\xff"), "fail:1007\n" },
    { "stored length broken", WIRE("\xc1\x06\x00\x05\x00\xfa\xfeH"), "fail:1007\n" },
    { "cut short", WIRE("\xc1\x03\xf2\x48\xcd"), "fail:1007\n" },
    { "cut short in fragments", WIRE("\x41\x03\xf2\x48\xcd\x80\x00"), "fail:1007\n" },
    { "too far back", WIRE("\xc2\x03\x02\x02\x00"), "fail:1007\n" },
    { "not UTF-8", WIRE("\xc1\x07\x00\x01\x00\xfe\xff\xff\x00"), "fail:1007\n" },
    { "half a character", WIRE("\xc1\x07\x00\x01\x00\xfe\xff\xc3\x00"), "fail:1007\n" },
    { "a character in two blocks", WIRE("\xc1\x0d\x00\x01\x00\xfe\xff\xc3\x00\x01\x00\xfe\xff\xa9\x00"), "text:\\xc3\\xa9\n" },
    { "binary need not be UTF-8", WIRE("\xc2\x07\x00\x01\x00\xfe\xff\xff\x00"), "binary:\\xff\n" },
    { "exactly at the limit", WIRE("\xc2\x1a\x00\x14\x00\xeb\xff" "12345678901234567890\x00"), "binary:12345678901234567890\n" },
    { "one above the limit", WIRE("\xc2\x1b\x00\x15\x00\xea\xff" "123456789012345678901\x00"), "fail:1009\n" },
    { "not UTF-8, then above the limit", WIRE("\xc1\x1b\x00\x15\x00\xea\xff" "\xff" "23456789012345678901\x00"), "fail:1007\n" },
    { "declared absurdly", WIRE("\xc2\x7f\x00\x00\x01\x00\x00\x00\x00\x00"), "fail:1009\n" },
};
/* clang-format on */

static void test_payloads(void **state)
{
    (void)state;
    struct ws_pool *pool = ws_pool_new(1);
    for (const struct inflate_case *c = inflate_cases; c != BELFRY_END(inflate_cases); c++) {
        struct buf wire = { 0 };
        wire_mask_all(&wire, c->frames);
        for (size_t n = 0; n < 2 * (wire.size + 1); n++) {
            struct ws_decoder_config config = config_of(pool, 20);
            struct buf transcript = { 0 };
            size_t cut = n / 2;
            wire_decode(&config, n & 1 ? takeover : no_takeover, buf_bytes(&wire), cut,
                        cut % 3 == 0 ? SIZE_MAX : 1, &transcript);
            if (!bytes_equal_text(buf_bytes(&transcript), c->want))
                fail_msg("%s, cut at %zu: %.*s", c->name, cut, (int)transcript.size,
                         transcript.data);
            buf_deinit(&transcript);
        }
        buf_deinit(&wire);
    }
    ws_pool_free(pool);
}

/* 16 MiB of zeros in 16 KiB: refused, and never in memory. */
static void test_a_bomb_is_refused_within_bounds(void **state)
{
    (void)state;
    size_t size = 16 << 20;
    char *zeros = calloc(1, size);
    struct ws_pool *pool = ws_pool_new(9), *receiving = ws_pool_new(1);
    struct buf payload = { 0 }, wire = { 0 };
    struct ws_decoder_config config = config_of(receiving, 1 << 20);
    assert_non_null(zeros);
    assert_int_equal(ws_deflate_message(pool, NULL, 15, bytes_of(zeros, size), &payload), 0);
    assert_in_range(payload.size, 1, 20000);
    wire_frame(&wire, WS_BINARY | WS_COMPRESSED | WS_FIN, buf_bytes(&payload), WS_CLIENT);
    static const size_t steps[] = { 100, SIZE_MAX };
    for (int n = 0; n < 4; n++) {
        struct buf transcript = { 0 };
        wire_decode(&config, n & 1 ? takeover : no_takeover, buf_bytes(&wire), 0, steps[n >> 1],
                    &transcript);
        assert_true(bytes_equal_text(buf_bytes(&transcript), "fail:1009\n"));
        buf_deinit(&transcript);
    }
    assert_in_range(ws_pool_memory(receiving), 1, (1 << 20) + 100000);
    buf_deinit(&payload);
    buf_deinit(&wire);
    ws_pool_free(pool);
    ws_pool_free(receiving);
    free(zeros);
}

/* Only a peer that keeps its context costs memory between messages. */
static void test_what_an_idle_connection_holds(void **state)
{
    (void)state;
    struct ws_pool *pool = ws_pool_new(1);
    struct ws_decoder_config config = config_of(pool, 1000);
    for (int n = 0; n < 4; n++) {
        struct ws_decoder d = { .params = n & 1 ? takeover : no_takeover };
        struct buf wire = { 0 };
        struct ws_event event;
        wire_mask_all(&wire, BELFRY_BYTES("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"));
        size_t cut = n & 2 ? 9 : wire.size;
        uint8_t *at = wire.data, *end = wire.data + wire.size;
        size_t events = 0;
        while (ws_decoder_next(&d, &config, &at, wire.data + cut, &event))
            events++;
        while (ws_decoder_next(&d, &config, &at, end, &event))
            events++;
        assert_int_equal(events, 1);
        if (n & 1)
            assert_in_range(ws_decoder_memory(&d), 7000, 45000);
        else
            assert_int_equal(ws_decoder_memory(&d), 0);
        ws_decoder_deinit(&d);
        buf_deinit(&wire);
    }
    ws_pool_free(pool);
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

/* Compresses and decodes with the first @allowed allocations; true: nothing failed. */
static bool try_round_trip(int allowed, bool is_dedicated, size_t step)
{
    static char text[9000];
    struct buf payload = { 0 }, wire = { 0 }, transcript = { 0 };
    struct ws_deflate *own = NULL;
    bool is_done = false;
    fill_with_words(text, sizeof text, 1);
    allocations_left = allowed;
    mem_set_functions(failing_alloc, failing_realloc, free);
    struct ws_pool *pool = ws_pool_new(1);
    if (pool != NULL) {
        struct ws_decoder_config config = config_of(pool, 10000);
        belfry_err err = ws_deflate_message(pool, is_dedicated ? &own : NULL, 15,
                                            bytes_of(text, sizeof text), &payload);
        int left = allocations_left;
        allocations_left = 1000; /* for the test's own */
        wire_frame(&wire, WS_TEXT | WS_COMPRESSED | WS_FIN, buf_bytes(&payload), WS_CLIENT);
        assert_int_equal(buf_reserve(&transcript, 3 * sizeof text), BELFRY_OK);
        allocations_left = left;
        if (err == BELFRY_OK)
            wire_decode(&config, is_dedicated ? takeover : no_takeover, buf_bytes(&wire), 0, step,
                        &transcript);
        else
            assert_true(err == BELFRY_ERR_NOMEM && payload.size == 0 && own == NULL);
        is_done = transcript.size > sizeof text;
        if (err == BELFRY_OK && !is_done)
            assert_true(bytes_equal_text(buf_bytes(&transcript), "fail:1011\n"));
    }
    ws_deflate_free(own);
    ws_pool_free(pool);
    buf_deinit(&payload);
    buf_deinit(&wire);
    buf_deinit(&transcript);
    mem_set_functions(NULL, NULL, NULL);
    return is_done;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++) {
        int allowed = 0;
        while (!try_round_trip(allowed, n & 1, n & 2 ? 10 : SIZE_MAX))
            assert_in_range(++allowed, 1, 100);
        assert_in_range(allowed, 8, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_parameter_there_and_back),
        cmocka_unit_test(test_takeover_makes_repetitions_small),
        cmocka_unit_test(test_a_trimmed_pool_works_on),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_a_bomb_is_refused_within_bounds),
        cmocka_unit_test(test_what_an_idle_connection_holds),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
