/*
 * session.c - what the streams adapter keeps of sockets that may come back (redis.md 4.1).
 *
 *   SET sio:session:<pid> <base64 of MessagePack> PX <window>
 *   MULTI  GET key  DEL key  EXEC                               taken once, by whoever asks first
 *
 * A client that comes from another node may have heard more of the stream than this one has read:
 * it waits until that is no longer so.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "cluster/node.h"

static belfry_bytes key_of(struct cluster *c, belfry_bytes pid)
{
    buf_clear(&c->name);
    buf_put_text(&c->name, "sio:session:");
    buf_put_bytes(&c->name, pid);
    return buf_failed(&c->name) ? bytes_of(NULL, 0) : buf_bytes(&c->name);
}

struct saving {
    void (*saved)(void *user);
    void *user;
};

static void tell_saved(struct saving *saving)
{
    if (saving == NULL)
        return;
    saving->saved(saving->user);
    mem_free(saving);
}

static void on_kept(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    (void)link;
    if (reply != NULL && reply->type == RESP_ERROR)
        cluster_count_one(&c->counters.refused);
    tell_saved(arg);
}

static bool set_session(struct cluster *c, const struct note_session *session, uint32_t keep_ms,
                        struct saving *saving)
{
    char window[16];
    buf_clear(&c->payload);
    if (note_encode_session(session, &c->payload) != BELFRY_OK)
        return false;
    belfry_bytes argv[] = {
        BELFRY_BYTES("SET"), key_of(c, session->pid), buf_bytes(&c->payload), BELFRY_BYTES("PX"),
        bytes_of(window, (size_t)snprintf(window, sizeof window, "%u", keep_ms))
    };
    return argv[1].size > 0 &&
           link_command(c->publisher, argv, BELFRY_COUNT(argv), on_kept, saving, 0) == BELFRY_OK;
}

void cluster_save_session(struct cluster *c, const struct note_session *session, uint32_t keep_ms,
                          void (*saved)(void *user), void *user)
{
    struct saving *saving = saved != NULL ? mem_alloc(sizeof *saving) : NULL;
    if (saving != NULL)
        *saving = (struct saving){ saved, user };
    bool is_sent = link_is_up(c->publisher) && (saved == NULL || saving != NULL) &&
                   set_session(c, session, keep_ms, saving);
    if (is_sent)
        return; /* else it is said again with the next change, or when Redis is back */
    if (link_is_up(c->publisher))
        cluster_count_one(&c->counters.dropped_memory);
    mem_free(saving);
    if (saved != NULL)
        saved(user);
}

void cluster_drop_session(struct cluster *c, belfry_bytes pid)
{
    belfry_bytes argv[] = { BELFRY_BYTES("DEL"), key_of(c, pid) };
    if (argv[1].size > 0 && link_is_up(c->publisher))
        (void)link_command(c->publisher, argv, 2, NULL, NULL, 0); /* its window ends it too */
}

/* --- taking -----------------------------------------------------------------------------------*/

static void finish(struct cluster *c, struct taking *t, bool is_known)
{
    struct note_session session;
    bool is_there = t->text.size > 0 && note_decode_session(buf_bytes(&t->text), &c->options.limits,
                                                            &c->scratch, &session) == BELFRY_OK;
    if (t->text.size > 0 && !is_there)
        cluster_count_one(&c->counters.bad);
    t->taken(is_there ? &session : NULL, is_known, t->user);
    buf_deinit(&t->text);
    mem_free(t);
}

static void on_place(void *user)
{
    struct taking *t = user;
    finish(t->cluster, t, true);
}

/* The answer of EXEC: what GET and DEL said. */
static void on_taken(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    struct taking *t = arg;
    (void)link;
    bool is_known = reply != NULL && reply->type == RESP_ARRAY && reply->count == 2;
    if (is_known && reply->items[0].type == RESP_TEXT)
        buf_put_bytes(&t->text, reply->items[0].text);
    if (buf_failed(&t->text))
        cluster_count_one(&c->counters.dropped_memory);
    if (t->text.size > 0)
        cluster_await_place(c, t->since, on_place, t);
    else
        finish(c, t, is_known);
}

bool cluster_take_session(struct cluster *c, belfry_bytes pid, struct message_id since,
                          cluster_taken_fn *taken, void *user)
{
    belfry_bytes begin[] = { BELFRY_BYTES("MULTI") };
    belfry_bytes get[] = { BELFRY_BYTES("GET"), key_of(c, pid) };
    belfry_bytes del[] = { BELFRY_BYTES("DEL"), get[1] };
    belfry_bytes end[] = { BELFRY_BYTES("EXEC") };
    struct taking *t = get[1].size > 0 ? mem_alloc_zeroed(sizeof *t) : NULL;
    if (t == NULL)
        return false;
    t->cluster = c;
    t->since = since;
    t->taken = taken;
    t->user = user;
    if (link_command(c->publisher, begin, 1, NULL, NULL, 0) == BELFRY_OK &&
        link_command(c->publisher, get, 2, NULL, NULL, 0) == BELFRY_OK &&
        link_command(c->publisher, del, 2, NULL, NULL, 0) == BELFRY_OK &&
        link_command(c->publisher, end, 1, on_taken, t, 0) == BELFRY_OK)
        return true;
    mem_free(t);
    return false;
}
