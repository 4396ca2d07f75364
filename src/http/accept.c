/*
 * accept.c - Accept-Encoding: gzip;q=0.8, *;q=0 and so on; only zero or not zero matters to us.
 */
#include "http/accept.h"

#include "http/chars.h"
#include "http/field.h"

/* Is the weight of "coding;q=0.5" above zero? Without a weight it is 1; a malformed one is 0. */
static bool is_wanted(belfry_bytes parameters)
{
    const uint8_t *at = parameters.data;
    if (parameters.size == 0)
        return true;
    if (parameters.size < 3 || http_lower(at[0]) != 'q' || at[1] != '=')
        return false;
    for (size_t i = 2; i < parameters.size; i++)
        if (at[i] >= '1' && at[i] <= '9')
            return true;
    return false;
}

/* What the client has said so far; a coding by its name outweighs the wildcard. */
struct wishes {
    bool names_gzip;
    bool wants_gzip;
    bool wants_any;
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
    bool is_wish = is_wanted(http_trim(parameters));
    if (http_equals_nocase(coding, "gzip")) {
        w->names_gzip = true;
        w->wants_gzip = is_wish;
    } else if (bytes_equal_text(coding, "*")) {
        w->wants_any = is_wish;
    }
}

bool http_accepts_gzip(const struct http_head *head)
{
    struct wishes w = { 0 };
    for (size_t i = 0; i < head->field_count; i++) {
        if (!http_equals_nocase(head->fields[i].name, "Accept-Encoding"))
            continue;
        belfry_bytes rest = head->fields[i].value;
        belfry_bytes element;
        while (http_list_next(&rest, &element))
            add_wish(&w, element);
    }
    return w.names_gzip ? w.wants_gzip : w.wants_any;
}
