/*
 * sse/event.h - writes an event stream (WHATWG HTML, 9.2 Server-sent events).
 *
 *     sse_put_retry(&out, 2000);
 *     sse_put_event(&out, &(struct sse_event){ .id = id, .name = name, .data = data });
 *     sse_put_comment(&out);
 *
 * Nothing that a message holds can end its event or begin another: data is cut at each line end of
 * the format (CR LF, LF, CR), each line with a `data:` of its own; a name or an id that has one is
 * left out. All functions append, and are sticky.
 *
 * Pure. Thread: any.
 */
#ifndef SSE_EVENT_H
#define SSE_EVENT_H

#include "base/buf.h"
#include "base/defs.h"

struct sse_event {
    belfry_bytes id;   /* what Last-Event-ID will say; empty: it stays what it was */
    belfry_bytes name; /* empty: "message" */
    belfry_bytes data; /* UTF-8; empty: clients see an event with data "" */
};

void sse_put_event(struct buf *out, const struct sse_event *event);

/* How long clients wait before they connect again. */
void sse_put_retry(struct buf *out, uint32_t ms);

/* A line that clients pass over: it shows that somebody is there. */
void sse_put_comment(struct buf *out);

#endif
