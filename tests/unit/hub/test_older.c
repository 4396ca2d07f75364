/*
 * test_older.c - what others have kept of a room, before what is known here: what a newcomer lacks,
 * and how the two become one history, whole or with a gap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada;

/* What was kept of the rooms that are joined. */
static struct message *kept[8];
static struct hub_older older;

static struct message_id at(uint64_t ms)
{
    return (struct message_id){ .ms = ms };
}

static void keep(uint64_t ms, const char *room, const char *other, const char *text)
{
    struct message_spec spec = { .room_count = other != NULL ? 2 : 1,
                                 .rooms = { bytes_of_text(room), bytes_of_text(other) },
                                 .args = bytes_of_text(text) };
    struct message *m = message_new(&spec, &crowd.hub.hash_key, crowd.hub.worker_count);
    assert_non_null(m);
    hub_make_past(&crowd.hub.root, m, at(ms));
    kept[older.messages.count++] = m;
}

/* This process began behind 500: what is known here is what is said from now on. */
static int open_tower(void **state)
{
    (void)state;
    crowd_open(&crowd, 2, &crowd_limits);
    crowd_add(&crowd, &ada, 0, "ada");
    hub_begin_behind(&crowd.hub.root, at(500));
    older = (struct hub_older){ .messages.items = kept, .floor = at(100), .tip = at(600) };
    keep(200, "a", NULL, "a1");
    keep(400, "a", "b", "both");
    keep(500, "a", NULL, "a2");
    return 0;
}

static int close_tower(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < older.messages.count; i++)
        message_unref(kept[i]);
    crowd_close(&crowd);
    return 0;
}

/* "gap one two", of a join into "a". */
static const char *join(struct hub_join how)
{
    static char text[256];
    struct hub_joined joined;
    assert_int_equal(crowd_join_with(&ada, "a", &how, &joined), BELFRY_OK);
    int size = snprintf(text, sizeof text, "%s", joined.has_gap ? "gap" : "");
    for (uint32_t i = 0; i < joined.history.count; i++) {
        belfry_bytes args = joined.history.items[i]->args;
        size += snprintf(text + size, sizeof text - (size_t)size, "%s%.*s", size > 0 ? " " : "",
                         (int)args.size, (const char *)args.data);
    }
    hub_joined_deinit(&joined);
    return text;
}

static enum hub_lack lack(struct hub_join how)
{
    return hub_join_lacks(&crowd.hub.root, BELFRY_BYTES("a"), &how);
}

static void test_a_position_goes_on_from_one_to_the_other(void **state)
{
    (void)state;
    static const struct since_case {
        uint64_t since, floor, tip;
        const char *want;
    } cases[] = {
        { 100, 100, 600, "a1 both a2 live" },
        { 200, 100, 600, "both a2 live" },
        { 450, 100, 600, "a2 live" },
        { 500, 100, 600, "live" },
        { 99, 100, 600, "gap a1 both a2 live" }, /* kept no longer */
        { 300, 350, 600, "gap both a2 live" },
        { 300, 100, 499, "gap live" }, /* does not reach */
        { 300, 100, 500, "both a2 live" },
    };
    (void)crowd_say(&crowd, NULL, "a", "live");
    for (const struct since_case *c = cases; c != BELFRY_END(cases); c++) {
        older.floor = at(c->floor);
        older.tip = at(c->tip);
        struct hub_join how = { .since = HUB_SINCE_ID, .id = at(c->since), .older = &older };
        const char *got = join(how);
        if (strcmp(got, c->want) != 0)
            fail_msg("since %u: %s, not %s", (unsigned)c->since, got, c->want);
    }
}

/* What Redis has, but this process has not read yet, comes live. */
static void test_what_is_ahead_is_left_to_come(void **state)
{
    (void)state;
    keep(550, "a", NULL, "ahead");
    assert_string_equal(join((struct hub_join){ HUB_SINCE_ID, .id = at(400), .older = &older }),
                        "a2");
    assert_string_equal(join((struct hub_join){ HUB_SINCE_COUNT, .count = 9, .older = &older }),
                        "a1 both a2");
}

static void test_the_latest_are_made_up(void **state)
{
    (void)state;
    (void)crowd_say(&crowd, NULL, "a", "x");
    (void)crowd_say(&crowd, NULL, "a", "y");
    static const char *const wants[] = {
        "", "y", "x y", "a2 x y", "both a2 x y", "a1 both a2 x y"
    };
    for (uint32_t i = 1; i < BELFRY_COUNT(wants); i++)
        assert_string_equal(join((struct hub_join){ HUB_SINCE_COUNT, .count = i, .older = &older }),
                            wants[i]);
    assert_string_equal(join((struct hub_join){ HUB_SINCE_COUNT, .count = 9 }), "x y");
}

static void test_what_a_newcomer_lacks(void **state)
{
    (void)state;
    struct hub_older nothing = { .tip = at(600) };
    struct hub_join latest = { HUB_SINCE_COUNT, .count = 2 };
    assert_int_equal(lack((struct hub_join){ .since = HUB_SINCE_NOW }), HUB_LACKS_NOTHING);
    assert_int_equal(lack((struct hub_join){ HUB_SINCE_ID, .id = at(499) }), HUB_LACKS_OLDER);
    assert_int_equal(lack((struct hub_join){ HUB_SINCE_ID, .id = at(500) }), HUB_LACKS_NOTHING);
    assert_int_equal(lack((struct hub_join){ HUB_SINCE_ID, .id = at(501) }), HUB_LACKS_NEWER);
    assert_int_equal(lack(latest), HUB_LACKS_OLDER);
    latest.older = &nothing; /* it was looked for, and there is none: it is not looked for again */
    assert_string_equal(join(latest), "");
    latest.older = NULL;
    assert_int_equal(lack(latest), HUB_LACKS_NOTHING);
    hub_begin_behind(&crowd.hub.root, at(700)); /* something was missed since */
    assert_int_equal(lack(latest), HUB_LACKS_OLDER);
    (void)crowd_say(&crowd, NULL, "a", "x");
    assert_int_equal(lack(latest), HUB_LACKS_OLDER);
    (void)crowd_say(&crowd, NULL, "a", "y");
    assert_int_equal(lack(latest), HUB_LACKS_NOTHING);
}

/* Here was said what is in no history. */
static void test_what_nobody_has_kept_is_a_gap(void **state)
{
    (void)state;
    struct hub_join how = { HUB_SINCE_ID, .id = at(200), .older = &older };
    assert_string_equal(join(how), "both a2");
    hub_note_missed(&crowd.hub.root, 550);
    assert_string_equal(join(how), "gap both a2");
    how.id = at(550);
    assert_string_equal(join(how), "");
}

/* As event streams come: into several rooms at once. */
static const char *enter(struct person *p, struct hub_enter how)
{
    static const belfry_bytes rooms[] = { { "a", 1 }, { "b", 1 } };
    struct hub_joined joined;
    person_go(p);
    how.rooms = rooms;
    how.room_count = 2;
    how.on_live = person_hear_missed;
    assert_int_equal(hub_enter(p->shard, p->nsp, &p->member, &how, &joined), BELFRY_OK);
    hub_joined_deinit(&joined);
    return person_take(p);
}

static void test_several_rooms_are_one_history(void **state)
{
    (void)state;
    (void)crowd_say(&crowd, NULL, "b", "live");
    struct message *last = kept[2];
    struct message *both = kept[1];
    older.messages.count = 1;
    keep(300, "b", NULL, "b1");
    kept[2] = both;
    kept[3] = last;
    older.messages.count = 4;
    struct hub_enter how = { .has_since = true, .since = at(200) };
    assert_int_equal(hub_enter_lacks(&crowd.hub.root, &how), HUB_LACKS_OLDER);
    assert_string_equal(enter(&ada, how), "[gap];live;");
    how.older = &older;
    assert_string_equal(enter(&ada, how), "b1;both;a2;live;");
    how.since = at(50);
    assert_string_equal(enter(&ada, how), "[gap];a1;b1;both;a2;live;");
    how.since = at(9999);
    assert_int_equal(hub_enter_lacks(&crowd.hub.root, &how), HUB_LACKS_NEWER);
    how = (struct hub_enter){ .history = 2, .older = &older };
    assert_string_equal(enter(&ada, how), "both;a2;live;"); /* of each its last two */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tower, close_tower)
    const struct CMUnitTest tests[] = {
        TEST(test_a_position_goes_on_from_one_to_the_other),
        TEST(test_what_is_ahead_is_left_to_come),
        TEST(test_the_latest_are_made_up),
        TEST(test_what_a_newcomer_lacks),
        TEST(test_what_nobody_has_kept_is_a_gap),
        TEST(test_several_rooms_are_one_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
