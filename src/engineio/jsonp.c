/*
 * jsonp.c - payloads as JavaScript and as forms.
 *
 * A form is decoded twice: percent sequences, then newlines. Browsers turn the line breaks of a
 * form into CRLF, so clients write a backslash and an n for each, and two backslashes and an n
 * where the payload has a backslash and an n.
 */
#include "engineio/jsonp.h"

#include "base/json.h"
#include "base/utf8.h"

/* The first U+2028 or U+2029 of @text: JSON strings may hold them, scripts of old engines may not.
 */
static const uint8_t *find_separator(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 3; at++) {
        if (at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9))
            return at;
    }
    return end;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes percent sequences and '+' in place; a bad sequence stands for itself. */
static void decode_form(struct buf *b)
{
    size_t to = 0;
    for (size_t at = 0; at < b->size; at++) {
        uint8_t c = b->data[at];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && b->size - at > 2) {
            int high = hex_value(b->data[at + 1]), low = hex_value(b->data[at + 2]);
            if (high >= 0 && low >= 0) {
                c = (uint8_t)(high << 4 | low);
                at += 2;
            }
        }
        b->data[to++] = c;
    }
    b->size = to;
}

void eio_jsonp_put(struct buf *out, belfry_bytes index, belfry_bytes payload)
{
    struct buf plain = { 0 };
    buf_put_bytes(&plain, index);
    if (!buf_failed(&plain))
        decode_form(&plain);
    buf_put_text(out, "___eio[");
    for (size_t i = 0; i < plain.size; i++) {
        if (plain.data[i] >= '0' && plain.data[i] <= '9')
            buf_put_char(out, (char)plain.data[i]);
    }
    if (buf_failed(&plain))
        out->has_failed = 1;
    buf_deinit(&plain);
    buf_put_text(out, "](");
    struct buf string = { 0 };
    json_put_string(&string, payload);
    if (buf_failed(&string)) {
        out->has_failed = 1;
        buf_deinit(&string);
        return;
    }
    const uint8_t *at = string.data, *end = at + string.size; /* two quotes at least */
    while (at < end) {
        const uint8_t *separator = find_separator(at, end);
        buf_put(out, at, (size_t)(separator - at));
        if (separator == end)
            break;
        buf_put_text(out, separator[2] == 0xA8 ? "\\u2028" : "\\u2029");
        at = separator + 3;
    }
    buf_deinit(&string);
    buf_put_text(out, ");");
}

/* The value of the last field d, still encoded. */
static bool find_payload(belfry_bytes body, belfry_bytes *out_value)
{
    bool is_found = false;
    if (body.size == 0)
        return false;
    const char *at = body.data, *end = at + body.size;
    while (at < end) {
        const char *field_end = memchr(at, '&', (size_t)(end - at));
        if (field_end == NULL)
            field_end = end;
        if (field_end - at >= 2 && at[0] == 'd' && at[1] == '=') {
            *out_value = bytes_of(at + 2, (size_t)(field_end - at - 2));
            is_found = true;
        }
        at = field_end < end ? field_end + 1 : end;
    }
    return is_found;
}

/* In place: \n is a line break, \\n is \n. */
static void decode_newlines(struct buf *b)
{
    size_t to = 0;
    for (size_t at = 0; at < b->size; at++) {
        const uint8_t *c = b->data + at;
        size_t left = b->size - at;
        if (left >= 3 && memcmp(c, "\\\\n", 3) == 0) {
            b->data[to++] = '\\';
            b->data[to++] = 'n';
            at += 2;
        } else if (left >= 2 && memcmp(c, "\\n", 2) == 0) {
            b->data[to++] = '\n';
            at += 1;
        } else {
            b->data[to++] = *c;
        }
    }
    b->size = to;
}

enum eio_result eio_jsonp_read(belfry_bytes body, struct buf *out_payload)
{
    belfry_bytes value;
    buf_clear(out_payload);
    if (!find_payload(body, &value))
        return EIO_MALFORMED;
    if (buf_append(out_payload, value.data, value.size) != BELFRY_OK)
        return EIO_NO_MEMORY;
    decode_form(out_payload);
    decode_newlines(out_payload);
    return utf8_is_valid(buf_bytes(out_payload)) ? EIO_OK : EIO_MALFORMED;
}
