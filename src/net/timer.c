/*
 * timer.c - a hashed wheel: 512 slots of 64 ms, one turn in 33 s.
 *
 *   slot of a timer = (due / 64 ms) mod 512, so later turns share the slots of this one
 *
 * A slot holds timers of different milliseconds and turns; firing looks at the exact due time. The
 * earliest deadline is remembered, so that a busy loop compares one number per turn.
 */
#include "net/timer.h"

static size_t slot_of(uint64_t ms)
{
    return (ms / TIMER_SLOT_MS) % TIMER_SLOTS;
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    *wheel = (struct timer_wheel){ .done_ms = now_ms, .next_ms = TIMER_NEVER };
}

static void link_into(struct timer **head, struct timer *timer)
{
    timer->next = *head;
    timer->link = head;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    *head = timer;
}

static void unlink_timer(struct timer *timer)
{
    *timer->link = timer->next;
    if (timer->next != NULL)
        timer->next->link = timer->link;
    timer->next = NULL;
    timer->link = NULL;
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms)
{
    if (timer_is_set(timer))
        unlink_timer(timer);
    /* What is overdue goes where the next advance looks first. */
    timer->due_ms = BELFRY_MAX(due_ms, wheel->done_ms);
    size_t slot = slot_of(timer->due_ms);
    link_into(&wheel->slots[slot], timer);
    wheel->occupied[slot / 64] |= (uint64_t)1 << (slot % 64);
    wheel->next_ms = BELFRY_MIN(wheel->next_ms, timer->due_ms);
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
    (void)wheel; /* its slot may stay marked: the next look clears that */
    if (timer_is_set(timer))
        unlink_timer(timer);
}

void timer_each(struct timer_wheel *wheel, void (*visit)(struct timer *timer, void *arg), void *arg)
{
    for (size_t slot = 0; slot < TIMER_SLOTS; slot++) {
        struct timer *next;
        for (struct timer *t = wheel->slots[slot]; t != NULL; t = next) {
            next = t->next;
            visit(t, arg);
        }
    }
}

/* The earliest due time of this turn of the wheel, or a time by which to look again. */
static uint64_t find_next(struct timer_wheel *wheel)
{
    uint64_t first_tick = wheel->done_ms / TIMER_SLOT_MS;
    bool has_any = false;
    for (uint64_t tick = first_tick; tick < first_tick + TIMER_SLOTS; tick++) {
        size_t slot = tick % TIMER_SLOTS;
        uint64_t bit = (uint64_t)1 << (slot % 64);
        if (wheel->occupied[slot / 64] == 0 && slot % 64 == 0) {
            tick += 63; /* 64 empty slots at once */
            continue;
        }
        if ((wheel->occupied[slot / 64] & bit) == 0)
            continue;
        if (wheel->slots[slot] == NULL) {
            wheel->occupied[slot / 64] &= ~bit;
            continue;
        }
        has_any = true;
        uint64_t earliest = TIMER_NEVER;
        for (struct timer *t = wheel->slots[slot]; t != NULL; t = t->next) {
            if (t->due_ms / TIMER_SLOT_MS <= tick)
                earliest = BELFRY_MIN(earliest, t->due_ms);
        }
        if (earliest != TIMER_NEVER)
            return earliest;
    }
    /* All that is set is due in a later turn of the wheel. */
    return has_any ? wheel->done_ms + (uint64_t)TIMER_SLOTS * TIMER_SLOT_MS / 2 : TIMER_NEVER;
}

/* Moves what is due out of one slot, behind *@due; returns the new end of that list. */
static struct timer **collect(struct timer_wheel *wheel, size_t slot, uint64_t now_ms,
                              struct timer **due)
{
    struct timer *next;
    for (struct timer *t = wheel->slots[slot]; t != NULL; t = next) {
        next = t->next;
        if (t->due_ms <= now_ms) {
            unlink_timer(t);
            link_into(due, t);
            due = &t->next;
        }
    }
    return due;
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
    if (BELFRY_LIKELY(now_ms < wheel->next_ms))
        return;
    struct timer *due = NULL;
    struct timer **end = &due;
    uint64_t first_tick = wheel->done_ms / TIMER_SLOT_MS;
    uint64_t last_tick = BELFRY_MIN(now_ms / TIMER_SLOT_MS, first_tick + TIMER_SLOTS - 1);
    for (uint64_t tick = first_tick; tick <= last_tick; tick++)
        end = collect(wheel, tick % TIMER_SLOTS, now_ms, end);
    wheel->done_ms = now_ms;
    wheel->next_ms = TIMER_NEVER; /* timers set while firing lower it again */
    while (due != NULL) {
        struct timer *t = due;
        unlink_timer(t);
        t->fire(t, now_ms);
    }
    wheel->next_ms = BELFRY_MIN(wheel->next_ms, find_next(wheel));
}
