/*
 * placeholder.h - the holes in a JSON text that binary data belongs in.
 *
 *     ["photo",{"_placeholder":true,"num":0}]  +  attachment 0
 *
 *     struct placeholders p = placeholders_of(text);
 *     struct placeholder hole;
 *     while (placeholders_next(&p, &hole))
 *         ...                        hole.text is the object, hole.num the attachment
 *     if (p.is_bad)                  one of them is not what it should be
 *
 * JSON and attachments travel beside each other everywhere; only the forms of members that cannot
 * hear attachments put them together. A placeholder is an object whose member `_placeholder` is
 * true (escapes understood, of equal names the last counts); it must be flat, without arrays and
 * objects in it, and its `num` a whole number. That is what encoders write, and it can be found in
 * one pass without a stack.
 */
#ifndef BASE_PLACEHOLDER_H
#define BASE_PLACEHOLDER_H

#include "base/defs.h"

struct placeholder {
    belfry_bytes text; /* the object with its braces */
    uint64_t num;
};

/* A walk; holds no memory. */
struct placeholders {
    const uint8_t *at, *end;
    bool is_bad; /* not flat, or num is missing or no whole number: the walk ends there */
};

/* @text: JSON that was checked already; a list of values between commas will do too. */
struct placeholders placeholders_of(belfry_bytes text);

bool placeholders_next(struct placeholders *p, struct placeholder *out_hole);

/* Are all placeholders in @text good, with numbers below @attachment_count? */
bool placeholders_are_good(belfry_bytes text, uint64_t attachment_count);

#endif
