/*
 * test_socketio_hostile.c - clients of Socket.IO that mean no good, while others talk and must not
 * notice; afterwards sessions, connections and memory are where they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_seeds.h"
#include "support/sim_sio.h"
#include "support/sim_sio_app.h"
#include "ws/opcode.h"

#define GOOD 3
#define ATTACKERS 16
#define WAVES 3
#define SEEDS 40
#define SLACK_BYTES 16384 /* tables that keep their size */
#define QUEUE_BYTES ((size_t)65536)

static const uint64_t past_seeds[] = { 1 };

struct attack_run;

struct witness {
    struct attack_run *run;
    struct sim_sio *sio;
    uint64_t heard;
    uint64_t up;
    uint64_t acked;
};

struct attack_run {
    struct sim_world world;
    struct sim_app app;
    struct witness good[GOOD];
    uint64_t said;
};

/* --- those who must not notice ----------------------------------------------------------------*/

static void on_event(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct witness *w = user;
    uint64_t number;
    (void)s;
    SIM_CHECK(sim_sio_number(packet, "news", &number) && number == w->heard + 1, "news are lost");
    w->heard = number;
}

static void on_ack(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct witness *w = user;
    (void)s;
    SIM_CHECK(sim_sio_arg(packet, 0) == w->acked + 1, "an ack is lost");
    w->acked++;
}

static void gather(struct attack_run *run)
{
    for (unsigned i = 0; i < GOOD; i++) {
        struct sim_sio_how how = { .mode = (enum sim_eio_mode)(i % 3),
                                   .worker = SIM_ANY_WORKER,
                                   .number = i,
                                   .on_event = on_event,
                                   .on_ack = on_ack,
                                   .user = &run->good[i] };
        run->good[i] = (struct witness){ .run = run };
        run->good[i].sio = sim_sio_new(&run->world, &how);
    }
    sim_settle(&run->world);
    for (unsigned i = 0; i < GOOD; i++) {
        sim_sio_emit(run->good[i].sio, "join", "\"good\"");
        sim_settle(&run->world);
    }
    sim_advance_ms(&run->world, 1000);
}

static void chat(struct attack_run *run)
{
    struct witness *w = &run->good[sim_below(&run->world, GOOD)];
    (void)sim_sio_ask(w->sio, "up", "%u", (unsigned)++w->up);
    SIM_CHECK(sim_app_emit(&run->app, "good", "news", ++run->said) == BELFRY_OK, "not said");
}

static void check_good(const struct attack_run *run)
{
    for (unsigned i = 0; i < GOOD; i++) {
        const struct witness *w = &run->good[i];
        SIM_CHECK(w->sio->is_connected, "a good client was lost: %s", w->sio->eio->why);
        SIM_CHECK(w->heard == run->said && w->acked == w->up, "a good client missed something");
    }
}

/* Connections of the good ones: polling sessions are some too, and so are their requests. */
static void check_left(const struct attack_run *run)
{
    SIM_CHECK(SIM_COUNTER(&run->world, connections_eio) == GOOD, "%u sessions are left",
              (unsigned)SIM_COUNTER(&run->world, connections_eio) - GOOD);
    SIM_CHECK(SIM_COUNTER(&run->world, connections_sio) == GOOD, "sockets are left");
    SIM_CHECK(sim_connection_count(&run->world) <= GOOD * 4, "%u connections",
              sim_connection_count(&run->world));
}

/* --- attacks at random ------------------------------------------------------------------------*/

static const char *const packets[] = {
    "0",
    "0/nowhere,",
    "0/dyn-%u,{\"n\":9}",
    "0{\"n\":9}",
    "0{\"n\":9,\"pid\":\"AAAAAAAAAAAAAAAAAAAA\",\"offset\":\"1-0.abc\"}",
    "1",
    "1/dyn-%u,",
    "2[\"up\",%u]",
    "27[\"up\",%u]",
    "2/dyn-%u,[\"x\"]",
    "2[\"join\",\"r%u\"]",
    "2[\"leave\",\"r%u\"]",
    "2[\"bye\",0]",
    "2[\"call\"]",
    "2[\"bye\",1]",
    "3%u[1]",
    "399[]",
    "4{\"message\":\"no\"}",
    "51-[\"blob\",{\"_placeholder\":true,\"num\":0}]",
    "53-%u[\"blob\",{\"_placeholder\":true,\"num\":7}]",
    "5%u-[\"blob\"]",
    "61-%u[{\"_placeholder\":true,\"num\":0}]",
    "2[\"connect\"]",
    "2[[[[[[[[[[[[[[[[",
    "2[\"\\ud800\"]",
    "9",
    "",
};

static const char *const engine_packets[] = { "0", "1", "2", "2probe", "3",  "3probe",
                                              "5", "6", "7", "b",      "b!", "" };

struct attacker {
    struct sim_eio *eio;
    struct sim_client *raw;
};

/* No digit comes in: in auth it would be the number of a good client. */
static void mutate(struct sim_world *world, char *text)
{
    size_t size = strlen(text);
    for (uint64_t i = sim_below(world, 3); i > 0 && size > 0; i--) {
        char c = (char)(1 + sim_below(world, 127));
        text[sim_below(world, size)] = c >= '0' && c <= '9' ? ',' : c;
    }
}

static void say_something(struct sim_world *world, struct sim_eio *e)
{
    char text[256];
    switch (sim_below(world, 8)) {
    case 0:
        sim_eio_send_packet(e, engine_packets[sim_below(world, BELFRY_COUNT(engine_packets))]);
        break;
    case 1:
        sim_eio_send_binary(e, bytes_of("\x00\xff\x80rubbish", sim_below(world, 10)));
        break;
    default:
        snprintf(text, sizeof text, packets[sim_below(world, BELFRY_COUNT(packets))],
                 (unsigned)sim_below(world, 100));
        if (sim_chance(world, 20))
            mutate(world, text);
        sim_eio_send(e, bytes_of_text(text));
    }
}

static void come(struct attack_run *run, struct attacker *a)
{
    struct sim_eio_how how = { .mode = (enum sim_eio_mode)sim_below(&run->world, 3),
                               .worker = SIM_ANY_WORKER,
                               .is_mute = sim_chance(&run->world, 50),
                               .is_deaf = sim_chance(&run->world, 20) };
    sim_eio_free(a->eio);
    a->eio = sim_eio_new(&run->world, &how);
}

/* A request of a session, that is not what its client would ask. */
static void interfere(struct attack_run *run, struct attacker *a)
{
    static const char *const requests[] = {
        "GET /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /socket.io/?EIO=3&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n\r\n",
        "PUT /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n"
        "Content-Length: 4\r\n\r\n42[]",
        "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n"
        "Content-Length: 9999999\r\n\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\n42[\"u\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n"
        "Content-Length: 400\r\n\r\n4",
        "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: h\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x81\x00\x00\x00\x00"
        "5",
        "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: h\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: short\r\n\r\n",
        "GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: h\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x81\x00\x00\x00\x00"
        "5",
        "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n"
        "Origin: http://h\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    };
    struct buf text = { 0 };
    const char *request = requests[sim_below(&run->world, BELFRY_COUNT(requests))];
    const char *hole = strstr(request, "%s");
    struct sim_client_how how = {
        .worker = (unsigned)sim_below(&run->world, run->world.server->worker_count), .is_raw = true
    };
    sim_client_free(a->raw);
    a->raw = sim_client_new(&run->world, &how);
    if (hole != NULL) {
        buf_put(&text, request, (size_t)(hole - request));
        buf_put_text(&text, a->eio != NULL ? a->eio->sid : "");
        request = hole + 2;
    }
    /* A frame has zeros in it. */
    const char *frame = strstr(request, "\x81\x81");
    buf_put_text(&text, request);
    if (frame != NULL)
        buf_put(&text, "\0\0\0\0005", 5);
    sim_client_send_raw(a->raw, buf_bytes(&text));
    buf_deinit(&text);
}

static void press_on(struct attack_run *run, struct attacker *a)
{
    struct sim_world *world = &run->world;
    if (a->eio == NULL || a->eio->state == SIM_EIO_CLOSED) {
        come(run, a);
        return;
    }
    switch (sim_below(world, 20)) {
    case 0:
        sim_eio_probe(a->eio);
        break;
    case 1:
        sim_eio_drop_probe(a->eio);
        break;
    case 2:
        if (sim_chance(world, 50))
            sim_eio_reset(a->eio);
        else
            sim_eio_vanish(a->eio);
        break;
    case 3:
    case 4:
        interfere(run, a);
        break;
    case 5:
        if (a->eio->ws != NULL)
            sim_client_stall(a->eio->ws, sim_chance(world, 50));
        break;
    case 6:
        if (sim_eio_is_open(a->eio))
            say_something(world, a->eio);
        break;
    default:
        if (sim_eio_is_open(a->eio))
            sim_eio_send(a->eio, BELFRY_BYTES("0{\"n\":9}"));
        for (uint64_t i = sim_below(world, 6); i > 0 && sim_eio_is_open(a->eio); i--)
            say_something(world, a->eio);
    }
}

static void attack(struct attack_run *run)
{
    struct sim_world *world = &run->world;
    struct attacker attackers[ATTACKERS] = { 0 };
    for (unsigned turn = 0; turn < 500; turn++) {
        run->app.porter = (enum sim_porter)(turn / 20 % 3);
        if (turn % 3 == 0)
            sim_app_decide(&run->app, sim_chance(world, 60));
        press_on(run, &attackers[sim_below(world, ATTACKERS)]);
        if (turn % 10 == 0)
            chat(run);
        sim_steps(world, (unsigned)sim_below(world, 30));
        if (sim_chance(world, 5))
            sim_advance_ms(world, sim_below(world, 200));
    }
    for (unsigned i = 0; i < ATTACKERS; i++) {
        sim_eio_free(attackers[i].eio);
        sim_client_free(attackers[i].raw);
    }
    run->app.porter = SIM_ADMITS;
    sim_advance_ms(world, 200000); /* past every deadline; the good ones answer their pings */
    check_left(run);
    check_good(run);
}

static bool accept_dyn(const char *name, void *user)
{
    (void)user;
    return strncmp(name, "/dyn-", 5) == 0;
}

static void ignore(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    (void)msg;
    (void)user;
}

static void open_stage(struct attack_run *run, uint64_t seed, const belfry_options *options,
                       const struct sim_faults *faults)
{
    *run = (struct attack_run){ 0 };
    SIM_CHECK(sim_world_init(&run->world, seed, options, faults), "no server");
    struct sim_app_how how = { .strangers_from = GOOD, .has_porter = true };
    SIM_CHECK(sim_app_init(&run->app, &run->world, &how), "no application");
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    belfry_nsp *dyn = belfry_of_match(run->world.server, accept_dyn, NULL);
    SIM_CHECK(belfry_on(dyn, "x", ignore, NULL) == BELFRY_OK, "no namespaces");
    (void)sim_alloc_enter(before);
}

static void close_stage(struct attack_run *run)
{
    for (unsigned i = 0; i < GOOD; i++)
        sim_sio_free(run->good[i].sio);
    sim_world_deinit(&run->world);
}

static void play(uint64_t seed)
{
    struct attack_run run;
    struct random_seeded r;
    random_seed(&r, seed);
    belfry_options options = { .workers = 1 + (uint32_t)random_below(&r, 4),
                               .sock_data = SIM_APP_DATA,
                               .allow_eio3 = true,
                               .max_namespaces = 20,
                               .max_namespaces_per_connection = 8,
                               .max_payload_bytes = 4096,
                               .max_queue_bytes = 4096 << random_below(&r, 5),
                               .body_timeout_ms = 5000,
                               .keep_alive_timeout_ms = 20000,
                               .upgrade_timeout_ms = 2000,
                               .ping_interval_ms = 3000,
                               .history_ms = 1000 };
    struct sim_faults faults = { .short_io = (unsigned)random_below(&r, 80),
                                 .again = (unsigned)random_below(&r, 20),
                                 .pipe_bytes = 3000 };
    open_stage(&run, seed, &options, &faults);
    gather(&run);
    attack(&run); /* tables find their size */
    size_t before = sim_alloc_bytes();
    for (unsigned wave = 1; wave < WAVES; wave++) {
        attack(&run);
        SIM_CHECK(sim_alloc_bytes() <= before + SLACK_BYTES, "%zu bytes are left of an attack",
                  sim_alloc_bytes() - before);
    }
    close_stage(&run);
}

static void test_good_clients_do_not_notice_bad_ones(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play);
}

/* --- particular attacks -----------------------------------------------------------------------*/

static const struct sim_faults no_faults = { .pipe_bytes = 4096 };

static void open_quiet_stage(struct attack_run *run)
{
    belfry_options options = { .workers = 2,
                               .sock_data = SIM_APP_DATA,
                               .max_queue_bytes = QUEUE_BYTES,
                               .max_namespaces = 50,
                               .history_messages = BELFRY_OFF };
    sim_set_seed(1);
    open_stage(run, 1, &options, &no_faults);
}

static struct sim_sio *come_as(struct attack_run *run, enum sim_eio_mode mode)
{
    struct sim_sio_how how = { .mode = mode, .worker = SIM_ANY_WORKER, .number = GOOD };
    struct sim_sio *s = sim_sio_new(&run->world, &how);
    sim_settle(&run->world);
    assert_true(s->is_connected);
    return s;
}

/* A polling client that goes on with @packet, and never polls: what waits for it stays below
 * @limit. */
static void flood_unpolled(const char *packet, size_t limit)
{
    struct attack_run run;
    open_quiet_stage(&run);
    struct sim_sio *s = come_as(&run, SIM_EIO_POLLS);
    s->eio->how.is_deaf = true;
    sim_sio_say(s, "27[\"up\",1]"); /* the answer takes its last poll */
    sim_settle(&run.world);
    size_t before = sim_alloc_bytes();
    size_t most = 0;
    for (unsigned i = 0; i < 200 && sim_eio_is_open(s->eio); i++) {
        for (unsigned k = 0; k < 100; k++)
            sim_sio_say(s, packet);
        sim_eio_send_packet(s->eio, "3");
        sim_settle(&run.world);
        size_t now = sim_alloc_bytes();
        most = now > before ? BELFRY_MAX(most, now - before) : most;
    }
    if (most > limit)
        fail_msg("%s: %zu bytes wait for one who does not poll", packet, most);
    sim_sio_free(s);
    sim_advance_ms(&run.world, 120000);
    assert_int_equal(SIM_COUNTER(&run.world, connections_eio), 0);
    close_stage(&run);
}

static void test_what_waits_for_one_who_does_not_poll_is_bounded(void **state)
{
    (void)state;
    flood_unpolled("27[\"up\",1]", 3 * QUEUE_BYTES);
    flood_unpolled("0/nowhere,", 3 * QUEUE_BYTES);
    flood_unpolled("399[]", 3 * QUEUE_BYTES);
}

#define ASKED 12000

static void count_ack(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    uint64_t *count = user;
    (void)s;
    assert_int_equal(packet->id, *count + 1);
    ++*count;
}

enum afterwards { THEN_POLLS, THEN_IS_RESET, THEN_THE_SERVER_STOPS, THEN_IS_FREED };

/* The client's requests are held until it polls; or until whatever comes first. */
static void play_held(enum afterwards then)
{
    struct attack_run run;
    uint64_t count = 0;
    open_quiet_stage(&run);
    struct sim_sio *s = come_as(&run, SIM_EIO_POLLS);
    s->how.on_ack = count_ack;
    s->how.user = &count;
    s->eio->how.is_deaf = true;
    for (unsigned i = 1; i <= ASKED; i++)
        (void)sim_sio_ask(s, "up", "%u", i);
    sim_advance_ms(&run.world, 10000);
    assert_non_null(s->eio->post); /* which is not answered */
    assert_true(count < ASKED / 2);
    switch (then) {
    case THEN_POLLS:
        s->eio->how.is_deaf = false;
        sim_eio_send_packet(s->eio, "3");
        sim_settle(&run.world);
        assert_int_equal(count, ASKED);
        break;
    case THEN_IS_RESET:
        sim_sio_reset(s);
        sim_settle(&run.world);
        assert_int_equal(SIM_COUNTER(&run.world, connections_eio), 0);
        break;
    case THEN_THE_SERVER_STOPS:
        belfry_stop_soon(run.world.server);
        sim_settle(&run.world);
        assert_int_equal(SIM_COUNTER(&run.world, connections_eio), 0);
        break;
    case THEN_IS_FREED:
        break;
    }
    sim_sio_free(s);
    close_stage(&run);
}

static void test_requests_of_one_who_does_not_poll_are_held_until_it_does(void **state)
{
    (void)state;
    play_held(THEN_POLLS);
    play_held(THEN_IS_RESET);
    play_held(THEN_THE_SERVER_STOPS);
    play_held(THEN_IS_FREED);
}

/* The same over a WebSocket that is not read. */
static void flood_unread(const char *packet, size_t limit)
{
    struct attack_run run;
    open_quiet_stage(&run);
    struct sim_sio *s = come_as(&run, SIM_EIO_WEBSOCKET);
    sim_client_stall(s->eio->ws, true);
    size_t before = sim_alloc_bytes();
    size_t most = 0;
    for (unsigned i = 0; i < 20000 && sim_eio_is_open(s->eio); i++) {
        sim_sio_say(s, packet);
        sim_steps(&run.world, 4);
        size_t now = sim_alloc_bytes();
        most = now > before ? BELFRY_MAX(most, now - before) : most;
    }
    if (most > limit)
        fail_msg("%s: %zu bytes wait for one who does not read", packet, most);
    sim_sio_free(s);
    sim_advance_ms(&run.world, 120000);
    assert_int_equal(SIM_COUNTER(&run.world, connections_eio), 0);
    close_stage(&run);
}

static void test_what_waits_for_one_who_does_not_read_is_bounded(void **state)
{
    (void)state;
    flood_unread("27[\"up\",1]", 3 * QUEUE_BYTES);
    flood_unread("0/nowhere,", 3 * QUEUE_BYTES);
}

/* Sessions that nobody uses: gone after a while, with all they had. */
static void test_handshakes_that_nobody_uses_leave_nothing(void **state)
{
    struct attack_run run;
    (void)state;
    open_quiet_stage(&run);
    size_t before = 0;
    for (unsigned wave = 0; wave < 4; wave++) {
        for (unsigned i = 0; i < 500; i++) {
            struct sim_eio_how how = { .mode = i % 4 == 0 ? SIM_EIO_WEBSOCKET : SIM_EIO_POLLS,
                                       .worker = SIM_ANY_WORKER,
                                       .is_deaf = true };
            struct sim_eio *e = sim_eio_new(&run.world, &how);
            sim_settle(&run.world);
            assert_true(sim_eio_is_open(e));
            sim_eio_free(e);
        }
        assert_true(SIM_COUNTER(&run.world, connections_eio) >= 375);
        sim_advance_ms(&run.world, 45000);
        assert_int_equal(SIM_COUNTER(&run.world, connections_eio), 0);
        sim_advance_ms(&run.world, 70000); /* tables give memory back bit by bit */
        assert_int_equal(sim_connection_count(&run.world), 0);
        if (wave == 1)
            before = sim_alloc_bytes();
        if (wave > 1)
            assert_true(sim_alloc_bytes() <= before + 1024);
    }
    close_stage(&run);
}

/* Names that a pattern takes are made, up to the limit; the client's own limit comes first. */
static void test_namespaces_that_clients_wish_for_are_limited(void **state)
{
    struct attack_run run;
    char text[64];
    (void)state;
    open_quiet_stage(&run);
    for (unsigned client = 0; client < 3; client++) {
        struct sim_eio_how how = { .mode = SIM_EIO_WEBSOCKET, .worker = SIM_ANY_WORKER };
        struct sim_eio *e = sim_eio_new(&run.world, &how);
        sim_settle(&run.world);
        for (unsigned i = 0; i < 100; i++) {
            snprintf(text, sizeof text, "0/dyn-%u-%u,", client, i);
            sim_eio_send(e, bytes_of_text(text));
        }
        sim_settle(&run.world);
        assert_true(sim_eio_is_open(e));
        assert_true(SIM_COUNTER(&run.world, connections_sio) <= 64);
        sim_eio_free(e);
        sim_advance_ms(&run.world, 1000);
        assert_int_equal(SIM_COUNTER(&run.world, connections_sio), 0);
    }
    assert_int_equal(run.world.server->namespaces.count, 50);
    size_t before = sim_alloc_bytes();
    for (unsigned wave = 0; wave < 3; wave++) {
        struct sim_eio_how how = { .mode = SIM_EIO_WEBSOCKET, .worker = SIM_ANY_WORKER };
        struct sim_eio *e = sim_eio_new(&run.world, &how);
        sim_settle(&run.world);
        for (unsigned i = 0; i < 300; i++) {
            snprintf(text, sizeof text, "0/dyn-0-%u,", i % 100);
            sim_eio_send(e, bytes_of_text(text));
            snprintf(text, sizeof text, "1/dyn-0-%u,", i % 100);
            if (i % 100 < 40)
                sim_eio_send(e, bytes_of_text(text));
        }
        sim_settle(&run.world);
        sim_eio_free(e);
        sim_advance_ms(&run.world, 70000);
        assert_int_equal(SIM_COUNTER(&run.world, connections_sio), 0);
        assert_true(sim_alloc_bytes() <= before + SLACK_BYTES);
    }
    close_stage(&run);
}

/* Heads of binary packets whose attachments never come. */
static void begin_blobs(struct attack_run *run)
{
    struct sim_sio *clients[20];
    char big[3000];
    memset(big, 'x', sizeof big);
    size_t before = sim_alloc_bytes();
    for (unsigned i = 0; i < BELFRY_COUNT(clients); i++) {
        clients[i] = come_as(run, SIM_EIO_WEBSOCKET);
        sim_sio_say(clients[i], "510-[\"blob\"]");
        for (unsigned k = 0; k < 9; k++)
            sim_eio_send_binary(clients[i]->eio, bytes_of(big, sizeof big));
        sim_settle(&run->world);
        assert_true(clients[i]->is_connected);
    }
    assert_true(sim_alloc_bytes() - before >= BELFRY_COUNT(clients) * 9 * sizeof big);
    for (unsigned i = 0; i < BELFRY_COUNT(clients); i++) {
        sim_sio_say(clients[i], "2[\"up\",1]"); /* not what is due */
        sim_settle(&run->world);
        assert_false(clients[i]->is_connected);
        sim_sio_free(clients[i]);
    }
    sim_advance_ms(&run->world, 70000);
}

static void test_binary_packets_that_are_never_finished_leave_nothing(void **state)
{
    struct attack_run run;
    (void)state;
    open_quiet_stage(&run);
    begin_blobs(&run); /* tables find their size */
    size_t before = sim_alloc_bytes();
    begin_blobs(&run);
    assert_true(sim_alloc_bytes() <= before);
    close_stage(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_clients_do_not_notice_bad_ones),
        cmocka_unit_test(test_what_waits_for_one_who_does_not_poll_is_bounded),
        cmocka_unit_test(test_requests_of_one_who_does_not_poll_are_held_until_it_does),
        cmocka_unit_test(test_what_waits_for_one_who_does_not_read_is_bounded),
        cmocka_unit_test(test_handshakes_that_nobody_uses_leave_nothing),
        cmocka_unit_test(test_namespaces_that_clients_wish_for_are_limited),
        cmocka_unit_test(test_binary_packets_that_are_never_finished_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
