/*
 * poll_epoll.c - level-triggered epoll, and an eventfd to be woken by.
 *
 * Level-triggered, so that bounded reads need no bookkeeping: what is left is reported again.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/poller.h"

#define BATCH 512

struct poller {
    int epoll_fd;
    int event_fd;
};

static void epoll_free(struct poller *p)
{
    if (p == NULL)
        return;
    if (p->event_fd >= 0)
        (void)close(p->event_fd);
    if (p->epoll_fd >= 0)
        (void)close(p->epoll_fd);
    mem_free(p);
}

belfry_err poll_epoll_new(struct poller **out_poller)
{
    struct poller *p = mem_alloc(sizeof *p);
    if (p == NULL)
        return BELFRY_ERR_NOMEM;
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* A NULL pointer marks the eventfd. */
    struct epoll_event wakeup = { .events = EPOLLIN, .data.ptr = NULL };
    if (p->epoll_fd < 0 || p->event_fd < 0 ||
        epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->event_fd, &wakeup) != 0) {
        epoll_free(p);
        return BELFRY_ERR_IO;
    }
    *out_poller = p;
    return BELFRY_OK;
}

static struct epoll_event event_of(struct watch *watch, unsigned interest)
{
    struct epoll_event event = { .data.ptr = watch };
    if (interest & WATCH_READ)
        event.events |= EPOLLIN;
    if (interest & WATCH_WRITE)
        event.events |= EPOLLOUT;
    if (interest & WATCH_END)
        event.events |= EPOLLRDHUP;
    return event;
}

static belfry_err epoll_set_interest(struct poller *p, struct watch *watch, unsigned interest)
{
    if (watch->interest == interest)
        return BELFRY_OK;
    struct epoll_event event = event_of(watch, interest);
    int op = interest == 0 ? EPOLL_CTL_DEL : watch->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(p->epoll_fd, op, watch->fd, &event) != 0)
        return errno == ENOMEM || errno == ENOSPC ? BELFRY_ERR_NOMEM : BELFRY_ERR_IO;
    watch->interest = (uint8_t)interest;
    return BELFRY_OK;
}

static belfry_err epoll_move(struct poller *p, struct watch *from, struct watch *to)
{
    struct epoll_event event = event_of(to, from->interest);
    to->interest = from->interest;
    from->interest = 0;
    if (to->interest == 0)
        return BELFRY_OK;
    return epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, to->fd, &event) == 0 ? BELFRY_OK : BELFRY_ERR_IO;
}

static int epoll_wait_for(struct poller *p, struct poller_event *out, int max, int timeout_ms)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(p->epoll_fd, events, BELFRY_MIN(max, BATCH), timeout_ms);
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            uint64_t wakes;
            (void)!read(p->event_fd, &wakes, sizeof wakes); /* only to lower it */
            continue;
        }
        unsigned ready = 0;
        if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP))
            ready |= WATCH_READ;
        if (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            ready |= WATCH_WRITE;
        if (events[i].events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
            ready |= WATCH_END;
        out[kept++] = (struct poller_event){ events[i].data.ptr, ready };
    }
    return kept;
}

static void epoll_wake(struct poller *p)
{
    uint64_t one = 1;
    (void)!write(p->event_fd, &one, sizeof one); /* full means it is awake already */
}

static int epoll_fd_of(struct poller *p)
{
    return p->epoll_fd;
}

const struct poller_ops poll_epoll = {
    .set_interest = epoll_set_interest,
    .move = epoll_move,
    .wait = epoll_wait_for,
    .wake = epoll_wake,
    .fd = epoll_fd_of,
    .free = epoll_free,
};
