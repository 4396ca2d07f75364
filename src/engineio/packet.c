/*
 * packet.c - the packets that are not plain text, and writing all of them.
 */
#include "engineio/packet.h"

#include "base/base64.h"

/* "b" and base64, in revision 3 with the type between them. */
static enum eio_result read_base64(enum eio_revision revision, belfry_bytes message,
                                   struct buf *scratch, struct eio_packet *out_packet)
{
    const uint8_t *at = message.data, *end = at + message.size;
    enum eio_type type = EIO_MESSAGE;
    at++; /* the b */
    if (revision == EIO_REVISION_3) {
        if (at == end || *at < '0' || *at > '6')
            return EIO_MALFORMED;
        type = (enum eio_type)(*at++ - '0');
    }
    buf_clear(scratch);
    if (base64_decode(bytes_of(at, (size_t)(end - at)), scratch) != BELFRY_OK)
        return EIO_NO_MEMORY;
    *out_packet = (struct eio_packet){ type, true, buf_bytes(scratch) };
    return EIO_OK;
}

enum eio_result eio_packet_read_rare(enum eio_revision revision, bool is_binary,
                                     belfry_bytes message, struct buf *scratch,
                                     struct eio_packet *out_packet)
{
    const uint8_t *data = message.data;
    if (is_binary && revision == EIO_REVISION_4) {
        *out_packet = (struct eio_packet){ EIO_MESSAGE, true, message };
        return EIO_OK;
    }
    if (message.size == 0)
        return EIO_MALFORMED;
    if (is_binary) {
        if (data[0] > EIO_NOOP)
            return EIO_MALFORMED;
        *out_packet = (struct eio_packet){ (enum eio_type)data[0], true,
                                           bytes_of(data + 1, message.size - 1) };
        return EIO_OK;
    }
    if (data[0] == 'b')
        return read_base64(revision, message, scratch, out_packet);
    return EIO_MALFORMED; /* text that begins with a digit went the short way */
}

bool eio_packet_put(struct buf *out, enum eio_revision revision, enum eio_binary binary,
                    const struct eio_packet *packet)
{
    BELFRY_ASSERT(!packet->is_binary || packet->type == EIO_MESSAGE || revision == EIO_REVISION_3);
    if (!packet->is_binary) {
        buf_put_char(out, (char)('0' + packet->type));
        buf_put_bytes(out, packet->data);
        return false;
    }
    if (binary == EIO_BASE64_ONLY) {
        buf_put_char(out, 'b');
        if (revision == EIO_REVISION_3)
            buf_put_char(out, (char)('0' + packet->type));
        base64_put(out, packet->data);
        return false;
    }
    if (revision == EIO_REVISION_3)
        buf_put_char(out, (char)packet->type);
    buf_put_bytes(out, packet->data);
    return true;
}
