/*
 * relay.h - requests of sessions that live on another node of the cluster.
 *
 *     client ──► relay_out.c  ── REQUEST ─► relay_in.c   an exchange without a connection
 *            ◄──              ◄─ ANSWER ──
 *     client ══► tunnel_out.c ══ bytes ═══► tunnel_in.c  a stream without a descriptor
 *
 * The session's id names its node and worker, so nobody has to be asked who owns it; that a node is
 * gone, PUBLISH says: nobody heard it. What waits for a node is looked after every two seconds.
 *
 * Thread: a worker's, for what is its own.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "server/exchange.h"
#include "server/node.h"
#include "server/relay_state.h"
#include "server/relay_wire.h"

#define RELAY_WINDOW 262144 /* bytes of a tunnel that may be under way in one direction */
#define RELAY_MAX 100000    /* requests and tunnels of one worker */

/* A name of a node, with a NUL. */
struct relay_tag {
    char text[RELAY_TAG_SIZE + 1];
};

void relay_init(struct worker *worker);
void relay_deinit(struct worker *worker);

/* Is @sid of another node, and may we ask that? Then who it is, and the worker there. */
bool relay_owner_of(const struct belfry *server, belfry_bytes sid, struct relay_tag *out_tag,
                    unsigned *out_worker);

/* --- relay_out.c: an exchange whose session is elsewhere -------------------------------------- */

/* Its head is there. False: it was answered. */
bool relay_begin(struct exchange *x, const struct relay_tag *tag);
void relay_body(struct exchange *x, belfry_bytes body);
void relay_lost(struct exchange *x);
void relay_forget(struct exchange *x); /* it is answered here after all */

/* --- tunnel_out.c ----------------------------------------------------------------------------- */

/* The connection of @req becomes a tunnel to the session's node. Errors: NOMEM, LIMIT. */
BELFRY_NODISCARD belfry_err tunnel_start(belfry_request *req, const struct relay_tag *tag,
                                         unsigned worker);

/* --- between workers and nodes ---------------------------------------------------------------- */

/* What came of saying something: @nodes have heard it; -1: not known, or not said. */
typedef void relay_said_fn(struct worker *worker, const struct relay_tag *tag, uint64_t id,
                           int nodes);

/* Says @m (from is filled in) to the node @tag, in its turn. @said (may be NULL) is called on
 * @worker. Errors: NOMEM. */
belfry_err relay_say(struct worker *worker, const struct relay_tag *tag, struct relay_message *m,
                     relay_said_fn *said);

/* From other nodes; on worker 0. */
void relay_on_private(struct cluster *cluster, belfry_bytes payload, void *user);
/* Redis is away: whoever waits is told. Thread: any. */
void relay_cluster_down(struct belfry *server);

/* For each file, on the worker that it concerns. */
void relay_out_hear(struct worker *worker, const struct relay_message *m);
void relay_out_fail(struct worker *worker, const struct relay_tag *tag, bool is_away);
void relay_out_expire(struct worker *worker);
void relay_in_hear(struct worker *worker, const struct relay_message *m);
void relay_in_deinit(struct worker *worker);
void tunnel_out_hear(struct worker *worker, const struct relay_message *m);
void tunnel_out_fail(struct worker *worker, const struct relay_tag *tag);
void tunnel_in_hear(struct worker *worker, const struct relay_message *m);
void tunnel_in_fail(struct worker *worker, const struct relay_tag *tag);

/* Calls @visit for each node that @worker waits for, once. */
void relay_each_tag(struct worker *worker,
                    void (*visit)(struct worker *worker, const struct relay_tag *tag));

static inline bool relay_tag_is(const struct relay_tag *tag, belfry_bytes text)
{
    return text.size == RELAY_TAG_SIZE && memcmp(tag->text, text.data, RELAY_TAG_SIZE) == 0;
}

static inline struct relay_tag relay_tag_of(belfry_bytes text)
{
    struct relay_tag tag = { 0 };
    memcpy(tag.text, text.data, RELAY_TAG_SIZE);
    return tag;
}

#endif
