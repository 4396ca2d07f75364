/*
 * extension.h - agreeing on permessage-deflate (RFC 7692 section 7, RFC 6455 section 9.1).
 *
 *     client                                         server
 *     ws_deflate_offer_write  --- offers --->  ws_deflate_negotiate
 *     ws_deflate_confirm      <-- response --  (its @out_response)
 *
 * Headers that occur several times are joined with commas before they come here. Time is linear
 * in the header.
 */
#ifndef WS_EXTENSION_H
#define WS_EXTENSION_H

#include "base/defs.h"
#include "ws/opcode.h"

/* What was agreed on; all zero: no compression. Three bytes, kept per connection. */
struct ws_deflate_params {
    bool is_on : 1;
    bool server_no_context_takeover : 1; /* the server starts every message with an empty window */
    bool client_no_context_takeover : 1;
    uint8_t server_max_window_bits; /* 8..15: the window the server compresses with */
    uint8_t client_max_window_bits;
};

/* What our side wants. All zero: full windows, context takeover where the peer allows it. */
struct ws_deflate_policy {
    bool
        server_no_context_takeover; /* server: shared compressors; client: asks the server for it */
    bool
        client_no_context_takeover; /* server: the client must not; client: says that it will not */
    uint8_t server_max_window_bits; /* 9..15, 0 is 15: largest window of the server's compressor */
    uint8_t client_max_window_bits; /* 9..15, 0 is 15: asked for where the client allows to */
};

enum { WS_DEFLATE_TEXT_MAX = 160 }; /* bytes of the longest offer or response, NUL included */

enum ws_negotiation {
    WS_EXTENSIONS_NONE,      /* go on without: no offer, or none that can be accepted */
    WS_EXTENSIONS_DEFLATE,   /* agreed */
    WS_EXTENSIONS_MALFORMED, /* not the ABNF: RFC 6455 9.1 says to fail the handshake */
};

/*
 * Server: picks the first acceptable offer of the client's Sec-WebSocket-Extensions. An unknown,
 * repeated, ill-valued or out-of-range parameter declines its offer only. On WS_EXTENSIONS_DEFLATE
 * @out_params is set and @out_response is the value to answer with, NUL-terminated; untouched
 * otherwise.
 */
enum ws_negotiation ws_deflate_negotiate(const struct ws_deflate_policy *policy,
                                         belfry_bytes extensions,
                                         struct ws_deflate_params *out_params,
                                         char out_response[WS_DEFLATE_TEXT_MAX]);

/* Client: writes the offer of @policy, NUL-terminated, and returns its length. */
size_t ws_deflate_offer_write(const struct ws_deflate_policy *policy,
                              char out_offer[WS_DEFLATE_TEXT_MAX]);

/*
 * Client: judges the server's Sec-WebSocket-Extensions (empty when it has none) against the offer
 * of @policy. False: the response is not one that the offer allows; fail the connection.
 * @out_params is set on true; its is_on says whether compression was agreed.
 */
BELFRY_NODISCARD bool ws_deflate_confirm(const struct ws_deflate_policy *policy,
                                         belfry_bytes extensions,
                                         struct ws_deflate_params *out_params);

/* The window with which @role compresses, and whether it must start each message anew. */
static inline unsigned ws_deflate_window_bits(struct ws_deflate_params p, enum ws_role role)
{
    return role == WS_SERVER ? p.server_max_window_bits : p.client_max_window_bits;
}

static inline bool ws_deflate_has_takeover(struct ws_deflate_params p, enum ws_role role)
{
    return role == WS_SERVER ? !p.server_no_context_takeover : !p.client_no_context_takeover;
}

#endif
