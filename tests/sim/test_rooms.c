/*
 * test_rooms.c - random schedules in rooms: people come, talk, go abruptly, return and resume, over
 * one to four workers and a network that cuts, delays and resets. sim_rooms.h says what must hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/sim_rooms.h"
#include "support/sim_seeds.h"

#define PEOPLE 10
#define SEEDS 200

/* They failed once, and never shall again. */
static const uint64_t past_seeds[] = { 40, 179 };

/* Somebody who connects again and again. */
struct person {
    char name[SIM_NAME_SIZE];
    bool is_named;
    struct sim_visit *visit; /* the present or the last one; NULL: never came */
    bool is_here;
    unsigned keyed_post; /* the last one with a key */
    bool has_keyed_post;
    bool has_position[SIM_ROOMS];
    struct message_id positions[SIM_ROOMS];
};

struct run {
    struct sim_world world;
    struct sim_rooms rooms;
    belfry_options options;
    struct person people[PEOPLE];
    unsigned people_count;
    unsigned room_count;
    bool is_polite;   /* nobody leaves without saying so: every message is accounted for */
    bool has_repeats; /* keys are repeated */
};

/* --- a run's conditions -----------------------------------------------------------------------*/

static unsigned pick(struct random_seeded *r, const unsigned *choices, size_t count)
{
    return choices[random_below(r, count)];
}

#define PICK(r, ...)                             \
    pick((r), (const unsigned[]){ __VA_ARGS__ }, \
         sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

static struct sim_faults choose_faults(struct random_seeded *r)
{
    return (struct sim_faults){
        .short_io = PICK(r, 0, 30, 90),
        .again = PICK(r, 0, 0, 25),
        .delay = PICK(r, 0, 0, 10),
        .max_delay_ms = PICK(r, 5, 50),
        .pipe_bytes = PICK(r, 200, 4096, 65536),
    };
}

static void choose_history(struct run *run, struct random_seeded *r)
{
    belfry_options *o = &run->options;
    run->has_repeats = true;
    switch (random_below(r, 6)) {
    case 0:
        o->history_messages = BELFRY_OFF;
        run->rooms.history_limit = 0;
        run->rooms.may_forget = true;
        run->has_repeats = false;
        break;
    case 1:
        o->history_ms = 1000;
        run->rooms.may_forget = true;
        run->has_repeats = false;
        break;
    case 2:
    case 3:
        o->history_messages = PICK(r, 1, 3, 8);
        run->rooms.history_limit = o->history_messages;
        break;
    default:
        break;
    }
}

static void choose_options(struct run *run, struct random_seeded *r)
{
    belfry_options *o = &run->options;
    *o = (belfry_options){ .workers = 1 + (uint32_t)random_below(r, 4) };
    o->max_inbox = PICK(r, 0, 0, 16);
    o->deflate = (belfry_deflate_mode)random_below(r, 3);
    o->deflate_threshold_bytes = PICK(r, 0, 1);
    choose_history(run, r);
    run->people_count = 2 + (unsigned)random_below(r, PEOPLE - 1);
    run->room_count = 1 + (unsigned)random_below(r, SIM_ROOMS);
    run->is_polite = random_below(r, 3) == 0;
}

/* --- what people do ---------------------------------------------------------------------------*/

static void enter(struct run *run, struct person *person)
{
    struct sim_client_how how = {
        .worker = (unsigned)sim_below(&run->world, run->options.workers),
        .user = person->is_named ? person->name : NULL,
        .offers_deflate = sim_chance(&run->world, 50),
    };
    person->visit = sim_rooms_enter(&run->rooms, &how);
    person->is_here = true;
    if (!person->is_named)
        person->has_keyed_post = false; /* the key was the old connection's */
}

static void exit_somehow(struct run *run, struct person *person)
{
    struct sim_visit *visit = person->visit;
    enum sim_exit how = run->is_polite ? SIM_CLOSE : (enum sim_exit)sim_below(&run->world, 4);
    if (run->is_polite && !sim_client_is_open(visit->client))
        return; /* not before it is a WebSocket */
    for (unsigned room = 0; room < run->room_count; room++) {
        struct message_id position;
        if (!sim_rooms_position(visit, room, &position))
            continue;
        /* What it heard last, in whatever room, is as good a position. */
        if (sim_chance(&run->world, 50) && message_id_compare(visit->last_live, position) > 0)
            position = visit->last_live;
        person->positions[room] = position;
        person->has_position[room] = true;
    }
    sim_client_stall(visit->client, false);
    sim_rooms_exit(visit, how);
    person->is_here = false;
}

static void join(struct run *run, struct person *person, unsigned room)
{
    struct message_id id = person->positions[room];
    switch (sim_below(&run->world, 8)) {
    case 0:
        sim_rooms_join(person->visit, room, HUB_SINCE_COUNT, id,
                       (unsigned)sim_below(&run->world, 12));
        break;
    case 1:
        sim_rooms_join(person->visit, room, HUB_SINCE_UNKNOWN, id, 0);
        break;
    case 2:
        id.ms += 1000000000;
        if (run->rooms.epoch[0] != '\0')
            sim_rooms_join(person->visit, room, HUB_SINCE_ID, id, 0);
        break;
    case 3:
        sim_rooms_join(person->visit, room, HUB_SINCE_NOW, id, 0);
        break;
    default:
        if (person->has_position[room])
            sim_rooms_join(person->visit, room, HUB_SINCE_ID, id, 0);
        else
            sim_rooms_join(person->visit, room, HUB_SINCE_NOW, id, 0);
    }
}

static void talk(struct run *run, struct person *person, unsigned room)
{
    struct sim_world *world = &run->world;
    if (person->has_keyed_post && run->has_repeats && sim_chance(world, 20) &&
        person->visit->wants[run->rooms.posts[person->keyed_post].room]) {
        sim_rooms_repeat(person->visit, person->keyed_post);
        return;
    }
    enum sim_post_kind kind =
        (enum sim_post_kind)PICK(&world->random, SIM_MESSAGE, SIM_MESSAGE, SIM_EVENT, SIM_VOLATILE);
    bool has_key = kind != SIM_VOLATILE && sim_chance(world, 50);
    unsigned post = sim_rooms_say(person->visit, room, kind, has_key, sim_chance(world, 80));
    if (has_key) {
        person->keyed_post = post;
        person->has_keyed_post = true;
    }
}

static void act(struct run *run)
{
    struct sim_world *world = &run->world;
    struct person *person = &run->people[sim_below(world, run->people_count)];
    unsigned room = (unsigned)sim_below(world, run->room_count);
    if (!person->is_here) {
        enter(run, person);
        return;
    }
    switch (sim_below(world, 16)) {
    case 0:
        exit_somehow(run, person);
        break;
    case 1:
        if (person->visit->wants[room])
            sim_rooms_leave(person->visit, room);
        break;
    case 2:
        sim_client_stall(person->visit->client, sim_chance(world, 50));
        break;
    case 3:
        sim_advance_ms(world, sim_below(world, 300));
        break;
    case 4:
        world->wall_skew_ms += (int64_t)sim_below(world, 200) - 100;
        break;
    case 5:
        world->lagging = sim_below(world, 16); /* some workers get no turn for a while */
        break;
    case 6:
        join(run, person, room); /* perhaps once more */
        break;
    default:
        if (person->visit->wants[room])
            talk(run, person, room);
        else
            join(run, person, room);
    }
}

/* --- the books --------------------------------------------------------------------------------*/

static void check_counters(const struct run *run)
{
    uint64_t dropped =
        SIM_COUNTER(&run->world, dropped_slow) + SIM_COUNTER(&run->world, dropped_volatile) +
        SIM_COUNTER(&run->world, dropped_memory) + SIM_COUNTER(&run->world, dropped_closed);
    uint64_t delivered = sim_delivered(&run->world);
    uint64_t known = run->rooms.live_count + dropped;
    SIM_CHECK(run->is_polite ? delivered == known : delivered >= known,
              "handed out: %u, received: %u, dropped: %u", (unsigned)delivered,
              (unsigned)run->rooms.live_count, (unsigned)dropped);
    SIM_CHECK(SIM_COUNTER(&run->world, room_errors) == 0, "a request was refused");
}

static void settle(struct run *run)
{
    for (unsigned i = 0; i < run->people_count; i++) {
        if (run->people[i].visit != NULL)
            sim_client_stall(run->people[i].visit->client, false);
    }
    sim_settle(&run->world);
    sim_advance_ms(&run->world, 10);
}

static void check_presence(const struct run *run)
{
    for (unsigned i = 0; i < run->people_count; i++) {
        const struct person *person = &run->people[i];
        SIM_CHECK(!person->is_here || sim_client_is_open(person->visit->client),
                  "somebody was thrown out");
    }
}

static void finish(struct run *run)
{
    settle(run);
    check_presence(run);
    check_counters(run);
    sim_rooms_judge(&run->rooms);
    sim_rooms_deinit(&run->rooms);
    sim_world_deinit(&run->world);
}

static void run_rooms(uint64_t seed)
{
    struct run run = { 0 };
    struct random_seeded r;
    random_seed(&r, seed);
    sim_rooms_init(&run.rooms, &run.world);
    choose_options(&run, &r);
    struct sim_faults faults = choose_faults(&r);
    SIM_CHECK(sim_world_init(&run.world, seed, &run.options, &faults), "no server");
    for (unsigned i = 0; i < run.people_count; i++) {
        snprintf(run.people[i].name, sizeof run.people[i].name, "u%u", i);
        run.people[i].is_named = sim_chance(&run.world, 60);
    }
    for (unsigned i = 0; i < 250; i++) {
        act(&run);
        sim_steps(&run.world, (unsigned)sim_below(&run.world, 30));
    }
    finish(&run);
}

static void test_rooms_keep_one_order_without_loss(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_rooms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rooms_keep_one_order_without_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
