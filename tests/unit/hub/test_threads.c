/*
 * test_threads.c - four workers on four threads say, join and leave at the same time; all hear one
 * order. Worth running under ThreadSanitizer.
 *
 *   each worker:  say a bit, turn its loop, drain; some members hop in and out
 *   steady members of all workers must have heard the very same bytes in the end
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "unit/hub/crowd.h"

#define ROOMS 3
#define SAYINGS 1500 /* of each worker */

static const char *const rooms[ROOMS] = { "tower", "cellar", "attic" };

static struct crowd crowd;

/* One worker's people: one steady per room, and one who hops. */
struct shift {
    unsigned index;
    struct person steady[ROOMS];
    struct person hopper;
    unsigned rosters;
    atomic_bool is_done;
};

static struct shift shifts[CROWD_SHARDS];
static atomic_uint shifts_done;

static void on_roster(struct hub_shard *shard, const struct hub_roster *roster, void *user)
{
    struct shift *s = user;
    assert_ptr_equal(shard, &crowd.hub.shards[s->index]);
    assert_true(roster->is_complete);
    assert_in_range(roster->count, CROWD_SHARDS, CROWD_SHARDS * 2);
    s->rosters++;
}

/* To one room or two, or with NULL to everyone. */
static void say_to(struct shift *s, const char *first, const char *second, unsigned number)
{
    char text[32];
    struct hub_published published;
    (void)snprintf(text, sizeof text, "%u.%u", s->index, number);
    struct message_spec spec = { .room_count = (uint8_t)((first != NULL) + (second != NULL)),
                                 .rooms = { bytes_of_text(first), bytes_of_text(second) },
                                 .args = bytes_of_text(text) };
    assert_int_equal(crowd_publish(&crowd, &crowd.hub.shards[s->index], &spec, &published),
                     BELFRY_OK);
}

static void hop(struct shift *s, const char *room)
{
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_COUNT, .count = 5 };
    if (hub_is_member(s->hopper.shard, &crowd.hub.root, &s->hopper.member, bytes_of_text(room))) {
        (void)crowd_leave(&s->hopper, room);
        return;
    }
    assert_int_equal(crowd_join_with(&s->hopper, room, &how, &joined), BELFRY_OK);
    hub_joined_deinit(&joined);
}

static void turn(struct shift *s, int max_wait_ms)
{
    loop_step(&crowd.loops[s->index], max_wait_ms);
    hub_drain(&crowd.hub.shards[s->index]);
}

/* One of @threads says no more; the last one wakes those who wait for that. */
static void note_done(unsigned threads)
{
    if (atomic_fetch_add(&shifts_done, 1) + 1 < threads)
        return;
    for (unsigned w = 0; w < CROWD_SHARDS; w++)
        loop_wake(&crowd.loops[w]);
}

/* Until nobody says anything any more, and everything has been heard. */
static void finish(struct shift *s, unsigned threads)
{
    turn(s, 0); /* what one said to oneself last wakes nobody */
    note_done(threads);
    while (atomic_load(&shifts_done) < threads)
        turn(s, -1);
    turn(s, 0);
    turn(s, 0);
}

static void *work(void *arg)
{
    struct shift *s = arg;
    struct random_seeded r;
    random_seed(&r, s->index + 1);
    for (unsigned i = 0; i < SAYINGS; i++) {
        unsigned room = (unsigned)random_below(&r, ROOMS);
        say_to(s, rooms[room], random_below(&r, 8) == 0 ? rooms[(room + 1) % ROOMS] : NULL, i);
        if (random_below(&r, 3) == 0)
            hop(s, rooms[random_below(&r, ROOMS)]);
        if (i % 200 == 0)
            assert_int_equal(hub_ask_roster(&crowd.hub.shards[s->index], &crowd.hub.root,
                                            bytes_of_text(rooms[room]), BELFRY_BYTES(""), 100,
                                            on_roster, s),
                             BELFRY_OK);
        if (random_below(&r, 4) == 0)
            turn(s, 0);
        if (i % 100 == 0)
            hub_expire(&crowd.hub.root, crowd.wall_ms);
    }
    person_leave_all(&s->hopper);
    finish(s, CROWD_SHARDS + 1);
    return NULL;
}

/* Somebody who is no worker, and is told to try again now and then. */
static void *say_from_outside(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < SAYINGS; i++) {
        struct hub_published published;
        struct message_spec spec = { .room_count = 1,
                                     .rooms = { bytes_of_text(rooms[i % ROOMS]) },
                                     .args = BELFRY_BYTES("outside") };
        belfry_err err;
        while ((err = crowd_publish(&crowd, NULL, &spec, &published)) == BELFRY_ERR_AGAIN)
            (void)sched_yield();
        assert_int_equal(err, BELFRY_OK);
    }
    note_done(CROWD_SHARDS + 1);
    return NULL;
}

static void open_shifts(void)
{
    struct hub_limits limits = crowd_limits;
    limits.history.max_log_bytes = 65536;
    limits.max_inbox = 200;
    crowd_open(&crowd, CROWD_SHARDS, &limits);
    crowd.is_threaded = true;
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        struct shift *s = &shifts[w];
        s->index = w;
        for (unsigned r = 0; r < ROOMS; r++) {
            char name[24];
            (void)snprintf(name, sizeof name, "steady %u.%u", w, r);
            crowd_add(&crowd, &s->steady[r], w, name);
            crowd_join(&s->steady[r], rooms[r]);
        }
        char name[24];
        (void)snprintf(name, sizeof name, "hopper %u", w);
        crowd_add(&crowd, &s->hopper, w, name);
    }
}

/* The sayings of each worker, as heard by @p, come in the order they were said. */
static void assert_senders_in_order(const struct person *p)
{
    long last[CROWD_SHARDS] = { -1, -1, -1, -1 };
    const char *at = (const char *)p->heard.data;
    const char *end = at + p->heard.size;
    for (; at < end; at = (const char *)memchr(at, ';', (size_t)(end - at)) + 1) {
        unsigned w;
        long number;
        if (sscanf(at, "%u.%ld;", &w, &number) != 2)
            continue; /* from outside */
        assert_true(w < CROWD_SHARDS);
        assert_true(number > last[w]);
        last[w] = number;
    }
}

static void test_all_workers_hear_one_order(void **state)
{
    (void)state;
    pthread_t threads[CROWD_SHARDS + 1];
    atomic_store(&shifts_done, 0);
    open_shifts();
    for (unsigned w = 0; w < CROWD_SHARDS; w++)
        assert_int_equal(pthread_create(&threads[w], NULL, work, &shifts[w]), 0);
    assert_int_equal(pthread_create(&threads[CROWD_SHARDS], NULL, say_from_outside, NULL), 0);
    for (unsigned t = 0; t < BELFRY_COUNT(threads); t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    for (unsigned round = 0; round < 3; round++) { /* roster answers under way */
        for (unsigned w = 0; w < CROWD_SHARDS; w++)
            turn(&shifts[w], 0);
    }
    for (unsigned r = 0; r < ROOMS; r++) {
        belfry_bytes first = buf_bytes(&shifts[0].steady[r].heard);
        for (unsigned w = 0; w < CROWD_SHARDS; w++) {
            assert_true(bytes_equal(buf_bytes(&shifts[w].steady[r].heard), first));
            assert_senders_in_order(&shifts[w].steady[r]);
        }
        assert_int_equal(hub_member_count(&crowd.hub.root, bytes_of_text(rooms[r])), CROWD_SHARDS);
        assert_int_equal(crowd_count_text(first, "outside;"), SAYINGS / ROOMS);
    }
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        assert_int_equal(shifts[w].rosters, (SAYINGS + 199) / 200);
        assert_int_equal(atomic_load(&crowd.hub.shards[w].inbox_count), 0);
    }
    crowd_close(&crowd);
}

/* --- people who lose the connection, and hear as much as those who do not ---*/

static const char *const travelled[] = { "tower", "cellar", NULL };

static void *travel(void *arg)
{
    struct shift *s = arg;
    struct person *traveller = &s->hopper;
    struct random_seeded r;
    bool is_there = true;
    random_seed(&r, s->index + 50);
    for (unsigned i = 0; i < SAYINGS; i++) {
        const char *first = (const char *[]){ NULL, "tower", "cellar", "tower" }[i % 4];
        say_to(s, first, i % 4 == 3 ? "cellar" : NULL, i);
        if (random_below(&r, 4) == 0 && is_there) {
            person_go(traveller);
            is_there = false;
        } else if (random_below(&r, 3) == 0 && !is_there) {
            person_come(traveller, travelled, &traveller->last);
            is_there = true;
        }
        if (random_below(&r, 4) == 0)
            turn(s, 0);
    }
    if (!is_there)
        person_come(traveller, travelled, &traveller->last);
    finish(s, CROWD_SHARDS);
    return NULL;
}

static void open_travels(void)
{
    struct hub_limits limits = crowd_limits;
    limits.max_inbox = 1000000;
    limits.history.max_log_bytes = 1 << 26; /* no gaps */
    crowd_open(&crowd, CROWD_SHARDS, &limits);
    crowd.is_threaded = true;
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        shifts[w] = (struct shift){ .index = w };
        crowd_add(&crowd, &shifts[w].steady[0], w, "witness");
        crowd_add(&crowd, &shifts[w].hopper, w, "traveller");
        for (int i = 0; i < 2; i++) {
            crowd_join(&shifts[w].steady[0], travelled[i]);
            crowd_join(&shifts[w].hopper, travelled[i]);
        }
    }
}

static void test_travellers_hear_as_much_as_those_who_stay(void **state)
{
    (void)state;
    pthread_t threads[CROWD_SHARDS];
    atomic_store(&shifts_done, 0);
    open_travels();
    for (unsigned w = 0; w < CROWD_SHARDS; w++)
        assert_int_equal(pthread_create(&threads[w], NULL, travel, &shifts[w]), 0);
    for (unsigned w = 0; w < CROWD_SHARDS; w++)
        assert_int_equal(pthread_join(threads[w], NULL), 0);
    belfry_bytes first = buf_bytes(&shifts[0].steady[0].heard);
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        assert_true(bytes_equal(buf_bytes(&shifts[w].steady[0].heard), first));
        assert_true(bytes_equal(buf_bytes(&shifts[w].hopper.heard), first));
    }
    assert_int_equal(crowd_count_text(first, ";"), CROWD_SHARDS * SAYINGS);
    assert_int_equal(hub_nsp_member_count(&crowd.hub.root), 2 * CROWD_SHARDS);
    crowd_close(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_workers_hear_one_order),
        cmocka_unit_test(test_travellers_hear_as_much_as_those_who_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
