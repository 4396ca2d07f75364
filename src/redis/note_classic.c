/*
 * note_classic.c - the classic adapter: broadcasts as arrays, requests and answers as maps.
 *
 *     broadcast  [uid, {type:2,data:[..],nsp}, {rooms,except,flags}]        always MessagePack
 *     request    {uid, requestId, type:0-7, ...}
 *     answer     {requestId, sockets: or rooms:}, {type:6 or 8 or 9, requestId, ...}, {requestId}
 *
 * What a member of a request means depends on the type, which comes anywhere, so requests and
 * answers are walked twice; there are few of them. Broadcasts are read as they come.
 */
#include "redis/forms.h"

#include "base/msgpack.h"

/* Numbers of the wire; those of notes are others. */
enum classic_type {
    CLASSIC_SOCKETS = 0,
    CLASSIC_ALL_ROOMS = 1,
    CLASSIC_JOIN = 2,
    CLASSIC_LEAVE = 3,
    CLASSIC_DISCONNECT = 4,
    CLASSIC_FETCH = 5,
    CLASSIC_SERVER_EMIT = 6, /* and its answer */
    CLASSIC_BROADCAST = 7,
    CLASSIC_CLIENT_COUNT = 8,
    CLASSIC_ACK = 9,
};

/* --- broadcasts -------------------------------------------------------------------------- */

static bool next_item(struct note_draft *d, struct note_walk *walk)
{
    return note_reader_next_item(&d->reader, walk) ||
           note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
}

static bool read_broadcast(struct note_draft *d, struct note_walk *walk)
{
    d->note.type = NOTE_BROADCAST;
    if (!next_item(d, walk) || !note_draft_text(d, &d->uid) || !next_item(d, walk) ||
        !note_draft_packet(d, &d->nsp) || !next_item(d, walk) || !note_draft_target(d, true))
        return false;
    while (note_reader_next_item(&d->reader, walk))
        (void)note_reader_skip(&d->reader); /* a failure ends the loop */
    return note_reader_end(&d->reader);
}

/* --- which type -------------------------------------------------------------------------- */

/* What the first walk sees: the type, and which members tell answers without one apart. */
struct outline {
    bool has_type;
    uint32_t type; /* UINT32_MAX: none that is known */
    bool has_sockets, has_ids, has_rooms;
};

static bool see_type(struct note_reader *r, struct outline *o)
{
    struct note_token token;
    if (!note_reader_scalar(r, &token))
        return false;
    o->has_type = token.kind == NOTE_NUMBER;
    if (!note_token_u32(r, &token, &o->type))
        o->type = UINT32_MAX;
    return true;
}

/* An array of texts has ids; of objects, or an empty one, what fetchSockets wants. */
static bool see_sockets(struct note_reader *r, struct outline *o)
{
    const uint8_t *value = r->at;
    struct note_token token, item;
    o->has_sockets = true;
    o->has_ids = false;
    if (!note_reader_next(r, &token))
        return false;
    struct note_walk walk = note_walk_of(&token);
    if (token.kind == NOTE_ARRAY && note_reader_next_item(r, &walk) && note_reader_next(r, &item))
        o->has_ids = item.kind == NOTE_TEXT || item.kind == NOTE_NUMBER;
    r->at = value;
    return note_reader_skip(r);
}

static bool see_member(struct note_reader *r, belfry_bytes key, struct outline *o)
{
    if (bytes_equal_text(key, "type"))
        return see_type(r, o);
    if (bytes_equal_text(key, "sockets"))
        return see_sockets(r, o);
    if (bytes_equal_text(key, "rooms"))
        o->has_rooms = true;
    return note_reader_skip(r);
}

/* Walks the members behind the opened map, to the end of the payload. */
static bool see_outline(struct note_reader *r, struct note_walk walk, struct outline *out)
{
    struct outline o = { .type = UINT32_MAX };
    belfry_bytes key;
    while (note_reader_next_member(r, &walk, &key)) {
        if (!see_member(r, key, &o))
            return false;
    }
    *out = o;
    return note_reader_end(r);
}

static enum note_type type_of_request(const struct outline *o)
{
    switch (o->type) {
    case CLASSIC_SOCKETS:
        return NOTE_SOCKETS;
    case CLASSIC_ALL_ROOMS:
        return NOTE_ALL_ROOMS;
    case CLASSIC_JOIN:
        return NOTE_JOIN;
    case CLASSIC_LEAVE:
        return NOTE_LEAVE;
    case CLASSIC_DISCONNECT:
        return NOTE_DISCONNECT;
    case CLASSIC_FETCH:
        return NOTE_FETCH;
    case CLASSIC_SERVER_EMIT:
        return NOTE_SERVER_EMIT;
    case CLASSIC_BROADCAST:
        return NOTE_BROADCAST;
    default:
        return NOTE_NOTHING;
    }
}

static enum note_type type_of_response(const struct outline *o)
{
    switch (o->type) {
    case CLASSIC_SERVER_EMIT:
        return NOTE_SERVER_ANSWER;
    case CLASSIC_CLIENT_COUNT:
        return NOTE_CLIENT_COUNT;
    case CLASSIC_ACK:
        return NOTE_ACK;
    default:
        break;
    }
    if (o->has_sockets)
        return o->has_ids ? NOTE_SOCKETS_ANSWER : NOTE_FETCHED;
    return o->has_rooms ? NOTE_ALL_ROOMS_ANSWER : NOTE_DONE;
}

/* --- requests and answers ---------------------------------------------------------------- */

/* The old form of JOIN, LEAVE and DISCONNECT: one socket, one room. */
struct old_form {
    struct note_piece sid, room;
};

static bool has_target(enum note_type type)
{
    return type == NOTE_BROADCAST || type == NOTE_FETCH ||
           (type >= NOTE_JOIN && type <= NOTE_DISCONNECT);
}

static bool has_list(enum note_type type)
{
    return type == NOTE_FETCHED || type == NOTE_SOCKETS_ANSWER;
}

static bool read_rooms(struct note_draft *d)
{
    switch (d->note.type) {
    case NOTE_JOIN:
    case NOTE_LEAVE:
        return note_reader_names(&d->reader, NOTE_MAX_NAMES, &d->targets);
    case NOTE_SOCKETS:
        return note_reader_names(&d->reader, NOTE_MAX_NAMES, &d->rooms);
    case NOTE_ALL_ROOMS_ANSWER:
        return note_draft_list(d);
    default:
        return note_reader_skip(&d->reader);
    }
}

static bool read_content(struct note_draft *d, belfry_bytes key)
{
    enum note_type type = d->note.type;
    bool is_data = bytes_equal_text(key, "data"), is_packet = bytes_equal_text(key, "packet");
    if (is_packet && type == NOTE_BROADCAST)
        return note_draft_packet(d, &d->nsp);
    if (is_data && type == NOTE_SERVER_EMIT)
        return note_draft_event(d);
    if ((is_data && type == NOTE_SERVER_ANSWER) || (is_packet && type == NOTE_ACK))
        return note_draft_value(d);
    if (bytes_equal_text(key, "sockets") && has_list(type))
        return note_draft_list(d);
    if (bytes_equal_text(key, "clientCount") && type == NOTE_CLIENT_COUNT)
        return note_draft_client_count(d);
    return note_reader_skip(&d->reader);
}

static bool is_answer(enum note_type type)
{
    switch (type) {
    case NOTE_FETCHED:
    case NOTE_SERVER_ANSWER:
    case NOTE_CLIENT_COUNT:
    case NOTE_ACK:
    case NOTE_SOCKETS_ANSWER:
    case NOTE_ALL_ROOMS_ANSWER:
    case NOTE_DONE:
        return true;
    default:
        return false;
    }
}

static bool read_member(struct note_draft *d, belfry_bytes key, struct old_form *old)
{
    enum note_type type = d->note.type;
    bool may_be_old = type >= NOTE_JOIN && type <= NOTE_DISCONNECT;
    if (bytes_equal_text(key, "uid") && !is_answer(type))
        return note_draft_text(d, &d->uid);
    if (type == NOTE_NOTHING)
        return note_reader_skip(&d->reader);
    if (bytes_equal_text(key, "requestId"))
        return note_draft_text(d, &d->request_id);
    if (bytes_equal_text(key, "opts") && has_target(type))
        return note_draft_target(d, type == NOTE_BROADCAST);
    if (bytes_equal_text(key, "rooms"))
        return read_rooms(d);
    if (bytes_equal_text(key, "close") && type == NOTE_DISCONNECT)
        return note_draft_bool(d, &d->note.is_whole);
    if (bytes_equal_text(key, "sid") && may_be_old)
        return note_draft_text(d, &old->sid);
    if (bytes_equal_text(key, "room") && may_be_old)
        return note_draft_text(d, &old->room);
    return read_content(d, key);
}

/* Says the old form in the words of the new one. */
static bool settle_old_form(struct note_draft *d, const struct old_form *old)
{
    if (d->has_target || old->sid.size == 0)
        return true;
    d->has_target = true;
    d->rooms = (struct note_range){ 0 };
    if (!note_reader_add_name(&d->reader, old->sid, &d->rooms))
        return false;
    if (d->note.type == NOTE_DISCONNECT)
        return true;
    d->targets = (struct note_range){ 0 };
    return old->room.size == 0 || note_reader_add_name(&d->reader, old->room, &d->targets);
}

static bool read_members(struct note_draft *d, struct note_walk walk)
{
    struct old_form old = { 0 };
    belfry_bytes key;
    while (note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_member(d, key, &old))
            return false;
    }
    return note_reader_end(&d->reader) && settle_old_form(d, &old);
}

static bool read_request(struct note_draft *d, struct note_walk walk)
{
    const uint8_t *members = d->reader.at;
    struct outline o;
    if (!see_outline(&d->reader, walk, &o))
        return false;
    if (!o.has_type)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    d->note.type = type_of_request(&o);
    d->reader.at = members;
    return read_members(d, walk);
}

bool note_classic_read(struct note_draft *d)
{
    struct note_token token;
    if (!note_reader_next(&d->reader, &token))
        return false;
    struct note_walk walk = note_walk_of(&token);
    if (token.kind == NOTE_ARRAY && !read_broadcast(d, &walk))
        return false;
    if (token.kind == NOTE_MAP && !read_request(d, walk))
        return false;
    if (token.kind != NOTE_ARRAY && token.kind != NOTE_MAP)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    return true;
}

bool note_classic_read_response(struct note_draft *d)
{
    struct outline o;
    struct note_token token;
    if (!note_reader_next(&d->reader, &token))
        return false;
    if (token.kind != NOTE_MAP)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    struct note_walk walk = note_walk_of(&token);
    const uint8_t *members = d->reader.at;
    if (!see_outline(&d->reader, walk, &o))
        return false;
    d->note.type = type_of_response(&o);
    d->reader.at = members;
    return read_members(d, walk);
}

/* --- writing ----------------------------------------------------------------------------- */

bool note_classic_is_json(const struct note *note)
{
    return note->attachment_count == 0 && note->type != NOTE_BROADCAST && note->type != NOTE_ACK;
}

static belfry_bytes nsp_of(const struct note *note)
{
    return note->nsp.size > 0 ? note->nsp : BELFRY_BYTES("/");
}

static void write_broadcast(struct note_writer *w)
{
    const struct note *note = w->note;
    msgpack_put_array(w->out, 3);
    msgpack_put_str(w->out, note->uid.size > 0 ? note->uid : BELFRY_BYTES(NOTE_EMITTER));
    note_writer_packet(w, nsp_of(note));
    note_writer_target(w, NOTE_WITH_FLAGS);
}

/* What all requests begin with; @count members follow. Emitters name themselves only when they
 * emit to servers. */
static void open_request(struct note_writer *w, enum classic_type type, uint32_t count)
{
    const struct note *note = w->note;
    belfry_bytes uid = note->uid;
    if (uid.size == 0 && type == CLASSIC_SERVER_EMIT)
        uid = BELFRY_BYTES(NOTE_EMITTER);
    note_writer_map(w, 1 + count + (uint32_t)(uid.size > 0) + (note->request_id.size > 0));
    if (uid.size > 0)
        note_writer_text(w, NOTE_KEY("uid"), uid);
    if (note->request_id.size > 0)
        note_writer_text(w, NOTE_KEY("requestId"), note->request_id);
    note_writer_u32(w, NOTE_KEY("type"), type);
}

static void write_target(struct note_writer *w, enum note_flags flags)
{
    note_writer_key(w, NOTE_KEY("opts"));
    note_writer_target(w, flags);
}

static void write_broadcast_request(struct note_writer *w)
{
    open_request(w, CLASSIC_BROADCAST, 2);
    note_writer_key(w, NOTE_KEY("packet"));
    note_writer_packet(w, nsp_of(w->note));
    write_target(w, NOTE_WITH_FLAGS);
}

static void write_membership(struct note_writer *w, enum classic_type type)
{
    open_request(w, type, 2);
    write_target(w, NOTE_WITHOUT_FLAGS);
    note_writer_names(w, NOTE_KEY("rooms"), w->note->targets);
}

static void write_disconnect(struct note_writer *w)
{
    open_request(w, CLASSIC_DISCONNECT, 2);
    write_target(w, NOTE_WITHOUT_FLAGS);
    note_writer_bool(w, NOTE_KEY("close"), w->note->is_whole);
}

/* Answers: {requestId, and one more}, or {type, requestId, and one more}. */
static void open_answer(struct note_writer *w, uint32_t count)
{
    note_writer_map(w, 1 + count);
    note_writer_text(w, NOTE_KEY("requestId"), w->note->request_id);
}

static void open_typed_answer(struct note_writer *w, enum classic_type type)
{
    note_writer_map(w, 3);
    note_writer_u32(w, NOTE_KEY("type"), type);
    note_writer_text(w, NOTE_KEY("requestId"), w->note->request_id);
}

static void write_request(struct note_writer *w)
{
    switch (w->note->type) {
    case NOTE_BROADCAST:
        write_broadcast_request(w);
        return;
    case NOTE_JOIN:
        write_membership(w, CLASSIC_JOIN);
        return;
    case NOTE_LEAVE:
        write_membership(w, CLASSIC_LEAVE);
        return;
    case NOTE_DISCONNECT:
        write_disconnect(w);
        return;
    case NOTE_FETCH:
        open_request(w, CLASSIC_FETCH, 1);
        write_target(w, NOTE_WITHOUT_FLAGS);
        return;
    case NOTE_SERVER_EMIT:
        open_request(w, CLASSIC_SERVER_EMIT, 1);
        note_writer_event(w, NOTE_KEY("data"));
        return;
    case NOTE_SOCKETS:
        open_request(w, CLASSIC_SOCKETS, 1);
        note_writer_names(w, NOTE_KEY("rooms"), w->note->rooms);
        return;
    case NOTE_ALL_ROOMS:
        open_request(w, CLASSIC_ALL_ROOMS, 0);
        return;
    default:
        w->err = BELFRY_ERR_INVALID; /* NOTE_NOTHING */
    }
}

static void write_answer(struct note_writer *w)
{
    const struct note *note = w->note;
    switch (note->type) {
    case NOTE_FETCHED:
    case NOTE_SOCKETS_ANSWER:
        open_answer(w, 1);
        note_writer_value(w, NOTE_KEY("sockets"), note->list);
        return;
    case NOTE_ALL_ROOMS_ANSWER:
        open_answer(w, 1);
        note_writer_value(w, NOTE_KEY("rooms"), note->list);
        return;
    case NOTE_SERVER_ANSWER:
        open_typed_answer(w, CLASSIC_SERVER_EMIT);
        note_writer_value(w, NOTE_KEY("data"), note->args);
        return;
    case NOTE_CLIENT_COUNT:
        open_typed_answer(w, CLASSIC_CLIENT_COUNT);
        note_writer_u32(w, NOTE_KEY("clientCount"), note->client_count);
        return;
    case NOTE_ACK:
        open_typed_answer(w, CLASSIC_ACK);
        note_writer_value(w, NOTE_KEY("packet"), note->args);
        return;
    default:
        open_answer(w, 0); /* NOTE_DONE */
    }
}

void note_classic_write(struct note_writer *w)
{
    const struct note *note = w->note;
    if (note->type == NOTE_BROADCAST && note->request_id.size == 0) {
        write_broadcast(w);
        return;
    }
    if (is_answer(note->type))
        write_answer(w);
    else
        write_request(w);
    note_writer_end(w);
}
