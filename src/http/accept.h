/*
 * http/accept.h - what the client can decode (RFC 9110 12.5.3).
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "http/head.h"

/* Content codings that we make. */
enum http_coding {
    HTTP_IDENTITY,
    HTTP_GZIP,
    HTTP_DEFLATE, /* the zlib format, RFC 1950 */
};

/* "gzip", for Content-Encoding; NULL for HTTP_IDENTITY. Owns: static. */
const char *http_coding_name(enum http_coding coding);

/* The one that the client likes best, gzip on a tie; not without an Accept-Encoding field that
 * says so. A malformed weight counts as zero. */
enum http_coding http_choose_coding(const struct http_head *head);

/* May a response be compressed with gzip? Not without an Accept-Encoding field that says so. */
bool http_accepts_gzip(const struct http_head *head);

#endif
