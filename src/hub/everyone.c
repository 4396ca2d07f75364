/*
 * everyone.c - an array of members, who know their index in it, and a bit for each.
 *
 *   [ member *, capacity of them | seen, a bit for each of them ]      one block of memory
 *
 * The last member moves into a hole. The bits are for walks that meet a member several times and
 * are to stop at it once; they are all zero in between, and so they need not move with anybody.
 */
#include "hub/everyone.h"

#include "base/alloc.h"

#define SMALLEST_CAPACITY 4

static size_t seen_words(uint32_t members)
{
    return ((size_t)members + 63) / 64;
}

belfry_err everyone_reserve(struct everyone *everyone)
{
    if (everyone->count < everyone->capacity)
        return BELFRY_OK;
    uint32_t capacity = BELFRY_MAX(everyone->capacity * 2, (uint32_t)SMALLEST_CAPACITY);
    size_t seen_size = seen_words(capacity) * sizeof *everyone->seen;
    struct member **members =
        mem_realloc(everyone->members, capacity * sizeof(struct member *) + seen_size);
    if (members == NULL)
        return BELFRY_ERR_NOMEM;
    everyone->members = members;
    everyone->capacity = capacity;
    everyone->seen = (uint64_t *)(members + capacity);
    memset(everyone->seen, 0, seen_size);
    return BELFRY_OK;
}

void everyone_add(struct everyone *everyone, struct member *member)
{
    BELFRY_ASSERT(everyone->count < everyone->capacity);
    member->index = everyone->count;
    everyone->members[everyone->count++] = member;
}

void everyone_remove(struct everyone *everyone, const struct member *member)
{
    BELFRY_ASSERT(everyone_has(everyone, member));
    struct member *moved = everyone->members[--everyone->count];
    everyone->members[member->index] = moved;
    moved->index = member->index;
    if (everyone->count == 0)
        everyone_deinit(everyone);
}

bool everyone_see(struct everyone *everyone, const struct member *member)
{
    uint64_t bit = (uint64_t)1 << member->index % 64;
    uint64_t *word = &everyone->seen[member->index / 64];
    bool is_first = (*word & bit) == 0;
    *word |= bit;
    return is_first;
}

void everyone_forget_seen(struct everyone *everyone)
{
    if (everyone->count > 0)
        memset(everyone->seen, 0, seen_words(everyone->count) * sizeof *everyone->seen);
}

void everyone_deinit(struct everyone *everyone)
{
    mem_free(everyone->members);
    *everyone = (struct everyone){ 0 };
}
