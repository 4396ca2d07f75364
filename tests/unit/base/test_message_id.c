/*
 * Message ids as text, both ways, and their order.
 */
#include "base/message_id.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct text_case {
    const char *text;
    struct message_id id;
    const char *epoch;
} text_cases[] = {
    { "0-0", { 0, 0 }, "" },
    { "1732400000123-0.k3v9Qa", { 1732400000123, 0 }, "k3v9Qa" },
    { "1732400000123-17", { 1732400000123, 17 }, "" },
    { "1-2._", { 1, 2 }, "_" },
    { "1-2.a-b-c", { 1, 2 }, "a-b-c" },
    { "18446744073709551615-18446744073709551615.0123456789abcdeF",
      { UINT64_MAX, UINT64_MAX },
      "0123456789abcdeF" },
};

static void test_texts_are_read_and_written_alike(void **state)
{
    (void)state;
    for (const struct text_case *c = text_cases; c != BELFRY_END(text_cases); c++) {
        struct message_id id;
        belfry_bytes epoch;
        char text[MESSAGE_ID_MAX_TEXT];
        assert_true(message_id_parse(bytes_of_text(c->text), &id, &epoch));
        assert_int_equal(message_id_compare(id, c->id), 0);
        assert_true(bytes_equal_text(epoch, c->epoch));
        size_t size = message_id_format(text, id, epoch);
        assert_true(bytes_equal_text(bytes_of(text, size), c->text));
    }
}

static void test_other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "-",
        "1",
        "1-",
        "-1",
        "1-2.",
        "1-2.e.f",
        "1.e-2",
        "1-2-3",
        " 1-2",
        "1-2 ",
        "01-2",
        "1-02",
        "+1-2",
        "1-2.é",
        "1-2.a/",
        "1-2.a b",
        "1-0x2",
        "1--2",
        "1-2.\n",
        "18446744073709551616-0",
        "0-18446744073709551616",
        "1-2.0123456789abcdefg",
    };
    struct message_id id = { 7, 7 };
    belfry_bytes epoch;
    for (size_t i = 0; i < BELFRY_COUNT(bad); i++) {
        if (message_id_parse(bytes_of_text(bad[i]), &id, &epoch))
            fail_msg("%s was accepted", bad[i]);
    }
    assert_false(message_id_parse(BELFRY_BYTES("1-2.a\0"), &id, &epoch));
    assert_false(message_id_parse(bytes_of(NULL, 0), &id, &epoch));
    assert_int_equal(id.ms, 7);
}

static void test_order_is_by_time_then_sequence(void **state)
{
    (void)state;
    static const struct message_id rising[] = {
        { 0, 0 }, { 0, 1 }, { 0, UINT64_MAX }, { 1, 0 }, { 9, 5 }, { 10, 4 }, { UINT64_MAX, 0 },
    };
    for (size_t i = 0; i < BELFRY_COUNT(rising); i++) {
        for (size_t j = 0; j < BELFRY_COUNT(rising); j++)
            assert_int_equal(message_id_compare(rising[i], rising[j]), (i > j) - (i < j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_read_and_written_alike),
        cmocka_unit_test(test_other_texts_are_refused),
        cmocka_unit_test(test_order_is_by_time_then_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
