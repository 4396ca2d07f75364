/*
 * relay_in.h - what the files of the relay share.
 */
#ifndef SERVER_RELAY_IN_H
#define SERVER_RELAY_IN_H

#include "server/relay.h"

/* How an exchange ended; RELAY_ANSWER's number. */
enum relay_outcome { RELAY_REPLY, RELAY_REPLY_LAST, RELAY_ABORT };

struct tags;
bool relay_tags_add(struct tags *tags, const struct relay_tag *tag);
void tunnel_out_each_tag(struct worker *worker, struct tags *tags,
                         void (*visit)(struct worker *worker, const struct relay_tag *tag));
void tunnel_in_each_tag(struct worker *worker, struct tags *tags,
                        void (*visit)(struct worker *worker, const struct relay_tag *tag));

/* Looks after what waits, from now on. */
void relay_watch(struct worker *worker);

/* Answers as if the session were unknown; in eio_endpoint.c, which knows the words. */
void relay_refuse_unknown(struct exchange *x);

#endif
