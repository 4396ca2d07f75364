/*
 * http/head.h - a request head (RFC 9112), strict: what two parsers could read differently is
 * refused.
 *
 *     struct http_head_parser parser = { 0 };
 *     struct http_field fields[100];
 *     struct http_head head = { .fields = fields, .field_capacity = 100 };
 *     ... each time bytes were added to the buffer, which always starts at the head's first byte:
 *     switch (http_head_parse(&parser, &limits, buffer.data, buffer.size, &head)) {
 *     case HTTP_MORE:    wait (under one deadline for the whole head)
 *     case HTTP_DONE:    use head; the body or next request starts at buffer.data + head.head_size
 *     case HTTP_REFUSED: answer parser.status, then close: nothing behind a bad head can be trusted
 *     }
 *
 * A byte is checked when it arrives and never again until the head is complete, so a bad head is
 * refused at its first bad byte and dribbled bytes cost no more than a single read. What depends
 * on several fields (Host, Content-Length against Transfer-Encoding) is decided at the blank line.
 *
 *   400  malformed or ambiguous     414  the request line alone is over max_head_bytes
 *   417  Expect is not 100-continue 431  the head is over max_head_bytes or max_headers
 *   501  CONNECT, over-long method, a transfer coding besides chunked
 *   505  neither HTTP/1.0 nor HTTP/1.1
 *
 * Upgrade is the server's business: a request that upgrades should have no body (see framing).
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/defs.h"

/* Most fields a head may have, whatever max_headers says. */
#define HTTP_MAX_FIELDS 1000

/* Methods by name; any other valid token is HTTP_OTHER. Case matters (RFC 9110 9.1). */
#define HTTP_METHODS(X) X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(OPTIONS) X(PATCH)

enum http_method {
    HTTP_OTHER,
#define HTTP_METHOD_ENUM(name) HTTP_##name,
    HTTP_METHODS(HTTP_METHOD_ENUM)
#undef HTTP_METHOD_ENUM
};

struct http_limits {
    size_t max_head_bytes;
    size_t max_headers; /* at most HTTP_MAX_FIELDS */
};

struct http_field {
    belfry_bytes name;
    belfry_bytes value; /* without the blanks around it */
};

/* How the body is delimited; see body.h. */
enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

/*
 * A complete head. All spans point into the parsed buffer (or are static): valid while it stays.
 * The caller sets @fields and @field_capacity (at least max_headers); the rest is set on HTTP_DONE.
 */
struct http_head {
    struct http_field *fields;
    size_t field_capacity;
    size_t field_count;
    size_t head_size; /* bytes up to and with the blank line */

    belfry_bytes method_text;
    belfry_bytes target; /* as sent */
    belfry_bytes path;   /* starts with '/', not decoded; "*" for OPTIONS * */
    belfry_bytes query;  /* behind the '?', not decoded; data is NULL when there is no '?' */
    belfry_bytes host;   /* host[:port], of the target if that is absolute, else of the Host field;
                            valid and not empty, except that HTTP/1.0 may have none */
    enum http_method method;
    enum http_framing framing;
    uint64_t content_length; /* 0 unless framing is HTTP_LENGTH */
    uint8_t minor_version;   /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
    bool is_keep_alive;      /* the peer lets the connection live on after the response */
    bool expects_continue;   /* wants "100 Continue" before it sends the body */
};

enum http_verdict { HTTP_MORE, HTTP_DONE, HTTP_REFUSED };

/* All zero is ready for a head. After HTTP_DONE, zero it again for the next one. */
struct http_head_parser {
    const char *why; /* when refused: static text that quotes nothing of the input */
    uint32_t at;     /* bytes checked so far */
    uint32_t mark;   /* where the part being read began */
    uint16_t field_count;
    uint16_t status; /* when refused */
    uint8_t state;
    uint8_t empty_line_count;
};

/*
 * Checks what is new in @data, which begins with the head's first byte and has grown since the
 * last call (it may have moved). HTTP_REFUSED is final.
 */
enum http_verdict http_head_parse(struct http_head_parser *p, const struct http_limits *limits,
                                  const uint8_t *data, size_t size, struct http_head *out);

/* True while nothing but (tolerated) empty lines came: the connection is idle, not in a head. */
bool http_head_is_idle(const struct http_head_parser *p);

#endif
