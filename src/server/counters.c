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

/* --- those with one counter for each of a table's rows ----------------------------------------*/

#define TEXT_OF_ROW(name, text) text,
#define CODE_OF_ROW(name, code, message) #code,

static const char *const close_reason_texts[] = { CLOSE_REASONS(TEXT_OF_ROW) };
static const char *const session_end_texts[] = { SESSION_ENDS(TEXT_OF_ROW) };
static const char *const eio_error_codes[] = { EIO_ERRORS(CODE_OF_ROW) };

struct family {
    const char *metric, *label, *help;
    const char *const *values; /* of the label */
    size_t count;
    size_t offset; /* of an array, in struct counters */
};

static const struct family families[] = {
    { "belfry_disconnects_total", "reason",
      "WebSockets that ended, and slow members of either kind", close_reason_texts,
      BELFRY_COUNT(close_reason_texts), offsetof(struct counters, closed) },
    { "belfry_sessions_ended_total", "reason", "Engine.IO sessions that ended", session_end_texts,
      BELFRY_COUNT(session_end_texts), offsetof(struct counters, sessions_ended) },
    { "belfry_engineio_refused_total", "code", "Engine.IO requests answered with an error",
      eio_error_codes, BELFRY_COUNT(eio_error_codes), offsetof(struct counters, eio_refused) },
};

const char *close_reason_text(enum close_reason reason)
{
    return close_reason_texts[reason];
}

static void put_family(struct buf *out, const struct family *f, struct counters *const *workers,
                       unsigned count)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", f->metric, f->help, f->metric);
    for (size_t i = 0; i < f->count; i++)
        buf_printf(
            out, "%s{%s=\"%s\"} %llu\n", f->metric, f->label, f->values[i],
            (unsigned long long)sum_of(workers, count, f->offset + i * sizeof(atomic_ullong)));
}

void counters_put(struct buf *out, struct counters *const *workers, unsigned count)
{
    for (const struct row *row = rows; row != BELFRY_END(rows); row++) {
        put_head(out, row, row == rows ? NULL : row - 1);
        buf_printf(out, "%s %llu\n", row->metric,
                   (unsigned long long)sum_of(workers, count, row->offset));
    }
    for (const struct family *f = families; f != BELFRY_END(families); f++)
        put_family(out, f, workers, count);
}
