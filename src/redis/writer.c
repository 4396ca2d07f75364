/*
 * writer.c - JSON or MessagePack, told apart here and nowhere above.
 */
#include "redis/writer.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/msgpack.h"
#include "redis/draft.h"

belfry_err note_writer_finish(struct note_writer *w, size_t start)
{
    if (buf_failed(w->out))
        w->err = BELFRY_ERR_NOMEM;
    if (w->err != BELFRY_OK) {
        w->out->size = start;
        w->out->has_failed = 0;
    }
    return w->err;
}

belfry_err note_writer_finish_base64(struct note_writer *w, struct buf *out)
{
    size_t start = out->size;
    belfry_err err = note_writer_finish(w, 0);
    if (err == BELFRY_OK)
        base64_put(out, buf_bytes(w->out));
    if (buf_failed(out)) {
        err = BELFRY_ERR_NOMEM;
        out->size = start;
        out->has_failed = 0;
    }
    buf_deinit(w->out);
    return err;
}

void note_writer_key(struct note_writer *w, belfry_bytes key)
{
    const char *text = key.data;
    BELFRY_ASSERT(key.size > 4 && text[0] == ',');
    if (w->is_json)
        buf_put(w->out, text + !w->is_comma_due, key.size - !w->is_comma_due);
    else
        msgpack_put_str(w->out, bytes_of(text + 2, key.size - 4));
    w->is_comma_due = true;
}

void note_writer_map(struct note_writer *w, uint32_t count)
{
    if (w->is_json)
        buf_put_char(w->out, '{');
    else
        msgpack_put_map(w->out, count);
    w->is_comma_due = false;
}

void note_writer_end(struct note_writer *w)
{
    if (w->is_json)
        buf_put_char(w->out, '}');
    w->is_comma_due = true;
}

/* --- members ----------------------------------------------------------------------------- */

static void put_text(struct note_writer *w, belfry_bytes text)
{
    if (text.size > UINT32_MAX)
        w->err = BELFRY_ERR_LIMIT;
    else if (w->is_json)
        json_put_string(w->out, text);
    else
        msgpack_put_str(w->out, text);
}

void note_writer_u32(struct note_writer *w, belfry_bytes key, uint32_t number)
{
    note_writer_key(w, key);
    if (w->is_json)
        buf_put_u64(w->out, number);
    else
        msgpack_put_u64(w->out, number);
}

void note_writer_bool(struct note_writer *w, belfry_bytes key, bool is_true)
{
    note_writer_key(w, key);
    if (w->is_json)
        buf_put_text(w->out, is_true ? "true" : "false");
    else
        buf_put_char(w->out, (char)(is_true ? 0xc3 : 0xc2));
}

void note_writer_text(struct note_writer *w, belfry_bytes key, belfry_bytes text)
{
    note_writer_key(w, key);
    put_text(w, text);
}

void note_writer_names(struct note_writer *w, belfry_bytes key, struct note_names names)
{
    note_writer_key(w, key);
    if (w->is_json)
        buf_put_char(w->out, '[');
    else
        msgpack_put_array(w->out, names.count);
    for (unsigned i = 0; i < names.count; i++) {
        if (w->is_json && i > 0)
            buf_put_char(w->out, ',');
        put_text(w, names.names[i]);
    }
    if (w->is_json)
        buf_put_char(w->out, ']');
}

/* --- what events carry ------------------------------------------------------------------- */

/* How large MessagePack may honestly be. JSON grows most where numbers have an exponent: `1e9,` is
 * nine bytes; some placeholders may name the same attachment, but not thousands. */
static struct msgpack_limits limits_for(const struct note *note, belfry_bytes json)
{
    size_t limit = 65536 + note->name.size + 3 * json.size;
    for (unsigned i = 0; i < note->attachment_count; i++)
        limit += 2 * note->attachments[i].size;
    return (struct msgpack_limits){ .max_depth = JSON_MAX_DEPTH, .max_bytes = limit };
}

/* Is there something to translate into? A full buffer is asked for at the end. */
static bool is_good(const struct note_writer *w)
{
    return w->err == BELFRY_OK && !buf_failed(w->out);
}

void note_writer_value(struct note_writer *w, belfry_bytes key, belfry_bytes json)
{
    const struct note *note = w->note;
    note_writer_key(w, key);
    if (json.size == 0)
        json = BELFRY_BYTES("null");
    if (w->is_json) {
        buf_put_bytes(w->out, json);
    } else if (is_good(w)) {
        const struct msgpack_limits limits = limits_for(note, json);
        w->err =
            msgpack_from_json(json, note->attachments, note->attachment_count, &limits, w->out);
    }
}

void note_writer_event(struct note_writer *w, belfry_bytes key)
{
    const struct note *note = w->note;
    note_writer_key(w, key);
    if (!w->is_json) {
        const struct msgpack_limits limits = limits_for(note, note->args);
        if (is_good(w))
            w->err = msgpack_from_event(note->name, note->args, note->attachments,
                                        note->attachment_count, &limits, w->out);
        return;
    }
    buf_put_char(w->out, '[');
    json_put_string(w->out, note->name);
    if (note->args.size > 0)
        buf_put_char(w->out, ',');
    buf_put_bytes(w->out, note->args);
    buf_put_char(w->out, ']');
}

/* --- what the contracts share ------------------------------------------------------------ */

static void put_flags(struct note_writer *w)
{
    const struct note *note = w->note;
    note_writer_key(w, NOTE_KEY("flags"));
    note_writer_map(w, (uint32_t)note->is_volatile + note->is_uncompressed + note->is_unlogged +
                           note->has_timeout);
    if (note->is_volatile)
        note_writer_bool(w, NOTE_KEY("volatile"), true);
    if (note->is_uncompressed)
        note_writer_bool(w, NOTE_KEY("compress"), false);
    if (note->is_unlogged)
        note_writer_bool(w, NOTE_KEY("history"), false);
    if (note->has_timeout)
        note_writer_u32(w, NOTE_KEY("timeout"), note->timeout_ms);
    note_writer_end(w);
}

void note_writer_target(struct note_writer *w, enum note_flags flags)
{
    note_writer_map(w, flags == NOTE_WITH_FLAGS ? 3 : 2);
    note_writer_names(w, NOTE_KEY("rooms"), w->note->rooms);
    note_writer_names(w, NOTE_KEY("except"), w->note->except);
    if (flags == NOTE_WITH_FLAGS)
        put_flags(w);
    note_writer_end(w);
}

void note_writer_packet(struct note_writer *w, belfry_bytes nsp)
{
    note_writer_map(w, nsp.size > 0 ? 3 : 2);
    note_writer_u32(w, NOTE_KEY("type"), NOTE_PACKET_EVENT);
    note_writer_event(w, NOTE_KEY("data"));
    if (nsp.size > 0)
        note_writer_text(w, NOTE_KEY("nsp"), nsp);
    note_writer_end(w);
}
