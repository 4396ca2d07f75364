/*
 * base64.c - three bytes are four characters.
 *
 * Reading takes four good characters a step for as long as there are any; from the first other
 * one it goes on character by character, until four have come together again.
 */
#include "base/base64.h"

#define GOOD 0x80 /* with the six bits in the others */
#define END 0x40  /* '=' */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What a character means: GOOD and its value, END, or zero: in no alphabet. */
/* clang-format off */
static const uint8_t meaning[256] = {
    ['A'] = 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8C,
             0x8D, 0x8E, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    ['a'] = 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6,
             0xA7, 0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0xB0, 0xB1, 0xB2, 0xB3,
    ['0'] = 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xBB, 0xBC, 0xBD,
    ['+'] = 0xBE, ['-'] = 0xBE, ['/'] = 0xBF, ['_'] = 0xBF, ['='] = END,
};
/* clang-format on */

/* Four characters for the first @count (1 to 3) bytes at @in. */
static void write_group(const uint8_t *in, size_t count, uint8_t *out)
{
    uint32_t bits = (uint32_t)in[0] << 16;
    if (count > 1)
        bits |= (uint32_t)in[1] << 8;
    if (count > 2)
        bits |= in[2];
    out[0] = (uint8_t)alphabet[bits >> 18];
    out[1] = (uint8_t)alphabet[bits >> 12 & 63];
    out[2] = count > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
    out[3] = count > 2 ? (uint8_t)alphabet[bits & 63] : '=';
}

void base64_put(struct buf *out, belfry_bytes data)
{
    if (out->has_failed || data.size == 0)
        return;
    if (data.size > SIZE_MAX / 2 || buf_reserve(out, base64_size(data.size)) != BELFRY_OK) {
        out->has_failed = 1;
        return;
    }
    const uint8_t *in = data.data, *end = in + data.size;
    uint8_t *to = out->data + out->size;
    for (; end - in >= 3; in += 3, to += 4)
        write_group(in, 3, to);
    if (in < end) {
        write_group(in, (size_t)(end - in), to);
        to += 4;
    }
    out->size = (size_t)(to - out->data);
}

/* Takes whole groups of good characters, and stops before the first that is not. */
static const uint8_t *read_groups(const uint8_t *at, const uint8_t *end, uint8_t **to)
{
    uint8_t *out = *to;
    for (; end - at >= 4; at += 4, out += 3) {
        uint32_t a = meaning[at[0]], b = meaning[at[1]], c = meaning[at[2]], d = meaning[at[3]];
        if ((a & b & c & d & GOOD) == 0)
            break;
        uint32_t bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    *to = out;
    return at;
}

belfry_err base64_decode(belfry_bytes text, struct buf *out)
{
    if (text.size == 0)
        return BELFRY_OK;
    belfry_err err = buf_reserve(out, text.size / 4 * 3 + 3);
    if (err != BELFRY_OK)
        return err;
    const uint8_t *at = text.data, *end = at + text.size;
    uint8_t *to = out->data + out->size;
    uint32_t bits = 0, count = 0; /* of the group that is being collected */
    while (at < end) {
        if (count == 0)
            at = read_groups(at, end, &to);
        if (at == end || meaning[*at] == END)
            break;
        uint8_t value = meaning[*at++];
        if ((value & GOOD) == 0)
            continue;
        bits = bits << 6 | (value & 63);
        count++;
        if (count == 4) {
            *to++ = (uint8_t)(bits >> 16);
            *to++ = (uint8_t)(bits >> 8);
            *to++ = (uint8_t)bits;
            bits = count = 0;
        }
    }
    if (count == 2) {
        *to++ = (uint8_t)(bits >> 4);
    } else if (count == 3) {
        *to++ = (uint8_t)(bits >> 10);
        *to++ = (uint8_t)(bits >> 2);
    }
    out->size = (size_t)(to - out->data);
    return BELFRY_OK;
}
