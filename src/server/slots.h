/*
 * slots.h - 64-bit ids for a worker's sockets, which may find nobody.
 *
 *   id:  generation (32 bits) | worker (6) | slot (26)
 *
 * A slot's generation rises when its socket goes, so an id is never reused within 2^32 lives of
 * a slot. Slots come in chunks that never move, so a further connection costs 16 bytes.
 */
#ifndef SERVER_SLOTS_H
#define SERVER_SLOTS_H

#include "base/defs.h"

#define SLOT_CHUNK 512
#define SLOT_BITS 26
#define SLOT_WORKER_BITS 6
#define SLOT_RETIRED UINT32_MAX
#define SLOT_UNNAMED (UINT32_MAX - 1)

struct belfry_sock;

struct slot {
    struct belfry_sock *sock; /* NULL: free */
    uint32_t generation;
    uint32_t next; /* the next free one; or of its bucket, SLOT_UNNAMED or SLOT_RETIRED */
};

/* As many buckets as slots: the table by public id grows with the slots. */
struct slot_chunk {
    struct slot slots[SLOT_CHUNK];
    uint32_t buckets[SLOT_CHUNK]; /* index + 1; 0: empty */
};

struct slots {
    struct slot_chunk **chunks;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    uint32_t first_free; /* index + 1; 0: none */
    uint32_t used;
    unsigned worker;
};

/* Errors: NOMEM, LIMIT. */
BELFRY_NODISCARD belfry_err slots_add(struct slots *s, struct belfry_sock *sock, uint64_t *out_id);

/* From now on slots_find_public finds it, by the public id that it has. */
void slots_name(struct slots *s, uint64_t id);
/* No longer; it may be named anew. */
void slots_unname(struct slots *s, uint64_t id);
/* @public_id: PUBLIC_ID_SIZE characters. NULL: none. */
struct belfry_sock *slots_find_public(const struct slots *s, const char *public_id);

/* Nobody finds it by its ids any more; slots_each still does, until slots_remove. */
void slots_retire(struct slots *s, uint64_t id);
void slots_remove(struct slots *s, uint64_t id);
struct belfry_sock *slots_find(const struct slots *s, uint64_t id); /* or NULL */
void slots_deinit(struct slots *s);

/* Every socket; @visit may remove the one it is given. */
void slots_each(struct slots *s, void (*visit)(struct belfry_sock *sock, void *arg), void *arg);

static inline unsigned slot_worker_of(uint64_t id)
{
    return (unsigned)(id >> SLOT_BITS) & ((1u << SLOT_WORKER_BITS) - 1);
}

#endif
