/*
 * log_output.c - one line, three looks.
 *
 *   "event=listening address=:3001 workers=2"
 *      after the event: fields --> as they are (text, logfmt), or one by one (json)
 *
 * A line is formatted on the stack of whoever logs and leaves in one write(2), so that lines of
 * several workers never mix. What does not go out, for example because the disk is full, is lost:
 * a server does not stop for its log.
 */
#include "config/log_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

/* A run of text with a hard end; the last byte is kept for the newline. */
struct sheet {
    char *data;
    size_t size, capacity;
};

static void put(struct sheet *s, const char *data, size_t size)
{
    size = BELFRY_MIN(size, s->capacity - s->size);
    memcpy(s->data + s->size, data, size);
    s->size += size;
}

static void put_text(struct sheet *s, const char *text)
{
    put(s, text, strlen(text));
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void put_time(struct sheet *s, uint64_t wall_ms, const char *format, bool is_local)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if ((is_local ? localtime_r(&seconds, &parts) : gmtime_r(&seconds, &parts)) == NULL)
        return;
    char text[64], fraction[8];
    put(s, text, strftime(text, sizeof text, format, &parts));
    (void)snprintf(fraction, sizeof fraction, ".%03u", (unsigned)(wall_ms % 1000));
    put_text(s, fraction);
}

static void put_utc(struct sheet *s, uint64_t wall_ms)
{
    put_time(s, wall_ms, "%Y-%m-%dT%H:%M:%S", false);
    put_text(s, "Z");
}

/* --- text and logfmt ----------------------------------------------------------------------------
 */

#define COLOUR_OFF "\033[0m"
#define COLOUR_DIM "\033[2m"

static const char *const level_colours[] = {
    [BELFRY_LOG_ERROR] = "\033[1;31m",
    [BELFRY_LOG_WARN] = "\033[33m",
    [BELFRY_LOG_INFO] = "\033[32m",
    [BELFRY_LOG_DEBUG] = "\033[36m",
};

static void put_coloured(struct sheet *s, bool has_colours, const char *colour, const char *text)
{
    if (has_colours)
        put_text(s, colour);
    put_text(s, text);
    if (has_colours)
        put_text(s, COLOUR_OFF);
}

static void put_human(struct sheet *s, bool has_colours, uint64_t wall_ms, belfry_log_level level,
                      const char *event, const char *fields)
{
    char level_text[8], event_text[80];
    (void)snprintf(level_text, sizeof level_text, "%-5s", log_level_name(level));
    (void)snprintf(event_text, sizeof event_text, "%-12s", event);
    if (has_colours)
        put_text(s, COLOUR_DIM);
    put_time(s, wall_ms, "%H:%M:%S", true);
    if (has_colours)
        put_text(s, COLOUR_OFF);
    put_text(s, " ");
    put_coloured(s, has_colours, level_colours[level], level_text);
    put_text(s, "  ");
    put_text(s, *fields != '\0' ? event_text : event);
    put_text(s, *fields != '\0' ? " " : "");
    put_text(s, fields);
}

static void put_logfmt(struct sheet *s, uint64_t wall_ms, belfry_log_level level, const char *line)
{
    put_text(s, "time=");
    put_utc(s, wall_ms);
    put_text(s, " level=");
    put_text(s, log_level_name(level));
    put_text(s, " ");
    put_text(s, line);
}

/* --- json ---------------------------------------------------------------------------------------
 */

static void put_json_string(struct sheet *s, const char *text, size_t size)
{
    put_text(s, "\"");
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\')
            put_text(s, "\\");
        put(s, text + i, 1);
    }
    put_text(s, "\"");
}

/* A quoted value is a JSON string already; of bare ones only these mean something else than text.
 */
static void put_json_value(struct sheet *s, const char *text, size_t size)
{
    struct json_value value;
    bool is_json = json_scan(bytes_of(text, size), 1, &value, NULL) == BELFRY_OK &&
                   value.text.size == size && value.kind != JSON_KIND_ARRAY &&
                   value.kind != JSON_KIND_OBJECT;
    if (is_json)
        put(s, text, size);
    else
        put_json_string(s, text, size);
}

/* Where the value that starts at @text ends: behind its closing quote, or at a blank. */
static size_t value_size(const char *text)
{
    if (*text != '"')
        return strcspn(text, " ");
    size_t i = 1;
    while (text[i] != '\0' && text[i] != '"')
        i += text[i] == '\\' && text[i + 1] != '\0' ? 2 : 1;
    return text[i] == '"' ? i + 1 : i;
}

static void put_json_fields(struct sheet *s, const char *fields)
{
    while (*(fields += strspn(fields, " ")) != '\0') {
        size_t key_size = strcspn(fields, " =");
        put_text(s, ",");
        put_json_string(s, fields, key_size);
        fields += key_size;
        put_text(s, ":");
        if (*fields == '=') {
            size_t size = value_size(++fields);
            put_json_value(s, fields, size);
            fields += size;
        } else {
            put_text(s, "true"); /* a word alone */
        }
    }
}

static void put_json(struct sheet *s, uint64_t wall_ms, belfry_log_level level, const char *event,
                     const char *fields)
{
    put_text(s, "{\"time\":\"");
    put_utc(s, wall_ms);
    put_text(s, "\",\"level\":\"");
    put_text(s, log_level_name(level));
    put_text(s, "\",\"event\":");
    put_json_string(s, event, strlen(event));
    put_json_fields(s, fields);
    put_text(s, "}");
}

/* --- the sink -----------------------------------------------------------------------------------
 */

void log_output_init(struct log_output *o, int fd, enum config_log_format format,
                     const struct clock *clock)
{
    bool is_terminal = isatty(fd) != 0;
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org */
    if (format == CONFIG_LOG_AUTO)
        format = is_terminal ? CONFIG_LOG_TEXT : CONFIG_LOG_LOGFMT;
    *o = (struct log_output){
        .fd = fd,
        .format = format,
        .has_colours = is_terminal && (no_color == NULL || *no_color == '\0'),
        .clock = clock,
    };
}

size_t log_output_format(const struct log_output *o, uint64_t wall_ms, belfry_log_level level,
                         const char *event, const char *line, char out[LOG_OUTPUT_SIZE])
{
    struct sheet s = { .data = out, .capacity = LOG_OUTPUT_SIZE - 1 };
    const char *fields = line + strlen("event=") + strlen(event);
    fields += strspn(fields, " ");
    switch (o->format) {
    case CONFIG_LOG_AUTO:
        BELFRY_UNREACHABLE("log_output_init has decided");
    case CONFIG_LOG_TEXT:
        put_human(&s, o->has_colours, wall_ms, level, event, fields);
        break;
    case CONFIG_LOG_LOGFMT:
        put_logfmt(&s, wall_ms, level, line);
        break;
    case CONFIG_LOG_JSON:
        put_json(&s, wall_ms, level, event, fields);
        break;
    }
    out[s.size++] = '\n';
    return s.size;
}

void log_output_write(belfry_log_level level, const char *event, const char *line, void *user)
{
    const struct log_output *o = user;
    char out[LOG_OUTPUT_SIZE];
    size_t size = log_output_format(o, o->clock->wall_ms(o->clock->user), level, event, line, out);
    int saved_errno = errno;
    while (write(o->fd, out, size) < 0 && errno == EINTR)
        continue;
    errno = saved_errno; /* logging an error must not change it */
}
