/*
 * local_room.h - one worker's members of one room. Thread: the worker's.
 */
#ifndef HUB_LOCAL_ROOM_H
#define HUB_LOCAL_ROOM_H

#include "hub/hub.h"

struct local_member {
    struct member *member;
    uint32_t row; /* in its memberships */
};

struct local_room {
    struct map_node by_name;
    struct local_member *members;
    uint32_t count;
    uint32_t capacity;
    uint16_t name_size;
    char name[];
};

struct local_room *local_room_find(struct hub_nsp_shard *part, belfry_bytes name, uint64_t hash);

/* Finds or makes it; NULL: no memory. */
struct local_room *local_room_get(struct hub_nsp_shard *part, belfry_bytes name, uint64_t hash);
void local_room_drop_if_empty(struct hub_nsp_shard *part, struct local_room *room);

/* Memory for one more member, and for @more rooms: with both, local_room_add cannot fail.
 * Errors: NOMEM, LIMIT. */
BELFRY_NODISCARD belfry_err local_room_reserve(struct local_room *room);
BELFRY_NODISCARD belfry_err member_reserve(struct member *member, uint32_t more);
void local_room_add(struct local_room *room, struct member *member);
/* @member's row of @room becomes the last one. */
void local_room_make_latest(const struct local_room *room, struct member *member);
void local_room_remove(struct local_room *room, struct member *member, uint32_t row);

/* The row of @room in @member's list, or NULL. */
struct membership *local_room_membership(const struct local_room *room,
                                         const struct member *member);

#endif
