/*
 * http/head_split.h - from the bytes of a complete head to spans; used by head.c only.
 */
#ifndef HTTP_HEAD_SPLIT_H
#define HTTP_HEAD_SPLIT_H

#include "http/head.h"
#include "http/refusal.h"

/* Cuts a head that the gate let through: request line, fields, head_size. Cannot fail. */
void http_head_split(const uint8_t *data, size_t size, struct http_head *out);

/* Sets path, query and host by the form of the target (RFC 9112 3.2) and checks the Host field. */
struct http_refusal http_head_resolve_target(struct http_head *head);

#endif
