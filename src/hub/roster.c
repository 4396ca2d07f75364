/*
 * roster.c - who is in a room: every worker is asked for its own, the asker merges.
 *
 *   asker --post--> each worker: the first n ids behind `after` --post back--> asker: merge, answer
 *
 * Ids are random, so their order is arbitrary but fixed, and a page can be resumed by the last id
 * seen. A worker keeps a heap of the n smallest: one pass over its members, no sorting of all.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "hub/local_room.h"
#include "hub/nsp.h"

struct roster_request;

/* One worker's part. */
struct roster_part {
    struct loop_post post;
    struct roster_request *request;
    struct hub_shard *shard;
    struct hub_person *people; /* spans into @texts once the part is done */
    uint32_t count;
    bool has_more;
    bool has_failed;
    char *texts;
};

struct roster_request {
    struct hub_shard *asker;
    struct hub_nsp *nsp;
    void (*on_roster)(struct hub_shard *shard, const struct hub_roster *roster, void *user);
    void *user;
    belfry_bytes room;
    belfry_bytes after;
    uint32_t limit;
    unsigned part_count;
    atomic_uint pending;
    struct loop_post answer;
    struct roster_part parts[];
};

static int compare_ids(belfry_bytes a, belfry_bytes b)
{
    int order = memcmp(a.data, b.data, BELFRY_MIN(a.size, b.size));
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_people(const void *a, const void *b)
{
    return compare_ids(((const struct hub_person *)a)->id, ((const struct hub_person *)b)->id);
}

/* --- on each worker ---------------------------------------------------------------------------*/

/* A heap with the largest id on top. */
static void sift_down(struct hub_person *heap, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t largest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (compare_people(&heap[child], &heap[largest]) > 0)
                largest = child;
        }
        if (largest == at)
            return;
        struct hub_person swapped = heap[at];
        heap[at] = heap[largest];
        heap[largest] = swapped;
        at = largest;
    }
}

static void sift_up(struct hub_person *heap, uint32_t at)
{
    while (at > 0 && compare_people(&heap[at], &heap[(at - 1) / 2]) > 0) {
        struct hub_person swapped = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = swapped;
        at = (at - 1) / 2;
    }
}

static void offer(struct roster_part *part, uint32_t limit, struct hub_person person)
{
    if (part->count < limit) {
        part->people[part->count++] = person;
        sift_up(part->people, part->count - 1);
        return;
    }
    part->has_more = true;
    if (compare_people(&person, &part->people[0]) >= 0)
        return;
    part->people[0] = person;
    sift_down(part->people, part->count, 0);
}

/* The names belong to sockets of this worker: the asker gets copies. */
static belfry_err copy_texts(struct roster_part *part)
{
    size_t size = 0;
    for (uint32_t i = 0; i < part->count; i++)
        size += part->people[i].id.size + part->people[i].user.size;
    part->texts = mem_alloc(size + 1);
    if (part->texts == NULL)
        return BELFRY_ERR_NOMEM;
    char *at = part->texts;
    for (uint32_t i = 0; i < part->count; i++) {
        belfry_bytes *fields[] = { &part->people[i].id, &part->people[i].user };
        for (size_t f = 0; f < BELFRY_COUNT(fields); f++) {
            if (fields[f]->size > 0)
                memcpy(at, fields[f]->data, fields[f]->size);
            fields[f]->data = at;
            at += fields[f]->size;
        }
    }
    return BELFRY_OK;
}

static void collect(struct roster_part *part)
{
    const struct roster_request *request = part->request;
    uint64_t hash = map_hash(&request->nsp->hub->hash_key, request->room);
    const struct local_room *room =
        local_room_find(nsp_part(request->nsp, part->shard), request->room, hash);
    if (room == NULL)
        return;
    uint32_t most = BELFRY_MIN(room->count, request->limit);
    part->people = mem_alloc((most + 1) * sizeof *part->people);
    part->has_failed = part->people == NULL;
    for (uint32_t i = 0; i < room->count && !part->has_failed; i++) {
        struct hub_person person;
        struct member *member = room->members[i].member;
        member->ops->describe(member, &person.id, &person.user);
        if (compare_ids(person.id, request->after) > 0)
            offer(part, request->limit, person);
    }
    if (!part->has_failed && copy_texts(part) != BELFRY_OK)
        part->has_failed = true;
    if (part->has_failed)
        part->count = 0;
}

static void run_part(struct loop_post *post, void *owner)
{
    struct roster_part *part = BELFRY_CONTAINER_OF(post, struct roster_part, post);
    struct roster_request *request = part->request;
    (void)owner;
    collect(part);
    if (atomic_fetch_sub(&request->pending, 1) == 1)
        loop_post(request->asker->loop, &request->answer);
}

/* --- back with the asker ----------------------------------------------------------------------*/

static void free_request(struct roster_request *request)
{
    for (unsigned i = 0; i < request->part_count; i++) {
        mem_free(request->parts[i].people);
        mem_free(request->parts[i].texts);
    }
    mem_free(request);
}

static uint32_t merge(struct roster_request *request, struct hub_person *all,
                      struct hub_roster *roster)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < request->part_count; i++) {
        const struct roster_part *part = &request->parts[i];
        if (part->count > 0)
            memcpy(all + count, part->people, part->count * sizeof *all);
        count += part->count;
        roster->has_more = roster->has_more || part->has_more;
        roster->is_complete = roster->is_complete && !part->has_failed;
    }
    if (count > 0)
        qsort(all, count, sizeof *all, compare_people);
    roster->has_more = roster->has_more || count > request->limit;
    return BELFRY_MIN(count, request->limit);
}

static void run_answer(struct loop_post *post, void *owner)
{
    struct roster_request *request = BELFRY_CONTAINER_OF(post, struct roster_request, answer);
    (void)owner;
    size_t sum = 1;
    for (unsigned i = 0; i < request->part_count; i++)
        sum += request->parts[i].count;
    struct hub_person *all = mem_alloc(sum * sizeof *all);
    struct hub_roster roster = { .people = all, .is_complete = all != NULL };
    roster.total = hub_member_count(request->nsp, request->room);
    if (all != NULL)
        roster.count = merge(request, all, &roster);
    request->on_roster(request->asker, &roster, request->user);
    mem_free(all);
    free_request(request);
}

belfry_err hub_ask_roster(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes room,
                          belfry_bytes after, uint32_t limit,
                          void (*on_roster)(struct hub_shard *shard,
                                            const struct hub_roster *roster, void *user),
                          void *user)
{
    struct hub *hub = nsp->hub;
    BELFRY_ASSERT(limit > 0);
    size_t parts_size = hub->worker_count * sizeof(struct roster_part);
    struct roster_request *request =
        mem_alloc_zeroed(sizeof *request + parts_size + room.size + after.size);
    if (request == NULL)
        return BELFRY_ERR_NOMEM;
    char *at = (char *)&request->parts[hub->worker_count];
    memcpy(at, room.data, room.size);
    if (after.size > 0)
        memcpy(at + room.size, after.data, after.size);
    request->room = bytes_of(at, room.size);
    request->after = bytes_of(at + room.size, after.size);
    request->asker = shard;
    request->nsp = nsp;
    request->on_roster = on_roster;
    request->user = user;
    request->limit = limit;
    request->answer.run = run_answer;
    request->part_count = hub->worker_count;
    atomic_init(&request->pending, hub->worker_count);
    for (unsigned w = 0; w < hub->worker_count; w++) {
        request->parts[w].request = request;
        request->parts[w].shard = &hub->shards[w];
        request->parts[w].post.run = run_part;
    }
    for (unsigned w = 0; w < hub->worker_count; w++)
        loop_post(hub->shards[w].loop, &request->parts[w].post);
    return BELFRY_OK;
}
