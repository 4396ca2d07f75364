/*
 * reader.c - tokens and whole values of two syntaxes under one set of names.
 *
 *     {"type":3,"data":{"packet":...     83 a4 "type" 03 a4 "data" 83 a6 "packet" ...
 *
 * Brackets of the envelope are walked here, value by value; what an event carries is read once, by
 * base/json.h or base/msgpack.h, where it stands. A text without escapes stays in the payload; the
 * JSON of MessagePack goes to the scratch.
 */
#include "redis/reader.h"

#include <math.h>

#include "base/base64.h"
#include "base/decimal.h"
#include "base/defs.h"
#include "base/json.h"
#include "base/utf8.h"

_Static_assert(sizeof(struct note_piece) == sizeof(belfry_bytes),
               "pieces become bytes where they are");

void note_reader_init(struct note_reader *r, belfry_bytes payload, const struct note_limits *limits,
                      struct note_scratch *scratch)
{
    const uint8_t *start = payload.size > 0 ? payload.data : (const uint8_t *)"";
    BELFRY_ASSERT(limits->max_depth <= JSON_MAX_DEPTH);
    buf_clear(&scratch->json);
    buf_clear(&scratch->spans);
    *r = (struct note_reader){ .start = start,
                               .at = start,
                               .end = start + payload.size,
                               .limits = limits,
                               .scratch = scratch,
                               .is_json = payload.size > 0 && *start == '{' };
    if (payload.size == 0 || (r->is_json && !utf8_is_valid(payload)))
        r->err = BELFRY_ERR_INVALID;
}

void note_reader_init_base64(struct note_reader *r, belfry_bytes text,
                             const struct note_limits *limits, struct note_scratch *scratch)
{
    buf_clear(&scratch->packed);
    belfry_err err = base64_decode(text, &scratch->packed);
    note_reader_init(r, buf_bytes(&scratch->packed), limits, scratch);
    if (err != BELFRY_OK)
        r->err = err;
    else if (r->is_json)
        r->err = BELFRY_ERR_INVALID; /* JSON is never put into base64 */
}

bool note_reader_fail(struct note_reader *r, belfry_err err)
{
    if (r->err == BELFRY_OK)
        r->err = err;
    return false;
}

static bool refuse(struct note_reader *r)
{
    return note_reader_fail(r, BELFRY_ERR_INVALID);
}

static void skip_blanks(struct note_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* Is @c the next byte of JSON that is not blank? */
static bool is_next(struct note_reader *r, char c)
{
    skip_blanks(r);
    return r->at < r->end && *r->at == (uint8_t)c;
}

static bool take(struct note_reader *r, char c)
{
    if (!is_next(r, c))
        return refuse(r);
    r->at++;
    return true;
}

bool note_reader_end(struct note_reader *r)
{
    if (r->err != BELFRY_OK)
        return false;
    if (r->is_json)
        skip_blanks(r);
    return r->at == r->end || refuse(r);
}

/* --- pieces ------------------------------------------------------------------------------ */

static struct note_piece piece_of(const struct note_reader *r, belfry_bytes bytes)
{
    if (bytes.size == 0)
        return (struct note_piece){ 0 };
    return (struct note_piece){ (size_t)((const uint8_t *)bytes.data - r->start) << 1, bytes.size };
}

/* What was appended to the scratch since it had @start bytes. */
static struct note_piece piece_since(const struct note_reader *r, size_t start)
{
    return (struct note_piece){ start << 1 | 1, r->scratch->json.size - start };
}

belfry_bytes note_reader_bytes(const struct note_reader *r, struct note_piece piece)
{
    if (piece.size == 0)
        return (belfry_bytes){ 0 };
    const uint8_t *base = (piece.place & 1) != 0 ? r->scratch->json.data : r->start;
    return bytes_of(base + (piece.place >> 1), piece.size);
}

static uint8_t *span_at(const struct note_reader *r, unsigned index)
{
    return r->scratch->spans.data + index * sizeof(belfry_bytes);
}

static unsigned span_count(const struct note_reader *r)
{
    return (unsigned)(r->scratch->spans.size / sizeof(belfry_bytes));
}

struct note_names note_reader_resolve(const struct note_reader *r, struct note_range names)
{
    if (names.count == 0)
        return (struct note_names){ 0 };
    for (unsigned i = names.first; i < names.first + names.count; i++) {
        struct note_piece piece;
        memcpy(&piece, span_at(r, i), sizeof piece);
        belfry_bytes bytes = note_reader_bytes(r, piece);
        memcpy(span_at(r, i), &bytes, sizeof bytes);
    }
    return (struct note_names){ note_reader_attachments(r, names), names.count };
}

const belfry_bytes *note_reader_attachments(const struct note_reader *r, struct note_range range)
{
    return range.count == 0 ? NULL : (const belfry_bytes *)(const void *)span_at(r, range.first);
}

/* --- tokens ------------------------------------------------------------------------------ */

static struct msgpack_reader packed_of(const struct note_reader *r)
{
    return (struct msgpack_reader){ r->at, r->end };
}

static enum note_kind kind_of_json(enum json_kind kind)
{
    switch (kind) {
    case JSON_KIND_NULL:
        return NOTE_NULL;
    case JSON_KIND_FALSE:
        return NOTE_FALSE;
    case JSON_KIND_TRUE:
        return NOTE_TRUE;
    case JSON_KIND_NUMBER:
        return NOTE_NUMBER;
    case JSON_KIND_STRING:
        return NOTE_TEXT;
    case JSON_KIND_ABSENT:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        break;
    }
    BELFRY_UNREACHABLE("brackets are opened before");
}

static enum note_kind kind_of_packed(const struct msgpack_token *token)
{
    switch (token->kind) {
    case MSGPACK_NIL:
        return NOTE_NULL;
    case MSGPACK_FALSE:
        return NOTE_FALSE;
    case MSGPACK_TRUE:
        return NOTE_TRUE;
    case MSGPACK_UINT:
    case MSGPACK_INT:
    case MSGPACK_FLOAT:
        return NOTE_NUMBER;
    case MSGPACK_STR:
        return NOTE_TEXT;
    case MSGPACK_BIN:
        return NOTE_OTHER;
    case MSGPACK_EXT:
        return msgpack_is_undefined(token) ? NOTE_NULL : NOTE_OTHER;
    case MSGPACK_ARRAY:
        return NOTE_ARRAY;
    case MSGPACK_MAP:
        return NOTE_MAP;
    }
    BELFRY_UNREACHABLE("all kinds are above");
}

/* One JSON value from here, nested at most @max_depth deep. */
static bool take_json(struct note_reader *r, unsigned max_depth, struct json_value *out_value)
{
    belfry_bytes rest = bytes_of(r->at, (size_t)(r->end - r->at));
    belfry_err err = json_next(&rest, max_depth, out_value);
    if (err != BELFRY_OK)
        return note_reader_fail(r, err);
    r->at = rest.data;
    return true;
}

static bool next_json(struct note_reader *r, struct note_token *out)
{
    struct json_value value;
    bool is_map = is_next(r, '{');
    if (is_map || is_next(r, '[')) {
        r->at++;
        *out = (struct note_token){ .kind = is_map ? NOTE_MAP : NOTE_ARRAY };
        return true;
    }
    if (!take_json(r, 0, &value))
        return false;
    *out = (struct note_token){ .kind = kind_of_json(value.kind), .json = value.text };
    return true;
}

bool note_reader_next(struct note_reader *r, struct note_token *out_token)
{
    if (r->err != BELFRY_OK)
        return false;
    if (r->is_json)
        return next_json(r, out_token);
    struct msgpack_reader packed = packed_of(r);
    if (!msgpack_next(&packed, &out_token->packed))
        return refuse(r);
    r->at = packed.at;
    out_token->kind = kind_of_packed(&out_token->packed);
    return true;
}

bool note_reader_skip(struct note_reader *r)
{
    if (r->err != BELFRY_OK)
        return false;
    if (r->is_json) {
        struct json_value value;
        return take_json(r, JSON_MAX_DEPTH, &value);
    }
    struct msgpack_reader packed = packed_of(r);
    belfry_bytes value;
    if (!msgpack_skip(&packed, &value))
        return refuse(r);
    r->at = packed.at;
    return true;
}

bool note_reader_scalar(struct note_reader *r, struct note_token *out_token)
{
    const uint8_t *before = r->at;
    if (!note_reader_next(r, out_token))
        return false;
    if (out_token->kind != NOTE_ARRAY && out_token->kind != NOTE_MAP)
        return true;
    r->at = before;
    out_token->kind = NOTE_OTHER;
    return note_reader_skip(r);
}

/* --- brackets ---------------------------------------------------------------------------- */

/* In front of the next value of JSON brackets; false: they are closed, or it is not right. */
static bool next_in_json(struct note_reader *r, struct note_walk *walk, char closer)
{
    if (is_next(r, closer)) {
        r->at++;
        return false;
    }
    bool is_first = walk->is_first;
    walk->is_first = false;
    return is_first || take(r, ',');
}

/* The scratch holds a key with escapes only until something else is put there. */
static bool decode_key(struct note_reader *r, belfry_bytes token, belfry_bytes *out_key)
{
    struct buf *json = &r->scratch->json;
    size_t start = json->size;
    if (json_string_plain(token, out_key))
        return true;
    belfry_err err = json_string_decode(token, json);
    if (err == BELFRY_ERR_NOMEM)
        return note_reader_fail(r, err);
    *out_key = bytes_of(json->data + start, json->size - start);
    json->size = start;
    return true;
}

static bool next_json_member(struct note_reader *r, struct note_walk *walk, belfry_bytes *out_key)
{
    struct json_value key;
    if (!next_in_json(r, walk, '}'))
        return false;
    if (!is_next(r, '"'))
        return refuse(r);
    return take_json(r, 0, &key) && decode_key(r, key.text, out_key) && take(r, ':');
}

static bool next_packed_member(struct note_reader *r, belfry_bytes *out_key)
{
    struct msgpack_reader packed = packed_of(r);
    struct msgpack_token token;
    *out_key = (belfry_bytes){ 0 };
    if (!msgpack_next(&packed, &token))
        return refuse(r);
    if (token.kind != MSGPACK_STR)
        return note_reader_skip(r);
    *out_key = token.bytes;
    r->at = packed.at;
    return true;
}

bool note_reader_next_member(struct note_reader *r, struct note_walk *walk, belfry_bytes *out_key)
{
    if (r->err != BELFRY_OK)
        return false;
    if (r->is_json)
        return next_json_member(r, walk, out_key);
    if (walk->due == 0)
        return false;
    walk->due--;
    return next_packed_member(r, out_key);
}

bool note_reader_next_item(struct note_reader *r, struct note_walk *walk)
{
    if (r->err != BELFRY_OK)
        return false;
    if (r->is_json)
        return next_in_json(r, walk, ']');
    if (walk->due == 0)
        return false;
    walk->due--;
    return true;
}

/* --- texts and numbers ------------------------------------------------------------------- */

static bool put_digits(struct note_reader *r, const struct msgpack_token *token,
                       struct note_piece *out_text)
{
    struct buf *json = &r->scratch->json;
    size_t start = json->size;
    if (token->kind == MSGPACK_FLOAT && !isfinite(token->f))
        return refuse(r);
    if (token->kind == MSGPACK_FLOAT) {
        decimal_put(json, token->f);
    } else if (token->kind == MSGPACK_UINT) {
        buf_put_u64(json, token->u);
    } else {
        buf_put_char(json, '-');
        buf_put_u64(json, -(uint64_t)token->i);
    }
    if (buf_failed(json))
        return note_reader_fail(r, BELFRY_ERR_NOMEM);
    *out_text = piece_since(r, start);
    return true;
}

static bool decode_text(struct note_reader *r, belfry_bytes token, struct note_piece *out_text)
{
    size_t start = r->scratch->json.size;
    belfry_bytes plain;
    if (json_string_plain(token, &plain)) {
        *out_text = piece_of(r, plain);
        return true;
    }
    belfry_err err = json_string_decode(token, &r->scratch->json);
    if (err != BELFRY_OK)
        return note_reader_fail(r, err);
    *out_text = piece_since(r, start);
    return true;
}

bool note_reader_text(struct note_reader *r, const struct note_token *token,
                      struct note_piece *out_text)
{
    if (r->err != BELFRY_OK)
        return false;
    if (token->kind != NOTE_TEXT && token->kind != NOTE_NUMBER)
        return refuse(r);
    if (r->is_json && token->kind == NOTE_TEXT)
        return decode_text(r, token->json, out_text);
    if (!r->is_json && token->kind == NOTE_NUMBER)
        return put_digits(r, &token->packed, out_text);
    *out_text = piece_of(r, r->is_json ? token->json : token->packed.bytes);
    return true;
}

bool note_token_u32(const struct note_reader *r, const struct note_token *token,
                    uint32_t *out_number)
{
    uint64_t number;
    if (token->kind != NOTE_NUMBER ||
        !(r->is_json ? json_u64(token->json, &number) : msgpack_u64(&token->packed, &number)))
        return false;
    *out_number = (uint32_t)BELFRY_MIN(number, UINT32_MAX);
    return true;
}

/* --- lists of names ---------------------------------------------------------------------- */

bool note_reader_add_name(struct note_reader *r, struct note_piece name, struct note_range *names)
{
    if (r->err != BELFRY_OK)
        return false;
    if (names->count == 0)
        names->first = span_count(r);
    belfry_err err = buf_append(&r->scratch->spans, &name, sizeof name);
    if (err != BELFRY_OK)
        return note_reader_fail(r, err);
    names->count++;
    return true;
}

bool note_reader_names(struct note_reader *r, unsigned max, struct note_range *out_names)
{
    struct note_token token;
    struct note_piece name;
    struct note_range names = { 0 };
    if (!note_reader_next(r, &token))
        return false;
    if (token.kind != NOTE_NULL && token.kind != NOTE_ARRAY)
        return refuse(r);
    struct note_walk walk = note_walk_of(&token);
    while (token.kind != NOTE_NULL && note_reader_next_item(r, &walk)) {
        struct note_token item;
        if (names.count == max)
            return note_reader_fail(r, BELFRY_ERR_LIMIT);
        if (!note_reader_next(r, &item) || !note_reader_text(r, &item, &name) ||
            !note_reader_add_name(r, name, &names))
            return false;
    }
    *out_names = names;
    return r->err == BELFRY_OK;
}

/* --- what events carry ------------------------------------------------------------------- */

/* The next value of MessagePack, translated; binary data becomes spans. */
static bool translate(struct note_reader *r, struct note_piece *out_json,
                      struct note_range *out_attachments)
{
    struct buf *json = &r->scratch->json, *spans = &r->scratch->spans;
    const struct msgpack_limits limits = { .max_depth = r->limits->max_depth,
                                           .max_blobs = r->limits->max_attachments };
    struct msgpack_reader packed = packed_of(r);
    size_t start = json->size, count;
    belfry_err err = buf_reserve(spans, (1 + limits.max_blobs) * sizeof(belfry_bytes));
    if (err != BELFRY_OK)
        return note_reader_fail(r, err);
    unsigned first = span_count(r);
    belfry_bytes *blobs = (belfry_bytes *)(void *)span_at(r, first);
    err = msgpack_next_to_json(&packed, &limits, json, blobs, &count);
    if (err != BELFRY_OK)
        return note_reader_fail(r, err);
    spans->size += count * sizeof(belfry_bytes);
    r->at = packed.at;
    *out_json = piece_since(r, start);
    *out_attachments = (struct note_range){ first, (unsigned)count };
    return true;
}

bool note_reader_value(struct note_reader *r, struct note_piece *out_json,
                       struct note_range *out_attachments)
{
    struct json_value value;
    if (r->err != BELFRY_OK)
        return false;
    if (!r->is_json)
        return translate(r, out_json, out_attachments);
    if (!take_json(r, r->limits->max_depth, &value))
        return false;
    *out_json = piece_of(r, value.text);
    *out_attachments = (struct note_range){ 0 };
    return true;
}

static bool json_event(struct note_reader *r, struct note_piece *out_name,
                       struct note_piece *out_args)
{
    struct note_token name;
    struct note_walk walk = { .is_first = true };
    struct json_value value = { 0 };
    if (r->limits->max_depth == 0)
        return note_reader_fail(r, BELFRY_ERR_LIMIT);
    if (!take(r, '[') || !note_reader_next_item(r, &walk) || !note_reader_next(r, &name) ||
        !note_reader_text(r, &name, out_name))
        return refuse(r);
    const uint8_t *first = NULL;
    while (note_reader_next_item(r, &walk)) {
        if (!take_json(r, r->limits->max_depth - 1, &value))
            return false;
        first = first == NULL ? value.text.data : first;
    }
    *out_args = (struct note_piece){ 0 };
    if (first != NULL)
        *out_args = piece_of(r, bytes_of(first, (size_t)((const uint8_t *)value.text.data +
                                                         value.text.size - first)));
    return r->err == BELFRY_OK;
}

/* Behind the first element of `[...` at @at, which was written without blanks. */
static const uint8_t *skip_first_element(const uint8_t *at, const uint8_t *end)
{
    BELFRY_ASSERT(at != NULL);
    if (*++at != '"') {
        while (*at != ',' && *at != ']')
            at++;
        return at;
    }
    for (at++;;) {
        at = json_skip_plain(at, end);
        if (*at == '"')
            return at + 1;
        at += 2;
    }
}

static bool packed_event(struct note_reader *r, struct note_piece *out_name,
                         struct note_piece *out_args, struct note_range *out_attachments)
{
    struct msgpack_reader ahead = packed_of(r);
    struct msgpack_token array, name;
    struct note_piece json;
    if (!msgpack_next(&ahead, &array) || array.kind != MSGPACK_ARRAY || array.count == 0 ||
        !msgpack_next(&ahead, &name))
        return refuse(r);
    const struct note_token token = { .kind = kind_of_packed(&name), .packed = name };
    if (!note_reader_text(r, &token, out_name) || !translate(r, &json, out_attachments))
        return false;
    belfry_bytes text = note_reader_bytes(r, json);
    const uint8_t *start = text.data, *end = start + text.size;
    const uint8_t *behind = skip_first_element(start, end);
    *out_args = (struct note_piece){ 0 };
    if (*behind == ',')
        *out_args = (struct note_piece){ json.place + ((size_t)(behind + 1 - start) << 1),
                                         (size_t)(end - 1 - (behind + 1)) };
    return true;
}

bool note_reader_event(struct note_reader *r, struct note_piece *out_name,
                       struct note_piece *out_args, struct note_range *out_attachments)
{
    if (r->err != BELFRY_OK)
        return false;
    if (!r->is_json)
        return packed_event(r, out_name, out_args, out_attachments);
    *out_attachments = (struct note_range){ 0 };
    return json_event(r, out_name, out_args);
}
