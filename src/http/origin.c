/*
 * origin.c - scheme "://" host [":" port], as browsers serialise it, or no match.
 */
#include "http/origin.h"

#include "http/chars.h"
#include "http/field.h"
#include "http/host.h"

static uint16_t default_port(belfry_bytes scheme)
{
    if (bytes_equal_text(scheme, "http"))
        return 80;
    if (bytes_equal_text(scheme, "https"))
        return 443;
    return 0;
}

/* The size of a lower-case scheme that "://" follows; 0 if there is none. */
static size_t scheme_size(belfry_bytes text)
{
    const char *at = text.data;
    size_t i = 0;
    while (i < text.size && ((at[i] >= 'a' && at[i] <= 'z') ||
                             (i > 0 && ((at[i] >= '0' && at[i] <= '9') || at[i] == '-' ||
                                        at[i] == '+' || at[i] == '.'))))
        i++;
    if (text.size - i < 3 || memcmp(at + i, "://", 3) != 0)
        return 0;
    return i;
}

static bool has_capital(belfry_bytes text)
{
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            return true;
    return false;
}

/* @text with the port @host was read from: written as a browser would? No ":", ":080", ":443". */
static bool is_port_canonical(belfry_bytes text, const struct http_host *host, uint16_t usual)
{
    if (text.size == host->name.size)
        return true;
    const char *digits = (const char *)text.data + host->name.size + 1;
    return host->port != 0 && host->port != usual && *digits != '0';
}

bool http_origin_parse(belfry_bytes text, struct http_origin *out)
{
    size_t size = scheme_size(text);
    if (size == 0 || has_capital(text))
        return false;
    belfry_bytes scheme = bytes_of(text.data, size);
    belfry_bytes rest = bytes_of((const char *)text.data + size + 3, text.size - size - 3);
    uint16_t usual = default_port(scheme);
    struct http_host host;
    if (!http_host_parse(rest, &host) || !is_port_canonical(rest, &host, usual))
        return false;
    *out = (struct http_origin){ scheme, host.name, host.port != 0 ? host.port : usual };
    return true;
}

/* A Host field may be written in capitals. */
static bool is_same_name(belfry_bytes lower, belfry_bytes any)
{
    const uint8_t *a = lower.data;
    const uint8_t *b = any.data;
    if (lower.size != any.size)
        return false;
    for (size_t i = 0; i < lower.size; i++)
        if (a[i] != http_lower(b[i]))
            return false;
    return true;
}

bool http_origin_is_same(belfry_bytes origin, belfry_bytes host, enum http_security security)
{
    struct http_origin theirs;
    struct http_host ours;
    if (!http_origin_parse(origin, &theirs) || !http_host_parse(host, &ours))
        return false;
    const char *scheme = security == HTTP_TLS ? "https" : "http";
    uint16_t port = ours.port != 0 ? ours.port : default_port(bytes_of_text(scheme));
    return bytes_equal_text(theirs.scheme, scheme) && theirs.port == port &&
           is_same_name(theirs.host, ours.name);
}

/* Is it a single value, whatever it says ("null", "file://")? */
static bool is_single(belfry_bytes origin)
{
    return origin.size > 0 && memchr(origin.data, ',', origin.size) == NULL &&
           memchr(origin.data, ' ', origin.size) == NULL &&
           memchr(origin.data, '\t', origin.size) == NULL;
}

bool http_origin_is_listed(belfry_bytes origin, belfry_bytes list)
{
    belfry_bytes listed;
    if (!is_single(origin))
        return false;
    while (http_list_next(&list, &listed))
        if (bytes_equal_text(listed, "*") || bytes_equal(listed, origin))
            return true;
    return false;
}

enum http_origin_verdict http_origin_check(const struct http_head *head,
                                           enum http_security security, belfry_bytes list,
                                           belfry_bytes *out_origin)
{
    belfry_bytes origin;
    *out_origin = bytes_of(NULL, 0);
    switch (http_single(head, "Origin", &origin)) {
    case HTTP_MISSING:
        return HTTP_ORIGIN_NONE;
    case HTTP_REPEATED:
        return HTTP_ORIGIN_REFUSED;
    case HTTP_ONE:
        break;
    }
    if (!http_origin_is_same(origin, head->host, security) && !http_origin_is_listed(origin, list))
        return HTTP_ORIGIN_REFUSED;
    *out_origin = origin;
    return HTTP_ORIGIN_ALLOWED;
}
