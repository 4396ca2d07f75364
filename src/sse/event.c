/*
 * sse/event.c - fields, each a line; a blank line ends the event.
 */
#include "sse/event.h"

#include <stdio.h>

static bool has_line_end(belfry_bytes text)
{
    return text.size > 0 && (memchr(text.data, '\n', text.size) != NULL ||
                             memchr(text.data, '\r', text.size) != NULL);
}

/* An id with a NUL is ignored by clients (9.2.6): so it is not sent. */
static bool is_id(belfry_bytes text)
{
    return text.size > 0 && !has_line_end(text) && memchr(text.data, '\0', text.size) == NULL;
}

static void put_field(struct buf *out, const char *name, belfry_bytes value)
{
    buf_put_text(out, name);
    buf_put_bytes(out, value);
    buf_put_char(out, '\n');
}

/* Cuts off the first line, and its end. */
static belfry_bytes next_line(belfry_bytes *rest)
{
    const char *start = rest->data;
    size_t size = 0;
    while (size < rest->size && start[size] != '\n' && start[size] != '\r')
        size++;
    size_t end = size;
    if (end < rest->size)
        end += start[end] == '\r' && end + 1 < rest->size && start[end + 1] == '\n' ? 2 : 1;
    *rest = bytes_of(start + end, rest->size - end);
    return bytes_of(start, size);
}

static void put_data(struct buf *out, belfry_bytes data)
{
    if (!has_line_end(data)) {
        put_field(out, "data: ", data);
        return;
    }
    bool ends_with_line = false;
    for (belfry_bytes rest = data; rest.size > 0;) {
        belfry_bytes line = next_line(&rest);
        ends_with_line =
            rest.size == 0 && (const char *)line.data + line.size < (const char *)rest.data;
        put_field(out, "data: ", line);
    }
    if (ends_with_line) /* "a\n" is two lines, the second empty */
        put_field(out, "data: ", bytes_of(NULL, 0));
}

void sse_put_event(struct buf *out, const struct sse_event *event)
{
    if (is_id(event->id))
        put_field(out, "id: ", event->id);
    if (event->name.size > 0 && !has_line_end(event->name))
        put_field(out, "event: ", event->name);
    put_data(out, event->data);
    buf_put_char(out, '\n');
}

void sse_put_retry(struct buf *out, uint32_t ms)
{
    char text[12];
    put_field(out, "retry: ", bytes_of(text, (size_t)snprintf(text, sizeof text, "%u", ms)));
    buf_put_char(out, '\n');
}

void sse_put_comment(struct buf *out)
{
    buf_put_text(out, ":\n\n");
}
