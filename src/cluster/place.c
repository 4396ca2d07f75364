/*
 * place.c - who must not be served before this node has read the stream as far as they have heard
 * of it: clients that come from another node.
 */
#include "base/alloc.h"
#include "cluster/node.h"

#define PATIENCE_MS 3000 /* with a reader that is behind what a client has heard */

static bool is_over(const struct cluster *c, const struct place_wait *wait)
{
    return message_id_compare(c->stream.place, wait->since) >= 0 ||
           wait->due_ms <= c->loop->now_ms || c->stream.reader_state == READER_DOWN;
}

void places_go_on(struct cluster *c)
{
    struct place_wait *next;
    struct place_wait *all = c->waits;
    struct place_wait *later = NULL;
    struct place_wait **last = &later;
    c->waits = NULL; /* whoever is called may wait again */
    for (struct place_wait *wait = all; wait != NULL; wait = next) {
        next = wait->next;
        if (c->is_ending || is_over(c, wait)) {
            wait->fn(wait->user);
            mem_free(wait);
            continue;
        }
        *last = wait;
        last = &wait->next;
    }
    *last = c->waits;
    c->waits = later;
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct cluster *c = BELFRY_CONTAINER_OF(timer, struct cluster, wait_timer);
    places_go_on(c);
    if (c->waits != NULL)
        timer_set(&c->loop->timers, timer, now_ms + PATIENCE_MS / 4);
}

void cluster_await_place(struct cluster *c, struct message_id since, void (*fn)(void *user),
                         void *user)
{
    struct place_wait wait = { c->waits, since, c->loop->now_ms + PATIENCE_MS, fn, user };
    struct place_wait *kept = NULL;
    if (is_stream(c) && !c->is_ending && !is_over(c, &wait))
        kept = mem_alloc(sizeof *kept);
    if (kept == NULL) {
        fn(user);
        return;
    }
    *kept = wait;
    c->waits = kept;
    if (!timer_is_set(&c->wait_timer))
        timer_set(&c->loop->timers, &c->wait_timer, wait.due_ms);
}

void places_init(struct cluster *c)
{
    c->wait_timer.fire = on_timer;
}

void places_deinit(struct cluster *c)
{
    timer_cancel(&c->loop->timers, &c->wait_timer);
    places_go_on(c);
}
