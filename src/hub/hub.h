/*
 * hub.h - rooms: who is in them, in which order they hear things, and what they remember.
 *
 *   publish -> [namespace: lock, id, log, inbox of every worker with members, unlock]
 *                                             |
 *   worker:  inbox -> its own members of the room -> member_ops.deliver
 *
 * One lock per namespace gives every message its id and its place in all inboxes, so all workers
 * see one order. Under the lock nothing is encoded, written or freed. A room exists while it has
 * members or history; there is nothing to create. Namespaces share nothing but the inboxes.
 *
 * Threads: functions that take a shard belong to its worker; the others are for any thread.
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <pthread.h>

#include "base/random.h"
#include "hub/history.h"
#include "net/loop.h"

#define HUB_MAX_WORKERS 64 /* the width of an interest mask */
#define HUB_EPOCH_SIZE 8

struct member;
struct hub_batch;
struct local_room;

struct hub_limits {
    struct history_limits history;
    const struct history_rule *rules; /* the first that matches a room's name counts; outlive it */
    unsigned rule_count;
    uint32_t max_rooms;
    uint32_t max_rooms_per_member;
    uint32_t max_inbox; /* deliveries that may wait for a worker before others hold back */
};

/* A room as its namespace knows it. Guarded by the namespace's lock. */
struct hub_room {
    struct map_node by_name;
    struct history_view view;
    const struct history_limits *limits; /* of its view */
    uint64_t interest;                   /* bit w: worker w has members */
    uint32_t member_count;
    uint32_t holds;             /* moves into it that not every worker has made (hub_move) */
    bool is_count_due;          /* somebody will announce the count soon */
    bool is_heard;              /* what other processes say in it comes here (hub_hear_room) */
    struct message_id searched; /* nsp.missed, when nothing older was found elsewhere */
    uint16_t name_size;
    char name[];
};

/* Members in no order, each at the index that it knows; see everyone.h. */
struct everyone {
    struct member **members;
    uint64_t *seen; /* a bit for each, zero but during a walk */
    uint32_t count;
    uint32_t capacity;
};

/* One worker's part of a namespace. */
struct hub_nsp_shard {
    struct everyone everyone;
    struct map rooms; /* struct local_room, by name */
    unsigned moves;   /* in its worker's inbox; guarded by the namespace's lock */
};

/* Rooms with an order, a log and people of their own: nobody is in two of them. */
struct hub_nsp {
    struct hub *hub;
    void *owner;                  /* its maker's */
    struct hub_nsp_shard *shards; /* one per worker, each for its worker alone */
    struct hub_nsp *next;         /* in hub.nsps */
    pthread_mutex_t lock;         /* guards all below, and the order of pushes into inboxes */
    struct message_id last;
    struct message_ring log;
    uint64_t log_bytes;
    struct message_id log_floor; /* the newest that was to be in the log and is not any more */
    struct message_id missed;    /* up to here something said elsewhere may be missing */
    struct message_id lost;      /* ... and nobody has kept it (hub_note_missed) */
    struct message_id forgotten; /* the floor of every room that is not in the map any more */
    struct map rooms;
    struct map keys;   /* idempotency keys of messages in the log */
    uint64_t interest; /* bit w: worker w has members */
    uint32_t member_count;
};

/* One worker's part of the hub. */
struct hub_shard {
    struct hub *hub;
    unsigned index;
    struct loop *loop;
    struct mailbox inbox;
    atomic_uint inbox_count;
    bool is_draining;
    void *owner;           /* handed to the encoder */
    uint64_t delivered;    /* messages handed to members */
    atomic_uint sequenced; /* messages of this worker that wait for their place (hub_outlet) */
};

/*
 * Where what is published goes besides the workers: to other processes. One worker reads it, all
 * that is published and not MESSAGE_LOCAL comes by there, in the order of its namespace.
 *
 * A sequencer says where messages belong among those of all processes: what has a place in the log
 * is not delivered when it is published, but when it comes back with its id (hub_publish_as).
 */
struct hub_outlet {
    struct mailbox box;
    atomic_uint count; /* what waits in it: above max_inbox others hold back, as with a worker */
    struct loop *loop; /* of who reads; NULL: there is no outlet */
    unsigned worker;   /* the same */
    bool is_sequencer;
    bool is_partial;     /* what others say in a room comes only if it is_heard */
    atomic_bool is_full; /* a sequencer takes no more for now: AGAIN */
};

struct hub {
    struct hub_limits limits;
    struct map_key hash_key;
    char epoch[HUB_EPOCH_SIZE + 1]; /* names this process and its start */
    message_encode_fn *encode;
    unsigned worker_count;
    struct hub_shard *shards;
    struct hub_nsp root;       /* "/", the namespace of plain rooms */
    pthread_mutex_t nsps_lock; /* guards the list; taken before a namespace's own lock */
    struct hub_nsp *nsps;      /* all of them, root included */
    struct hub_outlet outlet;
    uint64_t log_age_ms; /* of the room that remembers longest */

    /*
     * Members may be named by their public ids, wherever a message names rooms: nothing is stored
     * for that. Set both after hub_init, or neither. owner_of: the worker that a member with the id
     * @name would be on, -1: no member can have it; from any thread. find_member: by its id, NULL:
     * none.
     */
    int (*owner_of)(const struct hub *hub, belfry_bytes name);
    struct member *(*find_member)(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes name);

    /* A room has got its first member, or lost its last: what is so now, hub_member_count says. On
     * the worker of that member, no lock held. NULL: nobody cares. */
    void (*on_interest)(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes room);
};

/* Where a member is: a row of its own list and of the room's. */
struct membership {
    struct local_room *room;
    uint32_t index;   /* in the room's members */
    uint32_t dropped; /* messages of this room that the slow policy took, not yet announced */
};

/* Somebody in a namespace and its rooms: a field of the server's socket. */
struct member {
    const struct member_ops *ops;
    uint64_t id;                    /* process-wide, never reused */
    struct membership *memberships; /* in the order of joining, the latest last */
    uint16_t membership_count;
    uint16_t membership_capacity;
    uint32_t index; /* among everyone of its worker in its namespace */
};

struct member_ops {
    /* All messages of @batch, in order. @membership is the row it comes by, NULL: none. */
    void (*deliver)(struct member *member, struct hub_batch *batch, struct membership *membership);
    /* What others may see. Owns: the member's. */
    void (*describe)(struct member *member, belfry_bytes *out_id, belfry_bytes *out_user);
};

BELFRY_NODISCARD belfry_err hub_init(struct hub *hub, unsigned worker_count,
                                     const struct hub_limits *limits, message_encode_fn *encode,
                                     const struct random_source *random);
void hub_deinit(struct hub *hub); /* every member and every other namespace must be gone */

/* One more namespace. NULL: no memory. */
struct hub_nsp *hub_nsp_new(struct hub *hub);

/* All its members must be gone, and what was said in it delivered or drained. */
struct hub_nsp *hub_nsp_free(struct hub_nsp *nsp);

/* --- saying something ------------------------------------------------------------------------ */

struct hub_published {
    struct message_id id;
    bool is_repeat; /* the key was known: this is the first one's id, nothing was delivered */
    bool is_later;  /* neither is known yet: the message's receipt will tell */
};

/*
 * Gives @m its id and sends it on its way. The caller's own worker delivers before anything else is
 * written to its members (hub_drain), the others in their next turn. @own: the calling worker's
 * shard, NULL from a foreign thread.
 *
 * Owns:    takes the reference to @m in any case, and its receipt, which is used if out->is_later.
 * Errors:  BELFRY_ERR_AGAIN  a foreign thread, and an inbox is full; or the outlet's is
 */
belfry_err hub_publish(struct hub_nsp *nsp, struct hub_shard *own, struct message *m,
                       struct hub_published *out);

/*
 * The same, of what a sequencer gave the place @id in the order of all processes: behind all that
 * came before. Its receipt is told. @is_past: members do not hear it, it is for the log alone.
 * False: the key was known, or the place is not behind the last one; nothing was delivered.
 * Thread: the reader of the outlet. Owns: takes the reference.
 */
bool hub_publish_as(struct hub_nsp *nsp, struct hub_shard *own, struct message *m,
                    struct message_id id, bool is_past);

/* Tells the receipt of @m, if it has one, what came of it: a place it has not got. */
void hub_tell(struct hub *hub, struct message *m, belfry_err err);

/* Puts @delivery (message NULL, run set) behind what went through the outlet so far; its run gets
 * the reader's shard, NULL: the hub ends. Thread: any. Owns: run takes it. */
void hub_outlet_push(struct hub *hub, struct hub_shard *own, struct delivery *delivery);

/* The next of what went through the outlet; NULL: nothing more. @rest: NULL at first. Owns: with a
 * message comes a reference. Thread: the reader. */
struct delivery *hub_outlet_take(struct hub *hub, struct post **rest);

/* What was said elsewhere in @nsp may have been missed up to now: who resumes from before has a
 * gap.
 */
void hub_note_missed(struct hub_nsp *nsp, uint64_t wall_ms);

/* Where the outlet is_partial: from now on what others say in @room comes here, or does not. Who
 * resumes from before, or while it does not, has a gap. Without memory it counts as not heard. */
void hub_hear_room(struct hub_nsp *nsp, belfry_bytes room, bool is_heard, uint64_t wall_ms);

/* With a sequencer: the log begins behind @id; who resumes from before has a gap. */
void hub_begin_behind(struct hub_nsp *nsp, struct message_id id);

/* Puts @delivery (message NULL, run set) behind what has been published so far. Neither hub_drain
 * nor a callback may be called from its run. Thread: any. Owns: run takes it.
 * Errors: AGAIN, from a foreign thread (@own NULL), when the inbox is full: run is not called. */
BELFRY_NODISCARD belfry_err hub_push(struct hub_shard *shard, struct hub_shard *own,
                                     struct delivery *delivery);

/* Delivers @m, which is not published, to @member of @nsp alone. */
void hub_deliver_to(struct hub_shard *shard, struct hub_nsp *nsp, struct message *m,
                    struct member *member);

/* Is a worker so far behind that the others should read less? */
bool hub_is_congested(const struct hub *hub);

/* Delivers what waits for this worker. Called before writing to a member and at a turn's end. */
void hub_drain(struct hub_shard *shard);

static inline bool hub_has_pending(struct hub_shard *shard)
{
    return !mailbox_is_empty(&shard->inbox);
}

/* --- being somewhere ------------------------------------------------------------------------- */

struct hub_joined;

/*
 * What was said in some rooms before what is known here, from where it is kept for all processes.
 * A join takes of it what comes before its own history.
 */
struct hub_older {
    struct message_list messages; /* in order; made by hub_make_past */
    struct message_id floor;      /* what is not behind it may be missing */
    struct message_id tip;        /* what is behind it is not among them */
};

/* Gives @m the place @id in @nsp, for hub_older: nobody hears it. Before others have it. */
void hub_make_past(struct hub_nsp *nsp, struct message *m, struct message_id id);

/* What a newcomer should have first. */
enum hub_lack {
    HUB_LACKS_NOTHING,
    HUB_LACKS_OLDER, /* what it asks for is not known here, or not all of it */
    HUB_LACKS_NEWER, /* its position lies ahead: it has heard what did not come here yet */
};

struct hub_enter {
    const belfry_bytes *rooms; /* to be in from the start; ids of members among them are passed */
    uint32_t room_count;
    /* Who comes back: what it would have heard behind @since, had it been in @rooms all the while.
     * @own_id: its public id, now and then. */
    bool has_since;
    struct message_id since;
    belfry_bytes own_id;
    /* Who comes without @since: the last so many of each of @rooms, in one order. */
    uint32_t history;
    uint64_t wall_ms;              /* as in struct hub_join */
    const struct hub_older *older; /* the same */
    /* As in struct hub_join. */
    void (*on_live)(struct member *member, const struct hub_joined *joined, void *user);
    void *user;
};

/*
 * Makes @member one of @nsp, and of no other. From then on it hears what is said to everyone, and
 * may join more rooms. In @out, @members are those of the namespace, @history is what it missed;
 * @has_gap: something may be missing in that. All or nothing.
 *
 * Errors:  LIMIT, NOMEM; without rooms only NOMEM
 */
BELFRY_NODISCARD belfry_err hub_enter(struct hub_shard *shard, struct hub_nsp *nsp,
                                      struct member *member, const struct hub_enter *how,
                                      struct hub_joined *out);

/* With @how->older unset. */
enum hub_lack hub_enter_lacks(struct hub_nsp *nsp, const struct hub_enter *how);

/* At once. It must have left its rooms; one who has not entered may exit. */
void hub_exit(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member);

enum hub_since { HUB_SINCE_NOW, HUB_SINCE_ID, HUB_SINCE_COUNT, HUB_SINCE_UNKNOWN };

struct hub_join {
    enum hub_since since; /* UNKNOWN: an id of another epoch; all there is, and a gap */
    struct message_id id; /* everything behind it */
    uint32_t count;       /* the last so many */
    uint64_t wall_ms; /* now: what is too old for the room is not there any more; 0: it may be */
    const struct hub_older *older; /* NULL: what is known here is all there is */
    /* Called when the member becomes live: behind what it heard already, before what comes. It may
     * write to the member, no more. NULL: not interested. */
    void (*on_live)(struct member *member, const struct hub_joined *joined, void *user);
    void *user;
};

struct hub_joined {
    uint32_t members; /* the newcomer included */
    bool was_member;
    bool has_gap;
    struct message_id last;      /* the newest id of the namespace at that moment */
    struct message_list history; /* oldest first */
};

/*
 * Adds @member of @nsp to @room; the snapshot ends exactly where live messages begin. Joining twice
 * keeps one membership and takes a new snapshot.
 *
 * Errors:  LIMIT, NOMEM
 *          INVALID  @room is the id of a member: nobody joins that
 */
BELFRY_NODISCARD belfry_err hub_join(struct hub_shard *shard, struct hub_nsp *nsp,
                                     struct member *member, belfry_bytes room,
                                     const struct hub_join *how, struct hub_joined *out);
void hub_joined_deinit(struct hub_joined *joined);

/* With @how->older unset. */
enum hub_lack hub_join_lacks(struct hub_nsp *nsp, belfry_bytes room, const struct hub_join *how);

/* At once: messages not delivered yet will not be. @out_members: who is left. */
BELFRY_NODISCARD belfry_err hub_leave(struct hub_shard *shard, struct hub_nsp *nsp,
                                      struct member *member, belfry_bytes room,
                                      uint32_t *out_members);

/*
 * Joins where the inbox is: from the run of a delivery, as of hub_move. What comes behind that is
 * heard. Without a snapshot. Errors: as hub_join.
 */
BELFRY_NODISCARD belfry_err hub_join_here(struct hub_shard *shard, struct hub_nsp *nsp,
                                          struct member *member, belfry_bytes room);

/* How much a room called @name remembers. */
const struct history_limits *hub_limits_of(const struct hub *hub, belfry_bytes name);

bool hub_is_member(struct hub_shard *shard, struct hub_nsp *nsp, const struct member *member,
                   belfry_bytes room);

/* Is @name the public id of a member, or could it be one's? The worker it is on, or -1. */
static inline int hub_owner_of(const struct hub *hub, belfry_bytes name)
{
    return hub->owner_of != NULL ? hub->owner_of(hub, name) : -1;
}

/* The name of a membership's room; until it is left. */
belfry_bytes membership_room_name(const struct membership *membership);

void member_deinit(struct member *member); /* must have left all rooms and its namespace */

/* --- asking ---------------------------------------------------------------------------------- */

uint32_t hub_nsp_member_count(struct hub_nsp *nsp);
uint32_t hub_member_count(struct hub_nsp *nsp, belfry_bytes room);
uint64_t hub_room_count(struct hub_nsp *nsp);

/* Rooms that have members, in no order. Under the namespace's lock: @visit copies what it wants and
 * calls nothing of the hub. */
void hub_each_room(struct hub_nsp *nsp,
                   void (*visit)(belfry_bytes room, uint32_t members, void *arg), void *arg);

/* Whom a message would reach: everyone, or who is in one of @rooms; not who is in one of @excepts.
 * The names may be ids of members. */
struct hub_selection {
    uint8_t room_count; /* 0: everyone */
    uint8_t except_count;
    const belfry_bytes *rooms;
    const belfry_bytes *excepts;
    uint64_t except_member;
};

/* Every selected member of this worker, once. While it runs nobody may come, go, join or leave. */
void hub_each_selected(struct hub_shard *shard, struct hub_nsp *nsp,
                       const struct hub_selection *selection,
                       void (*visit)(struct member *member, void *arg), void *arg);

/* True for the first caller since hub_take_count: it should announce the count soon. */
bool hub_mark_count_due(struct hub_nsp *nsp, belfry_bytes room);
uint32_t hub_take_count(struct hub_nsp *nsp, belfry_bytes room);

/* One page of a room's members, from all workers, in the order of their public ids. */
struct hub_person {
    belfry_bytes id;
    belfry_bytes user;
};

struct hub_roster {
    const struct hub_person *people;
    uint32_t count;
    uint32_t total; /* members of the room */
    bool has_more;
    bool is_complete; /* false: memory ran out somewhere */
};

/*
 * Asks all workers for the first @limit members of @room behind @after. @on_roster is called on the
 * loop of @shard in a later turn, with what is valid until it returns. Errors: NOMEM (no call).
 */
BELFRY_NODISCARD belfry_err hub_ask_roster(struct hub_shard *shard, struct hub_nsp *nsp,
                                           belfry_bytes room, belfry_bytes after, uint32_t limit,
                                           void (*on_roster)(struct hub_shard *shard,
                                                             const struct hub_roster *roster,
                                                             void *user),
                                           void *user);

/* Nothing that was said in @nsp is remembered any more. */
void hub_forget(struct hub_nsp *nsp);

/* Does the log still hold all that was said behind @since? It may not when one asks again. */
bool hub_reaches(struct hub_nsp *nsp, struct message_id since);

/* Forgets what is too old. */
void hub_expire(struct hub_nsp *nsp, uint64_t wall_ms);

/* What every worker is to call now and then: gives memory back, in all namespaces, and the first
 * worker forgets what is too old. */
void hub_keep_house(struct hub_shard *shard, uint64_t wall_ms);

/* --- moving many ----------------------------------------------------------------------------- */

/* One worker's part of a move. */
struct hub_move_part {
    struct delivery delivery;
    struct hub_move *move;
};

/* How many members at once come into a room, or leave it. Its maker sets what is not marked. */
struct hub_move {
    struct hub_nsp *nsp;            /* set by hub_move */
    struct hub_selection selection; /* its names live as long as the move */
    belfry_bytes room;              /* the same */
    bool is_join;
    bool is_partial;  /* set: somewhere memory ran out, and some stayed where they are */
    unsigned pending; /* set: workers that have not done their part; under the namespace's lock */
    struct hub_room *held; /* set: NULL with a leave */
    /* On every worker, for every member of it that is selected: hub_join_here, or hub_leave, and
     * what comes of it. It may write to members; it must not drain, or end anybody. */
    belfry_err (*act)(struct hub_move *move, struct hub_shard *shard, struct member *member);
    /* All have done their part; on the worker that was the last. May free it. */
    void (*done)(struct hub_move *move);
    struct hub_move_part parts[]; /* set: one per worker */
};

/*
 * Moves have a place in the order of what is said: messages of the same thread behind it find
 * everybody where the move puts them, on every worker; those before it do not. What is the own
 * worker's part is done when it returns, unless it is draining.
 *
 * Thread:  any; @own as for hub_publish.
 * Owns:    the move until @done, which is not called on an error.
 * Errors:  AGAIN    a foreign thread, and an inbox is full
 *          INVALID  the room is the id of a member
 *          LIMIT, NOMEM
 */
BELFRY_NODISCARD belfry_err hub_move(struct hub_nsp *nsp, struct hub_shard *own,
                                     struct hub_move *move);

/* --- a batch, for member_ops.deliver --------------------------------------------------------- */

#define HUB_BATCH_MESSAGES 64
#define HUB_BATCH_BYTES 262144
#define HUB_BATCH_FORMS 4

struct hub_batch_form {
    unsigned key;
    unsigned prepaid; /* references taken in advance, one per member */
    struct frame *frame;
};

struct hub_batch {
    struct hub_shard *shard;
    struct message **messages;
    unsigned count;
    unsigned members; /* at most so many will ask */
    struct hub_batch_form forms[HUB_BATCH_FORMS];
    unsigned form_count;
};

/* All messages of the batch in one frame of form @key. Owns: a reference for the caller.
 * NULL: no memory, or too large to join; ask for the messages one by one. */
struct frame *hub_batch_frame(struct hub_batch *batch, unsigned key);

/* Message @index alone. Owns: a reference for the caller. NULL: no memory. */
struct frame *hub_batch_frame_of(struct hub_batch *batch, unsigned index, unsigned key);

#endif
