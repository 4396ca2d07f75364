/*
 * timer.h - deadlines, kept in a coarse wheel that still fires to the millisecond.
 *
 * A timer is a field of the object that it wakes; setting and cancelling touch two pointers.
 * Objects whose deadline moves with every message should not set the timer each time: let it fire,
 * look at the real deadline, set it again.
 *
 * Thread: the loop's.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "base/defs.h"

#define TIMER_SLOTS 512
#define TIMER_SLOT_MS 64
#define TIMER_NEVER UINT64_MAX

struct timer {
    struct timer *next;
    struct timer **link; /* what points at us; NULL: not set */
    uint64_t due_ms;
    void (*fire)(struct timer *timer, uint64_t now_ms);
};

struct timer_wheel {
    struct timer *slots[TIMER_SLOTS];
    uint64_t occupied[TIMER_SLOTS / 64];
    uint64_t done_ms; /* everything due until here has fired */
    uint64_t next_ms; /* nothing is due before this */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);

/* Fires once at @due_ms or soon after; a timer that is set already moves. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms);
void timer_cancel(struct timer_wheel *wheel, struct timer *timer); /* not set: a no-op */

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->link != NULL;
}

/* Calls @visit for every timer that is set, in no order; it may cancel that one, and no other. */
void timer_each(struct timer_wheel *wheel, void (*visit)(struct timer *timer, void *arg),
                void *arg);

/* Fires what is due; timers may set and cancel timers, themselves included. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);

/* When to call again; TIMER_NEVER: no timer is set. May be earlier than needed, never later. */
static inline uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel)
{
    return wheel->next_ms;
}

#endif
