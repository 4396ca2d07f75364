/*
 * heartbeat.h - takes Engine.IO's pings out of what a server sends, so that modes never see them.
 *
 *     while ((piece = heartbeat_next(&h, &input, &bytes)) != HEARTBEAT_END)
 *         if HEARTBEAT_BYTES: on with @bytes; if HEARTBEAT_PING: send WIRE_TEXT "3"
 *
 * All zero is the start of a stream. What comes out is what went in, but for the pings, and a ping
 * comes out in its place. At most a frame header is held back from one read to the next.
 */
#ifndef BENCH_HEARTBEAT_H
#define BENCH_HEARTBEAT_H

#include "bench/wire.h"

struct heartbeat {
    uint64_t skip_bytes; /* of the frame under way */
    uint8_t held[WIRE_MAX_HEADER_BYTES];
    uint8_t held_bytes;
};

enum heartbeat_piece { HEARTBEAT_END, HEARTBEAT_BYTES, HEARTBEAT_PING };

/* Takes the next piece off @input; HEARTBEAT_END: it is used up. Owns: @out_bytes borrows from
 * @input or @h until the next call. */
enum heartbeat_piece heartbeat_next(struct heartbeat *h, belfry_bytes *input,
                                    belfry_bytes *out_bytes);

#endif
