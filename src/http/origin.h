/*
 * http/origin.h - which web pages may talk to us: the Origin field (RFC 6454, WHATWG Fetch).
 *
 * Comparison is of whole serialised origins: scheme, host and port. Anything that is not exactly
 * one serialised origin (repeated fields, lists, paths, capitals, default ports written out)
 * matches nothing, since no browser sends it.
 */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include "http/head.h"

struct http_origin {
    belfry_bytes scheme; /* lower case */
    belfry_bytes host;   /* lower case; IPv6 with its brackets */
    uint16_t port;       /* the scheme's default when none is written; 0: unknown scheme's */
};

/* What the connection is, as far as origins are concerned. */
enum http_security { HTTP_PLAIN, HTTP_TLS };

/* False unless @text is exactly one serialised origin; "null" is none. Good for checking configs.
 */
bool http_origin_parse(belfry_bytes text, struct http_origin *out);

/* Is @origin what a page served by us, at @host (a valid Host value), would send? */
bool http_origin_is_same(belfry_bytes origin, belfry_bytes host, enum http_security security);

/* Is @origin in @list (comma-separated serialised origins), or the list "*"? */
bool http_origin_is_listed(belfry_bytes origin, belfry_bytes list);

/*
 * The verdict on a request: none when there is no Origin field (not a browser, or a same-origin
 * GET); allowed when it is our own or listed. @out_origin is then what CORS must echo, else empty.
 */
enum http_origin_verdict { HTTP_ORIGIN_NONE, HTTP_ORIGIN_ALLOWED, HTTP_ORIGIN_REFUSED };
enum http_origin_verdict http_origin_check(const struct http_head *head,
                                           enum http_security security, belfry_bytes list,
                                           belfry_bytes *out_origin);

#endif
