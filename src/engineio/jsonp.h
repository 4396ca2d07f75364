/*
 * engineio/jsonp.h - polling by script elements and forms, for browsers without anything better.
 *
 * A GET is answered with a call of a function that the page has; a POST is a form whose field d
 * holds the payload. Both carry payloads in text form.
 */
#ifndef ENGINEIO_JSONP_H
#define ENGINEIO_JSONP_H

#include "base/buf.h"
#include "base/defs.h"
#include "engineio/packet.h"

/* Appends ___eio[@index]("payload"); with the digits of @index (eio_query.jsonp, which is decoded
 * here). @payload is valid UTF-8. Sticky. */
void eio_jsonp_put(struct buf *out, belfry_bytes index, belfry_bytes payload);

/*
 * Replaces @out_payload by what field d of the form @body holds, valid UTF-8 and never larger than
 * @body. Malformed: no such field, or not UTF-8.
 */
BELFRY_NODISCARD enum eio_result eio_jsonp_read(belfry_bytes body, struct buf *out_payload);

#endif
