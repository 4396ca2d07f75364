/*
 * wire.h - the little of RFC 6455 that a load generator needs.
 *
 * Frames are built once, masked with a constant key, and sent many times; of what comes back only
 * the headers are read. This is written apart from src/ws on purpose: a measuring instrument that
 * shares code with what it measures would share its mistakes.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "base/buf.h"

enum wire_opcode {
    WIRE_CONTINUATION = 0x0,
    WIRE_TEXT = 0x1,
    WIRE_BINARY = 0x2,
    WIRE_CLOSE = 0x8,
    WIRE_PING = 0x9,
    WIRE_PONG = 0xa,
};

enum { WIRE_MAX_CONTROL_BYTES = 125, WIRE_MAX_HEADER_BYTES = 10 };

/* The header of a server's frame. */
struct wire_frame {
    enum wire_opcode opcode;
    bool is_final;
    size_t header_bytes;
    uint64_t payload_bytes;
};

enum wire_verdict { WIRE_INCOMPLETE, WIRE_FRAME, WIRE_INVALID };

/* Appends a final client frame (6, 8 or 14 bytes more than @payload); fails as buf_put does. */
void wire_put_client_frame(struct buf *out, enum wire_opcode opcode, belfry_bytes payload);

/* Appends the frame that a server sends for the same message (2, 4 or 10 bytes more). */
void wire_put_server_frame(struct buf *out, enum wire_opcode opcode, belfry_bytes payload);

/* Reads the frame header that @bytes begin with; the payload need not be there yet. */
enum wire_verdict wire_peek(belfry_bytes bytes, struct wire_frame *out_frame);

static inline bool wire_is_control(enum wire_opcode opcode)
{
    return opcode >= WIRE_CLOSE;
}

#endif
