/*
 * resolve.c - one c-ares channel per name.
 *
 *   c-ares opens and closes sockets --on_socket_state--> watches of ours
 *   a watch is ready, or the timer --> ares_process_fd --(on_answer)--> finish
 *
 * A channel must not be destroyed from inside its callbacks, so they only take notes, and whoever
 * has called c-ares looks at them when it is back.
 */
#include "net/resolve.h"

#include <ares.h>
#include <netinet/in.h>
#include <pthread.h>

#include "base/alloc.h"

/* A lost datagram is asked for again, and another server tried, well within usual deadlines. */
#define TRY_MS 1000
#define TRIES 3

/* A socket of c-ares'; buried, because the turn may still hold an event of its watch. */
struct resolve_socket {
    struct watch watch;
    struct resolve *resolve;
    struct resolve_socket *next;
    struct grave grave;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

/* Never cleaned up: the library has only its allocator to set, and other users may be left. */
static void init_library(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* --- its sockets ------------------------------------------------------------------------------*/

static void settle(struct resolve *r);

static void on_ready(struct watch *watch, unsigned events)
{
    struct resolve_socket *socket = BELFRY_CONTAINER_OF(watch, struct resolve_socket, watch);
    struct resolve *r = socket->resolve;
    if (watch->interest == 0)
        return; /* closed earlier in this turn; @r may be gone */
    ares_process_fd(r->channel, events & (WATCH_READ | WATCH_END) ? watch->fd : ARES_SOCKET_BAD,
                    events & WATCH_WRITE ? watch->fd : ARES_SOCKET_BAD);
    settle(r);
}

static void free_socket(struct grave *grave)
{
    mem_free(BELFRY_CONTAINER_OF(grave, struct resolve_socket, grave));
}

static struct resolve_socket **find_socket(struct resolve *r, int fd)
{
    struct resolve_socket **link = &r->sockets;
    while (*link != NULL && (*link)->watch.fd != fd)
        link = &(*link)->next;
    return link;
}

static void drop_socket(struct resolve *r, struct resolve_socket **link)
{
    struct resolve_socket *socket = *link;
    *link = socket->next;
    if (socket->watch.interest != 0)
        (void)loop_watch(r->loop, &socket->watch, 0); /* taking away needs no memory */
    loop_bury(r->loop, &socket->grave, free_socket);
}

/* c-ares tells what it waits for; nothing: it is about to close the socket. */
static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolve *r = user;
    struct resolve_socket **link = find_socket(r, fd);
    unsigned interest = (readable ? WATCH_READ : 0) | (writable ? WATCH_WRITE : 0);
    if (interest == 0) {
        if (*link != NULL)
            drop_socket(r, link);
        return;
    }
    if (*link == NULL) {
        *link = mem_alloc_zeroed(sizeof **link);
        if (*link == NULL) {
            r->is_out_of_memory = true;
            return;
        }
        (*link)->watch = (struct watch){ .on_ready = on_ready, .fd = fd };
        (*link)->resolve = r;
    }
    if (loop_watch(r->loop, &(*link)->watch, interest) != BELFRY_OK)
        r->is_out_of_memory = true;
}

/* --- the answer -------------------------------------------------------------------------------*/

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *found)
{
    struct resolve *r = user;
    (void)timeouts;
    r->is_over = true;
    r->status = status;
    r->found = found;
}

static belfry_err error_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return BELFRY_OK;
    case ARES_ENOMEM:
        return BELFRY_ERR_NOMEM;
    case ARES_ETIMEOUT:
        return BELFRY_ERR_TIMEOUT;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
    case ARES_EBADNAME:
        return BELFRY_ERR_NOT_FOUND;
    default: /* c-ares' list grows */
        return BELFRY_ERR_IO;
    }
}

static void close_channel(struct resolve *r)
{
    timer_cancel(&r->loop->timers, &r->timer);
    if (r->channel != NULL)
        ares_destroy(r->channel);
    r->channel = NULL;
    BELFRY_ASSERT(r->sockets == NULL);
}

static void finish(struct resolve *r)
{
    int status = r->is_out_of_memory ? ARES_ENOMEM : r->status;
    close_channel(r);
    r->next = status == ARES_SUCCESS && r->found != NULL ? r->found->nodes : NULL;
    if (status == ARES_SUCCESS && r->next == NULL)
        status = ARES_ENODATA;
    r->done(r, error_of(status), ares_strerror(status)); /* the last look at @r */
}

static bool is_to_finish(const struct resolve *r)
{
    return r->is_over || r->is_out_of_memory;
}

static void set_timer(struct resolve *r)
{
    struct timeval wait;
    if (ares_timeout(r->channel, NULL, &wait) != NULL) {
        uint64_t wait_ms = (uint64_t)wait.tv_sec * 1000 + (uint64_t)wait.tv_usec / 1000 + 1;
        timer_set(&r->loop->timers, &r->timer, r->loop->now_ms + wait_ms);
    }
}

static void settle(struct resolve *r)
{
    if (is_to_finish(r))
        finish(r);
    else
        set_timer(r);
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct resolve *r = BELFRY_CONTAINER_OF(timer, struct resolve, timer);
    (void)now_ms;
    if (!is_to_finish(r))
        ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    settle(r);
}

static int ask(struct resolve *r, const char *name)
{
    struct ares_options options = {
        .timeout = TRY_MS, .tries = TRIES, .sock_state_cb = on_socket_state, .sock_state_cb_data = r
    };
    struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_ENVHOSTS,
                                         .ai_family = AF_UNSPEC,
                                         .ai_socktype = SOCK_STREAM };
    (void)pthread_once(&library_once, init_library);
    if (library_status != ARES_SUCCESS)
        return library_status;
    int status = ares_init_options(&r->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        r->channel = NULL;
        return status;
    }
    ares_getaddrinfo(r->channel, name, NULL, &hints, on_answer, r);
    return ARES_SUCCESS;
}

void resolve_start(struct resolve *r, struct loop *loop, const char *name, resolve_done_fn *done)
{
    BELFRY_ASSERT(r->loop == NULL); /* idle */
    *r = (struct resolve){ .loop = loop, .timer = { .fire = on_timer }, .done = done };
    int status = ask(r, name);
    if (status != ARES_SUCCESS)
        on_answer(r, status, 0, NULL);
    if (is_to_finish(r))
        timer_set(&loop->timers, &r->timer, loop->now_ms);
    else
        set_timer(r);
}

void resolve_cancel(struct resolve *r)
{
    if (r->loop == NULL)
        return;
    close_channel(r); /* tells on_answer, if it was not over */
    if (r->found != NULL)
        ares_freeaddrinfo(r->found);
    *r = (struct resolve){ 0 };
}

bool resolve_next(struct resolve *r, uint16_t port, struct sockaddr_storage *out_address,
                  socklen_t *out_size)
{
    const struct ares_addrinfo_node *node = r->next;
    if (node == NULL)
        return false;
    r->next = node->ai_next;
    memcpy(out_address, node->ai_addr, node->ai_addrlen);
    *out_size = node->ai_addrlen;
    if (node->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)out_address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)out_address)->sin_port = htons(port);
    return true;
}

size_t resolve_count_left(const struct resolve *r)
{
    size_t count = 0;
    for (const struct ares_addrinfo_node *node = r->next; node != NULL; node = node->ai_next)
        count++;
    return count;
}
