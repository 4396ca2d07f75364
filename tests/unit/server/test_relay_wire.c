/*
 * What nodes say about sessions elsewhere: there and back, and what is none of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/msgpack.h"
#include "server/relay_wire.h"

static const struct relay_message full = {
    .kind = RELAY_REQUEST,
    .id = UINT64_MAX,
    .from = { "abc", 3 },
    .worker = 63,
    .is_secure = true,
    .status = 999,
    .number = 1u << 31,
    .address = { "::1", 3 },
    .head = { "GET / HTTP/1.1\r\n", 16 },
    .body = { "\0\xff", 2 },
};

static void test_there_and_back(void **state)
{
    (void)state;
    for (int kind = RELAY_REQUEST; kind < RELAY_KIND_END; kind++) {
        struct relay_message said = full, heard;
        struct buf wire = { 0 };
        said.kind = (enum relay_kind)kind;
        relay_put(&wire, &said);
        assert_false(buf_failed(&wire));
        assert_true(relay_read(buf_bytes(&wire), &heard));
        assert_int_equal(heard.kind, kind);
        assert_true(heard.id == said.id && heard.number == said.number);
        assert_int_equal(heard.worker, said.worker);
        assert_int_equal(heard.status, said.status);
        assert_true(heard.is_secure);
        assert_true(bytes_equal(heard.from, said.from));
        assert_true(bytes_equal(heard.address, said.address));
        assert_true(bytes_equal(heard.head, said.head));
        assert_true(bytes_equal(heard.body, said.body));
        buf_deinit(&wire);
    }
}

static void test_cut_short_or_too_long(void **state)
{
    (void)state;
    struct buf wire = { 0 };
    struct relay_message heard;
    relay_put(&wire, &full);
    for (size_t size = 0; size < wire.size; size++)
        assert_false(relay_read(bytes_of(wire.data, size), &heard));
    buf_put_char(&wire, 0);
    assert_false(relay_read(buf_bytes(&wire), &heard));
    buf_deinit(&wire);
}

static void assert_refused(struct relay_message m)
{
    struct buf wire = { 0 };
    struct relay_message heard;
    relay_put(&wire, &m);
    assert_false(relay_read(buf_bytes(&wire), &heard));
    buf_deinit(&wire);
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    struct relay_message m = full;
    m.kind = RELAY_KIND_END;
    assert_refused(m);
    m.kind = (enum relay_kind)0;
    assert_refused(m);
    m = full;
    m.worker = 64;
    assert_refused(m);
    m = full;
    m.status = 1000;
    assert_refused(m);
    m = full;
    m.from = bytes_of("ab", 2);
    assert_refused(m);
    m.from = bytes_of("abcd", 4);
    assert_refused(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_cut_short_or_too_long),
        cmocka_unit_test(test_values_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
