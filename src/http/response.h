/*
 * http/response.h - writes responses into a buffer.
 *
 *     struct http_reply reply = http_reply_to(&head, 200, date);
 *     http_response_simple(&out, &reply, "text/plain", BELFRY_BYTES("hello\n"));
 *
 * or, with fields of one's own:
 *
 *     http_response_begin(&out, &reply);                      status line, Date
 *     http_response_field(&out, "ETag", etag);                any number
 *     http_response_end(&out, &reply, body.size);             Connection, Content-Length, blank
 * line if (http_response_has_body(&reply)) buf_put_bytes(&out, body);
 *
 * Writers are sticky: ask buf_failed() once at the end. What a request or an application supplies
 * can never split a response: fields with a bad name or value are left out.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/buf.h"
#include "http/head.h"

/* clang-format off */
#define HTTP_STATUSES(X)                                                                           \
    X(100, "Continue")              X(101, "Switching Protocols")                                  \
    X(200, "OK")                    X(201, "Created")               X(202, "Accepted")             \
    X(204, "No Content")            X(301, "Moved Permanently")     X(302, "Found")                \
    X(303, "See Other")             X(304, "Not Modified")          X(307, "Temporary Redirect")   \
    X(308, "Permanent Redirect")    X(400, "Bad Request")           X(401, "Unauthorized")         \
    X(403, "Forbidden")             X(404, "Not Found")             X(405, "Method Not Allowed")   \
    X(406, "Not Acceptable")        X(408, "Request Timeout")       X(409, "Conflict")             \
    X(410, "Gone")                  X(411, "Length Required")       X(412, "Precondition Failed")  \
    X(413, "Content Too Large")     X(414, "URI Too Long")                                         \
    X(415, "Unsupported Media Type") X(417, "Expectation Failed")                                  \
    X(422, "Unprocessable Content") X(426, "Upgrade Required")      X(429, "Too Many Requests")    \
    X(431, "Request Header Fields Too Large")                                                      \
    X(500, "Internal Server Error") X(501, "Not Implemented")       X(502, "Bad Gateway")          \
    X(503, "Service Unavailable")   X(504, "Gateway Timeout")                                      \
    X(505, "HTTP Version Not Supported")
/* clang-format on */

/* The reason phrase; "Unknown" for a status outside the table. */
const char *http_reason(unsigned status);

/* What a response must know about its request. All zero but a status: a refusal that closes. */
struct http_reply {
    uint16_t status;
    bool is_keep_alive; /* else "Connection: close", and the caller closes */
    bool is_for_head;   /* HEAD: fields as for GET, no body */
    bool is_for_http10; /* no chunks */
    belfry_bytes date;  /* IMF-fixdate; empty leaves Date out */
};

/* Keeps the connection alive if the request does. */
struct http_reply http_reply_to(const struct http_head *head, uint16_t status, belfry_bytes date);

void http_response_begin(struct buf *out, const struct http_reply *reply);

/* False, and nothing is written, if @name is no token or @value has CR, LF, NUL or a control. */
bool http_response_field(struct buf *out, const char *name, belfry_bytes value);

/* Ends the head of a response whose body has @body_size bytes. 1xx, 204, 304 have none. */
void http_response_end(struct buf *out, const struct http_reply *reply, uint64_t body_size);

/*
 * Ends the head of a response whose size is not known, as an event stream. True: send the body by
 * http_response_chunk. False (HTTP/1.0): send it as it is and close; reply->is_keep_alive is then
 * cleared.
 */
bool http_response_end_stream(struct buf *out, struct http_reply *reply);
void http_response_chunk(struct buf *out, belfry_bytes data); /* empty @data writes nothing */
void http_response_last_chunk(struct buf *out);

/* May bytes follow the head? */
bool http_response_has_body(const struct http_reply *reply);

/* A whole response. NULL @content_type: without one. */
void http_response_simple(struct buf *out, const struct http_reply *reply, const char *content_type,
                          belfry_bytes body);

/* A whole text/plain response: "400 Bad Request: why\n"; NULL @why: "400 Bad Request\n". */
void http_response_error(struct buf *out, const struct http_reply *reply, const char *why);

/* Asks for the body: "HTTP/1.1 100 Continue". */
void http_response_continue(struct buf *out);

#endif
