/*
 * decoder.c - frames to messages, one event at a time.
 *
 *                    +-- control --------------------> PING PONG CLOSE
 *     header --------+-- whole message in the input -> TEXT BINARY      (no copy)
 *       |            +-- anything else
 *       v cut              v
 *     partial.header     partial: in a frame, in a message, or both --> TEXT BINARY
 *
 * Everything a connection must remember between two calls is its struct ws_partial: the bytes of
 * a cut header, the frame being read, the message being put together. It is made when something
 * is cut and freed by the first call that finds it idle, one call late so that the event's data
 * lives until then. A peer's verdict does not depend on where TCP cuts: rules are looked at in the
 * order of the bytes, and what a piece inflates to is judged before a failure behind it.
 */
#include "ws/decoder.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "ws/close.h"
#include "ws/inflate.h"
#include "ws/mask.h"

#define NOT_UTF8 "the text is not UTF-8"
#define NO_MEMORY "out of memory"

enum progress {
    NEED_INPUT,
    GO_ON,
    HAVE_EVENT,
};

struct header {
    uint8_t first;    /* FIN, RSV bits, opcode */
    uint8_t size;     /* of the header itself */
    uint32_t key;     /* 0 when unmasked */
    uint64_t payload; /* bytes to follow */
};

struct ws_partial {
    struct buf message;    /* of the data message in progress, unmasked and inflated */
    uint64_t frame_left;   /* payload bytes of the current frame still to come */
    uint64_t wire_bytes;   /* of the message's frames so far, as their headers say */
    uint32_t key;          /* of the current frame, and how far into it we are */
    uint32_t phase;        /* only its last two bits matter */
    uint32_t fragments;    /* frames of the message so far */
    struct utf8 utf8;      /* of the message */
    uint8_t message_first; /* first byte of the message's first frame */
    uint8_t frame_first;   /* and of the current frame */
    bool is_in_message;
    bool is_in_frame;
    uint8_t header_size; /* bytes of a cut header */
    uint8_t control_size;
    uint8_t header[WS_HEADER_MAX];
    uint8_t control[WS_CONTROL_PAYLOAD_MAX];
};

static bool is_control(uint8_t first)
{
    return (first & WS_CONTROL) != 0;
}

static uint8_t opcode_of(uint8_t first)
{
    return first & WS_OPCODE_BITS;
}

static bool is_in_message(const struct ws_decoder *d)
{
    return d->partial != NULL && d->partial->is_in_message;
}

static enum ws_role peer_of(const struct ws_decoder_config *config)
{
    return config->role == WS_SERVER ? WS_CLIENT : WS_SERVER;
}

static bool has_takeover(const struct ws_decoder *d, const struct ws_decoder_config *config)
{
    return ws_deflate_has_takeover(d->params, peer_of(config));
}

/* --- memory --- */

static void drop_partial(struct ws_decoder *d)
{
    if (d->partial == NULL)
        return;
    buf_deinit(&d->partial->message);
    mem_free(d->partial);
    d->partial = NULL;
}

static void drop_idle_partial(struct ws_decoder *d)
{
    const struct ws_partial *p = d->partial;
    if (!p->is_in_message && !p->is_in_frame && p->header_size == 0)
        drop_partial(d);
}

void ws_decoder_deinit(struct ws_decoder *d)
{
    drop_partial(d);
    d->inflater = ws_inflater_free(d->inflater);
}

size_t ws_decoder_memory(const struct ws_decoder *d)
{
    size_t bytes = ws_inflater_memory(d->inflater);
    if (d->partial != NULL)
        bytes += sizeof *d->partial + d->partial->message.capacity;
    return bytes;
}

/* --- failures --- */

static enum progress fail(struct ws_decoder *d, struct ws_event *out, enum ws_close_code code,
                          const char *why)
{
    ws_decoder_deinit(d);
    d->is_ended = true;
    *out = (struct ws_event){ .type = WS_EVENT_FAIL, .code = (uint16_t)code, .why = why };
    return HAVE_EVENT;
}

static enum progress refuse(struct ws_decoder *d, struct ws_event *out, const char *why)
{
    return fail(d, out, WS_CLOSE_PROTOCOL_ERROR, why);
}

static enum progress fail_inflate(struct ws_decoder *d, struct ws_event *out,
                                  enum ws_inflate_result result)
{
    switch (result) {
    case WS_INFLATE_TOO_BIG:
        return fail(d, out, WS_CLOSE_TOO_BIG, "the message inflates to more than the limit");
    case WS_INFLATE_NO_MEMORY:
        return fail(d, out, WS_CLOSE_INTERNAL, NO_MEMORY);
    case WS_INFLATE_CORRUPT:
    case WS_INFLATE_OK:
        break;
    }
    return fail(d, out, WS_CLOSE_BAD_DATA, "the compressed data is corrupt");
}

static enum progress ensure_partial(struct ws_decoder *d, struct ws_event *out)
{
    if (d->partial == NULL)
        d->partial = mem_alloc_zeroed(sizeof *d->partial);
    return d->partial != NULL ? GO_ON : fail(d, out, WS_CLOSE_INTERNAL, NO_MEMORY);
}

/* --- headers --- */

/* What is wrong with a frame that begins with @first (RFC 6455 5.2, 5.4, 5.5); NULL: nothing. */
static const char *judge_first_byte(const struct ws_decoder *d, uint8_t first)
{
    bool is_compressed = (first & WS_COMPRESSED) != 0;
    if (first & WS_RESERVED)
        return "a reserved bit is set";
    switch (opcode_of(first)) {
    case WS_TEXT:
    case WS_BINARY:
        if (is_in_message(d))
            return "a new message inside a fragmented one";
        return is_compressed && !d->params.is_on ? "compression was not negotiated" : NULL;
    case WS_CONTINUATION:
        if (!is_in_message(d))
            return "a continuation of nothing";
        return is_compressed ? "RSV1 is set on a continuation" : NULL;
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG:
        if (is_compressed)
            return "RSV1 is set on a control frame";
        return first & WS_FIN ? NULL : "a fragmented control frame";
    default:
        return "a reserved opcode";
    }
}

static const char *judge_second_byte(const struct ws_decoder_config *config, uint8_t first,
                                     uint8_t second)
{
    bool is_masked = (second & WS_MASKED) != 0;
    if (is_masked != (config->role == WS_SERVER))
        return is_masked ? "a masked frame from a server" : "an unmasked frame from a client";
    if (is_control(first) && (second & ~WS_MASKED) > WS_CONTROL_PAYLOAD_MAX)
        return "a control frame above 125 bytes";
    return NULL;
}

/* RFC 6455 5.2 demands the shortest length form. We insist, because a proxy that reads long forms
 * differently could be made to see other frames than we do. */
static const char *judge_length(size_t length_size, uint64_t payload)
{
    if (length_size == 2 && payload < 126)
        return "a length in 16 bits that fits 7";
    if (length_size == 8 && payload <= UINT16_MAX)
        return "a length in 64 bits that fits 16";
    if (payload >> 63)
        return "a length with the highest bit set";
    return NULL;
}

/* How many bytes a message may have on the wire. Deflated, one at the limit may be a little larger
 * than itself: an eighth when every byte takes 9 bits, and some for flushes. */
static uint64_t wire_limit(const struct ws_decoder_config *config, bool is_compressed)
{
    uint64_t limit = config->max_message;
    if (!is_compressed)
        return limit;
    uint64_t more = limit / 8 + 65536;
    return limit > UINT64_MAX - more ? UINT64_MAX : limit + more;
}

/* The limits of a data message, before its frame of @payload bytes is accepted. */
static const char *judge_limits(const struct ws_decoder *d, const struct ws_decoder_config *config,
                                const struct header *h)
{
    const struct ws_partial *p = is_in_message(d) ? d->partial : NULL;
    bool is_compressed = ((p != NULL ? p->message_first : h->first) & WS_COMPRESSED) != 0;
    uint64_t before = p != NULL ? p->wire_bytes : 0; /* never above the limit */
    if (h->payload > wire_limit(config, is_compressed) - before)
        return "the message is above the limit";
    if (p != NULL && p->fragments >= config->max_fragments)
        return "the message has too many fragments";
    return NULL;
}

static uint64_t read_big_endian(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

/* Reads the header at @in, of which @available bytes are there. Every rule is judged as soon as its
 * bytes are there. */
static enum progress read_header(struct ws_decoder *d, const struct ws_decoder_config *config,
                                 const uint8_t *in, size_t available, struct header *h,
                                 struct ws_event *out)
{
    const char *why = judge_first_byte(d, in[0]);
    if (why != NULL)
        return refuse(d, out, why);
    if (available < 2)
        return NEED_INPUT;
    h->first = in[0];
    why = judge_second_byte(config, in[0], in[1]);
    if (why != NULL)
        return refuse(d, out, why);

    uint8_t short_length = in[1] & 0x7F;
    size_t length_size = short_length < 126 ? 0 : short_length == 126 ? 2 : 8;
    if (available < 2 + length_size)
        return NEED_INPUT;
    h->payload = length_size == 0 ? short_length : read_big_endian(in + 2, length_size);
    why = judge_length(length_size, h->payload);
    if (why != NULL)
        return refuse(d, out, why);
    why = is_control(in[0]) ? NULL : judge_limits(d, config, h);
    if (why != NULL)
        return fail(d, out, WS_CLOSE_TOO_BIG, why);

    size_t key_size = config->role == WS_SERVER ? sizeof h->key : 0;
    if (available < 2 + length_size + key_size)
        return NEED_INPUT;
    h->key = 0;
    memcpy(&h->key, in + 2 + length_size, key_size);
    h->size = (uint8_t)(2 + length_size + key_size);
    return GO_ON;
}

/* Goes on with a header of which an earlier input brought some bytes. */
static enum progress take_cut_header(struct ws_decoder *d, const struct ws_decoder_config *config,
                                     uint8_t **at, const uint8_t *end, struct header *h,
                                     struct ws_event *out)
{
    struct ws_partial *p = d->partial;
    enum progress progress = NEED_INPUT;
    while (progress == NEED_INPUT && *at < end) {
        p->header[p->header_size++] = *(*at)++;
        progress = read_header(d, config, p->header, p->header_size, h, out);
    }
    if (progress == GO_ON)
        p->header_size = 0;
    return progress;
}

static enum progress take_header(struct ws_decoder *d, const struct ws_decoder_config *config,
                                 uint8_t **at, uint8_t *end, struct header *h, struct ws_event *out)
{
    size_t available = (size_t)(end - *at);
    if (available == 0)
        return NEED_INPUT;
    enum progress progress = read_header(d, config, *at, available, h, out);
    if (progress == GO_ON)
        *at += h->size;
    if (progress != NEED_INPUT)
        return progress;
    if (ensure_partial(d, out) == HAVE_EVENT)
        return HAVE_EVENT;
    memcpy(d->partial->header, *at, available);
    d->partial->header_size = (uint8_t)available;
    *at = end;
    return NEED_INPUT;
}

/* --- control frames --- */

/* RFC 6455 5.5.1 and 7.4: no payload, or a code that may be sent and a reason in UTF-8. */
static enum progress on_close(struct ws_decoder *d, uint8_t *data, size_t size,
                              struct ws_event *out)
{
    if (size == 1)
        return refuse(d, out, "a close frame with half a code");
    uint16_t code = WS_CLOSE_NO_STATUS;
    if (size >= 2) {
        code = (uint16_t)read_big_endian(data, 2);
        data += 2;
        size -= 2;
        if (!ws_close_is_valid(code))
            return refuse(d, out, "a close code that may not be sent");
        if (!utf8_is_valid(bytes_of(data, size)))
            return fail(d, out, WS_CLOSE_BAD_DATA, "the close reason is not UTF-8");
    }
    d->is_ended = true;
    *out = (struct ws_event){ .type = WS_EVENT_CLOSE, .code = code, .data = data, .size = size };
    return HAVE_EVENT;
}

static enum progress on_control(struct ws_decoder *d, uint8_t first, uint8_t *data, size_t size,
                                struct ws_event *out)
{
    if (opcode_of(first) == WS_CLOSE)
        return on_close(d, data, size, out);
    enum ws_event_type type = opcode_of(first) == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG;
    *out = (struct ws_event){ .type = type, .data = data, .size = size };
    return HAVE_EVENT;
}

/* --- payload --- */

/* Unmasks where the peer masks. True: it is known to be ASCII. */
static bool unmask(const struct ws_decoder_config *config, uint8_t *data, size_t size, uint32_t key,
                   uint32_t phase)
{
    return config->role == WS_SERVER && ws_mask_is_ascii(data, size, key, phase);
}

static enum progress deliver(uint8_t first, uint8_t *data, size_t size, struct ws_event *out)
{
    enum ws_event_type type = opcode_of(first) == WS_TEXT ? WS_EVENT_TEXT : WS_EVENT_BINARY;
    *out = (struct ws_event){ .type = type, .data = data, .size = size };
    return HAVE_EVENT;
}

/* Where a compressed message goes. */
struct inflation {
    struct ws_inflater *inflater;
    struct buf *message;
    struct utf8 *utf8; /* NULL for binary */
};

/* Inflates one piece, or, with @in NULL, the end of the message. */
static enum progress inflate_piece(struct ws_decoder *d, const struct ws_decoder_config *config,
                                   const struct inflation *to, const belfry_bytes *in,
                                   struct ws_event *out)
{
    struct buf *message = to->message;
    size_t before = message->size;
    enum ws_inflate_result result =
        in != NULL ? ws_inflate_feed(to->inflater, *in, message, config->max_message)
                   : ws_inflate_finish(to->inflater, message, config->max_message);
    size_t added = message->size - before;
    if (to->utf8 != NULL && added > 0 && !utf8_feed(to->utf8, message->data + before, added))
        return fail(d, out, WS_CLOSE_BAD_DATA, NOT_UTF8);
    return result == WS_INFLATE_OK ? GO_ON : fail_inflate(d, out, result);
}

/* The connection's own inflater: its peer's context, or that of a message in pieces. */
static struct ws_inflater *own_inflater(struct ws_decoder *d,
                                        const struct ws_decoder_config *config)
{
    if (d->inflater == NULL)
        d->inflater = ws_inflater_new(ws_deflate_window_bits(d->params, peer_of(config)));
    return d->inflater;
}

static enum progress take_whole_compressed(struct ws_decoder *d,
                                           const struct ws_decoder_config *config, uint8_t first,
                                           belfry_bytes in, struct ws_event *out)
{
    struct utf8 utf8 = { 0 };
    struct inflation to = {
        .inflater =
            has_takeover(d, config) ? own_inflater(d, config) : ws_pool_inflater(config->pool),
        .message = ws_pool_scratch(config->pool),
        .utf8 = opcode_of(first) == WS_TEXT ? &utf8 : NULL,
    };
    if (to.inflater == NULL)
        return fail(d, out, WS_CLOSE_INTERNAL, NO_MEMORY);
    if (inflate_piece(d, config, &to, &in, out) == HAVE_EVENT ||
        inflate_piece(d, config, &to, NULL, out) == HAVE_EVENT)
        return HAVE_EVENT;
    if (!utf8_is_complete(&utf8))
        return fail(d, out, WS_CLOSE_BAD_DATA, NOT_UTF8);
    return deliver(first, to.message->data, to.message->size, out);
}

/* A frame that is all in the input, and is an event by itself. */
static enum progress take_whole_frame(struct ws_decoder *d, const struct ws_decoder_config *config,
                                      const struct header *h, uint8_t *data, struct ws_event *out)
{
    size_t size = (size_t)h->payload;
    bool is_ascii = unmask(config, data, size, h->key, 0);
    if (is_control(h->first))
        return on_control(d, h->first, data, size, out);
    if (h->first & WS_COMPRESSED)
        return take_whole_compressed(d, config, h->first, bytes_of(data, size), out);
    if (opcode_of(h->first) == WS_TEXT && !is_ascii && !utf8_is_valid(bytes_of(data, size)))
        return fail(d, out, WS_CLOSE_BAD_DATA, NOT_UTF8);
    return deliver(h->first, data, size, out);
}

/* Remembers a frame that will come in pieces, or is one of several. */
static enum progress begin_frame(struct ws_decoder *d, const struct header *h, struct ws_event *out)
{
    if (ensure_partial(d, out) == HAVE_EVENT)
        return HAVE_EVENT;
    struct ws_partial *p = d->partial;
    p->is_in_frame = true;
    p->frame_first = h->first;
    p->frame_left = h->payload;
    p->key = h->key;
    p->phase = 0;
    p->control_size = 0;
    if (is_control(h->first))
        return GO_ON;
    if (!p->is_in_message) {
        p->is_in_message = true;
        p->message_first = h->first;
        p->wire_bytes = 0;
        p->fragments = 0;
        p->utf8 = (struct utf8){ 0 };
        BELFRY_ASSERT(p->message.size == 0); /* an old one went with its struct ws_partial */
    }
    p->wire_bytes += h->payload;
    p->fragments++;
    return GO_ON;
}

static enum progress add_plain_piece(struct ws_decoder *d, const uint8_t *data, size_t size,
                                     bool is_ascii, struct ws_event *out)
{
    struct ws_partial *p = d->partial;
    bool is_text = opcode_of(p->message_first) == WS_TEXT;
    bool is_settled = is_ascii && utf8_is_complete(&p->utf8);
    if (is_text && !is_settled && !utf8_feed(&p->utf8, data, size))
        return fail(d, out, WS_CLOSE_BAD_DATA, NOT_UTF8);
    if (buf_append(&p->message, data, size) != BELFRY_OK)
        return fail(d, out, WS_CLOSE_INTERNAL, NO_MEMORY);
    return GO_ON;
}

/* @in NULL: the end of the message. */
static enum progress add_compressed_piece(struct ws_decoder *d,
                                          const struct ws_decoder_config *config,
                                          const belfry_bytes *in, struct ws_event *out)
{
    struct ws_partial *p = d->partial;
    struct inflation to = {
        .inflater = own_inflater(d, config),
        .message = &p->message,
        .utf8 = opcode_of(p->message_first) == WS_TEXT ? &p->utf8 : NULL,
    };
    if (to.inflater == NULL)
        return fail(d, out, WS_CLOSE_INTERNAL, NO_MEMORY);
    return inflate_piece(d, config, &to, in, out);
}

static enum progress finish_message(struct ws_decoder *d, const struct ws_decoder_config *config,
                                    struct ws_event *out)
{
    struct ws_partial *p = d->partial;
    if (p->message_first & WS_COMPRESSED) {
        if (add_compressed_piece(d, config, NULL, out) == HAVE_EVENT)
            return HAVE_EVENT;
        if (!has_takeover(d, config))
            d->inflater = ws_inflater_free(d->inflater);
    }
    if (!utf8_is_complete(&p->utf8))
        return fail(d, out, WS_CLOSE_BAD_DATA, NOT_UTF8);
    p->is_in_message = false;
    return deliver(p->message_first, p->message.data, p->message.size, out);
}

/* The next bytes of the frame in progress, and its end when they complete it. */
static enum progress take_payload(struct ws_decoder *d, const struct ws_decoder_config *config,
                                  uint8_t **at, uint8_t *end, struct ws_event *out)
{
    struct ws_partial *p = d->partial;
    size_t size = (size_t)BELFRY_MIN((uint64_t)(end - *at), p->frame_left);
    if (size == 0 && p->frame_left > 0)
        return NEED_INPUT;
    uint8_t *data = *at;
    bool is_ascii = unmask(config, data, size, p->key, p->phase);
    *at += size;
    p->phase += (uint32_t)size;
    p->frame_left -= size;
    if (is_control(p->frame_first)) {
        memcpy(p->control + p->control_size, data, size);
        p->control_size += (uint8_t)size;
    } else if (size > 0) {
        belfry_bytes in = bytes_of(data, size);
        enum progress progress = p->message_first & WS_COMPRESSED
                                     ? add_compressed_piece(d, config, &in, out)
                                     : add_plain_piece(d, data, size, is_ascii, out);
        if (progress == HAVE_EVENT)
            return HAVE_EVENT;
    }
    if (p->frame_left > 0)
        return NEED_INPUT;
    p->is_in_frame = false;
    if (is_control(p->frame_first))
        return on_control(d, p->frame_first, p->control, p->control_size, out);
    return p->frame_first & WS_FIN ? finish_message(d, config, out) : GO_ON;
}

/* --- the way through --- */

static bool is_event_by_itself(uint8_t first)
{
    return is_control(first) || (opcode_of(first) != WS_CONTINUATION && (first & WS_FIN));
}

static enum progress take_frame(struct ws_decoder *d, const struct ws_decoder_config *config,
                                uint8_t **at, uint8_t *end, struct ws_event *out)
{
    struct header h;
    bool is_cut = d->partial != NULL && d->partial->header_size > 0;
    enum progress progress = is_cut ? take_cut_header(d, config, at, end, &h, out)
                                    : take_header(d, config, at, end, &h, out);
    if (progress != GO_ON)
        return progress;
    if (h.payload > (uint64_t)(end - *at) || !is_event_by_itself(h.first))
        return begin_frame(d, &h, out);
    uint8_t *data = *at;
    *at += (size_t)h.payload;
    progress = take_whole_frame(d, config, &h, data, out);
    /* Not after a cut header, whose beginning stood somewhere else. */
    out->is_in_place = !is_cut && out->data == data && !is_control(h.first);
    return progress;
}

bool ws_decoder_next(struct ws_decoder *d, const struct ws_decoder_config *config, uint8_t **at,
                     uint8_t *end, struct ws_event *out)
{
    if (d->is_ended) {
        ws_decoder_deinit(d);
        *at = end;
        return false;
    }
    if (d->partial != NULL)
        drop_idle_partial(d);
    enum progress progress = GO_ON;
    while (progress == GO_ON) {
        bool is_in_frame = d->partial != NULL && d->partial->is_in_frame;
        progress = is_in_frame ? take_payload(d, config, at, end, out)
                               : take_frame(d, config, at, end, out);
    }
    return progress == HAVE_EVENT;
}
