/*
 * cork.h - the output of one connection while its input is handled: one write at the end.
 *
 * One per worker. Small pieces are copied behind each other, large ones pointed at.
 */
#ifndef SERVER_CORK_H
#define SERVER_CORK_H

#include <sys/uio.h>

#include "base/frame.h"

#define CORK_PARTS 64
#define CORK_SCRATCH 65536

struct conn;

struct cork {
    struct conn *conn; /* whose input is being handled; NULL: nobody's */
    struct iovec parts[CORK_PARTS];
    struct frame *frames[CORK_PARTS]; /* the owner of a part, or NULL */
    unsigned count;
    size_t bytes;
    size_t used; /* of the scratch */
    uint8_t scratch[CORK_SCRATCH];
};

/* Copies a piece in; false: it does not fit. */
static inline bool cork_copy(struct cork *cork, const void *data, size_t size)
{
    if (size > CORK_SCRATCH - cork->used)
        return false;
    uint8_t *at = cork->scratch + cork->used;
    struct iovec *last = cork->count > 0 ? &cork->parts[cork->count - 1] : NULL;
    bool continues_last = last != NULL && (uint8_t *)last->iov_base + last->iov_len == at;
    if (!continues_last && cork->count == CORK_PARTS)
        return false;
    if (size > 0)
        memcpy(at, data, size);
    cork->used += size;
    cork->bytes += size;
    if (continues_last) {
        last->iov_len += size;
        return true;
    }
    cork->frames[cork->count] = NULL;
    cork->parts[cork->count++] = (struct iovec){ at, size };
    return true;
}

/* Points at a piece; there must be a free part. Owns: takes @owner, if any. */
static inline void cork_point(struct cork *cork, const void *data, size_t size, struct frame *owner)
{
    cork->frames[cork->count] = owner;
    cork->parts[cork->count++] = (struct iovec){ (void *)data, size };
    cork->bytes += size;
}

static inline void cork_empty(struct cork *cork)
{
    for (unsigned i = 0; i < cork->count; i++) {
        if (cork->frames[i] != NULL)
            frame_unref(cork->frames[i]);
    }
    cork->count = 0;
    cork->bytes = 0;
    cork->used = 0;
}

/* Its connection is gone. */
static inline void cork_drop(struct cork *cork)
{
    cork_empty(cork);
    cork->conn = NULL;
}

#endif
