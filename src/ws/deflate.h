/*
 * deflate.h - compressing messages (RFC 7692 section 7.2.1).
 *
 *     err = ws_deflate_message(pool, NULL, bits, text, &out);            no context takeover
 *     err = ws_deflate_message(pool, &conn->deflate, bits, text, &out);  with it
 *
 * A result of the first kind fits every peer with a window of @bits or more: encode once, send to
 * a whole room. The second kind fits one peer and must be sent, in order; or the context freed.
 */
#ifndef WS_DEFLATE_H
#define WS_DEFLATE_H

#include "base/buf.h"
#include "base/defs.h"
#include "ws/pool.h"

/* A compressor of one connection, which remembers earlier messages. NULL until it has one. */
struct ws_deflate;

/*
 * Appends the deflated @in to @out: the payload of a frame with WS_COMPRESSED set.
 *
 * @dedicated: NULL for the pool's compressors; else where the connection keeps its own, made here
 * when it is NULL. @window_bits: 8..15, see ws_deflate_window_bits().
 * Errors: BELFRY_ERR_NOMEM  @out is as before, *@dedicated is NULL
 */
BELFRY_NODISCARD belfry_err ws_deflate_message(struct ws_pool *pool, struct ws_deflate **dedicated,
                                               unsigned window_bits, belfry_bytes in,
                                               struct buf *out);

/* NULL is fine; returns NULL. Allowed at any time between messages: the next one starts with an
 * empty window, which every peer understands. That is how an idle connection is trimmed. */
struct ws_deflate *ws_deflate_free(struct ws_deflate *deflate);

/* Bytes held; 0 for NULL. */
size_t ws_deflate_memory(const struct ws_deflate *deflate);

/* --- for pool.c --- */

struct ws_deflate *ws_deflate_new(unsigned window_bits, int level); /* NULL: no memory */
void ws_deflate_reset(struct ws_deflate *deflate);                  /* to an empty window */

#endif
