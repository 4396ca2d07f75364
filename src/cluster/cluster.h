/*
 * cluster.h - this process as one node of a cluster that meets in Redis.
 *
 *   server: cluster_say, cluster_ask ...   --note-->  Redis  --note-->  other nodes, emitters
 *           cluster_host.on_note           <--note--
 *
 * Three engines behind one interface, chosen by the URL; each speaks a contract of the Socket.IO
 * ecosystem (redis.md), so the other nodes may be Node.js servers with the adapter of that name:
 *
 *   redis://          classic Pub/Sub      every channel subscribed for itself: rooms without
 *   redis+sharded://  sharded Pub/Sub      members here cost nothing
 *   redis+streams://  one stream           a sequencer: what is said comes back with its id
 *
 * Not aware of members, namespaces' objects or wire forms of clients: names and notes only.
 *
 * Thread: that of its loop, for everything.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "base/map.h"
#include "base/message_id.h"
#include "base/random.h"
#include "net/loop.h"
#include "redis/note.h"
#include "redis/url.h"

struct cluster;
struct tls_client_context;

#define CLUSTER_TAG_SIZE 3 /* the characters with which ids of this node begin */

/* What happens to what is said while Redis is away. */
enum cluster_away {
    CLUSTER_DROP,  /* Pub/Sub: the other nodes do not hear it; counted */
    CLUSTER_QUEUE, /* Pub/Sub: it waits, up to max_queue_bytes */
    CLUSTER_HOLD,  /* a stream: nobody hears it until Redis is back; up to max_queue_bytes */
    CLUSTER_LOCAL, /* a stream: this node's members hear it, and it is never added */
};

struct cluster_options {
    const struct redis_url *url;
    struct tls_client_context *tls; /* with a URL that wants it */
    const char *key;                /* prefix of channels, name of the stream */
    enum cluster_away away;
    uint64_t max_queue_bytes;
    uint64_t max_message_bytes;
    uint32_t ask_timeout_ms;
    uint32_t linger_ms; /* a room that is not wanted any more is listened to for so long */
    uint32_t stream_length;
    uint32_t memory_ms; /* a stream: how far back a new node reads */
    bool keeps_history; /* a stream: rooms in keys of their own, too */
    struct note_limits limits;
    char tag[CLUSTER_TAG_SIZE + 1];
    const struct map_key *hash_key;
};

/* One of a stream. */
struct cluster_entry {
    struct message_id id;
    bool is_past;       /* said before this node was there: for the log alone */
    void *own;          /* cluster_append's @own, if it was this node that said it */
    belfry_bytes extra; /* cluster_append's @extra, whoever said it; empty: not a Belfry node */
};

struct cluster_host {
    /* Somebody else says something: BROADCAST (with request_id: asks for answers), JOIN, LEAVE,
     * DISCONNECT, FETCH, SERVER_EMIT, SOCKETS, ALL_ROOMS. @entry: it was in the stream. */
    void (*on_note)(struct cluster *cluster, const struct note *note,
                    const struct cluster_entry *entry, void *user);
    /* What this node said in the stream and is not to be there: it was not (yet) added. */
    void (*on_lost)(struct cluster *cluster, void *own, belfry_err err, void *user);
    /* All links are up and all channels subscribed; or not any more, and why. */
    void (*on_up)(struct cluster *cluster, void *user);
    void (*on_down)(struct cluster *cluster, const char *why, void *user);
    /* Pub/Sub: up to now this node may have missed what others said in @nsp. */
    void (*on_deaf)(struct cluster *cluster, belfry_bytes nsp, void *user);
    /* Pub/Sub: from now on @room is heard, or is not any more. */
    void (*on_hearing)(struct cluster *cluster, belfry_bytes nsp, belfry_bytes room, bool is_heard,
                       void *user);
    /* A stream: what it holds begins behind @id, seen from here. */
    void (*on_begin)(struct cluster *cluster, struct message_id id, void *user);
    /* What was listened for up to @mark (cluster_mark) is heard now, or the cluster is down. */
    void (*on_listening)(struct cluster *cluster, uint64_t mark, void *user);
    /* Are members so far behind that nothing more should be heard for now? */
    bool (*is_busy)(struct cluster *cluster, void *user);
    /* On this node's private channel (cluster_whisper). May be NULL. */
    void (*on_private)(struct cluster *cluster, belfry_bytes payload, void *user);
};

/* Counted by the loop's thread, read by any. */
#define CLUSTER_COUNTERS(X)                                                     \
    X(sent, "notes that were handed to Redis")                                  \
    X(heard, "notes that came from others")                                     \
    X(dropped_away, "not said to other nodes: Redis was away")                  \
    X(dropped_full, "not said to other nodes: max_queue_bytes were waiting")    \
    X(dropped_large, "not said to other nodes: larger than max_message_bytes")  \
    X(dropped_memory, "not said or not heard: out of memory")                   \
    X(unconfirmed, "said as the link broke: other nodes may not have heard it") \
    X(refused, "refused by Redis")                                              \
    X(bad, "what came from others and was not understood")                      \
    X(losses, "times a link was lost")                                          \
    X(said_locally, "said to this node's members alone while Redis was away")   \
    X(resent, "entries that were added again behind a lost link")               \
    X(recalls, "times Redis was asked for what a room said")

struct cluster_counters {
#define CLUSTER_COUNTER_FIELD(name, help) atomic_ullong name;
    CLUSTER_COUNTERS(CLUSTER_COUNTER_FIELD)
#undef CLUSTER_COUNTER_FIELD
    atomic_ullong queued_bytes; /* what waits for Redis now */
    atomic_ullong nodes;        /* of "/", this one included, as last counted */
    atomic_bool is_up;
};

/* Owns: copies what @options points to, but for url and tls, which must outlive it. NULL: no
 * memory. */
struct cluster *cluster_new(struct loop *loop, const struct random_source *random,
                            const struct cluster_options *options, const struct cluster_host *host,
                            void *user);
void cluster_start(struct cluster *cluster); /* connects, and keeps trying */

/* Asks that wait end. Owns: nothing that was said is sent any more; on_lost for each. */
struct cluster *cluster_free(struct cluster *cluster);

/* What was said leaves now; called at the end of a turn. */
void cluster_flush(struct cluster *cluster);

bool cluster_is_up(const struct cluster *cluster);
enum note_contract cluster_contract(const struct cluster *cluster);
struct cluster_counters *cluster_counters_of(struct cluster *cluster);

/* --- channels -------------------------------------------------------------------------------- */

/* A namespace is here now, or not any more. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err cluster_add_nsp(struct cluster *cluster, belfry_bytes nsp);
void cluster_remove_nsp(struct cluster *cluster, belfry_bytes nsp);

/* Pub/Sub: what is said in @room alone is heard soon: see cluster_mark. */
void cluster_listen(struct cluster *cluster, belfry_bytes nsp, belfry_bytes room);
/* Not any more; soon, since rooms come back. */
void cluster_unlisten(struct cluster *cluster, belfry_bytes nsp, belfry_bytes room);

/* All that cluster_listen has begun is heard when on_listening says this, or more. 0: it is now. */
uint64_t cluster_mark(struct cluster *cluster);

/* --- saying ---------------------------------------------------------------------------------- */

/*
 * Says @note (uid is filled in) to the other nodes: BROADCAST without an answer, JOIN, LEAVE,
 * DISCONNECT, SERVER_EMIT. With a stream durable notes go there (cluster_append).
 * Errors: AGAIN (away, counted), LIMIT (too large, counted), NOMEM.
 */
belfry_err cluster_say(struct cluster *cluster, const struct note *note);

/* Answers a note that had a request_id; @to: its uid. */
belfry_err cluster_answer(struct cluster *cluster, belfry_bytes to, const struct note *note);

/* A room whose history Redis keeps, and how much of it. */
struct cluster_file {
    belfry_bytes room; /* empty: everyone in the namespace */
    uint32_t most;     /* entries */
    uint64_t bytes;
    uint64_t age_ms;
};

/* A stream: adds @note; it comes back in on_note with @own, and with @extra on all Belfry nodes.
 * @files: where else it is kept; of what a message of the hub can name, all.
 * Errors: as cluster_say, and on_lost is not called; STATE: away, with CLUSTER_LOCAL. */
belfry_err cluster_append(struct cluster *cluster, const struct note *note, belfry_bytes extra,
                          const struct cluster_file *files, unsigned file_count, void *own);
/* A stream: how far it was read. */
struct message_id cluster_place(const struct cluster *cluster);
struct cluster_recall_hooks {
    /* One entry, the oldest first. */
    void (*heard)(struct message_id id, const struct note *note, belfry_bytes extra, void *user);
    /* That was all. What is not behind @floor may have been missed in it, what is behind @tip is
     * not among it. @is_known false: Redis did not say, or has nothing. */
    void (*done)(bool is_known, struct message_id floor, struct message_id tip, void *user);
};

struct cluster_recall_wish {
    belfry_bytes nsp;
    belfry_bytes room;              /* empty: everyone in @nsp */
    const struct message_id *since; /* behind that; NULL: all */
    uint32_t most;                  /* of these the latest */
    uint64_t most_bytes;            /* about */
    uint64_t age_ms;                /* how long the room remembers */
};

/* Asks Redis what was said in a room. Owns: @hooks outlive it. False: nothing is called; Redis is
 * away, or keeps no histories. */
BELFRY_NODISCARD bool cluster_recall(struct cluster *cluster,
                                     const struct cluster_recall_wish *wish,
                                     const struct cluster_recall_hooks *hooks, void *user);

/* Calls @fn when this node has read the stream up to @since, or gives that up: after some seconds,
 * or when the link is lost. At once where there is nothing to wait for. */
void cluster_await_place(struct cluster *cluster, struct message_id since, void (*fn)(void *user),
                         void *user);
/* Calls @fn when all that was appended so far has come back, or is lost; at once if nothing waits.
 * False: no memory, and it is not called. */
BELFRY_NODISCARD bool cluster_after(struct cluster *cluster, void (*fn)(void *arg), void *arg);
/* Do more entries wait than may? */
bool cluster_is_full(const struct cluster *cluster);

/* --- asking ---------------------------------------------------------------------------------- */

enum cluster_heard {
    CLUSTER_NODES,  /* @count other nodes were asked */
    CLUSTER_ANSWER, /* @note */
    CLUSTER_DONE,   /* all have answered, for kinds of which the cluster knows; the last call */
    CLUSTER_PARTIAL /* not all, and no more will come: away, too slow; the last call */
};

struct cluster_ask; /* lives until its last call */

typedef void cluster_ask_fn(struct cluster_ask *ask, enum cluster_heard what, unsigned count,
                            const struct note *note, void *user);

/*
 * Asks all other nodes: FETCH, SERVER_EMIT, ALL_ROOMS, SOCKETS are done when all have answered.
 * BROADCAST is done when cluster_ask_end says so, or in time. @timeout_ms 0: the default.
 * NULL: no memory. @heard is called in a later turn.
 */
struct cluster_ask *cluster_ask(struct cluster *cluster, const struct note *note,
                                uint32_t timeout_ms, cluster_ask_fn *heard, void *user);
void cluster_ask_end(struct cluster_ask *ask); /* no more calls */

/* How many nodes have @nsp, this one included; 0: not known. False: @counted is not called. */
BELFRY_NODISCARD bool cluster_count(struct cluster *cluster, belfry_bytes nsp,
                                    void (*counted)(unsigned nodes, void *user), void *user);

/* --- sessions that may come back (redis.md 4.1) ---------------------------------------------- */

/* @saved (may be NULL) is called once, when Redis has it or it is known that it has not. */
void cluster_save_session(struct cluster *cluster, const struct note_session *session,
                          uint32_t keep_ms, void (*saved)(void *user), void *user);
void cluster_drop_session(struct cluster *cluster, belfry_bytes pid);

/*
 * Takes it, so that nobody else can; and, with a stream, waits until this node has read up to
 * @since, or gives that up. @taken: NULL: there is none; @is_known false: Redis is away. False: it
 * is not called.
 */
typedef void cluster_taken_fn(const struct note_session *session, bool is_known, void *user);
BELFRY_NODISCARD bool cluster_take_session(struct cluster *cluster, belfry_bytes pid,
                                           struct message_id since, cluster_taken_fn *taken,
                                           void *user);

/* --- node to node: Belfry's own -------------------------------------------------------------- */

/* To whoever hears the private channel of @tag. @sent: how many do (0: nobody; -1: not known). */
belfry_err cluster_whisper(struct cluster *cluster, const char *tag, belfry_bytes payload,
                           void (*sent)(int nodes, void *user), void *user);

#endif
