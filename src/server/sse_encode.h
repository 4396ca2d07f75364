/*
 * sse_encode.h - what is said to rooms, as events of a stream.
 *
 *   kind                     event             data
 *   a message                message           the object of the room protocol (rooms/reply.h)
 *   an event                 its name          the same
 *   somebody came or went    user-joined ...   the same
 *   text                     (message)         the text
 *   bytes                    binary            {"base64":"..."}
 */
#ifndef SERVER_SSE_ENCODE_H
#define SERVER_SSE_ENCODE_H

#include "hub/message.h"
#include "server/worker.h"

/* The form @key of @m (FORM_SSE in encode.h). NULL: no memory. */
struct frame *sse_encode_message(const struct message *m, unsigned key, struct worker *worker);

#endif
