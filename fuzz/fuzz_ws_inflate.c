/*
 * fuzz_ws_inflate.c - inflating any bytes stays within the limit, whole or in pieces, and inflating
 * what we deflated gives the bytes back.
 */
#include "ws/deflate.h"
#include "ws/inflate.h"

#define LIMIT 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ws_inflate_result inflate_in_steps(const uint8_t *data, size_t size, size_t step,
                                               struct buf *out)
{
    struct ws_inflater *i = ws_inflater_new(15);
    enum ws_inflate_result result = WS_INFLATE_OK;
    for (size_t done = 0; result == WS_INFLATE_OK && done < size; done += step)
        result =
            ws_inflate_feed(i, bytes_of(data + done, BELFRY_MIN(step, size - done)), out, LIMIT);
    if (result == WS_INFLATE_OK)
        result = ws_inflate_finish(i, out, LIMIT);
    ws_inflater_free(i);
    BELFRY_ASSERT(out->size <= LIMIT && (result != WS_INFLATE_TOO_BIG || out->size == LIMIT));
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = { 0 }, dripped = { 0 }, packed = { 0 }, back = { 0 };
    enum ws_inflate_result result = inflate_in_steps(data, size, BELFRY_MAX(size, 1), &whole);
    BELFRY_ASSERT(inflate_in_steps(data, size, 1, &dripped) == result);
    BELFRY_ASSERT(bytes_equal(buf_bytes(&whole), buf_bytes(&dripped)));

    struct ws_pool *pool = ws_pool_new(1);
    unsigned bits = size > 0 ? 8 + data[0] % 8 : 15;
    size_t kept = BELFRY_MIN(size, LIMIT);
    BELFRY_ASSERT(ws_deflate_message(pool, NULL, bits, bytes_of(data, kept), &packed) == BELFRY_OK);
    BELFRY_ASSERT(inflate_in_steps(packed.data, packed.size, 7, &back) == WS_INFLATE_OK);
    BELFRY_ASSERT(bytes_equal(buf_bytes(&back), bytes_of(data, kept)));
    buf_deinit(&whole);
    buf_deinit(&dripped);
    buf_deinit(&packed);
    buf_deinit(&back);
    ws_pool_free(pool);
    return 0;
}
