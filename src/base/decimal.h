/*
 * decimal.h - floating point numbers as decimal text, whatever the process's locale.
 *
 * strtod and printf use the locale's decimal point, and an embedder's locale may have a comma.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/buf.h"
#include "base/defs.h"

/* What the JSON number @token means, correctly rounded; beyond the range: infinity or zero. */
double decimal_parse(belfry_bytes token);

/*
 * Appends @number as JavaScript writes it (1, 0.5, 1e+21, 5e-324), so that it reads back exactly;
 * -0 keeps its sign; NaN and the infinities, which JSON cannot say, are `null`. Sticky.
 */
void decimal_put(struct buf *b, double number);

#endif
