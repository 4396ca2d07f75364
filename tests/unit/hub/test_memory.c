/*
 * test_memory.c - rooms come and go without leaving anything, and every allocation may fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada, bob, cyd;

static void open_tower(const struct hub_limits *limits)
{
    crowd_open(&crowd, 2, limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 0, "bob");
    crowd_add(&crowd, &cyd, 1, "cyd");
}

/* Housekeeping until there is nothing left to do. */
static void keep_house(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        for (unsigned w = 0; w < 2; w++)
            hub_keep_house(&crowd.hub.shards[w], crowd.wall_ms);
    }
}

static void test_a_churn_of_rooms_leaves_memory_at_the_baseline(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    limits.max_rooms = 100000;
    limits.max_rooms_per_member = 5000;
    memory_watch();
    open_tower(&limits);
    for (int round = 0; round < 3; round++) {
        char room[32];
        for (int i = 0; i < 4000; i++) {
            (void)snprintf(room, sizeof room, "room %d.%d", round, i);
            crowd_join(&ada, room);
            crowd_join(&cyd, room);
            if (i % 4 == 0)
                crowd_say(&crowd, NULL, room, "hello");
        }
        crowd_drain(&crowd);
        assert_int_equal(hub_room_count(&crowd.hub.root), 4000);
        person_leave_all(&ada);
        person_leave_all(&cyd);
        assert_int_equal(hub_room_count(&crowd.hub.root), 1000); /* those with history */
        crowd.wall_ms += 100000;
        keep_house();
        assert_int_equal(hub_room_count(&crowd.hub.root), 0);
        assert_int_equal(crowd.hub.root.shards[0].rooms.count, 0);
        assert_null(crowd.hub.root.log.slots);
        buf_deinit(&ada.heard);
        buf_deinit(&cyd.heard);
        member_deinit(&ada.member);
        member_deinit(&cyd.member);
        /* The shards, the root's parts, everyone's lists, two pollers, and whatever small tables
         * the maps keep. */
        assert_in_range(memory_live(), 6, 11);
    }
    crowd_close(&crowd);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

static void test_messages_free_themselves_when_the_last_queue_lets_go(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    limits.history.max_messages = 0;
    memory_watch();
    open_tower(&limits);
    crowd_join(&ada, "tower");
    crowd_join(&cyd, "tower");
    crowd_say(&crowd, NULL, "tower", "x");
    crowd_drain(&crowd);
    person_take(&ada);
    person_take(&cyd);
    long before = memory_live();
    for (int i = 0; i < 100; i++)
        crowd_say(&crowd, NULL, "tower", "x");
    assert_int_equal(memory_live(), before + 100);
    hub_drain(&crowd.hub.shards[0]);
    crowd_drain(&crowd);
    buf_deinit(&ada.heard);
    buf_deinit(&cyd.heard);
    assert_int_equal(memory_live(), before - 2);
    crowd_close(&crowd);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

/* --- every allocation fails once -------------------------------------------------------------- */

static void join_if_possible(struct person *p, const char *room)
{
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_COUNT, .count = 10 };
    uint32_t before = hub_member_count(&crowd.hub.root, bytes_of_text(room));
    bool was_in = hub_is_member(p->shard, &crowd.hub.root, &p->member, bytes_of_text(room));
    belfry_err err = crowd_join_with(p, room, &how, &joined);
    uint32_t after = hub_member_count(&crowd.hub.root, bytes_of_text(room));
    if (err == BELFRY_OK) {
        assert_int_equal(after, before + !was_in);
        assert_int_equal(after, joined.members);
        hub_joined_deinit(&joined);
        return;
    }
    assert_int_equal(err, BELFRY_ERR_NOMEM);
    assert_int_equal(after, before); /* all undone */
    assert_int_equal(hub_is_member(p->shard, &crowd.hub.root, &p->member, bytes_of_text(room)),
                     was_in);
}

static void say_if_possible(const char *first, const char *second)
{
    struct hub_published published;
    struct message_spec spec = { .room_count = second != NULL ? 2 : 1,
                                 .rooms = { bytes_of_text(first), bytes_of_text(second) },
                                 .args = bytes_of_text(first),
                                 .key = bytes_of_text(second) };
    belfry_err err = crowd_publish(&crowd, NULL, &spec, &published);
    assert_true(err == BELFRY_OK || err == BELFRY_ERR_NOMEM);
}

static void leave_if_there(struct person *p, const char *room)
{
    uint32_t members;
    belfry_err err =
        hub_leave(p->shard, &crowd.hub.root, &p->member, bytes_of_text(room), &members);
    assert_true(err == BELFRY_OK || err == BELFRY_ERR_NOT_FOUND);
}

/* Who could not enter knocks again. */
static void add_in_the_end(struct person *p, unsigned shard, const char *name)
{
    struct hub_joined joined;
    struct hub_enter how = { 0 };
    uint32_t before = hub_nsp_member_count(&crowd.hub.root);
    if (crowd_try_add(&crowd, &crowd.hub.root, p, shard, name) == BELFRY_OK)
        return;
    assert_int_equal(hub_nsp_member_count(&crowd.hub.root), before);
    assert_int_equal(hub_enter(p->shard, p->nsp, &p->member, &how, &joined), BELFRY_OK);
    hub_joined_deinit(&joined);
}

static void live_a_little(void)
{
    add_in_the_end(&ada, 0, "ada");
    add_in_the_end(&bob, 0, "bob");
    add_in_the_end(&cyd, 1, "cyd");
    join_if_possible(&ada, "tower");
    join_if_possible(&cyd, "tower");
    for (int i = 0; i < 10; i++)
        say_if_possible("tower", i % 2 == 0 ? NULL : "cellar");
    join_if_possible(&bob, "tower");
    join_if_possible(&bob, "cellar");
    crowd_drain(&crowd);
    leave_if_there(&ada, "tower");
    say_if_possible("tower", "attic");
    join_if_possible(&ada, "cellar");
    crowd.wall_ms += 100000;
    hub_expire(&crowd.hub.root, crowd.wall_ms);
    say_if_possible("cellar", NULL);
    crowd_drain(&crowd);
}

static void test_every_failing_allocation_is_survived(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 1;; n++) {
        memory_fail_at(n);
        if (crowd_try_open(&crowd, 2, &crowd_limits) == BELFRY_OK)
            live_a_little();
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        crowd_close(&crowd);
        assert_int_equal(memory_live(), 0);
        if (!has_failed) {
            assert_true(n > 30);
            break;
        }
    }
    memory_unwatch();
}

static void test_a_message_that_cannot_be_remembered_is_a_known_gap(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 2; n < 8; n++) { /* the first is the message itself */
        struct hub_joined joined;
        struct message_id last = { 0, 0 };
        open_tower(&crowd_limits);
        last = crowd_say(&crowd, NULL, "cellar", "before");
        memory_fail_at(n);
        crowd_say(&crowd, NULL, "tower", "maybe");
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        struct hub_join how = { .since = HUB_SINCE_ID, .id = last };
        assert_int_equal(crowd_join_with(&ada, "tower", &how, &joined), BELFRY_OK);
        assert_int_equal(joined.has_gap, joined.history.count == 0);
        assert_true(has_failed || joined.history.count == 1);
        hub_joined_deinit(&joined);
        crowd_close(&crowd);
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_churn_of_rooms_leaves_memory_at_the_baseline),
        cmocka_unit_test(test_messages_free_themselves_when_the_last_queue_lets_go),
        cmocka_unit_test(test_every_failing_allocation_is_survived),
        cmocka_unit_test(test_a_message_that_cannot_be_remembered_is_a_known_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
