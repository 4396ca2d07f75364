/*
 * sio_recovery.c - saved sockets in a table by private id, and a list by age.
 */
#include "server/sio_recovery.h"

#include "base/alloc.h"
#include "server/server.h"

#define DEFAULT_WINDOW_MS 120000

struct sio_recovery {
    struct belfry_nsp *nsp;
    pthread_mutex_t lock; /* guards all below */
    struct map by_pid;
    struct sio_saved *oldest;
    struct sio_saved *newest;
};

struct sio_recovery *sio_recovery_new(struct belfry_nsp *nsp)
{
    struct sio_recovery *recovery = mem_alloc_zeroed(sizeof *recovery);
    if (recovery == NULL)
        return NULL;
    recovery->nsp = nsp;
    pthread_mutex_init(&recovery->lock, NULL);
    return recovery;
}

static void unlink_saved(struct sio_recovery *recovery, struct sio_saved *saved)
{
    map_remove(&recovery->by_pid, &saved->by_pid);
    *(saved->older != NULL ? &saved->older->newer : &recovery->oldest) = saved->newer;
    *(saved->newer != NULL ? &saved->newer->older : &recovery->newest) = saved->older;
    saved->older = saved->newer = NULL;
}

void sio_saved_free(struct sio_saved *saved)
{
    mem_free(saved->data);
    mem_free(saved->user);
    mem_free(saved->shared);
    mem_free(saved);
}

void sio_saved_expire(struct belfry_nsp *nsp, struct sio_saved *saved)
{
    const belfry_recovery *how = &nsp->handlers->recovery;
    if (how->expired != NULL)
        how->expired(nsp, saved->id, saved->data, how->user);
    if (saved->data != NULL && nsp->handlers->free_data != NULL)
        nsp->handlers->free_data(saved->data);
    sio_saved_free(saved);
}

struct sio_recovery *sio_recovery_free(struct sio_recovery *recovery)
{
    if (recovery == NULL)
        return NULL;
    BELFRY_ASSERT(recovery->oldest == NULL);
    map_deinit(&recovery->by_pid);
    pthread_mutex_destroy(&recovery->lock);
    mem_free(recovery);
    return NULL;
}

/* --- saving -----------------------------------------------------------------------------------*/

static struct sio_saved *copy_rooms(const struct member *member)
{
    size_t size = 0;
    for (unsigned i = 0; i < member->membership_count; i++)
        size += membership_room_name(&member->memberships[i]).size;
    struct sio_saved *saved =
        mem_alloc_zeroed(sizeof *saved + member->membership_count * sizeof(belfry_bytes) + size);
    if (saved == NULL)
        return NULL;
    char *at = (char *)&saved->rooms[member->membership_count];
    saved->room_count = member->membership_count;
    for (unsigned i = 0; i < member->membership_count; i++) {
        belfry_bytes name = membership_room_name(&member->memberships[i]);
        memcpy(at, name.data, name.size);
        saved->rooms[i] = bytes_of(at, name.size);
        at += name.size;
    }
    return saved;
}

/* By the end of their windows; one that is put back belongs further to the front. */
static void link_saved(struct sio_recovery *recovery, struct sio_saved *saved)
{
    struct sio_saved *older = recovery->newest;
    while (older != NULL && older->expires_ms > saved->expires_ms)
        older = older->older;
    map_insert(&recovery->by_pid, &saved->by_pid);
    saved->older = older;
    saved->newer = older != NULL ? older->newer : recovery->oldest;
    *(saved->older != NULL ? &saved->older->newer : &recovery->oldest) = saved;
    *(saved->newer != NULL ? &saved->newer->older : &recovery->newest) = saved;
}

/* Above the bound the oldest one goes before its time. */
static struct sio_saved *make_room(struct sio_recovery *recovery)
{
    if (recovery->by_pid.count < recovery->nsp->server->options.max_recoverable)
        return NULL;
    struct sio_saved *oldest = recovery->oldest;
    unlink_saved(recovery, oldest);
    return oldest;
}

uint32_t sio_recovery_window_ms(const struct belfry_nsp *nsp)
{
    uint32_t wanted = nsp->handlers->recovery.max_disconnection_ms;
    return wanted != 0 ? wanted : DEFAULT_WINDOW_MS;
}

struct sio_saved *sio_recovery_prepare(struct sio_sock *sock)
{
    if (sock->sock.nsp->recovered == NULL || sock->sock.has_gap || sock->sock.is_too_slow)
        return NULL;
    struct sio_saved *saved = copy_rooms(&sock->sock.member);
    if (saved == NULL)
        return NULL;
    memcpy(saved->id, sock->sock.public_id, sizeof saved->id);
    memcpy(saved->pid, sock->pid, sizeof saved->pid);
    return saved;
}

void sio_recovery_keep(struct belfry_nsp *nsp, struct sio_saved *saved)
{
    struct sio_recovery *recovery = nsp->recovered;
    saved->by_pid.hash = map_hash(&nsp->server->hub.hash_key, bytes_of(saved->pid, PUBLIC_ID_SIZE));
    pthread_mutex_lock(&recovery->lock);
    struct sio_saved *crowded_out = make_room(recovery);
    link_saved(recovery, saved);
    pthread_mutex_unlock(&recovery->lock);
    if (crowded_out != NULL)
        sio_saved_expire(nsp, crowded_out);
}

void sio_recovery_save(struct sio_sock *sock, struct sio_saved *saved)
{
    belfry_nsp *nsp = sock->sock.nsp;
    saved->data = sock->data;
    saved->user = sock->sock.user;
    saved->shared = sock->sock.shared;
    sock->data = NULL;
    sock->sock.user = NULL;
    sock->sock.shared = NULL;
    saved->expires_ms = sock_worker(&sock->sock)->loop.now_ms + sio_recovery_window_ms(nsp);
    sio_recovery_keep(nsp, saved);
}

uint32_t sio_recovery_count(struct sio_recovery *recovery)
{
    pthread_mutex_lock(&recovery->lock);
    uint32_t count = (uint32_t)recovery->by_pid.count;
    pthread_mutex_unlock(&recovery->lock);
    return count;
}

/* --- taking -----------------------------------------------------------------------------------*/

static bool has_pid(const struct map_node *node, const void *context)
{
    const struct sio_saved *saved = BELFRY_CONTAINER_OF(node, struct sio_saved, by_pid);
    return bytes_equal(bytes_of(saved->pid, PUBLIC_ID_SIZE), *(const belfry_bytes *)context);
}

struct sio_saved *sio_recovery_take(struct belfry_nsp *nsp, belfry_bytes pid, uint64_t now_ms)
{
    struct sio_recovery *recovery = nsp->recovered;
    struct sio_saved *saved = NULL;
    if (recovery == NULL || pid.size != PUBLIC_ID_SIZE)
        return NULL;
    uint64_t hash = map_hash(&nsp->server->hub.hash_key, pid);
    pthread_mutex_lock(&recovery->lock);
    struct map_node *node = map_find(&recovery->by_pid, hash, has_pid, &pid);
    if (node != NULL) {
        saved = BELFRY_CONTAINER_OF(node, struct sio_saved, by_pid);
        unlink_saved(recovery, saved);
    }
    pthread_mutex_unlock(&recovery->lock);
    if (saved == NULL || saved->expires_ms > now_ms)
        return saved;
    sio_saved_expire(nsp, saved);
    return NULL;
}

static bool has_overdue(struct sio_recovery *recovery, uint64_t now_ms)
{
    pthread_mutex_lock(&recovery->lock);
    bool has = recovery->oldest != NULL && recovery->oldest->expires_ms <= now_ms;
    (void)map_tidy(&recovery->by_pid, 64);
    pthread_mutex_unlock(&recovery->lock);
    return has;
}

static struct sio_saved *take_overdue(struct sio_recovery *recovery, uint64_t now_ms)
{
    struct sio_saved *saved = NULL;
    pthread_mutex_lock(&recovery->lock);
    if (recovery->oldest != NULL && recovery->oldest->expires_ms <= now_ms) {
        saved = recovery->oldest;
        unlink_saved(recovery, saved);
    }
    pthread_mutex_unlock(&recovery->lock);
    return saved;
}

void sio_recovery_expire(struct belfry_nsp *nsp, uint64_t now_ms)
{
    struct sio_recovery *recovery = nsp->recovered;
    struct sio_saved *saved;
    if (recovery == NULL || !has_overdue(recovery, now_ms))
        return;
    nsp_acquire(nsp); /* the application is told by its name */
    while ((saved = take_overdue(recovery, now_ms)) != NULL)
        sio_saved_expire(nsp, saved);
    nsp_release(nsp);
}

/* --- ids that live elsewhere ------------------------------------------------------------------*/

struct moved_id {
    struct map_node by_id;
    unsigned worker;
    char id[PUBLIC_ID_SIZE];
};

struct moved_ids {
    pthread_rwlock_t lock; /* guards the map */
    struct map map;
    atomic_uint count; /* so that a server without any asks nobody */
};

struct moved_ids *moved_ids_new(void)
{
    struct moved_ids *moved = mem_alloc_zeroed(sizeof *moved);
    if (moved != NULL)
        pthread_rwlock_init(&moved->lock, NULL);
    return moved;
}

struct moved_ids *moved_ids_free(struct moved_ids *moved)
{
    if (moved == NULL)
        return NULL;
    BELFRY_ASSERT(moved->map.count == 0);
    map_deinit(&moved->map);
    pthread_rwlock_destroy(&moved->lock);
    mem_free(moved);
    return NULL;
}

static bool is_id(const struct map_node *node, const void *context)
{
    const struct moved_id *one = BELFRY_CONTAINER_OF(node, struct moved_id, by_id);
    return memcmp(one->id, context, PUBLIC_ID_SIZE) == 0;
}

belfry_err moved_ids_add(struct belfry *server, belfry_bytes id, unsigned worker)
{
    struct moved_ids *moved = server->moved;
    struct moved_id *one = mem_alloc(sizeof *one);
    if (one == NULL)
        return BELFRY_ERR_NOMEM;
    *one = (struct moved_id){ .by_id.hash = map_hash(&server->hub.hash_key, id), .worker = worker };
    memcpy(one->id, id.data, PUBLIC_ID_SIZE);
    pthread_rwlock_wrlock(&moved->lock);
    map_insert(&moved->map, &one->by_id);
    pthread_rwlock_unlock(&moved->lock);
    atomic_fetch_add(&moved->count, 1);
    return BELFRY_OK;
}

void moved_ids_remove(struct belfry *server, belfry_bytes id)
{
    struct moved_ids *moved = server->moved;
    pthread_rwlock_wrlock(&moved->lock);
    struct map_node *node =
        map_find(&moved->map, map_hash(&server->hub.hash_key, id), is_id, id.data);
    if (node != NULL)
        map_remove(&moved->map, node);
    pthread_rwlock_unlock(&moved->lock);
    if (node == NULL)
        return;
    atomic_fetch_sub(&moved->count, 1);
    mem_free(BELFRY_CONTAINER_OF(node, struct moved_id, by_id));
}

int moved_ids_find(const struct belfry *server, belfry_bytes id)
{
    struct moved_ids *moved = server->moved;
    if (id.size != PUBLIC_ID_SIZE || atomic_load(&moved->count) == 0)
        return -1;
    pthread_rwlock_rdlock(&moved->lock);
    struct map_node *node =
        map_find(&moved->map, map_hash(&server->hub.hash_key, id), is_id, id.data);
    int worker = node != NULL ? (int)BELFRY_CONTAINER_OF(node, struct moved_id, by_id)->worker : -1;
    pthread_rwlock_unlock(&moved->lock);
    return worker;
}
