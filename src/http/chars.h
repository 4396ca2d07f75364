/*
 * http/chars.h - which bytes may stand where, as one table.
 *
 * Every byte of a head is looked up here once; the parsers hold no other opinion about bytes.
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include "base/defs.h"

enum http_char_class {
    HTTP_CHAR_TOKEN = 1,  /* RFC 9110 5.6.2 tchar: methods, field names */
    HTTP_CHAR_VALUE = 2,  /* RFC 9110 5.5: field values, with blank, tab and obs-text */
    HTTP_CHAR_TARGET = 4, /* request targets: visible ASCII, less those no client may send raw */
    HTTP_CHAR_HOST = 8,   /* RFC 3986 reg-name without its percent sign */
    HTTP_CHAR_DIGIT = 16,
    HTTP_CHAR_HEX = 32,
};

extern const uint8_t http_chars[256];

static inline bool http_char_is(uint8_t byte, enum http_char_class what)
{
    return (http_chars[byte] & what) != 0;
}

static inline uint8_t http_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* The value of a hexadecimal digit; -1 for any other byte. */
static inline int http_hex_value(uint8_t byte)
{
    if (!http_char_is(byte, HTTP_CHAR_HEX))
        return -1;
    return byte <= '9' ? byte - '0' : http_lower(byte) - 'a' + 10;
}

static inline bool http_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

#endif
