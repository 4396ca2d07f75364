/*
 * test_moves.c - many members into rooms and out of them, in the order of what is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "base/alloc.h"
#include "support/memory.h"
#include "unit/hub/crowd.h"

static struct crowd crowd;
static struct person ada, bob, cyd, dan;
static bool was_partial; /* a move, for want of memory */

/* A move whose selection is one room, or everyone; one exception. */
struct shove {
    unsigned *done;
    belfry_bytes names[2];
    char room[24];
    struct hub_move move;
};

static belfry_err shove_act(struct hub_move *move, struct hub_shard *shard, struct member *member)
{
    uint32_t members;
    belfry_err err = move->is_join ? hub_join_here(shard, move->nsp, member, move->room)
                                   : hub_leave(shard, move->nsp, member, move->room, &members);
    assert_true(err == BELFRY_OK ||
                err == (move->is_join ? BELFRY_ERR_LIMIT : BELFRY_ERR_NOT_FOUND) ||
                err == BELFRY_ERR_NOMEM);
    return err;
}

static void shove_done(struct hub_move *move)
{
    struct shove *shove = BELFRY_CONTAINER_OF(move, struct shove, move);
    if (shove->done != NULL)
        (*shove->done)++;
    was_partial = was_partial || move->is_partial;
    mem_free(shove);
}

struct whom {
    const char *room; /* NULL: everyone */
    const char *except;
};

static belfry_err try_shove(struct hub_shard *own, struct whom whom, const char *room, bool is_join,
                            unsigned *done)
{
    struct shove *shove =
        mem_alloc(sizeof *shove + crowd.hub.worker_count * sizeof shove->move.parts[0]);
    if (shove == NULL)
        return BELFRY_ERR_NOMEM;
    *shove = (struct shove){
        .done = done,
        .names = { bytes_of_text(whom.room), bytes_of_text(whom.except) },
        .move = { .is_join = is_join, .act = shove_act, .done = shove_done },
    };
    (void)snprintf(shove->room, sizeof shove->room, "%s", room);
    shove->move.room = bytes_of_text(shove->room);
    shove->move.selection = (struct hub_selection){ .room_count = whom.room != NULL,
                                                    .except_count = whom.except != NULL,
                                                    .rooms = &shove->names[0],
                                                    .excepts = &shove->names[1] };
    belfry_err err = hub_move(&crowd.hub.root, own, &shove->move);
    if (err != BELFRY_OK)
        mem_free(shove);
    return err;
}

static void shove(struct hub_shard *own, struct whom whom, const char *room, bool is_join)
{
    assert_int_equal(try_shove(own, whom, room, is_join, NULL), BELFRY_OK);
}

static const struct whom everyone = { NULL, NULL };

static struct hub_shard *shard(unsigned index)
{
    return &crowd.hub.shards[index];
}

static uint32_t count(const char *room)
{
    return hub_member_count(&crowd.hub.root, bytes_of_text(room));
}

static bool is_in(const struct person *p, const char *room)
{
    return hub_is_member(p->shard, p->nsp, &p->member, bytes_of_text(room));
}

static void open_three(void)
{
    crowd_open(&crowd, 3, &crowd_limits);
    crowd_add(&crowd, &ada, 0, "#0ada");
    crowd_add(&crowd, &bob, 1, "#1bob");
    crowd_add(&crowd, &cyd, 1, "#1cyd");
    crowd_add(&crowd, &dan, 2, "#2dan");
}

static void assert_heard(const char *a, const char *b, const char *c, const char *d)
{
    crowd_drain(&crowd);
    assert_string_equal(person_take(&ada), a);
    assert_string_equal(person_take(&bob), b);
    assert_string_equal(person_take(&cyd), c);
    assert_string_equal(person_take(&dan), d);
}

/* --- the order --------------------------------------------------------------------------------*/

static void test_what_is_said_behind_a_move_finds_everybody(void **state)
{
    static const int speakers[] = { -1, 0, 2 }; /* -1: a foreign thread */
    (void)state;
    for (unsigned i = 0; i < BELFRY_COUNT(speakers); i++) {
        open_three();
        struct hub_shard *own = speakers[i] < 0 ? NULL : shard((unsigned)speakers[i]);
        crowd_say(&crowd, own, "tower", "before");
        shove(own, everyone, "tower", true);
        crowd_say(&crowd, own, "tower", "within");
        shove(own, everyone, "tower", false);
        crowd_say(&crowd, own, "tower", "behind");
        assert_heard("within;", "within;", "within;", "within;");
        assert_int_equal(count("tower"), 0);
        crowd_close(&crowd);
    }
}

static void test_what_others_say_behind_it_does_too(void **state)
{
    (void)state;
    open_three();
    shove(shard(0), everyone, "tower", true);
    crowd_say(&crowd, shard(1), "tower", "one");
    crowd_say(&crowd, NULL, "tower", "two");
    assert_heard("one;two;", "one;two;", "one;two;", "one;two;");
    crowd_close(&crowd);
}

static void test_the_own_part_is_done_at_once(void **state)
{
    unsigned done = 0;
    (void)state;
    open_three();
    assert_int_equal(try_shove(shard(1), everyone, "tower", true, &done), BELFRY_OK);
    assert_true(is_in(&bob, "tower"));
    assert_true(is_in(&cyd, "tower"));
    assert_int_equal(count("tower"), 2);
    assert_int_equal(done, 0);
    crowd_drain(&crowd);
    assert_int_equal(done, 1);
    assert_int_equal(count("tower"), 4);
    crowd_close(&crowd);
}

static void test_exceptions_follow_the_order_too(void **state)
{
    struct hub_published published;
    struct message_spec spec = { .except_count = 1,
                                 .excepts = { BELFRY_BYTES("tower") },
                                 .args = BELFRY_BYTES("not you") };
    (void)state;
    open_three();
    crowd_join(&dan, "cellar");
    shove(shard(0), (struct whom){ "cellar", NULL }, "tower", true);
    assert_int_equal(crowd_publish(&crowd, shard(0), &spec, &published), BELFRY_OK);
    assert_heard("not you;", "not you;", "not you;", "");
    crowd_close(&crowd);
}

/* --- whom -------------------------------------------------------------------------------------*/

static void test_whom_it_concerns(void **state)
{
    static const struct {
        struct whom whom;
        const char *in; /* of "abcd", who is in the tower then */
    } rows[] = {
        { { NULL, NULL }, "abcd" },         { { "cellar", NULL }, "bd" },
        { { "cellar", "#2dan" }, "b" },     { { NULL, "cellar" }, "ac" },
        { { "#1cyd", NULL }, "c" },         { { "#1nobody", NULL }, "" },
        { { "nobody is here", NULL }, "" }, { { "tower", NULL }, "" },
        { { "cellar", "cellar" }, "" },
    };
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        char in[8] = "";
        open_three();
        crowd_join(&bob, "cellar");
        crowd_join(&dan, "cellar");
        shove(NULL, rows[i].whom, "tower", true);
        crowd_drain(&crowd);
        const struct person *people[] = { &ada, &bob, &cyd, &dan };
        for (unsigned p = 0; p < 4; p++) {
            if (is_in(people[p], "tower"))
                in[strlen(in)] = (char)('a' + p);
        }
        assert_string_equal(in, rows[i].in);
        assert_int_equal(count("tower"), strlen(in));
        crowd_close(&crowd);
    }
}

static void test_into_the_room_that_is_selected_or_out_of_it(void **state)
{
    (void)state;
    open_three();
    crowd_join(&bob, "tower");
    crowd_join(&bob, "cellar");
    crowd_join(&cyd, "tower");
    shove(NULL, (struct whom){ "tower", NULL }, "tower", true);
    crowd_drain(&crowd);
    assert_int_equal(count("tower"), 2);
    assert_true(bytes_equal_text(membership_room_name(&bob.member.memberships[1]), "tower"));
    shove(NULL, (struct whom){ "tower", NULL }, "tower", false);
    crowd_drain(&crowd);
    assert_int_equal(count("tower"), 0);
    assert_int_equal(bob.member.membership_count, 1);
    crowd_close(&crowd);
}

/* --- rooms ------------------------------------------------------------------------------------*/

static void test_a_room_that_is_held_stays_and_goes(void **state)
{
    (void)state;
    open_three();
    shove(NULL, (struct whom){ "nobody is here", NULL }, "tower", true);
    assert_int_equal(hub_room_count(&crowd.hub.root), 1);
    crowd_drain(&crowd);
    assert_int_equal(hub_room_count(&crowd.hub.root), 0);
    shove(NULL, everyone, "tower", true);
    shove(NULL, everyone, "tower", false);
    hub_drain(shard(1));
    assert_int_equal(hub_room_count(&crowd.hub.root), 1);
    crowd_drain(&crowd);
    assert_int_equal(hub_room_count(&crowd.hub.root), 0);
    crowd_close(&crowd);
}

static void test_limits(void **state)
{
    struct hub_limits limits = crowd_limits;
    (void)state;
    limits.max_rooms = 2;
    limits.max_rooms_per_member = 1;
    limits.max_inbox = 4;
    crowd_open(&crowd, 2, &limits);
    crowd_add(&crowd, &ada, 0, "ada");
    crowd_add(&crowd, &bob, 1, "bob");
    crowd_join(&ada, "tower");
    shove(NULL, everyone, "cellar", true);
    crowd_drain(&crowd);
    assert_false(is_in(&ada, "cellar")); /* she is in one already */
    assert_true(is_in(&bob, "cellar"));
    assert_int_equal(try_shove(shard(0), everyone, "attic", true, NULL), BELFRY_ERR_LIMIT);
    assert_int_equal(try_shove(shard(0), everyone, "attic", false, NULL), BELFRY_OK);
    crowd_drain(&crowd);
    for (int i = 0; i < 4; i++)
        shove(NULL, everyone, "cellar", false);
    assert_int_equal(try_shove(NULL, everyone, "cellar", true, NULL), BELFRY_ERR_AGAIN);
    shove(shard(0), everyone, "cellar", true); /* a worker's own is never refused */
    crowd_close(&crowd);
}

static void test_nobody_is_moved_into_an_id(void **state)
{
    (void)state;
    open_three();
    assert_int_equal(try_shove(shard(0), everyone, "#1bob", true, NULL), BELFRY_ERR_INVALID);
    crowd_close(&crowd);
}

/* --- beside those who come and go by themselves ---------------------------------------------- */

/* What waits in the inbox of one who joins by himself. */
static void test_joining_behind_a_move_that_waits(void **state)
{
    static const struct {
        bool was_in;  /* bob */
        bool is_join; /* what waits */
    } rows[] = { { false, true }, { true, true }, { false, false }, { true, false } };
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        open_three();
        if (rows[i].was_in)
            crowd_join(&bob, "tower");
        shove(NULL, (struct whom){ "#1bob", NULL }, "tower", rows[i].is_join);
        assert_int_equal(crowd_join(&bob, "tower"), 1);
        assert_int_equal(bob.member.membership_count, 1);
        crowd_say(&crowd, NULL, "tower", "hi");
        assert_heard("", "hi;", "", "");
        assert_int_equal(crowd_leave(&bob, "tower"), 0);
        crowd_close(&crowd);
    }
}

/* Others take the places in the room and the rows that were free. */
static void test_joining_behind_a_crowd(void **state)
{
    static struct person many[20];
    (void)state;
    crowd_open(&crowd, 2, &crowd_limits);
    crowd_add(&crowd, &ada, 1, "ada");
    for (unsigned i = 0; i < BELFRY_COUNT(many); i++)
        crowd_add(&crowd, &many[i], 1, "one of many");
    for (unsigned i = 0; i < 10; i++) {
        char room[16];
        (void)snprintf(room, sizeof room, "room %u", i);
        shove(NULL, everyone, room, true);
    }
    assert_int_equal(crowd_join(&ada, "room 3"), BELFRY_COUNT(many) + 1);
    assert_int_equal(ada.member.membership_count, 10);
    crowd_close(&crowd);
}

static void test_entering_behind_a_move_that_waits(void **state)
{
    static const char *const rooms[] = { "tower", "cellar", NULL };
    (void)state;
    open_three();
    person_go(&bob);
    crowd_join(&cyd, "tower");
    shove(NULL, everyone, "tower", false);
    shove(NULL, everyone, "cellar", true);
    person_come(&bob, rooms, NULL);
    crowd_drain(&crowd);
    assert_true(is_in(&bob, "tower")); /* it came behind both */
    assert_true(is_in(&bob, "cellar"));
    assert_int_equal(count("tower"), 1);
    assert_int_equal(count("cellar"), 4);
    crowd_close(&crowd);
}

static void test_who_has_gone_is_passed_over(void **state)
{
    (void)state;
    open_three();
    shove(NULL, everyone, "tower", true);
    person_go(&bob);
    crowd_drain(&crowd);
    assert_int_equal(count("tower"), 3);
    assert_int_equal(bob.member.membership_count, 0);
    crowd_close(&crowd);
}

/* --- memory -----------------------------------------------------------------------------------*/

static void test_every_failing_allocation_is_survived(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 1;; n++) {
        open_three();
        was_partial = false;
        memory_fail_at(n);
        belfry_err err = try_shove(shard(0), everyone, "tower", true, NULL);
        bool was_refused = err == BELFRY_ERR_NOMEM;
        assert_true(err == BELFRY_OK || was_refused);
        err = try_shove(shard(0), (struct whom){ "tower", NULL }, "cellar", true, NULL);
        assert_true(err == BELFRY_OK || err == BELFRY_ERR_NOMEM);
        was_refused = was_refused || err == BELFRY_ERR_NOMEM;
        crowd_drain(&crowd);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        bool is_whole = count("tower") == 4 && count("cellar") == 4;
        assert_true(is_whole || (has_failed && (was_refused || was_partial)));
        assert_int_equal(count("tower"), is_in(&ada, "tower") + is_in(&bob, "tower") +
                                             is_in(&cyd, "tower") + is_in(&dan, "tower"));
        crowd_close(&crowd);
        assert_int_equal(memory_live(), 0);
        if (!has_failed) {
            assert_true(n > 10);
            break;
        }
    }
    memory_unwatch();
}

/* --- on threads -------------------------------------------------------------------------------*/

#define ROUNDS 400

static atomic_uint workers_done;
static struct person flock[CROWD_SHARDS][3];

static void turn(unsigned w)
{
    loop_step(&crowd.loops[w], 0);
    hub_drain(shard(w));
}

/* Until nobody says anything any more, and all has been heard. */
static void finish(unsigned w)
{
    atomic_fetch_add(&workers_done, 1);
    while (atomic_load(&workers_done) < CROWD_SHARDS) {
        turn(w);
        (void)sched_yield();
    }
    turn(w);
}

/* Worker 0 moves everybody into a room of this round, says something there, and moves them out; the
 * others live beside it. */
static void *live_beside(void *arg)
{
    unsigned w = *(const unsigned *)arg;
    struct random_seeded r;
    random_seed(&r, w + 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char room[16];
        (void)snprintf(room, sizeof room, "room %u", (unsigned)random_below(&r, 5));
        crowd_join(&flock[w][0], room);
        if (random_below(&r, 3) == 0 && is_in(&flock[w][0], room)) /* or moved out again */
            (void)crowd_leave(&flock[w][0], room);
        crowd_say(&crowd, shard(w), room, "aside");
        turn(w);
    }
    finish(w);
    return NULL;
}

static void *shepherd(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char room[16];
        (void)snprintf(room, sizeof room, "fold %u", i % 7);
        shove(shard(0), everyone, room, true);
        shove(shard(0), everyone, i % 2 == 0 ? "room 1" : "room 2", i % 3 == 0);
        crowd_say(&crowd, shard(0), room, "all");
        shove(shard(0), everyone, room, false);
        crowd_say(&crowd, shard(0), room, "nobody");
        turn(0);
    }
    finish(0);
    return NULL;
}

static void test_moves_among_threads(void **state)
{
    static unsigned indexes[CROWD_SHARDS];
    struct hub_limits limits = crowd_limits;
    pthread_t threads[CROWD_SHARDS];
    (void)state;
    limits.max_inbox = 1000000;
    crowd_open(&crowd, CROWD_SHARDS, &limits);
    crowd.is_threaded = true;
    atomic_store(&workers_done, 0);
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        for (unsigned i = 0; i < 3; i++)
            crowd_add(&crowd, &flock[w][i], w, "sheep");
    }
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        indexes[w] = w;
        assert_int_equal(
            pthread_create(&threads[w], NULL, w == 0 ? shepherd : live_beside, &indexes[w]), 0);
    }
    for (unsigned w = 0; w < CROWD_SHARDS; w++)
        assert_int_equal(pthread_join(threads[w], NULL), 0);
    crowd_drain(&crowd);
    for (unsigned w = 0; w < CROWD_SHARDS; w++) {
        for (unsigned i = 0; i < 3; i++) {
            belfry_bytes heard = buf_bytes(&flock[w][i].heard);
            assert_int_equal(crowd_count_text(heard, "all;"), ROUNDS);
            assert_int_equal(crowd_count_text(heard, "nobody;"), 0);
        }
        assert_int_equal(atomic_load(&crowd.hub.shards[w].inbox_count), 0);
    }
    for (unsigned i = 0; i < 7; i++) {
        char room[16];
        (void)snprintf(room, sizeof room, "fold %u", i);
        assert_int_equal(count(room), 0);
    }
    crowd_close(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said_behind_a_move_finds_everybody),
        cmocka_unit_test(test_what_others_say_behind_it_does_too),
        cmocka_unit_test(test_the_own_part_is_done_at_once),
        cmocka_unit_test(test_exceptions_follow_the_order_too),
        cmocka_unit_test(test_whom_it_concerns),
        cmocka_unit_test(test_into_the_room_that_is_selected_or_out_of_it),
        cmocka_unit_test(test_a_room_that_is_held_stays_and_goes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nobody_is_moved_into_an_id),
        cmocka_unit_test(test_joining_behind_a_move_that_waits),
        cmocka_unit_test(test_joining_behind_a_crowd),
        cmocka_unit_test(test_entering_behind_a_move_that_waits),
        cmocka_unit_test(test_who_has_gone_is_passed_over),
        cmocka_unit_test(test_every_failing_allocation_is_survived),
        cmocka_unit_test(test_moves_among_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
