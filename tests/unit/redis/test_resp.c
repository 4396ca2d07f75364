/*
 * What Redis answers: every type, in pieces of every size, limits, and rubbish.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "redis/resp.h"

static const struct resp_limits limits = { .max_reply_bytes = 100, .max_items = 4 };

static void show(struct buf *out, const struct resp *reply)
{
    switch (reply->type) {
    case RESP_NIL:
        buf_put_text(out, "nil");
        break;
    case RESP_STATUS:
        buf_printf(out, "+%.*s", (int)reply->text.size, (const char *)reply->text.data);
        break;
    case RESP_ERROR:
        buf_printf(out, "-%.*s", (int)reply->text.size, (const char *)reply->text.data);
        break;
    case RESP_INTEGER:
        buf_printf(out, "%lld", (long long)reply->integer);
        break;
    case RESP_TEXT:
        buf_printf(out, "'%.*s'", (int)reply->text.size, (const char *)reply->text.data);
        break;
    case RESP_ARRAY:
        buf_put_char(out, '[');
        for (uint32_t i = 0; i < reply->count; i++) {
            if (i > 0)
                buf_put_char(out, ' ');
            show(out, &reply->items[i]);
        }
        buf_put_char(out, ']');
        break;
    }
}

/* What comes of @stream, fed in pieces of @piece bytes: replies, then an error if there was one. */
static const char *read_all(belfry_bytes stream, size_t piece)
{
    static char line[1000];
    struct resp_reader *reader = resp_reader_new(&limits);
    struct buf out = { 0 };
    belfry_err err = BELFRY_OK;
    assert_non_null(reader);
    for (size_t at = 0; at < stream.size && err == BELFRY_OK; at += piece) {
        const struct resp *reply = NULL;
        size_t size = BELFRY_MIN(piece, stream.size - at);
        err = resp_feed(reader, (const char *)stream.data + at, size);
        while (err == BELFRY_OK && (err = resp_next(reader, &reply)) == BELFRY_OK &&
               reply != NULL) {
            show(&out, reply);
            buf_put_char(&out, ';');
        }
    }
    if (err != BELFRY_OK)
        buf_put_text(&out, err == BELFRY_ERR_LIMIT ? "LIMIT" : "INVALID");
    snprintf(line, sizeof line, "%.*s", (int)out.size, (const char *)out.data);
    buf_deinit(&out);
    assert_null(resp_reader_free(reader));
    return line;
}

static const struct resp_case {
    const char *stream, *want;
} cases[] = {
    { "+OK\r\n", "+OK;" },
    { "-ERR no\r\n", "-ERR no;" },
    { ":0\r\n:-1\r\n:9223372036854775807\r\n", "0;-1;9223372036854775807;" },
    { "$0\r\n\r\n$3\r\na\r\n\r\n", "'';'a\r\n';" },
    { "$-1\r\n*-1\r\n*0\r\n", "nil;nil;[];" },
    { "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n+x\r\n", "['message' 'c' 'hi'];+x;" },
    { "*2\r\n*2\r\n:1\r\n$-1\r\n*0\r\n", "[[1 nil] []];" },
    { "*2\r\n:1\r\n", "" },                 /* more to come */
    { "+a\r\n?x\r\n+b\r\n", "+a;INVALID" }, /* and nothing behind it */
    { ":x\r\n", "INVALID" },
    { "$x\r\n", "INVALID" },
    { "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "[1 2 3 4];" },
    { "*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n", "LIMIT" },
    { "*4000000000\r\n", "INVALID" },
};

static void test_replies_in_pieces(void **state)
{
    (void)state;
    for (const struct resp_case *c = cases; c != BELFRY_END(cases); c++) {
        for (size_t piece = 1; piece <= strlen(c->stream); piece++) {
            const char *got = read_all(bytes_of_text(c->stream), piece);
            if (strcmp(got, c->want) != 0)
                fail_msg("%s in pieces of %zu: %s", c->stream, piece, got);
        }
    }
}

/* A reply that is too large is refused before it has come whole. */
static void test_large_replies(void **state)
{
    (void)state;
    char stream[300];
    int size = snprintf(stream, sizeof stream, "$80\r\n%080d\r\n", 0);
    assert_string_not_equal(read_all(bytes_of(stream, (size_t)size), 7), "LIMIT");
    size = snprintf(stream, sizeof stream, "$200\r\n%0150d", 0);
    assert_string_equal(read_all(bytes_of(stream, (size_t)size), 7), "LIMIT");
    size = snprintf(stream, sizeof stream, "+%0200d", 0);
    assert_string_equal(read_all(bytes_of(stream, (size_t)size), 7), "LIMIT");
}

static void test_commands(void **state)
{
    (void)state;
    const belfry_bytes argv[] = { BELFRY_BYTES("SET"), bytes_of("a\r\nb", 4), bytes_of(NULL, 0) };
    struct buf out = { 0 };
    resp_put_command(&out, argv, 3);
    assert_true(bytes_equal_text(buf_bytes(&out), "*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"));
    assert_int_equal(resp_command_size(argv, 3), out.size);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_in_pieces),
        cmocka_unit_test(test_large_replies),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
