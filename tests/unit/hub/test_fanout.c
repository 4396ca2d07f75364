/*
 * test_fanout.c - from inboxes to members: batches, exceptions, several rooms, everyone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada, bob, cyd, dan;
static struct person eve, fay; /* who can be named by their ids; not there at first */

static int open_tower(void **state)
{
    (void)state;
    crowd_open(&crowd, 2, &crowd_limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 0, "bob");
    crowd_add(&crowd, &cyd, 1, "cyd");
    crowd_add(&crowd, &dan, 1, "dan");
    eve = fay = (struct person){ 0 };
    return 0;
}

static int close_tower(void **state)
{
    (void)state;
    crowd_close(&crowd);
    return 0;
}

/* --- batches ---------------------------------------------------------------------------------- */

static void test_consecutive_messages_to_a_room_arrive_in_one_frame(void **state)
{
    (void)state;
    crowd_join(&ada, "tower");
    crowd_join(&bob, "tower");
    crowd_join(&bob, "cellar");
    crowd_say(&crowd, NULL, "tower", "one");
    crowd_say(&crowd, NULL, "tower", "two");
    crowd_say(&crowd, NULL, "cellar", "down");
    crowd_say(&crowd, NULL, "tower", "three");
    crowd_drain(&crowd);
    assert_int_equal(ada.frames, 2);
    assert_string_equal(person_take(&ada), "one;two;three;");
    assert_int_equal(bob.frames, 3);
    assert_string_equal(person_take(&bob), "one;two;down;three;");
    assert_int_equal(crowd.encoded, 4); /* once each, for everybody */
    assert_int_equal(crowd.hub.shards[0].delivered, 7);
}

static void test_a_batch_has_a_bound_and_nothing_is_lost(void **state)
{
    (void)state;
    char text[16];
    struct buf want = { 0 };
    crowd_join(&ada, "tower");
    for (int i = 0; i < 3 * HUB_BATCH_MESSAGES + 1; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        crowd_say(&crowd, NULL, "tower", text);
        buf_printf(&want, "%d;", i);
    }
    crowd_drain(&crowd);
    assert_int_equal(ada.frames, 4);
    assert_true(bytes_equal(buf_bytes(&ada.heard), buf_bytes(&want)));
    buf_deinit(&want);
}

static void test_what_is_too_large_to_join_comes_one_by_one(void **state)
{
    (void)state;
    static char large[HUB_BATCH_BYTES / 2 + 1];
    memset(large, 'x', sizeof large - 1);
    crowd_join(&ada, "tower");
    crowd_say(&crowd, NULL, "tower", large);
    crowd_say(&crowd, NULL, "tower", large);
    crowd_say(&crowd, NULL, "tower", "small");
    crowd_drain(&crowd);
    assert_int_equal(ada.frames, 3);
    assert_int_equal(ada.heard.size, 2 * sizeof large + 6);
    assert_memory_equal(ada.heard.data + ada.heard.size - 7, ";small;", 7);
}

static void test_more_forms_than_a_batch_has_rows_for_are_served_too(void **state)
{
    (void)state;
    static struct person many[2 * HUB_BATCH_FORMS];
    for (unsigned i = 0; i < BELFRY_COUNT(many); i++) {
        crowd_add(&crowd, &many[i], 0, "somebody");
        many[i].form = i;
        crowd_join(&many[i], "tower");
    }
    crowd_say(&crowd, NULL, "tower", "one");
    crowd_say(&crowd, NULL, "tower", "two");
    crowd_drain(&crowd);
    for (unsigned i = 0; i < BELFRY_COUNT(many); i++) {
        assert_int_equal(many[i].frames, 1);
        assert_string_equal(person_take(&many[i]), i == 1 ? "one!two!" : "one;two;");
    }
    assert_int_equal(crowd.encoded, 2 * BELFRY_COUNT(many));
}

static void test_members_that_take_messages_one_by_one_hear_the_same(void **state)
{
    (void)state;
    bob.takes_one_by_one = true;
    crowd_join(&ada, "tower");
    crowd_join(&bob, "tower");
    for (int round = 0; round < 3; round++) {
        crowd_say(&crowd, NULL, "tower", "one");
        if (round > 0)
            crowd_say(&crowd, NULL, "tower", "two");
        crowd_drain(&crowd);
    }
    assert_string_equal(person_take(&ada), "one;one;two;one;two;");
    assert_string_equal(person_take(&bob), "one;one;two;one;two;");
}

/* What flags a batch has: volatile ones may be skipped, so they travel apart. */
static uint8_t batch_flags[8];
static unsigned batch_counts[8];
static unsigned batches;

static void note_batch(struct member *member, struct hub_batch *batch,
                       struct membership *membership)
{
    (void)member;
    assert_non_null(membership);
    assert_true(bytes_equal_text(membership_room_name(membership), "tower"));
    assert_true(batches < BELFRY_COUNT(batch_flags));
    for (unsigned i = 0; i < batch->count; i++)
        assert_int_equal(batch->messages[i]->flags, batch->messages[0]->flags);
    batch_flags[batches] = batch->messages[0]->flags;
    batch_counts[batches++] = batch->count;
}

static void test_volatile_messages_are_not_mixed_with_others(void **state)
{
    (void)state;
    static const struct member_ops noting = { note_batch, person_describe };
    static const uint8_t flags[] = { 0, 0, MESSAGE_VOLATILE, MESSAGE_VOLATILE, 0 };
    struct hub_published published;
    batches = 0;
    ada.member.ops = &noting;
    crowd_join(&ada, "tower");
    for (size_t i = 0; i < BELFRY_COUNT(flags); i++) {
        struct message_spec spec = { .flags = flags[i],
                                     .room_count = 1,
                                     .rooms = { BELFRY_BYTES("tower") } };
        assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    }
    crowd_drain(&crowd);
    assert_int_equal(batches, 3);
    assert_int_equal(batch_counts[0], 2);
    assert_int_equal(batch_counts[1], 2);
    assert_int_equal(batch_flags[1], MESSAGE_VOLATILE);
    assert_int_equal(batch_counts[2], 1);
}

static void test_the_excepted_sender_misses_only_its_own(void **state)
{
    (void)state;
    struct hub_published published;
    uint64_t senders[] = { ada.member.id, bob.member.id, 0, ada.member.id };
    static const char *const texts[] = { "from ada", "from bob", "from outside", "ada again" };
    crowd_join(&ada, "tower");
    crowd_join(&bob, "tower");
    crowd_join(&cyd, "tower");
    for (size_t i = 0; i < BELFRY_COUNT(senders); i++) {
        struct message_spec spec = { .room_count = 1,
                                     .rooms = { BELFRY_BYTES("tower") },
                                     .except_member = senders[i],
                                     .args = bytes_of_text(texts[i]) };
        assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    }
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "from bob;from outside;");
    assert_string_equal(person_take(&bob), "from ada;from outside;ada again;");
    assert_string_equal(person_take(&cyd), "from ada;from bob;from outside;ada again;");
}

/* --- targets ---------------------------------------------------------------------------------- */

/* ada: a; bob: a, b; cyd: b, c; dan: none. Who hears what? */
static const struct target_case {
    const char *name;
    const char *rooms[3];
    const char *excepts[2];
    char except_person; /* 'a'...; 0: nobody */
    const char *want;   /* initials of who hears it */
} target_cases[] = {
    { "one room", { "a" }, { NULL }, 0, "ab" },
    { "two rooms, and who is in both hears it once", { "a", "b" }, { NULL }, 0, "abc" },
    { "the same room twice", { "a", "a" }, { NULL }, 0, "ab" },
    { "three rooms", { "a", "b", "c" }, { NULL }, 0, "abc" },
    { "a room that nobody is in", { "nowhere" }, { NULL }, 0, "" },
    { "but not who is in b", { "a" }, { "b" }, 0, "a" },
    { "but not who is in b or a", { "a", "b" }, { "b", "a" }, 0, "" },
    { "except a room nobody is in", { "a" }, { "nowhere" }, 0, "ab" },
    { "but not ada", { "a" }, { NULL }, 'a', "b" },
    { "two rooms but not bob", { "a", "b" }, { NULL }, 'b', "ac" },
    { "neither bob nor who is in c", { "a", "b" }, { "c" }, 'b', "a" },
    { "everyone", { NULL }, { NULL }, 0, "abcd" },
    { "everyone but bob", { NULL }, { NULL }, 'b', "acd" },
    { "everyone but who is in a", { NULL }, { "a" }, 0, "cd" },
    { "everyone but who is in a or c, and dan", { NULL }, { "a", "c" }, 'd', "" },
};

static void fill_rooms(const char *const *names, size_t most, belfry_bytes *out, uint8_t *out_count)
{
    for (size_t i = 0; i < most && names[i] != NULL; i++)
        out[(*out_count)++] = bytes_of_text(names[i]);
}

static char initial_of(const struct person *p)
{
    return p->name[p->name[0] == '#' ? 2 : 0];
}

static void note_selected(struct member *member, void *arg)
{
    const struct person *p = BELFRY_CONTAINER_OF(member, struct person, member);
    char *selected = arg;
    assert_null(strchr(selected, initial_of(p)));
    selected[strlen(selected)] = initial_of(p);
}

static int compare_letters(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* Without saying anything it is the same people. */
static void assert_selected(const char *name, const struct message_spec *spec, const char *want)
{
    char selected[16] = "";
    struct hub_selection selection = { .room_count = spec->room_count,
                                       .except_count = spec->except_count,
                                       .except_member = spec->except_member };
    selection.rooms = spec->rooms;
    selection.excepts = spec->excepts;
    for (unsigned w = 0; w < crowd.hub.worker_count; w++)
        hub_each_selected(&crowd.hub.shards[w], &crowd.hub.root, &selection, note_selected,
                          selected);
    qsort(selected, strlen(selected), 1, compare_letters);
    if (strcmp(selected, want) != 0)
        fail_msg("%s: \"%s\" are selected, not \"%s\"", name, selected, want);
}

static void assert_targets(const struct target_case *cases, size_t count)
{
    struct person *all[] = { &ada, &bob, &cyd, &dan, &eve, &fay };
    for (const struct target_case *c = cases; c != cases + count; c++) {
        struct hub_published published;
        struct message_spec spec = { .args = BELFRY_BYTES("x") };
        char heard[8] = "";
        fill_rooms(c->rooms, 3, spec.rooms, &spec.room_count);
        fill_rooms(c->excepts, 2, spec.excepts, &spec.except_count);
        for (size_t i = 0; i < BELFRY_COUNT(all); i++) {
            if (initial_of(all[i]) == c->except_person)
                spec.except_member = all[i]->member.id;
        }
        assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
        crowd_drain(&crowd);
        for (size_t i = 0; i < BELFRY_COUNT(all); i++) {
            const char *text = person_take(all[i]);
            if (strcmp(text, "x;") == 0)
                heard[strlen(heard)] = initial_of(all[i]);
            else if (text[0] != '\0')
                fail_msg("%s: %s heard \"%s\"", c->name, all[i]->name, text);
        }
        if (strcmp(heard, c->want) != 0)
            fail_msg("%s: heard by \"%s\", not \"%s\"", c->name, heard, c->want);
        assert_selected(c->name, &spec, c->want);
    }
}

static void test_targets_reach_exactly_whom_they_name(void **state)
{
    (void)state;
    crowd_join(&ada, "a");
    crowd_join(&bob, "a");
    crowd_join(&bob, "b");
    crowd_join(&cyd, "b");
    crowd_join(&cyd, "c");
    assert_targets(target_cases, BELFRY_COUNT(target_cases));
}

static void test_order_holds_between_kinds_of_targets(void **state)
{
    (void)state;
    struct hub_published published;
    struct message_spec everyone = { .args = BELFRY_BYTES("all") };
    struct message_spec two = { .room_count = 2,
                                .rooms = { BELFRY_BYTES("a"), BELFRY_BYTES("b") },
                                .args = BELFRY_BYTES("two") };
    crowd_join(&ada, "a");
    crowd_join(&cyd, "b");
    crowd_say(&crowd, NULL, "a", "1");
    assert_int_equal(crowd_publish(&crowd, NULL, &everyone, &published), BELFRY_OK);
    crowd_say(&crowd, NULL, "a", "2");
    assert_int_equal(crowd_publish(&crowd, NULL, &two, &published), BELFRY_OK);
    crowd_say(&crowd, NULL, "a", "3");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "1;all;2;two;3;");
    assert_string_equal(person_take(&cyd), "all;two;");
    assert_string_equal(person_take(&dan), "all;");
}

/* --- everyone ---*/

static void test_consecutive_messages_to_everyone_arrive_in_one_frame(void **state)
{
    (void)state;
    crowd_join(&ada, "tower");
    crowd_say(&crowd, NULL, NULL, "one");
    crowd_say(&crowd, NULL, NULL, "two");
    crowd_say(&crowd, NULL, "tower", "tower");
    crowd_say(&crowd, NULL, NULL, "three");
    crowd_drain(&crowd);
    assert_int_equal(ada.frames, 3);
    assert_string_equal(person_take(&ada), "one;two;tower;three;");
    assert_int_equal(dan.frames, 1); /* nobody there is in the tower */
    assert_string_equal(person_take(&dan), "one;two;three;");
    assert_int_equal(crowd.encoded, 4);
}

static void test_the_excepted_one_of_everyone_misses_only_its_own(void **state)
{
    (void)state;
    struct hub_published published;
    uint64_t senders[] = { ada.member.id, 0, cyd.member.id };
    static const char *const texts[] = { "from ada", "from outside", "from cyd" };
    for (size_t i = 0; i < BELFRY_COUNT(senders); i++) {
        struct message_spec spec = { .except_member = senders[i], .args = bytes_of_text(texts[i]) };
        assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    }
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), "from outside;from cyd;");
    assert_string_equal(person_take(&bob), "from ada;from outside;from cyd;");
    assert_int_equal(dan.frames, 1);
    assert_string_equal(person_take(&cyd), "from ada;from outside;");
}

static void note_entry(struct member *member, const struct hub_joined *joined, void *user)
{
    struct person *p = BELFRY_CONTAINER_OF(member, struct person, member);
    (void)user;
    buf_printf(&p->heard, "[%u];", joined->members);
}

static void test_who_enters_hears_what_comes_behind_it(void **state)
{
    (void)state;
    struct hub_joined joined;
    struct hub_enter how = { .on_live = note_entry };
    hub_exit(dan.shard, dan.nsp, &dan.member);
    crowd_say(&crowd, NULL, NULL, "before");
    assert_int_equal(hub_enter(dan.shard, dan.nsp, &dan.member, &how, &joined), BELFRY_OK);
    hub_joined_deinit(&joined);
    crowd_say(&crowd, NULL, NULL, "after");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&dan), "[4];after;");
    assert_string_equal(person_take(&cyd), "before;after;");
}

static void test_people_who_come_and_go_hear_everything_of_their_time(void **state)
{
    (void)state;
    static struct person many[40];
    static struct buf want[BELFRY_COUNT(many)];
    static bool is_there[BELFRY_COUNT(many)];
    struct random_seeded r;
    struct hub_joined joined;
    struct hub_enter how = { 0 };
    char text[16];
    random_seed(&r, 5);
    for (unsigned i = 0; i < BELFRY_COUNT(many); i++) {
        crowd_add(&crowd, &many[i], i % 2, "somebody");
        is_there[i] = true;
    }
    for (unsigned round = 0; round < 2000; round++) {
        unsigned who = (unsigned)random_below(&r, BELFRY_COUNT(many));
        struct person *p = &many[who];
        if (random_below(&r, 3) == 0) {
            crowd_drain(&crowd); /* what is under way is not heard by those who leave */
            if (is_there[who])
                hub_exit(p->shard, p->nsp, &p->member);
            else
                assert_int_equal(hub_enter(p->shard, p->nsp, &p->member, &how, &joined), BELFRY_OK);
            is_there[who] = !is_there[who];
            continue;
        }
        (void)snprintf(text, sizeof text, "%u", round);
        crowd_say(&crowd, NULL, NULL, text);
        for (unsigned i = 0; i < BELFRY_COUNT(many); i++) {
            if (is_there[i])
                buf_printf(&want[i], "%u;", round);
        }
    }
    crowd_drain(&crowd);
    for (unsigned i = 0; i < BELFRY_COUNT(many); i++) {
        assert_true(bytes_equal(buf_bytes(&many[i].heard), buf_bytes(&want[i])));
        buf_deinit(&want[i]);
    }
}

/* --- members by their ids ---*/

static void add_eve_and_fay(void)
{
    crowd_add(&crowd, &eve, 0, "#0eve");
    crowd_add(&crowd, &fay, 1, "#1fay");
}

static void test_a_member_is_a_room_of_its_own(void **state)
{
    (void)state;
    add_eve_and_fay();
    crowd_say(&crowd, NULL, "#0eve", "one");
    crowd_say(&crowd, NULL, "#0eve", "two");
    crowd_say(&crowd, NULL, "#1fay", "yours");
    crowd_say(&crowd, NULL, "#0eve", "three");
    assert_int_equal(atomic_load(&eve.shard->inbox_count), 3);
    assert_int_equal(atomic_load(&fay.shard->inbox_count), 1);
    crowd_drain(&crowd);
    assert_int_equal(eve.frames, 1);
    assert_string_equal(person_take(&eve), "one;two;three;");
    assert_string_equal(person_take(&fay), "yours;");
    assert_string_equal(person_take(&ada), "");
    assert_int_equal(hub_room_count(&crowd.hub.root), 0); /* nothing is stored for it */
    assert_int_equal(crowd.hub.root.log.count, 4);        /* but what was said is */
}

static void test_ids_of_nobody_reach_nobody(void **state)
{
    (void)state;
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_NOW };
    add_eve_and_fay();
    crowd_say(&crowd, NULL, "#0gone", "x");
    crowd_say(&crowd, NULL, "#1eve", "x");
    crowd_say(&crowd, NULL, "#7eve", "x"); /* no such worker: a room like any other */
    hub_exit(fay.shard, fay.nsp, &fay.member);
    crowd_say(&crowd, NULL, "#1fay", "too late");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&eve), "");
    assert_string_equal(person_take(&fay), "");
    assert_int_equal(hub_room_count(&crowd.hub.root), 1);
    assert_int_equal(crowd_join_with(&ada, "#0eve", &how, &joined), BELFRY_ERR_INVALID);
    assert_int_equal(crowd_join_with(&ada, "#0nobody", &how, &joined), BELFRY_ERR_INVALID);
    assert_int_equal(ada.shard->hub->root.shards[0].rooms.count, 0);
}

static void test_a_worker_without_members_is_not_bothered(void **state)
{
    (void)state;
    hub_exit(cyd.shard, cyd.nsp, &cyd.member);
    hub_exit(dan.shard, dan.nsp, &dan.member);
    crowd_say(&crowd, NULL, "#1fay", "x");
    assert_false(hub_has_pending(&crowd.hub.shards[1]));
}

/* eve and fay are in a, ada in a and b: as the table above, with ids among the rooms. */
static const struct target_case id_cases[] = {
    { "one by id", { "#0eve" }, { NULL }, 0, "e" },
    { "two by id", { "#0eve", "#1fay" }, { NULL }, 0, "ef" },
    { "the same twice", { "#0eve", "#0eve" }, { NULL }, 0, "e" },
    { "by id and in a room", { "#1fay", "a" }, { NULL }, 0, "aef" },
    { "by id and another room", { "#1fay", "b" }, { NULL }, 0, "af" },
    { "by id but not who is in a", { "#1fay" }, { "a" }, 0, "" },
    { "a room without one", { "a" }, { "#0eve" }, 0, "af" },
    { "a room without two", { "a" }, { "#0eve", "#1fay" }, 0, "a" },
    { "everyone but one", { NULL }, { "#1fay" }, 0, "abcde" },
    { "everyone but one and a room", { NULL }, { "#1fay", "b" }, 0, "bcde" },
    { "by id, but it is the sender", { "#1fay" }, { NULL }, 'f', "" },
    { "by id, and itself excepted", { "#1fay" }, { "#1fay" }, 0, "" },
    { "everyone but nobody we know", { NULL }, { "#0gone" }, 0, "abcdef" },
};

static void test_ids_may_stand_wherever_rooms_do(void **state)
{
    (void)state;
    add_eve_and_fay();
    crowd_join(&ada, "a");
    crowd_join(&ada, "b");
    crowd_join(&eve, "a");
    crowd_join(&fay, "a");
    assert_targets(id_cases, BELFRY_COUNT(id_cases));
}

static void test_messages_to_one_member_keep_their_order_and_senders(void **state)
{
    (void)state;
    struct hub_published published;
    add_eve_and_fay();
    crowd_join(&eve, "tower");
    for (int i = 0; i < 5; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        struct message_spec spec = { .room_count = 1,
                                     .rooms = { i == 2 ? BELFRY_BYTES("tower")
                                                       : BELFRY_BYTES("#0eve") },
                                     .except_member = i == 3 ? eve.member.id : 0,
                                     .args = bytes_of_text(text) };
        assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
    }
    crowd_drain(&crowd);
    assert_string_equal(person_take(&eve), "0;1;2;4;");
}

/* --- one member, and things that are not messages --------------------------------------------- */

static void test_a_message_may_be_for_one_member_alone(void **state)
{
    (void)state;
    struct message_spec spec = { .args = BELFRY_BYTES("psst") };
    struct message *m = message_new(&spec, &crowd.hub.hash_key, 2);
    assert_non_null(m);
    hub_deliver_to(cyd.shard, &crowd.hub.root, m, &cyd.member);
    message_unref(m);
    assert_string_equal(person_take(&cyd), "psst;");
    assert_string_equal(person_take(&dan), "");
}

struct errand {
    struct delivery delivery;
    struct person *person;
};

static void run_errand(struct delivery *delivery, struct hub_shard *shard)
{
    struct errand *errand = BELFRY_CONTAINER_OF(delivery, struct errand, delivery);
    assert_ptr_equal(shard, errand->person->shard);
    buf_put_text(&errand->person->heard, "[errand];");
}

static void test_a_pushed_delivery_keeps_its_place(void **state)
{
    (void)state;
    struct errand errands[2];
    for (int i = 0; i < 2; i++)
        errands[i] = (struct errand){ .delivery.run = run_errand, .person = &cyd };
    crowd_join(&cyd, "tower");
    crowd_say(&crowd, NULL, "tower", "one");
    assert_int_equal(hub_push(cyd.shard, NULL, &errands[0].delivery), BELFRY_OK);
    crowd_say(&crowd, NULL, "tower", "two");
    assert_int_equal(hub_push(cyd.shard, ada.shard, &errands[1].delivery), BELFRY_OK);
    crowd_drain(&crowd);
    assert_string_equal(person_take(&cyd), "one;[errand];two;[errand];");
    assert_int_equal(atomic_load(&cyd.shard->inbox_count), 0);
}

static void test_a_full_inbox_takes_errands_of_workers_only(void **state)
{
    (void)state;
    struct errand errand = { .delivery.run = run_errand, .person = &cyd };
    crowd.hub.limits.max_inbox = 1;
    crowd_join(&cyd, "tower");
    crowd_say(&crowd, NULL, "tower", "one");
    assert_int_equal(hub_push(cyd.shard, NULL, &errand.delivery), BELFRY_ERR_AGAIN);
    assert_int_equal(hub_push(cyd.shard, ada.shard, &errand.delivery), BELFRY_OK);
    crowd_drain(&crowd);
    assert_string_equal(person_take(&cyd), "one;[errand];");
    assert_int_equal(atomic_load(&cyd.shard->inbox_count), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tower, close_tower)
    const struct CMUnitTest tests[] = {
        TEST(test_consecutive_messages_to_a_room_arrive_in_one_frame),
        TEST(test_a_batch_has_a_bound_and_nothing_is_lost),
        TEST(test_what_is_too_large_to_join_comes_one_by_one),
        TEST(test_more_forms_than_a_batch_has_rows_for_are_served_too),
        TEST(test_members_that_take_messages_one_by_one_hear_the_same),
        TEST(test_volatile_messages_are_not_mixed_with_others),
        TEST(test_the_excepted_sender_misses_only_its_own),
        TEST(test_targets_reach_exactly_whom_they_name),
        TEST(test_order_holds_between_kinds_of_targets),
        TEST(test_consecutive_messages_to_everyone_arrive_in_one_frame),
        TEST(test_the_excepted_one_of_everyone_misses_only_its_own),
        TEST(test_who_enters_hears_what_comes_behind_it),
        TEST(test_people_who_come_and_go_hear_everything_of_their_time),
        TEST(test_a_member_is_a_room_of_its_own),
        TEST(test_ids_of_nobody_reach_nobody),
        TEST(test_a_worker_without_members_is_not_bothered),
        TEST(test_ids_may_stand_wherever_rooms_do),
        TEST(test_messages_to_one_member_keep_their_order_and_senders),
        TEST(test_a_message_may_be_for_one_member_alone),
        TEST(test_a_pushed_delivery_keeps_its_place),
        TEST(test_a_full_inbox_takes_errands_of_workers_only),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
