/*
 * test_nsp.c - the sequencer: ids, keys, history, gaps, floors, evictions, limits, joins and
 * leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada, bob, cyd;

static int open_tower(void **state)
{
    (void)state;
    crowd_open(&crowd, 2, &crowd_limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 0, "bob");
    crowd_add(&crowd, &cyd, 1, "cyd");
    return 0;
}

static int close_tower(void **state)
{
    (void)state;
    crowd_close(&crowd);
    return 0;
}

/* Opens it anew with other limits. */
static void reopen(const struct hub_limits *limits)
{
    crowd_close(&crowd);
    crowd_open(&crowd, 2, limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 0, "bob");
    crowd_add(&crowd, &cyd, 1, "cyd");
}

/* What a join shows: "one two" or "gap one two". */
static const char *join_and_list(struct person *p, const char *room, struct hub_join how)
{
    static char text[1024];
    struct hub_joined joined;
    assert_int_equal(crowd_join_with(p, room, &how, &joined), BELFRY_OK);
    int size = snprintf(text, sizeof text, "%s", joined.has_gap ? "gap" : "");
    for (uint32_t i = 0; i < joined.history.count; i++) {
        belfry_bytes args = joined.history.items[i]->args;
        size += snprintf(text + size, sizeof text - (size_t)size, "%s%.*s", size > 0 ? " " : "",
                         (int)args.size, (const char *)args.data);
    }
    hub_joined_deinit(&joined);
    return text;
}

static const char *everything(struct person *p, const char *room)
{
    return join_and_list(p, room, (struct hub_join){ .since = HUB_SINCE_COUNT, .count = 1000 });
}

static const char *since(struct person *p, const char *room, struct message_id id)
{
    return join_and_list(p, room, (struct hub_join){ .since = HUB_SINCE_ID, .id = id });
}

/* --- ids -------------------------------------------------------------------------------------- */

static void test_ids_rise_whatever_the_clock_does(void **state)
{
    (void)state;
    static const struct id_case {
        uint64_t wall_ms, want_ms, want_seq;
    } cases[] = { { 1000, 1000, 0 }, { 1000, 1000, 1 }, { 1000, 1000, 2 }, { 1001, 1001, 0 },
                  { 500, 1001, 1 },  { 0, 1001, 2 },    { 1002, 1002, 0 } };
    for (const struct id_case *c = cases; c != BELFRY_END(cases); c++) {
        crowd.wall_ms = c->wall_ms;
        struct message_id id = crowd_say(&crowd, NULL, "tower", "x");
        assert_int_equal(id.ms, c->want_ms);
        assert_int_equal(id.seq, c->want_seq);
    }
}

static void test_unlogged_messages_take_ids_too(void **state)
{
    (void)state;
    struct hub_published published;
    struct message_spec spec = { .flags = MESSAGE_UNLOGGED,
                                 .room_count = 1,
                                 .rooms = { BELFRY_BYTES("tower") },
                                 .args = BELFRY_BYTES("unlogged") };
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    assert_int_equal(published.id.seq, 0);
    assert_int_equal(crowd_say(&crowd, NULL, "tower", "logged").seq, 1);
    assert_string_equal(everything(&ada, "tower"), "logged");
}

static void test_the_epoch_is_a_word_of_its_own(void **state)
{
    (void)state;
    char text[MESSAGE_ID_MAX_TEXT];
    struct message_id id = { 5, 6 };
    struct message_id read;
    belfry_bytes epoch;
    size_t size = message_id_format(text, id, bytes_of_text(crowd.hub.epoch));
    assert_int_equal(strlen(crowd.hub.epoch), HUB_EPOCH_SIZE);
    assert_true(message_id_parse(bytes_of(text, size), &read, &epoch));
    assert_true(bytes_equal_text(epoch, crowd.hub.epoch));
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct hub_published say_with_key(const char *room, const char *sender, const char *key)
{
    struct hub_published published;
    struct message_spec spec = { .room_count = 1,
                                 .rooms = { bytes_of_text(room) },
                                 .sender = bytes_of_text(sender),
                                 .args = BELFRY_BYTES("keyed"),
                                 .key = bytes_of_text(key) };
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    return published;
}

static void test_a_repeated_key_is_delivered_once(void **state)
{
    (void)state;
    crowd_join(&ada, "tower");
    struct hub_published first = say_with_key("tower", "ada", "k1");
    crowd_say(&crowd, NULL, "tower", "between");
    struct hub_published again = say_with_key("tower", "ada", "k1");
    assert_false(first.is_repeat);
    assert_true(again.is_repeat);
    assert_int_equal(message_id_compare(first.id, again.id), 0);
    assert_false(say_with_key("tower", "bob", "k1").is_repeat);
    assert_false(say_with_key("cellar", "ada", "k1").is_repeat);
    assert_false(say_with_key("tower", "ada", "k2").is_repeat);
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "keyed;between;keyed;keyed;");
    assert_string_equal(everything(&bob, "tower"), "keyed between keyed keyed");
}

static void test_a_key_is_forgotten_with_its_message(void **state)
{
    (void)state;
    say_with_key("tower", "ada", "k1");
    crowd.wall_ms += crowd_limits.history.max_age_ms;
    assert_true(say_with_key("tower", "ada", "k1").is_repeat);
    crowd.wall_ms += 1;
    hub_expire(&crowd.hub.root, crowd.wall_ms);
    assert_false(say_with_key("tower", "ada", "k1").is_repeat);
    assert_int_equal(crowd.hub.root.keys.count, 1);
}

/* --- where a snapshot begins ------------------------------------------------------------------ */

static void test_a_join_gets_what_it_asked_for(void **state)
{
    (void)state;
    struct message_id ids[4];
    ids[0] = crowd_say(&crowd, NULL, "tower", "one");
    ids[1] = crowd_say(&crowd, NULL, "tower", "two");
    struct message_id elsewhere = crowd_say(&crowd, NULL, "cellar", "quiet");
    ids[2] = crowd_say(&crowd, NULL, "tower", "three");
    struct message_id future = { .ms = ids[2].ms + 1 };
    const struct since_case {
        struct hub_join how;
        const char *want;
    } cases[] = {
        { { .since = HUB_SINCE_NOW }, "" },
        { { .since = HUB_SINCE_COUNT, .count = 0 }, "" },
        { { .since = HUB_SINCE_COUNT, .count = 2 }, "two three" },
        { { .since = HUB_SINCE_COUNT, .count = 3 }, "one two three" },
        { { .since = HUB_SINCE_COUNT, .count = UINT32_MAX }, "one two three" },
        { { .since = HUB_SINCE_ID, .id = { 0, 0 } }, "one two three" },
        { { .since = HUB_SINCE_ID, .id = ids[0] }, "two three" },
        { { .since = HUB_SINCE_ID, .id = elsewhere }, "three" },
        { { .since = HUB_SINCE_ID, .id = ids[2] }, "" },
        { { .since = HUB_SINCE_ID, .id = future }, "gap one two three" },
        { { .since = HUB_SINCE_UNKNOWN }, "gap one two three" },
    };
    for (const struct since_case *c = cases; c != BELFRY_END(cases); c++)
        assert_string_equal(join_and_list(&ada, "tower", c->how), c->want);
}

static void test_a_room_keeps_its_newest_and_knows_the_gap(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    limits.history.max_messages = 2;
    reopen(&limits);
    struct message_id first = crowd_say(&crowd, NULL, "tower", "one");
    struct message_id second = crowd_say(&crowd, NULL, "tower", "two");
    crowd_say(&crowd, NULL, "tower", "three");
    assert_string_equal(since(&ada, "tower", first), "two three");
    crowd_say(&crowd, NULL, "tower", "four");
    assert_string_equal(since(&ada, "tower", first), "gap three four");
    assert_string_equal(since(&ada, "tower", second), "three four");
}

static void test_age_takes_the_oldest_and_leaves_a_floor(void **state)
{
    (void)state;
    struct message_id first = crowd_say(&crowd, NULL, "tower", "one");
    crowd.wall_ms += 30000;
    struct message_id second = crowd_say(&crowd, NULL, "tower", "two");
    hub_expire(&crowd.hub.root, first.ms + 60000); /* not older than that: still there */
    assert_string_equal(everything(&ada, "tower"), "one two");
    hub_expire(&crowd.hub.root, first.ms + 60001);
    assert_string_equal(everything(&ada, "tower"), "two");
    assert_string_equal(since(&ada, "tower", first), "two");
    assert_string_equal(since(&ada, "tower", (struct message_id){ 0, 0 }), "gap two");
    hub_expire(&crowd.hub.root, second.ms + 60001);
    assert_string_equal(since(&ada, "tower", first), "gap");
    assert_string_equal(since(&ada, "tower", second), "");
}

static void test_publishing_evicts_what_is_old(void **state)
{
    (void)state;
    crowd_say(&crowd, NULL, "tower", "one");
    crowd.wall_ms += 70000;
    crowd_say(&crowd, NULL, "tower", "two");
    assert_string_equal(everything(&ada, "tower"), "two");
    assert_int_equal(crowd.hub.root.log.count, 1);
}

static void test_the_log_is_bounded_for_all_rooms_together(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    limits.history.max_log_bytes = 4096;
    reopen(&limits);
    char room[16];
    struct message_id first = crowd_say(&crowd, NULL, "room0", "x");
    for (int i = 1; i < 100; i++) {
        (void)snprintf(room, sizeof room, "room%d", i);
        crowd_say(&crowd, NULL, room, "x");
        assert_true(crowd.hub.root.log_bytes <= 4096 + 1024); /* the newest comes on top */
    }
    assert_true(crowd.hub.root.log.count < 20);
    assert_int_equal(hub_room_count(&crowd.hub.root), crowd.hub.root.log.count);
    assert_string_equal(everything(&ada, "room99"), "x");
    assert_string_equal(since(&ada, "room0", (struct message_id){ 0, 0 }), "gap");
    assert_string_equal(since(&bob, "room0", first), "gap"); /* which one it was is forgotten */
}

static void test_a_forgotten_room_leaves_its_floor_behind(void **state)
{
    (void)state;
    struct message_id before = crowd_say(&crowd, NULL, "cellar", "elsewhere");
    crowd.wall_ms += 1;
    struct message_id gone = crowd_say(&crowd, NULL, "tower", "one");
    hub_expire(&crowd.hub.root, gone.ms + 60001);
    assert_int_equal(hub_room_count(&crowd.hub.root), 0);
    assert_string_equal(since(&ada, "tower", before), "gap");
    assert_string_equal(since(&ada, "tower", gone), "");
}

static void test_a_message_to_two_rooms_is_in_both_histories_once(void **state)
{
    (void)state;
    struct hub_published published;
    struct message_spec spec = { .room_count = 3,
                                 .rooms = { BELFRY_BYTES("tower"), BELFRY_BYTES("cellar"),
                                            BELFRY_BYTES("tower") },
                                 .args = BELFRY_BYTES("both") };
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    assert_string_equal(everything(&ada, "tower"), "both");
    assert_string_equal(everything(&ada, "cellar"), "both");
    crowd_leave(&ada, "tower");
    crowd_leave(&ada, "cellar");
    hub_expire(&crowd.hub.root, 1000000);
    assert_int_equal(hub_room_count(&crowd.hub.root), 0);
    assert_int_equal(crowd.hub.root.log_bytes, 0);
}

static void test_without_history_every_resume_is_a_gap(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    limits.history.max_messages = 0;
    reopen(&limits);
    struct message_id first = crowd_say(&crowd, NULL, "tower", "one");
    assert_string_equal(since(&ada, "tower", first), "");
    crowd_say(&crowd, NULL, "tower", "two");
    assert_string_equal(since(&ada, "tower", first), "gap");
    assert_string_equal(everything(&ada, "tower"), "");
    assert_int_equal(crowd.hub.root.log.count, 0);
}

/* --- joining and leaving ---------------------------------------------------------------------- */

static void test_members_are_counted_on_all_workers(void **state)
{
    (void)state;
    assert_int_equal(crowd_join(&ada, "tower"), 1);
    assert_int_equal(crowd_join(&bob, "tower"), 2);
    assert_int_equal(crowd_join(&cyd, "tower"), 3);
    assert_int_equal(crowd_join(&ada, "tower"), 3); /* twice is once */
    assert_int_equal(hub_member_count(&crowd.hub.root, BELFRY_BYTES("tower")), 3);
    assert_true(hub_is_member(ada.shard, &crowd.hub.root, &ada.member, BELFRY_BYTES("tower")));
    assert_int_equal(crowd_leave(&ada, "tower"), 2);
    assert_false(hub_is_member(ada.shard, &crowd.hub.root, &ada.member, BELFRY_BYTES("tower")));
    assert_int_equal(crowd_leave(&cyd, "tower"), 1);
    assert_int_equal(crowd_leave(&bob, "tower"), 0);
    assert_int_equal(hub_room_count(&crowd.hub.root), 0);
    assert_int_equal(hub_member_count(&crowd.hub.root, BELFRY_BYTES("tower")), 0);
    uint32_t members = 77;
    assert_int_equal(
        hub_leave(ada.shard, &crowd.hub.root, &ada.member, BELFRY_BYTES("tower"), &members),
        BELFRY_ERR_NOT_FOUND);
    assert_int_equal(members, 77);
}

static void test_only_workers_with_members_get_deliveries(void **state)
{
    (void)state;
    crowd_join(&cyd, "tower");
    crowd_say(&crowd, NULL, "tower", "x");
    assert_false(hub_has_pending(&crowd.hub.shards[0]));
    assert_true(hub_has_pending(&crowd.hub.shards[1]));
    crowd_drain(&crowd);
    crowd_leave(&cyd, "tower");
    crowd_say(&crowd, NULL, "tower", "y");
    assert_false(hub_has_pending(&crowd.hub.shards[1]));
}

static void on_live(struct member *member, const struct hub_joined *joined, void *user)
{
    struct person *p = BELFRY_CONTAINER_OF(member, struct person, member);
    assert_ptr_equal(user, &crowd);
    buf_printf(&p->heard, "[live, %u before];", joined->history.count);
}

static void test_the_snapshot_ends_exactly_where_live_messages_begin(void **state)
{
    (void)state;
    struct hub_joined joined;
    struct hub_join how = {
        .since = HUB_SINCE_COUNT, .count = 10, .on_live = on_live, .user = &crowd
    };
    crowd_join(&bob, "tower");
    crowd_join(&ada, "cellar");
    crowd_say(&crowd, NULL, "tower", "one");
    crowd_say(&crowd, NULL, "cellar", "down here");
    crowd_say(&crowd, NULL, "tower", "two");
    assert_int_equal(crowd_join_with(&ada, "tower", &how, &joined), BELFRY_OK);
    crowd_say(&crowd, NULL, "tower", "three");
    crowd_drain(&crowd);
    assert_int_equal(joined.history.count, 2);
    assert_int_equal(joined.members, 2);
    assert_false(joined.was_member);
    hub_joined_deinit(&joined);
    assert_string_equal(person_take(&ada), "down here;[live, 2 before];three;");
    assert_string_equal(person_take(&bob), "one;two;three;");
}

static void test_joining_again_takes_a_new_snapshot_behind_what_was_heard(void **state)
{
    (void)state;
    struct hub_joined joined;
    struct hub_join how = {
        .since = HUB_SINCE_COUNT, .count = 10, .on_live = on_live, .user = &crowd
    };
    crowd_join(&ada, "tower");
    crowd_say(&crowd, NULL, "tower", "one");
    assert_int_equal(crowd_join_with(&ada, "tower", &how, &joined), BELFRY_OK);
    assert_true(joined.was_member);
    hub_joined_deinit(&joined);
    crowd_say(&crowd, NULL, "tower", "two");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "one;[live, 1 before];two;");
    assert_int_equal(ada.member.membership_count, 1);
}

static void test_leaving_is_at_once(void **state)
{
    (void)state;
    crowd_join(&ada, "tower");
    crowd_join(&bob, "tower");
    crowd_say(&crowd, NULL, "tower", "on its way");
    crowd_leave(&ada, "tower");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "");
    assert_string_equal(person_take(&bob), "on its way;");
}

/* --- limits ----------------------------------------------------------------------------------- */

static void test_rooms_and_memberships_are_limited(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_NOW };
    limits.max_rooms = 3;
    limits.max_rooms_per_member = 2;
    reopen(&limits);
    crowd_join(&ada, "a");
    crowd_join(&ada, "b");
    assert_int_equal(crowd_join_with(&ada, "c", &how, &joined), BELFRY_ERR_LIMIT);
    crowd_join(&ada, "b"); /* where one is already costs nothing */
    crowd_join(&bob, "c");
    assert_int_equal(crowd_join_with(&bob, "d", &how, &joined), BELFRY_ERR_LIMIT);
    assert_int_equal(crowd.hub.root.shards[0].rooms.count, 3); /* no trace of the refused ones */
    crowd_leave(&ada, "a");
    crowd_join(&bob, "d");
    /* A message to a room that cannot be remembered is still delivered, and its loss known. */
    struct message_id before = crowd.hub.root.last;
    crowd_say(&crowd, NULL, "e", "x");
    crowd_leave(&bob, "d");
    assert_string_equal(since(&bob, "e", before), "gap");
}

static void test_foreign_threads_are_told_to_try_again(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    struct hub_published published;
    struct message_spec spec = { .room_count = 1, .rooms = { BELFRY_BYTES("tower") } };
    limits.max_inbox = 16;
    reopen(&limits);
    crowd_join(&cyd, "tower");
    for (int i = 0; i < 16; i++) {
        assert_false(hub_is_congested(&crowd.hub));
        assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    }
    assert_true(hub_is_congested(&crowd.hub));
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_ERR_AGAIN);
    /* A worker's own messages come from sockets that it stops reading instead. */
    assert_int_equal(crowd_publish(&crowd, ada.shard, &spec, &published), BELFRY_OK);
    crowd_drain(&crowd);
    assert_false(hub_is_congested(&crowd.hub));
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
}

static void test_a_due_count_is_taken_by_one(void **state)
{
    (void)state;
    crowd_join(&ada, "tower");
    assert_true(hub_mark_count_due(&crowd.hub.root, BELFRY_BYTES("tower")));
    assert_false(hub_mark_count_due(&crowd.hub.root, BELFRY_BYTES("tower")));
    crowd_join(&bob, "tower");
    assert_int_equal(hub_take_count(&crowd.hub.root, BELFRY_BYTES("tower")), 2);
    assert_true(hub_mark_count_due(&crowd.hub.root, BELFRY_BYTES("tower")));
    assert_false(hub_mark_count_due(&crowd.hub.root, BELFRY_BYTES("nowhere")));
    assert_int_equal(hub_take_count(&crowd.hub.root, BELFRY_BYTES("nowhere")), 0);
}

static void note_room(belfry_bytes room, uint32_t members, void *arg)
{
    unsigned *seen = arg;
    assert_int_equal(room.size, 1);
    seen[((const char *)room.data)[0] - 'a'] += members;
}

static void test_rooms_with_members_are_listed_each_once(void **state)
{
    (void)state;
    unsigned seen[4] = { 0 };
    crowd_join(&ada, "a");
    crowd_join(&cyd, "a");
    crowd_join(&bob, "b");
    crowd_join(&bob, "d");
    crowd_say(&crowd, NULL, "c", "only history");
    crowd_say(&crowd, NULL, "d", "only history from now on");
    crowd_leave(&bob, "d");
    hub_each_room(&crowd.hub.root, note_room, seen);
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 0);
    assert_int_equal(seen[3], 0);
}

/* Rooms that remember more, less or nothing by their names. */
static void test_rooms_remember_by_their_names(void **state)
{
    (void)state;
    static const struct history_rule rules[] = {
        { "short-*", { .max_messages = 1, .max_bytes = 1 << 20, .max_age_ms = 10 } },
        { "off-*", { .max_messages = 0, .max_bytes = 1 << 20, .max_age_ms = 10 } },
        { "long-*", { .max_messages = 1000, .max_bytes = 1 << 20, .max_age_ms = 1000000 } },
    };
    struct hub_limits limits = crowd_limits;
    limits.history.max_messages = 2;
    limits.history.max_age_ms = 1000;
    limits.rules = rules;
    limits.rule_count = BELFRY_COUNT(rules);
    reopen(&limits);
    static const char *const rooms[] = { "short-r", "off-r", "long-r", "r" };
    struct message_id first = crowd_say(&crowd, NULL, "other", "0");
    for (unsigned r = 0; r < BELFRY_COUNT(rooms); r++) {
        (void)crowd_say(&crowd, NULL, rooms[r], "1");
        (void)crowd_say(&crowd, NULL, rooms[r], "2");
        (void)crowd_say(&crowd, NULL, rooms[r], "3");
    }
    assert_string_equal(everything(&ada, "short-r"), "3");
    assert_string_equal(everything(&ada, "off-r"), "");
    assert_string_equal(everything(&ada, "long-r"), "1 2 3");
    assert_string_equal(everything(&ada, "r"), "2 3");
    assert_string_equal(since(&bob, "short-r", first), "gap 3");
    assert_string_equal(since(&bob, "off-r", first), "gap");
    assert_string_equal(since(&bob, "long-r", first), "1 2 3");
    assert_string_equal(since(&bob, "r", first), "gap 2 3");
    /* What a room without history forgets is no gap for the others. */
    crowd_drain(&crowd);
    struct message_id last = crowd_say(&crowd, NULL, "long-r", "4");
    (void)crowd_say(&crowd, NULL, "off-r", "x");
    person_go(&cyd);
    static const char *const mine[] = { "long-r", NULL };
    static const char *const both[] = { "long-r", "off-r", NULL };
    person_come(&cyd, mine, &last);
    assert_string_equal(person_take(&cyd), "");
    person_go(&cyd);
    person_come(&cyd, both, &last);
    assert_string_equal(person_take(&cyd), "[gap];");
    /* The log is as old as the room that remembers longest; a join hears what its room remembers.
     */
    crowd.wall_ms += 500000;
    (void)crowd_say(&crowd, NULL, "long-r", "5");
    struct hub_join how = { .since = HUB_SINCE_COUNT, .count = 1000, .wall_ms = crowd.wall_ms };
    assert_string_equal(join_and_list(&cyd, "r", how), "");
    assert_string_equal(join_and_list(&cyd, "long-r", how), "1 2 3 4 5");
}

/* What is said to one by its id has no room whose name a pattern could match. */
static void test_a_pattern_for_all_rooms_does_not_forget_what_is_said_to_one(void **state)
{
    (void)state;
    static const struct history_rule rules[] = {
        { "*", { .max_messages = 0, .max_bytes = 1 << 20, .max_age_ms = 10 } },
    };
    static const char *const nowhere[] = { NULL };
    static const char *const off[] = { "off", NULL };
    static struct person dan;
    struct hub_limits limits = crowd_limits;
    limits.rules = rules;
    limits.rule_count = BELFRY_COUNT(rules);
    reopen(&limits);
    crowd_add(&crowd, &dan, 1, "#1dan");
    struct message_id last = crowd_say(&crowd, NULL, "off", "before");
    person_go(&dan);
    (void)crowd_say(&crowd, NULL, "#1dan", "to you");
    (void)crowd_say(&crowd, NULL, "off", "passed over");
    (void)crowd_say(&crowd, NULL, NULL, "to everyone");
    person_come(&dan, nowhere, &last);
    assert_string_equal(person_take(&dan), "to you;to everyone;");
    person_go(&dan);
    person_come(&dan, off, &last);
    assert_string_equal(person_take(&dan), "[gap];to you;to everyone;");
    person_go(&dan);
    /* Where nothing else is remembered either, that is a gap and not silence. */
    limits.history.max_messages = 0;
    reopen(&limits);
    crowd_add(&crowd, &dan, 1, "#1dan");
    last = crowd_say(&crowd, NULL, "off", "before");
    person_go(&dan);
    (void)crowd_say(&crowd, NULL, "#1dan", "to you");
    person_come(&dan, nowhere, &last);
    assert_string_equal(person_take(&dan), "[gap];");
    person_go(&dan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tower, close_tower)
    const struct CMUnitTest tests[] = {
        TEST(test_ids_rise_whatever_the_clock_does),
        TEST(test_rooms_remember_by_their_names),
        TEST(test_a_pattern_for_all_rooms_does_not_forget_what_is_said_to_one),
        TEST(test_unlogged_messages_take_ids_too),
        TEST(test_the_epoch_is_a_word_of_its_own),
        TEST(test_a_repeated_key_is_delivered_once),
        TEST(test_a_key_is_forgotten_with_its_message),
        TEST(test_a_join_gets_what_it_asked_for),
        TEST(test_a_room_keeps_its_newest_and_knows_the_gap),
        TEST(test_age_takes_the_oldest_and_leaves_a_floor),
        TEST(test_publishing_evicts_what_is_old),
        TEST(test_the_log_is_bounded_for_all_rooms_together),
        TEST(test_a_forgotten_room_leaves_its_floor_behind),
        TEST(test_a_message_to_two_rooms_is_in_both_histories_once),
        TEST(test_without_history_every_resume_is_a_gap),
        TEST(test_members_are_counted_on_all_workers),
        TEST(test_only_workers_with_members_get_deliveries),
        TEST(test_the_snapshot_ends_exactly_where_live_messages_begin),
        TEST(test_joining_again_takes_a_new_snapshot_behind_what_was_heard),
        TEST(test_leaving_is_at_once),
        TEST(test_rooms_and_memberships_are_limited),
        TEST(test_foreign_threads_are_told_to_try_again),
        TEST(test_a_due_count_is_taken_by_one),
        TEST(test_rooms_with_members_are_listed_each_once),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
