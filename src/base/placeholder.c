/*
 * placeholder.c - finds placeholders in one pass and without a stack.
 *
 *     {"a":[1,{"_placeholder":true,"num":0}],"b":2}
 *             `-------- an object -------'
 *
 * In JSON that is known to be valid, a string before a colon is a key, and braces outside strings
 * open and close objects. A placeholder is flat, so only the object that was opened last and is
 * still open matters: another bracket ends its chance, and there is nothing to return to.
 */
#include "base/placeholder.h"

#include "base/json.h"

/* The innermost object, as long as no bracket came after its own. */
struct candidate {
    const uint8_t *start; /* NULL: there is none */
    bool is_placeholder;
    bool has_num;
    uint64_t num;
};

struct placeholders placeholders_of(belfry_bytes text)
{
    const uint8_t *start = text.size > 0 ? text.data : (const uint8_t *)"";
    return (struct placeholders){ .at = start, .end = start + text.size };
}

static void skip_blanks(struct placeholders *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

static belfry_bytes take_string(struct placeholders *p)
{
    const uint8_t *start = p->at++;
    for (;;) {
        p->at = json_skip_plain(p->at, p->end);
        if (p->at == p->end)
            return BELFRY_BYTES("\"\""); /* cannot be in JSON, but must not be read past */
        if (*p->at == '"')
            break;
        p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
    }
    p->at++;
    return bytes_of(start, (size_t)(p->at - start));
}

/* The number at the walk's place, if one is there; the walk stays. */
static bool peek_number(const struct placeholders *p, uint64_t *out_number)
{
    const uint8_t *stop = p->at;
    while (stop < p->end && memchr("+-.0123456789Ee", *stop, 15) != NULL)
        stop++;
    return json_u64(bytes_of(p->at, (size_t)(stop - p->at)), out_number);
}

/* Behind a string: if it is a key that matters, what its value says. False: not flat. */
static bool note_member(struct placeholders *p, belfry_bytes token, struct candidate *c)
{
    skip_blanks(p);
    if (p->at == p->end || *p->at != ':')
        return true;
    p->at++;
    skip_blanks(p);
    if (json_string_equals(token, BELFRY_BYTES("_placeholder"))) {
        c->is_placeholder = p->at < p->end && *p->at == 't';
        return !c->is_placeholder || c->start != NULL;
    }
    if (c->start != NULL && json_string_equals(token, BELFRY_BYTES("num")))
        c->has_num = peek_number(p, &c->num);
    return true;
}

static bool stop_bad(struct placeholders *p)
{
    p->at = p->end;
    p->is_bad = true;
    return false;
}

static bool finish(struct placeholders *p, const struct candidate *c, struct placeholder *out_hole)
{
    if (!c->has_num)
        return stop_bad(p);
    *out_hole = (struct placeholder){ bytes_of(c->start, (size_t)(p->at - c->start)), c->num };
    return true;
}

bool placeholders_next(struct placeholders *p, struct placeholder *out_hole)
{
    struct candidate c = { 0 };
    while (p->at < p->end) {
        switch (*p->at) {
        case '"':
            if (!note_member(p, take_string(p), &c))
                return stop_bad(p);
            continue;
        case '[':
        case '{':
            if (c.is_placeholder)
                return stop_bad(p);
            c = (struct candidate){ .start = *p->at == '{' ? p->at : NULL };
            break;
        case ']':
        case '}':
            p->at++;
            if (c.is_placeholder)
                return finish(p, &c, out_hole);
            c = (struct candidate){ 0 };
            continue;
        }
        p->at++;
    }
    return false;
}

bool placeholders_are_good(belfry_bytes text, uint64_t attachment_count)
{
    struct placeholders p = placeholders_of(text);
    struct placeholder hole;
    while (placeholders_next(&p, &hole)) {
        if (hole.num >= attachment_count)
            return false;
    }
    return !p.is_bad;
}
