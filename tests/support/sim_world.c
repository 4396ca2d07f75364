/*
 * sim_world.c - whose turn is it?
 *
 *   actors: workers that are ready, links with bytes under way
 *   pick one from a random place in the circle -> its turn -> again
 *   nobody: the clock may go on, to the next timer or the end of a delay
 */
#include "support/sim_world.h"

#include <stdlib.h>

#include "support/sim_alloc.h"
#include "support/sim_seeds.h"

#define EPOCH_WALL_MS 1732400000000
#define START_MS 1000000
#define STEPS_WITHOUT_REST 300000 /* somebody is spinning */

/* --- making -----------------------------------------------------------------------------------*/

static uint64_t monotonic_ms(void *user)
{
    return ((const struct sim_world *)user)->now_ms;
}

static uint64_t wall_ms(void *user)
{
    const struct sim_world *world = user;
    return (uint64_t)((int64_t)(EPOCH_WALL_MS + world->now_ms) + world->wall_skew_ms);
}

static belfry_err new_poller(struct poller **out_poller, void *user)
{
    struct sim_world *world = user;
    return poll_sim_new(out_poller, &world->net);
}

static void set_now(struct sim_world *world, uint64_t now_ms)
{
    world->now_ms = now_ms;
    world->net.now_ms = now_ms;
}

static belfry *make_server(struct sim_world *world, const belfry_options *options)
{
    struct server_env env = {
        .clock = &world->clock,
        .random = random_source_of(&world->server_random),
        .poller_ops = &poll_sim,
        .new_poller = new_poller,
        .user = world,
    };
    belfry *server = server_new_in(&env, options);
    if (server != NULL && belfry_rooms(server, "/ws") != BELFRY_OK) {
        belfry_free(server);
        server = NULL;
    }
    return server;
}

bool sim_world_init(struct sim_world *world, uint64_t seed, const belfry_options *options,
                    const struct sim_faults *faults)
{
    *world = (struct sim_world){ 0 };
    world->clock = (struct clock){ monotonic_ms, wall_ms, world };
    sim_alloc_install();
    world->bytes_before = sim_alloc_bytes();
    random_seed(&world->random, seed);
    random_seed(&world->server_random, seed ^ 0x5eed);
    sim_net_init(&world->net, seed ^ 0xbe1f, faults);
    set_now(world, START_MS);
    world->client_pool = ws_pool_new(1);
    SIM_CHECK(world->client_pool != NULL, "the test is out of memory");
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    world->server = make_server(world, options);
    (void)sim_alloc_enter(before);
    if (world->server == NULL)
        sim_world_deinit(world);
    return world->server != NULL;
}

void sim_world_deinit(struct sim_world *world)
{
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    belfry_free(world->server);
    (void)sim_alloc_enter(before);
    world->server = NULL;
    sim_net_deinit(&world->net);
    world->client_pool = ws_pool_free(world->client_pool);
    SIM_CHECK(sim_alloc_bytes() == world->bytes_before, "the server left %zu bytes behind",
              sim_alloc_bytes() - world->bytes_before);
}

/* --- coming in --------------------------------------------------------------------------------*/

struct arrival {
    struct loop_post post;
    struct sim_link *link;
};

static void accept_arrival(struct loop_post *post, void *owner)
{
    struct arrival *arrival = BELFRY_CONTAINER_OF(post, struct arrival, post);
    struct worker *worker = owner;
    uint64_t refused = worker->counters.refused_exhausted;
    worker_adopt(worker, sim_link_setup_stream, arrival->link, false);
    if (worker->counters.refused_exhausted != refused)
        arrival->link->server_closed = true; /* perhaps before the stream was set up */
    free(arrival);
}

void sim_connect(struct sim_world *world, unsigned worker, struct sim_link *link)
{
    struct arrival *arrival = malloc(sizeof *arrival);
    SIM_CHECK(arrival != NULL, "the test is out of memory");
    *arrival = (struct arrival){ .post.run = accept_arrival, .link = link };
    loop_post(&world->server->workers[worker].loop, &arrival->post);
}

/* --- running ----------------------------------------------------------------------------------*/

static bool worker_is_ready(const struct worker *w)
{
    return loop_timeout_ms(&w->loop) == 0 || poll_sim_is_ready(w->loop.poller);
}

static bool link_is_ready(const struct sim_world *world, const struct sim_link *link)
{
    return link->held_until_ms <= world->now_ms && sim_link_can_step(link);
}

static void take_turn(struct worker *w)
{
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    worker_step(w, 0);
    (void)sim_alloc_enter(before);
}

static bool try_workers(struct sim_world *world)
{
    unsigned count = world->server->worker_count;
    unsigned start = (unsigned)sim_below(world, count);
    for (unsigned i = 0; i < count; i++) {
        struct worker *w = &world->server->workers[(start + i) % count];
        bool is_lagging = (world->lagging >> w->index & 1) != 0;
        if (!is_lagging && worker_is_ready(w)) {
            take_turn(w);
            return true;
        }
    }
    return false;
}

static bool try_links(struct sim_world *world)
{
    struct sim_net *net = &world->net;
    size_t start = (size_t)sim_below(world, net->link_count);
    for (size_t i = 0; i < net->link_count; i++) {
        struct sim_link *link = net->links[(start + i) % net->link_count];
        if (link_is_ready(world, link)) {
            sim_link_step(link);
            return true;
        }
    }
    return false;
}

bool sim_step(struct sim_world *world)
{
    if (sim_chance(world, 50))
        return try_workers(world) || try_links(world);
    return try_links(world) || try_workers(world);
}

void sim_steps(struct sim_world *world, unsigned count)
{
    while (count-- > 0 && sim_step(world))
        ;
}

static void run_now(struct sim_world *world)
{
    world->lagging = 0;
    for (unsigned step = 0; sim_step(world); step++)
        SIM_CHECK(step < STEPS_WITHOUT_REST, "it does not come to rest");
    for (unsigned w = 0; w < world->server->worker_count; w++)
        SIM_CHECK(!hub_has_pending(world->server->workers[w].shard),
                  "worker %u sleeps over its "
                  "inbox",
                  w);
    sim_net_sweep(&world->net);
}

static uint64_t next_timer_ms(const struct sim_world *world)
{
    uint64_t next_ms = TIMER_NEVER;
    for (unsigned w = 0; w < world->server->worker_count; w++) {
        int timeout_ms = loop_timeout_ms(&world->server->workers[w].loop);
        if (timeout_ms >= 0)
            next_ms = BELFRY_MIN(next_ms, world->now_ms + (uint64_t)timeout_ms);
    }
    return next_ms;
}

static uint64_t next_link_ms(const struct sim_world *world)
{
    uint64_t next_ms = TIMER_NEVER;
    for (size_t i = 0; i < world->net.link_count; i++) {
        const struct sim_link *link = world->net.links[i];
        if (sim_link_can_step(link))
            next_ms = BELFRY_MIN(next_ms, link->held_until_ms);
    }
    return next_ms;
}

void sim_settle(struct sim_world *world)
{
    run_now(world);
    uint64_t link_ms;
    while ((link_ms = next_link_ms(world)) != TIMER_NEVER) {
        set_now(world, BELFRY_MIN(link_ms, next_timer_ms(world)));
        run_now(world);
    }
}

void sim_advance_ms(struct sim_world *world, uint64_t ms)
{
    uint64_t target_ms = world->now_ms + ms;
    run_now(world);
    for (;;) {
        uint64_t next_ms = BELFRY_MIN(next_timer_ms(world), next_link_ms(world));
        if (next_ms > target_ms)
            break;
        set_now(world, next_ms);
        run_now(world);
    }
    set_now(world, target_ms);
}

/* --- looking inside ---------------------------------------------------------------------------*/

uint32_t sim_connection_count(const struct sim_world *world)
{
    uint32_t sum = 0;
    for (unsigned w = 0; w < world->server->worker_count; w++)
        sum += world->server->workers[w].connection_count;
    return sum;
}

uint64_t sim_delivered(const struct sim_world *world)
{
    uint64_t sum = 0;
    for (unsigned w = 0; w < world->server->worker_count; w++)
        sum += world->server->workers[w].shard->delivered;
    return sum;
}

bool sim_has_stopped(const struct sim_world *world)
{
    for (unsigned w = 0; w < world->server->worker_count; w++) {
        if (!atomic_load(&world->server->workers[w].is_stopped))
            return false;
    }
    return true;
}

uint64_t sim_counter(const struct sim_world *world, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned w = 0; w < world->server->worker_count; w++) {
        const char *counters = (const char *)&world->server->workers[w].counters;
        sum += atomic_load((const atomic_ullong *)(counters + offset));
    }
    return sum;
}
