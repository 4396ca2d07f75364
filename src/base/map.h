/*
 * map.h - a hash table of nodes that live inside their owners.
 *
 *     struct room { struct map_node by_name; ... };
 *
 *     uint64_t hash = map_hash(&key, name);
 *     struct map_node *found = map_find(&rooms, hash, room_has_name, &name);
 *     struct room *room = found ? BELFRY_CONTAINER_OF(found, struct room, by_name) : NULL;
 *
 * The table allocates buckets only, and growing is optional: without memory the chains get longer
 * and nothing fails, so an insert always succeeds. Growing and shrinking go a few buckets per
 * insert; no call takes long, however large the map. Hashes are keyed (SipHash-1-3) because peers
 * choose the names; one hash serves every map that uses the same key.
 *
 * All zero is an empty map. Nodes are unique by whatever the owner looks up first; the map does
 * not check.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/defs.h"

/* Random per process, so that nobody outside can choose colliding names. */
struct map_key {
    uint64_t words[2];
};

uint64_t map_hash(const struct map_key *key, belfry_bytes bytes);

/* The part of an owner that the map links; @hash is the owner's to set before map_insert. */
struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map_table {
    struct map_node **buckets; /* NULL: the one bucket inside the map */
    size_t mask;               /* buckets - 1 */
};

struct map {
    size_t count;
    struct map_table now;
    struct map_table old; /* being moved to @now while @is_moving */
    size_t moved;         /* classes of buckets that have been moved already; see map.c */
    bool is_moving;
    struct map_node *only;
};

/* Forgets all nodes (their owners free them) and frees the buckets. */
void map_deinit(struct map *m);

/* Is @node what @context describes? Called only for nodes with the hash looked for. */
typedef bool map_match_fn(const struct map_node *node, const void *context);

struct map_node *map_find(const struct map *m, uint64_t hash, map_match_fn *match,
                          const void *context); /* NULL: none */
void map_insert(struct map *m, struct map_node *node);
void map_remove(struct map *m, struct map_node *node); /* which must be in it; moves no other */

/*
 * Spends about @buckets steps on moving to a better size; true if there is more to do. Only a map
 * that loses most of its nodes and then sees no insert needs it, to give its memory back.
 */
bool map_tidy(struct map *m, size_t buckets);

/*
 * Every node once, in no order. The node returned last may be removed (and freed) before the next
 * call; others may not, and nothing may be inserted.
 *
 *     struct map_cursor cursor = { 0 };
 *     for (node = map_next(m, &cursor); node != NULL; node = map_next(m, &cursor))
 */
struct map_cursor {
    struct map_node *next; /* of the chain being walked */
    size_t bucket;         /* the chain to walk after it */
    bool is_in_now;        /* which is one of @now: those of @old are done */
};

struct map_node *map_next(const struct map *m, struct map_cursor *cursor);

#endif
