/*
 * msgpack_packet.c - packets as MessagePack maps.
 *
 *     {type, nsp, data, id}  --spans of the four values-->  each checked  --data as JSON-->  packet
 *
 * The keys come in any order and of equal ones the last counts, so the map is first cut into spans;
 * then only one of them is translated.
 */
#include "socketio/msgpack_packet.h"

#include "base/json.h"
#include "base/msgpack.h"

/* The values of a packet's map; empty: absent, or undefined, which JavaScript does not tell apart.
 */
struct fields {
    belfry_bytes type, nsp, data, id;
};

void sio_scratch_deinit(struct sio_scratch *scratch)
{
    buf_deinit(&scratch->json);
    buf_deinit(&scratch->attachments);
}

static struct msgpack_token token_at(belfry_bytes value)
{
    struct msgpack_reader r = msgpack_reader_of(value);
    struct msgpack_token token = { 0 };
    if (value.size > 0 && !msgpack_next(&r, &token))
        BELFRY_UNREACHABLE("msgpack_skip has seen it");
    return token;
}

/* --- reading ----------------------------------------------------------------------------- */

static belfry_bytes *find_field(struct fields *fields, belfry_bytes key)
{
    struct msgpack_token name = token_at(key);
    if (name.kind != MSGPACK_STR)
        return NULL;
    if (bytes_equal_text(name.bytes, "type"))
        return &fields->type;
    if (bytes_equal_text(name.bytes, "nsp"))
        return &fields->nsp;
    if (bytes_equal_text(name.bytes, "data"))
        return &fields->data;
    return bytes_equal_text(name.bytes, "id") ? &fields->id : NULL;
}

static bool read_fields(belfry_bytes message, struct fields *fields)
{
    struct msgpack_reader r = msgpack_reader_of(message);
    struct msgpack_token map;
    if (!msgpack_next(&r, &map) || map.kind != MSGPACK_MAP)
        return false;
    for (uint32_t i = 0; i < map.count; i++) {
        belfry_bytes key, value;
        if (!msgpack_skip(&r, &key) || !msgpack_skip(&r, &value))
            return false;
        struct msgpack_token token = token_at(value);
        belfry_bytes *field = find_field(fields, key);
        if (field != NULL)
            *field = msgpack_is_undefined(&token) ? (belfry_bytes){ 0 } : value;
    }
    return r.at == r.end;
}

static const char *read_head(const struct fields *fields, struct sio_packet *p)
{
    struct msgpack_token type = token_at(fields->type);
    struct msgpack_token nsp = token_at(fields->nsp);
    struct msgpack_token id = token_at(fields->id);
    uint64_t number;
    if (!msgpack_u64(&type, &number) || number > SIO_CONNECT_ERROR)
        return "invalid packet type";
    p->type = (enum sio_type)number;
    if (nsp.kind != MSGPACK_STR || !sio_nsp_is_valid(nsp.bytes))
        return "invalid namespace";
    p->nsp = nsp.bytes;
    p->has_id = fields->id.size > 0;
    if (p->has_id && (!msgpack_u64(&id, &p->id) || p->id > SIO_MAX_ID))
        return "invalid packet id";
    return NULL;
}

/* Is the value of a kind that the packet's type may carry? */
static bool is_kind_good(enum sio_type type, belfry_bytes data)
{
    struct msgpack_token token = token_at(data);
    bool is_absent = data.size == 0;
    switch (type) {
    case SIO_CONNECT:
        return is_absent || token.kind == MSGPACK_MAP;
    case SIO_DISCONNECT:
        return is_absent;
    case SIO_CONNECT_ERROR:
        return token.kind == MSGPACK_STR || token.kind == MSGPACK_MAP;
    case SIO_EVENT:
    case SIO_ACK:
        return token.kind == MSGPACK_ARRAY;
    case SIO_BINARY_EVENT:
    case SIO_BINARY_ACK:
        break;
    }
    BELFRY_UNREACHABLE("the parser has no binary types");
}

static belfry_err translate_data(belfry_bytes data, const struct sio_limits *limits,
                                 struct sio_scratch *scratch, struct sio_packet *p)
{
    const struct msgpack_limits translation = { .max_depth = limits->max_depth,
                                                .max_blobs = limits->max_attachments };
    size_t count;
    buf_clear(&scratch->json);
    buf_clear(&scratch->attachments);
    belfry_err err =
        buf_reserve(&scratch->attachments, limits->max_attachments * sizeof(belfry_bytes));
    if (err != BELFRY_OK)
        return err;
    belfry_bytes *blobs = (belfry_bytes *)(void *)scratch->attachments.data;
    err = msgpack_to_json(data, &translation, &scratch->json, blobs, &count);
    if (err != BELFRY_OK)
        return err;
    p->data = buf_bytes(&scratch->json);
    p->attachment_count = (unsigned)count;
    p->attachments = count > 0 ? blobs : NULL;
    return BELFRY_OK;
}

/* Events and acks: the parts, and the type that says whether there are attachments. */
static bool finish(struct sio_packet *p, const struct sio_limits *limits)
{
    bool is_nameless = p->type == SIO_EVENT && bytes_equal_text(p->data, "[]");
    if (p->type != SIO_EVENT && p->type != SIO_ACK)
        return p->attachment_count == 0;
    if (!is_nameless && !sio_packet_split(p, limits->max_depth))
        return false;
    if (p->attachment_count > 0)
        p->type = p->type == SIO_EVENT ? SIO_BINARY_EVENT : SIO_BINARY_ACK;
    return true;
}

static enum sio_verdict refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return SIO_BAD;
}

enum sio_verdict sio_msgpack_read(belfry_bytes message, const struct sio_limits *limits,
                                  struct sio_scratch *scratch, struct sio_packet *out_packet,
                                  const char **out_why)
{
    struct fields fields = { 0 };
    struct sio_packet packet = { 0 };
    if (!read_fields(message, &fields))
        return refuse(out_why, "invalid format");
    const char *why = read_head(&fields, &packet);
    if (why != NULL)
        return refuse(out_why, why);
    if (!is_kind_good(packet.type, fields.data))
        return refuse(out_why, "invalid payload");
    if (fields.data.size > 0) {
        belfry_err err = translate_data(fields.data, limits, scratch, &packet);
        if (err == BELFRY_ERR_NOMEM)
            return SIO_NO_MEMORY;
        if (err == BELFRY_ERR_LIMIT)
            return refuse(out_why, "too many attachments, or nested too deep");
        if (err != BELFRY_OK || !finish(&packet, limits))
            return refuse(out_why, "invalid payload");
    }
    *out_packet = packet;
    return SIO_PACKET;
}

/* --- writing ----------------------------------------------------------------------------- */

/* How large a message may honestly be. JSON grows most where numbers have an exponent: `1e9,` is
 * nine bytes; some placeholders may name the same attachment, but not thousands. */
static size_t limit_for(belfry_bytes data, const belfry_bytes *attachments, unsigned count)
{
    size_t limit = 65536 + 3 * data.size;
    for (unsigned i = 0; i < count; i++)
        limit += 2 * attachments[i].size;
    return limit;
}

static belfry_err put_data(struct buf *b, belfry_bytes data, const belfry_bytes *attachments,
                           unsigned count)
{
    const struct msgpack_limits limits = { .max_depth = JSON_MAX_DEPTH,
                                           .max_bytes = limit_for(data, attachments, count) };
    msgpack_put_str(b, BELFRY_BYTES("data"));
    if (buf_failed(b))
        return BELFRY_ERR_NOMEM;
    return msgpack_from_json(data, attachments, count, &limits, b);
}

static void put_head(struct buf *b, enum sio_type type, const struct sio_head *head, bool has_data)
{
    uint64_t number = type;
    if (type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK)
        number = type == SIO_BINARY_EVENT ? SIO_EVENT : SIO_ACK;
    msgpack_put_map(b, 2 + (uint32_t)head->has_id + (uint32_t)has_data);
    msgpack_put_str(b, BELFRY_BYTES("type"));
    msgpack_put_u64(b, number);
    msgpack_put_str(b, BELFRY_BYTES("nsp"));
    msgpack_put_str(b, head->nsp.size > 0 ? head->nsp : BELFRY_BYTES("/"));
    if (head->has_id) {
        msgpack_put_str(b, BELFRY_BYTES("id"));
        msgpack_put_u64(b, head->id);
    }
}

/* @data: JSON; empty: none. */
static belfry_err put_packet(struct buf *b, enum sio_type type, const struct sio_head *head,
                             belfry_bytes data, const belfry_bytes *attachments)
{
    size_t start = b->size;
    belfry_err err = BELFRY_OK;
    put_head(b, type, head, data.size > 0);
    if (data.size > 0)
        err = put_data(b, data, attachments, head->attachment_count);
    if (buf_failed(b))
        err = BELFRY_ERR_NOMEM;
    if (err != BELFRY_OK) {
        b->size = start;
        b->has_failed = 0;
    }
    return err;
}

/* As put_packet, with a payload that was written for it and is not needed any longer. */
static belfry_err put_written(struct buf *b, enum sio_type type, const struct sio_head *head,
                              struct buf *payload, const belfry_bytes *attachments)
{
    belfry_err err = buf_failed(payload)
                         ? BELFRY_ERR_NOMEM
                         : put_packet(b, type, head, buf_bytes(payload), attachments);
    buf_deinit(payload);
    return err;
}

belfry_err sio_msgpack_put_event(struct buf *b, const struct sio_head *head,
                                 const struct sio_event *event, const belfry_bytes *attachments)
{
    struct buf payload = { 0 };
    sio_put_event_payload(&payload, event);
    return put_written(b, SIO_EVENT, head, &payload, attachments);
}

belfry_err sio_msgpack_put_ack(struct buf *b, const struct sio_head *head, belfry_bytes args,
                               const belfry_bytes *attachments)
{
    struct buf payload = { 0 };
    BELFRY_ASSERT(head->has_id);
    buf_put_char(&payload, '[');
    buf_put_bytes(&payload, args);
    buf_put_char(&payload, ']');
    return put_written(b, SIO_ACK, head, &payload, attachments);
}

belfry_err sio_msgpack_put_connect(struct buf *b, belfry_bytes nsp, belfry_bytes sid,
                                   belfry_bytes pid)
{
    struct buf payload = { 0 };
    sio_put_connect_payload(&payload, sid, pid);
    return put_written(b, SIO_CONNECT, &(struct sio_head){ .nsp = nsp }, &payload, NULL);
}

belfry_err sio_msgpack_put_connect_error(struct buf *b, belfry_bytes nsp, belfry_bytes message,
                                         belfry_bytes data)
{
    struct buf payload = { 0 };
    sio_put_connect_error_payload(&payload, message, data);
    return put_written(b, SIO_CONNECT_ERROR, &(struct sio_head){ .nsp = nsp }, &payload, NULL);
}

belfry_err sio_msgpack_put_disconnect(struct buf *b, belfry_bytes nsp)
{
    return put_packet(b, SIO_DISCONNECT, &(struct sio_head){ .nsp = nsp }, (belfry_bytes){ 0 },
                      NULL);
}

belfry_err sio_msgpack_put_packet(struct buf *b, const struct sio_packet *packet)
{
    const struct sio_head head = { .nsp = packet->nsp,
                                   .has_id = packet->has_id,
                                   .id = packet->id,
                                   .attachment_count = packet->attachment_count };
    return put_packet(b, packet->type, &head, packet->data, packet->attachments);
}
