/*
 * Pieces in any order are one gzip stream: zlib reads them back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "sse/gzip.h"

#define LARGE 200000

/* As permessage-deflate makes it: from an empty window, flushed, without the last four bytes. */
static void put_deflated(struct buf *out, belfry_bytes text)
{
    static uint8_t room[LARGE * 2];
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text.data;
    z.avail_in = (uInt)text.size;
    z.next_out = room;
    z.avail_out = sizeof room;
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    size_t size = sizeof room - z.avail_out;
    assert_memory_equal(room + size - 4, "\0\0\xff\xff", 4);
    sse_gzip_deflated(out, bytes_of(room, size - 4));
    deflateEnd(&z);
}

static void assert_reads(belfry_bytes stream, belfry_bytes want)
{
    uint8_t *text = malloc(want.size + 1);
    z_stream z = { .next_in = (Bytef *)(uintptr_t)stream.data, .avail_in = (uInt)stream.size };
    assert_non_null(text);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_out = text;
    z.avail_out = (uInt)want.size + 1;
    assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(want.size + 1 - z.avail_out, want.size);
    assert_memory_equal(text, want.data, want.size);
    inflateEnd(&z);
    free(text);
}

static void test_pieces_in_any_order(void **state)
{
    (void)state;
    static char large[LARGE];
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)('a' + i * i % 23);
    const belfry_bytes texts[] = { BELFRY_BYTES("data: one\n\n"), bytes_of(large, LARGE),
                                   BELFRY_BYTES("data: two\n\n"), bytes_of(large, 65535),
                                   bytes_of(large, 65536),        BELFRY_BYTES("x") };
    for (unsigned stored = 0; stored < 1u << BELFRY_COUNT(texts); stored++) {
        struct buf stream = { 0 };
        struct buf want = { 0 };
        sse_gzip_begin(&stream);
        for (unsigned i = 0; i < BELFRY_COUNT(texts); i++) {
            buf_put_bytes(&want, texts[i]);
            if ((stored & 1u << i) != 0)
                sse_gzip_stored(&stream, texts[i]);
            else
                put_deflated(&stream, texts[i]);
        }
        assert_reads(buf_bytes(&stream), buf_bytes(&want));
        buf_deinit(&stream);
        buf_deinit(&want);
    }
}

static void test_nothing_is_no_piece(void **state)
{
    (void)state;
    struct buf stream = { 0 };
    sse_gzip_stored(&stream, bytes_of(NULL, 0));
    assert_int_equal(stream.size, 0);
    buf_deinit(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_in_any_order),
        cmocka_unit_test(test_nothing_is_no_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
