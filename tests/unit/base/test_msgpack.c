/*
 * MessagePack as JSON with attachments, and back. Messages stand here in hexadecimal; those of
 * JavaScript are as notepack.io 2.2 writes them.
 */
#include "base/msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "support/memory.h"

#define MAX_BLOBS 3

static const struct msgpack_limits limits = { .max_depth = 4, .max_blobs = MAX_BLOBS };

/* --- hexadecimal ------------------------------------------------------------------------- */

/* In memory of exactly its size. The caller frees .data. */
static belfry_bytes from_hex(const char *hex)
{
    uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
    size_t size = 0;
    assert_non_null(bytes);
    for (const char *at = hex; *at != 0; at += *at == ' ' ? 1 : 2) {
        unsigned byte;
        if (*at != ' ' && sscanf(at, "%2x", &byte) == 1)
            bytes[size++] = (uint8_t)byte;
    }
    uint8_t *exact = malloc(size);
    if (size > 0)
        memcpy(exact, bytes, size);
    free(bytes);
    return bytes_of(exact, size);
}

static void put_hex(struct buf *b, belfry_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        buf_printf(b, "%s%02x", i > 0 ? " " : "", ((const uint8_t *)bytes.data)[i]);
}

static void assert_shown(const char *what, const struct buf *shown, const char *want)
{
    if (!bytes_equal_text(buf_bytes(shown), want))
        fail_msg("%s\n is:   %.*s\n want: %s", what, (int)shown->size, (char *)shown->data, want);
}

static const char *name_of(belfry_err err)
{
    return err == BELFRY_ERR_INVALID ? "invalid" : err == BELFRY_ERR_LIMIT ? "limit" : "no memory";
}

/* --- to JSON ----------------------------------------------------------------------------- */

#define HOLE(n) "{\"_placeholder\":true,\"num\":" #n "}"

static const struct to_json_case {
    const char *message;
    const char *want; /* the JSON, then <each blob>; or the error */
} to_json_cases[] = {
    { "c0", "null" },
    { "c2", "false" },
    { "c3", "true" },
    { "00", "0" },
    { "7f", "127" },
    { "cc80", "128" },
    { "cd ffff", "65535" },
    { "ce ffffffff", "4294967295" },
    { "cf ffffffffffffffff", "18446744073709551615" },
    { "ff", "-1" },
    { "e0", "-32" },
    { "d0 df", "-33" },
    { "d0 05", "5" },
    { "d1 ff7f", "-129" },
    { "d2 80000000", "-2147483648" },
    { "d3 8000000000000000", "-9223372036854775808" },
    { "d3 7fffffffffffffff", "9223372036854775807" },
    { "ca 3f800000", "1" },
    { "ca 3dcccccd", "0.10000000149011612" },
    { "cb 3ff8000000000000", "1.5" },
    { "cb 8000000000000000", "-0" },
    { "cb 7ff8000000000000", "null" },
    { "cb fff0000000000000", "null" },
    { "ca 7f800000", "null" },
    { "a0", "\"\"" },
    { "a3 612262", "\"a\\\"b\"" },
    { "a2 000a", "\"\\u0000\\n\"" },
    { "d9 01 78", "\"x\"" },
    { "da 0001 78", "\"x\"" },
    { "db 00000001 78", "\"x\"" },
    { "a4 f0908080", "\"\xf0\x90\x80\x80\"" },
    { "90", "[]" },
    { "80", "{}" },
    { "93 01 90 80", "[1,[],{}]" },
    { "dc 0002 01 02", "[1,2]" },
    { "dd 00000002 01 02", "[1,2]" },
    { "81 a161 81 a162 91 01", "{\"a\":{\"b\":[1]}}" },
    { "de 0001 a161 01", "{\"a\":1}" },
    { "df 00000001 a161 01", "{\"a\":1}" },
    { "82 a161 01 a161 02", "{\"a\":1,\"a\":2}" },
    { "83 01 02 ff 03 a0 04", "{\"1\":2,\"-1\":3,\"\":4}" },

    /* binary */
    { "c4 01 05", HOLE(0) "<05>" },
    { "c4 00", HOLE(0) "<>" },
    { "c5 0001 05", HOLE(0) "<05>" },
    { "c6 00000001 05", HOLE(0) "<05>" },
    { "92 a1 78 c4 02 0102", "[\"x\"," HOLE(0) "]<01 02>" },
    { "93 c4 01 05 c4 01 06 c4 01 07", "[" HOLE(0) "," HOLE(1) "," HOLE(2) "]<05><06><07>" },
    { "94 c400 c400 c400 c400", "limit" },
    { "81 a16b c4 01 05", "{\"k\":" HOLE(0) "}<05>" },
    { "91 c7 04 00 01020304", "[" HOLE(0) "]<01 02 03 04>" },
    { "c7 01 00 01", HOLE(0) "<01>" },
    { "c7 08 00 0000000000000000", HOLE(0) "<00 00 00 00 00 00 00 00>" },
    { "c8 0001 00 01", HOLE(0) "<01>" },
    { "c9 00000001 00 01", HOLE(0) "<01>" },
    { "d5 00 0102", HOLE(0) "<01 02>" },

    /* maps that look like placeholders */
    { "82 ac 5f706c616365686f6c646572 c3 a3 6e756d 05", HOLE(5) },
    { "92 82 ac 5f706c616365686f6c646572 c3 a3 6e756d 00 c4 01 05", "invalid" },
    { "92 c4 01 05 82 ac 5f706c616365686f6c646572 c3 a3 6e756d 01", "invalid" },
    { "92 c4 01 05 81 ac 5f706c616365686f6c646572 c3", "invalid" },
    { "92 c4 01 05 82 ac 5f706c616365686f6c646572 c2 a3 6e756d 01",
      "[" HOLE(0) ",{\"_placeholder\":false,\"num\":1}]<05>" },

    /* undefined */
    { "d4 00 00", "null" },
    { "92 d40000 01", "[null,1]" },
    { "82 a161 d40000 a162 01", "{\"b\":1}" },
    { "82 a161 01 a162 d40000", "{\"a\":1}" },
    { "81 a161 d40000", "{}" },
    { "92 81 a161 d40000 02", "[{},2]" },
    { "82 a161 90 a162 d40000", "{\"a\":[]}" },

    /* dates */
    { "d7 00 000001a20703ff4a", "\"2026-11-23T06:07:12.202Z\"" },
    { "d7 00 0000000000000000", "\"1970-01-01T00:00:00.000Z\"" },
    { "d7 00 ffffffffffffffff", "\"1969-12-31T23:59:59.999Z\"" },
    { "d7 00 000000dd9aa6e000", "\"2000-02-29T00:00:00.000Z\"" },
    { "d7 00 000000dd9fcd3c00", "\"2000-03-01T00:00:00.000Z\"" },
    { "d7 00 0000e677d21fdbff", "\"9999-12-31T23:59:59.999Z\"" },
    { "d7 00 0000e677d21fdc00", "\"+010000-01-01T00:00:00.000Z\"" },
    { "d7 00 ffffc77590fba000", "\"0000-01-01T00:00:00.000Z\"" },
    { "d7 00 ffffc77590fb9fff", "\"-000001-12-31T23:59:59.999Z\"" },
    { "d7 00 001eb208c2dc0000", "\"+275760-09-13T00:00:00.000Z\"" },
    { "d7 00 001eb208c2dc0001", "null" },
    { "d7 00 ffe14df73d240000", "\"-271821-04-20T00:00:00.000Z\"" },
    { "d7 00 8000000000000000", "null" },
    { "d6 ff 5f5e1000", "\"2020-09-13T12:26:40.000Z\"" },
    { "d6 ff 00000001", "\"1970-01-01T00:00:01.000Z\"" },
    { "d7 ff 0bebc20000000001", "\"1970-01-01T00:00:01.050Z\"" },
    { "c7 0c ff 1dcd6500 ffffffffffffffff", "\"1969-12-31T23:59:59.500Z\"" },
    { "c7 0c ff 00000000 7fffffffffffffff", "null" },
    { "c7 0c ff ffffffff 0000000000000000", "null" },
    { "d5 ff 0000", "invalid" },

    /* depth */
    { "91 91 91 91 01", "[[[[1]]]]" },
    { "91 91 91 91 90", "limit" },
    { "92 91 91 90 91 91 90", "[[[[]]],[[[]]]]" },

    /* not MessagePack */
    { "", "invalid" },
    { "c1", "invalid" },
    { "91 c1", "invalid" },
    { "00 00", "invalid" },
    { "90 00", "invalid" },
    { "91", "invalid" },
    { "92 01", "invalid" },
    { "81", "invalid" },
    { "81 a161", "invalid" },
    { "82 a161 01", "invalid" },
    { "81 a161 c1", "invalid" },
    { "dd ffffffff", "invalid" },
    { "df ffffffff a161 01", "invalid" },
    { "a2 61", "invalid" },
    { "d9 05 61", "invalid" },
    { "db ffffffff 61", "invalid" },
    { "c4 02 01", "invalid" },
    { "c6 ffffffff", "invalid" },
    { "c9 ffffffff 00", "invalid" },
    { "c7 00", "invalid" },
    { "d4 00", "invalid" },
    { "d7 00 00", "invalid" },
    { "cc", "invalid" },
    { "cf 00000000000000", "invalid" },
    { "cb 00", "invalid" },

    /* not JSON's */
    { "a1 ff", "invalid" },
    { "a3 eda080", "invalid" },
    { "a2 c3c3", "invalid" },
    { "81 a1 ff 01", "invalid" },
    { "81 c0 01", "invalid" },
    { "81 90 01", "invalid" },
    { "82 a161 00 91 d40000 01 02", "invalid" }, /* nor where the value is left out */
    { "81 c4 01 61 01", "invalid" },
    { "81 cb 3ff8000000000000 01", "invalid" },
    { "d4 01 00", "invalid" },
    { "d7 05 0000000000000000", "invalid" },
    { "c7 01 7f 00", "invalid" },
};

static void show_json(struct buf *shown, belfry_bytes message)
{
    belfry_bytes blobs[MAX_BLOBS];
    size_t count;
    buf_put_text(shown, "before"); /* what stood there stays there */
    belfry_err err = msgpack_to_json(message, &limits, shown, blobs, &count);
    assert_true(shown->size >= 6 && memcmp(shown->data, "before", 6) == 0);
    assert_true(err == BELFRY_OK || shown->size == 6);
    buf_consume(shown, 6);
    if (err != BELFRY_OK) {
        buf_put_text(shown, name_of(err));
        return;
    }
    assert_int_equal(json_scan(buf_bytes(shown), 5, NULL, NULL), BELFRY_OK);
    for (size_t i = 0; i < count; i++) {
        buf_put_char(shown, '<');
        put_hex(shown, blobs[i]);
        buf_put_char(shown, '>');
    }
}

static void test_to_json(void **state)
{
    (void)state;
    for (const struct to_json_case *c = to_json_cases; c != BELFRY_END(to_json_cases); c++) {
        struct buf shown = { 0 };
        belfry_bytes message = from_hex(c->message);
        show_json(&shown, message);
        assert_shown(c->message, &shown, c->want);
        buf_deinit(&shown);
        free((void *)(uintptr_t)message.data);
    }
}

static void test_every_cut_of_a_message_is_refused(void **state)
{
    (void)state;
    belfry_bytes message = from_hex("84 a461626364 93 01 c2 cb3ff8000000000000 a169 de0001 a161"
                                    " c4020102 a16a da0002 6162 a16b c7020001 02");
    belfry_bytes blobs[MAX_BLOBS];
    size_t count;
    for (size_t size = 0; size <= message.size; size++) {
        struct buf out = { 0 };
        uint8_t *cut = malloc(size);
        if (size > 0)
            memcpy(cut, message.data, size);
        assert_int_equal(msgpack_to_json(bytes_of(cut, size), &limits, &out, blobs, &count),
                         size == message.size ? BELFRY_OK : BELFRY_ERR_INVALID);
        free(cut);
        buf_deinit(&out);
    }
    free((void *)(uintptr_t)message.data);
}

/* --- from JSON --------------------------------------------------------------------------- */

static const belfry_bytes two_blobs[] = { BELFRY_BYTES("\x05"), BELFRY_BYTES("\x06\x07") };

static const struct from_json_case {
    const char *json;
    const char *want;
    size_t blob_count;
} from_json_cases[] = {
    { "null", "c0", 0 },
    { " [ true , false , { \"a\" : null } ] ", "93 c3 c2 81 a1 61 c0", 0 },
    { "0", "00", 0 },
    { "127", "7f", 0 },
    { "128", "cc 80", 0 },
    { "65535", "cd ff ff", 0 },
    { "65536", "ce 00 01 00 00", 0 },
    { "4294967296", "cf 00 00 00 01 00 00 00 00", 0 },
    { "18446744073709551615", "cf ff ff ff ff ff ff ff ff", 0 },
    { "18446744073709551616", "cb 43 f0 00 00 00 00 00 00", 0 },
    { "-1", "ff", 0 },
    { "-32", "e0", 0 },
    { "-33", "d0 df", 0 },
    { "-129", "d1 ff 7f", 0 },
    { "-32769", "d2 ff ff 7f ff", 0 },
    { "-2147483649", "d3 ff ff ff ff 7f ff ff ff", 0 },
    { "-9223372036854775808", "d3 80 00 00 00 00 00 00 00", 0 },
    { "-9223372036854775809", "cb c3 e0 00 00 00 00 00 00", 0 },
    { "-0", "cb 80 00 00 00 00 00 00 00", 0 },
    { "1.5", "cb 3f f8 00 00 00 00 00 00", 0 },
    { "1e0", "cb 3f f0 00 00 00 00 00 00", 0 },
    { "1E+400", "cb 7f f0 00 00 00 00 00 00", 0 },
    { "\"\"", "a0", 0 },
    { "\"a\\\"\\u00e9\\n\"", "a5 61 22 c3 a9 0a", 0 },
    { "\"\\ud83d\\ude00\"", "a4 f0 9f 98 80", 0 },
    { "\"\\ud800\"", "a3 ef bf bd", 0 },
    { "\"\\udc00x\"", "a4 ef bf bd 78", 0 },
    { "\"\\ud800\\ud83d\\ude00\\\\ud800\"", "ad ef bf bd f0 9f 98 80 5c 75 64 38 30 30", 0 },
    { "\"\\ud8\x30\x30\\n\"", "a4 ef bf bd 0a", 0 },
    { "{\"\\ud800\":1}", "81 a3 ef bf bd 01", 0 },
    { "\"01234567890123456789012345678901\"",
      "d9 20 30 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 36 37 "
      "38 39 30 31",
      0 },
    { "[]", "90", 0 },
    { "{}", "80", 0 },
    { "[[[[]]]]", "91 91 91 90", 0 },
    { "[[[[[]]]]]", "limit", 0 },
    { "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]", "9f 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
      0 },
    { "[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],17]",
      "92 dc 00 10 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11", 0 },
    { "{\"a\":{\"b\":1},\"c\":2}", "82 a1 61 81 a1 62 01 a1 63 02", 0 },

    { "[" HOLE(0) "]", "91 82 ac 5f 70 6c 61 63 65 68 6f 6c 64 65 72 c3 a3 6e 75 6d 00", 0 },
    { "[" HOLE(1) ", " HOLE(0) " ,{\"a\":" HOLE(0) "}]",
      "93 c4 02 06 07 c4 01 05 81 a1 61 c4 01 05", 2 },
    { "{ \"num\" : 1 , \"_placeholder\" : true }", "c4 02 06 07", 2 },
    { "[1]", "91 01", 2 },
    { "[" HOLE(2) "]", "invalid", 2 },
    { "[{\"_placeholder\":true}]", "invalid", 2 },
    { "[{\"_placeholder\":true,\"num\":0,\"a\":[]}]", "invalid", 2 },
    { "[" HOLE(0) ",{\"_placeholder\":true,\"num\":9}]", "invalid", 2 },

    { "", "invalid", 0 },
    { "[", "invalid", 0 },
    { "[1,]", "invalid", 0 },
    { "1 2", "invalid", 0 },
};

static void test_from_json(void **state)
{
    (void)state;
    for (const struct from_json_case *c = from_json_cases; c != BELFRY_END(from_json_cases); c++) {
        struct buf out = { 0 }, shown = { 0 };
        belfry_err err =
            msgpack_from_json(bytes_of_text(c->json), two_blobs, c->blob_count, &limits, &out);
        if (err == BELFRY_OK)
            put_hex(&shown, buf_bytes(&out));
        else
            buf_put_text(&shown, name_of(err));
        assert_true(err == BELFRY_OK || out.size == 0);
        assert_shown(c->json, &shown, c->want);
        buf_deinit(&out);
        buf_deinit(&shown);
    }
}

/* Headers of three and five bytes, around one another. */
static void test_large_brackets_get_large_headers(void **state)
{
    (void)state;
    struct buf json = { 0 }, packed = { 0 }, again = { 0 };
    size_t count;
    buf_put_text(&json, "{\"a\":[");
    for (unsigned i = 0; i < 70000; i++) {
        buf_put_text(&json, i > 0 ? ",{" : "{");
        for (unsigned k = 0; k < i % 20; k++)
            buf_printf(&json, "%s\"%u\":%u", k > 0 ? "," : "", k, i);
        buf_put_char(&json, '}');
    }
    buf_put_text(&json, "],\"b\":\"end\"}");
    assert_int_equal(msgpack_from_json(buf_bytes(&json), NULL, 0, &limits, &packed), BELFRY_OK);
    assert_int_equal(msgpack_to_json(buf_bytes(&packed), &limits, &again, NULL, &count), BELFRY_OK);
    assert_int_equal(count, 0);
    assert_true(bytes_equal(buf_bytes(&json), buf_bytes(&again)));
    buf_deinit(&json);
    buf_deinit(&packed);
    buf_deinit(&again);
}

static void test_one_blob_does_not_multiply_beyond_the_limit(void **state)
{
    (void)state;
    static uint8_t large[1000];
    const belfry_bytes blob = bytes_of(large, sizeof large);
    const struct msgpack_limits narrow = { .max_depth = 4, .max_bytes = 2100 };
    struct buf out = { 0 };
    assert_int_equal(
        msgpack_from_json(BELFRY_BYTES("[" HOLE(0) "," HOLE(0) "]"), &blob, 1, &narrow, &out),
        BELFRY_OK);
    buf_clear(&out);
    assert_int_equal(msgpack_from_json(BELFRY_BYTES("[" HOLE(0) "," HOLE(0) "," HOLE(0) "]"), &blob,
                                       1, &narrow, &out),
                     BELFRY_ERR_LIMIT);
    assert_int_equal(out.size, 0);
    buf_deinit(&out);
}

static void test_texts_are_limited(void **state)
{
    (void)state;
    const struct msgpack_limits narrow = { .max_depth = 4, .max_bytes = 5 };
    struct buf out = { 0 };
    size_t count;
    assert_int_equal(msgpack_to_json(BELFRY_BYTES("\x91\xa1x"), &narrow, &out, NULL, &count),
                     BELFRY_OK);
    buf_clear(&out);
    assert_int_equal(msgpack_to_json(BELFRY_BYTES("\x91\xa2xy"), &narrow, &out, NULL, &count),
                     BELFRY_ERR_LIMIT);
    assert_int_equal(msgpack_from_json(BELFRY_BYTES("[\"abcdef\"]"), NULL, 0, &narrow, &out),
                     BELFRY_ERR_LIMIT);
    buf_deinit(&out);
}

static void test_without_memory_nothing_is_appended(void **state)
{
    (void)state;
    const belfry_bytes json = BELFRY_BYTES("[\"\\ud800 and a text that needs a larger buffer\","
                                           "\"\\n and one more, which is still a little larger\"]");
    memory_watch();
    bool is_failing = true;
    for (long n = 1; is_failing; n++) {
        struct buf packed = { 0 }, text = { 0 };
        size_t count;
        memory_fail_at(n);
        belfry_err err = msgpack_from_json(json, NULL, 0, &limits, &packed);
        if (err == BELFRY_OK)
            err = msgpack_to_json(buf_bytes(&packed), &limits, &text, NULL, &count);
        else
            assert_true(packed.size == 0 && !buf_failed(&packed));
        is_failing = memory_has_failed();
        assert_int_equal(err, is_failing ? BELFRY_ERR_NOMEM : BELFRY_OK);
        assert_true(text.size == 0 || !is_failing);
        buf_deinit(&packed);
        buf_deinit(&text);
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
}

/* --- token by token ---------------------------------------------------------------------- */

static void test_values_are_translated_one_by_one(void **state)
{
    (void)state;
    belfry_bytes message = from_hex("92 01 c4 01 05 a1 78 c1");
    belfry_bytes blobs[MAX_BLOBS];
    struct msgpack_reader r = msgpack_reader_of(message);
    struct buf json = { 0 };
    size_t count;
    assert_int_equal(msgpack_next_to_json(&r, &limits, &json, blobs, &count), BELFRY_OK);
    assert_int_equal(count, 1);
    assert_int_equal(msgpack_next_to_json(&r, &limits, &json, blobs, &count), BELFRY_OK);
    assert_int_equal(count, 0);
    assert_shown("two", &json, "[1," HOLE(0) "]\"x\"");
    assert_int_equal(msgpack_next_to_json(&r, &limits, &json, blobs, &count), BELFRY_ERR_INVALID);
    assert_int_equal(r.end - r.at, 1);
    buf_deinit(&json);
    free((void *)(uintptr_t)message.data);
}

static void test_events_are_arrays(void **state)
{
    static const struct {
        const char *name, *args, *want;
    } cases[] = {
        { "", "", "91 a0" },
        { "x", "1,{\"a\":[ ]} , null", "94 a1 78 01 81 a1 61 90 c0" },
        { "x", HOLE(0), "92 a1 78 c4 01 05" },
        { "x", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
          "dc 00 10 a1 78 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01" },
        { "x", "[[[]]]", "92 a1 78 91 91 90" },
        { "x", "[[[[]]]]", "limit" },
        { "x", "1,", "invalid" },
        { "x", "1]", "invalid" },
        { "x", HOLE(1), "invalid" },
    };
    const belfry_bytes blob = BELFRY_BYTES("\x05");
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        struct buf packed = { 0 }, shown = { 0 };
        belfry_err err = msgpack_from_event(
            bytes_of_text(cases[i].name), bytes_of_text(cases[i].args), &blob, 1, &limits, &packed);
        if (err == BELFRY_OK)
            put_hex(&shown, buf_bytes(&packed));
        else
            buf_put_text(&shown, name_of(err));
        assert_true(err == BELFRY_OK || packed.size == 0);
        assert_shown(cases[i].args, &shown, cases[i].want);
        buf_deinit(&packed);
        buf_deinit(&shown);
    }
}

static void test_values_are_skipped_whole(void **state)
{
    (void)state;
    belfry_bytes message = from_hex("82 a161 92 01 81 a162 c4020102 a163 d40000 c3");
    struct msgpack_reader r = msgpack_reader_of(message);
    struct msgpack_token token;
    belfry_bytes value;
    assert_true(msgpack_skip(&r, &value));
    assert_int_equal(value.size, message.size - 1);
    assert_true(msgpack_next(&r, &token));
    assert_int_equal(token.kind, MSGPACK_TRUE);
    assert_false(msgpack_next(&r, &token));
    assert_false(msgpack_skip(&r, &value));
    free((void *)(uintptr_t)message.data);
}

static const struct u64_case {
    const char *message;
    bool want;
    uint64_t number;
} u64_cases[] = {
    { "03", true, 3 },
    { "cb 4008000000000000", true, 3 },
    { "ca 40400000", true, 3 },
    { "cb 8000000000000000", true, 0 },
    { "cf ffffffffffffffff", true, UINT64_MAX },
    { "ff", false, 0 },
    { "cb 3ff8000000000000", false, 0 },
    { "cb bff0000000000000", false, 0 },
    { "cb 43f0000000000000", false, 0 }, /* 2^64 */
    { "cb 7ff8000000000000", false, 0 },
    { "a133", false, 0 },
    { "c0", false, 0 },
};

static void test_whole_numbers_in_whichever_form(void **state)
{
    (void)state;
    for (const struct u64_case *c = u64_cases; c != BELFRY_END(u64_cases); c++) {
        belfry_bytes message = from_hex(c->message);
        struct msgpack_reader r = msgpack_reader_of(message);
        struct msgpack_token token;
        uint64_t number = 0;
        assert_true(msgpack_next(&r, &token));
        if (msgpack_u64(&token, &number) != c->want || number != c->number)
            fail_msg("%s", c->message);
        free((void *)(uintptr_t)message.data);
    }
}

/* Sizes at which the form of a header changes, written and read. */
static void test_sizes_read_as_written(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000 };
    static char text[70000];
    memset(text, 'x', sizeof text);
    for (const size_t *size = sizes; size != BELFRY_END(sizes); size++) {
        struct buf out = { 0 };
        struct msgpack_token token;
        msgpack_put_str(&out, bytes_of(text, *size));
        msgpack_put_bin(&out, bytes_of(text, *size));
        msgpack_put_nil(&out);
        struct msgpack_reader r = msgpack_reader_of(buf_bytes(&out));
        assert_true(msgpack_next(&r, &token));
        assert_true(token.kind == MSGPACK_STR && token.bytes.size == *size);
        assert_true(msgpack_next(&r, &token));
        assert_true(token.kind == MSGPACK_BIN && token.bytes.size == *size);
        assert_true(msgpack_next(&r, &token));
        assert_true(token.kind == MSGPACK_NIL && r.at == r.end);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_json),
        cmocka_unit_test(test_every_cut_of_a_message_is_refused),
        cmocka_unit_test(test_from_json),
        cmocka_unit_test(test_large_brackets_get_large_headers),
        cmocka_unit_test(test_one_blob_does_not_multiply_beyond_the_limit),
        cmocka_unit_test(test_texts_are_limited),
        cmocka_unit_test(test_without_memory_nothing_is_appended),
        cmocka_unit_test(test_values_are_translated_one_by_one),
        cmocka_unit_test(test_events_are_arrays),
        cmocka_unit_test(test_values_are_skipped_whole),
        cmocka_unit_test(test_whole_numbers_in_whichever_form),
        cmocka_unit_test(test_sizes_read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
