/*
 * Entries of a stream, and sessions that may come back.
 */
#include "show.h"

#include "base/base64.h"
#include "support/memory.h"

#define ALL "\"opts\":{\"rooms\":[],\"except\":[],\"flags\":{}}"

/* --- entries ----------------------------------------------------------------------------- */

static const struct entry_case {
    const char *type, *data, *want;
} captured[] = {
    { "3", "{\"packet\":{\"type\":2,\"data\":[\"hello\",1]}," ALL "}",
      "BROADCAST 7ee07b99e74f3fb0 / \"hello\" (1)" },
    { "3", "gqZwYWNrZXSCpHR5cGUCpGRhdGGSo2JpbsQCAQKkb3B0c4Olcm9vbXORpXJvb20xpmV4Y2VwdJClZmxhZ3OA",
      "BROADCAST 7ee07b99e74f3fb0 / to=room1 \"bin\" (" HOLE(0) ") <01 02>" },
    { "4", "{" ALL ",\"rooms\":[\"all\"]}", "JOIN 7ee07b99e74f3fb0 / rooms=all" },
    { "6", "{\"opts\":{\"rooms\":[\"nobody\"],\"except\":[],\"flags\":{}},\"close\":false}",
      "DISCONNECT 7ee07b99e74f3fb0 / to=nobody" },

    /* not captured */
    { "5", "{" ALL ",\"rooms\":[\"a\"]}", "LEAVE 7ee07b99e74f3fb0 / rooms=a" },
    { "9", "{\"packet\":[\"sse\",1]}", "SERVER_EMIT 7ee07b99e74f3fb0 / \"sse\" (1)" },
    { "12", "{\"requestId\":\"r\",\"packet\":3}", "ACK 7ee07b99e74f3fb0 / id=r 3" },
};

static const struct entry_case others[] = {
    /* the emitter's packets have a namespace */
    { "3", "{\"packet\":{\"type\":2,\"data\":[\"a\"],\"nsp\":\"/b\"}," ALL "}",
      "BROADCAST 7ee07b99e74f3fb0 / \"a\" ()" },
    { "1", "", "NOTHING 7ee07b99e74f3fb0 /" },
    { "13", "rubbish", "NOTHING 7ee07b99e74f3fb0 /" },
    { "99999", "", "NOTHING 7ee07b99e74f3fb0 /" },
    { "", "{}", "invalid" },
    { "x", "{}", "invalid" },
    { "03", "{}", "invalid" },
    { "-3", "{}", "invalid" },
    { "3", "", "invalid" },
    { "3", "{}", "invalid" },
    { "3", "!!!!", "invalid" },
    { "3", "{\"packet\":{\"type\":2,\"data\":[\"a\"]}," ALL "} x", "invalid" },
    { "3", "gqZwYWNrZXSCpHR5cGUCpGRhdGGSo2JpbsQCAQKkb3B0c4Olcm9vbXORpXJvb20xpmV4Y2VwdJClZmxhZw==",
      "invalid" },
    /* {} as base64 */
    { "4", "e30=", "invalid" },
};

static struct note_entry entry_of(const struct entry_case *c)
{
    return (struct note_entry){ .uid = BELFRY_BYTES("7ee07b99e74f3fb0"),
                                .nsp = BELFRY_BYTES("/"),
                                .type = bytes_of_text(c->type),
                                .data = bytes_of_text(c->data) };
}

static void check_entry(const struct entry_case *c, struct note_scratch *scratch, struct note *out)
{
    const struct note_entry entry = entry_of(c);
    struct buf shown = { 0 };
    show_result(&shown, note_decode_entry(&entry, &limits, scratch, out), out);
    assert_shown(c->data, &shown, c->want);
    buf_deinit(&shown);
}

static void test_captured_entries_are_read_and_written(void **state)
{
    (void)state;
    for (const struct entry_case *c = captured; c != BELFRY_END(captured); c++) {
        struct note_scratch scratch = { 0 };
        struct note note;
        struct buf data = { 0 };
        check_entry(c, &scratch, &note);
        assert_int_equal(note_encode_entry(&note, &data), BELFRY_OK);
        buf_put(&data, "", 1);
        assert_string_equal((char *)data.data, c->data);
        buf_deinit(&data);
        note_scratch_deinit(&scratch);
    }
}

static void test_deviations(void **state)
{
    (void)state;
    struct note_scratch scratch = { 0 };
    struct note note = { 0 };
    for (const struct entry_case *c = others; c != BELFRY_END(others); c++)
        check_entry(c, &scratch, &note);
    note_scratch_deinit(&scratch);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    struct note_scratch scratch = { 0 };
    struct note note;
    for (const struct entry_case *c = captured; c != BELFRY_END(captured); c++) {
        struct note_entry entry = entry_of(c);
        for (entry.data.size = 0; entry.data.size < strlen(c->data); entry.data.size++)
            assert_int_equal(note_decode_entry(&entry, &limits, &scratch, &note),
                             BELFRY_ERR_INVALID);
    }
    note_scratch_deinit(&scratch);
}

static void test_the_envelope_is_the_entry(void **state)
{
    (void)state;
    struct note_scratch scratch = { 0 };
    struct note note;
    struct note_entry entry = { .type = BELFRY_BYTES("4"), .data = BELFRY_BYTES("{\"opts\":{}}") };
    assert_int_equal(note_decode_entry(&entry, &limits, &scratch, &note), BELFRY_OK);
    assert_int_equal(note.type, NOTE_NOTHING);
    entry.nsp = BELFRY_BYTES("/a");
    entry.uid = BELFRY_BYTES("emitter");
    assert_int_equal(note_decode_entry(&entry, &limits, &scratch, &note), BELFRY_OK);
    assert_int_equal(note.type, NOTE_JOIN);
    assert_true(bytes_equal_text(note.nsp, "/a") && note.uid.size == 0);
    entry.nsp = BELFRY_BYTES("/\xff");
    assert_int_equal(note_decode_entry(&entry, &limits, &scratch, &note), BELFRY_ERR_INVALID);
    note_scratch_deinit(&scratch);
}

/* --- sessions ---------------------------------------------------------------------------- */

static void test_sessions_are_kept(void **state)
{
    (void)state;
    const belfry_bytes rooms[] = { BELFRY_BYTES("s"), BELFRY_BYTES("room1") };
    const struct note_session session = { .sid = BELFRY_BYTES("s"),
                                          .pid = BELFRY_BYTES("p"),
                                          .rooms = { rooms, 2 } };
    struct note_scratch scratch = { 0 };
    struct note_session back;
    struct buf text = { 0 }, packed = { 0 };
    assert_int_equal(note_encode_session(&session, &text), BELFRY_OK);
    assert_int_equal(base64_decode(buf_bytes(&text), &packed), BELFRY_OK);
    belfry_bytes want =
        payload_of("~{\"sid\":\"s\",\"pid\":\"p\",\"rooms\":[\"s\",\"room1\"],\"data\":{}}");
    assert_true(bytes_equal(buf_bytes(&packed), want));
    assert_int_equal(note_decode_session(buf_bytes(&text), &limits, &scratch, &back), BELFRY_OK);
    assert_true(bytes_equal_text(back.sid, "s") && bytes_equal_text(back.pid, "p"));
    assert_true(back.rooms.count == 2 && bytes_equal_text(back.rooms.names[1], "room1"));
    assert_true(bytes_equal_text(back.data, "{}"));
    for (size_t size = 0; size < text.size / 4 * 4; size += 4)
        assert_int_equal(note_decode_session(bytes_of(text.data, size), &limits, &scratch, &back),
                         BELFRY_ERR_INVALID);
    free_payload(want);
    buf_deinit(&text);
    buf_deinit(&packed);
    note_scratch_deinit(&scratch);
}

static const struct session_case {
    const char *packed, *want;
} session_cases[] = {
    { "~{\"sid\":\"s\",\"pid\":\"p\",\"rooms\":[1,\"a\"],\"data\":{\"u\":[1]},\"x\":[{}]}",
      "s p 1,a, {\"u\":[1]}" },
    { "~{\"data\":null,\"rooms\":null,\"pid\":\"p\",\"sid\":\"s\"}", "s p  null" },
    { "~{\"pid\":\"p\",\"sid\":\"s\"}", "s p  " },
    { "~{\"pid\":\"p\"}", "invalid" },
    { "~{\"sid\":\"s\"}", "invalid" },
    { "~{\"sid\":\"s\",\"pid\":null}", "invalid" },
    { "~{\"sid\":\"s\",\"pid\":\"\"}", "invalid" },
    { "~{\"sid\":\"s\",\"pid\":\"p\",\"rooms\":\"a\"}", "invalid" },
    { "~{\"sid\":\"s\",\"pid\":\"p\",\"data\":[[[[[[[]]]]]]]}", "limit" },
    { "~[]", "invalid" },
    { "{\"sid\":\"s\",\"pid\":\"p\"}", "invalid" },
    /* binary data has no place beside a session */
    { "83 a3 736964 a1 73 a3 706964 a1 70 a4 64617461 c4 01 05", "invalid" },
};

static void show_session(struct buf *b, const struct note_session *s)
{
    buf_put_bytes(b, s->sid);
    show_text(b, s->pid);
    buf_put_char(b, ' ');
    for (unsigned i = 0; i < s->rooms.count; i++) {
        buf_put_bytes(b, s->rooms.names[i]);
        buf_put_char(b, ',');
    }
    buf_put_char(b, ' ');
    buf_put_bytes(b, s->data);
}

static void test_sessions_of_others(void **state)
{
    (void)state;
    for (const struct session_case *c = session_cases; c != BELFRY_END(session_cases); c++) {
        struct note_scratch scratch = { 0 };
        struct note_session session;
        struct buf text = { 0 }, shown = { 0 };
        belfry_bytes packed = payload_of(c->packed);
        base64_put(&text, packed);
        belfry_err err = note_decode_session(buf_bytes(&text), &limits, &scratch, &session);
        if (err == BELFRY_OK)
            show_session(&shown, &session);
        else
            show_result(&shown, err, NULL);
        assert_shown(c->packed, &shown, c->want);
        free_payload(packed);
        buf_deinit(&text);
        buf_deinit(&shown);
        note_scratch_deinit(&scratch);
    }
}

/* --- memory ------------------------------------------------------------------------------ */

/* One note through everything; true: nothing failed. */
static bool travel(const struct note *note, struct note_scratch *scratch, struct buf *out)
{
    struct note got;
    for (int contract = NOTE_CLASSIC; contract <= NOTE_STREAMS; contract++) {
        buf_clear(out);
        if (note_encode((enum note_contract)contract, note, out) != BELFRY_OK ||
            note_decode((enum note_contract)contract, buf_bytes(out), &limits, scratch, &got) !=
                BELFRY_OK)
            return false;
        assert_true(bytes_equal(got.name, note->name) && got.rooms.count == note->rooms.count);
    }
    return true;
}

static bool travel_kept(const struct note *note, struct note_scratch *scratch, struct buf *out)
{
    struct note_entry entry = { .nsp = BELFRY_BYTES("/"), .type = BELFRY_BYTES("3") };
    const struct note_session session = { .sid = note->name, .pid = note->name };
    struct note got;
    struct note_session back;
    buf_clear(out);
    if (note_encode_entry(note, out) != BELFRY_OK)
        return false;
    entry.data = buf_bytes(out);
    if (note_decode_entry(&entry, &limits, scratch, &got) != BELFRY_OK)
        return false;
    assert_true(bytes_equal(got.name, note->name));
    buf_clear(out);
    return note_encode_session(&session, out) == BELFRY_OK &&
           note_decode_session(buf_bytes(out), &limits, scratch, &back) == BELFRY_OK;
}

#define ARGS "\"\\u00e9\"," HOLE(0)

static const belfry_bytes blob = { "\x05", 1 };
static const belfry_bytes room = { "r\n", 2 };
static const struct note binary = { .type = NOTE_BROADCAST,
                                    .nsp = { "/", 1 },
                                    .rooms = { &room, 1 },
                                    .name = { "\"name\"", 6 },
                                    .args = { ARGS, sizeof ARGS - 1 },
                                    .attachments = &blob,
                                    .attachment_count = 1 };

static void test_without_memory_nothing_is_left(void **state)
{
    (void)state;
    struct note plain = binary;
    plain.attachment_count = 0;
    memory_watch();
    for (long n = 1;; n++) {
        struct note_scratch scratch = { 0 };
        struct buf out = { 0 };
        memory_fail_at(n);
        bool is_done = travel(&binary, &scratch, &out) && travel(&plain, &scratch, &out) &&
                       travel_kept(&binary, &scratch, &out) && travel_kept(&plain, &scratch, &out);
        bool has_failed = memory_has_failed();
        assert_true(is_done != has_failed);
        buf_deinit(&out);
        note_scratch_deinit(&scratch);
        assert_int_equal(memory_live(), 0);
        if (!has_failed)
            break;
    }
    memory_unwatch();
}

static void test_warm_scratch_needs_no_memory(void **state)
{
    (void)state;
    struct note_scratch scratch = { 0 };
    struct buf out = { 0 };
    struct note plain = binary;
    plain.args = BELFRY_BYTES("1,{\"a\":\"b\"}");
    plain.attachment_count = 0;
    memory_watch();
    assert_true(travel(&plain, &scratch, &out));
    memory_fail_at(1);
    assert_true(travel(&plain, &scratch, &out));
    assert_false(memory_has_failed());
    memory_unwatch();
    buf_deinit(&out);
    note_scratch_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_entries_are_read_and_written),
        cmocka_unit_test(test_deviations),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_the_envelope_is_the_entry),
        cmocka_unit_test(test_sessions_are_kept),
        cmocka_unit_test(test_sessions_of_others),
        cmocka_unit_test(test_without_memory_nothing_is_left),
        cmocka_unit_test(test_warm_scratch_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
