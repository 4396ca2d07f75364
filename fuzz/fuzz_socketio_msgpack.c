/*
 * A packet read from MessagePack, written and read again is the same; and as text with attachments
 * it is a packet too.
 */
#include <stdlib.h>

#include "socketio/msgpack_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sio_limits limits = { .max_depth = 16, .max_attachments = 4 };

static void check_text(const struct sio_packet *p)
{
    struct buf text = { 0 };
    struct sio_packet again;
    const char *why;
    bool is_nameless = sio_is_event(p) && p->name.size == 0; /* `2[]` is refused as text */
    sio_put_packet(&text, p);
    enum sio_verdict verdict = sio_packet_read(buf_bytes(&text), &limits, &again, &why);
    BELFRY_ASSERT(is_nameless ? verdict == SIO_BAD
                              : verdict == (p->attachment_count > 0 ? SIO_MORE : SIO_PACKET));
    buf_deinit(&text);
}

static void check_same(const struct sio_packet *a, const struct sio_packet *b)
{
    BELFRY_ASSERT(a->type == b->type && bytes_equal(a->nsp, b->nsp));
    BELFRY_ASSERT(a->has_id == b->has_id && a->id == b->id);
    BELFRY_ASSERT(bytes_equal(a->data, b->data) && a->attachment_count == b->attachment_count);
    for (unsigned i = 0; i < a->attachment_count; i++)
        BELFRY_ASSERT(bytes_equal(a->attachments[i], b->attachments[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sio_scratch scratch = { 0 }, other = { 0 };
    struct sio_packet packet, again;
    struct buf written = { 0 };
    const char *why;
    if (sio_msgpack_read(bytes_of(data, size), &limits, &scratch, &packet, &why) == SIO_PACKET) {
        check_text(&packet);
        BELFRY_ASSERT(sio_msgpack_put_packet(&written, &packet) == BELFRY_OK);
        BELFRY_ASSERT(sio_msgpack_read(buf_bytes(&written), &limits, &other, &again, &why) ==
                      SIO_PACKET);
        check_same(&packet, &again);
    }
    buf_deinit(&written);
    sio_scratch_deinit(&scratch);
    sio_scratch_deinit(&other);
    return 0;
}
