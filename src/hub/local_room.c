/*
 * local_room.c - two lists that point into each other, so that leaving needs no search.
 *
 *   room.members[i] = { member, row }        member.memberships[row] = { room, i }
 *
 * In a room the last member moves into the hole; a member's own rooms keep their order.
 */
#include "hub/local_room.h"

#include "base/alloc.h"

#define SMALLEST_MEMBERS 4

static bool has_name(const struct map_node *node, const void *context)
{
    const struct local_room *room = BELFRY_CONTAINER_OF(node, struct local_room, by_name);
    return bytes_equal(bytes_of(room->name, room->name_size), *(const belfry_bytes *)context);
}

struct local_room *local_room_find(struct hub_nsp_shard *part, belfry_bytes name, uint64_t hash)
{
    struct map_node *node = map_find(&part->rooms, hash, has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct local_room, by_name) : NULL;
}

struct local_room *local_room_get(struct hub_nsp_shard *part, belfry_bytes name, uint64_t hash)
{
    struct local_room *room = local_room_find(part, name, hash);
    if (room != NULL)
        return room;
    BELFRY_ASSERT(name.size <= UINT16_MAX);
    room = mem_alloc(sizeof *room + name.size);
    if (room == NULL)
        return NULL;
    *room = (struct local_room){ .by_name.hash = hash, .name_size = (uint16_t)name.size };
    memcpy(room->name, name.data, name.size);
    map_insert(&part->rooms, &room->by_name);
    return room;
}

void local_room_drop_if_empty(struct hub_nsp_shard *part, struct local_room *room)
{
    if (room->count > 0)
        return;
    map_remove(&part->rooms, &room->by_name);
    mem_free(room->members);
    mem_free(room);
}

belfry_err local_room_reserve(struct local_room *room)
{
    if (room->count < room->capacity)
        return BELFRY_OK;
    uint32_t capacity = BELFRY_MAX(room->capacity * 2, (uint32_t)SMALLEST_MEMBERS);
    struct local_member *members = mem_realloc(room->members, capacity * sizeof *members);
    if (members == NULL)
        return BELFRY_ERR_NOMEM;
    room->members = members;
    room->capacity = capacity;
    return BELFRY_OK;
}

belfry_err member_reserve(struct member *member, uint32_t more)
{
    size_t needed = (size_t)member->membership_count + more;
    if (needed <= member->membership_capacity)
        return BELFRY_OK;
    if (needed > UINT16_MAX)
        return BELFRY_ERR_LIMIT;
    size_t capacity = BELFRY_MAX((size_t)member->membership_capacity * 2, needed);
    capacity = BELFRY_MIN(capacity, (size_t)UINT16_MAX);
    struct membership *rows = mem_realloc(member->memberships, capacity * sizeof *rows);
    if (rows == NULL)
        return BELFRY_ERR_NOMEM;
    member->memberships = rows;
    member->membership_capacity = (uint16_t)capacity;
    return BELFRY_OK;
}

void local_room_add(struct local_room *room, struct member *member)
{
    BELFRY_ASSERT(room->count < room->capacity);
    BELFRY_ASSERT(member->membership_count < member->membership_capacity);
    uint32_t row = member->membership_count++;
    uint32_t index = room->count++;
    member->memberships[row] = (struct membership){ .room = room, .index = index };
    room->members[index] = (struct local_member){ .member = member, .row = row };
}

/* The rows behind @row move up: a member's rooms stay in the order of joining. */
static void close_gap(struct member *member, uint32_t row)
{
    for (uint32_t i = row; i + 1u < member->membership_count; i++) {
        struct membership *next = &member->memberships[i + 1];
        next->room->members[next->index].row = i;
        member->memberships[i] = *next;
    }
}

void local_room_remove(struct local_room *room, struct member *member, uint32_t row)
{
    uint32_t index = member->memberships[row].index;
    BELFRY_ASSERT(room->members[index].member == member);

    struct local_member moved = room->members[--room->count];
    room->members[index] = moved;
    moved.member->memberships[moved.row].index = index;

    close_gap(member, row);
    member->membership_count--;
}

void local_room_make_latest(const struct local_room *room, struct member *member)
{
    struct membership *found = local_room_membership(room, member);
    struct membership kept = *found;
    uint32_t last = member->membership_count - 1u;
    close_gap(member, (uint32_t)(found - member->memberships));
    member->memberships[last] = kept;
    kept.room->members[kept.index].row = last;
}

struct membership *local_room_membership(const struct local_room *room, const struct member *member)
{
    for (uint32_t row = 0; row < member->membership_count; row++) {
        if (member->memberships[row].room == room)
            return &member->memberships[row];
    }
    return NULL;
}

belfry_bytes membership_room_name(const struct membership *membership)
{
    return bytes_of(membership->room->name, membership->room->name_size);
}

void member_deinit(struct member *member)
{
    BELFRY_ASSERT(member->membership_count == 0);
    mem_free(member->memberships);
    member->memberships = NULL;
    member->membership_capacity = 0;
}
