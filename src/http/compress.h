/*
 * http/compress.h - a whole body, compressed.
 *
 *     enum http_coding coding = http_choose_coding(&head);
 *     if (coding != HTTP_IDENTITY && http_compress(coding, level, body, &out) == BELFRY_OK)
 *         http_response_field(&fields, "Content-Encoding",
 * bytes_of_text(http_coding_name(coding)));
 *
 * Whether it is worth it is the caller's business, as is "Vary: Accept-Encoding" for responses
 * that may be cached.
 */
#ifndef HTTP_COMPRESS_H
#define HTTP_COMPRESS_H

#include "base/buf.h"
#include "http/accept.h"

/* Appends to @out; @level is 1 (fast) to 9 (small). Errors: NOMEM; @out is as before. */
BELFRY_NODISCARD belfry_err http_compress(enum http_coding coding, int level, belfry_bytes body,
                                          struct buf *out);

#endif
