/*
 * sio_move.c - belfry_sockets_join and belfry_sockets_leave: a move in the hub, and a note for the
 * other servers, who do the same.
 */
#include "server/sio_move.h"

#include "base/alloc.h"
#include "base/log.h"
#include "server/node.h"
#include "server/selection.h"
#include "server/server.h"
#include "server/sock.h"

struct sio_move {
    belfry_nsp *nsp;     /* used */
    belfry_bytes *names; /* of the selection */
    char *room;
    struct hub_move move; /* the last: it ends with a part for each worker */
};

static void free_move(struct sio_move *m)
{
    nsp_release(m->nsp);
    mem_free(m->names);
    mem_free(m->room);
    mem_free(m);
}

/* --- on each worker ---------------------------------------------------------------------------*/

/* One that is in too many rooms already, or not in the one to leave, stays where it is. */
static belfry_err act(struct hub_move *move, struct hub_shard *shard, struct member *member)
{
    belfry_sock *sock = sock_of_member(member);
    uint32_t members;
    if (sock->state != SOCK_OPEN)
        return BELFRY_ERR_GONE;
    belfry_err err = move->is_join ? hub_join_here(shard, move->nsp, member, move->room)
                                   : hub_leave(shard, move->nsp, member, move->room, &members);
    if (err == BELFRY_OK && move->is_join)
        node_await_rooms(sock);
    if (err == BELFRY_OK)
        node_session_changed(sock);
    return err;
}

static void finish(struct hub_move *move)
{
    struct sio_move *m = BELFRY_CONTAINER_OF(move, struct sio_move, move);
    if (move->is_partial)
        log_event(BELFRY_LOG_ERROR, "move-incomplete", "room=%s why=memory", LOG_FIELD(move->room));
    free_move(m);
}

/* --- asking -----------------------------------------------------------------------------------*/

static struct sio_move *new_move(belfry_nsp *nsp, const struct hub_selection *selection,
                                 const char *room, bool is_join)
{
    struct sio_move *m =
        mem_alloc_zeroed(sizeof *m + nsp->server->worker_count * sizeof m->move.parts[0]);
    if (m == NULL)
        return NULL;
    m->nsp = nsp;
    nsp_acquire(nsp);
    m->names = selection_copy(selection, &m->move.selection);
    m->room = mem_dup_text(room);
    if (m->names == NULL || m->room == NULL) {
        free_move(m);
        return NULL;
    }
    m->move.room = bytes_of_text(m->room);
    m->move.is_join = is_join;
    m->move.act = act;
    m->move.done = finish;
    return m;
}

belfry_err sio_move(belfry_nsp *nsp, const struct hub_selection *selection, const char *room,
                    bool is_join)
{
    const struct worker *own = worker_current_of(nsp->server);
    belfry_err err = sock_check_room(nsp->server, room);
    if (err != BELFRY_OK)
        return err;
    struct sio_move *m = new_move(nsp, selection, room, is_join);
    if (m == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    err = hub_move(nsp->hub, own != NULL ? own->shard : NULL, &m->move);
    if (err == BELFRY_OK)
        return BELFRY_OK;
    free_move(m);
    return server_why(err, "cannot move: %s",
                      err == BELFRY_ERR_AGAIN   ? "max_inbox messages wait for a worker: try again"
                      : err == BELFRY_ERR_LIMIT ? "max_rooms is reached"
                                                : belfry_strerror(err));
}

/* --- the public API: here, and on the other servers of a cluster ------------------------------*/

static belfry_err move_everywhere(const belfry_target *target, const char *room, bool is_join)
{
    struct message_spec spec = { 0 };
    struct hub_selection selection = { 0 };
    belfry_bytes excepts[MESSAGE_MAX_ROOMS + 1];
    belfry_err err = selection_of_target(target, &spec, &selection);
    if (err == BELFRY_OK)
        err = sio_move(target->nsp, &selection, room, is_join);
    if (err != BELFRY_OK || !selection_is_for_cluster(target))
        return err;
    belfry_bytes name = bytes_of_text(room);
    struct note note = { .type = is_join ? NOTE_JOIN : NOTE_LEAVE, .targets = { &name, 1 } };
    selection_put_note(&note, target, &selection, excepts);
    return node_say_note(target->nsp->server, &note);
}

belfry_err belfry_sockets_join(belfry_target target, const char *room)
{
    return move_everywhere(&target, room, true);
}

belfry_err belfry_sockets_leave(belfry_target target, const char *room)
{
    return move_everywhere(&target, room, false);
}
