/*
 * value.c - digits with a unit, words from a list, and printable text.
 *
 *   "64K" --the row's kind of quantity--> 65536 --bounds--> a value
 */
#include "config/value.h"

#include <stdio.h>

#include <belfry/options.h>

#include "base/quantity.h"
#include "base/utf8.h"
#include "config/schema.h"

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

static enum quantity_kind kind_of(enum config_type type)
{
    return type == CONFIG_SIZE ? QUANTITY_SIZE : type == CONFIG_MS ? QUANTITY_MS : QUANTITY_COUNT;
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
    if (!quantity_parse(kind_of(row->type), text, &number))
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
    _Static_assert(sizeof room->text >= QUANTITY_MAX_TEXT, "a number has room");
    return quantity_format(kind_of(row->type), number, room->text);
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
