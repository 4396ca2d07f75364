/*
 * note_message.c - the ClusterMessage of the sharded and the streams adapter.
 *
 *     {"type":3,"data":{"packet":{"type":2,"data":["hello",1]},"opts":{..}},"uid":"..","nsp":"/"}
 *
 * The type says what the members of data mean. All writers put it in front, so that data is read
 * where it stands; a message that has it behind is read in two steps.
 */
#include "redis/forms.h"

enum note_type note_message_type(uint64_t number)
{
    bool is_known = number >= NOTE_BROADCAST && number <= NOTE_ACK;
    return is_known ? (enum note_type)number : NOTE_NOTHING;
}

bool note_message_has_type(enum note_type type)
{
    return type >= NOTE_BROADCAST && type <= NOTE_ACK;
}

/* --- reading ----------------------------------------------------------------------------- */

static bool has_request_id(enum note_type type)
{
    return type == NOTE_BROADCAST || type >= NOTE_FETCH;
}

/* SERVER_EMIT has an event there, its answer and an ack a value. */
static bool read_packet(struct note_draft *d)
{
    struct note_piece nsp; /* the streams emitter writes one; that of the envelope counts */
    switch (d->note.type) {
    case NOTE_BROADCAST:
        return note_draft_packet(d, &nsp);
    case NOTE_SERVER_EMIT:
        return note_draft_event(d);
    case NOTE_SERVER_ANSWER:
    case NOTE_ACK:
        return note_draft_value(d);
    default:
        return note_reader_skip(&d->reader);
    }
}

static bool read_data_member(struct note_draft *d, belfry_bytes key)
{
    enum note_type type = d->note.type;
    if (bytes_equal_text(key, "packet"))
        return read_packet(d);
    if (bytes_equal_text(key, "opts") &&
        (type == NOTE_FETCH || (type >= NOTE_BROADCAST && type <= NOTE_DISCONNECT)))
        return note_draft_target(d, true);
    if (bytes_equal_text(key, "requestId") && has_request_id(type))
        return note_draft_text(d, &d->request_id);
    if (bytes_equal_text(key, "rooms") && (type == NOTE_JOIN || type == NOTE_LEAVE))
        return note_reader_names(&d->reader, NOTE_MAX_NAMES, &d->targets);
    if (bytes_equal_text(key, "close") && type == NOTE_DISCONNECT)
        return note_draft_bool(d, &d->note.is_whole);
    if (bytes_equal_text(key, "sockets") && type == NOTE_FETCHED)
        return note_draft_list(d);
    if (bytes_equal_text(key, "clientCount") && type == NOTE_CLIENT_COUNT)
        return note_draft_client_count(d);
    return note_reader_skip(&d->reader);
}

bool note_message_read_data(struct note_draft *d)
{
    struct note_token token;
    belfry_bytes key;
    if (d->note.type == NOTE_NOTHING)
        return note_reader_skip(&d->reader);
    if (!note_reader_next(&d->reader, &token))
        return false;
    if (token.kind != NOTE_MAP)
        return token.kind == NOTE_NULL || note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    struct note_walk walk = note_walk_of(&token);
    while (note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_data_member(d, key))
            return false;
    }
    return d->reader.err == BELFRY_OK;
}

/* What was seen of an envelope. */
struct envelope {
    bool has_type, has_data, is_read; /* data has been read, as of @read_type */
    enum note_type read_type;
    const uint8_t *data;
};

static bool read_type(struct note_draft *d, struct envelope *e)
{
    struct note_token token;
    uint32_t number;
    if (!note_reader_scalar(&d->reader, &token))
        return false;
    if (token.kind != NOTE_NUMBER)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    e->has_type = true;
    d->note.type =
        note_token_u32(&d->reader, &token, &number) ? note_message_type(number) : NOTE_NOTHING;
    return true;
}

/* Nothing of an earlier reading is left but what the envelope says itself. */
static void clear_data(struct note_draft *d)
{
    *d = (struct note_draft){
        .reader = d->reader, .note = { .type = d->note.type }, .uid = d->uid, .nsp = d->nsp
    };
}

static bool read_data(struct note_draft *d, struct envelope *e)
{
    e->has_data = true;
    e->data = d->reader.at;
    e->is_read = e->has_type;
    e->read_type = d->note.type;
    clear_data(d);
    return e->has_type ? note_message_read_data(d) : note_reader_skip(&d->reader);
}

static bool read_member(struct note_draft *d, belfry_bytes key, struct envelope *e)
{
    if (bytes_equal_text(key, "type"))
        return read_type(d, e);
    if (bytes_equal_text(key, "data"))
        return read_data(d, e);
    if (bytes_equal_text(key, "uid"))
        return note_draft_text(d, &d->uid);
    if (bytes_equal_text(key, "nsp"))
        return note_draft_text(d, &d->nsp);
    return note_reader_skip(&d->reader);
}

bool note_message_read(struct note_draft *d)
{
    struct envelope e = { 0 };
    struct note_token token;
    belfry_bytes key;
    if (!note_reader_next(&d->reader, &token))
        return false;
    if (token.kind != NOTE_MAP)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    struct note_walk walk = note_walk_of(&token);
    while (note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_member(d, key, &e))
            return false;
    }
    if (!note_reader_end(&d->reader) || !e.has_type)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    if (!e.has_data || (e.is_read && e.read_type == d->note.type))
        return true;
    d->reader.at = e.data;
    clear_data(d);
    return note_message_read_data(d);
}

/* --- writing ----------------------------------------------------------------------------- */

bool note_message_is_json(const struct note *note)
{
    return note->attachment_count == 0;
}

static void write_request_id(struct note_writer *w)
{
    note_writer_text(w, NOTE_KEY("requestId"), w->note->request_id);
}

static void write_broadcast(struct note_writer *w)
{
    bool has_id = w->note->request_id.size > 0;
    note_writer_map(w, has_id ? 3 : 2);
    note_writer_key(w, NOTE_KEY("packet"));
    note_writer_packet(w, (belfry_bytes){ 0 });
    if (has_id)
        write_request_id(w);
    note_writer_key(w, NOTE_KEY("opts"));
    note_writer_target(w, NOTE_WITH_FLAGS);
    note_writer_end(w);
}

static void write_server_emit(struct note_writer *w)
{
    bool has_id = w->note->request_id.size > 0;
    note_writer_map(w, has_id ? 2 : 1);
    if (has_id)
        write_request_id(w);
    note_writer_event(w, NOTE_KEY("packet"));
    note_writer_end(w);
}

/* JOIN, LEAVE, DISCONNECT, FETCH: opts and one more. */
static void write_operation(struct note_writer *w)
{
    const struct note *note = w->note;
    note_writer_map(w, 2);
    note_writer_key(w, NOTE_KEY("opts"));
    note_writer_target(w, NOTE_WITH_FLAGS);
    if (note->type == NOTE_FETCH)
        write_request_id(w);
    else if (note->type == NOTE_DISCONNECT)
        note_writer_bool(w, NOTE_KEY("close"), note->is_whole);
    else
        note_writer_names(w, NOTE_KEY("rooms"), note->targets);
    note_writer_end(w);
}

static void write_answer(struct note_writer *w)
{
    const struct note *note = w->note;
    note_writer_map(w, 2);
    write_request_id(w);
    if (note->type == NOTE_FETCHED)
        note_writer_value(w, NOTE_KEY("sockets"), note->list);
    else if (note->type == NOTE_CLIENT_COUNT)
        note_writer_u32(w, NOTE_KEY("clientCount"), note->client_count);
    else
        note_writer_value(w, NOTE_KEY("packet"), note->args);
    note_writer_end(w);
}

void note_message_write_data(struct note_writer *w)
{
    switch (w->note->type) {
    case NOTE_BROADCAST:
        write_broadcast(w);
        return;
    case NOTE_SERVER_EMIT:
        write_server_emit(w);
        return;
    case NOTE_JOIN:
    case NOTE_LEAVE:
    case NOTE_DISCONNECT:
    case NOTE_FETCH:
        write_operation(w);
        return;
    case NOTE_FETCHED:
    case NOTE_SERVER_ANSWER:
    case NOTE_CLIENT_COUNT:
    case NOTE_ACK:
        write_answer(w);
        return;
    case NOTE_NOTHING:
    case NOTE_SOCKETS:
    case NOTE_SOCKETS_ANSWER:
    case NOTE_ALL_ROOMS:
    case NOTE_ALL_ROOMS_ANSWER:
    case NOTE_DONE:
        break;
    }
    w->err = BELFRY_ERR_INVALID; /* this contract cannot say it */
}

void note_message_write(struct note_writer *w)
{
    const struct note *note = w->note;
    note_writer_map(w, 4);
    note_writer_u32(w, NOTE_KEY("type"), note->type);
    note_writer_key(w, NOTE_KEY("data"));
    note_message_write_data(w);
    note_writer_text(w, NOTE_KEY("uid"),
                     note->uid.size > 0 ? note->uid : BELFRY_BYTES(NOTE_EMITTER));
    note_writer_text(w, NOTE_KEY("nsp"), note->nsp);
    note_writer_end(w);
}
