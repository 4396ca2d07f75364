/*
 * encode.h - the wire forms of room messages: the only place that knows both the hub's messages
 * and the clients' protocols.
 */
#ifndef SERVER_ENCODE_H
#define SERVER_ENCODE_H

#include "hub/message.h"
#include "server/worker.h"

/* What a message says (message.kind). */
enum message_kind {
    KIND_MESSAGE,     /* args: the text as JSON string */
    KIND_EVENT,       /* name, args: JSON values between commas */
    KIND_USER_JOINED, /* args: the count, in digits */
    KIND_USER_LEFT,
    KIND_COUNT,
    KIND_TEXT, /* args: as they are */
    KIND_BINARY,
};

/* Form keys: a WebSocket frame as it is, or deflated for a window of so many bits; and for
 * Socket.IO what Engine.IO's revision, the peer and the parser make of it. */
#define FORM_WS_PLAIN 0u
#define FORM_WS_DEFLATED(bits) (0x100u | (unsigned)(bits))
#define FORM_WINDOW_MASK 0xffu
#define FORM_SSE 0x2000u /* an event of a stream; with a window: a piece of a gzip stream */
#define FORM_SSE_DEFLATED(bits) (FORM_SSE | FORM_WS_DEFLATED(bits))
#define FORM_SIO 0x1000u
#define FORM_SIO_REVISION_3 0x200u
#define FORM_SIO_BASE64 0x400u /* the peer cannot receive binary */
#define FORM_SIO_MSGPACK 0x800u

/* One frame with @payload; @first as for ws_header_write. NULL: no memory. */
struct frame *encode_frame(unsigned first, belfry_bytes payload);

/* message_encode_fn; @user is the struct worker that encodes. */
struct frame *encode_message(const struct message *m, unsigned form_key, void *user);

/* The JSON of 4.1 for @m (kinds but TEXT and BINARY); appended, sticky. Returns what it is:
 * "message", "user-joined", ..., of an event its name. */
belfry_bytes encode_json(struct buf *out, const struct message *m, const char *epoch);

/* Bytes in JSON: {"base64":"..."}. Appended, sticky. */
void encode_base64(struct buf *out, belfry_bytes data);

/* Is it a message as the room protocol has it, as opposed to raw bytes? */
static inline bool encode_has_json(const struct message *m)
{
    return m->kind < KIND_TEXT;
}

#endif
