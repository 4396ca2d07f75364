/*
 * fuzz_ws_decoder.c - what a decoder says does not depend on where TCP cuts.
 *
 * First byte: role, compression, takeover, window. The rest is the wire, in one read, byte by byte,
 * and in threes.
 *
 * One thing may: a compressor that reaches back beyond the window that it has agreed to (RFC 7692
 * 7.1.2) is caught where the bytes have left the window, and not where they are still at hand.
 */
#include <string.h>

#include "support/ws_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_prefix(belfry_bytes start, belfry_bytes text)
{
    return start.size <= text.size && bytes_equal(start, bytes_of(text.data, start.size));
}

/* What was said before 1007; all of it, if there is none. */
static belfry_bytes before_1007(belfry_bytes transcript)
{
    static const char last[] = "fail:1007\n";
    size_t size = sizeof last - 1;
    bool has_failed =
        transcript.size >= size &&
        memcmp((const char *)transcript.data + transcript.size - size, last, size) == 0;
    return bytes_of(transcript.data, transcript.size - (has_failed ? size : 0));
}

static bool is_as_good(belfry_bytes one, belfry_bytes other, unsigned window_bits)
{
    if (bytes_equal(one, other))
        return true;
    belfry_bytes start = before_1007(one);
    belfry_bytes other_start = before_1007(other);
    return window_bits < 15 && ((start.size < one.size && is_prefix(start, other)) ||
                                (other_start.size < other.size && is_prefix(other_start, one)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct ws_pool *pool = ws_pool_new(1);
    struct ws_decoder_config config = { .max_message = 1000,
                                        .max_fragments = 8,
                                        .role = data[0] & 1 ? WS_CLIENT : WS_SERVER,
                                        .pool = pool };
    struct ws_deflate_params params = { .is_on = data[0] & 2,
                                        .server_no_context_takeover = data[0] & 4,
                                        .client_no_context_takeover = data[0] & 4,
                                        .server_max_window_bits = (uint8_t)(8 + (data[0] >> 5)),
                                        .client_max_window_bits = (uint8_t)(8 + (data[0] >> 5)) };
    static const size_t steps[] = { SIZE_MAX, 1, 3 };
    struct buf transcripts[BELFRY_COUNT(steps)] = { 0 };
    for (size_t i = 0; i < BELFRY_COUNT(steps); i++) {
        size_t held = wire_decode(&config, params, bytes_of(data + 1, size - 1), 0, steps[i],
                                  &transcripts[i]);
        BELFRY_ASSERT(held < 60000);
        BELFRY_ASSERT(is_as_good(buf_bytes(&transcripts[0]), buf_bytes(&transcripts[i]),
                                 params.server_max_window_bits));
    }
    for (size_t i = 0; i < BELFRY_COUNT(steps); i++)
        buf_deinit(&transcripts[i]);
    ws_pool_free(pool);
    return 0;
}
