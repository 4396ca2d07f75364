/*
 * target.c - percent-decoding, exactly once, and then judging what came out.
 *
 *   /a/./b%20c/../d/  --decode a segment--> judge it --> "a/" "b c/" (taken back by "..") "d/"
 *
 * The order is the point: whoever checks first and decodes later serves "%2e%2e/". What is decoded
 * is never decoded again, so "%252e" is a file called "%2e".
 */
#include "http/target.h"

#include "base/utf8.h"
#include "http/chars.h"

/* Takes one byte, decoded; -1 if a percent sign is not followed by two hexadecimal digits. */
static int take_decoded(const uint8_t **at, const uint8_t *end)
{
    uint8_t byte = *(*at)++;
    if (byte != '%')
        return byte;
    if (end - *at < 2)
        return -1;
    int high = http_hex_value((*at)[0]);
    int low = http_hex_value((*at)[1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* --- paths ------------------------------------------------------------------------------------*/

/* Decodes a segment onto the end of @out, which has room. False: nothing a file may be called. */
static bool decode_segment(const uint8_t *at, const uint8_t *end, struct buf *out)
{
    size_t start = out->size;
    while (at < end) {
        int byte = take_decoded(&at, end);
        if (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '\\')
            return false;
        out->data[out->size++] = (uint8_t)byte;
    }
    return utf8_is_valid(bytes_of(out->data + start, out->size - start));
}

/* Takes the last "name/" off; false if there is none. */
static bool climb(struct buf *out)
{
    if (out->size == 0)
        return false;
    out->size--;
    while (out->size > 0 && out->data[out->size - 1] != '/')
        out->size--;
    return true;
}

/* Appends one raw segment, or does what "." and ".." say. A status, 0 if all is well. */
static unsigned add_segment(const uint8_t *at, const uint8_t *end, bool is_last, struct buf *out)
{
    size_t start = out->size;
    if (!decode_segment(at, end, out))
        return 400;
    belfry_bytes segment = bytes_of(out->data + start, out->size - start);
    bool is_here = segment.size == 0 || bytes_equal_text(segment, ".");
    bool is_up = bytes_equal_text(segment, "..");
    if (is_here || is_up) {
        out->size = start;
        return is_up && !climb(out) ? 403 : 0;
    }
    if (out->data[start] == '.')
        return 404;
    if (!is_last)
        out->data[out->size++] = '/';
    return 0;
}

unsigned http_path_to_file(belfry_bytes path, struct buf *out)
{
    const uint8_t *at = path.data;
    buf_clear(out);
    if (path.size == 0 || *at != '/')
        return 400;
    const uint8_t *end = at + path.size;
    if (buf_reserve(out, path.size) != BELFRY_OK) /* decoding never grows */
        return 500;
    while (at < end) {
        at++; /* the slash */
        const uint8_t *slash = memchr(at, '/', (size_t)(end - at));
        const uint8_t *segment_end = slash != NULL ? slash : end;
        unsigned status = add_segment(at, segment_end, slash == NULL, out);
        if (status != 0)
            return status;
        at = segment_end;
    }
    return 0;
}

/* --- queries ----------------------------------------------------------------------------------*/

bool http_query_next(belfry_bytes *rest, belfry_bytes *out_name, belfry_bytes *out_value)
{
    while (rest->size > 0) {
        const uint8_t *start = rest->data;
        const uint8_t *ampersand = memchr(start, '&', rest->size);
        size_t size = ampersand == NULL ? rest->size : (size_t)(ampersand - start);
        size_t taken = size + (ampersand != NULL);
        *rest = bytes_of(start + taken, rest->size - taken);
        if (size == 0)
            continue;
        const uint8_t *equals = memchr(start, '=', size);
        size_t name_size = equals == NULL ? size : (size_t)(equals - start);
        size_t value_size = equals == NULL ? 0 : size - name_size - 1;
        *out_name = bytes_of(start, name_size);
        *out_value = bytes_of(start + size - value_size, value_size);
        return true;
    }
    return false;
}

/* As forms are encoded: '+' is a blank. -1 for bad percent sequences and for NUL. */
static int take_form_byte(const uint8_t **at, const uint8_t *end)
{
    bool is_blank = **at == '+';
    int byte = take_decoded(at, end);
    if (is_blank)
        return ' ';
    return byte == 0 ? -1 : byte;
}

/* Is @raw, decoded, @text? */
static bool decodes_to(belfry_bytes raw, const char *text)
{
    const uint8_t *at = raw.data;
    const uint8_t *end = at + raw.size;
    for (; at < end && *text != '\0'; text++)
        if (take_form_byte(&at, end) != (uint8_t)*text)
            return false;
    return at == end && *text == '\0';
}

belfry_err http_query_decode(belfry_bytes raw, struct buf *out)
{
    const uint8_t *at = raw.data;
    const uint8_t *end = at + raw.size;
    buf_clear(out);
    belfry_err err = buf_reserve(out, raw.size);
    if (err != BELFRY_OK)
        return err;
    while (at < end) {
        int byte = take_form_byte(&at, end);
        if (byte < 0)
            return BELFRY_ERR_INVALID;
        out->data[out->size++] = (uint8_t)byte;
    }
    return utf8_is_valid(buf_bytes(out)) ? BELFRY_OK : BELFRY_ERR_INVALID;
}

/* The raw value of the next parameter called @name. */
static bool find_raw(belfry_bytes *rest, const char *name, belfry_bytes *out_value)
{
    belfry_bytes raw_name;
    while (http_query_next(rest, &raw_name, out_value))
        if (decodes_to(raw_name, name))
            return true;
    return false;
}

belfry_err http_query_find_next(belfry_bytes *rest, const char *name, struct buf *out)
{
    belfry_bytes raw;
    return find_raw(rest, name, &raw) ? http_query_decode(raw, out) : BELFRY_ERR_NOT_FOUND;
}

belfry_err http_query_find(belfry_bytes query, const char *name, struct buf *out)
{
    return http_query_find_next(&query, name, out);
}

bool http_query_is(belfry_bytes query, const char *name, const char *value)
{
    belfry_bytes raw;
    return find_raw(&query, name, &raw) && decodes_to(raw, value);
}
