/*
 * test_payload.c - bodies of polls and POSTs: what they hold, where they break, what is written.
 */
#include "engineio/payload.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "support/memory.h"
#include "unit/engineio/show.h"

#define R3 EIO_REVISION_3
#define R4 EIO_REVISION_4
#define TEXT EIO_FORM_TEXT
#define OCTETS EIO_FORM_OCTETS

/* Reads a copy of @body and shows what was in it, and how it ended. */
static struct buf read_body(enum eio_revision revision, enum eio_form form, belfry_bytes body)
{
    struct buf scratch = { 0 }, shown = { 0 };
    struct eio_payload p;
    struct eio_packet packet;
    belfry_bytes copy = exact_copy(body);
    eio_payload_init(&p, revision, form, copy);
    while (eio_payload_next(&p, &scratch, &packet))
        show_packet(&shown, &packet);
    assert_false(eio_payload_next(&p, &scratch, &packet)); /* the end stays the end */
    show_result(&shown, p.result);
    buf_deinit(&scratch);
    mem_free((void *)copy.data);
    return shown;
}

static const struct read_case {
    enum eio_revision revision;
    enum eio_form form;
    belfry_bytes body;
    const char *want;
} read_cases[] = {
    { R4, TEXT, WIRE("4hello"), "message(hello) ok" },
    { R4, TEXT,
      WIRE("4a\x1e"
           "4b"),
      "message(a) message(b) ok" },
    { R4, TEXT,
      WIRE("4hello\x1e"
           "bAQIDBA==\x1e"
           "2"),
      "message(hello) message#01020304 ping() ok" },
    { R4, TEXT,
      WIRE("40{\"sid\":\"G_7YAFqvz_-8lT3rAAAA\"}\x1e"
           "42[\"welcome\",{\"n\":1}]"),
      "message(0{\"sid\":\"G_7YAFqvz_-8lT3rAAAA\"}) message(2[\"welcome\",{\"n\":1}]) ok" },
    { R4, TEXT,
      WIRE("6\x1e"
           "1"),
      "noop() close() ok" },
    { R4, TEXT, WIRE("40{\"token\":\"t1\"}"), "message(0{\"token\":\"t1\"}) ok" },
    { R4, TEXT,
      WIRE("b\x1e"
           "bAQ=="),
      "message# message#01 ok" },
    { R4, TEXT, WIRE(""), "malformed" },
    { R4, TEXT, WIRE("\x1e"), "malformed" },
    { R4, TEXT, WIRE("4a\x1e"), "message(a) malformed" },
    { R4, TEXT,
      WIRE("\x1e"
           "4a"),
      "malformed" },
    { R4, TEXT,
      WIRE("4a\x1e\x1e"
           "4b"),
      "message(a) malformed" },
    { R4, TEXT,
      WIRE("4a\x1e"
           "9\x1e"
           "4b"),
      "message(a) malformed" },
    { R4, TEXT, WIRE("abc"), "malformed" },

    { R3, TEXT, WIRE("2:4\xe2\x82\xac"), "message(\xe2\x82\xac) ok" },
    { R3, TEXT, WIRE("10:b4AQIDBA=="), "message#01020304 ok" },
    { R3, TEXT, WIRE("6:4hello10:b4AQIDBA==1:2"), "message(hello) message#01020304 ping() ok" },
    { R3, TEXT, WIRE("3:4\xf0\x9f\x98\x80"), "message(\xf0\x9f\x98\x80) ok" },
    { R3, TEXT, WIRE("4:4\xf0\x9f\x98\x80x1:2"), "message(\xf0\x9f\x98\x80x) ping() ok" },
    { R3, TEXT, WIRE("3:4a\x1e"), "message(a\x1e) ok" },
    { R3, TEXT, WIRE("6:b4AQ=="), "message#01 ok" },
    { R3, TEXT, WIRE("2:b4"), "message# ok" },
    { R3, TEXT, WIRE("0:"), "ok" },
    { R3, TEXT, WIRE("0:0:1:2"), "ping() ok" },
    { R3, TEXT, WIRE(""), "malformed" },
    { R3, TEXT, WIRE("2:4\xf0\x9f\x98\x80"), "malformed" }, /* would cut the pair */
    { R3, TEXT, WIRE("5:4hello"), "message(hell) malformed" },
    { R3, TEXT, WIRE("7:4hello"), "malformed" },
    { R3, TEXT, WIRE("2:4a x"), "message(a) malformed" },
    { R3, TEXT, WIRE("2:4a3"), "message(a) malformed" },
    { R3, TEXT, WIRE("2:4a3:"), "message(a) malformed" },
    { R3, TEXT, WIRE(":4"), "malformed" },
    { R3, TEXT, WIRE("x:4"), "malformed" },
    { R3, TEXT, WIRE("-1:4"), "malformed" },
    { R3, TEXT, WIRE(" 1:4"), "malformed" },
    { R3, TEXT, WIRE("+1:4"), "malformed" },
    { R3, TEXT, WIRE("1.0:4"), "malformed" },
    { R3, TEXT, WIRE("1e0:4"), "malformed" },
    { R3, TEXT, WIRE("01:4"), "malformed" }, /* the reference takes it; nobody sends it */
    { R3, TEXT, WIRE("00:"), "malformed" },
    { R3, TEXT, WIRE("9999999999:4"), "malformed" },
    { R3, TEXT, WIRE("18446744073709551617:4"), "malformed" },
    { R3, TEXT, WIRE("4hello"), "malformed" },
    { R3, TEXT, WIRE("1:9"), "malformed" },
    { R3, TEXT, WIRE("1:b"), "malformed" },

    { R3, OCTETS,
      WIRE("\0\6\xff"
           "4hello"
           "\0\4\xff"
           "4\xe2\x82\xac"
           "\1\5\xff"
           "\4\1\2\3\4"),
      "message(hello) message(\xe2\x82\xac) message#01020304 ok" },
    { R3, OCTETS,
      WIRE("\0\1\xff"
           "2"),
      "ping() ok" },
    { R3, OCTETS, WIRE("\1\1\xff\4"), "message# ok" },
    { R3, OCTETS,
      WIRE("\0\1\0\xff"
           "412345678\xc3\xa9"
           "\0\1\xff"
           "6"),
      "malformed" }, /* ten bytes end inside a character */
    { R3, OCTETS,
      WIRE("\0\1\0\xff"
           "4123456789"),
      "message(123456789) ok" },
    { R3, OCTETS, WIRE(""), "malformed" },
    { R3, OCTETS, WIRE("\0"), "malformed" },
    { R3, OCTETS, WIRE("\0\1"), "malformed" },
    { R3, OCTETS,
      WIRE("\0\xff"
           "4"),
      "malformed" },
    { R3, OCTETS, WIRE("\0\0\xff"), "malformed" },
    { R3, OCTETS, WIRE("\0\1\xff"), "malformed" },
    { R3, OCTETS,
      WIRE("\2\1\xff"
           "4"),
      "malformed" },
    { R3, OCTETS,
      WIRE("\0\1\xff"
           "4\0"),
      "message() malformed" },
    { R3, OCTETS,
      WIRE("\0\x0a\xff"
           "4"),
      "malformed" },
    { R3, OCTETS,
      WIRE("\0\0\1\xff"
           "4"),
      "malformed" },
    { R3, OCTETS, WIRE("\1\1\xff\x09"), "malformed" },
    { R3, OCTETS,
      WIRE("\0\2\xff"
           "4\x80"),
      "malformed" },
    { R3, OCTETS,
      WIRE("\0\1\1\1\1\1\1\1\1\1\1\xff"
           "4"),
      "malformed" },
    { R3, OCTETS, WIRE("1:2"), "malformed" },
};

static void test_bodies_are_read(void **state)
{
    (void)state;
    for (const struct read_case *c = read_cases; c != BELFRY_END(read_cases); c++) {
        struct buf shown = read_body(c->revision, c->form, c->body);
        if (!bytes_equal_text(buf_bytes(&shown), c->want))
            fail_msg("revision %d, %s: %.*s, want %s", (int)c->revision, (const char *)c->body.data,
                     (int)shown.size, (char *)shown.data, c->want);
        buf_deinit(&shown);
    }
}

/* A body cut short says what the whole one says, up to some packet, and nothing else. */
static void test_cut_bodies_say_no_more_than_whole_ones(void **state)
{
    (void)state;
    for (const struct read_case *c = read_cases; c != BELFRY_END(read_cases); c++) {
        if (c->revision != R3)
            continue; /* where lengths make half a packet visible */
        for (size_t cut = 0; cut < c->body.size; cut++) {
            if (c->form == TEXT && !utf8_is_valid(bytes_of(c->body.data, cut)))
                continue; /* is the caller's to refuse */
            struct buf shown = read_body(c->revision, c->form, bytes_of(c->body.data, cut));
            size_t said = shown.size;
            while (said > 0 && shown.data[said - 1] != ' ')
                said--; /* without the verdict */
            if (memcmp(shown.data, c->want, said) != 0)
                fail_msg("%s, cut at %zu: %.*s", (const char *)c->body.data, cut, (int)shown.size,
                         (char *)shown.data);
            buf_deinit(&shown);
        }
    }
}

static const struct eio_packet hello = { EIO_MESSAGE, false, WIRE("hello") };
static const struct eio_packet euro = { EIO_MESSAGE, false, WIRE("\xe2\x82\xac") };
static const struct eio_packet smile = { EIO_MESSAGE, false, WIRE("\xf0\x9f\x98\x80") };
static const struct eio_packet bytes = { EIO_MESSAGE, true, WIRE("\1\2\3\4") };
static const struct eio_packet ping = { EIO_PING, false, { 0 } };

static const struct write_case {
    enum eio_revision revision;
    enum eio_form form;
    const struct eio_packet *packets[4];
    belfry_bytes want;
} write_cases[] = {
    { R4, TEXT, { NULL }, WIRE("") },
    { R4, TEXT, { &hello }, WIRE("4hello") },
    { R4,
      TEXT,
      { &hello, &bytes, &ping },
      WIRE("4hello\x1e"
           "bAQIDBA==\x1e"
           "2") },
    { R3, TEXT, { NULL }, WIRE("0:") },
    { R3, TEXT, { &euro }, WIRE("2:4\xe2\x82\xac") },
    { R3, TEXT, { &smile }, WIRE("3:4\xf0\x9f\x98\x80") },
    { R3, TEXT, { &bytes }, WIRE("10:b4AQIDBA==") },
    { R3, TEXT, { &hello, &bytes, &ping }, WIRE("6:4hello10:b4AQIDBA==1:2") },
    { R3,
      OCTETS,
      { &hello, &euro, &bytes },
      WIRE("\0\6\xff"
           "4hello"
           "\0\4\xff"
           "4\xe2\x82\xac"
           "\1\5\xff"
           "\4\1\2\3\4") },
    { R3,
      OCTETS,
      { &smile, &bytes, &ping },
      WIRE("\0\5\xff"
           "4\xf0\x9f\x98\x80"
           "\1\5\xff"
           "\4\1\2\3\4"
           "\0\1\xff"
           "2") },
};

static void write_payload(struct buf *out, const struct write_case *c)
{
    struct eio_payload_writer w;
    eio_payload_begin(&w, out, c->revision, c->form);
    for (size_t i = 0; i < BELFRY_COUNT(c->packets) && c->packets[i] != NULL; i++)
        eio_payload_put(&w, c->packets[i]);
    eio_payload_end(&w);
}

static void test_bodies_are_written(void **state)
{
    (void)state;
    for (const struct write_case *c = write_cases; c != BELFRY_END(write_cases); c++) {
        struct buf out = { 0 };
        write_payload(&out, c);
        assert_false(buf_failed(&out));
        if (!bytes_equal(buf_bytes(&out), c->want))
            fail_msg("case %td: %.*s", c - write_cases, (int)out.size, (char *)out.data);
        buf_deinit(&out);
    }
}

static void test_long_octet_lengths_have_several_digits(void **state)
{
    (void)state;
    struct buf out = { 0 }, text = { 0 };
    for (size_t i = 0; i < 12344; i++)
        buf_put_char(&text, 'x');
    struct eio_packet packet = { EIO_MESSAGE, false, buf_bytes(&text) };
    struct eio_payload_writer w;
    eio_payload_begin(&w, &out, R3, OCTETS);
    eio_payload_put(&w, &packet);
    eio_payload_end(&w);
    assert_memory_equal(out.data,
                        "\0\1\2\3\4\5\xff"
                        "4x",
                        9);
    assert_int_equal(out.size, 7 + 12345);
    buf_deinit(&out);
    buf_deinit(&text);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    for (const struct write_case *c = write_cases; c != BELFRY_END(write_cases); c++) {
        memory_watch();
        struct buf out = { 0 };
        memory_fail_at(1);
        write_payload(&out, c);
        assert_int_equal(buf_failed(&out), memory_has_failed());
        buf_deinit(&out);
        assert_int_equal(memory_live(), 0);
        memory_unwatch();
    }
    memory_watch();
    struct buf scratch = { 0 };
    struct eio_payload p;
    struct eio_packet packet;
    eio_payload_init(&p, R4, TEXT,
                     WIRE("4a\x1e"
                          "bAQID\x1e"
                          "4b"));
    memory_fail_at(1);
    assert_true(eio_payload_next(&p, &scratch, &packet));
    assert_false(eio_payload_next(&p, &scratch, &packet));
    assert_int_equal(p.result, EIO_NO_MEMORY);
    memory_unwatch();
}

static void test_content_types(void **state)
{
    (void)state;
    assert_int_equal(eio_form_of(BELFRY_BYTES("application/octet-stream")), OCTETS);
    assert_int_equal(eio_form_of(BELFRY_BYTES("text/plain;charset=UTF-8")), TEXT);
    assert_int_equal(eio_form_of(BELFRY_BYTES("application/x-www-form-urlencoded")), TEXT);
    assert_int_equal(eio_form_of(bytes_of(NULL, 0)), TEXT);
    assert_string_equal(eio_form_content_type(TEXT), "text/plain; charset=UTF-8");
    assert_string_equal(eio_form_content_type(OCTETS), "application/octet-stream");
}

static void test_lengths_as_javascript_sees_them(void **state)
{
    (void)state;
    assert_int_equal(eio_utf16_length(bytes_of(NULL, 0)), 0);
    assert_int_equal(eio_utf16_length(BELFRY_BYTES("hello")), 5);
    assert_int_equal(eio_utf16_length(BELFRY_BYTES("\xc3\xa9\xe2\x82\xac")), 2);
    assert_int_equal(eio_utf16_length(BELFRY_BYTES("a\xf0\x9f\x98\x80z")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_are_read),
        cmocka_unit_test(test_cut_bodies_say_no_more_than_whole_ones),
        cmocka_unit_test(test_bodies_are_written),
        cmocka_unit_test(test_long_octet_lengths_have_several_digits),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_lengths_as_javascript_sees_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
