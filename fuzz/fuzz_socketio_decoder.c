/*
 * A session's messages, cut from the input: whatever comes, packets keep their limits and have
 * just the attachments that their placeholders name.
 *
 * Each message has one byte in front of it: binary or text, and its size; 127 is all that is left.
 */
#include <stdlib.h>

#include "base/placeholder.h"
#include "base/utf8.h"
#include "socketio/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sio_limits limits = { .max_depth = 16,
                                          .max_attachments = 4,
                                          .max_binary_bytes = 64 };

static void check_packet(const struct sio_packet *p)
{
    uint64_t sum = 0;
    bool is_binary = p->type == SIO_BINARY_EVENT || p->type == SIO_BINARY_ACK;
    BELFRY_ASSERT(is_binary == (p->attachment_count > 0) && p->attachment_count <= 4);
    for (unsigned i = 0; i < p->attachment_count; i++) {
        volatile uint8_t seen = 0; /* each byte is there to be read */
        for (size_t k = 0; k < p->attachments[i].size; k++)
            seen = seen ^ ((const uint8_t *)p->attachments[i].data)[k];
        sum += p->attachments[i].size;
    }
    BELFRY_ASSERT(sum <= limits.max_binary_bytes && utf8_is_valid(p->data));
    BELFRY_ASSERT(!is_binary || placeholders_are_good(p->args, p->attachment_count));
}

/* False: the session is over. */
static bool feed(struct sio_decoder *d, const uint8_t *data, size_t size, bool is_binary)
{
    struct sio_packet packet;
    const char *why = NULL;
    belfry_bytes message = bytes_of(memcpy(malloc(size + 1), data, size), size);
    enum sio_verdict verdict = SIO_BAD;
    bool is_due = sio_decoder_is_collecting(d);
    if (is_binary)
        verdict = sio_decoder_binary(d, &limits, message, &packet, &why);
    else if (utf8_is_valid(message))
        verdict = sio_decoder_text(d, &limits, message, &packet, &why);
    if (verdict == SIO_PACKET)
        check_packet(&packet);
    BELFRY_ASSERT(verdict == SIO_BAD || is_due == is_binary);
    BELFRY_ASSERT(why == NULL || d->pending == NULL);
    free((void *)(uintptr_t)message.data);
    return verdict != SIO_BAD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sio_decoder d = { 0 };
    bool is_alive = true;
    while (size > 0 && is_alive) {
        size_t length = *data & 0x7f;
        bool is_binary = (*data & 0x80) != 0;
        data++;
        size--;
        if (length == 0x7f || length > size)
            length = size;
        is_alive = feed(&d, data, length, is_binary);
        data += length;
        size -= length;
    }
    sio_decoder_deinit(&d);
    return 0;
}
