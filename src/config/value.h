/*
 * value.h - one value of the configuration, as text and as a number.
 *
 *   COUNT   300                       decimal digits
 *   SIZE    300, 64K, 1M, 2G          bytes, units of 1024
 *   MS      300, 300ms, 10s, 2m, 1h   milliseconds
 *   FLAG    true, yes, on, 1          and their opposites
 *   CHOICE  one of the row's words
 *   TEXT    printable UTF-8, at most CONFIG_MAX_TEXT bytes
 *
 * `off` is BELFRY_OFF where the row allows it.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/defs.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_FLAG,
    CONFIG_COUNT,
    CONFIG_SIZE,
    CONFIG_MS,
    CONFIG_CHOICE,
};

/* The longest TEXT, in bytes. */
#define CONFIG_MAX_TEXT 65536

struct config_value {
    const char *text; /* of a TEXT, never NULL */
    uint64_t number;  /* of all others; a CHOICE's index */
};

struct config_row;

/* Room for any number as text, for "4K to 1G, or off", and for what is wrong with a value. */
struct config_text {
    char text[160];
};

/*
 * Reads @text as a value of @row, bounds included. A TEXT is only checked: @out_value->text is
 * left to the caller, who copies it.
 *
 * Returns NULL, or what is wrong: "is out of bounds, 4K to 1G", in @room where it needs some.
 */
const char *config_value_parse(const struct config_row *row, belfry_bytes text,
                               struct config_value *out_value, struct config_text *room);

/* @value as config_value_parse reads it: in the largest unit that divides it. A TEXT is itself. */
const char *config_value_format(const struct config_row *row, struct config_value value,
                                struct config_text *room);

/* "4K to 1G, or off"; for FLAG and TEXT the empty string, for CHOICE its words. */
const char *config_value_bounds(const struct config_row *row, struct config_text *room);

/* Is @text valid UTF-8 without control characters, line separators and byte order marks? */
bool config_text_is_printable(belfry_bytes text);

#endif
