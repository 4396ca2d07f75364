/*
 * msgpack_to_json.c - one MessagePack value becomes JSON text and spans of binary data.
 *
 *     92 a1 "a" c4 02 ..  ──►  ["a",{"_placeholder":true,"num":0}]   and   blobs[0] = ..
 *
 * One loop: write a token, then settle what it ends. What is open is a stack of levels, each with
 * the number of values that are still due in it. No value grows by more than a few bytes, so the
 * text is bounded by the message; only placeholders are long, and their number has a limit.
 */
#include "base/decimal.h"
#include "base/json.h"
#include "base/msgpack.h"
#include "base/placeholder.h"

struct level {
    uint32_t due;
    bool is_map;
    bool is_empty; /* nothing was written between its brackets yet */
};

struct translator {
    struct msgpack_reader from;
    const struct msgpack_limits *limits;
    struct buf *out;
    size_t start; /* of what is ours in @out */
    belfry_bytes *blobs;
    size_t blob_count;
    struct level *levels; /* max_depth of them */
    unsigned depth;
};

/* --- dates ------------------------------------------------------------------------------- */

/* ECMA-262: a time value lies within 10^8 days of 1970. */
#define MAX_DATE_MS INT64_C(8640000000000000)
#define MS_PER_DAY INT64_C(86400000)

/* Year, month and day of the day that is @days behind 1970-01-01, by eras of 400 years that begin
 * with March, so that the leap day is the last of its year. */
static void put_day(struct buf *b, int64_t days)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    int year = (int)(year_of_era + era * 400 + (month <= 2));
    if (year >= 0 && year <= 9999)
        buf_printf(b, "%04d-%02d-%02d", year, month, day);
    else
        buf_printf(b, "%+07d-%02d-%02d", year, month, day);
}

static void put_date(struct buf *b, int64_t ms)
{
    if (ms < -MAX_DATE_MS || ms > MAX_DATE_MS) {
        buf_put_text(b, "null");
        return;
    }
    int64_t days = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
    int rest = (int)(ms - days * MS_PER_DAY);
    buf_put_char(b, '"');
    put_day(b, days);
    buf_printf(b, "T%02d:%02d:%02d.%03dZ\"", rest / 3600000, rest / 60000 % 60, rest / 1000 % 60,
               rest % 1000);
}

static uint64_t number_of(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* MessagePack's own timestamp, type -1: seconds; or nanoseconds and seconds. */
static bool put_timestamp(struct buf *b, belfry_bytes bytes)
{
    const uint8_t *at = bytes.data;
    int64_t seconds, ms;
    if (bytes.size == 4) {
        seconds = (int64_t)number_of(at, 4);
        ms = 0;
    } else if (bytes.size == 8) {
        seconds = (int64_t)(number_of(at, 8) & 0x3ffffffff);
        ms = (int64_t)(number_of(at, 8) >> 34) / 1000000;
    } else if (bytes.size == 12) {
        seconds = (int64_t)number_of(at + 4, 8);
        ms = (int64_t)number_of(at, 4) / 1000000;
    } else {
        return false;
    }
    if (seconds < -MAX_DATE_MS / 1000 || seconds > MAX_DATE_MS / 1000 || ms > 999)
        buf_put_text(b, "null");
    else
        put_date(b, seconds * 1000 + ms);
    return true;
}

/* --- values ------------------------------------------------------------------------------ */

static belfry_err put_blob(struct translator *t, belfry_bytes blob)
{
    if (t->blob_count == t->limits->max_blobs)
        return BELFRY_ERR_LIMIT;
    buf_put_text(t->out, "{\"_placeholder\":true,\"num\":");
    buf_put_u64(t->out, t->blob_count);
    buf_put_char(t->out, '}');
    t->blobs[t->blob_count++] = blob;
    return BELFRY_OK;
}

static belfry_err put_ext(struct translator *t, const struct msgpack_token *token)
{
    if (token->ext_type == -1)
        return put_timestamp(t->out, token->bytes) ? BELFRY_OK : BELFRY_ERR_INVALID;
    if (token->ext_type != 0)
        return BELFRY_ERR_INVALID;
    if (msgpack_is_undefined(token)) {
        buf_put_text(t->out, "null");
        return BELFRY_OK;
    }
    if (token->is_fixext && token->bytes.size == 8) {
        put_date(t->out, (int64_t)number_of(token->bytes.data, 8));
        return BELFRY_OK;
    }
    return put_blob(t, token->bytes);
}

static void put_int(struct buf *b, const struct msgpack_token *token)
{
    if (token->kind == MSGPACK_UINT) {
        buf_put_u64(b, token->u);
        return;
    }
    buf_put_char(b, '-');
    buf_put_u64(b, -(uint64_t)token->i);
}

static belfry_err open_level(struct translator *t, const struct msgpack_token *token)
{
    bool is_map = token->kind == MSGPACK_MAP;
    if (t->depth == t->limits->max_depth)
        return BELFRY_ERR_LIMIT;
    t->levels[t->depth++] = (struct level){ token->count, is_map, true };
    buf_put_char(t->out, is_map ? '{' : '[');
    return BELFRY_OK;
}

static belfry_err put_token(struct translator *t, const struct msgpack_token *token)
{
    switch (token->kind) {
    case MSGPACK_NIL:
        buf_put_text(t->out, "null");
        return BELFRY_OK;
    case MSGPACK_FALSE:
        buf_put_text(t->out, "false");
        return BELFRY_OK;
    case MSGPACK_TRUE:
        buf_put_text(t->out, "true");
        return BELFRY_OK;
    case MSGPACK_UINT:
    case MSGPACK_INT:
        put_int(t->out, token);
        return BELFRY_OK;
    case MSGPACK_FLOAT:
        decimal_put(t->out, token->f);
        return BELFRY_OK;
    case MSGPACK_STR:
        json_put_string(t->out, token->bytes);
        return BELFRY_OK;
    case MSGPACK_BIN:
        return put_blob(t, token->bytes);
    case MSGPACK_EXT:
        return put_ext(t, token);
    case MSGPACK_ARRAY:
    case MSGPACK_MAP:
        return open_level(t, token);
    }
    BELFRY_UNREACHABLE("all kinds are above");
}

/* --- between values ---------------------------------------------------------------------- */

/* An array as key would have its items taken for what comes next. */
static bool is_key(const struct msgpack_token *key)
{
    return key->kind == MSGPACK_STR || key->kind == MSGPACK_UINT || key->kind == MSGPACK_INT;
}

static void put_key(struct translator *t, const struct msgpack_token *key)
{
    if (key->kind == MSGPACK_STR) {
        json_put_string(t->out, key->bytes);
    } else {
        buf_put_char(t->out, '"');
        put_int(t->out, key);
        buf_put_char(t->out, '"');
    }
    buf_put_char(t->out, ':');
}

static void put_comma(struct translator *t, struct level *top)
{
    if (!top->is_empty)
        buf_put_char(t->out, ',');
    top->is_empty = false;
}

/* Moves on to the value of the next member that is not undefined, its key written. */
static bool next_member(struct translator *t, struct level *top, bool *out_is_found)
{
    struct msgpack_token key, value;
    *out_is_found = false;
    while (top->due > 0 && !*out_is_found) {
        top->due--;
        if (!msgpack_next(&t->from, &key) || !is_key(&key))
            return false;
        struct msgpack_reader ahead = t->from;
        if (!msgpack_next(&ahead, &value))
            return false;
        if (msgpack_is_undefined(&value)) {
            t->from = ahead;
            continue;
        }
        put_comma(t, top);
        put_key(t, &key);
        *out_is_found = true;
    }
    return true;
}

/* Behind a value: closes what ends here. At the end either a value is next or nothing is open. */
static bool settle(struct translator *t)
{
    while (t->depth > 0) {
        struct level *top = &t->levels[t->depth - 1];
        bool is_value_next = top->due > 0;
        if (top->is_map && !next_member(t, top, &is_value_next))
            return false;
        if (is_value_next && !top->is_map) {
            top->due--;
            put_comma(t, top);
        }
        if (is_value_next)
            return true;
        buf_put_char(t->out, top->is_map ? '}' : ']');
        t->depth--;
    }
    return true;
}

static belfry_err translate(struct translator *t)
{
    struct msgpack_token token;
    do {
        if (!msgpack_next(&t->from, &token))
            return BELFRY_ERR_INVALID;
        belfry_err err = put_token(t, &token);
        if (err != BELFRY_OK)
            return err;
        if (!settle(t))
            return BELFRY_ERR_INVALID;
        if (t->limits->max_bytes > 0 && t->out->size - t->start > t->limits->max_bytes)
            return BELFRY_ERR_LIMIT;
    } while (t->depth > 0);
    return BELFRY_OK;
}

/* Maps that look like placeholders would be taken for them, so there may be none but ours. */
static bool are_placeholders_ours(const struct translator *t)
{
    struct placeholders p =
        placeholders_of(bytes_of(t->out->data + t->start, t->out->size - t->start));
    struct placeholder hole;
    size_t count = 0;
    while (placeholders_next(&p, &hole)) {
        if (hole.num != count++)
            return false;
    }
    return !p.is_bad && count == t->blob_count;
}

belfry_err msgpack_next_to_json(struct msgpack_reader *r, const struct msgpack_limits *limits,
                                struct buf *out, belfry_bytes *out_blobs, size_t *out_blob_count)
{
    struct level levels[JSON_MAX_DEPTH];
    struct translator t = { .from = *r,
                            .limits = limits,
                            .out = out,
                            .start = out->size,
                            .blobs = out_blobs,
                            .levels = levels };
    BELFRY_ASSERT(limits->max_depth <= JSON_MAX_DEPTH && !buf_failed(out));
    belfry_err err = translate(&t);
    if (buf_failed(out))
        err = BELFRY_ERR_NOMEM;
    else if (err == BELFRY_OK && t.blob_count > 0 && !are_placeholders_ours(&t))
        err = BELFRY_ERR_INVALID;
    if (err != BELFRY_OK) {
        out->size = t.start;
        out->has_failed = 0;
        return err;
    }
    *r = t.from;
    *out_blob_count = t.blob_count;
    return BELFRY_OK;
}

belfry_err msgpack_to_json(belfry_bytes message, const struct msgpack_limits *limits,
                           struct buf *out, belfry_bytes *out_blobs, size_t *out_blob_count)
{
    struct msgpack_reader r = msgpack_reader_of(message);
    size_t start = out->size, count;
    belfry_err err = msgpack_next_to_json(&r, limits, out, out_blobs, &count);
    if (err != BELFRY_OK)
        return err;
    if (r.at < r.end) {
        out->size = start;
        return BELFRY_ERR_INVALID;
    }
    *out_blob_count = count;
    return BELFRY_OK;
}
