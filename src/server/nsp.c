/*
 * nsp.c - the table of namespaces, and what is added to them before the start.
 */
#include "server/nsp.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "server/node.h"
#include "server/server.h"
#include "server/server_events.h"
#include "server/sio_recovery.h"

#define MAX_NAME 256

/* --- making -----------------------------------------------------------------------------------*/

static bool has_name(const struct map_node *node, const void *context)
{
    const struct belfry_nsp *nsp = BELFRY_CONTAINER_OF(node, struct belfry_nsp, by_name);
    return bytes_equal(nsp_name(nsp), *(const belfry_bytes *)context);
}

/* A comma ends a namespace on the wire (socketio.md 2). */
static bool is_valid_name(belfry_bytes name)
{
    return name.size > 0 && name.size <= MAX_NAME && ((const char *)name.data)[0] == '/' &&
           memchr(name.data, ',', name.size) == NULL &&
           memchr(name.data, '\0', name.size) == NULL && utf8_is_valid(name) &&
           !json_text_has_control(name);
}

static struct belfry_nsp *new_nsp(struct belfry *server, belfry_bytes name)
{
    struct belfry_nsp *nsp = mem_alloc_zeroed(sizeof *nsp);
    char *copy = mem_dup_bytes(name);
    if (nsp == NULL || copy == NULL) {
        mem_free(nsp);
        mem_free(copy);
        return NULL;
    }
    nsp->server = server;
    nsp->handlers = &nsp->own_handlers;
    nsp->name = copy;
    nsp->name_size = name.size;
    nsp->by_name.hash = map_hash(&server->hub.hash_key, name);
    return nsp;
}

static void link_nsp(struct nsp_registry *registry, struct belfry_nsp *nsp)
{
    map_insert(&registry->by_name, &nsp->by_name);
    *registry->last_next = nsp;
    registry->last_next = &nsp->next;
    registry->count++;
}

static struct belfry_nsp *find(struct belfry *server, belfry_bytes name)
{
    uint64_t hash = map_hash(&server->hub.hash_key, name);
    struct map_node *node = map_find(&server->namespaces.by_name, hash, has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct belfry_nsp, by_name) : NULL;
}

static void free_list(void *first, size_t next_offset)
{
    while (first != NULL) {
        void *next = *(void **)((char *)first + next_offset);
        mem_free(first);
        first = next;
    }
}

static void deinit_handlers(struct nsp_handlers *h)
{
    struct map_cursor cursor = { 0 };
    struct map_node *node;
    while ((node = map_next(&h->events, &cursor)) != NULL) {
        struct nsp_event *event = BELFRY_CONTAINER_OF(node, struct nsp_event, by_name);
        free_list(event->first, offsetof(struct nsp_handler, next));
        map_remove(&h->events, node);
        mem_free(event);
    }
    map_deinit(&h->events);
    free_list(h->any, offsetof(struct nsp_handler, next));
    for (int m = 0; m < NSP_MOMENT_COUNT; m++)
        free_list(h->moments[m], offsetof(struct nsp_handler, next));
    server_handlers_free(h);
    free_list(h->on_connect, offsetof(struct nsp_middleware, next));
    free_list(h->on_event, offsetof(struct nsp_middleware, next));
}

static void free_nsp(struct belfry_nsp *nsp)
{
    nsp->recovered = sio_recovery_free(nsp->recovered);
    if (nsp->hub != NULL && nsp->hub != &nsp->server->hub.root)
        hub_nsp_free(nsp->hub);
    if (nsp->pattern != NULL) {
        regfree(nsp->pattern);
        mem_free(nsp->pattern);
    }
    deinit_handlers(&nsp->own_handlers);
    mem_free(nsp->name);
    mem_free(nsp);
}

/* --- those that nobody is in ------------------------------------------------------------------*/

static void make_idle(struct nsp_registry *registry, struct belfry_nsp *nsp)
{
    nsp->is_idle = true;
    nsp->idle_next = NULL;
    nsp->idle_link = registry->last_idle;
    *registry->last_idle = nsp;
    registry->last_idle = &nsp->idle_next;
}

static void end_idleness(struct nsp_registry *registry, struct belfry_nsp *nsp)
{
    if (!nsp->is_idle)
        return;
    nsp->is_idle = false;
    *nsp->idle_link = nsp->idle_next;
    if (nsp->idle_next != NULL)
        nsp->idle_next->idle_link = nsp->idle_link;
    else
        registry->last_idle = nsp->idle_link;
}

static void use(struct nsp_registry *registry, struct belfry_nsp *nsp)
{
    nsp->users++;
    end_idleness(registry, nsp);
}

void nsp_acquire(struct belfry_nsp *nsp)
{
    struct nsp_registry *registry = &nsp->server->namespaces;
    pthread_mutex_lock(&registry->lock);
    use(registry, nsp);
    pthread_mutex_unlock(&registry->lock);
}

void nsp_release(struct belfry_nsp *nsp)
{
    struct nsp_registry *registry = &nsp->server->namespaces;
    pthread_mutex_lock(&registry->lock);
    BELFRY_ASSERT(nsp->users > 0);
    if (--nsp->users == 0 && nsp->parent != NULL && !nsp->is_pinned)
        make_idle(registry, nsp);
    pthread_mutex_unlock(&registry->lock);
}

/* One of @parent that nobody is in and nobody may come back to. Others that are met are asked last
 * the next time, so a search is short and none is passed over for ever. */
static struct belfry_nsp *find_idle(struct nsp_registry *registry, const struct belfry_nsp *parent)
{
    for (int i = 0; i < 64 && registry->first_idle != NULL; i++) {
        struct belfry_nsp *nsp = registry->first_idle;
        if (nsp->parent == parent &&
            (nsp->recovered == NULL || sio_recovery_count(nsp->recovered) == 0))
            return nsp;
        end_idleness(registry, nsp);
        make_idle(registry, nsp);
    }
    return NULL;
}

/* One that nobody is in and nobody may come back to, under @name; what it remembered is forgotten.
 * NULL: there is none. */
static struct belfry_nsp *rename_idle(struct belfry *server, belfry_bytes name,
                                      struct belfry_nsp *parent)
{
    struct nsp_registry *registry = &server->namespaces;
    struct belfry_nsp *nsp = find_idle(registry, parent);
    char *copy = nsp != NULL ? mem_dup_bytes(name) : NULL;
    if (copy == NULL)
        return NULL;
    end_idleness(registry, nsp);
    map_remove(&registry->by_name, &nsp->by_name);
    hub_forget(nsp->hub);
    node_remove_nsp(server, nsp_name(nsp));
    mem_free(nsp->name);
    nsp->name = copy;
    nsp->name_size = name.size;
    nsp->by_name.hash = map_hash(&server->hub.hash_key, name);
    map_insert(&registry->by_name, &nsp->by_name);
    node_add_nsp(nsp);
    return nsp;
}

/* @parent: of which a client's wish makes it, or NULL. The registry is the caller's. */
static struct belfry_nsp *make(struct belfry *server, belfry_bytes name, struct belfry_nsp *parent,
                               belfry_err *out_err)
{
    if (server->namespaces.count >= server->options.max_namespaces) {
        struct belfry_nsp *again = parent != NULL ? rename_idle(server, name, parent) : NULL;
        *out_err = again != NULL ? BELFRY_OK : BELFRY_ERR_LIMIT;
        return again;
    }
    *out_err = BELFRY_ERR_NOMEM;
    struct belfry_nsp *nsp = new_nsp(server, name);
    if (nsp == NULL)
        return NULL;
    nsp->hub = bytes_equal_text(name, "/") ? &server->hub.root : hub_nsp_new(&server->hub);
    nsp->parent = parent;
    if (parent != NULL)
        nsp->handlers = parent->handlers;
    if (nsp->hub != NULL && nsp->handlers->recovers)
        nsp->recovered = sio_recovery_new(nsp);
    if (nsp->hub == NULL || (nsp->handlers->recovers && nsp->recovered == NULL)) {
        free_nsp(nsp);
        return NULL;
    }
    nsp->hub->owner = nsp;
    *out_err = BELFRY_OK;
    link_nsp(&server->namespaces, nsp);
    node_add_nsp(nsp);
    return nsp;
}

belfry_err nsp_registry_init(struct belfry *server)
{
    struct nsp_registry *registry = &server->namespaces;
    belfry_err err;
    pthread_mutex_init(&registry->lock, NULL);
    registry->last_next = &registry->first;
    registry->last_parent = &registry->first_parent;
    registry->last_idle = &registry->first_idle;
    server->root = make(server, BELFRY_BYTES("/"), NULL, &err);
    return err;
}

void nsp_registry_deinit(struct belfry *server)
{
    struct nsp_registry *registry = &server->namespaces;
    if (registry->last_next == NULL)
        return; /* was never made */
    map_deinit(&registry->by_name);
    struct belfry_nsp *lists[] = { registry->first, registry->first_parent };
    for (size_t i = 0; i < BELFRY_COUNT(lists); i++) {
        struct belfry_nsp *next;
        for (struct belfry_nsp *nsp = lists[i]; nsp != NULL; nsp = next) {
            next = nsp->next;
            free_nsp(nsp);
        }
    }
    pthread_mutex_destroy(&registry->lock);
    *registry = (struct nsp_registry){ 0 };
}

/* --- finding ----------------------------------------------------------------------------------*/

static bool accepts(const struct belfry_nsp *parent, const char *name)
{
    return parent->pattern != NULL ? regexec(parent->pattern, name, 0, NULL, 0) == 0
                                   : parent->accepts(name, parent->accepts_user);
}

static struct belfry_nsp *find_parent(struct belfry *server, belfry_bytes name)
{
    char text[MAX_NAME + 1];
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    for (struct belfry_nsp *p = server->namespaces.first_parent; p != NULL; p = p->next) {
        if (accepts(p, text))
            return p;
    }
    return NULL;
}

enum finder { BY_CLIENT, BY_APPLICATION };

/* Under the lock: a client uses what it finds, and the application may keep it for ever. */
static void mark_found(struct belfry_nsp *nsp, enum finder finder)
{
    struct nsp_registry *registry = &nsp->server->namespaces;
    if (finder == BY_CLIENT) {
        use(registry, nsp);
        return;
    }
    nsp->is_pinned = true;
    end_idleness(registry, nsp);
}

/* The lock is not held while the application is asked: it may look up namespaces itself. */
static struct belfry_nsp *find_or_make(struct belfry *server, belfry_bytes name, enum finder finder,
                                       belfry_err *out_err)
{
    struct nsp_registry *registry = &server->namespaces;
    bool is_new = false;
    *out_err = BELFRY_OK;
    pthread_mutex_lock(&registry->lock);
    struct belfry_nsp *nsp = find(server, name);
    if (nsp != NULL)
        mark_found(nsp, finder);
    pthread_mutex_unlock(&registry->lock);
    if (nsp != NULL)
        return nsp;
    struct belfry_nsp *parent = find_parent(server, name);
    if (parent == NULL && finder == BY_CLIENT) {
        *out_err = BELFRY_ERR_NOT_FOUND;
        return NULL;
    }
    pthread_mutex_lock(&registry->lock);
    nsp = find(server, name);
    if (nsp == NULL) {
        nsp = make(server, name, parent, out_err);
        is_new = nsp != NULL;
    }
    bool is_news = is_new && finder == BY_CLIENT && registry->on_namespace != NULL;
    if (is_news)
        nsp->is_pinned = true; /* the application hears of it */
    if (nsp != NULL)
        mark_found(nsp, finder);
    pthread_mutex_unlock(&registry->lock);
    if (is_news)
        registry->on_namespace(nsp, registry->on_namespace_user);
    return nsp;
}

struct belfry_nsp *nsp_find_for_client(struct belfry *server, belfry_bytes name,
                                       belfry_err *out_err)
{
    *out_err = BELFRY_ERR_NOT_FOUND;
    return is_valid_name(name) ? find_or_make(server, name, BY_CLIENT, out_err) : NULL;
}

struct belfry_nsp *nsp_find_existing(struct belfry *server, belfry_bytes name)
{
    struct nsp_registry *registry = &server->namespaces;
    pthread_mutex_lock(&registry->lock);
    struct belfry_nsp *nsp = find(server, name);
    pthread_mutex_unlock(&registry->lock);
    return nsp;
}

static bool event_has_name(const struct map_node *node, const void *context)
{
    const struct nsp_event *event = BELFRY_CONTAINER_OF(node, struct nsp_event, by_name);
    return bytes_equal(bytes_of(event->name, event->name_size), *(const belfry_bytes *)context);
}

const struct nsp_event *nsp_find_event(const struct belfry_nsp *nsp, belfry_bytes name)
{
    const struct nsp_handlers *handlers = nsp->handlers;
    if (handlers->events.count <= NSP_FEW_EVENTS) {
        for (size_t i = 0; i < handlers->events.count; i++) {
            if (event_has_name(&handlers->few[i]->by_name, &name))
                return handlers->few[i];
        }
        return NULL;
    }
    uint64_t hash = map_hash(&nsp->server->hub.hash_key, name);
    struct map_node *node = map_find(&nsp->handlers->events, hash, event_has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct nsp_event, by_name) : NULL;
}

void nsp_each(struct belfry *server, void (*visit)(struct belfry_nsp *nsp, void *arg), void *arg)
{
    struct nsp_registry *registry = &server->namespaces;
    pthread_mutex_lock(&registry->lock);
    struct belfry_nsp *nsp = registry->first;
    pthread_mutex_unlock(&registry->lock);
    while (nsp != NULL) {
        visit(nsp, arg);
        pthread_mutex_lock(&registry->lock);
        nsp = nsp->next;
        pthread_mutex_unlock(&registry->lock);
    }
}

bool nsp_event_is_reserved(belfry_bytes name)
{
    static const belfry_bytes reserved[] = {
        { "connect", 7 },        { "connect_error", 13 }, { "disconnect", 10 },
        { "disconnecting", 13 }, { "newListener", 11 },   { "removeListener", 14 },
    };
    /* Asked for each event that is emitted: most are not even of one of these lengths. */
    for (size_t i = 0; i < BELFRY_COUNT(reserved); i++) {
        if (BELFRY_UNLIKELY(name.size == reserved[i].size) && bytes_equal(name, reserved[i]))
            return true;
    }
    return false;
}

/* --- the public API ---------------------------------------------------------------------------*/

static belfry_err check_new(const belfry_nsp *nsp)
{
    if (nsp == NULL)
        return BELFRY_ERR_STATE; /* belfry_new or belfry_of has said why */
    if (atomic_load(&nsp->server->state) != SERVER_NEW)
        return server_why(BELFRY_ERR_STATE, "handlers are added before the server starts");
    nsp->server->namespaces.has_handlers = true;
    return BELFRY_OK;
}

belfry_nsp *belfry_of(belfry *server, const char *name)
{
    char text[MAX_NAME + 2] = "/";
    if (server == NULL)
        return NULL;
    if (name == NULL) {
        (void)server_why(BELFRY_ERR_INVALID, "a namespace has a name");
        return NULL;
    }
    belfry_bytes given = bytes_of_text(name);
    bool has_slash = given.size > 0 && name[0] == '/';
    if (given.size > MAX_NAME) {
        (void)server_why(BELFRY_ERR_INVALID, "a namespace's name has at most %d bytes", MAX_NAME);
        return NULL;
    }
    memcpy(text + (has_slash ? 0 : 1), given.size > 0 ? given.data : "", given.size);
    belfry_bytes full = bytes_of(text, given.size + (has_slash ? 0 : 1));
    if (!is_valid_name(full)) {
        (void)server_why(BELFRY_ERR_INVALID, "not a namespace's name: 1 to %d bytes, no comma",
                         MAX_NAME);
        return NULL;
    }
    belfry_err err;
    belfry_nsp *nsp = find_or_make(server, full, BY_APPLICATION, &err);
    if (nsp == NULL)
        (void)server_why(err,
                         err == BELFRY_ERR_LIMIT ? "max_namespaces is reached" : "out of memory");
    return nsp;
}

static belfry_nsp *add_parent(belfry *server)
{
    struct nsp_registry *registry = &server->namespaces;
    if (atomic_load(&server->state) != SERVER_NEW) {
        (void)server_why(BELFRY_ERR_STATE, "patterns are added before the server starts");
        return NULL;
    }
    struct belfry_nsp *parent = new_nsp(server, bytes_of("", 0));
    if (parent == NULL) {
        (void)server_why(BELFRY_ERR_NOMEM, "out of memory");
        return NULL;
    }
    parent->ack_ids = (uint64_t)1 << 40; /* of its own: children count for themselves */
    *registry->last_parent = parent;
    registry->last_parent = &parent->next;
    registry->has_handlers = true;
    return parent;
}

static bool accept_none(const char *name, void *user)
{
    (void)name;
    (void)user;
    return false;
}

belfry_nsp *belfry_of_pattern(belfry *server, const char *pattern)
{
    regex_t compiled;
    if (server == NULL)
        return NULL;
    int code = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char why[128];
        (void)regerror(code, &compiled, why, sizeof why);
        (void)server_why(BELFRY_ERR_INVALID, "\"%s\" is not a regular expression: %s", pattern,
                         why);
        return NULL;
    }
    struct belfry_nsp *parent = add_parent(server);
    if (parent != NULL) {
        parent->accepts = accept_none;
        parent->pattern = mem_alloc(sizeof compiled);
    }
    if (parent == NULL || parent->pattern == NULL) {
        regfree(&compiled);
        return NULL;
    }
    *parent->pattern = compiled;
    return parent;
}

belfry_nsp *belfry_of_match(belfry *server, bool (*fn)(const char *name, void *user), void *user)
{
    struct belfry_nsp *parent = server != NULL ? add_parent(server) : NULL;
    if (parent != NULL) {
        parent->accepts = fn;
        parent->accepts_user = user;
    }
    return parent;
}

const char *belfry_nsp_name(const belfry_nsp *nsp)
{
    return nsp->name;
}

belfry_err belfry_on_namespace(belfry *server, void (*fn)(belfry_nsp *nsp, void *user), void *user)
{
    belfry_err err = check_new(server != NULL ? server->root : NULL);
    if (err == BELFRY_OK) {
        server->namespaces.on_namespace = fn;
        server->namespaces.on_namespace_user = user;
    }
    return err;
}

static belfry_err append_handler(struct nsp_handler **list, belfry_handler fn, void *user)
{
    if (fn == NULL)
        return server_why(BELFRY_ERR_INVALID, "the handler is missing");
    struct nsp_handler *handler = mem_alloc(sizeof *handler);
    if (handler == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory for a handler");
    *handler = (struct nsp_handler){ .fn = fn, .user = user };
    while (*list != NULL)
        list = &(*list)->next;
    *list = handler;
    return BELFRY_OK;
}

static belfry_err append_middleware(struct nsp_middleware **list, belfry_middleware fn, void *user)
{
    if (fn == NULL)
        return server_why(BELFRY_ERR_INVALID, "the middleware is missing");
    struct nsp_middleware *middleware = mem_alloc(sizeof *middleware);
    if (middleware == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory for a middleware");
    *middleware = (struct nsp_middleware){ .fn = fn, .user = user };
    while (*list != NULL)
        list = &(*list)->next;
    *list = middleware;
    return BELFRY_OK;
}

static struct nsp_event *get_event(belfry_nsp *nsp, belfry_bytes name)
{
    struct nsp_event *event = (struct nsp_event *)nsp_find_event(nsp, name);
    if (event != NULL)
        return event;
    event = mem_alloc_zeroed(sizeof *event + name.size + 1);
    if (event == NULL)
        return NULL;
    memcpy(event->name, name.data, name.size);
    event->name_size = name.size;
    event->by_name.hash = map_hash(&nsp->server->hub.hash_key, name);
    if (nsp->handlers->events.count < NSP_FEW_EVENTS)
        nsp->handlers->few[nsp->handlers->events.count] = event;
    map_insert(&nsp->handlers->events, &event->by_name);
    return event;
}

belfry_err belfry_on(belfry_nsp *nsp, const char *event, belfry_handler handler, void *user)
{
    static const struct {
        const char *name;
        enum nsp_moment moment;
    } moments[] = {
        { "connection", NSP_CONNECTION },
        { "connect", NSP_CONNECTION },
        { "disconnecting", NSP_DISCONNECTING },
        { "disconnect", NSP_DISCONNECT },
    };
    belfry_err err = check_new(nsp);
    if (err != BELFRY_OK)
        return err;
    belfry_bytes name = bytes_of_text(event);
    if (name.data == NULL || !utf8_is_valid(name) || handler == NULL)
        return server_why(BELFRY_ERR_INVALID, "an event has a name, in UTF-8, and a handler");
    for (size_t i = 0; i < BELFRY_COUNT(moments); i++) {
        if (bytes_equal_text(name, moments[i].name))
            return append_handler(&nsp->handlers->moments[moments[i].moment], handler, user);
    }
    if (nsp_event_is_reserved(name))
        return server_why(BELFRY_ERR_INVALID, "\"%s\" is a reserved event name", event);
    struct nsp_event *row = get_event(nsp, name);
    if (row == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory for a handler");
    return append_handler(&row->first, handler, user);
}

belfry_err belfry_on_any(belfry_nsp *nsp, belfry_handler handler, void *user)
{
    belfry_err err = check_new(nsp);
    return err != BELFRY_OK ? err : append_handler(&nsp->handlers->any, handler, user);
}

belfry_err belfry_use(belfry_nsp *nsp, belfry_middleware middleware, void *user)
{
    belfry_err err = check_new(nsp);
    return err != BELFRY_OK ? err : append_middleware(&nsp->handlers->on_connect, middleware, user);
}

belfry_err belfry_use_event(belfry_nsp *nsp, belfry_middleware middleware, void *user)
{
    belfry_err err = check_new(nsp);
    return err != BELFRY_OK ? err : append_middleware(&nsp->handlers->on_event, middleware, user);
}

belfry_err belfry_free_data(belfry_nsp *nsp, void (*free_data)(void *data))
{
    belfry_err err = check_new(nsp);
    if (err == BELFRY_OK)
        nsp->handlers->free_data = free_data;
    return err;
}

belfry_err belfry_recover(belfry_nsp *nsp, const belfry_recovery *how)
{
    belfry_err err = check_new(nsp);
    if (err != BELFRY_OK)
        return err;
    if (how != NULL)
        nsp->handlers->recovery = *how;
    nsp->handlers->recovers = true;
    for (struct belfry_nsp *n = nsp->server->namespaces.first; n != NULL; n = n->next) {
        if (n->handlers != nsp->handlers || n->recovered != NULL)
            continue; /* not it, and not a child that there is already */
        n->recovered = sio_recovery_new(n);
        if (n->recovered == NULL)
            return server_why(BELFRY_ERR_NOMEM, "out of memory");
    }
    return BELFRY_OK;
}

uint32_t belfry_nsp_members(belfry_nsp *nsp)
{
    return nsp->hub != NULL ? hub_nsp_member_count(nsp->hub) : 0;
}
