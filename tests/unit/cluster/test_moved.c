/*
 * test_moved.c - which rooms sockets have been moved into a moment ago, and for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/node.h"

static const struct map_key key = { { 1, 2 } };

static void test_for_how_long(void **state)
{
    static const struct {
        enum note_type type;
        const char *nsp, *room; /* asked for, when "/" has moved some into "r" and "s" */
        uint64_t later_ms;
        bool is_moved;
    } rows[] = {
        { NOTE_JOIN, "/", "r", 0, true },       { NOTE_JOIN, "/", "s", 1999, true },
        { NOTE_JOIN, "/", "r", 2000, false },   { NOTE_JOIN, "/", "t", 0, false },
        { NOTE_JOIN, "/a", "r", 0, false },     { NOTE_LEAVE, "/", "r", 0, false },
        { NOTE_BROADCAST, "/", "r", 0, false },
    };
    static const belfry_bytes names[] = { { "r", 1 }, { "s", 1 } };
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        struct loop loop = { .now_ms = 5000 };
        struct cluster c = { .loop = &loop, .options.hash_key = &key };
        moved_note(
            &c, &(struct note){ .type = rows[i].type, .nsp = { "/", 1 }, .targets = { names, 2 } });
        loop.now_ms += rows[i].later_ms;
        assert_int_equal(moved_into(&c, bytes_of_text(rows[i].nsp), bytes_of_text(rows[i].room)),
                         rows[i].is_moved);
    }
}

static void test_each_move_counts_from_itself(void **state)
{
    static const belfry_bytes first = { "r", 1 };
    static const belfry_bytes second = { "s", 1 };
    struct loop loop = { .now_ms = 5000 };
    struct cluster c = { .loop = &loop, .options.hash_key = &key };
    struct note note = { .type = NOTE_JOIN, .nsp = { "/", 1 }, .targets = { &first, 1 } };
    (void)state;
    moved_note(&c, &note);
    loop.now_ms += 1500;
    note.targets.names = &second;
    moved_note(&c, &note);
    loop.now_ms += 1000;
    assert_false(moved_into(&c, note.nsp, first));
    assert_true(moved_into(&c, note.nsp, second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_for_how_long),
        cmocka_unit_test(test_each_move_counts_from_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
