/*
 * What a text means as a packet, and what is said of one that means nothing.
 */
#include "socketio/packet.h"

#include "show.h"

static const struct sio_limits limits = { .max_depth = 4,
                                          .max_attachments = 10,
                                          .max_binary_bytes = 1000 };

static const struct read_case {
    const char *text;
    const char *want;
} read_cases[] = {
    /* as captured from socket.io and its clients */
    { "0", "CONNECT / -" },
    { "0{\"token\":\"123\"}", "CONNECT / - {\"token\":\"123\"}" },
    { "0/admin,{\"token\":\"ok\"}", "CONNECT /admin - {\"token\":\"ok\"}" },
    { "0{\"sid\":\"hyluKRUoEtgIkLlYAAAA\"}", "CONNECT / - {\"sid\":\"hyluKRUoEtgIkLlYAAAA\"}" },
    { "0/admin,", "CONNECT /admin -" },
    { "0/admin", "CONNECT /admin -" },
    { "0/admin?token=ok,", "CONNECT /admin?token=ok -" },
    { "1", "DISCONNECT / -" },
    { "1/admin,", "DISCONNECT /admin -" },
    { "2[\"echo\",1,\"2\",{\"3\":[true]}]", "EVENT / - \"echo\" (1,\"2\",{\"3\":[true]}) 3" },
    { "20[\"q\",1]", "EVENT / 0 \"q\" (1) 1" },
    { "2/dyn-7,[\"hello\",\"/dyn-7\"]", "EVENT /dyn-7 - \"hello\" (\"/dyn-7\") 1" },
    { "30[\"a\",2]", "ACK / 0 (\"a\",2) 2" },
    { "31[]", "ACK / 1 () 0" },
    { "4/admin,{\"message\":\"not authorized\",\"data\":{\"content\":\"Please retry later\"}}",
      "CONNECT_ERROR /admin - {\"message\":\"not authorized\",\"data\":{\"content\":"
      "\"Please retry later\"}}" },
    { "4\"denied\"", "CONNECT_ERROR / - \"denied\"" },
    { "52-[\"echo-back\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]",
      "more" },
    { "61-12[{\"a\":{\"_placeholder\":true,\"num\":0}}]", "more" },

    /* legal and rare */
    { "2", "EVENT / -" },
    { "3", "ACK / -" },
    { "31", "ACK / 1" },
    { "4", "CONNECT_ERROR / -" },
    { "51-", "more" },
    { "5010-/a,7", "more" },
    { "2/,[\"x\"]", "EVENT / - \"x\" () 0" },
    { "2/admin,12[\"x\"]", "EVENT /admin 12 \"x\" () 0" },
    { "2/admin[\"x\"]", "EVENT /admin[\"x\"] -" },
    { "2007[\"x\"]", "EVENT / 7 \"x\" () 0" },
    { "2999999999999999[\"x\"]", "EVENT / 999999999999999 \"x\" () 0" },
    { "2[12,\"x\"]", "EVENT / - 12 (\"x\") 1" },
    { "2[-1.5e3]", "EVENT / - -1.5e3 () 0" },
    { "2[\"\"]", "EVENT / - \"\" () 0" },
    { "2[\"connection\"]", "EVENT / - \"connection\" () 0" },
    { "2[\"Connect\"]", "EVENT / - \"Connect\" () 0" },
    { "2[ \"x\" , 1 , [ 2 ] ] \r\n", "EVENT / - \"x\" (1 , [ 2 ]) 2" },
    { "2[\"a,]\\\"\",\"],\\\\\"]", "EVENT / - \"a,]\\\"\" (\"],\\\\\") 1" },
    { "2[\"x\",{\"_placeholder\":true,\"num\":9}]",
      "EVENT / - \"x\" ({\"_placeholder\":true,\"num\":9}) 1" },
    { "2[\"x\",[[[]]]]", "EVENT / - \"x\" ([[[]]]) 1" },
    { "2[\"\\ud800\"]", "EVENT / - \"\\ud800\" () 0" },
    { "3[[],null,{}]", "ACK / - ([],null,{}) 3" },
    { "0{}", "CONNECT / - {}" },

    /* types */
    { "", "unknown packet type NaN" },
    { "x", "unknown packet type NaN" },
    { " 2[\"x\"]", "unknown packet type NaN" },
    { "-1", "unknown packet type NaN" },
    { "7", "unknown packet type 7" },
    { "8[\"x\"]", "unknown packet type 8" },
    { "9", "unknown packet type 9" },
    { "\xd9\xa3", "unknown packet type NaN" },

    /* attachments */
    { "5", "Illegal attachments" },
    { "5-", "Illegal attachments" },
    { "5-[\"x\"]", "Illegal attachments" },
    { "50-[\"x\"]", "Illegal attachments" },
    { "500-[\"x\"]", "Illegal attachments" },
    { "51", "Illegal attachments" },
    { "51[\"x\"]", "Illegal attachments" },
    { "5[\"x\",\"1-\"]", "Illegal attachments" },
    { "5-1-[\"x\"]", "Illegal attachments" },
    { "5+1-[\"x\"]", "Illegal attachments" },
    { "5 1-[\"x\"]", "Illegal attachments" },
    { "51 -[\"x\"]", "Illegal attachments" },
    { "51.0-[\"x\"]", "Illegal attachments" },
    { "51.5-[\"x\"]", "Illegal attachments" },
    { "51e0-[\"x\"]", "Illegal attachments" },
    { "50x1-[\"x\"]", "Illegal attachments" },
    { "5NaN-[\"x\"]", "Illegal attachments" },
    { "511-[\"x\"]", "too many attachments" },
    { "699999999999999999999999999-[]", "too many attachments" },
    { "518446744073709551617-[\"x\"]", "too many attachments" }, /* 2^64 + 1 */

    /* ids */
    { "29007199254740992[\"x\"]", "invalid packet id" },
    { "2-1[\"x\"]", "invalid payload" },
    { "2+1[\"x\"]", "invalid payload" },
    { "21.5[\"x\"]", "invalid payload" },
    { "21 [\"x\"]", "invalid payload" },
    { "2 [\"x\"]", "invalid payload" },
    { "2/a, [\"x\"]", "invalid payload" },
    { "2 ", "invalid payload" },
    { "21,[\"x\"]", "invalid payload" },

    /* payloads that are not JSON */
    { "2[", "invalid payload" },
    { "2]", "invalid payload" },
    { "2[\"x\"", "invalid payload" },
    { "2[\"x\",", "invalid payload" },
    { "2[\"x\",]", "invalid payload" },
    { "2[\"x\",1", "invalid payload" },
    { "2[\"x\"]]", "invalid payload" },
    { "2[\"x\"],[\"y\"]", "invalid payload" },
    { "2[\"x\" 1]", "invalid payload" },
    { "2['x']", "invalid payload" },
    { "2[\"x\",undefined]", "invalid payload" },
    { "2[\"x\",NaN]", "invalid payload" },
    { "2[\"x\",01]", "invalid payload" },
    { "2[\"\n\"]", "invalid payload" },
    { "2[\"\\x\"]", "invalid payload" },
    { "2[\"x\",{\"a\"}]", "invalid payload" },
    { "2[\"x\",{a:1}]", "invalid payload" },
    { "2[\"x\",[[[[]]]]]", "invalid payload" },
    { "0{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", "invalid payload" },
    { "0{\"a\":1", "invalid payload" },
    { "3[1", "invalid payload" },
    { "admin", "unknown packet type NaN" },

    /* payloads of the wrong kind */
    { "0[]", "invalid payload" },
    { "0null", "invalid payload" },
    { "0\"x\"", "invalid payload" },
    { "0true", "invalid payload" },
    { "1{}", "invalid payload" },
    { "1[]", "invalid payload" },
    { "1/admin,{}", "invalid payload" },
    { "1null", "invalid payload" },
    { "2{}", "invalid payload" },
    { "2\"x\"", "invalid payload" },
    { "2null", "invalid payload" },
    { "2[]", "invalid payload" },
    { "2[null]", "invalid payload" },
    { "2[true,1]", "invalid payload" },
    { "2[{\"toString\":1}]", "invalid payload" },
    { "2[[\"x\"]]", "invalid payload" },
    { "2[{\"_placeholder\":true,\"num\":0}]", "invalid payload" },
    { "51-[{\"_placeholder\":true,\"num\":0}]", "invalid payload" },
    { "51-[]", "invalid payload" },
    { "51-{}", "invalid payload" },
    { "3{}", "invalid payload" },
    { "3null", "invalid payload" },
    { "61-{}", "invalid payload" },
    { "4[]", "invalid payload" },
    { "4null", "invalid payload" },
    { "41{\"message\":\"x\"}", "CONNECT_ERROR / 1 {\"message\":\"x\"}" },

    /* reserved names */
    { "2[\"connect\"]", "invalid payload" },
    { "2[\"connect_error\",1]", "invalid payload" },
    { "2[\"disconnect\"]", "invalid payload" },
    { "2[\"disconnecting\"]", "invalid payload" },
    { "2[\"newListener\"]", "invalid payload" },
    { "2[\"removeListener\"]", "invalid payload" },
    { "2[\"dis\\u0063onnect\"]", "invalid payload" },
    { "51-[\"disconnect\",{\"_placeholder\":true,\"num\":0}]", "invalid payload" },
    { "3[\"disconnect\"]", "ACK / - (\"disconnect\") 1" },
};

static void test_texts(void **state)
{
    (void)state;
    for (const struct read_case *c = read_cases; c != BELFRY_END(read_cases); c++) {
        struct buf shown = { 0 };
        struct sio_packet packet;
        const char *why = NULL;
        belfry_bytes text = copy_of(bytes_of_text(c->text));
        enum sio_verdict verdict = sio_packet_read(text, &limits, &packet, &why);
        show_verdict(&shown, verdict, &packet, why);
        assert_shown(c->text, &shown, c->want);
        buf_deinit(&shown);
        free((void *)(uintptr_t)text.data);
    }
}

static void test_a_nul_is_nothing(void **state)
{
    (void)state;
    struct sio_packet packet;
    const char *why = NULL;
    assert_int_equal(sio_packet_read(BELFRY_BYTES("2[\"x\"]\0"), &limits, &packet, &why), SIO_BAD);
    assert_string_equal(why, "invalid payload");
    assert_int_equal(sio_packet_read(BELFRY_BYTES("\0"), &limits, &packet, &why), SIO_BAD);
    assert_string_equal(why, "unknown packet type NaN");
    assert_int_equal(sio_packet_read(BELFRY_BYTES("2\0[\"x\"]"), &limits, &packet, &why), SIO_BAD);
    assert_string_equal(why, "invalid payload");
}

static void test_the_head_of_a_binary_packet_is_filled_in(void **state)
{
    (void)state;
    struct sio_packet packet;
    const char *why;
    assert_int_equal(sio_packet_read(BELFRY_BYTES("53-/a,4[\"x\",1]"), &limits, &packet, &why),
                     SIO_MORE);
    assert_int_equal(packet.type, SIO_BINARY_EVENT);
    assert_int_equal(packet.attachment_count, 3);
    assert_null(packet.attachments);
    assert_true(bytes_equal_text(packet.nsp, "/a"));
    assert_true(packet.has_id && packet.id == 4);
    assert_true(bytes_equal_text(packet.name, "\"x\""));
}

static void test_no_attachments_may_be_a_setting(void **state)
{
    (void)state;
    const struct sio_limits none = { .max_depth = 4 };
    struct sio_packet packet;
    const char *why = NULL;
    assert_int_equal(sio_packet_read(BELFRY_BYTES("51-[\"x\"]"), &none, &packet, &why), SIO_BAD);
    assert_string_equal(why, "too many attachments");
}

static const struct query_case {
    const char *nsp, *path, *query;
} query_cases[] = {
    { "/foo?token=abc", "/foo", "token=abc" },
    { "/foo", "/foo", "" },
    { "/foo?", "/foo", "" },
    { "/?a=1", "/", "a=1" },
    { "/foo?a=1?b=2", "/foo", "a=1?b=2" },
    { "/foo?a=1#b", "/foo", "a=1" },
    { "/foo#?a=1", "/foo", "" },
    { "/foo?#", "/foo", "" },
    { "?", "", "" },
    { "", "", "" },
};

static void test_queries_behind_namespaces(void **state)
{
    (void)state;
    for (const struct query_case *c = query_cases; c != BELFRY_END(query_cases); c++) {
        belfry_bytes path, query;
        sio_split_query(bytes_of_text(c->nsp), &path, &query);
        if (!bytes_equal_text(path, c->path) || !bytes_equal_text(query, c->query))
            fail_msg("%s: %.*s and %.*s", c->nsp, (int)path.size, (const char *)path.data,
                     (int)query.size, (const char *)query.data);
    }
}

static void test_namespaces_that_can_be_said(void **state)
{
    (void)state;
    assert_true(sio_nsp_is_valid(BELFRY_BYTES("/")));
    assert_true(sio_nsp_is_valid(BELFRY_BYTES("/a/b-7")));
    assert_false(sio_nsp_is_valid(BELFRY_BYTES("")));
    assert_false(sio_nsp_is_valid(BELFRY_BYTES("admin")));
    assert_false(sio_nsp_is_valid(BELFRY_BYTES("/a,b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_a_nul_is_nothing),
        cmocka_unit_test(test_the_head_of_a_binary_packet_is_filled_in),
        cmocka_unit_test(test_no_attachments_may_be_a_setting),
        cmocka_unit_test(test_queries_behind_namespaces),
        cmocka_unit_test(test_namespaces_that_can_be_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
