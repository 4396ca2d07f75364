/*
 * show.h - packets as text, so that tables can hold what is wanted: "message(hi) ping()
 * message#0102".
 */
#ifndef TESTS_ENGINEIO_SHOW_H
#define TESTS_ENGINEIO_SHOW_H

#include "base/alloc.h"
#include "engineio/packet.h"

/* A literal with zeros in it. */
#define WIRE(literal) ((belfry_bytes){ literal, sizeof(literal) - 1 })

static void show_packet(struct buf *out, const struct eio_packet *packet)
{
    static const char *const names[] = { "open",    "close",   "ping", "pong",
                                         "message", "upgrade", "noop" };
    if (out->size > 0)
        buf_put_char(out, ' ');
    buf_put_text(out, names[packet->type]);
    if (packet->is_binary) {
        buf_put_char(out, '#');
        for (size_t i = 0; i < packet->data.size; i++)
            buf_printf(out, "%02x", ((const uint8_t *)packet->data.data)[i]);
        return;
    }
    buf_put_char(out, '(');
    buf_put_bytes(out, packet->data);
    buf_put_char(out, ')');
}

static void show_result(struct buf *out, enum eio_result result)
{
    static const char *const names[] = { "ok", "malformed", "no-memory" };
    if (out->size > 0)
        buf_put_char(out, ' ');
    buf_put_text(out, names[result]);
}

/* A copy with nothing behind it, so that reading on is caught. Free it with mem_free. */
static belfry_bytes exact_copy(belfry_bytes bytes)
{
    void *copy = mem_alloc(bytes.size > 0 ? bytes.size : 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return bytes_of(copy, bytes.size);
}

#endif
