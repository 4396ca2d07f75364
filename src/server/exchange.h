/*
 * exchange.h - an HTTP request whose answer comes later, perhaps from another worker.
 *
 *     static const struct exchange_handlers polling = { .owner = ..., .on_begin = ..., ... };
 *     err = exchange_route_add(server, "/socket.io/", &polling);
 *
 *   home: the worker of the connection          owner: the worker that answers
 *
 *   head complete ── owner() ──► exchange ────► on_begin
 *   body complete ────────────────────────────► on_body        (empty for a request without one)
 *   body too large ───────────────────────────► on_too_large   (instead of on_body)
 *   peer's end, or loss, before the answer ───► on_lost        (instead of on_body, or after it)
 *   answer written  ◄────────────────────────── exchange_reply or exchange_abort, once
 *
 * Nothing is told after the answer, which may come from inside any of these callbacks. Every
 * exchange must get one, at the latest some time after on_lost: it is what frees it.
 *
 * The connection waits: requests that are pipelined behind it stay unread. There is no deadline
 * for an answer; the body has body_timeout_ms (408; the owner hears on_lost). A body that is
 * malformed is answered 400 by the session (on_lost, too).
 *
 * An answer before the body is complete is sent at once; the rest of the body is read and thrown
 * away. After on_too_large the connection closes with the answer.
 *
 * While the server stops, owners are asked and told as ever; their answers close the connections. A
 * request for a worker that has stopped already is answered 503.
 *
 * Requests that upgrade have no exchange. They are handled by the owner as well: if it is another
 * worker, the connection moves there first, unread bytes and all, and owner() is asked again.
 *
 * Thread: callbacks and functions: the owner's, but for owner(), which is asked at home.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <belfry/belfry.h>

#include "base/buf.h"
#include "http/head.h"

struct exchange;
struct http_session;
struct route;
struct worker;

/* A route for everything that starts with its prefix, whatever the method; it goes before all
 * other routes. Neither origins nor CORS are looked at for it. */
struct exchange_handlers {
    /* Who answers @req? By its head alone; NULL: this worker. Asked once per request, and again
     * where an upgrade arrives, which must then say "here" (a second move is answered 500). */
    struct worker *(*owner)(struct worker *home, belfry_request *req, void *user);

    void (*on_begin)(struct exchange *x, void *user);
    void (*on_body)(struct exchange *x, belfry_bytes body, void *user); /* valid until the answer */
    void (*on_too_large)(struct exchange *x, void *user); /* above max_body_bytes: say 413 */
    void (*on_lost)(struct exchange *x, void *user);

    /* A request with the fields Upgrade and "Connection: upgrade" and without a body, of whatever
     * method and protocol; see upgrade.h. As a handler of belfry_http: it replies, or turns
     * req->conn into something else; set req->must_close to close behind the reply. Not called
     * when the worker is stopping: that is 503. */
    void (*upgrade)(belfry_request *req, void *user);

    void *user;
    uint64_t max_body_bytes;
};

/* @prefix: "/socket.io/" matches that path and all below, but not "/socket.io"; compared as sent,
 * undecoded. @handlers are copied. Before the server starts. Errors: INVALID, STATE, NOMEM. */
BELFRY_NODISCARD belfry_err exchange_route_add(belfry *server, const char *prefix,
                                               const struct exchange_handlers *handlers);

/* The parsed head, of memory of its own. Valid until the answer. */
const struct http_head *exchange_head(const struct exchange *x);

/* For belfry_request_header, _query, _address, _set_user and the like, until the answer. It can't
 * be replied to by belfry_reply (STATE); belfry_reply_header is as exchange_fields. */
belfry_request *exchange_request(struct exchange *x);

struct worker *exchange_owner(const struct exchange *x);

bool exchange_is_secure(const struct exchange *x); /* it came over TLS */

/* Where the owner keeps what belongs to it; NULL at first. */
void *exchange_data(const struct exchange *x);
void exchange_set_data(struct exchange *x, void *data);

/* Header fields of the coming answer: whole lines, as http_response_field writes them. Date,
 * Content-Length, Connection and X-Content-Type-Options: nosniff are added by themselves (so JSONP
 * must say text/javascript). */
struct buf *exchange_fields(struct exchange *x);

/*
 * Answers. HEAD, HTTP/1.0, "Connection: close" and a stopping server are respected. NULL
 * @content_type: without one. Without memory the connection is ended.
 * Owns: copies @body and @content_type; @x is gone after it.
 */
void exchange_reply(struct exchange *x, unsigned status, const char *content_type,
                    belfry_bytes body);

/* The same, and the connection closes behind it. */
void exchange_reply_last(struct exchange *x, unsigned status, const char *content_type,
                         belfry_bytes body);

/* Ends the connection without an answer. @x is gone after it. */
void exchange_abort(struct exchange *x);

/* --- for the relay (relay.h) ------------------------------------------------------------------*/

/* The head as it came. */
belfry_bytes exchange_head_bytes(const struct exchange *x);

/* What it waits for on another node; NULL: nothing. */
struct relay_out;
struct relay_out *exchange_relay(const struct exchange *x);
void exchange_set_relay(struct exchange *x, struct relay_out *out);

/* One whose client is at another node: its answer goes to @answered, at its home. */
struct exchange_answer {
    bool is_abort; /* none: the connection is to end */
    bool is_last;  /* the connection closes behind it */
    unsigned status;
    belfry_bytes body;
};

typedef void exchange_answered_fn(struct exchange *x, const struct exchange_answer *answer,
                                  void *user);

/* As exchange_new. Thread: @home's. */
struct exchange *exchange_new_far(struct worker *home, const struct route *route,
                                  struct worker *owner, const uint8_t *data,
                                  const struct http_head *head, belfry_bytes address,
                                  bool is_secure, exchange_answered_fn *answered, void *user);
bool exchange_is_far(const struct exchange *x);
/* Nobody wants its answer any more. */
void exchange_forget_far(struct exchange *x);

/* --- for the home's http_session -------------------------------------------------------------*/

/* The route that takes @head, if any. */
struct router;
const struct route *exchange_route_find(const struct router *router, const struct http_head *head);

/* An exchange of @h; @data are the bytes that @head's spans point into. NULL: no memory. */
struct exchange *exchange_new(struct http_session *h, const struct route *route,
                              struct worker *owner, const uint8_t *data,
                              const struct http_head *head);

/* These tell the owner, at once if it is this worker: then @x may be gone when they return, and
 * http_session_answer or conn_abort has been called. At most one of body and too_large. */
void exchange_tell_begin(struct exchange *x);
void exchange_tell_body(struct exchange *x, struct buf *body); /* Owns: takes the bytes */
void exchange_tell_too_large(struct exchange *x);
void exchange_tell_lost(struct exchange *x); /* twice is a no-op */

/* The session has gone, or has answered by itself: the owner hears on_lost, and its answer will be
 * thrown away. */
void exchange_leave(struct exchange *x);

#endif
