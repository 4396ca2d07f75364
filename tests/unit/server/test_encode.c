/*
 * test_encode.c - the JSON of each kind of message, and its frames, plain and deflated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "server/encode.h"
#include "server/server.h"
#include "support/memory.h"
#include "support/ws_wire.h"

static belfry *server;
static struct worker *worker;

static int make_server(void **state)
{
    (void)state;
    server = belfry_new(&(belfry_options){ .deflate_threshold_bytes = 200 });
    assert_non_null(server);
    worker = &server->workers[0];
    strcpy(server->hub.epoch, "EPOCH123");
    return 0;
}

static int free_server(void **state)
{
    (void)state;
    belfry_free(server);
    return 0;
}

static struct message *message_with(const struct message_spec *spec)
{
    struct message *m = message_new(spec, &server->hub.hash_key, 1);
    assert_non_null(m);
    m->id = (struct message_id){ .ms = 1700000000000, .seq = 7 };
    return m;
}

/* --- JSON ------------------------------------------------------------------------------------- */

#define TOWER .room_count = 1, .rooms = { { "tower", 5 } }
#define ADA .sender = { "id-of-ada", 9 }, .user = { "ada", 3 }
#define TEXT(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct json_case {
    struct message_spec spec;
    const char *want;
} json_cases[] = {
    { { .kind = KIND_MESSAGE, TOWER, ADA, .args = TEXT("\"hi\""), .wall_ms = 42 },
      "{\"type\":\"message\",\"room\":\"tower\",\"id\":\"1700000000000-7.EPOCH123\","
      "\"from\":\"id-of-ada\",\"user\":\"ada\",\"text\":\"hi\",\"timestamp\":42}" },
    { { .kind = KIND_EVENT, TOWER, ADA, .name = TEXT("cursor"), .args = TEXT("{\"x\":1}") },
      "{\"type\":\"event\",\"room\":\"tower\",\"id\":\"1700000000000-7.EPOCH123\","
      "\"event\":\"cursor\",\"from\":\"id-of-ada\",\"user\":\"ada\",\"data\":{\"x\":1}}" },
    /* Not in the log: its id is no position to resume from. */
    { { .kind = KIND_EVENT,
        .flags = MESSAGE_UNLOGGED,
        TOWER,
        .name = TEXT("a\"b"),
        .args = TEXT("null") },
      "{\"type\":\"event\",\"room\":\"tower\",\"event\":\"a\\\"b\",\"data\":null}" },
    { { .kind = KIND_EVENT,
        .flags = MESSAGE_UNLOGGED,
        .room_count = 2,
        .rooms = { { "a", 1 }, { "b", 1 } },
        .name = TEXT("e"),
        .args = TEXT("1") },
      "{\"type\":\"event\",\"event\":\"e\",\"data\":1}" }, /* which room it was is not one */
    { { .kind = KIND_USER_JOINED, TOWER, ADA, .args = TEXT("3") },
      "{\"type\":\"user-joined\",\"room\":\"tower\",\"userId\":\"id-of-ada\",\"user\":\"ada\","
      "\"members\":3}" },
    { { .kind = KIND_USER_LEFT, TOWER, ADA, .args = TEXT("2") },
      "{\"type\":\"user-left\",\"room\":\"tower\",\"userId\":\"id-of-ada\",\"user\":\"ada\","
      "\"members\":2}" },
    { { .kind = KIND_TEXT, TOWER, .args = TEXT("raw") }, "" },
};

static void test_each_kind_has_its_json(void **state)
{
    (void)state;
    for (const struct json_case *c = json_cases; c != BELFRY_END(json_cases); c++) {
        struct buf out = { 0 };
        struct message *m = message_with(&c->spec);
        encode_json(&out, m, server->hub.epoch);
        buf_put_char(&out, '\0');
        assert_string_equal((char *)out.data, c->want);
        assert_int_equal(encode_has_json(m), c->want[0] != '\0');
        buf_deinit(&out);
        message_unref(m);
    }
}

/* --- frames ----------------------------------------------------------------------------------- */

/* What a client's decoder makes of a frame. */
static void assert_decodes(const struct frame *frame, unsigned bits, const char *want)
{
    struct ws_decoder_config config = {
        .max_message = 1 << 20, .max_fragments = 100, .role = WS_CLIENT, .pool = worker->pool
    };
    struct ws_deflate_params params = { .is_on = bits > 0,
                                        .server_no_context_takeover = true,
                                        .client_no_context_takeover = true,
                                        .server_max_window_bits = (uint8_t)bits,
                                        .client_max_window_bits = 15 };
    struct buf transcript = { 0 };
    wire_decode(&config, params, bytes_of(frame->bytes, frame->size), 0, frame->size, &transcript);
    buf_put_char(&transcript, '\0');
    assert_string_equal((char *)transcript.data, want);
    buf_deinit(&transcript);
}

static void test_raw_bytes_travel_as_they_are(void **state)
{
    (void)state;
    struct message *text =
        message_with(&(struct message_spec){ .kind = KIND_TEXT, .args = BELFRY_BYTES("hello") });
    struct message *binary = message_with(
        &(struct message_spec){ .kind = KIND_BINARY, .args = BELFRY_BYTES("\x01\x02") });
    struct message *empty = message_with(&(struct message_spec){ .kind = KIND_BINARY });
    struct frame *frames[] = { encode_message(text, FORM_WS_PLAIN, worker),
                               encode_message(binary, FORM_WS_PLAIN, worker),
                               encode_message(empty, FORM_WS_PLAIN, worker) };
    assert_memory_equal(frames[0]->bytes, "\x81\x05hello", 7);
    assert_decodes(frames[0], 0, "text:hello\n");
    assert_decodes(frames[1], 0, "binary:\\x01\\x02\n");
    assert_decodes(frames[2], 0, "binary:\n");
    for (int i = 0; i < 3; i++)
        frame_unref(frames[i]);
    message_unref(text);
    message_unref(binary);
    message_unref(empty);
}

static void test_every_window_has_a_deflated_form(void **state)
{
    (void)state;
    char text[5000];
    char want[5100];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 7);
    (void)snprintf(want, sizeof want, "text:%.*s\n", (int)sizeof text, text);
    struct message *m =
        message_with(&(struct message_spec){ .kind = KIND_TEXT, .args = { text, sizeof text } });
    for (unsigned bits = 9; bits <= 15; bits++) {
        struct frame *frame = encode_message(m, FORM_WS_DEFLATED(bits), worker);
        assert_non_null(frame);
        assert_true(frame->size < sizeof text / 10);
        assert_int_equal(frame->bytes[0], 0xC1); /* FIN, RSV1, text */
        assert_decodes(frame, bits, want);
        frame_unref(frame);
    }
    message_unref(m);
}

static void test_small_messages_are_not_worth_deflating(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'a', sizeof text);
    for (size_t size = 199; size <= 200; size++) { /* the threshold is 200 */
        struct message *m =
            message_with(&(struct message_spec){ .kind = KIND_TEXT, .args = { text, size } });
        struct frame *frame = encode_message(m, FORM_WS_DEFLATED(15), worker);
        assert_int_equal((frame->bytes[0] & 0x40) != 0, size == 200);
        frame_unref(frame);
        message_unref(m);
    }
}

static void test_forms_made_are_counted(void **state)
{
    (void)state;
    uint64_t before = atomic_load(&worker->counters.encoded);
    struct message *m = message_with(&json_cases[0].spec);
    struct frame *frame = message_form(m, FORM_WS_PLAIN, encode_message, worker);
    assert_ptr_equal(message_form(m, FORM_WS_PLAIN, encode_message, worker), frame);
    assert_int_equal(atomic_load(&worker->counters.encoded), before + 1);
    message_unref(m);
}

static void test_every_failing_allocation_gives_no_frame_and_leaves_nothing(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    struct message_spec spec = json_cases[1].spec;
    spec.name = bytes_of(text, sizeof text);
    free_server(NULL);
    memory_watch();
    make_server(NULL);
    struct message *m = message_with(&spec);
    frame_unref(encode_message(m, FORM_WS_DEFLATED(15), worker)); /* the pool keeps its own */
    long before = memory_live();
    for (long n = 1;; n++) {
        memory_fail_at(n);
        struct frame *frame = encode_message(m, FORM_WS_DEFLATED(15), worker);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        assert_true(frame != NULL || has_failed);
        frame_unref(frame);
        assert_int_equal(memory_live(), before);
        if (!has_failed)
            break;
    }
    message_unref(m);
    belfry_free(server);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
    make_server(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_server, free_server)
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind_has_its_json),
        TEST(test_raw_bytes_travel_as_they_are),
        TEST(test_every_window_has_a_deflated_form),
        TEST(test_small_messages_are_not_worth_deflating),
        TEST(test_forms_made_are_counted),
        TEST(test_every_failing_allocation_gives_no_frame_and_leaves_nothing),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
