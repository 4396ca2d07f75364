/*
 * peek.h - whom a broadcast of the classic adapter is for, without reading what it says.
 *
 *     struct note_peek peek;
 *     if (note_peek(payload, &peek))      peek.rooms are all there are; else: note_decode
 *
 * What everybody hears is for others most of the time.
 *
 * Pure. Thread: any.
 */
#ifndef REDIS_PEEK_H
#define REDIS_PEEK_H

#include "base/defs.h"

#define NOTE_PEEK_ROOMS 16

struct note_peek {
    unsigned room_count;
    belfry_bytes rooms[NOTE_PEEK_ROOMS]; /* not checked to be UTF-8 */
};

/* @out lies in @payload. False: not the usual form; has more rooms, or none, which is everyone. */
BELFRY_NODISCARD bool note_peek(belfry_bytes payload, struct note_peek *out);

#endif
