/*
 * fuzz_engineio_payload.c - what a body holds, written anew in any form of its revision, is read
 * as the same packets.
 *
 * First byte: revision, form. The rest is the body.
 */
#include "base/utf8.h"
#include "engineio/payload.h"

/* Reads @body; what was in it goes to @transcript, and anew as @form to @out. */
static size_t rewrite(struct eio_payload *p, enum eio_form form, struct buf *transcript,
                      struct buf *out)
{
    struct eio_payload_writer w;
    struct eio_packet packet;
    struct buf scratch = { 0 };
    size_t count = 0;
    eio_payload_begin(&w, out, p->revision, form);
    for (; eio_payload_next(p, &scratch, &packet); count++) {
        buf_printf(transcript, "%d%d %zu:", packet.type, packet.is_binary, packet.data.size);
        buf_put_bytes(transcript, packet.data);
        eio_payload_put(&w, &packet);
    }
    eio_payload_end(&w);
    buf_deinit(&scratch);
    return count;
}

static void check(enum eio_revision revision, enum eio_form form, belfry_bytes body,
                  enum eio_form written_form)
{
    struct buf said = { 0 }, again = { 0 }, out = { 0 }, unused = { 0 };
    struct eio_payload p;
    eio_payload_init(&p, revision, form, body);
    size_t count = rewrite(&p, written_form, &said, &out);
    BELFRY_ASSERT(count <= body.size);
    if (count > 0 && (form == EIO_FORM_OCTETS || utf8_is_valid(body))) {
        eio_payload_init(&p, revision, written_form, buf_bytes(&out));
        BELFRY_ASSERT(rewrite(&p, written_form, &again, &unused) == count && p.result == EIO_OK);
        BELFRY_ASSERT(bytes_equal(buf_bytes(&said), buf_bytes(&again)));
        BELFRY_ASSERT(bytes_equal(buf_bytes(&out), buf_bytes(&unused)));
    }
    buf_deinit(&said);
    buf_deinit(&again);
    buf_deinit(&out);
    buf_deinit(&unused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum eio_revision revision = data[0] & 1 ? EIO_REVISION_3 : EIO_REVISION_4;
    enum eio_form form = (data[0] & 3) == 3 ? EIO_FORM_OCTETS : EIO_FORM_TEXT;
    check(revision, form, bytes_of(data + 1, size - 1), EIO_FORM_TEXT);
    if (revision == EIO_REVISION_3)
        check(revision, form, bytes_of(data + 1, size - 1), EIO_FORM_OCTETS);
    return 0;
}
