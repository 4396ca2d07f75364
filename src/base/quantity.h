/*
 * quantity.h - numbers with a unit, as people write them in options: 64K, 10s, 250.
 */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include "base/defs.h"

/* A number without a unit is bytes, or milliseconds. */
enum quantity_kind {
    QUANTITY_COUNT, /* no unit */
    QUANTITY_SIZE,  /* K, M, G: powers of 1024 */
    QUANTITY_MS,    /* ms, s, m, h */
};

/* False: not such a number. One that does not fit into 64 bits is UINT64_MAX: out of any bounds. */
bool quantity_parse(enum quantity_kind kind, belfry_bytes text, uint64_t *out_number);

#define QUANTITY_MAX_TEXT 24

/* With the largest unit that divides it. Returns @out. */
const char *quantity_format(enum quantity_kind kind, uint64_t number, char out[QUANTITY_MAX_TEXT]);

#endif
