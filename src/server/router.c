/*
 * router.c - matching paths segment by segment.
 */
#include "server/router.h"

#include <stdio.h>

#include "base/alloc.h"
#include "server/server.h"

void router_init(struct router *router)
{
    router->first = NULL;
    router->last = &router->first;
}

static struct route *route_free(struct route *route)
{
    if (route == NULL)
        return NULL;
    mem_free(route->pattern);
    mem_free(route->subprotocol_text);
    mem_free(route->subprotocols);
    mem_free(route);
    return NULL;
}

void router_deinit(struct router *router)
{
    struct route *next;
    for (struct route *route = router->first; route != NULL; route = next) {
        next = route->next;
        route_free(route);
    }
    router->first = NULL;
}

struct route *router_add(struct router *router, enum route_kind kind, const char *pattern)
{
    if (pattern == NULL || pattern[0] != '/') {
        (void)server_why(BELFRY_ERR_INVALID, "a pattern starts with '/', unlike \"%s\"",
                         pattern == NULL ? "NULL" : pattern);
        return NULL;
    }
    struct route *route = mem_alloc_zeroed(sizeof *route);
    if (route != NULL)
        route->pattern = mem_dup_text(pattern);
    if (route == NULL || route->pattern == NULL) {
        (void)server_why(BELFRY_ERR_NOMEM, "out of memory for a route");
        return route_free(route);
    }
    route->kind = kind;
    *router->last = route;
    router->last = &route->next;
    return route;
}

static enum http_method method_of(belfry_bytes text)
{
#define METHOD_BY_NAME(name)           \
    if (bytes_equal_text(text, #name)) \
        return HTTP_##name;
    HTTP_METHODS(METHOD_BY_NAME)
#undef METHOD_BY_NAME
    return HTTP_OTHER;
}

void route_set_method(struct route *route, belfry_bytes method)
{
    BELFRY_ASSERT(method.size <= ROUTE_MAX_METHOD);
    memcpy(route->method_text, method.data, method.size);
    route->method_text[method.size] = '\0';
    route->method = method_of(method);
}

/* Cuts the next segment off; both begin with '/'. */
static belfry_bytes next_segment(belfry_bytes *rest)
{
    const char *start = (const char *)rest->data + 1;
    size_t left = rest->size - 1;
    const char *slash = memchr(start, '/', left);
    size_t size = slash != NULL ? (size_t)(slash - start) : left;
    *rest = bytes_of(start + size, left - size);
    return bytes_of(start, size);
}

/* Walks both; when @name is given, the segment at :name is put into @out_segment. */
static bool walk(const char *pattern, belfry_bytes path, const char *name,
                 belfry_bytes *out_segment)
{
    belfry_bytes want = bytes_of_text(pattern);
    bool has_found = false;
    while (want.size > 0) {
        belfry_bytes expected = next_segment(&want);
        if (bytes_equal_text(expected, "*") && want.size == 0)
            return path.size > 0 && (name == NULL || has_found);
        if (path.size == 0)
            return false;
        belfry_bytes segment = next_segment(&path);
        bool is_param = expected.size > 1 && *(const char *)expected.data == ':';
        if (is_param && name != NULL &&
            bytes_equal_text(bytes_of((const char *)expected.data + 1, expected.size - 1), name)) {
            *out_segment = segment;
            has_found = true;
        }
        if (is_param ? segment.size == 0 : !bytes_equal(expected, segment))
            return false;
    }
    return path.size == 0 && (name == NULL || has_found);
}

bool route_param(const struct route *route, belfry_bytes path, const char *name,
                 belfry_bytes *out_segment)
{
    return walk(route->pattern, path, name, out_segment);
}

static bool has_method(const struct route *route, const struct http_head *head)
{
    if (route->kind == ROUTE_WS)
        return true; /* the handshake says better what is wrong */
    if (route->method == HTTP_GET && head->method == HTTP_HEAD)
        return true;
    return bytes_equal_text(head->method_text, route->method_text);
}

static void add_allowed(struct route_match *match, const struct route *route)
{
    size_t used = strlen(match->allow);
    snprintf(match->allow + used, sizeof match->allow - used, "%s%s%s", used > 0 ? ", " : "",
             route->method_text, route->method == HTTP_GET ? ", HEAD" : "");
}

void router_match(const struct router *router, const struct http_head *head, unsigned kinds,
                  struct route_match *out)
{
    *out = (struct route_match){ 0 };
    if (head->path.size == 0 || *(const char *)head->path.data != '/')
        return;
    for (struct route *route = router->first; route != NULL; route = route->next) {
        if ((kinds & (1u << route->kind)) == 0 || !walk(route->pattern, head->path, NULL, NULL))
            continue;
        if (has_method(route, head)) {
            out->route = route;
            return;
        }
        out->has_path = true;
        add_allowed(out, route);
    }
}
