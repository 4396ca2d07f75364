/*
 * quantity.c - digits and a unit, there and back.
 */
#include "base/quantity.h"

#include <inttypes.h>
#include <stdio.h>

/* The largest that fits comes first when formatting. */
static const struct unit {
    enum quantity_kind kind;
    const char *name;
    uint64_t factor;
} units[] = {
    { QUANTITY_SIZE, "G", 1 << 30 }, { QUANTITY_SIZE, "M", 1 << 20 }, { QUANTITY_SIZE, "K", 1024 },
    { QUANTITY_MS, "h", 3600000 },   { QUANTITY_MS, "m", 60000 },     { QUANTITY_MS, "s", 1000 },
    { QUANTITY_MS, "ms", 1 },
};

static bool find_unit(enum quantity_kind kind, belfry_bytes name, uint64_t *out_factor)
{
    *out_factor = 1;
    if (name.size == 0)
        return true;
    for (const struct unit *u = units; u != BELFRY_END(units); u++) {
        if (u->kind == kind && bytes_equal_text(name, u->name)) {
            *out_factor = u->factor;
            return true;
        }
    }
    return false;
}

bool quantity_parse(enum quantity_kind kind, belfry_bytes text, uint64_t *out_number)
{
    const char *digits = text.data;
    uint64_t number = 0, factor;
    size_t i = 0;
    bool is_huge = false;
    for (; i < text.size && digits[i] >= '0' && digits[i] <= '9'; i++) {
        is_huge |= __builtin_mul_overflow(number, 10, &number);
        is_huge |= __builtin_add_overflow(number, (uint64_t)(digits[i] - '0'), &number);
    }
    if (i == 0 || !find_unit(kind, bytes_of(digits + i, text.size - i), &factor))
        return false;
    is_huge |= __builtin_mul_overflow(number, factor, &number);
    *out_number = is_huge ? UINT64_MAX : number;
    return true;
}

const char *quantity_format(enum quantity_kind kind, uint64_t number, char out[QUANTITY_MAX_TEXT])
{
    const char *unit_name = "";
    for (const struct unit *u = units; u != BELFRY_END(units); u++) {
        if (u->kind == kind && number > 0 && number % u->factor == 0) {
            unit_name = u->name;
            number /= u->factor;
            break;
        }
    }
    (void)snprintf(out, QUANTITY_MAX_TEXT, "%" PRIu64 "%s", number, unit_name);
    return out;
}
