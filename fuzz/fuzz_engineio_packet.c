/*
 * fuzz_engineio_packet.c - a packet that was read can be written, and is then read as itself.
 *
 * First byte: revision, text or binary. The rest is one WebSocket message.
 */
#include "engineio/packet.h"

static void check_written(enum eio_revision revision, enum eio_binary binary,
                          const struct eio_packet *packet)
{
    struct buf out = { 0 }, scratch = { 0 };
    struct eio_packet back;
    bool is_binary = eio_packet_put(&out, revision, binary, packet);
    BELFRY_ASSERT(is_binary == (packet->is_binary && binary == EIO_MAY_BINARY));
    BELFRY_ASSERT(eio_packet_read(revision, is_binary, buf_bytes(&out), &scratch, &back) == EIO_OK);
    BELFRY_ASSERT(back.type == packet->type && back.is_binary == packet->is_binary);
    BELFRY_ASSERT(bytes_equal(back.data, packet->data));
    buf_deinit(&out);
    buf_deinit(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum eio_revision revision = data[0] & 1 ? EIO_REVISION_3 : EIO_REVISION_4;
    struct buf scratch = { 0 };
    struct eio_packet packet;
    belfry_bytes message = bytes_of(data + 1, size - 1);
    if (eio_packet_read(revision, data[0] & 2, message, &scratch, &packet) == EIO_OK) {
        BELFRY_ASSERT(packet.data.size <= message.size && packet.type <= EIO_NOOP);
        check_written(revision, EIO_MAY_BINARY, &packet);
        check_written(revision, EIO_BASE64_ONLY, &packet);
    }
    buf_deinit(&scratch);
    return 0;
}
