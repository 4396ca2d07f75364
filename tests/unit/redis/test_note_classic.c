/*
 * The classic adapter's messages: as captured, as others write them, and what must not pass.
 */
#include "show.h"

/* --- as captured: read, and written again byte for byte ---------------------------------- */

static const struct read_case captured[] = {
    { CLASSIC,
      "93a648444532574883a47479706502a46461746195a568656c6c6f01a13281a133c3c0a36e7370a12f83a5726f"
      "6f6d7390a665786365707490a5666c61677380",
      "BROADCAST HDE2WH / \"hello\" (1,\"2\",{\"3\":true},null)" },
    { CLASSIC,
      "85a3756964a6484445325748a9726571756573744964a634434b317353a47479706507a67061636b657483a47479"
      "706502a46461746192a171a179a36e7370a12fa46f70747383a5726f6f6d7390a665786365707490a5666c616773"
      "81a774696d656f7574cd01f4",
      "BROADCAST HDE2WH / id=4CK1sS timeout=500 \"q\" (\"y\")" },
    { CLASSIC,
      "~[\"HDE2WH\",{\"type\":2,\"data\":[\"r\",1],\"nsp\":\"/\"},"
      "{\"rooms\":[\"room1\"],\"except\":[],\"flags\":{}}]",
      "BROADCAST HDE2WH / to=room1 \"r\" (1)" },
    { CLASSIC,
      "~[\"HDE2WH\",{\"type\":2,\"data\":[\"r\"],\"nsp\":\"/\"},{\"rooms\":[\"room1\","
      "\"room2\"],\"except\":[\"r3\"],\"flags\":{\"volatile\":true,\"compress\":false}}]",
      "BROADCAST HDE2WH / to=room1,room2 but=r3 volatile uncompressed \"r\" ()" },
    { CLASSIC,
      "~[\"HDE2WH\",{\"type\":2,\"data\":[\"r\"],\"nsp\":\"/\"},"
      "{\"rooms\":[],\"except\":[],\"flags\":{\"history\":false}}]",
      "BROADCAST HDE2WH / unlogged \"r\" ()" },
    { CLASSIC,
      "{\"uid\":\"HDE2WH\",\"type\":2,\"opts\":{\"rooms\":[],\"except\":[]},\"rooms\":[\"all\"]}",
      "JOIN HDE2WH - rooms=all" },
    { CLASSIC,
      "{\"uid\":\"HDE2WH\",\"type\":3,\"opts\":{\"rooms\":[\"all\"],\"except\":[\"zz\"]},"
      "\"rooms\":[\"x1\",\"x2\"]}",
      "LEAVE HDE2WH - to=all but=zz rooms=x1,x2" },
    { CLASSIC,
      "{\"uid\":\"HDE2WH\",\"type\":4,\"opts\":{\"rooms\":[\"all\"],\"except\":[]},\"close\":true}",
      "DISCONNECT HDE2WH - to=all whole" },
    { CLASSIC,
      "{\"uid\":\"HDE2WH\",\"requestId\":\"tZsmG5\",\"type\":5,"
      "\"opts\":{\"rooms\":[],\"except\":[]}}",
      "FETCH HDE2WH - id=tZsmG5" },
    { RESPONSE,
      "{\"requestId\":\"tZsmG5\",\"sockets\":[{\"id\":\"w2obaWjpM-l8L6kAAAAB\",\"handshake\":"
      "{\"headers\":{},\"issued\":1795413088467,\"query\":{\"EIO\":\"4\"},\"auth\":{}},"
      "\"rooms\":[\"w2obaWjpM-l8L6kAAAAB\",\"all\"],\"data\":{\"u\":\"x\"}}]}",
      "FETCHED - - id=tZsmG5 [{\"id\":\"w2obaWjpM-l8L6kAAAAB\",\"handshake\":"
      "{\"headers\":{},\"issued\":1795413088467,\"query\":{\"EIO\":\"4\"},\"auth\":{}},"
      "\"rooms\":[\"w2obaWjpM-l8L6kAAAAB\",\"all\"],\"data\":{\"u\":\"x\"}}]" },
    { CLASSIC, "{\"uid\":\"HDE2WH\",\"requestId\":\"e_mfLd\",\"type\":1}",
      "ALL_ROOMS HDE2WH - id=e_mfLd" },
    { RESPONSE, "{\"requestId\":\"e_mfLd\",\"rooms\":[\"w2obaWjpM-l8L6kAAAAB\",\"all\"]}",
      "ALL_ROOMS_ANSWER - - id=e_mfLd [\"w2obaWjpM-l8L6kAAAAB\",\"all\"]" },
    { CLASSIC, "{\"uid\":\"HDE2WH\",\"type\":6,\"data\":[\"sse\",1,{\"a\":2}]}",
      "SERVER_EMIT HDE2WH - \"sse\" (1,{\"a\":2})" },
    { CLASSIC,
      "{\"uid\":\"HDE2WH\",\"requestId\":\"iuR-vK\",\"type\":6,\"data\":[\"ping2\",\"x\"]}",
      "SERVER_EMIT HDE2WH - id=iuR-vK \"ping2\" (\"x\")" },
    { RESPONSE, "{\"type\":6,\"requestId\":\"iuR-vK\",\"data\":\"pong-x\"}",
      "SERVER_ANSWER - - id=iuR-vK \"pong-x\"" },
    { RESPONSE, "{\"type\":8,\"requestId\":\"4CK1sS\",\"clientCount\":1}",
      "CLIENT_COUNT - - id=4CK1sS count=1" },
    { RESPONSE, "83a47479706509a9726571756573744964a634434b317353a67061636b6574a561636b2d62",
      "ACK - - id=4CK1sS \"ack-b\"" },

    /* the emitter's requests */
    { CLASSIC, "{\"type\":2,\"opts\":{\"rooms\":[],\"except\":[]},\"rooms\":[\"room1\"]}",
      "JOIN - - rooms=room1" },
    { CLASSIC, "{\"type\":3,\"opts\":{\"rooms\":[\"a\"],\"except\":[]},\"rooms\":[\"x\"]}",
      "LEAVE - - to=a rooms=x" },
    { CLASSIC, "{\"type\":4,\"opts\":{\"rooms\":[\"a\"],\"except\":[]},\"close\":true}",
      "DISCONNECT - - to=a whole" },
    { CLASSIC, "{\"uid\":\"emitter\",\"type\":6,\"data\":[\"sse\",\"from-emitter\"]}",
      "SERVER_EMIT - - \"sse\" (\"from-emitter\")" },

    /* not captured: what 7.x asks, and how it is answered */
    { CLASSIC, "{\"uid\":\"u\",\"requestId\":\"r\",\"type\":0,\"rooms\":[\"a\",\"b\"]}",
      "SOCKETS u - id=r to=a,b" },
    { RESPONSE, "{\"requestId\":\"r\",\"sockets\":[\"s1\",\"s2\"]}",
      "SOCKETS_ANSWER - - id=r [\"s1\",\"s2\"]" },
    { RESPONSE, "{\"requestId\":\"r\"}", "DONE - - id=r" },

    /* binary */
    { CLASSIC,
      "93 a1 75 83 a4 74797065 02 a4 64617461 93 a3 62696e c4 02 01 02 c4 01 03 a3 6e7370 a1 2f"
      "83 a5 726f6f6d73 90 a6 657863657074 90 a5 666c616773 80",
      "BROADCAST u / \"bin\" (" HOLE(0) "," HOLE(1) ") <01 02> <03>" },
    { RESPONSE, "83 a4 74797065 06 a9 726571756573744964 a1 72 a4 64617461 c4 01 05",
      "SERVER_ANSWER - - id=r " HOLE(0) " <05>" },
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

/* --- what others write ------------------------------------------------------------------- */

#define OPTS "\"opts\":{\"rooms\":[\"a\"]}"
#define PACKET "{\"type\":2,\"data\":[\"e\",1]}"

static const struct read_case tolerated[] = {
    /* the emitter: its own order of opts */
    { CLASSIC,
      "~[\"emitter\",{\"type\":2,\"data\":[\"em\",1],\"nsp\":\"/\"},"
      "{\"rooms\":[],\"flags\":{},\"except\":[]}]",
      "BROADCAST - / \"em\" (1)" },
    { CLASSIC,
      "~[\"emitter\",{\"type\":2,\"data\":[\"x\"],\"nsp\":\"/nsp\"},"
      "{\"rooms\":[],\"flags\":{},\"except\":[]}]",
      "BROADCAST - /nsp \"x\" ()" },

    /* emitters in other languages */
    { CLASSIC, "~[\"emitter\"," PACKET ",{\"rooms\":null}]", "BROADCAST - / \"e\" (1)" },
    { CLASSIC, "~[null," PACKET ",{}]", "BROADCAST - / \"e\" (1)" },
    { CLASSIC, "~[null," PACKET ",[]]", "BROADCAST - / \"e\" (1)" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"flags\":[],\"rooms\":[]},1,{}]", "BROADCAST u / \"e\" (1)" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"flags\":null}]", "BROADCAST u / \"e\" (1)" },
    { CLASSIC,
      "~[\"u\"," PACKET ",{\"flags\":{\"json\":true,\"broadcast\":true,\"binary\":false,"
      "\"volatile\":false,\"compress\":true,\"timeout\":\"x\",\"expect\":[{}]}}]",
      "BROADCAST u / \"e\" (1)" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"flags\":{\"timeout\":9999999999,\"volatile\":[true]}}]",
      "BROADCAST u / timeout=4294967295 \"e\" (1)" },
    { CLASSIC, "~[\"u\",{\"type\":2,\"data\":[\"r\"]},{\"flags\":{\"history\":[0]}}]",
      "BROADCAST u / \"r\" ()" },
    { CLASSIC, "~[\"u\",{\"type\":5,\"data\":[\"e\"],\"nsp\":null,\"id\":[3]},{}]",
      "BROADCAST u / \"e\" ()" },
    { CLASSIC, "~[\"u\",{\"data\":[\"e\"]},{}]", "BROADCAST u / \"e\" ()" },

    /* numbers where texts are usual */
    { CLASSIC, "~[\"u\",{\"data\":[7,8]},{\"rooms\":[7,-1,1.5,\"7\"],\"except\":[0]}]",
      "BROADCAST u / to=7,-1,1.5,7 but=0 \"7\" (8)" },
    { CLASSIC,
      "{\"uid\":1,\"type\":7,\"requestId\":2,\"packet\":{\"data\":[7,8]},"
      "\"opts\":{\"rooms\":[7, -1]}}",
      "BROADCAST 1 / id=2 to=7,-1 \"7\" (8)" },

    /* names with escapes, and empty ones */
    { CLASSIC, "{\"\\u0074ype\":6,\"d\\u0061ta\":[\"a\\n\\u00e9\\ud83d\\ude00\" , \"\\n\" , 2 ]}",
      "SERVER_EMIT - - \"a\n\xc3\xa9\xf0\x9f\x98\x80\" (\"\\n\" , 2)" },
    { CLASSIC, "{\"type\":6,\"data\":[\"\"]}", "SERVER_EMIT - - \"\" ()" },
    { CLASSIC, "~[\"u\",{\"data\":[\"a\\\"\\\\\\n\",\"\\n\"]},{}]",
      "BROADCAST u / \"a\"\\\n\" (\"\\n\")" },

    /* blanks, anything in any order, the last of a name */
    { CLASSIC, "{ \"close\" : true , " OPTS " , \"type\" : 4 } ", "DISCONNECT - - to=a whole" },
    { CLASSIC, "{\"rooms\":[1],\"type\":9," OPTS ",\"type\":2,\"rooms\":[\"y\"]}",
      "JOIN - - to=a rooms=y" },
    { CLASSIC, "~{\"type\":4," OPTS ",\"x\":{\"a\":[[[[[[[[[]]]]]]]]]}}", "DISCONNECT - - to=a" },
    { CLASSIC, "{\"type\":4," OPTS ",\"opts\":{}}", "DISCONNECT - -" },

    /* requests for one socket, as old nodes write them */
    { CLASSIC, "{\"type\":2,\"requestId\":\"r\",\"sid\":\"s\",\"room\":\"x\"}",
      "JOIN - - id=r to=s rooms=x" },
    { CLASSIC, "{\"type\":3,\"requestId\":\"r\",\"sid\":\"s\",\"room\":\"x\"}",
      "LEAVE - - id=r to=s rooms=x" },
    { CLASSIC, "{\"type\":4,\"requestId\":\"r\",\"sid\":\"s\",\"close\":true}",
      "DISCONNECT - - id=r to=s whole" },
    { CLASSIC, "{\"type\":2,\"sid\":\"s\",\"room\":\"x\"," OPTS ",\"rooms\":[\"y\"]}",
      "JOIN - - to=a rooms=y" },

    /* requests as MessagePack, members missing */
    { CLASSIC, "~{\"type\":5," OPTS "}", "FETCH - - to=a" },
    { CLASSIC, "~{\"type\":2," OPTS "}", "JOIN - - to=a" },
    { CLASSIC, "~{\"type\":0,\"requestId\":\"r\"}", "SOCKETS - - id=r" },
    { CLASSIC, "{\"type\":1,\"uid\":null,\"requestId\":null}", "ALL_ROOMS - -" },
    { CLASSIC, "{\"type\":7," OPTS ",\"packet\":" PACKET "}", "BROADCAST - / to=a \"e\" (1)" },

    /* undefined, as notepack 2.x writes it; dates become texts */
    { CLASSIC,
      "84 a4 74797065 06 a9 726571756573744964 d4 00 00 a3 756964 d4 00 00"
      "a4 64617461 93 a1 78 d6 ff 00 00 00 00 d7 00 00 00 00 00 00 00 00 01",
      "SERVER_EMIT - - \"x\" (\"1970-01-01T00:00:00.000Z\",\"1970-01-01T00:00:00.001Z\")" },

    /* of no interest */
    { CLASSIC, "{\"type\":10,\"uid\":\"u\",\"requestId\":\"r\",\"data\":1}", "NOTHING u -" },
    { CLASSIC, "{\"type\":8,\"uid\":\"u\"}", "NOTHING u -" },
    { CLASSIC, "{\"type\":-1}", "NOTHING - -" },
    { CLASSIC, "{\"type\":1.5}", "NOTHING - -" },
    { CLASSIC, "~{\"type\":99999999999}", "NOTHING - -" },

    /* answers */
    { RESPONSE, "{\"requestId\":\"r\",\"sockets\":[]}", "FETCHED - - id=r []" },
    { RESPONSE, "{\"requestId\":\"r\",\"sockets\":null}", "FETCHED - - id=r []" },
    { RESPONSE, "~{\"requestId\":\"r\",\"sockets\":[{\"id\":\"x\"}],\"rooms\":[]}",
      "FETCHED - - id=r [{\"id\":\"x\"}]" },
    { RESPONSE, "{\"sockets\":[ 7 , \"x\"]}", "SOCKETS_ANSWER - - [ 7 , \"x\"]" },
    { RESPONSE, "{\"type\":1,\"rooms\":[]}", "ALL_ROOMS_ANSWER - - []" },
    { RESPONSE, "{\"type\":6}", "SERVER_ANSWER - - null" },
    { RESPONSE, "{\"type\":9,\"requestId\":\"r\",\"packet\":[1, 2]}", "ACK - - id=r [1, 2]" },
    { RESPONSE, "{\"type\":8,\"clientCount\":0,\"uid\":\"u\"}", "CLIENT_COUNT - - count=0" },
    { RESPONSE, "{}", "DONE - -" },
};

static void test_deviations_are_tolerated(void **state)
{
    (void)state;
    for (const struct read_case *c = tolerated; c != BELFRY_END(tolerated); c++)
        check_read(c);
}

/* --- what must not pass ------------------------------------------------------------------ */

static const struct read_case refused[] = {
    { CLASSIC, "", "invalid" },
    { CLASSIC, "c1", "invalid" },
    { CLASSIC, "05", "invalid" },
    { CLASSIC, "c0", "invalid" },
    { CLASSIC, "{}", "invalid" },
    { CLASSIC, "{\"type\":\"2\"}", "invalid" },
    { CLASSIC, "{\"type\":1}x", "invalid" },
    { CLASSIC, "{\"type\":1,}", "invalid" },
    { CLASSIC, "{\"type\":1 \"a\":2}", "invalid" },
    { CLASSIC, "{\"type\":1,\"a\":01}", "invalid" },
    { CLASSIC, "{,\"type\":1}", "invalid" },
    { CLASSIC, "{type:1}", "invalid" },
    { CLASSIC, "{\"type\":1,\"uid\":\"\xff\"}", "invalid" },
    { CLASSIC, "{\"type\":1,\"uid\":\"\\ud800\"}", "invalid" },
    { CLASSIC, "{\"type\":1,\"uid\":[]}", "invalid" },
    { CLASSIC, "{\"type\":1,\"requestId\":true}", "invalid" },

    /* broadcasts that lack something, or too much of it */
    { CLASSIC, "~[]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET "]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET ",null]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET ",7]", "invalid" },
    { CLASSIC, "~[\"u\",null,{}]", "invalid" },
    { CLASSIC, "~[\"u\",[],{}]", "invalid" },
    { CLASSIC, "~[\"u\",{},{}]", "invalid" },
    { CLASSIC, "~[{}," PACKET ",{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"type\":3,\"data\":[\"e\"]},{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"type\":\"2\",\"data\":[\"e\"]},{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"data\":[]},{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"data\":[null]},{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"data\":[[\"e\"]]},{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"data\":{\"0\":\"e\"}},{}]", "invalid" },
    { CLASSIC, "~[\"u\",{\"data\":\"e\"},{}]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"rooms\":\"a\"}]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"rooms\":[null]}]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"rooms\":[[]]}]", "invalid" },
    { CLASSIC, "~[\"u\"," PACKET ",{\"except\":{}}]", "invalid" },
    /* a name and a room that are not numbers, a name in bytes, a room in bytes */
    { CLASSIC, "93 c0 81 a4 64617461 91 cb 7ff8000000000000 80", "invalid" },
    { CLASSIC, "93 c0 81 a4 64617461 91 a1 78 81 a5 726f6f6d73 91 cb 7ff0000000000000", "invalid" },
    { CLASSIC, "93 c0 81 a4 64617461 91 c4 01 78 80", "invalid" },
    { CLASSIC, "93 c0 81 a4 64617461 91 a1 78 81 a5 726f6f6d73 91 c4 01 78", "invalid" },
    { CLASSIC, "93 c0 81 a4 64617461 91 a1 ff 80", "invalid" },
    /* what looks like a placeholder beside a real one */
    { CLASSIC,
      "93 c0 81 a4 64617461 93 a1 78 c4 01 05 82 ac 5f706c616365686f6c646572 c3 a3 6e756d 00 80",
      "invalid" },
    /* counts without anything behind them */
    { CLASSIC, "93 a1 75 df ff ff ff ff", "invalid" },
    { CLASSIC, "93 a1 75 81 a4 64617461 dd ff ff ff ff", "invalid" },
    { CLASSIC, "dd ff ff ff ff", "invalid" },
    { CLASSIC, "df ff ff ff ff", "invalid" },

    /* requests that do not say on whom they act */
    { CLASSIC, "{\"type\":2,\"rooms\":[\"a\"]}", "invalid" },
    { CLASSIC, "{\"type\":3,\"rooms\":[\"a\"]}", "invalid" },
    { CLASSIC, "{\"type\":4,\"close\":true}", "invalid" },
    { CLASSIC, "{\"type\":4,\"close\":true,\"opts\":null}", "invalid" },
    { CLASSIC, "{\"type\":4,\"close\":true,\"sid\":\"\"}", "invalid" },
    { CLASSIC, "{\"type\":5,\"requestId\":\"r\"}", "invalid" },
    { CLASSIC, "{\"type\":7,\"packet\":" PACKET "}", "invalid" },
    { CLASSIC, "{\"type\":7," OPTS "}", "invalid" },
    { CLASSIC, "{\"type\":6}", "invalid" },
    { CLASSIC, "{\"type\":6,\"data\":\"x\"}", "invalid" },
    { CLASSIC, "{\"type\":6,\"data\":[]}", "invalid" },
    { CLASSIC, "{\"type\":6,\"data\":[\"x\",]}", "invalid" },
    { CLASSIC, "{\"type\":6,\"data\":[\"x\" 1]}", "invalid" },
    { CLASSIC, "{\"type\":6,\"data\":[,\"x\"]}", "invalid" },
    { CLASSIC, "{\"type\":2," OPTS ",\"rooms\":\"a\"}", "invalid" },

    { RESPONSE, "{\"sockets\":{}}", "invalid" },
    { RESPONSE, "{\"sockets\":[{},\"a\"]}", "invalid" },
    { RESPONSE, "{\"sockets\":[\"a\",{}]}", "invalid" },
    { RESPONSE, "{\"rooms\":[null]}", "invalid" },
    { RESPONSE, "{\"rooms\":\"a\"}", "invalid" },
    { RESPONSE, "{\"type\":8}", "invalid" },
    { RESPONSE, "{\"type\":8,\"clientCount\":-1}", "invalid" },
    { RESPONSE, "~[]", "invalid" },

    /* too much */
    { CLASSIC, "{\"type\":6,\"data\":[\"x\",[[[[[1]]]]]]}", "SERVER_EMIT - - \"x\" ([[[[[1]]]]])" },
    { CLASSIC, "{\"type\":6,\"data\":[\"x\",[[[[[[1]]]]]]]}", "limit" },
    { CLASSIC, "~{\"type\":6,\"data\":[\"x\",[[[[[1]]]]]]}",
      "SERVER_EMIT - - \"x\" ([[[[[1]]]]])" },
    { CLASSIC, "~{\"type\":6,\"data\":[\"x\",[[[[[[1]]]]]]]}", "limit" },
    { CLASSIC, "93 c0 81 a4 64617461 94 a1 78 c4 00 c4 00 c4 00 80", "limit" },
};

static void test_rubbish_is_refused(void **state)
{
    (void)state;
    for (const struct read_case *c = refused; c != BELFRY_END(refused); c++)
        check_read(c);
}

/* 255 rooms are many, 256 too many. */
static void test_names_are_limited(void **state)
{
    (void)state;
    for (int count = NOTE_MAX_NAMES; count <= NOTE_MAX_NAMES + 1; count++) {
        struct buf payload = { 0 };
        struct note_scratch scratch = { 0 };
        struct note note;
        buf_put_text(&payload, "{\"type\":2,\"opts\":{\"rooms\":[");
        for (int i = 0; i < count; i++)
            buf_put_text(&payload, i == 0 ? "\"\\u0061\"" : ",\"b\"");
        buf_put_text(&payload, "]},\"rooms\":[\"x\"]}");
        belfry_err err = decode(CLASSIC, buf_bytes(&payload), &scratch, &note);
        assert_int_equal(err, count <= NOTE_MAX_NAMES ? BELFRY_OK : BELFRY_ERR_LIMIT);
        if (err == BELFRY_OK) {
            assert_int_equal(note.rooms.count, NOTE_MAX_NAMES);
            assert_true(bytes_equal_text(note.rooms.names[0], "a"));
            assert_true(bytes_equal_text(note.rooms.names[NOTE_MAX_NAMES - 1], "b"));
            assert_true(bytes_equal_text(note.targets.names[0], "x"));
        }
        note_scratch_deinit(&scratch);
        buf_deinit(&payload);
    }
}

static void test_deep_rubbish_is_refused_without_recursion(void **state)
{
    (void)state;
    struct buf deep = { 0 };
    struct note_scratch scratch = { 0 };
    struct note note;
    buf_put_text(&deep, "{\"x\":");
    for (int i = 0; i < 100000; i++)
        buf_put_char(&deep, '[');
    assert_int_equal(decode(CLASSIC, buf_bytes(&deep), &scratch, &note), BELFRY_ERR_LIMIT);
    buf_clear(&deep);
    for (int i = 0; i < 100000; i++)
        buf_put_char(&deep, (char)0x91);
    assert_int_equal(decode(CLASSIC, buf_bytes(&deep), &scratch, &note), BELFRY_ERR_INVALID);
    note_scratch_deinit(&scratch);
    buf_deinit(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_messages_are_read_and_written),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_deviations_are_tolerated),
        cmocka_unit_test(test_rubbish_is_refused),
        cmocka_unit_test(test_names_are_limited),
        cmocka_unit_test(test_deep_rubbish_is_refused_without_recursion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
