/*
 * outq.h - what one peer still has to get: frames, in order, most of them shared with others.
 *
 * Idle it is 32 bytes and owns nothing. One frame fits inside; more go to a ring. Dropping acts on
 * whole messages, never on what was partly written.
 */
#ifndef SERVER_OUTQ_H
#define SERVER_OUTQ_H

#include <sys/uio.h>

#include "base/frame.h"

/* What an item is, for the slow-member policies. */
#define OUT_MAY_DROP 0x80000000u /* a room message; else a reply or a control frame */
#define OUT_COMPRESS 0x40000000u /* not yet compressed: a dedicated compressor does it at last */
#define OUT_COUNT_SHIFT 24       /* six bits: messages in the frame, less one */
#define OUT_COPIES 0x00800000u   /* copies that nobody else holds: more may be put behind them */
#define OUT_KEY_MASK 0x007fffffu /* of the conflation key; 0: none */

struct out_item {
    struct frame *frame;
    uint32_t tag;
};

struct out_ring; /* items behind the first */

struct outq {
    struct out_item first; /* frame NULL: empty */
    struct out_ring *rest;
    uint32_t bytes;
    uint32_t sent; /* of the first item */
};

/* Frames that many queues let go of in a row are unreferenced at once. */
struct frame_releaser {
    struct frame *frame;
    unsigned count;
};

void frame_release(struct frame_releaser *releaser, struct frame *frame);
void frame_releaser_flush(struct frame_releaser *releaser);

static inline bool outq_is_empty(const struct outq *q)
{
    return q->first.frame == NULL;
}

/* Owns: takes @frame; on BELFRY_ERR_NOMEM it is dropped. */
BELFRY_NODISCARD belfry_err outq_push(struct outq *q, struct frame *frame, uint32_t tag);

/* Copies @data in. Small pieces share a frame, so that the queue holds little more than its bytes.
 * On BELFRY_ERR_NOMEM it is as before. */
BELFRY_NODISCARD belfry_err outq_copy(struct outq *q, const void *data, size_t size);

/* Item @index from the oldest, NULL behind the last. */
struct out_item *outq_at(struct outq *q, unsigned index);

/* Up to @max parts from the front, at most @max_bytes (but at least one part). They end before an
 * item that is to be compressed: once part of it is written it could not be replaced any more. */
int outq_parts(struct outq *q, struct iovec *parts, int max, size_t max_bytes);

/* @size bytes of the front were written. */
void outq_consume(struct outq *q, size_t size, struct frame_releaser *releaser);

/* Drops the oldest items that may be dropped, until @enough bytes are gone; returns how many
 * messages that were. However many go, the queue is walked once. */
unsigned outq_drop_oldest(struct outq *q, size_t enough);

/* Drops all droppable items with conflation key @key; returns how many messages. */
unsigned outq_drop_key(struct outq *q, uint32_t key);

/* The items within the first @bytes may not be dropped any more. */
void outq_pin(struct outq *q, size_t bytes);

/* Room messages that wait. */
unsigned outq_message_count(struct outq *q);

void outq_deinit(struct outq *q);

static inline unsigned out_tag_count(uint32_t tag)
{
    return ((tag >> OUT_COUNT_SHIFT) & 63) + 1;
}

#endif
