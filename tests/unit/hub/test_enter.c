/*
 * test_enter.c - coming into a namespace with rooms, and coming back to what was missed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/memory.h"
#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada, bob, eve;

static int open_tower(void **state)
{
    (void)state;
    crowd_open(&crowd, 2, &crowd_limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 1, "bob");
    crowd_add(&crowd, &eve, 0, "#0eve");
    return 0;
}

static int close_tower(void **state)
{
    (void)state;
    crowd_close(&crowd);
    return 0;
}

static void reopen(const struct hub_limits *limits)
{
    crowd_close(&crowd);
    crowd_open(&crowd, 2, limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 1, "bob");
    crowd_add(&crowd, &eve, 0, "#0eve");
}

/* --- rooms from the start ---*/

static void test_a_newcomer_may_be_in_rooms_from_the_start(void **state)
{
    (void)state;
    static const char *const rooms[] = { "a", "b", "a", "#0eve", "#1bob", NULL };
    struct hub_joined joined;
    crowd_join(&bob, "b");
    person_go(&eve);
    crowd_say(&crowd, NULL, "a", "before");
    assert_int_equal(person_try_come(&eve, rooms, NULL, &joined), BELFRY_OK);
    assert_int_equal(joined.members, 3);
    assert_int_equal(joined.history.count, 0);
    assert_false(joined.has_gap);
    hub_joined_deinit(&joined);
    assert_int_equal(eve.member.membership_count, 2);
    assert_true(bytes_equal_text(membership_room_name(&eve.member.memberships[0]), "a"));
    assert_true(bytes_equal_text(membership_room_name(&eve.member.memberships[1]), "b"));
    assert_int_equal(hub_member_count(eve.nsp, BELFRY_BYTES("a")), 1);
    assert_int_equal(hub_member_count(eve.nsp, BELFRY_BYTES("b")), 2);
    crowd_say(&crowd, NULL, "b", "1");
    crowd_say(&crowd, NULL, NULL, "2");
    crowd_say(&crowd, NULL, "a", "3");
    crowd_drain(&crowd);
    assert_string_equal(person_take(&eve), "1;2;3;");
}

static void test_a_limit_undoes_everything(void **state)
{
    (void)state;
    static const char *const three[] = { "a", "b", "c", NULL };
    struct hub_limits limits = crowd_limits;
    struct hub_joined joined;
    limits.max_rooms_per_member = 2;
    reopen(&limits);
    person_go(&eve);
    assert_int_equal(person_try_come(&eve, three, NULL, &joined), BELFRY_ERR_LIMIT);
    limits.max_rooms_per_member = 10;
    limits.max_rooms = 2;
    reopen(&limits);
    crowd_join(&ada, "b");
    person_go(&eve);
    assert_int_equal(person_try_come(&eve, three, NULL, &joined), BELFRY_ERR_LIMIT);
    assert_int_equal(hub_room_count(eve.nsp), 1);
    assert_int_equal(eve.nsp->shards[0].rooms.count, 1);
    assert_int_equal(hub_member_count(eve.nsp, BELFRY_BYTES("b")), 1);
    assert_int_equal(hub_nsp_member_count(eve.nsp), 2);
    assert_false(hub_has_pending(eve.shard));
    crowd_leave(&ada, "b");
    person_come(&eve, &three[1], NULL);
    assert_int_equal(hub_room_count(eve.nsp), 2);
}

/* --- coming back ---*/

/* eve was in a and b. Would she have heard it? */
static const struct missed_case {
    const char *name;
    const char *rooms[3];
    const char *excepts[2];
    const char *sender; /* it is excepted itself; NULL: nobody is */
    uint8_t flags;
    bool has_ack;
    bool is_missed;
} missed_cases[] = {
    { "everyone", { NULL }, { NULL }, NULL, 0, false, true },
    { "a room of hers", { "a" }, { NULL }, NULL, 0, false, true },
    { "another room", { "c" }, { NULL }, NULL, 0, false, false },
    { "two rooms of hers, once", { "a", "b" }, { NULL }, NULL, 0, false, true },
    { "another room and one of hers", { "c", "b" }, { NULL }, NULL, 0, false, true },
    { "her id", { "#0eve" }, { NULL }, NULL, 0, false, true },
    { "another id", { "#0ada" }, { NULL }, NULL, 0, false, false },
    { "another id and a room of hers", { "#0ada", "a" }, { NULL }, NULL, 0, false, true },
    { "a room of hers but not the other", { "a" }, { "b" }, NULL, 0, false, false },
    { "a room of hers but not another", { "a" }, { "c" }, NULL, 0, false, true },
    { "everyone but her", { NULL }, { "#0eve" }, NULL, 0, false, false },
    { "everyone but somebody else", { NULL }, { "#0ada" }, NULL, 0, false, true },
    { "her id but not who is in a", { "#0eve" }, { "a" }, NULL, 0, false, false },
    { "from herself", { "a" }, { NULL }, "#0eve", 0, false, false },
    { "from herself to everyone", { NULL }, { NULL }, "#0eve", 0, false, false },
    { "from somebody else", { "a" }, { NULL }, "ada", 0, false, true },
    { "unlogged", { "a" }, { NULL }, NULL, MESSAGE_UNLOGGED, false, false },
    { "to be answered", { "a" }, { NULL }, NULL, 0, true, false },
};

static void publish_case(const struct missed_case *c)
{
    struct hub_published published;
    struct message_spec spec = { .flags = c->flags,
                                 .has_ack = c->has_ack,
                                 .except_member = c->sender != NULL ? 77777 : 0,
                                 .sender = bytes_of_text(c->sender),
                                 .args = bytes_of_text(c->name) };
    for (; spec.room_count < 3 && c->rooms[spec.room_count] != NULL; spec.room_count++)
        spec.rooms[spec.room_count] = bytes_of_text(c->rooms[spec.room_count]);
    for (; spec.except_count < 2 && c->excepts[spec.except_count] != NULL; spec.except_count++)
        spec.excepts[spec.except_count] = bytes_of_text(c->excepts[spec.except_count]);
    assert_int_equal(crowd_publish(&crowd, NULL, &spec, &published), BELFRY_OK);
}

static void test_who_comes_back_hears_exactly_what_it_missed(void **state)
{
    (void)state;
    static const char *const rooms[] = { "a", "b", NULL };
    struct buf want = { 0 };
    person_go(&eve);
    crowd_say(&crowd, NULL, "a", "heard before");
    struct message_id since = crowd_say(&crowd, NULL, NULL, "heard last");
    for (const struct missed_case *c = missed_cases; c != BELFRY_END(missed_cases); c++) {
        publish_case(c);
        if (c->is_missed)
            buf_printf(&want, "%s;", c->name);
    }
    buf_put_text(&want, "live;");
    person_come(&eve, rooms, &since);
    crowd_say(&crowd, NULL, "b", "live");
    crowd_drain(&crowd);
    buf_put(&want, "", 1);
    assert_string_equal(person_take(&eve), (const char *)want.data);
    buf_deinit(&want);
}

static void test_with_its_own_message_under_way_it_comes_back_behind_it(void **state)
{
    (void)state;
    static const char *const rooms[] = { "a", NULL };
    struct hub_published published;
    crowd_join(&eve, "a");
    struct message_spec spec = { .room_count = 1,
                                 .rooms = { BELFRY_BYTES("a") },
                                 .except_member = eve.member.id,
                                 .sender = BELFRY_BYTES("#0eve"),
                                 .args = BELFRY_BYTES("mine") };
    assert_int_equal(crowd_publish(&crowd, eve.shard, &spec, &published), BELFRY_OK);
    crowd_say(&crowd, NULL, "a", "yours");
    struct message_id since = { 0, 0 };
    person_go(&eve);
    eve.member.id += 1000000; /* another connection */
    person_come(&eve, rooms, &since);
    assert_string_equal(person_take(&eve), "yours;");
}

static void test_what_fell_out_of_the_log_is_a_gap(void **state)
{
    (void)state;
    static const char *const rooms[] = { "a", NULL };
    struct message_id ids[3];
    person_go(&eve);
    for (int i = 0; i < 3; i++) {
        ids[i] = crowd_say(&crowd, NULL, i == 0 ? "c" : "a", i == 1 ? "one" : "two");
        crowd.wall_ms += 1000;
    }
    struct message_id last = ids[2];
    struct message_id future = { .ms = last.ms, .seq = last.seq + 1 };
    const struct {
        uint64_t expire_ms;
        struct message_id since;
        const char *want;
    } cases[] = {
        { 0, { 0, 0 }, "one;two;" },
        { 0, ids[0], "one;two;" },
        { 0, ids[1], "two;" },
        { 0, last, "" },
        { 0, future, "[gap];one;two;" },
        { ids[0].ms, { 0, 0 }, "[gap];one;two;" }, /* it was for others, but who knows that? */
        { ids[0].ms, ids[0], "one;two;" },
        { ids[1].ms, ids[0], "[gap];two;" },
        { ids[1].ms, ids[1], "two;" },
        { ids[2].ms, ids[1], "[gap];" },
        { ids[2].ms, last, "" },
    };
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        if (cases[i].expire_ms > 0)
            hub_expire(eve.nsp, cases[i].expire_ms + crowd_limits.history.max_age_ms + 1);
        person_come(&eve, rooms, &cases[i].since);
        const char *heard = person_take(&eve);
        if (strcmp(heard, cases[i].want) != 0)
            fail_msg("row %zu: heard \"%s\", not \"%s\"", i, heard, cases[i].want);
        person_go(&eve);
    }
}

static void test_without_history_whatever_was_said_is_a_gap(void **state)
{
    (void)state;
    static const char *const rooms[] = { "a", NULL };
    struct hub_limits limits = crowd_limits;
    limits.history.max_messages = 0;
    reopen(&limits);
    person_go(&eve);
    struct message_id since = crowd_say(&crowd, NULL, "a", "one");
    person_come(&eve, rooms, &since);
    assert_string_equal(person_take(&eve), "");
    person_go(&eve);
    crowd_say(&crowd, NULL, NULL, "two");
    person_come(&eve, rooms, &since);
    assert_string_equal(person_take(&eve), "[gap];");
}

static void test_every_failing_allocation_leaves_things_as_they_were(void **state)
{
    (void)state;
    static const char *const rooms[] = { "a", "b", "c", "d", "e", NULL };
    struct hub_joined joined;
    struct message_id since = { 0, 0 };
    belfry_err err = BELFRY_ERR_NOMEM;
    long n = 1;
    crowd_close(&crowd);
    memory_watch();
    for (; err != BELFRY_OK; n++) {
        reopen(&crowd_limits);
        crowd_join(&ada, "b");
        crowd_say(&crowd, NULL, "a", "one");
        crowd_say(&crowd, NULL, "e", "two");
        person_go(&eve);
        member_deinit(&eve.member);
        crowd_drain(&crowd);
        size_t rooms_before = crowd.hub.root.rooms.count;
        memory_fail_at(n);
        err = person_try_come(&eve, rooms, &since, &joined);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        if (err == BELFRY_OK) {
            assert_int_equal(joined.history.count, 2);
            hub_joined_deinit(&joined);
            if (has_failed) /* the map of names did without, or the test's own buffer */
                err = BELFRY_ERR_NOMEM;
            continue;
        }
        assert_int_equal(err, BELFRY_ERR_NOMEM);
        assert_int_equal(crowd.hub.root.rooms.count, rooms_before);
        assert_int_equal(crowd.hub.root.shards[0].rooms.count, 1);
        assert_int_equal(hub_nsp_member_count(&crowd.hub.root), 2);
        assert_int_equal(hub_member_count(&crowd.hub.root, BELFRY_BYTES("b")), 1);
        assert_int_equal(eve.member.membership_count, 0);
        person_come(&eve, rooms, &since); /* another time it works */
        assert_string_equal(person_take(&eve), "one;two;");
    }
    assert_true(n > 10);
    crowd_close(&crowd);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

/* --- a model: everybody hears everything once, in order, whatever happens ---*/

#define WANDERERS 12
#define ROOMS 4

static const char *const model_rooms[ROOMS] = { "a", "b", "c", "d" };

/* Somebody who loses the connection now and then. */
static struct wanderer {
    struct person person;
    const char *rooms[ROOMS + 1];
    bool is_in[ROOMS];
    bool is_there;
    struct buf want;
} wanderers[WANDERERS];

static unsigned next_number;

static bool is_named(const struct wanderer *w, belfry_bytes name)
{
    if (bytes_equal_text(name, w->person.name))
        return true;
    for (unsigned i = 0; i < ROOMS; i++) {
        if (w->is_in[i] && bytes_equal_text(name, model_rooms[i]))
            return true;
    }
    return false;
}

static bool is_wanted(const struct wanderer *w, const struct message_spec *spec,
                      const struct wanderer *sender)
{
    bool is_target = spec->room_count == 0;
    for (unsigned i = 0; i < spec->except_count; i++) {
        if (is_named(w, spec->excepts[i]))
            return false;
    }
    for (unsigned i = 0; i < spec->room_count; i++)
        is_target = is_target || is_named(w, spec->rooms[i]);
    return is_target && w != sender;
}

static belfry_bytes any_name(struct random_seeded *r)
{
    if (random_below(r, 3) == 0)
        return bytes_of_text(wanderers[random_below(r, WANDERERS)].person.name);
    return bytes_of_text(model_rooms[random_below(r, ROOMS)]);
}

static void say_something(struct random_seeded *r)
{
    char text[16];
    struct hub_published published;
    struct wanderer *sender = &wanderers[random_below(r, WANDERERS)];
    struct message_spec spec = { .room_count = (uint8_t)random_below(r, 4) };
    (void)snprintf(text, sizeof text, "%u", next_number++);
    spec.args = bytes_of_text(text);
    for (unsigned i = 0; i < spec.room_count; i++)
        spec.rooms[i] = any_name(r);
    if (random_below(r, 3) == 0)
        spec.excepts[spec.except_count++] = any_name(r);
    if (!sender->is_there || random_below(r, 2) == 0)
        sender = NULL;
    if (sender != NULL) {
        spec.sender = bytes_of_text(sender->person.name);
        spec.except_member = sender->person.member.id;
    }
    struct hub_shard *own = sender != NULL ? sender->person.shard : NULL;
    assert_int_equal(crowd_publish(&crowd, own, &spec, &published), BELFRY_OK);
    for (unsigned i = 0; i < WANDERERS; i++) {
        if (is_wanted(&wanderers[i], &spec, sender))
            buf_printf(&wanderers[i].want, "%s;", text);
    }
}

/* What is under way to it is lost here, and found again when it comes back. */
static void lose(struct wanderer *w)
{
    person_go(&w->person);
    w->person.member.id += 1000;
    w->is_there = false;
}

static void restore(struct wanderer *w)
{
    person_come(&w->person, w->rooms, &w->person.last);
    w->is_there = true;
}

static void open_model(struct random_seeded *r)
{
    struct hub_limits limits = crowd_limits;
    limits.max_inbox = 100000;
    limits.history.max_messages = 100000;
    crowd_close(&crowd);
    crowd_open(&crowd, CROWD_SHARDS, &limits);
    for (unsigned i = 0; i < WANDERERS; i++) {
        struct wanderer *w = &wanderers[i];
        char name[24];
        unsigned count = 0;
        *w = (struct wanderer){ .is_there = true };
        (void)snprintf(name, sizeof name, "#%u.%u", i % CROWD_SHARDS, i);
        for (unsigned k = 0; k < ROOMS; k++) {
            w->is_in[k] = random_below(r, 2) == 0;
            if (w->is_in[k])
                w->rooms[count++] = model_rooms[k];
        }
        crowd_add(&crowd, &w->person, i % CROWD_SHARDS, name);
        person_go(&w->person);
        person_come(&w->person, w->rooms, NULL);
    }
}

static void live_a_life(uint64_t seed)
{
    struct random_seeded r;
    random_seed(&r, seed);
    open_model(&r);
    for (unsigned step = 0; step < 3000; step++) {
        struct wanderer *w = &wanderers[random_below(&r, WANDERERS)];
        uint64_t choice = random_below(&r, 10);
        if (choice < 6)
            say_something(&r);
        else if (choice < 8)
            hub_drain(&crowd.hub.shards[random_below(&r, CROWD_SHARDS)]);
        else if (w->is_there)
            lose(w);
        else
            restore(w);
        crowd.wall_ms += random_below(&r, 2);
    }
    for (unsigned i = 0; i < WANDERERS; i++) {
        if (!wanderers[i].is_there)
            restore(&wanderers[i]);
    }
    crowd_drain(&crowd);
    for (unsigned i = 0; i < WANDERERS; i++) {
        struct wanderer *w = &wanderers[i];
        assert_true(w->want.size > 100);
        if (!bytes_equal(buf_bytes(&w->person.heard), buf_bytes(&w->want)))
            fail_msg("seed %u: %s heard\n%.*s\nnot\n%.*s", (unsigned)seed, w->person.name,
                     (int)w->person.heard.size, (const char *)w->person.heard.data,
                     (int)w->want.size, (const char *)w->want.data);
        buf_deinit(&w->want);
    }
}

static void test_everybody_hears_everything_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        next_number = 0;
        live_a_life(seed);
    }
}

/* The latest of each room, in one order; what was said to two of them is there once. */
static void test_the_latest_of_each_room(void **state)
{
    (void)state;
    struct hub_published published;
    struct hub_joined joined;
    const belfry_bytes rooms[] = { BELFRY_BYTES("p"), BELFRY_BYTES("q"), BELFRY_BYTES("none") };
    struct message_spec both = { .room_count = 2,
                                 .rooms = { BELFRY_BYTES("p"), BELFRY_BYTES("q") },
                                 .args = BELFRY_BYTES("both") };
    person_go(&eve);
    (void)crowd_say(&crowd, NULL, "p", "p1");
    (void)crowd_say(&crowd, NULL, "q", "q1");
    (void)crowd_say(&crowd, NULL, "p", "p2");
    assert_int_equal(crowd_publish(&crowd, NULL, &both, &published), BELFRY_OK);
    (void)crowd_say(&crowd, NULL, "q", "q2");
    static const struct latest_case {
        uint32_t count;
        const char *want;
    } cases[] = { { 0, "" },
                  { 1, "both q2 " },
                  { 2, "p2 both q2 " },
                  { 3, "p1 q1 p2 both q2 " },
                  { UINT32_MAX, "p1 q1 p2 both q2 " } };
    for (const struct latest_case *c = cases; c != BELFRY_END(cases); c++) {
        struct hub_enter how = { .rooms = rooms, .room_count = 3, .history = c->count };
        struct buf got = { 0 };
        assert_int_equal(
            hub_enter(&crowd.hub.shards[0], &crowd.hub.root, &eve.member, &how, &joined),
            BELFRY_OK);
        for (uint32_t i = 0; i < joined.history.count; i++) {
            buf_put_bytes(&got, joined.history.items[i]->args);
            buf_put_char(&got, ' ');
        }
        assert_false(joined.has_gap);
        if (!bytes_equal_text(buf_bytes(&got), c->want))
            fail_msg("%u: %.*s", c->count, (int)got.size, (const char *)got.data);
        buf_deinit(&got);
        hub_joined_deinit(&joined);
        if (c != BELFRY_END(cases) - 1)
            person_go(&eve);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tower, close_tower)
    const struct CMUnitTest tests[] = {
        TEST(test_a_newcomer_may_be_in_rooms_from_the_start),
        TEST(test_a_limit_undoes_everything),
        TEST(test_who_comes_back_hears_exactly_what_it_missed),
        TEST(test_the_latest_of_each_room),
        TEST(test_with_its_own_message_under_way_it_comes_back_behind_it),
        TEST(test_what_fell_out_of_the_log_is_a_gap),
        TEST(test_without_history_whatever_was_said_is_a_gap),
        TEST(test_every_failing_allocation_leaves_things_as_they_were),
        TEST(test_everybody_hears_everything_once_and_in_order),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
