/*
 * Packets of the msgpack parser: as captured, malformed, and written.
 *
 * Messages stand here as JSON and are packed by msgpack_from_json, which has tests of its own; what
 * JSON cannot say is in hexadecimal escapes.
 */
#include "socketio/msgpack_packet.h"

#include "show.h"

#include "base/msgpack.h"
#include "support/memory.h"

static const struct sio_limits limits = { .max_depth = 4,
                                          .max_attachments = 2,
                                          .max_binary_bytes = 1000 };

#define HOLE(n) "{\"_placeholder\":true,\"num\":" #n "}"

static void show_message(struct buf *shown, belfry_bytes message)
{
    struct sio_scratch scratch = { 0 };
    struct sio_packet packet;
    const char *why = NULL;
    belfry_bytes copy = copy_of(message);
    enum sio_verdict verdict = sio_msgpack_read(copy, &limits, &scratch, &packet, &why);
    show_verdict(shown, verdict, &packet, why);
    sio_scratch_deinit(&scratch);
    free((void *)(uintptr_t)copy.data);
}

static const struct capture_case {
    belfry_bytes message;
    const char *want;
} capture_cases[] = {
    /* as captured */
    { BELFRY_BYTES("\x83\xa4type\x00\xa3nsp\xa1/\xa4"
                   "data\x81\xa5token\x01"),
      "CONNECT / - {\"token\":1}" },
    { BELFRY_BYTES("\x83\xa4type\x00\xa4"
                   "data\x82\xa3sid\xa2xy\xa3pid\xd4\x00\x00\xa3nsp\xa1/"),
      "CONNECT / - {\"sid\":\"xy\"}" },
    { BELFRY_BYTES("\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x03\xa4"
                   "data\x92\xa4"
                   "echo\xc4\x01\x05"),
      "BINARY_EVENT / 3 \"echo\" (" HOLE(0) ") 1 <05>" },
    { BELFRY_BYTES("\x84\xa2id\x03\xa4type\x03\xa4"
                   "data\x92\xc4\x01\x05\xc4\x01\x01\xa3nsp\xa1/"),
      "BINARY_ACK / 3 (" HOLE(0) "," HOLE(1) ") 2 <05> <01>" },

    /* undefined counts as absent */
    { BELFRY_BYTES("\x84\xa4type\x01\xa3nsp\xa1/\xa2id\xd4\x00\x00\xa4"
                   "data\xd4\x00\x00"),
      "DISCONNECT / -" },
    { BELFRY_BYTES("\x82\xa4type\x00\xa3nsp\xd4\x00\x00"), "invalid namespace" },

    /* a double for a type; one key twice; keys that are nothing to us */
    { BELFRY_BYTES("\x82\xa4type\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa3nsp\xa1/"),
      "DISCONNECT / -" },
    { BELFRY_BYTES("\x83\xa4type\x00\xa4type\x01\xa3nsp\xa1/"), "DISCONNECT / -" },
    { BELFRY_BYTES("\x84\xa4type\x01\xa3nsp\xa1/\x01\x02\x91\x01\x92\x01\x02"), "DISCONNECT / -" },

    /* binary where there is no place for it */
    { BELFRY_BYTES("\x83\xa4type\x00\xa3nsp\xa1/\xa4"
                   "data\x81\xa1k\xc4\x01\x05"),
      "invalid payload" },
    { BELFRY_BYTES("\x83\xa4type\x02\xa3nsp\xa1/\xa4"
                   "data\xc4\x01\x05"),
      "invalid payload" },
    { BELFRY_BYTES("\x83\xa4type\x02\xa3nsp\xa1/\xa4"
                   "data\x91\xc4\x01\x05"),
      "invalid payload" },
    { BELFRY_BYTES("\x83\xa4type\x03\xa3nsp\xa1/\xa4"
                   "data\x93\xc4\x00\xc4\x00\xc4\x00"),
      "too many attachments, or nested too deep" },
    { BELFRY_BYTES("\x83\xa4type\x02\xa3nsp\xa1/\xa4"
                   "data\x91\xa1\xff"),
      "invalid format" },

    /* not MessagePack, not one map */
    { BELFRY_BYTES(""), "invalid format" },
    { BELFRY_BYTES("\xc1"), "invalid format" },
    { BELFRY_BYTES("2[\"x\"]"), "invalid format" },
    { BELFRY_BYTES("\x90"), "invalid format" },
    { BELFRY_BYTES("\x82\xa4type\x01\xa3nsp"), "invalid format" },
    { BELFRY_BYTES("\x82\xa4type\x01\xa3nsp\xa1/\x00"), "invalid format" },
    { BELFRY_BYTES("\xdf\xff\xff\xff\xff"), "invalid format" },
};

static void test_captured_messages(void **state)
{
    (void)state;
    for (const struct capture_case *c = capture_cases; c != BELFRY_END(capture_cases); c++) {
        struct buf shown = { 0 };
        show_message(&shown, c->message);
        assert_shown(c->want, &shown, c->want);
        buf_deinit(&shown);
    }
}

static const struct read_case {
    const char *json;
    const char *want;
} read_cases[] = {
    { "{\"type\":0,\"nsp\":\"/\"}", "CONNECT / -" },
    { "{\"type\":1,\"nsp\":\"/admin\"}", "DISCONNECT /admin -" },
    { "{\"nsp\":\"/a\",\"data\":[\"x\",1,[]],\"type\":2}", "EVENT /a - \"x\" (1,[]) 2" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[12]}", "EVENT / - 12 () 0" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[]}", "EVENT / -  () 0" },
    { "{\"type\":3,\"nsp\":\"/\",\"data\":[],\"id\":0}", "ACK / 0 () 0" },
    { "{\"type\":4,\"nsp\":\"/\",\"data\":\"x\"}", "CONNECT_ERROR / - \"x\"" },
    { "{\"type\":4,\"nsp\":\"/\",\"data\":{\"message\":\"x\"}}",
      "CONNECT_ERROR / - {\"message\":\"x\"}" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"x\"],\"id\":999999999999999}",
      "EVENT / 999999999999999 \"x\" () 0" },

    { "{}", "invalid packet type" },
    { "{\"type\":5,\"nsp\":\"/\",\"data\":[\"x\"]}", "invalid packet type" },
    { "{\"type\":-1,\"nsp\":\"/\"}", "invalid packet type" },
    { "{\"type\":1.5,\"nsp\":\"/\"}", "invalid packet type" },
    { "{\"type\":\"2\",\"nsp\":\"/\"}", "invalid packet type" },
    { "{\"type\":null,\"nsp\":\"/\"}", "invalid packet type" },
    { "{\"type\":0}", "invalid namespace" },
    { "{\"type\":0,\"nsp\":1}", "invalid namespace" },
    { "{\"type\":0,\"nsp\":\"\"}", "invalid namespace" },
    { "{\"type\":0,\"nsp\":\"admin\"}", "invalid namespace" },
    { "{\"type\":0,\"nsp\":\"/a,b\"}", "invalid namespace" },
    { "{\"type\":0,\"nsp\":[\"/\"]}", "invalid namespace" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"x\"],\"id\":-1}", "invalid packet id" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"x\"],\"id\":1.5}", "invalid packet id" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"x\"],\"id\":\"1\"}", "invalid packet id" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"x\"],\"id\":null}", "invalid packet id" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"x\"],\"id\":9007199254740992}", "invalid packet id" },
    { "{\"type\":0,\"nsp\":\"/\",\"data\":null}", "invalid payload" },
    { "{\"type\":0,\"nsp\":\"/\",\"data\":[]}", "invalid payload" },
    { "{\"type\":1,\"nsp\":\"/\",\"data\":{}}", "invalid payload" },
    { "{\"type\":1,\"nsp\":\"/\",\"data\":null}", "invalid payload" },
    { "{\"type\":2,\"nsp\":\"/\"}", "invalid payload" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":{}}", "invalid payload" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":\"x\"}", "invalid payload" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[null]}", "invalid payload" },
    { "{\"type\":2,\"nsp\":\"/\",\"data\":[\"disconnect\"]}", "invalid payload" },
    { "{\"type\":3,\"nsp\":\"/\"}", "invalid payload" },
    { "{\"type\":3,\"nsp\":\"/\",\"data\":{\"0\":1,\"length\":1}}", "invalid payload" },
    { "{\"type\":4,\"nsp\":\"/\",\"data\":[]}", "invalid payload" },
    { "{\"type\":4,\"nsp\":\"/\"}", "invalid payload" },
    { "{\"type\":3,\"nsp\":\"/\",\"data\":[[[[[]]]]]}",
      "too many attachments, or nested too deep" },
};

static void test_messages(void **state)
{
    (void)state;
    static const struct msgpack_limits deep = { .max_depth = 10 };
    for (const struct read_case *c = read_cases; c != BELFRY_END(read_cases); c++) {
        struct buf message = { 0 }, shown = { 0 };
        assert_int_equal(msgpack_from_json(bytes_of_text(c->json), NULL, 0, &deep, &message),
                         BELFRY_OK);
        show_message(&shown, buf_bytes(&message));
        assert_shown(c->json, &shown, c->want);
        buf_deinit(&message);
        buf_deinit(&shown);
    }
}

/* --- writing ----------------------------------------------------------------------------- */

static struct buf out; /* of the test that runs */

static int begin(void **state)
{
    (void)state;
    buf_clear(&out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_deinit(&out);
    return 0;
}

/* Also that reading and writing it again changes nothing; empties @out for the next. */
static void assert_said(const char *want)
{
    struct sio_scratch scratch = { 0 };
    struct buf shown = { 0 }, again = { 0 };
    struct sio_packet packet;
    const char *why;
    show_message(&shown, buf_bytes(&out));
    assert_shown("written", &shown, want);
    assert_int_equal(sio_msgpack_read(buf_bytes(&out), &limits, &scratch, &packet, &why),
                     SIO_PACKET);
    assert_int_equal(sio_msgpack_put_packet(&again, &packet), BELFRY_OK);
    assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&out)));
    sio_scratch_deinit(&scratch);
    buf_deinit(&shown);
    buf_deinit(&again);
    buf_clear(&out);
}

static void test_what_is_written(void **state)
{
    (void)state;
    const struct sio_head head = { .nsp = BELFRY_BYTES("/n"), .has_id = true, .id = 300 };
    const struct sio_event event = { .name_text = BELFRY_BYTES("x"),
                                     .args = BELFRY_BYTES("1,{\"a\":[]}"),
                                     .offset = BELFRY_BYTES("o") };
    assert_int_equal(sio_msgpack_put_event(&out, &head, &event, NULL), BELFRY_OK);
    assert_said("EVENT /n 300 \"x\" (1,{\"a\":[]},\"o\") 3");
    assert_int_equal(sio_msgpack_put_ack(&out, &head, (belfry_bytes){ 0 }, NULL), BELFRY_OK);
    assert_said("ACK /n 300 () 0");
    assert_int_equal(
        sio_msgpack_put_connect(&out, (belfry_bytes){ 0 }, BELFRY_BYTES("s"), BELFRY_BYTES("p")),
        BELFRY_OK);
    assert_said("CONNECT / - {\"sid\":\"s\",\"pid\":\"p\"}");
    assert_int_equal(sio_msgpack_put_connect_error(&out, BELFRY_BYTES("/n"), BELFRY_BYTES("no"),
                                                   BELFRY_BYTES("[1]")),
                     BELFRY_OK);
    assert_said("CONNECT_ERROR /n - {\"message\":\"no\",\"data\":[1]}");
    assert_int_equal(sio_msgpack_put_disconnect(&out, BELFRY_BYTES("/n")), BELFRY_OK);
    assert_said("DISCONNECT /n -");
}

static void test_attachments_go_back_where_they_belong(void **state)
{
    (void)state;
    const belfry_bytes blobs[] = { BELFRY_BYTES("\x01"), BELFRY_BYTES("\x02\x03") };
    const struct sio_head head = { .attachment_count = 2 };
    const struct sio_event event = { .name_text = BELFRY_BYTES("x"),
                                     .args = BELFRY_BYTES(HOLE(0) ",[" HOLE(1) "]") };
    assert_int_equal(sio_msgpack_put_event(&out, &head, &event, blobs), BELFRY_OK);
    assert_said("BINARY_EVENT / - \"x\" (" HOLE(0) ",[" HOLE(1) "]) 2 <01> <02 03>");
    const struct sio_head ack = { .attachment_count = 2, .has_id = true };
    assert_int_equal(sio_msgpack_put_ack(&out, &ack, BELFRY_BYTES(HOLE(0)), blobs), BELFRY_OK);
    assert_said("BINARY_ACK / 0 (" HOLE(0) ") 1 <01>");
}

static void test_what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    static uint8_t large[100000];
    const belfry_bytes blob = bytes_of(large, sizeof large);
    const struct sio_head head = { .attachment_count = 1 };
    struct sio_event event = { .name_text = BELFRY_BYTES("x"), .args = BELFRY_BYTES(HOLE(1)) };
    assert_int_equal(sio_msgpack_put_event(&out, &head, &event, &blob), BELFRY_ERR_INVALID);
    event.args = BELFRY_BYTES("1,");
    assert_int_equal(sio_msgpack_put_event(&out, &head, &event, &blob), BELFRY_ERR_INVALID);
    event.args = BELFRY_BYTES(HOLE(0) "," HOLE(0) "," HOLE(0) "," HOLE(0));
    assert_int_equal(sio_msgpack_put_event(&out, &head, &event, &blob), BELFRY_ERR_LIMIT);
    assert_int_equal(out.size, 0);
    event.args = BELFRY_BYTES(HOLE(0) "," HOLE(0));
    assert_int_equal(sio_msgpack_put_event(&out, &head, &event, &blob), BELFRY_OK);
}

static void test_without_memory(void **state)
{
    (void)state;
    memory_watch();
    bool is_failing = true;
    for (long n = 1; is_failing; n++) {
        const belfry_bytes blob = BELFRY_BYTES("and much more than a small buffer would hold, so "
                                               "that it has to grow once more for this");
        struct buf message = { 0 };
        struct sio_scratch scratch = { 0 };
        struct sio_packet packet;
        const char *why;
        enum sio_verdict verdict = SIO_NO_MEMORY;
        memory_fail_at(n);
        belfry_err err = sio_msgpack_put_event(
            &message, &(struct sio_head){ .attachment_count = 1 },
            &(struct sio_event){ .name_text = BELFRY_BYTES("x"), .args = BELFRY_BYTES(HOLE(0)) },
            &blob);
        assert_true(err == BELFRY_OK || (err == BELFRY_ERR_NOMEM && message.size == 0));
        if (err == BELFRY_OK)
            verdict = sio_msgpack_read(buf_bytes(&message), &limits, &scratch, &packet, &why);
        is_failing = memory_has_failed();
        assert_int_equal(verdict, is_failing ? SIO_NO_MEMORY : SIO_PACKET);
        buf_deinit(&message);
        sio_scratch_deinit(&scratch);
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_messages),
        cmocka_unit_test(test_messages),
        cmocka_unit_test_setup_teardown(test_what_is_written, begin, end),
        cmocka_unit_test_setup_teardown(test_attachments_go_back_where_they_belong, begin, end),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_written_leaves_nothing, begin, end),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
