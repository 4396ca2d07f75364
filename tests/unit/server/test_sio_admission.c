/*
 * test_sio_admission.c - who may connect: middlewares that decide now or later, namespaces that
 * exist or are made, limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/server/sio_client.h"

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_bytes auth = belfry_msg_raw(msg);
    (void)user;
    HANDLER_EXPECT(strcmp(belfry_msg_event(msg), "connection") == 0);
    HANDLER_EXPECT(!belfry_wants_ack(msg) && belfry_ack(msg, "i", 1) == BELFRY_OK);
    note("in %s %.*s;", belfry_nsp_name(belfry_sock_nsp(sock)), (int)auth.size,
         (const char *)auth.data);
}

static void on_disconnect(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    (void)msg;
    (void)user;
    note("out;");
}

static void add_moments(belfry_nsp *nsp)
{
    assert_int_equal(belfry_on(nsp, "connect", on_connection, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(nsp, "disconnect", on_disconnect, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(nsp, "sync", on_sync, NULL), BELFRY_OK);
}

/* --- saying it at once ------------------------------------------------------------------------*/

static belfry_err pass(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *text = NULL;
    (void)belfry_args(msg, "{s?:s}", "do", &text);
    note("%s;", (const char *)user);
    if (text == NULL)
        return BELFRY_OK;
    if (strcmp(text, "refuse") == 0)
        return belfry_refuse(sock, "no \"entry\"", NULL);
    if (strcmp(text, "data") == 0)
        return belfry_refuse(sock, "no", "{s:i}", "code", 7);
    if (strcmp(text, "several") == 0)
        return belfry_refuse(sock, "no", "i, s", 1, "b");
    if (strcmp(text, "twice") == 0) {
        (void)belfry_refuse(sock, "first", "i", 1);
        return belfry_refuse(sock, "last", NULL);
    }
    if (strcmp(text, "changed mind") == 0) {
        HANDLER_EXPECT(belfry_refuse(sock, "no", NULL) != BELFRY_OK);
        return BELFRY_OK;
    }
    if (strcmp(text, "bare") == 0)
        return BELFRY_ERR_LIMIT;
    if (strcmp(text, "bad format") == 0)
        return belfry_refuse(sock, "anyway", "?");
    if (strcmp(text, "leave") == 0)
        belfry_disconnect(sock, BELFRY_THIS_NAMESPACE);
    if (strcmp(text, "hang up") == 0)
        belfry_disconnect(sock, BELFRY_WHOLE_CONNECTION);
    return BELFRY_OK;
}

static void test_middlewares_decide_in_the_order_of_adding(void **state)
{
    (void)state;
    static const struct {
        const char *what, *answer;
    } rows[] = {
        { "refuse", "4{\"message\":\"no \\\"entry\\\"\"}" },
        { "data", "4{\"message\":\"no\",\"data\":{\"code\":7}}" },
        { "several", "4{\"message\":\"no\",\"data\":[1,\"b\"]}" },
        { "twice", "4{\"message\":\"last\"}" },
        { "bare", "4{\"message\":\"a configured limit is reached\"}" },
        { "bad format", "4{\"message\":\"anyway\"}" },
        { "leave", "1" },
    };
    struct sio ada;
    begin_server((belfry_options){ 0 });
    assert_int_equal(belfry_use(io, pass, "m1"), BELFRY_OK);
    assert_int_equal(belfry_use(io, pass, "m2"), BELFRY_OK);
    add_moments(io);
    start_server();
    assert_int_equal(belfry_use(io, pass, "m3"), BELFRY_ERR_STATE);
    sio_open(&ada);
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) { /* the connection stays: it may try again */
        sio_say(&ada, "0{\"do\":\"%s\"}", rows[i].what);
        sio_expect(&ada, rows[i].answer);
        journal_expect("m1;");
    }
    assert_int_equal(belfry_nsp_members(io), 0);
    sio_join(&ada, "/", "{\"do\":\"changed mind\"}");
    journal_expect("m1;m2;in / {\"do\":\"changed mind\"};");
    sio_drop(&ada);
    journal_expect("out;");
    sio_open(&ada);
    sio_say(&ada, "0{\"do\":\"hang up\"}");
    sio_wait_for_end(&ada);
    journal_expect("m1;");
    sio_arrive(&ada);
    journal_expect("m1;m2;in / {};");
    sio_drop(&ada);
    journal_expect("out;");
    end_server();
}

static void refuse_late(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    HANDLER_EXPECT(belfry_refuse(sock, "too late", NULL) == BELFRY_ERR_STATE);
    HANDLER_EXPECT(strcmp(belfry_strerror(BELFRY_ERR_STATE), belfry_why(server)) != 0);
}

static belfry_err pass_and_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    HANDLER_EXPECT(belfry_join(sock, "a") == BELFRY_OK);
    HANDLER_EXPECT(belfry_join(sock, "b") == BELFRY_OK);
    HANDLER_EXPECT(belfry_join(sock, "a") == BELFRY_OK);
    HANDLER_EXPECT(belfry_join(sock, "c") == BELFRY_ERR_LIMIT); /* max_rooms_per_socket */
    HANDLER_EXPECT(belfry_leave(sock, "b") == BELFRY_OK);
    HANDLER_EXPECT(belfry_leave(sock, "b") == BELFRY_ERR_NOT_FOUND);
    HANDLER_EXPECT(belfry_join(sock, "") == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_emit(belfry_only(sock), "early", "i", 1) == BELFRY_OK);
    HANDLER_EXPECT(belfry_emit(belfry_in(io, "a"), "others", NULL) == BELFRY_OK);
    HANDLER_EXPECT(belfry_nsp_members(io) == 0 && belfry_members(io, "a") == 0);
    return BELFRY_OK;
}

static void on_welcome(belfry_sock *sock, belfry_msg *msg, void *user)
{
    char rooms[64] = "";
    (void)msg;
    (void)user;
    belfry_each_room(sock, append_room, rooms);
    HANDLER_EXPECT(strcmp(rooms, "a ") == 0);
    HANDLER_EXPECT(belfry_members(io, "a") == 1);
    HANDLER_EXPECT(belfry_emit(belfry_only(sock), "welcome", NULL) == BELFRY_OK);
    HANDLER_EXPECT(belfry_emit(belfry_in(io, "a"), "in a", NULL) == BELFRY_OK);
}

static void test_what_middlewares_say_comes_before_the_answer(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .max_rooms_per_socket = 2 });
    assert_int_equal(belfry_use(io, pass_and_join, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "connection", on_welcome, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "connection", refuse_late, NULL), BELFRY_OK);
    start_server();
    sio_open(&ada);
    sio_say(&ada, "0");
    sio_expect(&ada, "2[\"early\",1]");
    sio_take_connect(&ada);
    sio_expect(&ada, "2[\"welcome\"]");
    sio_expect(&ada, "2[\"in a\"]");
    sio_drop(&ada);
    end_server();
}

/* --- saying it later --------------------------------------------------------------------------*/

/* Who waits for a verdict; and then the middleware that asked. */
static struct {
    pthread_mutex_t lock; /* guards ids */
    belfry_id ids[64];
    unsigned count;
} waiting = { .lock = PTHREAD_MUTEX_INITIALIZER };

static belfry_err pass_later(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    pthread_mutex_lock(&waiting.lock);
    waiting.ids[waiting.count++] = belfry_sock_id(sock);
    pthread_mutex_unlock(&waiting.lock);
    note("later;");
    return BELFRY_LATER;
}

static void forget_waiting(void)
{
    pthread_mutex_lock(&waiting.lock);
    waiting.count = 0;
    pthread_mutex_unlock(&waiting.lock);
}

static belfry_id take_waiting(void)
{
    belfry_id id = 0;
    journal_expect("later;");
    pthread_mutex_lock(&waiting.lock);
    if (waiting.count > 0)
        id = waiting.ids[--waiting.count];
    pthread_mutex_unlock(&waiting.lock);
    assert_true(id != 0);
    return id;
}

static void test_a_verdict_may_come_later_from_any_thread(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_use(io, pass_later, NULL), BELFRY_OK);
    assert_int_equal(belfry_use(io, pass_later, NULL), BELFRY_OK);
    add_moments(io);
    start_server();
    sio_open(&ada);
    sio_say(&ada, "0{\"n\":1}");
    belfry_id id = take_waiting();
    assert_int_equal(belfry_reject(server, id, "not you", "[i,i]", 1, 2), BELFRY_OK);
    sio_expect(&ada, "4{\"message\":\"not you\",\"data\":[1,2]}");
    assert_int_equal(belfry_accept(server, id), BELFRY_OK); /* too late: that one is gone */
    sio_say(&ada, "0{\"n\":2}");
    id = take_waiting();
    assert_int_equal(belfry_reject(server, id, "x", "?"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_accept(server, id), BELFRY_OK); /* the next one is asked */
    id = take_waiting();
    assert_int_equal(belfry_accept(server, id), BELFRY_OK);
    sio_take_connect(&ada);
    journal_expect("in / {\"n\":2};");
    assert_int_equal(belfry_accept(server, id), BELFRY_OK); /* and once more: nothing happens */
    assert_int_equal(belfry_reject(server, id, "late", NULL), BELFRY_OK);
    sio_expect_nothing(&ada);
    assert_int_equal(belfry_accept(server, 0), BELFRY_ERR_GONE);
    assert_int_equal(belfry_reject(server, UINT64_MAX, "x", NULL), BELFRY_ERR_GONE);
    sio_drop(&ada);
    journal_expect("out;");
    end_server();
}

static void test_a_connection_may_be_lost_before_the_verdict(void **state)
{
    (void)state;
    struct sio ada, bob;
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_use(io, pass_later, NULL), BELFRY_OK);
    add_moments(io);
    belfry_nsp *open = belfry_of(server, "/open");
    add_moments(open);
    start_server();
    sio_open(&ada);
    sio_join(&ada, "/open", "");
    journal_expect("in /open {};");
    sio_say(&ada, "0");
    belfry_id id = take_waiting();
    sio_drop(&ada);
    journal_expect("out;"); /* of the other namespace: here it never was */
    assert_int_equal(belfry_accept(server, id), BELFRY_OK);
    sio_open(&bob); /* one that leaves while it waits */
    sio_say(&bob, "0");
    id = take_waiting();
    sio_say(&bob, "1");
    sio_say(&bob, "0");
    belfry_id again = take_waiting();
    assert_true(again != id);
    assert_int_equal(belfry_accept(server, id), BELFRY_OK);
    assert_int_equal(belfry_reject(server, again, "no", NULL), BELFRY_OK);
    sio_expect(&bob, "4{\"message\":\"no\"}");
    sio_say(&bob, "0"); /* one that speaks before it is in */
    id = take_waiting();
    sio_say(&bob, "2[\"sync\"]");
    sio_wait_for_end(&bob);
    assert_int_equal(belfry_accept(server, id), BELFRY_OK);
    sio_open(&bob); /* and one that waits when the server stops */
    sio_say(&bob, "0");
    id = take_waiting();
    belfry_stop(server);
    (void)belfry_accept(server, id);
    sio_drop(&bob);
    end_server();
}

/* Verdicts of another thread race with the middleware's own return, and with the end. */
static atomic_bool is_judging;

static void *judge(void *arg)
{
    unsigned done = 0;
    (void)arg;
    while (atomic_load(&is_judging)) {
        pthread_mutex_lock(&waiting.lock);
        belfry_id id = waiting.count > 0 ? waiting.ids[--waiting.count] : 0;
        pthread_mutex_unlock(&waiting.lock);
        belfry_err err = BELFRY_OK;
        if (id != 0)
            err = done++ % 2 == 0 ? belfry_accept(server, id)
                                  : belfry_reject(server, id, "no", "i", 1);
        else
            (void)sched_yield();
        HANDLER_EXPECT(err == BELFRY_OK);
    }
    return NULL;
}

static belfry_err pass_to_judge(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    pthread_mutex_lock(&waiting.lock);
    waiting.ids[waiting.count++] = belfry_sock_id(sock);
    pthread_mutex_unlock(&waiting.lock);
    return BELFRY_LATER;
}

static void test_verdicts_of_another_thread_are_heard_once(void **state)
{
    (void)state;
    pthread_t thread;
    unsigned accepted = 0;
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_use(io, pass_to_judge, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    forget_waiting();
    atomic_store(&is_judging, true);
    assert_int_equal(pthread_create(&thread, NULL, judge, NULL), 0);
    for (unsigned i = 0; i < 40; i++) {
        struct sio ada;
        sio_open(&ada);
        sio_say(&ada, "0");
        if (i % 4 != 3) {
            const char *answer = sio_take(&ada);
            bool is_in = answer[0] == '0';
            if (!is_in)
                assert_string_equal(answer, "4{\"message\":\"no\",\"data\":1}");
            accepted += is_in;
            if (is_in)
                sio_expect_nothing(&ada);
        }
        sio_drop(&ada); /* some without waiting for the answer */
    }
    assert_true(accepted > 0 && accepted < 30);
    atomic_store(&is_judging, false);
    assert_int_equal(pthread_join(thread, NULL), 0);
    end_server();
    forget_waiting();
}

/* --- namespaces -------------------------------------------------------------------------------*/

static bool accept_even(const char *name, void *user)
{
    HANDLER_EXPECT(strcmp(user, "even") == 0);
    return strncmp(name, "/n", 2) == 0 && (name[strlen(name) - 1] - '0') % 2 == 0;
}

static void on_namespace(belfry_nsp *nsp, void *user)
{
    HANDLER_EXPECT(strcmp(user, "told") == 0);
    note("made %s;", belfry_nsp_name(nsp));
}

static void test_namespaces_are_made_as_clients_ask_for_them(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ 0 });
    belfry_nsp *chat = belfry_of(server, "chat"); /* a leading slash may be left out */
    assert_ptr_equal(belfry_of(server, "/chat"), chat);
    assert_string_equal(belfry_nsp_name(chat), "/chat");
    assert_ptr_equal(belfry_of(server, ""), io);
    assert_ptr_equal(belfry_of(server, "/"), io);
    assert_null(belfry_of_pattern(server, "^(/x"));
    assert_non_null(strstr(belfry_why(server), "regular expression"));
    assert_null(belfry_of_pattern(NULL, "^/x"));
    assert_null(belfry_of_match(NULL, accept_even, NULL));
    belfry_nsp *rooms = belfry_of_pattern(server, "^/room-[0-9]+$");
    belfry_nsp *even = belfry_of_match(server, accept_even, "even");
    assert_int_equal(belfry_on_namespace(server, on_namespace, "told"), BELFRY_OK);
    assert_int_equal(belfry_use(rooms, pass, "room"), BELFRY_OK);
    add_moments(rooms);
    add_moments(even);
    add_moments(chat);
    start_server();
    assert_null(belfry_of_pattern(server, "^/late"));
    assert_null(belfry_of_match(server, accept_even, NULL));
    assert_int_equal(belfry_on_namespace(server, on_namespace, NULL), BELFRY_ERR_STATE);
    sio_open(&ada);
    static const char *const none[] = {
        "/nowhere", "/room-", "/room-1x", "/chat/", "/n1", "/Chat"
    };
    for (size_t i = 0; i < BELFRY_COUNT(none); i++) {
        char want[96];
        (void)snprintf(want, sizeof want, "4%s,{\"message\":\"Invalid namespace\"}", none[i]);
        sio_ask_in(&ada, none[i], "");
        sio_expect(&ada, want);
    }
    journal_expect("");
    sio_join(&ada, "/room-1", "");
    journal_expect("made /room-1;room;in /room-1 {};");
    sio_join(&ada, "/n2", "{\"a\":1}");
    journal_expect("made /n2;in /n2 {\"a\":1};");
    sio_join(&ada, "/chat", "");
    journal_expect("in /chat {};");
    sio_say(&ada, "1/room-1,");
    journal_expect("out;");
    sio_join(&ada, "/room-1", ""); /* it is made once */
    journal_expect("room;in /room-1 {};");
    /* The application attaches one to the parent, and hears of it from itself only. */
    belfry_nsp *mine = belfry_of(server, "/room-2");
    assert_non_null(mine);
    sio_join(&ada, "/room-2", "");
    journal_expect("room;in /room-2 {};");
    assert_int_equal(belfry_nsp_members(mine), 1);
    assert_int_equal(belfry_emit(belfry_everyone(rooms), "e", NULL), BELFRY_OK);
    sio_expect(&ada, "2/room-1,[\"e\"]");
    sio_expect(&ada, "2/room-2,[\"e\"]");
    sio_drop(&ada);
    journal_expect("out;out;out;out;");
    end_server();
}

static void test_names_that_cannot_be_are_refused(void **state)
{
    (void)state;
    char most[258] = "/", more[259] = "/";
    memset(most + 1, 'x', 255);
    memset(more + 1, 'x', 256);
    begin_server((belfry_options){ .max_namespaces = 3 });
    static const char *const bad[] = { "/a,b", "/a\nb", "/\xff", "a,b" };
    for (size_t i = 0; i < BELFRY_COUNT(bad); i++) {
        assert_null(belfry_of(server, bad[i]));
        assert_non_null(strstr(belfry_why(server), "name"));
    }
    assert_null(belfry_of(server, more));
    assert_null(belfry_of(server, NULL));
    assert_null(belfry_of(NULL, "/x"));
    assert_non_null(belfry_of(server, most));
    assert_non_null(belfry_of(server, "/a b?c"));
    assert_null(belfry_of(server, "/too many"));
    assert_non_null(strstr(belfry_why(server), "max_namespaces"));
    assert_non_null(belfry_of(server, most));
    belfry_free(server);
}

/* --- whose they are ---------------------------------------------------------------------------*/

static const char *allow_named(belfry_request *req, void *user)
{
    const char *name = belfry_request_query(req, "name");
    (void)user;
    if (name != NULL)
        HANDLER_EXPECT(belfry_request_set_user(req, name) == BELFRY_OK);
    return NULL;
}

static belfry_err name_by_token(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *token = NULL;
    (void)user;
    (void)belfry_args(msg, "{s?:s}", "token", &token);
    if (token == NULL)
        return BELFRY_OK;
    HANDLER_EXPECT(belfry_sock_set_user(sock, NULL) == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_sock_set_user(sock, "\xff") == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_sock_set_user(sock, "nobody") == BELFRY_OK);
    return belfry_sock_set_user(sock, token);
}

static void note_user(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *name = belfry_sock_user(sock);
    (void)msg;
    (void)user;
    note("%s %s;", belfry_nsp_name(belfry_sock_nsp(sock)), name != NULL ? name : "-");
    HANDLER_EXPECT(!belfry_is_in(sock, "tower"));
    HANDLER_EXPECT(belfry_join(sock, "tower") == BELFRY_OK);
    HANDLER_EXPECT(belfry_is_in(sock, "tower") && !belfry_is_in(sock, "towe"));
    HANDLER_EXPECT(belfry_sock_set_user(sock, "late") == BELFRY_ERR_STATE);
}

static void test_names_come_from_the_application_first(void **state)
{
    (void)state;
    static const struct {
        const char *query, *auth;
        const char *noted; /* NULL: refused */
    } rows[] = {
        { "", "", "/ -;" },
        { "", "{\"user\":\"ada\"}", "/ ada;" },
        { "", "{\"user\":7}", "/ -;" },
        { "&user=bob", "", "/ bob;" },
        { "&user=bob", "{\"user\":\"ada\"}", "/ ada;" },
        { "&name=cy", "{\"user\":\"ada\"}", "/ cy;" },
        { "", "{\"user\":\"ada\",\"token\":\"dan\"}", "/ dan;" },
        { "&name=cy", "{\"token\":\"dan\"}", "/ dan;" },
        { "", "{\"user\":\"a\\nb\"}", NULL },
        { "&user=a%0Ab", "", NULL },
        { "", "{\"user\":\"12345678901234567\"}", NULL },
    };
    static const belfry_socketio_hooks hooks = { .allow = allow_named };
    begin_server((belfry_options){ .max_room_name_bytes = 16 });
    assert_int_equal(belfry_socketio(server, "/socket.io", &hooks), BELFRY_OK);
    belfry_nsp *admin = belfry_of(server, "/admin");
    assert_int_equal(belfry_rooms_io(io), BELFRY_OK);
    assert_int_equal(belfry_use(io, name_by_token, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "connection", note_user, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(admin, "connection", note_user, NULL), BELFRY_OK);
    start_server();
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        struct sio s;
        sio_open_with(&s, "/socket.io/", rows[i].query, "");
        sio_ask_in(&s, "/", rows[i].auth);
        if (rows[i].noted == NULL)
            sio_expect(&s, "4{\"message\":\"user: too long, or has control characters\"}");
        else
            journal_expect(rows[i].noted);
        sio_drop(&s);
    }
    struct sio s;
    sio_open_with(&s, "/socket.io/", "&name=cy", "");
    sio_join(&s, "/admin", "");
    journal_expect("/admin cy;"); /* in every namespace */
    sio_drop(&s);
    end_server();
}

/* --- limits -----------------------------------------------------------------------------------*/

static void test_namespaces_that_nobody_is_in_make_room_for_others(void **state)
{
    (void)state;
    struct sio ada, bob;
    begin_server((belfry_options){ .max_namespaces = 3, .workers = 2 });
    belfry_nsp *rooms = belfry_of_pattern(server, "^/r");
    add_moments(rooms);
    start_server();
    sio_open(&ada);
    sio_open(&bob);
    sio_join(&ada, "/r1", "");
    sio_join(&ada, "/r2", "");
    journal_expect("in /r1 {};in /r2 {};");
    sio_ask_in(&bob, "/r3", "");
    sio_expect(&bob, "4/r3,{\"message\":\"too many namespaces\"}");
    sio_say(&ada, "1/r1,");
    sio_say(&ada, "2/r2,9[\"sync\"]");
    sio_expect(&ada, "3/r2,9[]"); /* it is out, and that is known */
    journal_expect("out;");
    sio_join(&bob, "/r3", ""); /* in the place of /r1 */
    journal_expect("in /r3 {};");
    sio_ask_in(&ada, "/r1", "");
    sio_expect(&ada, "4/r1,{\"message\":\"too many namespaces\"}");
    sio_say(&bob, "1/r3,");
    journal_expect("out;");
    assert_non_null(belfry_of(server, "/r3")); /* the application has it: it is kept */
    sio_ask_in(&ada, "/r1", "");
    sio_expect(&ada, "4/r1,{\"message\":\"too many namespaces\"}");
    sio_join(&bob, "/r3", "");
    journal_expect("in /r3 {};");
    assert_null(belfry_of(server, "/static"));
    sio_drop(&ada);
    sio_drop(&bob);
    journal_expect("out;out;");
    end_server();
}

static void test_one_connection_is_in_so_many_namespaces(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .max_namespaces_per_connection = 2 });
    belfry_nsp *rooms = belfry_of_pattern(server, "^/r");
    assert_int_equal(belfry_on(rooms, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    sio_join(&ada, "/r1", "");
    sio_ask_in(&ada, "/r2", "");
    sio_expect(&ada, "4/r2,{\"message\":\"too many namespaces\"}");
    sio_say(&ada, "1/r1,");
    sio_join(&ada, "/r2", "");
    sio_say(&ada, "0/r2,"); /* twice: the connection ends */
    sio_wait_for_end(&ada);
    end_server();
}

static void test_auth_and_attachments_have_bounds(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .max_auth_bytes = 16 });
    add_moments(io);
    start_server();
    sio_open(&ada);
    sio_say(&ada, "0{\"a\":\"123456789\"}"); /* 17 */
    sio_expect(&ada, "4{\"message\":\"auth is too large\"}");
    sio_join(&ada, "/", "{\"a\":\"12345678\"}");
    journal_expect("in / {\"a\":\"12345678\"};");
    sio_say(&ada, "511-[\"e\"]"); /* max_attachments is 10 */
    sio_wait_for_end(&ada);
    journal_expect("out;");
    end_server();
}

static void test_who_joins_no_namespace_is_closed(void **state)
{
    (void)state;
    struct sio ada, bob;
    begin_server((belfry_options){ .connect_timeout_ms = 100 });
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&bob);
    sio_open(&ada);
    sio_wait_for_end(&ada);
    sio_expect_nothing(&bob); /* this one stays, whatever the time */
    sio_open(&ada);           /* to be refused is not enough */
    sio_ask_in(&ada, "/none", "");
    sio_expect(&ada, "4/none,{\"message\":\"Invalid namespace\"}");
    sio_wait_for_end(&ada);
    sio_drop(&bob);
    end_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_middlewares_decide_in_the_order_of_adding),
        cmocka_unit_test(test_what_middlewares_say_comes_before_the_answer),
        cmocka_unit_test(test_a_verdict_may_come_later_from_any_thread),
        cmocka_unit_test(test_a_connection_may_be_lost_before_the_verdict),
        cmocka_unit_test(test_verdicts_of_another_thread_are_heard_once),
        cmocka_unit_test(test_namespaces_are_made_as_clients_ask_for_them),
        cmocka_unit_test(test_names_that_cannot_be_are_refused),
        cmocka_unit_test(test_names_come_from_the_application_first),
        cmocka_unit_test(test_namespaces_that_nobody_is_in_make_room_for_others),
        cmocka_unit_test(test_one_connection_is_in_so_many_namespaces),
        cmocka_unit_test(test_auth_and_attachments_have_bounds),
        cmocka_unit_test(test_who_joins_no_namespace_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
