/**
 * belfry/options.h - everything that can be set about a server, as one table.
 *
 *     belfry *server = belfry_new(&(belfry_options){ .listen = ":3001", .workers = 2 });
 *
 * The struct, the program's flags, environment variables and YAML keys, `belfry serve --help`, the
 * bounds and docs/reference/config.md all come from BELFRY_OPTIONS. Zero always means the default;
 * a value that may be switched off takes BELFRY_OFF.
 *
 * Types of a row:
 *   TEXT    const char *     copied by belfry_new; NULL is the default
 *   FLAG    bool             default off
 *   COUNT   uint32_t
 *   SIZE    uint64_t         bytes (files and flags accept 64K, 1M, 2G)
 *   MS      uint32_t         milliseconds (files and flags accept 250ms, 10s, 2m, 1h)
 *   CHOICE  an enum          the names follow, as in BELFRY_SLOW_POLICIES
 */
#ifndef BELFRY_OPTIONS_H
#define BELFRY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Switches a COUNT, SIZE or MS off, where its row has `off` in the last column. */
#define BELFRY_OFF UINT32_MAX

/* What happens to a member whose queue is above max_queue_bytes. */
#define BELFRY_SLOW_POLICIES(X)                                                 \
    X(CLOSE, "close", "closed with 1013")                                       \
    X(DROP_NEWEST, "drop-newest", "the new message is dropped for this member") \
    X(DROP_OLDEST, "drop-oldest", "the oldest unsent messages make room")       \
    X(LATEST, "latest", "of each event and sender only the latest is kept, then the oldest go")

/* permessage-deflate (RFC 7692). */
#define BELFRY_DEFLATE_MODES(X)                                                             \
    X(SHARED, "shared", "one compressor per worker, no context takeover")                   \
    X(DEDICATED, "dedicated", "a compressor per connection: smaller messages, more memory") \
    X(NONE, "off", "the extension is declined")

/* What becomes of what is said while the cluster's Redis is away. */
#define BELFRY_AWAY_POLICIES(X)                                                                \
    X(DEFAULT, "default", "drop with Pub/Sub, hold with a stream")                             \
    X(DROP, "drop", "Pub/Sub: only this server's members hear it; counted")                    \
    X(QUEUE, "queue", "Pub/Sub: others hear it late, up to cluster_queue_bytes")               \
    X(HOLD, "hold", "stream: nobody hears it before Redis is back, up to cluster_queue_bytes") \
    X(LOCAL, "local", "stream: only this server's members hear it, without an id; counted")

typedef enum belfry_slow_policy {
#define BELFRY_ENUM_ROW(name, text, help) BELFRY_SLOW_##name,
    BELFRY_SLOW_POLICIES(BELFRY_ENUM_ROW)
#undef BELFRY_ENUM_ROW
} belfry_slow_policy;

typedef enum belfry_deflate_mode {
#define BELFRY_ENUM_ROW(name, text, help) BELFRY_DEFLATE_##name,
    BELFRY_DEFLATE_MODES(BELFRY_ENUM_ROW)
#undef BELFRY_ENUM_ROW
} belfry_deflate_mode;

typedef enum belfry_away_policy {
#define BELFRY_ENUM_ROW(name, text, help) BELFRY_AWAY_##name,
    BELFRY_AWAY_POLICIES(BELFRY_ENUM_ROW)
#undef BELFRY_ENUM_ROW
} belfry_away_policy;

/* clang-format off */
/*    type    name                   default      min    max          off?  what it does */
#define BELFRY_OPTIONS(TEXT, FLAG, COUNT, SIZE, MS, CHOICE)                                                              \
    TEXT(   listen,                  ":3001",                               "addresses to listen on, comma-separated: :3001, 127.0.0.1:3001, [::1]:3001 (port 0: any free one)") \
    COUNT(  workers,                 1,           1,     64,          0,    "threads, each with its own event loop")       \
    TEXT(   tls_cert,                "",                                    "PEM file with the certificate chain; with tls_key it turns TLS on") \
    TEXT(   tls_key,                 "",                                    "PEM file with the private key")               \
    FLAG(   tls_self_signed,                                                "TLS with a certificate made at start, for development only") \
    TEXT(   origins,                 "",                                    "origins that browsers may connect from besides the server's own, comma-separated, each as https://example.com; * allows any") \
    TEXT(   static_dir,              "",                                    "folder whose files are served over HTTP")     \
    COUNT(  max_connections,         0,           1,     10000000,    0,    "connections per worker; 0 shares RLIMIT_NOFILE among them") \
    SIZE(   max_head_bytes,          16384,       512,   1048576,     0,    "size of a request head (431 or 414 above it)") \
    COUNT(  max_headers,             100,         8,     1000,        0,    "header fields of a request (431 above it)")   \
    SIZE(   max_body_bytes,          1048576,     1,     1073741824,  0,    "size of a request body (413 above it)")       \
    MS(     handshake_timeout_ms,    10000,       100,   600000,      0,    "time for a TLS handshake and a complete request head (408 after it)") \
    MS(     body_timeout_ms,         30000,       100,   600000,      0,    "time for a complete request body (408 after it)") \
    MS(     keep_alive_timeout_ms,   60000,       100,   3600000,     1,    "an HTTP connection without a request is closed after this") \
    SIZE(   max_message_bytes,       1048576,     1,     1073741824,  0,    "size of a WebSocket message, inflated (1009 above it)") \
    COUNT(  max_fragments,           16384,       1,     10000000,    0,    "frames that one WebSocket message may come in (1009 above it)") \
    MS(     ping_interval_ms,        25000,       100,   3600000,     1,    "a silent WebSocket is pinged after this")     \
    MS(     ping_timeout_ms,         20000,       100,   3600000,     0,    "a pinged WebSocket that stays silent is dropped after this") \
    MS(     close_timeout_ms,        5000,        100,   600000,      0,    "time a peer has to answer a close frame")     \
    TEXT(   transports,              "polling,websocket",                   "Engine.IO transports that are served")        \
    SIZE(   max_payload_bytes,       1000000,     64,    1073741824,  0,    "size of one Engine.IO packet or polling request (1009 or 413 above it)") \
    MS(     upgrade_timeout_ms,      10000,       100,   600000,      0,    "time for an Engine.IO session to go from polling to WebSocket") \
    MS(     connect_timeout_ms,      45000,       100,   600000,      0,    "a Socket.IO connection that has joined no namespace is closed after this") \
    FLAG(   no_upgrades,                                                    "Engine.IO handshakes do not offer WebSocket to polling clients") \
    FLAG(   allow_eio3,                                                     "serve Engine.IO 3 too, that is Socket.IO 2 clients") \
    SIZE(   http_compression_bytes,  1024,        1,     1073741824,  1,    "answers to polls from this size on are compressed where the client can") \
    FLAG(   socketio_deflate,                                               "permessage-deflate for Socket.IO over WebSocket") \
    TEXT(   cookie,                  "",                                    "name of a cookie with the Engine.IO session id, for load balancers; none by default") \
    FLAG(   cors_credentials,                                               "pages of listed origins may send cookies (Access-Control-Allow-Credentials)") \
    TEXT(   cors_methods,            "",                                    "methods that a CORS preflight allows; GET,HEAD,PUT,PATCH,POST,DELETE by default") \
    TEXT(   cors_headers,            "",                                    "headers that a CORS preflight allows; those it asks for by default") \
    TEXT(   cors_exposed_headers,    "",                                    "headers that pages of other origins may read") \
    MS(     cors_max_age_ms,         0,           0,     86400000,    0,    "how long browsers may remember a CORS preflight") \
    COUNT(  max_namespaces,          10000,       1,     1000000,     0,    "namespaces of the server")                    \
    COUNT(  max_namespaces_per_connection, 64,    1,     10000,       0,    "namespaces that one Socket.IO connection may be in") \
    SIZE(   max_auth_bytes,          16384,       2,     1048576,     0,    "size of the auth that a Socket.IO client connects with") \
    COUNT(  max_attachments,         10,          1,     255,         0,    "binary attachments of one Socket.IO packet")  \
    COUNT(  max_recoverable,         100000,      1,     10000000,    0,    "sockets of a namespace that are kept to come back; the oldest go above it") \
    FLAG(   forget_handshakes,                                              "keep request headers, url and auth only until a first namespace is connected: less memory (library)") \
    TEXT(   client_dir,              "",                                    "folder with the client's files (dist of the npm package socket.io-client), served at /socket.io/socket.io.js") \
    CHOICE( deflate,                 DEFLATE_MODES, belfry_deflate_mode,    "WebSocket compression")                       \
    SIZE(   deflate_threshold_bytes, 256,         1,     1073741824,  0,    "smaller messages are sent uncompressed")      \
    COUNT(  deflate_level,           1,           1,     9,           0,    "zlib's level, 1 fastest to 9 smallest")       \
    COUNT(  deflate_window_bits,     15,          9,     15,          0,    "largest window the server compresses with")   \
    MS(     deflate_idle_ms,         10000,       100,   3600000,     1,    "a dedicated compressor unused for this long gives its memory back when the context may be dropped") \
    SIZE(   max_queue_bytes,         1048576,     4096,  1073741824,  0,    "unsent bytes of one member before slow_policy applies") \
    CHOICE( slow_policy,             SLOW_POLICIES, belfry_slow_policy,     "what happens to a member that does not keep up") \
    COUNT(  max_inbox,               65536,       16,    10000000,    0,    "messages from other threads that may wait for a worker (BELFRY_ERR_AGAIN above it)") \
    COUNT(  max_rooms_per_socket,    1024,        1,     1000000,     0,    "rooms one socket may be in")                  \
    COUNT(  max_rooms,               1000000,     1,     100000000,   0,    "rooms of the server, those with history but no members included") \
    SIZE(   max_room_name_bytes,     256,         1,     4096,        0,    "length of a room's name")                     \
    COUNT(  max_json_depth,          64,          1,     1024,        0,    "nesting of JSON that clients send")           \
    COUNT(  history_messages,        256,         1,     1000000,     1,    "messages a room remembers")                   \
    SIZE(   history_bytes,           1048576,     1024,  1073741824,  0,    "bytes a room remembers")                      \
    MS(     history_ms,              120000,      1000,  86400000,    0,    "how long a room remembers")                   \
    TEXT(   history_rooms,           "",                                    "what rooms remember, by pattern, the first that matches: news-*=1000/4M/1h, tmp-*=off (messages/bytes/age)") \
    SIZE(   log_bytes,               67108864,    65536, 17179869184, 0,    "bytes all rooms remember together")           \
    MS(     sse_retry_ms,            2000,        1,     3600000,     0,    "how long an EventSource waits before it connects again") \
    TEXT(   api_keys,                "",                                    "keys of backends that may use the HTTP API, comma-separated: Authorization: Bearer KEY") \
    FLAG(   api_open,                                                       "anybody may use the HTTP API when there are no api_keys; --demo does that") \
    COUNT(  presence_limit,          256,         1,     1000000,     1,    "rooms with more members hear counts, once a second, instead of user-joined and user-left; off: always names") \
    COUNT(  max_members_page,        1000,        1,     100000,      0,    "members in one reply to a members request")   \
    TEXT(   cluster,                 "",                                    "Redis that joins servers into one: redis://host, redis+sharded://host, redis+streams://host; rediss for TLS, redis+unix:///path; none by default") \
    TEXT(   cluster_key,             "socket.io",                           "prefix of the cluster's channels, name of its stream") \
    TEXT(   cluster_ca,              "",                                    "PEM file of who signs Redis' certificate; those of the system by default") \
    CHOICE( cluster_away,            AWAY_POLICIES, belfry_away_policy,     "what becomes of messages for other servers while Redis is away") \
    SIZE(   cluster_queue_bytes,     8388608,     65536, 1073741824,  0,    "bytes that may wait for Redis")                \
    SIZE(   cluster_message_bytes,   8388608,     1024,  536870912,   0,    "size of a message to other servers; larger ones are refused") \
    MS(     cluster_timeout_ms,      5000,        100,   600000,      0,    "time other servers have to answer")           \
    FLAG(   cluster_stream_only,                                            "stream: rooms have no histories of their own in Redis beside it") \
    COUNT(  cluster_stream_length,   10000,       100,   100000000,   0,    "entries that the cluster's stream keeps, about") \
    MS(     drain_timeout_ms,        10000,       100,   3600000,     0,    "time that a stop waits for peers to answer the close (1001)") \
    SIZE(   sock_data,               0,           0,     65536,       0,    "zeroed bytes of user data per socket, see belfry_data (library)") \
    FLAG(   keep_signals,                                                   "belfry_run leaves SIGTERM and SIGINT alone (library)")
/* clang-format on */

#define BELFRY_OPTION_TEXT(name, default_value, help) const char *name;
#define BELFRY_OPTION_FLAG(name, help) bool name;
#define BELFRY_OPTION_COUNT(name, default_value, min, max, may_be_off, help) uint32_t name;
#define BELFRY_OPTION_SIZE(name, default_value, min, max, may_be_off, help) uint64_t name;
#define BELFRY_OPTION_MS(name, default_value, min, max, may_be_off, help) uint32_t name;
#define BELFRY_OPTION_CHOICE(name, choices, type, help) type name;

/** How a server is to be; all zero is a good server on port 3001. See the table above. */
typedef struct belfry_options {
    BELFRY_OPTIONS(BELFRY_OPTION_TEXT, BELFRY_OPTION_FLAG, BELFRY_OPTION_COUNT, BELFRY_OPTION_SIZE,
                   BELFRY_OPTION_MS, BELFRY_OPTION_CHOICE)
} belfry_options;

#undef BELFRY_OPTION_TEXT
#undef BELFRY_OPTION_FLAG
#undef BELFRY_OPTION_COUNT
#undef BELFRY_OPTION_SIZE
#undef BELFRY_OPTION_MS
#undef BELFRY_OPTION_CHOICE

#ifdef __cplusplus
}
#endif

#endif
