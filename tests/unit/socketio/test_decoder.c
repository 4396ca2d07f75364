/*
 * Sequences of messages of one session, and the packets that come of them.
 */
#include "socketio/decoder.h"

#include "show.h"

#include "base/alloc.h"
#include "support/memory.h"

static const struct sio_limits limits = { .max_depth = 8,
                                          .max_attachments = 10,
                                          .max_binary_bytes = 8 };

#define HOLE(n) "{\"_placeholder\":true,\"num\":" #n "}"
#define MAX_STEPS 12

/* A message begins with t or b for text or binary. After each: what came of it. */
static const struct sequence_case {
    const char *name;
    struct {
        const char *message, *want;
    } steps[MAX_STEPS];
} sequence_cases[] = {
    { "texts keep nothing",
      { { "t2[\"a\"]", "EVENT / - \"a\" () 0" }, { "t1", "DISCONNECT / -" } } },
    { "one attachment",
      { { "t51-[\"x\"," HOLE(0) "]", "more" },
        { "bAB", "BINARY_EVENT / - \"x\" (" HOLE(0) ") 1 <41 42>" },
        { "t2[\"a\"]", "EVENT / - \"a\" () 0" } } },
    { "two attachments, of an ack, in a namespace",
      { { "t62-/adm,12[" HOLE(1) ",[" HOLE(0) "]]", "more" },
        { "bA", "more" },
        { "bB", "BINARY_ACK /adm 12 (" HOLE(1) ",[" HOLE(0) "]) 2 <41> <42>" } } },
    { "empty attachments",
      { { "t52-[\"x\"," HOLE(0) "," HOLE(1) "]", "more" },
        { "b", "more" },
        { "b", "BINARY_EVENT / - \"x\" (" HOLE(0) "," HOLE(1) ") 2 <> <>" } } },
    { "one attachment named twice",
      { { "t51-[\"x\"," HOLE(0) "," HOLE(0) "]", "more" },
        { "bA", "BINARY_EVENT / - \"x\" (" HOLE(0) "," HOLE(0) ") 2 <41>" } } },
    { "attachments nobody names",
      { { "t52-[\"x\"]", "more" },
        { "bA", "more" },
        { "bB", "BINARY_EVENT / - \"x\" () 0 <41> <42>" } } },
    { "a binary packet without payload", { { "t61-3", "more" }, { "bA", "BINARY_ACK / 3" } } },
    { "text instead of an attachment",
      { { "t52-[\"x\"]", "more" },
        { "bA", "more" },
        { "t2[\"a\"]", "got plaintext data when reconstructing a packet" } } },
    { "an attachment without a packet",
      { { "bA", "got binary data when not reconstructing a packet" } } },
    { "one attachment too many",
      { { "t51-[\"x\"]", "more" },
        { "bA", "BINARY_EVENT / - \"x\" () 0 <41>" },
        { "bB", "got binary data when not reconstructing a packet" } } },
    { "a bad head", { { "t50-[\"x\"]", "Illegal attachments" } } },
    { "a bad text is refused before its attachments come",
      { { "t51-[\"x\"", "invalid payload" },
        { "bA", "got binary data when not reconstructing a packet" } } },
    { "attachments up to the limit",
      { { "t52-[\"x\"]", "more" },
        { "bABCDEF", "more" },
        { "bGH", "BINARY_EVENT / - \"x\" () 0 <41 42 43 44 45 46> <47 48>" } } },
    { "attachments above the limit together",
      { { "t52-[\"x\"]", "more" },
        { "bABCDEF", "more" },
        { "bGHI", "attachments are too large" } } },
    { "one attachment above the limit",
      { { "t51-[\"x\"]", "more" }, { "bABCDEFGHI", "attachments are too large" } } },
    { "a placeholder beyond the attachments",
      { { "t51-[\"x\"," HOLE(1) "]", "more" }, { "bA", "illegal attachments" } } },
    { "a placeholder far beyond",
      { { "t51-[\"x\"," HOLE(18446744073709551616) "]", "more" },
        { "bA", "illegal attachments" } } },
    { "a placeholder before the first",
      { { "t51-[\"x\"," HOLE(-1) "]", "more" }, { "bA", "illegal attachments" } } },
    { "half a placeholder's number",
      { { "t51-[\"x\"," HOLE(0.5) "]", "more" }, { "bA", "illegal attachments" } } },
    { "a number in quotes",
      { { "t51-[\"x\"," HOLE("0") "]", "more" }, { "bA", "illegal attachments" } } },
    { "a placeholder without number",
      { { "t51-[\"x\",{\"_placeholder\":true}]", "more" }, { "bA", "illegal attachments" } } },
    { "a property's name as number",
      { { "t51-[\"x\"," HOLE("splice") "]", "more" }, { "bA", "illegal attachments" } } },
    { "a placeholder with an object in it",
      { { "t51-[\"x\",{\"_placeholder\":true,\"num\":0,\"a\":{}}]", "more" },
        { "bA", "illegal attachments" } } },
    { "the same behind the object",
      { { "t51-[\"x\",{\"a\":[],\"_placeholder\":true,\"num\":0}]", "more" },
        { "bA", "illegal attachments" } } },
    { "not true is no placeholder",
      { { "t51-[\"x\",{\"_placeholder\":1,\"num\":7}]", "more" },
        { "bA", "BINARY_EVENT / - \"x\" ({\"_placeholder\":1,\"num\":7}) 1 <41>" } } },
    { "escapes hide nothing",
      { { "t51-[\"x\",{\"_pl\\u0061ceholder\":true,\"num\":7}]", "more" },
        { "bA", "illegal attachments" } } },
    { "a name is not an argument",
      { { "t51-[\"{\\\"_placeholder\\\":true}\"]", "more" },
        { "bA", "BINARY_EVENT / - \"{\\\"_placeholder\\\":true}\" () 0 <41>" } } },
};

/* Messages die with their step, all but those of the step that is looked at. */
static enum sio_verdict take(struct sio_decoder *d, belfry_bytes message, bool is_text,
                             struct buf *shown)
{
    struct sio_packet packet;
    const char *why = NULL;
    enum sio_verdict verdict = is_text ? sio_decoder_text(d, &limits, message, &packet, &why)
                                       : sio_decoder_binary(d, &limits, message, &packet, &why);
    show_verdict(shown, verdict, &packet, why);
    return verdict;
}

static void play(const struct sequence_case *c, bool is_releasing)
{
    struct sio_decoder d = { 0 };
    for (size_t i = 0; i < MAX_STEPS && c->steps[i].message != NULL; i++) {
        const char *message = c->steps[i].message;
        struct buf shown = { 0 };
        belfry_bytes bytes = copy_of(bytes_of_text(message + 1));
        enum sio_verdict verdict = take(&d, bytes, message[0] == 't', &shown);
        free((void *)(uintptr_t)bytes.data);
        assert_shown(c->name, &shown, c->steps[i].want);
        assert_int_equal(sio_decoder_is_collecting(&d), verdict == SIO_MORE);
        if (is_releasing)
            sio_decoder_release(&d);
        assert_int_equal(sio_decoder_is_collecting(&d), verdict == SIO_MORE);
        assert_true(d.pending == NULL || verdict == SIO_MORE ||
                    (verdict == SIO_PACKET && !is_releasing));
        buf_deinit(&shown);
    }
    sio_decoder_deinit(&d);
    assert_null(d.pending);
}

static void test_sequences(void **state)
{
    (void)state;
    memory_watch();
    for (const struct sequence_case *c = sequence_cases; c != BELFRY_END(sequence_cases); c++) {
        play(c, false);
        play(c, true);
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
}

static void test_texts_allocate_nothing(void **state)
{
    (void)state;
    struct sio_decoder d = { 0 };
    struct sio_packet packet;
    const char *why;
    memory_watch();
    memory_fail_at(1);
    assert_int_equal(
        sio_decoder_text(&d, &limits, BELFRY_BYTES("2[\"echo\",{\"a\":[1]}]"), &packet, &why),
        SIO_PACKET);
    assert_false(memory_has_failed());
    memory_unwatch();
}

static void test_a_packet_stays_until_the_next_call(void **state)
{
    (void)state;
    struct sio_decoder d = { 0 };
    struct sio_packet packet;
    const char *why;
    belfry_bytes text = copy_of(BELFRY_BYTES("52-/n,1[\"x\"," HOLE(0) "]"));
    belfry_bytes first = copy_of(BELFRY_BYTES("AB"));
    assert_int_equal(sio_decoder_text(&d, &limits, text, &packet, &why), SIO_MORE);
    free((void *)(uintptr_t)text.data);
    assert_int_equal(sio_decoder_binary(&d, &limits, first, &packet, &why), SIO_MORE);
    free((void *)(uintptr_t)first.data);
    belfry_bytes last = BELFRY_BYTES("C");
    assert_int_equal(sio_decoder_binary(&d, &limits, last, &packet, &why), SIO_PACKET);
    assert_true(bytes_equal_text(packet.nsp, "/n"));
    assert_true(bytes_equal_text(packet.args, HOLE(0)));
    assert_true(bytes_equal_text(packet.attachments[0], "AB"));
    assert_ptr_equal(packet.attachments[1].data, last.data); /* not copied */
    sio_decoder_deinit(&d);
}

static void test_without_memory_the_session_is_lost(void **state)
{
    (void)state;
    memory_watch();
    long n = 1;
    for (bool is_failing = true; is_failing; n++) {
        struct sio_decoder d = { 0 };
        struct buf shown = { 0 };
        enum sio_verdict verdicts[3];
        memory_fail_at(n);
        struct sio_packet packet;
        const char *why;
        verdicts[0] = sio_decoder_text(&d, &limits, BELFRY_BYTES("52-[\"x\"]"), &packet, &why);
        verdicts[1] = sio_decoder_binary(&d, &limits, BELFRY_BYTES("A"), &packet, &why);
        verdicts[2] = sio_decoder_binary(&d, &limits, BELFRY_BYTES("B"), &packet, &why);
        is_failing = memory_has_failed();
        if (is_failing) /* and nothing that comes behind makes a packet */
            assert_true(verdicts[n - 1] == SIO_NO_MEMORY && verdicts[2] == SIO_BAD);
        else
            assert_int_equal(verdicts[2], SIO_PACKET);
        sio_decoder_deinit(&d);
        buf_deinit(&shown);
        assert_int_equal(memory_live(), 0);
    }
    assert_int_equal(n, 4); /* two allocations: the text, the first attachment */
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_texts_allocate_nothing),
        cmocka_unit_test(test_a_packet_stays_until_the_next_call),
        cmocka_unit_test(test_without_memory_the_session_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
