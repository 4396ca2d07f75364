/*
 * inflate.c - zlib on a leash.
 *
 *     payload pieces --> inflate --> out (doubling, at most @limit bytes)
 *     00 00 ff ff ----^                \-- full? one more byte into a probe: too big
 *
 * The sender cut 00 00 ff ff, an empty stored block's end, off the message; it is fed from a copy
 * here, and after it zlib must stand between two blocks, or the message was cut short.
 * A block with BFINAL ends a deflate stream but not the message (RFC 7692 7.2.3.4): decoding goes
 * on behind it, with the window kept.
 */
#include "ws/inflate.h"

#include <zlib.h>

#include "base/alloc.h"
#include "ws/zmem.h"

#define OUTPUT_STEP_MIN 64
#define OUTPUT_STEP_MAX 65536
#define BETWEEN_BLOCKS 128 /* in z_stream.data_type, see zlib.h at inflate() */

struct ws_inflater {
    z_stream z;
    size_t bytes;
    bool has_begun; /* the message has had a byte */
    bool has_ended; /* a BFINAL block was the last thing read */
};

struct ws_inflater *ws_inflater_new(unsigned window_bits)
{
    BELFRY_ASSERT(window_bits >= 8 && window_bits <= 15);
    struct ws_inflater *i = mem_alloc_zeroed(sizeof *i);
    if (i == NULL)
        return NULL;
    zmem_install(&i->z, &i->bytes);
    if (inflateInit2(&i->z, -(int)window_bits) != Z_OK) { /* negative: no zlib header */
        mem_free(i);
        return NULL;
    }
    return i;
}

struct ws_inflater *ws_inflater_free(struct ws_inflater *i)
{
    if (i == NULL)
        return NULL;
    (void)inflateEnd(&i->z); /* fails for a broken z_stream only */
    mem_free(i);
    return NULL;
}

void ws_inflater_reset(struct ws_inflater *i)
{
    (void)inflateReset(&i->z); /* likewise */
    i->has_begun = false;
    i->has_ended = false;
}

size_t ws_inflater_memory(const struct ws_inflater *i)
{
    return i == NULL ? 0 : sizeof *i + i->bytes;
}

/* Points zlib at room for output: in @out, or, when that has reached @limit, at @probe. */
static bool aim(z_stream *z, struct buf *out, uint64_t limit, uint8_t *probe)
{
    uint64_t left = limit - out->size;
    if (left == 0) {
        z->next_out = probe;
        z->avail_out = 1;
        return true;
    }
    uint64_t step = BELFRY_MAX((uint64_t)z->avail_in * 2, OUTPUT_STEP_MIN);
    step = BELFRY_MIN(step, OUTPUT_STEP_MAX);
    if (out->capacity == out->size && buf_reserve(out, BELFRY_MIN(step, left)) != BELFRY_OK)
        return false;
    z->next_out = out->data + out->size;
    z->avail_out = (uInt)BELFRY_MIN(BELFRY_MIN(out->capacity - out->size, left), UINT32_MAX);
    return true;
}

/* One call of zlib, as far as input and room allow. */
static enum ws_inflate_result step(struct ws_inflater *i, struct buf *out, uint64_t limit)
{
    uint8_t probe;
    if (i->has_ended) {
        (void)inflateResetKeep(&i->z); /* a new stream in the old window; cannot fail */
        i->has_ended = false;
    }
    if (!aim(&i->z, out, limit, &probe))
        return WS_INFLATE_NO_MEMORY;
    bool is_probing = i->z.next_out == &probe;
    uInt room = i->z.avail_out;
    int status = inflate(&i->z, Z_SYNC_FLUSH);
    uInt produced = room - i->z.avail_out;
    if (is_probing && produced > 0)
        return WS_INFLATE_TOO_BIG;
    out->size += produced;
    switch (status) {
    case Z_OK:
    case Z_BUF_ERROR: /* nothing to do with this input, or with this room */
        return WS_INFLATE_OK;
    case Z_STREAM_END:
        i->has_ended = true;
        return WS_INFLATE_OK;
    case Z_MEM_ERROR:
        return WS_INFLATE_NO_MEMORY;
    default: /* Z_DATA_ERROR, Z_NEED_DICT */
        return WS_INFLATE_CORRUPT;
    }
}

enum ws_inflate_result ws_inflate_feed(struct ws_inflater *i, belfry_bytes in, struct buf *out,
                                       uint64_t limit)
{
    BELFRY_ASSERT(in.size <= UINT32_MAX);
    enum ws_inflate_result result = WS_INFLATE_OK;
    i->z.next_in = (Bytef *)(uintptr_t)in.data; /* zlib does not write there */
    i->z.avail_in = (uInt)in.size;
    i->z.avail_out = 1;
    i->has_begun = i->has_begun || in.size > 0;
    /* No room left means that more output may be waiting, input or not. */
    while (result == WS_INFLATE_OK && (i->z.avail_in > 0 || (i->z.avail_out == 0 && !i->has_ended)))
        result = step(i, out, limit);
    return result;
}

enum ws_inflate_result ws_inflate_finish(struct ws_inflater *i, struct buf *out, uint64_t limit)
{
    static const uint8_t tail[] = { 0x00, 0x00, 0xFF, 0xFF };
    bool is_whole = !i->has_begun || i->has_ended; /* needs no tail */
    i->has_begun = false;
    if (is_whole)
        return WS_INFLATE_OK;
    enum ws_inflate_result result = ws_inflate_feed(i, bytes_of(tail, sizeof tail), out, limit);
    i->has_begun = false;
    if (result == WS_INFLATE_OK && (i->z.data_type & BETWEEN_BLOCKS) == 0)
        return WS_INFLATE_CORRUPT;
    return result;
}
