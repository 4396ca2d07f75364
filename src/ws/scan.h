/*
 * scan.h - reading header values from left to right (RFC 9110 5.6). For this folder.
 */
#ifndef WS_SCAN_H
#define WS_SCAN_H

#include "base/defs.h"

/* What is left of a value. Every function takes what it recognises, and nothing otherwise. */
struct scan {
    const char *at;
    const char *end;
};

static inline struct scan scan_of(belfry_bytes text)
{
    const char *at = text.size > 0 ? text.data : "";
    return (struct scan){ at, at + text.size };
}

static inline bool scan_is_done(const struct scan *s)
{
    return s->at == s->end;
}

bool scan_is_token_char(char c);

void scan_blanks(struct scan *s); /* spaces and tabs */
bool scan_char(struct scan *s, char c);
bool scan_token(struct scan *s, belfry_bytes *out_token);

/* The next element of a comma-separated list, without the blanks around it, whatever it holds.
 * False at the end. */
bool scan_element(struct scan *s, belfry_bytes *out_element);

#endif
