/*
 * slots.c - chunks of slots and a free list through them.
 */
#include "server/slots.h"

#include "base/alloc.h"

static struct slot *slot_at(const struct slots *s, uint32_t index)
{
    return &s->chunks[index / SLOT_CHUNK][index % SLOT_CHUNK];
}

static belfry_err add_chunk(struct slots *s)
{
    if (s->chunk_count >= (1u << SLOT_BITS) / SLOT_CHUNK)
        return BELFRY_ERR_LIMIT;
    if (s->chunk_count == s->chunk_capacity) {
        uint32_t capacity = BELFRY_MAX(s->chunk_capacity * 2, 8u);
        struct slot **chunks = mem_realloc(s->chunks, capacity * sizeof *chunks);
        if (chunks == NULL)
            return BELFRY_ERR_NOMEM;
        s->chunks = chunks;
        s->chunk_capacity = capacity;
    }
    struct slot *chunk = mem_alloc_zeroed(SLOT_CHUNK * sizeof *chunk);
    if (chunk == NULL)
        return BELFRY_ERR_NOMEM;
    uint32_t base = s->chunk_count * SLOT_CHUNK;
    for (uint32_t i = 0; i < SLOT_CHUNK; i++) {
        chunk[i].generation = 1; /* so that no id is 0 */
        chunk[i].next_free = i + 1 < SLOT_CHUNK ? base + i + 2 : s->first_free;
    }
    s->chunks[s->chunk_count++] = chunk;
    s->first_free = base + 1;
    return BELFRY_OK;
}

belfry_err slots_add(struct slots *s, struct belfry_sock *sock, uint64_t *out_id)
{
    if (s->first_free == 0) {
        belfry_err err = add_chunk(s);
        if (err != BELFRY_OK)
            return err;
    }
    uint32_t index = s->first_free - 1;
    struct slot *slot = slot_at(s, index);
    s->first_free = slot->next_free;
    slot->next_free = 0;
    s->used++;
    slot->sock = sock;
    *out_id = (uint64_t)slot->generation << 32 | (uint64_t)s->worker << SLOT_BITS | index;
    return BELFRY_OK;
}

static struct slot *find_slot(const struct slots *s, uint64_t id)
{
    uint32_t index = (uint32_t)id & ((1u << SLOT_BITS) - 1);
    if (index / SLOT_CHUNK >= s->chunk_count || slot_worker_of(id) != s->worker)
        return NULL;
    struct slot *slot = slot_at(s, index);
    return slot->generation == (uint32_t)(id >> 32) && slot->sock != NULL ? slot : NULL;
}

void slots_retire(struct slots *s, uint64_t id)
{
    struct slot *slot = find_slot(s, id);
    BELFRY_ASSERT(slot != NULL);
    slot->next_free = SLOT_RETIRED;
}

void slots_remove(struct slots *s, uint64_t id)
{
    struct slot *slot = find_slot(s, id);
    BELFRY_ASSERT(slot != NULL);
    slot->sock = NULL;
    if (++slot->generation == 0)
        slot->generation = 1;
    slot->next_free = s->first_free;
    s->first_free = ((uint32_t)id & ((1u << SLOT_BITS) - 1)) + 1;
    s->used--;
}

struct belfry_sock *slots_find(const struct slots *s, uint64_t id)
{
    struct slot *slot = find_slot(s, id);
    return slot != NULL && slot->next_free != SLOT_RETIRED ? slot->sock : NULL;
}

void slots_each(struct slots *s, void (*visit)(struct belfry_sock *sock, void *arg), void *arg)
{
    for (uint32_t i = 0; i < s->chunk_count * SLOT_CHUNK; i++) {
        struct belfry_sock *sock = slot_at(s, i)->sock;
        if (sock != NULL)
            visit(sock, arg);
    }
}

void slots_deinit(struct slots *s)
{
    for (uint32_t i = 0; i < s->chunk_count; i++)
        mem_free(s->chunks[i]);
    mem_free(s->chunks);
    *s = (struct slots){ 0 };
}
