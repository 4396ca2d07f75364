/*
 * counters.c - adding up, and Prometheus' text format.
 */
#include "server/counters.h"

#include "base/buf.h"

struct row {
    const char *metric;
    const char *type;
    const char *help;
    size_t offset;
};

static const struct row rows[] = {
#define COUNTER_ROW(name, type, metric, help) \
    { metric, #type, help, offsetof(struct counters, name) },
    COUNTERS(COUNTER_ROW)
#undef COUNTER_ROW
};

const char *close_reason_text(enum close_reason reason)
{
    static const char *const texts[] = {
#define CLOSE_REASON_TEXT(name, text) text,
        CLOSE_REASONS(CLOSE_REASON_TEXT)
#undef CLOSE_REASON_TEXT
    };
    return texts[reason];
}

static size_t name_size(const char *metric)
{
    return strcspn(metric, "{");
}

/* HELP and TYPE stand once, before the first row of a metric. */
static void put_head(struct buf *out, const struct row *row, const struct row *before)
{
    size_t size = name_size(row->metric);
    if (before != NULL && name_size(before->metric) == size &&
        memcmp(before->metric, row->metric, size) == 0)
        return;
    buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)size, row->metric, row->help,
               (int)size, row->metric, row->type);
}

static uint64_t sum_of(struct counters *const *workers, unsigned count, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned w = 0; w < count; w++) {
        atomic_ullong *counter = (atomic_ullong *)((char *)workers[w] + offset);
        sum += atomic_load_explicit(counter, memory_order_relaxed);
    }
    return sum;
}

void counters_put(struct buf *out, struct counters *const *workers, unsigned count)
{
    for (const struct row *row = rows; row != BELFRY_END(rows); row++) {
        put_head(out, row, row == rows ? NULL : row - 1);
        buf_printf(out, "%s %llu\n", row->metric,
                   (unsigned long long)sum_of(workers, count, row->offset));
    }
    buf_put_text(out, "# HELP belfry_disconnects_total WebSockets that ended\n"
                      "# TYPE belfry_disconnects_total counter\n");
    for (int reason = 0; reason < CLOSE_REASON_COUNT; reason++) {
        size_t offset = offsetof(struct counters, closed) + (size_t)reason * sizeof(atomic_ullong);
        buf_printf(out, "belfry_disconnects_total{reason=\"%s\"} %llu\n",
                   close_reason_text((enum close_reason)reason),
                   (unsigned long long)sum_of(workers, count, offset));
    }
}
