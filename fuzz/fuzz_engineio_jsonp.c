/*
 * fuzz_engineio_jsonp.c - any form can be read, and a payload put into one as clients do comes
 * back, unless it has a backslash before a line break: those the escapes cannot say.
 */
#include "engineio/jsonp.h"

#include "base/utf8.h"

static void put_form(struct buf *out, belfry_bytes payload)
{
    const uint8_t *c = payload.data;
    buf_put_text(out, "x=1&d=");
    for (size_t i = 0; i < payload.size; i++) {
        if (c[i] == '\n')
            buf_put_text(out, "%5Cn");
        else if (c[i] == '\\' && i + 1 < payload.size && c[i + 1] == 'n')
            buf_put_text(out, "%5c%5c");
        else
            buf_printf(out, "%%%02X", c[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf form = { 0 }, out = { 0 };
    belfry_bytes input = bytes_of(data, size);
    if (eio_jsonp_read(input, &out) == EIO_OK)
        BELFRY_ASSERT(out.size <= size && utf8_is_valid(buf_bytes(&out)));
    if (utf8_is_valid(input) && (size == 0 || memmem(data, size, "\\\n", 2) == NULL)) {
        put_form(&form, input);
        BELFRY_ASSERT(eio_jsonp_read(buf_bytes(&form), &out) == EIO_OK);
        BELFRY_ASSERT(bytes_equal(buf_bytes(&out), input));
        eio_jsonp_put(&form, input, input);
    }
    buf_deinit(&form);
    buf_deinit(&out);
    return 0;
}
