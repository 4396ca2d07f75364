/*
 * test_loop.c - the order within a turn, how long a turn waits, graves, and being woken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "net/loop.h"

/* --- a poller and a clock that do as they are told ---------------------------------------------*/

struct poller {
    struct watch *ready;
    int waited_ms; /* the last timeout */
    unsigned wakes;
};

static struct poller fake;
static uint64_t now_ms;
static char story[64]; /* one letter for each thing that happened */

static int fake_wait(struct poller *p, struct poller_event *events, int max, int timeout_ms)
{
    assert_true(max > 0);
    p->waited_ms = timeout_ms;
    if (p->ready == NULL)
        return 0;
    events[0] = (struct poller_event){ p->ready, WATCH_READ };
    p->ready = NULL;
    return 1;
}

static void fake_wake(struct poller *p)
{
    p->wakes++;
}

static void fake_free(struct poller *p)
{
    (void)p;
}

static const struct poller_ops fake_ops = { .wait = fake_wait,
                                            .wake = fake_wake,
                                            .free = fake_free };

static uint64_t tell_time(void *user)
{
    (void)user;
    return now_ms;
}

static const struct clock fake_clock = { .monotonic_ms = tell_time, .wall_ms = tell_time };

static void note(char what)
{
    size_t size = strlen(story);
    assert_true(size + 1 < sizeof story);
    story[size] = what;
}

/* --- one of everything ------------------------------------------------------------------------ */

static struct thing {
    struct watch watch;
    struct timer timer;
    struct loop_post post;
    struct grave grave;
    struct loop *loop;
    bool is_gone;
} thing;

static void free_thing(struct grave *grave)
{
    BELFRY_CONTAINER_OF(grave, struct thing, grave)->is_gone = true;
    note('g');
}

static void on_ready(struct watch *watch, unsigned events)
{
    struct thing *t = BELFRY_CONTAINER_OF(watch, struct thing, watch);
    assert_int_equal(events, WATCH_READ);
    note('w');
    loop_bury(t->loop, &t->grave, free_thing);
}

static void on_timer(struct timer *timer, uint64_t at_ms)
{
    assert_int_equal(at_ms, now_ms);
    assert_false(BELFRY_CONTAINER_OF(timer, struct thing, timer)->is_gone);
    note('t');
}

static void on_post(struct loop_post *post, void *owner)
{
    assert_ptr_equal(owner, &story);
    assert_false(BELFRY_CONTAINER_OF(post, struct thing, post)->is_gone);
    note('p');
}

static void on_turn_end(void *owner)
{
    assert_ptr_equal(owner, &story);
    assert_false(thing.is_gone);
    note('e');
}

static struct loop loop;

static int make_loop(void **state)
{
    (void)state;
    now_ms = 1000;
    fake = (struct poller){ 0 };
    memset(story, 0, sizeof story);
    assert_int_equal(loop_init(&loop, &fake_ops, &fake, &fake_clock), BELFRY_OK);
    loop.owner = story;
    loop.on_turn_end = on_turn_end;
    thing = (struct thing){
        .watch.on_ready = on_ready, .timer.fire = on_timer, .post.run = on_post, .loop = &loop
    };
    return 0;
}

static int drop_loop(void **state)
{
    (void)state;
    loop_deinit(&loop);
    return 0;
}

static void test_a_turn_is_watches_timers_posts_its_end_and_then_the_graves(void **state)
{
    (void)state;
    fake.ready = &thing.watch;
    timer_set(&loop.timers, &thing.timer, 1005);
    loop_post(&loop, &thing.post);
    now_ms = 1005;
    loop_step(&loop, -1);
    assert_string_equal(story, "wtpeg");
    assert_int_equal(loop.now_ms, 1005);
    assert_int_equal(fake.waited_ms, 0);
}

static void test_a_turn_waits_until_the_next_timer_and_no_longer_than_asked(void **state)
{
    (void)state;
    static const struct wait_case {
        uint64_t due_in_ms; /* 0: no timer */
        int max_wait_ms, want_ms;
    } cases[] = { { 0, -1, -1 },  { 0, 0, 0 },     { 0, 50, 50 },       { 10, -1, 10 },
                  { 10, 50, 10 }, { 100, 50, 50 }, { 5000000, -1, -2 }, { 5000000, 7, 7 } };
    for (const struct wait_case *c = cases; c != BELFRY_END(cases); c++) {
        make_loop(NULL);
        loop.on_turn_end = NULL;
        if (c->due_in_ms > 0)
            timer_set(&loop.timers, &thing.timer, now_ms + c->due_in_ms);
        loop_step(&loop, c->max_wait_ms);
        if (c->want_ms == -2) /* some bound below the deadline, so that no int overflows */
            assert_in_range(fake.waited_ms, 1, c->due_in_ms);
        else
            assert_int_equal(fake.waited_ms, c->want_ms);
    }
}

static void test_nothing_waits_when_something_is_due(void **state)
{
    (void)state;
    assert_int_equal(loop_timeout_ms(&loop), -1);
    loop.wants_turn = true;
    assert_int_equal(loop_timeout_ms(&loop), 0);
    loop_step(&loop, -1);
    assert_int_equal(loop_timeout_ms(&loop), -1);
    loop_post(&loop, &thing.post);
    assert_int_equal(loop_timeout_ms(&loop), 0);
    loop_step(&loop, -1);
    assert_int_equal(loop_timeout_ms(&loop), -1);
    timer_set(&loop.timers, &thing.timer, now_ms + 20);
    assert_int_equal(loop_timeout_ms(&loop), 20);
    now_ms += 30; /* the clock counts, not the last turn's time */
    assert_int_equal(loop_timeout_ms(&loop), 0);
    timer_cancel(&loop.timers, &thing.timer);
    loop_bury(&loop, &thing.grave, free_thing);
    assert_int_equal(loop_timeout_ms(&loop), 0);
    loop_step(&loop, -1);
    assert_true(thing.is_gone);
}

static void test_many_wakes_before_a_turn_are_one(void **state)
{
    (void)state;
    struct thing second = thing;
    loop_post(&loop, &thing.post);
    loop_post(&loop, &second.post);
    loop_wake(&loop);
    assert_int_equal(fake.wakes, 1);
    loop_step(&loop, -1);
    assert_string_equal(story, "ppe");
    loop_wake(&loop);
    assert_int_equal(fake.wakes, 2);
}

static void post_once_more(struct loop_post *post, void *owner)
{
    (void)owner;
    note('1');
    post->run = on_post;
    loop_post(&loop, post);
}

static void test_a_post_made_by_a_post_runs_in_the_next_turn(void **state)
{
    (void)state;
    thing.post.run = post_once_more;
    loop_post(&loop, &thing.post);
    loop_step(&loop, -1);
    assert_string_equal(story, "1e");
    loop_step(&loop, -1);
    assert_int_equal(fake.waited_ms, 0);
    assert_string_equal(story, "1epe");
}

static void test_deinit_frees_what_was_buried(void **state)
{
    (void)state;
    loop_bury(&loop, &thing.grave, free_thing);
    loop_deinit(&loop);
    assert_true(thing.is_gone);
}

/* --- with the real poller and another thread -------------------------------------------------- */

#define ROUNDS 2000

static unsigned heard;

static void count_post(struct loop_post *post, void *owner)
{
    (void)post;
    (void)owner;
    heard++;
}

static struct loop_post posts[ROUNDS];

static void *post_all(void *arg)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        posts[i].run = count_post;
        loop_post(arg, &posts[i]);
    }
    return NULL;
}

static void test_a_waiting_loop_hears_every_post_of_another_thread(void **state)
{
    (void)state;
    struct loop real;
    struct poller *poller = NULL;
    pthread_t thread;
    assert_int_equal(poll_epoll_new(&poller), BELFRY_OK);
    assert_int_equal(loop_init(&real, &poll_epoll, poller, &clock_system), BELFRY_OK);
    assert_int_equal(pthread_create(&thread, NULL, post_all, &real), 0);
    while (heard < ROUNDS)
        loop_step(&real, -1); /* a lost wake-up would hang here */
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_deinit(&real);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_loop, drop_loop)
    const struct CMUnitTest tests[] = {
        TEST(test_a_turn_is_watches_timers_posts_its_end_and_then_the_graves),
        TEST(test_a_turn_waits_until_the_next_timer_and_no_longer_than_asked),
        TEST(test_nothing_waits_when_something_is_due),
        TEST(test_many_wakes_before_a_turn_are_one),
        TEST(test_a_post_made_by_a_post_runs_in_the_next_turn),
        TEST(test_deinit_frees_what_was_buried),
        cmocka_unit_test(test_a_waiting_loop_hears_every_post_of_another_thread),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
