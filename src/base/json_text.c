/*
 * json_text.c - single tokens: what a JSON string means, and how a string is written as one.
 *
 * Most strings have no escapes; they are compared and handed out where they stand. The others are
 * walked as runs of plain characters with escapes between them.
 */
#include "base/json.h"

static const uint8_t *inside_of(belfry_bytes token, const uint8_t **out_end)
{
    BELFRY_ASSERT(token.size >= 2);
    const uint8_t *start = token.data;
    *out_end = start + token.size - 1;
    return start + 1;
}

bool json_string_plain(belfry_bytes token, belfry_bytes *out_text)
{
    const uint8_t *end;
    const uint8_t *at = inside_of(token, &end);
    if (memchr(at, '\\', (size_t)(end - at)) != NULL)
        return false;
    *out_text = bytes_of(at, (size_t)(end - at));
    return true;
}

/* --- escapes ----------------------------------------------------------------------------- */

static unsigned hex_value(uint8_t c)
{
    return c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10;
}

static uint32_t read_hex4(const uint8_t *digits)
{
    return hex_value(digits[0]) << 12 | hex_value(digits[1]) << 8 | hex_value(digits[2]) << 4 |
           hex_value(digits[3]);
}

static size_t encode_utf8(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/*
 * RFC 8259 7: \u with the code itself, or with the two halves of a surrogate pair. @at is at the
 * first digit and moves behind the escape. Reading ahead is safe: a token ends with a quote.
 */
static size_t decode_unicode(const uint8_t **at, uint8_t out[4])
{
    uint32_t code = read_hex4(*at);
    *at += 4;
    if (code < 0xd800 || code > 0xdfff)
        return encode_utf8(code, out);
    if (code > 0xdbff || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0;
    uint32_t low = read_hex4(*at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *at += 6;
    return encode_utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
}

/* The UTF-8 of the escape at @at, which moves behind it; 0 bytes for a lone surrogate. */
static size_t decode_escape(const uint8_t **at, uint8_t out[4])
{
    BELFRY_ASSERT(**at == '\\'); /* else it never was a valid token */
    uint8_t letter = (*at)[1];
    *at += 2;
    switch (letter) {
    case 'u':
        return decode_unicode(at, out);
    case 'b':
        out[0] = '\b';
        return 1;
    case 'f':
        out[0] = '\f';
        return 1;
    case 'n':
        out[0] = '\n';
        return 1;
    case 'r':
        out[0] = '\r';
        return 1;
    case 't':
        out[0] = '\t';
        return 1;
    }
    out[0] = letter; /* " \ / stand for themselves */
    return 1;
}

belfry_err json_string_decode(belfry_bytes token, struct buf *out)
{
    const uint8_t *end;
    const uint8_t *at = inside_of(token, &end);
    belfry_err err = buf_reserve(out, token.size); /* no escape is shorter than what it means */
    if (err != BELFRY_OK)
        return err;
    uint8_t *to = out->data + out->size;
    while (at < end) {
        const uint8_t *run_end = json_skip_plain(at, end);
        memcpy(to, at, (size_t)(run_end - at));
        to += run_end - at;
        at = run_end;
        if (at == end)
            break;
        uint8_t character[4];
        size_t size = decode_escape(&at, character);
        if (size == 0)
            return BELFRY_ERR_INVALID;
        memcpy(to, character, size);
        to += size;
    }
    out->size = (size_t)(to - out->data);
    return BELFRY_OK;
}

bool json_string_equals(belfry_bytes token, belfry_bytes text)
{
    const uint8_t *end;
    const uint8_t *at = inside_of(token, &end);
    const uint8_t *other = text.data;
    size_t left = text.size;
    while (at < end) {
        uint8_t character[4];
        const uint8_t *piece = at;
        at = json_skip_plain(at, end);
        size_t size = (size_t)(at - piece);
        if (size == 0) {
            size = decode_escape(&at, character);
            piece = character;
            if (size == 0)
                return false;
        }
        if (size > left || memcmp(piece, other, size) != 0)
            return false;
        other += size;
        left -= size;
    }
    return left == 0;
}

bool json_text_has_control(belfry_bytes text)
{
    const uint8_t *bytes = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f)
            return true;
        /* U+0080 to U+009F are C2 80 to C2 9F; C2 is never a second byte. */
        if (bytes[i] == 0xc2 && i + 1 < text.size && bytes[i + 1] < 0xa0)
            return true;
    }
    return false;
}

/* --- numbers ----------------------------------------------------------------------------- */

bool json_u64(belfry_bytes token, uint64_t *out_number)
{
    const uint8_t *digits = token.data;
    uint64_t number = 0;
    if (token.size == 0 || (digits[0] == '0' && token.size > 1))
        return false;
    for (size_t i = 0; i < token.size; i++) {
        if (digits[i] < '0' || digits[i] > '9' ||
            __builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digits[i] - '0'), &number))
            return false;
    }
    *out_number = number;
    return true;
}

/* --- writing ----------------------------------------------------------------------------- */

/* RFC 8259 7 demands escapes for quote, backslash and everything below 0x20, and no others. */
static void put_escape(struct buf *b, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };
    char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    size_t size = sizeof escape;
    if (c >= 0x20 || letters[c] != 0) {
        escape[1] = c >= 0x20 ? (char)c : letters[c];
        size = 2;
    }
    buf_put(b, escape, size);
}

void json_put_string(struct buf *b, belfry_bytes text)
{
    const uint8_t *at = text.size > 0 ? text.data : (const uint8_t *)"";
    const uint8_t *end = at + text.size;
    buf_put_char(b, '"');
    for (;;) {
        const uint8_t *run_end = json_skip_plain(at, end);
        buf_put(b, at, (size_t)(run_end - at));
        if (run_end == end)
            break;
        put_escape(b, *run_end);
        at = run_end + 1;
    }
    buf_put_char(b, '"');
}
