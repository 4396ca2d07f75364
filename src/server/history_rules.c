/*
 * history_rules.c - PATTERN=COUNT[/BYTES[/AGE]], or PATTERN=off; commas between them.
 */
#include "server/history_rules.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "http/field.h"
#include "server/server.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit no_units[] = { { "", 1 } };
static const struct unit size_units[] = {
    { "", 1 }, { "K", 1u << 10 }, { "M", 1u << 20 }, { "G", 1u << 30 }
};
static const struct unit time_units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }
};

/* A number from 1 up, and a unit, at the front of @*at. */
static bool take_number(const char **at, const struct unit *units, size_t unit_count, uint64_t most,
                        uint64_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    unsigned long long number = strtoull(*at, &end, 10);
    size_t size = strcspn(end, "/");
    for (size_t i = 0; i < unit_count; i++) {
        if (strlen(units[i].name) != size || strncmp(end, units[i].name, size) != 0)
            continue;
        *out = (uint64_t)number * units[i].factor;
        *at = end + size;
        return number > 0 && number <= most / units[i].factor;
    }
    return false;
}

static bool read_limits(const char *at, struct history_limits *out)
{
    uint64_t count;
    if (strcmp(at, "off") == 0) {
        out->max_messages = 0;
        return true;
    }
    if (!take_number(&at, no_units, BELFRY_COUNT(no_units), 1000000, &count))
        return false;
    out->max_messages = (uint32_t)count;
    if (*at == '/') {
        at++;
        if (!take_number(&at, size_units, BELFRY_COUNT(size_units), (uint64_t)1 << 40,
                         &out->max_bytes))
            return false;
    }
    if (*at == '/') {
        at++;
        if (!take_number(&at, time_units, BELFRY_COUNT(time_units), 30 * (uint64_t)86400000,
                         &out->max_age_ms))
            return false;
    }
    return *at == '\0';
}

static belfry_err read_rule(char *text, const struct history_limits *others,
                            struct history_rules *rules)
{
    char *equals = strchr(text, '=');
    if (rules->count == HISTORY_MAX_RULES)
        return server_why(BELFRY_ERR_CONFIG, "history_rooms: more than %d patterns",
                          HISTORY_MAX_RULES);
    struct history_rule *rule = &rules->rules[rules->count++];
    rule->limits = *others;
    if (equals != NULL)
        *equals = '\0';
    if (equals == NULL || equals == text || !read_limits(equals + 1, &rule->limits))
        return server_why(BELFRY_ERR_CONFIG,
                          "history_rooms: after \"%s\" write =MESSAGES/BYTES/AGE, as in "
                          "news-*=1000/4M/1h, or =off",
                          text);
    rule->pattern = text;
    return BELFRY_OK;
}

belfry_err history_rules_parse(const char *text, const struct history_limits *others,
                               struct history_rules **out_rules)
{
    belfry_bytes rest = bytes_of_text(text);
    belfry_bytes one;
    belfry_err err = BELFRY_OK;
    *out_rules = NULL;
    if (rest.size == 0)
        return BELFRY_OK;
    struct history_rules *rules = mem_alloc_zeroed(sizeof *rules + rest.size + 1);
    if (rules == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    memcpy(rules->patterns, text, rest.size);
    while (err == BELFRY_OK && http_list_next(&rest, &one)) {
        char *own = rules->patterns + ((const char *)one.data - text);
        own[one.size] = '\0'; /* the comma or blank behind it */
        err = read_rule(own, others, rules);
    }
    if (err != BELFRY_OK) {
        mem_free(rules);
        return err;
    }
    *out_rules = rules;
    return BELFRY_OK;
}
