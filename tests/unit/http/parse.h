/*
 * parse.h - reads a head for a test, whole or in pieces.
 *
 * Each read sees a fresh copy of exactly its size: the parser may not count on the buffer staying
 * where it was, and AddressSanitizer sees any look past its end.
 */
#ifndef TESTS_HTTP_PARSE_H
#define TESTS_HTTP_PARSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/head.h"

#define DEFAULT_LIMITS ((struct http_limits){ .max_head_bytes = 16384, .max_headers = 100 })

struct parsed {
    enum http_verdict verdict;
    struct http_head_parser parser;
    struct http_head head;
    struct http_field fields[HTTP_MAX_FIELDS];
    uint8_t *copy; /* what the spans point into */
};

static inline void parsed_deinit(struct parsed *r)
{
    free(r->copy);
    r->copy = NULL;
}

static inline void parsed_init(struct parsed *r)
{
    r->parser = (struct http_head_parser){ 0 };
    r->head = (struct http_head){ .fields = r->fields, .field_capacity = HTTP_MAX_FIELDS };
    r->verdict = HTTP_MORE;
    r->copy = NULL;
}

/* One read after which @size bytes of @wire have come. Does nothing once there is a verdict. */
static inline void parsed_read(struct parsed *r, const struct http_limits *limits,
                               belfry_bytes wire, size_t size)
{
    if (r->verdict != HTTP_MORE)
        return;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, wire.data, size);
    r->verdict = http_head_parse(&r->parser, limits, copy, size, &r->head);
    free(r->copy);
    r->copy = copy;
}

/* Two reads: up to @cut, then everything. */
static inline void parse_cut(struct parsed *r, const struct http_limits *limits, belfry_bytes wire,
                             size_t cut)
{
    parsed_init(r);
    parsed_read(r, limits, wire, cut);
    parsed_read(r, limits, wire, wire.size);
}

/* The number of bytes after which there was a verdict; SIZE_MAX if there was none. */
static inline size_t parse_dribbled(struct parsed *r, const struct http_limits *limits,
                                    belfry_bytes wire)
{
    parsed_init(r);
    for (size_t size = 0; size <= wire.size; size++) {
        parsed_read(r, limits, wire, size);
        if (r->verdict != HTTP_MORE)
            return size;
    }
    return SIZE_MAX;
}

/* A head that must be good. */
static inline void parse_good(struct parsed *r, belfry_bytes wire)
{
    struct http_limits limits = DEFAULT_LIMITS;
    parse_cut(r, &limits, wire, wire.size);
    if (r->verdict != HTTP_DONE)
        fail_msg("status %u: %s", r->parser.status, r->parser.why);
}

static inline void assert_bytes(belfry_bytes got, const char *want)
{
    if (!bytes_equal_text(got, want))
        fail_msg("got '%.*s', want '%s'", (int)got.size,
                 got.size == 0 ? "" : (const char *)got.data, want);
}

#endif
