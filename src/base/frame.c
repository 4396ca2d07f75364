/*
 * frame.c - making and dropping frames.
 */
#include "base/frame.h"

#include "base/alloc.h"

struct frame *frame_new(size_t size)
{
    if (size > UINT32_MAX)
        return NULL;
    struct frame *f = mem_alloc(sizeof *f + size);
    if (f == NULL)
        return NULL;
    atomic_init(&f->refs, 1);
    f->size = (uint32_t)size;
    return f;
}

struct frame *frame_new_copy(const void *data, size_t size)
{
    struct frame *f = frame_new(size);
    if (f != NULL && size > 0)
        memcpy(f->bytes, data, size);
    return f;
}

struct frame *frame_unref(struct frame *f)
{
    if (f == NULL)
        return NULL;
    unsigned before = atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel);
    BELFRY_ASSERT(before > 0);
    if (before == 1)
        mem_free(f);
    return NULL;
}
