/*
 * accept.c - Accept-Encoding: gzip;q=0.8, *;q=0 and so on.
 */
#include "http/accept.h"

#include "http/chars.h"
#include "http/field.h"

#define NOT_NAMED (-1)

const char *http_coding_name(enum http_coding coding)
{
    switch (coding) {
    case HTTP_IDENTITY:
        return NULL;
    case HTTP_GZIP:
        return "gzip";
    case HTTP_DEFLATE:
        return "deflate";
    }
    return NULL;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The weight of "coding;q=0.5", in thousandths. Without one it is 1; a malformed one is 0. */
static int weight_of(belfry_bytes parameters)
{
    const uint8_t *at = parameters.data;
    if (parameters.size == 0)
        return 1000;
    if (parameters.size < 3 || parameters.size > sizeof "q=0.000" - 1 || http_lower(at[0]) != 'q' ||
        at[1] != '=' || (at[2] != '0' && at[2] != '1'))
        return 0;
    if (parameters.size > 3 && at[3] != '.')
        return 0;
    int weight = (at[2] - '0') * 1000;
    int unit = 100;
    for (size_t i = 4; i < parameters.size; i++, unit /= 10) {
        if (!is_digit(at[i]))
            return 0;
        weight += (at[i] - '0') * unit;
    }
    return weight <= 1000 ? weight : 0;
}

/* What the client has said, in thousandths or NOT_NAMED. */
struct wishes {
    int gzip;
    int deflate;
    int identity;
    int any;
};

/* One element: coding [";q=" weight]. */
static void add_wish(struct wishes *w, belfry_bytes element)
{
    const uint8_t *start = element.data;
    const uint8_t *semicolon = memchr(start, ';', element.size);
    belfry_bytes coding = element;
    belfry_bytes parameters = { NULL, 0 };
    if (semicolon != NULL) {
        size_t size = (size_t)(semicolon - start);
        coding = http_trim(bytes_of(start, size));
        parameters = bytes_of(semicolon + 1, element.size - size - 1);
    }
    int weight = weight_of(http_trim(parameters));
    if (http_equals_nocase(coding, "gzip"))
        w->gzip = weight;
    else if (http_equals_nocase(coding, "deflate"))
        w->deflate = weight;
    else if (http_equals_nocase(coding, "identity"))
        w->identity = weight;
    else if (bytes_equal_text(coding, "*"))
        w->any = weight;
}

/* A coding by its name outweighs the wildcard. */
static struct wishes read_wishes(const struct http_head *head)
{
    struct wishes w = { NOT_NAMED, NOT_NAMED, NOT_NAMED, NOT_NAMED };
    for (size_t i = 0; i < head->field_count; i++) {
        if (!http_equals_nocase(head->fields[i].name, "Accept-Encoding"))
            continue;
        belfry_bytes rest = head->fields[i].value;
        belfry_bytes element;
        while (http_list_next(&rest, &element))
            add_wish(&w, element);
    }
    if (w.gzip == NOT_NAMED)
        w.gzip = w.any;
    if (w.deflate == NOT_NAMED)
        w.deflate = w.any;
    return w;
}

enum http_coding http_choose_coding(const struct http_head *head)
{
    struct wishes w = read_wishes(head);
    int best = BELFRY_MAX(w.gzip, w.deflate);
    if (best <= 0 || w.identity > best)
        return HTTP_IDENTITY;
    return w.gzip == best ? HTTP_GZIP : HTTP_DEFLATE;
}

bool http_accepts_gzip(const struct http_head *head)
{
    return read_wishes(head).gzip > 0;
}
