/*
 * msgpack_from_json.c - JSON text and binary data become one MessagePack value.
 *
 * The text is checked by json_scan; the walk behind it trusts the text, so commas and colons are
 * blanks to it. MessagePack wants the number of values in front of them, JSON does not tell: each
 * bracket first gets the short header of one byte, and what is inside moves if it needs more. Each
 * byte moves at most once per level around it, so the depth limit bounds that.
 *
 * A second walk beside the first says where the next placeholder is.
 */
#include "base/decimal.h"
#include "base/json.h"
#include "base/msgpack.h"
#include "base/placeholder.h"

struct level {
    size_t header; /* where in the output */
    uint32_t count;
    bool is_map;
};

struct packer {
    const uint8_t *at, *end;
    struct placeholders holes;
    struct placeholder hole; /* the next one; without text: there is none */
    const belfry_bytes *blobs;
    size_t blob_count;
    struct buf *out;
    size_t start;           /* of what is ours in @out */
    size_t max_bytes;       /* SIZE_MAX: no limit */
    struct buf text, token; /* what a string with escapes means; a token to be mended */
    struct level *levels;
    unsigned depth;
};

static size_t room_in(const struct packer *p)
{
    size_t used = p->out->size - p->start;
    return used < p->max_bytes ? p->max_bytes - used : 0;
}

/* --- placeholders ------------------------------------------------------------------------ */

static bool find_hole(struct packer *p)
{
    if (!placeholders_next(&p->holes, &p->hole))
        p->hole = (struct placeholder){ 0 };
    return !p->holes.is_bad && (p->hole.text.size == 0 || p->hole.num < p->blob_count);
}

/* One blob may be named many times: here is where that would multiply. */
static belfry_err fill_hole(struct packer *p)
{
    belfry_bytes blob = p->blobs[p->hole.num];
    if (blob.size > room_in(p) || blob.size > UINT32_MAX)
        return BELFRY_ERR_LIMIT;
    msgpack_put_bin(p->out, blob);
    p->at += p->hole.text.size;
    return find_hole(p) ? BELFRY_OK : BELFRY_ERR_INVALID;
}

/* --- scalars ----------------------------------------------------------------------------- */

static belfry_bytes take_string(struct packer *p)
{
    const uint8_t *start = p->at++;
    for (;;) {
        p->at = json_skip_plain(p->at, p->end);
        BELFRY_ASSERT(p->at < p->end); /* json_scan saw the closing quote */
        if (*p->at == '"')
            break;
        p->at += 2;
    }
    p->at++;
    return bytes_of(start, (size_t)(p->at - start));
}

/* Is \udXXX at @escape, its second digit in that range? Stops looking at the first other byte. */
static bool is_surrogate(const uint8_t *escape, uint8_t first, uint8_t last)
{
    return escape[0] == '\\' && escape[1] == 'u' && (escape[2] | 0x20) == 'd' &&
           (escape[3] | 0x20) >= first && (escape[3] | 0x20) <= last;
}

/* U+FFFD in the place of each half of a pair that stands alone. A token ends with a quote, at
 * which is_surrogate stops. */
static void mend_surrogates(uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        if (*at != '\\') {
            at++;
        } else if (at[1] != 'u') {
            at += 2;
        } else if (is_surrogate(at, '8', 'b') && is_surrogate(at + 6, 'c', 'f')) {
            at += 12;
        } else {
            if (is_surrogate(at, '8', 'b') || is_surrogate(at, 'c', 'f'))
                memcpy(at + 2, "fffd", 4);
            at += 6;
        }
    }
}

static belfry_err decode_mended(struct packer *p, belfry_bytes token)
{
    buf_clear(&p->token);
    belfry_err err = buf_append(&p->token, token.data, token.size);
    if (err != BELFRY_OK)
        return err;
    mend_surrogates(p->token.data, p->token.data + p->token.size);
    return json_string_decode(buf_bytes(&p->token), &p->text);
}

static belfry_err pack_string(struct packer *p)
{
    belfry_bytes token = take_string(p), text;
    if (!json_string_plain(token, &text)) {
        buf_clear(&p->text);
        belfry_err err = json_string_decode(token, &p->text);
        if (err == BELFRY_ERR_INVALID)
            err = decode_mended(p, token);
        if (err != BELFRY_OK)
            return err;
        text = buf_bytes(&p->text);
    }
    msgpack_put_str(p->out, text);
    return BELFRY_OK;
}

static bool is_number_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || (c | 0x20) == 'e';
}

static void pack_number(struct packer *p)
{
    const uint8_t *start = p->at;
    while (p->at < p->end && is_number_byte(*p->at))
        p->at++;
    belfry_bytes token = bytes_of(start, (size_t)(p->at - start));
    uint64_t number;
    if (json_u64(token, &number))
        msgpack_put_u64(p->out, number);
    else if (*start == '-' && json_u64(bytes_of(start + 1, token.size - 1), &number) &&
             number > 0 && number <= (uint64_t)1 << 63)
        msgpack_put_i64(p->out, (int64_t)-number);
    else
        msgpack_put_double(p->out, decimal_parse(token));
}

static void pack_word(struct packer *p)
{
    uint8_t letter = *p->at;
    buf_put_char(p->out, (char)(letter == 'n' ? 0xc0 : letter == 'f' ? 0xc2 : 0xc3));
    p->at += letter == 'f' ? 5 : 4;
}

/* --- brackets ---------------------------------------------------------------------------- */

static void open_level(struct packer *p)
{
    p->levels[p->depth++] = (struct level){ .header = p->out->size, .is_map = *p->at == '{' };
    buf_put_char(p->out, 0);
    p->at++;
}

/* Writes the header in front of what it is about. */
static void close_level(struct packer *p)
{
    BELFRY_ASSERT(p->depth > 0); /* json_scan saw the opening bracket */
    const struct level *top = &p->levels[--p->depth];
    uint32_t count = top->is_map ? top->count / 2 : top->count;
    struct buf *out = p->out;
    p->at++;
    size_t end = out->size, more = count < 16 ? 0 : count <= UINT16_MAX ? 2 : 4;
    static const uint8_t room[4] = { 0 };
    buf_put(out, room, more);
    if (buf_failed(out))
        return;
    if (more > 0)
        memmove(out->data + top->header + 1 + more, out->data + top->header + 1,
                end - top->header - 1);
    out->size = top->header;
    if (top->is_map)
        msgpack_put_map(out, count);
    else
        msgpack_put_array(out, count);
    out->size = end + more;
}

/* --- the walk ---------------------------------------------------------------------------- */

static belfry_err pack_value(struct packer *p)
{
    if (p->depth > 0)
        p->levels[p->depth - 1].count++;
    if (p->at == p->hole.text.data)
        return fill_hole(p);
    switch (*p->at) {
    case '"':
        return pack_string(p);
    case '[':
    case '{':
        open_level(p);
        return BELFRY_OK;
    case 'n':
    case 't':
    case 'f':
        pack_word(p);
        return BELFRY_OK;
    default:
        pack_number(p);
        return BELFRY_OK;
    }
}

static belfry_err pack(struct packer *p)
{
    while (p->at < p->end && !buf_failed(p->out)) {
        belfry_err err = BELFRY_OK;
        switch (*p->at) {
        case ' ':
        case '\n':
        case '\r':
        case '\t':
        case ',':
        case ':':
            p->at++;
            continue;
        case ']':
        case '}':
            close_level(p);
            break;
        default:
            err = pack_value(p);
        }
        if (err != BELFRY_OK)
            return err;
        if (p->out->size - p->start > p->max_bytes)
            return BELFRY_ERR_LIMIT;
    }
    return BELFRY_OK;
}

/* Packs @text, one or more values that were checked, behind what is in @out from @start on. */
static belfry_err pack_checked(belfry_bytes text, const belfry_bytes *blobs, size_t blob_count,
                               const struct msgpack_limits *limits, struct buf *out, size_t start)
{
    struct level levels[JSON_MAX_DEPTH];
    const uint8_t *first = text.size > 0 ? text.data : (const uint8_t *)"";
    struct packer p = { .at = first,
                        .end = first + text.size,
                        .holes = placeholders_of(text),
                        .blobs = blobs,
                        .blob_count = blob_count,
                        .out = out,
                        .start = start,
                        .max_bytes = limits->max_bytes > 0 ? limits->max_bytes : SIZE_MAX,
                        .levels = levels };
    belfry_err err = blob_count == 0 || find_hole(&p) ? pack(&p) : BELFRY_ERR_INVALID;
    if (buf_failed(out))
        err = BELFRY_ERR_NOMEM;
    if (err != BELFRY_OK) {
        out->size = start;
        out->has_failed = 0;
    }
    buf_deinit(&p.text);
    buf_deinit(&p.token);
    return err;
}

belfry_err msgpack_from_json(belfry_bytes json, const belfry_bytes *blobs, size_t blob_count,
                             const struct msgpack_limits *limits, struct buf *out)
{
    struct json_value value;
    BELFRY_ASSERT(!buf_failed(out));
    if (json.size > UINT32_MAX)
        return BELFRY_ERR_LIMIT;
    belfry_err err = json_scan(json, limits->max_depth, &value, NULL);
    if (err != BELFRY_OK)
        return err;
    return pack_checked(value.text, blobs, blob_count, limits, out, out->size);
}

belfry_err msgpack_from_event(belfry_bytes name, belfry_bytes args, const belfry_bytes *blobs,
                              size_t blob_count, const struct msgpack_limits *limits,
                              struct buf *out)
{
    size_t start = out->size;
    uint32_t count;
    BELFRY_ASSERT(!buf_failed(out));
    if (name.size > UINT32_MAX || args.size >= UINT32_MAX || limits->max_depth == 0)
        return BELFRY_ERR_LIMIT;
    belfry_err err = json_scan_list(args, limits->max_depth - 1, &count);
    if (err != BELFRY_OK)
        return err;
    msgpack_put_array(out, 1 + count);
    msgpack_put_str(out, name);
    return pack_checked(args, blobs, blob_count, limits, out, start);
}
