/*
 * sse/gzip.c - the framing of deflate's pieces; the deflating is zlib's, elsewhere.
 */
#include "sse/gzip.h"

#define MAX_STORED 65535u

void sse_gzip_begin(struct buf *out)
{
    /* magic, deflate, no flags, no time, no extra flags, unknown system */
    static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };
    buf_put(out, header, sizeof header);
}

void sse_gzip_deflated(struct buf *out, belfry_bytes deflated)
{
    static const uint8_t flushed[] = { 0, 0, 0xff, 0xff };
    buf_put_bytes(out, deflated);
    buf_put(out, flushed, sizeof flushed);
}

void sse_gzip_stored(struct buf *out, belfry_bytes data)
{
    const uint8_t *at = data.data;
    for (size_t left = data.size; left > 0;) {
        unsigned size = (unsigned)BELFRY_MIN(left, (size_t)MAX_STORED);
        uint8_t header[] = { 0, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size,
                             (uint8_t)(~size >> 8) };
        buf_put(out, header, sizeof header);
        buf_put(out, at, size);
        at += size;
        left -= size;
    }
}
