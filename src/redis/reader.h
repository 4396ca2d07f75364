/*
 * reader.h - one walk over a message, whether it is JSON or MessagePack.
 *
 *     note_reader_init(&r, payload, limits, scratch);
 *     if (note_reader_next(&r, &token) && token.kind == NOTE_MAP) {
 *         walk = note_walk_of(&token);
 *         while (note_reader_next_member(&r, &walk, &key))
 *             ...                      one value: next, scalar, skip, value, event or names
 *     }
 *     note_reader_end(&r);             nothing may follow; r.err has the first error
 *
 * What is read is a piece: a place in the payload, or in the scratch, which may still move. Pieces
 * become bytes when all was read. Every function is false once something has failed.
 */
#ifndef REDIS_READER_H
#define REDIS_READER_H

#include "base/msgpack.h"
#include "redis/note.h"

enum note_kind {
    NOTE_NULL, /* undefined too */
    NOTE_FALSE,
    NOTE_TRUE,
    NOTE_NUMBER,
    NOTE_TEXT,
    NOTE_ARRAY, /* opened: its items are next */
    NOTE_MAP,   /* opened: its members are next */
    NOTE_OTHER, /* binary, a date; of note_reader_scalar: an array or a map, passed over */
};

struct note_token {
    enum note_kind kind;
    belfry_bytes json;           /* JSON: the scalar as it stands */
    struct msgpack_token packed; /* MessagePack */
};

/* All zero is empty. */
struct note_piece {
    size_t place; /* twice the offset; odd: in the scratch */
    size_t size;
};

/* Consecutive spans of the scratch. */
struct note_range {
    unsigned first, count;
};

struct note_reader {
    const uint8_t *start, *at, *end;
    const struct note_limits *limits;
    struct note_scratch *scratch;
    belfry_err err;
    bool is_json;
};

/* How much of an array or a map is left; in JSON, whether its first value is next. */
struct note_walk {
    uint32_t due;
    bool is_first;
};

/* Empties what it uses of @scratch: all but @packed, in which @payload may lie. */
void note_reader_init(struct note_reader *r, belfry_bytes payload, const struct note_limits *limits,
                      struct note_scratch *scratch);

/* The same for base64 of MessagePack, which goes to @packed. */
void note_reader_init_base64(struct note_reader *r, belfry_bytes text,
                             const struct note_limits *limits, struct note_scratch *scratch);

bool note_reader_end(struct note_reader *r);
bool note_reader_fail(struct note_reader *r, belfry_err err);

/* --- tokens ------------------------------------------------------------------------------ */

bool note_reader_next(struct note_reader *r, struct note_token *out_token);
bool note_reader_scalar(struct note_reader *r, struct note_token *out_token);
bool note_reader_skip(struct note_reader *r);

static inline struct note_walk note_walk_of(const struct note_token *token)
{
    return (struct note_walk){ .due = token->packed.count, .is_first = true };
}

/* False: there is no other, or something failed. @out_key is good until the next call of anything;
 * empty: none of those that are known. */
bool note_reader_next_member(struct note_reader *r, struct note_walk *walk, belfry_bytes *out_key);
bool note_reader_next_item(struct note_reader *r, struct note_walk *walk);

/* --- whole values ------------------------------------------------------------------------ */

/* A text, or a number as its digits. */
bool note_reader_text(struct note_reader *r, const struct note_token *token,
                      struct note_piece *out_text);

/* Is @token a whole number? Large ones are UINT32_MAX. */
bool note_token_u32(const struct note_reader *r, const struct note_token *token,
                    uint32_t *out_number);

/* The next value as JSON. */
bool note_reader_value(struct note_reader *r, struct note_piece *out_json,
                       struct note_range *out_attachments);

/* The next value, which must be an array with a text or number in front: an event. */
bool note_reader_event(struct note_reader *r, struct note_piece *out_name,
                       struct note_piece *out_args, struct note_range *out_attachments);

/* The next value, an array of at most @max texts and numbers; null: none. */
bool note_reader_names(struct note_reader *r, unsigned max, struct note_range *out_names);

/* One name that was read as a text. */
bool note_reader_add_name(struct note_reader *r, struct note_piece name, struct note_range *names);

/* --- when all was read ------------------------------------------------------------------- */

belfry_bytes note_reader_bytes(const struct note_reader *r, struct note_piece piece);

/* Once for each range: it turns pieces into bytes where they are. */
struct note_names note_reader_resolve(const struct note_reader *r, struct note_range names);

const belfry_bytes *note_reader_attachments(const struct note_reader *r, struct note_range range);

#endif
