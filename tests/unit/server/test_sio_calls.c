/*
 * test_sio_calls.c - questions and answers: of clients to the server, and of the server to one
 * socket or a room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/server/sio_client.h"

/* --- answers to clients -----------------------------------------------------------------------*/

static void on_ask(belfry_sock *sock, belfry_msg *msg, void *user)
{
    static const belfry_bytes part = { "abc", 3 };
    int way = -1;
    (void)sock;
    (void)user;
    HANDLER_EXPECT(belfry_args(msg, "i", &way) == BELFRY_OK);
    note("%s;", belfry_wants_ack(msg) ? "asked" : "told");
    belfry_err want = belfry_wants_ack(msg) ? BELFRY_ERR_STATE : BELFRY_OK;
    switch (way) {
    case 0:
        HANDLER_EXPECT(belfry_ack(msg, NULL) == BELFRY_OK);
        break;
    case 1:
        HANDLER_EXPECT(belfry_ack(msg, "is{s:b}", 1, "two", "three", 1) == BELFRY_OK);
        break;
    case 2:
        HANDLER_EXPECT(belfry_ack_raw(msg, " 1 , [2.50]", 11) == BELFRY_OK);
        break;
    case 3:
        HANDLER_EXPECT(belfry_ack_bin(msg, NULL, &part, 1) == BELFRY_OK);
        break;
    case 4:
        HANDLER_EXPECT(belfry_ack_bin(msg, "{\"x\":{\"_placeholder\":true,\"num\":0}}", &part, 1) ==
                       BELFRY_OK);
        break;
    case 5: /* what cannot be said is not said, and the right answer may follow */
        HANDLER_EXPECT(belfry_ack_raw(msg, "{]", 2) == BELFRY_ERR_INVALID);
        HANDLER_EXPECT(belfry_ack_raw(msg, "\"\xff\"", 3) == BELFRY_ERR_INVALID);
        HANDLER_EXPECT(belfry_ack_bin(msg, "{]", &part, 1) == BELFRY_ERR_INVALID);
        HANDLER_EXPECT(belfry_ack(msg, "?") ==
                       (belfry_wants_ack(msg) ? BELFRY_ERR_INVALID : BELFRY_OK));
        HANDLER_EXPECT(belfry_ack(msg, "i", 5) == BELFRY_OK);
        break;
    case 6:
        HANDLER_EXPECT(belfry_ack_raw(msg, "", 0) == BELFRY_OK);
        break;
    default: /* no answer at all */
        return;
    }
    HANDLER_EXPECT(belfry_ack(msg, "s", "again") == want);
    HANDLER_EXPECT(belfry_ack_raw(msg, "1", 1) == want);
    HANDLER_EXPECT(belfry_ack_bin(msg, NULL, &part, 1) == want);
    HANDLER_EXPECT(!belfry_ack_later(msg).is_wanted);
}

static void test_a_client_is_answered_once_and_only_if_it_asks(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "3N[]",
        "3N[1,\"two\",{\"three\":true}]",
        "3N[ 1 , [2.50]]",
        "61-N[{\"_placeholder\":true,\"num\":0}]",
        "61-N[{\"x\":{\"_placeholder\":true,\"num\":0}}]",
        "3N[5]",
        "3N[]",
    };
    struct sio ada;
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_on(io, "ask", on_ask, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    for (unsigned i = 0; i < BELFRY_COUNT(answers); i++) {
        char want[96];
        const char *number = strchr(answers[i], 'N');
        sio_say(&ada, "2[\"ask\",%u]", i);
        sio_expect_nothing(&ada);
        journal_expect("told;");
        sio_say(&ada, "2%u[\"ask\",%u]", i, i);
        (void)snprintf(want, sizeof want, "%.*s%u%s", (int)(number - answers[i]), answers[i], i,
                       number + 1);
        sio_expect(&ada, want);
        if (strncmp(want, "61", 2) == 0)
            sio_expect(&ada, "<abc>");
        sio_expect_nothing(&ada);
        journal_expect("asked;");
    }
    sio_say(&ada, "29[\"ask\",99]");
    sio_expect_nothing(&ada);
    journal_expect("asked;");
    sio_say(&ada, "29007199254740991[\"ask\",0]"); /* as many digits as fit */
    sio_expect(&ada, "39007199254740991[]");
    journal_expect("asked;");
    sio_drop(&ada);
    end_server();
}

/* Answers that threads give. */
static struct {
    pthread_mutex_t lock; /* guards the rest */
    belfry_ack_ref refs[64];
    unsigned count;
} owed = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_ask_later(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_ack_ref ref = belfry_ack_later(msg);
    (void)user;
    HANDLER_EXPECT(ref.is_wanted == belfry_wants_ack(msg));
    HANDLER_EXPECT(ref.sock == (ref.is_wanted ? belfry_sock_id(sock) : 0));
    HANDLER_EXPECT(belfry_ack(msg, NULL) == (ref.is_wanted ? BELFRY_ERR_STATE : BELFRY_OK));
    HANDLER_EXPECT(!belfry_ack_later(msg).is_wanted);
    pthread_mutex_lock(&owed.lock);
    owed.refs[owed.count++] = ref;
    pthread_mutex_unlock(&owed.lock);
    note("owed;");
}

static void *answer_all(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < owed.count; i++)
        HANDLER_EXPECT(belfry_ack_id(server, owed.refs[i], "i", (int)i) == BELFRY_OK);
    return NULL;
}

static void test_answers_may_come_later_from_threads(void **state)
{
    (void)state;
    struct sio ada, bob;
    pthread_t thread;
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_on(io, "later", on_ask_later, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    owed.count = 0;
    sio_arrive_at(&ada, 0);
    sio_arrive_at(&bob, 1);
    sio_say(&ada, "25[\"later\"]");
    journal_expect("owed;");
    sio_say(&bob, "26[\"later\"]");
    journal_expect("owed;");
    sio_say(&bob, "2[\"later\"]"); /* nobody asked: to answer is fine, and nothing is sent */
    journal_expect("owed;");
    assert_int_equal(pthread_create(&thread, NULL, answer_all, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    sio_expect(&ada, "35[0]");
    sio_expect(&bob, "36[1]");
    sio_expect_nothing(&bob);
    assert_int_equal(belfry_ack_id(server, owed.refs[0], "?"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_ack_id(server, (belfry_ack_ref){ .is_wanted = true }, NULL),
                     BELFRY_ERR_GONE);
    sio_say(&ada, "1"); /* whoever has left the namespace hears none */
    sio_join(&ada, "/", "");
    assert_int_equal(belfry_ack_id(server, owed.refs[0], NULL), BELFRY_OK);
    sio_expect_nothing(&ada);
    sio_drop(&ada);
    sio_drop(&bob);
    assert_int_equal(belfry_ack_id(server, owed.refs[1], NULL), BELFRY_OK);
    end_server();
}

/* --- asking -----------------------------------------------------------------------------------*/

/* Notes "name:err expected [args][args];". */
static void on_reply(belfry_err err, belfry_msg *const *replies, unsigned count, unsigned expected,
                     void *user)
{
    char text[512] = "";
    for (unsigned i = 0; i < count; i++) {
        belfry_bytes raw = belfry_msg_raw(replies[i]);
        strcat(text, "[");
        if (raw.size > 0)
            strncat(text, raw.data, raw.size);
        strcat(text, "]");
        for (unsigned k = 0; k < belfry_attachment_count(replies[i]); k++) {
            belfry_bytes part = belfry_attachment(replies[i], k);
            strcat(text, "<");
            strncat(text, part.data, part.size);
            strcat(text, ">");
        }
        HANDLER_EXPECT(belfry_msg_json(replies[i]) != NULL);
        HANDLER_EXPECT(!belfry_wants_ack(replies[i]));
        HANDLER_EXPECT(belfry_ack(replies[i], NULL) == BELFRY_OK);
        HANDLER_EXPECT(belfry_msg_event(replies[i])[0] == '\0');
    }
    note("%s:%s %u %s;", (const char *)user,
         err == BELFRY_OK            ? "ok"
         : err == BELFRY_ERR_TIMEOUT ? "timeout"
         : err == BELFRY_ERR_GONE    ? "gone"
                                     : "?",
         expected, text);
}

static void on_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *room;
    (void)user;
    HANDLER_EXPECT(belfry_args(msg, "s", &room) == BELFRY_OK);
    HANDLER_EXPECT(belfry_join(sock, room) == BELFRY_OK);
    HANDLER_EXPECT(belfry_ack(msg, NULL) == BELFRY_OK);
}

/* Asks the sender itself; and lets it hear that it was asked. */
static void on_ask_me(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    HANDLER_EXPECT(belfry_call(belfry_only(sock), 0, on_reply, "one", "q", "si", "x", 1) ==
                   BELFRY_OK);
}

/* Two calls in one callback, of which each has its own answers. */
static void on_ask_twice(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    HANDLER_EXPECT(belfry_call(belfry_only(sock), 0, on_reply, "first", "q1", NULL) == BELFRY_OK);
    HANDLER_EXPECT(belfry_call(belfry_in(io, "tower"), 0, on_reply, "second", "q2", NULL) ==
                   BELFRY_OK);
    HANDLER_EXPECT(belfry_call_raw(belfry_only(sock), 0, on_reply, "third", "q3", "1 ,2", 4) ==
                   BELFRY_OK);
}

static void add_asking(void)
{
    assert_int_equal(belfry_on(io, "ask me", on_ask_me, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "ask twice", on_ask_twice, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "join", on_join, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
}

static void sio_enter(struct sio *s, const char *room)
{
    sio_say(s, "29[\"join\",\"%s\"]", room);
    sio_expect(s, "39[]");
}

/* Expects the event @rest ("[\"q\"]"), and returns its ack id. */
static unsigned long long take_question(struct sio *s, const char *rest)
{
    const char *packet = sio_take(s);
    char *end;
    assert_int_equal(packet[0], '2');
    unsigned long long id = strtoull(packet + 1, &end, 10);
    assert_true(end != packet + 1);
    assert_string_equal(end, rest);
    return id;
}

static void test_one_socket_is_asked(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ 0 });
    add_asking();
    start_server();
    sio_arrive(&ada);
    sio_say(&ada, "2[\"ask me\"]");
    unsigned long long id = take_question(&ada, "[\"q\",\"x\",1]");
    sio_say(&ada, "3%llu[]", id + 1); /* nobody waits for that */
    sio_say(&ada, "3%llu[1,\"b\"]", id);
    journal_expect("one:ok 1 [1,\"b\"];");
    sio_say(&ada, "3%llu[2]", id); /* and not twice */
    sio_say(&ada, "2[\"ask me\"]");
    id = take_question(&ada, "[\"q\",\"x\",1]");
    sio_say(&ada, "62-%llu[{\"_placeholder\":true,\"num\":1}]", id);
    sio_say_binary(&ada, "abc");
    sio_say_binary(&ada, "d");
    journal_expect("one:ok 1 [{\"_placeholder\":true,\"num\":1}]<abc><d>;");
    sio_say(&ada, "2[\"ask me\"]");
    id = take_question(&ada, "[\"q\",\"x\",1]");
    sio_say(&ada, "1"); /* it leaves instead */
    journal_expect("one:gone 1 ;");
    sio_join(&ada, "/", "");
    sio_say(&ada, "3%llu[1]", id); /* an answer of its former self is nobody's */
    sio_expect_nothing(&ada);
    sio_say(&ada, "2[\"ask me\"]");
    (void)take_question(&ada, "[\"q\",\"x\",1]");
    sio_drop(&ada);
    journal_expect("one:gone 1 ;");
    end_server();
}

static void note_count(belfry_err err, belfry_msg *const *replies, unsigned count,
                       unsigned expected, void *user)
{
    (void)replies;
    (void)user;
    note("%s %u of %u;", err == BELFRY_ERR_GONE ? "gone" : belfry_strerror(err), count, expected);
}

/* What is kept for one call is bounded: an answer beyond it counts as lost. */
static void test_answers_are_kept_up_to_a_bound(void **state)
{
    (void)state;
    struct sio people[3];
    size_t size = 24u << 20; /* the third one is above 64 MiB */
    char *bytes = calloc(1, size);
    assert_non_null(bytes);
    begin_server((belfry_options){ .max_payload_bytes = (uint32_t)size });
    add_asking();
    start_server();
    for (size_t i = 0; i < BELFRY_COUNT(people); i++) {
        sio_arrive(&people[i]);
        sio_enter(&people[i], "tower");
    }
    assert_int_equal(belfry_call(belfry_in(io, "tower"), BELFRY_OFF, note_count, NULL, "q", NULL),
                     BELFRY_OK);
    for (size_t i = 0; i < BELFRY_COUNT(people); i++) {
        unsigned long long id = take_question(&people[i], "[\"q\"]");
        sio_say(&people[i], "61-%llu[{\"_placeholder\":true,\"num\":0}]", id);
        client_send(&people[i].ws, WS_BINARY | WS_FIN, bytes_of(bytes, size));
    }
    journal_expect("gone 2 of 3;");
    free(bytes);
    for (size_t i = 0; i < BELFRY_COUNT(people); i++)
        sio_drop(&people[i]);
    end_server();
}

static void test_calls_in_one_batch_have_their_own_answers(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .workers = 2 });
    add_asking();
    start_server();
    sio_arrive(&ada);
    sio_enter(&ada, "tower");
    sio_say(&ada, "2[\"ask twice\"]");
    unsigned long long first = take_question(&ada, "[\"q1\"]");
    unsigned long long second = take_question(&ada, "[\"q2\"]");
    unsigned long long third = take_question(&ada, "[\"q3\",1 ,2]");
    assert_true(first != second && second != third);
    sio_say(&ada, "3%llu[3]", third);
    journal_expect("third:ok 1 [3];");
    sio_say(&ada, "3%llu[1]", first);
    journal_expect("first:ok 1 [1];");
    sio_say(&ada, "3%llu[2]", second);
    journal_expect("second:ok 1 [2];");
    sio_drop(&ada);
    end_server();
}

static void on_raw_open(belfry_sock *sock, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_join(sock, "tower") == BELFRY_OK);
    HANDLER_EXPECT(belfry_call(belfry_only(sock), 0, on_reply, "raw", "q", NULL) ==
                   BELFRY_ERR_INVALID);
    belfry_send_text(sock, "in");
}

static void test_a_room_on_several_workers_is_asked_from_a_foreign_thread(void **state)
{
    (void)state;
    struct sio people[4];
    struct client raw;
    unsigned long long ids[4];
    begin_server((belfry_options){ .workers = 3 });
    add_asking();
    belfry_ws_handlers handlers = { .open = on_raw_open };
    assert_int_equal(belfry_ws(server, "/raw", &handlers), BELFRY_OK);
    start_server();
    client_open(&raw, address, "/raw", "");
    assert_string_equal(client_take(&raw), "text:in");
    for (int i = 0; i < 4; i++) {
        sio_arrive_at(&people[i], i % 3);
        if (i < 3)
            sio_enter(&people[i], "tower");
    }
    belfry_target tower = belfry_in(io, "tower");
    char room[8] = "tower"; /* names are copied: this one is overwritten at once */
    assert_int_equal(
        belfry_call(belfry_except(belfry_in(io, room), "nobody"), 0, on_reply, "all", "q", NULL),
        BELFRY_OK);
    strcpy(room, "gone");
    for (int i = 0; i < 3; i++)
        ids[i] = take_question(&people[i], "[\"q\"]");
    for (int i = 2; i >= 0; i--) { /* in the order of coming */
        sio_say(&people[i], "3%llu[%d]", ids[i], i);
        sio_expect_nothing(&people[i]);
        if (i > 0)
            journal_expect("");
    }
    journal_wait_for("all:ok 3 ");
    for (int i = 0; i < 3; i++) {
        char want[16];
        (void)snprintf(want, sizeof want, "[%d]", i);
        journal_wait_for(want);
    }
    journal_clear();
    assert_int_equal(belfry_call(belfry_in(io, "empty"), 0, on_reply, "none", "q", NULL),
                     BELFRY_OK);
    journal_expect("none:ok 0 ;");
    assert_int_equal(belfry_call(belfry_in(io, people[3].sid), 0, on_reply, "by id", "q", "i", 1),
                     BELFRY_OK);
    ids[3] = take_question(&people[3], "[\"q\",1]");
    sio_say(&people[3], "3%llu[]", ids[3]);
    journal_expect("by id:ok 1 [];");
    /* Some answer, one leaves: it is known that not all can answer. */
    assert_int_equal(belfry_call(tower, 0, on_reply, "left", "q", NULL), BELFRY_OK);
    for (int i = 0; i < 3; i++)
        ids[i] = take_question(&people[i], "[\"q\"]");
    sio_drop(&people[2]);
    sio_say(&people[0], "3%llu[0]", ids[0]);
    sio_expect_nothing(&people[0]);
    sio_say(&people[1], "3%llu[0]", ids[1]);
    journal_expect("left:gone 3 [0][0];");
    assert_int_equal(belfry_call(tower, 0, on_reply, "x", "", NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_call(tower, 0, NULL, "x", "q", NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_fetch_sockets(tower, NULL, NULL), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_call(tower, 0, on_reply, "x", "q", "?"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_call_raw(tower, 0, on_reply, "x", "q", "{]", 2), BELFRY_ERR_INVALID);
    /* The raw member is not asked; what it hears it hears as an event. */
    client_drop(&raw);
    for (int i = 0; i < 4; i++)
        sio_drop(&people[i]);
    end_server();
}

/* Ada answers a call of @timeout_ms and bob does not. True: in time; else the machine was slow. */
static bool is_half_answered(struct sio *ada, struct sio *bob, uint32_t timeout_ms)
{
    belfry_target all = belfry_timeout(belfry_everyone(io), 60000);
    assert_int_equal(belfry_call(all, timeout_ms, on_reply, "some", "q", NULL), BELFRY_OK);
    unsigned long long id = take_question(ada, "[\"q\"]");
    unsigned long long late = take_question(bob, "[\"q\"]");
    sio_say(ada, "3%llu[\"here\"]", id);
    journal_wait_for(";");
    bool is_half = strcmp(journal.text, "some:timeout 2 [\"here\"];") == 0;
    journal_wait_for("some:timeout ");
    journal_clear();
    sio_say(bob, "3%llu[\"late\"]", late);
    sio_expect_nothing(bob);
    return is_half;
}

/* How long it waits: the call's own word, the target's, else 5 s. */
static void test_a_timeout_hands_over_what_has_come(void **state)
{
    (void)state;
    struct sio ada, bob;
    uint32_t timeout_ms = 50;
    begin_server((belfry_options){ .workers = 2 });
    add_asking();
    start_server();
    sio_arrive_at(&ada, 0);
    sio_arrive_at(&bob, 1);
    while (!is_half_answered(&ada, &bob, timeout_ms)) {
        timeout_ms *= 2;
        assert_true(timeout_ms < 10000);
    }
    assert_int_equal(
        belfry_call(belfry_timeout(belfry_everyone(io), 1), 0, on_reply, "none", "q", NULL),
        BELFRY_OK);
    /* Not: how many were asked. The workers may not have said it yet. */
    journal_wait_for("none:timeout ");
    journal_clear();
    (void)take_question(&ada, "[\"q\"]");
    (void)take_question(&bob, "[\"q\"]");
    assert_int_equal(belfry_call(belfry_everyone(io), BELFRY_OFF, on_reply, "for ever", "q", NULL),
                     BELFRY_OK);
    unsigned long long id = take_question(&ada, "[\"q\"]");
    unsigned long long other = take_question(&bob, "[\"q\"]");
    sio_say(&ada, "3%llu[]", id);
    sio_expect_nothing(&ada);
    sio_say(&bob, "3%llu[]", other);
    journal_expect("for ever:ok 2 [][];");
    sio_drop(&ada);
    sio_drop(&bob);
    end_server();
}

/* --- calls of calls ---------------------------------------------------------------------------*/

static void on_reply_ask_again(belfry_err err, belfry_msg *const *replies, unsigned count,
                               unsigned expected, void *user)
{
    int *left = user;
    on_reply(err, replies, count, expected, "chain");
    if (--*left == 0)
        return;
    belfry_err asked =
        belfry_call(belfry_in(io, "tower"), 0, on_reply_ask_again, user, "q", "i", *left);
    if (asked != BELFRY_OK)
        note("refused;");
}

static void test_a_reply_may_be_followed_by_another_call(void **state)
{
    (void)state;
    struct sio ada;
    int left = 3;
    begin_server((belfry_options){ .workers = 2 });
    add_asking();
    start_server();
    sio_arrive_at(&ada, 1);
    sio_enter(&ada, "tower");
    assert_int_equal(
        belfry_call(belfry_in(io, "tower"), 0, on_reply_ask_again, &left, "q", "i", left),
        BELFRY_OK);
    for (int i = 3; i > 0; i--) {
        char want[32];
        (void)snprintf(want, sizeof want, "[\"q\",%d]", i);
        unsigned long long id = take_question(&ada, want);
        sio_say(&ada, "3%llu[%d]", id, i);
        (void)snprintf(want, sizeof want, "chain:ok 1 [%d];", i);
        journal_expect(want);
    }
    sio_drop(&ada);
    end_server();
}

static void test_a_stop_ends_calls_and_no_new_ones_begin(void **state)
{
    (void)state;
    struct sio ada, bob;
    int left = 2;
    begin_server((belfry_options){ .workers = 2 });
    add_asking();
    start_server();
    sio_arrive_at(&ada, 0);
    sio_arrive_at(&bob, 1);
    sio_enter(&ada, "tower");
    sio_enter(&bob, "tower");
    belfry_target tower = belfry_timeout(belfry_in(io, "tower"), BELFRY_OFF);
    assert_int_equal(belfry_call(tower, 0, on_reply_ask_again, &left, "q", NULL), BELFRY_OK);
    (void)take_question(&ada, "[\"q\"]");
    (void)take_question(&bob, "[\"q\"]");
    belfry_stop(server);
    /* Not: how many were asked. The workers may not have said it yet. */
    journal_wait_for("chain:gone ");
    journal_wait_for(" ;refused;");
    assert_null(strstr(journal.text, "chain:ok"));
    journal_clear();
    sio_drop(&ada);
    sio_drop(&bob);
    end_server();
}

static void on_peers(belfry_err err, const belfry_peer *peers, unsigned count, void *user)
{
    (void)peers;
    (void)user;
    (void)err;
    note("peers %u;", count);
}

/* Whatever was accepted is answered, also when the server never ran or has stopped. */
static void test_calls_around_a_servers_life_are_answered(void **state)
{
    (void)state;
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    belfry_stop(server);
    belfry_err err = belfry_call(belfry_everyone(io), 0, on_reply, "late", "q", NULL);
    belfry_free(server);
    if (err == BELFRY_OK)
        journal_wait_for("late:");
    journal_clear();
    begin_server((belfry_options){ .workers = 2 });
    err = belfry_call(belfry_everyone(io), 0, on_reply, "early", "q", NULL);
    start_server();
    if (err == BELFRY_OK)
        journal_expect("early:ok 0 ;");
    end_server();
    begin_server((belfry_options){ .workers = 2 });
    start_server();
    belfry_stop(server);
    err = belfry_fetch_sockets(belfry_everyone(io), on_peers, NULL);
    belfry_free(server);
    if (err == BELFRY_OK)
        journal_wait_for("peers 0;");
    journal_clear();
}

/* --- many at once -----------------------------------------------------------------------------*/

#define THREADS 3
#define CALLS 40

static void count_reply(belfry_err err, belfry_msg *const *replies, unsigned count,
                        unsigned expected, void *user)
{
    (void)replies;
    HANDLER_EXPECT(err == BELFRY_OK && count == 2 && expected == 2);
    atomic_fetch_add((atomic_int *)user, 1);
    note(".");
}

static void *call_often(void *arg)
{
    for (unsigned i = 0; i < CALLS; i++) {
        belfry_err err;
        while ((err = belfry_call(belfry_in(io, "tower"), 30000, count_reply, arg, "q", NULL)) ==
               BELFRY_ERR_AGAIN)
            (void)sched_yield();
        HANDLER_EXPECT(err == BELFRY_OK);
    }
    return NULL;
}

static void test_calls_of_many_threads_are_all_answered(void **state)
{
    (void)state;
    static atomic_int answered;
    struct sio people[2];
    pthread_t threads[THREADS];
    atomic_store(&answered, 0);
    begin_server((belfry_options){ .workers = 2 });
    add_asking();
    start_server();
    for (int i = 0; i < 2; i++) {
        sio_arrive_at(&people[i], i);
        sio_enter(&people[i], "tower");
    }
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, call_often, &answered), 0);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < THREADS * CALLS; k++)
            sio_say(&people[i], "3%llu[]", take_question(&people[i], "[\"q\"]"));
    }
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    char dots[THREADS * CALLS + 1];
    memset(dots, '.', sizeof dots - 1);
    dots[sizeof dots - 1] = '\0';
    journal_expect(dots);
    assert_int_equal(atomic_load(&answered), THREADS * CALLS);
    for (int i = 0; i < 2; i++)
        sio_drop(&people[i]);
    end_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_is_answered_once_and_only_if_it_asks),
        cmocka_unit_test(test_answers_may_come_later_from_threads),
        cmocka_unit_test(test_one_socket_is_asked),
        cmocka_unit_test(test_answers_are_kept_up_to_a_bound),
        cmocka_unit_test(test_calls_in_one_batch_have_their_own_answers),
        cmocka_unit_test(test_a_room_on_several_workers_is_asked_from_a_foreign_thread),
        cmocka_unit_test(test_a_timeout_hands_over_what_has_come),
        cmocka_unit_test(test_a_reply_may_be_followed_by_another_call),
        cmocka_unit_test(test_a_stop_ends_calls_and_no_new_ones_begin),
        cmocka_unit_test(test_calls_around_a_servers_life_are_answered),
        cmocka_unit_test(test_calls_of_many_threads_are_all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
