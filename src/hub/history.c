/*
 * history.c - rings of messages, and the floor below which nothing can be resumed.
 */
#include "hub/history.h"

#include <stdlib.h>

#include "base/alloc.h"

#define SMALLEST_RING 8

belfry_err message_ring_push(struct message_ring *ring, struct message *m)
{
    if (ring->count == ring->capacity) {
        if (ring->capacity > UINT32_MAX / 4)
            return BELFRY_ERR_LIMIT;
        uint32_t capacity = BELFRY_MAX(ring->capacity * 2, (uint32_t)SMALLEST_RING);
        struct message **slots = mem_alloc(capacity * sizeof *slots);
        if (slots == NULL)
            return BELFRY_ERR_NOMEM;
        for (uint32_t i = 0; i < ring->count; i++)
            slots[i] = message_ring_at(ring, i);
        mem_free(ring->slots);
        ring->slots = slots;
        ring->capacity = capacity;
        ring->first = 0;
    }
    ring->slots[(ring->first + ring->count) & (ring->capacity - 1)] = m;
    ring->count++;
    return BELFRY_OK;
}

struct message *message_ring_pop(struct message_ring *ring)
{
    BELFRY_ASSERT(ring->count > 0);
    struct message *m = ring->slots[ring->first];
    ring->first = (ring->first + 1) & (ring->capacity - 1);
    ring->count--;
    if (ring->count == 0)
        message_ring_deinit(ring);
    return m;
}

void message_ring_deinit(struct message_ring *ring)
{
    mem_free(ring->slots);
    *ring = (struct message_ring){ 0 };
}

uint32_t message_ring_after(const struct message_ring *ring, struct message_id since)
{
    uint32_t low = 0;
    uint32_t high = ring->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (message_id_compare(message_ring_at(ring, middle)->id, since) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

belfry_err message_list_add(struct message_list *list, struct message *m)
{
    uint32_t count = list->count;
    if ((count & (count - 1)) == 0) { /* all 0, 1, 2, 4... places are taken */
        size_t places = BELFRY_MAX((size_t)count * 2, (size_t)1);
        struct message **items = mem_realloc(list->items, places * sizeof(struct message *));
        if (items == NULL)
            return BELFRY_ERR_NOMEM;
        list->items = items;
    }
    list->items[list->count++] = m;
    return BELFRY_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct message *const *x = a;
    const struct message *const *y = b;
    return message_id_compare((*x)->id, (*y)->id);
}

void message_list_put_in_order(struct message_list *list)
{
    uint32_t kept = 0;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(struct message *), by_id);
    for (uint32_t i = 0; i < list->count; i++) {
        if (kept > 0 && by_id(&list->items[kept - 1], &list->items[i]) == 0)
            message_unref(list->items[i]);
        else
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

uint32_t message_list_after(const struct message_list *list, struct message_id since)
{
    uint32_t low = 0;
    uint32_t high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (message_id_compare(list->items[middle]->id, since) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void message_list_deinit(struct message_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        message_unref(list->items[i]);
    mem_free(list->items);
    *list = (struct message_list){ 0 };
}

static void raise_floor(struct history_view *view, struct message_id to)
{
    if (message_id_compare(view->floor, to) < 0)
        view->floor = to;
}

static void forget_oldest(struct history_view *view)
{
    struct message *oldest = message_ring_pop(&view->ring);
    view->bytes -= oldest->cost;
    raise_floor(view, oldest->id);
}

bool history_pattern_matches(const char *pattern, belfry_bytes name)
{
    const char *at = name.data;
    const char *end = at + name.size;
    const char *star = NULL; /* the last one, and what it stands for begins at @retry */
    const char *retry = NULL;
    while (at < end) {
        if (*pattern == '*') {
            star = pattern++;
            retry = at;
        } else if (*pattern == *at && *pattern != '\0') {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star + 1;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

void history_view_expire(struct history_view *view, const struct history_limits *limits,
                         uint64_t wall_ms)
{
    while (view->ring.count > 0 &&
           message_ring_at(&view->ring, 0)->id.ms + limits->max_age_ms < wall_ms)
        forget_oldest(view);
}

void history_view_add(struct history_view *view, const struct history_limits *limits,
                      struct message *m)
{
    if (view->ring.count > 0 && message_ring_at(&view->ring, view->ring.count - 1) == m)
        return; /* its target names the room twice */
    if (message_ring_push(&view->ring, m) != BELFRY_OK) {
        while (view->ring.count > 0)
            forget_oldest(view); /* a hole in the middle could not be told from none */
        raise_floor(view, m->id);
        return;
    }
    view->bytes += m->cost;
    while (view->ring.count > limits->max_messages || view->bytes > limits->max_bytes)
        forget_oldest(view);
}

void history_view_forget(struct history_view *view, const struct message *m)
{
    if (view->ring.count > 0 && message_ring_at(&view->ring, 0) == m)
        forget_oldest(view);
}

void history_view_deinit(struct history_view *view)
{
    message_ring_deinit(&view->ring);
}
