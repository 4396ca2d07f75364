/*
 * sim_sio_app.c - handlers that keep the books.
 */
#include "support/sim_sio_app.h"

#include <stdio.h>

#include "base/json.h"
#include "socketio/args.h"
#include "support/sim_alloc.h"
#include "support/sim_seeds.h"

#define STRANGER UINT32_MAX

static uint32_t number_in_auth(const struct sim_app *app, belfry_sock *sock)
{
    struct json_field field = { .name = BELFRY_BYTES("n") };
    uint64_t number = UINT64_MAX;
    belfry_bytes auth = bytes_of_text(belfry_sock_auth(sock));
    bool is_said = json_read_fields(auth, 8, &field, 1, NULL) == BELFRY_OK &&
                   json_u64(field.value.text, &number);
    if (app->how.knows_nobody)
        return STRANGER;
    if (app->how.strangers_from > 0 && (!is_said || number >= app->how.strangers_from))
        return STRANGER;
    SIM_CHECK(is_said && number < SIM_APP_PEOPLE, "nobody: %.*s", (int)auth.size,
              (const char *)auth.data);
    return (uint32_t)number;
}

static bool is_stranger(belfry_sock *sock)
{
    const struct sim_app_data *data = belfry_data(sock);
    return data != NULL && data->number == STRANGER;
}

static struct sim_person *person_of(struct sim_app *app, belfry_sock *sock)
{
    const struct sim_app_data *data = belfry_data(sock);
    SIM_CHECK(data != NULL && data->number > 0 && data->number <= SIM_APP_PEOPLE,
              "a socket without its data");
    return &app->people[data->number - 1];
}

/* --- coming and going -------------------------------------------------------------------------*/

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct sim_app *app = user;
    struct sim_app_data *data = belfry_data(sock);
    uint32_t number = number_in_auth(app, sock);
    (void)msg;
    if (number == STRANGER) {
        data->number = number;
        return;
    }
    struct sim_person *person = &app->people[number];
    if (belfry_sock_is_recovered(sock)) {
        SIM_CHECK(data->number == number + 1, "recovered with the data of %u", data->number);
        SIM_CHECK(strcmp(data->id, belfry_sock_id_text(sock)) == 0, "recovered as another");
        person->recoveries++;
    } else {
        SIM_CHECK(data->number == 0, "data of somebody else");
        data->number = number + 1;
        snprintf(data->id, sizeof data->id, "%s", belfry_sock_id_text(sock));
    }
    data->connects++;
    person->connects++;
    person->is_here = true;
    person->is_going = false;
    person->sock = belfry_sock_id(sock);
    snprintf(person->id, sizeof person->id, "%s", belfry_sock_id_text(sock));
}

/* It may have come again already, before its old connection was noticed to be gone. */
static bool is_current(const struct sim_person *person, belfry_sock *sock)
{
    return person->sock == belfry_sock_id(sock);
}

static void on_disconnecting(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    if (is_stranger(sock))
        return;
    struct sim_person *person = person_of(user, sock);
    if (!is_current(person, sock))
        return;
    SIM_CHECK(person->is_here && !person->is_going, "goes without being here");
    person->is_going = true;
}

static void copy_string(belfry_bytes args, uint32_t index, char *out, size_t size)
{
    belfry_bytes plain = bytes_of(NULL, 0);
    struct json_value value = sio_args_at(args, index);
    if (value.kind == JSON_KIND_STRING)
        (void)json_string_plain(value.text, &plain);
    snprintf(out, size, "%.*s", (int)plain.size, plain.size > 0 ? (const char *)plain.data : "");
}

static void on_disconnect(belfry_sock *sock, belfry_msg *msg, void *user)
{
    if (is_stranger(sock))
        return;
    struct sim_person *person = person_of(user, sock);
    person->disconnects++;
    person->gone_ms = ((struct sim_app *)user)->world->now_ms;
    if (!is_current(person, sock))
        return;
    SIM_CHECK(person->is_here && person->is_going, "gone without going");
    person->is_here = false;
    copy_string(belfry_msg_raw(msg), 0, person->reason, sizeof person->reason);
    copy_string(belfry_msg_raw(msg), 1, person->description, sizeof person->description);
}

static void free_data(void *data)
{
    (void)data; /* which app's it is cannot be told: expired and disconnects are counted instead */
}

static void on_expired(belfry_nsp *nsp, const char *id_text, void *data, void *user)
{
    struct sim_app *app = user;
    const struct sim_app_data *mine = data;
    SIM_CHECK(nsp == app->nsp && mine != NULL && mine->number > 0, "nobody expired");
    if (mine->number == STRANGER)
        return;
    struct sim_person *person = &app->people[mine->number - 1];
    SIM_CHECK(strcmp(mine->id, id_text) == 0, "another one expired");
    person->expired++;
}

/* --- the porter -------------------------------------------------------------------------------*/

static belfry_err ask_porter(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct sim_app *app = user;
    (void)msg;
    switch (app->porter) {
    case SIM_ADMITS:
        break;
    case SIM_REFUSES:
        return belfry_refuse(sock, "not today", NULL);
    case SIM_HESITATES:
        app->waiting[app->waiting_count++ % SIM_APP_WAITING] = belfry_sock_id(sock);
        return BELFRY_LATER;
    }
    return BELFRY_OK;
}

void sim_app_decide(struct sim_app *app, bool is_admitted)
{
    if (app->waiting_count == 0)
        return;
    belfry *server = app->world->server;
    size_t which = (size_t)sim_below(app->world, BELFRY_MIN(app->waiting_count, SIM_APP_WAITING));
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    if (is_admitted)
        (void)belfry_accept(server, app->waiting[which]);
    else
        (void)belfry_reject(server, app->waiting[which], "not today", NULL);
    (void)sim_alloc_enter(before);
}

/* --- events -----------------------------------------------------------------------------------*/

static void on_up(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct sim_app *app = user;
    struct json_value first = sio_args_at(belfry_msg_raw(msg), 0);
    uint64_t number = 0;
    if (is_stranger(sock)) {
        (void)belfry_ack_raw(msg, first.text.data, first.text.size);
        return;
    }
    struct sim_person *person = person_of(app, sock);
    SIM_CHECK(first.kind == JSON_KIND_NUMBER && json_u64(first.text, &number), "not a number");
    if (app->how.may_lose && !is_current(person, sock))
        return; /* it has come again since, and has not seen that this one arrived */
    SIM_CHECK(is_current(person, sock) && person->is_here, "heard from one who is not here");
    SIM_CHECK(number == person->up + 1 || (app->how.may_lose && number > person->up),
              "%u said %u after %u", (unsigned)(person - app->people), (unsigned)number,
              (unsigned)person->up);
    person->up = number;
    (void)belfry_ack_raw(msg, first.text.data, first.text.size);
}

static bool room_of(belfry_msg *msg, char out[32])
{
    copy_string(belfry_msg_raw(msg), 0, out, 32);
    return out[0] != '\0';
}

static void on_join(belfry_sock *sock, belfry_msg *msg, void *user)
{
    char room[32];
    (void)user;
    if (room_of(msg, room) && belfry_join(sock, room) == BELFRY_OK)
        (void)belfry_ack_raw(msg, "", 0);
}

static void on_leave(belfry_sock *sock, belfry_msg *msg, void *user)
{
    char room[32];
    (void)user;
    if (room_of(msg, room) && belfry_leave(sock, room) == BELFRY_OK)
        (void)belfry_ack_raw(msg, "", 0);
}

static void on_blob(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_bytes parts[10];
    unsigned count = belfry_attachment_count(msg);
    if (!is_stranger(sock))
        person_of(user, sock)->blobs++;
    for (unsigned i = 0; i < count && i < BELFRY_COUNT(parts); i++)
        parts[i] = belfry_attachment(msg, i);
    (void)belfry_ack_bin(msg, NULL, parts, count);
}

static void on_replies(belfry_err err, belfry_msg *const *replies, unsigned count,
                       unsigned expected, void *user)
{
    struct sim_app *app = user;
    app->calls_ended++;
    app->calls_failed += err != BELFRY_OK;
    SIM_CHECK(app->calls_ended <= app->calls + 1, "a call ended twice");
    SIM_CHECK(count <= expected && (err != BELFRY_OK || count == expected), "a wrong sum");
    bool has_strangers = app->how.knows_nobody || app->how.strangers_from > 0;
    for (unsigned i = 0; i < count && !has_strangers; i++)
        SIM_CHECK(bytes_equal_text(belfry_msg_raw(replies[i]), "7"), "a wrong reply");
}

static void on_call(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct sim_app *app = user;
    (void)sock;
    (void)msg;
    if (belfry_call_raw(belfry_everyone(app->nsp), 2000, on_replies, app, "question", "7", 1) ==
        BELFRY_OK)
        app->calls++;
}

static void on_bye(belfry_sock *sock, belfry_msg *msg, void *user)
{
    bool is_all = bytes_equal_text(belfry_msg_raw(msg), "1");
    (void)user;
    belfry_disconnect(sock, is_all ? BELFRY_WHOLE_CONNECTION : BELFRY_THIS_NAMESPACE);
}

/* --- making -----------------------------------------------------------------------------------*/

static belfry_err add_handlers(struct sim_app *app)
{
    static const struct {
        const char *event;
        belfry_handler handler;
    } rows[] = { { "connection", on_connection },
                 { "disconnecting", on_disconnecting },
                 { "disconnect", on_disconnect },
                 { "up", on_up },
                 { "join", on_join },
                 { "leave", on_leave },
                 { "blob", on_blob },
                 { "call", on_call },
                 { "bye", on_bye } };
    belfry_err err = belfry_free_data(app->nsp, free_data);
    for (size_t i = 0; i < BELFRY_COUNT(rows) && err == BELFRY_OK; i++)
        err = belfry_on(app->nsp, rows[i].event, rows[i].handler, app);
    belfry_recovery recovery = { .max_disconnection_ms = app->how.window_ms,
                                 .runs_middlewares = app->how.runs_middlewares,
                                 .expired = on_expired,
                                 .user = app };
    if (err == BELFRY_OK && app->how.recovers)
        err = belfry_recover(app->nsp, &recovery);
    if (err == BELFRY_OK && app->how.has_porter)
        err = belfry_use(app->nsp, ask_porter, app);
    return err;
}

bool sim_app_init(struct sim_app *app, struct sim_world *world, const struct sim_app_how *how)
{
    *app = (struct sim_app){ .world = world, .how = *how };
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    app->nsp = belfry_of(world->server, how->nsp != NULL ? how->nsp : "/");
    belfry_err err = app->nsp == NULL ? BELFRY_ERR_NOMEM : add_handlers(app);
    if (err == BELFRY_OK)
        err = belfry_socketio(world->server, "/socket.io/", NULL);
    (void)sim_alloc_enter(before);
    return err == BELFRY_OK;
}

belfry_err sim_app_emit(struct sim_app *app, const char *room, const char *event, uint64_t number)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    belfry_target target = room != NULL ? belfry_in(app->nsp, room) : belfry_everyone(app->nsp);
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    belfry_err err = belfry_emit_raw(target, event, text, (size_t)size);
    (void)sim_alloc_enter(before);
    return err;
}
