/*
 * sim_rooms.h - what everybody heard in the rooms, and whether it can be true.
 *
 *     sim_rooms_init(&rooms, &world);
 *     visit = sim_rooms_enter(&rooms, ...);            a connection; its client reports by itself
 *     sim_rooms_join(...), _leave, _say, _repeat       requests, remembered
 *     sim_rooms_exit(visit, SIM_RESET)
 *     sim_settle(&world); sim_rooms_judge(&rooms);     fails the test if anything is impossible
 *
 * Every message has a number of its own ("p17"), so that it is recognised wherever it turns up.
 * Judged while it runs: ids rise on every connection, the sender's copy comes before its ack, an
 * event does not come back to its sender, a repeated key keeps the first id, one number has one id,
 * counts in presence messages form a chain. Judged at the end: a stay in a room heard exactly the
 * log from where it joined to where it ended; a snapshot is exactly the log between the position
 * asked for and the join, or says that it has a gap; unlogged messages fit into one order.
 */
#ifndef SUPPORT_SIM_ROOMS_H
#define SUPPORT_SIM_ROOMS_H

#include "base/message_id.h"
#include "support/sim_client.h"

#define SIM_ROOMS 4
#define SIM_NAME_SIZE 16

enum sim_post_kind { SIM_MESSAGE, SIM_EVENT, SIM_VOLATILE };

/* Numbers in a list that grows. */
struct sim_numbers {
    unsigned *items;
    size_t count;
    size_t capacity;
};

/* Something that somebody said, once or (with a key) several times. */
struct sim_post {
    enum sim_post_kind kind;
    unsigned room;
    struct sim_visit *sender; /* who said it first */
    unsigned sent_count;
    bool has_key;
    bool has_sender_copy;
    bool is_known; /* somebody saw it, or its ack: */
    struct message_id id;
    struct message_id after; /* of an unlogged one: what came before and behind it, anywhere */
    struct message_id before;
};

/* What a join asked for, and what it got. */
struct sim_snapshot {
    unsigned room;
    enum hub_since since;
    struct message_id since_id;
    unsigned count;
    bool is_answered;
    bool has_gap;
    struct message_id last;
    struct sim_numbers history;
};

/* From a `joined` to a `left` or the end of the connection. */
struct sim_stay {
    struct sim_visit *visit;
    unsigned room;
    struct message_id start;
    struct sim_numbers heard; /* logged posts */
    uint64_t members;
    bool is_over;
    bool has_gap; /* the server said that it dropped something */
};

/* One connection. */
struct sim_visit {
    struct sim_rooms *rooms;
    struct sim_client *client;
    char user[SIM_NAME_SIZE];          /* empty: not named */
    bool wants[SIM_ROOMS];             /* is a member, when all its requests are done */
    struct sim_stay *stays[SIM_ROOMS]; /* the open ones */
    struct message_id last_live;
    struct sim_numbers unlogged; /* heard since last_live */
    struct sim_numbers heard_unlogged;
    unsigned gap_count;
    unsigned asked; /* requests that are to be answered, and answers */
    unsigned answered;
    bool is_over;
};

struct sim_rooms {
    struct sim_world *world;
    struct sim_post *posts;
    size_t post_count, post_capacity;
    struct sim_visit **visits;
    size_t visit_count, visit_capacity;
    struct sim_stay **stays;
    size_t stay_count, stay_capacity;
    struct sim_snapshot *snapshots;
    size_t snapshot_count, snapshot_capacity;
    char epoch[MESSAGE_ID_MAX_EPOCH + 1]; /* as seen in the first id */
    uint64_t live_count;                  /* room messages that clients received */
    unsigned history_limit;               /* messages that a room remembers; 0: none */
    bool may_forget; /* rooms or keys may be forgotten in this run: a gap may be overstated */
    bool may_drop;   /* the slow policy may take messages: they must be announced */
};

void sim_rooms_init(struct sim_rooms *rooms, struct sim_world *world);
void sim_rooms_deinit(struct sim_rooms *rooms);

struct sim_visit *sim_rooms_enter(struct sim_rooms *rooms, const struct sim_client_how *how);

enum sim_exit { SIM_RESET, SIM_HANG_UP, SIM_HALF_CLOSE, SIM_CLOSE };
void sim_rooms_exit(struct sim_visit *visit, enum sim_exit how);

/* @since as in struct hub_join; UNKNOWN asks for a position of another server. */
void sim_rooms_join(struct sim_visit *visit, unsigned room, enum hub_since since,
                    struct message_id id, unsigned count);
void sim_rooms_leave(struct sim_visit *visit, unsigned room);

/* Returns the post's number. */
unsigned sim_rooms_say(struct sim_visit *visit, unsigned room, enum sim_post_kind kind,
                       bool has_key, bool has_ref);
void sim_rooms_repeat(struct sim_visit *visit, unsigned post);

/* The position from which @visit may resume @room; false: it has heard nothing of it. */
bool sim_rooms_position(const struct sim_visit *visit, unsigned room, struct message_id *out);

/* Everything has settled: do the books balance? */
void sim_rooms_judge(struct sim_rooms *rooms);

#endif
