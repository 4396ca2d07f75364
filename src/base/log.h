/*
 * log.h - one call to tell what happened: an event and its key=value pairs.
 *
 *     log_event(BELFRY_LOG_INFO, "listening", "address=%s workers=%u", address, workers);
 *     log_event(BELFRY_LOG_WARN, "refused", "origin=%s", LOG_FIELD(origin));
 *     log_event(BELFRY_LOG_INFO, "stopped", NULL);
 *
 * The line is built on the stack, nothing is allocated; while the level is off the cost is one
 * relaxed load and no argument is evaluated. A line that grows too long loses its last fields and
 * says "truncated=true". Keys are ours: lower-case words. Values from anywhere else go through
 * LOG_FIELD. Never payload bytes, never tokens.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>

#include <belfry/log.h>

#include "base/defs.h"

/* The level in force; below BELFRY_LOG_ERROR nothing is heard. Set by belfry_set_log. */
extern atomic_int log_threshold;

static inline bool log_is_on(belfry_log_level level)
{
    return (int)level <= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

/* A NULL @format (the third argument): no fields. */
#define log_event(level, event, ...) \
    (log_is_on(level) ? log_write(level, event, __VA_ARGS__) : (void)0)

void log_write(belfry_log_level level, const char *event, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/* Room for one value; values that do not fit end in "...". */
struct log_text {
    char text[256];
};

/*
 * @value as the value of a field, in @room: as it is when it is a plain word, else as a JSON
 * string (the quotes, \", \\, \n, \u009b) in printable UTF-8; bytes that are not UTF-8 become
 * U+FFFD. What would read as a number, true, false or null is quoted too, so that bare ones are
 * only what the program wrote itself. Returns room->text.
 */
const char *log_field(struct log_text *room, belfry_bytes value);

/* log_field in room that lasts until the end of the block. */
#define LOG_FIELD(value) log_field(&(struct log_text){ { 0 } }, value)

const char *log_level_name(belfry_log_level level);

#endif
