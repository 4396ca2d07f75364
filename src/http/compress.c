/*
 * compress.c - zlib over a body that is there as a whole.
 *
 * The window is no larger than the body: zlib clears its tables for each, and most bodies are
 * small. A decoder takes any window.
 */
#include "http/compress.h"

#include <zlib.h>

#include "base/alloc.h"

#define GZIP_WRAPPER 16 /* added to the window's bits */
#define LEAST_BITS 9    /* zlib has no 8 for gzip */
#define MOST_BITS 15

static void *allocate(void *user, unsigned items, unsigned size)
{
    (void)user;
    return mem_alloc((size_t)items * size); /* two 32-bit factors: no overflow in 64 bits */
}

static void release(void *user, void *memory)
{
    (void)user;
    mem_free(memory);
}

static int window_bits_for(size_t size)
{
    int bits = LEAST_BITS;
    while (bits < MOST_BITS && (size_t)1 << bits < size)
        bits++;
    return bits;
}

/* All of it into the room that it needs at most. */
static belfry_err compress_all(z_stream *z, belfry_bytes body, struct buf *out)
{
    size_t most = deflateBound(z, body.size);
    belfry_err err = buf_reserve(out, most);
    if (err != BELFRY_OK)
        return err;
    z->next_in = (Bytef *)(uintptr_t)body.data; /* zlib does not write there */
    z->avail_in = (uInt)body.size;
    z->next_out = out->data + out->size;
    z->avail_out = (uInt)most;
    int status = deflate(z, Z_FINISH);
    BELFRY_ASSERT(status == Z_STREAM_END);
    out->size += most - z->avail_out;
    return BELFRY_OK;
}

belfry_err http_compress(enum http_coding coding, int level, belfry_bytes body, struct buf *out)
{
    BELFRY_ASSERT(coding == HTTP_GZIP || coding == HTTP_DEFLATE);
    BELFRY_ASSERT(level >= 1 && level <= 9);
    BELFRY_ASSERT(body.size <= INT32_MAX);
    z_stream z = { .zalloc = allocate, .zfree = release };
    int bits = window_bits_for(body.size);
    int memory_level = BELFRY_MIN(bits - 6, 8);
    int wrapper = coding == HTTP_GZIP ? GZIP_WRAPPER : 0;
    if (deflateInit2(&z, level, Z_DEFLATED, bits + wrapper, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return BELFRY_ERR_NOMEM;
    belfry_err err = compress_all(&z, body, out);
    (void)deflateEnd(&z); /* complains about unfinished streams, and frees */
    return err;
}
