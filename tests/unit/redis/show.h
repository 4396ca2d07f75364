/*
 * show.h - payloads from literals, and notes as one line, so that tables can hold both.
 *
 *     BROADCAST HDE2WH / id=4CK1sS to=a,b but=c timeout=500 "q" ("y")
 *     JOIN HDE2WH - to=all rooms=x1,x2
 */
#ifndef REDIS_SHOW_H
#define REDIS_SHOW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/msgpack.h"
#include "redis/note.h"

#define HOLE(n) "{\"_placeholder\":true,\"num\":" #n "}"

/* How a payload is read; the first three are contracts. */
enum way { CLASSIC = NOTE_CLASSIC, SHARDED = NOTE_SHARDED, STREAMS = NOTE_STREAMS, RESPONSE };

static const struct note_limits limits = { .max_depth = 6, .max_attachments = 2 };

static inline enum note_contract contract_of(enum way way)
{
    return way == RESPONSE ? NOTE_CLASSIC : (enum note_contract)way;
}

static inline belfry_err decode(enum way way, belfry_bytes payload, struct note_scratch *scratch,
                                struct note *out)
{
    return way == RESPONSE ? note_decode_classic_response(payload, &limits, scratch, out)
                           : note_decode(contract_of(way), payload, &limits, scratch, out);
}

/* --- payloads ---------------------------------------------------------------------------- */

static inline void put_hex_digits(struct buf *b, const char *hex)
{
    for (const char *at = hex; *at != 0; at += *at == ' ' ? 1 : 2) {
        unsigned byte;
        if (*at != ' ' && sscanf(at, "%2x", &byte) == 1)
            buf_put_char(b, (char)byte);
    }
}

/* `{...` is JSON as it stands, `~...` JSON to be packed, anything else hexadecimal. In memory of
 * exactly its size, so that reading on is caught; the caller frees .data. */
static inline belfry_bytes payload_of(const char *literal)
{
    const struct msgpack_limits generous = { .max_depth = JSON_MAX_DEPTH };
    struct buf b = { 0 };
    if (*literal == '{')
        buf_put_text(&b, literal);
    else if (*literal != '~')
        put_hex_digits(&b, literal);
    else if (msgpack_from_json(bytes_of_text(literal + 1), NULL, 0, &generous, &b) != BELFRY_OK)
        fail_msg("not JSON: %s", literal);
    uint8_t *exact = malloc(b.size);
    if (b.size > 0)
        memcpy(exact, b.data, b.size);
    belfry_bytes payload = bytes_of(exact, b.size);
    buf_deinit(&b);
    return payload;
}

static inline void free_payload(belfry_bytes payload)
{
    free((void *)(uintptr_t)payload.data);
}

/* --- notes ------------------------------------------------------------------------------- */

static inline const char *type_name(enum note_type type)
{
    switch (type) {
    case NOTE_NOTHING:
        return "NOTHING";
    case NOTE_BROADCAST:
        return "BROADCAST";
    case NOTE_JOIN:
        return "JOIN";
    case NOTE_LEAVE:
        return "LEAVE";
    case NOTE_DISCONNECT:
        return "DISCONNECT";
    case NOTE_FETCH:
        return "FETCH";
    case NOTE_FETCHED:
        return "FETCHED";
    case NOTE_SERVER_EMIT:
        return "SERVER_EMIT";
    case NOTE_SERVER_ANSWER:
        return "SERVER_ANSWER";
    case NOTE_CLIENT_COUNT:
        return "CLIENT_COUNT";
    case NOTE_ACK:
        return "ACK";
    case NOTE_SOCKETS:
        return "SOCKETS";
    case NOTE_SOCKETS_ANSWER:
        return "SOCKETS_ANSWER";
    case NOTE_ALL_ROOMS:
        return "ALL_ROOMS";
    case NOTE_ALL_ROOMS_ANSWER:
        return "ALL_ROOMS_ANSWER";
    case NOTE_DONE:
        return "DONE";
    }
    return "?";
}

static inline void show_text(struct buf *b, belfry_bytes text)
{
    buf_put_char(b, ' ');
    if (text.size > 0)
        buf_put_bytes(b, text);
    else
        buf_put_char(b, '-');
}

static inline void show_names(struct buf *b, const char *label, struct note_names names)
{
    for (unsigned i = 0; i < names.count; i++) {
        buf_put_text(b, i == 0 ? label : ",");
        buf_put_bytes(b, names.names[i]);
    }
}

static inline void show_content(struct buf *b, const struct note *note)
{
    if (note->type == NOTE_BROADCAST || note->type == NOTE_SERVER_EMIT) {
        buf_put_text(b, " \"");
        buf_put_bytes(b, note->name);
        buf_put_text(b, "\" (");
        buf_put_bytes(b, note->args);
        buf_put_char(b, ')');
    } else if (note->args.size > 0) {
        show_text(b, note->args);
    }
    if (note->list.size > 0)
        show_text(b, note->list);
    for (unsigned i = 0; i < note->attachment_count; i++) {
        buf_put_text(b, " <");
        for (size_t k = 0; k < note->attachments[i].size; k++)
            buf_printf(b, "%s%02x", k > 0 ? " " : "",
                       ((const uint8_t *)note->attachments[i].data)[k]);
        buf_put_char(b, '>');
    }
}

static inline void show_note(struct buf *b, const struct note *note)
{
    buf_put_text(b, type_name(note->type));
    show_text(b, note->uid);
    show_text(b, note->nsp);
    if (note->request_id.size > 0) {
        buf_put_text(b, " id=");
        buf_put_bytes(b, note->request_id);
    }
    show_names(b, " to=", note->rooms);
    show_names(b, " but=", note->except);
    show_names(b, " rooms=", note->targets);
    buf_put_text(b, note->is_volatile ? " volatile" : "");
    buf_put_text(b, note->is_uncompressed ? " uncompressed" : "");
    buf_put_text(b, note->is_unlogged ? " unlogged" : "");
    buf_put_text(b, note->is_whole ? " whole" : "");
    if (note->has_timeout)
        buf_printf(b, " timeout=%u", (unsigned)note->timeout_ms);
    if (note->type == NOTE_CLIENT_COUNT)
        buf_printf(b, " count=%u", (unsigned)note->client_count);
    show_content(b, note);
}

static inline void show_result(struct buf *b, belfry_err err, const struct note *note)
{
    if (err == BELFRY_OK)
        show_note(b, note);
    else
        buf_put_text(b, err == BELFRY_ERR_INVALID ? "invalid"
                        : err == BELFRY_ERR_LIMIT ? "limit"
                                                  : "no memory");
}

static inline void assert_shown(const char *what, const struct buf *shown, const char *want)
{
    if (!bytes_equal_text(buf_bytes(shown), want))
        fail_msg("%s\n is:   %.*s\n want: %s", what, (int)shown->size, (char *)shown->data, want);
}

/* One case of a table: @payload read @way is @want. */
struct read_case {
    enum way way;
    const char *payload;
    const char *want;
};

static inline void check_read(const struct read_case *c)
{
    belfry_bytes payload = payload_of(c->payload);
    struct note_scratch scratch = { 0 };
    struct note note = { 0 };
    struct buf shown = { 0 };
    show_result(&shown, decode(c->way, payload, &scratch, &note), &note);
    assert_shown(c->payload, &shown, c->want);
    note_scratch_deinit(&scratch);
    buf_deinit(&shown);
    free_payload(payload);
}

/* And written again it is the payload. */
static inline void check_both_ways(const struct read_case *c)
{
    belfry_bytes payload = payload_of(c->payload);
    struct note_scratch scratch = { 0 };
    struct note note;
    struct buf written = { 0 };
    check_read(c);
    assert_int_equal(decode(c->way, payload, &scratch, &note), BELFRY_OK);
    assert_int_equal(note_encode(contract_of(c->way), &note, &written), BELFRY_OK);
    if (!bytes_equal(buf_bytes(&written), payload))
        fail_msg("%s\n is written as %.*s", c->payload, (int)written.size, (char *)written.data);
    note_scratch_deinit(&scratch);
    buf_deinit(&written);
    free_payload(payload);
}

/* Every beginning of it but the whole is refused, whatever it is. */
static inline void check_cuts(const struct read_case *c)
{
    belfry_bytes payload = payload_of(c->payload);
    struct note_scratch scratch = { 0 };
    struct note note;
    for (size_t size = 0; size < payload.size; size++) {
        uint8_t *cut = malloc(size);
        if (size > 0)
            memcpy(cut, payload.data, size);
        if (decode(c->way, bytes_of(cut, size), &scratch, &note) != BELFRY_ERR_INVALID)
            fail_msg("%s\n cut to %zu bytes is accepted", c->payload, size);
        free(cut);
    }
    note_scratch_deinit(&scratch);
    free_payload(payload);
}

#endif
