/*
 * msgpack.h - MessagePack, and its translation from and to JSON with attachments.
 *
 *     belfry_bytes blobs[10];
 *     size_t blob_count;
 *     struct msgpack_limits limits = { .max_depth = 64, .max_blobs = 10 };
 *     err = msgpack_to_json(message, &limits, &json, blobs, &blob_count);
 *     err = msgpack_from_json(buf_bytes(&json), blobs, blob_count, &limits, &packed);
 *
 * Binary data becomes a placeholder (base/placeholder.h) in the JSON and a span beside it, and
 * back.
 *
 *     MessagePack                              JSON
 *     int                                      the same digits; back as int if it fits in 64 bits
 *     float                                    shortest text that reads back; NaN, Infinity: null
 *     str (UTF-8, else refused)                string; lone surrogates go back as U+FFFD
 *     bin, ext type 0                          placeholder; back as bin
 *     fixext 1 type 0 (undefined)              null; as a member of a map: left out
 *     fixext 8 type 0 (ms), timestamp (-1)     "2026-11-23T06:07:12.000Z"; out of range: null
 *     map with keys of str or int              object
 *     other ext types, other keys, c1          refused
 *
 * fixext with type 0 is what notepack.io, the JavaScript side of Socket.IO, writes. Nothing
 * recurses. Counts and sizes are believed only as far as there are bytes to hold them.
 */
#ifndef BASE_MSGPACK_H
#define BASE_MSGPACK_H

#include "base/buf.h"
#include "base/defs.h"

struct msgpack_limits {
    unsigned max_depth; /* at most JSON_MAX_DEPTH */
    size_t max_blobs;   /* room in the array that is given to msgpack_to_json */
    size_t max_bytes;   /* of what one call may append; 0: no limit. Matters for msgpack_from_json,
                           where a text can name one attachment many times */
};

/* A place in a message: what is still to be read. */
struct msgpack_reader {
    const uint8_t *at, *end;
};

/*
 * Appends @message, one whole value, to @out as JSON. @out_blobs gets spans into @message in the
 * order of their numbers. If blobs are found, so must no map be that looks like a placeholder.
 *
 * Errors:  BELFRY_ERR_INVALID  not MessagePack, or not what JSON can say
 *          BELFRY_ERR_LIMIT    too deep, too large, too many blobs
 *          BELFRY_ERR_NOMEM    on all errors @out is as it was
 */
BELFRY_NODISCARD belfry_err msgpack_to_json(belfry_bytes message,
                                            const struct msgpack_limits *limits, struct buf *out,
                                            belfry_bytes *out_blobs, size_t *out_blob_count);

/* As msgpack_to_json, of the next value of @r, which moves behind it; what follows is not looked
 * at.
 */
BELFRY_NODISCARD belfry_err msgpack_next_to_json(struct msgpack_reader *r,
                                                 const struct msgpack_limits *limits,
                                                 struct buf *out, belfry_bytes *out_blobs,
                                                 size_t *out_blob_count);

/*
 * Appends @json, one whole value, to @out as MessagePack. With @blob_count 0 placeholders are plain
 * objects.
 *
 * Errors:  BELFRY_ERR_INVALID  not JSON, or a placeholder that is not good
 *          BELFRY_ERR_LIMIT    too deep, too large
 *          BELFRY_ERR_NOMEM    on all errors @out is as it was
 */
BELFRY_NODISCARD belfry_err msgpack_from_json(belfry_bytes json, const belfry_bytes *blobs,
                                              size_t blob_count,
                                              const struct msgpack_limits *limits, struct buf *out);

/* As msgpack_from_json, of an array: the text @name, then @args, JSON values with commas between
 * them; empty: none. The depth counts the array. */
BELFRY_NODISCARD belfry_err msgpack_from_event(belfry_bytes name, belfry_bytes args,
                                               const belfry_bytes *blobs, size_t blob_count,
                                               const struct msgpack_limits *limits,
                                               struct buf *out);

/* --- token by token ----------------------------------------------------------------------- */

enum msgpack_kind {
    MSGPACK_NIL,
    MSGPACK_FALSE,
    MSGPACK_TRUE,
    MSGPACK_UINT,  /* @u */
    MSGPACK_INT,   /* @i, negative */
    MSGPACK_FLOAT, /* @f, float32 too */
    MSGPACK_STR,   /* @bytes, valid UTF-8 */
    MSGPACK_BIN,   /* @bytes */
    MSGPACK_EXT,   /* @bytes and @ext_type */
    MSGPACK_ARRAY, /* @count values follow */
    MSGPACK_MAP,   /* @count pairs of values follow */
};

struct msgpack_token {
    enum msgpack_kind kind;
    int8_t ext_type;
    bool is_fixext;
    uint32_t count;
    union {
        uint64_t u;
        int64_t i;
        double f;
        belfry_bytes bytes;
    };
};

struct msgpack_reader msgpack_reader_of(belfry_bytes message);

/* The next token; false: no more bytes, or not MessagePack. The reader stays where it was then. */
BELFRY_NODISCARD bool msgpack_next(struct msgpack_reader *r, struct msgpack_token *out_token);

/* Skips one value with all that is in it; @out_value is where it stood. */
BELFRY_NODISCARD bool msgpack_skip(struct msgpack_reader *r, belfry_bytes *out_value);

/* The same for a value that nobody will read: what its texts and numbers hold is not looked at. */
BELFRY_NODISCARD bool msgpack_pass(struct msgpack_reader *r);

/* undefined, as notepack.io writes it. */
bool msgpack_is_undefined(const struct msgpack_token *token);

/* A whole number that is not negative, in whichever form: 3 or 3.0. */
bool msgpack_u64(const struct msgpack_token *token, uint64_t *out_number);

/* --- writing; sticky as all buf_put functions ---------------------------------------------- */

void msgpack_put_nil(struct buf *b);
void msgpack_put_u64(struct buf *b, uint64_t number);
void msgpack_put_i64(struct buf *b, int64_t number);
void msgpack_put_double(struct buf *b, double number);
void msgpack_put_str(struct buf *b, belfry_bytes text); /* at most 4 GiB, as all below */
void msgpack_put_bin(struct buf *b, belfry_bytes data);
void msgpack_put_array(struct buf *b, uint32_t count); /* @count values must follow */
void msgpack_put_map(struct buf *b, uint32_t count);   /* @count pairs must follow */

#endif
