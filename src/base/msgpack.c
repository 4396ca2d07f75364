/*
 * msgpack.c - MessagePack token by token.
 *
 * The first byte says what follows; sizes are big endian. A size or count is believed only if the
 * rest of the message could hold it: every value has at least one byte.
 */
#include "base/msgpack.h"

#include "base/utf8.h"

struct msgpack_reader msgpack_reader_of(belfry_bytes message)
{
    const uint8_t *start = message.size > 0 ? message.data : (const uint8_t *)"";
    return (struct msgpack_reader){ .at = start, .end = start + message.size };
}

static size_t left_of(const struct msgpack_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* --- reading ----------------------------------------------------------------------------- */

/* A number of @size bytes. */
static bool take_number(struct msgpack_reader *r, size_t size, uint64_t *out_number)
{
    uint64_t number = 0;
    if (left_of(r) < size)
        return false;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | *r->at++;
    *out_number = number;
    return true;
}

static bool take_bytes(struct msgpack_reader *r, uint64_t size, enum msgpack_kind kind,
                       struct msgpack_token *out)
{
    if (left_of(r) < size)
        return false;
    out->kind = kind;
    out->bytes = bytes_of(r->at, (size_t)size);
    r->at += size;
    return kind != MSGPACK_STR || utf8_is_valid(out->bytes);
}

/* Bytes behind a size of @width bytes. */
static bool take_sized(struct msgpack_reader *r, size_t width, enum msgpack_kind kind,
                       struct msgpack_token *out)
{
    uint64_t size;
    return take_number(r, width, &size) && take_bytes(r, size, kind, out);
}

static bool take_ext(struct msgpack_reader *r, uint64_t size, bool is_fixext,
                     struct msgpack_token *out)
{
    uint64_t type;
    if (!take_number(r, 1, &type))
        return false;
    out->ext_type = (int8_t)type;
    out->is_fixext = is_fixext;
    return take_bytes(r, size, MSGPACK_EXT, out);
}

static bool take_sized_ext(struct msgpack_reader *r, size_t width, struct msgpack_token *out)
{
    uint64_t size;
    return take_number(r, width, &size) && take_ext(r, size, false, out);
}

static bool open_array(const struct msgpack_reader *r, uint64_t count, struct msgpack_token *out)
{
    out->kind = MSGPACK_ARRAY;
    out->count = (uint32_t)count;
    return count <= left_of(r);
}

static bool open_map(const struct msgpack_reader *r, uint64_t count, struct msgpack_token *out)
{
    out->kind = MSGPACK_MAP;
    out->count = (uint32_t)count;
    return count <= left_of(r) / 2;
}

static bool open_sized(struct msgpack_reader *r, size_t width, bool is_map,
                       struct msgpack_token *out)
{
    uint64_t count;
    if (!take_number(r, width, &count))
        return false;
    return is_map ? open_map(r, count, out) : open_array(r, count, out);
}

static bool take_uint(struct msgpack_reader *r, size_t width, struct msgpack_token *out)
{
    out->kind = MSGPACK_UINT;
    return take_number(r, width, &out->u);
}

static bool take_int(struct msgpack_reader *r, size_t width, struct msgpack_token *out)
{
    uint64_t number;
    if (!take_number(r, width, &number))
        return false;
    unsigned unused = 64 - 8 * (unsigned)width;
    int64_t value = (int64_t)(number << unused) >> unused;
    if (value < 0)
        *out = (struct msgpack_token){ .kind = MSGPACK_INT, .i = value };
    else
        *out = (struct msgpack_token){ .kind = MSGPACK_UINT, .u = (uint64_t)value };
    return true;
}

static bool take_float(struct msgpack_reader *r, size_t width, struct msgpack_token *out)
{
    uint64_t bits;
    if (!take_number(r, width, &bits))
        return false;
    out->kind = MSGPACK_FLOAT;
    if (width == 8) {
        memcpy(&out->f, &bits, sizeof out->f);
        return true;
    }
    uint32_t half = (uint32_t)bits;
    float number;
    memcpy(&number, &half, sizeof number);
    out->f = (double)number;
    return true;
}

static bool set_kind(enum msgpack_kind kind, struct msgpack_token *out)
{
    out->kind = kind;
    return true;
}

/* The forms whose first byte holds the value or size itself are those outside c0 to df. */
static bool take_short(struct msgpack_reader *r, uint8_t first, struct msgpack_token *out)
{
    if (first < 0x80) {
        *out = (struct msgpack_token){ .kind = MSGPACK_UINT, .u = first };
        return true;
    }
    if (first < 0x90)
        return open_map(r, first & 0x0fu, out);
    if (first < 0xa0)
        return open_array(r, first & 0x0fu, out);
    if (first < 0xc0)
        return take_bytes(r, first & 0x1fu, MSGPACK_STR, out);
    *out = (struct msgpack_token){ .kind = MSGPACK_INT, .i = (int8_t)first };
    return true;
}

static bool take_token(struct msgpack_reader *r, struct msgpack_token *out)
{
    uint64_t first;
    if (!take_number(r, 1, &first))
        return false;
    switch (first) {
    case 0xc0:
        return set_kind(MSGPACK_NIL, out);
    case 0xc1:
        return false; /* means nothing */
    case 0xc2:
        return set_kind(MSGPACK_FALSE, out);
    case 0xc3:
        return set_kind(MSGPACK_TRUE, out);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return take_sized(r, (size_t)1 << (first - 0xc4), MSGPACK_BIN, out);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return take_sized_ext(r, (size_t)1 << (first - 0xc7), out);
    case 0xca:
    case 0xcb:
        return take_float(r, (size_t)4 << (first - 0xca), out);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return take_uint(r, (size_t)1 << (first - 0xcc), out);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_int(r, (size_t)1 << (first - 0xd0), out);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return take_ext(r, (uint64_t)1 << (first - 0xd4), true, out);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_sized(r, (size_t)1 << (first - 0xd9), MSGPACK_STR, out);
    case 0xdc:
    case 0xdd:
        return open_sized(r, (size_t)2 << (first - 0xdc), false, out);
    case 0xde:
    case 0xdf:
        return open_sized(r, (size_t)2 << (first - 0xde), true, out);
    default:
        return take_short(r, (uint8_t)first, out);
    }
}

bool msgpack_next(struct msgpack_reader *r, struct msgpack_token *out_token)
{
    struct msgpack_reader ahead = *r;
    struct msgpack_token token = { 0 };
    if (!take_token(&ahead, &token))
        return false;
    *r = ahead;
    *out_token = token;
    return true;
}

/* How many values are still due is all there is to remember; no count exceeds the bytes. */
bool msgpack_skip(struct msgpack_reader *r, belfry_bytes *out_value)
{
    struct msgpack_reader ahead = *r;
    struct msgpack_token token;
    for (uint64_t due = 1; due > 0; due--) {
        if (due > left_of(&ahead) || !msgpack_next(&ahead, &token))
            return false;
        if (token.kind == MSGPACK_ARRAY)
            due += token.count;
        if (token.kind == MSGPACK_MAP)
            due += (uint64_t)token.count * 2;
    }
    *out_value = bytes_of(r->at, (size_t)(ahead.at - r->at));
    *r = ahead;
    return true;
}

/* Bytes and values behind a first byte. */
struct extent {
    uint64_t bytes;
    uint64_t values;
};

/* What first bytes from c0 to df say: bytes that follow for sure, how wide a size of more is, and
 * how many values each of it counts. */
static const struct {
    uint8_t fixed, size_width, values;
} long_forms[32] = {
    { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 },               /* nil, -, false, true */
    { 0, 1, 0 }, { 0, 2, 0 }, { 0, 4, 0 },                            /* bin */
    { 1, 1, 0 }, { 1, 2, 0 }, { 1, 4, 0 },                            /* ext */
    { 4, 0, 0 }, { 8, 0, 0 },                                         /* float */
    { 1, 0, 0 }, { 2, 0, 0 }, { 4, 0, 0 }, { 8, 0, 0 },               /* uint */
    { 1, 0, 0 }, { 2, 0, 0 }, { 4, 0, 0 }, { 8, 0, 0 },               /* int */
    { 2, 0, 0 }, { 3, 0, 0 }, { 5, 0, 0 }, { 9, 0, 0 }, { 17, 0, 0 }, /* fixext */
    { 0, 1, 0 }, { 0, 2, 0 }, { 0, 4, 0 },                            /* str */
    { 0, 2, 1 }, { 0, 4, 1 },                                         /* array */
    { 0, 2, 2 }, { 0, 4, 2 },                                         /* map */
};

static bool take_long_extent(struct msgpack_reader *r, uint8_t first, struct extent *out)
{
    uint64_t size = 0;
    unsigned form = first - 0xc0u;
    if (first == 0xc1 ||
        (long_forms[form].size_width > 0 && !take_number(r, long_forms[form].size_width, &size)))
        return false;
    if (long_forms[form].values > 0)
        *out = (struct extent){ .values = size * long_forms[form].values };
    else
        *out = (struct extent){ .bytes = size + long_forms[form].fixed };
    return true;
}

static bool take_extent(struct msgpack_reader *r, struct extent *out)
{
    uint64_t first;
    if (!take_number(r, 1, &first))
        return false;
    *out = (struct extent){ 0 };
    if (first >= 0xa0 && first < 0xc0)
        out->bytes = first & 0x1fu;
    else if (first >= 0x90 && first < 0xa0)
        out->values = first & 0x0fu;
    else if (first >= 0x80 && first < 0x90)
        out->values = (first & 0x0fu) * 2;
    else if (first >= 0xc0 && first < 0xe0)
        return take_long_extent(r, (uint8_t)first, out);
    return true;
}

bool msgpack_pass(struct msgpack_reader *r)
{
    struct msgpack_reader ahead = *r;
    struct extent extent;
    for (uint64_t due = 1; due > 0; due += extent.values - 1) {
        if (due > left_of(&ahead) || !take_extent(&ahead, &extent) ||
            extent.bytes > left_of(&ahead))
            return false;
        ahead.at += extent.bytes;
    }
    *r = ahead;
    return true;
}

bool msgpack_is_undefined(const struct msgpack_token *token)
{
    return token->kind == MSGPACK_EXT && token->ext_type == 0 && token->is_fixext &&
           token->bytes.size == 1;
}

bool msgpack_u64(const struct msgpack_token *token, uint64_t *out_number)
{
    if (token->kind == MSGPACK_FLOAT && token->f >= 0 && token->f < 0x1p64 &&
        token->f == (double)(uint64_t)token->f) {
        *out_number = (uint64_t)token->f;
        return true;
    }
    if (token->kind != MSGPACK_UINT)
        return false;
    *out_number = token->u;
    return true;
}

/* --- writing ----------------------------------------------------------------------------- */

static void put_first_and_number(struct buf *b, uint8_t first, size_t width, uint64_t number)
{
    uint8_t bytes[9] = { first };
    for (size_t i = 0; i < width; i++)
        bytes[1 + i] = (uint8_t)(number >> 8 * (width - 1 - i));
    buf_put(b, bytes, 1 + width);
}

/* The form with 1, 2 or 4 bytes for @size; @first is that with one. */
static void put_size(struct buf *b, uint8_t first, size_t size)
{
    BELFRY_ASSERT(size <= UINT32_MAX);
    if (size <= UINT8_MAX)
        put_first_and_number(b, first, 1, size);
    else if (size <= UINT16_MAX)
        put_first_and_number(b, first + 1, 2, size);
    else
        put_first_and_number(b, first + 2, 4, size);
}

void msgpack_put_nil(struct buf *b)
{
    buf_put_char(b, (char)0xc0);
}

void msgpack_put_u64(struct buf *b, uint64_t number)
{
    if (number < 0x80)
        put_first_and_number(b, (uint8_t)number, 0, 0);
    else if (number <= UINT8_MAX)
        put_first_and_number(b, 0xcc, 1, number);
    else if (number <= UINT16_MAX)
        put_first_and_number(b, 0xcd, 2, number);
    else if (number <= UINT32_MAX)
        put_first_and_number(b, 0xce, 4, number);
    else
        put_first_and_number(b, 0xcf, 8, number);
}

void msgpack_put_i64(struct buf *b, int64_t number)
{
    if (number >= 0)
        msgpack_put_u64(b, (uint64_t)number);
    else if (number >= -32)
        put_first_and_number(b, (uint8_t)number, 0, 0);
    else if (number >= INT8_MIN)
        put_first_and_number(b, 0xd0, 1, (uint64_t)number);
    else if (number >= INT16_MIN)
        put_first_and_number(b, 0xd1, 2, (uint64_t)number);
    else if (number >= INT32_MIN)
        put_first_and_number(b, 0xd2, 4, (uint64_t)number);
    else
        put_first_and_number(b, 0xd3, 8, (uint64_t)number);
}

void msgpack_put_double(struct buf *b, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_first_and_number(b, 0xcb, 8, bits);
}

void msgpack_put_str(struct buf *b, belfry_bytes text)
{
    if (text.size < 32)
        put_first_and_number(b, (uint8_t)(0xa0 | text.size), 0, 0);
    else
        put_size(b, 0xd9, text.size);
    buf_put_bytes(b, text);
}

void msgpack_put_bin(struct buf *b, belfry_bytes data)
{
    put_size(b, 0xc4, data.size);
    buf_put_bytes(b, data);
}

void msgpack_put_array(struct buf *b, uint32_t count)
{
    if (count < 16)
        put_first_and_number(b, (uint8_t)(0x90 | count), 0, 0);
    else if (count <= UINT16_MAX)
        put_first_and_number(b, 0xdc, 2, count);
    else
        put_first_and_number(b, 0xdd, 4, count);
}

void msgpack_put_map(struct buf *b, uint32_t count)
{
    if (count < 16)
        put_first_and_number(b, (uint8_t)(0x80 | count), 0, 0);
    else if (count <= UINT16_MAX)
        put_first_and_number(b, 0xde, 2, count);
    else
        put_first_and_number(b, 0xdf, 4, count);
}
