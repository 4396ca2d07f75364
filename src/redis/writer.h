/*
 * writer.h - one shape of a message, written as JSON or as MessagePack.
 *
 *     note_writer_map(&w, 2);
 *     note_writer_u32(&w, NOTE_KEY("type"), 3);
 *     note_writer_text(&w, NOTE_KEY("uid"), uid);
 *     note_writer_end(&w);
 *
 * Sticky: ask for w.err and buf_failed(w.out) at the end. MessagePack needs the number of members
 * in front, JSON the end behind; whoever writes both says both.
 */
#ifndef REDIS_WRITER_H
#define REDIS_WRITER_H

#include "redis/note.h"

struct note_writer {
    struct buf *out;
    const struct note *note; /* whose attachments are meant */
    belfry_err err;          /* of what events carry */
    bool is_json;
    bool is_comma_due;
};

/* A member's name as JSON has it behind another member. */
#define NOTE_KEY(name) BELFRY_BYTES(",\"" name "\":")

/* What was written: nothing of it stays if anything failed. @start: the size of the output before.
 */
belfry_err note_writer_finish(struct note_writer *w, size_t start);

/* Appends what was written to a buffer of its own, which is freed, as base64 to @out. */
belfry_err note_writer_finish_base64(struct note_writer *w, struct buf *out);

void note_writer_key(struct note_writer *w, belfry_bytes key);
void note_writer_map(struct note_writer *w, uint32_t count);
void note_writer_end(struct note_writer *w);

/* --- members ----------------------------------------------------------------------------- */

void note_writer_u32(struct note_writer *w, belfry_bytes key, uint32_t number);
void note_writer_bool(struct note_writer *w, belfry_bytes key, bool is_true);
void note_writer_text(struct note_writer *w, belfry_bytes key, belfry_bytes text);
void note_writer_names(struct note_writer *w, belfry_bytes key, struct note_names names);

/* JSON; empty: null. */
void note_writer_value(struct note_writer *w, belfry_bytes key, belfry_bytes json);

/* [name,args] of the note. */
void note_writer_event(struct note_writer *w, belfry_bytes key);

/* --- what the contracts share; as values, behind a key or not ---------------------------- */

enum note_flags { NOTE_WITHOUT_FLAGS, NOTE_WITH_FLAGS };

/* {rooms,except,flags}: whom it concerns. */
void note_writer_target(struct note_writer *w, enum note_flags flags);

/* {type,data,nsp} of an event; without @nsp if it is empty. */
void note_writer_packet(struct note_writer *w, belfry_bytes nsp);

#endif
