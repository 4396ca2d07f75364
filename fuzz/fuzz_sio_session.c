/* A whole server and one hostile peer of Socket.IO: its bytes as HTTP (a '*' is the id of its
 * session), as the body of a POST, as frames of its WebSocket, and as messages there, one for each
 * line. Whatever it sends, a witness is heard and answered, and no session is left behind. */
#include <stddef.h>
#include <stdint.h>

#include "support/sim_sio.h"
#include "support/sim_sio_app.h"
#include "ws/opcode.h"

static void on_witness_ack(struct sim_sio *s, const struct sio_packet *packet, void *count)
{
    *(uint64_t *)count += s->is_connected && packet->has_id;
}

static void ignore(struct sim_client *c, bool is_binary, belfry_bytes message, void *user)
{
    (void)c;
    (void)is_binary;
    (void)message;
    (void)user;
}

static void leave(struct sim_client *peer)
{
    sim_settle(peer->world);
    sim_client_reset(peer);
    sim_client_free(peer);
}

static void send_http(struct sim_world *world, const struct sim_eio *e, belfry_bytes bytes)
{
    struct sim_client *peer = sim_client_new(world, &(struct sim_client_how){ .is_raw = true });
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t *byte = (const uint8_t *)bytes.data + i;
        sim_client_send_raw(peer, *byte == '*' ? bytes_of_text(e->sid) : bytes_of(byte, 1));
    }
    leave(peer);
}

static void send_as_client(struct sim_world *world, belfry_bytes bytes)
{
    struct sim_eio *e = sim_eio_new(world, &(struct sim_eio_how){ .mode = SIM_EIO_POLLS });
    sim_settle(world);
    send_http(world, e, bytes);
    if (sim_eio_is_open(e)) {
        sim_eio_send_packet(e, "40");
        sim_settle(world);
    }
    if (sim_eio_is_open(e) && bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) == NULL)
        sim_eio_send(e, bytes);
    sim_settle(world);
    sim_eio_free(e);
}

static struct sim_client *open_websocket(struct sim_world *world)
{
    struct sim_client_how how = { .worker = 1,
                                  .is_mute = true,
                                  .target = "/socket.io/?EIO=4&transport=websocket",
                                  .on_message = ignore };
    struct sim_client *peer = sim_client_new(world, &how);
    sim_settle(world);
    return peer;
}

static void send_frames(struct sim_world *world, belfry_bytes bytes)
{
    struct sim_client *peer = open_websocket(world);
    sim_client_send_raw(peer, bytes);
    leave(peer);
}

static void send_messages(struct sim_world *world, belfry_bytes bytes)
{
    struct sim_client *peer = open_websocket(world);
    const uint8_t *at = bytes.data;
    const uint8_t *end = at + bytes.size;
    while (at < end) {
        const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((line != NULL ? line : end) - at);
        unsigned opcode = size > 0 && at[0] >= 0x80 ? WS_BINARY : WS_TEXT;
        sim_client_send_frame(peer, opcode | WS_FIN, bytes_of(at, size));
        at += size + 1;
    }
    leave(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_world world;
    struct sim_app app;
    uint64_t answers = 0;
    struct sim_faults none = { 0 };
    belfry_options options = { .workers = 2, .sock_data = SIM_APP_DATA };
    struct sim_sio_how how = { .mode = SIM_EIO_WEBSOCKET,
                               .on_ack = on_witness_ack,
                               .user = &answers };
    BELFRY_ASSERT(sim_world_init(&world, 1, &options, &none));
    BELFRY_ASSERT(sim_app_init(&app, &world, &(struct sim_app_how){ .knows_nobody = true }));
    struct sim_sio *witness = sim_sio_new(&world, &how);
    sim_settle(&world);
    send_as_client(&world, bytes_of(data, size));
    send_frames(&world, bytes_of(data, size));
    send_messages(&world, bytes_of(data, size));
    (void)sim_sio_ask(witness, "up", "1");
    sim_advance_ms(&world, 80000);
    BELFRY_ASSERT(answers == 1 && SIM_COUNTER(&world, connections_eio) == 1);
    sim_sio_free(witness);
    sim_world_deinit(&world);
    return 0;
}
