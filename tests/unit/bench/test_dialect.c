/*
 * test_dialect.c - what joins and messages look like, and that answers are told apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/dialect.h"
#include "bench/walk.h"

static void test_templates(void **state)
{
    (void)state;
    static const struct template_case {
        const char *pattern;
        const char *want;
    } cases[] = {
        { "", "" },
        { "@t", "a@r" },
        { "@r@r", "hallhall" },
        { "[@r,@t]", "[hall,a@r]" },
        { "nothing", "nothing" },
    };
    for (const struct template_case *c = cases; c != BELFRY_END(cases); c++) {
        struct buf out = { 0 };
        dialect_put(&out, c->pattern, "hall", BELFRY_BYTES("a@r"));
        if (!bytes_equal(buf_bytes(&out), bytes_of(c->want, strlen(c->want))))
            fail_msg("%s: %.*s", c->pattern, (int)out.size, (const char *)out.data);
        buf_deinit(&out);
    }
}

static void test_each_protocol_has_its_dialect(void **state)
{
    (void)state;
    const struct dialect *plain = dialect_of(&(struct bench_options){ .is_plain = true });
    const struct dialect *rooms = dialect_of(&(struct bench_options){ 0 });
    const struct dialect *socketio = dialect_of(&(struct bench_options){ .is_socketio = true });
    assert_null(plain->join);
    assert_string_equal(rooms->copy, "{\"type\":\"message\"");
    assert_string_equal(socketio->copy, "42[\"new-message\"");
    for (const struct dialect *const *d =
             (const struct dialect *const[]){ plain, rooms, socketio, NULL };
         *d != NULL; d++)
        assert_true(strlen((*d)->copy) <= WALK_PREFIX_BYTES);
    /* a refusal is an ack too, so it must be the longer prefix */
    assert_memory_equal(socketio->refused, socketio->joined, strlen(socketio->joined));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_each_protocol_has_its_dialect),
    };
    return cmocka_run_group_tests_name("bench/dialect", tests, NULL, NULL);
}
