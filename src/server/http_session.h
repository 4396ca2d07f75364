/*
 * http_session.h - one HTTP/1.1 connection: heads, bodies, replies, pipelining, until it closes or
 * becomes a WebSocket.
 *
 *   HEAD --head complete--> BODY --body complete--> (handler) --> HEAD
 *     |                      |                        +--file--> SENDING --> HEAD
 *     |                      |                        +--exchange--> WAITING --answer--> HEAD
 *     |                      +--answered already--> SKIPPING --body complete--> HEAD
 *     +--upgrade--> ws_session, or a session of another worker
 */
#ifndef SERVER_HTTP_SESSION_H
#define SERVER_HTTP_SESSION_H

#include "http/body.h"
#include "server/conn.h"
#include "server/exchange.h"
#include "server/request.h"

enum http_session_state {
    HTTP_IN_HEAD,
    HTTP_IN_BODY,
    HTTP_SENDING,
    HTTP_WAITING,  /* for the answer of an exchange; no input is taken */
    HTTP_SKIPPING, /* the rest of a body, whose request is answered */
};

struct http_session {
    struct conn conn;
    struct http_session *next; /* of the worker's */
    struct http_session **link;
    struct http_head_parser parser;
    struct buf head; /* an incomplete head, or that of the request whose body is coming */
    struct http_body body;
    struct buf body_bytes;
    struct exchange *exchange; /* since its head was complete, until it is answered */
    struct worker *move_to;    /* it is to be given away, with the head that is kept */
    int file_fd;               /* being sent; -1: none */
    uint64_t file_left;
    uint64_t send_deadline_ms;
    uint8_t state;
    bool must_close; /* with the file's end, or the answer */
    bool is_ops;     /* the internal listener: operations only */
    bool is_served;  /* at least one request was answered */
    bool has_moved;  /* it came from another worker */
};

/* Errors: NOMEM. */
BELFRY_NODISCARD belfry_err http_session_start(struct worker *worker,
                                               void (*setup)(struct stream *s, struct loop *loop,
                                                             void *arg),
                                               void *arg, bool is_ops);

/* Ends it soon: now if it is idle, else with its reply. */
void http_session_stop(struct http_session *h);

/* Sends @size bytes of @fd behind the head just written. Owns: takes @fd. */
void http_session_send_file(struct http_session *h, int fd, uint64_t size);

/* For exchange.c: the answer to h->exchange has come. @req has its fields and must_close; the body
 * is @shared (Owns: taken), or @body if that is NULL. */
void http_session_answer(struct http_session *h, belfry_request *req, unsigned status,
                         belfry_bytes body, struct frame *shared);
/* There will be none: the connection is ended. */
void http_session_abandon(struct http_session *h);

static inline struct http_session *http_of_conn(struct conn *c)
{
    return BELFRY_CONTAINER_OF(c, struct http_session, conn);
}

/* Answers a request (dispatch.c): routes, assets, files, errors; may turn it into a WebSocket. */
void dispatch_request(struct http_session *h, belfry_request *req);

/* The upgrade of a request that matched a WebSocket route (upgrade.c). */
void upgrade_request(belfry_request *req);

/* Files of static_dir and assets (files.c). False: there is none, nothing was written. */
bool files_reply(struct http_session *h, belfry_request *req);

#endif
