/*
 * hub.c - the hub as a whole: how it begins and ends, its namespaces, its housekeeping.
 */
#include "hub/hub.h"

#include "base/alloc.h"
#include "hub/nsp.h"

#define TIDY_BUCKETS 256

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

static void list_nsp(struct hub_nsp *nsp)
{
    struct hub *hub = nsp->hub;
    pthread_mutex_lock(&hub->nsps_lock);
    nsp->next = hub->nsps;
    hub->nsps = nsp;
    pthread_mutex_unlock(&hub->nsps_lock);
}

belfry_err hub_init(struct hub *hub, unsigned worker_count, const struct hub_limits *limits,
                    message_encode_fn *encode, const struct random_source *random)
{
    BELFRY_ASSERT(worker_count >= 1 && worker_count <= HUB_MAX_WORKERS);
    *hub = (struct hub){ .limits = *limits, .encode = encode, .worker_count = worker_count };
    hub->log_age_ms = limits->history.max_age_ms;
    for (unsigned i = 0; i < limits->rule_count; i++)
        hub->log_age_ms = BELFRY_MAX(hub->log_age_ms, limits->rules[i].limits.max_age_ms);
    struct hub_shard *shards = mem_alloc_zeroed(worker_count * sizeof *shards);
    if (shards == NULL || nsp_init(&hub->root, hub) != BELFRY_OK) {
        mem_free(shards);
        return BELFRY_ERR_NOMEM;
    }
    random_fill(random, &hub->hash_key, sizeof hub->hash_key);
    make_epoch(hub, random);
    for (unsigned w = 0; w < worker_count; w++)
        shards[w] = (struct hub_shard){ .hub = hub, .index = w };
    hub->shards = shards;
    pthread_mutex_init(&hub->nsps_lock, NULL);
    list_nsp(&hub->root);
    return BELFRY_OK;
}

void hub_deinit(struct hub *hub)
{
    if (hub->shards == NULL)
        return;
    struct post *rest = NULL;
    for (struct delivery *d; (d = hub_outlet_take(hub, &rest)) != NULL;) {
        if (d->message == NULL) {
            d->run(d, NULL);
            continue;
        }
        hub_tell(hub, d->message, BELFRY_ERR_GONE);
        message_unref(d->message);
    }
    for (unsigned w = 0; w < hub->worker_count; w++)
        hub_drain(&hub->shards[w]);
    BELFRY_ASSERT(hub->nsps == &hub->root && hub->root.next == NULL);
    nsp_deinit(&hub->root);
    pthread_mutex_destroy(&hub->nsps_lock);
    mem_free(hub->shards);
    hub->shards = NULL;
}

struct hub_nsp *hub_nsp_new(struct hub *hub)
{
    struct hub_nsp *nsp = mem_alloc(sizeof *nsp);
    if (nsp == NULL || nsp_init(nsp, hub) != BELFRY_OK) {
        mem_free(nsp);
        return NULL;
    }
    list_nsp(nsp);
    return nsp;
}

struct hub_nsp *hub_nsp_free(struct hub_nsp *nsp)
{
    if (nsp == NULL)
        return NULL;
    struct hub *hub = nsp->hub;
    pthread_mutex_lock(&hub->nsps_lock);
    struct hub_nsp **link = &hub->nsps;
    while (*link != nsp)
        link = &(*link)->next;
    *link = nsp->next;
    pthread_mutex_unlock(&hub->nsps_lock);
    nsp_deinit(nsp);
    mem_free(nsp);
    return NULL;
}

void hub_keep_house(struct hub_shard *shard, uint64_t wall_ms)
{
    struct hub *hub = shard->hub;
    pthread_mutex_lock(&hub->nsps_lock);
    for (struct hub_nsp *nsp = hub->nsps; nsp != NULL; nsp = nsp->next) {
        (void)map_tidy(&nsp_part(nsp, shard)->rooms, TIDY_BUCKETS);
        if (shard->index == 0)
            hub_expire(nsp, wall_ms);
    }
    pthread_mutex_unlock(&hub->nsps_lock);
}
