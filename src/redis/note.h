/*
 * note.h - what the nodes of a cluster say to one another, whatever the contract.
 *
 *     note_decode(NOTE_CLASSIC, payload, &limits, &scratch, &note)    a message of a channel
 *     note_encode(NOTE_SHARDED, &note, &out)                          and back
 *
 * Three contracts of the Socket.IO ecosystem that do not mix (redis.md): the classic adapter's
 * arrays and requests, the ClusterMessage of the sharded adapter, and that of the streams adapter.
 * A note holds what they have in common; its numbers are those of the ClusterMessage (redis.md 2).
 *
 * Pure: bytes in, values out. Thread: any.
 */
#ifndef REDIS_NOTE_H
#define REDIS_NOTE_H

#include "base/buf.h"
#include "base/defs.h"

enum note_contract {
    NOTE_CLASSIC, /* @socket.io/redis-adapter, createAdapter */
    NOTE_SHARDED, /* the same package, createShardedAdapter */
    NOTE_STREAMS, /* @socket.io/redis-streams-adapter */
};

enum note_type {
    NOTE_NOTHING = 0, /* understood, and of no interest: heartbeats, an unknown type; all but @uid
                         and @nsp is empty then */
    NOTE_BROADCAST = 3,
    NOTE_JOIN = 4,
    NOTE_LEAVE = 5,
    NOTE_DISCONNECT = 6,
    NOTE_FETCH = 7,
    NOTE_FETCHED = 8, /* the answer */
    NOTE_SERVER_EMIT = 9,
    NOTE_SERVER_ANSWER = 10,
    NOTE_CLIENT_COUNT = 11, /* of a broadcast with @request_id: how many were asked */
    NOTE_ACK = 12,          /* one of them has answered */
    /* The classic contract only. */
    NOTE_SOCKETS = 32, /* which ids are in @rooms? */
    NOTE_SOCKETS_ANSWER = 33,
    NOTE_ALL_ROOMS = 34,
    NOTE_ALL_ROOMS_ANSWER = 35,
    NOTE_DONE = 36, /* the answer to an old request to one socket: {requestId} alone */
};

#define NOTE_MAX_NAMES 255 /* rooms, or exceptions, of one note */

struct note_names {
    const belfry_bytes *names;
    unsigned count;
};

struct note {
    enum note_type type;
    belfry_bytes uid;        /* who says it; empty: nobody, an emitter */
    belfry_bytes nsp;        /* "/", "/admin" */
    belfry_bytes request_id; /* empty: no answer is wanted */

    /* Whom it concerns (BROADCAST, JOIN, LEAVE, DISCONNECT, FETCH); no rooms: everyone. SOCKETS has
     * rooms only. In the old form of the classic JOIN, LEAVE and DISCONNECT, which concerns one
     * socket, the rooms are that socket's id. */
    struct note_names rooms;
    struct note_names except;
    bool is_volatile;
    bool is_uncompressed; /* compress: false */
    bool is_unlogged;     /* history: false, which only Belfry says: who came and went */
    bool has_timeout;
    uint32_t timeout_ms;

    struct note_names targets; /* JOIN, LEAVE: the rooms to join or leave */
    bool is_whole;             /* DISCONNECT: the connection, not the namespace alone */

    /* BROADCAST, SERVER_EMIT: the event's name, and its arguments as JSON with commas between them
     * ("1,{\"a\":2}"), empty: none. ACK, SERVER_ANSWER: one JSON value in @args, the name empty.
     * Binary values are placeholders (base/placeholder.h) in it, and beside it. */
    belfry_bytes name;
    belfry_bytes args;
    const belfry_bytes *attachments;
    unsigned attachment_count;

    /* CLIENT_COUNT */
    uint32_t client_count;

    /* FETCHED: a JSON array of objects {id, handshake, rooms, data}, @attachments beside it.
     * SOCKETS_ANSWER, ALL_ROOMS_ANSWER: one of texts and numbers. */
    belfry_bytes list;
};

struct note_limits {
    unsigned max_depth;       /* of an event with its brackets, of a value, of a list */
    unsigned max_attachments; /* of one note */
};

/* Where the parts of a decoded note lie; all zero is empty. One serves one note at a time. */
struct note_scratch {
    struct buf json;
    struct buf spans;  /* of belfry_bytes */
    struct buf packed; /* what was base64 */
};

void note_scratch_deinit(struct note_scratch *scratch);

/*
 * Reads one payload: of a channel, whatever its kind; the first byte says whether it is JSON. Valid
 * until @scratch is used again, while @payload is left alone. Members that are not known are passed
 * over; missing or null lists are empty; a room or a name that is a number is its digits; a missing
 * value is null.
 * Of a broadcast of the classic contract the namespace is that of the packet ("/" if it has none);
 * other classic requests and answers carry none: @nsp is empty then. Classic answers are read by
 * note_decode_classic_response; the other contracts say themselves what is an answer.
 *
 * Errors:  INVALID  not a message of @contract; also: what acts on sockets without saying on which
 *          LIMIT    too deep, too many names or attachments
 *          NOMEM
 */
BELFRY_NODISCARD belfry_err note_decode(enum note_contract contract, belfry_bytes payload,
                                        const struct note_limits *limits,
                                        struct note_scratch *scratch, struct note *out);

/* The same for a payload of a response channel of the classic contract. */
BELFRY_NODISCARD belfry_err note_decode_classic_response(belfry_bytes payload,
                                                         const struct note_limits *limits,
                                                         struct note_scratch *scratch,
                                                         struct note *out);

/*
 * Appends @note as @contract writes it: MessagePack or JSON as redis.md says, MessagePack always if
 * there are attachments. @args and @list are spliced into JSON as they are. On errors @out is as it
 * was.
 *
 * Errors:  INVALID  an attachment is not there, or the contract has no such type
 *          LIMIT    an attachment is named too often
 *          NOMEM
 */
BELFRY_NODISCARD belfry_err note_encode(enum note_contract contract, const struct note *note,
                                        struct buf *out);

/* --- entries of a stream (redis.md 4) -------------------------------------------------------- */

/* The fields of an entry: uid, nsp, type, data; those not there are empty. */
struct note_entry {
    belfry_bytes uid;
    belfry_bytes nsp;
    belfry_bytes type;
    belfry_bytes data;
};

/*
 * As note_decode: @data is JSON, or base64 of MessagePack; uid and nsp are the entry's and must
 * stay too. An entry without a namespace is NOTE_NOTHING. All types may come, as from older nodes.
 */
BELFRY_NODISCARD belfry_err note_decode_entry(const struct note_entry *entry,
                                              const struct note_limits *limits,
                                              struct note_scratch *scratch, struct note *out);

/* Appends the text of `data`; errors as of note_encode. What an emitter's or a node's entry may
 * hold: BROADCAST, JOIN, LEAVE, DISCONNECT, SERVER_EMIT; the others can be said too. */
BELFRY_NODISCARD belfry_err note_encode_entry(const struct note *note, struct buf *out);

/* --- a session that may come back (redis.md 4.1) --------------------------------------------- */

struct note_session {
    belfry_bytes sid;
    belfry_bytes pid;
    struct note_names rooms; /* any number */
    belfry_bytes data;       /* a JSON value; empty: {} */
};

/*
 * Base64 of MessagePack, as the streams adapter keeps it. Appends; on errors @out is as it was.
 *
 * Errors:  INVALID  data is not JSON         NOMEM
 *          LIMIT    it is nested deeper than JSON_MAX_DEPTH
 */
BELFRY_NODISCARD belfry_err note_encode_session(const struct note_session *session,
                                                struct buf *out);

/* What lies in @out is good as long as @scratch; errors as of note_decode. A session without sid or
 * pid is INVALID, and so is one with binary data, which has no place beside it here. */
BELFRY_NODISCARD belfry_err note_decode_session(belfry_bytes text, const struct note_limits *limits,
                                                struct note_scratch *scratch,
                                                struct note_session *out);

#endif
