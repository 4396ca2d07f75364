/*
 * outq.c - one item inside, the rest in a ring that goes away when it is empty.
 */
#include "server/outq.h"

#include "base/alloc.h"

#define SMALLEST_RING 8
#define SMALLEST_ROOM 32
#define COPIES_BYTES 4096 /* most that a frame of copies holds */

struct out_ring {
    uint32_t first;
    uint32_t count;
    uint32_t capacity; /* a power of two */
    struct out_item items[];
};

void frame_release(struct frame_releaser *releaser, struct frame *frame)
{
    if (releaser->frame != frame) {
        frame_releaser_flush(releaser);
        releaser->frame = frame;
    }
    releaser->count++;
}

void frame_releaser_flush(struct frame_releaser *releaser)
{
    if (releaser->count > 1)
        atomic_fetch_sub_explicit(&releaser->frame->refs, releaser->count - 1,
                                  memory_order_acq_rel);
    if (releaser->count > 0)
        frame_unref(releaser->frame);
    *releaser = (struct frame_releaser){ 0 };
}

static struct out_item *ring_at(struct out_ring *ring, uint32_t index)
{
    return &ring->items[(ring->first + index) & (ring->capacity - 1)];
}

static belfry_err grow(struct outq *q)
{
    struct out_ring *old = q->rest;
    if (old != NULL && old->count < old->capacity)
        return BELFRY_OK;
    uint32_t capacity = old == NULL ? SMALLEST_RING : old->capacity * 2;
    struct out_ring *ring = mem_alloc(sizeof *ring + capacity * sizeof ring->items[0]);
    if (ring == NULL)
        return BELFRY_ERR_NOMEM;
    ring->first = 0;
    ring->count = old == NULL ? 0 : old->count;
    ring->capacity = capacity;
    for (uint32_t i = 0; i < ring->count; i++)
        ring->items[i] = *ring_at(old, i);
    mem_free(old);
    q->rest = ring;
    return BELFRY_OK;
}

belfry_err outq_push(struct outq *q, struct frame *frame, uint32_t tag)
{
    BELFRY_ASSERT(frame->size > 0);
    struct out_item item = { frame, tag };
    if (outq_is_empty(q)) {
        q->first = item;
    } else if (grow(q) == BELFRY_OK) {
        *ring_at(q->rest, q->rest->count++) = item;
    } else {
        frame_unref(frame);
        return BELFRY_ERR_NOMEM;
    }
    q->bytes += frame->size;
    return BELFRY_OK;
}

/* The memory of a frame of copies: powers of two, so that what is free needs no field. */
static size_t room_for(size_t size)
{
    size_t room = SMALLEST_ROOM;
    while (room < sizeof(struct frame) + size)
        room *= 2;
    return room;
}

static belfry_err push_copy(struct outq *q, const void *data, size_t size)
{
    bool may_grow = size < COPIES_BYTES;
    struct frame *frame = frame_new(may_grow ? room_for(size) - sizeof(struct frame) : size);
    if (frame == NULL)
        return BELFRY_ERR_NOMEM;
    frame->size = (uint32_t)size;
    memcpy(frame->bytes, data, size);
    return outq_push(q, frame, may_grow ? OUT_COPIES : 0);
}

belfry_err outq_copy(struct outq *q, const void *data, size_t size)
{
    struct out_item *last = q->rest != NULL ? ring_at(q->rest, q->rest->count - 1) : &q->first;
    if (last->frame == NULL || (last->tag & OUT_COPIES) == 0 ||
        last->frame->size + size > COPIES_BYTES)
        return push_copy(q, data, size);
    size_t room = room_for(last->frame->size + size);
    if (room > room_for(last->frame->size)) {
        struct frame *larger = mem_realloc(last->frame, room);
        if (larger == NULL)
            return BELFRY_ERR_NOMEM;
        last->frame = larger;
    }
    memcpy(last->frame->bytes + last->frame->size, data, size);
    last->frame->size += (uint32_t)size;
    q->bytes += (uint32_t)size;
    return BELFRY_OK;
}

struct out_item *outq_at(struct outq *q, unsigned index)
{
    if (index == 0)
        return outq_is_empty(q) ? NULL : &q->first;
    if (q->rest == NULL || index > q->rest->count)
        return NULL;
    return ring_at(q->rest, index - 1);
}

int outq_parts(struct outq *q, struct iovec *parts, int max, size_t max_bytes)
{
    int count = 0;
    size_t bytes = 0;
    size_t skip = q->sent;
    struct out_item *item;
    while (count < max && bytes < max_bytes && (item = outq_at(q, (unsigned)count)) != NULL) {
        if ((item->tag & OUT_COMPRESS) != 0)
            break;
        parts[count] = (struct iovec){ item->frame->bytes + skip, item->frame->size - skip };
        bytes += parts[count].iov_len;
        skip = 0;
        count++;
    }
    return count;
}

/* The next item of the ring becomes the first one. */
static void advance(struct outq *q)
{
    q->sent = 0;
    if (q->rest == NULL) {
        q->first = (struct out_item){ 0 };
        return;
    }
    q->first = *ring_at(q->rest, 0);
    q->rest->first = (q->rest->first + 1) & (q->rest->capacity - 1);
    if (--q->rest->count == 0) {
        mem_free(q->rest);
        q->rest = NULL;
    }
}

void outq_consume(struct outq *q, size_t size, struct frame_releaser *releaser)
{
    BELFRY_ASSERT(size <= q->bytes);
    q->bytes -= (uint32_t)size;
    while (size > 0) {
        BELFRY_ASSERT(!outq_is_empty(q)); /* q->bytes is the sum of what is in it */
        size_t left = q->first.frame->size - q->sent;
        if (size < left) {
            q->sent += (uint32_t)size;
            return;
        }
        size -= left;
        frame_release(releaser, q->first.frame);
        advance(q);
    }
}

static struct out_item *item_at(struct outq *q, unsigned index)
{
    return index == 0 ? &q->first : ring_at(q->rest, index - 1);
}

static bool may_drop(const struct outq *q, const struct out_item *item)
{
    return (item->tag & OUT_MAY_DROP) != 0 && (item != &q->first || q->sent == 0);
}

/* Of the first @end items those without a frame go: the others move up to the rest, once each. */
static void close_holes(struct outq *q, unsigned end)
{
    unsigned to = end;
    for (unsigned i = end; i-- > 0;) {
        struct out_item item = *item_at(q, i);
        if (item.frame != NULL)
            *item_at(q, --to) = item;
    }
    uint32_t sent = q->sent; /* 0, or the first item is still the first */
    while (to-- > 0)
        advance(q);
    q->sent = sent;
}

/* Drops from the oldest what may be dropped and has @key under @mask, until @enough bytes went. */
static unsigned drop(struct outq *q, uint32_t mask, uint32_t key, size_t enough)
{
    unsigned end = 0;
    unsigned messages = 0;
    size_t freed = 0;
    unsigned count = outq_is_empty(q) ? 0 : 1 + (q->rest != NULL ? q->rest->count : 0);
    for (; end < count && freed < enough; end++) {
        struct out_item *item = item_at(q, end);
        if (!may_drop(q, item) || (item->tag & mask) != key)
            continue;
        messages += out_tag_count(item->tag);
        freed += item->frame->size;
        item->frame = frame_unref(item->frame);
    }
    if (messages > 0)
        close_holes(q, end);
    q->bytes -= (uint32_t)freed;
    return messages;
}

unsigned outq_drop_oldest(struct outq *q, size_t enough)
{
    return drop(q, 0, 0, enough);
}

unsigned outq_drop_key(struct outq *q, uint32_t key)
{
    return drop(q, OUT_KEY_MASK, key, SIZE_MAX);
}

void outq_pin(struct outq *q, size_t bytes)
{
    size_t passed = 0;
    struct out_item *item;
    for (unsigned i = 0; passed < bytes && (item = outq_at(q, i)) != NULL; i++) {
        item->tag &= ~OUT_MAY_DROP;
        passed += item->frame->size - (i == 0 ? q->sent : 0);
    }
}

unsigned outq_message_count(struct outq *q)
{
    unsigned count = 0;
    struct out_item *item;
    for (unsigned i = 0; (item = outq_at(q, i)) != NULL; i++) {
        if ((item->tag & OUT_MAY_DROP) != 0)
            count += out_tag_count(item->tag);
    }
    return count;
}

void outq_deinit(struct outq *q)
{
    while (!outq_is_empty(q)) {
        frame_unref(q->first.frame);
        advance(q);
    }
    *q = (struct outq){ 0 };
}
