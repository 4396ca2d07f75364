/*
 * value.c - digits with a unit, words from a list, and printable text.
 *
 *   "64K" --digits--> 64 --unit of the row's type--> 65536 --bounds--> a value
 *
 * A number too large for 64 bits is out of bounds, not malformed: it saturates.
 */
#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>

#include <belfry/options.h>

#include "base/utf8.h"
#include "config/schema.h"

/* The largest that fits comes first when formatting. */
static const struct unit {
    enum config_type type;
    const char *name;
    uint64_t factor;
} units[] = {
    { CONFIG_SIZE, "G", 1 << 30 }, { CONFIG_SIZE, "M", 1 << 20 }, { CONFIG_SIZE, "K", 1 << 10 },
    { CONFIG_MS, "h", 3600000 },   { CONFIG_MS, "m", 60000 },     { CONFIG_MS, "s", 1000 },
    { CONFIG_MS, "ms", 1 },
};

static const char *const true_words[] = { "true", "yes", "on", "1" };
static const char *const false_words[] = { "false", "no", "off", "0" };

static bool is_word_of(belfry_bytes text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_text(text, words[i]))
            return true;
    }
    return false;
}

static bool find_unit(enum config_type type, belfry_bytes name, uint64_t *out_factor)
{
    *out_factor = 1;
    if (name.size == 0)
        return true;
    for (const struct unit *u = units; u != BELFRY_END(units); u++) {
        if (u->type == type && bytes_equal_text(name, u->name)) {
            *out_factor = u->factor;
            return true;
        }
    }
    return false;
}

static bool parse_number(enum config_type type, belfry_bytes text, uint64_t *out_number)
{
    const char *digits = text.data;
    uint64_t number = 0, factor;
    size_t i = 0;
    bool is_huge = false;
    for (; i < text.size && digits[i] >= '0' && digits[i] <= '9'; i++) {
        is_huge |= __builtin_mul_overflow(number, 10, &number);
        is_huge |= __builtin_add_overflow(number, (uint64_t)(digits[i] - '0'), &number);
    }
    if (i == 0 || !find_unit(type, bytes_of(digits + i, text.size - i), &factor))
        return false;
    is_huge |= __builtin_mul_overflow(number, factor, &number);
    *out_number = is_huge ? UINT64_MAX : number;
    return true;
}

static const char *number_fault(enum config_type type)
{
    if (type == CONFIG_SIZE)
        return "is not a size; write bytes, or 64K, 1M, 2G";
    if (type == CONFIG_MS)
        return "is not a duration; write milliseconds, or 250ms, 10s, 2m, 1h";
    return "is not a number";
}

static const char *parse_bounded(const struct config_row *row, belfry_bytes text,
                                 uint64_t *out_number, struct config_text *room)
{
    uint64_t number;
    if (row->may_be_off && bytes_equal_text(text, "off")) {
        *out_number = BELFRY_OFF;
        return NULL;
    }
    if (!parse_number(row->type, text, &number))
        return number_fault(row->type);
    if (number != row->default_value.number && (number < row->min || number > row->max)) {
        struct config_text bounds;
        (void)snprintf(room->text, sizeof room->text, "is out of bounds: %.128s",
                       config_value_bounds(row, &bounds));
        return room->text;
    }
    *out_number = number;
    return NULL;
}

static const char *parse_choice(const struct config_row *row, belfry_bytes text,
                                uint64_t *out_index, struct config_text *room)
{
    for (size_t i = 0; i < row->choice_count; i++) {
        if (bytes_equal_text(text, row->choices[i].text)) {
            *out_index = i;
            return NULL;
        }
    }
    struct config_text words;
    (void)snprintf(room->text, sizeof room->text, "is not one of: %.128s",
                   config_value_bounds(row, &words));
    return room->text;
}

static const char *parse_flag(belfry_bytes text, uint64_t *out_is_set)
{
    bool is_true = is_word_of(text, true_words, BELFRY_COUNT(true_words));
    if (!is_true && !is_word_of(text, false_words, BELFRY_COUNT(false_words)))
        return "is neither true nor false";
    *out_is_set = is_true;
    return NULL;
}

/* What takes no place on the line, or ends it: C1 controls, U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF.
 */
static bool is_unprintable(const unsigned char *bytes, size_t left)
{
    if (left >= 2 && bytes[0] == 0xc2)
        return bytes[1] < 0xa0;
    if (left < 3)
        return false;
    return memcmp(bytes, "\xe2\x80\xa8", 3) == 0 || memcmp(bytes, "\xe2\x80\xa9", 3) == 0 ||
           memcmp(bytes, "\xef\xbb\xbf", 3) == 0 || memcmp(bytes, "\xef\xbf\xbe", 3) == 0 ||
           memcmp(bytes, "\xef\xbf\xbf", 3) == 0;
}

bool config_text_is_printable(belfry_bytes text)
{
    const unsigned char *bytes = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f || is_unprintable(bytes + i, text.size - i))
            return false;
    }
    return utf8_is_valid(text);
}

static const char *parse_text(belfry_bytes text)
{
    if (text.size > CONFIG_MAX_TEXT)
        return "is longer than 64K";
    return config_text_is_printable(text) ? NULL : "is not printable UTF-8";
}

const char *config_value_parse(const struct config_row *row, belfry_bytes text,
                               struct config_value *out_value, struct config_text *room)
{
    switch (row->type) {
    case CONFIG_TEXT:
        return parse_text(text);
    case CONFIG_FLAG:
        return parse_flag(text, &out_value->number);
    case CONFIG_COUNT:
    case CONFIG_SIZE:
    case CONFIG_MS:
        return parse_bounded(row, text, &out_value->number, room);
    case CONFIG_CHOICE:
        return parse_choice(row, text, &out_value->number, room);
    }
    BELFRY_UNREACHABLE("a row has one of these types");
}

static const char *format_number(const struct config_row *row, uint64_t number,
                                 struct config_text *room)
{
    if (row->may_be_off && number == BELFRY_OFF)
        return "off";
    const char *unit_name = "";
    for (const struct unit *u = units; u != BELFRY_END(units); u++) {
        if (u->type == row->type && number > 0 && number % u->factor == 0) {
            unit_name = u->name;
            number /= u->factor;
            break;
        }
    }
    (void)snprintf(room->text, sizeof room->text, "%" PRIu64 "%s", number, unit_name);
    return room->text;
}

const char *config_value_format(const struct config_row *row, struct config_value value,
                                struct config_text *room)
{
    switch (row->type) {
    case CONFIG_TEXT:
        return value.text;
    case CONFIG_FLAG:
        return value.number != 0 ? "true" : "false";
    case CONFIG_COUNT:
    case CONFIG_SIZE:
    case CONFIG_MS:
        return format_number(row, value.number, room);
    case CONFIG_CHOICE:
        return row->choices[value.number].text;
    }
    BELFRY_UNREACHABLE("a row has one of these types");
}

static void append(struct config_text *room, const char *text)
{
    size_t size = strlen(room->text);
    (void)snprintf(room->text + size, sizeof room->text - size, "%s", text);
}

const char *config_value_bounds(const struct config_row *row, struct config_text *room)
{
    struct config_text number;
    room->text[0] = '\0';
    switch (row->type) {
    case CONFIG_TEXT:
    case CONFIG_FLAG:
        break;
    case CONFIG_COUNT:
    case CONFIG_SIZE:
    case CONFIG_MS:
        append(room, format_number(row, row->min, &number));
        append(room, " to ");
        append(room, format_number(row, row->max, &number));
        append(room, row->may_be_off ? ", or off" : "");
        break;
    case CONFIG_CHOICE:
        for (size_t i = 0; i < row->choice_count; i++) {
            append(room, i > 0 ? ", " : "");
            append(room, row->choices[i].text);
        }
        break;
    }
    return room->text;
}
