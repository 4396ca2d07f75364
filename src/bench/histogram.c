/*
 * histogram.c - a floating-point number is already a logarithmic bucket.
 *
 *   value   0..127           128..255          256..511           512..1023
 *           one bucket each  one bucket each   one for every 2    one for every 4   ...
 *
 * Below 2^7 the bucket is the value. Above, it is the exponent followed by the seven bits after
 * the leading one, so neighbours differ by less than 1 %.
 */
#include "bench/histogram.h"

static unsigned shift_of(uint64_t value)
{
    unsigned width = 64 - (unsigned)__builtin_clzll(value | 1);
    return width <= HISTOGRAM_FINE_BITS + 1 ? 0 : width - HISTOGRAM_FINE_BITS - 1;
}

static size_t bucket_of(uint64_t value)
{
    if (value >> HISTOGRAM_VALUE_BITS != 0)
        return HISTOGRAM_BUCKETS - 1;
    unsigned shift = shift_of(value);
    return ((size_t)shift << HISTOGRAM_FINE_BITS) + (size_t)(value >> shift);
}

/* The largest value that bucket_of() puts into @bucket. */
static uint64_t bucket_end(size_t bucket)
{
    size_t row = bucket >> HISTOGRAM_FINE_BITS;
    if (row < 2)
        return bucket;
    unsigned shift = (unsigned)row - 1;
    uint64_t fine = bucket - ((size_t)shift << HISTOGRAM_FINE_BITS);
    return ((fine + 1) << shift) - 1;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

void histogram_add(struct histogram *h, uint64_t value, uint64_t times)
{
    if (times == 0)
        return;
    h->buckets[bucket_of(value)] += times;
    h->count += times;
    h->max = BELFRY_MAX(h->max, value);
}

uint64_t histogram_quantile(const struct histogram *h, double quantile)
{
    BELFRY_ASSERT(quantile >= 0 && quantile <= 1);
    double share = quantile * (double)h->count;
    uint64_t wanted = (uint64_t)share;
    if ((double)wanted < share || wanted == 0)
        wanted++;
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += h->buckets[bucket];
        if (seen >= wanted)
            return BELFRY_MIN(bucket_end(bucket), h->max);
    }
    return h->max;
}
