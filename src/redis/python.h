/*
 * python.h - what the managers of python-socketio say (RedisManager, write-only or a server's).
 *
 *     {"method":"emit","event":"e","data":[1],"binary":false,"namespace":"/","room":null,
 *      "skip_sid":null,"callback":null,"host_id":"..."}            on the channel "socketio"
 *
 * A contract of their own, JSON from 5.14 on; older ones write pickle, which is refused: reading it
 * means running what it says. Emits, disconnections, rooms entered, left and closed; callbacks are
 * of no use to who only writes, and are not answered.
 *
 * Pure. Thread: any.
 */
#ifndef REDIS_PYTHON_H
#define REDIS_PYTHON_H

#include "redis/note.h"

#define PYTHON_CHANNEL "socketio"

/* As note_decode: BROADCAST, DISCONNECT, JOIN, LEAVE, or NOTE_NOTHING for other methods. @uid is
 * the host_id. Errors: as note_decode. */
BELFRY_NODISCARD belfry_err python_decode(belfry_bytes payload, const struct note_limits *limits,
                                          struct note_scratch *scratch, struct note *out);

#endif
