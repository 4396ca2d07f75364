/*
 * note_session.c - what is kept of a socket that may come back, to this node or another.
 *
 *     {sid, pid, rooms: [..], data}    as MessagePack, as base64
 */
#include <limits.h>

#include "redis/forms.h"

struct session_draft {
    struct note_reader reader;
    struct note_piece sid, pid, data;
    struct note_range rooms, attachments;
};

static bool read_member(struct session_draft *d, belfry_bytes key)
{
    if (bytes_equal_text(key, "rooms"))
        return note_reader_names(&d->reader, UINT_MAX, &d->rooms);
    if (bytes_equal_text(key, "data"))
        return note_reader_value(&d->reader, &d->data, &d->attachments);
    bool is_sid = bytes_equal_text(key, "sid");
    if (!is_sid && !bytes_equal_text(key, "pid"))
        return note_reader_skip(&d->reader);
    struct note_token token;
    return note_reader_next(&d->reader, &token) &&
           note_reader_text(&d->reader, &token, is_sid ? &d->sid : &d->pid);
}

static bool read_session(struct session_draft *d)
{
    struct note_token token;
    belfry_bytes key;
    if (!note_reader_next(&d->reader, &token))
        return false;
    if (token.kind != NOTE_MAP)
        return note_reader_fail(&d->reader, BELFRY_ERR_INVALID);
    struct note_walk walk = note_walk_of(&token);
    while (note_reader_next_member(&d->reader, &walk, &key)) {
        if (!read_member(d, key))
            return false;
    }
    return note_reader_end(&d->reader);
}

belfry_err note_decode_session(belfry_bytes text, const struct note_limits *limits,
                               struct note_scratch *scratch, struct note_session *out)
{
    struct session_draft d = { 0 };
    note_reader_init_base64(&d.reader, text, limits, scratch);
    if (!read_session(&d))
        return d.reader.err;
    if (d.sid.size == 0 || d.pid.size == 0 || d.attachments.count > 0)
        return BELFRY_ERR_INVALID;
    *out = (struct note_session){ .sid = note_reader_bytes(&d.reader, d.sid),
                                  .pid = note_reader_bytes(&d.reader, d.pid),
                                  .rooms = note_reader_resolve(&d.reader, d.rooms),
                                  .data = note_reader_bytes(&d.reader, d.data) };
    return BELFRY_OK;
}

belfry_err note_encode_session(const struct note_session *session, struct buf *out)
{
    const struct note none = { 0 }; /* no attachments */
    struct buf packed = { 0 };
    struct note_writer w = { .out = &packed, .note = &none };
    BELFRY_ASSERT(!buf_failed(out));
    note_writer_map(&w, 4);
    note_writer_text(&w, NOTE_KEY("sid"), session->sid);
    note_writer_text(&w, NOTE_KEY("pid"), session->pid);
    note_writer_names(&w, NOTE_KEY("rooms"), session->rooms);
    note_writer_value(&w, NOTE_KEY("data"),
                      session->data.size > 0 ? session->data : BELFRY_BYTES("{}"));
    note_writer_end(&w);
    return note_writer_finish_base64(&w, out);
}
