/*
 * test_socketio_recovery.c - connections that are lost under load, at any moment: whoever comes
 * back in time has its id, rooms and data again, and hears each event that it missed once, in
 * order.
 *
 * Events have numbers, for each target of their own: one socket, everyone, three rooms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/message_id.h"
#include "support/sim_alloc.h"
#include "support/sim_seeds.h"
#include "support/sim_sio.h"
#include "support/sim_sio_app.h"

#define CLIENTS 5
#define ROOMS 3
#define SEEDS 500
#define WINDOW_MS 20000
#define NOTICE_MS 3100   /* in which the server finds out that a polling client has gone */
#define LATENESS_MS 1000 /* from opening a connection to being heard */

static const uint64_t past_seeds[] = { 1 };

enum target { TO_OWN, TO_ALL, TO_ROOM, TARGETS = TO_ROOM + ROOMS };

static const char *const target_names[TARGETS] = { "own", "all", "r0", "r1", "r2" };

/* NOBODY --asked to join--> PERHAPS --answered, or heard something--> MEMBER */
enum standing { NOBODY, PERHAPS, MEMBER };

/* What a client heard of one target. */
struct hearing {
    uint64_t last;
    uint64_t join_id;
    enum standing standing;
    bool is_fresh; /* since an unknown number: the next one tells */
};

struct visitor {
    struct run *run;
    struct sim_sio *sio;
    unsigned number;
    struct hearing hearings[TARGETS];
    struct message_id position; /* of the last offset */
    uint64_t own;               /* said to it, while it had this id */
    uint64_t up;
    uint64_t acked;
    bool must_recover; /* when it is connected next */
    unsigned returns;
};

struct run {
    struct sim_world world;
    struct sim_app app;
    struct visitor visitors[CLIENTS];
    unsigned count;
    uint64_t said[TARGETS]; /* but TO_OWN */
    unsigned recovered;
    unsigned anew;
};

/* --- what clients hear ------------------------------------------------------------------------*/

static void hear(struct visitor *v, enum target target, uint64_t number)
{
    struct hearing *h = &v->hearings[target];
    SIM_CHECK(h->standing != NOBODY, "%u heard of %s, and is not there", v->number,
              target_names[target]);
    SIM_CHECK(h->is_fresh || number == h->last + 1, "%u heard %s %u after %u", v->number,
              target_names[target], (unsigned)number, (unsigned)h->last);
    h->standing = MEMBER;
    h->is_fresh = false;
    h->last = number;
}

/* Positions rise, over all targets and all recoveries. */
static void check_position(struct visitor *v)
{
    struct message_id position;
    belfry_bytes epoch;
    SIM_CHECK(message_id_parse(bytes_of_text(v->sio->offset), &position, &epoch),
              "an offset that is none: \"%s\"", v->sio->offset);
    SIM_CHECK(message_id_compare(position, v->position) > 0, "%u went back in time", v->number);
    v->position = position;
}

static void on_event(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct visitor *v = user;
    (void)s;
    SIM_CHECK(packet->arg_count == 2, "an event without offset");
    check_position(v);
    for (unsigned target = 0; target < TARGETS; target++) {
        uint64_t number;
        if (sim_sio_number(packet, target_names[target], &number)) {
            hear(v, (enum target)target, number);
            return;
        }
    }
    sim_fail(__FILE__, __LINE__, "an event that nobody said");
}

static void on_joined(struct visitor *v, uint64_t id)
{
    for (unsigned target = TO_ROOM; target < TARGETS; target++) {
        if (v->hearings[target].join_id == id)
            v->hearings[target].standing = MEMBER;
    }
}

static void on_ack(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct visitor *v = user;
    (void)s;
    if (packet->arg_count == 0) {
        on_joined(v, packet->id);
        return;
    }
    uint64_t number = sim_sio_arg(packet, 0);
    SIM_CHECK(number > v->acked && number <= v->up, "an ack twice, or of nothing");
    v->acked = number;
}

static void join(struct visitor *v, unsigned target)
{
    v->hearings[target].standing = PERHAPS;
    v->hearings[target].join_id = sim_sio_ask(v->sio, "join", "\"%s\"", target_names[target]);
}

/* What it does not know about its rooms it asks for again. */
static void on_recovered(struct visitor *v)
{
    v->run->recovered++;
    for (unsigned target = TO_ROOM; target < TARGETS; target++) {
        if (v->hearings[target].standing == PERHAPS)
            join(v, target);
    }
}

static void on_connect(struct sim_sio *s, void *user)
{
    struct visitor *v = user;
    SIM_CHECK(s->was_recovered || !v->must_recover, "%u came back as another", v->number);
    v->must_recover = false;
    if (s->was_recovered) {
        on_recovered(v);
        return;
    }
    v->run->anew++;
    v->position = (struct message_id){ 0 };
    s->offset[0] = '\0'; /* those of another life are of no use */
    v->own = 0;
    v->hearings[TO_OWN] = (struct hearing){ .standing = MEMBER };
    v->hearings[TO_ALL] = (struct hearing){ .standing = MEMBER, .is_fresh = true };
    for (unsigned target = TO_ROOM; target < TARGETS; target++) {
        v->hearings[target] = (struct hearing){ .is_fresh = true };
        if (sim_chance(&v->run->world, 60))
            join(v, target);
    }
}

/* --- a run ------------------------------------------------------------------------------------*/

static void say(struct run *run, enum target target)
{
    SIM_CHECK(sim_app_emit(&run->app, target == TO_ALL ? NULL : target_names[target],
                           target_names[target], ++run->said[target]) == BELFRY_OK,
              "not said");
}

static void say_own(struct visitor *v)
{
    if (v->sio->sid[0] == '\0')
        return;
    SIM_CHECK(sim_app_emit(&v->run->app, v->sio->sid, "own", ++v->own) == BELFRY_OK, "not said");
}

static void lose(struct visitor *v)
{
    switch (sim_below(&v->run->world, 4)) {
    case 0:
        sim_eio_vanish(v->sio->eio);
        break;
    case 1:
        if (v->sio->eio->path == SIM_EIO_ON_WEBSOCKET)
            sim_client_close(v->sio->eio->ws, 1001);
        else
            sim_eio_reset(v->sio->eio);
        break;
    default:
        sim_eio_reset(v->sio->eio);
        break;
    }
}

/* Back, perhaps before the server knows that it was gone. */
static void come_back(struct visitor *v, bool is_noticed)
{
    struct sim_sio *s = v->sio;
    if (is_noticed) {
        sim_eio_vanish(s->eio);
        sim_advance_ms(&v->run->world, NOTICE_MS);
        SIM_CHECK(!v->run->app.people[v->number].is_here, "%u is gone, and still there", v->number);
    }
    bool is_late =
        v->run->world.now_ms - v->run->app.people[v->number].gone_ms > WINDOW_MS - LATENESS_MS;
    v->must_recover = is_noticed && !is_late && s->pid[0] != '\0' && s->offset[0] != '\0';
    s->how.mode = (enum sim_eio_mode)sim_below(&v->run->world, 3);
    v->returns++;
    sim_sio_open(s);
}

static void act(struct run *run, struct visitor *v)
{
    bool is_lost = v->sio->eio->state == SIM_EIO_CLOSED;
    switch (sim_below(&run->world, 12)) {
    case 0:
    case 1:
        say_own(v);
        break;
    case 2:
    case 3:
        say(run, TO_ALL);
        break;
    case 4:
    case 5:
    case 6:
        say(run, (enum target)(TO_ROOM + sim_below(&run->world, ROOMS)));
        break;
    case 7:
        if (v->sio->is_connected)
            (void)sim_sio_ask(v->sio, "up", "%u", (unsigned)++v->up);
        break;
    case 8:
        sim_eio_probe(v->sio->eio);
        break;
    case 9:
        if (!is_lost && sim_chance(&run->world, 60))
            lose(v);
        break;
    default:
        if (is_lost)
            come_back(v, sim_chance(&run->world, 60));
        break;
    }
}

static void gather(struct run *run)
{
    run->count = 1 + (unsigned)sim_below(&run->world, CLIENTS);
    for (unsigned i = 0; i < run->count; i++) {
        struct visitor *v = &run->visitors[i];
        *v = (struct visitor){ .run = run, .number = i };
        struct sim_sio_how how = { .mode = (enum sim_eio_mode)sim_below(&run->world, 3),
                                   .worker = SIM_ANY_WORKER,
                                   .offers_deflate = sim_chance(&run->world, 50),
                                   .number = i,
                                   .on_connect = on_connect,
                                   .on_event = on_event,
                                   .on_ack = on_ack,
                                   .user = v };
        v->sio = sim_sio_new(&run->world, &how);
    }
    sim_settle(&run->world);
}

static void talk(struct run *run)
{
    struct sim_world *world = &run->world;
    uint64_t pace = 1 + sim_below(world, 80);
    for (unsigned turn = 0; turn < 150; turn++) {
        act(run, &run->visitors[sim_below(world, run->count)]);
        sim_steps(world, (unsigned)sim_below(world, pace));
        if (sim_chance(world, 10))
            sim_advance_ms(world, sim_below(world, 300));
    }
}

/* All are back, and hear one more of each. */
static void judge(struct run *run)
{
    sim_settle(&run->world); /* those that said good-bye are gone */
    for (unsigned i = 0; i < run->count; i++) {
        if (run->visitors[i].sio->eio->state == SIM_EIO_CLOSED || sim_chance(&run->world, 50))
            come_back(&run->visitors[i], true);
    }
    sim_advance_ms(&run->world, 500);
    for (unsigned target = TO_ALL; target < TARGETS; target++)
        say(run, (enum target)target);
    for (unsigned i = 0; i < run->count; i++)
        say_own(&run->visitors[i]);
    sim_advance_ms(&run->world, 500);
    for (unsigned i = 0; i < run->count; i++) {
        const struct visitor *v = &run->visitors[i];
        SIM_CHECK(v->sio->is_connected, "%u is not connected: %s %s %u (%d, %d)", i,
                  run->app.people[i].reason, v->sio->eio->why, v->sio->eio->status,
                  (int)v->sio->eio->state, (int)v->sio->eio->path);
        SIM_CHECK(v->hearings[TO_OWN].last == v->own, "%u of %u own",
                  (unsigned)v->hearings[TO_OWN].last, (unsigned)v->own);
        for (unsigned target = TO_ALL; target < TARGETS; target++)
            SIM_CHECK(v->hearings[target].standing != MEMBER ||
                          v->hearings[target].last == run->said[target],
                      "%u heard %s only till %u of %u", i, target_names[target],
                      (unsigned)v->hearings[target].last, (unsigned)run->said[target]);
    }
}

static void play(uint64_t seed)
{
    struct run run = { 0 };
    struct random_seeded r;
    random_seed(&r, seed);
    belfry_options options = { .workers = 1 + (uint32_t)random_below(&r, 4),
                               .sock_data = SIM_APP_DATA,
                               .ping_interval_ms = 1000,
                               .ping_timeout_ms = 2000,
                               .socketio_deflate = random_below(&r, 2) == 0,
                               .deflate_threshold_bytes = 1 + random_below(&r, 60) };
    struct sim_faults faults = { .short_io = (unsigned)random_below(&r, 80),
                                 .again = (unsigned)random_below(&r, 30),
                                 .delay = (unsigned)random_below(&r, 15),
                                 .max_delay_ms = 1 + (uint32_t)random_below(&r, 30),
                                 .pipe_bytes = 100 + (size_t)random_below(&r, 8000) };
    struct sim_app_how how = { .recovers = true, .may_lose = true, .window_ms = WINDOW_MS };
    SIM_CHECK(sim_world_init(&run.world, seed, &options, &faults), "no server");
    SIM_CHECK(sim_app_init(&run.app, &run.world, &how), "no application");
    gather(&run);
    talk(&run);
    judge(&run);
    for (unsigned i = 0; i < run.count; i++)
        sim_sio_free(run.visitors[i].sio);
    sim_advance_ms(&run.world, WINDOW_MS + NOTICE_MS + 3000);
    SIM_CHECK(sim_connection_count(&run.world) == 0, "connections are left");
    SIM_CHECK(SIM_COUNTER(&run.world, recovered) >= run.recovered, "more came back than did");
    for (unsigned i = 0; i < run.count; i++)
        SIM_CHECK(run.app.people[i].expired >= 1, "%u never expired", i);
    sim_world_deinit(&run.world);
}

static void test_whoever_loses_its_connection_under_load_comes_back_with_all_it_missed(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play);
}

/* --- one thing at a time ----------------------------------------------------------------------*/

#define STAGE_WINDOW_MS 5000

struct stage {
    struct sim_world world;
    struct sim_app app;
    struct sim_sio *sio;
    unsigned heard; /* events, by whoever */
    uint64_t last;
};

static void on_stage_event(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct stage *stage = user;
    (void)s;
    stage->heard++;
    stage->last = sim_sio_arg(packet, 0);
}

static struct sim_sio *come(struct stage *stage, unsigned worker)
{
    struct sim_sio_how how = {
        .mode = SIM_EIO_WEBSOCKET, .worker = worker, .on_event = on_stage_event, .user = stage
    };
    struct sim_sio *s = sim_sio_new(&stage->world, &how);
    sim_settle(&stage->world);
    assert_true(s->is_connected);
    return s;
}

static void set_stage_with(struct stage *stage, const belfry_options *given)
{
    static const struct sim_faults none = { 0 };
    belfry_options options = *given;
    options.workers = 3;
    options.sock_data = SIM_APP_DATA;
    *stage = (struct stage){ 0 };
    sim_set_seed(1);
    assert_true(sim_world_init(&stage->world, 1, &options, &none));
    assert_true(
        sim_app_init(&stage->app, &stage->world,
                     &(struct sim_app_how){ .recovers = true, .window_ms = STAGE_WINDOW_MS }));
    stage->sio = come(stage, 0);
    assert_int_equal(sim_app_emit(&stage->app, NULL, "news", 1), BELFRY_OK);
    sim_settle(&stage->world);
    assert_int_equal(stage->heard, 1);
}

static void set_stage(struct stage *stage)
{
    set_stage_with(stage, &(belfry_options){ 0 });
}

static void clear_stage(struct stage *stage)
{
    sim_sio_free(stage->sio);
    sim_advance_ms(&stage->world, 10000);
    assert_int_equal(sim_connection_count(&stage->world), 0);
    sim_world_deinit(&stage->world);
}

static void lose_and_miss(struct stage *stage)
{
    sim_sio_reset(stage->sio);
    sim_settle(&stage->world);
    assert_int_equal(sim_app_emit(&stage->app, NULL, "news", 2), BELFRY_OK);
    sim_settle(&stage->world);
}

static void reopen(struct stage *stage)
{
    sim_sio_open(stage->sio);
    sim_settle(&stage->world);
    assert_true(stage->sio->is_connected);
}

static void test_the_window_is_exact_and_its_end_is_told_once(void **state)
{
    struct stage stage;
    (void)state;
    set_stage(&stage);
    lose_and_miss(&stage);
    sim_advance_ms(&stage.world, STAGE_WINDOW_MS - 1);
    reopen(&stage);
    assert_true(stage.sio->was_recovered);
    assert_int_equal(stage.last, 2);
    assert_int_equal(stage.app.people[0].expired, 0);
    lose_and_miss(&stage);
    sim_advance_ms(&stage.world, STAGE_WINDOW_MS);
    reopen(&stage);
    assert_false(stage.sio->was_recovered);
    assert_int_equal(stage.heard, 2);   /* what it missed before is not its any more */
    sim_advance_ms(&stage.world, 1001); /* expired ones are swept once a second */
    assert_int_equal(stage.app.people[0].expired, 1);
    sim_advance_ms(&stage.world, 60000);
    assert_int_equal(stage.app.people[0].expired, 1);
    clear_stage(&stage);
}

/* Both know the private id: one is the old one, the other somebody new. */
static void test_one_session_comes_back_once(void **state)
{
    struct stage stage;
    (void)state;
    set_stage(&stage);
    lose_and_miss(&stage);
    struct sim_sio *twin = come(&stage, 1);
    sim_sio_reset(twin);
    memcpy(twin->pid, stage.sio->pid, sizeof twin->pid);
    memcpy(twin->sid, stage.sio->sid, sizeof twin->sid);
    memcpy(twin->offset, stage.sio->offset, sizeof twin->offset);
    stage.heard = 0;
    sim_sio_open(stage.sio);
    sim_sio_open(twin);
    sim_settle(&stage.world);
    assert_true(stage.sio->is_connected && twin->is_connected);
    assert_int_equal(stage.sio->was_recovered + twin->was_recovered, 1);
    assert_int_equal(stage.heard, 1); /* one of them missed it */
    assert_string_not_equal(stage.sio->sid, twin->sid);
    assert_string_not_equal(stage.sio->pid, twin->pid);
    sim_sio_free(twin);
    clear_stage(&stage);
}

/* Its id names the first worker, wherever it is. */
static void test_a_socket_is_found_by_its_id_wherever_it_came_back(void **state)
{
    static const unsigned tour[] = { 1, 2, 0, 2, 2, 1, 0 };
    struct stage stage;
    (void)state;
    set_stage(&stage);
    char id[EIO_SID_SIZE + 1];
    memcpy(id, stage.sio->sid, sizeof id);
    for (size_t i = 0; i < BELFRY_COUNT(tour); i++) {
        sim_sio_reset(stage.sio);
        sim_settle(&stage.world);
        assert_int_equal(sim_app_emit(&stage.app, id, "missed", 100 + i), BELFRY_OK);
        stage.sio->how.worker = tour[i];
        stage.heard = 0;
        reopen(&stage);
        assert_true(stage.sio->was_recovered);
        assert_string_equal(stage.sio->sid, id);
        assert_int_equal(stage.heard, 1);
        assert_int_equal(stage.last, 100 + i);
        assert_int_equal(sim_app_emit(&stage.app, id, "live", 200 + i), BELFRY_OK);
        sim_settle(&stage.world);
        assert_int_equal(stage.heard, 2);
        assert_int_equal(stage.last, 200 + i);
    }
    clear_stage(&stage);
}

static const struct refused_case {
    const char *name;
    const char *pid;    /* NULL: its own */
    const char *offset; /* NULL: its own */
} refused_cases[] = {
    { "a stranger's id", "AAAAnobodyknowsme012", NULL },
    { "no id", "", NULL },
    { "a short id", "AAAA", NULL },
    { "no offset", NULL, "" },
    { "not an offset", NULL, "yesterday" },
    { "another server's", NULL, "1732401000000-0.elsewher" },
    { "before the log", NULL, "1-0" },
};

static void test_who_cannot_say_where_it_was_comes_as_anybody(void **state)
{
    (void)state;
    for (const struct refused_case *c = refused_cases; c != BELFRY_END(refused_cases); c++) {
        struct stage stage;
        set_stage(&stage);
        lose_and_miss(&stage);
        if (c->pid != NULL)
            snprintf(stage.sio->pid, sizeof stage.sio->pid, "%s", c->pid);
        if (c->offset != NULL)
            snprintf(stage.sio->offset, sizeof stage.sio->offset, "%s", c->offset);
        reopen(&stage);
        if (stage.sio->was_recovered || stage.heard != 1)
            fail_msg("%s: recovered %d, heard %u", c->name, stage.sio->was_recovered, stage.heard);
        clear_stage(&stage);
    }
}

static void test_who_left_of_its_own_will_does_not_come_back(void **state)
{
    struct stage stage;
    (void)state;
    set_stage(&stage);
    sim_sio_say(stage.sio, "1");
    sim_settle(&stage.world);
    assert_string_equal(stage.app.people[0].reason, "client namespace disconnect");
    reopen(&stage);
    assert_false(stage.sio->was_recovered);
    assert_int_equal(sim_app_emit(&stage.app, NULL, "news", 3), BELFRY_OK);
    sim_sio_emit(stage.sio, "bye", "0");
    sim_settle(&stage.world);
    assert_int_equal(stage.sio->disconnects, 1);
    assert_string_equal(stage.app.people[0].reason, "server namespace disconnect");
    reopen(&stage);
    assert_false(stage.sio->was_recovered);
    clear_stage(&stage);
}

/* Rather than with a hole. */
static void test_what_the_log_has_forgotten_cannot_be_come_back_to(void **state)
{
    struct stage stage;
    (void)state;
    set_stage_with(&stage, &(belfry_options){ .history_ms = 2000 });
    lose_and_miss(&stage);
    sim_advance_ms(&stage.world, 3100);
    assert_int_equal(sim_app_emit(&stage.app, NULL, "news", 3), BELFRY_OK);
    reopen(&stage);
    assert_false(stage.sio->was_recovered);
    clear_stage(&stage);
}

/* The cut comes while what was missed is on its way; the rest comes with the next return. */
static void test_a_return_may_be_cut_and_tried_again(void **state)
{
    struct stage stage;
    (void)state;
    set_stage(&stage);
    sim_sio_reset(stage.sio);
    sim_settle(&stage.world);
    for (unsigned i = 2; i <= 200; i++)
        assert_int_equal(sim_app_emit(&stage.app, NULL, "news", i), BELFRY_OK);
    stage.world.net.faults = (struct sim_faults){ .short_io = 90, .pipe_bytes = 300 };
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        sim_sio_open(stage.sio);
        sim_steps(&stage.world, 40 + attempt * 5);
        assert_int_equal(stage.heard, stage.last); /* each once, in order */
        if (stage.sio->is_connected)
            break;
        sim_sio_reset(stage.sio);
        sim_settle(&stage.world);
    }
    sim_settle(&stage.world);
    assert_true(stage.sio->is_connected && stage.sio->was_recovered);
    assert_int_equal(stage.heard, 200);
    assert_true(stage.app.people[0].recoveries > 1);
    clear_stage(&stage);
}

/* Where middlewares judge those that come back as well. */
static void test_who_is_refused_at_the_return_has_expired(void **state)
{
    static const struct sim_faults none = { 0 };
    struct stage stage = { 0 };
    (void)state;
    sim_set_seed(1);
    assert_true(sim_world_init(
        &stage.world, 1, &(belfry_options){ .workers = 2, .sock_data = SIM_APP_DATA }, &none));
    assert_true(sim_app_init(&stage.app, &stage.world,
                             &(struct sim_app_how){ .recovers = true,
                                                    .has_porter = true,
                                                    .runs_middlewares = true,
                                                    .window_ms = STAGE_WINDOW_MS }));
    stage.sio = come(&stage, 0);
    assert_int_equal(sim_app_emit(&stage.app, NULL, "news", 1), BELFRY_OK);
    sim_settle(&stage.world);
    lose_and_miss(&stage);
    reopen(&stage);
    assert_true(stage.sio->was_recovered); /* the porter admits it */
    lose_and_miss(&stage);
    stage.app.porter = SIM_REFUSES;
    sim_sio_open(stage.sio);
    sim_settle(&stage.world);
    assert_int_equal(stage.sio->refusals, 1);
    assert_int_equal(stage.app.people[0].expired, 1);
    stage.app.porter = SIM_ADMITS;
    reopen(&stage);
    assert_false(stage.sio->was_recovered);
    assert_int_equal(stage.app.people[0].expired, 1);
    clear_stage(&stage);
}

/* The answer to CONNECT takes nothing with it that came before it. */
static void test_binary_events_are_missed_with_their_parts(void **state)
{
    static const belfry_bytes parts[] = { { "abc", 3 }, { "\0\1\2", 3 } };
    struct stage stage;
    (void)state;
    set_stage(&stage);
    sim_sio_reset(stage.sio);
    sim_settle(&stage.world);
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    assert_int_equal(belfry_emit_bin(belfry_everyone(stage.app.nsp), "parts",
                                     "7,{\"_placeholder\":true,\"num\":0},"
                                     "{\"_placeholder\":true,\"num\":1}",
                                     parts, 2),
                     BELFRY_OK);
    (void)sim_alloc_enter(before);
    stage.sio->how.mode = SIM_EIO_POLLS;
    reopen(&stage);
    assert_true(stage.sio->was_recovered);
    assert_int_equal(stage.heard, 2);
    assert_int_equal(stage.last, 7);
    clear_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_whoever_loses_its_connection_under_load_comes_back_with_all_it_missed),
        cmocka_unit_test(test_the_window_is_exact_and_its_end_is_told_once),
        cmocka_unit_test(test_one_session_comes_back_once),
        cmocka_unit_test(test_a_socket_is_found_by_its_id_wherever_it_came_back),
        cmocka_unit_test(test_who_cannot_say_where_it_was_comes_as_anybody),
        cmocka_unit_test(test_who_left_of_its_own_will_does_not_come_back),
        cmocka_unit_test(test_what_the_log_has_forgotten_cannot_be_come_back_to),
        cmocka_unit_test(test_a_return_may_be_cut_and_tried_again),
        cmocka_unit_test(test_who_is_refused_at_the_return_has_expired),
        cmocka_unit_test(test_binary_events_are_missed_with_their_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
