/*
 * test_history.c - rings, views and floors: what is remembered, and what is known to be forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "hub/history.h"
#include "support/memory.h"

#define MESSAGES 200

static struct message messages[MESSAGES];

static const struct history_limits roomy = { .max_messages = 1000, .max_bytes = 1 << 20 };

/* Message n has id (n, 0) and costs 100. */
static int reset(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MESSAGES; i++)
        messages[i] = (struct message){ .id = { .ms = i }, .cost = 100 };
    return 0;
}

static void add(struct history_view *view, const struct history_limits *limits, unsigned first,
                unsigned end)
{
    for (unsigned i = first; i < end; i++)
        history_view_add(view, limits, &messages[i]);
}

/* The view holds exactly messages @first to @end - 1, and what is below is known to be gone. */
static void assert_holds(const struct history_view *view, unsigned first, unsigned end)
{
    assert_int_equal(view->ring.count, end - first);
    for (unsigned i = first; i < end; i++)
        assert_ptr_equal(message_ring_at(&view->ring, i - first), &messages[i]);
    assert_int_equal(view->bytes, (end - first) * 100);
    assert_int_equal(view->floor.ms, first == 1 ? 0 : first - 1);
}

static void test_a_ring_is_a_queue(void **state)
{
    (void)state;
    struct message_ring ring = { 0 };
    struct random_seeded r;
    unsigned pushed = 0;
    unsigned popped = 0;
    random_seed(&r, 3);
    while (popped < MESSAGES) {
        if (pushed < MESSAGES && random_below(&r, 5) < 3)
            assert_int_equal(message_ring_push(&ring, &messages[pushed++]), BELFRY_OK);
        else if (pushed > popped)
            assert_ptr_equal(message_ring_pop(&ring), &messages[popped++]);
        assert_int_equal(ring.count, pushed - popped);
        for (unsigned i = 0; i < ring.count; i++)
            assert_ptr_equal(message_ring_at(&ring, i), &messages[popped + i]);
    }
    assert_null(ring.slots); /* empty rings own nothing */
    message_ring_deinit(&ring);
}

static void test_a_view_keeps_the_newest_by_count_and_by_bytes(void **state)
{
    (void)state;
    static const struct limit_case {
        struct history_limits limits;
        unsigned want; /* of 20 messages */
    } cases[] = {
        { { .max_messages = 1000, .max_bytes = 1 << 20 }, 20 },
        { { .max_messages = 5, .max_bytes = 1 << 20 }, 5 },
        { { .max_messages = 1, .max_bytes = 1 << 20 }, 1 },
        { { .max_messages = 1000, .max_bytes = 700 }, 7 },
        { { .max_messages = 1000, .max_bytes = 799 }, 7 },
        { { .max_messages = 3, .max_bytes = 700 }, 3 },
        { { .max_messages = 1000, .max_bytes = 99 }, 0 },
    };
    for (const struct limit_case *c = cases; c != BELFRY_END(cases); c++) {
        struct history_view view = { 0 };
        add(&view, &c->limits, 1, 21);
        assert_holds(&view, 21 - c->want, 21);
        history_view_deinit(&view);
    }
}

static void test_forgetting_takes_only_the_oldest_and_raises_the_floor(void **state)
{
    (void)state;
    struct history_view view = { 0 };
    add(&view, &roomy, 1, 6);
    history_view_forget(&view, &messages[2]); /* not the oldest: the view dropped it already */
    assert_holds(&view, 1, 6);
    history_view_forget(&view, &messages[1]);
    assert_holds(&view, 2, 6);
    for (unsigned i = 2; i < 6; i++)
        history_view_forget(&view, &messages[i]);
    assert_holds(&view, 6, 6);
    history_view_forget(&view, &messages[7]);
    assert_holds(&view, 6, 6);
}

static void test_a_floor_never_falls(void **state)
{
    (void)state;
    struct history_view view = { .floor = { .ms = 50 } };
    add(&view, &roomy, 1, 4);
    history_view_forget(&view, &messages[1]);
    assert_int_equal(view.floor.ms, 50);
    history_view_deinit(&view);
}

static void test_a_position_finds_the_first_message_behind_it(void **state)
{
    (void)state;
    struct history_view view = { 0 };
    struct history_limits limits = roomy;
    limits.max_messages = 30;
    for (unsigned i = 1; i < 100; i++) {
        if (i % 3 == 0) /* a room has holes: the ids between are of others */
            history_view_add(&view, &limits, &messages[i]);
        for (uint64_t ms = 0; ms < 102; ms += 7) {
            uint32_t at = message_ring_after(&view.ring, (struct message_id){ .ms = ms });
            for (uint32_t k = 0; k < view.ring.count; k++)
                assert_int_equal(message_ring_at(&view.ring, k)->id.ms > ms, k >= at);
        }
    }
    history_view_deinit(&view);
}

static void test_the_sequence_counts_within_a_millisecond(void **state)
{
    (void)state;
    struct history_view view = { 0 };
    for (unsigned i = 0; i < 5; i++) {
        messages[i].id = (struct message_id){ .ms = 9, .seq = i };
        history_view_add(&view, &roomy, &messages[i]);
    }
    assert_int_equal(message_ring_after(&view.ring, (struct message_id){ 9, 2 }), 3);
    assert_int_equal(message_ring_after(&view.ring, (struct message_id){ 8, 99 }), 0);
    assert_int_equal(message_ring_after(&view.ring, (struct message_id){ 10, 0 }), 5);
    history_view_deinit(&view);
}

static void test_without_memory_there_is_a_gap_and_never_a_hole(void **state)
{
    (void)state;
    struct history_view view = { 0 };
    memory_watch();
    add(&view, &roomy, 1, 9); /* fills the smallest ring */
    memory_fail_at(1);
    add(&view, &roomy, 9, 10);
    assert_true(memory_has_failed());
    assert_int_equal(view.ring.count, 0);
    assert_int_equal(view.bytes, 0);
    assert_int_equal(view.floor.ms, 9);
    add(&view, &roomy, 10, 12);
    assert_int_equal(view.ring.count, 2);
    history_view_deinit(&view);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

static void test_what_is_too_old_for_the_room_goes(void **state)
{
    (void)state;
    struct history_limits limits = roomy;
    struct history_view view = { 0 };
    limits.max_age_ms = 10;
    add(&view, &limits, 1, 30);
    history_view_expire(&view, &limits, 5);
    assert_holds(&view, 1, 30);
    history_view_expire(&view, &limits, 25); /* that of 15 is 10 old, which is not too old */
    assert_holds(&view, 15, 30);
    history_view_expire(&view, &limits, 1000);
    assert_int_equal(view.ring.count, 0);
    assert_int_equal(view.floor.ms, 29);
    history_view_deinit(&view);
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct pattern_case {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        { "a", "a", true },
        { "a", "b", false },
        { "a", "ab", false },
        { "ab", "a", false },
        { "*", "", true },
        { "*", "anything", true },
        { "", "", true },
        { "", "a", false },
        { "news-*", "news-", true },
        { "news-*", "news-1", true },
        { "news-*", "news", false },
        { "*-log", "a-log", true },
        { "*-log", "-log-log", true },
        { "*-log", "a-logs", false },
        { "a*b*c", "abc", true },
        { "a*b*c", "a-b-b-c", true },
        { "a*b*c", "acb", false },
        { "**", "x", true },
        { "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
    };
    for (const struct pattern_case *c = cases; c != BELFRY_END(cases); c++) {
        if (history_pattern_matches(c->pattern, bytes_of_text(c->name)) != c->matches)
            fail_msg("%s %s", c->pattern, c->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_ring_is_a_queue, reset),
        cmocka_unit_test_setup(test_a_view_keeps_the_newest_by_count_and_by_bytes, reset),
        cmocka_unit_test_setup(test_forgetting_takes_only_the_oldest_and_raises_the_floor, reset),
        cmocka_unit_test_setup(test_what_is_too_old_for_the_room_goes, reset),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test_setup(test_a_floor_never_falls, reset),
        cmocka_unit_test_setup(test_a_position_finds_the_first_message_behind_it, reset),
        cmocka_unit_test_setup(test_the_sequence_counts_within_a_millisecond, reset),
        cmocka_unit_test_setup(test_without_memory_there_is_a_gap_and_never_a_hole, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
