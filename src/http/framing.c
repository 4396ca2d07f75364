/*
 * framing.c - where the body ends (RFC 9112 6.3), decided once and only if there is no doubt.
 *
 * Two parties that disagree about this see different requests on one connection: that is request
 * smuggling. Hence one Content-Length of digits, or one Transfer-Encoding of exactly "chunked", or
 * neither. Repeated lengths are refused even when they are equal, which the RFC leaves to us.
 */
#include "http/framing.h"

#include "http/chars.h"
#include "http/field.h"

/* 1*DIGIT and nothing else: no sign, no list, no blanks, and a value that fits 63 bits. */
static bool parse_length(belfry_bytes text, uint64_t *out)
{
    const uint8_t *digits = text.data;
    uint64_t length = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!http_char_is(digits[i], HTTP_CHAR_DIGIT))
            return false;
        uint64_t digit = digits[i] - (uint64_t)'0';
        if (length > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        length = length * 10 + digit;
    }
    *out = length;
    return text.size > 0;
}

/* RFC 9112 6.1, 6.3: 501 for codings we lack, 400 where chunked is not the last and only one. */
static struct http_refusal refuse_coding(belfry_bytes codings)
{
    belfry_bytes coding;
    size_t count = 0;
    size_t chunked_count = 0;
    bool ends_chunked = false;
    while (http_list_next(&codings, &coding)) {
        ends_chunked = http_equals_nocase(coding, "chunked");
        chunked_count += ends_chunked;
        count++;
    }
    if (ends_chunked && chunked_count == 1 && count > 1)
        return HTTP_REFUSE(501, "the only transfer coding understood is chunked");
    return HTTP_REFUSE(400, "malformed Transfer-Encoding");
}

static struct http_refusal decide_coded(struct http_head *head)
{
    belfry_bytes codings;
    if (http_count(head, "Content-Length") > 0)
        return HTTP_REFUSE(400, "both Content-Length and Transfer-Encoding");
    if (head->minor_version == 0)
        return HTTP_REFUSE(400, "Transfer-Encoding in HTTP/1.0");
    if (http_single(head, "Transfer-Encoding", &codings) == HTTP_REPEATED)
        return HTTP_REFUSE(400, "more than one Transfer-Encoding header");
    /* Not by the list rule: ",chunked" is chunked to some parsers and an unknown coding to others.
     */
    if (!http_equals_nocase(codings, "chunked"))
        return refuse_coding(codings);
    head->framing = HTTP_CHUNKED;
    return HTTP_ACCEPTED;
}

static struct http_refusal decide_body(struct http_head *head)
{
    if (http_find(head, "Transfer-Encoding") != NULL)
        return decide_coded(head);
    belfry_bytes length;
    switch (http_single(head, "Content-Length", &length)) {
    case HTTP_MISSING: /* RFC 9112 6.3, 7: a request without either has no body */
        return HTTP_ACCEPTED;
    case HTTP_REPEATED:
        return HTTP_REFUSE(400, "more than one Content-Length header");
    case HTTP_ONE:
        break;
    }
    if (!parse_length(length, &head->content_length))
        return HTTP_REFUSE(400, "malformed Content-Length");
    head->framing = HTTP_LENGTH;
    return HTTP_ACCEPTED;
}

/* RFC 9112 9.3. */
static bool may_keep_alive(const struct http_head *head)
{
    if (http_has_token(head, "Connection", "close"))
        return false;
    return head->minor_version >= 1 || http_has_token(head, "Connection", "keep-alive");
}

/* RFC 9110 10.1.1; HTTP/1.0 clients cannot mean it. */
static struct http_refusal check_expectation(struct http_head *head)
{
    belfry_bytes expectation;
    enum http_presence presence = http_single(head, "Expect", &expectation);
    if (presence == HTTP_MISSING || head->minor_version == 0)
        return HTTP_ACCEPTED;
    if (presence == HTTP_REPEATED || !http_equals_nocase(expectation, "100-continue"))
        return HTTP_REFUSE(417, "the only expectation understood is 100-continue");
    head->expects_continue = head->framing != HTTP_NO_BODY;
    return HTTP_ACCEPTED;
}

struct http_refusal http_decide_framing(struct http_head *head)
{
    struct http_refusal refusal = decide_body(head);
    if (refusal.status != 0)
        return refusal;
    head->is_keep_alive = may_keep_alive(head);
    return check_expectation(head);
}
