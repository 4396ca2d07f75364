/*
 * head_split.c - where the parts of a head are, and what its target names.
 *
 *   GET /chat?room=1 HTTP/1.1    origin-form     what every client sends us
 *   GET http://h:1/chat HTTP/1.1 absolute-form   for proxies, but servers must take it (3.2.2)
 *   OPTIONS * HTTP/1.1           asterisk-form   the server as a whole
 *   CONNECT h:1 HTTP/1.1         authority-form  not here
 *
 * All forms end as the same three spans: path, query, host.
 */
#include "http/head_split.h"

#include "http/chars.h"
#include "http/field.h"
#include "http/host.h"

/* The bytes before the next @stop, which the gate has guaranteed; *at moves behind it. */
static belfry_bytes take_until(const uint8_t **at, const uint8_t *end, uint8_t stop)
{
    const uint8_t *start = *at;
    const uint8_t *found = memchr(start, stop, (size_t)(end - start));
    BELFRY_ASSERT(found != NULL);
    *at = found + 1;
    return bytes_of(start, (size_t)(found - start));
}

static enum http_method method_of(belfry_bytes text)
{
    static const struct {
        belfry_bytes text;
        enum http_method method;
    } methods[] = {
#define METHOD_ROW(name) { { #name, sizeof(#name) - 1 }, HTTP_##name },
        HTTP_METHODS(METHOD_ROW)
#undef METHOD_ROW
    };
    for (size_t i = 0; i < BELFRY_COUNT(methods); i++)
        if (bytes_equal(text, methods[i].text))
            return methods[i].method;
    return HTTP_OTHER;
}

void http_head_split(const uint8_t *data, size_t size, struct http_head *out)
{
    const uint8_t *at = data;
    const uint8_t *end = data + size;
    while (*at == '\r') /* empty lines before the request */
        at += 2;

    *out = (struct http_head){ .fields = out->fields, .field_capacity = out->field_capacity };
    out->head_size = size;
    out->method_text = take_until(&at, end, ' ');
    out->method = method_of(out->method_text);
    out->target = take_until(&at, end, ' ');
    belfry_bytes version = take_until(&at, end, '\r');
    out->minor_version = ((const uint8_t *)version.data)[version.size - 1] == '1';
    at++; /* LF */
    while (*at != '\r') {
        BELFRY_ASSERT(out->field_count < out->field_capacity);
        struct http_field *field = &out->fields[out->field_count++];
        field->name = take_until(&at, end, ':');
        field->value = http_trim(take_until(&at, end, '\r'));
        at++; /* LF */
    }
}

static void set_path_and_query(struct http_head *head, belfry_bytes rest)
{
    const uint8_t *start = rest.data;
    const uint8_t *mark = rest.size == 0 ? NULL : memchr(start, '?', rest.size);
    size_t path_size = mark == NULL ? rest.size : (size_t)(mark - start);
    head->path = path_size == 0 ? BELFRY_BYTES("/") : bytes_of(start, path_size);
    if (mark != NULL)
        head->query = bytes_of(mark + 1, rest.size - path_size - 1);
}

/* The size of "http://" or "https://" at the start of @target, 0 if there is neither. */
static size_t scheme_size(belfry_bytes target)
{
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < BELFRY_COUNT(schemes); i++) {
        size_t size = strlen(schemes[i]);
        if (target.size > size && http_equals_nocase(bytes_of(target.data, size), schemes[i]))
            return size;
    }
    return 0;
}

static struct http_refusal resolve_absolute(struct http_head *head)
{
    size_t skip = scheme_size(head->target);
    if (skip == 0)
        return HTTP_REFUSE(400, "the request target is neither a path nor an http URL");
    const uint8_t *start = (const uint8_t *)head->target.data + skip;
    size_t size = head->target.size - skip;
    size_t authority_size = 0;
    while (authority_size < size && start[authority_size] != '/' && start[authority_size] != '?')
        authority_size++;

    /* RFC 9112 3.2.2: the target's host counts, whatever the Host field says. */
    head->host = bytes_of(start, authority_size);
    struct http_host parsed;
    if (!http_host_parse(head->host, &parsed))
        return HTTP_REFUSE(400, "invalid host in the request target");
    if (authority_size == size && head->method == HTTP_OPTIONS) /* RFC 9112 3.2.4 */
        head->path = BELFRY_BYTES("*");
    else
        set_path_and_query(head, bytes_of(start + authority_size, size - authority_size));
    return HTTP_ACCEPTED;
}

/* RFC 9112 3.2: exactly one valid Host; HTTP/1.0 may do without. */
static struct http_refusal check_host_field(struct http_head *head)
{
    struct http_host parsed;
    switch (http_single(head, "Host", &head->host)) {
    case HTTP_MISSING:
        if (head->minor_version >= 1)
            return HTTP_REFUSE(400, "the Host header is missing");
        return HTTP_ACCEPTED;
    case HTTP_ONE:
        if (!http_host_parse(head->host, &parsed))
            return HTTP_REFUSE(400, "invalid Host header");
        return HTTP_ACCEPTED;
    case HTTP_REPEATED:
        return HTTP_REFUSE(400, "more than one Host header");
    }
    return HTTP_ACCEPTED;
}

struct http_refusal http_head_resolve_target(struct http_head *head)
{
    if (bytes_equal_text(head->method_text, "CONNECT"))
        return HTTP_REFUSE(501, "this is no proxy");
    struct http_refusal refusal = check_host_field(head);
    if (refusal.status != 0)
        return refusal;
    if (*(const uint8_t *)head->target.data == '/') {
        set_path_and_query(head, head->target);
        return HTTP_ACCEPTED;
    }
    if (bytes_equal_text(head->target, "*")) {
        if (head->method != HTTP_OPTIONS)
            return HTTP_REFUSE(400, "the target * is for OPTIONS only");
        head->path = head->target;
        return HTTP_ACCEPTED;
    }
    return resolve_absolute(head);
}
