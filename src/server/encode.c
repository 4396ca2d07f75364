/*
 * encode.c - JSON of the room protocol, WebSocket frames, and shared compression.
 *
 * A deflated form starts from an empty window, so one fits every member whose window is as large:
 * a broadcast is compressed once. Small messages are not worth it and share the plain frame.
 */
#include "server/encode.h"

#include "base/json.h"
#include "rooms/reply.h"
#include "server/server.h"
#include "ws/deflate.h"
#include "ws/encoder.h"

static uint64_t count_of(const struct message *m)
{
    uint64_t count = 0;
    (void)json_u64(m->args, &count); /* written by ourselves */
    return count;
}

void encode_json(struct buf *out, const struct message *m, const char *epoch)
{
    char id_text[MESSAGE_ID_MAX_TEXT];
    belfry_bytes id = bytes_of(id_text, message_id_format(id_text, m->id, bytes_of_text(epoch)));
    belfry_bytes room = m->room_count == 1 ? m->rooms[0].name : bytes_of(NULL, 0);
    struct rooms_person from = { m->sender, m->user };
    switch ((enum message_kind)m->kind) {
    case KIND_MESSAGE:
        rooms_put_message(out, &(struct rooms_message){ .room = room,
                                                        .id = id,
                                                        .from = from,
                                                        .text = m->args,
                                                        .timestamp_ms = m->wall_ms });
        break;
    case KIND_EVENT:
        if ((m->flags & MESSAGE_UNLOGGED) != 0)
            id = bytes_of(NULL, 0);
        rooms_put_event(
            out, &(struct rooms_event){
                     .room = room, .id = id, .event = m->name, .from = from, .data = m->args });
        break;
    case KIND_USER_JOINED:
        rooms_put_user_joined(out, room, from, count_of(m));
        break;
    case KIND_USER_LEFT:
        rooms_put_user_left(out, room, from, count_of(m));
        break;
    case KIND_COUNT:
        rooms_put_member_count(out, room, count_of(m));
        break;
    case KIND_TEXT:
    case KIND_BINARY:
        break;
    }
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
    struct buf json = { 0 };
    belfry_bytes payload = m->args;
    struct frame *frame = NULL;
    if (encode_has_json(m)) {
        encode_json(&json, m, server->hub.epoch);
        payload = buf_bytes(&json);
    }
    if (!buf_failed(&json)) {
        bool is_deflated =
            form_key != FORM_WS_PLAIN && payload.size >= server->options.deflate_threshold_bytes;
        frame = is_deflated ? deflated(worker, opcode_of(m), form_key & 0xff, payload)
                            : encode_frame(opcode_of(m) | WS_FIN, payload);
    }
    buf_deinit(&json);
    if (frame != NULL)
        counter_add(&worker->counters.encoded, 1);
    return frame;
}
