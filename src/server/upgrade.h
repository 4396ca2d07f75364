/*
 * upgrade.h - the parts of the server's side of the opening handshake (RFC 6455 4.2), for whoever
 * says differently than upgrade_request what is wrong.
 *
 *     fault = upgrade_check(req->head, &key);
 *     if (fault == UPGRADE_FINE)
 *         fault = upgrade_write_response(req, key, policy, &accept.deflate, &response);
 *     if (fault == UPGRADE_FINE) ... send @response
 */
#ifndef SERVER_UPGRADE_H
#define SERVER_UPGRADE_H

#include "http/head.h"
#include "server/request.h"
#include "ws/extension.h"

enum upgrade_fault {
    UPGRADE_FINE,
    UPGRADE_NO_WEBSOCKET, /* no "Upgrade: websocket", or no "Connection: upgrade" */
    UPGRADE_BAD_METHOD,   /* neither GET nor HTTP/1.1 */
    UPGRADE_HAS_BODY,
    UPGRADE_BAD_VERSION,
    UPGRADE_BAD_KEY,
    UPGRADE_BAD_EXTENSIONS, /* malformed */
    UPGRADE_NO_MEMORY,
};

/* Is it a handshake? @out_key is set when all is fine. */
enum upgrade_fault upgrade_check(const struct http_head *head, belfry_bytes *out_key);

/*
 * The 101 with its fields, req->fields and the subprotocol that the route prefers included, and
 * the blank line, into @out, which was empty. NULL @policy: no compression. @out_deflate says what
 * was agreed. Faults: BAD_EXTENSIONS, NO_MEMORY.
 */
enum upgrade_fault upgrade_write_response(belfry_request *req, belfry_bytes key,
                                          const struct ws_deflate_policy *policy,
                                          struct ws_deflate_params *out_deflate, struct buf *out);

#endif
