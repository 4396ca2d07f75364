/*
 * Bodies in every segmentation: what is delivered, what is refused, what is left alone.
 */
#include "http/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

#define MAX_BODY 64
#define NEVER 1 /* no end yet */

/* What came out of a body. */
struct told {
    struct buf data;
    size_t left; /* bytes of the input not taken */
    unsigned status;
    bool has_end;
};

/* Reads from a copy of exactly the given size. */
static void read_piece(struct http_body *b, const uint8_t *piece, size_t size, struct told *t)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, piece, size);
    const uint8_t *at = copy;
    struct http_body_event event;
    while (http_body_next(b, &at, copy + size, &event)) {
        switch (event.type) {
        case HTTP_BODY_DATA:
            assert_true(event.data.size > 0);
            buf_put_bytes(&t->data, event.data);
            break;
        case HTTP_BODY_END:
            assert_false(t->has_end);
            t->has_end = true;
            break;
        case HTTP_BODY_REFUSED:
            assert_non_null(event.why);
            t->status = event.status;
            break;
        }
    }
    t->left += size - (size_t)(at - copy);
    free(copy);
}

static struct told decode(const struct http_head *head, belfry_bytes wire, size_t cut)
{
    struct http_body b;
    struct told t = { 0 };
    const uint8_t *bytes = wire.data;
    http_body_init(&b, head, MAX_BODY);
    read_piece(&b, bytes, cut, &t);
    read_piece(&b, bytes + cut, wire.size - cut, &t);
    assert_int_equal(http_body_is_over(&b), t.has_end || t.status != 0);
    return t;
}

static struct told decode_dribbled(const struct http_head *head, belfry_bytes wire)
{
    struct http_body b;
    struct told t = { 0 };
    http_body_init(&b, head, MAX_BODY);
    for (size_t i = 0; i < wire.size; i++)
        read_piece(&b, (const uint8_t *)wire.data + i, 1, &t);
    return t;
}

#define HEX16 "0123456789abcdef"
#define CHUNKED HTTP_CHUNKED, 0

static const struct body_case {
    const char *name;
    enum http_framing framing;
    uint64_t length;
    belfry_bytes wire;
    const char *want; /* data */
    unsigned status;  /* 0: END; NEVER: neither */
    size_t left;      /* with END */
} body_cases[] = {
    { "none", HTTP_NO_BODY, 0, BELFRY_BYTES("GET"), "", 0, 3 },
    { "length 0", HTTP_LENGTH, 0, BELFRY_BYTES("GET"), "", 0, 3 },
    { "length", HTTP_LENGTH, 5, BELFRY_BYTES("helloGET"), "hello", 0, 3 },
    { "length, unfinished", HTTP_LENGTH, 5, BELFRY_BYTES("hell"), "hell", NEVER, 0 },
    { "length over the limit", HTTP_LENGTH, 65, BELFRY_BYTES("hello"), "", 413, 0 },
    { "length at the limit", HTTP_LENGTH, 64, BELFRY_BYTES(HEX16 HEX16 HEX16 HEX16 "x"),
      HEX16 HEX16 HEX16 HEX16, 0, 1 },
    { "huge length", HTTP_LENGTH, INT64_MAX, BELFRY_BYTES(""), "", 413, 0 },

    { "chunks", CHUNKED, BELFRY_BYTES("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET"), "hello!", 0, 3 },
    { "no chunks", CHUNKED, BELFRY_BYTES("0\r\n\r\n"), "", 0, 0 },
    { "chunks of CRLF", CHUNKED, BELFRY_BYTES("4\r\n\r\n\r\n\r\n0\r\n\r\n"), "\r\n\r\n", 0, 0 },
    { "hexadecimal", CHUNKED, BELFRY_BYTES("A\r\n0123456789\r\n0a\r\n0123456789\r\n000\r\n\r\n"),
      "01234567890123456789", 0, 0 },
    { "sixteen digits", CHUNKED, BELFRY_BYTES("0000000000000001\r\nx\r\n0\r\n\r\n"), "x", 0, 0 },
    { "seventeen digits", CHUNKED, BELFRY_BYTES("00000000000000001\r\nx\r\n0\r\n\r\n"), "", 400,
      0 },
    { "one chunk over", CHUNKED, BELFRY_BYTES("41\r\n"), "", 413, 0 },
    { "chunks over", CHUNKED, BELFRY_BYTES("2\r\nab\r\n3f\r\n"), "ab", 413, 0 },
    { "overflow", CHUNKED, BELFRY_BYTES("ffffffffffffffff\r\n"), "", 413, 0 },
    { "overflow to 1", CHUNKED, BELFRY_BYTES("10000000000000001\r\n"), "", 413, 0 },
    { "0x", CHUNKED, BELFRY_BYTES("0x1\r\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "sign", CHUNKED, BELFRY_BYTES("+1\r\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "negative", CHUNKED, BELFRY_BYTES("-1\r\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "blank before", CHUNKED, BELFRY_BYTES(" 1\r\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "blank behind", CHUNKED, BELFRY_BYTES("1 \r\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "underscore", CHUNKED, BELFRY_BYTES("1_0\r\n"), "", 400, 0 },
    { "not hexadecimal", CHUNKED, BELFRY_BYTES("g\r\n"), "", 400, 0 },
    { "no size", CHUNKED, BELFRY_BYTES("\r\n"), "", 400, 0 },
    { "no size but extension", CHUNKED, BELFRY_BYTES(";a\r\n"), "", 400, 0 },
    { "LF behind the size", CHUNKED, BELFRY_BYTES("1\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "CR behind the size", CHUNKED, BELFRY_BYTES("1\rx\r\n0\r\n\r\n"), "", 400, 0 },
    { "LF behind the data", CHUNKED, BELFRY_BYTES("1\r\nx\n0\r\n\r\n"), "x", 400, 0 },
    { "CR behind the data", CHUNKED, BELFRY_BYTES("1\r\nx\r0\r\n\r\n"), "x", 400, 0 },
    { "data longer than said", CHUNKED, BELFRY_BYTES("1\r\nxy\r\n0\r\n\r\n"), "x", 400, 0 },
    { "data shorter than said", CHUNKED, BELFRY_BYTES("4\r\nx\r\n0\r\n\r\n"), "x\r\n0", 400, 0 },

    { "extension", CHUNKED, BELFRY_BYTES("1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n"), "x", 0, 0 },
    { "extension with blanks", CHUNKED, BELFRY_BYTES("1; a = b\r\nx\r\n0\r\n\r\n"), "x", 0, 0 },
    { "empty extension", CHUNKED, BELFRY_BYTES("1;\r\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "extension ended by LF", CHUNKED, BELFRY_BYTES("1;a\nx\r\n0\r\n\r\n"), "", 400, 0 },
    { "extension ended by CR", CHUNKED, BELFRY_BYTES("1;a\rx\r\n0\r\n\r\n"), "", 400, 0 },
    { "extension with NUL", CHUNKED, BELFRY_BYTES("1;a\0\r\n"), "", 400, 0 },

    { "trailers", CHUNKED, BELFRY_BYTES("0\r\nA: b\r\nC:\r\n\r\nGET"), "", 0, 3 },
    { "trailer of LF", CHUNKED, BELFRY_BYTES("0\r\nA: b\n\r\n"), "", 400, 0 },
    { "end of LF", CHUNKED, BELFRY_BYTES("0\r\n\n"), "", 400, 0 },
    { "end of CR", CHUNKED, BELFRY_BYTES("0\r\n\rG"), "", 400, 0 },
    { "no end", CHUNKED, BELFRY_BYTES("0\r\n"), "", NEVER, 0 },
    { "folded trailer", CHUNKED, BELFRY_BYTES("0\r\nA: b\r\n c\r\n\r\n"), "", 400, 0 },
    { "trailer without colon", CHUNKED, BELFRY_BYTES("0\r\nA\r\n\r\n"), "", 400, 0 },
    { "trailer without name", CHUNKED, BELFRY_BYTES("0\r\n: b\r\n\r\n"), "", 400, 0 },
    { "trailer with blank before the colon", CHUNKED, BELFRY_BYTES("0\r\nA : b\r\n\r\n"), "", 400,
      0 },
    { "the next request as a trailer", CHUNKED,
      BELFRY_BYTES("0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), "", 400, 0 },
};

static void check_told(const struct body_case *c, struct told *t, const char *how, size_t cut)
{
    unsigned status = t->status != 0 ? t->status : t->has_end ? 0 : NEVER;
    if (status != c->status || !bytes_equal_text(buf_bytes(&t->data), c->want) ||
        (status == 0 && t->left != c->left))
        fail_msg("%s, %s %zu: status %u, want %u; data '%.*s'; left %zu, want %zu", c->name, how,
                 cut, status, c->status, (int)t->data.size, (const char *)t->data.data, t->left,
                 c->left);
    buf_deinit(&t->data);
}

static void test_bodies_for_every_cut(void **state)
{
    (void)state;
    for (const struct body_case *c = body_cases; c != BELFRY_END(body_cases); c++) {
        struct http_head head = { .framing = c->framing, .content_length = c->length };
        for (size_t cut = 0; cut <= c->wire.size; cut++) {
            struct told t = decode(&head, c->wire, cut);
            check_told(c, &t, "cut at", cut);
        }
        struct told t = decode_dribbled(&head, c->wire);
        if (c->wire.size > 0)
            check_told(c, &t, "dribbled", 0);
    }
}

static void test_a_declared_size_is_refused_without_input(void **state)
{
    (void)state;
    struct http_head head = { .framing = HTTP_LENGTH, .content_length = MAX_BODY + 1 };
    struct http_body b;
    struct http_body_event event;
    static const uint8_t nothing[1];
    const uint8_t *at = nothing;
    http_body_init(&b, &head, MAX_BODY);
    assert_true(http_body_next(&b, &at, nothing, &event));
    assert_int_equal(event.type, HTTP_BODY_REFUSED);
    assert_int_equal(event.status, 413);
    assert_false(http_body_next(&b, &at, nothing, &event));
}

/* Feeds @head once and @piece again and again; the status that stops it, after how many bytes. */
static unsigned flood(const char *first, const char *piece, size_t *out_bytes)
{
    struct http_head head = { .framing = HTTP_CHUNKED };
    struct http_body b;
    struct told t = { 0 };
    http_body_init(&b, &head, MAX_BODY);
    read_piece(&b, (const uint8_t *)first, strlen(first), &t);
    for (*out_bytes = 0; t.status == 0 && *out_bytes < 1 << 20; *out_bytes += strlen(piece))
        read_piece(&b, (const uint8_t *)piece, strlen(piece), &t);
    buf_deinit(&t.data);
    return t.status;
}

static void test_extensions_and_trailers_are_limited(void **state)
{
    (void)state;
    size_t bytes;
    assert_int_equal(flood("1;", "a=b", &bytes), 413);
    assert_in_range(bytes, HTTP_BODY_MAX_EXTRA_BYTES, HTTP_BODY_MAX_EXTRA_BYTES + 3);
    assert_int_equal(flood("0\r\n", "A: b\r\n", &bytes), 431);
    assert_in_range(bytes, HTTP_BODY_MAX_EXTRA_BYTES, HTTP_BODY_MAX_EXTRA_BYTES * 2);
    assert_int_equal(flood("0\r\nA: ", "b", &bytes), 431);
    assert_in_range(bytes, HTTP_BODY_MAX_EXTRA_BYTES - 3, HTTP_BODY_MAX_EXTRA_BYTES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_for_every_cut),
        cmocka_unit_test(test_a_declared_size_is_refused_without_input),
        cmocka_unit_test(test_extensions_and_trailers_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
