/*
 * message_id.h - the position of a message in its namespace.
 *
 *     1732400000123-0.k3v9Qa       <ms>-<seq>.<epoch>, made by a server
 *     1732400000123-0              <ms>-<seq>, made by Redis Streams
 *
 * Ids of one epoch are ordered by time, then sequence; the epoch names the server and its start,
 * so that a position of another life is recognised instead of compared. Clients treat the text as
 * opaque.
 */
#ifndef BASE_MESSAGE_ID_H
#define BASE_MESSAGE_ID_H

#include "base/buf.h"
#include "base/defs.h"

#define MESSAGE_ID_MAX_EPOCH 16
#define MESSAGE_ID_MAX_TEXT (20 + 1 + 20 + 1 + MESSAGE_ID_MAX_EPOCH)

/* All zero comes before every message. */
struct message_id {
    uint64_t ms;
    uint64_t seq;
};

/* Below zero, zero or above zero, as @a is before, at or behind @b. */
int message_id_compare(struct message_id a, struct message_id b);

/* Writes the text of @id, without a NUL; @epoch may be empty. Returns its length. */
size_t message_id_format(char out_text[MESSAGE_ID_MAX_TEXT], struct message_id id,
                         belfry_bytes epoch);

/*
 * Reads exactly what message_id_format writes: digits without needless zeros that fit, and an epoch
 * of 1 to 16 characters [A-Za-z0-9_-], or none. @out_epoch points into @text.
 */
bool message_id_parse(belfry_bytes text, struct message_id *out_id, belfry_bytes *out_epoch);

#endif
