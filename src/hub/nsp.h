/*
 * nsp.h - what the files of a namespace share. Its lock is held, except in its life,
 * in hub_tell_interest, and where it says so.
 */
#ifndef HUB_NSP_H
#define HUB_NSP_H

#include "hub/hub.h"

static inline struct hub_nsp_shard *nsp_part(const struct hub_nsp *nsp,
                                             const struct hub_shard *shard)
{
    return &nsp->shards[shard->index];
}

struct hub_room *nsp_find_room(struct hub_nsp *nsp, belfry_bytes name, uint64_t hash); /* or NULL */

/* Finds or makes it. NULL: @out_err says why, LIMIT or NOMEM. */
struct hub_room *nsp_get_room(struct hub_nsp *nsp, belfry_bytes name, uint64_t hash,
                              belfry_err *out_err);

/* Without members and history it goes; its floor stays. */
void nsp_drop_room_if_unused(struct hub_nsp *nsp, struct hub_room *room);

/* May something have been said in @room that is not known here? By others, and it did not come; or
 * it was not to be remembered. */
static inline bool nsp_may_have_missed(const struct hub_nsp *nsp, const struct hub_room *room)
{
    const struct hub *hub = nsp->hub;
    return (hub->outlet.is_partial && !room->is_heard) ||
           (hub->limits.rule_count > 0 && room->limits->max_messages == 0);
}

/* What is known of @room here is whole behind this. */
static inline struct message_id nsp_room_floor(const struct hub_nsp *nsp,
                                               const struct hub_room *room)
{
    return message_id_compare(room->view.floor, nsp->missed) < 0 ? nsp->missed : room->view.floor;
}

/* Is something missing behind @since, when @older is there to make it up? */
static inline bool nsp_has_gap_in(const struct hub_nsp *nsp, const struct hub_older *older,
                                  struct message_id since)
{
    return message_id_compare(since, older->floor) < 0 || message_id_compare(since, nsp->lost) < 0;
}

/* Does @older reach as far as what is known here? */
static inline bool nsp_can_use(const struct hub_older *older, struct message_id floor)
{
    return older != NULL && message_id_compare(older->tip, floor) >= 0;
}

/* Puts @delivery behind what has been published so far. True: the worker may be asleep. */
bool nsp_push(struct hub_shard *shard, struct delivery *delivery);

/* After the lock. Bit w: worker w. */
void nsp_wake_workers(struct hub *hub, uint64_t to_wake);

/* Does some worker have so much to do that others should hold back? Without the lock. */
bool nsp_is_over_bound(const struct hub *hub);

/* Takes the lock, unless something in the inbox of @shard will change who is in which room: places
 * that were reserved before may not be there any more behind that. */
bool nsp_lock_unless_moving(struct hub_nsp *nsp, const struct hub_shard *shard);

static inline void hub_tell_interest(struct hub_shard *shard, struct hub_nsp *nsp,
                                     belfry_bytes room)
{
    if (shard->hub->on_interest != NULL)
        shard->hub->on_interest(shard, nsp, room);
}

BELFRY_NODISCARD belfry_err nsp_init(struct hub_nsp *nsp, struct hub *hub);
void nsp_deinit(struct hub_nsp *nsp);

#endif
