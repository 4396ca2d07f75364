/*
 * utf8.h - is it UTF-8? (RFC 3629), for text that comes in pieces.
 *
 *     struct utf8 u = { 0 };
 *     if (!utf8_feed(&u, piece, size))    fails at the earliest byte that cannot be right
 *         ...
 *     if (!utf8_is_complete(&u))          the text ended inside a character
 *         ...
 *
 * Refuses overlong forms, surrogates and what lies above U+10FFFF. ASCII costs next to nothing.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/defs.h"

/* All zero is the start. Inside a character: how many bytes are due, and the range of the next. */
struct utf8 {
    uint32_t state;
};

/* False: these bytes cannot be part of any UTF-8 text. Do not feed after a false. */
BELFRY_NODISCARD bool utf8_feed(struct utf8 *u, const uint8_t *data, size_t size);

static inline bool utf8_is_complete(const struct utf8 *u)
{
    return u->state == 0;
}

bool utf8_is_valid(belfry_bytes text);

/* How much of @text to keep so that at most @max bytes remain and no character of it is cut. */
size_t utf8_cut(belfry_bytes text, size_t max);

#endif
