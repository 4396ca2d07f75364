/*
 * mailbox.h - how one thread hands something to another.
 *
 *     struct job { struct post post; ... };        the post is part of the message,
 *     if (mailbox_push(&box, &job->post))          so posting cannot fail
 *         loop_wake(loop);                         first after empty: wake the owner
 *
 *     for (struct post *p = mailbox_take(&box); p != NULL; p = next) ...     oldest first
 */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include <stdatomic.h>

#include "base/defs.h"

struct post {
    struct post *next;
};

struct mailbox {
    _Atomic(struct post *) newest;
};

/* Thread: any. True when the box was empty: somebody should wake its owner. */
bool mailbox_push(struct mailbox *box, struct post *post);

/* Takes all, in the order of pushing. Thread: the owner's. */
struct post *mailbox_take(struct mailbox *box);

static inline bool mailbox_is_empty(struct mailbox *box)
{
    return atomic_load_explicit(&box->newest, memory_order_acquire) == NULL;
}

#endif
