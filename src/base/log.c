/*
 * log.c - from an event and its fields to one clean line.
 *
 *   log_event --level on?--> "event=..." + fields, on the stack --> cut, cleaned --> the callback
 *
 * A quoted value is a JSON string, so that whoever turns lines into JSON copies it as it is. What
 * arrives here through a plain %s instead of LOG_FIELD may make an ugly line, but never a second
 * one: control characters and bytes that are not UTF-8 become '?'.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/utf8.h"

#define SILENT (-1)
#define TRUNCATED " truncated=true"
#define ELLIPSIS "..."

atomic_int log_threshold = SILENT;

/* Set before the first server starts, hence before the threads that read them. */
static belfry_log_fn sink;
static void *sink_user;

static const char *const level_names[] = {
#define LEVEL_NAME(name, text, help) text,
    BELFRY_LOG_LEVELS(LEVEL_NAME)
#undef LEVEL_NAME
};

const char *log_level_name(belfry_log_level level)
{
    BELFRY_ASSERT(level < BELFRY_COUNT(level_names));
    return level_names[level];
}

void belfry_set_log(belfry_log_fn fn, void *user, belfry_log_level level)
{
    atomic_store(&log_threshold, SILENT);
    sink = fn;
    sink_user = user;
    atomic_store(&log_threshold, fn != NULL ? (int)level : SILENT);
}

/* --- a line -------------------------------------------------------------------------------------
 */

/* Where the last blank between two fields is at or before @max; blanks in quotes do not count. */
static size_t last_gap(const char *line, size_t max)
{
    bool is_quoted = false;
    size_t gap = 0;
    for (size_t i = 0; i <= max && line[i] != '\0'; i++) {
        if (line[i] == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && line[i] == '\\' && line[i + 1] != '\0')
            i++;
        else if (!is_quoted && line[i] == ' ')
            gap = i;
    }
    return gap;
}

/* Whole fields only, and a word that says so. */
static void truncate_line(char line[BELFRY_LOG_LINE_SIZE])
{
    size_t gap = last_gap(line, BELFRY_LOG_LINE_SIZE - sizeof TRUNCATED);
    memcpy(line + gap, TRUNCATED, sizeof TRUNCATED);
}

static void clean_line(char *line)
{
    bool is_utf8 = utf8_is_valid(bytes_of_text(line));
    for (char *c = line; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !is_utf8))
            *c = '?';
    }
}

void log_write(belfry_log_level level, const char *event, const char *format, ...)
{
    BELFRY_ASSERT(event != NULL && strlen(event) < 64);
    char line[BELFRY_LOG_LINE_SIZE];
    size_t size = (size_t)snprintf(line, sizeof line, "event=%s", event);
    if (format != NULL) {
        line[size++] = ' ';
        va_list args;
        va_start(args, format);
        int wanted = vsnprintf(line + size, sizeof line - size, format, args);
        va_end(args);
        if (wanted < 0)
            line[size - 1] = '\0'; /* a conversion failed: the event alone still tells something */
        else if ((size_t)wanted >= sizeof line - size)
            truncate_line(line);
    }
    clean_line(line);
    if (sink != NULL)
        sink(level, event, line, sink_user);
}

/* --- a value ------------------------------------------------------------------------------------
 */

/* ASCII that needs no quotes, and nothing that JSON would take for something else than text. */
static bool is_plain_word(belfry_bytes value)
{
    const unsigned char *bytes = value.data;
    for (size_t i = 0; i < value.size; i++) {
        if (bytes[i] <= 0x20 || bytes[i] >= 0x7f || strchr("\"=\\", bytes[i]) != NULL)
            return false;
    }
    return value.size > 0 && json_scan(value, 1, NULL, NULL) != BELFRY_OK;
}

/* The size of the character at @bytes; 0 if that is not UTF-8. @out_code is its code point. */
static size_t read_char(const unsigned char *bytes, size_t left, uint32_t *out_code)
{
    unsigned lead = bytes[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size > left || !utf8_is_valid(bytes_of(bytes, size)))
        return 0;
    uint32_t code = size == 1 ? lead : lead & (0x7fU >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (bytes[i] & 0x3fU);
    *out_code = code;
    return size;
}

/* Controls, line separators, byte order marks, and what makes a terminal write right to left. */
static bool must_escape(uint32_t code)
{
    static const uint32_t ranges[][2] = { { 0, 0x1f },        { 0x7f, 0x9f },
                                          { 0x2028, 0x202e }, { 0x2066, 0x2069 },
                                          { 0xfeff, 0xfeff }, { 0xfffe, 0xffff } };
    for (size_t i = 0; i < BELFRY_COUNT(ranges); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    }
    return false;
}

/* One character as it stands in a JSON string; returns how many bytes of @bytes it was. */
static size_t escape_char(const unsigned char *bytes, size_t left, char out[8])
{
    uint32_t code = 0;
    size_t size = read_char(bytes, left, &code);
    if (size == 0) {
        memcpy(out, "\xef\xbf\xbd", 4); /* U+FFFD */
        return 1;
    }
    if (code == '"' || code == '\\')
        (void)snprintf(out, 8, "\\%c", (int)code);
    else if (code == '\n')
        memcpy(out, "\\n", 3);
    else if (must_escape(code))
        (void)snprintf(out, 8, "\\u%04x", code & 0xffffU);
    else {
        memcpy(out, bytes, size);
        out[size] = '\0';
    }
    return size;
}

const char *log_field(struct log_text *room, belfry_bytes value)
{
    const unsigned char *bytes = value.data;
    const char *quote = is_plain_word(value) ? "" : "\"";
    size_t limit = sizeof room->text - sizeof ELLIPSIS - strlen(quote);
    size_t size = strlen(quote);
    memcpy(room->text, quote, size + 1);
    for (size_t i = 0; i < value.size;) {
        char one[8];
        i += escape_char(bytes + i, value.size - i, one);
        bool is_full = size + strlen(one) > limit;
        const char *next = is_full ? ELLIPSIS : one;
        memcpy(room->text + size, next, strlen(next) + 1);
        size += strlen(next);
        if (is_full)
            break;
    }
    memcpy(room->text + size, quote, strlen(quote) + 1);
    return room->text;
}
