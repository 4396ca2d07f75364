/*
 * everyone.h - one worker's members of a namespace, each once. Thread: the worker's.
 */
#ifndef HUB_EVERYONE_H
#define HUB_EVERYONE_H

#include "hub/hub.h"

static inline bool everyone_has(const struct everyone *everyone, const struct member *member)
{
    return member->index < everyone->count && everyone->members[member->index] == member;
}

/* Memory for one more, so that everyone_add cannot fail. */
BELFRY_NODISCARD belfry_err everyone_reserve(struct everyone *everyone);
void everyone_add(struct everyone *everyone, struct member *member);
void everyone_remove(struct everyone *everyone, const struct member *member);

/* Is it the first time since everyone_forget_seen that @member is seen? */
bool everyone_see(struct everyone *everyone, const struct member *member);
void everyone_forget_seen(struct everyone *everyone);

void everyone_deinit(struct everyone *everyone);

#endif
