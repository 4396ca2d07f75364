/*
 * options.c - defaults, bounds and copies, all from the table in belfry/options.h.
 */
#include <sys/resource.h>

#include "base/alloc.h"
#include "engineio/handshake.h"
#include "http/field.h"
#include "http/origin.h"
#include "server/server.h"

/* Descriptors that are not connections: listeners, polling, logs, files being served. */
#define SPARE_DESCRIPTORS 64

static belfry_err copy_text(const char **out, const char *given, const char *default_value)
{
    *out = mem_dup_text(given != NULL ? given : default_value);
    return *out != NULL ? BELFRY_OK : server_why(BELFRY_ERR_NOMEM, "out of memory");
}

/* BELFRY_OFF stays as it is: whoever uses the value knows what off means for it. */
static belfry_err check_number(uint64_t *value, const char *name, uint64_t default_value,
                               uint64_t min, uint64_t max, bool may_be_off)
{
    if (*value == BELFRY_OFF && may_be_off)
        return BELFRY_OK;
    if (*value == 0)
        *value = default_value;
    else if (*value < min || *value > max)
        return server_why(BELFRY_ERR_CONFIG, "%s must be %llu to %llu, not %llu", name,
                          (unsigned long long)min, (unsigned long long)max,
                          (unsigned long long)*value);
    return BELFRY_OK;
}

static belfry_err check_origins(const char *origins)
{
    belfry_bytes rest = bytes_of_text(origins);
    belfry_bytes one;
    struct http_origin parsed;
    while (http_list_next(&rest, &one)) {
        if (!bytes_equal_text(one, "*") && !bytes_equal_text(one, "null") &&
            !http_origin_parse(one, &parsed))
            return server_why(BELFRY_ERR_CONFIG,
                              "origins: \"%.*s\" is not an origin: write https://example.com, with "
                              "neither path nor default port",
                              (int)one.size, (const char *)one.data);
    }
    return BELFRY_OK;
}

static uint32_t connections_by_limit(uint32_t workers)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1000;
    rlim_t usable = BELFRY_MIN(limit.rlim_cur, (rlim_t)10000000);
    rlim_t spare = SPARE_DESCRIPTORS + 4 * (rlim_t)workers;
    return (uint32_t)(usable > 2 * spare ? (usable - spare) / workers : usable / 2 / workers + 1);
}

/* What nobody serves would be served silently. */
static belfry_err check_transports(const char *transports)
{
    belfry_bytes rest = bytes_of_text(transports);
    belfry_bytes one;
    bool has_any = false;
    while (http_list_next(&rest, &one)) {
        if (!bytes_equal_text(one, "polling") && !bytes_equal_text(one, "websocket"))
            return server_why(BELFRY_ERR_CONFIG, "transports: \"%.*s\" is none: polling, websocket",
                              (int)one.size, (const char *)one.data);
        has_any = true;
    }
    return has_any ? BELFRY_OK
                   : server_why(BELFRY_ERR_CONFIG, "transports: one at least: polling, websocket");
}

static belfry_err check_cookie(const char *name)
{
    if (name[0] == '\0' || eio_cookie_is_valid(&(struct eio_cookie){ .name = name }))
        return BELFRY_OK;
    return server_why(BELFRY_ERR_CONFIG, "cookie: \"%s\" is no name for one: letters, digits, - _",
                      name);
}

static belfry_err check_together(belfry_options *o)
{
    bool has_cert = o->tls_cert[0] != '\0';
    bool has_key = o->tls_key[0] != '\0';
    if (has_cert != has_key)
        return server_why(BELFRY_ERR_CONFIG, "tls_cert and tls_key go together: %s is missing",
                          has_cert ? "tls_key" : "tls_cert");
    if (has_cert && o->tls_self_signed)
        return server_why(BELFRY_ERR_CONFIG, "tls_self_signed is for when there is no tls_cert");
    if (o->max_connections == 0)
        o->max_connections = connections_by_limit(o->workers);
    belfry_err err = check_transports(o->transports);
    if (err == BELFRY_OK)
        err = check_cookie(o->cookie);
    return err == BELFRY_OK ? check_origins(o->origins) : err;
}

belfry_err options_complete(belfry_options *out, const belfry_options *given)
{
    static const belfry_options none;
    belfry_err err = BELFRY_OK;
    uint64_t number;
    if (given == NULL)
        given = &none;
    *out = *given;
#define NULL_TEXT(name, default_value, help) out->name = NULL;
#define SKIP_2(name, help)
#define SKIP_6(name, default_value, min, max, may_be_off, help)
#define SKIP_CHOICE(name, choices, type, help)
    BELFRY_OPTIONS(NULL_TEXT, SKIP_2, SKIP_6, SKIP_6, SKIP_6, SKIP_CHOICE)
#define COMPLETE_TEXT(name, default_value, help) \
    if (err == BELFRY_OK)                        \
        err = copy_text(&out->name, given->name, default_value);
#define COMPLETE_NUMBER(name, default_value, min, max, may_be_off, help)         \
    number = out->name;                                                          \
    if (err == BELFRY_OK)                                                        \
        err = check_number(&number, #name, default_value, min, max, may_be_off); \
    out->name = (__typeof__(out->name))number;
    BELFRY_OPTIONS(COMPLETE_TEXT, SKIP_2, COMPLETE_NUMBER, COMPLETE_NUMBER, COMPLETE_NUMBER,
                   SKIP_CHOICE)
#undef NULL_TEXT
#undef SKIP_2
#undef SKIP_6
#undef SKIP_CHOICE
#undef COMPLETE_TEXT
#undef COMPLETE_NUMBER
    if (err == BELFRY_OK)
        err = check_together(out);
    if (err != BELFRY_OK)
        options_free_texts(out);
    return err;
}

void options_free_texts(belfry_options *options)
{
#define FREE_TEXT(name, default_value, help) \
    mem_free((void *)options->name);         \
    options->name = NULL;
#define SKIP_2(name, help)
#define SKIP_6(name, default_value, min, max, may_be_off, help)
#define SKIP_CHOICE(name, choices, type, help)
    BELFRY_OPTIONS(FREE_TEXT, SKIP_2, SKIP_6, SKIP_6, SKIP_6, SKIP_CHOICE)
#undef FREE_TEXT
#undef SKIP_2
#undef SKIP_6
#undef SKIP_CHOICE
}
