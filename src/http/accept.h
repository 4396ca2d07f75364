/*
 * http/accept.h - what the client can decode (RFC 9110 12.5.3).
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "http/head.h"

/* May a response be compressed with gzip? Not without an Accept-Encoding field that says so. */
bool http_accepts_gzip(const struct http_head *head);

#endif
