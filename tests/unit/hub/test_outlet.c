/*
 * test_outlet.c - what leaves the process and what comes back: order, places that a sequencer
 * gives, and the gaps of rooms that nobody listened to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada, bob;

static void open_with(bool is_sequencer)
{
    crowd_open(&crowd, 2, &crowd_limits);
    crowd.hub.outlet.loop = &crowd.loops[0];
    crowd.hub.outlet.is_sequencer = is_sequencer;
    crowd.hub.outlet.is_partial = !is_sequencer;
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 1, "bob");
}

static int open_partial(void **state)
{
    (void)state;
    open_with(false);
    return 0;
}

static int open_sequenced(void **state)
{
    (void)state;
    open_with(true);
    return 0;
}

static struct message *take_next(struct post **rest)
{
    struct delivery *delivery = hub_outlet_take(&crowd.hub, rest);
    return delivery != NULL ? delivery->message : NULL;
}

/* What waits in the outlet: "one two". */
static const char *take_out(void)
{
    static char text[200];
    struct post *rest = NULL;
    int size = 0;
    text[0] = '\0';
    for (struct message *m; (m = take_next(&rest)) != NULL;) {
        size += snprintf(text + size, sizeof text - (size_t)size, "%s%.*s", size > 0 ? " " : "",
                         (int)m->args.size, (const char *)m->args.data);
        message_unref(m);
    }
    return text;
}

static int close_crowd(void **state)
{
    (void)state;
    (void)take_out();
    crowd_close(&crowd);
    return 0;
}

static bool joins_with_gap(struct person *p, const char *room, struct message_id since)
{
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_ID, .id = since };
    assert_int_equal(crowd_join_with(p, room, &how, &joined), BELFRY_OK);
    bool has_gap = joined.has_gap;
    hub_joined_deinit(&joined);
    return has_gap;
}

/* --- Pub/Sub ---------------------------------------------------------------------------------- */

static void hear(const char *room, bool is_heard)
{
    hub_hear_room(&crowd.hub.root, bytes_of_text(room), is_heard, ++crowd.wall_ms);
}

static void test_what_is_said_goes_out_in_order(void **state)
{
    (void)state;
    struct hub_published published;
    struct message_spec local = { .flags = MESSAGE_LOCAL, .args = bytes_of_text("local") };
    (void)crowd_say(&crowd, NULL, "a", "one");
    assert_int_equal(crowd_publish(&crowd, NULL, &local, &published), BELFRY_OK);
    (void)crowd_say(&crowd, &crowd.hub.shards[1], NULL, "two");
    (void)crowd_say(&crowd, &crowd.hub.shards[0], "b", "three");
    assert_string_equal(take_out(), "one two three");
    assert_string_equal(take_out(), "");
    assert_int_equal(crowd.hub.outlet.count, 0);
}

/* A position in a room says nothing of the time in which nobody listened. */
static void test_a_room_that_was_not_heard_is_a_gap(void **state)
{
    (void)state;
    struct message_id since = crowd_say(&crowd, NULL, "r", "one");
    assert_true(joins_with_gap(&ada, "r", since));
    assert_true(joins_with_gap(&bob, "r", since)); /* nobody listens yet */
    hear("r", true);
    assert_true(joins_with_gap(&ada, "r", since)); /* from before */
    since = crowd_say(&crowd, NULL, "r", "two");
    assert_false(joins_with_gap(&bob, "r", since));
    (void)crowd_leave(&ada, "r");
    (void)crowd_leave(&bob, "r");
    assert_false(joins_with_gap(&ada, "r", since)); /* it is listened to a while longer */
    (void)crowd_leave(&ada, "r");
    hear("r", false);
    assert_true(joins_with_gap(&ada, "r", since));
    hear("r", true);
    assert_true(joins_with_gap(&ada, "r", since));
}

/* A room that is empty and has no history stays, so that coming back to it is no gap. */
static void test_an_empty_room_that_is_heard(void **state)
{
    (void)state;
    crowd_join(&ada, "quiet");
    hear("quiet", true);
    struct message_id since = crowd_say(&crowd, NULL, "loud", "one");
    (void)crowd_leave(&ada, "quiet");
    assert_false(joins_with_gap(&ada, "quiet", since));
    (void)crowd_leave(&ada, "quiet");
    hear("quiet", false);
    hear("never", false); /* of no room: nothing */
    assert_true(joins_with_gap(&ada, "quiet", since));
}

static void test_coming_back_with_rooms(void **state)
{
    (void)state;
    static const char *const rooms[] = { "r", "s", NULL };
    hear("r", true);
    struct message_id since = crowd_say(&crowd, NULL, "r", "one");
    person_go(&ada);
    person_come(&ada, rooms, &since);
    assert_string_equal(person_take(&ada), "[gap];"); /* of s */
    hear("s", true);
    since = crowd_say(&crowd, NULL, "r", "two");
    person_go(&ada);
    person_come(&ada, rooms, &since);
    assert_string_equal(person_take(&ada), "");
    person_go(&ada);
    hub_note_missed(&crowd.hub.root, ++crowd.wall_ms); /* Redis was away */
    person_come(&ada, rooms, &since);
    assert_string_equal(person_take(&ada), "[gap];");
}

/* --- a sequencer ------------------------------------------------------------------------------ */

struct told {
    struct receipt receipt;
    unsigned times;
    belfry_err err;
    struct message_id id;
    bool has_id, is_repeat;
};

static void on_told(struct delivery *delivery, struct hub_shard *shard)
{
    struct receipt *receipt = BELFRY_CONTAINER_OF(delivery, struct receipt, delivery);
    struct told *told = BELFRY_CONTAINER_OF(receipt, struct told, receipt);
    (void)shard;
    told->times++;
    told->err = receipt->err;
    told->id = receipt->id;
    told->has_id = receipt->has_id;
    told->is_repeat = receipt->is_repeat;
}

/* Says @text with a receipt; returns it as it stands in the outlet. */
static struct message *say_later(const char *text, const char *key, struct told *told)
{
    struct hub_published published;
    struct post *rest = NULL;
    struct message_spec spec = { .room_count = 1,
                                 .rooms = { bytes_of_text("r") },
                                 .wall_ms = crowd.wall_ms,
                                 .whole_key = bytes_of_text(key),
                                 .args = bytes_of_text(text) };
    struct message *m = message_new(&spec, &crowd.hub.hash_key, crowd.hub.worker_count);
    *told = (struct told){ .receipt = { .delivery.run = on_told } };
    m->receipt = &told->receipt;
    assert_int_equal(hub_publish(&crowd.hub.root, NULL, m, &published), BELFRY_OK);
    assert_true(published.is_later);
    m = take_next(&rest);
    assert_non_null(m);
    return m;
}

static void come_back(struct message *m, uint64_t ms, bool is_past)
{
    (void)hub_publish_as(&crowd.hub.root, &crowd.hub.shards[0], m, (struct message_id){ .ms = ms },
                         is_past);
    crowd_drain(&crowd);
}

static void test_nothing_is_heard_before_it_has_a_place(void **state)
{
    (void)state;
    struct told first, second;
    crowd_join(&ada, "r");
    struct message *one = say_later("one", "", &first), *two = say_later("two", "", &second);
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "");
    assert_int_equal(first.times, 0);
    come_back(two, 5000, false); /* in the order of the stream, not of saying */
    come_back(one, 5001, false);
    assert_string_equal(person_take(&ada), "two;one;");
    assert_int_equal(first.times, 1);
    assert_int_equal(first.err, BELFRY_OK);
    assert_true(first.has_id && first.id.ms == 5001);
    assert_true(second.id.ms == 5000);
}

static void test_what_comes_again_is_not_heard_again(void **state)
{
    (void)state;
    struct told first, again, old;
    crowd_join(&ada, "r");
    come_back(say_later("one", "key", &first), 5000, false);
    come_back(say_later("one", "key", &again), 5001, false);
    assert_string_equal(person_take(&ada), "one;");
    assert_true(again.is_repeat && again.id.ms == 5000);
    come_back(say_later("old", "", &old), 4000, false); /* an entry that was read before */
    assert_string_equal(person_take(&ada), "");
}

static void test_the_past_is_for_the_log(void **state)
{
    (void)state;
    struct told told;
    crowd_join(&ada, "r");
    come_back(say_later("past", "", &told), 5000, true);
    assert_string_equal(person_take(&ada), "");
    assert_false(joins_with_gap(&bob, "r", (struct message_id){ 0 }));
}

static void test_a_lost_message_is_told(void **state)
{
    (void)state;
    struct told told;
    struct message *m = say_later("lost", "", &told);
    hub_tell(&crowd.hub, m, BELFRY_ERR_AGAIN);
    message_unref(m);
    crowd_drain(&crowd);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.err, BELFRY_ERR_AGAIN);
    assert_false(told.has_id);
}

static void test_a_full_sequencer_says_so(void **state)
{
    (void)state;
    struct hub_published published;
    struct message_spec spec = { .args = bytes_of_text("x") };
    struct message_spec passing = { .flags = MESSAGE_UNLOGGED, .args = bytes_of_text("y") };
    crowd.hub.outlet.is_full = true;
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_ERR_AGAIN);
    assert_int_equal(crowd_publish(&crowd, NULL, &passing, &published), BELFRY_OK);
    crowd_drain(&crowd);
    assert_string_equal(person_take(&bob), "y;"); /* it needs no place */
}

/* Whoever resumes from before where the stream begins has a gap. */
static void test_where_it_begins(void **state)
{
    (void)state;
    hub_begin_behind(&crowd.hub.root, (struct message_id){ .ms = 3000 });
    assert_true(joins_with_gap(&ada, "r", (struct message_id){ .ms = 2999 }));
    assert_false(joins_with_gap(&bob, "r", (struct message_id){ .ms = 3000 }));
    assert_true(hub_reaches(&crowd.hub.root, (struct message_id){ .ms = 3000 }));
    assert_false(hub_reaches(&crowd.hub.root, (struct message_id){ .ms = 2999 }));
    assert_false(hub_reaches(&crowd.hub.root, (struct message_id){ .ms = 3001 }));
}

#define PARTIAL(test) cmocka_unit_test_setup_teardown(test, open_partial, close_crowd)
#define SEQUENCED(test) cmocka_unit_test_setup_teardown(test, open_sequenced, close_crowd)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PARTIAL(test_what_is_said_goes_out_in_order),
        PARTIAL(test_a_room_that_was_not_heard_is_a_gap),
        PARTIAL(test_an_empty_room_that_is_heard),
        PARTIAL(test_coming_back_with_rooms),
        SEQUENCED(test_nothing_is_heard_before_it_has_a_place),
        SEQUENCED(test_what_comes_again_is_not_heard_again),
        SEQUENCED(test_the_past_is_for_the_log),
        SEQUENCED(test_a_lost_message_is_told),
        SEQUENCED(test_a_full_sequencer_says_so),
        SEQUENCED(test_where_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
