/*
 * Which names rooms and events may have, and that every error has its words.
 */
#include "rooms/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "rooms/errors.h"

#define LIMIT 32

static const struct name_case {
    belfry_bytes name;
    enum rooms_name_fault as_room;
    enum rooms_name_fault as_event;
} name_cases[] = {
    { BELFRY_BYTES("general"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("Caf\xc3\xa9 de la gare"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("__proto__"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("12345678901234567890123456789012"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("123456789012345678901234567890123"), ROOMS_NAME_TOO_LONG, ROOMS_NAME_TOO_LONG },
    { BELFRY_BYTES(""), ROOMS_NAME_EMPTY, ROOMS_NAME_EMPTY },
    { BELFRY_BYTES("a\0b"), ROOMS_NAME_CONTROL, ROOMS_NAME_CONTROL },
    { BELFRY_BYTES("a\nb"), ROOMS_NAME_CONTROL, ROOMS_NAME_CONTROL },
    { BELFRY_BYTES("a\x7f"), ROOMS_NAME_CONTROL, ROOMS_NAME_CONTROL },
    { BELFRY_BYTES("a\xc2\x85"), ROOMS_NAME_CONTROL, ROOMS_NAME_CONTROL },
    { BELFRY_BYTES("Aa0_-5678901234567zZ"), ROOMS_NAME_SOCKET_ID, ROOMS_NAME_OK },
    { BELFRY_BYTES("Aa0_-5678901234567z"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("Aa0_-5678901234567zZ9"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("Aa0_ 5678901234567zZ"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("Aa0+/5678901234567zZ"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("user-joined"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("user-left"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("new-message"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("gap"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("connect"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("connect_error"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("disconnect"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("disconnecting"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("newListener"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("removeListener"), ROOMS_NAME_OK, ROOMS_NAME_RESERVED },
    { BELFRY_BYTES("Connect"), ROOMS_NAME_OK, ROOMS_NAME_OK },
    { BELFRY_BYTES("message"), ROOMS_NAME_OK, ROOMS_NAME_OK },
};

static void test_name_verdicts(void **state)
{
    (void)state;
    for (const struct name_case *c = name_cases; c != BELFRY_END(name_cases); c++) {
        enum rooms_name_fault as_room = rooms_check_room(c->name, LIMIT);
        enum rooms_name_fault as_event = rooms_check_event(c->name, LIMIT);
        if (as_room != c->as_room || as_event != c->as_event)
            fail_msg("%.*s: the room %s, the event %s", (int)c->name.size,
                     (const char *)c->name.data, rooms_name_fault_text(as_room),
                     rooms_name_fault_text(as_event));
    }
}

static void test_errors_have_a_code_and_a_reason(void **state)
{
    (void)state;
    assert_string_equal(rooms_error_code(ROOMS_OK), "ok");
    assert_string_equal(rooms_error_code(ROOMS_ERR_BAD_JSON), "bad-json");
    assert_string_equal(rooms_error_code(ROOMS_ERR_BUSY), "busy");
    for (int error = ROOMS_OK; error <= (int)ROOMS_ERR_BUSY; error++) {
        assert_true(strlen(rooms_error_code((enum rooms_error)error)) > 0);
        assert_true(strlen(rooms_error_reason((enum rooms_error)error)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_verdicts),
        cmocka_unit_test(test_errors_have_a_code_and_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
