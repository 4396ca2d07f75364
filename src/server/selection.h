/*
 * selection.h - whom a target reaches, for what is done with sockets rather than said to them.
 */
#ifndef SERVER_SELECTION_H
#define SERVER_SELECTION_H

#include <belfry/belfry.h>

#include "hub/hub.h"
#include "redis/note.h"

/* What @target reaches; the names lie in @spec, or are the caller's.
 * Errors: STATE (a parent), LIMIT, INVALID. */
BELFRY_NODISCARD belfry_err selection_of_target(const belfry_target *target,
                                                struct message_spec *spec,
                                                struct hub_selection *out);

/* A copy whose names lie in the block that is returned; NULL: no memory. Owns: the caller. */
BELFRY_NODISCARD belfry_bytes *selection_copy(const struct hub_selection *from,
                                              struct hub_selection *out);

/* Are there other servers that @target reaches sockets of? */
bool selection_is_for_cluster(const belfry_target *target);

/* What @selection, which is of @target, is in @note; @excepts has room for one more name, that of
 * the sender. */
void selection_put_note(struct note *note, const belfry_target *target,
                        const struct hub_selection *selection,
                        belfry_bytes excepts[MESSAGE_MAX_ROOMS + 1]);

#endif
