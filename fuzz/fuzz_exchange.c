/* A server of two workers whose requests are answered by either: whatever a peer sends, every
 * exchange is answered or lost, and connections and exchanges are gone when the peer is. */
#include <stddef.h>
#include <stdint.h>

#include "support/sim_answers.h"
#include "support/sim_client.h"

static void release_all(struct sim_answers *answers)
{
    sim_answers_release(answers, 0);
    sim_answers_release(answers, 1);
    sim_settle(answers->world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_world world;
    struct sim_answers answers;
    struct sim_faults none = { 0 };
    BELFRY_ASSERT(sim_world_init(&world, size, &(belfry_options){ .workers = 2 }, &none));
    BELFRY_ASSERT(sim_answers_init(&answers, &world));
    struct sim_client *c = sim_client_new(&world, &(struct sim_client_how){ .is_raw = true });
    size_t first = size > 0 ? data[0] * size / 256 : 0; /* two reads */
    sim_client_send_raw(c, bytes_of(data, first));
    sim_settle(&world);
    sim_client_send_raw(c, bytes_of(data + first, size - first));
    sim_settle(&world);
    release_all(&answers);
    sim_client_hang_up(c);
    sim_settle(&world);
    release_all(&answers); /* those that do not mind their loss */
    BELFRY_ASSERT(answers.live == 0 && sim_connection_count(&world) == 0);
    sim_client_free(c);
    sim_world_deinit(&world);
    return 0;
}
