/*
 * query.c - one pass over name=value pairs. Only short things matter, so a name or value is
 * decoded into a few bytes, and one that does not fit is none of ours.
 */
#include "engineio/query.h"

#define LONGEST 12 /* more than "transport" and "websocket" */

struct word {
    char text[LONGEST];
    size_t size; /* LONGEST: too long for any of our words */
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct word decode(belfry_bytes encoded)
{
    const char *at = encoded.data, *end = at + encoded.size;
    struct word w = { 0 };
    while (at < end && w.size < LONGEST) {
        char c = *at++;
        if (c == '%' && end - at >= 2 && hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0) {
            c = (char)(hex_value(at[0]) << 4 | hex_value(at[1]));
            at += 2;
        }
        w.text[w.size++] = c;
    }
    return w;
}

static bool is_word(const struct word *w, const char *text)
{
    return bytes_equal_text(bytes_of(w->text, w->size), text);
}

static bool means(belfry_bytes encoded, const char *text)
{
    struct word w = decode(encoded);
    return is_word(&w, text);
}

static enum eio_transport transport_of(belfry_bytes value)
{
    struct word w = decode(value);
    if (is_word(&w, "polling"))
        return EIO_TRANSPORT_POLLING;
    if (is_word(&w, "websocket"))
        return EIO_TRANSPORT_WEBSOCKET;
    return EIO_TRANSPORT_UNKNOWN;
}

static void set_parameter(struct eio_query *q, belfry_bytes name, belfry_bytes value)
{
    struct word w = decode(name);
    if (is_word(&w, "EIO")) {
        q->revision = means(value, "4") ? EIO_REVISION_4 : EIO_REVISION_3;
    } else if (is_word(&w, "transport")) {
        q->transport = transport_of(value);
        q->transport_text = value;
    } else if (is_word(&w, "sid")) {
        q->sid = value;
        q->has_sid = value.size > 0;
    } else if (is_word(&w, "b64")) {
        q->wants_base64 = value.size > 0;
    } else if (is_word(&w, "j")) {
        q->jsonp = value;
        q->is_jsonp = true;
    }
}

/* Cuts @text at the first @mark, which belongs to neither part. */
static belfry_bytes cut_at(belfry_bytes text, char mark, belfry_bytes *out_rest)
{
    const char *start = text.data;
    const char *found = text.size > 0 ? memchr(start, mark, text.size) : NULL;
    if (found == NULL) {
        *out_rest = bytes_of("", 0);
        return text;
    }
    size_t size = (size_t)(found - start);
    *out_rest = bytes_of(found + 1, text.size - size - 1);
    return bytes_of(start, size);
}

void eio_query_parse(belfry_bytes query, struct eio_query *out_query)
{
    *out_query = (struct eio_query){ .revision = EIO_REVISION_3 };
    while (query.size > 0) {
        belfry_bytes value;
        belfry_bytes name = cut_at(cut_at(query, '&', &query), '=', &value);
        set_parameter(out_query, name, value);
    }
}

const char *eio_transport_name(enum eio_transport transport)
{
    switch (transport) {
    case EIO_TRANSPORT_POLLING:
        return "polling";
    case EIO_TRANSPORT_WEBSOCKET:
        return "websocket";
    case EIO_TRANSPORT_UNKNOWN:
        break;
    }
    return "unknown";
}
