/*
 * stream.h - bytes to and from one peer, whatever carries them: TCP, TLS, the simulated network.
 *
 * A stream is a field of its connection. Reads and writes never block: they return a count,
 * STREAM_AGAIN or STREAM_FAILED. After a failure or end of file only stream_close is useful.
 *
 * Thread: its loop's.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <sys/types.h>
#include <sys/uio.h>

#include "net/loop.h"

#define STREAM_END 0      /* read: the peer will send no more */
#define STREAM_AGAIN (-1) /* nothing now; readiness will be reported */
#define STREAM_FAILED (-2)

#define STREAM_ADDRESS_SIZE 64

struct stream;

struct stream_ops {
    ssize_t (*read)(struct stream *s, void *out, size_t size);
    /* @is_last: stream_end_writing or stream_close follows at once if all is taken. */
    ssize_t (*writev)(struct stream *s, const struct iovec *parts, int count, bool is_last);
    /* Readiness that the transport needs for @wanted (TLS may have to read in order to write); may
     * change with every read and write, so the owner calls stream_want after each. NULL: @wanted.
     */
    unsigned (*interest)(const struct stream *s, unsigned wanted);
    /* Without a descriptor: in place of the poller, and when the stream lies elsewhere in memory.
     * NULL: it has one. */
    belfry_err (*want)(struct stream *s, unsigned wanted);
    void (*moved)(struct stream *s);
    /* Bytes that were read from the system already and will not be reported again. */
    bool (*has_pending)(const struct stream *s);
    /* Tells the peer that no more is coming; reading goes on. */
    void (*end_writing)(struct stream *s);
    void (*close)(struct stream *s);
    /* "192.0.2.1:4711" into @out of STREAM_ADDRESS_SIZE bytes. */
    void (*address)(const struct stream *s, char *out);
    bool is_secure;
};

struct stream {
    struct watch watch; /* on_ready is the owner's */
    const struct stream_ops *ops;
    struct loop *loop;
    void *transport; /* the TLS session, the simulated pipe */
};

/* Tells the poller what to report from now on. BELFRY_ERR_NOMEM: the kernel has no memory. */
BELFRY_NODISCARD belfry_err stream_want(struct stream *s, unsigned wanted);

static inline ssize_t stream_read(struct stream *s, void *out, size_t size)
{
    return s->ops->read(s, out, size);
}

static inline ssize_t stream_writev(struct stream *s, const struct iovec *parts, int count)
{
    return s->ops->writev(s, parts, count, false);
}

/* The same, and if all is taken the caller ends or closes the stream at once: TCP sends both in one
 * segment. */
static inline ssize_t stream_writev_last(struct stream *s, const struct iovec *parts, int count)
{
    return s->ops->writev(s, parts, count, true);
}

static inline bool stream_has_pending(const struct stream *s)
{
    return s->ops->has_pending != NULL && s->ops->has_pending(s);
}

static inline void stream_end_writing(struct stream *s)
{
    s->ops->end_writing(s);
}

void stream_close(struct stream *s); /* twice is a no-op */

static inline bool stream_is_open(const struct stream *s)
{
    return s->ops != NULL;
}

void stream_address(const struct stream *s, char *out);

/* @to is a copy of @from, which is forgotten: the poller is told. */
BELFRY_NODISCARD belfry_err stream_move(struct stream *from, struct stream *to);

/* Goes from one loop to another, perhaps of another thread: leaves, may then be copied (the old
 * memory is forgotten) and handed over, and enters there; nothing else may be done in between.
 * What was read ahead comes along. */
void stream_leave(struct stream *s);
void stream_enter(struct stream *s, struct loop *loop);

/* TCP. Owns: takes @fd (non-blocking already). */
void stream_tcp_init(struct stream *s, struct loop *loop, int fd);

/* Of the peer of a TCP socket, whatever runs over it. */
void stream_tcp_address(int fd, char *out);

struct sockaddr;
void stream_format_address(const struct sockaddr *address, char *out); /* of either family */

#endif
