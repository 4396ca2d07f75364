/*
 * draft.c - opts, packets, events and lists, as all contracts have them.
 *
 *     opts    {rooms:[..], except:[..], flags:{volatile, compress, history, timeout}}
 *     packet  {type:2, data:[name, ..args], nsp}
 *
 * Tolerant where emitters in other languages deviate: lists may be missing or null, rooms numbers,
 * empty maps arrays (PHP has one empty thing for both), flags anything. Strict where guessing would
 * act on the wrong sockets: without opts nobody is meant, not everybody.
 */
#include "redis/draft.h"

#include "base/json.h"

bool note_draft_text(struct note_draft *d, struct note_piece *out_text)
{
    struct note_token token;
    if (!note_reader_next(&d->reader, &token))
        return false;
    *out_text = (struct note_piece){ 0 };
    return token.kind == NOTE_NULL || note_reader_text(&d->reader, &token, out_text);
}

bool note_draft_bool(struct note_draft *d, bool *out_is_true)
{
    struct note_token token;
    if (!note_reader_scalar(&d->reader, &token))
        return false;
    *out_is_true = token.kind == NOTE_TRUE;
    return true;
}

/* --- whom it concerns -------------------------------------------------------------------- */

static bool read_flag(struct note_draft *d, belfry_bytes key)
{
    struct note *note = &d->note;
    struct note_token token;
    if (!note_reader_scalar(&d->reader, &token))
        return false;
    if (bytes_equal_text(key, "volatile"))
        note->is_volatile = token.kind == NOTE_TRUE;
    else if (bytes_equal_text(key, "compress"))
        note->is_uncompressed = token.kind == NOTE_FALSE;
    else if (bytes_equal_text(key, "history"))
        note->is_unlogged = token.kind == NOTE_FALSE;
    else if (bytes_equal_text(key, "timeout"))
        note->has_timeout = note_token_u32(&d->reader, &token, &note->timeout_ms);
    return true;
}

static void clear_flags(struct note *note)
{
    note->is_volatile = note->is_uncompressed = note->is_unlogged = note->has_timeout = false;
    note->timeout_ms = 0;
}

static bool skip_items(struct note_draft *d, struct note_walk *walk)
{
    while (note_reader_next_item(&d->reader, walk))
        (void)note_reader_skip(&d->reader); /* a failure ends the loop */
    return d->reader.err == BELFRY_OK;
}

static bool read_flags(struct note_draft *d)
{
    struct note_token token;
    belfry_bytes key;
    clear_flags(&d->note);
    if (!note_reader_next(&d->reader, &token))
        return false;
    struct note_walk walk = note_walk_of(&token);
    if (token.kind == NOTE_ARRAY)
        return skip_items(d, &walk);
    while (token.kind == NOTE_MAP && note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_flag(d, key))
            return false;
    }
    return d->reader.err == BELFRY_OK;
}

static bool read_target_member(struct note_draft *d, belfry_bytes key, bool has_flags)
{
    if (bytes_equal_text(key, "rooms"))
        return note_reader_names(&d->reader, NOTE_MAX_NAMES, &d->rooms);
    if (bytes_equal_text(key, "except"))
        return note_reader_names(&d->reader, NOTE_MAX_NAMES, &d->except);
    if (has_flags && bytes_equal_text(key, "flags"))
        return read_flags(d);
    return note_reader_skip(&d->reader);
}

bool note_draft_target(struct note_draft *d, bool has_flags)
{
    struct note_token token;
    belfry_bytes key;
    d->rooms = d->except = (struct note_range){ 0 };
    d->has_target = false;
    clear_flags(&d->note);
    if (!note_reader_next(&d->reader, &token))
        return false;
    struct note_walk walk = note_walk_of(&token);
    if (token.kind == NOTE_NULL)
        return true;
    d->has_target = true;
    if (token.kind == NOTE_ARRAY)
        return skip_items(d, &walk);
    if (token.kind != NOTE_MAP)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    while (note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_target_member(d, key, has_flags))
            return false;
    }
    return d->reader.err == BELFRY_OK;
}

/* --- what is said ------------------------------------------------------------------------ */

bool note_draft_event(struct note_draft *d)
{
    d->has_event = note_reader_event(&d->reader, &d->name, &d->args, &d->attachments);
    return d->has_event;
}

bool note_draft_value(struct note_draft *d)
{
    return note_reader_value(&d->reader, &d->args, &d->attachments);
}

bool note_draft_list(struct note_draft *d)
{
    return note_reader_value(&d->reader, &d->list, &d->attachments);
}

bool note_draft_client_count(struct note_draft *d)
{
    struct note_token token;
    if (!note_reader_scalar(&d->reader, &token))
        return false;
    d->has_client_count = note_token_u32(&d->reader, &token, &d->note.client_count);
    return true;
}

/* Emitters in other languages say 5 when there is binary data; it is an event all the same. */
static bool read_packet_type(struct note_draft *d)
{
    struct note_token token;
    uint32_t type;
    if (!note_reader_scalar(&d->reader, &token))
        return false;
    if (!note_token_u32(&d->reader, &token, &type) ||
        (type != NOTE_PACKET_EVENT && type != NOTE_PACKET_BINARY_EVENT))
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    return true;
}

static bool read_packet_member(struct note_draft *d, belfry_bytes key, struct note_piece *out_nsp)
{
    if (bytes_equal_text(key, "type"))
        return read_packet_type(d);
    if (bytes_equal_text(key, "data"))
        return note_draft_event(d);
    if (bytes_equal_text(key, "nsp"))
        return note_draft_text(d, out_nsp);
    return note_reader_skip(&d->reader);
}

bool note_draft_packet(struct note_draft *d, struct note_piece *out_nsp)
{
    struct note_token token;
    belfry_bytes key;
    *out_nsp = (struct note_piece){ 0 };
    d->has_event = false;
    if (!note_reader_next(&d->reader, &token))
        return false;
    if (token.kind != NOTE_MAP)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    struct note_walk walk = note_walk_of(&token);
    while (note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_packet_member(d, key, out_nsp))
            return false;
    }
    return d->reader.err == BELFRY_OK;
}

/* --- the end ----------------------------------------------------------------------------- */

/* Are all elements of the list what the type says? A list that is missing is empty. */
static bool is_list_good(enum note_type type, belfry_bytes list)
{
    struct json_iter it;
    struct json_member item;
    json_iter_init(&it, list, JSON_MAX_DEPTH, JSON_KIND_ARRAY);
    while (json_iter_next(&it, &item)) {
        enum json_kind kind = item.value.kind;
        bool is_good = type == NOTE_FETCHED ? kind == JSON_KIND_OBJECT
                                            : kind == JSON_KIND_STRING || kind == JSON_KIND_NUMBER;
        if (!is_good)
            return false;
    }
    return it.err == BELFRY_OK;
}

static bool is_complete(const struct note_draft *d, struct note *note)
{
    switch (note->type) {
    case NOTE_BROADCAST:
        return d->has_target && d->has_event;
    case NOTE_SERVER_EMIT:
        return d->has_event;
    case NOTE_JOIN:
    case NOTE_LEAVE:
    case NOTE_DISCONNECT:
    case NOTE_FETCH:
        return d->has_target;
    case NOTE_FETCHED:
    case NOTE_SOCKETS_ANSWER:
    case NOTE_ALL_ROOMS_ANSWER:
        if (note->list.size == 0 || bytes_equal_text(note->list, "null"))
            note->list = BELFRY_BYTES("[]");
        return is_list_good(note->type, note->list);
    case NOTE_SERVER_ANSWER:
    case NOTE_ACK:
        if (note->args.size == 0)
            note->args = BELFRY_BYTES("null");
        return true;
    case NOTE_CLIENT_COUNT:
        return d->has_client_count;
    case NOTE_NOTHING:
    case NOTE_SOCKETS:
    case NOTE_ALL_ROOMS:
    case NOTE_DONE:
        return true;
    }
    BELFRY_UNREACHABLE("types were mapped from numbers");
}

static void resolve(const struct note_draft *d, struct note *note)
{
    const struct note_reader *r = &d->reader;
    note->uid = note_reader_bytes(r, d->uid);
    if (bytes_equal_text(note->uid, NOTE_EMITTER))
        note->uid = (belfry_bytes){ 0 };
    note->nsp = note_reader_bytes(r, d->nsp);
    note->request_id = note_reader_bytes(r, d->request_id);
    note->name = note_reader_bytes(r, d->name);
    note->args = note_reader_bytes(r, d->args);
    note->list = note_reader_bytes(r, d->list);
    note->rooms = note_reader_resolve(r, d->rooms);
    note->except = note_reader_resolve(r, d->except);
    note->targets = note_reader_resolve(r, d->targets);
    note->attachments = note_reader_attachments(r, d->attachments);
    note->attachment_count = d->attachments.count;
}

belfry_err note_draft_finish(struct note_draft *d, struct note *out)
{
    struct note note = d->note;
    if (d->reader.err != BELFRY_OK)
        return d->reader.err;
    resolve(d, &note);
    if (!is_complete(d, &note))
        return BELFRY_ERR_INVALID;
    *out = note;
    return BELFRY_OK;
}
