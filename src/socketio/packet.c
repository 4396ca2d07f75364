/*
 * packet.c - from the text of a message to its parts.
 *
 *     51-/admin,12["photo",{"_placeholder":true,"num":0}]
 *     |`' `----' |  `----' `----------------------------'
 *     type  nsp  id  name   args
 *
 * Head and payload are each walked once. The head's grammar is strict where the reference leans on
 * JavaScript's conversions (blanks as zero, 0x1): digits are digits. The payload is checked by the
 * JSON iterator, which stops at the items of the outer brackets: just where name and arguments are.
 */
#include "socketio/packet.h"

#include "base/json.h"

/* What is still to be read of a text. */
struct cursor {
    const uint8_t *at, *end;
};

static bool is_at_digit(const struct cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static enum sio_verdict refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return SIO_BAD;
}

/* --- the head ---------------------------------------------------------------------------- */

static const char *read_type(struct cursor *c, enum sio_type *out_type)
{
    static const char *const unknown[] = { "unknown packet type 7", "unknown packet type 8",
                                           "unknown packet type 9" };
    if (!is_at_digit(c))
        return "unknown packet type NaN";
    unsigned digit = *c->at++ - (unsigned)'0';
    if (digit > SIO_BINARY_ACK)
        return unknown[digit - SIO_BINARY_ACK - 1];
    *out_type = (enum sio_type)digit;
    return NULL;
}

/* `1-` up to the limit. No packet without attachments is binary: the decoder would wait for ever.
 */
static const char *read_attachment_count(struct cursor *c, unsigned max, unsigned *out_count)
{
    uint64_t count = 0;
    const uint8_t *start = c->at;
    for (; is_at_digit(c); c->at++) {
        if (count <= max)
            count = count * 10 + (*c->at - (unsigned)'0');
    }
    if (c->at == start || c->at == c->end || *c->at != '-' || count == 0)
        return "Illegal attachments";
    if (count > max)
        return "too many attachments";
    c->at++;
    *out_count = (unsigned)count;
    return NULL;
}

static belfry_bytes read_nsp(struct cursor *c)
{
    if (c->at == c->end || *c->at != '/')
        return BELFRY_BYTES("/");
    const uint8_t *start = c->at;
    const uint8_t *comma = memchr(start, ',', (size_t)(c->end - start));
    const uint8_t *stop = comma != NULL ? comma : c->end;
    c->at = comma != NULL ? comma + 1 : c->end;
    return bytes_of(start, (size_t)(stop - start));
}

static const char *read_id(struct cursor *c, struct sio_packet *p)
{
    const uint8_t *start = c->at;
    uint64_t id = 0;
    for (; is_at_digit(c); c->at++) {
        id = id * 10 + (*c->at - (unsigned)'0');
        if (id > SIO_MAX_ID)
            return "invalid packet id";
    }
    p->has_id = c->at > start;
    p->id = id;
    return NULL;
}

static const char *read_head(struct cursor *c, const struct sio_limits *limits,
                             struct sio_packet *p)
{
    const char *why = read_type(c, &p->type);
    if (why == NULL && (p->type == SIO_BINARY_EVENT || p->type == SIO_BINARY_ACK))
        why = read_attachment_count(c, limits->max_attachments, &p->attachment_count);
    if (why != NULL)
        return why;
    p->nsp = read_nsp(c);
    return read_id(c, p);
}

/* --- the payload ------------------------------------------------------------------------- */

bool sio_is_reserved_event(belfry_bytes token)
{
    static const belfry_bytes reserved[] = {
        BELFRY_BYTES("connect"),       BELFRY_BYTES("connect_error"), BELFRY_BYTES("disconnect"),
        BELFRY_BYTES("disconnecting"), BELFRY_BYTES("newListener"),   BELFRY_BYTES("removeListener")
    };
    belfry_bytes plain;
    bool is_plain = json_string_plain(token, &plain);
    for (const belfry_bytes *name = reserved; name != BELFRY_END(reserved); name++) {
        if (is_plain ? bytes_equal(plain, *name) : json_string_equals(token, *name))
            return true;
    }
    return false;
}

static bool is_event_name(const struct json_value *item)
{
    return item->kind == JSON_KIND_NUMBER ||
           (item->kind == JSON_KIND_STRING && !sio_is_reserved_event(item->text));
}

/* The bytes from the first byte of @first to the last of @last. */
static belfry_bytes span_over(belfry_bytes first, belfry_bytes last)
{
    const uint8_t *start = first.data;
    return bytes_of(start, (size_t)((const uint8_t *)last.data + last.size - start));
}

bool sio_packet_split(struct sio_packet *packet, unsigned max_depth)
{
    struct json_iter it;
    struct json_member item;
    bool is_name_due = sio_is_event(packet);
    uint32_t count = 0;
    belfry_bytes first = { 0 }, last = { 0 };
    json_iter_init(&it, packet->data, max_depth, JSON_KIND_ARRAY);
    while (json_iter_next(&it, &item)) {
        if (is_name_due) {
            if (!is_event_name(&item.value))
                return false;
            packet->name = item.value.text;
            is_name_due = false;
            continue;
        }
        if (count++ == 0)
            first = item.value.text;
        last = item.value.text;
    }
    if (it.err != BELFRY_OK || is_name_due)
        return false;
    packet->arg_count = count;
    packet->args = count > 0 ? span_over(first, last) : (belfry_bytes){ 0 };
    return true;
}

static bool is_scalar_payload_good(const struct sio_packet *p, unsigned max_depth)
{
    struct json_value value;
    if (json_scan(p->data, max_depth, &value, NULL) != BELFRY_OK)
        return false;
    return value.kind == JSON_KIND_OBJECT ||
           (p->type == SIO_CONNECT_ERROR && value.kind == JSON_KIND_STRING);
}

static bool is_payload_good(struct sio_packet *p, unsigned max_depth)
{
    switch (p->type) {
    case SIO_CONNECT:
    case SIO_CONNECT_ERROR:
        return is_scalar_payload_good(p, max_depth);
    case SIO_DISCONNECT:
        return false;
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
    case SIO_ACK:
    case SIO_BINARY_ACK:
        return sio_packet_split(p, max_depth);
    }
    BELFRY_UNREACHABLE("all types are above");
}

/* Blanks behind the payload are JSON's; before it the reference takes them for an id of 0. */
static belfry_bytes rest_of(const struct cursor *c)
{
    const uint8_t *end = c->end;
    while (end > c->at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r'))
        end--;
    return bytes_of(c->at, (size_t)(end - c->at));
}

static bool is_at_blank(const struct cursor *c)
{
    return *c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r';
}

enum sio_verdict sio_packet_read(belfry_bytes text, const struct sio_limits *limits,
                                 struct sio_packet *out_packet, const char **out_why)
{
    const uint8_t *start = text.size > 0 ? text.data : (const uint8_t *)"";
    struct cursor c = { start, start + text.size };
    struct sio_packet packet = { 0 };
    const char *why = read_head(&c, limits, &packet);
    if (why != NULL)
        return refuse(out_why, why);
    if (c.at < c.end) {
        packet.data = rest_of(&c);
        if (is_at_blank(&c) || !is_payload_good(&packet, limits->max_depth))
            return refuse(out_why, "invalid payload");
    }
    *out_packet = packet;
    return packet.attachment_count > 0 ? SIO_MORE : SIO_PACKET;
}

/* --- namespaces -------------------------------------------------------------------------- */

bool sio_nsp_is_valid(belfry_bytes nsp)
{
    return nsp.size > 0 && *(const uint8_t *)nsp.data == '/' &&
           memchr(nsp.data, ',', nsp.size) == NULL;
}

void sio_split_query(belfry_bytes nsp, belfry_bytes *out_path, belfry_bytes *out_query)
{
    const uint8_t *start = nsp.data;
    const uint8_t *hash = nsp.size > 0 ? memchr(start, '#', nsp.size) : NULL;
    size_t size = hash != NULL ? (size_t)(hash - start) : nsp.size;
    const uint8_t *mark = size > 0 ? memchr(start, '?', size) : NULL;
    *out_path = bytes_of(start, mark != NULL ? (size_t)(mark - start) : size);
    *out_query =
        mark != NULL ? bytes_of(mark + 1, (size_t)(start + size - mark - 1)) : (belfry_bytes){ 0 };
}
