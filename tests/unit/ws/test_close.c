/*
 * test_close.c - which codes may be sent, close payloads, and headers of every size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "ws/close.h"
#include "ws/encoder.h"

static void test_which_codes_may_be_sent(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 65535; code++) {
        bool want = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                    (code >= 3000 && code <= 4999);
        if (ws_close_is_valid(code) != want)
            fail_msg("%u", code);
        assert_non_null(ws_close_text(code));
    }
    assert_string_equal(ws_close_text(1009), "message too big");
}

static void test_a_long_reason_is_cut_at_a_character(void **state)
{
    (void)state;
    uint8_t out[WS_CONTROL_PAYLOAD_MAX];
    char reason[200];
    for (size_t start = 0; start < 4; start++) {
        memset(reason, 'r', sizeof reason);
        for (size_t i = start; i + 3 < sizeof reason; i += 3)
            memcpy(reason + i, "\xe2\x82\xac", 3);
        size_t size = ws_close_write(out, WS_CLOSE_POLICY, bytes_of(reason, sizeof reason));
        assert_true(size > 2 + 120 && size <= sizeof out);
        assert_int_equal(out[0] << 8 | out[1], 1008);
        assert_true(utf8_is_valid(bytes_of(out + 2, size - 2)));
        assert_memory_equal(out + 2, reason, size - 2);
    }
}

static void test_short_close_payloads(void **state)
{
    (void)state;
    uint8_t out[WS_CONTROL_PAYLOAD_MAX];
    assert_int_equal(ws_close_write(out, WS_CLOSE_NO_STATUS, BELFRY_BYTES("unsaid")), 0);
    assert_int_equal(ws_close_write(out, 4000, bytes_of(NULL, 0)), 2);
    assert_memory_equal(out, "\x0f\xa0", 2);
    assert_int_equal(ws_close_write(out, WS_CLOSE_NORMAL, BELFRY_BYTES("bye")), 5);
    assert_memory_equal(out,
                        "\x03\xe8"
                        "bye",
                        5);
}

static void test_headers_take_the_shortest_form(void **state)
{
    (void)state;
    static const struct header_case {
        uint64_t size;
        belfry_bytes want;
    } cases[] = {
        { 0, { "\x81\x00", 2 } },
        { 125, { "\x81\x7d", 2 } },
        { 126, { "\x81\x7e\x00\x7e", 4 } },
        { 65535, { "\x81\x7e\xff\xff", 4 } },
        { 65536, { "\x81\x7f\0\0\0\0\0\x01\0\0", 10 } },
        { 0x0102030405060708, { "\x81\x7f\x01\x02\x03\x04\x05\x06\x07\x08", 10 } },
    };
    for (const struct header_case *c = cases; c != BELFRY_END(cases); c++) {
        uint8_t out[WS_HEADER_MAX];
        size_t size = ws_header_write(out, WS_TEXT | WS_FIN, c->size);
        assert_int_equal(size, c->want.size);
        assert_int_equal(size, ws_header_size(c->size));
        assert_memory_equal(out, c->want.data, size);
        assert_int_equal(ws_header_write_masked(out, WS_TEXT | WS_FIN, c->size, 0), size + 4);
        assert_int_equal(out[1], ((const uint8_t *)c->want.data)[1] | 0x80);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_codes_may_be_sent),
        cmocka_unit_test(test_a_long_reason_is_cut_at_a_character),
        cmocka_unit_test(test_short_close_payloads),
        cmocka_unit_test(test_headers_take_the_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
