/*
 * note.c - which contract reads and writes what.
 *
 *     payload ──► reader ──► draft, filled by note_classic.c or note_message.c ──► note
 *     note ──► writer, driven by note_classic.c or note_message.c ──► payload
 */
#include "redis/note.h"

#include "redis/forms.h"

void note_scratch_deinit(struct note_scratch *scratch)
{
    buf_deinit(&scratch->json);
    buf_deinit(&scratch->spans);
    buf_deinit(&scratch->packed);
}

/* The packet of a classic broadcast may have no namespace. */
static void tidy(enum note_contract contract, struct note *note)
{
    if (contract == NOTE_CLASSIC && note->type == NOTE_BROADCAST && note->nsp.size == 0)
        note->nsp = BELFRY_BYTES("/");
}

belfry_err note_decode(enum note_contract contract, belfry_bytes payload,
                       const struct note_limits *limits, struct note_scratch *scratch,
                       struct note *out)
{
    struct note_draft d = { 0 };
    note_reader_init(&d.reader, payload, limits, scratch);
    if (contract == NOTE_CLASSIC)
        (void)note_classic_read(&d); /* the draft keeps the error */
    else
        (void)note_message_read(&d);
    belfry_err err = note_draft_finish(&d, out);
    if (err == BELFRY_OK)
        tidy(contract, out);
    return err;
}

belfry_err note_decode_classic_response(belfry_bytes payload, const struct note_limits *limits,
                                        struct note_scratch *scratch, struct note *out)
{
    struct note_draft d = { 0 };
    note_reader_init(&d.reader, payload, limits, scratch);
    (void)note_classic_read_response(&d); /* the draft keeps the error */
    return note_draft_finish(&d, out);
}

static bool is_json(enum note_contract contract, const struct note *note)
{
    switch (contract) {
    case NOTE_CLASSIC:
        return note_classic_is_json(note);
    case NOTE_SHARDED:
        return note_message_is_json(note);
    case NOTE_STREAMS:
        return false;
    }
    BELFRY_UNREACHABLE("there are three contracts");
}

belfry_err note_encode(enum note_contract contract, const struct note *note, struct buf *out)
{
    struct note_writer w = { .out = out, .note = note, .is_json = is_json(contract, note) };
    size_t start = out->size;
    BELFRY_ASSERT(!buf_failed(out));
    if (contract == NOTE_CLASSIC)
        note_classic_write(&w);
    else
        note_message_write(&w);
    return note_writer_finish(&w, start);
}
