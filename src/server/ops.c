/*
 * ops.c - what operators ask: /healthz, /readyz, /metrics.
 *
 *   healthy  every worker's loop turns
 *   ready    listening, not on the way out, and joined to the cluster, if there is to be one
 */
#include <stdio.h>

#include "base/alloc.h"
#include "server/node.h"
#include "server/request.h"
#include "server/server.h"
#include "server/stats.h"

#define STUCK_AFTER_MS 10000

static unsigned count_stuck(const belfry *server, uint64_t now_ms)
{
    unsigned stuck = 0;
    for (unsigned i = 0; i < server->worker_count; i++) {
        uint64_t last_ms =
            atomic_load_explicit(&server->workers[i].last_turn_ms, memory_order_relaxed);
        if (last_ms != 0 && last_ms + STUCK_AFTER_MS < now_ms)
            stuck++;
    }
    return stuck;
}

static void reply_state(belfry_request *req, bool is_fine, const char *reason)
{
    char body[160];
    int size = snprintf(body, sizeof body, "{\"status\":\"%s\"%s%s%s}\n",
                        is_fine ? "ok" : "failing", reason != NULL ? ",\"reason\":\"" : "",
                        reason != NULL ? reason : "", reason != NULL ? "\"" : "");
    (void)belfry_reply_header(req, "Cache-Control", "no-store");
    (void)belfry_reply(req, is_fine ? 200 : 503, "application/json", body, (size_t)size);
}

static void on_healthz(belfry_request *req, void *user)
{
    belfry *server = user;
    bool is_fine = count_stuck(server, req->conn->worker->loop.now_ms) == 0;
    reply_state(req, is_fine, is_fine ? NULL : "a worker has not turned for 10 seconds");
}

static void on_readyz(belfry_request *req, void *user)
{
    belfry *server = user;
    bool is_stopping = atomic_load(&server->stop_requests) > 0;
    bool is_alone = !node_is_ready(server);
    reply_state(req, !is_stopping && !is_alone,
                is_stopping ? "the server is shutting down"
                : is_alone  ? "the cluster's Redis cannot be reached"
                            : NULL);
}

static void put_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name,
               (unsigned long long)value);
}

static void on_metrics(belfry_request *req, void *user)
{
    belfry *server = user;
    struct counters *counters[HUB_MAX_WORKERS];
    struct buf out = { 0 };
    for (unsigned i = 0; i < server->worker_count; i++)
        counters[i] = &server->workers[i].counters;
    counters_put(&out, counters, server->worker_count);
    put_gauge(&out, "belfry_rooms", "rooms with members or history",
              hub_room_count(&server->hub.root));
    node_put_metrics(server, &out);
    put_gauge(&out, "belfry_workers", "threads with an event loop", server->worker_count);
    put_gauge(&out, "belfry_uptime_seconds", "since the start",
              (req->conn->worker->loop.now_ms - server->start_ms) / 1000);
    put_gauge(&out, "process_resident_memory_bytes", "resident memory", stats_resident_bytes());
    buf_printf(&out,
               "# HELP belfry_build_info what is running\n# TYPE belfry_build_info gauge\n"
               "belfry_build_info{version=\"%s\"} 1\n",
               belfry_version());
    if (buf_failed(&out))
        (void)belfry_reply(req, 503, NULL, NULL, 0);
    else
        (void)belfry_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", out.data,
                           out.size);
    buf_deinit(&out);
}

belfry_err belfry_ops(belfry *server, const char *listen)
{
    static const struct {
        const char *route;
        belfry_http_handler handler;
    } routes[] = {
        { "GET /healthz", on_healthz },
        { "GET /readyz", on_readyz },
        { "GET /metrics", on_metrics },
    };
    for (size_t i = 0; i < BELFRY_COUNT(routes); i++) {
        belfry_err err =
            server_add_http_route(server, ROUTE_OPS, routes[i].route, routes[i].handler, server);
        if (err != BELFRY_OK)
            return err;
    }
    if (listen == NULL || listen[0] == '\0')
        return BELFRY_OK;
    mem_free(server->ops_listen);
    server->ops_listen = mem_dup_text(listen);
    return server_outcome(server->ops_listen != NULL ? BELFRY_OK : BELFRY_ERR_NOMEM);
}
