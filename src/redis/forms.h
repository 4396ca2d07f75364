/*
 * forms.h - the two families of messages: the classic adapter's, and the ClusterMessage.
 *
 * A form reads into a draft whose reader stands at the front of the payload, and writes with a
 * writer whose syntax was chosen. Readers are false once something has failed; writers are sticky.
 */
#ifndef REDIS_FORMS_H
#define REDIS_FORMS_H

#include "redis/draft.h"
#include "redis/writer.h"

/* --- note_classic.c: redis.md 1 ------------------------------------------------------------ */

bool note_classic_read(struct note_draft *d);          /* broadcasts and requests */
bool note_classic_read_response(struct note_draft *d); /* answers */
bool note_classic_is_json(const struct note *note);
void note_classic_write(struct note_writer *w);

/* --- note_message.c: redis.md 2 ------------------------------------------------------------ */

bool note_message_read(struct note_draft *d); /* {type,data,uid,nsp} */

/* Only the data of a message; the draft has its type. */
bool note_message_read_data(struct note_draft *d);

/* What the wire's @number means. */
enum note_type note_message_type(uint64_t number);

bool note_message_has_type(enum note_type type);
bool note_message_is_json(const struct note *note);
void note_message_write(struct note_writer *w);
void note_message_write_data(struct note_writer *w);

#endif
