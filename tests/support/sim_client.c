/*
 * sim_client.c - the other end of the wire.
 */
#include "support/sim_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "support/sim_alloc.h"
#include "support/sim_seeds.h"
#include "ws/close.h"
#include "ws/encoder.h"
#include "ws/mask.h"

static const struct ws_deflate_policy client_deflate = { 0 };

/* --- sending ----------------------------------------------------------------------------------*/

void sim_client_send_raw(struct sim_client *c, belfry_bytes bytes)
{
    if (c->link != NULL)
        sim_link_send(c->link, bytes.data, bytes.size);
}

void sim_client_send_frame(struct sim_client *c, unsigned first, belfry_bytes payload)
{
    uint8_t *frame = malloc(WS_HEADER_MAX + payload.size);
    SIM_CHECK(frame != NULL, "the test is out of memory");
    uint32_t key = (uint32_t)random_next(&c->world->random);
    size_t header_size = ws_header_write_masked(frame, first, payload.size, key);
    if (payload.size > 0)
        memcpy(frame + header_size, payload.data, payload.size);
    ws_mask(frame + header_size, payload.size, key, 0);
    sim_client_send_raw(c, bytes_of(frame, header_size + payload.size));
    free(frame);
}

void sim_client_say(struct sim_client *c, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    SIM_CHECK(size >= 0 && (size_t)size < sizeof text, "too long");
    sim_client_send_frame(c, WS_TEXT | WS_FIN, bytes_of(text, (size_t)size));
}

void sim_client_close(struct sim_client *c, uint16_t code)
{
    uint8_t payload[WS_CONTROL_PAYLOAD_MAX];
    size_t size = ws_close_write(payload, code, bytes_of(NULL, 0));
    if (c->state != SIM_OPEN)
        return;
    sim_client_send_frame(c, WS_CLOSE | WS_FIN, bytes_of(payload, size));
    c->state = SIM_CLOSING;
}

static void tell_state(struct sim_client *c)
{
    if (c->how.on_state != NULL)
        c->how.on_state(c, c->how.user_data);
}

static void let_go(struct sim_client *c)
{
    c->state = SIM_ENDED;
    c->link = NULL;
}

void sim_client_hang_up(struct sim_client *c)
{
    if (c->link == NULL)
        return;
    sim_link_abandon(c->link);
    let_go(c);
}

void sim_client_reset(struct sim_client *c)
{
    if (c->link == NULL)
        return;
    sim_link_reset(c->link);
    let_go(c);
}

void sim_client_stall(struct sim_client *c, bool is_stalled)
{
    if (c->link != NULL)
        c->link->is_stalled = is_stalled;
}

/* --- the room protocol ------------------------------------------------------------------------*/

static belfry_bytes plain(const struct json_value *value)
{
    belfry_bytes text = bytes_of(NULL, 0);
    if (value->kind == JSON_KIND_STRING)
        SIM_CHECK(json_string_plain(value->text, &text), "a string with escapes in a simulation");
    return text;
}

bool sim_said_read(struct sim_said *said, belfry_bytes text)
{
    enum {
        TYPE,
        ROOM,
        ID,
        FROM,
        USER,
        TEXT,
        EVENT,
        USER_ID,
        CODE,
        REF,
        LAST,
        NEXT,
        HISTORY,
        MEMBERS,
        COUNT,
        GAP,
        DATA
    };
    static const char *const names[] = {
        "type", "room", "id",   "from",    "user",    "text",  "event", "userId", "code",
        "ref",  "last", "next", "history", "members", "count", "gap",   "data",
    };
    struct json_field f[BELFRY_COUNT(names)] = { 0 };
    for (size_t i = 0; i < BELFRY_COUNT(f); i++)
        f[i].name = bytes_of_text(names[i]);
    if (json_read_fields(text, 64, f, BELFRY_COUNT(f), NULL) != BELFRY_OK)
        return false;
    belfry_bytes *strings[] = {
        &said->type,  &said->room,    &said->id,   &said->from, &said->user, &said->text,
        &said->event, &said->user_id, &said->code, &said->ref,  &said->last, &said->next,
    };
    *said = (struct sim_said){ 0 };
    for (size_t i = 0; i < BELFRY_COUNT(strings); i++)
        *strings[i] = plain(&f[i].value);
    if (f[REF].value.kind == JSON_KIND_NUMBER)
        said->ref = f[REF].value.text;
    said->history = f[HISTORY].value.text;
    said->data = f[DATA].value.text;
    if (f[MEMBERS].value.kind == JSON_KIND_ARRAY)
        said->members = f[MEMBERS].value.text;
    const struct json_value *count =
        f[COUNT].value.kind == JSON_KIND_NUMBER ? &f[COUNT].value : &f[MEMBERS].value;
    if (count->kind == JSON_KIND_NUMBER)
        SIM_CHECK(json_u64(count->text, &said->member_count), "an odd count");
    said->has_gap = f[GAP].value.kind == JSON_KIND_TRUE;
    return true;
}

static void on_text(struct sim_client *c, belfry_bytes text)
{
    struct sim_said said;
    SIM_CHECK(sim_said_read(&said, text), "not JSON: %.*s", (int)text.size,
              (const char *)text.data);
    if (bytes_equal_text(said.type, "welcome")) {
        SIM_CHECK(said.id.size == PUBLIC_ID_SIZE && c->id[0] == '\0', "a strange welcome");
        memcpy(c->id, said.id.data, PUBLIC_ID_SIZE);
    }
    SIM_CHECK(c->id[0] != '\0', "something came before the welcome");
    if (c->how.on_said != NULL)
        c->how.on_said(c, &said, c->how.user_data);
}

/* --- receiving --------------------------------------------------------------------------------*/

static void on_close_frame(struct sim_client *c, const struct ws_event *event)
{
    c->close_code = event->code;
    if (c->how.is_mute) {
        c->state = SIM_CLOSING;
        return;
    }
    uint16_t code = event->code == WS_CLOSE_NO_STATUS ? WS_CLOSE_NORMAL : event->code;
    sim_client_close(c, code); /* the echo, unless we closed first */
    c->state = SIM_CLOSING;
}

static void on_message(struct sim_client *c, const struct ws_event *event)
{
    bool is_binary = event->type == WS_EVENT_BINARY;
    c->message_count++;
    if (c->how.on_message != NULL) {
        c->how.on_message(c, is_binary, bytes_of(event->data, event->size), c->how.user_data);
        return;
    }
    SIM_CHECK(!is_binary, "a binary message");
    on_text(c, bytes_of(event->data, event->size));
}

static void on_event(struct sim_client *c, const struct ws_event *event)
{
    switch (event->type) {
    case WS_EVENT_TEXT:
    case WS_EVENT_BINARY:
        on_message(c, event);
        break;
    case WS_EVENT_PING:
        c->ping_count++;
        if (!c->how.is_mute)
            sim_client_send_frame(c, WS_PONG | WS_FIN, bytes_of(event->data, event->size));
        break;
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_CLOSE:
        on_close_frame(c, event);
        break;
    case WS_EVENT_FAIL:
        sim_fail(__FILE__, __LINE__, "the server's frames are wrong: %s", event->why);
    }
}

static void take_frames(struct sim_client *c, uint8_t *bytes, size_t size)
{
    struct ws_decoder_config config = { .max_message = 1 << 26,
                                        .max_fragments = 1000,
                                        .role = WS_CLIENT,
                                        .pool = c->world->client_pool };
    struct ws_event event;
    uint8_t *at = bytes;
    SIM_CHECK(c->close_code == 0, "bytes behind the close frame");
    while (ws_decoder_next(&c->decoder, &config, &at, bytes + size, &event)) {
        on_event(c, &event);
        if (event.type == WS_EVENT_CLOSE)
            SIM_CHECK(at == bytes + size, "bytes behind the close frame");
        if (c->link == NULL)
            return; /* it hung up */
    }
}

/* The value of a field in the response's head, or nothing. */
static belfry_bytes find_field(const char *head, const char *name)
{
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        size_t size = strlen(name);
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            const char *value = line + size + 1 + strspn(line + size + 1, " ");
            return bytes_of(value, strcspn(value, "\r\n"));
        }
    }
    return bytes_of(NULL, 0);
}

static void judge_response(struct sim_client *c, const char *head)
{
    struct ws_response response = { .status = (unsigned)atoi(head + strlen("HTTP/1.1 ")),
                                    .upgrade = find_field(head, "Upgrade"),
                                    .connection = find_field(head, "Connection"),
                                    .accept = find_field(head, "Sec-WebSocket-Accept") };
    c->status = response.status;
    if (response.status != 101) {
        c->state = SIM_RAW;
        tell_state(c);
        return;
    }
    const char *refusal = ws_response_refusal(&response, c->key, bytes_of(NULL, 0));
    SIM_CHECK(refusal == NULL, "a wrong handshake: %s", refusal);
    belfry_bytes extensions = find_field(head, "Sec-WebSocket-Extensions");
    SIM_CHECK(c->how.offers_deflate || extensions.size == 0, "an extension that nobody offered");
    SIM_CHECK(ws_deflate_confirm(&client_deflate, extensions, &c->decoder.params),
              "an extension that does not fit the offer");
    c->state = SIM_OPEN;
    tell_state(c);
}

static void take_response(struct sim_client *c)
{
    buf_put_char(&c->inbox, '\0');
    char *head = (char *)c->inbox.data;
    char *end = strstr(head, "\r\n\r\n");
    c->inbox.size--;
    if (end == NULL)
        return;
    size_t head_size = (size_t)(end + 4 - head);
    end[2] = '\0';
    judge_response(c, head);
    if (c->state == SIM_OPEN && c->inbox.size > head_size)
        take_frames(c, c->inbox.data + head_size, c->inbox.size - head_size);
    end[2] = '\r';
}

static void on_bytes(void *user, uint8_t *bytes, size_t size)
{
    struct sim_client *c = user;
    if (c->state == SIM_OPEN || c->state == SIM_CLOSING) {
        take_frames(c, bytes, size);
        return;
    }
    buf_put(&c->inbox, bytes, size);
    SIM_CHECK(!buf_failed(&c->inbox), "the test is out of memory");
    if (c->state == SIM_ASKING)
        take_response(c);
}

static void on_end(void *user, bool is_reset)
{
    struct sim_client *c = user;
    c->was_reset = is_reset;
    if (c->state == SIM_OPEN || c->state == SIM_CLOSING)
        SIM_CHECK(is_reset || c->how.may_be_cut || !ws_decoder_is_midway(&c->decoder),
                  "it ended inside a frame");
    sim_link_abandon(c->link);
    let_go(c);
    tell_state(c);
}

/* --- life -------------------------------------------------------------------------------------*/

static void send_request(struct sim_client *c)
{
    char target[256] = "/ws";
    char offer[WS_DEFLATE_TEXT_MAX];
    uint8_t nonce[WS_NONCE_SIZE];
    struct buf request = { 0 };
    struct random_source source = random_source_of(&c->world->random);
    random_fill(&source, nonce, sizeof nonce);
    ws_key_write(nonce, c->key);
    if (c->how.target != NULL)
        snprintf(target, sizeof target, "%s", c->how.target);
    else if (c->how.user != NULL)
        snprintf(target, sizeof target, "/ws?user=%s", c->how.user);
    struct ws_request values = { .host = BELFRY_BYTES("sim.example"),
                                 .target = bytes_of_text(target),
                                 .key = c->key };
    if (c->how.offers_deflate)
        values.extensions = bytes_of(offer, ws_deflate_offer_write(&client_deflate, offer));
    SIM_CHECK(ws_request_write(&request, &values) == BELFRY_OK, "the test is out of memory");
    sim_client_send_raw(c, buf_bytes(&request));
    buf_deinit(&request);
}

struct sim_client *sim_client_new(struct sim_world *world, const struct sim_client_how *how)
{
    struct sim_client *c = calloc(1, sizeof *c);
    SIM_CHECK(c != NULL, "the test is out of memory");
    *c = (struct sim_client){ .world = world, .how = *how };
    c->state = how->is_raw ? SIM_RAW : SIM_ASKING;
    c->link = sim_link_new(&world->net, &(struct sim_link_user){ on_bytes, on_end, c });
    if (!how->is_raw)
        send_request(c);
    sim_connect(world, how->worker, c->link);
    return c;
}

void sim_client_free(struct sim_client *c)
{
    if (c == NULL)
        return;
    sim_client_hang_up(c);
    ws_decoder_deinit(&c->decoder);
    buf_deinit(&c->inbox);
    free(c);
}
