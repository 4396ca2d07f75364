/*
 * Compressed bodies come out as they went in; which coding a client gets.
 */
#include "http/compress.h"

#include <zlib.h>

#include "base/alloc.h"
#include "unit/http/parse.h"

#define GET(fields) BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n")

static const struct choice_case {
    belfry_bytes wire;
    enum http_coding want;
} choice_cases[] = {
    { GET(""), HTTP_IDENTITY },
    { GET("Accept-Encoding:\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip, deflate, br\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: deflate, gzip\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: deflate\r\n"), HTTP_DEFLATE },
    { GET("Accept-Encoding: br\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip;q=0.5, deflate;q=0.6\r\n"), HTTP_DEFLATE },
    { GET("Accept-Encoding: gzip;q=0.51, deflate;q=0.5\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: gzip;q=0, deflate;q=0.001\r\n"), HTTP_DEFLATE },
    { GET("Accept-Encoding: gzip;q=0\r\nAccept-Encoding: deflate;q=0\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: *\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: *;q=0.1, gzip;q=0\r\n"), HTTP_DEFLATE },
    { GET("Accept-Encoding: *;q=0\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: identity\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: identity, gzip;q=0.9\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: identity, gzip\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: identity;q=0, *\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: gzip;q=1.000\r\n"), HTTP_GZIP },
    { GET("Accept-Encoding: gzip;Q=1\r\n"), HTTP_GZIP },
    /* malformed weights */
    { GET("Accept-Encoding: gzip;q=1.001\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip;q=2\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip;q=0.0001\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip;q=0x1\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip;q=-1\r\n"), HTTP_IDENTITY },
    { GET("Accept-Encoding: gzip;q=1;q=0\r\n"), HTTP_IDENTITY },
};

static void test_the_coding_that_the_client_likes_best(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct choice_case *c = choice_cases; c != BELFRY_END(choice_cases); c++) {
        parse_good(&r, c->wire);
        if (http_choose_coding(&r.head) != c->want)
            fail_msg("%s", (const char *)c->wire.data);
        parsed_deinit(&r);
    }
}

static void test_codings_have_the_names_of_the_registry(void **state)
{
    (void)state;
    assert_null(http_coding_name(HTTP_IDENTITY));
    assert_string_equal(http_coding_name(HTTP_GZIP), "gzip");
    assert_string_equal(http_coding_name(HTTP_DEFLATE), "deflate");
}

/* As a decoder that knows which of the two formats it gets. */
static void check_inflates(enum http_coding coding, belfry_bytes wire, belfry_bytes want)
{
    z_stream z = { 0 };
    uint8_t *out = malloc(want.size + 1);
    assert_non_null(out);
    assert_int_equal(inflateInit2(&z, coding == HTTP_GZIP ? 15 + 16 : 15), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)wire.data;
    z.avail_in = (uInt)wire.size;
    z.next_out = out;
    z.avail_out = (uInt)want.size + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, want.size);
    if (want.size > 0)
        assert_memory_equal(out, want.data, want.size);
    inflateEnd(&z);
    free(out);
}

/* Half text, half noise. */
static uint8_t *new_body(size_t size)
{
    uint8_t *body = malloc(size + 1);
    uint32_t noise = 1;
    assert_non_null(body);
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        body[i] = i % 200 < 100 ? (uint8_t) "the same again "[i % 15] : (uint8_t)(noise >> 24);
    }
    return body;
}

static void test_bodies_come_out_as_they_went_in(void **state)
{
    static const size_t sizes[] = { 0, 1, 511, 512, 513, 5000, 32768, 32769, 1000000 };
    (void)state;
    for (const size_t *size = sizes; size != BELFRY_END(sizes); size++) {
        uint8_t *body = new_body(*size);
        for (int level = 1; level <= 9; level += 4) {
            for (enum http_coding coding = HTTP_GZIP; coding <= HTTP_DEFLATE; coding++) {
                struct buf out = { 0 };
                assert_int_equal(buf_append(&out, "before", 6), BELFRY_OK);
                assert_int_equal(http_compress(coding, level, bytes_of(body, *size), &out),
                                 BELFRY_OK);
                check_inflates(coding, bytes_of(out.data + 6, out.size - 6), bytes_of(body, *size));
                if (*size > 1000)
                    assert_true(out.size < *size * 4 / 5);
                buf_deinit(&out);
            }
        }
        free(body);
    }
}

static unsigned allocations_left;

static void *failing_alloc(size_t size)
{
    return allocations_left > 0 ? allocations_left--, malloc(size) : NULL;
}

static void *failing_realloc(void *old, size_t size)
{
    return allocations_left > 0 ? allocations_left--, realloc(old, size) : NULL;
}

static void test_without_memory_nothing_is_written(void **state)
{
    (void)state;
    struct buf out = { 0 };
    belfry_err err = BELFRY_ERR_NOMEM;
    mem_set_functions(failing_alloc, failing_realloc, free);
    unsigned failures = 0;
    for (; failures < 20 && err != BELFRY_OK; failures++) {
        allocations_left = failures;
        err = http_compress(HTTP_GZIP, 6, BELFRY_BYTES("hello hello hello"), &out);
        if (err != BELFRY_OK)
            assert_int_equal(out.size, 0);
    }
    assert_int_equal(err, BELFRY_OK);
    assert_true(failures > 2);
    buf_deinit(&out);
    mem_set_functions(NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_coding_that_the_client_likes_best),
        cmocka_unit_test(test_codings_have_the_names_of_the_registry),
        cmocka_unit_test(test_bodies_come_out_as_they_went_in),
        cmocka_unit_test(test_without_memory_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
