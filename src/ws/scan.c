/*
 * scan.c - one pass, one character at a time, never back.
 */
#include "ws/scan.h"

bool scan_is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

void scan_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
}

bool scan_char(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

bool scan_token(struct scan *s, belfry_bytes *out_token)
{
    const char *start = s->at;
    while (s->at < s->end && scan_is_token_char(*s->at))
        s->at++;
    if (s->at == start)
        return false;
    *out_token = bytes_of(start, (size_t)(s->at - start));
    return true;
}

bool scan_element(struct scan *s, belfry_bytes *out_element)
{
    if (scan_is_done(s))
        return false;
    scan_blanks(s);
    const char *start = s->at, *last = s->at;
    for (; s->at < s->end && *s->at != ','; s->at++) {
        if (*s->at != ' ' && *s->at != '\t')
            last = s->at + 1;
    }
    (void)scan_char(s, ','); /* or the end of the list */
    *out_element = bytes_of(start, (size_t)(last - start));
    return true;
}
