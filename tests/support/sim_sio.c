/*
 * sim_sio.c - packets of one namespace, and what a client remembers between connections.
 */
#include "support/sim_sio.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "socketio/args.h"
#include "support/sim_seeds.h"

static const struct sio_limits limits = { .max_depth = 64,
                                          .max_attachments = 255,
                                          .max_binary_bytes = 1 << 26 };

static bool is_root(const struct sim_sio *s)
{
    return s->how.nsp == NULL || strcmp(s->how.nsp, "/") == 0;
}

/* "/admin," or nothing. */
static void put_nsp(const struct sim_sio *s, struct buf *out)
{
    if (!is_root(s))
        buf_printf(out, "%s,", s->how.nsp);
}

static void send_text(struct sim_sio *s, const struct buf *text)
{
    SIM_CHECK(!buf_failed(text), "the test is out of memory");
    sim_eio_send(s->eio, buf_bytes(text));
}

void sim_sio_say(struct sim_sio *s, const char *packet)
{
    sim_eio_send(s->eio, bytes_of_text(packet));
}

/* --- connecting -------------------------------------------------------------------------------*/

static void on_open(struct sim_eio *e, void *user)
{
    struct sim_sio *s = user;
    struct buf text = { 0 };
    (void)e;
    buf_put_char(&text, '0');
    put_nsp(s, &text);
    buf_printf(&text, "{\"n\":%u", s->how.number);
    if (s->pid[0] != '\0')
        buf_printf(&text, ",\"pid\":\"%s\"", s->pid);
    if (s->pid[0] != '\0' && s->offset[0] != '\0')
        buf_printf(&text, ",\"offset\":\"%s\"", s->offset);
    buf_put_char(&text, '}');
    send_text(s, &text);
    buf_deinit(&text);
}

static void flush_waiting(struct sim_sio *s)
{
    struct buf waiting = s->waiting;
    s->waiting = (struct buf){ 0 };
    for (size_t at = 0; at < waiting.size;) {
        belfry_bytes text = bytes_of_text((const char *)waiting.data + at);
        sim_eio_send(s->eio, text);
        at += text.size + 1;
    }
    buf_deinit(&waiting);
}

/* Copies the field's value, an id, or nothing. */
static void copy_id(const struct json_value *value, char out[EIO_SID_SIZE + 1])
{
    belfry_bytes plain;
    out[0] = '\0';
    if (value->kind != JSON_KIND_STRING)
        return;
    SIM_CHECK(json_string_plain(value->text, &plain) && plain.size == EIO_SID_SIZE, "an odd id");
    memcpy(out, plain.data, EIO_SID_SIZE);
    out[EIO_SID_SIZE] = '\0';
}

static void on_connect(struct sim_sio *s, const struct sio_packet *packet)
{
    struct json_field fields[] = { { .name = BELFRY_BYTES("sid") },
                                   { .name = BELFRY_BYTES("pid") } };
    char pid[EIO_SID_SIZE + 1];
    char sid[EIO_SID_SIZE + 1];
    SIM_CHECK(!s->is_connected, "connected twice");
    SIM_CHECK(json_read_fields(packet->data, 8, fields, BELFRY_COUNT(fields), NULL) == BELFRY_OK,
              "a strange answer to CONNECT");
    copy_id(&fields[0].value, sid);
    copy_id(&fields[1].value, pid);
    s->was_recovered = s->pid[0] != '\0' && strcmp(s->pid, pid) == 0;
    SIM_CHECK(!s->was_recovered || strcmp(s->sid, sid) == 0, "recovered with another id");
    memcpy(s->sid, sid, sizeof sid);
    memcpy(s->pid, pid, sizeof pid);
    s->is_connected = true;
    s->connects++;
    if (s->how.on_connect != NULL)
        s->how.on_connect(s, s->how.user);
    flush_waiting(s);
}

/* --- hearing ----------------------------------------------------------------------------------*/

static void remember_offset(struct sim_sio *s, const struct sio_packet *packet)
{
    belfry_bytes plain;
    if (packet->arg_count == 0 || s->pid[0] == '\0')
        return;
    struct json_value last = sio_args_at(packet->args, packet->arg_count - 1);
    if (last.kind != JSON_KIND_STRING || !json_string_plain(last.text, &plain))
        return;
    SIM_CHECK(plain.size < SIM_OFFSET_SIZE, "a long offset");
    memcpy(s->offset, plain.data, plain.size);
    s->offset[plain.size] = '\0';
}

static void answer(struct sim_sio *s, const struct sio_packet *packet)
{
    struct buf text = { 0 };
    buf_put_char(&text, '3');
    put_nsp(s, &text);
    buf_put_u64(&text, packet->id);
    buf_put_char(&text, '[');
    buf_put_bytes(&text, packet->args);
    buf_put_char(&text, ']');
    send_text(s, &text);
    buf_deinit(&text);
}

static void on_packet(struct sim_sio *s, const struct sio_packet *packet)
{
    SIM_CHECK(bytes_equal_text(packet->nsp, is_root(s) ? "/" : s->how.nsp) ||
                  packet->type == SIO_CONNECT_ERROR,
              "of another namespace: %.*s", (int)packet->nsp.size, (const char *)packet->nsp.data);
    switch (packet->type) {
    case SIO_CONNECT:
        on_connect(s, packet);
        break;
    case SIO_DISCONNECT:
        s->is_connected = false;
        s->disconnects++;
        break;
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        remember_offset(s, packet);
        if (packet->has_id) {
            answer(s, packet);
            break;
        }
        if (s->how.on_event != NULL)
            s->how.on_event(s, packet, s->how.user);
        break;
    case SIO_ACK:
    case SIO_BINARY_ACK:
        if (s->how.on_ack != NULL)
            s->how.on_ack(s, packet, s->how.user);
        break;
    case SIO_CONNECT_ERROR:
        s->refusals++;
        break;
    }
}

static void on_message(struct sim_eio *e, bool is_binary, belfry_bytes message, void *user)
{
    struct sim_sio *s = user;
    struct sio_packet packet;
    const char *why = "";
    (void)e;
    enum sio_verdict verdict =
        is_binary ? sio_decoder_binary(&s->decoder, &limits, message, &packet, &why)
                  : sio_decoder_text(&s->decoder, &limits, message, &packet, &why);
    SIM_CHECK(verdict == SIO_PACKET || verdict == SIO_MORE, "%s: %.*s", why, (int)message.size,
              (const char *)message.data);
    if (verdict == SIO_PACKET) {
        on_packet(s, &packet);
        sio_decoder_release(&s->decoder);
    }
}

static void on_close(struct sim_eio *e, void *user)
{
    struct sim_sio *s = user;
    (void)e;
    s->is_connected = false;
    if (s->how.on_close != NULL)
        s->how.on_close(s, s->how.user);
}

bool sim_sio_number(const struct sio_packet *packet, const char *event, uint64_t *out)
{
    if (!sio_is_event(packet) || !json_string_equals(packet->name, bytes_of_text(event)))
        return false;
    *out = sim_sio_arg(packet, 0);
    return true;
}

uint64_t sim_sio_arg(const struct sio_packet *packet, uint32_t index)
{
    uint64_t number = 0;
    struct json_value value = sio_args_at(packet->args, index);
    SIM_CHECK(value.kind == JSON_KIND_NUMBER && json_u64(value.text, &number), "not a number: %.*s",
              (int)packet->args.size, (const char *)packet->args.data);
    return number;
}

/* --- saying -----------------------------------------------------------------------------------*/

static void emit(struct sim_sio *s, bool wants_ack, const char *event, const char *format,
                 va_list args)
{
    char json[4096];
    struct buf text = { 0 };
    int size = vsnprintf(json, sizeof json, format, args);
    SIM_CHECK(size >= 0 && (size_t)size < sizeof json, "too long");
    buf_put_char(&text, '2');
    put_nsp(s, &text);
    if (wants_ack)
        buf_put_u64(&text, ++s->last_ack);
    buf_printf(&text, "[\"%s\"%s%s]", event, size > 0 ? "," : "", json);
    if (s->is_connected) {
        send_text(s, &text);
    } else {
        buf_put_bytes(&s->waiting, buf_bytes(&text));
        buf_put_char(&s->waiting, '\0');
    }
    buf_deinit(&text);
}

void sim_sio_emit(struct sim_sio *s, const char *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(s, false, event, format, args);
    va_end(args);
}

uint64_t sim_sio_ask(struct sim_sio *s, const char *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(s, true, event, format, args);
    va_end(args);
    return s->last_ack;
}

uint64_t sim_sio_ask_binary(struct sim_sio *s, unsigned count, size_t size)
{
    struct buf text = { 0 };
    struct buf part = { 0 };
    SIM_CHECK(s->is_connected, "it cannot wait");
    buf_printf(&text, "5%u-", count);
    put_nsp(s, &text);
    buf_put_u64(&text, ++s->last_ack);
    buf_put_text(&text, "[\"blob\"");
    for (unsigned i = 0; i < count; i++)
        buf_printf(&text, ",{\"_placeholder\":true,\"num\":%u}", i);
    buf_put_char(&text, ']');
    send_text(s, &text);
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&part);
        for (size_t at = 0; at < size; at++)
            buf_put_char(&part, (char)(i + at));
        SIM_CHECK(!buf_failed(&part), "the test is out of memory");
        sim_eio_send_binary(s->eio, buf_bytes(&part));
    }
    buf_deinit(&text);
    buf_deinit(&part);
    return s->last_ack;
}

/* --- life -------------------------------------------------------------------------------------*/

void sim_sio_open(struct sim_sio *s)
{
    struct sim_eio_how how = { .mode = s->how.mode,
                               .worker = s->how.worker,
                               .is_mute = s->how.is_mute,
                               .is_deaf = s->how.is_deaf,
                               .may_be_cut = s->how.may_be_cut,
                               .offers_deflate = s->how.offers_deflate,
                               .on_open = on_open,
                               .on_message = on_message,
                               .on_close = on_close,
                               .user = s };
    sim_eio_free(s->eio);
    sio_decoder_deinit(&s->decoder);
    s->is_connected = false;
    s->eio = sim_eio_new(s->world, &how);
}

void sim_sio_forget(struct sim_sio *s)
{
    s->sid[0] = s->pid[0] = s->offset[0] = '\0';
}

struct sim_sio *sim_sio_new(struct sim_world *world, const struct sim_sio_how *how)
{
    struct sim_sio *s = calloc(1, sizeof *s);
    SIM_CHECK(s != NULL, "the test is out of memory");
    *s = (struct sim_sio){ .world = world, .how = *how };
    sim_sio_open(s);
    return s;
}

void sim_sio_free(struct sim_sio *s)
{
    if (s == NULL)
        return;
    s->how.on_close = NULL;
    sim_eio_free(s->eio);
    sio_decoder_deinit(&s->decoder);
    buf_deinit(&s->waiting);
    free(s);
}
