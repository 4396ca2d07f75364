/*
 * slots.c - chunks of slots, a free list through the free ones, and a table by public id through
 * the others.
 *
 * The table is split one bucket at a time, as many as there are new slots: no call takes long, and
 * a socket costs four bytes of it.
 */
#include "server/slots.h"

#include "base/alloc.h"
#include "server/sock.h"

static uint32_t index_of(uint64_t id)
{
    return (uint32_t)id & ((1u << SLOT_BITS) - 1);
}

static struct slot *slot_at(const struct slots *s, uint32_t index)
{
    return &s->chunks[index / SLOT_CHUNK]->slots[index % SLOT_CHUNK];
}

/* --- by public id -----------------------------------------------------------------------------*/

/* The random part of a public id is random already, and nobody outside chooses one. */
static uint32_t hash_public(const char *public_id)
{
    uint64_t word;
    memcpy(&word, public_id + PUBLIC_ID_SIZE - sizeof word, sizeof word);
    return (uint32_t)(word * 0x9e3779b97f4a7c15u >> 32);
}

/* Linear hashing: of @buckets, any number above 0, the one for @hash. */
static uint32_t bucket_for(uint32_t hash, uint32_t buckets)
{
    uint32_t mask = buckets < 2 ? 0 : UINT32_MAX >> __builtin_clz(buckets - 1);
    return (hash & mask) < buckets ? hash & mask : hash & mask >> 1;
}

static uint32_t *bucket_at(const struct slots *s, uint32_t bucket)
{
    return &s->chunks[bucket / SLOT_CHUNK]->buckets[bucket % SLOT_CHUNK];
}

static void link_slot(struct slots *s, uint32_t index, uint32_t bucket)
{
    slot_at(s, index)->next = *bucket_at(s, bucket);
    *bucket_at(s, bucket) = index + 1;
}

static uint32_t bucket_of_slot(const struct slots *s, uint32_t index, uint32_t buckets)
{
    return bucket_for(hash_public(slot_at(s, index)->sock->public_id), buckets);
}

/* Bucket @added is new: what belongs there is in the one that it splits. */
static void split_bucket(struct slots *s, uint32_t added)
{
    if (added == 0)
        return;
    uint32_t from = added & ~(1u << (31 - __builtin_clz(added)));
    uint32_t chain = *bucket_at(s, from);
    *bucket_at(s, from) = 0;
    while (chain != 0) {
        uint32_t index = chain - 1;
        chain = slot_at(s, index)->next;
        link_slot(s, index, bucket_of_slot(s, index, added + 1));
    }
}

void slots_name(struct slots *s, uint64_t id)
{
    uint32_t index = index_of(id);
    BELFRY_ASSERT(slot_at(s, index)->next == SLOT_UNNAMED);
    link_slot(s, index, bucket_of_slot(s, index, s->chunk_count * SLOT_CHUNK));
}

static void forget_name(struct slots *s, uint32_t index)
{
    struct slot *slot = slot_at(s, index);
    if (slot->next == SLOT_UNNAMED || slot->next == SLOT_RETIRED)
        return;
    uint32_t *link = bucket_at(s, bucket_of_slot(s, index, s->chunk_count * SLOT_CHUNK));
    while (*link != index + 1) {
        BELFRY_ASSERT(*link != 0);
        link = &slot_at(s, *link - 1)->next;
    }
    *link = slot->next;
    slot->next = SLOT_UNNAMED;
}

void slots_unname(struct slots *s, uint64_t id)
{
    forget_name(s, index_of(id));
}

struct belfry_sock *slots_find_public(const struct slots *s, const char *public_id)
{
    if (s->chunk_count == 0)
        return NULL;
    uint32_t bucket = bucket_for(hash_public(public_id), s->chunk_count * SLOT_CHUNK);
    for (uint32_t chain = *bucket_at(s, bucket); chain != 0;) {
        const struct slot *slot = slot_at(s, chain - 1);
        if (memcmp(slot->sock->public_id, public_id, PUBLIC_ID_SIZE) == 0)
            return slot->sock;
        chain = slot->next;
    }
    return NULL;
}

/* --- by id ------------------------------------------------------------------------------------*/

static belfry_err add_chunk(struct slots *s)
{
    if (s->chunk_count >= (1u << SLOT_BITS) / SLOT_CHUNK)
        return BELFRY_ERR_LIMIT;
    if (s->chunk_count == s->chunk_capacity) {
        uint32_t capacity = BELFRY_MAX(s->chunk_capacity * 2, 8u);
        struct slot_chunk **chunks = mem_realloc(s->chunks, capacity * sizeof(struct slot_chunk *));
        if (chunks == NULL)
            return BELFRY_ERR_NOMEM;
        s->chunks = chunks;
        s->chunk_capacity = capacity;
    }
    struct slot_chunk *chunk = mem_alloc_zeroed(sizeof *chunk);
    if (chunk == NULL)
        return BELFRY_ERR_NOMEM;
    uint32_t base = s->chunk_count * SLOT_CHUNK;
    for (uint32_t i = 0; i < SLOT_CHUNK; i++) {
        chunk->slots[i].generation = 1; /* so that no id is 0 */
        chunk->slots[i].next = i + 1 < SLOT_CHUNK ? base + i + 2 : s->first_free;
    }
    s->chunks[s->chunk_count++] = chunk;
    s->first_free = base + 1;
    for (uint32_t i = 0; i < SLOT_CHUNK; i++)
        split_bucket(s, base + i);
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
    s->first_free = slot->next;
    slot->next = SLOT_UNNAMED;
    s->used++;
    slot->sock = sock;
    *out_id = (uint64_t)slot->generation << 32 | (uint64_t)s->worker << SLOT_BITS | index;
    return BELFRY_OK;
}

static struct slot *find_slot(const struct slots *s, uint64_t id)
{
    uint32_t index = index_of(id);
    if (index / SLOT_CHUNK >= s->chunk_count || slot_worker_of(id) != s->worker)
        return NULL;
    struct slot *slot = slot_at(s, index);
    return slot->generation == (uint32_t)(id >> 32) && slot->sock != NULL ? slot : NULL;
}

void slots_retire(struct slots *s, uint64_t id)
{
    struct slot *slot = find_slot(s, id);
    BELFRY_ASSERT(slot != NULL);
    forget_name(s, index_of(id));
    slot->next = SLOT_RETIRED;
}

void slots_remove(struct slots *s, uint64_t id)
{
    struct slot *slot = find_slot(s, id);
    BELFRY_ASSERT(slot != NULL);
    forget_name(s, index_of(id));
    slot->sock = NULL;
    if (++slot->generation == 0)
        slot->generation = 1;
    slot->next = s->first_free;
    s->first_free = index_of(id) + 1;
    s->used--;
}

struct belfry_sock *slots_find(const struct slots *s, uint64_t id)
{
    struct slot *slot = find_slot(s, id);
    return slot != NULL && slot->next != SLOT_RETIRED ? slot->sock : NULL;
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
