/*
 * show.h - a packet as one line, so that tables can hold what is wanted of it.
 *
 *     EVENT /admin 12 "photo" (1,{}) 2
 *     BINARY_EVENT / - "photo" ({"_placeholder":true,"num":0}) 1 <01 02>
 *     CONNECT / - {"token":"123"}
 */
#ifndef SOCKETIO_SHOW_H
#define SOCKETIO_SHOW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "socketio/packet.h"

static inline void show_attachments(struct buf *b, const struct sio_packet *p)
{
    for (unsigned i = 0; p->attachments != NULL && i < p->attachment_count; i++) {
        const uint8_t *bytes = p->attachments[i].data;
        buf_put_text(b, " <");
        for (size_t k = 0; k < p->attachments[i].size; k++)
            buf_printf(b, "%s%02x", k > 0 ? " " : "", bytes[k]);
        buf_put_char(b, '>');
    }
}

static inline void show_packet(struct buf *b, const struct sio_packet *p)
{
    static const char *const types[] = { "CONNECT",       "DISCONNECT",   "EVENT",     "ACK",
                                         "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK" };
    buf_put_text(b, types[p->type]);
    buf_put_char(b, ' ');
    buf_put_bytes(b, p->nsp);
    buf_put_char(b, ' ');
    if (p->has_id)
        buf_put_u64(b, p->id);
    else
        buf_put_char(b, '-');
    if (p->data.size == 0)
        return;
    buf_put_char(b, ' ');
    if (!sio_is_event(p) && !sio_is_ack(p)) {
        buf_put_bytes(b, p->data);
        return;
    }
    if (sio_is_event(p)) {
        buf_put_bytes(b, p->name);
        buf_put_char(b, ' ');
    }
    buf_put_char(b, '(');
    buf_put_bytes(b, p->args);
    buf_printf(b, ") %u", p->arg_count);
    show_attachments(b, p);
}

/* What came of a message: the packet, "more", or why not. */
static inline void show_verdict(struct buf *b, enum sio_verdict verdict, const struct sio_packet *p,
                                const char *why)
{
    switch (verdict) {
    case SIO_PACKET:
        show_packet(b, p);
        return;
    case SIO_MORE:
        buf_put_text(b, "more");
        return;
    case SIO_BAD:
        buf_put_text(b, why);
        return;
    case SIO_NO_MEMORY:
        buf_put_text(b, "no memory");
        return;
    }
}

/* @text in memory of exactly its size, so that reading on is caught. The caller frees .data. */
static inline belfry_bytes copy_of(belfry_bytes text)
{
    uint8_t *copy = malloc(text.size);
    assert_true(copy != NULL || text.size == 0);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return bytes_of(copy, text.size);
}

static inline void assert_shown(const char *what, const struct buf *shown, const char *want)
{
    if (!bytes_equal_text(buf_bytes(shown), want))
        fail_msg("%s\n is:   %.*s\n want: %s", what, (int)shown->size, (char *)shown->data, want);
}

#endif
