/*
 * Entries and sessions that were read are written and read as the same. The first byte is the type
 * of the entry; 0: a session.
 */
#include "note_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct note_limits limits = { .max_depth = 8, .max_attachments = 3 };

static void check_entry(belfry_bytes type, belfry_bytes data)
{
    struct note_entry entry = { BELFRY_BYTES("u"), BELFRY_BYTES("/"), type, data };
    struct note_scratch first = { 0 }, second = { 0 };
    struct note note, got;
    struct buf text = { 0 };
    if (note_decode_entry(&entry, &limits, &first, &note) == BELFRY_OK &&
        note.type != NOTE_NOTHING) {
        BELFRY_ASSERT(note_encode_entry(&note, &text) == BELFRY_OK);
        entry.data = buf_bytes(&text);
        BELFRY_ASSERT(note_decode_entry(&entry, &limits, &second, &got) == BELFRY_OK);
        BELFRY_ASSERT(notes_equal(&note, &got));
    }
    note_scratch_deinit(&first);
    note_scratch_deinit(&second);
    buf_deinit(&text);
}

static void check_session(belfry_bytes data)
{
    struct note_scratch first = { 0 }, second = { 0 };
    struct note_session session, got;
    struct buf text = { 0 };
    if (note_decode_session(data, &limits, &first, &session) == BELFRY_OK) {
        BELFRY_ASSERT(note_encode_session(&session, &text) == BELFRY_OK);
        BELFRY_ASSERT(note_decode_session(buf_bytes(&text), &limits, &second, &got) == BELFRY_OK);
        BELFRY_ASSERT(bytes_equal(session.sid, got.sid) && bytes_equal(session.pid, got.pid));
        BELFRY_ASSERT(names_equal(session.rooms, got.rooms));
        BELFRY_ASSERT(session.data.size == 0 || bytes_equal(session.data, got.data));
    }
    note_scratch_deinit(&first);
    note_scratch_deinit(&second);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    belfry_bytes rest = bytes_of(data + (size > 0), size - (size > 0));
    struct buf type = { 0 };
    buf_put_u64(&type, size > 0 ? data[0] : 0);
    if (size > 0 && data[0] == 0)
        check_session(rest);
    else
        check_entry(buf_bytes(&type), rest);
    buf_deinit(&type);
    return 0;
}
