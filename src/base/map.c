/*
 * map.c - buckets of chained nodes, resized a few buckets at a time.
 *
 *     @old, 4 buckets          @now, 8 buckets
 *     [0] moved                [0] a     [4] d
 *     [1] moved                [1]       [5] b
 *     [2] c -> f     <- next   [2] ?     [6] ?       not written yet
 *     [3] e                    [3] ?     [7] ?
 *
 * Buckets whose numbers agree in the bits of the smaller table's mask are one class: their nodes
 * can only be in each other. Classes move in order, all of a class at once, so that one comparison
 * with @moved says which table has a node, every lookup walks one chain, and a new table needs no
 * clearing: its buckets are written when their class arrives. Shrinking is the same, with several
 * old buckets in a class instead of several new ones.
 */
#include "base/map.h"

#include <endian.h>

#include "base/alloc.h"

#define FIRST_BUCKETS 8     /* of the first table that is allocated, and the smallest after it */
#define STEPS_PER_INSERT 16 /* buckets moved; more than 2 ends a growth before the next is due */
#define SPARSE 8            /* a map with less than one node in so many buckets shrinks... */
#define SHRINK_BY 4         /* ...by this much at a time, which bounds the size of a class */

/* --- hashing ----------------------------------------------------------------------------- */

static uint64_t rotate_left(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] = rotate_left(v[2], 32);
}

static void sip_absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012, with one and three rounds as in Rust and Ruby). */
uint64_t map_hash(const struct map_key *key, belfry_bytes bytes)
{
    uint64_t v[4] = { key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
                      key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u };
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        sip_absorb(v, le64toh(word));
    }
    uint64_t last = (uint64_t)bytes.size << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)at[i] << (8 * i);
    sip_absorb(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- tables ------------------------------------------------------------------------------ */

static struct map_node **buckets_of(const struct map *m, const struct map_table *table)
{
    return table->buckets != NULL ? table->buckets : (struct map_node **)&m->only;
}

/* The bits of a hash that say which class it is in. */
static size_t class_mask(const struct map *m)
{
    return BELFRY_MIN(m->now.mask, m->old.mask);
}

/* The one bucket that a node with @hash can be in. */
static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
    const struct map_table *table = &m->now;
    if (m->is_moving && (hash & class_mask(m)) >= m->moved)
        table = &m->old;
    return &buckets_of(m, table)[hash & table->mask];
}

static void free_table(struct map_table *table)
{
    mem_free(table->buckets);
    *table = (struct map_table){ 0 };
}

/* Without memory the map stays as it is: slower, and asking again at the next insert. */
static void begin_move(struct map *m, size_t bucket_count)
{
    struct map_node **buckets = mem_alloc(bucket_count * sizeof(struct map_node *));
    if (buckets == NULL)
        return;
    m->old = m->now;
    m->now = (struct map_table){ buckets, bucket_count - 1 };
    m->moved = 0;
    m->is_moving = true;
}

static void move_chain(struct map *m, struct map_node *chain)
{
    while (chain != NULL) {
        struct map_node *node = chain;
        struct map_node **bucket = &m->now.buckets[node->hash & m->now.mask];
        chain = node->next;
        node->next = *bucket;
        *bucket = node;
    }
}

/* Moves the next class; returns how many buckets that touched. */
static size_t move_class(struct map *m)
{
    size_t stride = class_mask(m) + 1;
    struct map_node **old_buckets = buckets_of(m, &m->old);
    for (size_t i = m->moved; i <= m->now.mask; i += stride)
        m->now.buckets[i] = NULL;
    for (size_t i = m->moved; i <= m->old.mask; i += stride)
        move_chain(m, old_buckets[i]);
    size_t touched = (m->now.mask + 1) / stride + (m->old.mask + 1) / stride;
    if (++m->moved == stride) {
        free_table(&m->old);
        m->is_moving = false;
    }
    return touched;
}

static bool wants_more(const struct map *m)
{
    return m->count > m->now.mask + 1;
}

static bool wants_less(const struct map *m)
{
    return m->now.mask + 1 > FIRST_BUCKETS && m->count < (m->now.mask + 1) / SPARSE;
}

static void consider_size(struct map *m)
{
    size_t buckets = m->now.mask + 1;
    if (wants_more(m))
        begin_move(m, BELFRY_MAX(buckets * 2, FIRST_BUCKETS));
    else if (wants_less(m))
        begin_move(m, BELFRY_MAX(buckets / SHRINK_BY, FIRST_BUCKETS));
}

bool map_tidy(struct map *m, size_t buckets)
{
    size_t touched = 0;
    if (!m->is_moving)
        consider_size(m);
    while (m->is_moving && touched < buckets)
        touched += move_class(m);
    return m->is_moving || wants_less(m);
}

/* --- nodes ------------------------------------------------------------------------------- */

void map_deinit(struct map *m)
{
    free_table(&m->now);
    free_table(&m->old);
    *m = (struct map){ 0 };
}

struct map_node *map_find(const struct map *m, uint64_t hash, map_match_fn *match,
                          const void *context)
{
    for (struct map_node *node = *bucket_of(m, hash); node != NULL; node = node->next) {
        if (node->hash == hash && match(node, context))
            return node;
    }
    return NULL;
}

void map_insert(struct map *m, struct map_node *node)
{
    struct map_node **bucket = bucket_of(m, node->hash);
    node->next = *bucket;
    *bucket = node;
    m->count++;
    (void)map_tidy(m, STEPS_PER_INSERT); /* the rest follows with the next insert */
}

void map_remove(struct map *m, struct map_node *node)
{
    struct map_node **link = bucket_of(m, node->hash);
    while (*link != node) {
        BELFRY_ASSERT(*link != NULL); /* the node must be in this map */
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    if (--m->count == 0)
        map_deinit(m);
}

/* --- walking ----------------------------------------------------------------------------- */

/* The next bucket that holds nodes of this moment; NULL behind the last. */
static struct map_node **next_bucket(const struct map *m, struct map_cursor *cursor)
{
    for (;;) {
        bool is_in_now = cursor->is_in_now || !m->is_moving;
        const struct map_table *table = is_in_now ? &m->now : &m->old;
        if (cursor->bucket > table->mask) {
            if (is_in_now)
                return NULL;
            *cursor = (struct map_cursor){ .is_in_now = true };
            continue;
        }
        size_t bucket = cursor->bucket++;
        if (!m->is_moving || ((bucket & class_mask(m)) < m->moved) == is_in_now)
            return &buckets_of(m, table)[bucket];
    }
}

struct map_node *map_next(const struct map *m, struct map_cursor *cursor)
{
    while (cursor->next == NULL) {
        struct map_node **bucket = m->count > 0 ? next_bucket(m, cursor) : NULL;
        if (bucket == NULL)
            return NULL;
        cursor->next = *bucket;
    }
    struct map_node *node = cursor->next;
    cursor->next = node->next;
    return node;
}
