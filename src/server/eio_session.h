/*
 * eio_session.h - one Engine.IO session: a conversation that outlives the requests that carry it.
 *
 *   polling:    packets wait in conn.out until a poll takes them; there is no stream
 *   websocket:  conn has the stream, as any other connection
 *
 *        exchange (GET) --+                          +--> sio_client: packets
 *        exchange (POST) -+--> eio_session (state) --+
 *        eio_probe -------+        |
 *            | packet 5            +--> conn.out: WebSocket frames, in both
 *            v
 *        the session's own conn
 *
 * What waits is kept as WebSocket frames whatever the transport, so that members on either share
 * them, and an upgrade hands the queue over as it is. A poll unwraps them.
 *
 * The rules are src/engineio's, in @state; here is what is done about them.
 *
 * Thread: the worker's.
 */
#ifndef SERVER_EIO_SESSION_H
#define SERVER_EIO_SESSION_H

#include "engineio/handshake.h"
#include "engineio/query.h"
#include "engineio/state.h"
#include "server/eio_endpoint.h"
#include "server/exchange.h"
#include "server/sio_sock.h"
#include "socketio/decoder.h"
#include "ws/decoder.h"

struct eio_probe;
struct eio_held;

/* The first HTTP request, for those who ask later: url, address and headers, as text. */
struct eio_request {
    uint64_t issued_ms; /* since 1970 */
    uint32_t size;
    char text[]; /* url, address, then name and value of each header; each ends with a NUL */
};

struct eio_session {
    struct conn conn;
    struct sio_sock first; /* beside conn, since deliveries touch both; most have no other */
    struct ws_decoder decoder;
    struct eio_state state;
    struct sio_decoder packets;
    struct eio_endpoint *endpoint;
    struct sio_sock *socks; /* connected or connecting */
    struct eio_request *request;
    char *user;            /* as `allow` named whoever comes, or NULL */
    struct exchange *poll; /* waits for packets */
    struct exchange *post; /* its body is coming, or is held */
    struct eio_held *held; /* the rest of a body whose answers wait for a poll; mostly NULL */
    struct eio_probe *probe;
    struct map_node by_sid;
    struct eio_session *next; /* of the worker's */
    struct eio_session **link;
    uint64_t connect_deadline_ms; /* UINT64_MAX once a namespace was joined */
    const char *reason;           /* of the end, where it is not Engine.IO's own */
    char sid[EIO_SID_SIZE];
    uint16_t sock_count;
    bool is_first_used : 1; /* @first is somebody's */
    bool wants_base64 : 1;
    bool has_ended : 1;
    bool is_shutdown : 1; /* the server stops: tell a WebSocket so */
    bool is_slow : 1;     /* more waited than may */
    bool is_broken : 1;   /* out of memory for a packet: ends with the next timer */
    uint16_t close_code;  /* of a WebSocket that failed; 0: none */
};

static inline struct eio_session *eio_of_conn(struct conn *c)
{
    return BELFRY_CONTAINER_OF(c, struct eio_session, conn);
}

static inline belfry_bytes eio_sid(const struct eio_session *s)
{
    return bytes_of(s->sid, EIO_SID_SIZE);
}

struct eio_wish {
    struct eio_endpoint *endpoint;
    const struct eio_query *query;
    belfry_request *request;
    enum eio_via via;
};

/* A session with an id, without a transport yet. NULL: no memory, or no more connections. */
struct eio_session *eio_session_new(struct worker *worker, const struct eio_wish *wish);

/* It came to nothing, before it was opened: nobody has heard of it. */
void eio_session_discard(struct eio_session *s);

/* Of a polling handshake: its heart beats from now on; with revision 3 it joins "/". */
void eio_session_open_polling(struct eio_session *s);

/* Of a WebSocket handshake: takes the connection @from over, answers with @response and the open
 * packet. Errors: NOMEM; the session is gone then. */
BELFRY_NODISCARD belfry_err eio_session_open_websocket(struct eio_session *s, struct conn *from,
                                                       belfry_bytes response,
                                                       struct ws_deflate_params deflate);

/* "192.0.2.1:4711" into @out of STREAM_ADDRESS_SIZE bytes: of its WebSocket, or of the request that
 * it began with. */
void eio_session_address(const struct eio_session *s, char *out);

/* The session called @sid of @worker, or NULL. */
struct eio_session *eio_session_find(struct worker *worker, belfry_bytes sid);

/* The worker that a session of this id belongs to; NULL: none. */
struct worker *eio_session_owner(struct belfry *server, belfry_bytes sid);

struct eio_timing eio_timing_of(const struct eio_session *s);
enum eio_output eio_output_of(const struct eio_session *s);

/* Appends the open packet. */
void eio_session_put_open(const struct eio_session *s, struct buf *out);

/* --- what happens ------------------------------------------------------------------------------*/

/* A packet came; false: nothing more may be handed over, the session has ended or is ending. */
bool eio_session_packet(struct eio_session *s, enum eio_via via, const struct eio_packet *packet);

/* Looks at the state's deadline again; after anything that changed it. */
void eio_session_set_timer(struct eio_session *s);

/* Ends with @cause, at once. */
void eio_session_end(struct eio_session *s, enum eio_cause cause);

/* The same with a reason of Socket.IO's own ("server shutting down"). */
void eio_session_end_for(struct eio_session *s, enum eio_cause cause, const char *reason);

/* Closes from this side: what waits is delivered first. */
void eio_session_close(struct eio_session *s);

/* A state said CLOSE: what follows of it. */
void eio_session_finish(struct eio_session *s);

/* It does not keep up. */
void eio_session_end_slow(struct eio_session *s);

/* Keeps of the first request no more than where it came from. */
void eio_session_forget_request(struct eio_session *s);

/* The server stops. */
void eio_session_stop(struct eio_session *s);

/* Ends without ceremony, now. */
void eio_session_abort(struct eio_session *s);

/* --- saying (eio_send.c) -----------------------------------------------------------------------*/

/* Writes one WebSocket frame, whatever is in it. */
void eio_send_frame(struct eio_session *s, unsigned opcode, belfry_bytes payload);

/* The form of shared messages that this session gets; see encode.h. */
unsigned eio_session_form(const struct eio_session *s);

/* Bytes in front of a text that are the sender's: for the frame's header, and the 4. */
#define EIO_TEXT_ROOM 11

/* Sends one Engine.IO message, copied. @text begins with EIO_TEXT_ROOM bytes that are written over,
 * and has none of the leading 4. */
void eio_send_text(struct eio_session *s, struct buf *text, bool may_compress);
void eio_send_binary(struct eio_session *s, belfry_bytes bytes, bool may_compress);

/* Sends a packet without data or with a few letters, as text: "2", "3probe". */
void eio_send_packet(struct eio_session *s, const char *text);

/* --- polling (eio_polling.c) ------------------------------------------------------------------ */

extern const struct session_ops eio_polling_ops;

/* Of session_ops, for both transports. */
void eio_session_on_timer(struct conn *c, uint64_t now_ms);
void eio_session_on_lost(struct conn *c);
void eio_session_free(struct conn *c);

/* Answers the pending poll with what waits, or with the farewell. */
void eio_poll_flush(struct conn *c);
void eio_poll_noop(struct eio_session *s);
void eio_poll_close(struct eio_session *s);
void eio_poll_farewell(struct eio_session *s);

/* Answers @x with a payload; without memory its connection ends, and the session with it. */
void eio_polling_reply(struct eio_session *s, struct exchange *x, enum eio_form form,
                       const struct buf *body);

/* What a request of this session wants. */
void eio_polling_get(struct eio_session *s, struct exchange *x);
void eio_polling_post_begin(struct eio_session *s, struct exchange *x);
void eio_polling_post_body(struct eio_session *s, struct exchange *x, belfry_bytes body);
void eio_polling_post_too_large(struct eio_session *s, struct exchange *x);
void eio_polling_lost(struct eio_session *s, struct exchange *x);

/* Forgets a body that is held. */
void eio_polling_drop_held(struct eio_session *s);

/* Goes on with a body that is held, if it may by now. */
void eio_polling_resume(struct eio_session *s);

/* --- websocket (eio_websocket.c) -------------------------------------------------------------- */

extern const struct session_ops eio_websocket_ops;

/* A WebSocket that wants to become the session's transport; @s NULL or unwilling: it is closed at
 * once. Errors: NOMEM; @from is as before. */
BELFRY_NODISCARD belfry_err eio_probe_start(struct eio_session *s, struct conn *from,
                                            belfry_bytes response,
                                            struct ws_deflate_params deflate);
void eio_probe_drop(struct eio_session *s);
void eio_probe_pong(struct eio_session *s);

/* The probe becomes the transport. */
void eio_probe_upgrade(struct eio_session *s);

/* Ends the session's WebSocket: a close frame behind what waits. */
void eio_websocket_finish(struct eio_session *s);

#endif
