/*
 * json.c - checks JSON in one pass, without recursion, and says where the parts are.
 *
 *     {"type":"event", "data":[1,{"x":[2]}]}
 *      `-key' `-value-' `-key' `---value---'
 *
 * The iterator stops at the members of the top level; scan_value runs over everything below them.
 * What is open inside a value is a stack of bits, one per level: object or array. After each value
 * close_levels pops what ends there and says whether another value must follow.
 */
#include "base/json.h"

struct nesting {
    unsigned level;
    uint64_t is_object[JSON_MAX_DEPTH / 64]; /* words are zeroed when they are reached */
};

_Static_assert(JSON_MAX_DEPTH % 64 == 0, "the bit stack has whole words");

static bool refuse(struct json_iter *it, belfry_err err, const char *what)
{
    it->err = err;
    it->is_done = true;
    it->fault = (struct json_fault){ what, (size_t)(it->at - it->start) };
    return false;
}

static bool refuse_syntax(struct json_iter *it, const char *what)
{
    return refuse(it, BELFRY_ERR_INVALID, it->at == it->end ? "it ends too early" : what);
}

static void skip_blanks(struct json_iter *it)
{
    while (it->at < it->end &&
           (*it->at == ' ' || *it->at == '\n' || *it->at == '\r' || *it->at == '\t'))
        it->at++;
}

/* The next byte that is not blank; 0, which is nothing in JSON, at the end. */
static uint8_t peek(struct json_iter *it)
{
    skip_blanks(it);
    return it->at < it->end ? *it->at : 0;
}

/* --- scalars ----------------------------------------------------------------------------- */

/* Exact about whether a byte of @word is below @limit (at most 0x80), vague about which. */
static uint64_t has_less(uint64_t word, uint8_t limit)
{
    const uint64_t each = 0x0101010101010101u;
    return (word - each * limit) & ~word & (each * 0x80);
}

static uint64_t has_byte(uint64_t word, uint8_t byte)
{
    return has_less(word ^ (0x0101010101010101u * byte), 1);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

const uint8_t *json_skip_plain(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        if ((has_less(word, 0x20) | has_byte(word, '"') | has_byte(word, '\\')) != 0)
            break;
        at += 8;
    }
    while (at < end && is_plain(*at))
        at++;
    return at;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* RFC 8259 7: a backslash and one of eight letters, or u and four hexadecimal digits. */
static bool scan_escape(struct json_iter *it)
{
    it->at++;
    if (it->at == it->end || memchr("\"\\/bfnrtu", *it->at, 9) == NULL)
        return refuse_syntax(it, "a string has an unknown escape");
    if (*it->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, it->at++) {
        if (it->at == it->end || !is_hex(*it->at))
            return refuse_syntax(it, "\\u needs four hexadecimal digits");
    }
    return true;
}

static bool scan_string(struct json_iter *it)
{
    it->at++;
    for (;;) {
        it->at = json_skip_plain(it->at, it->end);
        if (it->at == it->end || *it->at < 0x20)
            return refuse_syntax(it, "a control character in a string is not escaped");
        if (*it->at == '"') {
            it->at++;
            return true;
        }
        if (!scan_escape(it))
            return false;
    }
}

static bool is_digit_next(const struct json_iter *it)
{
    return it->at < it->end && *it->at >= '0' && *it->at <= '9';
}

static bool is_next(const struct json_iter *it, char c)
{
    return it->at < it->end && *it->at == (uint8_t)c;
}

static bool scan_digits(struct json_iter *it)
{
    if (!is_digit_next(it))
        return refuse_syntax(it, "a number lacks a digit");
    while (is_digit_next(it))
        it->at++;
    return true;
}

/* RFC 8259 6. Numbers of any length are passed on as text, so nothing is too large or too exact. */
static bool scan_number(struct json_iter *it)
{
    if (is_next(it, '-'))
        it->at++;
    if (is_next(it, '0'))
        it->at++;
    else if (!scan_digits(it))
        return false;
    if (is_next(it, '.')) {
        it->at++;
        if (!scan_digits(it))
            return false;
    }
    if (is_next(it, 'e') || is_next(it, 'E')) {
        it->at++;
        if (is_next(it, '+') || is_next(it, '-'))
            it->at++;
        return scan_digits(it);
    }
    return true;
}

static bool scan_word(struct json_iter *it, belfry_bytes word)
{
    if ((size_t)(it->end - it->at) < word.size || memcmp(it->at, word.data, word.size) != 0)
        return refuse(it, BELFRY_ERR_INVALID, "a value is misspelled");
    it->at += word.size;
    return true;
}

static enum json_kind kind_at(const struct json_iter *it)
{
    if (is_digit_next(it) || is_next(it, '-'))
        return JSON_KIND_NUMBER;
    switch (it->at < it->end ? *it->at : 0) {
    case '"':
        return JSON_KIND_STRING;
    case '{':
        return JSON_KIND_OBJECT;
    case '[':
        return JSON_KIND_ARRAY;
    case 'n':
        return JSON_KIND_NULL;
    case 't':
        return JSON_KIND_TRUE;
    case 'f':
        return JSON_KIND_FALSE;
    }
    return JSON_KIND_ABSENT;
}

static bool scan_scalar(struct json_iter *it, enum json_kind kind)
{
    switch (kind) {
    case JSON_KIND_STRING:
        return scan_string(it);
    case JSON_KIND_NUMBER:
        return scan_number(it);
    case JSON_KIND_NULL:
        return scan_word(it, BELFRY_BYTES("null"));
    case JSON_KIND_TRUE:
        return scan_word(it, BELFRY_BYTES("true"));
    case JSON_KIND_FALSE:
        return scan_word(it, BELFRY_BYTES("false"));
    case JSON_KIND_ABSENT:
        return refuse_syntax(it, "a value is missing");
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        break;
    }
    BELFRY_UNREACHABLE("brackets are not scalars");
}

/* --- objects and arrays ------------------------------------------------------------------ */

static bool is_in_object(const struct nesting *n)
{
    unsigned top = n->level - 1;
    return (n->is_object[top / 64] >> (top % 64) & 1) != 0;
}

static void push(struct nesting *n, enum json_kind kind)
{
    uint64_t bit = (uint64_t)1 << (n->level % 64);
    if (n->level % 64 == 0)
        n->is_object[n->level / 64] = 0;
    if (kind == JSON_KIND_OBJECT)
        n->is_object[n->level / 64] |= bit;
    else
        n->is_object[n->level / 64] &= ~bit;
    n->level++;
}

static uint8_t closer_of(bool is_object)
{
    return is_object ? '}' : ']';
}

/* A member's name and the colon behind it. */
static bool scan_key(struct json_iter *it, belfry_bytes *out_key)
{
    if (peek(it) != '"')
        return refuse_syntax(it, "a member's name in quotes is missing");
    const uint8_t *start = it->at;
    if (!scan_string(it))
        return false;
    *out_key = bytes_of(start, (size_t)(it->at - start));
    if (peek(it) != ':')
        return refuse_syntax(it, "a colon is missing");
    it->at++;
    return true;
}

/* Behind a value: pops the levels that end here; true if another value follows or all are closed.
 */
static bool close_levels(struct json_iter *it, struct nesting *n)
{
    while (n->level > 0) {
        uint8_t next = peek(it);
        bool is_object = is_in_object(n);
        if (next != ',' && next != closer_of(is_object))
            return refuse_syntax(it, "a comma or a closing bracket is missing");
        it->at++;
        if (next == ',') {
            belfry_bytes key;
            return !is_object || scan_key(it, &key);
        }
        n->level--;
    }
    return true;
}

/* Behind an opening bracket: an empty pair is closed; else the first value is next. */
static bool open_level(struct json_iter *it, struct nesting *n, enum json_kind kind,
                       bool *out_is_empty)
{
    it->at++;
    push(n, kind);
    *out_is_empty = peek(it) == closer_of(kind == JSON_KIND_OBJECT);
    belfry_bytes key;
    return *out_is_empty || kind == JSON_KIND_ARRAY || scan_key(it, &key);
}

/* One value with all that is in it, @outer levels being open around it. */
static bool scan_value(struct json_iter *it, unsigned outer, struct json_value *out)
{
    struct nesting nesting;
    nesting.level = 0;
    skip_blanks(it);
    const uint8_t *start = it->at;
    enum json_kind first = kind_at(it);
    do {
        skip_blanks(it);
        enum json_kind kind = kind_at(it);
        if (kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT) {
            if (outer + nesting.level >= it->max_depth)
                return refuse(it, BELFRY_ERR_LIMIT, "it is nested too deep");
            bool is_empty;
            if (!open_level(it, &nesting, kind, &is_empty))
                return false;
            if (!is_empty)
                continue;
        } else if (!scan_scalar(it, kind)) {
            return false;
        }
        if (!close_levels(it, &nesting))
            return false;
    } while (nesting.level > 0);
    *out = (struct json_value){ bytes_of(start, (size_t)(it->at - start)), first };
    return true;
}

/* Nothing but blanks may follow. */
static bool scan_end(struct json_iter *it)
{
    it->is_done = true;
    if (peek(it) != 0 || it->at < it->end)
        return refuse(it, BELFRY_ERR_INVALID, "something follows its end");
    return true;
}

/* --- what others call -------------------------------------------------------------------- */

void json_iter_init(struct json_iter *it, belfry_bytes text, unsigned max_depth,
                    enum json_kind kind)
{
    BELFRY_ASSERT(kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT);
    BELFRY_ASSERT(max_depth <= JSON_MAX_DEPTH);
    const uint8_t *start = text.size > 0 ? text.data : (const uint8_t *)"";
    *it = (struct json_iter){
        .start = start, .at = start, .end = start + text.size, .max_depth = max_depth, .kind = kind
    };
}

static bool enter_brackets(struct json_iter *it)
{
    skip_blanks(it);
    if (kind_at(it) != it->kind)
        return refuse_syntax(it, it->kind == JSON_KIND_OBJECT ? "it is not an object"
                                                              : "it is not an array");
    if (it->max_depth == 0)
        return refuse(it, BELFRY_ERR_LIMIT, "it is nested too deep");
    it->at++;
    it->is_inside = true;
    return true;
}

bool json_iter_next(struct json_iter *it, struct json_member *out_member)
{
    if (it->is_done)
        return false;
    bool is_first = !it->is_inside;
    if (is_first && !enter_brackets(it))
        return false;
    uint8_t next = peek(it);
    if (next == closer_of(it->kind == JSON_KIND_OBJECT)) {
        it->at++;
        (void)scan_end(it); /* leaves its verdict in the iterator */
        return false;
    }
    if (!is_first) {
        if (next != ',')
            return refuse_syntax(it, "a comma or a closing bracket is missing");
        it->at++;
    }
    struct json_member member = { 0 };
    if (it->kind == JSON_KIND_OBJECT && !scan_key(it, &member.key))
        return false;
    if (!scan_value(it, 1, &member.value))
        return false;
    *out_member = member;
    return true;
}

belfry_err json_scan(belfry_bytes text, unsigned max_depth, struct json_value *out_value,
                     struct json_fault *out_fault)
{
    struct json_iter it;
    struct json_value value;
    json_iter_init(&it, text, max_depth, JSON_KIND_ARRAY);
    if (scan_value(&it, 0, &value) && scan_end(&it) && out_value != NULL)
        *out_value = value;
    if (it.err != BELFRY_OK && out_fault != NULL)
        *out_fault = it.fault;
    return it.err;
}

belfry_err json_next(belfry_bytes *rest, unsigned max_depth, struct json_value *out_value)
{
    struct json_iter it;
    struct json_value value;
    json_iter_init(&it, *rest, max_depth, JSON_KIND_ARRAY);
    if (!scan_value(&it, 0, &value))
        return it.err;
    *rest = bytes_of(it.at, (size_t)(it.end - it.at));
    *out_value = value;
    return BELFRY_OK;
}

belfry_err json_scan_list(belfry_bytes text, unsigned max_depth, uint32_t *out_count)
{
    struct json_iter it;
    struct json_value value;
    uint32_t count = 0;
    json_iter_init(&it, text, max_depth, JSON_KIND_ARRAY);
    while (it.at < it.end) {
        if (count > 0 && *it.at++ != ',')
            return BELFRY_ERR_INVALID;
        if (count == UINT32_MAX)
            return BELFRY_ERR_LIMIT;
        if (!scan_value(&it, 0, &value))
            return it.err;
        skip_blanks(&it);
        count++;
    }
    *out_count = count;
    return BELFRY_OK;
}

static struct json_field *find_field(struct json_field *fields, size_t count, belfry_bytes key)
{
    belfry_bytes plain;
    bool is_plain_key = json_string_plain(key, &plain);
    for (size_t i = 0; i < count; i++) {
        if (is_plain_key ? bytes_equal(plain, fields[i].name)
                         : json_string_equals(key, fields[i].name))
            return &fields[i];
    }
    return NULL;
}

belfry_err json_read_fields(belfry_bytes text, unsigned max_depth, struct json_field *fields,
                            size_t field_count, struct json_fault *out_fault)
{
    struct json_iter it;
    struct json_member member;
    for (size_t i = 0; i < field_count; i++)
        fields[i].value = (struct json_value){ 0 };
    json_iter_init(&it, text, max_depth, JSON_KIND_OBJECT);
    while (json_iter_next(&it, &member)) {
        struct json_field *field = find_field(fields, field_count, member.key);
        if (field != NULL)
            field->value = member.value;
    }
    if (it.err != BELFRY_OK && out_fault != NULL)
        *out_fault = it.fault;
    return it.err;
}
