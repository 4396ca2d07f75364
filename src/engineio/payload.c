/*
 * payload.c - three ways to put packets behind one another.
 *
 * Each has a function that cuts the next record off the body; what is inside is a message as on
 * a WebSocket, and read as one.
 */
#include "engineio/payload.h"

#include "base/base64.h"
#include "base/utf8.h"

#define SEPARATOR 0x1E
#define LENGTH_END 0xFF /* of revision 3's octets */

/* No body is as long as this has digits; with more, a length is nonsense. */
#define LENGTH_DIGITS_MAX 10

static const char octet_stream[] = "application/octet-stream";

enum eio_form eio_form_of(belfry_bytes content_type)
{
    return bytes_equal_text(content_type, octet_stream) ? EIO_FORM_OCTETS : EIO_FORM_TEXT;
}

const char *eio_form_content_type(enum eio_form form)
{
    return form == EIO_FORM_OCTETS ? octet_stream : "text/plain; charset=UTF-8";
}

static bool is_continuation(uint8_t b)
{
    return (b & 0xC0) == 0x80;
}

/* Units that the character beginning with @b adds. */
static size_t utf16_units(uint8_t b)
{
    return is_continuation(b) ? 0 : b >= 0xF0 ? 2 : 1;
}

size_t eio_utf16_length(belfry_bytes text)
{
    const uint8_t *data = text.data;
    size_t units = 0;
    for (size_t i = 0; i < text.size; i++)
        units += utf16_units(data[i]);
    return units;
}

/* Bytes of the first @units of @text; false if it has fewer, or a character would be cut. */
static bool measure_units(belfry_bytes text, size_t units, size_t *out_size)
{
    const uint8_t *data = text.data;
    size_t at = 0;
    while (at < text.size && (units > 0 || is_continuation(data[at]))) {
        size_t more = utf16_units(data[at]);
        if (more > units)
            return false;
        units -= more;
        at++;
    }
    *out_size = at;
    return units == 0;
}

void eio_payload_init(struct eio_payload *p, enum eio_revision revision, enum eio_form form,
                      belfry_bytes body)
{
    BELFRY_ASSERT(form == EIO_FORM_TEXT || revision == EIO_REVISION_3);
    *p = (struct eio_payload){
        .rest = body,
        .revision = revision,
        .form = form,
        .result = body.size == 0 && revision == EIO_REVISION_3 ? EIO_MALFORMED : EIO_OK,
        .is_ended = body.size == 0 && revision == EIO_REVISION_3,
    };
}

/* What one record holds. */
struct record {
    belfry_bytes message;
    bool is_binary;
};

static belfry_bytes take(belfry_bytes *rest, size_t size)
{
    belfry_bytes taken = bytes_of(rest->data, size);
    *rest = bytes_of((const uint8_t *)rest->data + size, rest->size - size);
    return taken;
}

/* Up to the next separator. Without one it is the last; "4a<1E>" has an empty packet behind it. */
static bool cut_separated(struct eio_payload *p, struct record *out)
{
    const uint8_t *separator =
        p->rest.size > 0 ? memchr(p->rest.data, SEPARATOR, p->rest.size) : NULL;
    out->is_binary = false;
    if (separator == NULL) {
        out->message = p->rest;
        p->is_ended = true;
        return true;
    }
    out->message = take(&p->rest, (size_t)(separator - (const uint8_t *)p->rest.data));
    (void)take(&p->rest, 1);
    return true;
}

/*
 * Takes a length up to and with its end mark: digits @zero + 0 to @zero + 9, at least one, no
 * needless zeros.
 */
static bool take_length(belfry_bytes *rest, uint8_t zero, uint8_t mark, size_t *out_length)
{
    const uint8_t *data = rest->data;
    uint64_t length = 0;
    size_t at = 0;
    for (; at < rest->size && data[at] != mark; at++) {
        uint8_t digit = (uint8_t)(data[at] - zero);
        if (digit > 9 || at == LENGTH_DIGITS_MAX || (at == 1 && data[0] == zero))
            return false;
        length = length * 10 + digit;
    }
    if (at == 0 || at == rest->size || length > SIZE_MAX)
        return false;
    (void)take(rest, at + 1);
    *out_length = (size_t)length;
    return true;
}

static bool cut_counted(struct eio_payload *p, struct record *out)
{
    size_t units = 0, size = 0;
    if (!take_length(&p->rest, '0', ':', &units) || !measure_units(p->rest, units, &size))
        return false;
    out->is_binary = false;
    out->message = take(&p->rest, size);
    p->is_ended = p->rest.size == 0;
    return true;
}

static bool cut_octets(struct eio_payload *p, struct record *out)
{
    uint8_t kind = *(const uint8_t *)take(&p->rest, 1).data;
    size_t size = 0;
    if (kind > 1 || !take_length(&p->rest, 0, LENGTH_END, &size) || size > p->rest.size)
        return false;
    out->is_binary = kind == 1;
    out->message = take(&p->rest, size);
    p->is_ended = p->rest.size == 0;
    return out->is_binary || utf8_is_valid(out->message);
}

static bool cut(struct eio_payload *p, struct record *out)
{
    if (p->revision == EIO_REVISION_4)
        return cut_separated(p, out);
    return p->form == EIO_FORM_OCTETS ? cut_octets(p, out) : cut_counted(p, out);
}

static bool end(struct eio_payload *p, enum eio_result result)
{
    p->result = result;
    p->is_ended = true;
    return false;
}

bool eio_payload_next(struct eio_payload *p, struct buf *scratch, struct eio_packet *out_packet)
{
    while (!p->is_ended) {
        struct record record = { 0 };
        if (!cut(p, &record))
            return end(p, EIO_MALFORMED);
        if (record.message.size == 0 && p->revision == EIO_REVISION_3 && p->form == EIO_FORM_TEXT)
            continue; /* "0:" is how revision 3 says that there is nothing */
        enum eio_result result =
            eio_packet_read(p->revision, record.is_binary, record.message, scratch, out_packet);
        return result == EIO_OK ? true : end(p, result);
    }
    return false;
}

void eio_payload_begin(struct eio_payload_writer *w, struct buf *out, enum eio_revision revision,
                       enum eio_form form)
{
    BELFRY_ASSERT(form == EIO_FORM_TEXT || revision == EIO_REVISION_3);
    *w = (struct eio_payload_writer){ .out = out, .revision = revision, .form = form };
}

static void put_octets_length(struct buf *out, size_t length)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)(length % 10);
        length /= 10;
    } while (length > 0);
    buf_put(out, digits + at, sizeof digits - at);
    buf_put_char(out, (char)LENGTH_END);
}

void eio_payload_put(struct eio_payload_writer *w, const struct eio_packet *packet)
{
    enum eio_binary binary = w->form == EIO_FORM_OCTETS ? EIO_MAY_BINARY : EIO_BASE64_ONLY;
    if (w->revision == EIO_REVISION_4) {
        if (w->has_packets)
            buf_put_char(w->out, SEPARATOR);
    } else if (w->form == EIO_FORM_OCTETS) {
        buf_put_char(w->out, packet->is_binary ? 1 : 0);
        put_octets_length(w->out, 1 + packet->data.size);
    } else {
        size_t units = packet->is_binary ? 2 + base64_size(packet->data.size)
                                         : 1 + eio_utf16_length(packet->data);
        buf_put_u64(w->out, units);
        buf_put_char(w->out, ':');
    }
    (void)eio_packet_put(w->out, w->revision, binary, packet); /* the record says if it is binary */
    w->has_packets = true;
}

void eio_payload_end(struct eio_payload_writer *w)
{
    if (w->revision == EIO_REVISION_3 && w->form == EIO_FORM_TEXT && !w->has_packets)
        buf_put_text(w->out, "0:");
}
