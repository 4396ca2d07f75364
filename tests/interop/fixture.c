/*
 * fixture.c - the application that every interop suite talks to, on libbelfry: fixture.mjs, handler
 * for handler.
 *
 *     interop-fixture --port 0 [--ping-interval 300] [--allow-eio3] ...
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <belfry/belfry.h>

#define ROOMS_SIZE 512

/* What a socket keeps: belfry_data. */
struct data {
    char value[256];        /* set-data, as JSON; empty: none */
    char rooms[ROOMS_SIZE]; /* JSON, of the end */
};

static belfry *server;

/* --- arguments --------------------------------------------------------------------------------*/

/* Arguments from @first on, as JSON texts with commas between them. Owns: the caller. */
static char *dump_from(json_t *args, size_t first)
{
    json_t *rest = json_array();
    for (size_t i = first; i < json_array_size(args); i++)
        json_array_append(rest, json_array_get(args, i));
    char *text = json_dumps(rest, JSON_COMPACT);
    size_t size = strlen(text);
    memmove(text, text + 1, size - 1);
    text[size - 2] = '\0';
    json_decref(rest);
    return text;
}

static void emit_from(belfry_target target, const char *event, belfry_msg *msg, size_t first)
{
    belfry_bytes parts[16];
    unsigned count = belfry_attachment_count(msg);
    char *text = dump_from(belfry_msg_json(msg), first);
    for (unsigned i = 0; i < count; i++)
        parts[i] = belfry_attachment(msg, i);
    (void)belfry_emit_bin(target, event, text, parts, count);
    free(text);
}

/* A room, or an array of rooms, or null: none. */
static belfry_target in_rooms(belfry_target target, json_t *rooms)
{
    if (json_is_string(rooms))
        return belfry_and(target, json_string_value(rooms));
    size_t i;
    json_t *room;
    json_array_foreach(rooms, i, room) target = belfry_and(target, json_string_value(room));
    return target;
}

static belfry_target but_rooms(belfry_target target, json_t *rooms)
{
    if (json_is_string(rooms))
        return belfry_except(target, json_string_value(rooms));
    size_t i;
    json_t *room;
    json_array_foreach(rooms, i, room) target = belfry_except(target, json_string_value(room));
    return target;
}

/* `all` and `socket.broadcast`, before they are narrowed. */
static belfry_target all_of(belfry_sock *sock)
{
    return belfry_everyone(belfry_sock_nsp(sock));
}

static belfry_target others_of(belfry_sock *sock)
{
    return belfry_except(all_of(sock), belfry_sock_id_text(sock));
}

static json_t *argument(belfry_msg *msg, size_t index)
{
    return json_array_get(belfry_msg_json(msg), index);
}

static const char *text_argument(belfry_msg *msg, size_t index)
{
    const char *text = json_string_value(argument(msg, index));
    return text != NULL ? text : "";
}

/* --- messages ---------------------------------------------------------------------------------*/

static void on_message(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_forward(belfry_only(sock), "message-back", msg);
}

static void on_message_with_ack(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_bytes parts[16];
    belfry_bytes raw = belfry_msg_raw(msg);
    char *text = calloc(1, raw.size + 1);
    (void)sock;
    (void)user;
    if (raw.size > 0)
        memcpy(text, raw.data, raw.size);
    for (unsigned i = 0; i < belfry_attachment_count(msg); i++)
        parts[i] = belfry_attachment(msg, i);
    (void)belfry_ack_bin(msg, text, parts, belfry_attachment_count(msg));
    free(text);
}

static void on_ack_twice(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    (void)user;
    (void)belfry_ack(msg, "s", "first");
    (void)belfry_ack(msg, "s", "second");
}

static void on_volatile(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    json_int_t count = json_integer_value(argument(msg, 0));
    for (json_int_t i = 0; i < count; i++)
        (void)belfry_emit(belfry_volatile(belfry_only(sock)), "tick", "I", i);
    (void)belfry_ack(msg, NULL);
}

static void on_number_me(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    json_int_t count = json_integer_value(argument(msg, 0));
    for (json_int_t i = 0; i < count; i++)
        (void)belfry_emit(belfry_only(sock), "number", "I", i);
    (void)belfry_ack(msg, NULL);
}

static void on_big(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    (void)user;
    size_t size = (size_t)json_integer_value(argument(msg, 0));
    char *text = malloc(size + 3);
    memset(text, 'x', size + 2);
    text[0] = text[size + 1] = '"';
    (void)belfry_ack_raw(msg, text, size + 2);
    free(text);
}

static void on_make_binary(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    size_t size = (size_t)json_integer_value(argument(msg, 0));
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)i;
    const belfry_bytes parts[] = { { bytes, size }, { bytes, size } };
    (void)belfry_emit_bin(belfry_only(sock), "binary",
                          "{\"_placeholder\":true,\"num\":0},"
                          "{\"nested\":{\"_placeholder\":true,\"num\":1}}",
                          parts, 2);
    free(bytes);
}

static belfry_err check_event(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    (void)user;
    return strcmp(belfry_msg_event(msg), "forbidden") == 0 ? BELFRY_ERR_STATE : BELFRY_OK;
}

static void on_error(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    if (strcmp(belfry_msg_event(msg), "forbidden") == 0)
        (void)belfry_emit(belfry_only(sock), "middleware-error", "s", "forbidden");
}

static void on_forbidden(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    (void)belfry_emit(belfry_only(sock), "forbidden-was-heard", NULL);
}

/* --- rooms ------------------------------------------------------------------------------------*/

static void on_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    json_t *rooms = argument(msg, 0);
    size_t i;
    json_t *room;
    if (json_is_string(rooms))
        (void)belfry_join(sock, json_string_value(rooms));
    json_array_foreach(rooms, i, room)(void) belfry_join(sock, json_string_value(room));
    (void)belfry_ack(msg, NULL);
}

static void on_leave(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_leave(sock, text_argument(msg, 0));
    (void)belfry_ack(msg, NULL);
}

static void on_to_room(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    emit_from(in_rooms(others_of(sock), argument(msg, 0)), "room-message", msg, 1);
    (void)belfry_ack(msg, NULL);
}

static void on_in_room(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    emit_from(in_rooms(all_of(sock), argument(msg, 0)), "room-message", msg, 1);
    (void)belfry_ack(msg, NULL);
}

static void on_except(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    emit_from(but_rooms(all_of(sock), argument(msg, 0)), "room-message", msg, 1);
    (void)belfry_ack(msg, NULL);
}

static void on_to_except(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    belfry_target target = but_rooms(in_rooms(all_of(sock), argument(msg, 0)), argument(msg, 1));
    emit_from(target, "room-message", msg, 2);
    (void)belfry_ack(msg, NULL);
}

static void on_broadcast(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    emit_from(others_of(sock), "room-message", msg, 0);
    (void)belfry_ack(msg, NULL);
}

static void on_all(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    emit_from(all_of(sock), "room-message", msg, 0);
    (void)belfry_ack(msg, NULL);
}

static void on_volatile_all(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    emit_from(belfry_volatile(all_of(sock)), "room-message", msg, 0);
    (void)belfry_ack(msg, NULL);
}

/* --- calls ------------------------------------------------------------------------------------*/

/* Who is told of the outcome of a call. */
struct asker {
    belfry_nsp *nsp;
    char id[32];
};

static struct asker *asker_of(belfry_sock *sock)
{
    struct asker *asker = malloc(sizeof *asker);
    asker->nsp = belfry_sock_nsp(sock);
    snprintf(asker->id, sizeof asker->id, "%s", belfry_sock_id_text(sock));
    return asker;
}

static void on_answer(belfry_err err, belfry_msg *const *replies, unsigned count, unsigned expected,
                      void *user)
{
    struct asker *asker = user;
    (void)expected;
    if (err == BELFRY_OK && count == 1)
        (void)belfry_forward(belfry_in(asker->nsp, asker->id), "call-result", replies[0]);
    free(asker);
}

static const char *error_text(belfry_err err)
{
    return err == BELFRY_OK ? NULL : "operation has timed out";
}

static void on_answer_or_timeout(belfry_err err, belfry_msg *const *replies, unsigned count,
                                 unsigned expected, void *user)
{
    struct asker *asker = user;
    json_t *value = count == 1 ? json_array_get(belfry_msg_json(replies[0]), 0) : NULL;
    (void)expected;
    if (value != NULL)
        (void)belfry_emit(belfry_in(asker->nsp, asker->id), "call-timeout-result", "s?O",
                          error_text(err), value);
    else
        (void)belfry_emit(belfry_in(asker->nsp, asker->id), "call-timeout-result", "s?",
                          error_text(err));
    free(asker);
}

static void on_answers(belfry_err err, belfry_msg *const *replies, unsigned count,
                       unsigned expected, void *user)
{
    struct asker *asker = user;
    json_t *values = json_array();
    (void)expected;
    for (unsigned i = 0; i < count; i++)
        json_array_append(values, json_array_get(belfry_msg_json(replies[i]), 0));
    (void)belfry_emit(belfry_in(asker->nsp, asker->id), "call-room-result", "s?o", error_text(err),
                      values);
    free(asker);
}

static void call_from(belfry_target target, uint32_t timeout_ms, belfry_reply_handler handler,
                      belfry_sock *sock, belfry_msg *msg, size_t first)
{
    struct asker *asker = asker_of(sock);
    char *text = dump_from(belfry_msg_json(msg), first);
    if (belfry_call_raw(target, timeout_ms, handler, asker, "call", text, strlen(text)) !=
        BELFRY_OK)
        free(asker);
    free(text);
}

static void on_call_me(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    call_from(belfry_only(sock), BELFRY_OFF, on_answer, sock, msg, 0);
}

static void on_call_me_timeout(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    uint32_t timeout_ms = (uint32_t)json_integer_value(argument(msg, 0));
    call_from(belfry_only(sock), timeout_ms, on_answer_or_timeout, sock, msg, 1);
}

static void on_call_room(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    uint32_t timeout_ms = (uint32_t)json_integer_value(argument(msg, 1));
    call_from(in_rooms(all_of(sock), argument(msg, 0)), timeout_ms, on_answers, sock, msg, 2);
}

/* --- administration ---------------------------------------------------------------------------*/

static belfry_extent extent_of(json_t *close)
{
    return json_is_true(close) ? BELFRY_WHOLE_CONNECTION : BELFRY_THIS_NAMESPACE;
}

static void on_disconnect_me(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    belfry_disconnect(sock, extent_of(argument(msg, 0)));
}

static void on_bye(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    (void)belfry_emit(belfry_only(sock), "last-words", NULL);
    belfry_disconnect(sock, BELFRY_THIS_NAMESPACE);
}

static void on_disconnect_room(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_disconnect_sockets(in_rooms(all_of(sock), argument(msg, 0)),
                                    extent_of(argument(msg, 1)));
}

static void on_sockets_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_sockets_join(in_rooms(all_of(sock), argument(msg, 0)), text_argument(msg, 1));
    (void)belfry_ack(msg, NULL);
}

static void on_sockets_leave(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_sockets_leave(in_rooms(all_of(sock), argument(msg, 0)), text_argument(msg, 1));
    (void)belfry_ack(msg, NULL);
}

/* --- questions --------------------------------------------------------------------------------*/

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted(const char **texts, size_t count)
{
    json_t *array = json_array();
    qsort(texts, count, sizeof *texts, compare_texts);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

struct names {
    const char *texts[64];
    size_t count;
};

static void keep_name(const char *room, void *user)
{
    struct names *names = user;
    if (names->count < 64)
        names->texts[names->count++] = strdup(room);
}

/* The room of its own id included, which belfry_each_room does not list. */
static json_t *rooms_of(belfry_sock *sock)
{
    struct names names = { 0 };
    belfry_each_room(sock, keep_name, &names);
    keep_name(belfry_sock_id_text(sock), &names);
    json_t *array = sorted(names.texts, names.count);
    for (size_t i = 0; i < names.count; i++)
        free((char *)names.texts[i]);
    return array;
}

static void on_rooms(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_ack(msg, "o", rooms_of(sock));
}

struct question {
    belfry_ack_ref ack;
};

static int compare_peers(const void *a, const void *b)
{
    return strcmp(((const belfry_peer *)a)->id_text, ((const belfry_peer *)b)->id_text);
}

static void on_peers(belfry_err err, const belfry_peer *peers, unsigned count, void *user)
{
    struct question *question = user;
    json_t *array = json_array();
    belfry_peer *copy = calloc(count + 1, sizeof *copy);
    (void)err;
    memcpy(copy, peers, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, compare_peers);
    for (unsigned i = 0; i < count; i++) {
        const char *rooms[65];
        unsigned room_count = copy[i].room_count < 64 ? copy[i].room_count : 64;
        memcpy(rooms, copy[i].rooms, room_count * sizeof *rooms);
        rooms[room_count] = copy[i].id_text;
        json_array_append_new(array, json_pack("{s:s, s:o}", "id", copy[i].id_text, "rooms",
                                               sorted(rooms, room_count + 1)));
    }
    (void)belfry_ack_id(server, question->ack, "o", array);
    free(copy);
    free(question);
}

static void on_fetch(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    struct question *question = malloc(sizeof *question);
    belfry_target target = in_rooms(all_of(sock), argument(msg, 0));
    question->ack = belfry_ack_later(msg);
    if (belfry_fetch_sockets(target, on_peers, question) != BELFRY_OK)
        free(question);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_new(object, name, json_string(text));
}

static void on_handshake(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    static const char *const queries[] = { "EIO", "transport", "foo" };
    static const char *const headers[] = { "user-agent", "x-test" };
    json_t *query = json_object();
    json_t *header = json_object();
    char address[64];
    for (size_t i = 0; i < 3; i++)
        set_text(query, queries[i], belfry_sock_query(sock, queries[i]));
    for (size_t i = 0; i < 2; i++)
        set_text(header, headers[i], belfry_sock_header(sock, headers[i]));
    snprintf(address, sizeof address, "%s", belfry_sock_address(sock));
    *strrchr(address, ':') = '\0';
    (void)belfry_ack(
        msg, "{s:s, s:s, s:b, s:I, s:s, s:o, s:o, s:o}", "id", belfry_sock_id_text(sock), "address",
        address, "secure", (int)belfry_sock_is_secure(sock), "issued",
        (json_int_t)belfry_sock_issued_ms(sock), "url", belfry_sock_url(sock), "auth",
        json_loads(belfry_sock_auth(sock), 0, NULL), "query", query, "headers", header);
}

static void on_transport(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_ack(msg, "s", belfry_sock_transport(sock));
}

static void on_set_data(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct data *data = belfry_data(sock);
    char *text = json_dumps(argument(msg, 0), JSON_COMPACT | JSON_ENCODE_ANY);
    (void)user;
    snprintf(data->value, sizeof data->value, "%s", text);
    free(text);
    (void)belfry_ack(msg, NULL);
}

static void on_recovered(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const struct data *data = belfry_data(sock);
    json_t *value =
        data->value[0] != '\0' ? json_loads(data->value, JSON_DECODE_ANY, NULL) : json_null();
    (void)user;
    (void)belfry_ack(msg, "bo", (int)belfry_sock_is_recovered(sock), value);
}

/* --- coming and going -------------------------------------------------------------------------*/

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    (void)belfry_forward(belfry_only(sock), "auth", msg);
}

static void on_disconnecting(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct data *data = belfry_data(sock);
    json_t *rooms = rooms_of(sock);
    char *text = json_dumps(rooms, JSON_COMPACT);
    (void)msg;
    (void)user;
    snprintf(data->rooms, sizeof data->rooms, "%s", text);
    free(text);
    json_decref(rooms);
}

static void on_disconnect(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct data *data = belfry_data(sock);
    const char *reason = text_argument(msg, 0);
    (void)user;
    (void)belfry_emit(belfry_in(belfry_sock_nsp(sock), "watchers"), "left", "sso",
                      belfry_sock_id_text(sock), reason,
                      json_loads(data != NULL ? data->rooms : "[]", 0, NULL));
}

/* --- namespaces -------------------------------------------------------------------------------*/

static const struct {
    const char *event;
    belfry_handler handler;
} handlers[] = {
    { "connection", on_connection },
    { "disconnecting", on_disconnecting },
    { "disconnect", on_disconnect },
    { "error", on_error },
    { "message", on_message },
    { "message-with-ack", on_message_with_ack },
    { "ack-twice", on_ack_twice },
    { "volatile", on_volatile },
    { "number-me", on_number_me },
    { "big", on_big },
    { "make-binary", on_make_binary },
    { "forbidden", on_forbidden },
    { "join", on_join },
    { "leave", on_leave },
    { "to-room", on_to_room },
    { "in-room", on_in_room },
    { "except", on_except },
    { "to-except", on_to_except },
    { "broadcast", on_broadcast },
    { "all", on_all },
    { "volatile-all", on_volatile_all },
    { "call-me", on_call_me },
    { "call-me-timeout", on_call_me_timeout },
    { "call-room", on_call_room },
    { "disconnect-me", on_disconnect_me },
    { "bye", on_bye },
    { "disconnect-room", on_disconnect_room },
    { "sockets-join", on_sockets_join },
    { "sockets-leave", on_sockets_leave },
    { "rooms", on_rooms },
    { "fetch", on_fetch },
    { "handshake", on_handshake },
    { "transport", on_transport },
    { "set-data", on_set_data },
    { "recovered", on_recovered },
};

static void serve(belfry_nsp *nsp, uint32_t recovery_ms)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        (void)belfry_on(nsp, handlers[i].event, handlers[i].handler, NULL);
    (void)belfry_use_event(nsp, check_event, NULL);
    if (recovery_ms > 0)
        (void)belfry_recover(nsp, &(belfry_recovery){ .max_disconnection_ms = recovery_ms });
}

static belfry_err check_token(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *token = NULL;
    (void)user;
    if (belfry_args(msg, "{s:s}", "token", &token) == BELFRY_OK && strcmp(token, "ok") == 0)
        return BELFRY_OK;
    return belfry_refuse(sock, "not authorized", "{s:s}", "content", "Please retry later");
}

static belfry_err emit_early(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    (void)belfry_emit(belfry_only(sock), "early", "i", 1);
    return BELFRY_OK;
}

/* A verdict that comes from another thread. */
struct verdict {
    belfry_id id;
    bool is_fine;
};

static void *decide_later(void *arg)
{
    struct verdict *verdict = arg;
    usleep(50000);
    if (verdict->is_fine)
        (void)belfry_accept(server, verdict->id);
    else
        (void)belfry_reject(server, verdict->id, "not authorized", "{s:s}", "content",
                            "Please retry later");
    free(verdict);
    return NULL;
}

static belfry_err check_later(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const char *token = NULL;
    pthread_t thread;
    struct verdict *verdict = malloc(sizeof *verdict);
    (void)user;
    verdict->id = belfry_sock_id(sock);
    verdict->is_fine =
        belfry_args(msg, "{s:s}", "token", &token) == BELFRY_OK && strcmp(token, "ok") == 0;
    if (pthread_create(&thread, NULL, decide_later, verdict) != 0) {
        free(verdict);
        return BELFRY_ERR_NOMEM;
    }
    (void)pthread_detach(thread);
    return BELFRY_LATER;
}

/* --- flags ------------------------------------------------------------------------------------*/

static const char *refuse_by_header(belfry_request *req, void *user)
{
    (void)user;
    return belfry_request_header(req, "x-refuse");
}

struct setup {
    belfry_options options;
    belfry_socketio_hooks hooks;
    const char *path;
    uint32_t recovery_ms;
    char listen[64];
};

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

/* One flag; false: there is no such one. */
static bool set_flag(struct setup *s, const char *name, const char *value)
{
    belfry_options *o = &s->options;
    if (strcmp(name, "--port") == 0)
        snprintf(s->listen, sizeof s->listen, "127.0.0.1:%s", value);
    else if (strcmp(name, "--workers") == 0)
        o->workers = number(value);
    else if (strcmp(name, "--path") == 0)
        s->path = value;
    else if (strcmp(name, "--ping-interval") == 0)
        o->ping_interval_ms = number(value);
    else if (strcmp(name, "--ping-timeout") == 0)
        o->ping_timeout_ms = number(value);
    else if (strcmp(name, "--upgrade-timeout") == 0)
        o->upgrade_timeout_ms = number(value);
    else if (strcmp(name, "--connect-timeout") == 0)
        o->connect_timeout_ms = number(value);
    else if (strcmp(name, "--max-payload") == 0)
        o->max_payload_bytes = number(value);
    else if (strcmp(name, "--transports") == 0)
        o->transports = value;
    else if (strcmp(name, "--recovery") == 0)
        s->recovery_ms = number(value);
    else if (strcmp(name, "--cors") == 0) {
        o->origins = value;
        o->cors_credentials = strcmp(value, "*") != 0;
    } else if (strcmp(name, "--parser") == 0)
        s->hooks.parser = BELFRY_PARSER_MSGPACK;
    else if (strcmp(name, "--client-dir") == 0)
        o->client_dir = value;
    else
        return false;
    return true;
}

/* One flag without a value; false: there is no such one. */
static bool set_switch(struct setup *s, const char *name)
{
    if (strcmp(name, "--no-upgrades") == 0)
        s->options.no_upgrades = true;
    else if (strcmp(name, "--allow-eio3") == 0)
        s->options.allow_eio3 = true;
    else if (strcmp(name, "--per-message-deflate") == 0)
        s->options.socketio_deflate = true;
    else if (strcmp(name, "--cookie") == 0)
        s->options.cookie = "io";
    else if (strcmp(name, "--refuse-header") == 0)
        s->hooks.allow = refuse_by_header;
    else
        return false;
    return true;
}

static void on_log(belfry_log_level level, const char *event, const char *line, void *user)
{
    (void)level;
    (void)line;
    (void)user;
    if (strcmp(event, "listening") == 0) {
        printf("listening http://%s\n", belfry_address(server, 0));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct setup s = { .path = "/socket.io",
                       .options = { .sock_data = sizeof(struct data), .drain_timeout_ms = 500 } };
    s.options.client_dir = getenv("INTEROP_CLIENT_DIR");
    for (int i = 1; i < argc; i++) {
        if (set_switch(&s, argv[i]))
            continue;
        if (i + 1 >= argc || !set_flag(&s, argv[i], argv[i + 1]))
            return 77; /* the suite skips what we have not */
        i++;
    }
    s.options.listen = s.listen;
    belfry_set_log(on_log, NULL, BELFRY_LOG_INFO);
    server = belfry_new(&s.options);
    static const char *const names[] = { "/", "/custom", "/auth", "/early", "/later" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        serve(belfry_of(server, names[i]), s.recovery_ms);
    serve(belfry_of_pattern(server, "^/dyn-[0-9]+$"), s.recovery_ms);
    (void)belfry_use(belfry_of(server, "/auth"), check_token, NULL);
    (void)belfry_use(belfry_of(server, "/early"), emit_early, NULL);
    (void)belfry_use(belfry_of(server, "/later"), check_later, NULL);
    (void)belfry_socketio(server, s.path, &s.hooks);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "fixture: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
