/*
 * sim_world.h - a whole server on a clock that is turned by hand and a network in memory.
 *
 *     sim_world_init(&world, seed, &options, &faults);
 *     ... clients (sim_client.h) ...
 *     sim_settle(&world);             until nobody has anything to do at this time
 *     sim_advance_ms(&world, 5000);   through everything that is due until then
 *     sim_world_deinit(&world);       the server and the network are gone
 *
 * The server's objects are the production ones. All workers run on this thread; which worker or
 * link goes next is the seed's choice, so what threads may do to each other by their order is
 * played through, again and again the same way. (What they may do to each other's memory is not:
 * that is TSan's to find.)
 */
#ifndef SUPPORT_SIM_WORLD_H
#define SUPPORT_SIM_WORLD_H

#include "server/server.h"
#include "support/sim_net.h"

struct sim_world {
    struct random_seeded random; /* of the test and the schedule */
    struct random_seeded server_random;
    struct sim_net net;
    uint64_t now_ms;
    int64_t wall_skew_ms; /* what somebody did to the clock on the wall */
    uint64_t lagging;     /* bit w: worker w gets no turn, until time goes on */
    struct clock clock;
    belfry *server;
    size_t bytes_before;         /* that other servers hold */
    struct ws_pool *client_pool; /* what decoders of clients share */
};

/* The server speaks rooms at /ws. False: it could not be made (an allocation failed). */
bool sim_world_init(struct sim_world *world, uint64_t seed, const belfry_options *options,
                    const struct sim_faults *faults);
void sim_world_deinit(struct sim_world *world);

static inline uint64_t sim_below(struct sim_world *world, uint64_t bound)
{
    return random_below(&world->random, bound);
}

static inline bool sim_chance(struct sim_world *world, unsigned percent)
{
    return sim_below(world, 100) < percent;
}

/* A connection comes in at @worker, in its next turn. */
void sim_connect(struct sim_world *world, unsigned worker, struct sim_link *link);

/* --- running --- */

/* One turn of a worker or one step of a link. False: nobody has anything to do at this time. */
bool sim_step(struct sim_world *world);
void sim_steps(struct sim_world *world, unsigned count); /* up to @count */

/* Runs until nobody has anything to do, waiting for links that are held (not for timers). */
void sim_settle(struct sim_world *world);

/* To the millisecond @ms from now; all that is due on the way happens at its time. */
void sim_advance_ms(struct sim_world *world, uint64_t ms);

/* --- looking inside --- */

uint32_t sim_connection_count(const struct sim_world *world);
uint64_t sim_delivered(const struct sim_world *world); /* messages that the hub handed to members */
bool sim_has_stopped(const struct sim_world *world);

/* The sum over all workers: SIM_COUNTER(world, dropped_slow). */
#define SIM_COUNTER(world, name) sim_counter((world), offsetof(struct counters, name))
uint64_t sim_counter(const struct sim_world *world, size_t offset);

#endif
