/*
 * http/field.h - looking things up in a parsed head.
 *
 * Names and tokens compare without regard to ASCII case, always whole, never as substrings.
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "base/buf.h"
#include "http/head.h"

bool http_equals_nocase(belfry_bytes a, const char *b);

/* @bytes without blanks and tabs at either end. */
belfry_bytes http_trim(belfry_bytes bytes);

/* The first field called @name, or NULL. */
const struct http_field *http_find(const struct http_head *head, const char *name);

/* How many fields are called @name. */
size_t http_count(const struct http_head *head, const char *name);

/*
 * For fields that may come once only, as Sec-WebSocket-Key: @out_value is set when there is
 * exactly one.
 */
enum http_presence { HTTP_MISSING, HTTP_ONE, HTTP_REPEATED };
enum http_presence http_single(const struct http_head *head, const char *name,
                               belfry_bytes *out_value);

/*
 * The values of all fields called @name, joined by ", " as RFC 9110 5.3 allows for list fields;
 * appended to @out (sticky, see buf.h). Returns how many there were.
 */
size_t http_join(const struct http_head *head, const char *name, struct buf *out);

/*
 * Pulls the next element of a comma-separated list, trimmed; empty elements are skipped (RFC 9110
 * 5.6.1). A comma inside a quoted string separates nothing. False at the end.
 */
bool http_list_next(belfry_bytes *rest, belfry_bytes *out_element);

/* Is @token an element of any field called @name? For Connection, Upgrade and the like. */
bool http_has_token(const struct http_head *head, const char *name, const char *token);

#endif
