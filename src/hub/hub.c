/*
 * hub.c - the hub as a whole: how it begins and ends.
 */
#include "hub/hub.h"

#include "base/alloc.h"
#include "hub/nsp.h"

static void make_epoch(struct hub *hub, const struct random_source *random)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[HUB_EPOCH_SIZE];
    random_fill(random, bytes, sizeof bytes);
    for (size_t i = 0; i < HUB_EPOCH_SIZE; i++)
        hub->epoch[i] = letters[bytes[i] % 64];
    hub->epoch[HUB_EPOCH_SIZE] = '\0';
}

belfry_err hub_init(struct hub *hub, unsigned worker_count, const struct hub_limits *limits,
                    message_encode_fn *encode, const struct random_source *random)
{
    BELFRY_ASSERT(worker_count >= 1 && worker_count <= HUB_MAX_WORKERS);
    *hub = (struct hub){ .limits = *limits, .encode = encode, .worker_count = worker_count };
    hub->shards = mem_alloc_zeroed(worker_count * sizeof *hub->shards);
    if (hub->shards == NULL)
        return BELFRY_ERR_NOMEM;
    random_fill(random, &hub->hash_key, sizeof hub->hash_key);
    make_epoch(hub, random);
    for (unsigned w = 0; w < worker_count; w++)
        hub->shards[w] = (struct hub_shard){ .hub = hub, .index = w };
    nsp_init(&hub->root, hub);
    return BELFRY_OK;
}

void hub_deinit(struct hub *hub)
{
    if (hub->shards == NULL)
        return;
    for (unsigned w = 0; w < hub->worker_count; w++) {
        hub_drain(&hub->shards[w]);
        map_deinit(&hub->shards[w].rooms);
    }
    nsp_deinit(&hub->root);
    mem_free(hub->shards);
    hub->shards = NULL;
}
