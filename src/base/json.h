/*
 * json.h - reading JSON without building a tree, and writing JSON strings.
 *
 *     struct json_field fields[] = { { .name = BELFRY_BYTES("type") },
 *                                    { .name = BELFRY_BYTES("data") } };
 *     err = json_read_fields(text, 64, fields, BELFRY_COUNT(fields), &fault);
 *     if (err == BELFRY_OK && fields[0].value.kind == JSON_KIND_STRING) ...
 *
 * What a client sent is checked once (RFC 8259) and then spliced into other messages as the bytes
 * it came in: numbers keep their text, strings their escapes, nothing is lost in translation. All
 * spans point into the text that was read. No function recurses; depth costs one bit.
 *
 * The text must be valid UTF-8 already (WebSocket text is); bytes above 0x7f are not looked at.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/defs.h"

/* The deepest nesting that any @max_depth may ask for. */
#define JSON_MAX_DEPTH 1024

/* Kinds, not types: jansson, which others include beside this, has JSON_STRING and so on. */
enum json_kind {
    JSON_KIND_ABSENT, /* no such field */
    JSON_KIND_NULL,
    JSON_KIND_FALSE,
    JSON_KIND_TRUE,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

/* A value as it stands in the text: no blanks around it, strings with their quotes. */
struct json_value {
    belfry_bytes text;
    enum json_kind kind;
};

/* Why a text was refused, for a human: "a comma is missing", and at which byte. */
struct json_fault {
    const char *what;
    size_t at;
};

/*
 * Checks that @text is one whole JSON value nested at most @max_depth deep. @out_value (the value
 * without the blanks around it) and @out_fault may be NULL.
 *
 * Errors:  BELFRY_ERR_INVALID  not JSON        BELFRY_ERR_LIMIT  nested too deep
 */
BELFRY_NODISCARD belfry_err json_scan(belfry_bytes text, unsigned max_depth,
                                      struct json_value *out_value, struct json_fault *out_fault);

/*
 * Takes one value from the front of @rest, blanks before it included; what follows is not looked
 * at. Errors as of json_scan; @rest stays where it was then.
 */
BELFRY_NODISCARD belfry_err json_next(belfry_bytes *rest, unsigned max_depth,
                                      struct json_value *out_value);

/*
 * Checks that @text is values with commas between them, as in `1,{}`; empty: none. Errors as of
 * json_scan.
 */
BELFRY_NODISCARD belfry_err json_scan_list(belfry_bytes text, unsigned max_depth,
                                           uint32_t *out_count);

/* A field to look for: @name goes in, @value comes out (JSON_KIND_ABSENT if it is not there). */
struct json_field {
    belfry_bytes name;
    struct json_value value;
};

/*
 * Checks that @text is one JSON object and finds its members named in @fields, in one pass. Others
 * are skipped; of members with the same name the last counts, as in JavaScript; escapes in names
 * are understood. On errors the fields read before the fault stay filled in.
 *
 * Errors:  BELFRY_ERR_INVALID  not a JSON object        BELFRY_ERR_LIMIT  nested too deep
 */
BELFRY_NODISCARD belfry_err json_read_fields(belfry_bytes text, unsigned max_depth,
                                             struct json_field *fields, size_t field_count,
                                             struct json_fault *out_fault);

/*
 * The members of an object or the elements of an array, checked while they are read:
 *
 *     struct json_iter it;
 *     json_iter_init(&it, text, 64, JSON_KIND_ARRAY);
 *     while (json_iter_next(&it, &item))
 *         ...                      item.value; item.key too if it is an object
 *     if (it.err != BELFRY_OK)     what came before the fault was delivered already
 */
struct json_member {
    belfry_bytes key; /* string token with its quotes; empty in arrays */
    struct json_value value;
};

struct json_iter {
    const uint8_t *start, *at, *end;
    unsigned max_depth;
    enum json_kind kind;     /* JSON_KIND_ARRAY or JSON_KIND_OBJECT */
    bool is_inside, is_done; /* the opening bracket was read; the closing one, or a fault, was */
    belfry_err err;          /* as of json_scan */
    struct json_fault fault;
};

void json_iter_init(struct json_iter *it, belfry_bytes text, unsigned max_depth,
                    enum json_kind kind);
bool json_iter_next(struct json_iter *it, struct json_member *out_member);

/* --- string tokens: valid JSON strings with their quotes, as the functions above give ----- */

/* The inside of @token if it has no escapes: decoding for free. */
bool json_string_plain(belfry_bytes token, belfry_bytes *out_text);

/*
 * Appends what @token means, as UTF-8, never more bytes than the token has.
 *
 * Errors:  BELFRY_ERR_INVALID  a lone surrogate (\ud800), which UTF-8 cannot say
 *          BELFRY_ERR_NOMEM    nothing was appended in either case
 */
BELFRY_NODISCARD belfry_err json_string_decode(belfry_bytes token, struct buf *out);

/* Does @token mean @text? */
bool json_string_equals(belfry_bytes token, belfry_bytes text);

/* Has the UTF-8 @text a character that does not print: NUL, other C0, DEL, C1? */
bool json_text_has_control(belfry_bytes text);

/* --- numbers ----------------------------------------------------------------------------- */

/* A whole number without sign, fraction, exponent or needless zeros that fits; else false. */
bool json_u64(belfry_bytes token, uint64_t *out_number);

/* --- writing ----------------------------------------------------------------------------- */

/* @text (valid UTF-8) as a JSON string with its quotes. Sticky, as all buf_put functions. */
void json_put_string(struct buf *b, belfry_bytes text);

/* The first byte of @at..@end that cannot stand in a JSON string as it is: ", \ or below 0x20. */
const uint8_t *json_skip_plain(const uint8_t *at, const uint8_t *end);

#endif
