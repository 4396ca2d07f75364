/*
 * node.h - what the files of a cluster node share. Thread: that of the loop.
 *
 *   cluster.c   life, the links, up and down
 *   channels.c  what is subscribed, and what comes by it
 *   say.c       notes that go out by PUBLISH
 *   ask.c       notes that want answers, and counting nodes
 *   stream.c    the sequencer: XADD, XREAD, what is under way between them
 *   history.c   rooms in keys of their own, and the scripts that keep them
 *   place.c     who waits until it was read far enough
 *   session.c   sessions that may come back
 */
#ifndef CLUSTER_NODE_H
#define CLUSTER_NODE_H

#include "cluster/cluster.h"
#include "cluster/link.h"

#define CLUSTER_UID_SIZE 16

struct cluster_nsp {
    struct map_node by_name;
    struct cluster_nsp *next;
    struct channel *channels[6]; /* its own, without the rooms'; NULL behind the last one */
    size_t name_size;
    char name[];
};

/* --- channels.c ------------------------------------------------------------------------------ */

enum channel_kind {
    CHANNEL_GENERAL,
    CHANNEL_ROOM,
    CHANNEL_IDS, /* a pattern: the rooms that are the ids of this node's sockets */
    CHANNEL_REQUEST,
    CHANNEL_RESPONSE,
    CHANNEL_PRIVATE,
    CHANNEL_PYTHON, /* of python-socketio's managers */
};

/*
 *   OFF --cluster_flush--> ASKED --Redis confirms--> ON
 *    ^---------------------link down-----------------+
 */
enum channel_state { CHANNEL_OFF, CHANNEL_ASKED, CHANNEL_ON };

struct channel {
    struct map_node by_name;
    struct channel *next, **link;         /* in the list of all */
    struct channel *next_due, **due_link; /* in one of those below; NULL: in none */
    struct cluster_nsp *nsp;              /* NULL: the node's own */
    enum channel_kind kind;
    enum channel_state state;
    bool is_wanted;
    bool is_restored;  /* belongs to what a link must have before it counts as up */
    uint64_t idle_ms;  /* since when nobody wants it; 0: it is not idle */
    uint64_t number;   /* of the asking */
    belfry_bytes room; /* in @name */
    size_t name_size;
    char name[];
};

struct channels {
    struct map by_name;
    struct channel *first;
    struct channel *to_ask; /* not asked for yet */
    struct channel *idle;   /* nobody wants them, oldest first */
    struct channel **last_idle;
    size_t idle_count;
    uint64_t asked;     /* so often was Redis asked for a channel */
    uint64_t confirmed; /* the newest of these that it has confirmed: in order */
    size_t restoring;   /* asked for as the link came up, and not confirmed yet */
};

/* --- ask.c ----------------------------------------------------------------------------------- */

#define ASK_ID_SIZE 16

struct cluster_ask {
    struct cluster *cluster;
    struct map_node by_id;
    struct cluster_ask *next, **link;
    struct timer timer;
    enum note_type type;
    bool knows_nodes;
    unsigned nodes; /* others that were asked */
    unsigned answers;
    cluster_ask_fn *heard;
    void *user;
    char id[ASK_ID_SIZE + 1];
};

/* --- stream.c -------------------------------------------------------------------------------- */

struct pending_after {
    struct pending_after *next;
    void (*fn)(void *arg);
    void *arg;
};

/* What this node says in the stream, until it comes back. */
struct pending {
    struct pending *next;
    uint64_t number;
    void *own;
    bool is_sent;
    struct message_id id;        /* as Redis answered; 0: it has not yet */
    struct pending_after *after; /* who waits for it, latest first */
    size_t nsp_size, data_size, extra_size, files_size;
    unsigned type;
    char bytes[]; /* namespace, data, extra, files (history_put_files) */
};

/* The fields of an entry, apart. */
struct stream_fields {
    struct note_entry raw;
    belfry_bytes extra; /* what a Belfry node added; empty: it was none */
    uint64_t number;    /* of its pending */
};

/*
 *   DOWN --link up--> PLACING (where does it end? is our place still there?)
 *                        --> READING (page by page) --nothing more--> FOLLOWING (XREAD BLOCK)
 */
enum reader_state { READER_DOWN, READER_PLACING, READER_READING, READER_FOLLOWING };

struct stream_engine {
    struct link *reader;
    enum reader_state reader_state;
    bool has_place;   /* @place is where we are; it is not before the first connection */
    bool has_begun;   /* on_begin was called */
    bool is_checking; /* whether something was trimmed before the page that began at check_from */
    struct message_id page_first; /* of the page read last */
    struct message_id check_from;
    bool has_lost_place; /* what is behind it was trimmed: the next entry begins anew */
    struct message_id place;
    struct message_id tip; /* of the first connection: what is not behind it is past */
    struct pending *first, **last;
    size_t bytes;
    uint64_t numbers;
    uint32_t count;     /* of pending */
    uint32_t under_way; /* of these, sent */
    /* Writing: what the last connection added must have been read before anything is sent again. */
    bool is_synced;
    bool knows_tip;
    struct message_id sync_tip;
    uint64_t old_client_id;
    bool is_stalled; /* Redis refuses: tried again later */
    struct timer retry;
};

/* --- session.c ------------------------------------------------------------------------------- */

/* A session that is being taken. */
struct taking {
    struct cluster *cluster;
    struct message_id since;
    cluster_taken_fn *taken;
    void *user;
    struct buf text; /* the session */
};

/* --- history.c ------------------------------------------------------------------------------- */

#define CLUSTER_SHA_SIZE 40
#define CLUSTER_MAX_FILES 8 /* rooms of what is said here */

struct history_scripts {
    char add_sha[CLUSTER_SHA_SIZE + 1]; /* empty: not loaded */
    char recall_sha[CLUSTER_SHA_SIZE + 1];
};

/* An entry as its fields are written. */
struct history_entry {
    belfry_bytes length; /* of the stream */
    belfry_bytes nsp, type, data, extra, files;
};

/* --- place.c --------------------------------------------------------------------------------- */

struct place_wait {
    struct place_wait *next;
    struct message_id since;
    uint64_t due_ms;
    void (*fn)(void *user);
    void *user;
};

/* --- all of it ------------------------------------------------------------------------------- */

/* A payload that waits for Redis. */
struct queued {
    struct queued *next;
    size_t channel_size, payload_size;
    char bytes[];
};

/* Rooms that sockets were moved into a moment ago (moved.c). */
#define MOVED_SLOTS 1024

struct moved_rooms {
    uint64_t latest_ms;             /* none is one any more when it has come */
    uint64_t until_ms[MOVED_SLOTS]; /* by a hash of the name */
};

struct cluster {
    struct loop *loop;
    struct random_source random;
    struct cluster_options options;
    struct cluster_host host;
    void *user;
    enum note_contract contract;
    char uid[CLUSTER_UID_SIZE + 1];
    struct cluster_counters counters;
    struct link *publisher;
    struct link *subscriber;
    bool is_up;
    bool was_up; /* ever */
    bool is_ending;
    struct map nsps;
    struct cluster_nsp *first_nsp;
    struct channels channels;
    struct timer housekeeping;
    struct map asks;
    struct cluster_ask *first_ask;
    struct queued *queue, **last_queued;
    size_t queued_bytes;
    struct stream_engine stream;
    struct history_scripts history;
    struct moved_rooms moved;
    struct place_wait *waits; /* the latest first */
    struct timer wait_timer;
    struct buf payload; /* of the note being said */
    struct buf name;    /* of the channel being looked for */
    struct note_scratch scratch;
    char why[160]; /* it is down */
};

static inline void cluster_count_one(atomic_ullong *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static inline bool is_stream(const struct cluster *c)
{
    return c->contract == NOTE_STREAMS;
}

struct cluster_nsp *cluster_find_nsp(const struct cluster *c, belfry_bytes name);

/* Looks whether all there is to be up is up, and tells the host of a change. */
void cluster_check_up(struct cluster *c);

/* Hands a note of others to the host, or to who asked. */
void cluster_hear(struct cluster *c, struct note *note, const struct cluster_entry *entry);

/* A link with the options of all of them; @role goes into its name. */
struct link *cluster_new_link(struct cluster *c, const char *role, bool is_subscriber,
                              const struct link_events *events);

/* link_events.is_busy */
bool cluster_is_busy(void *user);

/* moved.c: @note is said, or heard. */
void moved_note(struct cluster *c, const struct note *note);
/* Have sockets been moved into @room a moment ago? Some nodes may not listen to its channel yet. */
bool moved_into(const struct cluster *c, belfry_bytes nsp, belfry_bytes room);

/* channels.c */
void channels_init(struct channels *channels);
void channels_deinit(struct cluster *c);
void channels_restore(struct cluster *c); /* the subscriber has come up */
void channels_lost(struct cluster *c);    /* it has gone down */
void channels_flush(struct cluster *c);   /* asks for what is due */
void channels_tidy(struct cluster *c);    /* lets go of what is idle */
void channels_push(struct cluster *c, const struct resp *reply);
/* Puts the name of a channel into c->name. */
belfry_bytes channel_name(struct cluster *c, const char *suffix, belfry_bytes nsp,
                          belfry_bytes room);
belfry_bytes channel_private(struct cluster *c, const char *tag);
BELFRY_NODISCARD belfry_err channels_add_node(struct cluster *c); /* those of the node itself */

/* say.c */
belfry_err say_payload(struct cluster *c, belfry_bytes channel, belfry_bytes payload);
void say_queued(struct cluster *c); /* the publisher has come up */
void say_deinit(struct cluster *c);

/* ask.c */
void ask_hear(struct cluster *c, const struct note *note);
void ask_end_all(struct cluster *c); /* partial */

/* history.c */
void history_load(struct cluster *c); /* the publisher is up, or Redis has forgotten the scripts */
bool history_is_on(const struct cluster *c); /* else entries are added without it */
void history_put_files(struct cluster *c, belfry_bytes nsp, const struct cluster_file *files,
                       unsigned count, struct buf *out);
belfry_err history_add(struct cluster *c, const struct history_entry *entry, link_reply_fn *fn,
                       void *arg);

/* place.c */
void places_init(struct cluster *c);
void places_deinit(struct cluster *c);
void places_go_on(struct cluster *c); /* the reader has got further, or will not */

/* stream.c */
belfry_err stream_start(struct cluster *c);
void stream_deinit(struct cluster *c);
bool stream_is_up(const struct cluster *c);
void stream_read_fields(const struct resp *fields, struct stream_fields *out);
void stream_publisher_up(struct cluster *c);
void stream_publisher_down(struct cluster *c);

#endif
