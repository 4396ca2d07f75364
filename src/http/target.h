/*
 * http/target.h - what a request's path and query mean: decoding, once.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "base/buf.h"

/*
 * Turns a request's @path into the relative path of a file: decoded once, then "." and ".."
 * resolved, empty segments dropped. @out is replaced; it is "" for the root, and ends in '/' when
 * the path did (the caller appends its index page). It never starts with '/', never has a segment
 * that starts with a dot, no NUL, control or backslash, and is valid UTF-8.
 *
 * Returns 0, or the status to answer:
 *   400  bad percent sequence, NUL, control, backslash, encoded slash, invalid UTF-8
 *   403  climbs above the root     404  a dot-file     500  no memory
 */
unsigned http_path_to_file(belfry_bytes path, struct buf *out);

/* Pulls the next name=value of a query, still encoded; a name without '=' has an empty value. */
bool http_query_next(belfry_bytes *rest, belfry_bytes *out_name, belfry_bytes *out_value);

/* Replaces @out by @raw, a name or value of that, decoded ('+' is a blank). Errors: INVALID (bad
 * percent sequence, NUL, not UTF-8); NOMEM. */
BELFRY_NODISCARD belfry_err http_query_decode(belfry_bytes raw, struct buf *out);

/*
 * Finds the next parameter called @name (compared decoded) and replaces @out by its decoded value
 * ('+' is a blank). *@rest then is what follows it, so that repeated names can be walked.
 * Errors: NOT_FOUND; INVALID (bad percent sequence, NUL, not UTF-8; *@rest is behind it); NOMEM.
 */
BELFRY_NODISCARD belfry_err http_query_find_next(belfry_bytes *rest, const char *name,
                                                 struct buf *out);

/* The first parameter called @name; errors as above. */
BELFRY_NODISCARD belfry_err http_query_find(belfry_bytes query, const char *name, struct buf *out);

/* True if the query has @name with exactly @value (decoded), for flags such as EIO=4. */
bool http_query_is(belfry_bytes query, const char *name, const char *value);

#endif
