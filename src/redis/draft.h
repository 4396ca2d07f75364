/*
 * draft.h - a note while it is read: the parts that the contracts share.
 *
 * Each function reads one value where the reader stands, and is false once something has failed.
 * What comes twice counts as it came last.
 */
#ifndef REDIS_DRAFT_H
#define REDIS_DRAFT_H

#include "redis/reader.h"

/* The uid of those that are no node; in a note it is empty. */
#define NOTE_EMITTER "emitter"

/* Types of Socket.IO packets (not of notes): all that is ever broadcast. */
#define NOTE_PACKET_EVENT 2u
#define NOTE_PACKET_BINARY_EVENT 5u

/* The last three: has what a type needs been read? */
struct note_draft {
    struct note_reader reader;
    struct note note; /* type, flags and numbers; the spans come with note_draft_finish */
    struct note_piece uid, nsp, request_id, name, args, list;
    struct note_range rooms, except, targets, attachments;
    bool has_target, has_event, has_client_count;
};

/* A text; null: none. */
bool note_draft_text(struct note_draft *d, struct note_piece *out_text);

/* Is the value true? Anything may stand there. */
bool note_draft_bool(struct note_draft *d, bool *out_is_true);

bool note_draft_target(struct note_draft *d, bool has_flags); /* {rooms,except,flags} */
/* {type,data,nsp} of an event. */
bool note_draft_packet(struct note_draft *d, struct note_piece *out_nsp);
bool note_draft_event(struct note_draft *d); /* [name,args] */
bool note_draft_value(struct note_draft *d); /* one value, in @args */
bool note_draft_list(struct note_draft *d);  /* an array, in @list */
bool note_draft_client_count(struct note_draft *d);

/*
 * When the payload has ended: is all there that the type needs? The note, or why not.
 */
belfry_err note_draft_finish(struct note_draft *d, struct note *out);

#endif
