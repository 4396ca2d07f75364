/**
 * belfry/socketio.h - Socket.IO: namespaces, events, acks, and who is reached by them.
 *
 *     static void on_message(belfry_sock *sock, belfry_msg *msg, void *user)
 *     {
 *         const char *room, *text;
 *         (void)user;
 *         if (belfry_args(msg, "{s:s, s:s}", "roomId", &room, "text", &text) == BELFRY_OK)
 *             belfry_emit(belfry_to(sock, room), "new-message", "{s:s}", "text", text);
 *     }
 *     ...
 *     belfry_on(belfry_of(server, "/"), "send-message", on_message, NULL);
 *
 * Clients are those of Socket.IO 3 and 4 (Engine.IO 4, protocol 5), and of Socket.IO 2 where the
 * option allow_eio3 is on. As soon as a namespace has a handler, the server answers at
 * "/socket.io/"; belfry_socketio chooses another path or hooks into the handshake.
 *
 * Handlers belong to a namespace, not to a socket: they are added before the server starts, and a
 * connection costs no memory for them. The rules of belfry.h hold: pointers live until the callback
 * returns, ids for ever. Members of plain WebSocket routes are in the rooms of namespace "/" too.
 */
#ifndef BELFRY_SOCKETIO_H
#define BELFRY_SOCKETIO_H

#include <belfry/belfry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belfry_msg belfry_msg; /* one event or reply, as it came; lives in callbacks */

typedef void (*belfry_handler)(belfry_sock *sock, belfry_msg *msg, void *user);

/* --- namespaces ----------------------------------------------------------------------------- */

/**
 * Makes namespaces as clients ask for them: those whose name matches the POSIX extended regular
 * expression @pattern ("^/room-[0-9]+$"). Handlers and middlewares added to the result are those
 * of all that are made, also of one that belfry_of attaches because its name matches; an emit to it
 * reaches all of them. At most max_namespaces can be made; one that nobody is in, nobody may come
 * back to and the application has not asked for by belfry_of makes room for another name.
 * Errors: NULL for a malformed @pattern, after the start, or without memory. Owns: the server.
 */
BELFRY_API belfry_nsp *belfry_of_pattern(belfry *server, const char *pattern);

/** The same, asking @accepts (on the worker of the client; must be thread-safe): true makes it. */
BELFRY_API belfry_nsp *belfry_of_match(belfry *server,
                                       bool (*accepts)(const char *name, void *user), void *user);

/** The name of @nsp, "/" or "/admin". Owns: @nsp. */
BELFRY_API const char *belfry_nsp_name(const belfry_nsp *nsp);

/** The namespace that @sock is in. One that a client's wish has made is to be used while a socket
 * is in it; whoever wants it for longer asks for it by belfry_of or hears of it by
 * belfry_on_namespace, and has it for good. */
BELFRY_API belfry_nsp *belfry_sock_nsp(const belfry_sock *sock);

/** Calls @fn for each namespace that a client's wish has made, on the worker of that client, before
 * its middlewares; of different workers at the same time. What @fn has heard of stays for good: it
 * does not make room for others. Errors: STATE (started). */
BELFRY_API belfry_err belfry_on_namespace(belfry *server, void (*fn)(belfry_nsp *nsp, void *user),
                                          void *user);

/** How many sockets are in @nsp, on all workers; plain WebSockets count for "/". Nobody is in a
 * parent itself: 0. Thread: any. */
BELFRY_API uint32_t belfry_nsp_members(belfry_nsp *nsp);

/** Calls @visit for every room of @nsp that has members, in no order. Thread: any. @visit must not
 * call into the server. */
BELFRY_API void belfry_nsp_each_room(belfry_nsp *nsp,
                                     void (*visit)(const char *room, uint32_t members, void *user),
                                     void *user);

/* --- hearing -------------------------------------------------------------------------------- */

/**
 * Calls @handler for each event of @nsp's clients that is called @event. More than one may be
 * added; they are called in order. These names mean what happens to a socket, and clients cannot
 * send them or cause them:
 *
 *   "connection" ("connect")  it is connected: middlewares have passed, its client knows
 *   "disconnecting"           it is going; still in its rooms. Arguments: reason, description
 *   "disconnect"              it is gone and in no room. The last callback. Arguments: the same
 *
 * Reasons are those of Socket.IO ("transport close", "ping timeout", ...; docs/socketio.md).
 * "error" is called with the message of an event that a middleware of belfry_use_event refused; as
 * in the reference a client's own event of that name reaches its handlers too.
 * The names connect_error, newListener and removeListener are INVALID.
 * Errors: INVALID, STATE (the server has started), NOMEM.
 */
BELFRY_API belfry_err belfry_on(belfry_nsp *nsp, const char *event, belfry_handler handler,
                                void *user);

/** Calls @handler for every event, before middlewares and the handlers of belfry_on. */
BELFRY_API belfry_err belfry_on_any(belfry_nsp *nsp, belfry_handler handler, void *user);

/** The event's name; a numeric one as its digits. Owns: @msg. */
BELFRY_API const char *belfry_msg_event(belfry_msg *msg);

/**
 * Reads the arguments of @msg as jansson's json_unpack does: "s" is a string as the first argument,
 * "{s:s}" an object with a string, "si" a string and an integer behind it. More arguments than
 * that are no error. Strings and objects live as long as @msg. A message with NUL (\u0000) in any
 * string of its arguments is refused as a whole, so no string that is read ends early.
 * Errors: INVALID (belfry_why: what was expected, and where), NOMEM.
 */
BELFRY_API belfry_err belfry_args(belfry_msg *msg, const char *format, ...);

/** All arguments as an array. Owns: @msg. NULL: no memory, or JSON that jansson cannot hold: NUL in
 * a string, or a number like 1e400; belfry_msg_raw has it still. */
BELFRY_API json_t *belfry_msg_json(belfry_msg *msg);

/** All arguments as they came: JSON texts with commas between them, never parsed. */
BELFRY_API belfry_bytes belfry_msg_raw(const belfry_msg *msg);

/** Binary arguments. In the JSON each has {"_placeholder":true,"num":N} in its place; the same one
 * may stand in several places. */
BELFRY_API unsigned belfry_attachment_count(const belfry_msg *msg);
BELFRY_API belfry_bytes belfry_attachment(const belfry_msg *msg, unsigned index);

/* --- answering ------------------------------------------------------------------------------ */

/** Does the sender wait for an answer? */
BELFRY_API bool belfry_wants_ack(const belfry_msg *msg);

/**
 * Answers @msg, once. @format packs arguments as in belfry_emit; NULL: none.
 * Errors: STATE (answered already), INVALID (the format), GONE, NOMEM. Nobody asked: OK, nothing
 * is sent.
 */
BELFRY_API belfry_err belfry_ack(belfry_msg *msg, const char *format, ...);

/** The same with JSON text: arguments with commas between them; it is checked, not rewritten. */
BELFRY_API belfry_err belfry_ack_raw(belfry_msg *msg, const char *json, size_t size);

/** The same with binary parts, as belfry_emit_bin. */
BELFRY_API belfry_err belfry_ack_bin(belfry_msg *msg, const char *json, const belfry_bytes *parts,
                                     unsigned count);

/** An answer that will come later; a value, to be kept as long as one likes. */
typedef struct belfry_ack_ref {
    belfry_id sock;
    uint64_t id;
    bool is_wanted; /* false: nobody asked */
} belfry_ack_ref;

BELFRY_API belfry_ack_ref belfry_ack_later(belfry_msg *msg);

/** Gives the answer. Nothing counts how often: clients hear the first one. OK means accepted: one
 * that is gone by then never sees it. Thread: any. Errors: GONE, INVALID, NOMEM, AGAIN. */
BELFRY_API belfry_err belfry_ack_id(belfry *server, belfry_ack_ref ref, const char *format, ...);

/* --- saying: beside belfry_emit, belfry_emit_json and belfry_emit_raw in belfry.h ------------ */

/**
 * Emits an event with binary parts. @json: the arguments, comma between them, in which
 * {"_placeholder":true,"num":N} stands for part N; NULL: each part is an argument.
 * Members on plain WebSocket get {"base64":"..."} in their places. At most 255 parts.
 * Errors: as belfry_emit.
 */
BELFRY_API belfry_err belfry_emit_bin(belfry_target target, const char *event, const char *json,
                                      const belfry_bytes *parts, unsigned count);

/** Passes on what @msg holds, as it came, as event @event. Nothing is parsed. */
BELFRY_API belfry_err belfry_forward(belfry_target target, const char *event,
                                     const belfry_msg *msg);

/** As belfry_emit, to one socket, from any thread. Errors: GONE, INVALID, NOMEM, AGAIN. */
BELFRY_API belfry_err belfry_emit_id(belfry *server, belfry_id id, const char *event,
                                     const char *format, ...);

/** Without compression over WebSocket (permessage-deflate). */
BELFRY_API belfry_target belfry_uncompressed(belfry_target target);

/** How long belfry_call waits, where it is given 0. BELFRY_OFF: till all have answered or gone. */
BELFRY_API belfry_target belfry_timeout(belfry_target target, uint32_t timeout_ms);

/**
 * What came of a belfry_call: BELFRY_OK when all have answered, TIMEOUT when some have not, GONE
 * when all have but those that are gone, or the server stops; PARTIAL when other servers of the
 * cluster could not be asked, or were lost meanwhile. @replies: what came, in the order of
 * coming; they live until it returns. @expected: how many were asked, as far as all workers have
 * told by then (a short TIMEOUT or a stop may come before that).
 */
typedef void (*belfry_reply_handler)(belfry_err err, belfry_msg *const *replies, unsigned count,
                                     unsigned expected, void *user);

/**
 * Emits an event that asks for an answer, to one socket (belfry_only) or to a whole room, and calls
 * @on_reply (not NULL) once: when all have answered, or after @timeout_ms (0: that of the target,
 * else 5 s). Plain WebSocket members are not asked; of one alone (belfry_only) that is INVALID.
 * Thread: any; @on_reply runs on the calling worker, or on one of them, and may have run when this
 * returns (nobody is there to answer). Errors: as belfry_emit; then @on_reply is not called. From a
 * foreign thread what goes wrong later is told to @on_reply.
 */
BELFRY_API belfry_err belfry_call(belfry_target target, uint32_t timeout_ms,
                                  belfry_reply_handler on_reply, void *user, const char *event,
                                  const char *format, ...);

/** The same with JSON text: arguments with commas between them. */
BELFRY_API belfry_err belfry_call_raw(belfry_target target, uint32_t timeout_ms,
                                      belfry_reply_handler on_reply, void *user, const char *event,
                                      const char *json, size_t size);

/* --- who may connect ------------------------------------------------------------------------ */

/** What a middleware returns to answer later, by belfry_accept or belfry_reject. */
#define BELFRY_LATER ((belfry_err)1)

/** Returns BELFRY_OK to go on, BELFRY_LATER, or what belfry_refuse returned. */
typedef belfry_err (*belfry_middleware)(belfry_sock *sock, belfry_msg *msg, void *user);

/** Asks @middleware, in the order of adding, before a socket of @nsp is connected. Its message has
 * one argument: what the client gave as `auth` (an object). Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_use(belfry_nsp *nsp, belfry_middleware middleware, void *user);

/** Asks @middleware before each event is handled. Not BELFRY_OK: the event goes no further and
 * handlers of "error" are called; the client is told nothing. */
BELFRY_API belfry_err belfry_use_event(belfry_nsp *nsp, belfry_middleware middleware, void *user);

/** Refuses @sock: its client hears connect_error with @message and, unless @format is NULL, data
 * packed by it (several values are an array). The connection stays: the client may ask again. For
 * `return belfry_refuse(...)`; called twice, the last counts. Never OK: STATE, or INVALID or NOMEM
 * for the data, without which it is refused then. */
BELFRY_API belfry_err belfry_refuse(belfry_sock *sock, const char *message, const char *format,
                                    ...);

/** Goes on with a socket whose middleware said BELFRY_LATER: the next middleware is asked. For one
 * that does not wait, or is gone by then, nothing happens. Thread: any. Errors: GONE, AGAIN,
 * NOMEM. */
BELFRY_API belfry_err belfry_accept(belfry *server, belfry_id id);

/** The other answer; data as in belfry_refuse. Thread: any. Errors: GONE, AGAIN, NOMEM, INVALID
 * (the format; then the socket waits on). */
BELFRY_API belfry_err belfry_reject(belfry *server, belfry_id id, const char *message,
                                    const char *format, ...);

/* --- a socket ------------------------------------------------------------------------------- */

/** Who asked for what, in the first HTTP request of its connection. NULL: no such thing. */
BELFRY_API const char *belfry_sock_header(belfry_sock *sock, const char *name);
BELFRY_API const char *belfry_sock_query(belfry_sock *sock, const char *name);
BELFRY_API const char *belfry_sock_url(belfry_sock *sock);  /* path and query, as sent */
BELFRY_API const char *belfry_sock_auth(belfry_sock *sock); /* JSON, "{}" if there is none */
BELFRY_API uint64_t belfry_sock_issued_ms(const belfry_sock *sock); /* since 1970 */
BELFRY_API bool belfry_sock_is_secure(const belfry_sock *sock);     /* TLS */
/** "polling" or "websocket", as it is now. */
BELFRY_API const char *belfry_sock_transport(const belfry_sock *sock);
/** Came back with everything it missed; see belfry_recover. */
BELFRY_API bool belfry_sock_is_recovered(const belfry_sock *sock);

/** What a disconnection ends. */
typedef enum belfry_extent {
    BELFRY_THIS_NAMESPACE,  /* the connection stays open for others */
    BELFRY_WHOLE_CONNECTION /* every namespace, then the connection */
} belfry_extent;

/** Disconnects @sock; what was emitted before still arrives. Its client does not reconnect by
 * itself. Reason: "server namespace disconnect". Its last callbacks run before this returns; twice
 * is a no-op. Of a plain WebSocket: belfry_close with 1000. */
BELFRY_API void belfry_disconnect(belfry_sock *sock, belfry_extent extent);

/** The same from any thread. Errors: GONE, AGAIN, NOMEM. */
BELFRY_API belfry_err belfry_disconnect_id(belfry *server, belfry_id id, belfry_extent extent);

/** Joins up to 64 rooms. All or none. Errors: as belfry_join. */
BELFRY_API belfry_err belfry_join_many(belfry_sock *sock, const char *const *rooms, unsigned count);

/** Is called with belfry_data of each Socket.IO socket of @nsp after its last callback, once; also
 * of one that was refused. One that may come back keeps its data: `expired` of belfry_recovery
 * comes before it then. Errors: STATE. */
BELFRY_API belfry_err belfry_free_data(belfry_nsp *nsp, void (*free_data)(void *data));

/* --- many sockets --------------------------------------------------------------------------- */

/** Makes all that an emit to @target would reach join or leave @room, in the order of emits: what
 * is said behind it on the same thread finds all sockets where it puts them, on other servers too;
 * what was said before does not. Those of the calling worker are there when it returns. One that
 * is in max_rooms_per_socket rooms stays where it is. Thread: any. Errors: LIMIT (max_rooms),
 * INVALID, STATE (a parent), NOMEM; AGAIN, from a thread that is no worker, when max_inbox
 * messages wait. */
BELFRY_API belfry_err belfry_sockets_join(belfry_target target, const char *room);
BELFRY_API belfry_err belfry_sockets_leave(belfry_target target, const char *room);

/** Disconnects all that an emit to @target would reach. */
BELFRY_API belfry_err belfry_disconnect_sockets(belfry_target target, belfry_extent extent);

/** One socket, as belfry_fetch_sockets tells of it. */
typedef struct belfry_peer {
    belfry_id id; /* 0: on another server of the cluster */
    const char *id_text;
    const char *user; /* NULL: not named */
    const char *const *rooms;
    unsigned room_count;
    const void *data; /* a copy of its belfry_data, NULL if there is none */
    const char *url;  /* of its handshake */
    const char *address;
    uint64_t issued_ms;
    const char *shared;    /* JSON: its belfry_share, or a Node.js server's socket.data; "{}" */
    const char *handshake; /* JSON: as the reference tells of it */
} belfry_peer;

typedef void (*belfry_peers_handler)(belfry_err err, const belfry_peer *peers, unsigned count,
                                     void *user);

/** Calls @on_peers (not NULL) with all that an emit to @target would reach, on all servers of the
 * cluster, once: OK; PARTIAL: without those of servers that could not be asked or did not answer
 * in time (belfry_timeout, else cluster_timeout_ms); NOMEM with those that could be told. Thread:
 * any; @on_peers runs as on_reply of belfry_call. */
BELFRY_API belfry_err belfry_fetch_sockets(belfry_target target, belfry_peers_handler on_peers,
                                           void *user);

/** What other servers of the cluster are told of @sock beside its handshake: socket.data of the
 * reference, one JSON value. Errors: INVALID, NOMEM. */
BELFRY_API belfry_err belfry_share(belfry_sock *sock, const char *format, ...);
BELFRY_API belfry_err belfry_share_raw(belfry_sock *sock, const char *json, size_t size);

/* --- the servers of a cluster (option cluster) ------------------------------------------------
 *
 * Emits, calls, belfry_sockets_join and their like reach the sockets of all servers, unless the
 * target is belfry_local. What follows is between the servers themselves; others may be Node.js
 * servers with the adapter of the same name (docs/cluster.md).
 */

/** Hears @msg that another server has said to all (serverSideEmit). belfry_args reads it,
 * belfry_ack answers, before the handler returns, if that one wants an answer; the first argument
 * counts. Runs on a worker of this server. */
typedef void (*belfry_server_handler)(belfry_nsp *nsp, belfry_msg *msg, void *user);

/** Adds a handler for @event of other servers, before the start. Errors: STATE, INVALID, NOMEM. */
BELFRY_API belfry_err belfry_on_server(belfry_nsp *nsp, const char *event,
                                       belfry_server_handler handler, void *user);

/** Says @event to all other servers, not to this one; nobody hears it without a cluster. Thread:
 * any. Errors: INVALID, STATE (a parent), NOMEM. */
BELFRY_API belfry_err belfry_server_emit(belfry_nsp *nsp, const char *event, const char *format,
                                         ...);
BELFRY_API belfry_err belfry_server_emit_raw(belfry_nsp *nsp, const char *event, const char *json,
                                             size_t size);

/**
 * The same, and asks each for an answer: @on_reply (not NULL) is called once, with one reply of a
 * server; OK: all have answered; PARTIAL: not all, within @timeout_ms (0: cluster_timeout_ms).
 * Thread: any; @on_reply runs on the calling worker, or on one of them. Errors: as above; then it
 * is not called.
 */
BELFRY_API belfry_err belfry_server_call(belfry_nsp *nsp, uint32_t timeout_ms,
                                         belfry_reply_handler on_reply, void *user,
                                         const char *event, const char *format, ...);
BELFRY_API belfry_err belfry_server_call_raw(belfry_nsp *nsp, uint32_t timeout_ms,
                                             belfry_reply_handler on_reply, void *user,
                                             const char *event, const char *json, size_t size);

/** How many servers have @nsp, this one included: OK; PARTIAL: not known, @count is 1. Thread: any;
 * @on_count runs on the calling worker, or on one of them. Errors: INVALID, NOMEM. */
typedef void (*belfry_count_handler)(belfry_err err, unsigned count, void *user);
BELFRY_API belfry_err belfry_server_count(belfry_nsp *nsp, belfry_count_handler on_count,
                                          void *user);

/* --- connection state recovery --------------------------------------------------------------- */

/** How the clients of a namespace may come back. */
typedef struct belfry_recovery {
    uint32_t max_disconnection_ms; /* 0: 120000 */
    bool runs_middlewares;         /* also for those that come back: skipMiddlewares false */
    /** A socket will not come back: its window is over, or its return was refused. @id_text is its
     * public id, @data its belfry_data, freed after this. Runs on a worker, not always that of the
     * socket, or in belfry_free. May be NULL. */
    void (*expired)(belfry_nsp *nsp, const char *id_text, void *data, void *user);
    void *user;
} belfry_recovery;

/**
 * Lets clients of @nsp that lost their connection come back with their id, rooms and data, and
 * hear what they missed. As in the reference every event gets a last argument, the offset, that
 * handlers of the clients see. What can be missed is bounded by history_ms and log_bytes.
 * Middlewares that judge those who come back (runs_middlewares) do so before the socket has its
 * data; what they join is joined beside the rooms that it had. When the server is freed, `expired`
 * is called for all who could still have come back.
 * Of a parent (belfry_of_pattern) it holds for all that are made. @how may be NULL.
 * Errors: STATE, NOMEM.
 */
BELFRY_API belfry_err belfry_recover(belfry_nsp *nsp, const belfry_recovery *how);

/* --- the endpoint ----------------------------------------------------------------------------- */

/** How packets are written. */
typedef enum belfry_parser { BELFRY_PARSER_DEFAULT, BELFRY_PARSER_MSGPACK } belfry_parser;

/** Why a handshake or a request was refused (Engine.IO's connection_error). */
typedef struct belfry_connection_error {
    unsigned code; /* 0 to 5, as in the answer */
    const char *message;
    /** A name for what was wrong, "TRANSPORT_MISMATCH", or what was asked for: the transport (0) or
     * the sid (1) as the client sent it, cut to 127 bytes. "": the code says it all. */
    const char *context;
} belfry_connection_error;

/** Hooks of an endpoint; all may be NULL. Thread: the worker of the client. */
typedef struct belfry_socketio_hooks {
    /** Before a handshake: return NULL to accept, or what to tell who is refused ("" is
     * "Forbidden"): 403, or 400 for a WebSocket. belfry_reply_header adds to the answer. */
    const char *(*allow)(belfry_request *req, void *user);
    void (*connection_error)(belfry_request *req, const belfry_connection_error *error, void *user);
    void *user;
    belfry_parser parser;
} belfry_socketio_hooks;

/** Serves Socket.IO at @path ("/socket.io/", with a slash at the end, which may be left out here);
 * may be called for several paths. Without it the path is "/socket.io/", as soon as a namespace has
 * a handler. @hooks is copied, may be NULL.
 * Errors: INVALID, STATE, NOMEM. */
BELFRY_API belfry_err belfry_socketio(belfry *server, const char *path,
                                      const belfry_socketio_hooks *hooks);

/** Adds the default application to @nsp: the events of docs/rooms.md, so that Socket.IO clients and
 * those of belfry_rooms meet in the same rooms. Errors: as belfry_on. */
BELFRY_API belfry_err belfry_rooms_io(belfry_nsp *nsp);

#ifdef __cplusplus
}
#endif

#endif
