/*
 * test_roster.c - who is in a room, page by page, from all workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/hub/crowd.h"

#define PEOPLE 50

static struct crowd crowd;
static struct person people[PEOPLE];

/* The last answer. */
static char page[2048]; /* names, each with a blank */
static char last[24];
static struct hub_roster answer;
static unsigned answers;

static int open_tower(void **state)
{
    (void)state;
    struct random_seeded r;
    random_seed(&r, 11);
    crowd_open(&crowd, CROWD_SHARDS, &crowd_limits);
    for (unsigned i = 0; i < PEOPLE; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "p%02u", i);
        crowd_add(&crowd, &people[i], (unsigned)random_below(&r, CROWD_SHARDS), name);
    }
    answers = 0;
    return 0;
}

static int close_tower(void **state)
{
    (void)state;
    crowd_close(&crowd);
    return 0;
}

static void on_roster(struct hub_shard *shard, const struct hub_roster *roster, void *user)
{
    size_t size = 0;
    assert_ptr_equal(user, page);
    assert_ptr_equal(shard, &crowd.hub.shards[2]);
    page[0] = '\0';
    for (uint32_t i = 0; i < roster->count; i++) {
        belfry_bytes id = roster->people[i].id;
        size += (size_t)snprintf(page + size, sizeof page - size, "%.*s ", (int)id.size,
                                 (const char *)id.data);
        (void)snprintf(last, sizeof last, "%.*s", (int)id.size, (const char *)id.data);
        assert_true(bytes_equal_text(roster->people[i].user, "user"));
    }
    answer = *roster;
    answers++;
}

static void turn_all(void)
{
    for (int round = 0; round < 2; round++) {
        for (unsigned w = 0; w < CROWD_SHARDS; w++)
            loop_step(&crowd.loops[w], 0);
    }
}

/* Asks from shard 2 and lets the loops turn until the answer is there. */
static void ask(const char *room, const char *after, uint32_t limit)
{
    unsigned before = answers;
    assert_int_equal(hub_ask_roster(&crowd.hub.shards[2], &crowd.hub.root, bytes_of_text(room),
                                    bytes_of_text(after), limit, on_roster, page),
                     BELFRY_OK);
    assert_int_equal(answers, before); /* never at once */
    turn_all();
    assert_int_equal(answers, before + 1);
}

static void test_an_empty_room_has_an_empty_page(void **state)
{
    (void)state;
    ask("tower", "", 10);
    assert_int_equal(answer.count, 0);
    assert_int_equal(answer.total, 0);
    assert_false(answer.has_more);
    assert_true(answer.is_complete);
}

static void test_one_page_has_all_in_order(void **state)
{
    (void)state;
    static const unsigned joiners[] = { 31, 4, 15, 9, 2, 6 };
    for (size_t i = 0; i < BELFRY_COUNT(joiners); i++)
        crowd_join(&people[joiners[i]], "tower");
    crowd_join(&people[7], "cellar");
    ask("tower", "", 10);
    assert_string_equal(page, "p02 p04 p06 p09 p15 p31 ");
    assert_int_equal(answer.total, 6);
    assert_false(answer.has_more);
    ask("tower", "", 6);
    assert_string_equal(page, "p02 p04 p06 p09 p15 p31 ");
    assert_false(answer.has_more);
    ask("tower", "p06", 2);
    assert_string_equal(page, "p09 p15 ");
    assert_true(answer.has_more);
    assert_int_equal(answer.total, 6);
    ask("tower", "p031", 10); /* no such id: it is only a place in the order */
    assert_string_equal(page, "p04 p06 p09 p15 p31 ");
    ask("tower", "p31", 10);
    assert_int_equal(answer.count, 0);
    assert_false(answer.has_more);
}

static void test_pages_of_any_size_add_up_to_everybody_once(void **state)
{
    (void)state;
    char want[1024] = "";
    for (unsigned i = 0; i < PEOPLE; i++) {
        crowd_join(&people[(i * 17) % PEOPLE], "tower");
        (void)snprintf(want + i * 4, sizeof want - i * 4, "p%02u ", i);
    }
    for (uint32_t limit = 1; limit <= PEOPLE + 1; limit++) {
        char all[1024] = "";
        unsigned pages = 0;
        last[0] = '\0';
        do {
            char after[24];
            (void)snprintf(after, sizeof after, "%s", last);
            ask("tower", after, limit);
            assert_true(answer.count <= limit);
            assert_true(strlen(all) + strlen(page) < sizeof all);
            strcat(all, page);
            assert_true(++pages <= PEOPLE + 1);
        } while (answer.has_more);
        assert_string_equal(all, want);
        assert_int_equal(pages, (PEOPLE + limit - 1) / limit);
    }
}

static void test_who_left_before_the_question_arrived_is_not_there(void **state)
{
    (void)state;
    crowd_join(&people[1], "tower");
    crowd_join(&people[2], "tower");
    assert_int_equal(hub_ask_roster(&crowd.hub.shards[2], &crowd.hub.root, BELFRY_BYTES("tower"),
                                    BELFRY_BYTES(""), 10, on_roster, page),
                     BELFRY_OK);
    crowd_leave(&people[1], "tower");
    turn_all();
    assert_int_equal(answers, 1);
    assert_string_equal(page, "p02 ");
    assert_int_equal(answer.total, 1);
}

static void test_without_memory_the_answer_is_incomplete_and_says_so(void **state)
{
    (void)state;
    memory_watch();
    for (unsigned i = 0; i < 20; i++)
        crowd_join(&people[i], "tower");
    long before = memory_live();
    for (long n = 2;; n++) { /* the first is the question itself */
        memory_fail_at(n);
        ask("tower", "", 100);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        assert_int_equal(memory_live(), before);
        assert_int_equal(answer.is_complete, !has_failed);
        if (!has_failed)
            break;
    }
    assert_int_equal(answer.count, 20);
    memory_fail_at(1);
    assert_int_equal(hub_ask_roster(&crowd.hub.shards[2], &crowd.hub.root, BELFRY_BYTES("tower"),
                                    BELFRY_BYTES(""), 10, on_roster, page),
                     BELFRY_ERR_NOMEM);
    memory_fail_at(0);
    for (unsigned i = 0; i < 20; i++) {
        person_leave_all(&people[i]);
        member_deinit(&people[i].member);
    }
    memory_unwatch();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tower, close_tower)
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_room_has_an_empty_page),
        TEST(test_one_page_has_all_in_order),
        TEST(test_pages_of_any_size_add_up_to_everybody_once),
        TEST(test_who_left_before_the_question_arrived_is_not_there),
        TEST(test_without_memory_the_answer_is_incomplete_and_says_so),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
