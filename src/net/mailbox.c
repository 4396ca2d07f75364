/*
 * mailbox.c - a lock-free stack that is read as a queue.
 *
 *   any thread: push --> [newest -> ... -> oldest] --> owner: take all, reverse
 *
 * The order is that of the successful compare-and-swaps: whoever pushes under a lock gets the
 * lock's order. Only the owner takes, and takes all, so there is no ABA problem.
 */
#include "net/mailbox.h"

bool mailbox_push(struct mailbox *box, struct post *post)
{
    struct post *newest = atomic_load_explicit(&box->newest, memory_order_relaxed);
    do {
        post->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&box->newest, &newest, post,
                                                    memory_order_release, memory_order_relaxed));
    return newest == NULL;
}

struct post *mailbox_take(struct mailbox *box)
{
    if (mailbox_is_empty(box))
        return NULL;
    struct post *newest = atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire);
    struct post *oldest = NULL;
    while (newest != NULL) {
        struct post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}
