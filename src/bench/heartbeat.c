/*
 * heartbeat.c - hop from header to header, as walk.c does, but pass on everything in between.
 *
 * A ping (Engine.IO 4) is one text frame: 81 01 '2'. No other frame of a Socket.IO server is a
 * text of one byte that begins so: messages begin with '4'.
 */
#include "bench/heartbeat.h"

enum { PING_BYTES = 3 };

enum finding { FOUND_NOTHING_YET, FOUND_FRAME, FOUND_PING, FOUND_RUBBISH };

/* What @bytes begin with; FOUND_NOTHING_YET: more of them would say. */
static enum finding find(belfry_bytes bytes, struct wire_frame *out_frame)
{
    switch (wire_peek(bytes, out_frame)) {
    case WIRE_INCOMPLETE:
        return FOUND_NOTHING_YET;
    case WIRE_INVALID:
        return FOUND_RUBBISH;
    case WIRE_FRAME:
        break;
    }
    if (out_frame->opcode != WIRE_TEXT || !out_frame->is_final || out_frame->payload_bytes != 1)
        return FOUND_FRAME;
    if (bytes.size < PING_BYTES)
        return FOUND_NOTHING_YET;
    return ((const uint8_t *)bytes.data)[2] == '2' ? FOUND_PING : FOUND_FRAME;
}

static belfry_bytes take(belfry_bytes *input, size_t size)
{
    belfry_bytes taken = bytes_of(input->data, size);
    *input = bytes_of((const uint8_t *)input->data + size, input->size - size);
    return taken;
}

/* A header began in an earlier read: byte by byte until it is whole. */
static enum heartbeat_piece next_of_held(struct heartbeat *h, belfry_bytes *input,
                                         belfry_bytes *out_bytes)
{
    enum finding finding = FOUND_NOTHING_YET;
    struct wire_frame frame = { 0 };
    while (finding == FOUND_NOTHING_YET && input->size > 0) {
        BELFRY_ASSERT(h->held_bytes < sizeof h->held);
        h->held[h->held_bytes++] = *(const uint8_t *)take(input, 1).data;
        finding = find(bytes_of(h->held, h->held_bytes), &frame);
    }
    if (finding == FOUND_NOTHING_YET)
        return HEARTBEAT_END;
    *out_bytes = bytes_of(h->held, h->held_bytes);
    h->held_bytes = 0;
    if (finding == FOUND_PING)
        return HEARTBEAT_PING;
    if (finding == FOUND_FRAME)
        h->skip_bytes = frame.header_bytes + frame.payload_bytes - out_bytes->size;
    return HEARTBEAT_BYTES;
}

/* How many bytes of @input come before the first that is not to be passed on; what that is goes to
 * @out_finding. */
static size_t scan(struct heartbeat *h, belfry_bytes input, enum finding *out_finding)
{
    size_t at = 0;
    *out_finding = FOUND_FRAME;
    for (;;) {
        size_t hop = BELFRY_MIN(h->skip_bytes, (uint64_t)(input.size - at));
        at += hop;
        h->skip_bytes -= hop;
        if (at == input.size)
            return at;
        struct wire_frame frame;
        enum finding finding =
            find(bytes_of((const uint8_t *)input.data + at, input.size - at), &frame);
        if (finding == FOUND_RUBBISH) /* the mode says so */
            return input.size;
        if (finding != FOUND_FRAME) {
            *out_finding = finding;
            return at;
        }
        h->skip_bytes = frame.header_bytes + frame.payload_bytes;
    }
}

enum heartbeat_piece heartbeat_next(struct heartbeat *h, belfry_bytes *input,
                                    belfry_bytes *out_bytes)
{
    if (input->size == 0)
        return HEARTBEAT_END;
    if (h->held_bytes > 0)
        return next_of_held(h, input, out_bytes);
    enum finding finding;
    size_t before = scan(h, *input, &finding);
    if (before > 0) {
        *out_bytes = take(input, before);
        return HEARTBEAT_BYTES;
    }
    if (finding == FOUND_PING) {
        *out_bytes = take(input, PING_BYTES);
        return HEARTBEAT_PING;
    }
    h->held_bytes = (uint8_t)input->size;
    memcpy(h->held, take(input, input->size).data, h->held_bytes);
    return HEARTBEAT_END;
}
