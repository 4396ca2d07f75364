/*
 * Our verdict on a text is jansson's, except where jansson is known to be stricter; the parts of
 * what we accept are acceptable themselves; and a string that decodes is the same after a round
 * trip.
 */
#include <jansson.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What RFC 8259 allows but jansson cannot hold: lone surrogates, huge numbers, NUL in a name. */
static bool is_beyond_jansson(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_invalid_utf8 || strncmp(error->text, "invalid Unicode", 15) == 0;
}

static void check_round_trip(belfry_bytes token)
{
    struct buf once = { 0 }, written = { 0 }, twice = { 0 };
    if (json_string_decode(token, &once) == BELFRY_OK) {
        json_put_string(&written, buf_bytes(&once));
        BELFRY_ASSERT(json_scan(buf_bytes(&written), 0, NULL, NULL) == BELFRY_OK);
        BELFRY_ASSERT(json_string_decode(buf_bytes(&written), &twice) == BELFRY_OK);
        BELFRY_ASSERT(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
        BELFRY_ASSERT(json_string_equals(token, buf_bytes(&once)));
    }
    buf_deinit(&once);
    buf_deinit(&written);
    buf_deinit(&twice);
}

static void check_parts(struct json_value whole)
{
    struct json_iter it;
    struct json_member part;
    json_iter_init(&it, whole.text, JSON_MAX_DEPTH, whole.kind);
    while (json_iter_next(&it, &part)) {
        struct json_value again;
        BELFRY_ASSERT(json_scan(part.value.text, JSON_MAX_DEPTH - 1, &again, NULL) == BELFRY_OK);
        BELFRY_ASSERT(again.kind == part.value.kind && again.text.size == part.value.text.size);
        if (part.key.size > 0)
            check_round_trip(part.key);
        if (part.value.kind == JSON_KIND_STRING)
            check_round_trip(part.value.text);
    }
    BELFRY_ASSERT(it.err == BELFRY_OK);
}

static void check_verdict(belfry_bytes text, belfry_err verdict)
{
    json_error_t error = { 0 };
    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL)
        return; /* jansson overlooks a NUL behind a number */
    json_t *tree = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (tree != NULL)
        BELFRY_ASSERT(verdict == BELFRY_OK || verdict == BELFRY_ERR_LIMIT);
    else if (!is_beyond_jansson(&error))
        BELFRY_ASSERT(verdict != BELFRY_OK);
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_value value;
    belfry_bytes text = bytes_of(data, size);
    belfry_err verdict = json_scan(text, JSON_MAX_DEPTH, &value, NULL);
    check_verdict(text, verdict);
    if (verdict == BELFRY_OK && (value.kind == JSON_KIND_ARRAY || value.kind == JSON_KIND_OBJECT))
        check_parts(value);
    return 0;
}
