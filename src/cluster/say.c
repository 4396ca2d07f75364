/*
 * say.c - notes that go out by PUBLISH, and what becomes of them while Redis is away.
 *
 *   up:    encoded, handed to the link; the answer says only that Redis has it
 *   away:  dropped and counted, or queued up to max_queue_bytes and sent first when it is back
 *
 * What was handed to a link that breaks before Redis answered may or may not have been heard: it is
 * counted as unconfirmed, and not said again, since twice is worse than a counted loss.
 */
#include "base/alloc.h"
#include "cluster/node.h"

static bool is_sid_like(belfry_bytes room)
{
    /* The reference counts UTF-16 units; ids are ASCII, so both counts agree where it matters. */
    return room.size == 20;
}

/* Where a broadcast goes: to the channel of the one room that it is for, or to the general one;
 * that is always right. */
static belfry_bytes broadcast_channel(struct cluster *c, const struct note *note)
{
    bool is_general = note->rooms.count != 1 || is_stream(c) ||
                      (c->contract == NOTE_SHARDED && is_sid_like(note->rooms.names[0])) ||
                      moved_into(c, note->nsp, note->rooms.names[0]);
    return channel_name(c, "", note->nsp, is_general ? bytes_of(NULL, 0) : note->rooms.names[0]);
}

static belfry_bytes channel_of(struct cluster *c, const struct note *note)
{
    belfry_bytes none = bytes_of(NULL, 0);
    if (note->type == NOTE_BROADCAST && note->request_id.size == 0)
        return broadcast_channel(c, note);
    return channel_name(c, c->contract == NOTE_CLASSIC ? "-request" : "", note->nsp, none);
}

static void on_published(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    (void)link;
    (void)arg;
    if (reply == NULL)
        cluster_count_one(&c->counters.unconfirmed);
    else if (reply->type == RESP_ERROR)
        cluster_count_one(&c->counters.refused);
}

static belfry_err publish(struct cluster *c, belfry_bytes channel, belfry_bytes payload)
{
    bool is_sharded = c->contract == NOTE_SHARDED;
    belfry_bytes argv[] = { is_sharded ? BELFRY_BYTES("SPUBLISH") : BELFRY_BYTES("PUBLISH"),
                            channel, payload };
    return link_command(c->publisher, argv, 3, on_published, NULL, 0);
}

/* --- away -------------------------------------------------------------------------------------*/

static void set_queued(struct cluster *c, size_t bytes)
{
    c->queued_bytes = bytes;
    atomic_store_explicit(&c->counters.queued_bytes, bytes, memory_order_relaxed);
}

static belfry_err queue(struct cluster *c, belfry_bytes channel, belfry_bytes payload)
{
    size_t size = sizeof(struct queued) + channel.size + payload.size;
    if (c->options.away != CLUSTER_QUEUE) {
        cluster_count_one(&c->counters.dropped_away);
        return BELFRY_ERR_AGAIN;
    }
    if (c->queued_bytes + size > c->options.max_queue_bytes) {
        cluster_count_one(&c->counters.dropped_full);
        return BELFRY_ERR_AGAIN;
    }
    struct queued *q = mem_alloc(size);
    if (q == NULL) {
        cluster_count_one(&c->counters.dropped_memory);
        return BELFRY_ERR_NOMEM;
    }
    *q = (struct queued){ .channel_size = channel.size, .payload_size = payload.size };
    memcpy(q->bytes, channel.data, channel.size);
    memcpy(q->bytes + channel.size, payload.data, payload.size);
    *c->last_queued = q;
    c->last_queued = &q->next;
    set_queued(c, c->queued_bytes + size);
    return BELFRY_OK;
}

static void drop_first(struct cluster *c)
{
    struct queued *q = c->queue;
    c->queue = q->next;
    if (c->queue == NULL)
        c->last_queued = &c->queue;
    set_queued(c, c->queued_bytes - (sizeof *q + q->channel_size + q->payload_size));
    mem_free(q);
}

void say_queued(struct cluster *c)
{
    while (c->queue != NULL) {
        struct queued *q = c->queue;
        if (publish(c, bytes_of(q->bytes, q->channel_size),
                    bytes_of(q->bytes + q->channel_size, q->payload_size)) != BELFRY_OK)
            return; /* the rest when it is up again */
        cluster_count_one(&c->counters.sent);
        drop_first(c);
    }
}

void say_deinit(struct cluster *c)
{
    while (c->queue != NULL) {
        cluster_count_one(&c->counters.dropped_away);
        drop_first(c);
    }
    buf_deinit(&c->payload);
}

/* --- saying -----------------------------------------------------------------------------------*/

belfry_err say_payload(struct cluster *c, belfry_bytes channel, belfry_bytes payload)
{
    if (payload.size > c->options.max_message_bytes) {
        cluster_count_one(&c->counters.dropped_large);
        return BELFRY_ERR_LIMIT;
    }
    if (c->queue != NULL)
        say_queued(c);
    if (c->queue != NULL || !link_is_up(c->publisher))
        return queue(c, channel, payload);
    belfry_err err = publish(c, channel, payload);
    if (err == BELFRY_OK)
        cluster_count_one(&c->counters.sent);
    else
        cluster_count_one(err == BELFRY_ERR_NOMEM ? &c->counters.dropped_memory
                                                  : &c->counters.dropped_full);
    return err;
}

static belfry_err say_to(struct cluster *c, belfry_bytes channel, const struct note *note)
{
    buf_clear(&c->payload);
    belfry_err err = note_encode(c->contract, note, &c->payload);
    if (err != BELFRY_OK || channel.size == 0) {
        cluster_count_one(&c->counters.dropped_memory);
        return err != BELFRY_OK ? err : BELFRY_ERR_NOMEM;
    }
    return say_payload(c, channel, buf_bytes(&c->payload));
}

static bool is_durable(const struct note *note)
{
    if (note->type == NOTE_BROADCAST)
        return note->request_id.size == 0 && !note->is_volatile && !note->is_unlogged;
    return note->type == NOTE_JOIN || note->type == NOTE_LEAVE || note->type == NOTE_DISCONNECT;
}

belfry_err cluster_say(struct cluster *c, const struct note *note)
{
    struct note mine = *note;
    mine.uid = bytes_of_text(c->uid);
    moved_note(c, &mine);
    if (is_stream(c) && is_durable(&mine))
        return cluster_append(c, &mine, bytes_of(NULL, 0), NULL, 0, NULL);
    return say_to(c, channel_of(c, &mine), &mine);
}

belfry_err cluster_answer(struct cluster *c, belfry_bytes to, const struct note *note)
{
    struct note mine = *note;
    bool is_classic = c->contract == NOTE_CLASSIC;
    mine.uid = bytes_of_text(c->uid);
    /* Classic: by default everybody hears the answers. */
    return say_to(c,
                  is_classic ? channel_name(c, "-response", note->nsp, bytes_of(NULL, 0))
                             : channel_name(c, "", note->nsp, to),
                  &mine);
}

/* --- between Belfry nodes ---------------------------------------------------------------------*/

struct whisper {
    void (*sent)(int nodes, void *user);
    void *user;
};

static void on_whispered(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct whisper *whisper = arg;
    (void)link;
    (void)user;
    bool is_known = reply != NULL && reply->type == RESP_INTEGER;
    whisper->sent(is_known ? (int)reply->integer : -1, whisper->user);
    mem_free(whisper);
}

belfry_err cluster_whisper(struct cluster *c, const char *tag, belfry_bytes payload,
                           void (*sent)(int nodes, void *user), void *user)
{
    belfry_bytes argv[] = { BELFRY_BYTES("PUBLISH"), channel_private(c, tag), payload };
    if (argv[1].size == 0)
        return BELFRY_ERR_NOMEM;
    if (sent == NULL)
        return link_command(c->publisher, argv, 3, NULL, NULL, 0);
    struct whisper *whisper = mem_alloc(sizeof *whisper);
    if (whisper == NULL)
        return BELFRY_ERR_NOMEM;
    *whisper = (struct whisper){ sent, user };
    belfry_err err = link_command(c->publisher, argv, 3, on_whispered, whisper, 0);
    if (err != BELFRY_OK)
        mem_free(whisper);
    return err;
}
