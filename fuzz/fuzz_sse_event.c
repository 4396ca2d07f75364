/*
 * Whatever id, name and data hold, a client reads one event with that data, its line ends being LF;
 * the id and the name are as given, or not there. The input is cut at its first two zeros.
 */
#include "sse/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As WHATWG HTML 9.2.6 reads it, one event. */
struct reading {
    belfry_bytes id, name;
    bool has_id, has_name;
    struct buf data;
    unsigned events;
};

static void take_line(struct reading *r, belfry_bytes line)
{
    const char *text = line.data;
    if (line.size >= 4 && memcmp(text, "id: ", 4) == 0) {
        r->id = bytes_of(text + 4, line.size - 4);
        r->has_id = true;
    } else if (line.size >= 7 && memcmp(text, "event: ", 7) == 0) {
        r->name = bytes_of(text + 7, line.size - 7);
        r->has_name = true;
    } else if (line.size >= 6 && memcmp(text, "data: ", 6) == 0) {
        buf_put(&r->data, text + 6, line.size - 6);
        buf_put_char(&r->data, '\n');
    } else {
        BELFRY_ASSERT(line.size == 0);
        r->events++;
    }
}

static void read_stream(struct reading *r, belfry_bytes stream)
{
    const char *text = stream.data;
    size_t start = 0;
    for (size_t i = 0; i < stream.size; i++) {
        BELFRY_ASSERT(text[i] != '\r');
        if (text[i] != '\n')
            continue;
        take_line(r, bytes_of(text + start, i - start));
        start = i + 1;
    }
    BELFRY_ASSERT(start == stream.size);
}

/* CR LF, LF and CR are one line end each. */
static void normalize(struct buf *out, belfry_bytes data)
{
    const char *text = data.data;
    for (size_t i = 0; i < data.size; i++) {
        if (text[i] == '\r' && i + 1 < data.size && text[i + 1] == '\n')
            continue;
        buf_put_char(out, text[i] == '\r' ? '\n' : text[i]);
    }
}

static belfry_bytes cut(belfry_bytes *rest)
{
    const uint8_t *zero = rest->size > 0 ? memchr(rest->data, 0, rest->size) : NULL;
    size_t size = zero != NULL ? (size_t)(zero - (const uint8_t *)rest->data) : 0;
    belfry_bytes part = bytes_of(rest->data, size);
    if (zero != NULL)
        *rest = bytes_of(zero + 1, rest->size - size - 1);
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    belfry_bytes rest = bytes_of(data, size);
    struct sse_event event = { 0 };
    struct reading r = { 0 };
    struct buf out = { 0 }, want = { 0 };
    event.id = cut(&rest);
    event.name = cut(&rest);
    event.data = rest;
    sse_put_event(&out, &event);
    read_stream(&r, buf_bytes(&out));
    BELFRY_ASSERT(r.events == 1);
    BELFRY_ASSERT(!r.has_id || bytes_equal(r.id, event.id));
    BELFRY_ASSERT(!r.has_name || bytes_equal(r.name, event.name));
    normalize(&want, event.data);
    buf_put_char(&want, '\n');
    BELFRY_ASSERT(bytes_equal(buf_bytes(&r.data), buf_bytes(&want)));
    buf_deinit(&r.data);
    buf_deinit(&out);
    buf_deinit(&want);
    return 0;
}
