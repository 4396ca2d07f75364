/*
 * head.c - the gate: every byte of a head passes here once, when it arrives.
 *
 *   START -> METHOD -> TARGET -> VERSION -> LINE_LF -> FIELD -> NAME -> VALUE -> VALUE_LF
 *     ^ |                                               ^ |                          |
 *     '-' empty lines                                   | '--CR--> END_LF -> COMPLETE |
 *                                                       '----------------------------'
 *
 * A state and a byte decide; nothing is looked at twice, nothing is kept but a few counters. When
 * the blank line has come the head is known to be well formed, so that cutting it into spans
 * (head_split.c) needs no checks, and what several fields say together is judged (framing.c).
 *
 * RFC 9112 lets a recipient forgive bare LF, blanks around the line and folded lines. We forgive
 * nothing but a few empty lines before the request (2.2): each of these has been used to make a
 * proxy and a server see two different requests.
 */
#include "http/head.h"

#include "http/chars.h"
#include "http/framing.h"
#include "http/head_split.h"
#include "http/refusal.h"

#define MAX_EMPTY_LINES 4
#define MAX_METHOD_BYTES 32

enum head_state {
    AT_START, /* all zero is ready */
    AT_EMPTY_LINE_LF,
    IN_METHOD,
    AT_TARGET,
    IN_TARGET,
    IN_VERSION,
    AT_LINE_LF,
    AT_FIELD,
    IN_NAME,
    IN_VALUE,
    AT_VALUE_LF,
    AT_END_LF,
    COMPLETE,
    REFUSED,
};

_Static_assert(sizeof(struct http_head_parser) <= 32, "every connection has one");

static void refuse(struct http_head_parser *p, uint16_t status, const char *why)
{
    p->state = REFUSED;
    p->status = status;
    p->why = why;
}

static void expect_lf(struct http_head_parser *p, uint8_t byte, enum head_state next)
{
    if (byte == '\n')
        p->state = (uint8_t)next;
    else
        refuse(p, 400, "CR without LF");
}

static void take_start(struct http_head_parser *p, uint8_t byte)
{
    if (http_char_is(byte, HTTP_CHAR_TOKEN)) {
        p->mark = p->at;
        p->state = IN_METHOD;
    } else if (byte != '\r') {
        refuse(p, 400, byte == '\n' ? "LF without CR" : "the request does not start with a method");
    } else if (p->empty_line_count++ >= MAX_EMPTY_LINES) {
        refuse(p, 400, "too many empty lines before the request");
    } else {
        p->state = AT_EMPTY_LINE_LF;
    }
}

static void take_method(struct http_head_parser *p, uint8_t byte)
{
    if (byte == ' ')
        p->state = AT_TARGET;
    else if (!http_char_is(byte, HTTP_CHAR_TOKEN))
        refuse(p, 400, "bad character in the method");
    else if (p->at - p->mark >= MAX_METHOD_BYTES) /* RFC 9112 3 */
        refuse(p, 501, "unknown method");
}

/* The byte that ends the run of target characters. */
static void take_target_end(struct http_head_parser *p, uint8_t byte)
{
    if (byte == ' ') {
        p->mark = p->at + 1;
        p->state = IN_VERSION;
    } else {
        refuse(p, 400,
               byte == '\r' || byte == '\n' ? "the request line has no HTTP version"
                                            : "bad character in the request target");
    }
}

/* "HTTP/" DIGIT "." DIGIT, then CR; case matters (RFC 9112 2.3). */
static void take_version(struct http_head_parser *p, const uint8_t *data, uint8_t byte)
{
    static const char form[] = "HTTP/d.d\r";
    size_t index = p->at - p->mark;
    bool fits =
        form[index] == 'd' ? http_char_is(byte, HTTP_CHAR_DIGIT) : byte == (uint8_t)form[index];
    if (!fits)
        refuse(p, 400, "malformed HTTP version");
    else if (index == 7 && (data[p->mark + 5] != '1' || byte > '1'))
        refuse(p, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    else if (byte == '\r')
        p->state = AT_LINE_LF;
}

static void take_field_start(struct http_head_parser *p, size_t max_headers, uint8_t byte)
{
    if (byte == '\r')
        p->state = AT_END_LF;
    else if (http_is_blank(byte)) /* RFC 9112 5.2 */
        refuse(p, 400, "folded header line");
    else if (!http_char_is(byte, HTTP_CHAR_TOKEN))
        refuse(p, 400, byte == '\n' ? "LF without CR" : "bad character in a header name");
    else if (p->field_count++ >= max_headers)
        refuse(p, 431, "too many header fields");
    else
        p->state = IN_NAME;
}

/* The byte that ends the run of name characters. */
static void take_name_end(struct http_head_parser *p, uint8_t byte)
{
    if (byte == ':')
        p->state = IN_VALUE;
    else if (http_is_blank(byte)) /* RFC 9112 5.1 */
        refuse(p, 400, "blank in a header name or before its colon");
    else
        refuse(p, 400,
               byte == '\r' || byte == '\n' ? "header line without a colon"
                                            : "bad character in a header name");
}

/* The byte that ends the run of value characters. */
static void take_value_end(struct http_head_parser *p, uint8_t byte)
{
    if (byte == '\r')
        p->state = AT_VALUE_LF;
    else
        refuse(p, 400, byte == '\n' ? "LF without CR" : "control character in a header value");
}

static void take(struct http_head_parser *p, size_t max_headers, const uint8_t *data)
{
    uint8_t byte = data[p->at];
    switch ((enum head_state)p->state) {
    case AT_START:
        take_start(p, byte);
        break;
    case AT_EMPTY_LINE_LF:
        expect_lf(p, byte, AT_START);
        break;
    case IN_METHOD:
        take_method(p, byte);
        break;
    case AT_TARGET:
        if (http_char_is(byte, HTTP_CHAR_TARGET))
            p->state = IN_TARGET;
        else
            refuse(p, 400, "bad character where the request target starts");
        break;
    case IN_TARGET:
        take_target_end(p, byte);
        break;
    case IN_VERSION:
        take_version(p, data, byte);
        break;
    case AT_LINE_LF:
        expect_lf(p, byte, AT_FIELD);
        break;
    case AT_FIELD:
        take_field_start(p, max_headers, byte);
        break;
    case IN_NAME:
        take_name_end(p, byte);
        break;
    case IN_VALUE:
        take_value_end(p, byte);
        break;
    case AT_VALUE_LF:
        expect_lf(p, byte, AT_FIELD);
        break;
    case AT_END_LF:
        expect_lf(p, byte, COMPLETE);
        break;
    case COMPLETE:
    case REFUSED:
        BELFRY_UNREACHABLE("the scan stops there");
    }
    p->at++;
}

/* The class whose bytes a state swallows without a decision, 0 for the other states. */
static uint8_t run_class(const struct http_head_parser *p)
{
    static const uint8_t classes[REFUSED + 1] = {
        [IN_TARGET] = HTTP_CHAR_TARGET,
        [IN_NAME] = HTTP_CHAR_TOKEN,
        [IN_VALUE] = HTTP_CHAR_VALUE,
    };
    return classes[p->state];
}

static uint32_t skip_run(const uint8_t *data, uint32_t at, uint32_t end, uint8_t class)
{
    while (at < end && (http_chars[data[at]] & class) != 0)
        at++;
    return at;
}

static void scan(struct http_head_parser *p, size_t max_headers, const uint8_t *data, uint32_t end)
{
    while (p->at < end && p->state < COMPLETE) {
        p->at = skip_run(data, p->at, end, run_class(p));
        if (p->at < end)
            take(p, max_headers, data);
    }
}

/* The head is all there and well formed: what does it say? */
static enum http_verdict finish(struct http_head_parser *p, const uint8_t *data,
                                struct http_head *out)
{
    http_head_split(data, p->at, out);
    struct http_refusal refusal = http_head_resolve_target(out);
    if (refusal.status == 0)
        refusal = http_decide_framing(out);
    if (refusal.status == 0)
        return HTTP_DONE;
    refuse(p, refusal.status, refusal.why);
    return HTTP_REFUSED;
}

enum http_verdict http_head_parse(struct http_head_parser *p, const struct http_limits *limits,
                                  const uint8_t *data, size_t size, struct http_head *out)
{
    BELFRY_ASSERT(limits->max_head_bytes < UINT32_MAX);
    BELFRY_ASSERT(limits->max_headers <= HTTP_MAX_FIELDS);
    BELFRY_ASSERT(limits->max_headers <= out->field_capacity);
    BELFRY_ASSERT(p->state != COMPLETE); /* a new head needs a new parser */
    if (p->state == REFUSED)
        return HTTP_REFUSED;
    BELFRY_ASSERT(size >= p->at);

    scan(p, limits->max_headers, data, (uint32_t)BELFRY_MIN(size, limits->max_head_bytes));
    if (p->state < COMPLETE && p->at >= limits->max_head_bytes) {
        if (p->state <= AT_LINE_LF)
            refuse(p, 414, "the request line is too long");
        else
            refuse(p, 431, "the request head is too large");
    }
    if (p->state == REFUSED)
        return HTTP_REFUSED;
    return p->state == COMPLETE ? finish(p, data, out) : HTTP_MORE;
}

bool http_head_is_idle(const struct http_head_parser *p)
{
    return p->state == AT_START || p->state == AT_EMPTY_LINE_LF;
}
