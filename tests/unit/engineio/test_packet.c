/*
 * test_packet.c - one WebSocket message is one packet, both ways.
 */
#include "engineio/packet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/engineio/show.h"

enum { TEXT, BINARY };
#define R3 EIO_REVISION_3
#define R4 EIO_REVISION_4

static const struct read_case {
    enum eio_revision revision;
    int kind;
    belfry_bytes message;
    const char *want;
} read_cases[] = {
    { R4, TEXT, WIRE("0{\"sid\":\"x\"}"), "open({\"sid\":\"x\"})" },
    { R4, TEXT, WIRE("1"), "close()" },
    { R4, TEXT, WIRE("2"), "ping()" },
    { R4, TEXT, WIRE("2probe"), "ping(probe)" },
    { R4, TEXT, WIRE("3"), "pong()" },
    { R4, TEXT, WIRE("3probe"), "pong(probe)" },
    { R4, TEXT, WIRE("4"), "message()" },
    { R4, TEXT, WIRE("4hello"), "message(hello)" },
    { R4, TEXT, WIRE("4\xe2\x82\xac"), "message(\xe2\x82\xac)" },
    { R4, TEXT, WIRE("421[\"hi\",\"on ws\"]"), "message(21[\"hi\",\"on ws\"])" },
    { R4, TEXT, WIRE("5"), "upgrade()" },
    { R4, TEXT, WIRE("6"), "noop()" },
    { R4, TEXT, WIRE("b"), "message#" },
    { R4, TEXT, WIRE("bAQIDBA=="), "message#01020304" },
    { R4, TEXT, WIRE("bAQ ID\nBA"), "message#01020304" },
    { R4, TEXT, WIRE(""), "malformed" },
    { R4, TEXT, WIRE("7"), "malformed" },
    { R4, TEXT, WIRE("/"), "malformed" },
    { R4, TEXT, WIRE("a4"), "malformed" },
    { R4, TEXT, WIRE("B4"), "malformed" },
    { R4, TEXT, WIRE("\0"), "malformed" },
    { R4, TEXT, WIRE("\xe2\x82\xac"), "malformed" },
    { R4, BINARY, WIRE("\1\2\3"), "message#010203" },
    { R4, BINARY, WIRE("4hi"), "message#346869" },
    { R4, BINARY, WIRE(""), "message#" },
    { R3, TEXT, WIRE("4hello"), "message(hello)" },
    { R3, TEXT, WIRE("2"), "ping()" },
    { R3, TEXT, WIRE("b4AQID"), "message#010203" },
    { R3, TEXT, WIRE("b4"), "message#" },
    { R3, TEXT, WIRE("b2"), "ping#" },
    { R3, TEXT, WIRE("b"), "malformed" },
    { R3, TEXT, WIRE("bAQID"), "malformed" },
    { R3, TEXT, WIRE("b7AQID"), "malformed" },
    { R3, TEXT, WIRE(""), "malformed" },
    { R3, TEXT, WIRE("7"), "malformed" },
    { R3, BINARY, WIRE("\4\1\2\3\4"), "message#01020304" },
    { R3, BINARY, WIRE("\4"), "message#" },
    { R3, BINARY, WIRE("\2probe"), "ping#70726f6265" },
    { R3, BINARY, WIRE("\7"), "malformed" },
    { R3, BINARY, WIRE("4hi"), "malformed" },
    { R3, BINARY, WIRE(""), "malformed" },
};

static void test_messages_are_read(void **state)
{
    (void)state;
    for (const struct read_case *c = read_cases; c != BELFRY_END(read_cases); c++) {
        struct buf scratch = { 0 }, shown = { 0 };
        struct eio_packet packet;
        belfry_bytes message = exact_copy(c->message);
        enum eio_result result =
            eio_packet_read(c->revision, c->kind == BINARY, message, &scratch, &packet);
        if (result == EIO_OK)
            show_packet(&shown, &packet);
        else
            show_result(&shown, result);
        if (!bytes_equal_text(buf_bytes(&shown), c->want))
            fail_msg("revision %d, %s: %.*s, want %s", (int)c->revision,
                     (const char *)c->message.data, (int)shown.size, (char *)shown.data, c->want);
        buf_deinit(&scratch);
        buf_deinit(&shown);
        mem_free((void *)message.data);
    }
}

static const struct put_case {
    enum eio_revision revision;
    enum eio_binary binary;
    struct eio_packet packet;
    belfry_bytes want;
    int kind;
} put_cases[] = {
    { R4, EIO_MAY_BINARY, { EIO_PONG, false, WIRE("probe") }, WIRE("3probe"), TEXT },
    { R4, EIO_MAY_BINARY, { EIO_PING, false, { 0 } }, WIRE("2"), TEXT },
    { R4, EIO_MAY_BINARY, { EIO_MESSAGE, false, WIRE("hello") }, WIRE("4hello"), TEXT },
    { R4, EIO_MAY_BINARY, { EIO_MESSAGE, true, WIRE("\1\2") }, WIRE("\1\2"), BINARY },
    { R4, EIO_BASE64_ONLY, { EIO_MESSAGE, true, WIRE("\1\2\3\4") }, WIRE("bAQIDBA=="), TEXT },
    { R4, EIO_BASE64_ONLY, { EIO_MESSAGE, false, WIRE("b") }, WIRE("4b"), TEXT },
    { R4, EIO_MAY_BINARY, { EIO_MESSAGE, true, { 0 } }, WIRE(""), BINARY },
    { R3, EIO_MAY_BINARY, { EIO_MESSAGE, false, WIRE("hello") }, WIRE("4hello"), TEXT },
    { R3, EIO_MAY_BINARY, { EIO_MESSAGE, true, WIRE("\1\2") }, WIRE("\4\1\2"), BINARY },
    { R3, EIO_BASE64_ONLY, { EIO_MESSAGE, true, WIRE("\1\2\3") }, WIRE("b4AQID"), TEXT },
    { R3, EIO_BASE64_ONLY, { EIO_MESSAGE, true, { 0 } }, WIRE("b4"), TEXT },
};

static void test_packets_are_written(void **state)
{
    (void)state;
    for (const struct put_case *c = put_cases; c != BELFRY_END(put_cases); c++) {
        struct buf out = { 0 };
        bool is_binary = eio_packet_put(&out, c->revision, c->binary, &c->packet);
        assert_false(buf_failed(&out));
        if (is_binary != (c->kind == BINARY) || !bytes_equal(buf_bytes(&out), c->want))
            fail_msg("%.*s", (int)out.size, (char *)out.data);
        buf_deinit(&out);
    }
}

static void test_text_is_not_copied(void **state)
{
    (void)state;
    struct eio_packet packet;
    belfry_bytes message = BELFRY_BYTES("4hello");
    assert_int_equal(eio_packet_read(R4, false, message, NULL, &packet), EIO_OK);
    assert_ptr_equal(packet.data.data, (const char *)message.data + 1);
}

static void test_base64_without_memory_is_not_malformed(void **state)
{
    (void)state;
    struct buf scratch = { 0 };
    struct eio_packet packet;
    memory_watch();
    memory_fail_at(1);
    assert_int_equal(eio_packet_read(R4, false, WIRE("bAQID"), &scratch, &packet), EIO_NO_MEMORY);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_read),
        cmocka_unit_test(test_packets_are_written),
        cmocka_unit_test(test_text_is_not_copied),
        cmocka_unit_test(test_base64_without_memory_is_not_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
