/*
 * rooms/reply.h - what the server says in the room protocol.
 *
 *     rooms_put_ack(&b, request.ref, id);
 *     if (buf_failed(&b)) ...
 *
 * Each function appends one JSON object. Empty bytes leave their field out. Names are UTF-8; "JSON"
 * is a value that json_scan accepted, spliced in unchanged.
 */
#ifndef ROOMS_REPLY_H
#define ROOMS_REPLY_H

#include "base/buf.h"
#include "base/defs.h"
#include "rooms/errors.h"

/* A member as others see it. */
struct rooms_person {
    belfry_bytes id;   /* public socket id; of a message from a backend maybe empty */
    belfry_bytes user; /* empty: not known */
};

/* {"type":"welcome","id":...,"user":...}: once, after the handshake. */
void rooms_put_welcome(struct buf *b, struct rooms_person self);

/* The answer to a join: what the room is, and what was missed. */
struct rooms_joined {
    belfry_bytes ref; /* JSON */
    belfry_bytes room;
    uint64_t members;
    const belfry_bytes *history; /* messages and events, encoded by the functions below */
    size_t history_count;
    belfry_bytes gap;  /* why something is missing from @history; empty: nothing is */
    belfry_bytes last; /* the position to resume from, also when @history is empty */
};

/* {"type":"joined","ref":...,"room":...,"members":N,"history":[...],"gap":false,"last":...};
 * a gap is "gap":true,"reason":... */
void rooms_put_joined(struct buf *b, const struct rooms_joined *joined);

/* What a reader of an event stream is told when it is in its rooms. */
struct rooms_reading {
    const belfry_bytes *rooms;
    size_t room_count;
    belfry_bytes gap;  /* as above */
    belfry_bytes last; /* as above */
};

/* {"type":"joined","rooms":[...],"gap":false,"last":...}; a gap is "gap":true,"reason":... */
void rooms_put_reading(struct buf *b, const struct rooms_reading *reading);

/* {"type":"left","ref":...,"room":...} */
void rooms_put_left(struct buf *b, belfry_bytes ref, belfry_bytes room);

struct rooms_message {
    belfry_bytes room;
    belfry_bytes id;
    struct rooms_person from;
    belfry_bytes text; /* JSON string */
    uint64_t timestamp_ms;
};

/* {"type":"message","room":...,"id":...,"from":...,"user":...,"text":...,"timestamp":ms} */
void rooms_put_message(struct buf *b, const struct rooms_message *message);

struct rooms_event {
    belfry_bytes room;
    belfry_bytes id;         /* empty: volatile */
    belfry_bytes event;      /* the name, looked at only without @event_json */
    belfry_bytes event_json; /* the name as JSON string */
    struct rooms_person from;
    belfry_bytes data; /* JSON; empty: null */
};

/* {"type":"event","room":...,"id":...,"event":...,"from":...,"user":...,"data":...} */
void rooms_put_event(struct buf *b, const struct rooms_event *event);

/* {"type":"user-joined","room":...,"userId":...,"user":...,"members":N} */
void rooms_put_user_joined(struct buf *b, belfry_bytes room, struct rooms_person who,
                           uint64_t members);
/* {"type":"user-left","room":...,"userId":...,"user":...,"members":N} */
void rooms_put_user_left(struct buf *b, belfry_bytes room, struct rooms_person who,
                         uint64_t members);

/* One page of a room's members. */
struct rooms_members {
    belfry_bytes ref; /* JSON */
    belfry_bytes room;
    uint64_t count; /* of all members, not only of this page */
    const struct rooms_person *page;
    size_t page_count;
    belfry_bytes next; /* what to send as `after` for the next page; empty: there is none */
};

/* {"type":"members","ref":...,"room":...,"count":N,"members":[{"id":...,"user":...}],"next":...} */
void rooms_put_members(struct buf *b, const struct rooms_members *members);

/* {"type":"members","room":...,"count":N}: presence of a room too large for names. */
void rooms_put_member_count(struct buf *b, belfry_bytes room, uint64_t count);

/* {"type":"ack","ref":...,"id":...} */
void rooms_put_ack(struct buf *b, belfry_bytes ref, belfry_bytes id);

/* {"type":"error","ref":...,"code":...,"reason":...}; an empty @reason is the code's default. */
void rooms_put_error(struct buf *b, belfry_bytes ref, enum rooms_error error, belfry_bytes reason);

/* {"type":"pong","ref":...} */
void rooms_put_pong(struct buf *b, belfry_bytes ref);

/* {"type":"gap","room":...,"reason":...}: messages were missed, and which is not known. */
void rooms_put_gap(struct buf *b, belfry_bytes room, belfry_bytes reason);

#endif
