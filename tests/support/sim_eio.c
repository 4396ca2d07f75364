/*
 * sim_eio.c - polls, posts, and the change to a WebSocket.
 *
 * Callbacks of connections end with step(), which begins whatever may be begun by now; it is the
 * only place that sends requests.
 */
#include "support/sim_eio.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "engineio/payload.h"
#include "support/sim_seeds.h"
#include "ws/opcode.h"

#define MAX_PAYLOAD 60000 /* of one POST: less than any server's limit in a simulation */

static void step(struct sim_eio *e);
static void on_get(struct sim_http *h, unsigned status, belfry_bytes body, void *user);
static void on_post(struct sim_http *h, unsigned status, belfry_bytes body, void *user);

/* --- packets that wait ------------------------------------------------------------------------*/

/* A packet as one WebSocket message would have it. */
struct waiting {
    uint32_t size;
    bool is_binary;
};

static void put_packet(struct sim_eio *e, bool is_binary, const char *type, belfry_bytes data)
{
    struct waiting head = { (uint32_t)(strlen(type) + data.size), is_binary };
    buf_put(&e->unsent, &head, sizeof head);
    buf_put_text(&e->unsent, type);
    buf_put_bytes(&e->unsent, data);
    SIM_CHECK(!buf_failed(&e->unsent), "the test is out of memory");
}

/* The packet at @at; returns where the next one is. */
static size_t packet_at(const struct buf *packets, size_t at, bool *out_is_binary,
                        belfry_bytes *out_message)
{
    struct waiting head;
    memcpy(&head, packets->data + at, sizeof head);
    *out_is_binary = head.is_binary;
    *out_message = bytes_of(packets->data + at + sizeof head, head.size);
    return at + sizeof head + head.size;
}

/* The body of a POST with what waits, as much as one may have. What is no packet goes as it is. */
static void take_payload(struct sim_eio *e, struct buf *body)
{
    size_t at = 0;
    while (at < e->unsent.size) {
        bool is_binary;
        belfry_bytes message;
        size_t next = packet_at(&e->unsent, at, &is_binary, &message);
        if (at > 0 && body->size + message.size * 4 / 3 > MAX_PAYLOAD)
            break;
        if (at > 0)
            buf_put_char(body, '\x1e');
        if (is_binary)
            buf_put_char(body, 'b');
        if (is_binary)
            base64_put(body, message);
        else
            buf_put_bytes(body, message);
        at = next;
    }
    buf_consume(&e->unsent, at);
    SIM_CHECK(!buf_failed(body), "the test is out of memory");
}

static void send_frames(struct sim_eio *e)
{
    size_t at = 0;
    while (at < e->unsent.size) {
        bool is_binary;
        belfry_bytes message;
        at = packet_at(&e->unsent, at, &is_binary, &message);
        sim_client_send_frame(e->ws, (is_binary ? WS_BINARY : WS_TEXT) | WS_FIN, message);
    }
    buf_clear(&e->unsent);
}

/* --- the end ----------------------------------------------------------------------------------*/

static void drop_http(struct sim_http **h)
{
    sim_http_free(*h);
    *h = NULL;
}

static void end(struct sim_eio *e, const char *why, unsigned status)
{
    if (e->state == SIM_EIO_CLOSED)
        return;
    e->state = SIM_EIO_CLOSED;
    e->why = why;
    e->status = status;
    drop_http(&e->get);
    drop_http(&e->post);
    drop_http(&e->idle);
    if (e->ws != NULL)
        sim_client_hang_up(e->ws);
    if (e->how.on_close != NULL)
        e->how.on_close(e, e->how.user);
}

/* --- what comes -------------------------------------------------------------------------------*/

static void on_open_packet(struct sim_eio *e, belfry_bytes data)
{
    char text[512];
    SIM_CHECK(e->state == SIM_EIO_OPENING && data.size < sizeof text, "a strange open packet");
    memcpy(text, data.data, data.size);
    text[data.size] = '\0';
    const char *sid = strstr(text, "\"sid\":\"");
    SIM_CHECK(sid != NULL && strlen(sid) > 7 + EIO_SID_SIZE, "an open packet without sid");
    memcpy(e->sid, sid + 7, EIO_SID_SIZE);
    e->state = SIM_EIO_OPEN;
    bool may_upgrade = strstr(text, "\"upgrades\":[\"websocket\"]") != NULL;
    if (e->how.on_open != NULL)
        e->how.on_open(e, e->how.user);
    if (e->how.mode == SIM_EIO_UPGRADES && may_upgrade)
        sim_eio_probe(e);
}

static void on_packet(struct sim_eio *e, const struct eio_packet *packet)
{
    if (e->state == SIM_EIO_OPENING && packet->type != EIO_OPEN)
        sim_fail(__FILE__, __LINE__, "packet %d before the open packet", (int)packet->type);
    switch (packet->type) {
    case EIO_OPEN:
        on_open_packet(e, packet->data);
        break;
    case EIO_CLOSE:
        end(e, "transport close", 0);
        break;
    case EIO_PING:
        e->pings++;
        if (!e->how.is_mute)
            put_packet(e, false, "3", bytes_of(NULL, 0));
        break;
    case EIO_MESSAGE:
        if (e->how.on_message != NULL)
            e->how.on_message(e, packet->is_binary, packet->data, e->how.user);
        break;
    case EIO_NOOP:
        break;
    case EIO_PONG:
    case EIO_UPGRADE:
        sim_fail(__FILE__, __LINE__, "packet %d from a server", (int)packet->type);
    }
}

static void on_payload(struct sim_eio *e, belfry_bytes body)
{
    struct eio_payload payload;
    struct eio_packet packet;
    struct buf scratch = { 0 };
    eio_payload_init(&payload, EIO_REVISION_4, EIO_FORM_TEXT, body);
    while (e->state != SIM_EIO_CLOSED && eio_payload_next(&payload, &scratch, &packet))
        on_packet(e, &packet);
    if (e->state != SIM_EIO_CLOSED && payload.result != EIO_OK)
        end(e, "parse error", 200);
    buf_deinit(&scratch);
}

/* --- polling ----------------------------------------------------------------------------------*/

void sim_eio_target(struct sim_eio *e, const char *transport, char out[160])
{
    int size = snprintf(out, 160, "/socket.io/?EIO=4&transport=%s&t=%u", transport, e->targets++);
    if (e->sid[0] != '\0')
        snprintf(out + size, 160 - (size_t)size, "&sid=%s", e->sid);
}

static unsigned some_worker(struct sim_eio *e)
{
    if (e->how.worker != SIM_ANY_WORKER)
        return e->how.worker;
    return (unsigned)sim_below(e->world, e->world->server->worker_count);
}

/* A connection for a request: the idle one or another. */
static struct sim_http *some_http(struct sim_eio *e, sim_http_response *on_response)
{
    struct sim_http *h = e->idle;
    if (h != NULL && sim_http_is_idle(h) && sim_chance(e->world, 60)) {
        e->idle = NULL;
        h->on_response = on_response;
        return h;
    }
    h = sim_http_new(e->world, some_worker(e), on_response, e);
    h->may_be_cut = e->how.may_be_cut;
    return h;
}

/* An answer came: its connection is for whoever wants it next. */
static void put_back(struct sim_eio *e, struct sim_http **slot)
{
    struct sim_http *h = *slot;
    *slot = NULL;
    if (e->idle == NULL && sim_http_is_idle(h))
        e->idle = h;
    else
        sim_http_free(h);
}

static void on_get(struct sim_http *h, unsigned status, belfry_bytes body, void *user)
{
    struct sim_eio *e = user;
    SIM_CHECK(e->get == h, "an answer to somebody else");
    put_back(e, &e->get);
    e->polls++;
    if (status != 200)
        end(e, "xhr poll error", status);
    else
        on_payload(e, body);
    step(e);
}

static void on_post(struct sim_http *h, unsigned status, belfry_bytes body, void *user)
{
    struct sim_eio *e = user;
    SIM_CHECK(e->post == h, "an answer to somebody else");
    put_back(e, &e->post);
    if (status != 200)
        end(e, "xhr post error", status);
    else
        SIM_CHECK(bytes_equal_text(body, "ok"), "a post is not ok");
    step(e);
}

static void poll(struct sim_eio *e)
{
    char target[160];
    sim_eio_target(e, "polling", target);
    e->get = some_http(e, on_get);
    sim_http_get(e->get, target);
}

static void post(struct sim_eio *e)
{
    char target[160];
    struct buf body = { 0 };
    sim_eio_target(e, "polling", target);
    take_payload(e, &body);
    e->post = some_http(e, on_post);
    sim_http_post(e->post, target, NULL, buf_bytes(&body));
    buf_deinit(&body);
}

/* --- the WebSocket ----------------------------------------------------------------------------*/

static void lose_probe(struct sim_eio *e)
{
    e->lost_probes++;
    e->path = SIM_EIO_ON_POLLING;
}

static void on_probe_message(struct sim_eio *e, belfry_bytes message)
{
    SIM_CHECK(e->path == SIM_EIO_PROBING && bytes_equal_text(message, "3probe"),
              "the probe heard \"%.*s\"", (int)message.size, (const char *)message.data);
    e->path = SIM_EIO_PAUSING;
}

static void on_ws_message(struct sim_client *c, bool is_binary, belfry_bytes message, void *user)
{
    struct sim_eio *e = user;
    struct eio_packet packet;
    struct buf scratch = { 0 };
    (void)c;
    if (e->state == SIM_EIO_CLOSED)
        return;
    if (e->path != SIM_EIO_ON_WEBSOCKET) {
        on_probe_message(e, message);
    } else {
        SIM_CHECK(eio_packet_read(EIO_REVISION_4, is_binary, message, &scratch, &packet) == EIO_OK,
                  "not a packet");
        on_packet(e, &packet);
    }
    buf_deinit(&scratch);
    step(e);
}

static void on_ws_state(struct sim_client *c, void *user)
{
    struct sim_eio *e = user;
    if (e->state == SIM_EIO_CLOSED)
        return;
    if (c->state == SIM_OPEN) {
        if (e->path == SIM_EIO_PROBING)
            sim_client_send_frame(c, WS_TEXT | WS_FIN, BELFRY_BYTES("2probe"));
        return;
    }
    if (c->state == SIM_RAW)
        sim_client_hang_up(c);
    if (e->path == SIM_EIO_ON_WEBSOCKET)
        end(e, c->status != 101 ? "websocket error" : "transport close", c->status);
    else if (e->path != SIM_EIO_ON_POLLING)
        lose_probe(e);
    step(e);
}

static void open_websocket(struct sim_eio *e)
{
    char target[160];
    sim_eio_target(e, "websocket", target);
    struct sim_client_how how = { .worker = some_worker(e),
                                  .target = target,
                                  .may_be_cut = e->how.may_be_cut,
                                  .offers_deflate = e->how.offers_deflate,
                                  .on_message = on_ws_message,
                                  .on_state = on_ws_state,
                                  .user_data = e };
    sim_client_free(e->ws);
    e->ws = sim_client_new(e->world, &how);
    e->ws->how.target = NULL; /* it has been asked for */
}

void sim_eio_probe(struct sim_eio *e)
{
    if (e->state != SIM_EIO_OPEN || e->path != SIM_EIO_ON_POLLING)
        return;
    e->path = SIM_EIO_PROBING;
    open_websocket(e);
}

void sim_eio_drop_probe(struct sim_eio *e)
{
    if (e->path != SIM_EIO_PROBING && e->path != SIM_EIO_PAUSING)
        return;
    sim_client_reset(e->ws);
    lose_probe(e);
    step(e);
}

static void upgrade(struct sim_eio *e)
{
    sim_client_send_frame(e->ws, WS_TEXT | WS_FIN, BELFRY_BYTES("5"));
    e->path = SIM_EIO_ON_WEBSOCKET;
    e->upgrades++;
    drop_http(&e->idle);
}

/* --- going on ---------------------------------------------------------------------------------*/

static void step_polling(struct sim_eio *e)
{
    bool is_pausing = e->path == SIM_EIO_PAUSING;
    if (e->get == NULL && !is_pausing && !e->how.is_deaf)
        poll(e);
    if (e->post == NULL && !is_pausing && e->unsent.size > 0)
        post(e);
    if (is_pausing && e->get == NULL && e->post == NULL)
        upgrade(e);
}

static void step(struct sim_eio *e)
{
    if (e->state != SIM_EIO_OPEN)
        return;
    if (e->path != SIM_EIO_ON_WEBSOCKET)
        step_polling(e);
    if (e->path == SIM_EIO_ON_WEBSOCKET)
        send_frames(e);
}

void sim_eio_send(struct sim_eio *e, belfry_bytes text)
{
    put_packet(e, false, "4", text);
    step(e);
}

void sim_eio_send_binary(struct sim_eio *e, belfry_bytes bytes)
{
    put_packet(e, true, "", bytes);
    step(e);
}

void sim_eio_send_packet(struct sim_eio *e, const char *text)
{
    put_packet(e, false, text, bytes_of(NULL, 0));
    step(e);
}

/* --- life -------------------------------------------------------------------------------------*/

struct sim_eio *sim_eio_new(struct sim_world *world, const struct sim_eio_how *how)
{
    struct sim_eio *e = calloc(1, sizeof *e);
    SIM_CHECK(e != NULL, "the test is out of memory");
    *e = (struct sim_eio){ .world = world, .how = *how };
    if (how->mode == SIM_EIO_WEBSOCKET) {
        e->path = SIM_EIO_ON_WEBSOCKET;
        open_websocket(e);
    } else {
        poll(e);
    }
    return e;
}

void sim_eio_close(struct sim_eio *e)
{
    if (e->state == SIM_EIO_CLOSED)
        return;
    if (e->path != SIM_EIO_ON_WEBSOCKET)
        sim_eio_send_packet(e, "1");
    else
        sim_client_close(e->ws, 1000);
}

void sim_eio_vanish(struct sim_eio *e)
{
    end(e, NULL, 0);
}

void sim_eio_reset(struct sim_eio *e)
{
    struct sim_http *all[] = { e->get, e->post, e->idle };
    for (size_t i = 0; i < BELFRY_COUNT(all); i++) {
        if (all[i] != NULL)
            sim_http_reset(all[i]);
    }
    if (e->ws != NULL)
        sim_client_reset(e->ws);
    end(e, NULL, 0);
}

void sim_eio_free(struct sim_eio *e)
{
    if (e == NULL)
        return;
    e->how.on_close = NULL;
    sim_eio_vanish(e);
    sim_client_free(e->ws);
    buf_deinit(&e->unsent);
    free(e);
}
