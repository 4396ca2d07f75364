/*
 * pool.h - what the connections of one worker share: zlib contexts and scratch memory.
 *
 * A message that stands for itself (no context takeover) needs a compressor or an inflater only
 * while it is being worked on, so one of each size serves everybody. Made when first needed.
 *
 * Thread: belongs to one worker; every decoder and ws_deflate used with it belongs to that worker.
 */
#ifndef WS_POOL_H
#define WS_POOL_H

#include "base/defs.h"

struct ws_pool;

/* @level: zlib's, 1 fastest to 9 smallest. NULL: no memory. */
struct ws_pool *ws_pool_new(int level);
struct ws_pool *ws_pool_free(struct ws_pool *pool); /* NULL is fine; returns NULL */

/* Gives all memory but its own back; for a worker with nothing to do. Whatever an event points
 * into is gone as well. */
void ws_pool_trim(struct ws_pool *pool);

/* Bytes held. */
size_t ws_pool_memory(const struct ws_pool *pool);

/* --- for this folder: borrowed until the next call, NULL when memory is out --- */

struct buf;
struct ws_deflate;
struct ws_inflater;

int ws_pool_level(const struct ws_pool *pool);

/* A compressor with an empty window, for a message of @size bytes and a peer's @window_bits. */
struct ws_deflate *ws_pool_deflate(struct ws_pool *pool, unsigned window_bits, size_t size);

/* An inflater with an empty window that takes any peer's. */
struct ws_inflater *ws_pool_inflater(struct ws_pool *pool);

/* The scratch buffer, emptied. Never NULL. */
struct buf *ws_pool_scratch(struct ws_pool *pool);

#endif
