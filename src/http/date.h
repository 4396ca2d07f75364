/*
 * http/date.h - HTTP dates (RFC 9110 5.6.7), by arithmetic: no time zones, no C library.
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "base/defs.h"

#define HTTP_DATE_SIZE 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes the IMF-fixdate of @seconds since 1970 and a NUL; years end with 9999. */
void http_date_format(char out[HTTP_DATE_SIZE + 1], uint64_t seconds);

/*
 * Reads an IMF-fixdate or either obsolete form (two-digit years: 1970 to 2069). False for anything
 * else, days that do not exist, and times before 1970. The day's name is not held against the date.
 */
bool http_date_parse(belfry_bytes text, uint64_t *out_seconds);

#endif
