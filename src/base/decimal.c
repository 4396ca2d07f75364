/*
 * decimal.c - strtod and printf, kept away from decimal points.
 *
 *     12.50e3  --digits and exponent-->  1250, 1  --strtod("1250e1")-->  12500
 *
 * Text without a point means the same in every locale. What printf writes is taken apart the same
 * way: its digits are digits, wherever and whatever the point is.
 */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* No double, and no point half way between two, has more significant digits than 767. Of what is
 * longer, it only matters whether anything but zeros follows. */
#define MAX_DIGITS 780

/* Further exponents are infinity or zero with any digits that fit into memory. */
#define MAX_EXPONENT ((int64_t)1 << 40)

/* digits x 10^exponent */
struct decimal {
    bool is_negative;
    int64_t exponent;
    size_t digit_count;
    char digits[MAX_DIGITS + 1];
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(struct decimal *d, uint8_t digit, bool is_behind_point)
{
    if (d->digit_count == 0 && digit == '0') {
        d->exponent -= is_behind_point;
    } else if (d->digit_count < MAX_DIGITS) {
        d->digits[d->digit_count++] = (char)digit;
        d->exponent -= is_behind_point;
    } else {
        if (digit != '0')
            d->digits[MAX_DIGITS - 1] = '1'; /* the last is far below what is rounded */
        d->exponent += !is_behind_point;
    }
}

static int64_t parse_exponent(const uint8_t *at, const uint8_t *end)
{
    bool is_negative = at < end && *at == '-';
    int64_t exponent = 0;
    for (; at < end; at++) {
        if (is_digit(*at) && exponent < MAX_EXPONENT)
            exponent = exponent * 10 + (*at - '0');
    }
    return is_negative ? -exponent : exponent;
}

/* Reads what JSON and printf's %e write; the point may be any bytes. */
static void take_apart(struct decimal *d, const uint8_t *at, const uint8_t *end)
{
    d->is_negative = at < end && *at == '-';
    d->exponent = 0;
    d->digit_count = 0;
    at += d->is_negative;
    bool is_behind_point = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (is_digit(*at))
            add_digit(d, *at, is_behind_point);
        else
            is_behind_point = true;
    }
    if (at < end)
        d->exponent += parse_exponent(at + 1, end);
}

static double put_together(const struct decimal *d)
{
    char text[MAX_DIGITS + 32];
    if (d->digit_count == 0)
        return d->is_negative ? -0.0 : 0.0;
    int64_t exponent = BELFRY_MIN(BELFRY_MAX(d->exponent, -99999), 99999);
    (void)snprintf(text, sizeof text, "%s%.*se%d", d->is_negative ? "-" : "", (int)d->digit_count,
                   d->digits, (int)exponent);
    return strtod(text, NULL);
}

double decimal_parse(belfry_bytes token)
{
    struct decimal d;
    const uint8_t *start = token.size > 0 ? token.data : (const uint8_t *)"";
    take_apart(&d, start, start + token.size);
    return put_together(&d);
}

/* --- writing ----------------------------------------------------------------------------- */

/* 15 digits always fit, 17 always suffice; numbers near zero have fewer than 15. */
static void find_shortest(struct decimal *d, double number)
{
    int precision = fpclassify(number) == FP_SUBNORMAL ? 1 : 15;
    for (; precision <= 17; precision++) {
        char text[64];
        int size = snprintf(text, sizeof text, "%.*e", precision - 1, number);
        BELFRY_ASSERT(size > 0 && (size_t)size < sizeof text);
        take_apart(d, (const uint8_t *)text, (const uint8_t *)text + size);
        if (put_together(d) == number)
            break;
    }
    while (d->digit_count > 1 && d->digits[d->digit_count - 1] == '0') {
        d->digit_count--;
        d->exponent++;
    }
}

static void put_zeros(struct buf *b, int64_t count)
{
    for (; count > 0; count--)
        buf_put_char(b, '0');
}

static void put_exponential(struct buf *b, const struct decimal *d, int64_t point)
{
    buf_put(b, d->digits, 1);
    if (d->digit_count > 1) {
        buf_put_char(b, '.');
        buf_put(b, d->digits + 1, d->digit_count - 1);
    }
    buf_printf(b, "e%+d", (int)(point - 1));
}

/* ECMA-262, Number::toString: @point is where the decimal point is, counted in digits. */
static void put_decimal(struct buf *b, const struct decimal *d)
{
    int64_t count = (int64_t)d->digit_count;
    int64_t point = count + d->exponent;
    if (d->is_negative)
        buf_put_char(b, '-');
    if (point > 21 || point < -5) {
        put_exponential(b, d, point);
    } else if (point <= 0) {
        buf_put_text(b, "0.");
        put_zeros(b, -point);
        buf_put(b, d->digits, d->digit_count);
    } else if (point < count) {
        buf_put(b, d->digits, (size_t)point);
        buf_put_char(b, '.');
        buf_put(b, d->digits + point, (size_t)(count - point));
    } else {
        buf_put(b, d->digits, d->digit_count);
        put_zeros(b, point - count);
    }
}

void decimal_put(struct buf *b, double number)
{
    struct decimal d;
    if (!isfinite(number)) {
        buf_put_text(b, "null");
    } else if (number == 0) {
        buf_put_text(b, signbit(number) ? "-0" : "0");
    } else {
        find_shortest(&d, number);
        put_decimal(b, &d);
    }
}
