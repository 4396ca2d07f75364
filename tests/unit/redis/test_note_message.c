/*
 * ClusterMessages, as the sharded and the streams adapter write them.
 */
#include "show.h"

#define UID "\"uid\":\"0ab3dfb2bf56ba93\",\"nsp\":\"/\"}"
#define ALL "\"opts\":{\"rooms\":[],\"except\":[],\"flags\":{}}"

/* --- read, and written again byte for byte ----------------------------------------------- */

static const struct read_case captured[] = {
    { SHARDED,
      "{\"type\":3,\"data\":{\"packet\":{\"type\":2,\"data\":[\"hello\",1,\"2\",{\"3\":true},null]}"
      "," ALL "}," UID,
      "BROADCAST 0ab3dfb2bf56ba93 / \"hello\" (1,\"2\",{\"3\":true},null)" },
    { SHARDED,
      "{\"type\":3,\"data\":{\"packet\":{\"type\":2,\"data\":[\"r\",1]},"
      "\"opts\":{\"rooms\":[\"room1\"],\"except\":[],\"flags\":{}}}," UID,
      "BROADCAST 0ab3dfb2bf56ba93 / to=room1 \"r\" (1)" },
    { SHARDED, "{\"type\":4,\"data\":{" ALL ",\"rooms\":[\"all\"]}," UID,
      "JOIN 0ab3dfb2bf56ba93 / rooms=all" },
    { SHARDED, "{\"type\":7,\"data\":{" ALL ",\"requestId\":\"91c96dbaec2aa0ef\"}," UID,
      "FETCH 0ab3dfb2bf56ba93 / id=91c96dbaec2aa0ef" },
    { SHARDED,
      "{\"type\":8,\"data\":{\"requestId\":\"91c96dbaec2aa0ef\",\"sockets\":[{\"id\":\"x\"}]}," UID,
      "FETCHED 0ab3dfb2bf56ba93 / id=91c96dbaec2aa0ef [{\"id\":\"x\"}]" },
    { SHARDED,
      "{\"type\":9,\"data\":{\"requestId\":\"22a9a6fb1d88d7e3\",\"packet\":[\"ping2\",\"x\"]}," UID,
      "SERVER_EMIT 0ab3dfb2bf56ba93 / id=22a9a6fb1d88d7e3 \"ping2\" (\"x\")" },
    { SHARDED,
      "{\"type\":10,\"data\":{\"requestId\":\"22a9a6fb1d88d7e3\",\"packet\":\"pong-x\"}," UID,
      "SERVER_ANSWER 0ab3dfb2bf56ba93 / id=22a9a6fb1d88d7e3 \"pong-x\"" },
    { SHARDED,
      "{\"type\":3,\"data\":{\"packet\":{\"type\":2,\"data\":[\"q\",\"y\"]},"
      "\"requestId\":\"053abd7a836db3be\","
      "\"opts\":{\"rooms\":[],\"except\":[],\"flags\":{\"timeout\":500}}}," UID,
      "BROADCAST 0ab3dfb2bf56ba93 / id=053abd7a836db3be timeout=500 \"q\" (\"y\")" },
    { SHARDED, "{\"type\":11,\"data\":{\"requestId\":\"053abd7a836db3be\",\"clientCount\":1}," UID,
      "CLIENT_COUNT 0ab3dfb2bf56ba93 / id=053abd7a836db3be count=1" },
    { SHARDED,
      "{\"type\":12,\"data\":{\"requestId\":\"053abd7a836db3be\",\"packet\":\"ack-b\"}," UID,
      "ACK 0ab3dfb2bf56ba93 / id=053abd7a836db3be \"ack-b\"" },
    { STREAMS, "~{\"type\":7,\"data\":{" ALL ",\"requestId\":\"a3183c458adb4c8a\"}," UID,
      "FETCH 0ab3dfb2bf56ba93 / id=a3183c458adb4c8a" },
    { STREAMS, "~{\"type\":8,\"data\":{\"requestId\":\"r\",\"sockets\":[]}," UID,
      "FETCHED 0ab3dfb2bf56ba93 / id=r []" },

    /* not captured: the other types and flags */
    { SHARDED, "{\"type\":5,\"data\":{" ALL ",\"rooms\":[\"a\",\"b\"]}," UID,
      "LEAVE 0ab3dfb2bf56ba93 / rooms=a,b" },
    { SHARDED,
      "{\"type\":6,\"data\":{\"opts\":{\"rooms\":[\"n\"],\"except\":[\"m\"],\"flags\":{}},"
      "\"close\":false}," UID,
      "DISCONNECT 0ab3dfb2bf56ba93 / to=n but=m" },
    { SHARDED, "{\"type\":9,\"data\":{\"packet\":[\"sse\"]},\"uid\":\"emitter\",\"nsp\":\"/a\"}",
      "SERVER_EMIT - /a \"sse\" ()" },
    { SHARDED,
      "{\"type\":3,\"data\":{\"packet\":{\"type\":2,\"data\":[\"a\\\"b\"]},\"opts\":{\"rooms\":[],"
      "\"except\":[],\"flags\":{\"volatile\":true,\"compress\":false,\"timeout\":0}}}," UID,
      "BROADCAST 0ab3dfb2bf56ba93 / volatile uncompressed timeout=0 \"a\"b\" ()" },
    { SHARDED,
      "{\"type\":3,\"data\":{\"packet\":{\"type\":2,\"data\":[\"a\"]},\"opts\":{\"rooms\":[],"
      "\"except\":[],\"flags\":{\"history\":false}}}," UID,
      "BROADCAST 0ab3dfb2bf56ba93 / unlogged \"a\" ()" },
    { STREAMS, "~{\"type\":9,\"data\":{\"requestId\":\"r\",\"packet\":[\"s\",{\"a\":1}]}," UID,
      "SERVER_EMIT 0ab3dfb2bf56ba93 / id=r \"s\" ({\"a\":1})" },
    { STREAMS, "~{\"type\":12,\"data\":{\"requestId\":\"r\",\"packet\":null}," UID,
      "ACK 0ab3dfb2bf56ba93 / id=r null" },
    { STREAMS, "~{\"type\":11,\"data\":{\"requestId\":\"r\",\"clientCount\":300}," UID,
      "CLIENT_COUNT 0ab3dfb2bf56ba93 / id=r count=300" },

    /* binary: MessagePack in both */
    { SHARDED,
      "84 a4 74797065 03 a4 64617461 82 a6 7061636b6574 82 a4 74797065 02 a4 64617461"
      "92 a1 78 c4 01 05 a4 6f707473 83 a5 726f6f6d73 90 a6 657863657074 90 a5 666c616773 80"
      "a3 756964 a1 75 a3 6e7370 a1 2f",
      "BROADCAST u / \"x\" (" HOLE(0) ") <05>" },
    { STREAMS,
      "84 a4 74797065 08 a4 64617461 82 a9 726571756573744964 a1 72 a7 736f636b657473"
      "91 81 a4 64617461 c4 01 05 a3 756964 a1 75 a3 6e7370 a1 2f",
      "FETCHED u / id=r [{\"data\":" HOLE(0) "}] <05>" },
    { SHARDED,
      "84 a4 74797065 0c a4 64617461 82 a9 726571756573744964 a1 72 a6 7061636b6574 c4 01 05"
      "a3 756964 a1 75 a3 6e7370 a1 2f",
      "ACK u / id=r " HOLE(0) " <05>" },
};

static void test_captured_messages_are_read_and_written(void **state)
{
    (void)state;
    for (const struct read_case *c = captured; c != BELFRY_END(captured); c++)
        check_both_ways(c);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    for (const struct read_case *c = captured; c != BELFRY_END(captured); c++)
        check_cuts(c);
}

/* --- deviations -------------------------------------------------------------------------- */

#define EVENT "\"packet\":{\"type\":2,\"data\":[\"e\",1]}"

static const struct read_case others[] = {
    /* the type behind the data, or twice */
    { SHARDED, "{\"data\":{\"opts\":{}," EVENT "},\"nsp\":\"/\",\"uid\":\"u\",\"type\":3}",
      "BROADCAST u / \"e\" (1)" },
    { STREAMS, "~{\"uid\":\"u\",\"data\":{\"rooms\":[\"a\"],\"opts\":{}},\"type\":5,\"nsp\":\"/\"}",
      "LEAVE u / rooms=a" },
    { SHARDED,
      "{\"type\":3,\"data\":{\"opts\":{\"rooms\":[\"a\"]}," EVENT ",\"rooms\":[\"b\"]},\"type\":4}",
      "JOIN - - to=a rooms=b" },
    { SHARDED, "{\"type\":4,\"data\":{\"opts\":{},\"rooms\":[\"b\"]},\"data\":{\"opts\":{}}}",
      "JOIN - -" },

    /* members of other types, nil instead of missing, numbers */
    { SHARDED, "{\"type\":4,\"data\":{\"opts\":{},\"requestId\":\"r\",\"close\":true," EVENT "}}",
      "JOIN - -" },
    { STREAMS, "~{\"type\":3,\"data\":{\"opts\":{}," EVENT ",\"requestId\":null},\"uid\":null}",
      "BROADCAST - - \"e\" (1)" },
    { STREAMS,
      "~{\"type\":3,\"data\":{\"opts\":{},\"packet\":{\"data\":[\"e\"],\"nsp\":\"/b\"}},"
      "\"nsp\":\"/a\"}",
      "BROADCAST - /a \"e\" ()" },
    { STREAMS, "~{\"type\":4,\"data\":{\"opts\":{\"rooms\":[1]},\"rooms\":[2]}}",
      "JOIN - - to=1 rooms=2" },
    { STREAMS, "~{\"type\":12,\"data\":{\"requestId\":\"r\"}}", "ACK - - id=r null" },
    { STREAMS, "~{\"type\":7,\"data\":{\"opts\":{\"flags\":{\"timeout\":7}}}}",
      "FETCH - - timeout=7" },

    /* heartbeats, and what is not known */
    { SHARDED, "{\"type\":1,\"uid\":\"u\",\"nsp\":\"/\"}", "NOTHING u /" },
    { STREAMS, "~{\"type\":2,\"uid\":\"u\",\"nsp\":\"/\"}", "NOTHING u /" },
    { STREAMS, "~{\"type\":13,\"uid\":\"u\",\"nsp\":\"/\",\"data\":[3]}", "NOTHING u /" },
    { STREAMS, "~{\"type\":32,\"data\":{\"rooms\":[3],\"requestId\":\"r\"}}", "NOTHING - -" },
    { SHARDED, "{\"type\":3.5}", "NOTHING - -" },

    { SHARDED, "{}", "invalid" },
    { SHARDED, "{\"type\":\"3\"}", "invalid" },
    { SHARDED, "{\"type\":null}", "invalid" },
    { STREAMS, "~[1]", "invalid" },
    { SHARDED, "{\"type\":3}", "invalid" },
    { SHARDED, "{\"type\":3,\"data\":null}", "invalid" },
    { SHARDED, "{\"type\":3,\"data\":[]}", "invalid" },
    { SHARDED, "{\"type\":3,\"data\":{" EVENT "}}", "invalid" },
    { SHARDED, "{\"type\":3,\"data\":{\"opts\":{}}}", "invalid" },
    { SHARDED, "{\"type\":4,\"data\":{\"rooms\":[\"a\"]}}", "invalid" },
    { SHARDED, "{\"type\":6,\"data\":{\"close\":true}}", "invalid" },
    { SHARDED, "{\"type\":7,\"data\":{\"requestId\":\"r\"}}", "invalid" },
    { SHARDED, "{\"type\":8,\"data\":{\"requestId\":\"r\",\"sockets\":[1]}}", "invalid" },
    { SHARDED, "{\"type\":9,\"data\":{\"packet\":{}}}", "invalid" },
    { SHARDED, "{\"type\":11,\"data\":{\"requestId\":\"r\"}}", "invalid" },
    { SHARDED, "{\"type\":3,\"data\":{\"opts\":{}," EVENT "}}}", "invalid" },
    { SHARDED, "{\"data\":{\"opts\":{}," EVENT "},\"type\":3", "invalid" },
};

static void test_deviations(void **state)
{
    (void)state;
    for (const struct read_case *c = others; c != BELFRY_END(others); c++)
        check_read(c);
}

/* --- one note in all contracts ----------------------------------------------------------- */

static const belfry_bytes two_names[] = { { "a", 1 }, { "\"\n", 2 } };

#define TWO          \
    {                \
        two_names, 2 \
    }

static const struct note notes[] = {
    { .type = NOTE_BROADCAST,
      .rooms = TWO,
      .except = TWO,
      .is_volatile = true,
      .name = { "x\"", 2 },
      .args = { "1,[2]", 5 } },
    { .type = NOTE_BROADCAST, .rooms = TWO, .is_unlogged = true, .name = { "x", 1 } },
    { .type = NOTE_BROADCAST,
      .request_id = { "r", 1 },
      .has_timeout = true,
      .timeout_ms = 70000,
      .name = { "x", 1 } },
    { .type = NOTE_JOIN, .rooms = TWO, .targets = TWO },
    { .type = NOTE_LEAVE, .except = TWO, .targets = TWO },
    { .type = NOTE_DISCONNECT, .rooms = TWO, .is_whole = true },
    { .type = NOTE_FETCH, .rooms = TWO, .request_id = { "r", 1 } },
    { .type = NOTE_FETCHED, .request_id = { "r", 1 }, .list = { "[{\"id\":1}]", 10 } },
    { .type = NOTE_SERVER_EMIT, .name = { "", 0 }, .args = { "null", 4 } },
    { .type = NOTE_SERVER_EMIT, .name = { "x", 1 }, .request_id = { "r", 1 } },
    { .type = NOTE_SERVER_ANSWER, .request_id = { "r", 1 }, .args = { "[1]", 3 } },
    { .type = NOTE_CLIENT_COUNT, .request_id = { "r", 1 }, .client_count = UINT32_MAX },
    { .type = NOTE_ACK, .request_id = { "r", 1 }, .args = { "{}", 2 } },
    { .type = NOTE_SOCKETS, .request_id = { "r", 1 }, .rooms = TWO },
    { .type = NOTE_SOCKETS_ANSWER, .request_id = { "r", 1 }, .list = { "[\"s\"]", 5 } },
    { .type = NOTE_ALL_ROOMS, .request_id = { "r", 1 } },
    { .type = NOTE_ALL_ROOMS_ANSWER, .request_id = { "r", 1 }, .list = { "[]", 2 } },
    { .type = NOTE_DONE, .request_id = { "r", 1 } },
};

/* What the way says beside the note: uid and namespace where it has them. */
static struct note dressed(const struct note *note, enum way way)
{
    struct note dressed = *note;
    if (way == CLASSIC || way == SHARDED || way == STREAMS)
        dressed.uid = BELFRY_BYTES("u");
    if (way == SHARDED || way == STREAMS || (way == CLASSIC && note->type == NOTE_BROADCAST))
        dressed.nsp = BELFRY_BYTES("/a");
    return dressed;
}

static bool is_answer(enum note_type type)
{
    return type == NOTE_FETCHED || type == NOTE_SERVER_ANSWER || type == NOTE_CLIENT_COUNT ||
           type == NOTE_ACK || type == NOTE_SOCKETS_ANSWER || type == NOTE_ALL_ROOMS_ANSWER ||
           type == NOTE_DONE;
}

static void check_round_trip(const struct note *note, enum way way)
{
    struct note sent = dressed(note, way), got;
    struct buf wire = { 0 }, want = { 0 }, shown = { 0 };
    struct note_scratch scratch = { 0 };
    bool is_said = contract_of(way) == NOTE_CLASSIC || note->type <= NOTE_ACK;
    belfry_err err = note_encode(contract_of(way), &sent, &wire);
    assert_int_equal(err, is_said ? BELFRY_OK : BELFRY_ERR_INVALID);
    if (is_said) {
        show_note(&want, &sent);
        buf_put(&want, "", 1);
        show_result(&shown, decode(way, buf_bytes(&wire), &scratch, &got), &got);
        assert_shown(type_name(note->type), &shown, (char *)want.data);
    }
    assert_true(is_said || wire.size == 0);
    note_scratch_deinit(&scratch);
    buf_deinit(&wire);
    buf_deinit(&want);
    buf_deinit(&shown);
}

static void test_all_types_in_all_contracts(void **state)
{
    (void)state;
    for (const struct note *note = notes; note != BELFRY_END(notes); note++) {
        check_round_trip(note, is_answer(note->type) ? RESPONSE : CLASSIC);
        check_round_trip(note, SHARDED);
        check_round_trip(note, STREAMS);
    }
}

/* --- writing that fails ------------------------------------------------------------------ */

static belfry_err encode_behind(enum note_contract contract, const struct note *note)
{
    struct buf out = { 0 };
    buf_put_text(&out, "kept");
    belfry_err err = note_encode(contract, note, &out);
    assert_true(err == BELFRY_OK || bytes_equal_text(buf_bytes(&out), "kept"));
    assert_false(buf_failed(&out));
    buf_deinit(&out);
    return err;
}

static void test_what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    const belfry_bytes blob = BELFRY_BYTES("\x05");
    struct note note = { .type = NOTE_BROADCAST,
                         .name = BELFRY_BYTES("x"),
                         .args = BELFRY_BYTES(HOLE(1)),
                         .attachments = &blob,
                         .attachment_count = 1 };
    assert_int_equal(encode_behind(NOTE_CLASSIC, &note), BELFRY_ERR_INVALID);
    assert_int_equal(encode_behind(NOTE_SHARDED, &note), BELFRY_ERR_INVALID);
    note.args = BELFRY_BYTES(HOLE(0));
    assert_int_equal(encode_behind(NOTE_SHARDED, &note), BELFRY_OK);
    note.args = BELFRY_BYTES("1]");
    assert_int_equal(encode_behind(NOTE_STREAMS, &note), BELFRY_ERR_INVALID);
    note = (struct note){ .type = NOTE_NOTHING };
    assert_int_equal(encode_behind(NOTE_CLASSIC, &note), BELFRY_ERR_INVALID);
    assert_int_equal(encode_behind(NOTE_SHARDED, &note), BELFRY_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_messages_are_read_and_written),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_deviations),
        cmocka_unit_test(test_all_types_in_all_contracts),
        cmocka_unit_test(test_what_cannot_be_written_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
