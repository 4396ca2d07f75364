/*
 * utf8.c - a validator whose state is what may come next.
 *
 * After a lead byte, @state holds how many continuation bytes are due and the range of the next
 * one; the range is what refuses overlong forms (E0, F0), surrogates (ED) and > U+10FFFF (F4).
 *
 *     bits 0-7: bytes due     bits 8-15: lowest next byte     bits 16-23: highest next byte
 *
 * Runs of ASCII are skipped 32 or 8 bytes a step; whole characters inside a piece are judged with
 * a few comparisons; only those at the edges of pieces go through the state.
 */
#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CONTINUATION_LOW 0x80u
#define CONTINUATION_HIGH 0xBFu

static uint32_t state_of(uint32_t due, uint32_t low, uint32_t high)
{
    return due | low << 8 | high << 16;
}

/* The state after lead byte @b; false when no character begins so (RFC 3629 section 4). */
static bool begin_character(uint8_t b, uint32_t *out_state)
{
    if (b < 0x80)
        *out_state = 0;
    else if (b < 0xC2)
        return false;
    else if (b < 0xE0)
        *out_state = state_of(1, CONTINUATION_LOW, CONTINUATION_HIGH);
    else if (b < 0xF0)
        *out_state =
            state_of(2, b == 0xE0 ? 0xA0 : CONTINUATION_LOW, b == 0xED ? 0x9F : CONTINUATION_HIGH);
    else if (b < 0xF5)
        *out_state =
            state_of(3, b == 0xF0 ? 0x90 : CONTINUATION_LOW, b == 0xF4 ? 0x8F : CONTINUATION_HIGH);
    else
        return false;
    return true;
}

static bool step(uint32_t *state, uint8_t b)
{
    if (*state == 0)
        return begin_character(b, state);
    uint32_t due = *state & 0xFF;
    if (b < (*state >> 8 & 0xFF) || b > *state >> 16)
        return false;
    *state = due == 1 ? 0 : state_of(due - 1, CONTINUATION_LOW, CONTINUATION_HIGH);
    return true;
}

static bool is_continuation(uint8_t b)
{
    return (b & 0xC0) == 0x80;
}

/* The size of the character at @at, which has four readable bytes; 0 when it is none. */
static size_t measure_character(const uint8_t *at)
{
    uint8_t b = at[0];
    if (b < 0x80)
        return 1;
    if (b < 0xE0)
        return b >= 0xC2 && is_continuation(at[1]) ? 2 : 0;
    if (!is_continuation(at[1]) || !is_continuation(at[2]))
        return 0;
    uint32_t first_two = (uint32_t)b << 8 | at[1];
    if (b < 0xF0)
        return first_two >= 0xE0A0 && (first_two & 0xFFE0) != 0xEDA0 ? 3 : 0;
    return first_two >= 0xF090 && first_two <= 0xF48F && is_continuation(at[3]) ? 4 : 0;
}

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 32; at += 32) {
        __m128i a = _mm_loadu_si128((const __m128i *)at);
        __m128i b = _mm_loadu_si128((const __m128i *)(at + 16));
        if (_mm_movemask_epi8(_mm_or_si128(a, b)) != 0)
            break;
    }
#endif
    for (uint64_t word; end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof word);
        if (word & 0x8080808080808080u)
            break;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

bool utf8_feed(struct utf8 *u, const uint8_t *data, size_t size)
{
    if (size == 0)
        return true;
    const uint8_t *at = data, *end = data + size;
    uint32_t state = u->state;
    while (state != 0 && at < end) {
        if (!step(&state, *at++))
            return false;
    }
    while (end - at >= 4) {
        if (*at < 0x80) {
            at = skip_ascii(at, end);
            continue;
        }
        size_t taken = measure_character(at);
        if (taken == 0)
            return false;
        at += taken;
    }
    while (at < end) {
        if (!step(&state, *at++))
            return false;
    }
    u->state = state;
    return true;
}

bool utf8_is_valid(belfry_bytes text)
{
    struct utf8 u = { 0 };
    return utf8_feed(&u, text.data, text.size) && utf8_is_complete(&u);
}

size_t utf8_cut(belfry_bytes text, size_t max)
{
    if (text.size <= max)
        return text.size;
    const uint8_t *data = text.data;
    size_t kept = max;
    while (kept > 0 && is_continuation(data[kept]))
        kept--;
    return kept;
}
