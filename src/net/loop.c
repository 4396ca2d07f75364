/*
 * loop.c - the turn.
 */
#include "net/loop.h"

#define EVENTS_PER_TURN 512

belfry_err loop_init(struct loop *loop, const struct poller_ops *ops, struct poller *poller,
                     const struct clock *clock)
{
    *loop = (struct loop){ .clock = clock, .poller_ops = ops, .poller = poller };
    loop->now_ms = clock->monotonic_ms(clock->user);
    timer_wheel_init(&loop->timers, loop->now_ms);
    return BELFRY_OK;
}

static void free_graves(struct loop *loop)
{
    while (loop->graves != NULL) {
        struct grave *grave = loop->graves;
        loop->graves = grave->next;
        grave->free(grave);
    }
}

void loop_deinit(struct loop *loop)
{
    free_graves(loop);
    BELFRY_ASSERT(mailbox_is_empty(&loop->posts));
    if (loop->poller != NULL)
        loop->poller_ops->free(loop->poller);
    loop->poller = NULL;
}

int loop_timeout_ms(const struct loop *loop)
{
    if (loop->wants_turn || loop->graves != NULL ||
        atomic_load_explicit(&loop->is_woken, memory_order_relaxed))
        return 0;
    uint64_t next_ms = timer_wheel_next_ms(&loop->timers);
    if (next_ms == TIMER_NEVER)
        return -1;
    uint64_t now_ms = loop->clock->monotonic_ms(loop->clock->user);
    if (next_ms <= now_ms)
        return 0;
    return (int)BELFRY_MIN(next_ms - now_ms, (uint64_t)3600000);
}

static void run_posts(struct loop *loop)
{
    struct post *next;
    for (struct post *post = mailbox_take(&loop->posts); post != NULL; post = next) {
        next = post->next;
        struct loop_post *job = BELFRY_CONTAINER_OF(post, struct loop_post, post);
        job->run(job, loop->owner);
    }
}

void loop_step(struct loop *loop, int max_wait_ms)
{
    int timeout_ms = loop_timeout_ms(loop);
    if (max_wait_ms >= 0 && (timeout_ms < 0 || timeout_ms > max_wait_ms))
        timeout_ms = max_wait_ms;
    loop->wants_turn = false;

    struct poller_event events[EVENTS_PER_TURN];
    int count = loop->poller_ops->wait(loop->poller, events, EVENTS_PER_TURN, timeout_ms);
    /* Lowered before the mailboxes are read: a push after this wakes us again. Exchanged, not
     * stored: that synchronises with whoever raised it, so we see what was pushed before. */
    if (atomic_load_explicit(&loop->is_woken, memory_order_relaxed))
        (void)atomic_exchange(&loop->is_woken, false);
    loop->now_ms = loop->clock->monotonic_ms(loop->clock->user);
    for (int i = 0; i < count; i++)
        events[i].watch->on_ready(events[i].watch, events[i].events);
    timer_wheel_advance(&loop->timers, loop->now_ms);
    run_posts(loop);
    if (loop->on_turn_end != NULL)
        loop->on_turn_end(loop->owner);
    free_graves(loop);
}

void loop_wake(struct loop *loop)
{
    if (!atomic_exchange(&loop->is_woken, true))
        loop->poller_ops->wake(loop->poller);
}

void loop_post(struct loop *loop, struct loop_post *post)
{
    if (mailbox_push(&loop->posts, &post->post))
        loop_wake(loop);
}

void loop_bury(struct loop *loop, struct grave *grave, void (*free_fn)(struct grave *grave))
{
    grave->free = free_fn;
    grave->next = NULL;
    *(loop->graves != NULL ? loop->next_grave : &loop->graves) = grave;
    loop->next_grave = &grave->next;
}
