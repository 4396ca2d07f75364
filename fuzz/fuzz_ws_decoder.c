/*
 * fuzz_ws_decoder.c - what a decoder says does not depend on where TCP cuts.
 *
 * First byte: role, compression, takeover. The rest is the wire, in one read, byte by byte, and
 * in threes.
 */
#include "support/ws_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        BELFRY_ASSERT(bytes_equal(buf_bytes(&transcripts[0]), buf_bytes(&transcripts[i])));
    }
    for (size_t i = 0; i < BELFRY_COUNT(steps); i++)
        buf_deinit(&transcripts[i]);
    ws_pool_free(pool);
    return 0;
}
