/*
 * pool.c - one compressor per window size, one inflater, one scratch buffer.
 */
#include "ws/pool.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "ws/deflate.h"
#include "ws/inflate.h"

#define BITS_MIN 8
#define BITS_MAX 15
#define ZLIB_LOOKAHEAD 262 /* zlib reaches back by its window less this */

struct ws_pool {
    int level;
    struct ws_deflate *compressors[BITS_MAX - BITS_MIN + 1]; /* by window bits */
    struct ws_inflater *inflater;
    struct buf scratch;
};

struct ws_pool *ws_pool_new(int level)
{
    BELFRY_ASSERT(level >= 1 && level <= 9);
    struct ws_pool *pool = mem_alloc_zeroed(sizeof *pool);
    if (pool != NULL)
        pool->level = level;
    return pool;
}

struct ws_pool *ws_pool_free(struct ws_pool *pool)
{
    if (pool == NULL)
        return NULL;
    ws_pool_trim(pool);
    mem_free(pool);
    return NULL;
}

void ws_pool_trim(struct ws_pool *pool)
{
    for (size_t i = 0; i < BELFRY_COUNT(pool->compressors); i++)
        pool->compressors[i] = ws_deflate_free(pool->compressors[i]);
    pool->inflater = ws_inflater_free(pool->inflater);
    buf_deinit(&pool->scratch);
}

size_t ws_pool_memory(const struct ws_pool *pool)
{
    size_t bytes = sizeof *pool + pool->scratch.capacity + ws_inflater_memory(pool->inflater);
    for (size_t i = 0; i < BELFRY_COUNT(pool->compressors); i++)
        bytes += ws_deflate_memory(pool->compressors[i]);
    return bytes;
}

int ws_pool_level(const struct ws_pool *pool)
{
    return pool->level;
}

/* The smallest window in which all of @size bytes can be reached back to; 8 is special, see
 * ws_deflate_new(). */
static unsigned fitting_bits(unsigned bits, size_t size)
{
    unsigned fitting = BELFRY_MIN(bits, 9u);
    while (fitting < bits && ((size_t)1 << fitting) - ZLIB_LOOKAHEAD < size)
        fitting++;
    return fitting;
}

struct ws_deflate *ws_pool_deflate(struct ws_pool *pool, unsigned window_bits, size_t size)
{
    BELFRY_ASSERT(window_bits >= BITS_MIN && window_bits <= BITS_MAX);
    unsigned bits = fitting_bits(window_bits, size);
    struct ws_deflate **slot = &pool->compressors[bits - BITS_MIN];
    if (*slot == NULL)
        *slot = ws_deflate_new(bits, pool->level);
    else
        ws_deflate_reset(*slot);
    return *slot;
}

struct ws_inflater *ws_pool_inflater(struct ws_pool *pool)
{
    if (pool->inflater == NULL)
        pool->inflater = ws_inflater_new(BITS_MAX);
    else
        ws_inflater_reset(pool->inflater);
    return pool->inflater;
}

struct buf *ws_pool_scratch(struct ws_pool *pool)
{
    buf_clear(&pool->scratch);
    return &pool->scratch;
}
