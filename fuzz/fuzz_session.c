/* A whole server and one hostile connection, first as HTTP, then behind a good handshake: whoever
 * sends what, a witness in a room still hears what it says, and nothing is left behind. */
#include <stddef.h>
#include <stdint.h>

#include "support/sim_client.h"

static void witness_heard(struct sim_client *c, const struct sim_said *said, void *count)
{
    (void)c;
    if (bytes_equal_text(said->type, "ack"))
        ++*(unsigned *)count;
}

static void disturb(struct sim_world *world, bool is_raw, belfry_bytes bytes)
{
    struct sim_client_how how = { .is_raw = is_raw, .is_mute = true, .offers_deflate = true };
    struct sim_client *peer = sim_client_new(world, &how);
    sim_settle(world);
    sim_client_send_raw(peer, bytes);
    sim_settle(world);
    sim_client_reset(peer);
    sim_client_free(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_world world;
    unsigned heard = 0;
    struct sim_faults none = { 0 };
    BELFRY_ASSERT(sim_world_init(&world, size, &(belfry_options){ .workers = 1 }, &none));
    struct sim_client_how how = { .on_said = witness_heard, .user_data = &heard };
    struct sim_client *witness = sim_client_new(&world, &how);
    sim_client_say(witness, "{\"type\":\"join\",\"room\":\"lobby\"}");
    disturb(&world, true, bytes_of(data, size));
    disturb(&world, false, bytes_of(data, size));
    sim_client_say(witness, "{\"type\":\"message\",\"text\":\"still here\",\"ref\":1}");
    sim_settle(&world);
    BELFRY_ASSERT(heard == 1 && sim_connection_count(&world) == 1);
    sim_client_free(witness);
    sim_world_deinit(&world);
    return 0;
}
