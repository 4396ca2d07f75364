/*
 * note_entry.c - entries of a stream: a ClusterMessage whose envelope became fields.
 *
 *     uid 7ee07b99e74f3fb0  nsp /  type 3  data {"packet":{..},"opts":{..}}
 *                                          data gqZwYWNrZXSC...       (there is binary data)
 */
#include "base/json.h"
#include "base/utf8.h"
#include "redis/forms.h"

static bool read_data(struct note_draft *d)
{
    return note_message_read_data(d) && note_reader_end(&d->reader);
}

/* Opens @data, if there is any; only a heartbeat may have none. */
static void open_data(struct note_draft *d, belfry_bytes data, const struct note_limits *limits,
                      struct note_scratch *scratch)
{
    bool is_json = data.size > 0 && *(const uint8_t *)data.data == '{';
    if (is_json)
        note_reader_init(&d->reader, data, limits, scratch);
    else
        note_reader_init_base64(&d->reader, data, limits, scratch);
}

static bool is_good(const struct note_entry *entry, uint64_t *out_type)
{
    return json_u64(entry->type, out_type) && utf8_is_valid(entry->uid) &&
           utf8_is_valid(entry->nsp);
}

belfry_err note_decode_entry(const struct note_entry *entry, const struct note_limits *limits,
                             struct note_scratch *scratch, struct note *out)
{
    struct note_draft d = { 0 };
    struct note note = { 0 };
    uint64_t type;
    if (entry->nsp.size == 0) {
        *out = note;
        return BELFRY_OK;
    }
    if (!is_good(entry, &type))
        return BELFRY_ERR_INVALID;
    d.note.type = note_message_type(type);
    if (d.note.type != NOTE_NOTHING) {
        open_data(&d, entry->data, limits, scratch);
        (void)read_data(&d); /* the draft keeps the error */
    }
    belfry_err err = note_draft_finish(&d, &note);
    if (err != BELFRY_OK)
        return err;
    note.nsp = entry->nsp;
    if (!bytes_equal_text(entry->uid, NOTE_EMITTER))
        note.uid = entry->uid;
    *out = note;
    return BELFRY_OK;
}

belfry_err note_encode_entry(const struct note *note, struct buf *out)
{
    struct buf packed = { 0 };
    bool is_json = note_message_is_json(note);
    struct note_writer w = { .out = is_json ? out : &packed, .note = note, .is_json = is_json };
    size_t start = out->size;
    BELFRY_ASSERT(!buf_failed(out));
    note_message_write_data(&w);
    return is_json ? note_writer_finish(&w, start) : note_writer_finish_base64(&w, out);
}
