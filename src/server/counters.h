/*
 * counters.h - everything that is counted, as one table.
 *
 * Each worker counts for itself; /metrics adds up. Names follow the Prometheus conventions; a row
 * with labels is one line of its metric.
 */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <stdatomic.h>

#include "base/defs.h"
#include "engineio/close.h"
#include "engineio/error.h"

/* clang-format off */
/*    name                 type     metric and labels                                   help */
#define COUNTERS(X)                                                                                                    \
    X(connections_http,    gauge,   "belfry_connections{protocol=\"http\"}",            "open connections")            \
    X(connections_ws,      gauge,   "belfry_connections{protocol=\"websocket\"}",       "open connections")            \
    X(connections_sse,     gauge,   "belfry_connections{protocol=\"sse\"}",             "open connections")            \
    X(connections_eio,     gauge,   "belfry_connections{protocol=\"engine.io\"}",       "open connections")            \
    X(connections_sio,     gauge,   "belfry_sockets",                                   "Socket.IO sockets that are connected to a namespace") \
    X(accepted,            counter, "belfry_connects_total{result=\"accepted\"}",       "connections that came")       \
    X(refused_limit,       counter, "belfry_connects_total{result=\"max-connections\"}", "connections that came")      \
    X(refused_exhausted,   counter, "belfry_connects_total{result=\"exhausted\"}",      "connections that came")       \
    X(handshakes,          counter, "belfry_handshakes_total{result=\"ok\"}",           "WebSocket handshakes")        \
    X(handshakes_origin,   counter, "belfry_handshakes_total{result=\"origin\"}",       "WebSocket handshakes")        \
    X(handshakes_bad,      counter, "belfry_handshakes_total{result=\"bad-request\"}",  "WebSocket handshakes")        \
    X(handshakes_refused,  counter, "belfry_handshakes_total{result=\"refused\"}",      "WebSocket handshakes")        \
    X(streams_refused,     counter, "belfry_streams_refused_total",                     "requests for an event stream that were refused") \
    X(tls_failed,          counter, "belfry_tls_failures_total",                        "TLS handshakes that failed")  \
    X(http_requests,       counter, "belfry_http_requests_total",                       "HTTP requests answered")      \
    X(http_refused,        counter, "belfry_http_refused_total",                        "HTTP requests that were malformed or over a limit") \
    X(http_timeouts,       counter, "belfry_http_timeouts_total",                       "HTTP connections ended by a deadline") \
    X(messages_in,         counter, "belfry_messages_total{direction=\"in\"}",          "messages of WebSockets and event streams") \
    X(messages_out,        counter, "belfry_messages_total{direction=\"out\"}",         "messages of WebSockets and event streams") \
    X(bytes_in,            counter, "belfry_bytes_total{direction=\"in\"}",             "bytes on the wire, TLS excluded") \
    X(bytes_out,           counter, "belfry_bytes_total{direction=\"out\"}",            "bytes on the wire, TLS excluded") \
    X(dropped_slow,        counter, "belfry_dropped_total{reason=\"slow-policy\"}",     "room messages that a member did not get") \
    X(dropped_volatile,    counter, "belfry_dropped_total{reason=\"volatile\"}",        "room messages that a member did not get") \
    X(dropped_memory,      counter, "belfry_dropped_total{reason=\"memory\"}",          "room messages that a member did not get") \
    X(dropped_closed,      counter, "belfry_dropped_total{reason=\"connection-lost\"}", "room messages that a member did not get") \
    X(repeats,             counter, "belfry_repeats_total",                             "publishes whose key was known: not delivered again") \
    X(room_errors,         counter, "belfry_request_errors_total",                      "room requests answered with an error") \
    X(encoded,             counter, "belfry_encoded_total",                             "wire forms made of room messages") \
    X(api_published,       counter, "belfry_api_messages_total{result=\"ok\"}",         "messages of backends, by HTTP") \
    X(api_busy,            counter, "belfry_api_messages_total{result=\"busy\"}",       "messages of backends, by HTTP") \
    X(api_too_large,       counter, "belfry_api_messages_total{result=\"too-large\"}",  "messages of backends, by HTTP") \
    X(api_refused,         counter, "belfry_api_refused_total",                         "requests of the HTTP API that were answered with an error of theirs") \
    X(eio_polls,           counter, "belfry_engineio_polls_total",                      "polls answered")              \
    X(eio_upgrades,        counter, "belfry_engineio_upgrades_total",                   "sessions that went from polling to WebSocket") \
    X(sio_connects,        counter, "belfry_namespace_connects_total{result=\"ok\"}",   "Socket.IO CONNECT packets")   \
    X(sio_refused,         counter, "belfry_namespace_connects_total{result=\"refused\"}", "Socket.IO CONNECT packets") \
    X(sio_bad_packets,     counter, "belfry_bad_packets_total",                         "Socket.IO packets that ended their connection") \
    X(relayed_out,         counter, "belfry_relayed_total{direction=\"out\"}",         "requests of sessions that live on another server, and tunnels") \
    X(relayed_in,          counter, "belfry_relayed_total{direction=\"in\"}",          "requests of sessions that live on another server, and tunnels") \
    X(relay_failures,      counter, "belfry_relay_failures_total",                      "of these, those that the other server did not serve") \
    X(recovered,           counter, "belfry_recovery_total{result=\"ok\"}",             "sockets that came back")      \
    X(not_recovered,       counter, "belfry_recovery_total{result=\"failed\"}",         "sockets that came back")      \
    X(congested,           counter, "belfry_congestions_total",                         "times a worker read less because another was behind")

/* Why WebSockets end, by the close code or the fault behind it. */
#define CLOSE_REASONS(X)                        \
    X(peer,         "peer closed")              \
    X(server,       "server closed")            \
    X(lost,         "connection lost")          \
    X(protocol,     "protocol error")           \
    X(bad_data,     "invalid data")             \
    X(too_big,      "message too big")          \
    X(slow,         "slow member")              \
    X(ping_timeout, "ping timeout")             \
    X(shutdown,     "server shutdown")          \
    X(memory,       "out of memory")
/* Why Engine.IO sessions end: as their applications hear it (socketio.md), and two that they hear as
 * one of these. The first ones are those of enum eio_reason. */
#define SESSION_ENDS(X)                         \
    EIO_REASONS(X)                              \
    X(SLOW,         "slow member")              \
    X(SHUTDOWN,     "server shutting down")
/* clang-format on */

enum session_end {
#define SESSION_END_ENUM(name, text) SESSION_END_##name,
    SESSION_ENDS(SESSION_END_ENUM)
#undef SESSION_END_ENUM
        SESSION_END_COUNT
};

enum close_reason {
#define CLOSE_REASON_ENUM(name, text) CLOSED_##name,
    CLOSE_REASONS(CLOSE_REASON_ENUM)
#undef CLOSE_REASON_ENUM
        CLOSE_REASON_COUNT
};

/* "slow member". Owns: static. */
const char *close_reason_text(enum close_reason reason);

/* Written by one worker, read by any. */
struct counters {
#define COUNTER_FIELD(name, type, metric, help) atomic_ullong name;
    COUNTERS(COUNTER_FIELD)
#undef COUNTER_FIELD
    atomic_ullong closed[CLOSE_REASON_COUNT];
    atomic_ullong sessions_ended[SESSION_END_COUNT];
    atomic_ullong eio_refused[EIO_ERROR_COUNT]; /* by code */
};

/* Only the owner writes, so no locked instruction is needed. */
static inline void counter_add(atomic_ullong *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

struct buf;

/* Appends the sum of @count workers' counters in Prometheus' text format. */
void counters_put(struct buf *out, struct counters *const *workers, unsigned count);

#endif
