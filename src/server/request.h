/*
 * request.h - belfry_request: one HTTP request on its way through a handler to its reply.
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <belfry/belfry.h>

#include "base/buf.h"
#include "http/head.h"
#include "http/response.h"
#include "server/conn.h"
#include "server/router.h"

/* Strings that handlers asked for: NUL-terminated copies that live as long as the request. */
struct request_text {
    struct request_text *next;
    char text[];
};

struct belfry_request {
    struct conn *conn; /* NULL: of an exchange, which answers otherwise */
    const struct http_head *head;
    const struct route *route;
    belfry_bytes body;
    struct buf fields; /* of the coming reply: whole lines */
    struct request_text *texts;
    char *user;                        /* belfry_request_set_user */
    struct buf rooms;                  /* of belfry_bytes: belfry_request_join */
    char address[STREAM_ADDRESS_SIZE]; /* without a conn, set from the beginning */
    bool is_secure;                    /* it came over TLS */
    bool is_replied;
    bool must_close; /* the connection ends with the reply */
};

/* Writes the reply's head and, unless it has none, @body. */
void request_reply(belfry_request *req, unsigned status, const char *content_type,
                   belfry_bytes body);

/* The same with a shared body. Owns: takes @body. */
void request_reply_frame(belfry_request *req, unsigned status, struct frame *body);

/* The head alone, for a body of @size bytes that follows by other means; false: no body may. */
bool request_reply_head(belfry_request *req, unsigned status, const char *content_type,
                        uint64_t size);

/* Did it come over TLS? */
static inline bool request_is_secure(const belfry_request *req)
{
    return req->conn != NULL ? req->conn->stream.ops->is_secure : req->is_secure;
}

/* Replaces @out by a segment of a path, decoded. Errors: INVALID (bad percent sequence, NUL, not
 * UTF-8), NOMEM. */
BELFRY_NODISCARD belfry_err request_decode_segment(belfry_bytes segment, struct buf *out);

/* "404 Not Found: why" as text. */
void request_reply_error(belfry_request *req, unsigned status, const char *why);

void request_deinit(belfry_request *req);

#endif
