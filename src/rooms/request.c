/*
 * request.c - from one JSON object to one request, or to the sentence that says why not.
 *
 *     text --json_read_fields--> tokens of the fields we know --by type--> struct rooms_request
 *
 * One pass over the text finds the fields; then the reader of the request's type checks those that
 * mean something to it and ignores the rest. What will be passed on (text, data, the event's name)
 * stays the JSON it was; what the server compares (names, keys, positions) is decoded: most often
 * where it stands, with escapes into the scratch buffer, whose size the limits bound.
 */
#include "rooms/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "rooms/names.h"

/*    field, what it must be */
#define FIELDS(X)                  \
    X(type, "a string")            \
    X(ref, "a string or a number") \
    X(room, "a string")            \
    X(since, "a string")           \
    X(history, "a whole number")   \
    X(text, "a string")            \
    X(event, "a string")           \
    X(data, "a value")             \
    X(key, "a string")             \
    X(volatile, "true or false")   \
    X(after, "a string")           \
    X(user, "a string")

enum field {
#define FIELD_ENUM(field, expected) FIELD_##field,
    FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
};

static const char *const expectations[] = {
#define FIELD_EXPECTATION(field, expected) expected,
    FIELDS(FIELD_EXPECTATION)
#undef FIELD_EXPECTATION
};

/* Nothing found yet. */
static const struct json_field blank_fields[] = {
#define FIELD_BLANK(field, expected) { .name = BELFRY_BYTES(#field) },
    FIELDS(FIELD_BLANK)
#undef FIELD_BLANK
};

struct parser {
    const struct rooms_limits *limits;
    struct rooms_request *out;
    struct buf *scratch;
    struct json_field fields[BELFRY_COUNT(blank_fields)];
};

/* --- refusing ---------------------------------------------------------------------------- */

/* Nothing decoded is needed any more, so the reason goes where it was. */
BELFRY_PRINTF(3, 4)
static enum rooms_error refuse(struct parser *p, enum rooms_error error, const char *format, ...)
{
    char reason[256];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    BELFRY_ASSERT(size > 0 && (size_t)size < sizeof reason);
    *p->out = (struct rooms_request){ .ref = p->out->ref };
    buf_clear(p->scratch);
    buf_put(p->scratch, reason, (size_t)size);
    p->out->reason =
        buf_failed(p->scratch) ? bytes_of_text(rooms_error_reason(error)) : buf_bytes(p->scratch);
    return error;
}

static const char *name_of(enum field f)
{
    return blank_fields[f].name.data; /* a literal, so a NUL follows */
}

/* The fault lies in the room's name or in the request as a whole. */
static enum rooms_error fault_of(enum field f)
{
    return f == FIELD_room ? ROOMS_ERR_BAD_ROOM : ROOMS_ERR_BAD_REQUEST;
}

static enum rooms_error refuse_type(struct parser *p, enum field f)
{
    return refuse(p, ROOMS_ERR_BAD_REQUEST, "%s must be %s", name_of(f), expectations[f]);
}

/* --- single fields ----------------------------------------------------------------------- */

static const struct json_value *value_of(const struct parser *p, enum field f)
{
    return &p->fields[f].value;
}

/* null is how many programs write that they have nothing to say. */
static bool has(const struct parser *p, enum field f)
{
    enum json_kind kind = value_of(p, f)->kind;
    return kind != JSON_KIND_ABSENT && kind != JSON_KIND_NULL;
}

static enum rooms_error require(struct parser *p, enum field f)
{
    if (has(p, f))
        return ROOMS_OK;
    return refuse(p, ROOMS_ERR_BAD_REQUEST, "%s is missing: it must be %s", name_of(f),
                  expectations[f]);
}

/* No escape has more than six bytes for one byte of meaning. */
static size_t longest_token(size_t max_bytes)
{
    return 2 + 6 * max_bytes;
}

/*
 * The escaped strings of a request share the scratch buffer, and spans into it are handed out: so
 * it gets its full size at the first of them and never moves after that.
 */
static belfry_err reserve_scratch(struct parser *p)
{
    if (p->scratch->size > 0)
        return BELFRY_OK;
    return buf_reserve(p->scratch, longest_token(p->limits->max_room_name_bytes) +
                                       longest_token(ROOMS_MAX_EVENT_BYTES) +
                                       longest_token(ROOMS_MAX_KEY_BYTES) +
                                       longest_token(ROOMS_MAX_USER_BYTES) +
                                       2 * longest_token(ROOMS_MAX_SINCE_BYTES));
}

static enum rooms_error decode(struct parser *p, enum field f, belfry_bytes token,
                               belfry_bytes *out_text)
{
    belfry_err err = reserve_scratch(p);
    size_t before = p->scratch->size;
    if (err == BELFRY_OK)
        err = json_string_decode(token, p->scratch);
    if (err == BELFRY_ERR_NOMEM)
        return refuse(p, ROOMS_ERR_BUSY, "%s", rooms_error_reason(ROOMS_ERR_BUSY));
    if (err != BELFRY_OK)
        return refuse(p, fault_of(f), "%s has half of a surrogate pair: send both or none",
                      name_of(f));
    *out_text = bytes_of(p->scratch->data + before, p->scratch->size - before);
    return ROOMS_OK;
}

/* What the string @f means; nothing, if it is absent. */
static enum rooms_error read_string(struct parser *p, enum field f, size_t max_bytes,
                                    belfry_bytes *out_text)
{
    const struct json_value *value = value_of(p, f);
    belfry_bytes text;
    if (!has(p, f))
        return ROOMS_OK;
    if (value->kind != JSON_KIND_STRING)
        return refuse_type(p, f);
    bool is_too_long = value->text.size > longest_token(max_bytes);
    if (!is_too_long && !json_string_plain(value->text, &text)) {
        enum rooms_error error = decode(p, f, value->text, &text);
        if (error != ROOMS_OK)
            return error;
    }
    if (is_too_long || text.size > max_bytes)
        return refuse(p, fault_of(f), "%s is too long: it may have %zu bytes", name_of(f),
                      max_bytes);
    *out_text = text;
    return ROOMS_OK;
}

static enum rooms_error read_room(struct parser *p)
{
    size_t max_bytes = p->limits->max_room_name_bytes;
    enum rooms_error error = read_string(p, FIELD_room, max_bytes, &p->out->room);
    if (error != ROOMS_OK || !has(p, FIELD_room))
        return error;
    enum rooms_name_fault fault = rooms_check_room(p->out->room, max_bytes);
    if (fault != ROOMS_NAME_OK)
        return refuse(p, ROOMS_ERR_BAD_ROOM, "the room's name %s: choose another",
                      rooms_name_fault_text(fault));
    p->out->has_room = true;
    return ROOMS_OK;
}

static enum rooms_error read_required_room(struct parser *p)
{
    enum rooms_error error = require(p, FIELD_room);
    return error != ROOMS_OK ? error : read_room(p);
}

static enum rooms_error read_history(struct parser *p)
{
    uint64_t count;
    if (!has(p, FIELD_history))
        return ROOMS_OK;
    const struct json_value *value = value_of(p, FIELD_history);
    if (value->kind != JSON_KIND_NUMBER || !json_u64(value->text, &count))
        return refuse_type(p, FIELD_history);
    p->out->has_history = true;
    p->out->history = (uint32_t)BELFRY_MIN(count, UINT32_MAX);
    return ROOMS_OK;
}

static enum rooms_error read_volatile(struct parser *p)
{
    if (!has(p, FIELD_volatile))
        return ROOMS_OK;
    enum json_kind kind = value_of(p, FIELD_volatile)->kind;
    if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE)
        return refuse_type(p, FIELD_volatile);
    p->out->is_volatile = kind == JSON_KIND_TRUE;
    return ROOMS_OK;
}

static enum rooms_error read_text(struct parser *p)
{
    enum rooms_error error = require(p, FIELD_text);
    if (error != ROOMS_OK)
        return error;
    if (value_of(p, FIELD_text)->kind != JSON_KIND_STRING)
        return refuse_type(p, FIELD_text);
    p->out->text = value_of(p, FIELD_text)->text;
    return ROOMS_OK;
}

static enum rooms_error read_event_name(struct parser *p)
{
    enum rooms_error error = require(p, FIELD_event);
    if (error == ROOMS_OK)
        error = read_string(p, FIELD_event, ROOMS_MAX_EVENT_BYTES, &p->out->event);
    if (error != ROOMS_OK)
        return error;
    enum rooms_name_fault fault = rooms_check_event(p->out->event, ROOMS_MAX_EVENT_BYTES);
    if (fault != ROOMS_NAME_OK)
        return refuse(
            p, fault == ROOMS_NAME_RESERVED ? ROOMS_ERR_RESERVED_EVENT : ROOMS_ERR_BAD_REQUEST,
            "the event's name %s: choose another", rooms_name_fault_text(fault));
    p->out->event_json = value_of(p, FIELD_event)->text;
    return ROOMS_OK;
}

/* --- requests ---------------------------------------------------------------------------- */

static enum rooms_error read_join(struct parser *p)
{
    enum rooms_error error = read_required_room(p);
    if (error == ROOMS_OK)
        error = read_string(p, FIELD_since, ROOMS_MAX_SINCE_BYTES, &p->out->since);
    return error != ROOMS_OK ? error : read_history(p);
}

static enum rooms_error read_message(struct parser *p)
{
    enum rooms_error error = read_text(p);
    if (error == ROOMS_OK)
        error = read_room(p);
    return error != ROOMS_OK ? error : read_string(p, FIELD_key, ROOMS_MAX_KEY_BYTES, &p->out->key);
}

static enum rooms_error read_event(struct parser *p)
{
    enum rooms_error error = read_event_name(p);
    if (error == ROOMS_OK)
        error = read_room(p);
    if (error == ROOMS_OK)
        error = read_string(p, FIELD_key, ROOMS_MAX_KEY_BYTES, &p->out->key);
    if (error == ROOMS_OK)
        error = read_volatile(p);
    if (error == ROOMS_OK)
        p->out->data = has(p, FIELD_data) ? value_of(p, FIELD_data)->text : BELFRY_BYTES("null");
    return error;
}

static enum rooms_error read_members(struct parser *p)
{
    enum rooms_error error = read_required_room(p);
    return error != ROOMS_OK ? error
                             : read_string(p, FIELD_after, ROOMS_MAX_SINCE_BYTES, &p->out->after);
}

static enum rooms_error read_ping(struct parser *p)
{
    (void)p;
    return ROOMS_OK;
}

static const struct request_row {
    belfry_bytes name;
    enum rooms_error (*read)(struct parser *p);
} requests[] = {
    [ROOMS_JOIN] = { BELFRY_BYTES("join"), read_join },
    [ROOMS_LEAVE] = { BELFRY_BYTES("leave"), read_required_room },
    [ROOMS_MESSAGE] = { BELFRY_BYTES("message"), read_message },
    [ROOMS_EVENT] = { BELFRY_BYTES("event"), read_event },
    [ROOMS_MEMBERS] = { BELFRY_BYTES("members"), read_members },
    [ROOMS_PING] = { BELFRY_BYTES("ping"), read_ping },
};

static enum rooms_error read_by_type(struct parser *p)
{
    enum rooms_error error = require(p, FIELD_type);
    if (error != ROOMS_OK)
        return error;
    if (value_of(p, FIELD_type)->kind != JSON_KIND_STRING)
        return refuse_type(p, FIELD_type);
    for (size_t i = 0; i < BELFRY_COUNT(requests); i++) {
        if (json_string_equals(value_of(p, FIELD_type)->text, requests[i].name)) {
            p->out->type = (enum rooms_request_type)i;
            return requests[i].read(p);
        }
    }
    return refuse(p, ROOMS_ERR_UNKNOWN_TYPE, "%s", rooms_error_reason(ROOMS_ERR_UNKNOWN_TYPE));
}

/* Whatever else is wrong, the answer carries the ref if there is a good one. */
static bool take_ref(struct parser *p)
{
    const struct json_value *ref = value_of(p, FIELD_ref);
    if (!has(p, FIELD_ref))
        return true;
    if ((ref->kind != JSON_KIND_STRING && ref->kind != JSON_KIND_NUMBER) ||
        ref->text.size > ROOMS_MAX_REF_BYTES)
        return false;
    p->out->ref = ref->text;
    return true;
}

/* Finds the fields. */
static enum rooms_error begin(struct parser *p, belfry_bytes text, const char *what)
{
    struct json_fault fault;
    memcpy(p->fields, blank_fields, sizeof p->fields);
    *p->out = (struct rooms_request){ 0 };
    buf_clear(p->scratch);
    if (json_read_fields(text, p->limits->max_json_depth, p->fields, BELFRY_COUNT(p->fields),
                         &fault) == BELFRY_OK)
        return ROOMS_OK;
    (void)take_ref(p);
    return refuse(p, ROOMS_ERR_BAD_JSON, "%s is not one JSON object: %s, at byte %zu", what,
                  fault.what, fault.at);
}

enum rooms_error rooms_request_parse(belfry_bytes text, const struct rooms_limits *limits,
                                     struct rooms_request *out_request, struct buf *scratch)
{
    struct parser p = { .limits = limits, .out = out_request, .scratch = scratch };
    enum rooms_error error = begin(&p, text, "the frame");
    if (error != ROOMS_OK)
        return error;
    if (!take_ref(&p))
        return refuse(&p, ROOMS_ERR_BAD_REQUEST, "ref must be %s of at most %d bytes",
                      expectations[FIELD_ref], ROOMS_MAX_REF_BYTES);
    return read_by_type(&p);
}

enum rooms_error rooms_publish_parse(belfry_bytes text, const struct rooms_limits *limits,
                                     struct rooms_request *out_request, struct buf *scratch)
{
    struct parser p = { .limits = limits, .out = out_request, .scratch = scratch };
    enum rooms_error error = begin(&p, text, "the message");
    if (error != ROOMS_OK)
        return error;
    p.fields[FIELD_room].value.kind = JSON_KIND_ABSENT;
    if (!has(&p, FIELD_text) && !has(&p, FIELD_event))
        return refuse(&p, ROOMS_ERR_BAD_REQUEST,
                      "text and event are missing: send {\"text\": ...} or {\"event\": ..., "
                      "\"data\": ...}");
    p.out->type = has(&p, FIELD_text) ? ROOMS_MESSAGE : ROOMS_EVENT;
    error = has(&p, FIELD_text) ? read_message(&p) : read_event(&p);
    if (error != ROOMS_OK)
        return error;
    error = read_string(&p, FIELD_user, ROOMS_MAX_USER_BYTES, &p.out->user);
    if (error == ROOMS_OK && json_text_has_control(p.out->user))
        return refuse(&p, ROOMS_ERR_BAD_REQUEST, "user has control characters");
    return error;
}
