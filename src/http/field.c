/*
 * field.c - lookups by walking the fields: a head has a handful, and the walk touches lengths only.
 */
#include "http/field.h"

#include "http/chars.h"

/* @b has @a's size. */
static bool same_nocase(const uint8_t *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (http_lower(a[i]) != http_lower((uint8_t)b[i]))
            return false;
    return true;
}

bool http_equals_nocase(belfry_bytes a, const char *b)
{
    return a.size == strlen(b) && same_nocase(a.data, b, a.size);
}

belfry_bytes http_trim(belfry_bytes bytes)
{
    const uint8_t *start = bytes.data;
    size_t size = bytes.size;
    while (size > 0 && http_is_blank(*start)) {
        start++;
        size--;
    }
    while (size > 0 && http_is_blank(start[size - 1]))
        size--;
    return bytes_of(start, size);
}

/* The first field called @name at or behind index @from, or NULL. */
static const struct http_field *find_from(const struct http_head *head, const char *name,
                                          size_t from)
{
    size_t size = strlen(name);
    for (size_t i = from; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (field->name.size == size && same_nocase(field->name.data, name, size))
            return field;
    }
    return NULL;
}

static const struct http_field *find_next(const struct http_head *head, const char *name,
                                          const struct http_field *field)
{
    return find_from(head, name, (size_t)(field - head->fields) + 1);
}

const struct http_field *http_find(const struct http_head *head, const char *name)
{
    return find_from(head, name, 0);
}

size_t http_count(const struct http_head *head, const char *name)
{
    size_t count = 0;
    for (const struct http_field *f = http_find(head, name); f != NULL;
         f = find_next(head, name, f))
        count++;
    return count;
}

enum http_presence http_single(const struct http_head *head, const char *name,
                               belfry_bytes *out_value)
{
    const struct http_field *first = http_find(head, name);
    if (first == NULL)
        return HTTP_MISSING;
    if (find_next(head, name, first) != NULL)
        return HTTP_REPEATED;
    *out_value = first->value;
    return HTTP_ONE;
}

size_t http_join(const struct http_head *head, const char *name, struct buf *out)
{
    size_t count = 0;
    for (const struct http_field *f = http_find(head, name); f != NULL;
         f = find_next(head, name, f)) {
        if (count++ > 0)
            buf_put_text(out, ", ");
        buf_put_bytes(out, f->value);
    }
    return count;
}

/* The size of the element at the start of a list: up to a comma outside quotes, or the end. */
static size_t element_size(const uint8_t *text, size_t size)
{
    bool is_quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ',' && !is_quoted)
            return i;
        if (text[i] == '"')
            is_quoted = !is_quoted;
        else if (text[i] == '\\' && is_quoted)
            i++; /* RFC 9110 5.6.4: the next byte is no quote; past the end ends the loop */
    }
    return size;
}

bool http_list_next(belfry_bytes *rest, belfry_bytes *out_element)
{
    while (rest->size > 0) {
        const uint8_t *start = rest->data;
        size_t size = element_size(start, rest->size);
        size_t taken = size + (size < rest->size); /* with its comma */
        *rest = bytes_of(start + taken, rest->size - taken);
        belfry_bytes element = http_trim(bytes_of(start, size));
        if (element.size > 0) {
            *out_element = element;
            return true;
        }
    }
    return false;
}

bool http_has_token(const struct http_head *head, const char *name, const char *token)
{
    for (const struct http_field *f = http_find(head, name); f != NULL;
         f = find_next(head, name, f)) {
        belfry_bytes rest = f->value;
        belfry_bytes element;
        while (http_list_next(&rest, &element))
            if (http_equals_nocase(element, token))
                return true;
    }
    return false;
}
