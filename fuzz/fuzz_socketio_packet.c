/*
 * What is read of a text is inside it and adds up; written again it is read as the same packet.
 */
#include "base/utf8.h"
#include "socketio/args.h"
#include "socketio/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sio_limits limits = { .max_depth = 16, .max_attachments = 10 };

static void check_inside(belfry_bytes part, belfry_bytes whole)
{
    const uint8_t *at = part.data, *start = whole.data;
    BELFRY_ASSERT(part.size == 0 || (at >= start && at + part.size <= start + whole.size));
}

static void check_packet(const struct sio_packet *p, belfry_bytes text)
{
    uint32_t count = 0;
    check_inside(p->data, text);
    check_inside(p->name, p->data);
    check_inside(p->args, p->data);
    BELFRY_ASSERT(sio_nsp_is_valid(p->nsp) && p->id <= SIO_MAX_ID);
    BELFRY_ASSERT(p->attachment_count <= limits.max_attachments && p->attachments == NULL);
    BELFRY_ASSERT(sio_args_scan(p->args, 15, &count) == BELFRY_OK && count == p->arg_count);
    BELFRY_ASSERT(p->name.size == 0 || (sio_is_event(p) && p->data.size > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = { 0 }, twice = { 0 };
    struct sio_packet packet, again;
    const char *why = NULL;
    belfry_bytes text = bytes_of(data, size);
    if (!utf8_is_valid(text))
        return 0;
    enum sio_verdict verdict = sio_packet_read(text, &limits, &packet, &why);
    BELFRY_ASSERT((verdict == SIO_BAD) == (why != NULL));
    if (verdict == SIO_BAD)
        return 0;
    check_packet(&packet, text);
    sio_put_packet(&once, &packet);
    BELFRY_ASSERT(sio_packet_read(buf_bytes(&once), &limits, &again, &why) == verdict);
    sio_put_packet(&twice, &again);
    BELFRY_ASSERT(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
    BELFRY_ASSERT(packet.type == again.type && bytes_equal(packet.nsp, again.nsp));
    BELFRY_ASSERT(packet.has_id == again.has_id && packet.id == again.id);
    BELFRY_ASSERT(bytes_equal(packet.data, again.data) && bytes_equal(packet.args, again.args));
    buf_deinit(&once);
    buf_deinit(&twice);
    return 0;
}
