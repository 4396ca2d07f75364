/*
 * history_rules.h - what rooms remember, by pattern: the option history_rooms.
 *
 *     news-*=1000/4M/1h, tmp-*=off, *-log=50
 *
 * A pattern, then messages, bytes and age; what is left out is as for all rooms.
 */
#ifndef SERVER_HISTORY_RULES_H
#define SERVER_HISTORY_RULES_H

#include "hub/history.h"

#define HISTORY_MAX_RULES 64

struct history_rules {
    unsigned count;
    struct history_rule rules[HISTORY_MAX_RULES];
    char patterns[]; /* the text, cut up */
};

/* NULL @out_rules: @text is empty. Errors: CONFIG (belfry_why says what), NOMEM. */
BELFRY_NODISCARD belfry_err history_rules_parse(const char *text,
                                                const struct history_limits *others,
                                                struct history_rules **out_rules);

#endif
