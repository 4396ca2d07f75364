/*
 * python.c - one JSON object, its members by name.
 *
 * Texts are decoded into scratch that is reserved for all of them first: none is longer than the
 * payload, so nothing moves.
 */
#include "redis/python.h"

#include "base/base64.h"
#include "base/json.h"

enum member { METHOD, EVENT, DATA, BINARY, NAMESPACE, ROOM, SKIP_SID, SID, HOST_ID, MEMBER_COUNT };

struct reading {
    struct json_field fields[MEMBER_COUNT];
    const struct note_limits *limits;
    struct note_scratch *scratch;
    struct note *out;
};

static belfry_err begin(struct reading *r, belfry_bytes payload)
{
    static const char *const names[MEMBER_COUNT] = { "method",   "event",     "data",
                                                     "binary",   "namespace", "room",
                                                     "skip_sid", "sid",       "host_id" };
    struct note_scratch *s = r->scratch;
    buf_clear(&s->json);
    buf_clear(&s->spans);
    buf_clear(&s->packed);
    for (int i = 0; i < MEMBER_COUNT; i++)
        r->fields[i].name = bytes_of_text(names[i]);
    /* Room for all: texts twice, since data is copied whole; and as many spans as may be. */
    if (buf_reserve(&s->json, 2 * payload.size) != BELFRY_OK ||
        buf_reserve(&s->packed, payload.size) != BELFRY_OK ||
        buf_reserve(&s->spans, (2 * NOTE_MAX_NAMES + 2 + r->limits->max_attachments) *
                                   sizeof(belfry_bytes)) != BELFRY_OK)
        return BELFRY_ERR_NOMEM;
    return json_read_fields(payload, r->limits->max_depth, r->fields, MEMBER_COUNT, NULL);
}

static bool has(const struct reading *r, enum member member)
{
    enum json_kind kind = r->fields[member].value.kind;
    return kind != JSON_KIND_ABSENT && kind != JSON_KIND_NULL;
}

/* A string, or a number as its digits. */
static belfry_err read_text(struct reading *r, const struct json_value *value, belfry_bytes *out)
{
    struct buf *json = &r->scratch->json;
    size_t start = json->size;
    if (value->kind == JSON_KIND_NUMBER) {
        *out = value->text;
        return BELFRY_OK;
    }
    if (value->kind != JSON_KIND_STRING)
        return BELFRY_ERR_INVALID;
    belfry_err err = json_string_decode(value->text, json);
    *out = bytes_of(json->data + start, json->size - start);
    return err;
}

static belfry_err read_member(struct reading *r, enum member member, belfry_bytes *out)
{
    *out = bytes_of(NULL, 0);
    return has(r, member) ? read_text(r, &r->fields[member].value, out) : BELFRY_OK;
}

static belfry_bytes *add_span(struct reading *r)
{
    struct buf *spans = &r->scratch->spans;
    belfry_bytes *span = (belfry_bytes *)(void *)(spans->data + spans->size);
    spans->size += sizeof *span;
    return span;
}

/* One name, or an array of them; null: none. */
static belfry_err read_names(struct reading *r, enum member member, struct note_names *out)
{
    const struct json_value *value = &r->fields[member].value;
    struct json_iter it;
    struct json_member item;
    if (!has(r, member))
        return BELFRY_OK;
    out->names =
        (const belfry_bytes *)(const void *)(r->scratch->spans.data + r->scratch->spans.size);
    if (value->kind != JSON_KIND_ARRAY) {
        out->count = 1;
        return read_text(r, value, add_span(r));
    }
    json_iter_init(&it, value->text, r->limits->max_depth, JSON_KIND_ARRAY);
    while (json_iter_next(&it, &item)) {
        if (out->count == NOTE_MAX_NAMES)
            return BELFRY_ERR_LIMIT;
        out->count++;
        belfry_err err = read_text(r, &item.value, add_span(r));
        if (err != BELFRY_OK)
            return err;
    }
    return it.err;
}

/* What is between the brackets of an array. */
static belfry_bytes inside(belfry_bytes array)
{
    const char *text = array.data;
    size_t start = 1;
    size_t end = array.size - 1;
    while (start < end && strchr(" \t\r\n", text[start]) != NULL)
        start++;
    while (end > start && strchr(" \t\r\n", text[end - 1]) != NULL)
        end--;
    return bytes_of(text + start, end - start);
}

/* [arguments with placeholders, base64, base64, ...] */
static belfry_err read_binary(struct reading *r, const struct json_value *data)
{
    struct json_iter it;
    struct json_member item;
    struct note *out = r->out;
    struct buf *packed = &r->scratch->packed;
    json_iter_init(&it, data->text, r->limits->max_depth, JSON_KIND_ARRAY);
    if (!json_iter_next(&it, &item) || item.value.kind != JSON_KIND_ARRAY)
        return BELFRY_ERR_INVALID;
    out->args = inside(item.value.text);
    out->attachments =
        (const belfry_bytes *)(const void *)(r->scratch->spans.data + r->scratch->spans.size);
    while (json_iter_next(&it, &item)) {
        belfry_bytes text;
        if (out->attachment_count == r->limits->max_attachments)
            return BELFRY_ERR_LIMIT;
        if (item.value.kind != JSON_KIND_STRING || !json_string_plain(item.value.text, &text))
            return BELFRY_ERR_INVALID;
        size_t start = packed->size;
        belfry_err err = base64_decode(text, packed);
        if (err != BELFRY_OK)
            return err;
        *add_span(r) = bytes_of(packed->data + start, packed->size - start);
        out->attachment_count++;
    }
    return it.err;
}

static belfry_err read_emit(struct reading *r)
{
    const struct json_value *data = &r->fields[DATA].value;
    struct note *out = r->out;
    out->type = NOTE_BROADCAST;
    belfry_err err = has(r, EVENT) ? read_member(r, EVENT, &out->name) : BELFRY_ERR_INVALID;
    if (err == BELFRY_OK)
        err = read_names(r, ROOM, &out->rooms);
    if (err == BELFRY_OK)
        err = read_names(r, SKIP_SID, &out->except);
    if (err != BELFRY_OK || !has(r, DATA))
        return err;
    if (data->kind != JSON_KIND_ARRAY) {
        out->args = data->text;
        return BELFRY_OK;
    }
    if (r->fields[BINARY].value.kind == JSON_KIND_TRUE)
        return read_binary(r, data);
    out->args = inside(data->text);
    if (bytes_equal_text(out->args, "null"))
        out->args = bytes_of(NULL, 0); /* emit("event"): no argument, in Python None */
    return BELFRY_OK;
}

/* @sid: the one that it concerns. */
static belfry_err read_about_one(struct reading *r, enum note_type type)
{
    r->out->type = type;
    return has(r, SID) ? read_names(r, SID, &r->out->rooms) : BELFRY_ERR_INVALID;
}

static belfry_err read_move(struct reading *r, enum note_type type)
{
    belfry_err err = read_about_one(r, type);
    return err == BELFRY_OK && has(r, ROOM) ? read_names(r, ROOM, &r->out->targets)
           : err == BELFRY_OK               ? BELFRY_ERR_INVALID
                                            : err;
}

static belfry_err read_close_room(struct reading *r)
{
    r->out->type = NOTE_LEAVE;
    belfry_err err = has(r, ROOM) ? read_names(r, ROOM, &r->out->rooms) : BELFRY_ERR_INVALID;
    r->out->targets = r->out->rooms;
    return err;
}

static belfry_err read_method(struct reading *r, belfry_bytes method)
{
    if (bytes_equal_text(method, "emit"))
        return read_emit(r);
    if (bytes_equal_text(method, "disconnect"))
        return read_about_one(r, NOTE_DISCONNECT);
    if (bytes_equal_text(method, "enter_room"))
        return read_move(r, NOTE_JOIN);
    if (bytes_equal_text(method, "leave_room"))
        return read_move(r, NOTE_LEAVE);
    if (bytes_equal_text(method, "close_room"))
        return read_close_room(r);
    return BELFRY_OK; /* callback, and what is to come */
}

belfry_err python_decode(belfry_bytes payload, const struct note_limits *limits,
                         struct note_scratch *scratch, struct note *out)
{
    struct reading r = { .limits = limits, .scratch = scratch, .out = out };
    belfry_bytes method;
    *out = (struct note){ 0 };
    belfry_err err = begin(&r, payload);
    if (err == BELFRY_OK)
        err = has(&r, METHOD) ? read_member(&r, METHOD, &method) : BELFRY_ERR_INVALID;
    if (err == BELFRY_OK)
        err = read_member(&r, NAMESPACE, &out->nsp);
    if (err == BELFRY_OK)
        err = read_member(&r, HOST_ID, &out->uid);
    if (err == BELFRY_OK)
        err = read_method(&r, method);
    if (out->nsp.size == 0)
        out->nsp = BELFRY_BYTES("/");
    return err;
}
