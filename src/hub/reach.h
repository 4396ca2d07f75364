/*
 * reach.h - whom a target reaches on one worker. Thread: the worker's.
 *
 *     struct reach reach;
 *     reach_find(&reach, shard, nsp, rooms, room_count, except_count, except_member);
 *     reach_each(&reach, visit, arg);
 */
#ifndef HUB_REACH_H
#define HUB_REACH_H

#include "hub/hub.h"

/* Rooms, and members that were named by their ids, who are here. */
struct reach_part {
    const struct local_room *rooms[MESSAGE_MAX_NAMES];
    struct member *members[MESSAGE_MAX_NAMES];
    unsigned room_count;
    unsigned member_count;
};

/* Nobody may come or go while it is in use. */
struct reach {
    struct everyone *everyone;
    bool is_for_all; /* no target was named */
    struct reach_part to;
    struct reach_part except;
    uint64_t except_member;
};

/* The member of @nsp with the public id @name, or NULL. */
struct member *reach_member(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes name);

/* @rooms: so many targets, then so many exceptions, their owners known. */
void reach_find(struct reach *reach, struct hub_shard *shard, struct hub_nsp *nsp,
                const struct message_room *rooms, unsigned room_count, unsigned except_count,
                uint64_t except_member);

/* Everybody it reaches, once. @membership is the first one by which, NULL: none. */
typedef void reach_visit_fn(struct member *member, struct membership *membership, void *arg);
void reach_each(const struct reach *reach, reach_visit_fn *visit, void *arg);

#endif
