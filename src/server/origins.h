/*
 * origins.h - may a page ask us, and read the answer? The `origins` option (RFC 6454; WHATWG
 * Fetch, CORS). What is compared with what: http/origin.h.
 */
#ifndef SERVER_ORIGINS_H
#define SERVER_ORIGINS_H

#include "base/buf.h"
#include "http/head.h"

struct belfry;

#define ORIGINS_REFUSAL "this origin is not allowed: list it in `origins`" /* with 403 */

/* Requests without an Origin field do not come from another site's scripts: they may. */
bool origins_allow(const struct belfry *server, const struct http_head *head, bool is_secure);

/* The same, and the fields by which the page may read the answer go into @fields. */
bool origins_allow_reading(const struct belfry *server, const struct http_head *head,
                           bool is_secure, struct buf *fields);

/* What a preflight asks for: @methods is a list, as in Allow. */
void origins_put_preflight(const char *methods, struct buf *fields);

#endif
