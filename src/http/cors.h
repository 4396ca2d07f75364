/*
 * http/cors.h - which pages of other sites may read our answers (WHATWG Fetch, CORS protocol).
 *
 *     cors_put_fields(&policy, &head, &fields);           every answer, errors included
 *     if (cors_is_preflight(&policy, &head)) {
 *         cors_put_preflight(&policy, &head, &fields);
 *         ... answer 204 without a body
 *     }
 *
 * The policy says who may read, not who is served: without a permission the browser keeps the
 * answer from the page. Where the answer depends on the request, Vary says so to caches.
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "base/buf.h"
#include "http/head.h"

/* All zero: no CORS, nothing is ever written. */
struct cors_policy {
    /* Serialised origins, comma-separated, or "*"; NULL or empty: no CORS. A listed origin is
     * given back to its pages; "*" is said as it is, which browsers take for requests without
     * credentials only. */
    const char *origins;
    bool allows_credentials;
    const char *methods; /* NULL: GET,HEAD,PUT,PATCH,POST,DELETE */
    const char *headers; /* that requests may have; NULL: whatever the preflight asks for */
    const char *exposed; /* headers that pages may see; NULL: the usual ones */
    uint32_t max_age_s;  /* how long a preflight holds; 0: not said */
};

/* Is CORS on, and is this a question for permission, whatever else it may ask for? */
bool cors_is_preflight(const struct cors_policy *policy, const struct http_head *head);

/* Access-Control-Allow-Origin and its company, as whole lines (sticky, see buf.h). */
void cors_put_fields(const struct cors_policy *policy, const struct http_head *head,
                     struct buf *fields);

/* What only the answer to a preflight has; besides the above. */
void cors_put_preflight(const struct cors_policy *policy, const struct http_head *head,
                        struct buf *fields);

#endif
