/*
 * chars.c - the table behind chars.h, in the order of ASCII.
 *
 * Targets leave out what browsers always encode: controls, blank, " # < > and everything above
 * 0x7e. Hosts are names and addresses only: RFC 3986 would allow commas, percent signs and more,
 * but no real host has them and joined or doctored Host fields do.
 */
#include "http/chars.h"

#define V HTTP_CHAR_VALUE
#define T (V | HTTP_CHAR_TARGET)
#define K HTTP_CHAR_TOKEN
#define H HTTP_CHAR_HOST

const uint8_t http_chars[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | K,
    ['"'] = V,
    ['#'] = V | K,
    ['$' ... '\''] = T | K,
    ['(' ... ')'] = T,
    ['*' ... '+'] = T | K,
    [','] = T,
    ['-' ... '.'] = T | K | H,
    ['/'] = T,
    ['0' ... '9'] = T | K | H | HTTP_CHAR_DIGIT | HTTP_CHAR_HEX,
    [':' ... ';'] = T,
    ['<'] = V,
    ['='] = T,
    ['>'] = V,
    ['?' ... '@'] = T,
    ['A' ... 'F'] = T | K | H | HTTP_CHAR_HEX,
    ['G' ... 'Z'] = T | K | H,
    ['[' ... ']'] = T,
    ['^'] = T | K,
    ['_'] = T | K | H,
    ['`'] = T | K,
    ['a' ... 'f'] = T | K | H | HTTP_CHAR_HEX,
    ['g' ... 'z'] = T | K | H,
    ['{'] = T,
    ['|'] = T | K,
    ['}'] = T,
    ['~'] = T | K | H,
    [0x80 ... 0xff] = V,
};
