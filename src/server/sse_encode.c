/*
 * sse_encode.c - an event, made once for all readers of a room.
 */
#include "server/sse_encode.h"

#include "server/encode.h"
#include "server/server.h"
#include "sse/event.h"
#include "sse/gzip.h"
#include "ws/deflate.h"

/* Appends what the event holds; its name. @text: room for data that has to be made. */
static belfry_bytes put_data(struct buf *text, const struct message *m, const char *epoch,
                             belfry_bytes *out_data)
{
    belfry_bytes name = bytes_of(NULL, 0);
    if (m->kind == KIND_TEXT) {
        *out_data = m->args;
        return name;
    }
    if (m->kind == KIND_BINARY) {
        name = BELFRY_BYTES("binary");
        encode_base64(text, m->args);
    } else {
        name = encode_json(text, m, epoch);
    }
    *out_data = buf_bytes(text);
    return name;
}

static void put_event(struct buf *out, const struct message *m, const char *epoch)
{
    char id[MESSAGE_ID_MAX_TEXT];
    struct buf text = { 0 };
    struct sse_event event = { 0 };
    if ((m->flags & (MESSAGE_NO_ID | MESSAGE_UNLOGGED)) == 0)
        event.id = bytes_of(id, message_id_format(id, m->id, bytes_of_text(epoch)));
    event.name = put_data(&text, m, epoch, &event.data);
    sse_put_event(out, &event);
    if (buf_failed(&text))
        out->has_failed = 1;
    buf_deinit(&text);
}

/* The piece of the gzip stream that @event is. */
static void put_compressed(struct buf *out, const struct message *m, unsigned key,
                           struct worker *worker, belfry_bytes event)
{
    struct buf deflated = { 0 };
    if ((m->flags & MESSAGE_NO_COMPRESS) != 0 ||
        event.size < worker->server->options.deflate_threshold_bytes) {
        sse_gzip_stored(out, event);
    } else if (ws_deflate_message(worker->pool, NULL, key & FORM_WINDOW_MASK, event, &deflated) !=
               BELFRY_OK) {
        out->has_failed = 1;
    } else {
        sse_gzip_deflated(out, buf_bytes(&deflated));
    }
    buf_deinit(&deflated);
}

struct frame *sse_encode_message(const struct message *m, unsigned key, struct worker *worker)
{
    struct buf event = { 0 };
    struct buf piece = { 0 };
    struct frame *frame = NULL;
    put_event(&event, m, worker->server->hub.epoch);
    struct buf *out = &event;
    if (key != FORM_SSE && !buf_failed(&event)) {
        put_compressed(&piece, m, key, worker, buf_bytes(&event));
        out = &piece;
    }
    if (!buf_failed(out))
        frame = frame_new(out->size);
    if (frame != NULL)
        memcpy(frame->bytes, out->data, out->size);
    buf_deinit(&event);
    buf_deinit(&piece);
    return frame;
}
