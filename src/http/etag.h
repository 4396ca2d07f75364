/*
 * http/etag.h - is what the client has still fresh? (RFC 9110 13.1)
 */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include "http/head.h"

/*
 * Does the value of an If-None-Match field name @etag (with its quotes, W/ or not)? Weak
 * comparison; "*" matches anything. A malformed list matches up to where it is malformed.
 */
bool http_etag_matches(belfry_bytes list, belfry_bytes etag);

/*
 * Should a GET or HEAD be answered 304? If-None-Match decides if there is one, otherwise
 * If-Modified-Since against @modified_s (seconds since 1970).
 */
bool http_is_not_modified(const struct http_head *head, belfry_bytes etag, uint64_t modified_s);

#endif
