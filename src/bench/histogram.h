/*
 * histogram.h - latencies in logarithmic buckets, each less than 1 % wide.
 *
 * A recorded value costs one increment; a quantile is exact to within its bucket. Values above
 * about 18 minutes (in ns) are counted in the last bucket.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include "base/defs.h"

enum {
    HISTOGRAM_FINE_BITS = 7,   /* 128 buckets for each power of two */
    HISTOGRAM_VALUE_BITS = 40, /* the largest value told apart is 2^40 - 1 */
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_FINE_BITS + 1) << HISTOGRAM_FINE_BITS,
};

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *h);

/* Records @value @times times. */
void histogram_add(struct histogram *h, uint64_t value, uint64_t times);

/* The value that a share of @quantile (0 to 1) of the records does not exceed, rounded up to the
 * end of its bucket but never above the largest record; 0 without records. */
uint64_t histogram_quantile(const struct histogram *h, double quantile);

#endif
