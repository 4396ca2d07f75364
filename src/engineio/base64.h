/*
 * engineio/base64.h - base64 as Engine.IO's peers write and read it.
 *
 * Written strictly (RFC 4648 section 4: standard alphabet, padded), read as Node reads it: both
 * alphabets, characters that are neither are skipped, the first '=' is the end, and so is a last
 * character that makes no whole byte.
 */
#ifndef ENGINEIO_BASE64_H
#define ENGINEIO_BASE64_H

#include "base/buf.h"
#include "base/defs.h"

/* Bytes that eio_base64_put appends for @size bytes. */
static inline size_t eio_base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* Appends @data as base64. Sticky. */
void eio_base64_put(struct buf *out, belfry_bytes data);

/* Appends what @text means. Errors: NOMEM (nothing was appended); there is no text it refuses. */
BELFRY_NODISCARD belfry_err eio_base64_decode(belfry_bytes text, struct buf *out);

#endif
