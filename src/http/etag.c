/*
 * etag.c - conditional requests: the tag decides, the date only where there is no tag.
 */
#include "http/etag.h"

#include "http/date.h"
#include "http/field.h"

/* Weak comparison (RFC 9110 8.8.3.2) looks at the quoted part only. */
static belfry_bytes without_weakness(belfry_bytes tag)
{
    const char *text = tag.data;
    if (tag.size >= 2 && text[0] == 'W' && text[1] == '/')
        return bytes_of(text + 2, tag.size - 2);
    return tag;
}

/* Takes a quoted string off the front of @rest; it may hold commas but no escapes. */
static bool take_opaque(belfry_bytes *rest, belfry_bytes *out_tag)
{
    const uint8_t *start = rest->data;
    if (rest->size < 2 || *start != '"')
        return false;
    const uint8_t *quote = memchr(start + 1, '"', rest->size - 1);
    if (quote == NULL)
        return false;
    size_t size = (size_t)(quote - start) + 1;
    *out_tag = bytes_of(start, size);
    *rest = bytes_of(start + size, rest->size - size);
    return true;
}

/* Takes the commas and blanks between elements; false if something else is there. */
static bool take_separator(belfry_bytes *rest)
{
    bool has_comma = false;
    *rest = http_trim(*rest);
    while (rest->size > 0 && *(const uint8_t *)rest->data == ',') {
        has_comma = true;
        *rest = http_trim(bytes_of((const uint8_t *)rest->data + 1, rest->size - 1));
    }
    return has_comma;
}

bool http_etag_matches(belfry_bytes list, belfry_bytes etag)
{
    list = http_trim(list);
    if (bytes_equal_text(list, "*"))
        return true;
    belfry_bytes wanted = without_weakness(etag);
    belfry_bytes tag;
    do {
        list = without_weakness(list);
        if (!take_opaque(&list, &tag))
            return false;
        if (bytes_equal(tag, wanted))
            return true;
    } while (take_separator(&list));
    return false;
}

static bool any_matches(const struct http_head *head, belfry_bytes etag)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (http_equals_nocase(head->fields[i].name, "If-None-Match") &&
            http_etag_matches(head->fields[i].value, etag))
            return true;
    return false;
}

bool http_is_not_modified(const struct http_head *head, belfry_bytes etag, uint64_t modified_s)
{
    if (http_find(head, "If-None-Match") != NULL)
        return any_matches(head, etag);
    belfry_bytes since;
    uint64_t since_s;
    return http_single(head, "If-Modified-Since", &since) == HTTP_ONE &&
           http_date_parse(since, &since_s) && modified_s <= since_s;
}
