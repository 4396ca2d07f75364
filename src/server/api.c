/*
 * api.c - the HTTP API for backends (docs/http-api.md).
 *
 *   POST /api/rooms/ROOM/messages    one message, or an array of them; answered with their ids
 *
 * An array is taken whole or not at all, but for what is wrong with the server and not with it.
 * Where the order is made elsewhere (a cluster's stream) the answer waits for the places of all.
 */
#include <openssl/crypto.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "http/field.h"
#include "http/response.h"
#include "rooms/names.h"
#include "rooms/reply.h"
#include "rooms/request.h"
#include "server/encode.h"
#include "server/exchange.h"
#include "server/origins.h"
#include "server/request.h"
#include "server/server.h"

#define MAX_BATCH 1000 /* messages of one request */

/* One message on its way to its place. */
struct api_item {
    struct receipt receipt;
    struct api_call *call;
    belfry_err err;
    bool has_id;
    bool is_repeat;
    struct message_id id;
};

/* A request whose body has come. */
struct api_call {
    struct exchange *x;
    struct worker *worker;
    bool is_batch;
    uint32_t count;
    uint32_t waiting; /* for their receipts, and for the publisher itself */
    struct api_item items[];
};

/* --- answering --------------------------------------------------------------------------------*/

static void reply_json(struct exchange *x, unsigned status, struct buf *json)
{
    buf_put_char(json, '\n'); /* for who reads it in a terminal */
    if (buf_failed(json))
        exchange_abort(x);
    else
        exchange_reply(x, status, "application/json", buf_bytes(json));
    buf_deinit(json);
}

static unsigned status_of(enum rooms_error error)
{
    return error == ROOMS_ERR_BUSY ? 503 : error == ROOMS_ERR_TOO_LARGE ? 413 : 400;
}

static void refuse(struct exchange *x, struct worker *worker, unsigned status,
                   enum rooms_error error, belfry_bytes reason)
{
    struct buf json = { 0 };
    counter_add(status < 500 ? &worker->counters.api_refused : &worker->counters.api_busy, 1);
    if (status == 503)
        (void)http_response_field(exchange_fields(x), "Retry-After", BELFRY_BYTES("1"));
    rooms_put_error(&json, bytes_of(NULL, 0), error, reason);
    reply_json(x, status, &json);
}

static void refuse_plainly(struct exchange *x, struct worker *worker, unsigned status,
                           const char *reason)
{
    refuse(x, worker, status, ROOMS_ERR_BAD_REQUEST, bytes_of_text(reason));
}

/* --- who may ----------------------------------------------------------------------------------*/

/* Takes as long whatever is wrong. */
static bool is_key(const char *keys, belfry_bytes given)
{
    belfry_bytes rest = bytes_of_text(keys), key;
    bool is_one = false;
    while (http_list_next(&rest, &key)) {
        if (key.size == given.size && CRYPTO_memcmp(key.data, given.data, key.size) == 0)
            is_one = true;
    }
    return is_one;
}

static bool has_key(const struct http_head *head, const char *keys)
{
    belfry_bytes value;
    static const char scheme[] = "bearer ";
    size_t size = sizeof scheme - 1;
    if (http_single(head, "authorization", &value) != HTTP_ONE || value.size <= size ||
        !http_equals_nocase(bytes_of(value.data, size), scheme))
        return false;
    return is_key(keys, bytes_of((const char *)value.data + size, value.size - size));
}

/* False: answered. */
static bool is_allowed(struct exchange *x, struct worker *worker)
{
    const belfry_options *options = &worker->server->options;
    if (options->api_keys[0] == '\0' && !options->api_open) {
        refuse_plainly(x, worker, 403, "the API is closed: set api_keys");
        return false;
    }
    if (options->api_keys[0] == '\0' || has_key(exchange_head(x), options->api_keys))
        return true;
    (void)http_response_field(exchange_fields(x), "WWW-Authenticate", BELFRY_BYTES("Bearer"));
    refuse_plainly(x, worker, 401, "send Authorization: Bearer and one of api_keys");
    return false;
}

/* False: answered. */
static bool let_in(struct exchange *x, struct worker *worker)
{
    static const char methods[] = "POST, OPTIONS";
    struct buf *fields = exchange_fields(x);
    if (!origins_allow_reading(worker->server, exchange_head(x), exchange_is_secure(x), fields)) {
        refuse_plainly(x, worker, 403, ORIGINS_REFUSAL);
        return false;
    }
    if (exchange_head(x)->method != HTTP_OPTIONS)
        return true;
    (void)http_response_field(fields, "Allow", bytes_of_text(methods));
    origins_put_preflight(methods, fields);
    exchange_reply(x, 204, NULL, bytes_of(NULL, 0));
    return false;
}

/* --- where ------------------------------------------------------------------------------------*/

static const char *prefix_of(struct exchange *x)
{
    return exchange_request(x)->route->pattern;
}

/* The segment between "<prefix>rooms/" and "/messages"; false: another path. */
static bool find_room(const struct http_head *head, const char *prefix, belfry_bytes *out_room)
{
    static const char before[] = "rooms/";
    static const char behind[] = "/messages";
    const char *at = (const char *)head->path.data + strlen(prefix);
    size_t left = head->path.size - strlen(prefix);
    if (left <= sizeof before - 1 + sizeof behind - 1 ||
        memcmp(at, before, sizeof before - 1) != 0 ||
        memcmp(at + left - (sizeof behind - 1), behind, sizeof behind - 1) != 0)
        return false;
    *out_room = bytes_of(at + sizeof before - 1, left - (sizeof before - 1) - (sizeof behind - 1));
    return memchr(out_room->data, '/', out_room->size) == NULL;
}

/* ROOMS_OK: @out is the room's name. */
static enum rooms_error read_room(struct belfry *server, belfry_bytes segment, struct buf *out,
                                  const char **why)
{
    belfry_err err = request_decode_segment(segment, out);
    if (err == BELFRY_ERR_NOMEM)
        return ROOMS_ERR_BUSY;
    *why = "the room's name is not UTF-8, or badly encoded";
    if (err != BELFRY_OK)
        return ROOMS_ERR_BAD_ROOM;
    enum rooms_name_fault fault =
        rooms_check_room(buf_bytes(out), server->options.max_room_name_bytes);
    *why = rooms_name_fault_text(fault);
    return fault == ROOMS_NAME_OK ? ROOMS_OK : ROOMS_ERR_BAD_ROOM;
}

/* --- what -------------------------------------------------------------------------------------*/

static void put_item(struct buf *out, const struct api_item *item, const char *epoch)
{
    char id[MESSAGE_ID_MAX_TEXT];
    if (item->err != BELFRY_OK) {
        buf_put_text(out, item->err == BELFRY_ERR_LIMIT ? "{\"error\":\"too-large\"}"
                                                        : "{\"error\":\"busy\"}");
        return;
    }
    buf_put_text(out, "{\"id\":");
    if (item->has_id)
        json_put_string(out, bytes_of(id, message_id_format(id, item->id, bytes_of_text(epoch))));
    else
        buf_put_text(out, "null");
    buf_put_text(out, item->is_repeat ? ",\"repeat\":true}" : "}");
}

static atomic_ullong *counter_of(struct counters *counters, belfry_err err)
{
    if (err == BELFRY_OK)
        return &counters->api_published;
    return err == BELFRY_ERR_LIMIT ? &counters->api_too_large : &counters->api_busy;
}

/* The last of them has its place, or will have none. */
static void finish(struct api_call *call)
{
    struct counters *counters = &call->worker->counters;
    const char *epoch = call->worker->server->hub.epoch;
    struct buf json = { 0 };
    unsigned status = 200;
    buf_put_text(&json, call->is_batch ? "{\"messages\":[" : "");
    for (uint32_t i = 0; i < call->count; i++) {
        const struct api_item *item = &call->items[i];
        if (i > 0)
            buf_put_char(&json, ',');
        put_item(&json, item, epoch);
        if (item->err != BELFRY_OK)
            status = item->err == BELFRY_ERR_LIMIT ? 413 : 503;
        counter_add(counter_of(counters, item->err), 1);
        counter_add(&counters->repeats, item->is_repeat);
    }
    buf_put_text(&json, call->is_batch ? "]}" : "");
    if (status == 503)
        (void)http_response_field(exchange_fields(call->x), "Retry-After", BELFRY_BYTES("1"));
    reply_json(call->x, status, &json);
    mem_free(call);
}

static void let_go(struct api_call *call)
{
    if (--call->waiting == 0)
        finish(call);
}

static void run_receipt(struct delivery *delivery, struct hub_shard *shard)
{
    struct receipt *receipt = BELFRY_CONTAINER_OF(delivery, struct receipt, delivery);
    struct api_item *item = BELFRY_CONTAINER_OF(receipt, struct api_item, receipt);
    (void)shard;
    item->err = receipt->err;
    item->id = receipt->id;
    item->has_id = receipt->has_id;
    item->is_repeat = receipt->is_repeat;
    let_go(item->call);
}

static void publish_item(struct api_call *call, struct api_item *item, belfry_bytes room,
                         const struct rooms_request *request)
{
    struct worker *worker = call->worker;
    struct belfry *server = worker->server;
    struct hub_published published;
    struct message_spec spec = { .kind = KIND_MESSAGE,
                                 .room_count = 1,
                                 .rooms = { room },
                                 .user = request->user,
                                 .key = request->key,
                                 .args = request->text,
                                 .wall_ms = worker_wall_ms(worker) };
    if (request->type == ROOMS_EVENT) {
        spec.kind = KIND_EVENT;
        spec.name = request->event;
        spec.args = request->data;
        spec.flags = request->is_volatile ? MESSAGE_VOLATILE | MESSAGE_UNLOGGED : 0;
    }
    bool is_later = server->hub.outlet.is_sequencer && (spec.flags & MESSAGE_UNLOGGED) == 0;
    struct message *m = message_new(&spec, &server->hub.hash_key, server->worker_count);
    *item = (struct api_item){ .receipt = { .delivery.run = run_receipt, .worker = worker->index },
                               .call = call,
                               .err = m == NULL ? BELFRY_ERR_NOMEM : BELFRY_OK };
    if (m == NULL)
        return;
    if (is_later) {
        m->receipt = &item->receipt;
        call->waiting++;
    }
    item->err = hub_publish(server->root->hub, worker->shard, m, &published);
    if (is_later && (item->err != BELFRY_OK || !published.is_later))
        call->waiting--;
    if (item->err != BELFRY_OK || published.is_later)
        return;
    item->id = published.id;
    item->has_id = (spec.flags & MESSAGE_UNLOGGED) == 0;
    item->is_repeat = published.is_repeat;
}

/* --- reading the body -------------------------------------------------------------------------*/

/* What one request says: an object, or the elements of an array, looked at twice: once whether all
 * are good, then to be said. */
struct saying {
    struct exchange *x;
    struct worker *worker;
    belfry_bytes room;
    belfry_bytes key; /* Idempotency-Key */
};

static enum rooms_error parse(const struct saying *s, belfry_bytes text, uint32_t index,
                              bool is_batch, struct rooms_request *out, char key[160])
{
    struct worker *worker = s->worker;
    enum rooms_error error =
        rooms_publish_parse(text, &worker->server->rooms_limits, out, &worker->request_scratch);
    if (error != ROOMS_OK)
        return error;
    size_t size = out->type == ROOMS_EVENT ? out->data.size : out->text.size;
    if (size > worker->server->options.max_queue_bytes)
        return ROOMS_ERR_TOO_LARGE;
    if (out->key.size == 0 && s->key.size > 0 && is_batch)
        out->key = bytes_of(key, (size_t)snprintf(key, 160, "%.*s:%u", (int)s->key.size,
                                                  (const char *)s->key.data, index));
    else if (out->key.size == 0)
        out->key = s->key;
    return ROOMS_OK;
}

static void refuse_item(const struct saying *s, enum rooms_error error,
                        const struct rooms_request *request, uint32_t index, bool is_batch)
{
    char why[320];
    belfry_bytes reason = request->reason;
    if (reason.size == 0)
        reason = bytes_of_text(rooms_error_reason(error));
    int size = snprintf(why, sizeof why, "message %u: %.*s", index, (int)reason.size,
                        (const char *)reason.data);
    if (is_batch)
        reason = bytes_of(why, BELFRY_MIN((size_t)size, sizeof why - 1));
    refuse(s->x, s->worker, status_of(error), error, reason);
}

static struct api_call *new_call(const struct saying *s, uint32_t count, bool is_batch)
{
    struct api_call *call = mem_alloc(sizeof *call + count * sizeof *call->items);
    if (call == NULL) {
        refuse(s->x, s->worker, 503, ROOMS_ERR_BUSY, bytes_of(NULL, 0));
        return NULL;
    }
    *call = (struct api_call){
        .x = s->x, .worker = s->worker, .is_batch = is_batch, .count = count, .waiting = 1
    };
    exchange_set_data(s->x, call);
    return call;
}

static void say_one(const struct saying *s, belfry_bytes body)
{
    struct rooms_request request;
    enum rooms_error error = parse(s, body, 0, false, &request, NULL);
    if (error != ROOMS_OK) {
        refuse_item(s, error, &request, 0, false);
        return;
    }
    struct api_call *call = new_call(s, 1, false);
    if (call == NULL)
        return;
    publish_item(call, &call->items[0], s->room, &request);
    let_go(call);
}

/* An element that was looked at. Where nothing had to be decoded it need not be again. */
struct checked {
    belfry_bytes text;
    struct rooms_request request;
    bool is_whole;
};

static belfry_err keep(struct buf *all, const struct checked *one)
{
    return buf_append(all, one, sizeof *one);
}

/* True: all are good, and in @out. False: answered. */
static bool check_all(const struct saying *s, belfry_bytes body, struct buf *out)
{
    struct worker *worker = s->worker;
    const belfry_options *options = &worker->server->options;
    struct json_member item;
    struct json_iter it;
    char key[160];
    uint32_t count = 0;
    json_iter_init(&it, body, BELFRY_MIN(options->max_json_depth + 1, (unsigned)JSON_MAX_DEPTH),
                   JSON_KIND_ARRAY);
    for (; json_iter_next(&it, &item); count++) {
        struct checked one = { .text = item.value.text };
        enum rooms_error error = ROOMS_ERR_TOO_LARGE;
        if (count < MAX_BATCH)
            error = parse(s, one.text, count, true, &one.request, key);
        else
            one.request.reason = BELFRY_BYTES("more than 1000 messages: send less at a time");
        one.is_whole = worker->request_scratch.size == 0 && one.request.key.data != key;
        if (error == ROOMS_OK && keep(out, &one) != BELFRY_OK)
            error = ROOMS_ERR_BUSY;
        if (error != ROOMS_OK) {
            refuse_item(s, error, &one.request, count, true);
            return false;
        }
    }
    if (it.err == BELFRY_OK)
        return true;
    refuse(s->x, worker, 400, ROOMS_ERR_BAD_JSON, bytes_of_text(it.fault.what));
    return false;
}

static void say_all(const struct saying *s, belfry_bytes body)
{
    struct buf checked = { 0 };
    char key[160];
    struct api_call *call = NULL;
    if (check_all(s, body, &checked))
        call = new_call(s, (uint32_t)(checked.size / sizeof(struct checked)), true);
    BELFRY_ASSERT(call == NULL || call->count == 0 || checked.data != NULL);
    for (uint32_t i = 0; call != NULL && i < call->count; i++) {
        struct checked *one = &((struct checked *)(void *)checked.data)[i];
        if (one->is_whole || parse(s, one->text, i, true, &one->request, key) == ROOMS_OK)
            publish_item(call, &call->items[i], s->room, &one->request);
        else /* it was good just now: memory */
            call->items[i] = (struct api_item){ .err = BELFRY_ERR_NOMEM };
    }
    buf_deinit(&checked);
    if (call != NULL)
        let_go(call);
}

static bool is_array(belfry_bytes body)
{
    const char *at = body.data;
    size_t i = 0;
    while (i < body.size && strchr(" \t\r\n", at[i]) != NULL && at[i] != '\0')
        i++;
    return i < body.size && at[i] == '[';
}

/* --- the exchange -----------------------------------------------------------------------------*/

static struct worker *owner(struct worker *home, belfry_request *req, void *user)
{
    (void)req;
    (void)user;
    return home;
}

static void on_begin(struct exchange *x, void *user)
{
    const struct http_head *head = exchange_head(x);
    struct worker *worker = exchange_owner(x);
    belfry_bytes room;
    (void)user;
    if (!let_in(x, worker) || !is_allowed(x, worker))
        return;
    if (!find_room(head, prefix_of(x), &room)) {
        refuse_plainly(x, worker, 404, "no such path: POST .../rooms/ROOM/messages");
    } else if (head->method != HTTP_POST) {
        (void)http_response_field(exchange_fields(x), "Allow", BELFRY_BYTES("POST, OPTIONS"));
        refuse_plainly(x, worker, 405, "POST a message here");
    }
}

static void on_body(struct exchange *x, belfry_bytes body, void *user)
{
    struct saying s = { .x = x, .worker = exchange_owner(x) };
    struct buf room = { 0 };
    const char *why = "";
    belfry_bytes segment = { 0 };
    (void)user;
    bool is_found = find_room(exchange_head(x), prefix_of(x), &segment); /* on_begin has looked */
    BELFRY_ASSERT(is_found);
    enum rooms_error error = read_room(s.worker->server, segment, &room, &why);
    if (http_single(exchange_head(x), "idempotency-key", &s.key) != HTTP_ONE)
        s.key = bytes_of(NULL, 0);
    s.room = buf_bytes(&room);
    if (error != ROOMS_OK)
        refuse(x, s.worker, status_of(error), error, bytes_of_text(why));
    else if (s.key.size > ROOMS_MAX_KEY_BYTES || !utf8_is_valid(s.key))
        refuse_plainly(x, s.worker, 400, "Idempotency-Key: at most 128 bytes of UTF-8");
    else if (!utf8_is_valid(body))
        refuse(x, s.worker, 400, ROOMS_ERR_BAD_JSON, BELFRY_BYTES("the body is not UTF-8"));
    else if (is_array(body))
        say_all(&s, body);
    else
        say_one(&s, body);
    buf_deinit(&room);
}

static void on_too_large(struct exchange *x, void *user)
{
    (void)user;
    refuse(x, exchange_owner(x), 413, ROOMS_ERR_TOO_LARGE, BELFRY_BYTES("above max_body_bytes"));
}

/* What is being said has its answer coming. */
static void on_lost(struct exchange *x, void *user)
{
    (void)user;
    if (exchange_data(x) == NULL)
        exchange_abort(x);
}

belfry_err belfry_api(belfry *server, const char *prefix)
{
    struct exchange_handlers handlers = { .owner = owner,
                                          .on_begin = on_begin,
                                          .on_body = on_body,
                                          .on_too_large = on_too_large,
                                          .on_lost = on_lost };
    char whole[200];
    belfry_err err = server_check_new(server);
    if (err != BELFRY_OK)
        return err;
    if (prefix == NULL || prefix[0] != '/' || strlen(prefix) > sizeof whole - 2)
        return server_why(BELFRY_ERR_INVALID, "a prefix is a path, as \"/api\"");
    bool has_slash = prefix[strlen(prefix) - 1] == '/';
    snprintf(whole, sizeof whole, "%s%s", prefix, has_slash ? "" : "/");
    handlers.max_body_bytes = server->options.max_body_bytes;
    return exchange_route_add(server, whole, &handlers);
}
