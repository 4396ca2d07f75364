/*
 * dialect.h - how the fan-out load says "join" and "message", and what it hears in return.
 */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include "base/buf.h"
#include "bench/options.h"

/* Templates: @r stands for the room, @t for the text. Prefixes say what an incoming payload is. */
struct dialect {
    const char *join; /* NULL: there are no rooms */
    const char *message;
    const char *joined;  /* prefix of the answer to a join */
    const char *refused; /* prefix of a refusal, looked for first */
    const char *copy;    /* prefix of a message that a member receives; at most WALK_PREFIX_BYTES */
};

const struct dialect *dialect_of(const struct bench_options *options);

/* Appends @pattern with its places filled in; fails as buf_put does. */
void dialect_put(struct buf *out, const char *pattern, const char *room, belfry_bytes text);

#endif
