/*
 * test_sio_life.c - how sockets come, end, come back, and are told of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/server/sio_client.h"

#define MAGIC 0x5afe

struct data {
    int magic;
    char nsp[16];
};

static void free_data(void *data)
{
    struct data *d = data;
    note("free %s;", d->magic == MAGIC ? d->nsp : "?");
    d->magic = 0;
}

/* --- moments ----------------------------------------------------------------------------------*/

/* What a row of the test below does in one handler. */
static struct {
    _Atomic(const char *) where; /* that it is done in; NULL: nowhere */
    atomic_int extent;
} deed;

static bool is_done_in(const char *where)
{
    const char *wanted = atomic_load(&deed.where);
    return wanted != NULL && strcmp(wanted, where) == 0;
}

static void do_deed(belfry_sock *sock, const char *where)
{
    if (!is_done_in(where) || belfry_sock_nsp(sock) != io)
        return;
    belfry_disconnect(sock, (belfry_extent)atomic_load(&deed.extent));
    belfry_disconnect(sock, (belfry_extent)atomic_load(&deed.extent)); /* a no-op */
}

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct data *data = belfry_data(sock);
    const char *name = belfry_nsp_name(belfry_sock_nsp(sock));
    (void)msg;
    (void)user;
    HANDLER_EXPECT(data->magic == (belfry_sock_is_recovered(sock) ? MAGIC : 0)); /* zeroed */
    data->magic = MAGIC;
    (void)snprintf(data->nsp, sizeof data->nsp, "%s", name);
    note("%s %s;", belfry_sock_is_recovered(sock) ? "back" : "in", name);
    if (!belfry_sock_is_recovered(sock))
        HANDLER_EXPECT(belfry_join(sock, "tower") == BELFRY_OK);
    do_deed(sock, "connection");
}

static void note_end(belfry_sock *sock, belfry_msg *msg, const char *what)
{
    const char *reason = "";
    const char *description = "";
    char rooms[64] = "";
    HANDLER_EXPECT(belfry_args(msg, "s", &reason) == BELFRY_OK);
    if (json_array_size(belfry_msg_json(msg)) > 1)
        HANDLER_EXPECT(belfry_args(msg, "ss", &reason, &description) == BELFRY_OK);
    HANDLER_EXPECT(strcmp(belfry_msg_event(msg), what) == 0);
    HANDLER_EXPECT(((struct data *)belfry_data(sock))->magic == MAGIC);
    belfry_each_room(sock, append_room, rooms);
    note("%s %s %s(%s%s%s);", what, belfry_nsp_name(belfry_sock_nsp(sock)), rooms, reason,
         description[0] != '\0' ? ": " : "", description);
}

static void on_disconnecting(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    note_end(sock, msg, "disconnecting");
    do_deed(sock, "disconnecting");
}

static void on_disconnect(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    note_end(sock, msg, "disconnect");
    HANDLER_EXPECT(belfry_emit(belfry_only(sock), "x", NULL) == BELFRY_ERR_GONE);
    HANDLER_EXPECT(belfry_send_text(sock, "x") == BELFRY_ERR_GONE);
    HANDLER_EXPECT(belfry_join(sock, "x") == BELFRY_ERR_GONE);
    HANDLER_EXPECT(belfry_call(belfry_only(sock), 0, ignore_replies, NULL, "x", NULL) ==
                   BELFRY_ERR_GONE);
    do_deed(sock, "disconnect");
}

static void add_moments(belfry_nsp *nsp)
{
    assert_int_equal(belfry_on(nsp, "connection", on_connection, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(nsp, "disconnecting", on_disconnecting, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(nsp, "disconnect", on_disconnect, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(nsp, "sync", on_sync, NULL), BELFRY_OK);
    assert_int_equal(belfry_free_data(nsp, free_data), BELFRY_OK);
}

/* --- every way to end -------------------------------------------------------------------------*/

static void on_bye(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *how = "";
    (void)user;
    HANDLER_EXPECT(belfry_args(msg, "s", &how) == BELFRY_OK);
    HANDLER_EXPECT(belfry_emit(belfry_only(sock), "last word", NULL) == BELFRY_OK);
    if (strcmp(how, "this") == 0)
        belfry_disconnect(sock, BELFRY_THIS_NAMESPACE);
    else if (strcmp(how, "whole") == 0)
        belfry_disconnect(sock, BELFRY_WHOLE_CONNECTION);
    else if (strcmp(how, "close") == 0)
        belfry_close(sock, 4000, "has no meaning here");
    else if (strcmp(how, "close id") == 0)
        HANDLER_EXPECT(belfry_close_id(server, belfry_sock_id(sock), 1000, NULL) == BELFRY_OK);
    else
        HANDLER_EXPECT(belfry_disconnect_id(server, belfry_sock_id(sock), BELFRY_THIS_NAMESPACE) ==
                       BELFRY_OK);
}

enum ending { SAY, FRAME, DROP, IGNORE, BYE };

static void test_each_end_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum ending ending;
        const char *what;
        const char *reason;
    } rows[] = {
        { SAY, "41", "client namespace disconnect" },
        { SAY, "41/", "client namespace disconnect" },
        { DROP, NULL, "transport close" },
        { FRAME, "\x88\x82\x00\x00\x00\x00\x03\xe8", "transport close" },
        { SAY, "1", "transport close" },
        { SAY, "4zzz", "forced close" },
        { SAY, "42/nowhere,[\"e\"]", "forced close" },
        { SAY, "40", "forced close" }, /* connected already */
        { SAY, "44{\"message\":\"x\"}", "forced close" },
        { SAY, "x", "parse error" },
        { FRAME, "\x81\x01x", "transport error" }, /* no mask */
        { IGNORE, NULL, "ping timeout" },
        { BYE, "this", "server namespace disconnect" },
        { BYE, "whole", "server namespace disconnect" },
        { BYE, "close", "server namespace disconnect" },
        { BYE, "close id", "server namespace disconnect" },
        { BYE, "this id", "server namespace disconnect" },
    };
    struct sio ada;
    atomic_store(&deed.where, NULL);
    begin_server((belfry_options){ .workers = 2,
                                   .sock_data = sizeof(struct data),
                                   .ping_interval_ms = 200,
                                   .ping_timeout_ms = 1000 });
    add_moments(io);
    assert_int_equal(belfry_on(io, "bye", on_bye, NULL), BELFRY_OK);
    start_server();
    assert_int_equal(belfry_free_data(io, free_data), BELFRY_ERR_STATE);
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        char want[256];
        sio_arrive(&ada);
        journal_expect("in /;");
        switch (rows[i].ending) {
        case SAY:
            client_say(&ada.ws, rows[i].what);
            break;
        case FRAME:
            client_write(ada.ws.fd, rows[i].what[0] == '\x88' ? bytes_of(rows[i].what, 8)
                                                              : bytes_of_text(rows[i].what));
            break;
        case DROP:
            sio_drop(&ada);
            break;
        case IGNORE:
            break;
        case BYE:
            sio_say(&ada, "2[\"bye\",\"%s\"]", rows[i].what);
            sio_expect(&ada, "2[\"last word\"]");
            sio_expect(&ada, "1");
            break;
        }
        (void)snprintf(want, sizeof want, "disconnecting / tower (%s);disconnect / (%s);free /;",
                       rows[i].reason, rows[i].reason);
        journal_expect(want);
        sio_drop(&ada);
    }
    assert_int_equal(belfry_nsp_members(io), 0);
    assert_int_equal(belfry_members(io, "tower"), 0);
    sio_arrive(&ada);
    belfry_stop(server);
    journal_expect("in /;disconnecting / tower (server shutting down);"
                   "disconnect / (server shutting down);free /;");
    sio_drop(&ada);
    end_server();
}

static void test_ids_of_those_who_are_gone_disconnect_nobody(void **state)
{
    (void)state;
    struct sio ada;
    atomic_store(&deed.where, NULL);
    begin_server((belfry_options){ .workers = 2 });
    assert_int_equal(belfry_on(io, "sync", on_sync, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    assert_int_equal(belfry_disconnect_id(server, 0, BELFRY_THIS_NAMESPACE), BELFRY_ERR_GONE);
    assert_int_equal(belfry_disconnect_id(server, UINT64_MAX, BELFRY_THIS_NAMESPACE),
                     BELFRY_ERR_GONE);
    sio_expect_nothing(&ada);
    sio_drop(&ada);
    end_server();
}

/* --- disconnecting inside of handlers ---------------------------------------------------------*/

static belfry_err on_use(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    do_deed(sock, "middleware");
    return BELFRY_OK;
}

static void on_any(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    do_deed(sock, "any");
}

static belfry_err on_use_event(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    do_deed(sock, "event middleware");
    return strcmp(belfry_msg_event(msg), "bad") == 0 ? BELFRY_ERR_INVALID : BELFRY_OK;
}

static void on_error(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    do_deed(sock, "error");
}

static void on_reply(belfry_err err, belfry_msg *const *replies, unsigned count, unsigned expected,
                     void *user)
{
    (void)replies;
    (void)count;
    (void)expected;
    HANDLER_EXPECT(err == BELFRY_OK || err == BELFRY_ERR_GONE);
    const char *where = err == BELFRY_OK ? "reply" : "gone reply";
    if (is_done_in(where)) {
        belfry_extent extent = (belfry_extent)atomic_load(&deed.extent);
        (void)belfry_disconnect_id(server, (belfry_id)(uintptr_t)user, extent);
        if (extent == BELFRY_WHOLE_CONNECTION)
            HANDLER_EXPECT(belfry_disconnect_sockets(belfry_everyone(belfry_of(server, "/other")),
                                                     extent) == BELFRY_OK);
    }
}

static void on_event(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_call(belfry_only(sock), 0, on_reply,
                               (void *)(uintptr_t)belfry_sock_id(sock), "q", NULL) == BELFRY_OK);
    do_deed(sock, "event");
    if (is_done_in("event")) {
        belfry_err want = BELFRY_ERR_GONE;
        HANDLER_EXPECT(belfry_emit(belfry_only(sock), "x", NULL) == want);
        HANDLER_EXPECT(belfry_join(sock, "x") == want);
        (void)belfry_ack(msg, NULL); /* who is gone may still be answered, as in the reference */
    }
}

static unsigned count_in_journal(const char *text)
{
    unsigned count = 0;
    pthread_mutex_lock(&journal.lock);
    for (const char *at = journal.text; (at = strstr(at, text)) != NULL; at++)
        count++;
    pthread_mutex_unlock(&journal.lock);
    return count;
}

/* What makes the handler called @where run. */
static void provoke(struct sio *ada, const char *where)
{
    if (strstr(where, "disconnect") != NULL)
        sio_say(ada, "1");
    else if (strcmp(where, "error") == 0)
        sio_say(ada, "2[\"bad\"]");
    else if (strcmp(where, "connection") != 0 && strcmp(where, "middleware") != 0)
        sio_say(ada, "21[\"e\"]");
    if (strstr(where, "reply") == NULL)
        return;
    const char *question = sio_take(ada);
    assert_non_null(strstr(question, "[\"q\"]"));
    if (strcmp(where, "reply") == 0)
        sio_say(ada, "3%.*s[]", (int)(strchr(question, '[') - question) - 1, question + 1);
    else
        sio_say(ada, "1"); /* the call ends with the socket, inside of its end */
}

/* Whatever the handler: each of the two sockets ends once, with all that belongs to it. */
static void check_deed(const char *where, belfry_extent extent)
{
    struct sio ada;
    bool was_in = strcmp(where, "middleware") != 0;
    atomic_store(&deed.where, where);
    atomic_store(&deed.extent, extent);
    sio_open(&ada);
    sio_join(&ada, "/other", "");
    sio_say(&ada, "0");
    if (was_in)
        sio_take_connect(&ada);
    provoke(&ada, where);
    journal_wait_for(was_in ? "free /;" : "free ?;");
    if (extent == BELFRY_THIS_NAMESPACE) {
        const char *packet;
        sio_say(&ada, "2/other,8[\"sync\"]"); /* the other one is not touched */
        while (strcmp(packet = sio_take(&ada), "3/other,8[]") != 0)
            assert_string_not_equal(packet, "end");
        assert_int_equal(count_in_journal("/other"), 1);
        sio_drop(&ada);
    } else {
        sio_wait_for_end(&ada);
    }
    journal_wait_for("free /other;");
    if (count_in_journal("in /;") != was_in || count_in_journal("disconnecting / ") != was_in ||
        count_in_journal("disconnect / ") != was_in ||
        count_in_journal("disconnecting /other ") != 1 ||
        count_in_journal("disconnect /other ") != 1 || count_in_journal("free") != 2)
        fail_msg("%s, %d: %s", where, (int)extent, journal.text);
    journal_clear();
}

static void test_a_socket_may_be_disconnected_in_every_handler(void **state)
{
    (void)state;
    static const char *const places[] = { "connection", "event",         "any",
                                          "error",      "disconnecting", "event middleware",
                                          "disconnect", "middleware",    "reply",
                                          "gone reply" };
    atomic_store(&deed.where, NULL);
    begin_server((belfry_options){ .workers = 2, .sock_data = sizeof(struct data) });
    assert_int_equal(belfry_use(io, on_use, NULL), BELFRY_OK);
    assert_int_equal(belfry_on_any(io, on_any, NULL), BELFRY_OK);
    assert_int_equal(belfry_use_event(io, on_use_event, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "error", on_error, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "e", on_event, NULL), BELFRY_OK);
    add_moments(io);
    add_moments(belfry_of(server, "/other"));
    start_server();
    for (size_t i = 0; i < BELFRY_COUNT(places); i++) {
        check_deed(places[i], BELFRY_THIS_NAMESPACE);
        check_deed(places[i], BELFRY_WHOLE_CONNECTION);
    }
    atomic_store(&deed.where, NULL);
    end_server();
}

static belfry_err refuse_all(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct data *data = belfry_data(sock);
    const char *how = "";
    (void)user;
    *data = (struct data){ MAGIC, "refused" };
    (void)belfry_args(msg, "{s?:s}", "how", &how);
    if (strcmp(how, "later") == 0) {
        note("later;");
        return BELFRY_LATER;
    }
    return belfry_refuse(sock, "no", NULL);
}

static void test_data_of_those_who_were_never_in_is_freed_too(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .sock_data = sizeof(struct data) });
    assert_int_equal(belfry_use(io, refuse_all, NULL), BELFRY_OK);
    assert_int_equal(belfry_free_data(io, free_data), BELFRY_OK);
    start_server();
    sio_open(&ada);
    for (int i = 0; i < 3; i++) {
        sio_say(&ada, "0");
        sio_expect(&ada, "4{\"message\":\"no\"}");
        journal_expect("free refused;");
    }
    sio_say(&ada, "0{\"how\":\"later\"}");
    journal_expect("later;");
    sio_drop(&ada);
    journal_expect("free refused;");
    sio_open(&ada);
    sio_say(&ada, "0{\"how\":\"later\"}");
    journal_expect("later;");
    belfry_stop(server);
    journal_expect("free refused;");
    sio_drop(&ada);
    end_server();
}

/* --- telling of them -------------------------------------------------------------------------- */

static void on_peers(belfry_err err, const belfry_peer *peers, unsigned count, void *user)
{
    HANDLER_EXPECT(err == BELFRY_OK);
    for (unsigned i = 0; i < count; i++) {
        const belfry_peer *p = &peers[i];
        const struct data *data = p->data;
        HANDLER_EXPECT(p->id != 0 && strlen(p->id_text) == PUBLIC_ID_SIZE && p->user == NULL);
        HANDLER_EXPECT(data->magic == MAGIC && strcmp(data->nsp, "/") == 0);
        HANDLER_EXPECT(strcmp(p->url, "/socket.io/?EIO=4&transport=websocket") == 0);
        HANDLER_EXPECT(strncmp(p->address, "127.0.0.1:", 10) == 0 && p->issued_ms > 0);
        for (unsigned k = 0; k < p->room_count; k++)
            HANDLER_EXPECT(strcmp(p->rooms[k], "tower") == 0 || strcmp(p->rooms[k], "x") == 0);
        note("%u", p->room_count);
    }
    note(" %s;", (const char *)user);
}

static void fetch(belfry_target target, const char *want)
{
    assert_int_equal(belfry_fetch_sockets(target, on_peers, "all"), BELFRY_OK);
    journal_expect(want);
}

/* --- coming back ------------------------------------------------------------------------------*/

static void on_expired(belfry_nsp *nsp, const char *id_text, void *data, void *user)
{
    HANDLER_EXPECT(strcmp(user, "us") == 0 && strlen(id_text) == PUBLIC_ID_SIZE);
    HANDLER_EXPECT(((struct data *)data)->magic == MAGIC);
    note("expired %s;", belfry_nsp_name(nsp));
}

static atomic_ullong judged_id;

static belfry_err judge_return(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *how = "";
    (void)user;
    (void)belfry_args(msg, "{s?:s}", "how", &how);
    atomic_store(&judged_id, belfry_sock_id(sock));
    note("asked;");
    if (strcmp(how, "later") == 0) {
        (void)belfry_join(sock, "late room");
        return BELFRY_LATER;
    }
    return strcmp(how, "no") == 0 ? belfry_refuse(sock, "no", NULL) : BELFRY_OK;
}

static void begin_recovering(belfry_options options, bool runs_middlewares, uint32_t window_ms)
{
    belfry_recovery how = { .max_disconnection_ms = window_ms,
                            .runs_middlewares = runs_middlewares,
                            .expired = on_expired,
                            .user = "us" };
    atomic_store(&deed.where, NULL);
    options.sock_data = sizeof(struct data);
    begin_server(options);
    add_moments(io);
    assert_int_equal(belfry_recover(io, &how), BELFRY_OK);
}

/* The last argument of an event: where its client is. */
static void take_offset(struct sio *s, const char *event, char out[128])
{
    const char *packet = sio_take(s);
    char want[64];
    (void)snprintf(want, sizeof want, "2[\"%s\",\"", event);
    if (strncmp(packet, want, strlen(want)) != 0)
        fail_msg("%s", packet);
    (void)snprintf(out, 128, "%s", packet + strlen(want));
    *strchr(out, '"') = '\0';
}

/* In "/", with one event heard. */
static void arrive_with_offset(struct sio *s, int worker, char offset[128])
{
    sio_arrive_at(s, worker);
    assert_string_not_equal(s->pid, "");
    journal_wait_for("in /;");
    assert_int_equal(belfry_emit(belfry_in(io, s->sid), "first", NULL), BELFRY_OK);
    take_offset(s, "first", offset);
}

static void on_settled(belfry_err err, const belfry_peer *peers, unsigned count, void *user)
{
    (void)err;
    (void)peers;
    (void)count;
    (void)user;
    note("settled;");
}

/* It is kept behind its last callback: all workers have gone through what they were at. */
static void lose(struct sio *s)
{
    sio_drop(s);
    journal_wait_for("disconnect / (transport close);");
    assert_int_equal(belfry_fetch_sockets(belfry_everyone(io), on_settled, NULL), BELFRY_OK);
    journal_wait_for("settled;");
    journal_clear();
}

static void test_whoever_comes_back_is_who_it_was(void **state)
{
    (void)state;
    struct sio ada;
    char id[PUBLIC_ID_SIZE + 1], offset[128];
    begin_recovering((belfry_options){ .workers = 2 }, false, 0);
    assert_int_equal(belfry_use(io, judge_return, NULL), BELFRY_OK);
    start_server();
    assert_int_equal(belfry_recover(io, NULL), BELFRY_ERR_STATE);
    arrive_with_offset(&ada, 0, offset);
    for (int round = 0; round < 3; round++) {
        int worker = round % 2 == 0 ? 1 : 0; /* another one, then its first again */
        char pid[PUBLIC_ID_SIZE + 1];
        strcpy(id, ada.sid);
        strcpy(pid, ada.pid);
        lose(&ada);
        assert_int_equal(belfry_emit(belfry_in(io, id), "own", NULL), BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_in(io, "tower"), "room", NULL), BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_in(io, "else"), "other room", NULL), BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_except(belfry_everyone(io), id), "others", NULL),
                         BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_volatile(belfry_everyone(io)), "volatile", NULL),
                         BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_everyone(io), "all", NULL), BELFRY_OK);
        sio_open_at(&ada, worker);
        sio_say(&ada, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", pid, offset);
        take_offset(&ada, "own", offset); /* what it missed comes before the answer */
        take_offset(&ada, "room", offset);
        take_offset(&ada, "all", offset);
        sio_take_connect(&ada);
        assert_string_equal(ada.sid, id);
        assert_string_equal(ada.pid, pid);
        /* With its data; that of the new socket goes. No middleware was asked. */
        journal_expect("free ?;back /;");
        assert_int_equal(belfry_emit(belfry_in(io, id), "to its id", NULL), BELFRY_OK);
        take_offset(&ada, "to its id", offset);
        assert_int_equal(belfry_emit(belfry_except(belfry_everyone(io), id), "others", NULL),
                         BELFRY_OK);
        assert_int_equal(belfry_members(io, "tower"), 1);
        sio_expect_nothing(&ada);
    }
    sio_say(&ada, "1"); /* of its own will: it cannot come back */
    journal_expect("disconnecting / tower (client namespace disconnect);"
                   "disconnect / (client namespace disconnect);free /;");
    strcpy(id, ada.sid);
    sio_say(&ada, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", ada.pid, offset);
    sio_take_connect(&ada);
    assert_string_not_equal(ada.sid, id);
    journal_expect("asked;in /;");
    lose(&ada);
    belfry_free(server); /* who has not come back expires */
    server = NULL;
    journal_expect("expired /;free /;");
    assert_int_equal(atomic_load(&handlers_wrong), 0);
}

static void test_who_does_not_come_back_in_time_expires(void **state)
{
    (void)state;
    struct sio ada;
    char offset[128];
    begin_recovering((belfry_options){ .workers = 2 }, false, 50);
    start_server();
    arrive_with_offset(&ada, 0, offset);
    lose(&ada);
    journal_expect("expired /;free /;"); /* by itself */
    sio_open_at(&ada, 0);
    sio_say(&ada, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", "AAAAAAAAAAAAAAAAAAAA", offset);
    sio_take_connect(&ada);
    journal_expect("in /;");
    belfry_free(server);
    server = NULL;
    sio_drop(&ada);
    journal_wait_for("free /;");
    journal_clear();
}

static void test_middlewares_may_judge_those_who_come_back(void **state)
{
    (void)state;
    struct sio ada;
    char offset[128];
    static const struct {
        const char *how, *answer, *noted;
    } rows[] = {
        { "no", "4{\"message\":\"no\"}", "asked;expired /;free /;free ?;" },
        { "yes", NULL, "asked;free ?;back /;" },
        { "later", NULL, "free ?;back /;" },
    };
    begin_recovering((belfry_options){ .workers = 2 }, true, 0);
    assert_int_equal(belfry_use(io, judge_return, NULL), BELFRY_OK);
    start_server();
    for (size_t i = 0; i < BELFRY_COUNT(rows); i++) {
        char pid[PUBLIC_ID_SIZE + 1];
        arrive_with_offset(&ada, 0, offset);
        strcpy(pid, ada.pid);
        lose(&ada);
        sio_open(&ada);
        sio_say(&ada, "0{\"pid\":\"%s\",\"offset\":\"%s\",\"how\":\"%s\"}", pid, offset,
                rows[i].how);
        if (strcmp(rows[i].how, "later") == 0) {
            journal_expect("asked;");
            assert_int_equal(belfry_accept(server, atomic_load(&judged_id)), BELFRY_OK);
        }
        if (rows[i].answer != NULL)
            sio_expect(&ada, rows[i].answer);
        else
            sio_take_connect(&ada);
        journal_expect(rows[i].noted);
        if (rows[i].answer != NULL) {
            sio_drop(&ada);
            continue;
        }
        sio_expect_nothing(&ada);
        assert_int_equal(belfry_members(io, "late room"), strcmp(rows[i].how, "later") == 0);
        lose(&ada);
    }
    belfry_free(server);
    server = NULL;
    journal_expect("expired /;free /;expired /;free /;");
}

static void test_recovery_holds_for_children_in_any_order(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ 0 });
    belfry_nsp *rooms = belfry_of_pattern(server, "^/r");
    assert_non_null(belfry_of(server, "/r1")); /* is there before it is said */
    assert_int_equal(belfry_recover(rooms, NULL), BELFRY_OK);
    start_server();
    sio_open(&ada);
    for (int i = 1; i <= 2; i++) {
        sio_ask_in(&ada, i == 1 ? "/r1" : "/r2", "");
        assert_non_null(strstr(sio_take(&ada), "\"pid\""));
    }
    sio_drop(&ada);
    end_server();
}

/* The one room that may be is another one by now: the connection ends, and nothing is left of the
 * attempt, not even the note that the id lives on another worker. */
static void test_who_cannot_be_let_in_again_is_sent_away(void **state)
{
    (void)state;
    struct sio ada, bob;
    char offset[128], pid[PUBLIC_ID_SIZE + 1];
    begin_recovering((belfry_options){ .workers = 2, .max_rooms = 1 }, false, 0);
    start_server();
    arrive_with_offset(&ada, 0, offset);
    strcpy(pid, ada.pid);
    sio_arrive(&bob);
    journal_wait_for("in /;in /;");
    lose(&ada);
    assert_int_equal(belfry_sockets_leave(belfry_everyone(io), "tower"), BELFRY_OK);
    fetch(belfry_everyone(io), "0 all;"); /* it is done, and there may be another room */
    assert_int_equal(belfry_sockets_join(belfry_everyone(io), "x"), BELFRY_OK);
    fetch(belfry_everyone(io), "1 all;");
    assert_int_equal(belfry_members(io, "x"), 1);
    sio_open_at(&ada, 1);
    sio_say(&ada, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", pid, offset);
    sio_wait_for_end(&ada);
    journal_expect("expired /;free /;free ?;");
    sio_say(&bob, "1");
    journal_wait_for("free /;");
    journal_clear();
    sio_drop(&bob);
    end_server();
}

/* --- how it came ------------------------------------------------------------------------------*/

static void note_handshake(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *texts[] = { belfry_sock_url(sock), belfry_sock_header(sock, "X-Thing"),
                            belfry_sock_header(sock, "HOST"), belfry_sock_header(sock, "X-None") };
    const char *token = belfry_sock_query(sock, "token");
    (void)msg;
    (void)user;
    note("%s:", belfry_msg_event(msg));
    for (size_t i = 0; i < BELFRY_COUNT(texts); i++)
        note("%s|", texts[i] != NULL ? texts[i] : "-");
    note("%s|%s;", token != NULL ? token : "-", belfry_sock_auth(sock));
    HANDLER_EXPECT(belfry_sock_query(sock, "none") == NULL);
    HANDLER_EXPECT(strncmp(belfry_sock_address(sock), "127.0.0.1:", 10) == 0);
    HANDLER_EXPECT(!belfry_sock_is_secure(sock));
    HANDLER_EXPECT(strcmp(belfry_sock_transport(sock), "websocket") == 0);
    HANDLER_EXPECT(!belfry_sock_is_recovered(sock));
    HANDLER_EXPECT(belfry_sock_user(sock) == NULL);
    HANDLER_EXPECT(belfry_sock_server(sock) == server);
    HANDLER_EXPECT(belfry_data(sock) == NULL);
    HANDLER_EXPECT(belfry_queued(sock) < 1000);
    uint64_t issued_ms = belfry_sock_issued_ms(sock);
    HANDLER_EXPECT(issued_ms == 0 || belfry_now_ms() - issued_ms < 600000);
}

static void on_raw_open(belfry_sock *sock, void *user)
{
    (void)user;
    HANDLER_EXPECT(belfry_sock_url(sock) == NULL && belfry_sock_header(sock, "Host") == NULL);
    HANDLER_EXPECT(belfry_sock_query(sock, "q") == NULL && belfry_sock_issued_ms(sock) == 0);
    HANDLER_EXPECT(strcmp(belfry_sock_auth(sock), "{}") == 0);
    HANDLER_EXPECT(strcmp(belfry_sock_transport(sock), "websocket") == 0);
    HANDLER_EXPECT(belfry_sock_nsp(sock) == io && !belfry_sock_is_recovered(sock));
    belfry_disconnect(sock, BELFRY_THIS_NAMESPACE); /* a close with 1000 */
}

static void test_a_socket_knows_how_it_came(void **state)
{
    (void)state;
    for (int forgets = 0; forgets < 2; forgets++) {
        struct sio ada;
        struct client raw;
        begin_server((belfry_options){ .forget_handshakes = forgets != 0 });
        assert_int_equal(belfry_on(io, "connection", note_handshake, NULL), BELFRY_OK);
        assert_int_equal(belfry_on(io, "e", note_handshake, NULL), BELFRY_OK);
        assert_int_equal(belfry_ws(server, "/raw", &(belfry_ws_handlers){ .open = on_raw_open }),
                         BELFRY_OK);
        start_server();
        sio_open_with(&ada, "/socket.io/", "&token=a%20b", "X-Thing: 7\r\n");
        sio_join(&ada, "/", "{\"a\":1}");
        journal_expect("connection:/socket.io/?EIO=4&transport=websocket&token=a%20b|7|localhost|-|"
                       "a b|{\"a\":1};");
        sio_say(&ada, "2[\"e\"]");
        journal_expect(forgets ? "e:-|-|-|-|-|{};"
                               : "e:/socket.io/?EIO=4&transport=websocket&token=a%20b|7|localhost|"
                                 "-|a b|{\"a\":1};");
        client_open(&raw, address, "/raw?q=1", "");
        assert_string_equal(client_take(&raw), "close:1000:");
        client_drop(&raw);
        sio_drop(&ada);
        end_server();
    }
}

/* --- many sockets -----------------------------------------------------------------------------*/

static void on_move(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    /* Those of this worker at once. */
    HANDLER_EXPECT(belfry_sockets_join(belfry_only(sock), "mine") == BELFRY_OK);
    HANDLER_EXPECT(belfry_members(io, "mine") == 1);
    HANDLER_EXPECT(belfry_sockets_leave(belfry_in(io, "mine"), "mine") == BELFRY_OK);
    HANDLER_EXPECT(belfry_members(io, "mine") == 0);
    HANDLER_EXPECT(belfry_sockets_join(belfry_to(sock, "tower"), "x") == BELFRY_OK);
    HANDLER_EXPECT(belfry_fetch_sockets(belfry_only(sock), on_peers, "me") == BELFRY_OK);
}

static void on_room(const char *room, uint32_t members, void *user)
{
    char *text = user;
    (void)sprintf(text + strlen(text), "%s=%u ", room, members);
}

static void test_many_sockets_are_moved_and_told_of(void **state)
{
    (void)state;
    struct sio people[3];
    char rooms[128] = "";
    atomic_store(&deed.where, NULL);
    begin_server((belfry_options){ .workers = 3, .sock_data = sizeof(struct data) });
    add_moments(io);
    assert_int_equal(belfry_on(io, "move", on_move, NULL), BELFRY_OK);
    start_server();
    fetch(belfry_everyone(io), " all;");
    for (int i = 0; i < 3; i++)
        sio_arrive_at(&people[i], i);
    for (int i = 0; i < 3; i++)
        sio_expect_nothing(&people[i]);
    journal_expect("in /;in /;in /;");
    fetch(belfry_everyone(io), "111 all;");
    assert_int_equal(belfry_sockets_join(belfry_everyone(io), "x"), BELFRY_OK);
    fetch(belfry_everyone(io), "222 all;");
    assert_int_equal(belfry_sockets_leave(belfry_except(belfry_in(io, "x"), people[1].sid), "x"),
                     BELFRY_OK);
    fetch(belfry_in(io, "x"), "2 all;");
    fetch(belfry_in(io, people[0].sid), "1 all;");
    fetch(belfry_and(belfry_in(io, people[0].sid), "x"), "12 all;");
    sio_say(&people[0], "2[\"move\"]"); /* all but the one who says so */
    journal_expect("1 me;");
    fetch(belfry_in(io, "x"), "22 all;");
    assert_int_equal(belfry_nsp_members(io), 3);
    belfry_nsp_each_room(io, on_room, rooms);
    assert_true(strcmp(rooms, "tower=3 x=2 ") == 0 || strcmp(rooms, "x=2 tower=3 ") == 0);
    assert_int_equal(belfry_sockets_join(belfry_everyone(io), ""), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_sockets_join(belfry_everyone(io), people[0].sid), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_sockets_leave(belfry_in(io, ""), "x"), BELFRY_ERR_INVALID);
    assert_int_equal(belfry_disconnect_sockets(belfry_in(io, "x"), BELFRY_THIS_NAMESPACE),
                     BELFRY_OK);
    sio_expect(&people[1], "1");
    sio_expect(&people[2], "1");
    sio_expect_nothing(&people[0]);
    assert_int_equal(belfry_disconnect_sockets(belfry_everyone(io), BELFRY_WHOLE_CONNECTION),
                     BELFRY_OK);
    sio_wait_for_end(&people[0]);
    sio_drop(&people[1]);
    sio_drop(&people[2]);
    belfry_stop(server);
    assert_int_equal(count_in_journal("free /;"), 3);
    journal_clear();
    end_server();
}

/* From a thread that is no worker, to sockets of three of them. */
static void test_what_is_said_behind_a_move_finds_everybody(void **state)
{
    (void)state;
    struct sio people[3];
    atomic_store(&deed.where, NULL);
    begin_server((belfry_options){ .workers = 3, .sock_data = sizeof(struct data) });
    add_moments(io);
    start_server();
    for (int i = 0; i < 3; i++)
        sio_arrive_at(&people[i], i);
    for (int i = 0; i < 3; i++)
        sio_expect_nothing(&people[i]);
    for (int round = 0; round < 50; round++) {
        char room[24];
        char want[40];
        (void)snprintf(room, sizeof room, "room %d", round);
        (void)snprintf(want, sizeof want, "2[\"within\",%d]", round);
        assert_int_equal(belfry_emit(belfry_in(io, room), "before", NULL), BELFRY_OK);
        assert_int_equal(belfry_sockets_join(belfry_everyone(io), room), BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_in(io, room), "within", "i", round), BELFRY_OK);
        assert_int_equal(belfry_sockets_leave(belfry_in(io, room), room), BELFRY_OK);
        assert_int_equal(belfry_emit(belfry_in(io, room), "behind", NULL), BELFRY_OK);
        for (int i = 0; i < 3; i++)
            sio_expect(&people[i], want);
    }
    for (int i = 0; i < 3; i++) {
        sio_expect_nothing(&people[i]);
        sio_drop(&people[i]);
    }
    belfry_stop(server);
    journal_clear();
    end_server();
}

static void on_join_many(belfry_sock *sock, belfry_msg *msg, void *user)
{
    static const char *const rooms[] = { "a", "b", "a" };
    static const char *const more[] = { "b", "c", "d", "e" };
    static const char *const bad[] = { "b", "c", "" };
    const char *many[65];
    char text[64] = "";
    (void)msg;
    (void)user;
    for (int i = 0; i < 65; i++)
        many[i] = "a";
    HANDLER_EXPECT(belfry_join_many(sock, rooms, 3) == BELFRY_OK);
    HANDLER_EXPECT(belfry_join_many(sock, more, 4) == BELFRY_ERR_LIMIT);
    HANDLER_EXPECT(belfry_join_many(sock, bad, 3) == BELFRY_ERR_INVALID);
    HANDLER_EXPECT(belfry_join_many(sock, many, 65) == BELFRY_ERR_LIMIT);
    HANDLER_EXPECT(belfry_join_many(sock, NULL, 0) == BELFRY_OK);
    HANDLER_EXPECT(belfry_join_many(sock, many, 64) == BELFRY_OK);
    belfry_each_room(sock, append_room, text);
    note("%s;", text);
}

static belfry_err join_many_early(belfry_sock *sock, belfry_msg *msg, void *user)
{
    static const char *const rooms[] = { "b", "c", "d", "e" };
    (void)msg;
    (void)user;
    HANDLER_EXPECT(belfry_join(sock, "b") == BELFRY_OK);
    HANDLER_EXPECT(belfry_join_many(sock, rooms, 4) == BELFRY_ERR_LIMIT);
    HANDLER_EXPECT(belfry_leave(sock, "c") == BELFRY_ERR_NOT_FOUND);
    HANDLER_EXPECT(belfry_leave(sock, "b") == BELFRY_OK); /* in which it was before */
    return BELFRY_OK;
}

static void test_many_rooms_are_joined_all_or_none(void **state)
{
    (void)state;
    struct sio ada;
    begin_server((belfry_options){ .max_rooms_per_socket = 3 });
    assert_int_equal(belfry_use(io, join_many_early, NULL), BELFRY_OK);
    assert_int_equal(belfry_on(io, "connection", on_join_many, NULL), BELFRY_OK);
    start_server();
    sio_arrive(&ada);
    journal_expect("b a ;");
    sio_drop(&ada);
    end_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_end_has_its_reason),
        cmocka_unit_test(test_ids_of_those_who_are_gone_disconnect_nobody),
        cmocka_unit_test(test_a_socket_may_be_disconnected_in_every_handler),
        cmocka_unit_test(test_data_of_those_who_were_never_in_is_freed_too),
        cmocka_unit_test(test_whoever_comes_back_is_who_it_was),
        cmocka_unit_test(test_who_does_not_come_back_in_time_expires),
        cmocka_unit_test(test_middlewares_may_judge_those_who_come_back),
        cmocka_unit_test(test_recovery_holds_for_children_in_any_order),
        cmocka_unit_test(test_who_cannot_be_let_in_again_is_sent_away),
        cmocka_unit_test(test_a_socket_knows_how_it_came),
        cmocka_unit_test(test_many_sockets_are_moved_and_told_of),
        cmocka_unit_test(test_what_is_said_behind_a_move_finds_everybody),
        cmocka_unit_test(test_many_rooms_are_joined_all_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
