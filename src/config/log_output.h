/*
 * log_output.h - where the program's log lines go: one write(2) each, to one descriptor.
 *
 *   text     22:15:02.123 info   listening  address=:3001 workers=2       colours on a terminal
 *   logfmt   time=2026-11-23T22:15:02.123Z level=info event=listening address=:3001 workers=2
 *   json     {"time":"2026-11-23T22:15:02.123Z","level":"info","event":"listening",...}
 *
 *     log_output_init(&output, STDERR_FILENO, config.log_format, &clock_system);
 *     belfry_set_log(log_output_write, &output, config.log_level);
 */
#ifndef CONFIG_LOG_OUTPUT_H
#define CONFIG_LOG_OUTPUT_H

#include <belfry/log.h>

#include "base/clock.h"
#include "base/defs.h"
#include "config/settings.h"

struct log_output {
    int fd;
    enum config_log_format format; /* never CONFIG_LOG_AUTO */
    bool has_colours;
    const struct clock *clock;
};

/* Decides what CONFIG_LOG_AUTO means for @fd. A set NO_COLOR switches colours off. */
void log_output_init(struct log_output *o, int fd, enum config_log_format format,
                     const struct clock *clock);

/* A belfry_log_fn; @user is the struct log_output. Thread: any. */
void log_output_write(belfry_log_level level, const char *event, const char *line, void *user);

/* The longest formatted line. */
#define LOG_OUTPUT_SIZE (6 * BELFRY_LOG_LINE_SIZE)

/* What log_output_write would write, newline included; returns its size. */
size_t log_output_format(const struct log_output *o, uint64_t wall_ms, belfry_log_level level,
                         const char *event, const char *line, char out[LOG_OUTPUT_SIZE]);

#endif
