/*
 * decoder.c - keeps a binary packet's text until its attachments are there.
 *
 *     text ──► sio_packet_read ──┬─────────────────────────► packet, nothing kept
 *                                └─ SIO_MORE ─► pending: the text, a place for each attachment
 *     binary ──► copied into pending; the last one is delivered where it lies
 *
 * A text that waits is copied together with its packet, whose spans are moved along. What is
 * delivered from a pending packet stays until the next call, so that the spans live.
 */
#include "socketio/decoder.h"

#include "base/alloc.h"
#include "base/placeholder.h"

struct sio_pending {
    struct sio_packet packet;
    uint64_t binary_bytes;      /* of the attachments that are there */
    unsigned count;             /* of the attachments that are there */
    bool is_delivered;          /* only waits for the next call */
    belfry_bytes attachments[]; /* packet.attachment_count; the text lies behind them */
};

_Static_assert(sizeof(struct sio_decoder) <= 16, "every session has one");

/* --- the pending packet ------------------------------------------------------------------ */

/* The last attachment is never ours. */
static struct sio_pending *pending_free(struct sio_pending *pending)
{
    if (pending == NULL)
        return NULL;
    for (unsigned i = 0; i < pending->count && i + 1 < pending->packet.attachment_count; i++)
        mem_free((void *)(uintptr_t)pending->attachments[i].data);
    mem_free(pending);
    return NULL;
}

/* @span of @old_text, in the copy of it. */
static belfry_bytes moved(belfry_bytes span, belfry_bytes old_text, const uint8_t *new_text)
{
    if (span.size == 0)
        return span;
    size_t offset = (size_t)((const uint8_t *)span.data - (const uint8_t *)old_text.data);
    return bytes_of(new_text + offset, span.size);
}

static struct sio_pending *pending_new(belfry_bytes text, const struct sio_packet *packet)
{
    size_t head = sizeof(struct sio_pending) + packet->attachment_count * sizeof(belfry_bytes);
    struct sio_pending *pending = mem_alloc(head + text.size);
    if (pending == NULL)
        return NULL;
    *pending = (struct sio_pending){ .packet = *packet };
    struct sio_packet *p = &pending->packet;
    uint8_t *copy = (uint8_t *)pending + head;
    memcpy(copy, text.data, text.size);
    if (p->nsp.size > 1) /* a mere "/" is static */
        p->nsp = moved(p->nsp, text, copy);
    p->data = moved(p->data, text, copy);
    p->name = moved(p->name, text, copy);
    p->args = moved(p->args, text, copy);
    p->attachments = pending->attachments;
    return pending;
}

/* --- what others call -------------------------------------------------------------------- */

void sio_decoder_deinit(struct sio_decoder *d)
{
    d->pending = pending_free(d->pending);
}

bool sio_decoder_is_collecting(const struct sio_decoder *d)
{
    return d->pending != NULL && !d->pending->is_delivered;
}

void sio_decoder_release(struct sio_decoder *d)
{
    if (!sio_decoder_is_collecting(d))
        sio_decoder_deinit(d);
}

static enum sio_verdict refuse(struct sio_decoder *d, const char **out_why, const char *why)
{
    sio_decoder_deinit(d);
    *out_why = why;
    return SIO_BAD;
}

static enum sio_verdict give_up(struct sio_decoder *d)
{
    sio_decoder_deinit(d);
    return SIO_NO_MEMORY;
}

enum sio_verdict sio_decoder_text(struct sio_decoder *d, const struct sio_limits *limits,
                                  belfry_bytes text, struct sio_packet *out_packet,
                                  const char **out_why)
{
    sio_decoder_release(d);
    if (d->pending != NULL)
        return refuse(d, out_why, "got plaintext data when reconstructing a packet");
    enum sio_verdict verdict = sio_packet_read(text, limits, out_packet, out_why);
    if (verdict != SIO_MORE)
        return verdict;
    d->pending = pending_new(text, out_packet);
    return d->pending == NULL ? SIO_NO_MEMORY : SIO_MORE;
}

/* All but the last outlive their message. */
static bool keep_attachment(struct sio_pending *pending, belfry_bytes bytes)
{
    bool is_last = pending->count + 1 == pending->packet.attachment_count;
    if (!is_last && bytes.size > 0) {
        void *copy = mem_alloc(bytes.size);
        if (copy == NULL)
            return false;
        memcpy(copy, bytes.data, bytes.size);
        bytes.data = copy;
    } else if (!is_last) {
        bytes.data = NULL;
    }
    pending->binary_bytes += bytes.size;
    pending->attachments[pending->count++] = bytes;
    return true;
}

enum sio_verdict sio_decoder_binary(struct sio_decoder *d, const struct sio_limits *limits,
                                    belfry_bytes bytes, struct sio_packet *out_packet,
                                    const char **out_why)
{
    sio_decoder_release(d);
    struct sio_pending *pending = d->pending;
    if (pending == NULL)
        return refuse(d, out_why, "got binary data when not reconstructing a packet");
    if (bytes.size > limits->max_binary_bytes ||
        pending->binary_bytes > limits->max_binary_bytes - bytes.size)
        return refuse(d, out_why, "attachments are too large");
    if (!keep_attachment(pending, bytes))
        return give_up(d);
    if (pending->count < pending->packet.attachment_count)
        return SIO_MORE;
    if (!placeholders_are_good(pending->packet.args, pending->count))
        return refuse(d, out_why, "illegal attachments");
    pending->is_delivered = true;
    *out_packet = pending->packet;
    return SIO_PACKET;
}
