/*
 * history_rules.c - PATTERN=COUNT[/BYTES[/AGE]], or PATTERN=off; commas between them.
 */
#include "server/history_rules.h"

#include "base/alloc.h"
#include "base/quantity.h"
#include "http/field.h"
#include "server/server.h"

#define MAX_MESSAGES 1000000u
#define MAX_BYTES ((uint64_t)1 << 40)
#define MAX_AGE_MS ((uint64_t)30 * 24 * 3600000)

/* The next part of COUNT/BYTES/AGE; @number is as before if there is none. */
static bool take_part(belfry_bytes *rest, enum quantity_kind kind, uint64_t most, uint64_t *number)
{
    const char *start = rest->data;
    if (start == NULL)
        return true;
    const char *slash = memchr(start, '/', rest->size);
    size_t size = slash != NULL ? (size_t)(slash - start) : rest->size;
    *rest = slash != NULL ? bytes_of(slash + 1, rest->size - size - 1) : bytes_of(NULL, 0);
    return quantity_parse(kind, bytes_of(start, size), number) && *number > 0 && *number <= most;
}

static bool read_limits(belfry_bytes text, struct history_limits *out)
{
    uint64_t count = 0;
    if (bytes_equal_text(text, "off")) {
        out->max_messages = 0;
        return true;
    }
    bool is_good = take_part(&text, QUANTITY_COUNT, MAX_MESSAGES, &count) &&
                   take_part(&text, QUANTITY_SIZE, MAX_BYTES, &out->max_bytes) &&
                   take_part(&text, QUANTITY_MS, MAX_AGE_MS, &out->max_age_ms);
    out->max_messages = (uint32_t)count;
    return is_good && text.data == NULL;
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
    if (equals == NULL || equals == text || !read_limits(bytes_of_text(equals + 1), &rule->limits))
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
