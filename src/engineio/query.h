/*
 * engineio/query.h - what a request's query string says to Engine.IO.
 *
 * Of equal names the last counts. Names and values are compared decoded; a bad percent sequence
 * stands for itself, as in JavaScript's parsers.
 */
#ifndef ENGINEIO_QUERY_H
#define ENGINEIO_QUERY_H

#include "base/defs.h"
#include "engineio/packet.h"

enum eio_transport {
    EIO_TRANSPORT_UNKNOWN, /* answer EIO_ERR_UNKNOWN_TRANSPORT */
    EIO_TRANSPORT_POLLING,
    EIO_TRANSPORT_WEBSOCKET,
};

struct eio_query {
    enum eio_revision revision; /* 4 if EIO is "4", else 3 */
    enum eio_transport transport;
    bool has_sid;      /* absent for a handshake; an empty one counts as absent */
    bool wants_base64; /* b64 has a value: the peer cannot receive binary */
    bool is_jsonp;     /* j is there */
    /* As they stand in the query, not decoded. Sids have only [A-Za-z0-9_-]: an encoded one is
     * simply not known. */
    belfry_bytes sid;
    belfry_bytes transport_text; /* for those who are told of refusals */
    belfry_bytes jsonp;          /* the index: its digits count */
};

/* Parses @query, without its '?'. Owns: @out_query points into @query. */
void eio_query_parse(belfry_bytes query, struct eio_query *out_query);

/* "polling", "websocket" or "unknown". Owns: static. */
const char *eio_transport_name(enum eio_transport transport);

#endif
