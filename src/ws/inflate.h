/*
 * inflate.h - decompressing messages (RFC 7692 section 7.2.2), bounded in every step. For this
 * folder; the decoder is what others use.
 *
 *     ws_inflate_feed(i, piece, &out, limit)   any number of times
 *     ws_inflate_finish(i, &out, limit)        the message is complete
 */
#ifndef WS_INFLATE_H
#define WS_INFLATE_H

#include "base/buf.h"
#include "base/defs.h"

struct ws_inflater;

/* After anything but OK the inflater is good for freeing and resetting only. */
enum ws_inflate_result {
    WS_INFLATE_OK,
    WS_INFLATE_CORRUPT,
    WS_INFLATE_TOO_BIG, /* @out holds exactly @limit bytes, and there would be more */
    WS_INFLATE_NO_MEMORY,
};

struct ws_inflater *ws_inflater_new(unsigned window_bits);   /* 8..15; NULL: no memory */
struct ws_inflater *ws_inflater_free(struct ws_inflater *i); /* NULL is fine; returns NULL */
void ws_inflater_reset(struct ws_inflater *i);               /* empty window, new message */
size_t ws_inflater_memory(const struct ws_inflater *i);      /* bytes held; 0 for NULL */

/* Appends to @out what @in (below 4 GiB) inflates to, never beyond @limit bytes in @out. On a
 * failure, what came before it has been appended. */
enum ws_inflate_result ws_inflate_feed(struct ws_inflater *i, belfry_bytes in, struct buf *out,
                                       uint64_t limit);

/* The end of a message: supplies the tail that the sender left away. The window stays. */
enum ws_inflate_result ws_inflate_finish(struct ws_inflater *i, struct buf *out, uint64_t limit);

#endif
