/*
 * date.c - days to calendar and back, and the three shapes of an HTTP date.
 *
 * The calendar is counted in years that start on March 1st, so that the leap day is the last day
 * of its year and the months' lengths fall into the line (153 * month + 2) / 5.
 */
#include "http/date.h"

#include <stdio.h>

#include "http/chars.h"

#define SECONDS_PER_DAY 86400u
#define DAYS_TO_1970 719468u      /* from 0000-03-01 */
#define DAYS_PER_ERA 146097u      /* 400 years */
#define LAST_SECOND 253402300799u /* 9999-12-31 23:59:59 */

struct date {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
};

static const char weekdays[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static void set_calendar(struct date *d, uint32_t days_since_1970)
{
    uint32_t days = days_since_1970 + DAYS_TO_1970;
    uint32_t era = days / DAYS_PER_ERA;
    uint32_t day_of_era = days % DAYS_PER_ERA;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    d->day = day_of_year - (153 * month + 2) / 5 + 1;
    d->month = month < 10 ? month + 3 : month - 9;
    d->year = era * 400 + year_of_era + (d->month <= 2);
}

static uint64_t days_since_1970(const struct date *d)
{
    uint32_t year = d->year - (d->month <= 2);
    uint32_t month = d->month > 2 ? d->month - 3 : d->month + 9;
    uint32_t year_of_era = year % 400;
    uint32_t day_of_year = (153 * month + 2) / 5 + d->day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (uint64_t)(year / 400) * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

void http_date_format(char out[HTTP_DATE_SIZE + 1], uint64_t seconds)
{
    seconds = BELFRY_MIN(seconds, (uint64_t)LAST_SECOND);
    uint32_t days = (uint32_t)(seconds / SECONDS_PER_DAY);
    uint32_t rest = (uint32_t)(seconds % SECONDS_PER_DAY);
    struct date d = { .hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60 };
    set_calendar(&d, days);
    char text[64]; /* room for what the compiler thinks the numbers might be */
    (void)snprintf(text, sizeof text, "%.3s, %02u %s %04u %02u:%02u:%02u GMT",
                   weekdays[(days + 4) % 7], d.day, months[d.month - 1], d.year, d.hour, d.minute,
                   d.second);
    memcpy(out, text, HTTP_DATE_SIZE);
    out[HTTP_DATE_SIZE] = '\0';
}

/* --- reading ----------------------------------------------------------------------------------*/

static bool take_number(belfry_bytes *rest, size_t digit_count, unsigned *out)
{
    const uint8_t *digits = rest->data;
    if (rest->size < digit_count)
        return false;
    *out = 0;
    for (size_t i = 0; i < digit_count; i++) {
        if (!http_char_is(digits[i], HTTP_CHAR_DIGIT))
            return false;
        *out = *out * 10 + (digits[i] - (unsigned)'0');
    }
    *rest = bytes_of(digits + digit_count, rest->size - digit_count);
    return true;
}

static bool take_text(belfry_bytes *rest, const char *text, size_t size)
{
    if (rest->size < size || memcmp(rest->data, text, size) != 0)
        return false;
    *rest = bytes_of((const uint8_t *)rest->data + size, rest->size - size);
    return true;
}

static bool take_weekday(belfry_bytes *rest, bool is_short)
{
    for (size_t i = 0; i < BELFRY_COUNT(weekdays); i++)
        if (take_text(rest, weekdays[i], is_short ? 3 : strlen(weekdays[i])))
            return true;
    return false;
}

static bool take_month(belfry_bytes *rest, unsigned *out)
{
    for (unsigned i = 0; i < BELFRY_COUNT(months); i++)
        if (take_text(rest, months[i], 3)) {
            *out = i + 1;
            return true;
        }
    return false;
}

/* One letter of a shape, as in strftime; anything else stands for itself. */
static bool take_part(belfry_bytes *rest, char part, struct date *d)
{
    switch (part) {
    case 'a':
        return take_weekday(rest, true);
    case 'A':
        return take_weekday(rest, false);
    case 'b':
        return take_month(rest, &d->month);
    case 'd':
        return take_number(rest, 2, &d->day);
    case 'e':
        return take_text(rest, " ", 1) ? take_number(rest, 1, &d->day)
                                       : take_number(rest, 2, &d->day);
    case 'Y':
        return take_number(rest, 4, &d->year);
    case 'y':
        if (!take_number(rest, 2, &d->year))
            return false;
        d->year += d->year < 70 ? 2000 : 1900;
        return true;
    case 'H':
        return take_number(rest, 2, &d->hour);
    case 'M':
        return take_number(rest, 2, &d->minute);
    case 'S':
        return take_number(rest, 2, &d->second);
    case 'Z':
        return take_text(rest, "GMT", 3);
    default:
        return take_text(rest, &part, 1);
    }
}

static bool parse_shape(belfry_bytes text, const char *shape, struct date *out)
{
    for (; *shape != '\0'; shape++)
        if (!take_part(&text, *shape, out))
            return false;
    return text.size == 0;
}

static bool exists(const struct date *d)
{
    static const unsigned month_days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;
    unsigned last = month_days[d->month - 1] + (d->month == 2 && is_leap);
    return d->year >= 1970 && d->day >= 1 && d->day <= last && d->hour <= 23 && d->minute <= 59 &&
           d->second <= 60; /* 60: a leap second */
}

bool http_date_parse(belfry_bytes text, uint64_t *out_seconds)
{
    /* RFC 9110 5.6.7: IMF-fixdate, RFC 850, asctime */
    static const char *const shapes[] = { "a, d b Y H:M:S Z", "A, d-b-y H:M:S Z", "a b e H:M:S Y" };
    for (size_t i = 0; i < BELFRY_COUNT(shapes); i++) {
        struct date d = { 0 };
        if (!parse_shape(text, shapes[i], &d))
            continue;
        if (!exists(&d))
            return false;
        *out_seconds = days_since_1970(&d) * SECONDS_PER_DAY + d.hour * UINT64_C(3600) +
                       d.minute * UINT64_C(60) + d.second;
        return true;
    }
    return false;
}
