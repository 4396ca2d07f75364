/*
 * body.c - a body is a length, or a row of chunks (RFC 9112 7.1).
 *
 *   SIZE -> [EXTENSION] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -.
 *     ^                       |                                  |
 *     '-----------------------|----------------------------------'
 *                             '-- size 0 --> TRAILER lines -> END_LF -> ENDED
 *
 * Strict as the head: the size is hexadecimal digits and nothing around them, lines end with CRLF,
 * extensions hold no controls. Parsers that took "0x5", "5 ", "+5" or a bare LF inside an
 * extension have been led to see requests inside of bodies.
 */
#include "http/body.h"

#include "http/chars.h"

#define MAX_SIZE_DIGITS 16 /* of 64 bits; also bounds leading zeros */

enum body_state {
    IN_LENGTH,
    AT_SIZE,
    IN_SIZE,
    AT_EXTENSION,
    IN_EXTENSION,
    AT_SIZE_LF,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_TRAILER,
    IN_TRAILER_NAME,
    IN_TRAILER_VALUE,
    AT_TRAILER_LF,
    AT_END_LF,
    ENDED,   /* END is to be told */
    REFUSED, /* REFUSED is to be told */
    OVER,
};

static void refuse(struct http_body *b, uint16_t status, const char *why)
{
    b->state = REFUSED;
    b->status = status;
    b->why = why;
}

void http_body_init(struct http_body *b, const struct http_head *head, uint64_t max_bytes)
{
    *b = (struct http_body){ .allowed = max_bytes };
    switch (head->framing) {
    case HTTP_NO_BODY:
        b->state = ENDED;
        break;
    case HTTP_LENGTH:
        b->left = head->content_length;
        b->state = b->left == 0 ? ENDED : IN_LENGTH;
        if (b->left > max_bytes)
            refuse(b, 413, "the request body is too large");
        break;
    case HTTP_CHUNKED:
        b->state = AT_SIZE;
        break;
    }
}

/* @byte if it is the one that must come next; lines end with CRLF and nothing else. */
static void expect(struct http_body *b, uint8_t byte, char wanted, enum body_state next)
{
    if (byte == (uint8_t)wanted)
        b->state = (uint8_t)next;
    else
        refuse(b, 400, "malformed chunk line end");
}

static void take_size(struct http_body *b, uint8_t byte)
{
    int digit = http_hex_value(byte);
    if (digit >= 0) {
        b->left = b->left * 16 + (unsigned)digit;
        b->state = IN_SIZE;
        if (++b->digit_count > MAX_SIZE_DIGITS)
            refuse(b, 400, "chunk size with too many digits");
        else if (b->left > b->allowed)
            refuse(b, 413, "the request body is too large");
    } else if (b->state == IN_SIZE && byte == '\r') {
        b->state = AT_SIZE_LF;
    } else if (b->state == IN_SIZE && byte == ';') {
        b->state = AT_EXTENSION;
    } else {
        refuse(b, 400, "malformed chunk size");
    }
}

static void take_size_lf(struct http_body *b, uint8_t byte)
{
    expect(b, byte, '\n', b->left == 0 ? AT_TRAILER : IN_DATA);
    b->allowed -= b->left;
    b->digit_count = 0;
}

/* Extensions and trailers mean nothing to us, but must not cost us anything either. */
static void count_extra(struct http_body *b, uint16_t status, const char *why)
{
    if (++b->extra_bytes > HTTP_BODY_MAX_EXTRA_BYTES)
        refuse(b, status, why);
}

static void take_extension(struct http_body *b, uint8_t byte)
{
    if (byte == '\r' && b->state == IN_EXTENSION) {
        b->state = AT_SIZE_LF;
    } else if (!http_char_is(byte, HTTP_CHAR_VALUE)) {
        refuse(b, 400, "malformed chunk extension");
    } else {
        b->state = IN_EXTENSION;
        count_extra(b, 413, "too many chunk extensions");
    }
}

/* A trailer line: name ":" value, as strict as a header line. */
static void take_trailer(struct http_body *b, uint8_t byte)
{
    bool is_name = b->state != IN_TRAILER_VALUE;
    if (byte == '\r' && b->state == AT_TRAILER) {
        b->state = AT_END_LF;
        return;
    }
    if (byte == '\r' && b->state == IN_TRAILER_VALUE)
        b->state = AT_TRAILER_LF;
    else if (byte == ':' && b->state == IN_TRAILER_NAME)
        b->state = IN_TRAILER_VALUE;
    else if (!http_char_is(byte, is_name ? HTTP_CHAR_TOKEN : HTTP_CHAR_VALUE))
        refuse(b, 400, "malformed trailer");
    else if (b->state == AT_TRAILER)
        b->state = IN_TRAILER_NAME;
    if (b->state != REFUSED)
        count_extra(b, 431, "too many trailers");
}

static void take(struct http_body *b, uint8_t byte)
{
    switch ((enum body_state)b->state) {
    case AT_SIZE:
    case IN_SIZE:
        take_size(b, byte);
        break;
    case AT_EXTENSION:
    case IN_EXTENSION:
        take_extension(b, byte);
        break;
    case AT_SIZE_LF:
        take_size_lf(b, byte);
        break;
    case AT_DATA_CR:
        expect(b, byte, '\r', AT_DATA_LF);
        break;
    case AT_DATA_LF:
        expect(b, byte, '\n', AT_SIZE);
        break;
    case AT_TRAILER:
    case IN_TRAILER_NAME:
    case IN_TRAILER_VALUE:
        take_trailer(b, byte);
        break;
    case AT_TRAILER_LF:
        expect(b, byte, '\n', AT_TRAILER);
        break;
    case AT_END_LF:
        expect(b, byte, '\n', ENDED);
        break;
    case IN_LENGTH:
    case IN_DATA:
    case ENDED:
    case REFUSED:
    case OVER:
        BELFRY_UNREACHABLE("these take no single bytes");
    }
}

static void give_data(struct http_body *b, const uint8_t **at, const uint8_t *end,
                      struct http_body_event *out)
{
    size_t size = (size_t)BELFRY_MIN((uint64_t)(end - *at), b->left);
    *out = (struct http_body_event){ .type = HTTP_BODY_DATA, .data = bytes_of(*at, size) };
    *at += size;
    b->left -= size;
    if (b->left == 0)
        b->state = b->state == IN_LENGTH ? ENDED : AT_DATA_CR;
}

bool http_body_next(struct http_body *b, const uint8_t **at, const uint8_t *end,
                    struct http_body_event *out_event)
{
    while (b->state < ENDED) {
        if (*at == end)
            return false;
        if (b->state == IN_LENGTH || b->state == IN_DATA) {
            give_data(b, at, end, out_event);
            return true;
        }
        take(b, *(*at)++);
    }
    if (b->state == OVER)
        return false;
    bool has_ended = b->state == ENDED;
    *out_event = (struct http_body_event){ .type = has_ended ? HTTP_BODY_END : HTTP_BODY_REFUSED,
                                           .status = b->status,
                                           .why = b->why };
    b->state = OVER;
    return true;
}

bool http_body_is_over(const struct http_body *b)
{
    return b->state == OVER;
}
