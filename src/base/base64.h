/*
 * base64.h - base64, written strictly and read as Node reads it.
 *
 * Strictly is RFC 4648 section 4: standard alphabet, padded. Node, and so its peers, read both
 * alphabets, characters that are neither are skipped, the first '=' is the end, and so is a last
 * character that makes no whole byte.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"
#include "base/defs.h"

/* Bytes that base64_put appends for @size bytes. */
static inline size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* Appends @data as base64. Sticky. */
void base64_put(struct buf *out, belfry_bytes data);

/* Appends what @text means. Errors: NOMEM (nothing was appended); there is no text it refuses. */
BELFRY_NODISCARD belfry_err base64_decode(belfry_bytes text, struct buf *out);

#endif
