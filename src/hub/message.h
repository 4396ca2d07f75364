/*
 * message.h - one room message: what was said, by whom, to whom; immutable and counted.
 *
 * Its wire forms are made when the first member needs them, once, and shared by every member on
 * every worker. The hub does not know the forms: the server's encoder makes them, a number (the
 * form key, holding all that changes the bytes) names them.
 *
 * Thread: any, once published; message_new's caller owns the one reference.
 */
#ifndef HUB_MESSAGE_H
#define HUB_MESSAGE_H

#include <stdatomic.h>

#include "base/defs.h"
#include "base/frame.h"
#include "base/map.h"
#include "base/message_id.h"
#include "net/mailbox.h"

#define MESSAGE_MAX_ROOMS 8   /* of what is said here */
#define MESSAGE_MAX_NAMES 255 /* rooms, or exceptions, of what other processes say */

enum message_flag {
    MESSAGE_UNLOGGED = 1,    /* not for history: presence, volatile */
    MESSAGE_VOLATILE = 2,    /* skipped for members that are behind */
    MESSAGE_NO_COMPRESS = 4, /* goes as it is, even where compression was agreed */
    MESSAGE_LOCAL = 8,       /* for this process alone, or come from another one */
    MESSAGE_NO_ID = 16,      /* has no place in the order that ids stand for */
};

/* A room, or one member by its public id. */
struct message_room {
    belfry_bytes name;
    uint64_t hash;
    int owner; /* the worker of the member whose id the name is; -1: a room. Set by hub_publish */
};

struct message;

struct hub_shard;
struct hub_nsp;

/* Something on its way to one worker: a message, or anything that must keep its place among them.
 */
struct delivery {
    struct post post;
    struct message *message;                                         /* or NULL, and then */
    void (*run)(struct delivery *delivery, struct hub_shard *shard); /* on the worker */
};

/* One encoded form; lives as long as its message. */
struct message_form {
    struct message_form *next;
    unsigned key;
    struct frame *frame;
};

struct message {
    atomic_uint refs;
    uint8_t kind; /* the server's business */
    uint8_t flags;
    uint8_t room_count; /* 0: everyone in the namespace */
    uint8_t except_count;
    uint8_t attachment_count;
    bool has_ack;             /* receivers are to answer @ack_id: not for history */
    uint32_t call_timeout_ms; /* for the server: how long answers are waited for */
    uint32_t cost;            /* bytes that remembering it holds, its forms estimated */
    struct hub_nsp *nsp;      /* where it was published */
    struct message_id id;
    uint64_t wall_ms;
    uint64_t except_member;
    uint64_t ack_id;
    uint64_t call_key;   /* for the server: who waits for the answers */
    belfry_bytes sender; /* public id */
    belfry_bytes user;
    belfry_bytes name; /* event name, as text */
    belfry_bytes args; /* payload */
    belfry_bytes key;  /* scope and idempotency key; empty: none */
    struct map_node by_key;
    struct message *next_evicted;
    _Atomic(struct message_form *) forms;
    struct message_room *rooms;  /* room_count, then except_count more */
    belfry_bytes *attachments;   /* binary values that @args refers to */
    struct delivery *deliveries; /* one per worker, and one for the outlet */
    int16_t origin;              /* the worker whose message waits for its place; -1: none */
    struct receipt *receipt;     /* who waits for its id; NULL: nobody */
};

/*
 * How the publisher of a message learns its id where that is not known at once (hub_outlet): put
 * into the inbox of its worker, right behind the message.
 */
struct receipt {
    struct delivery delivery; /* its run takes the receipt */
    unsigned worker;
    belfry_err err; /* not OK: the message was not published */
    bool is_repeat;
    bool has_id;
    struct message_id id;
};

/* What to say. Everything is copied. */
struct message_spec {
    uint8_t kind;
    uint8_t flags;
    uint8_t room_count;
    uint8_t except_count;
    uint8_t attachment_count;
    bool has_ack; /* which makes it MESSAGE_UNLOGGED */
    uint32_t call_timeout_ms;
    uint64_t call_key; /* for the server: who waits for the answers, and how long */
    belfry_bytes rooms[MESSAGE_MAX_ROOMS];
    belfry_bytes excepts[MESSAGE_MAX_ROOMS];
    const belfry_bytes *many_rooms;   /* in place of @rooms; NULL: these are all */
    const belfry_bytes *many_excepts; /* the same for @excepts */
    uint64_t except_member;
    uint64_t wall_ms;
    belfry_bytes sender;
    belfry_bytes user;
    belfry_bytes name;
    belfry_bytes args;
    const belfry_bytes *attachments;
    uint64_t ack_id;
    belfry_bytes key; /* unique per sender; a repeat within the log's memory is delivered once */
    belfry_bytes whole_key; /* in place of @key: with its scope, as another process has it */
};

/* NULL: no memory. */
struct message *message_new(const struct message_spec *spec, const struct map_key *hash_key,
                            unsigned worker_count);

static inline struct message *message_ref(struct message *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

struct message *message_unref(struct message *m); /* NULL is fine; returns NULL */

typedef struct frame *message_encode_fn(const struct message *m, unsigned form_key, void *user);

/* The form @key, encoded now if nobody has; borrowed from @m. NULL: no memory. */
struct frame *message_form(struct message *m, unsigned key, message_encode_fn *encode, void *user);

#endif
