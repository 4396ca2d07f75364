/*
 * http/framing.h - where the body ends and whether the connection lives on; used by head.c only.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "http/head.h"
#include "http/refusal.h"

/* Sets framing, content_length, is_keep_alive and expects_continue from the fields of @head. */
struct http_refusal http_decide_framing(struct http_head *head);

#endif
