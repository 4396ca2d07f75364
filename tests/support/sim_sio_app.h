/*
 * sim_sio_app.h - the server's side of the Socket.IO simulations: what it heard from each client.
 *
 *     sim_world_init(&world, ...);  with option sock_data of SIM_APP_DATA
 *     sim_app_init(&app, &world, &(struct sim_app_how){ .recovers = true });
 *
 * Clients say in auth which number they have: {"n":3}. Their events:
 *
 *     "up" N       the next number of this client; answered with it
 *     "join" "r"   answered with nothing      "leave" "r"
 *     "blob" ...   answered with the same parts
 *     "call"       asks everyone a question; answered when it is
 *     "bye" 0|1    disconnects: the namespace, or everything
 *
 * It judges while it listens: numbers rise by one, a connection comes before events and one
 * disconnecting and one disconnect end it, data survives a recovery.
 */
#ifndef SUPPORT_SIM_SIO_APP_H
#define SUPPORT_SIM_SIO_APP_H

#include "support/sim_world.h"

#define SIM_APP_PEOPLE 16
#define SIM_APP_DATA sizeof(struct sim_app_data)

struct sim_app_data {
    uint32_t number; /* 1 above the client's; 0: it was never told */
    uint32_t connects;
    char id[21]; /* the public one */
};

/* What was heard of one client, over all its connections. */
struct sim_person {
    uint64_t up;
    unsigned connects;
    unsigned recoveries;
    unsigned disconnects;
    unsigned expired;
    unsigned blobs;
    bool is_here;
    bool is_going;    /* disconnecting was told */
    uint64_t gone_ms; /* of the last end */
    belfry_id sock;
    char id[21];
    char reason[48]; /* of the last end */
    char description[64];
};

/* What the middleware says. */
enum sim_porter { SIM_ADMITS, SIM_REFUSES, SIM_HESITATES };

#define SIM_APP_WAITING 16

struct sim_app_how {
    bool recovers;
    bool has_porter;       /* a middleware */
    bool runs_middlewares; /* for those that come back, too */
    bool may_lose;         /* clients lose connections: numbers may leave some out */
    uint32_t window_ms;
    unsigned strangers_from; /* from this number on, and without one: nobody keeps their books */
    bool knows_nobody;       /* all are strangers */
    const char *nsp;         /* NULL: "/" */
};

struct sim_app {
    struct sim_world *world;
    struct sim_app_how how;
    belfry_nsp *nsp;
    struct sim_person people[SIM_APP_PEOPLE];
    enum sim_porter porter;
    belfry_id
        waiting[SIM_APP_WAITING]; /* whom it has not decided about; the oldest are forgotten */
    unsigned waiting_count;
    unsigned calls; /* begun */
    unsigned calls_ended;
    unsigned calls_failed; /* of these: not everyone answered */
};

/* False: no memory. */
bool sim_app_init(struct sim_app *app, struct sim_world *world, const struct sim_app_how *how);

/* From outside of the server, as any thread may: an event with one number to everyone (NULL), a
 * room, or a socket by its public id. The name may not be reserved. */
belfry_err sim_app_emit(struct sim_app *app, const char *room, const char *event, uint64_t number);

/* The porter decides about one of those that wait, who may be gone. */
void sim_app_decide(struct sim_app *app, bool is_admitted);

#endif
