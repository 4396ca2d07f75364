/*
 * channels.c - what this node listens to, and what comes by it.
 *
 *   classic   <key>#<nsp>#  <key>#<nsp>#<room>#   requests, responses   <key>#<nsp>#<tag>* (ids)
 *   sharded   <key>#<nsp>#  <key>#<nsp>#<room>#   <key>#<nsp>#<uid>#
 *   streams   <key>#<nsp>#                        <key>#<nsp>#<uid>#
 *   all       <key>-belfry#<tag>#  (between Belfry nodes)     socketio  (python-socketio)
 *
 * The reference's classic adapter takes everything by a pattern and throws away what is for rooms
 * it does not have. Here each room with members has a channel of its own, so that what is said in
 * others never comes; the ids of sockets, which are rooms too, begin with this node's tag and need
 * one pattern. A room that lost its last member is listened to a while longer: rooms come back.
 *
 * Subscriptions are asked for at the end of the turn, many in one command; after a lost link all of
 * them again, and only when Redis has confirmed the last one does the node count as up.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "cluster/node.h"
#include "redis/peek.h"
#include "redis/python.h"

#define ASK_AT_ONCE 256 /* channels of one command */
#define MAX_IDLE 10000  /* above it the oldest go before their time */

/* --- names ------------------------------------------------------------------------------------*/

belfry_bytes channel_name(struct cluster *c, const char *suffix, belfry_bytes nsp,
                          belfry_bytes room)
{
    buf_clear(&c->name);
    buf_put_text(&c->name, c->options.key);
    buf_put_text(&c->name, suffix);
    buf_put_char(&c->name, '#');
    buf_put_bytes(&c->name, nsp);
    buf_put_char(&c->name, '#');
    if (room.size > 0) {
        buf_put_bytes(&c->name, room);
        buf_put_char(&c->name, '#');
    }
    return buf_failed(&c->name) ? bytes_of(NULL, 0) : buf_bytes(&c->name);
}

belfry_bytes channel_private(struct cluster *c, const char *tag)
{
    return channel_name(c, "-belfry", bytes_of_text(tag), bytes_of(NULL, 0));
}

/* Glob characters of Redis stand for themselves behind a backslash. */
static void put_literal(struct buf *out, belfry_bytes text)
{
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (strchr("*?[]^\\", at[i]) != NULL && at[i] != '\0')
            buf_put_char(out, '\\');
        buf_put_char(out, at[i]);
    }
}

static belfry_bytes ids_pattern(struct cluster *c, belfry_bytes nsp)
{
    buf_clear(&c->name);
    put_literal(&c->name, bytes_of_text(c->options.key));
    buf_put_char(&c->name, '#');
    put_literal(&c->name, nsp);
    buf_put_char(&c->name, '#');
    buf_put_text(&c->name, c->options.tag);
    buf_put_char(&c->name, '*');
    return buf_failed(&c->name) ? bytes_of(NULL, 0) : buf_bytes(&c->name);
}

static bool has_name(const struct map_node *node, const void *context)
{
    const struct channel *channel = BELFRY_CONTAINER_OF(node, struct channel, by_name);
    return bytes_equal(bytes_of(channel->name, channel->name_size), *(const belfry_bytes *)context);
}

static struct channel *find(struct cluster *c, belfry_bytes name)
{
    struct map_node *node =
        map_find(&c->channels.by_name, map_hash(c->options.hash_key, name), has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct channel, by_name) : NULL;
}

/* --- lists ------------------------------------------------------------------------------------*/

static bool is_due(const struct channel *channel)
{
    return channel->due_link != NULL;
}

static void leave_due(struct channels *channels, struct channel *channel)
{
    if (!is_due(channel))
        return;
    *channel->due_link = channel->next_due;
    if (channel->next_due != NULL)
        channel->next_due->due_link = channel->due_link;
    else if (channels->last_idle == &channel->next_due)
        channels->last_idle = channel->due_link;
    channel->next_due = NULL;
    channel->due_link = NULL;
    if (channel->idle_ms != 0)
        channels->idle_count--;
    channel->idle_ms = 0;
}

static void ask_soon(struct channels *channels, struct channel *channel)
{
    leave_due(channels, channel);
    channel->next_due = channels->to_ask;
    if (channel->next_due != NULL)
        channel->next_due->due_link = &channel->next_due;
    channel->due_link = &channels->to_ask;
    channels->to_ask = channel;
}

static void idle_from(struct channels *channels, struct channel *channel, uint64_t now_ms)
{
    leave_due(channels, channel);
    channel->idle_ms = BELFRY_MAX(now_ms, (uint64_t)1);
    channels->idle_count++;
    channel->due_link = channels->last_idle;
    *channels->last_idle = channel;
    channels->last_idle = &channel->next_due;
}

static struct channel *add(struct cluster *c, struct cluster_nsp *nsp, enum channel_kind kind,
                           belfry_bytes name, belfry_bytes room)
{
    struct channel *channel = name.size > 0 ? mem_alloc_zeroed(sizeof *channel + name.size) : NULL;
    if (channel == NULL)
        return NULL;
    channel->by_name.hash = map_hash(c->options.hash_key, name);
    channel->nsp = nsp;
    channel->kind = kind;
    channel->is_wanted = true;
    channel->name_size = name.size;
    memcpy(channel->name, name.data, name.size);
    if (room.size > 0)
        channel->room = bytes_of(channel->name + name.size - room.size - 1, room.size);
    map_insert(&c->channels.by_name, &channel->by_name);
    channel->next = c->channels.first;
    channel->link = &c->channels.first;
    if (channel->next != NULL)
        channel->next->link = &channel->next;
    c->channels.first = channel;
    ask_soon(&c->channels, channel);
    return channel;
}

static void end_restoring(struct cluster *c, struct channel *channel)
{
    if (!channel->is_restored)
        return;
    channel->is_restored = false;
    c->channels.restoring--;
}

static void drop(struct cluster *c, struct channel *channel)
{
    end_restoring(c, channel);
    leave_due(&c->channels, channel);
    map_remove(&c->channels.by_name, &channel->by_name);
    *channel->link = channel->next;
    if (channel->next != NULL)
        channel->next->link = channel->link;
    mem_free(channel);
}

void channels_init(struct channels *channels)
{
    channels->last_idle = &channels->idle;
}

void channels_deinit(struct cluster *c)
{
    while (c->channels.first != NULL)
        drop(c, c->channels.first);
    map_deinit(&c->channels.by_name);
}

/* --- asking Redis -----------------------------------------------------------------------------*/

static bool is_sharded(const struct cluster *c, const struct channel *channel)
{
    return c->contract == NOTE_SHARDED && channel->kind != CHANNEL_PRIVATE &&
           channel->kind != CHANNEL_PYTHON;
}

static const char *verb_of(const struct cluster *c, const struct channel *channel, bool is_leaving)
{
    if (is_sharded(c, channel))
        return is_leaving ? "SUNSUBSCRIBE" : "SSUBSCRIBE";
    if (channel->kind == CHANNEL_IDS)
        return is_leaving ? "PUNSUBSCRIBE" : "PSUBSCRIBE";
    return is_leaving ? "UNSUBSCRIBE" : "SUBSCRIBE";
}

/* One command for as many of the list as have its verb. False: the link takes no more. */
static bool ask_some(struct cluster *c)
{
    belfry_bytes argv[1 + ASK_AT_ONCE];
    struct channel *asked[ASK_AT_ONCE];
    unsigned count = 0;
    const char *verb = verb_of(c, c->channels.to_ask, false);
    for (struct channel *channel = c->channels.to_ask; channel != NULL && count < ASK_AT_ONCE;
         channel = channel->next_due) {
        if (strcmp(verb_of(c, channel, false), verb) != 0)
            continue;
        asked[count++] = channel;
        argv[count] = bytes_of(channel->name, channel->name_size);
    }
    argv[0] = bytes_of_text(verb);
    if (link_command(c->subscriber, argv, count + 1, NULL, NULL, 0) != BELFRY_OK)
        return false;
    for (unsigned i = 0; i < count; i++) {
        leave_due(&c->channels, asked[i]);
        asked[i]->state = CHANNEL_ASKED;
        asked[i]->number = ++c->channels.asked;
    }
    return true;
}

void channels_flush(struct cluster *c)
{
    while (c->channels.to_ask != NULL && link_is_up(c->subscriber) && ask_some(c))
        ;
}

void channels_restore(struct cluster *c)
{
    c->channels.restoring = 0;
    for (struct channel *channel = c->channels.first; channel != NULL; channel = channel->next) {
        channel->state = CHANNEL_OFF;
        channel->is_restored = true;
        c->channels.restoring++;
        if (channel->is_wanted)
            ask_soon(&c->channels, channel);
        else
            end_restoring(c, channel);
    }
    channels_flush(c);
}

void channels_lost(struct cluster *c)
{
    for (struct channel *channel = c->channels.first; channel != NULL; channel = channel->next) {
        channel->state = CHANNEL_OFF;
        channel->is_restored = false;
    }
    c->channels.restoring = 0;
    c->channels.confirmed = c->channels.asked; /* or never will be: nobody waits for it */
    c->host.on_listening(c, c->channels.confirmed, c->user);
}

static void tell_hearing(struct cluster *c, const struct channel *channel, bool is_heard)
{
    if (channel->kind == CHANNEL_ROOM)
        c->host.on_hearing(c, bytes_of(channel->nsp->name, channel->nsp->name_size), channel->room,
                           is_heard, c->user);
}

static void leave(struct cluster *c, struct channel *channel)
{
    belfry_bytes argv[] = { bytes_of_text(verb_of(c, channel, true)),
                            bytes_of(channel->name, channel->name_size) };
    if (channel->state != CHANNEL_OFF && link_is_up(c->subscriber))
        (void)link_command(c->subscriber, argv, 2, NULL, NULL, 0); /* else it goes on to hear it */
    tell_hearing(c, channel, false);
    drop(c, channel);
}

void channels_tidy(struct cluster *c)
{
    while (c->channels.idle != NULL &&
           c->channels.idle->idle_ms + c->options.linger_ms <= c->loop->now_ms)
        leave(c, c->channels.idle);
    (void)map_tidy(&c->channels.by_name, 256);
}

static void confirm(struct cluster *c, belfry_bytes name)
{
    struct channel *channel = find(c, name);
    if (channel == NULL || channel->state == CHANNEL_ON)
        return;
    channel->state = CHANNEL_ON;
    end_restoring(c, channel);
    tell_hearing(c, channel, true);
    c->channels.confirmed = BELFRY_MAX(c->channels.confirmed, channel->number);
    c->host.on_listening(c, c->channels.confirmed, c->user);
    cluster_check_up(c);
}

/* --- what comes -------------------------------------------------------------------------------*/

/* A manager of python-socketio: the namespace is in what it says. */
static void hear_python(struct cluster *c, belfry_bytes payload)
{
    struct note note;
    belfry_err err = python_decode(payload, &c->options.limits, &c->scratch, &note);
    if (err == BELFRY_OK)
        cluster_hear(c, &note, NULL);
    else
        cluster_count_one(err == BELFRY_ERR_NOMEM ? &c->counters.dropped_memory : &c->counters.bad);
}

/* Rooms with a channel of their own have members, or had some; others may be about to have them. */
static bool is_listened_to(struct cluster *c, const struct channel *general, belfry_bytes room)
{
    belfry_bytes nsp = bytes_of(general->nsp->name, general->nsp->name_size);
    size_t tag_size = strlen(c->options.tag);
    bool may_be_id = room.size >= tag_size && memcmp(room.data, c->options.tag, tag_size) == 0;
    return may_be_id || find(c, channel_name(c, "", nsp, room)) != NULL || moved_into(c, nsp, room);
}

/* Said to rooms that are elsewhere: had it been one room, it would not have come here. */
static bool is_for_others(struct cluster *c, const struct channel *channel, belfry_bytes payload)
{
    struct note_peek peek;
    if (c->contract != NOTE_CLASSIC || channel->kind != CHANNEL_GENERAL ||
        !note_peek(payload, &peek))
        return false;
    for (unsigned i = 0; i < peek.room_count; i++) {
        if (is_listened_to(c, channel, peek.rooms[i]))
            return false;
    }
    return true;
}

static void hear_payload(struct cluster *c, const struct channel *channel, belfry_bytes payload)
{
    struct note note;
    if (channel->kind == CHANNEL_PRIVATE) {
        if (c->host.on_private != NULL)
            c->host.on_private(c, payload, c->user);
        return;
    }
    if (channel->kind == CHANNEL_PYTHON) {
        hear_python(c, payload);
        return;
    }
    if (is_for_others(c, channel, payload))
        return;
    belfry_err err =
        channel->kind == CHANNEL_RESPONSE && c->contract == NOTE_CLASSIC
            ? note_decode_classic_response(payload, &c->options.limits, &c->scratch, &note)
            : note_decode(c->contract, payload, &c->options.limits, &c->scratch, &note);
    if (err != BELFRY_OK) {
        cluster_count_one(err == BELFRY_ERR_NOMEM ? &c->counters.dropped_memory : &c->counters.bad);
        return;
    }
    belfry_bytes nsp = bytes_of(channel->nsp->name, channel->nsp->name_size);
    if (note.nsp.size == 0)
        note.nsp = nsp;
    else if (!bytes_equal(note.nsp, nsp))
        return; /* of another namespace: ignored, as in the reference */
    cluster_hear(c, &note, NULL);
}

/* One of a pattern, unless the room has a channel of its own as well. */
static void hear_by_pattern(struct cluster *c, belfry_bytes pattern, belfry_bytes name,
                            belfry_bytes payload)
{
    const struct channel *channel = find(c, pattern);
    const struct channel *own = find(c, name);
    if (channel != NULL && (own == NULL || own->state != CHANNEL_ON))
        hear_payload(c, channel, payload);
}

void channels_push(struct cluster *c, const struct resp *reply)
{
    if (reply->type != RESP_ARRAY || reply->count < 2)
        return;
    const struct resp *items = reply->items;
    belfry_bytes kind = items[0].text;
    if (reply->count == 3 &&
        (bytes_equal_text(kind, "message") || bytes_equal_text(kind, "smessage"))) {
        const struct channel *channel = find(c, items[1].text);
        if (channel != NULL)
            hear_payload(c, channel, items[2].text);
    } else if (reply->count == 4 && bytes_equal_text(kind, "pmessage")) {
        hear_by_pattern(c, items[1].text, items[2].text, items[3].text);
    } else if (bytes_equal_text(kind, "subscribe") || bytes_equal_text(kind, "psubscribe") ||
               bytes_equal_text(kind, "ssubscribe")) {
        confirm(c, items[1].text);
    }
}

/* --- what is wanted ---------------------------------------------------------------------------*/

belfry_err channels_add_node(struct cluster *c)
{
    belfry_bytes none = bytes_of(NULL, 0);
    bool is_made =
        add(c, NULL, CHANNEL_PRIVATE, channel_private(c, c->options.tag), none) != NULL &&
        add(c, NULL, CHANNEL_PYTHON, BELFRY_BYTES(PYTHON_CHANNEL), none) != NULL;
    return is_made ? BELFRY_OK : BELFRY_ERR_NOMEM;
}

static void add_nsp_channels(struct cluster *c, struct cluster_nsp *nsp)
{
    belfry_bytes name = bytes_of(nsp->name, nsp->name_size);
    belfry_bytes uid = bytes_of_text(c->uid);
    belfry_bytes none = bytes_of(NULL, 0);
    unsigned n = 0;
    nsp->channels[n++] = add(c, nsp, CHANNEL_GENERAL, channel_name(c, "", name, none), none);
    if (c->contract != NOTE_CLASSIC) {
        nsp->channels[n++] = add(c, nsp, CHANNEL_RESPONSE, channel_name(c, "", name, uid), none);
        return;
    }
    nsp->channels[n++] = add(c, nsp, CHANNEL_IDS, ids_pattern(c, name), none);
    nsp->channels[n++] =
        add(c, nsp, CHANNEL_REQUEST, channel_name(c, "-request", name, none), none);
    nsp->channels[n++] =
        add(c, nsp, CHANNEL_RESPONSE, channel_name(c, "-response", name, none), none);
    nsp->channels[n++] =
        add(c, nsp, CHANNEL_RESPONSE, channel_name(c, "-response", name, uid), none);
}

static void remove_nsp_channels(struct cluster *c, struct cluster_nsp *nsp)
{
    struct channel *next;
    for (struct channel *channel = c->channels.first; channel != NULL; channel = next) {
        next = channel->next;
        if (channel->nsp == nsp)
            leave(c, channel);
    }
}

belfry_err cluster_add_nsp(struct cluster *c, belfry_bytes name)
{
    if (cluster_find_nsp(c, name) != NULL)
        return BELFRY_OK;
    struct cluster_nsp *nsp = mem_alloc_zeroed(sizeof *nsp + name.size);
    if (nsp == NULL)
        return BELFRY_ERR_NOMEM;
    nsp->by_name.hash = map_hash(c->options.hash_key, name);
    nsp->name_size = name.size;
    memcpy(nsp->name, name.data, name.size);
    map_insert(&c->nsps, &nsp->by_name);
    nsp->next = c->first_nsp;
    c->first_nsp = nsp;
    add_nsp_channels(c, nsp);
    unsigned want = c->contract == NOTE_CLASSIC ? 5 : 2;
    for (unsigned i = 0; i < want; i++) {
        if (nsp->channels[i] == NULL) {
            cluster_remove_nsp(c, name);
            return BELFRY_ERR_NOMEM;
        }
    }
    return BELFRY_OK;
}

void cluster_remove_nsp(struct cluster *c, belfry_bytes name)
{
    struct cluster_nsp *nsp = cluster_find_nsp(c, name);
    if (nsp == NULL)
        return;
    remove_nsp_channels(c, nsp);
    map_remove(&c->nsps, &nsp->by_name);
    struct cluster_nsp **at = &c->first_nsp;
    while (*at != nsp)
        at = &(*at)->next;
    *at = nsp->next;
    mem_free(nsp);
}

uint64_t cluster_mark(struct cluster *c)
{
    if (!link_is_up(c->subscriber))
        return 0;
    channels_flush(c);
    return c->channels.confirmed < c->channels.asked ? c->channels.asked : 0;
}

void cluster_listen(struct cluster *c, belfry_bytes nsp_name, belfry_bytes room)
{
    struct cluster_nsp *nsp = cluster_find_nsp(c, nsp_name);
    if (is_stream(c) || nsp == NULL)
        return;
    belfry_bytes name = channel_name(c, "", nsp_name, room);
    struct channel *channel = find(c, name);
    if (channel == NULL)
        channel = add(c, nsp, CHANNEL_ROOM, name, room);
    if (channel == NULL) {
        cluster_count_one(&c->counters.dropped_memory);
        return;
    }
    if (!channel->is_wanted) {
        channel->is_wanted = true;
        if (channel->state == CHANNEL_OFF)
            ask_soon(&c->channels, channel);
        else
            leave_due(&c->channels, channel);
    }
}

void cluster_unlisten(struct cluster *c, belfry_bytes nsp_name, belfry_bytes room)
{
    if (is_stream(c))
        return;
    struct channel *channel = find(c, channel_name(c, "", nsp_name, room));
    if (channel == NULL || !channel->is_wanted || channel->kind != CHANNEL_ROOM)
        return;
    channel->is_wanted = false;
    idle_from(&c->channels, channel, c->loop->now_ms);
    if (c->channels.idle_count > MAX_IDLE)
        leave(c, c->channels.idle);
}
