/*
 * sim_answers.h - an application of exchanges for the simulation: it does what the path says.
 *
 *     /x/WORKER/now/...     answers when the body is there: "WORKER METHOD PATH BODY"
 *     /x/WORKER/early/...   answers before the body
 *     /x/WORKER/hold/...    answers when it is released
 *     /x/WORKER/big/...     answers with SIM_BIG_ANSWER bytes
 *     /x/WORKER/last/...    answers and closes
 *     /x/WORKER/abort/...   ends the connection
 *     /x/WORKER/ws          upgrades to a WebSocket that speaks rooms
 *     /x/WORKER/no          refuses to upgrade: 400
 *
 * It checks on which worker it hears what, and in which order. Too large is answered 413, loss 503.
 */
#ifndef SUPPORT_SIM_ANSWERS_H
#define SUPPORT_SIM_ANSWERS_H

#include "server/exchange.h"
#include "support/sim_world.h"

#define SIM_BIG_ANSWER 30000
#define SIM_MAX_BODY 1000

struct sim_answers {
    struct sim_world *world;
    struct sim_question *first; /* those without an answer */
    unsigned begun;
    unsigned live; /* without an answer */
    unsigned bodies;
    unsigned too_large;
    unsigned lost;
    unsigned upgrades;
};

/* False: no memory. */
bool sim_answers_init(struct sim_answers *a, struct sim_world *world);

/* One that has no answer yet; there must be one. */
struct exchange *sim_answers_first(struct sim_answers *a);

/* @worker's next turn answers all that it holds. */
void sim_answers_release(struct sim_answers *a, unsigned worker);

#endif
