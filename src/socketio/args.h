/*
 * socketio/args.h - the arguments of an event or ack: JSON values between commas.
 *
 *     struct sio_args it = sio_args_of(packet.args);
 *     struct json_value arg;
 *     while (sio_args_next(&it, &arg))
 *         ...
 *
 * Arguments of a packet that was read are known to be JSON; sio_args_scan is for those of others.
 * Placeholders in them: base/placeholder.h.
 */
#ifndef SOCKETIO_ARGS_H
#define SOCKETIO_ARGS_H

#include "base/json.h"

/* A walk; holds no memory. */
struct sio_args {
    const uint8_t *at, *end;
};

struct sio_args sio_args_of(belfry_bytes args);

bool sio_args_next(struct sio_args *it, struct json_value *out_arg);

uint32_t sio_args_count(belfry_bytes args);

/* The @index-th of @args, from 0; JSON_KIND_ABSENT if there are not so many. */
struct json_value sio_args_at(belfry_bytes args, uint32_t index);

/*
 * Checks that @args are JSON values between commas, or nothing, each nested at most @max_depth.
 *
 * Errors:  BELFRY_ERR_INVALID  not JSON        BELFRY_ERR_LIMIT  nested too deep
 */
BELFRY_NODISCARD belfry_err sio_args_scan(belfry_bytes args, unsigned max_depth,
                                          uint32_t *out_count);

#endif
