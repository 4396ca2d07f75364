/*
 * engineio/payload.h - several packets as the body of one polling request or response.
 *
 *     eio_payload_init(&p, revision, EIO_FORM_TEXT, body);
 *     while (eio_payload_next(&p, &scratch, &packet))
 *         handle(session, &packet);
 *     if (p.result != EIO_OK)              what came before the fault was handled already
 *         ...
 *
 *     eio_payload_begin(&w, &out, revision, EIO_FORM_TEXT);
 *     eio_payload_put(&w, &packet);        any number
 *     eio_payload_end(&w);
 *
 *     revision 4          4hello <1E> bAQID <1E> 2         (without the blanks)
 *     revision 3, text    6:4hello 10:b4AQIDBA== 1:2       lengths in UTF-16 units, as JavaScript
 * has revision 3, octets  00 06 FF "4hello"   01 04 FF 04 01 02 03     lengths in bytes
 *
 * Reading takes one pass and allocates nothing but decoded base64; there are never more packets
 * than the body has bytes.
 */
#ifndef ENGINEIO_PAYLOAD_H
#define ENGINEIO_PAYLOAD_H

#include "base/buf.h"
#include "base/defs.h"
#include "engineio/packet.h"

/* EIO_FORM_OCTETS exists in revision 3 only; a client of revision 4 that sends it is refused
 * (EIO_CAUSE_CONTENT) before its body is looked at. */
enum eio_form { EIO_FORM_TEXT, EIO_FORM_OCTETS };

/* The form of a request with this Content-Type (may be empty): "application/octet-stream" or not.
 */
enum eio_form eio_form_of(belfry_bytes content_type);

/* The Content-Type of a response. Owns: static. */
const char *eio_form_content_type(enum eio_form form);

struct eio_payload {
    belfry_bytes rest;
    enum eio_revision revision;
    enum eio_form form;
    enum eio_result result; /* once eio_payload_next has said false: how it ended */
    bool is_ended;
};

/* @body is valid UTF-8 if @form is text (else the data of packets is not), and must stay. */
void eio_payload_init(struct eio_payload *p, enum eio_revision revision, enum eio_form form,
                      belfry_bytes body);

/*
 * Gives the next packet. False: there is none, @p->result says why. An empty body is malformed;
 * "0:" (revision 3) has no packets and is not.
 *
 * Owns:  @out_packet->data points into the body or @scratch, and is valid until the next call.
 */
bool eio_payload_next(struct eio_payload *p, struct buf *scratch, struct eio_packet *out_packet);

struct eio_payload_writer {
    struct buf *out;
    enum eio_revision revision;
    enum eio_form form;
    bool has_packets;
};

/*
 * Appends to @out (sticky). In text, binary is base64. Choose EIO_FORM_OCTETS for revision 3 when
 * the peer may be sent binary and some packet of the batch is.
 */
void eio_payload_begin(struct eio_payload_writer *w, struct buf *out, enum eio_revision revision,
                       enum eio_form form);
void eio_payload_put(struct eio_payload_writer *w, const struct eio_packet *packet);

/* Nothing was put: "0:" in revision 3, nothing in revision 4. */
void eio_payload_end(struct eio_payload_writer *w);

/* UTF-16 code units of valid UTF-8 @text: the length that JavaScript sees. */
size_t eio_utf16_length(belfry_bytes text);

#endif
