/*
 * sim_net.c - pipes, their faults, and who is ready.
 */
#include "support/sim_net.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/sim_alloc.h"
#include "support/sim_seeds.h"

#define DEFAULT_PIPE_BYTES 65536

/* --- the network ------------------------------------------------------------------------------*/

void sim_net_init(struct sim_net *net, uint64_t seed, const struct sim_faults *faults)
{
    *net = (struct sim_net){ .faults = *faults };
    if (net->faults.pipe_bytes == 0)
        net->faults.pipe_bytes = DEFAULT_PIPE_BYTES;
    random_seed(&net->random, seed);
}

static void free_link(struct sim_link *link)
{
    buf_deinit(&link->in_flight);
    buf_deinit(&link->to_server);
    buf_deinit(&link->to_client);
    free(link);
}

void sim_net_deinit(struct sim_net *net)
{
    for (size_t i = 0; i < net->link_count; i++)
        free_link(net->links[i]);
    free(net->links);
    *net = (struct sim_net){ 0 };
}

bool sim_net_chance(struct sim_net *net, unsigned percent)
{
    return percent > 0 && random_below(&net->random, 100) < percent;
}

/* How much of @size is taken this time; at least one byte of some. */
static size_t take_part(struct sim_net *net, size_t size)
{
    if (size > 1 && sim_net_chance(net, net->faults.short_io))
        return 1 + (size_t)random_below(&net->random, size);
    return size;
}

struct sim_link *sim_link_new(struct sim_net *net, const struct sim_link_user *user)
{
    struct sim_link *link = calloc(1, sizeof *link);
    if (net->link_count == net->link_capacity) {
        net->link_capacity = BELFRY_MAX(net->link_capacity * 2, (size_t)64);
        net->links = realloc(net->links, net->link_capacity * sizeof *net->links);
    }
    SIM_CHECK(link != NULL && net->links != NULL, "the test is out of memory");
    *link = (struct sim_link){ .net = net, .user = *user };
    net->links[net->link_count++] = link;
    return link;
}

/* Nobody will look at it: the client has gone or heard of the end, the server has closed. */
static bool is_retired(const struct sim_link *link)
{
    return link->server_closed && link->client_gone;
}

void sim_net_sweep(struct sim_net *net)
{
    for (size_t i = 0; i < net->link_count;) {
        if (!is_retired(net->links[i])) {
            i++;
            continue;
        }
        free_link(net->links[i]);
        net->links[i] = net->links[--net->link_count];
    }
}

/* --- the client's side ------------------------------------------------------------------------*/

static void append(struct buf *to, const void *bytes, size_t size)
{
    enum sim_side before = sim_alloc_enter(SIM_TEST);
    SIM_CHECK(buf_append(to, bytes, size) == BELFRY_OK, "the test is out of memory");
    (void)sim_alloc_enter(before);
}

void sim_link_send(struct sim_link *link, const void *bytes, size_t size)
{
    if (!link->client_ended && !link->is_reset && size > 0)
        append(&link->in_flight, bytes, size);
}

void sim_link_end(struct sim_link *link)
{
    link->client_ended = true;
}

void sim_link_abandon(struct sim_link *link)
{
    link->client_ended = true;
    link->client_gone = true;
    if (link->to_client.size > 0)
        link->is_reset = true; /* closing with unread input */
}

void sim_link_reset(struct sim_link *link)
{
    sim_link_abandon(link);
    link->is_reset = true;
}

/* --- the server's side: struct stream_ops -----------------------------------------------------*/

static ssize_t sim_read(struct stream *s, void *out, size_t size)
{
    struct sim_link *link = s->transport;
    if (link->is_reset)
        return STREAM_FAILED;
    if (sim_net_chance(link->net, link->net->faults.again))
        return STREAM_AGAIN;
    size = BELFRY_MIN(size, link->to_server.size);
    if (size == 0)
        return link->client_ended && link->in_flight.size == 0 ? STREAM_END : STREAM_AGAIN;
    size = take_part(link->net, size);
    memcpy(out, link->to_server.data, size);
    buf_consume(&link->to_server, size);
    return (ssize_t)size;
}

static ssize_t sim_writev(struct stream *s, const struct iovec *parts, int count, bool is_last)
{
    (void)is_last;
    struct sim_link *link = s->transport;
    size_t limit = link->net->faults.pipe_bytes;
    size_t room = link->to_client.size < limit ? limit - link->to_client.size : 0;
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    SIM_CHECK(!link->server_ended && size > 0, "writing nothing, or behind the end");
    if (link->is_reset)
        return STREAM_FAILED;
    if (link->client_gone) {
        link->is_reset = true; /* this write succeeds, the next one knows */
        return (ssize_t)size;
    }
    if (room == 0 || sim_net_chance(link->net, link->net->faults.again))
        return STREAM_AGAIN;
    size_t left = take_part(link->net, BELFRY_MIN(room, size));
    size = left;
    for (int i = 0; left > 0; i++) {
        size_t part = BELFRY_MIN(left, parts[i].iov_len);
        append(&link->to_client, parts[i].iov_base, part);
        left -= part;
    }
    return (ssize_t)size;
}

static void sim_end_writing(struct stream *s)
{
    ((struct sim_link *)s->transport)->server_ended = true;
}

static void sim_close(struct stream *s)
{
    struct sim_link *link = s->transport;
    link->server_closed = true;
    if (link->to_server.size > 0)
        link->is_reset = true;
    buf_deinit(&link->to_server);
}

static void sim_address(const struct stream *s, char *out)
{
    (void)s;
    snprintf(out, STREAM_ADDRESS_SIZE, "192.0.2.1:4711");
}

static const struct stream_ops sim_stream_ops = {
    .read = sim_read,
    .writev = sim_writev,
    .end_writing = sim_end_writing,
    .close = sim_close,
    .address = sim_address,
};

void sim_link_setup_stream(struct stream *s, struct loop *loop, void *arg)
{
    *s = (struct stream){
        .watch = { .fd = -1 }, .ops = &sim_stream_ops, .loop = loop, .transport = arg
    };
}

/* --- a step of a link -------------------------------------------------------------------------*/

static bool can_arrive(const struct sim_link *link)
{
    return link->in_flight.size > 0 &&
           (link->server_closed || link->to_server.size < link->net->faults.pipe_bytes);
}

static bool can_leave(const struct sim_link *link)
{
    return link->to_client.size > 0 && !link->is_stalled && !link->client_gone && !link->is_reset;
}

static bool can_tell_end(const struct sim_link *link)
{
    if (link->has_told_end || link->client_gone)
        return false;
    if (link->is_reset)
        return true;
    return (link->server_ended || link->server_closed) && link->to_client.size == 0;
}

bool sim_link_can_step(const struct sim_link *link)
{
    return (can_arrive(link) && !link->is_reset) || can_leave(link) || can_tell_end(link);
}

static void arrive(struct sim_link *link)
{
    if (link->server_closed) {
        link->is_reset = true; /* nobody is there to take it */
        return;
    }
    size_t room = link->net->faults.pipe_bytes - link->to_server.size;
    size_t size = take_part(link->net, BELFRY_MIN(room, link->in_flight.size));
    append(&link->to_server, link->in_flight.data, size);
    buf_consume(&link->in_flight, size);
}

static void leave(struct sim_link *link)
{
    size_t size = take_part(link->net, link->to_client.size);
    uint8_t *bytes = malloc(size); /* exactly as large, so that reading on is found out */
    SIM_CHECK(bytes != NULL, "the test is out of memory");
    memcpy(bytes, link->to_client.data, size);
    buf_consume(&link->to_client, size);
    link->user.on_bytes(link->user.user, bytes, size);
    free(bytes);
}

void sim_link_step(struct sim_link *link)
{
    if (can_arrive(link) && !link->is_reset)
        arrive(link);
    if (can_leave(link)) {
        leave(link);
    } else if (can_tell_end(link)) {
        link->has_told_end = true;
        link->user.on_end(link->user.user, link->is_reset);
    }
    if (sim_net_chance(link->net, link->net->faults.delay))
        link->held_until_ms = link->net->now_ms + 1 +
                              random_below(&link->net->random, link->net->faults.max_delay_ms);
}

/* --- the poller -------------------------------------------------------------------------------*/

struct poller {
    struct sim_net *net;
    struct watch **watches;
    size_t count;
    size_t capacity;
    bool is_woken;
};

static const struct sim_link *link_of(const struct watch *watch)
{
    return BELFRY_CONTAINER_OF(watch, struct stream, watch)->transport;
}

static unsigned readiness(const struct watch *watch)
{
    const struct sim_link *link = link_of(watch);
    unsigned ready = 0;
    if (link->is_reset)
        ready = WATCH_READ | WATCH_WRITE | WATCH_END;
    if (link->client_ended && link->in_flight.size == 0)
        ready |= WATCH_READ | WATCH_END;
    if (link->to_server.size > 0)
        ready |= WATCH_READ;
    if (link->to_client.size < link->net->faults.pipe_bytes)
        ready |= WATCH_WRITE;
    return ready & watch->interest;
}

static size_t find_watch(const struct poller *poller, const struct watch *watch)
{
    size_t i = 0;
    while (i < poller->count && poller->watches[i] != watch)
        i++;
    return i;
}

static belfry_err sim_set_interest(struct poller *poller, struct watch *watch, unsigned interest)
{
    size_t at = find_watch(poller, watch);
    SIM_CHECK((at < poller->count) == (watch->interest != 0), "a watch that moved in secret");
    if (at == poller->count && interest != 0) {
        if (sim_alloc_strikes())
            return BELFRY_ERR_NOMEM;
        if (poller->count == poller->capacity) {
            poller->capacity = BELFRY_MAX(poller->capacity * 2, (size_t)64);
            poller->watches = realloc(poller->watches, poller->capacity * sizeof(struct watch *));
            SIM_CHECK(poller->watches != NULL, "the test is out of memory");
        }
        poller->watches[poller->count++] = watch;
    }
    watch->interest = (uint8_t)interest;
    if (interest == 0 && at < poller->count)
        poller->watches[at] = poller->watches[--poller->count];
    return BELFRY_OK;
}

/* Ready watches, beginning anywhere. */
static int sim_wait(struct poller *poller, struct poller_event *events, int max, int timeout_ms)
{
    int found = 0;
    size_t start = (size_t)random_below(&poller->net->random, poller->count);
    SIM_CHECK(timeout_ms == 0, "the simulation never waits");
    poller->is_woken = false;
    for (size_t i = 0; i < poller->count && found < max; i++) {
        struct watch *watch = poller->watches[(start + i) % poller->count];
        unsigned ready = readiness(watch);
        if (ready != 0)
            events[found++] = (struct poller_event){ watch, ready };
    }
    return found;
}

static void sim_wake(struct poller *poller)
{
    poller->is_woken = true;
}

static int sim_fd(struct poller *poller)
{
    (void)poller;
    return -1;
}

static void sim_free(struct poller *poller)
{
    SIM_CHECK(poller->count == 0, "%zu streams were never closed", poller->count);
    free(poller->watches);
    free(poller);
}

const struct poller_ops poll_sim = {
    .set_interest = sim_set_interest,
    .wait = sim_wait,
    .wake = sim_wake,
    .fd = sim_fd,
    .free = sim_free,
};

belfry_err poll_sim_new(struct poller **out_poller, struct sim_net *net)
{
    struct poller *poller = sim_alloc_strikes() ? NULL : calloc(1, sizeof *poller);
    if (poller == NULL)
        return BELFRY_ERR_NOMEM;
    poller->net = net;
    *out_poller = poller;
    return BELFRY_OK;
}

bool poll_sim_is_ready(const struct poller *poller)
{
    for (size_t i = 0; i < poller->count; i++) {
        if (readiness(poller->watches[i]) != 0)
            return true;
    }
    return poller->is_woken;
}
