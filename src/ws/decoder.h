/*
 * decoder.h - bytes in, messages out (RFC 6455 section 5, RFC 7692 section 7.2.2), either role.
 *
 *     uint8_t *at = received, *end = received + size;
 *     while (ws_decoder_next(&conn->decoder, &config, &at, end, &event))
 *         handle(conn, &event);           at == end now: the buffer may be used for others
 *
 * Unmasks in place, so the input is written to. A message that is one frame and wholly in the
 * input is not copied. Of anything else only the bytes that have come are kept, inflated and
 * checked already, in memory that goes when the message is complete.
 */
#ifndef WS_DECODER_H
#define WS_DECODER_H

#include "base/defs.h"
#include "ws/extension.h"
#include "ws/opcode.h"
#include "ws/pool.h"

enum ws_event_type {
    WS_EVENT_TEXT, /* a whole message; valid UTF-8 */
    WS_EVENT_BINARY,
    WS_EVENT_PING,
    WS_EVENT_PONG,
    WS_EVENT_CLOSE, /* @code: 1005 when the frame had none; @data: the reason. The last event */
    WS_EVENT_FAIL,  /* @code to close with: 1002, 1007, 1009, 1011; @why. The last event */
};

/*
 * @data is valid until the next call with any decoder of the same pool. When @is_in_place it points
 * into the input and is valid as long as that; then the ws_header_size(@size) bytes directly before
 * @data belong to the receiver of the event too (the header stood there), and may be overwritten:
 * an echo writes its own header there and sends both at once. Nobody else's bytes are touched.
 */
struct ws_event {
    enum ws_event_type type;
    uint16_t code;    /* CLOSE, FAIL */
    bool is_in_place; /* TEXT, BINARY */
    uint8_t *data;    /* TEXT, BINARY, PING, PONG, CLOSE; may be NULL when @size is 0 */
    size_t size;
    const char *why; /* FAIL: a static text for logs and reasons; else NULL */
};

/* The same for all connections of a worker. */
struct ws_decoder_config {
    uint64_t max_message;   /* bytes, inflated; 1009 above it, from the header where possible */
    uint32_t max_fragments; /* frames per message, >= 1; 1009 above it */
    enum ws_role role;      /* ours */
    struct ws_pool *pool;   /* may be NULL when no connection has compression */
};

/* One per connection. All zero is a fresh decoder without compression. */
struct ws_decoder {
    struct ws_partial *partial;      /* what is between two reads or two fragments; else NULL */
    struct ws_inflater *inflater;    /* the peer's context, once there is one to remember */
    struct ws_deflate_params params; /* as negotiated; set before the first byte */
    bool is_ended;                   /* after CLOSE or FAIL */
};

_Static_assert(sizeof(struct ws_decoder) <= 24, "idle connections are to be tiny");

/*
 * Takes bytes from *@at, at most up to @end, and gives the next event. False: all of them are
 * taken and there is no event; come again with more. After CLOSE or FAIL it takes everything
 * and gives nothing.
 */
bool ws_decoder_next(struct ws_decoder *d, const struct ws_decoder_config *config, uint8_t **at,
                     uint8_t *end, struct ws_event *out);

/* Frees what it holds. Any event's data is gone, except in place. */
void ws_decoder_deinit(struct ws_decoder *d);

/* Bytes held beside the struct itself. */
size_t ws_decoder_memory(const struct ws_decoder *d);

/* Has a message or frame begun that is not complete? */
static inline bool ws_decoder_is_midway(const struct ws_decoder *d)
{
    return d->partial != NULL;
}

#endif
