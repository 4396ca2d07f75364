/*
 * note_equal.h - do two notes say the same?
 */
#ifndef FUZZ_NOTE_EQUAL_H
#define FUZZ_NOTE_EQUAL_H

#include "redis/note.h"

static inline bool spans_equal(const belfry_bytes *a, unsigned a_count, const belfry_bytes *b,
                               unsigned b_count)
{
    for (unsigned i = 0; a_count == b_count && i < a_count; i++) {
        if (!bytes_equal(a[i], b[i]))
            return false;
    }
    return a_count == b_count;
}

static inline bool names_equal(struct note_names a, struct note_names b)
{
    return spans_equal(a.names, a.count, b.names, b.count);
}

/* In what all contracts can say of a type, however its JSON is written. */
static inline bool notes_agree(const struct note *a, const struct note *b)
{
    return a->type == b->type && bytes_equal(a->name, b->name) && names_equal(a->rooms, b->rooms) &&
           names_equal(a->except, b->except) && names_equal(a->targets, b->targets) &&
           a->is_whole == b->is_whole && a->client_count == b->client_count &&
           (a->args.size > 0) == (b->args.size > 0) && (a->list.size > 0) == (b->list.size > 0) &&
           spans_equal(a->attachments, a->attachment_count, b->attachments, b->attachment_count);
}

static inline bool notes_equal(const struct note *a, const struct note *b)
{
    return notes_agree(a, b) && bytes_equal(a->uid, b->uid) && bytes_equal(a->nsp, b->nsp) &&
           bytes_equal(a->request_id, b->request_id) && a->is_volatile == b->is_volatile &&
           a->is_uncompressed == b->is_uncompressed && a->is_unlogged == b->is_unlogged &&
           a->has_timeout == b->has_timeout && a->timeout_ms == b->timeout_ms &&
           bytes_equal(a->args, b->args) && bytes_equal(a->list, b->list);
}

#endif
