/*
 * test_timer.c - the wheel against a list of deadlines, at random and at its edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "net/timer.h"

#define TIMERS 64
#define UNSET UINT64_MAX
#define WHEEL_TURN_MS ((uint64_t)TIMER_SLOTS * TIMER_SLOT_MS)

/* The model: when each timer is due, and whether it may wait for the next advance. */
static struct item {
    struct timer timer;
    uint64_t due_ms;
    bool was_set_while_firing;
} items[TIMERS];

static struct timer_wheel wheel;
static struct random_seeded seeded;
static unsigned fired;
static bool is_firing;
static bool is_meddling; /* timers that fire set and cancel others */

static void set(unsigned i, uint64_t due_ms, uint64_t now_ms)
{
    timer_set(&wheel, &items[i].timer, due_ms);
    items[i].due_ms = BELFRY_MAX(due_ms, now_ms); /* what is overdue is due now */
    items[i].was_set_while_firing = is_firing;
}

static void cancel(unsigned i)
{
    timer_cancel(&wheel, &items[i].timer);
    items[i].due_ms = UNSET;
    items[i].was_set_while_firing = false;
}

/* Mostly soon, sometimes turns of the wheel away, sometimes overdue. */
static uint64_t random_deadline(uint64_t now_ms)
{
    switch (random_below(&seeded, 8)) {
    case 0:
        return now_ms + random_below(&seeded, 20 * WHEEL_TURN_MS);
    case 1:
        return now_ms - random_below(&seeded, 1000);
    case 2:
        return now_ms + random_below(&seeded, 3 * WHEEL_TURN_MS) / TIMER_SLOT_MS * TIMER_SLOT_MS;
    default:
        return now_ms + random_below(&seeded, 2000);
    }
}

static void meddle(uint64_t now_ms)
{
    unsigned other = (unsigned)random_below(&seeded, TIMERS);
    if (random_below(&seeded, 2) == 0)
        set(other, random_deadline(now_ms), now_ms);
    else
        cancel(other);
}

static void on_fire(struct timer *timer, uint64_t now_ms)
{
    struct item *item = BELFRY_CONTAINER_OF(timer, struct item, timer);
    assert_true(item->due_ms <= now_ms);
    assert_false(item->was_set_while_firing);
    assert_false(timer_is_set(timer));
    item->due_ms = UNSET;
    fired++;
    if (is_meddling)
        meddle(now_ms);
}

static uint64_t earliest(void)
{
    uint64_t first = UNSET;
    for (unsigned i = 0; i < TIMERS; i++)
        first = BELFRY_MIN(first, items[i].due_ms);
    return first;
}

static void advance(uint64_t now_ms)
{
    for (unsigned i = 0; i < TIMERS; i++)
        items[i].was_set_while_firing = false;
    is_firing = true;
    timer_wheel_advance(&wheel, now_ms);
    is_firing = false;
    for (unsigned i = 0; i < TIMERS; i++) {
        assert_int_equal(timer_is_set(&items[i].timer), items[i].due_ms != UNSET);
        if (items[i].due_ms <= now_ms)
            assert_true(items[i].was_set_while_firing);
    }
    assert_true(timer_wheel_next_ms(&wheel) <= earliest());
}

static int reset(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TIMERS; i++)
        items[i] = (struct item){ .timer.fire = on_fire, .due_ms = UNSET };
    random_seed(&seeded, 1);
    is_meddling = false;
    fired = 0;
    return 0;
}

static void play(uint64_t seed, uint64_t start_ms)
{
    reset(NULL);
    random_seed(&seeded, seed);
    is_meddling = seed % 2 == 0;
    timer_wheel_init(&wheel, start_ms);
    uint64_t now_ms = start_ms;
    for (int step = 0; step < 3000; step++) {
        unsigned i = (unsigned)random_below(&seeded, TIMERS);
        switch (random_below(&seeded, 6)) {
        case 0:
            cancel(i);
            break;
        case 1: /* exactly as a loop does */
            if (timer_wheel_next_ms(&wheel) != TIMER_NEVER)
                now_ms = BELFRY_MAX(now_ms, timer_wheel_next_ms(&wheel));
            advance(now_ms);
            break;
        case 2: /* late, now and then very */
            now_ms += random_below(&seeded, random_below(&seeded, 20) ? 200 : 3 * WHEEL_TURN_MS);
            advance(now_ms);
            break;
        default:
            set(i, random_deadline(now_ms), now_ms);
        }
        assert_true(timer_wheel_next_ms(&wheel) <= earliest());
    }
    assert_true(fired > 100);
}

static void test_random_sets_cancels_and_advances_agree_with_a_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        play(seed, seed * 977 * TIMER_SLOT_MS + seed);
}

static void test_a_timer_fires_at_its_millisecond_and_not_before(void **state)
{
    (void)state;
    static const uint64_t distances[] = { 1,
                                          63,
                                          64,
                                          65,
                                          WHEEL_TURN_MS - 1,
                                          WHEEL_TURN_MS,
                                          WHEEL_TURN_MS + 1,
                                          5 * WHEEL_TURN_MS + 3,
                                          3600000 };
    for (const uint64_t *d = distances; d != BELFRY_END(distances); d++) {
        for (uint64_t start_ms = 1000; start_ms < 1000 + TIMER_SLOT_MS; start_ms += 21) {
            reset(NULL);
            timer_wheel_init(&wheel, start_ms);
            set(0, start_ms + *d, start_ms);
            advance(start_ms + *d - 1);
            assert_int_equal(fired, 0);
            advance(start_ms + *d);
            assert_int_equal(fired, 1);
        }
    }
}

static void test_a_far_deadline_costs_few_looks(void **state)
{
    (void)state;
    uint64_t due_ms = 100 + 3600000;
    unsigned looks = 0;
    timer_wheel_init(&wheel, 100);
    set(0, due_ms, 100);
    while (fired == 0) {
        assert_true(timer_wheel_next_ms(&wheel) <= due_ms);
        advance(timer_wheel_next_ms(&wheel));
        looks++;
    }
    assert_true(looks <= 3600000 / (WHEEL_TURN_MS / 2) + 2);
}

static void test_an_empty_wheel_never_wants_to_be_called(void **state)
{
    (void)state;
    timer_wheel_init(&wheel, 100);
    assert_true(timer_wheel_next_ms(&wheel) == TIMER_NEVER);
    set(0, 500, 100);
    set(1, 90000, 100);
    cancel(0);
    cancel(1);
    cancel(1); /* a no-op */
    advance(500);
    assert_int_equal(fired, 0);
    assert_true(timer_wheel_next_ms(&wheel) == TIMER_NEVER);
}

static void test_a_set_timer_moves(void **state)
{
    (void)state;
    timer_wheel_init(&wheel, 100);
    set(0, 200, 100);
    set(0, 300, 100);
    advance(299);
    assert_int_equal(fired, 0);
    set(0, 5000, 299);
    set(0, 310, 299);
    advance(310);
    assert_int_equal(fired, 1);
}

static void again_at_once(struct timer *timer, uint64_t now_ms)
{
    fired++;
    timer_set(&wheel, timer, now_ms);
}

static void test_a_timer_that_sets_itself_for_now_fires_once_per_advance(void **state)
{
    (void)state;
    struct timer timer = { .fire = again_at_once };
    timer_wheel_init(&wheel, 100);
    timer_set(&wheel, &timer, 150);
    timer_wheel_advance(&wheel, 150);
    assert_int_equal(fired, 1);
    assert_true(timer_wheel_next_ms(&wheel) == 150);
    timer_wheel_advance(&wheel, 150);
    assert_int_equal(fired, 2);
    timer_cancel(&wheel, &timer);
}

/* Two that are due together; whichever comes first takes the other away. */
static struct timer rivals[2];

static void cancel_the_other(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    fired++;
    timer_cancel(&wheel, timer == &rivals[0] ? &rivals[1] : &rivals[0]);
}

static void test_a_due_timer_that_another_cancels_does_not_fire(void **state)
{
    (void)state;
    timer_wheel_init(&wheel, 100);
    for (int i = 0; i < 2; i++) {
        rivals[i] = (struct timer){ .fire = cancel_the_other };
        timer_set(&wheel, &rivals[i], 200);
    }
    timer_wheel_advance(&wheel, 250);
    assert_int_equal(fired, 1);
    timer_wheel_advance(&wheel, 100000);
    assert_int_equal(fired, 1);
}

static void test_a_clock_that_stands_still_or_jumps_ahead_loses_nothing(void **state)
{
    (void)state;
    timer_wheel_init(&wheel, 100);
    for (unsigned i = 0; i < TIMERS; i++)
        set(i, 100 + i * 10000, 100);
    advance(100);
    assert_int_equal(fired, 1);
    advance(100);
    assert_int_equal(fired, 1);
    advance(100 + 100 * WHEEL_TURN_MS);
    assert_int_equal(fired, TIMERS);
}

static void cancel_odd(struct timer *timer, void *arg)
{
    unsigned i = (unsigned)(BELFRY_CONTAINER_OF(timer, struct item, timer) - items);
    ++*(unsigned *)arg;
    if (i % 2 != 0)
        cancel(i);
}

static void test_each_timer_is_visited_and_may_be_cancelled(void **state)
{
    unsigned visits = 0;
    (void)state;
    timer_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < TIMERS; i++)
        set(i, i < 8 ? 5 : random_deadline(0), 0);
    timer_each(&wheel, cancel_odd, &visits);
    assert_int_equal(visits, TIMERS);
    timer_each(&wheel, cancel_odd, &visits);
    assert_int_equal(visits, TIMERS + TIMERS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random_sets_cancels_and_advances_agree_with_a_list, reset),
        cmocka_unit_test_setup(test_a_timer_fires_at_its_millisecond_and_not_before, reset),
        cmocka_unit_test_setup(test_a_far_deadline_costs_few_looks, reset),
        cmocka_unit_test_setup(test_an_empty_wheel_never_wants_to_be_called, reset),
        cmocka_unit_test_setup(test_a_set_timer_moves, reset),
        cmocka_unit_test_setup(test_a_timer_that_sets_itself_for_now_fires_once_per_advance, reset),
        cmocka_unit_test_setup(test_a_due_timer_that_another_cancels_does_not_fire, reset),
        cmocka_unit_test_setup(test_a_clock_that_stands_still_or_jumps_ahead_loses_nothing, reset),
        cmocka_unit_test_setup(test_each_timer_is_visited_and_may_be_cancelled, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
