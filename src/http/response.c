/*
 * response.c - the way back: a status line, fields, and a body that is announced as it is.
 *
 *   HTTP/1.1 200 OK                      begin
 *   Date: ...
 *   Content-Type: text/plain             field, any number
 *   Connection: keep-alive               end
 *   Content-Length: 6
 *
 * The version is ours (1.1) whatever the request's was (RFC 9110 2.5).
 */
#include "http/response.h"

#include <stdio.h>

#include "http/chars.h"

const char *http_reason(unsigned status)
{
    switch (status) {
#define REASON_ROW(code, text) \
    case code:                 \
        return text;
        HTTP_STATUSES(REASON_ROW)
#undef REASON_ROW
    }
    return "Unknown";
}

struct http_reply http_reply_to(const struct http_head *head, uint16_t status, belfry_bytes date)
{
    return (struct http_reply){ .status = status,
                                .is_keep_alive = head->is_keep_alive,
                                .is_for_head = head->method == HTTP_HEAD,
                                .is_for_http10 = head->minor_version == 0,
                                .date = date };
}

static bool is_interim(const struct http_reply *reply)
{
    return reply->status < 200;
}

/* RFC 9110 6.4.1: these never have a body, whatever the request was. */
static bool status_has_body(const struct http_reply *reply)
{
    return !is_interim(reply) && reply->status != 204 && reply->status != 304;
}

bool http_response_has_body(const struct http_reply *reply)
{
    return status_has_body(reply) && !reply->is_for_head;
}

void http_response_begin(struct buf *out, const struct http_reply *reply)
{
    BELFRY_ASSERT(reply->status >= 100 && reply->status <= 999);
    buf_put_text(out, "HTTP/1.1 ");
    buf_put_u64(out, reply->status);
    buf_put_char(out, ' ');
    buf_put_text(out, http_reason(reply->status));
    buf_put_text(out, "\r\n");
    if (reply->date.size > 0 && !is_interim(reply))
        (void)http_response_field(out, "Date", reply->date);
}

static bool is_all(belfry_bytes text, enum http_char_class class)
{
    const uint8_t *bytes = text.data;
    for (size_t i = 0; i < text.size; i++)
        if (!http_char_is(bytes[i], class))
            return false;
    return true;
}

bool http_response_field(struct buf *out, const char *name, belfry_bytes value)
{
    belfry_bytes name_bytes = bytes_of_text(name);
    if (name_bytes.size == 0 || !is_all(name_bytes, HTTP_CHAR_TOKEN) ||
        !is_all(value, HTTP_CHAR_VALUE))
        return false;
    buf_put_bytes(out, name_bytes);
    buf_put_text(out, ": ");
    buf_put_bytes(out, value);
    buf_put_text(out, "\r\n");
    return true;
}

/* 101 and other interim responses say themselves what becomes of the connection. */
static void put_connection(struct buf *out, const struct http_reply *reply)
{
    if (!is_interim(reply))
        buf_put_text(out,
                     reply->is_keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
}

void http_response_end(struct buf *out, const struct http_reply *reply, uint64_t body_size)
{
    put_connection(out, reply);
    if (status_has_body(reply)) { /* RFC 9110 8.6: for HEAD too; never with 1xx and 204 */
        buf_put_text(out, "Content-Length: ");
        buf_put_u64(out, body_size);
        buf_put_text(out, "\r\n");
    }
    buf_put_text(out, "\r\n");
}

bool http_response_end_stream(struct buf *out, struct http_reply *reply)
{
    BELFRY_ASSERT(status_has_body(reply));
    if (reply->is_for_http10)
        reply->is_keep_alive = false; /* the end of the connection is the end of the body */
    else
        buf_put_text(out, "Transfer-Encoding: chunked\r\n");
    put_connection(out, reply);
    buf_put_text(out, "\r\n");
    return !reply->is_for_http10;
}

void http_response_chunk(struct buf *out, belfry_bytes data)
{
    if (data.size == 0) /* an empty chunk would be the last */
        return;
    char size[sizeof(size_t) * 2 + sizeof "\r\n"];
    (void)snprintf(size, sizeof size, "%zx\r\n", data.size);
    buf_put_text(out, size);
    buf_put_bytes(out, data);
    buf_put_text(out, "\r\n");
}

void http_response_last_chunk(struct buf *out)
{
    buf_put_text(out, "0\r\n\r\n");
}

void http_response_simple(struct buf *out, const struct http_reply *reply, const char *content_type,
                          belfry_bytes body)
{
    http_response_begin(out, reply);
    if (content_type != NULL)
        (void)http_response_field(out, "Content-Type", bytes_of_text(content_type));
    http_response_end(out, reply, body.size);
    if (http_response_has_body(reply))
        buf_put_bytes(out, body);
}

void http_response_error(struct buf *out, const struct http_reply *reply, const char *why)
{
    const char *reason = http_reason(reply->status);
    const char *colon = why == NULL ? "" : ": ";
    why = why == NULL ? "" : why;
    http_response_begin(out, reply);
    (void)http_response_field(out, "Content-Type", BELFRY_BYTES("text/plain; charset=utf-8"));
    http_response_end(out, reply,
                      strlen("400 ") + strlen(reason) + strlen(colon) + strlen(why) + strlen("\n"));
    if (http_response_has_body(reply))
        buf_printf(out, "%u %s%s%s\n", reply->status, reason, colon, why);
}

void http_response_continue(struct buf *out)
{
    http_response_begin(out, &(struct http_reply){ .status = 100 });
    buf_put_text(out, "\r\n");
}
