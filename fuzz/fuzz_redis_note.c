/*
 * What is read of one contract can be written in every contract that has its type, and is read
 * there as a note that agrees; from then on it stays as it is. The first byte says whence it comes.
 */
#include "note_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RESPONSE 3 /* behind the three contracts */

static const struct note_limits limits = { .max_depth = 8, .max_attachments = 3 };

static belfry_err decode(unsigned way, belfry_bytes payload, struct note_scratch *scratch,
                         struct note *out)
{
    return way == RESPONSE ? note_decode_classic_response(payload, &limits, scratch, out)
                           : note_decode((enum note_contract)way, payload, &limits, scratch, out);
}

static bool is_answer(enum note_type type)
{
    return type == NOTE_FETCHED || type == NOTE_SOCKETS_ANSWER || type == NOTE_ALL_ROOMS_ANSWER ||
           type == NOTE_DONE || (type >= NOTE_SERVER_ANSWER && type <= NOTE_ACK);
}

/* @note, written and read again; false: @contract cannot say it. */
static bool travel(enum note_contract contract, const struct note *note, struct buf *wire,
                   struct note_scratch *scratch, struct note *out)
{
    bool can_be_said =
        note->type != NOTE_NOTHING && (contract == NOTE_CLASSIC || note->type <= NOTE_ACK);
    unsigned way = contract == NOTE_CLASSIC && is_answer(note->type) ? RESPONSE : contract;
    belfry_err err = note_encode(contract, note, wire);
    BELFRY_ASSERT(err == (can_be_said ? BELFRY_OK : BELFRY_ERR_INVALID));
    if (can_be_said)
        BELFRY_ASSERT(decode(way, buf_bytes(wire), scratch, out) == BELFRY_OK);
    return can_be_said;
}

static void check_contract(enum note_contract contract, unsigned way, const struct note *note)
{
    struct note_scratch first = { 0 }, second = { 0 };
    struct buf wire = { 0 }, again = { 0 };
    struct note got, stable;
    if (travel(contract, note, &wire, &first, &got)) {
        BELFRY_ASSERT(notes_agree(note, &got));
        BELFRY_ASSERT(way % RESPONSE != contract || bytes_equal(note->request_id, got.request_id));
        BELFRY_ASSERT(travel(contract, &got, &again, &second, &stable));
        BELFRY_ASSERT(notes_equal(&got, &stable));
        BELFRY_ASSERT(bytes_equal(buf_bytes(&wire), buf_bytes(&again)) || note->args.size > 0 ||
                      note->list.size > 0);
    }
    note_scratch_deinit(&first);
    note_scratch_deinit(&second);
    buf_deinit(&wire);
    buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct note_scratch scratch = { 0 };
    struct note note;
    unsigned way = size > 0 ? data[0] & 3 : 0;
    belfry_bytes payload = bytes_of(data + (size > 0), size - (size > 0));
    if (decode(way, payload, &scratch, &note) == BELFRY_OK) {
        for (unsigned contract = NOTE_CLASSIC; contract <= NOTE_STREAMS; contract++)
            check_contract((enum note_contract)contract, way, &note);
    }
    note_scratch_deinit(&scratch);
    return 0;
}
