/*
 * selection.c - from a target to names: for the workers of this server, and as a note for others.
 */
#include "server/selection.h"

#include "base/alloc.h"
#include "server/server.h"
#include "server/sock.h"
#include "server/target.h"

belfry_err selection_of_target(const belfry_target *target, struct message_spec *spec,
                               struct hub_selection *out)
{
    if (target->nsp == NULL || target->nsp->hub == NULL) {
        (void)server_why(BELFRY_ERR_STATE,
                         "a parent has no sockets of its own: ask the namespaces made of it");
        return BELFRY_ERR_STATE;
    }
    belfry_err err = target_fill(target, spec);
    if (err == BELFRY_OK && target_is_sock(target)) {
        spec->rooms[0] = bytes_of(target->sock->public_id, PUBLIC_ID_SIZE);
        spec->room_count = 1;
    }
    if (err != BELFRY_OK)
        return err;
    *out = (struct hub_selection){ .room_count = spec->room_count,
                                   .except_count = spec->except_count,
                                   .rooms = spec->rooms,
                                   .excepts = spec->excepts,
                                   .except_member = spec->except_member };
    return BELFRY_OK;
}

/* Spans, then what they are of. */
belfry_bytes *selection_copy(const struct hub_selection *from, struct hub_selection *out)
{
    unsigned count = (unsigned)from->room_count + from->except_count;
    size_t size = count * sizeof(belfry_bytes) + 1;
    for (unsigned i = 0; i < from->room_count; i++)
        size += from->rooms[i].size;
    for (unsigned i = 0; i < from->except_count; i++)
        size += from->excepts[i].size;
    belfry_bytes *names = mem_alloc(size);
    if (names == NULL)
        return NULL;
    char *at = (char *)(names + count);
    for (unsigned i = 0; i < count; i++) {
        belfry_bytes name =
            i < from->room_count ? from->rooms[i] : from->excepts[i - from->room_count];
        if (name.size > 0)
            memcpy(at, name.data, name.size);
        names[i] = bytes_of(at, name.size);
        at += name.size;
    }
    *out = *from;
    out->rooms = names;
    out->excepts = names + from->room_count;
    return names;
}

bool selection_is_for_cluster(const belfry_target *target)
{
    return target->nsp->server->node != NULL && !target_is_local(target) && !target_is_sock(target);
}

void selection_put_note(struct note *note, const belfry_target *target,
                        const struct hub_selection *selection,
                        belfry_bytes excepts[MESSAGE_MAX_ROOMS + 1])
{
    unsigned count = selection->except_count;
    for (unsigned i = 0; i < count; i++)
        excepts[i] = selection->excepts[i];
    if (selection->except_member != 0)
        excepts[count++] = bytes_of(target->sock->public_id, PUBLIC_ID_SIZE);
    note->nsp = nsp_name(target->nsp);
    note->rooms = (struct note_names){ selection->rooms, selection->room_count };
    note->except = (struct note_names){ excepts, count };
}
