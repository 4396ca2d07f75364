/*
 * sio_msg.c - what a handler can ask of a message, and its answers.
 */
#include "server/sio_msg.h"
#include "server/node.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/placeholder.h"
#include "base/utf8.h"
#include "server/server.h"
#include "server/sio_encode.h"
#include "socketio/args.h"

void belfry_msg_deinit(belfry_msg *msg)
{
    json_decref(msg->tree);
    mem_free(msg->event_text);
    msg->tree = NULL;
    msg->event_text = NULL;
}

/* --- asking -----------------------------------------------------------------------------------*/

const char *belfry_msg_event(belfry_msg *msg)
{
    if (msg->event_text == NULL)
        msg->event_text = mem_dup_bytes(msg->event);
    return msg->event_text != NULL ? msg->event_text : "";
}

static json_t *make_tree(const belfry_msg *msg, json_error_t *error)
{
    struct buf text = { 0 };
    json_t *tree = NULL;
    buf_put_char(&text, '[');
    buf_put_bytes(&text, msg->args);
    buf_put_char(&text, ']');
    snprintf(error->text, sizeof error->text, "out of memory");
    if (!buf_failed(&text))
        tree = json_loadb((const char *)text.data, text.size, 0, error);
    buf_deinit(&text);
    return tree;
}

json_t *belfry_msg_json(belfry_msg *msg)
{
    json_error_t error;
    if (msg->tree == NULL)
        msg->tree = make_tree(msg, &error);
    if (msg->tree == NULL)
        (void)server_why(BELFRY_ERR_INVALID, "cannot read the arguments: %s", error.text);
    return msg->tree;
}

/* Which argument the first @position characters of @format, which is in brackets, are about;
 * @out_depth: 1, or more within it. */
static unsigned argument_at(const char *format, int position, int *out_depth)
{
    unsigned count = 0;
    int depth = 0;
    for (int i = 0; i < position && format[i] != '\0'; i++) {
        bool opens = format[i] == '[' || format[i] == '{';
        if (depth == 1 && (opens || strchr("sbiIfFnoO", format[i]) != NULL))
            count++;
        depth += opens - (format[i] == ']' || format[i] == '}');
    }
    *out_depth = depth;
    return count;
}

/* In our words: jansson's are about the array that the arguments are in. */
static void tell_mismatch(const char *format, const json_error_t *error)
{
    int depth;
    unsigned argument = argument_at(format, error->position, &depth);
    if (json_error_code(error) == json_error_index_out_of_range && depth == 1)
        (void)server_why(BELFRY_ERR_INVALID, "argument %u is missing", argument);
    else
        (void)server_why(BELFRY_ERR_INVALID, "argument %u is not as it should be: %s", argument,
                         error->text);
}

/* Formats are about the arguments, jansson's about one value: their array. NULL: no memory. */
static const char *put_in_brackets(struct buf *out, const char *format)
{
    buf_printf(out, "[%s]", format);
    buf_put_char(out, '\0');
    return buf_failed(out) ? NULL : (const char *)out->data;
}

belfry_err belfry_args(belfry_msg *msg, const char *format, ...)
{
    struct buf text = { 0 };
    json_error_t error;
    json_t *tree = belfry_msg_json(msg);
    if (tree == NULL)
        return BELFRY_ERR_INVALID;
    const char *array = put_in_brackets(&text, format);
    if (array == NULL) {
        buf_deinit(&text);
        return server_outcome(BELFRY_ERR_NOMEM);
    }
    va_list args;
    va_start(args, format);
    int code = json_vunpack_ex(tree, &error, 0, array, args);
    va_end(args);
    if (code != 0)
        tell_mismatch(array, &error);
    buf_deinit(&text);
    return code == 0 ? BELFRY_OK : BELFRY_ERR_INVALID;
}

belfry_bytes belfry_msg_raw(const belfry_msg *msg)
{
    return msg->args;
}

unsigned belfry_attachment_count(const belfry_msg *msg)
{
    return msg->attachment_count;
}

belfry_bytes belfry_attachment(const belfry_msg *msg, unsigned index)
{
    return index < msg->attachment_count ? msg->attachments[index] : bytes_of(NULL, 0);
}

bool belfry_wants_ack(const belfry_msg *msg)
{
    return msg->wants_ack;
}

belfry_msg *msg_copy(struct belfry *server, belfry_bytes args, uint32_t arg_count,
                     const belfry_bytes *attachments, unsigned attachment_count)
{
    size_t size = args.size + attachment_count * sizeof(belfry_bytes);
    for (unsigned i = 0; i < attachment_count; i++)
        size += attachments[i].size;
    belfry_msg *msg = mem_alloc(sizeof *msg + size);
    if (msg == NULL)
        return NULL;
    belfry_bytes *spans = (belfry_bytes *)(msg + 1);
    char *at = (char *)(spans + attachment_count);
    *msg = (belfry_msg){ .server = server,
                         .args = bytes_of(at, args.size),
                         .arg_count = arg_count,
                         .attachments = spans,
                         .attachment_count = attachment_count };
    if (args.size > 0)
        memcpy(at, args.data, args.size);
    at += args.size;
    for (unsigned i = 0; i < attachment_count; i++) {
        spans[i] = bytes_of(at, attachments[i].size);
        if (attachments[i].size > 0)
            memcpy(at, attachments[i].data, attachments[i].size);
        at += attachments[i].size;
    }
    return msg;
}

/* --- packing ----------------------------------------------------------------------------------*/

/* What json_dumps made: the application may have given jansson an allocator of its own. */
static void free_dump(char *text)
{
    json_free_t free_with;
    json_get_alloc_funcs(NULL, &free_with);
    free_with(text);
}

/* @skip: leaves out so many characters at each end, an array's brackets. */
static belfry_err put_dump(struct buf *out, const json_t *value, size_t skip)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return server_why(BELFRY_ERR_INVALID, "this JSON value cannot be written as text");
    buf_put(out, text + skip, strlen(text) - 2 * skip);
    free_dump(text);
    return server_outcome(buf_failed(out) ? BELFRY_ERR_NOMEM : BELFRY_OK);
}

belfry_err msg_put_value(struct buf *out, const json_t *value)
{
    return put_dump(out, value, 0);
}

belfry_err msg_bin_args(struct buf *out, const char *json, unsigned count)
{
    uint32_t arg_count;
    if (count > UINT8_MAX)
        return server_why(BELFRY_ERR_LIMIT, "a message has at most 255 binary parts");
    if (json != NULL) {
        belfry_bytes args = bytes_of_text(json);
        belfry_err err = msg_check_args(args, &arg_count);
        if (err != BELFRY_OK)
            return err;
        if (!placeholders_are_good(args, count))
            return server_why(BELFRY_ERR_INVALID, "a placeholder names a part that is not there");
        buf_put_bytes(out, args);
    }
    for (unsigned i = 0; i < count && json == NULL; i++)
        buf_printf(out, "%s{\"_placeholder\":true,\"num\":%u}", i > 0 ? "," : "", i);
    return server_outcome(buf_failed(out) ? BELFRY_ERR_NOMEM : BELFRY_OK);
}

belfry_err msg_pack_args(struct buf *out, const char *format, va_list args)
{
    if (format == NULL)
        return BELFRY_OK;
    struct buf text = { 0 };
    json_error_t error;
    const char *array = put_in_brackets(&text, format);
    if (array == NULL) {
        buf_deinit(&text);
        return server_outcome(BELFRY_ERR_NOMEM);
    }
    json_t *tree = json_vpack_ex(&error, 0, array, args);
    buf_deinit(&text);
    if (tree == NULL)
        return server_why(BELFRY_ERR_INVALID, "cannot pack \"%s\": %s", format, error.text);
    belfry_err err = put_dump(out, tree, 1);
    json_decref(tree);
    return err;
}

belfry_err msg_check_args(belfry_bytes args, uint32_t *out_count)
{
    if (!utf8_is_valid(args))
        return server_why(BELFRY_ERR_INVALID, "JSON must be UTF-8");
    belfry_err err = sio_args_scan(args, JSON_MAX_DEPTH, out_count);
    return err == BELFRY_OK
               ? err
               : server_why(BELFRY_ERR_INVALID, "not JSON values with commas between them");
}

/* --- answering --------------------------------------------------------------------------------*/

static bool answer_behind(belfry_msg *msg, belfry_bytes args, unsigned part_count);

static belfry_err answer(belfry_msg *msg, belfry_bytes args, const belfry_bytes *parts,
                         unsigned count)
{
    if (!msg->wants_ack)
        return BELFRY_OK;
    if (msg->is_acked)
        return server_why(BELFRY_ERR_STATE, "this message has its answer already");
    msg->is_acked = true;
    if (msg->answered != NULL) {
        msg->answered(args, parts, count, msg->answered_user);
        return BELFRY_OK;
    }
    struct sio_sock *sock = sio_of_sock(msg->sock);
    if (sock->session->has_ended)
        return server_outcome(BELFRY_ERR_GONE);
    if (answer_behind(msg, args, count))
        return BELFRY_OK;
    /* Also behind a disconnection of the namespace, as in the reference (socketio.md 4). */
    struct sio_said said = { .nsp = nsp_name(msg->sock->nsp),
                             .is_ack = true,
                             .has_id = true,
                             .id = msg->ack_id,
                             .args = args,
                             .attachments = parts,
                             .attachment_count = count };
    return sio_send(sock->session, &said, true);
}

belfry_err msg_answer(belfry_msg *msg, belfry_bytes args)
{
    return answer(msg, args, NULL, 0);
}

static void catch_up(const belfry_msg *msg)
{
    if (msg->wants_ack && msg->sock != NULL)
        sock_catch_up(msg->sock);
}

belfry_err belfry_ack(belfry_msg *msg, const char *format, ...)
{
    struct buf args = { 0 };
    if (!msg->wants_ack)
        return BELFRY_OK;
    va_list list;
    va_start(list, format);
    belfry_err err = msg_pack_args(&args, format, list);
    va_end(list);
    catch_up(msg);
    if (err == BELFRY_OK)
        err = answer(msg, buf_bytes(&args), NULL, 0);
    buf_deinit(&args);
    return err;
}

belfry_err belfry_ack_raw(belfry_msg *msg, const char *json, size_t size)
{
    uint32_t count;
    belfry_err err = msg_check_args(bytes_of(json, size), &count);
    catch_up(msg);
    return err != BELFRY_OK ? err : answer(msg, bytes_of(json, size), NULL, 0);
}

belfry_err belfry_ack_bin(belfry_msg *msg, const char *json, const belfry_bytes *parts,
                          unsigned count)
{
    struct buf args = { 0 };
    belfry_err err = msg_bin_args(&args, json, count);
    catch_up(msg);
    if (err == BELFRY_OK)
        err = answer(msg, buf_bytes(&args), parts, count);
    buf_deinit(&args);
    return err;
}

belfry_ack_ref belfry_ack_later(belfry_msg *msg)
{
    belfry_ack_ref ref = { 0 };
    if (!msg->wants_ack || msg->is_acked || msg->sock == NULL)
        return ref; /* what another server asks is answered at once, or not */
    msg->is_acked = true;
    return (belfry_ack_ref){ belfry_sock_id(msg->sock), msg->ack_id, true };
}

/* An answer from elsewhere takes its place behind what was said before it. */
struct late_ack {
    struct delivery delivery;
    struct hub_shard *home; /* of the socket, where it waits for the cluster; or NULL */
    belfry_id sock;
    uint64_t id;
    size_t size;
    char args[];
};

static void run_late_ack(struct delivery *delivery, struct hub_shard *shard)
{
    struct late_ack *late = BELFRY_CONTAINER_OF(delivery, struct late_ack, delivery);
    struct worker *worker = shard->owner;
    belfry_sock *sock = slots_find(&worker->slots, late->sock);
    if (sock != NULL && sock_is_sio(sock) && !sio_of_sock(sock)->session->has_ended) {
        struct sio_said said = { .nsp = nsp_name(sock->nsp),
                                 .is_ack = true,
                                 .has_id = true,
                                 .id = late->id,
                                 .args = bytes_of(late->args, late->size) };
        (void)sio_send(sio_of_sock(sock)->session, &said, true);
    }
    mem_free(late);
}

/* --- behind what is still without a place -----------------------------------------------------*/

/* Worker 0 has let go of all that was said before: into the inbox, behind it. */
static void push_late(void *arg)
{
    struct late_ack *late = arg;
    struct hub_shard *shard = late->home;
    belfry_err err = hub_push(shard, shard, &late->delivery);
    BELFRY_ASSERT(err == BELFRY_OK);
    loop_wake(shard->loop);
}

static void run_wait_in_outlet(struct delivery *delivery, struct hub_shard *reader)
{
    struct late_ack *late = BELFRY_CONTAINER_OF(delivery, struct late_ack, delivery);
    const struct worker *worker = reader != NULL ? reader->owner : NULL;
    struct cluster *cluster = worker != NULL ? worker->server->node->cluster : NULL;
    late->delivery = (struct delivery){ .run = run_late_ack };
    if (cluster == NULL || !cluster_after(cluster, push_late, late))
        push_late(late);
}

/*
 * With a stream a message is said when it comes back. An answer that is given behind an emit must
 * not come before it, and must not be true of what is lost with this server: it takes the same way.
 */
static bool answer_behind(belfry_msg *msg, belfry_bytes args, unsigned part_count)
{
    struct worker *worker = sock_worker(msg->sock);
    if (BELFRY_LIKELY(atomic_load_explicit(&worker->shard->sequenced, memory_order_relaxed) == 0) ||
        part_count > 0)
        return false;
    struct late_ack *late = mem_alloc(sizeof *late + args.size);
    if (late == NULL)
        return false;
    *late = (struct late_ack){ .delivery.run = run_wait_in_outlet,
                               .home = worker->shard,
                               .sock = belfry_sock_id(msg->sock),
                               .id = msg->ack_id,
                               .size = args.size };
    if (args.size > 0)
        memcpy(late->args, args.data, args.size);
    hub_outlet_push(&msg->server->hub, worker->shard, &late->delivery);
    return true;
}

static belfry_err send_late(belfry *server, belfry_ack_ref ref, belfry_bytes args)
{
    struct worker *own = worker_current_of(server);
    struct worker *worker = sock_owner_of(server, ref.sock);
    if (worker == NULL)
        return server_outcome(BELFRY_ERR_GONE);
    struct late_ack *late = mem_alloc(sizeof *late + args.size);
    if (late == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *late = (struct late_ack){
        .delivery.run = run_late_ack, .sock = ref.sock, .id = ref.id, .size = args.size
    };
    if (args.size > 0)
        memcpy(late->args, args.data, args.size);
    belfry_err err = hub_push(worker->shard, own != NULL ? own->shard : NULL, &late->delivery);
    if (err == BELFRY_OK)
        return err;
    mem_free(late);
    return server_why(err, "max_inbox messages wait for a worker: try again");
}

belfry_err belfry_ack_id(belfry *server, belfry_ack_ref ref, const char *format, ...)
{
    struct buf args = { 0 };
    if (!ref.is_wanted)
        return BELFRY_OK;
    va_list list;
    va_start(list, format);
    belfry_err err = msg_pack_args(&args, format, list);
    va_end(list);
    if (err == BELFRY_OK)
        err = send_late(server, ref, buf_bytes(&args));
    buf_deinit(&args);
    return err;
}
