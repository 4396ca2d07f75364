/*
 * resp.h - what Redis answers (RESP2), one reply at a time; hiredis does the reading.
 *
 *     resp_feed(reader, bytes);
 *     while (resp_next(reader, &reply) == BELFRY_OK && reply != NULL)
 *         ...
 *
 * Replies are made in memory that is used again for the next one, so that a busy connection
 * allocates nothing. What a reply declares is held against the limits before hiredis believes it:
 * bytes that wait to become one, elements of an array.
 */
#ifndef REDIS_RESP_H
#define REDIS_RESP_H

#include "base/buf.h"
#include "base/defs.h"

enum resp_type { RESP_NIL, RESP_STATUS, RESP_ERROR, RESP_INTEGER, RESP_TEXT, RESP_ARRAY };

struct resp {
    enum resp_type type;
    int64_t integer;
    belfry_bytes text; /* STATUS, ERROR, TEXT */
    const struct resp *items;
    uint32_t count;
};

struct resp_limits {
    size_t max_reply_bytes;
    uint32_t max_items; /* of one array */
};

struct resp_reader;

struct resp_reader *resp_reader_new(const struct resp_limits *limits); /* NULL: no memory */
struct resp_reader *resp_reader_free(struct resp_reader *reader);      /* NULL is fine */

/* More of the stream; best in pieces of at most RESP_PIECE. Errors: LIMIT, NOMEM. */
#define RESP_PIECE 16384
BELFRY_NODISCARD belfry_err resp_feed(struct resp_reader *reader, const void *data, size_t size);

/* The next reply; NULL: more bytes are needed. Valid until the next call of resp_next or resp_feed.
 * Errors, after which the reader is of no use: INVALID, LIMIT, NOMEM. */
BELFRY_NODISCARD belfry_err resp_next(struct resp_reader *reader, const struct resp **out_reply);

/* Appends a command: an array of bulk strings. Written into the connection's buffer directly, which
 * hiredis' formatter cannot do: it makes a string of its own to be copied. Sticky. */
void resp_put_command(struct buf *out, const belfry_bytes *argv, unsigned argc);

/* How many bytes that is. */
size_t resp_command_size(const belfry_bytes *argv, unsigned argc);

#endif
