/*
 * frame.h - encoded bytes that many queues share: immutable and counted.
 *
 * encode once -> struct frame, one reference per queue that holds it -> the last unref frees.
 * Thread: any; loops share frames, hence the atomic count.
 */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H

#include <stdatomic.h>

#include "base/defs.h"

struct frame {
    atomic_uint refs;
    uint32_t size;
    uint8_t bytes[]; /* nobody writes here once a second reference exists */
};

struct frame *frame_new(size_t size); /* one reference, bytes not set; NULL: no memory */
struct frame *frame_new_copy(const void *data, size_t size);

static inline struct frame *frame_ref(struct frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

/* @count references at once: one atomic operation for a whole room. */
static inline void frame_ref_many(struct frame *f, unsigned count)
{
    atomic_fetch_add_explicit(&f->refs, count, memory_order_relaxed);
}

struct frame *frame_unref(struct frame *f); /* NULL is fine; returns NULL */

#endif
