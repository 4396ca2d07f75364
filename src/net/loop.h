/*
 * loop.h - one thread's event loop.
 *
 *   a turn:  wait -> ready watches -> due timers -> posts of other threads -> on_turn_end
 *
 * What a turn produces leaves at its end (on_turn_end flushes), and objects that were closed in it
 * are freed after that (loop_bury), so nobody holds a dangling pointer within a turn.
 *
 * Thread: the one that steps it, except loop_post and loop_wake: any.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdatomic.h>

#include "base/clock.h"
#include "net/mailbox.h"
#include "net/poller.h"
#include "net/timer.h"

/* Work for a loop; a field of the message. */
struct loop_post {
    struct post post;
    void (*run)(struct loop_post *post, void *owner);
};

/* An object that dies after the turn; a field of it. */
struct grave {
    struct grave *next;
    void (*free)(struct grave *grave);
};

struct loop {
    uint64_t now_ms; /* of this turn */
    const struct clock *clock;
    const struct poller_ops *poller_ops;
    struct poller *poller;
    struct timer_wheel timers;
    struct mailbox posts;
    atomic_bool is_woken;
    bool wants_turn;                    /* something was left over: do not wait */
    struct grave *graves, **next_grave; /* in the order in which they were buried */
    void *owner;
    void (*on_turn_end)(void *owner);
};

/* Owns: takes @poller in any case. */
BELFRY_NODISCARD belfry_err loop_init(struct loop *loop, const struct poller_ops *ops,
                                      struct poller *poller, const struct clock *clock);
void loop_deinit(struct loop *loop); /* frees what was buried; posts must be gone */

/* One turn that waits at most @max_wait_ms (-1: as long as nothing is due). */
void loop_step(struct loop *loop, int max_wait_ms);

/* How long a step may wait: 0 when something is due, -1 for ever. */
int loop_timeout_ms(const struct loop *loop);

static inline belfry_err loop_watch(struct loop *loop, struct watch *watch, unsigned interest)
{
    return loop->poller_ops->set_interest(loop->poller, watch, interest);
}

/* @to, a copy of @from, takes its place. */
static inline belfry_err loop_move_watch(struct loop *loop, struct watch *from, struct watch *to)
{
    unsigned interest = from->interest;
    if (loop->poller_ops->move != NULL)
        return loop->poller_ops->move(loop->poller, from, to);
    (void)loop_watch(loop, from, 0); /* taking away needs no memory */
    to->interest = 0;
    return loop_watch(loop, to, interest);
}

void loop_post(struct loop *loop, struct loop_post *post);
void loop_wake(struct loop *loop);
void loop_bury(struct loop *loop, struct grave *grave, void (*free)(struct grave *grave));

#endif
