/*
 * history.h - what a namespace remembers: one log, and a view of it per room.
 *
 * The log holds the messages (bounded in bytes and age); a view holds pointers to the messages of
 * one room (bounded in count, bytes and age). A position that lies below a view's floor cannot be
 * resumed without a gap. Floors only rise, and outlive the messages: a room that is forgotten
 * leaves its floor with the namespace.
 *
 * Thread: whoever holds the namespace's lock. Messages that fall out are linked onto an evicted
 * list, which the caller unrefs after unlocking.
 */
#ifndef HUB_HISTORY_H
#define HUB_HISTORY_H

#include "hub/message.h"

/* A queue of message pointers in a ring. */
struct message_ring {
    struct message **slots;
    uint32_t first;
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};

BELFRY_NODISCARD belfry_err message_ring_push(struct message_ring *ring, struct message *m);
struct message *message_ring_pop(struct message_ring *ring); /* the oldest; must not be empty */
void message_ring_deinit(struct message_ring *ring);

static inline struct message *message_ring_at(const struct message_ring *ring, uint32_t index)
{
    return ring->slots[(ring->first + index) & (ring->capacity - 1)];
}

/* The index of the first message behind @since; of messages in the order of their ids. */
uint32_t message_ring_after(const struct message_ring *ring, struct message_id since);

/* Messages in an array that grows. Owns: a reference to each. */
struct message_list {
    struct message **items;
    uint32_t count;
};

/* Owns: takes the reference to @m, on success. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err message_list_add(struct message_list *list, struct message *m);
/* In the order of their ids, each once. */
void message_list_put_in_order(struct message_list *list);
void message_list_deinit(struct message_list *list);

/* The index of the first behind @since; of a list in order. */
uint32_t message_list_after(const struct message_list *list, struct message_id since);

struct history_view {
    struct message_ring ring;
    uint64_t bytes;
    struct message_id floor; /* the newest message of the room that is not there any more */
};

struct history_limits {
    uint32_t max_messages; /* per room; 0: nothing is remembered */
    uint64_t max_bytes;    /* per room */
    uint64_t max_age_ms;
    uint64_t max_log_bytes; /* all rooms together */
};

/* Rooms whose name @pattern matches have limits of their own. An asterisk stands for anything. */
struct history_rule {
    const char *pattern;
    struct history_limits limits; /* max_log_bytes is not looked at */
};

bool history_pattern_matches(const char *pattern, belfry_bytes name);

/* Forgets what is older than the room remembers. */
void history_view_expire(struct history_view *view, const struct history_limits *limits,
                         uint64_t wall_ms);

/* Remembers @m as the newest; without memory the floor rises instead: a gap, never a lie. */
void history_view_add(struct history_view *view, const struct history_limits *limits,
                      struct message *m);

/* Forgets @m if it is the oldest. */
void history_view_forget(struct history_view *view, const struct message *m);

void history_view_deinit(struct history_view *view);

#endif
