/*
 * host.c - RFC 3986 3.2.2, less what no real host has (see chars.c).
 */
#include "http/host.h"

#include "http/chars.h"

#define MAX_PORT_DIGITS 5

/* The size of "[...]" at the start, 0 if it is no IPv6 literal. Zones and futures are refused. */
static size_t literal_size(const uint8_t *text, size_t size)
{
    size_t i = 1;
    while (i < size && (http_char_is(text[i], HTTP_CHAR_HEX) || text[i] == ':' || text[i] == '.'))
        i++;
    if (i < sizeof("[::") - 1 || i == size || text[i] != ']')
        return 0;
    return i + 1;
}

static size_t name_size(const uint8_t *text, size_t size)
{
    size_t i = 0;
    while (i < size && http_char_is(text[i], HTTP_CHAR_HOST))
        i++;
    return i;
}

static bool parse_port(const uint8_t *digits, size_t size, uint16_t *out)
{
    uint32_t port = 0;
    if (size > MAX_PORT_DIGITS)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!http_char_is(digits[i], HTTP_CHAR_DIGIT))
            return false;
        port = port * 10 + (digits[i] - '0');
    }
    if (port > UINT16_MAX || (size > 0 && port == 0))
        return false;
    *out = (uint16_t)port;
    return true;
}

bool http_host_parse(belfry_bytes text, struct http_host *out)
{
    const uint8_t *start = text.data;
    if (text.size == 0)
        return false;
    size_t size = *start == '[' ? literal_size(start, text.size) : name_size(start, text.size);
    if (size == 0)
        return false;
    uint16_t port = 0;
    if (size < text.size &&
        (start[size] != ':' || !parse_port(start + size + 1, text.size - size - 1, &port)))
        return false;
    out->name = bytes_of(start, size);
    out->port = port;
    return true;
}
