/*
 * test_namespaces.c - several namespaces in one hub: they share nothing but the inboxes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct hub_nsp *admin;
static struct person ada, bob; /* in the root */
static struct person eve, fay; /* in admin */

static int open_two(void **state)
{
    (void)state;
    crowd_open(&crowd, 2, &crowd_limits);
    admin = hub_nsp_new(&crowd.hub);
    assert_non_null(admin);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 1, "bob");
    crowd_add_to(&crowd, admin, &eve, 0, "eve");
    crowd_add_to(&crowd, admin, &fay, 1, "fay");
    return 0;
}

static int close_two(void **state)
{
    (void)state;
    crowd_clear(&crowd);
    assert_null(hub_nsp_free(admin));
    crowd_close(&crowd);
    return 0;
}

static void test_rooms_of_the_same_name_are_strangers(void **state)
{
    (void)state;
    assert_int_equal(crowd_join(&ada, "tower"), 1);
    assert_int_equal(crowd_join(&bob, "tower"), 2);
    assert_int_equal(crowd_join(&eve, "tower"), 1);
    crowd_say(&crowd, NULL, "tower", "one");
    crowd_say_in(&crowd, admin, NULL, "tower", "secret");
    crowd_say(&crowd, NULL, "tower", "two");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "one;two;");
    assert_string_equal(person_take(&bob), "one;two;");
    assert_string_equal(person_take(&eve), "secret;");
    assert_string_equal(person_take(&fay), "");
    assert_true(hub_is_member(eve.shard, admin, &eve.member, BELFRY_BYTES("tower")));
    assert_int_equal(hub_member_count(admin, BELFRY_BYTES("tower")), 1);
    assert_int_equal(hub_room_count(admin), 1);
}

static void test_everyone_is_everyone_of_one_namespace(void **state)
{
    (void)state;
    crowd_say(&crowd, NULL, NULL, "hello root");
    crowd_say_in(&crowd, admin, NULL, NULL, "hello admin");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "hello root;");
    assert_string_equal(person_take(&bob), "hello root;");
    assert_string_equal(person_take(&eve), "hello admin;");
    assert_string_equal(person_take(&fay), "hello admin;");
    assert_int_equal(hub_nsp_member_count(&crowd.hub.root), 2);
    assert_int_equal(hub_nsp_member_count(admin), 2);
    hub_exit(fay.shard, admin, &fay.member);
    assert_int_equal(hub_nsp_member_count(admin), 1);
    crowd_say_in(&crowd, admin, NULL, NULL, "who is there?");
    assert_false(hub_has_pending(&crowd.hub.shards[1]));
    hub_exit(fay.shard, admin, &fay.member); /* who is gone may go again */
    assert_int_equal(hub_nsp_member_count(admin), 1);
}

static void test_each_has_ids_history_and_keys_of_its_own(void **state)
{
    (void)state;
    struct hub_published published;
    struct message_spec spec = { .room_count = 1,
                                 .rooms = { BELFRY_BYTES("tower") },
                                 .args = BELFRY_BYTES("keyed"),
                                 .key = BELFRY_BYTES("k") };
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    assert_int_equal(published.id.seq, 0);
    assert_int_equal(crowd_publish_in(&crowd, admin, NULL, &spec, &published), BELFRY_OK);
    assert_false(published.is_repeat);
    assert_int_equal(published.id.seq, 0);
    assert_int_equal(crowd_publish_in(&crowd, admin, NULL, &spec, &published), BELFRY_OK);
    assert_true(published.is_repeat);

    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_COUNT, .count = 10 };
    assert_int_equal(crowd_join_with(&eve, "tower", &how, &joined), BELFRY_OK);
    assert_int_equal(joined.history.count, 1);
    assert_ptr_equal(joined.history.items[0]->nsp, admin);
    hub_joined_deinit(&joined);
}

static void test_housekeeping_reaches_all_of_them(void **state)
{
    (void)state;
    crowd_say(&crowd, NULL, "tower", "one");
    crowd_say_in(&crowd, admin, NULL, "tower", "two");
    crowd.wall_ms += crowd_limits.history.max_age_ms + 1;
    hub_keep_house(&crowd.hub.shards[1], crowd.wall_ms);
    assert_int_equal(admin->log.count, 1); /* the first worker does it, so that one does */
    hub_keep_house(&crowd.hub.shards[0], crowd.wall_ms);
    assert_int_equal(admin->log.count, 0);
    assert_int_equal(crowd.hub.root.log.count, 0);
}

static void test_namespaces_come_and_go(void **state)
{
    (void)state;
    struct hub_nsp *many[20];
    for (size_t i = 0; i < BELFRY_COUNT(many); i++) {
        many[i] = hub_nsp_new(&crowd.hub);
        assert_non_null(many[i]);
        crowd_say_in(&crowd, many[i], NULL, "tower", "left behind");
    }
    for (size_t i = 0; i < BELFRY_COUNT(many); i++)
        assert_null(hub_nsp_free(many[i * 7 % BELFRY_COUNT(many)]));
    assert_ptr_equal(crowd.hub.nsps, admin);
    assert_ptr_equal(admin->next, &crowd.hub.root);
    assert_null(hub_nsp_free(NULL));
}

static void test_without_memory_there_is_none(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 1;; n++) {
        memory_fail_at(n);
        struct hub_nsp *nsp = hub_nsp_new(&crowd.hub);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        assert_int_equal(nsp == NULL, has_failed);
        hub_nsp_free(nsp);
        assert_int_equal(memory_live(), 0);
        if (!has_failed)
            break;
    }
    memory_unwatch();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)
    const struct CMUnitTest tests[] = {
        TEST(test_rooms_of_the_same_name_are_strangers),
        TEST(test_everyone_is_everyone_of_one_namespace),
        TEST(test_each_has_ids_history_and_keys_of_its_own),
        TEST(test_housekeeping_reaches_all_of_them),
        TEST(test_namespaces_come_and_go),
        TEST(test_without_memory_there_is_none),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
