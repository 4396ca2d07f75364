/*
 * handshake_client.c - the request a client sends, and what it makes of the answer.
 */
#include "ws/handshake.h"
#include "ws/scan.h"

static bool has_line_break(belfry_bytes value)
{
    return value.size > 0 && (memchr(value.data, '\r', value.size) != NULL ||
                              memchr(value.data, '\n', value.size) != NULL ||
                              memchr(value.data, '\0', value.size) != NULL);
}

static void put_header(struct buf *out, const char *name, belfry_bytes value)
{
    if (value.size == 0)
        return;
    buf_put_text(out, name);
    buf_put_bytes(out, value);
    buf_put_text(out, "\r\n");
}

static void put_request(struct buf *out, const struct ws_request *r)
{
    buf_put_text(out, "GET ");
    buf_put_bytes(out, r->target.size > 0 ? r->target : BELFRY_BYTES("/"));
    buf_put_text(out, " HTTP/1.1\r\n");
    put_header(out, "Host: ", r->host);
    buf_put_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
    put_header(out, "Sec-WebSocket-Key: ", bytes_of(r->key, WS_KEY_SIZE));
    put_header(out, "Origin: ", r->origin);
    put_header(out, "Sec-WebSocket-Protocol: ", r->protocols);
    put_header(out, "Sec-WebSocket-Extensions: ", r->extensions);
    buf_put_bytes(out, r->more);
    buf_put_text(out, "\r\n");
}

belfry_err ws_request_write(struct buf *out, const struct ws_request *request)
{
    const belfry_bytes values[] = { request->host, request->target, request->origin,
                                    request->protocols, request->extensions };
    for (const belfry_bytes *v = values; v != BELFRY_END(values); v++) {
        if (has_line_break(*v))
            return BELFRY_ERR_INVALID;
    }
    size_t before = out->size;
    put_request(out, request);
    if (!buf_failed(out))
        return BELFRY_OK;
    out->size = before;
    out->has_failed = 0;
    return BELFRY_ERR_NOMEM;
}

/* A server may choose one of the protocols the client named, or none (RFC 6455 4.1). */
static bool was_requested(belfry_bytes protocol, belfry_bytes protocols)
{
    struct scan s = scan_of(protocols);
    belfry_bytes element;
    while (scan_element(&s, &element)) {
        if (bytes_equal(element, protocol))
            return true;
    }
    return false;
}

const char *ws_response_refusal(const struct ws_response *response, const char key[WS_KEY_SIZE],
                                belfry_bytes protocols)
{
    char accept[WS_ACCEPT_SIZE];
    if (response->status != 101)
        return "the status is not 101";
    if (!ws_has_token(response->upgrade, "websocket"))
        return "Upgrade is not websocket";
    if (!ws_has_token(response->connection, "upgrade"))
        return "Connection has no upgrade";
    if (ws_accept_key(key, accept) != BELFRY_OK)
        return "SHA-1 failed";
    if (!bytes_equal(response->accept, bytes_of(accept, sizeof accept)))
        return "Sec-WebSocket-Accept is wrong";
    if (response->protocol.size > 0 && !was_requested(response->protocol, protocols))
        return "the subprotocol was not asked for";
    return NULL;
}
