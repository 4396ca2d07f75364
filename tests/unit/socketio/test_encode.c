/*
 * Packets as they are written, and that they are read as what they were.
 */
#include "socketio/encode.h"

#include "show.h"

#define NOTHING ((belfry_bytes){ 0 })

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
    static const struct sio_limits limits = { 8, 10, 1000 };
    struct sio_packet packet;
    const char *why = NULL;
    struct buf again = { 0 };
    assert_false(buf_failed(&out));
    assert_shown("written", &out, want);
    enum sio_verdict verdict = sio_packet_read(buf_bytes(&out), &limits, &packet, &why);
    if (verdict == SIO_BAD)
        fail_msg("%s: %s", want, why);
    sio_put_packet(&again, &packet);
    assert_shown("read and written", &again, want);
    buf_deinit(&again);
    buf_clear(&out);
}

static const struct sio_head main_head = { 0 };
static const struct sio_head admin = { .nsp = BELFRY_BYTES("/admin"), .has_id = true, .id = 12 };

static void test_events(void **state)
{
    (void)state;
    struct sio_event event = { .name_text = BELFRY_BYTES("say \"hi\"") };
    sio_put_event(&out, &main_head, &event);
    assert_said("2[\"say \\\"hi\\\"\"]");
    event.args = BELFRY_BYTES("1,{\"a\":[]}");
    sio_put_event(&out, &admin, &event);
    assert_said("2/admin,12[\"say \\\"hi\\\"\",1,{\"a\":[]}]");
    event.name = BELFRY_BYTES("\"\\u0061\""); /* goes before the text */
    event.offset = BELFRY_BYTES("Q86z9hZ.0");
    sio_put_event(&out, &(struct sio_head){ .nsp = BELFRY_BYTES("/") }, &event);
    assert_said("2[\"\\u0061\",1,{\"a\":[]},\"Q86z9hZ.0\"]");
    event.args = NOTHING;
    event.name = BELFRY_BYTES("12");
    sio_put_event(&out, &main_head, &event);
    assert_said("2[12,\"Q86z9hZ.0\"]");
}

static void test_acks(void **state)
{
    (void)state;
    sio_put_ack(&out, &(struct sio_head){ .has_id = true, .id = 0 }, NOTHING);
    assert_said("30[]");
    sio_put_ack(&out, &admin, BELFRY_BYTES("null,\"x\""));
    assert_said("3/admin,12[null,\"x\"]");
    sio_put_ack(&out, &(struct sio_head){ .has_id = true, .id = SIO_MAX_ID }, NOTHING);
    assert_said("39007199254740991[]");
}

static void test_attachments_make_binary_types(void **state)
{
    (void)state;
    struct sio_head head = { .nsp = BELFRY_BYTES("/admin"), .attachment_count = 10 };
    struct sio_event event = { .name_text = BELFRY_BYTES("x"),
                               .args = BELFRY_BYTES("{\"_placeholder\":true,\"num\":0}") };
    sio_put_event(&out, &head, &event);
    assert_said("510-/admin,[\"x\",{\"_placeholder\":true,\"num\":0}]");
    head = (struct sio_head){ .has_id = true, .id = 7, .attachment_count = 1 };
    sio_put_ack(&out, &head, event.args);
    assert_said("61-7[{\"_placeholder\":true,\"num\":0}]");
}

static void test_connecting(void **state)
{
    (void)state;
    sio_put_connect(&out, NOTHING, BELFRY_BYTES("hyluKRUoEtgIkLlYAAAA"), NOTHING);
    assert_said("0{\"sid\":\"hyluKRUoEtgIkLlYAAAA\"}");
    sio_put_connect(&out, BELFRY_BYTES("/admin"), BELFRY_BYTES("s"), BELFRY_BYTES("p"));
    assert_said("0/admin,{\"sid\":\"s\",\"pid\":\"p\"}");
    sio_put_connect(&out, BELFRY_BYTES("/"), NOTHING, NOTHING);
    assert_said("0");
    sio_put_connect(&out, BELFRY_BYTES("/foo"), NOTHING, NOTHING);
    assert_said("0/foo,");
    sio_put_disconnect(&out, NOTHING);
    assert_said("1");
    sio_put_disconnect(&out, BELFRY_BYTES("/admin"));
    assert_said("1/admin,");
}

static void test_refusals(void **state)
{
    (void)state;
    sio_put_connect_error(&out, BELFRY_BYTES("/admin"), BELFRY_BYTES("not \"you\""),
                          BELFRY_BYTES("{\"content\":1}"));
    assert_said("4/admin,{\"message\":\"not \\\"you\\\"\",\"data\":{\"content\":1}}");
    sio_put_connect_error(&out, NOTHING, BELFRY_BYTES("Invalid namespace"), NOTHING);
    assert_said("4{\"message\":\"Invalid namespace\"}");
    sio_put_connect_error_v3(&out, BELFRY_BYTES("/foo"), BELFRY_BYTES("denied"), NOTHING);
    assert_said("4/foo,\"denied\"");
    sio_put_connect_error_v3(&out, BELFRY_BYTES("/foo"), BELFRY_BYTES("denied"),
                             BELFRY_BYTES("{\"code\":7}"));
    assert_said("4/foo,{\"code\":7}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, begin, end),
        cmocka_unit_test_setup_teardown(test_acks, begin, end),
        cmocka_unit_test_setup_teardown(test_attachments_make_binary_types, begin, end),
        cmocka_unit_test_setup_teardown(test_connecting, begin, end),
        cmocka_unit_test_setup_teardown(test_refusals, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
