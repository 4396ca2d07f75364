/*
 * deflate.c - a message through zlib, flushed, and without the tail that everyone knows.
 *
 * A small message is compressed with a small window: starting a compressor anew means clearing
 * its hash table, which at 15 bits costs more than compressing a few hundred bytes does. Every
 * peer that takes the larger window takes the smaller one.
 */
#include "ws/deflate.h"

#include <zlib.h>

#include "base/alloc.h"
#include "ws/zmem.h"

#define TAIL_SIZE 4
#define INPUT_STEP ((size_t)1 << 30)  /* zlib counts in 32 bits */
#define OUTPUT_STEP ((size_t)1 << 10) /* above six, or zlib may repeat the tail */

struct ws_deflate {
    z_stream z;
    size_t bytes;
};

/*
 * zlib has no raw window of 8 bits. Z_RLE finds matches at distance one only, so what it writes
 * fits any window.
 */
struct ws_deflate *ws_deflate_new(unsigned window_bits, int level)
{
    BELFRY_ASSERT(window_bits >= 8 && window_bits <= 15);
    struct ws_deflate *d = mem_alloc_zeroed(sizeof *d);
    if (d == NULL)
        return NULL;
    zmem_install(&d->z, &d->bytes);
    int bits = BELFRY_MAX((int)window_bits, 9);
    int memory_level = BELFRY_MIN(bits - 6, 8);
    int strategy = window_bits == 8 ? Z_RLE : Z_DEFAULT_STRATEGY;
    if (deflateInit2(&d->z, level, Z_DEFLATED, -bits, memory_level, strategy) != Z_OK) {
        mem_free(d);
        return NULL;
    }
    return d;
}

struct ws_deflate *ws_deflate_free(struct ws_deflate *d)
{
    if (d == NULL)
        return NULL;
    (void)deflateEnd(&d->z); /* complains about unfinished streams, and frees */
    mem_free(d);
    return NULL;
}

size_t ws_deflate_memory(const struct ws_deflate *d)
{
    return d == NULL ? 0 : sizeof *d + d->bytes;
}

/* Feeds what z has as input; @flush as in zlib. */
static belfry_err pump(z_stream *z, int flush, struct buf *out)
{
    do {
        belfry_err err = buf_reserve(out, OUTPUT_STEP);
        if (err != BELFRY_OK)
            return err;
        size_t room = BELFRY_MIN(out->capacity - out->size, INPUT_STEP);
        z->next_out = out->data + out->size;
        z->avail_out = (uInt)room;
        int status = deflate(z, flush);
        BELFRY_ASSERT(status == Z_OK || status == Z_BUF_ERROR);
        out->size += room - z->avail_out;
    } while (z->avail_out == 0);
    return BELFRY_OK;
}

static belfry_err compress_message(z_stream *z, belfry_bytes in, struct buf *out)
{
    const uint8_t *at = in.data;
    size_t before = out->size, left = in.size;
    while (left > 0) {
        size_t size = BELFRY_MIN(left, INPUT_STEP);
        z->next_in = (Bytef *)(uintptr_t)at; /* zlib does not write there */
        z->avail_in = (uInt)size;
        at += size;
        left -= size;
        belfry_err err = pump(z, left == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH, out);
        if (err != BELFRY_OK) {
            out->size = before;
            return err;
        }
    }
    BELFRY_ASSERT(out->size - before > TAIL_SIZE);
    out->size -= TAIL_SIZE;
    BELFRY_ASSERT(memcmp(out->data + out->size, "\x00\x00\xff\xff", TAIL_SIZE) == 0);
    return BELFRY_OK;
}

static belfry_err compress_alone(struct ws_pool *pool, unsigned window_bits, belfry_bytes in,
                                 struct buf *out)
{
    struct ws_deflate *d = ws_pool_deflate(pool, window_bits, in.size);
    return d == NULL ? BELFRY_ERR_NOMEM : compress_message(&d->z, in, out);
}

/* A failure leaves words in the window that the peer never hears, so the context goes. */
static belfry_err compress_after_others(struct ws_pool *pool, struct ws_deflate **dedicated,
                                        unsigned window_bits, belfry_bytes in, struct buf *out)
{
    if (*dedicated == NULL)
        *dedicated = ws_deflate_new(window_bits, ws_pool_level(pool));
    if (*dedicated == NULL)
        return BELFRY_ERR_NOMEM;
    belfry_err err = compress_message(&(*dedicated)->z, in, out);
    if (err != BELFRY_OK)
        *dedicated = ws_deflate_free(*dedicated);
    return err;
}

belfry_err ws_deflate_message(struct ws_pool *pool, struct ws_deflate **dedicated,
                              unsigned window_bits, belfry_bytes in, struct buf *out)
{
    if (in.size == 0) /* RFC 7692 7.2.3.6: an empty stored block without its tail */
        return buf_append(out, "\0", 1);
    if (dedicated == NULL)
        return compress_alone(pool, window_bits, in, out);
    return compress_after_others(pool, dedicated, window_bits, in, out);
}

void ws_deflate_reset(struct ws_deflate *d)
{
    (void)deflateReset(&d->z); /* fails for a broken z_stream only */
}
