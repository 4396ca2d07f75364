/*
 * cluster.c - a node's life: its links, and when it counts as up.
 *
 *   publisher up, subscriber up and all channels confirmed, reader (a stream) at the end: UP
 *   one of them gone:                                                                    down
 *
 * Two connections, since one that subscribes can do nothing else in RESP2; a stream has a third
 * one that waits in XREAD.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "cluster/node.h"

#define HOUSEKEEPING_MS 1000
#define REDIS_PING_MS 1000
#define REDIS_STALL_MS 3000
#define REDIS_CONNECT_MS 3000
#define REDIS_MIN_BACKOFF_MS 50
#define REDIS_MAX_BACKOFF_MS 2000
#define MAX_REPLY_BYTES (256u << 20)
#define MAX_REPLY_ITEMS 1048576

/* --- names ------------------------------------------------------------------------------------*/

static bool nsp_has_name(const struct map_node *node, const void *context)
{
    const struct cluster_nsp *nsp = BELFRY_CONTAINER_OF(node, struct cluster_nsp, by_name);
    return bytes_equal(bytes_of(nsp->name, nsp->name_size), *(const belfry_bytes *)context);
}

struct cluster_nsp *cluster_find_nsp(const struct cluster *c, belfry_bytes name)
{
    struct map_node *node =
        map_find(&c->nsps, map_hash(c->options.hash_key, name), nsp_has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct cluster_nsp, by_name) : NULL;
}

/* The classic contract has names of six characters, the others of sixteen hexadecimal ones. */
static void make_uid(struct cluster *c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[CLUSTER_UID_SIZE / 2];
    random_fill(&c->random, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(c->uid + 2 * i, 3, "%02x", bytes[i]);
    if (c->contract != NOTE_CLASSIC)
        return;
    for (size_t i = 0; i < 6; i++)
        c->uid[i] = letters[bytes[i] % 64];
    c->uid[6] = '\0';
}

/* --- up and down ------------------------------------------------------------------------------*/

bool cluster_is_up(const struct cluster *c)
{
    return c->is_up;
}

enum note_contract cluster_contract(const struct cluster *c)
{
    return c->contract;
}

struct cluster_counters *cluster_counters_of(struct cluster *c)
{
    return &c->counters;
}

static bool is_whole(const struct cluster *c)
{
    return !c->is_ending && link_is_up(c->publisher) && link_is_up(c->subscriber) &&
           c->channels.restoring == 0 && (!is_stream(c) || stream_is_up(c));
}

/* What others said while nobody listened. */
static void tell_deaf(struct cluster *c)
{
    if (is_stream(c))
        return; /* the reader goes on where it was */
    for (struct cluster_nsp *nsp = c->first_nsp; nsp != NULL; nsp = nsp->next)
        c->host.on_deaf(c, bytes_of(nsp->name, nsp->name_size), c->user);
}

void cluster_check_up(struct cluster *c)
{
    bool is_up = is_whole(c);
    if (is_up == c->is_up)
        return;
    c->is_up = is_up;
    atomic_store(&c->counters.is_up, is_up);
    if (is_up) {
        c->was_up = true;
        tell_deaf(c);
        c->host.on_up(c, c->user);
    } else if (!c->is_ending) {
        c->host.on_down(c, c->why, c->user);
    }
}

static void note_why(struct cluster *c, const char *what, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s: %s", what, why);
}

/* --- the links --------------------------------------------------------------------------------*/

static void on_publisher_up(struct link *link, void *user)
{
    struct cluster *c = user;
    (void)link;
    if (is_stream(c)) {
        history_load(c);
        stream_publisher_up(c);
    }
    say_queued(c);
    cluster_check_up(c);
}

static void on_publisher_down(struct link *link, const char *why, void *user)
{
    struct cluster *c = user;
    (void)link;
    cluster_count_one(&c->counters.losses);
    note_why(c, "publishing", why);
    if (is_stream(c))
        stream_publisher_down(c);
    ask_end_all(c);
    cluster_check_up(c);
}

static void on_subscriber_up(struct link *link, void *user)
{
    struct cluster *c = user;
    (void)link;
    channels_restore(c);
    cluster_check_up(c);
}

static void on_subscriber_down(struct link *link, const char *why, void *user)
{
    struct cluster *c = user;
    (void)link;
    cluster_count_one(&c->counters.losses);
    note_why(c, "subscribing", why);
    channels_lost(c);
    ask_end_all(c);
    cluster_check_up(c);
}

static void on_push(struct link *link, const struct resp *reply, void *user)
{
    (void)link;
    channels_push(user, reply);
}

/* The first attempt of all may fail: then somebody must hear of it, once. */
static void on_failed(struct link *link, const char *why, void *user)
{
    struct cluster *c = user;
    (void)link;
    bool is_news = c->why[0] == '\0';
    note_why(c, "connecting", why);
    if (is_news && !c->was_up)
        c->host.on_down(c, c->why, c->user);
}

bool cluster_is_busy(void *user)
{
    struct cluster *c = user;
    return c->host.is_busy(c, c->user);
}

static const struct link_events publisher_events = {
    .on_up = on_publisher_up,
    .on_down = on_publisher_down,
    .on_failed = on_failed,
};

static const struct link_events subscriber_events = {
    .on_up = on_subscriber_up,
    .on_down = on_subscriber_down,
    .on_failed = on_failed,
    .on_push = on_push,
    .is_busy = cluster_is_busy,
};

struct link *cluster_new_link(struct cluster *c, const char *role, bool is_subscriber,
                              const struct link_events *events)
{
    char name[64];
    snprintf(name, sizeof name, "belfry-%s-%s", c->uid, role);
    struct link_options options = {
        .url = c->options.url,
        .tls = c->options.tls,
        .name = name,
        .is_subscriber = is_subscriber,
        .connect_timeout_ms = REDIS_CONNECT_MS,
        .ping_ms = REDIS_PING_MS,
        .stall_ms = REDIS_STALL_MS,
        .min_backoff_ms = REDIS_MIN_BACKOFF_MS,
        .max_backoff_ms = REDIS_MAX_BACKOFF_MS,
        .max_queue_bytes = c->options.max_queue_bytes + c->options.max_message_bytes + 65536,
        .limits = { .max_reply_bytes = MAX_REPLY_BYTES, .max_items = MAX_REPLY_ITEMS },
    };
    return link_new(c->loop, &c->random, &options, events, c);
}

/* --- namespaces -------------------------------------------------------------------------------*/

static void on_housekeeping(struct timer *timer, uint64_t now_ms)
{
    struct cluster *c = BELFRY_CONTAINER_OF(timer, struct cluster, housekeeping);
    channels_tidy(c);
    (void)map_tidy(&c->nsps, 64);
    (void)map_tidy(&c->asks, 64);
    timer_set(&c->loop->timers, timer, now_ms + HOUSEKEEPING_MS);
}

/* --- hearing ----------------------------------------------------------------------------------*/

static bool is_answer(enum note_type type)
{
    switch (type) {
    case NOTE_FETCHED:
    case NOTE_SERVER_ANSWER:
    case NOTE_CLIENT_COUNT:
    case NOTE_ACK:
    case NOTE_SOCKETS_ANSWER:
    case NOTE_ALL_ROOMS_ANSWER:
    case NOTE_DONE:
        return true;
    case NOTE_NOTHING:
    case NOTE_BROADCAST:
    case NOTE_JOIN:
    case NOTE_LEAVE:
    case NOTE_DISCONNECT:
    case NOTE_FETCH:
    case NOTE_SERVER_EMIT:
    case NOTE_SOCKETS:
    case NOTE_ALL_ROOMS:
        return false;
    }
    return false;
}

void cluster_hear(struct cluster *c, struct note *note, const struct cluster_entry *entry)
{
    if (note->type == NOTE_NOTHING)
        return;
    if (is_answer(note->type)) {
        ask_hear(c, note);
        return;
    }
    bool is_own = bytes_equal_text(note->uid, c->uid);
    if (is_own && (entry == NULL || entry->own == NULL))
        return; /* done as it was said */
    cluster_count_one(&c->counters.heard);
    moved_note(c, note);
    c->host.on_note(c, note, entry, c->user);
}

/* --- life -------------------------------------------------------------------------------------*/

struct cluster *cluster_new(struct loop *loop, const struct random_source *random,
                            const struct cluster_options *options, const struct cluster_host *host,
                            void *user)
{
    struct cluster *c = mem_alloc_zeroed(sizeof *c);
    if (c == NULL)
        return NULL;
    c->loop = loop;
    c->random = *random;
    c->options = *options;
    c->host = *host;
    c->user = user;
    c->contract = options->url->contract;
    c->last_queued = &c->queue;
    c->housekeeping.fire = on_housekeeping;
    channels_init(&c->channels);
    places_init(c);
    make_uid(c);
    c->options.key = mem_dup_text(options->key);
    c->publisher = cluster_new_link(c, "say", false, &publisher_events);
    c->subscriber = cluster_new_link(c, "hear", true, &subscriber_events);
    if (c->options.key == NULL || c->publisher == NULL || c->subscriber == NULL ||
        (is_stream(c) && stream_start(c) != BELFRY_OK) || channels_add_node(c) != BELFRY_OK)
        return cluster_free(c);
    return c;
}

void cluster_start(struct cluster *c)
{
    link_start(c->publisher);
    link_start(c->subscriber);
    if (c->stream.reader != NULL)
        link_start(c->stream.reader);
    timer_set(&c->loop->timers, &c->housekeeping, c->loop->now_ms + HOUSEKEEPING_MS);
}

struct cluster *cluster_free(struct cluster *c)
{
    if (c == NULL)
        return NULL;
    c->is_ending = true;
    timer_cancel(&c->loop->timers, &c->housekeeping);
    ask_end_all(c);
    c->publisher = link_free(c->publisher);
    c->subscriber = link_free(c->subscriber);
    places_deinit(c);
    stream_deinit(c);
    say_deinit(c);
    channels_deinit(c);
    struct cluster_nsp *next;
    for (struct cluster_nsp *nsp = c->first_nsp; nsp != NULL; nsp = next) {
        next = nsp->next;
        mem_free(nsp);
    }
    map_deinit(&c->nsps);
    map_deinit(&c->asks);
    buf_deinit(&c->payload);
    buf_deinit(&c->name);
    note_scratch_deinit(&c->scratch);
    mem_free((char *)c->options.key);
    mem_free(c);
    return NULL;
}

void cluster_flush(struct cluster *c)
{
    channels_flush(c);
    link_flush(c->publisher);
    link_flush(c->subscriber);
    if (c->stream.reader != NULL)
        link_flush(c->stream.reader);
}
