/**
 * belfry/log.h - what a server tells about itself, if anyone asks.
 *
 *     static void print(belfry_log_level level, const char *event, const char *line, void *user)
 *     {
 *         fprintf(stderr, "%s\n", line);
 *     }
 *     belfry_set_log(print, NULL, BELFRY_LOG_INFO);
 *
 * The library is silent until then. A line is logfmt: "event=listening address=:3001 workers=2".
 * Lines are shorter than BELFRY_LOG_LINE_SIZE, have no control characters and no newline, and
 * never carry payloads or tokens.
 */
#ifndef BELFRY_LOG_H
#define BELFRY_LOG_H

#include <belfry/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*  name   text     when */
#define BELFRY_LOG_LEVELS(X)               \
    X(ERROR, "error", "someone must act")  \
    X(WARN, "warn", "service is degraded") \
    X(INFO, "info", "starts and stops")    \
    X(DEBUG, "debug", "the end of every connection: for developers")

/** How much a line matters; a level includes those before it. */
typedef enum belfry_log_level {
#define BELFRY_ENUM_ROW(name, text, help) BELFRY_LOG_##name,
    BELFRY_LOG_LEVELS(BELFRY_ENUM_ROW)
#undef BELFRY_ENUM_ROW
} belfry_log_level;

/** The size of the longest line, its NUL included. */
#define BELFRY_LOG_LINE_SIZE 1024

/**
 * Hears one line: @event is a word such as "listening", @line starts with "event=<event>".
 *
 * Owns:    @event and @line are borrowed until the callback returns.
 * Thread:  any, several at a time; must not block for long: workers wait for it.
 */
typedef void (*belfry_log_fn)(belfry_log_level level, const char *event, const char *line,
                              void *user);

/**
 * Send lines of @level and above to @fn; a NULL @fn silences. One setting for the whole process.
 *
 * Thread:  before the first server of the process starts.
 */
BELFRY_API void belfry_set_log(belfry_log_fn fn, void *user, belfry_log_level level);

#ifdef __cplusplus
}
#endif

#endif
