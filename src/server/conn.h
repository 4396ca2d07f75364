/*
 * conn.h - one connection: a stream, what it still has to be sent, and the protocol that owns it.
 *
 *   stream ready --> read into the worker's buffer --> session_ops.on_input
 *   on_input's replies are corked: one write when it returns
 *   other output is queued: one write at the end of the turn
 *
 *   OPEN --conn_finish--> FINISHING --all sent--> LINGERING --peer ends, or deadline--> DEAD
 *     +------conn_abort, peer lost-----------------------------------------------------> DEAD
 *
 * Lingering (our end closed, theirs read and thrown away) keeps the last response from being lost
 * to a reset that unread bytes would cause.
 *
 * A connection is its worker's for life, but for one case: before it has become anything but HTTP
 * it may be given to another worker (conn_give there, conn_adopt here).
 *
 * Thread: the worker's.
 */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include "net/stream.h"
#include "server/outq.h"

struct conn;
struct worker;

struct session_ops {
    /* Takes bytes, which may be written to; returns how many it took. Less than all: it is clogged
     * (conn_is_clogged), and gets the rest again when the queue has drained. */
    size_t (*on_input)(struct conn *c, uint8_t *data, size_t size);
    void (*on_end)(struct conn *c);     /* the peer will send no more */
    void (*on_drained)(struct conn *c); /* the queue, which had to wait, is empty */
    void (*on_timer)(struct conn *c, uint64_t now_ms);
    /* How what was written leaves, where there is no stream (conn_init_detached); else NULL. */
    void (*flush)(struct conn *c);
    /* The compressed form of @plain, an item marked OUT_COMPRESS, which is written next. May be
     * NULL when the session has none. NULL result: no memory. Owns: the caller, the result. */
    struct frame *(*compress)(struct conn *c, struct frame *plain);
    void (*on_lost)(struct conn *c); /* it is dead; called once, unless conn_finish came first */
    void (*free)(struct conn *c);    /* after the turn */
};

enum conn_state { CONN_OPEN, CONN_FINISHING, CONN_LINGERING, CONN_DEAD };

struct conn {
    struct stream stream;
    struct worker *worker;
    const struct session_ops *ops;
    struct outq out;
    struct buf *unread; /* input that a clogged session has not taken; mostly NULL */
    union {
        struct timer timer; /* the session's, until it finishes */
        struct grave grave;
    };
    uint8_t state;
    bool is_dirty : 1;      /* in the worker's list: flushed at the end of the turn */
    bool is_blocked : 1;    /* the kernel takes no more: waiting for writability */
    bool is_paused : 1;     /* not reading */
    bool is_congested : 1;  /* in the worker's list of those that wait for other workers */
    bool has_ended : 1;     /* the peer will send no more */
    bool is_again : 1;      /* in the worker's list: read again next turn */
    bool is_held : 1;       /* the session takes no input for now: conn_hold */
    bool hears_end : 1;     /* ... but wants to be told of the peer's end */
    bool is_doomed : 1;     /* dies as soon as nobody walks rooms */
    uint16_t gates;         /* conn_shut_in: what was written waits */
    uint32_t last_input_ms; /* the low half of the loop's time */
};

/* The stream must be set up already. Errors: NOMEM, IO; the stream is closed then. */
BELFRY_NODISCARD belfry_err conn_init(struct conn *c, struct worker *worker,
                                      const struct session_ops *ops);

/* Becomes another session: @from is empty after it, and its memory may be freed. */
BELFRY_NODISCARD belfry_err conn_move(struct conn *from, struct conn *to,
                                      const struct session_ops *ops);

/*
 * A connection without a stream: what is written to it waits in the queue until @ops->flush takes
 * it away at the end of the turn. is_blocked is its owner's: true while nothing can be taken.
 */
void conn_init_detached(struct conn *c, struct worker *worker, const struct session_ops *ops);

/* Becomes the detached @to, whose queue must be empty: as conn_move. */
BELFRY_NODISCARD belfry_err conn_plug(struct conn *from, struct conn *to,
                                      const struct session_ops *ops);

/*
 * Gives a connection, from inside of its on_input, to another worker: @to, zeroed memory, has the
 * stream, what is still to be sent, and @input (all that the session there is to see) as unread.
 * @from is empty after it, and is freed without further callbacks. Owns: takes @input (a heap
 * object) on success. Errors: GONE, it was lost meanwhile, and its callbacks have been called.
 */
BELFRY_NODISCARD belfry_err conn_give(struct conn *from, struct conn *to, struct buf *input);

/* The other half, on the new worker; conn_flush starts it. Errors: NOMEM, IO; it is closed then. */
BELFRY_NODISCARD belfry_err conn_adopt(struct conn *c, struct worker *worker,
                                       const struct session_ops *ops);

/* --- writing: in order, whatever the way. Errors are NOMEM; then the connection is aborted ---- */

void conn_write(struct conn *c, const void *data, size_t size); /* copied */
/* A header (copied) and a payload that stays as it is until on_input returns. */
void conn_write_borrowed(struct conn *c, const void *header, size_t header_size,
                         const void *payload, size_t size);
void conn_write_frame(struct conn *c, struct frame *frame, uint32_t tag); /* Owns: takes @frame */

/* Writes what it can, now. */
void conn_flush(struct conn *c);

static inline size_t conn_queued(const struct conn *c)
{
    return c->out.bytes;
}

/* Is so much unsent that the session should take no more input? */
bool conn_is_clogged(const struct conn *c);

/* The session takes no input until conn_release, for example while it sends a file. */
void conn_hold(struct conn *c);
/* The same; meanwhile on_end is called as soon as the peer ends, whatever input is before that. */
void conn_hold_till_end(struct conn *c);
void conn_release(struct conn *c);

/* What is written waits in the queue until it was let out as often as it was shut in; finishing
 * lets it out too. */
void conn_shut_in(struct conn *c);
void conn_let_out(struct conn *c);

/* --- ending ----------------------------------------------------------------------------------*/

void conn_finish(struct conn *c); /* after everything is sent; no more callbacks but free */
void conn_abort(struct conn *c);  /* at once */

/* Aborts all connections of @worker that are finishing: who owned them knows them no more. */
void conn_abort_finishing(struct worker *worker);

void conn_set_timer(struct conn *c, uint64_t due_ms);
void conn_clear_timer(struct conn *c);

/* --- for the worker --------------------------------------------------------------------------*/

void conn_read(struct conn *c);             /* when the stream has read ahead */
void conn_flush_dirty(struct conn *c);      /* at the end of the turn */
void conn_resume_congested(struct conn *c); /* the other workers have caught up */

#endif
