/*
 * swarm.c - connect, let opening.c open, then read and write until told to stop.
 *
 *   CONNECTING --writable--> opening.c --> OPEN --swarm_close--> CLOSING --end--> on_closed
 *                                           bytes: on_bytes
 *
 * Level-triggered epoll, one recv per readable member and turn, no timers, no memory per member
 * beyond its struct: the generator must cost less than the server.
 */
#include "bench/swarm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/opening.h"

enum {
    SCRATCH_BYTES = 256 * 1024,
    EVENTS_PER_TURN = 512,
    OPENING_AT_ONCE = 128,
    SPARE_DESCRIPTORS = 16,
    CONNECTIONS_PER_SOURCE = 20000,
};

/* --- life and death ------------------------------------------------------------------------- */

static bool raise_descriptor_limit(uint32_t connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return bench_complain("cannot read the descriptor limit: %s", strerror(errno));
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return bench_complain("cannot raise the descriptor limit: %s", strerror(errno));
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < connections + SPARE_DESCRIPTORS)
        return bench_complain("%u connections do not fit into %" PRIu64 " descriptors: lower -c, "
                              "or raise the hard limit (ulimit -Hn)",
                              connections, (uint64_t)limit.rlim_max);
    return true;
}

/* More members than one source address has ports for are spread over several. */
static uint32_t sources_for(const struct bench_options *options, const struct target *target)
{
    if (!target_is_ipv4_loopback(target))
        return 1;
    if (options->sources > 0)
        return options->sources;
    return (options->connections + CONNECTIONS_PER_SOURCE - 1) / CONNECTIONS_PER_SOURCE;
}

bool swarm_init(struct swarm *s, const struct bench_options *options, const struct target *target)
{
    *s = (struct swarm){ .options = options, .target = target, .epoll = -1 };
    if (!raise_descriptor_limit(options->connections))
        return false;
    s->sources = sources_for(options, target);
    s->members = mem_alloc_zeroed(options->connections * sizeof *s->members);
    s->scratch = mem_alloc(SCRATCH_BYTES);
    if (s->members == NULL || s->scratch == NULL)
        return bench_complain("out of memory: lower -c");
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll == -1)
        return bench_complain("epoll_create1: %s", strerror(errno));
    return true;
}

/* Ends the connection; what was known of it goes too. */
static void leave(struct member *m)
{
    if (m->fd != -1)
        (void)close(m->fd);
    m->fd = -1;
    m->unsent = (belfry_bytes){ 0 };
    m->owes_pong = false;
    m->heartbeat = (struct heartbeat){ 0 };
    walk_deinit(&m->walk);
}

void swarm_deinit(struct swarm *s)
{
    for (uint32_t i = 0; i < s->started; i++)
        leave(&s->members[i]);
    if (s->epoll != -1)
        (void)close(s->epoll);
    mem_free(s->members);
    mem_free(s->scratch);
}

/* --- sending -------------------------------------------------------------------------------- */

static bool watch(struct swarm *s, struct member *m, int how, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = m };
    if (epoll_ctl(s->epoll, how, m->fd, &event) == 0)
        return true;
    return bench_complain("epoll_ctl: %s", strerror(errno));
}

static bool send_some(struct member *m)
{
    ssize_t sent = send(m->fd, m->unsent.data, m->unsent.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return bench_complain("connection %u: cannot send: %s", m->index, strerror(errno));
    if (sent > 0)
        m->unsent = bytes_of((const uint8_t *)m->unsent.data + sent, m->unsent.size - (size_t)sent);
    return true;
}

bool swarm_send(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    BELFRY_ASSERT(m->unsent.size == 0);
    m->unsent = bytes;
    if (!send_some(m))
        return false;
    return m->unsent.size == 0 || watch(s, m, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

bool swarm_send_now(struct member *m, belfry_bytes bytes)
{
    BELFRY_ASSERT(m->unsent.size == 0);
    if (send(m->fd, bytes.data, bytes.size, MSG_NOSIGNAL) == (ssize_t)bytes.size)
        return true;
    return bench_complain("connection %u: cannot send: %s", m->index, strerror(errno));
}

static bool send_frame(struct member *m, enum wire_opcode opcode, belfry_bytes payload)
{
    struct buf frame = { 0 };
    wire_put_client_frame(&frame, opcode, payload);
    bool is_sent = buf_failed(&frame) ? bench_complain("out of memory: lower -c")
                                      : swarm_send_now(m, buf_bytes(&frame));
    buf_deinit(&frame);
    return is_sent;
}

bool swarm_send_text(struct member *m, const char *text)
{
    return send_frame(m, WIRE_TEXT, bytes_of(text, strlen(text)));
}

/* Engine.IO closes sessions that do not answer, so the pong may wait but not be left out. */
static bool answer_heartbeat(struct member *m)
{
    m->owes_pong = m->unsent.size > 0;
    return m->owes_pong || swarm_send_text(m, "3");
}

static bool send_rest(struct swarm *s, struct member *m)
{
    if (!send_some(m))
        return false;
    if (m->unsent.size > 0)
        return true;
    return watch(s, m, EPOLL_CTL_MOD, EPOLLIN) && (!m->owes_pong || answer_heartbeat(m));
}

/* --- opening -------------------------------------------------------------------------------- */

static bool connect_member(struct swarm *s, struct member *m)
{
    m->state = MEMBER_CONNECTING;
    m->fd = target_connect(s->target, m->index % s->sources);
    if (m->fd == -1)
        return bench_complain("cannot connect to %s: %s%s", s->target->host, strerror(errno),
                              errno == EADDRNOTAVAIL ? " (out of ports: raise --sources)" : "");
    return watch(s, m, EPOLL_CTL_ADD, EPOLLOUT);
}

static bool start_member(struct swarm *s)
{
    struct member *m = &s->members[s->started];
    *m = (struct member){ .index = s->started };
    s->started++;
    return connect_member(s, m);
}

bool swarm_reconnect(struct swarm *s, struct member *m)
{
    leave(m);
    return connect_member(s, m);
}

bool swarm_opened(struct swarm *s, struct member *m)
{
    BELFRY_ASSERT(m->state == MEMBER_OPEN);
    s->opened++;
    m->sid[0] = '\0';
    return s->on_open == NULL || s->on_open(s, m);
}

static bool on_connected(struct swarm *s, struct member *m)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    if (getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0)
        reason = errno;
    if (reason != 0)
        return bench_complain("cannot connect to %s: %s%s", s->target->host, strerror(reason),
                              reason == ECONNREFUSED ? " (is the server running?)" : "");
    return watch(s, m, EPOLL_CTL_MOD, EPOLLIN) && opening_begin(s, m);
}

/* How many members may have been started by now. */
static uint32_t started_by(const struct swarm *s, uint32_t count, uint32_t first, uint64_t begin_ns)
{
    uint64_t bound = (uint64_t)s->opened + OPENING_AT_ONCE;
    if (s->options->rate > 0) {
        uint64_t elapsed_ns = clock_monotonic_ns() - begin_ns;
        bound = BELFRY_MIN(bound, first + 1 + elapsed_ns * s->options->rate / 1000000000u);
    }
    return (uint32_t)BELFRY_MIN(bound, (uint64_t)count);
}

bool swarm_open(struct swarm *s, uint32_t count)
{
    BELFRY_ASSERT(count <= s->options->connections);
    uint64_t begin_ns = clock_monotonic_ns(), progress_ns = begin_ns;
    uint32_t first = s->started, opened_before = s->opened;
    while (s->opened < count) {
        while (s->started < started_by(s, count, first, begin_ns)) {
            if (!start_member(s))
                return false;
        }
        if (!swarm_turn(s, s->options->rate > 0 ? 1 : 100))
            return false;
        uint64_t now_ns = clock_monotonic_ns();
        if (s->opened != opened_before)
            progress_ns = now_ns;
        opened_before = s->opened;
        if (now_ns - progress_ns > (uint64_t)s->options->timeout_ms * 1000000u)
            return bench_complain("only %u of %u connections could be opened in time", s->opened,
                                  count);
    }
    return true;
}

/* --- turning -------------------------------------------------------------------------------- */

bool swarm_receive(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    if (!s->options->is_socketio)
        return s->on_bytes(s, m, bytes);
    for (;;) {
        belfry_bytes piece;
        switch (heartbeat_next(&m->heartbeat, &bytes, &piece)) {
        case HEARTBEAT_END:
            return true;
        case HEARTBEAT_BYTES:
            if (!s->on_bytes(s, m, piece))
                return false;
            break;
        case HEARTBEAT_PING:
            if (!answer_heartbeat(m))
                return false;
            break;
        }
    }
}

static bool on_end(struct swarm *s, struct member *m, const char *reason)
{
    if (m->state != MEMBER_CLOSING)
        return bench_complain("connection %u: the server closed it (%s)", m->index, reason);
    leave(m);
    return s->on_closed(s, m);
}

static bool on_readable(struct swarm *s, struct member *m)
{
    ssize_t size = recv(m->fd, s->scratch, SCRATCH_BYTES, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (size <= 0)
        return on_end(s, m, size == 0 ? "end of stream" : strerror(errno));
    belfry_bytes bytes = bytes_of(s->scratch, (size_t)size);
    if (BELFRY_LIKELY(m->state == MEMBER_OPEN))
        return swarm_receive(s, m, bytes);
    return m->state == MEMBER_CLOSING || opening_on_bytes(s, m, bytes);
}

static bool on_event(struct swarm *s, struct member *m, uint32_t events)
{
    if (m->state == MEMBER_CONNECTING)
        return on_connected(s, m);
    if ((events & EPOLLOUT) != 0 && m->unsent.size > 0 && !send_rest(s, m))
        return false;
    return (events & ~(uint32_t)EPOLLOUT) == 0 || on_readable(s, m);
}

bool swarm_turn(struct swarm *s, uint32_t wait_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(s->epoll, events, EVENTS_PER_TURN, (int)wait_ms);
    if (count < 0 && errno != EINTR)
        return bench_complain("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (!on_event(s, events[i].data.ptr, events[i].events))
            return false;
    }
    return true;
}

bool swarm_run(struct swarm *s, const uint64_t *missing, uint32_t allowed_ms, const char *what)
{
    uint64_t give_up_ns = clock_monotonic_ns() + (uint64_t)allowed_ms * 1000000u;
    while (*missing > 0) {
        if (!swarm_turn(s, 100))
            return false;
        if (*missing > 0 && clock_monotonic_ns() > give_up_ns)
            return bench_complain("%" PRIu64 " %s after %.1f s", *missing, what, allowed_ms / 1e3);
    }
    return true;
}

bool swarm_linger(struct swarm *s, uint32_t duration_ms)
{
    uint64_t end_ns = clock_monotonic_ns() + (uint64_t)duration_ms * 1000000u;
    for (uint64_t now_ns = clock_monotonic_ns(); now_ns < end_ns; now_ns = clock_monotonic_ns()) {
        uint64_t left_ms = (end_ns - now_ns) / 1000000u;
        if (!swarm_turn(s, (uint32_t)BELFRY_MIN(left_ms + 1, 100u)))
            return false;
    }
    return true;
}

/* --- control frames ------------------------------------------------------------------------- */

static bool send_pong(struct member *m, belfry_bytes payload)
{
    if (m->unsent.size > 0) /* in the middle of a batch: that is sign of life enough */
        return true;
    return send_frame(m, WIRE_PONG, payload);
}

bool swarm_close(struct member *m)
{
    BELFRY_ASSERT(m->state == MEMBER_OPEN);
    m->state = MEMBER_CLOSING;
    return send_frame(m, WIRE_CLOSE, BELFRY_BYTES("\x03\xe8"));
}

bool swarm_on_control(struct member *m, const struct wire_frame *frame, belfry_bytes payload)
{
    const uint8_t *data = payload.data;
    if (frame->opcode == WIRE_PING)
        return send_pong(m, payload);
    if (frame->opcode != WIRE_CLOSE)
        return true;
    int code = payload.size < 2 ? 1005 : data[0] << 8 | data[1];
    int reason_size = payload.size < 2 ? 0 : (int)payload.size - 2;
    return bench_complain("connection %u: the server closed it with %d \"%.*s\"", m->index, code,
                          reason_size, payload.size < 2 ? "" : (const char *)data + 2);
}
