/*
 * args.c - walks over values between commas.
 *
 * The walk trusts its text to be JSON and looks only at strings and brackets; it never leaves the
 * text, whatever that is. sio_args_scan cuts the same way and has each piece checked: a text that
 * is not JSON is cut somewhere, and the piece is refused.
 */
#include "socketio/args.h"

struct sio_args sio_args_of(belfry_bytes args)
{
    const uint8_t *start = args.size > 0 ? args.data : (const uint8_t *)"";
    return (struct sio_args){ .at = start, .end = start + args.size };
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
    at++;
    for (;;) {
        at = json_skip_plain(at, end);
        if (at == end || *at == '"')
            return at == end ? at : at + 1;
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    }
}

/* The comma behind the value at @at, or the end. */
static const uint8_t *find_comma(const uint8_t *at, const uint8_t *end)
{
    size_t depth = 0;
    while (at < end) {
        switch (*at) {
        case '"':
            at = skip_string(at, end);
            continue;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        case ',':
            if (depth == 0)
                return at;
            break;
        }
        at++;
    }
    return end;
}

/* The next piece without blanks around it; a comma at the end has an empty piece behind it. */
static belfry_bytes take_piece(struct sio_args *it, bool *out_is_last)
{
    const uint8_t *start = it->at;
    const uint8_t *stop = find_comma(start, it->end);
    *out_is_last = stop == it->end;
    it->at = *out_is_last ? stop : stop + 1;
    while (start < stop && is_blank(*start))
        start++;
    while (stop > start && is_blank(stop[-1]))
        stop--;
    return bytes_of(start, (size_t)(stop - start));
}

static enum json_kind kind_of(belfry_bytes text)
{
    switch (*(const uint8_t *)text.data) {
    case '"':
        return JSON_KIND_STRING;
    case '{':
        return JSON_KIND_OBJECT;
    case '[':
        return JSON_KIND_ARRAY;
    case 'n':
        return JSON_KIND_NULL;
    case 't':
        return JSON_KIND_TRUE;
    case 'f':
        return JSON_KIND_FALSE;
    }
    return JSON_KIND_NUMBER;
}

bool sio_args_next(struct sio_args *it, struct json_value *out_arg)
{
    bool is_last;
    if (it->at == it->end)
        return false;
    belfry_bytes piece = take_piece(it, &is_last);
    if (piece.size == 0)
        return false;
    *out_arg = (struct json_value){ piece, kind_of(piece) };
    return true;
}

uint32_t sio_args_count(belfry_bytes args)
{
    struct sio_args it = sio_args_of(args);
    struct json_value arg;
    uint32_t count = 0;
    while (sio_args_next(&it, &arg))
        count++;
    return count;
}

struct json_value sio_args_at(belfry_bytes args, uint32_t index)
{
    struct sio_args it = sio_args_of(args);
    struct json_value arg;
    while (sio_args_next(&it, &arg)) {
        if (index-- == 0)
            return arg;
    }
    return (struct json_value){ 0 };
}

belfry_err sio_args_scan(belfry_bytes args, unsigned max_depth, uint32_t *out_count)
{
    struct sio_args it = sio_args_of(args);
    uint32_t count = 0;
    bool is_last = args.size == 0;
    while (!is_last) {
        belfry_bytes piece = take_piece(&it, &is_last);
        belfry_err err = json_scan(piece, max_depth, NULL, NULL);
        if (err != BELFRY_OK)
            return err;
        count++;
    }
    *out_count = count;
    return BELFRY_OK;
}
