/*
 * cluster_fixture.c - one node of the mixed cluster of cluster.test.mjs, on libbelfry:
 * support/cluster-node.mjs, operation for operation.
 *
 *     cluster-fixture --cluster URL --key KEY --name NAME [--workers N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belfry/belfry.h>

static belfry *server;
static const char *name = "belfry";

/* --- commands ---------------------------------------------------------------------------------*/

static const char *text_of(json_t *command, const char *key)
{
    return json_string_value(json_object_get(command, key));
}

static bool flag_of(json_t *command, const char *key)
{
    return json_is_true(json_object_get(json_object_get(command, "flags"), key));
}

static belfry_nsp *nsp_of(json_t *command)
{
    const char *nsp = text_of(command, "nsp");
    return belfry_of(server, nsp != NULL ? nsp : "/");
}

static belfry_target target_of(json_t *command)
{
    belfry_target target = belfry_everyone(nsp_of(command));
    json_t *rooms = json_object_get(command, "rooms");
    json_t *except = json_object_get(command, "except");
    size_t i;
    json_t *one;
    if (json_array_size(rooms) > 0)
        target = belfry_in(nsp_of(command), json_string_value(json_array_get(rooms, 0)));
    for (i = 1; i < json_array_size(rooms); i++)
        target = belfry_and(target, json_string_value(json_array_get(rooms, i)));
    json_array_foreach(except, i, one) target = belfry_except(target, json_string_value(one));
    if (flag_of(command, "volatile"))
        target = belfry_volatile(target);
    if (flag_of(command, "local"))
        target = belfry_local(target);
    if (flag_of(command, "uncompressed"))
        target = belfry_uncompressed(target);
    return target;
}

/* The arguments as JSON with commas between them. Owns: the caller. */
static char *args_of(json_t *command)
{
    char *text = json_dumps(json_object_get(command, "args"), JSON_COMPACT);
    size_t size = strlen(text);
    memmove(text, text + 1, size - 1);
    text[size - 2] = '\0';
    return text;
}

/* --- answers that come later ------------------------------------------------------------------*/

static belfry_ack_ref *keep(belfry_msg *msg)
{
    belfry_ack_ref *ref = malloc(sizeof *ref);
    *ref = belfry_ack_later(msg);
    return ref;
}

static void answer_later(belfry_ack_ref *ref, json_t *value)
{
    (void)belfry_ack_id(server, *ref, "o", value);
    free(ref);
}

/* A value of a reply; binary as {"hex":...}. */
static json_t *value_of(const belfry_msg *reply)
{
    json_t *args = belfry_msg_json((belfry_msg *)reply);
    char hex[128] = "";
    if (belfry_attachment_count(reply) > 0) {
        belfry_bytes part = belfry_attachment(reply, 0);
        for (size_t i = 0; i < part.size && i < 32; i++)
            snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)part.data)[i]);
        return json_pack("{s:s}", "hex", hex);
    }
    json_t *first = json_array_get(args, 0);
    return first != NULL ? json_incref(first) : json_null();
}

static void on_replies(belfry_err err, belfry_msg *const *replies, unsigned count,
                       unsigned expected, void *user)
{
    json_t *responses = json_array();
    (void)expected;
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(responses, value_of(replies[i]));
    answer_later(user, json_pack("{s:b, s:o}", "failed", err != BELFRY_OK, "responses", responses));
}

static void on_peers(belfry_err err, const belfry_peer *peers, unsigned count, void *user)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_t *rooms = json_array();
        json_array_append_new(rooms, json_string(peers[i].id_text));
        for (unsigned r = 0; r < peers[i].room_count; r++)
            json_array_append_new(rooms, json_string(peers[i].rooms[r]));
        json_t *handshake = json_loads(peers[i].handshake, 0, NULL);
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:O?}", "id", peers[i].id_text,
                                              "rooms", rooms, "data",
                                              json_loads(peers[i].shared, JSON_DECODE_ANY, NULL),
                                              "address", json_object_get(handshake, "address")));
        json_decref(handshake);
    }
    answer_later(user, json_pack("{s:b, s:o}", "failed", err != BELFRY_OK, "sockets", list));
}

static void on_count(belfry_err err, unsigned count, void *user)
{
    (void)err;
    answer_later(user, json_integer(count));
}

/* --- operations -------------------------------------------------------------------------------*/

static void emit(belfry_target target, json_t *command, belfry_msg *msg)
{
    belfry_bytes parts[16];
    unsigned count = belfry_attachment_count(msg);
    char *args = args_of(command);
    for (unsigned i = 0; i < count; i++)
        parts[i] = belfry_attachment(msg, i);
    belfry_err err;
    if (count > 0)
        err = belfry_emit_bin(target, text_of(command, "event"), args, parts, count);
    else if (args[0] == '\0')
        err = belfry_emit(target, text_of(command, "event"), NULL);
    else
        err = belfry_emit_raw(target, text_of(command, "event"), args, strlen(args));
    if (err != BELFRY_OK)
        fprintf(stderr, "emit: %s\n", belfry_why(server));
    free(args);
}

static bool ask_later(const char *op, json_t *command, belfry_msg *msg)
{
    char *args = args_of(command);
    const char *event = text_of(command, "event");
    uint32_t timeout_ms = (uint32_t)json_integer_value(json_object_get(command, "timeout"));
    bool is_done = true;
    if (strcmp(op, "emitWithAck") == 0)
        (void)belfry_call_raw(target_of(command), timeout_ms, on_replies, keep(msg), event, args,
                              strlen(args));
    else if (strcmp(op, "serverSideEmitWithAck") == 0)
        (void)belfry_server_call_raw(nsp_of(command), 0, on_replies, keep(msg), event, args,
                                     strlen(args));
    else if (strcmp(op, "fetchSockets") == 0)
        (void)belfry_fetch_sockets(target_of(command), on_peers, keep(msg));
    else if (strcmp(op, "serverCount") == 0)
        (void)belfry_server_count(nsp_of(command), on_count, keep(msg));
    else
        is_done = false;
    free(args);
    return is_done;
}

static void do_now(const char *op, belfry_sock *sock, json_t *command, belfry_msg *msg)
{
    char *args = args_of(command);
    const char *room = text_of(command, "room");
    if (strcmp(op, "emit") == 0)
        emit(target_of(command), command, msg);
    else if (strcmp(op, "broadcast") == 0)
        emit(belfry_except(target_of(command), belfry_sock_id_text(sock)), command, msg);
    else if (strcmp(op, "serverSideEmit") == 0)
        (void)belfry_server_emit_raw(nsp_of(command), text_of(command, "event"), args,
                                     strlen(args));
    else if (strcmp(op, "socketsJoin") == 0)
        (void)belfry_sockets_join(target_of(command), room);
    else if (strcmp(op, "socketsLeave") == 0)
        (void)belfry_sockets_leave(target_of(command), room);
    else if (strcmp(op, "disconnectSockets") == 0)
        (void)belfry_disconnect_sockets(target_of(command), BELFRY_WHOLE_CONNECTION);
    else if (strcmp(op, "join") == 0)
        (void)belfry_join(sock, room);
    else if (strcmp(op, "leave") == 0)
        (void)belfry_leave(sock, room);
    else if (strcmp(op, "setData") == 0)
        (void)belfry_share_raw(sock, args, strlen(args));
    free(args);
}

static void on_run(belfry_sock *sock, belfry_msg *msg, void *user)
{
    json_t *command = json_array_get(belfry_msg_json(msg), 0);
    const char *op = text_of(command, "op");
    (void)user;
    if (op != NULL && ask_later(op, command, msg))
        return;
    if (op != NULL)
        do_now(op, sock, command, msg);
    (void)belfry_ack(msg, "b", 1);
}

/* --- what other nodes say ---------------------------------------------------------------------*/

static void on_sse(belfry_nsp *nsp, belfry_msg *msg, void *user)
{
    belfry_bytes args = belfry_msg_raw(msg);
    (void)user;
    (void)belfry_emit_raw(belfry_local(belfry_everyone(nsp)), "sse", args.data, args.size);
}

static void on_ping(belfry_nsp *nsp, belfry_msg *msg, void *user)
{
    (void)nsp;
    (void)user;
    char answer[64];
    snprintf(answer, sizeof answer, "pong-%s", name);
    (void)belfry_ack(msg, "s", answer);
}

static void on_silent(belfry_nsp *nsp, belfry_msg *msg, void *user)
{
    (void)nsp;
    (void)msg;
    (void)user;
}

static void serve(belfry_nsp *nsp)
{
    (void)belfry_on(nsp, "run", on_run, NULL);
    (void)belfry_on_server(nsp, "sse", on_sse, NULL);
    (void)belfry_on_server(nsp, "ping", on_ping, NULL);
    (void)belfry_on_server(nsp, "silent", on_silent, NULL);
}

/* Who says so in its auth is never answered; "/" hears that it is here. */
static belfry_err on_later(belfry_sock *sock, belfry_msg *msg, void *user)
{
    int waits = 0;
    (void)sock;
    if (belfry_args(msg, "{s?b}", "wait", &waits) != BELFRY_OK || !waits)
        return BELFRY_OK;
    (void)belfry_emit(belfry_local(belfry_everyone(user)), "one waits", NULL);
    return BELFRY_LATER;
}

/* Those who come back are judged too, and may have to wait for it. */
static void serve_later(belfry_nsp *nsp)
{
    (void)belfry_recover(nsp, &(belfry_recovery){ .runs_middlewares = true });
    (void)belfry_use(nsp, on_later, belfry_of(server, "/"));
}

static void on_log(belfry_log_level level, const char *event, const char *line, void *user)
{
    (void)user;
    if (strcmp(event, "listening") == 0) {
        printf("listening http://%s\n", belfry_address(server, 0));
        fflush(stdout);
    } else if (level <= BELFRY_LOG_WARN) {
        fprintf(stderr, "%s\n", line);
    }
}

int main(int argc, char **argv)
{
    belfry_options options = { .listen = "127.0.0.1:0",
                               .max_attachments = 16,
                               .drain_timeout_ms = 500 };
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--cluster") == 0)
            options.cluster = argv[i + 1];
        else if (strcmp(argv[i], "--key") == 0)
            options.cluster_key = argv[i + 1];
        else if (strcmp(argv[i], "--name") == 0)
            name = argv[i + 1];
        else if (strcmp(argv[i], "--workers") == 0)
            options.workers = (uint32_t)atoi(argv[i + 1]);
    }
    belfry_set_log(on_log, NULL, BELFRY_LOG_INFO);
    server = belfry_new(&options);
    serve(belfry_of(server, "/"));
    serve(belfry_of(server, "/admin"));
    serve(belfry_of(server, "/later"));
    serve_later(belfry_of(server, "/later"));
    (void)belfry_ops(server, NULL);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "cluster-fixture: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
