/*
 * http/body.h - pulls a request's body out of the bytes behind its head.
 *
 *     struct http_body body;
 *     http_body_init(&body, &head, max_body_bytes);
 *     while (http_body_next(&body, &at, end, &event))
 *         switch (event.type) {
 *         case HTTP_BODY_DATA:    event.data, never empty, points into the input
 *         case HTTP_BODY_END:     the next request starts at `at`
 *         case HTTP_BODY_REFUSED: answer event.status, then close
 *         }
 *
 * A declared length above the limit is refused by the first call, even without input: ask once
 * before sending "100 Continue". END comes once, at once for requests without a body; after END or
 * REFUSED http_body_next returns false and takes nothing, so bytes of the next request stay where
 * they are. A chunked body is strict (RFC 9112 7.1): hexadecimal digits only, CRLF only; extensions
 * and trailers are checked byte by byte, counted against HTTP_BODY_MAX_EXTRA_BYTES, and ignored.
 *
 *   400  malformed chunk     413  over the limit, or too many chunk extensions
 *   431  too many trailers
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/defs.h"
#include "http/head.h"

/* Chunk extensions and trailers of one body together. */
#define HTTP_BODY_MAX_EXTRA_BYTES 8192

enum http_body_event_type { HTTP_BODY_DATA, HTTP_BODY_END, HTTP_BODY_REFUSED };

struct http_body_event {
    enum http_body_event_type type;
    belfry_bytes data; /* DATA; valid while the input is */
    uint16_t status;   /* REFUSED */
    const char *why;   /* REFUSED; static */
};

struct http_body {
    uint64_t left;    /* bytes still to come, of the body or of this chunk */
    uint64_t allowed; /* bytes that chunks may still bring */
    const char *why;
    uint32_t extra_bytes; /* of extensions and trailers so far */
    uint16_t status;
    uint8_t state;
    uint8_t digit_count; /* of this chunk's size */
};

void http_body_init(struct http_body *b, const struct http_head *head, uint64_t max_bytes);

/* Reads from *@at up to @end, moving *@at. False: nothing more to say without more input. */
bool http_body_next(struct http_body *b, const uint8_t **at, const uint8_t *end,
                    struct http_body_event *out_event);

/* END or REFUSED has been told. */
bool http_body_is_over(const struct http_body *b);

#endif
