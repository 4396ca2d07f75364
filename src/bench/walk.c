/*
 * walk.c - hop from header to header.
 *
 *   read:   ...payload | H payload | H payload | H pay      next read:  load | H ...
 *           skip         show, hop   show, hop   show         skip
 *
 * A read that ends inside a header, or before the bytes that must be shown, leaves its last bytes
 * in the tail, and the next read is appended there. That is rare, and costs one copy of that read.
 */
#include "bench/walk.h"

#include "bench/bench.h"

static size_t shown_bytes(const struct wire_frame *frame, enum walk_need need)
{
    if (need == WALK_WHOLE || wire_is_control(frame->opcode))
        return frame->payload_bytes;
    return BELFRY_MIN(frame->payload_bytes, WALK_PREFIX_BYTES);
}

/* Walks @bytes and returns how many of them are done with; -1 when the walk is over. */
static ptrdiff_t walk_frames(struct walk *w, belfry_bytes bytes, enum walk_need need,
                             walk_on_frame *on_frame, void *user)
{
    const uint8_t *data = bytes.data;
    size_t at = BELFRY_MIN(w->skip_bytes, bytes.size);
    w->skip_bytes -= at;
    while (at < bytes.size) {
        struct wire_frame frame;
        enum wire_verdict verdict = wire_peek(bytes_of(data + at, bytes.size - at), &frame);
        if (verdict == WIRE_INVALID) {
            (void)bench_complain("the server sent what is no WebSocket frame (0x%02x 0x%02x)",
                                 data[at], data[at + 1]);
            return -1;
        }
        if (verdict == WIRE_INCOMPLETE)
            break;
        size_t arrived = bytes.size - at - BELFRY_MIN(bytes.size - at, frame.header_bytes);
        if (arrived < shown_bytes(&frame, need))
            break;
        arrived = BELFRY_MIN(arrived, frame.payload_bytes);
        if (!on_frame(user, &frame, bytes_of(data + at + frame.header_bytes, arrived)))
            return -1;
        at += frame.header_bytes + arrived;
        w->skip_bytes = frame.payload_bytes - arrived;
    }
    return (ptrdiff_t)at;
}

bool walk_feed(struct walk *w, belfry_bytes bytes, enum walk_need need, walk_on_frame *on_frame,
               void *user)
{
    bool has_tail = w->tail.size > 0;
    if (has_tail) {
        buf_put_bytes(&w->tail, bytes);
        bytes = buf_bytes(&w->tail);
    }
    ptrdiff_t done = walk_frames(w, bytes, need, on_frame, user);
    if (done < 0)
        return false;
    if (has_tail)
        buf_consume(&w->tail, (size_t)done);
    else
        buf_put(&w->tail, (const uint8_t *)bytes.data + done, bytes.size - (size_t)done);
    if (buf_failed(&w->tail))
        return bench_complain("out of memory: lower -c or -s");
    if (w->tail.size == 0 && w->tail.capacity > 0)
        buf_deinit(&w->tail);
    return true;
}

void walk_deinit(struct walk *w)
{
    buf_deinit(&w->tail);
    *w = (struct walk){ 0 };
}
