/**
 * belfry/belfry.h - realtime rooms over WebSocket, HTTP routes and static files, in one library.
 *
 *     static void on_message(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
 *     {
 *         (void)user;
 *         belfry_send(sock, type, message.data, message.size);
 *     }
 *
 *     int main(void)
 *     {
 *         belfry *server = belfry_new(&(belfry_options){ .listen = ":3001" });
 *         belfry_ws(server, "/echo", &(belfry_ws_handlers){ .message = on_message });
 *         return belfry_run(server);
 *     }
 *
 * The rules, once, for everything below:
 *
 *   Pointers  belfry_sock *, belfry_request * and what they hand out live until the callback
 *             returns. To keep a socket, keep its belfry_id.
 *   Threads   what takes a belfry, a belfry_nsp, a belfry_target made by belfry_in or a belfry_id:
 *             any thread. What takes a belfry_sock or a belfry_request: its callback. Routes are
 *             added before the server starts. With more than one worker, handlers run concurrently
 *             and their `user` is shared; never two at a time for one socket.
 *   Ids       never reused; calls about a closed socket return BELFRY_ERR_GONE.
 *   Order     calls from one thread to one socket arrive in order; all members of a room hear its
 *             messages in one order.
 *   Memory    bytes and strings handed in are copied, unless stated otherwise. You free only what a
 *             function named *_new gave you.
 *   Blocking  none but belfry_run and belfry_stop.
 *   Errors    BELFRY_OK is 0, errors are negative; belfry_why() says more. Routes, belfry_of and
 *             belfry_run may be given the NULL of a belfry_new that failed, and fail too.
 *   Slow      a member above max_queue_bytes meets slow_policy and is never waited for.
 */
#ifndef BELFRY_BELFRY_H
#define BELFRY_BELFRY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <belfry/bytes.h>
#include <belfry/error.h>
#include <belfry/export.h>
#include <belfry/log.h>
#include <belfry/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belfry belfry;                 /* a server; opaque */
typedef struct belfry_nsp belfry_nsp;         /* a namespace: its rooms and their order; opaque */
typedef struct belfry_sock belfry_sock;       /* one connected peer; opaque, lives in callbacks */
typedef struct belfry_request belfry_request; /* one HTTP request; opaque, lives in callbacks */
typedef uint64_t belfry_id;                   /* one socket, for ever; 0 is none */

/** What a WebSocket message is (RFC 6455 5.6). Text is valid UTF-8, always. */
typedef enum belfry_type { BELFRY_TEXT = 1, BELFRY_BINARY = 2 } belfry_type;

/* --- a server ------------------------------------------------------------------------------- */

/**
 * Makes a server; nothing listens yet. NULL @options means all defaults.
 *
 * Owns:    the caller, until belfry_free. Strings in @options are copied.
 * Returns: NULL when an option is out of bounds or memory is out; belfry_why(NULL) says which.
 */
BELFRY_API belfry *belfry_new(const belfry_options *options);

/** Stops @server at once if it runs, and frees it. NULL is fine. Not from a callback, and not
 * before belfry_run and belfry_stop have returned on other threads. */
BELFRY_API void belfry_free(belfry *server);

/**
 * Why the last call on this thread that failed did so, with what to do about it: a sentence. With
 * NULL, about belfry_new. Never NULL. Owns: valid until the thread's next belfry call.
 */
BELFRY_API const char *belfry_why(belfry *server);

/**
 * Listens, and serves until belfry_stop or a signal: the calling thread is one of the workers.
 * SIGTERM and SIGINT close every WebSocket with 1001, wait up to drain_timeout_ms for the peers,
 * and return 0; a second signal does not wait (option keep_signals leaves signals alone). They are
 * blocked in the calling thread and in those started by it; threads that you started before must
 * block them too, or the system lets one of those die of them.
 *
 * Returns: 0, or 1 when it could not start; belfry_why says why.
 */
BELFRY_API int belfry_run(belfry *server);

/** Listens and serves on background threads; returns at once. Errors: ADDRESS, TLS, NOMEM, STATE.
 */
BELFRY_API BELFRY_NODISCARD belfry_err belfry_start(belfry *server);

/**
 * Stops: no new connections, WebSockets closed with 1001, up to drain_timeout_ms for the peers to
 * answer. Ends belfry_run too. Waits for the threads of belfry_start. Thread: any, but not a
 * callback: there use belfry_stop_soon; and with belfry_step only the one that steps: it steps on
 * itself.
 */
BELFRY_API void belfry_stop(belfry *server);

/** Begins the same and returns at once. Thread: any, callbacks included; safe in signal handlers.
 */
BELFRY_API void belfry_stop_soon(belfry *server);

/**
 * For your own loop (one worker): a descriptor that is readable when belfry_step has work, or -1
 * when @server cannot listen (belfry_why). The first call starts listening. Handlers then run only
 * inside belfry_step; an emit outside it makes the descriptor readable.
 */
BELFRY_API int belfry_fd(belfry *server);

/** Milliseconds until belfry_step has timers to run; -1: none. */
BELFRY_API int belfry_timeout_ms(belfry *server);

/** Does what is due, without waiting. Returns BELFRY_ERR_GONE once a stop has ended. */
BELFRY_API belfry_err belfry_step(belfry *server);

/** The address number @index that @server listens on ("127.0.0.1:40123"), or NULL behind the last.
 * Valid once started, until belfry_free. */
BELFRY_API const char *belfry_address(belfry *server, unsigned index);

/** The namespace called @name, made if there is none; "/" is where plain rooms live. A leading '/'
 * may be left out. Thread: any. NULL: a bad name, max_namespaces is reached, or no memory. Owns:
 * the server. */
BELFRY_API belfry_nsp *belfry_of(belfry *server, const char *name);

/** Milliseconds since 1970, from the server's clock. */
BELFRY_API uint64_t belfry_now_ms(void);

/** The library's version, "0.1.0". */
BELFRY_API const char *belfry_version(void);

/**
 * Sets the allocator of this process, before anything else is called. NULL restores the default.
 * All three must be set together. jansson's own allocator is left alone.
 */
BELFRY_API void belfry_set_alloc(void *(*alloc)(size_t), void *(*realloc)(void *, size_t),
                                 void (*free)(void *));

/* --- HTTP requests -------------------------------------------------------------------------- */

/* All strings: valid until the callback returns; NULL where there is no such thing. */
BELFRY_API const char *belfry_request_method(const belfry_request *req);
BELFRY_API const char *belfry_request_path(const belfry_request *req); /* not decoded, no query */
BELFRY_API const char *belfry_request_address(const belfry_request *req); /* of the peer */

/** The value of header @name (any case); of a repeated one the values joined with ", ". */
BELFRY_API const char *belfry_request_header(belfry_request *req, const char *name);

/** The decoded query parameter @name. */
BELFRY_API const char *belfry_request_query(belfry_request *req, const char *name);

/** The decoded segment of the path that matched `:name` in the route's pattern. */
BELFRY_API const char *belfry_request_param(belfry_request *req, const char *name);

/** The whole body, at most max_body_bytes; empty if there is none. */
BELFRY_API belfry_bytes belfry_request_body(const belfry_request *req);

/** Adds a header to the coming reply. Errors: INVALID (a line break in it), NOMEM. */
BELFRY_API belfry_err belfry_reply_header(belfry_request *req, const char *name, const char *value);

/**
 * Answers @req, once: status, NULL or "text/plain; charset=utf-8" or the like, and the body.
 * Errors: STATE (already answered), INVALID (@status is not 200 to 599), NOMEM.
 */
BELFRY_API belfry_err belfry_reply(belfry_request *req, unsigned status, const char *content_type,
                                   const void *body, size_t size);

/** Called for each request to its route. Must answer before it returns; without an answer the peer
 * gets 500. */
typedef void (*belfry_http_handler)(belfry_request *req, void *user);

/**
 * Serves "METHOD /path" ("GET /rooms/:room"; a GET route answers HEAD too). Patterns match whole
 * segments; `:name` takes any one segment, a last `*` the rest of the path.
 * Errors: INVALID (not of that form), STATE (started), NOMEM.
 */
BELFRY_API belfry_err belfry_http(belfry *server, const char *method_and_pattern,
                                  belfry_http_handler handler, void *user);

/** A file that travels inside a program. A table of them ends with a NULL @path. */
typedef struct belfry_asset {
    const char *path; /* "/index.html" serves "/" too */
    belfry_bytes bytes;
    const char *etag; /* with its quotes (RFC 9110 8.8.3) */
} belfry_asset;

/** Serves @assets by their paths, behind routes and before static_dir. Owns: @assets must outlive
 * the server. Errors: STATE, NOMEM. */
BELFRY_API belfry_err belfry_assets(belfry *server, const belfry_asset *assets);

/** Serves /healthz, /readyz and /metrics (Prometheus text): on @listen ("127.0.0.1:9100") alone,
 * or with NULL on the server's own addresses. Errors: STATE, NOMEM; a bad address shows at start.
 */
BELFRY_API belfry_err belfry_ops(belfry *server, const char *listen);

/** Says the server's own figures in @room once a second while somebody is in it, as the event
 * `stats` (docs/feed.md): totals since the start, not remembered, and not to other servers. Errors:
 * INVALID (not a room's name), STATE, NOMEM. */
BELFRY_API belfry_err belfry_stats(belfry *server, const char *room);

/* --- WebSockets ----------------------------------------------------------------------------- */

/** What happens on a WebSocket route. All zero is a route that accepts and ignores everything. */
typedef struct belfry_ws_handlers {
    /** Before the handshake is answered. Return 0 to accept, or refuse: any HTTP status from 400 to
     * 599; belfry_reply may have given it a body. */
    unsigned (*upgrade)(belfry_request *req, void *user);
    /** The socket is open; it may be written to and join rooms. */
    void (*open)(belfry_sock *sock, void *user);
    /** One whole message, valid UTF-8 if text. */
    void (*message)(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user);
    /** What was queued has left: after belfry_queued() was above 0 at a turn's end. */
    void (*drained)(belfry_sock *sock, void *user);
    /** The last callback of a socket. @code as in RFC 6455 7.1.5: 1005 if the peer gave none, 1006
     * if the connection just ended. It is in no room any more. */
    void (*close)(belfry_sock *sock, uint16_t code, belfry_bytes reason, void *user);
    /** After close: frees what belfry_data points at holds. */
    void (*free_data)(void *data);
    /** Subprotocols offered, comma-separated, in no order: the client's first choice wins. */
    const char *subprotocols;
    /** 0: the server's max_message_bytes. */
    uint64_t max_message_bytes;
    void *user;
} belfry_ws_handlers;

/** Serves WebSockets at @pattern (as in belfry_http, without the method). @handlers is copied, its
 * strings too. Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_ws(belfry *server, const char *pattern,
                                const belfry_ws_handlers *handlers);

/** Serves the room protocol (docs/rooms.md) at @pattern: the default application. Its members and
 * those of your own routes meet in the same rooms. Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_rooms(belfry *server, const char *pattern);

/* --- Server-Sent Events --------------------------------------------------------------------- */

/** What happens on the route of an event stream (WHATWG HTML 9.2). All zero is a stream whose
 * readers name their rooms themselves: ?room=news&room=sport. */
typedef struct belfry_sse_handlers {
    /** Before the stream begins: decides who may read, and says what, by belfry_request_join.
     * Return 0 to accept, or refuse: any HTTP status from 400 to 599 (an EventSource gives up
     * then); belfry_reply may have given it a body. A reader that names no rooms hears what is said
     * to everyone. */
    unsigned (*request)(belfry_request *req, void *user);
    /** The stream has begun; it may be written to (belfry_send: text, an event without id), and
     * join more rooms. */
    void (*open)(belfry_sock *sock, void *user);
    /** The last callback: the reader has gone (@code 1006), or was closed: with the code that
     * belfry_close had, 1001 when the server stops, 1013 when it did not keep up. */
    void (*close)(belfry_sock *sock, uint16_t code, belfry_bytes reason, void *user);
    /** After close: frees what belfry_data points at holds. */
    void (*free_data)(void *data);
    void *user;
} belfry_sse_handlers;

/** Serves an event stream at @pattern (as in belfry_http, without the method). A reader is a member
 * of its rooms like any other: belfry_broadcast(..., BELFRY_TEXT, ...) is an event whose data is
 * the text, belfry_emit one with the event's name whose data is the room protocol's object
 * (docs/feed.md). What has an id can be resumed: a reader that comes back with Last-Event-ID, or
 * ?since=, gets what it missed and then goes on live; ?history=N gives a new one the last N of each
 * room. @handlers is copied. Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_sse(belfry *server, const char *pattern,
                                 const belfry_sse_handlers *handlers);

/** The same as the program has it at /events: readers name one room or more, may say who they are
 * (?user=), and their rooms hear that they came and went. Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_events(belfry *server, const char *pattern);

/** One more room that the reader begins in; call it in `request` of belfry_sse. Errors: INVALID
 * (not a room's name), STATE (another route), NOMEM. */
BELFRY_API belfry_err belfry_request_join(belfry_request *req, const char *room);

/* --- for backends --------------------------------------------------------------------------- */

/** Serves the HTTP API (docs/http-api.md) below @prefix ("/api"): POST PREFIX/rooms/ROOM/messages
 * says something in a room, as JSON, and answers with its id. Who may: options api_keys and
 * api_open; without either nobody. Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_api(belfry *server, const char *prefix);

/* --- sockets -------------------------------------------------------------------------------- */

/** Names the user of the socket that will come of @req, for presence; call it in `upgrade`, in
 * `request` of belfry_sse, or in `allow` of belfry_socketio: then it holds in each namespace that
 * the client connects to. Errors: INVALID (not UTF-8), NOMEM. */
BELFRY_API belfry_err belfry_request_set_user(belfry_request *req, const char *user);

/** The server that @req came to. */
BELFRY_API belfry *belfry_request_server(const belfry_request *req);

/** Sends one whole message. Copied, except that echoing the message just received copies nothing.
 * Errors: GONE (closing), LIMIT (above max_queue_bytes: the peer does not read), NOMEM, INVALID
 * (text that is not UTF-8). */
BELFRY_API belfry_err belfry_send(belfry_sock *sock, belfry_type type, const void *data,
                                  size_t size);
BELFRY_API belfry_err belfry_send_text(belfry_sock *sock, const char *text);

/** Begins the close handshake (RFC 6455 7.1.2; an event stream just ends, and its EventSource comes
 * back): what was sent before still arrives. @code 1000,
 * 1001, 1008, 1011, 3000-4999 and the like; @reason may be NULL, is cut to 123 bytes. `close` is
 * called when the peer has answered or close_timeout_ms is over. A no-op when already closing. */
BELFRY_API void belfry_close(belfry_sock *sock, uint16_t code, const char *reason);

/** The zeroed option sock_data bytes of this socket; NULL when that is 0. */
BELFRY_API void *belfry_data(belfry_sock *sock);

BELFRY_API belfry_id belfry_sock_id(const belfry_sock *sock);

/** The public id, 20 characters of [A-Za-z0-9_-]: what other clients may know. It is a room too, of
 * this socket alone. (Socket.IO 2 clients have the ids that they reckon with: that of their
 * session, which is a secret otherwise, or "/nsp#" and that.) */
BELFRY_API const char *belfry_sock_id_text(const belfry_sock *sock);
BELFRY_API const char *belfry_sock_user(const belfry_sock *sock); /* NULL: not named */

/** Names the user of @sock, in the place of the name it has: in a middleware or in "connection", or
 * in `open`. Once it is in a room others know its name: STATE. Errors: INVALID (not UTF-8), STATE,
 * NOMEM. */
BELFRY_API belfry_err belfry_sock_set_user(belfry_sock *sock, const char *user);

BELFRY_API belfry *belfry_sock_server(const belfry_sock *sock);
BELFRY_API const char *belfry_sock_address(belfry_sock *sock); /* of the peer */

/** Bytes queued for the peer that the kernel has not taken. */
BELFRY_API size_t belfry_queued(const belfry_sock *sock);

/* --- from any thread ------------------------------------------------------------------------ */

/** As belfry_send. OK means accepted: a peer that goes away first never sees it.
 * Errors: GONE, NOMEM, INVALID, AGAIN (the worker's inbox is full). */
BELFRY_API BELFRY_NODISCARD belfry_err belfry_send_id(belfry *server, belfry_id id,
                                                      belfry_type type, const void *data,
                                                      size_t size);

/** As belfry_close. Errors: GONE, NOMEM, AGAIN. */
BELFRY_API belfry_err belfry_close_id(belfry *server, belfry_id id, uint16_t code,
                                      const char *reason);

/** Calls @fn with the socket on its own thread, soon; or with NULL if it is gone by then, or the
 * server stops. What is sent by belfry_send_id or to rooms after this may arrive before what @fn
 * sends. Errors: GONE, AGAIN, NOMEM: @fn is not called. */
BELFRY_API BELFRY_NODISCARD belfry_err belfry_with(belfry *server, belfry_id id,
                                                   void (*fn)(belfry_sock *sock, void *user),
                                                   void *user);

/* --- rooms ---------------------------------------------------------------------------------- */

/** Puts @sock into @room (any bytes but NUL, at most max_room_name_bytes); twice is a no-op.
 * Errors: LIMIT (max_rooms_per_socket, max_rooms), INVALID (the name), NOMEM, GONE. */
BELFRY_API belfry_err belfry_join(belfry_sock *sock, const char *room);

/** Takes @sock out of @room, at once. Errors: NOT_FOUND (was not in it). */
BELFRY_API belfry_err belfry_leave(belfry_sock *sock, const char *room);

/** How many sockets are in @room, on all workers. */
BELFRY_API uint32_t belfry_members(belfry_nsp *nsp, const char *room);

/** Calls @visit with each room that @sock is in. It must not join or leave. */
BELFRY_API void belfry_each_room(belfry_sock *sock, void (*visit)(const char *room, void *user),
                                 void *user);

/** Is @sock in @room? In a middleware: will it be? */
BELFRY_API bool belfry_is_in(belfry_sock *sock, const char *room);

#define BELFRY_TARGET_ROOMS 8

/** Who shall hear something: a small value, made and narrowed by the functions below. Its strings
 * must outlive the emit. All fields are private. */
typedef struct belfry_target {
    belfry_nsp *nsp;
    belfry_sock *sock;
    const char *rooms[BELFRY_TARGET_ROOMS];
    const char *excepts[BELFRY_TARGET_ROOMS];
    uint32_t timeout_ms;
    uint8_t room_count;
    uint8_t except_count;
    uint8_t flags;
    uint8_t kind;
} belfry_target;

/** The members of @room but for @sock. Thread: @sock's callback. */
BELFRY_API belfry_target belfry_to(belfry_sock *sock, const char *room);

/** All members of @room. Thread: any. */
BELFRY_API belfry_target belfry_in(belfry_nsp *nsp, const char *room);

/** Every socket of the namespace. Thread: any. */
BELFRY_API belfry_target belfry_everyone(belfry_nsp *nsp);

/** @sock alone. Thread: @sock's callback. */
BELFRY_API belfry_target belfry_only(belfry_sock *sock);

/** The members of @room too; who is in several hears it once. At most 8 rooms: an excess is
 * reported by the emit (LIMIT). */
BELFRY_API belfry_target belfry_and(belfry_target target, const char *room);

/** But not the members of @room. At most 8. */
BELFRY_API belfry_target belfry_except(belfry_target target, const char *room);

/** May be skipped for those who are behind (cursors, "is typing"), and is not remembered. */
BELFRY_API belfry_target belfry_volatile(belfry_target target);

/** Only on this process, when a cluster is configured. */
BELFRY_API belfry_target belfry_local(belfry_target target);

/** Sends one whole WebSocket message to @target, as it is. Errors: LIMIT, NOMEM, INVALID, AGAIN
 * (foreign threads), GONE. */
BELFRY_API belfry_err belfry_broadcast(belfry_target target, belfry_type type, const void *data,
                                       size_t size);

/** Sends a tree of jansson's as one text message: its JSON. Owns: takes the reference to @data, in
 * any case. Errors: as belfry_broadcast; INVALID for NULL. */
BELFRY_API belfry_err belfry_broadcast_json(belfry_target target, json_t *data);

/**
 * Emits application event @event with arguments packed as by jansson's json_pack: "{s:s}" is one,
 * an object; "si" are two; NULL: none. Socket.IO clients receive the event with its arguments;
 * plain WebSocket members {"type":"event","room":...,"event":...,"data":...}, data being the only
 * argument, null, or the array of them. Names that Socket.IO reserves (connect, connect_error,
 * disconnect, disconnecting, newListener, removeListener) are INVALID.
 * Errors: as belfry_broadcast; INVALID also for a format that does not fit its arguments.
 */
BELFRY_API belfry_err belfry_emit(belfry_target target, const char *event, const char *format, ...);

/** The same with a tree. Owns: takes the reference to @data, in any case. */
BELFRY_API belfry_err belfry_emit_json(belfry_target target, const char *event, json_t *data);

/** The same with JSON text that you already have; it is checked, not rewritten. */
BELFRY_API belfry_err belfry_emit_raw(belfry_target target, const char *event, const char *json,
                                      size_t size);

#ifdef __cplusplus
}
#endif

#include <belfry/socketio.h>

#endif
