/*
 * encode.c - JSON of the room protocol, WebSocket frames, and shared compression.
 *
 * A deflated form starts from an empty window, so one fits every member whose window is as large:
 * a broadcast is compressed once. Small messages are not worth it and share the plain frame.
 */
#include "server/encode.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/placeholder.h"
#include "rooms/reply.h"
#include "server/server.h"
#include "server/sio_encode.h"
#include "server/sse_encode.h"
#include "socketio/args.h"
#include "ws/deflate.h"
#include "ws/encoder.h"

static uint64_t count_of(const struct message *m)
{
    uint64_t count = 0;
    (void)json_u64(m->args, &count); /* written by ourselves */
    return count;
}

/* The text of a field that is a string without escapes; false: it is not, or not there. */
static bool read_plain(const struct json_field *field, belfry_bytes *out_text)
{
    return field->value.kind == JSON_KIND_STRING && json_string_plain(field->value.text, out_text);
}

/* An application's own new-message is one for plain clients too, if it has a text (DESIGN 4.2). */
static bool put_as_message(struct buf *out, const struct message *m, belfry_bytes room,
                           belfry_bytes id)
{
    struct json_field fields[] = { { .name = BELFRY_BYTES("text") },
                                   { .name = BELFRY_BYTES("from") },
                                   { .name = BELFRY_BYTES("timestamp") },
                                   { .name = BELFRY_BYTES("user") } };
    struct rooms_message message = { .room = room, .id = id, .timestamp_ms = m->wall_ms };
    if (!bytes_equal_text(m->name, "new-message") || sio_args_count(m->args) != 1 ||
        json_read_fields(m->args, JSON_MAX_DEPTH, fields, BELFRY_COUNT(fields), NULL) !=
            BELFRY_OK ||
        fields[0].value.kind != JSON_KIND_STRING)
        return false;
    message.text = fields[0].value.text;
    if (!read_plain(&fields[1], &message.from.id))
        message.from.id = m->sender;
    if (!read_plain(&fields[3], &message.from.user))
        message.from.user = m->user;
    (void)json_u64(fields[2].value.text, &message.timestamp_ms);
    rooms_put_message(out, &message);
    return true;
}

void encode_base64(struct buf *out, belfry_bytes data)
{
    buf_put_text(out, "{\"base64\":\"");
    base64_put(out, data);
    buf_put_text(out, "\"}");
}

/* Attachments travel as text here. */
static void put_with_base64(struct buf *out, belfry_bytes args, const struct message *m)
{
    struct placeholders holes = placeholders_of(args);
    struct placeholder hole;
    const uint8_t *at = args.data;
    bool is_put[UINT8_MAX + 1] = { false };
    while (placeholders_next(&holes, &hole)) {
        buf_put(out, at, (size_t)((const uint8_t *)hole.text.data - at));
        /* No encoder names one twice; who does gets it once, or a message could be made of any size
         * out of a small one. */
        if (hole.num < m->attachment_count && !is_put[hole.num]) {
            is_put[hole.num] = true;
            encode_base64(out, m->attachments[hole.num]);
        } else {
            buf_put_text(out, "null");
        }
        at = (const uint8_t *)hole.text.data + hole.text.size;
    }
    buf_put(out, at, (size_t)((const uint8_t *)args.data + args.size - at));
}

/* `data` of a plain event: the only argument, null, or the array of them. */
static void put_data(struct buf *out, const struct message *m)
{
    uint32_t count = sio_args_count(m->args);
    if (count == 0)
        buf_put_text(out, "null");
    if (count > 1)
        buf_put_char(out, '[');
    if (m->attachment_count > 0)
        put_with_base64(out, m->args, m);
    else
        buf_put_bytes(out, m->args);
    if (count > 1)
        buf_put_char(out, ']');
}

/* Presence that another server told of: what it says of itself is as it is said here. */
static bool put_as_presence(struct buf *out, const struct message *m, belfry_bytes room)
{
    struct json_field fields[] = { { .name = BELFRY_BYTES("userId") },
                                   { .name = BELFRY_BYTES("user") },
                                   { .name = BELFRY_BYTES("members") } };
    bool has_joined = bytes_equal_text(m->name, "user-joined");
    struct rooms_person who = { 0 };
    uint64_t members = 0;
    if (!has_joined && !bytes_equal_text(m->name, "user-left"))
        return false;
    if ((m->flags & MESSAGE_LOCAL) == 0 || sio_args_count(m->args) != 1 ||
        json_read_fields(m->args, JSON_MAX_DEPTH, fields, BELFRY_COUNT(fields), NULL) !=
            BELFRY_OK ||
        !read_plain(&fields[0], &who.id))
        return false;
    (void)read_plain(&fields[1], &who.user);
    (void)json_u64(fields[2].value.text, &members);
    if (has_joined)
        rooms_put_user_joined(out, room, who, members);
    else
        rooms_put_user_left(out, room, who, members);
    return true;
}

static belfry_bytes put_event(struct buf *out, const struct message *m, belfry_bytes room,
                              belfry_bytes id)
{
    struct buf data = { 0 };
    if (put_as_message(out, m, room, id))
        return BELFRY_BYTES("message");
    if (put_as_presence(out, m, room))
        return m->name;
    put_data(&data, m);
    if (buf_failed(&data))
        out->has_failed = 1;
    else
        rooms_put_event(out, &(struct rooms_event){ .room = room,
                                                    .id = id,
                                                    .event = m->name,
                                                    .from = { m->sender, m->user },
                                                    .data = buf_bytes(&data) });
    buf_deinit(&data);
    return m->name;
}

belfry_bytes encode_json(struct buf *out, const struct message *m, const char *epoch)
{
    char id_text[MESSAGE_ID_MAX_TEXT];
    belfry_bytes id = { 0 };
    if ((m->flags & MESSAGE_NO_ID) == 0)
        id = bytes_of(id_text, message_id_format(id_text, m->id, bytes_of_text(epoch)));
    belfry_bytes room = m->room_count == 1 ? m->rooms[0].name : bytes_of(NULL, 0);
    struct rooms_person from = { m->sender, m->user };
    switch ((enum message_kind)m->kind) {
    case KIND_MESSAGE:
        rooms_put_message(out, &(struct rooms_message){ .room = room,
                                                        .id = id,
                                                        .from = from,
                                                        .text = m->args,
                                                        .timestamp_ms = m->wall_ms });
        return BELFRY_BYTES("message");
    case KIND_EVENT:
        return put_event(out, m, room, (m->flags & MESSAGE_UNLOGGED) != 0 ? bytes_of(NULL, 0) : id);
    case KIND_USER_JOINED:
        rooms_put_user_joined(out, room, from, count_of(m));
        return BELFRY_BYTES("user-joined");
    case KIND_USER_LEFT:
        rooms_put_user_left(out, room, from, count_of(m));
        return BELFRY_BYTES("user-left");
    case KIND_COUNT:
        rooms_put_member_count(out, room, count_of(m));
        return BELFRY_BYTES("members");
    case KIND_TEXT:
    case KIND_BINARY:
        break;
    }
    return bytes_of(NULL, 0);
}

struct frame *encode_frame(unsigned first, belfry_bytes payload)
{
    size_t header_size = ws_header_size(payload.size);
    struct frame *frame = frame_new(header_size + payload.size);
    if (frame == NULL)
        return NULL;
    (void)ws_header_write(frame->bytes, first, payload.size);
    if (payload.size > 0)
        memcpy(frame->bytes + header_size, payload.data, payload.size);
    return frame;
}

static unsigned opcode_of(const struct message *m)
{
    return m->kind == KIND_BINARY ? WS_BINARY : WS_TEXT;
}

static struct frame *deflated(struct worker *worker, unsigned opcode, unsigned bits,
                              belfry_bytes payload)
{
    struct buf out = { 0 };
    struct frame *frame = NULL;
    if (ws_deflate_message(worker->pool, NULL, bits, payload, &out) == BELFRY_OK)
        frame = encode_frame(opcode | WS_FIN | WS_COMPRESSED, buf_bytes(&out));
    buf_deinit(&out);
    return frame;
}

struct frame *encode_message(const struct message *m, unsigned form_key, void *user)
{
    struct worker *worker = user;
    struct belfry *server = worker->server;
    if ((form_key & FORM_SIO) != 0) {
        counter_add(&worker->counters.encoded, 1);
        return sio_encode_message(m, form_key, worker);
    }
    if ((form_key & FORM_SSE) != 0) {
        counter_add(&worker->counters.encoded, 1);
        return sse_encode_message(m, form_key, worker);
    }
    struct buf json = { 0 };
    belfry_bytes payload = m->args;
    struct frame *frame = NULL;
    if (encode_has_json(m)) {
        (void)encode_json(&json, m, server->hub.epoch);
        payload = buf_bytes(&json);
    }
    if (!buf_failed(&json)) {
        bool is_deflated = form_key != FORM_WS_PLAIN && (m->flags & MESSAGE_NO_COMPRESS) == 0 &&
                           payload.size >= server->options.deflate_threshold_bytes;
        frame = is_deflated ? deflated(worker, opcode_of(m), form_key & 0xff, payload)
                            : encode_frame(opcode_of(m) | WS_FIN, payload);
    }
    buf_deinit(&json);
    if (frame != NULL)
        counter_add(&worker->counters.encoded, 1);
    return frame;
}
