/*
 * stats.c - totals since the start, which whoever listens takes differences of: nothing is lost
 * with a message that was not heard, and a smaller uptime says that the server began anew.
 */
#include "server/stats.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/encode.h"
#include "server/server.h"
#include "server/sock.h"

#define INTERVAL_MS 1000

/* Resident pages, the second number of statm. */
uint64_t stats_resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return 0;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* clang-format off */
#define FIGURES(X)                                                     \
    X("http", connections_http)         X("websocket", connections_ws) \
    X("sse", connections_sse)           X("engine.io", connections_eio) \
    X("accepted", accepted)             X("requests", http_requests)   \
    X("messagesIn", messages_in)        X("messagesOut", messages_out) \
    X("bytesIn", bytes_in)              X("bytesOut", bytes_out)       \
    X("published", api_published)       X("encoded", encoded)          \
    X("droppedSlow", dropped_slow)      X("droppedVolatile", dropped_volatile)
/* clang-format on */

static void put_figures(struct buf *out, const struct belfry *server)
{
    static const struct {
        const char *name;
        size_t offset;
    } figures[] = {
#define FIGURE_ROW(name, field) { name, offsetof(struct counters, field) },
        FIGURES(FIGURE_ROW)
#undef FIGURE_ROW
    };
    for (size_t i = 0; i < BELFRY_COUNT(figures); i++) {
        uint64_t sum = 0;
        for (unsigned w = 0; w < server->worker_count; w++) {
            const char *counters = (const char *)&server->workers[w].counters;
            sum += atomic_load_explicit((const atomic_ullong *)(counters + figures[i].offset),
                                        memory_order_relaxed);
        }
        buf_printf(out, ",\"%s\":%llu", figures[i].name, (unsigned long long)sum);
    }
}

static void say(struct stats *stats, struct worker *worker)
{
    struct belfry *server = stats->server;
    struct hub_published published;
    struct buf json = { 0 };
    buf_printf(&json, "{\"uptime\":%.3f,\"cpu\":%.3f,\"memory\":%llu,\"rooms\":%llu,\"workers\":%u",
               (double)(worker->loop.now_ms - server->start_ms) / 1000, cpu_seconds(),
               (unsigned long long)stats_resident_bytes(),
               (unsigned long long)hub_room_count(&server->hub.root), server->worker_count);
    put_figures(&json, server);
    buf_put_char(&json, '}');
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .flags = MESSAGE_VOLATILE | MESSAGE_UNLOGGED | MESSAGE_LOCAL,
                                 .room_count = 1,
                                 .rooms = { bytes_of_text(stats->room) },
                                 .name = BELFRY_BYTES("stats"),
                                 .args = buf_bytes(&json),
                                 .wall_ms = worker_wall_ms(worker) };
    if (!buf_failed(&json)) {
        struct message *m = message_new(&spec, &server->hub.hash_key, server->worker_count);
        if (m != NULL) /* else the next one comes soon */
            (void)hub_publish(&server->hub.root, worker->shard, m, &published);
    }
    buf_deinit(&json);
}

static void on_second(struct timer *timer, uint64_t now_ms)
{
    struct stats *stats = BELFRY_CONTAINER_OF(timer, struct stats, timer);
    struct worker *worker = &stats->server->workers[0];
    timer_set(&worker->loop.timers, timer, now_ms + INTERVAL_MS);
    if (hub_member_count(&stats->server->hub.root, bytes_of_text(stats->room)) > 0)
        say(stats, worker);
}

void stats_start(struct belfry *server)
{
    struct worker *worker = &server->workers[0];
    if (server->stats == NULL)
        return;
    server->stats->timer.fire = on_second;
    timer_set(&worker->loop.timers, &server->stats->timer, worker->loop.now_ms + INTERVAL_MS);
}

void stats_stop(struct belfry *server)
{
    if (server->stats != NULL)
        timer_cancel(&server->workers[0].loop.timers, &server->stats->timer);
}

void stats_free(struct belfry *server)
{
    if (server->stats == NULL)
        return;
    mem_free(server->stats->room);
    mem_free(server->stats);
    server->stats = NULL;
}

belfry_err belfry_stats(belfry *server, const char *room)
{
    belfry_err err = server_check_new(server);
    if (err == BELFRY_OK)
        err = sock_check_room(server, room);
    if (err != BELFRY_OK)
        return err;
    if (server->stats != NULL)
        return server_why(BELFRY_ERR_STATE, "the figures are said in one room already");
    server->stats = mem_alloc_zeroed(sizeof *server->stats);
    if (server->stats != NULL)
        server->stats->room = mem_dup_text(room);
    if (server->stats == NULL || server->stats->room == NULL) {
        mem_free(server->stats);
        server->stats = NULL;
        return server_outcome(BELFRY_ERR_NOMEM);
    }
    server->stats->server = server;
    return BELFRY_OK;
}
